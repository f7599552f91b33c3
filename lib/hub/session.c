/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On an established connection: which request when, what answers make of it, and whether the peer is still there.
 *
 * One account request at a time, chosen by policy.c from what is known. The gateway answers an error of such a request and closes: so does this side, at
 * once, and goes on with the next request on a new connection.
 */
#include <string.h>

#include "codec/text.h"
#include "hub/internal.h"
#include "hub/policy.h"

#if DPS_CONFIG_HUB

#define ACCOUNT_OPS                                                                                                                        \
	(DPS_HUB_BIT(DPS_HUB_OP_SIGN_UP) | DPS_HUB_BIT(DPS_HUB_OP_SIGN_IN) | DPS_HUB_BIT(DPS_HUB_OP_REFRESH) |                                 \
	 DPS_HUB_BIT(DPS_HUB_OP_SIGN_OUT) | DPS_HUB_BIT(DPS_HUB_OP_SIGN_OFF))

#define DIRECTORY_OPS (DPS_HUB_BIT(DPS_HUB_OP_PUBLISH) | DPS_HUB_BIT(DPS_HUB_OP_UNPUBLISH))

/* The gateway refuses to sign a device in with a token that expires within 120 s, and takes as much off what it tells of a session. */
#define TOKEN_MARGIN_S 120

/* For the way there and clocks that differ. */
#define TOKEN_SLACK_S 10

/* Refreshes are at least so far apart, whatever the hub says of its tokens. */
#define REFRESH_SPACING_MS 10000u

/* How long the answer to a good-bye is waited for. */
#define LEAVE_TIMEOUT_MS 5000u

static const struct dps_span no_text = {NULL, 0};

static bool is_in_flight(const struct dps_hub *hub, enum dps_hub_op op)
{
	return (hub->in_flight & DPS_HUB_BIT(op)) != 0;
}

unsigned dps_hub_facts(const struct dps_hub *hub)
{
	const struct dps_cloud *cloud = &hub->cloud;
	const int64_t now_s = dps_hub_wall_s(hub);
	unsigned facts = hub->used;
	bool expiring;

	if (hub->state == DPS_HUB_ONLINE) {
		facts |= DPS_HUB_ONLINE_NOW;
		expiring = dps_hub_now(hub) >= hub->refresh_at;
	} else {
		expiring = cloud->expires > 0 && now_s > 0 && cloud->expires - now_s < TOKEN_MARGIN_S + TOKEN_SLACK_S;
	}
	facts |= expiring ? DPS_HUB_EXPIRING : 0u;
	facts |= cloud->registered && dps_hub_access_token(hub).len > 0 ? DPS_HUB_REGISTERED : 0u;
	facts |= cloud->refresh_token.len > 0 ? DPS_HUB_REFRESHABLE : 0u;
	facts |= cloud->token.len > 0 && !hub->sign_off_asked ? DPS_HUB_PROVISIONED : 0u; /* nobody signs up to sign off */
	return facts;
}

bool dps_hub_must_wait(const struct dps_hub *hub, enum dps_hub_op op)
{
	const struct dps_hub_source *source = &hub->config.source;

	return (op == DPS_HUB_OP_SIGN_UP || op == DPS_HUB_OP_REFRESH) && source->can_update != NULL && !source->can_update(source->ctx);
}

/* --- the peer's requests ----------------------------------------------------------------------------------------------------------- */

static void serve(void *ctx, const struct dps_coap_inbound *inbound, struct dps_coap_reply *reply)
{
	struct dps_hub *hub = ctx;

	hub->asked = true;
	hub->served = true;
	if (hub->config.serve != NULL)
		hub->config.serve(hub->config.resources, inbound, reply);
}

/* What the gateway takes; its CSM does not say, which would mean 1,152 bytes (RFC 8323 section 5.3.1). */
#define GATEWAY_MESSAGE_SIZE UINT32_C(262144)

