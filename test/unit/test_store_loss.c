/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that rot: at every stage of a device's life every single blob is cut short, emptied or removed. What is lost is asked for again; nothing that was
 * superseded counts as new, and no state is there that never was. And the manifest lost altogether: nothing returns, at no cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_store_ops.h"

#define OWNER       DPS_RECORD_BIT(DPS_RECORD_OWNER)
#define CLOUD       DPS_RECORD_BIT(DPS_RECORD_CLOUD)
#define CREDENTIALS DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)
#define ACLS        DPS_RECORD_BIT(DPS_RECORD_ACLS)

/* Where there is no manifest, all but what is optional is provisioned anew. */
static const struct test_op anew[] = {
	{TEST_OP_STAGE, DPS_RECORD_OWNER, 7, 0},
	{TEST_OP_STAGE, DPS_RECORD_CLOUD, 7, 0},
	{TEST_OP_STAGE, DPS_RECORD_CREDENTIALS, 7, 0},
	{TEST_OP_STAGE, DPS_RECORD_ACLS, 7, 0},
	{TEST_OP_COMMIT, DPS_RECORD_OWNER, 0, OWNER | CLOUD | CREDENTIALS | ACLS},
	{TEST_OP_CONFIRM, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
	{TEST_OP_COLLECT, DPS_RECORD_OWNER, 0, 0},
};
enum { ANEW = sizeof anew / sizeof anew[0] };

/* The names of a medium's blobs. */
static size_t names_of(const struct test_store *medium, char names[TEST_STORE_BLOBS][DPS_STORAGE_NAME_LENGTH + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < TEST_STORE_BLOBS; i++)
		if (medium->blobs[i].name[0] != '\0')
			memcpy(names[count++], medium->blobs[i].name, sizeof medium->blobs[i].name);
	return count;
}

/* --- one blob -------------------------------------------------------------------------------------------------------------------------- */

/*
 * Each record is as it was or missing; under the manifest before the newest one, too: then one that was put in force by the newest is staged, and what it
 * superseded is in force at most as far as it was not collected.
 */
static void expect_no_wrong_state(const struct test_whole *after, const struct test_whole *now, const struct test_whole *before_commit,
                                  const char *name)
{
	const bool of_manifest = strncmp(name, "manifest", 8) == 0;

	for (unsigned i = 0; i < DPS_RECORD_COUNT; i++) {
		const unsigned committed = after->records.committed[i], staged = after->records.staged[i];

		if (committed != 0 && committed != now->records.committed[i] && !(of_manifest && committed == before_commit->records.committed[i]))
			fail_msg("without %s: record %u of %u is in force", name, i, committed);
		if (staged != 0 && staged != now->records.staged[i] && !(of_manifest && staged == now->records.committed[i]))
			fail_msg("without %s: record %u of %u is staged", name, i, staged);
		if (committed == now->records.committed[i] && staged == now->records.staged[i])
			continue;
		if (!of_manifest && strncmp(name, dps_record_name((enum dps_record)i), strlen(dps_record_name((enum dps_record)i))) != 0)
			fail_msg("without %s: record %u is harmed", name, i);
		/* Nothing is lost by the loss of one manifest. */
		if (of_manifest && now->records.committed[i] != 0)
			assert_true(committed == now->records.committed[i] || staged == now->records.committed[i] || staged == 7);
	}
	assert_true(after->device == now->device || (after->device == 0 && strncmp(name, "device", 6) == 0));
	assert_true(after->endpoints == now->endpoints || (after->endpoints == 0 && strncmp(name, "endpoints", 9) == 0));
	assert_true(after->time == now->time || (after->time == 0 && strncmp(name, "time", 4) == 0));
}

/* What is left of a blob is enough to provision the device anew. */
static void expect_repair(struct test_store *medium)
{
	struct test_whole after;

	assert_int_equal(test_ops_run(medium, anew, ANEW, NULL), ANEW);
	test_ops_reopen(medium, &after);
	for (unsigned i = 0; i < DPS_RECORD_RESOURCES; i++)
		assert_int_equal(after.records.committed[i], 7);
	assert_int_equal(after.records.damaged & ~(DPS_RECORD_BIT(DPS_RECORD_RESOURCES) | DPS_RECORD_BIT(DPS_RECORD_LOCAL)), 0);
	assert_int_equal(after.records.unconfirmed, 0);
}

static void lose_each_blob(const struct test_store *base, const struct test_whole *now, const struct test_whole *before_commit)
{
	char names[TEST_STORE_BLOBS][DPS_STORAGE_NAME_LENGTH + 1];
	const size_t count = names_of(base, names);
	struct test_store medium;

	test_store_init(&medium);
	for (size_t i = 0; i < count; i++) {
		const size_t len = test_store_find((struct test_store *)base, names[i])->len;

		for (size_t left = 0; left <= len; left++) {
			struct test_whole after;

			test_store_copy(&medium, base);
			if (left == len)
				test_store_remove(&medium, names[i]);
			else
				test_store_find(&medium, names[i])->len = left;
			test_ops_reopen(&medium, &after);
			expect_no_wrong_state(&after, now, before_commit, names[i]);
			if (left % 16 == 0 || left == len)
				expect_repair(&medium);
		}
	}
	test_store_free(&medium);
}

static void no_single_loss_makes_a_wrong_state(void **state)
{
	struct test_whole now, before_commit, manifest_before;
	struct test_store base;

	(void)state;
	test_store_init(&base);
	test_ops_reopen(&base, &now);
	manifest_before = now;
	for (size_t op = 0; op < TEST_FIRST_RUN + TEST_LATER_RUNS; op++) {
		const struct test_op *next = op < TEST_FIRST_RUN ? &test_first_run[op] : &test_later_runs[op - TEST_FIRST_RUN];

		before_commit = now;
		assert_int_equal(test_ops_run(&base, next, 1, NULL), 1);
		test_ops_reopen(&base, &now);
		if (next->kind == TEST_OP_COMMIT || next->kind == TEST_OP_CONFIRM)
			manifest_before = before_commit;
		lose_each_blob(&base, &now, &manifest_before);
	}
	test_store_free(&base);
}

/* --- the newest manifest --------------------------------------------------------------------------------------------------------------- */

/* A renewal whose manifest rots after what it superseded was collected: it is put in force again, without asking anybody. */
static void what_a_lost_manifest_put_in_force_is_staged(void **state)
{
	struct test_store medium;
	struct dps_store store;
	struct test_whole whole;
	(void)state;
	test_ops_base(&medium, 2);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_collect(&store), DPS_OK);
	assert_null(test_store_find(&medium, "credentials-1"));
	assert_int_equal(store.manifest.records[DPS_RECORD_CREDENTIALS].in_force, 2);
	test_store_find(&medium, "manifest-0")->len = 20; /* the commit is the fourth manifest */
	test_ops_reopen(&medium, &whole);
	assert_int_equal(whole.records.staged[DPS_RECORD_CREDENTIALS], 3);
	assert_int_equal(whole.records.damaged, CREDENTIALS);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_commit(&store, store.staged), DPS_OK);
	test_ops_reopen(&medium, &whole);
	assert_int_equal(whole.records.committed[DPS_RECORD_CREDENTIALS], 3);
	assert_int_equal(whole.records.damaged, 0);
	test_store_free(&medium);
}

