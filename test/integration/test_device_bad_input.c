/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and options that cannot be used. Each ends at once with exit status 2 and one line that names the cause; no state directory is made by it, and one that
 * is there keeps every byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_pki.h"
#include "support/test_subject.h"

/* 129 characters; 128 are allowed. */
#define TEN "123456789."
#define TOO_LONG                                                                                                                           \
	"coaps+tcp://" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "ab"                                                                        \
	":5684"
#define LONGEST                                                                                                                            \
	"coaps+tcp://" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "a"                                                                         \
	":5684"

static struct test_scenario scenario;
static struct test_subject subject;

/* Files that are wrong, in the scenario's directory "bad". */
static void make_bad_files(void)
{
	static char large[70000];
	uint8_t certificate[4096];
	const char *bad = test_path(&scenario, "bad");
	const char *key = test_path(&scenario, "factory/manufacturer.key");
	size_t length;

	assert_int_equal(mkdir(bad, 0700), 0);
	assert_int_equal(mkdir(test_path(&scenario, "bad/directory"), 0700), 0);
	assert_int_equal(mkfifo(test_path(&scenario, "bad/fifo"), 0600), 0);
	memset(large, '\n', sizeof(large));
	test_file_write(bad, "large", large, sizeof(large));
	test_file_write(bad, "empty", "", 0);
	test_file_write(bad, "garbage", "neither a key nor a certificate\n", 32);
	test_file_write(bad, "locked", "nobody may read this", 20);
	assert_int_equal(chmod(test_path(&scenario, "bad/locked"), 0), 0);
	length = test_read_file(test_path(&scenario, "factory/manufacturer.pem"), certificate, sizeof(certificate));
	test_file_write(bad, "truncated", certificate, length / 4);
	test_file_write(bad, "half-chain", certificate, length / 4 * 3);
	certificate[length / 4] = '!';
	test_file_write(bad, "damaged", certificate, length);

	test_must_run("openssl", "pkcs8", "-topk8", "-in", key, "-passout", "pass:secret", "-out", test_path(&scenario, "bad/pkcs8"), NULL);
	test_must_run("openssl", "ec", "-aes128", "-in", key, "-passout", "pass:secret", "-out", test_path(&scenario, "bad/encrypted"), NULL);
	test_must_run("openssl", "genpkey", "-algorithm", "ED25519", "-out", test_path(&scenario, "bad/ed25519"), NULL);
	test_must_run("openssl", "genrsa", "-out", test_path(&scenario, "bad/rsa1024"), "1024", NULL);
	test_must_run("openssl", "ecparam", "-name", "secp521r1", "-genkey", "-noout", "-out", test_path(&scenario, "bad/p521"), NULL);
	test_make_factory(&scenario, "service", "another", NULL);
	/* The intermediate before the leaf. */
	test_must_run("sh", "-c", "cat \"$0\" \"$1\" >\"$2\"", test_path(&scenario, "service/manufacturer-intermediate.pem"),
	              test_path(&scenario, "factory/manufacturer.pem"), test_path(&scenario, "bad/order"), NULL);
}

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	test_subject_begin(&subject, &scenario, NULL);
	make_bad_files();
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_subject_end(&subject);
	test_scenario_end(&scenario);
	return 0;
}

static void expect_line(const struct test_program *device, const char *cause, const char *about)
{
	const cJSON *last = test_last(device);
	const char *event = test_get_text(last, "event");

	if (device->exit_code != 2 || event == NULL || strcmp(event, "failed") != 0 || strcmp(test_get_text(last, "step"), "config") != 0 ||
	    strcmp(test_get_text(last, "cause"), cause) != 0 || test_get_text(last, "text") == NULL || test_get_text(last, "text")[0] == '\0' ||
	    !cJSON_IsNull(test_get(last, "code")) || test_get_number(last, "attempt") != 1 || test_count_named(device, "connected") != 0) {
		fail_msg("%s: not %s: exit %d: %s%s", about, cause, device->exit_code, device->output, device->error);
	}
}

/* Once without a state directory, once with one, forced so that it would be used. */
static void expect_refused(struct test_command *command, const char *cause, const char *about)
{
	const char *states[] = {test_path(&scenario, "never"), test_path(&scenario, "base")};

	for (size_t at = 0; at < 2; at++) {
		struct test_program device;

		test_command_set(command, "--state-dir", states[at]);
		test_program_run(&device, command);
		expect_line(&device, cause, about);
		test_program_free(&device);
	}
	if (access(states[0], F_OK) == 0) {
		fail_msg("%s: a state directory was made", about);
	}
}

