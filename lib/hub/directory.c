/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hub's resource directory:
 *	POST /oic/rd?rt=oic.wk.rdpub {"di", "n"?, "ttl", "links"} -> {"di", "links": [{"href", "ins", ...}], ...}
 *	DELETE /oic/rd?di=&ins=   without "ins" all links
 */
#include <string.h>

#include "codec/cbor.h"
#include "codec/fields.h"
#include "hub/internal.h"

#if DPS_CONFIG_HUB

/* Decimal digits of 32 bits. */
#define DIGITS_MAX 10

/* All but the links: {"di", "n", "ttl": 0 (without end), "links": ...}. */
static void write_head(const struct dps_hub *hub, struct dps_cbor_writer *w)
{
	char id[DPS_UUID_TEXT_LEN + 1];

	dps_uuid_format(&hub->device_id, id);
	dps_cbor_write_map(w, hub->config.device_name != NULL ? 4 : 3);
	dps_cbor_write_text(w, "di");
	dps_cbor_write_text(w, id);
	if (hub->config.device_name != NULL) {
		dps_cbor_write_text(w, "n");
		dps_cbor_write_text(w, hub->config.device_name);
	}
	dps_cbor_write_text(w, "ttl");
	dps_cbor_write_uint(w, 0);
	dps_cbor_write_text(w, "links");
}

static dps_result write_publish(const struct dps_step_env *step, uint8_t *buf, size_t size, size_t *len)
{
	const struct dps_hub *hub = ((const struct dps_hub_env *)step)->hub;
	struct dps_cbor_writer w;
	size_t links = 0;
	dps_result result;

	dps_cbor_writer_init(&w, buf, size);
	write_head(hub, &w);
	if (dps_cbor_finish(&w, len) != DPS_OK)
		return DPS_E_BUFFER;
	result = hub->config.write_links(hub->config.resources, buf + *len, size - *len, &links);
	if (result != DPS_OK)
		return result;
	if (links > size - *len)
		return DPS_E_INTERNAL;
	*len += links;
	return DPS_OK;
}

static dps_result measure(const struct dps_hub *hub, size_t *len)
{
	struct dps_cbor_writer w;
	size_t links = 0;
	dps_result result;

	dps_cbor_writer_init(&w, NULL, 0);
	write_head(hub, &w);
	(void)!dps_cbor_finish(&w, len);
	result = hub->config.write_links(hub->config.resources, NULL, 0, &links);
	if (result != DPS_OK && result != DPS_E_BUFFER)
		return result;
	if (links == 0 || links > DPS_CONFIG_HUB_SEND_SIZE)
		return links == 0 ? DPS_E_NOT_FOUND : DPS_E_TOO_LARGE;
	*len += links;
	return DPS_OK;
}

static void write_unpublish_query(struct dps_hub *hub)
{
	char *at = hub->query;
	char digits[DIGITS_MAX];
	size_t count = 0;
	char id[DPS_UUID_TEXT_LEN + 1];
	uint32_t ins = (uint32_t)hub->unpublish_ins;

	_Static_assert(sizeof("di=&ins=") + DPS_UUID_TEXT_LEN + DIGITS_MAX <= DPS_HUB_QUERY_SIZE, "the query fits");
	dps_uuid_format(&hub->device_id, id);
	memcpy(at, "di=", 3);
	memcpy(at + 3, id, sizeof(id));
	if (hub->unpublish_ins < 0)
		return;
	at += 3 + DPS_UUID_TEXT_LEN;
	memcpy(at, "&ins=", 5);
	at += 5;
	do {
		digits[count++] = (char)('0' + ins % 10);
		ins /= 10;
	} while (ins > 0);
	while (count > 0)
		*at++ = digits[--count];
	*at = '\0';
}

dps_result dps_hub_build_directory(struct dps_hub *hub, enum dps_hub_op op, struct dps_request *request)
{
	if (op == DPS_HUB_OP_UNPUBLISH) {
		write_unpublish_query(hub);
		*request = (struct dps_request){.method = DPS_DELETE, .path = "/oic/rd", .query = hub->query};
		return DPS_OK;
	}
	*request = (struct dps_request){.method = DPS_POST, .path = "/oic/rd", .query = "rt=oic.wk.rdpub", .write_body = write_publish};
	if (hub->config.write_links == NULL)
		return DPS_E_NOT_FOUND;
	return measure(hub, &request->body_limit);
}

struct link {
	struct dps_span href;
	uint32_t ins;
};

static dps_result take_link(struct dps_hub *hub, struct dps_cbor *r)
{
	static const struct dps_field fields[] = {
		{"href", DPS_FIELD_TEXT, true, offsetof(struct link, href)},
		{"ins", DPS_FIELD_UINT, true, offsetof(struct link, ins)},
	};
	struct link link = {.ins = 0};
	dps_result result = dps_fields_read(r, fields, sizeof(fields) / sizeof(fields[0]), &link);

	if (result != DPS_OK)
		return result;
	hub->in_callback = true;
	hub->config.on_link(hub->config.resources, link.href, link.ins);
	hub->in_callback = false;
	return DPS_OK;
}

dps_result dps_hub_take_links(struct dps_hub *hub, struct dps_span payload)
{
	static const struct dps_field fields[] = {{"links", DPS_FIELD_ARRAY, true, 0}};
	struct dps_span links = {NULL, 0};
	struct dps_cbor r;
	bool more = false;
	dps_result result;

	if (hub->config.on_link == NULL)
		return DPS_OK;
	result = dps_fields_read_payload(payload.data, payload.len, fields, 1, &links);
	dps_cbor_init(&r, links.data, links.len);
	if (result == DPS_OK)
		result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more)
		result = take_link(hub, &r);
	return result;
}

#endif
