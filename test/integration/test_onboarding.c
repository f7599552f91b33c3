/* SPDX-License-Identifier: Apache-2.0 */
/* Local onboarding with the real programs: a device that waits, a tool that finds it and tells it where to provision, a service; and wrong codes. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../examples/common/onboarding_code.h"
#include "../../examples/onboard/plain.h"
#include "support/test_memory.h"
#include "support/test_onboard.h"

#define DTLS_APPLICATION_DATA 23 /* content type, RFC 5246 section 6.2.1 */

/* --- the secret in memory --- */

struct secret {
	const uint8_t *bytes;
	size_t len;
};

static size_t count_secret(const uint8_t *data, size_t len, const void *context)
{
	const struct secret *secret = context;

	return test_memory_count(data, len, secret->bytes, secret->len);
}

static size_t count_in_memory(int pid, const uint8_t *bytes, size_t len)
{
	const struct secret secret = {bytes, len};

	return test_memory_search(pid, count_secret, &secret);
}

static void read_secrets(struct test_onboard *f, struct onboarding_code *code, uint8_t psk[ONBOARDING_PSK])
{
	const char *why;

	assert_int_equal(onboarding_code_read(f->code, code, &why), DPS_OK);
	assert_int_equal(onboarding_code_derive(code, psk), DPS_OK);
}

static void expect_no_secret_in(const struct onboarding_code *code, const char *output)
{
	char text[ONBOARDING_CODE_SIZE];
	const char *key;

	onboarding_code_format(code, text);
	key = strrchr(text, ':') + 1;
	assert_null(strstr(output, key));
}

/* --- tests --- */

/* Found, shown, told; the device provisions, is owned, and knows nobody any more: not after a restart either, but after a reset. */
static void the_whole_way(void **state)
{
	struct test_onboard *f = *state;
	struct onboarding_code code;
	uint8_t psk[ONBOARDING_PSK];
	struct test_local service;
	struct test_command reset;

	read_secrets(f, &code, psk);
	test_local_start(&service, &f->scenario, NULL, NULL);
	test_onboard_start(f);
	assert_int_equal(test_onboard_run(f, "discover", "--unicast", test_onboard_place(f->plain), NULL), 0);
	assert_string_equal(test_get_text(f->answer, "deviceId"), TEST_ONBOARD_ID);
	assert_string_equal(test_get_text(f->answer, "secure"), f->secure);
	test_onboard_expect_shown(f, "uninitialized", "");
	assert_true(count_in_memory(test_process_pid(f->device.process), psk, sizeof(psk)) > 0); /* the search finds what is there */

	assert_int_equal(test_onboard_run(f, "set-endpoint", TEST_ONBOARD_ID, service.uri, "--name", "here", "--unicast",
	                                  test_onboard_place(f->plain), "--code", f->code, NULL),
	                 0);
	assert_string_equal(test_get_text(test_onboard_await(f, "command"), "command"), "set-endpoint");
	assert_string_equal(test_get_text(test_program_await(&f->device, "provisioned"), "deviceId"), TEST_ONBOARD_ID);
	(void)test_onboard_await(f, "closed");
	assert_int_equal(count_in_memory(test_process_pid(f->device.process), psk, sizeof(psk)), 0);
	assert_int_equal(count_in_memory(test_process_pid(f->device.process), code.secret, sizeof(code.secret)), 0);

	test_onboard_expect_failure(f, test_onboard_run(f, "show", f->plain, "--code", f->code, NULL), "owned");
	test_onboard_expect_failure(f, test_onboard_run(f, "set-endpoint", f->plain, service.uri, "--code", f->code, NULL), "owned");
	test_onboard_expect_failure(f, test_onboard_run(f, "show", f->secure, "--timeout", "0.3", "--code", f->code, NULL), "no-answer");
	test_onboard_expect_failure(f, test_onboard_run(f, "discover", "--unicast", test_onboard_place(f->plain), NULL), "not-found");
	test_onboard_expect_failure(
		f, test_onboard_run(f, "show", TEST_ONBOARD_ID, "--unicast", test_onboard_place(f->plain), "--code", f->code, NULL), "not-found");
	test_onboard_stop(f);
	assert_int_equal(f->device.exit_code, 0);
	expect_no_secret_in(&code, f->device.output);
	expect_no_secret_in(&code, f->device.error);
	test_program_free(&f->device);
	memset(&f->device, 0, sizeof(f->device));

	test_onboard_start(f);
	(void)test_program_await(&f->device, "provisioned");
	test_onboard_expect_failure(f, test_onboard_run(f, "reset", f->plain, "--code", f->code, NULL), "owned");
	test_onboard_stop(f);
	test_program_free(&f->device);
	memset(&f->device, 0, sizeof(f->device));

	test_onboard_command(f, &reset, NULL);
	test_command_drop(&reset, "--onboarding", false);
	test_command_flag(&reset, "--reset");
	test_program_run(&f->device, &reset);
	if (f->device.exit_code != 0)
		fail_msg("not reset: %s%s", f->device.output, f->device.error);
	test_program_free(&f->device);
	memset(&f->device, 0, sizeof(f->device));

	test_onboard_start(f);
	test_onboard_expect_shown(f, "uninitialized", "");
	test_local_stop(&service);
	test_local_free(&service);
}

