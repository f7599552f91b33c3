/* SPDX-License-Identifier: Apache-2.0 */
/* Faults on purpose at a gateway, and gateways as the hubs that provisioning hands out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_gateway.h"

static void start_with_fault(struct test_gateway *g, const char *fault)
{
	const char *const arguments[] = {"--fault", fault, NULL};

	test_gateway_start(g, NULL, arguments);
	test_gateway_connect(g, TEST_CSM_EMPTY);
}

static void ask_sign_up(struct test_gateway *g)
{
	const char *const body[] = {"di", TEST_GATEWAY_DEVICE, "authprovider", "plgd", "accesstoken", TEST_GATEWAY_TOKENS, NULL};

	test_gateway_post(g, "/oic/sec/account", 'u', body);
}

static void a_code_is_answered_so_often_as_asked_for(void **state)
{
	struct test_gateway *g = *state;

	start_with_fault(g, "signup:5.03:1");
	ask_sign_up(g);
	assert_int_equal(test_client_expect(&g->client).code, 503);
	test_client_expect_end(&g->client);
	assert_non_null(
		strstr(test_gateway_event(g, "hub-request"), "\"operation\":\"signup\",\"count\":1,\"code\":\"5.03\",\"fault\":\"5.03\""));
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
}

static void a_connection_dies(void **state)
{
	static const char *const faults[] = {"disconnect", "reset", "reset-after=5"};
	struct test_gateway *g = *state;
	char fault[32];
	size_t at;

	for (at = 0; at < 3; at++) {
		snprintf(fault, sizeof(fault), "signup:%s", faults[at]);
		start_with_fault(g, fault);
		ask_sign_up(g);
		test_client_expect_end(&g->client);
		assert_non_null(strstr(test_gateway_event(g, "hub-closed"), "\"reason\":\"fault\""));
		assert_int_equal(test_service_stop(&g->service), 0);
	}
}

static void bodies_are_damaged(void **state)
{
	static const struct {
		const char *fault;
		const char *wanted;
		size_t length;
	} faults[] = {
		{"signup:garbage", "\xff\x1c\x5d\xfe", 4},
		{"signup:wrong-type=expiresin",
	     "\x69"
	     "expiresin\x61"
	     "7",
	     12},
		{"signup:large=3000", "\x61x\x79\x0b\xb8xxxx", 9},
		{"signup:redirect=coaps+tcp://elsewhere:1",
	     "\x6bredirecturi\x77"
	     "coaps+tcp://elsewhere:1",
	     36},
		{"signup:nested", "\x81\x81\x81\x81\x81\x81\x81", 7},
	};
	struct test_gateway *g = *state;
	struct test_message message;
	size_t at;

	for (at = 0; at < sizeof(faults) / sizeof(faults[0]); at++) {
		start_with_fault(g, faults[at].fault);
		ask_sign_up(g);
		message = test_client_expect(&g->client);
		assert_int_equal(message.code, 204);
		assert_non_null(memmem(message.payload, message.payload_length, faults[at].wanted, faults[at].length));
		assert_int_equal(test_service_stop(&g->service), 0);
	}
}

static void answers_are_late_missing_doubled_and_astray(void **state)
{
	const char *const arguments[] = {"--fault", "signup:delay=1",           "--fault", "hub-time:silence:1",
	                                 "--fault", "hub-time:duplicate:1",     "--fault", "hub-time:stray-token:1",
	                                 "--fault", "hub-time:flood-pings=3:1", "--fault", "hub-time:4.29:1",
	                                 NULL};
	struct test_gateway *g = *state;
	unsigned at;

	test_gateway_start(g, NULL, arguments);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	ask_sign_up(g);
	assert_int_equal(test_client_expect(&g->client).code, 204);
	test_client_get(&g->client, "/x.plgd.dev/time", '1'); /* no answer */
	assert_non_null(test_process_read_line_with(
		g->service.process, "\"operation\":\"hub-time\",\"count\":1,\"code\":null,\"unanswered\":\"fault\"", TEST_SERVICE_TIMEOUT_MS));
	test_client_get(&g->client, "/x.plgd.dev/time", '2');
	assert_int_equal(test_client_expect(&g->client).token[0], '2');
	assert_int_equal(test_client_expect(&g->client).token[0], '2');
	test_client_get(&g->client, "/x.plgd.dev/time", '3');
	assert_int_equal(test_client_expect(&g->client).token_length, 8);
	assert_int_equal(test_client_expect(&g->client).token[0], '3');
	test_client_get(&g->client, "/x.plgd.dev/time", '4');
	for (at = 0; at < 3; at++)
		assert_int_equal(test_client_expect(&g->client).code, 702);
	assert_int_equal(test_client_expect(&g->client).token[0], '4');
	test_client_get(&g->client, "/x.plgd.dev/time", '5');
	assert_int_equal(test_client_expect(&g->client).code, 429);
	test_client_expect_end(&g->client);
}

