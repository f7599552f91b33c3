/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acceptance scenarios of the plgd hub: certificates that live for seconds, end too early, or have ended. docs/scenarios.md lists all of them. A renewal is never
 * sooner than 5 s after the one before, however short the certificates live: what the hub's tests do with 30 s is done with 8 s here, about 1 to 4.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_committed.h"
#include "support/test_scenario.h"

static const char *const others[] = {"owner", "cloud", "acls", "resources"};
#define OTHERS (sizeof(others) / sizeof(others[0]))

static struct test_scenario scenario;
static struct test_committed committed;

static void stop_device(struct test_program *device)
{
	test_process_signal(device->process, SIGTERM);
	test_program_finish(device);
	if (device->exit_code != 0) {
		fail_msg("exit %d: %s", device->exit_code, device->output);
	}
}

static bool is_committed(const char *state)
{
	bool provisioned;

	test_committed_open(&committed, test_path(&scenario, "%s", state));
	provisioned = committed.provisioned;
	test_committed_close(&committed);
	return provisioned;
}

/* --- renewal ----------------------------------------------------------------------------------------------------------------------- */

/* Both tests below look at one life, a forced provisioning and two renewals, that goes on while the other tests run. */
static struct test_local renewing_service;
static struct test_program renewing;

static void begin_life(void)
{
	struct test_command command;
	char device_id[37];

	test_local_start(&renewing_service, &scenario, "{\"resources\": []}", NULL);
	test_device_provision(&scenario, renewing_service.uri, "renewing", device_id);
	test_local_stop(&renewing_service);
	test_local_free(&renewing_service);
	test_local_start(&renewing_service, &scenario, "{\"identityLifetime\": 8, \"resources\": []}", NULL);
	test_device_command(&command, &scenario, renewing_service.uri, "renewing");
	test_command_drop(&command, "--once", false);
	test_command_flag(&command, "--force");
	test_command_flag(&command, "--sequential");
	test_program_start(&renewing, &command);
}

static void end_life(void)
{
	test_program_await(&renewing, "renewed");
	test_program_await(&renewing, "renewed");
	stop_device(&renewing);
	test_local_stop(&renewing_service);
}

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	scenario.close_after_ms = "50";
	begin_life();
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_program_free(&renewing);
	test_local_free(&renewing_service);
	test_scenario_end(&scenario);
	return 0;
}

static double time_of(const char *event, size_t index)
{
	const cJSON *each;

	cJSON_ArrayForEach(each, renewing.events)
	{
		if (strcmp(test_get_text(each, "event"), event) == 0 && index-- == 0) {
			return test_get_number(each, "atMs");
		}
	}
	fail_msg("there is no such event %s", event);
	return 0;
}

/*
 * TestProvisioningWithRenewal
 * Given an authority that signs for 30 s (here 8), when the device is forced to provision again, then credentials are asked twice, all else once, and nothing more
 * for 5 s (here 1.25: the next renewal comes that long after the first, and until then there is not a single request). The time is part of a connection here, so
 * it is asked once for each.
 */
static void with_renewal(void **state)
{
	size_t connections = 0;
	size_t credentials = 0;
	const cJSON *each;

	(void)state;
	end_life();
	assert_true(time_of("renewed", 1) - time_of("renewed", 0) >= 1250);
	/* In this order: all of the first connection, then a time and credentials on each of the others. */
	cJSON_ArrayForEach(each, renewing_service.program.events)
	{
		const char *event = test_get_text(each, "event");
		const char *step = test_get_text(each, "step");

		connections += strcmp(event, "connected") == 0;
		if (strcmp(event, "request") != 0) {
			continue;
		}
		credentials += strcmp(step, "credentials") == 0;
		if (connections > 1 && strcmp(step, "credentials") != 0 && strcmp(step, "time") != 0) {
			fail_msg("%s was asked again: %s", step, renewing_service.program.output);
		}
		assert_true(credentials <= connections);
	}
	assert_true(credentials >= 3); /* the provisioning, its renewal, and the one that ended the watch */
	assert_true(connections - credentials <= 1);
	assert_true(test_local_requests(&renewing_service, "time") <= connections);
	for (size_t at = 0; at < OTHERS; at++) {
		assert_int_equal(test_local_requests(&renewing_service, others[at]), 1);
	}
	assert_int_equal(test_count_named(&renewing, "retry"), 0);
	assert_int_equal(test_count_named(&renewing, "warning"), 0);
}

