/* SPDX-License-Identifier: Apache-2.0 */
/* dps-service's command line: the state directory it makes, the factory's commands, and what it says to bad usage and bad configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support/test_service_client.h"

#define MAX_WORDS 16u

static int set_up(void **state)
{
	struct test_service *service = calloc(1, sizeof(*service));

	assert_non_null(service);
	test_service_set_up(service);
	*state = service;
	return 0;
}

static int tear_down(void **state)
{
	test_service_tear_down(*state);
	free(*state);
	return 0;
}

static int run(const char *const argv[], char *output, size_t size)
{
	return test_process_run(argv, TEST_SERVICE_TIMEOUT_MS, output, size, NULL, 0);
}

/* Runs dps-service with the words of a line; DIR stands for the state directory. */
static int run_line(const struct test_service *service, const char *line, char *error, size_t error_size)
{
	const char *arguments[MAX_WORDS + 1] = {NULL};
	char words[512];
	char *rest = words;
	size_t count = 0;
	char *word;

	snprintf(words, sizeof(words), "%s", line);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (word[0] == '\0') {
			continue;
		}
		assert_true(count < MAX_WORDS);
		if (strcmp(word, "DIR") == 0) {
			arguments[count++] = service->directory;
		} else {
			arguments[count++] = strncmp(word, "DIR/", 4) == 0 ? test_service_path(service, word + 4) : word;
		}
	}
	return test_service_run(service, arguments, error, error_size);
}

static mode_t mode_of(const struct test_service *service, const char *name)
{
	struct stat about;

	assert_int_equal(stat(test_service_path(service, name), &about), 0);
	return about.st_mode & 0777;
}

static void assert_verifies(const struct test_service *service, const char *anchor, const char *chain, bool ignore_dates)
{
	const char *path = test_service_path(service, chain);
	const char *const argv[] = {"openssl",
	                            "verify",
	                            "-x509_strict",
	                            "-CAfile",
	                            test_service_path(service, anchor),
	                            "-untrusted",
	                            path,
	                            path,
	                            ignore_dates ? "-no_check_time" : NULL,
	                            NULL};
	const char *const with_dates[] = {
		"openssl", "verify", "-no_check_time", "-x509_strict", "-CAfile", test_service_path(service, anchor), "-untrusted", path,
		path,      NULL};

	assert_int_equal(run(ignore_dates ? with_dates : argv, NULL, 0), 0);
}

static void the_state_directory_is_made_once(void **state)
{
	static const char *const certificates[] = {
		"service-ca.pem", "service.pem", "manufacturer-ca.pem", "manufacturer-intermediate.pem", "hub-ca.pem", "hub-intermediate.pem"};
	static const char *const keys[] = {"service-ca.key", "service.key",         "manufacturer-ca.key", "manufacturer-intermediate.key",
	                                   "hub-ca.key",     "hub-intermediate.key"};
	const struct test_service *service = *state;
	const char *const print[] = {"openssl", "x509", "-in", test_service_path(service, "service.pem"), "-noout", "-text", NULL};
	const char *const sum[] = {"sha256sum", test_service_path(service, "hub-ca.pem"), test_service_path(service, "service.key"), NULL};
	char before[512];
	char after[512];
	char text[8192];
	size_t at;

	for (at = 0; at < sizeof(keys) / sizeof(keys[0]); at++) {
		assert_int_equal(mode_of(service, keys[at]), 0600);
		assert_int_equal(mode_of(service, certificates[at]), 0644);
	}
	assert_int_equal(run(sum, before, sizeof(before)), 0);
	assert_int_equal(run_line(service, "--state-dir DIR --init-only", NULL, 0), 0);
	assert_int_equal(run(sum, after, sizeof(after)), 0);
	assert_string_equal(before, after);
	assert_verifies(service, "service-ca.pem", "service.pem", false);
	assert_verifies(service, "hub-ca.pem", "hub-intermediate.pem", false);
	assert_int_equal(run(print, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "DNS:localhost, IP Address:127.0.0.1"));
	assert_non_null(strstr(text, "ecdsa-with-SHA256"));
}

