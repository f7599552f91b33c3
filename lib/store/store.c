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

#include "codec/text.h"
#include "store/acl.h"
#include "store/internal.h"
#include "store/record.h"

#define NAME_MANIFEST  "manifest"
#define NAME_CONFIRMED "confirmed"

/* "manifest" and "confirmed": a generation for each record, in the order of enum dps_record. */
#define GENERATIONS_SIZE ((size_t)4 * DPS_RECORD_COUNT)

/* Bits of present and stray: two slots a record, then the blob "confirmed", which must not outlive the generations it speaks of. */
#define SLOT_BIT(record, slot) (UINT32_C(1) << (2u * (unsigned)(record) + (unsigned)(slot)))
#define CONFIRMED_BIT          (UINT32_C(1) << (2u * DPS_RECORD_COUNT))

_Static_assert(sizeof(NAME_CONFIRMED) <= DPS_STORAGE_NAME_LENGTH + 1, "names fit the port");
_Static_assert(DPS_STORE_SCRATCH_MIN >= DPS_BLOB_HEADER_SIZE + GENERATIONS_SIZE, "the manifest fits the smallest scratch");

static unsigned slot_of(uint32_t generation)
{
	return (unsigned)(generation & 1u);
}

/* The slot where a record is staged: the one that is not, or would not be, in force. */
static unsigned other_slot(const struct dps_store *store, unsigned record)
{
	return slot_of(store->generation[record]) ^ 1u;
}

/* "credentials-0" */
static void slot_name(unsigned record, unsigned slot, char name[DPS_STORAGE_NAME_LENGTH + 1])
{
	const char *base = dps_record_name((enum dps_record)record);
	size_t len = strlen(base);
	memcpy(name, base, len);
	name[len++] = '-';
	name[len++] = slot == 0 ? '0' : '1';
	name[len] = '\0';
}

static dps_result erase_blob(struct dps_store *store, const char *name)
{
	dps_result result = store->port->erase(store->port->ctx, name);
	return (int)result > 0 ? DPS_E_STORAGE : result;
}

static dps_result erase_slot(struct dps_store *store, unsigned record, unsigned slot)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	dps_result result;

	slot_name(record, slot, name);
	result = erase_blob(store, name);
	if (result == DPS_OK) {
		store->present &= ~SLOT_BIT(record, slot);
		store->stray &= ~SLOT_BIT(record, slot);
	}
	return result;
}

/* Forgets all that was known but the port. */
static void forget(struct dps_store *store)
{
	const struct dps_storage *port = store->port;
	memset(store, 0, sizeof *store);
	store->port = port;
}

static bool is_lost(dps_result result)
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

/* Reads a blob of generations. *count is 0 for one without any: as a manifest, the mark of a reset. */
static dps_result read_generations(struct dps_store *store, const char *name, unsigned kind, uint8_t *buf, size_t size,
                                   uint32_t generations[DPS_RECORD_COUNT], size_t *count)
{
	struct dps_span body;
	uint32_t ignored;
	size_t i;
	dps_result result = dps_blob_read(store->port, name, kind, buf, size, &ignored, &body);

	if (result != DPS_OK)
		return result;
	if (body.len != 0 && body.len != GENERATIONS_SIZE)
		return DPS_E_STORAGE_CORRUPT;
	*count = body.len / 4;
	for (i = 0; i < *count; i++) {
		generations[i] = dps_blob_get32(body.data + 4 * i);
		/* There must be a next one; no device lives to see this one. */
		if (generations[i] == UINT32_MAX)
			return DPS_E_STORAGE_CORRUPT;
	}
	return DPS_OK;
}

/* Loads the manifest. *found: there is one and it is good. */
static dps_result load_manifest(struct dps_store *store, uint8_t *buf, size_t size, bool *found)
{
	uint32_t generations[DPS_RECORD_COUNT];
	size_t count = 0;
	dps_result result = read_generations(store, NAME_MANIFEST, DPS_BLOB_MANIFEST, buf, size, generations, &count);

	*found = result == DPS_OK && count > 0;
	if (*found)
		memcpy(store->generation, generations, sizeof store->generation);
	store->reset_begun = result == DPS_OK && count == 0;
	if (result == DPS_E_STORAGE_CORRUPT || result == DPS_E_BUFFER) {
		store->manifest_damaged = true;
		store->damaged = DPS_RECORD_ALL;
	}
	return is_lost(result) ? DPS_OK : result;
}

