/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway of dps-service against the captures of the real one: what is deterministic must come byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_gateway.h"

#define TOKEN_AT 8u /* bytes of a gateway's token */

static void is_answered_as_captured(struct test_gateway *g, const char *file, const char *label)
{
	uint8_t request[8192];
	uint8_t answer[8192];
	size_t request_length = test_gateway_vector(file, '>', label, 0, request, sizeof(request));
	size_t answer_length = test_gateway_vector(file, '<', label, 0, answer, sizeof(answer));
	struct test_message message;

	test_client_send(&g->client, request, request_length);
	message = test_client_expect(&g->client);
	if (message.length != answer_length || memcmp(message.bytes, answer, answer_length) != 0)
		fail_msg("%s: the answer to %s is not the captured one", file, label);
}

/* The next message is the which-th captured request but for its token. */
static struct test_message asks_as_captured(struct test_gateway *g, const char *file, unsigned which)
{
	uint8_t captured[8192];
	size_t length = test_gateway_vector(file, '<', "req-get", which, captured, sizeof(captured));
	struct test_message message = test_client_expect(&g->client);
	size_t head = (size_t)(message.token - message.bytes);

	assert_int_equal(message.length, length);
	assert_memory_equal(message.bytes, captured, head);
	assert_memory_equal(message.bytes + head + TOKEN_AT, captured + head + TOKEN_AT, length - head - TOKEN_AT);
	return message;
}

/* Sends a captured response of the device with this request's token. */
static void reply_as_captured(struct test_gateway *g, const char *file, const char *label, unsigned which, const struct test_message *to)
{
	uint8_t bytes[8192];
	size_t length = test_gateway_vector(file, '>', label, which, bytes, sizeof(bytes));
	size_t head = bytes[0] >> 4 == 14 ? 4 : bytes[0] >> 4 == 13 ? 3 : 2;

	memcpy(bytes + head, to->token, TOKEN_AT);
	test_client_send(&g->client, bytes, length);
}

static void register_device(struct test_gateway *g)
{
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
}

/* Sign-in with the captures' list and batch: the observation's token. */
static void sign_in_as_captured(struct test_gateway *g, const char *file, uint8_t token[TOKEN_AT])
{
	const char *const body[] = {"uid", "1", "di", TEST_GATEWAY_DEVICE, "accesstoken", g->access, "login", "true", NULL};
	struct test_message message;

	test_gateway_post(g, "/oic/sec/session", 'i', body);
	message = asks_as_captured(g, file, 0);
	reply_as_captured(g, file, "rsp-2.05", 0, &message);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 204);
	assert_int_equal(message.token[0], 'i');
	assert_in_range(test_cbor_find_number(&message, "expiresin"), 3470, 3480);
	message = asks_as_captured(g, file, 1);
	reply_as_captured(g, file, "rsp-2.05", 1, &message);
	message = asks_as_captured(g, file, 2);
	memcpy(token, message.token, TOKEN_AT);
	reply_as_captured(g, file, "rsp-2.05", 2, &message);
}

