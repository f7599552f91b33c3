/* SPDX-License-Identifier: Apache-2.0 */
/* How a gateway takes what a device answers it: notifications in and out of order, the end of an observation, blocks of the device's size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_gateway.h"

#define TOKEN_SIZE 8u /* of a gateway's requests */

static void bring_online(struct test_gateway *g, const char *settings, const char *csm_hex, uint8_t token[TOKEN_SIZE])
{
	test_gateway_start(g, settings, NULL);
	test_gateway_connect(g, csm_hex);
	test_gateway_sign_up(g);
	test_gateway_sign_in(g, NULL, 0, token);
}

/* --- notifications --- */

/* A notification with an Observe number of up to three bytes, and "/a" in the state of that number's last digit of eight. */
static void notify(struct test_gateway *g, const uint8_t token[TOKEN_SIZE], unsigned number)
{
	static const uint8_t batch[] = {0x81, 0xa2, 0x64, 'h', 'r', 'e', 'f', 0x62, '/', 'a', 0x63, 'r', 'e', 'p'};
	uint8_t bytes[64] = {0xd8, 0, 0x45};
	size_t at = 3;
	size_t size = number > 0xffff ? 3 : number > 0xff ? 2 : 1;

	memcpy(bytes + at, token, TOKEN_SIZE);
	at += TOKEN_SIZE;
	bytes[at++] = (uint8_t)(0x60 | size);
	while (size-- > 0)
		bytes[at++] = (uint8_t)(number >> 8 * size);
	memcpy(bytes + at, "\x62\x27\x10\xff", 4);
	at += 4;
	memcpy(bytes + at, batch, sizeof(batch));
	at += sizeof(batch);
	bytes[at++] = (uint8_t)(number & 7u);
	bytes[1] = (uint8_t)(at - 3 - TOKEN_SIZE - 13);
	test_client_send(&g->client, bytes, at);
}

static void is_told(struct test_gateway *g, unsigned number)
{
	char wanted[32];
	const char *event = test_gateway_event(g, "notification");

	snprintf(wanted, sizeof(wanted), "\"rep\":%u}", number & 7u);
	if (strstr(event, wanted) == NULL)
		fail_msg("not the notification %u but %s", number, event);
}

/* RFC 7641 section 3.4. The observation's first answer had the number 2. */
static void old_notifications_are_passed_over(void **state)
{
	static const unsigned sent[] = {2, 3, 3, 1, 2, 4, 4, 0x7fffff, 5, 0xfffffe, 3, 0xffffff, 1, 6};
	static const unsigned told[] = {3, 4, 0x7fffff, 0xfffffe, 3, 6};
	struct test_gateway *g = *state;
	uint8_t token[TOKEN_SIZE];
	size_t at;

	bring_online(g, NULL, TEST_CSM_EMPTY, token);
	for (at = 0; at < sizeof(sent) / sizeof(sent[0]); at++)
		notify(g, token, sent[at]);
	for (at = 0; at < sizeof(told) / sizeof(told[0]); at++)
		is_told(g, told[at]);
}

/* --- the end of an observation --- */

/* Asks for a sign-out; gives the gateway's Observe 1. */
static struct test_message sign_out(struct test_gateway *g, const uint8_t token[TOKEN_SIZE])
{
	static const char *const out[] = {"login", "false", NULL};
	struct test_message message;

	test_gateway_post(g, "/oic/sec/session", 'o', out);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 1);
	assert_memory_equal(message.token, token, TOKEN_SIZE);
	return message;
}

static void is_signed_out(struct test_gateway *g)
{
	struct test_message message = test_client_expect(&g->client);

	assert_int_equal(message.code, 204);
	assert_int_equal(message.token[0], 'o');
	test_gateway_event(g, "signed-out");
}

/* As the device's stack may do it that answers the GET as any other of the observation. */
static void the_end_of_an_observation_may_be_answered_with_observe(void **state)
{
	struct test_gateway *g = *state;
	uint8_t token[TOKEN_SIZE];
	struct test_message message;

	bring_online(g, NULL, TEST_CSM_EMPTY, token);
	message = sign_out(g, token);
	test_gateway_reply(g, &message, 205, 1, "\x80", 1);
	is_signed_out(g);
}

