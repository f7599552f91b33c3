/* SPDX-License-Identifier: Apache-2.0 */
/* ETags: the captures of a device with them, what a hub that comes back is told, and lists that are none. */
#include "support/test_resource.h"

static struct test_resource t;
static struct test_capture_line lines[64];

/* The captures' device has an ETag of eight equal bytes for each resource. */
static void take_etags_of_captures(void)
{
	for (size_t i = 0; i < 3; i++)
		t.device.entries[1 + i].version = UINT64_C(0x0101010101010101) * (0xe0 + i);
}

static size_t replay(const char *name)
{
	const size_t count = test_capture_load(name, lines, 64);
	size_t asked = 0;

	test_resource_init(&t);
	take_etags_of_captures();
	for (size_t i = 0; i < count; i++) {
		struct test_capture_line *answer = &lines[i + 1];

		if (lines[i].direction != '<' || strncmp(lines[i].label, "req-get", 7) != 0)
			continue;
		if (strcmp(answer->label, "rsp-2.03") == 0) {
			assert_int_equal(answer->bytes[answer->len - 1], 5);
			answer->bytes[answer->len - 1] = 2; /* that device's numbers went on, and ours begin with each connection */
		}
		test_channel_feed(&t.coap.peer, lines[i].bytes, lines[i].len);
		assert_int_equal(test_coap_run(&t.coap), DPS_AGAIN);
		assert_int_equal(t.coap.peer.out_len, answer->len);
		assert_memory_equal(t.coap.peer.out, answer->bytes, answer->len);
		t.coap.peer.out_len = 0;
		asked++;
	}
	return asked;
}

static void the_gateway_accepts_this_at_first(void **state)
{
	(void)state;
	assert_int_equal(replay("etag-first.txt"), 3);
}

static void the_gateway_accepts_this_when_it_comes_back(void **state)
{
	(void)state;
	assert_int_equal(replay("etag-reconnect.txt"), 3);
	/* the observation stands although nothing was told: the next change is */
	t.power = 50;
	assert_int_equal(dps_device_changed(&t.device, "/light/1"), DPS_OK);
	assert_true(test_notified(&t));
	assert_int_equal(test_coap_uint(&t.answer, 6), 3);
	assert_int_equal(test_count_items(&t), 1);
}

/* The option of a query, and /oic/res?if=oic.if.b before it. */
static const char *batch_with(const char *etag_hex, const char *query)
{
	static char options[8192];
	size_t n = 0, len = strlen(query);
	bool etag = etag_hex[0] != '\0';

	if (etag)
		n += (size_t)sprintf(options + n, "4%x %s 20", (unsigned)strlen(etag_hex) / 2, etag_hex);
	else
		n += (size_t)sprintf(options + n, "60");
	n += (size_t)sprintf(options + n, "53 6f6963 03726573 4b 69663d6f69632e69662e62 ");
	if (len >= 269)
		n += (size_t)sprintf(options + n, "0e%04x", (unsigned)len - 269);
	else if (len >= 13)
		n += (size_t)sprintf(options + n, "0d%02x", (unsigned)len - 13);
	else if (len > 0)
		n += (size_t)sprintf(options + n, "0%x", (unsigned)len);
	for (size_t i = 0; i < len; i++)
		n += (size_t)sprintf(options + n, "%02x", (uint8_t)query[i]);
	return options;
}

#define E0 "e0e0e0e0e0e0e0e0"
#define E2 "e2e2e2e2e2e2e2e2"

/* unpadded base64url of the captures' three */
#define B0 "4ODg4ODg4OA"
#define B1 "4eHh4eHh4eE"
#define B2 "4uLi4uLi4uI"

