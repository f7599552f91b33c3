/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and answers on an established connection: every step whose needs are met is asked at once, answers are taken in any order.
 *
 * The lead request. A service may hold back the first request of a connection (plgd: until the device has answered its GET /oic/res) while it serves
 * those behind it. So the first request is a copy of the time request whose answer nobody waits for, and the one behind it counts: one round trip
 * less. With the time known the whole flight follows the copy at once.
 *
 * An error answer may end the connection (plgd: after a second). Nothing new is asked on it then; what it takes with it is asked
 * again on a new connection, the first time at once, and is no failure of those steps.
 */
#include <string.h>

#include "client/internal.h"
#include "client/policy.h"
#include "codec/cbor.h"
#include "codec/text.h"

/* Handles are step ids; the copy of the lead request has this bit too. */
#define LEAD 0x80u

#define NOT_FOUND_CODE 404u

/* A connection on which nothing is under way is kept for a step that is due this soon: another handshake would take longer. */
#define LINGER_MS 10000u

/* Services that send a device in circles. */
#define REDIRECTS_MAX 4

static const struct dps_step *find_step(const struct dps_client *client, enum dps_step_id id)
{
	const struct dps_service *service = client->config.service;

	for (size_t i = 0; i < service->step_count; i++)
		if (service->steps[i]->id == id)
			return service->steps[i];
	return NULL;
}

static struct dps_step_env step_env(struct dps_client *client)
{
	return (struct dps_step_env){
		.store = &client->store,
		.keys = client->config.keys,
		.key_slot = client->key_slot,
		.device_id = client->device_id,
		.now_s = dps_client_wall_s(client),
		.selected = client->asked.uri.len > 0 ? &client->asked : NULL,
	};
}

/* The time counts as a step that is done when the time is known, from wherever. */
static uint32_t met(const struct dps_client *client)
{
	return client->done | (dps_client_wall_s(client) != 0 ? DPS_STEP_BIT(DPS_STEP_TIME) : 0);
}

static bool is_open(const struct dps_client *client, const struct dps_step *step)
{
	uint32_t bit = DPS_STEP_BIT(step->id);

	return (client->wanted & ~client->done & ~client->in_flight & bit) != 0 && (step->needs & ~met(client)) == 0;
}

uint64_t dps_client_next_due(const struct dps_client *client)
{
	const struct dps_service *service = client->config.service;
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < service->step_count; i++) {
		const struct dps_step *step = service->steps[i];

		if (is_open(client, step) && client->steps[step->id].due < due)
			due = client->steps[step->id].due;
	}
	return due;
}

uint32_t dps_client_request_timeout(const struct dps_client *client, enum dps_step_id id)
{
	const struct dps_client_config *config = &client->config;

	if (client->steps[id].timeout_ms != 0)
		return client->steps[id].timeout_ms;
	return config->step_timeout_ms[id] != 0 ? config->step_timeout_ms[id] : config->request_timeout_ms;
}

/* Whether the peer is to be told now and then that this device is still there: it closes connections on which nothing comes. */
static bool keeps_alive(const struct dps_client *client)
{
	return client->config.keepalive_ms != 0 && !client->ending;
}

uint64_t dps_client_next_event(const struct dps_client *client)
{
	const bool blocked = client->ending || client->no_room || (client->config.sequential && client->in_flight != 0);
	uint64_t at = blocked ? UINT64_MAX : dps_client_next_due(client);

	if (client->no_room && client->wake < at)
		at = client->wake;
	if (keeps_alive(client) && client->alive_at + client->config.keepalive_ms < at)
		at = client->alive_at + client->config.keepalive_ms;
	for (unsigned id = 0; id < DPS_STEP_COUNT; id++)
		if ((client->in_flight & DPS_STEP_BIT(id)) != 0 && client->steps[id].due < at)
			at = client->steps[id].due;
	return at;
}

static dps_result send(struct dps_client *client, const struct dps_step *step, unsigned handle)
{
	const struct dps_service *service = client->config.service;
	struct dps_step_env env = step_env(client);
	struct dps_request request;
	dps_result result = step->build(&env, &request);

	if (result == DPS_OK)
		result = service->transport->send(service->self, handle, &request, &env);
	if (result != DPS_OK)
		return result;
	client->report.requests++;
	client->alive_at = dps_client_now(client);
	if (client->failure.step == step->id || client->failure.step < DPS_STEP_TIME)
		client->failing = false;
	return DPS_OK;
}

static bool is_of_the_peer(dps_class klass)
{
	return klass != DPS_CLASS_LOCAL && klass != DPS_CLASS_CONFIG;
}

