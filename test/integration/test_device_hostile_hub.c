/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that is online at a hub whose gateway means it harm: requests without sense, number or end. All of them come to one device over one connection that
 * must outlive them; its memory is looked at when each is over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dps/config.h"
#include "support/test_hostile.h"

/* A device has its buffers from the start. What it may grow by is what TLS and the C library keep. */
#define GROWTH_MAX_KB 512

#define OBSERVE 6u
#define BLOCK   64 /* requests sent before their answers are read */

static struct test_online t;
static struct test_hostile hub;
static long memory_kb;

/* --- requests ------------------------------------------------------------------------------------------------------------------------ */

/* A request of options in hex and a payload, with a token of four bytes. */
static void ask(unsigned method, uint32_t token, const char *options_hex, const void *payload, size_t length)
{
	static uint8_t bytes[70000];
	uint8_t head[10];
	size_t content = sizeof(head);
	size_t at = 0;
	unsigned byte;

	for (; sscanf(options_hex, "%2x", &byte) == 1; options_hex += 2)
		bytes[content++] = (uint8_t)byte;
	if (length > 0) {
		bytes[content++] = 0xff;
		memcpy(bytes + content, payload, length);
		content += length;
	}
	content -= sizeof(head);
	head[at++] = (uint8_t)((content < 13 ? content : content < 269 ? 13 : 14) << 4 | 4);
	if (content >= 269)
		head[at++] = (uint8_t)((content - 269) >> 8);
	if (content >= 13)
		head[at++] = (uint8_t)(content >= 269 ? content - 269 : content - 13);
	head[at++] = (uint8_t)method;
	for (int shift = 24; shift >= 0; shift -= 8)
		head[at++] = (uint8_t)(token >> shift);
	memcpy(bytes + sizeof(head) - at, head, at);
	test_client_send(&hub.gateway.client, bytes + sizeof(head) - at, at + content);
}

static uint32_t token_of(const struct test_message *message)
{
	uint32_t token = 0;

	for (size_t i = 0; i < message->token_length && message->token_length == 4; i++)
		token = token << 8 | message->token[i];
	return token;
}

/* The answer with this token; what comes before it is dropped. */
static struct test_message answer_to(uint32_t token)
{
	struct test_message message;

	do {
		message = test_client_expect(&hub.gateway.client);
	} while (message.code < 200 || message.code >= 600 || token_of(&message) != token);
	return message;
}

static void expect_code(unsigned method, const char *options_hex, const void *payload, size_t length, unsigned code, const char *about)
{
	static uint32_t token = UINT32_C(0x10000000);
	struct test_message answer;

	ask(method, ++token, options_hex, payload, length);
	answer = answer_to(token);
	if (answer.code != code)
		fail_msg("%s: %u instead of %u", about, answer.code, code);
}

#define LIGHT         "b56c696768740131"
#define OBSERVE_LIGHT "60556c696768740131"
#define CBOR_FORMAT   "122710" /* behind a path */
#define POWER_IS_9    "\xa1\x65power\x09", 8

/* --- one device for all -------------------------------------------------------------------------------------------------------------- */

static int begin(void **state)
{
	(void)state;
	test_online_set_up(&t);
	test_hostile_open(&hub, &t);
	test_online_serve(&t, false, test_hostile_config(&hub, &t), NULL);
	test_online_command(&t);
	test_online_start(&t);
	test_hostile_take_device(&hub);
	(void)test_online_await(&t);
	(void)test_program_await(&t.device, "published");
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_hostile_close(&hub);
	test_online_tear_down(&t);
	return 0;
}

static int look_before(void **state)
{
	(void)state;
	expect_code(1, LIGHT, NULL, 0, 205, "before");
	memory_kb = test_online_memory(&t);
	return 0;
}

/* It is where it was, on the same connection, and no larger. */
static int look_behind(void **state)
{
	(void)state;
	expect_code(1, LIGHT, NULL, 0, 205, "behind");
	if (test_online_memory(&t) > memory_kb + GROWTH_MAX_KB)
		fail_msg("%ld kB became %ld kB", memory_kb, test_online_memory(&t));
	test_online_say(&t, "set /light/1 {\"power\": 1}");
	(void)test_program_await(&t.device, "input");
	assert_int_equal(test_count_named(&t.device, "offline"), 0);
	return 0;
}

/* --- options ------------------------------------------------------------------------------------------------------------------------- */

static const char *repeat(const char *head, const char *byte, size_t count, const char *tail)
{
	static char hex[140000];
	size_t at = (size_t)snprintf(hex, sizeof(hex), "%s", head);

	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(hex + at, sizeof(hex) - at, "%s", byte);
	snprintf(hex + at, sizeof(hex) - at, "%s", tail);
	return hex;
}

