/* SPDX-License-Identifier: Apache-2.0 */
/* Times, URIs, UUIDs, printable texts, checksums, and the names and classes of results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/text.h"
#include "dps/records.h"
#include "dps/version.h"
#include "support/test_bytes.h"

static void times_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t unix_ms;
	} times[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01T00:00:00.001Z", 1},
		{"1970-01-01T01:00:00+01:00", 0},
		{"1969-12-31T23:00:00-01:00", -1}, /* the year is out of range */
		{"2025-07-03T07:44:25.123456789+02:00", INT64_C(1751521465123)},
		{"2026-11-22T08:24:58.481437729Z", INT64_C(1795335898481)},
		{"2026-11-22t08:24:58z", INT64_C(1795335898000)},
		{"2026-11-22 08:24:58Z", INT64_C(1795335898000)},
		{"2026-11-22T08:24:58.9Z", INT64_C(1795335898900)},
		{"2026-11-22T08:24:58.0009Z", INT64_C(1795335898000)},
		{"2026-11-21T22:54:58-09:30", INT64_C(1795335898000)},
		{"2000-02-29T23:59:59Z", INT64_C(951868799000)},
		{"2016-12-31T23:59:60Z", INT64_C(1483228799000)},
		{"2400-02-29T00:00:00Z", INT64_C(13574563200000)},
		{"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
	};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof times / sizeof times[0]; i++) {
		int64_t unix_ms = -7;
		struct dps_span text = test_copy(times[i].text, strlen(times[i].text));
		dps_result result = dps_rfc3339_parse(text, &unix_ms);
		if (times[i].unix_ms < 0)
			assert_int_equal(result, DPS_E_FIELD);
		else if (result != DPS_OK || unix_ms != times[i].unix_ms)
			fail_msg("%s is %lld", times[i].text, (long long)unix_ms);
		free((void *)(uintptr_t)text.data);
	}
}

static void wrong_times_are_refused(void **state)
{
	static const char *const times[] = {
		"",
		"2025",
		"2025-07-03",
		"2025-07-03T07:44:25",
		"2025-07-03T07:44Z",
		"2025-07-03T07:44:25.Z",
		"2025-07-03T07:44:25.1234567890Z",
		"2025-07-03T07:44:25,5Z",
		"2025-00-03T07:44:25Z",
		"2025-13-03T07:44:25Z",
		"2025-07-00T07:44:25Z",
		"2025-07-32T07:44:25Z",
		"2025-06-31T07:44:25Z",
		"2025-04-31T07:44:25Z",
		"2025-09-31T07:44:25Z",
		"2025-11-31T07:44:25Z",
		"2025-02-29T07:44:25Z",
		"2100-02-29T07:44:25Z",
		"2024-02-30T07:44:25Z",
		"2025-07-03T24:00:00Z",
		"2025-07-03T07:60:25Z",
		"2025-07-03T07:44:61Z",
		"2025-07-03T07:44:25+24:00",
		"2025-07-03T07:44:25+02:60",
		"2025-07-03T07:44:25+0200",
		"2025-07-03T07:44:25+02",
		"2025-07-03T07:44:25Zz",
		"2025-07-03T07:44:25Z ",
		" 2025-07-03T07:44:25Z",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"20250703T074425Z",
		"2025-07-03X07:44:25Z",
		"2025-07-03T07-44-25Z",
		"+025-07-03T07:44:25Z",
		"2025-07-0aT07:44:25Z",
		"10000-01-01T00:00:00Z",
	};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof times / sizeof times[0]; i++) {
		int64_t unix_ms = 7;
		struct dps_span text = test_copy(times[i], strlen(times[i]));
		if (dps_rfc3339_parse(text, &unix_ms) != DPS_E_FIELD || unix_ms != 7)
			fail_msg("\"%s\" was taken", times[i]);
		free((void *)(uintptr_t)text.data);
	}
	{
		int64_t unix_ms;
		assert_int_equal(dps_rfc3339_parse((struct dps_span){(const uint8_t *)"2025-07-03T07:44:25\0", 20}, &unix_ms), DPS_E_FIELD);
	}
}