static void sign_in_refresh_publish_and_sign_off_have_faults_of_their_own(void **state)
{
	const char *const arguments[] = {"--fault", "signin:4.01:1",  "--fault", "refresh:5.03:1", "--fault", "publish:4.00:1",
	                                 "--fault", "signoff:5.00:1", NULL};
	struct test_gateway *g = *state;
	uint8_t request[2048];
	size_t length = test_gateway_vector("session.txt", '>', "publish", 0, request, sizeof(request));

	test_gateway_start(g, NULL, arguments);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_up(g);
	assert_int_equal(test_gateway_sign_in_answer(g, g->access).code, 401);
	test_client_expect_end(&g->client);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	{
		const char *const body[] = {"uid", "1", "di", TEST_GATEWAY_DEVICE, "refreshtoken", g->refresh, NULL};

		test_gateway_post(g, "/oic/sec/tokenrefresh", 'r', body);
	}
	assert_int_equal(test_client_expect(&g->client).code, 503);
	test_client_expect_end(&g->client);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	test_gateway_sign_in(g, NULL, 0, NULL);
	test_client_send(&g->client, request, length);
	assert_int_equal(test_client_expect(&g->client).code, 400);
	test_client_send(&g->client, request, length);
	assert_int_equal(test_client_expect(&g->client).code, 204);
	length = test_gateway_vector("session.txt", '>', "signoff", 0, request, sizeof(request));
	test_client_send(&g->client, request, length);
	assert_int_equal(test_client_expect(&g->client).code, 500);
	test_client_expect_end(&g->client);
}

/* POST cloud-configuration at the provisioning side: its answer names the gateways of this program, unless the configuration names hubs. */
static struct test_message cloud_of(struct test_gateway *g)
{
	static const struct test_request request = {.method = TEST_POST,
	                                            .path = "/api/v1/provisioning/cloud-configuration",
	                                            .token = 'c',
	                                            .content_format = 10000,
	                                            .accept = -1,
	                                            .block1 = -1,
	                                            .block2 = -1,
	                                            .body = "\xa0",
	                                            .body_length = 1};

	if (g->client.process != NULL)
		test_client_close(&g->client);
	test_client_connect(&g->client, &g->service, "device", NULL);
	test_client_greet(&g->client, TEST_CSM_EMPTY);
	test_client_request(&g->client, &request);
	return test_client_expect(&g->client);
}

static void provisioning_hands_out_the_gateways(void **state)
{
	const char *const second[] = {"--gateway", "127.0.0.1:0,00000000-0000-0000-0000-000000000002", NULL};
	struct test_gateway *g = *state;
	struct test_message message;
	char wanted[64];
	char text[512];
	const char *event;

	test_gateway_start(g, NULL, second);
	event = test_gateway_event(g, "gateway");
	assert_non_null(strstr(event, "\"hub\":\"00000000-0000-0000-0000-000000000002\",\"host\":\"127.0.0.1\""));
	assert_int_equal(sscanf(strstr(event, "\"uri\":\""), "\"uri\":\"%63[^\"]", wanted), 1);
	message = cloud_of(g);
	assert_int_equal(message.code, 204);
	assert_non_null(memmem(message.payload, message.payload_length, wanted, strlen(wanted)));
	snprintf(wanted, sizeof(wanted), "coaps+tcp://localhost:%s", g->at.port);
	assert_true(test_cbor_find_text(&message, "cis", text, sizeof(text)));
	assert_string_equal(text, wanted);
	assert_true(test_cbor_find_text(&message, "at", text, sizeof(text)));
	assert_string_equal(text, TEST_GATEWAY_TOKENS);
}