dps_result dps_hub_init_coap(struct dps_hub *hub)
{
	const struct dps_coap_options options = {
		.accept = DPS_COAP_FORMAT_OCF_CBOR,
		.content_format = DPS_COAP_FORMAT_OCF_CBOR,
		.assumed_size = GATEWAY_MESSAGE_SIZE,
		.receive = hub->receive,
		.receive_size = sizeof(hub->receive),
		.send = hub->send,
		.send_size = sizeof(hub->send),
		.serve = serve,
		.serve_ctx = hub,
	};

	return dps_coap_init(&hub->coap, &options);
}

/* --- requests ---------------------------------------------------------------------------------------------------------------------- */

void dps_hub_begin_session(struct dps_hub *hub)
{
	const struct dps_channel *channel = hub->config.channel;
	const struct dps_transport_env env = {.channel = channel, .random = &hub->config.platform->random}; /* no body area: no blocks */
	const struct dps_acl_subject peer = {.authenticated = true, .uuid = hub->hub_id};                   /* TLS compared it */
	struct dps_channel_stats stats;

	dps_coap_transport.attach(&hub->coap, &env);
	hub->attached = true;
	hub->asked = false;
	hub->publish_due = true; /* anew for each session: what was under way when the last one ended is not known to have arrived */
	hub->unpublish_due = false;
	hub->refresh_at = UINT64_MAX;
	hub->publish_at = 0;
	hub->publish_failures = 0;
	channel->stats(channel->ctx, &stats);
	hub->heard_bytes = stats.bytes_received;
	hub->heard_at = dps_hub_now(hub);
	hub->pings = 0;
	dps_hub_set_state(hub, DPS_HUB_SIGNING_IN);
	if (hub->config.on_attach != NULL) {
		hub->in_callback = true;
		hub->config.on_attach(hub->config.resources, &hub->coap, &peer);
		hub->in_callback = false;
	}
}

static void leave(struct dps_hub *hub)
{
	hub->leaving_sent = false;
	hub->wake = dps_hub_now(hub) + LEAVE_TIMEOUT_MS;
	dps_hub_set_state(hub, DPS_HUB_LEAVING);
}

void dps_hub_depart(struct dps_hub *hub)
{
	hub->departing = true;
	leave(hub);
}

void dps_hub_leave(struct dps_hub *hub)
{
	if (hub->state == DPS_HUB_LEAVING)
		return;
	if (hub->state == DPS_HUB_ONLINE && hub->config.sign_out)
		leave(hub);
	else
		dps_hub_end(hub);
}

/* DPS_AGAIN: there is no room now. Other failures end the connection, or are told and end the request. */
static dps_result send(struct dps_hub *hub, enum dps_hub_op op)
{
	const struct dps_hub_env env = {.hub = hub, .login = op == DPS_HUB_OP_SIGN_IN};
	const bool directory = (DIRECTORY_OPS & DPS_HUB_BIT(op)) != 0;
	struct dps_request request;
	dps_result result = directory ? dps_hub_build_directory(hub, op, &request) : dps_hub_build_account(hub, op, &request);

	if (result == DPS_OK)
		result = dps_coap_transport.send(&hub->coap, op, &request, &env.step);
	if (result == DPS_OK) {
		hub->in_flight |= DPS_HUB_BIT(op);
		hub->due[op] = dps_hub_now(hub) + hub->config.request_timeout_ms;
	}
	return result;
}

/* Before all else, and with it in one flight: it costs no round trip. */
static void send_time(struct dps_hub *hub)
{
	if (hub->time_due && hub->state != DPS_HUB_LEAVING && send(hub, DPS_HUB_OP_TIME) == DPS_OK)
		hub->time_due = false;
}

static enum dps_hub_op next_account_op(const struct dps_hub *hub)
{
	if (hub->state == DPS_HUB_LEAVING)
		return hub->leaving_sent ? DPS_HUB_OP_NONE : hub->sign_off_asked || hub->departing ? DPS_HUB_OP_SIGN_OFF : DPS_HUB_OP_SIGN_OUT;
	return dps_hub_next_op(dps_hub_facts(hub));
}

