/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to the device and not to an answer: its id and key slot, its endpoints, the floor of its clock. */
#include <string.h>

#include "store/internal.h"
#include "store/layout.h"

/* Room for the blobs that are read to the stack, and for some growth of them within a version. */
#define DEVICE_SIZE (DPS_BLOB_HEADER_SIZE + 64 + DPS_CONFIG_SLOT_LENGTH)
#define TIME_SIZE   (DPS_BLOB_HEADER_SIZE + 48)
#define TIME_MAX    INT64_C(253402300799999) /* the last millisecond of the year 9999 */

static dps_result read_single(const struct dps_store *store, unsigned pair, uint8_t *buf, size_t size, void *view)
{
	dps_result result = dps_store_readable(store);

	return result == DPS_OK ? dps_single_read(store, pair, buf, size, view) : result;
}

static dps_result write_single(struct dps_store *store, unsigned pair, const void *view)
{
	dps_result result = dps_store_writable(store);

	return result == DPS_OK ? dps_single_write(store, pair, view) : result;
}

dps_result dps_store_read_device(struct dps_store *store, struct dps_store_device *device)
{
	uint8_t buf[DEVICE_SIZE];
	struct dps_device_view view;
	dps_result result = read_single(store, DPS_PAIR_DEVICE, buf, sizeof buf, &view);

	if (result != DPS_OK)
		return result == DPS_E_BUFFER ? DPS_E_STORAGE_CORRUPT : result;
	device->id = view.id;
	memcpy(device->key_slot, view.key_slot.data, view.key_slot.len);
	device->key_slot[view.key_slot.len] = '\0';
	return DPS_OK;
}

dps_result dps_store_write_device(struct dps_store *store, const struct dps_store_device *device)
{
	const char *end = memchr(device->key_slot, '\0', sizeof device->key_slot);
	struct dps_device_view view = {.id = device->id};

	if (end != NULL) /* an empty slot is refused */
		view.key_slot = (struct dps_span){(const uint8_t *)device->key_slot, (size_t)(end - device->key_slot)};
	return write_single(store, DPS_PAIR_DEVICE, &view);
}

dps_result dps_store_read_endpoints(struct dps_store *store, uint8_t *buf, size_t size, struct dps_stored_endpoints *endpoints)
{
	dps_result result = read_single(store, DPS_PAIR_ENDPOINTS, buf, size, endpoints);

	if (result != DPS_OK)
		memset(endpoints, 0, sizeof *endpoints);
	return result == DPS_E_NOT_FOUND ? DPS_OK : result;
}

dps_result dps_store_write_endpoints(struct dps_store *store, const struct dps_stored_endpoints *endpoints)
{
	return write_single(store, DPS_PAIR_ENDPOINTS, endpoints);
}

dps_result dps_store_read_time(struct dps_store *store, int64_t *unix_ms)
{
	uint8_t buf[TIME_SIZE];
	struct dps_time_view view;
	dps_result result = read_single(store, DPS_PAIR_TIME, buf, sizeof buf, &view);
	const bool good = result == DPS_OK && view.unix_ms >= 0 && view.unix_ms <= TIME_MAX;

	*unix_ms = good ? view.unix_ms : 0;
	return dps_store_is_lost(result) ? DPS_OK : result;
}

dps_result dps_store_write_time(struct dps_store *store, int64_t unix_ms)
{
	const struct dps_time_view view = {unix_ms};

	if (unix_ms < 0 || unix_ms > TIME_MAX)
		return DPS_E_ARGUMENT;
	return write_single(store, DPS_PAIR_TIME, &view);
}
