/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endorsement keys: who a TPM is ("TCG EK Credential Profile" 2.5). A certificate of the TPM's maker says that a public key is of a genuine TPM; the key is made of the
 * template that the profile gives, unless the maker put a nonce or a template of its own into NV (2.2.1.4).
 */
#include <string.h>
#include <tss2/tss2_mu.h>

#include "tpm2/internal.h"

/* Persistent EKs (TCG registry of reserved handles). */
#define PERSISTENT_FIRST UINT32_C(0x81010000)
#define PERSISTENT_LAST  UINT32_C(0x8101ffff)
#define PERSISTENT_MAX   16
#define ISSUERS_FIRST    UINT32_C(0x01c00100)
#define ISSUERS_LAST     UINT32_C(0x01c001ff)
#define ISSUERS_MAX      16

static const struct variant {
	enum dps_tpm2_endorsement_type kind;
	enum dps_key_type type;
	const char *name;
	uint32_t certificate;
	uint32_t nonce;    /* 0: the high range has neither */
	uint32_t template; /* TPMT_PUBLIC */
} variants[] = {
	{DPS_TPM2_EK_RSA_2048, DPS_KEY_RSA_2048, "L-1", 0x01c00002, 0x01c00003, 0x01c00004},
	{DPS_TPM2_EK_RSA_2048, DPS_KEY_RSA_2048, "H-1", 0x01c00012, 0, 0},
	{DPS_TPM2_EK_P256, DPS_KEY_EC_P256, "L-2", 0x01c0000a, 0x01c0000b, 0x01c0000c},
	{DPS_TPM2_EK_P256, DPS_KEY_EC_P256, "H-2", 0x01c00014, 0, 0},
	{DPS_TPM2_EK_P384, DPS_KEY_EC_P384, "H-3", 0x01c00016, 0, 0},
};

#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

/* The template of a variant, with what the maker put into NV. */
static dps_result template_of(struct dps_tpm2 *tpm, const struct variant *variant, TPM2B_PUBLIC *template)
{
	uint8_t bytes[sizeof(TPMT_PUBLIC)];
	size_t len, at = 0;
	dps_result result;

	dps_tpm2_template_endorsement(variant->type, variant->nonce == 0, template);
	if (variant->nonce == 0)
		return DPS_OK;
	result = dps_tpm2_nv_get(tpm, variant->template, true, bytes, sizeof(bytes), &len);
	if (result == DPS_OK) {
		memset(template, 0, sizeof(*template));
		if (Tss2_MU_TPMT_PUBLIC_Unmarshal(bytes, len, &at, &template->publicArea) != TSS2_RC_SUCCESS)
			return dps_tpm2_fail_text(tpm, DPS_E_KEY_FORMAT, "NV index 0x%08x holds no EK template", (unsigned)variant->template);
		return DPS_OK;
	}
	if (result != DPS_E_NOT_FOUND)
		return result;
	result = dps_tpm2_nv_get(tpm, variant->nonce, true, bytes, 256, &len);
	if (result == DPS_OK && variant->type == DPS_KEY_RSA_2048 && len <= 256) {
		memcpy(template->publicArea.unique.rsa.buffer, bytes, len);
	} else if (result == DPS_OK && len <= 32) {
		memcpy(template->publicArea.unique.ecc.x.buffer, bytes, len);
	} else if (result == DPS_OK) {
		return dps_tpm2_fail_text(tpm, DPS_E_KEY_FORMAT, "NV index 0x%08x holds no EK nonce", (unsigned)variant->nonce);
	}
	return result == DPS_E_NOT_FOUND ? DPS_OK : result;
}

/* Which variant: one with a certificate, else the first of the kind. */
static dps_result choose(struct dps_tpm2 *tpm, enum dps_tpm2_endorsement_type kind, const struct variant **variant,
                         struct dps_tpm2_endorsement *ek)
{
	*variant = NULL;
	for (size_t i = 0; i < VARIANTS; i++) {
		if (kind != DPS_TPM2_EK_ANY && variants[i].kind != kind)
			continue;
		if (*variant == NULL)
			*variant = &variants[i];
		const dps_result result =
			dps_tpm2_nv_certificate(tpm, variants[i].certificate, true, ek->certificate, sizeof(ek->certificate), &ek->certificate_len);
		if (result == DPS_E_NOT_FOUND)
			continue;
		if (result != DPS_OK)
			return result;
		*variant = &variants[i];
		ek->certificate_index = variants[i].certificate;
		break;
	}
	if (*variant == NULL)
		return dps_tpm2_fail_text(tpm, DPS_E_ARGUMENT, "no such type of endorsement key");
	if (ek->certificate_index == 0)
		ek->certificate_len = 0;
	ek->template_name = (*variant)->name;
	tpm->detail[0] = '\0';
	return DPS_OK;
}