/* Whether a run was refused by a wait; it may as well have asked so often that nobody answers it at the moment. */
static bool has_to_wait(struct test_onboard *f)
{
	const char *cause = test_get_text(f->answer, "cause");

	return cause != NULL && (strcmp(cause, "locked-out") == 0 || strcmp(cause, "not-found") == 0);
}

/* Wrong codes until the wait is long enough to look at it, however slow the machine is. */
static void lock_out(struct test_onboard *f, const char *code)
{
	do {
		assert_int_equal(test_onboard_run(f, "show", f->plain, "--code", code, NULL), 1);
		if (!has_to_wait(f))
			test_onboard_expect_failure(f, 1, "wrong-code");
	} while (test_get_number(f->answer, "seconds") < 4);
}

static void wrong_codes(void **state)
{
	struct test_onboard *f = *state;
	const char *of_another = test_onboard_make_code(f, "another", TEST_ONBOARD_OTHER_ID);
	const char *wrong = test_onboard_make_code(f, "wrong", TEST_ONBOARD_ID);

	test_onboard_start(f);
	test_onboard_expect_failure(f, test_onboard_run(f, "show", f->plain, "--code", of_another, NULL), "wrong-code");
	/* Now the right code has to wait, too; that ends by itself, and with a right code all is forgotten. */
	lock_out(f, of_another);
	assert_int_equal(test_onboard_run(f, "set-endpoint", f->plain, "coaps+tcp://localhost:1", "--code", f->code, NULL), 1);
	assert_true(has_to_wait(f));
	while (test_onboard_run(f, "show", f->plain, "--code", f->code, NULL) != 0)
		assert_true(has_to_wait(f));
	assert_string_equal(test_get_text(f->answer, "endpoint"), "");
	while (test_onboard_run(f, "show", f->plain, "--code", f->code, NULL) != 0)
		test_onboard_expect_failure(f, 1, "not-found");
	/* This device's, but with another key: the device cannot say so, the tool finds out. */
	while (test_onboard_run(f, "show", f->plain, "--timeout", "1", "--code", wrong, NULL) == 1 && has_to_wait(f))
		continue;
	test_onboard_expect_failure(f, 1, "wrong-code");
	assert_null(test_last_named(&f->device, "failed"));
	test_onboard_stop(f);
	assert_int_equal(f->device.exit_code, 130);
	assert_string_equal(test_get_text(test_last_named(&f->device, "failed"), "cause"), "cancelled");
	assert_null(strstr(f->device.output, "command"));
}

