/* SPDX-License-Identifier: Apache-2.0 */
/* The service's configuration. One table says which keys there are, what they must be and who takes them. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#define DEFAULT_HUB_ID    "00000000-0000-0000-0000-000000000001"
#define DEFAULT_GATEWAY   "coaps+tcp://localhost:5684"
#define DEFAULT_LIFETIME  (365L * SERVICE_SECONDS_PER_DAY)
#define DEFAULT_FROM      (-3600L)
#define DEFAULT_INACTIVE  20.0
#define DEFAULT_BLOCK_SZX 6u
#define MAX_BLOCK_SZX     7.0
#define MAX_LIFETIME      (100.0 * 365.0 * 86400.0)
#define MAX_NESTING       32
#define GATEWAY_SCHEME    "coaps+tcp://"
#define MAX_AUTHORITY     32u
#define AUTHORITY_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* Where in the configuration we are, for messages. */
struct place {
	const char *key;
	char **error;
};

/* Takes a value of the type that the table asks for; false with the wish in *wanted when it is not what it should be, or with the whole message in
 * *place->error when the fault lies deeper. */
typedef bool (*take_function)(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted);

struct key {
	const char *name;
	take_function take;
};

static bool is_number_within(const cJSON *value, double low, double high)
{
	return cJSON_IsNumber(value) && value->valuedouble >= low && value->valuedouble <= high;
}

static bool is_text(const cJSON *value)
{
	return cJSON_IsString(value) && value->valuestring[0] != '\0';
}

/* NULL, or what is wrong. */
static char *take_keys(struct service_config *config, const cJSON *object, const char *inside, const struct key *keys, size_t count)
{
	const cJSON *value;
	size_t at;

	cJSON_ArrayForEach(value, object)
	{
		char *error = NULL;
		struct place place = {value->string, &error};
		const char *wanted = NULL;

		for (at = 0; at < count && strcmp(keys[at].name, value->string) != 0; at++) {
		}
		if (at == count) {
			return service_format("unknown key \"%s\"%s%s", value->string, inside == NULL ? "" : " in ", inside == NULL ? "" : inside);
		}
		if (!keys[at].take(config, value, &place, &wanted)) {
			return error != NULL ? error : service_format("\"%s\" must be %s", value->string, wanted);
		}
	}
	return NULL;
}

static bool replace_text(char **field, const cJSON *value, const char **wanted)
{
	*wanted = "a text that is not empty";
	if (!is_text(value)) {
		return false;
	}
	free(*field);
	*field = service_strdup(value->valuestring);
	return true;
}

static bool take_owner(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	return replace_text(&config->owner, value, wanted);
}

static bool take_provider(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	return replace_text(&config->authorization_provider, value, wanted);
}

static bool take_token(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	return replace_text(&config->token, value, wanted);
}

static bool take_psk(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "a text of at least 16 bytes";
	if (!is_text(value) || strlen(value->valuestring) < SERVICE_PSK_SIZE) {
		return false;
	}
	memcpy(config->psk, value->valuestring, SERVICE_PSK_SIZE);
	config->psk[SERVICE_PSK_SIZE] = '\0';
	return true;
}

static bool take_lifetime(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "a number of seconds, at most a hundred years either way and not 0";
	if (!is_number_within(value, -MAX_LIFETIME, MAX_LIFETIME) || fabs(value->valuedouble) < 1) {
		return false;
	}
	config->identity_lifetime = (long)value->valuedouble;
	return true;
}

static bool take_valid_from(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "a number of seconds, at most a hundred years either way";
	if (!is_number_within(value, -MAX_LIFETIME, MAX_LIFETIME)) {
		return false;
	}
	config->identity_valid_from = (long)value->valuedouble;
	return true;
}

static bool take_hub_ca_lifetime(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "a number of seconds from 1 to a hundred years";
	if (!is_number_within(value, 1, MAX_LIFETIME)) {
		return false;
	}
	config->hub_ca_lifetime = (long)value->valuedouble;
	return true;
}

