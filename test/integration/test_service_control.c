/* SPDX-License-Identifier: Apache-2.0 */
/* dps-service controlled while it runs: every line of standard input, good and bad, and what becomes of connections and devices by it. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_scenario.h"
#include "support/test_service_client.h"

#define OWNERSHIP   "/api/v1/provisioning/ownership"
#define CLOUD       "/api/v1/provisioning/cloud-configuration"
#define ACLS        "/api/v1/provisioning/acls"
#define RESOURCES   "/api/v1/provisioning/resources"
#define LINE_LIMIT  65536u
#define MANY_FAULTS 300

static const char *const close_at_once[] = {"--close-after", "0", NULL};

static void start(struct test_service_fixture *f, const char *config)
{
	test_service_start(&f->service, config, close_at_once);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
}

static void must(struct test_service_fixture *f, const char *line)
{
	const char *answer = test_service_control(&f->service, line);

	if (strstr(answer, "\"ok\":true") == NULL) {
		fail_msg("%s", answer);
	}
}

static struct test_message get(struct test_service_fixture *f, const char *path)
{
	test_client_get(&f->client, path, 'g');
	return test_client_expect(&f->client);
}

static bool holds(const struct test_message *message, const char *text)
{
	return memmem(message->payload, message->payload_length, text, strlen(text)) != NULL;
}

/* --- lines --- */

static void every_line_is_answered(void **state)
{
	static const struct {
		const char *line;
		const char *error; /* NULL: it is done */
	} cases[] = {
		{"time:delay=1", NULL},
		{"owner:5.03:3", NULL},
		{"acls:redirect=coaps+tcp://[::1]:5684:2", NULL},
		{"credentials:firehose", NULL},
		{"clear", NULL},
		{"group deleted", NULL},
		{"group restored", NULL},
		{"disconnect", NULL},
		{"forget all", NULL},
		{"set owner \"somebody\"", NULL},
		{"set owner null", NULL},
		{"set psk \"0123456789abcdef\"", NULL},
		{"set hubs []", NULL},
		{"set hubs [{\"id\": \"00000000-0000-0000-0000-000000000009\", \"gateways\": [\"a.example:5684\"], \"ca\": \"other-9\"}]", NULL},
		{"set authorizationProvider \"other\"", NULL},
		{"set token \"abc\"", NULL},
		{"set token null", NULL},
		{"set identityLifetime 30", NULL},
		{"set identityValidFrom -10", NULL},
		{"set identityLifetime -5", NULL},
		{"set hubCaLifetime 60", NULL},
		{"set hubCaLifetime null", NULL},
		{"set groupDeleted false", NULL},
		{"set resources []", NULL},
		{"set allowExpiredManufacturerCertificates true", NULL},
		{"set inactivitySeconds 5", NULL},
		{"set timeOffsetSeconds -3600", NULL},
		{"set blockSzx 7", NULL},
		{"", "it must be a fault"},
		{"hello", "it must be a fault"},
		{" clear", "it must be a fault"},
		{"clear all", "nothing may follow"},
		{"disconnect 1", "nothing may follow"},
		{"nobody:5.03", "the step must be"},
		{"owner:nonsense", "no such action"},
		{"owner:5.03:0", "the count must be"},
		{"owner:slow=0", "no such action"},
		{"owner:firehose=0", "no such action"},
		{"owner:firehose=1073741825", "no such action"},
		{"time:redirect=coaps+tcp://a.example:5684", "no such action"},
		{"owner:redirect=", "no such action"},
		{"owner:redirect=coaps+tcp://a.example:5684:x", "the count must be"},
		{"owner:old-token=1", "no such action"},
		{"set", "set KEY JSON"},
		{"set owner", "set KEY JSON"},
		{"set owner ", "not JSON"},
		{"set owner x", "not JSON"},
		{"set owner \"a\" b", "not JSON"},
		{"set owner 7", "\\\"owner\\\" must be a text"},
		{"set nothing 7", "unknown key"},
		{"set nothing null", "unknown key"},
		{"set serverCertificate {}", "cannot change at run time"},
		{"set psk \"short\"", "at least 16 bytes"},
		{"set hubs [{}]", "\\\"hubs\\\" must be"},
		{"set hubs [{\"id\": \"00000000-0000-0000-0000-000000000009\", \"gateways\": [\"a:1\"], \"ca\": \"../x\"}]",
	     "\\\"hubs\\\" must be"},
		{"set hubs [{\"id\": \"00000000-0000-0000-0000-000000000009\", \"gateways\": [\"a:1\"], \"ca\": \"\"}]", "\\\"hubs\\\" must be"},
		{"set identityLifetime 0", "and not 0"},
		{"set identityLifetime 1e300", "a hundred years"},
		{"set identityValidFrom 0", "an identity must begin"},
		{"set hubCaLifetime 0", "from 1"},
		{"set groupDeleted 1", "true or false"},
		{"set allowExpiredManufacturerCertificates \"no\"", "true or false"},
		{"set inactivitySeconds 0", "from 0.05"},
		{"set timeOffsetSeconds 1e20", "a hundred years"},
		{"set blockSzx 8", "from 0 to 7"},
		{"set resources {}", "\\\"resources\\\" must be"},
		{"group", "group deleted"},
		{"group gone", "group deleted"},
		{"forget", "forget COMMON-NAME"},
		{"forget uuid:11111111-2222-3333-4444-555555555555", "no record"},
		{"forget revoked", "no record"},
		{"owner:5.03\t", "printable ASCII"},
		{"set owner \"\xc3\xb6\"", "printable ASCII"},
	};
	struct test_service_fixture *f = *state;
	size_t at;

	test_service_start(&f->service, NULL, NULL);
	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		const char *answer = test_service_control(&f->service, cases[at].line);
		const char *wanted = cases[at].error == NULL ? "\"ok\":true" : "\"ok\":false,\"error\":";

		if (strstr(answer, wanted) == NULL || (cases[at].error != NULL && strstr(answer, cases[at].error) == NULL)) {
			fail_msg("\"%s\": %s", cases[at].line, answer);
		}
	}
	assert_int_equal(test_service_stop(&f->service), 0);
}

