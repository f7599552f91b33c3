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
	FIELD_PIN,    /* enum dps_pin_kind */
	FIELD_DIGEST, /* DPS_SHA256_SIZE bytes */
	FIELD_LIST,   /* size_t: how many entries follow; the fields behind it are those of an entry, in its first place in the view */
	FIELD_MORE,   /* the entries of the list before once more: the fields behind it are further ones of theirs */
	FIELD_LATER   /* no field: from here on the first writers knew none; those that are not there read as zero */
};

/* Bytes that each takes in the fixed part. */
static const uint8_t sizes[] = {1, 2, 4, 8, sizeof(struct dps_uuid), 2, 2, 1, DPS_SHA256_SIZE, 2, 0, 0};

struct field {
	uint8_t kind;
	uint8_t entry_fields; /* of a list: how many fields an entry has here */
	uint16_t stride;      /* of a list: from one entry to the next */
	uint16_t offset;      /* in the view */
	uint16_t max;         /* of a string: its length; of a list: its entries */
	union {
		uint16_t min;     /* of a string: its length */
		uint16_t dropped; /* of a list: where those are counted that are more; 0: more is an error */
	};
};

#define ANY_LENGTH    UINT16_MAX
#define PSK_LENGTH    64 /* dps/records.h */
#define FIRST_RECORDS 5  /* in a manifest of format version 1 */
/* clang-format off */
#define FIELD(kind, view, member)                  {FIELD_##kind, 0, 0, offsetof(struct view, member), 0, {0}}
#define STRING(kind, view, member, min, max)       {FIELD_##kind, 0, 0, offsetof(struct view, member), (max), {(min)}}
#define LIST(n, view, member, entry, max, dropped) {FIELD_LIST, (n), sizeof(struct entry), offsetof(struct view, member), (max), {(dropped)}}
#define MORE(n, entry, max)                        {FIELD_MORE, (n), sizeof(struct entry), 0, (max), {0}}
#define LATER                                      {FIELD_LATER, 0, 0, 0, 0, {0}}
#define LAYOUT(fields, view)                       {(fields), sizeof(fields) / sizeof((fields)[0]), sizeof(struct view)}
/* clang-format on */

static const struct field owner[] = {FIELD(ID, dps_owner, id)};
static const struct field cloud[] = {
	STRING(TEXT, dps_cloud, provider, 0, ANY_LENGTH),
	STRING(TEXT, dps_cloud, gateway, 1, DPS_CONFIG_URI_LENGTH),
	STRING(TEXT, dps_cloud, token, 0, ANY_LENGTH),
	FIELD(ID, dps_cloud, hub_id),
	FIELD(COUNT, dps_cloud, gateways_dropped),
	LIST(2, dps_cloud, gateway_count, dps_gateway, DPS_CONFIG_GATEWAYS, offsetof(struct dps_cloud, gateways_dropped)),
	FIELD(ID, dps_cloud, gateways[0].id),
	STRING(TEXT, dps_cloud, gateways[0].uri, 1, DPS_CONFIG_URI_LENGTH),
	LATER,
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
	LIST(2, dps_credentials, anchor_count, dps_anchor, DPS_CONFIG_CREDENTIALS, 0),
	FIELD(ID, dps_credentials, anchors[0].subject),
	STRING(BYTES, dps_credentials, anchors[0].der, 1, ANY_LENGTH),
	LIST(2, dps_credentials, psk_count, dps_psk, DPS_CONFIG_CREDENTIALS, 0),
	FIELD(ID, dps_credentials, psks[0].subject),
	STRING(BYTES, dps_credentials, psks[0].key, 1, PSK_LENGTH),
	LATER,
	FIELD(TIME, dps_credentials, accepted),
};
static const struct field acls[] = {STRING(BYTES, dps_acl, aces, 0, ANY_LENGTH)};
static const struct field resources[] = {STRING(BYTES, dps_resources, array, 0, ANY_LENGTH)};
static const struct field local[] = {
	LIST(2, dps_local, anchor_count, dps_anchor, DPS_CONFIG_CREDENTIALS, 0),
	FIELD(ID, dps_local, anchors[0].subject),
	STRING(BYTES, dps_local, anchors[0].der, 1, ANY_LENGTH),
	LIST(2, dps_local, psk_count, dps_psk, DPS_CONFIG_CREDENTIALS, 0),
	FIELD(ID, dps_local, psks[0].subject),
	STRING(BYTES, dps_local, psks[0].key, 1, PSK_LENGTH),
	STRING(BYTES, dps_local, acl.aces, 0, ANY_LENGTH),
};
static const struct field device[] = {
	FIELD(ID, dps_device_view, id),
	STRING(TEXT, dps_device_view, key_slot, 1, DPS_CONFIG_SLOT_LENGTH),
};
static const struct field endpoints[] = {
	LIST(2, dps_stored_endpoints, count, dps_stored_endpoint, DPS_CONFIG_ENDPOINTS, offsetof(struct dps_stored_endpoints, dropped)),
	STRING(TEXT, dps_stored_endpoints, list[0].uri, 1, DPS_CONFIG_URI_LENGTH),
	FIELD(BOOL, dps_stored_endpoints, list[0].no_resources),
	LATER,
	MORE(1, dps_stored_endpoint, DPS_CONFIG_ENDPOINTS),
	STRING(TEXT, dps_stored_endpoints, list[0].name, 0, DPS_CONFIG_NAME_LENGTH),
	FIELD(COUNT, dps_stored_endpoints, selected),
	LIST(2, dps_stored_endpoints, pin_count, dps_pin, DPS_CONFIG_PINS, 0),
	FIELD(PIN, dps_stored_endpoints, pins[0].kind),
	FIELD(DIGEST, dps_stored_endpoints, pins[0].digest),
	FIELD(BOOL, dps_stored_endpoints, pending),
};
static const struct field floor_time[] = {FIELD(TIME, dps_time_view, unix_ms)};
static const struct field manifest[] = {
	LIST(2, dps_manifest, count, dps_manifest_entry, DPS_RECORD_COUNT, 0),
	FIELD(NUMBER, dps_manifest, records[0].in_force),
	FIELD(NUMBER, dps_manifest, records[0].confirmed),
};

