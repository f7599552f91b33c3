/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a connection ends: malformed input, a stream cut at every byte, writes that fail, a port with a bug, and detaching.
 */
#include "support/test_coap_check.h"

static struct test_coap t;
static uint8_t filler[20000];

static void test_malformed_ends_with_abort(void **state)
{
	static const char *const bad[] = {
		"09",             /* token length 9 */
		"f0 ffffffff 45", /* a length that can't be counted */
		"18 45" TOKEN_1 "ff",
		"1045f0",
		"1001f0",
		"10e2f0",
		"10e130", /* a critical option in a CSM */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		test_coap_init(&t, test_coap_default());
		assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
		test_coap_assert_idle(&t);
		test_coap_take(&t);
		test_channel_feed_hex(&t.peer, bad[i]);
		test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "x"); /* comes too late */
		assert_int_equal(test_coap_run(&t), DPS_E_COAP);
		assert_int_equal(test_coap_run(&t), DPS_E_COAP);
		assert_int_equal(test_coap_get(&t, 2, "/a"), DPS_E_COAP);
		assert_int_equal(dps_coap_ping(&t.coap), DPS_E_COAP);
		test_coap_assert_written(&t, i + 1 < sizeof(bad) / sizeof(bad[0]) ? "00e5" : "20e52103");
		assert_int_equal(t.peer.flushes, 1);
		dps_coap_transport.detach(&t.coap); /* no Release behind an Abort */
		test_coap_take(&t);
		assert_int_equal(t.out_len, 0);
	}
}

static void test_ends_of_the_stream(void **state)
{
	static const dps_result ends[] = {DPS_E_CLOSED, DPS_E_RESET, DPS_E_TLS, DPS_E_TLS_ALERT};
	uint8_t whole[64];
	size_t len = test_coap_write(whole, sizeof(whole), 205, TOKEN_1, CBOR, (const uint8_t *)"value", 5);

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		for (size_t cut = 0; cut <= len; cut++) { /* in the middle of each byte of a message */
			test_coap_init(&t, test_coap_default());
			assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
			test_channel_feed(&t.peer, whole, cut);
			t.peer.read_end = ends[i];
			if (cut == len)
				test_coap_assert_answer(&t, 1, DPS_OK, 205, "value");
			assert_int_equal(test_coap_run(&t), ends[i]);
			assert_int_equal(test_coap_run(&t), ends[i]);
			assert_int_equal(test_coap_get(&t, 2, "/a"), ends[i]);
			dps_coap_transport.detach(&t.coap);
		}
	}
}

static void test_write_failure_is_told_after_what_came(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	test_coap_assert_idle(&t);
	test_coap_feed_text(&t, 403, TOKEN_1, "", "go away"); /* and the peer closed behind it */
	t.peer.write_failure = DPS_E_RESET;
	assert_int_equal(test_coap_get(&t, 2, "/b"), DPS_OK);
	test_coap_assert_answer(&t, 1, DPS_E_SERVICE_REFUSED, 403, "go away");
	assert_int_equal(test_coap_run(&t), DPS_E_RESET);
	assert_int_equal(test_coap_get(&t, 3, "/c"), DPS_E_RESET);
	dps_coap_transport.detach(&t.coap);
}

static void test_write_failure_at_every_byte(void **state)
{
	(void)state;
	for (size_t at = 0; at < 40; at++) {
		test_coap_init(&t, test_coap_default());
		t.peer.write_failure = DPS_E_RESET;
		t.peer.write_failure_after = at;
		t.peer.write_step = 7;
		assert_int_equal(test_coap_get(&t, 1, "/abcdefghijklmnopqrstuvwxyz"), DPS_OK);
		assert_int_equal(test_coap_run(&t), DPS_E_RESET);
		assert_int_equal(t.peer.out_len, at);
	}
}

static size_t lie;

static dps_result lying_read(void *ctx, uint8_t *buf, size_t size, size_t *n)
{
	(void)ctx, (void)buf;
	*n = lie == 0 ? 0 : size + lie;
	return DPS_OK;
}

static dps_result lying_write(void *ctx, const uint8_t *buf, size_t len, size_t *n)
{
	(void)ctx, (void)buf;
	*n = lie == 0 ? 0 : len + lie;
	return DPS_OK;
}

/* A port with a bug breaks its connection, not our memory. */
static void test_channel_that_lies(void **state)
{
	(void)state;
	for (lie = 0; lie < 2; lie++) {
		test_coap_init(&t, test_coap_default());
		t.peer.channel.write = lying_write;
		assert_int_equal(test_coap_run(&t), lie == 0 ? DPS_AGAIN : DPS_E_INTERNAL);
		test_coap_init(&t, test_coap_default());
		t.peer.channel.read = lying_read;
		assert_int_equal(test_coap_run(&t), lie == 0 ? DPS_AGAIN : DPS_E_INTERNAL);
	}
}

static void test_detach(void **state)
{
	static const uint8_t nothing[DPS_CONFIG_RECEIVE_SIZE];

	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "secret");
	test_coap_assert_answer(&t, 1, DPS_OK, 205, "secret");
	memset(t.body, 's', sizeof(t.body));
	test_coap_take(&t);
	dps_coap_transport.detach(&t.coap);
	test_coap_assert_written(&t, "00e4");
	assert_int_equal(t.peer.flushes, 1);
	assert_memory_equal(t.receive, nothing, sizeof(t.receive));
	assert_memory_equal(t.send, nothing, sizeof(t.send));
	assert_memory_equal(t.body, nothing, sizeof(t.body));
	assert_int_equal(t.coap.counters.requests, 1);
	dps_coap_transport.detach(&t.coap);
	assert_int_equal(test_coap_run(&t), DPS_E_STATE);
	/* Release leaves behind what waits */
	dps_coap_transport.attach(&t.coap, &t.env);
	t.peer.writes_stutter = true;
	t.peer.writes = 0;
	dps_coap_transport.detach(&t.coap);
	test_coap_assert_written(&t, "30e1222100 00e4");
	t.peer.writes_stutter = false;
	/* a fresh connection starts afresh */
	dps_coap_transport.attach(&t.coap, &t.env);
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "30e1222100 5801" TOKEN_2 "b161622710");
	assert_int_equal(t.coap.counters.requests, 2);
}

static void test_poll_is_bounded(void **state)
{
	unsigned polls = 0;

	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	for (int i = 0; i < 1000; i++)
		test_channel_feed_hex(&t.peer, "0000");
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "x");
	while (test_coap_poll(&t) == DPS_AGAIN) {
		assert_true(t.busy);
		polls++;
	}
	assert_true(polls > 10);
	assert_int_equal(t.answer.handle, 1);
}

static void test_huge_length_costs_no_memory(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	test_channel_feed_hex(&t.peer, "f8 f0000000 45" TOKEN_1);
	test_coap_assert_answer(&t, 1, DPS_E_TOO_LARGE, 205, "");
	for (int i = 0; i < 10; i++) {
		test_channel_feed(&t.peer, filler, sizeof(filler));
		test_coap_assert_idle(&t);
	}
	t.peer.read_end = DPS_E_CLOSED;
	assert_int_equal(test_coap_run(&t), DPS_E_CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed_ends_with_abort),
		cmocka_unit_test(test_ends_of_the_stream),
		cmocka_unit_test(test_write_failure_is_told_after_what_came),
		cmocka_unit_test(test_write_failure_at_every_byte),
		cmocka_unit_test(test_channel_that_lies),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_poll_is_bounded),
		cmocka_unit_test(test_huge_length_costs_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
