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

#define OWNERSHIP   "/api/v1/provisioning/ownership"
#define CREDENTIALS "/api/v1/provisioning/credentials"
#define ACLS        "/api/v1/provisioning/acls"
#define RESOURCES   "/api/v1/provisioning/resources"
#define EMPTY_CSM   "00e1"
#define CSM_1280    "40e122050020" /* Max-Message-Size 1280, Block-Wise-Transfer */
#define OCF_CBOR    10000
#define ERROR_TEXT  "coap error: code = "

struct fixture {
	struct test_service service;
	struct test_client client;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	test_service_set_up(&f->service);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->client.process != NULL) {
		test_client_close(&f->client);
	}
	test_service_tear_down(&f->service);
	free(f);
	return 0;
}

static void reconnect(struct fixture *f, const char *csm_hex)
{
	if (f->client.process != NULL) {
		test_client_close(&f->client);
	}
	test_client_connect(&f->client, &f->service, "device", NULL);
	test_client_greet(&f->client, csm_hex);
}

static void assert_payload_begins(const struct test_message *message, const char *text)
{
	assert_true(message->payload_length >= strlen(text));
	assert_memory_equal(message->payload, text, strlen(text));
}

static struct test_message receive(struct fixture *f)
{
	struct test_message message;

	assert_true(test_client_receive(&f->client, &message));
	return message;
}

static void assert_closed(struct fixture *f)
{
	struct test_message message;

	assert_false(test_client_receive(&f->client, &message));
}

/* The CSR in a capture, as the POST's body. */
static size_t credentials_body(const char *file, const char *label, uint8_t *body, size_t size)
{
	uint8_t bytes[2048];
	size_t length = test_vector(file, '>', label, bytes, sizeof(bytes));
	const uint8_t *marker = memchr(bytes + 12, 0xff, length - 12);

	assert_non_null(marker);
	length -= (size_t)(marker + 1 - bytes);
	assert_true(length <= size);
	memcpy(body, marker + 1, length);
	return length;
}

static void post_credentials(struct fixture *f, char token, const void *body, size_t length)
{
	const struct test_request request = {.method = 2,
	                                     .path = CREDENTIALS,
	                                     .token = token,
	                                     .content_format = OCF_CBOR,
	                                     .accept = -1,
	                                     .block1 = -1,
	                                     .block2 = -1,
	                                     .body = body,
	                                     .body_length = length};

	test_client_request(&f->client, &request);
}

/* --- the flow --- */

static const char two_hubs[] =
	"{\"owner\": \"1\", \"psk\": \"0123456789abcdef and more\", \"token\": \"%.*s\", \"hubs\": ["
	"{\"id\": \"00000000-0000-0000-0000-000000000001\", \"gateways\": [\"localhost:5684\", \"coaps+tcp://gw2.example.com:5684\","
	" \"coaps://gw3.example.com:5684\"]},"
	"{\"id\": \"00000000-0000-0000-0000-000000000002\", \"gateways\": [\"hub2.example.com:5684\", \"hub2b.example.com:5684\","
	" \"coaps://hub2c.example.com:5684\"]}]}";

/* The token of the capture is the one thing in its cloud configuration that we could not make up. */
static void start_with_two_hubs(struct fixture *f, const char *file)
{
	uint8_t cloud[2048];
	size_t length = test_vector(file, '<', "cloud", cloud, sizeof(cloud));
	const uint8_t *token = memmem(cloud, length, "baty", 4);
	char config[2048];

	assert_non_null(token);
	snprintf(config, sizeof(config), two_hubs, (token[4] << 8) + token[5], (const char *)token + 6);
	test_service_start(&f->service, config, NULL);
}

static void is_answered_as_captured(struct fixture *f, const char *file, const char *label)
{
	uint8_t request[2048];
	uint8_t answer[4096];
	size_t request_length = test_vector(file, '>', label, request, sizeof(request));
	size_t answer_length = test_vector(file, '<', label, answer, sizeof(answer));
	struct test_message message;

	test_client_send(&f->client, request, request_length);
	message = receive(f);
	if (message.length != answer_length || memcmp(message.bytes, answer, answer_length) != 0) {
		fail_msg("%s: the answer to %s is not the captured one", file, label);
	}
}

