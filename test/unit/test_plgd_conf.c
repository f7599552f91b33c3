/* SPDX-License-Identifier: Apache-2.0 */
/* /plgd/dps: the representation byte for byte, and what each POST asks for, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dps/plgd_conf.h"
#include "support/test_bytes.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
/* A literal with its length: payloads have zero bytes in them. */
#define BYTES(literal)                                                                                                                     \
	{                                                                                                                                      \
		(const uint8_t *)(literal), sizeof(literal) - 1                                                                                    \
	}

#define ERROR(n) "\x6dlastErrorCode" n
#define STATUS   "\x6fprovisionStatus"
#define FORCE_FALSE                                                                                                                        \
	"\x70"                                                                                                                                 \
	"forceReprovision\xf4"
#define FORCE_TRUE                                                                                                                         \
	"\x70"                                                                                                                                 \
	"forceReprovision\xf5"
#define URI                                                                                                                                \
	"\x68"                                                                                                                                 \
	"endpoint"
#define NAME                                                                                                                               \
	"\x6c"                                                                                                                                 \
	"endpointName"
#define LIST                                                                                                                               \
	"\x69"                                                                                                                                 \
	"endpoints"
#define A                                                                                                                                  \
	"\x76"                                                                                                                                 \
	"coaps+tcp://a.test:111"
#define B                                                                                                                                  \
	"\x77"                                                                                                                                 \
	"coaps+tcp://b.test:2222"

/* --- what is shown ----------------------------------------------------------------------------------------------------------------- */

struct shown {
	const char *about;
	bool baseline;
	struct dps_conf conf;
	struct dps_span bytes;
};

static void representations(void **state)
{
	const struct dps_conf_endpoint a = {test_text("coaps+tcp://a.test:111"), test_text("first")};
	const struct dps_conf_endpoint b = {test_text("coaps+tcp://b.test:2222"), {NULL, 0}};
	const struct shown all[] = {
		{"after a factory reset",
	     false,
	     {.status = DPS_STATUS_UNINITIALIZED},
	     BYTES("\xa4" ERROR("\x00") STATUS "\x6duninitialized" URI "\x60" FORCE_FALSE)},
		{"one endpoint with a name",
	     false,
	     {.status = DPS_STATUS_PROVISIONED, .endpoints = {a}, .endpoint_count = 1},
	     BYTES("\xa5" ERROR("\x00") STATUS "\x6bprovisioned" URI A NAME "\x65"
	                                       "first" FORCE_FALSE)},
		{"one endpoint without a name",
	     false,
	     {.status = DPS_STATUS_RENEW_CREDENTIALS, .endpoints = {b}, .endpoint_count = 1},
	     BYTES("\xa4" ERROR("\x00") STATUS "\x71renew credentials" URI B FORCE_FALSE)},
		{"two endpoints, the second is selected",
	     false,
	     {.status = DPS_STATUS_FAILURE, .last_error = DPS_ERROR_GET_TIME, .endpoints = {a, b}, .endpoint_count = 2, .selected = 1},
	     BYTES("\xa5" ERROR("\x08") STATUS "\x67"
	                                       "failure" URI B LIST "\x82\xa2\x63uri" A "\x64name\x65"
	                                       "first\xa1\x63uri" B FORCE_FALSE)},
		{"with the baseline interface",
	     true,
	     {.status = DPS_STATUS_PROVISIONING_CLOUD, .endpoints = {a}, .endpoint_count = 1},
	     BYTES("\xa7\x62rt\x81\x6fx.plgd.dps.conf\x62if\x83\x6foic.if.baseline\x68oic.if.r\x69oic.if.rw" ERROR("\x00") STATUS
	           "\x72provisioning cloud" URI A NAME "\x65"
	           "first" FORCE_FALSE)},
		{"a status without a name",
	     false,
	     {.status = DPS_STATUS_COUNT, .last_error = DPS_ERROR_RESPONSE},
	     BYTES("\xa3" ERROR("\x01") URI "\x60" FORCE_FALSE)},
	};

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		uint8_t buf[512];
		size_t len = 0;

		assert_int_equal(dps_conf_write(&all[i].conf, all[i].baseline, buf, sizeof(buf), &len), DPS_OK);
		if (len != all[i].bytes.len || memcmp(buf, all[i].bytes.data, len) != 0)
			fail_msg("%s: other bytes", all[i].about);

		/* Exactly enough room, and every room that is not enough. */
		for (size_t size = 0; size <= all[i].bytes.len; size++) {
			uint8_t *tight = malloc(size > 0 ? size : 1);

			assert_non_null(tight);
			assert_int_equal(dps_conf_write(&all[i].conf, all[i].baseline, size > 0 ? tight : NULL, size, &len),
			                 size == all[i].bytes.len ? DPS_OK : DPS_E_BUFFER);
			assert_int_equal(len, all[i].bytes.len);
			free(tight);
		}
	}
}