static void a_session_is_the_captured_one(void **state)
{
	static const char file[] = "session.txt";
	struct test_gateway *g = *state;
	uint8_t token[TOKEN_AT];
	struct test_message message;
	const char *event;
	const char *const out[] = {"login", "false", NULL};

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, "40e123040000");
	event = test_gateway_event(g, "hub-connected");
	assert_non_null(strstr(event, "\"device\":\"" TEST_GATEWAY_DEVICE "\",\"hub\":\"" TEST_GATEWAY_HUB "\""));
	assert_non_null(strstr(event, "\"tls\":\"TLSv1.2\",\"resumed\":false"));
	test_gateway_sign_up(g);
	sign_in_as_captured(g, file, token);
	assert_non_null(strstr(test_gateway_event(g, "notification"), "\"href\":\"/oic/d\""));
	test_gateway_event(g, "notification");
	assert_non_null(strstr(test_gateway_event(g, "notification"), "\"rep\":{\"state\":false,\"power\":7,\"name\":\"Light\"}"));
	is_answered_as_captured(g, file, "publish");
	assert_non_null(strstr(test_gateway_event(g, "published"), "\"hrefs\":[\"/oic/d\",\"/oic/p\",\"/light/1\"]"));
	message.token = token;
	reply_as_captured(g, file, "notify", 0, &message);
	assert_non_null(strstr(test_gateway_event(g, "notification"), "\"power\":9"));
	is_answered_as_captured(g, file, "rd-get");
	is_answered_as_captured(g, file, "unpublish");
	/* A ping, and one with Custody. */
	test_client_send_hex(&g->client, "04e2537e1e2d14e275ed52d920");
	message = test_client_expect(&g->client);
	assert_int_equal(message.length, 6);
	assert_memory_equal(message.bytes, "\x04\xe3\x53\x7e\x1e\x2d", 6);
	message = test_client_expect(&g->client);
	assert_int_equal(message.length, 6);
	assert_memory_equal(message.bytes, "\x04\xe3\x75\xed\x52\xd9", 6);
	/* Sign-out: the observation's own token, Observe 1, and nothing is answered before. */
	test_gateway_post(g, "/oic/sec/session", 'o', out);
	message = asks_as_captured(g, file, 3);
	assert_memory_equal(message.token, token, TOKEN_AT);
	reply_as_captured(g, file, "rsp-2.05", 3, &message);
	message = test_client_expect(&g->client);
	assert_int_equal(message.token[0], 'o');
	assert_int_equal(message.code, 204);
	assert_int_equal(message.payload_length, 1);
	assert_int_equal(message.payload[0], 0xa0);
	test_gateway_event(g, "signed-out");
	/* A late notification ends the connection. */
	test_gateway_notify(g, token, 9, "\x80", 1);
	test_client_expect_end(&g->client);
	assert_non_null(strstr(test_gateway_event(g, "hub-closed"), "\"reason\":\"notification after sign-out\""));
	assert_int_equal(test_service_stop(&g->service), 0);
}

static void sign_off_waits_for_the_device_and_ends_the_registration(void **state)
{
	struct test_gateway *g = *state;
	uint8_t request[512];
	uint8_t token[TOKEN_AT];
	size_t length = test_gateway_vector("session.txt", '>', "signoff", 0, request, sizeof(request));
	struct test_message message;

	test_gateway_start(g, NULL, NULL);
	register_device(g);
	test_gateway_sign_in(g, NULL, 0, token);
	test_client_send(&g->client, request, length);
	message = test_client_expect(&g->client);
	assert_memory_equal(message.token, token, TOKEN_AT);
	test_gateway_reply(g, &message, 205, -1, "\x80", 1);
	message = test_client_expect(&g->client);
	assert_int_equal(message.length, 10);
	assert_memory_equal(message.bytes, "\x08\x42\x96\x3c\x8e\x2c\x00\xf9\xd1\x19", 10);
	test_gateway_event(g, "signed-off");
	message = test_gateway_sign_in_answer(g, g->access);
	assert_int_equal(message.code, 401);
	test_client_expect_end(&g->client);
}

static void tokens_are_refreshed_and_all_work(void **state)
{
	struct test_gateway *g = *state;
	const char *body[] = {"uid",          "1",  "di", TEST_GATEWAY_DEVICE, "authprovider", "plgd", "granttype", "refresh_token",
	                      "refreshtoken", NULL, NULL};
	char first[TEST_TOKEN_MAX];
	struct test_message message;

	test_gateway_start(g, NULL, NULL);
	register_device(g);
	memcpy(first, g->access, sizeof(first));
	body[9] = g->refresh;
	test_gateway_post(g, "/oic/sec/tokenrefresh", 'r', body);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 204);
	assert_true(test_cbor_find_text(&message, "accesstoken", g->access, sizeof(g->access)));
	assert_string_not_equal(first, g->access);
	assert_int_equal(test_cbor_find_number(&message, "expiresin"), 3600);
	test_gateway_event(g, "refreshed");
	test_gateway_sign_in(g, NULL, 0, NULL);
	/* Provisioning's token does too, once the device is registered; this one has no end. */
	message = test_gateway_sign_in_answer(g, TEST_GATEWAY_TOKENS);
	assert_int_equal(message.code, 204);
	assert_int_equal(test_cbor_find_number(&message, "expiresin"), -1);
	message = test_gateway_sign_in_answer(g, first);
	assert_int_equal(message.code, 204);
}