static void send_account(struct dps_hub *hub)
{
	enum dps_hub_op op = DPS_HUB_OP_NONE;
	dps_result result;

	if ((hub->in_flight & ACCOUNT_OPS) == 0)
		op = next_account_op(hub);
	if (op == DPS_HUB_OP_NONE)
		return;
	if (op == DPS_HUB_OP_PROVISION) {
		dps_hub_need_provisioning(hub);
		return;
	}
	if (dps_hub_must_wait(hub, op)) {
		if (hub->state == DPS_HUB_ONLINE)
			hub->refresh_at = dps_hub_now(hub) + REFRESH_SPACING_MS;
		else
			dps_hub_connection_failed(hub, DPS_E_STATE, 0, no_text);
		return;
	}
	if (op == DPS_HUB_OP_SIGN_IN)
		hub->asked = false;
	result = send(hub, op);
	if (result == DPS_OK)
		hub->leaving_sent = hub->state == DPS_HUB_LEAVING;
	else if (result != DPS_AGAIN)
		dps_hub_connection_failed(hub, result, 0, no_text);
}

/* The gateway takes a publish once it has asked the device something: from then on it knows the session. */
static void send_directory(struct dps_hub *hub, enum dps_hub_op op, bool *due)
{
	const bool known = hub->state == DPS_HUB_ONLINE || (hub->asked && is_in_flight(hub, DPS_HUB_OP_SIGN_IN));
	dps_result result;

	if (!*due || !known || is_in_flight(hub, op) || (op == DPS_HUB_OP_PUBLISH && dps_hub_now(hub) < hub->publish_at))
		return;
	result = send(hub, op);
	if (result == DPS_AGAIN)
		return;
	*due = false;
	if (result == DPS_OK || result == DPS_E_NOT_FOUND)
		return;
	if (dps_result_class(result) == DPS_CLASS_TRANSIENT)
		dps_hub_connection_failed(hub, result, 0, no_text);
	else
		dps_hub_warn(hub, result, "the list of resources cannot be sent");
}

static void send_due(struct dps_hub *hub)
{
	const enum dps_hub_state before = hub->state;

	if (hub->state == DPS_HUB_ONLINE && hub->sign_off_asked)
		leave(hub);
	send_time(hub);
	send_account(hub);
	if (hub->state == before && hub->state != DPS_HUB_LEAVING)
		send_directory(hub, DPS_HUB_OP_PUBLISH, &hub->publish_due);
	if (hub->state == before && hub->state != DPS_HUB_LEAVING)
		send_directory(hub, DPS_HUB_OP_UNPUBLISH, &hub->unpublish_due);
}

/* --- answers ----------------------------------------------------------------------------------------------------------------------- */

static void schedule_refresh(struct dps_hub *hub, int64_t left_s)
{
	const uint64_t now = dps_hub_now(hub);

	hub->refresh_at = UINT64_MAX;
	if (left_s == DPS_HUB_NEVER)
		return;
	hub->refresh_at = now + dps_hub_refresh_in(left_s, dps_hub_random(hub));
	if (hub->refreshed_at != 0 && hub->refresh_at < hub->refreshed_at + REFRESH_SPACING_MS)
		hub->refresh_at = hub->refreshed_at + REFRESH_SPACING_MS;
}

/* What is left of a session that lives by a token. */
static int64_t session_left(int64_t token_left_s)
{
	if (token_left_s == DPS_HUB_NEVER)
		return DPS_HUB_NEVER;
	return token_left_s > TOKEN_MARGIN_S ? token_left_s - TOKEN_MARGIN_S : 0;
}

/* The next start begins with the gateway that works. */
static void remember_gateway(struct dps_hub *hub)
{
	struct dps_cloud changed = hub->cloud;
	dps_result result;

	changed.selected = hub->gateway < changed.gateway_count ? hub->gateway + 1 : 0;
	if (changed.selected == hub->cloud.selected)
		return;
	result = dps_hub_commit(hub, &changed);
	if (result != DPS_OK)
		dps_hub_warn(hub, result, "the gateway in use could not be stored");
}

