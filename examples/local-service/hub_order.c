/* SPDX-License-Identifier: Apache-2.0 */
/* Operators' orders. */
#include "hub_order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hub_control.h"
#include "hub_device.h"
#include "hub_observer.h"
#include "hub_question.h"
#include "hub_registry.h"
#include "hub_token.h"
#include "steps.h"
#include "text.h"

#define HREF_MAX  1024u
#define PIECE_MAX 255u /* RFC 7252 section 5.10: of a Uri-Path or a Uri-Query */

_Static_assert(SERVICE_MAX_SEGMENTS == 16 && SERVICE_MAX_QUERIES == 16, "the texts below say 16");

/* A command on its way to every connection of a device: the first answer counts. */
struct command {
	hub_order_done done; /* NULL: was called */
	void *context;
	size_t asked; /* connections that have not answered */
};

static cJSON *error_of(const char *text)
{
	cJSON *answer = cJSON_CreateObject();

	cJSON_AddStringToObject(answer, "error", text);
	return answer;
}

static const char *text_of(const cJSON *order, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(order, name));

	return text == NULL ? "" : text;
}

static bool is_device(const struct hub_link *link, const char *device)
{
	return link->is_open && link->close_reason == NULL && strcmp(link->peer.device, device) == 0;
}

/* --- devices --- */

static struct hub_link *link_of(const struct hub *hub, const char *id, const char *device)
{
	struct hub_link *link;

	for (link = hub->links; link != NULL; link = link->next) {
		if (is_device(link, device) && link->session.is_signed_in && strcmp(link->gateway->id, id) == 0) {
			return link;
		}
	}
	return NULL;
}

static bool is_observable(const cJSON *entry)
{
	const cJSON *policy = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(entry, "p"), "bm");

	return cJSON_IsNumber(policy) && policy->valuedouble >= 0 && policy->valuedouble < 256 && (policy->valueint & 2) != 0;
}

static cJSON *resource_of(const cJSON *entry, const struct hub_device *known)
{
	static const char *const copied[] = {"href", "rt", "if", "ins"};
	const char *href = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "href"));
	const cJSON *state = known == NULL || href == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(known->resources, href);
	const cJSON *rep = cJSON_GetObjectItemCaseSensitive(state, "rep");
	cJSON *resource = cJSON_CreateObject();
	size_t at;

	for (at = 0; at < sizeof(copied) / sizeof(copied[0]); at++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(entry, copied[at]);

		if (item != NULL) {
			cJSON_AddItemToObject(resource, copied[at], cJSON_Duplicate(item, 1));
		}
	}
	cJSON_AddBoolToObject(resource, "observable", is_observable(entry));
	if (rep != NULL) {
		cJSON_AddItemToObject(resource, "rep", cJSON_Duplicate(rep, 1));
	}
	return resource;
}

static void add_device(struct hub *hub, const char *id, const char *device, cJSON *list)
{
	cJSON *record = hub_registry_load(hub, id, device);
	const struct hub_device *known = hub_device_find(hub, id, device);
	const struct hub_link *link = link_of(hub, id, device);
	cJSON *entry = cJSON_CreateObject();
	cJSON *resources;
	const cJSON *published;

	cJSON_AddStringToObject(entry, "device", device);
	cJSON_AddBoolToObject(entry, "online", link != NULL);
	cJSON_AddStringToObject(entry, "hub", id);
	if (link != NULL) {
		cJSON_AddStringToObject(entry, "gateway", link->gateway->uri);
		cJSON_AddNumberToObject(entry, "since", floor(link->connected_at));
	}
	resources = cJSON_AddArrayToObject(entry, "resources");
	cJSON_ArrayForEach(published, cJSON_GetObjectItemCaseSensitive(record, HUB_KEY_LINKS))
	{
		cJSON_AddItemToArray(resources, resource_of(published, known));
	}
	cJSON_AddItemToArray(list, entry);
	cJSON_Delete(record);
}

static bool is_first_of_hub(const struct hub *hub, size_t gateway)
{
	size_t at;

	for (at = 0; at < gateway && strcmp(hub->gateways[at]->id, hub->gateways[gateway]->id) != 0; at++) {
	}
	return at == gateway;
}

