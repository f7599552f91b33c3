/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways and connections: which one, making one, losing one, and when provisioning is asked for again. */
#include <string.h>

#include "codec/cbor.h"
#include "codec/text.h"
#include "hub/internal.h"
#include "hub/policy.h"

#if DPS_CONFIG_HUB

static const struct dps_span no_text = {NULL, 0};

/* --- gateways ---------------------------------------------------------------------------------------------------------------------- */

/* The hub of a gateway; one that the list does not have, or has without an id, is the configuration's own. */
static struct dps_uuid hub_of(const struct dps_cloud *cloud, size_t gateway)
{
	const bool told = gateway < cloud->gateway_count && !dps_uuid_is_nil(&cloud->gateways[gateway].id);

	return told ? cloud->gateways[gateway].id : cloud->hub_id;
}

static bool is_sibling(const struct dps_hub *hub, size_t gateway)
{
	const struct dps_uuid id = hub_of(&hub->cloud, gateway);

	return dps_uuid_equal(&id, &hub->hub_id);
}

/* The gateway to begin with: the one that served last, else the one that was provisioned. */
static size_t first_gateway(const struct dps_cloud *cloud)
{
	size_t i = cloud->selected - 1;

	if (cloud->selected == 0 || cloud->selected > cloud->gateway_count) {
		for (i = 0; i < cloud->gateway_count; i++) {
			if (cloud->gateways[i].uri.len == cloud->gateway.len &&
			    memcmp(cloud->gateways[i].uri.data, cloud->gateway.data, cloud->gateway.len) == 0)
				break;
		}
	}
	return i;
}

bool dps_hub_is_another(const struct dps_hub *hub, const struct dps_uuid *former)
{
	const struct dps_uuid next = hub_of(&hub->cloud, first_gateway(&hub->cloud));

	return !dps_uuid_is_nil(former) && !dps_uuid_is_nil(&next) && !dps_uuid_equal(former, &next);
}

static void choose_gateway(struct dps_hub *hub)
{
	hub->gateway = first_gateway(&hub->cloud);
	hub->chosen = true;
	hub->gateways_failed = 0;
	hub->round_reached = false;
}

/* The next gateway of the same hub, which takes the same token. Returns how many the hub has. */
static size_t next_gateway(struct dps_hub *hub)
{
	const size_t count = hub->cloud.gateway_count;
	size_t siblings = 0, next = hub->gateway;

	for (size_t i = 1; i <= count; i++) {
		const size_t at = (hub->gateway + i) % count;

		if (!is_sibling(hub, at))
			continue;
		if (siblings++ == 0)
			next = at;
	}
	hub->gateway = next;
	return siblings;
}

/* The first gateway of the nth other hub. */
static const struct dps_gateway *other_hub(const struct dps_hub *hub, size_t nth)
{
	const struct dps_cloud *cloud = &hub->cloud;

	for (size_t i = 0; i < cloud->gateway_count; i++) {
		bool seen = is_sibling(hub, i);

		for (size_t j = 0; j < i && !seen; j++)
			seen = dps_uuid_equal(&cloud->gateways[i].id, &cloud->gateways[j].id);
		if (!seen && nth-- == 0)
			return &cloud->gateways[i];
	}
	return NULL;
}

/* --- falling back to provisioning -------------------------------------------------------------------------------------------------- */

static void ask_provisioning(struct dps_hub *hub, const struct dps_gateway *selected)
{
	const struct dps_hub_source *source = &hub->config.source;
	const bool nested = hub->in_callback;
	struct dps_hub_event event = {.type = DPS_HUB_EVENT_FALLBACK,
	                              .provision = selected != NULL ? DPS_HUB_PROVISION_GATEWAY : DPS_HUB_PROVISION_AGAIN};
	dps_result result;

	hub->fallback_ms = dps_hub_fallback_wait(&hub->config, hub->fallback_ms);
	hub->fallback_at = dps_hub_now(hub) + hub->fallback_ms;
	event.in_ms = hub->fallback_ms;
	dps_hub_emit(hub, &event);
	hub->in_callback = true; /* whoever provisions may have callbacks of its own, that say reload */
	result = source->provision(source->ctx, event.provision, selected);
	hub->in_callback = nested;
	if (result != DPS_OK)
		dps_hub_warn(hub, result, "provisioning could not be started");
}

/* All gateways of this hub have failed for a while: another hub, or everything anew. */
static void fall_back(struct dps_hub *hub)
{
	const struct dps_hub_config *config = &hub->config;
	const uint64_t now = dps_hub_now(hub);
	const struct dps_gateway *other;

	if (config->fallback_after == 0 || hub->rounds < config->fallback_after || now - hub->offline_since < config->fallback_ms ||
	    now < hub->fallback_at)
		return;
	if (!hub->round_reached && config->source.network_up != NULL && !config->source.network_up(config->source.ctx))
		return;
	other = other_hub(hub, hub->hubs_tried);
	hub->hubs_tried = other != NULL ? hub->hubs_tried + 1 : 0;
	ask_provisioning(hub, other);
}

