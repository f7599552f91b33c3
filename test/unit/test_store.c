/* SPDX-License-Identifier: Apache-2.0 */
/* The store's format, byte for byte, and what it makes of media that are damaged, hostile, newer or failing. */
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
#include "support/test_records.h"
#include "support/test_store.h"

#define BIT(record) DPS_RECORD_BIT(DPS_RECORD_##record)

static uint8_t scratch[DPS_CONFIG_BODY_SIZE];
static uint8_t buf[DPS_CONFIG_BODY_SIZE];

static dps_result open_store(struct dps_store *store, struct test_store *medium)
{
	return dps_store_open(store, &medium->port, scratch, sizeof scratch);
}

/* A medium with all records of version 1 in force, credentials of version 2 staged, and the device's blobs. */
static void make_medium(struct test_store *medium, struct dps_store *store)
{
	static const struct dps_device device = {{{1, 2, 3}}, "identity-0"};
	static const struct dps_stored_endpoints endpoints = {.list = {{{(const uint8_t *)"coaps+tcp://h:1", 15}, true}}, .count = 1};
	unsigned i;
	test_store_init(medium);
	assert_int_equal(open_store(store, medium), DPS_OK);
	for (i = 0; i < DPS_RECORD_COUNT; i++)
		assert_int_equal(test_record_stage(store, (enum dps_record)i, 1), DPS_OK);
	assert_int_equal(dps_store_commit(store, DPS_RECORD_ALL), DPS_OK);
	assert_int_equal(dps_store_confirm(store, DPS_RECORD_ALL), DPS_OK);
	assert_int_equal(test_record_stage(store, DPS_RECORD_CREDENTIALS, 2), DPS_OK);
	assert_int_equal(dps_store_write_device(store, &device), DPS_OK);
	assert_int_equal(dps_store_write_endpoints(store, &endpoints), DPS_OK);
	assert_int_equal(dps_store_write_time(store, 1795335898000), DPS_OK);
}

static void put16(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

static void put32(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 24);
	out[1] = (uint8_t)(value >> 16);
	out[2] = (uint8_t)(value >> 8);
	out[3] = (uint8_t)value;
}

/* Makes header and CRC right again: what a hostile medium can do. */
static void forge(struct test_store *medium, const char *name, unsigned version, unsigned kind, uint32_t generation, struct dps_span body)
{
	uint8_t blob[1024] = {0x64, 0x70, (uint8_t)version, (uint8_t)kind};
	put32(blob + 4, generation);
	put32(blob + 8, (uint32_t)body.len);
	if (body.len > 0)
		memcpy(blob + 16, body.data, body.len);
	put32(blob + 12, dps_crc32(dps_crc32(0, blob, 12), body.data, body.len));
	test_store_put(medium, name, blob, 16 + body.len);
}

static void expect_blob(struct test_store *medium, const char *name, const char *hex)
{
	uint8_t bytes[512];
	struct dps_span wanted = test_hex(hex, bytes, sizeof bytes);
	struct test_store_blob *blob = test_store_find(medium, name);
	assert_non_null(blob);
	assert_int_equal(blob->len, wanted.len);
	assert_memory_equal(blob->data, wanted.data, wanted.len);
}

/* --- the format -------------------------------------------------------------------------------------------------------------------- */

