/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Account requests of the plgd gateway and their answers:
 *	POST /oic/sec/account {"di", "authprovider", "accesstoken", "devicetype"} -> {"accesstoken", "uid", "refreshtoken", "redirecturi", "expiresin"}
 *	POST /oic/sec/session {"uid", "di", "accesstoken", "login"} -> {"expiresin"}
 *	POST /oic/sec/tokenrefresh {"uid", "di", "authprovider", "granttype", "refreshtoken"} -> {"accesstoken", "refreshtoken", "expiresin"}
 *	DELETE /oic/sec/account?uid=&di=
 *	GET /x.plgd.dev/time -> {"time"}, which needs no account
 */
#include <string.h>

#include "codec/cbor.h"
#include "codec/fields.h"
#include "codec/text.h"
#include "hub/internal.h"

#if DPS_CONFIG_HUB

/* "uid=" and this fit in a query option. */
#define UID_MAX 240

/* Hubs that send a device in circles. */
#define REDIRECTS_MAX 4

/* --- requests ---------------------------------------------------------------------------------------------------------------------- */

static void write_text(struct dps_cbor_writer *w, const char *key, struct dps_span value)
{
	dps_cbor_write_text(w, key);
	dps_cbor_write_text_span(w, value);
}

static void write_di(struct dps_cbor_writer *w, const struct dps_hub *hub)
{
	char text[DPS_UUID_TEXT_LEN + 1];

	dps_uuid_format(&hub->device_id, text);
	dps_cbor_write_text(w, "di");
	dps_cbor_write_text(w, text);
}

static dps_result write_sign_up(const struct dps_step_env *step, uint8_t *buf, size_t size, size_t *len)
{
	const struct dps_hub *hub = ((const struct dps_hub_env *)step)->hub;
	struct dps_cbor_writer w;

	dps_cbor_writer_init(&w, buf, size);
	dps_cbor_write_map(&w, 4);
	write_di(&w, hub);
	write_text(&w, "authprovider", hub->cloud.provider);
	write_text(&w, "accesstoken", hub->cloud.token);
	dps_cbor_write_text(&w, "devicetype");
	dps_cbor_write_text(&w, "device");
	return dps_cbor_finish(&w, len);
}

static dps_result write_session(const struct dps_step_env *step, uint8_t *buf, size_t size, size_t *len)
{
	const struct dps_hub_env *env = (const struct dps_hub_env *)step;
	struct dps_cbor_writer w;

	dps_cbor_writer_init(&w, buf, size);
	dps_cbor_write_map(&w, 4);
	write_text(&w, "uid", env->hub->cloud.uid);
	write_di(&w, env->hub);
	write_text(&w, "accesstoken", dps_hub_access_token(env->hub));
	dps_cbor_write_text(&w, "login");
	dps_cbor_write_bool(&w, env->login);
	return dps_cbor_finish(&w, len);
}

static dps_result write_refresh(const struct dps_step_env *step, uint8_t *buf, size_t size, size_t *len)
{
	const struct dps_hub *hub = ((const struct dps_hub_env *)step)->hub;
	struct dps_cbor_writer w;

	dps_cbor_writer_init(&w, buf, size);
	dps_cbor_write_map(&w, 5);
	write_text(&w, "uid", hub->cloud.uid);
	write_di(&w, hub);
	write_text(&w, "authprovider", hub->cloud.provider);
	dps_cbor_write_text(&w, "granttype");
	dps_cbor_write_text(&w, "refresh_token");
	write_text(&w, "refreshtoken", hub->cloud.refresh_token);
	return dps_cbor_finish(&w, len);
}

static size_t append(char *to, size_t at, const void *text, size_t len)
{
	memcpy(to + at, text, len);
	return at + len;
}

/* The gateway knows the user and the device by the session anyway; a user id with "&" in it cannot be written and is left out. */
static void write_sign_off_query(struct dps_hub *hub)
{
	const struct dps_span uid = hub->cloud.uid;
	char id[DPS_UUID_TEXT_LEN + 1];
	size_t at = 0;

	_Static_assert(sizeof("uid=&di=") + UID_MAX + DPS_UUID_TEXT_LEN <= DPS_HUB_QUERY_SIZE, "the query fits");
	if (uid.len > 0 && uid.len <= UID_MAX && memchr(uid.data, '&', uid.len) == NULL) {
		at = append(hub->query, at, "uid=", 4);
		at = append(hub->query, at, uid.data, uid.len);
		at = append(hub->query, at, "&", 1);
	}
	dps_uuid_format(&hub->device_id, id);
	at = append(hub->query, at, "di=", 3);
	(void)append(hub->query, at, id, sizeof(id));
}