static void step_failed(struct dps_client *client, enum dps_step_id id, dps_result cause, unsigned code, const uint8_t *text, size_t len)
{
	struct dps_client_step *step = &client->steps[id];
	dps_class klass = dps_result_class(cause);
	uint32_t delay = 0;

	dps_client_record(client, id, cause, code, text, len);
	if (!dps_client_retries(client, klass)) {
		dps_client_fail(client, false);
		return;
	}
	if (dps_client_keep_key(client, id, cause)) {
		client->ending = true; /* the other key is opened before the next connection */
	} else if (is_of_the_peer(klass) && dps_client_move_on(client, true)) {
		client->ending = true; /* another endpoint may do better, and at once */
	} else {
		delay = dps_client_schedule(client, id, cause, ++step->failures);
		client->ending |= client->moving;
	}
	step->due = dps_client_now(client) + delay;
	dps_client_emit_retry(client, delay);
	dps_client_note_status(client, DPS_WHY_STEP_FAILED);
}

/* The connection is gone. What was in flight is asked again on the next one. */
static void connection_lost(struct dps_client *client, dps_result cause, struct dps_span text)
{
	const struct dps_service *service = client->config.service;
	const bool told = client->ending && !client->lead_refused; /* the failure that ends the connection */
	uint32_t lost = client->in_flight;
	enum dps_step_id first = DPS_STEP_TLS;
	uint32_t delay = 0;

	for (size_t i = service->step_count; i-- > 0;)
		if ((lost & DPS_STEP_BIT(service->steps[i]->id)) != 0)
			first = service->steps[i]->id;
	client->in_flight = 0;
	if (lost != 0 && told) {
		if (client->swallowed++ > 0)
			delay = dps_policy_delay(&client->config, DPS_CLASS_TRANSIENT, client->swallowed - 1, dps_client_random(client));
	}
	for (unsigned id = 0; id < DPS_STEP_COUNT; id++)
		if ((lost & DPS_STEP_BIT(id)) != 0)
			client->steps[id].due = dps_client_now(client) + delay;
	if (!told && (lost != 0 || dps_client_next_due(client) <= dps_client_now(client)))
		dps_client_connection_failed(client, first, cause, text);
	else
		dps_client_go_on(client);
}

/* A request could not be sent at all. */
static void send_failed(struct dps_client *client, enum dps_step_id id, dps_result result)
{
	dps_class klass = dps_result_class(result);

	if (klass == DPS_CLASS_TRANSIENT) {
		client->in_flight |= DPS_STEP_BIT(id); /* it shares the fate of those under way */
		connection_lost(client, result, (struct dps_span){NULL, 0});
	} else {
		step_failed(client, id, result, 0, NULL, 0);
	}
}

static void send_lead(struct dps_client *client)
{
	const struct dps_service *service = client->config.service;
	const struct dps_step *step = find_step(client, DPS_STEP_TIME);
	dps_result result;

	if (client->lead_sent || !service->lead_request || client->config.sequential || step == NULL)
		return;
	client->lead_sent = true;
	client->steps[step->id].sent = dps_client_now(client);
	result = send(client, step, (unsigned)step->id | LEAD);
	if (result != DPS_OK && result != DPS_AGAIN)
		send_failed(client, step->id, result);
}

static void send_due(struct dps_client *client)
{
	const struct dps_service *service = client->config.service;
	const bool waited = client->no_room;
	uint64_t now = dps_client_now(client);
	dps_result result = DPS_OK;

	client->no_room = false;
	if (client->ending || dps_client_next_due(client) > now)
		return;
	/* Whatever made the time known (the platform's clock may have been set this instant), nothing leaves before the dates are checked. */
	if (dps_client_wall_s(client) != 0 && !dps_client_check_dates(client))
		return;
	send_lead(client);
	for (size_t i = 0; i < service->step_count && client->state == DPS_STATE_ASKING && result == DPS_OK; i++) {
		const struct dps_step *step = service->steps[i];

		if (client->config.sequential && client->in_flight != 0)
			break;
		if (!is_open(client, step) || client->steps[step->id].due > now)
			continue;
		result = send(client, step, (unsigned)step->id);
		if (result == DPS_OK) {
			client->in_flight |= DPS_STEP_BIT(step->id);
			client->tried |= DPS_STEP_BIT(step->id);
			client->steps[step->id].sent = now;
			client->steps[step->id].due = now + dps_client_request_timeout(client, step->id);
		} else if (result == DPS_AGAIN) {
			client->no_room = true;                /* tried again when something has left or come */
			if (!waited || client->in_flight != 0) /* but not for ever, when no answer is due that would make room */
				client->wake = now + client->config.request_timeout_ms;
		} else {
			send_failed(client, step->id, result);
		}
	}
	dps_client_note_status(client, DPS_WHY_ASKED);
}