static void the_flow_is_the_captured_one(void **state)
{
	static const char file[] = "provision-psk-two-hubs.txt";
	static const char *const labels[] = {"owner", "cloud", "acls", "resources"};
	struct fixture *f = *state;
	size_t at;

	start_with_two_hubs(f, file);
	reconnect(f, "40e123040000");
	for (at = 0; at < sizeof(labels) / sizeof(labels[0]); at++) {
		is_answered_as_captured(f, file, labels[at]);
	}
	assert_closed(f);
	assert_int_equal(test_service_stop(&f->service), 0);
}

static void one_hub_has_three_acl_entries(void **state)
{
	struct fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	reconnect(f, EMPTY_CSM);
	is_answered_as_captured(f, "provision-sequential.txt", "owner");
	is_answered_as_captured(f, "provision-sequential.txt", "acls");
}

static void time_has_fractional_digits_and_no_trailing_zero(void **state)
{
	static const char head[] = "\xa1\x64time\x78";
	struct fixture *f = *state;
	struct test_message message;
	const char *text;
	size_t length;

	test_service_start(&f->service, NULL, NULL);
	reconnect(f, EMPTY_CSM);
	test_client_get(&f->client, "/x.plgd.dev/time", 't');
	message = receive(f);
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
	struct fixture *f = *state;
	uint8_t captured[64];
	size_t length = test_vector("provision-sequential.txt", '<', "request", captured, sizeof(captured));
	uint8_t answer[2 + 8] = {0x08, 0x84};
	struct test_message message;

	test_service_start(&f->service, NULL, NULL);
	test_client_connect(&f->client, &f->service, "device", NULL);
	test_client_send_hex(&f->client, EMPTY_CSM);
	assert_int_equal(receive(f).code, 701);
	test_client_get(&f->client, OWNERSHIP, '1');
	test_client_get(&f->client, ACLS, '2');
	test_client_get(&f->client, OWNERSHIP, '3');
	message = receive(f);
	assert_int_equal(message.length, length);
	assert_memory_equal(message.bytes, captured, 3);
	assert_memory_equal(message.bytes + 3 + 8, captured + 3 + 8, length - 3 - 8);
	memcpy(answer + 2, message.token, 8);
	message = receive(f);
	assert_int_equal(message.token[0], '2');
	message = receive(f);
	assert_int_equal(message.token[0], '3');
	test_client_send(&f->client, answer, sizeof(answer));
	message = receive(f);
	assert_int_equal(message.token[0], '1');
	assert_int_equal(message.code, 205);
}

/* --- credentials --- */

static const char *write_between(const struct fixture *f, const char *name, const struct test_message *message, const char *usage)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	const char *from = memmem(message->payload, message->payload_length, usage, strlen(usage));
	const char *to;
	size_t left;

	assert_non_null(from);
	left = message->payload_length - (size_t)(from - (const char *)message->payload);
	from = memmem(from, left, "-----BEGIN", 10);
	assert_non_null(from);
	left = message->payload_length - (size_t)(from - (const char *)message->payload);
	to = memmem(from, left, "hencoding", 9);
	assert_non_null(to);
	assert_memory_equal(to - strlen(end), end, strlen(end));
	return test_service_write(&f->service, name, from, (size_t)(to - from));
}

