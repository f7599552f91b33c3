/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where to go: the list of endpoints with the pins kept beside it, from configuration, from storage, from an answer, and changed at run time. A run begins with
 * the selected one; that others had to do in between changes nothing about it.
 */
#include <string.h>

#include "client/internal.h"
#include "codec/cbor.h"
#include "codec/text.h"

static struct dps_span text_of(const char *text)
{
	return (struct dps_span){(const uint8_t *)text, strlen(text)};
}

dps_result dps_client_check_endpoint(const char *uri)
{
	struct dps_uri parsed;
	struct dps_span text = text_of(uri);

	return text.len <= DPS_CONFIG_URI_LENGTH && dps_uri_parse(text, &parsed) == DPS_OK ? DPS_OK : DPS_E_URI;
}

static size_t find(const struct dps_client *client, struct dps_span uri)
{
	size_t i = 0;

	while (i < client->endpoint_count && !dps_span_is(uri, client->endpoints[i].uri))
		i++;
	return i;
}

/* Texts of fitting length. */
static void fill(struct dps_client_endpoint *endpoint, struct dps_span uri, struct dps_span name)
{
	memset(endpoint, 0, sizeof(*endpoint));
	memcpy(endpoint->uri, uri.data, uri.len);
	if (name.len > 0)
		memcpy(endpoint->name, name.data, name.len);
}

dps_result dps_client_add_named_endpoint(struct dps_client *client, const char *uri, const char *name)
{
	struct dps_span label = text_of(name != NULL ? name : "");

	if (dps_client_check_endpoint(uri) != DPS_OK)
		return DPS_E_URI;
	if (label.len > DPS_CONFIG_NAME_LENGTH)
		return DPS_E_ARGUMENT;
	if (find(client, text_of(uri)) < client->endpoint_count)
		return DPS_OK;
	if (client->endpoint_count == DPS_CONFIG_ENDPOINTS)
		return DPS_E_BUFFER;
	fill(&client->endpoints[client->endpoint_count++], text_of(uri), label);
	client->endpoints_changed = true;
	return client->loaded ? dps_client_write_endpoints(client) : DPS_OK;
}

dps_result dps_client_add_endpoint(struct dps_client *client, const char *uri)
{
	return dps_client_add_named_endpoint(client, uri, NULL);
}

dps_result dps_client_remove_endpoint(struct dps_client *client, const char *uri)
{
	size_t index = find(client, text_of(uri));
	uint8_t *const indices[] = {&client->selected, &client->endpoint};

	if (client->in_callback)
		return DPS_E_STATE;
	if (index == client->endpoint_count)
		return DPS_E_NOT_FOUND;
	client->foreign |= index == client->endpoint;
	client->endpoint_count--;
	memmove(&client->endpoints[index], &client->endpoints[index + 1], (client->endpoint_count - index) * sizeof(client->endpoints[0]));
	for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		if (*indices[i] > index)
			(*indices[i])--;
		else if (*indices[i] == client->endpoint_count)
			*indices[i] = 0; /* the last one was taken away */
	}
	client->endpoints_changed = true;
	return client->loaded ? dps_client_write_endpoints(client) : DPS_OK;
}

dps_result dps_client_select_endpoint(struct dps_client *client, const char *uri)
{
	size_t index = find(client, text_of(uri));

	if (client->in_callback)
		return DPS_E_STATE;
	if (index == client->endpoint_count)
		return DPS_E_NOT_FOUND;
	client->selection_given = true;
	if (client->selected == index)
		return DPS_OK;
	client->selected = (uint8_t)index;
	client->endpoints_changed = true;
	return client->loaded ? dps_client_write_endpoints(client) : DPS_OK;
}

dps_result dps_client_get_endpoint(const struct dps_client *client, size_t index, struct dps_endpoint *out)
{
	if (index >= client->endpoint_count)
		return DPS_E_NOT_FOUND;
	*out = (struct dps_endpoint){client->endpoints[index].uri, client->endpoints[index].name, index == client->selected};
	return DPS_OK;
}

/* --- stored ------------------------------------------------------------------------------------------------------------------------ */

/* Configured pins hold; without any, those kept with the endpoints. */
static void put_pins_in_force(struct dps_client *client)
{
	client->trust = client->config.trust;
	if (client->config.trust.pin_count > 0)
		return;
	client->trust.pins = client->pins;
	client->trust.pin_count = client->pin_count;
}

dps_result dps_client_get_pin(const struct dps_client *client, size_t index, struct dps_pin *out)
{
	if (index >= client->trust.pin_count)
		return DPS_E_NOT_FOUND;
	*out = client->trust.pins[index];
	return DPS_OK;
}

static void take_pins(struct dps_client *client, const struct dps_pin *pins, size_t count)
{
	memset(client->pins, 0, sizeof(client->pins));
	if (count > 0)
		memcpy(client->pins, pins, count * sizeof(pins[0]));
	client->pin_count = (uint8_t)count;
	put_pins_in_force(client);
}

