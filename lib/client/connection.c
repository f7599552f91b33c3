/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: opening, checking the dates, losing, and when and where the next one is made. */
#include <string.h>

#include "client/internal.h"
#include "client/policy.h"
#include "codec/text.h"

static const struct dps_span no_text = {NULL, 0};

static void count_stats(struct dps_client *client)
{
	struct dps_channel_stats now;
	const struct dps_channel_stats *before = &client->stats_before;
	struct dps_channel_stats *sum = &client->report.channel;

	client->config.channel->stats(client->config.channel->ctx, &now);
	sum->handshakes += now.handshakes - before->handshakes;
	sum->round_trips += now.round_trips - before->round_trips;
	sum->bytes_sent += now.bytes_sent - before->bytes_sent;
	sum->bytes_received += now.bytes_received - before->bytes_received;
	client->stats_before = now;
}

void dps_client_close(struct dps_client *client)
{
	const struct dps_service *service = client->config.service;

	if (client->attached) {
		service->transport->detach(service->self);
		service->transport->count(service->self, &client->report);
	}
	client->attached = false;
	client->in_flight = 0;
	if (client->config.channel == NULL)
		return; /* a client for tools */
	client->config.channel->close(client->config.channel->ctx);
	count_stats(client);
}

uint32_t dps_client_schedule(struct dps_client *client, enum dps_step_id step, dps_result cause, uint32_t failures)
{
	const struct dps_client_config *config = &client->config;
	const bool asked = step >= DPS_STEP_TIME && step < DPS_STEP_COMMIT;
	uint32_t *timeout = asked ? &client->steps[step].timeout_ms : &client->connect_timeout_ms;
	struct dps_retry retry = {
		.delay_ms = dps_policy_delay(config, dps_result_class(cause), failures, dps_client_random(client)),
		.timeout_ms = asked ? dps_client_request_timeout(client, step) : config->connect_timeout_ms,
		.step = step,
		.cause = cause,
		.attempt = failures,
		.endpoint = client->endpoints[client->endpoint].uri,
	};

	if (config->on_retry == NULL)
		return retry.delay_ms;
	config->on_retry(config->user, &retry);
	*timeout = retry.timeout_ms;
	return retry.delay_ms < DPS_FOREVER ? retry.delay_ms : DPS_FOREVER - 1;
}

/* Every endpoint gets its turn before anything is waited for. After that, one that could be reached is a better one to come back to than the next. */
bool dps_client_move_on(struct dps_client *client, bool reached)
{
	if (client->endpoint_count < 2)
		return false;
	if (client->moving)
		return client->endpoints_failed != 0; /* another step of this connection has failed before */
	client->endpoints_failed = (uint8_t)((client->endpoints_failed + 1u) % client->endpoint_count);
	client->moving = !reached || client->endpoints_failed != 0;
	return client->endpoints_failed != 0;
}

static void move(struct dps_client *client)
{
	if (client->moving && client->endpoint_count > 0)
		client->endpoint = (uint8_t)((client->endpoint + 1u) % client->endpoint_count);
	client->moving = false;
	if (client->endpoint >= client->endpoint_count)
		client->endpoint = 0; /* the list has become shorter */
}

void dps_client_connection_failed(struct dps_client *client, enum dps_step_id step, dps_result cause, struct dps_span text)
{
	const struct dps_channel *channel = client->config.channel;
	const char *detail = channel->detail(channel->ctx);
	dps_class klass = dps_result_class(cause);
	uint32_t delay = 0;

	if (text.len == 0)
		text = (struct dps_span){(const uint8_t *)detail, strlen(detail)};
	dps_client_record(client, step, cause, 0, text.data, text.len);
	dps_client_close(client);
	if (!dps_client_retries(client, klass)) {
		dps_client_fail(client, false);
		return;
	}

	if (!dps_client_move_on(client, false))
		delay = dps_client_schedule(client, step, cause, ++client->connect_failures);
	dps_client_emit_retry(client, delay);
	client->wake = dps_client_now(client) + delay;
	dps_client_enter(client, DPS_WHY_CONNECTION_FAILED);
}

static uint32_t connect_timeout(const struct dps_client *client)
{
	return client->connect_timeout_ms != 0 ? client->connect_timeout_ms : client->config.connect_timeout_ms;
}

/* A clock that was synchronised when the run was planned may not be any more. */
static void want_time(struct dps_client *client)
{
	if (dps_client_wall_s(client) != 0 || !dps_client_can_ask_time(client))
		return;
	client->wanted |= DPS_STEP_BIT(DPS_STEP_TIME);
	client->done &= ~DPS_STEP_BIT(DPS_STEP_TIME);
}

