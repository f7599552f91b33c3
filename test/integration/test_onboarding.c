/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local onboarding with the real programs: a device that waits, a tool that finds it and tells it where to provision, a service; and those who do not know
 * the code. Everything is on 127.0.0.1, multicast in a network of the test's own.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../examples/common/onboarding_code.h"
#include "../../examples/linux-device/onboarding_limits.h"
#include "../../examples/onboard/plain.h"
#include "support/test_scenario.h"

#define ID                    "11111111-2222-4333-8444-555555555555"
#define OTHER_ID              "99999999-2222-4333-8444-555555555555"
#define URI_SIZE              96
#define TOOL_MS               30000
#define ANSWERS_MAX           16
#define SILENCE_MS            5500
#define DTLS_APPLICATION_DATA 23   /* content type, RFC 5246 section 6.2.1 */
#define GROWTH_KIB            6144 /* of the device in a flood */

struct fixture {
	struct test_scenario scenario;
	char tool[512];
	const char *code; /* "@PATH" */
	struct test_program device;
	char plain[URI_SIZE];
	char secure[URI_SIZE];
	char output[4096]; /* of the tool's last run */
	cJSON *answer;     /* its first line */
};

/* --- the scene --- */

static const char *make_code(struct fixture *f, const char *name, const char *id)
{
	const char *argv[] = {f->tool, "code", "--device", id, NULL};
	const char *path = test_path(&f->scenario, "%s", name);
	char text[ONBOARDING_CODE_SIZE + 1];
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(file >= 0);
	assert_int_equal(test_process_run(argv, TOOL_MS, text, sizeof(text), NULL, 0), 0);
	assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
	close(file);
	return test_format(&f->scenario, "@%s", path);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	test_scenario_begin(&f->scenario);
	test_program_path("dps-onboard", f->tool, sizeof(f->tool));
	f->code = make_code(f, "code", ID);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	test_program_free(&f->device);
	cJSON_Delete(f->answer);
	test_scenario_end(&f->scenario);
	free(f);
	return 0;
}

static void device_command(struct fixture *f, struct test_command *command, const char *listen)
{
	test_device_command(command, &f->scenario, NULL, "state");
	test_command_drop(command, "--endpoint", true);
	test_command_drop(command, "--once", false);
	test_command_drop(command, "--timeout", true);
	test_command_add(command, "--device-id", ID);
	test_command_flag(command, "--onboarding");
	test_command_add(command, "--onboarding-code", f->code);
	if (listen != NULL)
		test_command_add(command, "--onboarding-listen", listen);
}

static const cJSON *await_kind(struct fixture *f, const char *kind)
{
	const cJSON *event;

	do {
		event = test_program_await(&f->device, "onboarding");
	} while (strcmp(test_get_text(event, "kind"), kind) != 0);
	return event;
}

static void start_device_at(struct fixture *f, const char *listen)
{
	struct test_command command;
	const cJSON *event;

	device_command(f, &command, listen);
	test_program_start(&f->device, &command);
	event = await_kind(f, "listening");
	snprintf(f->plain, sizeof(f->plain), "%s", test_get_text(event, "plain"));
	snprintf(f->secure, sizeof(f->secure), "%s", test_get_text(event, "secure"));
}

static void start_device(struct fixture *f)
{
	start_device_at(f, "127.0.0.1:0");
}

static void stop_device(struct fixture *f)
{
	test_process_signal(f->device.process, 15);
	test_program_finish(&f->device);
}

/* Runs the tool with --json and further arguments, ended by NULL: its exit code. */
static int tool(struct fixture *f, ...)
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
	status = test_process_run(argv, TOOL_MS, f->output, sizeof(f->output), NULL, 0);
	cJSON_Delete(f->answer);
	f->answer = cJSON_ParseWithOpts(f->output, NULL, 0);
	return status;
}

static void expect_failure(struct fixture *f, int status, const char *cause)
{
	const char *told = f->answer != NULL ? test_get_text(f->answer, "cause") : NULL;

	if (status != 1 || told == NULL || strcmp(told, cause) != 0)
		fail_msg("exit %d, not %s: %s", status, cause, f->output);
}

