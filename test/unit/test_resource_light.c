/* SPDX-License-Identifier: Apache-2.0 */
/* The light of docs/resources.md, switched by a hub's user and by hand. */
#include "../../examples/light/light.h"
#include "support/test_resource.h"

static struct test_resource t;

static void a_light_is_switched(void **state)
{
	struct dps_uuid id;

	(void)state;
	memset(&t, 0, sizeof(t));
	assert_int_equal(dps_uuid_parse(TEST_DEVICE_ID, DPS_UUID_TEXT_LEN, &id), DPS_OK);
	t.coap.random = (struct dps_random){&t.coap, test_coap_random};
	t.peer = test_peer(TEST_HUB_ID);
	t.acl = test_acl_of("appendix-acl", t.acl_bytes, sizeof(t.acl_bytes));
	assert_int_equal(light_init(&t.device, &id, &t.coap.random), DPS_OK);
	dps_device_set_acl(&t.device, &t.acl, NULL);
	test_resource_connect(&t, 0);
	/* the hub's observation */
	assert_int_equal(test_request(&t, 1, "0b", "60 53 6f6963 03726573 4b 69663d6f69632e69662e62", (struct dps_span){NULL, 0}), 205);
	assert_true(test_mentions(&t, "state\xf4\x65power\x18\x64\x65place\x64hall"));
	/* a user switches it on, and dims it */
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a1 65 7374617465 f5"), 204);
	assert_int_equal(light_level(), 100);
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a1 65 706f776572 18 1e"), 204);
	assert_int_equal(light_level(), 30);
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a1 65 706f776572 18 65"), 400);
	assert_int_equal(light_level(), 30);
	assert_true(test_notified(&t));
	assert_true(test_mentions(&t, "state\xf5\x65power\x18\x1e"));
	/* somebody presses the button */
	light_button(&t.device);
	assert_int_equal(light_level(), 0);
	assert_true(test_notified(&t));
	assert_true(test_mentions(&t, "state\xf4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_light_is_switched)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
