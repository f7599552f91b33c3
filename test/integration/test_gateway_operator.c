/* SPDX-License-Identifier: Apache-2.0 */
/* Operators' commands: devices listed, read and set through their gateway, let go, and their tokens ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_gateway.h"

#include <signal.h>
#include <sys/stat.h>

#define DEVICE TEST_GATEWAY_DEVICE

static const uint8_t batch[] = "\x81\xa2\x64href\x68/light/1\x63rep\xa2\x65state\xf4\x65power\x07";

/* An online device with the captures' three links and a state of its light. */
static void bring_online(struct test_gateway *g)
{
	uint8_t publish[2048];
	size_t length = test_gateway_vector("session.txt", '>', "publish", 0, publish, sizeof(publish));

	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	test_gateway_sign_in(g, batch, sizeof(batch) - 1, NULL);
	test_client_send(&g->client, publish, length);
	assert_int_equal(test_client_expect(&g->client).code, 204);
	test_gateway_event(g, "notification");
}

/* Starts an operator's command; what it asks of the device is to be answered meanwhile. */
static struct test_process *start_command(struct test_gateway *g, const char *const words[])
{
	const char *argv[16] = {g->service.program};
	size_t count = 1;

	for (; *words != NULL; words++)
		argv[count++] = *words;
	argv[count++] = "--state-dir";
	argv[count++] = g->service.directory;
	return test_process_start(argv);
}

static void ends_with(struct test_process *process, int code, const char *output, const char *error)
{
	const char *line = test_process_read_line(process, TEST_SERVICE_TIMEOUT_MS);

	if (output != NULL) {
		assert_non_null(line);
		assert_string_equal(line, output);
	} else {
		assert_null(line);
	}
	assert_int_equal(test_process_wait(process, TEST_SERVICE_TIMEOUT_MS), code);
	if (error != NULL && strstr(test_process_error_text(process), error) == NULL)
		fail_msg("standard error: %s", test_process_error_text(process));
	test_process_stop(process);
}

static void devices_are_listed(void **state)
{
	const char *const json[] = {"devices", "--json", NULL};
	const char *const people[] = {"devices", NULL};
	struct test_gateway *g = *state;
	char output[4096];

	test_gateway_start(g, NULL, NULL);
	assert_int_equal(test_gateway_command(g, json, output, sizeof(output), NULL, 0), 0);
	assert_string_equal(output, "[]\n");
	bring_online(g);
	assert_int_equal(test_gateway_command(g, json, output, sizeof(output), NULL, 0), 0);
	assert_non_null(strstr(output, "[{\"device\":\"" DEVICE "\",\"online\":true,\"hub\":\"" TEST_GATEWAY_HUB
	                               "\",\"gateway\":\"coaps+tcp://localhost:"));
	assert_non_null(strstr(output, "\"since\":1"));
	assert_non_null(strstr(output,
	                       "{\"href\":\"/light/1\",\"rt\":[\"core.light\"],\"if\":[\"oic.if.rw\",\"oic.if.baseline\"],\"ins\":3810745338,"
	                       "\"observable\":true,\"rep\":{\"state\":false,\"power\":7}}"));
	assert_int_equal(test_gateway_command(g, people, output, sizeof(output), NULL, 0), 0);
	assert_memory_equal(output, DEVICE " online since 2", 51);
	assert_non_null(strstr(output, "\n  /light/1 core.light observable {\"state\":false,\"power\":7}\n"));
	assert_non_null(strstr(output, "\n  /oic/p oic.wk.p observable\n"));
	test_client_close(&g->client);
	test_gateway_event(g, "hub-closed");
	assert_int_equal(test_gateway_command(g, people, output, sizeof(output), NULL, 0), 0);
	assert_memory_equal(output, DEVICE " offline", 44);
}

