/* SPDX-License-Identifier: Apache-2.0 */
/* What the store makes of media whose bytes have rotted, are of a newer format, or are not what they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/text.h"
#include "store/store.h"
#include "support/test_bytes.h"
#include "support/test_medium.h"

#define BIT(record) DPS_RECORD_BIT(DPS_RECORD_##record)

static uint8_t buf[DPS_CONFIG_BODY_SIZE];

/* --- damage ------------------------------------------------------------------------------------------------------------------------ */

/* What a store must say after this blob of test_medium_make() became unreadable, or was removed. */
static void expect_damage(struct test_store *medium, const char *name, bool removed)
{
	static const char *const records[] = {"owner-1", "cloud-1", "credentials-1", "acls-1", "resources-1", "local-1"};
	const dps_result lost = removed ? DPS_E_NOT_FOUND : DPS_E_STORAGE_CORRUPT;
	struct dps_store store;
	struct test_state now;
	struct dps_store_device device;
	struct dps_stored_endpoints endpoints = {.count = 7};
	uint32_t damaged = 0;
	unsigned i;

	assert_int_equal(test_medium_open(&store, medium), DPS_OK);
	test_state_read(&store, &now);
	for (i = 0; i < DPS_RECORD_COUNT; i++)
		if (strcmp(name, records[i]) == 0)
			damaged = DPS_RECORD_BIT(i);
	assert_int_equal(store.damaged, damaged);
	assert_false(store.manifest_damaged);
	assert_int_equal(store.committed, DPS_RECORD_ALL & ~damaged);
	assert_int_equal(store.staged, strcmp(name, "credentials-0") == 0 ? 0 : BIT(CREDENTIALS));
	/* The newest manifest is the one that has what was confirmed. */
	assert_int_equal(now.unconfirmed, strcmp(name, "manifest-0") == 0 ? DPS_RECORD_ALL : 0);
	assert_int_equal(dps_store_read_device(&store, &device), strcmp(name, "device-1") == 0 ? lost : DPS_OK);
	assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &endpoints),
	                 strcmp(name, "endpoints-1") == 0 && !removed ? DPS_E_STORAGE_CORRUPT : DPS_OK);
	assert_int_equal(test_medium_endpoints(&store), strcmp(name, "endpoints-1") != 0);
	assert_int_equal(test_medium_time(&store), strcmp(name, "time-1") != 0);
}

static void every_flipped_bit_is_noticed(void **state)
{
	struct test_store good, medium;
	struct dps_store store;
	size_t i, at;
	(void)state;
	test_medium_make(&good, &store);
	test_store_init(&medium);
	for (i = 0; i < TEST_MEDIUM_BLOBS; i++) {
		size_t len = test_store_find(&good, test_medium_names[i])->len;
		for (at = 0; at < len; at++) {
			test_store_copy(&medium, &good);
			test_store_find(&medium, test_medium_names[i])->data[at] ^= (uint8_t)(1u << at % 8);
			expect_damage(&medium, test_medium_names[i], false);
		}
	}
	test_store_free(&medium);
	test_store_free(&good);
}

static void every_cut_is_noticed(void **state)
{
	struct test_store good, medium;
	struct dps_store store;
	size_t i, len;
	(void)state;
	test_medium_make(&good, &store);
	test_store_init(&medium);
	for (i = 0; i < TEST_MEDIUM_BLOBS; i++) {
		for (len = 0; len < test_store_find(&good, test_medium_names[i])->len; len++) {
			test_store_copy(&medium, &good);
			test_store_find(&medium, test_medium_names[i])->len = len;
			expect_damage(&medium, test_medium_names[i], false);
		}
		test_store_copy(&medium, &good);
		{
			uint8_t longer[2048] = {0};
			struct test_store_blob *blob = test_store_find(&medium, test_medium_names[i]);
			memcpy(longer, blob->data, blob->len);
			test_store_put(&medium, test_medium_names[i], longer, blob->len + 1);
		}
		expect_damage(&medium, test_medium_names[i], false);
		/* Too large for any buffer. */
		test_store_put(&medium, test_medium_names[i], memset(buf, 'd', sizeof buf), sizeof buf);
		test_store_put(&medium, test_medium_names[i], buf, sizeof buf);
		test_store_find(&medium, test_medium_names[i])->len = sizeof buf;
		expect_damage(&medium, test_medium_names[i], false);
		test_store_remove(&medium, test_medium_names[i]);
		expect_damage(&medium, test_medium_names[i], true);
	}
	test_store_free(&medium);
	test_store_free(&good);
}

