/* SPDX-License-Identifier: Apache-2.0 */
/* Going offline, and leaving the hub for good: sign-out, sign-off, with and without answers. */
#include "support/test_hub.h"

static struct test_hub t;

static void test_sign_out(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	dps_hub_stop(&t.hub);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_LEAVING);
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN); /* the same, with login false */
	assert_int_equal(t.body[t.body_len - 1], 0xf4);
	/* the gateway cancels its observation first, and waits for that to be answered */
	test_channel_feed_hex(&t.link.peer, "a801f251b0664cfa18486101536f696303726573");
	test_hub_run(&t);
	assert_int_equal(t.served, 1);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_LEAVING);
	test_hub_answer_bytes(&t, 204, TEST_HUB_CBOR, "\xa0", 1);
	assert_int_equal(test_hub_run(&t), DPS_FOREVER);
	(void)test_hub_event(&t, DPS_HUB_EVENT_SIGNED_OUT);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_IDLE);
	assert_true(t.record.registered);
	/* and back */
	assert_int_equal(dps_hub_start(&t.hub), DPS_OK);
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_end(&t);
}

static void test_sign_out_without_answer(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	dps_hub_stop(&t.hub);
	test_hub_pass(&t, 4999);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_LEAVING);
	test_hub_pass(&t, 1);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_IDLE);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->cause, DPS_E_TIMEOUT);
	assert_int_equal(test_hub_count(&t, DPS_HUB_EVENT_SIGNED_OUT), 0);
	test_hub_end(&t);
	/* not wanted, and not online: at once */
	test_hub_init(&t);
	test_hub_register(&t);
	t.config.sign_out = false;
	test_hub_go_online(&t, "20");
	dps_hub_stop(&t.hub);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_IDLE);
	test_hub_end(&t);
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_begin(&t);
	dps_hub_stop(&t.hub);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_IDLE);
	test_hub_end(&t);
}

static void test_sign_off(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_begin(&t);
	assert_int_equal(dps_hub_sign_off(&t.hub), DPS_OK); /* done as soon as it is online */
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_give_session(&t, "20");
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_OFF);
	test_hub_answer_bytes(&t, 202, "", NULL, 0);
	test_hub_run(&t);
	(void)test_hub_event(&t, DPS_HUB_EVENT_SIGNED_OFF);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_IDLE);
	assert_false(t.record.registered);
	assert_string_equal(t.record.access, "");
	assert_string_equal(t.record.refresh, "");
	assert_string_equal(t.record.uid, "");
	assert_string_equal(t.record.token, "dps-token-1");
	assert_int_equal(dps_hub_sign_off(&t.hub), DPS_E_STATE);
	test_hub_end(&t);
}

static void test_sign_off_of_odd_users(void **state)
{
	static const char *const uids[] = {"a&b", "u"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		test_hub_init(&t);
		test_hub_register(&t);
		strcpy(t.record.uid, uids[i]);
		if (i == 1)
			memset(t.record.uid, 'u', 250); /* longer than a query takes */
		test_hub_go_online(&t, "20");
		assert_int_equal(dps_hub_sign_off(&t.hub), DPS_OK);
		test_hub_run(&t);
		test_hub_expect(&t, "DELETE /oic/sec/account?di=" TEST_HUB_DEVICE);
		/* refused: there is nothing more to be done than forgetting it here */
		test_hub_refuse(&t, 401, "who are you?");
		test_hub_run(&t);
		assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_SIGNED_OFF)->code, 401);
		assert_false(t.record.registered);
		test_hub_end(&t);
	}
}

static void test_sign_off_survives_a_lost_answer(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	assert_int_equal(dps_hub_sign_off(&t.hub), DPS_OK);
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_OFF);
	test_hub_hang_up(&t);
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN); /* at the other gateway */
	/* it was taken: the hub knows neither the tokens nor, once refused, the device */
	test_hub_refuse(&t, 401, "");
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	test_hub_refuse(&t, 401, "");
	test_hub_run(&t);
	test_hub_expect(&t, ""); /* nor is it signed up again to be signed off */
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_IDLE);
	(void)test_hub_event(&t, DPS_HUB_EVENT_SIGNED_OFF);
	assert_false(t.record.registered);
	test_hub_end(&t);
	/* a device that never signed up */
	test_hub_init(&t);
	assert_int_equal(dps_hub_init(&t.hub, &t.config), DPS_OK);
	assert_int_equal(dps_hub_start(&t.hub), DPS_OK);
	assert_int_equal(dps_hub_sign_off(&t.hub), DPS_OK);
	test_hub_run(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_IDLE);
	assert_int_equal(t.link.peer.opened, 0);
	test_hub_end(&t);
}

/* --- from one hub to another --------------------------------------------------------------------------------------------------------- */

/* Provisioned anew, for another hub, while online at the first. */
static void change_hub(void)
{
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[1] = NULL;
	test_hub_go_online(&t, "20");
	t.record.hub_id = TEST_HUB_B;
	t.record.ids[0] = TEST_HUB_B;
	t.record.uris[0] = TEST_HUB_URI_2;
	strcpy(t.record.gateway, TEST_HUB_URI_2);
	t.record.uid[0] = t.record.access[0] = t.record.refresh[0] = '\0';
	t.record.registered = false;
	dps_hub_reload(&t.hub);
	test_hub_run(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_LEAVING);
	test_hub_expect(&t, "DELETE /oic/sec/account?di=" TEST_HUB_DEVICE);
}

