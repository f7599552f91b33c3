/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message of RFC 8323: every form of Len, token and option header, cut everywhere, and what a hostile peer makes of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "coap/message.h"
#include "support/test_coap.h"

static uint8_t data[TEST_CHANNEL_SIZE];
static uint8_t zeros[70000];

static dps_result read_hex(const char *hex, struct dps_coap_message *m)
{
	struct dps_coap_frame frame;
	size_t len = test_channel_hex(hex, data, sizeof(data));
	dps_result result = dps_coap_frame_read(data, len, &frame);

	if (result != DPS_OK)
		return result;
	assert_int_equal(frame.total, len);
	return dps_coap_message_read(data, &frame, m);
}

static void test_frame_lengths(void **state)
{
	static const size_t sizes[] = {0, 1, 11, 12, 13, 267, 268, 269, 65803, 65804, 65805, 69999};
	struct dps_coap_frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t payload = sizes[i] > 0 ? sizes[i] - 1 : 0; /* the marker is the first byte */
		size_t len = test_coap_write(data, sizeof(data), 205, "0102", "", zeros, payload);

		assert_int_equal(dps_coap_frame_read(data, len, &frame), DPS_OK);
		assert_int_equal(frame.total, len);
		assert_int_equal(frame.token_len, 2);
		assert_int_equal(frame.code, 0x45);
		assert_memory_equal(data + frame.token, "\x01\x02", 2);
		for (size_t cut = 0; cut < frame.options; cut++)
			assert_int_equal(dps_coap_frame_read(data, cut, &frame), DPS_AGAIN);
	}
}

static void test_frame_malformed(void **state)
{
	struct dps_coap_frame frame;
	uint8_t head;

	(void)state;
	for (unsigned tkl = 9; tkl <= 15; tkl++) { /* seen in the first byte already */
		head = (uint8_t)tkl;
		assert_int_equal(dps_coap_frame_read(&head, 1, &frame), DPS_E_COAP);
	}
	assert_int_equal(dps_coap_frame_read(data, test_channel_hex("f0 ffffffff 45", data, sizeof(data)), &frame), DPS_E_COAP);
	assert_int_equal(dps_coap_frame_read(data, test_channel_hex("f0 fffefef3 45", data, sizeof(data)), &frame), DPS_E_COAP);
	/* the largest that is still counted without overflow */
	assert_int_equal(dps_coap_frame_read(data, test_channel_hex("f0 fffefee4 45", data, sizeof(data)), &frame), DPS_OK);
	assert_int_equal(frame.total, UINT32_MAX - DPS_COAP_FRAME_MAX + 6);
}

static void test_options_malformed(void **state)
{
	static const char *const bad[] = {
		"10 45 ff",           /* a marker without payload */
		"10 45 f0",           /* delta 15 */
		"10 45 0f",           /* length 15 */
		"10 45 d0",           /* a byte of delta is missing */
		"20 45 e000",         /* one of two is missing */
		"10 45 01",           /* the value is missing */
		"20 45 0d00",         /* thirteen bytes of value are missing */
		"30 45 0e0000",       /* so are 269 */
		"30 45 e0fef3",       /* a delta of 65,536 wraps to 0 */
		"30 45 e0ffff",       /* and this one to 268 */
		"60 45 e0fef2e00000", /* 65,535 + 269 */
		"40 45 e0fef210",     /* 65,535 + 1 */
	};
	struct dps_coap_message m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_hex(bad[i], &m), DPS_E_COAP);
	assert_int_equal(read_hex("30 45 e0fef2", &m), DPS_OK); /* 65,535 itself is a number like any other */
	assert_int_equal(m.unknown_critical, 65535);
}