static void answers_come_in_other_formats_and_keep_their_fields(void **state)
{
	struct test_gateway *g = *state;
	const char *const body[] = {"di", TEST_GATEWAY_DEVICE, "authprovider", "plgd", "accesstoken", TEST_GATEWAY_TOKENS, NULL};
	struct test_cbor cbor = {0};
	struct test_request request = {.method = TEST_POST,
	                               .path = "/oic/sec/account",
	                               .token = 'u',
	                               .content_format = 10000,
	                               .accept = 50,
	                               .block1 = -1,
	                               .block2 = -1,
	                               .body = cbor.bytes};
	struct test_message message;

	test_cbor_map(&cbor, body);
	request.body_length = cbor.length;
	test_gateway_start(g, "\"redirectUri\": \"coaps+tcp://other:1\"", NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_client_request(&g->client, &request);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 204);
	assert_memory_equal(message.payload, "{\"accesstoken\":\"", 16);
	assert_non_null(memmem(message.payload, message.payload_length,
	                       "\",\"expiresin\":3600,\"redirecturi\":\"coaps+tcp://other:1\",\"refreshtoken\":\"", 70));
	request.accept = -1;
	test_client_request(&g->client, &request);
	message = test_client_expect(&g->client);
	assert_int_equal(message.payload[0], 0xa5);
	assert_memory_equal(message.payload + 1,
	                    "\x6b"
	                    "accesstoken",
	                    12);
	assert_non_null(memmem(message.payload, message.payload_length, "cuida1lrefreshtoken", 19));
	assert_memory_equal(message.payload + message.payload_length - 13, "iexpiresin\x19\x0e\x10", 13);
}

static void time_needs_no_session_and_other_paths_do(void **state)
{
	struct test_gateway *g = *state;
	struct test_message message;

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_client_get(&g->client, "/x.plgd.dev/time", 't');
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 205);
	assert_memory_equal(message.payload, "\xa1\x64time\x78", 7);
	test_client_get(&g->client, "/oic/rd", 'd');
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 401);
	test_client_expect_end(&g->client);
}

static void publish_may_follow_the_first_question_but_not_the_sign_in(void **state)
{
	struct test_gateway *g = *state;
	uint8_t publish[2048];
	size_t length = test_gateway_vector("session.txt", '>', "publish", 0, publish, sizeof(publish));
	struct test_message question;
	struct test_message message;
	uint8_t token[TOKEN_AT];

	test_gateway_start(g, "\"signInWork\": 0.5", NULL);
	register_device(g);
	{
		const char *const body[] = {"uid", "1", "di", TEST_GATEWAY_DEVICE, "accesstoken", g->access, "login", "true", NULL};

		test_gateway_post(g, "/oic/sec/session", 'i', body);
		question = test_client_expect(&g->client);
		memcpy(token, question.token, sizeof(token));
		test_client_send(&g->client, publish, length);
		message = test_client_expect(&g->client);
		assert_int_equal(message.code, 204);
		/* In one flight the publish meets no session. */
		test_gateway_connect(g, TEST_CSM_EMPTY);
		test_gateway_post(g, "/oic/sec/session", 'i', body);
		test_client_send(&g->client, publish, length);
		message = test_client_expect(&g->client);
		assert_int_equal(message.code, 401);
		test_client_expect_end(&g->client);
	}
}

