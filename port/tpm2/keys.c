/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key port. Commands to a TPM are slow, so none is sent that is not needed: the public half of a key is in its blob or was kept, and a key of which only a
 * copy is known is proven by its first signature instead of being asked for.
 */
#include <string.h>

#include "codec/text.h"
#include "pki/verify.h"
#include "tpm2/internal.h"

static bool is_manufacturer(const char *slot)
{
	return strcmp(slot, DPS_SLOT_MANUFACTURER) == 0;
}

static struct dps_span spki_of(const struct dps_tpm2_key *key)
{
	return (struct dps_span){key->spki, key->spki_len};
}

static bool is_same(const struct dps_tpm2_key *a, const struct dps_tpm2_key *b)
{
	return a->spki_len == b->spki_len && memcmp(a->spki, b->spki, a->spki_len) == 0;
}

/* Ends a function of the port. The engine takes causes of the class "config" for a statement on the key; a TPM that fails makes none. */
static dps_result finish(struct dps_tpm2 *tpm, dps_result result)
{
	if (result == DPS_OK)
		tpm->detail[0] = '\0'; /* what failed first was got over */
	return result == DPS_E_TPM || result == DPS_E_STATE ? DPS_E_KEY : result;
}

/* --- the manufacturer's key ------------------------------------------------------------------------------------------------------------- */

static void drop_manufacturer(struct dps_tpm2 *tpm)
{
	if (tpm->manufacturer.transient)
		dps_tpm2_flush(tpm, &tpm->manufacturer.object);
	else
		dps_tpm2_forget(tpm, &tpm->manufacturer.object);
	tpm->manufacturer.transient = false;
}

/* It is evicted: made again if its certificate is known. */
static dps_result remake_manufacturer(struct dps_tpm2 *tpm, struct dps_tpm2_key *key)
{
	struct dps_span chain;
	dps_result result = dps_tpm2_manufacturer_chain(tpm, false, &chain);

	if (result == DPS_E_NOT_FOUND)
		return dps_tpm2_fail_text(tpm, DPS_E_NOT_FOUND, "no key at 0x%08x, and no certificate to make it again by",
		                          (unsigned)tpm->manufacturer_handle);
	if (result == DPS_OK)
		result = dps_tpm2_remake_idevid(tpm, chain, key);
	return result;
}

static dps_result ask_for_manufacturer(struct dps_tpm2 *tpm, struct dps_tpm2_key *key)
{
	TPM2B_PUBLIC public;
	const TSS2_RC rc = dps_tpm2_find(tpm, tpm->manufacturer_handle, &key->object);

	if (rc != TSS2_RC_SUCCESS)
		key->object = ESYS_TR_NONE;
	if (dps_tpm2_is_absent(rc))
		return remake_manufacturer(tpm, key);
	dps_result result = dps_tpm2_fail(tpm, "find the manufacturer's key", rc);
	if (result == DPS_OK)
		result = dps_tpm2_public_of(tpm, key->object, &public);
	if (result == DPS_OK) {
		const char *why = dps_tpm2_take_public(key, &public.publicArea);

		if (why != NULL)
			result = dps_tpm2_fail_text(tpm, DPS_E_KEY_FORMAT, "0x%08x: %s", (unsigned)tpm->manufacturer_handle, why);
	}
	key->proven = true;
	if (result != DPS_OK)
		dps_tpm2_forget(tpm, &key->object);
	return result;
}