/* What may be told before there is an owner: endpoints that lead nowhere, again, forget. */
static void commands(void **state)
{
	static const char *const dead = "coaps+tcp://localhost:1";
	static const char *const other = "coaps+tcp://localhost:2";
	struct test_onboard *f = *state;

	test_onboard_start(f);
	test_onboard_expect_failure(f, test_onboard_run(f, "reprovision", f->plain, "--code", f->code, NULL), "refused"); /* from where? */
	assert_int_equal(test_onboard_run(f, "set-endpoint", f->plain, dead, "--code", f->code, NULL), 0);
	(void)test_onboard_await(f, "command");
	(void)test_program_await(&f->device, "retry");
	test_onboard_expect_shown(f, NULL, dead);
	assert_int_equal(test_onboard_run(f, "set-endpoint", f->secure, other, "--name", "second", "--code", f->code, NULL), 0);
	(void)test_onboard_await(f, "command");
	(void)test_program_await(&f->device, "retry");
	test_onboard_expect_shown(f, NULL, other);
	assert_string_equal(test_get_text(f->answer, "endpointName"), "second");
	assert_null(test_get(f->answer, "endpoints"));
	assert_int_equal(test_onboard_run(f, "reprovision", f->plain, "--code", f->code, NULL), 0);
	assert_string_equal(test_get_text(test_onboard_await(f, "command"), "command"), "reprovision");
	test_onboard_expect_shown(f, NULL, other);
	assert_int_equal(test_onboard_run(f, "reset", f->plain, "--code", f->code, NULL), 0);
	assert_string_equal(test_get_text(test_onboard_await(f, "command"), "command"), "reset");
	test_onboard_expect_shown(f, "uninitialized", "");
	assert_null(test_last_named(&f->device, "failed"));
}

/* A device without a --device-id: a wrong endpoint makes it start, and have an id that nobody knows; the one on the label still finds it. */
static void found_by_its_label(void **state)
{
	struct test_onboard *f = *state;
	struct test_command command;
	const cJSON *event;

	test_onboard_command(f, &command, "127.0.0.1:0");
	test_command_drop(&command, "--device-id", true);
	test_program_start(&f->device, &command);
	event = test_onboard_await(f, "listening");
	snprintf(f->plain, sizeof(f->plain), "%s", test_get_text(event, "plain"));
	assert_int_equal(test_onboard_run(f, "set-endpoint", f->plain, "coaps+tcp://localhost:1", "--code", f->code, NULL), 0);
	(void)test_program_await(&f->device, "retry");
	assert_int_equal(test_onboard_run(f, "show", TEST_ONBOARD_ID, "--unicast", test_onboard_place(f->plain), "--code", f->code, NULL), 0);
}

/* A medium that takes nothing: the command is a warning, and the run with --once still has its deadline. */
static void a_command_that_fails(void **state)
{
	struct test_onboard *f = *state;
	struct test_command command;
	const cJSON *event;

	test_onboard_command(f, &command, "127.0.0.1:0");
	test_command_add(&command, "--endpoint", "coaps+tcp://localhost:1");
	test_command_flag(&command, "--once");
	test_command_add(&command, "--timeout", "3");
	test_program_start(&f->device, &command);
	event = test_onboard_await(f, "listening");
	snprintf(f->plain, sizeof(f->plain), "%s", test_get_text(event, "plain"));
	(void)test_program_await(&f->device, "retry");
	assert_int_equal(mkdir(test_path(&f->scenario, "state/.new"), 0700), 0);
	assert_int_equal(test_onboard_run(f, "set-endpoint", f->plain, "coaps+tcp://localhost:2", "--code", f->code, NULL), 0);
	(void)test_program_await(&f->device, "warning");
	(void)test_program_await(&f->device, "failed");
	test_program_finish(&f->device);
	assert_int_equal(f->device.exit_code, 3);
}

/* --- an answer that is lost --- */

/* Stands between tool and device, and loses the first datagram of the device that carries an answer. */
struct lossy {
	int outer; /* the tool sends here */
	int inner; /* and this sends to the device */
	int stop[2];
	char uri[TEST_ONBOARD_URI_SIZE];
	unsigned lost;
	pthread_t thread;
};

