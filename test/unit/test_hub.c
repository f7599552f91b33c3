/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hub session: the way online of a new and of a registered device, tokens, publishing, orders from callbacks. Leaving: test_hub_leaving.c.
 */
#include "support/test_hub.h"

#define LINKS "81a1 64 68726566 68 2f6c696768742f31" /* [{"href": "/light/1"}] */

static struct test_hub t;

static void test_new_device_in_one_flight(void **state)
{
	const struct dps_hub_event *event;

	(void)state;
	test_hub_init(&t);
	t.links = LINKS;
	t.config.device_name = "lamp";
	test_hub_begin(&t);
	assert_string_equal(t.host, "gw1.example");
	assert_int_equal(t.port, 5684);
	assert_true(t.resume);
	assert_true(t.trust.skip_host_check);
	assert_true(dps_uuid_equal(&t.trust.leaf_id, &(struct dps_uuid){{0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0x55, 0x55,
	                                                                 0x55, 0x55, 0x55, 0x55}}));
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	assert_string_equal(test_hub_text(&t, "di"), TEST_HUB_DEVICE);
	assert_string_equal(test_hub_text(&t, "authprovider"), "plgd");
	assert_string_equal(test_hub_text(&t, "accesstoken"), "dps-token-1");
	assert_string_equal(test_hub_text(&t, "devicetype"), "device");
	test_hub_expect(&t, "");
	test_hub_give_tokens(&t, "access-1", "refresh-1", "1", "", "20");
	test_hub_run(&t);
	/* the tokens are kept before they are used, and the sign-in leaves at once */
	assert_int_equal(t.updates, 1);
	assert_string_equal(t.record.access, "access-1");
	assert_string_equal(t.record.refresh, "refresh-1");
	assert_string_equal(t.record.token, "dps-token-1");
	assert_string_equal(t.record.uid, "1");
	assert_int_equal(t.record.expires, 0);
	assert_true(t.record.registered);
	assert_int_equal(t.record.selected, 1);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	assert_string_equal(test_hub_text(&t, "accesstoken"), "access-1");
	assert_string_equal(test_hub_text(&t, "uid"), "1");
	test_hub_expect(&t, "");
	/* the publish leaves as soon as the gateway has asked, before the answer to the sign-in */
	test_hub_ask(&t);
	memcpy(t.body, t.request_token, 8);
	{
		uint8_t sign_in[8];

		memcpy(sign_in, t.request_token, 8);
		test_hub_run(&t);
		assert_int_equal(t.served, 1);
		test_hub_expect(&t, TEST_HUB_PUBLISH);
		assert_string_equal(test_hub_text(&t, "di"), TEST_HUB_DEVICE);
		assert_string_equal(test_hub_text(&t, "n"), "lamp");
		assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_SIGNING_IN);
		test_hub_answer_bytes(&t, 204, TEST_HUB_CBOR, "\xa1\x65links\x81\xa2\x64href\x68/light/1\x63ins\x1a\xe3\x23\x5b\xfa", 32);
		memcpy(t.request_token, sign_in, 8);
	}
	test_hub_give_session(&t, "20");
	test_hub_run(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	assert_int_equal(t.link_count, 1);
	assert_int_equal(t.last_ins, 0xe3235bfa);
	assert_string_equal(t.last_href, "/light/1");
	event = test_hub_event(&t, DPS_HUB_EVENT_PUBLISHED);
	assert_int_equal(event->state, DPS_HUB_SIGNING_IN);
	event = test_hub_event(&t, DPS_HUB_EVENT_ONLINE);
	assert_string_equal(event->gateway, TEST_HUB_URI_1);
	assert_int_equal(event->expires_in_s, -1);
	assert_false(event->resumed);
	assert_int_equal(t.attached, 1);
	assert_int_equal(t.updates, 1);
	test_hub_end(&t);
}

static void test_registered_device_signs_in_at_once(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.link.peer.stats.resumed = 7;
	test_hub_begin(&t);
	t.link.peer.stats.resumed = 8;
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	assert_string_equal(test_hub_text(&t, "accesstoken"), "access-token-1");
	t.now_ms += 77;
	test_hub_give_session(&t, "190d98");
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_ONLINE)->expires_in_s, 3480);
	assert_int_equal(t.events[t.event_pos - 1].ms, 77);
	assert_true(t.events[t.event_pos - 1].resumed);
	test_hub_expect(&t, ""); /* no links, nothing to publish */
	assert_int_equal(t.updates, 0);
	test_hub_end(&t);
}

