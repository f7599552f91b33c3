/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls of the client: life, endpoints, the loop that advances the states. */
#include "dps/client.h"

#include <string.h>

#include "client/internal.h"
#include "client/policy.h"
#include "codec/text.h"

/* More changes of state in one call than any honest run makes: the application gets its turn. */
#define ROUNDS_MAX 16

/* How soon a key that is being made in the background is asked for again. */
#define KEY_POLL_MS 20

void dps_client_config_default(struct dps_client_config *config)
{
	static const uint32_t retry_ms[] = {10000, 20000, 40000, 80000, 120000};
	const size_t count = sizeof(retry_ms) / sizeof(retry_ms[0]);

	memset(config, 0, sizeof(*config));
	config->retry_count = count < DPS_CONFIG_RETRIES ? count : DPS_CONFIG_RETRIES;
	memcpy(config->retry_ms, retry_ms, config->retry_count * sizeof(retry_ms[0]));
	config->key_type = DPS_KEY_EC_P256;
	config->long_factor = 6;
	config->connect_timeout_ms = 30000;
	config->request_timeout_ms = 30000;
	config->keepalive_ms = 10000;
	config->renewal_permille = 667;
	config->renewal_jitter_permille = 100;
}

/* A client for tools: it looks at what is stored, and asks nobody. */
static bool is_for_tools(const struct dps_client_config *config)
{
	return config->channel == NULL && config->certificates == NULL && config->service == NULL;
}

static bool is_complete(const struct dps_client_config *config)
{
	const struct dps_platform *platform = config->platform;

	if (platform == NULL || platform->clock.monotonic_ms == NULL || platform->random.fill == NULL || platform->storage.read == NULL)
		return false;
	if (is_for_tools(config))
		return true;
	if (config->channel == NULL || config->keys == NULL || config->certificates == NULL || config->service == NULL)
		return false;
	if (config->renewal_permille == 0 || config->renewal_permille > 1000 || config->renewal_jitter_permille > 1000)
		return false;
	if (config->retry_count == 0 || config->retry_count > DPS_CONFIG_RETRIES || config->long_factor == 0)
		return false;
	for (size_t i = 0; i < config->retry_count; i++)
		if (config->retry_ms[i] == 0)
			return false; /* to try again at once, for ever, is no schedule */
	return config->trust.anchors.len > 0 && config->connect_timeout_ms > 0 && config->request_timeout_ms > 0;
}

dps_result dps_client_init(struct dps_client *client, const struct dps_client_config *config)
{
	if (client == NULL || config == NULL || !is_complete(config))
		return DPS_E_ARGUMENT;
	memset(client, 0, sizeof(*client));
	client->config = *config;
	client->trust = config->trust;
	client->not_after_ms = INT64_MAX;
	return DPS_OK;
}

void dps_client_failed_here(struct dps_client *client, dps_result cause)
{
	uint32_t delay;

	dps_client_record(client, DPS_STEP_CONFIG, cause, 0, NULL, 0);
	if (!dps_client_retries(client, dps_result_class(cause))) {
		dps_client_fail(client, false);
		return;
	}
	client->connect_failures++;
	delay = dps_client_schedule(client, DPS_STEP_CONFIG, cause, client->connect_failures);
	client->wake = dps_client_now(client) + delay;
	dps_client_enter(client, DPS_WHY_LOCAL_FAILURE);
	dps_client_emit_retry(client, delay);
}

/* A fleet that is switched on together comes one after another. A renewal has a jitter of its own. */
static uint64_t first_connect_at(const struct dps_client *client)
{
	const uint64_t jitter = client->renewing ? 0 : client->config.start_jitter_ms;

	return dps_client_now(client) + (jitter * dps_client_random(client) >> 32);
}

static void begin_run(struct dps_client *client, enum dps_why why)
{
	memset(client->steps, 0, sizeof(client->steps));
	client->tried = 0;
	client->runs++;
	client->run_pending = client->pending;
	client->connect_failures = 0;
	client->connect_timeout_ms = 0;
	client->endpoints_failed = 0;
	client->moving = false;
	client->swallowed = 0;
	client->commit_failures = 0;
	client->redirects = 0;
	client->remembered = false;
	client->key_refused = false;
	client->time_proven = false;
	client->failing = false;
	client->endpoint = client->selected;
	client->first_connect = 0;
	dps_client_choose_key(client);
	dps_client_choose_gateway(client);
	dps_client_plan(client);
	if ((client->wanted & ~client->done) == 0) {
		dps_client_enter(client, DPS_WHY_STAGED);
		return;
	}
	if (client->endpoint_count == 0) {
		dps_client_failed_here(client, DPS_E_NO_ENDPOINT);
		return;
	}
	client->wake = first_connect_at(client);
	dps_client_enter(client, why);
}

