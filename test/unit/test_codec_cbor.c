/* SPDX-License-Identifier: Apache-2.0 */
/* The CBOR reader and writer: each type, each bound, each way to be malformed, and messages of the service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/cbor.h"
#include "support/test_bytes.h"

static uint8_t input[8192];
static uint8_t other[8192];

static void start(struct dps_cbor *r, const char *hex)
{
	struct dps_span bytes = test_hex(hex, input, sizeof input);
	dps_cbor_init(r, bytes.data, bytes.len);
}

/* Skips the one item that the hex is, to its end. */
static dps_result skip_all(const char *hex)
{
	struct dps_span bytes = test_hex(hex, input, sizeof input);
	struct dps_span exact = test_copy(bytes.data, bytes.len);
	struct dps_cbor r;
	dps_result result;

	dps_cbor_init(&r, exact.data, exact.len);
	result = dps_cbor_skip(&r);
	if (result == DPS_OK)
		result = dps_cbor_end(&r);
	free((void *)(uintptr_t)exact.data);
	return result;
}

static void types_are_told_without_moving(void **state)
{
	static const struct {
		const char *hex;
		enum dps_cbor_type type;
	} items[] = {
		{"00", DPS_CBOR_UINT},
		{"1818", DPS_CBOR_UINT},
		{"190100", DPS_CBOR_UINT},
		{"1a00010000", DPS_CBOR_UINT},
		{"1bffffffffffffffff", DPS_CBOR_UINT},
		{"20", DPS_CBOR_NEGATIVE},
		{"3818", DPS_CBOR_NEGATIVE},
		{"390100", DPS_CBOR_NEGATIVE},
		{"3a00010000", DPS_CBOR_NEGATIVE},
		{"3bffffffffffffffff", DPS_CBOR_NEGATIVE},
		{"40", DPS_CBOR_BYTES},
		{"5f40ff", DPS_CBOR_BYTES},
		{"6161", DPS_CBOR_TEXT},
		{"7fff", DPS_CBOR_TEXT},
		{"80", DPS_CBOR_ARRAY},
		{"9fff", DPS_CBOR_ARRAY},
		{"a0", DPS_CBOR_MAP},
		{"bfff", DPS_CBOR_MAP},
		{"c000", DPS_CBOR_TAG},
		{"f4", DPS_CBOR_BOOL},
		{"f5", DPS_CBOR_BOOL},
		{"f6", DPS_CBOR_NULL},
		{"f7", DPS_CBOR_NULL},
		{"f90000", DPS_CBOR_OTHER},
		{"fa00000000", DPS_CBOR_OTHER},
		{"fb0000000000000000", DPS_CBOR_OTHER},
	};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof items / sizeof items[0]; i++) {
		struct dps_cbor r;
		enum dps_cbor_type type = DPS_CBOR_OTHER;
		start(&r, items[i].hex);
		assert_int_equal(dps_cbor_peek(&r, &type), DPS_OK);
		assert_int_equal(type, items[i].type);
		assert_int_equal(r.pos, 0);
		assert_int_equal(skip_all(items[i].hex), DPS_OK);
	}
}

static void integers_keep_their_bounds(void **state)
{
	struct dps_cbor r;
	uint32_t u = 7;
	(void)state;

	start(&r, "17 18ff 1afffffffe 1affffffff 1b0000000100000000 1bffffffffffffffff 1b0000000000000001 20");
	assert_int_equal(dps_cbor_read_uint(&r, 22, &u), DPS_E_FIELD);
	assert_int_equal(u, 7);
	assert_int_equal(dps_cbor_read_uint(&r, 23, &u), DPS_OK);
	assert_int_equal(u, 23);
	assert_int_equal(dps_cbor_read_uint(&r, UINT32_MAX - 1, &u), DPS_OK);
	assert_int_equal(u, 255);
	assert_int_equal(dps_cbor_read_uint(&r, UINT32_MAX - 2, &u), DPS_E_FIELD);
	assert_int_equal(dps_cbor_read_uint(&r, UINT32_MAX - 1, &u), DPS_OK);
	assert_int_equal(u, UINT32_MAX - 1);
	assert_int_equal(dps_cbor_read_uint(&r, UINT32_MAX - 1, &u), DPS_E_FIELD);
	assert_int_equal(dps_cbor_skip(&r), DPS_OK);
	assert_int_equal(dps_cbor_read_uint(&r, UINT32_MAX - 1, &u), DPS_E_FIELD);
	assert_int_equal(dps_cbor_skip(&r), DPS_OK);
	assert_int_equal(dps_cbor_read_uint(&r, UINT32_MAX - 1, &u), DPS_E_FIELD);
	assert_int_equal(dps_cbor_skip(&r), DPS_OK);
	assert_int_equal(dps_cbor_read_uint(&r, 1, &u), DPS_OK);
	assert_int_equal(u, 1);
	assert_int_equal(dps_cbor_read_uint(&r, UINT32_MAX - 1, &u), DPS_E_FIELD);
	assert_int_equal(dps_cbor_skip(&r), DPS_OK);
	assert_int_equal(dps_cbor_end(&r), DPS_OK);
}