static void expect_untouched(void)
{
	struct test_snapshot after;

	test_snapshot_take(&after, test_path(&scenario, "base"));
	assert_null(test_snapshot_difference(&subject.base, &after));
	test_snapshot_free(&after);
}

/* --- files ------------------------------------------------------------------------------------------------------------------------- */

static void files(void **state)
{
	static const struct {
		const char *option;
		const char *file;
		const char *cause;
	} cases[] = {
		{"--ca", "bad/none", "file"},
		{"--ca", "bad/directory", "file"},
		{"--ca", "bad/fifo", "file"},
		{"--ca", "bad/large", "file"},
		{"--ca", "bad/empty", "file"},
		{"--ca", "bad/locked", "file"},
		{"--ca", "bad/garbage", "certificate-format"},
		{"--ca", "bad/truncated", "certificate-format"},
		{"--ca", "bad/half-chain", "certificate-format"},
		{"--ca", "bad/damaged", "certificate-format"},
		{"--ca", "factory/manufacturer.key", "certificate-format"},
		{"--cert", "bad/none", "file"},
		{"--cert", "bad/directory", "file"},
		{"--cert", "bad/fifo", "file"},
		{"--cert", "bad/large", "file"},
		{"--cert", "bad/empty", "file"},
		{"--cert", "bad/locked", "file"},
		{"--cert", "bad/garbage", "certificate-format"},
		{"--cert", "bad/truncated", "certificate-format"},
		{"--cert", "bad/half-chain", "certificate-format"},
		{"--cert", "bad/damaged", "certificate-format"},
		{"--cert", "factory/manufacturer.key", "certificate-format"},
		{"--cert", "another/manufacturer.pem", "key-mismatch"},
		{"--cert", "bad/order", "key-mismatch"},
		{"--key", "bad/none", "file"},
		{"--key", "bad/directory", "file"},
		{"--key", "bad/fifo", "file"},
		{"--key", "bad/large", "file"},
		{"--key", "bad/empty", "file"},
		{"--key", "bad/locked", "file"},
		{"--key", "bad/garbage", "key-format"},
		{"--key", "factory/manufacturer.pem", "key-format"},
		{"--key", "bad/ed25519", "key-format"},
		{"--key", "bad/rsa1024", "key-format"},
		{"--key", "bad/p521", "key-format"},
		{"--key", "bad/pkcs8", "key-encrypted"},
		{"--key", "bad/encrypted", "key-encrypted"},
		{"--key", "another/manufacturer.key", "key-mismatch"},
	};

	(void)state;
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		const char *path = test_path(&scenario, "%s", cases[at].file);
		struct test_command command;

		test_device_command(&command, &scenario, subject.service.uri, "never");
		test_command_flag(&command, "--force");
		test_command_set(&command, cases[at].option,
		                 strcmp(cases[at].option, "--key") == 0 ? test_format(&scenario, "file:%s", path) : path);
		command.prepare = test_drop_powers;
		expect_refused(&command, cases[at].cause, test_format(&scenario, "%s %s", cases[at].option, cases[at].file));
	}
	expect_untouched();
}

/* A key that others can read is used all the same, with a warning. */
static void looser_mode(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0644};
	const char *key = test_path(&scenario, "factory/manufacturer.key");

	(void)state;
	for (size_t at = 0; at < sizeof(modes) / sizeof(modes[0]); at++) {
		struct test_command command;
		struct test_program device;

		assert_int_equal(chmod(key, modes[at]), 0);
		test_device_command(&command, &scenario, subject.service.uri, "looser");
		test_command_flag(&command, "--force");
		test_program_run(&device, &command);
		assert_int_equal(device.exit_code, 0);
		assert_int_equal(test_count_named(&device, "warning"), 1);
		assert_string_equal(test_get_text(test_last_named(&device, "warning"), "cause"), "key-mode");
		test_program_free(&device);
	}
	assert_int_equal(chmod(key, 0600), 0);
}