/* An identity that has ended is of no use to a device that does not stay: it asks for another one. */
static bool needs_renewal(struct dps_client *client)
{
	if (client->config.stay || !dps_client_is_provisioned(client))
		return false;
	dps_client_watch_renewal(client);
	return dps_client_has_expired(client);
}

/* Reads what is stored, and goes on from there. */
static void begin(struct dps_client *client)
{
	dps_result result = dps_client_read_state(client, true);

	client->loaded = result == DPS_OK;
	if (result == DPS_OK && (client->flags & (DPS_START_RENEW | DPS_START_HUB)) != 0 && !dps_client_is_provisioned(client))
		result = DPS_E_STATE;
	if (result != DPS_OK) {
		dps_client_failed_here(client, result);
		return;
	}
	dps_client_look_at_clock(client);
	if (client->pending && dps_client_is_provisioned(client))
		client->flags = DPS_START_FORCE; /* it was sent elsewhere, and the power went */
	if (client->flags == DPS_START_NORMAL && needs_renewal(client)) {
		client->flags = DPS_START_RENEW;
		dps_client_tell_expiry(client);
	}
	if (dps_client_is_provisioned(client) && client->flags == DPS_START_NORMAL) {
		dps_client_after_commit(client);
		dps_client_succeed(client, false);
	} else {
		begin_run(client, DPS_WHY_START);
	}
}

dps_result dps_client_start(struct dps_client *client, unsigned flags)
{
	if (client->in_callback || (client->state != DPS_STATE_IDLE && client->state != DPS_STATE_PROVISIONED))
		return DPS_E_STATE;
	if (is_for_tools(&client->config))
		return DPS_E_STATE;
	client->state = DPS_STATE_IDLE;
	/* What asks for more stands above what asks for less. */
	if ((flags & DPS_START_FORCE) != 0)
		flags = DPS_START_FORCE;
	else if ((flags & DPS_START_HUB) != 0)
		flags = DPS_START_HUB;
	client->flags = flags;
	client->time_proven = false;
	client->started = dps_client_now(client);
	client->connect_failures = 0;
	client->connect_timeout_ms = 0;
	client->renewing = false;
	client->failed_once = false;
	client->failing = false;
	client->error = DPS_ERROR_OK;
	client->clock_odd = false;
	client->expiry_told = false;
	client->cancel_asked = false;
	memset(&client->report, 0, sizeof(client->report));
	client->config.channel->stats(client->config.channel->ctx, &client->stats_before);
	begin(client);
	return DPS_OK;
}

dps_result dps_client_load(struct dps_client *client, bool *provisioned)
{
	const bool runs = client->state != DPS_STATE_IDLE;
	dps_result result = DPS_OK;

	if (client->in_callback || (runs && !client->loaded))
		return DPS_E_STATE;
	if (!runs) { /* a run has it in hand */
		client->silent = true;
		result = dps_client_read_state(client, false);
		client->silent = false;
		client->loaded = result == DPS_OK;
	}
	if (provisioned != NULL)
		*provisioned = result == DPS_OK && dps_client_is_provisioned(client);
	return result;
}

/* A device that stays renews its identity in a run of its own; the old one is in force until the new one is committed. */
static void begin_renewal(struct dps_client *client)
{
	if (!dps_client_renewal_due(client))
		return;
	client->flags = DPS_START_RENEW;
	client->renewing = true;
	memset(&client->report, 0, sizeof(client->report));
	begin_run(client, DPS_WHY_RENEWAL_DUE);
}

