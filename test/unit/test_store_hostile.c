/* SPDX-License-Identifier: Apache-2.0 */
/* Media that somebody else has written: right headers and CRCs over anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/cbor.h"
#include "codec/text.h"
#include "store/store.h"
#include "support/test_bytes.h"
#include "support/test_medium.h"

#define BIT(record) DPS_RECORD_BIT(DPS_RECORD_##record)

static uint8_t buf[DPS_CONFIG_BODY_SIZE];

/* --- hostile media ----------------------------------------------------------------------------------------------------------------- */

#define ID    "00000000000000000000000000000000"
#define KEY16 "30303030303030303030303030303030"
#define NINE  ID "0001" ID "0001" ID "0001" ID "0001" ID "0001" ID "0001" ID "0001" ID "0001" ID "0001"

/* Bodies with a right CRC that are no record: damaged, whatever the record. */
static void forged_bodies_are_judged(void **state)
{
	static const char *const owners[] = {
		"", "00", "0010", "0000" ID, "000f" ID, "0011" ID, "ffff" ID, "0010 000000000000000000000000000000",
	};
	/* provider, gateway and token; hub; gateways dropped and kept: "", "g", "", with something wrong. */
	static const char *const clouds[] = {
		"0018 0000 0001 0000" ID "0000 67",
		"001a 0000 0000 0000" ID "0000 0000",
		"001a 0000 0001 0000" ID "0000 0000",
		"001a ffff 0001 0000" ID "0000 0000 67",
		"001a 0001 0001 0000" ID "0000 0000 67",
		"001a 0001 0001 0000" ID "0000 0000 ff 67",
		"001a 0000 0001 0000" ID "0000 0000 ff",
		"001a 0000 0001 0001" ID "0000 0000 67 00",
		"001a 0000 0001 0000" ID "0000 0001 67 75",
		"002b 0000 0001 0000" ID "0000 0001" ID "00 67 75",
		"002c 0000 0001 0000" ID "0000 0001" ID "0000 67",
		"002c 0000 0001 0000" ID "0000 0001" ID "0001 67",
		"002c 0000 0001 0000" ID "0000 0001" ID "0001 67 80",
		"002c 0000 0001 0000" ID "0000 0002" ID "0001 67 75 75",
	};
	/* device; slot and chain; two times; anchors; keys: "s", h'30', none, with something wrong. */
#define TIMES "0000000000000001 0000000000000002"
	static const char *const credentials[] = {
		"0026" ID "0001 0001" TIMES "0000 73 30",
		"0028" ID "0000 0001" TIMES "0000 0000 30",
		"0028" ID "0011 0001" TIMES "0000 0000 7373737373737373737373737373737373 30",
		"0028" ID "0001 0001" TIMES "0000 0000 ff 30",
		"0028" ID "0001 0000" TIMES "0000 0000 73",
		"0028" ID "0001 0001" TIMES "0000 0000 73",
		"0028" ID "0001 0001" TIMES "0001 0000 73 30",
		"003a" ID "0001 0001" TIMES "0001" ID "0000 0000 73 30",
		"003a" ID "0001 0001" TIMES "0000 0001" ID "0000 73 30",
		"003a" ID "0001 0001" TIMES "0000 0001" ID "0001 73 30",
		"0039" ID "0001 0001" TIMES "0000 0001" ID "00 73 30",
		"003a" ID "0001 0001" TIMES "0000 0001" ID "0041 73 30" KEY16 KEY16 KEY16 KEY16 "00",
		"00ca" ID "0001 0001" TIMES "0009" NINE "0000 73 30 303030303030303030",
		"00ca" ID "0001 0001" TIMES "0000 0009" NINE "73 30 303030303030303030",
		"0028" ID "0001 0001" TIMES "ffff 0000 73 30",
	};
	static const char *const arrays[] = {
		"", "0002", "0001 00 80", "0002 0000", "0002 0001", "0002 0001 a0", "0002 0002 8100", "0002 0002 81a0", "0002 0002 8000"};
	/* anchors; keys; entries */
	static const char *const locals[] = {
		"",
		"0000",
		"0004 0000 0000",
		"0005 0000 0000 00",
		"0006 0000 0000 0001",
		"0006 0000 0000 0001 a0",
		"0006 0000 0000 0002 8100",
		"0018 0001" ID "0000 0000 0000",
		"0018 0001" ID "0001 0000 0000",
		"0018 0000 0001" ID "0000 0000",
		"0006 0009 0000 0000",
	};
	static const struct {
		const char *name;
		unsigned kind;
		const char *const *bodies;
		size_t count;
		uint32_t bit;
	} sets[] = {
		{"owner-1", 1, owners, sizeof owners / sizeof owners[0], BIT(OWNER)},
		{"cloud-1", 3, clouds, sizeof clouds / sizeof clouds[0], BIT(CLOUD)},
		{"credentials-1", 5, credentials, sizeof credentials / sizeof credentials[0], BIT(CREDENTIALS)},
		{"acls-1", 7, arrays, sizeof arrays / sizeof arrays[0], BIT(ACLS)},
		{"resources-1", 9, arrays, sizeof arrays / sizeof arrays[0], BIT(RESOURCES)},
		{"local-1", 15, locals, sizeof locals / sizeof locals[0], BIT(LOCAL)},
	};
	struct test_store medium;
	struct dps_store store;
	uint8_t body[512];
	size_t i, k;
	(void)state;
	test_medium_make(&medium, &store);
	for (i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		struct test_store damaged;
		test_store_init(&damaged);
		for (k = 0; k < sets[i].count; k++) {
			test_store_copy(&damaged, &medium);
			test_medium_forge(&damaged, sets[i].name, 1, sets[i].kind, 1, test_hex(sets[i].bodies[k], body, sizeof body));
			assert_int_equal(test_medium_open(&store, &damaged), DPS_OK);
			if (store.damaged != sets[i].bit)
				fail_msg("taken as %s: %s", sets[i].name, sets[i].bodies[k]);
		}
		test_store_free(&damaged);
	}
	/* Fields and strings behind those that are known are not looked at: a later build's. */
	test_medium_forge(&medium, "owner-1", 1, 1, 1, test_hex("0012" ID "ffff ffff", body, sizeof body));
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(store.damaged, 0);
	/* The longest key that may be. */
	test_medium_forge(&medium, "credentials-1", 1, 5, 1,
	                  test_hex("003a" ID "0001 0001" TIMES "0000 0001" ID "0040 73 30" KEY16 KEY16 KEY16 KEY16, body, sizeof body));
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(store.damaged, 0);
	test_store_free(&medium);
}

