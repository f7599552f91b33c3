/* SPDX-License-Identifier: Apache-2.0 */
/* dps-service as the authority of a device's whole life: what it revokes when it signs again, how long its identities live, and hubs with authorities
 * of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "support/test_service_client.h"

#define COMMON_NAME "uuid:11111111-2222-3333-4444-555555555555"
#define HUB_1       "00000000-0000-0000-0000-000000000001"
#define HUB_2       "00000000-0000-0000-0000-000000000002"
#define HOUR        3600
#define YEAR        (365 * 24 * HOUR)
#define SLACK       30 /* seconds that a test may need between two looks at the clock */

/* What the event of a signing said. */
struct signed_identity {
	char common_name[64];
	char serial[64];
	char revoked[64]; /* empty: null */
	char hub[64];
	long not_before; /* seconds from now */
	long not_after;
};

static void copy_text(char out[64], const cJSON *event, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, key));

	snprintf(out, 64, "%s", text == NULL ? "" : text);
}

static long from_now(const cJSON *event, const char *key)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(event, key);

	assert_true(cJSON_IsNumber(number));
	return (long)(number->valuedouble - (double)time(NULL));
}

static struct signed_identity await_signed(struct test_service_fixture *f)
{
	cJSON *event = cJSON_Parse(test_service_await(&f->service, "\"event\":\"signed\""));
	struct signed_identity signing;

	assert_non_null(event);
	assert_true(cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(event, "connection")));
	copy_text(signing.common_name, event, "commonName");
	copy_text(signing.serial, event, "serial");
	copy_text(signing.revoked, event, "revoked");
	copy_text(signing.hub, event, "hub");
	signing.not_before = from_now(event, "notBefore");
	signing.not_after = from_now(event, "notAfter");
	assert_non_null(cJSON_GetObjectItemCaseSensitive(event, "revoked"));
	cJSON_Delete(event);
	return signing;
}

static void ask_to_sign(struct test_service_fixture *f)
{
	uint8_t body[1024];
	size_t length = test_credentials_body("provision-sequential.txt", "creds", body, sizeof(body));

	test_client_post_credentials(&f->client, 'c', body, length);
}

static struct signed_identity sign(struct test_service_fixture *f)
{
	ask_to_sign(f);
	assert_int_equal(test_client_expect(&f->client).code, 204);
	return await_signed(f);
}

static void start(struct test_service_fixture *f, const char *config, const char *const arguments[])
{
	test_service_start(&f->service, config, arguments);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
}

static void must(struct test_service_fixture *f, const char *line)
{
	const char *answer = test_service_control(&f->service, line);

	if (strstr(answer, "\"ok\":true") == NULL) {
		fail_msg("%s", answer);
	}
}

static cJSON *read_records(struct test_service_fixture *f)
{
	char text[8192];
	FILE *file = fopen(test_service_path(&f->service, "identities.json"), "r");
	cJSON *records;
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	records = cJSON_Parse(text);
	assert_non_null(records);
	return records;
}

/* Wants exactly these serial numbers to be revoked, NULL-ended. */
static void assert_revoked(struct test_service_fixture *f, const char *const serials[])
{
	cJSON *records = read_records(f);
	const cJSON *revoked = cJSON_GetObjectItemCaseSensitive(records, "revoked");
	int count = 0;

	for (; serials[count] != NULL; count++) {
		assert_true(cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(revoked, serials[count])));
	}
	assert_int_equal(cJSON_GetArraySize(revoked), count);
	cJSON_Delete(records);
}

/* --- revocation --- */

static void signing_again_revokes_the_one_before_across_restarts(void **state)
{
	struct test_service_fixture *f = *state;
	struct signed_identity first;
	struct signed_identity second;
	struct signed_identity third;

	start(f, NULL, NULL);
	first = sign(f);
	assert_string_equal(first.common_name, COMMON_NAME);
	assert_string_equal(first.revoked, "");
	assert_string_equal(first.hub, HUB_1);
	second = sign(f);
	assert_string_not_equal(second.serial, first.serial);
	assert_string_equal(second.revoked, first.serial);
	assert_int_equal(test_service_stop(&f->service), 0);
	assert_revoked(f, (const char *const[]){first.serial, NULL});

	start(f, NULL, NULL);
	third = sign(f);
	assert_string_equal(third.revoked, second.serial);
	assert_revoked(f, (const char *const[]){first.serial, second.serial, NULL});
}

