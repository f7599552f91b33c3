/* SPDX-License-Identifier: Apache-2.0 */
/* See test_scenario.h. */
#include "support/test_scenario.h"

#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <cmocka.h>

#define OUTPUT_CHUNK 4096u

/* Nobody listens at the discard port. */
#define DEAD_ENDPOINT "coaps+tcp://127.0.0.1:9"

/* --- the scene --------------------------------------------------------------------------------------------------------------------- */

static const char *keep_text(struct test_scenario *scenario, char *text)
{
	char **longer = realloc(scenario->texts, (scenario->text_count + 1) * sizeof(*longer));

	if (text == NULL || longer == NULL) {
		fail_msg("no memory for a text");
		abort();
	}
	scenario->texts = longer;
	scenario->texts[scenario->text_count++] = text;
	return text;
}

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list arguments)
{
	char *text = NULL;

	return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

const char *test_format(struct test_scenario *scenario, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_text(format, arguments);
	va_end(arguments);
	return keep_text(scenario, text);
}

const char *test_path(struct test_scenario *scenario, const char *format, ...)
{
	va_list arguments;
	const char *path;
	char *name;

	va_start(arguments, format);
	name = format_text(format, arguments);
	va_end(arguments);
	path = test_format(scenario, "%s/%s", scenario->directory, name);
	free(name);
	return path;
}

static void run_or_fail(const struct test_command *command)
{
	char error[1024];
	int exit_code = test_process_run(command->argv, TEST_RUN_MS, NULL, 0, error, sizeof(error));

	if (exit_code != 0) {
		fail_msg("%s %s: exit %d: %s", command->argv[0], command->count > 1 ? command->argv[1] : "", exit_code, error);
	}
}

static void add_rest(struct test_command *command, va_list arguments)
{
	const char *argument;

	while ((argument = va_arg(arguments, const char *)) != NULL) {
		test_command_flag(command, argument);
	}
}

void test_must_run(const char *program, ...)
{
	struct test_command command = {.count = 0};
	va_list arguments;

	test_command_flag(&command, program);
	va_start(arguments, program);
	add_rest(&command, arguments);
	va_end(arguments);
	run_or_fail(&command);
}

void test_make_factory(struct test_scenario *scenario, const char *authorities, const char *out, ...)
{
	struct test_command command = {.count = 0};
	va_list arguments;

	test_command_flag(&command, scenario->service_program);
	test_command_flag(&command, "make-device");
	test_command_add(&command, "--state-dir", test_path(scenario, "%s", authorities));
	test_command_add(&command, "--out", test_path(scenario, "%s", out));
	test_command_add(&command, "--serial", out);
	va_start(arguments, out);
	add_rest(&command, arguments);
	va_end(arguments);
	run_or_fail(&command);
}

void test_scenario_begin(struct test_scenario *scenario)
{
	memset(scenario, 0, sizeof(*scenario));
	test_tmpdir_make(scenario->directory, sizeof(scenario->directory));
	test_program_path("dps-device", scenario->device_program, sizeof(scenario->device_program));
	test_program_path("dps-service", scenario->service_program, sizeof(scenario->service_program));
	test_make_factory(scenario, "service", "factory", NULL);
}

void test_scenario_end(struct test_scenario *scenario)
{
	test_tmpdir_remove(scenario->directory);
	for (size_t at = 0; at < scenario->text_count; at++) {
		free(scenario->texts[at]);
	}
	free(scenario->texts);
	memset(scenario, 0, sizeof(*scenario));
}

/* --- command lines ----------------------------------------------------------------------------------------------------------------- */

void test_command_flag(struct test_command *command, const char *argument)
{
	if (command->count == TEST_ARGUMENTS_MAX) {
		fail_msg("a command line has no room for %s", argument);
	}
	command->argv[command->count++] = argument;
	command->argv[command->count] = NULL;
}

void test_command_add(struct test_command *command, const char *option, const char *value)
{
	test_command_flag(command, option);
	test_command_flag(command, value);
}

static size_t find_argument(const struct test_command *command, const char *argument)
{
	size_t at = 0;

	while (at < command->count && strcmp(command->argv[at], argument) != 0) {
		at++;
	}
	return at;
}

void test_command_set(struct test_command *command, const char *option, const char *value)
{
	size_t at = find_argument(command, option);

	if (at == command->count) {
		test_command_add(command, option, value);
	} else {
		command->argv[at + 1] = value;
	}
}

void test_command_drop(struct test_command *command, const char *option, bool has_value)
{
	size_t at = find_argument(command, option);
	size_t behind = at + (has_value ? 2 : 1);

	if (behind > command->count) {
		fail_msg("%s is not on the command line", option);
		return;
	}
	memmove(&command->argv[at], &command->argv[behind], (command->count - behind + 1) * sizeof(command->argv[0]));
	command->count -= behind - at;
}

void test_drop_powers(void *context)
{
	(void)context;
	(void)prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0);
	(void)prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0);
}

