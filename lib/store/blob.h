/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One blob on the storage port: its name, its header, its check.
 */
#ifndef DPS_STORE_BLOB_H
#define DPS_STORE_BLOB_H

#include "dps/platform.h"
#include "dps/records.h"

#define DPS_BLOB_HEADER_SIZE 16

/*
 * Blobs are numbered, the two slots of each record first. The number is the blob's kind in the header, so that a blob under another's name is not
 * taken for it, and its bit in the masks of the store. A factory reset erases in this order.
 */
enum dps_blob { DPS_BLOB_DEVICE = 2 * DPS_RECORD_COUNT, DPS_BLOB_ENDPOINTS, DPS_BLOB_TIME, DPS_BLOB_MANIFEST, DPS_BLOB_COUNT };

/* Where a generation of a record lives. */
#define DPS_BLOB_OF(record, generation) (2u * (unsigned)(record) + (unsigned)((generation)&1u))
#define DPS_BLOB_BIT(blob)              (UINT32_C(1) << (blob))

/* Writes header and body. parts[0] is set here, the body are the parts behind it. DPS_E_TOO_LARGE: more than DPS_CONFIG_BODY_SIZE; DPS_E_STORAGE*. */
dps_result dps_blob_write(const struct dps_storage *port, unsigned blob, uint32_t generation, struct dps_span *parts, size_t count);

/*
 * Reads and checks a blob. DPS_E_NOT_FOUND, DPS_E_BUFFER; DPS_E_STORAGE_CORRUPT: header, length, CRC or kind is wrong; DPS_E_STORAGE_VERSION: intact, of
 * a newer format; DPS_E_STORAGE*: the port failed.
 */
dps_result dps_blob_read(const struct dps_storage *port, unsigned blob, uint8_t *buf, size_t size, uint32_t *generation,
                         struct dps_span *body);

/* What is not there is no error. */
dps_result dps_blob_erase(const struct dps_storage *port, unsigned blob);

#endif
