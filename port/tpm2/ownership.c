/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who commands a TPM: auth values of the hierarchies, the lockout and its parameters, giving all up (TPM 2.0 Part 1, 13 and 19.8).
 */
#include <string.h>

#include "codec/text.h"
#include "tpm2/internal.h"

static bool hierarchy_of(enum dps_tpm2_authority authority, ESYS_TR *hierarchy)
{
	static const ESYS_TR HIERARCHIES[] = {
		[DPS_TPM2_OWNER] = ESYS_TR_RH_OWNER, [DPS_TPM2_ENDORSEMENT] = ESYS_TR_RH_ENDORSEMENT, [DPS_TPM2_LOCKOUT] = ESYS_TR_RH_LOCKOUT};

	if ((size_t)authority >= sizeof(HIERARCHIES) / sizeof(HIERARCHIES[0]))
		return false;
	*hierarchy = HIERARCHIES[authority];
	return true;
}

static dps_result change(struct dps_tpm2 *tpm, ESYS_TR hierarchy, const struct dps_tpm2_auth *now, const struct dps_tpm2_auth *next)
{
	struct dps_tpm2_permit permit;
	TPM2B_AUTH value = {.size = (UINT16)next->len};
	const dps_result result = dps_tpm2_permit(tpm, &permit, hierarchy, now, next->len > 0);

	if (result != DPS_OK)
		return result;
	memcpy(value.buffer, next->bytes, next->len);
	const TSS2_RC rc = Esys_HierarchyChangeAuth(dps_tpm2_esys(tpm), hierarchy, permit.session, ESYS_TR_NONE, ESYS_TR_NONE, &value);
	dps_wipe(&value, sizeof(value));
	dps_tpm2_unpermit(tpm, &permit, hierarchy, rc);
	return dps_tpm2_fail(tpm, "change an auth value", rc);
}

dps_result dps_tpm2_change_auth(struct dps_tpm2 *tpm, enum dps_tpm2_authority authority, struct dps_span new_auth, bool *changed)
{
	const struct dps_tpm2_auth *now;
	struct dps_tpm2_auth next = {.len = new_auth.len};
	ESYS_TR hierarchy;
	dps_result result = dps_tpm2_begin(tpm);

	if (changed != NULL)
		*changed = false;
	if (result != DPS_OK)
		return result;
	if (!hierarchy_of(authority, &hierarchy) || new_auth.len > DPS_TPM2_AUTH_SIZE)
		return dps_tpm2_fail_text(tpm, DPS_E_ARGUMENT, "an auth value has at most %d bytes", DPS_TPM2_AUTH_SIZE);
	while (next.len > 0 && new_auth.data[next.len - 1] == 0)
		next.len--;
	if (next.len > 0)
		memcpy(next.bytes, new_auth.data, next.len);
	result = dps_tpm2_current_auth(tpm, authority, &now);
	const bool same = result == DPS_OK && now->len == next.len && memcmp(now->bytes, next.bytes, next.len) == 0;

	/* the same value again changes nothing, but that it is taken proves that it is right */
	if (result == DPS_OK)
		result = change(tpm, hierarchy, now, &next);
	if (result == DPS_OK)
		tpm->auth[authority] = next;
	dps_wipe(&next, sizeof(next));
	if (changed != NULL)
		*changed = result == DPS_OK && !same;
	return result;
}

dps_result dps_tpm2_set_lockout(struct dps_tpm2 *tpm, uint32_t max_tries, uint32_t recovery_s, uint32_t lockout_recovery_s, bool *changed)
{
	const struct dps_tpm2_auth *auth;
	struct dps_tpm2_permit permit;
	uint32_t tries, recovery, lockout_recovery;
	dps_result result = dps_tpm2_begin(tpm);

	if (changed != NULL)
		*changed = false;
	if (result == DPS_OK)
		result = dps_tpm2_property(tpm, TPM2_PT_MAX_AUTH_FAIL, &tries);
	if (result == DPS_OK)
		result = dps_tpm2_property(tpm, TPM2_PT_LOCKOUT_INTERVAL, &recovery);
	if (result == DPS_OK)
		result = dps_tpm2_property(tpm, TPM2_PT_LOCKOUT_RECOVERY, &lockout_recovery);
	if (result != DPS_OK || (tries == max_tries && recovery == recovery_s && lockout_recovery == lockout_recovery_s))
		return result;
	result = dps_tpm2_current_auth(tpm, DPS_TPM2_LOCKOUT, &auth);
	if (result == DPS_OK)
		result = dps_tpm2_permit(tpm, &permit, ESYS_TR_RH_LOCKOUT, auth, false);
	if (result != DPS_OK)
		return result;
	const TSS2_RC rc = Esys_DictionaryAttackParameters(dps_tpm2_esys(tpm), ESYS_TR_RH_LOCKOUT, permit.session, ESYS_TR_NONE, ESYS_TR_NONE,
	                                                   max_tries, recovery_s, lockout_recovery_s);
	dps_tpm2_unpermit(tpm, &permit, ESYS_TR_RH_LOCKOUT, rc);
	if (changed != NULL)
		*changed = rc == TSS2_RC_SUCCESS;
	return dps_tpm2_fail(tpm, "set the lockout parameters", rc);
}