/* Looks at one slot. *generation is 0 for a blob that is missing or cannot be used. */
static dps_result look_at_slot(struct dps_store *store, unsigned record, unsigned slot, uint8_t *buf, size_t size, uint32_t *generation)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	union dps_record_view view;
	struct dps_span body;
	dps_result result;

	*generation = 0;
	slot_name(record, slot, name);
	result = dps_blob_read(store->port, name, DPS_BLOB_RECORD + record, buf, size, generation, &body);
	if (result != DPS_OK && !is_lost(result))
		return result;
	if (result != DPS_E_NOT_FOUND)
		store->present |= SLOT_BIT(record, slot);
	if (result != DPS_OK || dps_record_parse((enum dps_record)record, body, &view) != DPS_OK)
		*generation = 0;
	return DPS_OK;
}

static dps_result look_at_record(struct dps_store *store, unsigned record, bool manifest, uint8_t *buf, size_t size)
{
	const uint32_t bit = DPS_RECORD_BIT(record);
	const uint32_t in_force = store->generation[record];
	const unsigned home = slot_of(in_force);
	const unsigned other = home ^ 1u;
	uint32_t home_generation, other_generation;
	dps_result result;

	result = look_at_slot(store, record, home, buf, size, &home_generation);
	if (result == DPS_OK)
		result = look_at_slot(store, record, other, buf, size, &other_generation);
	if (result != DPS_OK)
		return result;

	if (in_force != 0 && home_generation == in_force)
		store->committed |= bit;
	else if (in_force != 0)
		store->damaged |= bit;
	if (home_generation > in_force)
		store->stray |= SLOT_BIT(record, home);

	/* Before the first commit there is no manifest, and nothing but first generations: a set that only a first run leaves. */
	if (other_generation == in_force + 1 && (manifest || (!store->manifest_damaged && (store->present & SLOT_BIT(record, home)) == 0))) {
		store->staged |= bit;
		store->staged_generation[record] = other_generation;
	} else if (other_generation > in_force) {
		store->stray |= SLOT_BIT(record, other);
	}
	return DPS_OK;
}

/* The device's own blobs are read when they are asked for; here only for one of a newer format, which must not be overwritten. */
static dps_result look_at_device(struct dps_store *store, uint8_t *buf, size_t size)
{
	struct dps_span body;
	uint32_t ignored;
	size_t i;
	dps_result result = DPS_OK;

	for (i = 0; result == DPS_OK && i < DPS_STORE_DEVICE_BLOBS; i++) {
		const struct dps_store_device_blob *blob = &dps_store_device_blobs[i];
		result = dps_blob_read(store->port, blob->name, blob->kind, buf, size, &ignored, &body);
		result = is_lost(result) ? DPS_OK : result;
	}
	return result;
}

/* What the application confirmed counts only under the manifest that it was told about. */
static dps_result load_confirmed(struct dps_store *store, bool manifest, uint8_t *buf, size_t size)
{
	uint32_t generations[DPS_RECORD_COUNT];
	size_t count = 0;
	dps_result result = read_generations(store, NAME_CONFIRMED, DPS_BLOB_CONFIRMED, buf, size, generations, &count);

	if (result == DPS_OK && manifest && count > 0)
		memcpy(store->confirmed, generations, sizeof store->confirmed);
	else if (result == DPS_OK && !manifest)
		store->stray |= CONFIRMED_BIT;
	return is_lost(result) ? DPS_OK : result;
}

