/* SPDX-License-Identifier: Apache-2.0 */
/* A device online at a hub: signed in and published, its resources read and changed by users, by lines of input, and refused to who may not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_online.h"

#define OTHER_HUB "00000000-0000-0000-0000-000000000002"

static struct test_online t;

static int begin(void **state)
{
	(void)state;
	test_online_set_up(&t);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_online_tear_down(&t);
	return 0;
}

static void expect_hrefs(const cJSON *event, const char *const hrefs[])
{
	size_t count = 0;

	for (; hrefs[count] != NULL; count++)
		assert_string_equal(test_get_text(event, test_format(&t.scenario, "hrefs.%zu", count)), hrefs[count]);
	assert_int_equal(cJSON_GetArraySize(test_get(event, "hrefs")), count);
}

/* --- there and back ---------------------------------------------------------------------------------------------------------------- */

static void once(void **state)
{
	static const char *const hrefs[] = {"/oic/d", "/oic/p", "/oc/con", "/plgd/dps", "/light/1", NULL};
	const cJSON *online;
	const cJSON *out;

	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_command(&t);
	test_command_flag(&t.command, "--once");
	test_command_add(&t.command, "--timeout", "15");
	test_program_run(&t.device, &t.command);
	if (t.device.exit_code != 0)
		fail_msg("exit %d: %s%s", t.device.exit_code, t.device.output, t.device.error);
	online = test_last_named(&t.device, "online");
	assert_string_equal(test_get_text(online, "hub"), TEST_ONLINE_HUB);
	assert_string_equal(test_get_text(online, "gateway"), t.gateway);
	assert_in_range(test_get_number(online, "expiresIn"), 3000, 3480);
	assert_true(test_get_number(online, "ms") >= 0);
	expect_hrefs(test_last_named(&t.device, "published"), hrefs);
	assert_string_equal(test_get_text(test_last(&t.device), "event"), "signed-out");
	expect_hrefs(test_program_await(&t.service, "published"), hrefs);
	out = test_program_await(&t.service, "signed-out");
	assert_string_equal(test_get_text(out, "device"), test_get_text(test_last_named(&t.device, "provisioned"), "deviceId"));
}

static void once_in_time_or_not_at_all(void **state)
{
	static const char *const silent[] = {"--fault", "signin:silence", NULL};

	(void)state;
	test_online_serve(&t, true, NULL, silent);
	test_online_command(&t);
	test_command_flag(&t.command, "--once");
	test_command_add(&t.command, "--timeout", "1.5");
	test_program_run(&t.device, &t.command);
	assert_int_equal(t.device.exit_code, 3);
	assert_non_null(test_last_named(&t.device, "provisioned"));
	assert_string_equal(test_get_text(test_last_named(&t.device, "failed"), "cause"), "deadline");
	assert_null(test_last_named(&t.device, "online"));
}

static void signals_sign_out(void **state)
{
	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_begin(&t);
	test_online_end(&t);
	assert_string_equal(test_get_text(test_last(&t.device), "event"), "signed-out");
	assert_string_equal(test_get_text(test_program_await(&t.service, "signed-out"), "device"), t.device_id);

	/* It is provisioned, and goes straight on to the hub; a good-bye that nobody answers ends, too. */
	test_program_free(&t.device);
	test_process_write(t.service.process, "signout:silence\n", 16);
	(void)test_program_await(&t.service, "control");
	test_online_begin(&t);
	assert_false(cJSON_IsTrue(test_get(test_last_named(&t.device, "provisioned"), "fresh")));
	test_online_end(&t);
	assert_null(test_last_named(&t.device, "signed-out"));
}

/* --- values ------------------------------------------------------------------------------------------------------------------------ */

