/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to CBOR and back. Keys are small numbers; unknown ones are skipped, so that a record may grow within a format version. What is read back
 * is judged as if it came from the network: records.h promises its readers sizes and types.
 */
#include "store/record.h"

#include <string.h>

#include "store/acl.h"

enum { OWNER_ID = 1 };
enum { CLOUD_PROVIDER = 1, CLOUD_GATEWAY, CLOUD_TOKEN, CLOUD_HUB, CLOUD_GATEWAYS, CLOUD_DROPPED };
enum {
	CREDENTIALS_DEVICE = 1,
	CREDENTIALS_SLOT,
	CREDENTIALS_CHAIN,
	CREDENTIALS_FROM,
	CREDENTIALS_UNTIL,
	CREDENTIALS_ANCHORS,
	CREDENTIALS_PSKS
};

/* --- to CBOR ----------------------------------------------------------------------------------------------------------------------- */

static void put_id(struct dps_blob_writer *w, const struct dps_uuid *id)
{
	dps_cbor_write_bytes(&w->cbor, (struct dps_span){id->bytes, sizeof id->bytes});
}

static void put_text(struct dps_blob_writer *w, struct dps_span text)
{
	dps_cbor_write_text_head(&w->cbor, text.len);
	dps_blob_add(w, text);
}

static void put_bytes(struct dps_blob_writer *w, struct dps_span bytes)
{
	dps_cbor_write_bytes_head(&w->cbor, bytes.len);
	dps_blob_add(w, bytes);
}

dps_result dps_record_gather_owner(struct dps_blob_writer *w, const struct dps_owner *owner)
{
	dps_cbor_write_map(&w->cbor, 1);
	dps_cbor_write_uint(&w->cbor, OWNER_ID);
	put_id(w, &owner->id);
	return DPS_OK;
}

dps_result dps_record_gather_cloud(struct dps_blob_writer *w, const struct dps_cloud *cloud)
{
	size_t i;

	if (cloud->gateway_count > DPS_CONFIG_GATEWAYS || cloud->gateway.len == 0 || cloud->gateway.len > DPS_CONFIG_URI_LENGTH)
		return DPS_E_ARGUMENT;
	dps_cbor_write_map(&w->cbor, 6);
	dps_cbor_write_uint(&w->cbor, CLOUD_PROVIDER);
	put_text(w, cloud->provider);
	dps_cbor_write_uint(&w->cbor, CLOUD_GATEWAY);
	put_text(w, cloud->gateway);
	dps_cbor_write_uint(&w->cbor, CLOUD_TOKEN);
	put_text(w, cloud->token);
	dps_cbor_write_uint(&w->cbor, CLOUD_HUB);
	put_id(w, &cloud->hub_id);
	dps_cbor_write_uint(&w->cbor, CLOUD_DROPPED);
	dps_cbor_write_uint(&w->cbor, cloud->gateways_dropped < UINT16_MAX ? cloud->gateways_dropped : UINT16_MAX);
	dps_cbor_write_uint(&w->cbor, CLOUD_GATEWAYS);
	dps_cbor_write_array(&w->cbor, cloud->gateway_count);
	for (i = 0; i < cloud->gateway_count; i++) {
		const struct dps_gateway *gateway = &cloud->gateways[i];
		if (gateway->uri.len == 0 || gateway->uri.len > DPS_CONFIG_URI_LENGTH)
			return DPS_E_ARGUMENT;
		dps_cbor_write_array(&w->cbor, 2);
		put_id(w, &gateway->id);
		put_text(w, gateway->uri);
	}
	return DPS_OK;
}

dps_result dps_record_gather_credentials(struct dps_blob_writer *w, const struct dps_credentials *credentials)
{
	size_t i;

	if (credentials->anchor_count > DPS_CONFIG_CREDENTIALS || credentials->psk_count > DPS_CONFIG_CREDENTIALS ||
	    credentials->key_slot.len == 0 || credentials->key_slot.len > DPS_CONFIG_SLOT_LENGTH || credentials->chain.len == 0)
		return DPS_E_ARGUMENT;
	dps_cbor_write_map(&w->cbor, 7);
	dps_cbor_write_uint(&w->cbor, CREDENTIALS_DEVICE);
	put_id(w, &credentials->device_id);
	dps_cbor_write_uint(&w->cbor, CREDENTIALS_SLOT);
	put_text(w, credentials->key_slot);
	dps_cbor_write_uint(&w->cbor, CREDENTIALS_CHAIN);
	put_bytes(w, credentials->chain);
	dps_cbor_write_uint(&w->cbor, CREDENTIALS_FROM);
	dps_cbor_write_int(&w->cbor, credentials->not_before);
	dps_cbor_write_uint(&w->cbor, CREDENTIALS_UNTIL);
	dps_cbor_write_int(&w->cbor, credentials->not_after);
	dps_cbor_write_uint(&w->cbor, CREDENTIALS_ANCHORS);
	dps_cbor_write_array(&w->cbor, credentials->anchor_count);
	for (i = 0; i < credentials->anchor_count; i++) {
		if (credentials->anchors[i].der.len == 0)
			return DPS_E_ARGUMENT;
		dps_cbor_write_array(&w->cbor, 2);
		put_id(w, &credentials->anchors[i].subject);
		put_bytes(w, credentials->anchors[i].der);
	}
	/* The keys come last: they are what is short enough to be copied when there are more strings than can be referred to. */
	dps_cbor_write_uint(&w->cbor, CREDENTIALS_PSKS);
	dps_cbor_write_array(&w->cbor, credentials->psk_count);
	for (i = 0; i < credentials->psk_count; i++) {
		if (credentials->psks[i].key.len == 0 || credentials->psks[i].key.len > DPS_RECORD_PSK_SIZE)
			return DPS_E_ARGUMENT;
		dps_cbor_write_array(&w->cbor, 2);
		put_id(w, &credentials->psks[i].subject);
		put_bytes(w, credentials->psks[i].key);
	}
	return DPS_OK;
}

