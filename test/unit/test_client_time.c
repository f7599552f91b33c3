/* SPDX-License-Identifier: Apache-2.0 */
/* Wall clocks that are not set, jump, lie, or are set by us; dates judged again; signs of life on long waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/test_world.h"

#define MINUTE 60000u
#define DAY    (INT64_C(24) * 3600 * 1000)
#define YEAR   (365 * DAY)

static int64_t stored_floor(struct test_world *world)
{
	static uint8_t scratch[DPS_CONFIG_BODY_SIZE];
	struct dps_store store;
	int64_t floor_ms = -1;

	assert_int_equal(dps_store_open(&store, &world->store.port, scratch, sizeof(scratch)), DPS_OK);
	assert_int_equal(dps_store_read_time(&store, &floor_ms), DPS_OK);
	return floor_ms;
}

static unsigned warnings(const struct test_world *world, dps_result cause)
{
	unsigned count = 0;

	for (size_t i = 0; i < world->event_count; i++)
		count += world->events[i].type == DPS_EVENT_WARNING && world->events[i].cause == cause;
	return count;
}

/* A platform that vouches for 1970: the service is asked for the time, and nothing is called expired or not yet valid for it. */
static void a_clock_that_was_never_set(void **state)
{
	static const int64_t walls[] = {0, 86400000, INT64_C(1735689599999) /* one short of the earliest */};
	struct test_world world;

	(void)state;
	for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++) {
		test_world_init(&world);
		world.synchronised = true;
		world.service_skew = world.wall - walls[i] + 1000;
		world.wall = walls[i] - 1000;
		test_world_play(&world, DPS_START_NORMAL, MINUTE);
		test_world_assert_provisioned(&world);
		assert_int_equal(warnings(&world, DPS_E_CLOCK_NOT_SET), 1);
		assert_int_equal(test_world_count(&world, DPS_STEP_TIME), 1);
		assert_int_equal(test_world_event_count(&world, DPS_EVENT_FAILURE), 0);
		test_world_free(&world);
	}
}

/* A clock in the future, synchronised, shows the service's certificate as expired; it raises no floor, and when it is right again all is well. */
static void a_clock_that_was_far_ahead(void **state)
{
	struct test_world world;
	int64_t right;

	(void)state;
	test_world_init(&world);
	world.synchronised = true;
	right = world.wall;
	world.wall += 80 * YEAR;
	test_world_play(&world, DPS_START_NORMAL, 10 * MINUTE);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_SERVER_EXPIRED);
	assert_int_equal(stored_floor(&world), 0);
	world.wall = right;
	test_world_run(&world, 30 * MINUTE);
	test_world_assert_provisioned(&world);
	assert_in_range(stored_floor(&world), right, right + DAY);
	/* A provisioned device that starts with a clock far ahead does not note it either. */
	world.wall += 80 * YEAR;
	test_world_clear(&world);
	world.config.stay = true;
	test_world_play(&world, DPS_START_NORMAL, 1000);
	assert_in_range(stored_floor(&world), right, right + DAY);
	world.wall = right;
	test_world_play(&world, DPS_START_FORCE, 30 * MINUTE);
	test_world_assert_provisioned(&world);
	test_world_free(&world);
}

/* The clock jumps back and forth by years while a step waits for its retry: it comes when it is due by the monotonic clock. */
static void the_clock_jumps_while_a_step_waits(void **state)
{
	struct test_world world;
	uint64_t begin;
	int64_t right;

	(void)state;
	test_world_init(&world);
	world.synchronised = true;
	world.has_resources = true;
	right = world.wall;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_CODE, .code = 503, .count = 1});
	test_world_start(&world, DPS_START_NORMAL);
	test_world_run(&world, 100);
	begin = world.now;
	for (unsigned i = 0; i < 40 && world.now < begin + 4000; i++) {
		world.wall = right + (i % 2 == 0 ? 30 : -30) * YEAR;
		test_world_run(&world, 100);
	}
	assert_int_equal(test_world_count(&world, DPS_STEP_ACLS), 1);
	world.wall = right;
	test_world_run(&world, 6000);
	test_world_assert_provisioned(&world);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
	test_world_free(&world);
}

