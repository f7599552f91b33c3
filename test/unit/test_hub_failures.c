/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can go wrong on the way online and there: refusals, lost answers, gateways that fail, links that are dead, floods, and when provisioning is
 * asked for again.
 */
#include "support/test_hub.h"

static struct test_hub t;

/* Refused with this, it asks that next. */
static void refuse(unsigned code, const char *text, const char *next)
{
	test_hub_refuse(&t, code, text);
	test_hub_run(&t);
	test_hub_expect(&t, next);
}

static void test_ladder_of_refused_tokens(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	refuse(401, "token is expired", TEST_HUB_REFRESH);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->code, 401);
	assert_string_equal(t.events[t.event_pos - 1].text, "token is expired");
	assert_int_equal(t.link.peer.opened, 2); /* the gateway closes behind an error */
	refuse(503, "could not parse token", TEST_HUB_SIGN_UP);
	assert_string_equal(test_hub_text(&t, "accesstoken"), "dps-token-1");
	refuse(503, "token is expired", "");
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_PROVISIONING);
	assert_int_equal(t.provisions, 1);
	assert_int_equal(t.provision, DPS_HUB_PROVISION_AGAIN);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_FALLBACK)->in_ms, 300000);
	assert_true(t.record.registered); /* nothing was thrown away */
	/* provisioned: it goes on with the new token */
	strcpy(t.record.token, "dps-token-2");
	t.record.access[0] = t.record.refresh[0] = t.record.uid[0] = '\0';
	t.record.registered = false;
	dps_hub_reload(&t.hub);
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	assert_string_equal(test_hub_text(&t, "accesstoken"), "dps-token-2");
	test_hub_end(&t);
}

static void test_sign_in_refused_after_refresh_and_sign_up(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	refuse(401, "", TEST_HUB_REFRESH);
	test_hub_give_tokens(&t, "access-2", "refresh-2", NULL, NULL, "190e10");
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	refuse(401, "access denied", TEST_HUB_SIGN_UP);
	test_hub_give_tokens(&t, "access-3", "refresh-3", "1", NULL, "190e10");
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	refuse(401, "access denied", ""); /* each was tried once */
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_PROVISIONING);
	test_hub_end(&t);
}

/* Asked for again only with growing distances, and everything is tried before. */
static void test_provisioning_is_not_hammered(void **state)
{
	uint64_t at, waits[] = {300000, 600000, 1200000};

	(void)state;
	test_hub_init(&t);
	test_hub_begin(&t);
	for (unsigned i = 0; i < 3; i++) {
		test_hub_expect(&t, TEST_HUB_SIGN_UP);
		refuse(401, "unknown authorization provider", "");
		assert_int_equal(t.provisions, i + 1);
		assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_PROVISIONING);
		/* the same records again: tried once, not provisioned once more */
		dps_hub_reload(&t.hub);
		test_hub_run(&t);
		test_hub_expect(&t, TEST_HUB_SIGN_UP);
		refuse(401, "unknown authorization provider", "");
		assert_int_equal(t.provisions, i + 1);
		at = t.now_ms;
		t.now_ms += test_hub_run(&t);
		assert_int_equal(t.now_ms - at, waits[i]);
		test_hub_run(&t);
	}
	t.provision_result = DPS_E_STATE;
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	refuse(401, "", "");
	while (test_hub_event(&t, DPS_HUB_EVENT_WARNING)->cause != DPS_E_STATE)
		;
	test_hub_end(&t);
}

static void test_nothing_is_committed(void **state)
{
	(void)state;
	test_hub_init(&t);
	t.no_record = true;
	test_hub_begin(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_PROVISIONING);
	assert_int_equal(t.provisions, 1);
	assert_int_equal(t.link.peer.opened, 0);
	t.no_record = false;
	dps_hub_reload(&t.hub);
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_end(&t);
	/* damaged is as good as none */
	test_hub_init(&t);
	t.read_result = DPS_E_STORAGE_CORRUPT;
	test_hub_begin(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_PROVISIONING);
	assert_int_equal(t.provisions, 1);
	test_hub_end(&t);
	/* storage that fails may work again */
	test_hub_init(&t);
	t.read_result = DPS_E_STORAGE;
	assert_int_equal(dps_hub_init(&t.hub, &t.config), DPS_OK);
	assert_int_equal(dps_hub_start(&t.hub), DPS_OK);
	assert_int_equal(test_hub_run(&t), 1500);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_STORAGE);
	t.read_result = DPS_OK;
	test_hub_pass(&t, 1500);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_end(&t);
	/* no token either */
	test_hub_init(&t);
	t.record.token[0] = '\0';
	test_hub_begin(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_PROVISIONING);
	assert_int_equal(t.link.peer.opened, 0);
	test_hub_end(&t);
}