static void lines_come_in_pieces_and_at_any_length(void **state)
{
	static char line[LINE_LIMIT + 2];
	static const char zero[] = "clear\0x\n";
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	assert_true(test_process_write(f->service.process, "cle", 3));
	assert_true(test_process_write(f->service.process, "ar\nclear\nse", 11));
	assert_non_null(strstr(test_service_await(&f->service, "control"), "\"line\":\"clear\",\"ok\":true"));
	assert_non_null(strstr(test_service_await(&f->service, "control"), "\"line\":\"clear\",\"ok\":true"));
	assert_non_null(strstr(test_service_control(&f->service, "t owner \"x\""), "\"line\":\"set owner \\\"x\\\"\",\"ok\":true"));

	memset(line, ' ', LINE_LIMIT + 1);
	memcpy(line, "set owner \"x\"", 13);
	assert_non_null(strstr(test_service_control(&f->service, line), "a line holds at most 65536 bytes"));
	line[LINE_LIMIT] = '\0';
	assert_non_null(strstr(test_service_control(&f->service, line), "\"ok\":true"));

	assert_true(test_process_write(f->service.process, zero, sizeof(zero) - 1));
	assert_non_null(strstr(test_service_await(&f->service, "control"), "\"line\":\"clear?x\",\"ok\":false"));
}

static void the_end_of_its_input_does_not_end_it(void **state)
{
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, NULL, NULL);
	assert_true(test_process_write(f->service.process, "group deleted", 13));
	test_process_close_input(f->service.process);
	assert_non_null(strstr(test_service_await(&f->service, "control"), "the input ended within the line"));
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	assert_int_equal(get(f, OWNERSHIP).code, 205);
	assert_int_equal(test_service_stop(&f->service), 0);
}

static void close_input(void *context)
{
	(void)context;
	close(STDIN_FILENO);
}

static void without_an_input_it_serves_too(void **state)
{
	struct test_scenario scenario;
	struct test_command command = {.prepare = close_input};
	struct test_program service;
	char device_id[37];

	(void)state;
	test_scenario_begin(&scenario);
	test_command_flag(&command, scenario.service_program);
	test_command_add(&command, "--state-dir", test_path(&scenario, "service"));
	test_command_add(&command, "--listen", "127.0.0.1:0");
	test_program_start(&service, &command);
	test_device_provision(
		&scenario,
		test_format(&scenario, "coaps+tcp://localhost:%d", (int)test_get_number(test_program_await(&service, "listening"), "port")),
		"state", device_id);
	test_program_free(&service);
	test_scenario_end(&scenario);
}

/* --- faults --- */

