/* SPDX-License-Identifier: Apache-2.0 */
/* The store's format, byte for byte, what it refuses to write, and ports that fail. */
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

static uint8_t scratch[DPS_CONFIG_BODY_SIZE];
static uint8_t buf[DPS_CONFIG_BODY_SIZE];

/* --- the format -------------------------------------------------------------------------------------------------------------------- */

/* The bytes of docs/storage-format.md: a change here is a change of the format. */
static void the_format_stays_what_it_is(void **state)
{
	struct test_store medium;
	struct dps_store store;
	struct dps_owner owner;
	struct dps_acl acl;
	struct dps_cloud cloud = {.gateway = {(const uint8_t *)"coaps+tcp://gw:5684", 19}, .gateway_count = 1};
	struct dps_store_device device = {.key_slot = "identity-0"};
	struct dps_credentials credentials = {.not_before = 1, .not_after = 2, .accepted = 1795335898, .anchor_count = 1, .psk_count = 1};
	struct dps_local local = {.anchor_count = 1, .psk_count = 1};
	struct dps_stored_endpoints endpoints = {
		.list = {{{(const uint8_t *)"coaps+tcp://h:1", 15}, true, {(const uint8_t *)"home", 4}}}, .count = 1, .pin_count = 1};
	static const uint8_t no_aces[] = {0x80}, der[] = {0x31}, leaf[] = {0x30, 0x00};
	size_t i;
	(void)state;

	test_store_init(&medium);
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	assert_int_equal(dps_uuid_parse("b80c8fef-a677-5340-85fb-2c162d75df03", DPS_UUID_TEXT_LEN, &owner.id), DPS_OK);
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_OWNER, &owner), DPS_OK);
	test_medium_expect(&medium, "owner-1", "64700201 00000001 00000012 defdacb8 0010 b80c8fefa677534085fb2c162d75df03");
	acl.aces = (struct dps_span){no_aces, 1};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_ACLS, &acl), DPS_OK);
	test_medium_expect(&medium, "acls-1", "64700207 00000001 00000005 3a8aa953 0002 0001 80");
	cloud.provider = test_text("plgd");
	cloud.hub_id = owner.id;
	cloud.gateways[0] = (struct dps_gateway){owner.id, cloud.gateway};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CLOUD, &cloud), DPS_OK);
	test_medium_expect(&medium, "cloud-1",
	                   "64700203 00000001 00000069 5244cf58 003d 0004 0013 0000 b80c8fefa677534085fb2c162d75df03 0000 0001 "
	                   "b80c8fefa677534085fb2c162d75df03 0013 0000 0000 0000000000000000 00 0000 0000 706c6764 "
	                   "636f6170732b7463703a2f2f67773a35363834 636f6170732b7463703a2f2f67773a35363834");
	credentials.device_id = owner.id;
	credentials.key_slot = test_text("identity-0");
	credentials.chain = (struct dps_span){leaf, sizeof leaf};
	credentials.anchors[0] = (struct dps_anchor){owner.id, {der, sizeof der}};
	credentials.psks[0] = (struct dps_psk){owner.id, test_text("key")};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_CREDENTIALS, &credentials), DPS_OK);
	test_medium_expect(&medium, "credentials-1",
	                   "64700205 00000001 00000066 a8c8878b 0054 b80c8fefa677534085fb2c162d75df03 000a 0002 0000000000000001 "
	                   "0000000000000002 0001 b80c8fefa677534085fb2c162d75df03 0001 0001 b80c8fefa677534085fb2c162d75df03 0003 "
	                   "000000006b02a6da 6964656e746974792d30 3000 31 6b6579");
	local.anchors[0] = credentials.anchors[0];
	local.psks[0] = credentials.psks[0];
	local.acl.aces = acl.aces;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_LOCAL, &local), DPS_OK);
	test_medium_expect(&medium, "local-1",
	                   "6470020f 00000001 00000031 da36471d 002a 0001 b80c8fefa677534085fb2c162d75df03 0001 0001 "
	                   "b80c8fefa677534085fb2c162d75df03 0003 0001 31 6b6579 80");
	assert_int_equal(dps_store_commit(&store, BIT(OWNER) | BIT(ACLS)), DPS_OK);
	test_medium_expect(&medium, "manifest-1",
	                   "6470020d 00000001 00000034 e25c9f2d 0032 0006 00000001 00000000 00000000 00000000 00000000 00000000 00000001 "
	                   "00000000 00000000 00000000 00000000 00000000");
	assert_int_equal(dps_store_confirm(&store, BIT(ACLS)), DPS_OK);
	test_medium_expect(&medium, "manifest-0",
	                   "6470020d 00000002 00000034 4c0522c2 0032 0006 00000001 00000000 00000000 00000000 00000000 00000000 00000001 "
	                   "00000001 00000000 00000000 00000000 00000000");
	device.id = owner.id;
	assert_int_equal(dps_store_write_device(&store, &device), DPS_OK);
	test_medium_expect(&medium, "device-1",
	                   "6470020a 00000001 0000001e bb872ac1 0012 b80c8fefa677534085fb2c162d75df03 000a 6964656e746974792d30");
	endpoints.pins[0].kind = DPS_PIN_SPKI;
	for (i = 0; i < DPS_SHA256_SIZE; i++)
		endpoints.pins[0].digest[i] = (uint8_t)i;
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_OK);
	test_medium_expect(&medium, "endpoints-1",
	                   "6470020b 00000001 00000042 4d8aaf7b 002d 0001000f01000400000001 "
	                   "01 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 00 "
	                   "636f6170732b7463703a2f2f683a31686f6d65");
	assert_int_equal(dps_store_write_time(&store, 1795335898000), DPS_OK);
	test_medium_expect(&medium, "time-1", "6470020c 00000001 0000000a 4f9caffe 0008 000001a2025bc390");
	assert_int_equal(dps_store_reset_begin(&store), DPS_OK);
	test_medium_expect(&medium, "manifest-1", "6470020d 00000003 00000004 6e5cba41 0002 0000");
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
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
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
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
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
	const struct dps_local local = {.anchors = {{.der = x}}, .anchor_count = 1, .psks = {{.key = x}}, .psk_count = 1};
	struct dps_local l;
	struct dps_store_device device = {.key_slot = ""};
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

	/* What is not known of the local record may be nothing at all, but nothing wrong. */
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_LOCAL, &local), DPS_OK);
	l = (struct dps_local){.anchor_count = 0};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_LOCAL, &l), DPS_OK);
	l = local, l.acl.aces = (struct dps_span){(const uint8_t *)"\1", 1};
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_LOCAL, &l), DPS_E_FIELD);
	l = local, l.anchor_count = DPS_CONFIG_CREDENTIALS + 1;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_LOCAL, &l), DPS_E_ARGUMENT);
	l = local, l.psk_count = DPS_CONFIG_CREDENTIALS + 1;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_LOCAL, &l), DPS_E_ARGUMENT);
	l = local, l.anchors[0].der.len = 0;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_LOCAL, &l), DPS_E_ARGUMENT);
	l = local, l.psks[0].key.len = 65;
	assert_int_equal(dps_store_stage(&store, DPS_RECORD_LOCAL, &l), DPS_E_ARGUMENT);

	assert_int_equal(dps_store_write_device(&store, &device), DPS_E_ARGUMENT);
	memset(device.key_slot, 'x', sizeof device.key_slot);
	assert_int_equal(dps_store_write_device(&store, &device), DPS_E_ARGUMENT);
	for (i = 0; i < DPS_CONFIG_ENDPOINTS; i++)
		endpoints.list[i] = (struct dps_stored_endpoint){{long_text, DPS_CONFIG_URI_LENGTH}, false, {long_text, DPS_CONFIG_NAME_LENGTH}};
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_OK);
	endpoints.count++;
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_E_ARGUMENT);
	endpoints.count = 2;
	endpoints.list[1].uri.len++;
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_E_ARGUMENT);
	endpoints.list[1].uri.len = 0;
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_E_ARGUMENT);
	endpoints.list[1].uri.len = 1;
	endpoints.list[1].name.len = DPS_CONFIG_NAME_LENGTH + 1;
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_E_ARGUMENT);
	endpoints.list[1].name.len = 0;
	endpoints.pin_count = DPS_CONFIG_PINS + 1;
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_E_ARGUMENT);
	endpoints.pin_count = DPS_CONFIG_PINS;
	assert_int_equal(dps_store_write_endpoints(&store, &endpoints), DPS_OK);
	endpoints.pins[DPS_CONFIG_PINS - 1].kind = (enum dps_pin_kind)(DPS_PIN_SPKI + 1);
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
	struct dps_store_device device = {.key_slot = "x"};
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
	assert_int_equal(dps_store_migrate(&store), DPS_E_STATE);
	assert_int_equal(medium.reads + medium.writes + medium.erases, 0);
	test_store_free(&medium);
}