/* The bytes of docs/storage-format.md: a change here is a change of the format. */
static void the_format_stays_what_it_is(void **state)
{
	struct test_store medium;
	struct dps_store store;
	struct dps_owner owner;
	struct dps_acl acl;
	struct dps_cloud cloud = {.gateway = {(const uint8_t *)"coaps+tcp://gw:5684", 19}, .gateway_count = 1};
	struct dps_device device = {.key_slot = "identity-0"};
	struct dps_stored_endpoints endpoints = {.list = {{{(const uint8_t *)"coaps+tcp://h:1", 15}, true}}, .count = 1};
	static const uint8_t no_aces[] = {0x80};
	(void)state;

	test_store_init(&medium);
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(dps_uuid_parse("b80c8fef-a677-5340-85fb-2c162d75df03", DPS_UUID_TEXT_LEN, &owner.id), DPS_OK);
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_OWNER, &owner), DPS_OK);
	expect_blob(&medium, "owner-1", "64700101 00000001 00000012 dc23ab9f 0010 b80c8fefa677534085fb2c162d75df03");
	acl.aces = (struct dps_span){no_aces, 1};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_ACLS, &acl), DPS_OK);
	expect_blob(&medium, "acls-1", "64700107 00000001 00000005 2bf7c32a 0002 0001 80");
	cloud.provider = test_text("plgd");
	cloud.hub_id = owner.id;
	cloud.gateways[0] = (struct dps_gateway){owner.id, cloud.gateway};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &cloud), DPS_OK);
	expect_blob(&medium, "cloud-1",
	            "64700103 00000001 00000069 977cfd9b 003d 0004 0013 0000 b80c8fefa677534085fb2c162d75df03 0000 0001 "
	            "b80c8fefa677534085fb2c162d75df03 0013 0000 0000 0000000000000000 00 0000 0000 706c6764 "
	            "636f6170732b7463703a2f2f67773a35363834 636f6170732b7463703a2f2f67773a35363834");
	assert_int_equal(dps_store_commit(&store, BIT(OWNER) | BIT(ACLS)), DPS_OK);
	expect_blob(&medium, "manifest",
	            "6470010d 00000000 0000002c f62d8bb6 002a 0005 00000001 00000000 00000000 00000000 00000000 00000000 00000001 00000000 "
	            "00000000 00000000");
	assert_int_equal(dps_store_confirm(&store, BIT(ACLS)), DPS_OK);
	expect_blob(&medium, "manifest",
	            "6470010d 00000000 0000002c e1569ff5 002a 0005 00000001 00000000 00000000 00000000 00000000 00000000 00000001 00000001 "
	            "00000000 00000000");
	device.id = owner.id;
	assert_int_equal(dps_store_write_device(&store, &device), DPS_OK);
	expect_blob(&medium, "device", "6470010a 00000000 0000001e 5ea58d81 0012 b80c8fefa677534085fb2c162d75df03 000a 6964656e746974792d30");
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_OK);
	expect_blob(&medium, "endpoints", "6470010b 00000000 00000016 b8f98e03 0005 0001 000f 01 636f6170732b7463703a2f2f683a31");
	assert_int_equal(dps_store_write_time(&store, 1795335898000), DPS_OK);
	expect_blob(&medium, "time", "6470010c 00000000 0000000a 59ce39dc 0008 000001a2025bc390");
	assert_int_equal(dps_store_reset_begin(&store), DPS_OK);
	expect_blob(&medium, "manifest", "6470010d 00000000 00000004 2bb0a35f 0002 0000");
	test_store_free(&medium);
}

static void records_come_back_as_they_were(void **state)
{
	unsigned version;
	(void)state;
	for (version = 1; version < 32; version++) {
		struct test_store medium;
		struct dps_store store;
		struct test_state now;
		unsigned i;
		test_store_init(&medium);
		assert_int_equal(open_store(&store, &medium), DPS_OK);
		for (i = 0; i < DPS_RECORD_COUNT; i++)
			assert_int_equal(test_record_stage(&store, (enum dps_record)i, version), DPS_OK);
		assert_int_equal(dps_store_commit(&store, BIT(OWNER) | BIT(CREDENTIALS)), DPS_OK);
		test_state_read(&store, &now);
		for (i = 0; i < DPS_RECORD_COUNT; i++) {
			bool in_force = i == DPS_RECORD_OWNER || i == DPS_RECORD_CREDENTIALS;
			assert_int_equal(now.committed[i], in_force ? version : 0);
			assert_int_equal(now.staged[i], in_force ? 0 : version);
		}
		test_store_free(&medium);
	}
}

