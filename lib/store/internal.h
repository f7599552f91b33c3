/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share about an open store. */
#ifndef DPS_STORE_INTERNAL_H
#define DPS_STORE_INTERNAL_H

#include "store/blob.h"
#include "store/store.h"

/* DPS_OK; DPS_E_STATE: it did not open; DPS_E_NOT_FOUND: a reset was begun, nothing is there any more. */
dps_result dps_store_readable(const struct dps_store *store);
/* DPS_OK; DPS_E_STATE; or why a reset that was begun cannot be ended. */
dps_result dps_store_writable(struct dps_store *store);

/* The device's own blobs. */
struct dps_store_device_blob {
	const char *name;
	unsigned kind;
};
enum { DPS_STORE_AT_DEVICE, DPS_STORE_AT_ENDPOINTS, DPS_STORE_AT_TIME, DPS_STORE_DEVICE_BLOBS };
extern const struct dps_store_device_blob dps_store_device_blobs[DPS_STORE_DEVICE_BLOBS];

#endif
