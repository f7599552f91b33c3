/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hub session under test: records in memory, a clock that the test moves, and the gateway played by the test over a channel in memory. All inline:
 * only tests of that room pay for it.
 */
#ifndef TEST_SUPPORT_TEST_HUB_H
#define TEST_SUPPORT_TEST_HUB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "codec/cbor.h"
#include "dps/hub.h"
#include "support/test_coap.h"

#define TEST_HUB_DEVICE "27a0934a-ea31-43a4-ba0c-54eef1c6906a"
#define TEST_HUB_A      "11111111-2222-3333-4444-555555555555"
#define TEST_HUB_B      "99999999-2222-3333-4444-555555555555"
#define TEST_HUB_URI_1  "coaps+tcp://gw1.example:5684"
#define TEST_HUB_URI_2  "coaps+tcp://gw2.example:5684"
#define TEST_HUB_URI_3  "coaps+tcp://gw3.example:5684"
#define TEST_HUB_NOW    INT64_C(1800000000)
#define TEST_HUB_CBOR   "c22710"

/* Requests as the gateway sees them. */
#define TEST_HUB_SIGN_UP  "POST /oic/sec/account"
#define TEST_HUB_SIGN_IN  "POST /oic/sec/session"
#define TEST_HUB_REFRESH  "POST /oic/sec/tokenrefresh"
#define TEST_HUB_PUBLISH  "POST /oic/rd?rt=oic.wk.rdpub"
#define TEST_HUB_SIGN_OFF "DELETE /oic/sec/account?uid=1&di=" TEST_HUB_DEVICE

#define TEST_HUB_EVENTS 128
#define TEST_HUB_TOKEN  4096

/* What the record holds, as C strings. */
struct test_hub_record {
	char provider[16], gateway[64], token[TEST_HUB_TOKEN], uid[512], refresh[TEST_HUB_TOKEN], access[TEST_HUB_TOKEN];
	const char *hub_id;
	const char *uris[4];
	const char *ids[4];
	char texts[4][64]; /* of uris that were committed */
	int64_t expires;
	bool registered;
	size_t selected;
};

struct test_hub {
	struct test_coap link; /* its channel, and the gateway's reading and writing of messages */
	struct dps_hub hub;
	struct dps_hub_config config;
	struct dps_platform platform;
	struct dps_keys keys;
	struct test_hub_record record;
	bool no_record;
	bool renewed;           /* the identity: chain and key are others */
	bool other_anchor;      /* one of the anchors is */
	dps_result read_result; /* of the cloud record */
	dps_result update_result;
	bool has_staged;     /* a run has: nothing can be committed */
	size_t update_limit; /* longest record, tokens together; 0: any */
	unsigned updates;
	dps_result keys_result;
	uint64_t now_ms;
	int64_t now_s; /* at now_ms 0; 0: not known */
	uint32_t random;
	unsigned provisions;
	enum dps_hub_provision provision;
	char provision_uri[64];
	dps_result provision_result;
	bool network_down;

	/* the channel */
	char host[64];
	uint16_t port;
	char slot[32];
	bool resume;
	struct dps_trust trust;
	bool path_incomplete;
	int64_t not_after;

	/* resources */
	const char *links; /* encoded, in hex; NULL: none */
	unsigned attached, detached, turns;
	struct dps_coap *coap;
	unsigned served;
	unsigned serve_code;
	unsigned link_count;
	uint32_t last_ins;
	char last_href[32];

	/* events */
	struct dps_hub_event events[TEST_HUB_EVENTS];
	char texts[TEST_HUB_EVENTS][DPS_CONFIG_DIAGNOSTIC_SIZE];
	char gateways[TEST_HUB_EVENTS][DPS_CONFIG_URI_LENGTH + 1];
	size_t event_count;
	size_t event_pos;
	void (*in_event)(struct test_hub *t, const struct dps_hub_event *event);

	/* the request read last */
	char request[512];
	uint8_t request_token[8];
	uint8_t body[TEST_HUB_TOKEN + 512];
	size_t body_len;
};

