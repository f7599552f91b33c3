/* SPDX-License-Identifier: Apache-2.0 */
/* What a device that is online goes through: gateways that die, tokens that end, identities that are renewed, commands to provision again and to forget all. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_online.h"

static struct test_online t;
static struct test_program first;
static struct test_program second;
static char first_uri[64];
static char second_uri[64];

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
	test_program_free(&first);
	test_program_free(&second);
	test_online_tear_down(&t);
	return 0;
}

static void expect_light(void)
{
	test_online_expect(&t, "get", "/light/1", NULL, "{\"state\":false,\"power\":0,\"name\":\"Light\"}");
}

static void kill_gateway(struct test_program *gateway)
{
	test_process_signal(gateway->process, SIGKILL);
	test_program_finish(gateway);
	test_program_free(gateway);
}

/* --- gateways ---------------------------------------------------------------------------------------------------------------------- */

static const char *hub_of(const char *uris)
{
	return test_format(&t.scenario, "\"hubs\": [{\"id\": \"" TEST_ONLINE_HUB "\", \"gateways\": [%s]}]", uris);
}

static void a_gateway_dies_and_comes_back(void **state)
{
	const cJSON *offline;
	int port;

	(void)state;
	test_online_gateway(&t, &first, 0, first_uri);
	port = test_online_port(first_uri);
	test_online_serve(&t, false, hub_of(test_format(&t.scenario, "\"%s\"", first_uri)), NULL);
	test_online_begin(&t);
	expect_light();
	kill_gateway(&first);
	offline = test_program_await(&t.device, "offline");
	assert_string_equal(test_get_text(offline, "gateway"), first_uri);
	assert_non_null(test_get_text(offline, "cause"));
	assert_true(test_get_number(offline, "inMs") >= 0);
	test_online_gateway(&t, &first, port, first_uri);
	assert_string_equal(test_get_text(test_online_await(&t), "gateway"), first_uri);
	(void)test_program_await(&t.device, "published");
	expect_light();
	test_online_end(&t);
	/* What was provisioned is good for all of it. */
	assert_int_equal(test_count_named(&t.device, "committed"), 1);
}

static void another_gateway_of_the_hub_takes_over(void **state)
{
	(void)state;
	test_online_gateway(&t, &first, 0, first_uri);
	test_online_gateway(&t, &second, 0, second_uri);
	test_online_serve(&t, false, hub_of(test_format(&t.scenario, "\"%s\", \"%s\"", first_uri, second_uri)), NULL);
	test_online_begin(&t);
	assert_string_equal(test_get_text(test_last_named(&t.device, "online"), "gateway"), first_uri);
	kill_gateway(&first);
	assert_string_equal(test_get_text(test_online_await(&t), "gateway"), second_uri);
	(void)test_program_await(&t.device, "published");
	expect_light();
	test_online_end(&t);
	assert_int_equal(test_count_named(&t.device, "committed"), 1);
}

/* None of the hub's gateways is there any more: the service knows where the hub is now. */
static void a_hub_that_moved(void **state)
{
	char line[256];

	(void)state;
	test_online_gateway(&t, &first, 0, first_uri);
	test_online_serve(&t, false, hub_of(test_format(&t.scenario, "\"%s\"", first_uri)), NULL);
	test_online_command(&t);
	test_command_add(&t.command, "--hub-fallback", "0.2");
	test_command_set(&t.command, "--hub-retry", "0.05");
	test_online_start(&t);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	(void)test_program_await(&t.device, "published");
	kill_gateway(&first);
	test_online_gateway(&t, &second, 0, second_uri);
	snprintf(line, sizeof(line), "set hubs [{\"id\": \"" TEST_ONLINE_HUB "\", \"gateways\": [\"%s\"]}]\n", second_uri);
	assert_true(test_process_write(t.service.process, line, strlen(line)));
	assert_string_equal(test_get_text(test_program_await(&t.device, "fallback"), "provision"), "again");
	assert_string_equal(test_get_text(test_online_await(&t), "gateway"), second_uri);
	(void)test_program_await(&t.device, "published");
	expect_light();
	test_online_end(&t);
}

/* --- tokens ------------------------------------------------------------------------------------------------------------------------ */

