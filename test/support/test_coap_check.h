/* SPDX-License-Identifier: Apache-2.0 */
/* What tests want of a CoAP connection of test_coap.h: assertions, so a test's file includes this one and no more. */
#ifndef TEST_SUPPORT_TEST_COAP_CHECK_H
#define TEST_SUPPORT_TEST_COAP_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/test_coap.h"

#define TOKEN_1 "0101010101010101"
#define TOKEN_2 "0202020202020202"
#define TOKEN_3 "0303030303030303"
#define CBOR    "c22710" /* Content-Format 10000 */

/* A connection with buffers of these sizes; 0: as they are configured. What it wrote at first, its CSM, was taken and is there to be looked at. */
static inline void test_coap_begin(struct test_coap *t, size_t receive_size, size_t send_size)
{
	struct dps_coap_options options = *test_coap_default();

	options.receive_size = receive_size;
	options.send_size = send_size;
	test_coap_init(t, &options);
	assert_int_equal(test_coap_run(t), DPS_AGAIN);
	test_coap_take(t);
}

/* A body as large as there is room; for dps_request.write_body. */
static inline dps_result test_coap_fill(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len)
{
	(void)env;
	*len = size;
	memset(buf, 'b', size);
	return DPS_OK;
}

/* A message of the peer's with a text as its payload. */
static inline void test_coap_feed_text(struct test_coap *t, unsigned code, const char *token, const char *options, const char *payload)
{
	test_coap_feed(t, code, token, options, payload, strlen(payload));
}

/* Polled, it has this answer. */
static inline void test_coap_assert_answer(struct test_coap *t, unsigned handle, dps_result result, unsigned code, const char *payload)
{
	assert_int_equal(test_coap_run(t), DPS_OK);
	assert_int_equal(t->answer.handle, handle);
	assert_int_equal(t->answer.result, result);
	assert_int_equal(t->answer.code, code);
	assert_int_equal(t->answer.payload_len, strlen(payload));
	if (*payload != '\0')
		assert_memory_equal(t->answer.payload, payload, strlen(payload));
}

/* Polled, it has nothing to say. */
static inline void test_coap_assert_idle(struct test_coap *t)
{
	assert_int_equal(test_coap_run(t), DPS_AGAIN);
}

/* It wrote these bytes, and no others, since that was last looked at. */
static inline void test_coap_assert_written(struct test_coap *t, const char *hex)
{
	uint8_t want[512];
	size_t len = test_channel_hex(hex, want, sizeof(want));

	test_coap_take(t);
	assert_int_equal(t->out_len, len);
	assert_memory_equal(t->out, want, len);
}

#endif
