/* SPDX-License-Identifier: Apache-2.0 */
/* The resource directory: what a device publishes and takes back. */
#include "hub_operation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "hub_observer.h"
#include "hub_registry.h"
#include "text.h"

#define MAX_LINKS    1024
#define MAX_INS      64
#define HREF_MAX     512u
#define CRC32_MIRROR 0xedb88320u

/* The number of a link is the CRC-32 of its href: the same every time, as the real gateway has it. */
static uint32_t number_of(const char *href)
{
	uint32_t crc = UINT32_MAX;
	int bit;

	for (; *href != '\0'; href++) {
		crc ^= (uint8_t)*href;
		for (bit = 0; bit < 8; bit++) {
			crc = (crc >> 1) ^ ((crc & 1u) != 0 ? CRC32_MIRROR : 0);
		}
	}
	return ~crc;
}

static const char *href_of(const cJSON *entry)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "href"));
}

static bool is_href(const char *href)
{
	return href != NULL && href[0] == '/' && strlen(href) <= HREF_MAX;
}

static void copy_item(cJSON *to, const cJSON *from, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, name);

	if (item != NULL) {
		cJSON_AddItemToObject(to, name, cJSON_Duplicate(item, 1));
	}
}

/* {href, rt, if, p, di, ins}: what the hub says of a link, in its order. */
static cJSON *published_link(const struct hub_link *link, const cJSON *entry)
{
	cJSON *published = cJSON_CreateObject();

	copy_item(published, entry, "href");
	copy_item(published, entry, "rt");
	copy_item(published, entry, "if");
	copy_item(published, entry, "p");
	cJSON_AddStringToObject(published, "di", link->peer.device);
	cJSON_AddNumberToObject(published, "ins", number_of(href_of(entry)));
	return published;
}

static void replace_link(cJSON *links, const cJSON *published)
{
	cJSON *entry;
	int at = 0;

	cJSON_ArrayForEach(entry, links)
	{
		if (href_of(entry) != NULL && strcmp(href_of(entry), href_of(published)) == 0) {
			cJSON_ReplaceItemInArray(links, at, cJSON_Duplicate(published, 1));
			return;
		}
		at++;
	}
	cJSON_AddItemToArray(links, cJSON_Duplicate(published, 1));
}

static void print_hrefs(const struct hub_link *link, const char *name, const cJSON *links)
{
	cJSON *event = service_event_new(name);
	cJSON *hrefs;
	const cJSON *entry;

	cJSON_AddStringToObject(event, "device", link->peer.device);
	hrefs = cJSON_AddArrayToObject(event, "hrefs");
	cJSON_ArrayForEach(entry, links)
	{
		cJSON_AddItemToArray(hrefs, cJSON_CreateString(href_of(entry)));
	}
	service_event_print(event);
}

/* NULL, or what is wrong with a publish. */
static const char *fault_of(const struct hub_link *link, const cJSON *body)
{
	const char *device = service_body_text(body, "di");
	const cJSON *links = cJSON_GetObjectItemCaseSensitive(body, "links");
	const cJSON *lives[] = {cJSON_GetObjectItemCaseSensitive(body, "ttl"), cJSON_GetObjectItemCaseSensitive(body, "lt")};
	const cJSON *life = lives[0] != NULL ? lives[0] : lives[1];
	char id[SERVICE_UUID_SIZE];
	const cJSON *entry;

	if (device == NULL || !service_uuid_parse(device, id) || strcmp(id, link->peer.device) != 0) {
		return "invalid device id";
	}
	if (!cJSON_IsNumber(life) || life->valuedouble < 0 || life->valuedouble > INT32_MAX) {
		return "invalid time to live";
	}
	if (!cJSON_IsArray(links) || cJSON_GetArraySize(links) == 0 || cJSON_GetArraySize(links) > MAX_LINKS) {
		return "invalid links";
	}
	cJSON_ArrayForEach(entry, links)
	{
		if (!is_href(href_of(entry))) {
			return "invalid href";
		}
	}
	return NULL;
}

/* True when the links are on disk. */
static bool save_links(const struct hub_link *link, const cJSON *published)
{
	int lock = hub_registry_lock(link->hub);
	cJSON *record = hub_registry_load(link->hub, link->gateway->id, link->peer.device);
	cJSON *links = cJSON_GetObjectItemCaseSensitive(record, HUB_KEY_LINKS);
	const cJSON *entry;
	bool saved;

	cJSON_ArrayForEach(entry, published)
	{
		replace_link(links, entry);
	}
	saved = cJSON_IsArray(links) && cJSON_GetArraySize(links) <= MAX_LINKS &&
	        hub_registry_save(link->hub, link->gateway->id, link->peer.device, record);
	hub_registry_unlock(lock);
	cJSON_Delete(record);
	return saved;
}