/* In the order of the pairs. */
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
	LAYOUT(local, dps_local),
	LAYOUT(device, dps_device_view),
	LAYOUT(endpoints, dps_stored_endpoints),
	LAYOUT(floor_time, dps_time_view),
	LAYOUT(manifest, dps_manifest),
};

static const struct layout *layout_of(unsigned blob)
{
	return &layouts[DPS_PAIR_OF(blob)];
}

/* Where entries are read to that there is no room for. */
union spare {
	struct dps_span string;
	struct dps_uuid id;
	uint64_t number;
	uint8_t digest[DPS_SHA256_SIZE];
};

/* Visits every field that the view has, those of a list's entries with the view moved on by a stride for each. */
static dps_result walk(unsigned blob, uint8_t *view, dps_result (*visit)(void *ctx, const struct field *field, void *place), void *ctx)
{
	const struct layout *layout = layout_of(blob);
	const struct field *field = layout->fields;
	union spare spare;
	size_t entries = 0;
	dps_result result = DPS_OK;

	while (result == DPS_OK && field < layout->fields + layout->count) {
		const struct field *head = field++;
		size_t *count = (void *)(view + head->offset);
		size_t i, k;

		if (head->kind != FIELD_MORE)
			result = visit(ctx, head, view + head->offset);
		if (head->kind == FIELD_LIST && result == DPS_OK) {
			entries = *count;
			if (entries > head->max) { /* none but a reader's */
				*(size_t *)(void *)(view + head->dropped) += entries - head->max;
				*count = head->max;
			}
		}
		for (i = 0; head->entry_fields > 0 && i < entries; i++)
			for (k = 0; result == DPS_OK && k < head->entry_fields; k++)
				result = visit(ctx, &field[k], i < head->max ? view + i * head->stride + field[k].offset : (void *)&spare);
		field += head->entry_fields;
	}
	return result;
}

/* What a table cannot say. ACLs and resources are kept as they came; whether they are any, and how many, is for others to say. */
static dps_result check(unsigned blob, const void *view, size_t *count)
{
	const struct dps_acl *list = view;
	const struct dps_resources *resource_list = view;
	const struct dps_local *own = view;

	*count = 0;
	switch (DPS_PAIR_OF(blob)) {
	case DPS_RECORD_ACLS:
		return dps_acl_check(list->aces, count);
	case DPS_RECORD_RESOURCES:
		return dps_resources_check(resource_list->array, count);
	case DPS_RECORD_LOCAL:
		return own->acl.aces.len > 0 ? dps_acl_check(own->acl.aces, count) : DPS_OK;
	default:
		return DPS_OK;
	}
}

/*
 * A manifest is of all records that its writer knew, the first version's or more, or, as the mark of a reset, of none. Of later records it says that there
 * are none.
 */
static dps_result complete_manifest(struct dps_manifest *view)
{
	unsigned record;

	/* There must be a next generation; no device lives to see this one. */
	for (record = 0; record < DPS_RECORD_COUNT; record++)
		if (view->records[record].in_force == UINT32_MAX)
			return DPS_E_FIELD;
	if (view->count != 0 && view->count < FIRST_RECORDS)
		return DPS_E_FIELD;
	if (view->count != 0)
		view->count = DPS_RECORD_COUNT;
	return DPS_OK;
}