static const struct {
	enum dps_method method;
	const char *path;
	dps_result (*write_body)(const struct dps_step_env *step, uint8_t *buf, size_t size, size_t *len);
} REQUESTS[] = {
	[DPS_HUB_OP_TIME] = {DPS_GET, "/x.plgd.dev/time", NULL},
	[DPS_HUB_OP_SIGN_UP] = {DPS_POST, "/oic/sec/account", write_sign_up},
	[DPS_HUB_OP_SIGN_IN] = {DPS_POST, "/oic/sec/session", write_session},
	[DPS_HUB_OP_REFRESH] = {DPS_POST, "/oic/sec/tokenrefresh", write_refresh},
	[DPS_HUB_OP_SIGN_OUT] = {DPS_POST, "/oic/sec/session", write_session},
	[DPS_HUB_OP_SIGN_OFF] = {DPS_DELETE, "/oic/sec/account", NULL},
};

dps_result dps_hub_build_account(struct dps_hub *hub, enum dps_hub_op op, struct dps_request *request)
{
	const struct dps_hub_env env = {.hub = hub, .login = true};

	*request = (struct dps_request){.method = REQUESTS[op].method, .path = REQUESTS[op].path, .write_body = REQUESTS[op].write_body};
	if (op == DPS_HUB_OP_SIGN_OFF) {
		write_sign_off_query(hub);
		request->query = hub->query;
	}
	if (request->write_body == NULL)
		return DPS_OK;
	/* DPS_E_BUFFER, with the length that it takes */
	(void)!request->write_body(&env.step, NULL, 0, &request->body_limit);
	return DPS_OK;
}

/* --- answers ----------------------------------------------------------------------------------------------------------------------- */

/* "expiresin": seconds, -1 for never; an integer of any length, absent as good as never. What is longer than 136 years is cut to that. */
static dps_result read_seconds(struct dps_span raw, int64_t *seconds)
{
	uint64_t value;

	*seconds = DPS_HUB_NEVER;
	if (raw.len == 0)
		return DPS_OK;
	value = raw.data[0] & 0x1fu;
	if (raw.data[0] >> 5 > 1)
		return DPS_E_FIELD;
	if (raw.len > 1)
		value = 0;
	for (size_t i = 1; i < raw.len; i++)
		value = value << 8 | raw.data[i];
	if (raw.data[0] >> 5 == 1)
		return value == 0 ? DPS_OK : DPS_E_FIELD; /* RFC 8949 section 3.1: -1 - value */
	*seconds = value < (uint64_t)DPS_HUB_SECONDS_MAX ? (int64_t)value : DPS_HUB_SECONDS_MAX;
	return DPS_OK;
}

struct tokens {
	struct dps_span access, refresh, uid, redirect, expires_in;
};

static dps_result read_tokens(enum dps_hub_op op, struct dps_span payload, struct tokens *out)
{
	static const struct dps_field fields[] = {
		{"accesstoken", DPS_FIELD_TEXT, true, offsetof(struct tokens, access)},
		{"refreshtoken", DPS_FIELD_TEXT, false, offsetof(struct tokens, refresh)},
		{"expiresin", DPS_FIELD_ANY, false, offsetof(struct tokens, expires_in)},
		/* of a sign-up only */
		{"uid", DPS_FIELD_TEXT, true, offsetof(struct tokens, uid)},
		{"redirecturi", DPS_FIELD_TEXT, false, offsetof(struct tokens, redirect)},
	};
	const size_t all = sizeof(fields) / sizeof(fields[0]);
	const bool sign_up = op == DPS_HUB_OP_SIGN_UP;
	dps_result result;

	memset(out, 0, sizeof(*out));
	result = dps_fields_read_payload(payload.data, payload.len, fields, sign_up ? all : all - 2, out);
	if (result != DPS_OK)
		return result;
	if (out->access.len == 0 || (sign_up && out->uid.len == 0))
		return DPS_E_FIELD;
	return out->access.len > DPS_CONFIG_TOKEN_SIZE || out->refresh.len > DPS_CONFIG_TOKEN_SIZE || out->uid.len > UID_MAX ? DPS_E_TOO_LARGE
	                                                                                                                     : DPS_OK;
}

static bool is_of_this_hub(const struct dps_hub *hub, const struct dps_cloud *cloud, size_t at)
{
	const struct dps_uuid *id = dps_uuid_is_nil(&cloud->gateways[at].id) ? &cloud->hub_id : &cloud->gateways[at].id;

	return dps_uuid_equal(id, &hub->hub_id);
}