/* Whoever owns the device now is not who owned it when the other records were committed: all are asked for again. */
static void owner_known(struct dps_client *client)
{
	const struct dps_service *service = client->config.service;
	bool changes;

	if (dps_client_owner_changes(client, &changes) == DPS_OK && !changes)
		return; /* where it cannot be told, all is asked for too */
	for (size_t i = 0; i < service->step_count; i++)
		if ((service->steps[i]->flags & DPS_STEP_IS_TIME) == 0)
			client->wanted |= DPS_STEP_BIT(service->steps[i]->id);
}

static void step_done(struct dps_client *client, enum dps_step_id id, bool absent)
{
	struct dps_event event = {.type = DPS_EVENT_STEP, .step = id, .absent = absent};

	client->done |= DPS_STEP_BIT(id);
	client->report.step_ms[id] = dps_client_since_connect(client);
	client->connect_failures = 0;
	client->connect_timeout_ms = 0;
	client->endpoints_failed = 0;
	client->swallowed = 0;
	client->redirects = 0;
	client->steps[id].timeout_ms = 0;
	dps_client_forget_error(client, id);
	if (id == DPS_STEP_OWNER)
		owner_known(client);
	dps_client_emit(client, &event);
	dps_client_note_status(client, DPS_WHY_STEP_DONE);
}

/* The time was read somewhere between request and answer: in the middle is the best guess. */
static void take_time(struct dps_client *client, int64_t time_ms)
{
	const struct dps_service *service = client->config.service;
	const uint64_t round_trip = dps_client_now(client) - client->steps[DPS_STEP_TIME].sent;

	/* One of the two copies was answered: the other is not waited for. */
	if ((client->in_flight & DPS_STEP_BIT(DPS_STEP_TIME)) != 0)
		service->transport->forget(service->self, DPS_STEP_TIME);
	client->in_flight &= ~DPS_STEP_BIT(DPS_STEP_TIME);
	dps_client_set_time(client, time_ms + (int64_t)(round_trip / 2));
	client->dates_checked = false;
	if (!dps_client_check_dates(client))
		return;
	dps_client_hand_on_time(client);
	step_done(client, DPS_STEP_TIME, false);
}

/* The service sends the device elsewhere. What was answered so far stays. */
static void follow_redirect(struct dps_client *client, enum dps_step_id id, struct dps_span to)
{
	if (client->redirects == REDIRECTS_MAX || !dps_client_redirect(client, to)) {
		step_failed(client, id, DPS_E_FIELD, 0, to.data, to.len);
		return;
	}
	client->redirects++;
	(void)dps_client_write_endpoints(client); /* before more is staged there; on failure it is tried again after the commit */
	client->moving = false;
	client->endpoints_failed = 0;
	for (unsigned i = 0; i < DPS_STEP_COUNT; i++)
		if ((client->in_flight & DPS_STEP_BIT(i)) != 0)
			client->steps[i].due = 0;
	client->in_flight = 0;
	client->steps[id].due = 0;
	dps_client_go_on(client);
}

/* Once in a run: what is to be stored of the endpoints and the time. Failures show when it is tried again, after the commit. */
static void remember(struct dps_client *client)
{
	if (client->remembered)
		return;
	client->remembered = true;
	(void)dps_client_remember(client);
}

