/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway asks a device that has signed in. */
#include "hub_observer.h"

#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "hub_device.h"
#include "hub_question.h"
#include "hub_registry.h"
#include "hub_token.h"
#include "steps.h"
#include "text.h"

#define RESOURCES      "/oic/res"
#define QUERY_ENDPOINT "if=oic.if.ll&rt=oic.wk.d"
#define QUERY_LINKS    "if=oic.if.ll"
#define QUERY_BATCH    "if=oic.if.b"
#define IF_BATCH       "oic.if.b"
#define OBSERVABLE     2 /* of p.bm */
#define QUERY_MAX      255u

struct wait {
	struct service_request *request;
	hub_observer_done done;
	size_t left;
	bool is_lost;
};

static bool is_cbor(int format)
{
	return format == SERVICE_FORMAT_OCF_CBOR || format == SERVICE_FORMAT_CBOR;
}

static const struct hub_settings *settings_of(const struct hub_link *link)
{
	return &link->hub->service->config.gateway;
}

static bool is_observable(const cJSON *entry)
{
	const cJSON *policy = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(entry, "p"), "bm");

	return cJSON_IsNumber(policy) && policy->valuedouble >= 0 && policy->valuedouble < 256 && (policy->valueint & OBSERVABLE) != 0;
}

static bool has_interface(const cJSON *entry, const char *wanted)
{
	const cJSON *interface;

	cJSON_ArrayForEach(interface, cJSON_GetObjectItemCaseSensitive(entry, "if"))
	{
		if (cJSON_IsString(interface) && strcmp(interface->valuestring, wanted) == 0) {
			return true;
		}
	}
	return false;
}

static const char *href_of(const cJSON *entry)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "href"));
}

static bool names(const cJSON *list, const char *href)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, list)
	{
		if (href_of(entry) != NULL && strcmp(href_of(entry), href) == 0) {
			return true;
		}
	}
	return false;
}

/* --- representations --- */

static void store(struct hub_link *link, const char *href, const cJSON *rep, const char *etag)
{
	struct hub_device *device = hub_device_get(link->hub, link->gateway->id, link->peer.device);
	cJSON *event;

	if (!hub_device_set(device, href, rep, etag)) {
		return;
	}
	event = service_event_new("notification");
	cJSON_AddStringToObject(event, "device", link->peer.device);
	cJSON_AddStringToObject(event, "href", href);
	cJSON_AddItemToObject(event, "rep", cJSON_Duplicate(rep, 1));
	service_event_print(event);
}

static void on_resource(struct hub_link *link, void *context, const char *href, const struct hub_answer *answer)
{
	cJSON *rep;

	(void)context;
	if (answer == NULL || answer->code != COAP_RESPONSE_CODE(205) || !is_cbor(answer->content_format)) {
		return;
	}
	rep = service_body_parse_bytes(answer->payload, answer->payload_length);
	if (rep != NULL) {
		store(link, href, rep, NULL);
		cJSON_Delete(rep);
	}
}

/* One question for each published link that is not asked for yet: an observation where it can be had. What cannot be observed is asked for again
 * unless only new links are meant. */
static void observe_each(struct hub_link *link, bool only_new)
{
	const struct hub_device *device = hub_device_find(link->hub, link->gateway->id, link->peer.device);
	cJSON *record = hub_registry_load(link->hub, link->gateway->id, link->peer.device);
	const cJSON *entry;

	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(record, HUB_KEY_LINKS))
	{
		struct hub_ask ask = {
			.method = COAP_REQUEST_CODE_GET, .href = href_of(entry), .observes = is_observable(entry), .answered = on_resource};

		bool is_known = only_new && !ask.observes && device != NULL && ask.href != NULL &&
		                cJSON_GetObjectItemCaseSensitive(device->resources, ask.href) != NULL;

		if (ask.href != NULL && !is_known && !hub_question_observes(link, ask.href)) {
			hub_question_ask(link, &ask);
		}
	}
	cJSON_Delete(record);
}

/* That of the whole: the answer's, else the one of the resource that changed last. */
static void keep_etag(struct hub_device *device, const struct hub_answer *answer)
{
	const cJSON *last = device->resources->child == NULL ? NULL : device->resources->child->prev;
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(last, "etag"));
	size_t length = 0;
	uint8_t *bytes = text == NULL ? NULL : hub_base64url_decode(text, strlen(text), &length);

	device->etag_length = 0;
	if (answer->etag_length > 0) {
		device->etag_length = answer->etag_length;
		memcpy(device->etag, answer->etag, answer->etag_length);
	} else if (bytes != NULL && length <= sizeof(device->etag)) {
		device->etag_length = length;
		memcpy(device->etag, bytes, length);
	}
	free(bytes);
}

