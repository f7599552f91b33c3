/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies in blocks (Block1 of RFC 7959), with the buffers of a small device. BERT bodies: test_coap_bert.c.
 */
#include "support/test_coap_blocks.h"

static struct test_coap t;
static struct test_coap_message m;

/* Plays a peer that takes a body in blocks and answers the last one; its exponent may be smaller. Returns the blocks. */
static unsigned play_body(const char *token, size_t total, unsigned peer_szx, unsigned szx_expected)
{
	size_t have = 0;
	unsigned blocks = 0;
	char ack[32];

	for (;;) {
		long block, szx, unit;

		assert_int_equal(test_coap_run(&t), DPS_AGAIN);
		test_coap_take(&t);
		assert_true(test_coap_next(&t, &m));
		assert_false(test_coap_next(&t, &m));
		block = test_coap_uint(&m, 27);
		assert_true(block >= 0);
		szx = block & 7;
		if (blocks == 0)
			assert_int_equal(szx, szx_expected);
		unit = szx == 7 ? 1024 : 16 << szx;
		assert_int_equal(m.code, 2);
		assert_int_equal(test_coap_uint(&m, 60), total);
		assert_int_equal(test_coap_uint(&m, 12), 10000);
		assert_int_equal((block >> 4) * unit, have);
		assert_memory_equal(m.payload, test_blocks_bytes() + have, m.payload_len);
		have += m.payload_len;
		blocks++;
		if ((block & 8) == 0)
			break;
		assert_true(szx == 7 ? m.payload_len % 1024 == 0 : m.payload_len == (size_t)unit);
		snprintf(ack, sizeof(ack), "d30e%06lx", (block & ~7L) | (peer_szx < (unsigned)szx ? (long)peer_szx : szx));
		test_coap_feed(&t, 231, token, ack, NULL, 0);
	}
	assert_int_equal(have, total);
	return blocks;
}

static void test_body_in_blocks(void **state)
{
	static const struct {
		const char *csm;
		size_t send_size;
		size_t len;
		unsigned peer_szx;
		unsigned szx;
		unsigned blocks;
	} table[] = {
		{"22 0480 20", 2048, 3000, 7, 6, 3},  /* 1,152: no BERT */
		{"22 0480 20", 2048, 3072, 7, 6, 3},  /* full blocks only */
		{"22 0500 20", 1280, 3000, 7, 6, 3},  /* BERT, but no room for two units */
		{"22 0500 20", 1280, 3000, 2, 6, 32}, /* 64-byte blocks after the first one */
		{"22 0500 20", 1280, 6000, 0, 6, 312}, {"23 040000 20", 1280, 8000, 6, 6, 8},
		{"22 0200 20", 2048, 3000, 7, 4, 12}, /* messages of 512: blocks of 256 */
		{"21 60 20", 2048, 200, 7, 1, 7},     /* of 96: blocks of 32 */
		{"23 040000 20", 0, 8000, 7, 6, 8},   /* the send buffer of 2 KiB has no room for two units and a head */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		test_coap_begin(&t, 1280, table[i].send_size);
		test_coap_feed(&t, 701, "", table[i].csm, NULL, 0);
		assert_int_equal(test_coap_run(&t), DPS_AGAIN);
		assert_int_equal(test_blocks_post(&t, 1, table[i].len, 8000, true), DPS_OK);
		assert_int_equal(play_body(TOKEN_1, table[i].len, table[i].peer_szx, table[i].szx), table[i].blocks);
		assert_int_equal(t.coap.counters.blocks, table[i].blocks - 1);
		assert_int_equal(t.coap.counters.requests, 1);
		/* and the answer comes in blocks as well */
		test_blocks_play_answer(&t, &m, TOKEN_1, 5000, 6, 1024);
		assert_int_equal(t.answer.handle, 1);
		assert_int_equal(t.answer.result, DPS_OK);
		assert_int_equal(t.answer.payload_len, 5000);
		assert_memory_equal(t.answer.payload, test_blocks_bytes(), 5000);
	}
}

static void test_body_that_turns_out_small(void **state)
{
	(void)state;
	/* may take more than the send buffer has, does not: no block options, whatever the peer offers */
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_post(&t, 1, 700, 4000, false), DPS_OK);
	assert_int_equal(test_blocks_ask(&t, 9, "/behind", false), DPS_OK);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.payload_len, 700);
	assert_memory_equal(m.payload, test_blocks_bytes(), 700);
	assert_int_equal(test_coap_uint(&m, 27), -1);
	test_coap_feed(&t, 204, TOKEN_1, CBOR, "x", 1);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.result, DPS_OK);
	assert_int_equal(t.coap.area.use, 0);
	/* behind what waits already */
	t.peer.write_blocked = true;
	assert_int_equal(test_blocks_ask(&t, 8, "/before", false), DPS_OK);
	assert_int_equal(test_blocks_post(&t, 2, 700, 4000, false), DPS_OK);
	t.peer.write_blocked = false;
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.code, 1);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.payload_len, 700);
	dps_coap_transport.forget(&t.coap, 2);
	/* an empty one */
	assert_int_equal(test_blocks_post(&t, 2, 0, 4000, false), DPS_OK);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.payload_len, 0);
	test_coap_feed(&t, 204, "0505050505050505", CBOR, "x", 1);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.result, DPS_OK);
}

