/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device can be told and asked beside being provisioned: its status, also while another process has its state; a renewal; a reset; and that it needs
 * to be told the rest once only. Its endpoint by DHCP: test_device_option43.c.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "codec/text.h"
#include "support/test_state.h"

static struct test_scenario scenario;
static struct test_subject subject;

static const char config[] = "{\"resources\": [{\"href\": \"/light/1\", \"rep\": {\"state\": true}}]}";

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	test_subject_begin(&subject, &scenario, config);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_subject_end(&subject);
	test_scenario_end(&scenario);
	return 0;
}

static void expect_same_text(const cJSON *a, const cJSON *b, const char *path)
{
	assert_non_null(test_get_text(a, path));
	assert_string_equal(test_get_text(a, path), test_get_text(b, path));
}

/* --- --status ---------------------------------------------------------------------------------------------------------------------- */

static void status_without_a_state(void **state)
{
	struct test_command command;
	struct test_program device;

	(void)state;
	test_state_command(&scenario, &command, "none");
	test_command_flag(&command, "--status");
	test_program_run(&device, &command);
	test_state_expect(&device, 1, "status", "no directory");
	assert_string_equal(test_get_text(test_last(&device), "state"), "not provisioned");
	assert_string_equal(test_get_text(test_last(&device), "status"), "uninitialized");
	assert_true(cJSON_IsNull(test_get(test_last(&device), "identity")));
	assert_int_equal(cJSON_GetArraySize(test_get(test_last(&device), "endpoints")), 0);
	test_program_free(&device);
	assert_int_not_equal(access(test_path(&scenario, "none"), F_OK), 0);

	/* A directory with nothing in it. */
	assert_int_equal(mkdir(test_path(&scenario, "empty"), 0700), 0);
	test_command_set(&command, "--state-dir", test_path(&scenario, "empty"));
	test_program_run(&device, &command);
	test_state_expect(&device, 1, "status", "empty directory");
	test_program_free(&device);
	assert_int_equal(rmdir(test_path(&scenario, "empty")), 0);

	/* One that cannot be looked into. */
	test_command_set(&command, "--state-dir", scenario.device_program);
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 1, "storage", "", "no directory at all");
	test_program_free(&device);
}

static void status_of_a_provisioned_device(void **state)
{
	struct test_command command;
	struct test_program device, restarted;
	struct test_snapshot after;
	const cJSON *status;

	(void)state;
	test_state_once(&scenario, &command, "base");
	test_program_run(&restarted, &command);
	test_state_expect_provisioned(&restarted, false, "restarted");
	test_state_command(&scenario, &command, "base");
	test_command_flag(&command, "--status");
	test_program_run(&device, &command);
	test_state_expect(&device, 0, "status", "provisioned");
	status = test_last(&device);
	assert_string_equal(test_get_text(status, "state"), "provisioned");
	assert_string_equal(test_get_text(status, "status"), "provisioned");
	assert_string_equal(test_get_text(status, "deviceId"), subject.device_id);
	expect_same_text(status, test_last(&restarted), "owner");
	expect_same_text(status, test_last(&restarted), "hub.id");
	expect_same_text(status, test_last(&restarted), "hub.gateway");
	expect_same_text(status, test_last(&restarted), "hub.gateways.0");
	expect_same_text(status, test_last(&restarted), "identity.subject");
	expect_same_text(status, test_last(&restarted), "identity.notBefore");
	expect_same_text(status, test_last(&restarted), "identity.notAfter");
	expect_same_text(status, test_last(&restarted), "identity.sha256");
	assert_true(test_get_number(status, "aces") == test_get_number(test_last(&restarted), "aces"));
	assert_int_equal((int)test_get_number(status, "resources"), 1);
	assert_int_equal(cJSON_GetArraySize(test_get(status, "endpoints")), 1);
	assert_string_equal(test_get_text(status, "endpoints.0.uri"), subject.service.uri);
	assert_string_equal(test_get_text(status, "endpoints.0.name"), "");
	assert_true(cJSON_IsTrue(test_get(status, "endpoints.0.selected")));
	assert_int_equal(cJSON_GetArraySize(test_get(status, "pins")), 0);
	test_program_free(&device);
	test_program_free(&restarted);

	/* For a person, and for nobody. */
	test_command_drop(&command, "--json", false);
	test_program_run(&device, &command);
	assert_int_equal(device.exit_code, 0);
	assert_non_null(strstr(device.output, "This device is provisioned."));
	assert_non_null(strstr(device.output, subject.device_id));
	assert_non_null(strstr(device.output, subject.service.uri));
	test_program_free(&device);
	test_command_flag(&command, "--quiet");
	test_program_run(&device, &command);
	assert_int_equal(device.exit_code, 0);
	assert_string_equal(device.output, "");
	test_program_free(&device);

	/* Looking changes nothing, and needs no power to change anything. */
	assert_int_equal(chmod(test_path(&scenario, "base"), 0500), 0);
	command.prepare = test_drop_powers;
	test_program_run(&device, &command);
	assert_int_equal(device.exit_code, 0);
	test_program_free(&device);
	assert_int_equal(chmod(test_path(&scenario, "base"), 0700), 0);
	test_snapshot_take(&after, test_path(&scenario, "base"));
	assert_null(test_snapshot_difference(&subject.base, &after));
	test_snapshot_free(&after);
}