/* The reference's rule, with jitter of at most half as much more: session of 3,480 s: between 600 s and 120 s before */
static void test_refresh_ahead_of_expiry(void **state)
{
	const struct dps_hub_event *event;
	uint32_t within;

	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.config.keepalive_ms = 0;
	test_hub_go_online(&t, "192710"); /* 10,000 s */
	t.random = 0;
	test_hub_pass(&t, 60000); /* stable */
	within = test_hub_run(&t);
	assert_in_range(within, (10000 - 600 - 300 - 60) * 1000, (10000 - 600 - 60) * 1000);
	t.now_ms += within;
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	assert_string_equal(test_hub_text(&t, "refreshtoken"), "refresh-token-1");
	assert_string_equal(test_hub_text(&t, "granttype"), "refresh_token");
	assert_string_equal(test_hub_text(&t, "authprovider"), "plgd");
	assert_string_equal(test_hub_text(&t, "uid"), "1");
	test_hub_give_tokens(&t, "access-2", "refresh-2", NULL, NULL, "190e10");
	within = test_hub_run(&t);
	event = test_hub_event(&t, DPS_HUB_EVENT_REFRESHED);
	assert_int_equal(event->expires_in_s, 3600);
	assert_string_equal(t.record.access, "access-2");
	assert_string_equal(t.record.refresh, "refresh-2");
	assert_int_equal(t.record.expires, test_hub_wall(&t) + 3600);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE); /* the session goes on as it is: 3,480 s are left of it */
	assert_int_equal(within, (3480 - 120) * 1000);
	test_hub_expect(&t, "");
	/* one that brings no refresh token leaves the old one */
	t.now_ms += within;
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	test_hub_give_tokens(&t, "access-3", NULL, NULL, NULL, "20");
	assert_int_equal(test_hub_run(&t), DPS_FOREVER);
	assert_string_equal(t.record.access, "access-3");
	assert_string_equal(t.record.refresh, "refresh-2");
	assert_int_equal(t.record.expires, 0);
	test_hub_end(&t);
}

static void test_refresh_before_sign_in(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.expires = TEST_HUB_NOW + 100; /* less than the gateway takes */
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_REFRESH);
	test_hub_expect(&t, "");
	test_hub_give_tokens(&t, "access-2", "refresh-2", NULL, NULL, "190e10");
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	assert_string_equal(test_hub_text(&t, "accesstoken"), "access-2");
	test_hub_end(&t);
	/* without a clock that is not known, and the gateway says what it thinks of the token */
	test_hub_init(&t);
	test_hub_register(&t);
	t.record.expires = TEST_HUB_NOW + 100;
	t.now_s = 0;
	test_hub_begin(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->cause, DPS_E_CLOCK_NOT_SET);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_end(&t);
}

/* 0 and little: at once, but never more than one in ten seconds. */
static void test_tokens_that_never_last(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.config.keepalive_ms = 0;
	test_hub_go_online(&t, "00");
	test_hub_expect(&t, TEST_HUB_REFRESH);
	for (unsigned i = 0; i < 5; i++) {
		test_hub_give_tokens(&t, "access-2", "refresh-2", NULL, NULL, "00");
		assert_in_range(test_hub_run(&t), 9990, 10000);
		test_hub_expect(&t, "");
		test_hub_pass(&t, 10000);
		test_hub_expect(&t, TEST_HUB_REFRESH);
	}
	test_hub_end(&t);
}

static void expect_expiry(const char *expires, int64_t stored, bool accepted)
{
	test_hub_init(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_give_tokens(&t, "access-1", "refresh-1", "1", NULL, expires);
	test_hub_run(&t);
	assert_int_equal(t.record.registered, accepted);
	assert_int_equal(t.record.expires, stored);
	if (!accepted)
		assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_FIELD);
	test_hub_end(&t);
}