static void another_type_leaves_the_reader_where_it_was(void **state)
{
	struct dps_cbor r;
	struct dps_span span;
	uint32_t u;
	(void)state;

	start(&r, "f5 4161 00");
	assert_int_equal(dps_cbor_read_map(&r), DPS_E_FIELD);
	assert_int_equal(dps_cbor_read_array(&r), DPS_E_FIELD);
	assert_int_equal(dps_cbor_read_text(&r, &span), DPS_E_FIELD);
	assert_int_equal(dps_cbor_read_text_or_bytes(&r, &span), DPS_E_FIELD);
	assert_int_equal(dps_cbor_read_uint(&r, 1, &u), DPS_E_FIELD);
	assert_int_equal(r.pos, 0);
	assert_int_equal(dps_cbor_skip(&r), DPS_OK);
	assert_int_equal(dps_cbor_read_text(&r, &span), DPS_E_FIELD);
	assert_int_equal(dps_cbor_read_text_or_bytes(&r, &span), DPS_OK);
	assert_int_equal(dps_cbor_read_text_or_bytes(&r, &span), DPS_E_FIELD);
	assert_int_equal(dps_cbor_read_uint(&r, 1, &u), DPS_OK);
}

static void strings_point_into_the_input(void **state)
{
	struct dps_cbor r;
	struct dps_span span;
	(void)state;

	start(&r, "63616263 43000102 6161 4162 780164");
	assert_int_equal(dps_cbor_read_text(&r, &span), DPS_OK);
	assert_true(dps_span_is(span, "abc"));
	assert_ptr_equal(span.data, input + 1);
	assert_int_equal(dps_cbor_read_text_or_bytes(&r, &span), DPS_OK);
	assert_int_equal(span.len, 3);
	assert_ptr_equal(span.data, input + 5);
	assert_int_equal(dps_cbor_read_text_or_bytes(&r, &span), DPS_OK);
	assert_true(dps_span_is(span, "a"));
	assert_int_equal(dps_cbor_read_text_or_bytes(&r, &span), DPS_OK);
	assert_true(dps_span_is(span, "b"));
	assert_int_equal(dps_cbor_read_text(&r, &span), DPS_OK);
	assert_true(dps_span_is(span, "d"));
	assert_int_equal(dps_cbor_end(&r), DPS_OK);
}

static void texts_are_utf8_without_nul(void **state)
{
	static const char *const good[] = {"60",       "617f",     "62c280",   "62dfbf",     "63e0a080",
	                                   "63ed9fbf", "63ee8080", "63efbfbf", "64f0908080", "64f48fbfbf"};
	static const char *const bad[] = {
		"6100",       "63610062",                                                         /* NUL */
		"6180",       "61bf",       "61f8",       "61ff",     "61fe",                     /* no lead byte */
		"61c3",       "62e0a0",     "63f09080",                                           /* cut short */
		"62c328",     "63e28228",   "64f0288cbc",                                         /* no continuation */
		"62c080",     "62c1bf",     "63e08080",   "63e09fbf", "64f0808080", "64f08fbfbf", /* not the shortest form */
		"63eda080",   "63edbfbf",                                                         /* surrogates */
		"64f4908080", "64f7bfbfbf",                                                       /* above U+10FFFF */
		"7f6161ff",                                                                       /* chunked */
	};
	struct dps_cbor r;
	struct dps_span span;
	size_t i;
	(void)state;
	for (i = 0; i < sizeof good / sizeof good[0]; i++) {
		start(&r, good[i]);
		assert_int_equal(dps_cbor_read_text(&r, &span), DPS_OK);
	}
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		start(&r, bad[i]);
		assert_int_equal(dps_cbor_read_text(&r, &span), DPS_E_FIELD);
		assert_int_equal(r.pos, 0);
		assert_int_equal(dps_cbor_skip(&r), DPS_OK);
	}
	start(&r, "5f4161ff");
	assert_int_equal(dps_cbor_read_text_or_bytes(&r, &span), DPS_E_FIELD);
}

