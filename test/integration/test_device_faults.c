/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are wrong in every way the service knows, at every step, and do not get better: the run fails with the right name and exit status, and what the
 * device had committed before is untouched.
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

/* --- codes ------------------------------------------------------------------------------------------------------------------------- */

static void error_codes(void **state)
{
	static const struct {
		const char *action;
		struct test_outcome outcome;
	} codes[] = {
		{"4.00", {"service-refused", "4.00", 3}},     {"4.03", {"service-refused", "4.03", 3}},
		{"4.04", {"service-rejected", "4.04", 4}},    {"4.05", {"service-rejected", "4.05", 4}},
		{"5.00", {"service-unavailable", "5.00", 3}}, {"5.03", {"service-unavailable", "5.03", 3}},
		{"3.00", {"unexpected-code", "3.00", 3}},
	};

	(void)state;
	test_trials_clear(&trials);
	for (size_t step = 0; step < TEST_STEPS; step++) {
		for (size_t at = 0; at < sizeof(codes) / sizeof(codes[0]); at++) {
			/* "There is no such path" is a good answer where nothing is configured. */
			if (strcmp(test_steps[step], "resources") != 0 || strcmp(codes[at].action, "4.04") != 0) {
				test_trials_add_failing(&trials, test_steps[step], codes[at].action, NULL, &codes[at].outcome);
			}
		}
	}
	test_trials_run(&trials, test_attempt_check_failed);
}

/* The text of an error answer is handed on. */
static void check_text(struct test_subject *device, struct test_attempt *attempt, size_t index)
{
	(void)device;
	(void)index;
	if (strstr(test_get_text(test_last(&attempt->device), "text"), "asked for by --fault") == NULL) {
		test_attempt_fail(attempt, "the service's text is not there");
	}
}

static void diagnostic_texts(void **state)
{
	static const struct test_outcome refused = {"service-refused", "4.03", 3};

	(void)state;
	test_trials_clear(&trials);
	test_trials_add_failing(&trials, "owner", "4.03", NULL, &refused);
	test_trials_add_failing(&trials, "credentials", "4.03", "--sequential", &refused);
	test_trials_run(&trials, check_text);
}

/* --- bodies ------------------------------------------------------------------------------------------------------------------------ */

static void bad_bodies(void **state)
{
	static const struct {
		const char *action;
		struct test_outcome outcome;
	} bodies[] = {
		{"garbage", {"cbor", NULL, 3}},
		{"truncate", {"cbor", NULL, 3}},
		{"nested", {"cbor", NULL, 3}},
		{"endless", {"cbor", NULL, 3}},
		{"large=20000", {"too-large", NULL, 3}},
		{"large=200000", {"too-large", NULL, 3}},
		{"critical-option", {"critical-option", NULL, 3}},
		{"wrong-type=.", {"field", NULL, 3}},
	};
	/* What is appended to this array is no map, and that is seen before how deep it is. */
	static const struct test_outcome no_map = {"field", NULL, 3};

	(void)state;
	test_trials_clear(&trials);
	for (size_t step = 0; step < TEST_STEPS; step++) {
		for (size_t at = 0; at < sizeof(bodies) / sizeof(bodies[0]); at++) {
			bool appended = test_is_one_of(bodies[at].action, "nested|endless") && strcmp(test_steps[step], "resources") == 0;

			test_trials_add_failing(&trials, test_steps[step], bodies[at].action, NULL, appended ? &no_map : &bodies[at].outcome);
		}
	}
	test_trials_run(&trials, test_attempt_check_failed);
}

static void wrong_types(void **state)
{
	static const struct {
		const char *step;
		const char *fields[9];
	} fields[] = {
		{"time", {"time"}},
		{"owner", {"devowneruuid"}},
		{"cloud", {"apn", "cis", "at", "sid", "x.org.iotivity.servers", "id", "uri"}},
		{"credentials", {"creds", "credtype", "subjectuuid", "credusage", "publicdata", "privatedata", "data", "encoding"}},
		{"acls", {"aclist2", "permission", "resources", "href", "if", "wc", "subject", "uuid", "conntype"}},
		{"resources", {"href"}},
	};
	static const struct test_outcome field = {"field", NULL, 3};

	(void)state;
	test_trials_clear(&trials);
	for (size_t at = 0; at < sizeof(fields) / sizeof(fields[0]); at++) {
		for (size_t each = 0; each < 9 && fields[at].fields[each] != NULL; each++) {
			test_trials_add_failing(&trials, fields[at].step, test_format(&trials.scenario, "wrong-type=%s", fields[at].fields[each]), NULL,
			                        &field);
		}
	}
	test_trials_run(&trials, test_attempt_check_failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_codes),
		cmocka_unit_test(diagnostic_texts),
		cmocka_unit_test(bad_bodies),
		cmocka_unit_test(wrong_types),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