static void expect_at_the_other(void)
{
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_CANCELLED);
	assert_int_equal(test_hub_count(&t, DPS_HUB_EVENT_OFFLINE), 1);
	assert_int_equal(test_hub_count(&t, DPS_HUB_EVENT_SIGNED_OFF), 0); /* the device is at a hub all the while */
	assert_string_equal(t.host, "gw2.example");
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	assert_int_equal(t.updates, 0);
	test_hub_end(&t);
}

static void test_another_hub(void **state)
{
	(void)state;
	change_hub();
	test_hub_answer_bytes(&t, 202, "", NULL, 0);
	test_hub_run(&t);
	expect_at_the_other();
	/* refused */
	change_hub();
	test_hub_refuse(&t, 401, "no");
	test_hub_run(&t);
	expect_at_the_other();
	/* not answered */
	change_hub();
	test_hub_pass(&t, 4999);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_LEAVING);
	test_hub_pass(&t, 1);
	expect_at_the_other();
	/* gone */
	change_hub();
	test_hub_hang_up(&t);
	(void)dps_hub_process(&t.hub);
	t.link.peer.read_end = DPS_OK;
	test_hub_run(&t);
	expect_at_the_other();
	/* stopped meanwhile */
	change_hub();
	dps_hub_stop(&t.hub);
	test_hub_answer_bytes(&t, 202, "", NULL, 0);
	assert_int_equal(test_hub_run(&t), DPS_FOREVER);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_IDLE);
	test_hub_end(&t);
}

/* Tokens of the former hub that come then are nobody's. */
static void test_tokens_that_come_late(void **state)
{
	uint8_t refresh_token[8];

	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[1] = NULL;
	test_hub_go_online(&t, "0b"); /* eleven seconds */
	test_hub_pass(&t, 11000);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	memcpy(refresh_token, t.request_token, sizeof(refresh_token));
	t.record.hub_id = TEST_HUB_B;
	t.record.ids[0] = TEST_HUB_B;
	t.record.registered = false;
	t.record.uid[0] = t.record.access[0] = t.record.refresh[0] = '\0';
	dps_hub_reload(&t.hub);
	test_hub_run(&t);
	memcpy(t.request_token, refresh_token, sizeof(refresh_token));
	test_hub_give_tokens(&t, "access-2", "refresh-2", NULL, NULL, "20");
	test_hub_run(&t);
	assert_int_equal(t.updates, 0);
	test_hub_expect(&t, "DELETE /oic/sec/account?di=" TEST_HUB_DEVICE);
	test_hub_end(&t);
}

/* A run commits another hub's record while the device says good-bye: nothing of the former one is written over it. */
static void test_records_that_change_meanwhile(void **state)
{
	uint8_t refresh_token[8];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		test_hub_init(&t);
		test_hub_register(&t);
		t.record.uris[1] = NULL;
		test_hub_go_online(&t, i == 0 ? "0b" : "20");
		if (i == 0) {
			test_hub_pass(&t, 11000);
			test_hub_expect(&t, TEST_HUB_REFRESH);
			memcpy(refresh_token, t.request_token, sizeof(refresh_token));
			dps_hub_stop(&t.hub);
		} else {
			assert_int_equal(dps_hub_sign_off(&t.hub), DPS_OK);
			test_hub_run(&t);
			test_hub_expect(&t, TEST_HUB_SIGN_OFF);
		}
		t.record.hub_id = TEST_HUB_B;
		strcpy(t.record.token, "another-token");
		t.record.uid[0] = t.record.access[0] = t.record.refresh[0] = '\0';
		t.record.registered = false;
		dps_hub_reload(&t.hub);
		test_hub_run(&t);
		if (i == 0) {
			memcpy(t.request_token, refresh_token, sizeof(refresh_token));
			test_hub_give_tokens(&t, "access-2", "refresh-2", NULL, NULL, "20");
		} else {
			test_hub_answer_bytes(&t, 202, "", NULL, 0);
		}
		test_hub_run(&t);
		assert_int_equal(t.updates, 0);
		assert_string_equal(t.record.token, "another-token");
		test_hub_end(&t);
	}
}

/* The former hub may quote what nobody here knows any more to be a secret. */
static void test_the_former_hubs_text(void **state)
{
	(void)state;
	change_hub();
	test_hub_refuse(&t, 401, "bad access-token-1");
	test_hub_run(&t);
	assert_string_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->text, "");
	test_hub_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_hub),
		cmocka_unit_test(test_records_that_change_meanwhile),
		cmocka_unit_test(test_the_former_hubs_text),
		cmocka_unit_test(test_tokens_that_come_late),
		cmocka_unit_test(test_sign_out),
		cmocka_unit_test(test_sign_out_without_answer),
		cmocka_unit_test(test_sign_off),
		cmocka_unit_test(test_sign_off_of_odd_users),
		cmocka_unit_test(test_sign_off_survives_a_lost_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
