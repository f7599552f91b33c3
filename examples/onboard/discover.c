/* SPDX-License-Identifier: Apache-2.0 */
/* See discover.h. */
#include "discover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cbor.h"
#include "dps/plgd_conf.h"
#include "dps/types.h"

#define PATIENCE 4u /* how much sooner a single device is given up than all of them: it has no reason to wait */

/* The port of "coaps://host:port": the host is where the answer came from, whatever it says. 0: no such thing. */
static uint16_t secure_port(const char *endpoint)
{
	const char *colon = strrchr(endpoint, ':');
	unsigned long port;
	char *end;

	if (strncmp(endpoint, "coaps://", 8) != 0 || colon == NULL || colon[1] < '0' || colon[1] > '9')
		return 0;
	port = strtoul(colon + 1, &end, 10);
	return *end == '\0' && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static bool has_type(const cbor_item_t *link)
{
	const cbor_item_t *types = onboard_cbor_get(link, "rt");
	char text[ONBOARD_TEXT_SIZE];

	for (size_t i = 0; i < onboard_cbor_count(types); i++)
		if (onboard_cbor_text(onboard_cbor_at(types, i), text) && strcmp(text, DPS_CONF_TYPE) == 0)
			return true;
	return false;
}

static bool read_link(const cbor_item_t *link, const struct plain_address *from, struct discovered *device)
{
	const cbor_item_t *endpoints = onboard_cbor_get(link, "eps");
	char text[ONBOARD_TEXT_SIZE];
	struct dps_uuid id;
	uint16_t port = 0;

	if (!has_type(link))
		return false;
	for (size_t i = 0; i < onboard_cbor_count(endpoints) && port == 0; i++)
		if (onboard_cbor_text(onboard_cbor_get(onboard_cbor_at(endpoints, i), "ep"), text))
			port = secure_port(text);
	if (port == 0)
		return false;
	memset(device, 0, sizeof(*device));
	if (onboard_cbor_text(onboard_cbor_get(link, "di"), text) && dps_uuid_parse(text, strlen(text), &id) == DPS_OK)
		dps_uuid_format(&id, device->device_id);
	device->plain = *from;
	device->secure = *from;
	plain_set_port(&device->secure, port);
	return true;
}

/* True: enough. */
static bool add(struct discovery *discovery, const struct discovered *device)
{
	for (size_t i = 0; i < discovery->count; i++)
		if (plain_same(&discovery->devices[i].secure, &device->secure))
			return false;
	if (discovery->wanted != NULL && strcasecmp(discovery->wanted, device->device_id) != 0)
		return false;
	discovery->devices[discovery->count++] = *device;
	discovery->found = discovery->wanted != NULL;
	return discovery->found || discovery->count == DISCOVER_MAX;
}

static bool on_answer(void *user, const struct plain_answer *answer)
{
	struct discovery *discovery = user;
	struct discovered device;
	cbor_item_t *links;
	bool enough = false;

	discovery->answered = true;
	links = answer->code == 205 ? onboard_cbor_load(answer->payload, answer->payload_len) : NULL;
	if (links == NULL)
		return false;
	for (size_t i = 0; i < onboard_cbor_count(links) && !enough; i++)
		if (read_link(onboard_cbor_at(links, i), &answer->from, &device))
			enough = add(discovery, &device);
	cbor_decref(&links);
	return enough;
}

/* One device that was asked alone: its first answer is the whole of it. */
static bool on_only_answer(void *user, const struct plain_answer *answer)
{
	(void)on_answer(user, answer);
	return true;
}

static const struct plain_request request = {.path = {"oic", "res"}, .query = "rt=" DPS_CONF_TYPE};

void discover_at(const struct plain_address *at, uint32_t timeout_ms, struct discovery *discovery)
{
	const struct plain_where where = {.addresses = at, .count = 1};

	(void)plain_ask(&where, &request, timeout_ms, on_only_answer, discovery, &discovery->sent);
}

bool discover(const struct onboard_options *options, struct discovery *discovery, char *error, size_t size)
{
	const struct plain_where where = {.interfaces = options->interfaces, .interface_count = options->interface_count};

	for (size_t i = 0; i < options->unicast_count; i++) {
		struct plain_address address;

		if (!plain_resolve(options->unicast[i], &address)) {
			snprintf(error, size, "%s: not HOST:PORT, or no such host", options->unicast[i]);
			return false;
		}
		discover_at(&address, options->timeout_ms / PATIENCE + 1, discovery);
		if (discovery->found)
			return true;
	}
	if (options->unicast_count == 0)
		(void)plain_ask(&where, &request, options->timeout_ms, on_answer, discovery, &discovery->sent);
	return true;
}