static void the_serial_is_the_certificates(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;
	struct signed_identity signing;
	const char *identity;
	char printed[128];
	char expected[128];

	start(f, NULL, NULL);
	ask_to_sign(f);
	message = test_client_expect(&f->client);
	identity = test_service_write_pem(&f->service, "identity.pem", &message, "oic.sec.cred.cert");
	signing = await_signed(f);
	{
		const char *const print[] = {"openssl", "x509", "-in", identity, "-noout", "-serial", NULL};

		assert_int_equal(test_process_run(print, TEST_SERVICE_TIMEOUT_MS, printed, sizeof(printed), NULL, 0), 0);
	}
	snprintf(expected, sizeof(expected), "serial=%s\n", signing.serial);
	assert_string_equal(printed, expected);
}

static void what_has_expired_is_not_revoked_but_dropped(void **state)
{
	static const char records[] = "{\"" COMMON_NAME "\": {\"publicKeySha256\": \"00\", \"notAfter\": 1000000000, \"serial\": \"AA\"},"
								  " \"revoked\": {\"BB\": 1000000000, \"CC\": 4102444800}}";
	struct test_service_fixture *f = *state;

	test_service_write(&f->service, "identities.json", records, sizeof(records) - 1);
	start(f, NULL, NULL);
	assert_string_equal(sign(f).revoked, "");
	assert_revoked(f, (const char *const[]){"CC", NULL});
}

/* Written before there were serial numbers: there is nothing to revoke by, and the key still counts. */
static void an_old_record_is_understood(void **state)
{
	static const char records[] = "{\"" COMMON_NAME "\": {\"publicKeySha256\": \"00\", \"notAfter\": 4102444800}}";
	struct test_service_fixture *f = *state;

	test_service_write(&f->service, "identities.json", records, sizeof(records) - 1);
	start(f, NULL, NULL);
	ask_to_sign(f);
	assert_int_equal(test_client_expect(&f->client).code, 400);
}

static void wrong_identities_leave_no_trace(void **state)
{
	static const char *const faults[] = {"credentials:wrong-key:1", "credentials:wrong-device:1", "credentials:wrong-ca:1",
	                                     "credentials:expired:1"};
	struct test_service_fixture *f = *state;
	struct signed_identity good;
	size_t at;

	start(f, NULL, NULL);
	good = sign(f);
	for (at = 0; at < sizeof(faults) / sizeof(faults[0]); at++) {
		must(f, faults[at]);
		assert_string_equal(sign(f).revoked, "");
	}
	assert_string_equal(sign(f).revoked, good.serial);
	assert_revoked(f, (const char *const[]){good.serial, NULL});
}

