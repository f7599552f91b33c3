/* SPDX-License-Identifier: Apache-2.0 */
/* dps-service against the captures of the public service: what is deterministic must come byte by byte, through TLS and messages that share no code
 * with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_service_client.h"

#define OWNERSHIP      "/api/v1/provisioning/ownership"
#define CREDENTIALS    "/api/v1/provisioning/credentials"
#define ACLS           "/api/v1/provisioning/acls"
#define RESOURCES      "/api/v1/provisioning/resources"
#define TEST_CSM_EMPTY "00e1"
#define CSM_1280       "40e122050020" /* Max-Message-Size 1280, Block-Wise-Transfer */
#define OCF_CBOR       10000
#define ERROR_TEXT     "coap error: code = "

static void assert_payload_begins(const struct test_message *message, const char *text)
{
	assert_true(message->payload_length >= strlen(text));
	assert_memory_equal(message->payload, text, strlen(text));
}

/* --- the flow --- */

static const char two_hubs[] =
	"{\"owner\": \"1\", \"psk\": \"0123456789abcdef and more\", \"token\": \"%.*s\", \"hubs\": ["
	"{\"id\": \"00000000-0000-0000-0000-000000000001\", \"gateways\": [\"localhost:5684\", \"coaps+tcp://gw2.example.com:5684\","
	" \"coaps://gw3.example.com:5684\"]},"
	"{\"id\": \"00000000-0000-0000-0000-000000000002\", \"gateways\": [\"hub2.example.com:5684\", \"hub2b.example.com:5684\","
	" \"coaps://hub2c.example.com:5684\"]}]}";

/* The token of the capture is the one thing in its cloud configuration that we could not make up. */
static void start_with_two_hubs(struct test_service_fixture *f, const char *file)
{
	uint8_t cloud[2048];
	size_t length = test_vector(file, '<', "cloud", cloud, sizeof(cloud));
	const uint8_t *token = memmem(cloud, length, "baty", 4);
	char config[2048];

	assert_non_null(token);
	snprintf(config, sizeof(config), two_hubs, (token[4] << 8) + token[5], (const char *)token + 6);
	test_service_start(&f->service, config, NULL);
}

static void is_answered_as_captured(struct test_service_fixture *f, const char *file, const char *label)
{
	uint8_t request[2048];
	uint8_t answer[4096];
	size_t request_length = test_vector(file, '>', label, request, sizeof(request));
	size_t answer_length = test_vector(file, '<', label, answer, sizeof(answer));
	struct test_message message;

	test_client_send(&f->client, request, request_length);
	message = test_client_expect(&f->client);
	if (message.length != answer_length || memcmp(message.bytes, answer, answer_length) != 0) {
		fail_msg("%s: the answer to %s is not the captured one", file, label);
	}
}

static void the_flow_is_the_captured_one(void **state)
{
	static const char file[] = "provision-psk-two-hubs.txt";
	static const char *const labels[] = {"owner", "cloud", "acls", "resources"};
	struct test_service_fixture *f = *state;
	size_t at;

	start_with_two_hubs(f, file);
	test_service_fixture_connect(f, "40e123040000");
	for (at = 0; at < sizeof(labels) / sizeof(labels[0]); at++) {
		is_answered_as_captured(f, file, labels[at]);
	}
	test_client_expect_end(&f->client);
	assert_int_equal(test_service_stop(&f->service), 0);
}

static void one_hub_has_three_acl_entries(void **state)
{
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	is_answered_as_captured(f, "provision-sequential.txt", "owner");
	is_answered_as_captured(f, "provision-sequential.txt", "acls");
}

static void time_has_fractional_digits_and_no_trailing_zero(void **state)
{
	static const char head[] = "\xa1\x64time\x78";
	struct test_service_fixture *f = *state;
	struct test_message message;
	const char *text;
	size_t length;

	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_get(&f->client, "/x.plgd.dev/time", 't');
	message = test_client_expect(&f->client);
	assert_payload_begins(&message, head);
	text = (const char *)message.payload + sizeof(head);
	length = message.payload[sizeof(head) - 1];
	assert_int_equal(message.payload_length, sizeof(head) + length);
	assert_int_equal(text[4], '-');
	assert_int_equal(text[10], 'T');
	assert_int_equal(text[19], '.');
	assert_int_equal(text[length - 1], 'Z');
	assert_int_not_equal(text[length - 2], '0');
}

