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

static const char *const all_names[] = {"manifest", "owner-1",     "cloud-1", "credentials-1", "credentials-0",
                                        "acls-1",   "resources-1", "device",  "endpoints",     "time"};

/* What a store must say after this blob of test_medium_make() became unreadable. */
static void expect_damage(struct test_store *medium, const char *name)
{
	static const char *const records[] = {"owner-1", "cloud-1", "credentials-1", "acls-1", "resources-1"};
	struct dps_store store;
	struct test_state now;
	struct dps_device device;
	struct dps_stored_endpoints endpoints = {.count = 7};
	int64_t time = 7;
	uint32_t damaged = 0;
	unsigned i;

	assert_int_equal(test_medium_open(&store, medium), DPS_OK);
	test_state_read(&store, &now);
	for (i = 0; i < DPS_RECORD_COUNT; i++)
		if (strcmp(name, records[i]) == 0)
			damaged = DPS_RECORD_BIT(i);
	if (strcmp(name, "manifest") == 0)
		damaged = DPS_RECORD_ALL;
	assert_int_equal(store.damaged, damaged);
	assert_int_equal(store.committed, DPS_RECORD_ALL & ~damaged);
	assert_int_equal(store.staged, strcmp(name, "credentials-0") == 0 || strcmp(name, "manifest") == 0 ? 0 : BIT(CREDENTIALS));
	assert_int_equal(now.unconfirmed, 0);
	assert_int_equal(dps_store_read_device(&store, &device), strcmp(name, "device") == 0 ? DPS_E_STORAGE_CORRUPT : DPS_OK);
	assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &endpoints),
	                 strcmp(name, "endpoints") == 0 ? DPS_E_STORAGE_CORRUPT : DPS_OK);
	assert_int_equal(endpoints.count, strcmp(name, "endpoints") != 0);
	assert_int_equal(dps_store_read_time(&store, &time), DPS_OK);
	assert_true(time == (strcmp(name, "time") == 0 ? 0 : 1795335898000));
}

static void every_flipped_bit_is_noticed(void **state)
{
	struct test_store good, medium;
	struct dps_store store;
	size_t i, at;
	(void)state;
	test_medium_make(&good, &store);
	test_store_init(&medium);
	for (i = 0; i < sizeof all_names / sizeof all_names[0]; i++) {
		size_t len = test_store_find(&good, all_names[i])->len;
		for (at = 0; at < len; at++) {
			test_store_copy(&medium, &good);
			test_store_find(&medium, all_names[i])->data[at] ^= (uint8_t)(1u << at % 8);
			expect_damage(&medium, all_names[i]);
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
	for (i = 0; i < sizeof all_names / sizeof all_names[0]; i++) {
		for (len = 0; len < test_store_find(&good, all_names[i])->len; len++) {
			test_store_copy(&medium, &good);
			test_store_find(&medium, all_names[i])->len = len;
			expect_damage(&medium, all_names[i]);
		}
		test_store_copy(&medium, &good);
		{
			uint8_t longer[2048] = {0};
			struct test_store_blob *blob = test_store_find(&medium, all_names[i]);
			memcpy(longer, blob->data, blob->len);
			test_store_put(&medium, all_names[i], longer, blob->len + 1);
		}
		expect_damage(&medium, all_names[i]);
		/* Too large for any buffer. */
		test_store_put(&medium, all_names[i], memset(buf, 'd', sizeof buf), sizeof buf);
		test_store_put(&medium, all_names[i], buf, sizeof buf);
		test_store_find(&medium, all_names[i])->len = sizeof buf;
		if (strcmp(all_names[i], "endpoints") != 0)
			expect_damage(&medium, all_names[i]);
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
	test_store_find(&medium, "manifest")->data[20] ^= 1;
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_true(store.manifest_damaged);
	assert_int_equal(store.damaged, DPS_RECORD_ALL);
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
		{"device", "manifest", DPS_RECORD_ALL},
		{"owner-1", "manifest", DPS_RECORD_ALL},
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
		test_medium_forge(&medium, "acls-1", 1, 7, 1, test_hex("0002 0001 80", buf, sizeof buf));
		from = test_store_find(&medium, moves[i].from);
		test_store_put(&medium, moves[i].to, from->data, from->len);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(store.damaged, moves[i].damaged);
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
	static const unsigned kinds[] = {13, 1, 3, 5, 4, 7, 9, 10, 11, 12};
	struct test_store good, medium, before;
	struct dps_store store;
	size_t i;
	(void)state;
	test_medium_make(&good, &store);
	test_store_init(&medium);
	test_store_init(&before);
	for (i = 0; i < sizeof all_names / sizeof all_names[0]; i++) {
		test_store_copy(&medium, &good);
		test_medium_forge(&medium, all_names[i], 2, kinds[i], 99, test_text("of a later version"));
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
	test_store_free(&before);
	test_store_free(&medium);
	test_store_free(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flipped_bit_is_noticed),        cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(a_damaged_record_can_be_replaced),    cmocka_unit_test(a_damaged_manifest_is_replaced_by_a_commit),
		cmocka_unit_test(a_blob_under_another_name_is_damage), cmocka_unit_test(what_changes_behind_the_back_is_noticed),
		cmocka_unit_test(a_newer_format_is_refused_and_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