static void gateways_beyond_the_build_are_counted(void **state)
{
	const size_t offered = DPS_CONFIG_GATEWAYS + 2;
	struct test_store medium;
	struct dps_store store;
	struct dps_cloud cloud;
	uint8_t body[4096] = {0};
	size_t len = 2 + 26 + 18 * offered;
	size_t i;
	(void)state;
	test_put16(body, (uint32_t)len - 2);
	test_put16(body + 4, 1); /* the first gateway's length; then three were dropped before */
	test_put16(body + 24, 3);
	test_put16(body + 26, (uint32_t)offered);
	for (i = 0; i < offered; i++)
		test_put16(body + 28 + 18 * i + 16, 1);
	memset(body + len, 'u', 1 + offered);
	len += 1 + offered;
	test_store_init(&medium);
	test_medium_forge(&medium, "cloud-1", 1, 3, 1, (struct dps_span){body, len});
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(store.staged, BIT(CLOUD));
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CLOUD, DPS_STORE_STAGED, buf, sizeof buf, &cloud), DPS_OK);
	assert_int_equal(cloud.gateway_count, DPS_CONFIG_GATEWAYS);
	assert_int_equal(cloud.gateways_dropped, 5);
	assert_true(dps_span_is(cloud.gateways[DPS_CONFIG_GATEWAYS - 1].uri, "u"));
	test_store_free(&medium);
}