static inline struct dps_span test_hub_span(const char *text)
{
	return (struct dps_span){(const uint8_t *)text, strlen(text)};
}

/* --- ports ------------------------------------------------------------------------------------------------------------------------- */

static inline uint64_t test_hub_monotonic(void *ctx)
{
	return ((struct test_hub *)ctx)->now_ms;
}

static inline dps_result test_hub_fill(void *ctx, uint8_t *buf, size_t len)
{
	struct test_hub *t = ctx;

	if (len == 4) { /* jitter */
		for (size_t i = 0; i < 4; i++)
			buf[i] = (uint8_t)(t->random >> (24 - 8 * i));
		return DPS_OK;
	}
	memset(buf, ++t->link.drawn, len);
	return DPS_OK;
}

static inline dps_result test_hub_key_open(void *ctx, const char *slot)
{
	struct test_hub *t = ctx;

	snprintf(t->slot, sizeof(t->slot), "%s", slot);
	return t->keys_result;
}

static inline dps_result test_hub_channel_open(void *ctx, const struct dps_channel_params *params)
{
	struct test_channel *channel = ctx;
	struct test_hub *t = (struct test_hub *)ctx; /* the link is its first member, and the channel the link's */

	channel->opened++;
	channel->in_len = channel->in_pos = channel->out_len = 0;
	channel->read_end = DPS_OK;
	snprintf(t->host, sizeof(t->host), "%s", params->host);
	t->port = params->port;
	t->resume = params->resume;
	t->trust = *params->trust;
	assert_string_equal(params->key_slot, t->renewed ? "identity-1" : "identity-0");
	assert_int_equal(params->chain.len, 5);
	assert_memory_equal(params->chain.data, t->renewed ? "chai2" : "chain", 5);
	assert_int_equal(params->trust->anchors.len, 8);
	assert_memory_equal(params->trust->anchors.data, t->other_anchor ? "anc3anc2" : "anc1anc2", 8);
	*params->path = (struct dps_pki_path){.complete = !t->path_incomplete, .not_before = 0, .not_after = t->not_after};
	return channel->open_result;
}

/* --- the source -------------------------------------------------------------------------------------------------------------------- */

static inline struct dps_span test_hub_put(uint8_t *buf, size_t size, size_t *at, const char *text)
{
	const size_t len = strlen(text);
	struct dps_span span = {buf + *at, len};

	assert_true(len <= size - *at);
	memcpy(buf + *at, text, len);
	*at += len;
	return span;
}

static inline struct dps_uuid test_hub_id(const char *text)
{
	struct dps_uuid id = {{0}};

	if (text != NULL)
		assert_int_equal(dps_uuid_parse(text, 36, &id), DPS_OK);
	return id;
}

static inline dps_result test_hub_read_cloud(void *ctx, uint8_t *buf, size_t size, struct dps_cloud *out)
{
	const struct test_hub *t = ctx;
	const struct test_hub_record *r = &t->record;
	size_t at = 0;

	if (t->no_record)
		return DPS_E_NOT_FOUND;
	if (t->read_result != DPS_OK)
		return t->read_result;
	*out = (struct dps_cloud){
		.provider = test_hub_put(buf, size, &at, r->provider),
		.gateway = test_hub_put(buf, size, &at, r->gateway),
		.token = test_hub_put(buf, size, &at, r->token),
		.uid = test_hub_put(buf, size, &at, r->uid),
		.refresh_token = test_hub_put(buf, size, &at, r->refresh),
		.access_token = test_hub_put(buf, size, &at, r->access),
		.hub_id = test_hub_id(r->hub_id),
		.expires = r->expires,
		.registered = r->registered,
		.selected = r->selected,
	};
	for (size_t i = 0; i < 4 && r->uris[i] != NULL; i++) {
		out->gateways[out->gateway_count++] = (struct dps_gateway){test_hub_id(r->ids[i]), test_hub_put(buf, size, &at, r->uris[i])};
	}
	return DPS_OK;
}

