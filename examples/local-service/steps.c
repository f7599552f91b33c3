/* SPDX-License-Identifier: Apache-2.0 */
/* What each request is answered. One table holds the paths, methods and codes; each step builds its body as a tree in the order of the wire. */
#include "steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hubs.h"
#include "text.h"

#define NANOSECONDS     1000000000L
#define TOKEN_SECONDS   3600
#define PERMISSION_ALL  31
#define PERMISSION_READ 2
#define NESTED_DEPTH    200u
#define ENDLESS_ITEMS   256u
#define GARBAGE_LENGTH  64u

typedef struct service_result (*step_function)(struct service *service, const struct service_request *request);

struct step {
	const char *path;
	const char *noun; /* in "cannot encode ... response" */
	coap_pdu_code_t method;
	coap_pdu_code_t success;
	step_function build;
};

struct service_result service_result_error(coap_pdu_code_t code, const char *format, ...)
{
	struct service_result result = {.code = code};
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	result.error = service_strdup(text);
	return result;
}

const char *service_media_type(int content_format, char out[SERVICE_MEDIA_TYPE_SIZE])
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
		{SERVICE_FORMAT_TEXT, "text/plain; charset=utf-8"},
		{40, "application/link-format"},
		{41, "application/xml"},
		{42, "application/octet-stream"},
		{SERVICE_FORMAT_JSON, "application/json"},
		{SERVICE_FORMAT_CBOR, "application/cbor"},
		{SERVICE_FORMAT_OCF_CBOR, "application/vnd.ocf+cbor"},
	};
	size_t at;

	for (at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
		if (names[at].number == content_format) {
			return names[at].name;
		}
	}
	snprintf(out, SERVICE_MEDIA_TYPE_SIZE, "MediaType(%d)", content_format);
	return out;
}

struct service_result service_steps_parse(const struct service_request *request, const struct service_field *fields)
{
	struct service_result result = {0};
	char wrong[SERVICE_FIELDS_WRONG_SIZE];

	if (request->body_length == 0) {
		return service_result_error(COAP_RESPONSE_CODE(400), "cannot parse request: empty body");
	}
	result.tree = service_fields_parse(request->body, request->body_length, fields, wrong);
	if (result.tree == NULL) {
		return service_result_error(COAP_RESPONSE_CODE(400), "cannot parse request: %s", wrong);
	}
	return result;
}

/* --- the steps --- */

/* RFC 3339 with as many fractional digits as are needed and no more, in UTC. */
static struct service_result build_time(struct service *service, const struct service_request *request)
{
	struct service_result result = {.tree = cJSON_CreateObject()};
	double offset = service->config.time_offset_seconds;
	struct timespec now;
	struct tm broken;
	char text[64];
	size_t length;

	(void)request;
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += (time_t)offset;
	gmtime_r(&now.tv_sec, &broken);
	length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &broken);
	length += (size_t)snprintf(text + length, sizeof(text) - length, ".%09ld", now.tv_nsec % NANOSECONDS);
	while (text[length - 1] == '0') {
		length--;
	}
	if (text[length - 1] == '.') {
		length--;
	}
	text[length] = 'Z';
	text[length + 1] = '\0';
	cJSON_AddStringToObject(result.tree, "time", text);
	return result;
}

static struct service_result build_owner(struct service *service, const struct service_request *request)
{
	struct service_result result = {.tree = cJSON_CreateObject()};

	(void)request;
	cJSON_AddStringToObject(result.tree, "devowneruuid", service->config.owner_uuid);
	return result;
}

