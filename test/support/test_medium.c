/* SPDX-License-Identifier: Apache-2.0 */
/* See test_medium.h. */
#include "support/test_medium.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/text.h"
#include "support/test_bytes.h"

#define SECOND INT64_C(1795335898000)

const char *const test_medium_names[TEST_MEDIUM_BLOBS] = {"manifest-1",    "manifest-0",    "owner-1",     "cloud-1",
                                                          "credentials-1", "credentials-0", "acls-1",      "resources-1",
                                                          "local-1",       "device-1",      "endpoints-1", "time-1"};

static uint8_t scratch[DPS_CONFIG_BODY_SIZE];

dps_result test_medium_open(struct dps_store *store, struct test_store *medium)
{
	return dps_store_open(store, &medium->port, scratch, sizeof scratch);
}

/* --- the device's own ------------------------------------------------------------------------------------------------------------------ */

static void must(bool holds, const char *what)
{
	if (!holds)
		fail_msg("no value that was written: %s", what);
}

dps_result test_medium_write_device(struct dps_store *store, unsigned version)
{
	struct dps_store_device device = {{{(uint8_t)version, 2, 3}}, ""};

	snprintf(device.key_slot, sizeof device.key_slot, "identity-%u", version);
	return dps_store_write_device(store, &device);
}

unsigned test_medium_device(struct dps_store *store)
{
	struct dps_store_device device;
	char slot[sizeof device.key_slot];
	dps_result result = dps_store_read_device(store, &device);

	if (result == DPS_E_NOT_FOUND || result == DPS_E_STORAGE_CORRUPT)
		return 0;
	assert_int_equal(result, DPS_OK);
	snprintf(slot, sizeof slot, "identity-%u", (unsigned)device.id.bytes[0]);
	must(strcmp(slot, device.key_slot) == 0 && device.id.bytes[2] == 3, "device");
	return device.id.bytes[0];
}

/* Some with names and pins, some without, some longer than others. */
static void make_endpoints(struct dps_stored_endpoints *endpoints, unsigned version, char text[32])
{
	memset(endpoints, 0, sizeof *endpoints);
	snprintf(text, 32, "coaps+tcp://h:%u", 1000 + version);
	endpoints->count = 1 + version % DPS_CONFIG_ENDPOINTS;
	endpoints->selected = version % endpoints->count;
	for (size_t i = 0; i < endpoints->count; i++)
		endpoints->list[i] = (struct dps_stored_endpoint){{(const uint8_t *)text, strlen(text)}, i == 0, {(const uint8_t *)text, i}};
	endpoints->pin_count = version % (DPS_CONFIG_PINS + 1);
	for (size_t i = 0; i < endpoints->pin_count; i++) {
		endpoints->pins[i].kind = i % 2 != 0 ? DPS_PIN_SPKI : DPS_PIN_CERTIFICATE;
		memset(endpoints->pins[i].digest, (int)(version + i), sizeof endpoints->pins[i].digest);
	}
}

dps_result test_medium_write_endpoints(struct dps_store *store, unsigned version)
{
	struct dps_stored_endpoints endpoints;
	char text[32];

	make_endpoints(&endpoints, version, text);
	return dps_store_write_endpoints(store, &endpoints);
}