/* A certificate and its key may be DER as well. */
static void der_files(void **state)
{
	const char *certificate = test_path(&scenario, "manufacturer.der");
	const char *key = test_path(&scenario, "key.der");
	struct test_command command;
	struct test_program device;

	(void)state;
	test_must_run("openssl", "pkey", "-in", test_path(&scenario, "factory/manufacturer.key"), "-outform", "DER", "-out", key, NULL);
	test_must_run("sh", "-c",
	              "openssl x509 -in \"$0\" -outform DER -out \"$2\" && openssl x509 -in \"$1\" -outform DER -out \"$2.2\" && cat \"$2.2\" "
	              ">>\"$2\"",
	              test_path(&scenario, "factory/manufacturer.pem"), test_path(&scenario, "service/manufacturer-intermediate.pem"),
	              certificate, NULL);
	assert_int_equal(chmod(key, 0600), 0);
	test_device_command(&command, &scenario, subject.service.uri, "der");
	test_command_set(&command, "--cert", certificate);
	test_command_set(&command, "--key", test_format(&scenario, "file:%s", key));
	test_program_run(&device, &command);
	if (device.exit_code != 0) {
		fail_msg("DER: exit %d: %s", device.exit_code, device.output);
	}
	test_program_free(&device);
}

/* --- endpoints --------------------------------------------------------------------------------------------------------------------- */

static void endpoints(void **state)
{
	static const char *const wrong[] = {
		"",
		"localhost:5684",
		"coap+tcp://localhost:5684",
		"coaps://localhost:5684",
		"https://localhost:5684",
		"coaps+tcp:localhost:5684",
		"coaps+tcp://localhost",
		"coaps+tcp://localhost:",
		"coaps+tcp://localhost:0",
		"coaps+tcp://localhost:65536",
		"coaps+tcp://localhost:4294967297",
		"coaps+tcp://localhost:-1",
		"coaps+tcp://localhost:56a4",
		"coaps+tcp://:5684",
		"coaps+tcp://[::1:5684",
		"coaps+tcp://[]:5684",
		"coaps+tcp://::1:5684",
		"coaps+tcp://somebody@localhost:5684",
		"coaps+tcp://local host:5684",
		TOO_LONG,
	};
	struct test_command command;
	struct test_program device;

	(void)state;
	for (size_t at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++) {
		test_device_command(&command, &scenario, wrong[at], "never");
		expect_refused(&command, "endpoint-uri", wrong[at]);
	}

	/* One character less is read; nobody is there. */
	assert_int_equal(sizeof(LONGEST) - 1, 128);
	test_device_command(&command, &scenario, LONGEST, "longest");
	test_command_set(&command, "--timeout", "0.2");
	test_program_run(&device, &command);
	assert_int_equal(device.exit_code, 3);
	test_program_free(&device);

	/* A good one beside it does not help. */
	test_device_command(&command, &scenario, subject.service.uri, "never");
	test_command_add(&command, "--endpoint", "coaps+tcp://localhost");
	expect_refused(&command, "endpoint-uri", "the second of two");

	/* More than there is room for. */
	test_device_command(&command, &scenario, subject.service.uri, "never");
	for (int more = 1; more < 5; more++) {
		test_command_add(&command, "--endpoint", test_format(&scenario, "coaps+tcp://localhost:%d", more));
	}
	expect_refused(&command, "buffer-too-small", "five endpoints");
	expect_untouched();
}

/* --- options ----------------------------------------------------------------------------------------------------------------------- */

