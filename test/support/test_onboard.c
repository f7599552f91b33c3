/* SPDX-License-Identifier: Apache-2.0 */
/* See test_onboard.h. */
#include "test_onboard.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../examples/common/onboarding_code.h"

const char *test_onboard_make_code(struct test_onboard *f, const char *name, const char *id)
{
	const char *argv[] = {f->tool, "code", "--device", id, NULL};
	const char *path = test_path(&f->scenario, "%s", name);
	char text[ONBOARDING_CODE_SIZE + 1];
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(file >= 0);
	assert_int_equal(test_process_run(argv, TEST_ONBOARD_RUN_MS, text, sizeof(text), NULL, 0), 0);
	assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
	close(file);
	return test_format(&f->scenario, "@%s", path);
}

int test_onboard_begin(void **state)
{
	struct test_onboard *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	test_scenario_begin(&f->scenario);
	test_program_path("dps-onboard", f->tool, sizeof(f->tool));
	f->code = test_onboard_make_code(f, "code", TEST_ONBOARD_ID);
	*state = f;
	return 0;
}

int test_onboard_end(void **state)
{
	struct test_onboard *f = *state;

	test_program_free(&f->device);
	cJSON_Delete(f->answer);
	test_scenario_end(&f->scenario);
	free(f);
	return 0;
}

void test_onboard_command(struct test_onboard *f, struct test_command *command, const char *listen)
{
	test_device_command(command, &f->scenario, NULL, "state");
	test_command_drop(command, "--endpoint", true);
	test_command_drop(command, "--once", false);
	test_command_drop(command, "--timeout", true);
	test_command_add(command, "--device-id", TEST_ONBOARD_ID);
	test_command_flag(command, "--onboarding");
	test_command_add(command, "--onboarding-code", f->code);
	if (listen != NULL)
		test_command_add(command, "--onboarding-listen", listen);
}

const cJSON *test_onboard_await(struct test_onboard *f, const char *kind)
{
	const cJSON *event;

	do {
		event = test_program_await(&f->device, "onboarding");
	} while (strcmp(test_get_text(event, "kind"), kind) != 0);
	return event;
}

void test_onboard_start_at(struct test_onboard *f, const char *listen)
{
	struct test_command command;
	const cJSON *event;

	test_onboard_command(f, &command, listen);
	test_program_start(&f->device, &command);
	event = test_onboard_await(f, "listening");
	snprintf(f->plain, sizeof(f->plain), "%s", test_get_text(event, "plain"));
	snprintf(f->secure, sizeof(f->secure), "%s", test_get_text(event, "secure"));
}

void test_onboard_start(struct test_onboard *f)
{
	test_onboard_start_at(f, "127.0.0.1:0");
}

void test_onboard_stop(struct test_onboard *f)
{
	test_process_signal(f->device.process, 15);
	test_program_finish(&f->device);
}

int test_onboard_run(struct test_onboard *f, ...)
{
	const char *argv[20] = {f->tool, "--json"};
	size_t count = 2;
	const char *argument;
	va_list args;
	int status;

	va_start(args, f);
	while ((argument = va_arg(args, const char *)) != NULL)
		argv[count++] = argument;
	va_end(args);
	status = test_process_run(argv, TEST_ONBOARD_RUN_MS, f->output, sizeof(f->output), NULL, 0);
	cJSON_Delete(f->answer);
	f->answer = cJSON_ParseWithOpts(f->output, NULL, 0);
	return status;
}

void test_onboard_expect_failure(struct test_onboard *f, int status, const char *cause)
{
	const char *told = f->answer != NULL ? test_get_text(f->answer, "cause") : NULL;

	if (status != 1 || told == NULL || strcmp(told, cause) != 0)
		fail_msg("exit %d, not %s: %s", status, cause, f->output);
}

void test_onboard_expect_shown(struct test_onboard *f, const char *status, const char *endpoint)
{
	if (test_onboard_run(f, "show", f->plain, "--code", f->code, NULL) != 0)
		fail_msg("not shown: %s", f->output);
	if (status != NULL)
		assert_string_equal(test_get_text(f->answer, "provisionStatus"), status);
	assert_string_equal(test_get_text(f->answer, "endpoint"), endpoint);
}

const char *test_onboard_place(const char *uri)
{
	return strstr(uri, "://") + 3;
}