/* Fields that later writers put behind the first ones: those that are not there are zero, half of one is damage. */
static void what_older_writers_did_not_know_reads_as_none(void **state)
{
	static const char *const lists[] = {"0005 0001 0001 01 75",
	                                    "0007 0001 0001 01 0000 75",
	                                    "0009 0001 0001 01 0000 0007 75",
	                                    "000b 0001 0001 01 0000 0000 0000 75",
	                                    "000c 0001 0001 01 0000 0000 0000 00 75",
	                                    "000e 0001 0001 01 0000 ffff 0000 00 abcd 75"};
	struct test_store medium;
	struct dps_store store;
	struct dps_credentials view;
	struct dps_stored_endpoints endpoints;
	uint8_t body[256];
	size_t i;
	(void)state;
	test_store_init(&medium);
	test_medium_forge(&medium, "credentials-1", 1, 5, 1, test_hex("0028" ID "0001 0001" TIMES "0000 0000 73 30", body, sizeof body));
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CREDENTIALS, DPS_STORE_STAGED, buf, sizeof buf, &view), DPS_OK);
	assert_true(view.accepted == 0 && view.not_after == 2);
	test_medium_forge(&medium, "credentials-1", 2, 5, 1,
	                  test_hex("0030" ID "0001 0001" TIMES "0000 0000 0000000000000003 73 30", body, sizeof body));
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CREDENTIALS, DPS_STORE_STAGED, buf, sizeof buf, &view), DPS_OK);
	assert_true(view.accepted == 3);
	for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		test_medium_forge(&medium, "endpoints-0", 2, 11, 4, test_hex(lists[i], body, sizeof body));
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &endpoints), DPS_OK);
		assert_true(endpoints.count == 1 && endpoints.selected == 0 && endpoints.pin_count == 0 && !endpoints.pending);
		assert_true(dps_span_is(endpoints.list[0].uri, "u") && endpoints.list[0].name.len == 0);
	}
	test_store_free(&medium);
}

/* As many as a build may keep, of which this one keeps its own: what is behind the list is read rightly all the same. */
static void endpoints_beyond_the_build_are_counted(void **state)
{
	enum { ALL = 16, SELECTED = 4 + 5 * ALL, FIXED = SELECTED + 2 + 2 + 33 };
	struct test_store medium;
	struct dps_store store;
	struct dps_stored_endpoints endpoints;
	uint8_t body[FIXED + 3 * ALL] = {0};
	size_t i;
	(void)state;
	test_store_init(&medium);
	test_put16(body, FIXED - 2);
	test_put16(body + 2, ALL);
	for (i = 0; i < ALL; i++) {
		test_put16(body + 4 + 3 * i, 1);
		body[6 + 3 * i] = i == 0;
		test_put16(body + 4 + 3 * ALL + 2 * i, 2);
		body[FIXED + i] = (uint8_t)('a' + i);
		body[FIXED + ALL + 2 * i] = (uint8_t)('A' + i);
		body[FIXED + ALL + 2 * i + 1] = '.';
	}
	test_put16(body + SELECTED, 1);
	test_put16(body + SELECTED + 2, 1);
	body[SELECTED + 4] = 1;
	memset(body + SELECTED + 5, 'd', 32);
	test_medium_forge(&medium, "endpoints-1", 2, 11, 1, (struct dps_span){body, sizeof body});
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &endpoints), DPS_OK);
	assert_int_equal(endpoints.count, DPS_CONFIG_ENDPOINTS);
	assert_int_equal(endpoints.dropped, ALL - DPS_CONFIG_ENDPOINTS);
	assert_true(dps_span_is(endpoints.list[0].uri, "a") && endpoints.list[0].no_resources && dps_span_is(endpoints.list[0].name, "A."));
	assert_true(dps_span_is(endpoints.list[1].uri, "b") && !endpoints.list[1].no_resources && dps_span_is(endpoints.list[1].name, "B."));
	assert_int_equal(endpoints.selected, 1);
	assert_true(endpoints.pin_count == 1 && endpoints.pins[0].kind == DPS_PIN_SPKI && endpoints.pins[0].digest[31] == 'd');
	assert_int_equal(dps_store_read_endpoints(&store, buf, 20, &endpoints), DPS_E_BUFFER);
	assert_int_equal(endpoints.count, 0);
	/* One that is not kept is not in use here. */
	test_put16(body + SELECTED, ALL - 1);
	test_medium_forge(&medium, "endpoints-1", 2, 11, 1, (struct dps_span){body, sizeof body});
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &endpoints), DPS_OK);
	assert_int_equal(endpoints.selected, 0);
	test_store_free(&medium);
}

