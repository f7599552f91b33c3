/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acceptance scenarios of the plgd hub, those that speak to the service directly: dps-service is held to what the public service is. docs/scenarios.md lists all of
 * them. The device here is openssl s_client and messages made by the test.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "support/test_service_client.h"

#define TIME        "/x.plgd.dev/time"
#define OWNERSHIP   "/api/v1/provisioning/ownership"
#define CLOUD       "/api/v1/provisioning/cloud-configuration"
#define ACLS        "/api/v1/provisioning/acls"
#define DEVICE_ID   "11111111-2222-3333-4444-555555555555"
#define CSM_600     "40e122025820" /* Max-Message-Size 600, Block-Wise-Transfer */
#define JSON        50
#define CBOR        60
#define CONNECTIONS 10

static void must(struct test_service_fixture *f, const char *line)
{
	const char *answer = test_service_control(&f->service, line);

	if (strstr(answer, "\"ok\":true") == NULL) {
		fail_msg("%s", answer);
	}
}

static void run_openssl(const char *const argv[])
{
	char error[1024];

	if (test_process_run(argv, TEST_SERVICE_TIMEOUT_MS, NULL, 0, error, sizeof(error)) != 0) {
		fail_msg("openssl %s: %s", argv[1], error);
	}
}

/* A directory that test_client_connect takes for a device's. */
static const char *make_directory(struct test_service_fixture *f, const char *name)
{
	const char *path = test_service_path(&f->service, name);

	assert_int_equal(mkdir(path, 0700), 0);
	return path;
}

static void assert_begins(const struct test_message *message, const char *bytes, size_t length)
{
	assert_true(message->payload_length > length);
	assert_memory_equal(message->payload, bytes, length);
}

/* A request answered as JSON; cJSON_Delete it. */
static cJSON *ask_json(struct test_service_fixture *f, const struct test_request *request, unsigned code)
{
	struct test_message message;
	cJSON *answer;

	test_client_request(&f->client, request);
	message = test_client_expect(&f->client);
	assert_int_equal(message.code, code);
	answer = cJSON_ParseWithLength((const char *)message.payload, message.payload_length);
	assert_non_null(answer);
	return answer;
}

static cJSON *get_json(struct test_service_fixture *f, const char *path)
{
	const struct test_request request = {
		.method = 1, .path = path, .token = 'g', .content_format = -1, .accept = JSON, .block1 = -1, .block2 = -1};

	return ask_json(f, &request, 205);
}

static cJSON *post_cloud(struct test_service_fixture *f)
{
	static const char body[] = "\xbf\x62"
							   "di\x78\x24" DEVICE_ID "\xff";
	const struct test_request request = {.method = 2,
	                                     .path = CLOUD,
	                                     .token = 'c',
	                                     .content_format = CBOR,
	                                     .accept = JSON,
	                                     .block1 = -1,
	                                     .block2 = -1,
	                                     .body = body,
	                                     .body_length = sizeof(body) - 1};

	return ask_json(f, &request, 204);
}

static const char *text_of(const cJSON *answer, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, key));

	assert_non_null(text);
	return text;
}

/* --- who gets in ------------------------------------------------------------------------------------------------------------------- */

/* The connection ends without an answer to a ping: in the handshake with TLS 1.2, on the first read with 1.3. */
static void assert_kept_out(struct test_service_fixture *f, const char *device)
{
	static const char *const version[] = {"-tls1_3", NULL};

	for (int newer = 0; newer < 2; newer++) {
		if (f->client.process != NULL) {
			test_client_close(&f->client);
		}
		test_client_connect(&f->client, &f->service, device, newer ? version : NULL);
		(void)test_process_write(f->client.process, "\x00\xe1\x00\xe2", 4); /* it may have ended already */
		test_client_expect_end(&f->client);
		test_process_wait(f->client.process, TEST_SERVICE_TIMEOUT_MS);
		assert_non_null(strstr(test_process_error_text(f->client.process), "alert"));
		assert_non_null(test_service_await(&f->service, "\"reason\":\"handshake\",\"certificate\":"));
	}
}

