/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and their answers over one connection: tokens, order, results and sizes.
 */
#include "support/test_coap_check.h"

static struct test_coap t;
static struct test_coap_message m;
static uint8_t filler[20000];

static dps_result body_of_env(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len)
{
	const char *text = env->key_slot;

	assert_true(size >= strlen(text));
	*len = strlen(text);
	memcpy(buf, text, *len);
	return DPS_OK;
}

static dps_result post(unsigned handle, const char *path, const char *text, size_t limit)
{
	const struct dps_request request = {.method = DPS_POST, .path = path, .body_limit = limit, .write_body = body_of_env};
	const struct dps_step_env env = {.key_slot = text};

	return dps_coap_transport.send(&t.coap, handle, &request, &env);
}

static void test_csm_first(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	test_coap_assert_idle(&t);
	/* 8,448 is larger than the body area: no Block-Wise-Transfer */
	test_coap_assert_written(&t, "30e1222100 5801" TOKEN_1 "b161622710");
}

static void test_options_are_checked(void **state)
{
	struct dps_coap_options options = *test_coap_default();
	static struct dps_coap coap;
	static uint8_t receive[64], send[64];

	(void)state;
	options.receive = receive;
	options.send = send;
	options.receive_size = 63;
	options.send_size = 64;
	assert_int_equal(dps_coap_init(&coap, &options), DPS_E_ARGUMENT);
	options.receive_size = 65537;
	assert_int_equal(dps_coap_init(&coap, &options), DPS_E_ARGUMENT);
	options.receive_size = 64;
	options.send_size = 63;
	assert_int_equal(dps_coap_init(&coap, &options), DPS_E_ARGUMENT);
	options.send_size = 65537;
	assert_int_equal(dps_coap_init(&coap, &options), DPS_E_ARGUMENT);
	options.send_size = 64;
	options.send = NULL;
	assert_int_equal(dps_coap_init(&coap, &options), DPS_E_ARGUMENT);
	options.send = send;
	options.receive = NULL;
	assert_int_equal(dps_coap_init(&coap, &options), DPS_E_ARGUMENT);
	options.receive = receive;
	assert_int_equal(dps_coap_init(&coap, &options), DPS_OK);
	/* nothing works before attach, and nothing breaks */
	assert_int_equal(dps_coap_transport.poll(&coap, &t.answer, &t.busy), DPS_E_STATE);
	assert_int_equal(dps_coap_transport.send(&coap, 1, &(struct dps_request){.path = "/"}, NULL), DPS_E_STATE);
	assert_int_equal(dps_coap_ping(&coap), DPS_E_STATE);
	dps_coap_transport.forget(&coap, 1);
	dps_coap_transport.detach(&coap);
}

static void test_answers_in_any_order(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 10, "/a"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 20, "/b"), DPS_OK);
	assert_int_equal(post(30, "/c", "body", 4), DPS_OK);
	assert_int_equal(dps_coap_in_flight(&t.coap), 3);
	test_coap_assert_idle(&t);
	test_coap_feed_text(&t, 701, "", "", "");
	test_coap_feed_text(&t, 204, TOKEN_3, CBOR, "three");
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "one");
	test_coap_feed_text(&t, 205, TOKEN_2, "", "two"); /* no format said: taken for the one asked for */
	test_coap_assert_answer(&t, 30, DPS_OK, 204, "three");
	test_coap_assert_answer(&t, 10, DPS_OK, 205, "one");
	test_coap_assert_answer(&t, 20, DPS_OK, 205, "two");
	test_coap_assert_idle(&t);
	assert_int_equal(dps_coap_in_flight(&t.coap), 0);
	assert_int_equal(t.coap.counters.requests, 3);
	assert_int_equal(t.coap.counters.unknown_answers, 0);
}

