/* SPDX-License-Identifier: Apache-2.0 */
/* A device with a light behind a real hub session: signed in, listed, published, observed, changed, signed out. */
#include "support/test_hub.h"
#include "support/test_resource.h"

#define OIC_RES    "b36f6963 03726573"
#define TOKEN_LIST "2fea22142c081835"

static struct test_hub hub;
static struct test_resource t;

/* The hub that is signed in to may do all to all, and nobody else anything. */
static uint8_t entries[] =
	"\x81\xa3\x6apermission\x18\x1f\x69resources\x82\xa1\x64href\x68/oic/res\xa1\x62wc\x61*\x67subject\xa1\x64uuid\x78\x24" TEST_HUB_A;

/* The next message with that token of all that the device wrote. */
static bool find_answer(const char *token_hex)
{
	uint8_t token[8];
	const size_t len = test_hex(token_hex, token, sizeof(token)).len;

	if (hub.link.out_pos == hub.link.out_len)
		test_coap_take(&hub.link);
	while (test_coap_next(&hub.link, &t.answer))
		if (t.answer.token_len == len && memcmp(t.answer.token, token, len) == 0)
			return true;
	return false;
}

static void begin(size_t entries_len)
{
	const struct dps_acl acl = {{entries, entries_len}, 1};

	memset(&t, 0, sizeof(t));
	test_config_describe(&t);
	test_light_describe(&t);
	t.coap.random = (struct dps_random){&t.coap, test_coap_random};
	assert_int_equal(dps_device_init(&t.device, &t.config), DPS_OK);
	assert_int_equal(dps_device_add(&t.device, &t.light), DPS_OK);
	dps_device_set_acl(&t.device, &acl, NULL);
	test_hub_init(&hub);
	dps_device_serve_hub(&t.device, &hub.config);
	test_hub_register(&hub);
	test_hub_begin(&hub);
}

static void a_session_with_a_light(void **state)
{
	uint8_t sign_in[8];

	(void)state;
	begin(sizeof(entries) - 1);
	test_hub_expect(&hub, TEST_HUB_SIGN_IN);
	memcpy(sign_in, hub.request_token, 8);
	/* before it answers, the gateway asks for the end points; the publication leaves with that answer */
	test_hub_ask(&hub);
	test_hub_run(&hub);
	test_coap_take(&hub.link);
	assert_true(find_answer(TOKEN_LIST));
	assert_int_equal(t.answer.code, 205);
	assert_int_equal(test_count_items(&t), 1);
	hub.link.out_pos = 0;
	test_hub_expect(&hub, TEST_HUB_PUBLISH);
	assert_string_equal(test_hub_text(&hub, "n"), "hubfull");
	t.answer.payload = hub.body;
	t.answer.payload_len = hub.body_len;
	assert_true(test_mentions(&t, "links\x83\xa6\x64href\x66/oic/d"));
	assert_true(test_mentions(&t, "/light/1"));
	memcpy(hub.request_token, sign_in, 8);
	test_hub_give_session(&hub, "20");
	test_hub_run(&hub);
	assert_int_equal(dps_hub_state(&hub.hub), DPS_HUB_ONLINE);
	/* the observation of all values */
	test_coap_feed(&hub.link, 1, "0b", "60 53 6f6963 03726573 4b 69663d6f69632e69662e62", NULL, 0);
	test_hub_run(&hub);
	assert_true(find_answer("0b"));
	assert_int_equal(t.answer.code, 205);
	assert_true(test_coap_uint(&t.answer, 6) >= 2);
	assert_int_equal(test_count_items(&t), 1); /* that hub is given nothing but what a wildcard opens */
	/* a change here is told in the next turn; one of a user's behind the answer, though nothing else happens */
	t.power = 50;
	dps_device_changed(&t.device, "/light/1");
	test_hub_run(&hub);
	assert_true(find_answer("0b"));
	assert_true(test_mentions(&t, "power\x18\x32"));
	test_coap_feed(&hub.link, 2, "0c", TEST_PATH_LIGHT "12 2710", "\xa1\x65power\x09", 8);
	test_hub_run(&hub);
	assert_int_equal(t.power, 9);
	test_coap_take(&hub.link);
	assert_true(find_answer("0c"));
	assert_int_equal(t.answer.code, 204);
	/* behind its answer, without waiting for anything else to happen */
	assert_true(find_answer("0b"));
	assert_true(test_mentions(&t, "power\x09"));
	/* the end of the connection ends the observation */
	test_hub_end(&hub);
	assert_null(t.device.coap);
	assert_false(t.device.observers[0].active);
}

static void another_hub_is_nobody(void **state)
{
	(void)state;
	entries[sizeof(entries) - 2] ^= 1; /* the last digit of the id */
	begin(sizeof(entries) - 1);
	test_hub_ask(&hub);
	test_hub_run(&hub);
	test_coap_take(&hub.link);
	assert_true(find_answer(TOKEN_LIST));
	assert_int_equal(t.answer.code, 403);
	test_hub_end(&hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_with_a_light),
		cmocka_unit_test(another_hub_is_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
