/* SPDX-License-Identifier: Apache-2.0 */
/* Who may what: the list that the service hands out, local entries, and lists that change while somebody observes. */
#include "support/test_resource.h"

#define OBSERVE_LIGHT "60 55 6c69676874 0131"
#define OBSERVE_BATCH "60 53 6f6963 03726573 4b 69663d6f69632e69662e62"
#define GET_BATCH     "b3 6f6963 03726573 4b 69663d6f69632e69662e62"
#define PATH_D        "b3 6f6963 0164 "
#define PATH_CON      "b2 6f63 03636f6e "
#define STRANGER      "99999999-0000-4000-8000-000000000001"

static struct test_resource t;

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	test_config_describe(&t);
	test_light_describe(&t);
	t.config.name_size = sizeof(t.name);
	test_resource_begin(&t);
	return 0;
}

static void connect_as(const char *uuid)
{
	t.peer = (struct dps_acl_subject){.authenticated = false};
	if (uuid != NULL)
		t.peer = test_peer(uuid);
	test_resource_connect(&t, 0);
}

/* One entry: [{permission, resources: [{href} or {wc: "*"}], subject: {conntype: "auth-crypt"}}] */
static struct dps_acl entry(unsigned permission, const char *href, uint8_t *buf, size_t size)
{
	struct dps_acl acl = {.count = 1};
	struct dps_cbor_writer w;

	dps_cbor_writer_init(&w, buf, size);
	dps_cbor_write_array(&w, 1);
	dps_cbor_write_map(&w, 3);
	dps_cbor_write_text(&w, "permission");
	dps_cbor_write_uint(&w, permission);
	dps_cbor_write_text(&w, "resources");
	dps_cbor_write_array(&w, 1);
	dps_cbor_write_map(&w, 1);
	dps_cbor_write_text(&w, href[0] == '/' ? "href" : "wc");
	dps_cbor_write_text(&w, href);
	dps_cbor_write_text(&w, "subject");
	dps_cbor_write_map(&w, 1);
	dps_cbor_write_text(&w, "conntype");
	dps_cbor_write_text(&w, "auth-crypt");
	acl.aces.data = buf;
	assert_int_equal(dps_cbor_finish(&w, &acl.aces.len), DPS_OK);
	return acl;
}

static void the_services_list(void **state)
{
	static const struct {
		const char *who;
		unsigned light, light_post, list, batch, d, con_post;
		size_t entries;
	} cases[] = {
		{TEST_HUB_ID, 205, 204, 205, 205, 205, 204, 4},
		{TEST_OWNER_ID, 205, 204, 205, 205, 205, 204, 4},
		{STRANGER, 403, 403, 205, 205, 205, 403, 2},
		{NULL, 401, 401, 205, 205, 205, 401, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		connect_as(cases[i].who);
		assert_int_equal(test_get(&t, TEST_PATH_LIGHT), cases[i].light);
		assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a165706f77657208"), cases[i].light_post);
		assert_int_equal(test_get(&t, PATH_D), cases[i].d);
		assert_int_equal(test_get(&t, TEST_PATH_RES), cases[i].list);
		assert_int_equal(test_count_items(&t), 5); /* what there is may be known by who may see the list */
		assert_int_equal(test_get(&t, GET_BATCH), cases[i].batch);
		assert_int_equal(test_count_items(&t), cases[i].entries);
		assert_int_equal(test_request(&t, 1, "01", OBSERVE_BATCH, (struct dps_span){NULL, 0}), cases[i].batch);
		assert_true(test_coap_uint(&t.answer, 6) >= 2); /* without it a hub would end the connection */
		assert_int_equal(test_post(&t, PATH_CON, "a1616e6161"), cases[i].con_post);
		strcpy(t.name, "hubfull");
	}
	assert_int_equal(t.device.counters.refused, 6);
	assert_int_equal(t.changes, 1);
}

static void without_lists_nothing_is_allowed(void **state)
{
	(void)state;
	dps_device_set_acl(&t.device, NULL, NULL);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 403);
	assert_int_equal(test_get(&t, TEST_PATH_RES), 403);
	assert_int_equal(test_get(&t, "b56c69676874 0139"), 404);
	assert_int_equal(t.answer.payload_len, 0);
	dps_device_detach(&t.device); /* who comes without a peer being attached is nobody */
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 401);
	dps_device_set_acl(&t.device, &t.acl, NULL);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 401);
}

static void permissions_are_asked_one_by_one(void **state)
{
	static const struct {
		unsigned committed, local, get, post;
		bool shown;
	} cases[] = {
		{DPS_ACL_RETRIEVE, 0, 205, 403, false},
		{DPS_ACL_UPDATE, 0, 403, 204, false}, /* it may change what it may not see */
		{0, DPS_ACL_RETRIEVE, 205, 403, false},
		{DPS_ACL_RETRIEVE, DPS_ACL_UPDATE, 205, 204, true},
		{DPS_ACL_UPDATE, DPS_ACL_RETRIEVE, 205, 204, true},
		{DPS_ACL_CREATE | DPS_ACL_DELETE | DPS_ACL_NOTIFY, DPS_ACL_NOTIFY, 403, 403, false},
	};
	uint8_t buf[2][128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct dps_acl committed = entry(cases[i].committed, "/light/1", buf[0], sizeof(buf[0]));
		const struct dps_acl local = entry(cases[i].local, "*", buf[1], sizeof(buf[1]));

		t.power = 7;
		dps_device_set_acl(&t.device, &committed, &local);
		assert_int_equal(test_get(&t, TEST_PATH_LIGHT), cases[i].get);
		assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a165706f77657208"), cases[i].post);
		assert_int_equal(t.power, cases[i].post == 204 ? 8 : 7);
		assert_int_equal(t.answer.payload_len > 0, cases[i].shown);
	}
}