dps_result dps_store_open(struct dps_store *store, const struct dps_storage *port, uint8_t *scratch, size_t scratch_size)
{
	bool manifest;
	unsigned record;
	dps_result result;

	store->port = port;
	forget(store);
	if (scratch_size < DPS_STORE_SCRATCH_MIN)
		return DPS_E_ARGUMENT;
	result = load_manifest(store, scratch, scratch_size, &manifest);
	if (result == DPS_OK && !store->reset_begun) {
		for (record = 0; result == DPS_OK && record < DPS_RECORD_COUNT; record++)
			result = look_at_record(store, record, manifest, scratch, scratch_size);
		if (result == DPS_OK)
			result = load_confirmed(store, manifest, scratch, scratch_size);
		if (result == DPS_OK)
			result = look_at_device(store, scratch, scratch_size);
	}
	if (result != DPS_OK) {
		forget(store);
		return result;
	}
	store->open = true;
	return DPS_OK;
}

/* --- staging ----------------------------------------------------------------------------------------------------------------------- */

static dps_result stage(struct dps_store *store, unsigned record, struct dps_blob_writer *w)
{
	const uint32_t generation = store->generation[record] + 1;
	const unsigned slot = slot_of(generation);
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	dps_result result;

	slot_name(record, slot, name);
	result = dps_blob_write(w, store->port, name, DPS_BLOB_RECORD + record, generation);
	if (result != DPS_OK)
		return result;
	store->present |= SLOT_BIT(record, slot);
	store->stray &= ~SLOT_BIT(record, slot);
	store->staged |= DPS_RECORD_BIT(record);
	store->staged_generation[record] = generation;
	return DPS_OK;
}

dps_result dps_store_stage_owner(struct dps_store *store, const struct dps_owner *owner)
{
	uint8_t scratch[32];
	struct dps_blob_writer w;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	dps_blob_begin(&w, scratch, sizeof scratch);
	result = dps_record_gather_owner(&w, owner);
	return result == DPS_OK ? stage(store, DPS_RECORD_OWNER, &w) : result;
}

dps_result dps_store_stage_cloud(struct dps_store *store, const struct dps_cloud *cloud)
{
	uint8_t scratch[DPS_RECORD_CLOUD_SCRATCH];
	struct dps_blob_writer w;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	dps_blob_begin(&w, scratch, sizeof scratch);
	result = dps_record_gather_cloud(&w, cloud);
	return result == DPS_OK ? stage(store, DPS_RECORD_CLOUD, &w) : result;
}

dps_result dps_store_stage_credentials(struct dps_store *store, const struct dps_credentials *credentials)
{
	uint8_t scratch[DPS_RECORD_CREDENTIALS_SCRATCH];
	struct dps_blob_writer w;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	dps_blob_begin(&w, scratch, sizeof scratch);
	result = dps_record_gather_credentials(&w, credentials);
	if (result == DPS_OK)
		result = stage(store, DPS_RECORD_CREDENTIALS, &w);
	dps_wipe(scratch, sizeof scratch); /* with many keys some are copied here */
	return result;
}

/* The array as it came is the whole body. */
static dps_result stage_array(struct dps_store *store, unsigned record, struct dps_span array,
                              dps_result (*check)(struct dps_span array, size_t *count))
{
	struct dps_blob_writer w;
	size_t count;
	dps_result result = dps_store_writable(store);

	if (result == DPS_OK)
		result = check(array, &count);
	if (result != DPS_OK)
		return result;
	dps_blob_begin(&w, NULL, 0);
	dps_blob_add(&w, array);
	return stage(store, record, &w);
}

dps_result dps_store_stage_acls(struct dps_store *store, const struct dps_acl *acl)
{
	return stage_array(store, DPS_RECORD_ACLS, acl->aces, dps_acl_check);
}

dps_result dps_store_stage_resources(struct dps_store *store, const struct dps_resources *resources)
{
	return stage_array(store, DPS_RECORD_RESOURCES, resources->array, dps_resources_check);
}

/* --- reading ----------------------------------------------------------------------------------------------------------------------- */