/* An OAuth server that is down is no reason to throw tokens away. */
static void test_out_of_order(void **state)
{
	static const struct {
		unsigned code;
		const char *text;
	} rows[] = {{503, "cannot handle sign in: temporary error: connection refused"}, {500, "x"}, {502, ""}, {429, ""}, {408, ""}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		test_hub_init(&t);
		test_hub_register(&t);
		t.record.uris[1] = NULL;
		test_hub_begin(&t);
		test_hub_expect(&t, TEST_HUB_SIGN_IN);
		refuse(rows[i].code, rows[i].text, "");
		assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_WAITING);
		assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->code, rows[i].code);
		assert_int_equal(t.events[t.event_pos - 1].cause, DPS_E_SERVICE_UNAVAILABLE);
		assert_string_equal(t.events[t.event_pos - 1].text, rows[i].text);
		assert_int_equal(t.events[t.event_pos - 1].in_ms, 1500);
		test_hub_pass(&t, 1500);
		test_hub_expect(&t, TEST_HUB_SIGN_IN);
		test_hub_end(&t);
	}
}

/* The refresh was taken, its answer was lost: the old refresh token is gone. */
static void test_lost_refresh(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.uris[1] = NULL;
	t.record.expires = TEST_HUB_NOW + 60;
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	test_hub_hang_up(&t);
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_CLOSED);
	test_hub_pass(&t, 1500);
	test_hub_expect(&t, TEST_HUB_REFRESH);               /* once more */
	refuse(503, "token is not known", TEST_HUB_SIGN_IN); /* what is there may do */
	refuse(401, "expires too soon", TEST_HUB_SIGN_UP);
	test_hub_give_tokens(&t, "access-5", "refresh-5", "1", NULL, "190e10");
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_give_session(&t, "190d98");
	test_hub_run(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	assert_int_equal(t.provisions, 0);
	test_hub_end(&t);
}

/* Refused while online: the session is used for as long as it lives, and the dead refresh token not again. */
static void test_refresh_refused_online(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.config.keepalive_ms = 0;
	test_hub_go_online(&t, "190e10"); /* 3,600 */
	t.now_ms += 3600000 - 120000;
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	refuse(503, "bad token", TEST_HUB_SIGN_IN);
	test_hub_give_session(&t, "1864");               /* 100 s */
	assert_in_range(test_hub_run(&t), 59000, 60000); /* until it is stable: no refresh */
	test_hub_pass(&t, 100000);
	test_hub_expect(&t, "");
	/* it runs out */
	test_hub_hang_up(&t);
	test_hub_run(&t);
	test_hub_pass(&t, 2000);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	refuse(401, "expired", TEST_HUB_SIGN_UP);
	test_hub_end(&t);
}

static void test_refresh_time_out_online(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.config.keepalive_ms = 0;
	test_hub_go_online(&t, "190e10");
	t.now_ms += 3600000 - 120000;
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	test_hub_pass(&t, 29999);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	test_hub_pass(&t, 1);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_TIMEOUT);
	test_hub_pass(&t, 2000);
	assert_string_equal(t.host, "gw1.example"); /* where it was online */
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_end(&t);
}

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
		assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, i == 0 ? DPS_E_SERVER_UNTRUSTED : DPS_E_STATE);
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

/* One call of process does a bounded amount of work, and the session goes on behind the flood. */
static void test_floods(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	for (unsigned i = 0; i < 2000; i++) {
		test_hub_ask(&t);
		test_coap_feed(&t.link, 702, "bb", "", NULL, 0);
		test_coap_feed(&t.link, 205, "cc", "", NULL, 0); /* an answer to nothing */
	}
	test_hub_give_session(&t, "20");
	assert_int_equal(dps_hub_process(&t.hub), 0);
	assert_true(t.served < 100);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_SIGNING_IN);
	for (unsigned i = 0; i < 1000 && dps_hub_process(&t.hub) == 0; i++)
		test_coap_take(&t.link);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	test_hub_end(&t);
	/* the same with a peer that reads nothing */
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	t.link.peer.write_blocked = true;
	for (unsigned i = 0; i < 2000; i++)
		test_hub_ask(&t);
	test_hub_give_session(&t, "20");
	test_hub_run(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	t.link.peer.write_blocked = false;
	test_hub_run(&t);
	test_coap_take(&t.link);
	assert_in_range(t.link.out_len, 1, DPS_CONFIG_HUB_SEND_SIZE);
	test_hub_end(&t);
}

/* A gateway that asks before there is a session: nothing is published, and nothing goes round in circles. */
static void test_asked_too_early(void **state)
{
	(void)state;
	test_hub_init(&t);
	t.links = "80";
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_ask(&t);
	assert_int_equal(test_hub_run(&t), 20000);
	assert_int_equal(t.served, 1);
	test_hub_expect(&t, "");
	test_hub_end(&t);
}