/* {"a": 1, "b": [true, h'00']} in both lengths. */
static void definite_and_indefinite_read_alike(void **state)
{
	static const char *const forms[] = {"a2 6161 01 6162 82 f5 4100", "bf 6161 01 6162 9f f5 4100 ff ff", "bf 6161 01 6162 82 f5 4100 ff",
	                                    "a2 6161 01 6162 9f f5 4100 ff"};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct dps_cbor r;
		struct dps_span span;
		uint32_t u = 0;
		bool more = false;
		start(&r, forms[i]);
		assert_int_equal(dps_cbor_read_map(&r), DPS_OK);
		assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
		assert_true(more);
		assert_int_equal(dps_cbor_read_text(&r, &span), DPS_OK);
		assert_int_equal(dps_cbor_more(&r, &more), DPS_E_STATE);
		assert_int_equal(dps_cbor_read_uint(&r, 9, &u), DPS_OK);
		assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
		assert_int_equal(dps_cbor_read_text(&r, &span), DPS_OK);
		assert_true(dps_span_is(span, "b"));
		assert_int_equal(dps_cbor_read_array(&r), DPS_OK);
		assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
		assert_int_equal(dps_cbor_skip(&r), DPS_OK);
		assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
		assert_int_equal(dps_cbor_read_text_or_bytes(&r, &span), DPS_OK);
		assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
		assert_false(more);
		assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
		assert_false(more);
		assert_int_equal(dps_cbor_end(&r), DPS_OK);
		assert_int_equal(dps_cbor_more(&r, &more), DPS_E_STATE);
	}
}

static void reading_past_a_container_is_malformed(void **state)
{
	static const char *const forms[] = {"8101 02", "9f01ff 02"};
	size_t i;
	(void)state;
	for (i = 0; i < 2; i++) {
		struct dps_cbor r;
		uint32_t u;
		start(&r, forms[i]);
		assert_int_equal(dps_cbor_read_array(&r), DPS_OK);
		assert_int_equal(dps_cbor_read_uint(&r, 9, &u), DPS_OK);
		assert_int_equal(dps_cbor_read_uint(&r, 9, &u), DPS_E_CBOR);
	}
}

static void malformed_input_is_refused(void **state)
{
	static const char *const bad[] = {
		"", /* nothing */
		"1c",
		"1f",
		"3e",
		"3f",
		"5c",
		"7d",
		"9e",
		"bc",
		"dc",
		"df",
		"fc",
		"fd",
		"fe", /* reserved */
		"f0",
		"f3",
		"f800",
		"f818",
		"f8ff", /* unassigned simple values */
		"ff",   /* a break of nothing */
		"18",
		"1900",
		"1a000000",
		"1b00000000000000", /* heads cut short */
		"41",
		"4261",
		"6261",
		"5903",
		"7affffffff61", /* strings cut short */
		"5b7fffffffffffffff",
		"5bffffffffffffffff00",
		"7bfffffffffffffff7aa",
		"5b0000000100000000",
		"5bfffffffffffffff8",
		"81",
		"8201",
		"a1",
		"a161",
		"a16161",
		"a2616101", /* containers cut short */
		"9bffffffffffffffff",
		"bbffffffffffffffff",
		"9b8000000000000000",
		"bb8000000000000000",
		"9b00000001000000000000",
		"bb0000000100000000",
		"9affffffff00",
		"baffffffff00",
		"9802",
		"b80100",
		"98020000ff00", /* more items than bytes */
		"9f",
		"9f01",
		"bf",
		"bf6161",
		"bf616101", /* no end */
		"bf6161ff",
		"bf01ff",
		"bf616101 6162ff", /* a key without its value */
		"81ff",
		"a1ff",
		"a16161ff",
		"8201ff", /* a break in a definite container */
		"5f",
		"5f41",
		"5f4161",
		"7f6161", /* chunks without an end */
		"5f6161ff",
		"7f4161ff",
		"5f00ff",
		"5f5f4161ffff",
		"7f7fffff",
		"5f80ff",
		"5fc14161ff", /* chunks of another kind */
		"c1",
		"c1c1",
		"d8",
		"81c1",
		"9fc1ff",
		"c1ff",
		"a16161c1", /* tags of nothing */
	};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (skip_all(bad[i]) != DPS_E_CBOR)
			fail_msg("%s was taken", bad[i]);
}

