/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device whose keys live in a TPM, from the factory's bench to its life: the real programs, a real software TPM, real TLS. tpm2-tools and openssl are the
 * witnesses; after every test the TPM holds no transient object and no session (test_station_tear_down).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_memory.h"
#include "support/test_scenario.h"
#include "support/test_station.h"

#define HANDLE "tpm2:0x81020000"
#define INDEX  "nv:0x01C90000"

static struct test_scenario scenario;
static struct test_station station;
static struct test_local service;

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	test_local_start(&service, &scenario, NULL, NULL);
	return 0;
}

static int end(void **state)
{
	test_local_stop(&service);
	test_local_free(&service);
	test_scenario_end(&scenario);
	return test_station_forget(state);
}

/* A device as it leaves the factory: key, certificate and issuers in its TPM. */
static int set_up(void **state)
{
	const char *authorities = test_path(&scenario, "service");

	(void)state;
	test_station_set_up(&station);
	test_station_expect(&station, 0,
	                    "dps-factory own; dps-factory idevid create; dps-factory idevid csr --serial LAMP-1 --out lamp.csr\n"
	                    "dps-service sign-csr --state-dir %s --csr lamp.csr --out lamp.pem\n"
	                    "dps-factory idevid install --cert lamp.pem --ca %s/manufacturer-ca.pem --serial LAMP-1",
	                    authorities, authorities);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_station_tear_down(&station);
	return 0;
}

/* The command line of the device with its TPM. */
static void tpm_command(struct test_command *command, const char *state, const char *cert)
{
	test_device_command(command, &scenario, service.uri, state);
	test_command_set(command, "--key", HANDLE);
	test_command_set(command, "--cert", cert);
}

static void run(struct test_program *device, const struct test_command *command, int exit_code)
{
	test_program_run(device, command);
	if (device->exit_code != exit_code)
		fail_msg("exit %d, not %d: %s%s", device->exit_code, exit_code, device->output, device->error);
}