static void a_resource_is_read_and_set_as_captured(void **state)
{
	static const char file[] = "commands.txt";
	const char *const get[] = {"get", DEVICE, "/light/1", NULL};
	const char *const post[] = {"post", DEVICE, "/light/1?if=oic.if.rw", "{\"power\": 34}", NULL};
	struct test_gateway *g = *state;
	struct test_process *process;
	uint8_t captured[1024];
	struct test_message message;
	size_t length;

	test_gateway_start(g, NULL, NULL);
	bring_online(g);
	process = start_command(g, get);
	message = test_client_expect(&g->client);
	length = test_gateway_vector(file, '<', "req-get", 3, captured, sizeof(captured));
	assert_int_equal(message.length, length);
	assert_memory_equal(message.bytes + 10, captured + 10, length - 10);
	test_gateway_reply(g, &message, 205, -1,
	                   "\xa2\x65state\xf5\x61"
	                   "f\xf9\x3e\x00",
	                   13);
	ends_with(process, 0, "{\"state\":true,\"f\":1.5}", NULL);
	process = start_command(g, post);
	message = test_client_expect(&g->client);
	length = test_gateway_vector(file, '<', "req-post", 1, captured, sizeof(captured));
	assert_int_equal(message.length, length);
	assert_memory_equal(message.bytes, captured, 3);
	assert_memory_equal(message.bytes + 11, captured + 11, length - 11);
	test_gateway_reply(g, &message, 204, -1, NULL, 0);
	ends_with(process, 0, "null", NULL);
	/* A device's error goes to standard error; 4.04 takes the link back. */
	process = start_command(g, get);
	message = test_client_expect(&g->client);
	test_gateway_reply(g, &message, 404, -1, NULL, 0);
	ends_with(process, 1, NULL, "4.04");
	assert_non_null(strstr(test_gateway_event(g, "unpublished"), "\"hrefs\":[\"/light/1\"]"));
}

/* What fits goes whole: sixteen segments and sixteen pieces, empty ones not counted. */
static void every_piece_of_a_query_is_sent(void **state)
{
	const char *const get[] = {"get", DEVICE, "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g?A&B&C&D&E&&F&G&H&I&J&K&L&M&N&O&P", NULL};
	static const uint8_t options[] = "\xb1\x31\x01\x32\x01\x33\x01\x34\x01\x35\x01\x36\x01\x37\x01\x38\x01\x39\x01"
									 "a\x01"
									 "b\x01"
									 "c\x01"
									 "d\x01"
									 "e\x01"
									 "f\x01"
									 "g"
									 "\x41"
									 "A\x01"
									 "B\x01"
									 "C\x01"
									 "D\x01"
									 "E\x01"
									 "F\x01G\x01H\x01I\x01J\x01K\x01L\x01M\x01N\x01O\x01P";
	struct test_gateway *g = *state;
	struct test_process *process;
	struct test_message message;

	test_gateway_start(g, NULL, NULL);
	bring_online(g);
	process = start_command(g, get);
	message = test_client_expect(&g->client);
	assert_int_equal(message.bytes + message.length - message.options, sizeof(options) - 1);
	assert_memory_equal(message.options, options, sizeof(options) - 1);
	test_gateway_reply(g, &message, 205, -1, "\x07", 1);
	ends_with(process, 0, "7", NULL);
}