/* Looks like the token of an authorization service and carries the owner, but nobody signed it. */
static char *make_token(const struct service_config *config)
{
	static const char head[] = "{\"alg\":\"none\",\"typ\":\"JWT\"}";
	cJSON *claims = cJSON_CreateObject();
	double now = (double)time(NULL);
	char *parts[2];
	char *text;
	char *token;

	cJSON_AddStringToObject(claims, "client_id", "dps-service");
	cJSON_AddStringToObject(claims, "https://plgd.dev/owner", config->owner);
	cJSON_AddNumberToObject(claims, "iat", now);
	cJSON_AddNumberToObject(claims, "exp", now + TOKEN_SECONDS);
	cJSON_AddStringToObject(claims, "sub", config->owner);
	text = cJSON_PrintUnformatted(claims);
	parts[0] = service_base64url(head, strlen(head));
	parts[1] = service_base64url(text, strlen(text));
	token = service_format("%s.%s.", parts[0], parts[1]);
	free(parts[0]);
	free(parts[1]);
	cJSON_free(text);
	cJSON_Delete(claims);
	return token;
}

static void add_servers(cJSON *tree, const struct service_config *config)
{
	cJSON *servers = cJSON_AddArrayToObject(tree, "x.org.iotivity.servers");
	size_t hub;
	size_t at;

	for (hub = 0; hub < config->hub_count; hub++) {
		for (at = 0; at < config->hubs[hub].gateway_count; at++) {
			cJSON *server = cJSON_CreateObject();

			cJSON_AddStringToObject(server, "id", config->hubs[hub].id);
			cJSON_AddStringToObject(server, "uri", config->hubs[hub].gateways[at]);
			cJSON_AddItemToArray(servers, server);
		}
	}
}

static struct service_result build_cloud(struct service *service, const struct service_request *request)
{
	static const struct service_field fields[] = {{"di", NULL}, {"selectedGateway", service_hubs_selection}, {NULL, NULL}};
	const struct service_config *config = &service->config;
	struct service_result result = service_steps_parse(request, fields);
	cJSON *body = result.tree;
	const struct service_hub *hub;
	const char *gateway;
	char *token;

	if (body == NULL) {
		return result;
	}
	if (config->hub_count == 0) {
		cJSON_Delete(body);
		return service_result_error(COAP_RESPONSE_CODE(400), "cannot find linked hub");
	}
	hub = service_hubs_select(config, body, &gateway);
	token = config->token == NULL ? make_token(config) : service_strdup(config->token);
	result.tree = cJSON_CreateObject();
	cJSON_AddStringToObject(result.tree, "apn", config->authorization_provider);
	cJSON_AddStringToObject(result.tree, "cis", gateway);
	cJSON_AddStringToObject(result.tree, "at", token);
	cJSON_AddStringToObject(result.tree, "sid", hub->id);
	add_servers(result.tree, config);
	free(token);
	cJSON_Delete(body);
	return result;
}

/* {href?, if: ["*"], wc?}: a wildcard entry has no href. */
static void add_acl_resource(cJSON *list, const char *href)
{
	cJSON *resource = cJSON_CreateObject();
	bool is_wildcard = strcmp(href, "*") == 0;

	if (!is_wildcard) {
		cJSON_AddStringToObject(resource, "href", href);
	}
	cJSON_AddItemToArray(cJSON_AddArrayToObject(resource, "if"), cJSON_CreateString("*"));
	if (is_wildcard) {
		cJSON_AddStringToObject(resource, "wc", "*");
	}
	cJSON_AddItemToArray(list, resource);
}

static void add_ace(cJSON *list, int permission, const char *const hrefs[], const char *subject_key, const char *subject)
{
	cJSON *entry = cJSON_CreateObject();
	cJSON *resources;

	cJSON_AddNumberToObject(entry, "permission", permission);
	resources = cJSON_AddArrayToObject(entry, "resources");
	for (; *hrefs != NULL; hrefs++) {
		add_acl_resource(resources, *hrefs);
	}
	cJSON_AddStringToObject(cJSON_AddObjectToObject(entry, "subject"), subject_key, subject);
	cJSON_AddStringToObject(entry, "tag", "dps");
	cJSON_AddItemToArray(list, entry);
}

static bool is_named_before(const struct service_config *config, size_t hub)
{
	size_t at;

	for (at = 0; at < hub; at++) {
		if (strcmp(config->hubs[at].id, config->hubs[hub].id) == 0) {
			return true;
		}
	}
	return false;
}

