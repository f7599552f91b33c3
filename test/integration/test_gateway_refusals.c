/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway refuses, with the codes of the real one, and what each refusal does to the connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_gateway.h"

#define EXPIRED "eyJhbGciOiJub25lIn0.eyJjbGllbnRfaWQiOiJkcHMtc2VydmljZSIsImh0dHBzOi8vcGxnZC5kZXYvb3duZXIiOiIxIiwiZXhwIjoxfQ." /* exp 1 */
#define FOREIGN                                                                                                                            \
	"eyJhbGciOiJub25lIn0."                                                                                                                 \
	"eyJjbGllbnRfaWQiOiJkcHMtc2VydmljZSIsImh0dHBzOi8vcGxnZC5kZXYvb3duZXIiOiIyIiwiZXhwIjo5OTk5OTk5OTk5fQ." /* owner 2 */
#define ACCOUNT "/oic/sec/account"
#define SESSION "/oic/sec/session"
#define REFRESH "/oic/sec/tokenrefresh"
#define DEVICE  TEST_GATEWAY_DEVICE
#define TOKEN   TEST_GATEWAY_TOKENS
#define ACCESS  "*access"  /* the token handed out at sign-up */
#define RENEW   "*refresh" /* and the other */

struct refusal {
	const char *path;
	unsigned code;
	const char *text;
	const char *body[12];
};

static void ask(struct test_gateway *g, const struct refusal *refusal)
{
	const char *body[12];
	size_t at;

	for (at = 0; at < 12; at++) {
		const char *word = refusal->body[at];

		body[at] = word == NULL || word[0] != '*' ? word : strcmp(word, ACCESS) == 0 ? g->access : g->refresh;
	}
	test_gateway_post(g, refusal->path, 'x', body);
}

static void is_refused(struct test_gateway *g, const struct refusal *refusal)
{
	struct test_message message;

	test_gateway_connect(g, TEST_CSM_EMPTY);
	ask(g, refusal);
	message = test_client_expect(&g->client);
	if (message.code != refusal->code || memmem(message.payload, message.payload_length, refusal->text, strlen(refusal->text)) == NULL)
		fail_msg("%s is answered %u %.*s, not %u %s", refusal->path, message.code, (int)message.payload_length,
		         (const char *)message.payload, refusal->code, refusal->text);
	test_client_expect_end(&g->client);
}

static void what_no_device_may_say_is_refused_and_ends_the_connection(void **state)
{
	static const struct refusal refusals[] = {
		{ACCOUNT, 400, "BadRequest desc = cannot handle sign up: invalid device id", {"authprovider", "plgd", "accesstoken", TOKEN}},
		{ACCOUNT, 400, "sign up: invalid authorization code", {"di", DEVICE, "authprovider", "plgd"}},
		{ACCOUNT,
	     401,
	     "Unauthorized desc = cannot handle sign up: unknown authorization provider('nope')",
	     {"di", DEVICE, "authprovider", "nope", "accesstoken", TOKEN}},
		{ACCOUNT, 401, "unknown authorization provider('')", {"di", DEVICE, "accesstoken", TOKEN}},
		{ACCOUNT,
	     503,
	     "ServiceUnavailable desc = cannot handle sign up: cannot verify authorization code",
	     {"di", DEVICE, "authprovider", "plgd", "accesstoken", "garbage"}},
		{ACCOUNT, 503, "token is expired", {"di", DEVICE, "authprovider", "plgd", "accesstoken", EXPIRED}},
		{ACCOUNT, 503, "token signature is invalid", {"di", DEVICE, "authprovider", "plgd", "accesstoken", FOREIGN}},
		{SESSION,
	     401,
	     "cannot handle sign in: access to device('" DEVICE "') denied",
	     {"uid", "1", "di", DEVICE, "accesstoken", TOKEN, "login", "true"}},
		{SESSION, 400, "sign out: invalid authorization context", {"login", "false"}},
		{REFRESH,
	     401,
	     "cannot handle refresh token for " DEVICE ": device is not registered",
	     {"uid", "1", "di", DEVICE, "authprovider", "plgd", "granttype", "refresh_token", "refreshtoken", TOKEN}},
	};
	static const struct refusal known[] = {
		{SESSION, 400, "sign in: invalid user id", {"di", DEVICE, "accesstoken", ACCESS, "login", "true"}},
		{SESSION, 400, "sign in: invalid device id", {"uid", "1", "accesstoken", ACCESS, "login", "true"}},
		{SESSION, 400, "sign in: invalid access token", {"uid", "1", "di", DEVICE, "login", "true"}},
		{SESSION, 401, "owner claim is invalid", {"uid", "2", "di", DEVICE, "accesstoken", ACCESS, "login", "true"}},
		{SESSION, 401, "invalid number of segments", {"uid", "1", "di", DEVICE, "accesstoken", "garbage", "login", "true"}},
		{SESSION, 401, "token is expired", {"uid", "1", "di", DEVICE, "accesstoken", EXPIRED, "login", "true"}},
		{SESSION, 401, "token signature is invalid", {"uid", "1", "di", DEVICE, "accesstoken", FOREIGN, "login", "true"}},
		{SESSION, 401, "token signature is invalid", {"uid", "1", "di", DEVICE, "accesstoken", RENEW, "login", "true"}},
		{REFRESH,
	     400,
	     "cannot handle refresh token for " DEVICE ": cannot refresh token: invalid userId",
	     {"di", DEVICE, "authprovider", "plgd", "refreshtoken", RENEW}},
		{REFRESH, 400, "cannot refresh token: invalid deviceID", {"uid", "1", "authprovider", "plgd", "refreshtoken", RENEW}},
		{REFRESH, 400, "invalid refreshToken", {"uid", "1", "di", DEVICE, "authprovider", "plgd"}},
		{REFRESH, 401, "unknown authorization provider('nope')", {"uid", "1", "di", DEVICE, "authprovider", "nope", "refreshtoken", RENEW}},
		{REFRESH,
	     503,
	     "cannot handle refresh token for somebody: cannot verify authorization code: could not parse token: token is malformed",
	     {"uid", "1", "di", "somebody", "refreshtoken", "garbage"}},
		{REFRESH, 503, "invalid number of segments", {"uid", "1", "di", DEVICE, "authprovider", "plgd", "refreshtoken", "garbage"}},
		{REFRESH, 503, "token signature is invalid", {"uid", "1", "di", DEVICE, "authprovider", "plgd", "refreshtoken", ACCESS}},
	};
	struct test_gateway *g = *state;
	size_t at;

	test_gateway_start(g, NULL, NULL);
	for (at = 0; at < sizeof(refusals) / sizeof(refusals[0]); at++)
		is_refused(g, &refusals[at]);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	for (at = 0; at < sizeof(known) / sizeof(known[0]); at++)
		is_refused(g, &known[at]);
}