/*
 * TestProvisioningNewCertificateDuringConnectionToHub
 * Given certificates of 20 s (here 8), when one is renewed, then what is told of it is exactly "renew credentials" and then "provisioned". That the connection to
 * the hub outlives it is tested in test_scenario_online_renewal.c.
 */
static void new_certificate_during_connection(void **state)
{
	static const char *const expected[] = {"renew credentials", "provisioned"};
	bool provisioned = false;
	size_t count = 0;
	const cJSON *each;

	(void)state;
	cJSON_ArrayForEach(each, renewing.events)
	{
		const char *event = test_get_text(each, "event");

		provisioned = provisioned || strcmp(event, "provisioned") == 0;
		if (provisioned && strcmp(event, "state") == 0) {
			assert_string_equal(test_get_text(each, "to"), expected[count++ % 2]);
		}
	}
	assert_true(count >= 4);
	assert_int_equal(test_count_named(&renewing, "provisioned"), 1);
}

/* --- certificates that have ended -------------------------------------------------------------------------------------------------- */

/*
 * TestProvisioningWithExpiringCertificate
 * Given a certificate that ends (13 s, here 4) while the ACLs' answer is waited for, when the device provisions, then it is not provisioned while that is so, nor
 * with that certificate; once the authority signs good ones it is. All that was answered well is kept.
 */
static void with_expiring_certificate(void **state)
{
	static const char *const slow[] = {"acls:delay=5500:1", NULL};
	struct test_local service;
	struct test_command command;
	struct test_program device;
	const cJSON *event;

	(void)state;
	test_local_start(&service, &scenario, "{\"identityLifetime\": 4, \"resources\": []}", slow);
	test_device_command(&command, &scenario, service.uri, "expiring");
	test_program_start(&device, &command);
	while (strcmp(test_get_text(test_program_await(&device, "step"), "step"), "credentials") != 0) {
	}
	assert_false(is_committed("expiring"));
	test_local_control(&service, "set identityLifetime 3600");
	event = test_program_await(&device, "retry");
	assert_string_equal(test_get_text(event, "step"), "credentials");
	assert_string_equal(test_get_text(event, "cause"), "identity-expired");
	assert_int_equal(test_count_named(&device, "committed"), 0);
	test_program_finish(&device);
	assert_int_equal(device.exit_code, 0);
	assert_int_equal(test_count_named(&device, "committed"), 1);
	test_program_free(&device);
	test_local_stop(&service);
	assert_int_equal(test_local_requests(&service, "credentials"), 2);
	for (size_t at = 0; at < OTHERS; at++) {
		assert_int_equal(test_local_requests(&service, others[at]), 1);
	}
	test_local_free(&service);
	assert_true(is_committed("expiring"));
}

/*
 * TestProvisioningWithExpiredCertificate
 * Given an authority that signs certificates which have ended, when the device provisions, then it takes none, keeps asking, and has nothing in force. Asked for
 * again are the credentials alone, more than once. Once the authority signs good ones the device is provisioned.
 */
static void with_expired_certificate(void **state)
{
	struct test_local service;
	struct test_command command;
	struct test_program device;

	(void)state;
	test_local_start(&service, &scenario, "{\"identityLifetime\": -5, \"resources\": []}", NULL);
	test_device_command(&command, &scenario, service.uri, "expired");
	test_command_drop(&command, "--once", false);
	test_program_start(&device, &command);
	for (int times = 0; times < 3; times++) {
		const cJSON *event = test_program_await(&device, "retry");

		assert_string_equal(test_get_text(event, "step"), "credentials");
		assert_string_equal(test_get_text(event, "cause"), "identity-expired");
	}
	assert_false(is_committed("expired"));
	assert_int_equal(test_count_named(&device, "committed"), 0);
	test_local_control(&service, "set identityLifetime 3600");
	test_program_await(&device, "provisioned");
	stop_device(&device);
	test_program_free(&device);
	test_local_stop(&service);
	assert_true(test_local_requests(&service, "credentials") >= 4);
	for (size_t at = 0; at < OTHERS; at++) {
		assert_int_equal(test_local_requests(&service, others[at]), 1);
	}
	test_local_free(&service);
	assert_true(is_committed("expired"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_expiring_certificate),
		cmocka_unit_test(with_expired_certificate),
		cmocka_unit_test(with_renewal), /* the life has gone on meanwhile */
		cmocka_unit_test(new_certificate_during_connection),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