static void a_long_command_goes_in_blocks_and_a_long_answer_comes_in_them(void **state)
{
	struct test_gateway *g = *state;
	static char json[3000];
	const char *const post[] = {"post", DEVICE, "/light/1", json, NULL};
	uint8_t captured[2048];
	size_t length = test_gateway_vector("command-blockwise.txt", '<', "req-post", 0, captured, sizeof(captured));
	struct test_process *process;
	struct test_message message;
	uint8_t answer[64];
	size_t size = 0;
	const uint8_t *block;

	memset(json, 'n', sizeof(json) - 1);
	memcpy(json, "{\"name\":\"", 9);
	memcpy(json + 9 + 2500, "\"}", 3);
	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, "40e122050020");
	test_gateway_sign_up(g);
	test_gateway_sign_in(g, NULL, 0, NULL);
	process = start_command(g, post);
	message = test_client_expect(&g->client);
	assert_int_equal(message.length, length);
	assert_memory_equal(message.bytes + 12, captured + 12, length - 12);
	memcpy(answer, "\x28\x5f", 2);
	memcpy(answer + 2, message.token, 8);
	memcpy(answer + 10, "\xd1\x0e\x0e", 3); /* Block1 0, more, szx 6 */
	answer[0] = 0x38;
	test_client_send(&g->client, answer, 13);
	message = test_client_expect(&g->client);
	block = test_message_option(&message, 27, &size);
	assert_non_null(block);
	assert_int_equal(block[0], 0x1e);
	assert_int_equal(message.payload_length, 1024);
	test_client_send(&g->client, answer, 13);
	message = test_client_expect(&g->client);
	block = test_message_option(&message, 27, &size);
	assert_non_null(block);
	assert_int_equal(block[0], 0x26);
	assert_int_equal(message.payload_length, 2509 - 2048);
	/* 2.04 in two blocks of 16 bytes. */
	memcpy(answer, "\xd8\x0b\x44", 3);
	memcpy(answer + 3, message.token, 8);
	memcpy(answer + 11,
	       "\xc2\x27\x10\xb1\x08\xff\x78\x12"
	       "aaaaaaaaaaaaaa",
	       22);
	answer[1] = 22 - 13;
	test_client_send(&g->client, answer, 33);
	message = test_client_expect(&g->client);
	block = test_message_option(&message, 23, &size);
	assert_non_null(block);
	assert_int_equal(block[0], 0x10);
	memcpy(answer, "\xa8\x44", 2);
	memcpy(answer + 2, message.token, 8);
	memcpy(answer + 10,
	       "\xc2\x27\x10\xb1\x10\xff"
	       "bbbb",
	       10);
	test_client_send(&g->client, answer, 20);
	ends_with(process, 0, "\"aaaaaaaaaaaaaabbbb\"", NULL);
}

