/* SPDX-License-Identifier: Apache-2.0 */
/* See device_onboarding.h. */
#include "device_onboarding.h"

#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "exit_status.h"

static bool is_owned(struct device *device)
{
	struct dps_owner owner;

	return dps_client_read_owner(&device->client, device->scratch, sizeof(device->scratch), &owner) == DPS_OK;
}

static void view(void *user, struct onboarding_view *view)
{
	struct device *device = user;

	conf_fill(&view->conf, &device->client);
	/* The id that is kept, else the one that it is to have, else none before the first start. */
	if (dps_client_device_id(&device->client, &view->device_id) != DPS_OK)
		view->device_id = device->options->device_id;
}

/* --- commands --- */

struct endpoint_texts {
	char uri[DPS_CONFIG_URI_LENGTH + 1];
	char name[DPS_CONFIG_NAME_LENGTH + 1];
};

static void copy_text(char *text, size_t size, struct dps_span span)
{
	size_t len = span.len < size ? span.len : size - 1;

	if (len > 0)
		memcpy(text, span.data, len);
	text[len] = '\0';
}

/* Those that are known from before go; what configure() found to be in force already may have others beside it. */
static dps_result remove_others(struct dps_client *client, const char *uri)
{
	struct dps_endpoint other;
	dps_result result = DPS_OK;
	size_t index = 0;

	while (result == DPS_OK && dps_client_get_endpoint(client, index, &other) == DPS_OK) {
		if (strcmp(other.uri, uri) == 0) {
			index++;
			continue;
		}
		result = dps_client_remove_endpoint(client, other.uri);
	}
	return result;
}

/* Each write is durable: cut off in the midst, the device has the selected endpoint, or none and waits again. */
static dps_result replace(struct device *device, const struct dps_conf_command *command)
{
	struct endpoint_texts texts[DPS_CONFIG_ENDPOINTS];
	struct dps_client *client = &device->client;
	enum dps_configured ignored;
	dps_result result;

	for (size_t i = 0; i < command->endpoint_count; i++) {
		copy_text(texts[i].uri, sizeof(texts[i].uri), command->endpoints[i].uri);
		copy_text(texts[i].name, sizeof(texts[i].name), command->endpoints[i].name);
	}
	result = dps_client_configure(client, texts[0].uri, NULL, 0, &ignored);
	if (result == DPS_OK)
		result = remove_others(client, texts[0].uri);
	if (result == DPS_OK && texts[0].name[0] != '\0')
		result = dps_client_remove_endpoint(client, texts[0].uri);
	for (size_t i = 0; result == DPS_OK && i < command->endpoint_count; i++)
		result = dps_client_add_named_endpoint(client, texts[i].uri, texts[i].name);
	return result;
}

/* A failed command leaves a device that can be told again. */
static void command(void *user, const struct dps_conf_command *command)
{
	struct device *device = user;
	dps_result result = DPS_OK;

	device->owner_may_differ = true;
	/* Silently: the run that ends here gives way to another one, the program goes on. */
	dps_client_stop(&device->client);
	if (command->kind == DPS_CONF_REPLACE)
		result = replace(device, command);
	else if (command->kind == DPS_CONF_RESET)
		result = dps_client_factory_reset(&device->client);
	if (result == DPS_OK && command->kind != DPS_CONF_RESET)
		result = dps_client_start(&device->client, DPS_START_FORCE);
	if (result == DPS_OK)
		return;
	device->reporter->warning("onboarding", dps_result_text(result));
	/* The run that was stopped begins again with what is left, and with --once its deadline. */
	if (device_onboarding_waits(device) || dps_client_state(&device->client) != DPS_STATE_IDLE)
		return;
	result = dps_client_start(&device->client, DPS_START_NORMAL);
	if (result == DPS_OK || !device->options->once)
		return;
	device->reporter->config_failed(result, dps_result_text(result));
	device->exit_status = exit_status_of_cause(result);
	device->ended = true;
}

static void event(void *user, const struct onboarding_event *event)
{
	const struct device *device = user;

	if (event->kind == ONBOARDING_TROUBLE)
		device->reporter->warning("onboarding", event->text);
	else
		device->reporter->onboarding(event);
}

/* --- the run --- */

bool device_onboarding_open(struct device *device)
{
	const struct options *options = device->options;
	const struct onboarding_options onboarding = {
		.code = options->onboarding_code,
		.listen = options->onboarding_listen,
		.listen_count = options->onboarding_listen_count,
		.interface = options->onboarding_interface,
		.clock = &device->platform.clock,
		.view = view,
		.command = command,
		.event = event,
		.user = device,
	};
	const char *why = "the stored state cannot be read";
	char text[128];
	dps_result result;

	if (!options->onboarding)
		return true;
	result = dps_client_load(&device->client, NULL);
	if (result == DPS_OK)
		result = onboarding_open(&device->onboarding, &onboarding, is_owned(device), &why);
	device->onboarding_is_open = result == DPS_OK;
	if (result == DPS_OK)
		return true;
	snprintf(text, sizeof(text), "--onboarding: %s", why);
	device->reporter->config_failed(result, text);
	device->exit_status = result == DPS_E_FIELD ? EXIT_USAGE : exit_status_of_cause(result);
	device->ended = true;
	return false;
}

void device_onboarding_close(struct device *device)
{
	if (device->onboarding_is_open)
		onboarding_close(&device->onboarding);
	device->onboarding_is_open = false;
}

bool device_onboarding_waits(const struct device *device)
{
	struct dps_endpoint endpoint;

	return device->onboarding_is_open && dps_client_get_endpoint(&device->client, 0, &endpoint) != DPS_OK;
}

bool device_onboarding_listens(const struct device *device)
{
	return device->onboarding_is_open && !device->onboarding.owned;
}

uint32_t device_onboarding_process(struct device *device)
{
	if (!device->onboarding_is_open)
		return DPS_FOREVER;
	/* Owned with the commit, and not before; and no more after a reset. */
	if (device->owner_may_differ)
		onboarding_set_owned(&device->onboarding, is_owned(device));
	device->owner_may_differ = false;
	return onboarding_process(&device->onboarding);
}

size_t device_onboarding_wait_on(const struct device *device, struct dps_wait *waits, size_t max)
{
	return device->onboarding_is_open ? onboarding_wait_on(&device->onboarding, waits, max) : 0;
}
