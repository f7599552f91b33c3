/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hub's decisions, row by row: what is asked next, what codes mean, and all waits. docs/hub.md shows the same tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "dps/hub.h"
#include "hub/policy.h"

#define FACTS 512u

enum {
	ONLINE = DPS_HUB_ONLINE_NOW,
	REGISTERED = DPS_HUB_REGISTERED,
	REFRESHABLE = DPS_HUB_REFRESHABLE,
	PROVISIONED = DPS_HUB_PROVISIONED,
	EXPIRING = DPS_HUB_EXPIRING,
	REFRESHED = DPS_HUB_REFRESHED,
	REFRESH_REFUSED = DPS_HUB_REFRESH_REFUSED,
	SIGN_IN_REFUSED = DPS_HUB_SIGN_IN_REFUSED,
	SIGNED_UP = DPS_HUB_SIGNED_UP
};

/* The rules once more, in other words. */
static enum dps_hub_op wanted(unsigned facts)
{
	const bool can_refresh = (facts & REFRESHABLE) != 0 && (facts & REFRESH_REFUSED) == 0;

	if ((facts & ONLINE) != 0)
		return (facts & EXPIRING) != 0 && can_refresh ? DPS_HUB_OP_REFRESH : DPS_HUB_OP_NONE;
	if ((facts & REGISTERED) != 0) {
		const bool old = (facts & (EXPIRING | SIGN_IN_REFUSED)) != 0;

		if (old && can_refresh && (facts & REFRESHED) == 0)
			return DPS_HUB_OP_REFRESH;
		if ((facts & SIGN_IN_REFUSED) == 0)
			return DPS_HUB_OP_SIGN_IN;
	}
	return (facts & PROVISIONED) != 0 && (facts & SIGNED_UP) == 0 ? DPS_HUB_OP_SIGN_UP : DPS_HUB_OP_PROVISION;
}

static void test_every_combination(void **state)
{
	(void)state;
	for (unsigned facts = 0; facts < FACTS; facts++)
		assert_int_equal(dps_hub_next_op(facts), wanted(facts));
}

/* Whatever the hub refuses, there is an end: each refusal takes away what was tried. */
static void test_refusals_end(void **state)
{
	(void)state;
	for (unsigned start = 0; start < FACTS; start++) {
		unsigned facts = start & ~(unsigned)ONLINE;
		unsigned turns = 0;
		enum dps_hub_op op;

		while ((op = dps_hub_next_op(facts)) != DPS_HUB_OP_PROVISION) {
			assert_in_range(op, DPS_HUB_OP_SIGN_UP, DPS_HUB_OP_REFRESH);
			facts |= op == DPS_HUB_OP_SIGN_UP ? SIGNED_UP : op == DPS_HUB_OP_SIGN_IN ? SIGN_IN_REFUSED : REFRESH_REFUSED;
			assert_true(++turns <= 3);
		}
	}
}