static void days_follow_the_calendar(void **state)
{
	int64_t expected = -719528; /* 0000-01-01 */
	int64_t year;
	(void)state;
	for (year = 0; year <= 9999; year++) {
		bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
		assert_int_equal(dps_days_from_civil((unsigned)year, 1, 1), expected);
		assert_int_equal(dps_days_from_civil((unsigned)year, 3, 1), expected + 59 + leap);
		expected += 365 + leap;
		assert_int_equal(dps_days_from_civil((unsigned)year, 12, 31), expected - 1);
	}
	assert_int_equal(dps_days_from_civil(1970, 1, 1), 0);
	assert_int_equal(dps_days_from_civil(2026, 11, 22), 20779);
}

static void endpoints_are_taken_apart(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} uris[] = {
		{"coaps+tcp://localhost:5684", "localhost", 5684},
		{"COAPS+tcp://127.0.0.1:1", "127.0.0.1", 1},
		{"coaps+tcp://a-b_c.Example.com:65535/", "a-b_c.Example.com", 65535},
		{"coaps+tcp://[::1]:20130", "::1", 20130},
		{"coaps+tcp://[::ffff:192.0.2.1]:05684", "::ffff:192.0.2.1", 5684},
		{"coaps+tcp://[FE80::1]:443/", "FE80::1", 443},
	};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof uris / sizeof uris[0]; i++) {
		struct dps_uri uri;
		struct dps_span text = test_copy(uris[i].text, strlen(uris[i].text));
		assert_int_equal(dps_uri_parse(text, &uri), DPS_OK);
		assert_string_equal(uri.host, uris[i].host);
		assert_int_equal(uri.port, uris[i].port);
		free((void *)(uintptr_t)text.data);
	}
}

static void wrong_endpoints_are_refused(void **state)
{
	static const char *const uris[] = {
		"",
		"coaps+tcp://",
		"coaps+tcp:/h:1",
		"coap+tcp://h:1",
		"coaps://h:1",
		"coaps+tcq://h:1",
		"coaps\x0btcp://h:1", /* '+' less 0x20 */
		" coaps+tcp://h:1",
		"coaps+tcp://h",
		"coaps+tcp://h:",
		"coaps+tcp://h:0",
		"coaps+tcp://h:65536",
		"coaps+tcp://h:99999",
		"coaps+tcp://h:000001",
		"coaps+tcp://h:123456",
		"coaps+tcp://h:-1",
		"coaps+tcp://h:+1",
		"coaps+tcp://h:1a",
		"coaps+tcp://h:1 ",
		"coaps+tcp://:1",
		"coaps+tcp://h:1/x",
		"coaps+tcp://h:1//",
		"coaps+tcp://h:1?x",
		"coaps+tcp://u@h:1",
		"coaps+tcp://h h:1",
		"coaps+tcp://h\x80:1",
		"coaps+tcp://[]:1",
		"coaps+tcp://[::1:1",
		"coaps+tcp://[::1]",
		"coaps+tcp://::1:1",
		"coaps+tcp://[::1%25eth0]:1",
		"coaps+tcp://[127.0.0.1]:1",
		"coaps+tcp://[::g]:1",
		"coaps+tcp://[::1]x:1",
		"coaps+tcp://h]:1",
		"coaps+tcp://a/b:1",
	};
	char longest[DPS_CONFIG_URI_LENGTH + 32];
	struct dps_uri uri = {.host = "kept", .port = 7};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof uris / sizeof uris[0]; i++) {
		struct dps_span text = test_copy(uris[i], strlen(uris[i]));
		if (dps_uri_parse(text, &uri) != DPS_E_URI)
			fail_msg("\"%s\" was taken", uris[i]);
		free((void *)(uintptr_t)text.data);
	}
	assert_string_equal(uri.host, "kept");
	assert_int_equal(uri.port, 7);
	assert_int_equal(dps_uri_parse((struct dps_span){(const uint8_t *)"coaps+tcp://a\0b:1", 17}, &uri), DPS_E_URI);

	snprintf(longest, sizeof longest, "coaps+tcp://%0*d:56840", DPS_CONFIG_URI_LENGTH - 18, 1);
	assert_int_equal(strlen(longest), DPS_CONFIG_URI_LENGTH);
	assert_int_equal(dps_uri_parse(test_text(longest), &uri), DPS_OK);
	assert_int_equal(strlen(uri.host), DPS_CONFIG_URI_LENGTH - 18);
	snprintf(longest, sizeof longest, "coaps+tcp://%0*d:56840", DPS_CONFIG_URI_LENGTH - 17, 1);
	assert_int_equal(dps_uri_parse(test_text(longest), &uri), DPS_E_URI);
}

