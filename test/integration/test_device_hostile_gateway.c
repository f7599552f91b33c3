/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a gateway that means harm, or is broken, answers to a device on its way online: connections that go nowhere, tokens and lives beyond all measure,
 * publications that say nothing. Each has a named cause, and the device is online as soon as a gateway is good.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_hostile.h"

#define TOKEN_MAX_SIZE 30000

/* A device has its buffers from the start. What it may grow by is what TLS and the C library keep. */
#define GROWTH_MAX_KB 512

static struct test_online t;
static struct test_hostile hub;
static long memory_kb; /* of the device that is provisioned and on its way */

/* A device that is provisioned, of a hub that only the test plays. */
static int begin(void **state)
{
	(void)state;
	test_online_set_up(&t);
	test_hostile_open(&hub, &t);
	test_online_serve(&t, false, test_hostile_config(&hub, &t), NULL);
	test_online_command(&t);
	test_command_set(&t.command, "--hub-retry", "0.02");
	test_online_start(&t);
	(void)test_program_await(&t.device, "provisioned");
	memory_kb = test_online_memory(&t);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_hostile_close(&hub);
	test_online_tear_down(&t);
	return 0;
}

/* It still does what it is told at its end, and takes a good gateway. */
static void expect_alive(void)
{
	test_online_say(&t, "set /light/1 {\"power\": 1}");
	assert_true(cJSON_IsTrue(test_get(test_program_await(&t.device, "input"), "ok")));
}

static void expect_offline(const char *cause)
{
	const char *told = test_get_text(test_program_await(&t.device, "offline"), "cause");

	if (strcmp(told, cause) != 0)
		fail_msg("%s instead of %s", told, cause);
}

/* What the device had sent and nobody had read makes a reset of it. */
static void hang_up(void)
{
	const char *told;

	test_hostile_hang_up(&hub);
	told = test_get_text(test_program_await(&t.device, "offline"), "cause");
	if (strcmp(told, "connection-closed") != 0 && strcmp(told, "connection-reset") != 0)
		fail_msg("%s at the end of the connection", told);
}

static void expect_online(void)
{
	test_hostile_take_device(&hub);
	(void)test_online_await(&t);
	(void)test_program_await(&t.device, "published");
	expect_alive();
}

/* Takes it at last, no larger than it was, and its good-bye. */
static void end_online(void)
{
	struct test_message message;

	expect_online();
	if (test_online_memory(&t) > memory_kb + GROWTH_MAX_KB)
		fail_msg("%ld kB became %ld kB", memory_kb, test_online_memory(&t));
	test_process_signal(t.device.process, SIGINT);
	message = test_hostile_expect(&hub, "session");
	test_gateway_reply(&hub.gateway, &message, 204, -1, "\xa0", 1);
	test_program_finish(&t.device);
	assert_int_equal(t.device.exit_code, 0);
}

/* Processor time that the device has used so far, in ticks. */
static long ticks_of_device(void)
{
	char path[64];
	char line[1024] = "";
	const char *rest;
	long user = -1, system = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", test_process_pid(t.device.process));
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	rest = strrchr(line, ')');
	assert_non_null(rest);
	assert_int_equal(sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system), 2);
	return user + system;
}

/* --- connections that go nowhere ----------------------------------------------------------------------------------------------------- */

/* A gateway that accepts and says nothing, in the middle of the handshake too: what the device waits with is no work, and its end comes at once. */
static void half_open(void **state)
{
	static const uint8_t record[] = {0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0x00};
	long ticks;

	(void)state;
	test_hostile_accept(&hub);
	ticks = ticks_of_device();
	for (int i = 0; i < 100; i++)
		expect_alive();
	assert_true(ticks_of_device() - ticks < 50); /* half a second of 100 lines of input, and of waiting */
	assert_int_equal(test_count_named(&t.device, "offline"), 0);
	hang_up();

	test_hostile_accept(&hub);
	test_hostile_send_plain(&hub, record, sizeof(record));
	expect_alive();
	assert_int_equal(test_count_named(&t.device, "offline"), 1);
	test_online_end(&t);
}