/* NULL, or what is wrong with a batch. */
static const char *take_batch(struct hub_link *link, const struct hub_answer *answer)
{
	cJSON *batch = is_cbor(answer->content_format) ? service_body_parse_bytes(answer->payload, answer->payload_length) : NULL;
	struct hub_device *device = hub_device_get(link->hub, link->gateway->id, link->peer.device);
	const cJSON *entry;

	if (!cJSON_IsArray(batch)) {
		cJSON_Delete(batch);
		return "the batch is none";
	}
	cJSON_ArrayForEach(entry, batch)
	{
		const cJSON *rep = cJSON_GetObjectItemCaseSensitive(entry, "rep");

		if (href_of(entry) != NULL && rep != NULL) {
			store(link, href_of(entry), rep, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "etag")));
		}
	}
	keep_etag(device, answer);
	cJSON_Delete(batch);
	return NULL;
}

static void on_batch(struct hub_link *link, void *context, const char *href, const struct hub_answer *answer)
{
	const char *wrong = NULL;

	(void)context;
	(void)href;
	if (answer == NULL) {
		link->session.has_batch = false;
		return;
	}
	if (answer->observe == SERVICE_ABSENT) {
		wrong = "the observation ended";
	} else if (answer->code == COAP_RESPONSE_CODE(203) && settings_of(link)->uses_etags) {
		return;
	} else if (answer->code != COAP_RESPONSE_CODE(205)) {
		wrong = "the observation failed";
	} else {
		wrong = take_batch(link, answer);
	}
	if (wrong != NULL && link->session.is_signed_in) {
		hub_link_close_in(link, 0, wrong);
	}
}

/* The ETags of single resources, the latest change first, as far as a Uri-Query holds them. */
static char *changes_query(const struct hub_device *device)
{
	char *latest = service_base64url(device->etag, device->etag_length);
	char *list = service_strdup("incChanges=");
	const cJSON *entry = device->resources->child == NULL ? NULL : device->resources->child->prev;
	int count = cJSON_GetArraySize(device->resources);
	char *query;

	for (; count > 0; count--, entry = entry->prev) {
		const char *etag = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "etag"));

		if (etag != NULL && strcmp(etag, latest) != 0 && strlen(list) + strlen(etag) < QUERY_MAX) {
			char *longer = service_format("%s%s%s", list, list[strlen(list) - 1] == '=' ? "" : ",", etag);

			free(list);
			list = longer;
		}
	}
	query = list[strlen(list) - 1] == '=' ? service_strdup(QUERY_BATCH) : service_format("%s&%s", QUERY_BATCH, list);
	free(latest);
	free(list);
	return query;
}

static void observe_batch(struct hub_link *link)
{
	const struct hub_device *device = hub_device_find(link->hub, link->gateway->id, link->peer.device);
	struct hub_ask ask = {.method = COAP_REQUEST_CODE_GET, .href = RESOURCES, .query = QUERY_BATCH, .observes = true, .answered = on_batch};
	char *query = NULL;

	if (settings_of(link)->uses_etags && device != NULL && device->etag_length > 0) {
		query = changes_query(device);
		ask.query = query;
		ask.etag = device->etag;
		ask.etag_length = device->etag_length;
	}
	link->session.has_batch = true;
	hub_question_ask(link, &ask);
	free(query);
}

/* --- the list of links --- */

static void print_unpublished(const struct hub_link *link, cJSON *hrefs)
{
	cJSON *event;

	if (cJSON_GetArraySize(hrefs) == 0) {
		cJSON_Delete(hrefs);
		return;
	}
	event = service_event_new("unpublished");
	cJSON_AddStringToObject(event, "device", link->peer.device);
	cJSON_AddItemToObject(event, "hrefs", hrefs);
	service_event_print(event);
}

