/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The persisted state: records staged and committed, the manifest, and three small blobs of the device itself. docs/storage-format.md is the
 * specification of every byte.
 *
 * Everything has two slots, "<name>-0" and "<name>-1", and a generation, which lives in the slot of its lowest bit: the records (owner, cloud,
 * credentials, acls, resources, local), of which the manifest names the one in force while the other slot is where a new one is staged; and the singles
 * "manifest", "device", "endpoints", "time", of which the newest sound one counts and the other slot is where the next one is written. So a write never
 * touches what is in use, and the medium may tear it. Each blob starts with a header of 16 bytes: magic, format version, kind, generation, length and a
 * CRC-32 over header and body. A blob whose header or CRC is wrong counts as missing (and is reported as DPS_E_STORAGE_CORRUPT by the calls that say so);
 * one of a newer format version is never overwritten: DPS_E_STORAGE_VERSION. Every read judges all of a blob again: a CRC is no proof against a hostile
 * medium.
 *
 * Staged is only what is exactly one generation ahead of the one in force.
 *
 * Nothing here decides what a device needs to be provisioned; the client does. All calls but dps_store_open, dps_store_reset_begin and
 * dps_store_erase_all return DPS_E_STATE on a store that did not open.
 */
#ifndef DPS_STORE_STORE_H
#define DPS_STORE_STORE_H

#include "dps/config.h"
#include "dps/detail/store.h"
#include "dps/pki.h"
#include "dps/platform.h"
#include "dps/records.h"

#define DPS_RECORD_BIT(record) (UINT32_C(1) << (unsigned)(record))
#define DPS_RECORD_ALL         (DPS_RECORD_BIT(DPS_RECORD_COUNT) - 1u)

/*
 * Loads the manifest and looks for records: store->committed and store->staged are masks afterwards. A committed record whose blob is damaged or
 * missing is not in the mask; store->damaged has its bit (the rest of the state stays usable). With no manifest but damaged ones it is as before the first
 * commit, and store->manifest_damaged says so. scratch is used to read blobs: DPS_CONFIG_BODY_SIZE is always enough, a blob that does not
 * fit counts as damaged, fewer than DPS_STORE_SCRATCH_MIN bytes are DPS_E_ARGUMENT. Writes nothing. DPS_OK also for an empty storage. DPS_E_STORAGE*:
 * the port failed, or a newer format; store->port is set even then, so that dps_store_erase_all works.
 *
 * store->reset_begun: a factory reset was cut short. The store reads as empty; who owns more than the store (keys) ends the reset by erasing that and
 * then calling dps_store_erase_all. The first write does the store's part of it by itself.
 */
#define DPS_STORE_SCRATCH_MIN 96
dps_result dps_store_open(struct dps_store *store, const struct dps_storage *port, uint8_t *scratch, size_t scratch_size);

/*
 * Moves what a release of format version 1 left to the slots, after dps_store_open on a device that is to be kept: each is written anew and the old blob
 * erased. Writes nothing where nothing is left. Safe against a cut anywhere; what could not be moved stays where it is, is read there, and is moved by the
 * next call or by the next write of it. DPS_E_STATE, DPS_E_STORAGE*: the first failure; the store stays usable.
 */
dps_result dps_store_migrate(struct dps_store *store);

/*
 * Stages a record: encodes it and writes it beside the one in force, replacing one staged before. On failure what was staged before stays, if the
 * port's write is atomic; the one in force always does. The view is the record's structure of dps/records.h and must be as that says; counts of ACLs and
 * resources are not looked at. DPS_E_ARGUMENT: a count or length beyond its bound; DPS_E_TOO_LARGE: the blob would exceed DPS_CONFIG_BODY_SIZE;
 * DPS_E_CBOR, DPS_E_FIELD: ACLs or resources that dps_acl_check or dps_resources_check refuse; DPS_E_STORAGE*.
 */
dps_result dps_store_stage(struct dps_store *store, enum dps_record record, const void *view);

/*
 * Makes sure that the medium can take another one of a record in force, as large and a little more, before anybody is asked for it: a blob of that size without
 * meaning is written to its other slot, and gives way when the record is staged. buf (size bytes) is used. Nothing is written when there is none in force, or
 * one is staged or reserved already. dps_store_collect erases a place that nobody took, in this run or a later one. DPS_E_STORAGE*: it cannot.
 */
dps_result dps_store_reserve(struct dps_store *store, enum dps_record record, uint8_t *buf, size_t size);

/* Which version of a record to read. */
enum dps_store_which { DPS_STORE_COMMITTED, DPS_STORE_STAGED };

