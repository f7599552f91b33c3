/* SPDX-License-Identifier: Apache-2.0 */
/* The plgd service as a whole: its table of steps, how it wants CoAP spoken, and what it is answered when it asks the device. */
#include "dps/plgd.h"

#include <string.h>

#include "coap/coap.h"
#include "plgd/steps.h"

/* Largest message the service takes (its maxMessageSize); its CSM says nothing, which would mean 1,152 (RFC 8323 5.3.1). */
#define SERVICE_MESSAGE_SIZE UINT32_C(262144)

/* In the order of asking: an error answer ends the connection, so those come first whose loss would cost most, and last the one that is often refused. */
static const struct dps_step *const steps[] = {
	&dps_plgd_step_time,      &dps_plgd_step_owner, &dps_plgd_step_cloud, &dps_plgd_step_acls, &dps_plgd_step_credentials,
#if DPS_CONFIG_RESOURCES
	&dps_plgd_step_resources,
#endif
};

/* What /oic/res is answered: one link, /oic/d, with the end points (OCF Core 10.2, oic.if.ll). */
static void write_links(const struct dps_plgd *plgd, struct dps_cbor_writer *w)
{
	char di[DPS_UUID_TEXT_LEN + 1];

	dps_uuid_format(&plgd->device_id, di);
	dps_cbor_write_array(w, 1);
	dps_cbor_write_map(w, 6);
	dps_cbor_write_text(w, "di");
	dps_cbor_write_text(w, di);
	dps_cbor_write_text(w, "href");
	dps_cbor_write_text(w, "/oic/d");
	dps_cbor_write_text(w, "rt");
	dps_cbor_write_array(w, 1);
	dps_cbor_write_text(w, "oic.wk.d");
	dps_cbor_write_text(w, "if");
	dps_cbor_write_array(w, 2);
	dps_cbor_write_text(w, "oic.if.r");
	dps_cbor_write_text(w, "oic.if.baseline");
	dps_cbor_write_text(w, "p");
	dps_cbor_write_map(w, 1);
	dps_cbor_write_text(w, "bm");
	dps_cbor_write_uint(w, 3); /* discoverable, observable */
	dps_cbor_write_text(w, "eps");
	dps_cbor_write_array(w, plgd->local_endpoint_count);
	for (size_t i = 0; i < plgd->local_endpoint_count; i++) {
		dps_cbor_write_map(w, 1);
		dps_cbor_write_text(w, "ep");
		dps_cbor_write_text(w, plgd->local_endpoints[i]);
	}
}

/* The service asks GET /oic/res before it answers the first request of a connection. Whatever it is answered, it goes on. */
static void serve(void *ctx, const struct dps_coap_inbound *request, struct dps_coap_reply *reply)
{
	const struct dps_plgd *plgd = ctx;
	struct dps_cbor_writer w;

	if (request->method != 1 || !dps_span_is(request->path, "/oic/res") || plgd->local_endpoint_count == 0)
		return;
	dps_cbor_writer_init(&w, reply->payload, reply->size);
	write_links(plgd, &w);
	if (dps_cbor_finish(&w, &reply->len) != DPS_OK) {
		reply->len = 0; /* no room for the list: "none" is as good */
		return;
	}
	reply->code = 205;
	reply->content_format = DPS_COAP_FORMAT_OCF_CBOR;
}

/* The transport is CoAP's own but for this: the device's id is remembered, to be shown with the end points. */
static void attach(void *self, const struct dps_transport_env *env)
{
	struct dps_plgd *plgd = self;

	dps_coap_transport.attach(&plgd->coap, env);
}

static dps_result send(void *self, unsigned handle, const struct dps_request *request, const struct dps_step_env *env)
{
	struct dps_plgd *plgd = self;

	plgd->device_id = env->device_id;
	return dps_coap_transport.send(&plgd->coap, handle, request, env);
}

static void forget(void *self, unsigned handle)
{
	struct dps_plgd *plgd = self;

	dps_coap_transport.forget(&plgd->coap, handle);
}

static dps_result poll(void *self, struct dps_answer *answer, bool *busy)
{
	struct dps_plgd *plgd = self;

	return dps_coap_transport.poll(&plgd->coap, answer, busy);
}

static void detach(void *self)
{
	struct dps_plgd *plgd = self;

	dps_coap_transport.detach(&plgd->coap);
}

static const struct dps_transport_ops transport = {
	.attach = attach,
	.send = send,
	.forget = forget,
	.poll = poll,
	.detach = detach,
};

const struct dps_service *dps_plgd_init(struct dps_plgd *plgd, const char *const *local_endpoints, size_t count)
{
	const struct dps_coap_options options = {
		.accept = DPS_COAP_FORMAT_OCF_CBOR,
		.content_format = DPS_COAP_FORMAT_OCF_CBOR,
		.ocf_version = true,
		.assumed_size = SERVICE_MESSAGE_SIZE,
		.serve = serve,
		.serve_ctx = plgd,
	};

	memset(plgd, 0, sizeof(*plgd));
	plgd->local_endpoints = local_endpoints;
	plgd->local_endpoint_count = count;
	plgd->service = (struct dps_service){
		.name = "plgd",
		.steps = steps,
		.step_count = sizeof(steps) / sizeof(steps[0]),
		.transport = &transport,
		.self = plgd,
		.lead_request = true,
		.error_closes = true,
	};
	return dps_coap_init(&plgd->coap, &options) == DPS_OK ? &plgd->service : NULL;
}