static void take_stored(struct dps_client *client, const struct dps_stored_endpoints *stored)
{
	for (size_t i = 0; i < stored->count; i++) {
		const struct dps_stored_endpoint *from = &stored->list[i];
		struct dps_uri uri;

		if (dps_uri_parse(from->uri, &uri) != DPS_OK)
			continue;
		if (i == stored->selected)
			client->selected = client->endpoint_count;
		fill(&client->endpoints[client->endpoint_count], from->uri, from->name);
		client->endpoints[client->endpoint_count++].no_resources = from->no_resources;
	}
	client->endpoints_changed = client->endpoint_count != stored->count;
}

static bool is_same_host(struct dps_span a, struct dps_span b)
{
	struct dps_uri first, second;

	return dps_uri_parse(a, &first) == DPS_OK && dps_uri_parse(b, &second) == DPS_OK && strcmp(first.host, second.host) == 0;
}

/*
 * What is stored of those given is kept: names, and what they are known not to have. True: at least one is of a host that is stored; a service that only
 * changed its port is the same service.
 */
static bool compare_with_stored(struct dps_client *client, const struct dps_stored_endpoints *stored)
{
	bool common = false;

	client->endpoints_changed = stored->count != client->endpoint_count;
	for (size_t i = 0; i < client->endpoint_count; i++) {
		struct dps_client_endpoint *endpoint = &client->endpoints[i];

		if (i >= stored->count || !dps_span_is(stored->list[i].uri, endpoint->uri))
			client->endpoints_changed = true;
		for (size_t k = 0; k < stored->count; k++) {
			common |= is_same_host(stored->list[k].uri, text_of(endpoint->uri));
			if (!dps_span_is(stored->list[k].uri, endpoint->uri))
				continue;
			endpoint->no_resources = stored->list[k].no_resources;
			if (endpoint->name[0] == '\0' && stored->list[k].name.len > 0)
				memcpy(endpoint->name, stored->list[k].name.data, stored->list[k].name.len);
			if (k == stored->selected && !client->selection_given)
				client->selected = (uint8_t)i;
		}
	}
	return common;
}

dps_result dps_client_load_endpoints(struct dps_client *client, bool *known)
{
	struct dps_stored_endpoints stored = {.count = 0};
	dps_result result = dps_store_read_endpoints(&client->store, client->body, sizeof(client->body), &stored);

	*known = true;
	client->pending = false;
	put_pins_in_force(client);
	if (result == DPS_E_STORAGE_CORRUPT || result == DPS_E_BUFFER) {
		stored.count = 0;
		stored.pin_count = 0;
		result = DPS_OK;
	}
	if (result != DPS_OK)
		return result;
	if (client->endpoint_count == 0)
		take_stored(client, &stored);
	else
		*known = compare_with_stored(client, &stored) || stored.count == 0;
	/* Pins belong to the endpoints that they came with. */
	if (!*known)
		return DPS_OK;
	take_pins(client, stored.pins, stored.pin_count);
	client->pending = stored.pending;
	return DPS_OK;
}

dps_result dps_client_write_endpoints(struct dps_client *client)
{
	struct dps_stored_endpoints stored = {
		.count = client->endpoint_count,
		.selected = client->selected,
		.pin_count = client->pin_count,
		.pending = client->pending,
	};
	dps_result result = dps_client_end_reset(client);

	if (result != DPS_OK)
		return result;
	for (size_t i = 0; i < client->endpoint_count; i++) {
		const struct dps_client_endpoint *endpoint = &client->endpoints[i];

		stored.list[i] = (struct dps_stored_endpoint){
			.uri = text_of(endpoint->uri), .name = text_of(endpoint->name), .no_resources = endpoint->no_resources};
	}
	memcpy(stored.pins, client->pins, sizeof(stored.pins));
	result = dps_store_write_endpoints(&client->store, &stored);
	client->endpoints_changed = result != DPS_OK;
	return result;
}

/* --- from elsewhere ---------------------------------------------------------------------------------------------------------------- */