static void expect_failed(const struct test_program *device, const char *cause, const char *text)
{
	const cJSON *last = test_last(device);

	assert_string_equal(test_get_text(last, "event"), "failed");
	assert_string_equal(test_get_text(last, "step"), "config");
	assert_string_equal(test_get_text(last, "cause"), cause);
	if (strstr(test_get_text(last, "text"), text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", test_get_text(last, "text"), text);
}

/* Provisioned from the TPM alone; restarted without a service; asked again; and nothing of a private key is anywhere outside the TPM. */
static void the_whole_path(void **state)
{
	struct test_command command;
	struct test_program device;
	char id[37];

	(void)state;
	tpm_command(&command, "whole", INDEX);
	run(&device, &command, 0);
	assert_string_equal(test_get_text(test_last(&device), "event"), "provisioned");
	assert_string_equal(test_get_text(test_last(&device), "tpm.handle"), "0x81020000");
	snprintf(id, sizeof(id), "%s", test_get_text(test_last(&device), "deviceId"));
	assert_null(strstr(device.output, "PRIVATE"));
	test_program_free(&device);

	test_command_set(&command, "--endpoint", "coaps+tcp://127.0.0.1:1");
	run(&device, &command, 0);
	assert_true(cJSON_IsFalse(test_get(test_last(&device), "fresh")));
	assert_string_equal(test_get_text(test_last(&device), "deviceId"), id);
	test_program_free(&device);

	/* No file is a private key, or a software key at all; what is kept of the operational key is the TPM's own wrapping of it. */
	test_station_expect(
		&station, 0,
		"cd %s; ! grep -rlE 'PRIVATE KEY' .; ! ls | grep '^key-'; test -s tpm-identity-0\n"
		"for f in *; do ! openssl pkey -in $f -noout 2>/dev/null; ! openssl pkey -inform DER -in $f -noout 2>/dev/null; done",
		test_path(&scenario, "whole"));
}

/* --- the memory of a process --------------------------------------------------------------------------------------------------------- */

/*
 * What a private key looks like where software has one: the head of an ECPrivateKey of P-256 (RFC 5915), of a PKCS #8 one, and PEM. Spelled with their last
 * byte apart, so that this program does not find its own table.
 */
static const struct {
	const char *head;
	size_t len;
	char last;
} marks[] = {
	{"\x30\x77\x02\x01\x01\x04", 6, '\x20'},
	{"\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d", 15, '\x02'},
	{"-----BEGIN EC PRIVATE KE", 24, 'Y'},
	{"-----BEGIN PRIVATE KE", 21, 'Y'},
};

static size_t count_marks(const uint8_t *data, size_t len, const void *context)
{
	size_t found = 0;

	(void)context;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const uint8_t *at = data;

		while ((at = memmem(at, len - (size_t)(at - data), marks[i].head, marks[i].len)) != NULL) {
			at += marks[i].len;
			found += at < data + len && *at == (uint8_t)marks[i].last;
		}
	}
	return found;
}

static size_t search_memory(int pid)
{
	return test_memory_search(pid, count_marks, NULL);
}

/* In the midst of a run, when both keys have signed, the memory of the device holds none of them. */
static void no_private_key_in_memory(void **state)
{
	static const char *const faults[] = {"credentials:silence", NULL};
	struct test_local silent;
	struct test_command command;
	struct test_program device;
	char *control = malloc(64);

	(void)state;
	test_local_start(&silent, &scenario, NULL, faults);
	tpm_command(&command, "memory", INDEX);
	test_command_set(&command, "--endpoint", silent.uri);
	test_program_start(&device, &command);
	(void)test_program_await(&device, "step");
	assert_int_equal(search_memory(test_process_pid(device.process)), 0);
	test_process_signal(device.process, SIGINT); /* it leaves the TPM as it found it */
	test_program_finish(&device);
	assert_int_equal(device.exit_code, 130);
	test_program_free(&device);
	test_local_stop(&silent);
	test_local_free(&silent);

	/* The search does find what it looks for: here, in this process. */
	assert_non_null(control);
	memcpy(control, marks[0].head, marks[0].len);
	control[marks[0].len] = marks[0].last;
	assert_true(search_memory((int)getpid()) >= 1);
	free(control);
}

/* TPM commands of a provisioning, as told with its end: those that a chip's speed makes matter. */
static void commands_are_few(void **state)
{
	struct test_command command;
	struct test_program device;

	(void)state;
	tpm_command(&command, "few", test_station_path(&station, "lamp.pem"));
	run(&device, &command, 0);
	assert_in_range((unsigned)test_get_number(test_last(&device), "tpm.commands"), 1, 9);
	test_program_free(&device);
	test_command_flag(&command, "--force");
	run(&device, &command, 0);
	assert_in_range((unsigned)test_get_number(test_last(&device), "tpm.commands"), 1, 5);
	test_program_free(&device);
}

/* A device whose keys were in files before: a reset that knows the TPM only forgets those, too, or the next device id would have this one's key. */
static void reset_of_a_device_that_had_files(void **state)
{
	struct test_command command;
	struct test_program device;

	(void)state;
	test_device_command(&command, &scenario, service.uri, "moved");
	run(&device, &command, 0);
	test_program_free(&device);
	test_station_expect(&station, 0, "test -s %s/key-identity-0", test_path(&scenario, "moved"));
	tpm_command(&command, "moved", INDEX);
	test_command_flag(&command, "--reset");
	run(&device, &command, 0);
	test_program_free(&device);
	test_station_expect(&station, 0, "! ls %s | grep -e '^key-' -e '^tpm-identity'", test_path(&scenario, "moved"));
}

/* TPM2_Clear evicts the manufacturer's key: it is made again, compared with its certificate, and the device that was retasked provisions as new. */
static void after_tpm2_clear(void **state)
{
	struct test_command command;
	struct test_program device;
	char id[37];

	(void)state;
	tpm_command(&command, "cleared", INDEX);
	run(&device, &command, 0);
	snprintf(id, sizeof(id), "%s", test_get_text(test_last(&device), "deviceId"));
	test_program_free(&device);
	test_station_expect(&station, 0, "tpm2_clear -c platform; ! tpm2_readpublic -c 0x81020000 >/dev/null 2>&1; rm -r %s",
	                    test_path(&scenario, "cleared"));
	run(&device, &command, 0);
	assert_string_not_equal(test_get_text(test_last(&device), "deviceId"), id);
	test_program_free(&device);
	test_station_expect(&station, 0, "tpm2_readpublic -c 0x81020000 >/dev/null");
}

/* An operational key that is lost (the TPM was cleared under a provisioned device) is replaced; the CA has the last word on that. */
static void cleared_under_a_provisioned_device(void **state)
{
	struct test_command command;
	struct test_program device;

	(void)state;
	tpm_command(&command, "under", INDEX);
	run(&device, &command, 0);
	test_program_free(&device);
	test_station_expect(&station, 0, "tpm2_clear -c platform");
	test_command_set(&command, "--timeout", "2");
	run(&device, &command, 3);
	assert_string_equal(test_get_text(test_last(&device), "cause"), "service-refused");
	assert_non_null(strstr(test_get_text(test_last(&device), "text"), "with different public key"));
	test_program_free(&device);
}

/* No TPM: one line, exit 2, and nothing is changed. */
static void no_tpm(void **state)
{
	struct test_command command;
	struct test_program device;

	(void)state;
	tpm_command(&command, "no-tpm", INDEX);
	test_command_add(&command, "--tcti", "swtpm:host=127.0.0.1,port=1");
	run(&device, &command, 2);
	expect_failed(&device, "tpm", "TPM");
	assert_int_equal(cJSON_GetArraySize(device.events), 1);
	test_program_free(&device);
	test_station_expect(&station, 0, "! test -e %s", test_path(&scenario, "no-tpm"));
}

static void keys_and_certificates_that_do_not_do(void **state)
{
	static const struct {
		const char *key, *cert;
		const char *prepare; /* on the TPM */
		int exit_code;
	} cases[] = {
		{"tpm2:0x81000001", INDEX, "true", 2}, /* restricted, for decryption: the SRK */
		{HANDLE, "nv:0x01C90010", "true", 2},  /* no certificate there */
		{HANDLE, "nv:0x01C90020",
	     "head -c 200 /dev/urandom >junk; tpm2_nvdefine -Q -s 200 -a 'ownerread|ownerwrite|authread' 0x01C90020; "
	     "tpm2_nvwrite -Q -C o -i junk 0x01C90020",
	     2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_command command;
		struct test_program device;

		test_station_expect(&station, 0, "%s", cases[i].prepare);
		tpm_command(&command, "unfit", cases[i].cert);
		test_command_set(&command, "--key", cases[i].key);
		test_program_run(&device, &command);
		if (device.exit_code != cases[i].exit_code && device.exit_code != 1)
			fail_msg("%s %s: exit %d: %s", cases[i].key, cases[i].cert, device.exit_code, device.output);
		assert_string_equal(test_get_text(test_last(&device), "event"), "failed");
		assert_int_equal(test_count_named(&device, "connected"), 0);
		test_program_free(&device);
	}
}

/* A certificate file of another key is refused before anything is sent. */
static void another_keys_certificate(void **state)
{
	struct test_command command;
	struct test_program device;

	(void)state;
	test_make_factory(&scenario, "service", "other", "--serial", "OTHER", NULL);
	tpm_command(&command, "other-state", test_path(&scenario, "other/manufacturer.pem"));
	run(&device, &command, 2);
	assert_string_equal(test_get_text(test_last(&device), "cause"), "key-mismatch");
	assert_int_equal(test_count_named(&device, "connected"), 0);
	test_program_free(&device);
}

/* Bad usage of the options that a TPM brings. */
static void bad_options(void **state)
{
	static const struct {
		const char *option, *value;
	} cases[] = {
		{"--key", "tpm2:0x40000001"},
		{"--key", "tpm2:"},
		{"--key", "tpm2:81020000x"},
		{"--cert", "nv:0x81020000"},
		{"--owner-auth", "geheim"},
		{"--owner-auth", "env:"},
		{"--owner-auth", "env:NO_SUCH_VARIABLE"},
		{"--lockout-auth", "file:/no/file"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_command command;
		struct test_program device;

		tpm_command(&command, "usage", INDEX);
		test_command_add(&command, cases[i].option, cases[i].value);
		run(&device, &command, 2);
		assert_null(strstr(device.output, "geheim")); /* what was meant as a secret is not repeated */
		test_program_free(&device);
		test_station_expect(&station, 0, "! test -e %s", test_path(&scenario, "usage"));
	}
}

/* Killed while its keys are loaded: the next one finds the TPM as it must be. */
static void killed_in_the_midst(void **state)
{
	static const char *const faults[] = {"credentials:silence", NULL};
	struct test_local silent;
	struct test_command command;
	struct test_program device;

	(void)state;
	test_local_start(&silent, &scenario, NULL, faults);
	tpm_command(&command, "killed", INDEX);
	test_command_set(&command, "--endpoint", silent.uri);
	for (int i = 0; i < 4; i++) { /* more often than a TPM has slots */
		test_program_start(&device, &command);
		(void)test_program_await(&device, "step");
		test_process_signal(device.process, SIGKILL);
		test_program_finish(&device);
		test_program_free(&device);
	}
	test_local_stop(&silent);
	test_local_free(&silent);
	test_command_set(&command, "--endpoint", service.uri);
	run(&device, &command, 0);
	test_program_free(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_whole_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_private_key_in_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(commands_are_few, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reset_of_a_device_that_had_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(after_tpm2_clear, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cleared_under_a_provisioned_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_tpm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_and_certificates_that_do_not_do, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_keys_certificate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(killed_in_the_midst, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("device with a TPM", tests, begin, end);
}