static void test_block_of_a_body_waits_for_room(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	test_coap_feed(&t, 701, "", "22 0500 20", NULL, 0);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	t.peer.write_blocked = true;
	for (unsigned i = 10; i < 15; i++)
		assert_int_equal(test_blocks_ask(&t, i, "/api/v1/provisioning/cloud-configuration", false), DPS_OK);
	assert_int_equal(test_blocks_post(&t, 1, 1500, 4000, false), DPS_OK);
	assert_true(t.coap.area.due);
	t.peer.write_blocked = false;
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_false(t.coap.area.due);
	test_coap_take(&t);
	for (int i = 0; i < 6; i++)
		assert_true(test_coap_next(&t, &m));
	assert_int_equal(m.payload_len, 1024);
	assert_memory_equal(m.payload, test_blocks_bytes(), 1024);
}

/* Every size about the largest that leaves whole: it leaves, or it is refused; nothing is left waiting for room that never comes. */
static void test_body_about_as_large_as_the_buffer(void **state)
{
	bool refused = false;

	(void)state;
	for (size_t len = 1200; len < 1300; len++) {
		dps_result result;

		test_coap_begin(&t, 1280, 1280);
		result = test_blocks_post(&t, 1, len, 4000, false);
		refused |= result != DPS_OK;
		assert_int_equal(result, refused ? DPS_E_TOO_LARGE : DPS_OK);
		assert_int_equal(test_coap_run(&t), DPS_AGAIN);
		test_coap_take(&t);
		assert_int_equal(test_coap_next(&t, &m), !refused);
		assert_int_equal(t.out_len, refused ? 0 : m.total);
		assert_true(refused || m.payload_len == len);
		assert_true(!refused || len > 1240); /* a head of 35 bytes */
	}
	assert_true(refused);
}

static void test_body_too_large_for_the_peer(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_blocks_post(&t, 1, 2000, 4000, false), DPS_E_TOO_LARGE); /* it has not offered blocks */
	assert_int_equal(dps_coap_in_flight(&t.coap), 0);
	assert_int_equal(t.coap.area.use, 0);
	test_coap_feed(&t, 701, "", "2120 20", NULL, 0); /* 32 bytes: not even a block of 16 */
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_int_equal(test_blocks_post(&t, 1, 2000, 4000, false), DPS_E_TOO_LARGE);
	/* the area is lent */
	test_coap_feed(&t, 701, "", "22 0500 20", NULL, 0);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_int_equal(test_blocks_ask(&t, 2, "/a", true), DPS_OK);
	assert_int_equal(test_blocks_post(&t, 1, 2000, 4000, false), DPS_AGAIN);
}

static void start_body(void)
{
	test_coap_begin(&t, 1280, 1280);
	test_coap_feed(&t, 701, "", "22 0500 20", NULL, 0);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_int_equal(test_blocks_post(&t, 1, 3000, 4000, false), DPS_OK);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
}

static void test_body_answered_wrongly(void **state)
{
	(void)state;
	start_body();
	test_coap_feed(&t, 231, TOKEN_1, "d10e1e", NULL, 0); /* block 1 has not been sent */
	test_blocks_assert_failed(&t, DPS_E_COAP);
	start_body();
	test_coap_feed(&t, 231, TOKEN_1, "", NULL, 0);
	test_blocks_assert_failed(&t, DPS_E_COAP);
	start_body();
	test_coap_feed(&t, 204, TOKEN_1, "", NULL, 0); /* done, after a third of it */
	test_blocks_assert_failed(&t, DPS_E_COAP);
	start_body();
	test_coap_feed(&t, 413, TOKEN_1, "d10e04", "too much", 8);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.result, DPS_E_SERVICE_REJECTED);
	assert_int_equal(t.answer.code, 413);
	assert_int_equal(t.coap.area.use, 0);
	/* Continue twice: the second one is for a block that has not left */
	start_body();
	t.peer.write_blocked = true;
	while (test_blocks_ask(&t, 9, "/fill/the/buffer", false) == DPS_OK)
		dps_coap_transport.forget(&t.coap, 9);
	test_coap_feed(&t, 231, TOKEN_1, "d10e0e", NULL, 0);
	test_coap_feed(&t, 231, TOKEN_1, "d10e0e", NULL, 0);
	test_blocks_assert_failed(&t, DPS_E_COAP);
	/* Continue where everything was sent */
	start_body();
	test_coap_feed(&t, 231, TOKEN_1, "d10e0e", NULL, 0);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_feed(&t, 231, TOKEN_1, "d10e1e", NULL, 0);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_feed(&t, 231, TOKEN_1, "d10e26", NULL, 0);
	test_blocks_assert_failed(&t, DPS_E_CODE);
	/* Continue for a request that had no blocks */
	assert_int_equal(test_blocks_ask(&t, 2, "/a", false), DPS_OK);
	test_coap_feed(&t, 231, TOKEN_2, "d10e0e", NULL, 0);
	test_blocks_assert_failed(&t, DPS_E_CODE);
}

static void test_body_forgotten_half_way(void **state)
{
	(void)state;
	start_body();
	dps_coap_transport.forget(&t.coap, 1);
	test_coap_feed(&t, 231, TOKEN_1, "d10e0e", NULL, 0);
	test_coap_take(&t);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_take(&t);
	assert_int_equal(t.out_len, 0);
	assert_int_equal(test_blocks_post(&t, 2, 3000, 4000, false), DPS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body_in_blocks),
		cmocka_unit_test(test_body_that_turns_out_small),
		cmocka_unit_test(test_block_of_a_body_waits_for_room),
		cmocka_unit_test(test_body_about_as_large_as_the_buffer),
		cmocka_unit_test(test_body_too_large_for_the_peer),
		cmocka_unit_test(test_body_answered_wrongly),
		cmocka_unit_test(test_body_forgotten_half_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