/* One exchange of a flight with a peer that asks too, in pieces of any size. */
static void run_in_pieces(size_t read_step, size_t write_step, bool stutter)
{
	unsigned got = 0;
	dps_result result;

	test_coap_init(&t, test_coap_default());
	t.peer.read_step = read_step;
	t.peer.write_step = write_step;
	t.peer.reads_stutter = t.peer.writes_stutter = stutter;
	assert_int_equal(test_coap_get(&t, 1, "/x.plgd.dev/time"), DPS_OK);
	assert_int_equal(post(2, "/c", "0123456789012345678901234567890123456789", 40), DPS_OK);
	test_coap_assert_idle(&t);
	test_coap_feed_text(&t, 701, "aabb", "", "");
	test_coap_feed_text(&t, 1, "abd35b30bab835d8", "b36f696303726573", "");
	test_coap_feed(&t, 204, TOKEN_2, CBOR, filler, 700);
	test_coap_feed_text(&t, 702, "e262efb8", "", "");
	test_coap_feed_text(&t, 0, "", "", "");
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "x");
	while (got < 2) {
		result = test_coap_run(&t);
		assert_int_equal(result, DPS_OK);
		got++;
		assert_int_equal(t.answer.handle, 3 - got);
		assert_int_equal(t.answer.payload_len, got == 1 ? 700 : 1);
		if (got == 1)
			assert_memory_equal(t.answer.payload, filler, 700);
	}
	test_coap_assert_idle(&t);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.code, 701);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.code, 1);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.code, 2);
	assert_int_equal(m.payload_len, 40);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.code, 404);
	assert_int_equal(m.token_len, 8);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.code, 703);
	assert_memory_equal(m.token, "\xe2\x62\xef\xb8", 4);
	assert_false(test_coap_next(&t, &m));
	assert_int_equal(t.out_pos, t.out_len);
}

static void test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(filler); i++)
		filler[i] = (uint8_t)(i * 7 + 1);
	for (size_t step = 0; step <= 40; step++) {
		run_in_pieces(step, 0, false);
		run_in_pieces(0, step, false);
		run_in_pieces(step, step, true);
	}
}

static void test_results_of_codes(void **state)
{
	static const struct {
		unsigned code;
		dps_result result;
	} table[] = {
		{201, DPS_OK},
		{202, DPS_OK},
		{203, DPS_OK},
		{204, DPS_OK},
		{205, DPS_OK},
		{231, DPS_E_CODE},
		{301, DPS_E_CODE},
		{400, DPS_E_SERVICE_REFUSED},
		{401, DPS_E_SERVICE_REJECTED},
		{402, DPS_E_SERVICE_REJECTED},
		{403, DPS_E_SERVICE_REFUSED},
		{404, DPS_E_SERVICE_REJECTED},
		{405, DPS_E_SERVICE_REJECTED},
		{406, DPS_E_SERVICE_REJECTED},
		{408, DPS_E_SERVICE_UNAVAILABLE},
		{412, DPS_E_SERVICE_REJECTED},
		{413, DPS_E_SERVICE_REJECTED},
		{415, DPS_E_SERVICE_REJECTED},
		{429, DPS_E_SERVICE_UNAVAILABLE},
		{500, DPS_E_SERVICE_UNAVAILABLE},
		{501, DPS_E_SERVICE_UNAVAILABLE},
		{503, DPS_E_SERVICE_UNAVAILABLE},
		{504, DPS_E_SERVICE_UNAVAILABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool text = table[i].code >= 400 || table[i].result == DPS_OK;

		test_coap_init(&t, test_coap_default());
		assert_int_equal(test_coap_get(&t, 7, "/a"), DPS_OK);
		test_coap_feed_text(&t, table[i].code, TOKEN_1, "", "why");
		test_coap_assert_answer(&t, 7, table[i].result, table[i].code, text ? "why" : "");
		test_coap_assert_idle(&t);
	}
}

static void test_content_format(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	test_coap_feed_text(&t, 205, TOKEN_1, "c132", "{\"secret\":1}"); /* JSON */
	test_coap_assert_answer(&t, 1, DPS_E_CONTENT_FORMAT, 205, "");
	assert_int_equal(test_coap_get(&t, 2, "/a"), DPS_OK);
	test_coap_feed_text(&t, 204, TOKEN_2, "c132", ""); /* nothing to be read wrongly */
	test_coap_assert_answer(&t, 2, DPS_OK, 204, "");
	assert_int_equal(test_coap_get(&t, 3, "/a"), DPS_OK);
	test_coap_feed_text(&t, 404, TOKEN_3, "c0", "text/plain"); /* errors are texts */
	test_coap_assert_answer(&t, 3, DPS_E_SERVICE_REJECTED, 404, "text/plain");
}

static void test_critical_option(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 2, "/b"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 3, "/c"), DPS_OK);
	test_coap_feed_text(&t, 205, TOKEN_1, "90", "x");                               /* option 9 */
	test_coap_feed_text(&t, 205, TOKEN_2, "6101 813c", "x");                        /* Observe, Max-Age: elective */
	test_coap_feed_text(&t, 205, TOKEN_3, "c22710 e206ec0800" /* 12, 2053 */, "x"); /* what the OCF version of the format is */
	test_coap_assert_answer(&t, 1, DPS_E_COAP_OPTION, 205, "");
	test_coap_assert_answer(&t, 2, DPS_OK, 205, "x");
	test_coap_assert_answer(&t, 3, DPS_OK, 205, "x");
	test_coap_assert_idle(&t); /* the connection goes on */
}

