/* SPDX-License-Identifier: Apache-2.0 */
/* What is committed is good for the hub whatever else a device tries meanwhile: nobody loses a device by having it ask a service that is not there. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_online.h"

#define OTHER_HUB "00000000-0000-0000-0000-000000000002"

static struct test_online t;
static struct test_program gateway; /* of its own, that outlives the service */
static char gateway_uri[64];

static int begin(void **state)
{
	(void)state;
	test_online_set_up(&t);
	memset(&gateway, 0, sizeof(gateway));
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_program_free(&gateway);
	test_online_tear_down(&t);
	return 0;
}

static const char *hubs(void)
{
	return test_format(&t.scenario, "\"hubs\": [{\"id\": \"" TEST_ONLINE_HUB "\", \"gateways\": [\"%s\"]}]", gateway_uri);
}

static void expect_light(void)
{
	test_online_expect(&t, "get", "/light/1", NULL, "{\"state\":false,\"power\":0,\"name\":\"Light\"}");
}

static void start_again(void)
{
	test_program_free(&t.device);
	test_online_start(&t);
	(void)test_program_await(&t.device, "online");
	(void)test_program_await(&t.device, "published");
}

/* An operator's typing error, and a power cut before anybody noticed: the device is there to be told again. */
static void sent_to_nowhere_and_cut_off(void **state)
{
	char text[1024];

	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_begin(&t);
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", "{\"endpoint\":\"coaps+tcp://localhost:1\"}", text, sizeof(text)), 0);
	(void)test_program_await(&t.device, "retry");
	test_process_signal(t.device.process, SIGKILL);
	test_program_finish(&t.device);

	test_command_drop(&t.command, "--endpoint", true); /* what it was told counts */
	start_again();
	assert_int_equal(test_count_named(&t.device, "provisioned"), 0);
	assert_string_equal(test_get_text(test_program_await(&t.device, "retry"), "endpoint"), "coaps+tcp://localhost:1");
	expect_light();
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", test_format(&t.scenario, "{\"endpoint\":\"%s\"}", t.uri), text, sizeof(text)),
	                 0);
	(void)test_program_await(&t.device, "committed");
	(void)test_online_await(&t);
	(void)test_program_await(&t.device, "published");
	expect_light();
	test_online_end(&t);
}

/* Begun by hand while the service is away. */
static void runs_without_a_service(void **state)
{
	static const char *const flags[] = {"--force", "--renew"};

	(void)state;
	test_online_gateway(&t, &gateway, 0, gateway_uri);
	test_online_serve(&t, false, hubs(), NULL);
	test_online_begin(&t);
	test_online_end(&t);
	test_online_kill(&t.service);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		test_command_flag(&t.command, flags[i]);
		start_again();
		(void)test_program_await(&t.device, "retry");
		expect_light();
		test_online_end(&t);
		assert_int_equal(test_count_named(&t.device, "committed"), 0);
		test_command_drop(&t.command, flags[i], false);
	}
}

/* Hub and service were away, and the hub is back first: all is as it was, and nothing is provisioned anew for it. */
static void an_outage_of_both(void **state)
{
	int gateway_port, port;

	(void)state;
	test_online_gateway(&t, &gateway, 0, gateway_uri);
	gateway_port = test_online_port(gateway_uri);
	test_online_serve(&t, false, hubs(), NULL);
	port = test_online_port(t.uri);
	test_online_command(&t);
	test_command_add(&t.command, "--hub-fallback", "0.2");
	test_command_set(&t.command, "--hub-retry", "0.05");
	test_command_set(&t.command, "--retry", "0.3");
	test_online_start(&t);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	(void)test_program_await(&t.device, "published");
	test_online_kill(&t.service);
	test_online_kill(&gateway);
	assert_string_equal(test_get_text(test_program_await(&t.device, "fallback"), "provision"), "again");
	assert_string_equal(test_get_text(test_program_await(&t.device, "retry"), "step"), "connect");

	test_online_gateway(&t, &gateway, gateway_port, gateway_uri);
	(void)test_program_await(&t.device, "online");
	assert_true(cJSON_IsFalse(test_get(test_program_await(&t.device, "provisioned"), "fresh"))); /* the run is over */
	t.port = port;
	test_online_serve(&t, false, hubs(), NULL);
	expect_light();
	test_online_end(&t);
	assert_int_equal(test_count_named(&t.device, "committed"), 1);
	test_online_stop(&t.service);
	assert_int_equal(test_online_requests(&t.service, "credentials"), 0);
}

/* The first hub of the service's list is dead, and the device is at the second: told there to provision again, it stays with that. */
static void again_at_the_second_hub(void **state)
{
	(void)state;
	test_online_gateway_of(&t, &gateway, OTHER_HUB, NULL, gateway_uri);
	test_online_serve(&t, false,
	                  test_format(&t.scenario,
	                              "\"hubs\": [{\"id\": \"" TEST_ONLINE_HUB
	                              "\", \"gateways\": [\"coaps+tcp://localhost:1\"]}, {\"id\": \"" OTHER_HUB "\", \"gateways\": [\"%s\"]}]",
	                              gateway_uri),
	                  NULL);
	test_online_command(&t);
	test_command_add(&t.command, "--hub-fallback", "0.2");
	test_command_set(&t.command, "--hub-retry", "0.05");
	test_online_start(&t);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	assert_string_equal(test_get_text(test_program_await(&t.device, "fallback"), "provision"), "gateway");
	assert_string_equal(test_get_text(test_program_await(&t.device, "online"), "hub"), OTHER_HUB);
	(void)test_program_await(&t.device, "published");
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", "{\"forceReprovision\":true}", NULL, 0), 0);
	assert_string_equal(test_get_text(test_program_await(&t.device, "offline"), "cause"), "cancelled");
	assert_string_equal(test_get_text(test_program_await(&t.device, "online"), "hub"), OTHER_HUB);
	(void)test_program_await(&t.device, "published");
	expect_light();
	test_online_end(&t);
	assert_int_equal(test_count_named(&t.device, "fallback"), 1);
	assert_int_equal(test_count_named(&t.device, "committed"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sent_to_nowhere_and_cut_off, begin, end),
		cmocka_unit_test_setup_teardown(runs_without_a_service, begin, end),
		cmocka_unit_test_setup_teardown(an_outage_of_both, begin, end),
		cmocka_unit_test_setup_teardown(again_at_the_second_hub, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