/* --- running programs -------------------------------------------------------------------------------------------------------------- */

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void append_output(struct test_program *program, const char *text, size_t length)
{
	char *longer = realloc(program->output, program->output_length + length + 1);

	if (longer == NULL) {
		fail_msg("no memory for output");
		abort();
	}
	memcpy(longer + program->output_length, text, length);
	program->output = longer;
	program->output_length += length;
	program->output[program->output_length] = '\0';
}

static void add_event(struct test_program *program, const char *line)
{
	cJSON *event = line[0] == '{' ? cJSON_Parse(line) : NULL;

	if (event != NULL) {
		cJSON_AddItemToArray(program->events, event);
	}
}

/* Takes lines until one is the event (NULL: until the output ends). */
static const cJSON *take_until(struct test_program *program, const char *event)
{
	long long deadline = now_ms() + TEST_RUN_MS;

	for (;;) {
		long long left = deadline - now_ms();
		const char *line = left > 0 ? test_process_read_line(program->process, (int)left) : NULL;
		const cJSON *last;

		if (line == NULL && now_ms() >= deadline) {
			fail_msg("nothing came in %d ms; so far: %s", TEST_RUN_MS, program->output);
		}
		if (line == NULL) {
			return NULL;
		}
		append_output(program, line, strlen(line));
		append_output(program, "\n", 1);
		add_event(program, line);
		last = test_last(program);
		if (event != NULL && last != NULL && line[0] == '{' && strcmp(test_get_text(last, "event"), event) == 0) {
			return last;
		}
	}
}

void test_program_start(struct test_program *program, const struct test_command *command)
{
	test_program_start_open(program, command);
	test_process_close_input(program->process);
}

void test_program_start_open(struct test_program *program, const struct test_command *command)
{
	memset(program, 0, sizeof(*program));
	program->events = cJSON_CreateArray();
	program->exit_code = -1;
	append_output(program, "", 0);
	program->process = test_process_start_prepared(command->argv, command->prepare, command->context);
}

const cJSON *test_program_await(struct test_program *program, const char *event)
{
	const cJSON *found = take_until(program, event);

	if (found == NULL) {
		fail_msg("the program ended without the event %s: %s%s", event, program->output, test_process_error_text(program->process));
		abort();
	}
	return found;
}

void test_program_finish(struct test_program *program)
{
	(void)take_until(program, NULL);
	program->exit_code = test_process_wait(program->process, TEST_RUN_MS);
	free(program->error);
	program->error = strdup(test_process_error_text(program->process));
	if (program->exit_code < 0) {
		fail_msg("a program does not end: %s", program->output);
	}
}

void test_program_run(struct test_program *program, const struct test_command *command)
{
	test_program_start(program, command);
	test_program_finish(program);
}