static void the_identity_is_signed_for_real(void **state)
{
	static const char head[] = "\xa1\x65"
							   "creds\x82\xa5\x68"
							   "credtype\x08\x6bsubjectuuid\x78\x24"
							   "11111111-2222-3333-4444-555555555555\x69"
							   "credusage\x71oic.sec.cred.cert\x6apublicdata\xa2\x64"
							   "data\x79";
	struct fixture *f = *state;
	const char *identity;
	const char *anchor;
	uint8_t body[1024];
	size_t length = credentials_body("provision-sequential.txt", "creds", body, sizeof(body));
	struct test_message message;
	char text[8192];

	test_service_start(&f->service, "{\"identityLifetime\": 7200}", NULL);
	reconnect(f, EMPTY_CSM);
	post_credentials(f, 'c', body, length);
	message = receive(f);
	assert_int_equal(message.code, 204);
	assert_payload_begins(&message, head);
	identity = write_between(f, "identity.pem", &message, "oic.sec.cred.cert");
	anchor = write_between(f, "anchor.pem", &message, "oic.sec.cred.trustca");
	{
		const char *const verify[] = {"openssl", "verify", "-x509_strict", "-CAfile", anchor, "-untrusted", identity, identity, NULL};
		const char *const print[] = {"openssl", "x509", "-in", identity, "-noout", "-text", NULL};
		const char *const soon[] = {"openssl", "x509", "-in", identity, "-noout", "-checkend", "7100", NULL};
		const char *const later[] = {"openssl", "x509", "-in", identity, "-noout", "-checkend", "7300", NULL};

		assert_int_equal(test_process_run(verify, TEST_SERVICE_TIMEOUT_MS, NULL, 0, NULL, 0), 0);
		assert_int_equal(test_process_run(print, TEST_SERVICE_TIMEOUT_MS, text, sizeof(text), NULL, 0), 0);
		assert_int_equal(test_process_run(soon, TEST_SERVICE_TIMEOUT_MS, NULL, 0, NULL, 0), 0);
		assert_int_equal(test_process_run(later, TEST_SERVICE_TIMEOUT_MS, NULL, 0, NULL, 0), 1);
	}
	assert_non_null(strstr(text, "Subject: CN = uuid:11111111-2222-3333-4444-555555555555"));
	assert_non_null(strstr(text, "Digital Signature, Key Agreement"));
	assert_non_null(strstr(text, "TLS Web Client Authentication, TLS Web Server Authentication, 1.3.6.1.4.1.44924.1.6"));
	assert_non_null(strstr(text, "ecdsa-with-SHA256"));
}

static void a_second_key_for_a_device_is_refused_across_restarts(void **state)
{
	static const char label[] = "credentials-other-key";
	struct fixture *f = *state;
	uint8_t body[1024];
	size_t length = credentials_body("provision-sequential.txt", "creds", body, sizeof(body));
	int round;

	for (round = 0; round < 2; round++) {
		test_service_start(&f->service, NULL, NULL);
		reconnect(f, EMPTY_CSM);
		if (round == 0) {
			post_credentials(f, 'c', body, length);
			assert_int_equal(receive(f).code, 204);
		}
		post_credentials(f, 'd', body, length);
		assert_int_equal(receive(f).code, 204);
		is_answered_as_captured(f, "errors.txt", label);
		assert_int_equal(test_service_stop(&f->service), 0);
	}
}

static void an_expired_identity_frees_its_name(void **state)
{
	struct fixture *f = *state;
	char records[256];
	uint8_t body[1024];
	size_t length = credentials_body("errors.txt", "credentials-other-key", body, sizeof(body));
	int size = snprintf(records, sizeof(records),
	                    "{\"uuid:11111111-2222-3333-4444-555555555555\": {\"publicKeySha256\": \"00\", \"notAfter\": 1000000000}}");

	test_service_write(&f->service, "identities.json", records, (size_t)size);
	test_service_start(&f->service, NULL, NULL);
	reconnect(f, EMPTY_CSM);
	post_credentials(f, 'c', body, length);
	assert_int_equal(receive(f).code, 204);
}

static void a_damaged_record_stops_the_start(void **state)
{
	struct fixture *f = *state;
	char error[512];
	const char *const arguments[] = {"--state-dir", f->service.directory, "--listen", "127.0.0.1:0", NULL};

	test_service_write(&f->service, "identities.json", "{\"uuid:", 7);
	assert_int_equal(test_service_run(&f->service, arguments, error, sizeof(error)), 1);
	assert_non_null(strstr(error, "identities.json"));
}

/* --- errors --- */

