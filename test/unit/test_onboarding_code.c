/* SPDX-License-Identifier: Apache-2.0 */
/* Onboarding codes: golden ones (made and derived with Python and with `openssl kdf`), every single mistake in a key, and what is no code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "../../examples/common/onboarding_code.h"
#include "support/test_bytes.h"
#include "support/test_process.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define A64        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct golden {
	const char *id;
	const char *secret;
	const char *text;
	const char *psk;
} golden[] = {
	{"11111111-2222-4333-8444-555555555555", "000102030405060708090a0b0c0d0e0f",
     "DPS:1:11111111-2222-4333-8444-555555555555:AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4DT",
     "850cf80a61132a027ee1741403b6cdb64448933aad1da5649e3b957d51f97a0e"},
	{"SN_0042.A", "ffffffffffffffffffffffffffffffff", "DPS:1:SN_0042.A:7777-7777-7777-7777-7777-7777-74OT",
     "a0723beb5fea7dc79b06633db115d06f11a93cd1b9c2e3ec9d3289b26f3a898b"},
	{"X", "00000000000000000000000000000000", "DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO",
     "cb21cc554fb3b121c973b3a568ca18e07903887c6483f111cdbb3d30059778f9"},
	{A64, "2d711642b726b04401627ca9fbac32f5", "DPS:1:" A64 ":FVYR-MQVX-E2YE-IALC-PSU7-XLBS-6UBC",
     "2af29688c910e9a632a878cbc12caa72d96c57337c6d22cfff7db2b3d72a9f9a"},
};

static dps_result parse(const char *text, size_t len, struct onboarding_code *code)
{
	struct dps_span copy = test_copy(text, len);
	const char *why;
	dps_result result = onboarding_code_parse((const char *)copy.data, copy.len, code, &why);

	assert_non_null(why);
	assert_true((result == DPS_OK) == (why[0] == '\0'));
	free((void *)(uintptr_t)copy.data);
	return result;
}

static void golden_codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(golden); i++) {
		struct onboarding_code code;
		char text[ONBOARDING_CODE_SIZE];
		char identity[ONBOARDING_IDENTITY_SIZE];
		uint8_t secret[ONBOARDING_SECRET];
		uint8_t expected[ONBOARDING_PSK];
		uint8_t psk[ONBOARDING_PSK];

		(void)test_hex(golden[i].secret, secret, sizeof(secret));
		(void)test_hex(golden[i].psk, expected, sizeof(expected));
		assert_int_equal(parse(golden[i].text, strlen(golden[i].text), &code), DPS_OK);
		assert_string_equal(code.id, golden[i].id);
		assert_memory_equal(code.secret, secret, sizeof(secret));
		onboarding_code_format(&code, text);
		assert_string_equal(text, golden[i].text);
		assert_int_equal(onboarding_code_derive(&code, psk), DPS_OK);
		assert_memory_equal(psk, expected, sizeof(psk));
		onboarding_code_identity(&code, identity);
		assert_memory_equal(identity, "dps1:", 5);
		assert_string_equal(identity + 5, golden[i].id);
	}
}

static void other_ways_to_write_it(void **state)
{
	static const char *const texts[] = {
		"dps:1:sn_0042.a:7777-7777-7777-7777-7777-7777-74ot",
		"DPS:1:SN_0042.A:77777777777777777777777774OT",
		"DPS:1:SN_0042.A:7777-7777-7777-7777-7777-7777-74OT\n",
		"Dps:1:sn_0042.A:777777-77777777777-77777-7774OT-\r\n",
	};
	struct onboarding_code code;

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++) {
		assert_int_equal(parse(texts[i], strlen(texts[i]), &code), DPS_OK);
		assert_string_equal(code.id, "SN_0042.A");
	}
}

static void what_is_no_code(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"DPS:1:",
		"DPS:2:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO",
		"DPS:1:X",
		"DPS:1::AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO",
		"DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAR",
		"DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAROO",
		"DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAR0",
		"DPS:1:X Y:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO",
		"DPS:1:Y:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO",
		"DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO\n\n",
		"DPS:1:A" A64 ":FVYR-MQVX-E2YE-IALC-PSU7-XLBS-6UBC",
	};
	struct onboarding_code zero = {{0}, {0}};

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++) {
		struct onboarding_code code;

		if (parse(texts[i], strlen(texts[i]), &code) != DPS_E_FIELD)
			fail_msg("taken: %s", texts[i]);
		assert_memory_equal(&code, &zero, sizeof(code));
	}
}

/* Each wrong character, and each pair of neighbours that were swapped, is noticed. */
static void mistakes_in_a_key(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	char text[ONBOARDING_CODE_SIZE];
	struct onboarding_code code;

	(void)state;
	for (size_t g = 0; g < LEN(golden); g++) {
		size_t begin = strlen("DPS:1:") + strlen(golden[g].id) + 1;
		size_t len = strlen(golden[g].text);

		memcpy(text, golden[g].text, len + 1);
		for (size_t at = begin; at < len; at++) {
			char right = text[at];

			for (size_t i = 0; right != '-' && alphabet[i] != '\0'; i++) {
				text[at] = alphabet[i];
				assert_int_equal(parse(text, len, &code), alphabet[i] == right ? DPS_OK : DPS_E_FIELD);
			}
			text[at] = right;
			if (at + 1 < len && right != '-' && text[at + 1] != '-' && right != text[at + 1]) {
				text[at] = text[at + 1];
				text[at + 1] = right;
				assert_int_equal(parse(text, len, &code), DPS_E_FIELD);
				text[at + 1] = text[at];
				text[at] = right;
			}
		}
	}
}