static bool take_group_deleted(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "true or false";
	config->group_deleted = cJSON_IsTrue(value);
	return cJSON_IsBool(value);
}

static bool take_inactivity(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "a number of seconds from 0.05 to 86400";
	if (!is_number_within(value, 0.05, 86400)) {
		return false;
	}
	config->inactivity_seconds = value->valuedouble;
	return true;
}

static bool take_time_offset(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "a number of seconds, at most a hundred years either way";
	if (!is_number_within(value, -MAX_LIFETIME, MAX_LIFETIME)) {
		return false;
	}
	config->time_offset_seconds = value->valuedouble;
	return true;
}

static bool take_block_szx(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "a whole number from 0 to 7";
	if (!is_number_within(value, 0, MAX_BLOCK_SZX) || floor(value->valuedouble) != value->valuedouble) {
		return false;
	}
	config->block_szx = (unsigned)value->valuedouble;
	return true;
}

static bool take_allow_expired(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "true or false";
	config->allow_expired_manufacturer_certificates = cJSON_IsTrue(value);
	return cJSON_IsBool(value);
}

/* cJSON parses with bounded nesting; this keeps what is served below the depth that the encoder walks. */
static bool is_shallow(const cJSON *item)
{
	const cJSON *path[MAX_NESTING];
	size_t depth = 0;

	while (item != NULL) {
		if (item->child != NULL) {
			if (depth == MAX_NESTING) {
				return false;
			}
			path[depth++] = item;
			item = item->child;
			continue;
		}
		while (item->next == NULL && depth > 0) {
			item = path[--depth];
		}
		item = depth == 0 ? NULL : item->next;
	}
	return true;
}

static bool take_resources(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	const cJSON *entry;

	(void)place;
	*wanted = "an array of {\"href\": \"/...\", \"rep\": {...}} nested at most 32 deep";
	if (!cJSON_IsArray(value) || !is_shallow(value)) {
		return false;
	}
	cJSON_ArrayForEach(entry, value)
	{
		const cJSON *href = cJSON_GetObjectItemCaseSensitive(entry, "href");

		if (!cJSON_IsObject(entry) || !cJSON_IsString(href) || href->valuestring[0] != '/' ||
		    cJSON_GetObjectItemCaseSensitive(entry, "rep") == NULL || cJSON_GetArraySize(entry) != 2) {
			return false;
		}
	}
	cJSON_Delete(config->resources);
	config->resources = cJSON_Duplicate(value, 1);
	return config->resources != NULL;
}

static char *with_scheme(const char *gateway)
{
	return strstr(gateway, "://") != NULL ? service_strdup(gateway) : service_format("%s%s", GATEWAY_SCHEME, gateway);
}

static void add_gateway(struct service_hub **hubs, size_t *count, const char *hub, const char *uri)
{
	struct service_hub *entry;
	size_t at;

	for (at = 0; at < *count && strcmp((*hubs)[at].id, hub) != 0; at++) {
	}
	if (at == *count) {
		*hubs = service_realloc(*hubs, (at + 1) * sizeof(**hubs));
		(*hubs)[at] = (struct service_hub){0};
		memcpy((*hubs)[at].id, hub, SERVICE_UUID_SIZE);
		(*count)++;
	}
	entry = &(*hubs)[at];
	entry->gateways = service_realloc(entry->gateways, (entry->gateway_count + 1) * sizeof(*entry->gateways));
	entry->gateways[entry->gateway_count++] = service_strdup(uri);
}

static void free_list(struct service_hub **hubs, size_t *count)
{
	size_t hub;
	size_t gateway;

	for (hub = 0; hub < *count; hub++) {
		for (gateway = 0; gateway < (*hubs)[hub].gateway_count; gateway++) {
			free((*hubs)[hub].gateways[gateway]);
		}
		free((*hubs)[hub].gateways);
		free((*hubs)[hub].authority);
	}
	free(*hubs);
	*hubs = NULL;
	*count = 0;
}

