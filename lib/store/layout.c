/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views to bodies and back. A body is a part of fixed layout and behind it the strings, so that it is written from one small buffer and from where
 * the strings are, and read without copying them. What is read back is judged as if it came from the network: records.h promises its readers sizes
 * and types.
 */
#include "store/layout.h"

#include <stddef.h>
#include <string.h>

#include "codec/text.h"
#include "store/acl.h"

enum field_kind {
	FIELD_BOOL,
	FIELD_COUNT,  /* size_t */
	FIELD_NUMBER, /* uint32_t */
	FIELD_TIME,   /* int64_t */
	FIELD_ID,     /* struct dps_uuid */
	FIELD_BYTES,  /* struct dps_span: the length here, the bytes behind the fixed part */
	FIELD_TEXT,   /* the same, of valid UTF-8 */
	FIELD_LIST    /* size_t: how many entries follow; the two fields behind it are those of an entry, in its first place in the view */
};

/* Bytes that each takes in the fixed part. */
static const uint8_t sizes[] = {1, 2, 4, 8, sizeof(struct dps_uuid), 2, 2, 2};

struct field {
	uint8_t kind;
	uint8_t stride;  /* of a list: from one entry to the next */
	uint16_t offset; /* in the view */
	uint16_t max;    /* of a string: its length; of a list: its entries */
	union {
		uint16_t min;     /* of a string: its length */
		uint16_t dropped; /* of a list: where those are counted that are more; 0: more is an error */
	};
};

#define ANY_LENGTH UINT16_MAX
#define PSK_LENGTH 64 /* dps/records.h */
/* clang-format off */
#define FIELD(kind, view, member)               {FIELD_##kind, 0, offsetof(struct view, member), 0, {0}}
#define STRING(kind, view, member, min, max)    {FIELD_##kind, 0, offsetof(struct view, member), (max), {(min)}}
#define LIST(view, member, entry, max, dropped) {FIELD_LIST, sizeof(struct entry), offsetof(struct view, member), (max), {(dropped)}}
#define LAYOUT(fields, view)                    {(fields), sizeof(fields) / sizeof((fields)[0]), sizeof(struct view)}
/* clang-format on */

static const struct field owner[] = {FIELD(ID, dps_owner, id)};
static const struct field cloud[] = {
	STRING(TEXT, dps_cloud, provider, 0, ANY_LENGTH),
	STRING(TEXT, dps_cloud, gateway, 1, DPS_CONFIG_URI_LENGTH),
	STRING(TEXT, dps_cloud, token, 0, ANY_LENGTH),
	FIELD(ID, dps_cloud, hub_id),
	FIELD(COUNT, dps_cloud, gateways_dropped),
	LIST(dps_cloud, gateway_count, dps_gateway, DPS_CONFIG_GATEWAYS, offsetof(struct dps_cloud, gateways_dropped)),
	FIELD(ID, dps_cloud, gateways[0].id),
	STRING(TEXT, dps_cloud, gateways[0].uri, 1, DPS_CONFIG_URI_LENGTH),
	STRING(TEXT, dps_cloud, uid, 0, ANY_LENGTH),
	STRING(TEXT, dps_cloud, refresh_token, 0, ANY_LENGTH),
	FIELD(TIME, dps_cloud, expires),
	FIELD(BOOL, dps_cloud, registered),
	FIELD(COUNT, dps_cloud, selected),
	STRING(TEXT, dps_cloud, access_token, 0, ANY_LENGTH),
};
static const struct field credentials[] = {
	FIELD(ID, dps_credentials, device_id),
	STRING(TEXT, dps_credentials, key_slot, 1, DPS_CONFIG_SLOT_LENGTH),
	STRING(BYTES, dps_credentials, chain, 1, ANY_LENGTH),
	FIELD(TIME, dps_credentials, not_before),
	FIELD(TIME, dps_credentials, not_after),
	LIST(dps_credentials, anchor_count, dps_anchor, DPS_CONFIG_CREDENTIALS, 0),
	FIELD(ID, dps_credentials, anchors[0].subject),
	STRING(BYTES, dps_credentials, anchors[0].der, 1, ANY_LENGTH),
	LIST(dps_credentials, psk_count, dps_psk, DPS_CONFIG_CREDENTIALS, 0),
	FIELD(ID, dps_credentials, psks[0].subject),
	STRING(BYTES, dps_credentials, psks[0].key, 1, PSK_LENGTH),
};
static const struct field acls[] = {STRING(BYTES, dps_acl, aces, 0, ANY_LENGTH)};
static const struct field resources[] = {STRING(BYTES, dps_resources, array, 0, ANY_LENGTH)};
static const struct field device[] = {
	FIELD(ID, dps_device_view, id),
	STRING(TEXT, dps_device_view, key_slot, 1, DPS_CONFIG_SLOT_LENGTH),
};
static const struct field endpoints[] = {
	LIST(dps_stored_endpoints, count, dps_stored_endpoint, DPS_CONFIG_ENDPOINTS, offsetof(struct dps_stored_endpoints, dropped)),
	STRING(TEXT, dps_stored_endpoints, list[0].uri, 1, DPS_CONFIG_URI_LENGTH),
	FIELD(BOOL, dps_stored_endpoints, list[0].no_resources),
};
static const struct field floor_time[] = {FIELD(TIME, dps_time_view, unix_ms)};
static const struct field manifest[] = {
	LIST(dps_manifest, count, dps_manifest_entry, DPS_RECORD_COUNT, 0),
	FIELD(NUMBER, dps_manifest, records[0].in_force),
	FIELD(NUMBER, dps_manifest, records[0].confirmed),
};

