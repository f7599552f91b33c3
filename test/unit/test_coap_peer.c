/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the peer asks and signals: requests served while ours wait, pings, floods, Release and Abort.
 */
#include "support/test_coap_check.h"

static struct test_coap t;
static struct test_coap_message m;
static uint8_t filler[20000];

/* What serve saw, and what it is to say. */
static struct {
	unsigned calls;
	unsigned method;
	char path[256];
	char queries[256];
	size_t payload_len;
	int32_t accept;
	int32_t content_format;
	size_t room;
	unsigned code;
	int32_t reply_format;
	size_t reply_len;
} served;

static void serve(void *ctx, const struct dps_coap_inbound *inbound, struct dps_coap_reply *reply)
{
	struct dps_span queries = inbound->queries, query;

	assert_ptr_equal(ctx, &served);
	served.calls++;
	served.method = inbound->method;
	assert_true(inbound->path.len < sizeof(served.path));
	memcpy(served.path, inbound->path.data, inbound->path.len);
	served.path[inbound->path.len] = '\0';
	served.queries[0] = '\0';
	while (dps_coap_next_query(&queries, &query)) {
		strncat(served.queries, (const char *)query.data, query.len);
		strcat(served.queries, "&");
	}
	served.payload_len = inbound->payload.len;
	served.accept = inbound->accept;
	served.content_format = inbound->content_format;
	served.room = reply->size;
	assert_int_equal(reply->code, 404);
	assert_int_equal(reply->len, 0);
	if (served.reply_len <= reply->size)
		memset(reply->payload, 'r', served.reply_len);
	reply->code = served.code;
	reply->content_format = served.reply_format;
	reply->len = served.reply_len;
}

static void start(size_t send_size)
{
	struct dps_coap_options options = *test_coap_default();

	options.serve = serve;
	options.serve_ctx = &served;
	options.send_size = send_size;
	memset(&served, 0, sizeof(served));
	served.code = 205;
	served.reply_format = DPS_COAP_FORMAT_OCF_CBOR;
	test_coap_init(&t, &options);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_take(&t);
}

static void test_request_served(void **state)
{
	(void)state;
	start(0);
	served.reply_len = 3;
	/* GET /oic/res?if=oic.if.ll&rt=oic.wk.d as the service sends it */
	test_channel_feed_hex(&t.peer, "d81401abd35b30bab835d8b36f6963037265734c69663d6f69632e69662e6c6c0b72743d6f69632e776b2e64");
	test_coap_assert_idle(&t);
	assert_int_equal(served.calls, 1);
	assert_int_equal(served.method, 1);
	assert_string_equal(served.path, "/oic/res");
	assert_string_equal(served.queries, "if=oic.if.ll&rt=oic.wk.d&");
	assert_int_equal(served.accept, DPS_COAP_FORMAT_NONE);
	assert_int_equal(served.content_format, DPS_COAP_FORMAT_NONE);
	assert_true(served.room > DPS_CONFIG_SEND_SIZE - 48);
	test_coap_assert_written(&t, "7845abd35b30bab835d8 c22710 ff 727272");
	assert_int_equal(t.coap.counters.served, 1);

	/* an empty token, a body, formats, the root */
	served.reply_len = 0;
	served.code = 204;
	test_coap_feed_text(&t, 2, "", "c12a 5132", "xy");
	test_coap_assert_idle(&t);
	assert_int_equal(served.method, 2);
	assert_string_equal(served.path, "/");
	assert_string_equal(served.queries, "");
	assert_int_equal(served.content_format, 42);
	assert_int_equal(served.accept, 50);
	assert_int_equal(served.payload_len, 2);
	test_coap_assert_written(&t, "0044"); /* no format without payload */

	/* methods to come are the application's to refuse */
	served.code = 405;
	test_coap_feed_text(&t, 31, "aa", "b161", "");
	test_coap_assert_idle(&t);
	assert_int_equal(served.method, 31);
	test_coap_assert_written(&t, "0185aa");
}