static void test_expiry_of_all_kinds(void **state)
{
	(void)state;
	expect_expiry("", 0, true);
	expect_expiry("20", 0, true);   /* -1 */
	expect_expiry("3800", 0, true); /* -1, longer than it need be */
	expect_expiry("21", 0, false);  /* -2 */
	expect_expiry("3bffffffffffffffff", 0, false);
	expect_expiry("00", TEST_HUB_NOW + 1, true);
	expect_expiry("17", TEST_HUB_NOW + 24, true);
	expect_expiry("1b0000000000000e10", TEST_HUB_NOW + 3601, true);
	expect_expiry("1affffffff", TEST_HUB_NOW + 1 + 0xffffffff, true);
	expect_expiry("1b7fffffffffffffff", TEST_HUB_NOW + 1 + 0xffffffff, true);
	expect_expiry("1bffffffffffffffff", TEST_HUB_NOW + 1 + 0xffffffff, true);
	expect_expiry("f9 0000", 0, false); /* a float */
	expect_expiry("61 31", 0, false);
	expect_expiry("f6", 0, false);
}

static char long_token[8192];

static const char *token_of(size_t len)
{
	memset(long_token, 't', len);
	long_token[len] = '\0';
	return long_token;
}

static void test_long_tokens(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_give_tokens(&t, token_of(DPS_CONFIG_TOKEN_SIZE), long_token, "1", NULL, "20");
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	assert_int_equal(strlen(test_hub_text(&t, "accesstoken")), DPS_CONFIG_TOKEN_SIZE);
	test_hub_end(&t);

	test_hub_init(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_give_tokens(&t, token_of(DPS_CONFIG_TOKEN_SIZE + 1), "r", "1", NULL, "20");
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_TOO_LARGE);
	assert_int_equal(t.updates, 0);
	test_hub_end(&t);

	/* an answer that no buffer takes */
	test_hub_init(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	{
		static uint8_t payload[30000];

		test_hub_answer_bytes(&t, 204, TEST_HUB_CBOR, payload, sizeof(payload));
	}
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_TOO_LARGE);
	test_hub_end(&t);

	/* a record that does not hold three tokens does without the one that only signing up needs */
	test_hub_init(&t);
	t.update_limit = 1000;
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_give_tokens(&t, token_of(500), token_of(500), "1", NULL, "20");
	test_hub_run(&t);
	assert_string_equal(t.record.token, "");
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_end(&t);
}

static void test_answers_are_judged(void **state)
{
	static const struct {
		const char *payload;
		dps_result cause;
	} answers[] = {
		{"a0", DPS_E_FIELD},
		{"80", DPS_E_FIELD},
		{"a1", DPS_E_CBOR},
		{"a16b616363657373746f6b656e6161", DPS_E_FIELD},                           /* no uid */
		{"a26b616363657373746f6b656e6063756964 6131", DPS_E_FIELD},                /* an empty token */
		{"a26b616363657373746f6b656e616163756964 60", DPS_E_FIELD},                /* an empty uid */
		{"a26b616363657373746f6b656e416163756964 6131", DPS_E_FIELD},              /* bytes */
		{"a36b616363657373746f6b656e616163756964 613163756964 6131", DPS_E_FIELD}, /* twice */
		{"a26b616363657373746f6b656e61616375696461 31 00", DPS_E_CBOR},            /* more behind it */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		uint8_t payload[128];

		test_hub_init(&t);
		test_hub_begin(&t);
		test_hub_expect(&t, TEST_HUB_SIGN_UP);
		test_hub_answer_bytes(&t, 204, TEST_HUB_CBOR, payload, test_channel_hex(answers[i].payload, payload, sizeof(payload)));
		test_hub_run(&t);
		assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, answers[i].cause);
		assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_CONNECTING + 1); /* the other gateway was tried: signing in */
		assert_false(t.record.registered);
		test_hub_end(&t);
	}
}

/* Nothing is used that is not durable. */
static void test_tokens_that_cannot_be_stored(void **state)
{
	(void)state;
	test_hub_init(&t);
	t.record.uris[1] = NULL;
	t.update_result = DPS_E_STORAGE_FULL;
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_give_tokens(&t, "access-1", "refresh-1", "1", NULL, "20");
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_OFFLINE)->cause, DPS_E_STORAGE_FULL);
	test_hub_expect(&t, "");
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_WAITING);
	t.update_result = DPS_OK;
	test_hub_pass(&t, 2000);
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_end(&t);
}

