/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A send buffer with room for several units of 1,024: bodies leave in BERT blocks (RFC 8323 section 6). The room's sources once more, with a
 * larger DPS_CONFIG_SEND_SIZE; they define the symbols first, so that the library's objects are not linked.
 */
#include "dps/config.h"
#undef DPS_CONFIG_SEND_SIZE
#define DPS_CONFIG_SEND_SIZE 8192

#include "support/test_coap_rebuilt.h"

#define BODY_LEN 8000

static struct test_coap t;
static struct test_coap_message m;
static uint8_t big[BODY_LEN];

static dps_result body(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len)
{
	(void)env;
	assert_true(size >= sizeof(big));
	memcpy(buf, big, sizeof(big));
	*len = sizeof(big);
	return DPS_OK;
}

/* Plays a peer of that Max-Message-Size; from the second block on with that exponent. Returns the blocks. */
static unsigned play(const char *csm, long peer_szx, size_t first_len)
{
	const struct dps_request request = {.method = DPS_POST, .path = "/creds", .body_limit = sizeof(big), .write_body = body};
	size_t have = 0;
	unsigned blocks = 0;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 13 + i / 256);
	test_coap_init(&t, test_coap_default());
	test_coap_feed(&t, 701, "", csm, NULL, 0);
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	test_coap_take(&t);
	assert_int_equal(dps_coap_transport.send(&t.coap, 1, &request, NULL), DPS_OK);
	for (;;) {
		long block;
		char ack[] = "d10e06";

		assert_int_equal(test_coap_run(&t), DPS_AGAIN);
		test_coap_take(&t);
		assert_true(test_coap_next(&t, &m));
		block = test_coap_uint(&m, 27);
		assert_int_equal(block & 7, blocks == 0 || peer_szx == 7 ? 7 : 6);
		assert_int_equal((block >> 4) * 1024, have);
		assert_int_equal(m.payload_len, blocks == 0 ? first_len : m.payload_len);
		assert_true((block & 8) == 0 || m.payload_len % 1024 == 0);
		assert_memory_equal(m.payload, big + have, m.payload_len);
		have += m.payload_len;
		blocks++;
		if ((block & 8) == 0)
			break;
		ack[4] = "0123456789abcdef"[block >> 4];
		ack[5] = (char)('0' + peer_szx);
		test_coap_feed(&t, 231, TOKEN_1, ack, NULL, 0);
	}
	assert_int_equal(have, sizeof(big));
	test_coap_feed(&t, 204, TOKEN_1, "", NULL, 0);
	assert_int_equal(test_coap_run(&t), DPS_OK);
	assert_int_equal(t.answer.result, DPS_OK);
	return blocks;
}

static void test_units_as_many_as_fit(void **state)
{
	(void)state;
	assert_int_equal(play("22 1000 20", 7, 3072), 3); /* messages of 4,096 */
	assert_int_equal(play("22 1f40 20", 7, 7168), 2); /* of 8,000 */
	assert_int_equal(play("22 1000 20", 6, 3072), 6); /* the peer wants single units */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units_as_many_as_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
