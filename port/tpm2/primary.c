/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that are made of a seed and a template, and persistent keys: the storage root key, the device identity.
 */
#include <string.h>

#include "tpm2/internal.h"

static ESYS_TR hierarchy_of(enum dps_tpm2_authority authority)
{
	return authority == DPS_TPM2_OWNER ? ESYS_TR_RH_OWNER : ESYS_TR_RH_ENDORSEMENT;
}

TSS2_RC dps_tpm2_create_primary_with(struct dps_tpm2 *tpm, enum dps_tpm2_authority authority, ESYS_TR session, const TPM2B_PUBLIC *from,
                                     ESYS_TR *object, TPM2B_PUBLIC *public)
{
	static const TPM2B_SENSITIVE_CREATE NO_SECRET = {.size = 0};
	static const TPM2B_DATA NO_DATA = {.size = 0};
	static const TPML_PCR_SELECTION NO_PCRS = {.count = 0};
	TPM2B_PUBLIC *made = NULL;
	const TSS2_RC rc = Esys_CreatePrimary(dps_tpm2_esys(tpm), hierarchy_of(authority), session, ESYS_TR_NONE, ESYS_TR_NONE, &NO_SECRET,
	                                      from, &NO_DATA, &NO_PCRS, object, &made, NULL, NULL, NULL);

	if (rc == TSS2_RC_SUCCESS) {
		*public = *made;
		dps_tpm2_keep(tpm, *object);
	} else {
		*object = ESYS_TR_NONE;
	}
	Esys_Free(made);
	return rc;
}

dps_result dps_tpm2_create_primary(struct dps_tpm2 *tpm, const char *what, enum dps_tpm2_authority authority, const TPM2B_PUBLIC *from,
                                   ESYS_TR *object, TPM2B_PUBLIC *public)
{
	const struct dps_tpm2_auth *auth;
	struct dps_tpm2_permit permit;
	dps_result result = dps_tpm2_current_auth(tpm, authority, &auth);

	*object = ESYS_TR_NONE;
	if (result == DPS_OK)
		result = dps_tpm2_permit(tpm, &permit, hierarchy_of(authority), auth, false);
	if (result != DPS_OK)
		return result;
	const TSS2_RC rc = dps_tpm2_create_primary_with(tpm, authority, permit.session, from, object, public);
	dps_tpm2_unpermit(tpm, &permit, hierarchy_of(authority), rc);
	return dps_tpm2_fail(tpm, what, rc);
}

dps_result dps_tpm2_evict_control(struct dps_tpm2 *tpm, const char *what, ESYS_TR object, uint32_t handle, ESYS_TR *persistent)
{
	const struct dps_tpm2_auth *auth;
	struct dps_tpm2_permit permit;
	dps_result result = dps_tpm2_current_auth(tpm, DPS_TPM2_OWNER, &auth);

	*persistent = ESYS_TR_NONE;
	if (result == DPS_OK)
		result = dps_tpm2_permit(tpm, &permit, ESYS_TR_RH_OWNER, auth, false);
	if (result != DPS_OK)
		return result;
	const TSS2_RC rc =
		Esys_EvictControl(dps_tpm2_esys(tpm), ESYS_TR_RH_OWNER, object, permit.session, ESYS_TR_NONE, ESYS_TR_NONE, handle, persistent);
	if (rc != TSS2_RC_SUCCESS)
		*persistent = ESYS_TR_NONE;
	dps_tpm2_unpermit(tpm, &permit, ESYS_TR_RH_OWNER, rc);
	return dps_tpm2_fail(tpm, what, rc);
}

/* Makes a loaded key persistent; the loaded one is flushed on every path. */
static dps_result persist(struct dps_tpm2 *tpm, const char *what, ESYS_TR *object, uint32_t handle, ESYS_TR *persistent)
{
	const dps_result result = dps_tpm2_evict_control(tpm, what, *object, handle, persistent);

	dps_tpm2_flush(tpm, object);
	return result;
}