static void test_unknown_and_duplicate_answers(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	test_coap_feed_text(&t, 205, "ffffffffffffffff", CBOR, "x");
	test_coap_feed_text(&t, 205, "", CBOR, "x");
	test_coap_feed_text(&t, 205, "01010101010101", CBOR, "x"); /* a byte short */
	test_coap_feed_text(&t, 404, TOKEN_2, "", "x");
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "good");
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "again");
	test_coap_assert_answer(&t, 1, DPS_OK, 205, "good");
	test_coap_assert_idle(&t);
	assert_int_equal(t.coap.counters.unknown_answers, 5);
	/* reserved classes are no answers */
	assert_int_equal(test_coap_get(&t, 2, "/a"), DPS_OK);
	test_coap_feed_text(&t, 101, TOKEN_2, "", "");
	test_coap_feed_text(&t, 600, TOKEN_2, "", "");
	test_coap_assert_idle(&t);
	assert_int_equal(t.coap.counters.unknown_answers, 5);
	assert_int_equal(dps_coap_in_flight(&t.coap), 1);
}

static void test_forget(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 2, "/b"), DPS_OK);
	dps_coap_transport.forget(&t.coap, 1);
	dps_coap_transport.forget(&t.coap, 99);
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "late");
	test_coap_feed_text(&t, 205, TOKEN_2, CBOR, "x");
	test_coap_assert_answer(&t, 2, DPS_OK, 205, "x");
	assert_int_equal(t.coap.counters.unknown_answers, 1);
	assert_int_equal(dps_coap_in_flight(&t.coap), 0);
}

static void test_slots_full(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	for (unsigned i = 0; i < DPS_CONFIG_REQUESTS; i++)
		assert_int_equal(test_coap_get(&t, i, "/a"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 50, "/a"), DPS_AGAIN);
	test_coap_feed_text(&t, 205, TOKEN_3, CBOR, "x");
	test_coap_assert_answer(&t, 2, DPS_OK, 205, "x");
	assert_int_equal(test_coap_get(&t, 50, "/a"), DPS_OK);
}

static void test_tokens(void **state)
{
	(void)state;
	test_coap_init(&t, test_coap_default());
	t.random_result = DPS_E_RANDOM;
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_E_RANDOM);
	assert_int_equal(dps_coap_ping(&t.coap), DPS_E_RANDOM);
	t.random_result = DPS_OK;
	t.random_stuck = true;
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 2, "/a"), DPS_E_RANDOM); /* never the same one twice */
	assert_int_equal(dps_coap_in_flight(&t.coap), 1);
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "x");
	test_coap_assert_answer(&t, 1, DPS_OK, 205, "x");
	assert_int_equal(test_coap_get(&t, 2, "/a"), DPS_OK);
}

