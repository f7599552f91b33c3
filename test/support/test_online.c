/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test_online.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void test_online_set_up(struct test_online *t)
{
	memset(t, 0, sizeof(*t));
	test_scenario_begin(&t->scenario);
}

void test_online_tear_down(struct test_online *t)
{
	test_program_free(&t->device);
	test_program_free(&t->service);
	test_scenario_end(&t->scenario);
}

static const char *write_config(struct test_online *t, const char *members)
{
	const char *path = test_path(&t->scenario, "service.json");
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "{%s}\n", members);
	assert_int_equal(fclose(file), 0);
	return path;
}

/* Its standard input stays open, for lines of control. */
static void start_service(struct test_online *t, struct test_program *service, int port, const char *gateway, const char *config,
                          const char *const more[], char uri[64])
{
	struct test_command command = {.count = 0};

	test_command_flag(&command, t->scenario.service_program);
	test_command_add(&command, "--state-dir", test_path(&t->scenario, "service"));
	test_command_add(&command, "--listen", test_format(&t->scenario, "127.0.0.1:%d", port));
	if (gateway != NULL)
		test_command_add(&command, "--gateway", gateway);
	if (config != NULL)
		test_command_add(&command, "--config", write_config(t, config));
	for (; more != NULL && *more != NULL; more++)
		test_command_flag(&command, *more);
	test_program_start_open(service, &command);
	snprintf(uri, 64, "coaps+tcp://localhost:%d", (int)test_get_number(test_program_await(service, "listening"), "port"));
}

void test_online_serve(struct test_online *t, bool has_gateway, const char *config, const char *const more[])
{
	start_service(t, &t->service, t->port, has_gateway ? "127.0.0.1:0" : NULL, config, more, t->uri);
	if (has_gateway)
		snprintf(t->gateway, sizeof(t->gateway), "%s", test_get_text(test_program_await(&t->service, "gateway"), "uri"));
}

void test_online_serve_too(struct test_online *t, struct test_program *service, const char *config, char uri[64])
{
	start_service(t, service, 0, NULL, config, NULL, uri);
}

static void start_gateway(struct test_online *t, struct test_program *gateway, const char *at, const char *const more[], char uri[64])
{
	struct test_command command = {.count = 0};

	test_command_flag(&command, t->scenario.service_program);
	test_command_add(&command, "--state-dir", test_path(&t->scenario, "service"));
	test_command_add(&command, "--gateway", at);
	for (; more != NULL && *more != NULL; more++)
		test_command_flag(&command, *more);
	test_program_start_open(gateway, &command);
	snprintf(uri, 64, "%s", test_get_text(test_program_await(gateway, "gateway"), "uri"));
}

void test_online_gateway(struct test_online *t, struct test_program *gateway, int port, char uri[64])
{
	start_gateway(t, gateway, test_format(&t->scenario, "127.0.0.1:%d," TEST_ONLINE_HUB, port), NULL, uri);
}

void test_online_gateway_of(struct test_online *t, struct test_program *gateway, const char *hub, const char *const more[], char uri[64])
{
	start_gateway(t, gateway, test_format(&t->scenario, "127.0.0.1:0,%s", hub), more, uri);
}

void test_online_control(struct test_program *service, const char *line)
{
	const cJSON *answer;

	if (!test_process_write(service->process, line, strlen(line)) || !test_process_write(service->process, "\n", 1))
		fail_msg("the service does not read \"%s\"", line);
	answer = test_program_await(service, "control");
	if (!cJSON_IsTrue(test_get(answer, "ok")))
		fail_msg("\"%s\": %s", line, test_get_text(answer, "error"));
}

void test_online_stop(struct test_program *service)
{
	test_process_signal(service->process, SIGTERM);
	test_program_finish(service);
	if (service->exit_code != 0)
		fail_msg("the service: exit %d: %s", service->exit_code, service->error);
}

void test_online_kill(struct test_program *program)
{
	test_process_signal(program->process, SIGKILL);
	test_program_finish(program);
	test_program_free(program);
}

size_t test_online_requests(const struct test_program *service, const char *step)
{
	const cJSON *event;
	size_t count = 0;

	cJSON_ArrayForEach(event, service->events)
	{
		const char *its = test_get_text(event, "step");

		count += strcmp(test_get_text(event, "event"), "request") == 0 && its != NULL && strcmp(its, step) == 0;
	}
	return count;
}