/* --- the storage root key ------------------------------------------------------------------------------------------------------------ */

static bool is_storage_key(const TPMT_PUBLIC *public)
{
	const TPMA_OBJECT wanted = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
	const bool asymmetric = public->type == TPM2_ALG_ECC || public->type == TPM2_ALG_RSA;

	return asymmetric && (public->objectAttributes & (wanted | TPMA_OBJECT_SIGN_ENCRYPT)) == wanted;
}

dps_result dps_tpm2_find_srk(struct dps_tpm2 *tpm)
{
	TPM2B_PUBLIC public;

	if (tpm->srk.object != ESYS_TR_NONE)
		return DPS_OK;
	if (dps_tpm2_cache_find(tpm, DPS_TPM2_SRK_HANDLE, &tpm->srk.object, &public) == DPS_OK) {
		tpm->srk.stored = true;
		tpm->srk.proven = false;
	} else {
		const TSS2_RC rc = dps_tpm2_find(tpm, DPS_TPM2_SRK_HANDLE, &tpm->srk.object);

		if (rc != TSS2_RC_SUCCESS)
			tpm->srk.object = ESYS_TR_NONE;
		if (dps_tpm2_is_absent(rc))
			return DPS_E_NOT_FOUND;
		dps_result result = dps_tpm2_fail(tpm, "find the storage root key", rc);
		if (result == DPS_OK)
			result = dps_tpm2_public_of(tpm, tpm->srk.object, &public);
		if (result != DPS_OK) {
			dps_tpm2_forget(tpm, &tpm->srk.object);
			return result;
		}
		tpm->srk.proven = true;
		tpm->srk.stored = false;
	}
	if (is_storage_key(&public.publicArea))
		return DPS_OK;
	dps_tpm2_forget(tpm, &tpm->srk.object);
	return dps_tpm2_fail_text(tpm, DPS_E_KEY_FORMAT, "0x%08x: not a storage key, and not ours to overwrite", (unsigned)DPS_TPM2_SRK_HANDLE);
}

void dps_tpm2_forget_srk(struct dps_tpm2 *tpm)
{
	dps_tpm2_forget(tpm, &tpm->srk.object);
	dps_tpm2_cache_erase(tpm, DPS_TPM2_SRK_HANDLE);
	tpm->srk.stored = false;
}

static dps_result make_srk(struct dps_tpm2 *tpm)
{
	TPM2B_PUBLIC template, public;
	ESYS_TR object;

	dps_tpm2_template_srk(&template);
	dps_result result = dps_tpm2_create_primary(tpm, "make the storage root key", DPS_TPM2_OWNER, &template, &object, &public);
	if (result == DPS_OK)
		result = persist(tpm, "persist the storage root key", &object, DPS_TPM2_SRK_HANDLE, &tpm->srk.object);
	if (result == DPS_OK)
		tpm->srk.proven = true;
	return result;
}

dps_result dps_tpm2_need_srk(struct dps_tpm2 *tpm, bool *made)
{
	dps_result result = dps_tpm2_find_srk(tpm);

	*made = false;
	if (result != DPS_E_NOT_FOUND)
		return result;
	result = make_srk(tpm);
	*made = result == DPS_OK;
	return result;
}

dps_result dps_tpm2_create_srk(struct dps_tpm2 *tpm, bool *changed)
{
	bool made = false;
	dps_result result = dps_tpm2_begin(tpm);

	/* the answer is the TPM's, not that of a copy */
	if (result == DPS_OK) {
		dps_tpm2_forget_srk(tpm);
		result = dps_tpm2_need_srk(tpm, &made);
	}
	if (changed != NULL)
		*changed = made;
	return result;
}

/* --- the device identity -------------------------------------------------------------------------------------------------------------- */

