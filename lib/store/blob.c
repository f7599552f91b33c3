/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs: docs/storage-format.md, "Header". */
#include "store/blob.h"

#include "codec/text.h"

/* The header's layout is the same in all versions of the format, so that a blob can be told intact before its version is believed. */
#define MAGIC_0        0x64
#define MAGIC_1        0x70
#define FORMAT_VERSION 1
#define AT_VERSION     2
#define AT_KIND        3
#define AT_GENERATION  4
#define AT_LENGTH      8
#define AT_CRC         12

void dps_blob_put32(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 24);
	out[1] = (uint8_t)(value >> 16);
	out[2] = (uint8_t)(value >> 8);
	out[3] = (uint8_t)value;
}

uint32_t dps_blob_get32(const uint8_t *in)
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* A port may fail in ways of its own; what is no failure at all and still not success is one here. */
static dps_result port_result(dps_result result)
{
	return (int)result > 0 ? DPS_E_STORAGE : result;
}

/* Makes a part of what was written to the scratch since the last one. */
static void end_run(struct dps_blob_writer *w)
{
	if (w->cbor.len == w->run || w->cbor.len > w->cbor.size)
		return;
	w->parts[w->count].data = w->cbor.data + w->run;
	w->parts[w->count].len = w->cbor.len - w->run;
	w->count++;
	w->run = w->cbor.len;
}

void dps_blob_begin(struct dps_blob_writer *w, uint8_t *scratch, size_t size)
{
	dps_cbor_writer_init(&w->cbor, scratch, size);
	w->run = 0;
	w->count = 1; /* the header's */
}

void dps_blob_add(struct dps_blob_writer *w, struct dps_span bytes)
{
	if (bytes.len == 0)
		return;
	/* The run before it, itself, and perhaps a run behind it. */
	if (w->count + 3 > DPS_BLOB_PARTS) {
		dps_cbor_write_raw(&w->cbor, bytes);
		return;
	}
	end_run(w);
	w->parts[w->count++] = bytes;
}

dps_result dps_blob_write(struct dps_blob_writer *w, const struct dps_storage *port, const char *name, unsigned kind, uint32_t generation)
{
	uint8_t header[DPS_BLOB_HEADER_SIZE] = {MAGIC_0, MAGIC_1, FORMAT_VERSION, (uint8_t)kind};
	size_t body = 0;
	size_t ignored;
	uint32_t crc;
	size_t i;

	if (dps_cbor_finish(&w->cbor, &ignored) != DPS_OK)
		return DPS_E_BUFFER;
	end_run(w);
	for (i = 1; i < w->count; i++) {
		if (w->parts[i].len > DPS_CONFIG_BODY_SIZE - DPS_BLOB_HEADER_SIZE - body)
			return DPS_E_TOO_LARGE;
		body += w->parts[i].len;
	}
	dps_blob_put32(header + AT_GENERATION, generation);
	dps_blob_put32(header + AT_LENGTH, (uint32_t)body);
	crc = dps_crc32(0, header, AT_CRC);
	for (i = 1; i < w->count; i++)
		crc = dps_crc32(crc, w->parts[i].data, w->parts[i].len);
	dps_blob_put32(header + AT_CRC, crc);
	w->parts[0] = (struct dps_span){header, sizeof header};
	return port_result(port->write(port->ctx, name, w->parts, w->count));
}

dps_result dps_blob_read(const struct dps_storage *port, const char *name, unsigned kind, uint8_t *buf, size_t size, uint32_t *generation,
                         struct dps_span *body)
{
	size_t len = 0;
	dps_result result = port_result(port->read(port->ctx, name, buf, size, &len));

	if (result != DPS_OK)
		return result;
	if (len > size)
		return DPS_E_STORAGE;
	if (len < DPS_BLOB_HEADER_SIZE || buf[0] != MAGIC_0 || buf[1] != MAGIC_1)
		return DPS_E_STORAGE_CORRUPT;
	body->data = buf + DPS_BLOB_HEADER_SIZE;
	body->len = len - DPS_BLOB_HEADER_SIZE;
	if (dps_blob_get32(buf + AT_LENGTH) != body->len ||
	    dps_blob_get32(buf + AT_CRC) != dps_crc32(dps_crc32(0, buf, AT_CRC), body->data, body->len))
		return DPS_E_STORAGE_CORRUPT;
	if (buf[AT_VERSION] > FORMAT_VERSION)
		return DPS_E_STORAGE_VERSION;
	if (buf[AT_VERSION] != FORMAT_VERSION || buf[AT_KIND] != kind)
		return DPS_E_STORAGE_CORRUPT;
	*generation = dps_blob_get32(buf + AT_GENERATION);
	return DPS_OK;
}