static cJSON *devices(struct hub *hub)
{
	cJSON *answer = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(answer, "devices");
	size_t at;

	for (at = 0; at < hub->gateway_count; at++) {
		const char *id = hub->gateways[at]->id;
		cJSON *registered = is_first_of_hub(hub, at) ? hub_registry_list(hub, id) : NULL;
		const cJSON *device;

		cJSON_ArrayForEach(device, registered)
		{
			add_device(hub, id, device->valuestring, list);
		}
		cJSON_Delete(registered);
	}
	return answer;
}

static bool is_registered(const struct hub *hub, const char *device)
{
	bool found = false;
	size_t at;

	for (at = 0; at < hub->gateway_count && !found; at++) {
		cJSON *record = hub_registry_load(hub, hub->gateways[at]->id, device);

		found = record != NULL;
		cJSON_Delete(record);
	}
	return found;
}

/* --- commands to a device --- */

static cJSON *answer_of(const struct hub_answer *answer)
{
	cJSON *result = cJSON_CreateObject();
	char code[HUB_CODE_TEXT_SIZE];
	cJSON *rep = NULL;
	char *text = service_format("%.*s", (int)answer->payload_length, answer->payload == NULL ? "" : (const char *)answer->payload);

	cJSON_AddStringToObject(result, "code", hub_code_text(answer->code, code));
	if (answer->payload_length > 0 && answer->content_format == SERVICE_FORMAT_JSON) {
		rep = service_body_parse(answer->payload, answer->payload_length, true);
	} else if (answer->payload_length > 0 &&
	           (answer->content_format == SERVICE_FORMAT_OCF_CBOR || answer->content_format == SERVICE_FORMAT_CBOR)) {
		rep = service_body_parse_bytes(answer->payload, answer->payload_length);
	}
	if (rep != NULL) {
		cJSON_AddItemToObject(result, "rep", rep);
	} else if (answer->payload_length > 0) {
		cJSON_AddStringToObject(result, "text", text);
	}
	free(text);
	return result;
}

static void on_answer(struct hub_link *link, void *context, const char *href, const struct hub_answer *answer)
{
	struct command *command = context;

	command->asked--;
	if (answer != NULL && answer->code == COAP_RESPONSE_CODE(404) && link->session.is_signed_in) {
		hub_observer_unpublish(link, href);
	}
	if (command->done != NULL && (answer != NULL || command->asked == 0)) {
		command->done(command->context, answer == NULL ? error_of("the device does not answer") : answer_of(answer));
		command->done = NULL;
	}
	if (command->asked == 0) {
		free(command);
	}
}

static size_t count_segments(const char *path)
{
	size_t count = 0;

	for (; *path != '\0'; path++) {
		count += *path == '/' ? 1 : 0;
	}
	return count;
}

static size_t count_pieces(const char *query)
{
	size_t count = 0;

	while (*query != '\0') {
		size_t length = strcspn(query, "&");

		count += length > 0 ? 1 : 0;
		query += length + (query[length] == '&' ? 1 : 0);
	}
	return count;
}

static bool has_long_piece(const char *href)
{
	size_t run = 0;

	for (; *href != '\0'; href++) {
		run = strchr("/?&", *href) != NULL ? 0 : run + 1;
		if (run > PIECE_MAX) {
			return true;
		}
	}
	return false;
}

/* "/a/b?c=d": NULL when all its pieces fit into the options of one message, so that the device is asked for nothing else; or why not. */
static const char *split_href(const char *given, char **path, char **query)
{
	size_t length = strcspn(given, "?");
	const char *why = NULL;

	if (given[0] != '/' || strlen(given) > HREF_MAX || has_long_piece(given)) {
		return "no such href can be asked for";
	}
	*path = service_format("%.*s", (int)length, given);
	*query = given[length] == '?' && given[length + 1] != '\0' ? service_strdup(given + length + 1) : NULL;
	if (count_segments(*path) > SERVICE_MAX_SEGMENTS) {
		why = "the path has more segments than the 16 that can be asked for";
	} else if (*query != NULL && count_pieces(*query) > SERVICE_MAX_QUERIES) {
		why = "the query has more pieces than the 16 that can be asked for";
	}
	if (why != NULL) {
		free(*path);
		free(*query);
	}
	return why;
}