static void a_token_of_half_the_area_fits(void **state)
{
	static uint8_t token[DPS_CONFIG_BODY_SIZE];
	struct test_store medium;
	struct dps_store store;
	struct dps_cloud cloud = {.gateway = {(const uint8_t *)"g", 1}, .token = {token, sizeof token / 2}}, back;
	(void)state;
	memset(token, 'x', sizeof token);
	test_store_init(&medium);
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &cloud), DPS_OK);
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CLOUD, DPS_STORE_STAGED, buf, sizeof buf, &back), DPS_OK);
	assert_int_equal(back.token.len, sizeof token / 2);
	assert_memory_equal(back.token.data, token, back.token.len);
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CLOUD, DPS_STORE_STAGED, buf, sizeof token / 2, &back), DPS_E_BUFFER);
	/* What could not be read back in one body area is not written. */
	cloud.token.len = sizeof token - 16;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &cloud), DPS_E_TOO_LARGE);
	cloud.token.len = SIZE_MAX / 2;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &cloud), DPS_E_TOO_LARGE);
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CLOUD, DPS_STORE_STAGED, buf, sizeof buf, &back), DPS_OK);
	assert_int_equal(back.token.len, sizeof token / 2);
	test_store_free(&medium);
}

/* --- arguments --------------------------------------------------------------------------------------------------------------------- */

static void views_beyond_their_bounds_are_refused(void **state)
{
	static uint8_t long_text[DPS_CONFIG_URI_LENGTH + DPS_CONFIG_SLOT_LENGTH + 80];
	const struct dps_span x = {(const uint8_t *)"x", 1};
	const struct dps_cloud cloud = {.gateway = x, .gateways = {{.uri = x}}, .gateway_count = 1};
	const struct dps_credentials credentials = {
		.key_slot = x, .chain = x, .anchors = {{.der = x}}, .anchor_count = 1, .psks = {{.key = x}}, .psk_count = 1};
	struct dps_cloud c;
	struct dps_credentials d;
	struct dps_acl acl = {.aces = {(const uint8_t *)"\1", 1}};
	struct dps_resources resources = {.array = {(const uint8_t *)"\1", 1}};
	struct dps_device device = {.key_slot = ""};
	struct dps_stored_endpoints endpoints = {.count = DPS_CONFIG_ENDPOINTS};
	struct test_store medium;
	struct dps_store store;
	size_t i;
	(void)state;
	memset(long_text, 'x', sizeof long_text);
	test_store_init(&medium);
	assert_int_equal(dps_store_open(&store, &medium.port, scratch, DPS_STORE_SCRATCH_MIN - 1), DPS_E_ARGUMENT);
	assert_int_equal(dps_store_open(&store, &medium.port, scratch, DPS_STORE_SCRATCH_MIN), DPS_OK);

	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &cloud), DPS_OK);
	c = cloud, c.gateway_count = DPS_CONFIG_GATEWAYS + 1;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &c), DPS_E_ARGUMENT);
	c = cloud, c.gateway.len = 0;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &c), DPS_E_ARGUMENT);
	c = cloud, c.gateway = (struct dps_span){long_text, DPS_CONFIG_URI_LENGTH + 1};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &c), DPS_E_ARGUMENT);
	c = cloud, c.gateways[0].uri.len = 0;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &c), DPS_E_ARGUMENT);
	c = cloud, c.gateways[0].uri = (struct dps_span){long_text, DPS_CONFIG_URI_LENGTH + 1};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &c), DPS_E_ARGUMENT);

	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &credentials), DPS_OK);
	d = credentials, d.anchor_count = DPS_CONFIG_CREDENTIALS + 1;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &d), DPS_E_ARGUMENT);
	d = credentials, d.psk_count = DPS_CONFIG_CREDENTIALS + 1;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &d), DPS_E_ARGUMENT);
	d = credentials, d.key_slot.len = 0;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &d), DPS_E_ARGUMENT);
	d = credentials, d.key_slot = (struct dps_span){long_text, DPS_CONFIG_SLOT_LENGTH + 1};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &d), DPS_E_ARGUMENT);
	d = credentials, d.chain.len = 0;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &d), DPS_E_ARGUMENT);
	d = credentials, d.anchors[0].der.len = 0;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &d), DPS_E_ARGUMENT);
	d = credentials, d.psks[0].key.len = 0;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &d), DPS_E_ARGUMENT);
	d = credentials, d.psks[0].key = (struct dps_span){long_text, 65};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &d), DPS_E_ARGUMENT);

	assert_int_equal(dps_store_stage(&store, DPS_RECORD_ACLS, &acl), DPS_E_FIELD);
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_RESOURCES, &resources), DPS_E_FIELD);
	acl.aces.len = resources.array.len = 0;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_ACLS, &acl), DPS_E_CBOR);
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_RESOURCES, &resources), DPS_E_CBOR);

	assert_int_equal(dps_store_write_device(&store, &device), DPS_E_ARGUMENT);
	memset(device.key_slot, 'x', sizeof device.key_slot);
	assert_int_equal(dps_store_write_device(&store, &device), DPS_E_ARGUMENT);
	for (i = 0; i < DPS_CONFIG_ENDPOINTS; i++)
		endpoints.list[i] = (struct dps_stored_endpoint){{long_text, DPS_CONFIG_URI_LENGTH}, false};
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_OK);
	endpoints.count++;
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_E_ARGUMENT);
	endpoints.count = 2;
	endpoints.list[1].uri.len++;
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_E_ARGUMENT);
	endpoints.list[1].uri.len = 0;
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_E_ARGUMENT);
	assert_int_equal(dps_store_write_time(&store, -1), DPS_E_ARGUMENT);
	assert_int_equal(dps_store_write_time(&store, INT64_MAX), DPS_E_ARGUMENT);

	assert_int_equal(dps_store_commit(&store, BIT(OWNER)), DPS_E_ARGUMENT);
	assert_int_equal(dps_store_commit(&store, UINT32_MAX), DPS_E_ARGUMENT);
	medium.writes = medium.erases = 0;
	assert_int_equal(dps_store_commit(&store, 0), DPS_OK);
	assert_int_equal(dps_store_confirm(&store, DPS_RECORD_ALL), DPS_OK);
	assert_int_equal(dps_store_discard(&store, BIT(OWNER)), DPS_OK);
	assert_int_equal(dps_store_collect(&store), DPS_OK);
	assert_int_equal(medium.writes + medium.erases, 0);
	test_store_free(&medium);
}