static void test_answer_too_large(void **state)
{
	static const size_t head = 4 + 8 + 3 + 1; /* header, token, Content-Format, marker */
	static const size_t sizes[] = {DPS_CONFIG_RECEIVE_SIZE - head + 1, sizeof(filler)};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		test_coap_init(&t, test_coap_default());
		t.peer.read_step = i % 2 == 0 ? 0 : 1000;
		assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
		assert_int_equal(test_coap_get(&t, 2, "/a"), DPS_OK);
		test_coap_assert_idle(&t);
		test_coap_feed(&t, 205, TOKEN_1, CBOR, filler, sizes[i / 2]);
		test_coap_feed_text(&t, 205, TOKEN_2, CBOR, "next");
		test_coap_assert_answer(&t, 1, DPS_E_TOO_LARGE, 205, "");
		test_coap_assert_answer(&t, 2, DPS_OK, 205, "next");
		test_coap_assert_idle(&t);
	}
	/* the largest that fits */
	assert_int_equal(test_coap_get(&t, 3, "/a"), DPS_OK);
	test_coap_feed(&t, 205, TOKEN_3, CBOR, filler, DPS_CONFIG_RECEIVE_SIZE - head);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.result, DPS_OK);
	assert_int_equal(t.answer.payload_len, DPS_CONFIG_RECEIVE_SIZE - head);
	assert_memory_equal(t.answer.payload, filler, t.answer.payload_len);
	/* a refusal stays a refusal, and an answer to nobody is counted */
	assert_int_equal(test_coap_get(&t, 4, "/a"), DPS_OK);
	test_coap_feed(&t, 205, TOKEN_3, CBOR, filler, 9000);
	test_coap_feed(&t, 403, "0404040404040404", "", filler, 9000);
	test_coap_assert_answer(&t, 4, DPS_E_SERVICE_REFUSED, 403, "");
	assert_int_equal(t.coap.counters.unknown_answers, 1);
	test_coap_assert_idle(&t);
}

static void test_payload_stays_until_next_poll(void **state)
{
	uint8_t *payload;

	(void)state;
	test_coap_init(&t, test_coap_default());
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 2, "/b"), DPS_OK);
	test_coap_feed_text(&t, 205, TOKEN_1, CBOR, "first");
	test_coap_feed_text(&t, 205, TOKEN_2, CBOR, "second");
	test_coap_assert_answer(&t, 1, DPS_OK, 205, "first");
	payload = t.answer.payload;
	assert_int_equal(test_coap_get(&t, 3, "/c"), DPS_OK);
	assert_memory_equal(payload, "first", 5);
	memset(payload, 0xff, 5); /* may be changed in place: the next message is another one */
	test_coap_assert_answer(&t, 2, DPS_OK, 205, "second");
}

static void test_send_buffer_full(void **state)
{
	struct dps_coap_options options = *test_coap_default();
	unsigned sent = 0;

	(void)state;
	options.send_size = 128;
	test_coap_init(&t, &options);
	t.peer.write_blocked = true;
	while (test_coap_get(&t, sent, "/abcdefgh") == DPS_OK)
		sent++;
	assert_int_equal(sent, 5); /* a CSM of 5 bytes, requests of 22 */
	assert_int_equal(test_coap_get(&t, 9, "/abcdefgh"), DPS_AGAIN);
	assert_int_equal(test_coap_poll(&t), DPS_AGAIN);
	assert_false(t.busy);
	t.peer.write_blocked = false;
	assert_int_equal(test_coap_poll(&t), DPS_AGAIN);
	assert_true(t.busy); /* who was refused should come again */
	assert_int_equal(test_coap_get(&t, 9, "/abcdefgh"), DPS_OK);
	assert_int_equal(test_coap_poll(&t), DPS_AGAIN);
	assert_false(t.busy);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m));
	for (unsigned i = 0; i <= sent; i++) {
		assert_true(test_coap_next(&t, &m));
		assert_int_equal(m.code, 1);
	}
	assert_int_equal(t.coap.counters.requests, sent + 1);
	/* a channel that takes what is written makes room at once: nothing is refused */
	for (unsigned i = 20; i < 22; i++)
		assert_int_equal(test_coap_get(&t, i, "/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij"), DPS_OK);
}