static void errors_are_the_captured_ones_and_end_the_connection(void **state)
{
	static const char *const labels[] = {"bad-owner", "bad-accept", "unknown", "empty-creds"};
	static const char *const arguments[] = {"--close-after", "0", NULL};
	struct fixture *f = *state;
	size_t at;

	test_service_start(&f->service, NULL, arguments);
	for (at = 0; at < sizeof(labels) / sizeof(labels[0]); at++) {
		reconnect(f, EMPTY_CSM);
		is_answered_as_captured(f, "errors.txt", labels[at]);
		assert_closed(f);
	}
}

static void a_ping_is_echoed(void **state)
{
	struct fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	reconnect(f, EMPTY_CSM);
	test_client_send_hex(&f->client, "02e2b8d1");
	assert_memory_equal(receive(f).bytes, "\x02\xe3\xb8\xd1", 4);
}

static void nothing_is_answered_behind_an_error(void **state)
{
	static const char *const arguments[] = {"--close-after", "150", "--fault", "acls:delay=50", NULL};
	struct fixture *f = *state;
	struct test_message message;

	test_service_start(&f->service, NULL, arguments);
	reconnect(f, EMPTY_CSM);
	test_client_get(&f->client, ACLS, 'a');
	test_client_get(&f->client, "/nothing", 'b');
	test_client_get(&f->client, OWNERSHIP, 'c');
	message = receive(f);
	assert_int_equal(message.code, 404);
	assert_payload_begins(&message, ERROR_TEXT "NotFound desc = unknown path /nothing");
	/* What was being worked on already is answered within the time that is left. */
	message = receive(f);
	assert_int_equal(message.token[0], 'a');
	assert_closed(f);
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
		{60, BODY("\xa1"), 400, "cannot parse request: not a map"},
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
	struct fixture *f = *state;
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

		reconnect(f, EMPTY_CSM);
		test_client_request(&f->client, &request);
		message = receive(f);
		assert_int_equal(message.code, cases[at].code);
		assert_non_null(memmem(message.payload, message.payload_length, cases[at].text, strlen(cases[at].text)));
		assert_closed(f);
	}
}

static void an_idle_connection_is_closed(void **state)
{
	struct fixture *f = *state;

	test_service_start(&f->service, "{\"inactivitySeconds\": 0.3}", NULL);
	reconnect(f, EMPTY_CSM);
	assert_closed(f);
	assert_non_null(test_process_read_line_with(f->service.process, "\"reason\":\"inactivity\"", TEST_SERVICE_TIMEOUT_MS));
}

/* --- blocks --- */

static void a_small_device_gets_its_answer_in_blocks(void **state)
{
	struct fixture *f = *state;
	uint8_t body[1024];
	size_t length = credentials_body("provision-sequential.txt", "creds", body, sizeof(body));
	struct test_message message;
	size_t total = 0;
	size_t size;
	unsigned number;
	const uint8_t *block;

	test_service_start(&f->service, NULL, NULL);
	reconnect(f, CSM_1280);
	post_credentials(f, 'c', body, length);
	for (number = 0;; number++) {
		const struct test_request next = {.method = 2,
		                                  .path = CREDENTIALS,
		                                  .token = (char)('0' + number),
		                                  .content_format = -1,
		                                  .accept = OCF_CBOR,
		                                  .block1 = -1,
		                                  .block2 = (long)(number + 1) << 4 | 6};

		message = receive(f);
		assert_int_equal(message.code, 204);
		block = test_message_option(&message, 23, &size);
		assert_non_null(block);
		assert_int_equal(size, 1);
		assert_int_equal(block[0] >> 4, number);
		assert_int_equal(block[0] & 7, 6);
		assert_non_null(test_message_option(&message, 28, &size));
		assert_null(test_message_option(&message, 4, &size));
		total += message.payload_length;
		if ((block[0] & 8) == 0) {
			break;
		}
		assert_int_equal(message.payload_length, 1024);
		test_client_request(&f->client, &next);
	}
	assert_int_equal(number, 2);
	assert_true(total > 2048);
}

