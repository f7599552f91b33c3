/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway does as time passes: pings, silence, the end of tokens. Short times by configuration; every wait is for an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_gateway.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void silence_is_pinged_and_without_a_pong_closed(void **state)
{
	struct test_gateway *g = *state;
	struct test_message message;
	uint8_t pong[10] = {0x08, 0xe3};

	test_gateway_start(g, "\"pingAfter\": 0.2, \"pingInterval\": 0.3", NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 702);
	assert_int_equal(message.length, 10);
	memcpy(pong + 2, message.token, 8);
	test_client_send(&g->client, pong, sizeof(pong));
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 702);
	/* Anything else that comes in is as good as a pong. */
	test_client_send_hex(&g->client, "00e2");
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 703);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 702);
	test_client_expect_end(&g->client);
	assert_non_null(strstr(test_gateway_event(g, "hub-closed"), "\"reason\":\"no pong\""));
}

static void a_session_ends_with_its_token(void **state)
{
	struct test_gateway *g = *state;

	test_gateway_start(g, "\"tokenLifetime\": 1.5, \"tokenMargin\": 0, \"expiryInterval\": 0.1", NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	test_gateway_sign_in(g, NULL, 0, NULL);
	test_client_expect_end(&g->client);
	assert_non_null(strstr(test_gateway_event(g, "hub-closed"), "\"reason\":\"token expired\""));
	test_gateway_connect(g, TEST_CSM_EMPTY);
	assert_int_equal(test_gateway_sign_in_answer(g, g->access).code, 401);
	test_client_expect_end(&g->client);
}

static void a_refresh_in_time_extends_the_session_and_a_late_one_does_not(void **state)
{
	const char *const expire[] = {"expire", TEST_GATEWAY_DEVICE, NULL};
	const char *body[] = {"uid", "1", "di", TEST_GATEWAY_DEVICE, "refreshtoken", NULL, NULL};
	struct test_gateway *g = *state;
	struct test_message message;

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	test_gateway_sign_in(g, NULL, 0, NULL);
	body[5] = g->refresh;
	test_gateway_post(g, "/oic/sec/tokenrefresh", 'r', body);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 204);
	test_client_get(&g->client, "/oic/rd", 'd');
	assert_int_equal(test_client_expect(&g->client).code, 205);
	/* The end, now: a refresh is still answered, and its token signs in. */
	assert_int_equal(test_gateway_command(g, expire, NULL, 0, NULL, 0), 0);
	test_gateway_post(g, "/oic/sec/tokenrefresh", 'r', body);
	message = test_client_expect(&g->client);
	assert_int_equal(message.code, 204);
	assert_true(test_cbor_find_text(&message, "accesstoken", g->access, sizeof(g->access)));
	message = test_gateway_sign_in_answer(g, g->access);
	assert_int_equal(message.code, 204);
	test_client_get(&g->client, "/oic/rd", 'd');
	assert_int_equal(test_client_expect(&g->client).code, 205);
	/* Without that sign-in every other request is refused, and the connection ends. */
	assert_int_equal(test_gateway_command(g, expire, NULL, 0, NULL, 0), 0);
	test_client_get(&g->client, "/oic/rd", 'd');
	assert_int_equal(test_client_expect(&g->client).code, 401);
	test_client_expect_end(&g->client);
}

static void a_token_with_less_than_the_margin_left_cannot_sign_in(void **state)
{
	struct test_gateway *g = *state;
	struct test_message message;

	test_gateway_start(g, "\"tokenLifetime\": 60, \"tokenMargin\": 120", NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	message = test_gateway_sign_in_answer(g, g->access);
	assert_int_equal(message.code, 401);
	assert_non_null(memmem(message.payload, message.payload_length, "cannot handle sign in: access token will expire (2", 50));
	assert_non_null(
		memmem(message.payload, message.payload_length, " +0000 UTC) in less time than the interval for checking expiration (2m0s)", 73));
	test_client_expect_end(&g->client);
}

static void tokens_without_end_say_so(void **state)
{
	struct test_gateway *g = *state;
	struct test_message message;

	test_gateway_start(g, "\"tokensNeverExpire\": true", NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	message = test_gateway_sign_in_answer(g, g->access);
	assert_int_equal(message.code, 204);
	assert_memory_equal(message.payload,
	                    "\xa1\x69"
	                    "expiresin\x20",
	                    12);
}

/* Sign-in stays unanswered as long as the gateway's first question does; everything else goes on. */
static void sign_in_waits_for_the_device(void **state)
{
	struct test_gateway *g = *state;
	struct test_message message;

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	{
		const char *const body[] = {"uid", "1", "di", TEST_GATEWAY_DEVICE, "accesstoken", g->access, "login", "true", NULL};

		test_gateway_post(g, "/oic/sec/session", 'i', body);
	}
	assert_int_equal(test_client_expect(&g->client).code, 1);
	test_client_get(&g->client, "/x.plgd.dev/time", 't');
	message = test_client_expect(&g->client);
	assert_int_equal(message.token[0], 't');
	test_client_close(&g->client);
	assert_non_null(strstr(test_process_read_line_with(g->service.process, "\"operation\":\"signin\"", TEST_SERVICE_TIMEOUT_MS),
	                       "\"unanswered\":\"the device did not answer\""));
}

/* --- no descriptors --- */

static unsigned count_files(int pid)
{
	char path[64];
	DIR *directory;
	unsigned count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count - 2; /* "." and ".." */
}

/* Hundredths of a second that the process has worked for. */
static unsigned long work_of(int pid)
{
	char path[64];
	char text[1024] = "";
	unsigned long user = 0;
	unsigned long system = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	/* Behind the name in parentheses: the 12th and 13th. */
	assert_int_equal(sscanf(strrchr(text, ')'), ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user, &system), 2);
	return user + system;
}

static int open_connection(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(file >= 0);
	assert_int_equal(connect(file, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
	return file;
}

/* Connections that cannot be taken wait, and the service waits with them instead of trying again and again. */
static void without_descriptors_a_gateway_rests(void **state)
{
	struct test_gateway *g = *state;
	struct rlimit limit;
	struct rlimit usual;
	unsigned long before;
	int files[4];
	size_t at;
	int pid;

	test_gateway_start(g, NULL, NULL);
	pid = test_process_pid(g->service.process);
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &usual), 0);
	limit = (struct rlimit){.rlim_cur = count_files(pid) + 1, .rlim_max = usual.rlim_max};
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &limit, NULL), 0);
	for (at = 0; at < 4; at++)
		files[at] = open_connection(g->at.port);
	usleep(200000);
	before = work_of(pid);
	usleep(1000000);
	assert_in_range(work_of(pid) - before, 0, 15);
	/* With room again the next is served as ever. */
	for (at = 0; at < 4; at++)
		close(files[at]);
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &usual, NULL), 0);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(silence_is_pinged_and_without_a_pong_closed, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_session_ends_with_its_token, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_refresh_in_time_extends_the_session_and_a_late_one_does_not, test_gateway_set_up,
	                                    test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_token_with_less_than_the_margin_left_cannot_sign_in, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(tokens_without_end_say_so, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(sign_in_waits_for_the_device, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(without_descriptors_a_gateway_rests, test_gateway_set_up, test_gateway_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