static void users_read_and_switch_the_light(void **state)
{
	char text[512];
	const cJSON *command;

	(void)state;
	test_online_serve(&t, true, "\"resources\": [{\"href\": \"/light/1\", \"rep\": {\"power\": 42, \"name\": \"Attic\"}}]", NULL);
	test_online_begin(&t);
	test_online_expect(&t, "get", "/light/1", NULL, "{\"state\":false,\"power\":42,\"name\":\"Attic\"}");
	command = test_program_await(&t.device, "command");
	assert_string_equal(test_get_text(command, "method"), "GET");
	assert_string_equal(test_get_text(command, "href"), "/light/1");
	assert_string_equal(test_get_text(command, "code"), "2.05");
	test_online_expect(
		&t, "get", "/light/1?if=oic.if.baseline", NULL,
		"{\"rt\":[\"core.light\"],\"if\":[\"oic.if.rw\",\"oic.if.baseline\"],\"state\":false,\"power\":42,\"name\":\"Attic\"}");
	test_online_expect(&t, "post", "/light/1", "{\"state\":true,\"power\":7}", "{\"state\":true,\"power\":7,\"name\":\"Attic\"}");
	assert_string_equal(test_get_text(test_program_await(&t.device, "notified"), "href"), "/light/1");
	test_online_told(&t, "/light/1", "\"state\":true,\"power\":7");
	test_online_expect(&t, "get", "/light/1", NULL, "{\"state\":true,\"power\":7,\"name\":\"Attic\"}");

	assert_int_equal(test_online_ask(&t, "post", "/light/1", "{\"power\":\"x\"}", text, sizeof(text)), 1);
	assert_non_null(strstr(text, "4.00"));
	assert_int_equal(test_online_ask(&t, "get", "/light/2", NULL, text, sizeof(text)), 1);
	assert_non_null(strstr(text, "4.04"));
	assert_string_equal(test_get_text(test_program_await(&t.device, "command"), "method"), "GET");
	test_online_end(&t);
}

static void the_device_shows_itself(void **state)
{
	char text[2048];

	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_begin(&t);
	assert_int_equal(test_online_ask(&t, "get", "/oic/d", NULL, text, sizeof(text)), 0);
	assert_non_null(strstr(text, t.device_id));
	assert_int_equal(test_online_ask(&t, "get", "/oic/p", NULL, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "\"mnmn\":"));
	assert_int_equal(test_online_ask(&t, "get", "/x.plgd.dev/time", NULL, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "\"status\":\"in-sync\""));
	assert_int_equal(test_online_ask(&t, "get", "/plgd/dps", NULL, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "\"provisionStatus\":\"provisioned\""));
	assert_non_null(strstr(text, t.uri));
	test_online_expect(&t, "post", "/oc/con", "{\"n\":\"Kitchen\"}", "{\"n\":\"Kitchen\"}");
	test_online_told(&t, "/oc/con", "Kitchen");
	assert_int_equal(test_online_ask(&t, "get", "/oic/res?if=oic.if.ll", NULL, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "/light/1"));
	assert_non_null(strstr(text, "/plgd/dps"));
	test_online_end(&t);
	/* What the gateway asks of /oic/res is no command. */
	for (const cJSON *event = t.device.events->child; event != NULL; event = event->next)
		if (strcmp(test_get_text(event, "event"), "command") == 0)
			assert_string_not_equal(test_get_text(event, "href"), "/oic/res");
}

static void more_resources(void **state)
{
	static const char *const hrefs[] = {"/oic/d", "/oic/p", "/oc/con", "/plgd/dps", "/light/1", "/room", "/door", NULL};

	(void)state;
	test_online_serve(&t, true,
	                  "\"resources\": [{\"href\": \"/room\", \"rep\": {\"degrees\": 21}}, {\"href\": \"/door\", \"rep\": {\"open\": 3}}]",
	                  NULL);
	test_online_command(&t);
	test_command_add(&t.command, "--resource", "/room={\"degrees\": 19, \"label\": \"K\\u00fcche\"}");
	test_command_add(&t.command, "--resource", "/door={\"open\": false}");
	test_online_start(&t);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	expect_hrefs(test_program_await(&t.device, "published"), hrefs);
	test_online_expect(&t, "get", "/room", NULL, "{\"degrees\":21,\"label\":\"K\303\274che\"}");
	/* An initial value of a wrong type is refused, aloud. */
	test_online_expect(&t, "get", "/door", NULL, "{\"open\":false}");
	assert_string_equal(test_get_text(test_last_named(&t.device, "warning"), "cause"), "resources");
	test_online_expect(&t, "post", "/door", "{\"open\":true}", "{\"open\":true}");
	test_online_say(&t, "set /room {\"degrees\": 22}");
	test_online_told(&t, "/room", "\"degrees\":22");
	test_online_end(&t);
}