static void only_what_is_not_known_is_told(void **state)
{
	static const struct {
		const char *etag, *query;
		unsigned code;
		size_t entries;
	} cases[] = {
		{"", "", 205, 3},
		{E2, "", 203, 0}, /* the latest alone: of the whole batch */
		{E0, "", 205, 3}, /* of a batch of former times */
		{E2, "incChanges=", 205, 2},
		{E2, "incChanges=" B1 "," B0, 203, 0},
		{E2, "incChanges=" B1, 205, 1},
		{E0, "incChanges=" B1, 205, 1},
		{"", "incChanges=" B0 "," B1 "," B2, 203, 0},
		{"", "incChanges=" B2 "," B2 "," B2, 205, 2},
		{"e2e2", "incChanges=" B0, 205, 2},
		/* what is no ETag is skipped */
		{"", "incChanges=" B0 "=", 205, 3},
		{"", "incChanges=4ODg4ODg4OB", 205, 3}, /* bits behind the last byte */
		{"", "incChanges=4ODg4ODg4O", 205, 3},
		{"", "incChanges=4ODg4ODg4OAA", 205, 3},
		{"", "incChanges=4ODg4 Dg4OA", 205, 3},
		{"", "incChanges=4ODg4+Dg4OA," B1, 205, 2},
		{"", "incChanges=,,,," B1 ",,", 205, 2},
		{"", "incchanges=" B1, 205, 3},
		{"", "incChanges", 205, 3},
		{"", "incChanges=AAAAAAAAAAA", 205, 3},
	};

	(void)state;
	test_resource_init(&t);
	take_etags_of_captures();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(test_get(&t, batch_with(cases[i].etag, cases[i].query)), cases[i].code);
		assert_true(test_coap_uint(&t.answer, 6) >= 2);
		if (cases[i].code == 205)
			assert_int_equal(test_count_items(&t), cases[i].entries);
		else
			assert_int_equal(t.answer.payload_len, 0);
	}
}

static void long_lists_are_read_to_their_end(void **state)
{
	static char query[4096];
	size_t n = (size_t)sprintf(query, "incChanges=");

	(void)state;
	test_resource_init(&t);
	take_etags_of_captures();
	while (n < 3000)
		n += (size_t)sprintf(query + n, "AAAAAAAAAAA,");
	strcpy(query + n, B0 "," B1 "," B2);
	assert_int_equal(test_get(&t, batch_with("", query)), 203);
}

static void a_single_resource_that_is_known_is_valid(void **state)
{
	char options[128];
	const uint8_t *value = NULL;
	uint8_t etag[8];

	(void)state;
	test_resource_init(&t);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 205);
	assert_int_equal(test_coap_option(&t.answer, 4, 0, &value), 8);
	memcpy(etag, value, 8);
	snprintf(options, sizeof(options), "48 %02x%02x%02x%02x%02x%02x%02x%02x 75 6c69676874 0131", etag[0], etag[1], etag[2], etag[3],
	         etag[4], etag[5], etag[6], etag[7]);
	assert_int_equal(test_get(&t, options), 203);
	assert_int_equal(test_coap_option(&t.answer, 4, 0, &value), 8);
	assert_memory_equal(value, etag, 8);
	/* the same value written again is no change, another one is */
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a165706f77657207"), 204);
	assert_int_equal(test_get(&t, options), 203);
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a165706f77657208"), 204);
	assert_int_equal(test_get(&t, options), 205);
	/* a reconnection changes none */
	assert_int_equal(test_coap_option(&t.answer, 4, 0, &value), 8);
	memcpy(etag, value, 8);
	test_resource_connect(&t, 0);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 205);
	assert_int_equal(test_coap_option(&t.answer, 4, 0, &value), 8);
	assert_memory_equal(value, etag, 8);
}

static dps_result draw_high(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	memset(buf, 0xff, len);
	return DPS_OK;
}

static dps_result draw_none(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	(void)buf;
	(void)len;
	return DPS_E_RANDOM;
}

static void etags_begin_at_random_and_never_wrap(void **state)
{
	static struct test_resource first;
	const struct dps_random high = {NULL, draw_high}, none = {NULL, draw_none};

	(void)state;
	test_resource_init(&first);
	test_resource_init(&t);
	t.config.random = &high;
	assert_int_equal(dps_device_init(&t.device, &t.config), DPS_OK);
	assert_true(t.device.version < UINT64_MAX / 2 + 100);
	assert_true(t.device.version != first.device.version);
	for (size_t i = 1; i < t.device.count; i++)
		assert_true(t.device.entries[i].version > t.device.entries[i - 1].version);
	t.config.random = &none;
	assert_int_equal(dps_device_init(&t.device, &t.config), DPS_E_RANDOM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gateway_accepts_this_at_first),        cmocka_unit_test(the_gateway_accepts_this_when_it_comes_back),
		cmocka_unit_test(only_what_is_not_known_is_told),           cmocka_unit_test(long_lists_are_read_to_their_end),
		cmocka_unit_test(a_single_resource_that_is_known_is_valid), cmocka_unit_test(etags_begin_at_random_and_never_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