/* One that stops in the middle of a message: of a head, of options, of a payload that never comes. */
static void stops_mid_message(void **state)
{
	static const char *const beginnings[] = {"f4", "d4ff01", "e8ffff01", "580111"};

	(void)state;
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		expect_online();
		test_client_send_hex(&hub.gateway.client, beginnings[i]);
		expect_alive();
		hang_up();
	}
	end_online();
}

/* Instead of what it should say: what is no CoAP, no TLS, and nothing at all. */
static void ends_everywhere(void **state)
{
	static uint8_t noise[4096];

	(void)state;
	memset(noise, 0x5a, sizeof(noise));
	test_hostile_accept(&hub);
	test_hostile_send_plain(&hub, noise, sizeof(noise));
	(void)test_program_await(&t.device, "offline");
	test_hostile_accept(&hub);
	test_hostile_shake_hands(&hub);
	(void)test_hostile_expect(&hub, "account");
	hang_up();
	test_hostile_accept(&hub);
	test_hostile_shake_hands(&hub);
	(void)test_hostile_expect(&hub, "account");
	test_client_send_hex(&hub.gateway.client, "0fff"); /* a token of 15 bytes */
	expect_offline("coap-message");
	end_online();
}

/* --- answers ------------------------------------------------------------------------------------------------------------------------- */

/* A sign-up's answer with tokens of so many bytes and a life in CBOR; "" for none. */
static void give_tokens(const struct test_message *request, size_t token_size, const char *life, size_t life_length)
{
	static char token[TOKEN_MAX_SIZE + 1];
	static struct test_cbor body;

	memset(token, 'a', token_size);
	token[token_size] = '\0';
	memset(&body, 0, sizeof(body));
	test_cbor_head(&body, 5, life_length > 0 ? 4 : 3);
	test_cbor_text(&body, "accesstoken");
	test_cbor_text(&body, token);
	test_cbor_text(&body, "refreshtoken");
	test_cbor_text(&body, "refresh-1");
	test_cbor_text(&body, "uid");
	test_cbor_text(&body, "1");
	if (life_length > 0) {
		test_cbor_text(&body, "expiresin");
		memcpy(body.bytes + body.length, life, life_length);
		body.length += life_length;
	}
	test_gateway_reply(&hub.gateway, request, 204, -1, body.bytes, body.length);
}

static struct test_message await_sign_up(void)
{
	test_hostile_accept(&hub);
	test_hostile_shake_hands(&hub);
	return test_hostile_expect(&hub, "account");
}

/* Tokens of 3,072 bytes are taken and used; larger ones are refused by name, in the field and as a message. */
static void long_tokens(void **state)
{
	static const size_t refused[] = {3073, 8000, 9000, TOKEN_MAX_SIZE};
	char token[4096];
	struct test_message message;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		message = await_sign_up();
		give_tokens(&message, refused[i], NULL, 0);
		expect_offline("too-large");
		expect_alive();
	}
	message = await_sign_up();
	give_tokens(&message, 3072, NULL, 0);
	message = test_hostile_expect(&hub, "session");
	assert_true(test_cbor_find_text(&message, "accesstoken", token, sizeof(token)));
	assert_int_equal(strspn(token, "a"), 3072);
	hang_up();
	end_online();
}