static void test_response_options(void **state)
{
	struct dps_coap_message m;

	(void)state;
	/* ETag, Content-Format, Block2, Size2, OCF-Content-Format-Version, payload */
	assert_int_equal(read_hex("d006 45 42abcd 822710 b126 520832 e206dc0800 ff 0102", &m), DPS_OK);
	assert_int_equal(m.etag.len, 2);
	assert_memory_equal(m.etag.data, "\xab\xcd", 2);
	assert_int_equal(m.content_format, 10000);
	assert_int_equal(m.block2, 0x26);
	assert_int_equal(m.size2, 2098);
	assert_int_equal(m.unknown_critical, DPS_COAP_ABSENT);
	assert_int_equal(m.payload_len, 2);
	assert_memory_equal(m.payload, "\x01\x02", 2);

	/* repeated or too long: an elective one is ignored, a critical one is as good as unknown (RFC 7252 section 5.4) */
	assert_int_equal(read_hex("60 45 c13c 022710 00", &m), DPS_OK);
	assert_int_equal(m.content_format, 60);
	assert_int_equal(read_hex("40 45 c3000001", &m), DPS_OK);
	assert_int_equal(m.content_format, DPS_COAP_ABSENT);
	assert_int_equal(m.unknown_critical, DPS_COAP_ABSENT);
	assert_int_equal(read_hex("50 45 d10a06 0106", &m), DPS_OK);
	assert_int_equal(m.unknown_critical, 23);
	assert_int_equal(read_hex("60 45 d40a00000006", &m), DPS_OK);
	assert_int_equal(m.unknown_critical, 23);
	assert_int_equal(read_hex("10 45 40", &m), DPS_OK); /* an ETag has 1 to 8 bytes */
	assert_int_equal(m.etag.len, 0);
	assert_int_equal(read_hex("a0 45 49000000000000000000", &m), DPS_OK);
	assert_int_equal(m.etag.len, 0);
	/* an option of requests has no business in an answer */
	assert_int_equal(read_hex("20 45 b161", &m), DPS_OK);
	assert_int_equal(m.unknown_critical, 11);
	/* elective ones unknown: Observe, Max-Age */
	assert_int_equal(read_hex("40 45 6101 813c", &m), DPS_OK);
	assert_int_equal(m.unknown_critical, DPS_COAP_ABSENT);
}

static void test_request_path_and_queries(void **state)
{
	struct dps_coap_message m;
	struct dps_span queries, query;

	(void)state;
	/* the service's own request, from a capture */
	assert_int_equal(read_hex("d81401abd35b30bab835d8b36f6963037265734c69663d6f69632e69662e6c6c0b72743d6f69632e776b2e64", &m), DPS_OK);
	assert_int_equal(m.path_len, 8);
	assert_memory_equal(m.path, "/oic/res", 8);
	queries = m.queries;
	assert_true(dps_coap_next_query(&queries, &query));
	assert_int_equal(query.len, 12);
	assert_memory_equal(query.data, "if=oic.if.ll", 12);
	assert_true(dps_coap_next_query(&queries, &query));
	assert_memory_equal(query.data, "rt=oic.wk.d", 11);
	assert_false(dps_coap_next_query(&queries, &query));
	assert_false(m.bad_path);
	queries = (struct dps_span){(const uint8_t *)"\x04if=", 4}; /* cut short: cannot be, and is not read beyond */
	assert_false(dps_coap_next_query(&queries, &query));

	/* segments with headers of two bytes, and empty ones */
	assert_int_equal(read_hex("d006 01 bd0161626364656667686a6b6c6d6e6f 00 0178", &m), DPS_OK);
	assert_int_equal(m.path_len, 18);
	assert_memory_equal(m.path, "/abcdefghjklmno//x", 18);

	/* "/oic%2Fres" is not "/oic/res" */
	assert_int_equal(read_hex("80 01 b7 6f69632f726573", &m), DPS_OK);
	assert_true(m.bad_path);

	assert_int_equal(read_hex("00 01", &m), DPS_OK);
	assert_int_equal(m.path_len, 0);
	assert_int_equal(m.queries.len, 0);
	/* Uri-Host, Uri-Port, Accept and the OCF versions are known; If-None-Match is not */
	assert_int_equal(read_hex("d002 01 3161 421633 a12a e206e30800 420800", &m), DPS_OK);
	assert_int_equal(m.accept, 42);
	assert_int_equal(m.unknown_critical, DPS_COAP_ABSENT);
	assert_int_equal(read_hex("10 01 50", &m), DPS_OK);
	assert_int_equal(m.unknown_critical, 5);
}

static void test_signal_options(void **state)
{
	struct dps_coap_message m;

	(void)state;
	assert_int_equal(read_hex("40 e1 22 0500 20", &m), DPS_OK);
	assert_int_equal(m.max_message_size, 1280);
	assert_true(m.block_wise);
	assert_int_equal(read_hex("10 e2 20", &m), DPS_OK);
	assert_true(m.custody);
	assert_false(m.block_wise);
	assert_int_equal(read_hex("30 e1 22 0500", &m), DPS_OK);
	assert_false(m.block_wise);
	assert_false(m.custody);
	assert_int_equal(read_hex("10 e2 40", &m), DPS_OK);
	assert_false(m.block_wise);
	assert_false(m.custody);
	assert_int_equal(read_hex("10 e3 20", &m), DPS_OK);
	assert_false(m.custody);
	/* option 2 is Bad-CSM-Option in an Abort and Alternative-Address in a Release */
	assert_int_equal(read_hex("20 e5 2105", &m), DPS_OK);
	assert_int_equal(m.max_message_size, DPS_COAP_ABSENT);
	assert_int_equal(m.unknown_critical, DPS_COAP_ABSENT);
	assert_int_equal(read_hex("10 e1 30", &m), DPS_OK);
	assert_int_equal(m.unknown_critical, 3);
}