static void nothing_is_revoked_when_nothing_can_be_stored(void **state)
{
	static const char *const close_at_once[] = {"--close-after", "0", NULL};
	struct test_service_fixture *f = *state;
	const char *path = test_service_path(&f->service, "identities.json");
	struct signed_identity first;

	start(f, NULL, close_at_once);
	first = sign(f);
	/* No file takes the place of a directory. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	ask_to_sign(f);
	assert_int_equal(test_client_expect(&f->client).code, 500);
	assert_non_null(strstr(test_service_control(&f->service, "forget " COMMON_NAME), "cannot store the signing records"));
	assert_int_equal(rmdir(path), 0);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	assert_string_equal(sign(f).revoked, first.serial);
}

static void a_forgotten_record_is_revoked_and_frees_the_name(void **state)
{
	struct test_service_fixture *f = *state;
	struct signed_identity first;
	uint8_t body[1024];
	size_t length = test_credentials_body("errors.txt", "credentials-other-key", body, sizeof(body));

	start(f, NULL, NULL);
	first = sign(f);
	must(f, "forget " COMMON_NAME);
	test_client_post_credentials(&f->client, 'd', body, length);
	assert_int_equal(test_client_expect(&f->client).code, 204);
	assert_string_equal(await_signed(f).revoked, "");
	assert_revoked(f, (const char *const[]){first.serial, NULL});
	must(f, "forget all");
	assert_string_equal(sign(f).revoked, "");
	assert_int_equal(test_service_stop(&f->service), 0);
	{
		cJSON *records = read_records(f);

		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(records, "revoked")), 2);
		assert_int_equal(cJSON_GetArraySize(records), 2);
		cJSON_Delete(records);
	}
}

static void damaged_revocations_stop_the_start(void **state)
{
	struct test_service_fixture *f = *state;
	const char *const arguments[] = {"--state-dir", f->service.directory, "--listen", "127.0.0.1:0", NULL};
	char error[512];

	test_service_write(&f->service, "identities.json", "{\"revoked\": []}", 15);
	assert_int_equal(test_service_run(&f->service, arguments, error, sizeof(error)), 1);
	assert_non_null(strstr(error, "identities.json"));
}

/* --- lifetimes --- */

static void assert_around(long seconds, long expected)
{
	assert_in_range(seconds - expected + SLACK, 0, 2 * SLACK);
}

static void lifetimes_are_what_was_asked_for(void **state)
{
	static const char *const arguments[] = {"--identity-lifetime", "13", NULL};
	struct test_service_fixture *f = *state;
	struct signed_identity signing;

	start(f, "{\"identityLifetime\": 7200}", arguments);
	signing = sign(f);
	assert_around(signing.not_after, 13);
	assert_true(signing.not_after <= 13);
	assert_around(signing.not_before, -HOUR);
	must(f, "set identityValidFrom -2");
	assert_around(sign(f).not_before, -2);
	must(f, "set identityLifetime null");
	assert_around(sign(f).not_after, YEAR);
	must(f, "set identityValidFrom 7200");
	signing = sign(f);
	assert_around(signing.not_before, 2 * HOUR);
	must(f, "set identityValidFrom null");
	must(f, "set identityLifetime -10");
	signing = sign(f);
	assert_around(signing.not_before, -HOUR);
	assert_true(signing.not_after <= -10);
	/* It had expired when it was signed: there was nothing to revoke. */
	must(f, "set identityLifetime null");
	assert_string_equal(sign(f).revoked, "");
}

static void the_authority_ends_soon(void **state)
{
	struct test_service_fixture *f = *state;
	const char *identity;
	const char *anchor;
	struct test_message message;
	struct signed_identity signing;

	start(f, "{\"hubCaLifetime\": 600}", NULL);
	ask_to_sign(f);
	message = test_client_expect(&f->client);
	identity = test_service_write_pem(&f->service, "identity.pem", &message, "oic.sec.cred.cert");
	anchor = test_service_write_pem(&f->service, "anchor.pem", &message, "oic.sec.cred.trustca");
	signing = await_signed(f);
	assert_around(signing.not_after, 600);
	{
		const char *const verify[] = {"openssl", "verify", "-x509_strict", "-CAfile", anchor, "-untrusted", identity, identity, NULL};

		assert_int_equal(test_process_run(verify, TEST_SERVICE_TIMEOUT_MS, NULL, 0, NULL, 0), 0);
	}
	must(f, "set hubCaLifetime 60");
	assert_around(sign(f).not_after, 60);
	must(f, "set hubCaLifetime null");
	assert_around(sign(f).not_after, YEAR);
}

static void a_bad_lifetime_is_bad_usage(void **state)
{
	static const char *const bad[] = {"0", "-1", "1.5", "x", "3153600001", ""};
	struct test_service_fixture *f = *state;
	char error[512];
	size_t at;

	for (at = 0; at < sizeof(bad) / sizeof(bad[0]); at++) {
		const char *const arguments[] = {"--state-dir", f->service.directory, "--init-only", "--identity-lifetime", bad[at], NULL};

		assert_int_equal(test_service_run(&f->service, arguments, error, sizeof(error)), 2);
		assert_non_null(strstr(error, "--identity-lifetime must be a whole number from 1 to 3153600000"));
	}
	{
		const char *const config = test_service_write(&f->service, "late.json", "{\"identityValidFrom\": 60}", 25);
		const char *const arguments[] = {"--state-dir", f->service.directory,  "--init-only", "--config",
		                                 config,        "--identity-lifetime", "30",          NULL};

		assert_int_equal(test_service_run(&f->service, arguments, error, sizeof(error)), 2);
		assert_non_null(strstr(error, "--identity-lifetime: an identity must begin"));
	}
}

/* --- hubs with an authority of their own --- */

static const char two_hubs[] = "{\"hubs\": [{\"id\": \"" HUB_1 "\", \"gateways\": [\"one.example:5684\"]},"
							   "{\"id\": \"" HUB_2 "\", \"gateways\": [\"two.example:5684\", \"both.example:5684\"], \"ca\": \"other\"}]}";

/* The captured request and what the device says it has selected. */
static void ask_to_sign_for(struct test_service_fixture *f, const char *hub, const char *uri)
{
	uint8_t body[1024];
	size_t length = test_credentials_body("provision-sequential.txt", "creds", body, 900);

	assert_int_equal(body[0], 0xa2);
	body[0] = 0xa3;
	length += (size_t)snprintf((char *)body + length, sizeof(body) - length, "\x6fselectedGateway\xa2\x62id\x78%c%s\x63uri\x78%c%s",
	                           (char)strlen(hub), hub, (char)strlen(uri), uri);
	test_client_post_credentials(&f->client, 'c', body, length);
}

/* Whether the identity that came chains to this root. */
static bool chains_to(struct test_service_fixture *f, const struct test_message *message, const char *root)
{
	const char *identity = test_service_write_pem(&f->service, "identity.pem", message, "oic.sec.cred.cert");
	const char *anchor = test_service_write_pem(&f->service, "anchor.pem", message, "oic.sec.cred.trustca");
	const char *const own[] = {"openssl", "verify", "-CAfile", anchor, "-untrusted", identity, identity, NULL};
	const char *const given[] = {"openssl",    "verify", "-CAfile", test_service_path(&f->service, root),
	                             "-untrusted", identity, identity,  NULL};

	assert_int_equal(test_process_run(own, TEST_SERVICE_TIMEOUT_MS, NULL, 0, NULL, 0), 0);
	return test_process_run(given, TEST_SERVICE_TIMEOUT_MS, NULL, 0, NULL, 0) == 0;
}

static void a_hub_can_have_another_authority(void **state)
{
	static const struct {
		const char *hub;
		const char *uri;
		const char *expected;
		const char *root;
		const char *no_root;
	} cases[] = {
		{HUB_1, "coaps+tcp://one.example:5684", HUB_1, "hub-ca.pem", "hub-ca-other.pem"},
		{HUB_2, "coaps+tcp://both.example:5684", HUB_2, "hub-ca-other.pem", "hub-ca.pem"},
		/* A gateway that is not the hub's: the first hub, as in the cloud step. */
		{HUB_2, "coaps+tcp://one.example:5684", HUB_1, "hub-ca.pem", "hub-ca-other.pem"},
	};
	struct test_service_fixture *f = *state;
	size_t at;
	int round;

	/* The second time with the authorities of the first. */
	for (round = 0; round < 2; round++) {
		start(f, two_hubs, NULL);
		for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
			struct test_message message;

			ask_to_sign_for(f, cases[at].hub, cases[at].uri);
			message = test_client_expect(&f->client);
			assert_int_equal(message.code, 204);
			assert_true(chains_to(f, &message, cases[at].root));
			assert_false(chains_to(f, &message, cases[at].no_root));
			assert_string_equal(await_signed(f).hub, cases[at].expected);
		}
		assert_int_equal(test_service_stop(&f->service), 0);
	}
}