/* Generations of what is single are counted without an end: the newer of two is the one ahead, and a write works at any of them. */
static void generations_of_singles_have_no_end(void **state)
{
	static const uint32_t newest[] = {1, 2, 0x7fffffff, 0x80000000, UINT32_MAX - 1, UINT32_MAX, 0};
	struct test_store medium;
	struct dps_store store;
	uint8_t body[16];
	int64_t time;
	size_t i;
	(void)state;
	for (i = 0; i < sizeof newest / sizeof newest[0]; i++) {
		const uint32_t before = newest[i] - 1;
		test_store_init(&medium);
		test_medium_forge(&medium, before % 2 ? "time-1" : "time-0", 2, 12, before, test_hex("0008 0000000000000001", body, sizeof body));
		test_medium_forge(&medium, newest[i] % 2 ? "time-1" : "time-0", 2, 12, newest[i],
		                  test_hex("0008 0000000000000002", body, sizeof body));
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(dps_store_read_time(&store, &time), DPS_OK);
		assert_true(time == 2);
		assert_int_equal(dps_store_write_time(&store, 3), DPS_OK);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(dps_store_read_time(&store, &time), DPS_OK);
		assert_true(time == 3);
		test_store_free(&medium);
	}
}

/* A manifest's body: the first record's generations, and none of the others. */
#define MANIFEST_BODY (4 + 8 * DPS_RECORD_COUNT)

static struct dps_span manifest_of(uint8_t body[MANIFEST_BODY], uint32_t in_force, uint32_t confirmed)
{
	memset(body, 0, MANIFEST_BODY);
	test_put16(body, MANIFEST_BODY - 2);
	test_put16(body + 2, DPS_RECORD_COUNT);
	test_put32(body + 4, in_force);
	test_put32(body + 8, confirmed);
	return (struct dps_span){body, MANIFEST_BODY};
}

static void forged_generations_are_judged(void **state)
{
	struct test_store medium;
	struct dps_store store;
	uint8_t body[64];
	struct dps_span owner = test_hex("0010" ID, body, sizeof body);
	struct dps_span generations;
	uint8_t manifest[MANIFEST_BODY];
	unsigned generation;
	(void)state;

	/* Before the first commit only generation 1 is staged, and only if no other is beside it. */
	for (generation = 0; generation < 6; generation++) {
		test_store_init(&medium);
		test_medium_forge(&medium, generation % 2 ? "owner-1" : "owner-0", 1, generation % 2, generation, owner);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(store.staged, generation == 1 ? BIT(OWNER) : 0);
		test_medium_forge(&medium, "owner-0", 1, 0, 2, owner);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(store.staged, 0);
		/* What is staged and committed now wins over both, at the next opening too. */
		assert_int_equal(test_record_stage(&store, DPS_RECORD_OWNER, 5), DPS_OK);
		assert_int_equal(dps_store_commit(&store, BIT(OWNER)), DPS_OK);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(store.committed, BIT(OWNER));
		assert_int_equal(store.staged, 0);
		test_store_free(&medium);
	}
	/* In the wrong slot, or under another record's name, a blob is nothing. */
	test_store_init(&medium);
	test_medium_forge(&medium, "owner-1", 1, 1, 2, owner);
	test_medium_forge(&medium, "cloud-1", 1, 1, 1, owner);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(store.staged | store.committed | store.damaged, 0);
	assert_int_equal(dps_store_collect(&store), DPS_OK);
	assert_int_equal(test_store_count(&medium), 0);

	/* A manifest whose next generation could not be counted. */
	test_medium_forge(&medium, "manifest-1", 2, 13, 1, manifest_of(manifest, UINT32_MAX, 0));
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_true(store.manifest_damaged);
	/* The last one that can. */
	generations = manifest_of(manifest, UINT32_MAX - 1, 0);
	test_medium_forge(&medium, "manifest-1", 2, 13, 1, generations);
	test_medium_forge(&medium, "owner-0", 1, 0, UINT32_MAX - 1, owner);
	test_medium_forge(&medium, "owner-1", 1, 1, UINT32_MAX, owner);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(store.committed, BIT(OWNER));
	assert_int_equal(store.staged, 0); /* in force it could not be read back */
	assert_int_equal(test_record_stage(&store, DPS_RECORD_OWNER, 5), DPS_E_STORAGE);
	assert_int_equal(dps_store_unconfirmed(&store), BIT(OWNER));
	/* In the wrong slot a generation is nothing, in force or not. */
	test_medium_forge(&medium, "owner-1", 1, 1, UINT32_MAX - 1, owner);
	test_medium_forge(&medium, "owner-0", 1, 0, UINT32_MAX, owner);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(store.committed | store.staged, 0);
	assert_int_equal(store.damaged, BIT(OWNER));
	/* A manifest of fewer records than the first version had, of more than there are, and cut short. */
	{
		static const unsigned counts[] = {1, DPS_RECORD_COUNT - 2, DPS_RECORD_COUNT + 1};
		size_t i;
		for (i = 0; i < sizeof counts / sizeof counts[0]; i++) {
			test_put16(manifest + 2, counts[i]);
			test_medium_forge(&medium, "manifest-1", 2, 13, 1, generations);
			assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
			assert_true(store.manifest_damaged);
		}
	}
	/* One of the first version's records says of the later ones that there are none. */
	test_put16(manifest + 2, DPS_RECORD_COUNT - 1);
	test_medium_forge(&medium, "manifest-1", 2, 13, 1, generations);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_false(store.manifest_damaged);
	assert_int_equal(store.manifest.count, DPS_RECORD_COUNT);
	assert_int_equal(store.manifest.records[DPS_RECORD_LOCAL].in_force, 0);
	generations = manifest_of(manifest, 1, 0);
	generations.len--;
	test_put16(manifest, MANIFEST_BODY - 3);
	test_medium_forge(&medium, "manifest-1", 2, 13, 1, generations);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_true(store.manifest_damaged);
	test_store_free(&medium);
}