static void the_key_is_bound_to_the_id(void **state)
{
	struct onboarding_code code = {{0}, {0}};
	uint8_t one[ONBOARDING_PSK];
	uint8_t other[ONBOARDING_PSK];

	(void)state;
	onboarding_code_set_id(&code, "sn-1");
	assert_string_equal(code.id, "SN-1");
	assert_int_equal(onboarding_code_derive(&code, one), DPS_OK);
	onboarding_code_set_id(&code, "SN-2");
	assert_int_equal(onboarding_code_derive(&code, other), DPS_OK);
	assert_memory_not_equal(one, other, sizeof(one));
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void where_codes_are(void **state)
{
	struct onboarding_code code;
	char dir[256];
	char source[300];
	const char *why;

	(void)state;
	test_tmpdir_make(dir, sizeof(dir));
	snprintf(source, sizeof(source), "@%s/code", dir);
	assert_int_equal(onboarding_code_read(source, &code, &why), DPS_E_FILE);
	write_file(source + 1, "DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO\n", 0600);
	assert_int_equal(onboarding_code_read(source, &code, &why), DPS_OK);
	assert_string_equal(code.id, "X");
	write_file(source + 1, "DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO\n", 0640);
	assert_int_equal(onboarding_code_read(source, &code, &why), DPS_E_FILE);
	assert_string_equal(code.id, "");
	write_file(source + 1, "something else\n", 0600);
	assert_int_equal(onboarding_code_read(source, &code, &why), DPS_E_FIELD);
	assert_int_equal(setenv("ONBOARDING_TEST_CODE", golden[0].text, 1), 0);
	assert_int_equal(onboarding_code_read("env:ONBOARDING_TEST_CODE", &code, &why), DPS_OK);
	assert_string_equal(code.id, golden[0].id);
	assert_int_equal(onboarding_code_read("env:ONBOARDING_TEST_NONE", &code, &why), DPS_E_FILE);
	assert_int_equal(onboarding_code_read(golden[1].text, &code, &why), DPS_OK);
	assert_int_equal(onboarding_code_read("", &code, &why), DPS_E_FIELD);
	test_tmpdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_codes),      cmocka_unit_test(other_ways_to_write_it),     cmocka_unit_test(what_is_no_code),
		cmocka_unit_test(mistakes_in_a_key), cmocka_unit_test(the_key_is_bound_to_the_id), cmocka_unit_test(where_codes_are),
	};

	return cmocka_run_group_tests_name("onboarding codes", tests, NULL, NULL);
}