static void expect_shown(struct fixture *f, const char *status, const char *endpoint)
{
	if (tool(f, "show", f->plain, "--code", f->code, NULL) != 0)
		fail_msg("not shown: %s", f->output);
	if (status != NULL)
		assert_string_equal(test_get_text(f->answer, "provisionStatus"), status);
	assert_string_equal(test_get_text(f->answer, "endpoint"), endpoint);
}

/* The host and port of a "coap://" URI. */
static const char *place(const char *uri)
{
	return strstr(uri, "://") + 3;
}

/* --- the secret in memory --- */

static size_t count_in(const uint8_t *data, size_t len, const uint8_t *secret, size_t secret_len)
{
	const uint8_t *at = data;
	size_t found = 0;

	while ((at = memmem(at, len - (size_t)(at - data), secret, secret_len)) != NULL) {
		found++;
		at++;
	}
	return found;
}

static size_t count_in_memory(int pid, const uint8_t *secret, size_t secret_len)
{
	char path[64];
	char line[512];
	FILE *maps;
	FILE *mem;
	size_t found = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = fopen(path, "rb");
	assert_non_null(maps);
	assert_non_null(mem);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;
		char mode[8];
		uint8_t *data;

		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || strncmp(mode, "rw", 2) != 0)
			continue;
		data = malloc(to - from);
		assert_non_null(data);
		if (fseeko(mem, (off_t)from, SEEK_SET) == 0)
			found += count_in(data, fread(data, 1, to - from, mem), secret, secret_len);
		free(data);
	}
	fclose(mem);
	fclose(maps);
	return found;
}

static void read_secrets(struct fixture *f, struct onboarding_code *code, uint8_t psk[ONBOARDING_PSK])
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
	struct fixture *f = *state;
	struct onboarding_code code;
	uint8_t psk[ONBOARDING_PSK];
	struct test_local service;
	struct test_command reset;

	read_secrets(f, &code, psk);
	test_local_start(&service, &f->scenario, NULL, NULL);
	start_device(f);
	assert_int_equal(tool(f, "discover", "--unicast", place(f->plain), NULL), 0);
	assert_string_equal(test_get_text(f->answer, "deviceId"), ID);
	assert_string_equal(test_get_text(f->answer, "secure"), f->secure);
	expect_shown(f, "uninitialized", "");
	assert_true(count_in_memory(test_process_pid(f->device.process), psk, sizeof(psk)) > 0); /* the search finds what is there */

	assert_int_equal(tool(f, "set-endpoint", ID, service.uri, "--name", "here", "--unicast", place(f->plain), "--code", f->code, NULL), 0);
	assert_string_equal(test_get_text(await_kind(f, "command"), "command"), "set-endpoint");
	assert_string_equal(test_get_text(test_program_await(&f->device, "provisioned"), "deviceId"), ID);
	(void)await_kind(f, "closed");
	assert_int_equal(count_in_memory(test_process_pid(f->device.process), psk, sizeof(psk)), 0);
	assert_int_equal(count_in_memory(test_process_pid(f->device.process), code.secret, sizeof(code.secret)), 0);

	expect_failure(f, tool(f, "show", f->plain, "--code", f->code, NULL), "owned");
	expect_failure(f, tool(f, "set-endpoint", f->plain, service.uri, "--code", f->code, NULL), "owned");
	expect_failure(f, tool(f, "show", f->secure, "--timeout", "0.3", "--code", f->code, NULL), "no-answer");
	expect_failure(f, tool(f, "discover", "--unicast", place(f->plain), NULL), "not-found");
	expect_failure(f, tool(f, "show", ID, "--unicast", place(f->plain), "--code", f->code, NULL), "not-found");
	stop_device(f);
	assert_int_equal(f->device.exit_code, 0);
	expect_no_secret_in(&code, f->device.output);
	expect_no_secret_in(&code, f->device.error);
	test_program_free(&f->device);
	memset(&f->device, 0, sizeof(f->device));

	start_device(f);
	(void)test_program_await(&f->device, "provisioned");
	expect_failure(f, tool(f, "reset", f->plain, "--code", f->code, NULL), "owned");
	stop_device(f);
	test_program_free(&f->device);
	memset(&f->device, 0, sizeof(f->device));

	device_command(f, &reset, NULL);
	test_command_drop(&reset, "--onboarding", false);
	test_command_flag(&reset, "--reset");
	test_program_run(&f->device, &reset);
	if (f->device.exit_code != 0)
		fail_msg("not reset: %s%s", f->device.output, f->device.error);
	test_program_free(&f->device);
	memset(&f->device, 0, sizeof(f->device));

	start_device(f);
	expect_shown(f, "uninitialized", "");
	test_local_stop(&service);
	test_local_free(&service);
}

