/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls, and what is to be done when. */
#include "dps/hub.h"

#include <string.h>

#include "codec/text.h"
#include "hub/internal.h"

#if DPS_CONFIG_HUB

/* Changes of state in one call of process: a peer cannot keep the loop busy. */
#define ROUNDS_MAX 8

/* Longest name published. */
#define NAME_MAX_LENGTH 64

void dps_hub_config_default(struct dps_hub_config *config)
{
	static const uint32_t retries[] = {2000, 4000, 8000, 16000, 32000, 64000};

	*config = (struct dps_hub_config){
		.resume = true,
		.sign_out = true,
		.retry_count = sizeof(retries) / sizeof(retries[0]),
		.connect_timeout_ms = 30000,
		.request_timeout_ms = 30000,
		.keepalive_ms = 20000,
		.pong_timeout_ms = 4000,
		.stable_ms = 60000,
		.fallback_after = 3,
		.fallback_ms = 300000,
		.fallback_max_ms = 86400000,
	};
	memcpy(config->retry_ms, retries, sizeof(retries));
}

static bool has_ports(const struct dps_hub_config *config)
{
	const struct dps_hub_source *source = &config->source;

	return config->platform != NULL && config->channel != NULL && config->keys != NULL && source->read_cloud != NULL &&
	       source->read_credentials != NULL && source->update_cloud != NULL && source->provision != NULL && source->now_s != NULL;
}

static bool has_good_times(const struct dps_hub_config *config)
{
	if (config->retry_count == 0 || config->retry_count > DPS_HUB_RETRIES)
		return false;
	for (size_t i = 0; i < config->retry_count; i++) {
		if (config->retry_ms[i] == 0)
			return false;
	}
	return config->connect_timeout_ms > 0 && config->request_timeout_ms > 0 && config->pong_timeout_ms > 0 && config->fallback_ms > 0 &&
	       config->fallback_max_ms >= config->fallback_ms;
}

static bool has_good_name(const struct dps_hub_config *config)
{
	const struct dps_span name = {(const uint8_t *)config->device_name, config->device_name != NULL ? strlen(config->device_name) : 0};

	return name.len <= NAME_MAX_LENGTH && dps_text_is_valid(name);
}

dps_result dps_hub_init(struct dps_hub *hub, const struct dps_hub_config *config)
{
	if (!has_ports(config) || !has_good_times(config) || !has_good_name(config))
		return DPS_E_ARGUMENT;
	memset(hub, 0, sizeof(*hub));
	hub->config = *config;
	return dps_hub_init_coap(hub);
}

dps_result dps_hub_start(struct dps_hub *hub)
{
	if (hub->state != DPS_HUB_IDLE || hub->in_callback)
		return DPS_E_STATE;
	hub->stop_asked = false;
	hub->reload_asked = false;
	hub->no_time = false;
	hub->skip_time = false;
	hub->chosen = false;
	hub->stable = false;
	hub->rounds = 0;
	hub->hubs_tried = 0;
	hub->used = 0;
	hub->redirects = 0;
	hub->refreshed_at = 0;
	hub->fallback_ms = 0;
	hub->offline_since = dps_hub_now(hub);
	hub->fallback_at = hub->offline_since;
	hub->left_at = hub->offline_since;
	hub->wake = hub->offline_since;
	dps_hub_set_state(hub, DPS_HUB_WAITING);
	return DPS_OK;
}

void dps_hub_begin_anew(struct dps_hub *hub)
{
	static const uint8_t anew[] = "provisioned anew";

	if (hub->state == DPS_HUB_ONLINE || hub->departing) {
		hub->offline_since = dps_hub_now(hub);
		dps_hub_emit_failure(hub, DPS_HUB_EVENT_OFFLINE, DPS_E_CANCELLED, 0, (struct dps_span){anew, sizeof(anew) - 1}, 0);
	}
	hub->used = 0;
	hub->no_time = false;
	hub->chosen = false;
	hub->rounds = 0;
	hub->gateways_failed = 0;
	dps_hub_connect_again(hub);
}

/* A hub that is not the device's any more is told so, on the connection that is there: else it would keep the device, and its key's record, for good. */
static void take_reload(struct dps_hub *hub)
{
	const struct dps_uuid former = hub->hub_id;

	if (dps_hub_is_current(hub))
		return;
	if (hub->state == DPS_HUB_ONLINE && hub->loaded && dps_hub_is_another(hub, &former))
		dps_hub_depart(hub);
	else
		dps_hub_begin_anew(hub);
}