static void wrong_values(void **state)
{
	static const struct {
		const char *option;
		const char *value;
		const char *cause;
	} cases[] = {
		{"--timeout", "", "argument"},
		{"--timeout", "0", "argument"},
		{"--timeout", "0.0001", "argument"},
		{"--timeout", "-1", "argument"},
		{"--timeout", "soon", "argument"},
		{"--timeout", "5s", "argument"},
		{"--timeout", "1e99", "argument"},
		{"--timeout", "1e1", "argument"},
		{"--timeout", "0x10", "argument"},
		{"--timeout", "nan", "argument"},
		{"--retry", "", "argument"},
		{"--retry", ",", "argument"},
		{"--retry", "1,,2", "argument"},
		{"--retry", "1,x", "argument"},
		{"--retry", "0", "argument"},
		{"--retry", "1 2", "argument"},
		{"--retry", "1,2,3,4,5,6,7,8,9", "argument"},
		{"--startup-jitter", "0", "argument"},
		{"--startup-jitter", "soon", "argument"},
		{"--renew-at", "", "argument"},
		{"--renew-at", "0", "argument"},
		{"--renew-at", "0.04", "argument"},
		{"--renew-at", "100.1", "argument"},
		{"--renew-at", "half", "argument"},
		{"--renew-at", "50%", "argument"},
		{"--renew-at", "0x10", "argument"},
		{"--renew-at", "1e1", "argument"},
		{"--device-id", "", "argument"},
		{"--device-id", "1234", "argument"},
		{"--device-id", "00000000-0000-0000-0000-000000000000", "argument"},
		{"--device-id", "c0ffee00-1234-4abc-8def-00112233445g", "argument"},
		{"--device-id", "c0ffee00-1234-4abc-8def-0011223344556", "argument"},
		{"--key", "", "argument"},
		{"--key", "file:", "argument"},
		{"--key", "factory/manufacturer.key", "argument"},
		{"--key", "pkcs11:object=key", "argument"},
		{"--pin", "", "pin-format"},
		{"--pin", "sha256:", "pin-format"},
		{"--pin", "sha256:1234", "pin-format"},
		{"--pin", "sha1:0123456789abcdef0123456789abcdef01234567", "pin-format"},
		{"--pin", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "pin-format"},
		{"--pin", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg", "pin-format"},
	};
	struct test_command command;

	(void)state;
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		test_device_command(&command, &scenario, subject.service.uri, "never");
		test_command_set(&command, cases[at].option, cases[at].value);
		expect_refused(&command, cases[at].cause, test_format(&scenario, "%s '%s'", cases[at].option, cases[at].value));
	}
	expect_untouched();
}

static void wrong_options(void **state)
{
	static const char *const required[] = {"--endpoint", "--ca", "--cert", "--key"};
	static const char *const unknown[] = {"--bogus", "--force=yes", "now", "-x", "--pin"};
	struct test_command command;
	struct test_program device;

	(void)state;
	for (size_t at = 0; at < sizeof(required) / sizeof(required[0]); at++) {
		test_device_command(&command, &scenario, subject.service.uri, "never");
		test_command_drop(&command, required[at], true);
		test_program_run(&device, &command); /* a state directory would know it */
		expect_line(&device, "argument", required[at]);
		assert_non_null(strstr(test_get_text(test_last(&device), "text"), required[at]));
		test_program_free(&device);
		assert_int_not_equal(access(test_path(&scenario, "never"), F_OK), 0);
	}
	for (size_t at = 0; at < sizeof(unknown) / sizeof(unknown[0]); at++) {
		test_device_command(&command, &scenario, subject.service.uri, "never");
		test_command_flag(&command, unknown[at]);
		expect_refused(&command, "argument", unknown[at]);
	}
	test_device_command(&command, &scenario, subject.service.uri, "never");
	test_command_drop(&command, "--state-dir", true);
	test_program_run(&device, &command);
	expect_line(&device, "argument", "no state directory");
	test_program_free(&device);
	expect_untouched();
}

/* A person is told on standard error, with the cause's name in brackets; --help is no failure. */
static void for_a_person(void **state)
{
	struct test_command command;
	struct test_program device;

	(void)state;
	test_device_command(&command, &scenario, subject.service.uri, "never");
	test_command_drop(&command, "--json", false);
	test_command_set(&command, "--ca", test_path(&scenario, "bad/none"));
	for (int quiet = 0; quiet < 2; quiet++) {
		test_program_run(&device, &command);
		assert_int_equal(device.exit_code, 2);
		assert_string_equal(device.output, "");
		assert_non_null(strstr(device.error, "bad/none"));
		assert_non_null(strstr(device.error, "[file]"));
		test_program_free(&device);
		test_command_flag(&command, "--quiet");
	}

	memset(&command, 0, sizeof(command));
	test_command_flag(&command, scenario.device_program);
	test_program_run(&device, &command);
	assert_int_equal(device.exit_code, 2);
	assert_non_null(strstr(device.error, "[argument]"));
	test_program_free(&device);
	test_command_flag(&command, "--help");
	test_program_run(&device, &command);
	assert_int_equal(device.exit_code, 0);
	assert_non_null(strstr(device.output, "--state-dir"));
	test_program_free(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),        cmocka_unit_test(looser_mode),   cmocka_unit_test(der_files),    cmocka_unit_test(endpoints),
		cmocka_unit_test(wrong_values), cmocka_unit_test(wrong_options), cmocka_unit_test(for_a_person),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