/* Finds the key if it is not at hand; kept: what was kept of it may do. */
static dps_result find_manufacturer(struct dps_tpm2 *tpm, bool kept)
{
	struct dps_tpm2_key *known = &tpm->manufacturer;
	struct dps_tpm2_key key = {.object = ESYS_TR_NONE};
	TPM2B_PUBLIC public;
	dps_result result = DPS_OK;

	if (known->object != ESYS_TR_NONE)
		return DPS_OK;
	if (kept && dps_tpm2_cache_find(tpm, tpm->manufacturer_handle, &key.object, &public) == DPS_OK &&
	    dps_tpm2_take_public(&key, &public.publicArea) == NULL) {
		key.stored = true;
	} else {
		dps_tpm2_forget(tpm, &key.object);
		result = ask_for_manufacturer(tpm, &key);
	}
	if (result != DPS_OK)
		return result;
	if (known->known_public && known->proven && !is_same(known, &key)) {
		*known = key;
		drop_manufacturer(tpm);
		return dps_tpm2_fail_text(tpm, DPS_E_KEY_MISMATCH, "another key is at 0x%08x than before", (unsigned)tpm->manufacturer_handle);
	}
	*known = key;
	return DPS_OK;
}

/*
 * The copies of key and certificates are compared with each other; when they differ the TPM is asked for both. A key that then is not the certificate's
 * is for the caller to find: it compares anyway.
 */
static dps_result open_manufacturer(struct dps_tpm2 *tpm)
{
	struct dps_span chain, spki;
	dps_result result = find_manufacturer(tpm, true);

	if (result != DPS_OK || tpm->manufacturer.proven)
		return result;
	if (dps_tpm2_manufacturer_chain(tpm, false, &chain) == DPS_OK && dps_tpm2_certificate_key(chain, &spki) == DPS_OK &&
	    dps_tpm2_same_key(spki, spki_of(&tpm->manufacturer)))
		return DPS_OK;
	drop_manufacturer(tpm);
	dps_tpm2_cache_erase(tpm, tpm->manufacturer_handle);
	return dps_tpm2_begin(tpm) == DPS_OK ? find_manufacturer(tpm, false) : DPS_E_TPM;
}

/* The first signature is made: what is known now need not be asked for the next time. */
static void remember_manufacturer(struct dps_tpm2 *tpm)
{
	if (!tpm->manufacturer.stored && !tpm->manufacturer.transient)
		tpm->manufacturer.stored = dps_tpm2_cache_keep(tpm, tpm->manufacturer_handle, tpm->manufacturer.object);
	if (!tpm->chain_stored && tpm->chain_len > 0)
		tpm->chain_stored = dps_tpm2_cache_keep_chain(tpm);
}

/* --- operational keys ------------------------------------------------------------------------------------------------------------------- */

static void drop_identity(struct dps_tpm2 *tpm)
{
	dps_tpm2_flush(tpm, &tpm->identity.object);
	tpm->identity.transient = false;
	tpm->identity.known_public = false;
	tpm->identity.slot[0] = '\0';
}

/* What the TPM says of a blob that is not of this storage key, or damaged. */
static bool is_of_content(TSS2_RC rc)
{
	const TSS2_RC error = dps_tpm2_error_of(rc);

	return error == TPM2_RC_INTEGRITY || error == TPM2_RC_SENSITIVE || error == TPM2_RC_BINDING || error == TPM2_RC_SIZE ||
	       error == TPM2_RC_INSUFFICIENT || error == TPM2_RC_ATTRIBUTES || error == TPM2_RC_TYPE || error == TPM2_RC_KEY ||
	       error == TPM2_RC_HASH || error == TPM2_RC_SCHEME || error == TPM2_RC_CURVE || error == TPM2_RC_ECC_POINT;
}

