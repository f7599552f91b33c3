/* SPDX-License-Identifier: Apache-2.0 */
/* The library's own resources: /oic/res, /oic/d, /oic/p, /oc/con (device configuration) and /x.plgd.dev/time. */
#include "hub/resource.h"

#if DPS_CONFIG_HUB

#include <string.h>

#include "codec/fields.h"
#include "codec/text.h"

/* What of OCF is implemented, as /oic/d says it ("icv"), and the data model ("dmv") unless the application says another. */
#define OCF_VERSION        "ocf.2.0.5"
#define DEFAULT_DATA_MODEL "ocf.res.1.3.0"

#define SHOWN      ((unsigned)(DPS_POLICY_DISCOVERABLE | DPS_POLICY_OBSERVABLE | DPS_POLICY_CONFIGURATION))
#define TIME_LIMIT INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z: what RFC 3339 can say */

static dps_result get_p(void *ctx, enum dps_interface interface, uint8_t *buf, size_t size, size_t *len);
static dps_result get_time(void *ctx, enum dps_interface interface, uint8_t *buf, size_t size, size_t *len);
static unsigned post_time(void *ctx, enum dps_interface interface, struct dps_span payload);

/* The most that get_time makes: both times, the longest status, and what baseline adds. */
#define TIME_MAX 192

static const struct dps_device_resource res_template = {
	.href = "/oic/res",
	.types = {"oic.wk.res"},
	.interfaces = DPS_IF_LL | DPS_IF_B | DPS_IF_BASELINE,
	.policy = SHOWN,
};

static const struct dps_device_resource platform_template = {
	.href = "/oic/p",
	.types = {"oic.wk.p"},
	.interfaces = DPS_IF_R | DPS_IF_BASELINE,
	.policy = SHOWN | DPS_POLICY_PUBLISHED,
	.get = get_p,
};

static const struct dps_device_resource clock_of_device = {
	.href = DPS_TIME_HREF,
	.types = {"x.plgd.dev.time"},
	.interfaces = DPS_IF_RW | DPS_IF_BASELINE,
	.policy = SHOWN | DPS_POLICY_VOLATILE,
	.get = get_time,
	.post = post_time,
	.get_max = TIME_MAX,
};

/* Of a device that cannot be told when it was synchronised. */
static const struct dps_device_resource clock_that_shows = {
	.href = DPS_TIME_HREF,
	.types = {"x.plgd.dev.time"},
	.interfaces = DPS_IF_R | DPS_IF_BASELINE,
	.policy = SHOWN | DPS_POLICY_VOLATILE,
	.get = get_time,
	.get_max = TIME_MAX,
};

static const struct dps_device_resource *clock_of(const struct dps_device *d)
{
	return d->config->set_synced != NULL ? &clock_of_device : &clock_that_shows;
}

static void write_pair(struct dps_cbor_writer *w, const char *key, const char *text)
{
	dps_cbor_write_text(w, key);
	dps_cbor_write_text(w, text);
}

/* A UUID, or the device id for the nil one. */
static void write_id(struct dps_cbor_writer *w, const char *key, const struct dps_uuid *id, const struct dps_uuid *device)
{
	char text[DPS_UUID_TEXT_LEN + 1];

	dps_uuid_format(dps_uuid_is_nil(id) ? device : id, text);
	write_pair(w, key, text);
}

/* Begins a representation: `pairs` are its own. */
static void begin_map(struct dps_cbor_writer *w, const struct dps_device_resource *r, enum dps_interface interface, size_t pairs)
{
	const bool baseline = interface == DPS_IF_BASELINE;

	dps_cbor_write_map(w, pairs + (baseline ? 2 : 0));
	if (baseline)
		dps_device_write_common(w, r);
}

static dps_result get_d(void *ctx, enum dps_interface interface, uint8_t *buf, size_t size, size_t *len)
{
	const struct dps_device *d = ctx;
	const struct dps_device_config *config = d->config;
	struct dps_cbor_writer w;
	dps_result result;

	dps_cbor_writer_init(&w, buf, size);
	begin_map(&w, dps_device_at(d, DPS_DEVICE_D), interface, 5);
	result = dps_properties_write(&w, &d->name, 1, size == 0);
	write_id(&w, "di", &config->id, &config->id);
	write_id(&w, "piid", &config->permanent, &config->id);
	write_pair(&w, "icv", OCF_VERSION);
	write_pair(&w, "dmv", config->data_model != NULL ? config->data_model : DEFAULT_DATA_MODEL);
	return result == DPS_OK ? dps_cbor_finish(&w, len) : result;
}