static void a_damaged_record_can_be_replaced(void **state)
{
	struct test_store medium;
	struct dps_store store;
	struct test_state now;
	(void)state;
	test_medium_make(&medium, &store);
	test_store_find(&medium, "credentials-1")->data[20] ^= 1;
	test_store_remove(&medium, "cloud-1");
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	test_state_read(&store, &now);
	assert_int_equal(store.damaged, BIT(CREDENTIALS) | BIT(CLOUD));
	assert_int_equal(now.staged[DPS_RECORD_CREDENTIALS], 2);
	assert_int_equal(dps_store_collect(&store), DPS_OK);
	assert_non_null(test_store_find(&medium, "credentials-1")); /* in force, if damaged */
	assert_int_equal(test_record_stage(&store, DPS_RECORD_CLOUD, 3), DPS_OK);
	assert_int_equal(dps_store_commit(&store, BIT(CLOUD) | BIT(CREDENTIALS)), DPS_OK);
	assert_int_equal(store.damaged, 0);
	assert_int_equal(dps_store_collect(&store), DPS_OK);
	assert_null(test_store_find(&medium, "credentials-1"));
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	test_state_read(&store, &now);
	assert_int_equal(now.damaged, 0);
	assert_int_equal(now.committed[DPS_RECORD_CLOUD], 3);
	assert_int_equal(now.committed[DPS_RECORD_CREDENTIALS], 2);
	assert_int_equal(now.unconfirmed, BIT(CLOUD) | BIT(CREDENTIALS));
	test_store_free(&medium);
}

static void a_damaged_manifest_is_replaced_by_a_commit(void **state)
{
	struct test_store medium;
	struct dps_store store;
	struct test_state now;
	(void)state;
	test_medium_make(&medium, &store);
	test_store_find(&medium, "manifest-0")->data[20] ^= 1;
	test_store_find(&medium, "manifest-1")->data[20] ^= 1;
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_true(store.manifest_damaged);
	assert_int_equal(store.damaged | store.committed, 0);
	/* As after a first run that was cut in its commit; but credentials are there twice. */
	assert_int_equal(store.staged, DPS_RECORD_ALL & ~BIT(CREDENTIALS));
	assert_int_equal(test_record_stage(&store, DPS_RECORD_OWNER, 3), DPS_OK);
	assert_int_equal(dps_store_commit(&store, BIT(OWNER)), DPS_OK);
	assert_int_equal(store.damaged, 0);
	assert_false(store.manifest_damaged);
	test_state_read(&store, &now);
	assert_int_equal(now.committed[DPS_RECORD_OWNER], 3);
	assert_int_equal(now.unconfirmed, BIT(OWNER));
	assert_int_equal(store.committed, BIT(OWNER));
	test_store_free(&medium);
}

/* Some blobs have bodies of the same shape: only the header tells them apart. */
static void a_blob_under_another_name_is_damage(void **state)
{
	static const struct {
		const char *from, *to;
		uint32_t damaged;
	} moves[] = {
		{"acls-1", "resources-1", BIT(RESOURCES)},
		{"device-1", "manifest-0", 0},
		{"owner-1", "manifest-0", 0},
		{"acls-1", "local-1", BIT(LOCAL)},
		{"manifest-1", "manifest-0", 0}, /* its generation is of the other slot */
		{"credentials-0", "credentials-1", BIT(CREDENTIALS)},
	};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof moves / sizeof moves[0]; i++) {
		struct test_store medium;
		struct dps_store store;
		struct test_store_blob *from;
		uint8_t empty[] = {0x80};
		struct dps_acl acl = {.aces = {empty, 1}};
		test_medium_make(&medium, &store);
		assert_int_equal(dps_store_stage(&store, DPS_RECORD_ACLS, &acl), DPS_OK);
		test_medium_forge(&medium, "acls-1", 2, 7, 1, test_hex("0002 0001 80", buf, sizeof buf));
		from = test_store_find(&medium, moves[i].from);
		test_store_put(&medium, moves[i].to, from->data, from->len);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(store.damaged, moves[i].damaged);
		if (strcmp(moves[i].to, "manifest-0") == 0)
			assert_int_equal(dps_store_unconfirmed(&store), DPS_RECORD_ALL);
		test_store_free(&medium);
	}
}