/* --- and back ---------------------------------------------------------------------------------------------------------------------- */

static dps_result get_id(struct dps_cbor *r, struct dps_uuid *id)
{
	struct dps_span bytes;
	dps_result result = dps_cbor_read_bytes(r, &bytes);
	if (result != DPS_OK)
		return result;
	if (bytes.len != sizeof id->bytes)
		return DPS_E_FIELD;
	memcpy(id->bytes, bytes.data, sizeof id->bytes);
	return DPS_OK;
}

static dps_result get_text(struct dps_cbor *r, size_t min, size_t max, struct dps_span *text)
{
	dps_result result = dps_cbor_read_text(r, text);
	return result == DPS_OK && (text->len < min || text->len > max) ? DPS_E_FIELD : result;
}

static dps_result get_bytes(struct dps_cbor *r, size_t max, struct dps_span *bytes)
{
	dps_result result = dps_cbor_read_bytes(r, bytes);
	return result == DPS_OK && (bytes->len == 0 || bytes->len > max) ? DPS_E_FIELD : result;
}

/* Enters an [id, string] pair. */
static dps_result get_pair(struct dps_cbor *r, struct dps_uuid *id)
{
	dps_result result = dps_cbor_read_array(r);
	return result == DPS_OK ? get_id(r, id) : result;
}

/* Leaves it; a third item is not what gather makes. */
static dps_result leave_pair(struct dps_cbor *r)
{
	bool more;
	dps_result result = dps_cbor_more(r, &more);
	return result == DPS_OK && more ? DPS_E_FIELD : result;
}

/* A build may keep fewer gateways than the one that wrote the record: those behind are dropped and counted, as from the network. */
static dps_result get_gateways(struct dps_cbor *r, struct dps_cloud *cloud)
{
	bool more;
	dps_result result = dps_cbor_read_array(r);
	while (result == DPS_OK && (result = dps_cbor_more(r, &more)) == DPS_OK && more) {
		struct dps_gateway gateway;
		result = get_pair(r, &gateway.id);
		if (result == DPS_OK)
			result = get_text(r, 1, DPS_CONFIG_URI_LENGTH, &gateway.uri);
		if (result == DPS_OK)
			result = leave_pair(r);
		if (result != DPS_OK)
			return result;
		if (cloud->gateway_count < DPS_CONFIG_GATEWAYS)
			cloud->gateways[cloud->gateway_count++] = gateway;
		else
			cloud->gateways_dropped++;
	}
	return result;
}

/* Anchors and keys have one form: an id and a string. `max` bounds the string. More of them than there is room for is an error. */
static dps_result get_secrets(struct dps_cbor *r, size_t max, struct dps_uuid *subject, struct dps_span *bytes)
{
	dps_result result = get_pair(r, subject);
	if (result == DPS_OK)
		result = get_bytes(r, max, bytes);
	return result == DPS_OK ? leave_pair(r) : result;
}

static dps_result get_anchors(struct dps_cbor *r, struct dps_credentials *credentials)
{
	bool more;
	dps_result result = dps_cbor_read_array(r);
	while (result == DPS_OK && (result = dps_cbor_more(r, &more)) == DPS_OK && more) {
		struct dps_anchor *anchor = &credentials->anchors[credentials->anchor_count];
		if (credentials->anchor_count++ == DPS_CONFIG_CREDENTIALS)
			return DPS_E_FIELD;
		result = get_secrets(r, SIZE_MAX, &anchor->subject, &anchor->der);
	}
	return result;
}

