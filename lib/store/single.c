/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is single and has two slots all the same, because the medium may tear what is being written: the manifest and what belongs to the device. A write
 * goes to the slot that is not in use, so what it may tear is of no use any more.
 */
#include "store/internal.h"
#include "store/layout.h"

/* Room for what is read to the stack while it is moved to its slots: a list of endpoints as this build keeps it, or any of the others. */
#define OLD_SIZE (DPS_BLOB_HEADER_SIZE + 64 + DPS_CONFIG_SLOT_LENGTH + DPS_CONFIG_ENDPOINTS * (3 + DPS_CONFIG_URI_LENGTH))

_Static_assert((int)DPS_PAIR_COUNT - (int)DPS_RECORD_COUNT == DPS_STORE_SINGLES, "each single has a generation");

static uint32_t *generation_of(struct dps_store *store, unsigned pair)
{
	return &store->generations[pair - DPS_RECORD_COUNT];
}

unsigned dps_single_blob(const struct dps_store *store, unsigned pair)
{
	const unsigned old = DPS_BLOB_OLD_OF(pair);

	return (store->old & DPS_BLOB_BIT(old)) != 0 ? old : DPS_BLOB_OF(pair, store->generations[pair - DPS_RECORD_COUNT]);
}

/* Generations are counted without an end: of two, the newer is the one that lies ahead by less than half of all numbers. */
static bool is_newer(uint32_t generation, uint32_t than)
{
	return generation != than && generation - than < UINT32_C(0x80000000);
}

/* What was found of a single: masks of its blobs. */
struct found {
	uint32_t sound; /* of a newer format too */
	uint32_t damaged;
	uint32_t newer_format;
	uint32_t newest; /* generation, if a slot is sound */
};

static dps_result look_at(const struct dps_store *store, unsigned blob, uint8_t *buf, size_t size, struct found *found)
{
	const bool in_slot = blob < DPS_BLOB_OLD;
	const bool first = (found->sound & DPS_BLOB_BIT(blob ^ 1u)) == 0;
	union dps_view view;
	uint32_t generation;
	dps_result result = dps_layout_read(store->port, blob, buf, size, &generation, &view);

	if (result == DPS_E_NOT_FOUND)
		return DPS_OK;
	if (result == DPS_OK && (in_slot ? DPS_BLOB_OF(blob / 2u, generation) != blob : generation != 0))
		result = DPS_E_STORAGE_CORRUPT; /* copied from elsewhere */
	if (result == DPS_OK || result == DPS_E_STORAGE_VERSION) {
		found->sound |= DPS_BLOB_BIT(blob);
		if (result != DPS_OK)
			found->newer_format |= DPS_BLOB_BIT(blob);
		if (in_slot && (first || is_newer(generation, found->newest)))
			found->newest = generation;
		return DPS_OK;
	}
	found->damaged |= DPS_BLOB_BIT(blob);
	return dps_store_is_lost(result) ? DPS_OK : result;
}

dps_result dps_single_find(struct dps_store *store, unsigned pair, uint8_t *buf, size_t size)
{
	const uint32_t slots = DPS_PAIR_BITS(pair);
	const uint32_t old = DPS_BLOB_BIT(DPS_BLOB_OLD_OF(pair));
	struct found found = {.sound = 0};
	dps_result result = look_at(store, DPS_BLOB_OF(pair, 0u), buf, size, &found);

	if (result == DPS_OK)
		result = look_at(store, DPS_BLOB_OF(pair, 1u), buf, size, &found);
	if (result == DPS_OK)
		result = look_at(store, DPS_BLOB_OLD_OF(pair), buf, size, &found);
	*generation_of(store, pair) = found.newest;
	if (result != DPS_OK)
		return result;
	if ((found.sound & slots) != 0) {
		store->superseded |= (found.sound | found.damaged) & old;
		if (pair != DPS_PAIR_MANIFEST)
			store->superseded |= found.sound & slots & ~DPS_BLOB_BIT(DPS_BLOB_OF(pair, found.newest));
	} else {
		store->old |= found.sound & old;
		store->stray |= found.damaged;
	}
	if (found.newer_format != 0)
		return DPS_E_STORAGE_VERSION;
	if (found.sound != 0)
		return DPS_OK;
	return found.damaged != 0 ? DPS_E_STORAGE_CORRUPT : DPS_E_NOT_FOUND;
}

dps_result dps_single_read(const struct dps_store *store, unsigned pair, uint8_t *buf, size_t size, void *view)
{
	const unsigned blob = dps_single_blob(store, pair);
	const uint32_t wanted = blob < DPS_BLOB_OLD ? store->generations[pair - DPS_RECORD_COUNT] : 0;
	const uint32_t blobs = DPS_PAIR_BITS(pair) | DPS_BLOB_BIT(DPS_BLOB_OLD_OF(pair));
	uint32_t generation;
	dps_result result = dps_layout_read(store->port, blob, buf, size, &generation, view);

	if (result == DPS_OK && generation != wanted)
		return DPS_E_STORAGE_CORRUPT;
	return result == DPS_E_NOT_FOUND && (store->stray & blobs) != 0 ? DPS_E_STORAGE_CORRUPT : result;
}

dps_result dps_single_write(struct dps_store *store, unsigned pair, const void *view)
{
	const uint32_t generation = *generation_of(store, pair) + 1u;
	const unsigned blob = DPS_BLOB_OF(pair, generation);
	const uint32_t slots = DPS_PAIR_BITS(pair);
	const uint32_t old = DPS_BLOB_BIT(DPS_BLOB_OLD_OF(pair));
	/* What cannot be read now may be readable later, and would then be the newer one: it goes first. There is no other that is good. */
	dps_result result = dps_store_erase(store, store->stray & slots & ~DPS_BLOB_BIT(blob));

	if (result == DPS_OK)
		result = dps_layout_write(store->port, blob, generation, view);
	if (result != DPS_OK)
		return result;
	*generation_of(store, pair) = generation;
	store->superseded |= (store->old | store->stray) & old;
	store->superseded &= ~DPS_BLOB_BIT(blob);
	store->old &= ~old;
	store->stray &= ~(slots | old);
	/* The manifest before this one stays: should this one rot, the records that it put in force are those that count as staged under that one. An id or
	 * a list of yesterday must not come back. */
	if (pair != DPS_PAIR_MANIFEST && generation != 1u)
		store->superseded |= DPS_BLOB_BIT(blob ^ 1u);
	/* The new one is in use whether this works or not; dps_store_collect tries again. */
	(void)dps_store_erase(store, store->superseded & (slots | old));
	return DPS_OK;
}

dps_result dps_store_migrate(struct dps_store *store)
{
	uint8_t buf[OLD_SIZE];
	union dps_view view;
	unsigned pair;
	dps_result first = dps_store_readable(store);

	if (first != DPS_OK)
		return first == DPS_E_NOT_FOUND ? DPS_OK : first; /* a reset erases it all */
	for (pair = DPS_RECORD_COUNT; pair < DPS_PAIR_COUNT; pair++) {
		dps_result result;

		if ((store->old & DPS_BLOB_BIT(DPS_BLOB_OLD_OF(pair))) == 0)
			continue;
		result = dps_single_read(store, pair, buf, sizeof buf, &view);
		if (result == DPS_OK)
			result = dps_single_write(store, pair, &view);
		/* A list that is longer than this build's is read where it is, until a new one is written. */
		if (first == DPS_OK && result != DPS_E_BUFFER)
			first = result;
	}
	if (first != DPS_OK)
		return first;
	return dps_store_erase(store, store->superseded & DPS_SINGLES_OLD);
}
