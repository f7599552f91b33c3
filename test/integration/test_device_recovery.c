/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that goes wrong at one step for a while, or in ways that harm nobody: the device is provisioned all the same, and asks again for what is missing
 * only. test_scenario_retries.c has trouble at every step at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_attempt.h"

static struct test_trials trials;

/* What one fault, which applies once, costs. */
struct trouble {
	const char *action;
	size_t repeats; /* how often its step is asked again */
	bool swallows;  /* the steps behind it, where they are under way, are asked again too */
};

static struct trouble troubles[TEST_TRIALS_MAX];

static int begin(void **state)
{
	(void)state;
	test_trials_begin(&trials, "50"); /* a second after every error would be most of the time */
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_trials_end(&trials);
	return 0;
}

static void add_case(const char *step, const struct trouble *trouble, const char *option)
{
	troubles[trials.count] = *trouble;
	test_trials_add(&trials, step, trouble->action, option)->timeout = "15";
}

static void expect_provisioned(const struct test_attempt *attempt)
{
	const cJSON *last = test_last(&attempt->device);
	const struct test_file *key = test_snapshot_find(&trials.subject.base, "key-identity-0");
	const struct test_file *key_after = test_snapshot_find(&attempt->after, "key-identity-0");

	if (attempt->device.exit_code != 0 || !test_is_one_of(test_get_text(last, "event"), "provisioned") ||
	    !cJSON_IsTrue(test_get(last, "fresh"))) {
		test_attempt_fail(attempt, "should be provisioned");
	}
	if (!test_is_one_of(test_get_text(last, "deviceId"), trials.subject.device_id)) {
		test_attempt_fail(attempt, "the device id has changed");
	}
	if (key_after == NULL || key_after->length != key->length || memcmp(key_after->bytes, key->bytes, key->length) != 0) {
		test_attempt_fail(attempt, "the key has changed");
	}
	test_device_is_provisioned(&trials.scenario, attempt->state, trials.subject.device_id);
}

/* In a sequence only the step in trouble is asked again. In one flight those behind it may have been lost with it: behind the time, too, where the copy that is
 * answered late took the trouble. */
static void check_recovered(struct test_subject *device, struct test_attempt *attempt, size_t index)
{
	const struct trouble *trouble = &troubles[index];
	bool is_sequence = attempt->option != NULL && strcmp(attempt->option, "--sequential") == 0;
	bool is_behind = false;

	(void)device;
	expect_provisioned(attempt);
	for (size_t step = 0; step < TEST_STEPS; step++) {
		size_t asked = test_local_requests(&attempt->service, test_steps[step]);
		bool is_it = strcmp(test_steps[step], attempt->step) == 0;
		size_t least = is_it ? 1 + trouble->repeats : 1;
		size_t most = is_it || (is_behind && trouble->swallows && !is_sequence) ? 1 + trouble->repeats : 1;

		/* Outside a sequence the time is asked twice on every connection. */
		if ((step > 0 || is_sequence) && (asked < least || asked > most)) {
			test_attempt_fail(attempt, "%s was asked %zu times", test_steps[step], asked);
		}
		is_behind = is_behind || is_it;
	}
}

/* --- what passes ------------------------------------------------------------------------------------------------------------------- */

static void trouble_that_passes(void **state)
{
	static const struct trouble passing[] = {
		{"disconnect:1", 1, true},    {"reset:1", 1, true},        {"5.00:1", 1, true},
		{"4.03:1", 1, true},          {"garbage:1", 1, false},     {"critical-option:1", 1, false},
		{"wrong-type=.:1", 1, false}, {"large=20000:1", 1, false},
	};

	(void)state;
	test_trials_clear(&trials);
	for (size_t step = 0; step < TEST_STEPS; step++) {
		for (size_t at = 0; at < sizeof(passing) / sizeof(passing[0]); at++) {
			add_case(test_steps[step], &passing[at], "--sequential");
			add_case(test_steps[step], &passing[at], NULL);
		}
	}
	test_trials_run(&trials, check_recovered);
}

/* An answer is cut by a reset at each of these bytes: in the length, the code, the token, the options, the body. */
static void resets_within_messages(void **state)
{
	static const struct {
		const char *step; /* NULL: all of them are that long */
		const char *action;
	} cuts[] = {
		{NULL, "reset-after=1:1"},
		{NULL, "reset-after=2:1"},
		{NULL, "reset-after=4:1"},
		{NULL, "reset-after=9:1"},
		{NULL, "reset-after=20:1"},
		{"cloud", "reset-after=120:1"},
		{"credentials", "reset-after=300:1"},
		{"credentials", "reset-after=1200:1"},
		{"acls", "reset-after=200:1"},
	};

	(void)state;
	test_trials_clear(&trials);
	for (size_t at = 0; at < sizeof(cuts) / sizeof(cuts[0]); at++) {
		const struct trouble cut = {cuts[at].action, 1, true};

		for (size_t step = 0; step < TEST_STEPS; step++) {
			if (cuts[at].step == NULL || strcmp(cuts[at].step, test_steps[step]) == 0) {
				add_case(test_steps[step], &cut, "--sequential");
			}
		}
	}
	test_trials_run(&trials, check_recovered);
}

/* Odd, but no reason to ask anything again. */
static void harmless(void **state)
{
	static const struct trouble harmless_ones[] = {
		{"duplicate", 0, false},       {"stray-token", 0, false}, {"flood-requests=300", 0, false},
		{"flood-pings=300", 0, false}, {"delay=100:1", 0, false}, {"2.01", 0, false},
	};

	(void)state;
	test_trials_clear(&trials);
	for (size_t step = 0; step < TEST_STEPS; step++) {
		for (size_t at = 0; at < sizeof(harmless_ones) / sizeof(harmless_ones[0]); at++) {
			add_case(test_steps[step], &harmless_ones[at], at % 2 == step % 2 ? "--sequential" : NULL);
		}
	}
	add_case("cloud", &(struct trouble){"flood-requests=5000", 0, false}, NULL);
	add_case("acls", &(struct trouble){"flood-pings=5000", 0, false}, NULL);
	/* Keys that are not known are skipped, of whatever size and type. */
	add_case("cloud", &(struct trouble){"large=6000", 0, false}, NULL);
	add_case("credentials", &(struct trouble){"wrong-type=tag", 0, false}, NULL);
	add_case("acls", &(struct trouble){"wrong-type=tag", 0, false}, NULL);
	add_case("resources", &(struct trouble){"4.04", 0, false}, NULL);
	/* The first request of a connection is held for ever: its copy behind it is answered. */
	add_case("time", &(struct trouble){"no-oic-res", 0, false}, NULL);
	test_trials_run(&trials, check_recovered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trouble_that_passes),
		cmocka_unit_test(resets_within_messages),
		cmocka_unit_test(harmless),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