static void every_status_and_error_is_shown(void **state)
{
	(void)state;
	for (unsigned status = 0; status < DPS_STATUS_COUNT; status++) {
		const char *name = dps_status_name((enum dps_status)status);
		const struct dps_conf conf = {.status = (enum dps_status)status, .last_error = (enum dps_error_number)(status % 9)};
		uint8_t buf[256];
		size_t len = 0;

		assert_int_equal(dps_conf_write(&conf, false, buf, sizeof(buf), &len), DPS_OK);
		assert_int_equal(buf[15], status % 9);
		assert_memory_equal(buf + 16 + 16 + (strlen(name) > 23 ? 2 : 1), name, strlen(name));
	}
}

static void impossible_lists_are_not_shown(void **state)
{
	struct dps_conf conf = {.endpoint_count = 1, .selected = 1};
	uint8_t buf[256];
	size_t len = 7;

	(void)state;
	conf.endpoints[0].uri = test_text("coaps+tcp://a:1");
	assert_int_equal(dps_conf_write(&conf, false, buf, sizeof(buf), &len), DPS_E_ARGUMENT);
	assert_int_equal(len, 0);
	conf.selected = 0;
	conf.endpoint_count = DPS_CONFIG_ENDPOINTS + 1;
	assert_int_equal(dps_conf_write(&conf, false, buf, sizeof(buf), &len), DPS_E_ARGUMENT);
}

/* --- what is asked for ------------------------------------------------------------------------------------------------------------- */

static dps_result read_copy(struct dps_span payload, struct dps_conf_command *command)
{
	struct dps_span copy = test_copy(payload.data, payload.len);
	dps_result result = dps_conf_read(copy.data, copy.len, command);

	if (result == DPS_OK) /* the spans point into what is freed now: moved to the original */
		for (size_t i = 0; i < command->endpoint_count; i++) {
			struct dps_conf_endpoint *endpoint = &command->endpoints[i];

			assert_true(endpoint->uri.data >= copy.data && endpoint->uri.data + endpoint->uri.len <= copy.data + copy.len);
			endpoint->uri.data = payload.data + (endpoint->uri.data - copy.data);
			if (endpoint->name.data != NULL)
				endpoint->name.data = payload.data + (endpoint->name.data - copy.data);
		}
	free((void *)(uintptr_t)copy.data);
	return result;
}

/* "uri|name,uri|name" */
static void list_text(const struct dps_conf_command *command, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < command->endpoint_count; i++) {
		const struct dps_conf_endpoint *e = &command->endpoints[i];
		int n = snprintf(text + at, size - at, "%s%.*s|%.*s", i > 0 ? "," : "", (int)e->uri.len, (const char *)e->uri.data,
		                 (int)e->name.len, e->name.len > 0 ? (const char *)e->name.data : "");

		assert_true(n > 0 && (size_t)n < size - at);
		at += (size_t)n;
	}
}