void dps_hub_need_provisioning(struct dps_hub *hub)
{
	dps_hub_close(hub);
	if (hub->sign_off_asked) { /* there is no account to sign off from */
		dps_hub_sign_off_done(hub, 0);
		return;
	}
	if (dps_hub_now(hub) >= hub->fallback_at)
		ask_provisioning(hub, NULL);
	hub->wake = hub->fallback_at;
	dps_hub_forget(hub);
	dps_hub_set_state(hub, DPS_HUB_PROVISIONING);
}

/* --- connections ------------------------------------------------------------------------------------------------------------------- */

void dps_hub_close(struct dps_hub *hub)
{
	const bool nested = hub->in_callback;

	if (hub->attached) {
		hub->in_callback = true;
		if (hub->config.on_detach != NULL)
			hub->config.on_detach(hub->config.resources);
		hub->in_callback = nested;
		dps_coap_transport.detach(&hub->coap);
	}
	hub->attached = false;
	hub->departing = false;
	hub->skip_time = (hub->in_flight & DPS_HUB_BIT(DPS_HUB_OP_TIME)) != 0;
	hub->in_flight = 0;
	hub->config.channel->close(hub->config.channel->ctx);
}

void dps_hub_connection_failed(struct dps_hub *hub, dps_result cause, unsigned code, struct dps_span text)
{
	const struct dps_channel *channel = hub->config.channel;
	const bool kept = hub->state == DPS_HUB_ONLINE && hub->stable; /* the same gateway is tried first */
	const bool opened = hub->state != DPS_HUB_WAITING && hub->state != DPS_HUB_PROVISIONING;
	const char *detail = channel->detail(channel->ctx);
	uint32_t delay = 0;

	if (hub->departing) { /* nobody waits for what that hub has to say */
		dps_hub_begin_anew(hub);
		return;
	}
	hub->round_reached |= opened && channel->connected(channel->ctx);
	if (text.len == 0 && opened)
		text = (struct dps_span){(const uint8_t *)detail, strlen(detail)};
	if (kept) {
		hub->offline_since = dps_hub_now(hub);
		delay = dps_hub_delay(&hub->config, 1, dps_hub_random(hub));
		dps_hub_emit_failure(hub, DPS_HUB_EVENT_OFFLINE, cause, code, text, delay);
	} else {
		const size_t siblings = next_gateway(hub);

		if (++hub->gateways_failed >= siblings) {
			hub->rounds += hub->rounds < UINT32_MAX;
			delay = dps_hub_delay(&hub->config, hub->rounds, dps_hub_random(hub));
		}
		dps_hub_emit_failure(hub, DPS_HUB_EVENT_OFFLINE, cause, code, text, delay);
		if (hub->gateways_failed >= siblings) {
			if (hub->loaded)
				fall_back(hub);
			hub->gateways_failed = 0;
			hub->round_reached = false;
		}
	}
	dps_hub_close(hub);
	dps_hub_forget(hub);
	hub->stable = false;
	hub->wake = dps_hub_now(hub) + delay;
	dps_hub_set_state(hub, DPS_HUB_WAITING);
}

void dps_hub_connect_again(struct dps_hub *hub)
{
	if (hub->state == DPS_HUB_ONLINE && hub->stable)
		hub->offline_since = dps_hub_now(hub);
	hub->stable = false;
	dps_hub_close(hub);
	dps_hub_forget(hub);
	hub->wake = dps_hub_now(hub);
	dps_hub_set_state(hub, DPS_HUB_WAITING);
}

void dps_hub_end(struct dps_hub *hub)
{
	dps_hub_close(hub);
	dps_hub_forget(hub);
	hub->stop_asked = false;
	hub->reload_asked = false;
	hub->sign_off_asked = false;
	dps_hub_set_state(hub, DPS_HUB_IDLE);
}

/* Takes the chosen gateway's address apart. */
static dps_result read_address(struct dps_hub *hub, uint16_t *port)
{
	const struct dps_cloud *cloud = &hub->cloud;
	const struct dps_span text = hub->gateway < cloud->gateway_count ? cloud->gateways[hub->gateway].uri : cloud->gateway;
	struct dps_uri uri;

	hub->hub_id = hub_of(cloud, hub->gateway);
	if (text.len > DPS_CONFIG_URI_LENGTH)
		return DPS_E_URI;
	memcpy(hub->uri, text.data, text.len);
	hub->uri[text.len] = '\0';
	if (dps_uri_parse(text, &uri) != DPS_OK)
		return DPS_E_URI;
	memcpy(hub->host, uri.host, sizeof(hub->host));
	*port = uri.port;
	return DPS_OK;
}

