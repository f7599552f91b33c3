/* SPDX-License-Identifier: Apache-2.0 */
/* Option 43 out of what DHCP clients leave in files: each form, the last one of several, and nothing out of strings, comments and cut files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../examples/linux-device/lease.h"
#include "support/test_bytes.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define OPTION     "option vendor-encapsulated-options"

static dps_result take(const char *text, size_t text_len, uint8_t *buf, size_t size, size_t *len)
{
	struct dps_span copy = test_copy(text, text_len);
	dps_result result = lease_option43((const char *)copy.data, copy.len, buf, size, len);

	free((void *)(uintptr_t)copy.data);
	return result;
}

static void good_texts(void **state)
{
	static const struct {
		const char *text;
		const char *hex;
	} all[] = {
		{"c8:1:a", "c8010a"},
		{"c8010a\n", "c8010a"},
		{"lease {\n  interface \"eth0\";\n  fixed-address 192.0.2.2;\n  " OPTION " c8:1:41;\n}\n", "c80141"},
		{"lease {" OPTION " c8:1:41;}\nlease {" OPTION " c8:1:42;\n}\nlease { fixed-address 192.0.2.3; }", "c80142"},
		{OPTION " \"\\310\\001A\";", "c80141"},
		{OPTION "\t\"a\\\"b\\\\c;}#\"\n;", "6122625c633b7d23"},
		{OPTION " \"\\000\\377\";", "00ff"},
		{"# comment; " OPTION " 01:02;\n" OPTION " 3:4; # " OPTION " 5:6;\n", "0304"},
		{"option domain-name \"x; " OPTION " 9:9; \\\"" OPTION " 8:8;\"; " OPTION " 1:2;", "0102"},
		{OPTION " zz; " OPTION " 1:2;", "0102"}, /* the last one counts */
		{"default-duid \"\\000\\001\\000\";\n" OPTION "  c801;", "c801"},
		{"# This is private data. Do not parse.\nADDRESS=192.0.2.2\nVENDOR_SPECIFIC=c80141\nCLIENTID=ff00\n", "c80141"},
		{"VENDOR_SPECIFIC=01\nVENDOR_SPECIFIC=02", "02"},
		{"interface=eth0\nopt43='c8:1:41'\nip=192.0.2.2\n", "c80141"},
		{"opt43=\"c80141\"\r\n", "c80141"},
	};

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		uint8_t expected_bytes[32], buf[32];
		struct dps_span expected = test_hex(all[i].hex, expected_bytes, sizeof(expected_bytes));
		size_t len = 0;
		dps_result result = take(all[i].text, strlen(all[i].text), buf, sizeof(buf), &len);

		if (result != DPS_OK || len != expected.len || memcmp(buf, expected.data, len) != 0)
			fail_msg("%s: %s, %zu bytes", all[i].text, dps_result_name(result), len);
		assert_int_equal(take(all[i].text, strlen(all[i].text), buf, expected.len, &len), DPS_OK);
		assert_int_equal(take(all[i].text, strlen(all[i].text), buf, expected.len - 1, &len), DPS_E_BUFFER);
	}
}

static void bad_texts(void **state)
{
	static const struct {
		const char *text;
		dps_result result;
	} all[] = {
		{"", DPS_E_NOT_FOUND},
		{"# nothing\n", DPS_E_NOT_FOUND},
		{"lease { fixed-address 192.0.2.2; }", DPS_E_NOT_FOUND},
		{"option domain-name \"" OPTION " c8:1;\";", DPS_E_NOT_FOUND},
		{"vendor-encapsulated-options c8:1;", DPS_E_NOT_FOUND},
		{OPTION "x c8:1;", DPS_E_NOT_FOUND},
		{"send " OPTION " c8:1;", DPS_E_NOT_FOUND},
		{"ADDRESS=192.0.2.2\n", DPS_E_NOT_FOUND},
		{"ADDRESS=192.0.2.2\nXVENDOR_SPECIFIC=01\nVENDOR_SPECIFIC\n", DPS_E_NOT_FOUND},
		{"no lease at all", DPS_E_FIELD},
		{"c8:1:4g", DPS_E_FIELD},
		{"lease {" OPTION " c8:1:41", DPS_E_FIELD},
		{OPTION " c8:1; lease { fixed-address", DPS_E_FIELD},
		{OPTION " c8:1; option domain-name \"unended;", DPS_E_FIELD},
		{OPTION ";", DPS_E_FIELD},
		{OPTION " ;", DPS_E_FIELD},
		{OPTION " c8:1; " OPTION " zz;", DPS_E_FIELD},
		{OPTION " \"abc\" c8;", DPS_E_FIELD},
		{OPTION " \"\\400\";", DPS_E_FIELD},
		{OPTION " \"\\08\";", DPS_E_FIELD},
		{OPTION " \"\\x41\";", DPS_E_FIELD},
		{OPTION " \"\\n\";", DPS_E_FIELD},
		{"VENDOR_SPECIFIC=\n", DPS_E_FIELD},
		{"VENDOR_SPECIFIC=01\nVENDOR_SPECIFIC=xy", DPS_E_FIELD},
		{"opt43='c801\n", DPS_E_FIELD},
	};

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		uint8_t buf[32];
		size_t len = 0;
		dps_result result = take(all[i].text, strlen(all[i].text), buf, sizeof(buf), &len);

		if (result != all[i].result)
			fail_msg("%s: %s", all[i].text, dps_result_name(result));
	}
}

/* Cut anywhere, and with any byte replaced: never beyond the text (sanitizers see), and never an option out of a file that was cut. */
static void damaged_leases(void **state)
{
	static const char whole[] = "lease {\n  option domain-name \"a\\\"b\"; # c\n  " OPTION " \"\\310\\001A\\\\\";\n}\n";
	uint8_t buf[16];
	size_t len;

	(void)state;
	for (size_t cut = 0; cut < sizeof(whole) - 1; cut++) {
		dps_result result = take(whole, cut, buf, sizeof(buf), &len);

		if (result == DPS_OK)
			assert_non_null(strstr(whole + cut - 2, "\n}")); /* only what is behind the option may be missing */
	}
	for (size_t at = 0; at < sizeof(whole) - 1; at++)
		for (unsigned value = 0; value < 256; value++) {
			char damaged[sizeof(whole)];

			memcpy(damaged, whole, sizeof(whole));
			damaged[at] = (char)value;
			if (take(damaged, sizeof(whole) - 1, buf, sizeof(buf), &len) == DPS_OK)
				assert_true(len > 0 && len <= sizeof(buf));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts),
		cmocka_unit_test(bad_texts),
		cmocka_unit_test(damaged_leases),
	};

	return cmocka_run_group_tests_name("leases", tests, NULL, NULL);
}
