/* SPDX-License-Identifier: Apache-2.0 */
/* How the gateways behave: one table of the numbers, one of the switches. */
#include "hub_settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define DAY     86400.0
#define FOREVER (100.0 * 365.0 * DAY)

static const struct number {
	const char *key;
	size_t offset;
	double usual;
	double low;
	double high;
} numbers[] = {
	{"tokenLifetime", offsetof(struct hub_settings, token_lifetime), 3600, 0.05, FOREVER},
	{"tokenMargin", offsetof(struct hub_settings, token_margin), 120, 0, FOREVER},
	{"refreshLifetime", offsetof(struct hub_settings, refresh_lifetime), 30 * DAY, 0.05, FOREVER},
	{"expiryInterval", offsetof(struct hub_settings, expiry_interval), 60, 0.02, DAY},
	{"pingAfter", offsetof(struct hub_settings, ping_after), 10, 0.02, DAY},
	{"pingInterval", offsetof(struct hub_settings, ping_interval), 4, 0.02, DAY},
	{"closeAfter", offsetof(struct hub_settings, close_after), 0.01, 0, 3600},
	{"commandTimeout", offsetof(struct hub_settings, command_timeout), 10, 0.02, 600},
	{"signInWork", offsetof(struct hub_settings, sign_in_work), 0.005, 0, 60},
	{"accountWork", offsetof(struct hub_settings, account_work), 0.01, 0, 60},
};

static const struct flag {
	const char *key;
	size_t offset;
	bool usual;
} flags[] = {
	{"tokensNeverExpire", offsetof(struct hub_settings, tokens_never_expire), false},
	{"requireBatchObserve", offsetof(struct hub_settings, requires_batch), true},
	{"etags", offsetof(struct hub_settings, uses_etags), false},
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))
#define FLAGS   (sizeof(flags) / sizeof(flags[0]))

static double *number_of(struct hub_settings *settings, size_t at)
{
	return (double *)(void *)((char *)settings + numbers[at].offset);
}

static bool *flag_of(struct hub_settings *settings, size_t at)
{
	return (bool *)(void *)((char *)settings + flags[at].offset);
}

void hub_settings_default(struct hub_settings *settings)
{
	size_t at;

	*settings = (struct hub_settings){0};
	for (at = 0; at < NUMBERS; at++) {
		*number_of(settings, at) = numbers[at].usual;
	}
	for (at = 0; at < FLAGS; at++) {
		*flag_of(settings, at) = flags[at].usual;
	}
}

void hub_settings_free(struct hub_settings *settings)
{
	free(settings->redirect_uri);
	settings->redirect_uri = NULL;
}

static bool take_number(struct hub_settings *settings, const cJSON *value)
{
	size_t at;

	for (at = 0; at < NUMBERS && strcmp(numbers[at].key, value->string) != 0; at++) {
	}
	if (at == NUMBERS || !cJSON_IsNumber(value) || !(value->valuedouble >= numbers[at].low && value->valuedouble <= numbers[at].high)) {
		return false;
	}
	*number_of(settings, at) = value->valuedouble;
	return true;
}

static bool take_flag(struct hub_settings *settings, const cJSON *value)
{
	size_t at;

	for (at = 0; at < FLAGS && strcmp(flags[at].key, value->string) != 0; at++) {
	}
	if (at == FLAGS || !cJSON_IsBool(value)) {
		return false;
	}
	*flag_of(settings, at) = cJSON_IsTrue(value);
	return true;
}

static bool take_redirect(struct hub_settings *settings, const cJSON *value)
{
	if (strcmp(value->string, "redirectUri") != 0 || !cJSON_IsString(value)) {
		return false;
	}
	free(settings->redirect_uri);
	settings->redirect_uri = service_strdup(value->valuestring);
	return true;
}

bool hub_settings_take(struct hub_settings *settings, const cJSON *object, const char **wanted)
{
	const cJSON *value;

	*wanted = "an object whose keys are known and whose values are in their range (docs/local-hub.md)";
	if (!cJSON_IsObject(object)) {
		return false;
	}
	cJSON_ArrayForEach(value, object)
	{
		if (!take_number(settings, value) && !take_flag(settings, value) && !take_redirect(settings, value)) {
			return false;
		}
	}
	return true;
}