static dps_result read_record(struct dps_store *store, unsigned record, enum dps_store_which which, uint8_t *buf, size_t size, void *view)
{
	const bool staged = which == DPS_STORE_STAGED;
	const uint32_t wanted = staged ? store->staged_generation[record] : store->generation[record];
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	struct dps_span body;
	uint32_t generation;
	dps_result result = dps_store_readable(store);

	if (result != DPS_OK)
		return result;
	if (((staged ? store->staged : store->committed) & DPS_RECORD_BIT(record)) == 0)
		return !staged && (store->damaged & DPS_RECORD_BIT(record)) != 0 ? DPS_E_STORAGE_CORRUPT : DPS_E_NOT_FOUND;
	slot_name(record, slot_of(wanted), name);
	result = dps_blob_read(store->port, name, DPS_BLOB_RECORD + record, buf, size, &generation, &body);
	if (result == DPS_E_NOT_FOUND || (result == DPS_OK && generation != wanted))
		return DPS_E_STORAGE_CORRUPT;
	return result == DPS_OK ? dps_record_parse((enum dps_record)record, body, view) : result;
}

dps_result dps_store_read_owner(struct dps_store *store, enum dps_store_which which, uint8_t *buf, size_t size, struct dps_owner *out)
{
	return read_record(store, DPS_RECORD_OWNER, which, buf, size, out);
}

dps_result dps_store_read_cloud(struct dps_store *store, enum dps_store_which which, uint8_t *buf, size_t size, struct dps_cloud *out)
{
	return read_record(store, DPS_RECORD_CLOUD, which, buf, size, out);
}

dps_result dps_store_read_credentials(struct dps_store *store, enum dps_store_which which, uint8_t *buf, size_t size,
                                      struct dps_credentials *out)
{
	return read_record(store, DPS_RECORD_CREDENTIALS, which, buf, size, out);
}

dps_result dps_store_read_acls(struct dps_store *store, enum dps_store_which which, uint8_t *buf, size_t size, struct dps_acl *out)
{
	return read_record(store, DPS_RECORD_ACLS, which, buf, size, out);
}

dps_result dps_store_read_resources(struct dps_store *store, enum dps_store_which which, uint8_t *buf, size_t size,
                                    struct dps_resources *out)
{
	return read_record(store, DPS_RECORD_RESOURCES, which, buf, size, out);
}

/* --- committing -------------------------------------------------------------------------------------------------------------------- */

static dps_result write_generations(struct dps_store *store, const char *name, unsigned kind, const uint32_t generations[DPS_RECORD_COUNT])
{
	uint8_t body[GENERATIONS_SIZE];
	struct dps_blob_writer w;
	unsigned record;

	for (record = 0; record < DPS_RECORD_COUNT; record++)
		dps_blob_put32(body + (size_t)4 * record, generations[record]);
	dps_blob_begin(&w, NULL, 0);
	dps_blob_add(&w, (struct dps_span){body, sizeof body});
	return dps_blob_write(&w, store->port, name, kind, 0);
}

/* Erases what would look right under the manifest about to be written. Nothing to do but after the loss of a manifest. */
static dps_result erase_stray(struct dps_store *store)
{
	unsigned record, slot;
	dps_result result = DPS_OK;

	for (record = 0; record < DPS_RECORD_COUNT; record++)
		for (slot = 0; slot < 2; slot++)
			if (result == DPS_OK && (store->stray & SLOT_BIT(record, slot)) != 0)
				result = erase_slot(store, record, slot);
	if (result == DPS_OK && (store->stray & CONFIRMED_BIT) != 0) {
		result = erase_blob(store, NAME_CONFIRMED);
		if (result == DPS_OK)
			store->stray &= ~CONFIRMED_BIT;
	}
	return result;
}

dps_result dps_store_commit(struct dps_store *store, uint32_t mask)
{
	uint32_t generations[DPS_RECORD_COUNT];
	unsigned record;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	if ((mask & ~store->staged) != 0)
		return DPS_E_ARGUMENT;
	if (mask == 0)
		return DPS_OK;
	for (record = 0; record < DPS_RECORD_COUNT; record++)
		generations[record] = mask & DPS_RECORD_BIT(record) ? store->staged_generation[record] : store->generation[record];
	result = erase_stray(store);
	if (result == DPS_OK)
		result = write_generations(store, NAME_MANIFEST, DPS_BLOB_MANIFEST, generations);
	if (result != DPS_OK)
		return result;

	for (record = 0; record < DPS_RECORD_COUNT; record++)
		if (mask & DPS_RECORD_BIT(record))
			store->staged_generation[record] = 0;
	memcpy(store->generation, generations, sizeof store->generation);
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
		result = erase_slot(store, record, other_slot(store, record));
		if (result == DPS_OK) {
			store->staged &= ~DPS_RECORD_BIT(record);
			store->staged_generation[record] = 0;
		} else if (first == DPS_OK) {
			first = result;
		}
	}
	return first;
}

