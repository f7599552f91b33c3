/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See online_conf.h. Endpoints are stored before they are acknowledged; what follows from a command is done behind its answer: the session goes on until there is
 * something new, or signs out first.
 */
#include "online_conf.h"

#include <string.h>

#include "conf.h"
#include "device.h"

enum { CHANGED = 204, BAD_REQUEST = 400, INTERNAL_ERROR = 500, UNAVAILABLE = 503 };

static dps_result get(void *ctx, enum dps_interface interface, uint8_t *buf, size_t size, size_t *len)
{
	const struct device *device = ctx;
	struct dps_conf conf;

	conf_fill(&conf, &device->client);
	return dps_conf_write(&conf, interface == DPS_IF_BASELINE, buf, size, len);
}

/* Lengths were judged by who read it. */
static const char *copy(char *text, struct dps_span span)
{
	if (span.len > 0)
		memcpy(text, span.data, span.len);
	text[span.len] = '\0';
	return text;
}

static dps_result replace(struct device *device, const struct dps_conf_command *command)
{
	char uris[DPS_CONFIG_ENDPOINTS][DPS_CONFIG_URI_LENGTH + 1];
	char names[DPS_CONFIG_ENDPOINTS][DPS_CONFIG_NAME_LENGTH + 1];
	struct dps_endpoint list[DPS_CONFIG_ENDPOINTS];

	for (size_t i = 0; i < command->endpoint_count; i++)
		list[i] =
			(struct dps_endpoint){.uri = copy(uris[i], command->endpoints[i].uri), .name = copy(names[i], command->endpoints[i].name)};
	return dps_client_replace_endpoints(&device->client, list, command->endpoint_count);
}

static unsigned post(void *ctx, enum dps_interface interface, struct dps_span payload)
{
	struct device *device = ctx;
	struct online_conf *conf = &device->online.conf;
	struct dps_conf_command command;

	(void)interface;
	if (dps_conf_read(payload.data, payload.len, &command) != DPS_OK || command.kind == DPS_CONF_NOTHING)
		return BAD_REQUEST;
	if (conf->due != DPS_CONF_NOTHING || (command.kind != DPS_CONF_RESET && !run_limits_allow(&conf->limits, device_now_ms(device))))
		return UNAVAILABLE;
	if (command.kind == DPS_CONF_REPLACE && replace(device, &command) != DPS_OK)
		return INTERNAL_ERROR;
	conf->due = command.kind;
	return CHANGED;
}

const struct dps_device_resource *online_conf_resource(struct device *device)
{
	struct online_conf *conf = &device->online.conf;

	conf->due = DPS_CONF_NOTHING;
	conf->shown_len = 0;
	conf->resource = (struct dps_device_resource){
		.href = DPS_CONF_HREF,
		.types = {DPS_CONF_TYPE},
		.interfaces = DPS_IF_BASELINE | DPS_IF_R | DPS_IF_RW,
		.default_interface = DPS_IF_BASELINE,
		.policy = DPS_POLICY_DISCOVERABLE | DPS_POLICY_OBSERVABLE | DPS_POLICY_PUBLISHED,
		.get = get,
		.post = post,
		.get_max = ONLINE_CONF_MAX,
		.ctx = device,
	};
	return &conf->resource;
}

void online_conf_note(struct device *device)
{
	struct online_conf *conf = &device->online.conf;
	uint8_t now[ONLINE_CONF_MAX];
	size_t len = 0;

	if (get(device, DPS_IF_R, now, sizeof(now), &len) != DPS_OK || (len == conf->shown_len && memcmp(now, conf->shown, len) == 0))
		return;
	memcpy(conf->shown, now, len);
	conf->shown_len = len;
	(void)dps_device_changed(&device->online.resources, DPS_CONF_HREF);
}

/* --- commands ---------------------------------------------------------------------------------------------------------------------- */

/*
 * A run that is under way gives way to the one asked for, silently. The service is asked for the hub that the command came from: its first one may be another, and
 * dead.
 */
static dps_result provision_again(struct device *device)
{
	const enum dps_state state = dps_client_state(&device->client);
	const struct dps_gateway gateway = online_gateway(device);
	dps_result result = dps_client_select_gateway(&device->client, gateway.uri.len > 0 ? &gateway : NULL);

	if (result != DPS_OK)
		return result;
	if (state != DPS_STATE_IDLE && state != DPS_STATE_PROVISIONED)
		dps_client_stop(&device->client);
	return dps_client_start(&device->client, DPS_START_FORCE);
}

bool online_conf_carry_out(struct device *device)
{
	struct online_conf *conf = &device->online.conf;
	const enum dps_conf_kind due = conf->due;
	dps_result result;

	conf->due = DPS_CONF_NOTHING;
	if (due == DPS_CONF_NOTHING)
		return false;
	if (due == DPS_CONF_RESET) {
		online_begin_reset(device);
		return true;
	}
	run_limits_note(&conf->limits, device_now_ms(device));
	result = provision_again(device);
	if (result != DPS_OK)
		device->reporter->warning(dps_result_name(result), "what was asked for on /plgd/dps could not be done");
	return true;
}