static dps_result load_once(struct dps_tpm2 *tpm, const TPM2B_PRIVATE *private, const TPM2B_PUBLIC *public, ESYS_TR *object, TSS2_RC *rc)
{
	struct dps_tpm2_permit permit;
	dps_result result = dps_tpm2_find_srk(tpm);

	*rc = TSS2_RC_SUCCESS;
	if (result == DPS_E_NOT_FOUND)
		return dps_tpm2_fail_text(tpm, DPS_E_KEY_FORMAT,
		                          "the storage root key is gone, and with it the keys below it: the TPM was cleared");
	if (result == DPS_OK)
		result = dps_tpm2_permit(tpm, &permit, tpm->srk.object, &dps_tpm2_no_auth, false);
	if (result != DPS_OK)
		return result;
	*rc = Esys_Load(dps_tpm2_esys(tpm), tpm->srk.object, permit.session, ESYS_TR_NONE, ESYS_TR_NONE, private, public, object);
	if (*rc != TSS2_RC_SUCCESS)
		*object = ESYS_TR_NONE;
	dps_tpm2_unpermit(tpm, &permit, tpm->srk.object, *rc);
	return dps_tpm2_fail(tpm, "load a key", *rc);
}

static dps_result load(struct dps_tpm2 *tpm, const TPM2B_PRIVATE *private, const TPM2B_PUBLIC *public, ESYS_TR *object)
{
	TSS2_RC rc;
	dps_result result = load_once(tpm, private, public, object, &rc);

	/* the storage key of which a copy was kept may be gone, or another one */
	if ((is_of_content(rc) || dps_tpm2_is_absent(rc)) && !tpm->srk.proven) {
		dps_tpm2_forget_srk(tpm);
		result = load_once(tpm, private, public, object, &rc);
	}
	if (is_of_content(rc) || dps_tpm2_is_absent(rc))
		return DPS_E_KEY_FORMAT;
	if (result != DPS_OK)
		return result;
	dps_tpm2_keep(tpm, *object);
	tpm->srk.proven = true;
	if (!tpm->srk.stored)
		tpm->srk.stored = dps_tpm2_cache_keep(tpm, DPS_TPM2_SRK_HANDLE, tpm->srk.object);
	return DPS_OK;
}

static dps_result load_identity(struct dps_tpm2 *tpm, const char *slot)
{
	struct dps_tpm2_key *key = &tpm->identity;
	TPM2B_PUBLIC public;
	TPM2B_PRIVATE private;

	if (key->object != ESYS_TR_NONE && strcmp(key->slot, slot) == 0)
		return DPS_OK;
	drop_identity(tpm);
	dps_result result = dps_tpm2_blob_read(tpm, slot, &public, &private);
	if (result != DPS_OK)
		return result;
	const char *why = dps_tpm2_take_public(key, &public.publicArea);
	if (why != NULL)
		return dps_tpm2_fail_text(tpm, DPS_E_KEY_FORMAT, "key %s: %s", slot, why);
	result = load(tpm, &private, &public, &key->object);
	key->known_public = result == DPS_OK;
	if (result != DPS_OK)
		return result;
	key->transient = true;
	key->proven = true;
	memcpy(key->slot, slot, strlen(slot) + 1);
	return DPS_OK;
}

static dps_result create(struct dps_tpm2 *tpm, const TPM2B_PUBLIC *template, TPM2B_PRIVATE *private, TPM2B_PUBLIC *public)
{
	static const TPM2B_DATA NO_DATA = {.size = 0};
	static const TPML_PCR_SELECTION NO_PCRS = {.count = 0};
	const struct dps_tpm2_auth *auth = &tpm->auth[DPS_TPM2_IDENTITY_KEYS];
	TPM2B_SENSITIVE_CREATE sensitive = {.size = 0};
	TPM2B_PRIVATE *made_private = NULL;
	TPM2B_PUBLIC *made_public = NULL;
	struct dps_tpm2_permit permit;
	dps_result result = dps_tpm2_permit(tpm, &permit, tpm->srk.object, &dps_tpm2_no_auth, auth->len > 0);

	if (result != DPS_OK)
		return result;
	sensitive.sensitive.userAuth.size = (UINT16)auth->len;
	memcpy(sensitive.sensitive.userAuth.buffer, auth->bytes, auth->len);
	const TSS2_RC rc = Esys_Create(dps_tpm2_esys(tpm), tpm->srk.object, permit.session, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, template,
	                               &NO_DATA, &NO_PCRS, &made_private, &made_public, NULL, NULL, NULL);
	dps_wipe(&sensitive, sizeof(sensitive));
	dps_tpm2_unpermit(tpm, &permit, tpm->srk.object, rc);
	if (rc == TSS2_RC_SUCCESS) {
		*private = *made_private;
		*public = *made_public;
	}
	Esys_Free(made_private);
	Esys_Free(made_public);
	result = dps_tpm2_fail(tpm, "make a key", rc);
	/* a size that the TPM does not make is told in several ways */
	return dps_tpm2_error_of(rc) == TPM2_RC_VALUE || dps_tpm2_error_of(rc) == TPM2_RC_KEY_SIZE ? DPS_E_UNSUPPORTED : result;
}

