/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the program: which endpoint it asks, how it is ended, and how it stays to retry and to renew its identity. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_identity.h"
#include "support/test_scenario.h"
#include "support/test_snapshot.h"

static struct test_scenario scenario;

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_scenario_end(&scenario);
	return 0;
}

static void expect_end(const struct test_program *device, int exit_code, const char *event, const char *about)
{
	const char *name = test_get_text(test_last(device), "event");

	if (device->exit_code != exit_code || name == NULL || strcmp(name, event) != 0) {
		fail_msg("%s: not %s with exit %d but exit %d: %s%s", about, event, exit_code, device->exit_code, device->output, device->error);
	}
}

/* --- endpoints --------------------------------------------------------------------------------------------------------------------- */

/* The first that is dead costs no wait. */
static void several_endpoints(void **state)
{
	struct test_local service;
	struct test_command command;
	struct test_program device;
	const cJSON *retry;

	(void)state;
	test_local_start(&service, &scenario, NULL, NULL);
	test_device_command(&command, &scenario, NULL, "several");
	test_command_add(&command, "--endpoint", service.uri);
	test_command_set(&command, "--retry", "3600");
	test_program_run(&device, &command);
	expect_end(&device, 0, "provisioned", "the first is dead");
	assert_int_equal(test_count_named(&device, "retry"), 1);
	retry = test_last_named(&device, "retry");
	assert_string_equal(test_get_text(retry, "step"), "connect");
	assert_string_equal(test_get_text(retry, "cause"), "connect");
	assert_int_equal((int)test_get_number(retry, "inMs"), 0);
	assert_string_equal(test_get_text(test_last_named(&device, "connected"), "endpoint"), service.uri);
	test_program_free(&device);
	test_local_stop(&service);
	test_local_free(&service);
}

static void nobody_listens(void **state)
{
	struct test_command command;
	struct test_program device;

	(void)state;
	test_device_command(&command, &scenario, NULL, "nobody");
	test_command_set(&command, "--timeout", "0.4");
	test_program_run(&device, &command);
	expect_end(&device, 3, "failed", "nobody listens");
	assert_string_equal(test_get_text(test_last(&device), "step"), "connect");
	assert_string_equal(test_get_text(test_last(&device), "cause"), "connect");
	assert_true(cJSON_IsTrue(test_get(test_last(&device), "deadline")));
	assert_true(test_get_number(test_last(&device), "attempt") > 1);
	test_program_free(&device);
}

/* --- ending it --------------------------------------------------------------------------------------------------------------------- */

static void cancelled(void **state)
{
	static const char *const slow[] = {"owner:silence", NULL};
	static const struct {
		int signal;
		bool once;
	} cases[] = {{SIGINT, true}, {SIGTERM, true}, {SIGINT, false}};
	struct test_local service;
	struct test_command command;
	struct test_program device;
	struct test_snapshot snapshot;

	(void)state;
	test_local_start(&service, &scenario, NULL, slow);
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		test_device_command(&command, &scenario, service.uri, "cancelled");
		if (!cases[at].once) {
			test_command_drop(&command, "--once", false);
		}
		test_program_start(&device, &command);
		(void)test_program_await(&device, "connected");
		test_process_signal(device.process, cases[at].signal);
		test_program_finish(&device);
		expect_end(&device, 130, "failed", "cancelled");
		assert_string_equal(test_get_text(test_last(&device), "cause"), "cancelled");
		test_program_free(&device);
	}
	test_local_stop(&service);
	test_local_free(&service);

	/* Nothing is in force. */
	test_snapshot_take(&snapshot, test_path(&scenario, "cancelled"));
	assert_null(test_snapshot_newest(&snapshot, "manifest"));
	test_snapshot_free(&snapshot);
}

/* A run that was ended goes on where it was. */
static void goes_on_after_cancel(void **state)
{
	static const char *const slow[] = {"acls:silence", NULL};
	struct test_local service;
	struct test_command command;
	struct test_program device;

	(void)state;
	test_local_start(&service, &scenario, NULL, slow);
	test_device_command(&command, &scenario, service.uri, "goes-on");
	test_command_flag(&command, "--sequential");
	test_program_start(&device, &command);
	while (strcmp(test_get_text(test_program_await(&device, "step"), "step"), "cloud") != 0) {
	}
	test_process_signal(device.process, SIGINT);
	test_program_finish(&device);
	assert_int_equal(device.exit_code, 130);
	test_program_free(&device);
	test_local_stop(&service);
	test_local_free(&service);

	test_local_start(&service, &scenario, NULL, NULL);
	test_device_command(&command, &scenario, service.uri, "goes-on");
	test_program_run(&device, &command);
	expect_end(&device, 0, "provisioned", "goes on");
	test_program_free(&device);
	test_local_stop(&service);
	assert_int_equal(test_local_requests(&service, "owner"), 0);
	assert_int_equal(test_local_requests(&service, "cloud"), 0);
	assert_int_equal(test_local_requests(&service, "acls"), 1);
	assert_int_equal(test_local_requests(&service, "credentials"), 1);
	test_local_free(&service);
}