static void devices_are_made_of_every_key_type(void **state)
{
	static const struct {
		const char *options;
		const char *algorithm;
	} cases[] = {
		{"", "prime256v1"},
		{"--key-type p256", "prime256v1"},
		{"--key-type p384", "secp384r1"},
		{"--key-type rsa2048 --days 7", "(2048 bit)"},
	};
	const struct test_service *service = *state;
	const char *const print[] = {"openssl", "x509", "-in", test_service_path(service, "d/manufacturer.pem"), "-noout", "-text", NULL};
	const char *const public_of_key[] = {"openssl", "pkey", "-in", test_service_path(service, "d/manufacturer.key"), "-pubout", NULL};
	const char *const public_of_leaf[] = {"openssl", "x509",    "-in", test_service_path(service, "d/manufacturer.pem"),
	                                      "-noout",  "-pubkey", NULL};
	char line[256];
	char text[8192];
	char key[2048];
	char leaf[2048];
	size_t at;

	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		snprintf(line, sizeof(line), "make-device --state-dir DIR --out DIR/d --serial serial-%zu %s", at, cases[at].options);
		assert_int_equal(run_line(service, line, NULL, 0), 0);
		assert_verifies(service, "manufacturer-ca.pem", "d/manufacturer.pem", false);
		assert_int_equal(mode_of(service, "d/manufacturer.key"), 0600);
		assert_int_equal(run(print, text, sizeof(text)), 0);
		assert_non_null(strstr(text, cases[at].algorithm));
		snprintf(line, sizeof(line), "Subject: CN = serial-%zu", at);
		assert_non_null(strstr(text, line));
		assert_non_null(strstr(text, "TLS Web Client Authentication"));
		assert_int_equal(run(public_of_key, key, sizeof(key)), 0);
		assert_int_equal(run(public_of_leaf, leaf, sizeof(leaf)), 0);
		assert_string_equal(key, leaf);
	}
}

static void devices_can_be_out_of_date(void **state)
{
	static const char *const options[] = {"--expired", "--not-yet-valid"};
	const struct test_service *service = *state;
	const char *chain = test_service_path(service, "d/manufacturer.pem");
	const char *const verify[] = {"openssl",    "verify", "-CAfile", test_service_path(service, "manufacturer-ca.pem"),
	                              "-untrusted", chain,    chain,     NULL};
	char line[256];
	size_t at;

	for (at = 0; at < sizeof(options) / sizeof(options[0]); at++) {
		snprintf(line, sizeof(line), "make-device --state-dir DIR --out DIR/d --serial s %s", options[at]);
		assert_int_equal(run_line(service, line, NULL, 0), 0);
		assert_int_not_equal(run(verify, NULL, 0), 0);
		assert_verifies(service, "manufacturer-ca.pem", "d/manufacturer.pem", true);
	}
}

static void a_csr_is_signed_beside_a_running_service(void **state)
{
	struct test_service *service = *state;
	const char *key = test_service_path(service, "own.key");
	const char *csr = test_service_path(service, "own.csr");
	const char *const make[] = {"openssl",
	                            "req",
	                            "-new",
	                            "-newkey",
	                            "ec",
	                            "-pkeyopt",
	                            "ec_paramgen_curve:P-256",
	                            "-nodes",
	                            "-keyout",
	                            key,
	                            "-subj",
	                            "/O=Factory/CN=own-1",
	                            "-out",
	                            csr,
	                            NULL};
	const char *const print[] = {"openssl", "x509", "-in", test_service_path(service, "own.pem"), "-noout", "-subject", NULL};
	char error[512];
	char text[512];

	test_service_start(service, NULL, NULL);
	assert_int_equal(run(make, NULL, 0), 0);
	assert_int_equal(run_line(service, "sign-csr --state-dir DIR --csr DIR/own.csr --out DIR/own.pem", NULL, 0), 0);
	assert_verifies(service, "manufacturer-ca.pem", "own.pem", false);
	assert_int_equal(run(print, text, sizeof(text)), 0);
	assert_string_equal(text, "subject=O = Factory, CN = own-1\n");
	assert_int_equal(run_line(service, "sign-csr --state-dir DIR --csr DIR/own.key --out DIR/x.pem", error, sizeof(error)), 1);
	assert_non_null(strstr(error, "own.key holds no certificate request"));
	assert_int_equal(run_line(service, "sign-csr --state-dir DIR --csr DIR/none --out DIR/x.pem", error, sizeof(error)), 1);
	assert_int_equal(test_service_stop(service), 0);
}