dps_result dps_tpm2_make_idevid(struct dps_tpm2 *tpm, enum dps_key_type type, struct dps_span certificate, ESYS_TR *object,
                                struct dps_tpm2_key *key)
{
	TPM2B_PUBLIC template, public;
	struct dps_span spki;

	*object = ESYS_TR_NONE;
	if (!dps_tpm2_template_idevid(type, &template))
		return dps_tpm2_fail_text(tpm, DPS_E_UNSUPPORTED, "an IDevID is a P-256 or an RSA-2048 key");
	dps_result result = dps_tpm2_create_primary(tpm, "make the IDevID", DPS_TPM2_ENDORSEMENT, &template, object, &public);
	if (result != DPS_OK)
		return result;
	const char *why = dps_tpm2_take_public(key, &public.publicArea);
	if (why != NULL)
		result = dps_tpm2_fail_text(tpm, DPS_E_KEY_FORMAT, "the IDevID: %s", why);
	if (result == DPS_OK && certificate.len > 0)
		result = dps_tpm2_certificate_key(certificate, &spki);
	if (result == DPS_OK && certificate.len > 0 && !dps_tpm2_same_key((struct dps_span){key->spki, key->spki_len}, spki))
		result = dps_tpm2_fail_text(tpm, DPS_E_KEY_MISMATCH, "the IDevID of this TPM is not the key of the certificate");
	if (result != DPS_OK)
		dps_tpm2_flush(tpm, object);
	return result;
}

dps_result dps_tpm2_remake_idevid(struct dps_tpm2 *tpm, struct dps_span certificate, struct dps_tpm2_key *key)
{
	enum dps_key_type type;
	struct dps_span spki;
	ESYS_TR persistent;
	dps_result result = dps_tpm2_certificate_key(certificate, &spki);

	if (result != DPS_OK)
		return dps_tpm2_fail_text(tpm, result, "the certificate of the IDevID cannot be read");
	if (!dps_tpm2_type_of_spki(spki, &type))
		return dps_tpm2_fail_text(tpm, DPS_E_KEY_FORMAT, "the certificate is for a key of a type that is not supported");
	result = dps_tpm2_make_idevid(tpm, type, certificate, &key->object, key);
	if (result != DPS_OK)
		return result;
	key->proven = true;
	/* without the owner's auth value it stays loaded as long as it is used */
	result = dps_tpm2_evict_control(tpm, "persist the IDevID", key->object, tpm->manufacturer_handle, &persistent);
	key->transient = result != DPS_OK;
	if (result == DPS_OK) {
		dps_tpm2_flush(tpm, &key->object);
		key->object = persistent;
	}
	return result == DPS_E_TPM ? result : DPS_OK;
}

/* What is at a handle, as an object and as a key; DPS_E_NOT_FOUND: nothing. */
static dps_result look_at(struct dps_tpm2 *tpm, uint32_t handle, ESYS_TR *object, TPM2B_PUBLIC *public)
{
	const TSS2_RC rc = dps_tpm2_find(tpm, handle, object);
	dps_result result = dps_tpm2_fail(tpm, "read a public key", rc);

	if (result == DPS_OK)
		result = dps_tpm2_public_of(tpm, *object, public);
	else
		*object = ESYS_TR_NONE;
	if (result != DPS_OK)
		dps_tpm2_forget(tpm, object);
	return result;
}

