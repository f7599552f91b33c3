/* SPDX-License-Identifier: Apache-2.0 */
/* The stored floor of the clock over months: what a device without a clock knows of the time behind a restart, and what it does by that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/internal.h"
#include "store/store.h"
#include "support/test_world.h"

#define MINUTE 60000u
#define HOUR   (INT64_C(3600) * 1000)
#define DAY    (24 * HOUR)

static struct test_world world;

/* A device that stays, provisioned for 90 days by a service with a certificate of years. */
static int begin(void **state)
{
	(void)state;
	test_world_init(&world);
	world.config.stay = true;
	world.path_not_after += 4000 * 86400;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_assert_provisioned(&world);
	test_world_clear(&world);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_world_free(&world);
	return 0;
}

/* Nothing is to happen but time. */
static void live_long(void)
{
	world.identity_not_after += 3900 * 86400;
	world.config.renewal_permille = 1000;
	world.config.renewal_jitter_permille = 0;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(dps_client_start(&world.client, DPS_START_RENEW), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	test_world_clear(&world);
}

static int64_t now(void)
{
	return world.wall + (int64_t)world.now;
}

static int64_t floor_ms(void)
{
	static uint8_t scratch[DPS_CONFIG_BODY_SIZE];
	struct dps_store store;
	int64_t stored = -1;

	assert_int_equal(dps_store_open(&store, &world.store.port, scratch, sizeof(scratch)), DPS_OK);
	assert_int_equal(dps_store_read_time(&store, &stored), DPS_OK);
	return stored;
}

/* Time that passes while nothing happens is stored, a day at most late while the time is known, ... */
static void the_floor_follows(void **state)
{
	size_t writes;

	(void)state;
	live_long();
	writes = world.store.writes;
	test_world_run(&world, 300 * DAY);
	assert_in_range(now() - floor_ms(), 0, DAY + HOUR);
	assert_in_range(world.store.writes - writes, 280, 300);
	/* ... and six hours behind a restart without a clock, which goes on from there. */
	test_world_start(&world, DPS_START_NORMAL);
	writes = world.store.writes;
	test_world_run(&world, 10 * DAY);
	assert_in_range(now() - floor_ms(), 0, DAY + 8 * HOUR);
	assert_in_range(world.store.writes - writes, 34, 40);
}

/* A device without a clock that restarts every day renews in time all the same, if a few days later than one with a clock. */
static void daily_restarts_without_a_clock(void **state)
{
	unsigned day = 0;

	(void)state;
	world.identity_not_after += 90 * 86400; /* of the next one */
	while (test_world_event_count(&world, DPS_EVENT_RENEWED) == 0 && day < 90) {
		test_world_clear(&world);
		test_world_start(&world, DPS_START_NORMAL);
		test_world_run(&world, (uint64_t)(DAY + 10 * (int64_t)MINUTE));
		day++;
	}
	assert_in_range(day, 53, 80);
}

/* The service is out of reach all the time: the renewal that is tried goes on, and so does the floor. */
static void while_a_renewal_is_tried(void **state)
{
	(void)state;
	world.connects[0] = DPS_E_CONNECT;
	world.connect_count = 1;
	assert_int_equal(dps_client_start(&world.client, DPS_START_RENEW), DPS_OK);
	for (unsigned i = 0; i < 30 * 12; i++) {
		test_world_clear(&world);
		test_world_run(&world, 2 * HOUR);
	}
	assert_in_range(now() - floor_ms(), 0, DAY + HOUR);
}

/* A clock that somebody vouches for and that runs away raises nothing: only what was counted does. */
static void not_by_a_clock_that_runs_away(void **state)
{
	int64_t unix_ms = 0;

	(void)state;
	live_long();
	test_world_run(&world, 2 * DAY);
	world.synchronised = true;
	world.wall += 3650 * DAY;
	test_world_run(&world, 2 * DAY);
	assert_true(dps_client_time(&world.client, &unix_ms) && unix_ms == now());
	world.wall -= 3650 * DAY;
	assert_in_range(now() - floor_ms(), 0, 3 * DAY);
}

/* Nor is one used that shows less than the floor; it is told, once. */
static void a_clock_behind_the_floor(void **state)
{
	int64_t unix_ms = 0;

	(void)state;
	world.synchronised = true;
	world.wall -= 100 * DAY;
	test_world_start(&world, DPS_START_NORMAL);
	assert_false(dps_client_time(&world.client, &unix_ms));
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_WARNING), 1);
	world.wall += 100 * DAY;
	assert_true(dps_client_time(&world.client, &unix_ms));
	assert_true(unix_ms == now());
}

/* A monotonic clock that runs half a per cent fast does not drive the floor past a clock that is right. */
static void not_by_a_monotonic_clock_that_is_fast(void **state)
{
	int64_t unix_ms = 0;

	(void)state;
	live_long();
	world.synchronised = true;
	for (unsigned hour = 0; hour < 60 * 24; hour++) {
		world.now += HOUR;
		world.wall -= HOUR / 200;
		(void)dps_client_process(&world.client);
		assert_true(dps_client_time(&world.client, &unix_ms) && unix_ms == now());
		assert_true(floor_ms() <= now());
	}
	assert_in_range(now() - floor_ms(), 0, 2 * DAY);
}

/* What a hub says makes a renewal due and no more: the service is asked for the time, and what it says counts. */
static void what_is_heard(void **state)
{
	int64_t unix_ms = 0;

	(void)state;
	live_long();
	test_world_start(&world, DPS_START_NORMAL);
	test_world_run(&world, MINUTE);
	dps_client_hear_time(&world.client, now() - 30 * DAY); /* before what has passed */
	assert_false(dps_client_time(&world.client, &unix_ms));
	dps_client_hear_time(&world.client, now() + 3850 * DAY);
	assert_true(dps_client_time(&world.client, &unix_ms));
	assert_in_range(unix_ms - now(), 3849 * DAY, 3851 * DAY);
	test_world_clear(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_RENEW), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_TIME), 1);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	assert_true(dps_client_time(&world.client, &unix_ms));
	assert_in_range(unix_ms, now() - MINUTE, now() + MINUTE);
	test_world_run(&world, 2 * DAY);
	assert_true(floor_ms() <= now());
}

/* A medium that takes nothing keeps nobody from anything; it is tried again an hour later. */
static void a_floor_that_cannot_be_written(void **state)
{
	(void)state;
	test_store_fail_always(&world.store, TEST_STORE_WRITE, DPS_E_STORAGE_FULL);
	test_world_run(&world, 3 * DAY);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	assert_in_range(now() - floor_ms(), 2 * DAY, 4 * DAY);
	test_store_fail_always(&world.store, TEST_STORE_WRITE, DPS_OK);
	world.now += HOUR;
	(void)dps_client_process(&world.client);
	assert_in_range(now() - floor_ms(), 0, MINUTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_floor_follows, begin, end),
		cmocka_unit_test_setup_teardown(daily_restarts_without_a_clock, begin, end),
		cmocka_unit_test_setup_teardown(while_a_renewal_is_tried, begin, end),
		cmocka_unit_test_setup_teardown(not_by_a_clock_that_runs_away, begin, end),
		cmocka_unit_test_setup_teardown(a_clock_behind_the_floor, begin, end),
		cmocka_unit_test_setup_teardown(not_by_a_monotonic_clock_that_is_fast, begin, end),
		cmocka_unit_test_setup_teardown(what_is_heard, begin, end),
		cmocka_unit_test_setup_teardown(a_floor_that_cannot_be_written, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
