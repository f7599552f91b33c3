/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hub connection needs of CoAP: Observe and ETag both ways, notifications, queries and DELETE of ours, the keep-alive.
 */
#include "support/test_coap_check.h"

static struct test_coap t;
static struct test_coap_message m;

/* What serve saw and says; what a notification says. */
static struct {
	unsigned calls;
	int32_t observe;
	uint8_t etag[8];
	size_t etag_len;
	uint8_t token[8];
	size_t token_len;
	struct dps_coap_reply reply;
	size_t room;
} seen;

static void say(struct dps_coap_reply *reply)
{
	seen.room = reply->size;
	reply->code = seen.reply.code;
	reply->content_format = seen.reply.content_format;
	reply->observe = seen.reply.observe;
	reply->etag_len = seen.reply.etag_len;
	memcpy(reply->etag, seen.reply.etag, sizeof(reply->etag));
	reply->len = seen.reply.len;
	if (reply->len <= reply->size)
		memset(reply->payload, 'n', reply->len);
}

static void serve(void *ctx, const struct dps_coap_inbound *inbound, struct dps_coap_reply *reply)
{
	(void)ctx;
	seen.calls++;
	seen.observe = inbound->observe;
	seen.etag_len = inbound->etag.len;
	if (inbound->etag.len > 0)
		memcpy(seen.etag, inbound->etag.data, inbound->etag.len);
	seen.token_len = inbound->token.len;
	if (inbound->token.len > 0)
		memcpy(seen.token, inbound->token.data, inbound->token.len);
	assert_int_equal(reply->observe, -1);
	assert_int_equal(reply->etag_len, 0);
	say(reply);
}

static void notification(void *ctx, struct dps_coap_reply *reply)
{
	assert_ptr_equal(ctx, &seen);
	assert_int_equal(reply->code, 205);
	assert_int_equal(reply->observe, -1);
	assert_int_equal(reply->etag_len, 0);
	assert_int_equal(reply->content_format, DPS_COAP_FORMAT_NONE);
	assert_true(reply->size > 0);
	seen.calls++;
	say(reply);
}

static dps_result notify(const char *token)
{
	return dps_coap_notify(&t.coap, (struct dps_span){(const uint8_t *)token, strlen(token)}, notification, &seen);
}

static void start(size_t send_size)
{
	struct dps_coap_options options = *test_coap_default();

	options.serve = serve;
	options.send_size = send_size;
	memset(&seen, 0, sizeof(seen));
	seen.reply = (struct dps_coap_reply){.code = 205, .content_format = DPS_COAP_FORMAT_OCF_CBOR, .observe = -1};
	test_coap_init(&t, &options);
	test_coap_assert_idle(&t);
	test_coap_take(&t);
}

static void test_observe_and_etag_of_requests(void **state)
{
	static const struct {
		const char *options; /* /a, and */
		int32_t observe;
		const char *etag;
	} rows[] = {
		{"b161", -1, ""},
		{"60 5161", 0, ""}, /* 6: empty is 0 */
		{"6101 5161", 1, ""},
		{"63ffffff 5161", 0xffffff, ""},
		{"6401000000 5161", -1, ""}, /* too long: elective, as if not there */
		{"6101 0100 5161", 1, ""},   /* again: the first counts */
		{"4161 7162", -1, "61"},
		{"48 0102030405060708 20 5161", 0, "0102030405060708"},
		{"42aabb 01cc 7161", -1, "aabb"}, /* the first of two */
		{"40 7161", -1, ""},              /* empty and too long ones are none */
		{"49 010203040506070809 7161", -1, ""},
	};
	uint8_t etag[8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t len = test_channel_hex(rows[i].etag, etag, sizeof(etag));

		start(0);
		test_coap_feed(&t, 1, "0a0b0c", rows[i].options, NULL, 0);
		test_coap_assert_idle(&t);
		assert_int_equal(seen.calls, 1);
		assert_int_equal(seen.observe, rows[i].observe);
		assert_int_equal(seen.etag_len, len);
		if (len > 0)
			assert_memory_equal(seen.etag, etag, len);
		assert_int_equal(seen.token_len, 3);
		assert_memory_equal(seen.token, "\x0a\x0b\x0c", 3);
		test_coap_assert_written(&t, "03 45 0a0b0c");
	}
	/* If-None-Match is critical and unknown as before */
	start(0);
	test_coap_feed(&t, 1, "0a", "50 6161", NULL, 0);
	test_coap_assert_idle(&t);
	assert_int_equal(seen.calls, 0);
	test_coap_assert_written(&t, "01 82 0a");
}