/* --- failing ports ----------------------------------------------------------------------------------------------------------------- */

static void failures_of_the_port_are_told(void **state)
{
	static const dps_result causes[] = {DPS_E_STORAGE, DPS_E_STORAGE_FULL, DPS_E_STORAGE_DENIED, DPS_AGAIN};
	struct test_store medium;
	struct dps_store store;
	struct dps_store_device device;
	struct dps_owner owner;
	struct dps_stored_endpoints endpoints = {.list = {{.uri = {(const uint8_t *)"u", 1}}}, .count = 1}, stored;
	size_t i, n, reads;
	int64_t time;
	(void)state;
	test_medium_make(&medium, &store);
	medium.reads = 0;
	assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
	reads = medium.reads;
	for (i = 0; i < sizeof causes / sizeof causes[0]; i++) {
		dps_result told = causes[i] == DPS_AGAIN ? DPS_E_STORAGE : causes[i];
		for (n = 1; n <= reads; n++) {
			test_store_fail(&medium, TEST_STORE_READ, n, causes[i]);
			assert_int_equal(test_medium_open(&store, &medium), told);
			assert_int_equal(dps_store_commit(&store, 0), DPS_E_STATE);
		}
		test_store_power_on(&medium);
		assert_int_equal(test_medium_open(&store, &medium), DPS_OK);
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
	assert_non_null(test_store_find(&medium, "credentials-1"));
	assert_null(test_store_find(&medium, "owner-1"));
	assert_int_equal(dps_store_collect(&store), DPS_OK);
	assert_null(test_store_find(&medium, "credentials-1"));
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
	assert_int_equal(test_medium_open(&store, &medium), DPS_E_STORAGE);
	test_store_free(&medium);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_format_stays_what_it_is),           cmocka_unit_test(records_come_back_as_they_were),
		cmocka_unit_test(a_token_of_half_the_area_fits),         cmocka_unit_test(views_beyond_their_bounds_are_refused),
		cmocka_unit_test(a_store_that_is_not_open_does_nothing), cmocka_unit_test(failures_of_the_port_are_told),
		cmocka_unit_test(a_lying_port_is_a_failing_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