static void test_rows(void **state)
{
	static const struct {
		unsigned facts;
		enum dps_hub_op op;
	} rows[] = {
		{PROVISIONED, DPS_HUB_OP_SIGN_UP},
		{0, DPS_HUB_OP_PROVISION},
		{PROVISIONED | SIGNED_UP, DPS_HUB_OP_PROVISION},
		{PROVISIONED | REGISTERED | SIGNED_UP, DPS_HUB_OP_SIGN_IN},
		{PROVISIONED | REGISTERED | REFRESHABLE, DPS_HUB_OP_SIGN_IN},
		{PROVISIONED | REGISTERED | REFRESHABLE | EXPIRING, DPS_HUB_OP_REFRESH},
		{PROVISIONED | REGISTERED | REFRESHABLE | EXPIRING | REFRESHED, DPS_HUB_OP_SIGN_IN},
		{PROVISIONED | REGISTERED | REFRESHABLE | EXPIRING | REFRESH_REFUSED, DPS_HUB_OP_SIGN_IN},
		{PROVISIONED | REGISTERED | EXPIRING, DPS_HUB_OP_SIGN_IN},
		{PROVISIONED | REGISTERED | REFRESHABLE | SIGN_IN_REFUSED, DPS_HUB_OP_REFRESH},
		{PROVISIONED | REGISTERED | REFRESHABLE | SIGN_IN_REFUSED | REFRESHED, DPS_HUB_OP_SIGN_UP},
		{PROVISIONED | REGISTERED | REFRESHABLE | SIGN_IN_REFUSED | REFRESH_REFUSED, DPS_HUB_OP_SIGN_UP},
		{PROVISIONED | REGISTERED | SIGN_IN_REFUSED, DPS_HUB_OP_SIGN_UP},
		{PROVISIONED | REGISTERED | SIGN_IN_REFUSED | SIGNED_UP, DPS_HUB_OP_PROVISION},
		{REGISTERED | SIGN_IN_REFUSED, DPS_HUB_OP_PROVISION},
		{ONLINE | REGISTERED | REFRESHABLE | EXPIRING, DPS_HUB_OP_REFRESH},
		{ONLINE | REGISTERED | REFRESHABLE | EXPIRING | REFRESH_REFUSED, DPS_HUB_OP_NONE},
		{ONLINE | REGISTERED | EXPIRING, DPS_HUB_OP_NONE},
		{ONLINE | REGISTERED | REFRESHABLE, DPS_HUB_OP_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(dps_hub_next_op(rows[i].facts), rows[i].op);
}

static enum dps_hub_meaning meaning(unsigned code, const char *text)
{
	return dps_hub_meaning(code, (struct dps_span){(const uint8_t *)text, strlen(text)});
}

static void test_codes(void **state)
{
	static const unsigned later[] = {0, 202, 231, 300, 408, 429, 500, 501, 502, 504, 505};
	static const unsigned refused[] = {400, 401, 402, 403, 404, 405, 406, 409, 412, 413, 415, 503};

	(void)state;
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		assert_int_equal(meaning(later[i], "text"), DPS_HUB_TRY_LATER);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(meaning(refused[i], ""), DPS_HUB_REFUSED);
	/* the one code of the gateway's that means two things */
	assert_int_equal(meaning(503, "cannot handle sign up: could not parse token: token is expired"), DPS_HUB_REFUSED);
	assert_int_equal(meaning(503, "cannot handle sign up: temporary error: connection refused"), DPS_HUB_TRY_LATER);
	assert_int_equal(meaning(503, "temporary error: "), DPS_HUB_TRY_LATER);
	assert_int_equal(meaning(503, "temporary error:"), DPS_HUB_REFUSED);
	assert_int_equal(meaning(401, "temporary error: "), DPS_HUB_REFUSED);
}

static void test_waits_between_rounds(void **state)
{
	static const uint32_t seconds[] = {2, 4, 8, 16, 32, 64, 64, 64};
	struct dps_hub_config config;

	(void)state;
	dps_hub_config_default(&config);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(dps_hub_delay(&config, i + 1, 0), seconds[i] * 500);
		assert_in_range(dps_hub_delay(&config, i + 1, UINT32_MAX), seconds[i] * 1000 - 1, seconds[i] * 1000);
	}
	assert_int_equal(dps_hub_delay(&config, 0, 0), 1000);
	assert_int_equal(dps_hub_delay(&config, UINT32_MAX, 0), 32000);
	config.retry_ms[0] = 1;
	assert_int_equal(dps_hub_delay(&config, 1, 0), 1); /* never at once */
}

static void test_refresh(void **state)
{
	static const struct {
		int64_t left, ahead;
	} rows[] = {{INT64_C(0xffffffff), 600}, {3601, 600}, {3600, 120}, {241, 120}, {240, 10}, {21, 10}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t at = (uint64_t)(rows[i].left - rows[i].ahead) * 1000;

		assert_int_equal(dps_hub_refresh_in(rows[i].left, 0), at);
		assert_in_range(dps_hub_refresh_in(rows[i].left, UINT32_MAX), at - (uint64_t)rows[i].ahead * 500,
		                at - (uint64_t)rows[i].ahead * 500 + 1);
	}
	assert_int_equal(dps_hub_refresh_in(20, UINT32_MAX), 0);
	assert_int_equal(dps_hub_refresh_in(0, 0), 0);
	assert_int_equal(dps_hub_refresh_in(INT64_MIN, 0), 0);
}

static void test_fallback(void **state)
{
	struct dps_hub_config config;
	uint32_t wait = 0;

	(void)state;
	dps_hub_config_default(&config);
	for (uint32_t minutes = 5; minutes < 24 * 60; minutes *= 2) {
		wait = dps_hub_fallback_wait(&config, wait);
		assert_int_equal(wait, minutes * 60000);
	}
	for (int i = 0; i < 3; i++) {
		wait = dps_hub_fallback_wait(&config, wait);
		assert_int_equal(wait, 86400000);
	}
	config.fallback_max_ms = UINT32_MAX;
	assert_int_equal(dps_hub_fallback_wait(&config, UINT32_MAX), UINT32_MAX);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DPS_HUB_STATE_COUNT; i++)
		assert_string_not_equal(dps_hub_state_name((enum dps_hub_state)i), "");
	assert_string_equal(dps_hub_state_name(DPS_HUB_ONLINE), "online");
	assert_string_equal(dps_hub_state_name(DPS_HUB_STATE_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_refusals_end),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_waits_between_rounds),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
