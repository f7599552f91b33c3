/* SPDX-License-Identifier: Apache-2.0 */
/* The faults that dps-service makes on purpose: that each does on the wire what docs/local-service.md says, and as often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_service_client.h"

#define OWNERSHIP      "/api/v1/provisioning/ownership"
#define CREDENTIALS    "/api/v1/provisioning/credentials"
#define ACLS           "/api/v1/provisioning/acls"
#define TEST_CSM_EMPTY "00e1"
#define OWNER_BODY     52u /* bytes of the true answer's body */

/* A fresh service with this one fault, and a connection on which the device has greeted it. */
static void start_with(struct test_service_fixture *f, const char *fault)
{
	const char *const arguments[] = {"--close-after", "0", "--fault", fault, NULL};

	if (f->client.process != NULL) {
		test_client_close(&f->client);
	}
	if (f->service.process != NULL) {
		assert_int_equal(test_service_stop(&f->service), 0);
	}
	test_service_start(&f->service, NULL, arguments);
	test_client_connect(&f->client, &f->service, "device", NULL);
	test_client_greet(&f->client, TEST_CSM_EMPTY);
}

static struct test_message get_owner(struct test_service_fixture *f)
{
	test_client_get(&f->client, OWNERSHIP, 'o');
	return test_client_expect(&f->client);
}

static void codes_are_answered_as_often_as_asked(void **state)
{
	static const char text[] = "coap error: code = ServiceUnavailable desc = asked for by --fault owner:5.03";
	struct test_service_fixture *f = *state;
	struct test_message message;
	int round;

	start_with(f, "owner:5.03:2");
	for (round = 0; round < 2; round++) {
		message = get_owner(f);
		assert_int_equal(message.code, 503);
		assert_int_equal(message.payload_length, strlen(text));
		assert_memory_equal(message.payload, text, strlen(text));
		test_client_expect_end(&f->client);
		test_service_fixture_connect(f, TEST_CSM_EMPTY);
	}
	assert_int_equal(get_owner(f).code, 205);
	assert_non_null(
		test_process_read_line_with(f->service.process, "\"step\":\"owner\",\"count\":2,\"code\":\"5.03\"", TEST_SERVICE_TIMEOUT_MS));
	assert_non_null(
		test_process_read_line_with(f->service.process, "\"step\":\"owner\",\"count\":3,\"code\":\"2.05\"", TEST_SERVICE_TIMEOUT_MS));
}

static void the_next_fault_follows_when_one_is_used_up(void **state)
{
	static const char *const arguments[] = {"--close-after", "0", "--fault", "owner:garbage:1", "--fault", "owner:2.03:1", NULL};
	struct test_service_fixture *f = *state;

	test_service_start(&f->service, NULL, arguments);
	test_client_connect(&f->client, &f->service, "device", NULL);
	test_client_greet(&f->client, TEST_CSM_EMPTY);
	assert_int_equal(get_owner(f).payload[0], 0xff);
	assert_int_equal(get_owner(f).code, 203);
	assert_int_equal(get_owner(f).code, 205);
}

static void a_delayed_answer_comes_after_later_ones(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;

	start_with(f, "owner:delay=100");
	test_client_get(&f->client, OWNERSHIP, 'o');
	test_client_get(&f->client, ACLS, 'a');
	message = test_client_expect(&f->client);
	assert_int_equal(message.token[0], 'a');
	message = test_client_expect(&f->client);
	assert_int_equal(message.token[0], 'o');
}

static void bodies_are_damaged(void **state)
{
	static const struct {
		const char *fault;
		size_t length;
		unsigned char first;
		const char *end;
		size_t end_length;
	} cases[] = {
		{"owner:garbage", 64, 0xff, "\xff\x1c\x5d\xfe", 4},
		{"owner:truncate", OWNER_BODY / 2, 0xa1, "", 0},
		{"owner:nested", OWNER_BODY + 2 + 201, 0xa2, "\x81\x81\x81\x00", 4},
		{"owner:endless", OWNER_BODY + 2 + 257, 0xa2, "\x00\x00", 2},
		{"owner:large=300", OWNER_BODY + 2 + 3 + 300, 0xa2, "xxx", 3},
		{"owner:large=100000", OWNER_BODY + 2 + 5 + 100000, 0xa2, "xxx", 3},
		{"owner:wrong-type=devowneruuid", 15, 0xa1, "devowneruuid\x07", 13},
		{"owner:wrong-type=.", 1, 0x07, "", 0},
		{"owner:wrong-type=nothing-of-this-name", OWNER_BODY, 0xa1, "", 0},
	};
	struct test_service_fixture *f = *state;
	size_t at;

	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		struct test_message message;

		start_with(f, cases[at].fault);
		message = get_owner(f);
		assert_int_equal(message.code, 205);
		assert_int_equal(message.payload_length, cases[at].length);
		assert_int_equal(message.payload[0], cases[at].first);
		assert_memory_equal(message.payload + message.payload_length - cases[at].end_length, cases[at].end, cases[at].end_length);
	}
}