static void test_reply_forms(void **state)
{
	(void)state;
	start(0);
	served.reply_len = 2;
	served.reply_format = DPS_COAP_FORMAT_NONE;
	test_coap_feed_text(&t, 1, "aa", "b161", "");
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "3145aa ff7272");
	/* no answer at all */
	served.code = 0;
	test_coap_feed_text(&t, 1, "aa", "b161", "");
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "");
	assert_int_equal(t.coap.counters.served, 1);
	served.code = 503;
	served.reply_len = 0;
	test_coap_feed_text(&t, 1, "aa", "b161", "");
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "01a3aa");
	/* not a code of responses */
	served.code = 701;
	served.reply_len = 0;
	test_coap_feed_text(&t, 1, "aa", "b161", "");
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "01a0aa");
	/* the largest that fits, and one byte more */
	served.code = 205;
	served.reply_len = served.room;
	test_coap_feed_text(&t, 1, "aa", "b161", "");
	test_coap_assert_idle(&t);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.code, 205);
	assert_int_equal(m.payload_len, served.room);
	served.reply_len = served.room + 1;
	test_coap_feed_text(&t, 1, "aa", "b161", "");
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "01a0aa");
}

static void test_refused_without_asking(void **state)
{
	(void)state;
	start(0);
	test_coap_feed_text(&t, 1, "01", "b161 d10100", "");       /* 25: unknown and critical */
	test_coap_feed_text(&t, 1, "02", "b161 c106", "");         /* 23: Block2 */
	test_coap_feed_text(&t, 2, "03", "b161 d1030e", "x");      /* 27: Block1 */
	test_coap_feed_text(&t, 1, "04", "b7 6f69632f726573", ""); /* a slash inside a segment */
	test_coap_assert_idle(&t);
	assert_int_equal(served.calls, 0);
	test_coap_assert_written(&t, "018201 018202 018d03 018004");
	/* elective ones that are unknown do not matter */
	test_coap_feed_text(&t, 1, "05", "60 5161 b161", ""); /* Observe, Uri-Path "a", 22 */
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "014505");
	assert_string_equal(served.path, "/a");
}

static void test_no_application(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	test_coap_assert_idle(&t);
	test_coap_take(&t);
	test_coap_feed_text(&t, 1, "aa", "b161", "");
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "0184aa");
}

static void test_request_too_large(void **state)
{
	(void)state;
	start(0);
	test_coap_feed(&t, 2, "aabb", "b161", filler, sizeof(filler));
	test_coap_feed_text(&t, 702, "01", "", "");
	test_coap_assert_idle(&t);
	assert_int_equal(served.calls, 0);
	assert_int_equal(t.coap.counters.served, 1);
	test_coap_assert_written(&t, "028daabb 01e301");
}

static void test_ping(void **state)
{
	(void)state;
	start(0);
	test_coap_feed_text(&t, 702, "62efb8d14c084719", "", "");
	test_coap_feed_text(&t, 702, "", "", "");
	test_coap_feed_text(&t, 702, "aa", "20", "text"); /* Custody */
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "08e362efb8d14c084719 00e3 11e3aa20");
	assert_int_equal(t.coap.counters.pings, 3);
	/* while a request is in flight, and between the bytes of its answer */
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	test_coap_feed_text(&t, 702, "bb", "", "");
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "x");
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.handle, 1);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "5801" TOKEN_1 "b161622710 01e3bb");
	/* a critical option in a ping ends the connection */
	test_coap_feed_text(&t, 702, "cc", "10", "");
	assert_int_equal(test_coap_run(&t), DPS_E_COAP);
	test_coap_assert_written(&t, "00e5");
}

static void test_ping_of_ours(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(dps_coap_ping(&t.coap), DPS_OK);
	assert_int_equal(dps_coap_ping(&t.coap), DPS_AGAIN); /* one at a time */
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "08e2" TOKEN_1);
	test_coap_feed_text(&t, 703, "0202020202020202", "", ""); /* a pong to nobody */
	test_coap_feed_text(&t, 703, "", "", "");
	test_coap_assert_idle(&t);
	assert_int_equal(t.coap.counters.pongs, 0);
	test_coap_feed_text(&t, 703, TOKEN_1, "20", "");
	test_coap_feed_text(&t, 703, TOKEN_1, "", "");
	test_coap_assert_idle(&t);
	assert_int_equal(t.coap.counters.pongs, 1);
	assert_int_equal(dps_coap_ping(&t.coap), DPS_OK);
}

static void test_ping_without_room(void **state)
{
	(void)state;
	start(64);
	t.peer.write_blocked = true;
	assert_int_equal(test_coap_get(&t, 1, "/abcdefgh"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 2, "/abcdefgh"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 3, "/abcdefgh"), DPS_AGAIN);
	assert_int_equal(dps_coap_ping(&t.coap), DPS_OK);
	test_coap_feed_text(&t, 703, "0404040404040404", "", ""); /* its pong: a token was drawn for the request that was refused, too */
	test_coap_assert_idle(&t);
	assert_int_equal(t.coap.counters.pongs, 1);
	assert_int_equal(dps_coap_ping(&t.coap), DPS_AGAIN);
	assert_false(t.coap.pinging);
}