static void wildcards_open_no_configuration(void **state)
{
	static struct test_resource own;
	uint8_t buf[128];
	const struct dps_acl all = entry(31, "*", buf, sizeof(buf));

	(void)state;
	dps_device_set_acl(&t.device, &all, NULL);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 205);
	assert_int_equal(test_get(&t, TEST_PATH_RES), 403);
	assert_int_equal(test_get(&t, PATH_D), 403);
	assert_int_equal(test_get(&t, PATH_CON), 403);
	/* nor one of the application's that it says is some */
	test_config_describe(&own);
	test_light_describe(&own);
	own.light.policy |= DPS_POLICY_CONFIGURATION;
	test_resource_begin(&own);
	dps_device_set_acl(&own.device, &all, NULL);
	assert_int_equal(test_get(&own, TEST_PATH_LIGHT), 403);
}

static void observers_end_when_the_list_says_so(void **state)
{
	uint8_t buf[2][128];
	const struct dps_acl light = entry(DPS_ACL_RETRIEVE, "/light/1", buf[0], sizeof(buf[0]));
	const struct dps_acl res = entry(DPS_ACL_RETRIEVE, "/oic/res", buf[1], sizeof(buf[1]));

	(void)state;
	assert_int_equal(test_request(&t, 1, "01", OBSERVE_LIGHT, (struct dps_span){NULL, 0}), 205);
	assert_int_equal(test_request(&t, 1, "02", OBSERVE_BATCH, (struct dps_span){NULL, 0}), 205);
	/* the same list again: nothing happens */
	dps_device_set_acl(&t.device, &t.acl, NULL);
	assert_false(test_notified(&t));
	/* the batch may no longer be seen */
	dps_device_set_acl(&t.device, &light, NULL);
	assert_true(test_notified(&t));
	assert_int_equal(t.answer.token[0], 2);
	assert_int_equal(t.answer.code, 403);
	assert_int_equal(test_coap_uint(&t.answer, 6), -1);
	assert_int_equal(t.answer.payload_len, 0);
	assert_false(test_coap_next(&t.coap, &t.answer));
	/* taken back before anybody was told: it goes on */
	dps_device_set_acl(&t.device, NULL, NULL);
	dps_device_set_acl(&t.device, &light, NULL);
	(void)test_notified(&t);
	/* and what is due is not told to who may not see it */
	t.power = 9;
	assert_int_equal(dps_device_changed(&t.device, "/light/1"), DPS_OK);
	dps_device_set_acl(&t.device, &res, NULL);
	assert_true(test_notified(&t));
	assert_int_equal(t.answer.token[0], 1);
	assert_int_equal(t.answer.code, 403);
	assert_int_equal(t.answer.payload_len, 0);
	assert_false(test_notified(&t));
	assert_int_equal(t.device.counters.observers_ended, 2);
	/* who is not authenticated reads 4.01 */
	connect_as(NULL);
	dps_device_set_acl(&t.device, &t.acl, NULL);
	assert_int_equal(test_request(&t, 1, "03", OBSERVE_BATCH, (struct dps_span){NULL, 0}), 205);
	dps_device_set_acl(&t.device, NULL, NULL);
	assert_true(test_notified(&t));
	assert_int_equal(t.answer.code, 401);
}

static void the_batch_follows_the_list(void **state)
{
	uint8_t buf[2][128];
	const struct dps_acl res = entry(DPS_ACL_RETRIEVE, "/oic/res", buf[0], sizeof(buf[0]));
	const struct dps_acl light = entry(DPS_ACL_RETRIEVE, "/light/1", buf[1], sizeof(buf[1]));

	(void)state;
	dps_device_set_acl(&t.device, &res, NULL);
	assert_int_equal(test_request(&t, 1, "01", OBSERVE_BATCH, (struct dps_span){NULL, 0}), 205);
	test_expect_payload(&t, "80");
	assert_true(test_coap_uint(&t.answer, 6) >= 2);
	/* what may not be seen is not told either */
	assert_int_equal(dps_device_changed(&t.device, "/light/1"), DPS_OK);
	assert_false(test_notified(&t));
	assert_int_equal(t.device.counters.notifications, 0);
	/* what may be seen from now on is told by itself */
	dps_device_set_acl(&t.device, &res, &light);
	assert_true(test_notified(&t));
	assert_int_equal(test_count_items(&t), 1);
	assert_true(test_mentions(&t, "/light/1"));
	assert_false(test_notified(&t));
	dps_device_set_acl(&t.device, &res, NULL);
	assert_int_equal(dps_device_changed(&t.device, "/light/1"), DPS_OK);
	assert_false(test_notified(&t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_services_list, set_up),
		cmocka_unit_test_setup(without_lists_nothing_is_allowed, set_up),
		cmocka_unit_test_setup(permissions_are_asked_one_by_one, set_up),
		cmocka_unit_test_setup(wildcards_open_no_configuration, set_up),
		cmocka_unit_test_setup(observers_end_when_the_list_says_so, set_up),
		cmocka_unit_test_setup(the_batch_follows_the_list, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