static void faults_come_and_go(void **state)
{
	struct test_service_fixture *f = *state;

	start(f, NULL);
	assert_int_equal(get(f, OWNERSHIP).code, 205);
	must(f, "owner:2.03:1");
	must(f, "owner:2.01");
	assert_int_equal(get(f, OWNERSHIP).code, 203);
	assert_int_equal(get(f, OWNERSHIP).code, 201);
	assert_int_equal(get(f, OWNERSHIP).code, 201);
	must(f, "clear");
	assert_int_equal(get(f, OWNERSHIP).code, 205);
}

/* The fault of a request that waits is its own: the list it came from may be forgotten and grow anew meanwhile. */
static void a_request_keeps_its_fault(void **state)
{
	static const char again[] = "time:5.03\n";
	static char lines[sizeof("clear\n") + MANY_FAULTS * sizeof(again)] = "clear\n";
	struct test_service_fixture *f = *state;
	int count;

	for (count = 0; count < MANY_FAULTS; count++)
		strcat(lines, again);
	start(f, NULL);
	must(f, "owner:delay=300");
	test_client_get(&f->client, OWNERSHIP, 'o');
	assert_int_equal(get(f, ACLS).code, 205);
	assert_true(test_process_write(f->service.process, lines, strlen(lines)));
	assert_non_null(test_service_await(&f->service, "\"fault\":\"delay=300\""));
	assert_int_equal(test_client_expect(&f->client).token[0], 'o');
}

/* --- settings --- */

static void settings_are_those_of_the_next_answer(void **state)
{
	static const struct test_request cloud = {.method = 2,
	                                          .path = CLOUD,
	                                          .token = 'c',
	                                          .content_format = 60,
	                                          .accept = -1,
	                                          .block1 = -1,
	                                          .block2 = -1,
	                                          .body = "\xa0",
	                                          .body_length = 1};
	struct test_service_fixture *f = *state;
	struct test_message message;

	start(f, "{\"owner\": \"11111111-2222-3333-4444-555555555555\"}");
	message = get(f, OWNERSHIP);
	assert_true(holds(&message, "11111111-2222-3333-4444-555555555555"));
	must(f, "set owner \"66666666-7777-8888-9999-000000000000\"");
	message = get(f, OWNERSHIP);
	assert_true(holds(&message, "66666666-7777-8888-9999-000000000000"));
	/* The default, not what the file said. */
	must(f, "set owner null");
	message = get(f, OWNERSHIP);
	assert_false(holds(&message, "11111111-2222"));
	assert_false(holds(&message, "66666666-7777"));

	must(f, "set token \"a token\"");
	must(f, "set authorizationProvider \"a provider\"");
	must(f, "set hubs [{\"id\": \"00000000-0000-0000-0000-000000000009\", \"gateways\": [\"a.example:1\"]}]");
	test_client_request(&f->client, &cloud);
	message = test_client_expect(&f->client);
	assert_true(holds(&message, "a token"));
	assert_true(holds(&message, "a provider"));
	assert_true(holds(&message, "coaps+tcp://a.example:1"));

	/* A refused line changes nothing. */
	assert_non_null(strstr(test_service_control(&f->service, "set hubs [{\"id\": \"x\"}]"), "\"ok\":false"));
	test_client_request(&f->client, &cloud);
	message = test_client_expect(&f->client);
	assert_true(holds(&message, "coaps+tcp://a.example:1"));

	must(f, "set resources [{\"href\": \"/light\", \"rep\": 1}]");
	assert_int_equal(get(f, RESOURCES).code, 205);
	must(f, "set resources null");
	assert_int_equal(get(f, RESOURCES).code, 404);
}

static void settings_of_connections(void **state)
{
	struct test_service_fixture *f = *state;
	const char *const make[] = {"make-device", "--state-dir", f->service.directory, "--out", test_service_path(&f->service, "old"),
	                            "--serial",    "old-device",  "--expired",          NULL};

	assert_int_equal(test_service_run(&f->service, make, NULL, 0), 0);
	start(f, NULL);
	must(f, "set allowExpiredManufacturerCertificates true");
	test_client_close(&f->client);
	test_client_connect(&f->client, &f->service, "old", NULL);
	test_client_greet(&f->client, TEST_CSM_EMPTY);
	must(f, "set inactivitySeconds 0.2");
	test_client_expect_end(&f->client);
	assert_non_null(test_service_await(&f->service, "\"reason\":\"inactivity\""));
}

/* --- the enrolment group --- */

