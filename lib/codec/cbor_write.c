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

/* Heads of all types are alike but for the type in the upper three bits. */
void dps_cbor_write_head(struct dps_cbor_writer *w, enum dps_cbor_type type, size_t value)
{
	uint8_t head[HEAD_SIZE];
	size_t len = cbor_encode_uint(value, head, sizeof head);
	head[0] = (uint8_t)(head[0] | (unsigned)type << 5);
	append(w, head, len);
}

void dps_cbor_write_raw(struct dps_cbor_writer *w, struct dps_span encoded)
{
	append(w, encoded.data, encoded.len);
}

void dps_cbor_write_text_span(struct dps_cbor_writer *w, struct dps_span text)
{
	dps_cbor_write_text_head(w, text.len);
	append(w, text.data, text.len);
}

void dps_cbor_write_text(struct dps_cbor_writer *w, const char *text)
{
	dps_cbor_write_text_span(w, (struct dps_span){(const uint8_t *)text, strlen(text)});
}

dps_result dps_cbor_finish(const struct dps_cbor_writer *w, size_t *len)
{
	*len = w->len;
	return w->len <= w->size ? DPS_OK : DPS_E_BUFFER;
}