static void uuids_go_both_ways(void **state)
{
	static const char text[] = "b80c8fef-a677-5340-85fb-2c162d75df03";
	static const uint8_t bytes[16] = {0xb8, 0x0c, 0x8f, 0xef, 0xa6, 0x77, 0x53, 0x40, 0x85, 0xfb, 0x2c, 0x16, 0x2d, 0x75, 0xdf, 0x03};
	struct dps_uuid uuid, again;
	char back[DPS_UUID_TEXT_LEN + 1];
	(void)state;
	assert_int_equal(dps_uuid_parse(text, DPS_UUID_TEXT_LEN, &uuid), DPS_OK);
	assert_memory_equal(uuid.bytes, bytes, 16);
	dps_uuid_format(&uuid, back);
	assert_string_equal(back, text);
	assert_int_equal(dps_uuid_parse("B80C8FEF-A677-5340-85FB-2C162D75DF03", DPS_UUID_TEXT_LEN, &again), DPS_OK);
	assert_true(dps_uuid_equal(&uuid, &again));
	again.bytes[15] ^= 1;
	assert_false(dps_uuid_equal(&uuid, &again));
	assert_false(dps_uuid_is_nil(&uuid));
	assert_int_equal(dps_uuid_parse("00000000-0000-0000-0000-000000000000", DPS_UUID_TEXT_LEN, &again), DPS_OK);
	assert_true(dps_uuid_is_nil(&again));
}

static void wrong_uuids_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"*",
		"b80c8fef-a677-5340-85fb-2c162d75df0",
		"b80c8fef-a677-5340-85fb-2c162d75df031",
		"b80c8fefa677534085fb2c162d75df03",
		"b80c8fef-a677-5340-85fb-2c162d75df0g",
		"b80c8fef-a677-5340-85fb-2c162d75df0@",
		"b80c8fef-a677-5340-85fb-2c162d75df0`",
		"b80c8fef-a677-5340-85fb-2c162d75df0:",
		"b80c8fefaa677-5340-85fb-2c162d75df03",
		"b80c8fe-fa677-5340-85fb-2c162d75df03",
		"{80c8fef-a677-5340-85fb-2c162d75df03",
		"b80c8fef-a677-5340-85fb-2c162d75df0\x81",
	};
	struct dps_uuid uuid = {{7}};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct dps_span text = test_copy(texts[i], strlen(texts[i]));
		assert_int_equal(dps_uuid_parse((const char *)text.data, text.len, &uuid), DPS_E_FIELD);
		free((void *)(uintptr_t)text.data);
	}
	assert_int_equal(uuid.bytes[0], 7);
}

static void printable_text_fits(void **state)
{
	static const char input[] = "bad  \t\r\n thing: \x80\x01 \"q\"\x7f~";
	char out[64];
	size_t size;
	(void)state;
	dps_text_printable(out, sizeof out, (const uint8_t *)input, sizeof input - 1);
	assert_string_equal(out, "bad thing: ?? \"q\"?~");
	for (size = 1; size < sizeof out; size++) {
		char cut[64];
		memset(cut, 'x', sizeof cut);
		dps_text_printable(cut, size, (const uint8_t *)input, sizeof input - 1);
		assert_true(strlen(cut) < size);
		assert_memory_equal(cut, out, strlen(cut));
		assert_true(size == sizeof out || cut[size] == 'x');
	}
	dps_text_printable(out, sizeof out, NULL, 0);
	assert_string_equal(out, "");
}

