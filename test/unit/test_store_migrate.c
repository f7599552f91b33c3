/* SPDX-License-Identifier: Apache-2.0 */
/* What a release of format version 1 has left: its bytes, how they are read, and how they move to the slots of version 2, cut at every change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/cbor.h"
#include "codec/text.h"
#include "support/test_bytes.h"
#include "support/test_store_ops.h"

#define BIT(record) DPS_RECORD_BIT(DPS_RECORD_##record)

static uint8_t buf[DPS_CONFIG_BODY_SIZE];

/* The bytes that version 1 wrote, owner and ACLs in force, the ACLs confirmed, the cloud staged. They can never change again. */
static const struct {
	const char *name, *hex;
} first_version[] = {
	{"owner-1", "64700101 00000001 00000012 dc23ab9f 0010 b80c8fefa677534085fb2c162d75df03"},
	{"acls-1", "64700107 00000001 00000005 2bf7c32a 0002 0001 80"},
	{"cloud-1",
     "64700103 00000001 00000058 fa4aa517 002c 0004 0013 0000 b80c8fefa677534085fb2c162d75df03 0000 0001 "
     "b80c8fefa677534085fb2c162d75df03 0013 706c6764 636f6170732b7463703a2f2f67773a35363834 636f6170732b7463703a2f2f67773a35363834"},
	{"manifest", "6470010d 00000000 0000002c e1569ff5 002a 0005 00000001 00000000 00000000 00000000 00000000 00000000 00000001 00000001 "
                 "00000000 00000000"},
	{"device", "6470010a 00000000 0000001e 5ea58d81 0012 b80c8fefa677534085fb2c162d75df03 000a 6964656e746974792d30"},
	{"endpoints", "6470010b 00000000 00000016 b8f98e03 0005 0001 000f 01 636f6170732b7463703a2f2f683a31"},
	{"time", "6470010c 00000000 0000000a 59ce39dc 0008 000001a2025bc390"},
};
#define BLOBS   (sizeof first_version / sizeof first_version[0])
#define RECORDS 3
static const char mark[] = "6470010d 00000000 00000004 2bb0a35f 0002 0000";

static void put(struct test_store *medium, const char *name, const char *hex)
{
	struct dps_span bytes = test_hex(hex, buf, sizeof buf);

	test_store_put(medium, name, bytes.data, bytes.len);
}

static void make_v1(struct test_store *medium)
{
	test_store_init(medium);
	for (size_t i = 0; i < BLOBS; i++)
		put(medium, first_version[i].name, first_version[i].hex);
}

/* All of it is there, in whatever form. */
static void expect_v1(struct dps_store *store)
{
	struct dps_owner owner;
	struct dps_cloud cloud;
	struct dps_store_device device;
	struct dps_stored_endpoints endpoints;
	int64_t time;

	assert_int_equal(store->committed, BIT(OWNER) | BIT(ACLS));
	assert_int_equal(store->staged, BIT(CLOUD));
	assert_int_equal(store->damaged, 0);
	assert_false(store->manifest_damaged);
	assert_int_equal(dps_store_unconfirmed(store), BIT(OWNER));
	assert_int_equal(store->manifest.count, DPS_RECORD_COUNT);
	assert_int_equal(dps_store_read(store, DPS_RECORD_OWNER, DPS_STORE_COMMITTED, buf, sizeof buf, &owner), DPS_OK);
	assert_int_equal(owner.id.bytes[0], 0xb8);
	assert_int_equal(dps_store_read(store, DPS_RECORD_CLOUD, DPS_STORE_STAGED, buf, sizeof buf, &cloud), DPS_OK);
	assert_true(dps_span_is(cloud.gateway, "coaps+tcp://gw:5684"));
	assert_int_equal(dps_store_read_device(store, &device), DPS_OK);
	assert_string_equal(device.key_slot, "identity-0");
	assert_int_equal(device.id.bytes[15], 3);
	assert_int_equal(dps_store_read_endpoints(store, buf, sizeof buf, &endpoints), DPS_OK);
	assert_true(endpoints.count == 1 && dps_span_is(endpoints.list[0].uri, "coaps+tcp://h:1") && endpoints.list[0].no_resources);
	assert_true(endpoints.list[0].name.len == 0 && endpoints.selected == 0 && endpoints.pin_count == 0);
	assert_int_equal(dps_store_read_time(store, &time), DPS_OK);
	assert_true(time == 1795335898000);
}