static void tokens_are_refreshed(void **state)
{
	(void)state;
	test_online_serve(&t, true, "\"gateway\": {\"tokenLifetime\": 18, \"tokenMargin\": 0}", NULL);
	test_online_begin(&t);
	assert_in_range(test_get_number(test_program_await(&t.device, "refreshed"), "expiresIn"), 15, 18);
	assert_string_equal(test_get_text(test_program_await(&t.service, "refreshed"), "device"), t.device_id);
	expect_light();
	test_online_end(&t);
	assert_int_equal(test_count_named(&t.device, "offline"), 0);
}

static void an_expired_token_is_refreshed_before_it_is_used(void **state)
{
	(void)state;
	test_online_serve(&t, true, "\"gateway\": {\"expiryInterval\": 0.05}", NULL);
	test_online_begin(&t);
	assert_int_equal(test_online_ask(&t, "expire", NULL, NULL, NULL, 0), 0);
	(void)test_program_await(&t.device, "offline");
	assert_in_range(test_get_number(test_program_await(&t.device, "refreshed"), "expiresIn"), 3000, 3600);
	(void)test_online_await(&t);
	(void)test_program_await(&t.device, "published");
	expect_light();
	test_online_end(&t);
	assert_int_equal(test_count_named(&t.device, "committed"), 1);
}

/* --- provisioning while online ----------------------------------------------------------------------------------------------------- */

/* The next state of /plgd/dps that the hub is told. */
static const char *next_status(void)
{
	for (;;) {
		const cJSON *event = test_program_await(&t.service, "notification");

		if (strcmp(test_get_text(event, "href"), "/plgd/dps") == 0)
			return test_get_text(event, "rep.provisionStatus");
	}
}

static void a_renewal_keeps_the_connection(void **state)
{
	static const char *const life[] = {"--identity-lifetime", "30", NULL};

	(void)state;
	test_online_serve(&t, true, NULL, life);
	test_online_command(&t);
	test_command_add(&t.command, "--renew-at", "10");
	test_online_start(&t);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	assert_string_equal(next_status(), "provisioned");
	assert_string_equal(next_status(), "renew credentials");
	assert_string_equal(next_status(), "provisioned");
	(void)test_program_await(&t.device, "renewed");
	expect_light();
	test_online_end(&t);
	assert_int_equal(test_count_named(&t.device, "offline"), 0);
	assert_int_equal(test_count_named(&t.device, "online"), 1);
	assert_int_equal(test_count_named(&t.service, "hub-connected"), 1);
}

static void users_have_it_provision_again(void **state)
{
	static const char *const steps[] = {"owner", "cloud", "acls", "credentials"};
	char text[1024];

	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_begin(&t);
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", "{\"forceReprovision\":false}", text, sizeof(text)), 1);
	assert_non_null(strstr(text, "4.00"));
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", "{\"endpoint\":\"http://x\"}", text, sizeof(text)), 1);
	assert_non_null(strstr(text, "4.00"));
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", "{\"forceReprovision\":true}", text, sizeof(text)), 0);
	assert_non_null(strstr(text, "\"forceReprovision\":false"));
	(void)test_program_await(&t.device, "offline");
	(void)test_online_await(&t);
	(void)test_program_await(&t.device, "published");
	test_online_told(&t, "/plgd/dps", "\"provisioned\"");
	expect_light();
	test_online_end(&t);
	test_process_signal(t.service.process, SIGTERM);
	test_program_finish(&t.service);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_int_equal(test_online_requests(&t.service, steps[i]), 2);
	assert_string_equal(test_get_text(test_last_named(&t.service, "hub-closed"), "reason"), "peer");
}

static void users_say_where_to_provision(void **state)
{
	char text[1024];

	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_begin(&t);
	snprintf(text, sizeof(text), "{\"endpoint\":\"%s\",\"endpointName\":\"Main\",\"endpoints\":[{\"uri\":\"%s\",\"name\":\"Spare\"}]}",
	         t.uri, "coaps+tcp://localhost:1");
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", test_format(&t.scenario, "%s", text), text, sizeof(text)), 0);
	(void)test_program_await(&t.device, "offline");
	(void)test_online_await(&t);
	(void)test_program_await(&t.device, "published");
	assert_int_equal(test_online_ask(&t, "get", "/plgd/dps", NULL, text, sizeof(text)), 0);
	assert_non_null(strstr(text, test_format(&t.scenario, "\"endpoint\":\"%s\",\"endpointName\":\"Main\"", t.uri)));
	assert_non_null(strstr(text, "\"Spare\""));
	test_online_end(&t);
	assert_int_equal(test_count_named(&t.device, "committed"), 2);
}

