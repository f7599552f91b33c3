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
 * What is kept in two slots each: the records, whose numbers are those of enum dps_record, and behind them what is single (the manifest does not
 * speak of it).
 */
enum dps_pair { DPS_PAIR_DEVICE = DPS_RECORD_COUNT, DPS_PAIR_ENDPOINTS, DPS_PAIR_TIME, DPS_PAIR_MANIFEST, DPS_PAIR_COUNT };

/* Blobs are numbered: the two slots of each pair, and behind them the one blob that each single had in format version 1. */
enum dps_blob { DPS_BLOB_OLD = 2 * DPS_PAIR_COUNT, DPS_BLOB_COUNT = DPS_BLOB_OLD + DPS_PAIR_COUNT - DPS_RECORD_COUNT };

/* Where a generation lives: the lowest bit is the slot. */
#define DPS_BLOB_OF(pair, generation) (2u * (unsigned)(pair) + (unsigned)((generation)&1u))
/* The old blob of a single. */
#define DPS_BLOB_OLD_OF(pair) ((unsigned)DPS_BLOB_OLD + (unsigned)(pair) - (unsigned)DPS_RECORD_COUNT)
#define DPS_PAIR_OF(blob)                                                                                                                  \
	((unsigned)(blob) < (unsigned)DPS_BLOB_OLD ? (unsigned)(blob) / 2u                                                                     \
	                                           : (unsigned)(blob) - (unsigned)DPS_BLOB_OLD + (unsigned)DPS_RECORD_COUNT)
#define DPS_BLOB_BIT(blob) (UINT32_C(1) << (blob))
/* All old blobs. */
#define DPS_SINGLES_OLD (DPS_BLOB_BIT(DPS_BLOB_COUNT) - DPS_BLOB_BIT(DPS_BLOB_OLD))
/* Both slots of all records. */
#define DPS_RECORDS_SLOTS (DPS_BLOB_BIT(2u * DPS_RECORD_COUNT) - 1u)
/* Both slots of a pair. */
#define DPS_PAIR_BITS(pair) (UINT32_C(3) << (2u * (unsigned)(pair)))

/* Writes header and body. parts[0] is set here, the body are the parts behind it. DPS_E_TOO_LARGE: more than DPS_CONFIG_BODY_SIZE; DPS_E_STORAGE*. */
dps_result dps_blob_write(const struct dps_storage *port, unsigned blob, uint32_t generation, struct dps_span *parts, size_t count);

/*
 * Reads and checks a blob. DPS_E_NOT_FOUND, DPS_E_BUFFER; DPS_E_STORAGE_CORRUPT: header, length, CRC or kind is wrong; DPS_E_STORAGE_VERSION: intact, of
 * a newer format, and its generation is known; DPS_E_STORAGE*: the port failed.
 */
dps_result dps_blob_read(const struct dps_storage *port, unsigned blob, uint8_t *buf, size_t size, uint32_t *generation,
                         struct dps_span *body);

/* What is not there is no error. */
dps_result dps_blob_erase(const struct dps_storage *port, unsigned blob);

#endif