/* Fills in what is not stored but follows from it. */
static dps_result complete(unsigned blob, void *view)
{
	struct dps_acl *list = view;
	struct dps_resources *resource_list = view;
	struct dps_local *own = view;
	struct dps_stored_endpoints *stored = view;
	size_t count;
	dps_result result = check(blob, view, &count);

	switch (DPS_PAIR_OF(blob)) {
	case DPS_RECORD_ACLS:
		list->count = count;
		return result;
	case DPS_RECORD_RESOURCES:
		resource_list->count = count;
		return result;
	case DPS_RECORD_LOCAL:
		own->acl.count = count;
		return result;
	case DPS_PAIR_ENDPOINTS:
		stored->selected = stored->selected < stored->count ? stored->selected : 0;
		return result;
	case DPS_PAIR_MANIFEST:
		return complete_manifest(view);
	default:
		return result;
	}
}

/* --- to a body --------------------------------------------------------------------------------------------------------------------- */

#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* The longest lists are those of cloud and credentials, and of endpoints with their names; pins take the most room in the fixed part. */
#define ENTRIES    MAX(MAX(DPS_CONFIG_GATEWAYS, 2 * DPS_CONFIG_CREDENTIALS), 2 * DPS_CONFIG_ENDPOINTS)
#define PIN_SIZE   (1 + DPS_SHA256_SIZE)
#define FIXED_SIZE (64 + MAX((sizeof(struct dps_uuid) + 2) * ENTRIES, 5 * DPS_CONFIG_ENDPOINTS + PIN_SIZE * DPS_CONFIG_PINS))
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
	case FIELD_LATER:
		return DPS_OK;
	case FIELD_ID:
	case FIELD_DIGEST:
		memcpy(w->fixed + w->len, place, sizes[field->kind]);
		w->len += sizes[field->kind];
		return DPS_OK;
	case FIELD_BOOL:
		number = *(const bool *)place;
		break;
	case FIELD_PIN:
		if (*(const enum dps_pin_kind *)place > DPS_PIN_SPKI)
			return DPS_E_ARGUMENT;
		number = (uint64_t) * (const enum dps_pin_kind *)place;
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
	bool later;    /* what is not there any more was not known to the writer */
	size_t listed; /* but so many fields of the entries that a list has counted must be there */
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

static dps_result read_field(void *ctx, const struct field *field, void *place)
{
	static const uint8_t nothing[DPS_SHA256_SIZE];
	struct reader *r = ctx;
	struct dps_span bytes = {nothing, sizes[field->kind]};
	uint64_t number = 0;
	size_t i;

	if (!(r->later && r->listed == 0 && r->fixed.len == 0) && !take(&r->fixed, sizes[field->kind], &bytes))
		return DPS_E_FIELD;
	for (i = 0; i < bytes.len; i++)
		number = number << 8 | bytes.data[i];
	if (r->listed > 0)
		r->listed--;
	switch (field->kind) {
	case FIELD_LATER:
		r->later = true;
		return DPS_OK;
	case FIELD_ID:
	case FIELD_DIGEST:
		memcpy(place, bytes.data, bytes.len);
		return DPS_OK;
	case FIELD_BOOL:
		*(bool *)place = number != 0;
		return number <= 1 ? DPS_OK : DPS_E_FIELD;
	case FIELD_PIN:
		*(enum dps_pin_kind *)place = (enum dps_pin_kind)number;
		return number <= DPS_PIN_SPKI ? DPS_OK : DPS_E_FIELD;
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
		r->listed = (size_t)number * field->entry_fields;
		return number > field->max && field->dropped == 0 ? DPS_E_FIELD : DPS_OK;
	default:
		if (number < field->min || number > field->max || !take(&r->strings, (size_t)number, place))
			return DPS_E_FIELD;
		return field->kind != FIELD_TEXT || dps_text_is_valid(*(const struct dps_span *)place) ? DPS_OK : DPS_E_FIELD;
	}
}

static dps_result parse(unsigned blob, struct dps_span body, void *view)
{
	struct reader r = {.strings = body};
	struct dps_span head;
	dps_result result;

	memset(view, 0, layout_of(blob)->view_size);
	if (!take(&r.strings, HEAD_SIZE, &head) || !take(&r.strings, (size_t)head.data[0] << 8 | head.data[1], &r.fixed))
		return DPS_E_FIELD;
	result = walk(blob, view, read_field, &r);
	return result == DPS_OK ? complete(blob, view) : result;
}

dps_result dps_layout_read(const struct dps_storage *port, unsigned blob, uint8_t *buf, size_t size, uint32_t *generation, void *view)
{
	struct dps_span body;
	dps_result result = dps_blob_read(port, blob, buf, size, generation, &body);

	if (result != DPS_OK)
		return result;
	return parse(blob, body, view) == DPS_OK ? DPS_OK : DPS_E_STORAGE_CORRUPT;
}