static void another_owner_begins_anew(void **state)
{
	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_begin(&t);
	assert_true(test_process_write(t.service.process, "set owner \"77777777-7777-4777-8777-777777777777\"\n", 49));
	assert_true(cJSON_IsTrue(test_get(test_program_await(&t.service, "control"), "ok")));
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", "{\"forceReprovision\":true}", NULL, 0), 0);
	assert_true(cJSON_IsTrue(test_get(test_program_await(&t.device, "committed"), "ownerChanged")));
	(void)test_program_await(&t.device, "offline");
	(void)test_online_await(&t);
	test_online_end(&t);
}

/* --- forgetting ------------------------------------------------------------------------------------------------------------------- */

static void users_have_it_forget_all(void **state)
{
	char text[1024];
	struct test_command status = {.count = 0};
	struct test_program asked;

	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_begin(&t);
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", "{\"endpoint\":\"\"}", text, sizeof(text)), 0);
	test_program_finish(&t.device);
	assert_int_equal(t.device.exit_code, 0);
	assert_string_equal(test_get_text(test_last(&t.device), "event"), "reset");
	assert_non_null(test_last_named(&t.device, "signed-out"));
	test_command_flag(&status, t.scenario.device_program);
	test_command_add(&status, "--state-dir", test_path(&t.scenario, "device"));
	test_command_flag(&status, "--status");
	test_command_flag(&status, "--json");
	test_program_run(&asked, &status);
	assert_int_equal(asked.exit_code, 1);
	assert_string_equal(test_get_text(test_last(&asked), "status"), "uninitialized");
	test_program_free(&asked);
}

/* An onboarding code of this device, in a file. */
static const char *make_code(const char *id)
{
	char tool[512];
	const char *const argv[] = {test_program_path("dps-onboard", tool, sizeof(tool)), "code", "--device", id, NULL};
	const char *path = test_path(&t.scenario, "code");
	char text[256];
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(file >= 0);
	assert_int_equal(test_process_run(argv, TEST_RUN_MS, text, sizeof(text), NULL, 0), 0);
	assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
	close(file);
	return test_format(&t.scenario, "@%s", path);
}

static void a_device_that_forgot_waits_to_be_told(void **state)
{
	static const char id[] = "5d0b3f0c-6f54-4c39-9ba7-1f1d2a3b4c5d";

	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_command(&t);
	test_command_flag(&t.command, "--onboarding");
	test_command_add(&t.command, "--device-id", id);
	test_command_add(&t.command, "--onboarding-code", make_code(id));
	test_command_add(&t.command, "--onboarding-listen", "127.0.0.1:0");
	test_online_start(&t);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	(void)test_program_await(&t.device, "published");
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", "{\"endpoint\":\"\"}", NULL, 0), 0);
	(void)test_program_await(&t.device, "reset");
	(void)test_program_await(&t.device, "onboarding");
	test_process_signal(t.device.process, SIGINT);
	test_program_finish(&t.device);
	assert_int_equal(t.device.exit_code, 130);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_gateway_dies_and_comes_back, begin, end),
		cmocka_unit_test_setup_teardown(another_gateway_of_the_hub_takes_over, begin, end),
		cmocka_unit_test_setup_teardown(a_hub_that_moved, begin, end),
		cmocka_unit_test_setup_teardown(tokens_are_refreshed, begin, end),
		cmocka_unit_test_setup_teardown(an_expired_token_is_refreshed_before_it_is_used, begin, end),
		cmocka_unit_test_setup_teardown(a_renewal_keeps_the_connection, begin, end),
		cmocka_unit_test_setup_teardown(users_have_it_provision_again, begin, end),
		cmocka_unit_test_setup_teardown(users_say_where_to_provision, begin, end),
		cmocka_unit_test_setup_teardown(another_owner_begins_anew, begin, end),
		cmocka_unit_test_setup_teardown(users_have_it_forget_all, begin, end),
		cmocka_unit_test_setup_teardown(a_device_that_forgot_waits_to_be_told, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
