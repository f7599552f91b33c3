/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real program on a machine whose wall clock is wrong, by libfaketime: in 1970 and before, at the end of 32 bits of seconds and behind, and jumping by
 * years while an answer is awaited. The monotonic clock is right, as on a machine whose date is set.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_scenario.h"

static struct test_scenario scenario;
static struct test_local service;

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	test_local_start(&service, &scenario, NULL, NULL);
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

/* In the child: the clock of this program is told by a file, whenever it is asked. */
static void fake(void *context)
{
	(void)setenv("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1", 1);
	(void)setenv("FAKETIME_TIMESTAMP_FILE", context, 1);
	(void)setenv("FAKETIME_NO_CACHE", "1", 1);
	(void)setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1);
}

/* A whole line, or none: the program reads it at any time. */
static void set_clock(const char *path, const char *time)
{
	const char *fresh = test_format(&scenario, "%s.new", path);
	FILE *file = fopen(fresh, "w");

	assert_non_null(file);
	assert_true(fprintf(file, "@%s\n", time) > 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(fresh, path), 0);
}

static void clocked_command(struct test_command *command, const char *state_dir, const char *clock)
{
	test_device_command(command, &scenario, service.uri, state_dir);
	command->prepare = fake;
	command->context = (void *)(uintptr_t)clock;
}

/* The clock is not known to be right: it does not count, in the first run or after a restart. */
static void clocks_that_nobody_vouches_for(void **state)
{
	static const char *const times[] = {"1970-01-01 00:00:01", "1980-01-01 00:00:00", "2038-01-19 03:14:06",
	                                    "2106-02-07 06:28:14", "2106-02-08 00:00:00", "2199-12-31 00:00:00"};
	const char *clock = test_path(&scenario, "clock");

	(void)state;
	for (size_t at = 0; at < sizeof(times) / sizeof(times[0]); at++) {
		struct test_command command;
		struct test_program device;

		set_clock(clock, times[at]);
		clocked_command(&command, test_format(&scenario, "unsynced-%zu", at), clock);
		test_program_run(&device, &command);
		if (device.exit_code != 0 || !cJSON_IsTrue(test_get(test_last(&device), "fresh")))
			fail_msg("in %s: %s%s", times[at], device.output, device.error);
		test_program_free(&device);

		test_program_run(&device, &command);
		if (device.exit_code != 0 || !cJSON_IsFalse(test_get(test_last(&device), "fresh")))
			fail_msg("again in %s: %s%s", times[at], device.output, device.error);
		test_program_free(&device);
	}
}

/* It is said to be right: one of before this program was made was never set, any other is believed. */
static void clocks_that_are_vouched_for(void **state)
{
	static const struct {
		const char *time, *cause;
	} clocks[] = {
		{"1970-01-01 00:00:01", NULL},
		{"2106-02-07 06:28:14", "server-expired"},
		{"2106-02-08 00:00:00", "server-expired"},
		{"2199-12-31 00:00:00", "server-expired"},
	};
	const char *clock = test_path(&scenario, "clock");

	(void)state;
	for (size_t at = 0; at < sizeof(clocks) / sizeof(clocks[0]); at++) {
		struct test_command command;
		struct test_program device;
		const char *cause;

		set_clock(clock, clocks[at].time);
		clocked_command(&command, test_format(&scenario, "synced-%zu", at), clock);
		test_command_flag(&command, "--clock-synced");
		test_command_set(&command, "--timeout", clocks[at].cause != NULL ? "0.5" : "20");
		test_program_run(&device, &command);
		cause = test_get_text(test_last(&device), "cause");
		if ((clocks[at].cause == NULL) != (device.exit_code == 0) ||
		    (clocks[at].cause != NULL && (cause == NULL || strcmp(cause, clocks[at].cause) != 0)))
			fail_msg("in %s: %s%s", clocks[at].time, device.output, device.error);
		test_program_free(&device);
	}
}

/* While the bytes of an answer drip in: nothing ends early, and nothing is asked for again. */
static void clocks_that_jump(void **state)
{
	static const char *const times[] = {"2199-12-31 00:00:00", "1970-01-01 00:00:01", "2106-02-07 06:28:14", "2026-01-01 00:00:00"};
	static const char *const slow[] = {"time:slow=20:1", "owner:slow=20:1", "credentials:slow=1:1", "acls:slow=2:1"};
	const char *clock = test_path(&scenario, "clock");

	(void)state;
	for (size_t at = 0; at < sizeof(slow) / sizeof(slow[0]); at++) {
		struct test_command command;
		struct test_program device;

		test_local_control(&service, slow[at]);
		set_clock(clock, "2026-01-01 00:00:00");
		clocked_command(&command, test_format(&scenario, "jumping-%zu", at), clock);
		test_program_start(&device, &command);
		(void)test_program_await(&device, "connected");
		for (size_t jump = 0; jump < 20; jump++) {
			set_clock(clock, times[jump % (sizeof(times) / sizeof(times[0]))]);
			(void)poll(NULL, 0, 15);
		}
		test_program_finish(&device);
		if (device.exit_code != 0 || test_count_named(&device, "retry") != 0)
			fail_msg("%s: %s%s", slow[at], device.output, device.error);
		test_program_free(&device);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_that_nobody_vouches_for),
		cmocka_unit_test(clocks_that_are_vouched_for),
		cmocka_unit_test(clocks_that_jump),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