static void forged_device_blobs_are_judged(void **state)
{
	static const char *const devices[] = {"",
	                                      "0012" ID "0001",
	                                      "0011" ID "00",
	                                      "0012" ID "0000",
	                                      "0012" ID "0001 ff",
	                                      "0012" ID "0001 00",
	                                      "0010" ID "73",
	                                      "0012" ID "0018 616161616161616161616161616161616161616161616161"};
	static const char *const lists[] = {
		"", "0001 00", "0002 0001", "0005 0001 0000 01", "0005 0001 0001 02 75", "0005 0001 0001 01", "0005 0001 0001 01 ff",
		"0004 0001 0001 75",
		/* half a name's length; a name too long, and one that is no text */
		"0006 0001 0001 01 00 75", "0007 0001 0001 01 0041 75" KEY16 KEY16 KEY16 KEY16 "30", "0007 0001 0001 01 0001 75 ff",
		/* pins: more than there are bytes, of no kind, half of one, and more than may be kept */
		"000b 0001 0001 01 0000 0000 0001 75", "002c 0001 0001 01 0000 0000 0001 02" ID ID "75",
		"002b 0001 0001 01 0000 0000 0001 01" ID ID "75", "000b 0001 0001 01 0000 0000 0009 75", "000b 0001 0001 01 0000 0000 ffff 75"};
	static const char *const times[] = {"", "0007 00000000000000", "0008 ffffffffffffffff", "0008 0000e677d21fdc00",
	                                    "0008 7fffffffffffffff"};
	struct test_store medium;
	struct dps_store store;
	struct dps_store_device device;
	struct dps_stored_endpoints endpoints;
	uint8_t body[256];
	size_t i;
	int64_t time;
	(void)state;
	test_store_init(&medium);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	for (i = 0; i < sizeof devices / sizeof devices[0]; i++) {
		test_medium_forge(&medium, "device-1", 2, 10, 1, test_hex(devices[i], body, sizeof body));
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(dps_store_read_device(&store, &device), DPS_E_STORAGE_CORRUPT);
	}
	for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		test_medium_forge(&medium, "endpoints-1", 2, 11, 1, test_hex(lists[i], body, sizeof body));
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &endpoints), DPS_E_STORAGE_CORRUPT);
		assert_int_equal(endpoints.count, 0);
	}
	for (i = 0; i < sizeof times / sizeof times[0]; i++) {
		test_medium_forge(&medium, "time-1", 2, 12, 1, test_hex(times[i], body, sizeof body));
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
		time = 7;
		assert_int_equal(dps_store_read_time(&store, &time), DPS_OK);
		assert_true(time == 0);
	}
	test_store_free(&medium);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forged_bodies_are_judged),
		cmocka_unit_test(gateways_beyond_the_build_are_counted),
		cmocka_unit_test(what_older_writers_did_not_know_reads_as_none),
		cmocka_unit_test(endpoints_beyond_the_build_are_counted),
		cmocka_unit_test(generations_of_singles_have_no_end),
		cmocka_unit_test(forged_generations_are_judged),
		cmocka_unit_test(forged_device_blobs_are_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