static void take_answer(struct dps_client *client, const struct dps_answer *answer)
{
	const struct dps_service *service = client->config.service;
	const bool lead = (answer->handle & LEAD) != 0;
	const enum dps_step_id id = (enum dps_step_id)(answer->handle & ~LEAD);
	const struct dps_step *step = find_step(client, id);
	const bool none = answer->code == NOT_FOUND_CODE && step != NULL && (step->flags & DPS_STEP_OPTIONAL) != 0;
	const struct dps_step_env env = step_env(client);
	struct dps_verdict verdict = {.kind = DPS_VERDICT_DONE};
	dps_result result = answer->result;

	if (!lead)
		client->in_flight &= ~DPS_STEP_BIT(id);
	if (service->error_closes && answer->result != DPS_OK && answer->code >= 400) {
		client->lead_refused = lead && !client->ending;
		client->ending = true;
	}
	if (step == NULL || (client->wanted & ~client->done & DPS_STEP_BIT(id)) == 0)
		return; /* the copy of the lead request, which nobody waits for */
	if ((step->flags & DPS_STEP_IS_TIME) == 0)
		remember(client); /* whose answers these are, before the first is staged */
	if (result == DPS_OK || none)
		result = step->accept(&env, answer, &verdict);
	if (lead && result != DPS_OK)
		return; /* the other copy tells */
	if (result != DPS_OK) {
		bool error = answer->result != DPS_OK;

		step_failed(client, id, result, answer->code, error ? answer->payload : NULL, error ? answer->payload_len : 0);
		return;
	}
	if (verdict.kind == DPS_VERDICT_AFTER) {
		client->steps[id].due = dps_client_now(client) + verdict.after_ms;
		return;
	}
	if (verdict.kind == DPS_VERDICT_REDIRECT && !dps_span_is(verdict.redirect, client->endpoints[client->endpoint].uri)) {
		follow_redirect(client, id, verdict.redirect);
		return;
	}
	if ((step->flags & DPS_STEP_IS_TIME) != 0) {
		take_time(client, verdict.time_ms);
		return;
	}
	if ((step->flags & DPS_STEP_OPTIONAL) != 0 && !client->foreign && client->endpoints[client->endpoint].no_resources != verdict.absent) {
		client->endpoints[client->endpoint].no_resources = verdict.absent;
		client->endpoints_changed = true;
	}
	step_done(client, id, verdict.absent);
}

static void check_timeouts(struct dps_client *client)
{
	const struct dps_service *service = client->config.service;
	uint64_t now = dps_client_now(client);

	for (size_t i = 0; i < service->step_count && client->state == DPS_STATE_ASKING; i++) {
		enum dps_step_id id = service->steps[i]->id;

		if ((client->in_flight & DPS_STEP_BIT(id)) == 0 || client->steps[id].due > now)
			continue;
		service->transport->forget(service->self, (unsigned)id);
		client->in_flight &= ~DPS_STEP_BIT(id);
		client->ending = true; /* a connection on which an answer went missing is not trusted with more */
		step_failed(client, id, DPS_E_TIMEOUT, 0, NULL, 0);
	}
	if (client->state == DPS_STATE_ASKING && client->no_room && client->wake <= now)
		connection_lost(client, DPS_E_TIMEOUT, (struct dps_span){NULL, 0});
}

static void keep_alive(struct dps_client *client)
{
	const struct dps_service *service = client->config.service;
	uint64_t now = dps_client_now(client);

	if (client->state != DPS_STATE_ASKING || !keeps_alive(client) || now < client->alive_at + client->config.keepalive_ms)
		return;
	client->alive_at = now;
	if (service->transport->keepalive(service->self) == DPS_E_TIMEOUT)
		connection_lost(client, DPS_E_TIMEOUT, (struct dps_span){NULL, 0});
}

/* The body area is read into, which may be the transport's: a connection is not used any more if something is still to be asked. */
bool dps_client_has_all(struct dps_client *client)
{
	const uint32_t bit = DPS_STEP_BIT(DPS_STEP_CREDENTIALS);

	if ((client->wanted & ~client->done) != 0)
		return false;
	if (!dps_client_staged_has_expired(client))
		return true;
	(void)dps_store_discard(&client->store, DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)); /* it is replaced before anything is committed */
	client->wanted |= bit;
	client->done &= ~bit;
	client->ending = true;
	step_failed(client, DPS_STEP_CREDENTIALS, DPS_E_IDENTITY_EXPIRED, 0, NULL, 0);
	return false;
}

void dps_client_advance_asking(struct dps_client *client, bool *busy)
{
	const struct dps_service *service = client->config.service;
	dps_result result = DPS_OK;

	while (result == DPS_OK) {
		struct dps_answer answer = {.result = DPS_OK};

		send_due(client);
		if (client->state != DPS_STATE_ASKING)
			return;
		result = service->transport->poll(service->self, &answer, busy);
		if (result == DPS_OK)
			take_answer(client, &answer);
		else if (result != DPS_AGAIN)
			connection_lost(client, result, (struct dps_span){answer.payload, answer.payload_len});
		if (client->state != DPS_STATE_ASKING)
			return;
		if (dps_client_has_all(client)) {
			dps_client_enter(client, DPS_WHY_ANSWERED);
			return;
		}
	}
	/* While the answers are on their way there is time for what is to be stored anyway. */
	if (client->in_flight != 0 && dps_client_wall_s(client) != 0)
		remember(client);
	check_timeouts(client);
	keep_alive(client);
	if (client->state == DPS_STATE_ASKING && client->in_flight == 0 &&
	    (client->ending || dps_client_next_due(client) > dps_client_now(client) + LINGER_MS))
		dps_client_go_on(client);
}