static void free_hubs(struct service_config *config)
{
	free_list(&config->hubs, &config->hub_count);
}

/* Where the file names no hubs, the program's own gateways are what it hands out. */
static void use_own_gateways(struct service_config *config)
{
	size_t hub;
	size_t gateway;

	if (config->names_hubs || config->own_hub_count == 0) {
		return;
	}
	free_hubs(config);
	for (hub = 0; hub < config->own_hub_count; hub++) {
		for (gateway = 0; gateway < config->own_hubs[hub].gateway_count; gateway++) {
			add_gateway(&config->hubs, &config->hub_count, config->own_hubs[hub].id, config->own_hubs[hub].gateways[gateway]);
		}
	}
}

void service_config_add_gateway(struct service_config *config, const char *hub, const char *uri)
{
	add_gateway(&config->own_hubs, &config->own_hub_count, hub, uri);
	use_own_gateways(config);
}

/* A name that becomes part of file names in the state directory. */
static bool take_authority(struct service_hub *hub, const cJSON *name)
{
	if (!is_text(name) || strlen(name->valuestring) > MAX_AUTHORITY ||
	    strspn(name->valuestring, AUTHORITY_LETTERS) != strlen(name->valuestring)) {
		return false;
	}
	hub->authority = service_strdup(name->valuestring);
	return true;
}

static bool take_hub(struct service_hub *hub, const cJSON *entry)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(entry, "id");
	const cJSON *gateways = cJSON_GetObjectItemCaseSensitive(entry, "gateways");
	const cJSON *authority = cJSON_GetObjectItemCaseSensitive(entry, "ca");
	const cJSON *gateway;

	if (!cJSON_IsObject(entry) || cJSON_GetArraySize(entry) != (authority == NULL ? 2 : 3) || !cJSON_IsString(id) ||
	    !service_uuid_parse(id->valuestring, hub->id) || !cJSON_IsArray(gateways) || cJSON_GetArraySize(gateways) == 0) {
		return false;
	}
	hub->gateways = service_alloc((size_t)cJSON_GetArraySize(gateways) * sizeof(*hub->gateways));
	cJSON_ArrayForEach(gateway, gateways)
	{
		if (!is_text(gateway)) {
			return false;
		}
		hub->gateways[hub->gateway_count++] = with_scheme(gateway->valuestring);
	}
	return authority == NULL || take_authority(hub, authority);
}

static bool take_hubs(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	const cJSON *entry;

	(void)place;
	*wanted = "an array of {\"id\": UUID, \"gateways\": [URI, ...]}, with \"ca\": NAME (a-z, 0-9, -; at most 32) if so wished";
	if (!cJSON_IsArray(value)) {
		return false;
	}
	free_hubs(config);
	config->names_hubs = true;
	config->hubs = service_alloc((size_t)cJSON_GetArraySize(value) * sizeof(*config->hubs));
	cJSON_ArrayForEach(entry, value)
	{
		if (!take_hub(&config->hubs[config->hub_count++], entry)) {
			return false;
		}
	}
	return true;
}

static bool take_gateway(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	return hub_settings_take(&config->gateway, value, wanted);
}

static bool take_server_expired(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "true or false";
	if (cJSON_IsTrue(value)) {
		config->server_certificate.validity = SERVICE_EXPIRED;
	}
	return cJSON_IsBool(value);
}

static bool take_server_not_yet_valid(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "true or false";
	if (cJSON_IsTrue(value)) {
		config->server_certificate.validity = SERVICE_NOT_YET_VALID;
	}
	return cJSON_IsBool(value);
}

static bool take_server_key_type(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	(void)place;
	*wanted = "p256, p384 or rsa2048";
	return cJSON_IsString(value) && service_pki_key_type(value->valuestring, &config->server_certificate.key_type);
}

