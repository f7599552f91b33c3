/* SPDX-License-Identifier: Apache-2.0 */
/* PEM both ways, in place, and everything that damages it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/cbor.h"
#include "codec/pem.h"
#include "support/test_bytes.h"

#define BEGIN "-----BEGIN X-----"
#define END   "-----END X-----"

static uint8_t text[8192];
static uint8_t out[8192];

/* Decodes the first block "X" of the text from memory without a byte to spare. */
static dps_result decode(const char *pem, uint8_t *der, size_t size, size_t *len)
{
	struct dps_span copy = test_copy(pem, strlen(pem));
	struct dps_span rest = copy;
	dps_result result = dps_pem_next(&rest, "X", der, size, len);
	if (result == DPS_OK)
		assert_true(rest.len < copy.len);
	else
		assert_true(rest.data == copy.data && rest.len == copy.len);
	free((void *)(uintptr_t)copy.data);
	return result;
}

static void blocks_are_decoded(void **state)
{
	static const struct {
		const char *pem, *hex;
	} blocks[] = {
		{BEGIN "\nAQ==\n" END "\n", "01"},
		{BEGIN "\nAQI=\n" END, "0102"},
		{BEGIN "\r\nAQID\r\n" END "\r\n", "010203"},
		{BEGIN "AQIDBA==" END, "01020304"},
		{BEGIN " A Q\tI\nD\n\n" END, "010203"},
		{BEGIN "\nAQ=\n=\n" END, "01"},
		{BEGIN "\n+/9A\n" END, "fbff40"},
		{"text - before\n--" BEGIN "\nAQID\n" END " and behind", "010203"},
		{"-----BEGIN Y-----\nAQID\n-----END Y-----\n" BEGIN "\nBAUG\n" END, "040506"},
		{"-----BEGIN XX-----\nAQID\n-----END XX-----\n" BEGIN "\nBAUG\n" END, "040506"},
		{BEGIN "\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8w\nMQ==\n" END,
	     "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031"},
	};
	size_t i, len;
	(void)state;
	for (i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
		struct dps_span wanted = test_hex(blocks[i].hex, text, sizeof text);
		if (decode(blocks[i].pem, out, sizeof out, &len) != DPS_OK)
			fail_msg("refused: %s", blocks[i].pem);
		assert_int_equal(len, wanted.len);
		assert_memory_equal(out, wanted.data, len);
		assert_int_equal(decode(blocks[i].pem, out, wanted.len, &len), DPS_OK);
		assert_int_equal(decode(blocks[i].pem, out, wanted.len - 1, &len), DPS_E_BUFFER);
		assert_int_equal(len, wanted.len);
	}
}

static void damage_is_told(void **state)
{
	static const char *const damaged[] = {
		BEGIN END,                       /* empty */
		BEGIN "\n" END,                  /* nothing but white space */
		BEGIN "\nAQID\n",                /* no end */
		BEGIN "\nAQID",                  /* cut in the body */
		BEGIN,                           /* cut behind the first line */
		BEGIN "\nAQID\n-----END X----",  /* cut in the last line */
		BEGIN "\nAQID\n-----END Y-----", /* another end */
		BEGIN "\nAQID\n" BEGIN "\n" END, /* a block in the block */
		BEGIN "\nAQI\n" END,             /* a digit missing */
		BEGIN "\nAQ\n" END,              /* padding missing */
		BEGIN "\nAQ=\n" END,             /* half of it */
		BEGIN "\nA===\n" END,            /* six bits are no byte */
		BEGIN "\n====\n" END,            /* padding of nothing */
		BEGIN "\nAQID====\n" END,        /* padding behind whole bytes */
		BEGIN "\nAQ==AQID\n" END,        /* more behind padding */
		BEGIN "\nAQI=A\n" END,           /* even one digit */
		BEGIN "\nAQ=D\n" END,            /* a digit in the padding */
		BEGIN "\nAQ===\n" END,           /* too much of it */
		BEGIN "\nAR==\n" END,            /* bits that are not used are not zero */
		BEGIN "\nAQJ=\n" END,            /* here too */
		BEGIN "\nAQ_D\n" END,            /* the other alphabet */
		BEGIN "\nAQ\x80"
			  "ID\n" END,                               /* no ASCII */
		BEGIN "\nProc-Type: 4,ENCRYPTED\n\nAQID\n" END, /* headers */
	};
	size_t i, len;
	(void)state;
	for (i = 0; i < sizeof damaged / sizeof damaged[0]; i++)
		if (decode(damaged[i], out, sizeof out, &len) != DPS_E_FIELD)
			fail_msg("taken: %s", damaged[i]);
}

