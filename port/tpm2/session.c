/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authorisation. Whoever can listen to the bus between processor and TPM must not learn an auth value, nor be able to use it: a value that is not empty, and a
 * command that carries one, goes in an HMAC session whose key comes of a salt that only a verified key of the TPM can read. Empty values are no secret; they go
 * as a password, which costs no command.
 */
#include <string.h>

#include "codec/text.h"
#include "tpm2/internal.h"

const struct dps_tpm2_auth dps_tpm2_no_auth = {.len = 0};

/* Gives an object its auth value; with the empty one ESAPI's copy of an earlier value is overwritten. */
static TSS2_RC set_auth(struct dps_tpm2 *tpm, ESYS_TR object, const struct dps_tpm2_auth *auth)
{
	TPM2B_AUTH value = {.size = DPS_TPM2_AUTH_SIZE};
	TSS2_RC rc = Esys_TR_SetAuth(dps_tpm2_esys(tpm), object, &value);

	value.size = (UINT16)auth->len;
	memcpy(value.buffer, auth->bytes, auth->len);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_TR_SetAuth(dps_tpm2_esys(tpm), object, &value);
	dps_wipe(&value, sizeof(value));
	return rc;
}

/*
 * The key that sessions are salted to. With an EK whose certificate the TPM holds nobody in between can be mistaken for the TPM; so it is asked for where an auth value
 * travels in a command. Else, and there where no such EK is, the SRK as it was first seen.
 */
static dps_result find_salt(struct dps_tpm2 *tpm, bool secret, ESYS_TR *salt, bool *loaded, bool *borrowed)
{
	dps_result result = DPS_E_NOT_FOUND;

	*loaded = false;
	*borrowed = true;
	if (!secret) {
		result = dps_tpm2_find_srk(tpm);
		*salt = tpm->srk.object;
	}
	if (result == DPS_E_NOT_FOUND) {
		result = dps_tpm2_verified_endorsement(tpm, salt, loaded);
		*borrowed = false;
	}
	if (result == DPS_E_NOT_FOUND && secret) {
		result = dps_tpm2_find_srk(tpm);
		*salt = tpm->srk.object;
		*borrowed = true;
	}
	if (result == DPS_E_NOT_FOUND)
		return dps_tpm2_fail_text(tpm, DPS_E_STATE, "no key of the TPM to protect the auth value with: make the storage root key first");
	return result;
}

static TSS2_RC start(struct dps_tpm2 *tpm, ESYS_TR salt, bool secret, ESYS_TR *session)
{
	static const TPMT_SYM_DEF AES = {.algorithm = TPM2_ALG_AES, .keyBits = {.aes = 128}, .mode = {.aes = TPM2_ALG_CFB}};
	ESYS_CONTEXT *esys = dps_tpm2_esys(tpm);
	TSS2_RC rc = Esys_StartAuthSession(esys, salt, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_HMAC, &AES,
	                                   TPM2_ALG_SHA256, session);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	dps_tpm2_keep(tpm, *session);
	/* one command each: the TPM ends it with the command's success */
	return Esys_TRSess_SetAttributes(esys, *session, secret ? TPMA_SESSION_DECRYPT : 0,
	                                 TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT);
}

dps_result dps_tpm2_permit(struct dps_tpm2 *tpm, struct dps_tpm2_permit *permit, ESYS_TR object, const struct dps_tpm2_auth *auth,
                           bool secret)
{
	bool loaded, borrowed;
	ESYS_TR salt = ESYS_TR_NONE;

	*permit = (struct dps_tpm2_permit){.session = ESYS_TR_PASSWORD};
	if (auth->len > 0 || secret) {
		dps_result result = find_salt(tpm, secret, &salt, &loaded, &borrowed);

		if (result != DPS_OK)
			return result;
		permit->session = ESYS_TR_NONE;
		const TSS2_RC rc = start(tpm, salt, secret, &permit->session);
		if (loaded)
			dps_tpm2_flush(tpm, &salt);
		else if (!borrowed)
			dps_tpm2_forget(tpm, &salt);
		if (rc == TSS2_RC_SUCCESS)
			(void)Esys_TR_GetTpmHandle(dps_tpm2_esys(tpm), permit->session, &permit->handle);
		if (rc != TSS2_RC_SUCCESS) {
			dps_tpm2_flush(tpm, &permit->session);
			return dps_tpm2_fail(tpm, "start a session", rc);
		}
	}
	const TSS2_RC rc = set_auth(tpm, object, auth);
	if (rc == TSS2_RC_SUCCESS)
		return DPS_OK;
	dps_tpm2_unpermit(tpm, permit, object, rc);
	return dps_tpm2_fail(tpm, "set an auth value", rc);
}

void dps_tpm2_unpermit(struct dps_tpm2 *tpm, struct dps_tpm2_permit *permit, ESYS_TR object, TSS2_RC rc)
{
	/* the TPM and ESAPI have ended it with the success of the command */
	if (permit->session != ESYS_TR_PASSWORD && rc == TSS2_RC_SUCCESS)
		dps_tpm2_tcti_drop(tpm->tcti, permit->handle);
	else if (permit->session != ESYS_TR_PASSWORD)
		dps_tpm2_flush(tpm, &permit->session);
	permit->session = ESYS_TR_PASSWORD;
	(void)set_auth(tpm, object, &dps_tpm2_no_auth);
}

dps_result dps_tpm2_current_auth(struct dps_tpm2 *tpm, enum dps_tpm2_authority authority, const struct dps_tpm2_auth **auth)
{
	static const struct {
		enum dps_tpm2_authority authority;
		uint32_t bit;
	} BITS[] = {{DPS_TPM2_OWNER, TPMA_PERMANENT_OWNERAUTHSET},
	            {DPS_TPM2_ENDORSEMENT, TPMA_PERMANENT_ENDORSEMENTAUTHSET},
	            {DPS_TPM2_LOCKOUT, TPMA_PERMANENT_LOCKOUTAUTHSET}};

	*auth = &tpm->auth[authority];
	for (size_t i = 0; (*auth)->len > 0 && i < sizeof(BITS) / sizeof(BITS[0]); i++) {
		uint32_t permanent = 0;

		if (BITS[i].authority != authority)
			continue;
		dps_result result = dps_tpm2_property(tpm, TPM2_PT_PERMANENT, &permanent);
		if (result != DPS_OK)
			return result;
		if ((permanent & BITS[i].bit) == 0)
			*auth = &dps_tpm2_no_auth;
	}
	return DPS_OK;
}
