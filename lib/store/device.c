/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to the device and not to an answer: its id and key slot, its endpoints, the floor of its clock. */
#include <string.h>

#include "store/internal.h"
#include "store/record.h"

/* Heads of the list and its entries, and the URIs that are more than can be referred to. */
#define ENDPOINTS_SCRATCH                                                                                                                  \
	(8 + 8 * DPS_CONFIG_ENDPOINTS + DPS_CONFIG_URI_LENGTH * DPS_RECORD_OVER(DPS_CONFIG_ENDPOINTS, DPS_BLOB_REFERENCES))
#define DEVICE_SIZE (DPS_BLOB_HEADER_SIZE + 32 + DPS_CONFIG_SLOT_LENGTH)
#define TIME_SIZE   (DPS_BLOB_HEADER_SIZE + 16)
#define TIME_MAX    INT64_C(253402300799999) /* the last millisecond of the year 9999 */

const struct dps_store_device_blob dps_store_device_blobs[DPS_STORE_DEVICE_BLOBS] = {
	[DPS_STORE_AT_DEVICE] = {"device", DPS_BLOB_DEVICE},
	[DPS_STORE_AT_ENDPOINTS] = {"endpoints", DPS_BLOB_ENDPOINTS},
	[DPS_STORE_AT_TIME] = {"time", DPS_BLOB_TIME},
};

static dps_result read_body(struct dps_store *store, size_t which, uint8_t *buf, size_t size, struct dps_cbor *r)
{
	const struct dps_store_device_blob *blob = &dps_store_device_blobs[which];
	struct dps_span body;
	uint32_t ignored;
	dps_result result = dps_store_readable(store);

	if (result == DPS_OK)
		result = dps_blob_read(store->port, blob->name, blob->kind, buf, size, &ignored, &body);
	if (result == DPS_OK)
		dps_cbor_init(r, body.data, body.len);
	return result;
}

static dps_result write_body(struct dps_store *store, size_t which, struct dps_blob_writer *w)
{
	const struct dps_store_device_blob *blob = &dps_store_device_blobs[which];
	return dps_blob_write(w, store->port, blob->name, blob->kind, 0);
}

/* What is intact and still not what is written here is damage too. */
static dps_result judge(dps_result result)
{
	return result == DPS_E_CBOR || result == DPS_E_FIELD ? DPS_E_STORAGE_CORRUPT : result;
}

/* --- the device -------------------------------------------------------------------------------------------------------------------- */

static dps_result parse_device(struct dps_cbor *r, struct dps_device *device)
{
	struct dps_span id, slot;
	dps_result result = dps_cbor_read_array(r);

	if (result == DPS_OK)
		result = dps_cbor_read_bytes(r, &id);
	if (result == DPS_OK)
		result = dps_cbor_read_text(r, &slot);
	if (result != DPS_OK)
		return result;
	if (id.len != sizeof device->id.bytes || slot.len == 0 || slot.len > DPS_CONFIG_SLOT_LENGTH)
		return DPS_E_FIELD;
	memcpy(device->id.bytes, id.data, sizeof device->id.bytes);
	memcpy(device->key_slot, slot.data, slot.len);
	device->key_slot[slot.len] = '\0';
	return DPS_OK;
}

dps_result dps_store_read_device(struct dps_store *store, struct dps_device *device)
{
	uint8_t buf[DEVICE_SIZE];
	struct dps_cbor r;
	dps_result result = read_body(store, DPS_STORE_AT_DEVICE, buf, sizeof buf, &r);

	if (result == DPS_E_BUFFER)
		return DPS_E_STORAGE_CORRUPT;
	return result == DPS_OK ? judge(parse_device(&r, device)) : result;
}

dps_result dps_store_write_device(struct dps_store *store, const struct dps_device *device)
{
	uint8_t scratch[DEVICE_SIZE];
	struct dps_blob_writer w;
	const char *end = memchr(device->key_slot, '\0', sizeof device->key_slot);
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	if (end == NULL || end == device->key_slot)
		return DPS_E_ARGUMENT;
	dps_blob_begin(&w, scratch, sizeof scratch);
	dps_cbor_write_array(&w.cbor, 2);
	dps_cbor_write_bytes(&w.cbor, (struct dps_span){device->id.bytes, sizeof device->id.bytes});
	dps_cbor_write_text(&w.cbor, device->key_slot);
	return write_body(store, DPS_STORE_AT_DEVICE, &w);
}