static inline dps_result test_hub_read_credentials(void *ctx, uint8_t *buf, size_t size, struct dps_credentials *out)
{
	const struct test_hub *t = ctx;
	size_t at = 0;

	*out = (struct dps_credentials){.device_id = test_hub_id(TEST_HUB_DEVICE), .anchor_count = 2};
	out->key_slot = test_hub_put(buf, size, &at, t->renewed ? "identity-1" : "identity-0");
	out->anchors[0].der = test_hub_put(buf, size, &at, t->other_anchor ? "anc3" : "anc1"); /* not in the order in which they are wanted */
	out->chain = test_hub_put(buf, size, &at, t->renewed ? "chai2" : "chain");
	out->anchors[1].der = test_hub_put(buf, size, &at, "anc2");
	return DPS_OK;
}

static inline void test_hub_copy(char *to, size_t size, struct dps_span from)
{
	assert_true(from.len < size);
	memmove(to, from.data, from.len);
	to[from.len] = '\0';
}

static inline dps_result test_hub_update(void *ctx, const struct dps_cloud *cloud)
{
	struct test_hub *t = ctx;
	struct test_hub_record *r = &t->record;

	if (t->update_result != DPS_OK)
		return t->update_result;
	if (t->update_limit > 0 && cloud->token.len + cloud->access_token.len + cloud->refresh_token.len > t->update_limit)
		return DPS_E_TOO_LARGE;
	t->updates++;
	test_hub_copy(r->token, sizeof(r->token), cloud->token);
	test_hub_copy(r->uid, sizeof(r->uid), cloud->uid);
	test_hub_copy(r->refresh, sizeof(r->refresh), cloud->refresh_token);
	test_hub_copy(r->access, sizeof(r->access), cloud->access_token);
	test_hub_copy(r->gateway, sizeof(r->gateway), cloud->gateway);
	for (size_t i = 0; i < cloud->gateway_count; i++) {
		assert_true(i < 4);
		if (r->uris[i] == NULL)
			r->ids[i] = r->hub_id;
		if (r->uris[i] == NULL || !dps_span_is(cloud->gateways[i].uri, r->uris[i])) {
			test_hub_copy(r->texts[i], sizeof(r->texts[i]), cloud->gateways[i].uri);
			r->uris[i] = r->texts[i];
		}
	}
	r->expires = cloud->expires;
	r->registered = cloud->registered;
	r->selected = cloud->selected;
	return DPS_OK;
}

static inline dps_result test_hub_provision(void *ctx, enum dps_hub_provision what, const struct dps_gateway *selected)
{
	struct test_hub *t = ctx;

	t->provisions++;
	t->provision = what;
	t->provision_uri[0] = '\0';
	if (selected != NULL)
		test_hub_copy(t->provision_uri, sizeof(t->provision_uri), selected->uri);
	return t->provision_result;
}

static inline int64_t test_hub_wall(void *ctx)
{
	const struct test_hub *t = ctx;

	return t->now_s == 0 ? 0 : t->now_s + (int64_t)(t->now_ms / 1000);
}

static inline bool test_hub_can_update(void *ctx)
{
	return !((struct test_hub *)ctx)->has_staged;
}

static inline bool test_hub_network_up(void *ctx)
{
	return !((struct test_hub *)ctx)->network_down;
}

/* --- the application --------------------------------------------------------------------------------------------------------------- */

static inline dps_result test_hub_write_links(void *ctx, uint8_t *buf, size_t size, size_t *len)
{
	const struct test_hub *t = ctx;
	uint8_t links[4096];

	*len = test_channel_hex(t->links != NULL ? t->links : "", links, sizeof(links));
	if (*len > size)
		return DPS_E_BUFFER;
	if (*len > 0)
		memcpy(buf, links, *len);
	return DPS_OK;
}

static inline void test_hub_on_link(void *ctx, struct dps_span href, uint32_t ins)
{
	struct test_hub *t = ctx;

	t->link_count++;
	t->last_ins = ins;
	test_hub_copy(t->last_href, sizeof(t->last_href), href);
}

