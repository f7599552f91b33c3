/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs: docs/storage-format.md, "Header". */
#include "store/blob.h"

#include <string.h>

#include "codec/text.h"

/* The header's layout is the same in all versions of the format, so that a blob can be told intact before its version is believed. */
#define MAGIC_0        0x64
#define MAGIC_1        0x70
#define FORMAT_VERSION 2
#define FORMAT_OLDEST  1
#define AT_VERSION     2
#define AT_KIND        3
#define AT_GENERATION  4
#define AT_LENGTH      8
#define AT_CRC         12

/* One behind the other, each with its NUL: a table of pointers would cost more than the walk. */
static const char names[] = "owner-0\0owner-1\0cloud-0\0cloud-1\0credentials-0\0credentials-1\0acls-0\0acls-1\0resources-0\0resources-1\0"
							"local-0\0local-1\0device-0\0device-1\0endpoints-0\0endpoints-1\0time-0\0time-1\0manifest-0\0manifest-1\0"
							"device\0endpoints\0time\0manifest";

/* The kind in the header keeps a blob under another's name from being taken for it. A single's slots are told apart by their generations. */
static const uint8_t kinds[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15, 10, 10, 11, 11, 12, 12, 13, 13, 10, 11, 12, 13};

_Static_assert(sizeof kinds == DPS_BLOB_COUNT, "each blob has a kind");

_Static_assert(sizeof("credentials-0") <= DPS_STORAGE_NAME_LENGTH + 1, "names fit the port");

static const char *name_of(unsigned blob)
{
	const char *name = names;

	while (blob-- > 0)
		name += strlen(name) + 1;
	return name;
}

static void put32(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 24);
	out[1] = (uint8_t)(value >> 16);
	out[2] = (uint8_t)(value >> 8);
	out[3] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *in)
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* A port may fail in ways of its own; what is no failure at all and still not success is one here. */
static dps_result port_result(dps_result result)
{
	return (int)result > 0 ? DPS_E_STORAGE : result;
}

dps_result dps_blob_write(const struct dps_storage *port, unsigned blob, uint32_t generation, struct dps_span *parts, size_t count)
{
	uint8_t header[DPS_BLOB_HEADER_SIZE] = {MAGIC_0, MAGIC_1, FORMAT_VERSION, kinds[blob]};
	size_t body = 0;
	uint32_t crc;
	size_t i;

	for (i = 1; i < count; i++) {
		if (parts[i].len > DPS_CONFIG_BODY_SIZE - DPS_BLOB_HEADER_SIZE - body)
			return DPS_E_TOO_LARGE;
		body += parts[i].len;
	}
	put32(header + AT_GENERATION, generation);
	put32(header + AT_LENGTH, (uint32_t)body);
	crc = dps_crc32(0, header, AT_CRC);
	for (i = 1; i < count; i++)
		crc = dps_crc32(crc, parts[i].data, parts[i].len);
	put32(header + AT_CRC, crc);
	parts[0] = (struct dps_span){header, sizeof header};
	return port_result(port->write(port->ctx, name_of(blob), parts, count));
}

dps_result dps_blob_read(const struct dps_storage *port, unsigned blob, uint8_t *buf, size_t size, uint32_t *generation,
                         struct dps_span *body)
{
	size_t len = 0;
	dps_result result = port_result(port->read(port->ctx, name_of(blob), buf, size, &len));

	if (result != DPS_OK)
		return result;
	if (len > size)
		return DPS_E_STORAGE;
	if (len < DPS_BLOB_HEADER_SIZE || buf[0] != MAGIC_0 || buf[1] != MAGIC_1)
		return DPS_E_STORAGE_CORRUPT;
	body->data = buf + DPS_BLOB_HEADER_SIZE;
	body->len = len - DPS_BLOB_HEADER_SIZE;
	if (get32(buf + AT_LENGTH) != body->len || get32(buf + AT_CRC) != dps_crc32(dps_crc32(0, buf, AT_CRC), body->data, body->len))
		return DPS_E_STORAGE_CORRUPT;
	*generation = get32(buf + AT_GENERATION);
	if (buf[AT_VERSION] > FORMAT_VERSION)
		return DPS_E_STORAGE_VERSION;
	return buf[AT_VERSION] < FORMAT_OLDEST || buf[AT_KIND] != kinds[blob] ? DPS_E_STORAGE_CORRUPT : DPS_OK;
}

dps_result dps_blob_erase(const struct dps_storage *port, unsigned blob)
{
	return port_result(port->erase(port->ctx, name_of(blob)));
}