/* Without its key nothing of an identity is of use. */
static void status_without_the_key(void **state)
{
	struct test_command command;
	struct test_program device;

	(void)state;
	test_state_copy(&subject, "keyless");
	test_file_write(test_path(&scenario, "keyless"), "key-identity-0", NULL, 0);
	test_state_command(&scenario, &command, "keyless");
	test_command_flag(&command, "--status");
	test_program_run(&device, &command);
	test_state_expect(&device, 1, "status", "no key");
	assert_string_equal(test_get_text(test_last(&device), "state"), "not provisioned");
	test_program_free(&device);
}

static void status_beside_a_running_device(void **state)
{
	struct test_command run, status;
	struct test_program running, looking;

	(void)state;
	/* Provisioned, and staying. */
	test_device_command(&run, &scenario, subject.service.uri, "beside");
	test_command_drop(&run, "--once", false);
	test_program_start(&running, &run);
	assert_non_null(test_program_await(&running, "provisioned"));
	test_state_command(&scenario, &status, "beside");
	test_command_flag(&status, "--status");
	test_program_run(&looking, &status);
	test_state_expect(&looking, 0, "status", "beside a device that stays");
	expect_same_text(test_last(&looking), test_last_named(&running, "provisioned"), "deviceId");
	expect_same_text(test_last(&looking), test_last_named(&running, "provisioned"), "identity.sha256");
	test_program_free(&looking);

	/* It may not be reset meanwhile. */
	test_command_drop(&status, "--status", false);
	test_command_flag(&status, "--reset");
	test_program_run(&looking, &status);
	test_state_expect_failed(&looking, 1, "storage-denied", "", "a reset beside it");
	test_program_free(&looking);
	test_process_signal(running.process, SIGTERM);
	test_program_finish(&running);
	assert_int_equal(running.exit_code, 0);
	test_program_free(&running);

	/* Not provisioned, and trying. */
	test_device_command(&run, &scenario, NULL, "trying");
	test_command_drop(&run, "--once", false);
	test_program_start(&running, &run);
	assert_non_null(test_program_await(&running, "retry"));
	test_state_command(&scenario, &status, "trying");
	test_command_flag(&status, "--status");
	test_program_run(&looking, &status);
	test_state_expect(&looking, 1, "status", "beside a device that tries");
	test_program_free(&looking);
	test_process_signal(running.process, SIGTERM);
	test_program_finish(&running);
	assert_int_equal(running.exit_code, 130);
	test_program_free(&running);
}

/* --- remembered settings ----------------------------------------------------------------------------------------------------------- */

static void go_home(void *context)
{
	if (chdir(context) != 0) {
		_exit(99);
	}
}

static void restart_with_the_state_alone(void **state)
{
	struct test_command command;
	struct test_program device;
	struct stat file;

	(void)state;
	/* Relative paths, the first time. */
	test_device_command(&command, &scenario, subject.service.uri, "alone");
	test_command_set(&command, "--ca", "service/service-ca.pem");
	test_command_set(&command, "--cert", "./factory/manufacturer.pem");
	test_command_set(&command, "--key", "file:factory/manufacturer.key");
	command.prepare = go_home;
	command.context = scenario.directory;
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, true, "first");
	test_program_free(&device);
	assert_int_equal(stat(test_path(&scenario, "alone/settings"), &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);

	/* From elsewhere, with nothing. Nobody is asked, then everybody. */
	for (int forced = 0; forced < 2; forced++) {
		test_state_once(&scenario, &command, "alone");
		command.prepare = go_home;
		command.context = "/";
		if (forced) {
			test_command_flag(&command, "--force");
		}
		test_program_run(&device, &command);
		test_state_expect_provisioned(&device, forced, forced ? "forced" : "restarted");
		assert_int_equal(test_count_named(&device, "warning"), 0);
		test_program_free(&device);
	}
}