static void a_store_that_is_not_open_does_nothing(void **state)
{
	struct test_store medium;
	struct dps_store store = {.open = false};
	struct dps_device device = {.key_slot = "x"};
	struct dps_owner owner;
	struct dps_stored_endpoints endpoints = {.count = 0};
	int64_t time;
	(void)state;
	test_store_init(&medium);
	store.port = &medium.port;
	assert_int_equal(test_record_stage(&store, DPS_RECORD_OWNER, 1), DPS_E_STATE);
	assert_int_equal(test_record_stage(&store, DPS_RECORD_CLOUD, 1), DPS_E_STATE);
	assert_int_equal(test_record_stage(&store, DPS_RECORD_CREDENTIALS, 1), DPS_E_STATE);
	assert_int_equal(test_record_stage(&store, DPS_RECORD_ACLS, 1), DPS_E_STATE);
	assert_int_equal(dps_store_read(&store, DPS_RECORD_OWNER, DPS_STORE_COMMITTED, buf, sizeof buf, &owner), DPS_E_STATE);
	assert_int_equal(dps_store_commit(&store, 1), DPS_E_STATE);
	assert_int_equal(dps_store_discard(&store, 1), DPS_E_STATE);
	assert_int_equal(dps_store_collect(&store), DPS_E_STATE);
	assert_int_equal(dps_store_confirm(&store, 1), DPS_E_STATE);
	assert_int_equal(dps_store_read_device(&store, &device), DPS_E_STATE);
	assert_int_equal(dps_store_write_device(&store, &device), DPS_E_STATE);
	assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &endpoints), DPS_E_STATE);
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_E_STATE);
	assert_int_equal(dps_store_read_time(&store, &time), DPS_E_STATE);
	assert_int_equal(dps_store_write_time(&store, 1), DPS_E_STATE);
	assert_int_equal(medium.reads + medium.writes + medium.erases, 0);
	test_store_free(&medium);
}

/* --- damage ------------------------------------------------------------------------------------------------------------------------ */

static const char *const all_names[] = {"manifest", "owner-1",     "cloud-1", "credentials-1", "credentials-0",
                                        "acls-1",   "resources-1", "device",  "endpoints",     "time"};