/* --- endpoints --------------------------------------------------------------------------------------------------------------------- */

static dps_result parse_endpoint(struct dps_cbor *r, struct dps_stored_endpoint *endpoint)
{
	bool more;
	dps_result result = dps_cbor_read_array(r);

	if (result == DPS_OK)
		result = dps_cbor_read_text(r, &endpoint->uri);
	if (result == DPS_OK)
		result = dps_cbor_read_bool(r, &endpoint->no_resources);
	if (result == DPS_OK)
		result = dps_cbor_more(r, &more);
	if (result != DPS_OK)
		return result;
	return !more && endpoint->uri.len > 0 && endpoint->uri.len <= DPS_CONFIG_URI_LENGTH ? DPS_OK : DPS_E_FIELD;
}

static dps_result parse_endpoints(struct dps_cbor *r, struct dps_stored_endpoint *list, size_t max, size_t *count)
{
	bool more;
	dps_result result = dps_cbor_read_array(r);

	while (result == DPS_OK && (result = dps_cbor_more(r, &more)) == DPS_OK && more) {
		struct dps_stored_endpoint endpoint;
		result = parse_endpoint(r, &endpoint);
		if (result == DPS_OK && *count < max)
			list[(*count)++] = endpoint;
	}
	return result == DPS_OK ? dps_cbor_end(r) : result;
}

dps_result dps_store_read_endpoints(struct dps_store *store, uint8_t *buf, size_t size, struct dps_stored_endpoint *list, size_t max,
                                    size_t *count)
{
	struct dps_cbor r;
	dps_result result = read_body(store, DPS_STORE_AT_ENDPOINTS, buf, size, &r);

	*count = 0;
	if (result == DPS_E_NOT_FOUND)
		return DPS_OK;
	if (result == DPS_OK)
		result = judge(parse_endpoints(&r, list, max, count));
	if (result != DPS_OK)
		*count = 0;
	return result;
}

dps_result dps_store_write_endpoints(struct dps_store *store, const struct dps_stored_endpoint *list, size_t count)
{
	uint8_t scratch[ENDPOINTS_SCRATCH];
	struct dps_blob_writer w;
	size_t i;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	if (count > DPS_CONFIG_ENDPOINTS)
		return DPS_E_ARGUMENT;
	dps_blob_begin(&w, scratch, sizeof scratch);
	dps_cbor_write_array(&w.cbor, count);
	for (i = 0; i < count; i++) {
		if (list[i].uri.len == 0 || list[i].uri.len > DPS_CONFIG_URI_LENGTH)
			return DPS_E_ARGUMENT;
		dps_cbor_write_array(&w.cbor, 2);
		dps_cbor_write_text_head(&w.cbor, list[i].uri.len);
		dps_blob_add(&w, list[i].uri);
		dps_cbor_write_bool(&w.cbor, list[i].no_resources);
	}
	return write_body(store, DPS_STORE_AT_ENDPOINTS, &w);
}

/* --- time -------------------------------------------------------------------------------------------------------------------------- */

dps_result dps_store_read_time(struct dps_store *store, int64_t *unix_ms)
{
	uint8_t buf[TIME_SIZE];
	struct dps_cbor r;
	uint64_t value = 0;
	dps_result result = read_body(store, DPS_STORE_AT_TIME, buf, sizeof buf, &r);

	if (result == DPS_OK)
		result = judge(dps_cbor_read_uint(&r, (uint64_t)TIME_MAX, &value));
	*unix_ms = result == DPS_OK ? (int64_t)value : 0;
	if (result == DPS_E_NOT_FOUND || result == DPS_E_STORAGE_CORRUPT || result == DPS_E_BUFFER)
		return DPS_OK;
	return result;
}

dps_result dps_store_write_time(struct dps_store *store, int64_t unix_ms)
{
	uint8_t scratch[TIME_SIZE];
	struct dps_blob_writer w;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	if (unix_ms < 0 || unix_ms > TIME_MAX)
		return DPS_E_ARGUMENT;
	dps_blob_begin(&w, scratch, sizeof scratch);
	dps_cbor_write_uint(&w.cbor, (uint64_t)unix_ms);
	return write_body(store, DPS_STORE_AT_TIME, &w);
}