/* The time was set while the connection stood: before anything more is told to the peer its dates are judged by the new time. */
static void dates_are_judged_again(void **state)
{
	struct test_world world;
	int64_t right;

	(void)state;
	test_world_init(&world);
	world.synchronised = true;
	world.has_resources = true;
	right = world.wall;
	world.after_ms = 3000; /* the ACLs, later, on the same connection */
	test_world_start(&world, DPS_START_NORMAL);
	test_world_run(&world, 1000);
	assert_int_equal(test_world_count(&world, DPS_STEP_ACLS), 1);
	world.wall = right + YEAR; /* the service's certificate has ended by then */
	test_world_run(&world, 3000);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_SERVER_EXPIRED);
	assert_int_equal(test_world_count(&world, DPS_STEP_ACLS), 1);
	world.wall = right;
	test_world_run(&world, 10 * MINUTE);
	test_world_assert_provisioned(&world);
	test_world_free(&world);
}

/* The time is read in the middle of its round trip, and handed to the platform once it is judged. */
static void the_platform_is_told(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.answer_ms = 600;
	test_world_start(&world, DPS_START_NORMAL);
	for (unsigned i = 0; i < 50; i++)
		test_world_run(&world, 100); /* nothing wakes this loop when an answer comes */
	test_world_assert_provisioned(&world);
	assert_int_equal(world.clock_sets, 1);
	/* The service told its time when it answered, 600 ms after the request: as if half of that had passed since. */
	assert_in_range(world.clock_set - world.wall, 1000 + 600 + 299, 1000 + 600 + 301);
	test_world_free(&world);

	test_world_init(&world);
	world.path_not_after = world.wall / 1000 - 10; /* by that time the service's certificate has ended */
	test_world_play(&world, DPS_START_NORMAL, 1000);
	assert_int_equal(world.clock_sets, 0);
	test_world_free(&world);

	test_world_init(&world);
	world.synchronised = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(world.clock_sets, 0);
	test_world_free(&world);
}

/* A service without a time step, and no clock: no date could ever be judged. That is said, and not waited for without end. */
static void nobody_knows_the_time(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.service.steps++;
	world.service.step_count--;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILED)->cause, DPS_E_CLOCK_NOT_SET);
	assert_int_equal(world.connections, 0);
	world.synchronised = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_assert_provisioned(&world);
	test_world_free(&world);
}

/* While an answer is long in coming the peer is told that this device is there; one that does not answer that is left. */
static void signs_of_life(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.has_resources = true;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_SILENCE, .count = 1});
	test_world_start(&world, DPS_START_NORMAL);
	test_world_run(&world, 29000);
	assert_int_equal(world.keepalives, 2); /* at 10 and at 20 s */
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_FAILURE), 0);
	test_world_free(&world);

	test_world_init(&world);
	world.has_resources = true;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_SILENCE, .count = 1});
	test_world_start(&world, DPS_START_NORMAL);
	test_world_run(&world, 12000);
	world.keepalive_result = DPS_E_TIMEOUT;
	test_world_run(&world, 10000);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_TIMEOUT);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->step, DPS_STEP_CREDENTIALS);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	test_world_free(&world);

	test_world_init(&world);
	world.has_resources = true;
	world.config.keepalive_ms = 0;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_SILENCE, .count = 1});
	test_world_start(&world, DPS_START_NORMAL);
	test_world_run(&world, 29000);
	assert_int_equal(world.keepalives, 0);
	test_world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_was_never_set),
		cmocka_unit_test(a_clock_that_was_far_ahead),
		cmocka_unit_test(the_clock_jumps_while_a_step_waits),
		cmocka_unit_test(dates_are_judged_again),
		cmocka_unit_test(the_platform_is_told),
		cmocka_unit_test(nobody_knows_the_time),
		cmocka_unit_test(signs_of_life),
	};

	return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