int test_online_port(const char *uri)
{
	return atoi(strrchr(uri, ':') + 1);
}

void test_online_command(struct test_online *t)
{
	test_device_command(&t->command, &t->scenario, t->uri, "device");
	test_command_drop(&t->command, "--once", false);
	test_command_drop(&t->command, "--timeout", true);
	test_command_flag(&t->command, "--online");
	test_command_add(&t->command, "--hub-retry", "0.1");
}

void test_online_start(struct test_online *t)
{
	test_program_start_open(&t->device, &t->command);
}

const cJSON *test_online_await(struct test_online *t)
{
	return test_program_await(&t->device, "online");
}

void test_online_begin(struct test_online *t)
{
	test_online_command(t);
	test_online_start(t);
	snprintf(t->device_id, sizeof(t->device_id), "%s", test_get_text(test_program_await(&t->device, "provisioned"), "deviceId"));
	(void)test_online_await(t);
	(void)test_program_await(&t->device, "published");
	if (t->gateway[0] != '\0')
		test_online_told(t, "/light/1", "\"state\"");
}

void test_online_say(struct test_online *t, const char *line)
{
	assert_true(test_process_write(t->device.process, line, strlen(line)));
	assert_true(test_process_write(t->device.process, "\n", 1));
}

void test_online_end(struct test_online *t)
{
	test_process_signal(t->device.process, SIGINT);
	test_program_finish(&t->device);
	if (t->device.exit_code != 0)
		fail_msg("the device: exit %d: %s%s", t->device.exit_code, t->device.output, t->device.error);
}

int test_online_ask(struct test_online *t, const char *verb, const char *href, const char *value, char *answer, size_t size)
{
	const char *argv[10] = {t->scenario.service_program, verb, t->device_id};
	char output[8192] = "";
	char error[8192] = "";
	size_t count = 3;
	int exit_code;

	if (href != NULL)
		argv[count++] = href;
	if (value != NULL)
		argv[count++] = value;
	argv[count++] = "--state-dir";
	argv[count] = test_path(&t->scenario, "service");
	exit_code = test_process_run(argv, TEST_RUN_MS, output, sizeof(output), error, sizeof(error));
	if (answer != NULL) {
		snprintf(answer, size, "%s", exit_code == 0 ? output : error);
		answer[strcspn(answer, "\n")] = '\0';
	}
	return exit_code;
}

void test_online_expect(struct test_online *t, const char *verb, const char *href, const char *value, const char *answer)
{
	char text[8192];
	int exit_code = test_online_ask(t, verb, href, value, text, sizeof(text));

	if (exit_code != 0 || strcmp(text, answer) != 0)
		fail_msg("%s %s: exit %d: %s", verb, href, exit_code, text);
}

cJSON *test_online_devices(struct test_online *t)
{
	const char *argv[] = {t->scenario.service_program, "devices", "--state-dir", test_path(&t->scenario, "service"), "--json", NULL};
	char output[65536];
	char error[1024];
	cJSON *devices;

	if (test_process_run(argv, TEST_RUN_MS, output, sizeof(output), error, sizeof(error)) != 0)
		fail_msg("devices: %s", error);
	devices = cJSON_Parse(output);
	if (!cJSON_IsArray(devices))
		fail_msg("devices: %s", output);
	return devices;
}

long test_online_memory(const struct test_online *t)
{
	char path[64];
	char line[256];
	long kb = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", test_process_pid(t->device.process));
	file = fopen(path, "r");
	assert_non_null(file);
	while (kb < 0 && fgets(line, sizeof(line), file) != NULL)
		(void)sscanf(line, "VmRSS: %ld kB", &kb);
	fclose(file);
	assert_true(kb > 0);
	return kb;
}

void test_online_told(struct test_online *t, const char *href, const char *text)
{
	for (;;) {
		const cJSON *event = test_program_await(&t->service, "notification");
		const char *path = test_get_text(event, "href");
		char *rep;
		bool found;

		if (path == NULL || strcmp(path, href) != 0)
			continue;
		rep = cJSON_PrintUnformatted(test_get(event, "rep"));
		found = rep != NULL && strstr(rep, text) != NULL;
		cJSON_free(rep);
		if (found)
			return;
	}
}
