/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a device trusts, and who trusts it: server certificates of the wrong authority, host or time, pins, and manufacturer certificates that the service does not
 * like. Where the device refuses, nothing is told to the service that it should not know, and nothing of the device changes.
 */
#include <mbedtls/md.h>
#include <mbedtls/x509_crt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_scenario.h"
#include "support/test_snapshot.h"

static struct test_scenario scenario;
static struct test_snapshot base; /* the state of a provisioned device */
static char device_id[37];

static int begin(void **state)
{
	struct test_local service;

	(void)state;
	test_scenario_begin(&scenario);
	test_local_start(&service, &scenario, NULL, NULL);
	test_device_provision(&scenario, service.uri, "base", device_id);
	test_snapshot_take(&base, test_path(&scenario, "base"));
	test_local_stop(&service);
	test_local_free(&service);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_snapshot_free(&base);
	test_scenario_end(&scenario);
	return 0;
}

/* What a forced run of the provisioned device is to come to. */
struct expected {
	const char *cause; /* NULL: it is provisioned */
	const char *step;
	bool time_is_asked; /* of one that fails */
};

static size_t count_others(const struct test_local *service)
{
	return test_local_requests(service, "owner") + test_local_requests(service, "cloud") + test_local_requests(service, "acls") +
	       test_local_requests(service, "credentials") + test_local_requests(service, "resources");
}

static void expect_failed(const struct test_program *device, const struct expected *expected, const char *about)
{
	const cJSON *last = test_last(device);

	if (device->exit_code != 3 || last == NULL || strcmp(test_get_text(last, "event"), "failed") != 0 ||
	    strcmp(test_get_text(last, "cause"), expected->cause) != 0 || strcmp(test_get_text(last, "step"), expected->step) != 0 ||
	    !cJSON_IsTrue(test_get(last, "deadline"))) {
		fail_msg("%s: not %s at %s: exit %d: %s%s", about, expected->cause, expected->step, device->exit_code, device->output,
		         device->error);
	}
}

/* Runs the command on the state of the provisioned device, forced. The service is stopped. */
static void try_forced(struct test_command *command, struct test_local *service, const struct expected *expected, const char *about)
{
	const char *directory = test_path(&scenario, "forced");
	struct test_program device;
	struct test_snapshot after;

	test_snapshot_restore(&base, directory);
	test_command_set(command, "--state-dir", directory);
	test_command_flag(command, "--force");
	if (expected->cause != NULL) {
		test_command_set(command, "--timeout", "0.5");
	}
	test_program_run(&device, command);
	test_local_stop(service);
	test_snapshot_take(&after, directory);
	if (expected->cause == NULL) {
		if (device.exit_code != 0) {
			fail_msg("%s: exit %d: %s%s", about, device.exit_code, device.output, device.error);
		}
	} else {
		expect_failed(&device, expected, about);
		if (test_snapshot_committed_difference(&base, &after) != NULL) {
			fail_msg("%s: %s has changed", about, test_snapshot_committed_difference(&base, &after));
		}
		if (expected->time_is_asked != (test_local_requests(service, "time") > 0) || count_others(service) > 0) {
			fail_msg("%s: requests were sent that should not: %s", about, service->program.output);
		}
	}
	test_snapshot_free(&after);
	test_program_free(&device);
	test_device_is_provisioned(&scenario, "forced", device_id);
}

/* --- the service's certificate ----------------------------------------------------------------------------------------------------- */

