/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port's blobs in the storage port: wrapped keys, which only this TPM can open, and copies of public things that save commands: what is known of a persistent
 * key ("tpmh-<handle>"), certificates that were in NV ("tpmc-<index>"). A copy that is lost, damaged or old costs commands, never more.
 */
#include <stdio.h>
#include <string.h>
#include <tss2/tss2_mu.h>

#include "pki/pki.h"
#include "tpm2/internal.h"

#define KEY_PREFIX    "tpm-"
#define HANDLE_PREFIX "tpmh-"
#define CHAIN_PREFIX  "tpmc-"

/* Of a wrapped key: this, then TPM2B_PUBLIC and TPM2B_PRIVATE as the TPM marshals them. The last byte is the version. */
static const uint8_t MAGIC[] = {'D', 'P', 'S', 'K', 1};

#define BLOB_SIZE (sizeof(MAGIC) + sizeof(TPM2B_PUBLIC) + sizeof(TPM2B_PRIVATE))
/* ESAPI's form of a key: handle, name, kind, public half. */
#define SERIALIZED_SIZE     1024
#define SERIALIZED_KIND_KEY 1

/* --- public copies ------------------------------------------------------------------------------------------------------------------- */

static void put_name(char name[DPS_STORAGE_NAME_LENGTH + 1], const char *prefix, uint32_t handle)
{
	(void)snprintf(name, DPS_STORAGE_NAME_LENGTH + 1, "%s%08x", prefix, (unsigned)handle);
}

static dps_result read_blob(const struct dps_tpm2 *tpm, const char *name, uint8_t *buf, size_t size, size_t *len)
{
	return tpm->storage == NULL ? DPS_E_NOT_FOUND : tpm->storage->read(tpm->storage->ctx, name, buf, size, len);
}

static bool write_blob(const struct dps_tpm2 *tpm, const char *name, const uint8_t *bytes, size_t len)
{
	const struct dps_span part = {bytes, len};

	return tpm->storage != NULL && tpm->storage->write(tpm->storage->ctx, name, &part, 1) == DPS_OK;
}

/* The name of a key is a digest of its public half: so a public half can be trusted as far as the name can. */
static bool is_name_of(const TPM2B_NAME *name, const TPM2B_PUBLIC *public)
{
	uint8_t area[sizeof(TPMT_PUBLIC)];
	uint8_t digest[DPS_SHA256_SIZE];
	size_t len = 0;

	if (public->publicArea.nameAlg != TPM2_ALG_SHA256 || name->size != 2 + sizeof(digest) ||
	    dps_tpm2_get16(name->name) != TPM2_ALG_SHA256 ||
	    Tss2_MU_TPMT_PUBLIC_Marshal(&public->publicArea, area, sizeof(area), &len) != TSS2_RC_SUCCESS)
		return false;
	dps_pki_sha256(area, len, digest);
	return memcmp(name->name + 2, digest, sizeof(digest)) == 0;
}

bool dps_tpm2_parse_serialized(const uint8_t *bytes, size_t len, uint32_t handle, TPM2B_PUBLIC *public)
{
	TPM2B_NAME name = {.size = 0};
	size_t at = 0;
	UINT32 stored_handle, kind;

	memset(public, 0, sizeof(*public));
	return Tss2_MU_UINT32_Unmarshal(bytes, len, &at, &stored_handle) == TSS2_RC_SUCCESS && (handle == 0 || stored_handle == handle) &&
	       Tss2_MU_TPM2B_NAME_Unmarshal(bytes, len, &at, &name) == TSS2_RC_SUCCESS &&
	       Tss2_MU_UINT32_Unmarshal(bytes, len, &at, &kind) == TSS2_RC_SUCCESS && kind == SERIALIZED_KIND_KEY &&
	       Tss2_MU_TPM2B_PUBLIC_Unmarshal(bytes, len, &at, public) == TSS2_RC_SUCCESS && at == len && is_name_of(&name, public);
}

dps_result dps_tpm2_cache_find(struct dps_tpm2 *tpm, uint32_t handle, ESYS_TR *object, TPM2B_PUBLIC *public)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	uint8_t bytes[SERIALIZED_SIZE];
	size_t len = 0;

	put_name(name, HANDLE_PREFIX, handle);
	if (read_blob(tpm, name, bytes, sizeof(bytes), &len) != DPS_OK || !dps_tpm2_parse_serialized(bytes, len, handle, public) ||
	    Esys_TR_Deserialize(dps_tpm2_esys(tpm), bytes, len, object) != TSS2_RC_SUCCESS)
		return DPS_E_NOT_FOUND;
	return DPS_OK;
}

bool dps_tpm2_cache_keep(struct dps_tpm2 *tpm, uint32_t handle, ESYS_TR object)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	TPM2B_PUBLIC public;
	uint8_t *bytes = NULL;
	size_t len = 0;

	if (tpm->storage == NULL || Esys_TR_Serialize(dps_tpm2_esys(tpm), object, &bytes, &len) != TSS2_RC_SUCCESS)
		return false;
	put_name(name, HANDLE_PREFIX, handle);
	const bool kept = len <= SERIALIZED_SIZE && dps_tpm2_parse_serialized(bytes, len, handle, &public) && write_blob(tpm, name, bytes, len);
	Esys_Free(bytes);
	return kept;
}