static void a_wrong_type_reaches_inner_fields(void **state)
{
	static const struct {
		const char *fault;
		const char *expected;
	} cases[] = {
		{"acls:wrong-type=aclist2", "\xa1\x67"
	                                "aclist2\x07"},
		{"acls:wrong-type=permission", "\x6apermission\x61"
	                                   "7"},
		{"acls:wrong-type=resources", "\x69resources\x07"},
		{"acls:wrong-type=uuid", "\x64uuid\x07"},
	};
	struct test_service_fixture *f = *state;
	size_t at;

	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		struct test_message message;

		start_with(f, cases[at].fault);
		test_client_get(&f->client, ACLS, 'a');
		message = test_client_expect(&f->client);
		assert_non_null(memmem(message.payload, message.payload_length, cases[at].expected, strlen(cases[at].expected)));
	}
}

static void an_unknown_critical_option_is_added(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;
	size_t length;

	start_with(f, "owner:critical-option");
	message = get_owner(f);
	assert_non_null(test_message_option(&message, 65001, &length));
	assert_int_equal(message.payload_length, OWNER_BODY);
}

static void strangers_and_twins_come_with_the_answer(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;

	start_with(f, "owner:stray-token");
	message = get_owner(f);
	assert_int_equal(message.token_length, 8);
	message = test_client_expect(&f->client);
	assert_int_equal(message.token[0], 'o');

	start_with(f, "owner:duplicate");
	assert_int_equal(get_owner(f).token[0], 'o');
	assert_int_equal(test_client_expect(&f->client).token[0], 'o');
	test_client_get(&f->client, ACLS, 'a');
	assert_int_equal(test_client_expect(&f->client).token[0], 'a');
}

static void floods_come_before_the_answer(void **state)
{
	struct test_service_fixture *f = *state;
	int count;

	start_with(f, "owner:flood-requests=200");
	test_client_get(&f->client, OWNERSHIP, 'o');
	for (count = 0; count < 200; count++) {
		assert_int_equal(test_client_expect(&f->client).code, 1);
	}
	assert_int_equal(test_client_expect(&f->client).code, 205);

	start_with(f, "owner:flood-pings=200");
	test_client_get(&f->client, OWNERSHIP, 'o');
	for (count = 0; count < 200; count++) {
		assert_int_equal(test_client_expect(&f->client).code, 702);
	}
	assert_int_equal(test_client_expect(&f->client).code, 205);
}

static void an_answered_request_is_answered_again(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;

	start_with(f, "owner:old-token");
	test_client_get(&f->client, OWNERSHIP, '1');
	assert_int_equal(test_client_expect(&f->client).token[0], 'T'); /* the time's, which every device asks for first */
	message = test_client_expect(&f->client);
	assert_int_equal(message.token[0], '1');
	assert_int_equal(message.payload_length, OWNER_BODY);
	test_client_get(&f->client, ACLS, 'a');
	assert_int_equal(test_client_expect(&f->client).token[0], 'a');
	test_client_get(&f->client, OWNERSHIP, '2');
	assert_int_equal(test_client_expect(&f->client).token[0], 'a');
	assert_int_equal(test_client_expect(&f->client).token[0], '2');
}

/* Takes answers nobody asked for until the connection ends: how many bytes of bodies they had. */
static size_t drink(struct test_service_fixture *f, size_t enough)
{
	struct test_message message;
	size_t total = 0;

	while (total < enough && test_client_receive(&f->client, &message)) {
		assert_int_equal(message.code, 205);
		assert_int_equal(message.token_length, 8);
		total += message.payload_length;
	}
	return total;
}

static void a_firehose_does_not_stop(void **state)
{
	struct test_service_fixture *f = *state;

	start_with(f, "owner:firehose=100000:1");
	test_client_get(&f->client, OWNERSHIP, 'o');
	assert_in_range(drink(f, SIZE_MAX), 100000, 100000 + 512);
	assert_non_null(
		test_process_read_line_with(f->service.process, "\"unanswered\":\"fault\",\"fault\":\"firehose=100000\"", TEST_SERVICE_TIMEOUT_MS));
	assert_non_null(test_process_read_line_with(f->service.process, "\"reason\":\"fault\"", TEST_SERVICE_TIMEOUT_MS));

	/* Whatever it sends to one device, others are served, and it goes on while nothing comes from the device. */
	start_with(f, "owner:firehose");
	test_client_get(&f->client, OWNERSHIP, 'o');
	assert_true(drink(f, 1u << 20) >= 1u << 20);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	assert_non_null(test_process_read_line_with(f->service.process, "\"event\":\"closed\"", TEST_SERVICE_TIMEOUT_MS));
}