static void test_broken_messages(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	test_channel_feed_hex(&t.link.peer, "0f01"); /* a token of 15 bytes */
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_COAP);
	test_hub_end(&t);
	/* an Abort tells why */
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	test_coap_feed(&t.link, 705, "", "", "shutting down", 13);
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_CLOSED);
	assert_string_equal(t.events[t.event_pos - 1].text, "shutting down");
	test_hub_end(&t);
	/* a session that is none */
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_give_session(&t, "21");
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_FIELD);
	test_hub_end(&t);
	/* a refusal with an unknown critical option is none */
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_answer_bytes(&t, 401, "90", "no", 2);
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_COAP_OPTION);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_end(&t);
	/* 2.05 with another format */
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_answer_bytes(&t, 204, "c132", "{}", 2);
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_CONTENT_FORMAT);
	test_hub_end(&t);
}

static void test_a_list_that_never_fits(void **state)
{
	static char links[2 * DPS_CONFIG_HUB_SEND_SIZE];

	(void)state;
	memset(links, '0', 2 * (DPS_CONFIG_HUB_SEND_SIZE - 40)); /* it fits by itself, and not with its head */
	test_hub_init(&t);
	test_hub_register(&t);
	t.links = links;
	test_hub_go_online(&t, "20");
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->cause, DPS_E_TOO_LARGE);
	test_hub_expect(&t, "");
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

/* review: tokens that come while the device says good-bye are the only ones that are good from then on. */
static void test_tokens_while_leaving(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.config.keepalive_ms = 0;
	test_hub_go_online(&t, "18 64"); /* 100 s */
	test_hub_pass(&t, 95000);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	dps_hub_stop(&t.hub);
	test_hub_run(&t);
	test_hub_give_tokens(&t, "access-token-2", "refresh-token-2", NULL, NULL, "19 0e10");
	test_hub_run(&t);
	assert_string_equal(t.record.refresh, "refresh-token-2");
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	assert_int_equal(t.body[t.body_len - 1], 0xf4);
	test_hub_end(&t);
}

/* review: no tokens are asked for that could not be kept. */
static void test_refresh_while_another_record_is_staged(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.config.keepalive_ms = 0;
	test_hub_go_online(&t, "18 64"); /* 100 s */
	t.has_staged = true;
	t.update_result = DPS_E_STATE;
	test_hub_pass(&t, 95000);
	test_hub_expect(&t, "");
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	t.has_staged = false;
	t.update_result = DPS_OK;
	test_hub_pass(&t, 10000);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	test_hub_end(&t);
	/* nor by a device that is not online */
	test_hub_init(&t);
	t.has_staged = true;
	test_hub_begin(&t);
	test_hub_pass(&t, 60000);
	assert_int_equal(t.link.peer.opened, 0);
	t.has_staged = false;
	test_hub_pass(&t, 60000);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_end(&t);
}

/* review: where the configuration names no hub, the gateway's name is all there is to compare. */
static void test_a_hub_without_id(void **state)
{
	(void)state;
	test_hub_init(&t);
	t.record.hub_id = NULL;
	t.record.ids[0] = t.record.ids[1] = NULL;
	t.link.peer.establish_result = DPS_AGAIN;
	test_hub_begin(&t);
	assert_false(t.trust.skip_host_check);
	test_hub_end(&t);
}

/* review: a refusal that ends a session that lasted begins the time of being offline. */
static void test_offline_since_a_refusal(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.config.keepalive_ms = 0;
	test_hub_go_online(&t, "19 0e10"); /* an hour */
	test_hub_pass(&t, 3460000);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	test_hub_refuse(&t, 401, "no");
	t.link.peer.establish_result = DPS_E_CONNECT;
	test_hub_pass(&t, 20000);
	assert_int_equal(t.provisions, 0);
	test_hub_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refresh_while_another_record_is_staged),
		cmocka_unit_test(test_a_hub_without_id),
		cmocka_unit_test(test_thrown_out_by_all),
		cmocka_unit_test(test_dates_of_a_resumed_session),
		cmocka_unit_test(test_tokens_while_leaving),
		cmocka_unit_test(test_offline_since_a_refusal),
		cmocka_unit_test(test_ladder_of_refused_tokens),
		cmocka_unit_test(test_sign_in_refused_after_refresh_and_sign_up),
		cmocka_unit_test(test_provisioning_is_not_hammered),
		cmocka_unit_test(test_nothing_is_committed),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_lost_refresh),
		cmocka_unit_test(test_refresh_refused_online),
		cmocka_unit_test(test_refresh_time_out_online),
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
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_asked_too_early),
		cmocka_unit_test(test_broken_messages),
		cmocka_unit_test(test_a_list_that_never_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
