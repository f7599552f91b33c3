/* SPDX-License-Identifier: Apache-2.0 */
/* A device that is told its endpoint by DHCP (option 43): what it makes of it, the files of DHCP clients, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dps/pki.h"
#include "support/test_pki.h"
#include "support/test_state.h"

static struct test_scenario scenario;
static struct test_subject subject;
static uint8_t ca_sha256[DPS_SHA256_SIZE]; /* of the service's authority: a pin that holds */

static int begin(void **state)
{
	static uint8_t bytes[8192];
	struct dps_certificate_info info;
	size_t len;

	(void)state;
	test_scenario_begin(&scenario);
	test_subject_begin(&subject, &scenario, NULL);
	len = test_read_file(test_path(&scenario, "service/service-ca.pem"), bytes, sizeof(bytes));
	assert_int_equal(dps_pki_load_certificates(bytes, len, bytes, sizeof(bytes), &len), DPS_OK);
	assert_int_equal(dps_pki_certificate_info((struct dps_span){bytes, len}, &info), DPS_OK);
	memcpy(ca_sha256, info.sha256, sizeof(ca_sha256));
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_subject_end(&subject);
	test_scenario_end(&scenario);
	return 0;
}

/* The option as hex with this between the bytes: the endpoint, and a pin if there is one. */
static const char *option_text(const char *uri, const uint8_t *pin, const char *between)
{
	const size_t len = strlen(uri);
	char text[1024];
	size_t at = 0;

	at += (size_t)snprintf(text + at, sizeof(text) - at, "c8%s%02zx", between, len);
	for (size_t i = 0; i < len; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%02x", between, (unsigned)uri[i]);
	}
	if (pin != NULL) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%sca%s06%s53%s48%s41%s32%s35%s36%sc9%s20", between, between, between, between,
		                       between, between, between, between, between, between);
	}
	for (size_t i = 0; pin != NULL && i < DPS_SHA256_SIZE; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%02x", between, pin[i]);
	}
	return test_format(&scenario, "%s", text);
}

static void run_option43(struct test_program *device, const char *state, const char *option)
{
	struct test_command command;

	test_state_once(&scenario, &command, state);
	test_command_add(&command, "--option43", option);
	test_program_run(device, &command);
}

static void expect_option43(const struct test_program *device, const char *result, const char *uri, int pins, const char *about)
{
	const cJSON *event = test_last_named(device, "option43");

	if (event == NULL || strcmp(test_get_text(event, "result"), result) != 0 || strcmp(test_get_text(event, "endpoint"), uri) != 0 ||
	    cJSON_GetArraySize(test_get(event, "pins")) != pins || test_count_named(device, "option43") != 1) {
		fail_msg("%s: not %s: %s%s", about, result, device->output, device->error);
	}
}

static void option43_results(void **state)
{
	static const uint8_t wrong[DPS_SHA256_SIZE] = {0};
	const char *uri = subject.service.uri;
	const char *other = test_format(&scenario, "coaps+tcp://127.0.0.1:%d", subject.service.port);
	char pin[80] = "sha256:";
	struct test_command command;
	struct test_program device;

	(void)state;
	for (size_t i = 0; i < sizeof(ca_sha256); i++) {
		snprintf(pin + strlen(pin), sizeof(pin) - strlen(pin), "%02x", ca_sha256[i]);
	}

	/* A new device, with the rest of its command line. */
	test_device_command(&command, &scenario, NULL, "dhcp");
	test_command_drop(&command, "--endpoint", true);
	test_command_add(&command, "--option43", option_text(uri, NULL, ":"));
	test_program_run(&device, &command);
	expect_option43(&device, "reprovision", uri, 0, "new");
	test_state_expect_provisioned(&device, true, "new");
	test_program_free(&device);

	run_option43(&device, "dhcp", option_text(uri, NULL, ""));
	expect_option43(&device, "unchanged", uri, 0, "the same again");
	test_state_expect_provisioned(&device, false, "the same again");
	test_program_free(&device);

	run_option43(&device, "dhcp", option_text(uri, ca_sha256, ":"));
	expect_option43(&device, "updated", uri, 1, "with a pin");
	assert_string_equal(test_get_text(test_last_named(&device, "option43"), "pins.0"), pin);
	test_state_expect_provisioned(&device, false, "with a pin");
	test_program_free(&device);
	test_state_command(&scenario, &command, "dhcp");
	test_command_flag(&command, "--status");
	test_program_run(&device, &command);
	assert_string_equal(test_get_text(test_last(&device), "pins.0"), pin);
	test_program_free(&device);

	/* Elsewhere: the device goes there, and its pin holds. */
	run_option43(&device, "dhcp", option_text(other, ca_sha256, ":"));
	expect_option43(&device, "reprovision", other, 1, "elsewhere");
	test_state_expect_provisioned(&device, true, "elsewhere");
	assert_string_equal(test_get_text(test_last_named(&device, "connected"), "endpoint"), other);
	test_program_free(&device);

	/* Both are remembered without the option. */
	test_state_once(&scenario, &command, "dhcp");
	test_command_flag(&command, "--force");
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, true, "remembered");
	assert_string_equal(test_get_text(test_last_named(&device, "connected"), "endpoint"), other);
	test_program_free(&device);

	/* A pin is no bypass: a wrong one is in the way. */
	run_option43(&device, "dhcp", option_text(other, wrong, ":"));
	expect_option43(&device, "updated", other, 1, "a wrong pin");
	test_program_free(&device);
	test_command_set(&command, "--timeout", "0.5");
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 3, "server-pin", "", "a wrong pin");
	test_program_free(&device);

	/* A reset forgets it all. */
	test_state_reset(&scenario, "dhcp");
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 2, "no-endpoint", "", "after a reset");
	test_program_free(&device);
}