dps_result dps_store_collect(struct dps_store *store)
{
	unsigned record, slot;
	dps_result first = dps_store_writable(store);

	if (first != DPS_OK)
		return first;
	for (record = 0; record < DPS_RECORD_COUNT; record++) {
		for (slot = 0; slot < 2; slot++) {
			const bool other = slot == other_slot(store, record);
			const bool used = other ? (store->staged & DPS_RECORD_BIT(record)) != 0 : store->generation[record] != 0;
			dps_result result;
			if (used || (store->present & SLOT_BIT(record, slot)) == 0)
				continue;
			result = erase_slot(store, record, slot);
			if (first == DPS_OK)
				first = result;
		}
	}
	return first;
}

/* --- the application --------------------------------------------------------------------------------------------------------------- */

uint32_t dps_store_unconfirmed(const struct dps_store *store)
{
	uint32_t mask = 0;
	unsigned record;

	for (record = 0; record < DPS_RECORD_COUNT; record++)
		if (store->confirmed[record] != store->generation[record])
			mask |= DPS_RECORD_BIT(record);
	return mask & store->committed;
}

dps_result dps_store_confirm(struct dps_store *store, uint32_t mask)
{
	uint32_t confirmed[DPS_RECORD_COUNT];
	unsigned record;
	dps_result result = dps_store_writable(store);

	if (result != DPS_OK)
		return result;
	mask &= dps_store_unconfirmed(store);
	if (mask == 0)
		return DPS_OK;
	for (record = 0; record < DPS_RECORD_COUNT; record++)
		confirmed[record] = mask & DPS_RECORD_BIT(record) ? store->generation[record] : store->confirmed[record];
	result = write_generations(store, NAME_CONFIRMED, DPS_BLOB_CONFIRMED, confirmed);
	if (result == DPS_OK)
		memcpy(store->confirmed, confirmed, sizeof store->confirmed);
	return result;
}

/* --- factory reset ----------------------------------------------------------------------------------------------------------------- */

dps_result dps_store_reset_begin(struct dps_store *store)
{
	struct dps_blob_writer w;
	dps_result result;

	dps_blob_begin(&w, NULL, 0);
	result = dps_blob_write(&w, store->port, NAME_MANIFEST, DPS_BLOB_MANIFEST, 0);
	if (result != DPS_OK)
		return result;
	forget(store);
	store->open = true;
	store->reset_begun = true;
	return DPS_OK;
}

/* Goes on after a failure: what can be erased is. */
static void erase_and_note(struct dps_store *store, const char *name, dps_result *first)
{
	dps_result result = erase_blob(store, name);
	if (*first == DPS_OK)
		*first = result;
}

dps_result dps_store_erase_all(struct dps_store *store)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	unsigned record;
	size_t i;
	dps_result first = DPS_OK;
	dps_result begun = dps_store_reset_begin(store);

	if (begun != DPS_OK && begun != DPS_E_STORAGE_FULL)
		return begun;
	for (record = 0; record < DPS_RECORD_COUNT; record++) {
		slot_name(record, 0, name);
		erase_and_note(store, name, &first);
		slot_name(record, 1, name);
		erase_and_note(store, name, &first);
	}
	erase_and_note(store, NAME_CONFIRMED, &first);
	for (i = 0; i < DPS_STORE_DEVICE_BLOBS; i++)
		erase_and_note(store, dps_store_device_blobs[i].name, &first);
	/* The mark, or the old manifest, goes last and only when all the rest is gone. */
	if (first == DPS_OK)
		first = erase_blob(store, NAME_MANIFEST);
	forget(store);
	store->open = first == DPS_OK || begun == DPS_OK;
	store->reset_begun = first != DPS_OK && begun == DPS_OK;
	return first;
}