/* Makes a key below the storage root key; a copy of one that is gone is noticed here. */
static dps_result make_identity(struct dps_tpm2 *tpm, const TPM2B_PUBLIC *template, TPM2B_PRIVATE *private, TPM2B_PUBLIC *public)
{
	bool made;
	dps_result result = dps_tpm2_need_srk(tpm, &made);

	if (result == DPS_OK)
		result = create(tpm, template, private, public);
	if (result != DPS_E_NOT_FOUND || tpm->srk.proven)
		return result;
	dps_tpm2_forget_srk(tpm);
	result = dps_tpm2_need_srk(tpm, &made);
	return result == DPS_OK ? create(tpm, template, private, public) : result;
}

/* --- the port --------------------------------------------------------------------------------------------------------------------------- */

static dps_result keys_open(void *ctx, const char *slot)
{
	struct dps_tpm2 *tpm = ctx;
	dps_result result = dps_tpm2_begin(tpm);

	if (result == DPS_OK)
		result = is_manufacturer(slot) ? open_manufacturer(tpm) : load_identity(tpm, slot);
	return finish(tpm, result);
}

static dps_result keys_generate(void *ctx, const char *slot, enum dps_key_type type)
{
	struct dps_tpm2 *tpm = ctx;
	TPM2B_PUBLIC template, public;
	TPM2B_PRIVATE private;

	if (is_manufacturer(slot) || !dps_tpm2_template_identity(type, &template) || tpm->storage == NULL)
		return DPS_E_UNSUPPORTED;
	dps_result result = dps_tpm2_begin(tpm);
	if (result != DPS_OK)
		return finish(tpm, result);
	drop_identity(tpm);
	result = make_identity(tpm, &template, &private, &public);
	if (result == DPS_OK)
		result = dps_tpm2_blob_write(tpm, slot, &public, &private);
	return finish(tpm, result == DPS_E_NOT_FOUND ? DPS_E_KEY : result);
}

static dps_result keys_public_key(void *ctx, const char *slot, uint8_t *buf, size_t size, size_t *len)
{
	struct dps_tpm2 *tpm = ctx;
	const struct dps_tpm2_key *key = is_manufacturer(slot) ? &tpm->manufacturer : &tpm->identity;
	dps_result result = dps_tpm2_begin(tpm);

	if (result == DPS_OK)
		result = is_manufacturer(slot) ? open_manufacturer(tpm) : load_identity(tpm, slot);
	if (result != DPS_OK)
		return finish(tpm, result);
	*len = key->spki_len;
	if (key->spki_len > size)
		return DPS_E_BUFFER;
	memcpy(buf, key->spki, key->spki_len);
	return DPS_OK;
}

/* The scheme and the digest as a key wants them. */
static bool prepare(const struct dps_tpm2_key *key, TPM2_ALG_ID hash, const uint8_t *digest, size_t len, TPMT_SIG_SCHEME *scheme,
                    TPM2B_DIGEST *fitted)
{
	TPM2_ALG_ID used = key->hash;

	if (used == 0 && key->type == DPS_KEY_RSA_2048)
		used = hash;
	else if (used == 0)
		used = key->type == DPS_KEY_EC_P384 ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
	*scheme = (TPMT_SIG_SCHEME){.scheme = key->type == DPS_KEY_RSA_2048 ? TPM2_ALG_RSASSA : TPM2_ALG_ECDSA};
	scheme->details.any.hashAlg = used;
	return dps_tpm2_fit_digest(key->type, used, digest, len, fitted);
}