/* What is said without need does no harm: another di, no provider at refresh, another user's id there, no devicetype. */
static void the_certificate_is_the_device_whatever_the_body_says(void **state)
{
	static const struct refusal good[] = {
		{ACCOUNT, 204, "", {"di", "99999999-2222-3333-4444-555555555555", "authprovider", "plgd", "authcode", TOKEN}},
		{REFRESH, 204, "", {"uid", "2", "di", "99999999-2222-3333-4444-555555555555", "refreshtoken", RENEW}},
		{SESSION, 204, "", {"uid", "1", "di", DEVICE, "accesstoken", ACCESS, "login", "false"}},
		{SESSION, 204, "", {"uid", "1", "di", DEVICE, "accesstoken", ACCESS}},
	};
	struct test_gateway *g = *state;
	size_t at;

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	for (at = 0; at < sizeof(good) / sizeof(good[0]); at++) {
		ask(g, &good[at]);
		assert_int_equal(test_client_expect(&g->client).code, good[at].code);
	}
	test_gateway_event(g, "signed-up");
	assert_non_null(strstr(test_gateway_event(g, "signed-up"), DEVICE));
}

static void is_no_body(struct test_gateway *g, const char *path, const struct test_cbor *body, const char *text)
{
	struct test_message message;

	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_post_body(g, path, 'b', body);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 400);
	if (memmem(message.payload, message.payload_length, text, strlen(text)) == NULL)
		fail_msg("%s is answered %.*s, not %s", path, (int)message.payload_length, (const char *)message.payload, text);
	test_client_expect_end(&g->client);
}

static void is_answered_as_captured(struct test_gateway *g, const char *section)
{
	uint8_t request[2048];
	uint8_t answer[2048];
	size_t request_length = test_gateway_section_vector("errors.txt", section, '>', request, sizeof(request));
	size_t answer_length = test_gateway_section_vector("errors.txt", section, '<', answer, sizeof(answer));
	struct test_message message;

	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_client_send(&g->client, request, request_length);
	message = test_client_expect(&g->client);
	if (message.length != answer_length || memcmp(message.bytes, answer, answer_length) != 0)
		fail_msg("%s: %.*s", section, (int)message.payload_length, (const char *)message.payload);
	test_client_expect_end(&g->client);
}