static void bert_sends_as_much_as_fits(void **state)
{
	struct fixture *f = *state;
	uint8_t body[1024];
	size_t length = credentials_body("provision-sequential.txt", "creds", body, sizeof(body));
	struct test_message message;
	const uint8_t *block;
	size_t size;

	test_service_start(&f->service, "{\"blockSzx\": 7}", NULL);
	reconnect(f, "40e122085020"); /* Max-Message-Size 2128: two units and what goes around them, but not the whole */
	post_credentials(f, 'c', body, length);
	message = receive(f);
	block = test_message_option(&message, 23, &size);
	assert_non_null(block);
	assert_int_equal(block[0], 0x0f);
	assert_int_equal(message.payload_length, 2048);
	{
		const struct test_request next = {
			.method = 2, .path = CREDENTIALS, .token = 'n', .content_format = -1, .accept = -1, .block1 = -1, .block2 = 2 << 4 | 7};

		test_client_request(&f->client, &next);
	}
	message = receive(f);
	block = test_message_option(&message, 23, &size);
	assert_non_null(block);
	assert_int_equal(block[0], 0x27);
}

static void a_request_in_blocks_is_put_together(void **state)
{
	struct fixture *f = *state;
	uint8_t body[1024];
	size_t length = credentials_body("provision-sequential.txt", "creds", body, sizeof(body));
	size_t at;

	test_service_start(&f->service, NULL, NULL);
	reconnect(f, EMPTY_CSM);
	for (at = 0; at < length; at += 64) {
		bool more = length - at > 64;
		const struct test_request part = {.method = 2,
		                                  .path = CREDENTIALS,
		                                  .token = 'b',
		                                  .content_format = OCF_CBOR,
		                                  .accept = -1,
		                                  .block1 = (long)(at / 64) << 4 | (more ? 8 : 0) | 2,
		                                  .block2 = -1,
		                                  .body = body + at,
		                                  .body_length = more ? 64 : length - at};

		test_client_request(&f->client, &part);
		assert_int_equal(receive(f).code, more ? 231 : 204);
	}
}

static void a_missing_block_is_4_08(void **state)
{
	static const struct test_request part = {.method = 2,
	                                         .path = CREDENTIALS,
	                                         .token = 'b',
	                                         .content_format = OCF_CBOR,
	                                         .accept = -1,
	                                         .block1 = 1 << 4 | 8 | 0,
	                                         .block2 = -1,
	                                         .body = "0123456789abcdef",
	                                         .body_length = 16};
	struct fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	reconnect(f, EMPTY_CSM);
	test_client_request(&f->client, &part);
	assert_int_equal(receive(f).code, 408);
}

/* --- resources --- */

static void configured_resources_are_served(void **state)
{
	static const char config[] = "{\"resources\": [{\"href\": \"/light\", \"rep\": {\"on\": true, \"level\": -3}}]}";
	static const uint8_t expected[] = "\x81\xa2\x64href\x66/light\x63rep\xa2\x62on\xf5\x65level\x22";
	static const struct test_request as_json = {
		.method = 1, .path = RESOURCES, .token = 'j', .content_format = -1, .accept = 50, .block1 = -1, .block2 = -1};
	struct fixture *f = *state;
	struct test_message message;

	test_service_start(&f->service, config, NULL);
	reconnect(f, EMPTY_CSM);
	test_client_get(&f->client, RESOURCES, 'r');
	message = receive(f);
	assert_int_equal(message.code, 205);
	assert_int_equal(message.payload_length, sizeof(expected) - 1);
	assert_memory_equal(message.payload, expected, sizeof(expected) - 1);
	test_client_request(&f->client, &as_json);
	message = receive(f);
	assert_payload_begins(&message, "[{\"href\":\"/light\",\"rep\":{\"on\":true,\"level\":-3}}]");
}

/* --- TLS --- */

static void make_device(struct fixture *f, const char *state_directory, const char *name, const char *more)
{
	const char *const arguments[] = {
		"make-device", "--state-dir", state_directory, "--out", test_service_path(&f->service, name), "--serial", "other", more, NULL};

	assert_int_equal(test_service_run(&f->service, arguments, NULL, 0), 0);
}

