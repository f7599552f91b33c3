/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CBOR reader. libcbor's streaming decoder takes one head at a time (and a definite string with it); everything that spans items, that is
 * containers, chunked strings, tags and the bounds, is kept here.
 */
#include "codec/cbor.h"

#include <string.h>

#include <cbor.h>

#include "codec/text.h"

/* One decoded head. `value` is the integer, the number of items or pairs, or the length of a definite string. */
struct head {
	enum dps_cbor_type type;
	bool indefinite; /* container or string without a length */
	bool end;        /* the "break" of an indefinite item, type is DPS_CBOR_OTHER */
	uint64_t value;
	const uint8_t *string; /* of a definite string */
	size_t size;           /* bytes in the input, a definite string's own included */
};

enum { KIND_MAP = 1, KIND_VALUE_DUE = 2 };

#define INDEFINITE SIZE_MAX

static void note(void *context, enum dps_cbor_type type, uint64_t value)
{
	struct head *head = context;
	head->type = type;
	head->value = value;
}

static void on_uint8(void *context, uint8_t value)
{
	note(context, DPS_CBOR_UINT, value);
}

static void on_uint16(void *context, uint16_t value)
{
	note(context, DPS_CBOR_UINT, value);
}

static void on_uint32(void *context, uint32_t value)
{
	note(context, DPS_CBOR_UINT, value);
}

static void on_uint64(void *context, uint64_t value)
{
	note(context, DPS_CBOR_UINT, value);
}

static void on_negative8(void *context, uint8_t value)
{
	note(context, DPS_CBOR_NEGATIVE, value);
}

static void on_negative16(void *context, uint16_t value)
{
	note(context, DPS_CBOR_NEGATIVE, value);
}

static void on_negative32(void *context, uint32_t value)
{
	note(context, DPS_CBOR_NEGATIVE, value);
}

static void on_negative64(void *context, uint64_t value)
{
	note(context, DPS_CBOR_NEGATIVE, value);
}

static void on_bytes(void *context, const unsigned char *data, size_t len)
{
	note(context, DPS_CBOR_BYTES, len);
	((struct head *)context)->string = data;
}

static void on_text(void *context, const unsigned char *data, size_t len)
{
	note(context, DPS_CBOR_TEXT, len);
	((struct head *)context)->string = data;
}

static void note_indefinite(void *context, enum dps_cbor_type type)
{
	note(context, type, 0);
	((struct head *)context)->indefinite = true;
}

static void on_bytes_start(void *context)
{
	note_indefinite(context, DPS_CBOR_BYTES);
}

static void on_text_start(void *context)
{
	note_indefinite(context, DPS_CBOR_TEXT);
}

static void on_array(void *context, size_t items)
{
	note(context, DPS_CBOR_ARRAY, items);
}

static void on_array_start(void *context)
{
	note_indefinite(context, DPS_CBOR_ARRAY);
}

static void on_map(void *context, size_t pairs)
{
	note(context, DPS_CBOR_MAP, pairs);
}

static void on_map_start(void *context)
{
	note_indefinite(context, DPS_CBOR_MAP);
}

static void on_tag(void *context, uint64_t tag)
{
	note(context, DPS_CBOR_TAG, tag);
}

static void on_float(void *context, float value)
{
	(void)value;
	note(context, DPS_CBOR_OTHER, 0);
}

static void on_double(void *context, double value)
{
	(void)value;
	note(context, DPS_CBOR_OTHER, 0);
}

static void on_null(void *context)
{
	note(context, DPS_CBOR_NULL, 0);
}

static void on_bool(void *context, bool value)
{
	note(context, DPS_CBOR_BOOL, value ? 1 : 0);
}

static void on_break(void *context)
{
	note(context, DPS_CBOR_OTHER, 0);
	((struct head *)context)->end = true;
}

static const struct cbor_callbacks head_callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negative8,
	.negint16 = on_negative16,
	.negint32 = on_negative32,
	.negint64 = on_negative64,
	.byte_string = on_bytes,
	.byte_string_start = on_bytes_start,
	.string = on_text,
	.string_start = on_text_start,
	.array_start = on_array,
	.indef_array_start = on_array_start,
	.map_start = on_map,
	.indef_map_start = on_map_start,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_null,
	.null = on_null,
	.boolean = on_bool,
	.indef_break = on_break,
};

static dps_result fail(struct dps_cbor *r)
{
	r->failed = DPS_E_CBOR;
	return DPS_E_CBOR;
}

/*
 * libcbor carries lengths in size_t. Where that has 32 bits an eight-byte length would lose its upper half, so lengths from 4 GiB on
 * are refused before it sees them, on every machine alike.
 */
