/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TPM tells of itself (TPM 2.0 Part 2, 6.13).
 */
#include <string.h>

#include "tpm2/internal.h"

/* How libtpms, the software TPM under swtpm, and Microsoft's simulator name themselves. */
#define MANUFACTURER_LIBTPMS UINT32_C(0x00001014)
#define VENDOR_SIMULATOR     "SW "

static TSS2_RC ask(struct dps_tpm2 *tpm, TPM2_CAP capability, uint32_t property, uint32_t count, TPMI_YES_NO *more,
                   TPMS_CAPABILITY_DATA **data)
{
	return Esys_GetCapability(dps_tpm2_esys(tpm), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, capability, property, count, more, data);
}

/* A group of properties: *list has count entries, those that the TPM did not tell are 0. */
static dps_result read_properties(struct dps_tpm2 *tpm, uint32_t first, uint32_t *values, size_t count)
{
	uint32_t next = first;
	TPMI_YES_NO more = TPM2_YES;

	memset(values, 0, count * sizeof(*values));
	while (more == TPM2_YES && next - first < count) {
		TPMS_CAPABILITY_DATA *data = NULL;
		const TSS2_RC rc = ask(tpm, TPM2_CAP_TPM_PROPERTIES, next, (uint32_t)count - (next - first), &more, &data);

		if (rc != TSS2_RC_SUCCESS)
			return dps_tpm2_fail(tpm, "read properties", rc);
		const TPML_TAGGED_TPM_PROPERTY *list = &data->data.tpmProperties;
		if (list->count == 0)
			more = TPM2_NO;
		for (size_t i = 0; i < list->count && i < TPM2_MAX_TPM_PROPERTIES; i++) {
			const uint32_t property = list->tpmProperty[i].property;

			if (property < next || property - first >= count) {
				more = TPM2_NO;
				break;
			}
			values[property - first] = list->tpmProperty[i].value;
			next = property + 1;
		}
		Esys_Free(data);
	}
	return DPS_OK;
}

dps_result dps_tpm2_property(struct dps_tpm2 *tpm, uint32_t property, uint32_t *value)
{
	return read_properties(tpm, property, value, 1);
}

/* Text from words of four characters; blanks and zeros at its end are cut off, what is no printable ASCII is '?'. */
static void put_text(char *out, const uint32_t *words, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count * 4; i++) {
		const char c = (char)(words[i / 4] >> (24 - 8 * (i % 4)) & 0xff);

		out[i] = c == '\0' ? ' ' : c >= ' ' && c <= '~' ? c : '?';
		if (out[i] != ' ')
			len = i + 1;
	}
	out[len] = '\0';
}

static dps_result read_clock(struct dps_tpm2 *tpm, struct dps_tpm2_info *info)
{
	TPMS_TIME_INFO *time = NULL;
	const TSS2_RC rc = Esys_ReadClock(dps_tpm2_esys(tpm), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &time);

	if (rc == TSS2_RC_SUCCESS) {
		info->clock_ms = time->clockInfo.clock;
		info->reset_count = time->clockInfo.resetCount;
		info->clock_safe = time->clockInfo.safe == TPM2_YES;
	}
	Esys_Free(time);
	return dps_tpm2_fail(tpm, "read the clock", rc);
}

