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

/* Ample for a failure or two; the deadline is what ends such a run. */
#define TIMEOUT "0.6"

static const char config[] = "{\"psk\": \"0123456789abcdef\", \"resources\": [{\"href\": \"/light/1\", \"rep\": {\"state\": true}}]}";

static const char *const steps[] = {"time", "owner", "cloud", "credentials", "acls", "resources"};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static struct test_scenario scenario;
static struct test_subject subject;

#define CASES_MAX 128

static struct test_attempt attempts[CASES_MAX];
static size_t case_count;

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	test_subject_begin(&subject, &scenario, config);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_subject_end(&subject);
	test_scenario_end(&scenario);
	return 0;
}

static void begin_cases(void)
{
	memset(attempts, 0, sizeof(attempts));
	case_count = 0;
}

static void add_case(const char *step, const char *action, const char *option, const struct test_outcome *outcome)
{
	assert_true(case_count < CASES_MAX);
	attempts[case_count].fault = test_format(&scenario, "%s:%s", step, action);
	attempts[case_count].option = option;
	attempts[case_count].timeout = TIMEOUT;
	attempts[case_count].step = step;
	attempts[case_count].outcome = *outcome;
	case_count++;
}

static void run_cases(void)
{
	test_attempts(&subject, attempts, case_count, test_attempt_check_failed);
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
	begin_cases();
	for (size_t step = 0; step < STEPS; step++) {
		for (size_t at = 0; at < sizeof(codes) / sizeof(codes[0]); at++) {
			/* "There is no such path" is a good answer where nothing is configured. */
			if (strcmp(steps[step], "resources") != 0 || strcmp(codes[at].action, "4.04") != 0) {
				add_case(steps[step], codes[at].action, NULL, &codes[at].outcome);
			}
		}
	}
	run_cases();
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
	begin_cases();
	add_case("owner", "4.03", NULL, &refused);
	add_case("credentials", "4.03", "--sequential", &refused);
	test_attempts(&subject, attempts, case_count, check_text);
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
	begin_cases();
	for (size_t step = 0; step < STEPS; step++) {
		for (size_t at = 0; at < sizeof(bodies) / sizeof(bodies[0]); at++) {
			bool appended = test_is_one_of(bodies[at].action, "nested|endless") && strcmp(steps[step], "resources") == 0;

			add_case(steps[step], bodies[at].action, NULL, appended ? &no_map : &bodies[at].outcome);
		}
	}
	run_cases();
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
	begin_cases();
	for (size_t at = 0; at < sizeof(fields) / sizeof(fields[0]); at++) {
		for (size_t each = 0; each < 9 && fields[at].fields[each] != NULL; each++) {
			add_case(fields[at].step, test_format(&scenario, "wrong-type=%s", fields[at].fields[each]), NULL, &field);
		}
	}
	run_cases();
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
