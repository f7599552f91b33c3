/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power goes at every write and every erase: before it, during it, behind it, and, on a medium that tears, with every prefix of the bytes left and the
 * old ones gone. Whatever was going on, the store opens again with the state before the call or the state behind it, and the same work done once more
 * ends where it would have ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_store_ops.h"

/*
 * What a torn write of a record to be staged may cost: what was staged in its place before. The medium has lost that, and nothing else has it; it is asked
 * for again.
 */
static bool is_staging_lost(const struct test_whole *after, const struct test_whole *before, const struct test_op *op)
{
	struct test_whole wanted = *before;

	wanted.records.staged[op->record] = 0;
	return op->kind == TEST_OP_STAGE && test_whole_same(after, &wanted);
}

/* What is erased behind a write of the device's own is not waited for: then a cut shows at the next op. */
static bool is_own(const struct test_op *op)
{
	return op->kind == TEST_OP_DEVICE || op->kind == TEST_OP_ENDPOINTS || op->kind == TEST_OP_TIME;
}

static void expect_final(struct test_store *medium, const struct test_whole *final)
{
	struct test_whole after;

	test_ops_reopen(medium, &after);
	assert_memory_equal(after.records.committed, final->records.committed, sizeof final->records.committed);
	assert_memory_equal(after.records.staged, final->records.staged, sizeof final->records.staged);
	assert_int_equal(after.records.unconfirmed, final->records.unconfirmed);
	assert_int_equal(after.records.damaged, 0);
	assert_int_equal(after.device, final->device);
	assert_int_equal(after.endpoints, final->endpoints);
	assert_int_equal(after.time, final->time);
}

/* Cuts the power at every change that the ops make on this base, in every way. */
static void cut_everywhere(const struct test_store *base, const struct test_op *ops, size_t count)
{
	struct test_whole states[TEST_MAX_OPS + 1];
	struct test_whole final, after;
	struct test_store medium;
	size_t changes, n, step;

	assert_true(count <= TEST_MAX_OPS);
	test_store_init(&medium);
	test_store_copy(&medium, base);
	test_ops_reopen(&medium, &states[0]);
	assert_int_equal(test_ops_run(&medium, ops, count, states + 1), count);
	test_ops_reopen(&medium, &final);
	assert_true(test_whole_same(&final, &states[count]));
	changes = medium.writes + medium.erases;
	assert_true(changes > 0);

	for (n = 1; n <= changes; n++) {
		for (step = 0;; step++) {
			size_t done;
			bool same;
			test_store_copy(&medium, base);
			if (!test_store_cut_step(&medium, n, step))
				break;
			done = test_ops_run(&medium, ops, count, NULL);
			assert_true(medium.off);
			test_ops_reopen(&medium, &after);
			same = test_whole_same(&after, &states[done]) || (done < count && test_whole_same(&after, &states[done + 1]));
			if (!same && !(step >= TEST_STORE_CUT_TORN && done < count && is_staging_lost(&after, &states[done], &ops[done])))
				fail_msg("change %zu, cut %zu: neither the state before op %zu nor the one behind it", n, step, done);
			/* These are one change each: it is clear which of the two it must be. */
			if (same && done < count && (done == 0 || !is_own(&ops[done - 1])) &&
			    (ops[done].kind == TEST_OP_STAGE || ops[done].kind == TEST_OP_CONFIRM))
				assert_true(test_whole_same(&after, &states[step == TEST_STORE_CUT_AFTER ? done + 1 : done]));

			assert_int_equal(test_ops_run(&medium, ops, count, NULL), count);
			expect_final(&medium, &final);
		}
	}
	test_store_free(&medium);
}

/* Looks without the looking being counted or failed. */
static void look(struct dps_store *store, struct test_store *medium, struct test_whole *whole)
{
	const size_t fail_at = medium->fail_at;

	medium->fail_at = 0;
	test_whole_read(store, whole);
	medium->fail_at = fail_at;
}

