/* SPDX-License-Identifier: Apache-2.0 */
/* The factory reset, cut at every change in every way, failing at every call, and on a full medium. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_store_ops.h"

static void expect_empty(struct dps_store *store)
{
	static const struct test_state nothing;
	struct test_state now;
	struct dps_store_device device;

	test_state_read(store, &now);
	assert_true(test_state_same(&now, &nothing));
	if (store->reset_begun) {
		struct dps_stored_endpoints endpoints = {.count = 7};
		int64_t time = 7;
		uint8_t buf[64];
		assert_int_equal(dps_store_read_endpoints(store, buf, sizeof buf, &endpoints), DPS_OK);
		assert_int_equal(endpoints.count, 0);
		assert_int_equal(dps_store_read_time(store, &time), DPS_OK);
		assert_int_equal(time, 0);
	}
	assert_int_equal(dps_store_read_device(store, &device), DPS_E_NOT_FOUND);
	assert_int_equal(test_medium_endpoints(store) + test_medium_time(store), 0);
}

/* A store that is opened before it is reset, or one of which nothing is known but its port. */
static void prepare(struct dps_store *store, struct test_store *medium, bool opened)
{
	memset(store, 0xa5, sizeof *store);
	if (opened) {
		assert_int_equal(test_medium_open(store, medium), DPS_OK);
	} else {
		store->port = &medium->port;
		store->open = false;
	}
	medium->writes = medium->erases = 0;
}

/* How the states differ that a reset may meet: behind how many ops, and what is left of an older format. */
static void make(struct test_store *base, size_t later, bool old_left)
{
	test_ops_base(base, later);
	if (old_left) {
		struct test_store_blob *device = test_store_find(base, "device-0");
		test_store_put(base, "manifest", "dp", 2);
		test_store_put(base, "device", device->data, device->len);
	}
}

/* A reset is one write: before it all is there, behind it nothing is, however far the erasing came. */
static void reset_everywhere(const struct test_store *base, bool opened, bool lazy)
{
	struct test_store medium;
	struct test_whole whole, after;
	struct dps_store store;
	size_t n, step, changes;

	test_store_init(&medium);
	test_store_copy(&medium, base);
	test_ops_reopen(&medium, &whole);
	prepare(&store, &medium, opened);
	assert_int_equal(dps_store_erase_all(&store), DPS_OK);
	expect_empty(&store);
	assert_int_equal(test_store_count(&medium), 0);
	changes = medium.writes + medium.erases;

	for (n = 1; n <= changes; n++) {
		for (step = 0;; step++) {
			bool ended;
			test_store_copy(&medium, base);
			prepare(&store, &medium, opened);
			if (!test_store_cut_step(&medium, n, step))
				break;
			(void)dps_store_erase_all(&store);
			assert_true(medium.off);
			test_store_power_on(&medium);
			assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
			if (n == 1 && step != TEST_STORE_CUT_AFTER) {
				assert_false(store.reset_begun);
				test_whole_read(&store, &after);
				assert_true(test_whole_same(&whole, &after));
				continue;
			}
			/* The last change is the erasing of the mark. */
			ended = n == changes && (step == TEST_STORE_CUT_AFTER || step >= TEST_STORE_CUT_TORN);
			assert_int_equal(store.reset_begun, !ended);
			expect_empty(&store);
			/* Either the caller ends it, or the first write does. */
			if (lazy)
				assert_int_equal(test_record_stage(&store, DPS_RECORD_OWNER, 9), DPS_OK);
			else
				assert_int_equal(dps_store_erase_all(&store), DPS_OK);
			assert_false(store.reset_begun);
			if (!ended || !lazy)
				assert_int_equal(test_store_count(&medium), lazy);
			test_ops_reopen(&medium, &after);
			assert_int_equal(after.records.staged[DPS_RECORD_OWNER], lazy ? 9 : 0);
			assert_int_equal(after.records.damaged, 0);
			assert_int_equal(after.device, 0);
		}
	}
	test_store_free(&medium);
}

static void a_factory_reset_survives_every_cut(void **state)
{
	(void)state;
	for (size_t later = 0; later <= TEST_LATER_RUNS; later += 5) {
		for (unsigned way = 0; way < 8; way++) {
			struct test_store base;
			make(&base, later, (way & 4) != 0);
			reset_everywhere(&base, (way & 1) != 0, (way & 2) != 0);
			test_store_free(&base);
		}
	}
}

