/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/lifetime.md against the code: the table of states, in both directions, the statuses and the error numbers. Run from the top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/machine.h"
#include "support/test_page.h"

#define PAGE   "docs/lifetime.md"
#define STATES (DPS_STATE_PROVISIONED + 1)

static struct test_page_row rows[TEST_PAGE_ROWS];

static enum dps_state state_of(const char *name)
{
	unsigned state = 0;

	while (state < STATES && strcmp(dps_state_name((enum dps_state)state), name) != 0)
		state++;
	if (state == STATES)
		fail_msg("%s speaks of a state %s", PAGE, name);
	return (enum dps_state)state;
}

static enum dps_why why_of(const char *name)
{
	unsigned why = 0;

	while (why < DPS_WHY_COUNT && strcmp(dps_why_name((enum dps_why)why), name) != 0)
		why++;
	if (why == DPS_WHY_COUNT)
		fail_msg("%s speaks of an event %s", PAGE, name);
	return (enum dps_why)why;
}

static void states_are_as_in_the_page(void **state)
{
	const size_t count = test_page_table(PAGE, "## States", rows);
	bool listed[STATES][DPS_WHY_COUNT] = {{false}};

	(void)state;
	if (!DPS_CONFIG_NAMES)
		skip();
	for (size_t i = 0; i < count; i++) {
		const enum dps_state from = state_of(rows[i].cells[0]);
		const enum dps_why why = why_of(rows[i].cells[1]);
		enum dps_state next = DPS_STATE_IDLE;

		assert_int_equal(rows[i].count, 4);
		if (!dps_machine_next(from, why, &next))
			fail_msg("%s in state %s: not in the code", rows[i].cells[1], rows[i].cells[0]);
		assert_string_equal(rows[i].cells[2], dps_state_name(next));
		if (listed[from][why])
			fail_msg("%s in state %s: twice in %s", rows[i].cells[1], rows[i].cells[0], PAGE);
		listed[from][why] = true;
	}
	for (unsigned from = 0; from < STATES; from++) {
		for (unsigned why = 0; why < DPS_WHY_COUNT; why++) {
			enum dps_state next;

			if (dps_machine_next((enum dps_state)from, (enum dps_why)why, &next) && !listed[from][why])
				fail_msg("%s lacks %s in state %s", PAGE, dps_why_name((enum dps_why)why), dps_state_name((enum dps_state)from));
		}
	}
}

static void statuses_are_as_in_the_page(void **state)
{
	const size_t count = test_page_table(PAGE, "## What operators see", rows);

	(void)state;
	assert_int_equal(count, DPS_STATUS_COUNT);
	for (unsigned i = 0; i < count; i++)
		assert_string_equal(rows[i].cells[0], dps_status_name((enum dps_status)i));
	assert_string_equal(dps_status_name(DPS_STATUS_COUNT), "");
}

static void error_numbers_are_as_in_the_page(void **state)
{
	static const char *const names[] = {
		[DPS_ERROR_OK] = "OK",
		[DPS_ERROR_RESPONSE] = "RESPONSE",
		[DPS_ERROR_CONNECT] = "CONNECT",
		[DPS_ERROR_GET_CREDENTIALS] = "GET_CREDENTIALS",
		[DPS_ERROR_GET_ACLS] = "GET_ACLS",
		[DPS_ERROR_SET_CLOUD] = "SET_CLOUD",
		[DPS_ERROR_START_CLOUD] = "START_CLOUD",
		[DPS_ERROR_GET_OWNER] = "GET_OWNER",
		[DPS_ERROR_GET_TIME] = "GET_TIME",
	};
	const size_t count = test_page_table(PAGE, "### Error numbers", rows);

	(void)state;
	assert_int_equal(count, sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(atoi(rows[i].cells[0]), (int)i);
		assert_string_equal(rows[i].cells[1], names[i]);
	}
}

/* Whatever is not in the table is refused, values out of range too. */
static void the_machine_refuses_what_it_does_not_know(void **state)
{
	enum dps_state next = DPS_STATE_ASKING;

	(void)state;
	assert_false(dps_machine_next(DPS_STATE_IDLE, DPS_WHY_CONNECTED, &next));
	assert_false(dps_machine_next(DPS_STATE_ASKING, DPS_WHY_STEP_DONE, &next));
	assert_false(dps_machine_next(DPS_STATE_ASKING, DPS_WHY_COUNT, &next));
	assert_int_equal(next, DPS_STATE_ASKING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_are_as_in_the_page),
		cmocka_unit_test(statuses_are_as_in_the_page),
		cmocka_unit_test(error_numbers_are_as_in_the_page),
		cmocka_unit_test(the_machine_refuses_what_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