static dps_result get_psks(struct dps_cbor *r, struct dps_credentials *credentials)
{
	bool more;
	dps_result result = dps_cbor_read_array(r);
	while (result == DPS_OK && (result = dps_cbor_more(r, &more)) == DPS_OK && more) {
		struct dps_psk *psk = &credentials->psks[credentials->psk_count];
		if (credentials->psk_count++ == DPS_CONFIG_CREDENTIALS)
			return DPS_E_FIELD;
		result = get_secrets(r, DPS_RECORD_PSK_SIZE, &psk->subject, &psk->key);
	}
	return result;
}

static dps_result get_owner_field(struct dps_cbor *r, uint64_t key, void *view)
{
	struct dps_owner *owner = view;
	return key == OWNER_ID ? get_id(r, &owner->id) : dps_cbor_skip(r);
}

static dps_result get_cloud_field(struct dps_cbor *r, uint64_t key, void *view)
{
	struct dps_cloud *cloud = view;
	uint64_t dropped = 0;
	dps_result result;

	switch (key) {
	case CLOUD_PROVIDER:
		return get_text(r, 0, SIZE_MAX, &cloud->provider);
	case CLOUD_GATEWAY:
		return get_text(r, 1, DPS_CONFIG_URI_LENGTH, &cloud->gateway);
	case CLOUD_TOKEN:
		return get_text(r, 0, SIZE_MAX, &cloud->token);
	case CLOUD_HUB:
		return get_id(r, &cloud->hub_id);
	case CLOUD_GATEWAYS:
		return get_gateways(r, cloud);
	case CLOUD_DROPPED:
		result = dps_cbor_read_uint(r, UINT16_MAX, &dropped);
		cloud->gateways_dropped += (size_t)dropped;
		return result;
	default:
		return dps_cbor_skip(r);
	}
}

static dps_result get_credentials_field(struct dps_cbor *r, uint64_t key, void *view)
{
	struct dps_credentials *credentials = view;

	switch (key) {
	case CREDENTIALS_DEVICE:
		return get_id(r, &credentials->device_id);
	case CREDENTIALS_SLOT:
		return get_text(r, 1, DPS_CONFIG_SLOT_LENGTH, &credentials->key_slot);
	case CREDENTIALS_CHAIN:
		return get_bytes(r, SIZE_MAX, &credentials->chain);
	case CREDENTIALS_FROM:
		return dps_cbor_read_int(r, &credentials->not_before);
	case CREDENTIALS_UNTIL:
		return dps_cbor_read_int(r, &credentials->not_after);
	case CREDENTIALS_ANCHORS:
		return get_anchors(r, credentials);
	case CREDENTIALS_PSKS:
		return get_psks(r, credentials);
	default:
		return dps_cbor_skip(r);
	}
}

/* Reads a map, each key once and all of 1 to `fields` present. */
static dps_result get_map(struct dps_span body, unsigned fields, dps_result (*get_field)(struct dps_cbor *, uint64_t, void *), void *view)
{
	struct dps_cbor r;
	uint32_t seen = 0;
	bool more;
	dps_result result;

	dps_cbor_init(&r, body.data, body.len);
	result = dps_cbor_read_map(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		uint64_t key;
		result = dps_cbor_read_uint(&r, 31, &key);
		if (result != DPS_OK)
			return result;
		if (seen & UINT32_C(1) << key)
			return DPS_E_FIELD;
		seen |= UINT32_C(1) << key;
		result = get_field(&r, key, view);
	}
	if (result == DPS_OK)
		result = dps_cbor_end(&r);
	if (result == DPS_OK && (~seen & ((UINT32_C(2) << fields) - 2)) != 0)
		return DPS_E_FIELD;
	return result;
}

static dps_result parse(enum dps_record record, struct dps_span body, void *view)
{
	struct dps_acl *acl = view;
	struct dps_resources *resources = view;

	switch (record) {
	case DPS_RECORD_OWNER:
		memset(view, 0, sizeof(struct dps_owner));
		return get_map(body, OWNER_ID, get_owner_field, view);
	case DPS_RECORD_CLOUD:
		memset(view, 0, sizeof(struct dps_cloud));
		return get_map(body, CLOUD_DROPPED, get_cloud_field, view);
	case DPS_RECORD_CREDENTIALS:
		memset(view, 0, sizeof(struct dps_credentials));
		return get_map(body, CREDENTIALS_PSKS, get_credentials_field, view);
	case DPS_RECORD_ACLS:
		acl->aces = body;
		return dps_acl_check(body, &acl->count);
	case DPS_RECORD_RESOURCES:
		resources->array = body;
		return dps_resources_check(body, &resources->count);
	case DPS_RECORD_COUNT:
	default:
		return DPS_E_ARGUMENT;
	}
}

dps_result dps_record_parse(enum dps_record record, struct dps_span body, void *view)
{
	return parse(record, body, view) == DPS_OK ? DPS_OK : DPS_E_STORAGE_CORRUPT;
}