static void another_authority_is_made_and_limited_while_it_runs(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;

	start(f, NULL, NULL);
	assert_int_not_equal(access(test_service_path(&f->service, "hub-ca-late.pem"), F_OK), 0);
	must(f, "set hubCaLifetime 600");
	must(f, "set hubs [{\"id\": \"" HUB_2 "\", \"gateways\": [\"two.example:5684\"], \"ca\": \"late\"}]");
	ask_to_sign(f);
	message = test_client_expect(&f->client);
	assert_true(chains_to(f, &message, "hub-ca-late.pem"));
	assert_around(await_signed(f).not_after, 600);
}

#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, test_service_fixture_set_up, test_service_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(signing_again_revokes_the_one_before_across_restarts),
		WITH_SERVICE(the_serial_is_the_certificates),
		WITH_SERVICE(what_has_expired_is_not_revoked_but_dropped),
		WITH_SERVICE(an_old_record_is_understood),
		WITH_SERVICE(wrong_identities_leave_no_trace),
		WITH_SERVICE(nothing_is_revoked_when_nothing_can_be_stored),
		WITH_SERVICE(a_forgotten_record_is_revoked_and_frees_the_name),
		WITH_SERVICE(damaged_revocations_stop_the_start),
		WITH_SERVICE(lifetimes_are_what_was_asked_for),
		WITH_SERVICE(the_authority_ends_soon),
		WITH_SERVICE(a_bad_lifetime_is_bad_usage),
		WITH_SERVICE(a_hub_can_have_another_authority),
		WITH_SERVICE(another_authority_is_made_and_limited_while_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