static void signed_in(struct dps_hub *hub, struct dps_span payload)
{
	const struct dps_channel *channel = hub->config.channel;
	const int64_t now_s = dps_hub_wall_s(hub);
	const uint64_t now = dps_hub_now(hub);
	const uint64_t took = now - hub->left_at;
	struct dps_hub_event event = {.type = DPS_HUB_EVENT_ONLINE};
	struct dps_channel_stats stats;
	int64_t left_s = DPS_HUB_NEVER;
	dps_result result = dps_hub_read_session(payload, &left_s);

	if (result != DPS_OK) {
		dps_hub_connection_failed(hub, result, 0, no_text);
		return;
	}
	if (left_s == DPS_HUB_NEVER && hub->cloud.expires > 0 && now_s > 0) /* what the token said */
		left_s = session_left(hub->cloud.expires > now_s ? hub->cloud.expires - now_s : 0);
	hub->used &= ~(unsigned)DPS_HUB_FORGOTTEN_ONLINE;
	hub->online_since = now;
	hub->stable = false;
	schedule_refresh(hub, left_s);
	channel->stats(channel->ctx, &stats);
	event.expires_in_s = left_s;
	event.ms = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
	event.resumed = stats.resumed != hub->resumed;
	dps_hub_set_state(hub, DPS_HUB_ONLINE);
	dps_hub_emit(hub, &event);
}

static void took_tokens(struct dps_hub *hub, enum dps_hub_op op, struct dps_span payload)
{
	struct dps_hub_event event = {.type = DPS_HUB_EVENT_REFRESHED};
	bool moved = false;
	int64_t left_s = DPS_HUB_NEVER;
	dps_result result = dps_hub_take_tokens(hub, op, payload, &left_s, &moved);

	if (result != DPS_OK) {
		dps_hub_connection_failed(hub, result, 0, no_text);
		return;
	}
	hub->used &= ~(unsigned)(DPS_HUB_SIGN_IN_REFUSED | DPS_HUB_REFRESH_REFUSED);
	hub->used |= op == DPS_HUB_OP_SIGN_UP ? DPS_HUB_SIGNED_UP : DPS_HUB_REFRESHED;
	if (op == DPS_HUB_OP_REFRESH) {
		hub->refreshed_at = dps_hub_now(hub);
		event.expires_in_s = left_s;
		dps_hub_emit(hub, &event);
	}
	if (hub->state == DPS_HUB_ONLINE) {
		hub->used &= ~(unsigned)DPS_HUB_FORGOTTEN_ONLINE;
		schedule_refresh(hub, session_left(left_s));
	}
	if (moved)
		dps_hub_connect_again(hub);
}

/* What a refusal of an account request says of what was sent. */
static const unsigned REFUSALS[DPS_HUB_OP_COUNT] = {
	[DPS_HUB_OP_SIGN_UP] = DPS_HUB_SIGNED_UP,
	[DPS_HUB_OP_SIGN_IN] = DPS_HUB_SIGN_IN_REFUSED,
	[DPS_HUB_OP_REFRESH] = DPS_HUB_REFRESH_REFUSED,
};

/* An answer that says nothing, whatever its code. */
static bool is_broken(const struct dps_answer *answer)
{
	return answer->code < 400 || dps_result_class(answer->result) == DPS_CLASS_PROTOCOL;
}

static void account_refused(struct dps_hub *hub, enum dps_hub_op op, const struct dps_answer *answer)
{
	const struct dps_span text = {answer->payload, answer->payload_len};

	if (is_broken(answer) || dps_hub_meaning(answer->code, text) == DPS_HUB_TRY_LATER) {
		dps_hub_connection_failed(hub, answer->result, answer->code, answer->code < 400 ? no_text : text);
		return;
	}
	dps_hub_emit_failure(hub, DPS_HUB_EVENT_WARNING, answer->result, answer->code, text, 0);
	hub->used |= REFUSALS[op];
	dps_hub_connect_again(hub);
}