static void well_formed_input_is_skipped(void **state)
{
	static const char *const good[] = {
		"5fff",
		"5f4161420000ff",
		"7f616160ff",
		"c1c2d81800",
		"82c10000",
		"9fc1c100ff",
		"a1c16161c200",
		"bfc1616100ff",
		"a16161a16162816163",
		"9f9f9f80ffffff",
		"9b0000000000000001f6",
		"bb00000000000000010000",
		"5b000000000000000100",
		"8bfb0000000000000000f90000f4f5f6f70020406080",
		"8afb0000000000000000f90000f4f5f6f700204060",
	};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof good / sizeof good[0]; i++)
		if (skip_all(good[i]) != DPS_OK)
			fail_msg("%s was refused", good[i]);
}

/* At once, before anybody walks them. */
static void more_items_than_bytes_are_a_lie(void **state)
{
	static const char *const arrays[] = {"82 00", "98ff 00", "9a7fffffff 00", "9bffffffffffffffff 00"};
	static const char *const maps[] = {"a1 00", "a2 00 00 00", "b8ff 0000", "baffffffff 0000", "bb8000000000000000 0000"};
	struct dps_cbor r;
	size_t i;
	(void)state;
	for (i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
		start(&r, arrays[i]);
		assert_int_equal(dps_cbor_read_array(&r), DPS_E_CBOR);
	}
	for (i = 0; i < sizeof maps / sizeof maps[0]; i++) {
		start(&r, maps[i]);
		assert_int_equal(dps_cbor_read_map(&r), DPS_E_CBOR);
	}
}

static void items_behind_the_end_are_malformed(void **state)
{
	struct dps_cbor r;
	uint32_t u;
	(void)state;
	start(&r, "0001");
	assert_int_equal(dps_cbor_read_uint(&r, 0, &u), DPS_OK);
	assert_int_equal(dps_cbor_end(&r), DPS_E_CBOR);
	start(&r, "80");
	assert_int_equal(dps_cbor_read_array(&r), DPS_OK);
	assert_int_equal(dps_cbor_end(&r), DPS_E_CBOR);
}

static void the_first_malformed_byte_sticks(void **state)
{
	struct dps_cbor r;
	struct dps_span span;
	enum dps_cbor_type type;
	uint32_t u;
	bool b;
	(void)state;
	start(&r, "9f 1c 00 ff");
	assert_int_equal(dps_cbor_read_array(&r), DPS_OK);
	assert_int_equal(dps_cbor_skip(&r), DPS_E_CBOR);
	assert_int_equal(dps_cbor_peek(&r, &type), DPS_E_CBOR);
	assert_int_equal(dps_cbor_read_map(&r), DPS_E_CBOR);
	assert_int_equal(dps_cbor_read_array(&r), DPS_E_CBOR);
	assert_int_equal(dps_cbor_more(&r, &b), DPS_E_CBOR);
	assert_int_equal(dps_cbor_read_text(&r, &span), DPS_E_CBOR);
	assert_int_equal(dps_cbor_read_text_or_bytes(&r, &span), DPS_E_CBOR);
	assert_int_equal(dps_cbor_read_uint(&r, 0, &u), DPS_E_CBOR);
	assert_int_equal(dps_cbor_skip(&r), DPS_E_CBOR);
	assert_int_equal(dps_cbor_read_raw(&r, &span), DPS_E_CBOR);
	assert_int_equal(dps_cbor_end(&r), DPS_E_CBOR);
}

static dps_result skip_nested(uint8_t lead, size_t depth)
{
	struct dps_cbor r;
	memset(input, lead, depth);
	if (lead == 0x9f) /* [_ [_ ... ] ] */
		memset(input + depth, 0xff, depth);
	else
		input[depth] = 0x00;
	dps_cbor_init(&r, input, lead == 0x9f ? 2 * depth : depth + 1);
	return dps_cbor_skip(&r);
}

