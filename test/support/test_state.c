/* SPDX-License-Identifier: Apache-2.0 */
/* See test_state.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_state.h"

void test_state_copy(const struct test_subject *subject, const char *state)
{
	test_snapshot_restore(&subject->base, test_path(subject->scenario, "%s", state));
}

void test_state_command(struct test_scenario *scenario, struct test_command *command, const char *state)
{
	memset(command, 0, sizeof(*command));
	test_command_flag(command, scenario->device_program);
	test_command_add(command, "--state-dir", test_path(scenario, "%s", state));
	test_command_flag(command, "--json");
}

void test_state_once(struct test_scenario *scenario, struct test_command *command, const char *state)
{
	test_state_command(scenario, command, state);
	test_command_flag(command, "--once");
	test_command_add(command, "--retry", "0.05");
	test_command_add(command, "--timeout", "15");
}

void test_state_expect(const struct test_program *device, int exit_code, const char *event, const char *about)
{
	const char *last = test_get_text(test_last(device), "event");

	if (device->exit_code != exit_code || last == NULL || strcmp(last, event) != 0) {
		fail_msg("%s: not %s with exit %d: exit %d: %s%s", about, event, exit_code, device->exit_code, device->output, device->error);
	}
}

void test_state_expect_failed(const struct test_program *device, int exit_code, const char *cause, const char *text, const char *about)
{
	test_state_expect(device, exit_code, "failed", about);
	if (strcmp(test_get_text(test_last(device), "cause"), cause) != 0 || strstr(test_get_text(test_last(device), "text"), text) == NULL) {
		fail_msg("%s: not %s with \"%s\": %s", about, cause, text, device->output);
	}
}

void test_state_expect_provisioned(const struct test_program *device, bool fresh, const char *about)
{
	test_state_expect(device, 0, "provisioned", about);
	if (cJSON_IsTrue(test_get(test_last(device), "fresh")) != fresh) {
		fail_msg("%s: fresh is not %d: %s", about, (int)fresh, device->output);
	}
}

void test_state_reset(struct test_scenario *scenario, const char *state)
{
	struct test_command command;
	struct test_program device;

	test_state_command(scenario, &command, state);
	test_command_flag(&command, "--reset");
	test_program_run(&device, &command);
	test_state_expect(&device, 0, "reset", state);
	assert_true(cJSON_IsTrue(test_get(test_last(&device), "ok")));
	test_program_free(&device);
	test_command_drop(&command, "--reset", false);
	test_command_flag(&command, "--status");
	test_program_run(&device, &command);
	test_state_expect(&device, 1, "status", "after a reset");
	assert_string_equal(test_get_text(test_last(&device), "status"), "uninitialized");
	assert_string_equal(test_get_text(test_last(&device), "deviceId"), "");
	assert_int_equal(cJSON_GetArraySize(test_get(test_last(&device), "endpoints")), 0);
	test_program_free(&device);
}