/* Takes links out of the record: those of one href, or those that the device's own list lacks. */
static void unpublish(struct hub_link *link, const char *href, const cJSON *listed)
{
	struct hub_device *device = hub_device_find(link->hub, link->gateway->id, link->peer.device);
	int lock = hub_registry_lock(link->hub);
	cJSON *record = hub_registry_load(link->hub, link->gateway->id, link->peer.device);
	cJSON *links = cJSON_GetObjectItemCaseSensitive(record, HUB_KEY_LINKS);
	cJSON *gone = cJSON_CreateArray();
	cJSON *entry = links == NULL ? NULL : links->child;

	while (entry != NULL) {
		cJSON *next = entry->next;
		const char *own = href_of(entry);

		if (own == NULL || (href != NULL ? strcmp(own, href) == 0 : !names(listed, own))) {
			cJSON_AddItemToArray(gone, cJSON_CreateString(own == NULL ? "" : own));
			if (device != NULL && own != NULL) {
				hub_device_unset(device, own);
			}
			cJSON_Delete(cJSON_DetachItemViaPointer(links, entry));
		}
		entry = next;
	}
	if (cJSON_GetArraySize(gone) > 0) {
		hub_registry_save(link->hub, link->gateway->id, link->peer.device, record);
	}
	hub_registry_unlock(lock);
	cJSON_Delete(record);
	print_unpublished(link, gone);
}

void hub_observer_unpublish(struct hub_link *link, const char *href)
{
	unpublish(link, href, NULL);
}

/* Whether the list speaks against observing the batch: it names /oic/res without the interface or as not observable. */
static bool forbids_batch(const cJSON *list)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, list)
	{
		if (href_of(entry) != NULL && strcmp(href_of(entry), RESOURCES) == 0 &&
		    (!has_interface(entry, IF_BATCH) || !is_observable(entry))) {
			return true;
		}
	}
	return false;
}

static void on_links(struct hub_link *link, void *context, const char *href, const struct hub_answer *answer)
{
	bool has_list = answer != NULL && answer->code == COAP_RESPONSE_CODE(205) && is_cbor(answer->content_format);
	cJSON *list = has_list ? service_body_parse_bytes(answer->payload, answer->payload_length) : NULL;
	bool forbids;

	(void)context;
	(void)href;
	if (answer == NULL || !link->session.is_signed_in) {
		cJSON_Delete(list);
		return;
	}
	if (cJSON_IsArray(list)) {
		unpublish(link, NULL, list);
	}
	forbids = forbids_batch(list);
	cJSON_Delete(list);
	if (!settings_of(link)->requires_batch) {
		observe_each(link, false);
	} else if (forbids) {
		hub_link_close_in(link, 0, "no batch observation");
	} else if (!hub_question_observes(link, RESOURCES)) {
		observe_batch(link);
	}
}

/* --- what others call --- */

static void on_endpoint(struct hub_link *link, void *context, const char *href, const struct hub_answer *answer)
{
	struct wait *wait = context;

	(void)href;
	wait->done(link, wait->request, answer != NULL);
	free(wait);
}

void hub_observer_greet(struct hub_link *link, struct service_request *request, hub_observer_done done)
{
	struct wait *wait = service_alloc(sizeof(*wait));
	struct hub_ask ask = {
		.method = COAP_REQUEST_CODE_GET, .href = RESOURCES, .query = QUERY_ENDPOINT, .answered = on_endpoint, .context = wait};

	wait->request = request;
	wait->done = done;
	hub_question_ask(link, &ask);
}

void hub_observer_start(struct hub_link *link)
{
	const struct hub_ask ask = {.method = COAP_REQUEST_CODE_GET, .href = RESOURCES, .query = QUERY_LINKS, .answered = on_links};

	hub_question_ask(link, &ask);
}

static void on_stopped(struct hub_link *link, void *context, const char *href, const struct hub_answer *answer)
{
	struct wait *wait = context;

	(void)href;
	wait->is_lost = wait->is_lost || answer == NULL;
	wait->left--;
	if (wait->left == 0) {
		wait->done(link, wait->request, !wait->is_lost);
		free(wait);
	}
}

void hub_observer_stop(struct hub_link *link, struct service_request *request, hub_observer_done done)
{
	struct wait *wait = service_alloc(sizeof(*wait));

	wait->request = request;
	wait->done = done;
	wait->left = hub_question_stop_observing(link, on_stopped, wait);
	link->session.has_batch = false;
	if (wait->left == 0) {
		free(wait);
		done(link, request, true);
	}
}

void hub_observer_published(struct hub_link *link)
{
	if (!settings_of(link)->requires_batch) {
		observe_each(link, true);
	}
}
