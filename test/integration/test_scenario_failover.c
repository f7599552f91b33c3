/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acceptance scenarios of the plgd hub: the first gateway, or the first hub, is dead. docs/scenarios.md lists all of them. The hub's device has an observer, which
 * looks at its cloud connection so many times (5, once a second), and a list of time-outs of its own ([5000 ms]); whichever ends first makes it go on to the next
 * server. Ours tries every gateway of its hub in one round without a wait, and asks for provisioning for another hub after three rounds and some time. So the
 * observer's tests are done with a server that nobody runs, those of the time-out with one that is there and takes no sign-up. The 5 s are 0.2 s here (1 to 25).
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_online.h"

#define OTHER_HUB "00000000-0000-0000-0000-000000000002"

static const char *const out_of_order[] = {"--fault", "signup:5.00", NULL};

static struct test_online t;
static struct test_program first;
static struct test_program second;
static char second_uri[64];
static int nobody = -1; /* a socket that holds a port on which nobody listens */

static int begin(void **state)
{
	(void)state;
	test_online_set_up(&t);
	memset(&first, 0, sizeof(first));
	memset(&second, 0, sizeof(second));
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (nobody >= 0)
		close(nobody);
	nobody = -1;
	test_program_free(&first);
	test_program_free(&second);
	test_online_tear_down(&t);
	return 0;
}

/* The URI of a server that is not there. */
static const char *dead_uri(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	nobody = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(nobody, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(nobody, (struct sockaddr *)&address, &length), 0);
	return test_format(&t.scenario, "coaps+tcp://localhost:%d", ntohs(address.sin_port));
}

/* The URI of a gateway at which nothing goes beyond the handshake and a refused sign-up. */
static const char *refusing_uri(void)
{
	char uri[64];

	test_online_gateway_of(&t, &first, TEST_ONLINE_HUB, out_of_order, uri);
	return test_format(&t.scenario, "%s", uri);
}

static void serve(const char *first_uri, const char *second_hub)
{
	static const char one_hub[] = "\"resources\": [], \"hubs\": [{\"id\": \"" TEST_ONLINE_HUB "\", \"gateways\": [\"%s\", \"%s\"]}]";
	static const char two_hubs[] = "\"resources\": [], \"hubs\": [{\"id\": \"" TEST_ONLINE_HUB "\", \"gateways\": [\"%s\"]}, "
								   "{\"id\": \"" OTHER_HUB "\", \"gateways\": [\"%s\"]}]";
	const bool same = strcmp(second_hub, TEST_ONLINE_HUB) == 0;

	test_online_gateway_of(&t, &second, second_hub, NULL, second_uri);
	test_online_serve(
		&t, false,
		same ? test_format(&t.scenario, one_hub, first_uri, second_uri) : test_format(&t.scenario, two_hubs, first_uri, second_uri), NULL);
	test_online_command(&t);
	test_command_flag(&t.command, "--sequential");
	test_command_set(&t.command, "--hub-retry", "0.05");
	test_command_add(&t.command, "--hub-fallback", "0.2");
}

static void expect_requests(const char *step, size_t times)
{
	if (test_online_requests(&t.service, step) != times)
		fail_msg("%s was asked %zu times instead of %zu", step, test_online_requests(&t.service, step), times);
}

/* Runs the device until it is online at the second server, where its light can be read, and ends all. */
static void go_online_at_second(const char *hub)
{
	const cJSON *online;

	test_online_start(&t);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	online = test_online_await(&t);
	assert_string_equal(test_get_text(online, "gateway"), second_uri);
	assert_string_equal(test_get_text(online, "hub"), hub);
	(void)test_program_await(&t.device, "published");
	test_online_expect(&t, "get", "/light/1", NULL, "{\"state\":false,\"power\":0,\"name\":\"Light\"}");
	test_online_end(&t);
	test_online_stop(&t.service);
	test_online_stop(&second);
	assert_int_equal(test_count_named(&t.device, "online"), 1);
	assert_int_equal(test_count_named(&second, "signed-up"), 1);
}