static bool is_address(const char *host)
{
	return strchr(host, ':') != NULL || strspn(host, "0123456789.") == strlen(host);
}

/* Only what a host name or an address can hold: the text goes through OpenSSL's configuration syntax, where a comma starts another name. */
static bool is_host(const char *host)
{
	for (; *host != '\0'; host++) {
		if (!isalnum((unsigned char)*host) && strchr(".-:*", *host) == NULL) {
			return false;
		}
	}
	return true;
}

static bool take_server_hosts(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	char *names = service_strdup("");
	const cJSON *host;

	(void)place;
	*wanted = "an array of host names and addresses that is not empty";
	cJSON_ArrayForEach(host, value)
	{
		char *longer;

		if (!is_text(host) || !is_host(host->valuestring)) {
			free(names);
			return false;
		}
		longer = service_format("%s%s%s:%s", names, names[0] == '\0' ? "" : ",", is_address(host->valuestring) ? "IP" : "DNS",
		                        host->valuestring);
		free(names);
		names = longer;
	}
	free(config->server_certificate.alternative_names);
	config->server_certificate.alternative_names = names;
	return cJSON_IsArray(value) && names[0] != '\0';
}

static bool take_server_certificate(struct service_config *config, const cJSON *value, const struct place *place, const char **wanted)
{
	static const struct key keys[] = {
		{"expired", take_server_expired},
		{"notYetValid", take_server_not_yet_valid},
		{"hosts", take_server_hosts},
		{"keyType", take_server_key_type},
	};

	*wanted = "an object";
	if (!cJSON_IsObject(value)) {
		return false;
	}
	config->server_certificate.is_set = true;
	*place->error = take_keys(config, value, place->key, keys, sizeof(keys) / sizeof(keys[0]));
	return *place->error == NULL;
}

static void set_defaults(struct service_config *config)
{
	*config = (struct service_config){
		.owner = service_strdup("1"),
		.authorization_provider = service_strdup("plgd"),
		.identity_lifetime = DEFAULT_LIFETIME,
		.identity_valid_from = DEFAULT_FROM,
		.inactivity_seconds = DEFAULT_INACTIVE,
		.block_szx = DEFAULT_BLOCK_SZX,
		.hub_count = 1,
	};
	hub_settings_default(&config->gateway);
	config->hubs = service_alloc(sizeof(*config->hubs));
	memcpy(config->hubs[0].id, DEFAULT_HUB_ID, SERVICE_UUID_SIZE);
	config->hubs[0].gateways = service_alloc(sizeof(*config->hubs[0].gateways));
	config->hubs[0].gateways[0] = service_strdup(DEFAULT_GATEWAY);
	config->hubs[0].gateway_count = 1;
}

static void name_owner(struct service_config *config)
{
	if (!service_uuid_parse(config->owner, config->owner_uuid) || strcmp(config->owner_uuid, "00000000-0000-0000-0000-000000000000") == 0) {
		service_uuid_from_url_name(config->owner, config->owner_uuid);
	}
}