static void nesting_is_bounded(void **state)
{
	struct dps_cbor r;
	size_t i;
	(void)state;
	assert_int_equal(skip_nested(0x81, DPS_CONFIG_CBOR_DEPTH), DPS_OK);
	assert_int_equal(skip_nested(0x81, DPS_CONFIG_CBOR_DEPTH + 1), DPS_E_CBOR);
	assert_int_equal(skip_nested(0x9f, DPS_CONFIG_CBOR_DEPTH), DPS_OK);
	assert_int_equal(skip_nested(0x9f, DPS_CONFIG_CBOR_DEPTH + 1), DPS_E_CBOR);
	assert_int_equal(skip_nested(0x81, 4000), DPS_E_CBOR);
	assert_int_equal(skip_nested(0xc1, 4000), DPS_OK); /* tags nest without cost */

	memset(input, 0x81, 100);
	dps_cbor_init(&r, input, 100);
	for (i = 0; i < DPS_CONFIG_CBOR_DEPTH; i++)
		assert_int_equal(dps_cbor_read_array(&r), DPS_OK);
	assert_int_equal(dps_cbor_read_array(&r), DPS_E_CBOR);
}

static void raw_items_are_their_encoding(void **state)
{
	struct dps_cbor r;
	struct dps_span raw;
	bool more;
	(void)state;
	start(&r, "83 a1616182f501 c1c200 5f4161ff");
	assert_int_equal(dps_cbor_read_array(&r), DPS_OK);
	assert_int_equal(dps_cbor_read_raw(&r, &raw), DPS_OK);
	assert_int_equal(raw.len, 6);
	assert_ptr_equal(raw.data, input + 1);
	assert_int_equal(dps_cbor_read_raw(&r, &raw), DPS_OK);
	assert_int_equal(raw.len, 3);
	assert_int_equal(dps_cbor_read_raw(&r, &raw), DPS_OK);
	assert_int_equal(raw.len, 4);
	assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
	assert_false(more);
	assert_int_equal(dps_cbor_end(&r), DPS_OK);
}

static void every_cut_of_a_message_is_malformed(void **state)
{
	static const char *const names[] = {"appendix-time", "appendix-cloudresp", "appendix-csrreq",
	                                    "one-creds",     "two-acls",           "appendix-oicres"};
	size_t i, len;
	(void)state;
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct dps_span whole = test_payload(names[i], other, sizeof other);
		for (len = 0; len < whole.len; len++) {
			struct dps_cbor r;
			struct dps_span cut = test_copy(whole.data, len);
			dps_cbor_init(&r, cut.data, cut.len);
			assert_int_equal(dps_cbor_skip(&r), DPS_E_CBOR);
			free((void *)(uintptr_t)cut.data);
		}
	}
}

static void messages_of_the_service_are_read(void **state)
{
	static const struct {
		const char *name;
		const char *key;
		const char *value; /* NULL: no text */
	} messages[] = {
		{"appendix-time", "time", "2025-07-03T07:44:25.123456789+02:00"},
		{"one-time", "time", NULL},
		{"appendix-own", "devowneruuid", "b80c8fef-a677-5340-85fb-2c162d75df03"},
		{"two-owner", "devowneruuid", "b80c8fef-a677-5340-85fb-2c162d75df03"},
		{"appendix-cloudreqsel", "di", "11111111-2222-3333-4444-555555555555"},
		{"appendix-cloudresp", "cis", "coaps+tcp://gw:5684"},
		{"two-cloud", "sid", "00000000-0000-0000-0000-000000000001"},
		{"appendix-csrreq", "csr", NULL},
		{"appendix-csrresp", "creds", NULL},
		{"one-acls", "aclist2", NULL},
	};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		struct dps_span message = test_payload(messages[i].name, other, sizeof other);
		struct dps_cbor r;
		bool more = false;
		bool found = false;
		dps_cbor_init(&r, message.data, message.len);
		assert_int_equal(dps_cbor_read_map(&r), DPS_OK);
		while (dps_cbor_more(&r, &more) == DPS_OK && more) {
			struct dps_span key, value;
			assert_int_equal(dps_cbor_read_text(&r, &key), DPS_OK);
			if (dps_span_is(key, messages[i].key) && messages[i].value != NULL) {
				assert_int_equal(dps_cbor_read_text(&r, &value), DPS_OK);
				assert_true(dps_span_is(value, messages[i].value));
				found = true;
			} else {
				found = found || dps_span_is(key, messages[i].key);
				assert_int_equal(dps_cbor_skip(&r), DPS_OK);
			}
		}
		assert_true(found);
		assert_int_equal(dps_cbor_end(&r), DPS_OK);
	}
}