static struct service_result build_acls(struct service *service, const struct service_request *request)
{
	/* The time resource stands twice among the owner's, as the public service has it. */
	static const char *const owners[] = {
		"/CoapCloudConfResURI", "/oic/sec/sp", "/x.plgd.dev/time", "/oc/con", "/oc/swu", "/oic/mnt", "/x.plgd.dev/time", "*", NULL};
	static const char *const everyones[] = {"/oic/d", "/oic/p", "/oic/res", "/oic/sec/sdi", "/oic/sec/doxm", NULL};
	static const char *const hubs[] = {"/oc/con", "/oc/swu", "/oic/mnt", "/x.plgd.dev/time", "*", NULL};
	const struct service_config *config = &service->config;
	struct service_result result = {.tree = cJSON_CreateObject()};
	cJSON *list = cJSON_AddArrayToObject(result.tree, "aclist2");
	size_t at;

	(void)request;
	add_ace(list, PERMISSION_ALL, owners, "uuid", config->owner_uuid);
	add_ace(list, PERMISSION_READ, everyones, "conntype", "anon-clear");
	for (at = 0; at < config->hub_count; at++) {
		if (!is_named_before(config, at)) {
			add_ace(list, PERMISSION_ALL, hubs, "uuid", config->hubs[at].id);
		}
	}
	return result;
}

static struct service_result build_resources(struct service *service, const struct service_request *request)
{
	struct service_result result = {0};

	(void)request;
	result.tree = service->config.resources == NULL ? cJSON_CreateArray() : cJSON_Duplicate(service->config.resources, 1);
	return result;
}

static const struct step steps[] = {
	[SERVICE_STEP_TIME] = {"/x.plgd.dev/time", "time", COAP_REQUEST_CODE_GET, COAP_RESPONSE_CODE(205), build_time},
	[SERVICE_STEP_OWNER] = {"/api/v1/provisioning/ownership", "ownership", COAP_REQUEST_CODE_GET, COAP_RESPONSE_CODE(205), build_owner},
	[SERVICE_STEP_CLOUD] = {"/api/v1/provisioning/cloud-configuration", "cloud configuration", COAP_REQUEST_CODE_POST,
                            COAP_RESPONSE_CODE(204), build_cloud},
	[SERVICE_STEP_CREDENTIALS] = {"/api/v1/provisioning/credentials", "credentials", COAP_REQUEST_CODE_POST, COAP_RESPONSE_CODE(204),
                                  service_credentials},
	[SERVICE_STEP_ACLS] = {"/api/v1/provisioning/acls", "ACLs", COAP_REQUEST_CODE_GET, COAP_RESPONSE_CODE(205), build_acls},
	[SERVICE_STEP_RESOURCES] = {"/api/v1/provisioning/resources", "resources", COAP_REQUEST_CODE_GET, COAP_RESPONSE_CODE(205),
                                build_resources},
};

enum service_step service_steps_find(const char *path)
{
	unsigned at;

	for (at = 0; at < SERVICE_STEP_OTHER && strcmp(steps[at].path, path) != 0; at++) {
	}
	return (enum service_step)at;
}

/* --- faults in the body --- */

/* The first item of this name, wherever in the tree; "." is the tree itself. */
static cJSON *find_item(cJSON *tree, const char *name)
{
	cJSON *path[64];
	cJSON *item = tree;
	size_t depth = 0;

	while (item != NULL) {
		if (strcmp(name, ".") == 0 || (item->string != NULL && strcmp(item->string, name) == 0)) {
			return item;
		}
		if (item->child != NULL && depth < sizeof(path) / sizeof(path[0])) {
			path[depth++] = item;
			item = item->child;
			continue;
		}
		while (depth > 0 && item->next == NULL) {
			item = path[--depth];
		}
		item = depth == 0 ? NULL : item->next;
	}
	return NULL;
}

/* A number where something else was, a text where a number was; name and place stay. */
static void change_type(cJSON *item)
{
	cJSON_Delete(item->child);
	item->child = NULL;
	if (cJSON_IsString(item)) {
		cJSON_free(item->valuestring);
		item->valuestring = NULL;
	}
	if (cJSON_IsNumber(item)) {
		item->type = cJSON_String | (item->type & cJSON_StringIsConst);
		item->valuestring = cJSON_malloc(2);
		memcpy(item->valuestring, "7", 2);
	} else {
		item->type = cJSON_Number | (item->type & cJSON_StringIsConst);
		cJSON_SetNumberValue(item, 7);
	}
}