static inline void test_hub_serve(void *ctx, const struct dps_coap_inbound *inbound, struct dps_coap_reply *reply)
{
	struct test_hub *t = ctx;

	(void)inbound;
	t->served++;
	reply->code = t->serve_code;
}

static inline void test_hub_on_attach(void *ctx, struct dps_coap *coap, const struct dps_acl_subject *peer)
{
	struct test_hub *t = ctx;

	assert_true(peer->authenticated && !dps_uuid_is_nil(&peer->uuid));
	t->attached++;
	t->coap = coap;
}

static inline void test_hub_on_detach(void *ctx)
{
	struct test_hub *t = ctx;

	t->detached++;
	t->coap = NULL;
}

static inline void test_hub_on_turn(void *ctx)
{
	((struct test_hub *)ctx)->turns++;
}

static inline void test_hub_on_event(void *user, const struct dps_hub_event *event)
{
	struct test_hub *t = user;

	assert_non_null(event->text);
	if (t->event_count == TEST_HUB_EVENTS) /* of a test of weeks nobody looks at so many */
		return;
	snprintf(t->gateways[t->event_count], sizeof(t->gateways[0]), "%s", event->gateway);
	snprintf(t->texts[t->event_count], sizeof(t->texts[0]), "%s", event->text);
	t->events[t->event_count] = *event;
	t->events[t->event_count].text = t->texts[t->event_count];
	t->events[t->event_count].gateway = t->gateways[t->event_count];
	t->event_count++;
	if (t->in_event != NULL)
		t->in_event(t, event);
}

/* --- the world --------------------------------------------------------------------------------------------------------------------- */

/* A device that was provisioned and has not signed up, with two gateways of its hub. Change config and record, then test_hub_begin. */
static inline void test_hub_init(struct test_hub *t)
{
	memset(t, 0, sizeof(*t));
	test_channel_init(&t->link.peer);
	t->link.peer.channel.open = test_hub_channel_open;
	t->platform.clock = (struct dps_clock){.ctx = t, .monotonic_ms = test_hub_monotonic};
	t->platform.random = (struct dps_random){t, test_hub_fill};
	t->keys = (struct dps_keys){.ctx = t, .open = test_hub_key_open};
	t->now_ms = 1000;
	t->now_s = TEST_HUB_NOW;
	t->random = UINT32_C(1) << 31;
	t->serve_code = 404;
	t->not_after = TEST_HUB_NOW * 2;
	t->record = (struct test_hub_record){.provider = "plgd",
	                                     .gateway = TEST_HUB_URI_1,
	                                     .token = "dps-token-1",
	                                     .hub_id = TEST_HUB_A,
	                                     .uris = {TEST_HUB_URI_1, TEST_HUB_URI_2},
	                                     .ids = {TEST_HUB_A, TEST_HUB_A}};
	dps_hub_config_default(&t->config);
	t->config.platform = &t->platform;
	t->config.channel = &t->link.peer.channel;
	t->config.keys = &t->keys;
	t->config.source = (struct dps_hub_source){
		.ctx = t,
		.read_cloud = test_hub_read_cloud,
		.read_credentials = test_hub_read_credentials,
		.update_cloud = test_hub_update,
		.provision = test_hub_provision,
		.now_s = test_hub_wall,
		.network_up = test_hub_network_up,
		.can_update = test_hub_can_update,
	};
	t->config.write_links = test_hub_write_links;
	t->config.on_link = test_hub_on_link;
	t->config.serve = test_hub_serve;
	t->config.on_attach = test_hub_on_attach;
	t->config.on_detach = test_hub_on_detach;
	t->config.on_turn = test_hub_on_turn;
	t->config.resources = t;
	t->config.on_event = test_hub_on_event;
	t->config.user = t;
}

/* The same device when it has signed up. */
static inline void test_hub_register(struct test_hub *t)
{
	strcpy(t->record.uid, "1");
	strcpy(t->record.access, "access-token-1");
	strcpy(t->record.refresh, "refresh-token-1");
	t->record.registered = true;
	t->record.selected = 1;
}