static void oversized_queries(void **state)
{
	(void)state;
	/* 255 bytes are the most that a query may have (RFC 7252 section 5.10); "if=" with something unknown; hundreds; more than the device takes at all */
	expect_code(1, repeat(LIGHT "4df2", "61", 255, ""), NULL, 0, 205, "255 bytes");
	expect_code(1, repeat(LIGHT "4e0000", "61", 269, ""), NULL, 0, 205, "269 bytes");
	expect_code(1, repeat(LIGHT "4e0f00", "61", 269 + 0xf00, ""), NULL, 0, 205, "4,109 bytes");
	expect_code(1, repeat(LIGHT "4df269663d", "61", 252, ""), NULL, 0, 400, "an interface of 252 bytes");
	expect_code(1, repeat(LIGHT "40", "00", 4000, ""), NULL, 0, 205, "4,001 empty ones");
	expect_code(1, repeat(LIGHT "4e3000", "61", 269 + 0x3000, ""), NULL, 0, 413, "12,557 bytes");
}

static void unknown_critical_options(void **state)
{
	(void)state;
	expect_code(1, LIGHT "e0fcd0", NULL, 0, 205, "option 65000, elective");
	expect_code(1, LIGHT "e0fcd1", NULL, 0, 402, "option 65001");
	expect_code(2, LIGHT CBOR_FORMAT "e0fcd0", POWER_IS_9, 402, "option 65001 in a POST");
	expect_code(1,
	            "90"
	            "256c696768740131",
	            NULL, 0, 402, "option 9");
	expect_code(1, LIGHT "d80b687474703a2f2f78", NULL, 0, 402, "Proxy-Uri");
	expect_code(1, LIGHT "c0", NULL, 0, 402, "Block2");
	expect_code(2, LIGHT CBOR_FORMAT "d10209", POWER_IS_9, 413, "Block1");
}

/* --- observations -------------------------------------------------------------------------------------------------------------------- */

/* What a notification or an answer says of Observe: -1: nothing. */
static int observe_of(const struct test_message *message)
{
	size_t length = 0;

	return test_message_option(message, OBSERVE, &length) == NULL ? -1 : (int)length;
}

/* One observer is told once, however often it registered. */
static void duplicate_observes(void **state)
{
	struct test_message message;
	unsigned told = 0;
	unsigned behind = 0;

	(void)state;
	for (int times = 0; times < 100; times++) {
		ask(1, 7, OBSERVE_LIGHT, NULL, 0);
		message = answer_to(7);
		assert_int_equal(message.code, 205);
		assert_true(observe_of(&message) >= 0);
	}
	ask(2, 8, LIGHT CBOR_FORMAT, POWER_IS_9);
	/* The notification leaves with the next turn: what is asked and answered again and again is more than one. */
	for (uint32_t i = 0; behind < 10; i++) {
		ask(1, 100 + i, LIGHT, NULL, 0);
		do {
			message = test_client_expect(&hub.gateway.client);
			told += token_of(&message) == 7;
		} while (token_of(&message) != 100 + i);
		behind += told > 0;
	}
	assert_int_equal(told, 1);
	ask(1, 7,
	    "6101"
	    "556c696768740131",
	    NULL, 0); /* Observe 1: no longer */
	message = answer_to(7);
	assert_int_equal(message.code, 205);
	assert_int_equal(observe_of(&message), -1);
}

static void ten_thousand_observes(void **state)
{
	unsigned observed = 0;

	(void)state;
	for (uint32_t i = 0; i < 10000; i += BLOCK) {
		for (uint32_t j = 0; j < BLOCK; j++)
			ask(1, UINT32_C(0x20000000) + i + j, OBSERVE_LIGHT, NULL, 0);
		for (uint32_t j = 0; j < BLOCK; j++) {
			const struct test_message message = answer_to(UINT32_C(0x20000000) + i + j);

			assert_int_equal(message.code, 205);
			observed += observe_of(&message) >= 0;
		}
	}
	assert_int_equal(observed, DPS_CONFIG_OBSERVERS);
	for (uint32_t i = 0; i < DPS_CONFIG_OBSERVERS; i++) {
		ask(1, UINT32_C(0x20000000) + i,
		    "6101"
		    "556c696768740131",
		    NULL, 0);
		(void)answer_to(UINT32_C(0x20000000) + i);
	}
}

/* Nobody reads what is answered: it is dropped, and the device goes on with what comes when there is room again. */
static void observes_that_nobody_reads(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		ask(1, UINT32_C(0x30000000) + i % 16, OBSERVE_LIGHT, NULL, 0);
	for (uint32_t i = 0; i < 16; i++) {
		ask(1, UINT32_C(0x30000000) + i,
		    "6101"
		    "556c696768740131",
		    NULL, 0);
		(void)answer_to(UINT32_C(0x30000000) + i);
	}
}

/* --- values -------------------------------------------------------------------------------------------------------------------------- */

enum { NUMBER = 1, TEXT = 2, BOOLEAN = 4 };