/*
 * Reads a record into buf and fills the view, the record's structure of dps/records.h. DPS_E_NOT_FOUND: there is none of that version;
 * DPS_E_STORAGE_CORRUPT: it is damaged (or was changed behind the store's back); DPS_E_BUFFER, DPS_E_STORAGE*. The view is undefined unless DPS_OK.
 */
dps_result dps_store_read(struct dps_store *store, enum dps_record record, enum dps_store_which which, uint8_t *buf, size_t size,
                          void *view);

/*
 * Puts the staged records of the mask in force, in one write of the manifest; the others keep their generation. On failure nothing has changed. What
 * was in force before stays on the medium until dps_store_collect. DPS_E_ARGUMENT: the mask has a record that is not staged. An empty mask writes
 * nothing.
 */
dps_result dps_store_commit(struct dps_store *store, uint32_t mask);

/*
 * After a commit that failed: writes the manifest in force once more, so that whatever reached the medium of the other is superseded. DPS_OK: what was staged
 * may be discarded.
 */
dps_result dps_store_revert(struct dps_store *store);

/* Erases staged records of the mask (answers of a run that is not to be continued); what is not staged is no error. */
dps_result dps_store_discard(struct dps_store *store, uint32_t mask);

/* Erases blobs of records that are neither in force nor staged, and of singles that a newer one has replaced. Failures are harmless: the next collect tries again. */
dps_result dps_store_collect(struct dps_store *store);

/*
 * Handlers: which records nobody wants to be told of (store->silent, a mask the caller may set after dps_store_open: the commit confirms them and no
 * write of their own is needed), and which committed generations the application has confirmed. unconfirmed is a mask over the committed records. */
uint32_t dps_store_unconfirmed(const struct dps_store *store);
/* Confirms the committed records of the mask, in one write of the manifest. */
dps_result dps_store_confirm(struct dps_store *store, uint32_t mask);

/* The device: its id and the slot of its operational key, in one blob. */
struct dps_store_device {
	struct dps_uuid id;
	char key_slot[DPS_CONFIG_SLOT_LENGTH + 1];
};
dps_result dps_store_read_device(struct dps_store *store, struct dps_store_device *device); /* DPS_E_NOT_FOUND, DPS_E_STORAGE_CORRUPT */
dps_result dps_store_write_device(struct dps_store *store, const struct dps_store_device *device);

/* The list of endpoints, in the order in which they are tried. */
struct dps_stored_endpoint {
	struct dps_span uri;  /* text */
	bool no_resources;    /* known to have no `resources` */
	struct dps_span name; /* text of 0 to DPS_CONFIG_NAME_LENGTH bytes, for people */
};
struct dps_stored_endpoints {
	struct dps_stored_endpoint list[DPS_CONFIG_ENDPOINTS];
	size_t count;
	bool pending;    /* a provisioned device was sent to this list and has not provisioned there yet */
	size_t dropped;  /* further ones that a build with more room has stored */
	size_t selected; /* index of the one in use; one out of range is read as 0 */
	struct dps_pin pins[DPS_CONFIG_PINS];
	size_t pin_count; /* more than this build keeps are damage: to drop one silently would be worse */
};
/* buf holds the texts. None stored: DPS_OK and none. DPS_E_STORAGE_CORRUPT, DPS_E_BUFFER, DPS_E_STORAGE*: none too. */
dps_result dps_store_read_endpoints(struct dps_store *store, uint8_t *buf, size_t size, struct dps_stored_endpoints *endpoints);
/* DPS_E_ARGUMENT: more than DPS_CONFIG_ENDPOINTS or DPS_CONFIG_PINS, a length beyond its bound, or a pin of no kind. */
dps_result dps_store_write_endpoints(struct dps_store *store, const struct dps_stored_endpoints *endpoints);

/* The floor of the wall clock, Unix milliseconds; 0 when none was stored or it is damaged. */
dps_result dps_store_read_time(struct dps_store *store, int64_t *unix_ms);
dps_result dps_store_write_time(struct dps_store *store, int64_t unix_ms);

/*
 * Factory reset. reset_begin writes a mark as the newest manifest, in one write: from then on the store reads as empty, after any power cut too, and
 * dps_store_open says so. erase_all sets the mark if it is not there, erases every blob above, those of older formats too, and the
 * mark last. Both work on a store that did not open, or was never opened and is zero but for store->port. On a failure of erase_all call it again:
 * DPS_E_STORAGE*.
 *
 * Where the medium is full the mark cannot be set; erase_all then erases what is staged and in force first and the manifest last, so that a cut leaves
 * damaged records, never ones that count as freshly staged.
 */
dps_result dps_store_reset_begin(struct dps_store *store);
dps_result dps_store_erase_all(struct dps_store *store);

#endif