/*
 * TestWithUntrustedCertificate
 * Given a certificate that a client has signed itself, when it connects, then that may seem to succeed, but a ping is not answered.
 */
static void with_untrusted_certificate(void **state)
{
	struct test_service_fixture *f = *state;
	const char *key, *certificate;

	make_directory(f, "stranger");
	key = test_service_path(&f->service, "stranger/manufacturer.key");
	certificate = test_service_path(&f->service, "stranger/manufacturer.pem");
	{
		const char *const argv[] = {"openssl", "req",     "-x509", "-newkey", "ec",        "-pkeyopt", "ec_paramgen_curve:P-256",
		                            "-nodes",  "-keyout", key,     "-out",    certificate, "-subj",    "/CN=stranger",
		                            "-days",   "1",       NULL};

		run_openssl(argv);
	}
	test_service_start(&f->service, NULL, NULL);
	assert_kept_out(f, "stranger");
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
}

/* --- credentials ------------------------------------------------------------------------------------------------------------------- */

/* A key and the body of a credentials request for it; the key lies where a device's does. */
static size_t make_request(struct test_service_fixture *f, uint8_t *body, size_t size)
{
	static const char head[] = "\xbf\x63"
							   "csr\xbf\x64"
							   "data\x79";
	static const char tail[] = "\x68"
							   "encoding\x74oic.sec.encoding.pem\xff\xff";
	const char *key, *csr;
	size_t length = sizeof(head) - 1;
	size_t text_length;
	FILE *file;

	make_directory(f, "identity");
	key = test_service_path(&f->service, "identity/manufacturer.key");
	csr = test_service_path(&f->service, "identity/csr.pem");
	{
		const char *const argv[] = {"openssl", "req",     "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
		                            "-nodes",  "-keyout", key,    "-out",    csr,  "-subj",    "/CN=uuid:" DEVICE_ID,
		                            NULL};

		run_openssl(argv);
	}
	file = fopen(csr, "r");
	assert_non_null(file);
	memcpy(body, head, length);
	text_length = fread(body + length + 2, 1, size - length - 2 - sizeof(tail), file);
	fclose(file);
	body[length] = (uint8_t)(text_length >> 8);
	body[length + 1] = (uint8_t)text_length;
	length += 2 + text_length;
	memcpy(body + length, tail, sizeof(tail) - 1);
	return length + sizeof(tail) - 1;
}

/*
 * TestCredentials
 * Given a manufacturer's certificate, when a request to sign is sent, then there are 2 credentials; the identity among them does not open the service's door.
 */
static void credentials(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;
	uint8_t body[2048];
	size_t length = make_request(f, body, sizeof(body));

	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_post_credentials(&f->client, 'c', body, length);
	message = test_client_expect(&f->client);
	assert_int_equal(message.code, 204);
	assert_begins(&message,
	              "\xa1\x65"
	              "creds\x82",
	              8);
	test_service_write_pem(&f->service, "identity/manufacturer.pem", &message, "oic.sec.cred.cert");
	assert_kept_out(f, "identity");
}

/*
 * TestCredentialsWithPSK
 * Given a group with a pre-shared key, when a request to sign is sent, then there are 3 credentials, the key first.
 */
