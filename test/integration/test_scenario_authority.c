/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renewal against the rules of the hub's authority: the same key may be certified again, and the former certificate is revoked by that; another key is refused
 * as long as a certificate of the name has not expired.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_committed.h"
#include "support/test_scenario.h"
#include "support/test_snapshot.h"

static struct test_scenario scenario;
static struct test_local service;
static struct test_committed committed;
static char device_id[37];

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	scenario.close_after_ms = "50";
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_scenario_end(&scenario);
	return 0;
}

static int start_service(void **state)
{
	(void)state;
	test_local_start(&service, &scenario, "{\"resources\": []}", NULL);
	return 0;
}

static int stop_service(void **state)
{
	(void)state;
	test_program_free(&service.program);
	return 0;
}

/* The serial number in a DER certificate as the service prints it: TBSCertificate [0] version, INTEGER (RFC 5280 4.1). */
static void read_serial(struct dps_span chain, char text[64])
{
	const uint8_t *at = chain.data;
	size_t length;

	assert_true(chain.len > 60 && at[0] == 0x30 && at[1] == 0x82 && at[4] == 0x30 && at[5] == 0x82);
	at += 8;
	assert_memory_equal(at, "\xa0\x03\x02\x01\x02\x02", 6);
	length = at[6];
	at += 7;
	assert_true(length > 0 && length <= 20);
	if (*at == 0) {
		at++;
		length--;
	}
	for (size_t i = 0; i < length; i++) {
		snprintf(text + 2 * i, 3, "%02X", at[i]);
	}
}

static void committed_serial(const char *name, char text[64])
{
	test_committed_open(&committed, test_path(&scenario, "%s", name));
	assert_true(committed.provisioned);
	read_serial(committed.credentials.chain, text);
	test_committed_close(&committed);
}

static void renew_command(struct test_command *command, const char *name, bool rotate)
{
	test_device_command(command, &scenario, service.uri, name);
	test_command_flag(command, "--renew");
	if (rotate) {
		test_command_flag(command, "--rotate-key");
	}
}

static void expect_renewed(struct test_program *device, const char *about)
{
	if (device->exit_code != 0 || test_count_named(device, "committed") != 1) {
		fail_msg("%s: exit %d: %s", about, device->exit_code, device->output);
	}
}

/* The same key: the former certificate is revoked, and the device has the new one in force. Answered late or lost makes no difference: see also below. */
static void the_former_certificate_is_revoked(void **state)
{
	struct test_command command;
	struct test_program device;
	char former[64], present[64];

	(void)state;
	test_device_provision(&scenario, service.uri, "same-key", device_id);
	committed_serial("same-key", former);
	renew_command(&command, "same-key", false);
	test_program_run(&device, &command);
	expect_renewed(&device, "renewed");
	committed_serial("same-key", present);
	assert_string_not_equal(former, present);
	test_program_free(&device);
	test_local_stop(&service);
	assert_string_equal(test_get_text(test_last_named(&service.program, "signed"), "serial"), present);
	assert_string_equal(test_get_text(test_last_named(&service.program, "signed"), "revoked"), former);
}

/* What was signed and lost has revoked the one in force all the same: it is asked for again at once, and what is signed then is put in force. */
static void a_lost_answer_is_asked_for_again(void **state)
{
	struct test_command command;
	struct test_program device;
	char former[64], present[64];
	size_t signings;

	(void)state;
	test_device_provision(&scenario, service.uri, "lost-answer", device_id);
	committed_serial("lost-answer", former);
	test_local_control(&service, "credentials:reset-after=300:1");
	renew_command(&command, "lost-answer", false);
	test_program_run(&device, &command);
	expect_renewed(&device, "after a lost answer");
	assert_int_equal(test_count_named(&device, "retry"), 1);
	test_program_free(&device);
	committed_serial("lost-answer", present);
	test_local_stop(&service);
	signings = test_count_named(&service.program, "signed");
	assert_int_equal(signings, 3);
	assert_string_equal(test_get_text(test_last_named(&service.program, "signed"), "serial"), present);
	assert_string_not_equal(test_get_text(test_last_named(&service.program, "signed"), "revoked"), former); /* that went before */
	assert_non_null(strstr(service.program.output, test_format(&scenario, "\"revoked\":\"%s\"", former)));
}

/*
 * A device whose key was lost makes another, which the authority refuses: it keeps asking, what it has committed stays as it is, and once the authority has
 * forgotten it, it is whole again, with its device id.
 */