void dps_tpm2_cache_erase(struct dps_tpm2 *tpm, uint32_t handle)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];

	put_name(name, HANDLE_PREFIX, handle);
	if (tpm->storage != NULL)
		(void)!tpm->storage->erase(tpm->storage->ctx, name);
}

dps_result dps_tpm2_cache_read_chain(struct dps_tpm2 *tpm)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	struct dps_span spki;
	size_t len = 0;

	put_name(name, CHAIN_PREFIX, tpm->nv_index);
	if (read_blob(tpm, name, tpm->chain, sizeof(tpm->chain), &len) != DPS_OK ||
	    dps_tpm2_certificate_key((struct dps_span){tpm->chain, len}, &spki) != DPS_OK)
		return DPS_E_NOT_FOUND;
	tpm->chain_len = len;
	tpm->chain_stored = true;
	return DPS_OK;
}

bool dps_tpm2_cache_keep_chain(struct dps_tpm2 *tpm)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];

	put_name(name, CHAIN_PREFIX, tpm->nv_index);
	return write_blob(tpm, name, tpm->chain, tpm->chain_len);
}

void dps_tpm2_cache_erase_chain(struct dps_tpm2 *tpm, uint32_t index)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];

	put_name(name, CHAIN_PREFIX, index);
	if (tpm->storage != NULL)
		(void)!tpm->storage->erase(tpm->storage->ctx, name);
}

/* --- wrapped keys -------------------------------------------------------------------------------------------------------------------- */

static dps_result blob_name(const struct dps_tpm2 *tpm, const char *slot, char name[DPS_STORAGE_NAME_LENGTH + 1])
{
	const size_t len = strlen(slot);

	if (len == 0 || len > DPS_CONFIG_SLOT_LENGTH || len > DPS_STORAGE_NAME_LENGTH - strlen(KEY_PREFIX) ||
	    strspn(slot, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
		return DPS_E_ARGUMENT;
	if (tpm->storage == NULL)
		return DPS_E_UNSUPPORTED;
	memcpy(name, KEY_PREFIX, strlen(KEY_PREFIX));
	memcpy(name + strlen(KEY_PREFIX), slot, len + 1);
	return DPS_OK;
}

dps_result dps_tpm2_blob_read(struct dps_tpm2 *tpm, const char *slot, TPM2B_PUBLIC *public, TPM2B_PRIVATE *private)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	uint8_t bytes[BLOB_SIZE];
	size_t len = 0;
	size_t at = sizeof(MAGIC);
	dps_result result = blob_name(tpm, slot, name);

	if (result == DPS_OK)
		result = tpm->storage->read(tpm->storage->ctx, name, bytes, sizeof(bytes), &len);
	if (result != DPS_OK && result != DPS_E_BUFFER)
		return result;
	memset(public, 0, sizeof(*public));
	memset(private, 0, sizeof(*private));
	if (result == DPS_E_BUFFER || len < sizeof(MAGIC) || memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0 ||
	    Tss2_MU_TPM2B_PUBLIC_Unmarshal(bytes, len, &at, public) != TSS2_RC_SUCCESS ||
	    at != sizeof(MAGIC) + 2 + dps_tpm2_get16(bytes + sizeof(MAGIC)) ||
	    Tss2_MU_TPM2B_PRIVATE_Unmarshal(bytes, len, &at, private) != TSS2_RC_SUCCESS || at != len)
		return dps_tpm2_fail_text(tpm, DPS_E_KEY_FORMAT, "key %s: the stored blob is damaged", slot);
	return DPS_OK;
}

dps_result dps_tpm2_blob_write(struct dps_tpm2 *tpm, const char *slot, const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	uint8_t bytes[BLOB_SIZE];
	size_t len = sizeof(MAGIC);
	const dps_result result = blob_name(tpm, slot, name);

	if (result != DPS_OK)
		return result;
	memcpy(bytes, MAGIC, sizeof(MAGIC));
	if (Tss2_MU_TPM2B_PUBLIC_Marshal(public, bytes, sizeof(bytes), &len) != TSS2_RC_SUCCESS ||
	    Tss2_MU_TPM2B_PRIVATE_Marshal(private, bytes, sizeof(bytes), &len) != TSS2_RC_SUCCESS)
		return DPS_E_INTERNAL;
	const struct dps_span part = {bytes, len};
	return tpm->storage->write(tpm->storage->ctx, name, &part, 1);
}

dps_result dps_tpm2_blob_erase(struct dps_tpm2 *tpm, const char *slot)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	const dps_result result = blob_name(tpm, slot, name);

	return result == DPS_OK ? tpm->storage->erase(tpm->storage->ctx, name) : result;
}