/* What is set at run time leaves the gateways where they are, and what concerns them counts at once. */
static void settings_change_at_run_time(void **state)
{
	static const char lines[] = "set gateway {\"tokenLifetime\": 7200}\nset inactivitySeconds 30\nsignup:5.03:1\ndisconnect\n";
	struct test_gateway *g = *state;
	struct test_message message;
	char wanted[64];
	char text[512];

	test_gateway_start(g, NULL, NULL);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	assert_true(test_process_write(g->service.process, lines, sizeof(lines) - 1));
	test_client_expect_end(&g->client);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	ask_sign_up(g);
	assert_int_equal(test_client_expect(&g->client).code, 503);
	test_gateway_connect(g, TEST_CSM_EMPTY);
	ask_sign_up(g);
	message = test_client_expect(&g->client);
	assert_int_equal(test_cbor_find_number(&message, "expiresin"), 7200);
	message = cloud_of(g);
	snprintf(wanted, sizeof(wanted), "coaps+tcp://localhost:%s", g->at.port);
	assert_true(test_cbor_find_text(&message, "cis", text, sizeof(text)));
	assert_string_equal(text, wanted);
}

/* The token that provisioning makes up for each answer signs a device up, too. */
static void a_made_up_token_signs_up_and_in(void **state)
{
	const char *const arguments[] = {"--gateway", "127.0.0.1:0", NULL};
	struct test_gateway *g = *state;
	struct test_message message;
	char token[TEST_TOKEN_MAX];
	const char *event;

	test_service_start(&g->service, NULL, arguments);
	event = test_gateway_event(g, "gateway");
	g->at = g->service;
	assert_int_equal(sscanf(strstr(event, "\"port\":"), "\"port\":%7[0-9]", g->at.port), 1);
	message = cloud_of(g);
	assert_true(test_cbor_find_text(&message, "at", token, sizeof(token)));
	test_gateway_connect(g, TEST_CSM_EMPTY);
	{
		const char *const body[] = {"di", TEST_GATEWAY_DEVICE, "authprovider", "plgd", "accesstoken", token, NULL};

		test_gateway_post(g, "/oic/sec/account", 'u', body);
	}
	assert_int_equal(test_client_expect(&g->client).code, 204);
	message = test_gateway_sign_in_answer(g, token);
	assert_int_equal(message.code, 204);
	assert_in_range(test_cbor_find_number(&message, "expiresin"), 3400, 3480);
}

static void bad_options_are_refused(void **state)
{
	static const struct {
		const char *words[6];
		const char *error;
	} cases[] = {
		{{"--gateway", "127.0.0.1"}, "--gateway must be HOST:PORT"},
		{{"--gateway", "127.0.0.1:0,hub"}, "--gateway must be HOST:PORT"},
		{{"--gateway", "127.0.0.1:0", "--fault", "signin:no-oic-res"}, "no such action"},
		{{"--gateway", "127.0.0.1:0", "--fault", "hub-other:4.00"}, "the step must be one of"},
		{{"--gateway", "127.0.0.1:0", "--config", "bad.json"}, "\"gateway\" must be an object"},
	};
	struct test_gateway *g = *state;
	const char *words[6];
	char error[1024];
	size_t at;

	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		memcpy(words, cases[at].words, sizeof(words));
		if (words[3] != NULL && strcmp(words[3], "bad.json") == 0)
			words[3] = test_service_write(&g->service, "bad.json", "{\"gateway\": {\"pingAfter\": \"x\"}}", 31);
		assert_int_equal(test_gateway_command(g, words, NULL, 0, error, sizeof(error)), 2);
		if (strstr(error, cases[at].error) == NULL)
			fail_msg("case %zu: %s", at, error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_code_is_answered_so_often_as_asked_for, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_connection_dies, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(bodies_are_damaged, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(answers_are_late_missing_doubled_and_astray, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(sign_in_refresh_publish_and_sign_off_have_faults_of_their_own, test_gateway_set_up,
	                                    test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(provisioning_hands_out_the_gateways, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(settings_change_at_run_time, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_made_up_token_signs_up_and_in, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(bad_options_are_refused, test_gateway_set_up, test_gateway_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