static void take_publish(struct dps_hub *hub, const struct dps_answer *answer)
{
	struct dps_hub_event event = {.type = DPS_HUB_EVENT_PUBLISHED};
	dps_result result = answer->result;

	if (answer->code / 100 != 2) {
		hub->publish_failures++;
		hub->publish_at = dps_hub_now(hub) + dps_hub_delay(&hub->config, hub->publish_failures, dps_hub_random(hub));
		hub->publish_due = true;
		dps_hub_emit_failure(hub, DPS_HUB_EVENT_WARNING, result, answer->code, (struct dps_span){answer->payload, answer->payload_len},
		                     (uint32_t)(hub->publish_at - dps_hub_now(hub)));
		return;
	}
	hub->publish_failures = 0;
	if (result == DPS_OK)
		result = dps_hub_take_links(hub, (struct dps_span){answer->payload, answer->payload_len});
	if (result != DPS_OK) /* it is published all the same */
		dps_hub_warn(hub, result, "the hub's numbers of the links are not known");
	dps_hub_emit(hub, &event);
}

void dps_hub_sign_off_done(struct dps_hub *hub, unsigned code)
{
	struct dps_hub_event event = {.type = DPS_HUB_EVENT_SIGNED_OFF, .code = code};
	dps_result result =
		hub->loaded && !hub->reload_asked ? dps_hub_erase_tokens(hub) : DPS_OK; /* what was committed meanwhile is not its */

	if (result != DPS_OK)
		dps_hub_warn(hub, result, "the hub's tokens could not be erased");
	dps_hub_emit(hub, &event);
	dps_hub_end(hub);
}

static void take_good_bye(struct dps_hub *hub, enum dps_hub_op op, const struct dps_answer *answer)
{
	const struct dps_span text = {answer->payload, answer->payload_len};
	const bool later = is_broken(answer) || dps_hub_meaning(answer->code, text) == DPS_HUB_TRY_LATER;
	const bool unknown = hub->departing; /* the former hub's tokens, which may be in the text, are not known here any more */
	struct dps_hub_event event = {.type = DPS_HUB_EVENT_SIGNED_OUT};

	if (answer->result != DPS_OK)
		dps_hub_emit_failure(hub, DPS_HUB_EVENT_WARNING, answer->result, answer->code, answer->code < 400 || unknown ? no_text : text, 0);
	if (hub->departing) {
		dps_hub_begin_anew(hub);
		return;
	}
	if (op == DPS_HUB_OP_SIGN_OFF) {
		if (answer->result != DPS_OK && later)
			dps_hub_connection_failed(hub, answer->result, answer->code, no_text); /* the order stands */
		else
			dps_hub_sign_off_done(hub, answer->code);
		return;
	}
	if (answer->result == DPS_OK)
		dps_hub_emit(hub, &event);
	dps_hub_end(hub);
}

/* Of a refresh that the good-bye waited for: the hub may take the old ones no more. */
static void keep_tokens(struct dps_hub *hub, enum dps_hub_op op, struct dps_span payload)
{
	bool moved = false;
	int64_t left_s = DPS_HUB_NEVER;
	const dps_result result = dps_hub_take_tokens(hub, op, payload, &left_s, &moved);

	if (result != DPS_OK)
		dps_hub_warn(hub, result, "the hub's new tokens could not be stored");
}

