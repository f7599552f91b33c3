/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that means harm, or is broken in ways that look like it: answers twice, answers to what was answered, bytes without end, bytes one at a time.
 * The device's memory and time are bounded, and nothing it had is lost.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_attempt.h"

#define OWNER "5b0f4c1e-6d52-4a8e-9f0f-3c8a2b7d1e90"

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

/* --- answers that nobody waits for ------------------------------------------------------------------------------------------------- */

static void expect_once_each(const struct test_local *service, const char *about)
{
	for (size_t step = 1; step < TEST_STEPS; step++) {
		size_t asked = test_local_requests(service, test_steps[step]);

		if (asked != 1) {
			fail_msg("%s: %s was asked %zu times", about, test_steps[step], asked);
		}
	}
}

/* Every step is answered twice, or first with the token of the answer before it: each is taken for what it is, and nothing is asked twice. */
static void answers_to_what_was_answered(void **state)
{
	static const char *const actions[] = {"duplicate", "old-token", "stray-token"};
	static const char *const options[] = {NULL, "--sequential"};

	(void)state;
	for (size_t at = 0; at < sizeof(actions) / sizeof(actions[0]); at++) {
		for (size_t option = 0; option < sizeof(options) / sizeof(options[0]); option++) {
			const char *faults[TEST_STEPS + 1] = {NULL};
			struct test_local service;
			struct test_command command;
			struct test_program device;
			const cJSON *last;

			for (size_t step = 0; step < TEST_STEPS; step++) {
				faults[step] = test_format(&trials.scenario, "%s:%s", test_steps[step], actions[at]);
			}
			test_local_start(&service, &trials.scenario,
			                 "{\"owner\": \"" OWNER "\", \"resources\": [{\"href\": \"/light/1\", \"rep\": {\"state\": true}}]}", faults);
			test_device_command(&command, &trials.scenario, service.uri, test_format(&trials.scenario, "answers-%zu-%zu", at, option));
			if (options[option] != NULL) {
				test_command_flag(&command, options[option]);
			}
			test_program_run(&device, &command);
			test_local_stop(&service);
			last = test_last(&device);
			if (device.exit_code != 0) {
				fail_msg("%s: exit %d: %s", actions[at], device.exit_code, device.output);
			}
			assert_string_equal(test_get_text(last, "owner"), OWNER);
			assert_int_equal((int)test_get_number(last, "aces"), 3);
			assert_int_equal((int)test_get_number(last, "resources"), 1);
			assert_int_equal((int)test_get_number(last, "report.connections"), 1);
			assert_int_equal(test_count_named(&device, "retry"), 0);
			expect_once_each(&service, actions[at]);
			test_program_free(&device);
			test_local_free(&service);
		}
	}
}

/* --- bytes without end ------------------------------------------------------------------------------------------------------------- */

/* The largest amount of memory that a program has had, in KiB. */
static long read_peak_kib(const struct test_program *program)
{
	char path[64];
	char line[256];
	long peak = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", test_process_pid(program->process));
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "VmHWM:", 6) == 0) {
			peak = strtol(line + 6, NULL, 10);
		}
	}
	fclose(file);
	assert_true(peak > 0);
	return peak;
}

/*
 * 16 MiB that nobody asked for need no 4 MiB of memory more than was needed before; the device ends the connection after some thousands of them, and asks
 * again for what is missing.
 */
static void a_firehose_needs_no_memory(void **state)
{
	static const char *const faults[] = {"credentials:firehose=16777216:1", NULL};
	struct test_local service;
	struct test_command command;
	struct test_program device;
	long before;

	(void)state;
	test_local_start(&service, &trials.scenario, trials.subject.config, faults);
	test_device_command(&command, &trials.scenario, service.uri, "firehose");
	test_command_drop(&command, "--once", false);
	test_command_set(&command, "--retry", "0.05");
	test_program_start(&device, &command);
	test_program_await(&device, "step");
	before = read_peak_kib(&device);
	test_program_await(&device, "provisioned");
	if (read_peak_kib(&device) > before + 4 * 1024) {
		fail_msg("the device had %ld KiB of memory, then %ld", before, read_peak_kib(&device));
	}
	test_process_signal(device.process, SIGTERM);
	test_program_finish(&device);
	assert_int_equal(device.exit_code, 0);
	assert_string_equal(test_get_text(test_last_named(&device, "retry"), "cause"), "coap-message");
	test_program_free(&device);
	test_local_stop(&service);
	assert_int_equal(test_local_requests(&service, "credentials"), 2);
	assert_int_equal(test_local_requests(&service, "owner"), 1);
	test_local_free(&service);
}

/* One that does not end, and an answer that comes a byte a second: the deadline ends the run, and what was committed is untouched. */
static void what_does_not_end_is_ended(void **state)
{
	static const struct test_outcome deadline = {"deadline|connection-closed|coap-message", NULL, 3};

	(void)state;
	test_trials_clear(&trials);
	test_trials_add_failing(&trials, "time", "firehose=1073741824", NULL, &deadline);
	test_trials_add_failing(&trials, "credentials", "firehose=1073741824", "--sequential", &deadline);
	for (size_t step = 1; step < TEST_STEPS; step++) {
		if (strcmp(test_steps[step], "resources") != 0) {
			test_trials_add_failing(&trials, test_steps[step], "slow=1000", step % 2 == 0 ? NULL : "--sequential", &deadline);
		}
	}
	test_trials_run(&trials, test_attempt_check_failed);
}

/* --- bytes one at a time ----------------------------------------------------------------------------------------------------------- */

static void check_slow(struct test_subject *subject, struct test_attempt *attempt, size_t index)
{
	(void)index;
	if (attempt->device.exit_code != 0 || test_count_named(&attempt->device, "retry") != 0) {
		test_attempt_fail(attempt, "should be provisioned without trouble");
	}
	expect_once_each(&attempt->service, attempt->fault);
	test_device_is_provisioned(subject->scenario, attempt->state, subject->device_id);
}

static void bytes_one_at_a_time(void **state)
{
	(void)state;
	test_trials_clear(&trials);
	for (size_t step = 0; step < TEST_STEPS; step++) {
		test_trials_add(&trials, test_steps[step], "slow=1:1", step % 2 == 0 ? NULL : "--sequential")->timeout = "15";
	}
	test_trials_run(&trials, check_slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_to_what_was_answered),
		cmocka_unit_test(a_firehose_needs_no_memory),
		cmocka_unit_test(what_does_not_end_is_ended),
		cmocka_unit_test(bytes_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
