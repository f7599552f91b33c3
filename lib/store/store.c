/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots, generations, the manifest. What makes it safe:
 * - a record is staged in the slot that is not in force, so a cut while staging touches nothing that matters;
 * - the manifest alone says what is in force, and it changes in one atomic write;
 * - staged is only what is exactly one generation ahead of the one in force, so what was superseded is never taken for new;
 * - a valid blob that is ahead in any other way (the manifest it belonged to was lost) is stray: it is never used, and it is gone before the next
 *   manifest could make its generation look right.
 */
#include "store/store.h"

#include <string.h>

#include "store/internal.h"
#include "store/layout.h"

_Static_assert(DPS_STORE_SCRATCH_MIN >= DPS_BLOB_HEADER_SIZE + 4 + 8 * DPS_RECORD_COUNT, "the manifest fits the smallest scratch");

/* The slot where a record is staged: the one that is not, or would not be, in force. */
static unsigned next_blob(const struct dps_store *store, unsigned record)
{
	return DPS_BLOB_OF(record, store->manifest.records[record].in_force + 1);
}

/* Erases the blobs of a mask, all that can be. The first failure. */
static dps_result erase(struct dps_store *store, uint32_t blobs)
{
	unsigned blob;
	dps_result first = DPS_OK;

	for (blob = 0; blob < DPS_BLOB_COUNT; blob++) {
		dps_result result;
		if ((blobs & DPS_BLOB_BIT(blob)) == 0)
			continue;
		result = dps_blob_erase(store->port, blob);
		if (result == DPS_OK) {
			store->present &= ~DPS_BLOB_BIT(blob);
			store->stray &= ~DPS_BLOB_BIT(blob);
		} else if (first == DPS_OK) {
			first = result;
		}
	}
	return first;
}

/* Forgets all that was known but the port. */
static void forget(struct dps_store *store)
{
	*store = (struct dps_store){.port = store->port};
}

bool dps_store_is_lost(dps_result result)
{
	return result == DPS_E_NOT_FOUND || result == DPS_E_STORAGE_CORRUPT || result == DPS_E_BUFFER;
}

dps_result dps_store_readable(const struct dps_store *store)
{
	if (!store->open)
		return DPS_E_STATE;
	return store->reset_begun ? DPS_E_NOT_FOUND : DPS_OK;
}

dps_result dps_store_writable(struct dps_store *store)
{
	if (!store->open)
		return DPS_E_STATE;
	return store->reset_begun ? dps_store_erase_all(store) : DPS_OK;
}

/* --- opening ----------------------------------------------------------------------------------------------------------------------- */

/* A manifest is of all records or, as the mark of a reset, of none. */
static bool is_sound(const struct dps_manifest *manifest)
{
	unsigned record;

	/* There must be a next generation; no device lives to see this one. */
	for (record = 0; record < DPS_RECORD_COUNT; record++)
		if (manifest->records[record].in_force == UINT32_MAX)
			return false;
	return manifest->count == 0 || manifest->count == DPS_RECORD_COUNT;
}

/* Every record in force counts as damaged until its blob is found. */
static dps_result load_manifest(struct dps_store *store, uint8_t *buf, size_t size)
{
	struct dps_manifest manifest;
	uint32_t ignored;
	unsigned record;
	dps_result result = dps_layout_read(store->port, DPS_BLOB_MANIFEST, buf, size, &ignored, &manifest);

	if (result == DPS_OK && !is_sound(&manifest))
		result = DPS_E_STORAGE_CORRUPT;
	if (result == DPS_OK) {
		store->manifest = manifest;
		store->reset_begun = manifest.count == 0;
		for (record = 0; record < manifest.count; record++)
			if (manifest.records[record].in_force != 0)
				store->damaged |= DPS_RECORD_BIT(record);
	} else if (result == DPS_E_STORAGE_CORRUPT || result == DPS_E_BUFFER) {
		store->manifest_damaged = true;
		store->damaged = DPS_RECORD_ALL;
	}
	return dps_store_is_lost(result) ? DPS_OK : result;
}