static const struct {
	const char *bytes;
	size_t length;
	long told; /* by the event "online", of a sign-in that says so: -1: without end; -2: refused */
} lives[] = {
	{"\x00", 1, 0},
	{"\x20", 1, -1},
	{"", 0, -1},
	{"\x21", 1, -2},
	{"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", 9, -2},
	{"\x1a\xff\xff\xff\xff", 5, 4294967295},
	{"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 9, 4294967295},
	{"\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", 9, 4294967295},
	{"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00", 9, -2},
	{"\x61\x31", 2, -2},
	{"\xf6", 1, -2},
};
#define LIVES (sizeof(lives) / sizeof(lives[0]))

/* Lives of 0, below 0, of nobody's and of all time, of tokens and of sessions. */
static void odd_lives(void **state)
{
	struct test_message message;

	(void)state;
	for (size_t i = 0; i < LIVES; i++) {
		if (lives[i].told != -2)
			continue;
		message = await_sign_up();
		give_tokens(&message, 8, lives[i].bytes, lives[i].length);
		expect_offline("field");
		expect_alive();
	}
	message = await_sign_up();
	give_tokens(&message, 8, NULL, 0);
	for (size_t i = 0; i < LIVES; i++) {
		uint8_t body[32] = "\xa1\x69"
						   "expiresin";
		const cJSON *online;

		if (i > 0) {
			test_hostile_accept(&hub);
			test_hostile_shake_hands(&hub);
		}
		message = test_hostile_request(&hub);
		if (memmem(message.options, 32, "tokenrefresh", 12) != NULL) { /* of a token that is at its end */
			static const char *const tokens[] = {"accesstoken", "access-2", "refreshtoken", "refresh-2", NULL};
			struct test_cbor cbor = {0};

			test_cbor_map(&cbor, tokens);
			test_gateway_reply(&hub.gateway, &message, 204, -1, cbor.bytes, cbor.length);
			message = test_hostile_expect(&hub, "session");
		}
		memcpy(body + 11, lives[i].bytes, lives[i].length);
		body[0] = lives[i].length > 0 ? 0xa1 : 0xa0;
		test_gateway_reply(&hub.gateway, &message, 204, -1, body, lives[i].length > 0 ? 11 + lives[i].length : 1);
		if (lives[i].told == -2) {
			expect_offline("field");
			continue;
		}
		online = test_online_await(&t);
		if ((long)test_get_number(online, "expiresIn") != lives[i].told)
			fail_msg("life %zu: %.0f", i, test_get_number(online, "expiresIn"));
		expect_alive();
		hang_up();
	}
	end_online();
}

/* Answers to a publish: the device is online, whatever they say, and nothing of them is believed that is not there. */
static void odd_publications(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} bodies[] = {
		{"\xa0", 1},
		{"\xa1\x65links\x80", 8},
		{"\xa1\x65links\x81\xa0", 9},
		{"\xa1\x65links\x81\xa1\x64href\x62/x", 17},
		{"\xa1\x65links\x81\xa1\x63ins\x01", 14},
		{"\xa1\x65links\x9a\xff\xff\xff\xff", 12},
		{"\xa1\x65links\x07", 8},
		{"\xff\xff", 2},
		{"\x80", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct test_message message;

		test_hostile_accept(&hub);
		test_hostile_shake_hands(&hub);
		message = test_hostile_request(&hub);
		if (i == 0) {
			give_tokens(&message, 8, NULL, 0);
			message = test_hostile_expect(&hub, "session");
		}
		test_gateway_reply(&hub.gateway, &message, 204, -1,
		                   "\xa1\x69"
		                   "expiresin\x19\x0d\x98",
		                   14);
		message = test_hostile_expect(&hub, "rdpub");
		test_gateway_reply(&hub.gateway, &message, 204, -1, bodies[i].bytes, bodies[i].length);
		(void)test_online_await(&t);
		expect_alive();
		hang_up();
	}
	end_online();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(half_open, begin, end),       cmocka_unit_test_setup_teardown(stops_mid_message, begin, end),
		cmocka_unit_test_setup_teardown(ends_everywhere, begin, end), cmocka_unit_test_setup_teardown(long_tokens, begin, end),
		cmocka_unit_test_setup_teardown(odd_lives, begin, end),       cmocka_unit_test_setup_teardown(odd_publications, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