void test_program_free(struct test_program *program)
{
	test_process_stop(program->process);
	cJSON_Delete(program->events);
	free(program->output);
	free(program->error);
	memset(program, 0, sizeof(*program));
}

const cJSON *test_last(const struct test_program *program)
{
	/* The first of cJSON's children knows the last. */
	return program->events->child == NULL ? NULL : program->events->child->prev;
}

const cJSON *test_last_named(const struct test_program *program, const char *event)
{
	const cJSON *found = NULL;
	const cJSON *each;

	cJSON_ArrayForEach(each, program->events)
	{
		const char *name = test_get_text(each, "event");

		found = name != NULL && strcmp(name, event) == 0 ? each : found;
	}
	return found;
}

size_t test_count_named(const struct test_program *program, const char *event)
{
	const cJSON *each;
	size_t count = 0;

	cJSON_ArrayForEach(each, program->events)
	{
		const char *name = test_get_text(each, "event");

		count += name != NULL && strcmp(name, event) == 0;
	}
	return count;
}

const cJSON *test_get(const cJSON *event, const char *path)
{
	char name[64];

	while (event != NULL && *path != '\0') {
		size_t length = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)length, path);
		event = cJSON_IsArray(event) ? cJSON_GetArrayItem(event, atoi(name)) : cJSON_GetObjectItemCaseSensitive(event, name);
		path += length + (path[length] == '.');
	}
	return event;
}

const char *test_get_text(const cJSON *event, const char *path)
{
	return cJSON_GetStringValue(test_get(event, path));
}

double test_get_number(const cJSON *event, const char *path)
{
	const cJSON *value = test_get(event, path);

	return cJSON_IsNumber(value) ? value->valuedouble : -1;
}

/* --- the service ------------------------------------------------------------------------------------------------------------------- */

static const char *write_config(struct test_scenario *scenario, const char *config)
{
	const char *path = test_path(scenario, "service-%zu.json", scenario->text_count);
	FILE *file = fopen(path, "w");

	if (file == NULL || fputs(config, file) < 0 || fclose(file) != 0) {
		fail_msg("cannot write %s: %s", path, strerror(errno));
	}
	return path;
}

void test_local_start_at(struct test_local *service, struct test_scenario *scenario, const char *authorities, const char *config,
                         const char *const faults[])
{
	test_local_start_on(service, scenario, authorities, 0, config, faults);
}

void test_local_start_on(struct test_local *service, struct test_scenario *scenario, const char *authorities, int port, const char *config,
                         const char *const faults[])
{
	struct test_command command = {.count = 0};

	memset(service, 0, sizeof(*service));
	test_command_flag(&command, scenario->service_program);
	test_command_add(&command, "--state-dir", test_path(scenario, "%s", authorities));
	test_command_add(&command, "--listen", test_format(scenario, "127.0.0.1:%d", port));
	if (scenario->close_after_ms != NULL) {
		test_command_add(&command, "--close-after", scenario->close_after_ms);
	}
	if (config != NULL) {
		test_command_add(&command, "--config", write_config(scenario, config));
	}
	for (size_t at = 0; faults != NULL && faults[at] != NULL; at++) {
		test_command_add(&command, "--fault", faults[at]);
	}
	test_program_start_open(&service->program, &command);
	service->port = (int)test_get_number(test_program_await(&service->program, "listening"), "port");
	snprintf(service->uri, sizeof(service->uri), "coaps+tcp://localhost:%d", service->port);
}

void test_local_start(struct test_local *service, struct test_scenario *scenario, const char *config, const char *const faults[])
{
	test_local_start_at(service, scenario, "service", config, faults);
}

static const cJSON *control(struct test_local *service, const char *line)
{
	if (!test_process_write(service->program.process, line, strlen(line)) || !test_process_write(service->program.process, "\n", 1)) {
		fail_msg("the service does not read \"%s\"", line);
	}
	return test_program_await(&service->program, "control");
}