static void server_certificates(void **state)
{
	static const struct {
		const char *about;
		const char *config;
		const char *host;
		const char *option;
		struct expected expected;
	} cases[] = {
		{"its own host", NULL, "localhost", NULL, {NULL, NULL, true}},
		{"its own address", NULL, "127.0.0.1", NULL, {NULL, NULL, true}},
		{"another host",
	     "{\"serverCertificate\": {\"hosts\": [\"other.example\", \"127.0.0.2\"]}}",
	     "localhost",
	     NULL,
	     {"server-name", "tls", false}},
		{"another host, synchronised clock",
	     "{\"serverCertificate\": {\"hosts\": [\"other.example\"]}}",
	     "localhost",
	     "--clock-synced",
	     {"server-name", "tls", false}},
		{"another address",
	     "{\"serverCertificate\": {\"hosts\": [\"localhost\", \"127.0.0.2\"]}}",
	     "127.0.0.1",
	     NULL,
	     {"server-name", "tls", false}},
		{"another host, not looked at",
	     "{\"serverCertificate\": {\"hosts\": [\"other.example\"]}}",
	     "localhost",
	     "--no-verify-host",
	     {NULL, NULL, true}},
		{"P-384", "{\"serverCertificate\": {\"keyType\": \"p384\"}}", "localhost", NULL, {NULL, NULL, true}},
		{"RSA", "{\"serverCertificate\": {\"keyType\": \"rsa2048\"}}", "localhost", NULL, {NULL, NULL, true}},
		/* Without a clock the time is asked for, and then no more. */
		{"expired", "{\"serverCertificate\": {\"expired\": true}}", "localhost", NULL, {"server-expired", "tls", true}},
		{"not yet valid", "{\"serverCertificate\": {\"notYetValid\": true}}", "localhost", NULL, {"server-not-yet-valid", "tls", true}},
		{"expired, in sequence",
	     "{\"serverCertificate\": {\"expired\": true}}",
	     "localhost",
	     "--sequential",
	     {"server-expired", "tls", true}},
		/* With a clock not even that. */
		{"expired, synchronised clock",
	     "{\"serverCertificate\": {\"expired\": true}}",
	     "localhost",
	     "--clock-synced",
	     {"server-expired", "tls", false}},
		{"not yet valid, synchronised clock",
	     "{\"serverCertificate\": {\"notYetValid\": true}}",
	     "localhost",
	     "--clock-synced",
	     {"server-not-yet-valid", "tls", false}},
	};

	(void)state;
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		struct test_command command;
		struct test_local service;

		test_local_start(&service, &scenario, cases[at].config, NULL);
		test_device_command(&command, &scenario, test_format(&scenario, "coaps+tcp://%s:%d", cases[at].host, service.port), "forced");
		if (cases[at].option != NULL) {
			test_command_flag(&command, cases[at].option);
		}
		try_forced(&command, &service, &cases[at].expected, cases[at].about);
		test_local_free(&service);
	}
}

static void another_authority(void **state)
{
	static const struct expected untrusted = {"server-untrusted", "tls", false};
	static const char *const options[] = {NULL, "--clock-synced", "--no-verify-host"};

	(void)state;
	for (size_t at = 0; at < sizeof(options) / sizeof(options[0]); at++) {
		struct test_command command;
		struct test_local service;

		test_local_start(&service, &scenario, NULL, NULL);
		test_device_command(&command, &scenario, service.uri, "forced");
		test_command_set(&command, "--ca", test_path(&scenario, "service/manufacturer-ca.pem"));
		if (options[at] != NULL) {
			test_command_flag(&command, options[at]);
		}
		try_forced(&command, &service, &untrusted, "another authority");
		test_local_free(&service);
	}
}

/* A service that lies about the time cannot make its expired certificate good: the floor of the time is kept over restarts. */
static void time_goes_not_back(void **state)
{
	static const char old_and_lying[] = "{\"serverCertificate\": {\"expired\": true}, \"timeOffsetSeconds\": -864000}";
	static const struct expected expired = {"server-expired", "tls", true};
	struct test_command command;
	struct test_local service;

	(void)state;
	test_local_start(&service, &scenario, old_and_lying, NULL);
	test_device_command(&command, &scenario, service.uri, "forced");
	try_forced(&command, &service, &expired, "a time ten days ago");
	test_local_free(&service);
}

/* --- pins -------------------------------------------------------------------------------------------------------------------------- */

static const char *pin_of(const char *file, bool spki)
{
	mbedtls_x509_crt certificate;
	uint8_t digest[32];
	char hex[65];

	mbedtls_x509_crt_init(&certificate);
	if (mbedtls_x509_crt_parse_file(&certificate, test_path(&scenario, "service/%s", file)) != 0) {
		fail_msg("cannot read %s", file);
	}
	mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), spki ? certificate.pk_raw.p : certificate.raw.p,
	           spki ? certificate.pk_raw.len : certificate.raw.len, digest);
	mbedtls_x509_crt_free(&certificate);
	for (size_t at = 0; at < sizeof(digest); at++) {
		snprintf(hex + 2 * at, 3, "%02x", digest[at]);
	}
	return test_format(&scenario, "%s:%s", spki ? "spki-sha256" : "sha256", hex);
}

