/* SPDX-License-Identifier: Apache-2.0 */
/* How often a hub may have dps-device provision again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../examples/linux-device/run_limits.h"

#define HOUR UINT64_C(3600000)

/* As often as it may: how many runs there are in some time. */
static unsigned storm(struct run_limits *limits, uint64_t *now, uint64_t ms)
{
	unsigned runs = 0;

	for (const uint64_t end = *now + ms; *now < end; *now += 50) {
		if (run_limits_allow(limits, *now)) {
			run_limits_note(limits, *now);
			runs++;
		}
	}
	return runs;
}

static void a_few_are_at_once(void **state)
{
	struct run_limits limits = {0};
	uint64_t now = 5;

	(void)state;
	assert_int_equal(storm(&limits, &now, 1000), 4);
	assert_true(run_limits_allow(&limits, now + 1000));
}

static void a_storm_is_slowed_down(void **state)
{
	struct run_limits limits = {0};
	uint64_t now = 5;

	(void)state;
	assert_in_range(storm(&limits, &now, HOUR), 14, 16);
	assert_in_range(storm(&limits, &now, 24 * HOUR), 24, 25);
}

static void what_was_is_forgotten(void **state)
{
	struct run_limits limits = {0};
	uint64_t now = 5;

	(void)state;
	(void)storm(&limits, &now, 60000);
	now += 130000;
	assert_int_equal(storm(&limits, &now, 1000), 4);
	/* a run now and then is none of it */
	for (unsigned i = 0; i < 100; i++) {
		now += 62000;
		assert_true(run_limits_allow(&limits, now));
		run_limits_note(&limits, now);
	}
	assert_int_equal(limits.runs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_are_at_once),
		cmocka_unit_test(a_storm_is_slowed_down),
		cmocka_unit_test(what_was_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