static void credentials_with_psk(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;
	uint8_t body[2048];
	size_t length = make_request(f, body, sizeof(body));

	test_service_start(&f->service, "{\"psk\": \"0123456789abcdef and more\"}", NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_post_credentials(&f->client, 'c', body, length);
	message = test_client_expect(&f->client);
	assert_int_equal(message.code, 204);
	assert_begins(&message,
	              "\xa1\x65"
	              "creds\x83\xa4\x68"
	              "credtype\x01",
	              19);
	assert_non_null(memmem(message.payload, message.payload_length,
	                       "\x70"
	                       "0123456789abcdef",
	                       17));
}

/* --- the other steps --------------------------------------------------------------------------------------------------------------- */

/*
 * TestAclsTCP, and what of TestAclsUDP has a meaning over TCP
 * Given one hub, when the access lists are asked for, then there are 3 entries; in blocks, where the client takes no larger messages, the same bytes. dps-service
 * has no DTLS.
 */
static void acls(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;
	uint8_t whole[2048];
	size_t whole_length;
	size_t filled = 0;
	bool more = true;

	test_service_start(&f->service, "{\"blockSzx\": 4}", NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_get(&f->client, ACLS, 'a');
	message = test_client_expect(&f->client);
	assert_int_equal(message.code, 205);
	assert_begins(&message,
	              "\xa1\x67"
	              "aclist2\x83",
	              10);
	whole_length = message.payload_length;
	assert_true(whole_length > 512 && whole_length < sizeof(whole));
	memcpy(whole, message.payload, whole_length);

	test_service_fixture_connect(f, CSM_600);
	for (unsigned number = 0; more; number++) {
		const struct test_request request = {.method = 1,
		                                     .path = ACLS,
		                                     .token = (char)('0' + number),
		                                     .content_format = -1,
		                                     .accept = -1,
		                                     .block1 = -1,
		                                     .block2 = number == 0 ? -1 : (long)(number << 4 | 4)};
		const uint8_t *block;
		size_t size;

		test_client_request(&f->client, &request);
		message = test_client_expect(&f->client);
		assert_int_equal(message.code, 205);
		block = test_message_option(&message, 23, &size);
		assert_non_null(block);
		assert_int_equal(block[size - 1] >> 4, number);
		assert_int_equal(block[size - 1] & 7, 4);
		more = (block[size - 1] & 8) != 0;
		assert_true(filled + message.payload_length <= whole_length);
		assert_memory_equal(message.payload, whole + filled, message.payload_length);
		filled += message.payload_length;
	}
	assert_int_equal(filled, whole_length);
}

/*
 * TestCloudPOST
 * Given one hub, when the cloud configuration is asked for with the device id alone, then access token, provider, hub id and gateway are there and not empty.
 */
static void cloud_post(void **state)
{
	static const char *const keys[] = {"at", "apn", "sid", "cis"};
	struct test_service_fixture *f = *state;
	cJSON *answer;

	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	answer = post_cloud(f);
	for (size_t at = 0; at < sizeof(keys) / sizeof(keys[0]); at++) {
		assert_true(strlen(text_of(answer, keys[at])) > 0);
	}
	cJSON_Delete(answer);
}

static void expect_gateway(struct test_service_fixture *f, const char *gateway)
{
	cJSON *answer = post_cloud(f);

	assert_string_equal(text_of(answer, "cis"), gateway);
	cJSON_Delete(answer);
}

/*
 * TestInvalidateEnrollmentGroupHubCache
 * Given a connected device, when the hub of its group is changed, or the group gets another hub, then the next request gives the new gateway, on the connection
 * that stands and on a new one.
 */
static void invalidate_enrollment_group_hub_cache(void **state)
{
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	expect_gateway(f, "coaps+tcp://localhost:5684");
	must(f, "set hubs [{\"id\": \"00000000-0000-0000-0000-000000000001\", \"gateways\": [\"changed.example:5684\"]}]");
	expect_gateway(f, "coaps+tcp://changed.example:5684");
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	expect_gateway(f, "coaps+tcp://changed.example:5684");
	must(f, "set hubs [{\"id\": \"00000000-0000-0000-0000-000000000002\", \"gateways\": [\"other.example:5684\"]}]");
	expect_gateway(f, "coaps+tcp://other.example:5684");
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	expect_gateway(f, "coaps+tcp://other.example:5684");
}

/*
 * TestOwnership
 * Given a group with owner "1", when the ownership is asked for, then the answer is the owner's UUID and nothing else.
 */
static void ownership(void **state)
{
	struct test_service_fixture *f = *state;
	cJSON *answer;

	test_service_start(&f->service, "{\"owner\": \"1\"}", NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	answer = get_json(f, OWNERSHIP);
	assert_int_equal(cJSON_GetArraySize(answer), 1);
	assert_string_equal(text_of(answer, "devowneruuid"), "b80c8fef-a677-5340-85fb-2c162d75df03");
	cJSON_Delete(answer);
}

/*
 * TestPlgdTime
 * When the time is asked for, then it is there: here a date of this century, in UTC, and nothing else.
 */
static void plgd_time(void **state)
{
	struct test_service_fixture *f = *state;
	const char *text;
	cJSON *answer;

	test_service_start(&f->service, NULL, NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	answer = get_json(f, TIME);
	assert_int_equal(cJSON_GetArraySize(answer), 1);
	text = text_of(answer, "time");
	assert_true(strlen(text) >= strlen("2026-01-01T00:00:00Z") && strncmp(text, "20", 2) == 0 && text[strlen(text) - 1] == 'Z');
	cJSON_Delete(answer);
}

/* --- connections ------------------------------------------------------------------------------------------------------------------- */

/*
 * TestClientInactivity
 * Given a time-out of 1 s (here 300 ms, set while the connection stands), when a client is silent, then it is served until then, and its connection is closed
 * later; a new one is served again.
 */
static void client_inactivity(void **state)
{
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, "{\"inactivitySeconds\": 20}", NULL);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_get(&f->client, OWNERSHIP, 'o');
	assert_int_equal(test_client_expect(&f->client).code, 205);
	must(f, "set inactivitySeconds 0.3");
	test_client_expect_end(&f->client);
	assert_non_null(test_service_await(&f->service, "\"reason\":\"inactivity\""));
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
}

static size_t count_open_files(const struct test_service_fixture *f)
{
	char path[64];
	DIR *directory;
	size_t count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", test_process_pid(f->service.process));
	directory = opendir(path);
	assert_non_null(directory);
	while (readdir(directory) != NULL) {
		count++;
	}
	closedir(directory);
	return count;
}

/*
 * TestNConnections
 * When ten clients connect one after another and each asks for credentials and cloud configuration, then all are served and nothing of them is left: every
 * connection is closed, and the service has as many open files as before.
 */
static void n_connections(void **state)
{
	struct test_service_fixture *f = *state;
	uint8_t body[2048];
	size_t length = make_request(f, body, sizeof(body));
	size_t before;

	test_service_start(&f->service, NULL, NULL);
	before = count_open_files(f);
	for (int at = 0; at < CONNECTIONS; at++) {
		cJSON *answer;

		test_service_fixture_connect(f, TEST_CSM_EMPTY);
		test_client_post_credentials(&f->client, 'c', body, length);
		assert_int_equal(test_client_expect(&f->client).code, 204);
		answer = post_cloud(f);
		assert_true(strlen(text_of(answer, "at")) > 0);
		cJSON_Delete(answer);
		test_client_close(&f->client);
		assert_non_null(test_service_await(&f->service, "\"event\":\"closed\""));
	}
	assert_int_equal(count_open_files(f), before);
	assert_int_equal(test_service_stop(&f->service), 0);
}

#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, test_service_fixture_set_up, test_service_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(with_untrusted_certificate),
		WITH_SERVICE(credentials),
		WITH_SERVICE(credentials_with_psk),
		WITH_SERVICE(acls),
		WITH_SERVICE(cloud_post),
		WITH_SERVICE(invalidate_enrollment_group_hub_cache),
		WITH_SERVICE(ownership),
		WITH_SERVICE(plgd_time),
		WITH_SERVICE(client_inactivity),
		WITH_SERVICE(n_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