static void commands(void **state)
{
	static const struct {
		struct dps_span bytes;
		enum dps_conf_kind kind;
		const char *list;
	} all[] = {
		{BYTES("\xa0"), DPS_CONF_NOTHING, ""},
		{BYTES("\xbf\xff"), DPS_CONF_NOTHING, ""},
		{BYTES("\xa1" FORCE_FALSE), DPS_CONF_NOTHING, ""},
		{BYTES("\xa1" FORCE_TRUE), DPS_CONF_FORCE, ""},
		{BYTES("\xbf" FORCE_TRUE "\xff"), DPS_CONF_FORCE, ""},
		{BYTES("\xa1" URI "\x60"), DPS_CONF_RESET, ""},
		{BYTES("\xa2" FORCE_TRUE URI "\x60"), DPS_CONF_RESET, ""},
		{BYTES("\xa2" URI "\x60" LIST "\x81\xa1\x63uri" A), DPS_CONF_RESET, ""},
		{BYTES("\xa1" URI A), DPS_CONF_REPLACE, "coaps+tcp://a.test:111|"},
		{BYTES("\xa2" URI A FORCE_FALSE), DPS_CONF_REPLACE, "coaps+tcp://a.test:111|"},
		{BYTES("\xa2" NAME "\x61n" URI A), DPS_CONF_REPLACE, "coaps+tcp://a.test:111|n"},
		{BYTES("\xa2" URI A NAME "\x78\x20"
	           "abcdefghijklmnopqrstuvwxyz012345"),
	     DPS_CONF_REPLACE, "coaps+tcp://a.test:111|abcdefghijklmnopqrstuvwxyz012345"},
		{BYTES("\xa3" LIST "\x82\xa2\x63uri" B "\x64name\x61"
	           "b\xa1\x63uri" A URI A NAME "\x60"),
	     DPS_CONF_REPLACE, "coaps+tcp://a.test:111|,coaps+tcp://b.test:2222|b"},
		{BYTES("\xbf" URI B LIST "\x9f\xbf\x63uri" A "\xff\xbf\x63uri" A "\xff\xa2\x63uri" B "\x61x\x01\xff\xff"), DPS_CONF_REPLACE,
	     "coaps+tcp://b.test:2222|,coaps+tcp://a.test:111|"},
		{BYTES("\xa2" URI A LIST "\x80"), DPS_CONF_REPLACE, "coaps+tcp://a.test:111|"},
		/* no endpoint selected: the list is ignored, whatever is in it */
		{BYTES("\xa1" LIST "\x81\xa1\x63uri" A), DPS_CONF_NOTHING, ""},
		{BYTES("\xa2" LIST "\x81\x01" FORCE_TRUE), DPS_CONF_FORCE, ""},
		{BYTES("\xa1" NAME "\x61n"), DPS_CONF_NOTHING, ""},
		/* what is only read, and what nobody knows */
		{BYTES("\xa3" ERROR("\x05") STATUS "\x67"
	                                       "failure\x62rt\x81\x60"),
	     DPS_CONF_NOTHING, ""},
		{BYTES("\xa2\x64test\xa1\x61x\x82\x01\x02" FORCE_TRUE), DPS_CONF_FORCE, ""},
	};

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		struct dps_conf_command command;
		char text[256];
		dps_result result;

		memset(&command, 0xee, sizeof(command));
		result = read_copy(all[i].bytes, &command);
		if (result != DPS_OK || command.kind != all[i].kind)
			fail_msg("command %zu: %s, kind %d", i, dps_result_name(result), (int)command.kind);
		list_text(&command, text, sizeof(text));
		assert_string_equal(text, all[i].list);
	}
}

static void bad_commands(void **state)
{
	static const struct {
		struct dps_span bytes;
		dps_result result;
	} all[] = {
		{BYTES(""), DPS_E_CBOR},
		{BYTES("\xa1"), DPS_E_CBOR},
		{BYTES("\xbf"), DPS_E_CBOR},
		{BYTES("\x80"), DPS_E_FIELD},
		{BYTES("\xf6"), DPS_E_FIELD},
		{BYTES("\xa0\x00"), DPS_E_CBOR},
		{BYTES("\xa1\x01\x02"), DPS_E_FIELD},
		{BYTES("\xa1" URI "\x01"), DPS_E_FIELD},
		{BYTES("\xa1" URI "\xf6"), DPS_E_FIELD},
		{BYTES("\xa1" URI "\x41"
	           "a"),
	     DPS_E_FIELD},
		{BYTES("\xa1" URI "\x7f\x61"
	           "a\xff"),
	     DPS_E_FIELD},
		{BYTES("\xa1" URI "\x61\x80"), DPS_E_FIELD},
		{BYTES("\xa1" URI "\x61\x00"), DPS_E_FIELD},
		{BYTES("\xa2" URI A URI A), DPS_E_FIELD},
		{BYTES("\xa1" URI "\x61"
	           "a"),
	     DPS_E_URI},
		{BYTES("\xa1" URI "\x72"
	           "coaps://a.test:111"),
	     DPS_E_URI},
		{BYTES("\xa1" URI "\x72"
	           "coaps+tcp://a.test"),
	     DPS_E_URI},
		{BYTES("\xa2" URI A NAME "\x01"), DPS_E_FIELD},
		{BYTES("\xa2" URI A NAME "\x78\x21"
	           "abcdefghijklmnopqrstuvwxyz0123456"),
	     DPS_E_TOO_LARGE},
		{BYTES("\xa2" URI A LIST "\xa0"), DPS_E_FIELD},
		{BYTES("\xa2" URI A LIST "\x81\x01"), DPS_E_FIELD},
		{BYTES("\xa2" URI A LIST "\x81\xa0"), DPS_E_FIELD},
		{BYTES("\xa2" URI A LIST "\x81\xa1\x64name\x61n"), DPS_E_FIELD},
		{BYTES("\xa2" URI A LIST "\x81\xa1\x63uri\x60"), DPS_E_URI},
		{BYTES("\xa2" URI A LIST "\x81\xa2\x63uri" B "\x64name\x01"), DPS_E_FIELD},
		{BYTES("\xa1" LIST "\x01"), DPS_E_FIELD},
		{BYTES("\xa1\x70"
	           "forceReprovision\x01"),
	     DPS_E_FIELD},
		{BYTES("\xa1\x70"
	           "forceReprovision\xf6"),
	     DPS_E_FIELD},
		{BYTES("\xa1\x70"
	           "forceReprovision\x64true"),
	     DPS_E_FIELD},
		{BYTES("\xa1\x70"
	           "forceReprovision\xc1\xf5"),
	     DPS_E_FIELD},
		{BYTES("\xa2" URI "\x60\x70"
	           "forceReprovision\x01"),
	     DPS_E_FIELD},
	};

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		struct dps_conf_command command, before;
		dps_result result;

		memset(&command, 0xee, sizeof(command));
		memcpy(&before, &command, sizeof(command));
		result = read_copy(all[i].bytes, &command);
		if (result != all[i].result)
			fail_msg("command %zu: %s", i, dps_result_name(result));
		assert_memory_equal(&command, &before, sizeof(command));
	}
}

