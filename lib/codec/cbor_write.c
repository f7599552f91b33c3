/* SPDX-License-Identifier: Apache-2.0 */
/* The CBOR writer: libcbor encodes the heads, the bytes behind them are copied or left to gathered writes. */
#include "codec/cbor.h"

#include <string.h>

#include <cbor.h>

#define HEAD_SIZE 9 /* the longest head: one byte and a 64-bit argument */

static void append(struct dps_cbor_writer *w, const uint8_t *data, size_t len)
{
	if (len > SIZE_MAX - w->len) {
		w->len = SIZE_MAX;
		return;
	}
	if (w->len <= w->size && len <= w->size - w->len && len > 0)
		memcpy(w->data + w->len, data, len);
	w->len += len;
}

void dps_cbor_writer_init(struct dps_cbor_writer *w, uint8_t *data, size_t size)
{
	w->data = data;
	w->size = size;
	w->len = 0;
}

void dps_cbor_write_map(struct dps_cbor_writer *w, size_t pairs)
{
	uint8_t head[HEAD_SIZE];
	append(w, head, cbor_encode_map_start(pairs, head, sizeof head));
}

void dps_cbor_write_array(struct dps_cbor_writer *w, size_t items)
{
	uint8_t head[HEAD_SIZE];
	append(w, head, cbor_encode_array_start(items, head, sizeof head));
}

void dps_cbor_write_bytes_head(struct dps_cbor_writer *w, size_t len)
{
	uint8_t head[HEAD_SIZE];
	append(w, head, cbor_encode_bytestring_start(len, head, sizeof head));
}

void dps_cbor_write_text_head(struct dps_cbor_writer *w, size_t len)
{
	uint8_t head[HEAD_SIZE];
	append(w, head, cbor_encode_string_start(len, head, sizeof head));
}

void dps_cbor_write_text(struct dps_cbor_writer *w, const char *text)
{
	dps_cbor_write_text_span(w, (struct dps_span){(const uint8_t *)text, strlen(text)});
}

void dps_cbor_write_text_span(struct dps_cbor_writer *w, struct dps_span text)
{
	dps_cbor_write_text_head(w, text.len);
	append(w, text.data, text.len);
}

void dps_cbor_write_bytes(struct dps_cbor_writer *w, struct dps_span bytes)
{
	dps_cbor_write_bytes_head(w, bytes.len);
	append(w, bytes.data, bytes.len);
}

void dps_cbor_write_uint(struct dps_cbor_writer *w, uint64_t value)
{
	uint8_t head[HEAD_SIZE];
	append(w, head, cbor_encode_uint(value, head, sizeof head));
}

void dps_cbor_write_int(struct dps_cbor_writer *w, int64_t value)
{
	uint8_t head[HEAD_SIZE];
	if (value >= 0)
		dps_cbor_write_uint(w, (uint64_t)value);
	else
		append(w, head, cbor_encode_negint((uint64_t)(-1 - value), head, sizeof head));
}

void dps_cbor_write_bool(struct dps_cbor_writer *w, bool value)
{
	uint8_t head[HEAD_SIZE];
	append(w, head, cbor_encode_bool(value, head, sizeof head));
}

void dps_cbor_write_raw(struct dps_cbor_writer *w, struct dps_span encoded)
{
	append(w, encoded.data, encoded.len);
}

dps_result dps_cbor_finish(const struct dps_cbor_writer *w, size_t *len)
{
	*len = w->len;
	return w->len <= w->size ? DPS_OK : DPS_E_BUFFER;
}
