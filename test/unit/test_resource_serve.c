/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and their codes: methods, formats, interfaces, filters, and POSTs of everything that is wrong. */
#include "support/test_resource.h"

static struct test_resource t;

#define IF_R        "4b 69663d6f69632e69662e72 "                 /* Uri-Query behind a path: if=oic.if.r, ... */
#define IF_B        "4b 69663d6f69632e69662e62 "                 /* if=oic.if.b */
#define IF_RW       "4c 69663d6f69632e69662e7277 "               /* if=oic.if.rw */
#define IF_LL       "4c 69663d6f69632e69662e6c6c "               /* if=oic.if.ll */
#define IF_BASELINE "4d05 69663d6f69632e69662e626173656c696e65 " /* if=oic.if.baseline */
#define PATH_D      "b3 6f6963 01 64 "
#define PATH_P      "b3 6f6963 01 70 "

static int set_up(void **state)
{
	(void)state;
	test_resource_init(&t);
	return 0;
}

static void methods_and_paths(void **state)
{
	static const struct {
		unsigned method;
		const char *options;
		unsigned code;
	} cases[] = {
		{1, TEST_PATH_LIGHT, 205},         {1, "", 404},
		{1, "b5 6c69676874", 404},         {1, "b56c69676874 0132", 404},
		{1, "b56c69676874 0131 00", 404}, /* "/light/1/" is another path */
		{2, "b56c69676874 0132", 404},     {4, "b56c69676874 0132", 404},
		{3, TEST_PATH_LIGHT, 405},         {4, TEST_PATH_LIGHT, 405},
		{5, TEST_PATH_LIGHT, 405},         {7, TEST_PATH_LIGHT, 405},
		{31, TEST_PATH_LIGHT, 405},        {4, TEST_PATH_RES, 405},
		{2, TEST_PATH_RES " 122710", 405}, {2, PATH_D "122710", 405},
		{2, PATH_P "122710", 405},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(test_request(&t, cases[i].method, "01", cases[i].options, (struct dps_span){NULL, 0}), cases[i].code);
	assert_int_equal(t.device.counters.requests, sizeof(cases) / sizeof(cases[0]));
	assert_int_equal(t.device.counters.refused, 0);
}

static void accept_and_content_formats(void **state)
{
	static const uint8_t payload[] = {0xa1, 0x65, 'p', 'o', 'w', 'e', 'r', 0x08};
	const struct dps_span post = {payload, sizeof(payload)};

	(void)state;
	/* Accept is 17 */
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT " 62 2710"), 205);
	assert_int_equal(test_coap_uint(&t.answer, 12), 10000);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT " 61 3c"), 205);
	assert_int_equal(test_coap_uint(&t.answer, 12), 60);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT " 61 32"), 406); /* JSON */
	assert_int_equal(t.answer.payload_len, 0);
	assert_int_equal(test_coap_uint(&t.answer, 12), -1);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT " 60"), 406);
	assert_int_equal(test_get(&t, TEST_PATH_RES " 61 32"), 406);
	/* Content-Format is 12 */
	assert_int_equal(test_request(&t, 2, "01", TEST_PATH_LIGHT " 11 32", post), 415);
	assert_int_equal(test_request(&t, 2, "01", TEST_PATH_LIGHT " 10", post), 415);
	assert_int_equal(test_request(&t, 2, "01", TEST_PATH_LIGHT, post), 415);
	assert_int_equal(t.power, 7);
	assert_int_equal(test_request(&t, 2, "01", TEST_PATH_LIGHT " 12 2710 51 32", post), 406);
	assert_int_equal(t.power, 7);
	assert_int_equal(test_request(&t, 2, "01", TEST_PATH_LIGHT " 11 3c 51 3c", post), 204);
	assert_int_equal(test_coap_uint(&t.answer, 12), 60);
	assert_int_equal(t.power, 8);
}