static void advance_waiting(struct dps_client *client)
{
	dps_result result;

	if (dps_client_now(client) < client->wake)
		return;
	if (!client->loaded) {
		begin(client);
		return;
	}
	result = dps_client_prepare_identity(client);
	if (result == DPS_OK)
		result = dps_client_make_room(client);
	if (result == DPS_OK && !dps_client_can_ask_time(client) && dps_client_wall_s(client) == 0)
		result = DPS_E_CLOCK_NOT_SET;
	if (result == DPS_AGAIN)
		client->wake = dps_client_now(client) + KEY_POLL_MS;
	else if (result != DPS_OK)
		dps_client_failed_here(client, result);
	else
		dps_client_connect(client);
}

/* What a run is at: the step that a deadline without any failure before it is put down to; of several the one that is asked first. */
static enum dps_step_id present_step(const struct dps_client *client)
{
	const struct dps_channel *channel = client->config.channel;
	const struct dps_service *service = client->config.service;

	switch (client->state) {
	case DPS_STATE_CONNECTING:
		return channel->connected(channel->ctx) ? DPS_STEP_TLS : DPS_STEP_CONNECT;
	case DPS_STATE_ASKING:
		for (size_t i = 0; i < service->step_count; i++)
			if ((client->wanted & ~client->done & DPS_STEP_BIT(service->steps[i]->id)) != 0)
				return service->steps[i]->id;
		return DPS_STEP_COMMIT;
	case DPS_STATE_COMMITTING:
		return DPS_STEP_COMMIT;
	default:
		return DPS_STEP_CONFIG;
	}
}