/* What a store must say after this blob of make_medium() became unreadable. */
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

	assert_int_equal(open_store(&store, medium), DPS_OK);
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
	make_medium(&good, &store);
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
	make_medium(&good, &store);
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
	make_medium(&medium, &store);
	test_store_find(&medium, "credentials-1")->data[20] ^= 1;
	test_store_remove(&medium, "cloud-1");
	assert_int_equal(open_store(&store, &medium), DPS_OK);
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
	assert_int_equal(open_store(&store, &medium), DPS_OK);
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
	make_medium(&medium, &store);
	test_store_find(&medium, "manifest")->data[20] ^= 1;
	assert_int_equal(open_store(&store, &medium), DPS_OK);
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
		make_medium(&medium, &store);
		assert_int_equal(dps_store_stage(&store, DPS_RECORD_ACLS, &acl), DPS_OK);
		forge(&medium, "acls-1", 1, 7, 1, test_hex("0002 0001 80", buf, sizeof buf));
		from = test_store_find(&medium, moves[i].from);
		test_store_put(&medium, moves[i].to, from->data, from->len);
		assert_int_equal(open_store(&store, &medium), DPS_OK);
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
	make_medium(&medium, &store);
	test_store_remove(&medium, "owner-1");
	assert_int_equal(dps_store_read(&store, DPS_RECORD_OWNER, DPS_STORE_COMMITTED, buf, sizeof buf, &owner), DPS_E_STORAGE_CORRUPT);
	test_store_put(&medium, "credentials-0", test_store_find(&medium, "credentials-1")->data,
	               test_store_find(&medium, "credentials-1")->len);
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CREDENTIALS, DPS_STORE_STAGED, buf, sizeof buf, &credentials),
	                 DPS_E_STORAGE_CORRUPT);
	assert_int_equal(open_store(&store, &medium), DPS_OK);
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
	make_medium(&good, &store);
	test_store_init(&medium);
	test_store_init(&before);
	for (i = 0; i < sizeof all_names / sizeof all_names[0]; i++) {
		test_store_copy(&medium, &good);
		forge(&medium, all_names[i], 2, kinds[i], 99, test_text("of a later version"));
		test_store_copy(&before, &medium);
		assert_int_equal(open_store(&store, &medium), DPS_E_STORAGE_VERSION);
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
	};
	struct test_store medium;
	struct dps_store store;
	uint8_t body[512];
	size_t i, k;
	(void)state;
	make_medium(&medium, &store);
	for (i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		struct test_store damaged;
		test_store_init(&damaged);
		for (k = 0; k < sets[i].count; k++) {
			test_store_copy(&damaged, &medium);
			forge(&damaged, sets[i].name, 1, sets[i].kind, 1, test_hex(sets[i].bodies[k], body, sizeof body));
			assert_int_equal(open_store(&store, &damaged), DPS_OK);
			if (store.damaged != sets[i].bit)
				fail_msg("taken as %s: %s", sets[i].name, sets[i].bodies[k]);
		}
		test_store_free(&damaged);
	}
	/* Fields and strings behind those that are known are not looked at: a later build's. */
	forge(&medium, "owner-1", 1, 1, 1, test_hex("0012" ID "ffff ffff", body, sizeof body));
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(store.damaged, 0);
	/* The longest key that may be. */
	forge(&medium, "credentials-1", 1, 5, 1,
	      test_hex("003a" ID "0001 0001" TIMES "0000 0001" ID "0040 73 30" KEY16 KEY16 KEY16 KEY16, body, sizeof body));
	assert_int_equal(open_store(&store, &medium), DPS_OK);
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
	put16(body, (uint32_t)len - 2);
	put16(body + 4, 1); /* the first gateway's length; then three were dropped before */
	put16(body + 24, 3);
	put16(body + 26, (uint32_t)offered);
	for (i = 0; i < offered; i++)
		put16(body + 28 + 18 * i + 16, 1);
	memset(body + len, 'u', 1 + offered);
	len += 1 + offered;
	test_store_init(&medium);
	forge(&medium, "cloud-1", 1, 3, 1, (struct dps_span){body, len});
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(store.staged, BIT(CLOUD));
	assert_int_equal(dps_store_read(&store, DPS_RECORD_CLOUD, DPS_STORE_STAGED, buf, sizeof buf, &cloud), DPS_OK);
	assert_int_equal(cloud.gateway_count, DPS_CONFIG_GATEWAYS);
	assert_int_equal(cloud.gateways_dropped, 5);
	assert_true(dps_span_is(cloud.gateways[DPS_CONFIG_GATEWAYS - 1].uri, "u"));
	test_store_free(&medium);
}

