/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots, generations, the manifest. What makes it safe:
 * - a record is staged in the slot that is not in force, so a cut while staging touches nothing that matters;
 * - the manifest alone says what is in force, and it changes in one write, to the slot of the manifest that is not in use (single.c);
 * - staged is only what is exactly one generation ahead of the one in force, so what was superseded is never taken for new;
 * - a valid blob that is ahead in any other way (the manifest it belonged to was lost) is stray: it is never used, and it is gone before the next
 *   manifest could make its generation look right.
 */
#include "store/store.h"

#include <string.h>

#include "store/internal.h"
#include "store/layout.h"

/* Room for a manifest, and for some growth of it. */
#define MANIFEST_SIZE (DPS_BLOB_HEADER_SIZE + 64 + 8 * DPS_RECORD_COUNT)

_Static_assert(DPS_STORE_SCRATCH_MIN >= DPS_BLOB_HEADER_SIZE + 4 + 8 * DPS_RECORD_COUNT, "the manifest fits the smallest scratch");

/* The slot where a record is staged: the one that is not, or would not be, in force. */
static unsigned next_blob(const struct dps_store *store, unsigned record)
{
	return DPS_BLOB_OF(record, store->manifest.records[record].in_force + 1);
}

dps_result dps_store_erase(struct dps_store *store, uint32_t blobs)
{
	unsigned blob = DPS_BLOB_COUNT;
	dps_result first = DPS_OK;

	/* Downwards: a first generation goes before what is in the other slot, or a cut between the two would leave what only a first run leaves. */
	while (blob-- > 0) {
		dps_result result;
		if ((blobs & DPS_BLOB_BIT(blob)) == 0)
			continue;
		result = dps_blob_erase(store->port, blob);
		if (result == DPS_OK) {
			store->present &= ~DPS_BLOB_BIT(blob);
			store->stray &= ~DPS_BLOB_BIT(blob);
			store->superseded &= ~DPS_BLOB_BIT(blob);
			if (blob < 2 * DPS_RECORD_COUNT)
				store->reserved &= ~DPS_RECORD_BIT(blob / 2);
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

/* Knows nothing but that a reset was begun, and where its mark is. */
static void remember_reset(struct dps_store *store)
{
	const uint32_t mark = store->generations[DPS_PAIR_MANIFEST - DPS_RECORD_COUNT];

	forget(store);
	store->generations[DPS_PAIR_MANIFEST - DPS_RECORD_COUNT] = mark;
	store->open = true;
	store->reset_begun = true;
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

/*
 * The manifest to be used. Where the mark of a reset is the newest one it counts, whatever else there is: the reset may have been asked for because of what
 * a newer version left.
 */
static dps_result find_manifest(struct dps_store *store, uint8_t *buf, size_t size, struct dps_manifest *manifest)
{
	dps_result found = dps_single_find(store, DPS_PAIR_MANIFEST, buf, size);
	dps_result result = found;

	if (found == DPS_OK || found == DPS_E_STORAGE_VERSION)
		result = dps_single_read(store, DPS_PAIR_MANIFEST, buf, size, manifest);
	if (result == DPS_OK && manifest->count == 0)
		return DPS_OK;
	return found == DPS_E_STORAGE_VERSION ? found : result;
}

/* Every record in force counts as damaged until its blob is found. */
static dps_result load_manifest(struct dps_store *store, uint8_t *buf, size_t size)
{
	struct dps_manifest manifest;
	unsigned record;
	dps_result result = find_manifest(store, buf, size, &manifest);

	if (result == DPS_OK) {
		store->manifest = manifest;
		store->reset_begun = manifest.count == 0;
		for (record = 0; record < manifest.count; record++)
			if (manifest.records[record].in_force != 0)
				store->damaged |= DPS_RECORD_BIT(record);
	}
	store->manifest_damaged = result == DPS_E_STORAGE_CORRUPT || result == DPS_E_BUFFER;
	return dps_store_is_lost(result) ? DPS_OK : result;
}

/* Says what a sound blob of a record is. In the slot of another generation it is nothing. */
static void judge(struct dps_store *store, unsigned blob, uint32_t generation)
{
	const unsigned record = blob / 2;
	const uint32_t in_force = store->manifest.records[record].in_force;
	/* Before the first commit there is no manifest, and nothing but first generations: a set that only a first run leaves. The other slot, whose number
	 * is lower, has been looked at. */
	const bool first_run = (store->present & DPS_BLOB_BIT(blob ^ 1u)) == 0;

	if (generation == 0 || generation == UINT32_MAX || DPS_BLOB_OF(record, generation) != blob)
		return; /* the last one could not be put in force: is_sound() wants a next one */
	if (generation == in_force) {
		store->committed |= DPS_RECORD_BIT(record);
		store->damaged &= ~DPS_RECORD_BIT(record);
	} else if (generation == in_force + 1 && (store->manifest.count > 0 || first_run)) {
		store->staged |= DPS_RECORD_BIT(record);
	} else if (generation > in_force) {
		store->stray |= DPS_BLOB_BIT(blob);
	}
}

static dps_result look_at_record(struct dps_store *store, unsigned blob, uint8_t *buf, size_t size)
{
	union dps_view view;
	uint32_t generation;
	dps_result result = dps_layout_read(store->port, blob, buf, size, &generation, &view);

	if (result == DPS_E_NOT_FOUND)
		return DPS_OK;
	if (result != DPS_OK && !dps_store_is_lost(result))
		return result;
	store->present |= DPS_BLOB_BIT(blob);
	if (result == DPS_OK)
		judge(store, blob, generation);
	else if (store->manifest.count == 0)
		store->stray |= DPS_BLOB_BIT(blob); /* in the way of the set that a first run leaves */
	return DPS_OK;
}

/* The device's own are read when they are asked for; here only where they are, and whether they are of a newer format, which must not be overwritten. */
static dps_result look_at_single(struct dps_store *store, unsigned pair, uint8_t *buf, size_t size)
{
	dps_result result = dps_single_find(store, pair, buf, size);

	return dps_store_is_lost(result) ? DPS_OK : result;
}

dps_result dps_store_open(struct dps_store *store, const struct dps_storage *port, uint8_t *scratch, size_t scratch_size)
{
	unsigned blob, pair;
	dps_result result;

	store->port = port;
	forget(store);
	if (scratch_size < DPS_STORE_SCRATCH_MIN)
		return DPS_E_ARGUMENT;
	result = load_manifest(store, scratch, scratch_size);
	for (blob = 0; result == DPS_OK && !store->reset_begun && blob < 2 * DPS_RECORD_COUNT; blob++)
		result = look_at_record(store, blob, scratch, scratch_size);
	for (pair = DPS_RECORD_COUNT; result == DPS_OK && !store->reset_begun && pair < DPS_PAIR_MANIFEST; pair++)
		result = look_at_single(store, pair, scratch, scratch_size);
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

	/* No device lives to see it; a medium that says so is hostile, and would have a manifest that cannot be read back. */
	if (result == DPS_OK && store->manifest.records[record].in_force >= UINT32_MAX - 1)
		result = DPS_E_STORAGE;
	/* What is stray beside it would keep it from being known as staged after a cut. */
	if (result == DPS_OK && (store->stray & DPS_BLOB_BIT(blob ^ 1u)) != 0)
		result = dps_store_erase(store, store->stray & DPS_PAIR_BITS(record));
	if (result == DPS_OK && (store->reserved & DPS_RECORD_BIT(record)) != 0)
		result = dps_store_erase(store, DPS_BLOB_BIT(blob)); /* a medium that writes before it replaces needs the room */
	if (result == DPS_OK)
		result = dps_layout_write(store->port, blob, store->manifest.records[record].in_force + 1, view);
	if (result != DPS_OK)
		return result;
	store->present |= DPS_BLOB_BIT(blob);
	store->stray &= ~DPS_BLOB_BIT(blob);
	store->staged |= DPS_RECORD_BIT(record);
	return DPS_OK;
}

/* By how much the next one may be larger: serial numbers and dates of a certificate differ by some bytes. */
#define RESERVE_MORE 128u

dps_result dps_store_reserve(struct dps_store *store, enum dps_record record, uint8_t *buf, size_t size)
{
	const uint32_t bit = DPS_RECORD_BIT(record);
	const unsigned blob = next_blob(store, record);
	struct dps_span parts[2] = {{NULL, 0}};
	struct dps_span body;
	uint32_t generation;
	size_t len;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK || (store->committed & bit) == 0 || ((store->staged | store->reserved) & bit) != 0)
		return result;
	result = dps_blob_read(store->port, blob ^ 1u, buf, size, &generation, &body);
	if (result != DPS_OK)
		return result;
	len = body.len + RESERVE_MORE;
	if (len > size)
		len = size;
	if (len > DPS_CONFIG_BODY_SIZE - DPS_BLOB_HEADER_SIZE)
		len = DPS_CONFIG_BODY_SIZE - DPS_BLOB_HEADER_SIZE;
	memset(buf, 0, len);
	parts[1] = (struct dps_span){buf, len};
	result = dps_blob_write(store->port, blob, 0, parts, 2); /* generation 0: nothing, whoever reads it */
	if (result != DPS_OK)
		return result;
	store->present |= DPS_BLOB_BIT(blob);
	store->stray &= ~DPS_BLOB_BIT(blob);
	store->reserved |= bit;
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
	result = dps_single_write(store, DPS_PAIR_MANIFEST, manifest);
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
	result = dps_store_erase(store, store->stray & DPS_RECORDS_SLOTS);
	if (result == DPS_OK)
		result = write_manifest(store, &manifest);
	if (result != DPS_OK)
		return result;
	store->staged &= ~mask;
	store->committed |= mask;
	store->damaged &= ~mask;
	store->manifest_damaged = false;
	return DPS_OK;
}

dps_result dps_store_revert(struct dps_store *store)
{
	struct dps_manifest manifest = store->manifest;
	dps_result result = dps_store_writable(store);

	return result == DPS_OK ? write_manifest(store, &manifest) : result;
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
		result = dps_store_erase(store, DPS_BLOB_BIT(next_blob(store, record)));
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
	return dps_store_erase(store, (store->present & ~used) | store->superseded);
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
	dps_result result;

	if (store->open && store->reset_begun && dps_single_blob(store, DPS_PAIR_MANIFEST) < DPS_BLOB_OLD)
		return DPS_OK;
	if (!store->open) {
		uint8_t buf[MANIFEST_SIZE];

		/* Where the mark is to go. What cannot be read is damage to be erased, whatever the reason. */
		forget(store);
		(void)dps_single_find(store, DPS_PAIR_MANIFEST, buf, sizeof buf);
	}
	result = dps_single_write(store, DPS_PAIR_MANIFEST, &mark);
	if (result == DPS_OK)
		remember_reset(store);
	return result;
}

dps_result dps_store_erase_all(struct dps_store *store)
{
	const dps_result begun = dps_store_reset_begin(store);
	const uint32_t last = DPS_BLOB_BIT(dps_single_blob(store, DPS_PAIR_MANIFEST));
	const uint32_t manifests = DPS_PAIR_BITS(DPS_PAIR_MANIFEST) | DPS_BLOB_BIT(DPS_BLOB_OLD_OF(DPS_PAIR_MANIFEST));
	const uint32_t others = (DPS_BLOB_BIT(DPS_BLOB_COUNT) - 1u) & ~manifests;
	/* The mark goes last, and only when all the rest is gone; what it replaced goes first, so that nothing but the mark speaks of what is half erased. On
	 * a full medium, without a mark, the manifest in use is what goes last. */
	const uint32_t order[] = {begun == DPS_OK ? manifests & ~last : others, begun == DPS_OK ? others : manifests & ~last, last};
	dps_result result = DPS_OK;
	size_t i;

	if (begun != DPS_OK && begun != DPS_E_STORAGE_FULL)
		return begun;
	for (i = 0; result == DPS_OK && i < sizeof order / sizeof order[0]; i++)
		result = dps_store_erase(store, order[i]);
	if (result != DPS_OK && begun == DPS_OK) {
		remember_reset(store);
		return result;
	}
	forget(store);
	store->open = result == DPS_OK;
	return result;
}