/* One line on standard error that names what is wrong. */
static void assert_bad_usage(const struct test_service *service, const char *line, const char *complaint)
{
	char error[1024];
	const char *feed;

	if (run_line(service, line, error, sizeof(error)) != 2 || strstr(error, complaint) == NULL) {
		fail_msg("\"%s\" was expected to end with 2 and \"%s\", and said: %s", line, complaint, error);
	}
	feed = strchr(error, '\n');
	assert_non_null(feed);
	assert_int_equal(feed[1], '\0');
}

static void bad_usage_ends_with_2_and_one_line(void **state)
{
	static const struct {
		const char *line;
		const char *complaint;
	} cases[] = {
		{"", "--state-dir is needed"},
		{"--state-dir DIR", "--listen is needed"},
		{"--state-dir DIR --listen localhost", "--listen must be HOST:PORT"},
		{"--state-dir DIR --listen localhost:65536", "--listen must be HOST:PORT"},
		{"--state-dir DIR --listen ::1:0", "--listen must be HOST:PORT"},
		{"--state-dir DIR --listen", "requires an argument"},
		{"--nonsense", "unrecognized option"},
		{"--state-dir DIR --init-only more", "unexpected argument"},
		{"--state-dir DIR --init-only --close-after soon", "--close-after must be"},
		{"--state-dir DIR --init-only --fault owner", "the step must be"},
		{"--state-dir DIR --init-only --fault nobody:5.03", "the step must be"},
		{"--state-dir DIR --init-only --fault owner:1.03", "no such action"},
		{"--state-dir DIR --init-only --fault owner:5.3", "no such action"},
		{"--state-dir DIR --init-only --fault owner:delay", "no such action"},
		{"--state-dir DIR --init-only --fault owner:delay=soon", "no such action"},
		{"--state-dir DIR --init-only --fault owner:garbage=1", "no such action"},
		{"--state-dir DIR --init-only --fault owner:wrong-key", "no such action for this step"},
		{"--state-dir DIR --init-only --fault owner:5.03:0", "the count must be"},
		{"--state-dir DIR --init-only --fault owner:5.03:x", "the count must be"},
		{"--state-dir DIR --init-only --config DIR/none.json", "cannot read"},
		{"make-device --state-dir DIR --out DIR/d", "--serial is needed"},
		{"make-device --state-dir DIR --serial s", "--out is needed"},
		{"make-device --state-dir DIR --out DIR/d --serial s --key-type ed25519", "--key-type must be"},
		{"make-device --state-dir DIR --out DIR/d --serial s --days 0", "--days must be"},
		{"make-device --state-dir DIR --out DIR/d --serial s --days 1 --expired", "only one of"},
		{"sign-csr --state-dir DIR --out DIR/x", "--csr is needed"},
	};
	size_t at;

	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		assert_bad_usage(*state, cases[at].line, cases[at].complaint);
	}
}

