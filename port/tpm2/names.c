/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts: the names of commands, and handles as people write them.
 */
#include <string.h>

#include "tpm2/internal.h"

const char *dps_tpm2_command_name(uint32_t code)
{
	static const struct {
		uint32_t code;
		const char *name;
	} NAMES[] = {
		{TPM2_CC_Clear, "Clear"},
		{TPM2_CC_ContextLoad, "ContextLoad"},
		{TPM2_CC_ContextSave, "ContextSave"},
		{TPM2_CC_Create, "Create"},
		{TPM2_CC_CreatePrimary, "CreatePrimary"},
		{TPM2_CC_DictionaryAttackLockReset, "DictionaryAttackLockReset"},
		{TPM2_CC_DictionaryAttackParameters, "DictionaryAttackParameters"},
		{TPM2_CC_EvictControl, "EvictControl"},
		{TPM2_CC_FlushContext, "FlushContext"},
		{TPM2_CC_GetCapability, "GetCapability"},
		{TPM2_CC_HierarchyChangeAuth, "HierarchyChangeAuth"},
		{TPM2_CC_Load, "Load"},
		{TPM2_CC_NV_DefineSpace, "NV_DefineSpace"},
		{TPM2_CC_NV_Read, "NV_Read"},
		{TPM2_CC_NV_ReadPublic, "NV_ReadPublic"},
		{TPM2_CC_NV_UndefineSpace, "NV_UndefineSpace"},
		{TPM2_CC_NV_Write, "NV_Write"},
		{TPM2_CC_NV_WriteLock, "NV_WriteLock"},
		{TPM2_CC_ReadClock, "ReadClock"},
		{TPM2_CC_ReadPublic, "ReadPublic"},
		{TPM2_CC_Shutdown, "Shutdown"},
		{TPM2_CC_Sign, "Sign"},
		{TPM2_CC_StartAuthSession, "StartAuthSession"},
		{TPM2_CC_Startup, "Startup"},
	};

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (NAMES[i].code == code)
			return NAMES[i].name;
	return "unknown";
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* prefix, "0x", eight hex digits at most, nothing behind; the handle is in a range. */
static dps_result parse(const char *text, const char *prefix, uint32_t first, uint32_t last, uint32_t *handle)
{
	const size_t len = strlen(prefix);
	uint32_t value = 0;
	size_t digits = 0;

	if (strncmp(text, prefix, len) != 0)
		return DPS_E_NOT_FOUND;
	text += len;
	if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
		return DPS_E_ARGUMENT;
	for (text += 2; *text != '\0'; text++, digits++) {
		const int digit = hex_value(*text);

		if (digit < 0 || digits == 8)
			return DPS_E_ARGUMENT;
		value = value << 4 | (uint32_t)digit;
	}
	if (digits == 0 || value < first || value > last)
		return DPS_E_ARGUMENT;
	*handle = value;
	return DPS_OK;
}

/* tpm2-tss's own constants shift an int into its sign. */
#define PERSISTENT_FIRST UINT32_C(0x81000000)
#define PERSISTENT_LAST  UINT32_C(0x81ffffff)

dps_result dps_tpm2_parse_key(const char *text, uint32_t *handle)
{
	return parse(text, "tpm2:", PERSISTENT_FIRST, PERSISTENT_LAST, handle);
}

dps_result dps_tpm2_parse_index(const char *text, uint32_t *index)
{
	return parse(text, "nv:", TPM2_NV_INDEX_FIRST, TPM2_NV_INDEX_LAST, index);
}