static void memory_is_wiped_and_compared(void **state)
{
	uint8_t secret[5] = {1, 2, 3, 4, 5};
	uint8_t same[5] = {1, 2, 3, 4, 5};
	size_t i;
	(void)state;
	assert_true(dps_equal_constant_time(secret, same, sizeof secret));
	assert_true(dps_equal_constant_time(secret, same, 0));
	for (i = 0; i < sizeof same; i++) {
		same[i] ^= 0x80;
		assert_false(dps_equal_constant_time(secret, same, sizeof secret));
		same[i] ^= 0x80;
	}
	dps_wipe(secret, 4);
	assert_memory_equal(secret, "\0\0\0\0\5", 5);
	dps_wipe(NULL, 0);
}

static void checksums_are_those_of_ieee(void **state)
{
	static const uint8_t nine[] = "123456789";
	size_t cut;
	(void)state;
	assert_int_equal(dps_crc32(0, nine, 0), 0);
	assert_int_equal(dps_crc32(0, nine, 9), 0xcbf43926u);
	for (cut = 0; cut <= 9; cut++)
		assert_int_equal(dps_crc32(dps_crc32(0, nine, cut), nine + cut, 9 - cut), 0xcbf43926u);
	assert_int_equal(dps_crc32(0, (const uint8_t *)"\0\0\0\0", 4), 0x2144df1cu);
}

static void every_result_has_name_text_and_class(void **state)
{
	static const struct {
		dps_result result;
		const char *name, *text;
		dps_class klass;
	} all[] = {
#define ROW(symbol, value, name, klass, text) {symbol, name, text, DPS_CLASS_##klass},
		DPS_RESULTS(ROW)
#undef ROW
	};
	size_t i, k;
	(void)state;
	for (i = 0; i < sizeof all / sizeof all[0]; i++) {
		assert_string_equal(dps_result_name(all[i].result), all[i].name);
		assert_string_equal(dps_result_text(all[i].result), DPS_CONFIG_TEXT ? all[i].text : "");
		assert_int_equal(dps_result_class(all[i].result), all[i].klass);
		for (k = 0; k < i; k++)
			assert_string_not_equal(all[i].name, all[k].name);
	}
	assert_string_equal(dps_result_name((dps_result)-1000), "unknown");
	assert_string_equal(dps_result_name((dps_result)2), "unknown");
	assert_int_equal(dps_result_class((dps_result)-1000), DPS_CLASS_LOCAL);
	assert_true(DPS_CONFIG_TEXT == 0 || strlen(dps_result_text((dps_result)-1000)) > 0);
}

static void classes_steps_and_records_have_names(void **state)
{
	static const char *const classes[] = {"none", "transient", "refused", "final", "protocol", "security", "local", "config", "cancelled"};
	static const char *const steps[] = {"config", "connect", "tls", "time", "owner", "cloud", "credentials", "acls", "resources", "commit"};
	static const char *const records[] = {"owner", "cloud", "credentials", "acls", "resources", "local"};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof classes / sizeof classes[0]; i++)
		assert_string_equal(dps_class_name((dps_class)i), classes[i]);
	for (i = 0; i < DPS_STEP_COUNT; i++)
		assert_string_equal(dps_step_name((enum dps_step_id)i), steps[i]);
	for (i = 0; i < DPS_RECORD_COUNT; i++)
		assert_string_equal(dps_record_name((enum dps_record)i), records[i]);
	assert_string_equal(dps_class_name((dps_class)99), "unknown");
	assert_string_equal(dps_step_name(DPS_STEP_COUNT), "unknown");
	assert_string_equal(dps_record_name(DPS_RECORD_COUNT), "unknown");
	assert_string_equal(dps_version(), DPS_VERSION_STRING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(wrong_times_are_refused),
		cmocka_unit_test(days_follow_the_calendar),
		cmocka_unit_test(endpoints_are_taken_apart),
		cmocka_unit_test(wrong_endpoints_are_refused),
		cmocka_unit_test(uuids_go_both_ways),
		cmocka_unit_test(wrong_uuids_are_refused),
		cmocka_unit_test(printable_text_fits),
		cmocka_unit_test(memory_is_wiped_and_compared),
		cmocka_unit_test(checksums_are_those_of_ieee),
		cmocka_unit_test(every_result_has_name_text_and_class),
		cmocka_unit_test(classes_steps_and_records_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