static void the_first_request_is_held_and_those_behind_it_served(void **state)
{
	struct test_service_fixture *f = *state;
	uint8_t captured[64];
	size_t length = test_vector("provision-sequential.txt", '<', "request", captured, sizeof(captured));
	uint8_t answer[2 + 8] = {0x08, 0x84};
	struct test_message message;

	test_service_start(&f->service, NULL, NULL);
	test_client_connect(&f->client, &f->service, "device", NULL);
	test_client_send_hex(&f->client, TEST_CSM_EMPTY);
	assert_int_equal(test_client_expect(&f->client).code, 701);
	test_client_get(&f->client, OWNERSHIP, '1');
	test_client_get(&f->client, ACLS, '2');
	test_client_get(&f->client, OWNERSHIP, '3');
	message = test_client_expect(&f->client);
	assert_int_equal(message.length, length);
	assert_memory_equal(message.bytes, captured, 3);
	assert_memory_equal(message.bytes + 3 + 8, captured + 3 + 8, length - 3 - 8);
	memcpy(answer + 2, message.token, 8);
	message = test_client_expect(&f->client);
	assert_int_equal(message.token[0], '2');
	message = test_client_expect(&f->client);
	assert_int_equal(message.token[0], '3');
	test_client_send(&f->client, answer, sizeof(answer));
	message = test_client_expect(&f->client);
	assert_int_equal(message.token[0], '1');
	assert_int_equal(message.code, 205);
}

/* --- errors --- */

static void errors_are_the_captured_ones_and_end_the_connection(void **state)
{
	static const char *const labels[] = {"bad-owner", "bad-accept", "unknown", "empty-creds"};
	static const char *const arguments[] = {"--close-after", "0", NULL};
	struct test_service_fixture *f = *state;
	size_t at;

	test_service_start(&f->service, NULL, arguments);
	for (at = 0; at < sizeof(labels) / sizeof(labels[0]); at++) {
		test_service_fixture_connect(f, TEST_CSM_EMPTY);
		is_answered_as_captured(f, "errors.txt", labels[at]);
		test_client_expect_end(&f->client);
	}
}

static void a_ping_is_echoed(void **state)
{
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_send_hex(&f->client, "02e2b8d1");
	assert_memory_equal(test_client_expect(&f->client).bytes, "\x02\xe3\xb8\xd1", 4);
}

static void nothing_is_answered_behind_an_error(void **state)
{
	static const char *const arguments[] = {"--close-after", "150", "--fault", "acls:delay=50", NULL};
	struct test_service_fixture *f = *state;
	struct test_message message;

	test_service_start(&f->service, NULL, arguments);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_get(&f->client, ACLS, 'a');
	test_client_get(&f->client, "/nothing", 'b');
	test_client_get(&f->client, OWNERSHIP, 'c');
	message = test_client_expect(&f->client);
	assert_int_equal(message.code, 404);
	assert_payload_begins(&message, ERROR_TEXT "NotFound desc = unknown path /nothing");
	/* What was being worked on already is answered within the time that is left. */
	message = test_client_expect(&f->client);
	assert_int_equal(message.token[0], 'a');
	test_client_expect_end(&f->client);
	assert_non_null(test_process_read_line_with(f->service.process, "\"unanswered\":\"after an error\"", TEST_SERVICE_TIMEOUT_MS));
	assert_non_null(test_process_read_line_with(f->service.process, "\"event\":\"closed\",\"connection\":1,\"reason\":\"error\"",
	                                            TEST_SERVICE_TIMEOUT_MS));
}

#define BODY(text) text, sizeof(text) - 1
#define PEM_ENCODING                                                                                                                       \
	"\x68"                                                                                                                                 \
	"encoding\x74oic.sec.encoding.pem"

