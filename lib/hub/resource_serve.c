/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests: judged one thing after another (path, method, permission, formats, query), then answered. docs/resources.md has the codes.
 */
#include "hub/resource.h"

#if DPS_CONFIG_HUB

#include <string.h>

enum { GET = 1, POST = 2 };

/* RFC 7641 section 2: values of Observe in a request. */
enum { REGISTER = 0, DEREGISTER = 1 };

enum { UNAUTHORIZED = 401, FORBIDDEN = 403, NOT_FOUND = 404, METHOD_NOT_ALLOWED = 405, NOT_ACCEPTABLE = 406, UNSUPPORTED_FORMAT = 415 };

/* A request on its way to an answer. */
struct request {
	struct dps_device *device;
	const struct dps_coap_inbound *inbound;
	struct dps_coap_reply *reply;
	size_t index;
	const struct dps_device_resource *resource;
	unsigned interface;
	struct dps_link_filter filter; /* of /oic/res */
	bool observes;                 /* asks for an observation of what can be observed */
};

static bool is_format(int32_t format)
{
	return format == DPS_COAP_FORMAT_OCF_CBOR || format == DPS_COAP_FORMAT_CBOR;
}

/* --- judging ------------------------------------------------------------------------------------------------------------------------------ */

/*
 * The interface of "if=", which may stand there once. /oic/res also takes one that it does not have as a filter: links of resources that have it.
 */
static bool take_interface(struct request *r, struct dps_span name)
{
	const unsigned interface = dps_interface_by_name(name);

	if (interface == 0 || r->interface != 0 || r->filter.interface != 0)
		return false;
	if ((r->resource->interfaces & interface) != 0) {
		r->interface = interface;
		return true;
	}
	r->filter.interface = interface;
	return r->index == DPS_DEVICE_RES;
}

/* What has no interface named: the default one; a POST takes the first that can be written. */
static unsigned unnamed(const struct request *r)
{
	const unsigned writes = r->resource->interfaces & DPS_IF_WRITES;
	const unsigned first = dps_interface_default(r->resource);

	if (r->inbound->method == GET || (first & writes) != 0)
		return first;
	return writes & (~writes + 1u);
}

static unsigned judge_query(struct request *r)
{
	struct dps_span queries = r->inbound->queries, query;

	while (dps_coap_next_query(&queries, &query)) {
		if (dps_query_take(&query, "if=")) {
			if (!take_interface(r, query))
				return DPS_CODE_BAD_REQUEST;
		} else if (dps_query_take(&query, "rt=")) {
			r->filter.by_type = r->index == DPS_DEVICE_RES;
		}
	}
	r->filter.queries = r->inbound->queries;
	if (r->interface == 0)
		r->interface = unnamed(r);
	return r->inbound->method == POST && (r->interface & DPS_IF_WRITES) == 0 ? METHOD_NOT_ALLOWED : 0;
}

static bool can_be_observed(const struct request *r)
{
	return (r->resource->policy & DPS_POLICY_OBSERVABLE) != 0;
}

/* To observe is to retrieve (OCF Security, oic.sec.crudntype): the service's lists give hubs no more of /oic/res. */
static unsigned judge_permission(const struct request *r)
{
	const unsigned permission = r->inbound->method == GET ? DPS_ACL_RETRIEVE : DPS_ACL_UPDATE;

	if (dps_device_allowed(r->device, r->index, permission))
		return 0;
	return r->device->subject.authenticated ? FORBIDDEN : UNAUTHORIZED;
}

/* 0: to be answered, else why not. */
static unsigned judge(struct request *r)
{
	const struct dps_coap_inbound *inbound = r->inbound;
	unsigned code;

	r->index = dps_device_find(r->device, inbound->path);
	if (r->index == r->device->count)
		return NOT_FOUND;
	r->resource = dps_device_at(r->device, r->index);
	if (inbound->method != GET && (inbound->method != POST || !dps_resource_is_writable(r->resource)))
		return METHOD_NOT_ALLOWED;
	r->observes = inbound->method == GET && inbound->observe == REGISTER && can_be_observed(r);
	code = judge_permission(r);
	if (code != 0)
		return code;
	if (inbound->accept != DPS_COAP_FORMAT_NONE && !is_format(inbound->accept))
		return NOT_ACCEPTABLE;
	code = judge_query(r);
	if (code != 0)
		return code;
	return inbound->method == POST && !is_format(inbound->content_format) ? UNSUPPORTED_FORMAT : 0;
}

/* --- answering ------------------------------------------------------------------------------------------------------------------------------- */