/* A manifest's body: the first record's generations, and none of the others. */
static struct dps_span manifest_of(uint8_t body[44], uint32_t in_force, uint32_t confirmed)
{
	memset(body, 0, 44);
	put16(body, 42);
	put16(body + 2, DPS_RECORD_COUNT);
	put32(body + 4, in_force);
	put32(body + 8, confirmed);
	return (struct dps_span){body, 44};
}

static void forged_generations_are_judged(void **state)
{
	struct test_store medium;
	struct dps_store store;
	uint8_t body[64];
	struct dps_span owner = test_hex("0010" ID, body, sizeof body);
	struct dps_span generations;
	uint8_t manifest[44];
	unsigned generation;
	(void)state;

	/* Before the first commit only generation 1 is staged, and only if no other is beside it. */
	for (generation = 0; generation < 6; generation++) {
		test_store_init(&medium);
		forge(&medium, generation % 2 ? "owner-1" : "owner-0", 1, generation % 2, generation, owner);
		assert_int_equal(open_store(&store, &medium), DPS_OK);
		assert_int_equal(store.staged, generation == 1 ? BIT(OWNER) : 0);
		forge(&medium, "owner-0", 1, 0, 2, owner);
		assert_int_equal(open_store(&store, &medium), DPS_OK);
		assert_int_equal(store.staged, 0);
		/* What is staged and committed now wins over both, at the next opening too. */
		assert_int_equal(test_record_stage(&store, DPS_RECORD_OWNER, 5), DPS_OK);
		assert_int_equal(dps_store_commit(&store, BIT(OWNER)), DPS_OK);
		assert_int_equal(open_store(&store, &medium), DPS_OK);
		assert_int_equal(store.committed, BIT(OWNER));
		assert_int_equal(store.staged, 0);
		test_store_free(&medium);
	}
	/* In the wrong slot, or under another record's name, a blob is nothing. */
	test_store_init(&medium);
	forge(&medium, "owner-1", 1, 1, 2, owner);
	forge(&medium, "cloud-1", 1, 1, 1, owner);
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(store.staged | store.committed | store.damaged, 0);
	assert_int_equal(dps_store_collect(&store), DPS_OK);
	assert_int_equal(test_store_count(&medium), 0);

	/* A manifest whose next generation could not be counted. */
	forge(&medium, "manifest", 1, 13, 0, manifest_of(manifest, UINT32_MAX, 0));
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(store.damaged, DPS_RECORD_ALL);
	assert_true(store.manifest_damaged);
	/* The last one that can. */
	generations = manifest_of(manifest, UINT32_MAX - 1, 0);
	forge(&medium, "manifest", 1, 13, 0, generations);
	forge(&medium, "owner-0", 1, 0, UINT32_MAX - 1, owner);
	forge(&medium, "owner-1", 1, 1, UINT32_MAX, owner);
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(store.committed, BIT(OWNER));
	assert_int_equal(store.staged, BIT(OWNER));
	assert_int_equal(dps_store_unconfirmed(&store), BIT(OWNER));
	/* In the wrong slot a generation is nothing, in force or not. */
	forge(&medium, "owner-1", 1, 1, UINT32_MAX - 1, owner);
	forge(&medium, "owner-0", 1, 0, UINT32_MAX, owner);
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(store.committed | store.staged, 0);
	assert_int_equal(store.damaged, BIT(OWNER));
	/* A manifest of fewer records, of more, and cut short. */
	put16(manifest + 2, DPS_RECORD_COUNT - 1);
	forge(&medium, "manifest", 1, 13, 0, generations);
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(store.damaged, DPS_RECORD_ALL);
	put16(manifest + 2, DPS_RECORD_COUNT + 1);
	forge(&medium, "manifest", 1, 13, 0, generations);
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(store.damaged, DPS_RECORD_ALL);
	generations = manifest_of(manifest, 1, 0);
	generations.len--;
	put16(manifest, 41);
	forge(&medium, "manifest", 1, 13, 0, generations);
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	assert_int_equal(store.damaged, DPS_RECORD_ALL);
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
	static const char *const lists[] = {"",
	                                    "0001 00",
	                                    "0002 0001",
	                                    "0005 0001 0000 01",
	                                    "0005 0001 0001 02 75",
	                                    "0005 0001 0001 01",
	                                    "0005 0001 0001 01 ff",
	                                    "0004 0001 0001 75"};
	static const char *const times[] = {"", "0007 00000000000000", "0008 ffffffffffffffff", "0008 0000e677d21fdc00",
	                                    "0008 7fffffffffffffff"};
	struct test_store medium;
	struct dps_store store;
	struct dps_device device;
	struct dps_stored_endpoints endpoints;
	uint8_t body[256];
	size_t i;
	int64_t time;
	(void)state;
	test_store_init(&medium);
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	for (i = 0; i < sizeof devices / sizeof devices[0]; i++) {
		forge(&medium, "device", 1, 10, 0, test_hex(devices[i], body, sizeof body));
		assert_int_equal(dps_store_read_device(&store, &device), DPS_E_STORAGE_CORRUPT);
	}
	for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		forge(&medium, "endpoints", 1, 11, 0, test_hex(lists[i], body, sizeof body));
		assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &endpoints), DPS_E_STORAGE_CORRUPT);
		assert_int_equal(endpoints.count, 0);
	}
	/* As many as a build may keep, of which this one keeps its own. */
	memset(body, 0, sizeof body);
	put16(body, 2 + 3 * 16);
	put16(body + 2, 16);
	for (i = 0; i < 16; i++) {
		put16(body + 4 + 3 * i, 1);
		body[6 + 3 * i] = i == 0;
		body[4 + 3 * 16 + i] = (uint8_t)('a' + i);
	}
	forge(&medium, "endpoints", 1, 11, 0, (struct dps_span){body, 4 + 4 * 16});
	assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &endpoints), DPS_OK);
	assert_int_equal(endpoints.count, DPS_CONFIG_ENDPOINTS);
	assert_int_equal(endpoints.dropped, 16 - DPS_CONFIG_ENDPOINTS);
	assert_true(dps_span_is(endpoints.list[0].uri, "a") && endpoints.list[0].no_resources);
	assert_true(dps_span_is(endpoints.list[1].uri, "b") && !endpoints.list[1].no_resources);
	assert_int_equal(dps_store_read_endpoints(&store, buf, 20, &endpoints), DPS_E_BUFFER);
	assert_int_equal(endpoints.count, 0);
	for (i = 0; i < sizeof times / sizeof times[0]; i++) {
		forge(&medium, "time", 1, 12, 0, test_hex(times[i], body, sizeof body));
		time = 7;
		assert_int_equal(dps_store_read_time(&store, &time), DPS_OK);
		assert_true(time == 0);
	}
	test_store_free(&medium);
}