static void *pass_on(void *context)
{
	struct lossy *line = context;
	struct sockaddr_in client = {.sin_family = AF_INET};
	socklen_t size = sizeof(client);
	uint8_t bytes[2048];

	for (;;) {
		struct pollfd ready[3] = {
			{.fd = line->outer, .events = POLLIN}, {.fd = line->inner, .events = POLLIN}, {.fd = line->stop[0], .events = POLLIN}};
		ssize_t len;

		if (poll(ready, 3, -1) <= 0 || ready[2].revents != 0)
			return NULL;
		if (ready[0].revents != 0) {
			len = recvfrom(line->outer, bytes, sizeof(bytes), 0, (struct sockaddr *)&client, &size);
			if (len > 0)
				(void)!send(line->inner, bytes, (size_t)len, 0);
		}
		if (ready[1].revents == 0)
			continue;
		len = recv(line->inner, bytes, sizeof(bytes), 0);
		if (len > 0 && bytes[0] == DTLS_APPLICATION_DATA && line->lost == 0)
			line->lost++;
		else if (len > 0)
			(void)!sendto(line->outer, bytes, (size_t)len, 0, (struct sockaddr *)&client, size);
	}
}

static void lossy_start(struct lossy *line, const char *secure)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(own);
	struct plain_address device;

	memset(line, 0, sizeof(*line));
	assert_true(plain_resolve(test_onboard_place(secure), &device));
	line->outer = socket(AF_INET, SOCK_DGRAM, 0);
	line->inner = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(line->outer, (struct sockaddr *)&own, size), 0);
	assert_int_equal(getsockname(line->outer, (struct sockaddr *)&own, &size), 0);
	assert_int_equal(connect(line->inner, &device.at.any, device.size), 0);
	assert_int_equal(pipe(line->stop), 0);
	snprintf(line->uri, sizeof(line->uri), "coaps://127.0.0.1:%u", (unsigned)ntohs(own.sin_port));
	assert_int_equal(pthread_create(&line->thread, NULL, pass_on, line), 0);
}

static void lossy_stop(struct lossy *line)
{
	assert_int_equal(write(line->stop[1], "", 1), 1);
	assert_int_equal(pthread_join(line->thread, NULL), 0);
	close(line->outer);
	close(line->inner);
	close(line->stop[0]);
	close(line->stop[1]);
}

/* The command comes again, is answered again, and is carried out once. */
static void a_lost_answer(void **state)
{
	static const char *const dead = "coaps+tcp://localhost:1";
	struct test_onboard *f = *state;
	struct lossy line;
	size_t commands = 0;
	const cJSON *event;

	test_onboard_start(f);
	lossy_start(&line, f->secure);
	assert_int_equal(test_onboard_run(f, "set-endpoint", line.uri, dead, "--timeout", "20", "--code", f->code, NULL), 0);
	lossy_stop(&line);
	assert_int_equal(line.lost, 1);
	test_onboard_expect_shown(f, NULL, dead);
	test_onboard_stop(f);
	cJSON_ArrayForEach(event, f->device.events) commands += test_get_text(event, "command") != NULL;
	assert_int_equal(commands, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_whole_way, test_onboard_begin, test_onboard_end),
		cmocka_unit_test_setup_teardown(wrong_codes, test_onboard_begin, test_onboard_end),
		cmocka_unit_test_setup_teardown(commands, test_onboard_begin, test_onboard_end),
		cmocka_unit_test_setup_teardown(found_by_its_label, test_onboard_begin, test_onboard_end),
		cmocka_unit_test_setup_teardown(a_command_that_fails, test_onboard_begin, test_onboard_end),
		cmocka_unit_test_setup_teardown(a_lost_answer, test_onboard_begin, test_onboard_end),
	};

	return cmocka_run_group_tests_name("onboarding", tests, NULL, NULL);
}