void dps_client_connect(struct dps_client *client)
{
	const struct dps_channel *channel = client->config.channel;
	struct dps_channel_params params = {
		.host = client->host,
		.trust = &client->trust,
		.keys = client->config.keys,
		.key_slot = DPS_SLOT_MANUFACTURER,
		.path = &client->path,
	};
	const char *text;
	struct dps_uri uri;
	dps_result result = DPS_E_NO_ENDPOINT; /* the last one was taken away meanwhile */

	move(client);
	text = client->endpoints[client->endpoint].uri;
	if (client->endpoint_count > 0)
		result = dps_uri_parse((struct dps_span){(const uint8_t *)text, strlen(text)}, &uri);
	if (result == DPS_OK) {
		memcpy(client->host, uri.host, sizeof(client->host));
		params.port = uri.port;
		result = client->config.certificates->chain(client->config.certificates->ctx, DPS_SLOT_MANUFACTURER, &params.chain);
	}
	if (result != DPS_OK) {
		dps_client_failed_here(client, result);
		return;
	}
	want_time(client);
	client->ending = false;
	client->lead_refused = false;
	client->dates_checked = false;
	client->lead_sent = false;
	client->no_room = false;
	client->foreign = false;
	client->report.connections++;
	client->wake = dps_client_now(client) + connect_timeout(client);
	if (client->first_connect == 0)
		client->first_connect = dps_client_now(client);
	dps_client_enter(client, DPS_WHY_CONNECT);
	result = channel->open(channel->ctx, &params);
	if (result != DPS_OK)
		dps_client_connection_failed(client, DPS_STEP_CONNECT, result, no_text);
}

bool dps_client_check_dates(struct dps_client *client)
{
	dps_result result;

	/* Once is enough for as long as the time goes on as it did. */
	if (client->dates_checked && !dps_client_time_jumped(client))
		return true;
	result = dps_pki_path_check_dates(&client->path, dps_client_wall_s(client));
	client->dates_checked = result == DPS_OK;
	if (result == DPS_OK) {
		(void)dps_client_wall_ms(client, &client->dates_ms);
		client->dates_stamp = dps_client_now(client);
		client->time_proven = true;
		return true;
	}

	/* A time told by a peer that this very time shows to be no valid one is worth nothing: the next connection asks anew. */
	client->time_known = false;
	client->done &= ~DPS_STEP_BIT(DPS_STEP_TIME);
	client->steps[DPS_STEP_TIME].due = 0;
	dps_client_connection_failed(client, DPS_STEP_TLS, result, no_text);
	return false;
}

/* What this endpoint is known not to have is asked again by a forced run only. */
static void skip_absent(struct dps_client *client)
{
	const struct dps_service *service = client->config.service;

	if ((client->flags & DPS_START_FORCE) != 0 || !client->endpoints[client->endpoint].no_resources)
		return;
	for (size_t i = 0; i < service->step_count; i++)
		if ((service->steps[i]->flags & DPS_STEP_OPTIONAL) != 0)
			client->wanted &= ~DPS_STEP_BIT(service->steps[i]->id);
}

static void established(struct dps_client *client)
{
	const struct dps_service *service = client->config.service;
	const struct dps_transport_env env = {
		.channel = client->config.channel,
		.random = &client->config.platform->random,
		.body = client->body,
		.body_size = sizeof(client->body),
	};
	struct dps_event event = {.type = DPS_EVENT_CONNECTED, .endpoint = client->endpoints[client->endpoint].uri};

	client->report.step_ms[DPS_STEP_TLS] = dps_client_since_connect(client);
	if (dps_client_wall_s(client) != 0 && !dps_client_check_dates(client))
		return;
	skip_absent(client);
	service->transport->attach(service->self, &env);
	client->attached = true;
	client->alive_at = dps_client_now(client);
	dps_client_enter(client, DPS_WHY_CONNECTED);
	dps_client_emit(client, &event);
}

void dps_client_advance_connecting(struct dps_client *client)
{
	const struct dps_channel *channel = client->config.channel;
	dps_result result = channel->establish(channel->ctx);
	enum dps_step_id step = channel->connected(channel->ctx) ? DPS_STEP_TLS : DPS_STEP_CONNECT;

	if (step == DPS_STEP_TLS && client->report.step_ms[DPS_STEP_CONNECT] == 0)
		client->report.step_ms[DPS_STEP_CONNECT] = dps_client_since_connect(client);
	if (result == DPS_OK)
		established(client);
	else if (result != DPS_AGAIN)
		dps_client_connection_failed(client, step, result, no_text);
	else if (dps_client_now(client) < client->wake)
		return;
	else if (channel->next_address(channel->ctx) == DPS_OK) /* each address has the whole time */
		client->wake = dps_client_now(client) + connect_timeout(client);
	else
		dps_client_connection_failed(client, step, DPS_E_TIMEOUT, no_text);
}

void dps_client_go_on(struct dps_client *client)
{
	dps_client_close(client);
	if (dps_client_has_all(client)) { /* the endpoint has nothing of what was still wanted */
		dps_client_enter(client, DPS_WHY_ANSWERED);
		return;
	}
	want_time(client); /* else no step might ever be due */
	client->wake = dps_client_next_due(client);
	if (client->wake == UINT64_MAX) /* the clock was lost, and nobody tells the time: that is a failure, not a wait without end */
		client->wake = dps_client_now(client);
	dps_client_enter(client, DPS_WHY_LATER);
}