/* --- another gateway of the hub ------------------------------------------------------------------------------------------------------ */

static void expect_one_provisioning(const char *first_uri, const char *cause)
{
	const cJSON *offline = test_last_named(&t.device, "offline");

	assert_int_equal(test_count_named(&t.device, "offline"), 1);
	assert_string_equal(test_get_text(offline, "gateway"), first_uri);
	assert_string_equal(test_get_text(offline, "cause"), cause);
	assert_int_equal(test_get_number(offline, "inMs"), 0); /* the next gateway is tried at once */
	assert_int_equal(test_count_named(&t.device, "fallback"), 0);
	expect_requests("time", 1);
	expect_requests("owner", 1);
	expect_requests("cloud", 1);
	expect_requests("credentials", 1);
	expect_requests("acls", 1);
}

/*
 * TestProvisiongConnectToSecondaryServerByObserver
 * Given two gateways of one hub, the first dead, when the device is provisioned, then it is online at the second, and each step was called exactly once.
 */
static void secondary_server_by_observer(void **state)
{
	const char *uri = dead_uri();

	(void)state;
	serve(uri, TEST_ONLINE_HUB);
	go_online_at_second(TEST_ONLINE_HUB);
	expect_one_provisioning(uri, "connect");
}

/*
 * TestProvisiongConnectToSecondaryServerByRetryTimeout
 * The same when the first gateway is given up because nothing comes of what is asked of it.
 */
static void secondary_server_by_retry_timeout(void **state)
{
	const char *uri = refusing_uri();

	(void)state;
	serve(uri, TEST_ONLINE_HUB);
	go_online_at_second(TEST_ONLINE_HUB);
	expect_one_provisioning(uri, "service-unavailable");
	assert_string_equal(test_get_text(test_last_named(&t.device, "offline"), "code"), "5.00");
}

/* --- another hub --------------------------------------------------------------------------------------------------------------------- */

/*
 * Credentials and ACLs are another hub's. The hub's device keeps the cloud configuration of the first hub and with it a token that the first hub's authorization
 * server gave out; ours asks for that too, since the token must be one that the second hub takes.
 */
static void expect_two_hubs(void)
{
	const cJSON *fallback = test_last_named(&t.device, "fallback");

	assert_int_equal(test_count_named(&t.device, "fallback"), 1);
	assert_string_equal(test_get_text(fallback, "provision"), "gateway");
	assert_true(test_count_named(&t.device, "offline") >= 3);
	assert_int_equal(test_count_named(&t.device, "committed"), 2);
	expect_requests("time", 1);
	expect_requests("owner", 1);
	expect_requests("cloud", 2);
	expect_requests("credentials", 2);
	expect_requests("acls", 2);
}

/*
 * TestProvisiongConnectToSecondaryCloudByObserver
 * Given two hubs of different ids, the first dead, when the device is provisioned, then it is online at the second; time and ownership were called once,
 * credentials and ACLs twice. The cloud configuration was called once by the hub's device, and is called twice by ours.
 */
static void secondary_cloud_by_observer(void **state)
{
	(void)state;
	serve(dead_uri(), OTHER_HUB);
	go_online_at_second(OTHER_HUB);
	expect_two_hubs();
}

/*
 * TestProvisiongConnectToSecondaryCloudByRetryTimeout
 * The same when the first hub is given up because nothing comes of what is asked of it.
 */
static void secondary_cloud_by_retry_timeout(void **state)
{
	(void)state;
	serve(refusing_uri(), OTHER_HUB);
	go_online_at_second(OTHER_HUB);
	expect_two_hubs();
	test_online_stop(&first);
	assert_int_equal(test_count_named(&first, "signed-up"), 0);
	assert_true(test_count_named(&first, "hub-request") >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(secondary_server_by_observer, begin, end),
		cmocka_unit_test_setup_teardown(secondary_server_by_retry_timeout, begin, end),
		cmocka_unit_test_setup_teardown(secondary_cloud_by_observer, begin, end),
		cmocka_unit_test_setup_teardown(secondary_cloud_by_retry_timeout, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
