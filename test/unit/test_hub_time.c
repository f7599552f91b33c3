/* SPDX-License-Identifier: Apache-2.0 */
/* A session of a device that does not know the time: what has passed for certain is held against the gateway's certificate, and the hub is asked. */
#include "support/test_hub.h"

#define TIME_REQUEST "GET /x.plgd.dev/time"

/* {"time": "2027-01-15T08:00:00Z"}, which is TEST_HUB_NOW */
#define TIME_ANSWER "a16474696d6574323032372d30312d31355430383a30303a30305a"

static struct test_hub t;
static int64_t passed;
static int64_t told_ms;

static int64_t passed_s(void *ctx)
{
	(void)ctx;
	return passed;
}

static void tell_time(void *ctx, int64_t unix_ms)
{
	struct test_hub *hub = ctx;

	told_ms = unix_ms;
	hub->now_s = unix_ms / 1000 - (int64_t)(hub->now_ms / 1000);
}

static void begin(void)
{
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[1] = NULL;
	t.now_s = 0;
	t.config.source.passed_s = passed_s;
	t.config.source.tell_time = tell_time;
	passed = 0;
	told_ms = 0;
}

static void answer_time(const char *hex)
{
	uint8_t payload[64];

	test_hub_answer_bytes(&t, 205, TEST_HUB_CBOR, payload, test_channel_hex(hex, payload, sizeof(payload)));
}

/* The question and the sign-in leave in one flight; each is answered. */
static void ask_and_sign_in(const char *answer)
{
	uint8_t time_token[8];

	assert_string_equal(test_hub_next(&t), TIME_REQUEST);
	assert_int_equal(t.body_len, 0);
	memcpy(time_token, t.request_token, sizeof(time_token));
	assert_string_equal(test_hub_next(&t), TEST_HUB_SIGN_IN);
	test_hub_give_session(&t, "");
	memcpy(t.request_token, time_token, sizeof(time_token));
	t.now_ms += 100; /* of which half was the way back */
	answer_time(answer);
	test_hub_run(&t);
}

static void asked_beside_the_sign_in(void **state)
{
	(void)state;
	begin();
	test_hub_begin(&t);
	ask_and_sign_in(TIME_ANSWER);
	assert_true(told_ms == TEST_HUB_NOW * 1000 + 50);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	for (size_t i = 0; i < t.event_count; i++)
		assert_int_not_equal(t.events[i].type, DPS_HUB_EVENT_WARNING);
	/* it is known now: the next session does not ask */
	test_hub_pass(&t, 60000);
	test_hub_hang_up(&t);
	test_hub_pass(&t, 2000);
	assert_string_equal(test_hub_next(&t), TEST_HUB_SIGN_IN);
	test_hub_end(&t);
}

static void not_asked_when_it_is_known(void **state)
{
	(void)state;
	begin();
	t.now_s = TEST_HUB_NOW;
	test_hub_begin(&t);
	assert_string_equal(test_hub_next(&t), TEST_HUB_SIGN_IN);
	test_hub_end(&t);
}

/* By what the hub says, its own certificate has ended, or has not begun. */
static void dates_by_the_hubs_time(void **state)
{
	(void)state;
	begin();
	t.not_after = TEST_HUB_NOW - 1;
	test_hub_begin(&t);
	ask_and_sign_in(TIME_ANSWER);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_SERVER_EXPIRED);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_WAITING);
	test_hub_end(&t);
}

/* What ended before the device's floor is not asked anything, and gets no token. */
static void dates_by_what_has_passed(void **state)
{
	(void)state;
	begin();
	t.not_after = TEST_HUB_NOW - 1;
	passed = TEST_HUB_NOW;
	test_hub_begin(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_SERVER_EXPIRED);
	assert_string_equal(test_hub_next(&t), "");
	assert_int_equal(t.attached, 0);
	test_hub_end(&t);
	/* one that begins behind the floor says nothing against it */
	begin();
	passed = 1;
	test_hub_begin(&t);
	ask_and_sign_in(TIME_ANSWER);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	test_hub_end(&t);
	/* nor when nobody takes the time */
	begin();
	t.not_after = TEST_HUB_NOW - 1;
	passed = TEST_HUB_NOW;
	t.config.source.tell_time = NULL;
	test_hub_begin(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_SERVER_EXPIRED);
	test_hub_end(&t);
}