static size_t count_links(const struct hub *hub, const char *device)
{
	const struct hub_link *link;
	size_t count = 0;

	for (link = hub->links; link != NULL; link = link->next) {
		count += is_device(link, device) && link->session.is_signed_in ? 1 : 0;
	}
	return count;
}

static cJSON *missing(const struct hub *hub, const char *device)
{
	return error_of(is_registered(hub, device) ? HUB_ERROR_OFFLINE : HUB_ERROR_UNKNOWN);
}

static void command(struct hub *hub, const cJSON *order, const char *device, coap_pdu_code_t method, hub_order_done done, void *context)
{
	const cJSON *body = cJSON_GetObjectItemCaseSensitive(order, "body");
	struct service_body payload = {0};
	struct hub_ask ask = {.method = method, .timeout = hub->service->config.gateway.command_timeout, .answered = on_answer};
	struct command *command;
	struct hub_link *link;
	char *path;
	char *query;
	const char *why = split_href(text_of(order, "href"), &path, &query);

	if (why != NULL) {
		done(context, error_of(why));
		return;
	}
	command = service_alloc(sizeof(*command));
	*command = (struct command){.done = done, .context = context, .asked = count_links(hub, device)};
	if (command->asked == 0) {
		free(command);
		done(context, missing(hub, device));
	} else {
		if (body != NULL) {
			payload = service_body_to_cbor(body);
		}
		ask.href = path;
		ask.query = query;
		ask.payload = payload.bytes;
		ask.payload_length = payload.length;
		ask.context = command;
		for (link = hub->links; link != NULL; link = link->next) {
			if (is_device(link, device) && link->session.is_signed_in) {
				hub_question_ask(link, &ask);
			}
		}
		service_body_free(&payload);
	}
	free(path);
	free(query);
}

/* --- offline, expire --- */

static cJSON *done_of(size_t count)
{
	cJSON *answer = cJSON_CreateObject();

	cJSON_AddNumberToObject(answer, "done", (double)count);
	return answer;
}

static cJSON *offline(struct hub *hub, const char *device)
{
	struct hub_link *link;
	size_t count = 0;

	for (link = hub->links; link != NULL; link = link->next) {
		if (is_device(link, device)) {
			hub_link_close_in(link, 0, "operator");
			count++;
		}
	}
	return count == 0 ? missing(hub, device) : done_of(count);
}

static cJSON *expire(struct hub *hub, const char *device)
{
	struct hub_link *link;
	size_t count = 0;
	int lock = hub_registry_lock(hub);
	size_t at;

	for (at = 0; at < hub->gateway_count; at++) {
		cJSON *record = is_first_of_hub(hub, at) ? hub_registry_load(hub, hub->gateways[at]->id, device) : NULL;

		if (record != NULL) {
			hub_token_expire_access(record, hub_now());
			count += hub_registry_save(hub, hub->gateways[at]->id, device, record) ? 1 : 0;
		}
		cJSON_Delete(record);
	}
	hub_registry_unlock(lock);
	for (link = hub->links; link != NULL; link = link->next) {
		if (is_device(link, device)) {
			link->session.ends = hub_now();
		}
	}
	return count == 0 ? missing(hub, device) : done_of(count);
}

void hub_order_run(struct hub *hub, const cJSON *order, hub_order_done done, void *context)
{
	const char *name = text_of(order, "command");
	char device[SERVICE_UUID_SIZE];

	if (strcmp(name, "devices") == 0) {
		done(context, devices(hub));
	} else if (!service_uuid_parse(text_of(order, "device"), device)) {
		done(context, error_of("a device is named by its UUID"));
	} else if (strcmp(name, "get") == 0) {
		command(hub, order, device, COAP_REQUEST_CODE_GET, done, context);
	} else if (strcmp(name, "post") == 0) {
		command(hub, order, device, COAP_REQUEST_CODE_POST, done, context);
	} else if (strcmp(name, "offline") == 0) {
		done(context, offline(hub, device));
	} else if (strcmp(name, "expire") == 0) {
		done(context, expire(hub, device));
	} else {
		done(context, error_of("no such command"));
	}
}

void hub_order_cancel_all(struct hub *hub)
{
	struct hub_link *link;

	for (link = hub->links; link != NULL; link = link->next) {
		hub_question_drop_all(link);
	}
}