static void redirect(const char *to)
{
	test_hub_expect(&t, TEST_HUB_SIGN_UP);
	test_hub_give_tokens(&t, "access-1", "refresh-1", "1", to, "20");
	test_hub_run(&t);
}

static void test_redirect(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_begin(&t);
	redirect("coaps+tcp://moved.example:1234");
	assert_string_equal(t.host, "moved.example");
	assert_int_equal(t.port, 1234);
	assert_string_equal(t.record.uris[2], "coaps+tcp://moved.example:1234");
	assert_int_equal(t.record.selected, 3);
	test_hub_expect(&t, TEST_HUB_SIGN_IN); /* there, with the tokens of here */
	test_hub_end(&t);

	/* nobody there, in this life or the next: the one that sent it away is as good as before */
	test_hub_begin(&t);
	assert_string_equal(t.host, "moved.example");
	t.link.peer.read_end = DPS_E_CLOSED;
	test_hub_run(&t);
	t.link.peer.read_end = DPS_OK;
	test_hub_pass(&t, 1);
	assert_string_equal(t.host, "gw1.example");
	test_hub_end(&t);

	/* a configuration without a list */
	test_hub_init(&t);
	t.record.uris[0] = NULL;
	test_hub_begin(&t);
	redirect("coaps+tcp://moved.example:1234");
	assert_string_equal(t.host, "moved.example");
	assert_string_equal(t.record.uris[0], TEST_HUB_URI_1);
	assert_string_equal(t.record.uris[1], "coaps+tcp://moved.example:1234");
	test_hub_end(&t);

	/* one that is in the list as another hub's: it is not sent this hub's tokens under that name */
	test_hub_init(&t);
	t.record.ids[1] = TEST_HUB_B;
	test_hub_begin(&t);
	redirect(TEST_HUB_URI_2);
	assert_string_equal(t.host, "gw2.example");
	assert_string_equal(t.record.uris[2], TEST_HUB_URI_2);
	assert_int_equal(t.trust.leaf_id.bytes[0], 0x11);
	test_hub_end(&t);

	/* one that is in the list */
	test_hub_init(&t);
	test_hub_begin(&t);
	redirect(TEST_HUB_URI_2);
	assert_string_equal(t.host, "gw2.example");
	assert_null(t.record.uris[2]);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_end(&t);

	/* to itself, and to what is no address of a gateway: the tokens are good all the same */
	test_hub_init(&t);
	test_hub_begin(&t);
	redirect(TEST_HUB_URI_1);
	assert_int_equal(test_hub_count(&t, DPS_HUB_EVENT_WARNING), 0);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_end(&t);
	test_hub_init(&t);
	test_hub_begin(&t);
	redirect("http://evil.example/");
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->cause, DPS_E_URI);
	assert_string_equal(t.host, "gw1.example");
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_end(&t);
}

static void test_redirects_are_bounded(void **state)
{
	unsigned i;

	(void)state;
	test_hub_init(&t);
	test_hub_begin(&t);
	for (i = 0; i < 6; i++) {
		redirect(i % 2 == 0 ? "coaps+tcp://a.example:1" : "coaps+tcp://b.example:1");
		if (test_hub_count(&t, DPS_HUB_EVENT_WARNING) > 0)
			break;
		/* the hub there forgets the device again and again */
		test_hub_expect(&t, TEST_HUB_SIGN_IN);
		t.record.registered = false;
		t.record.access[0] = '\0';
		dps_hub_reload(&t.hub);
		test_hub_run(&t);
	}
	assert_int_equal(i, 4);
	test_hub_end(&t);
}