/* A hub that does not tell it is used as it is, and not asked again. */
static void hubs_that_do_not_tell_it(void **state)
{
	static const char *const answers[] = {"", "a0", "a16474696d6500", "a16474696d65636e6f77", "ff", "a16474696d65743230"};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		begin();
		test_hub_begin(&t);
		ask_and_sign_in(answers[i]);
		assert_true(told_ms == 0);
		assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
		assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->cause, DPS_E_CLOCK_NOT_SET);
		test_hub_end(&t);
	}
	/* an error answer, behind which the gateway closes */
	begin();
	test_hub_begin(&t);
	assert_string_equal(test_hub_next(&t), TIME_REQUEST);
	test_hub_refuse(&t, 401, "not signed in");
	test_hub_run(&t);
	test_hub_hang_up(&t);
	test_hub_pass(&t, 4000);
	assert_string_equal(test_hub_next(&t), TEST_HUB_SIGN_IN); /* what the first connection had still sent */
	assert_string_equal(test_hub_next(&t), TEST_HUB_SIGN_IN);
	assert_string_equal(test_hub_next(&t), "");
	test_hub_end(&t);
	/* none at all */
	begin();
	t.config.keepalive_ms = 0;
	test_hub_begin(&t);
	assert_string_equal(test_hub_next(&t), TIME_REQUEST);
	assert_string_equal(test_hub_next(&t), TEST_HUB_SIGN_IN);
	test_hub_give_session(&t, "");
	test_hub_pass(&t, 40000);
	assert_string_equal(test_hub_next(&t), TEST_HUB_SIGN_IN);
	test_hub_end(&t);
}

/* A time by which its own certificate has no say is not handed on, and is asked for anew. */
static void a_hub_that_is_wrong_once(void **state)
{
	(void)state;
	begin();
	t.not_after = TEST_HUB_NOW + 365 * INT64_C(86400);
	test_hub_begin(&t);
	ask_and_sign_in("a16474696d6574323039392d30312d31355430383a30303a30305a"); /* 2099 */
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_SERVER_EXPIRED);
	assert_true(told_ms == 0);
	test_hub_pass(&t, 4000);
	ask_and_sign_in(TIME_ANSWER);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	assert_in_range(told_ms / 1000, TEST_HUB_NOW, TEST_HUB_NOW + 2);
	test_hub_end(&t);
}

/* Whether it was the question, or the network, nobody knows: every other connection does without. */
static void connections_that_end_at_the_question(void **state)
{
	unsigned asked = 0, signed_in = 0;

	(void)state;
	begin();
	test_hub_begin(&t);
	for (unsigned i = 0; i < 20; i++) {
		const bool asks = strcmp(test_hub_next(&t), TIME_REQUEST) == 0;

		asked += asks;
		signed_in += !asks;
		test_hub_hang_up(&t);
		test_hub_run(&t);
		t.link.peer.read_end = DPS_OK;
		test_hub_pass(&t, 70000);
	}
	assert_int_equal(asked, 10);
	assert_int_equal(signed_in, 10);
	test_hub_end(&t);
	/* an outage is not taken for a hub that does not tell it */
	begin();
	t.config.keepalive_ms = 0;
	test_hub_begin(&t);
	test_hub_pass(&t, 31000);
	assert_false(t.hub.no_time);
	test_hub_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_beside_the_sign_in),
		cmocka_unit_test(not_asked_when_it_is_known),
		cmocka_unit_test(dates_by_the_hubs_time),
		cmocka_unit_test(dates_by_what_has_passed),
		cmocka_unit_test(hubs_that_do_not_tell_it),
		cmocka_unit_test(a_hub_that_is_wrong_once),
		cmocka_unit_test(connections_that_end_at_the_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