/* One for both slots of a record, in the order of the blobs. */
static const struct layout {
	const struct field *fields;
	uint16_t count;
	uint16_t view_size;
} layouts[] = {
	LAYOUT(owner, dps_owner),
	LAYOUT(cloud, dps_cloud),
	LAYOUT(credentials, dps_credentials),
	LAYOUT(acls, dps_acl),
	LAYOUT(resources, dps_resources),
	LAYOUT(device, dps_device_view),
	LAYOUT(endpoints, dps_stored_endpoints),
	LAYOUT(floor_time, dps_time_view),
	LAYOUT(manifest, dps_manifest),
};

static const struct layout *layout_of(unsigned blob)
{
	return &layouts[blob < DPS_BLOB_DEVICE ? blob / 2 : blob - DPS_RECORD_COUNT];
}

/* Visits every field that the view has, those of a list's entries with the view moved on by a stride for each. */
static dps_result walk(unsigned blob, uint8_t *view, dps_result (*visit)(void *ctx, const struct field *field, void *place), void *ctx)
{
	const struct layout *layout = layout_of(blob);
	const struct field *field = layout->fields;
	dps_result result = DPS_OK;

	while (result == DPS_OK && field < layout->fields + layout->count) {
		const struct field *list = field++;
		uint8_t *entry = view;
		const size_t *count = (void *)(view + list->offset);
		size_t i;

		result = visit(ctx, list, view + list->offset);
		if (list->kind != FIELD_LIST)
			continue;
		for (i = 0; result == DPS_OK && i < *count; i++, entry += list->stride) {
			result = visit(ctx, field, entry + field->offset);
			if (result == DPS_OK)
				result = visit(ctx, field + 1, entry + field[1].offset);
		}
		field += 2;
	}
	return result;
}

/* ACLs and resources are kept as they came; whether they are any, and how many, is for others to say. */
static dps_result check(unsigned blob, const void *view, size_t *count)
{
	const struct dps_acl *list = view;
	const struct dps_resources *resource_list = view;

	switch (blob / 2) {
	case DPS_RECORD_ACLS:
		return dps_acl_check(list->aces, count);
	case DPS_RECORD_RESOURCES:
		return dps_resources_check(resource_list->array, count);
	default:
		return DPS_OK;
	}
}

/* --- to a body --------------------------------------------------------------------------------------------------------------------- */

#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* The longest lists are those of cloud and credentials; endpoints are longer only where there are many. */
#define ENTRIES    MAX(MAX(DPS_CONFIG_GATEWAYS, 2 * DPS_CONFIG_CREDENTIALS), DPS_CONFIG_ENDPOINTS)
#define FIXED_SIZE (64 + (sizeof(struct dps_uuid) + 2) * ENTRIES)
#define HEAD_SIZE  2 /* the length of the fixed part */

struct writer {
	uint8_t fixed[FIXED_SIZE];
	size_t len;
	struct dps_span parts[2 + 6 + ENTRIES]; /* the header, the fixed part, strings */
	size_t count;
};

_Static_assert(2 + 6 + ENTRIES <= DPS_STORAGE_PARTS, "the port takes that many");

static void put(struct writer *w, uint64_t number, size_t size)
{
	size_t i;

	for (i = size; i-- > 0; number >>= 8)
		w->fixed[w->len + i] = (uint8_t)number;
	w->len += size;
}

static dps_result write_field(void *ctx, const struct field *field, void *place)
{
	struct writer *w = ctx;
	const struct dps_span *string = place;
	const size_t *count = place;
	uint64_t number;

	switch (field->kind) {
	case FIELD_ID:
		memcpy(w->fixed + w->len, place, sizeof(struct dps_uuid));
		w->len += sizeof(struct dps_uuid);
		return DPS_OK;
	case FIELD_BOOL:
		number = *(const bool *)place;
		break;
	case FIELD_NUMBER:
		number = *(const uint32_t *)place;
		break;
	case FIELD_TIME:
		number = (uint64_t) * (const int64_t *)place;
		break;
	case FIELD_COUNT:
		number = *count < UINT16_MAX ? *count : UINT16_MAX;
		break;
	case FIELD_LIST:
		if (*count > field->max)
			return DPS_E_ARGUMENT;
		number = *count;
		break;
	default:
		if (string->len > ANY_LENGTH)
			return DPS_E_TOO_LARGE;
		if (string->len < field->min || string->len > field->max)
			return DPS_E_ARGUMENT;
		number = string->len;
		w->parts[w->count++] = *string;
		break;
	}
	put(w, number, sizes[field->kind]);
	return DPS_OK;
}