/* Asked so often that it may have stopped answering, too. */
static void expect_locked_out(struct fixture *f)
{
	const char *cause = test_get_text(f->answer, "cause");

	if (cause == NULL || (strcmp(cause, "locked-out") != 0 && strcmp(cause, "not-found") != 0))
		fail_msg("not locked out: %s", f->output);
}

static void wrong_codes(void **state)
{
	struct fixture *f = *state;
	const char *of_another = make_code(f, "another", OTHER_ID);
	const char *wrong = make_code(f, "wrong", ID);

	start_device(f);
	/* Of another device: refused at once; and then nobody for a second, the right code neither. */
	expect_failure(f, tool(f, "show", f->plain, "--code", of_another, NULL), "wrong-code");
	expect_failure(f, tool(f, "set-endpoint", f->plain, "coaps+tcp://localhost:1", "--code", f->code, NULL), "locked-out");
	assert_in_range((int)test_get_number(f->answer, "seconds"), 1, 1);
	/* It ends by itself, and a right code then starts from the beginning. */
	while (tool(f, "show", f->plain, "--code", f->code, NULL) != 0)
		expect_locked_out(f);
	assert_string_equal(test_get_text(f->answer, "endpoint"), "");
	expect_shown(f, NULL, "");
	/* This device's, but with another key: the device cannot say so. */
	expect_failure(f, tool(f, "show", f->plain, "--timeout", "0.5", "--code", wrong, NULL), "wrong-code");
	assert_in_range((int)test_get_number(f->answer, "seconds"), 1, 1);
	while (tool(f, "show", f->plain, "--timeout", "0.2", "--code", wrong, NULL) != 1 ||
	       strcmp(test_get_text(f->answer, "cause"), "wrong-code") != 0)
		expect_locked_out(f);
	assert_in_range((int)test_get_number(f->answer, "seconds"), 2, 2);
	assert_null(test_last_named(&f->device, "failed"));
	stop_device(f);
	assert_int_equal(f->device.exit_code, 130);
	assert_null(strstr(f->device.output, "command"));
}

/* What may be told before there is an owner: endpoints that lead nowhere, again, forget. */
static void commands(void **state)
{
	static const char *const dead = "coaps+tcp://localhost:1";
	static const char *const other = "coaps+tcp://localhost:2";
	struct fixture *f = *state;

	start_device(f);
	expect_failure(f, tool(f, "reprovision", f->plain, "--code", f->code, NULL), "refused"); /* from where? */
	assert_int_equal(tool(f, "set-endpoint", f->plain, dead, "--code", f->code, NULL), 0);
	(void)await_kind(f, "command");
	(void)test_program_await(&f->device, "retry");
	expect_shown(f, NULL, dead);
	assert_int_equal(tool(f, "set-endpoint", f->secure, other, "--name", "second", "--code", f->code, NULL), 0);
	(void)await_kind(f, "command");
	(void)test_program_await(&f->device, "retry");
	expect_shown(f, NULL, other);
	assert_string_equal(test_get_text(f->answer, "endpointName"), "second");
	assert_null(test_get(f->answer, "endpoints"));
	assert_int_equal(tool(f, "reprovision", f->plain, "--code", f->code, NULL), 0);
	assert_string_equal(test_get_text(await_kind(f, "command"), "command"), "reprovision");
	expect_shown(f, NULL, other);
	assert_int_equal(tool(f, "reset", f->plain, "--code", f->code, NULL), 0);
	assert_string_equal(test_get_text(await_kind(f, "command"), "command"), "reset");
	expect_shown(f, "uninitialized", "");
	assert_null(test_last_named(&f->device, "failed"));
}

