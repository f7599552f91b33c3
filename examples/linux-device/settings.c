/* SPDX-License-Identifier: Apache-2.0 */
/* See settings.h. */
#include "settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How the value of an option becomes one that is true in every working directory. */
enum form {
	FORM_TEXT,   /* as it is */
	FORM_PATH,   /* a path, or "nv:INDEX" */
	FORM_SOURCE, /* "file:PATH", or something else with a colon in it: "tpm2:HANDLE", "env:NAME" */
	FORM_FLAG,
	FORM_PINS
};

static const struct remembered {
	enum option_id id;
	enum form form;
	bool of_trust; /* goes with --ca */
	bool of_tpm;   /* of use only with a key in a TPM: else not kept, as nobody has looked at it */
} all[] = {
	{OPT_CA, FORM_PATH, true, false},
	{OPT_PIN, FORM_PINS, true, false},
	{OPT_NO_VERIFY_HOST, FORM_FLAG, true, false},
	{OPT_CERT, FORM_PATH, false, false},
	{OPT_KEY, FORM_SOURCE, false, false},
	{OPT_TCTI, FORM_TEXT, false, true},
	{OPT_OWNER_AUTH, FORM_SOURCE, false, true},
	{OPT_ENDORSEMENT_AUTH, FORM_SOURCE, false, true},
	{OPT_LOCKOUT_AUTH, FORM_SOURCE, false, true},
};

#define ALL (sizeof(all) / sizeof(all[0]))

/* --- reading ----------------------------------------------------------------------------------------------------------------------- */

dps_result settings_read(struct settings *settings, const struct dps_storage *storage)
{
	static char text[SETTINGS_SIZE];
	size_t len = 0;
	dps_result result = storage->read(storage->ctx, SETTINGS_BLOB, (uint8_t *)text, sizeof(text), &len);

	settings->json = NULL;
	if (result != DPS_OK)
		return result == DPS_E_BUFFER ? DPS_E_STORAGE_CORRUPT : result;
	settings->json = cJSON_ParseWithLength(text, len);
	if (cJSON_IsObject(settings->json))
		return DPS_OK;
	settings_free(settings);
	return DPS_E_STORAGE_CORRUPT;
}

void settings_free(struct settings *settings)
{
	cJSON_Delete(settings->json);
	settings->json = NULL;
}

/* One value, or each of an array; true for an option without value. */
static dps_result recall_value(struct options *options, enum option_id id, const cJSON *value)
{
	const cJSON *entry;

	if (cJSON_IsString(value))
		return options_set(options, id, value->valuestring);
	if (cJSON_IsTrue(value))
		return options_set(options, id, NULL);
	if (!cJSON_IsArray(value))
		return DPS_E_STORAGE_CORRUPT;
	cJSON_ArrayForEach(entry, value)
	{
		if (!cJSON_IsString(entry) || options_set(options, id, entry->valuestring) != DPS_OK)
			return DPS_E_STORAGE_CORRUPT;
	}
	return DPS_OK;
}

static bool has_form(const cJSON *value, enum form form)
{
	return form == FORM_FLAG ? cJSON_IsTrue(value) : form == FORM_PINS ? cJSON_IsArray(value) : cJSON_IsString(value);
}

/* libtss2 loads libraries and starts programs ("cmd:", a path) by what a TCTI is called: whoever may write here may not choose one. */
static bool is_harmless_tcti(const char *tcti)
{
	static const char *const names[] = {"swtpm", "device", "mssim", "tabrmd"};
	const size_t len = strcspn(tcti, ":");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && strncmp(tcti, names[i], len) == 0)
			return true;
	return false;
}

dps_result settings_recall(const struct settings *settings, struct options *options)
{
	struct options recalled = *options;

	for (size_t i = 0; i < ALL; i++) {
		const cJSON *value = cJSON_GetObjectItemCaseSensitive(settings->json, options_name(all[i].id));
		const bool given = options->values[all[i].id] != NULL || (all[i].of_trust && options->values[OPT_CA] != NULL) ||
		                   (all[i].id == OPT_NO_VERIFY_HOST && options->values[OPT_VERIFY_HOST] != NULL);

		if (value == NULL || given)
			continue;
		if (all[i].id == OPT_TCTI && cJSON_IsString(value) && !is_harmless_tcti(value->valuestring))
			return DPS_E_STORAGE_CORRUPT;
		if (!has_form(value, all[i].form) || recall_value(&recalled, all[i].id, value) != DPS_OK)
			return DPS_E_STORAGE_CORRUPT;
	}
	*options = recalled;
	return DPS_OK;
}

/* --- writing ----------------------------------------------------------------------------------------------------------------------- */

/* A value with the path in it made absolute; the prefix stays. To be freed. NULL: the path leads nowhere any more. */
static char *make_absolute(const char *value, const char *prefix)
{
	const size_t skip = strlen(prefix);
	char *path = realpath(value + skip, NULL);
	char *text = NULL;

	if (path != NULL && asprintf(&text, "%s%s", prefix, path) < 0)
		text = NULL;
	free(path);
	return text;
}

static dps_result add_text(cJSON *json, const struct remembered *what, const char *value)
{
	const bool is_path = what->form == FORM_PATH && strncmp(value, "nv:", 3) != 0;
	const bool is_file = what->form == FORM_SOURCE && strncmp(value, "file:", 5) == 0;
	char *text = is_path || is_file ? make_absolute(value, is_file ? "file:" : "") : strdup(value);
	dps_result result = DPS_OK;

	if (text == NULL)
		return DPS_E_FILE;
	if (cJSON_AddStringToObject(json, options_name(what->id), text) == NULL)
		result = DPS_E_MEMORY;
	free(text);
	return result;
}

static dps_result add_pins(cJSON *json, const struct options *options)
{
	cJSON *pins = cJSON_CreateStringArray(options->pin_texts, (int)options->pin_count);

	return pins != NULL && cJSON_AddItemToObject(json, options_name(OPT_PIN), pins) ? DPS_OK : DPS_E_MEMORY;
}

static dps_result add_all(cJSON *json, const struct options *options)
{
	dps_result result = DPS_OK;

	for (size_t i = 0; i < ALL && result == DPS_OK; i++) {
		const struct remembered *what = &all[i];
		const char *value = options->values[what->id];

		if (value == NULL || (what->of_tpm && options->key_handle == 0) || (what->id == OPT_TCTI && !is_harmless_tcti(value)))
			continue;
		if (what->form == FORM_PINS)
			result = add_pins(json, options);
		else if (what->form == FORM_FLAG)
			result = cJSON_AddTrueToObject(json, options_name(what->id)) != NULL ? DPS_OK : DPS_E_MEMORY;
		else
			result = add_text(json, what, value);
	}
	return result;
}

dps_result settings_write(const struct settings *settings, const struct options *options, const struct dps_storage *storage)
{
	cJSON *json = cJSON_CreateObject();
	dps_result result = json != NULL ? add_all(json, options) : DPS_E_MEMORY;
	char *text = NULL;

	if (result == DPS_OK && !cJSON_Compare(json, settings->json, true)) {
		text = cJSON_Print(json);
		if (text == NULL)
			result = DPS_E_MEMORY;
		else if (strlen(text) > SETTINGS_SIZE)
			result = DPS_E_TOO_LARGE;
		else
			result = storage->write(storage->ctx, SETTINGS_BLOB, &(struct dps_span){(const uint8_t *)text, strlen(text)}, 1);
	}
	cJSON_free(text);
	cJSON_Delete(json);
	return result;
}