static dps_result sign_with(struct dps_tpm2 *tpm, const struct dps_tpm2_key *key, enum dps_tpm2_authority authority, TPM2_ALG_ID hash,
                            const uint8_t *digest, size_t digest_len, uint8_t *sig, size_t size, size_t *len)
{
	static const TPMT_TK_HASHCHECK NO_TICKET = {.tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL};
	TPMT_SIGNATURE *signature = NULL;
	struct dps_tpm2_permit permit;
	TPMT_SIG_SCHEME scheme;
	TPM2B_DIGEST fitted;

	if (!prepare(key, hash, digest, digest_len, &scheme, &fitted))
		return dps_tpm2_fail_text(tpm, DPS_E_UNSUPPORTED, "sign: the key is bound to another hash");
	dps_result result = dps_tpm2_permit(tpm, &permit, key->object, &tpm->auth[authority], false);
	if (result != DPS_OK)
		return result;
	const TSS2_RC rc =
		Esys_Sign(dps_tpm2_esys(tpm), key->object, permit.session, ESYS_TR_NONE, ESYS_TR_NONE, &fitted, &scheme, &NO_TICKET, &signature);
	dps_tpm2_unpermit(tpm, &permit, key->object, rc);
	result = dps_tpm2_fail(tpm, "sign", rc);
	if (result == DPS_OK) {
		*len = dps_tpm2_signature(signature, key->type, sig, size);
		if (*len == 0)
			result = dps_tpm2_fail_text(tpm, DPS_E_KEY, "sign: the TPM's signature is none");
	}
	Esys_Free(signature);
	return result;
}

/* A key of which only a copy was known turns out to be gone, or of another kind. */
static bool is_not_as_known(const struct dps_tpm2 *tpm, dps_result result)
{
	return !tpm->manufacturer.proven && (result == DPS_E_NOT_FOUND || is_of_content(tpm->code));
}

/* Asks the TPM what is at the handle, instead of believing the copy. */
static dps_result find_manufacturer_anew(struct dps_tpm2 *tpm)
{
	const struct dps_tpm2_key known = tpm->manufacturer;

	drop_manufacturer(tpm);
	dps_tpm2_cache_erase(tpm, tpm->manufacturer_handle);
	const dps_result result = find_manufacturer(tpm, false);

	if (result != DPS_OK || is_same(&known, &tpm->manufacturer))
		return result;
	return dps_tpm2_fail_text(tpm, DPS_E_KEY_MISMATCH, "another key is at 0x%08x than before", (unsigned)tpm->manufacturer_handle);
}

static dps_result sign_as_manufacturer(struct dps_tpm2 *tpm, enum dps_hash hash, TPM2_ALG_ID tpm_hash, const uint8_t *digest,
                                       size_t digest_len, uint8_t *sig, size_t *len)
{
	const enum dps_tpm2_authority authority = DPS_TPM2_MANUFACTURER_KEY;
	dps_result result = find_manufacturer(tpm, true);

	if (result == DPS_OK)
		result = sign_with(tpm, &tpm->manufacturer, authority, tpm_hash, digest, digest_len, sig, DPS_SIGNATURE_SIZE, len);
	if (result != DPS_OK && is_not_as_known(tpm, result)) {
		result = find_manufacturer_anew(tpm);
		if (result == DPS_OK)
			result = sign_with(tpm, &tpm->manufacturer, authority, tpm_hash, digest, digest_len, sig, DPS_SIGNATURE_SIZE, len);
	}
	if (result != DPS_OK)
		return result;
	if (!tpm->manufacturer.proven &&
	    dps_pki_verify(spki_of(&tpm->manufacturer), hash, (struct dps_span){digest, digest_len}, (struct dps_span){sig, *len}) != DPS_OK) {
		/* the key that signed is not the one that was known: the caller must begin anew with the right one */
		result = find_manufacturer_anew(tpm);
		return result == DPS_OK ? dps_tpm2_fail_text(tpm, DPS_E_KEY, "sign: the TPM's signature does not verify") : result;
	}
	tpm->manufacturer.proven = true;
	remember_manufacturer(tpm);
	return DPS_OK;
}