static bool has_pins(const struct dps_client *client, const struct dps_pin *pins, size_t count)
{
	if (client->pin_count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (client->pins[i].kind != pins[i].kind || memcmp(client->pins[i].digest, pins[i].digest, sizeof(pins[i].digest)) != 0)
			return false;
	return true;
}

static dps_result check_list(const struct dps_endpoint *list, size_t count)
{
	if (count > DPS_CONFIG_ENDPOINTS)
		return DPS_E_BUFFER;
	for (size_t i = 0; i < count; i++) {
		if (dps_client_check_endpoint(list[i].uri) != DPS_OK)
			return DPS_E_URI;
		if (text_of(list[i].name).len > DPS_CONFIG_NAME_LENGTH)
			return DPS_E_ARGUMENT;
		for (size_t k = 0; k < i; k++)
			if (strcmp(list[i].uri, list[k].uri) == 0)
				return DPS_E_ARGUMENT;
	}
	return count > 0 ? DPS_OK : DPS_E_ARGUMENT;
}

struct replacement {
	struct dps_client_endpoint list[DPS_CONFIG_ENDPOINTS]; /* copies: what is given may point into the present list */
	size_t count;
	const struct dps_pin *pins;
	size_t pin_count;
};

/* One write; on failure what was there before stays. A provisioned device that is sent elsewhere remembers that until it has provisioned there. */
static dps_result replace(struct dps_client *client, const struct replacement *with, bool pending)
{
	struct dps_stored_endpoints stored = {.count = with->count, .pin_count = with->pin_count, .pending = pending};
	dps_result result = dps_client_end_reset(client);

	if (result != DPS_OK)
		return result;
	for (size_t i = 0; i < with->count; i++)
		stored.list[i] = (struct dps_stored_endpoint){.uri = text_of(with->list[i].uri), .name = text_of(with->list[i].name)};
	if (with->pin_count > 0)
		memcpy(stored.pins, with->pins, with->pin_count * sizeof(stored.pins[0]));
	result = dps_store_write_endpoints(&client->store, &stored);
	if (result != DPS_OK)
		return result;
	memcpy(client->endpoints, with->list, sizeof(client->endpoints));
	client->endpoint_count = (uint8_t)with->count;
	client->selected = 0;
	client->endpoint = 0;
	client->foreign = true;
	client->pending = pending;
	client->endpoints_changed = false;
	take_pins(client, stored.pins, stored.pin_count);
	return DPS_OK;
}

dps_result dps_client_replace_endpoints(struct dps_client *client, const struct dps_endpoint *list, size_t count)
{
	struct replacement with = {.count = count, .pin_count = client->pin_count};
	struct dps_pin pins[DPS_CONFIG_PINS];
	dps_result result = check_list(list, count);

	if (result != DPS_OK)
		return result;
	if (client->in_callback || !client->loaded)
		return DPS_E_STATE;
	memcpy(pins, client->pins, sizeof(pins));
	with.pins = pins;
	for (size_t i = 0; i < count; i++)
		fill(&with.list[i], text_of(list[i].uri), text_of(list[i].name));
	return replace(client, &with, count > 0 && dps_client_is_provisioned(client));
}

/* A renewal is left for what it is told; it begins again at once, there. */
static void leave_renewal(struct dps_client *client)
{
	if (!client->renewing)
		return;
	dps_client_close(client);
	client->renewing = false;
	client->failing = false;
	client->renew_at_ms = dps_client_best_wall_ms(client);
	client->wake = dps_client_now(client);
	dps_client_enter(client, DPS_WHY_RECONFIGURED);
}

dps_result dps_client_configure(struct dps_client *client, const char *uri, const struct dps_pin *pins, size_t count,
                                enum dps_configured *out)
{
	struct replacement with = {.count = 1, .pins = pins, .pin_count = count};
	bool provisioned = false;
	bool same;
	dps_result result;

	if (dps_client_check_endpoint(uri) != DPS_OK)
		return DPS_E_URI;
	if (count > DPS_CONFIG_PINS)
		return DPS_E_ARGUMENT;
	if (client->state != DPS_STATE_IDLE && client->state != DPS_STATE_PROVISIONED && !client->renewing)
		return DPS_E_STATE;
	result = dps_client_load(client, &provisioned);
	if (result != DPS_OK)
		return result;
	same = client->endpoint_count > 0 && strcmp(client->endpoints[client->selected].uri, uri) == 0;
	if (same && client->endpoint_count == 1 && has_pins(client, pins, count)) {
		*out = client->pending ? DPS_CONFIGURED_REPROVISION : DPS_CONFIGURED_SAME;
		return DPS_OK;
	}
	fill(&with.list[0], text_of(uri), (struct dps_span){NULL, 0});
	result = replace(client, &with, provisioned && (!same || client->pending));
	if (result != DPS_OK)
		return result;
	leave_renewal(client);
	*out = same && provisioned && !client->pending ? DPS_CONFIGURED_UPDATED : DPS_CONFIGURED_REPROVISION;
	return DPS_OK;
}

bool dps_client_redirect(struct dps_client *client, struct dps_span to)
{
	struct dps_uri uri;
	size_t index = find(client, to);

	if (dps_uri_parse(to, &uri) != DPS_OK)
		return false;
	/* It inherits the name of where it was heard of, which stays behind it, to come back to; without room for both it goes. */
	if (index == client->endpoint_count) {
		struct dps_client_endpoint from = client->endpoints[client->endpoint];

		if (client->endpoint_count < DPS_CONFIG_ENDPOINTS)
			client->endpoint_count++;
		else
			index = client->endpoint;
		fill(&client->endpoints[index], to, text_of(from.name));
	}
	client->selected = (uint8_t)index;
	client->endpoint = (uint8_t)index;
	client->endpoints_changed = true;
	return true;
}