/* The command line goes before what is remembered, and is remembered in its place. */
static void command_lines_override(void **state)
{
	static const char wrong[] = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
	struct test_command command;
	struct test_program device;

	(void)state;
	test_state_copy(&subject, "override");
	test_state_once(&scenario, &command, "override");
	test_command_flag(&command, "--force");
	test_command_add(&command, "--pin", wrong);
	test_command_set(&command, "--timeout", "0.5");
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 3, "server-pin", "", "a wrong pin");
	test_program_free(&device);
	test_command_drop(&command, "--pin", true);
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 3, "server-pin", "", "a wrong pin that is remembered");
	test_program_free(&device);

	/* --status tells of it. */
	test_state_command(&scenario, &command, "override");
	test_command_flag(&command, "--status");
	test_program_run(&device, &command);
	test_state_expect(&device, 0, "status", "pinned");
	assert_string_equal(test_get_text(test_last(&device), "pins.0"), wrong);
	test_program_free(&device);

	/* With the anchors all of trust is said anew. */
	test_state_once(&scenario, &command, "override");
	test_command_flag(&command, "--force");
	test_command_add(&command, "--ca", test_path(&scenario, "service/service-ca.pem"));
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, true, "new trust");
	test_program_free(&device);
	test_command_drop(&command, "--ca", true);
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, true, "new trust that is remembered");
	test_program_free(&device);
}

/* With a service whose certificate is for another host. */
static void host_check_is_remembered(void **state)
{
	struct test_command command;
	struct test_program device;
	struct test_local other;

	(void)state;
	test_local_start(&other, &scenario, "{\"serverCertificate\": {\"hosts\": [\"other.example\"]}}", NULL);
	test_device_command(&command, &scenario, other.uri, "host");
	test_command_flag(&command, "--no-verify-host");
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, true, "not looked at");
	test_program_free(&device);
	test_state_once(&scenario, &command, "host");
	test_command_flag(&command, "--force");
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, true, "not looked at, remembered");
	test_program_free(&device);

	/* Looked at again, and that is remembered too. */
	test_command_set(&command, "--timeout", "0.5");
	test_command_flag(&command, "--verify-host");
	for (int remembered = 0; remembered < 2; remembered++) {
		test_program_run(&device, &command);
		test_state_expect_failed(&device, 3, "server-name", "", "looked at");
		test_program_free(&device);
		if (!remembered) {
			test_command_drop(&command, "--verify-host", false);
		}
	}
	test_command_flag(&command, "--verify-host");
	test_command_flag(&command, "--no-verify-host");
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 2, "argument", "--verify-host does not go with --no-verify-host", "both");
	test_program_free(&device);
	test_local_stop(&other);
	test_local_free(&other);
}

static void settings_that_are_missing_or_damaged(void **state)
{
	static const char *const damaged[] = {"",
	                                      "{",
	                                      "[]",
	                                      "{\"ca\": 1}",
	                                      "{\"pin\": \"sha256:00\"}",
	                                      "{\"pin\": [\"sha256:00\"]}",
	                                      "{\"key\": \"nowhere\"}",
	                                      "{\"key\": \"tpm2:0x81020000\", \"tcti\": \"cmd:true\"}",
	                                      "{\"key\": \"tpm2:0x81020000\", \"tcti\": \"/tmp/a.so\"}"};
	struct test_command command;
	struct test_program device;

	(void)state;
	test_state_copy(&subject, "damaged");
	test_file_write(test_path(&scenario, "damaged"), "settings", NULL, 0);
	test_state_once(&scenario, &command, "damaged");
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 2, "argument", "--ca is missing, and none is remembered", "no settings");
	assert_int_equal(test_count_named(&device, "warning"), 0);
	test_program_free(&device);
	for (size_t at = 0; at < sizeof(damaged) / sizeof(damaged[0]); at++) {
		test_file_write(test_path(&scenario, "damaged"), "settings", damaged[at], strlen(damaged[at]));
		test_program_run(&device, &command);
		test_state_expect_failed(&device, 2, "argument", "--ca is missing", damaged[at]);
		assert_string_equal(test_get_text(test_last_named(&device, "warning"), "cause"), "settings");
		test_program_free(&device);
	}

	/* A state directory of before there were settings: each is asked for by its name, and all are remembered. */
	test_command_add(&command, "--ca", test_path(&scenario, "service/service-ca.pem"));
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 2, "argument", "--cert is missing", "no cert");
	test_program_free(&device);
	test_command_add(&command, "--cert", test_path(&scenario, "factory/manufacturer.pem"));
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 2, "argument", "--key is missing", "no key");
	test_program_free(&device);
	test_command_add(&command, "--key", test_format(&scenario, "file:%s/factory/manufacturer.key", scenario.directory));
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, false, "told again");
	test_program_free(&device);
	test_state_once(&scenario, &command, "damaged");
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, false, "remembered again");
	assert_int_equal(test_count_named(&device, "warning"), 0);
	test_program_free(&device);

	/* A key that has gone since. */
	test_file_write(test_path(&scenario, "damaged"), "settings",
	                "{\"ca\": \"/nowhere/ca\", \"cert\": \"/nowhere/cert\", \"key\": \"file:/nowhere/key\"}", 75);
	test_program_run(&device, &command);
	test_state_expect(&device, 2, "failed", "files that are gone");
	test_program_free(&device);
}