static void other_labels_are_not_found(void **state)
{
	static const char *const texts[] = {"",
	                                    "-",
	                                    "-----",
	                                    "-----BEGIN X----",
	                                    "-----BEGIN Y-----\nAQID\n-----END Y-----",
	                                    "-----BEGIN X -----\nAQID\n" END,
	                                    "-----begin x-----\nAQID\n" END,
	                                    "----BEGIN X-----\nAQID\n" END};
	size_t i, len;
	(void)state;
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(decode(texts[i], out, sizeof out, &len), DPS_E_NOT_FOUND);
}

static void what_is_encoded_decodes_again(void **state)
{
	uint8_t der[200];
	size_t len, i;
	(void)state;
	for (i = 0; i < sizeof der; i++)
		der[i] = (uint8_t)(i * 37);
	for (len = 1; len < sizeof der; len++) {
		size_t needed = dps_pem_encoded_size(1, len);
		struct dps_span exact = test_copy(text, needed);
		uint8_t *pem = (uint8_t *)(uintptr_t)exact.data;
		struct dps_span rest = exact;
		size_t written = 0, back = 0;
		assert_int_equal(dps_pem_encode("X", der, len, pem, needed - 1, &written), DPS_E_BUFFER);
		assert_int_equal(written, needed);
		assert_int_equal(dps_pem_encode("X", der, len, pem, needed, &written), DPS_OK);
		assert_int_equal(written, needed);
		assert_int_equal(pem[needed - 1], '\n');
		/* In place: the DER trails the text that it is read from. */
		assert_int_equal(dps_pem_next(&rest, "X", pem, needed, &back), DPS_OK);
		assert_int_equal(back, len);
		assert_memory_equal(pem, der, len);
		assert_int_equal(rest.len, 1);
		free(pem);
	}
}

static void lines_have_64_characters(void **state)
{
	uint8_t der[97] = {0};
	size_t len = 0;
	const char *line;
	(void)state;
	assert_int_equal(dps_pem_encode("CERTIFICATE", der, sizeof der, out, sizeof out, &len), DPS_OK);
	out[len] = '\0';
	line = strchr((const char *)out, '\n') + 1;
	assert_int_equal(strcspn(line, "\n"), 64);
	line += 65;
	assert_int_equal(strcspn(line, "\n"), 64);
	line += 65;
	assert_string_equal(line, "AA==\n-----END CERTIFICATE-----\n");
	assert_int_equal(dps_pem_encode("CERTIFICATE", der, 0, out, sizeof out, &len), DPS_OK);
	assert_int_equal(len, strlen("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"));
}

static void absurd_sizes_do_not_wrap(void **state)
{
	size_t len;
	(void)state;
	assert_true(dps_pem_encoded_size(1, SIZE_MAX) == SIZE_MAX);
	assert_true(dps_pem_encoded_size(1, SIZE_MAX / 2) == SIZE_MAX);
	assert_true(dps_pem_encoded_size(SIZE_MAX, 1) == SIZE_MAX);
	assert_true(dps_pem_encoded_size(11, SIZE_MAX / 32) > SIZE_MAX / 32);
	assert_int_equal(dps_pem_encode("X", out, SIZE_MAX, out, sizeof out, &len), DPS_E_BUFFER);
}

/* Finds a text "data" that begins with PEM anywhere in the credentials. */
static void chains_of_the_service_decode_in_place(void **state)
{
	struct dps_span payload = test_payload("one-creds", text, sizeof text);
	size_t blocks = 0;
	size_t at;
	(void)state;
	for (at = 0; at + 11 < payload.len; at++) {
		struct dps_span pem = {payload.data + at, payload.len - at};
		size_t len = 0;
		size_t before = pem.len;
		if (memcmp(pem.data, "-----BEGIN ", 11) != 0)
			continue;
		assert_int_equal(dps_pem_next(&pem, "CERTIFICATE", text + at, sizeof text - at, &len), DPS_OK);
		/* A DER SEQUENCE whose length says exactly this much. */
		assert_int_equal(text[at], 0x30);
		assert_int_equal(text[at + 1], 0x82);
		assert_int_equal(len, 4 + text[at + 2] * 256 + text[at + 3]);
		at += before - pem.len - 1;
		blocks++;
	}
	assert_int_equal(blocks, 3); /* leaf, intermediate, root */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_decoded),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(other_labels_are_not_found),
		cmocka_unit_test(what_is_encoded_decodes_again),
		cmocka_unit_test(lines_have_64_characters),
		cmocka_unit_test(absurd_sizes_do_not_wrap),
		cmocka_unit_test(chains_of_the_service_decode_in_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