/* The one that the device is at belongs into the list, too. Where that is full, the new address takes the place of this one. */
static void add_gateway(const struct dps_hub *hub, struct dps_cloud *changed, struct dps_span to)
{
	const bool listed = hub->gateway < changed->gateway_count;
	size_t at = 0;

	while (at < changed->gateway_count && !(changed->gateways[at].uri.len == to.len && is_of_this_hub(hub, changed, at) &&
	                                        memcmp(changed->gateways[at].uri.data, to.data, to.len) == 0))
		at++;
	if (at == changed->gateway_count && at + !listed < DPS_CONFIG_GATEWAYS) {
		if (!listed)
			changed->gateways[at++] = (struct dps_gateway){hub->hub_id, changed->gateway};
		changed->gateways[at] = (struct dps_gateway){hub->hub_id, to};
		changed->gateway_count = at + 1;
	} else if (at == changed->gateway_count) {
		at = hub->gateway;
		if (listed)
			changed->gateways[at].uri = to;
		else
			changed->gateway = to;
	}
	changed->selected = at < changed->gateway_count ? at + 1 : 0;
}

/* The hub wants the device at another gateway of its own. The one that sent it there stays in the list: the other may not be there. */
static bool move(struct dps_hub *hub, struct dps_cloud *changed, struct dps_span to)
{
	struct dps_uri uri;

	if (to.len == 0 || dps_span_is(to, hub->uri))
		return false;
	if (dps_uri_parse(to, &uri) != DPS_OK || hub->redirects == REDIRECTS_MAX) {
		dps_hub_warn(hub, DPS_E_URI, "the hub's redirection is not followed");
		return false;
	}
	hub->redirects++;
	add_gateway(hub, changed, to);
	return true;
}

dps_result dps_hub_take_tokens(struct dps_hub *hub, enum dps_hub_op op, struct dps_span payload, int64_t *left_s, bool *moved)
{
	const int64_t now_s = dps_hub_wall_s(hub);
	struct dps_cloud changed = hub->cloud;
	struct dps_cloud plain;
	struct tokens tokens;
	dps_result result = read_tokens(op, payload, &tokens);

	*moved = false;
	if (result == DPS_OK)
		result = read_seconds(tokens.expires_in, left_s);
	if (result != DPS_OK)
		return result;
	changed.access_token = tokens.access;
	changed.expires = *left_s >= 0 && now_s > 0 ? now_s + *left_s : 0;
	if (op == DPS_HUB_OP_SIGN_UP || tokens.refresh.len > 0) /* a refresh that brings no new one leaves the old one in force */
		changed.refresh_token = tokens.refresh;
	if (op == DPS_HUB_OP_SIGN_UP) {
		changed.uid = tokens.uid;
		changed.registered = true;
		changed.selected = hub->gateway < changed.gateway_count ? hub->gateway + 1 : 0;
		plain = changed;
		*moved = move(hub, &changed, tokens.redirect);
	}
	result = dps_hub_commit(hub, &changed);
	if (result == DPS_E_TOO_LARGE && *moved) { /* the tokens are worth more than the way */
		*moved = false;
		dps_hub_warn(hub, result, "the hub's redirection could not be stored");
		result = dps_hub_commit(hub, &plain);
	}
	if (result == DPS_OK && *moved)
		hub->gateway = changed.selected > 0 ? changed.selected - 1 : changed.gateway_count;
	return result;
}

dps_result dps_hub_read_session(struct dps_span payload, int64_t *left_s)
{
	static const struct dps_field fields[] = {{"expiresin", DPS_FIELD_ANY, false, 0}};
	struct dps_span raw = {NULL, 0};
	dps_result result = dps_fields_read_payload(payload.data, payload.len, fields, 1, &raw);

	return result == DPS_OK ? read_seconds(raw, left_s) : result;
}

dps_result dps_hub_read_time(struct dps_span payload, int64_t *unix_ms)
{
	static const struct dps_field fields[] = {{"time", DPS_FIELD_TEXT, true, 0}};
	struct dps_span text = {NULL, 0};
	dps_result result = dps_fields_read_payload(payload.data, payload.len, fields, 1, &text);

	return result == DPS_OK ? dps_rfc3339_parse(text, unix_ms) : result;
}

dps_result dps_hub_erase_tokens(struct dps_hub *hub)
{
	struct dps_cloud changed = hub->cloud;

	changed.uid.len = 0;
	changed.access_token.len = 0;
	changed.refresh_token.len = 0;
	changed.expires = 0;
	changed.registered = false;
	return dps_hub_commit(hub, &changed);
}

#endif