/* --- an answer that is lost --- */

/* Stands between tool and device, and loses the first datagram of the device that carries an answer. */
struct lossy {
	int outer; /* the tool sends here */
	int inner; /* and this sends to the device */
	int stop[2];
	char uri[URI_SIZE];
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
	assert_true(plain_resolve(place(secure), &device));
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
	struct fixture *f = *state;
	struct lossy line;
	size_t commands = 0;
	const cJSON *event;

	start_device(f);
	lossy_start(&line, f->secure);
	assert_int_equal(tool(f, "set-endpoint", line.uri, dead, "--timeout", "20", "--code", f->code, NULL), 0);
	lossy_stop(&line);
	assert_int_equal(line.lost, 1);
	expect_shown(f, NULL, dead);
	stop_device(f);
	cJSON_ArrayForEach(event, f->device.events) commands += test_get_text(event, "command") != NULL;
	assert_int_equal(commands, 1);
}

struct answers {
	struct plain_answer all[ANSWERS_MAX];
	size_t count;
};

static bool on_answer(void *user, const struct plain_answer *answer)
{
	struct answers *answers = user;

	if (answers->count < ANSWERS_MAX)
		answers->all[answers->count++] = *answer;
	return true;
}

static unsigned code_of(const struct plain_address *at, const char *first, const char *second, const char *query)
{
	const struct plain_where where = {.addresses = at, .count = 1};
	const struct plain_request request = {.path = {first, second}, .query = query};
	struct answers answers = {.count = 0};

	assert_true(plain_ask(&where, &request, TOOL_MS, on_answer, &answers, NULL));
	return answers.all[0].code;
}

static void in_the_clear(void **state)
{
	struct fixture *f = *state;
	struct plain_address at;

	start_device(f);
	assert_true(plain_resolve(place(f->plain), &at));
	assert_int_equal(code_of(&at, "plgd", "dps", NULL), 401);
	assert_int_equal(code_of(&at, "oic", "res", NULL), 205);
	assert_int_equal(code_of(&at, ".well-known", "core", "rt=x.plgd.*"), 205);
	assert_int_equal(code_of(&at, "oic", "d", NULL), 404);
}

/* --- floods --- */

/* One datagram from an address of its own, all of them of this machine; its answers come to where nobody is. */
static void send_once(const struct plain_address *to, uint32_t from, const void *bytes, size_t len)
{
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + from)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&source, sizeof(source)), 0);
	(void)!sendto(fd, bytes, len, 0, &to->at.any, to->size);
	close(fd);
}

static size_t hello(uint8_t buf[128])
{
	static const uint8_t head[] = {0x16, 0xfe, 0xff, 0,    0, 0, 0, 0, 0, 0, 0, 0,    0x3a, /* handshake record of 58 bytes */
	                               0x01, 0,    0,    0x2e, 0, 0, 0, 0, 0, 0, 0, 0x2e,       /* ClientHello of 46, whole */
	                               0xfe, 0xfd};
	static const uint8_t tail[] = {0, 0, 0, 4, 0x00, 0xa8, 0xcc, 0xac, 1, 0}; /* no session, no cookie, two suites */

	memcpy(buf, head, sizeof(head));
	for (size_t i = 0; i < 32; i++)
		buf[sizeof(head) + i] = (uint8_t)rand();
	memcpy(buf + sizeof(head) + 32, tail, sizeof(tail));
	return sizeof(head) + 32 + sizeof(tail);
}