dps_result dps_layout_write(const struct dps_storage *port, unsigned blob, uint32_t generation, const void *view)
{
	struct writer w;
	size_t len, ignored;
	dps_result result = check(blob, view, &ignored);

	if (result != DPS_OK)
		return result;
	w.len = HEAD_SIZE;
	w.count = 2;
	result = walk(blob, (uint8_t *)(uintptr_t)view, write_field, &w); /* which only reads the view */
	if (result != DPS_OK)
		return result;
	len = w.len;
	w.len = 0;
	put(&w, len - HEAD_SIZE, HEAD_SIZE);
	w.parts[1] = (struct dps_span){w.fixed, len};
	return dps_blob_write(port, blob, generation, w.parts, w.count);
}

/* --- and back ---------------------------------------------------------------------------------------------------------------------- */

struct reader {
	struct dps_span fixed;
	struct dps_span strings;
	unsigned blob; /* the first of its slots */
};

static bool take(struct dps_span *from, size_t len, struct dps_span *out)
{
	if (from->len < len)
		return false;
	*out = (struct dps_span){from->data, len};
	from->data += len;
	from->len -= len;
	return true;
}

/* More entries than there is room for. A list that may be cut short is the last of its blob: what is behind the room is not looked at. */
static dps_result drop(const struct field *list, size_t *count)
{
	size_t *dropped = (void *)((uint8_t *)count - list->offset + list->dropped);

	if (list->dropped == 0)
		return DPS_E_FIELD;
	*dropped += *count - list->max;
	*count = list->max;
	return DPS_OK;
}

static dps_result read_field(void *ctx, const struct field *field, void *place)
{
	struct reader *r = ctx;
	struct dps_span bytes;
	uint64_t number = 0;
	size_t i;

	if (r->fixed.len == 0 && r->blob == DPS_RECORD_CLOUD * 2 && field->offset >= offsetof(struct dps_cloud, uid))
		return DPS_OK; /* written before there was such a field */
	if (!take(&r->fixed, sizes[field->kind], &bytes))
		return DPS_E_FIELD;
	for (i = 0; i < bytes.len; i++)
		number = number << 8 | bytes.data[i];
	switch (field->kind) {
	case FIELD_ID:
		memcpy(place, bytes.data, bytes.len);
		return DPS_OK;
	case FIELD_BOOL:
		*(bool *)place = number != 0;
		return number <= 1 ? DPS_OK : DPS_E_FIELD;
	case FIELD_NUMBER:
		*(uint32_t *)place = (uint32_t)number;
		return DPS_OK;
	case FIELD_TIME:
		*(int64_t *)place = (int64_t)number;
		return DPS_OK;
	case FIELD_COUNT:
		*(size_t *)place = (size_t)number;
		return DPS_OK;
	case FIELD_LIST:
		*(size_t *)place = (size_t)number;
		return number > field->max ? drop(field, place) : DPS_OK;
	default:
		if (number < field->min || number > field->max || !take(&r->strings, (size_t)number, place))
			return DPS_E_FIELD;
		return field->kind != FIELD_TEXT || dps_text_is_valid(*(const struct dps_span *)place) ? DPS_OK : DPS_E_FIELD;
	}
}

static dps_result parse(unsigned blob, struct dps_span body, void *view)
{
	struct reader r = {.strings = body, .blob = blob / 2 * 2};
	struct dps_acl *list = view;
	struct dps_resources *resource_list = view;
	struct dps_span head;
	size_t count = 0;
	dps_result result;

	memset(view, 0, layout_of(blob)->view_size);
	if (!take(&r.strings, HEAD_SIZE, &head) || !take(&r.strings, (size_t)head.data[0] << 8 | head.data[1], &r.fixed))
		return DPS_E_FIELD;
	result = walk(blob, view, read_field, &r);
	if (result == DPS_OK)
		result = check(blob, view, &count);
	if (blob / 2 == DPS_RECORD_ACLS)
		list->count = count;
	else if (blob / 2 == DPS_RECORD_RESOURCES)
		resource_list->count = count;
	return result;
}

dps_result dps_layout_read(const struct dps_storage *port, unsigned blob, uint8_t *buf, size_t size, uint32_t *generation, void *view)
{
	struct dps_span body;
	dps_result result = dps_blob_read(port, blob, buf, size, generation, &body);

	if (result != DPS_OK)
		return result;
	return parse(blob, body, view) == DPS_OK ? DPS_OK : DPS_E_STORAGE_CORRUPT;
}