/* --- failing ports ----------------------------------------------------------------------------------------------------------------- */

static void failures_of_the_port_are_told(void **state)
{
	static const dps_result causes[] = {DPS_E_STORAGE, DPS_E_STORAGE_FULL, DPS_E_STORAGE_DENIED, DPS_AGAIN};
	struct test_store medium;
	struct dps_store store;
	struct dps_device device;
	struct dps_owner owner;
	struct dps_stored_endpoints endpoints = {.list = {{{(const uint8_t *)"u", 1}, false}}, .count = 1}, stored;
	size_t i, n, reads;
	int64_t time;
	(void)state;
	make_medium(&medium, &store);
	medium.reads = 0;
	assert_int_equal(open_store(&store, &medium), DPS_OK);
	reads = medium.reads;
	for (i = 0; i < sizeof causes / sizeof causes[0]; i++) {
		dps_result told = causes[i] == DPS_AGAIN ? DPS_E_STORAGE : causes[i];
		for (n = 1; n <= reads; n++) {
			test_store_fail(&medium, TEST_STORE_READ, n, causes[i]);
			assert_int_equal(open_store(&store, &medium), told);
			assert_int_equal(dps_store_commit(&store, 0), DPS_E_STATE);
		}
		test_store_power_on(&medium);
		assert_int_equal(open_store(&store, &medium), DPS_OK);
		test_store_fail_always(&medium, TEST_STORE_ANY, causes[i]);
		assert_int_equal(test_record_stage(&store, DPS_RECORD_OWNER, 3), told);
		assert_int_equal(dps_store_commit(&store, BIT(CREDENTIALS)), told);
		assert_int_equal(dps_store_discard(&store, BIT(CREDENTIALS)), told);
		assert_int_equal(dps_store_read(&store, DPS_RECORD_OWNER, DPS_STORE_COMMITTED, buf, sizeof buf, &owner), told);
		assert_int_equal(dps_store_read_device(&store, &device), told);
		memset(&device, 'x', sizeof device);
		device.key_slot[1] = '\0';
		assert_int_equal(dps_store_write_device(&store, &device), told);
		assert_int_equal(dps_store_read_endpoints(&store, buf, sizeof buf, &stored), told);
		assert_int_equal(dps_store_write_endpoints(&store, &endpoints), told);
		assert_int_equal(dps_store_read_time(&store, &time), told);
		assert_int_equal(dps_store_write_time(&store, 1), told);
		test_store_power_on(&medium);
		assert_int_equal(store.staged, BIT(CREDENTIALS));
		assert_int_equal(store.committed, DPS_RECORD_ALL);
	}
	/* Collecting goes on past a failure and says it. */
	assert_int_equal(dps_store_commit(&store, BIT(CREDENTIALS)), DPS_OK);
	assert_int_equal(test_record_stage(&store, DPS_RECORD_OWNER, 2), DPS_OK);
	assert_int_equal(dps_store_commit(&store, BIT(OWNER)), DPS_OK);
	test_store_fail(&medium, TEST_STORE_ERASE, 1, DPS_E_STORAGE_DENIED);
	assert_int_equal(dps_store_collect(&store), DPS_E_STORAGE_DENIED);
	assert_non_null(test_store_find(&medium, "owner-1"));
	assert_null(test_store_find(&medium, "credentials-1"));
	assert_int_equal(dps_store_collect(&store), DPS_OK);
	assert_null(test_store_find(&medium, "owner-1"));
	test_store_free(&medium);
}

