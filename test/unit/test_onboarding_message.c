/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in the clear as dps-onboard takes them apart: whoever sends them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../examples/onboard/message.h"
#include "support/test_bytes.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t token[MESSAGE_TOKEN_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};

static bool take(const uint8_t *bytes, size_t len, struct plain_answer *answer)
{
	struct dps_span copy = test_copy(bytes, len);
	bool taken = message_read(copy.data, copy.len, token, answer);

	if (taken && answer->payload_len > 0)
		assert_true(answer->payload > copy.data && answer->payload + answer->payload_len == copy.data + copy.len);
	free((void *)(uintptr_t)copy.data);
	return taken;
}

/* RFC 7252 section 3, by hand: version 1, non-confirmable, eight bytes of token; Uri-Path "oic", "res"; Uri-Query. */
static void requests(void **state)
{
	const struct plain_request query = {.path = {"oic", "res"}, .query = "rt=x"};
	const struct plain_request plain = {.path = {"plgd", "dps"}};
	uint8_t expected[MESSAGE_REQUEST_SIZE];
	uint8_t bytes[MESSAGE_REQUEST_SIZE];
	struct dps_span span = test_hex("58 01 1234 0102030405060708 b3 6f6963 03 726573 44 72743d78", expected, sizeof(expected));

	(void)state;
	assert_int_equal(message_write(bytes, &query, token, 0x1234), span.len);
	assert_memory_equal(bytes, expected, span.len);
	span = test_hex("58 01 ffff 0102030405060708 b4 706c6764 03 647073", expected, sizeof(expected));
	assert_int_equal(message_write(bytes, &plain, token, 0xffff), span.len);
	assert_memory_equal(bytes, expected, span.len);
}

static void answers(void **state)
{
	static const struct {
		const char *hex;
		bool taken;
		unsigned code, max_age;
		size_t payload_len;
	} all[] = {
		{"58 45 0001 0102030405060708", true, 205, 60, 0},
		{"68 45 0001 0102030405060708 c2 2710 ff 8100", true, 205, 60, 2},
		{"58 9d 0001 0102030405060708 d1 01 05", true, 429, 5, 0},
		{"58 9d 0001 0102030405060708 d4 01 000003e8", true, 429, 1000, 0},
		{"58 9d 0001 0102030405060708 d5 01 0000000001", true, 429, 60, 0}, /* no such length: not believed */
		{"58 45 0001 0102030405060708 ff", true, 205, 60, 0},
		{"58 45 0001 0102030405060709", false, 0, 0, 0}, /* another's */
		{"57 45 0001 01020304050607", false, 0, 0, 0},
		{"98 45 0001 0102030405060708", false, 0, 0, 0}, /* version 2 */
		{"58 01 0001 0102030405060708", false, 0, 0, 0}, /* a request */
		{"58 00 0001 0102030405060708", false, 0, 0, 0},
		{"58 45 0001 0102030405060708 c3 2710", false, 0, 0, 0}, /* cut */
		{"58 45 0001 0102030405060708 f0", false, 0, 0, 0},
		{"58 45 0001 0102030405060708 0f", false, 0, 0, 0},
		{"", false, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		uint8_t bytes[64];
		struct dps_span span = test_hex(all[i].hex, bytes, sizeof(bytes));
		struct plain_answer answer;

		memset(&answer, 0, sizeof(answer));
		if (take(span.data, span.len, &answer) != all[i].taken)
			fail_msg("%s", all[i].hex);
		if (!all[i].taken)
			continue;
		assert_int_equal(answer.code, all[i].code);
		assert_int_equal(answer.max_age, all[i].max_age);
		assert_int_equal(answer.payload_len, all[i].payload_len);
	}
}

static void damaged_answers(void **state)
{
	uint8_t bytes[64];
	struct dps_span span = test_hex("58 45 0001 0102030405060708 c2 2710 d1 f5 05 e1 0001 aa ff 8100", bytes, sizeof(bytes));
	struct plain_answer answer;

	(void)state;
	memset(&answer, 0, sizeof(answer));
	for (size_t len = 0; len <= span.len; len++)
		(void)take(bytes, len, &answer);
	for (size_t at = 0; at < span.len; at++)
		for (unsigned value = 0; value < 256; value++) {
			uint8_t damaged[64];

			memcpy(damaged, bytes, span.len);
			damaged[at] = (uint8_t)value;
			(void)take(damaged, span.len, &answer);
		}
}

static void addresses(void **state)
{
	struct plain_address address;
	struct plain_address other;
	char text[PLAIN_TEXT_SIZE];

	(void)state;
	assert_true(plain_resolve("127.0.0.1:5683", &address));
	plain_format(&address, text);
	assert_string_equal(text, "127.0.0.1:5683");
	assert_true(plain_resolve("[::1]:1", &other));
	plain_format(&other, text);
	assert_string_equal(text, "[::1]:1");
	assert_false(plain_same(&address, &other));
	other = address;
	assert_true(plain_same(&address, &other));
	plain_set_port(&other, 7);
	assert_false(plain_same(&address, &other));
	assert_int_equal(plain_port(&other), 7);
	assert_false(plain_resolve("127.0.0.1", &address));
	assert_false(plain_resolve("127.0.0.1:", &address));
	assert_false(plain_resolve("127.0.0.1:0", &address));
	assert_false(plain_resolve(":1", &address));
	assert_false(plain_resolve("[::1:1", &address));
	assert_false(plain_resolve("[]:1", &address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(answers),
		cmocka_unit_test(damaged_answers),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests_name("onboarding messages", tests, NULL, NULL);
}
