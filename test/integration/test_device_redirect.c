/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that send the device to another service: followed at once and remembered, but not for ever, and not to what is no address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_attempt.h"

static struct test_trials trials;

static int begin(void **state)
{
	(void)state;
	test_trials_begin(&trials, "50");
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_trials_end(&trials);
	return 0;
}

/* How a redirected device ends; more of what a device is told in `command`. */
static void run_redirected(struct test_program *device, const char *uri, const char *name, const char *timeout, bool forced)
{
	struct test_command command;

	test_device_command(&command, &trials.scenario, uri, name);
	test_command_set(&command, "--timeout", timeout);
	if (forced) {
		test_command_flag(&command, "--force");
	}
	test_program_run(device, &command);
}

/* The device follows at once, with what was answered so far kept, and remembers where it was sent. */
static void a_redirection_is_followed(void **state)
{
	static const char *const redirecting[] = {"owner", "cloud", "acls", "credentials"};

	(void)state;
	for (size_t at = 0; at < sizeof(redirecting) / sizeof(redirecting[0]); at++) {
		const char *name = test_format(&trials.scenario, "redirected-%zu", at);
		struct test_local first, second;
		struct test_program device;
		struct test_command command;
		const char *faults[2] = {NULL, NULL};

		test_local_start(&second, &trials.scenario, trials.subject.config, NULL);
		faults[0] = test_format(&trials.scenario, "%s:redirect=%s", redirecting[at], second.uri);
		test_local_start(&first, &trials.scenario, trials.subject.config, faults);
		run_redirected(&device, first.uri, name, "15", false);
		if (device.exit_code != 0) {
			fail_msg("%s: exit %d: %s", faults[0], device.exit_code, device.output);
		}
		assert_int_equal(test_count_named(&device, "connected"), 2);
		assert_int_equal(test_count_named(&device, "retry"), 0);
		test_program_free(&device);
		test_local_stop(&first);
		test_local_stop(&second);
		assert_int_equal(test_local_answers(&second, redirecting[at], "2.05") + test_local_answers(&second, redirecting[at], "2.04"), 1);

		test_device_command(&command, &trials.scenario, first.uri, name);
		test_command_drop(&command, "--endpoint", true);
		test_command_drop(&command, "--once", false);
		test_command_flag(&command, "--status");
		test_program_run(&device, &command);
		assert_int_equal(cJSON_GetArraySize(test_get(test_last(&device), "endpoints")), 2);
		assert_string_equal(test_get_text(test_last(&device), "endpoints.1.uri"), second.uri);
		assert_true(cJSON_IsTrue(test_get(test_last(&device), "endpoints.1.selected")));
		test_program_free(&device);
		test_local_free(&first);
		test_local_free(&second);
	}
}

/* Two services that send the device to and fro, nowhere, and to what is no address: the run has its end, and what was committed is untouched. */
static void redirections_that_lead_nowhere(void **state)
{
	static const char *const nowhere[] = {"coaps+tcp://127.0.0.1:9", "coap://localhost:5683", "nonsense"};
	struct test_snapshot after;
	struct test_local first, second;
	struct test_program device;

	(void)state;
	test_local_start(&first, &trials.scenario, trials.subject.config, NULL);
	test_local_start(&second, &trials.scenario, trials.subject.config, NULL);
	for (size_t at = 0; at <= sizeof(nowhere) / sizeof(nowhere[0]); at++) {
		const char *name = test_format(&trials.scenario, "nowhere-%zu", at);
		bool to_and_fro = at == sizeof(nowhere) / sizeof(nowhere[0]);
		const char *different;

		test_local_control(&first, "clear");
		test_local_control(&second, "clear");
		test_local_control(&first, test_format(&trials.scenario, "owner:redirect=%s", to_and_fro ? second.uri : nowhere[at]));
		test_local_control(&second, test_format(&trials.scenario, "owner:redirect=%s", first.uri));
		test_snapshot_restore(&trials.subject.base, test_path(&trials.scenario, "%s", name));
		run_redirected(&device, first.uri, name, "0.8", true);
		assert_int_equal(device.exit_code, 3);
		assert_int_equal(test_count_named(&device, "committed"), 0);
		assert_non_null(strstr(device.output, at == 0 ? "\"cause\":\"connect\"" : "\"cause\":\"field\""));
		test_program_free(&device);
		test_snapshot_take(&after, test_path(&trials.scenario, "%s", name));
		different = test_snapshot_committed_difference(&trials.subject.base, &after);
		if (different != NULL) {
			fail_msg("%s has changed", different);
		}
		test_snapshot_free(&after);
		test_device_is_provisioned(&trials.scenario, name, trials.subject.device_id);
	}
	test_local_stop(&first);
	test_local_stop(&second);
	/* Nothing is asked without a pause between: the schedule is 50 ms here, and four redirections follow one another at most. */
	assert_true(test_local_requests(&first, "owner") + test_local_requests(&second, "owner") < 1000);
	test_local_free(&first);
	test_local_free(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_redirection_is_followed),
		cmocka_unit_test(redirections_that_lead_nowhere),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