/* Makes the IDevID and persists it, unless it is there. */
static dps_result install_idevid(struct dps_tpm2 *tpm, enum dps_key_type type, uint32_t handle, struct dps_span certificate, bool *changed)
{
	struct dps_tpm2_key key = {.object = ESYS_TR_NONE};
	enum dps_key_type there_type;
	uint8_t there_spki[DPS_SPKI_SIZE];
	size_t there_len = 0;
	ESYS_TR there, object;
	TPM2B_PUBLIC public;
	dps_result result = dps_tpm2_make_idevid(tpm, type, certificate, &object, &key);

	if (result != DPS_OK)
		return result;
	result = look_at(tpm, handle, &there, &public);
	if (result == DPS_E_NOT_FOUND) {
		tpm->detail[0] = '\0';
		dps_tpm2_cache_erase(tpm, handle);
		result = persist(tpm, "persist the IDevID", &object, handle, &there);
		*changed = result == DPS_OK;
	} else if (result == DPS_OK && (!dps_tpm2_spki(&public.publicArea, &there_type, there_spki, &there_len) || there_len != key.spki_len ||
	                                memcmp(there_spki, key.spki, there_len) != 0)) {
		result = dps_tpm2_fail_text(tpm, DPS_E_STATE, "another key is at 0x%08x", (unsigned)handle);
	}
	dps_tpm2_forget(tpm, &there);
	dps_tpm2_flush(tpm, &object);
	return result;
}

dps_result dps_tpm2_create_idevid(struct dps_tpm2 *tpm, enum dps_key_type type, uint32_t handle, bool *changed)
{
	bool made = false;
	dps_result result = dps_tpm2_begin(tpm);

	if (result == DPS_OK)
		result = install_idevid(tpm, type, handle != 0 ? handle : tpm->manufacturer_handle, (struct dps_span){NULL, 0}, &made);
	if (changed != NULL)
		*changed = made;
	return result;
}

dps_result dps_tpm2_restore_idevid(struct dps_tpm2 *tpm, uint32_t handle, struct dps_span certificate, bool *changed)
{
	bool made = false;
	enum dps_key_type type = DPS_KEY_EC_P256;
	struct dps_span spki;
	dps_result result = dps_tpm2_begin(tpm);

	if (result == DPS_OK)
		result = dps_tpm2_certificate_key(certificate, &spki);
	if (result == DPS_OK && !dps_tpm2_type_of_spki(spki, &type))
		result = dps_tpm2_fail_text(tpm, DPS_E_KEY_MISMATCH, "the certificate is for a key of a type that no IDevID has");
	if (result == DPS_OK)
		result = install_idevid(tpm, type, handle != 0 ? handle : tpm->manufacturer_handle, certificate, &made);
	if (changed != NULL)
		*changed = made;
	return result;
}

dps_result dps_tpm2_evict(struct dps_tpm2 *tpm, uint32_t handle, bool *changed)
{
	ESYS_TR object, none;
	TPM2B_PUBLIC public;
	dps_result result = dps_tpm2_begin(tpm);

	if (changed != NULL)
		*changed = false;
	if (result != DPS_OK)
		return result;
	if (handle == DPS_TPM2_SRK_HANDLE)
		dps_tpm2_forget_srk(tpm);
	if (handle == tpm->manufacturer_handle)
		dps_tpm2_forget(tpm, &tpm->manufacturer.object);
	dps_tpm2_cache_erase(tpm, handle);
	result = look_at(tpm, handle, &object, &public);
	if (result == DPS_E_NOT_FOUND) {
		tpm->detail[0] = '\0';
		return DPS_OK;
	}
	if (result != DPS_OK)
		return result;
	result = dps_tpm2_evict_control(tpm, "remove a persistent key", object, handle, &none);
	if (result != DPS_OK)
		dps_tpm2_forget(tpm, &object);
	if (changed != NULL)
		*changed = result == DPS_OK;
	return result;
}

dps_result dps_tpm2_read_public(struct dps_tpm2 *tpm, uint32_t handle, struct dps_tpm2_public *key)
{
	ESYS_TR object;
	TPM2B_PUBLIC public;
	dps_result result = dps_tpm2_begin(tpm);

	memset(key, 0, sizeof(*key));
	if (result == DPS_OK)
		result = look_at(tpm, handle, &object, &public);
	if (result != DPS_OK)
		return result;
	dps_tpm2_forget(tpm, &object);
	key->handle = handle;
	return dps_tpm2_describe(tpm, &public, key);
}