static void test_request_too_large(void **state)
{
	struct dps_coap_options options = *test_coap_default();
	static char path[200] = "/";

	(void)state;
	memset(path + 1, 'p', sizeof(path) - 2);
	options.send_size = 128;
	test_coap_init(&t, &options);
	assert_int_equal(test_coap_get(&t, 1, path), DPS_E_TOO_LARGE);
	test_coap_assert_idle(&t);
	assert_int_equal(test_coap_get(&t, 1, path), DPS_E_TOO_LARGE);
	/* the peer's limit: its CSM has not come, the assumed one counts */
	options = *test_coap_default();
	options.assumed_size = 0;
	test_coap_init(&t, &options);
	memset(filler, 'b', 1200);
	filler[1200] = 0;
	assert_int_equal(post(2, "/c", (char *)filler, 1200), DPS_E_TOO_LARGE);
	assert_int_equal(dps_coap_in_flight(&t.coap), 0);
	test_coap_feed(&t, 701, "", "22 0800", NULL, 0);
	test_coap_assert_idle(&t);
	assert_int_equal(post(2, "/c", (char *)filler, 1200), DPS_OK);
	/* larger than buffer and area */
	assert_int_equal(post(3, "/c", (char *)filler, DPS_CONFIG_BODY_SIZE + 1), DPS_E_TOO_LARGE);
	/* a peer that takes nothing */
	test_coap_feed(&t, 701, "", "20", NULL, 0);
	test_coap_assert_idle(&t);
	assert_int_equal(test_coap_get(&t, 4, "/a"), DPS_E_TOO_LARGE);
}

static dps_result body_fails(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len)
{
	(void)env, (void)buf, (void)size, (void)len;
	return DPS_E_KEY;
}

static dps_result body_lies(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len)
{
	(void)env, (void)buf;
	*len = size + 1;
	return DPS_OK;
}

static void test_body_failures(void **state)
{
	struct dps_request request = {.method = DPS_POST, .path = "/c", .body_limit = 10, .write_body = body_fails};

	(void)state;
	test_coap_init(&t, test_coap_default());
	for (int round = 0; round < 2; round++) {
		request.body_limit = round == 0 ? 10 : 4000; /* in the send buffer, in the area */
		request.write_body = body_fails;
		assert_int_equal(dps_coap_transport.send(&t.coap, 1, &request, NULL), DPS_E_KEY);
		request.write_body = body_lies;
		assert_int_equal(dps_coap_transport.send(&t.coap, 1, &request, NULL), DPS_E_INTERNAL);
		assert_int_equal(dps_coap_in_flight(&t.coap), 0);
	}
	test_coap_assert_idle(&t);
	test_coap_assert_written(&t, "30e1222100"); /* the CSM and nothing else */
	/* a POST with nothing to say */
	assert_int_equal(post(2, "/c", "", 10), DPS_OK);
	test_coap_assert_idle(&t);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.code, 2);
	assert_int_equal(m.payload_len, 0);
}

static void test_body_waits_for_room(void **state)
{
	struct dps_coap_options options = *test_coap_default();

	(void)state;
	options.send_size = 128;
	test_coap_init(&t, &options);
	t.peer.write_blocked = true;
	assert_int_equal(post(1, "/c", "0123456789", 80), DPS_OK);
	assert_int_equal(post(2, "/c", "0123456789", 80), DPS_AGAIN); /* its head fits, all of it may not */
	t.peer.write_blocked = false;
	assert_int_equal(post(2, "/c", "0123456789", 80), DPS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csm_first),
		cmocka_unit_test(test_options_are_checked),
		cmocka_unit_test(test_answers_in_any_order),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_results_of_codes),
		cmocka_unit_test(test_content_format),
		cmocka_unit_test(test_critical_option),
		cmocka_unit_test(test_unknown_and_duplicate_answers),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_slots_full),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_answer_too_large),
		cmocka_unit_test(test_payload_stays_until_next_poll),
		cmocka_unit_test(test_send_buffer_full),
		cmocka_unit_test(test_request_too_large),
		cmocka_unit_test(test_body_failures),
		cmocka_unit_test(test_body_waits_for_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
