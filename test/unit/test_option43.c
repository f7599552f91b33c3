/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP option 43: what is understood, what is refused by which name, and that nothing is taken of what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dps/client.h"
#include "dps/option43.h"
#include "support/test_bytes.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Sub-options in hex: endpoint coaps+tcp://dps:15684, digest name SHA256, fingerprint 00 01 ... 1f. */
#define ENDPOINT    "c815 636f6170732b7463703a2f2f6470733a3135363834"
#define NAME        "ca06 534841323536"
#define DIGEST      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define FINGERPRINT "c920" DIGEST

static dps_result parse(struct dps_span blob, const struct dps_option43_codes *codes, struct dps_option43 *out)
{
	struct dps_span copy = test_copy(blob.data, blob.len);
	dps_result result = dps_option43_parse(copy.data, copy.len, codes, out);

	free((void *)(uintptr_t)copy.data);
	return result;
}

static void good_options(void **state)
{
	static const struct {
		const char *hex;
		size_t pins;
	} all[] = {
		{ENDPOINT NAME FINGERPRINT, 1}, /* the public service's example */
		{FINGERPRINT NAME ENDPOINT, 1},
		{ENDPOINT, 0},
		{ENDPOINT FINGERPRINT, 1}, /* a pin is never dropped */
		{ENDPOINT "ca06 736861323536" FINGERPRINT, 1},
		{ENDPOINT "ca07 5348412d323536" FINGERPRINT, 1},
		{ENDPOINT "ca07 7348612d323536" FINGERPRINT, 1},
		{"00 00" ENDPOINT "00" NAME "0000" FINGERPRINT "00", 1},
		{ENDPOINT NAME FINGERPRINT "ff", 1},
		{ENDPOINT "ff0000", 0},
		{"0104 0a000001" ENDPOINT "fe00"
	     "0200"
	     "0104 0a000002",
	     0}, /* others' sub-options, empty and repeated ones too */
	};

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		uint8_t bytes[128], digest[32];
		struct dps_option43 option;
		dps_result result;

		memset(&option, 0xee, sizeof(option));
		result = parse(test_hex(all[i].hex, bytes, sizeof(bytes)), NULL, &option);
		if (result != DPS_OK)
			fail_msg("%s: %s", all[i].hex, dps_result_name(result));
		assert_string_equal(option.uri, "coaps+tcp://dps:15684");
		assert_int_equal(option.pin_count, all[i].pins);
		if (all[i].pins == 0)
			continue;
		assert_int_equal(option.pins[0].kind, DPS_PIN_CERTIFICATE);
		assert_memory_equal(option.pins[0].digest, test_hex(DIGEST, digest, sizeof(digest)).data, sizeof(digest));
	}
}

