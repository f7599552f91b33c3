/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a blob's body: docs/storage-format.md, "Bodies". A table says it for each blob, and one writer and one reader serve all of them. The view
 * of a blob is the structure that its table speaks of; strings in it point into the buffer that was read into.
 */
#ifndef DPS_STORE_LAYOUT_H
#define DPS_STORE_LAYOUT_H

#include "dps/records.h"
#include "store/blob.h"
#include "store/store.h"

/* As struct dps_store_device, with the slot as it lies in the blob. */
struct dps_device_view {
	struct dps_uuid id;
	struct dps_span key_slot;
};

struct dps_time_view {
	int64_t unix_ms;
};

/* Any blob's view. */
union dps_view {
	struct dps_owner owner;
	struct dps_cloud cloud;
	struct dps_credentials credentials;
	struct dps_acl acls;
	struct dps_resources resources;
	struct dps_local local;
	struct dps_device_view device;
	struct dps_stored_endpoints endpoints;
	struct dps_time_view time;
	struct dps_manifest manifest;
};

/*
 * Writes a blob. DPS_E_ARGUMENT: a count or length beyond its bound; DPS_E_TOO_LARGE: more than DPS_CONFIG_BODY_SIZE; DPS_E_CBOR, DPS_E_FIELD: ACLs or
 * resources that are none; DPS_E_STORAGE*.
 */
dps_result dps_layout_write(const struct dps_storage *port, unsigned blob, uint32_t generation, const void *view);

/* Reads a blob: as dps_blob_read, and DPS_E_STORAGE_CORRUPT if its body is not what dps_layout_write makes. */
dps_result dps_layout_read(const struct dps_storage *port, unsigned blob, uint8_t *buf, size_t size, uint32_t *generation, void *view);

#endif
