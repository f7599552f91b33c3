/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gateways that fail: fail-over, back-off, the fall back to provisioning, connections that are not made, certificates out of their dates, links that
 * are dead.
 */
#include "support/test_hub.h"

static struct test_hub t;

static void test_failover(void **state)
{
	const struct dps_hub_event *event;

	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[2] = TEST_HUB_URI_3; /* of another hub */
	t.record.ids[2] = TEST_HUB_B;
	t.link.peer.establish_result = DPS_E_CONNECT;
	t.link.peer.not_connected = true;
	t.link.peer.detail = "connection refused";
	assert_int_equal(dps_hub_init(&t.hub, &t.config), DPS_OK);
	assert_int_equal(dps_hub_start(&t.hub), DPS_OK);
	assert_int_equal(test_hub_run(&t), 1500);
	/* both gateways at once, then a wait */
	assert_int_equal(t.link.peer.opened, 2);
	event = test_hub_event(&t, DPS_HUB_EVENT_OFFLINE);
	assert_int_equal(event->cause, DPS_E_CONNECT);
	assert_string_equal(event->text, "connection refused");
	assert_string_equal(event->gateway, TEST_HUB_URI_1);
	assert_int_equal(event->in_ms, 0);
	event = test_hub_event(&t, DPS_HUB_EVENT_OFFLINE);
	assert_string_equal(event->gateway, TEST_HUB_URI_2);
	assert_int_equal(event->in_ms, 1500);
	t.link.peer.establish_result = DPS_OK;
	test_hub_pass(&t, 1500);
	assert_string_equal(t.host, "gw1.example");
	/* one works that was not the first: it is remembered */
	test_hub_hang_up(&t);
	test_hub_run(&t);
	assert_string_equal(t.host, "gw2.example");
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_give_session(&t, "20");
	test_hub_run(&t);
	assert_int_equal(t.updates, 0);
	test_coap_feed(&t.link, 702, "01", "", NULL, 0);
	test_hub_pass(&t, 20000);
	test_coap_feed(&t.link, 702, "01", "", NULL, 0);
	test_hub_pass(&t, 20000);
	test_coap_feed(&t.link, 702, "01", "", NULL, 0);
	test_hub_pass(&t, 20000);
	assert_int_equal(t.record.selected, 2);
	assert_int_equal(t.updates, 1);
	test_hub_end(&t);
	/* and the next start begins there */
	t.attached = t.detached = 0;
	test_hub_begin(&t);
	assert_string_equal(t.host, "gw2.example");
	test_hub_end(&t);
}

static void test_back_off(void **state)
{
	static const uint32_t waits[] = {1500, 3000, 6000, 12000, 24000, 48000, 48000, 48000};

	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[1] = NULL;
	t.config.fallback_after = 0;
	t.link.peer.establish_result = DPS_E_CONNECT;
	assert_int_equal(dps_hub_init(&t.hub, &t.config), DPS_OK);
	assert_int_equal(dps_hub_start(&t.hub), DPS_OK);
	for (size_t i = 0; i < 8; i++) {
		const uint32_t within = test_hub_run(&t);

		assert_int_equal(within, waits[i]);
		t.now_ms += within;
	}
	assert_int_equal(t.provisions, 0);
	test_hub_end(&t);
}

/* Online for a moment only does not make a new beginning; for a minute does. */
static void test_stable(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[1] = NULL;
	test_hub_go_online(&t, "20");
	(void)test_hub_event(&t, DPS_HUB_EVENT_ONLINE);
	for (unsigned i = 0; i < 3; i++) {
		const uint32_t waits[] = {1500, 3000, 6000};

		t.now_ms += 100;
		test_hub_hang_up(&t);
		assert_int_equal(test_hub_run(&t), waits[i]);
		test_hub_pass(&t, waits[i]);
		test_hub_expect(&t, TEST_HUB_SIGN_IN);
		test_hub_give_session(&t, "20");
		test_hub_run(&t);
		assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_ONLINE)->ms, waits[i]); /* not since it was stable last */
	}
	for (unsigned i = 0; i < 6; i++) { /* and the gateway's pings keep it up */
		test_coap_feed(&t.link, 702, "01", "", NULL, 0);
		test_hub_pass(&t, 10000);
	}
	test_hub_hang_up(&t);
	assert_int_equal(test_hub_run(&t), 1500);
	test_hub_end(&t);
}

static void fail_for(uint64_t ms)
{
	test_hub_pass(&t, ms);
	assert_int_not_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
}