static void bad_requests_are_refused(void **state)
{
	static const struct {
		int content_format;
		const char *body;
		size_t length;
		unsigned code;
		const char *text;
	} cases[] = {
		{50, BODY("{}"), 400, "cannot parse request: invalid content type (application/json)"},
		{-1, BODY("\xa0"), 400, "cannot parse request: no content type"},
		{60, BODY("\xa1"), 400, "cannot parse request: unexpected EOF"},
		{60, BODY("\xa0"), 500, "cannot create credentials response"},
		{60, BODY("\x80"), 400, "cannot parse request: not a map"},
		{60,
	     BODY("\xa1\x63"
	          "csr\xa2\x64"
	          "data\x61x\x68"
	          "encoding\x61y"),
	     400, "cannot parse request: unsupported encoding (y)"},
		{60,
	     BODY("\xbf\x63"
	          "csr\xbf" PEM_ENCODING "\x64"
	          "data\x60\xff\xff"),
	     500, "cannot create credentials response"},
		{10000,
	     BODY("\xbf\x63"
	          "csr\xbf" PEM_ENCODING "\x64"
	          "data\x61x\xff\xff"),
	     400, "cannot sign identity certificate"},
	};
	static const char *const arguments[] = {"--close-after", "0", NULL};
	struct test_service_fixture *f = *state;
	size_t at;

	test_service_start(&f->service, NULL, arguments);
	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		const struct test_request request = {.method = 2,
		                                     .path = CREDENTIALS,
		                                     .token = 'c',
		                                     .content_format = cases[at].content_format,
		                                     .accept = -1,
		                                     .block1 = -1,
		                                     .block2 = -1,
		                                     .body = cases[at].body,
		                                     .body_length = cases[at].length};
		struct test_message message;

		test_service_fixture_connect(f, TEST_CSM_EMPTY);
		test_client_request(&f->client, &request);
		message = test_client_expect(&f->client);
		assert_int_equal(message.code, cases[at].code);
		assert_non_null(memmem(message.payload, message.payload_length, cases[at].text, strlen(cases[at].text)));
		test_client_expect_end(&f->client);
	}
}

static void an_idle_connection_is_closed(void **state)
{
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, "{\"inactivitySeconds\": 0.3}", NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_expect_end(&f->client);
	assert_non_null(test_process_read_line_with(f->service.process, "\"reason\":\"inactivity\"", TEST_SERVICE_TIMEOUT_MS));
}

/* --- resources --- */

static void configured_resources_are_served(void **state)
{
	static const char config[] = "{\"resources\": [{\"href\": \"/light\", \"rep\": {\"on\": true, \"level\": -3}}]}";
	static const uint8_t expected[] = "\x81\xa2\x64href\x66/light\x63rep\xa2\x62on\xf5\x65level\x22";
	static const struct test_request as_json = {
		.method = 1, .path = RESOURCES, .token = 'j', .content_format = -1, .accept = 50, .block1 = -1, .block2 = -1};
	struct test_service_fixture *f = *state;
	struct test_message message;

	test_service_start(&f->service, config, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_get(&f->client, RESOURCES, 'r');
	message = test_client_expect(&f->client);
	assert_int_equal(message.code, 205);
	assert_int_equal(message.payload_length, sizeof(expected) - 1);
	assert_memory_equal(message.payload, expected, sizeof(expected) - 1);
	test_client_request(&f->client, &as_json);
	message = test_client_expect(&f->client);
	assert_payload_begins(&message, "[{\"href\":\"/light\",\"rep\":{\"on\":true,\"level\":-3}}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_flow_is_the_captured_one, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(one_hub_has_three_acl_entries, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(time_has_fractional_digits_and_no_trailing_zero, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(the_first_request_is_held_and_those_behind_it_served, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(errors_are_the_captured_ones_and_end_the_connection, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_ping_is_echoed, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_answered_behind_an_error, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(bad_requests_are_refused, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(an_idle_connection_is_closed, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(configured_resources_are_served, test_service_fixture_set_up, test_service_fixture_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
