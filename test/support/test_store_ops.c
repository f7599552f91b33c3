/* SPDX-License-Identifier: Apache-2.0 */
/* See test_store_ops.h. */
#include "support/test_store_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OWNER       DPS_RECORD_BIT(DPS_RECORD_OWNER)
#define CLOUD       DPS_RECORD_BIT(DPS_RECORD_CLOUD)
#define CREDENTIALS DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)
#define ACLS        DPS_RECORD_BIT(DPS_RECORD_ACLS)
#define LOCAL       DPS_RECORD_BIT(DPS_RECORD_LOCAL)

const struct test_op test_first_run[TEST_FIRST_RUN] = {
	{TEST_OP_DEVICE, DPS_RECORD_OWNER, 1, 0},
	{TEST_OP_STAGE, DPS_RECORD_OWNER, 1, 0},
	{TEST_OP_STAGE, DPS_RECORD_CLOUD, 1, 0},
	{TEST_OP_STAGE, DPS_RECORD_ACLS, 1, 0},
	{TEST_OP_STAGE, DPS_RECORD_CREDENTIALS, 1, 0},
	{TEST_OP_REOPEN, DPS_RECORD_OWNER, 0, 0},
	{TEST_OP_DEVICE, DPS_RECORD_OWNER, 2, 0},
	{TEST_OP_STAGE, DPS_RECORD_RESOURCES, 1, 0},
	{TEST_OP_STAGE, DPS_RECORD_CLOUD, 2, 0},
	{TEST_OP_COMMIT, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
	{TEST_OP_ENDPOINTS, DPS_RECORD_OWNER, 1, 0},
	{TEST_OP_TIME, DPS_RECORD_OWNER, 1, 0},
	{TEST_OP_COLLECT, DPS_RECORD_OWNER, 0, 0},
	{TEST_OP_CONFIRM, DPS_RECORD_OWNER, 0, OWNER | CLOUD | ACLS},
	{TEST_OP_CONFIRM, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
};

const struct test_op test_later_runs[TEST_LATER_RUNS] = {
	{TEST_OP_STAGE, DPS_RECORD_CREDENTIALS, 3, 0},
	{TEST_OP_COMMIT, DPS_RECORD_OWNER, 0, CREDENTIALS},
	{TEST_OP_STAGE, DPS_RECORD_LOCAL, 3, 0},
	{TEST_OP_COMMIT, DPS_RECORD_OWNER, 0, LOCAL},
	{TEST_OP_STAGE, DPS_RECORD_OWNER, 4, 0},
	{TEST_OP_STAGE, DPS_RECORD_CREDENTIALS, 4, 0},
	{TEST_OP_DISCARD, DPS_RECORD_OWNER, 0, CREDENTIALS},
	{TEST_OP_REOPEN, DPS_RECORD_OWNER, 0, 0},
	{TEST_OP_STAGE, DPS_RECORD_CREDENTIALS, 5, 0},
	{TEST_OP_STAGE, DPS_RECORD_CLOUD, 5, 0},
	{TEST_OP_COMMIT, DPS_RECORD_OWNER, 0, OWNER | CREDENTIALS},
	{TEST_OP_ENDPOINTS, DPS_RECORD_OWNER, 2, 0},
	{TEST_OP_TIME, DPS_RECORD_OWNER, 2, 0},
	{TEST_OP_CONFIRM, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
	{TEST_OP_COLLECT, DPS_RECORD_OWNER, 0, 0},
	{TEST_OP_DISCARD, DPS_RECORD_OWNER, 0, CLOUD},
	{TEST_OP_STAGE, DPS_RECORD_CREDENTIALS, 6, 0},
	{TEST_OP_STAGE, DPS_RECORD_LOCAL, 6, 0},
	{TEST_OP_COMMIT, DPS_RECORD_OWNER, 0, CREDENTIALS | LOCAL},
	{TEST_OP_STAGE, DPS_RECORD_ACLS, 6, 0},
};

void test_whole_read(struct dps_store *store, struct test_whole *whole)
{
	memset(whole, 0, sizeof *whole);
	test_state_read(store, &whole->records);
	whole->device = test_medium_device(store);
	whole->endpoints = test_medium_endpoints(store);
	whole->time = test_medium_time(store);
}

bool test_whole_same(const struct test_whole *a, const struct test_whole *b)
{
	return test_state_same(&a->records, &b->records) && a->device == b->device && a->endpoints == b->endpoints && a->time == b->time;
}

dps_result test_op_run(struct dps_store *store, const struct dps_storage *port, const struct test_op *op)
{
	static uint8_t scratch[DPS_CONFIG_BODY_SIZE];

	switch (op->kind) {
	case TEST_OP_STAGE:
		return test_record_stage(store, op->record, op->version);
	case TEST_OP_COMMIT:
		return dps_store_commit(store, op->mask & store->staged);
	case TEST_OP_DISCARD:
		return dps_store_discard(store, op->mask);
	case TEST_OP_COLLECT:
		return dps_store_collect(store);
	case TEST_OP_CONFIRM:
		return dps_store_confirm(store, op->mask);
	case TEST_OP_DEVICE:
		return test_medium_write_device(store, op->version);
	case TEST_OP_ENDPOINTS:
		return test_medium_write_endpoints(store, op->version);
	case TEST_OP_TIME:
		return test_medium_write_time(store, op->version);
	case TEST_OP_MIGRATE:
		return dps_store_migrate(store);
	case TEST_OP_REOPEN:
	default:
		return dps_store_open(store, port, scratch, sizeof scratch);
	}
}

size_t test_ops_run(struct test_store *medium, const struct test_op *ops, size_t count, struct test_whole *states)
{
	struct dps_store store;
	size_t i;

	assert_int_equal(test_medium_open(&store, medium), DPS_OK);
	for (i = 0; i < count; i++) {
		if (test_op_run(&store, &medium->port, &ops[i]) != DPS_OK)
			break;
		if (states != NULL)
			test_whole_read(&store, &states[i]);
	}
	return i;
}

void test_ops_reopen(struct test_store *medium, struct test_whole *whole)
{
	struct dps_store store;

	test_store_power_on(medium);
	assert_int_equal(test_medium_open(&store, medium), DPS_OK);
	assert_false(store.reset_begun);
	test_whole_read(&store, whole);
}

void test_ops_base(struct test_store *base, size_t later)
{
	test_store_init(base);
	assert_int_equal(test_ops_run(base, test_first_run, TEST_FIRST_RUN, NULL), TEST_FIRST_RUN);
	assert_int_equal(test_ops_run(base, test_later_runs, later, NULL), later);
}

int test_ops_tell_cuts(void **state)
{
	static size_t told;

	(void)state;
	print_message("figure: %zu power cuts\n", test_store_cuts_made - told);
	told = test_store_cuts_made;
	return 0;
}