static void expect_moved(struct test_store *medium)
{
	for (size_t i = RECORDS; i < BLOBS; i++)
		assert_null(test_store_find(medium, first_version[i].name));
	assert_int_equal(test_store_count(medium), BLOBS);
	test_medium_expect(medium, "manifest-1",
	                   "6470020d 00000001 00000034 65fa546e 0032 0006 00000001 00000000 00000000 00000000 00000000 00000000 00000001 "
	                   "00000001 00000000 00000000 00000000 00000000");
	test_medium_expect(medium, "device-1",
	                   "6470020a 00000001 0000001e bb872ac1 0012 b80c8fefa677534085fb2c162d75df03 000a 6964656e746974792d30");
	test_medium_expect(medium, "time-1", "6470020c 00000001 0000000a 4f9caffe 0008 000001a2025bc390");
	/* Records need no new form. */
	test_medium_expect(medium, first_version[0].name, first_version[0].hex);
}

static void the_first_version_is_read_and_moved(void **state)
{
	struct test_store medium;
	struct dps_store store;
	(void)state;
	make_v1(&medium);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(medium.writes + medium.erases, 0);
	expect_v1(&store);
	assert_int_equal(dps_store_migrate(&store), DPS_OK);
	expect_v1(&store);
	expect_moved(&medium);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	expect_v1(&store);
	/* Where nothing is left to be moved nothing is written. */
	medium.writes = medium.erases = 0;
	assert_int_equal(dps_store_migrate(&store), DPS_OK);
	assert_int_equal(medium.writes + medium.erases, 0);
	test_store_free(&medium);
	test_store_init(&medium);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_migrate(&store), DPS_OK);
	assert_int_equal(medium.writes + medium.erases, 0);
	test_store_free(&medium);
}

static void moving_survives_every_cut(void **state)
{
	struct test_store base, medium;
	struct dps_store store;
	size_t n, step, changes;
	(void)state;
	make_v1(&base);
	test_store_init(&medium);
	test_store_copy(&medium, &base);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_migrate(&store), DPS_OK);
	changes = medium.writes + medium.erases;
	assert_int_equal(changes, 8);
	for (n = 1; n <= changes; n++) {
		for (step = 0;; step++) {
			test_store_copy(&medium, &base);
			assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
			if (!test_store_cut_step(&medium, n, step))
				break;
			(void)dps_store_migrate(&store);
			assert_true(medium.off);
			test_store_power_on(&medium);
			assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
			expect_v1(&store);
			assert_int_equal(dps_store_migrate(&store), DPS_OK);
			expect_v1(&store);
			expect_moved(&medium);
		}
	}
	test_store_free(&medium);
	test_store_free(&base);
}

static void moving_that_fails_can_be_tried_again(void **state)
{
	static const dps_result causes[] = {DPS_E_STORAGE_FULL, DPS_E_STORAGE};
	struct test_store medium;
	struct dps_store store;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t failures = 0;
		for (size_t n = 1;; n++) {
			dps_result result;
			make_v1(&medium);
			assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
			test_store_fail(&medium, TEST_STORE_ANY, n, causes[i]);
			result = dps_store_migrate(&store);
			if (medium.matched < n)
				break;
			assert_true(result == DPS_OK || result == causes[i]);
			failures += result != DPS_OK;
			expect_v1(&store);
			assert_int_equal(dps_store_migrate(&store), DPS_OK);
			expect_v1(&store);
			expect_moved(&medium);
			test_store_free(&medium);
		}
		test_store_free(&medium);
		assert_true(failures >= 8);
	}
}

