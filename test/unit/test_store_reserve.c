/* SPDX-License-Identifier: Apache-2.0 */
/* Room that is made for a record before it is asked for: what is written, who is to blame when it cannot be, and what is left of it behind a power cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/test_bytes.h"
#include "support/test_medium.h"
#include "support/test_world.h"

#define MINUTE 60000u
#define BIT    DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)

static uint8_t buf[DPS_CONFIG_BODY_SIZE];
static struct test_world world;

static int begin(void **state)
{
	(void)state;
	test_world_init(&world);
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

static size_t blob_size(const char *name)
{
	size_t len = 0;

	return world.store.port.read(world.store.port.ctx, name, buf, sizeof(buf), &len) == DPS_OK ? len : 0;
}

/* At least as large as what is in force, in the other slot, and without meaning to whoever opens the store. */
static void a_place_and_no_record(void **state)
{
	const size_t in_force = blob_size("credentials-1");
	struct dps_store store;

	(void)state;
	assert_int_equal(blob_size("credentials-0"), 0);
	assert_int_equal(test_medium_open(&store, &world.store), DPS_OK);
	world.store.writes = 0;
	assert_int_equal(dps_store_reserve(&store, DPS_RECORD_CREDENTIALS, buf, sizeof(buf)), DPS_OK);
	assert_int_equal(dps_store_reserve(&store, DPS_RECORD_CREDENTIALS, buf, sizeof(buf)), DPS_OK);
	assert_int_equal(world.store.writes, 1);
	assert_in_range(blob_size("credentials-0"), in_force + 100, in_force + 200);
	assert_int_equal(store.staged, 0);
	assert_int_equal(store.committed & BIT, BIT);

	assert_int_equal(test_medium_open(&store, &world.store), DPS_OK);
	assert_int_equal(store.staged | store.stray, 0);
	assert_int_equal(store.committed & BIT, BIT);
	assert_int_equal(dps_store_collect(&store), DPS_OK);
	assert_int_equal(blob_size("credentials-0"), 0);
	assert_int_equal(blob_size("credentials-1"), in_force);
}

/* None for what is not in force, or is staged. */
static void nothing_to_make_room_for(void **state)
{
	struct dps_owner owner = {{{7}}};
	struct dps_store store;
	struct test_store empty;

	(void)state;
	test_store_init(&empty);
	assert_int_equal(test_medium_open(&store, &empty), DPS_OK);
	assert_int_equal(dps_store_reserve(&store, DPS_RECORD_OWNER, buf, sizeof(buf)), DPS_OK);
	assert_int_equal(empty.writes, 0);
	test_store_free(&empty);

	assert_int_equal(test_medium_open(&store, &world.store), DPS_OK);
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_OWNER, &owner), DPS_OK);
	world.store.writes = 0;
	assert_int_equal(dps_store_reserve(&store, DPS_RECORD_OWNER, buf, sizeof(buf)), DPS_OK);
	assert_int_equal(world.store.writes, 0);
}

/* A medium that takes no more: nobody is asked to sign, and what is in force may not be revoked for it. */
static void a_renewal_on_a_full_medium(void **state)
{
	static const dps_result results[] = {DPS_E_STORAGE_FULL, DPS_E_STORAGE_DENIED, DPS_E_STORAGE};
	static const unsigned flags[] = {DPS_START_RENEW, DPS_START_FORCE};

	(void)state;
	world.config.stay = true;
	for (size_t i = 0; i < 6; i++) {
		test_world_start(&world, flags[i % 2]);
		test_store_fail_always(&world.store, TEST_STORE_WRITE, results[i / 2]);
		test_world_run(&world, 30 * MINUTE);
		assert_int_equal(world.sent_count, 0);
		assert_int_equal(world.connections, 0);
		assert_true(test_world_event_count(&world, DPS_EVENT_FAILURE) > 0);
		test_world_clear(&world);
	}
	/* and it comes when there is room */
	test_store_fail_always(&world.store, TEST_STORE_WRITE, DPS_OK);
	test_world_run(&world, 30 * MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	assert_true(blob_size("credentials-0") > 0);
}

/* The place is given up for the record, not beside it. */
static void the_record_takes_its_place(void **state)
{
	struct dps_credentials credentials;
	struct dps_store store;
	size_t erases;

	(void)state;
	assert_int_equal(test_medium_open(&store, &world.store), DPS_OK);
	assert_int_equal(dps_store_reserve(&store, DPS_RECORD_CREDENTIALS, buf, sizeof(buf)), DPS_OK);
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CREDENTIALS, DPS_STORE_COMMITTED, buf, sizeof(buf), &credentials), DPS_OK);
	erases = world.store.erases;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &credentials), DPS_OK);
	assert_int_equal(world.store.erases, erases + 1);
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &credentials), DPS_OK);
	assert_int_equal(world.store.erases, erases + 1);
	assert_int_equal(dps_store_commit(&store, BIT), DPS_OK);
	assert_int_equal(test_medium_open(&store, &world.store), DPS_OK);
	assert_int_equal(store.committed & BIT, BIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_place_and_no_record, begin, end),
		cmocka_unit_test_setup_teardown(nothing_to_make_room_for, begin, end),
		cmocka_unit_test_setup_teardown(a_renewal_on_a_full_medium, begin, end),
		cmocka_unit_test_setup_teardown(the_record_takes_its_place, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