/* Every port call fails once: the state is as before the op, in memory and on the medium, and the op works when tried again. */
static void fail_everywhere(const struct test_store *base, const struct test_op *ops, size_t count, dps_result cause)
{
	struct test_store medium;
	struct test_whole final;
	size_t n, failures = 0;

	test_store_init(&medium);
	test_store_copy(&medium, base);
	assert_int_equal(test_ops_run(&medium, ops, count, NULL), count);
	test_ops_reopen(&medium, &final);
	for (n = 1;; n++) {
		struct dps_store store;
		struct test_whole before, after;
		size_t i;
		test_store_copy(&medium, base);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		test_store_fail(&medium, TEST_STORE_ANY, n, cause);
		for (i = 0; i < count; i++) {
			dps_result result;
			if (ops[i].kind != TEST_OP_REOPEN || store.open)
				look(&store, &medium, &before);
			result = test_op_run(&store, &medium.port, &ops[i]);
			if (result == DPS_OK)
				continue;
			assert_int_equal(result, cause);
			failures++;
			if (ops[i].kind != TEST_OP_REOPEN && ops[i].kind != TEST_OP_MIGRATE) {
				look(&store, &medium, &after);
				assert_true(test_whole_same(&before, &after));
			}
			assert_int_equal(test_op_run(&store, &medium.port, &ops[i]), DPS_OK);
		}
		if (medium.matched < n)
			break;
		test_ops_reopen(&medium, &after);
		assert_true(test_whole_same(&after, &final));
	}
	assert_true(failures > 0);
	test_store_free(&medium);
}

static void survive(const struct test_store *base, const struct test_op *ops, size_t count)
{
	cut_everywhere(base, ops, count);
	fail_everywhere(base, ops, count, DPS_E_STORAGE_FULL);
	fail_everywhere(base, ops, count, DPS_E_STORAGE);
}

static void a_first_run_survives_every_cut(void **state)
{
	struct test_store base;
	(void)state;
	test_store_init(&base);
	survive(&base, test_first_run, TEST_FIRST_RUN);
	test_store_free(&base);
}

static void later_runs_survive_every_cut(void **state)
{
	struct test_store base;
	(void)state;
	test_ops_base(&base, 0);
	survive(&base, test_later_runs, TEST_LATER_RUNS);
	test_store_free(&base);
}

/* All records anew over all records in force, as a forced run does. */
static void a_forced_run_survives_every_cut(void **state)
{
	static const struct test_op forced[] = {
		{TEST_OP_STAGE, DPS_RECORD_OWNER, 8, 0},
		{TEST_OP_STAGE, DPS_RECORD_CLOUD, 8, 0},
		{TEST_OP_STAGE, DPS_RECORD_CREDENTIALS, 8, 0},
		{TEST_OP_STAGE, DPS_RECORD_ACLS, 8, 0},
		{TEST_OP_STAGE, DPS_RECORD_RESOURCES, 8, 0},
		{TEST_OP_STAGE, DPS_RECORD_LOCAL, 8, 0},
		{TEST_OP_COMMIT, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
		{TEST_OP_COLLECT, DPS_RECORD_OWNER, 0, 0},
		{TEST_OP_CONFIRM, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
	};
	struct test_store base;
	(void)state;
	test_ops_base(&base, 4);
	survive(&base, forced, sizeof forced / sizeof forced[0]);
	test_store_free(&base);
}

/* The device's own, again and again: each write is to the other slot. */
static void the_devices_own_survive_every_cut(void **state)
{
	static const struct test_op writes[] = {
		{TEST_OP_DEVICE, DPS_RECORD_OWNER, 3, 0},    {TEST_OP_DEVICE, DPS_RECORD_OWNER, 4, 0},    {TEST_OP_DEVICE, DPS_RECORD_OWNER, 5, 0},
		{TEST_OP_ENDPOINTS, DPS_RECORD_OWNER, 3, 0}, {TEST_OP_ENDPOINTS, DPS_RECORD_OWNER, 4, 0}, {TEST_OP_REOPEN, DPS_RECORD_OWNER, 0, 0},
		{TEST_OP_ENDPOINTS, DPS_RECORD_OWNER, 5, 0}, {TEST_OP_TIME, DPS_RECORD_OWNER, 3, 0},      {TEST_OP_TIME, DPS_RECORD_OWNER, 4, 0},
		{TEST_OP_TIME, DPS_RECORD_OWNER, 5, 0},
	};
	struct test_store base;
	size_t i;
	(void)state;
	test_store_init(&base);
	survive(&base, writes, sizeof writes / sizeof writes[0]);
	test_store_free(&base);
	for (i = 0; i < 2; i++) {
		test_ops_base(&base, i * TEST_LATER_RUNS);
		survive(&base, writes, sizeof writes / sizeof writes[0]);
		test_store_free(&base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_CUTS(a_first_run_survives_every_cut),
		TEST_CUTS(later_runs_survive_every_cut),
		TEST_CUTS(a_forced_run_survives_every_cut),
		TEST_CUTS(the_devices_own_survive_every_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