/* What is written goes to the new form at once, whether all was moved or not. */
static void a_write_moves_what_it_writes(void **state)
{
	static const struct test_op ops[] = {
		{TEST_OP_DEVICE, DPS_RECORD_OWNER, 4, 0},
		{TEST_OP_ENDPOINTS, DPS_RECORD_OWNER, 4, 0},
		{TEST_OP_TIME, DPS_RECORD_OWNER, 4, 0},
		{TEST_OP_CONFIRM, DPS_RECORD_OWNER, 0, DPS_RECORD_ALL},
	};
	struct test_store medium;
	struct dps_store store;
	(void)state;
	make_v1(&medium);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
		assert_int_equal(test_op_run(&store, &medium.port, &ops[i]), DPS_OK);
	for (size_t i = RECORDS; i < BLOBS; i++)
		assert_null(test_store_find(&medium, first_version[i].name));
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(test_medium_device(&store), 4);
	assert_int_equal(test_medium_endpoints(&store), 4);
	assert_int_equal(test_medium_time(&store), 4);
	assert_int_equal(dps_store_unconfirmed(&store), 0);
	test_store_free(&medium);
}

/* A commit over a manifest of the first version: a record that it does not know comes into force. */
static void a_commit_over_the_first_version(void **state)
{
	struct test_store medium;
	struct dps_store store;
	struct dps_cloud cloud;
	(void)state;
	make_v1(&medium);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(test_record_stage(&store, DPS_RECORD_LOCAL, 5), DPS_OK);
	assert_int_equal(dps_store_commit(&store, BIT(CLOUD) | BIT(LOCAL)), DPS_OK);
	assert_null(test_store_find(&medium, "manifest"));
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(store.committed, BIT(OWNER) | BIT(ACLS) | BIT(CLOUD) | BIT(LOCAL));
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CLOUD, DPS_STORE_COMMITTED, buf, sizeof buf, &cloud), DPS_OK);
	test_store_free(&medium);
}

/* Once there is a new form an old one counts for nothing, whatever is in it; it goes with the next clean-up. */
static void an_old_form_beside_a_new_one_is_left_over(void **state)
{
	for (unsigned collect = 0; collect < 2; collect++) {
		struct test_store medium;
		struct dps_store store;
		(void)state;
		test_medium_make(&medium, &store);
		put(&medium, "device", "00");
		for (size_t i = RECORDS; i < BLOBS; i++)
			if (strcmp(first_version[i].name, "device") != 0)
				put(&medium, first_version[i].name, first_version[i].hex);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(store.committed, DPS_RECORD_ALL);
		assert_int_equal(test_medium_device(&store) + test_medium_endpoints(&store) + test_medium_time(&store), 3);
		assert_int_equal(collect ? dps_store_collect(&store) : dps_store_migrate(&store), DPS_OK);
		assert_int_equal(test_store_count(&medium), TEST_MEDIUM_BLOBS);
		test_store_free(&medium);
	}
}

/* Old forms damaged: as those of the new one. */
static void damaged_old_forms_are_lost_alone(void **state)
{
	(void)state;
	for (size_t i = RECORDS; i < BLOBS; i++) {
		const bool of_manifest = strcmp(first_version[i].name, "manifest") == 0;
		size_t len = SIZE_MAX;
		for (size_t left = 0; left < len; left++) {
			struct test_store medium;
			struct dps_store store;
			struct dps_store_device device;
			make_v1(&medium);
			len = test_store_find(&medium, first_version[i].name)->len;
			test_store_find(&medium, first_version[i].name)->len = left;
			assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
			assert_int_equal(store.manifest_damaged, of_manifest);
			assert_int_equal(store.staged, of_manifest ? BIT(OWNER) | BIT(ACLS) | BIT(CLOUD) : BIT(CLOUD));
			assert_int_equal(dps_store_read_device(&store, &device),
			                 strcmp(first_version[i].name, "device") == 0 ? DPS_E_STORAGE_CORRUPT : DPS_OK);
			assert_int_equal(dps_store_migrate(&store), DPS_OK);
			assert_non_null(test_store_find(&medium, first_version[i].name));
			/* The next of its kind takes its place. */
			assert_int_equal(dps_store_commit(&store, store.staged), DPS_OK);
			assert_int_equal(test_medium_write_device(&store, 5), DPS_OK);
			assert_int_equal(test_medium_write_endpoints(&store, 5), DPS_OK);
			assert_int_equal(test_medium_write_time(&store, 5), DPS_OK);
			assert_null(test_store_find(&medium, first_version[i].name));
			test_store_free(&medium);
		}
	}
}

