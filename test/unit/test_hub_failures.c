/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can go wrong on the way online and there: refusals, lost answers, floods, and when provisioning is asked for again. Gateways that cannot be
 * reached and links that die: test_hub_gateways.c.
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
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_asked_too_early),
		cmocka_unit_test(test_broken_messages),
		cmocka_unit_test(test_a_list_that_never_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
