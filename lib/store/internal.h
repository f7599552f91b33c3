/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share about an open store. */
#ifndef DPS_STORE_INTERNAL_H
#define DPS_STORE_INTERNAL_H

#include "store/store.h"

/* DPS_OK; DPS_E_STATE: it did not open; DPS_E_NOT_FOUND: a reset was begun, nothing is there any more. */
dps_result dps_store_readable(const struct dps_store *store);
/* DPS_OK; DPS_E_STATE; or why a reset that was begun cannot be ended. */
dps_result dps_store_writable(struct dps_store *store);
/* Erases the blobs of a mask, all that can be, the first generations before others. The first failure. */
dps_result dps_store_erase(struct dps_store *store, uint32_t blobs);
/* Whether a blob that was read is missing, damaged or too large for any buffer: nothing that a new one could not mend. */
bool dps_store_is_lost(dps_result result);

/*
 * single.c. At opening: finds the blob of a single (enum dps_pair from DPS_RECORD_COUNT on) that is to be used, and what is to go. DPS_OK: there is one;
 * DPS_E_NOT_FOUND; DPS_E_STORAGE_CORRUPT: there are only damaged ones; DPS_E_STORAGE_VERSION: one of them is of a newer format; DPS_E_STORAGE*.
 */
dps_result dps_single_find(struct dps_store *store, unsigned pair, uint8_t *buf, size_t size);
/* The blob that is in use. */
unsigned dps_single_blob(const struct dps_store *store, unsigned pair);
/* Reads the one in use: as dps_blob_read, DPS_E_STORAGE_CORRUPT also if there are only damaged ones. */
dps_result dps_single_read(const struct dps_store *store, unsigned pair, uint8_t *buf, size_t size, void *view);
/* Writes it anew: as dps_layout_write. On failure the one in use has not changed. */
dps_result dps_single_write(struct dps_store *store, unsigned pair, const void *view);

#endif