static const struct key keys[] = {
	{"owner", take_owner},
	{"psk", take_psk},
	{"hubs", take_hubs},
	{"authorizationProvider", take_provider},
	{"token", take_token},
	{"identityLifetime", take_lifetime},
	{"identityValidFrom", take_valid_from},
	{"hubCaLifetime", take_hub_ca_lifetime},
	{"groupDeleted", take_group_deleted},
	{"resources", take_resources},
	{"allowExpiredManufacturerCertificates", take_allow_expired},
	{"inactivitySeconds", take_inactivity},
	{"timeOffsetSeconds", take_time_offset},
	{"blockSzx", take_block_szx},
	{"serverCertificate", take_server_certificate},
	{"gateway", take_gateway},
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

/* Makes a configuration of the defaults and these settings, which it then owns. NULL, or what is wrong with them: then there is none. */
static char *build(struct service_config *config, cJSON *settings)
{
	char *error;

	set_defaults(config);
	config->settings = settings;
	error = cJSON_IsObject(settings) ? take_keys(config, settings, NULL, keys, KEY_COUNT)
	                                 : service_strdup("the configuration must hold an object");
	if (error == NULL && config->identity_valid_from >= config->identity_lifetime) {
		error = service_strdup("an identity must begin (\"identityValidFrom\") before it ends (\"identityLifetime\")");
	}
	if (error != NULL) {
		service_config_free(config);
		return error;
	}
	name_owner(config);
	return NULL;
}

static cJSON *read_settings(const char *path)
{
	char *text = service_files_read(path, NULL);
	const char *end = NULL;
	cJSON *settings;

	if (text == NULL) {
		service_fail(SERVICE_EXIT_USAGE, "cannot read %s: %s", path, strerror(errno));
	}
	settings = cJSON_ParseWithOpts(text, &end, 1);
	if (settings == NULL) {
		service_fail(SERVICE_EXIT_USAGE, "%s is not JSON from byte %ld on", path, end == NULL ? 0L : (long)(end - text));
	}
	free(text);
	return settings;
}

void service_config_load(struct service_config *config, const char *path)
{
	char *error = build(config, path == NULL ? cJSON_CreateObject() : read_settings(path));

	if (error != NULL) {
		service_fail(SERVICE_EXIT_USAGE, "%s: %s", path == NULL ? "defaults" : path, error);
	}
}

/* Why a key cannot change at run time, NULL when it can. */
static const char *reason_to_stay(const char *key)
{
	static const struct {
		const char *key;
		const char *reason;
	} fixed[] = {
		{"serverCertificate", "the server's certificate is that of the start"},
	};
	size_t at;

	for (at = 0; at < sizeof(fixed) / sizeof(fixed[0]); at++) {
		if (strcmp(fixed[at].key, key) == 0) {
			return fixed[at].reason;
		}
	}
	return NULL;
}

char *service_config_set(struct service_config *config, const char *key, const char *value)
{
	struct service_config changed;
	const char *reason = reason_to_stay(key);
	cJSON *wish;
	cJSON *settings;
	char *error;
	size_t at;

	for (at = 0; at < KEY_COUNT && strcmp(keys[at].name, key) != 0; at++) {
	}
	if (at == KEY_COUNT) {
		return service_format("unknown key \"%s\"", key);
	}
	if (reason != NULL) {
		return service_format("\"%s\" cannot change at run time: %s", key, reason);
	}
	wish = cJSON_ParseWithOpts(value, NULL, 1);
	if (wish == NULL) {
		return service_strdup("the value is not JSON");
	}
	settings = cJSON_Duplicate(config->settings, 1);
	while (cJSON_GetObjectItemCaseSensitive(settings, key) != NULL) {
		cJSON_DeleteItemFromObjectCaseSensitive(settings, key);
	}
	if (cJSON_IsNull(wish)) {
		cJSON_Delete(wish);
	} else {
		cJSON_AddItemToObject(settings, key, wish);
	}
	error = build(&changed, settings);
	if (error == NULL) {
		changed.own_hubs = config->own_hubs;
		changed.own_hub_count = config->own_hub_count;
		config->own_hubs = NULL;
		config->own_hub_count = 0;
		use_own_gateways(&changed);
		service_config_free(config);
		*config = changed;
	}
	return error;
}

void service_config_free(struct service_config *config)
{
	free_hubs(config);
	free_list(&config->own_hubs, &config->own_hub_count);
	hub_settings_free(&config->gateway);
	free(config->owner);
	free(config->authorization_provider);
	free(config->token);
	free(config->server_certificate.alternative_names);
	cJSON_Delete(config->resources);
	cJSON_Delete(config->settings);
	*config = (struct service_config){0};
}