static void bad_configuration_ends_with_2_and_one_line(void **state)
{
	static const struct {
		const char *json;
		const char *complaint;
	} cases[] = {
		{"", "is not JSON"},
		{"{\"owner\": \"1\"} x", "is not JSON from byte 15"},
		{"[]", "must hold an object"},
		{"{\"ownr\": \"1\"}", "unknown key \"ownr\""},
		{"{\"owner\": 1}", "\"owner\" must be a text"},
		{"{\"owner\": \"\"}", "\"owner\" must be a text"},
		{"{\"psk\": \"short\"}", "\"psk\" must be a text of at least 16 bytes"},
		{"{\"token\": null}", "\"token\" must be"},
		{"{\"authorizationProvider\": 7}", "\"authorizationProvider\" must be"},
		{"{\"hubs\": {}}", "\"hubs\" must be"},
		{"{\"hubs\": [{\"id\": \"1\", \"gateways\": [\"a:1\"]}]}", "\"hubs\" must be"},
		{"{\"hubs\": [{\"id\": \"00000000-0000-0000-0000-000000000001\", \"gateways\": []}]}", "\"hubs\" must be"},
		{"{\"hubs\": [{\"id\": \"00000000-0000-0000-0000-000000000001\", \"gateways\": [1]}]}", "\"hubs\" must be"},
		{"{\"identityLifetime\": 0}", "\"identityLifetime\" must be"},
		{"{\"inactivitySeconds\": 0}", "\"inactivitySeconds\" must be"},
		{"{\"timeOffsetSeconds\": \"1\"}", "\"timeOffsetSeconds\" must be"},
		{"{\"blockSzx\": 8}", "\"blockSzx\" must be"},
		{"{\"blockSzx\": 1.5}", "\"blockSzx\" must be"},
		{"{\"allowExpiredManufacturerCertificates\": 1}", "must be true or false"},
		{"{\"resources\": {}}", "\"resources\" must be"},
		{"{\"resources\": [{\"href\": \"light\", \"rep\": {}}]}", "\"resources\" must be"},
		{"{\"resources\": [{\"href\": \"/light\"}]}", "\"resources\" must be"},
		{"{\"serverCertificate\": true}", "\"serverCertificate\" must be an object"},
		{"{\"serverCertificate\": {\"host\": \"a\"}}", "unknown key \"host\" in serverCertificate"},
		{"{\"serverCertificate\": {\"hosts\": []}}", "\"hosts\" must be"},
		{"{\"serverCertificate\": {\"hosts\": [\"a,IP:127.0.0.1\"]}}", "\"hosts\" must be"},
		{"{\"serverCertificate\": {\"keyType\": \"dsa\"}}", "\"keyType\" must be"},
		{"{\"serverCertificate\": {\"expired\": 1}}", "\"expired\" must be"},
	};
	const struct test_service *service = *state;
	size_t at;

	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		test_service_write(service, "bad.json", cases[at].json, strlen(cases[at].json));
		assert_bad_usage(service, "--state-dir DIR --init-only --config DIR/bad.json", cases[at].complaint);
	}
}

static void a_damaged_state_directory_ends_with_1_and_one_line(void **state)
{
	const struct test_service *service = *state;
	char error[512];

	test_service_write(service, "hub-ca.key", "nothing", 7);
	assert_int_equal(run_line(service, "--state-dir DIR --init-only", error, sizeof(error)), 1);
	assert_non_null(strstr(error, "hub-ca.key holds no private key"));
	assert_int_equal(remove(test_service_path(service, "hub-ca.key")), 0);
	assert_int_equal(run_line(service, "--state-dir DIR --init-only", error, sizeof(error)), 1);
	assert_non_null(strstr(error, "cannot read"));
	assert_int_equal(rename(test_service_path(service, "service.key"), test_service_path(service, "hub-ca.key")), 0);
	assert_int_equal(run_line(service, "--state-dir DIR --init-only", error, sizeof(error)), 1);
	assert_int_equal(run_line(service, "--state-dir DIR/service.pem --init-only", error, sizeof(error)), 1);
	assert_non_null(strstr(error, "cannot make the directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_state_directory_is_made_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(devices_are_made_of_every_key_type, set_up, tear_down),
		cmocka_unit_test_setup_teardown(devices_can_be_out_of_date, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_csr_is_signed_beside_a_running_service, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_usage_ends_with_2_and_one_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_configuration_ends_with_2_and_one_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_state_directory_ends_with_1_and_one_line, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
