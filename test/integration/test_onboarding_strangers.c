/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers on the local network get of a device that waits for onboarding: little, never too much, and not its memory. Multicast is in a network of the test's own. */
#include <arpa/inet.h>
#include <net/if.h>
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
#include <unistd.h>

#include <cmocka.h>

#include "../../examples/linux-device/onboarding_limits.h"
#include "../../examples/onboard/plain.h"
#include "support/test_onboard.h"

#define ANSWERS_MAX 16
#define SILENCE_MS  5500
#define GROWTH_KIB  6144 /* of the device in a flood */

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

	assert_true(plain_ask(&where, &request, TEST_ONBOARD_RUN_MS, on_answer, &answers, NULL));
	return answers.all[0].code;
}

static void in_the_clear(void **state)
{
	struct test_onboard *f = *state;
	struct plain_address at;

	test_onboard_start(f);
	assert_true(plain_resolve(test_onboard_place(f->plain), &at));
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

static long resident_kib(const struct test_onboard *f)
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
	struct test_onboard *f = *state;
	struct plain_address plain, secure;
	uint8_t bytes[128];
	long before;

	test_onboard_start(f);
	assert_true(plain_resolve(test_onboard_place(f->plain), &plain));
	assert_true(plain_resolve(test_onboard_place(f->secure), &secure));
	test_onboard_expect_shown(f, NULL, "");
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
		while (test_onboard_run(f, "show", f->secure, "--timeout", "1", "--code", f->code, NULL) != 0)
			test_onboard_expect_failure(f, 1, "no-answer");
	}
	assert_true(resident_kib(f) - before < GROWTH_KIB);
	assert_int_equal(test_process_wait(f->device.process, 0), -1);
	while (test_onboard_run(f, "show", TEST_ONBOARD_ID, "--unicast", test_onboard_place(f->plain), "--code", f->code, NULL) != 0)
		test_onboard_expect_failure(f, 1, "not-found");
}

/* How many of many requests from one address, and from many, are answered. */
static void answers_are_limited(void **state)
{
	static const uint8_t request[] = {0x58, 0x01, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 0xb3, 'o', 'i', 'c', 3, 'r', 'e', 's'};
	struct test_onboard *f = *state;
	struct plain_address at;
	struct plain_address own = {.at.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 77)},
	                            .size = sizeof(own.at.v4)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint8_t answer[1500];
	unsigned answers = 0;
	ssize_t len;

	test_onboard_start(f);
	assert_true(plain_resolve(test_onboard_place(f->plain), &at));
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
	struct test_onboard *f = *state;
	static const char *const lines[][5] = {
		{"nothing"},
		{"show"},
		{"show", "coap://127.0.0.1:1"},
		{"show", "127.0.0.1:1", "--code", "DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO"},
		{"show", "coap://127.0.0.1:1", "--code", "DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARA"},
		{"set-endpoint", TEST_ONBOARD_ID, "http://x", "--code", "DPS:1:X:AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AARO"},
		{"code", "--device", "not an id"},
		{"discover", "--timeout", "0"},
		{"discover", "--timeout", "3601"},
		{"discover", "--timeout", "0x1"},
		{"discover", "--unicast", "127.0.0.1"},
	};
	struct test_command command;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(test_onboard_run(f, lines[i][0], lines[i][1], lines[i][2], lines[i][3], lines[i][4], NULL), 2);
		assert_null(strstr(f->output, "AAAA"));
	}
	/* The device's: no code, one that is none, an address that is none. None of them leaves a server behind. */
	test_onboard_command(f, &command, "127.0.0.1:0");
	test_command_drop(&command, "--onboarding-code", true);
	test_program_run(&f->device, &command);
	assert_int_equal(f->device.exit_code, 2);
	test_program_free(&f->device);
	test_onboard_command(f, &command, "localhost");
	test_program_run(&f->device, &command);
	assert_int_equal(f->device.exit_code, 2);
	test_program_free(&f->device);
	test_onboard_command(f, &command, "127.0.0.1:0");
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
	struct test_onboard *f = *state;
	struct test_command command;

	test_onboard_command(f, &command, "127.0.0.1:0");
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
	struct test_onboard *f = *state;
	pthread_t thread;

	if (!enter_own_network()) {
		print_message("skipped: the kernel refuses a network namespace\n");
		skip();
	}
	test_onboard_start_at(f, NULL);
	assert_string_equal(f->plain, "coap://[::]:5683");
	if (test_onboard_run(f, "show", TEST_ONBOARD_ID, "--interface", "lo", "--timeout", "12", "--code", f->code, NULL) != 0)
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
		cmocka_unit_test_setup_teardown(in_the_clear, test_onboard_begin, test_onboard_end),
		cmocka_unit_test_setup_teardown(floods, test_onboard_begin, test_onboard_end),
		cmocka_unit_test_setup_teardown(answers_are_limited, test_onboard_begin, test_onboard_end),
		cmocka_unit_test_setup_teardown(bad_usage, test_onboard_begin, test_onboard_end),
		cmocka_unit_test_setup_teardown(nobody_comes, test_onboard_begin, test_onboard_end),
		cmocka_unit_test_setup_teardown(multicast, test_onboard_begin, test_onboard_end),
	};

	return cmocka_run_group_tests_name("onboarding, strangers", tests, NULL, NULL);
}