static void test_observe_and_etag_of_replies(void **state)
{
	(void)state;
	start(0);
	seen.reply.observe = 2;
	seen.reply.len = 1;
	test_coap_feed(&t, 1, "aa", "60 5161", NULL, 0);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "71 45 aa 6102 622710 ff 6e");
	/* the widest of everything, with a payload that moves by nothing */
	seen.reply.observe = 0x1fffffe; /* 24 bits */
	seen.reply.etag_len = 8;
	memcpy(seen.reply.etag, "\1\2\3\4\5\6\7\x8", 8);
	test_coap_feed(&t, 1, "aa", "60 5161", NULL, 0);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "d105 45 aa 480102030405060708 23fffffe 622710 ff 6e");
	/* 2.03 has neither payload nor format; 0 is an empty value */
	seen.reply.code = 203;
	seen.reply.observe = 0;
	seen.reply.etag_len = 1;
	seen.reply.len = 0;
	test_coap_feed(&t, 1, "aa", "60 5161", NULL, 0);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "31 43 aa 4101 20");
	/* an ETag that is none is a fault of the application's */
	seen.reply.etag_len = 9;
	test_coap_feed(&t, 1, "aa", "60 5161", NULL, 0);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "01 a0 aa");
}

static void test_notification(void **state)
{
	(void)state;
	start(0);
	seen.reply.observe = 3;
	seen.reply.len = 2;
	assert_int_equal(notify("token678"), DPS_OK);
	assert_int_equal(t.coap.counters.notifications, 1);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "88 45 746f6b656e363738 6103 622710 ff 6e6e");
	/* an empty token is one; an error ends an observation (RFC 7641 section 4.2) */
	seen.reply.code = 404;
	seen.reply.observe = -1;
	seen.reply.len = 0;
	assert_int_equal(notify(""), DPS_OK);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "00 84");
	/* nothing is said */
	seen.reply.code = 0;
	assert_int_equal(notify("a"), DPS_OK);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "");
	assert_int_equal(t.coap.counters.notifications, 2);
	/* what is no notification */
	assert_int_equal(notify("nine char"), DPS_E_ARGUMENT);
	for (size_t i = 0; i < 4; i++) {
		seen.reply.code = (unsigned[]){1, 199, 600, 232}[i];
		assert_int_equal(notify("a"), DPS_E_ARGUMENT);
	}
	seen.reply.code = 205;
	seen.reply.etag_len = 9;
	assert_int_equal(notify("a"), DPS_E_ARGUMENT);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "");
}

static void test_notification_without_connection(void **state)
{
	(void)state;
	start(0);
	t.peer.read_end = DPS_E_CLOSED;
	assert_int_equal(test_coap_run(&t), DPS_E_CLOSED);
	assert_int_equal(notify("a"), DPS_E_CLOSED);
	dps_coap_transport.detach(&t.coap);
	assert_int_equal(notify("a"), DPS_E_STATE);
	assert_int_equal(seen.calls, 0);
	/* a write that failed is told by poll */
	start(0);
	t.peer.write_failure = DPS_E_RESET;
	seen.reply.len = 1;
	assert_int_equal(notify("a"), DPS_OK);
	assert_int_equal(notify("a"), DPS_AGAIN);
	assert_int_equal(test_coap_run(&t), DPS_E_RESET);
	assert_int_equal(notify("a"), DPS_E_RESET);
}

