/* SPDX-License-Identifier: Apache-2.0 */
/* See test_attempt.h. */
#include "support/test_attempt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* More processes than that at once only make each other late. */
#define AT_ONCE 6u

static void start(struct test_subject *subject, struct test_attempt *attempt, size_t index)
{
	static const struct test_snapshot nothing = {.count = 0};
	const char *const faults[] = {attempt->fault, NULL};
	struct test_command command;

	snprintf(attempt->state, sizeof(attempt->state), "attempt-%zu", index);
	test_snapshot_restore(attempt->fresh ? &nothing : &subject->base, test_path(subject->scenario, "%s", attempt->state));
	test_local_start(&attempt->service, subject->scenario, subject->config, faults);
	test_device_command(&command, subject->scenario, attempt->service.uri, attempt->state);
	test_command_flag(&command, "--force");
	test_command_set(&command, "--timeout", attempt->timeout);
	if (attempt->option != NULL) {
		test_command_flag(&command, attempt->option);
	}
	test_program_start(&attempt->device, &command);
}

void test_attempts(struct test_subject *subject, struct test_attempt *attempts, size_t count,
                   void (*check)(struct test_subject *subject, struct test_attempt *attempt, size_t index))
{
	for (size_t from = 0; from < count; from += AT_ONCE) {
		size_t to = count - from < AT_ONCE ? count : from + AT_ONCE;

		for (size_t at = from; at < to; at++) {
			start(subject, &attempts[at], at - from);
		}
		for (size_t at = from; at < to; at++) {
			struct test_attempt *attempt = &attempts[at];

			test_program_finish(&attempt->device);
			test_local_stop(&attempt->service);
			test_snapshot_take(&attempt->after, test_path(subject->scenario, "%s", attempt->state));
			check(subject, attempt, at);
		}
		for (size_t at = from; at < to; at++) {
			test_program_free(&attempts[at].device);
			test_local_free(&attempts[at].service);
			test_snapshot_free(&attempts[at].after);
		}
	}
}

void test_attempt_fail(const struct test_attempt *attempt, const char *format, ...)
{
	va_list arguments;
	char why[512];

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	/* cmocka cuts a message at 1,024 bytes, its print_error too. */
	(void)fprintf(stderr, "The device:\n%s%sThe service:\n%s", attempt->device.output, attempt->device.error,
	              attempt->service.program.output);
	fail_msg("%s%s%s: %s (exit %d)", attempt->fault, attempt->option == NULL ? "" : " ", attempt->option == NULL ? "" : attempt->option,
	         why, attempt->device.exit_code);
	abort();
}

void test_attempt_untouched(struct test_subject *subject, const struct test_attempt *attempt)
{
	const char *different = test_snapshot_committed_difference(&subject->base, &attempt->after);

	if (different != NULL) {
		test_attempt_fail(attempt, "%s has changed", different);
	}
	test_device_is_provisioned(subject->scenario, attempt->state, subject->device_id);
}

bool test_is_one_of(const char *name, const char *names)
{
	size_t length = name == NULL ? 0 : strlen(name);

	while (name != NULL) {
		if (strncmp(names, name, length) == 0 && (names[length] == '\0' || names[length] == '|')) {
			return true;
		}
		names += strcspn(names, "|");
		if (*names == '\0') {
			break;
		}
		names++;
	}
	return false;
}

void test_attempt_check_failed(struct test_subject *subject, struct test_attempt *attempt, size_t index)
{
	const struct test_outcome *outcome = &attempt->outcome;
	const cJSON *last = test_last(&attempt->device);

	(void)index;
	if (attempt->device.exit_code != outcome->exit_code || !test_is_one_of(test_get_text(last, "event"), "failed")) {
		test_attempt_fail(attempt, "the exit should be %d", outcome->exit_code);
	}
	if (!test_is_one_of(test_get_text(last, "cause"), outcome->cause) || !test_is_one_of(test_get_text(last, "step"), attempt->step)) {
		test_attempt_fail(attempt, "should be %s at %s", outcome->cause, attempt->step);
	}
	if (outcome->code != NULL && !test_is_one_of(test_get_text(last, "code"), outcome->code)) {
		test_attempt_fail(attempt, "the code should be %s", outcome->code);
	}
	if (cJSON_IsTrue(test_get(last, "deadline")) != (outcome->exit_code == 3)) {
		test_attempt_fail(attempt, "\"deadline\" is wrong");
	}
	if (test_get_text(last, "text") == NULL || test_get_text(last, "text")[0] == '\0' || test_get_number(last, "attempt") < 1) {
		test_attempt_fail(attempt, "\"text\" or \"attempt\" is wrong");
	}
	if (test_count_named(&attempt->device, "committed") != 0) {
		test_attempt_fail(attempt, "something was committed");
	}
	test_attempt_untouched(subject, attempt);
}

/* --- many of them ------------------------------------------------------------------------------------------------------------------ */

const char *const test_steps[TEST_STEPS] = {"time", "owner", "cloud", "acls", "credentials", "resources"};

void test_trials_begin(struct test_trials *trials, const char *close_after_ms)
{
	memset(trials, 0, sizeof(*trials));
	test_scenario_begin(&trials->scenario);
	trials->scenario.close_after_ms = close_after_ms;
	test_subject_begin(&trials->subject, &trials->scenario,
	                   "{\"psk\": \"0123456789abcdef\", \"resources\": [{\"href\": \"/light/1\", \"rep\": {\"state\": true}}]}");
}

void test_trials_end(struct test_trials *trials)
{
	test_subject_end(&trials->subject);
	test_scenario_end(&trials->scenario);
}

void test_trials_clear(struct test_trials *trials)
{
	memset(trials->attempts, 0, sizeof(trials->attempts));
	trials->count = 0;
}

struct test_attempt *test_trials_add(struct test_trials *trials, const char *step, const char *action, const char *option)
{
	struct test_attempt *attempt;

	assert_true(trials->count < TEST_TRIALS_MAX);
	attempt = &trials->attempts[trials->count++];
	attempt->fault = test_format(&trials->scenario, "%s:%s", step, action);
	attempt->option = option;
	attempt->timeout = "1.2";
	attempt->step = step;
	return attempt;
}

void test_trials_add_failing(struct test_trials *trials, const char *step, const char *action, const char *option,
                             const struct test_outcome *outcome)
{
	test_trials_add(trials, step, action, option)->outcome = *outcome;
}

void test_trials_run(struct test_trials *trials, void (*check)(struct test_subject *subject, struct test_attempt *attempt, size_t index))
{
	test_attempts(&trials->subject, trials->attempts, trials->count, check);
}
