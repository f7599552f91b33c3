/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One blob on the storage port: its header, its check, and the gathering of a body from parts, so that no second buffer is needed to write one.
 */
#ifndef DPS_STORE_BLOB_H
#define DPS_STORE_BLOB_H

#include "codec/cbor.h"
#include "dps/platform.h"

#define DPS_BLOB_HEADER_SIZE 16

/* What a blob is; part of its header, so that a blob under another's name is not taken for it. */
enum dps_blob_kind {
	DPS_BLOB_MANIFEST = 1,
	DPS_BLOB_CONFIRMED = 2,
	DPS_BLOB_DEVICE = 3,
	DPS_BLOB_ENDPOINTS = 4,
	DPS_BLOB_TIME = 5,
	DPS_BLOB_RECORD = 16 /* + enum dps_record */
};

/* The port takes this many parts. The first is the header, and the last may be a run of scratch. */
#define DPS_BLOB_PARTS 32
/* Strings that are always written from where they are; further ones are copied to the scratch. */
#define DPS_BLOB_REFERENCES ((DPS_BLOB_PARTS - 2) / 2)

/* A body being gathered: CBOR goes to the scratch, long strings are referred to. */
struct dps_blob_writer {
	struct dps_cbor_writer cbor; /* write heads and small values here */
	size_t run;                  /* where in the scratch the run begins that is not among the parts yet */
	size_t count;
	struct dps_span parts[DPS_BLOB_PARTS];
};

void dps_blob_begin(struct dps_blob_writer *w, uint8_t *scratch, size_t size);
/* The bytes of a string whose head was written just before, or any encoded item. They must stay until dps_blob_write. */
void dps_blob_add(struct dps_blob_writer *w, struct dps_span bytes);
/* Writes header and body. DPS_E_BUFFER: the scratch was too small; DPS_E_TOO_LARGE: more than DPS_CONFIG_BODY_SIZE; DPS_E_STORAGE*. */
dps_result dps_blob_write(struct dps_blob_writer *w, const struct dps_storage *port, const char *name, unsigned kind, uint32_t generation);

/*
 * Reads and checks a blob. DPS_E_NOT_FOUND, DPS_E_BUFFER; DPS_E_STORAGE_CORRUPT: header, length, CRC or kind is wrong; DPS_E_STORAGE_VERSION: intact, of
 * a newer format; DPS_E_STORAGE*: the port failed.
 */
dps_result dps_blob_read(const struct dps_storage *port, const char *name, unsigned kind, uint8_t *buf, size_t size, uint32_t *generation,
                         struct dps_span *body);

void dps_blob_put32(uint8_t *out, uint32_t value);
uint32_t dps_blob_get32(const uint8_t *in);

#endif
