/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observers (RFC 7641): who is told what. An observer keeps which resources are due and never what of them, so that the latest state is sent as soon as
 * there is room, however often it changed meanwhile.
 */
#include "hub/resource.h"

#if DPS_CONFIG_HUB

#include <string.h>

/* Apart from 0 and 1, which mean something else in a request. */
#define FIRST_SEQUENCE 2

/* RFC 7641 section 3.4: numbers have 24 bits. */
#define SEQUENCE_MASK UINT32_C(0xffffff)

static struct dps_device_observer *find_observer(struct dps_device *d, struct dps_span token)
{
	for (size_t i = 0; i < DPS_CONFIG_OBSERVERS; i++) {
		struct dps_device_observer *o = &d->observers[i];

		if (o->active && o->token_len == token.len && (token.len == 0 || memcmp(o->token, token.data, token.len) == 0))
			return o;
	}
	return NULL;
}

struct dps_device_observer *dps_observer_slot(struct dps_device *d, struct dps_span token)
{
	struct dps_device_observer *o = find_observer(d, token);

	for (size_t i = 0; i < DPS_CONFIG_OBSERVERS && o == NULL; i++)
		if (!d->observers[i].active)
			o = &d->observers[i];
	return token.len <= sizeof(o->token) ? o : NULL;
}

/* RFC 7641 section 4.1: the same token again is the same observer; its numbers go on. */
void dps_observer_begin(struct dps_device_observer *o, struct dps_span token, size_t index, unsigned interface,
                        struct dps_coap_reply *reply)
{
	const uint32_t sequence = o->active ? o->sequence : FIRST_SEQUENCE;

	*o = (struct dps_device_observer){
		.sequence = sequence + 1,
		.token_len = (uint8_t)token.len,
		.entry = (uint8_t)index,
		.interface = (uint8_t)interface,
		.active = true,
	};
	if (token.len > 0)
		memcpy(o->token, token.data, token.len);
	reply->observe = (int32_t)(sequence & SEQUENCE_MASK);
}

static void forget(struct dps_device_observer *o)
{
	memset(o, 0, sizeof(*o));
}

void dps_observer_end(struct dps_device *d, struct dps_span token)
{
	struct dps_device_observer *o = find_observer(d, token);

	if (o != NULL)
		forget(o);
}

/* --- notifications -------------------------------------------------------------------------------------------------------------------- */

/* One notification: what it is to say, and once it is written, what is due then. */
struct notification {
	struct dps_device *device;
	const struct dps_device_observer *observer;
	struct dps_device_set rest;
	struct dps_device_set told; /* whose state is in it */
	bool silent;                /* there is nothing to say */
	bool last;                  /* it ends the observation */
	bool too_large;             /* did not fit at the last attempt: it ends the observation */
};

static void write_end(struct notification *n, unsigned code, struct dps_coap_reply *reply)
{
	reply->code = code;
	reply->len = 0;
	n->last = true;
}

static void write_batch(struct notification *n, struct dps_coap_reply *reply)
{
	struct dps_device *d = n->device;
	const uint32_t faults = d->counters.faults;
	struct dps_device_set allowed;

	dps_batch_all(d, &allowed);
	for (size_t i = 0; i < DPS_DEVICE_WORDS; i++)
		n->rest.word[i] &= allowed.word[i];
	n->told = n->rest;
	n->silent = dps_batch_write(d, &n->rest, false, reply->payload, reply->size, &reply->len) == 0;
	for (size_t i = 0; i < DPS_DEVICE_WORDS; i++)
		n->told.word[i] &= ~n->rest.word[i];
	if (n->silent) /* nothing of it may be told, or could be made */
		reply->code = 0;
	else if (dps_set_is_empty(&n->rest) && d->counters.faults == faults) /* else the peer lacks some of what the ETag stands for */
		dps_etag_put_batch(d, &allowed, reply);
}

static void write_resource(struct notification *n, struct dps_coap_reply *reply)
{
	static const struct dps_link_filter all = {.by_type = false};
	struct dps_device *d = n->device;
	const size_t index = n->observer->entry;
	dps_result result = DPS_OK;

	memset(&n->rest, 0, sizeof(n->rest));
	dps_set_put(&n->told, index, true);
	if (index == DPS_DEVICE_RES) {
		dps_device_list(d, n->observer->interface == DPS_IF_BASELINE, &all, reply->payload, reply->size, &reply->len);
		return;
	}
	result = dps_resource_represent(dps_device_at(d, index), n->observer->interface, reply->payload, reply->size, &reply->len);
	if (result == DPS_OK) {
		dps_etag_put(d, index, reply);
	} else if (result != DPS_E_BUFFER) {
		d->counters.faults++;
		write_end(n, DPS_CODE_INTERNAL, reply);
	}
}