static void interfaces_of_a_resource(void **state)
{
	static const char plain[] = "a3 65 7374617465 f4 65 706f776572 07 64 6e616d65 65 4c69676874";
	static const char with_types[] =
		"a5 62 7274 81 6a 636f72652e6c69676874 62 6966 82 69 6f69632e69662e7277 6f 6f69632e69662e626173656c696e65"
		"65 7374617465 f4 65 706f776572 07 64 6e616d65 65 4c69676874";

	(void)state;
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 205);
	test_expect_payload(&t, plain);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT IF_RW), 205);
	test_expect_payload(&t, plain);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT IF_BASELINE), 205);
	test_expect_payload(&t, with_types);
	/* queries of no meaning here are skipped */
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT "44 783d3131"), 205);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT "43 72743d"), 205);
	/* others of OCF, unknown ones, none, two */
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT IF_R), 400);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT IF_B), 400);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT IF_LL), 400);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT "4b 69663d6f69632e69662e78"), 400);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT "43 69663d"), 400);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT IF_RW "0c 69663d6f69632e69662e7277"), 400);
	assert_int_equal(test_get(&t, TEST_PATH_RES IF_LL "0b 69663d6f69632e69662e62"), 400);
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a165706f77657208"), 204);
	test_expect_payload(&t, "a3 65 7374617465 f4 65 706f776572 08 64 6e616d65 65 4c69676874");
	assert_int_equal(
		test_request(&t, 2, "01", TEST_PATH_LIGHT "12 2710 3d05 69663d6f69632e69662e626173656c696e65", test_text("\xa1\x65power\x09")),
		204);
	assert_true(test_mentions(&t, "core.light"));
}

/* A query longer than any option of a URI has (RFC 7252 section 5.10) is a query all the same. */
static void long_queries(void **state)
{
	static char options[4096];
	size_t n = (size_t)sprintf(options, TEST_PATH_LIGHT " 4e 02f3 69663d"); /* 0x2f3 + 269 = 1,024 bytes: if= and 1,021 letters */

	(void)state;
	for (size_t i = 0; i < 1021; i++)
		n += (size_t)sprintf(options + n, "61");
	assert_int_equal(test_get(&t, options), 400);
	/* a hundred queries of one byte */
	n = (size_t)sprintf(options, TEST_PATH_LIGHT " 41 61");
	for (size_t i = 0; i < 100; i++)
		n += (size_t)sprintf(options + n, "0161");
	assert_int_equal(test_get(&t, options), 205);
}

/* --- /oic/res ------------------------------------------------------------------------------------------------------------------------------ */