static void test_largest_notification(void **state)
{
	size_t most;

	(void)state;
	start(256);
	seen.reply.len = 1;
	assert_int_equal(notify("a"), DPS_OK);
	most = seen.room;
	test_coap_assert_idle(&t);
	seen.reply.len = most + 1;
	assert_int_equal(notify("a"), DPS_E_TOO_LARGE);
	seen.reply.len = most;
	assert_int_equal(notify("a"), DPS_OK);
	test_coap_take(&t);
	/* a peer that takes less */
	test_coap_feed(&t, 701, "", "2140", NULL, 0); /* Max-Message-Size 64 */
	test_coap_assert_idle(&t);
	test_coap_take(&t);
	seen.reply.len = 1;
	assert_int_equal(notify("a"), DPS_OK);
	assert_in_range(seen.room, 1, 64 - 22);
	most = seen.room;
	test_coap_assert_idle(&t);
	test_coap_take(&t);
	seen.reply.len = most + 1;
	assert_int_equal(notify("a"), DPS_E_TOO_LARGE);
	seen.reply.len = most;
	assert_int_equal(notify("a"), DPS_OK);
	test_coap_assert_idle(&t);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m));
	assert_true(m.total <= 64);
	assert_int_equal(m.payload_len, most);
	/* and one that takes none */
	test_coap_feed(&t, 701, "", "2110", NULL, 0);
	test_coap_assert_idle(&t);
	assert_int_equal(notify("a"), DPS_E_TOO_LARGE);
}

/* Room that is not there now: AGAIN, and the poll says when. */
static void test_no_room_now(void **state)
{
	(void)state;
	start(512);
	t.peer.write_blocked = true;
	seen.reply.len = 200;
	assert_int_equal(notify("a"), DPS_OK);
	assert_int_equal(notify("b"), DPS_OK);
	assert_int_equal(notify("c"), DPS_AGAIN);
	assert_int_equal(test_coap_poll(&t), DPS_AGAIN);
	assert_false(t.busy);
	t.peer.write_blocked = false;
	assert_int_equal(test_coap_poll(&t), DPS_AGAIN);
	assert_true(t.busy);
	assert_int_equal(notify("c"), DPS_OK);
	test_coap_assert_idle(&t);
	test_coap_take(&t);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(test_coap_next(&t, &m));
		assert_int_equal(m.token[0], 'a' + i);
		assert_int_equal(m.payload_len, 200);
	}
}

/* However full of notifications it is, a pong finds room, and so does a small reply. */
static void test_notifications_leave_room_for_replies(void **state)
{
	unsigned sent = 0;

	(void)state;
	for (size_t len = 1; len < 200; len += 7) {
		start(512);
		t.peer.write_blocked = true;
		seen.reply.len = len;
		while (notify("observer") == DPS_OK)
			sent++;
		test_coap_feed(&t, 702, "0102030405060708", "", NULL, 0);
		test_coap_assert_idle(&t);
		assert_int_equal(t.coap.counters.pings, 1);
		assert_int_equal(t.coap.counters.dropped, 0);
	}
	assert_true(sent > 29);
}

/* And however many requests come, a notification finds room as soon as what waits has left. */
static void test_replies_leave_room_for_notifications(void **state)
{
	(void)state;
	start(512);
	for (unsigned round = 0; round < 20; round++) {
		dps_result result;

		t.peer.write_blocked = true;
		seen.reply.len = 10;
		for (unsigned i = 0; i < 100; i++)
			test_coap_feed(&t, 1, "aa", "b161", NULL, 0);
		test_coap_assert_idle(&t);
		seen.reply.len = 400;
		assert_int_equal(notify("a"), DPS_AGAIN);
		t.peer.write_blocked = false;
		for (unsigned i = 0; i < 100; i++)
			test_coap_feed(&t, 1, "aa", "b161", NULL, 0);
		assert_int_equal(test_coap_poll(&t), DPS_AGAIN);
		assert_true(t.busy);
		t.peer.write_blocked = true; /* nothing more leaves: the room is what counts */
		result = notify("a");
		assert_int_equal(result, DPS_OK);
		t.peer.write_blocked = false;
		test_coap_assert_idle(&t);
		test_coap_take(&t);
	}
}

static dps_result request(enum dps_method method, const char *query, unsigned handle)
{
	const struct dps_request r = {.method = method, .path = "/oic/rd", .query = query};

	return dps_coap_transport.send(&t.coap, handle, &r, NULL);
}