static inline uint32_t test_hub_run(struct test_hub *t)
{
	uint32_t within;
	unsigned calls = 0;

	do {
		within = dps_hub_process(&t->hub);
		assert_true(++calls < 1000);
	} while (within == 0);
	return within;
}

static inline void test_hub_begin(struct test_hub *t)
{
	assert_int_equal(dps_hub_init(&t->hub, &t->config), DPS_OK);
	assert_int_equal(dps_hub_start(&t->hub), DPS_OK);
	test_hub_run(t);
}

static inline void test_hub_end(struct test_hub *t)
{
	dps_hub_deinit(&t->hub);
	assert_int_equal(t->attached, t->detached);
}

/* Moves the clock by what the hub asked for, and on until so much has passed; never past something it waits for. */
static inline void test_hub_pass(struct test_hub *t, uint64_t ms)
{
	const uint64_t end = t->now_ms + ms;

	for (;;) {
		const uint32_t within = test_hub_run(t);

		if (within == DPS_FOREVER || t->now_ms + within > end)
			break;
		t->now_ms += within;
	}
	t->now_ms = end;
	test_hub_run(t);
}

/* --- the gateway ------------------------------------------------------------------------------------------------------------------- */

/* The next request of the device's, "POST /path?a=b", or "" when there is none. Signals and replies are skipped. */
static inline const char *test_hub_next(struct test_hub *t)
{
	static const char *const methods[] = {"", "GET", "POST", "PUT", "DELETE"};
	struct test_coap_message m;
	const uint8_t *value;
	int len;

	for (;;) {
		if (t->link.out_pos == t->link.out_len)
			test_coap_take(&t->link);
		if (!test_coap_next(&t->link, &m))
			return "";
		if (m.code < 100)
			break;
	}
	assert_in_range(m.code, 1, 4);
	assert_int_equal(m.token_len, 8);
	memcpy(t->request_token, m.token, 8);
	snprintf(t->request, sizeof(t->request), "%s ", methods[m.code]);
	for (unsigned n = 0; (len = test_coap_option(&m, 11, n, &value)) >= 0; n++)
		snprintf(t->request + strlen(t->request), sizeof(t->request) - strlen(t->request), "/%.*s", len, (const char *)value);
	for (unsigned n = 0; (len = test_coap_option(&m, 15, n, &value)) >= 0; n++)
		snprintf(t->request + strlen(t->request), sizeof(t->request) - strlen(t->request), "%c%.*s", n == 0 ? '?' : '&', len,
		         (const char *)value);
	assert_int_equal(test_coap_uint(&m, 17), 10000);
	assert_true(m.payload_len == 0 || test_coap_uint(&m, 12) == 10000);
	assert_true(m.payload_len <= sizeof(t->body));
	memcpy(t->body, m.payload, m.payload_len);
	t->body_len = m.payload_len;
	return t->request;
}

/* A text of the request's body, which is one map; "" if it is not there. */
static inline const char *test_hub_text(const struct test_hub *t, const char *key)
{
	static char text[TEST_HUB_TOKEN];
	struct dps_span name, value;
	enum dps_cbor_type type;
	struct dps_cbor r;
	bool more;

	dps_cbor_init(&r, t->body, t->body_len);
	assert_int_equal(dps_cbor_read_map(&r), DPS_OK);
	while (dps_cbor_more(&r, &more) == DPS_OK && more) {
		assert_int_equal(dps_cbor_read_text(&r, &name), DPS_OK);
		assert_int_equal(dps_cbor_peek(&r, &type), DPS_OK);
		if (type == DPS_CBOR_TEXT && dps_span_is(name, key)) {
			assert_int_equal(dps_cbor_read_text(&r, &value), DPS_OK);
			test_hub_copy(text, sizeof(text), value);
			return text;
		}
		assert_int_equal(dps_cbor_skip(&r), DPS_OK);
	}
	return "";
}

/* Answers the request read last. */
static inline void test_hub_answer_bytes(struct test_hub *t, unsigned code, const char *options, const void *payload, size_t len)
{
	char token[17];

	for (unsigned i = 0; i < 8; i++)
		snprintf(token + 2 * i, 3, "%02x", t->request_token[i]);
	test_coap_feed(&t->link, code, token, options, payload, len);
}

