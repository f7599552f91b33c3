/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device provisions itself: the real programs over real TLS. Every way to be asked for, every field of what is said at the end, what is kept between runs, and
 * what is never said.
 */
#include <inttypes.h>
#include <mbedtls/md.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "dps/types.h"
#include "support/test_identity.h"
#include "support/test_scenario.h"
#include "support/test_snapshot.h"

#define OWNER    "5b0f4c1e-6d52-4a8e-9f0f-3c8a2b7d1e90"
#define HUB_1    "11111111-2222-4333-8444-555555555551"
#define HUB_2    "11111111-2222-4333-8444-555555555552"
#define TOKEN    "eyJhbGciOiJSUzI1NiJ9.the-token-is-a-secret.Zm9yLXRlc3Rz"
#define PSK      "psk-0f-16-bytes!"
#define LIFETIME 86400

static const char rich[] = "{\"owner\": \"" OWNER "\", \"token\": \"" TOKEN "\", \"psk\": \"" PSK "\", \"identityLifetime\": 86400,"
						   "\"hubs\": [{\"id\": \"" HUB_1 "\", \"gateways\": [\"gw1.example:5684\", \"coaps+tcp://gw2.example:5684\"]},"
						   "           {\"id\": \"" HUB_2 "\", \"gateways\": [\"coaps+tcp://gw3.example:5684\"]}],"
						   "\"resources\": [{\"href\": \"/oc/con\", \"rep\": {\"n\": \"lamp\"}},"
						   "                {\"href\": \"/light/1\", \"rep\": {\"state\": true, \"power\": 40}}]}";

static struct test_scenario scenario;
static struct test_local service; /* the rich one, shared by the tests that count nothing */

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	test_local_start(&service, &scenario, rich, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_local_stop(&service);
	test_local_free(&service);
	test_scenario_end(&scenario);
	return 0;
}

static void expect_exit(const struct test_program *device, int exit_code, const char *about)
{
	if (device->exit_code != exit_code) {
		fail_msg("%s: exit %d instead of %d: %s%s", about, device->exit_code, exit_code, device->output, device->error);
	}
}

static void expect_fresh(const struct test_program *device, bool fresh, const char *about)
{
	expect_exit(device, 0, about);
	assert_string_equal(test_get_text(test_last(device), "event"), "provisioned");
	assert_int_equal(cJSON_IsTrue(test_get(test_last(device), "fresh")), fresh);
}

/* --- ways to be asked for ---------------------------------------------------------------------------------------------------------- */

static void all_manufacturer_keys(void **state)
{
	static const char *const types[] = {"p256", "p384", "rsa2048"};

	(void)state;
	for (size_t at = 0; at < sizeof(types) / sizeof(types[0]); at++) {
		struct test_command command;
		struct test_program device;

		test_make_factory(&scenario, "service", types[at], "--key-type", types[at], NULL);
		test_device_command(&command, &scenario, service.uri, test_format(&scenario, "device-%s", types[at]));
		test_command_set(&command, "--cert", test_path(&scenario, "%s/manufacturer.pem", types[at]));
		test_command_set(&command, "--key", test_format(&scenario, "file:%s/%s/manufacturer.key", scenario.directory, types[at]));
		test_program_run(&device, &command);
		expect_fresh(&device, true, types[at]);
		test_program_free(&device);
	}
}

/* How many requests each way takes, and that each step is asked once. */
static void all_ways(void **state)
{
	static const struct {
		const char *option;
		size_t time_requests; /* two copies at once, unless in sequence */
		size_t requests;
	} ways[] = {
		{NULL, 2, 7}, {"--sequential", 1, 6}, {"--clock-synced", 1, 6}, /* the copy that is held back, and no other: the time is known */
	};
	static const char *const others[] = {"owner", "cloud", "credentials", "acls", "resources"};

	(void)state;
	for (size_t at = 0; at < sizeof(ways) / sizeof(ways[0]); at++) {
		const char *about = ways[at].option == NULL ? "one flight" : ways[at].option;
		struct test_local own;
		struct test_command command;
		struct test_program device;

		test_local_start(&own, &scenario, rich, NULL);
		test_device_command(&command, &scenario, own.uri, test_format(&scenario, "way-%zu", at));
		if (ways[at].option != NULL) {
			test_command_flag(&command, ways[at].option);
		}
		test_program_run(&device, &command);
		test_local_stop(&own);
		expect_fresh(&device, true, about);
		assert_int_equal(test_local_requests(&own, "time"), ways[at].time_requests);
		for (size_t step = 0; step < sizeof(others) / sizeof(others[0]); step++) {
			assert_int_equal(test_local_requests(&own, others[step]), 1);
		}
		assert_int_equal((int)test_get_number(test_last(&device), "report.requests"), ways[at].requests);
		assert_int_equal((int)test_get_number(test_last(&device), "report.handshakes"), 1);
		test_program_free(&device);
		test_local_free(&own);
	}
}

