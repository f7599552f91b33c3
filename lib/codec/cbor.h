/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBOR (RFC 8949) for small messages: a pull reader over libcbor's streaming decoder and a writer into a fixed buffer.
 *
 * Reader: values are taken in order; a container is entered with dps_cbor_read_map/array and walked with dps_cbor_more until that says there
 * is none, which also leaves it. Definite and indefinite lengths are the same to the caller. Nesting is bounded by DPS_CONFIG_CBOR_DEPTH, nothing
 * recurses, nothing is copied: spans point into the input, and no amount of claimed items makes the work exceed the input. Malformed or
 * truncated input, reserved bits, unassigned simple values (libcbor knows none), nesting too deep: DPS_E_CBOR. A value of another type than asked
 * for: DPS_E_FIELD (and the reader stays before it). The first DPS_E_CBOR sticks: all later calls return it.
 *
 *	dps_cbor_init(&r, data, len);
 *	result = dps_cbor_read_map(&r);
 *	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
 *		result = dps_cbor_read_text(&r, &key);
 *		... read or dps_cbor_skip(&r) the value ...
 *	}
 *	if (result == DPS_OK) result = dps_cbor_end(&r);
 */
#ifndef DPS_CODEC_CBOR_H
#define DPS_CODEC_CBOR_H

#include "dps/config.h"
#include "dps/types.h"

/* The first seven are the major types of RFC 8949 section 3.1. */
enum dps_cbor_type {
	DPS_CBOR_UINT,
	DPS_CBOR_NEGATIVE,
	DPS_CBOR_BYTES,
	DPS_CBOR_TEXT,
	DPS_CBOR_ARRAY,
	DPS_CBOR_MAP,
	DPS_CBOR_TAG,
	DPS_CBOR_BOOL, /* its number is that of the major type, too */
	DPS_CBOR_NULL, /* null and undefined */
	DPS_CBOR_OTHER /* floats */
};

struct dps_cbor {
	const uint8_t *data;
	size_t len;
	size_t pos;
	dps_result failed;                   /* DPS_OK or the DPS_E_CBOR that sticks */
	size_t depth;                        /* containers entered */
	size_t left[DPS_CONFIG_CBOR_DEPTH];  /* items left in each (a map counts keys and values); SIZE_MAX: indefinite */
	uint8_t kind[DPS_CONFIG_CBOR_DEPTH]; /* whether it is a map, and whether a key in it waits for its value */
};

void dps_cbor_init(struct dps_cbor *r, const uint8_t *data, size_t len);
/* Type of the next item (tags are not looked through). DPS_E_CBOR at the end of the input or of a container. */
dps_result dps_cbor_peek(struct dps_cbor *r, enum dps_cbor_type *type);
dps_result dps_cbor_read_map(struct dps_cbor *r);
dps_result dps_cbor_read_array(struct dps_cbor *r);
/*
 * Whether the container entered last has another item (for a map: a pair); if not, it is left. DPS_E_STATE outside containers and between a key and
 * its value.
 */
dps_result dps_cbor_more(struct dps_cbor *r, bool *more);
dps_result dps_cbor_read_text(struct dps_cbor *r,
                              struct dps_span *text); /* valid UTF-8, no NUL inside, else DPS_E_FIELD; chunked strings: DPS_E_FIELD */
dps_result dps_cbor_read_text_or_bytes(struct dps_cbor *r, struct dps_span *out); /* no UTF-8 check */
/* Above max, which is below UINT32_MAX: DPS_E_FIELD. */
dps_result dps_cbor_read_uint(struct dps_cbor *r, uint32_t max, uint32_t *value);
/* Skips one item whole, chunked strings and tags included. */
dps_result dps_cbor_skip(struct dps_cbor *r);
/* As skip, and gives the item's encoding. */
dps_result dps_cbor_read_raw(struct dps_cbor *r, struct dps_span *raw);
/* The input must end here, outside all containers: else DPS_E_CBOR. */
dps_result dps_cbor_end(struct dps_cbor *r);
/* Whether a text span is this C string. */
bool dps_span_is(struct dps_span span, const char *text);

/* Writer. Running out of room sticks; dps_cbor_finish tells. */
struct dps_cbor_writer {
	uint8_t *data;
	size_t size;
	size_t len; /* bytes that would have been written so far; > size once out of room */
};

void dps_cbor_writer_init(struct dps_cbor_writer *w, uint8_t *data, size_t size);
/* A head of a major type: an integer, or what stands before items or a string. */
void dps_cbor_write_head(struct dps_cbor_writer *w, enum dps_cbor_type type, size_t value);
/* Bytes as they are: items encoded before, or the string behind a head. */
void dps_cbor_write_raw(struct dps_cbor_writer *w, struct dps_span encoded);
void dps_cbor_write_text(struct dps_cbor_writer *w, const char *text);
void dps_cbor_write_text_span(struct dps_cbor_writer *w, struct dps_span text);
/* DPS_OK and the length, or DPS_E_BUFFER and the length needed (SIZE_MAX when that cannot be told). */
dps_result dps_cbor_finish(const struct dps_cbor_writer *w, size_t *len);

static inline void dps_cbor_write_map(struct dps_cbor_writer *w, size_t pairs) /* definite */
{
	dps_cbor_write_head(w, DPS_CBOR_MAP, pairs);
}

static inline void dps_cbor_write_array(struct dps_cbor_writer *w, size_t items) /* definite */
{
	dps_cbor_write_head(w, DPS_CBOR_ARRAY, items);
}

/* The head of a text whose bytes the caller puts behind it. */
static inline void dps_cbor_write_text_head(struct dps_cbor_writer *w, size_t len)
{
	dps_cbor_write_head(w, DPS_CBOR_TEXT, len);
}

static inline void dps_cbor_write_uint(struct dps_cbor_writer *w, uint32_t value)
{
	dps_cbor_write_head(w, DPS_CBOR_UINT, value);
}

static inline void dps_cbor_write_bool(struct dps_cbor_writer *w, bool value)
{
	dps_cbor_write_head(w, DPS_CBOR_BOOL, value ? 21 : 20); /* the simple values, RFC 8949 section 3.3 */
}

#endif