static void bad_resources(void **state)
{
	static const char *const bad[] = {
		"/room",
		"room={\"a\":1}",
		"/room={}",
		"/room=[1]",
		"/room={\"a\":1",
		"/room={\"a\":1.5}",
		"/={\"a\":1}",
		"/r={\"a\":null}",
		"/r={\"a\":[1]}",
		"/r={\"rt\":1}",
		"/r={\"a\":1,\"a\":2}",
		"/r={\"a\":\"\\u0000\"}",
		"/oic/d={\"a\":1}",
		"/light/1={\"a\":1}",
		"/plgd/dps={\"a\":1}",
		"/r={\"a\":4294967296}",
		"={\"a\":1}",
		"/r={\"a\":\"\303\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		test_device_command(&t.command, &t.scenario, NULL, "never");
		test_command_flag(&t.command, "--online");
		test_command_add(&t.command, "--resource", bad[i]);
		test_program_run(&t.device, &t.command);
		if (t.device.exit_code != 2 || strstr(t.device.output, "--resource") == NULL)
			fail_msg("%s: exit %d: %s", bad[i], t.device.exit_code, t.device.output);
		test_program_free(&t.device);
	}
	/* Twice the same, and without --online. */
	test_device_command(&t.command, &t.scenario, NULL, "never");
	test_command_add(&t.command, "--resource", "/r={\"a\":1}");
	test_program_run(&t.device, &t.command);
	assert_int_equal(t.device.exit_code, 2);
	test_program_free(&t.device);
	test_command_flag(&t.command, "--online");
	test_command_add(&t.command, "--resource", "/r={\"b\":1}");
	test_program_run(&t.device, &t.command);
	assert_int_equal(t.device.exit_code, 2);
	assert_non_null(strstr(t.device.output, "there is one with this path"));
}

/* --- input ------------------------------------------------------------------------------------------------------------------------- */

static void lines_change_values_and_observers_are_told(void **state)
{
	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_begin(&t);
	test_online_say(&t, "set /light/1 {\"power\": 33, \"name\": \"\\u00d6fen\"}");
	assert_true(cJSON_IsTrue(test_get(test_program_await(&t.device, "input"), "ok")));
	assert_string_equal(test_get_text(test_program_await(&t.device, "notified"), "href"), "/light/1");
	test_online_told(&t, "/light/1", "\"power\":33,\"name\":\"\303\226fen\"");
	/* The end of input ends nothing. */
	test_process_close_input(t.device.process);
	test_online_expect(&t, "get", "/light/1", NULL, "{\"state\":false,\"power\":33,\"name\":\"\303\226fen\"}");
	test_online_end(&t);
}

static void bad_lines_change_nothing(void **state)
{
	static const char *const bad[] = {
		"hello",
		"set",
		"set /light/1",
		"set /light/2 {\"power\":1}",
		"set /light/1 {}",
		"set /light/1 [1]",
		"set /light/1 {\"power\":1",
		"set /light/1 {\"power\":1} x",
		"set /light/1 {\"power\":1.5}",
		"set /light/1 {\"power\":2147483648}",
		"set /light/1 {\"power\":1,\"state\":1}",
		"set /light/1 {\"power\":1,\"other\":1}",
		"set /light/1 {\"power\":1,\"power\":2}",
		"set /light/1 {\"name\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
		"set /light/1 {\"name\":\"a\\u0000b\"}",
		"set /light/1 {\"name\":\"\303\"}",
		"set /oic/d {\"n\":\"x\"}",
	};
	char line[6000];

	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	test_online_begin(&t);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const cJSON *input;

		test_online_say(&t, bad[i]);
		input = test_program_await(&t.device, "input");
		if (!cJSON_IsFalse(test_get(input, "ok")) || test_get_text(input, "error") == NULL)
			fail_msg("%s: taken", bad[i]);
	}
	memset(line, ' ', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	test_online_say(&t, line);
	assert_string_equal(test_get_text(test_program_await(&t.device, "input"), "error"), "the line is too long");
	test_online_expect(&t, "get", "/light/1", NULL, "{\"state\":false,\"power\":0,\"name\":\"Light\"}");
	test_online_end(&t);
	assert_int_equal(test_count_named(&t.device, "notified"), 0);
	assert_non_null(strstr(t.device.error, "input: there is no such resource"));
}