static long resident_kib(const struct fixture *f)
{
	char path[64];
	char line[256];
	FILE *file;
	long kib = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", test_process_pid(f->device.process));
	file = fopen(path, "r");
	assert_non_null(file);
	while (kib < 0 && fgets(line, sizeof(line), file) != NULL)
		(void)sscanf(line, "VmRSS: %ld", &kib);
	fclose(file);
	return kib;
}

/* Far more senders than the device has room for: it stays small, and the right code still gets through. */
static void floods(void **state)
{
	static const uint8_t request[] = {0x58, 0x01, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 0xb3, 'o', 'i', 'c', 3, 'r', 'e', 's'};
	struct fixture *f = *state;
	struct plain_address plain, secure;
	uint8_t bytes[128];
	long before;

	start_device(f);
	assert_true(plain_resolve(place(f->plain), &plain));
	assert_true(plain_resolve(place(f->secure), &secure));
	expect_shown(f, NULL, "");
	before = resident_kib(f);
	for (uint32_t round = 0; round < 4; round++) {
		for (uint32_t i = 0; i < 2000; i++) {
			send_once(&secure, 1 + i + 2000 * round, bytes, hello(bytes));
			send_once(&plain, 1 + i + 2000 * round, request, sizeof(request));
			for (size_t n = 0; n < sizeof(bytes); n++)
				bytes[n] = (uint8_t)rand();
			send_once(i % 2 == 0 ? &secure : &plain, 1 + i, bytes, sizeof(bytes));
		}
		/* Answers in the clear are used up for the moment; DTLS is not. */
		while (tool(f, "show", f->secure, "--timeout", "1", "--code", f->code, NULL) != 0)
			expect_failure(f, 1, "no-answer");
	}
	assert_true(resident_kib(f) - before < GROWTH_KIB);
	assert_int_equal(test_process_wait(f->device.process, 0), -1);
	while (tool(f, "show", ID, "--unicast", place(f->plain), "--code", f->code, NULL) != 0)
		expect_failure(f, 1, "not-found");
}

/* How many of many requests from one address, and from many, are answered. */
static void answers_are_limited(void **state)
{
	static const uint8_t request[] = {0x58, 0x01, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 0xb3, 'o', 'i', 'c', 3, 'r', 'e', 's'};
	struct fixture *f = *state;
	struct plain_address at;
	struct plain_address own = {.at.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 77)},
	                            .size = sizeof(own.at.v4)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint8_t answer[1500];
	unsigned answers = 0;
	ssize_t len;

	start_device(f);
	assert_true(plain_resolve(place(f->plain), &at));
	assert_int_equal(bind(fd, &own.at.any, own.size), 0);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(sendto(fd, request, sizeof(request), 0, &at.at.any, at.size), (ssize_t)sizeof(request));
	/* Another address is answered behind all of them, so that what was to come has come. */
	assert_int_equal(code_of(&at, "oic", "res", NULL), 205);
	while ((len = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0) {
		assert_in_range(len, 1, 400);
		answers++;
	}
	close(fd);
	/* Those at once, and what a slow machine gives meanwhile. */
	assert_in_range(answers, ONBOARDING_ANSWERS_SOURCE, ONBOARDING_ANSWERS_SOURCE + 10);
}

/* --- command lines --- */

static void bad_usage(void **state)
{
	struct fixture *f = *state;
	static const char *const lines[][5] = {
		{"nothing"},
		{"show"},
		{"show", "coap://127.0.0.1:1"},
		{"show", "127.0.0.1:1", "--code", "DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO"},
		{"show", "coap://127.0.0.1:1", "--code", "DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARA"},
		{"set-endpoint", ID, "http://x", "--code", "DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO"},
		{"code", "--device", "not an id"},
		{"discover", "--timeout", "0"},
		{"discover", "--unicast", "127.0.0.1"},
	};
	struct test_command command;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(tool(f, lines[i][0], lines[i][1], lines[i][2], lines[i][3], lines[i][4], NULL), 2);
		assert_null(strstr(f->output, "AAAA"));
	}
	/* The device's: no code, one that is none, an address that is none. None of them leaves a server behind. */
	device_command(f, &command, "127.0.0.1:0");
	test_command_drop(&command, "--onboarding-code", true);
	test_program_run(&f->device, &command);
	assert_int_equal(f->device.exit_code, 2);
	test_program_free(&f->device);
	device_command(f, &command, "localhost");
	test_program_run(&f->device, &command);
	assert_int_equal(f->device.exit_code, 2);
	test_program_free(&f->device);
	device_command(f, &command, "127.0.0.1:0");
	test_command_set(&command, "--onboarding-code", "DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARA");
	test_program_run(&f->device, &command);
	assert_int_not_equal(f->device.exit_code, 0);
	assert_null(strstr(f->device.output, "AAAA"));
	test_program_free(&f->device);
	memset(&f->device, 0, sizeof(f->device));
}