/* A hub that does not tell it, and may close the connection behind an error, is not asked again. */
static void take_time(struct dps_hub *hub, const struct dps_answer *answer)
{
	const struct dps_hub_source *source = &hub->config.source;
	const uint64_t sent = hub->due[DPS_HUB_OP_TIME] - hub->config.request_timeout_ms;
	int64_t unix_ms = 0;
	dps_result result = answer->result;

	if (result == DPS_OK)
		result = dps_hub_read_time((struct dps_span){answer->payload, answer->payload_len}, &unix_ms);
	hub->no_time = result != DPS_OK;
	if (hub->state == DPS_HUB_LEAVING)
		return;
	if (result == DPS_OK) {
		unix_ms += (int64_t)((dps_hub_now(hub) - sent) / 2);
		result = dps_pki_path_check_dates(&hub->path, unix_ms / 1000);
		if (result != DPS_OK) { /* a time by which it has no say itself is not handed on */
			hub->full_handshake = true;
			dps_hub_connection_failed(hub, result, 0, no_text);
			return;
		}
		source->tell_time(source->ctx, unix_ms);
		hub->no_time = dps_hub_wall_s(hub) == 0;
	}
	(void)dps_hub_check_dates(hub);
}

static void take_answer(struct dps_hub *hub, const struct dps_answer *answer)
{
	const enum dps_hub_op op = (enum dps_hub_op)answer->handle;
	const struct dps_span payload = {answer->payload, answer->payload_len};

	hub->in_flight &= ~DPS_HUB_BIT(op);
	switch (op) {
	case DPS_HUB_OP_SIGN_UP:
	case DPS_HUB_OP_SIGN_IN:
	case DPS_HUB_OP_REFRESH:
		if (hub->state == DPS_HUB_LEAVING) {
			/* not in a record that is another by now */
			if (answer->result == DPS_OK && op != DPS_HUB_OP_SIGN_IN && !hub->departing && !hub->reload_asked)
				keep_tokens(hub, op, payload);
			break;
		}
		if (answer->result != DPS_OK)
			account_refused(hub, op, answer);
		else if (op == DPS_HUB_OP_SIGN_IN)
			signed_in(hub, payload);
		else
			took_tokens(hub, op, payload);
		break;
	case DPS_HUB_OP_TIME:
		take_time(hub, answer);
		break;
	case DPS_HUB_OP_PUBLISH:
		take_publish(hub, answer);
		break;
	case DPS_HUB_OP_UNPUBLISH:
		if (answer->result != DPS_OK)
			dps_hub_emit_failure(hub, DPS_HUB_EVENT_WARNING, answer->result, answer->code, answer->code < 400 ? no_text : payload, 0);
		break;
	default:
		take_good_bye(hub, op, answer);
		break;
	}
}

/* --- time -------------------------------------------------------------------------------------------------------------------------- */

static bool is_session(const struct dps_hub *hub)
{
	return hub->state == DPS_HUB_SIGNING_IN || hub->state == DPS_HUB_ONLINE || hub->state == DPS_HUB_LEAVING;
}

static void check_timeouts(struct dps_hub *hub)
{
	const uint64_t now = dps_hub_now(hub);

	if (hub->state == DPS_HUB_LEAVING && now >= hub->wake) {
		dps_hub_lost(hub, DPS_E_TIMEOUT, no_text);
		return;
	}
	for (unsigned op = 0; op < DPS_HUB_OP_COUNT && is_session(hub); op++) {
		if (is_in_flight(hub, (enum dps_hub_op)op) && now >= hub->due[op]) {
			hub->no_time |= op == DPS_HUB_OP_TIME && hub->state == DPS_HUB_ONLINE; /* what else was asked was answered */
			dps_hub_lost(hub, DPS_E_TIMEOUT, no_text);
		}
	}
}

/* When the keep-alive has something to do next. */
static uint64_t keepalive_at(const struct dps_hub *hub)
{
	if (hub->config.keepalive_ms == 0)
		return UINT64_MAX;
	return hub->pings == 0 ? hub->heard_at + hub->config.keepalive_ms : hub->pinged_at + hub->config.pong_timeout_ms;
}