static void links_are_taken_back_by_number_by_list_and_at_once(void **state)
{
	static const uint8_t list[] = {0x82, 0xa1, 0x64, 'h',  'r', 'e', 'f', 0x66, '/',  'o', 'i',  'c',  '/',  'd', 0xa3, 0x64, 'h',
	                               'r',  'e',  'f',  0x68, '/', 'o', 'i', 'c',  '/',  'r', 'e',  's',  0x62, 'i', 'f',  0x81, 0x68,
	                               'o',  'i',  'c',  '.',  'i', 'f', '.', 'b',  0x61, 'p', 0xa1, 0x62, 'b',  'm', 0x03};
	struct test_gateway *g = *state;
	uint8_t publish[2048];
	uint8_t numbered[128];
	size_t length = test_gateway_vector("session.txt", '>', "publish", 0, publish, sizeof(publish));
	struct test_message message;
	size_t size;

	test_gateway_start(g, NULL, NULL);
	register_device(g);
	test_gateway_sign_in(g, NULL, 0, NULL);
	test_client_send(&g->client, publish, length);
	assert_int_equal(test_client_expect(&g->client).code, 204);
	/* The capture's request with another number: that of /oic/d, 136750592. */
	size = test_gateway_vector("session.txt", '>', "unpublish", 0, numbered, sizeof(numbered));
	{
		/* ... 05 "ins=0" 22 27 10 becomes 0d 00 "ins=136750592" 22 27 10 */
		uint8_t *at = memmem(numbered, size, "\x05ins=0", 6);

		assert_non_null(at);
		memcpy(at, "\x0d\x00ins=136750592\x22\x27\x10", 18);
		numbered[1] = (uint8_t)(numbered[1] + 9);
		test_client_send(&g->client, numbered, size + 9);
	}
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 202);
	assert_non_null(strstr(test_gateway_event(g, "unpublished"), "\"hrefs\":[\"/oic/d\"]"));
	/* The next sign-in's list names /oic/d and /oic/res only: the other two go. */
	test_gateway_connect(g, TEST_CSM_EMPTY);
	assert_int_equal(test_gateway_sign_in_answer(g, g->access).code, 204);
	message = test_client_expect(&g->client);
	test_gateway_reply(g, &message, 205, -1, list, sizeof(list));
	assert_non_null(strstr(test_gateway_event(g, "unpublished"), "\"hrefs\":[\"/oic/p\",\"/light/1\"]"));
	message = test_client_expect(&g->client);
	assert_true(test_gateway_is_get(&message, "if=oic.if.b"));
	test_gateway_reply(g, &message, 205, 1, "\x80", 1);
	/* All at once. */
	test_client_send(&g->client, publish, length);
	assert_int_equal(test_client_expect(&g->client).code, 204);
	size = test_gateway_vector("session.txt", '>', "unpublish", 0, numbered, sizeof(numbered));
	{
		uint8_t *at = memmem(numbered, size, "\x05ins=0", 6);

		assert_non_null(at);
		memmove(at, at + 6, 3);
		numbered[1] = (uint8_t)(numbered[1] - 6);
		test_client_send(&g->client, numbered, size - 6);
	}
	assert_int_equal(test_client_expect(&g->client).code, 202);
}

static void registrations_survive_a_restart(void **state)
{
	struct test_gateway *g = *state;
	const char *const other_hub[] = {"--gateway", "127.0.0.1:0,00000000-0000-0000-0000-000000000002", NULL};
	const char *port;

	test_gateway_start(g, NULL, NULL);
	register_device(g);
	test_client_close(&g->client);
	assert_int_equal(test_service_stop(&g->service), 0);
	test_gateway_start(g, NULL, other_hub);
	port = strstr(test_gateway_event(g, "gateway"), "\"port\":");
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_in(g, NULL, 0, NULL);
	/* Another hub does not know the device. */
	assert_int_equal(sscanf(port, "\"port\":%7[0-9]", g->at.port), 1);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	assert_int_equal(test_gateway_sign_in_answer(g, g->access).code, 401);
	test_client_expect_end(&g->client);
}

static void etags_are_given_back_on_the_next_connection(void **state)
{
	struct test_gateway *g = *state;
	uint8_t token[TOKEN_AT];
	struct test_message message;

	test_gateway_start(g, "\"etags\": true", NULL);
	register_device(g);
	sign_in_as_captured(g, "etag-first.txt", token);
	test_gateway_event(g, "notification");
	test_gateway_event(g, "notification");
	test_gateway_event(g, "notification");
	test_gateway_connect(g, TEST_CSM_EMPTY);
	{
		const char *const body[] = {"uid", "1", "di", TEST_GATEWAY_DEVICE, "accesstoken", g->access, "login", "true", NULL};

		test_gateway_post(g, "/oic/sec/session", 'i', body);
	}
	message = asks_as_captured(g, "etag-reconnect.txt", 0);
	reply_as_captured(g, "etag-reconnect.txt", "rsp-2.05", 0, &message);
	assert_int_equal(test_client_expect(&g->client).code, 204);
	message = asks_as_captured(g, "etag-reconnect.txt", 1);
	reply_as_captured(g, "etag-reconnect.txt", "rsp-2.05", 1, &message);
	message = asks_as_captured(g, "etag-reconnect.txt", 2);
	memcpy(token, message.token, TOKEN_AT);
	reply_as_captured(g, "etag-reconnect.txt", "rsp-2.03", 0, &message);
	test_gateway_notify(g, token, 7, "\x81\xa2\x64href\x62/a\x63rep\x01", 15);
	assert_non_null(strstr(test_gateway_event(g, "notification"), "\"href\":\"/a\",\"rep\":1"));
}