/* Whether a public half can be that of the variant: the same kind of key, and that of the certificate if there is one. */
static bool is_of(const struct variant *variant, const struct dps_tpm2_endorsement *ek, const TPM2B_PUBLIC *public)
{
	const TPMA_OBJECT wanted = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_FIXEDTPM;
	enum dps_key_type type;
	uint8_t spki[DPS_SPKI_SIZE];
	size_t len;
	struct dps_span certified;

	if (!dps_tpm2_spki(&public->publicArea, &type, spki, &len) || type != variant->type ||
	    (public->publicArea.objectAttributes & wanted) != wanted)
		return false;
	return ek->certificate_len == 0 ||
	       (dps_tpm2_certificate_key((struct dps_span){ek->certificate, ek->certificate_len}, &certified) == DPS_OK &&
	        dps_tpm2_same_key(certified, (struct dps_span){spki, len}));
}

/* A persistent EK of the variant. DPS_E_NOT_FOUND. */
static dps_result find_persistent(struct dps_tpm2 *tpm, const struct variant *variant, const struct dps_tpm2_endorsement *ek,
                                  ESYS_TR *object, uint32_t *handle, TPM2B_PUBLIC *public)
{
	uint32_t handles[PERSISTENT_MAX];
	size_t count = 0;
	dps_result result = dps_tpm2_handles(tpm, PERSISTENT_FIRST, handles, PERSISTENT_MAX, &count);

	*object = ESYS_TR_NONE;
	for (size_t i = 0; result == DPS_OK && i < count && handles[i] <= PERSISTENT_LAST; i++) {
		result = dps_tpm2_fail(tpm, "read an endorsement key", dps_tpm2_find(tpm, handles[i], object));
		if (result == DPS_OK)
			result = dps_tpm2_public_of(tpm, *object, public);
		if (result == DPS_OK && is_of(variant, ek, public)) {
			*handle = handles[i];
			return DPS_OK;
		}
		dps_tpm2_forget(tpm, object);
	}
	return result == DPS_OK ? DPS_E_NOT_FOUND : result;
}

dps_result dps_tpm2_read_endorsement(struct dps_tpm2 *tpm, enum dps_tpm2_endorsement_type type, struct dps_tpm2_endorsement *ek)
{
	const struct variant *variant;
	TPM2B_PUBLIC template, public;
	ESYS_TR object;
	uint32_t handle = 0;
	dps_result result = dps_tpm2_begin(tpm);

	memset(ek, 0, sizeof(*ek));
	if (result == DPS_OK)
		result = choose(tpm, type, &variant, ek);
	if (result != DPS_OK)
		return result;
	result = find_persistent(tpm, variant, ek, &object, &handle, &public);
	if (result == DPS_OK) {
		dps_tpm2_forget(tpm, &object);
	} else if (result == DPS_E_NOT_FOUND) {
		result = template_of(tpm, variant, &template);
		if (result == DPS_OK)
			result = dps_tpm2_create_primary(tpm, "make the endorsement key", DPS_TPM2_ENDORSEMENT, &template, &object, &public);
		if (result == DPS_OK)
			dps_tpm2_flush(tpm, &object);
		if (result == DPS_OK && !is_of(variant, ek, &public))
			result = dps_tpm2_fail_text(tpm, DPS_E_KEY_MISMATCH, "the certificate in NV index 0x%08x is not of this TPM's endorsement key",
			                            (unsigned)ek->certificate_index);
	}
	if (result != DPS_OK)
		return result;
	tpm->detail[0] = '\0';
	ek->key.handle = handle;
	return dps_tpm2_describe(tpm, &public, &ek->key);
}

/* The key that was read, made again; loaded until it is flushed. */
static dps_result remake(struct dps_tpm2 *tpm, const struct dps_tpm2_endorsement *ek, ESYS_TR *object)
{
	const struct variant *variant = NULL;
	TPM2B_PUBLIC template, public;
	struct dps_tpm2_public made = {.handle = 0};

	*object = ESYS_TR_NONE;
	for (size_t i = 0; i < VARIANTS && variant == NULL; i++)
		if (ek->template_name != NULL && strcmp(variants[i].name, ek->template_name) == 0)
			variant = &variants[i];
	if (variant == NULL)
		return dps_tpm2_fail_text(tpm, DPS_E_ARGUMENT, "no such template of an endorsement key");
	dps_result result = template_of(tpm, variant, &template);
	if (result == DPS_OK)
		result = dps_tpm2_create_primary(tpm, "make the endorsement key", DPS_TPM2_ENDORSEMENT, &template, object, &public);
	if (result == DPS_OK)
		result = dps_tpm2_describe(tpm, &public, &made);
	if (result == DPS_OK && (made.spki_len != ek->key.spki_len || memcmp(made.spki, ek->key.spki, made.spki_len) != 0))
		result = dps_tpm2_fail_text(tpm, DPS_E_KEY_MISMATCH, "the endorsement key of this TPM is another one");
	if (result != DPS_OK)
		dps_tpm2_flush(tpm, object);
	return result;
}