/* Whatever comes shows that the peer is there. If nothing does for so long, it is asked to say something, and given two times as long to. */
static void keep_alive(struct dps_hub *hub)
{
	const struct dps_channel *channel = hub->config.channel;
	const uint64_t now = dps_hub_now(hub);
	struct dps_channel_stats stats;

	channel->stats(channel->ctx, &stats);
	if (stats.bytes_received != hub->heard_bytes) {
		hub->heard_bytes = stats.bytes_received;
		hub->heard_at = now;
		hub->pings = 0;
	}
	if (now < keepalive_at(hub))
		return;
	if (hub->pings == 2) {
		dps_hub_lost(hub, DPS_E_TIMEOUT, no_text);
		return;
	}
	(void)!dps_coap_transport.keepalive(&hub->coap); /* no room, or the last is unanswered: that counts as well; an end shows in poll */
	hub->pings++;
	hub->pinged_at = now;
}

void dps_hub_lost(struct dps_hub *hub, dps_result cause, struct dps_span text)
{
	if (hub->state != DPS_HUB_LEAVING || hub->sign_off_asked || hub->departing) {
		dps_hub_connection_failed(hub, cause, 0, text);
		return;
	}
	dps_hub_emit_failure(hub, DPS_HUB_EVENT_WARNING, cause, 0, text, 0);
	dps_hub_end(hub);
}

uint64_t dps_hub_next_event(const struct dps_hub *hub)
{
	uint64_t at = keepalive_at(hub);

#define SOONER(time) at = (time) < at ? (time) : at
	for (unsigned op = 0; op < DPS_HUB_OP_COUNT; op++) {
		if (is_in_flight(hub, (enum dps_hub_op)op))
			SOONER(hub->due[op]);
	}
	if (hub->state == DPS_HUB_LEAVING)
		SOONER(hub->wake);
	if (hub->state == DPS_HUB_ONLINE) {
		if ((hub->in_flight & ACCOUNT_OPS) == 0 && hub->cloud.refresh_token.len > 0 && (hub->used & DPS_HUB_REFRESH_REFUSED) == 0 &&
		    hub->refresh_at > dps_hub_now(hub))
			SOONER(hub->refresh_at);
		if (!hub->stable)
			SOONER(hub->online_since + hub->config.stable_ms);
		if (hub->publish_due && hub->publish_at > dps_hub_now(hub))
			SOONER(hub->publish_at);
	}
#undef SOONER
	return at;
}

/* Online for so long, failures before are history. */
static void check_stable(struct dps_hub *hub)
{
	if (hub->state != DPS_HUB_ONLINE || hub->stable || dps_hub_now(hub) - hub->online_since < hub->config.stable_ms)
		return;
	hub->stable = true;
	hub->rounds = 0;
	hub->gateways_failed = 0; /* not sooner: gateways that all throw the device out would be asked without a wait */
	hub->round_reached = false;
	hub->hubs_tried = 0;
	hub->redirects = 0;
	hub->fallback_ms = 0;
	hub->fallback_at = dps_hub_now(hub);
	remember_gateway(hub); /* not sooner: a device that is thrown about would write each time */
}

void dps_hub_advance_session(struct dps_hub *hub, bool *busy)
{
	dps_result result = DPS_OK;

	hub->served = false;
	check_stable(hub);
	if (hub->config.on_turn != NULL) {
		hub->in_callback = true;
		hub->config.on_turn(hub->config.resources);
		hub->in_callback = false;
	}
	while (result == DPS_OK) {
		struct dps_answer answer = {.result = DPS_OK};

		send_due(hub);
		if (!is_session(hub))
			return;
		hub->in_callback = true; /* serve is called by poll */
		result = dps_coap_transport.poll(&hub->coap, &answer, busy);
		hub->in_callback = false;
		if (result == DPS_OK)
			take_answer(hub, &answer);
		else if (result != DPS_AGAIN)
			dps_hub_lost(hub, result, (struct dps_span){answer.payload, answer.payload_len});
		if (!is_session(hub))
			return;
	}
	/* what was asked may have changed a resource that is observed, or made a publish possible: both leave now, not with the next thing that happens */
	*busy |= hub->served;
	if (is_session(hub))
		check_timeouts(hub);
	if (is_session(hub))
		keep_alive(hub);
}

#endif
