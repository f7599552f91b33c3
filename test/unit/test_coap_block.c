/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers in blocks (Block2 of RFC 7959, RFC 8323 section 6), with the buffers of a small device.
 */
#include "support/test_coap_blocks.h"

static struct test_coap t;
static struct test_coap_message m;

static void test_offer(void **state)
{
	uint8_t want[16];
	size_t n;

	(void)state;
	test_coap_begin(&t, 1280, 1280);
	n = test_channel_hex("40e122050020", want, sizeof(want)); /* Max-Message-Size 1,280, Block-Wise-Transfer */
	assert_int_equal(t.out_len, n);
	assert_memory_equal(t.out, want, n);
	test_coap_begin(&t, 8192, 1280); /* as large as the area: not offered */
	n = test_channel_hex("30e1222000", want, sizeof(want));
	assert_int_equal(t.out_len, n);
	assert_memory_equal(t.out, want, n);
}

static void test_answer_in_blocks(void **state)
{
	static const struct {
		unsigned szx;
		size_t piece;
	} shapes[] = {{0, 16}, {1, 32}, {2, 64}, {3, 128}, {4, 256}, {5, 512}, {6, 1024}, {7, 1024}};
	static const size_t totals[] = {1, 16, 1023, 1024, 1025, 2048, 6000, DPS_CONFIG_BODY_SIZE};

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		for (size_t j = 0; j < sizeof(totals) / sizeof(totals[0]); j++) {
			unsigned blocks;

			test_coap_begin(&t, 1280, 1280);
			t.peer.read_step = 100 + i;
			assert_int_equal(test_blocks_ask(&t, 5, "/acls", true), DPS_OK);
			blocks = test_blocks_play_answer(&t, &m, TOKEN_1, totals[j], shapes[i].szx, shapes[i].piece);
			assert_int_equal(blocks, (totals[j] + shapes[i].piece - 1) / shapes[i].piece);
			assert_int_equal(t.answer.handle, 5);
			assert_int_equal(t.answer.result, DPS_OK);
			assert_int_equal(t.answer.code, 205);
			assert_int_equal(t.answer.payload_len, totals[j]);
			assert_memory_equal(t.answer.payload, test_blocks_bytes(), totals[j]);
			assert_int_equal(test_coap_run(&t), DPS_AGAIN);
			assert_int_equal(t.coap.area.use, 0);
			assert_int_equal(t.coap.counters.blocks, blocks - 1);
			assert_int_equal(t.coap.counters.requests, 1);
			assert_int_equal(dps_coap_in_flight(&t.coap), 0);
		}
	}
}

static void test_bert_of_several_units(void **state)
{
	(void)state;
	test_coap_begin(&t, 4200, 1280);
	assert_int_equal(test_blocks_ask(&t, 5, "/acls", true), DPS_OK);
	assert_int_equal(test_blocks_play_answer(&t, &m, TOKEN_1, 8000, 7, 4096), 2);
	assert_int_equal(t.answer.result, DPS_OK);
	assert_int_equal(t.answer.payload_len, 8000);
	assert_memory_equal(t.answer.payload, test_blocks_bytes(), 8000);
}

static void test_post_asks_on_without_its_body(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_post(&t, 1, 600, 800, true), DPS_OK);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.payload_len, 600);
	test_blocks_play_answer(&t, &m, TOKEN_1, 2098, 6, 1024);
	assert_int_equal(m.code, 2); /* the last one asked */
	assert_int_equal(t.answer.result, DPS_OK);
	assert_int_equal(t.answer.payload_len, 2098);
}

static void test_smaller_blocks_half_way(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_1, "", 0, true, 6, 0, 0, 1024);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_blocks_feed(&t, TOKEN_1, "", 4, true, 4, 0, 1024, 256);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_blocks_feed(&t, TOKEN_1, "", 5, false, 4, 0, 1280, 10);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.payload_len, 1290);
	assert_memory_equal(t.answer.payload, test_blocks_bytes(), 1290);
}

static void test_single_block_is_whole(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_1, "", 0, false, 6, 0, 0, 100);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.result, DPS_OK);
	assert_int_equal(t.answer.payload_len, 100);
	assert_int_equal(t.coap.area.use, 0);
}