/* --- --renew ----------------------------------------------------------------------------------------------------------------------- */

static void renewal(void **state)
{
	struct test_command command;
	struct test_program before, renewed;

	(void)state;
	test_state_copy(&subject, "renewed");
	test_state_once(&scenario, &command, "renewed");
	test_program_run(&before, &command);
	test_state_expect_provisioned(&before, false, "before");
	test_command_flag(&command, "--renew");
	test_program_run(&renewed, &command);
	test_state_expect_provisioned(&renewed, true, "renewed");
	assert_string_not_equal(test_get_text(test_last(&renewed), "identity.sha256"), test_get_text(test_last(&before), "identity.sha256"));
	expect_same_text(test_last(&renewed), test_last(&before), "deviceId");
	expect_same_text(test_last(&renewed), test_last(&before), "owner");
	expect_same_text(test_last(&renewed), test_last(&before), "hub.id");
	expect_same_text(test_last(&renewed), test_last(&before), "hub.gateway");
	for (size_t at = 0; at < 2; at++) {
		const cJSON *event = NULL;

		cJSON_ArrayForEach(event, renewed.events)
		{
			const char *step = strcmp(test_get_text(event, "event"), "step") == 0 ? test_get_text(event, "step") : "time";

			if (strcmp(step, "time") != 0 && strcmp(step, "credentials") != 0) {
				fail_msg("%s was asked for", step);
			}
		}
	}
	test_program_free(&renewed);
	test_program_free(&before);

	/* What is not there cannot be renewed. */
	test_device_command(&command, &scenario, subject.service.uri, "never-renewed");
	test_command_flag(&command, "--renew");
	test_program_run(&renewed, &command);
	test_state_expect_failed(&renewed, 2, "state", "--renew: this device is not provisioned", "not provisioned");
	assert_int_equal(test_count_named(&renewed, "connected"), 0);
	test_program_free(&renewed);
}

/* Options of the schedule are taken, and the second of two keys is asked for where that is wanted. */
static void rotation(void **state)
{
	struct test_command command;
	struct test_program device;
	struct test_snapshot after;

	(void)state;
	test_state_copy(&subject, "rotated");
	test_state_once(&scenario, &command, "rotated");
	test_command_flag(&command, "--renew");
	test_command_flag(&command, "--rotate-key");
	test_command_add(&command, "--startup-jitter", "0.01");
	test_command_add(&command, "--renew-at", "50.5");
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, true, "rotated");
	assert_string_equal(test_get_text(test_last(&device), "deviceId"), subject.device_id);
	test_program_free(&device);
	test_snapshot_take(&after, test_path(&scenario, "rotated"));
	assert_non_null(test_snapshot_find(&after, "key-identity-1"));
	test_snapshot_free(&after);
	test_state_once(&scenario, &command, "rotated");
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, false, "after a rotation");
	test_program_free(&device);
}

/* --- --reset ----------------------------------------------------------------------------------------------------------------------- */

