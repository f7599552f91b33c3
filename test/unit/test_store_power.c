/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power goes at every write and every erase, before, during and after it. Whatever was going on, the store opens again with the state before
 * the call or the state behind it, and the same work done once more ends where it would have ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/test_records.h"
#include "support/test_store.h"

enum op_kind { STAGE, COMMIT, DISCARD, COLLECT, CONFIRM, REOPEN };

struct op {
	enum op_kind kind;
	enum dps_record record; /* STAGE */
	unsigned version;       /* STAGE */
	uint32_t mask;          /* COMMIT, DISCARD, CONFIRM */
};

#define OWNER       DPS_RECORD_BIT(DPS_RECORD_OWNER)
#define CLOUD       DPS_RECORD_BIT(DPS_RECORD_CLOUD)
#define CREDENTIALS DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)
#define ACLS        DPS_RECORD_BIT(DPS_RECORD_ACLS)

#define MAX_OPS 24

static uint8_t scratch[DPS_CONFIG_BODY_SIZE];

static dps_result run_op(struct dps_store *store, const struct dps_storage *port, const struct op *op)
{
	switch (op->kind) {
	case STAGE:
		return test_record_stage(store, op->record, op->version);
	case COMMIT:
		return dps_store_commit(store, op->mask & store->staged);
	case DISCARD:
		return dps_store_discard(store, op->mask);
	case COLLECT:
		return dps_store_collect(store);
	case CONFIRM:
		return dps_store_confirm(store, op->mask);
	case REOPEN:
	default:
		return dps_store_open(store, port, scratch, sizeof scratch);
	}
}

/* Runs from a freshly opened store; stops at the first failure. Returns how many ops were done. */
static size_t run(struct test_store *medium, const struct op *ops, size_t count, struct test_state *states)
{
	struct dps_store store;
	size_t i;
	assert_int_equal(dps_store_open(&store, &medium->port, scratch, sizeof scratch), DPS_OK);
	for (i = 0; i < count; i++) {
		if (run_op(&store, &medium->port, &ops[i]) != DPS_OK)
			break;
		if (states != NULL)
			test_state_read(&store, &states[i]);
	}
	return i;
}

static void reopen(struct test_store *medium, struct test_state *state)
{
	struct dps_store store;
	test_store_power_on(medium);
	assert_int_equal(dps_store_open(&store, &medium->port, scratch, sizeof scratch), DPS_OK);
	assert_false(store.reset_begun);
	test_state_read(&store, state);
}

/* Cuts the power at every change that the ops make on this base. */
static void cut_everywhere(const struct test_store *base, const struct op *ops, size_t count)
{
	struct test_state states[MAX_OPS + 1];
	struct test_state final, after;
	struct test_store medium;
	size_t changes, n;
	int kind;

	assert_true(count <= MAX_OPS);
	test_store_init(&medium);
	test_store_copy(&medium, base);
	reopen(&medium, &states[0]);
	assert_int_equal(run(&medium, ops, count, states + 1), count);
	reopen(&medium, &final);
	assert_true(test_state_same(&final, &states[count]));
	changes = medium.writes + medium.erases;
	assert_true(changes > 0);

	for (n = 1; n <= changes; n++) {
		for (kind = 0; kind < TEST_STORE_CUT_KINDS; kind++) {
			size_t done;
			test_store_copy(&medium, base);
			test_store_cut_at(&medium, n, (enum test_store_cut)kind);
			done = run(&medium, ops, count, NULL);
			assert_true(done < count);
			reopen(&medium, &after);
			if (!test_state_same(&after, &states[done]) && !test_state_same(&after, &states[done + 1]))
				fail_msg("change %zu, cut %d: neither the state before op %zu nor the one behind it", n, kind, done);
			/* These are one change each: it is clear which of the two it must be. */
			if (ops[done].kind == STAGE || ops[done].kind == CONFIRM)
				assert_true(test_state_same(&after, &states[kind == TEST_STORE_CUT_AFTER ? done + 1 : done]));

			assert_int_equal(run(&medium, ops, count, NULL), count);
			reopen(&medium, &after);
			assert_memory_equal(after.committed, final.committed, sizeof final.committed);
			assert_memory_equal(after.staged, final.staged, sizeof final.staged);
			assert_int_equal(after.unconfirmed, final.unconfirmed);
		}
	}
	test_store_free(&medium);
}