static void append_repeated(struct service_body *body, const uint8_t *head, size_t head_length, uint8_t byte, size_t count)
{
	uint8_t *entry = service_alloc(head_length + count);

	memcpy(entry, head, head_length);
	memset(entry + head_length, byte, count);
	service_body_append(body, entry, head_length + count);
	free(entry);
}

static void damage_body(struct service_body *body, const struct service_fault *fault)
{
	static const uint8_t garbage[] = {0xff, 0x1c, 0x5d, 0xfe};
	static const uint8_t endless_head = 0x9f;
	uint8_t head[9];
	uint8_t *nested;
	size_t at;

	switch (service_fault_action_of(fault)) {
	case SERVICE_FAULT_GARBAGE:
		body->bytes = service_realloc(body->bytes, GARBAGE_LENGTH);
		body->length = GARBAGE_LENGTH;
		for (at = 0; at < GARBAGE_LENGTH; at++) {
			body->bytes[at] = garbage[at % sizeof(garbage)];
		}
		break;
	case SERVICE_FAULT_TRUNCATE:
		body->length /= 2;
		break;
	case SERVICE_FAULT_NESTED:
		nested = service_alloc(NESTED_DEPTH + 1);
		memset(nested, 0x81, NESTED_DEPTH);
		service_body_append(body, nested, NESTED_DEPTH + 1);
		free(nested);
		break;
	case SERVICE_FAULT_ENDLESS:
		append_repeated(body, &endless_head, 1, 0x00, ENDLESS_ITEMS);
		break;
	case SERVICE_FAULT_LARGE:
		append_repeated(body, head, service_body_head(head, 3, (uint64_t)fault->number), 'x', (size_t)fault->number);
		break;
	default:
		break;
	}
}

/* --- the answer --- */

static const char *code_name(coap_pdu_code_t code)
{
	static const struct {
		coap_pdu_code_t code;
		const char *name;
	} names[] = {
		{COAP_RESPONSE_CODE(400), "BadRequest"},
		{COAP_RESPONSE_CODE(401), "Unauthorized"},
		{COAP_RESPONSE_CODE(402), "BadOption"},
		{COAP_RESPONSE_CODE(403), "Forbidden"},
		{COAP_RESPONSE_CODE(404), "NotFound"},
		{COAP_RESPONSE_CODE(405), "MethodNotAllowed"},
		{COAP_RESPONSE_CODE(406), "NotAcceptable"},
		{COAP_RESPONSE_CODE(408), "RequestEntityIncomplete"},
		{COAP_RESPONSE_CODE(412), "PreconditionFailed"},
		{COAP_RESPONSE_CODE(413), "RequestEntityTooLarge"},
		{COAP_RESPONSE_CODE(415), "UnsupportedMediaType"},
		{COAP_RESPONSE_CODE(429), "TooManyRequests"},
		{COAP_RESPONSE_CODE(500), "InternalServerError"},
		{COAP_RESPONSE_CODE(501), "NotImplemented"},
		{COAP_RESPONSE_CODE(502), "BadGateway"},
		{COAP_RESPONSE_CODE(503), "ServiceUnavailable"},
		{COAP_RESPONSE_CODE(504), "GatewayTimeout"},
		{COAP_RESPONSE_CODE(505), "ProxyingNotSupported"},
	};
	size_t at;

	for (at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
		if (names[at].code == code) {
			return names[at].name;
		}
	}
	return "Unknown";
}

void service_steps_refuse(struct service_answer *answer, coap_pdu_code_t code, const char *text)
{
	char *whole = service_format("coap error: code = %s desc = %s", code_name(code), text);

	answer->code = code;
	answer->content_format = SERVICE_ABSENT;
	answer->body = service_body_from_text(whole);
	free(whole);
}