static void test_publish_again(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.links = LINKS;
	test_hub_go_online(&t, "20");
	test_hub_expect(&t, TEST_HUB_PUBLISH);
	/* refused: told, and tried again by the schedule, the connection stays */
	test_hub_refuse(&t, 400, "bad links");
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->code, 400);
	assert_string_equal(t.events[t.event_pos - 1].text, "bad links");
	test_hub_expect(&t, "");
	test_hub_pass(&t, 2000);
	test_hub_expect(&t, TEST_HUB_PUBLISH);
	test_hub_answer_bytes(&t, 204, TEST_HUB_CBOR, "\xa0", 1); /* published, though the numbers are not there */
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->cause, DPS_E_FIELD);
	(void)test_hub_event(&t, DPS_HUB_EVENT_PUBLISHED);
	dps_hub_publish_changed(&t.hub);
	test_hub_run(&t);
	test_hub_expect(&t, TEST_HUB_PUBLISH);
	test_hub_end(&t);
}

static void test_unpublish(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	assert_int_equal(dps_hub_unpublish(&t.hub, INT64_C(1) << 32), DPS_E_ARGUMENT);
	assert_int_equal(dps_hub_unpublish(&t.hub, -2), DPS_E_ARGUMENT);
	assert_int_equal(dps_hub_unpublish(&t.hub, 4294967295), DPS_OK);
	assert_int_equal(dps_hub_unpublish(&t.hub, 1), DPS_AGAIN);
	test_hub_run(&t);
	assert_int_equal(dps_hub_unpublish(&t.hub, 1), DPS_AGAIN);
	test_hub_expect(&t, "DELETE /oic/rd?di=" TEST_HUB_DEVICE "&ins=4294967295");
	test_hub_answer_bytes(&t, 202, "", NULL, 0);
	test_hub_run(&t);
	assert_int_equal(test_hub_count(&t, DPS_HUB_EVENT_WARNING), 0);
	assert_int_equal(dps_hub_unpublish(&t.hub, 0), DPS_OK);
	test_hub_run(&t);
	test_hub_expect(&t, "DELETE /oic/rd?di=" TEST_HUB_DEVICE "&ins=0");
	test_hub_refuse(&t, 400, "cannot find observed resources");
	test_hub_run(&t);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->code, 400);
	assert_int_equal(dps_hub_unpublish(&t.hub, DPS_HUB_UNPUBLISH_ALL), DPS_OK);
	test_hub_run(&t);
	test_hub_expect(&t, "DELETE /oic/rd?di=" TEST_HUB_DEVICE);
	test_hub_end(&t);
	test_hub_init(&t);
	assert_int_equal(dps_hub_init(&t.hub, &t.config), DPS_OK);
	assert_int_equal(dps_hub_unpublish(&t.hub, 1), DPS_E_STATE);
}

