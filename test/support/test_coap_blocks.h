/* SPDX-License-Identifier: Apache-2.0 */
/* Block-wise transfer (RFC 7959) over a connection of test_coap.h: requests that need it, and a peer's blocks. */
#ifndef TEST_SUPPORT_TEST_COAP_BLOCKS_H
#define TEST_SUPPORT_TEST_COAP_BLOCKS_H

#include "support/test_coap_check.h"

#include <stdio.h>

#define TEST_BLOCKS_SIZE 20000

/* What bodies and answers consist of: TEST_BLOCKS_SIZE bytes, of which neighbouring blocks differ. */
static inline const uint8_t *test_blocks_bytes(void)
{
	static uint8_t bytes[TEST_BLOCKS_SIZE];

	if (bytes[1] == 0) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(i * 31 + i / 256);
	}
	return bytes;
}

static inline dps_result test_blocks_ask(struct test_coap *t, unsigned handle, const char *path, bool large)
{
	const struct dps_request request = {.method = DPS_GET, .path = path, .large_answer = large};

	return dps_coap_transport.send(&t->coap, handle, &request, NULL);
}

/* The environment of a step, and how long its body is to be. */
struct test_blocks_env {
	struct dps_step_env env;
	size_t len;
};

static inline dps_result test_blocks_body(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len)
{
	*len = ((const struct test_blocks_env *)(const void *)env)->len;
	assert_true(size >= *len);
	memcpy(buf, test_blocks_bytes(), *len);
	return DPS_OK;
}

static inline dps_result test_blocks_post(struct test_coap *t, unsigned handle, size_t len, size_t limit, bool large)
{
	const struct dps_request request = {
		.method = DPS_POST, .path = "/creds", .large_answer = large, .body_limit = limit, .write_body = test_blocks_body};
	const struct test_blocks_env env = {.len = len};

	return dps_coap_transport.send(&t->coap, handle, &request, &env.env);
}

/* Options of a block answer in hex: Content-Format, Block2, and Size2 when it is not 0; an ETag in front when it is not "". */
static inline const char *test_blocks_options(const char *etag, uint32_t value, unsigned size2)
{
	static char hex[80];

	if (*etag != '\0')
		snprintf(hex, sizeof(hex), "4%zx%s 822710 b3%06x", strlen(etag) / 2, etag, value);
	else
		snprintf(hex, sizeof(hex), "c22710 b3%06x", value);
	if (size2 > 0)
		snprintf(hex + strlen(hex), sizeof(hex) - strlen(hex), "54%08x", size2);
	return hex;
}

/* The peer gives `len` of the bytes, from `from` on, as block `num`. */
static inline void test_blocks_feed(struct test_coap *t, const char *token, const char *etag, unsigned num, bool more, unsigned szx,
                                    unsigned size2, size_t from, size_t len)
{
	test_coap_feed(t, 205, token, test_blocks_options(etag, num << 4 | (more ? 8u : 0u) | szx, size2), test_blocks_bytes() + from, len);
}

/* Polled, a request has failed with this result, and the area that blocks are put together in is free. */
static inline void test_blocks_assert_failed(struct test_coap *t, dps_result result)
{
	assert_int_equal(test_coap_run(t), DPS_OK);
	assert_int_equal(t->answer.result, result);
	assert_int_equal(t->answer.payload_len, 0);
	assert_int_equal(t->coap.area.use, 0);
	assert_false(t->coap.area.due);
}

/* Plays a peer that gives an answer of `total` bytes in pieces of `piece` with that size exponent, until it is complete; m is the last message that asked for
 * more. Returns the blocks. */
static inline unsigned test_blocks_play_answer(struct test_coap *t, struct test_coap_message *m, const char *token, size_t total,
                                               unsigned szx, size_t piece)
{
	size_t unit = szx == 7 ? 1024 : (size_t)16 << szx, from = 0;
	unsigned blocks = 0;
	dps_result result;

	assert_int_equal(test_coap_run(t), DPS_AGAIN); /* the request leaves */
	test_coap_take(t);
	for (;;) {
		size_t n = total - from < piece ? total - from : piece;

		assert_int_equal(from % unit, 0);
		test_blocks_feed(t, token, "abcd", (unsigned)(from / unit), from + n < total, szx, blocks == 0 ? (unsigned)total : 0, from, n);
		blocks++;
		from += n;
		result = test_coap_run(t);
		if (result == DPS_OK)
			return blocks;
		assert_int_equal(result, DPS_AGAIN);
		test_coap_take(t);
		assert_true(test_coap_next(t, m));
		assert_int_equal(m->payload_len, 0);
		assert_int_equal(m->token_len, 8);
		assert_int_equal(test_coap_uint(m, 23), from / unit << 4 | szx);
		assert_int_equal(test_coap_uint(m, 12), m->code == 2 ? 10000 : -1); /* a POST says of what it had, as before */
		assert_int_equal(test_coap_uint(m, 17), 10000);
		assert_false(test_coap_next(t, m));
	}
}

#endif