/* Nobody is asked. */
static void restart_without_service(void **state)
{
	char device_id[37];
	struct test_command command;
	struct test_program device;

	(void)state;
	test_device_provision(&scenario, service.uri, "restart", device_id);
	test_device_is_provisioned(&scenario, "restart", device_id);

	/* Nothing is sent even where somebody would answer. */
	test_device_command(&command, &scenario, service.uri, "restart");
	test_program_run(&device, &command);
	expect_fresh(&device, false, "restarted");
	assert_int_equal((int)test_get_number(test_last(&device), "report.connections"), 0);
	assert_int_equal((int)test_get_number(test_last(&device), "report.requests"), 0);
	assert_int_equal((int)test_get_number(test_last(&device), "report.bytesSent"), 0);
	assert_int_equal(test_count_named(&device, "connected"), 0);
	test_program_free(&device);
}

/* Every step once more, the same device id and key. */
static void forced(void **state)
{
	static const char *const steps[] = {"owner", "cloud", "credentials", "acls", "resources"};
	struct test_local own;
	struct test_command command;
	struct test_program device;
	struct test_snapshot before, after;
	char device_id[37];

	(void)state;
	test_device_provision(&scenario, service.uri, "forced", device_id);
	test_snapshot_take(&before, test_path(&scenario, "forced"));
	test_local_start(&own, &scenario, rich, NULL);
	test_device_command(&command, &scenario, own.uri, "forced");
	test_command_flag(&command, "--force");
	test_program_run(&device, &command);
	test_local_stop(&own);
	test_snapshot_take(&after, test_path(&scenario, "forced"));
	expect_fresh(&device, true, "forced");
	assert_string_equal(test_get_text(test_last(&device), "deviceId"), device_id);
	for (size_t step = 0; step < sizeof(steps) / sizeof(steps[0]); step++) {
		assert_int_equal(test_local_requests(&own, steps[step]), 1);
	}
	assert_memory_equal(test_snapshot_find(&after, "key-identity-0")->bytes, test_snapshot_find(&before, "key-identity-0")->bytes,
	                    test_snapshot_find(&before, "key-identity-0")->length);
	assert_memory_not_equal(test_snapshot_newest(&after, "manifest")->bytes, test_snapshot_newest(&before, "manifest")->bytes,
	                        test_snapshot_newest(&before, "manifest")->length);
	test_device_is_provisioned(&scenario, "forced", device_id);
	test_snapshot_free(&before);
	test_snapshot_free(&after);
	test_program_free(&device);
	test_local_free(&own);
}

/* --- what is said at the end ------------------------------------------------------------------------------------------------------- */

static void expect_identity(const cJSON *last, const char *state_name)
{
	static const char hex[] = "0123456789abcdef";
	const char *device_id = test_get_text(last, "deviceId");
	struct test_identity identity;
	struct dps_certificate_info info;
	struct dps_uuid uuid;
	uint8_t digest[32];
	char text[65];
	char until[32];
	time_t not_after;

	assert_int_equal(dps_uuid_parse(device_id, strlen(device_id), &uuid), DPS_OK);
	assert_string_equal(test_get_text(last, "identity.subject"), test_format(&scenario, "uuid:%s", device_id));

	/* The certificate that is committed, hashed by other hands. */
	test_identity_open(&identity, test_path(&scenario, "%s", state_name));
	assert_int_equal(dps_pki_certificate_info(identity.credentials.chain, &info), DPS_OK);
	assert_int_equal(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), identity.credentials.chain.data,
	                            test_identity_leaf_length(&identity), digest),
	                 0);
	for (size_t at = 0; at < sizeof(digest); at++) {
		text[2 * at] = hex[digest[at] >> 4];
		text[2 * at + 1] = hex[digest[at] & 15];
	}
	text[64] = '\0';
	assert_string_equal(test_get_text(last, "identity.sha256"), text);
	not_after = (time_t)info.not_after;
	strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", gmtime(&not_after));
	assert_string_equal(test_get_text(last, "identity.notAfter"), until);
	assert_true(info.not_after > time(NULL) + LIFETIME - 600 && info.not_after <= time(NULL) + LIFETIME);
	test_identity_close(&identity);
}