static void test_queries(void **state)
{
	static char query[600];

	(void)state;
	start(0);
	assert_int_equal(request(DPS_DELETE, "di=1&ins=2", 1), DPS_OK);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "d808 04" TOKEN_1 "b36f6963 027264 44 64693d31 05 696e733d32 222710");
	test_coap_feed(&t, 202, TOKEN_1, "", NULL, 0);
	test_coap_assert_answer(&t, 1, DPS_OK, 202, "");
	assert_int_equal(request(DPS_GET, "", 1), DPS_OK);
	test_coap_assert_idle(&t);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(test_coap_option(&m, 15, 0, &(const uint8_t *){NULL}), -1);
	/* 255 bytes in each part, and one more in one of them */
	memset(query, 'q', 511);
	query[255] = '&';
	assert_int_equal(request(DPS_GET, query, 2), DPS_OK);
	query[511] = 'q';
	assert_int_equal(request(DPS_GET, query, 3), DPS_E_TOO_LARGE);
	query[511] = '&';
	assert_int_equal(request(DPS_GET, query, 3), DPS_OK);
	query[255] = 'q';
	assert_int_equal(request(DPS_GET, query, 4), DPS_E_TOO_LARGE);
	assert_int_equal(dps_coap_in_flight(&t.coap), 3);
}

/* A query stands between Content-Format and Accept, and is there in further blocks, too. */
static void test_query_in_blocks(void **state)
{
	const struct dps_request r = {.method = DPS_POST, .path = "/a", .query = "x=1", .body_limit = 1000, .write_body = test_coap_fill};
	const uint8_t *value;

	(void)state;
	start(512);
	test_coap_feed(&t, 701, "", "40", NULL, 0); /* Block-Wise-Transfer */
	test_coap_assert_idle(&t);
	assert_int_equal(dps_coap_transport.send(&t.coap, 1, &r, NULL), DPS_OK);
	for (unsigned i = 0; i < 2; i++) {
		test_coap_assert_idle(&t);
		test_coap_take(&t);
		assert_true(test_coap_next(&t, &m));
		assert_int_equal(test_coap_option(&m, 15, 0, &value), 3);
		assert_memory_equal(value, "x=1", 3);
		assert_int_equal(test_coap_uint(&m, 27), i << 4 | 8 | 4);
		test_coap_feed(&t, 231, TOKEN_1, i == 0 ? "d10e0c" : "d10e1c", NULL, 0);
	}
}

static void test_keepalive(void **state)
{
	(void)state;
	start(64);
	assert_int_equal(dps_coap_transport.keepalive(&t.coap), DPS_OK);
	test_coap_assert_written(&t, "08e2" TOKEN_1); /* nobody polls until the pong is due */
	test_coap_assert_idle(&t);
	assert_int_equal(dps_coap_transport.keepalive(&t.coap), DPS_E_TIMEOUT);
	test_coap_feed(&t, 703, TOKEN_1, "", NULL, 0);
	test_coap_assert_idle(&t);
	/* no room */
	t.peer.write_blocked = true;
	assert_int_equal(request(DPS_GET, "query", 1), DPS_OK);
	assert_int_equal(request(DPS_GET, "query", 2), DPS_OK);
	assert_int_equal(dps_coap_transport.keepalive(&t.coap), DPS_AGAIN);
	t.peer.write_blocked = false;
	assert_int_equal(test_coap_poll(&t), DPS_AGAIN);
	assert_true(t.busy);
	assert_int_equal(dps_coap_transport.keepalive(&t.coap), DPS_OK);
	dps_coap_transport.detach(&t.coap);
	assert_int_equal(dps_coap_transport.keepalive(&t.coap), DPS_E_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_observe_and_etag_of_requests),
		cmocka_unit_test(test_observe_and_etag_of_replies),
		cmocka_unit_test(test_notification),
		cmocka_unit_test(test_notification_without_connection),
		cmocka_unit_test(test_largest_notification),
		cmocka_unit_test(test_no_room_now),
		cmocka_unit_test(test_notifications_leave_room_for_replies),
		cmocka_unit_test(test_replies_leave_room_for_notifications),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_query_in_blocks),
		cmocka_unit_test(test_keepalive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