static void lists_are_filtered(void **state)
{
	static const struct {
		const char *options;
		size_t links;
		const char *mentions;
	} cases[] = {
		{"", 4, "/light/1"},
		{IF_LL, 4, "/oic/res"},
		{IF_BASELINE, 1, "links"},
		{"4b 72743d6f69632e776b2e64", 1, "/oic/d"},                               /* rt=oic.wk.d */
		{"4d00 72743d636f72652e6c69676874", 1, "/light/1"},                       /* rt=core.light */
		{"4b 72743d6f69632e776b2e64 0d00 72743d636f72652e6c69676874", 2, "ocf:"}, /* either */
		{"4c 72743d6f69632e776b2e7878", 0, ""},                                   /* rt=oic.wk.xx */
		{"43 72743d", 0, ""},
		{IF_RW, 1, "/light/1"},                           /* links of what has it */
		{IF_RW "0b 72743d6f69632e776b2e64", 0, ""},       /* both */
		{IF_LL "0d00 72743d636f72652e6c69676874", 1, ""}, /* rt=core.light */
		{IF_B "0d00 72743d636f72652e6c69676874", 1, "rep"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char options[256];

		snprintf(options, sizeof(options), "%s %s", TEST_PATH_RES, cases[i].options);
		assert_int_equal(test_get(&t, options), 205);
		assert_int_equal(test_count_items(&t), cases[i].links);
		assert_true(test_mentions(&t, cases[i].mentions));
	}
	assert_int_equal(test_get(&t, TEST_PATH_RES "4b 69663d6f69632e69662e78"), 400);
}

static void what_is_not_discoverable_is_not_listed(void **state)
{
	static struct test_resource hidden;

	(void)state;
	test_config_describe(&hidden);
	test_light_describe(&hidden);
	hidden.light.policy = DPS_POLICY_OBSERVABLE;
	hidden.config.endpoint_count = 0;
	test_resource_begin(&hidden);
	assert_int_equal(test_get(&hidden, TEST_PATH_RES), 205);
	assert_int_equal(test_count_items(&hidden), 3);
	assert_false(test_mentions(&hidden, "/light/1"));
	assert_false(test_mentions(&hidden, "eps"));
	assert_int_equal(test_get(&hidden, TEST_PATH_RES IF_B), 205);
	assert_false(test_mentions(&hidden, "/light/1"));
	assert_int_equal(test_get(&hidden, TEST_PATH_LIGHT), 205);
}

/* --- POST ------------------------------------------------------------------------------------------------------------------------------------- */

static void assert_untouched(void)
{
	assert_false(t.state);
	assert_int_equal(t.power, 7);
	assert_string_equal(t.label, "Light");
	assert_int_equal(t.changes, 0);
}

/* In each of these something is wrong, be it behind what is well: nothing is changed. */
static void posts_that_change_nothing(void **state)
{
	static const char *const payloads[] = {
		"",                                         /* no payload */
		"a0",                                       /* nothing in it */
		"80",                                       /* no map */
		"f5",                                       /* */
		"a1",                                       /* cut */
		"a1 65 706f776572",                         /* a key alone */
		"a2 65 706f776572 08",                      /* fewer pairs than said */
		"bf 65 706f776572 08",                      /* no end */
		"a1 65 706f776572 08 00",                   /* more behind it */
		"a1 01 02",                                 /* a key that is no text */
		"a1 62 7274 80",                            /* nothing that can be written */
		"a1 61 78 01",                              /* unknown */
		"a2 65 706f776572 08 65 7374617465 01",     /* state: 1 */
		"a2 65 706f776572 08 65 7374617465 61 74",  /* "t" */
		"a2 65 706f776572 08 65 7374617465 f6",     /* null */
		"a2 65 706f776572 08 65 7374617465 f97c00", /* a float */
		"a2 65 706f776572 08 65 7374617465 c1f5",   /* a tag */
		"a2 65 7374617465 f5 65 706f776572 f5",     /* power: true */
		"a2 65 7374617465 f5 65 706f776572 61 37",  /* "7" */
		"a2 65 7374617465 f5 65 706f776572 f94700", /* 7.0 */
		"a2 65 7374617465 f5 65 706f776572 80",
		"a2 65 7374617465 f5 65 706f776572 a0",
		"a2 65 7374617465 f5 65 706f776572 20",                  /* -1 */
		"a2 65 7374617465 f5 65 706f776572 18 65",               /* 101 */
		"a2 65 7374617465 f5 65 706f776572 1a 80000000",         /* 2^31 */
		"a2 65 7374617465 f5 65 706f776572 1b 0000000100000007", /* 2^32 + 7 */
		"a2 65 7374617465 f5 65 706f776572 3b ffffffffffffffff",
		"a2 65 7374617465 f5 64 6e616d65 01",                          /* name: 1 */
		"a2 65 7374617465 f5 64 6e616d65 45 4c69676874",               /* bytes */
		"a2 65 7374617465 f5 64 6e616d65 6c 313233343536373839303132", /* 12 and a NUL are one too many */
		"a2 65 7374617465 f5 64 6e616d65 62 c328",                     /* no UTF-8 */
		"a2 65 7374617465 f5 64 6e616d65 63 610062",                   /* a NUL */
		"a2 65 7374617465 f5 64 6e616d65 7f 61 61 ff",                 /* in pieces */
		"a2 65 706f776572 08 65 706f776572 09",                        /* twice */
		"a3 65 7374617465 f5 61 78 9f 01 65 706f776572 08",            /* an array without end */
		"a2 65 706f776572 08 61 78 1f",                                /* reserved */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		assert_int_equal(test_post(&t, TEST_PATH_LIGHT, payloads[i]), 400);
		assert_int_equal(t.answer.payload_len, 0);
		assert_untouched();
	}
}

static void posts_that_are_taken(void **state)
{
	(void)state;
	/* what is unknown is skipped, whatever it is; lengths need not be definite, numbers not short */
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "bf 61 78 9f a1 01 02 ff 65 706f776572 1b 0000000000000064 65 7374617465 f5 ff"), 204);
	assert_true(t.state);
	assert_int_equal(t.power, 100);
	assert_int_equal(t.changes, 1);
	/* all at once, a text as long as it may be */
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a3 65 7374617465 f4 65 706f776572 00 64 6e616d65 6b 3132333435363738393031"), 204);
	assert_false(t.state);
	assert_int_equal(t.power, 0);
	assert_string_equal(t.label, "12345678901");
	/* an empty text; the rest of the buffer does not matter */
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a1 64 6e616d65 60"), 204);
	assert_string_equal(t.label, "");
	assert_int_equal(t.changes, 3);
	/* nothing new */
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a3 65 7374617465 f4 65 706f776572 00 64 6e616d65 60"), 204);
	assert_int_equal(t.changes, 3);
	/* a shorter text than before that begins alike */
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a1 64 6e616d65 62 6162"), 204);
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a1 64 6e616d65 61 61"), 204);
	assert_string_equal(t.label, "a");
	assert_int_equal(t.changes, 5);
}