static void an_answer_drips(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;
	char bytes[8];

	start_with(f, "owner:slow=1:1");
	test_client_get(&f->client, OWNERSHIP, '1');
	/* s_client writes what each record brought. */
	assert_int_equal(test_process_read(f->client.process, bytes, sizeof(bytes), TEST_SERVICE_TIMEOUT_MS), 1);
	memcpy(f->client.bytes, bytes, 1);
	f->client.length = 1;
	test_client_get(&f->client, ACLS, '2');
	message = test_client_expect(&f->client);
	assert_int_equal(message.token[0], '1');
	assert_int_equal(message.code, 205);
	assert_int_equal(message.payload_length, OWNER_BODY);
	assert_int_equal(test_client_expect(&f->client).token[0], '2');
	test_client_get(&f->client, OWNERSHIP, '3');
	assert_int_equal(test_client_expect(&f->client).token[0], '3');
}

static void a_dripping_error_ends_the_connection_at_its_end(void **state)
{
	struct test_service_fixture *f = *state;
	struct test_message message;

	start_with(f, "resources:slow=1");
	test_client_get(&f->client, "/api/v1/provisioning/resources", 'r');
	message = test_client_expect(&f->client);
	assert_int_equal(message.code, 404);
	test_client_expect_end(&f->client);
}

static void answers_carry_a_redirection(void **state)
{
	static const struct {
		const char *fault;
		const char *path;
	} cases[] = {
		{"owner:redirect=coaps+tcp://other.example:5684:1", OWNERSHIP},
		{"acls:redirect=coaps+tcp://other.example:5684", ACLS},
	};
	static const char expected[] = "\x6bredirecturi\x78\x1e"
								   "coaps+tcp://other.example:5684";
	struct test_service_fixture *f = *state;
	size_t at;

	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		struct test_message message;

		start_with(f, cases[at].fault);
		test_client_get(&f->client, cases[at].path, 'r');
		message = test_client_expect(&f->client);
		assert_int_equal(message.code, 205);
		assert_int_equal(message.payload[0], 0xa2);
		assert_non_null(memmem(message.payload, message.payload_length, expected, sizeof(expected) - 1));
		test_client_get(&f->client, cases[at].path, 's');
		message = test_client_expect(&f->client);
		/* The first was meant for one answer, whatever colons its URI has; the second for all. */
		assert_int_equal(memmem(message.payload, message.payload_length, expected, sizeof(expected) - 1) != NULL, at == 1);
	}
}

static void a_silent_service_answers_nothing_else_is_missing(void **state)
{
	struct test_service_fixture *f = *state;

	start_with(f, "owner:silence:1");
	test_client_get(&f->client, OWNERSHIP, '1');
	test_client_get(&f->client, OWNERSHIP, '2');
	assert_int_equal(test_client_expect(&f->client).token[0], '2');
	assert_non_null(test_process_read_line_with(f->service.process, "\"code\":null,\"unanswered\":\"fault\",\"fault\":\"silence\"",
	                                            TEST_SERVICE_TIMEOUT_MS));
}

/* s_client names the error number of a reset, and says nothing on a close with TLS's good-bye. */
static void assert_ended_by_reset(struct test_service_fixture *f, bool is_reset)
{
	test_client_expect_end(&f->client);
	assert_true(test_process_wait(f->client.process, TEST_SERVICE_TIMEOUT_MS) >= 0);
	assert_int_equal(strstr(test_process_error_text(f->client.process), "errno=104") != NULL, is_reset);
}

static void connections_are_cut(void **state)
{
	struct test_service_fixture *f = *state;

	start_with(f, "owner:disconnect");
	test_client_get(&f->client, OWNERSHIP, 'o');
	assert_ended_by_reset(f, false);

	start_with(f, "owner:reset");
	test_client_get(&f->client, OWNERSHIP, 'o');
	assert_ended_by_reset(f, true);

	start_with(f, "owner:reset-after=30");
	test_client_get(&f->client, OWNERSHIP, 'o');
	assert_ended_by_reset(f, true);
	assert_int_equal(f->client.length, 30);
	assert_memory_equal(f->client.bytes + 2,
	                    "\x45o\xc2\x27\x10\xff\xa1\x6c"
	                    "devowneruuid",
	                    20);
}

