/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The build without block-wise transfer: the room's sources once more, compiled with DPS_CONFIG_BLOCKWISE 0. They define the symbols first, so that
 * the library's objects are not linked.
 */
#include "dps/config.h"
#undef DPS_CONFIG_BLOCKWISE
#define DPS_CONFIG_BLOCKWISE 0

#include "support/test_coap_rebuilt.h"

static struct test_coap t;
static struct test_coap_message m;

static void test_not_offered(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_true(test_coap_next(&t, &m));
	assert_int_equal(test_coap_uint(&m, 2), 1280);
	assert_int_equal(test_coap_uint(&m, 4), -1);
}

static void test_nothing_takes_turns(void **state)
{
	const struct dps_request request = {.method = DPS_GET, .path = "/a", .large_answer = true};

	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(dps_coap_transport.send(&t.coap, 1, &request, NULL), DPS_OK);
	assert_int_equal(dps_coap_transport.send(&t.coap, 2, &request, NULL), DPS_OK);
}

static void test_blocks_are_refused(void **state)
{
	(void)state;
	test_coap_begin(&t, 1280, 1280);
	assert_int_equal(test_coap_get(&t, 1, "/a"), DPS_OK);
	assert_int_equal(test_coap_get(&t, 2, "/a"), DPS_OK);
	test_coap_feed(&t, 205, TOKEN_1, "c22710 b10e", "0123456789abcdef", 16);
	test_coap_feed(&t, 205, TOKEN_2, "c22710 b106", "whole", 5);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.handle, 1);
	assert_int_equal(t.answer.result, DPS_E_TOO_LARGE);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.handle, 2);
	assert_int_equal(t.answer.result, DPS_OK);
	assert_int_equal(t.answer.payload_len, 5);
	/* the last block of something is not the whole of it */
	assert_int_equal(test_coap_get(&t, 3, "/a"), DPS_OK);
	test_coap_feed(&t, 205, TOKEN_3, "c22710 b116", "rest", 4);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.result, DPS_E_TOO_LARGE);
}

static void test_large_body_is_refused(void **state)
{
	struct dps_request request = {.method = DPS_POST, .path = "/a", .body_limit = 1200, .write_body = test_coap_fill};

	(void)state;
	test_coap_begin(&t, 1280, 1280);
	test_coap_feed(&t, 701, "", "22 0500 20", NULL, 0); /* whatever the peer offers */
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_int_equal(dps_coap_transport.send(&t.coap, 1, &request, NULL), DPS_OK);
	request.body_limit = 1300;
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	assert_int_equal(dps_coap_transport.send(&t.coap, 2, &request, NULL), DPS_E_TOO_LARGE);
	assert_int_equal(dps_coap_in_flight(&t.coap), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_nothing_takes_turns),
		cmocka_unit_test(test_blocks_are_refused),
		cmocka_unit_test(test_large_body_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