/* With an error and its text. */
static inline void test_hub_refuse(struct test_hub *t, unsigned code, const char *text)
{
	test_hub_answer_bytes(t, code, "", text, strlen(text));
}

/* Tokens: a sign-up's with uid, a refresh's without; expires in CBOR hex, "" for none. */
static inline void test_hub_give_tokens(struct test_hub *t, const char *access, const char *refresh, const char *uid, const char *redirect,
                                        const char *expires)
{
	static uint8_t payload[3 * TEST_HUB_TOKEN];
	uint8_t number[16];
	const size_t number_len = test_channel_hex(expires, number, sizeof(number));
	struct dps_cbor_writer w;
	size_t len;

	dps_cbor_writer_init(&w, payload, sizeof(payload));
	dps_cbor_write_map(&w, (size_t)1 + (refresh != NULL) + (uid != NULL) + (redirect != NULL) + (number_len > 0));
	dps_cbor_write_text(&w, "accesstoken");
	dps_cbor_write_text(&w, access);
	if (uid != NULL)
		dps_cbor_write_text(&w, "uid"), dps_cbor_write_text(&w, uid);
	if (refresh != NULL)
		dps_cbor_write_text(&w, "refreshtoken"), dps_cbor_write_text(&w, refresh);
	if (redirect != NULL)
		dps_cbor_write_text(&w, "redirecturi"), dps_cbor_write_text(&w, redirect);
	if (number_len > 0)
		dps_cbor_write_text(&w, "expiresin"), dps_cbor_write_raw(&w, (struct dps_span){number, number_len});
	assert_int_equal(dps_cbor_finish(&w, &len), DPS_OK);
	test_hub_answer_bytes(t, 204, TEST_HUB_CBOR, payload, len);
}

/* A sign-in's answer: expires in CBOR hex. */
static inline void test_hub_give_session(struct test_hub *t, const char *expires)
{
	uint8_t payload[32];
	const char *head = "a1 6965787069726573696e";
	char hex[64];

	snprintf(hex, sizeof(hex), "%s%s", expires[0] != '\0' ? head : "a0", expires);
	test_hub_answer_bytes(t, 204, TEST_HUB_CBOR, payload, test_channel_hex(hex, payload, sizeof(payload)));
}

/* The device asks this next, and nothing before. */
#define test_hub_expect(t, wanted) assert_string_equal(test_hub_next(t), wanted)

/* The gateway asks for links, as it does before it answers a sign-in. */
static inline void test_hub_ask(struct test_hub *t)
{
	test_channel_feed_hex(&t->link.peer, "d814012fea22142c081835b36f6963037265734c69663d6f69632e69662e6c6c0b72743d6f69632e776b2e64");
}

/* Ends the connection as the gateway does behind an error. */
static inline void test_hub_hang_up(struct test_hub *t)
{
	t->link.peer.read_end = DPS_E_CLOSED;
}

/* The next event of a type; fails if there is none. */
static inline const struct dps_hub_event *test_hub_event(struct test_hub *t, enum dps_hub_event_type type)
{
	while (t->event_pos < t->event_count) {
		const struct dps_hub_event *event = &t->events[t->event_pos++];

		if (event->type == type)
			return event;
	}
	fail_msg("no event of type %u", (unsigned)type);
	return NULL;
}

static inline unsigned test_hub_count(const struct test_hub *t, enum dps_hub_event_type type)
{
	unsigned count = 0;

	for (size_t i = 0; i < t->event_count; i++)
		count += t->events[i].type == type;
	return count;
}

/* From a start of a registered device to online, with this in the sign-in's answer. */
static inline void test_hub_go_online(struct test_hub *t, const char *expires)
{
	test_hub_begin(t);
	test_hub_expect(t, TEST_HUB_SIGN_IN);
	test_hub_give_session(t, expires);
	test_hub_run(t);
	assert_int_equal(dps_hub_state(&t->hub), DPS_HUB_ONLINE);
}

#endif