static void assert_refused(struct fixture *f, const char *device, const char *reason)
{
	test_client_connect(&f->client, &f->service, device, NULL);
	assert_closed(f);
	test_process_wait(f->client.process, TEST_SERVICE_TIMEOUT_MS);
	assert_non_null(strstr(test_process_error_text(f->client.process), "alert bad certificate"));
	test_client_close(&f->client);
	assert_non_null(test_process_read_line_with(f->service.process, reason, TEST_SERVICE_TIMEOUT_MS));
}

static void only_the_manufacturers_devices_get_in(void **state)
{
	struct fixture *f = *state;

	make_device(f, test_service_path(&f->service, "elsewhere"), "stranger", NULL);
	make_device(f, f->service.directory, "old", "--expired");
	make_device(f, f->service.directory, "future", "--not-yet-valid");
	test_service_start(&f->service, NULL, NULL);
	assert_refused(f, "stranger", "unable to get local issuer certificate");
	assert_refused(f, "old", "certificate has expired");
	assert_refused(f, "future", "certificate is not yet valid");
	reconnect(f, EMPTY_CSM);
	assert_non_null(test_process_read_line_with(f->service.process, "\"peer\":\"CN=device-1\"", TEST_SERVICE_TIMEOUT_MS));
}

static void expired_devices_get_in_when_configured(void **state)
{
	struct fixture *f = *state;

	make_device(f, f->service.directory, "old", "--expired");
	test_service_start(&f->service, "{\"allowExpiredManufacturerCertificates\": true}", NULL);
	test_client_connect(&f->client, &f->service, "old", NULL);
	test_client_greet(&f->client, EMPTY_CSM);
}

static void tls_1_3_is_offered_and_nothing_resumed(void **state)
{
	static const char *const options[] = {"-tls1_3", "-alpn", "coap", NULL};
	struct fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	test_client_connect(&f->client, &f->service, "device", options);
	test_client_greet(&f->client, EMPTY_CSM);
	assert_non_null(test_process_read_line_with(f->service.process, "\"tls\":\"TLSv1.3\"", TEST_SERVICE_TIMEOUT_MS));
}

static void the_server_certificate_can_be_wrong(void **state)
{
	static const struct {
		const char *config;
		const char *complaint;
	} cases[] = {
		{"{\"serverCertificate\": {\"expired\": true}}", "certificate has expired"},
		{"{\"serverCertificate\": {\"notYetValid\": true}}", "certificate is not yet valid"},
		{"{\"serverCertificate\": {\"hosts\": [\"other.example\", \"192.0.2.1\"]}}", "hostname mismatch"},
	};
	struct fixture *f = *state;
	size_t at;

	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		test_service_start(&f->service, cases[at].config, NULL);
		test_client_connect(&f->client, &f->service, "device", NULL);
		assert_closed(f);
		test_process_wait(f->client.process, TEST_SERVICE_TIMEOUT_MS);
		assert_non_null(strcasestr(test_process_error_text(f->client.process), cases[at].complaint));
		test_client_close(&f->client);
		assert_int_equal(test_service_stop(&f->service), 0);
	}
	test_service_start(&f->service, "{\"serverCertificate\": {\"keyType\": \"rsa2048\"}}", NULL);
	reconnect(f, EMPTY_CSM);
	assert_non_null(test_process_read_line_with(f->service.process, "ECDHE-RSA-", TEST_SERVICE_TIMEOUT_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_flow_is_the_captured_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_hub_has_three_acl_entries, set_up, tear_down),
		cmocka_unit_test_setup_teardown(time_has_fractional_digits_and_no_trailing_zero, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_first_request_is_held_and_those_behind_it_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_identity_is_signed_for_real, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_second_key_for_a_device_is_refused_across_restarts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_expired_identity_frees_its_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_record_stops_the_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(errors_are_the_captured_ones_and_end_the_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_ping_is_echoed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_answered_behind_an_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_requests_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_idle_connection_is_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_small_device_gets_its_answer_in_blocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bert_sends_as_much_as_fits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_request_in_blocks_is_put_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_missing_block_is_4_08, set_up, tear_down),
		cmocka_unit_test_setup_teardown(configured_resources_are_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_the_manufacturers_devices_get_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(expired_devices_get_in_when_configured, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tls_1_3_is_offered_and_nothing_resumed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_server_certificate_can_be_wrong, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