dps_result dps_tpm2_reset_lockout(struct dps_tpm2 *tpm)
{
	const struct dps_tpm2_auth *auth;
	struct dps_tpm2_permit permit;
	dps_result result = dps_tpm2_begin(tpm);

	if (result == DPS_OK)
		result = dps_tpm2_current_auth(tpm, DPS_TPM2_LOCKOUT, &auth);
	if (result == DPS_OK)
		result = dps_tpm2_permit(tpm, &permit, ESYS_TR_RH_LOCKOUT, auth, false);
	if (result != DPS_OK)
		return result;
	const TSS2_RC rc = Esys_DictionaryAttackLockReset(dps_tpm2_esys(tpm), ESYS_TR_RH_LOCKOUT, permit.session, ESYS_TR_NONE, ESYS_TR_NONE);
	dps_tpm2_unpermit(tpm, &permit, ESYS_TR_RH_LOCKOUT, rc);
	return dps_tpm2_fail(tpm, "reset the lockout", rc);
}

/* What was persistent is gone, and so is what was kept of it. */
static void forget_cleared(struct dps_tpm2 *tpm)
{
	static const enum dps_tpm2_authority EMPTIED[] = {DPS_TPM2_OWNER, DPS_TPM2_ENDORSEMENT, DPS_TPM2_LOCKOUT};

	dps_tpm2_forget_srk(tpm);
	dps_tpm2_forget(tpm, &tpm->manufacturer.object);
	dps_tpm2_forget(tpm, &tpm->identity.object);
	memset(((struct dps_tpm2_tcti *)tpm->tcti)->kept, 0, sizeof(((struct dps_tpm2_tcti *)tpm->tcti)->kept));
	tpm->manufacturer.transient = tpm->manufacturer.known_public = false;
	tpm->identity.transient = tpm->identity.known_public = false;
	tpm->identity.slot[0] = '\0';
	dps_tpm2_cache_erase(tpm, tpm->manufacturer_handle);
	dps_tpm2_cache_erase_chain(tpm, tpm->nv_index);
	for (size_t i = 0; i < sizeof(EMPTIED) / sizeof(EMPTIED[0]); i++)
		dps_wipe(&tpm->auth[EMPTIED[i]], sizeof(tpm->auth[EMPTIED[i]]));
}

dps_result dps_tpm2_clear(struct dps_tpm2 *tpm)
{
	static const struct {
		enum dps_tpm2_authority authority;
		ESYS_TR hierarchy;
	} WAYS[] = {{DPS_TPM2_LOCKOUT, ESYS_TR_RH_LOCKOUT}, {DPS_TPM2_PLATFORM, ESYS_TR_RH_PLATFORM}};
	const struct dps_tpm2_auth *auth;
	struct dps_tpm2_permit permit;
	char first[DPS_TPM2_DETAIL_SIZE] = "";
	uint32_t first_code = 0;
	dps_result result = dps_tpm2_begin(tpm);

	for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++) {
		if (i == 0 && result != DPS_OK)
			return result;
		result = dps_tpm2_current_auth(tpm, WAYS[i].authority, &auth);
		if (result == DPS_OK)
			result = dps_tpm2_permit(tpm, &permit, WAYS[i].hierarchy, auth, false);
		if (result != DPS_OK)
			return result;
		const TSS2_RC rc = Esys_Clear(dps_tpm2_esys(tpm), WAYS[i].hierarchy, permit.session, ESYS_TR_NONE, ESYS_TR_NONE);
		dps_tpm2_unpermit(tpm, &permit, WAYS[i].hierarchy, rc);
		if (rc == TSS2_RC_SUCCESS) {
			forget_cleared(tpm);
			tpm->detail[0] = '\0';
			return DPS_OK;
		}
		result = dps_tpm2_fail(tpm, "clear the TPM", rc);
		if (result == DPS_E_TPM)
			return result;
		/* what the lockout's authority said is what the caller can do something about */
		if (i == 0) {
			memcpy(first, tpm->detail, sizeof(first));
			first_code = tpm->code;
		}
	}
	memcpy(tpm->detail, first, sizeof(first));
	tpm->code = first_code;
	return result;
}