/* As many endpoints as are kept, the selected one among them, and one more. */
static void full_lists(void **state)
{
	struct dps_conf_command command;
	uint8_t bytes[1024];

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		const size_t entries = DPS_CONFIG_ENDPOINTS + more; /* the first one is the selected one again */
		size_t at = 0;

		at += (size_t)snprintf((char *)bytes, sizeof(bytes),
		                       "\xa2" URI "\x70"
		                       "coaps+tcp://a:10" LIST "%c",
		                       (int)(0x80 + entries));
		for (size_t i = 0; i < entries; i++)
			at += (size_t)snprintf((char *)bytes + at, sizeof(bytes) - at,
			                       "\xa1\x63uri\x70"
			                       "coaps+tcp://a:%zu",
			                       10 + i);
		assert_int_equal(dps_conf_read(bytes, at, &command), more == 0 ? DPS_OK : DPS_E_TOO_LARGE);
		assert_int_equal(command.endpoint_count, DPS_CONFIG_ENDPOINTS);
	}
}

/* Whatever is cut off or changed: a named result, and nothing that was not judged. */
static void damaged_commands(void **state)
{
	static const uint8_t whole[] = "\xa4" URI A NAME "\x61n" LIST "\x82\xa2\x63uri" B "\x64name\x61"
								   "b\xa1\x63uri" A FORCE_TRUE;
	const size_t len = sizeof(whole) - 1;

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		struct dps_conf_command command = {.kind = DPS_CONF_NOTHING};

		assert_int_equal(read_copy((struct dps_span){whole, cut}, &command), DPS_E_CBOR);
		assert_int_equal(command.kind, DPS_CONF_NOTHING);
	}
	for (size_t at = 0; at < len; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct dps_conf_command command;
			uint8_t damaged[sizeof(whole)];
			dps_result result;

			memcpy(damaged, whole, sizeof(whole));
			damaged[at] = (uint8_t)(damaged[at] ^ 1u << bit);
			result = read_copy((struct dps_span){damaged, len}, &command);
			assert_true(result == DPS_OK || result == DPS_E_CBOR || result == DPS_E_FIELD || result == DPS_E_URI ||
			            result == DPS_E_TOO_LARGE);
			assert_true(result != DPS_OK || command.kind == DPS_CONF_FORCE || command.kind == DPS_CONF_REPLACE);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(representations),
		cmocka_unit_test(every_status_and_error_is_shown),
		cmocka_unit_test(impossible_lists_are_not_shown),
		cmocka_unit_test(commands),
		cmocka_unit_test(bad_commands),
		cmocka_unit_test(full_lists),
		cmocka_unit_test(damaged_commands),
	};

	return cmocka_run_group_tests_name("plgd conf", tests, NULL, NULL);
}