static bool same_span(struct dps_span a, struct dps_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

unsigned test_medium_endpoints(struct dps_store *store)
{
	struct dps_stored_endpoints endpoints, wanted;
	char text[32];
	unsigned version;
	dps_result result = dps_store_read_endpoints(store, scratch, sizeof scratch, &endpoints);

	assert_true(result == DPS_OK || (result == DPS_E_STORAGE_CORRUPT && endpoints.count == 0));
	if (endpoints.count == 0)
		return 0;
	must(endpoints.list[0].uri.len == 18, "length of an URI");
	version = (unsigned)strtoul((const char *)endpoints.list[0].uri.data + 14, NULL, 10) - 1000;
	make_endpoints(&wanted, version, text);
	must(endpoints.count == wanted.count && endpoints.selected == wanted.selected && endpoints.pin_count == wanted.pin_count, "counts");
	for (size_t i = 0; i < wanted.count; i++)
		must(same_span(endpoints.list[i].uri, wanted.list[i].uri) && same_span(endpoints.list[i].name, wanted.list[i].name) &&
		         endpoints.list[i].no_resources == wanted.list[i].no_resources,
		     "endpoints");
	for (size_t i = 0; i < wanted.pin_count; i++)
		must(endpoints.pins[i].kind == wanted.pins[i].kind &&
		         memcmp(endpoints.pins[i].digest, wanted.pins[i].digest, sizeof wanted.pins[i].digest) == 0,
		     "pins");
	return version;
}

dps_result test_medium_write_time(struct dps_store *store, unsigned version)
{
	return dps_store_write_time(store, SECOND + version);
}

unsigned test_medium_time(struct dps_store *store)
{
	int64_t unix_ms = 7;

	assert_int_equal(dps_store_read_time(store, &unix_ms), DPS_OK);
	must(unix_ms == 0 || (unix_ms > SECOND && unix_ms < SECOND + 100), "time");
	return unix_ms == 0 ? 0 : (unsigned)(unix_ms - SECOND);
}

void test_medium_make(struct test_store *medium, struct dps_store *store)
{
	test_store_init(medium);
	assert_int_equal(test_medium_open(store, medium), DPS_OK);
	for (unsigned i = 0; i < DPS_RECORD_COUNT; i++)
		assert_int_equal(test_record_stage(store, (enum dps_record)i, 1), DPS_OK);
	assert_int_equal(dps_store_commit(store, DPS_RECORD_ALL), DPS_OK);
	assert_int_equal(dps_store_confirm(store, DPS_RECORD_ALL), DPS_OK);
	assert_int_equal(test_record_stage(store, DPS_RECORD_CREDENTIALS, 2), DPS_OK);
	assert_int_equal(test_medium_write_device(store, 1), DPS_OK);
	assert_int_equal(test_medium_write_endpoints(store, 1), DPS_OK);
	assert_int_equal(test_medium_write_time(store, 1), DPS_OK);
	assert_int_equal(test_store_count(medium), TEST_MEDIUM_BLOBS);
}

/* --- blobs ----------------------------------------------------------------------------------------------------------------------------- */

void test_put16(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

void test_put32(uint8_t *out, uint32_t value)
{
	test_put16(out, value >> 16);
	test_put16(out + 2, value);
}

void test_medium_forge(struct test_store *medium, const char *name, unsigned version, unsigned kind, uint32_t generation,
                       struct dps_span body)
{
	uint8_t blob[1024] = {0x64, 0x70, (uint8_t)version, (uint8_t)kind};

	assert_true(body.len <= sizeof blob - 16);
	test_put32(blob + 4, generation);
	test_put32(blob + 8, (uint32_t)body.len);
	if (body.len > 0)
		memcpy(blob + 16, body.data, body.len);
	test_put32(blob + 12, dps_crc32(dps_crc32(0, blob, 12), body.data, body.len));
	test_store_put(medium, name, blob, 16 + body.len);
}

void test_medium_expect(struct test_store *medium, const char *name, const char *hex)
{
	uint8_t bytes[512];
	struct dps_span wanted = test_hex(hex, bytes, sizeof bytes);
	struct test_store_blob *blob = test_store_find(medium, name);

	if (blob == NULL)
		fail_msg("there is no %s", name);
	assert_int_equal(blob->len, wanted.len);
	assert_memory_equal(blob->data, wanted.data, wanted.len);
}

void test_medium_fill_v1(struct test_store *medium)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	struct dps_span bytes;

	for (size_t i = 0; test_stored_v1(i, name, scratch, sizeof scratch, &bytes); i++)
		test_store_put(medium, name, bytes.data, bytes.len);
}