/* With --once somebody has to come before the time is over. */
static void nobody_comes(void **state)
{
	struct fixture *f = *state;
	struct test_command command;

	device_command(f, &command, "127.0.0.1:0");
	test_command_flag(&command, "--once");
	test_command_add(&command, "--timeout", "0.2");
	test_program_run(&f->device, &command);
	assert_int_equal(f->device.exit_code, 3);
	assert_string_equal(test_get_text(test_last(&f->device), "cause"), "deadline");
}

/* --- multicast --- */

/* A network with nothing but a loopback interface, for this process from now on and for its children: the last test. */
static bool enter_own_network(void)
{
	struct ifreq lo = {.ifr_name = "lo"};
	bool up;
	int fd;

	if (unshare(CLONE_NEWNET) != 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	up = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &lo) == 0;
	lo.ifr_flags = (short)(lo.ifr_flags | IFF_UP);
	up = up && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
	if (fd >= 0)
		close(fd);
	return up;
}

struct asking {
	const struct plain_where *where;
	const struct plain_request *request;
	bool answered;
};

static void *ask_everybody(void *context)
{
	struct asking *asking = context;
	struct answers answers = {.count = 0};

	asking->answered = plain_ask(asking->where, asking->request, SILENCE_MS, on_answer, &answers, NULL);
	return NULL;
}

static void multicast(void **state)
{
	static const char *const lo[] = {"lo"};
	const struct plain_where everybody = {.interfaces = lo, .interface_count = 1};
	const struct plain_request refused = {.path = {"plgd", "dps"}, .query = "rt=x.plgd.dps.conf"};
	const struct plain_request untyped = {.path = {"oic", "res"}};
	const struct plain_request core = {.path = {".well-known", "core"}, .query = "rt=x.plgd.*"};
	struct answers answers = {.count = 0};
	struct asking asking = {&everybody, &refused, true};
	struct fixture *f = *state;
	pthread_t thread;

	if (!enter_own_network()) {
		print_message("skipped: the kernel refuses a network namespace\n");
		skip();
	}
	start_device_at(f, NULL);
	assert_string_equal(f->plain, "coap://[::]:5683");
	if (tool(f, "show", ID, "--interface", "lo", "--timeout", "12", "--code", f->code, NULL) != 0)
		fail_msg("not found by multicast: %s", f->output);
	assert_string_equal(test_get_text(f->answer, "provisionStatus"), "uninitialized");
	assert_true(plain_ask(&everybody, &core, 12000, on_answer, &answers, NULL));
	assert_int_equal(answers.all[0].code, 205);
	/* No error, and nothing to whoever does not say what is looked for, in the five seconds that an answer may take. Both at once. */
	assert_int_equal(pthread_create(&thread, NULL, ask_everybody, &asking), 0);
	assert_false(plain_ask(&everybody, &untyped, SILENCE_MS, on_answer, &answers, NULL));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(asking.answered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_whole_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_codes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(commands, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_lost_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_the_clear, set_up, tear_down),
		cmocka_unit_test_setup_teardown(floods, set_up, tear_down),
		cmocka_unit_test_setup_teardown(answers_are_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_usage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_comes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(multicast, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("onboarding", tests, NULL, NULL);
}