static void negative_numbers(void **state)
{
	static struct test_resource cold;

	(void)state;
	test_config_describe(&cold);
	test_light_describe(&cold);
	cold.properties[1].min = INT32_MIN;
	cold.properties[1].max = INT32_MAX;
	test_resource_begin(&cold);
	assert_int_equal(test_post(&cold, TEST_PATH_LIGHT, "a1 65 706f776572 3a 7fffffff"), 204);
	assert_int_equal(cold.power, INT32_MIN);
	assert_int_equal(test_get(&cold, TEST_PATH_LIGHT), 205);
	test_expect_payload(&cold, "a3 65 7374617465 f4 65 706f776572 3a 7fffffff 64 6e616d65 65 4c69676874");
	assert_int_equal(test_post(&cold, TEST_PATH_LIGHT, "a1 65 706f776572 3a 80000000"), 400);
	assert_int_equal(test_post(&cold, TEST_PATH_LIGHT, "a1 65 706f776572 1a 7fffffff"), 204);
	assert_int_equal(cold.power, INT32_MAX);
	assert_int_equal(test_post(&cold, TEST_PATH_LIGHT, "a1 65 706f776572 20"), 204);
	assert_int_equal(cold.power, -1);
}

/* Who sends back all that was read, with "rt" and "if", changes what can be changed. */
static void what_cannot_be_written_is_skipped(void **state)
{
	static struct test_resource half;

	(void)state;
	test_config_describe(&half);
	test_light_describe(&half);
	half.properties[1].writable = false;
	half.properties[1].min = half.properties[1].max = 0;
	test_resource_begin(&half);
	assert_int_equal(test_post(&half, TEST_PATH_LIGHT, "a3 65 7374617465 f5 65 706f776572 18 50 62 7274 81 61 78"), 204);
	assert_true(half.state);
	assert_int_equal(half.power, 7);
	assert_int_equal(test_post(&half, TEST_PATH_LIGHT, "a2 65 706f776572 18 50 62 7274 81 61 78"), 400);
	half.properties[0].writable = half.properties[2].writable = false;
	assert_int_equal(test_post(&half, TEST_PATH_LIGHT, "a1 65 7374617465 f5"), 405);
}

static void interfaces_that_only_read_take_no_post(void **state)
{
	static struct test_resource sensor;

	(void)state;
	test_config_describe(&sensor);
	test_light_describe(&sensor);
	sensor.light.interfaces = DPS_IF_R | DPS_IF_A | DPS_IF_S;
	sensor.light.default_interface = DPS_IF_S;
	test_resource_begin(&sensor);
	assert_int_equal(test_request(&sensor, 2, "01", TEST_PATH_LIGHT "12 2710 3b 69663d6f69632e69662e72", test_text("\xa1\x65power\x09")),
	                 405);
	assert_int_equal(test_request(&sensor, 2, "01", TEST_PATH_LIGHT "12 2710 3b 69663d6f69632e69662e73", test_text("\xa1\x65power\x09")),
	                 405);
	assert_int_equal(sensor.power, 7);
	assert_int_equal(test_request(&sensor, 2, "01", TEST_PATH_LIGHT "12 2710 3b 69663d6f69632e69662e61", test_text("\xa1\x65power\x09")),
	                 204);
	assert_int_equal(sensor.power, 9);
	/* without a word on it: the one that writes */
	assert_int_equal(test_post(&sensor, TEST_PATH_LIGHT, "a165706f7765720a"), 204);
	assert_int_equal(sensor.power, 10);
	/* the default one stands first */
	assert_int_equal(test_get(&sensor, TEST_PATH_RES "4d00 72743d636f72652e6c69676874"), 205);
	assert_true(test_mentions(&sensor, "if\x83\x68oic.if.s\x68oic.if.r\x68oic.if.a"));
}