/* Every port call fails once: the state is as before the op, in memory and on the medium, and the op works when tried again. */
static void fail_everywhere(const struct test_store *base, const struct op *ops, size_t count, unsigned calls)
{
	struct test_store medium;
	struct test_state final;
	size_t n;

	test_store_init(&medium);
	test_store_copy(&medium, base);
	assert_int_equal(run(&medium, ops, count, NULL), count);
	reopen(&medium, &final);
	for (n = 1;; n++) {
		struct dps_store store;
		struct test_state before, after;
		bool failed = false;
		size_t i;
		test_store_copy(&medium, base);
		assert_int_equal(dps_store_open(&store, &medium.port, scratch, sizeof scratch), DPS_OK);
		test_store_fail(&medium, calls, n, DPS_E_STORAGE_DENIED);
		for (i = 0; i < count; i++) {
			dps_result result;
			size_t matched = medium.matched;
			test_state_read(&store, &before);
			medium.matched = matched; /* looking does not count */
			result = run_op(&store, &medium.port, &ops[i]);
			if (result == DPS_OK)
				continue;
			assert_int_equal(result, DPS_E_STORAGE_DENIED);
			assert_false(failed);
			failed = true;
			if (ops[i].kind != REOPEN && ops[i].kind != COLLECT) {
				test_state_read(&store, &after);
				assert_true(test_state_same(&before, &after));
			}
			assert_int_equal(run_op(&store, &medium.port, &ops[i]), DPS_OK);
		}
		reopen(&medium, &after);
		assert_true(test_state_same(&after, &final));
		if (!failed)
			break;
	}
	assert_true(n > 1);
	test_store_free(&medium);
}