/* Says what a sound blob of a record is. In the slot of another generation it is nothing. */
static void judge(struct dps_store *store, unsigned blob, uint32_t generation)
{
	const unsigned record = blob / 2;
	const uint32_t in_force = store->manifest.records[record].in_force;
	/* Before the first commit there is no manifest, and nothing but first generations: a set that only a first run leaves. The other slot, whose number
	 * is lower, has been looked at. */
	const bool first_run = !store->manifest_damaged && (store->present & DPS_BLOB_BIT(blob ^ 1u)) == 0;

	if (generation == 0 || DPS_BLOB_OF(record, generation) != blob)
		return;
	if (generation == in_force) {
		store->committed |= DPS_RECORD_BIT(record);
		store->damaged &= ~DPS_RECORD_BIT(record);
	} else if (generation == in_force + 1 && (store->manifest.count > 0 || first_run)) {
		store->staged |= DPS_RECORD_BIT(record);
	} else if (generation > in_force) {
		store->stray |= DPS_BLOB_BIT(blob);
	}
}

/* The device's own blobs are read when they are asked for; here only for one of a newer format, which must not be overwritten. */
static dps_result look_at(struct dps_store *store, unsigned blob, uint8_t *buf, size_t size)
{
	union dps_view view;
	uint32_t generation;
	dps_result result = dps_layout_read(store->port, blob, buf, size, &generation, &view);

	if (result != DPS_OK && !dps_store_is_lost(result))
		return result;
	if (blob >= DPS_BLOB_DEVICE)
		return DPS_OK;
	if (result != DPS_E_NOT_FOUND)
		store->present |= DPS_BLOB_BIT(blob);
	if (result == DPS_OK)
		judge(store, blob, generation);
	return DPS_OK;
}

dps_result dps_store_open(struct dps_store *store, const struct dps_storage *port, uint8_t *scratch, size_t scratch_size)
{
	unsigned blob;
	dps_result result;

	store->port = port;
	forget(store);
	if (scratch_size < DPS_STORE_SCRATCH_MIN)
		return DPS_E_ARGUMENT;
	result = load_manifest(store, scratch, scratch_size);
	for (blob = 0; result == DPS_OK && !store->reset_begun && blob < DPS_BLOB_MANIFEST; blob++)
		result = look_at(store, blob, scratch, scratch_size);
	if (result != DPS_OK)
		forget(store);
	store->open = result == DPS_OK;
	return result;
}

/* --- records ----------------------------------------------------------------------------------------------------------------------- */

dps_result dps_store_stage(struct dps_store *store, enum dps_record record, const void *view)
{
	const unsigned blob = next_blob(store, record);
	dps_result result = dps_store_writable(store);

	if (result == DPS_OK)
		result = dps_layout_write(store->port, blob, store->manifest.records[record].in_force + 1, view);
	if (result != DPS_OK)
		return result;
	store->present |= DPS_BLOB_BIT(blob);
	store->stray &= ~DPS_BLOB_BIT(blob);
	store->staged |= DPS_RECORD_BIT(record);
	return DPS_OK;
}

dps_result dps_store_read(struct dps_store *store, enum dps_record record, enum dps_store_which which, uint8_t *buf, size_t size,
                          void *view)
{
	const bool staged = which == DPS_STORE_STAGED;
	const uint32_t wanted = store->manifest.records[record].in_force + staged;
	uint32_t generation;
	dps_result result = dps_store_readable(store);

	if (result != DPS_OK)
		return result;
	if (((staged ? store->staged : store->committed) & DPS_RECORD_BIT(record)) == 0)
		return !staged && (store->damaged & DPS_RECORD_BIT(record)) != 0 ? DPS_E_STORAGE_CORRUPT : DPS_E_NOT_FOUND;
	result = dps_layout_read(store->port, DPS_BLOB_OF(record, wanted), buf, size, &generation, view);
	if (result == DPS_E_NOT_FOUND || (result == DPS_OK && generation != wanted))
		return DPS_E_STORAGE_CORRUPT;
	return result;
}

/* --- committing -------------------------------------------------------------------------------------------------------------------- */

static dps_result write_manifest(struct dps_store *store, struct dps_manifest *manifest)
{
	dps_result result;

	manifest->count = DPS_RECORD_COUNT;
	result = dps_layout_write(store->port, DPS_BLOB_MANIFEST, 0, manifest);
	if (result == DPS_OK)
		store->manifest = *manifest;
	return result;
}