static void the_devices_answer_is_not_heard(void **state)
{
	static const char *const arguments[] = {"--fault", "time:no-oic-res:1", NULL};
	uint8_t answer[2 + 8] = {0x08, 0x84};
	struct test_service_fixture *f = *state;
	struct test_message message;

	test_service_start(&f->service, "{\"inactivitySeconds\": 0.4}", arguments);
	test_client_connect(&f->client, &f->service, "device", NULL);
	test_client_send_hex(&f->client, TEST_CSM_EMPTY);
	assert_int_equal(test_client_expect(&f->client).code, 701);
	test_client_get(&f->client, "/x.plgd.dev/time", '1');
	message = test_client_expect(&f->client);
	memcpy(answer + 2, message.token, 8);
	test_client_send(&f->client, answer, sizeof(answer));
	test_client_get(&f->client, "/x.plgd.dev/time", '2');
	assert_int_equal(test_client_expect(&f->client).token[0], '2');
	test_client_expect_end(&f->client);
	test_service_fixture_connect(f, TEST_CSM_EMPTY);
}

/* --- credentials --- */

struct verdict {
	int verify; /* of openssl: 0 the chain is good */
	bool is_ours_by_name;
	bool is_ours_by_key;
};

static void key_of(const char *const argv[], char *text, size_t size)
{
	assert_int_equal(test_process_run(argv, TEST_SERVICE_TIMEOUT_MS, text, size, NULL, 0), 0);
}

/* What a device that looks closely would find; the body stands for its request. */
static struct verdict get_credentials(struct test_service_fixture *f)
{
	uint8_t body[1024];
	struct test_message message;
	struct verdict verdict;
	const char *identity;
	const char *anchor;
	char subject[512];
	char theirs[1024];
	char ours[1024];

	test_client_post_credentials(&f->client, 'c', body, test_credentials_body("provision-sequential.txt", "creds", body, sizeof(body)));
	message = test_client_expect(&f->client);
	assert_int_equal(message.code, 204);
	identity = test_service_write_pem(&f->service, "identity.pem", &message, "oic.sec.cred.cert");
	anchor = test_service_write_pem(&f->service, "anchor.pem", &message, "oic.sec.cred.trustca");
	{
		const char *const verify[] = {"openssl", "verify", "-CAfile", anchor, "-untrusted", identity, identity, NULL};
		const char *const name[] = {"openssl", "x509", "-in", identity, "-noout", "-subject", NULL};
		const char *const key[] = {"openssl", "x509", "-in", identity, "-noout", "-pubkey", NULL};
		const char *const csr[] = {"openssl", "req", "-in", "test/vectors/plgd/identity.csr.pem", "-noout", "-pubkey", NULL};

		verdict.verify = test_process_run(verify, TEST_SERVICE_TIMEOUT_MS, NULL, 0, NULL, 0);
		key_of(name, subject, sizeof(subject));
		key_of(key, theirs, sizeof(theirs));
		key_of(csr, ours, sizeof(ours));
	}
	verdict.is_ours_by_name = strstr(subject, "uuid:11111111-2222-3333-4444-555555555555") != NULL;
	verdict.is_ours_by_key = strcmp(theirs, ours) == 0;
	return verdict;
}

static void identities_are_wrong_in_one_way_each(void **state)
{
	static const struct {
		const char *fault;
		bool verifies;
		bool name;
		bool key;
	} cases[] = {
		{"credentials:duplicate", true, true, true},     {"credentials:wrong-key", true, true, false},
		{"credentials:wrong-device", true, false, true}, {"credentials:wrong-ca", false, true, true},
		{"credentials:wrong-order", true, false, false}, /* the first certificate is the intermediate's */
		{"credentials:expired", false, true, true},
	};
	struct test_service_fixture *f = *state;
	size_t at;

	for (at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		struct verdict verdict;

		start_with(f, cases[at].fault);
		verdict = get_credentials(f);
		assert_int_equal(verdict.verify == 0, cases[at].verifies);
		assert_int_equal(verdict.is_ours_by_name, cases[at].name);
		assert_int_equal(verdict.is_ours_by_key, cases[at].key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(codes_are_answered_as_often_as_asked, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(the_next_fault_follows_when_one_is_used_up, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_delayed_answer_comes_after_later_ones, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(bodies_are_damaged, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_type_reaches_inner_fields, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(an_unknown_critical_option_is_added, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(strangers_and_twins_come_with_the_answer, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(floods_come_before_the_answer, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(an_answered_request_is_answered_again, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_firehose_does_not_stop, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(an_answer_drips, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_dripping_error_ends_the_connection_at_its_end, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(answers_carry_a_redirection, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_silent_service_answers_nothing_else_is_missing, test_service_fixture_set_up,
	                                    test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(connections_are_cut, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(the_devices_answer_is_not_heard, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(identities_are_wrong_in_one_way_each, test_service_fixture_set_up, test_service_fixture_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