/* --- staying ----------------------------------------------------------------------------------------------------------------------- */

/* Refused for good ends a run that is told to end; one that stays asks again, and is provisioned when the service has changed its mind. */
static void stays_and_retries(void **state)
{
	static const char *const changes_its_mind[] = {"cloud:4.04:2", "owner:5.03:1", NULL};
	struct test_local service;
	struct test_command command;
	struct test_program device;
	char id[37];

	(void)state;
	test_local_start(&service, &scenario, NULL, changes_its_mind);
	test_device_command(&command, &scenario, service.uri, "stays");
	test_command_drop(&command, "--once", false);
	test_program_start(&device, &command);
	snprintf(id, sizeof(id), "%s", test_get_text(test_program_await(&device, "provisioned"), "deviceId"));
	assert_true(test_count_named(&device, "retry") >= 3);
	assert_int_equal(test_count_named(&device, "failed"), 0);
	test_process_signal(device.process, SIGINT);
	test_program_finish(&device);
	assert_int_equal(device.exit_code, 0);
	test_program_free(&device);
	test_local_stop(&service);
	test_local_free(&service);
	test_device_is_provisioned(&scenario, "stays", id);
}

/*
 * An identity of some seconds is replaced before its end with the same key, and nothing but the credentials is asked for. By then the first service is gone
 * and the second refuses at first.
 */
static void stays_and_renews(void **state)
{
	static const char short_lived[] = "{\"identityLifetime\": 7, \"resources\": []}";
	static const char *const refuses_first[] = {"credentials:5.03:1", NULL};
	static const char *const others[] = {"owner", "cloud", "acls", "resources"};
	struct test_local first, second;
	struct test_command command;
	struct test_program device;
	struct test_snapshot before, after;
	char sha256[65];
	char id[37];
	const cJSON *event;

	(void)state;
	test_local_start(&first, &scenario, short_lived, NULL);
	test_local_start(&second, &scenario, short_lived, refuses_first);
	test_device_command(&command, &scenario, first.uri, "renews");
	test_command_add(&command, "--endpoint", second.uri);
	test_command_drop(&command, "--once", false);
	test_program_start(&device, &command);
	event = test_program_await(&device, "provisioned");
	snprintf(sha256, sizeof(sha256), "%s", test_get_text(event, "identity.sha256"));
	snprintf(id, sizeof(id), "%s", test_get_text(event, "deviceId"));
	test_local_stop(&first);
	test_snapshot_take(&before, test_path(&scenario, "renews"));

	event = test_program_await(&device, "renewed");
	assert_string_not_equal(test_get_text(event, "identity.sha256"), sha256);
	test_process_signal(device.process, SIGINT);
	test_program_finish(&device);
	assert_int_equal(device.exit_code, 0);
	assert_int_equal(test_count_named(&device, "retry"), 2);
	assert_int_equal(test_count_named(&device, "failed"), 0);
	test_local_stop(&second);
	assert_int_equal(test_local_requests(&second, "credentials"), 2);
	for (size_t at = 0; at < sizeof(others) / sizeof(others[0]); at++) {
		assert_int_equal(test_local_requests(&first, others[at]), 1);
		assert_int_equal(test_local_requests(&second, others[at]), 0);
	}
	test_snapshot_take(&after, test_path(&scenario, "renews"));
	assert_memory_equal(test_snapshot_find(&after, "key-identity-0")->bytes, test_snapshot_find(&before, "key-identity-0")->bytes,
	                    test_snapshot_find(&before, "key-identity-0")->length);
	test_snapshot_free(&before);
	test_snapshot_free(&after);
	test_program_free(&device);
	test_local_free(&first);
	test_local_free(&second);
	test_device_is_provisioned(&scenario, "renews", id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_endpoints),    cmocka_unit_test(nobody_listens),    cmocka_unit_test(cancelled),
		cmocka_unit_test(goes_on_after_cancel), cmocka_unit_test(stays_and_retries), cmocka_unit_test(stays_and_renews),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