/* A list that is longer than this build can take to the stack stays where it is, and is read there. */
static void a_list_too_long_is_left(void **state)
{
	struct test_store medium;
	struct dps_store store;
	struct dps_stored_endpoints endpoints;
	uint8_t body[1000] = {0};
	(void)state;
	make_v1(&medium);
	test_put16(body, 5);
	test_put16(body + 2, 1);
	test_put16(body + 4, 1);
	memset(body + 7, 'u', sizeof body - 7);
	test_medium_forge(&medium, "endpoints", 1, 11, 0, (struct dps_span){body, sizeof body});
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_migrate(&store), DPS_OK);
	assert_non_null(test_store_find(&medium, "endpoints"));
	assert_null(test_store_find(&medium, "time"));
	assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &endpoints), DPS_OK);
	assert_int_equal(endpoints.count, 1);
	test_store_free(&medium);
}

/* A reset that an old release began: the new one ends it, at whatever cut. */
static void a_reset_of_the_first_version_is_ended(void **state)
{
	struct test_store base, medium;
	struct dps_store store;
	size_t n, step;
	bool was_cut = true;
	(void)state;
	make_v1(&base);
	put(&base, "manifest", mark);
	test_store_init(&medium);
	for (n = 1; was_cut; n++) {
		for (step = 0;; step++) {
			test_store_copy(&medium, &base);
			assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
			assert_true(store.reset_begun);
			if (!test_store_cut_step(&medium, n, step))
				break;
			(void)dps_store_erase_all(&store);
			was_cut = medium.off;
			if (!was_cut)
				break;
			test_store_power_on(&medium);
			assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
			assert_int_equal(store.committed | store.staged | store.damaged, 0);
			assert_true(store.reset_begun || test_store_count(&medium) <= 1);
			assert_int_equal(dps_store_erase_all(&store), DPS_OK);
			assert_int_equal(test_store_count(&medium), 0);
		}
	}
	assert_int_equal(test_store_count(&medium), 0);
	test_store_free(&medium);
	test_store_free(&base);
}

/* A whole directory as it was found on a device. */
static void what_a_release_has_left_is_moved(void **state)
{
	struct test_store medium;
	struct dps_store store;
	struct dps_credentials credentials;
	size_t count;
	(void)state;
	test_store_init(&medium);
	test_medium_fill_v1(&medium);
	count = test_store_count(&medium);
	assert_int_equal(count, 10);
	for (unsigned moved = 0; moved < 2; moved++) {
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(store.committed, DPS_RECORD_ALL & ~BIT(LOCAL));
		assert_int_equal(store.damaged | store.staged | dps_store_unconfirmed(&store), 0);
		assert_int_equal(dps_store_read(&store, DPS_RECORD_CREDENTIALS, DPS_STORE_COMMITTED, buf, sizeof buf, &credentials), DPS_OK);
		assert_true(credentials.accepted == 0 && credentials.not_after > credentials.not_before);
		assert_int_equal(dps_store_migrate(&store), DPS_OK);
		assert_int_equal(test_store_count(&medium), count);
		assert_non_null(test_store_find(&medium, "manifest-1"));
		assert_non_null(test_store_find(&medium, "key-identity-0")); /* of the key port */
	}
	test_store_free(&medium);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_version_is_read_and_moved),  TEST_CUTS(moving_survives_every_cut),
		cmocka_unit_test(moving_that_fails_can_be_tried_again), cmocka_unit_test(a_write_moves_what_it_writes),
		cmocka_unit_test(a_commit_over_the_first_version),      cmocka_unit_test(an_old_form_beside_a_new_one_is_left_over),
		cmocka_unit_test(damaged_old_forms_are_lost_alone),     cmocka_unit_test(a_list_too_long_is_left),
		TEST_CUTS(a_reset_of_the_first_version_is_ended),       cmocka_unit_test(what_a_release_has_left_is_moved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