static void test_write(void **state)
{
	static const uint8_t token[] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct dps_coap_writer w;
	uint8_t want[64];
	size_t n, room;

	(void)state;
	dps_coap_write_begin(&w, data, sizeof(data), token, sizeof(token));
	dps_coap_write_path(&w, "/x.plgd.dev/time");
	dps_coap_write_uint(&w, DPS_COAP_ACCEPT, 10000);
	n = dps_coap_write_end(&w, DPS_COAP_GET, 0);
	assert_int_equal(n, test_channel_hex("d806010102030405060708ba782e706c67642e6465760474696d65622710", want, sizeof(want)));
	assert_memory_equal(data, want, n);

	/* paths */
	dps_coap_write_begin(&w, data, sizeof(data), NULL, 0);
	dps_coap_write_path(&w, "/");
	assert_int_equal(dps_coap_write_end(&w, DPS_COAP_GET, 0), 2);
	dps_coap_write_begin(&w, data, sizeof(data), NULL, 0);
	dps_coap_write_path(&w, "/a/");
	n = dps_coap_write_end(&w, DPS_COAP_GET, 0);
	assert_int_equal(n, test_channel_hex("20 01 b161", want, sizeof(want)));
	assert_memory_equal(data, want, n);

	/* numbers in as few bytes as they take */
	dps_coap_write_begin(&w, data, sizeof(data), NULL, 0);
	dps_coap_write_uint(&w, 12, 0);
	dps_coap_write_uint(&w, 17, 255);
	dps_coap_write_uint(&w, 28, 256);
	dps_coap_write_uint(&w, 60, 0x01020304);
	n = dps_coap_write_end(&w, DPS_COAP_GET, 0);
	assert_int_equal(n, test_channel_hex("c001 c0 51ff b20100 d41301020304", want, sizeof(want)));
	assert_memory_equal(data, want, n);

	/* options out of order are a fault of ours, and not sent */
	dps_coap_write_begin(&w, data, sizeof(data), NULL, 0);
	dps_coap_write_uint(&w, 17, 1);
	dps_coap_write_uint(&w, 12, 1);
	assert_int_equal(dps_coap_write_end(&w, DPS_COAP_GET, 0), 0);

	/* room: every size up to what is needed, and not a byte written behind it */
	for (size_t size = 0; size <= 40; size++) {
		memset(data, 0xee, sizeof(want));
		dps_coap_write_begin(&w, data, size, token, sizeof(token));
		dps_coap_write_path(&w, "/abc");
		(void)dps_coap_write_payload(&w, &room);
		assert_true(size == 0 || room < size);
		if (room > 0)
			memset(data + w.len + 1, 'p', room < 3 ? room : 3);
		n = dps_coap_write_end(&w, DPS_COAP_POST, 3);
		assert_int_equal(n, size >= 20 ? 18 : 0);
		for (size_t i = size; i < sizeof(want); i++)
			assert_int_equal(data[i], 0xee);
	}
}

static void test_write_lengths(void **state)
{
	static const size_t sizes[] = {1, 11, 12, 13, 267, 268, 269, 65535};
	struct dps_coap_frame frame;
	struct dps_coap_writer w;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t room, n;

		dps_coap_write_begin(&w, data, sizeof(data), (const uint8_t *)"t", 1);
		memset(dps_coap_write_payload(&w, &room), 'x', sizes[i]);
		n = dps_coap_write_end(&w, DPS_COAP_POST, sizes[i]);
		assert_int_equal(dps_coap_frame_read(data, n, &frame), DPS_OK);
		assert_int_equal(frame.total, n);
		assert_int_equal(frame.code, DPS_COAP_POST);
		assert_int_equal(data[frame.token], 't');
		assert_int_equal(data[frame.options], 0xff);
		assert_int_equal(n - frame.options, sizes[i] + 1);
		assert_int_equal(data[n - 1], 'x');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_lengths),
		cmocka_unit_test(test_frame_malformed),
		cmocka_unit_test(test_options_malformed),
		cmocka_unit_test(test_response_options),
		cmocka_unit_test(test_request_path_and_queries),
		cmocka_unit_test(test_signal_options),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