static bool length_is_huge(const uint8_t *p, size_t len)
{
	unsigned major = p[0] >> 5;
	unsigned info = p[0] & 0x1fu;
	if (info != 27 || major < 2 || major > 5 || len < 5)
		return false;
	return (p[1] | p[2] | p[3] | p[4]) != 0;
}

/* Decodes the head at the reader's position without moving it. */
static dps_result decode(struct dps_cbor *r, struct head *head)
{
	const uint8_t *p;
	size_t len;
	struct cbor_decoder_result decoded;

	memset(head, 0, sizeof *head);
	if (r->failed != DPS_OK)
		return r->failed;
	len = r->len - r->pos;
	if (len == 0)
		return fail(r);
	p = r->data + r->pos;
	if (length_is_huge(p, len))
		return fail(r);
	decoded = cbor_stream_decode(p, len, &head_callbacks, head);
	if (decoded.status != CBOR_DECODER_FINISHED || decoded.read == 0 || decoded.read > len)
		return fail(r);
	head->size = decoded.read;
	if (head->type != DPS_CBOR_ARRAY && head->type != DPS_CBOR_MAP)
		return DPS_OK;
	/* Each item takes a byte at least: more items than bytes left is a lie, and found here it can cost nobody any work. */
	len -= head->size;
	if (head->value > (head->type == DPS_CBOR_MAP ? len / 2 : len))
		return fail(r);
	return DPS_OK;
}

/* Decodes the head of an item that must be there. */
static dps_result decode_item(struct dps_cbor *r, struct head *head)
{
	dps_result result;
	if (r->depth > 0 && r->left[r->depth - 1] == 0)
		return fail(r);
	result = decode(r, head);
	if (result == DPS_OK && head->end)
		return fail(r);
	return result;
}

/* Moves behind a head and counts its item in the container that holds it. */
static void take(struct dps_cbor *r, size_t size)
{
	r->pos += size;
	if (r->depth == 0)
		return;
	if (r->left[r->depth - 1] != INDEFINITE)
		r->left[r->depth - 1]--;
	if (r->kind[r->depth - 1] & KIND_MAP)
		r->kind[r->depth - 1] ^= KIND_VALUE_DUE;
}

static dps_result enter(struct dps_cbor *r, const struct head *head)
{
	bool map = head->type == DPS_CBOR_MAP;
	if (r->depth == DPS_CONFIG_CBOR_DEPTH)
		return fail(r);
	take(r, head->size);
	r->left[r->depth] = head->indefinite ? INDEFINITE : (size_t)head->value * (map ? 2u : 1u);
	r->kind[r->depth] = map ? KIND_MAP : 0;
	r->depth++;
	return DPS_OK;
}

/* Reads a head of the type asked for; anything else is DPS_E_FIELD with the reader where it was. */
static dps_result expect(struct dps_cbor *r, enum dps_cbor_type type, struct head *head)
{
	dps_result result = decode_item(r, head);
	if (result == DPS_OK && head->type != type)
		return DPS_E_FIELD;
	return result;
}

void dps_cbor_init(struct dps_cbor *r, const uint8_t *data, size_t len)
{
	memset(r, 0, sizeof *r);
	r->data = data;
	r->len = len;
}

dps_result dps_cbor_peek(struct dps_cbor *r, enum dps_cbor_type *type)
{
	struct head head;
	dps_result result = decode_item(r, &head);
	if (result == DPS_OK)
		*type = head.type;
	return result;
}

dps_result dps_cbor_read_map(struct dps_cbor *r)
{
	struct head head;
	dps_result result = expect(r, DPS_CBOR_MAP, &head);
	return result == DPS_OK ? enter(r, &head) : result;
}

dps_result dps_cbor_read_array(struct dps_cbor *r)
{
	struct head head;
	dps_result result = expect(r, DPS_CBOR_ARRAY, &head);
	return result == DPS_OK ? enter(r, &head) : result;
}

dps_result dps_cbor_more(struct dps_cbor *r, bool *more)
{
	struct head head;
	dps_result result;

	*more = false;
	if (r->failed != DPS_OK)
		return r->failed;
	if (r->depth == 0 || (r->kind[r->depth - 1] & KIND_VALUE_DUE))
		return DPS_E_STATE;
	if (r->left[r->depth - 1] == INDEFINITE) {
		result = decode(r, &head);
		if (result != DPS_OK)
			return result;
		*more = !head.end;
		if (head.end)
			r->pos += head.size;
	} else {
		*more = r->left[r->depth - 1] > 0;
	}
	if (!*more)
		r->depth--;
	return DPS_OK;
}

static void take_string(struct dps_cbor *r, const struct head *head, struct dps_span *out)
{
	out->data = head->string;
	out->len = (size_t)head->value;
	take(r, head->size);
}