/* What is two generations ahead under the older manifest is never used, and gone before it could be one ahead. */
static void what_is_too_far_ahead_is_stray(void **state)
{
	struct test_store medium;
	struct dps_store store;
	struct test_whole whole;
	(void)state;
	test_ops_base(&medium, 2);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(test_record_stage(&store, DPS_RECORD_CREDENTIALS, 9), DPS_OK); /* where the superseded one was */
	test_store_remove(&medium, "manifest-0");
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	test_whole_read(&store, &whole);
	assert_int_equal(whole.records.staged[DPS_RECORD_CREDENTIALS], 3);
	assert_int_equal(whole.records.committed[DPS_RECORD_CREDENTIALS], 0);
	assert_int_equal(dps_store_commit(&store, CREDENTIALS), DPS_OK);
	test_ops_reopen(&medium, &whole);
	assert_int_equal(whole.records.committed[DPS_RECORD_CREDENTIALS], 3);
	assert_int_equal(whole.records.staged[DPS_RECORD_CREDENTIALS], 0);
	assert_null(test_store_find(&medium, "credentials-1"));
	test_store_free(&medium);
}

/* --- all manifests --------------------------------------------------------------------------------------------------------------------- */

/* A device cut during its very first commit, on a medium that tears: what was staged still is. */
static void a_torn_first_manifest_leaves_what_was_staged(void **state)
{
	size_t step;
	(void)state;
	for (step = TEST_STORE_CUT_TORN;; step++) {
		struct test_store medium;
		struct dps_store store;
		struct test_whole whole;
		test_store_init(&medium);
		medium.torn_len = 68;
		assert_int_equal(test_ops_run(&medium, anew, 4, NULL), 4);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		if (!test_store_cut_step(&medium, 1, step)) {
			test_store_free(&medium);
			break;
		}
		medium.torn_len = 68;
		assert_int_equal(dps_store_commit(&store, store.staged), DPS_E_STORAGE);
		test_store_power_on(&medium);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_true(store.manifest_damaged);
		assert_int_equal(store.damaged | store.committed, 0);
		assert_int_equal(store.staged, OWNER | CLOUD | CREDENTIALS | ACLS);
		assert_int_equal(dps_store_commit(&store, store.staged), DPS_OK);
		assert_false(store.manifest_damaged);
		test_ops_reopen(&medium, &whole);
		assert_int_equal(whole.records.committed[DPS_RECORD_OWNER], 7);
		test_store_free(&medium);
	}
	assert_true(step > 60);
}