void hub_directory_publish(struct hub_link *link, struct service_request *request)
{
	cJSON *body = hub_operation_parse(link, request);
	const char *wrong;
	const cJSON *life;
	const cJSON *entry;
	cJSON *published;
	cJSON *tree;

	if (body == NULL) {
		return;
	}
	wrong = fault_of(link, body);
	if (wrong != NULL) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "%s", wrong);
		cJSON_Delete(body);
		return;
	}
	tree = cJSON_CreateObject();
	cJSON_AddStringToObject(tree, "di", link->peer.device);
	published = cJSON_AddArrayToObject(tree, "links");
	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(body, "links"))
	{
		cJSON_AddItemToArray(published, published_link(link, entry));
	}
	life = cJSON_GetObjectItemCaseSensitive(body, "ttl");
	life = life == NULL ? cJSON_GetObjectItemCaseSensitive(body, "lt") : life;
	cJSON_AddNumberToObject(tree, "ttl", life->valuedouble);
	cJSON_AddNumberToObject(tree, "lt", life->valuedouble);
	cJSON_Delete(body);
	if (!save_links(link, published)) {
		cJSON_Delete(tree);
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(503), "cannot save the links");
		return;
	}
	print_hrefs(link, "published", published);
	hub_operation_answer(link, request, COAP_RESPONSE_CODE(204), tree);
	hub_observer_published(link);
}

/* --- unpublish --- */

struct wanted {
	uint32_t numbers[MAX_INS];
	size_t count;
};

/* False when a number is none, or there are too many. */
static bool read_numbers(const char *query, struct wanted *wanted)
{
	size_t at = 0;
	char *text;
	bool good = true;

	wanted->count = 0;
	while (good && hub_query_next(query, "ins", &at, &text)) {
		long number = 0;

		good = wanted->count < MAX_INS && service_parse_number(text, 0, UINT32_MAX, &number);
		if (good) {
			wanted->numbers[wanted->count++] = (uint32_t)number;
		}
		free(text);
	}
	return good;
}

static bool is_wanted(const struct wanted *wanted, const char *href)
{
	size_t at;

	for (at = 0; at < wanted->count && wanted->numbers[at] != number_of(href); at++) {
	}
	return wanted->count == 0 || at < wanted->count;
}

static bool is_own(const struct hub_link *link, const char *query)
{
	size_t at = 0;
	char *device = NULL;
	char id[SERVICE_UUID_SIZE];
	bool own = hub_query_next(query, "di", &at, &device) && service_uuid_parse(device, id) && strcmp(id, link->peer.device) == 0;

	free(device);
	return own;
}

/* As the real gateway writes a list of queries. */
static char *with_spaces(const char *query)
{
	char *text = service_strdup(query);
	char *at;

	for (at = text; *at != '\0'; at++) {
		*at = *at == '&' ? ' ' : *at;
	}
	return text;
}

void hub_directory_unpublish(struct hub_link *link, struct service_request *request)
{
	cJSON *record = hub_registry_load(link->hub, link->gateway->id, link->peer.device);
	const cJSON *links = cJSON_GetObjectItemCaseSensitive(record, HUB_KEY_LINKS);
	struct wanted wanted;
	const cJSON *entry;
	size_t count = 0;

	if (!is_own(link, request->query) || !read_numbers(request->query, &wanted)) {
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "invalid query: %.255s", request->query);
		cJSON_Delete(record);
		return;
	}
	cJSON_ArrayForEach(entry, links)
	{
		if (href_of(entry) != NULL && is_wanted(&wanted, href_of(entry))) {
			hub_observer_unpublish(link, href_of(entry));
			count++;
		}
	}
	cJSON_Delete(record);
	if (count == 0) {
		char *query = with_spaces(request->query);

		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400),
		                     "cannot find observed resources using query [%.255s] which shall be unpublished", query);
		free(query);
		return;
	}
	hub_operation_answer(link, request, COAP_RESPONSE_CODE(202), NULL);
}

/* How much there is to choose between: the selection weight of OCF's resource directory. */
void hub_directory_read(struct hub_link *link, struct service_request *request)
{
	cJSON *tree = cJSON_CreateObject();

	cJSON_AddNumberToObject(tree, "sel", 0);
	hub_operation_answer(link, request, COAP_RESPONSE_CODE(205), tree);
}