static void a_lost_key_is_refused_until_forgotten(void **state)
{
	struct test_command command;
	struct test_program device;
	struct test_snapshot before, after;
	const struct test_file *manifest;

	(void)state;
	test_device_provision(&scenario, service.uri, "lost-key", device_id);
	test_file_write(test_path(&scenario, "lost-key"), "key-identity-0", NULL, 0);
	test_snapshot_take(&before, test_path(&scenario, "lost-key"));
	test_device_command(&command, &scenario, service.uri, "lost-key");
	test_command_drop(&command, "--once", false);
	test_program_start(&device, &command);
	for (int times = 0; times < 3; times++) {
		const cJSON *event = test_program_await(&device, "retry");

		assert_string_equal(test_get_text(event, "step"), "credentials");
		assert_string_equal(test_get_text(event, "cause"), "service-refused");
		assert_string_equal(test_get_text(event, "code"), "4.00");
		assert_non_null(strstr(test_get_text(event, "text"), "different public key"));
	}
	assert_int_equal(test_count_named(&device, "committed"), 0);
	test_snapshot_take(&after, test_path(&scenario, "lost-key"));
	manifest = test_snapshot_newest(&before, "manifest");
	assert_non_null(test_snapshot_newest(&after, "manifest"));
	assert_int_equal(test_snapshot_newest(&after, "manifest")->length, manifest->length);
	assert_memory_equal(test_snapshot_newest(&after, "manifest")->bytes, manifest->bytes, manifest->length);
	test_snapshot_free(&before);
	test_snapshot_free(&after);

	test_local_control(&service, test_format(&scenario, "forget uuid:%s", device_id));
	assert_string_equal(test_get_text(test_program_await(&device, "provisioned"), "deviceId"), device_id);
	test_process_signal(device.process, SIGTERM);
	test_program_finish(&device);
	assert_int_equal(device.exit_code, 0);
	test_program_free(&device);
	test_local_stop(&service);
	assert_int_equal(test_local_requests(&service, "owner"), 1); /* when it was provisioned first */
	assert_int_equal(test_local_requests(&service, "cloud"), 1);
	test_device_is_provisioned(&scenario, "lost-key", device_id);
}

static bool has_file(const char *name, const char *file)
{
	struct test_snapshot snapshot;
	bool found;

	test_snapshot_take(&snapshot, test_path(&scenario, "%s", name));
	found = test_snapshot_find(&snapshot, file) != NULL;
	test_snapshot_free(&snapshot);
	return found;
}

/*
 * A new key is refused while the former certificate has not expired: the device asks with the present one at once, and keeps it. Once the authority has
 * forgotten it, the key is replaced, and the former one erased.
 */
static void a_rotation_works_once_forgotten(void **state)
{
	struct test_command command;
	struct test_program device;

	(void)state;
	test_device_provision(&scenario, service.uri, "rotated", device_id);
	renew_command(&command, "rotated", true);
	test_program_run(&device, &command);
	expect_renewed(&device, "a refused rotation");
	assert_int_equal(test_count_named(&device, "retry"), 1);
	assert_string_equal(test_get_text(test_last_named(&device, "retry"), "code"), "4.00");
	assert_int_equal((int)test_get_number(test_last_named(&device, "retry"), "inMs"), 0);
	test_program_free(&device);
	assert_true(has_file("rotated", "key-identity-0"));
	test_committed_open(&committed, test_path(&scenario, "rotated"));
	assert_int_equal(committed.credentials.key_slot.len, strlen("identity-0"));
	assert_memory_equal(committed.credentials.key_slot.data, "identity-0", strlen("identity-0"));
	test_committed_close(&committed);

	test_local_control(&service, test_format(&scenario, "forget uuid:%s", device_id));
	test_program_run(&device, &command);
	expect_renewed(&device, "a rotation");
	assert_int_equal(test_count_named(&device, "retry"), 0);
	test_program_free(&device);
	assert_true(has_file("rotated", "key-identity-1"));
	assert_false(has_file("rotated", "key-identity-0"));
	test_committed_open(&committed, test_path(&scenario, "rotated"));
	assert_memory_equal(committed.credentials.key_slot.data, "identity-1", strlen("identity-1"));
	test_committed_close(&committed);
	test_device_is_provisioned(&scenario, "rotated", device_id);
}

#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, start_service, stop_service)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(the_former_certificate_is_revoked),
		WITH_SERVICE(a_lost_answer_is_asked_for_again),
		WITH_SERVICE(a_lost_key_is_refused_until_forgotten),
		WITH_SERVICE(a_rotation_works_once_forgotten),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
