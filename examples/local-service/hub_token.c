/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of the hub. They look like the real ones, JWTs of three parts and some 400 bytes; what holds them together is the record, not a signature. */
#include "hub_token.h"

#include <math.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "hub_link.h"
#include "text.h"

#define HEAD         "{\"alg\":\"ES256\",\"typ\":\"JWT\"}"
#define TAIL_SIZE    64u /* as long as an ECDSA signature; the random part */
#define MAX_TOKENS   8   /* of a kind that are remembered; the oldest go first */
#define KEY_SHA256   "sha256"
#define KEY_ENDS     "notAfter"
#define OWNER_CLAIM  "https://plgd.dev/owner"
#define NAME_SERVICE "dps-service"
#define NAME_HUB     "dps-service gateway"

#define WHY_MALFORMED "could not parse token: token is malformed: token contains an invalid number of segments"
#define WHY_EXPIRED   "could not parse token: token has invalid claims: token is expired"
#define WHY_FOREIGN   "could not parse token: token signature is invalid: crypto/ecdsa: verification error"

static const char *list_name(enum hub_token_kind kind)
{
	return kind == HUB_TOKEN_ACCESS ? "accessTokens" : "refreshTokens";
}

static void hash_of(const char *token, char out[2 * SHA256_DIGEST_LENGTH + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[SHA256_DIGEST_LENGTH];
	size_t at;

	SHA256((const uint8_t *)token, strlen(token), hash);
	for (at = 0; at < sizeof(hash); at++) {
		out[2 * at] = digits[hash[at] >> 4];
		out[2 * at + 1] = digits[hash[at] & 15u];
	}
	out[2 * sizeof(hash)] = '\0';
}

static char *make(const char *owner, double ends)
{
	cJSON *claims = cJSON_CreateObject();
	uint8_t tail[TAIL_SIZE];
	char *parts[3];
	char *text;
	char *token;

	cJSON_AddStringToObject(claims, "client_id", NAME_HUB);
	cJSON_AddStringToObject(claims, OWNER_CLAIM, owner);
	cJSON_AddNumberToObject(claims, "iat", floor(hub_now()));
	if (isfinite(ends)) {
		cJSON_AddNumberToObject(claims, "exp", floor(ends));
	}
	cJSON_AddStringToObject(claims, "scope", "");
	cJSON_AddStringToObject(claims, "sub", owner);
	text = cJSON_PrintUnformatted(claims);
	service_random(tail, sizeof(tail));
	parts[0] = service_base64url(HEAD, strlen(HEAD));
	parts[1] = service_base64url(text, strlen(text));
	parts[2] = service_base64url(tail, sizeof(tail));
	token = service_format("%s.%s.%s", parts[0], parts[1], parts[2]);
	free(parts[0]);
	free(parts[1]);
	free(parts[2]);
	cJSON_free(text);
	cJSON_Delete(claims);
	return token;
}

char *hub_token_issue(cJSON *record, enum hub_token_kind kind, const char *owner, double ends)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(record, list_name(kind));
	cJSON *entry = cJSON_CreateObject();
	char *token = make(owner, ends);
	char hash[2 * SHA256_DIGEST_LENGTH + 1];

	hash_of(token, hash);
	cJSON_AddStringToObject(entry, KEY_SHA256, hash);
	if (isfinite(ends)) {
		cJSON_AddNumberToObject(entry, KEY_ENDS, ends);
	}
	if (!cJSON_IsArray(list)) {
		list = cJSON_AddArrayToObject(record, list_name(kind));
	}
	cJSON_AddItemToArray(list, entry);
	while (cJSON_GetArraySize(list) > MAX_TOKENS) {
		cJSON_DeleteItemFromArray(list, 0);
	}
	return token;
}

uint8_t *hub_base64url_decode(const char *text, size_t length, size_t *decoded)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t *bytes = service_alloc(length + 1);
	uint32_t bits = 0;
	unsigned count = 0;
	size_t at;

	*decoded = 0;
	for (at = 0; at < length; at++) {
		const char *digit = text[at] == '\0' ? NULL : strchr(alphabet, text[at]);

		if (digit == NULL) {
			free(bytes);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)(digit - alphabet);
		count += 6;
		if (count >= 8) {
			count -= 8;
			bytes[(*decoded)++] = (uint8_t)(bits >> count);
		}
	}
	return bytes;
}

/* The claims of three parts with points between, NULL when it is not that. */
static cJSON *claims_of(const char *token)
{
	const char *first = strchr(token, '.');
	const char *second = first == NULL ? NULL : strchr(first + 1, '.');
	uint8_t *bytes;
	size_t length;
	cJSON *claims;

	if (second == NULL || strchr(second + 1, '.') != NULL) {
		return NULL;
	}
	bytes = hub_base64url_decode(first + 1, (size_t)(second - first - 1), &length);
	if (bytes == NULL) {
		return NULL;
	}
	claims = cJSON_ParseWithLength((const char *)bytes, length);
	free(bytes);
	return claims;
}

static bool is_text(const cJSON *claims, const char *name, const char *wanted)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(claims, name));

	return text != NULL && strcmp(text, wanted) == 0;
}

static const char *check_provisioned(const struct service_config *config, const char *token, double *ends)
{
	cJSON *claims;
	const cJSON *until;
	const char *why = NULL;

	if (config->token != NULL && strcmp(config->token, token) == 0) {
		*ends = INFINITY;
		return NULL;
	}
	claims = claims_of(token);
	if (claims == NULL) {
		return WHY_MALFORMED;
	}
	until = cJSON_GetObjectItemCaseSensitive(claims, "exp");
	if (!is_text(claims, "client_id", NAME_SERVICE) || !is_text(claims, OWNER_CLAIM, config->owner) || !cJSON_IsNumber(until)) {
		why = WHY_FOREIGN;
	} else if (until->valuedouble <= hub_now()) {
		why = WHY_EXPIRED;
	} else {
		*ends = until->valuedouble;
	}
	cJSON_Delete(claims);
	return why;
}

const char *hub_token_check(const struct service_config *config, const cJSON *record, enum hub_token_kind kind, const char *token,
                            double *ends)
{
	char hash[2 * SHA256_DIGEST_LENGTH + 1];
	const cJSON *entry;

	hash_of(token, hash);
	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(record, list_name(kind)))
	{
		const cJSON *until = cJSON_GetObjectItemCaseSensitive(entry, KEY_ENDS);

		if (is_text(entry, KEY_SHA256, hash)) {
			*ends = cJSON_IsNumber(until) ? until->valuedouble : INFINITY;
			return *ends <= hub_now() ? WHY_EXPIRED : NULL;
		}
	}
	return check_provisioned(config, token, ends);
}

void hub_token_expire_access(cJSON *record, double now)
{
	cJSON *entry;

	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(record, list_name(HUB_TOKEN_ACCESS)))
	{
		cJSON_DeleteItemFromObjectCaseSensitive(entry, KEY_ENDS);
		cJSON_AddNumberToObject(entry, KEY_ENDS, now);
	}
}