static void every_field(void **state)
{
	static const char *const gateways[] = {"coaps+tcp://gw1.example:5684", "coaps+tcp://gw2.example:5684", "coaps+tcp://gw3.example:5684"};
	static const char *const steps[] = {"connect", "tls", "time", "owner", "cloud", "credentials", "acls", "resources", "commit"};
	static const char *const counted[] = {"bytesSent", "bytesReceived", "ms", "roundTrips"};
	struct test_command command;
	struct test_program device;
	const cJSON *last;

	(void)state;
	test_device_command(&command, &scenario, service.uri, "fields");
	test_program_run(&device, &command);
	expect_fresh(&device, true, "fields");
	last = test_last(&device);
	assert_string_equal(test_get_text(last, "owner"), OWNER);
	assert_string_equal(test_get_text(last, "hub.id"), HUB_1);
	assert_string_equal(test_get_text(last, "hub.gateway"), gateways[0]);
	assert_int_equal(cJSON_GetArraySize(test_get(last, "hub.gateways")), 3);
	for (size_t at = 0; at < 3; at++) {
		assert_string_equal(test_get_text(last, test_format(&scenario, "hub.gateways.%zu", at)), gateways[at]);
	}
	expect_identity(last, "fields");
	assert_int_equal((int)test_get_number(last, "aces"), 4); /* the owner's, everyone's, one for each hub */
	assert_int_equal((int)test_get_number(last, "resources"), 2);
	assert_int_equal((int)test_get_number(last, "report.handshakes"), 1);
	assert_int_equal((int)test_get_number(last, "report.requests"), 7);
	for (size_t at = 0; at < sizeof(counted) / sizeof(counted[0]); at++) {
		assert_true(test_get_number(last, test_format(&scenario, "report.%s", counted[at])) > 0);
	}
	for (size_t at = 0; at < sizeof(steps) / sizeof(steps[0]); at++) {
		double ms = test_get_number(last, test_format(&scenario, "report.steps.%s", steps[at]));

		assert_true(ms > 0 && ms <= test_get_number(last, "report.ms"));
	}
	assert_int_equal(test_count_named(&device, "committed"), 1);
	assert_int_equal(test_count_named(&device, "connected"), 1);
	assert_int_equal(test_count_named(&device, "step"), 6);
	assert_int_equal(test_count_named(&device, "provisioned"), 1);
	assert_int_equal(test_count_named(&device, "warning"), 0);
	assert_string_equal(device.error, "");
	test_program_free(&device);
}

static void for_a_person(void **state)
{
	static const char *const told[] = {"connected to",
	                                   "owner received",
	                                   "hub address and token",
	                                   "identity certificate received",
	                                   "access lists",
	                                   "commit",
	                                   OWNER,
	                                   HUB_1,
	                                   "gw2.example:5684",
	                                   "4 entries",
	                                   "This device is provisioned.",
	                                   "1 handshakes"};
	struct test_command command;
	struct test_program device;

	(void)state;
	test_device_command(&command, &scenario, service.uri, "person");
	test_command_drop(&command, "--json", false);
	test_program_run(&device, &command);
	expect_exit(&device, 0, "text");
	for (size_t at = 0; at < sizeof(told) / sizeof(told[0]); at++) {
		if (strstr(device.output, told[at]) == NULL) {
			fail_msg("nothing is said of \"%s\": %s", told[at], device.output);
		}
	}
	test_program_free(&device);

	test_program_run(&device, &command);
	expect_exit(&device, 0, "text again");
	assert_non_null(strstr(device.output, "provisioned before; nothing was sent"));
	test_program_free(&device);
}

static void quiet(void **state)
{
	static const char *const rejected[] = {"owner:4.04", NULL};
	struct test_command command;
	struct test_program device;
	struct test_local own;

	(void)state;
	test_device_command(&command, &scenario, service.uri, "quiet");
	test_command_drop(&command, "--json", false);
	test_command_flag(&command, "--quiet");
	test_program_run(&device, &command);
	expect_exit(&device, 0, "quiet");
	assert_string_equal(device.output, "");
	assert_string_equal(device.error, "");
	test_program_free(&device);

	/* Failures are said. */
	test_local_start(&own, &scenario, rich, rejected);
	test_command_set(&command, "--endpoint", own.uri);
	test_command_flag(&command, "--force");
	test_program_run(&device, &command);
	expect_exit(&device, 4, "quiet and rejected");
	assert_string_equal(device.output, "");
	assert_non_null(strstr(device.error, "service-rejected"));
	test_program_free(&device);
	test_local_stop(&own);
	test_local_free(&own);
}