static void reset(void **state)
{
	struct test_command command;
	struct test_program device;
	struct test_snapshot after;

	(void)state;
	test_state_copy(&subject, "reset");
	test_state_reset(&scenario, "reset");
	test_snapshot_take(&after, test_path(&scenario, "reset"));
	assert_int_equal(after.count, 1);
	assert_non_null(test_snapshot_find(&after, "settings"));
	test_snapshot_free(&after);

	/* The endpoint is forgotten, the factory's files are not. */
	test_state_once(&scenario, &command, "reset");
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 2, "no-endpoint", "--endpoint is missing, and none is stored", "no endpoint");
	test_program_free(&device);
	test_command_add(&command, "--endpoint", subject.service.uri);
	test_program_run(&device, &command);
	test_state_expect_provisioned(&device, true, "after the reset");
	assert_string_not_equal(test_get_text(test_last(&device), "deviceId"), subject.device_id);
	test_program_free(&device);

	/* Nothing is remembered, and nothing is needed: twice, and where there is nothing. */
	test_file_write(test_path(&scenario, "reset"), "settings", NULL, 0);
	test_state_reset(&scenario, "reset");
	test_state_reset(&scenario, "reset");
	test_state_reset(&scenario, "never-there");
	assert_int_not_equal(access(test_path(&scenario, "never-there"), F_OK), 0);

	/* For a person. */
	test_command_drop(&command, "--json", false);
	test_command_drop(&command, "--once", false);
	test_command_drop(&command, "--endpoint", true);
	test_command_flag(&command, "--reset");
	test_program_run(&device, &command);
	assert_int_equal(device.exit_code, 0);
	assert_non_null(strstr(device.output, "The device is reset"));
	test_program_free(&device);
}

/* A state that a later version of the library wrote is not read, but may be reset. */
static void reset_of_a_newer_format(void **state)
{
	enum { AT_VERSION = 2, AT_CRC = 12, HEADER = 16 };
	struct test_snapshot future;
	struct test_command command;
	struct test_program device;
	size_t changed = 0;

	(void)state;
	test_state_copy(&subject, "future");
	test_snapshot_take(&future, test_path(&scenario, "future"));
	for (size_t at = 0; at < future.count; at++) {
		struct test_file *file = &future.files[at];
		uint32_t crc;

		if (file->length < HEADER || memcmp(file->bytes, "dp", 2) != 0) {
			continue;
		}
		file->bytes[AT_VERSION]++;
		crc = dps_crc32(dps_crc32(0, file->bytes, AT_CRC), file->bytes + HEADER, file->length - HEADER);
		for (size_t byte = 0; byte < 4; byte++) {
			file->bytes[AT_CRC + byte] = (uint8_t)(crc >> (24 - 8 * byte));
		}
		changed++;
	}
	assert_true(changed >= 8);
	test_snapshot_restore(&future, test_path(&scenario, "future"));
	test_snapshot_free(&future);
	test_state_command(&scenario, &command, "future");
	test_command_flag(&command, "--status");
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 1, "storage-version", "", "the status of a newer format");
	test_program_free(&device);
	test_state_reset(&scenario, "future");
}

static void reset_of_keys_in_a_tpm_wants_the_tpm(void **state)
{
	struct test_command command;
	struct test_program device;
	struct test_snapshot before, after;

	(void)state;
	test_state_copy(&subject, "wrapped");
	test_file_write(test_path(&scenario, "wrapped"), "settings", NULL, 0);
	test_file_write(test_path(&scenario, "wrapped"), "tpm-identity-0", "DPSK", 4);
	test_snapshot_take(&before, test_path(&scenario, "wrapped"));
	test_state_command(&scenario, &command, "wrapped");
	test_command_flag(&command, "--reset");
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 2, "argument", "--key is missing", "a key in a TPM");
	test_program_free(&device);
	test_command_add(&command, "--key", "tpm2:0x81020000");
	test_command_add(&command, "--tcti", test_format(&scenario, "swtpm:path=%s/no-tpm", scenario.directory));
	test_program_run(&device, &command);
	test_state_expect_failed(&device, 2, "tpm", "", "no TPM");
	test_program_free(&device);
	test_file_write(test_path(&scenario, "wrapped"), "tpm.lock", NULL, 0);
	test_snapshot_take(&after, test_path(&scenario, "wrapped"));
	assert_null(test_snapshot_difference(&before, &after));
	test_snapshot_free(&before);
	test_snapshot_free(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_without_a_state),
		cmocka_unit_test(status_of_a_provisioned_device),
		cmocka_unit_test(status_without_the_key),
		cmocka_unit_test(status_beside_a_running_device),
		cmocka_unit_test(restart_with_the_state_alone),
		cmocka_unit_test(command_lines_override),
		cmocka_unit_test(host_check_is_remembered),
		cmocka_unit_test(settings_that_are_missing_or_damaged),
		cmocka_unit_test(renewal),
		cmocka_unit_test(rotation),
		cmocka_unit_test(reset),
		cmocka_unit_test(reset_of_a_newer_format),
		cmocka_unit_test(reset_of_keys_in_a_tpm_wants_the_tpm),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