static void long_messages_go_in_blocks_where_the_device_takes_them(void **state)
{
	static const char file[] = "publish-blockwise.txt";
	struct test_gateway *g = *state;
	uint8_t publish[4096];
	uint8_t answer[4096];
	size_t length = test_gateway_vector(file, '>', "publish", 0, publish, sizeof(publish));
	size_t answer_length = test_gateway_vector(file, '<', "publish", 0, answer, sizeof(answer));
	struct test_message message;
	struct test_request request = {
		.method = TEST_POST, .path = "/oic/sec/session", .token = 's', .content_format = 10000, .accept = -1, .block2 = -1};
	struct test_cbor body = {0};
	const char *const out[] = {"padding", "padding padding padding padding padding", "login", "false", NULL};

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, "40e122050020");
	test_gateway_sign_up(g);
	test_gateway_sign_in(g, NULL, 0, NULL);
	test_client_send(&g->client, publish, length);
	message = test_client_expect(&g->client);
	assert_int_equal(message.length, answer_length);
	assert_memory_equal(message.bytes, answer, answer_length);
	/* And a request in blocks: 2.31 first; the second with another token is none of it. */
	test_cbor_map(&body, out);
	request.body = body.bytes;
	request.body_length = 32;
	request.block1 = 0x9; /* 32 bytes, more */
	test_client_request(&g->client, &request);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 231);
	request.body = body.bytes + 32;
	request.body_length = body.length - 32;
	request.block1 = 0x11;
	request.token = 'x';
	test_client_request(&g->client, &request);
	assert_int_equal(test_client_expect(&g->client).code, 408);
	request.token = 's';
	test_client_request(&g->client, &request);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 1); /* the observation's end */
	test_gateway_reply(g, &message, 205, -1, "\x80", 1);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 204);
	assert_int_equal(message.token[0], 's');
}

static void single_resources_are_observed_where_no_batch_is_asked_for(void **state)
{
	struct test_gateway *g = *state;
	uint8_t publish[2048];
	size_t length = test_gateway_vector("session.txt", '>', "publish", 0, publish, sizeof(publish));
	struct test_message message;
	unsigned at;

	test_gateway_start(g, "\"requireBatchObserve\": false", NULL);
	register_device(g);
	assert_int_equal(test_gateway_sign_in_answer(g, g->access).code, 204);
	message = test_client_expect(&g->client);
	assert_true(test_gateway_is_get(&message, "if=oic.if.ll"));
	test_gateway_reply(g, &message, 404, -1, NULL, 0);
	test_client_send(&g->client, publish, length);
	assert_int_equal(test_client_expect(&g->client).code, 204);
	for (at = 0; at < 3; at++) {
		message = test_client_expect(&g->client);
		assert_int_equal(message.code, 1);
		assert_int_equal(message.options[0], 0x60); /* Observe 0 */
		test_gateway_reply(g, &message, 205, 1, "\xa1\x61x\x01", 4);
	}
	assert_non_null(strstr(test_gateway_event(g, "notification"), "\"href\":\"/oic/d\",\"rep\":{\"x\":1}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_session_is_the_captured_one, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(sign_off_waits_for_the_device_and_ends_the_registration, test_gateway_set_up,
	                                    test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(tokens_are_refreshed_and_all_work, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(answers_come_in_other_formats_and_keep_their_fields, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(time_needs_no_session_and_other_paths_do, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(publish_may_follow_the_first_question_but_not_the_sign_in, test_gateway_set_up,
	                                    test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(links_are_taken_back_by_number_by_list_and_at_once, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(registrations_survive_a_restart, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(etags_are_given_back_on_the_next_connection, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(long_messages_go_in_blocks_where_the_device_takes_them, test_gateway_set_up,
	                                    test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(single_resources_are_observed_where_no_batch_is_asked_for, test_gateway_set_up,
	                                    test_gateway_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