/* The real gateway's answers to the same requests, byte by byte. Those whose token was signed there are not among them. */
static void errors_are_the_captured_ones(void **state)
{
	static const char *const strangers[] = {"su-noat",    "su-emptydi", "su-noprovider", "su-badprovider", "su-garbage", "su-badsig",
	                                        "su-badcbor", "su-get",     "si-get",        "rf-get",         "si-garbage", "so-nosession"};
	static const char *const owned[] = {"rf-badprov", "rf-garbage", "rf-garbage-noprov", "rf-nouid", "si-nouid"};
	struct test_gateway *g = *state;
	size_t at;

	test_gateway_start(g, NULL, NULL);
	for (at = 0; at < sizeof(strangers) / sizeof(strangers[0]); at++)
		is_answered_as_captured(g, strangers[at]);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	for (at = 0; at < sizeof(owned) / sizeof(owned[0]); at++)
		is_answered_as_captured(g, owned[at]);
}

static void what_is_no_cbor_or_no_format_is_a_bad_request(void **state)
{
	static const struct test_cbor broken = {.bytes = {0xbf, 0x62}, .length = 2};
	static const struct test_cbor no_map = {.bytes = {0x80}, .length = 1};
	struct test_gateway *g = *state;
	struct test_cbor body = {0};
	const char *const words[] = {"di", DEVICE, "authprovider", "plgd", "accesstoken", TOKEN, NULL};
	struct test_request request = {.method = TEST_POST,
	                               .path = ACCOUNT,
	                               .token = 'u',
	                               .content_format = 10000,
	                               .accept = 0,
	                               .block1 = -1,
	                               .block2 = -1,
	                               .body = body.bytes};
	struct test_message message;

	test_gateway_start(g, NULL, NULL);
	is_no_body(g, ACCOUNT, &broken, "cannot handle sign up: unexpected EOF");
	is_no_body(g, SESSION, &broken, "cannot handle sign in: unexpected EOF");
	is_no_body(g, REFRESH, &broken, "cannot handle refresh token for unknown: unexpected EOF");
	is_no_body(g, SESSION, &no_map, "cannot handle sign in: the body is no map");
	test_cbor_map(&body, words);
	request.body_length = body.length;
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_client_request(&g->client, &request);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 400);
	assert_non_null(memmem(message.payload, message.payload_length, "unsupported type (text/plain; charset=utf-8)", 44));
	test_client_expect_end(&g->client);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_client_get(&g->client, SESSION, 'g');
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 404);
	assert_memory_equal(message.payload, "coap error: code = NotFound desc = unsupported method GET", 57);
	test_client_expect_end(&g->client);
}

static void an_empty_body_is_never_answered(void **state)
{
	static const char *const paths[] = {ACCOUNT, SESSION, REFRESH};
	struct test_gateway *g = *state;
	struct test_request request = {.method = TEST_POST, .content_format = -1, .accept = 10000, .block1 = -1, .block2 = -1};
	size_t at;

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	for (at = 0; at < 3; at++) {
		request.path = paths[at];
		request.token = (char)('0' + at);
		test_client_request(&g->client, &request);
		assert_non_null(strstr(test_gateway_event(g, "hub-request"), "\"code\":null,\"unanswered\":\"empty body\""));
	}
	test_client_get(&g->client, "/x.plgd.dev/time", 't');
	assert_int_equal(test_client_expect(&g->client).token[0], 't');
}

/* Without a session such an error would close; within one it leaves everything as it is. */
static void errors_of_the_directory_leave_a_session_open(void **state)
{
	static const struct refusal refusals[] = {
		{"/oic/rd", 400, "", {"di", DEVICE}},
		{"/oic/rd", 400, "", {"di", DEVICE, "lt", "5"}},
		{"/oic/rd", 400, "", {"di", "99999999-2222-3333-4444-555555555555", "ttl", "0"}},
		{"/no/such/path", 404, "", {"di", DEVICE}},
	};
	struct test_gateway *g = *state;
	struct test_cbor body = {0};
	struct test_message message;
	size_t at;

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	test_gateway_sign_in(g, NULL, 0, NULL);
	for (at = 0; at < sizeof(refusals) / sizeof(refusals[0]); at++) {
		ask(g, &refusals[at]);
		message = test_client_expect(&g->client);
		assert_int_equal(message.code, refusals[at].code);
	}
	/* lt alone will do. */
	test_cbor_head(&body, 5, 3);
	test_cbor_text(&body, "di");
	test_cbor_text(&body, DEVICE);
	test_cbor_text(&body, "lt");
	test_cbor_head(&body, 0, 60);
	test_cbor_text(&body, "links");
	test_cbor_head(&body, 4, 1);
	test_cbor_head(&body, 5, 1);
	test_cbor_text(&body, "href");
	test_cbor_text(&body, "/a");
	test_gateway_post_body(g, "/oic/rd", 'p', &body);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 204);
	assert_int_equal(test_cbor_find_number(&message, "ttl"), 60);
}