static void test_fallback_when_all_gateways_fail(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[2] = TEST_HUB_URI_3;
	t.record.ids[2] = TEST_HUB_B;
	t.link.peer.establish_result = DPS_E_SERVER_UNTRUSTED;
	assert_int_equal(dps_hub_init(&t.hub, &t.config), DPS_OK);
	assert_int_equal(dps_hub_start(&t.hub), DPS_OK);
	fail_for(299000);
	assert_int_equal(t.provisions, 0);
	fail_for(50000);
	/* another hub of the list first: for its credentials, ACLs and tokens */
	assert_int_equal(t.provisions, 1);
	assert_int_equal(t.provision, DPS_HUB_PROVISION_GATEWAY);
	assert_string_equal(t.provision_uri, TEST_HUB_URI_3);
	/* and goes on trying meanwhile */
	{
		const unsigned before = t.link.peer.opened;

		fail_for(100000);
		assert_true(t.link.peer.opened > before);
	}
	/* the second time, and not before five minutes: everything */
	fail_for(150000);
	assert_int_equal(t.provisions, 1);
	fail_for(100000);
	assert_int_equal(t.provisions, 2);
	assert_int_equal(t.provision, DPS_HUB_PROVISION_AGAIN);
	/* the distances double */
	fail_for(500000);
	assert_int_equal(t.provisions, 2);
	fail_for(200000);
	assert_int_equal(t.provisions, 3);
	fail_for(UINT64_C(7) * 86400 * 1000);
	assert_in_range(t.provisions, 3 + 8 + 4, 3 + 8 + 7);
	t.link.peer.establish_result = DPS_OK;
	test_hub_end(&t);
}

static void test_no_fallback_while_the_network_is_down(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.link.peer.establish_result = DPS_E_RESOLVE;
	t.link.peer.not_connected = true;
	t.network_down = true;
	assert_int_equal(dps_hub_init(&t.hub, &t.config), DPS_OK);
	assert_int_equal(dps_hub_start(&t.hub), DPS_OK);
	fail_for(UINT64_C(30) * 86400 * 1000);
	assert_int_equal(t.provisions, 0);
	/* it is up, and the gateways are not there */
	t.network_down = false;
	fail_for(50000);
	assert_int_equal(t.provisions, 1);
	test_hub_end(&t);
	/* a gateway that is reached and does not work needs nobody to say that the network does */
	test_hub_init(&t);
	test_hub_register(&t);
	t.link.peer.establish_result = DPS_E_TLS_ALERT;
	t.network_down = true;
	assert_int_equal(dps_hub_init(&t.hub, &t.config), DPS_OK);
	assert_int_equal(dps_hub_start(&t.hub), DPS_OK);
	fail_for(400000);
	assert_int_equal(t.provisions, 1);
	test_hub_end(&t);
}

static void test_connect_failures(void **state)
{
	(void)state;
	/* a handshake that does not end */
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[1] = NULL;
	t.link.peer.establish_result = DPS_AGAIN;
	assert_int_equal(dps_hub_init(&t.hub, &t.config), DPS_OK);
	assert_int_equal(dps_hub_start(&t.hub), DPS_OK);
	assert_int_equal(test_hub_run(&t), 30000);
	test_hub_pass(&t, 30000);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_TIMEOUT);
	assert_int_equal(t.link.peer.closed, 1);
	test_hub_end(&t);
	/* a channel that does not open, a key that is not there, an address that is none */
	test_hub_init(&t);
	t.link.peer.open_result = DPS_E_KEY_MISMATCH;
	test_hub_begin(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_KEY_MISMATCH);
	test_hub_end(&t);
	test_hub_init(&t);
	t.keys_result = DPS_E_NOT_FOUND;
	test_hub_begin(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_NOT_FOUND);
	assert_string_equal(t.slot, "identity-0");
	assert_int_equal(t.link.peer.opened, 0);
	test_hub_end(&t);
	test_hub_init(&t);
	t.record.uris[0] = "coaps://gw1.example:5684"; /* over UDP */
	strcpy(t.record.gateway, t.record.uris[0]);
	test_hub_begin(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_URI);
	assert_string_equal(t.host, "gw2.example");
	test_hub_end(&t);
}