static void carry_out_orders(struct dps_hub *hub)
{
	const bool connected = hub->state != DPS_HUB_WAITING && hub->state != DPS_HUB_PROVISIONING;

	if (hub->state == DPS_HUB_IDLE)
		return;
	if (hub->reload_asked && hub->state != DPS_HUB_LEAVING) {
		hub->reload_asked = false;
		if (connected)
			take_reload(hub);
		else
			dps_hub_begin_anew(hub);
	}
	if (hub->stop_asked)
		dps_hub_leave(hub);
	else if (hub->sign_off_asked && hub->state == DPS_HUB_PROVISIONING)
		hub->wake = dps_hub_now(hub); /* with what is there, which shows whether the hub still knows the device */
}

static uint32_t next_call(const struct dps_hub *hub)
{
	const uint64_t now = dps_hub_now(hub);
	uint32_t within = DPS_FOREVER;
	uint64_t at = hub->wake;
	struct dps_wait waits[1];

	if (hub->state == DPS_HUB_IDLE)
		return DPS_FOREVER;
	if (hub->state != DPS_HUB_WAITING && hub->state != DPS_HUB_PROVISIONING) {
		(void)hub->config.channel->wait_on(hub->config.channel->ctx, waits, 1, &within);
		if (hub->state != DPS_HUB_CONNECTING)
			at = dps_hub_next_event(hub);
	}
	if (at <= now)
		return 0;
	return at - now < within ? (uint32_t)(at - now) : within;
}

uint32_t dps_hub_process(struct dps_hub *hub)
{
	bool busy = false;
	unsigned round;

	if (hub->in_callback)
		return 0;
	for (round = 0; round < ROUNDS_MAX; round++) {
		const enum dps_hub_state before = hub->state;

		busy = false;
		carry_out_orders(hub);
		switch (hub->state) {
		case DPS_HUB_WAITING:
		case DPS_HUB_PROVISIONING:
			if (dps_hub_now(hub) < hub->wake)
				break;
			if (hub->state == DPS_HUB_PROVISIONING)
				hub->used = 0; /* what was refused may be taken today */
			dps_hub_connect(hub);
			break;
		case DPS_HUB_CONNECTING:
			dps_hub_advance_connecting(hub);
			break;
		case DPS_HUB_SIGNING_IN:
		case DPS_HUB_ONLINE:
		case DPS_HUB_LEAVING:
			dps_hub_advance_session(hub, &busy);
			break;
		case DPS_HUB_IDLE:
		default:
			break;
		}
		if (hub->state == before)
			break;
	}
	return busy || round == ROUNDS_MAX ? 0 : next_call(hub);
}

size_t dps_hub_wait_on(struct dps_hub *hub, struct dps_wait *waits, size_t max)
{
	const struct dps_channel *channel = hub->config.channel;
	uint32_t within = DPS_FOREVER;

	if (hub->state == DPS_HUB_IDLE || hub->state == DPS_HUB_WAITING || hub->state == DPS_HUB_PROVISIONING)
		return 0;
	return channel->wait_on(channel->ctx, waits, max, &within);
}

void dps_hub_reload(struct dps_hub *hub)
{
	hub->reload_asked = true;
}

void dps_hub_publish_changed(struct dps_hub *hub)
{
	hub->publish_due = true;
}

dps_result dps_hub_unpublish(struct dps_hub *hub, int64_t ins)
{
	if (hub->state != DPS_HUB_ONLINE)
		return DPS_E_STATE;
	if (ins < DPS_HUB_UNPUBLISH_ALL || ins > (int64_t)UINT32_MAX)
		return DPS_E_ARGUMENT;
	if (hub->unpublish_due || (hub->in_flight & DPS_HUB_BIT(DPS_HUB_OP_UNPUBLISH)) != 0)
		return DPS_AGAIN;
	hub->unpublish_due = true;
	hub->unpublish_ins = ins;
	return DPS_OK;
}

dps_result dps_hub_sign_off(struct dps_hub *hub)
{
	if (hub->state == DPS_HUB_IDLE)
		return DPS_E_STATE;
	hub->sign_off_asked = true;
	return DPS_OK;
}

void dps_hub_stop(struct dps_hub *hub)
{
	if (hub->state == DPS_HUB_IDLE)
		return;
	hub->stop_asked = true;
	if (!hub->in_callback)
		carry_out_orders(hub);
}

void dps_hub_deinit(struct dps_hub *hub)
{
	if (hub->config.channel != NULL)
		dps_hub_close(hub);
	dps_wipe(hub, sizeof(*hub));
}

enum dps_hub_state dps_hub_state(const struct dps_hub *hub)
{
	return hub->state;
}

bool dps_hub_is_stable(const struct dps_hub *hub)
{
	return hub->state == DPS_HUB_ONLINE && hub->stable;
}

#endif