static dps_result lying_read(void *ctx, const char *name, uint8_t *out, size_t size, size_t *len)
{
	(void)ctx;
	(void)name;
	memset(out, 0, size);
	*len = size + 1;
	return DPS_OK;
}

static void a_lying_port_is_a_failing_port(void **state)
{
	struct test_store medium;
	struct dps_store store;
	(void)state;
	test_store_init(&medium);
	medium.port.read = lying_read;
	assert_int_equal(open_store(&store, &medium), DPS_E_STORAGE);
	test_store_free(&medium);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_format_stays_what_it_is),
		cmocka_unit_test(records_come_back_as_they_were),
		cmocka_unit_test(a_token_of_half_the_area_fits),
		cmocka_unit_test(views_beyond_their_bounds_are_refused),
		cmocka_unit_test(a_store_that_is_not_open_does_nothing),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(a_damaged_record_can_be_replaced),
		cmocka_unit_test(a_damaged_manifest_is_replaced_by_a_commit),
		cmocka_unit_test(a_blob_under_another_name_is_damage),
		cmocka_unit_test(what_changes_behind_the_back_is_noticed),
		cmocka_unit_test(a_newer_format_is_refused_and_kept),
		cmocka_unit_test(forged_bodies_are_judged),
		cmocka_unit_test(gateways_beyond_the_build_are_counted),
		cmocka_unit_test(forged_generations_are_judged),
		cmocka_unit_test(forged_device_blobs_are_judged),
		cmocka_unit_test(failures_of_the_port_are_told),
		cmocka_unit_test(a_lying_port_is_a_failing_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
