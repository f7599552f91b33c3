/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate is for which host, which text is an address, which text is a pin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "pki/certificate.h"
#include "support/test_pki.h"

static struct test_key key;

static int make_key(void **state)
{
	(void)state;
	test_key_make(&key, DPS_KEY_EC_P256);
	return 0;
}

static int free_key(void **state)
{
	(void)state;
	test_key_free(&key);
	return 0;
}

static bool is_for(const struct test_certificate_spec *spec, const char *host)
{
	struct test_certificate_spec full = *spec;
	struct test_certificate certificate;
	struct dps_certificate_view view;
	full.key = &key;
	if (full.subject == NULL)
		full.subject = "CN=common.example.com";
	test_certificate_make(&certificate, &full);
	assert_int_equal(dps_pki_certificate_read((struct dps_span){certificate.der, certificate.len}, &view), DPS_OK);
	return dps_pki_certificate_is_for(&view, host);
}

static void names_are_compared_whole_and_without_case(void **state)
{
	const struct test_certificate_spec spec = {.dns = {"other.example.com", "DPS.Example.com", "dot.example.com."}};
	(void)state;
	assert_true(is_for(&spec, "dps.example.com"));
	assert_true(is_for(&spec, "DPS.EXAMPLE.COM"));
	assert_true(is_for(&spec, "dps.example.com."));
	assert_true(is_for(&spec, "dot.example.com"));
	assert_true(is_for(&spec, "other.example.com"));
	assert_false(is_for(&spec, "example.com"));
	assert_false(is_for(&spec, "dps.example.co"));
	assert_false(is_for(&spec, "xdps.example.com"));
	assert_false(is_for(&spec, "dps.example.com.evil.org"));
	assert_false(is_for(&spec, ""));
	assert_false(is_for(&spec, "."));
}

static void a_wildcard_is_one_whole_label(void **state)
{
	const struct test_certificate_spec spec = {.dns = {"*.example.com"}};
	(void)state;
	assert_true(is_for(&spec, "a.example.com"));
	assert_true(is_for(&spec, "xn--bcher-kva.example.com"));
	assert_false(is_for(&spec, "a.b.example.com"));
	assert_false(is_for(&spec, "example.com"));
	assert_false(is_for(&spec, ".example.com"));
	assert_false(is_for(&spec, "a.example.org"));
}

static void wildcards_elsewhere_are_no_wildcards(void **state)
{
	static const char *const PATTERNS[] = {"d*.example.com", "*d.example.com", "dps.*.com", "*", "*.com", "*.",
	                                       "**.example.com", "*.*.com"};
	(void)state;
	for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(PATTERNS[0]); i++) {
		const struct test_certificate_spec spec = {.dns = {PATTERNS[i]}};
		assert_false(is_for(&spec, "dps.example.com"));
		assert_false(is_for(&spec, "example.com"));
		assert_false(is_for(&spec, "com"));
	}
}

static void the_common_name_counts_without_any_san_only(void **state)
{
	const struct test_certificate_spec bare = {.subject = "CN=common.example.com"};
	const struct test_certificate_spec dns = {.subject = "CN=common.example.com", .dns = {"san.example.com"}};
	const struct test_certificate_spec uri = {.subject = "CN=common.example.com", .uri = "coaps://common.example.com"};
	const struct test_certificate_spec address = {.subject = "CN=127.0.0.1"};
	const struct test_certificate_spec two = {.subject = "CN=first.example.com,CN=second.example.com"};
	const struct test_certificate_spec none = {.subject = "O=common.example.com"};
	(void)state;
	assert_true(is_for(&bare, "common.example.com"));
	assert_false(is_for(&dns, "common.example.com"));
	assert_true(is_for(&dns, "san.example.com"));
	assert_false(is_for(&uri, "common.example.com"));
	assert_false(is_for(&address, "127.0.0.1"));
	/* of several names the most specific one counts, and only that */
	assert_true(is_for(&two, "first.example.com") != is_for(&two, "second.example.com"));
	assert_false(is_for(&none, "common.example.com"));
}

static void addresses_are_compared_as_bytes(void **state)
{
	const struct test_certificate_spec spec = {.dns = {"10.0.0.1"}, .addresses = {"192.0.2.7", "2001:db8::7"}};
	(void)state;
	assert_true(is_for(&spec, "192.0.2.7"));
	assert_true(is_for(&spec, "2001:db8::7"));
	assert_true(is_for(&spec, "2001:0DB8:0:0::0:7"));
	assert_false(is_for(&spec, "192.0.2.8"));
	assert_false(is_for(&spec, "2001:db8::8"));
	/* an address as a dNSName is not an address, and an address is no name */
	assert_false(is_for(&spec, "10.0.0.1"));
	assert_false(is_for(&spec, "::ffff:192.0.2.7"));
	/* the first bytes of a longer address are not it */
	assert_false(is_for(&spec, "32.1.13.184"));
}

struct address_case {
	const char *text;
	size_t len; /* 0: not an address */
	uint8_t bytes[16];
};

