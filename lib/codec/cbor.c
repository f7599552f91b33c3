/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CBOR reader. libcbor's streaming decoder judges one head at a time (and a definite string with it); everything that spans items, that is
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
	uint32_t value;
	size_t size; /* bytes in the input, a definite string's own included */
};

enum { KIND_MAP = 1, KIND_VALUE_DUE = 2 };

#define INDEFINITE SIZE_MAX

/* RFC 8949 section 3: the additional information that says what follows the first byte. */
enum { INFO_ONE_BYTE = 24, INFO_INDEFINITE = 31 };

#define BIT(type) (1u << (unsigned)(type))

static dps_result fail(struct dps_cbor *r)
{
	r->failed = DPS_E_CBOR;
	return DPS_E_CBOR;
}

/* The last major type is what the additional information says: true, false, null, undefined, a float, the break. */
static enum dps_cbor_type type_of(unsigned major, unsigned info)
{
	if (major < 7)
		return (enum dps_cbor_type)major;
	if (info == 20 || info == 21)
		return DPS_CBOR_BOOL;
	return info == 22 || info == 23 ? DPS_CBOR_NULL : DPS_CBOR_OTHER;
}

/* The argument of a head that is there whole. What is beyond 32 bits is UINT32_MAX: no length that could be true. */
static uint32_t argument(const uint8_t *p, unsigned info, size_t size)
{
	uint32_t value = 0;
	size_t i;

	if (size == 0)
		return info == INFO_INDEFINITE ? 0 : info;
	for (i = 1; i <= size; i++) {
		if (value > UINT32_MAX >> 8)
			return UINT32_MAX;
		value = value << 8 | p[i];
	}
	return value;
}

/*
 * Decodes the head at the reader's position without moving it. libcbor judges it: what is reserved, unassigned or not there whole it does not finish. Its
 * lengths are of size_t, and where that has 32 bits it loses the rest of longer ones, so a string must be as long as its head says.
 */
static dps_result decode(struct dps_cbor *r, struct head *head)
{
	const size_t len = r->len - r->pos;
	const uint8_t *p;
	struct cbor_decoder_result decoded;
	unsigned info;
	size_t size;

	if (r->failed != DPS_OK)
		return r->failed;
	if (len == 0)
		return fail(r);
	p = r->data + r->pos;
	decoded = cbor_stream_decode(p, len, &cbor_empty_callbacks, NULL);
	if (decoded.status != CBOR_DECODER_FINISHED || decoded.read > len)
		return fail(r);
	info = p[0] & 0x1fu;
	size = info >= INFO_ONE_BYTE && info < INFO_INDEFINITE ? (size_t)1 << (info - INFO_ONE_BYTE) : 0;
	head->type = type_of(p[0] >> 5, info);
	head->indefinite = info == INFO_INDEFINITE;
	head->end = head->indefinite && head->type == DPS_CBOR_OTHER;
	head->value = argument(p, info, size);
	head->size = decoded.read;
	switch (head->type) {
	case DPS_CBOR_BYTES:
	case DPS_CBOR_TEXT:
		return decoded.read - 1 - size == head->value ? DPS_OK : fail(r);
	/* Each item takes a byte at least: more items than bytes left is a lie, and found here it can cost nobody any work. */
	case DPS_CBOR_ARRAY:
		return head->value <= len - head->size ? DPS_OK : fail(r);
	case DPS_CBOR_MAP:
		return head->value <= (len - head->size) / 2 ? DPS_OK : fail(r);
	default:
		return DPS_OK;
	}
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
	r->left[r->depth] = head->indefinite ? INDEFINITE : head->value * (map ? (size_t)2 : 1);
	r->kind[r->depth] = map ? KIND_MAP : 0;
	r->depth++;
	return DPS_OK;
}

/* Reads a head of one of the types asked for; anything else is DPS_E_FIELD with the reader where it was. */
static dps_result expect(struct dps_cbor *r, unsigned types, struct head *head)
{
	dps_result result = decode_item(r, head);
	if (result == DPS_OK && (types & BIT(head->type)) == 0)
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

static dps_result read_container(struct dps_cbor *r, enum dps_cbor_type type)
{
	struct head head;
	dps_result result = expect(r, BIT(type), &head);
	return result == DPS_OK ? enter(r, &head) : result;
}

dps_result dps_cbor_read_map(struct dps_cbor *r)
{
	return read_container(r, DPS_CBOR_MAP);
}

dps_result dps_cbor_read_array(struct dps_cbor *r)
{
	return read_container(r, DPS_CBOR_ARRAY);
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

/* A definite string of one of the types. Where a text is asked for, it must be one. */
static dps_result read_string(struct dps_cbor *r, unsigned types, struct dps_span *out)
{
	struct head head;
	struct dps_span string;
	dps_result result = expect(r, types, &head);

	if (result != DPS_OK)
		return result;
	string.len = head.value;
	string.data = r->data + r->pos + head.size - string.len;
	if (head.indefinite || (types == BIT(DPS_CBOR_TEXT) && !dps_text_is_valid(string)))
		return DPS_E_FIELD;
	*out = string;
	take(r, head.size);
	return DPS_OK;
}

dps_result dps_cbor_read_text(struct dps_cbor *r, struct dps_span *text)
{
	return read_string(r, BIT(DPS_CBOR_TEXT), text);
}

dps_result dps_cbor_read_text_or_bytes(struct dps_cbor *r, struct dps_span *out)
{
	return read_string(r, BIT(DPS_CBOR_TEXT) | BIT(DPS_CBOR_BYTES), out);
}

dps_result dps_cbor_read_uint(struct dps_cbor *r, uint32_t max, uint32_t *value)
{
	struct head head;
	dps_result result = expect(r, BIT(DPS_CBOR_UINT), &head);
	if (result != DPS_OK)
		return result;
	if (head.value > max)
		return DPS_E_FIELD;
	*value = head.value;
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