void test_local_control(struct test_local *service, const char *line)
{
	const cJSON *answer = control(service, line);

	if (!cJSON_IsTrue(test_get(answer, "ok"))) {
		fail_msg("\"%s\": %s", line, test_get_text(answer, "error"));
	}
}

const char *test_local_control_refused(struct test_local *service, const char *line)
{
	const cJSON *answer = control(service, line);

	if (!cJSON_IsFalse(test_get(answer, "ok")) || test_get_text(answer, "error") == NULL) {
		fail_msg("\"%s\" is not refused", line);
	}
	return test_get_text(answer, "error");
}

void test_local_stop(struct test_local *service)
{
	test_process_signal(service->program.process, SIGTERM);
	test_program_finish(&service->program);
	if (service->program.exit_code != 0) {
		fail_msg("the service: exit %d: %s", service->program.exit_code, service->program.error);
	}
}

void test_local_free(struct test_local *service)
{
	test_program_free(&service->program);
}

static bool is_request(const cJSON *event, const char *step, const char *code)
{
	const char *name = test_get_text(event, "event");
	const char *its_step = test_get_text(event, "step");
	const char *its_code = test_get_text(event, "code");

	return name != NULL && strcmp(name, "request") == 0 && its_step != NULL && strcmp(its_step, step) == 0 &&
	       (code == NULL || (its_code != NULL && strcmp(its_code, code) == 0));
}

size_t test_local_requests(const struct test_local *service, const char *step)
{
	return test_local_answers(service, step, NULL);
}

size_t test_local_answers(const struct test_local *service, const char *step, const char *code)
{
	const cJSON *event;
	size_t count = 0;

	cJSON_ArrayForEach(event, service->program.events)
	{
		count += is_request(event, step, code);
	}
	return count;
}

/* --- the device -------------------------------------------------------------------------------------------------------------------- */

void test_device_command(struct test_command *command, struct test_scenario *scenario, const char *endpoint, const char *state)
{
	memset(command, 0, sizeof(*command));
	test_command_flag(command, scenario->device_program);
	test_command_add(command, "--endpoint", endpoint == NULL ? DEAD_ENDPOINT : endpoint);
	test_command_add(command, "--ca", test_path(scenario, "service/service-ca.pem"));
	test_command_add(command, "--cert", test_path(scenario, "factory/manufacturer.pem"));
	test_command_add(command, "--key", test_format(scenario, "file:%s/factory/manufacturer.key", scenario->directory));
	test_command_add(command, "--state-dir", test_path(scenario, "%s", state));
	test_command_add(command, "--retry", "0.05");
	test_command_add(command, "--timeout", "15");
	test_command_flag(command, "--json");
	test_command_flag(command, "--once");
}

static void expect_provisioned(const struct test_program *program, bool fresh)
{
	const char *name = test_get_text(test_last(program), "event");

	if (program->exit_code != 0 || name == NULL || strcmp(name, "provisioned") != 0 ||
	    cJSON_IsTrue(test_get(test_last(program), "fresh")) != fresh) {
		fail_msg("not %sprovisioned: exit %d: %s%s", fresh ? "freshly " : "", program->exit_code, program->output, program->error);
	}
}

void test_device_provision(struct test_scenario *scenario, const char *endpoint, const char *state, char device_id[37])
{
	struct test_command command;
	struct test_program device;

	test_device_command(&command, scenario, endpoint, state);
	test_program_run(&device, &command);
	expect_provisioned(&device, true);
	snprintf(device_id, 37, "%s", test_get_text(test_last(&device), "deviceId"));
	test_program_free(&device);
}

void test_device_is_provisioned(struct test_scenario *scenario, const char *state, const char *device_id)
{
	struct test_command command;
	struct test_program device;

	test_device_command(&command, scenario, NULL, state);
	test_program_run(&device, &command);
	expect_provisioned(&device, false);
	assert_string_equal(test_get_text(test_last(&device), "deviceId"), device_id);
	test_program_free(&device);
}