static const struct op first_run[] = {
	{STAGE, DPS_RECORD_OWNER, 1, 0},
	{STAGE, DPS_RECORD_CLOUD, 1, 0},
	{STAGE, DPS_RECORD_ACLS, 1, 0},
	{STAGE, DPS_RECORD_CREDENTIALS, 1, 0},
	{REOPEN, DPS_RECORD_OWNER, 0, 0},
	{STAGE, DPS_RECORD_RESOURCES, 1, 0},
	{STAGE, DPS_RECORD_CLOUD, 2, 0},
	{COMMIT, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
	{COLLECT, DPS_RECORD_OWNER, 0, 0},
	{CONFIRM, DPS_RECORD_OWNER, 0, OWNER | CLOUD | ACLS},
	{CONFIRM, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
};

/* A renewal, a discarded answer, a forced run, generations left uncollected. */
static const struct op later_runs[] = {
	{STAGE, DPS_RECORD_CREDENTIALS, 3, 0},
	{COMMIT, DPS_RECORD_OWNER, 0, CREDENTIALS},
	{STAGE, DPS_RECORD_OWNER, 4, 0},
	{STAGE, DPS_RECORD_CREDENTIALS, 4, 0},
	{DISCARD, DPS_RECORD_OWNER, 0, CREDENTIALS},
	{REOPEN, DPS_RECORD_OWNER, 0, 0},
	{STAGE, DPS_RECORD_CREDENTIALS, 5, 0},
	{STAGE, DPS_RECORD_CLOUD, 5, 0},
	{COMMIT, DPS_RECORD_OWNER, 0, OWNER | CREDENTIALS},
	{CONFIRM, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
	{COLLECT, DPS_RECORD_OWNER, 0, 0},
	{DISCARD, DPS_RECORD_OWNER, 0, CLOUD},
	{STAGE, DPS_RECORD_CREDENTIALS, 6, 0},
	{COMMIT, DPS_RECORD_OWNER, 0, CREDENTIALS},
	{STAGE, DPS_RECORD_ACLS, 6, 0},
};

/* Where there is no manifest, all but the resources are provisioned anew. */
static const struct op without_manifest[] = {
	{STAGE, DPS_RECORD_OWNER, 7, 0},
	{STAGE, DPS_RECORD_CLOUD, 7, 0},
	{STAGE, DPS_RECORD_CREDENTIALS, 7, 0},
	{STAGE, DPS_RECORD_ACLS, 7, 0},
	{COMMIT, DPS_RECORD_OWNER, 0, OWNER | CLOUD | CREDENTIALS | ACLS},
	{CONFIRM, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
	{COLLECT, DPS_RECORD_OWNER, 0, 0},
};

#define COUNT(ops) (sizeof(ops) / sizeof((ops)[0]))

/* A medium behind some of the runs. */
static void make_base(struct test_store *base, size_t later)
{
	test_store_init(base);
	assert_int_equal(run(base, first_run, COUNT(first_run), NULL), COUNT(first_run));
	assert_int_equal(run(base, later_runs, later, NULL), later);
}

static void a_first_run_survives_every_cut(void **state)
{
	struct test_store base;
	(void)state;
	test_store_init(&base);
	cut_everywhere(&base, first_run, COUNT(first_run));
	fail_everywhere(&base, first_run, COUNT(first_run), TEST_STORE_WRITE | TEST_STORE_ERASE);
	test_store_free(&base);
}

static void later_runs_survive_every_cut(void **state)
{
	struct test_store base;
	(void)state;
	make_base(&base, 0);
	cut_everywhere(&base, later_runs, COUNT(later_runs));
	fail_everywhere(&base, later_runs, COUNT(later_runs), TEST_STORE_WRITE | TEST_STORE_ERASE);
	test_store_free(&base);
}

/* Whatever stage a run is in, a lost or damaged manifest brings back nothing of what was there, at no cut. */
static void nothing_returns_after_the_loss_of_a_manifest(void **state)
{
	size_t later, loss;
	(void)state;
	for (later = 1; later <= COUNT(later_runs); later++) {
		for (loss = 0; loss < 2; loss++) {
			struct test_store base, medium;
			size_t n, changes;
			int kind;

			make_base(&base, later);
			test_store_init(&medium);
			if (loss == 0)
				test_store_find(&base, "manifest")->data[20] ^= 1;
			else
				test_store_remove(&base, "manifest");
			test_store_copy(&medium, &base);
			medium.writes = medium.erases = 0;
			assert_int_equal(run(&medium, without_manifest, COUNT(without_manifest), NULL), COUNT(without_manifest));
			changes = medium.writes + medium.erases;
			for (n = 1; n <= changes; n++) {
				for (kind = 0; kind < TEST_STORE_CUT_KINDS; kind++) {
					struct test_state after;
					unsigned i;
					test_store_copy(&medium, &base);
					test_store_cut_at(&medium, n, (enum test_store_cut)kind);
					run(&medium, without_manifest, COUNT(without_manifest), NULL);
					reopen(&medium, &after);
					for (i = 0; i < DPS_RECORD_COUNT; i++) {
						assert_true(after.committed[i] == 0 || after.committed[i] == 7);
						/* A lost manifest leaves first generations, if no other is beside them: a first run cannot be told apart from that. */
						assert_true(after.staged[i] == 0 || after.staged[i] == 7 || (loss == 1 && after.staged[i] <= 2));
					}
					/* What is committed is committed together. */
					assert_int_equal(after.committed[0], after.committed[DPS_RECORD_CREDENTIALS]);
					assert_int_equal(run(&medium, without_manifest, COUNT(without_manifest), NULL), COUNT(without_manifest));
					reopen(&medium, &after);
					for (i = 0; i < DPS_RECORD_RESOURCES; i++)
						assert_int_equal(after.committed[i], 7);
					assert_int_equal(after.damaged, 0);
					assert_int_equal(after.unconfirmed, 0);
				}
			}
			test_store_free(&medium);
			test_store_free(&base);
		}
	}
}

/* What was confirmed under the old manifest must not hide what is committed under the new one, whose generations begin again. */
static void a_new_manifest_is_told_about(void **state)
{
	struct test_store medium;
	struct dps_store store;
	(void)state;
	make_base(&medium, 0);
	test_store_remove(&medium, "manifest");
	assert_int_equal(run(&medium, without_manifest, 5, NULL), 5);
	assert_int_equal(dps_store_open(&store, &medium.port, scratch, sizeof scratch), DPS_OK);
	assert_int_equal(dps_store_unconfirmed(&store) & (OWNER | CLOUD | CREDENTIALS | ACLS), OWNER | CLOUD | CREDENTIALS | ACLS);
	test_store_free(&medium);
}

static void write_device_blobs(struct test_store *medium)
{
	static const struct dps_device device = {{{1}}, "identity-0"};
	static const struct dps_stored_endpoints endpoints = {.list = {{{(const uint8_t *)"coaps+tcp://h:1", 15}, true}}, .count = 1};
	struct dps_store store;
	assert_int_equal(dps_store_open(&store, &medium->port, scratch, sizeof scratch), DPS_OK);
	assert_int_equal(dps_store_write_device(&store, &device), DPS_OK);
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_OK);
	assert_int_equal(dps_store_write_time(&store, 1795335898000), DPS_OK);
}

static void expect_empty(struct dps_store *store)
{
	struct test_state now;
	static const struct test_state nothing;
	struct dps_stored_endpoints endpoints = {.count = 7};
	struct dps_device device;
	int64_t time = 7;
	test_state_read(store, &now);
	assert_true(test_state_same(&now, &nothing));
	assert_int_equal(dps_store_read_device(store, &device), DPS_E_NOT_FOUND);
	assert_int_equal(dps_store_read_endpoints(store, scratch, sizeof scratch, &endpoints), DPS_OK);
	assert_int_equal(endpoints.count, 0);
	assert_int_equal(dps_store_read_time(store, &time), DPS_OK);
	assert_int_equal(time, 0);
}

/* A reset is one write: before it all is there, behind it nothing is, however far the erasing came. */
static void a_factory_reset_survives_every_cut(void **state)
{
	struct test_store base, medium;
	struct test_state whole, after;
	size_t n, changes;
	int kind, lazy;
	(void)state;
	make_base(&base, 4);
	write_device_blobs(&base);
	test_store_init(&medium);
	test_store_copy(&medium, &base);
	reopen(&medium, &whole);
	{
		struct dps_store store;
		memset(&store, 0xa5, sizeof store); /* never opened: the port is enough */
		store.port = &medium.port;
		medium.writes = medium.erases = 0;
		assert_int_equal(dps_store_erase_all(&store), DPS_OK);
		expect_empty(&store);
		assert_int_equal(test_store_count(&medium), 0);
		changes = medium.writes + medium.erases;
	}
	for (n = 1; n <= changes; n++) {
		for (kind = 0; kind < TEST_STORE_CUT_KINDS; kind++) {
			for (lazy = 0; lazy < 2; lazy++) {
				struct dps_store store = {.port = &medium.port};
				test_store_copy(&medium, &base);
				test_store_cut_at(&medium, n, (enum test_store_cut)kind);
				assert_int_equal(dps_store_erase_all(&store), DPS_E_STORAGE);
				test_store_power_on(&medium);
				assert_int_equal(dps_store_open(&store, &medium.port, scratch, sizeof scratch), DPS_OK);
				if (n == 1 && kind != TEST_STORE_CUT_AFTER) {
					assert_false(store.reset_begun);
					test_state_read(&store, &after);
					assert_true(test_state_same(&whole, &after));
					continue;
				}
				assert_int_equal(store.reset_begun, n < changes || kind != TEST_STORE_CUT_AFTER);
				expect_empty(&store);
				/* Either the caller ends it, or the first write does. */
				if (lazy)
					assert_int_equal(test_record_stage(&store, DPS_RECORD_OWNER, 9), DPS_OK);
				else
					assert_int_equal(dps_store_erase_all(&store), DPS_OK);
				assert_false(store.reset_begun);
				assert_int_equal(test_store_count(&medium), lazy);
				assert_int_equal(dps_store_open(&store, &medium.port, scratch, sizeof scratch), DPS_OK);
				test_state_read(&store, &after);
				assert_int_equal(after.staged[DPS_RECORD_OWNER], lazy ? 9 : 0);
				assert_int_equal(store.committed, 0);
			}
		}
	}
	test_store_free(&medium);
	test_store_free(&base);
}

/* Any call of a reset fails: it says so, and the next try ends it. */
static void a_failing_reset_can_be_tried_again(void **state)
{
	struct test_store medium;
	struct dps_store store;
	size_t n;
	(void)state;
	for (n = 1; n <= 15; n++) {
		make_base(&medium, 4);
		write_device_blobs(&medium);
		assert_int_equal(dps_store_open(&store, &medium.port, scratch, sizeof scratch), DPS_OK);
		test_store_fail(&medium, TEST_STORE_WRITE | TEST_STORE_ERASE, n, DPS_E_STORAGE_DENIED);
		assert_int_equal(dps_store_erase_all(&store), DPS_E_STORAGE_DENIED);
		if (n > 1) {
			assert_true(store.reset_begun);
			expect_empty(&store);
		}
		assert_int_equal(dps_store_erase_all(&store), DPS_OK);
		assert_int_equal(test_store_count(&medium), 0);
		test_store_free(&medium);
	}
}

/* Where there is no room for the mark, no cut makes the old answers look freshly staged. */
static void a_reset_on_a_full_medium_erases_in_order(void **state)
{
	struct test_store base, medium;
	struct test_state whole, after;
	size_t n;
	(void)state;
	make_base(&base, 4);
	test_store_init(&medium);
	test_store_copy(&medium, &base);
	reopen(&medium, &whole);
	for (n = 1;; n++) {
		struct dps_store store = {.port = &medium.port};
		dps_result result;
		unsigned i;
		test_store_copy(&medium, &base);
		test_store_fail_always(&medium, TEST_STORE_WRITE, DPS_E_STORAGE_FULL);
		test_store_cut_at(&medium, n, TEST_STORE_CUT_AFTER);
		result = dps_store_erase_all(&store);
		test_store_power_on(&medium);
		if (result == DPS_OK)
			break;
		assert_int_equal(dps_store_open(&store, &medium.port, scratch, sizeof scratch), DPS_OK);
		test_state_read(&store, &after);
		for (i = 0; i < DPS_RECORD_COUNT; i++) {
			assert_true(after.committed[i] == 0 || after.committed[i] == whole.committed[i]);
			assert_true(after.staged[i] == 0 || after.staged[i] == whole.staged[i]);
		}
		assert_int_equal(dps_store_erase_all(&store), DPS_OK);
		assert_int_equal(test_store_count(&medium), 0);
	}
	assert_int_equal(test_store_count(&medium), 0);
	assert_true(n > 14);
	test_store_free(&medium);
	test_store_free(&base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_first_run_survives_every_cut),
		cmocka_unit_test(later_runs_survive_every_cut),
		cmocka_unit_test(nothing_returns_after_the_loss_of_a_manifest),
		cmocka_unit_test(a_new_manifest_is_told_about),
		cmocka_unit_test(a_factory_reset_survives_every_cut),
		cmocka_unit_test(a_failing_reset_can_be_tried_again),
		cmocka_unit_test(a_reset_on_a_full_medium_erases_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