static void bad_options(void **state)
{
	static const struct {
		const char *hex;
		dps_result result;
	} all[] = {
		{"", DPS_E_NO_ENDPOINT},
		{"00", DPS_E_NO_ENDPOINT},
		{"ff", DPS_E_NO_ENDPOINT},
		{"0104 0a000001", DPS_E_NO_ENDPOINT},
		{NAME FINGERPRINT, DPS_E_NO_ENDPOINT},
		{"ff" ENDPOINT, DPS_E_FIELD},
		{ENDPOINT "ff" NAME FINGERPRINT, DPS_E_FIELD},
		{ENDPOINT "ffff", DPS_E_FIELD},
		{ENDPOINT "c8", DPS_E_FIELD},
		{ENDPOINT "01", DPS_E_FIELD},
		{ENDPOINT "0102 00", DPS_E_FIELD},
		{ENDPOINT "01ff 00", DPS_E_FIELD},
		{ENDPOINT "c800", DPS_E_FIELD},
		{"c800", DPS_E_FIELD},
		{ENDPOINT "c900", DPS_E_FIELD},
		{ENDPOINT FINGERPRINT "ca00", DPS_E_FIELD},
		{ENDPOINT ENDPOINT, DPS_E_FIELD},
		{ENDPOINT FINGERPRINT FINGERPRINT, DPS_E_FIELD},
		{ENDPOINT NAME NAME FINGERPRINT, DPS_E_FIELD},
		{ENDPOINT NAME, DPS_E_FIELD}, /* the name of a digest that is not there */
		{"c801 61", DPS_E_URI},
		{"c816 636f6170732b7463703a2f2f6470733a313536383400", DPS_E_URI}, /* a NUL behind it */
		{"c816 636f6170732b7463703a2f2f647000733a3135363834", DPS_E_URI}, /* and within it */
		{"c811 636f6170733a2f2f6470733a3135363834", DPS_E_URI},           /* coaps:// */
		{"c80f 636f6170732b7463703a2f2f647073", DPS_E_URI},               /* no port */
		{ENDPOINT "ca06 534841353132" FINGERPRINT, DPS_E_UNSUPPORTED},
		{ENDPOINT "ca05 5348413235" FINGERPRINT, DPS_E_UNSUPPORTED},
		{ENDPOINT "ca07 53484132353600" FINGERPRINT, DPS_E_UNSUPPORTED},
		{ENDPOINT "ca03 4d4435 c910 000102030405060708090a0b0c0d0e0f", DPS_E_UNSUPPORTED},
		{ENDPOINT "c910 000102030405060708090a0b0c0d0e0f", DPS_E_PIN_FORMAT},
		{ENDPOINT NAME "c91f 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e", DPS_E_PIN_FORMAT},
		{ENDPOINT NAME "c921" DIGEST "20", DPS_E_PIN_FORMAT},
	};

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		uint8_t bytes[160];
		struct dps_option43 option, before;
		dps_result result;

		memset(&option, 0xee, sizeof(option));
		before = option;
		result = parse(test_hex(all[i].hex, bytes, sizeof(bytes)), NULL, &option);
		if (result != all[i].result)
			fail_msg("%zu, %s: %s", i, all[i].hex, dps_result_name(result));
		assert_memory_equal(&option, &before, sizeof(option));
	}
}

static void configured_codes(void **state)
{
	static const struct dps_option43_codes own = {1, 254, 3};
	static const struct dps_option43_codes wrong[] = {{0, 1, 2},   {255, 1, 2}, {1, 0, 2}, {1, 255, 2}, {1, 2, 0},
	                                                  {1, 2, 255}, {7, 7, 8},   {7, 8, 7}, {8, 7, 7}};
	uint8_t bytes[128];
	struct dps_option43 option;
	struct dps_span blob = test_hex("0115 636f6170732b7463703a2f2f6470733a3135363834 fe20" DIGEST "0306 534841323536"
	                                "c803 313233",
	                                bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(parse(blob, &own, &option), DPS_OK);
	assert_string_equal(option.uri, "coaps+tcp://dps:15684");
	assert_int_equal(option.pin_count, 1);
	assert_int_equal(parse(blob, NULL, &option), DPS_E_URI);
	for (size_t i = 0; i < LEN(wrong); i++)
		assert_int_equal(parse(blob, &wrong[i], &option), DPS_E_ARGUMENT);
}

/* The longest URI that is taken, and one more. */
static void longest_uri(void **state)
{
	uint8_t blob[2 + DPS_CONFIG_URI_LENGTH + 1];

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		const size_t len = DPS_CONFIG_URI_LENGTH + more;
		struct dps_option43 option;

		blob[0] = 200;
		blob[1] = (uint8_t)len;
		memset(blob + 2, 'a', len);
		memcpy(blob + 2, "coaps+tcp://", 12);
		memcpy(blob + 2 + len - 2, ":1", 2);
		assert_int_equal(parse((struct dps_span){blob, 2 + len}, NULL, &option), more == 0 ? DPS_OK : DPS_E_URI);
		if (more == 0)
			assert_int_equal(strlen(option.uri), len);
	}
}

static void expect_sound(struct dps_span blob)
{
	struct dps_option43 option, before;
	dps_result result;

	memset(&option, 0xee, sizeof(option));
	before = option;
	result = parse(blob, NULL, &option);
	if (result == DPS_OK) {
		assert_int_equal(dps_client_check_endpoint(option.uri), DPS_OK);
		assert_true(option.pin_count <= 1);
		return;
	}
	assert_true(result == DPS_E_FIELD || result == DPS_E_NO_ENDPOINT || result == DPS_E_URI || result == DPS_E_UNSUPPORTED ||
	            result == DPS_E_PIN_FORMAT);
	assert_memory_equal(&option, &before, sizeof(option));
}