static void what_cannot_be_done_is_said(void **state)
{
	static const struct {
		const char *words[5];
		int code;
		const char *error;
	} cases[] = {
		{{"get", DEVICE, "/light/1"}, 1, "the device is offline"},
		{{"get", "11111111-2222-3333-4444-555555555555", "/light/1"}, 1, "unknown device"},
		{{"offline", DEVICE}, 1, "the device is offline"},
		{{"expire", "11111111-2222-3333-4444-555555555555"}, 1, "unknown device"},
		{{"get", DEVICE}, 2, "usage"},
		{{"get", "light", "/light/1"}, 2, "UUID"},
		{{"post", DEVICE, "/light/1", "{"}, 2, "JSON"},
		{{"devices", "more"}, 2, "usage"},
		{{"get", DEVICE, "light"}, 1, "no such href"},
		{{"get", DEVICE, "/a?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17"}, 1, "the query has more pieces than the 16"},
		{{"post", DEVICE, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", "1"}, 1, "the path has more segments than the 16"},
	};
	struct test_gateway *g = *state;
	char error[1024];
	size_t at;

	assert_int_equal(test_gateway_command(g, cases[0].words, NULL, 0, error, sizeof(error)), 1);
	assert_non_null(strstr(error, "no service with a gateway runs"));
	test_gateway_start(g, "\"commandTimeout\": 0.2", NULL);
	bring_online(g);
	/* Nobody answers. */
	assert_int_equal(test_gateway_command(g, cases[0].words, NULL, 0, error, sizeof(error)), 1);
	assert_non_null(strstr(error, "the device does not answer"));
	test_client_close(&g->client);
	test_gateway_event(g, "hub-closed");
	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		assert_int_equal(test_gateway_command(g, cases[at].words, NULL, 0, error, sizeof(error)), cases[at].code);
		if (strstr(error, cases[at].error) == NULL)
			fail_msg("case %zu: %s", at, error);
	}
}

static void a_device_is_let_go(void **state)
{
	const char *const offline[] = {"offline", DEVICE, NULL};
	struct test_gateway *g = *state;

	test_gateway_start(g, NULL, NULL);
	bring_online(g);
	assert_int_equal(test_gateway_command(g, offline, NULL, 0, NULL, 0), 0);
	test_client_expect_end(&g->client);
	assert_non_null(strstr(test_gateway_event(g, "hub-closed"), "\"reason\":\"operator\""));
}

static void the_socket_is_its_owners_alone_and_takes_no_nonsense(void **state)
{
	struct test_gateway *g = *state;
	const char *const devices[] = {"devices", "--json", NULL};
	char script[1024];
	char output[512];
	char path[64];
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct stat status;

	test_gateway_start(g, NULL, NULL);
	snprintf(path, sizeof(path), "hub-%d.sock", test_process_pid(g->service.process));
	assert_int_equal(stat(test_service_path(&g->service, path), &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 0777, 0600);
	snprintf(script, sizeof(script),
	         "cd %s; python3 -c 'import socket,sys\n"
	         "def ask(b):\n s=socket.socket(socket.AF_UNIX); s.connect(\"%s\")\n try:\n  s.sendall(b)\n except OSError: pass\n return "
	         "s.recv(999)\n"
	         "print(ask(b\"nonsense\\n\"), ask(b\"[1]\\n\"), ask(b\"{\\\"command\\\": \\\"fly\\\", \\\"device\\\": \\\"" DEVICE
	         "\\\"}\\n\"))\n"
	         "try:\n print(ask(b\"x\" * 300000))\nexcept OSError: print(b\"\")'",
	         g->service.directory, path);
	assert_int_equal(test_process_run(argv, TEST_SERVICE_TIMEOUT_MS, output, sizeof(output), NULL, 0), 0);
	assert_string_equal(output, "b'{\"error\":\"a device is named by its UUID\"}\\n' b'{\"error\":\"a device is named by its UUID\"}\\n' "
	                            "b'{\"error\":\"no such command\"}\\n'\nb''\n");
	assert_int_equal(test_gateway_command(g, devices, output, sizeof(output), NULL, 0), 0);
	assert_int_equal(test_service_stop(&g->service), 0);
	assert_int_not_equal(stat(test_service_path(&g->service, path), &status), 0);
}

/* Two programs on one directory: the device registers with one, the commands find it at the other. One that was killed is not asked. */
static void several_programs_share_a_directory(void **state)
{
	const char *const get[] = {"get", DEVICE, "/light/1", NULL};
	const char *const devices[] = {"devices", "--json", NULL};
	struct test_gateway *g = *state;
	const char *argv[] = {g->service.program, "--state-dir", g->service.directory, "--gateway", "127.0.0.1:0", NULL};
	struct test_process *second;
	struct test_process *process;
	struct test_message message;
	const char *line;
	const char *port;
	char output[4096];

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	second = test_process_start(argv);
	line = test_process_read_line(second, TEST_SERVICE_TIMEOUT_MS);
	assert_non_null(line);
	assert_non_null(strstr(line, "\"event\":\"gateway\""));
	port = strstr(line, "\"port\":");
	assert_int_equal(sscanf(port, "\"port\":%7[0-9]", g->at.port), 1);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_in(g, NULL, 0, NULL);
	process = start_command(g, get);
	message = test_client_expect(&g->client);
	test_gateway_reply(g, &message, 205, -1, "\x07", 1);
	ends_with(process, 0, "7", NULL);
	assert_int_equal(test_gateway_command(g, devices, output, sizeof(output), NULL, 0), 0);
	assert_non_null(strstr(output, "\"online\":true"));
	assert_null(strstr(output, "\"online\":false"));
	test_process_signal(second, SIGKILL);
	test_process_wait(second, TEST_SERVICE_TIMEOUT_MS);
	test_process_stop(second);
	assert_int_equal(test_gateway_command(g, devices, output, sizeof(output), NULL, 0), 0);
	assert_non_null(strstr(output, "\"online\":false"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(devices_are_listed, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_resource_is_read_and_set_as_captured, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(every_piece_of_a_query_is_sent, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_long_command_goes_in_blocks_and_a_long_answer_comes_in_them, test_gateway_set_up,
	                                    test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_done_is_said, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_device_is_let_go, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(the_socket_is_its_owners_alone_and_takes_no_nonsense, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(several_programs_share_a_directory, test_gateway_set_up, test_gateway_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