static void test_csm(void **state)
{
	(void)state;
	start(0);
	test_coap_feed_text(&t, 701, "", "22 0800 20", "");
	test_coap_assert_idle(&t);
	assert_int_equal(t.coap.peer_size, 2048);
	assert_true(t.coap.peer_blocks);
	/* a second one changes what it says, and elective ones that are unknown do not matter */
	test_coap_feed_text(&t, 701, "aa", "21ff 60", "payload");
	test_coap_assert_idle(&t);
	assert_int_equal(t.coap.peer_size, 255);
	assert_true(t.coap.peer_blocks);
	test_coap_feed_text(&t, 706, "", "", ""); /* a signal to come */
	test_coap_feed_text(&t, 700, "", "", "");
	test_coap_assert_idle(&t);
}

static void test_release(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 2, "/b"), DPS_OK);
	test_coap_feed_text(&t, 704, "", "22 6161 2105", ""); /* Alternative-Address, Hold-Off */
	test_coap_assert_idle(&t);
	assert_int_equal(test_coap_get(&t, 3, "/c"), DPS_AGAIN); /* what is in flight may still be answered */
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "x");
	assert_int_equal(test_coap_run(&t), DPS_OK);
	dps_coap_transport.forget(&t.coap, 2);
	assert_int_equal(test_coap_get(&t, 3, "/c"), DPS_E_CLOSED);
	assert_int_equal(test_coap_run(&t), DPS_E_CLOSED);
	assert_int_equal(test_coap_run(&t), DPS_E_CLOSED);
}

static void test_abort(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	test_coap_feed_text(&t, 705, "", "2102", "bad CSM");
	assert_int_equal(test_coap_run(&t), DPS_E_CLOSED);
	assert_int_equal(t.answer.code, 705);
	assert_int_equal(t.answer.payload_len, 7);
	assert_memory_equal(t.answer.payload, "bad CSM", 7);
	assert_int_equal(test_coap_run(&t), DPS_E_CLOSED);
	assert_int_equal(t.answer.payload_len, 0);
	/* with a text larger than the buffer, or an option that nobody knows */
	start(0);
	test_coap_feed(&t, 705, "", "", filler, sizeof(filler));
	assert_int_equal(test_coap_run(&t), DPS_E_CLOSED);
	start(0);
	test_coap_feed_text(&t, 705, "", "10", "");
	assert_int_equal(test_coap_run(&t), DPS_E_CLOSED);
}

static void test_large_signals_are_skipped(void **state)
{
	(void)state;
	start(0);
	test_coap_feed(&t, 701, "", "22 0800", filler, sizeof(filler));
	test_coap_feed(&t, 0, "", "", filler, sizeof(filler));
	test_coap_feed(&t, 100, "", "", filler, sizeof(filler));
	test_coap_feed_text(&t, 702, "01", "", "");
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "01e301");
}

/* Requests and pings without end at a peer that reads nothing: ours keep their room, and reading never stops. */
static void test_flood_without_room(void **state)
{
	size_t quota = 2048 / 4;

	(void)state;
	start(2048);
	served.reply_len = 30;
	t.peer.write_blocked = true;
	for (int i = 0; i < 2000; i++) {
		test_coap_feed_text(&t, 1, "0a0b0c0d", "b161", "");
		test_coap_feed_text(&t, 702, "0e0f", "", "");
	}
	test_coap_assert_idle(&t);
	assert_int_equal(t.peer.in_pos, t.peer.in_len); /* all was read */
	assert_int_equal(t.coap.counters.served + t.coap.counters.pings + t.coap.counters.dropped, 4000);
	assert_true(t.coap.counters.dropped > 3900);
	assert_true(t.coap.tx_len >= quota && t.coap.tx_len < quota + 64);
	test_coap_feed(&t, 2, "aabb", "b161", filler, sizeof(filler)); /* not even a refusal */
	test_coap_assert_idle(&t);
	assert_int_equal(t.coap.counters.dropped + t.coap.counters.served + t.coap.counters.pings, 4001);
	/* a whole flight still fits */
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(test_coap_get(&t, i, "/api/v1/provisioning/cloud-configuration"), DPS_OK);
	test_coap_feed_text(&t, 205, "0707070707070707", CBOR, "x");
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.handle, 6);
}