static void test_dates(void **state)
{
	(void)state;
	test_hub_init(&t);
	t.not_after = TEST_HUB_NOW - 1;
	test_hub_begin(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_SERVER_EXPIRED);
	assert_int_equal(t.attached, 0);
	test_hub_end(&t);
	/* a path that lib/pki has not accepted is none, clock or not */
	for (unsigned i = 0; i < 2; i++) {
		test_hub_init(&t);
		t.path_incomplete = true;
		t.now_s = i == 0 ? 0 : TEST_HUB_NOW;
		test_hub_begin(&t);
		assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_SERVER_UNTRUSTED);
		assert_int_equal(t.attached, 0);
		test_hub_end(&t);
	}
}

/* Half open: all that is written disappears. */
static void test_dead_link(void **state)
{
	uint64_t since;

	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[1] = NULL;
	test_hub_go_online(&t, "20");
	since = t.now_ms;
	assert_int_equal(test_hub_run(&t), 20000);
	test_hub_pass(&t, 20000);
	test_coap_take(&t.link);
	assert_int_equal(t.link.out_len, 10); /* a ping */
	assert_int_equal(t.link.out[1], 0xe2);
	test_hub_pass(&t, 7999);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	test_hub_pass(&t, 1);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_WAITING);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_TIMEOUT);
	assert_int_equal(t.now_ms - since, 28000);
	test_hub_end(&t);
	/* the same when nothing can even be written */
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[1] = NULL;
	test_hub_go_online(&t, "20");
	t.link.peer.write_blocked = true;
	test_hub_pass(&t, 27999);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	test_hub_pass(&t, 1);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_WAITING);
	t.link.peer.write_blocked = false;
	test_hub_end(&t);
}

static void test_pong_keeps_the_link(void **state)
{
	char token[17];

	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.config.stable_ms = 1;
	test_hub_go_online(&t, "20");
	for (unsigned i = 0; i < 4; i++) {
		test_hub_pass(&t, 20000);
		test_coap_take(&t.link);
		assert_int_equal(t.link.out_len, 10);
		for (unsigned k = 0; k < 8; k++)
			snprintf(token + 2 * k, 3, "%02x", t.link.out[2 + k]);
		test_hub_pass(&t, 3000);
		test_coap_feed(&t.link, 703, token, "", NULL, 0);
		assert_int_equal(test_hub_run(&t), 20000);
	}
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	test_hub_end(&t);
	/* a peer that says anything is there, and the gateway's own pings make ours needless */
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	for (unsigned i = 0; i < 20; i++) {
		test_hub_pass(&t, 14000);
		test_coap_take(&t.link);
		assert_int_equal(t.link.out_len, i == 0 ? 0 : 3);
		test_coap_feed(&t.link, 702, "aa", "", NULL, 0);
		test_hub_run(&t);
	}
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	test_hub_end(&t);
}

static void test_sign_in_without_answer(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.config.keepalive_ms = 0;
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_pass(&t, 29999);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_SIGNING_IN);
	test_hub_pass(&t, 1);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_TIMEOUT);
	assert_string_equal(t.host, "gw2.example");
	test_hub_end(&t);
}

/* review: two gateways that take the sign-in and throw the device out at once are not asked without a wait for ever. */
static void test_thrown_out_by_all(void **state)
{
	uint64_t waited = 0;

	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	t.config.fallback_after = 0;
	for (unsigned i = 0; i < 20; i++) {
		test_hub_hang_up(&t);
		for (;;) {
			const uint32_t within = test_hub_run(&t);

			if (dps_hub_state(&t.hub) != DPS_HUB_WAITING)
				break;
			waited += within;
			t.now_ms += within;
		}
		test_hub_expect(&t, TEST_HUB_SIGN_IN);
		test_hub_give_session(&t, "20");
		test_hub_run(&t);
	}
	assert_in_range(waited, 100000, UINT64_MAX);
	test_hub_end(&t);
}

/* review: a gateway that was seen to be out of date by what a resumed session says is asked to show its certificate. */
static void test_dates_of_a_resumed_session(void **state)
{
	(void)state;
	test_hub_init(&t);
	t.not_after = TEST_HUB_NOW - 1;
	test_hub_begin(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_SERVER_EXPIRED);
	test_hub_pass(&t, 1500);
	assert_true(t.link.peer.opened > 1);
	assert_false(t.resume);
	test_hub_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_stable),
		cmocka_unit_test(test_fallback_when_all_gateways_fail),
		cmocka_unit_test(test_no_fallback_while_the_network_is_down),
		cmocka_unit_test(test_connect_failures),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_dead_link),
		cmocka_unit_test(test_pong_keeps_the_link),
		cmocka_unit_test(test_sign_in_without_answer),
		cmocka_unit_test(test_thrown_out_by_all),
		cmocka_unit_test(test_dates_of_a_resumed_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