static void write_a_bit_of_all(struct dps_cbor_writer *w)
{
	dps_cbor_write_map(w, 2);
	dps_cbor_write_text(w, "a");
	dps_cbor_write_array(w, 7);
	dps_cbor_write_uint(w, 1000000000);
	dps_cbor_write_head(w, DPS_CBOR_NEGATIVE, 999);
	dps_cbor_write_uint(w, 23);
	dps_cbor_write_head(w, DPS_CBOR_NEGATIVE, SIZE_MAX >> 1);
	dps_cbor_write_bool(w, true);
	dps_cbor_write_head(w, DPS_CBOR_BYTES, 2);
	dps_cbor_write_raw(w, (struct dps_span){(const uint8_t *)"\1\2", 2});
	dps_cbor_write_text_span(w, test_text("bc"));
	dps_cbor_write_uint(w, 24);
	dps_cbor_write_head(w, DPS_CBOR_BYTES, 300);
}

static void the_writer_writes_shortest_forms(void **state)
{
	static const char expected[] = "a2 6161 87 1a3b9aca00 3903e7 17 3b7fffffffffffffff f5 420102 626263 1818 59012c";
	struct dps_cbor_writer w;
	struct dps_span wanted = test_hex(expected, other, sizeof other);
	size_t len, size, needed;
	(void)state;

	dps_cbor_writer_init(&w, input, sizeof input);
	write_a_bit_of_all(&w);
	assert_int_equal(dps_cbor_finish(&w, &len), DPS_OK);
	assert_int_equal(len, wanted.len);
	assert_memory_equal(input, wanted.data, len);

	/* Every smaller buffer says what it takes and is never overrun. */
	for (size = 0; size < len; size++) {
		struct dps_span exact = test_copy(input, size);
		dps_cbor_writer_init(&w, (uint8_t *)(uintptr_t)exact.data, size);
		write_a_bit_of_all(&w);
		assert_int_equal(dps_cbor_finish(&w, &needed), DPS_E_BUFFER);
		assert_int_equal(needed, len);
		free((void *)(uintptr_t)exact.data);
	}
	dps_cbor_writer_init(&w, NULL, 0);
	write_a_bit_of_all(&w);
	assert_int_equal(dps_cbor_finish(&w, &needed), DPS_E_BUFFER);
	assert_int_equal(needed, len);
}

static void absurd_lengths_do_not_wrap(void **state)
{
	struct dps_cbor_writer w;
	size_t needed;
	(void)state;
	dps_cbor_writer_init(&w, input, 4);
	dps_cbor_write_raw(&w, (struct dps_span){input, SIZE_MAX});
	dps_cbor_write_raw(&w, (struct dps_span){input, SIZE_MAX});
	dps_cbor_write_text(&w, "");
	assert_int_equal(dps_cbor_finish(&w, &needed), DPS_E_BUFFER);
	assert_true(needed == SIZE_MAX);
}

static void spans_compare_whole(void **state)
{
	(void)state;
	assert_true(dps_span_is((struct dps_span){NULL, 0}, ""));
	assert_false(dps_span_is((struct dps_span){NULL, 0}, "a"));
	assert_false(dps_span_is(test_text("ab"), "a"));
	assert_false(dps_span_is(test_text("a"), "ab"));
	assert_true(dps_span_is(test_text("ab"), "ab"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_told_without_moving),
		cmocka_unit_test(integers_keep_their_bounds),
		cmocka_unit_test(another_type_leaves_the_reader_where_it_was),
		cmocka_unit_test(strings_point_into_the_input),
		cmocka_unit_test(texts_are_utf8_without_nul),
		cmocka_unit_test(definite_and_indefinite_read_alike),
		cmocka_unit_test(reading_past_a_container_is_malformed),
		cmocka_unit_test(malformed_input_is_refused),
		cmocka_unit_test(well_formed_input_is_skipped),
		cmocka_unit_test(more_items_than_bytes_are_a_lie),
		cmocka_unit_test(items_behind_the_end_are_malformed),
		cmocka_unit_test(the_first_malformed_byte_sticks),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(raw_items_are_their_encoding),
		cmocka_unit_test(every_cut_of_a_message_is_malformed),
		cmocka_unit_test(messages_of_the_service_are_read),
		cmocka_unit_test(the_writer_writes_shortest_forms),
		cmocka_unit_test(absurd_lengths_do_not_wrap),
		cmocka_unit_test(spans_compare_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