dps_result dps_store_commit(struct dps_store *store, uint32_t mask)
{
	struct dps_manifest manifest = store->manifest;
	unsigned record;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	if ((mask & ~store->staged) != 0)
		return DPS_E_ARGUMENT;
	if (mask == 0)
		return DPS_OK;
	for (record = 0; record < DPS_RECORD_COUNT; record++) {
		if (mask & DPS_RECORD_BIT(record))
			manifest.records[record].in_force++;
		if (mask & store->silent & DPS_RECORD_BIT(record))
			manifest.records[record].confirmed = manifest.records[record].in_force;
	}
	/* What would look right under this manifest: nothing but after the loss of another. */
	result = erase(store, store->stray);
	if (result == DPS_OK)
		result = write_manifest(store, &manifest);
	if (result != DPS_OK)
		return result;
	store->staged &= ~mask;
	store->committed |= mask;
	store->damaged = store->manifest_damaged ? 0 : store->damaged & ~mask;
	store->manifest_damaged = false;
	return DPS_OK;
}

dps_result dps_store_discard(struct dps_store *store, uint32_t mask)
{
	unsigned record;
	dps_result first = dps_store_writable(store);

	if (first != DPS_OK)
		return first;
	for (record = 0; record < DPS_RECORD_COUNT; record++) {
		dps_result result;
		if ((mask & store->staged & DPS_RECORD_BIT(record)) == 0)
			continue;
		result = erase(store, DPS_BLOB_BIT(next_blob(store, record)));
		if (result == DPS_OK)
			store->staged &= ~DPS_RECORD_BIT(record);
		else if (first == DPS_OK)
			first = result;
	}
	return first;
}

dps_result dps_store_collect(struct dps_store *store)
{
	uint32_t used = 0;
	unsigned record;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	for (record = 0; record < DPS_RECORD_COUNT; record++) {
		const unsigned blob = next_blob(store, record);
		if (store->staged & DPS_RECORD_BIT(record))
			used |= DPS_BLOB_BIT(blob);
		if (store->manifest.records[record].in_force != 0)
			used |= DPS_BLOB_BIT(blob ^ 1u);
	}
	return erase(store, store->present & ~used);
}

/* --- the application --------------------------------------------------------------------------------------------------------------- */

uint32_t dps_store_unconfirmed(const struct dps_store *store)
{
	uint32_t mask = 0;
	unsigned record;

	for (record = 0; record < DPS_RECORD_COUNT; record++)
		if (store->manifest.records[record].confirmed != store->manifest.records[record].in_force)
			mask |= DPS_RECORD_BIT(record);
	return mask & store->committed;
}

dps_result dps_store_confirm(struct dps_store *store, uint32_t mask)
{
	struct dps_manifest manifest = store->manifest;
	unsigned record;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	mask &= dps_store_unconfirmed(store);
	for (record = 0; record < DPS_RECORD_COUNT; record++)
		if (mask & DPS_RECORD_BIT(record))
			manifest.records[record].confirmed = manifest.records[record].in_force;
	return mask != 0 ? write_manifest(store, &manifest) : DPS_OK;
}

/* --- factory reset ----------------------------------------------------------------------------------------------------------------- */

dps_result dps_store_reset_begin(struct dps_store *store)
{
	const struct dps_manifest mark = {.count = 0};
	dps_result result = dps_layout_write(store->port, DPS_BLOB_MANIFEST, 0, &mark);

	if (result != DPS_OK)
		return result;
	forget(store);
	store->open = true;
	store->reset_begun = true;
	return DPS_OK;
}

dps_result dps_store_erase_all(struct dps_store *store)
{
	dps_result begun = dps_store_reset_begin(store);
	dps_result result;

	if (begun != DPS_OK && begun != DPS_E_STORAGE_FULL)
		return begun;
	/* The mark, or the old manifest, goes last and only when all the rest is gone. */
	result = erase(store, DPS_BLOB_BIT(DPS_BLOB_MANIFEST) - 1u);
	if (result == DPS_OK)
		result = erase(store, DPS_BLOB_BIT(DPS_BLOB_MANIFEST));
	forget(store);
	store->open = result == DPS_OK || begun == DPS_OK;
	store->reset_begun = result != DPS_OK && begun == DPS_OK;
	return result;
}