/* The deadline of a run that does not stay. */
static bool deadline_passed(struct dps_client *client)
{
	if (client->config.deadline_ms == 0 || client->config.stay || dps_client_now(client) - client->started < client->config.deadline_ms)
		return false;
	if (!client->failed_once)
		dps_client_record(client, present_step(client), DPS_E_DEADLINE, 0, NULL, 0);
	dps_client_fail(client, true);
	return true;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When process wants to be called next. */
static uint32_t next_call(struct dps_client *client)
{
	struct dps_wait waits[DPS_WAIT_MAX];
	const struct dps_channel *channel = client->config.channel;
	uint64_t now = dps_client_now(client);
	uint64_t at = UINT64_MAX;
	uint32_t within = DPS_FOREVER;

	switch (client->state) {
	case DPS_STATE_IDLE:
		return DPS_FOREVER;
	case DPS_STATE_CONNECTING:
	case DPS_STATE_WAITING:
	case DPS_STATE_COMMITTING:
	case DPS_STATE_PROVISIONED:
		at = client->wake;
		break;
	case DPS_STATE_ASKING:
		at = dps_client_next_event(client);
		break;
	}
	if (client->config.deadline_ms != 0 && !client->config.stay)
		at = earlier(at, client->started + client->config.deadline_ms);
	if (client->state == DPS_STATE_CONNECTING || client->state == DPS_STATE_ASKING)
		(void)channel->wait_on(channel->ctx, waits, DPS_WAIT_MAX, &within);
	if (at <= now)
		return 0;
	return (uint32_t)earlier(earlier(at - now, within), DPS_FOREVER - 1);
}

uint32_t dps_client_process(struct dps_client *client)
{
	bool busy = false;
	unsigned round;

	if (client->in_callback)
		return 0;
	for (round = 0; round < ROUNDS_MAX; round++) {
		enum dps_state before = client->state;

		busy = false;
		if (client->state == DPS_STATE_IDLE || (client->state != DPS_STATE_PROVISIONED && deadline_passed(client)))
			break;
		switch (client->state) {
		case DPS_STATE_IDLE:
			break;
		case DPS_STATE_WAITING:
			advance_waiting(client);
			break;
		case DPS_STATE_CONNECTING:
			dps_client_advance_connecting(client);
			break;
		case DPS_STATE_ASKING:
			dps_client_advance_asking(client, &busy);
			break;
		case DPS_STATE_COMMITTING:
			dps_client_advance_committing(client);
			break;
		case DPS_STATE_PROVISIONED:
			if (dps_client_now(client) >= client->wake)
				begin_renewal(client);
			break;
		}
		if (client->state == DPS_STATE_PROVISIONED || client->state == DPS_STATE_WAITING)
			dps_client_watch_floor(client);
		if (client->renewing)
			dps_client_tell_expiry(client);
		if (client->cancel_asked)
			dps_client_cancel(client);
		if (client->state == before)
			break;
	}
	return busy || round == ROUNDS_MAX ? 0 : next_call(client);
}

size_t dps_client_wait_on(struct dps_client *client, struct dps_wait *waits, size_t max)
{
	const struct dps_channel *channel = client->config.channel;
	uint32_t within = DPS_FOREVER;

	if (client->state != DPS_STATE_CONNECTING && client->state != DPS_STATE_ASKING)
		return 0;
	return channel->wait_on(channel->ctx, waits, max, &within);
}

void dps_client_cancel(struct dps_client *client)
{
	struct dps_event event = {.type = DPS_EVENT_CANCELLED};

	if (client->in_callback) {
		client->cancel_asked = true;
		return;
	}
	client->cancel_asked = false;
	if (client->state == DPS_STATE_IDLE)
		return;
	/* A device that is provisioned, and perhaps renewing, has had its terminal event. */
	if (client->state == DPS_STATE_PROVISIONED || client->renewing) {
		dps_client_stop(client);
		return;
	}
	dps_client_close(client);
	dps_client_enter(client, DPS_WHY_CANCEL);
	dps_client_emit(client, &event);
}

void dps_client_stop(struct dps_client *client)
{
	dps_client_close(client);
	client->cancel_asked = false;
	client->renewing = false;
	client->state = DPS_STATE_IDLE; /* silently: no event tells of it */
	client->status = dps_client_status(client);
}

dps_result dps_client_select_gateway(struct dps_client *client, const struct dps_gateway *gateway)
{
	client->gateway = (struct dps_gateway){.uri = {NULL, 0}};
	if (gateway == NULL)
		return DPS_OK;
	if (gateway->uri.len == 0 || gateway->uri.len > sizeof(client->gateway_uri))
		return DPS_E_URI;
	memcpy(client->gateway_uri, gateway->uri.data, gateway->uri.len);
	client->gateway = (struct dps_gateway){gateway->id, {(const uint8_t *)client->gateway_uri, gateway->uri.len}};
	return DPS_OK;
}

dps_result dps_client_factory_reset(struct dps_client *client)
{
	dps_result result;

	if (client->in_callback)
		return DPS_E_STATE;
	dps_client_stop(client);
	client->store.port = &client->config.platform->storage;

	/* The mark first: from then on nothing counts as committed, and a reset that is cut short is ended at the next start. */
	result = dps_store_reset_begin(&client->store);
	if (result != DPS_OK && result != DPS_E_STORAGE_FULL) /* a full medium cannot take the mark, but can be emptied */
		return result;
	result = dps_client_erase(client);
	if (result != DPS_OK)
		return result;
	memset(client->endpoints, 0, sizeof(client->endpoints));
	client->endpoint_count = 0;
	client->selected = 0;
	client->endpoint = 0;
	client->selection_given = false;
	client->pending = false;
	memset(client->pins, 0, sizeof(client->pins));
	client->pin_count = 0;
	client->trust = client->config.trust;
	memset(&client->owner, 0, sizeof(client->owner));
	memset(&client->gateway, 0, sizeof(client->gateway));
	memset(&client->device_id, 0, sizeof(client->device_id));
	memset(client->key_slot, 0, sizeof(client->key_slot));
	memset(client->committed_slot, 0, sizeof(client->committed_slot));
	client->key_ready = false;
	client->time_known = false;
	client->time_floor_ms = 0;
	client->heard = false;
	client->failing = false;
	client->error = DPS_ERROR_OK;
	client->not_after_ms = INT64_MAX;
	client->status = dps_client_status(client);
	return DPS_OK;
}

void dps_client_deinit(struct dps_client *client)
{
	if (client->config.platform != NULL)
		dps_client_stop(client);
	dps_wipe(client, sizeof(*client));
}

enum dps_state dps_client_state(const struct dps_client *client)
{
	return client->state;
}

void dps_client_report(const struct dps_client *client, struct dps_report *report)
{
	*report = client->report;
}

const struct dps_failure *dps_client_last_failure(const struct dps_client *client)
{
	return client->failed_once ? &client->failure : NULL;
}

dps_result dps_client_device_id(const struct dps_client *client, struct dps_uuid *id)
{
	if (dps_uuid_is_nil(&client->device_id))
		return DPS_E_STATE;
	*id = client->device_id;
	return DPS_OK;
}
