/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The build that takes answers in blocks and sends no bodies in them: the room's sources once more, compiled with DPS_CONFIG_BLOCK1 0. They define
 * the symbols first, so that the library's objects are not linked.
 */
#include "dps/config.h"
#undef DPS_CONFIG_BLOCK1
#define DPS_CONFIG_BLOCK1 0

#include "support/test_coap_rebuilt.h"

static struct test_coap t;
static struct test_coap_message m;

static void test_answers_in_blocks(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_true(test_coap_next(&t, &m));        /* our CSM */
	assert_int_equal(test_coap_uint(&m, 4), 0); /* offered */
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	test_coap_feed(&t, 205, TOKEN_1, "c22710 b108", "0123456789abcdef", 16);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_take(&t);
	assert_true(test_coap_next(&t, &m)); /* the request */
	assert_true(test_coap_next(&t, &m)); /* for the next block */
	assert_int_equal(test_coap_uint(&m, 23), 0x10);
	test_coap_feed(&t, 205, TOKEN_1, "c22710 b110", "end", 3);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.result, DPS_OK);
	assert_int_equal(t.answer.payload_len, 19);
	assert_memory_equal(t.answer.payload, "0123456789abcdefend", 19);
}

static void test_large_bodies_are_refused(void **state)
{
	struct dps_request request = {.method = DPS_POST, .path = "/a", .body_limit = 1000, .write_body = test_coap_fill};

	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_true(test_coap_next(&t, &m));                /* our CSM */
	test_coap_feed(&t, 701, "", "22 0500 20", NULL, 0); /* whatever the peer offers */
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_int_equal(dps_coap_transport.send(&t.coap, 1, &request, NULL), DPS_OK);
	t.peer.write_blocked = true;
	assert_int_equal(dps_coap_transport.send(&t.coap, 2, &request, NULL), DPS_AGAIN);
	t.peer.write_blocked = false;
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_int_equal(dps_coap_transport.send(&t.coap, 2, &request, NULL), DPS_OK);
	request.body_limit = 1300;
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_int_equal(dps_coap_transport.send(&t.coap, 3, &request, NULL), DPS_E_TOO_LARGE);
	assert_int_equal(dps_coap_in_flight(&t.coap), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_in_blocks),
		cmocka_unit_test(test_large_bodies_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