static dps_result sign_as_identity(struct dps_tpm2 *tpm, const char *slot, TPM2_ALG_ID hash, const uint8_t *digest, size_t digest_len,
                                   uint8_t *sig, size_t *len)
{
	dps_result result = load_identity(tpm, slot);

	if (result != DPS_OK)
		return result;
	result = sign_with(tpm, &tpm->identity, DPS_TPM2_IDENTITY_KEYS, hash, digest, digest_len, sig, DPS_SIGNATURE_SIZE, len);
	if (result != DPS_E_NOT_FOUND)
		return result;
	/* the TPM was reset since it was loaded */
	drop_identity(tpm);
	result = load_identity(tpm, slot);
	if (result == DPS_OK)
		result = sign_with(tpm, &tpm->identity, DPS_TPM2_IDENTITY_KEYS, hash, digest, digest_len, sig, DPS_SIGNATURE_SIZE, len);
	return result == DPS_E_NOT_FOUND ? DPS_E_KEY : result;
}

static dps_result keys_sign(void *ctx, const char *slot, enum dps_hash hash, const uint8_t *digest, size_t digest_len, uint8_t *sig,
                            size_t size, size_t *len)
{
	static const TPM2_ALG_ID HASHES[] = {
		[DPS_HASH_SHA256] = TPM2_ALG_SHA256, [DPS_HASH_SHA384] = TPM2_ALG_SHA384, [DPS_HASH_SHA512] = TPM2_ALG_SHA512};
	struct dps_tpm2 *tpm = ctx;
	uint8_t signature[DPS_SIGNATURE_SIZE];

	if ((size_t)hash >= sizeof(HASHES) / sizeof(HASHES[0]) || digest_len != dps_tpm2_hash_len(HASHES[hash]))
		return DPS_E_ARGUMENT;
	dps_result result = dps_tpm2_begin(tpm);
	if (result == DPS_OK && is_manufacturer(slot))
		result = sign_as_manufacturer(tpm, hash, HASHES[hash], digest, digest_len, signature, len);
	else if (result == DPS_OK)
		result = sign_as_identity(tpm, slot, HASHES[hash], digest, digest_len, signature, len);
	result = finish(tpm, result);
	if (result != DPS_OK)
		return result;
	if (*len > size)
		return DPS_E_BUFFER;
	memcpy(sig, signature, *len);
	return DPS_OK;
}

static dps_result keys_erase(void *ctx, const char *slot)
{
	struct dps_tpm2 *tpm = ctx;

	if (is_manufacturer(slot))
		return DPS_E_UNSUPPORTED;
	if (strcmp(tpm->identity.slot, slot) == 0)
		drop_identity(tpm);
	return dps_tpm2_blob_erase(tpm, slot);
}

void dps_tpm2_keys_init(struct dps_tpm2 *tpm)
{
	tpm->port = (struct dps_keys){
		.ctx = tpm, .open = keys_open, .generate = keys_generate, .public_key = keys_public_key, .sign = keys_sign, .erase = keys_erase};
	tpm->srk.object = ESYS_TR_NONE;
	tpm->manufacturer.object = ESYS_TR_NONE;
	tpm->identity.object = ESYS_TR_NONE;
}