static void test_reload(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	dps_hub_reload(&t.hub); /* of what it committed itself, say */
	test_hub_run(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	assert_int_equal(t.link.peer.opened, 1);
	strcpy(t.record.access, "access-token-2");
	dps_hub_reload(&t.hub);
	test_hub_run(&t);
	assert_int_equal(t.link.peer.opened, 2);
	assert_int_equal(t.detached, 1);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	assert_string_equal(test_hub_text(&t, "accesstoken"), "access-token-2");
	assert_int_equal(test_hub_count(&t, DPS_HUB_EVENT_OFFLINE), 1);
	test_hub_end(&t);
}

/* The connection has proven who the device is: a new certificate serves the next one. Whom it trusts is another matter. */
static void test_renewal_keeps_the_connection(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	t.renewed = true;
	dps_hub_reload(&t.hub);
	test_hub_run(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	assert_int_equal(t.link.peer.opened, 1);
	assert_int_equal(test_hub_count(&t, DPS_HUB_EVENT_OFFLINE), 0);
	assert_string_equal(t.slot, "identity-0");
	t.other_anchor = true;
	dps_hub_reload(&t.hub);
	test_hub_run(&t);
	assert_int_equal(t.link.peer.opened, 2);
	assert_int_equal(test_hub_count(&t, DPS_HUB_EVENT_OFFLINE), 1);
	assert_string_equal(t.slot, "identity-1");
	test_hub_end(&t);
}

/* Everything that may be called from an event is. */
static void meddle(struct test_hub *world, const struct dps_hub_event *event)
{
	assert_int_equal(dps_hub_start(&world->hub), DPS_E_STATE);
	assert_int_equal(dps_hub_process(&world->hub), 0);
	if (event->type == DPS_HUB_EVENT_ONLINE) {
		dps_hub_publish_changed(&world->hub);
		dps_hub_reload(&world->hub);
		assert_int_equal(dps_hub_unpublish(&world->hub, 5), DPS_OK);
		dps_hub_stop(&world->hub);
		assert_int_equal(dps_hub_state(&world->hub), DPS_HUB_ONLINE);
	}
}

static void test_orders_from_events(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	t.in_event = meddle;
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_give_session(&t, "20");
	test_hub_run(&t);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_LEAVING);
	test_hub_answer_bytes(&t, 204, "", NULL, 0);
	test_hub_end(&t);
}

static void test_configuration_is_checked(void **state)
{
	static const char name[] = "a name of more than sixty-four bytes, which is longer than any name is to be";

	(void)state;
#define REFUSED(change)                                                                                                                    \
	do {                                                                                                                                   \
		test_hub_init(&t);                                                                                                                 \
		change;                                                                                                                            \
		assert_int_equal(dps_hub_init(&t.hub, &t.config), DPS_E_ARGUMENT);                                                                 \
	} while (0)
	REFUSED(t.config.platform = NULL);
	REFUSED(t.config.channel = NULL);
	REFUSED(t.config.keys = NULL);
	REFUSED(t.config.source.read_cloud = NULL);
	REFUSED(t.config.source.read_credentials = NULL);
	REFUSED(t.config.source.update_cloud = NULL);
	REFUSED(t.config.source.provision = NULL);
	REFUSED(t.config.source.now_s = NULL);
	REFUSED(t.config.retry_count = 0);
	REFUSED(t.config.retry_count = DPS_HUB_RETRIES + 1);
	REFUSED(t.config.retry_ms[2] = 0);
	REFUSED(t.config.connect_timeout_ms = 0);
	REFUSED(t.config.request_timeout_ms = 0);
	REFUSED(t.config.pong_timeout_ms = 0);
	REFUSED(t.config.fallback_ms = 0);
	REFUSED(t.config.fallback_max_ms = 1);
	REFUSED(t.config.device_name = name);
	REFUSED(t.config.device_name = "\xff");
#undef REFUSED
}

/* No token is left in memory when it is stopped. */
static bool holds(const void *memory, size_t len, const char *text)
{
	for (size_t i = 0; i + strlen(text) <= len; i++) {
		if (memcmp((const char *)memory + i, text, strlen(text)) == 0)
			return true;
	}
	return false;
}

static void test_secrets_are_wiped(void **state)
{
	(void)state;
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_go_online(&t, "20");
	assert_true(holds(&t.hub, sizeof(t.hub), "access-token-1"));
	t.config.sign_out = false;
	t.hub.config.sign_out = false;
	dps_hub_stop(&t.hub);
	assert_false(holds(&t.hub, sizeof(t.hub), "access-token-1"));
	assert_false(holds(&t.hub, sizeof(t.hub), "refresh-token-1"));
	assert_false(holds(&t.hub, sizeof(t.hub), "dps-token-1"));
	test_hub_end(&t);
	/* nor told, whatever the gateway quotes */
	test_hub_init(&t);
	test_hub_register(&t);
	test_hub_begin(&t);
	test_hub_expect(&t, TEST_HUB_SIGN_IN);
	test_hub_refuse(&t, 401, "your token access-token-1 is bad");
	test_hub_run(&t);
	assert_string_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->text, "");
	test_hub_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_device_in_one_flight),
		cmocka_unit_test(test_registered_device_signs_in_at_once),
		cmocka_unit_test(test_refresh_ahead_of_expiry),
		cmocka_unit_test(test_refresh_before_sign_in),
		cmocka_unit_test(test_tokens_that_never_last),
		cmocka_unit_test(test_expiry_of_all_kinds),
		cmocka_unit_test(test_long_tokens),
		cmocka_unit_test(test_answers_are_judged),
		cmocka_unit_test(test_tokens_that_cannot_be_stored),
		cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_redirects_are_bounded),
		cmocka_unit_test(test_publish_again),
		cmocka_unit_test(test_unpublish),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_renewal_keeps_the_connection),
		cmocka_unit_test(test_orders_from_events),
		cmocka_unit_test(test_configuration_is_checked),
		cmocka_unit_test(test_secrets_are_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
