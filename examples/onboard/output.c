/* SPDX-License-Identifier: Apache-2.0 */
/* See output.h. */
#include "output.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#include "cbor.h"

static void print_and_free(cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	if (text != NULL)
		puts(text);
	cJSON_free(text);
	cJSON_Delete(json);
}

void output_failure(bool json, const char *name, unsigned seconds, const char *text)
{
	cJSON *object;

	if (!json) {
		fprintf(stderr, "dps-onboard: %s [%s]\n", text, name);
		return;
	}
	object = cJSON_CreateObject();
	cJSON_AddStringToObject(object, "result", "failed");
	cJSON_AddStringToObject(object, "cause", name);
	cJSON_AddStringToObject(object, "text", text);
	if (seconds > 0)
		cJSON_AddNumberToObject(object, "seconds", seconds);
	print_and_free(object);
}

void output_usage(bool json, const char *text)
{
	output_failure(json, "usage", 0, text);
}

void output_done(bool json, const char *text)
{
	cJSON *object;

	if (!json) {
		printf("done: %s\n", text);
		return;
	}
	object = cJSON_CreateObject();
	cJSON_AddStringToObject(object, "result", "done");
	cJSON_AddStringToObject(object, "text", text);
	print_and_free(object);
}

void output_discovered(bool json, const struct discovery *discovery)
{
	for (size_t i = 0; i < discovery->count; i++) {
		const struct discovered *device = &discovery->devices[i];
		char plain[PLAIN_TEXT_SIZE];
		char secure[PLAIN_TEXT_SIZE];
		char uri[PLAIN_TEXT_SIZE + 8];
		cJSON *object;

		plain_format(&device->plain, plain);
		plain_format(&device->secure, secure);
		if (!json) {
			printf("%-36s  coaps://%s\n", device->device_id[0] != '\0' ? device->device_id : "-", secure);
			continue;
		}
		object = cJSON_CreateObject();
		if (device->device_id[0] != '\0')
			cJSON_AddStringToObject(object, "deviceId", device->device_id);
		snprintf(uri, sizeof(uri), "coap://%s", plain);
		cJSON_AddStringToObject(object, "plain", uri);
		snprintf(uri, sizeof(uri), "coaps://%s", secure);
		cJSON_AddStringToObject(object, "secure", uri);
		print_and_free(object);
	}
}

void output_code(bool json, const char *code, const char *id)
{
	cJSON *object;

	if (!json) {
		puts(code);
		return;
	}
	object = cJSON_CreateObject();
	cJSON_AddStringToObject(object, "id", id);
	cJSON_AddStringToObject(object, "code", code);
	print_and_free(object);
}

/* --- the representation --- */

static cJSON *json_of_endpoints(const cbor_item_t *list)
{
	cJSON *array = cJSON_CreateArray();
	char text[ONBOARD_TEXT_SIZE];

	for (size_t i = 0; i < onboard_cbor_count(list); i++) {
		cJSON *endpoint = cJSON_CreateObject();

		if (onboard_cbor_text(onboard_cbor_get(onboard_cbor_at(list, i), "uri"), text))
			cJSON_AddStringToObject(endpoint, "uri", text);
		if (onboard_cbor_text(onboard_cbor_get(onboard_cbor_at(list, i), "name"), text))
			cJSON_AddStringToObject(endpoint, "name", text);
		cJSON_AddItemToArray(array, endpoint);
	}
	return array;
}

static void print_json(const cbor_item_t *conf, const char *status, const char *endpoint, const char *name, unsigned error)
{
	cJSON *object = cJSON_CreateObject();
	const cbor_item_t *list = onboard_cbor_get(conf, "endpoints");

	cJSON_AddStringToObject(object, "provisionStatus", status);
	cJSON_AddNumberToObject(object, "lastErrorCode", error);
	cJSON_AddStringToObject(object, "endpoint", endpoint);
	if (*name != '\0')
		cJSON_AddStringToObject(object, "endpointName", name);
	if (onboard_cbor_count(list) > 0)
		cJSON_AddItemToObject(object, "endpoints", json_of_endpoints(list));
	print_and_free(object);
}

static void print_text(const cbor_item_t *conf, const char *status, const char *endpoint, const char *name, unsigned error)
{
	const cbor_item_t *list = onboard_cbor_get(conf, "endpoints");
	char text[ONBOARD_TEXT_SIZE];

	printf("status      %s\n", *status != '\0' ? status : "(none)");
	printf("last error  %u\n", error);
	printf("endpoint    %s%s%s\n", *endpoint != '\0' ? endpoint : "(none)", *name != '\0' ? "  " : "", name);
	for (size_t i = 0; i < onboard_cbor_count(list); i++)
		if (onboard_cbor_text(onboard_cbor_get(onboard_cbor_at(list, i), "uri"), text))
			printf("            %s\n", text);
}

bool output_conf(bool json, const uint8_t *payload, size_t len)
{
	cbor_item_t *conf = onboard_cbor_load(payload, len);
	char status[ONBOARD_TEXT_SIZE];
	char endpoint[ONBOARD_TEXT_SIZE];
	char name[ONBOARD_TEXT_SIZE];
	const cbor_item_t *error;
	unsigned number = 0;
	bool ok;

	if (conf == NULL)
		return false;
	(void)onboard_cbor_text(onboard_cbor_get(conf, "provisionStatus"), status);
	(void)onboard_cbor_text(onboard_cbor_get(conf, "endpointName"), name);
	ok = onboard_cbor_text(onboard_cbor_get(conf, "endpoint"), endpoint);
	error = onboard_cbor_get(conf, "lastErrorCode");
	if (error != NULL && cbor_isa_uint(error))
		number = (unsigned)cbor_get_int(error);
	if (ok)
		(json ? print_json : print_text)(conf, status, endpoint, name, number);
	cbor_decref(&conf);
	return ok;
}
