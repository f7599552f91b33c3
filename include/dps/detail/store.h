/* SPDX-License-Identifier: Apache-2.0 */
/* Private layout of the store, public only so that its size is known at compile time. */
#ifndef DPS_DETAIL_STORE_H
#define DPS_DETAIL_STORE_H

#include "dps/platform.h"
#include "dps/records.h"

/* What is in force of each record and what the application was told of it: generations, 0 for none. */
struct dps_manifest_entry {
	uint32_t in_force;
	uint32_t confirmed;
};
struct dps_manifest {
	struct dps_manifest_entry records[DPS_RECORD_COUNT];
	size_t count; /* DPS_RECORD_COUNT; 0: none was written yet, or the mark of a factory reset */
};

/* What is kept beside records, each with a generation of its own: device, endpoints, time, manifest. */
#define DPS_STORE_SINGLES 4

struct dps_store {
	const struct dps_storage *port;
	bool open;             /* dps_store_open succeeded */
	bool reset_begun;      /* a factory reset was begun and not ended: nothing is there */
	bool manifest_damaged; /* there is a manifest, and none that can be read: all counts as never committed */
	uint32_t committed;    /* DPS_RECORD_BIT of records in force and readable */
	uint32_t staged;       /* DPS_RECORD_BIT of records staged: one generation ahead */
	uint32_t reserved;     /* DPS_RECORD_BIT of records whose other slot holds a place for the next one */
	uint32_t damaged;      /* DPS_RECORD_BIT of records in force whose blob is damaged or missing */
	uint32_t present;      /* DPS_BLOB_BIT of records' slots that hold any blob */
	uint32_t stray;        /* DPS_BLOB_BIT of blobs that must go before the next of their kind, or they might be taken for it later */
	uint32_t superseded;   /* DPS_BLOB_BIT of singles that a newer one has replaced and that were not erased yet */
	uint32_t old;          /* DPS_BLOB_BIT of singles that are there under their name of format version 1 alone */
	uint32_t silent;       /* DPS_RECORD_BIT of records that nobody wants to be told of: they are confirmed as they are committed */
	uint32_t generations[DPS_STORE_SINGLES]; /* of the singles in use; 0: none is */
	struct dps_manifest manifest;
};

#endif
