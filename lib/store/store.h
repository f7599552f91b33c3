/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The persisted state: records staged and committed, the manifest, and three small blobs of the device itself. docs/storage-format.md is the
 * specification of every byte.
 *
 * Blobs: "manifest"; "<record>-0" and "<record>-1" (owner, cloud, credentials, acls, resources): the manifest names the one in force, the other one
 * is where a new answer is staged; "confirmed"; "device"; "endpoints"; "time". Each starts with a header of 16 bytes: magic, format version, kind, generation,
 * length and CRC-32 of the body. A blob whose header or CRC is wrong counts as missing (and is reported as DPS_E_STORAGE_CORRUPT by the
 * calls that say so); one of a newer format version is never overwritten: DPS_E_STORAGE_VERSION.
 *
 * Nothing here decides what a device needs to be provisioned; the client does.
 */
#ifndef DPS_STORE_STORE_H
#define DPS_STORE_STORE_H

#include "dps/config.h"
#include "dps/detail/store.h"
#include "dps/platform.h"
#include "dps/records.h"

#define DPS_RECORD_BIT(record) (UINT32_C(1) << (unsigned)(record))
#define DPS_RECORD_ALL		   (DPS_RECORD_BIT(DPS_RECORD_COUNT) - 1u)

/*
 * Loads the manifest and looks for records: store->committed and store->staged are masks afterwards. A committed record whose blob is damaged or
 * missing is not in the mask; store->damaged has its bit (the rest of the state stays usable). scratch is used to read blobs, as large as the largest
 * record. DPS_OK also for an empty storage. DPS_E_STORAGE*: the port failed, or a newer format.
 */
dps_result dps_store_open(struct dps_store *store, const struct dps_storage *port, uint8_t *scratch, size_t scratch_size);

/* Stages a record: encodes it and writes it beside the one in force, replacing one staged before. */
dps_result dps_store_stage_owner(struct dps_store *store, const struct dps_owner *owner);
dps_result dps_store_stage_cloud(struct dps_store *store, const struct dps_cloud *cloud);
dps_result dps_store_stage_credentials(struct dps_store *store, const struct dps_credentials *credentials);
dps_result dps_store_stage_acls(struct dps_store *store, const struct dps_acl *acl);
dps_result dps_store_stage_resources(struct dps_store *store, const struct dps_resources *resources);

/* Which version of a record to read. */
enum dps_store_which { DPS_STORE_COMMITTED, DPS_STORE_STAGED };

/* Reads a record into buf and fills the view. DPS_E_NOT_FOUND, DPS_E_BUFFER, DPS_E_STORAGE_CORRUPT, DPS_E_STORAGE*. */
dps_result dps_store_read_owner(struct dps_store *store, enum dps_store_which which, uint8_t *buf, size_t size, struct dps_owner *out);
dps_result dps_store_read_cloud(struct dps_store *store, enum dps_store_which which, uint8_t *buf, size_t size, struct dps_cloud *out);
dps_result dps_store_read_credentials(struct dps_store *store, enum dps_store_which which, uint8_t *buf, size_t size,
									  struct dps_credentials *out);
dps_result dps_store_read_acls(struct dps_store *store, enum dps_store_which which, uint8_t *buf, size_t size, struct dps_acl *out);
dps_result dps_store_read_resources(struct dps_store *store, enum dps_store_which which, uint8_t *buf, size_t size,
									struct dps_resources *out);

/*
 * Puts the staged records of the mask in force, in one write of the manifest; the others keep their generation. On failure nothing has changed. What
 * was in force before stays on the medium until dps_store_collect.
 */
dps_result dps_store_commit(struct dps_store *store, uint32_t mask);

/* Erases staged records of the mask (answers of a run that is not to be continued). */
dps_result dps_store_discard(struct dps_store *store, uint32_t mask);

/* Erases blobs that are neither in force nor staged. Failures are harmless: the next collect tries again. */
dps_result dps_store_collect(struct dps_store *store);

/* Handlers: which committed generations the application has confirmed. unconfirmed is a mask over the committed records. */
uint32_t dps_store_unconfirmed(const struct dps_store *store);
/* Confirms the committed records of the mask, in one write of "confirmed". */
dps_result dps_store_confirm(struct dps_store *store, uint32_t mask);

/* The device: its id and the slot of its operational key, in one blob. */
struct dps_device {
	struct dps_uuid id;
	char key_slot[DPS_CONFIG_SLOT_LENGTH + 1];
};
dps_result dps_store_read_device(struct dps_store *store, struct dps_device *device); /* DPS_E_NOT_FOUND, DPS_E_STORAGE_CORRUPT */
dps_result dps_store_write_device(struct dps_store *store, const struct dps_device *device);

/* The list of endpoints, in the order in which they are tried. */
struct dps_stored_endpoint {
	struct dps_span uri; /* text */
	bool no_resources;	 /* known to have no `resources` */
};
/* buf holds the texts. *count is at most max; further ones are dropped. */
dps_result dps_store_read_endpoints(struct dps_store *store, uint8_t *buf, size_t size, struct dps_stored_endpoint *list, size_t max,
									size_t *count);
dps_result dps_store_write_endpoints(struct dps_store *store, const struct dps_stored_endpoint *list, size_t count);

/* The floor of the wall clock, Unix milliseconds; 0 when none was stored. */
dps_result dps_store_read_time(struct dps_store *store, int64_t *unix_ms);
dps_result dps_store_write_time(struct dps_store *store, int64_t unix_ms);

/* Factory reset: erases every blob above, the manifest first, so that a cut leaves a state without commitments, not a wrong one. */
dps_result dps_store_erase_all(struct dps_store *store);

#endif