/* Each is fed behind a good first block of 1,024 bytes with an ETag. */
static void test_blocks_that_do_not_fit_together(void **state)
{
	static const struct {
		const char *etag;
		unsigned num;
		bool more;
		unsigned szx;
		size_t len;
		dps_result result;
	} bad[] = {
		{"abcd", 0, true, 6, 1024, DPS_E_COAP},                                               /* the first one again */
		{"abcd", 2, true, 6, 1024, DPS_E_COAP},                                               /* one was left out */
		{"abce", 1, true, 6, 1024, DPS_E_COAP},                                               /* it changed meanwhile */
		{"abcdef", 1, true, 6, 1024, DPS_E_COAP},     {"abcd", 1, true, 6, 1023, DPS_E_COAP}, /* not the last one and not full */
		{"abcd", 1, true, 6, 0, DPS_E_COAP},          {"abcd", 1, true, 5, 1024, DPS_E_COAP},
		{"abcd", 1, true, 7, 0, DPS_E_COAP},          {"abcd", 1, true, 7, 1000, DPS_E_COAP},
		{"abcd", 0xfffff, true, 6, 1024, DPS_E_COAP}, {"abcd", 1, false, 6, 1100, DPS_OK}, /* longer than its block: all of it is there */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		test_coap_begin(&t, 1280, 1280);
		assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
		assert_int_equal(test_blocks_ask(&t, 2, "/b", false), DPS_OK);
		test_blocks_feed(&t, TOKEN_1, "abcd", 0, true, 6, 0, 0, 1024);
		assert_int_equal(test_coap_run(&t), DPS_AGAIN);
		test_blocks_feed(&t, TOKEN_1, bad[i].etag, bad[i].num, bad[i].more, bad[i].szx, 0, 1024, bad[i].len);
		if (bad[i].result != DPS_OK)
			test_blocks_assert_failed(&t, bad[i].result);
		else
			assert_int_equal(test_coap_run(&t), DPS_OK);
		assert_int_equal(t.answer.handle, 1);
		/* the connection goes on, and the area is free again */
		test_coap_feed(&t, 205, TOKEN_2, CBOR, "x", 1);
		assert_int_equal(test_coap_run(&t), DPS_OK);
		assert_int_equal(t.answer.handle, 2);
		assert_int_equal(test_coap_run(&t), DPS_AGAIN);
		assert_int_equal(test_blocks_ask(&t, 3, "/c", true), DPS_OK);
	}
}

static void test_first_block_wrong(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_1, "", 1, true, 6, 0, 0, 1024); /* begins in the middle */
	test_blocks_assert_failed(&t, DPS_E_COAP);
	assert_int_equal(test_blocks_ask(&t, 2, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_2, "", 1, false, 6, 0, 0, 10); /* or at the end */
	test_blocks_assert_failed(&t, DPS_E_COAP);
	assert_int_equal(test_blocks_ask(&t, 3, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_3, "", 0, true, 6, 0, 0, 100);
	test_blocks_assert_failed(&t, DPS_E_COAP);
}

static void test_block_missing_in_the_middle(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_1, "", 0, true, 6, 0, 0, 1024);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_feed(&t, 205, TOKEN_1, CBOR, "x", 1); /* without Block2 */
	test_blocks_assert_failed(&t, DPS_E_COAP);
}

static void test_block_not_asked_for(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	t.peer.write_blocked = true;
	while (test_coap_get(&t, 50, "/fill/the/buffer") == DPS_OK)
		dps_coap_transport.forget(&t.coap, 50);
	test_blocks_feed(&t, TOKEN_1, "", 0, true, 6, 0, 0, 1024);
	test_blocks_feed(&t, TOKEN_1, "", 1, true, 6, 0, 1024, 1024); /* comes before it was asked for */
	test_blocks_assert_failed(&t, DPS_E_COAP);
}

static void test_error_instead_of_a_block(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_1, "", 0, true, 6, 0, 0, 1024);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_feed(&t, 408, TOKEN_1, "", "gone", 4);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.result, DPS_E_SERVICE_UNAVAILABLE);
	assert_int_equal(t.answer.code, 408);
	assert_int_equal(t.answer.payload_len, 4);
	assert_int_equal(t.coap.area.use, 0);
}

static void test_blocks_too_large(void **state)
{
	(void)state;
	/* Size2 says so at once */
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_1, "", 0, true, 6, DPS_CONFIG_BODY_SIZE + 1, 0, 1024);
	test_blocks_assert_failed(&t, DPS_E_TOO_LARGE);
	assert_int_equal(t.coap.counters.blocks, 0);
	/* without it, when the area is full */
	assert_int_equal(test_blocks_ask(&t, 2, "/a", true), DPS_OK);
	for (unsigned i = 0; i < DPS_CONFIG_BODY_SIZE / 1024; i++) {
		test_blocks_feed(&t, TOKEN_2, "", i, true, 6, 0, 0, 1024);
		assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	}
	test_blocks_feed(&t, TOKEN_2, "", DPS_CONFIG_BODY_SIZE / 1024, false, 6, 0, 0, 1);
	test_blocks_assert_failed(&t, DPS_E_TOO_LARGE);
	/* a block that is larger than the receive buffer */
	assert_int_equal(test_blocks_ask(&t, 3, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_3, "", 0, true, 7, 0, 0, 2048);
	test_blocks_assert_failed(&t, DPS_E_TOO_LARGE);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
}