static void assert_refused(struct test_service_fixture *f)
{
	test_client_close(&f->client);
	test_client_connect(&f->client, &f->service, "device", NULL);
	test_client_expect_end(&f->client);
	test_process_wait(f->client.process, TEST_SERVICE_TIMEOUT_MS);
	assert_non_null(strstr(test_process_error_text(f->client.process), "alert bad certificate"));
	assert_non_null(test_service_await(&f->service, "\"reason\":\"handshake\",\"certificate\":"));
}

static void a_deleted_group_lets_nobody_in(void **state)
{
	static const char text[] = "coap error: code = Forbidden desc = no enrollment group for the device";
	struct test_service_fixture *f = *state;
	struct test_message message;

	start(f, NULL);
	must(f, "group deleted");
	message = get(f, OWNERSHIP);
	assert_int_equal(message.code, 403);
	assert_int_equal(message.payload_length, strlen(text));
	assert_memory_equal(message.payload, text, strlen(text));
	test_client_expect_end(&f->client);
	assert_refused(f);
	must(f, "group restored");
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	assert_int_equal(get(f, OWNERSHIP).code, 205);
}

static void a_group_can_be_missing_from_the_start(void **state)
{
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, "{\"groupDeleted\": true}", NULL);
	test_client_connect(&f->client, &f->service, "device", NULL);
	assert_refused(f);
	must(f, "set groupDeleted null");
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
}

/* --- connections --- */

static void all_connections_can_be_closed(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_client second;

	start(f, NULL);
	test_client_connect(&second, &f->service, "device", NULL);
	test_client_greet(&second, TEST_CSM_EMPTY);
	must(f, "disconnect");
	test_client_expect_end(&f->client);
	test_client_expect_end(&second);
	assert_non_null(test_service_await(&f->service, "\"reason\":\"control\""));
	assert_non_null(test_service_await(&f->service, "\"reason\":\"control\""));
	test_client_close(&second);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
}

/* One that takes nothing of what never ends holds up nobody. */
static void a_flooded_connection_can_be_closed(void **state)
{
	struct test_service_fixture *f = *state;

	start(f, NULL);
	must(f, "owner:firehose=1073741824");
	test_client_get(&f->client, OWNERSHIP, 'o');
	assert_non_null(test_service_await(&f->service, "\"unanswered\":\"fault\""));
	must(f, "clear");
	must(f, "disconnect");
	assert_non_null(test_service_await(&f->service, "\"reason\":\"control\""));
	assert_int_equal(test_service_stop(&f->service), 0);
}

static int connect_to(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int file = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(file >= 0);
	assert_int_equal(connect(file, (const struct sockaddr *)&address, sizeof(address)), 0);
	return file;
}

/* The side that closes first keeps its port busy for a while, unless the next one to listen says that it knows. */
static void a_port_can_be_taken_again_at_once(void **state)
{
	struct test_scenario scenario;
	struct test_local service;
	char device_id[37];
	char byte;
	int port;
	int idle;

	(void)state;
	test_scenario_begin(&scenario);
	test_local_start(&service, &scenario, NULL, NULL);
	test_device_provision(&scenario, service.uri, "first", device_id);
	port = service.port;
	idle = connect_to(port);
	/* Behind it, so that the service has accepted it. */
	test_device_provision(&scenario, service.uri, "second", device_id);
	test_local_stop(&service);
	test_local_free(&service);
	assert_int_equal(read(idle, &byte, 1), 0);
	close(idle);
	test_local_start_on(&service, &scenario, "service", port, NULL, NULL);
	assert_int_equal(service.port, port);
	test_device_provision(&scenario, service.uri, "third", device_id);
	assert_non_null(strstr(test_local_control_refused(&service, "set owner 1"), "must be a text"));
	test_local_stop(&service);
	test_local_free(&service);
	test_scenario_end(&scenario);
}

#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, test_service_fixture_set_up, test_service_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(every_line_is_answered),
		WITH_SERVICE(lines_come_in_pieces_and_at_any_length),
		WITH_SERVICE(the_end_of_its_input_does_not_end_it),
		cmocka_unit_test(without_an_input_it_serves_too),
		WITH_SERVICE(faults_come_and_go),
		WITH_SERVICE(a_request_keeps_its_fault),
		WITH_SERVICE(settings_are_those_of_the_next_answer),
		WITH_SERVICE(settings_of_connections),
		WITH_SERVICE(a_deleted_group_lets_nobody_in),
		WITH_SERVICE(a_group_can_be_missing_from_the_start),
		WITH_SERVICE(all_connections_can_be_closed),
		WITH_SERVICE(a_flooded_connection_can_be_closed),
		cmocka_unit_test(a_port_can_be_taken_again_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