static dps_result get_p(void *ctx, enum dps_interface interface, uint8_t *buf, size_t size, size_t *len)
{
	const struct dps_device *d = ctx;
	struct dps_cbor_writer w;

	dps_cbor_writer_init(&w, buf, size);
	begin_map(&w, &platform_template, interface, 2);
	write_id(&w, "pi", &d->config->platform, &d->config->id);
	write_pair(&w, "mnmn", d->config->manufacturer);
	return dps_cbor_finish(&w, len);
}

/* The name stands in /oic/d, too. */
static void name_changed(void *ctx)
{
	struct dps_device *d = ctx;

	dps_device_mark(d, DPS_DEVICE_D);
	if (d->config->on_name != NULL)
		d->config->on_name(d->config->user);
}

/* "" for none. */
static void write_time(struct dps_cbor_writer *w, const char *key, int64_t unix_ms)
{
	char text[DPS_RFC3339_SIZE] = "";

	if (unix_ms > 0 && unix_ms <= TIME_LIMIT)
		dps_rfc3339_format(unix_ms, text);
	write_pair(w, key, text);
}

/* Who is not authenticated sees the time alone. */
static dps_result get_time(void *ctx, enum dps_interface interface, uint8_t *buf, size_t size, size_t *len)
{
	static const char *const statuses[] = {"", "syncing", "in-sync", "in-sync-from-storage"};
	const struct dps_device *d = ctx;
	struct dps_device_time now = {.now = 0};
	struct dps_cbor_writer w;
	bool status;

	d->config->clock(d->config->user, &now);
	status = now.status > DPS_TIME_UNKNOWN && now.status <= DPS_TIME_FROM_STORAGE && d->subject.authenticated;
	dps_cbor_writer_init(&w, buf, size);
	begin_map(&w, clock_of(d), interface, 1u + d->subject.authenticated + status);
	write_time(&w, "time", now.now);
	if (status)
		write_pair(&w, "status", statuses[now.status]);
	if (d->subject.authenticated)
		write_time(&w, "lastSyncedTime", now.last_synced);
	return dps_cbor_finish(&w, len);
}

/* "lastSyncedTime" and nothing else can be set; "" is none. */
static unsigned post_time(void *ctx, enum dps_interface interface, struct dps_span payload)
{
	static const struct dps_field fields[] = {{"lastSyncedTime", DPS_FIELD_TEXT, true, 0}};
	const struct dps_device *d = ctx;
	struct dps_span text;
	int64_t unix_ms = 0;

	(void)interface;
	if (dps_fields_read_payload(payload.data, payload.len, fields, 1, &text) != DPS_OK)
		return DPS_CODE_BAD_REQUEST;
	if (text.len > 0 && dps_rfc3339_parse(text, &unix_ms) != DPS_OK)
		return DPS_CODE_BAD_REQUEST;
	return d->config->set_synced(d->config->user, unix_ms) ? DPS_CODE_CHANGED : DPS_CODE_INTERNAL;
}

static void add_one(struct dps_device *d, const struct dps_device_resource *resource)
{
	d->own[d->count] = *resource;
	d->own[d->count].ctx = d;
	d->entries[d->count].resource = &d->own[d->count];
	d->own_count = ++d->count;
	dps_device_mark(d, d->count - 1);
}

/* How much a handler of this file makes at most: without room it writes names as long as they may become. */
static void measure_own(struct dps_device_resource *r)
{
	(void)r->get(r->ctx, DPS_IF_BASELINE, NULL, 0, &r->get_max);
}

void dps_device_add_own(struct dps_device *d)
{
	const struct dps_device_resource device = {
		.href = "/oic/d",
		.types = {"oic.wk.d", d->config->type},
		.interfaces = DPS_IF_R | DPS_IF_BASELINE,
		.policy = SHOWN | DPS_POLICY_PUBLISHED,
		.get = get_d,
	};
	const struct dps_device_resource con = {
		.href = DPS_CON_HREF,
		.types = {"oic.wk.con"},
		.interfaces = DPS_IF_RW | DPS_IF_BASELINE,
		.policy = SHOWN | DPS_POLICY_PUBLISHED,
		.properties = &d->name,
		.property_count = 1,
		.on_change = name_changed,
	};
	const size_t name_size = d->config->name_size > 0 ? d->config->name_size : strlen(d->config->name) + 1;

	d->name = (struct dps_property){.name = "n",
	                                .kind = DPS_PROPERTY_TEXT,
	                                .writable = d->config->name_size > 0,
	                                .value = {.text = d->config->name},
	                                .size = name_size};
	add_one(d, &res_template);
	add_one(d, &device);
	measure_own(&d->own[DPS_DEVICE_D]);
	add_one(d, &platform_template);
	measure_own(&d->own[d->count - 1]);
	if (d->name.writable)
		add_one(d, &con);
	if (d->config->clock != NULL)
		add_one(d, clock_of(d));
}

#endif
