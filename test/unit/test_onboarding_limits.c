/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of onboarding by a clock that the test moves: answers to strangers, and the delay after wrong codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../examples/linux-device/onboarding_limits.h"

#define HOUR_MS 3600000u

static struct onboarding_source source_of(uint32_t number)
{
	struct onboarding_source source = {{0}};

	memcpy(source.bytes, &number, sizeof(number));
	return source;
}

static unsigned allowed_of(struct onboarding_limiter *limiter, uint32_t number, unsigned asked, uint64_t now)
{
	struct onboarding_source source = source_of(number);
	unsigned allowed = 0;

	for (unsigned i = 0; i < asked; i++)
		allowed += onboarding_limiter_allows(limiter, &source, now);
	return allowed;
}

static void one_source_is_limited(void **state)
{
	struct onboarding_limiter limiter = {0};

	(void)state;
	assert_int_equal(allowed_of(&limiter, 1, 100, 5), ONBOARDING_ANSWERS_SOURCE);
	assert_int_equal(allowed_of(&limiter, 1, 100, 5 + 249), 0);
	assert_int_equal(allowed_of(&limiter, 1, 100, 5 + 250), 1);
	assert_int_equal(allowed_of(&limiter, 2, 100, 255), ONBOARDING_ANSWERS_SOURCE); /* another one is not concerned */
	assert_int_equal(allowed_of(&limiter, 1, 100, 255 + 1000), ONBOARDING_PER_SECOND_SOURCE);
	assert_int_equal(allowed_of(&limiter, 1, 100, 255 + HOUR_MS), ONBOARDING_ANSWERS_SOURCE); /* nothing is saved up beyond that */
}

static void a_clock_that_stands_gives_nothing(void **state)
{
	struct onboarding_limiter limiter = {0};

	(void)state;
	assert_int_equal(allowed_of(&limiter, 1, 100, HOUR_MS), ONBOARDING_ANSWERS_SOURCE);
	assert_int_equal(allowed_of(&limiter, 1, 100, HOUR_MS), 0);
	assert_int_equal(allowed_of(&limiter, 1, 100, HOUR_MS - 1000), 0);
	assert_int_equal(allowed_of(&limiter, 1, 100, UINT64_MAX / 2), ONBOARDING_ANSWERS_SOURCE);
}

static void all_sources_together_are_limited(void **state)
{
	struct onboarding_limiter limiter = {0};
	unsigned allowed = 0;

	(void)state;
	for (uint32_t number = 1; number <= 100000; number++)
		allowed += allowed_of(&limiter, number, 1, 7);
	assert_int_equal(allowed, ONBOARDING_ANSWERS_ALL);
	allowed = 0;
	for (uint32_t number = 1; number <= 100000; number++)
		allowed += allowed_of(&limiter, number, 1, 1007);
	assert_int_equal(allowed, ONBOARDING_PER_SECOND_ALL);
}

static uint64_t left_of(const struct onboarding_lockout *lockout, uint32_t number, uint64_t now)
{
	struct onboarding_source source = source_of(number);

	return onboarding_lockout_left(lockout, &source, now);
}

static bool begin(struct onboarding_lockout *lockout, uint32_t number, uint64_t now)
{
	struct onboarding_source source = source_of(number);

	return onboarding_lockout_begin(lockout, &source, now);
}

static void each_wrong_code_doubles_the_delay(void **state)
{
	struct onboarding_lockout lockout = {0};
	uint64_t expected = ONBOARDING_LOCKOUT_FIRST_MS;
	uint64_t now = 1000;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		assert_true(begin(&lockout, 1, now));
		assert_int_equal(left_of(&lockout, 1, now), expected);
		assert_false(begin(&lockout, 1, now)); /* side by side there is one only */
		assert_false(begin(&lockout, 1, now + expected - 1));
		assert_int_equal(left_of(&lockout, 1, now + expected - 1), 1); /* and a refused one costs nothing more */
		now += expected;
		expected = expected * 2 < ONBOARDING_LOCKOUT_MAX_MS ? expected * 2 : ONBOARDING_LOCKOUT_MAX_MS;
	}
	assert_int_equal(expected, ONBOARDING_LOCKOUT_MAX_MS);
}

static void a_right_code_ends_it(void **state)
{
	struct onboarding_lockout lockout = {0};
	struct onboarding_source source = source_of(1);
	uint64_t now = 0;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		assert_true(begin(&lockout, 1, now));
		now += left_of(&lockout, 1, now);
	}
	assert_true(begin(&lockout, 1, now));
	onboarding_lockout_succeeded(&lockout, &source);
	assert_int_equal(left_of(&lockout, 1, now), 0);
	assert_int_equal(left_of(&lockout, 2, now), 0);
	assert_true(begin(&lockout, 1, now));
	assert_int_equal(left_of(&lockout, 1, now), ONBOARDING_LOCKOUT_FIRST_MS);
}

/* A few mistakes of one do not hold up another; many, from however many addresses, hold up everybody. */
static void many_sources_are_one(void **state)
{
	struct onboarding_lockout lockout = {0};
	uint64_t now = 0;
	unsigned attempts = 0;

	(void)state;
	for (uint32_t number = 1; number <= ONBOARDING_LOCKOUT_FREE; number++) {
		assert_true(begin(&lockout, number, now));
		assert_int_equal(left_of(&lockout, 1000, now), 0);
	}
	assert_true(begin(&lockout, 100, now));
	assert_int_equal(left_of(&lockout, 1000, now), ONBOARDING_LOCKOUT_FIRST_MS);
	for (uint32_t number = 2000; now < HOUR_MS; number++, now += 10)
		attempts += begin(&lockout, number, now);
	/* 1 + 2 + 4 + ... + 512 s take 17 minutes, then one in ten minutes. */
	assert_in_range(attempts, 12, 15);
}

static void failures_are_forgotten(void **state)
{
	struct onboarding_lockout lockout = {0};
	uint64_t now = 0;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_true(begin(&lockout, 1, now));
		now += left_of(&lockout, 1, now);
	}
	now += ONBOARDING_LOCKOUT_MEMORY_MS;
	assert_true(begin(&lockout, 1, now));
	assert_int_equal(left_of(&lockout, 1, now), ONBOARDING_LOCKOUT_FIRST_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_source_is_limited),
		cmocka_unit_test(a_clock_that_stands_gives_nothing),
		cmocka_unit_test(all_sources_together_are_limited),
		cmocka_unit_test(each_wrong_code_doubles_the_delay),
		cmocka_unit_test(a_right_code_ends_it),
		cmocka_unit_test(many_sources_are_one),
		cmocka_unit_test(failures_are_forgotten),
	};

	return cmocka_run_group_tests_name("onboarding limits", tests, NULL, NULL);
}
