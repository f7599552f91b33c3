/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From response codes to causes and texts. A text says what was tried, what it means for the person who reads it where that is known, then the layer and
 * meaning as libtss2-rc has them, then the code itself.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tss2/tss2_rc.h>

#include "tpm2/internal.h"

#define LAYER_MASK TSS2_RC_LAYER_MASK

/* A resource manager hands the TPM's codes on in a layer of its own, or says what the TPM would have said; small numbers there are its own. */
static bool is_of_tpm(TSS2_RC rc)
{
	const TSS2_RC layer = rc & LAYER_MASK;

	return layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER ||
	       (layer == TSS2_RESMGR_RC_LAYER && (rc & 0xffff) >= TPM2_RC_FMT1);
}

TSS2_RC dps_tpm2_error_of(TSS2_RC rc)
{
	const TSS2_RC code = rc & 0xffff;

	if (!is_of_tpm(rc))
		return rc;
	return (code & TPM2_RC_FMT1) != 0 ? code & (TPM2_RC_FMT1 | 0x3f) : code;
}

bool dps_tpm2_is_absent(TSS2_RC rc)
{
	const TSS2_RC error = dps_tpm2_error_of(rc);

	return error == TPM2_RC_HANDLE || error == TPM2_RC_REFERENCE_H0 || error == TPM2_RC_NV_UNINITIALIZED;
}

bool dps_tpm2_is_wrong_auth(TSS2_RC rc)
{
	const TSS2_RC error = dps_tpm2_error_of(rc);

	return error == TPM2_RC_BAD_AUTH || error == TPM2_RC_AUTH_FAIL || error == TPM2_RC_AUTH_MISSING;
}

/* What deserves a cause or a hint of its own. */
static const struct {
	TSS2_RC error;
	dps_result result;
	const char *hint;
} known[] = {
	{TPM2_RC_LOCKOUT, DPS_E_KEY,
     "the TPM is in lockout: too many wrong auth values or power cuts; it passes with time, or with the lockout auth value"},
	{TPM2_RC_FAILURE, DPS_E_KEY, "the TPM is in failure mode: it works again, if at all, after a reset of the machine"},
	{TPM2_RC_OBJECT_MEMORY, DPS_E_KEY, "the TPM has no free slot: other programs left objects in it"},
	{TPM2_RC_OBJECT_HANDLES, DPS_E_KEY, "the TPM has no free slot: other programs left objects in it"},
	{TPM2_RC_SESSION_MEMORY, DPS_E_KEY, "the TPM has no free session: other programs left sessions in it"},
	{TPM2_RC_SESSION_HANDLES, DPS_E_KEY, "the TPM has no free session: other programs left sessions in it"},
	{TPM2_RC_RETRY, DPS_E_KEY, "the TPM was busy all the time"},
	{TPM2_RC_YIELDED, DPS_E_KEY, "the TPM was busy all the time"},
	{TPM2_RC_TESTING, DPS_E_KEY, "the TPM was testing itself all the time"},
	{TPM2_RC_NV_RATE, DPS_E_KEY, "the TPM limits how often its memory is written"},
	{TPM2_RC_AUTH_FAIL, DPS_E_KEY, "wrong auth value, counted towards lockout"},
	{TPM2_RC_BAD_AUTH, DPS_E_KEY, "wrong auth value"},
	{TPM2_RC_HANDLE, DPS_E_NOT_FOUND, "there is nothing at this handle"},
	{TPM2_RC_REFERENCE_H0, DPS_E_NOT_FOUND, "the object is no longer loaded: the TPM was reset"},
	{TPM2_RC_NV_UNINITIALIZED, DPS_E_NOT_FOUND, "the index was never written"},
	{TPM2_RC_NV_LOCKED, DPS_E_STATE, "the index is locked"},
	{TPM2_RC_NV_SPACE, DPS_E_STORAGE_FULL, "the TPM's memory is full"},
	{TPM2_RC_NV_DEFINED, DPS_E_STATE, "the index or handle is taken"},
	{TPM2_RC_CURVE, DPS_E_UNSUPPORTED, "the TPM does not know the curve"},
	{TPM2_RC_COMMAND_CODE, DPS_E_UNSUPPORTED, "the TPM does not know the command"},
	{TPM2_RC_DISABLED, DPS_E_KEY, "the command is disabled on this TPM"},
};

dps_result dps_tpm2_fail_text(struct dps_tpm2 *tpm, dps_result result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(tpm->detail, sizeof(tpm->detail), format, args);
	va_end(args);
	tpm->code = 0;
	return result;
}

static dps_result fail_transport(struct dps_tpm2 *tpm, const char *what)
{
	const struct dps_tpm2_tcti *tcti = tpm->tcti;

	return dps_tpm2_fail_text(tpm, DPS_E_TPM, "%s: %s", what, tcti->link.why);
}

dps_result dps_tpm2_fail(struct dps_tpm2 *tpm, const char *what, TSS2_RC rc)
{
	const struct dps_tpm2_tcti *tcti = tpm->tcti;
	TSS2_RC error = dps_tpm2_error_of(rc);

	if (rc == TSS2_RC_SUCCESS)
		return DPS_OK;
	if (tcti->lost)
		return fail_transport(tpm, what);
	if (error == TPM2_RC_CANCELED && tcti->busy != 0)
		error = rc = tcti->busy;
	dps_result result = DPS_E_KEY;
	const char *hint = NULL;
	for (size_t i = 0; is_of_tpm(rc) && hint == NULL && i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].error == error) {
			result = known[i].result;
			hint = known[i].hint;
		}
	}
	if (hint != NULL)
		result = dps_tpm2_fail_text(tpm, result, "%s: %s (%s, 0x%x)", what, hint, Tss2_RC_Decode(rc), (unsigned)rc);
	else
		result = dps_tpm2_fail_text(tpm, result, "%s: %s (0x%x)", what, Tss2_RC_Decode(rc), (unsigned)rc);
	tpm->code = error;
	return result;
}

uint32_t dps_tpm2_code(const struct dps_tpm2 *tpm)
{
	return tpm->code;
}