bool service_steps_is_encodable(int accept)
{
	return accept == SERVICE_ABSENT || accept == SERVICE_FORMAT_OCF_CBOR || accept == SERVICE_FORMAT_CBOR || accept == SERVICE_FORMAT_JSON;
}

void service_steps_encode(struct service_answer *answer, const struct service_request *request, cJSON *tree, coap_pdu_code_t success)
{
	enum service_fault_action fault = service_fault_action_of(request->fault);
	cJSON *item = fault == SERVICE_FAULT_WRONG_TYPE ? find_item(tree, request->fault->field) : NULL;

	if (item != NULL) {
		change_type(item);
	}
	if (fault == SERVICE_FAULT_REDIRECT) {
		/* Sign-up has that field already, and in its place. */
		if (cJSON_GetObjectItemCaseSensitive(tree, "redirecturi") != NULL) {
			cJSON_ReplaceItemInObjectCaseSensitive(tree, "redirecturi", cJSON_CreateString(request->fault->field));
		} else {
			cJSON_AddStringToObject(tree, "redirecturi", request->fault->field);
		}
	}
	answer->code = fault == SERVICE_FAULT_CODE ? (coap_pdu_code_t)request->fault->code : success;
	answer->content_format = request->accept == SERVICE_ABSENT ? SERVICE_FORMAT_OCF_CBOR : request->accept;
	if (answer->content_format == SERVICE_FORMAT_JSON) {
		answer->body = service_body_to_json(tree);
	} else {
		answer->body = service_body_to_cbor(tree);
		damage_body(&answer->body, request->fault);
	}
}

/* The public service has no resources step: so it is here too, unless some are configured or a fault wants a body to damage. */
static bool is_known(const struct service *service, const struct service_request *request)
{
	switch (service_fault_action_of(request->fault)) {
	case SERVICE_FAULT_CODE:
	case SERVICE_FAULT_GARBAGE:
	case SERVICE_FAULT_TRUNCATE:
	case SERVICE_FAULT_NESTED:
	case SERVICE_FAULT_ENDLESS:
	case SERVICE_FAULT_WRONG_TYPE:
	case SERVICE_FAULT_LARGE:
		return request->step != SERVICE_STEP_OTHER;
	default:
		return request->step != SERVICE_STEP_OTHER && (request->step != SERVICE_STEP_RESOURCES || service->config.resources != NULL);
	}
}

static struct service_result result_of(struct service *service, const struct service_request *request)
{
	const struct step *step = &steps[request->step];
	char name[SERVICE_MEDIA_TYPE_SIZE];
	struct service_result result;

	if (service->config.group_deleted) {
		return service_result_error(COAP_RESPONSE_CODE(403), "no enrollment group for the device");
	}
	if (!is_known(service, request)) {
		return service_result_error(COAP_RESPONSE_CODE(404), "unknown path %s", request->path);
	}
	if (service_fault_action_of(request->fault) == SERVICE_FAULT_CODE && request->fault->code >= COAP_RESPONSE_CODE(400)) {
		return service_result_error((coap_pdu_code_t)request->fault->code, "asked for by --fault %s:%s", service_step_name(request->step),
		                            request->fault->text);
	}
	if (request->method != step->method) {
		return service_result_error(COAP_RESPONSE_CODE(403), "unsupported command(%s)", service_request_method_name(request->method));
	}
	result = step->build(service, request);
	if (result.error == NULL && !service_steps_is_encodable(request->accept)) {
		cJSON_Delete(result.tree);
		return service_result_error(COAP_RESPONSE_CODE(400), "cannot encode %s response: unsupported type (%s)", step->noun,
		                            service_media_type(request->accept, name));
	}
	return result;
}

void service_steps_answer(struct service *service, const struct service_request *request, struct service_answer *answer)
{
	struct service_result result = result_of(service, request);

	*answer = (struct service_answer){0};
	if (result.error != NULL) {
		service_steps_refuse(answer, result.code, result.error);
		free(result.error);
		return;
	}
	service_steps_encode(answer, request, result.tree, steps[request->step].success);
	cJSON_Delete(result.tree);
}