/* --- handlers --------------------------------------------------------------------------------------------------------------------------------------- */

static struct {
	dps_result result;
	const char *bytes;
	size_t len;
	unsigned interface, code;
	struct dps_span payload;
} handler;

static dps_result handler_get(void *ctx, enum dps_interface interface, uint8_t *buf, size_t size, size_t *len)
{
	(void)ctx;
	handler.interface = interface;
	*len = handler.len;
	if (handler.result == DPS_OK && handler.len > size)
		return DPS_E_BUFFER;
	if (handler.result == DPS_OK)
		memcpy(buf, handler.bytes, handler.len);
	return handler.result;
}

static unsigned handler_post(void *ctx, enum dps_interface interface, struct dps_span payload)
{
	(void)ctx;
	handler.interface = interface;
	handler.payload = payload;
	return handler.code;
}

static void raw_handlers(void **state)
{
	static struct test_resource raw;
	static char large[5000];

	(void)state;
	memset(&handler, 0, sizeof(handler));
	test_config_describe(&raw);
	test_light_describe(&raw);
	raw.light.properties = NULL;
	raw.light.property_count = 0;
	raw.light.interfaces = DPS_IF_BASELINE | DPS_IF_R | DPS_IF_RW;
	raw.light.default_interface = DPS_IF_BASELINE;
	raw.light.get = handler_get;
	raw.light.post = handler_post;
	raw.light.get_max = 64;
	test_resource_begin(&raw);
	handler.bytes = "\xa1\x61x\x01";
	handler.len = 4;
	assert_int_equal(test_get(&raw, TEST_PATH_LIGHT), 205);
	assert_int_equal(handler.interface, DPS_IF_BASELINE);
	test_expect_payload(&raw, "a1617801");
	assert_int_equal(test_get(&raw, TEST_PATH_LIGHT IF_R), 205);
	assert_int_equal(handler.interface, DPS_IF_R);
	assert_int_equal(test_get(&raw, TEST_PATH_RES IF_B), 205);
	assert_true(test_mentions(&raw, "rep\xa1\x61x\x01"));
	/* POST: changed, with the representation; refused with a code; codes that are none */
	handler.code = 204;
	assert_int_equal(test_post(&raw, TEST_PATH_LIGHT, "a10102"), 204);
	assert_int_equal(handler.interface, DPS_IF_BASELINE);
	assert_int_equal(handler.payload.len, 3);
	test_expect_payload(&raw, "a1617801");
	handler.code = 400;
	assert_int_equal(test_post(&raw, TEST_PATH_LIGHT, "ff"), 400);
	handler.code = 503;
	assert_int_equal(test_post(&raw, TEST_PATH_LIGHT, ""), 503);
	assert_int_equal(handler.payload.len, 0);
	for (size_t i = 0; i < 5; i++) {
		static const unsigned none[] = {0, 205, 399, 440, 600};

		handler.code = none[i];
		assert_int_equal(test_post(&raw, TEST_PATH_LIGHT, "a0"), 500);
	}
	/* what is made is no map, is more than one item, is too much, or cannot be made: 5.00, and the batch goes out without it */
	for (size_t i = 0; i < 6; i++) {
		static const struct {
			const char *bytes;
			size_t len;
			dps_result result;
		} bad[] = {
			{"\x80", 1, DPS_OK}, {"\xa0\xa0", 2, DPS_OK}, {"\xa1\x61x", 3, DPS_OK},
			{"", 0, DPS_OK},     {"", 0, DPS_E_STORAGE},  {"", 0, DPS_E_BUFFER},
		};

		handler.bytes = bad[i].bytes;
		handler.len = bad[i].len;
		handler.result = bad[i].result;
		raw.device.counters.faults = 0;
		assert_int_equal(test_get(&raw, TEST_PATH_LIGHT), 500);
		assert_int_equal(raw.answer.payload_len, 0);
		assert_int_equal(test_get(&raw, TEST_PATH_RES IF_B), 205);
		assert_int_equal(test_count_items(&raw), 2);
#if DPS_CONFIG_ETAG
		assert_int_equal(test_coap_uint(&raw.answer, 4), -1); /* it would stand for what was not told */
#endif
		handler.code = 204; /* it was changed, and cannot be shown */
		assert_int_equal(test_post(&raw, TEST_PATH_LIGHT, "a0"), 204);
		assert_int_equal(raw.answer.payload_len, 0);
		assert_int_equal(raw.device.counters.faults, 3);
	}
	memset(large, 0, sizeof(large));
	handler.bytes = large;
	handler.len = sizeof(large);
	handler.result = DPS_OK;
	raw.device.counters.too_large = 0;
	assert_int_equal(test_get(&raw, TEST_PATH_LIGHT), 500);
	assert_int_equal(test_get(&raw, TEST_PATH_RES IF_B), 500);
	assert_int_equal(test_post(&raw, TEST_PATH_LIGHT, "a0"), 204);
	assert_int_equal(raw.answer.payload_len, 0);
	assert_int_equal(raw.device.counters.too_large, 3);
}