/* Any call of a reset fails, reading too: it says so, or does without, and the next try ends it. */
static void a_failing_reset_can_be_tried_again(void **state)
{
	static const dps_result causes[] = {DPS_E_STORAGE, DPS_E_STORAGE_DENIED, DPS_E_STORAGE_FULL};
	struct test_store medium;
	struct dps_store store;
	(void)state;
	for (unsigned way = 0; way < 6; way++) {
		dps_result cause = causes[way / 2];
		size_t failures = 0;
		for (size_t n = 1;; n++) {
			dps_result result;
			test_ops_base(&medium, 4);
			prepare(&store, &medium, (way & 1) != 0);
			test_store_fail(&medium, TEST_STORE_ANY, n, cause);
			result = dps_store_erase_all(&store);
			if (medium.matched < n) {
				assert_int_equal(result, DPS_OK);
				test_store_free(&medium);
				break;
			}
			failures += result != DPS_OK;
			assert_true(result == DPS_OK || result == cause);
			if (result != DPS_OK && store.reset_begun)
				expect_empty(&store);
			assert_int_equal(dps_store_erase_all(&store), DPS_OK);
			assert_int_equal(test_store_count(&medium), 0);
			test_store_free(&medium);
		}
		assert_true(failures > 15);
	}
}

/* Where there is no room for the mark, no cut makes the old answers look freshly staged, and none brings an older manifest back. */
static void a_reset_on_a_full_medium_erases_in_order(void **state)
{
	struct test_store base, medium;
	struct test_whole whole, after;
	size_t n, step;
	bool was_cut = true;
	(void)state;
	test_ops_base(&base, 4);
	test_store_init(&medium);
	test_store_copy(&medium, &base);
	test_ops_reopen(&medium, &whole);
	for (n = 1; was_cut; n++) {
		for (step = 0;; step++) {
			struct dps_store store = {.port = &medium.port};
			dps_result result;
			unsigned i;
			test_store_copy(&medium, &base);
			test_store_fail_always(&medium, TEST_STORE_WRITE, DPS_E_STORAGE_FULL);
			if (!test_store_cut_step(&medium, n, step))
				break;
			result = dps_store_erase_all(&store);
			was_cut = medium.off;
			assert_int_equal(result == DPS_OK, !was_cut);
			if (!was_cut)
				break;
			test_ops_reopen(&medium, &after);
			for (i = 0; i < DPS_RECORD_COUNT; i++) {
				assert_true(after.records.committed[i] == 0 || after.records.committed[i] == whole.records.committed[i]);
				assert_true(after.records.staged[i] == 0 || after.records.staged[i] == whole.records.staged[i]);
			}
			assert_int_equal(dps_store_erase_all(&store), DPS_OK);
			assert_int_equal(test_store_count(&medium), 0);
		}
	}
	assert_int_equal(test_store_count(&medium), 0);
	assert_true(n > 15);
	test_store_free(&medium);
	test_store_free(&base);
}

/* With the mark there nothing else of manifests is: not even its loss would bring an old one back over what is half erased. */
static void the_mark_is_alone_before_anything_is_erased(void **state)
{
	struct test_store medium;
	struct dps_store store;
	(void)state;
	test_ops_base(&medium, 4);
	prepare(&store, &medium, false);
	test_store_cut_at(&medium, 4, TEST_STORE_CUT_BEFORE); /* the mark, the old name, the other slot */
	assert_int_equal(dps_store_erase_all(&store), DPS_E_STORAGE);
	assert_int_equal((test_store_find(&medium, "manifest-0") != NULL) + (test_store_find(&medium, "manifest-1") != NULL), 1);
	assert_non_null(test_store_find(&medium, "owner-1"));
	test_store_power_on(&medium);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_true(store.reset_begun);
	/* The mark is there: it is not written again. */
	medium.writes = 0;
	assert_int_equal(dps_store_reset_begin(&store), DPS_OK);
	assert_int_equal(dps_store_migrate(&store), DPS_OK);
	assert_int_equal(medium.writes, 0);
	assert_int_equal(dps_store_erase_all(&store), DPS_OK);
	assert_int_equal(test_store_count(&medium), 0);
	test_store_free(&medium);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_CUTS(a_factory_reset_survives_every_cut),
		TEST_CUTS(a_failing_reset_can_be_tried_again),
		TEST_CUTS(a_reset_on_a_full_medium_erases_in_order),
		TEST_CUTS(the_mark_is_alone_before_anything_is_erased),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