/* The same flood at a peer that reads: a request as large as the whole buffer gets its turn. */
static void test_flood_does_not_starve_requests(void **state)
{
	static char path[256] = "/";
	unsigned tries = 0;

	(void)state;
	memset(path + 1, 'p', 205);
	start(256);
	t.peer.write_step = 3;
	t.peer.writes_stutter = true;
	t.peer.read_step = 40;
	served.reply_len = 30;
	for (;;) {
		for (int i = 0; i < 20; i++)
			test_coap_feed_text(&t, 1, "0a0b0c0d", "b161", "");
		assert_int_equal(test_coap_poll(&t), DPS_AGAIN);
		if (test_coap_get(&t, 1, path) == DPS_OK)
			break;
		assert_true(++tries < 1000);
		t.peer.out_len = 0;
	}
	assert_true(served.calls > 0);
}

static void test_flood_of_answers(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	for (int i = 0; i < 3000; i++)
		test_coap_feed_text(&t, 205, "ffffffffffffffff", CBOR, "never asked for");
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "x");
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.handle, 1);
	assert_int_equal(t.coap.counters.unknown_answers, 3000);
}

/* A peer that never stops sending what nobody asked for is left, whatever is still due from it. */
static void test_endless_answers(void **state)
{
	unsigned fed = 0;
	dps_result result = DPS_AGAIN;

	(void)state;
	start(0);
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	while (result == DPS_AGAIN && fed < 10000) {
		for (int i = 0; i < 500; i++, fed++)
			test_coap_feed_text(&t, 205, "ffffffffffffffff", CBOR, "never asked for");
		result = test_coap_run(&t);
	}
	assert_int_equal(result, DPS_E_COAP);
	assert_int_equal(t.coap.counters.unknown_answers, 4096);
}

/* The quota comes back once what was queued has left. */
static void test_quota_returns(void **state)
{
	(void)state;
	start(256);
	served.reply_len = 20;
	for (int i = 0; i < 100; i++) {
		test_coap_feed_text(&t, 1, "0a0b0c0d", "b161", "");
		test_coap_assert_idle(&t);
	}
	assert_int_equal(t.coap.counters.served, 100);
	assert_int_equal(t.coap.counters.dropped, 0);
	/* many at once, in a single turn: what has left takes nothing from the quota */
	for (int i = 0; i < 60; i++)
		test_coap_feed_text(&t, 1, "0a0b0c0d", "b161", "");
	test_coap_feed_text(&t, 702, "0e0f", "", "");
	test_coap_assert_idle(&t);
	assert_int_equal(t.coap.counters.served, 160);
	assert_int_equal(t.coap.counters.pings, 1);
	assert_int_equal(t.coap.counters.dropped, 0);
	/* with a request of ours always behind them */
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(test_coap_get(&t, i, "/a"), DPS_OK);
		test_coap_feed_text(&t, 1, "0a0b0c0d", "b161", "");
		test_coap_assert_idle(&t);
		dps_coap_transport.forget(&t.coap, i);
	}
	assert_int_equal(t.coap.counters.served, 260);
}

/* A peer that takes only tiny messages gets no reply larger than that. */
static void test_reply_within_the_peers_limit(void **state)
{
	(void)state;
	start(0);
	test_coap_feed_text(&t, 701, "", "2140", ""); /* 64 */
	served.reply_len = 60;
	test_coap_feed_text(&t, 1, "aa", "b161", "");
	test_coap_assert_idle(&t);
	assert_true(served.room < 60);
	test_coap_assert_written(&t, "01a0aa");
	test_coap_feed_text(&t, 701, "", "2110", ""); /* 16 */
	test_coap_feed_text(&t, 1, "aa", "b161", "");
	test_coap_assert_idle(&t);
	assert_int_equal(t.coap.counters.dropped, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_served),
		cmocka_unit_test(test_reply_forms),
		cmocka_unit_test(test_refused_without_asking),
		cmocka_unit_test(test_no_application),
		cmocka_unit_test(test_request_too_large),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_ping_of_ours),
		cmocka_unit_test(test_ping_without_room),
		cmocka_unit_test(test_csm),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_large_signals_are_skipped),
		cmocka_unit_test(test_flood_without_room),
		cmocka_unit_test(test_flood_does_not_starve_requests),
		cmocka_unit_test(test_flood_of_answers),
		cmocka_unit_test(test_endless_answers),
		cmocka_unit_test(test_quota_returns),
		cmocka_unit_test(test_reply_within_the_peers_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