static void what_changes_behind_the_back_is_noticed(void **state)
{
	struct test_store medium;
	struct dps_store store;
	struct dps_owner owner;
	struct dps_credentials credentials;
	(void)state;
	test_medium_make(&medium, &store);
	test_store_remove(&medium, "owner-1");
	assert_int_equal(dps_store_read(&store, DPS_RECORD_OWNER, DPS_STORE_COMMITTED, buf, sizeof buf, &owner), DPS_E_STORAGE_CORRUPT);
	test_store_put(&medium, "credentials-0", test_store_find(&medium, "credentials-1")->data,
	               test_store_find(&medium, "credentials-1")->len);
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CREDENTIALS, DPS_STORE_STAGED, buf, sizeof buf, &credentials),
	                 DPS_E_STORAGE_CORRUPT);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(store.damaged, BIT(OWNER));
	assert_int_equal(store.staged, 0);
	test_store_free(&medium);
}

/* --- a newer format ---------------------------------------------------------------------------------------------------------------- */

static void a_newer_format_is_refused_and_kept(void **state)
{
	static const unsigned kinds[TEST_MEDIUM_BLOBS] = {13, 13, 1, 3, 5, 4, 7, 9, 15, 10, 11, 12};
	struct test_store good, medium, before;
	struct dps_store store;
	size_t i;
	(void)state;
	test_medium_make(&good, &store);
	test_store_init(&medium);
	test_store_init(&before);
	for (i = 0; i < TEST_MEDIUM_BLOBS; i++) {
		test_store_copy(&medium, &good);
		test_medium_forge(&medium, test_medium_names[i], 3, kinds[i], 98 + i % 2, test_text("of a later version"));
		test_store_copy(&before, &medium);
		assert_int_equal(test_medium_open(&store, &medium), DPS_E_STORAGE_VERSION);
		assert_int_equal(test_record_stage(&store, DPS_RECORD_OWNER, 1), DPS_E_STATE);
		assert_int_equal(dps_store_collect(&store), DPS_E_STATE);
		assert_int_equal(dps_store_write_time(&store, 1), DPS_E_STATE);
		assert_true(test_store_same(&before, &medium));
		/* Who asks for a factory reset gets one. */
		assert_int_equal(dps_store_erase_all(&store), DPS_OK);
		assert_int_equal(test_store_count(&medium), 0);
	}
	/* Under a name that only older versions have, and in the slot that is not in use. */
	test_store_copy(&medium, &good);
	test_medium_forge(&medium, "time", 3, 12, 0, test_text("of a later version"));
	assert_int_equal(test_medium_open(&store, &medium), DPS_E_STORAGE_VERSION);
	test_store_copy(&medium, &good);
	test_medium_forge(&medium, "device-0", 3, 10, 0, test_text("of a later version"));
	assert_int_equal(test_medium_open(&store, &medium), DPS_E_STORAGE_VERSION);
	test_store_free(&before);
	test_store_free(&medium);
	test_store_free(&good);
}

/* The reset of what a newer version left counts from its mark on, whatever is cut behind it. */
static void a_reset_of_a_newer_format_survives_every_cut(void **state)
{
	struct test_store good, medium;
	struct dps_store store;
	unsigned slot;
	(void)state;
	test_medium_make(&good, &store);
	test_store_init(&medium);
	for (slot = 0; slot < 2; slot++) {
		size_t n, step;
		bool was_cut = true;
		test_medium_forge(&good, slot == 0 ? "manifest-0" : "manifest-1", 3, 13, 98 + slot, test_text("of a later version"));
		for (n = 1; was_cut; n++) {
			for (step = 0;; step++) {
				dps_result result;
				test_store_copy(&medium, &good);
				assert_int_equal(test_medium_open(&store, &medium), DPS_E_STORAGE_VERSION);
				if (!test_store_cut_step(&medium, n, step))
					break;
				(void)dps_store_erase_all(&store);
				was_cut = medium.off;
				if (!was_cut)
					break;
				test_store_power_on(&medium);
				result = test_medium_open(&store, &medium);
				assert_int_equal(result, n == 1 && step != TEST_STORE_CUT_AFTER ? DPS_E_STORAGE_VERSION : DPS_OK);
				assert_int_equal(store.committed | store.staged | store.damaged, 0);
				assert_int_equal(dps_store_erase_all(&store), DPS_OK);
				assert_int_equal(test_store_count(&medium), 0);
			}
		}
		assert_int_equal(test_store_count(&medium), 0);
	}
	test_store_free(&medium);
	test_store_free(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flipped_bit_is_noticed),        cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(a_damaged_record_can_be_replaced),    cmocka_unit_test(a_damaged_manifest_is_replaced_by_a_commit),
		cmocka_unit_test(a_blob_under_another_name_is_damage), cmocka_unit_test(what_changes_behind_the_back_is_noticed),
		cmocka_unit_test(a_newer_format_is_refused_and_kept),  cmocka_unit_test(a_reset_of_a_newer_format_survives_every_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