static void what_is_no_message_ends_the_connection(void **state)
{
	static const char *const bad[] = {
		"f0ffffffff01",           /* four gigabytes */
		"f00003000001",           /* 262,149 bytes more than 65,805 */
		"0901010203040506070809", /* a token of nine bytes */
		"1001f0",                 /* an option with delta 15 */
		"1001bf",                 /* and with length 15 */
		"2001b5ff",               /* a value longer than the message */
	};
	struct test_gateway *g = *state;
	size_t at;

	test_gateway_start(g, NULL, NULL);
	for (at = 0; at < sizeof(bad) / sizeof(bad[0]); at++) {
		test_gateway_connect(g, TEST_CSM_EMPTY);
		test_client_send_hex(&g->client, bad[at]);
		test_client_expect_end(&g->client);
		assert_non_null(strstr(test_gateway_event(g, "hub-closed"), "\"reason\":\"no message\""));
	}
}

/* Where the list and the batch do not allow an observation, the device is let go. */
static void a_device_that_cannot_be_observed_is_let_go(void **state)
{
	static const struct {
		const char *list; /* in hexadecimal; NULL: 4.04 */
		unsigned code;
		int observe;
		const char *payload;
		size_t length;
		const char *reason;
	} cases[] = {
		/* [{href: "/oic/res", if: ["oic.if.ll"], p: {bm: 3}}], [{href: "/oic/res", if: ["oic.if.b"], p: {bm: 1}}] */
		{"81a36468726566682f6f69632f7265736269668169"
	     "6f69632e69662e6c6c"
	     "6170a162626d03",
	     0, 0, NULL, 0, "no batch observation"},
		{"81a36468726566682f6f69632f7265736269668168"
	     "6f69632e69662e62"
	     "6170a162626d01",
	     0, 0, NULL, 0, "no batch observation"},
		{NULL, 404, -1, NULL, 0, "the observation ended"},
		{NULL, 205, -1, "\x80", 1, "the observation ended"},
		{NULL, 205, 2, "\xa0", 1, "the batch is none"},
		{NULL, 205, 2, NULL, 0, "the batch is none"},
		{NULL, 205, 2, "\x81", 1, "the batch is none"},
	};
	struct test_gateway *g = *state;
	struct test_message message;
	char wanted[128];
	size_t at;

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		uint8_t list[64];
		size_t length = 0;
		unsigned byte;

		test_gateway_connect(g, TEST_CSM_EMPTY);
		test_gateway_event(g, "hub-connected");
		assert_int_equal(test_gateway_sign_in_answer(g, g->access).code, 204);
		message = test_client_expect(&g->client);
		while (cases[at].list != NULL && sscanf(cases[at].list + 2 * length, "%2x", &byte) == 1)
			list[length++] = (uint8_t)byte;
		test_gateway_reply(g, &message, length > 0 ? 205 : 404, -1, length > 0 ? list : NULL, length);
		if (length == 0) {
			message = test_client_expect(&g->client);
			test_gateway_reply(g, &message, cases[at].code, cases[at].observe, cases[at].payload, cases[at].length);
		}
		test_client_expect_end(&g->client);
		snprintf(wanted, sizeof(wanted), "\"reason\":\"%s\"", cases[at].reason);
		do {
			const char *event = test_gateway_event(g, "hub-closed");

			if (strstr(event, "\"reason\":\"peer\"") == NULL) {
				assert_non_null(strstr(event, wanted));
				break;
			}
		} while (true);
	}
}

/* An empty array, an entry without rep and an href that was never published are no reason. */
static void a_batch_may_be_odd(void **state)
{
	struct test_gateway *g = *state;
	uint8_t token[8];

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	test_gateway_sign_in(g, "\x82\xa1\x64href\x62/a\xa2\x64href\x62/b\x63rep\x42\x00\x01", 26, token);
	/* A byte string shows as base64url. */
	assert_non_null(strstr(test_gateway_event(g, "notification"), "\"href\":\"/b\",\"rep\":\"AAE\""));
	test_client_get(&g->client, "/oic/rd", 'd');
	assert_int_equal(test_client_expect(&g->client).code, 205);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_no_device_may_say_is_refused_and_ends_the_connection, test_gateway_set_up,
	                                    test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(the_certificate_is_the_device_whatever_the_body_says, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_cbor_or_no_format_is_a_bad_request, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(errors_are_the_captured_ones, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(an_empty_body_is_never_answered, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(errors_of_the_directory_leave_a_session_open, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_message_ends_the_connection, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_device_that_cannot_be_observed_is_let_go, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_batch_may_be_odd, test_gateway_set_up, test_gateway_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