/* A slot that cannot be read now is gone before a new manifest is written: were it readable later, it would be the newer one. */
static void a_manifest_that_can_be_read_again_does_not_return(void **state)
{
	struct test_store medium;
	struct test_whole whole;
	(void)state;
	for (unsigned slot = 0; slot < 2; slot++) {
		char name[] = "manifest-0";
		struct test_store_blob *blob;
		name[9] = (char)('0' + slot);
		test_ops_base(&medium, 11);
		test_store_find(&medium, "manifest-0")->data[20] ^= 1;
		test_store_find(&medium, "manifest-1")->data[20] ^= 1;
		assert_int_equal(test_ops_run(&medium, anew, ANEW, NULL), ANEW);
		blob = test_store_find(&medium, name);
		assert_true(blob == NULL || blob->data[7] <= 2); /* a generation of the new ones */
		test_ops_reopen(&medium, &whole);
		assert_int_equal(whole.records.committed[DPS_RECORD_OWNER], 7);
		test_store_free(&medium);
	}
}

static void lose_manifests(struct test_store *base, unsigned loss)
{
	static const char *const names[] = {"manifest-0", "manifest-1"};

	for (size_t i = 0; i < 2; i++) {
		struct test_store_blob *blob = test_store_find(base, names[i]);
		if (blob != NULL && loss == 0)
			blob->data[20] ^= 1;
		else if (blob != NULL && loss == 1)
			test_store_remove(base, names[i]);
		else if (blob != NULL)
			blob->len = i * 30; /* torn */
	}
}

/* Whatever stage a run is in, the loss of both manifests brings back nothing of what was there, at no cut. */
static void nothing_returns_after_the_loss_of_all_manifests(void **state)
{
	(void)state;
	for (size_t later = 0; later <= TEST_LATER_RUNS; later++) {
		for (unsigned loss = 0; loss < 3; loss++) {
			struct test_store base, medium;
			size_t n, changes, step;

			test_ops_base(&base, later);
			test_store_init(&medium);
			lose_manifests(&base, loss);
			test_store_copy(&medium, &base);
			assert_int_equal(test_ops_run(&medium, anew, ANEW, NULL), ANEW);
			changes = medium.writes + medium.erases;
			for (n = 1; n <= changes; n++) {
				for (step = 0;; step++) {
					struct test_whole after;
					unsigned i;
					test_store_copy(&medium, &base);
					if (!test_store_cut_step(&medium, n, step))
						break;
					test_ops_run(&medium, anew, ANEW, NULL);
					test_ops_reopen(&medium, &after);
					for (i = 0; i < DPS_RECORD_COUNT; i++) {
						assert_true(after.records.committed[i] == 0 || after.records.committed[i] == 7);
						/* First generations count, if no other is beside them: a first run cannot be told apart from that. They are the
						 * newest of their record, and were in force or staged. */
						assert_true(after.records.staged[i] == 0 || after.records.staged[i] == 7 || after.records.staged[i] <= 2 ||
						            (i == DPS_RECORD_LOCAL && after.records.staged[i] == 3));
						/* What a renewal replaced is none of them, whatever was erased before the cut. */
						assert_true(i != DPS_RECORD_CREDENTIALS || later < 1 || after.records.staged[i] != 1);
					}
					/* What is committed is committed together. */
					assert_int_equal(after.records.committed[0], after.records.committed[DPS_RECORD_CREDENTIALS]);
					expect_repair(&medium);
				}
			}
			test_store_free(&medium);
			test_store_free(&base);
		}
	}
}

/* Once a record is staged it stays staged, also beside what a lost manifest left of later generations. */
static void what_is_staged_without_a_manifest_stays_staged(void **state)
{
	(void)state;
	for (unsigned loss = 0; loss < 3; loss++) {
		struct test_store medium;
		struct test_whole whole;
		test_ops_base(&medium, 11);
		lose_manifests(&medium, loss);
		test_store_find(&medium, "acls-1")->len = 9;
		assert_int_equal(test_ops_run(&medium, anew, 4, NULL), 4);
		test_ops_reopen(&medium, &whole);
		for (unsigned i = 0; i < DPS_RECORD_RESOURCES; i++)
			assert_int_equal(whole.records.staged[i], 7);
		test_store_free(&medium);
	}
}

/* What was confirmed under the old manifest must not hide what is committed under the new one, whose generations begin again. */
static void a_new_manifest_is_told_about(void **state)
{
	struct test_store medium;
	struct dps_store store;
	(void)state;
	test_ops_base(&medium, 0);
	lose_manifests(&medium, 1);
	assert_int_equal(test_ops_run(&medium, anew, 5, NULL), 5);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_unconfirmed(&store) & (OWNER | CLOUD | CREDENTIALS | ACLS), OWNER | CLOUD | CREDENTIALS | ACLS);
	test_store_free(&medium);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_single_loss_makes_a_wrong_state),
		cmocka_unit_test(what_a_lost_manifest_put_in_force_is_staged),
		cmocka_unit_test(what_is_too_far_ahead_is_stray),
		TEST_CUTS(a_torn_first_manifest_leaves_what_was_staged),
		cmocka_unit_test(a_manifest_that_can_be_read_again_does_not_return),
		TEST_CUTS(nothing_returns_after_the_loss_of_all_manifests),
		cmocka_unit_test(what_is_staged_without_a_manifest_stays_staged),
		cmocka_unit_test(a_new_manifest_is_told_about),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
