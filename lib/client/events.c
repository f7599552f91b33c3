/* SPDX-License-Identifier: Apache-2.0 */
/* States, events, and the failure on record. Every start ends in exactly one terminal event, and both kinds are raised here only. */
#include <string.h>

#include "client/internal.h"
#include "client/machine.h"
#include "client/policy.h"
#include "codec/text.h"

const char *dps_state_name(enum dps_state state)
{
#if DPS_CONFIG_NAMES
	static const char *const names[] = {
		[DPS_STATE_IDLE] = "idle",       [DPS_STATE_CONNECTING] = "connecting", [DPS_STATE_ASKING] = "asking",
		[DPS_STATE_WAITING] = "waiting", [DPS_STATE_COMMITTING] = "committing", [DPS_STATE_PROVISIONED] = "provisioned",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
#else
	(void)state;
	return "";
#endif
}

uint64_t dps_client_now(const struct dps_client *client)
{
	const struct dps_clock *clock = &client->config.platform->clock;

	return clock->monotonic_ms(clock->ctx);
}

uint32_t dps_client_random(const struct dps_client *client)
{
	const struct dps_random *random = &client->config.platform->random;
	uint8_t b[4];

	if (random->fill(random->ctx, b, sizeof(b)) != DPS_OK)
		return UINT32_C(1) << 31;
	return ((uint32_t)b[0] << 24) | ((uint32_t)b[1] << 16) | ((uint32_t)b[2] << 8) | b[3];
}

uint32_t dps_client_since_connect(const struct dps_client *client)
{
	uint64_t elapsed = client->first_connect == 0 ? 0 : dps_client_now(client) - client->first_connect;

	return elapsed < UINT32_MAX ? (uint32_t)elapsed : UINT32_MAX;
}

void dps_client_emit(struct dps_client *client, struct dps_event *event)
{
	uint64_t elapsed = dps_client_now(client) - client->started;

	if (client->config.on_event == NULL || client->silent)
		return;
	event->at_ms = elapsed < UINT32_MAX ? (uint32_t)elapsed : UINT32_MAX;
	client->in_callback = true;
	client->config.on_event(client->config.user, event);
	client->in_callback = false;
}

void dps_client_enter(struct dps_client *client, enum dps_why why)
{
	struct dps_event event = {.type = DPS_EVENT_STATE, .why = why, .previous = client->state};

	/* What the table does not know is a fault of this library: to end is better than to go on in a state that nobody thought of. */
	if (!dps_machine_next(client->state, why, &event.state)) {
		dps_client_warn(client, DPS_STEP_CONFIG, DPS_E_INTERNAL, DPS_CLIENT_TEXT("a change of state that cannot be"));
		event.state = DPS_STATE_IDLE;
	}
	client->state = event.state;
	if (event.state != event.previous)
		dps_client_emit(client, &event);
	dps_client_note_status(client, why);
}

void dps_client_record(struct dps_client *client, enum dps_step_id step, dps_result cause, unsigned code, const uint8_t *text, size_t len)
{
	struct dps_failure *failure = &client->failure;

	failure->step = step;
	failure->cause = cause;
	failure->code = code;
	failure->attempt = ++client->report.attempts[step];
	dps_text_printable(failure->text, sizeof(failure->text), text, len);
	client->failed_once = true;
	dps_client_note_error(client, step, cause, code);
}

void dps_client_warn(struct dps_client *client, enum dps_step_id step, dps_result cause, const char *text)
{
	const struct dps_log *log = &client->config.platform->log;
	struct dps_failure warning = {.step = step, .cause = cause};
	struct dps_event event = {.type = DPS_EVENT_WARNING, .failure = &warning};

	dps_text_printable(warning.text, sizeof(warning.text), (const uint8_t *)text, strlen(text));
	if (log->write != NULL && !client->silent)
		log->write(log->ctx, DPS_LOG_WARNING, warning.text);
	dps_client_emit(client, &event);
}

bool dps_client_retries(const struct dps_client *client, dps_class klass)
{
	return client->renewing || dps_policy_retries(klass, client->config.stay);
}

void dps_client_emit_retry(struct dps_client *client, uint32_t retry_ms)
{
	struct dps_event event = {
		.type = DPS_EVENT_FAILURE,
		.failure = &client->failure,
		.retry_ms = retry_ms,
		.endpoint = client->endpoints[client->endpoint].uri,
	};

	dps_client_emit(client, &event);
}

void dps_client_fail(struct dps_client *client, bool deadline)
{
	struct dps_event event = {.type = DPS_EVENT_FAILED, .failure = &client->failure, .deadline = deadline};

	dps_client_close(client);
	client->report.elapsed_ms = dps_client_since_connect(client);
	dps_client_enter(client, deadline ? DPS_WHY_DEADLINE : DPS_WHY_FAILED);
	dps_client_emit(client, &event);
}

void dps_client_succeed(struct dps_client *client, bool fresh)
{
	struct dps_event event = {.type = client->renewing ? DPS_EVENT_RENEWED : DPS_EVENT_PROVISIONED, .fresh = fresh};

	client->report.elapsed_ms = dps_client_since_connect(client);
	client->failing = false;
	client->error = DPS_ERROR_OK;
	client->expiry_told = false;
	if (client->config.stay)
		dps_client_watch_renewal(client);
	if (fresh)
		dps_client_enter(client, client->config.stay ? DPS_WHY_COMMITTED : DPS_WHY_COMMITTED_ENDS);
	else
		dps_client_enter(client, client->config.stay ? DPS_WHY_ALREADY : DPS_WHY_ALREADY_ENDS);
	client->renewing = false;
	if (fresh && event.type == DPS_EVENT_PROVISIONED && (client->flags & DPS_START_RENEW) != 0) {
		event.type = DPS_EVENT_RENEWED; /* asked for by a start: told, and then that start's end */
		dps_client_emit(client, &event);
		event.type = DPS_EVENT_PROVISIONED;
	}
	dps_client_emit(client, &event);
}