static void option43_files(void **state)
{
	const char *uri = subject.service.uri;
	const char *hex = option_text(uri, NULL, ":");
	const char *quoted = test_format(&scenario, "\\310\\%03o%s", (unsigned)strlen(uri), uri);
	const struct {
		const char *name;
		const char *text;
	} files[] = {
		{"hex", test_format(&scenario, "%s\n", hex)},
		{"dhclient.leases", test_format(&scenario,
	                                    "lease {\n  interface \"eth0\";\n  option vendor-encapsulated-options c8:1:41;\n}\n"
	                                    "lease {\n  option vendor-encapsulated-options %s;\n  renew 1 2026/11/23 10:00:00;\n}\n",
	                                    hex)},
		{"quoted.leases", test_format(&scenario, "lease {\n  option vendor-encapsulated-options \"%s\";\n}\n", quoted)},
		{"networkd", test_format(&scenario, "# This is private data. Do not parse.\nADDRESS=192.0.2.7\nVENDOR_SPECIFIC=%s\n",
	                             option_text(uri, NULL, ""))},
		{"udhcpc", test_format(&scenario, "interface='eth0'\nopt43='%s'\n", option_text(uri, NULL, ""))},
	};

	(void)state;
	for (size_t at = 0; at < sizeof(files) / sizeof(files[0]); at++) {
		struct test_program device;

		test_state_copy(&subject, "lease");
		test_file_write(scenario.directory, files[at].name, files[at].text, strlen(files[at].text));
		run_option43(&device, "lease", test_format(&scenario, "@%s/%s", scenario.directory, files[at].name));
		expect_option43(&device, "unchanged", uri, 0, files[at].name);
		test_state_expect_provisioned(&device, false, files[at].name);
		test_program_free(&device);
	}
}

/* What cannot be read ends the program before it has touched anything. */
static void option43_that_is_none(void **state)
{
	static char large[70000];
	const char *uri = subject.service.uri;
	const char *good = option_text(uri, NULL, ":");
	const struct {
		const char *option;
		const char *cause;
	} cases[] = {
		{"", "field"},
		{"c8:1:4g", "field"},
		{"c8:15:63", "field"},
		{"01:01:41", "no-endpoint"},
		{option_text("coaps+tcp://localhost", NULL, ":"), "endpoint-uri"},
		{test_format(&scenario, "%s:%s", good, good), "field"},
		{test_format(&scenario, "%s:ca:3:4d:44:35:c9:1:0", good), "unsupported"},
		{test_format(&scenario, "%s:c9:1:0", good), "pin-format"},
		{"@", "file"},
		{test_format(&scenario, "@%s/nowhere", scenario.directory), "file"},
		{test_format(&scenario, "@%s", scenario.directory), "file"},
		{test_format(&scenario, "@%s/large", scenario.directory), "file"},
		{test_format(&scenario, "@%s/cut.leases", scenario.directory), "field"},
		{test_format(&scenario, "@%s/other.leases", scenario.directory), "not-found"},
		{test_format(&scenario, "@%s/long", scenario.directory), "buffer-too-small"},
	};
	static const char *const others[] = {"--status", "--reset", "--renew"};
	const char *cut = test_format(&scenario, "lease { option vendor-encapsulated-options %s", good);
	static const char other[] = "lease { fixed-address 192.0.2.7; }\n";
	struct test_command command;
	struct test_program device;
	struct test_snapshot after;

	(void)state;
	memset(large, '\n', sizeof(large));
	test_file_write(scenario.directory, "large", large, sizeof(large));
	memset(large, 'a', sizeof(large));
	test_file_write(scenario.directory, "long", large, 5000);
	test_file_write(scenario.directory, "cut.leases", cut, strlen(cut));
	test_file_write(scenario.directory, "other.leases", other, strlen(other));
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		run_option43(&device, "base", cases[at].option);
		test_state_expect_failed(&device, 2, cases[at].cause, "", cases[at].option);
		assert_string_equal(test_get_text(test_last(&device), "step"), "config");
		assert_int_equal(test_count_named(&device, "option43"), 0);
		test_program_free(&device);
	}
	for (size_t at = 0; at < sizeof(others) / sizeof(others[0]); at++) {
		test_state_command(&scenario, &command, "base");
		test_command_flag(&command, others[at]);
		test_command_add(&command, "--option43", good);
		test_program_run(&device, &command);
		test_state_expect_failed(&device, 2, "argument", "does not go with --option43", others[at]);
		test_program_free(&device);
	}
	test_device_command(&command, &scenario, uri, "base");
	test_command_add(&command, "--option43", good);
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 2, "argument", "--endpoint does not go with --option43", "an endpoint beside it");
	test_program_free(&device);
	test_snapshot_take(&after, test_path(&scenario, "base"));
	assert_null(test_snapshot_difference(&subject.base, &after));
	test_snapshot_free(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(option43_results),
		cmocka_unit_test(option43_files),
		cmocka_unit_test(option43_that_is_none),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