static void pins(void **state)
{
	static const struct {
		const char *file[2];
		bool spki;
		struct expected expected;
	} cases[] = {
		{{"service.pem"}, false, {NULL, NULL, true}},
		{{"service.pem"}, true, {NULL, NULL, true}},
		{{"service-ca.pem"}, false, {NULL, NULL, true}},
		{{"service-ca.pem"}, true, {NULL, NULL, true}},
		{{"hub-ca.pem", "service-ca.pem"}, false, {NULL, NULL, true}},
		{{"hub-ca.pem"}, false, {"server-pin", "tls", false}},
		{{"hub-ca.pem"}, true, {"server-pin", "tls", false}},
		{{"hub-ca.pem", "manufacturer-ca.pem"}, true, {"server-pin", "tls", false}},
	};

	(void)state;
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		struct test_command command;
		struct test_local service;

		test_local_start(&service, &scenario, NULL, NULL);
		test_device_command(&command, &scenario, service.uri, "forced");
		for (size_t pin = 0; pin < 2 && cases[at].file[pin] != NULL; pin++) {
			test_command_add(&command, "--pin", pin_of(cases[at].file[pin], cases[at].spki));
		}
		try_forced(&command, &service, &cases[at].expected, test_format(&scenario, "pin %zu", at));
		test_local_free(&service);
	}
}

/* A pin is a condition more, not a way around the others. */
static void pin_is_no_bypass(void **state)
{
	static const struct expected untrusted = {"server-untrusted", "tls", false};
	struct test_command command;
	struct test_local service;

	(void)state;
	test_local_start(&service, &scenario, NULL, NULL);
	test_device_command(&command, &scenario, service.uri, "forced");
	test_command_set(&command, "--ca", test_path(&scenario, "service/hub-ca.pem"));
	test_command_add(&command, "--pin", pin_of("service.pem", false));
	try_forced(&command, &service, &untrusted, "a pinned certificate of another authority");
	test_local_free(&service);
}

/* --- the manufacturer's certificate ------------------------------------------------------------------------------------------------ */

static void manufacturer_certificates(void **state)
{
	static const char allow_expired[] = "{\"allowExpiredManufacturerCertificates\": true}";
	static const struct {
		const char *factory;
		const char *authorities;
		const char *option;
		const char *config;
		struct expected expected;
	} cases[] = {
		{"stranger", "elsewhere", NULL, NULL, {"tls-alert", "tls", false}},
		{"stranger", "elsewhere", NULL, allow_expired, {"tls-alert", "tls", false}},
		{"expired", "service", "--expired", NULL, {"tls-alert", "tls", false}},
		{"expired", "service", "--expired", allow_expired, {NULL, NULL, true}},
		{"too-early", "service", "--not-yet-valid", NULL, {"tls-alert", "tls", false}},
	};

	(void)state;
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		struct test_command command;
		struct test_local service;

		test_make_factory(&scenario, cases[at].authorities, cases[at].factory, cases[at].option, NULL);
		test_local_start(&service, &scenario, cases[at].config, NULL);
		test_device_command(&command, &scenario, service.uri, "forced");
		test_command_set(&command, "--cert", test_path(&scenario, "%s/manufacturer.pem", cases[at].factory));
		test_command_set(&command, "--key", test_format(&scenario, "file:%s/%s/manufacturer.key", scenario.directory, cases[at].factory));
		try_forced(&command, &service, &cases[at].expected, test_format(&scenario, "manufacturer %zu", at));
		if (cases[at].expected.cause != NULL) {
			assert_string_equal(test_get_text(test_last_named(&service.program, "closed"), "reason"), "handshake");
			assert_int_equal(test_count_named(&service.program, "connected"), 0);
		}
		test_local_free(&service);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_certificates), cmocka_unit_test(another_authority),
		cmocka_unit_test(time_goes_not_back),  cmocka_unit_test(pins),
		cmocka_unit_test(pin_is_no_bypass),    cmocka_unit_test(manufacturer_certificates),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