dps_result dps_tpm2_read_info(struct dps_tpm2 *tpm, struct dps_tpm2_info *info)
{
	enum { FIXED = TPM2_PT_FIXED, FIXED_COUNT = 64, VARIABLE = TPM2_PT_VAR, VARIABLE_COUNT = 32 };
	uint32_t fixed[FIXED_COUNT], variable[VARIABLE_COUNT];
	dps_result result = dps_tpm2_begin(tpm);

	memset(info, 0, sizeof(*info));
	if (result == DPS_OK)
		result = read_properties(tpm, FIXED, fixed, FIXED_COUNT);
	if (result == DPS_OK)
		result = read_properties(tpm, VARIABLE, variable, VARIABLE_COUNT);
	if (result != DPS_OK)
		return result;

	const uint32_t manufacturer = fixed[TPM2_PT_MANUFACTURER - FIXED];
	put_text(info->manufacturer, &manufacturer, 1);
	put_text(info->vendor, &fixed[TPM2_PT_VENDOR_STRING_1 - FIXED], 4);
	info->firmware[0] = fixed[TPM2_PT_FIRMWARE_VERSION_1 - FIXED];
	info->firmware[1] = fixed[TPM2_PT_FIRMWARE_VERSION_2 - FIXED];
	info->software = manufacturer == MANUFACTURER_LIBTPMS || strncmp(info->vendor, VENDOR_SIMULATOR, strlen(VENDOR_SIMULATOR)) == 0 ||
	                 strcmp(info->vendor, "xCG fTPM") == 0;
	info->nv_index_max = fixed[TPM2_PT_NV_INDEX_MAX - FIXED];
	info->nv_buffer_max = fixed[TPM2_PT_NV_BUFFER_MAX - FIXED];

	const uint32_t permanent = variable[TPM2_PT_PERMANENT - VARIABLE];
	info->owner_auth_set = (permanent & TPMA_PERMANENT_OWNERAUTHSET) != 0;
	info->endorsement_auth_set = (permanent & TPMA_PERMANENT_ENDORSEMENTAUTHSET) != 0;
	info->lockout_auth_set = (permanent & TPMA_PERMANENT_LOCKOUTAUTHSET) != 0;
	info->in_lockout = (permanent & TPMA_PERMANENT_INLOCKOUT) != 0;
	info->lockout_counter = variable[TPM2_PT_LOCKOUT_COUNTER - VARIABLE];
	info->max_tries = variable[TPM2_PT_MAX_AUTH_FAIL - VARIABLE];
	info->recovery_s = variable[TPM2_PT_LOCKOUT_INTERVAL - VARIABLE];
	info->lockout_recovery_s = variable[TPM2_PT_LOCKOUT_RECOVERY - VARIABLE];
	info->free_transients = variable[TPM2_PT_HR_TRANSIENT_AVAIL - VARIABLE];
	info->free_sessions = variable[TPM2_PT_HR_LOADED_AVAIL - VARIABLE];
	info->free_persistents = variable[TPM2_PT_HR_PERSISTENT_AVAIL - VARIABLE];
	return read_clock(tpm, info);
}

dps_result dps_tpm2_handles(struct dps_tpm2 *tpm, uint32_t first, uint32_t *handles, size_t size, size_t *count)
{
	TPMI_YES_NO more = TPM2_YES;
	uint32_t next = first;

	*count = 0;
	while (more == TPM2_YES && *count < size) {
		TPMS_CAPABILITY_DATA *data = NULL;
		const size_t room = size - *count;
		const uint32_t wanted = room < TPM2_MAX_CAP_HANDLES ? (uint32_t)room : TPM2_MAX_CAP_HANDLES;
		const TSS2_RC rc = ask(tpm, TPM2_CAP_HANDLES, next, wanted, &more, &data);

		if (rc != TSS2_RC_SUCCESS)
			return dps_tpm2_fail(tpm, "list handles", rc);
		const TPML_HANDLE *list = &data->data.handles;
		if (list->count == 0)
			more = TPM2_NO;
		for (size_t i = 0; i < list->count && *count < size; i++) {
			/* handles of the next kind end the list */
			if (list->handle[i] < next || (first >> 24 != TPM2_HT_LOADED_SESSION && list->handle[i] >> 24 != first >> 24)) {
				more = TPM2_NO;
				break;
			}
			handles[(*count)++] = list->handle[i];
			next = list->handle[i] + 1;
		}
		Esys_Free(data);
	}
	return DPS_OK;
}

dps_result dps_tpm2_list_handles(struct dps_tpm2 *tpm, uint32_t first, uint32_t *handles, size_t size, size_t *count)
{
	const dps_result result = dps_tpm2_begin(tpm);

	*count = 0;
	return result == DPS_OK ? dps_tpm2_handles(tpm, first, handles, size, count) : result;
}
