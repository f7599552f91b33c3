/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that break at every step, answers that never come, and identities that are not what they should be; for ever. The run fails with the right name
 * and exit status, what the device had committed before is untouched, and a device that had nothing goes on from what it got.
 */
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
	test_trials_begin(&trials, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_trials_end(&trials);
	return 0;
}

/* --- identities -------------------------------------------------------------------------------------------------------------------- */

static void bad_identities(void **state)
{
	static const struct {
		const char *action;
		struct test_outcome outcome;
	} identities[] = {
		{"wrong-key", {"identity-key", NULL, 3}},
		{"wrong-device", {"identity-device", NULL, 3}},
		{"wrong-ca", {"identity-chain", NULL, 3}},
		/* The certificate that stands first is the authority's, and so is its key. */
		{"wrong-order", {"identity-chain", NULL, 3}},
		{"expired", {"identity-expired", NULL, 3}},
	};
	static const char *const options[] = {NULL, "--sequential", "--clock-synced"};

	(void)state;
	test_trials_clear(&trials);
	for (size_t at = 0; at < sizeof(identities) / sizeof(identities[0]); at++) {
		for (size_t option = 0; option < sizeof(options) / sizeof(options[0]); option++) {
			test_trials_add_failing(&trials, "credentials", identities[at].action, options[option], &identities[at].outcome);
		}
	}
	test_trials_run(&trials, test_attempt_check_failed);
}

/* --- connections ------------------------------------------------------------------------------------------------------------------- */

static void broken_connections(void **state)
{
	static const struct {
		const char *action;
		const char *option;
		struct test_outcome outcome;
	} breaks[] = {
		{"disconnect", "--sequential", {"connection-closed", NULL, 3}},
		{"reset", "--sequential", {"connection-reset", NULL, 3}},
		{"reset-after=7", "--sequential", {"connection-reset", NULL, 3}},
		{"reset-after=7", NULL, {"connection-reset", NULL, 3}},
		/* With requests under way it depends on who is faster which of the two is seen. */
		{"disconnect", NULL, {"connection-closed|connection-reset", NULL, 3}},
		{"reset", NULL, {"connection-closed|connection-reset", NULL, 3}},
		/* No answer at all: the step that was waited for is named. */
		{"silence", NULL, {"deadline", NULL, 3}},
		{"silence", "--sequential", {"deadline", NULL, 3}},
		{"delay=60000", NULL, {"deadline", NULL, 3}},
	};

	(void)state;
	test_trials_clear(&trials);
	for (size_t step = 0; step < TEST_STEPS; step++) {
		for (size_t at = 0; at < sizeof(breaks) / sizeof(breaks[0]); at++) {
			test_trials_add_failing(&trials, test_steps[step], breaks[at].action, breaks[at].option, &breaks[at].outcome);
		}
	}
	/* A first request that is held for ever has no copy behind it in a sequence. */
	test_trials_add_failing(&trials, "time", "no-oic-res", "--sequential", &(struct test_outcome){"deadline", NULL, 3});
	test_trials_run(&trials, test_attempt_check_failed);
}

/* --- a device without any state ---------------------------------------------------------------------------------------------------- */

static void check_fresh(struct test_subject *device, struct test_attempt *attempt, size_t index)
{
	struct test_command command;
	struct test_program program;
	struct test_local service;

	(void)index;
	if (attempt->device.exit_code != 3 && attempt->device.exit_code != 4) {
		test_attempt_fail(attempt, "should have failed");
	}
	if (test_snapshot_newest(&attempt->after, "manifest") != NULL) {
		test_attempt_fail(attempt, "something is in force");
	}

	/* A later run asks for what is missing, and for no more. */
	test_local_start(&service, device->scenario, device->config, NULL);
	test_device_command(&command, device->scenario, service.uri, attempt->state);
	test_program_run(&program, &command);
	test_local_stop(&service);
	if (program.exit_code != 0) {
		test_attempt_fail(attempt, "the run after it: exit %d: %s", program.exit_code, program.output);
	}
	for (size_t step = 1; step < TEST_STEPS; step++) {
		const cJSON *event;
		bool done = false;

		cJSON_ArrayForEach(event, attempt->device.events)
		{
			const char *name = test_get_text(event, "step");

			done = done || (test_is_one_of(test_get_text(event, "event"), "step") && strcmp(name, test_steps[step]) == 0);
		}
		if (test_local_requests(&service, test_steps[step]) != (done ? 0u : 1u)) {
			test_attempt_fail(attempt, "%s was asked %zu times by the run after it", test_steps[step],
			                  test_local_requests(&service, test_steps[step]));
		}
	}
	test_program_free(&program);
	test_local_free(&service);
}

static void nothing_half_applied(void **state)
{
	static const struct {
		const char *step;
		const char *action;
	} faults[] = {
		{"time", "garbage"},
		{"owner", "4.04"},
		{"cloud", "truncate"},
		{"credentials", "wrong-ca"},
		{"credentials", "wrong-type=creds"},
		{"acls", "wrong-type=permission"},
		{"acls", "disconnect"},
		{"resources", "5.00"},
		{"resources", "silence"},
	};

	(void)state;
	test_trials_clear(&trials);
	for (size_t at = 0; at < sizeof(faults) / sizeof(faults[0]); at++) {
		test_trials_add(&trials, faults[at].step, faults[at].action, NULL)->fresh = true;
	}
	test_trials_run(&trials, check_fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_identities),
		cmocka_unit_test(broken_connections),
		cmocka_unit_test(nothing_half_applied),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