static uint32_t noise(uint32_t *seed)
{
	*seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
	return *seed >> 16;
}

/* Every cut and every changed byte of the example: of the cuts only those between sub-options are good, and a pin that was there is never lost by a change
 * within it. */
static void damaged_options(void **state)
{
	uint8_t bytes[128];
	struct dps_span whole = test_hex(ENDPOINT NAME FINGERPRINT, bytes, sizeof(bytes));

	(void)state;
	for (size_t cut = 0; cut < whole.len; cut++) {
		struct dps_option43 option;
		dps_result expected = cut == 0 ? DPS_E_NO_ENDPOINT : cut == 23 ? DPS_OK : DPS_E_FIELD;

		assert_int_equal(parse((struct dps_span){whole.data, cut}, NULL, &option), expected);
	}
	for (size_t at = 0; at < whole.len; at++) {
		const uint8_t good = bytes[at];

		for (unsigned value = 0; value < 256; value++) {
			bytes[at] = (uint8_t)value;
			expect_sound(whole);
		}
		bytes[at] = good;
	}
}

static void blobs_of_every_length(void **state)
{
	static const uint8_t codes[] = {0, 1, 200, 201, 202, 255};
	uint8_t blob[300];
	uint32_t seed = 43;

	(void)state;
	for (size_t len = 0; len <= sizeof(blob); len++)
		for (unsigned round = 0; round < 64; round++) {
			for (size_t i = 0; i < len; i++)
				blob[i] = (uint8_t)noise(&seed);
			/* half of them begin as sub-options do */
			if (round % 2 == 0 && len > 1) {
				blob[0] = codes[round / 2 % LEN(codes)];
				blob[1] = (uint8_t)(round % 4 == 0 ? len - 2 : noise(&seed) % len);
			}
			expect_sound((struct dps_span){blob, len});
		}
}

/* --- the text form ----------------------------------------------------------------------------------------------------------------- */

static void texts(void **state)
{
	static const struct {
		const char *text;
		const char *hex; /* NULL: refused */
	} all[] = {
		{"01:a:3:14", "010a0314"},
		{"010a0314", "010a0314"},
		{"010A0314", "010a0314"},
		{" \t\r\n01:0a:03:14\v\f\n", "010a0314"},
		{"ff", "ff"},
		{"f:f", "0f0f"},
		{"c8:15:63", "c81563"},
		{"", NULL},
		{" \n", NULL},
		{"a", NULL},
		{"010", NULL},
		{":", NULL},
		{"01:", NULL},
		{":01", NULL},
		{"01::02", NULL},
		{"01:020", NULL},
		{"0102:03", NULL},
		{"01:02 03", NULL},
		{"01 02", NULL},
		{"0x01", NULL},
		{"01:0g", NULL},
		{"01-02", NULL},
		{"01:02;", NULL},
		{"0102\xff", NULL},
	};

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		struct dps_span text = test_copy(all[i].text, strlen(all[i].text));
		uint8_t expected_bytes[16];
		uint8_t out[16];
		size_t len = 99;
		dps_result result = dps_option43_from_text((const char *)text.data, text.len, out, sizeof(out), &len);

		if (all[i].hex == NULL) {
			if (result != DPS_E_FIELD || len != 0)
				fail_msg("\"%s\": %s", all[i].text, dps_result_name(result));
			free((void *)(uintptr_t)text.data);
			continue;
		}
		struct dps_span expected = test_hex(all[i].hex, expected_bytes, sizeof(expected_bytes));

		assert_int_equal(result, DPS_OK);
		assert_int_equal(len, expected.len);
		assert_memory_equal(out, expected.data, len);
		for (size_t size = 0; size < expected.len; size++) {
			memset(out, 0xee, sizeof(out));
			assert_int_equal(dps_option43_from_text((const char *)text.data, text.len, size > 0 ? out : NULL, size, &len), DPS_E_BUFFER);
			assert_int_equal(len, expected.len);
			assert_int_equal(out[size], 0xee);
		}
		free((void *)(uintptr_t)text.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_options), cmocka_unit_test(bad_options),     cmocka_unit_test(configured_codes),
		cmocka_unit_test(longest_uri),  cmocka_unit_test(damaged_options), cmocka_unit_test(blobs_of_every_length),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests_name("option 43", tests, NULL, NULL);
}