/* --- who may ----------------------------------------------------------------------------------------------------------------------- */

/* The list that was provisioned is another hub's: this one may do what everybody may, and no more. */
static void a_hub_without_an_entry(void **state)
{
	static const char *const later[] = {"--fault", "acls:5.03:1", NULL};
	char text[512];
	char line[256];

	(void)state;
	test_online_serve(&t, true, NULL, later);
	test_online_command(&t);
	test_command_flag(&t.command, "--sequential");
	test_command_set(&t.command, "--retry", "1");
	test_online_start(&t);
	(void)test_program_await(&t.device, "retry");
	snprintf(line, sizeof(line), "set hubs [{\"id\": \"" OTHER_HUB "\", \"gateways\": [\"%s\"]}]\n", t.gateway);
	assert_true(test_process_write(t.service.process, line, strlen(line)));
	assert_true(cJSON_IsTrue(test_get(test_program_await(&t.service, "control"), "ok")));
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	(void)test_program_await(&t.device, "published");
	for (size_t i = 0; i < 3; i++) {
		static const char *const refused[][3] = {
			{"get", "/light/1", NULL}, {"post", "/light/1", "{\"state\":true}"}, {"post", "/plgd/dps", "{\"forceReprovision\":true}"}};

		assert_int_equal(test_online_ask(&t, refused[i][0], refused[i][1], refused[i][2], text, sizeof(text)), 1);
		assert_non_null(strstr(text, "4.03"));
		assert_string_equal(test_get_text(test_program_await(&t.device, "command"), "code"), "4.03");
	}
	assert_int_equal(test_online_ask(&t, "get", "/oic/d", NULL, text, sizeof(text)), 0);
	test_online_end(&t);
	assert_int_equal(test_count_named(&t.device, "committed"), 1);
}

/* Of the right authority, but another hub's: it gets no request, and no token. */
static void a_gateway_of_another_hub(void **state)
{
	static struct test_program other;
	char uri[64];

	(void)state;
	memset(&other, 0, sizeof(other));
	test_online_gateway_of(&t, &other, "00000000-0000-0000-0000-000000000002", NULL, uri);
	test_online_serve(&t, false, test_format(&t.scenario, "\"hubs\": [{\"id\": \"" TEST_ONLINE_HUB "\", \"gateways\": [\"%s\"]}]", uri),
	                  NULL);
	test_online_command(&t);
	test_online_start(&t);
	(void)test_program_await(&t.device, "provisioned");
	assert_string_equal(test_get_text(test_program_await(&t.device, "offline"), "cause"), "server-name");
	test_online_end(&t);
	test_online_stop(&other);
	assert_int_equal(test_count_named(&other, "hub-request"), 0);
	assert_int_equal(test_count_named(&t.device, "online"), 0);
	test_program_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(once, begin, end),
		cmocka_unit_test_setup_teardown(once_in_time_or_not_at_all, begin, end),
		cmocka_unit_test_setup_teardown(signals_sign_out, begin, end),
		cmocka_unit_test_setup_teardown(users_read_and_switch_the_light, begin, end),
		cmocka_unit_test_setup_teardown(the_device_shows_itself, begin, end),
		cmocka_unit_test_setup_teardown(more_resources, begin, end),
		cmocka_unit_test_setup_teardown(bad_resources, begin, end),
		cmocka_unit_test_setup_teardown(lines_change_values_and_observers_are_told, begin, end),
		cmocka_unit_test_setup_teardown(bad_lines_change_nothing, begin, end),
		cmocka_unit_test_setup_teardown(a_hub_without_an_entry, begin, end),
		cmocka_unit_test_setup_teardown(a_gateway_of_another_hub, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