static void write_notification(void *ctx, struct dps_coap_reply *reply)
{
	struct notification *n = ctx;
	const struct dps_device_observer *o = n->observer;

	n->rest = o->due;
	if (o->ending) {
		write_end(n, n->device->subject.authenticated ? 403 : 401, reply);
		return;
	}
	if (n->too_large) {
		write_end(n, DPS_CODE_INTERNAL, reply);
		return;
	}
	reply->content_format = DPS_COAP_FORMAT_OCF_CBOR;
	reply->observe = (int32_t)(o->sequence & SEQUENCE_MASK);
	if (o->entry == DPS_DEVICE_RES && o->interface == DPS_IF_B)
		write_batch(n, reply);
	else
		write_resource(n, reply);
}

/* Out of the batch with what has no room even alone: the others go on. */
static void drop_first(const struct dps_device *d, struct dps_device_observer *o)
{
	struct dps_device_set allowed;

	dps_batch_all(d, &allowed);
	for (size_t i = 0; i < d->count; i++) {
		if (!dps_set_has(&o->due, i))
			continue;
		dps_set_put(&o->due, i, false);
		if (dps_set_has(&allowed, i))
			break;
	}
}

static void end_observation(struct dps_device *d, struct dps_device_observer *o)
{
	d->counters.observers_ended++;
	forget(o);
}

/* What follows from a notification that was not sent for want of any room there could be. */
static dps_result too_large(struct dps_device *d, struct dps_device_observer *o, struct notification *n, struct dps_span token)
{
	dps_result result;

	d->counters.too_large++;
	if (o->entry == DPS_DEVICE_RES && o->interface == DPS_IF_B && !o->ending) {
		drop_first(d, o);
		return DPS_OK;
	}
	n->too_large = true;
	result = dps_coap_notify(d->coap, token, write_notification, n);
	if (result != DPS_OK && result != DPS_E_TOO_LARGE)
		return result;
	if (result == DPS_OK)
		d->counters.notifications++;
	end_observation(d, o); /* a peer that takes not even that is not told */
	return DPS_OK;
}

static void report(const struct dps_device *d, const struct notification *n)
{
	for (size_t i = 0; i < d->count && d->config->on_notified != NULL && !n->last; i++)
		if (dps_set_has(&n->told, i))
			d->config->on_notified(d->config->user, dps_device_at(d, i)->href);
}

/* Tells an observer once. */
static dps_result tell(struct dps_device *d, struct dps_device_observer *o)
{
	const struct dps_span token = {o->token, o->token_len};
	const struct dps_device_set due = o->due;
	struct notification n = {.device = d, .observer = o};
	dps_result result = dps_coap_notify(d->coap, token, write_notification, &n);

	if (result == DPS_E_TOO_LARGE)
		return too_large(d, o, &n, token);
	if (result != DPS_OK)
		return result;
	for (size_t i = 0; i < DPS_DEVICE_WORDS; i++) /* what a handler said is due meanwhile stays so */
		o->due.word[i] &= ~(due.word[i] & ~n.rest.word[i]);
	if (n.silent)
		return DPS_OK;
	d->counters.notifications++;
	o->sequence++;
	if (n.last)
		end_observation(d, o);
	report(d, &n);
	return DPS_OK;
}

static bool is_due(const struct dps_device_observer *o)
{
	return o->active && (o->ending || !dps_set_is_empty(&o->due));
}

dps_result dps_device_process(struct dps_device *d)
{
	if (d->coap == NULL)
		return DPS_E_STATE;
	for (size_t n = 0; n < DPS_CONFIG_OBSERVERS; n++) {
		const size_t place = (d->turn + n) % DPS_CONFIG_OBSERVERS;

		/* each turn takes a resource at least out of what is due */
		for (size_t turn = 0; turn < DPS_DEVICE_ENTRIES && is_due(&d->observers[place]); turn++) {
			dps_result result = tell(d, &d->observers[place]);

			if (result == DPS_AGAIN)
				d->turn = place;
			if (result != DPS_OK)
				return result;
		}
	}
	return DPS_OK;
}

#endif