dps_result dps_tpm2_restore_endorsement(struct dps_tpm2 *tpm, const struct dps_tpm2_endorsement *ek, bool *changed)
{
	struct dps_tpm2_public there;
	ESYS_TR object, persistent;
	dps_result result = DPS_OK;

	if (changed != NULL)
		*changed = false;
	if (ek->key.handle == 0)
		return DPS_OK;
	result = dps_tpm2_read_public(tpm, ek->key.handle, &there);
	if (result == DPS_OK && (there.spki_len != ek->key.spki_len || memcmp(there.spki, ek->key.spki, there.spki_len) != 0))
		return dps_tpm2_fail_text(tpm, DPS_E_STATE, "another key is at 0x%08x", (unsigned)ek->key.handle);
	if (result != DPS_E_NOT_FOUND)
		return result;
	tpm->detail[0] = '\0';
	result = remake(tpm, ek, &object);
	if (result != DPS_OK)
		return result;
	result = dps_tpm2_evict_control(tpm, "persist the endorsement key", object, ek->key.handle, &persistent);
	dps_tpm2_flush(tpm, &object);
	dps_tpm2_forget(tpm, &persistent);
	if (changed != NULL)
		*changed = result == DPS_OK;
	return result;
}

dps_result dps_tpm2_verified_endorsement(struct dps_tpm2 *tpm, ESYS_TR *object, bool *loaded)
{
	const struct variant *variant;
	struct dps_tpm2_endorsement ek = {.certificate_index = 0};
	TPM2B_PUBLIC template, public;
	uint32_t handle;
	dps_result result = choose(tpm, DPS_TPM2_EK_ANY, &variant, &ek);

	*object = ESYS_TR_NONE;
	*loaded = false;
	if (result != DPS_OK || ek.certificate_len == 0)
		return result == DPS_E_TPM ? result : DPS_E_NOT_FOUND;
	result = find_persistent(tpm, variant, &ek, object, &handle, &public);
	/* to make it the endorsement's auth value must not be needed: it would want a session, too */
	if (result != DPS_E_NOT_FOUND || tpm->auth[DPS_TPM2_ENDORSEMENT].len > 0)
		return result;
	result = template_of(tpm, variant, &template);
	if (result != DPS_OK)
		return result == DPS_E_TPM ? result : DPS_E_NOT_FOUND;
	const TSS2_RC rc = dps_tpm2_create_primary_with(tpm, DPS_TPM2_ENDORSEMENT, ESYS_TR_PASSWORD, &template, object, &public);
	if (rc != TSS2_RC_SUCCESS)
		return dps_tpm2_is_wrong_auth(rc) ? DPS_E_NOT_FOUND : dps_tpm2_fail(tpm, "make the endorsement key", rc);
	*loaded = is_of(variant, &ek, &public);
	if (!*loaded)
		dps_tpm2_flush(tpm, object);
	return *loaded ? DPS_OK : DPS_E_NOT_FOUND;
}

dps_result dps_tpm2_read_endorsement_chain(struct dps_tpm2 *tpm, uint8_t *buf, size_t size, size_t *len)
{
	uint32_t handles[ISSUERS_MAX];
	size_t count = 0, part;
	dps_result result = dps_tpm2_begin(tpm);

	*len = 0;
	if (result == DPS_OK)
		result = dps_tpm2_handles(tpm, ISSUERS_FIRST, handles, ISSUERS_MAX, &count);
	for (size_t i = 0; result == DPS_OK && i < count && handles[i] <= ISSUERS_LAST; i++) {
		result = dps_tpm2_nv_certificate(tpm, handles[i], false, buf + *len, size - *len, &part);
		if (result == DPS_OK)
			*len += part;
	}
	if (result == DPS_OK && *len == 0)
		return dps_tpm2_fail_text(tpm, DPS_E_NOT_FOUND, "the TPM holds no certificates of the EK's issuers");
	return result;
}