static void test_wrong_format_of_a_block(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_1, "", 0, true, 6, 0, 0, 1024);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_feed(&t, 205, TOKEN_1, "c132 b11e", test_blocks_bytes() + 1024, 1024);
	test_blocks_assert_failed(&t, DPS_E_CONTENT_FORMAT);
}

/* One request that may need blocks at a time; the others do not wait. */
static void test_large_answers_take_turns(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	assert_int_equal(test_blocks_ask(&t, 2, "/b", true), DPS_AGAIN);
	assert_int_equal(test_blocks_ask(&t, 2, "/c", false), DPS_OK);
	/* an answer that was not expected to need blocks, while the area is lent */
	test_blocks_feed(&t, TOKEN_2, "", 0, true, 6, 0, 0, 1024);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.handle, 2);
	assert_int_equal(t.answer.result, DPS_E_TOO_LARGE);
	test_blocks_play_answer(&t, &m, TOKEN_1, 3000, 6, 1024);
	assert_int_equal(t.answer.payload_len, 3000);
	assert_int_equal(test_blocks_ask(&t, 2, "/b", true), DPS_AGAIN); /* the answer still lies there */
	assert_memory_equal(t.answer.payload, test_blocks_bytes(), 3000);
	assert_int_equal(test_coap_poll(&t), DPS_AGAIN);
	assert_true(t.busy); /* who was refused should come again */
	assert_int_equal(test_blocks_ask(&t, 2, "/b", true), DPS_OK);
	/* a short answer, an error and a forgotten request give the area back too */
	test_coap_feed(&t, 205, TOKEN_3, CBOR, "x", 1);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(test_blocks_ask(&t, 3, "/b", true), DPS_OK);
	test_coap_feed(&t, 404, "0404040404040404", "", "x", 1);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(test_blocks_ask(&t, 4, "/b", true), DPS_OK);
	dps_coap_transport.forget(&t.coap, 4);
	assert_int_equal(test_blocks_ask(&t, 5, "/b", true), DPS_OK);
	/* one that was not expected to need blocks may use the area when it is free */
	dps_coap_transport.forget(&t.coap, 5);
	assert_int_equal(test_blocks_ask(&t, 6, "/b", false), DPS_OK);
	test_blocks_play_answer(&t, &m, "0707070707070707", 3000, 6, 1024);
	assert_int_equal(t.answer.handle, 6);
	assert_int_equal(t.answer.payload_len, 3000);
	/* with a large buffer nothing waits */
	test_coap_begin(&t, 0, 0);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	assert_int_equal(test_blocks_ask(&t, 2, "/b", true), DPS_OK);
}

static void test_forgotten_half_way(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	test_blocks_feed(&t, TOKEN_1, "", 0, true, 6, 0, 0, 1024);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	dps_coap_transport.forget(&t.coap, 1);
	test_blocks_feed(&t, TOKEN_1, "", 1, true, 6, 0, 1024, 1024);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_int_equal(t.coap.counters.unknown_answers, 1);
	assert_int_equal(test_blocks_ask(&t, 2, "/b", true), DPS_OK);
	test_blocks_play_answer(&t, &m, TOKEN_2, 3000, 6, 1024);
	assert_int_equal(t.answer.handle, 2);
}

static void test_next_block_waits_for_room(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 64);
	assert_int_equal(test_blocks_ask(&t, 1, "/a", true), DPS_OK);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	t.peer.write_blocked = true;
	assert_int_equal(dps_coap_ping(&t.coap), DPS_OK);
	assert_int_equal(test_blocks_ask(&t, 2, "/bcdefgh", false), DPS_OK);
	assert_int_equal(test_blocks_ask(&t, 3, "/bcd", false), DPS_OK);
	test_blocks_feed(&t, TOKEN_1, "", 0, true, 6, 0, 0, 1024);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_true(t.coap.area.due);
	t.peer.write_blocked = false;
	test_coap_take(&t);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_false(t.coap.area.due);
	test_blocks_feed(&t, TOKEN_1, "", 1, false, 6, 0, 1024, 5);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.payload_len, 1029);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_answer_in_blocks),
		cmocka_unit_test(test_bert_of_several_units),
		cmocka_unit_test(test_post_asks_on_without_its_body),
		cmocka_unit_test(test_smaller_blocks_half_way),
		cmocka_unit_test(test_single_block_is_whole),
		cmocka_unit_test(test_blocks_that_do_not_fit_together),
		cmocka_unit_test(test_first_block_wrong),
		cmocka_unit_test(test_block_missing_in_the_middle),
		cmocka_unit_test(test_block_not_asked_for),
		cmocka_unit_test(test_error_instead_of_a_block),
		cmocka_unit_test(test_blocks_too_large),
		cmocka_unit_test(test_wrong_format_of_a_block),
		cmocka_unit_test(test_large_answers_take_turns),
		cmocka_unit_test(test_forgotten_half_way),
		cmocka_unit_test(test_next_block_waits_for_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