/* A value of each type that CBOR has (RFC 8949 section 3), and ends of ranges. */
static const struct {
	const char *bytes;
	size_t length;
	unsigned type;
} values[] = {
	{"\x07", 1, NUMBER},
	{"\x1a\xff\xff\xff\xff", 5, 0},
	{"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0},
	{"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0},
	{"\x61x", 2, TEXT},
	{"\x62\xc3\x28", 3, 0}, /* no UTF-8 */
	{"\x7b\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0},
	{"\x41x", 2, 0},
	{"\x80", 1, 0},
	{"\x9f\xff", 2, 0},
	{"\xa0", 1, 0},
	{"\xbf\xff", 2, 0},
	{"\xf5", 1, BOOLEAN},
	{"\xf6", 1, 0},
	{"\xf7", 1, 0},
	{"\xf9\x7e\x00", 3, 0},
	{"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00", 9, 0},
	{"\xc1\x00", 2, 0},
	{"\xff", 1, 0},
	{"\x1c", 1, 0}, /* reserved */
};

/* code: of a wrong type */
static const struct {
	const char *options, *property;
	unsigned type, code;
} properties[] = {
	{LIGHT CBOR_FORMAT, "state", BOOLEAN, 400},
	{LIGHT CBOR_FORMAT, "power", NUMBER, 400},
	{LIGHT CBOR_FORMAT, "name", TEXT, 400},
	{"b26f6303636f6e" CBOR_FORMAT, "n", TEXT, 400},
	{"b4706c676403647073" CBOR_FORMAT, "endpoint", TEXT, 400},
	{"b4706c676403647073" CBOR_FORMAT, "endpointName", TEXT, 400},
	{"b4706c676403647073" CBOR_FORMAT, "endpoints", 0, 400},
	{"b4706c676403647073" CBOR_FORMAT, "forceReprovision", BOOLEAN, 400},
	{"b36f69630164" CBOR_FORMAT, "n", 0, 405},
	{"b36f69630170" CBOR_FORMAT, "pi", 0, 405},
	{"b36f696303726573" CBOR_FORMAT, "links", 0, 405},
	{"ba782e706c67642e646576"
     "0474696d65" CBOR_FORMAT,
     "lastSyncedTime", TEXT, 400},
};

static void values_of_wrong_types(void **state)
{
	uint8_t body[64];

	(void)state;
	for (size_t p = 0; p < sizeof(properties) / sizeof(properties[0]); p++) {
		const size_t length = strlen(properties[p].property);

		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			size_t at = 0;

			if ((values[v].type & properties[p].type) != 0)
				continue;
			body[at++] = 0xa1;
			body[at++] = (uint8_t)(0x60 + length);
			memcpy(body + at, properties[p].property, length);
			at += length;
			memcpy(body + at, values[v].bytes, values[v].length);
			expect_code(2, properties[p].options, body, at + values[v].length, properties[p].code,
			            test_format(&t.scenario, "%s, value %zu", properties[p].property, v));
		}
		/* The whole is no map, or none that ends. */
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
			if (values[v].bytes[0] != '\xa0' && values[v].bytes[0] != '\xbf')
				expect_code(2, properties[p].options, values[v].bytes, values[v].length, properties[p].code,
				            test_format(&t.scenario, "%s, value %zu alone", properties[p].property, v));
	}
	expect_code(1, LIGHT, NULL, 0, 205, "alive");
}

/* --- signals ------------------------------------------------------------------------------------------------------------------------- */

/* Pings as fast as the line takes them, a request between every few hundred. */
static void pings_at_line_rate(void **state)
{
	static uint8_t pings[512];
	unsigned pongs = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(pings); i += 2) {
		pings[i] = 0x00;
		pings[i + 1] = 0xe2;
	}
	for (uint32_t i = 0; i < 400; i++) {
		struct test_message message;

		test_client_send(&hub.gateway.client, pings, sizeof(pings));
		ask(1, UINT32_C(0x40000000) + i, LIGHT, NULL, 0);
		do {
			message = test_client_expect(&hub.gateway.client);
			pongs += message.code == 703;
		} while (token_of(&message) != UINT32_C(0x40000000) + i);
		assert_int_equal(message.code, 205);
	}
	assert_true(pongs > 0);
	/* And with nobody who reads: 50,000, and what is asked behind them is answered when somebody does. */
	for (size_t i = 0; i < 200; i++)
		test_client_send(&hub.gateway.client, pings, sizeof(pings));
	expect_code(1, LIGHT, NULL, 0, 205, "behind 51,200 pings");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(oversized_queries, look_before, look_behind),
		cmocka_unit_test_setup_teardown(unknown_critical_options, look_before, look_behind),
		cmocka_unit_test_setup_teardown(duplicate_observes, look_before, look_behind),
		cmocka_unit_test_setup_teardown(ten_thousand_observes, look_before, look_behind),
		cmocka_unit_test_setup_teardown(observes_that_nobody_reads, look_before, look_behind),
		cmocka_unit_test_setup_teardown(values_of_wrong_types, look_before, look_behind),
		cmocka_unit_test_setup_teardown(pings_at_line_rate, look_before, look_behind),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
