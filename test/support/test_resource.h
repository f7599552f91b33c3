/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device with a light at the end of a CoAP connection whose peer is the hub: the model of the captures in test/vectors/plgd-gateway, and the access list
 * that the service hands out. All inline: only tests of resources pay for it.
 */
#ifndef TEST_SUPPORT_TEST_RESOURCE_H
#define TEST_SUPPORT_TEST_RESOURCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hub/resource.h"
#include "support/test_bytes.h"
#include "support/test_coap.h"

#define TEST_DEVICE_ID "27a0934a-ea31-43a4-ba0c-54eef1c6906a"
#define TEST_HUB_ID    "00000000-0000-0000-0000-000000000001"
#define TEST_OWNER_ID  "b80c8fef-a677-5340-85fb-2c162d75df03"

/* Options of requests, in hex: Uri-Path and Uri-Query are 11 and 15. */
#define TEST_PATH_LIGHT "b56c69676874 0131"
#define TEST_PATH_RES   "b36f6963 03726573"

struct test_resource {
	struct test_coap coap;
	struct dps_device device;
	struct dps_device_config config;
	struct dps_acl_subject peer;
	struct dps_acl acl;
	struct test_coap_message answer;
	uint8_t acl_bytes[1024];
	char name[16];
	/* the light */
	bool state;
	int32_t power;
	char label[12];
	unsigned changes;
	struct dps_property properties[3];
	struct dps_device_resource light;
};

static const struct dps_device_endpoint test_endpoints[] = {{"coaps://127.0.0.1:40001", 1}, {"coaps+tcp://127.0.0.1:40002", 0}};

static inline void test_light_changed(void *ctx)
{
	struct test_resource *t = ctx;

	t->changes++;
}

/* The list of a captured answer. */
static inline struct dps_acl test_acl_of(const char *payload, uint8_t *buf, size_t size)
{
	const struct dps_span message = test_payload(payload, buf, size);
	struct dps_acl acl = {.count = 0};
	struct dps_span key;
	struct dps_cbor r;
	bool more;

	dps_cbor_init(&r, message.data, message.len);
	assert_int_equal(dps_cbor_read_map(&r), DPS_OK);
	assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
	assert_int_equal(dps_cbor_read_text(&r, &key), DPS_OK);
	assert_int_equal(dps_cbor_read_raw(&r, &acl.aces), DPS_OK);
	return acl;
}

static inline struct dps_acl_subject test_peer(const char *uuid)
{
	struct dps_acl_subject subject = {.authenticated = true};

	assert_int_equal(dps_uuid_parse(uuid, DPS_UUID_TEXT_LEN, &subject.uuid), DPS_OK);
	return subject;
}

/* Describes the light of the captures; tests may change it before it is added. */
static inline void test_light_describe(struct test_resource *t)
{
	const struct dps_property properties[] = {DPS_BOOL("state", true, &t->state), DPS_INT("power", true, &t->power, 0, 100),
	                                          DPS_TEXT("name", true, t->label)};

	t->state = false;
	t->power = 7;
	strcpy(t->label, "Light");
	memcpy(t->properties, properties, sizeof(properties));
	t->light = (struct dps_device_resource){
		.href = "/light/1",
		.types = {"core.light"},
		.interfaces = DPS_IF_RW | DPS_IF_BASELINE,
		.policy = DPS_POLICY_DISCOVERABLE | DPS_POLICY_OBSERVABLE | DPS_POLICY_PUBLISHED,
		.properties = t->properties,
		.property_count = 3,
		.on_change = test_light_changed,
		.ctx = t,
	};
}

/* What the captures' device says of itself. */
static inline void test_config_describe(struct test_resource *t)
{
	memset(&t->config, 0, sizeof(t->config));
	strcpy(t->name, "hubfull");
	assert_int_equal(dps_uuid_parse(TEST_DEVICE_ID, DPS_UUID_TEXT_LEN, &t->config.id), DPS_OK);
	t->config.type = "oic.d.light";
	t->config.manufacturer = "hubfull";
	t->config.name = t->name;
	t->config.endpoints = test_endpoints;
	t->config.endpoint_count = 2;
	t->config.random = &t->coap.random;
	t->config.user = t;
}

/* A new connection of the same device. */
static inline void test_resource_connect(struct test_resource *t, size_t send_size)
{
	struct dps_coap_options options = *test_coap_default();

	options.send_size = send_size;
	options.serve = dps_device_serve;
	options.serve_ctx = &t->device;
	test_coap_init(&t->coap, &options);
	assert_int_equal(test_coap_run(&t->coap), DPS_AGAIN);
	test_coap_take(&t->coap);
	dps_device_attach(&t->device, &t->coap.coap, &t->peer);
}

