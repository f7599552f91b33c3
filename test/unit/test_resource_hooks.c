/* SPDX-License-Identifier: Apache-2.0 */
/* What an application is told of requests and notifications, and values that it is given to set. */
#include "support/test_resource.h"

/* GET /light/1 and /oic/res?if=oic.if.b with Observe 0. */
#define OBSERVE_LIGHT "60 55 6c69676874 0131"
#define OBSERVE_ALL   "60 53 6f6963 03726573 4b 69663d6f69632e69662e62"

static struct test_resource t;

static struct {
	unsigned requests, method, code;
	char path[64];
	unsigned notified;
	char href[64];
} told;

static void on_request(void *user, unsigned method, struct dps_span path, unsigned code)
{
	assert_ptr_equal(user, &t);
	assert_true(path.len < sizeof(told.path));
	told.requests++;
	told.method = method;
	told.code = code;
	memcpy(told.path, path.data, path.len);
	told.path[path.len] = '\0';
}

static void on_notified(void *user, const char *href)
{
	assert_ptr_equal(user, &t);
	told.notified++;
	strcpy(told.href, href);
}

static int begin(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	memset(&told, 0, sizeof(told));
	test_config_describe(&t);
	test_light_describe(&t);
	t.config.on_request = on_request;
	t.config.on_notified = on_notified;
	test_resource_begin(&t);
	return 0;
}

static void requests_are_told_with_what_they_came_to(void **state)
{
	(void)state;
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 205);
	assert_int_equal(told.method, 1);
	assert_int_equal(told.code, 205);
	assert_string_equal(told.path, "/light/1");
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a165706f77657209"), 204);
	assert_int_equal(told.method, 2);
	assert_int_equal(told.code, 204);
	assert_int_equal(test_get(&t, "b3 6f6963 0179"), 404);
	assert_string_equal(told.path, "/oic/y");
	assert_int_equal(told.code, 404);
	dps_device_set_acl(&t.device, NULL, NULL);
	assert_int_equal(test_get(&t, TEST_PATH_LIGHT), 403);
	assert_int_equal(told.code, 403);
	assert_int_equal(told.requests, 4);
}

static void notifications_are_told_of_each_resource_in_them(void **state)
{
	(void)state;
	assert_int_equal(test_get(&t, OBSERVE_LIGHT), 205);
	assert_int_equal(told.notified, 0);
	t.power = 8;
	assert_int_equal(dps_device_changed(&t.device, "/light/1"), DPS_OK);
	assert_true(test_notified(&t));
	assert_int_equal(told.notified, 1);
	assert_string_equal(told.href, "/light/1");
	/* The end of an observation is no state. */
	dps_device_set_acl(&t.device, NULL, NULL);
	assert_true(test_notified(&t));
	assert_int_equal(t.answer.code, 403);
	assert_int_equal(told.notified, 1);
}

static void a_batch_is_told_of_what_is_in_it(void **state)
{
	(void)state;
	assert_int_equal(test_get(&t, OBSERVE_ALL), 205);
	t.power = 8;
	assert_int_equal(dps_device_changed(&t.device, "/light/1"), DPS_OK);
	assert_int_equal(dps_device_changed(&t.device, "/oic/d"), DPS_OK);
	assert_true(test_notified(&t));
	assert_int_equal(told.notified, 2);
	assert_int_equal(test_count_items(&t), 2);
}

static dps_result write(const char *href, const char *hex)
{
	static uint8_t bytes[256];

	return dps_device_write(&t.device, (struct dps_span){(const uint8_t *)href, strlen(href)}, test_hex(hex, bytes, sizeof(bytes)));
}

static void values_are_set_as_by_a_client(void **state)
{
	(void)state;
	assert_int_equal(test_get(&t, OBSERVE_LIGHT), 205);
	assert_int_equal(write("/light/1", "a2 65 706f776572 18 2a 65 7374617465 f5"), DPS_OK);
	assert_int_equal(t.power, 42);
	assert_true(t.state);
	assert_int_equal(t.changes, 1);
	assert_true(test_notified(&t));
	/* All or nothing: the second value is out of range. */
	assert_int_equal(write("/light/1", "a2 65 7374617465 f4 65 706f776572 18 65"), DPS_E_FIELD);
	assert_int_equal(write("/light/1", "a1 65 706f776572"), DPS_E_FIELD);
	assert_int_equal(write("/light/1", "80"), DPS_E_FIELD);
	assert_int_equal(write("/light/1", "a1 61 78 01"), DPS_E_FIELD);
	assert_int_equal(write("/light/1", ""), DPS_E_FIELD);
	assert_int_equal(write("/light/2", "a1 65 706f776572 01"), DPS_E_NOT_FOUND);
	assert_int_equal(write("/oic/d", "a1 61 6e 61 78"), DPS_E_NOT_FOUND); /* it has no table */
	assert_int_equal(t.power, 42);
	assert_true(t.state);
	assert_false(test_notified(&t));
	assert_int_equal(t.changes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(requests_are_told_with_what_they_came_to, begin),
		cmocka_unit_test_setup(notifications_are_told_of_each_resource_in_them, begin),
		cmocka_unit_test_setup(a_batch_is_told_of_what_is_in_it, begin),
		cmocka_unit_test_setup(values_are_set_as_by_a_client, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