/* The application's texts are not its own for ever: one that lost its NUL is bounded, one that is no UTF-8 is not sent. */
static void texts_that_the_application_spoilt(void **state)
{
	(void)state;
	memset(t.label, 'x', sizeof(t.label));
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 205);
	assert_true(test_mentions(&t, "name\x6cxxxxxxxxxxxx"));
	t.label[3] = (char)0xff;
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 500);
	assert_int_equal(test_get(&t, TEST_PATH_RES IF_B), 205);
	assert_int_equal(test_count_items(&t), 2);
	assert_int_equal(t.device.counters.faults, 2);
}

/* Lists and values in a send buffer too small for them. */
static void want_of_room_is_said_and_counted(void **state)
{
	(void)state;
	test_resource_connect(&t, 200);
	assert_int_equal(test_get(&t, TEST_PATH_RES), 500);
	assert_int_equal(test_get(&t, TEST_PATH_RES IF_BASELINE), 500);
	assert_int_equal(test_get(&t, "60 53 6f6963 03726573 4b 69663d6f69632e69662e62"), 500); /* an observation that does not begin */
	assert_int_equal(test_coap_uint(&t.answer, 6), -1);
	assert_false(t.device.observers[0].active);
	assert_int_equal(t.device.counters.too_large, 3);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 205);
	test_resource_connect(&t, 64);
	strcpy(t.label, "12345678901");
	assert_int_equal(test_request(&t, 2, "0102030405060708", TEST_PATH_LIGHT "12 2710", test_text("\xa1\x65power\x08")), 204);
	assert_int_equal(t.answer.payload_len, 0); /* it was changed all the same */
	assert_int_equal(t.power, 8);
	assert_int_equal(t.device.counters.too_large, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(methods_and_paths, set_up),
		cmocka_unit_test_setup(accept_and_content_formats, set_up),
		cmocka_unit_test_setup(interfaces_of_a_resource, set_up),
		cmocka_unit_test_setup(long_queries, set_up),
		cmocka_unit_test_setup(lists_are_filtered, set_up),
		cmocka_unit_test(what_is_not_discoverable_is_not_listed),
		cmocka_unit_test_setup(posts_that_change_nothing, set_up),
		cmocka_unit_test_setup(posts_that_are_taken, set_up),
		cmocka_unit_test(negative_numbers),
		cmocka_unit_test(what_cannot_be_written_is_skipped),
		cmocka_unit_test(interfaces_that_only_read_take_no_post),
		cmocka_unit_test(raw_handlers),
		cmocka_unit_test_setup(texts_that_the_application_spoilt, set_up),
		cmocka_unit_test_setup(want_of_room_is_said_and_counted, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