/* The batch, less what an incremental request knows already. */
static unsigned get_batch(struct request *r)
{
	const uint32_t faults = r->device->counters.faults;
	struct dps_device_set set;

	dps_batch_all(r->device, &set);
	for (size_t i = 0; i < r->device->count; i++)
		if (!dps_link_passes(dps_device_at(r->device, i), &r->filter))
			dps_set_put(&set, i, false);
	dps_etag_put_batch(r->device, &set, r->reply);
	if (!dps_set_is_empty(&set)) {
		dps_etag_take_known(r->device, r->inbound->etag, r->inbound->queries, &set);
		if (dps_set_is_empty(&set))
			return DPS_CODE_VALID;
	}
	(void)dps_batch_write(r->device, &set, true, r->reply->payload, r->reply->size, &r->reply->len);
	if (r->device->counters.faults != faults) /* the peer does not have all that the ETag stands for */
		r->reply->etag_len = 0;
	return DPS_CODE_CONTENT;
}

/* One resource. Its ETag is not compared when its values move by themselves. */
static unsigned get_resource(struct request *r)
{
	dps_result result;

	dps_etag_put(r->device, r->index, r->reply);
	if ((r->resource->policy & DPS_POLICY_VOLATILE) == 0 && dps_etag_is(r->device, r->index, r->inbound->etag))
		return DPS_CODE_VALID;
	result = dps_resource_represent(r->resource, r->interface, r->reply->payload, r->reply->size, &r->reply->len);
	if (result == DPS_OK || result == DPS_E_BUFFER)
		return DPS_CODE_CONTENT;
	r->device->counters.faults++;
	return DPS_CODE_INTERNAL;
}

static unsigned get(struct request *r)
{
	if (r->index != DPS_DEVICE_RES)
		return get_resource(r);
	if (r->interface == DPS_IF_B)
		return get_batch(r);
	dps_device_list(r->device, r->interface == DPS_IF_BASELINE, &r->filter, r->reply->payload, r->reply->size, &r->reply->len);
	return DPS_CODE_CONTENT;
}

/* What has been answered well is observed from here on. What is filtered is not: an observer keeps no query. */
static void observe(struct request *r)
{
	struct dps_device_observer *o = NULL;

	if (!r->filter.by_type && r->filter.interface == 0)
		o = dps_observer_slot(r->device, r->inbound->token);
	if (o == NULL)
		r->device->counters.observers_refused++;
	else
		dps_observer_begin(o, r->inbound->token, r->index, r->interface, r->reply);
}

/* The state after the change, for who may see it. The change is made: want of room for telling it makes no error of it. */
static unsigned post(struct request *r)
{
	bool changed;
	unsigned code = dps_resource_update(r->resource, r->interface, r->inbound->payload, &changed);
	dps_result result;

	if (changed)
		dps_device_mark(r->device, r->index);
	if (code != DPS_CODE_CHANGED || !dps_device_allowed(r->device, r->index, DPS_ACL_RETRIEVE))
		return code;
	result = dps_resource_represent(r->resource, r->interface, r->reply->payload, r->reply->size, &r->reply->len);
	if (result == DPS_OK)
		return code;
	if (result == DPS_E_BUFFER)
		r->device->counters.too_large++;
	else
		r->device->counters.faults++;
	r->reply->len = 0;
	return code;
}

void dps_device_serve(void *ctx, const struct dps_coap_inbound *inbound, struct dps_coap_reply *reply)
{
	struct request r = {.device = ctx, .inbound = inbound, .reply = reply};
	unsigned code;

	r.device->counters.requests++;
	code = judge(&r);
	if (code == FORBIDDEN || code == UNAUTHORIZED)
		r.device->counters.refused++;
	if (code == 0)
		code = inbound->method == GET ? get(&r) : post(&r);
	if (reply->len > reply->size) {
		r.device->counters.too_large++;
		code = DPS_CODE_INTERNAL;
	}
	reply->code = code;
	if (code >= 300) {
		reply->len = 0;
		reply->etag_len = 0;
	} else if (r.observes) {
		observe(&r);
	}
	/* RFC 7641 sections 3.6 and 4.2: neither who asks for it is an observer any longer, nor who registers again and is refused */
	if (inbound->method == GET && inbound->observe >= REGISTER && inbound->observe <= DEREGISTER && reply->observe < 0)
		dps_observer_end(r.device, inbound->token);
	if (r.device->config->on_request != NULL)
		r.device->config->on_request(r.device->config->user, inbound->method, inbound->path, code);
	if (reply->len > 0)
		reply->content_format = inbound->accept != DPS_COAP_FORMAT_NONE ? inbound->accept : DPS_COAP_FORMAT_OCF_CBOR;
}

#endif
