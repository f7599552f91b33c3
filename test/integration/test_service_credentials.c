/* SPDX-License-Identifier: Apache-2.0 */
/* dps-service as an authority and a TLS server: the identities it signs and what it remembers of them, answers and requests in blocks, who gets in,
 * and the wrong server certificates that it can show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_service_client.h"

#define CREDENTIALS "/api/v1/provisioning/credentials"
#define CSM_1280    "40e122050020" /* Max-Message-Size 1280, Block-Wise-Transfer */
#define OCF_CBOR    10000

static void assert_payload_begins(const struct test_message *message, const char *text)
{
	assert_true(message->payload_length >= strlen(text));
	assert_memory_equal(message->payload, text, strlen(text));
}

/* --- credentials --- */

static void the_identity_is_signed_for_real(void **state)
{
	static const char head[] = "\xa1\x65"
							   "creds\x82\xa5\x68"
							   "credtype\x08\x6bsubjectuuid\x78\x24"
							   "11111111-2222-3333-4444-555555555555\x69"
							   "credusage\x71oic.sec.cred.cert\x6apublicdata\xa2\x64"
							   "data\x79";
	struct test_service_fixture *f = *state;
	const char *identity;
	const char *anchor;
	uint8_t body[1024];
	size_t length = test_credentials_body("provision-sequential.txt", "creds", body, sizeof(body));
	struct test_message message;
	char text[8192];

	test_service_start(&f->service, "{\"identityLifetime\": 7200}", NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_post_credentials(&f->client, 'c', body, length);
	message = test_client_expect(&f->client);
	assert_int_equal(message.code, 204);
	assert_payload_begins(&message, head);
	identity = test_service_write_pem(&f->service, "identity.pem", &message, "oic.sec.cred.cert");
	anchor = test_service_write_pem(&f->service, "anchor.pem", &message, "oic.sec.cred.trustca");
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
	struct test_service_fixture *f = *state;
	uint8_t body[1024];
	size_t length = test_credentials_body("provision-sequential.txt", "creds", body, sizeof(body));
	struct test_message message;
	uint8_t refused[2048];
	size_t refused_length;
	int round;

	for (round = 0; round < 2; round++) {
		test_service_start(&f->service, NULL, NULL);
		test_service_fixture_connect(f, TEST_CSM_EMPTY);
		if (round == 0) {
			test_client_post_credentials(&f->client, 'c', body, length);
			assert_int_equal(test_client_expect(&f->client).code, 204);
		}
		test_client_post_credentials(&f->client, 'd', body, length);
		assert_int_equal(test_client_expect(&f->client).code, 204);
		refused_length = test_vector("errors.txt", '>', label, refused, sizeof(refused));
		test_client_send(&f->client, refused, refused_length);
		refused_length = test_vector("errors.txt", '<', label, refused, sizeof(refused));
		message = test_client_expect(&f->client);
		assert_int_equal(message.length, refused_length);
		assert_memory_equal(message.bytes, refused, refused_length);
		assert_int_equal(test_service_stop(&f->service), 0);
	}
}

static void an_expired_identity_frees_its_name(void **state)
{
	struct test_service_fixture *f = *state;
	char records[256];
	uint8_t body[1024];
	size_t length = test_credentials_body("errors.txt", "credentials-other-key", body, sizeof(body));
	int size = snprintf(records, sizeof(records),
	                    "{\"uuid:11111111-2222-3333-4444-555555555555\": {\"publicKeySha256\": \"00\", \"notAfter\": 1000000000}}");

	test_service_write(&f->service, "identities.json", records, (size_t)size);
	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_post_credentials(&f->client, 'c', body, length);
	assert_int_equal(test_client_expect(&f->client).code, 204);
}

static void a_damaged_record_stops_the_start(void **state)
{
	struct test_service_fixture *f = *state;
	char error[512];
	const char *const arguments[] = {"--state-dir", f->service.directory, "--listen", "127.0.0.1:0", NULL};

	test_service_write(&f->service, "identities.json", "{\"uuid:", 7);
	assert_int_equal(test_service_run(&f->service, arguments, error, sizeof(error)), 1);
	assert_non_null(strstr(error, "identities.json"));
}

/* --- blocks --- */

static void a_small_device_gets_its_answer_in_blocks(void **state)
{
	struct test_service_fixture *f = *state;
	uint8_t body[1024];
	size_t length = test_credentials_body("provision-sequential.txt", "creds", body, sizeof(body));
	struct test_message message;
	size_t total = 0;
	size_t size;
	unsigned number;
	const uint8_t *block;

	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, CSM_1280);
	test_client_post_credentials(&f->client, 'c', body, length);
	for (number = 0;; number++) {
		const struct test_request next = {.method = 2,
		                                  .path = CREDENTIALS,
		                                  .token = (char)('0' + number),
		                                  .content_format = -1,
		                                  .accept = OCF_CBOR,
		                                  .block1 = -1,
		                                  .block2 = (long)(number + 1) << 4 | 6};

		message = test_client_expect(&f->client);
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
	struct test_service_fixture *f = *state;
	uint8_t body[1024];
	size_t length = test_credentials_body("provision-sequential.txt", "creds", body, sizeof(body));
	struct test_message message;
	const uint8_t *block;
	size_t size;

	test_service_start(&f->service, "{\"blockSzx\": 7}", NULL);
	test_service_fixture_connect(f, "40e122085020"); /* Max-Message-Size 2128: two units and what goes around them, but not the whole */
	test_client_post_credentials(&f->client, 'c', body, length);
	message = test_client_expect(&f->client);
	block = test_message_option(&message, 23, &size);
	assert_non_null(block);
	assert_int_equal(block[0], 0x0f);
	assert_int_equal(message.payload_length, 2048);
	{
		const struct test_request next = {
			.method = 2, .path = CREDENTIALS, .token = 'n', .content_format = -1, .accept = -1, .block1 = -1, .block2 = 2 << 4 | 7};

		test_client_request(&f->client, &next);
	}
	message = test_client_expect(&f->client);
	block = test_message_option(&message, 23, &size);
	assert_non_null(block);
	assert_int_equal(block[0], 0x27);
}

static void a_request_in_blocks_is_put_together(void **state)
{
	struct test_service_fixture *f = *state;
	uint8_t body[1024];
	size_t length = test_credentials_body("provision-sequential.txt", "creds", body, sizeof(body));
	size_t at;

	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
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
		assert_int_equal(test_client_expect(&f->client).code, more ? 231 : 204);
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
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_request(&f->client, &part);
	assert_int_equal(test_client_expect(&f->client).code, 408);
}

/* --- TLS --- */

static void make_device(struct test_service_fixture *f, const char *state_directory, const char *name, const char *more)
{
	const char *const arguments[] = {
		"make-device", "--state-dir", state_directory, "--out", test_service_path(&f->service, name), "--serial", "other", more, NULL};

	assert_int_equal(test_service_run(&f->service, arguments, NULL, 0), 0);
}

static void assert_refused(struct test_service_fixture *f, const char *device, const char *reason)
{
	test_client_connect(&f->client, &f->service, device, NULL);
	test_client_expect_end(&f->client);
	test_process_wait(f->client.process, TEST_SERVICE_TIMEOUT_MS);
	assert_non_null(strstr(test_process_error_text(f->client.process), "alert bad certificate"));
	test_client_close(&f->client);
	assert_non_null(test_process_read_line_with(f->service.process, reason, TEST_SERVICE_TIMEOUT_MS));
}

static void only_the_manufacturers_devices_get_in(void **state)
{
	struct test_service_fixture *f = *state;

	make_device(f, test_service_path(&f->service, "elsewhere"), "stranger", NULL);
	make_device(f, f->service.directory, "old", "--expired");
	make_device(f, f->service.directory, "future", "--not-yet-valid");
	test_service_start(&f->service, NULL, NULL);
	assert_refused(f, "stranger", "unable to get local issuer certificate");
	assert_refused(f, "old", "certificate has expired");
	assert_refused(f, "future", "certificate is not yet valid");
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	assert_non_null(test_process_read_line_with(f->service.process, "\"peer\":\"CN=device-1\"", TEST_SERVICE_TIMEOUT_MS));
}

static void expired_devices_get_in_when_configured(void **state)
{
	struct test_service_fixture *f = *state;

	make_device(f, f->service.directory, "old", "--expired");
	test_service_start(&f->service, "{\"allowExpiredManufacturerCertificates\": true}", NULL);
	test_client_connect(&f->client, &f->service, "old", NULL);
	test_client_greet(&f->client, TEST_CSM_EMPTY);
}

static void tls_1_3_is_offered_and_nothing_resumed(void **state)
{
	static const char *const options[] = {"-tls1_3", "-alpn", "coap", NULL};
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	test_client_connect(&f->client, &f->service, "device", options);
	test_client_greet(&f->client, TEST_CSM_EMPTY);
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
	struct test_service_fixture *f = *state;
	size_t at;

	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		test_service_start(&f->service, cases[at].config, NULL);
		test_client_connect(&f->client, &f->service, "device", NULL);
		test_client_expect_end(&f->client);
		test_process_wait(f->client.process, TEST_SERVICE_TIMEOUT_MS);
		assert_non_null(strcasestr(test_process_error_text(f->client.process), cases[at].complaint));
		test_client_close(&f->client);
		assert_int_equal(test_service_stop(&f->service), 0);
	}
	test_service_start(&f->service, "{\"serverCertificate\": {\"keyType\": \"rsa2048\"}}", NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	assert_non_null(test_process_read_line_with(f->service.process, "ECDHE-RSA-", TEST_SERVICE_TIMEOUT_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_identity_is_signed_for_real, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_second_key_for_a_device_is_refused_across_restarts, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(an_expired_identity_frees_its_name, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_record_stops_the_start, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_small_device_gets_its_answer_in_blocks, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(bert_sends_as_much_as_fits, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_request_in_blocks_is_put_together, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_missing_block_is_4_08, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(only_the_manufacturers_devices_get_in, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(expired_devices_get_in_when_configured, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(tls_1_3_is_offered_and_nothing_resumed, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(the_server_certificate_can_be_wrong, test_service_fixture_set_up, test_service_fixture_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