static void addresses_are_told_from_names(void **state)
{
	static const struct address_case CASES[] = {
		{"127.0.0.1", 4, {127, 0, 0, 1}},
		{"255.255.255.255", 4, {255, 255, 255, 255}},
		{"::", 16, {0}},
		{"::1", 16, {[15] = 1}},
		{"1::", 16, {[1] = 1}},
		{"fe80::1:2", 16, {0xfe, 0x80, [13] = 1, [15] = 2}},
		{"1:2:3:4:5:6:7:8", 16, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
		{"1:2:3:4:5:6:7::", 16, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0}},
		{"::2:3:4:5:6:7:8", 16, {0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
		{"::ffff:1.2.3.4", 16, {[10] = 0xff, 0xff, 1, 2, 3, 4}},
		{"1:2:3:4:5:6:1.2.3.4", 16, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1, 2, 3, 4}},
		{"ABCD:EF01::", 16, {0xab, 0xcd, 0xef, 0x01}},
		{"", 0, {0}},
		{"localhost", 0, {0}},
		{"1.2.3", 0, {0}},
		{"1.2.3.4.5", 0, {0}},
		{"1.2.3.256", 0, {0}},
		{"1.2.3.04", 0, {0}},
		{"1.2.3.", 0, {0}},
		{".1.2.3", 0, {0}},
		{"1.2.3.4 ", 0, {0}},
		{"0001.2.3.4", 0, {0}},
		{":", 0, {0}},
		{":1", 0, {0}},
		{"1:", 0, {0}},
		{":::", 0, {0}},
		{"1::2::3", 0, {0}},
		{"1:2:3:4:5:6:7", 0, {0}},
		{"1:2:3:4:5:6:7:8:9", 0, {0}},
		{"1:2:3:4:5:6:7:8::", 0, {0}},
		{"::1:2:3:4:5:6:7:8", 0, {0}},
		{"1:2:3:4::5:6:7:8", 0, {0}},
		{"12345::", 0, {0}},
		{"g::", 0, {0}},
		{"fe80::1%eth0", 0, {0}},
		{"1:2:3:4:5:6:7:1.2.3.4", 0, {0}},
		{"::1.2.3", 0, {0}},
		{"::1.2.3.4:5", 0, {0}},
		{"[::1]", 0, {0}},
		{"dead", 0, {0}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		uint8_t bytes[16] = {0};
		size_t len = 0;
		const bool is_address = dps_pki_host_is_address(CASES[i].text, bytes, &len);
		if (is_address != (CASES[i].len != 0))
			fail_msg("\"%s\" is %san address", CASES[i].text, CASES[i].len != 0 ? "" : "not ");
		if (!is_address)
			continue;
		assert_int_equal(len, CASES[i].len);
		assert_memory_equal(bytes, CASES[i].bytes, len);
	}
}

#define HEX32 "00112233445566778899aabbccddeeff"

static void pins_are_read_in_both_forms(void **state)
{
	struct dps_pin pin;
	(void)state;
	assert_int_equal(dps_pin_parse("sha256:" HEX32 "00112233445566778899AABBCCDDEEFF", &pin), DPS_OK);
	assert_int_equal(pin.kind, DPS_PIN_CERTIFICATE);
	assert_int_equal(pin.digest[1], 0x11);
	assert_int_equal(pin.digest[31], 0xff);
	assert_int_equal(dps_pin_parse("spki-sha256:" HEX32 HEX32, &pin), DPS_OK);
	assert_int_equal(pin.kind, DPS_PIN_SPKI);
	assert_int_equal(
		dps_pin_parse("sha256:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FE", &pin),
		DPS_OK);
	assert_int_equal(pin.digest[31], 0xfe);
}

static void damaged_pins_are_refused_and_change_nothing(void **state)
{
	static const char *const BAD[] = {
		"",
		"sha256",
		"sha256:",
		HEX32 HEX32,
		"sha1:" HEX32 HEX32,
		"SHA256:" HEX32 HEX32,
		"sha256:" HEX32,
		"sha256:" HEX32 HEX32 "0",
		"sha256:" HEX32 HEX32 ":",
		"sha256::" HEX32 HEX32,
		"sha256:0:0112233445566778899aabbccddeeff" HEX32,
		"sha256:" HEX32 "g0112233445566778899aabbccddeeff",
		"sha256: " HEX32 HEX32,
		"spki-sha256:" HEX32 "0011223344556677",
	};
	struct dps_pin pin = {.kind = DPS_PIN_SPKI, .digest = {42}};
	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_int_equal(dps_pin_parse(BAD[i], &pin), DPS_E_PIN_FORMAT);
	assert_int_equal(pin.kind, DPS_PIN_SPKI);
	assert_int_equal(pin.digest[0], 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_compared_whole_and_without_case),
		cmocka_unit_test(a_wildcard_is_one_whole_label),
		cmocka_unit_test(wildcards_elsewhere_are_no_wildcards),
		cmocka_unit_test(the_common_name_counts_without_any_san_only),
		cmocka_unit_test(addresses_are_compared_as_bytes),
		cmocka_unit_test(addresses_are_told_from_names),
		cmocka_unit_test(pins_are_read_in_both_forms),
		cmocka_unit_test(damaged_pins_are_refused_and_change_nothing),
	};
	return cmocka_run_group_tests(tests, make_key, free_key);
}