/* --- what is never said ------------------------------------------------------------------------------------------------------------ */

static void expect_absent(const struct test_program *device, const void *secret, size_t length, const char *name)
{
	if (memmem(device->output, device->output_length, secret, length) != NULL ||
	    memmem(device->error, strlen(device->error), secret, length) != NULL) {
		fail_msg("%s is in the output", name);
	}
}

/* The bytes themselves and in hex; a part is enough to be one too much. */
static void expect_bytes_absent(const struct test_program *device, const uint8_t *bytes, size_t length, const char *name)
{
	const size_t part = 8;
	char hex[17];

	for (size_t at = 0; at + part <= length; at += part) {
		expect_absent(device, bytes + at, part, name);
		snprintf(hex, sizeof(hex), "%02x%02x%02x%02x%02x%02x%02x%02x", bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3],
		         bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]);
		expect_absent(device, hex, 16, name);
	}
}

static void no_secret(void **state)
{
	static const char *const troubles[] = {
		"owner:garbage:1", "cloud:wrong-type=sid:1", "credentials:wrong-key:1", "credentials:truncate:1", "acls:5.03:1", NULL};
	/* SEC 1: SEQUENCE, version, OCTET STRING of 32 bytes. */
	const size_t scalar_at = 7;
	const size_t scalar_length = 32;
	struct test_snapshot factory, device_state;
	struct test_local own;

	(void)state;
	test_snapshot_take(&factory, test_path(&scenario, "factory"));
	test_local_start(&own, &scenario, rich, troubles);
	for (int run = 0; run < 3; run++) {
		const struct test_file *pem = test_snapshot_find(&factory, "manufacturer.key");
		struct test_command command;
		struct test_program device;
		char *line;
		char *rest;

		test_device_command(&command, &scenario, own.uri, "secrets");
		test_command_flag(&command, "--force");
		if (run > 0) {
			test_command_drop(&command, "--json", false);
		}
		if (run == 2) {
			test_command_flag(&command, "--quiet");
		}
		test_program_run(&device, &command);
		expect_exit(&device, 0, "secrets");
		expect_absent(&device, TOKEN, 16, "the token");
		expect_absent(&device, "the-token-is-a-secret", 21, "the token");
		expect_bytes_absent(&device, (const uint8_t *)PSK, strlen(PSK), "the pre-shared key");
		pem->bytes[pem->length] = '\0';
		for (line = strtok_r((char *)pem->bytes, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
			if (line[0] != '-' && strlen(line) > 24) {
				expect_absent(&device, line, 24, "the manufacturer key");
			}
		}
		test_snapshot_free(&factory);
		test_snapshot_take(&factory, test_path(&scenario, "factory"));
		test_snapshot_take(&device_state, test_path(&scenario, "secrets"));
		expect_bytes_absent(&device, test_snapshot_find(&device_state, "key-identity-0")->bytes + scalar_at, scalar_length,
		                    "the operational key");
		test_snapshot_free(&device_state);
		test_program_free(&device);
	}
	test_snapshot_free(&factory);
	test_local_stop(&own);
	test_local_free(&own);
}

static void credentials_with_psk(void **state)
{
	struct test_identity identity;
	char device_id[37];
	char owner[37];

	(void)state;
	test_device_provision(&scenario, service.uri, "psk", device_id);
	test_identity_open(&identity, test_path(&scenario, "psk"));
	assert_int_equal(identity.credentials.psk_count, 1);
	dps_uuid_format(&identity.credentials.psks[0].subject, owner);
	assert_string_equal(owner, OWNER);
	assert_int_equal(identity.credentials.psks[0].key.len, 16);
	assert_memory_equal(identity.credentials.psks[0].key.data, PSK, 16);
	assert_int_equal(identity.credentials.anchor_count, 1);
	dps_uuid_format(&identity.credentials.anchors[0].subject, owner);
	assert_string_equal(owner, OWNER);
	test_identity_close(&identity);
}

/* --- what is kept ------------------------------------------------------------------------------------------------------------------ */

/* A service without resources is remembered, and asked again only by a forced run, last. */
static void resources_absent(void **state)
{
	static const struct {
		const char *lost[2]; /* removed from the state before the run */
		bool force;
		size_t asked; /* how often all in all */
	} runs[] = {
		{{NULL}, false, 1}, {{NULL}, false, 1}, {{"owner"}, false, 1}, {{"owner", "resources"}, false, 1}, {{NULL}, true, 2},
	};
	struct test_local own;

	(void)state;
	test_local_start(&own, &scenario, NULL, NULL);
	for (size_t at = 0; at < sizeof(runs) / sizeof(runs[0]); at++) {
		struct test_command command;
		struct test_program device;

		for (size_t lost = 0; lost < 2 && runs[at].lost[lost] != NULL; lost++) {
			test_file_write(test_path(&scenario, "absent"), test_format(&scenario, "%s-0", runs[at].lost[lost]), NULL, 0);
			test_file_write(test_path(&scenario, "absent"), test_format(&scenario, "%s-1", runs[at].lost[lost]), NULL, 0);
		}
		test_device_command(&command, &scenario, own.uri, "absent");
		if (runs[at].force) {
			test_command_flag(&command, "--force");
		}
		test_program_run(&device, &command);
		expect_exit(&device, 0, "absent");
		assert_int_equal((int)test_get_number(test_last(&device), "resources"), 0);
		if (at == 0 || runs[at].force) {
			/* The last thing that is asked: its refusal ends the connection. */
			const cJSON *step = test_last_named(&device, "step");

			assert_string_equal(test_get_text(step, "step"), "resources");
			assert_true(cJSON_IsTrue(test_get(step, "absent")));
		}
		test_program_free(&device);
	}
	test_local_stop(&own);
	assert_int_equal(test_local_requests(&own, "resources"), runs[sizeof(runs) / sizeof(runs[0]) - 1].asked);
	assert_int_equal(test_local_requests(&own, "cloud"), 2);
	assert_int_equal(test_local_requests(&own, "owner"), 4);
	test_local_free(&own);
}

static void device_id_rules(void **state)
{
	static const char given[] = "c0ffee00-1234-4abc-8def-001122334455";
	static const char another[] = "c0ffee00-1234-4abc-8def-001122334456";
	struct test_command command;
	struct test_program device;
	struct test_snapshot before, after;

	(void)state;
	test_device_command(&command, &scenario, service.uri, "given");
	test_command_add(&command, "--device-id", given);
	test_program_run(&device, &command);
	expect_fresh(&device, true, "given");
	assert_string_equal(test_get_text(test_last(&device), "deviceId"), given);
	test_program_free(&device);
	test_snapshot_take(&before, test_path(&scenario, "given"));

	/* Another one is refused, forced or not, before anything is sent. */
	test_command_set(&command, "--device-id", another);
	for (int force = 0; force < 2; force++) {
		test_program_run(&device, &command);
		expect_exit(&device, 2, "another device id");
		assert_string_equal(test_get_text(test_last(&device), "event"), "failed");
		assert_string_equal(test_get_text(test_last(&device), "step"), "config");
		assert_string_equal(test_get_text(test_last(&device), "cause"), "device-id");
		assert_int_equal(test_count_named(&device, "connected"), 0);
		test_program_free(&device);
		test_snapshot_take(&after, test_path(&scenario, "given"));
		assert_null(test_snapshot_difference(&before, &after));
		test_snapshot_free(&after);
		test_command_flag(&command, "--force");
	}
	test_snapshot_free(&before);

	/* The same one in capitals, and none at all, are fine. */
	test_command_set(&command, "--device-id", "C0FFEE00-1234-4ABC-8DEF-001122334455");
	test_program_run(&device, &command);
	expect_fresh(&device, true, "the same again");
	assert_string_equal(test_get_text(test_last(&device), "deviceId"), given);
	test_program_free(&device);
	test_device_is_provisioned(&scenario, "given", given);
}

/* Without one given a random id is made once: two devices differ, one stays the same. */
static void random_device_id(void **state)
{
	char first[37];
	char second[37];

	(void)state;
	test_device_provision(&scenario, service.uri, "random-1", first);
	test_device_provision(&scenario, service.uri, "random-2", second);
	assert_string_not_equal(first, second);
	assert_int_equal(first[14], '4');
	test_device_is_provisioned(&scenario, "random-1", first);
	test_device_is_provisioned(&scenario, "random-2", second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_manufacturer_keys),
		cmocka_unit_test(all_ways),
		cmocka_unit_test(restart_without_service),
		cmocka_unit_test(forced),
		cmocka_unit_test(every_field),
		cmocka_unit_test(for_a_person),
		cmocka_unit_test(quiet),
		cmocka_unit_test(no_secret),
		cmocka_unit_test(credentials_with_psk),
		cmocka_unit_test(resources_absent),
		cmocka_unit_test(device_id_rules),
		cmocka_unit_test(random_device_id),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