dps_result dps_cbor_read_text(struct dps_cbor *r, struct dps_span *text)
{
	struct head head;
	dps_result result = expect(r, DPS_CBOR_TEXT, &head);
	if (result != DPS_OK)
		return result;
	if (head.indefinite || !dps_text_is_valid((struct dps_span){head.string, (size_t)head.value}))
		return DPS_E_FIELD;
	take_string(r, &head, text);
	return DPS_OK;
}

dps_result dps_cbor_read_bytes(struct dps_cbor *r, struct dps_span *bytes)
{
	struct head head;
	dps_result result = expect(r, DPS_CBOR_BYTES, &head);
	if (result != DPS_OK)
		return result;
	if (head.indefinite)
		return DPS_E_FIELD;
	take_string(r, &head, bytes);
	return DPS_OK;
}

dps_result dps_cbor_read_text_or_bytes(struct dps_cbor *r, struct dps_span *out)
{
	struct head head;
	dps_result result = decode_item(r, &head);
	if (result != DPS_OK)
		return result;
	if ((head.type != DPS_CBOR_TEXT && head.type != DPS_CBOR_BYTES) || head.indefinite)
		return DPS_E_FIELD;
	take_string(r, &head, out);
	return DPS_OK;
}

dps_result dps_cbor_read_uint(struct dps_cbor *r, uint64_t max, uint64_t *value)
{
	struct head head;
	dps_result result = expect(r, DPS_CBOR_UINT, &head);
	if (result != DPS_OK)
		return result;
	if (head.value > max)
		return DPS_E_FIELD;
	*value = head.value;
	take(r, head.size);
	return DPS_OK;
}

dps_result dps_cbor_read_int(struct dps_cbor *r, int64_t *value)
{
	struct head head;
	dps_result result = decode_item(r, &head);
	if (result != DPS_OK)
		return result;
	if ((head.type != DPS_CBOR_UINT && head.type != DPS_CBOR_NEGATIVE) || head.value > INT64_MAX)
		return DPS_E_FIELD;
	*value = head.type == DPS_CBOR_UINT ? (int64_t)head.value : -1 - (int64_t)head.value;
	take(r, head.size);
	return DPS_OK;
}

dps_result dps_cbor_read_bool(struct dps_cbor *r, bool *value)
{
	struct head head;
	dps_result result = expect(r, DPS_CBOR_BOOL, &head);
	if (result != DPS_OK)
		return result;
	*value = head.value != 0;
	take(r, head.size);
	return DPS_OK;
}

/* Behind the head of a chunked string: definite strings of the same type up to the break (RFC 8949 3.2.3). Moves only r->pos. */
static dps_result skip_chunks(struct dps_cbor *r, enum dps_cbor_type type)
{
	struct head head;
	do {
		dps_result result = decode(r, &head);
		if (result != DPS_OK)
			return result;
		if (!head.end && (head.type != type || head.indefinite))
			return fail(r);
		r->pos += head.size;
	} while (!head.end);
	return DPS_OK;
}

/* Skips one head with what belongs to it; a container is entered. A tag counts with the item it stands before. */
static dps_result skip_head(struct dps_cbor *r)
{
	struct head head;
	dps_result result = decode_item(r, &head);
	while (result == DPS_OK && head.type == DPS_CBOR_TAG) {
		r->pos += head.size;
		result = decode_item(r, &head);
	}
	if (result != DPS_OK)
		return result;
	if (head.type == DPS_CBOR_ARRAY || head.type == DPS_CBOR_MAP)
		return enter(r, &head);
	take(r, head.size);
	return head.indefinite ? skip_chunks(r, head.type) : DPS_OK;
}

dps_result dps_cbor_skip(struct dps_cbor *r)
{
	size_t outside = r->depth;
	dps_result result = skip_head(r);
	while (result == DPS_OK && r->depth > outside) {
		bool more = true;
		/* Inside a map `more` is asked before keys only: the value follows by itself, and a break in its place is malformed. */
		if (!(r->kind[r->depth - 1] & KIND_VALUE_DUE))
			result = dps_cbor_more(r, &more);
		if (result == DPS_OK && more)
			result = skip_head(r);
	}
	return result;
}

dps_result dps_cbor_read_raw(struct dps_cbor *r, struct dps_span *raw)
{
	size_t start = r->pos;
	dps_result result = dps_cbor_skip(r);
	if (result != DPS_OK)
		return result;
	raw->data = r->data + start;
	raw->len = r->pos - start;
	return DPS_OK;
}

dps_result dps_cbor_end(struct dps_cbor *r)
{
	if (r->failed != DPS_OK)
		return r->failed;
	return r->depth == 0 && r->pos == r->len ? DPS_OK : fail(r);
}

bool dps_span_is(struct dps_span span, const char *text)
{
	size_t len = strlen(text);
	return span.len == len && (len == 0 || memcmp(span.data, text, len) == 0);
}