/* The first message with the token counts; the true answer behind it means nothing any more, another notification ends the connection. */
static void a_notification_on_its_way_ends_an_observation(void **state)
{
	struct test_gateway *g = *state;
	uint8_t token[TOKEN_SIZE];
	struct test_message message;

	bring_online(g, NULL, TEST_CSM_EMPTY, token);
	message = sign_out(g, token);
	notify(g, token, 3);
	is_signed_out(g);
	message.token = token;
	message.token_length = TOKEN_SIZE;
	test_gateway_reply(g, &message, 205, -1, "\x80", 1);
	test_client_get(&g->client, "/x.plgd.dev/time", 't');
	assert_int_equal(test_client_expect(&g->client).token[0], 't');
	notify(g, token, 4);
	test_client_expect_end(&g->client);
}

static void a_silent_device_is_signed_out_and_off_all_the_same(void **state)
{
	static const char settings[] = "\"commandTimeout\": 0.2";
	struct test_gateway *g = *state;
	uint8_t off[512];
	size_t length = test_gateway_vector("session.txt", '>', "signoff", 0, off, sizeof(off));
	uint8_t token[TOKEN_SIZE];

	bring_online(g, settings, TEST_CSM_EMPTY, token);
	sign_out(g, token);
	is_signed_out(g);
	test_gateway_sign_in(g, NULL, 0, token);
	test_client_send(&g->client, off, length);
	assert_memory_equal(test_client_expect(&g->client).token, token, TOKEN_SIZE);
	assert_int_equal(test_client_expect(&g->client).code, 202);
	test_gateway_event(g, "signed-off");
}

/* --- blocks --- */

/* What the next request of the gateway's says in Block1 (RFC 7959 section 2.2), and how many bytes it carries. */
static struct test_message posts(struct test_gateway *g, unsigned number, bool more, unsigned szx, size_t length)
{
	struct test_message message = test_client_expect(&g->client);
	unsigned value = 0;
	const uint8_t *block;
	size_t size = 0;
	size_t at;

	assert_int_equal(message.code, 2);
	block = test_message_option(&message, 27, &size);
	assert_non_null(block);
	for (at = 0; at < size; at++)
		value = value << 8 | block[at];
	assert_int_equal(value, number << 4 | (more ? 8u : 0u) | szx);
	assert_int_equal(message.payload_length, length);
	return message;
}

/* Answers with this code and Block1. */
static void answer_block(struct test_gateway *g, const struct test_message *request, uint8_t code, unsigned block1)
{
	uint8_t bytes[16] = {0x48, code};

	memcpy(bytes + 2, request->token, TOKEN_SIZE);
	memcpy(bytes + 10, "\xd2\x0e", 2);
	bytes[12] = (uint8_t)(block1 >> 8);
	bytes[13] = (uint8_t)block1;
	test_client_send(&g->client, bytes, 14);
}

/* 1,334 bytes of CBOR: the map's head, "name" and the text's head, 1,325 letters. The first block goes with 1,024; then the device says less, and less. */
static void a_device_says_how_small_blocks_are(void **state)
{
	static char json[1400];
	struct test_gateway *g = *state;
	const char *argv[] = {g->service.program, "post", TEST_GATEWAY_DEVICE, "/light/1", json, "--state-dir", g->service.directory, NULL};
	struct test_process *process;
	struct test_message message;

	memset(json, 'n', sizeof(json) - 1);
	memcpy(json, "{\"name\":\"", 9);
	memcpy(json + 9 + 1325, "\"}", 3);
	bring_online(g, NULL, "40e122050020", NULL);
	process = test_process_start(argv);
	message = posts(g, 0, true, 6, 1024);
	answer_block(g, &message, 0x5f, 0 << 4 | 8 | 4);
	/* 1,024 bytes are four blocks of 256. */
	message = posts(g, 4, true, 4, 256);
	answer_block(g, &message, 0x5f, 4 << 4 | 8 | 1);
	/* 1,280 bytes are forty of 32. */
	message = posts(g, 40, true, 1, 32);
	/* Larger ones than before are no wish to be heard. */
	answer_block(g, &message, 0x5f, 40 << 4 | 8 | 5);
	message = posts(g, 41, false, 1, 22);
	answer_block(g, &message, 0x44, 41 << 4 | 1);
	assert_string_equal(test_process_read_line(process, TEST_SERVICE_TIMEOUT_MS), "null");
	assert_int_equal(test_process_wait(process, TEST_SERVICE_TIMEOUT_MS), 0);
	test_process_stop(process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(old_notifications_are_passed_over, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(the_end_of_an_observation_may_be_answered_with_observe, test_gateway_set_up,
	                                    test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_notification_on_its_way_ends_an_observation, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_silent_device_is_signed_out_and_off_all_the_same, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_device_says_how_small_blocks_are, test_gateway_set_up, test_gateway_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