/* Config and light described; the device made, the light added, the hub connected, its list in force. */
static inline void test_resource_begin(struct test_resource *t)
{
	t->peer = test_peer(TEST_HUB_ID);
	t->acl = test_acl_of("appendix-acl", t->acl_bytes, sizeof(t->acl_bytes));
	t->coap.random = (struct dps_random){&t->coap, test_coap_random};
	assert_int_equal(dps_device_init(&t->device, &t->config), DPS_OK);
	dps_device_set_acl(&t->device, &t->acl, NULL);
	assert_int_equal(dps_device_add(&t->device, &t->light), DPS_OK);
	test_resource_connect(t, 0);
}

/* All of the above with nothing changed. */
static inline void test_resource_init(struct test_resource *t)
{
	memset(t, 0, sizeof(*t));
	test_config_describe(t);
	test_light_describe(t);
	test_resource_begin(t);
}

/* Feeds a request and gives the code of what is answered; t->answer is the message. */
static inline unsigned test_request(struct test_resource *t, unsigned method, const char *token, const char *options,
                                    struct dps_span payload)
{
	test_coap_feed(&t->coap, method, token, options, payload.data, payload.len);
	assert_int_equal(test_coap_run(&t->coap), DPS_AGAIN);
	test_coap_take(&t->coap);
	assert_true(test_coap_next(&t->coap, &t->answer));
	assert_int_equal(t->coap.out_pos, t->coap.out_len);
	return t->answer.code;
}

static inline unsigned test_get(struct test_resource *t, const char *options)
{
	return test_request(t, 1, "01", options, (struct dps_span){NULL, 0});
}

/* With the Content-Format that hubs use: path, then format. */
static inline unsigned test_post(struct test_resource *t, const char *path, const char *payload_hex)
{
	static uint8_t payload[4096];
	char options[256];

	snprintf(options, sizeof(options), "%s 122710", path);
	return test_request(t, 2, "02", options, test_hex(payload_hex, payload, sizeof(payload)));
}

/* The answer's payload is this. */
static inline void test_expect_payload(const struct test_resource *t, const char *hex)
{
	static uint8_t bytes[8192];
	const struct dps_span expected = test_hex(hex, bytes, sizeof(bytes));

	assert_int_equal(t->answer.payload_len, expected.len);
	assert_memory_equal(t->answer.payload, expected.data, expected.len);
}

/* How many entries the array in the answer's payload has. */
static inline size_t test_count_items(const struct test_resource *t)
{
	struct dps_cbor r;
	size_t count = 0;
	bool more;

	dps_cbor_init(&r, t->answer.payload, t->answer.payload_len);
	assert_int_equal(dps_cbor_read_array(&r), DPS_OK);
	while (dps_cbor_more(&r, &more) == DPS_OK && more) {
		assert_int_equal(dps_cbor_skip(&r), DPS_OK);
		count++;
	}
	assert_int_equal(dps_cbor_end(&r), DPS_OK);
	return count;
}

/* Whether a text stands in the answer's payload. */
static inline bool test_mentions(const struct test_resource *t, const char *text)
{
	const size_t len = strlen(text);

	for (size_t i = 0; i + len <= t->answer.payload_len; i++)
		if (memcmp(t->answer.payload + i, text, len) == 0)
			return true;
	return false;
}

/* Processes and takes the next notification: false when there is none. */
static inline bool test_notified(struct test_resource *t)
{
	assert_int_equal(dps_device_process(&t->device), DPS_OK);
	assert_int_equal(test_coap_run(&t->coap), DPS_AGAIN);
	test_coap_take(&t->coap);
	return test_coap_next(&t->coap, &t->answer);
}

/* --- captures ------------------------------------------------------------------------------------------------------------------------------ */

struct test_capture_line {
	char direction;
	char label[32];
	size_t len;
	uint8_t bytes[4096];
};

/* Reads a capture of the gateway; remarks are skipped. */
static inline size_t test_capture_load(const char *name, struct test_capture_line *lines, size_t max)
{
	static char text[20000];
	char path[128];
	size_t count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "test/vectors/plgd-gateway/%s", name);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(text, sizeof(text), file) != NULL) {
		struct test_capture_line *line = &lines[count];
		int hex = 0;

		if (text[0] == '#')
			continue;
		assert_true(count < max);
		assert_int_equal(sscanf(text, "%c %31s %n", &line->direction, line->label, &hex), 2);
		line->len = test_hex(text + hex, line->bytes, sizeof(line->bytes)).len;
		count++;
	}
	fclose(file);
	assert_true(count > 4);
	return count;
}

#endif