static dps_result open_channel(struct dps_hub *hub, uint16_t port)
{
	const struct dps_channel *channel = hub->config.channel;
	const struct dps_keys *keys = hub->config.keys;
	struct dps_channel_params params = {
		.host = hub->host,
		.port = port,
		.trust = &hub->trust,
		.keys = keys,
		.key_slot = hub->key_slot,
		.chain = hub->chain,
		.path = &hub->path,
		.resume = hub->config.resume && !hub->full_handshake,
	};
	struct dps_channel_stats stats;
	dps_result result = keys->open(keys->ctx, hub->key_slot);

	hub->full_handshake = false;
	if (result != DPS_OK)
		return result;
	hub->trust = (struct dps_trust){
		.anchors = hub->anchors, .skip_host_check = !hub->config.verify_host && !dps_uuid_is_nil(&hub->hub_id), .leaf_id = hub->hub_id};
	channel->stats(channel->ctx, &stats);
	hub->resumed = stats.resumed;
	return channel->open(channel->ctx, &params);
}

void dps_hub_connect(struct dps_hub *hub)
{
	uint16_t port = 0;
	dps_result result = dps_hub_load(hub);

	if (result == DPS_E_NOT_FOUND || result == DPS_E_STORAGE_CORRUPT) { /* a record that is damaged is as good as none */
		dps_hub_need_provisioning(hub);
		return;
	}
	if (result == DPS_OK) {
		if (!hub->chosen || hub->gateway > hub->cloud.gateway_count)
			choose_gateway(hub);
		result = read_address(hub, &port);
	}
	if (result == DPS_OK && hub->sign_off_asked && !hub->cloud.registered) {
		dps_hub_sign_off_done(hub, 0);
		return;
	}
	if (result == DPS_OK && dps_hub_next_op(dps_hub_facts(hub)) == DPS_HUB_OP_PROVISION) {
		dps_hub_need_provisioning(hub);
		return;
	}
	if (result == DPS_OK && dps_hub_must_wait(hub, dps_hub_next_op(dps_hub_facts(hub))))
		result = DPS_E_STATE;
	if (result == DPS_OK) {
		hub->wake = dps_hub_now(hub) + hub->config.connect_timeout_ms;
		dps_hub_set_state(hub, DPS_HUB_CONNECTING);
		result = open_channel(hub, port);
	}
	if (result != DPS_OK)
		dps_hub_connection_failed(hub, result, 0, no_text);
}

/* While the time is not known, what has ended before a time that has passed has ended for certain. */
static dps_result judge_dates(struct dps_hub *hub)
{
	const struct dps_hub_source *source = &hub->config.source;
	const int64_t now_s = dps_hub_wall_s(hub);
	dps_result result;

	if (!hub->path.complete)
		return DPS_E_SERVER_UNTRUSTED;
	if (now_s != 0)
		return dps_pki_path_check_dates(&hub->path, now_s);
	result = source->passed_s != NULL ? dps_pki_path_check_dates(&hub->path, source->passed_s(source->ctx)) : DPS_OK;
	if (result == DPS_E_SERVER_EXPIRED)
		return result;
	hub->time_due = source->tell_time != NULL && !hub->no_time && !hub->skip_time;
	if (!hub->time_due)
		dps_hub_warn(hub, DPS_E_CLOCK_NOT_SET, "the dates of the gateway's certificate are not judged");
	return DPS_OK;
}

bool dps_hub_check_dates(struct dps_hub *hub)
{
	dps_result result;

	hub->time_due = false;
	result = judge_dates(hub);
	hub->full_handshake = result != DPS_OK; /* a session that is resumed has the dates of the certificate that it began with */
	if (result != DPS_OK)
		dps_hub_connection_failed(hub, result, 0, no_text);
	return result == DPS_OK;
}

void dps_hub_advance_connecting(struct dps_hub *hub)
{
	const struct dps_channel *channel = hub->config.channel;
	const dps_result result = channel->establish(channel->ctx);

	if (result == DPS_OK) {
		if (dps_hub_check_dates(hub))
			dps_hub_begin_session(hub);
	} else if (result != DPS_AGAIN) {
		dps_hub_connection_failed(hub, result, 0, no_text);
	} else if (dps_hub_now(hub) < hub->wake) {
		return;
	} else if (channel->next_address(channel->ctx) == DPS_OK) { /* each address has the whole time */
		hub->wake = dps_hub_now(hub) + hub->config.connect_timeout_ms;
	} else {
		dps_hub_connection_failed(hub, DPS_E_TIMEOUT, 0, no_text);
	}
}

#endif
