/* SPDX-License-Identifier: Apache-2.0 */
/* Observers: how they come and go, what they are told and when, and that there are never too many. */
#include "support/test_resource.h"

#define IF_B "4b 69663d6f69632e69662e62"

/* Observe is 6: 0 registers, 1 deregisters */
#define OBSERVE_LIGHT "60 55 6c69676874 0131"
#define OBSERVE_BATCH "60 53 6f6963 03726573 " IF_B
#define FORGET_LIGHT  "61 01 55 6c69676874 0131"

static struct test_resource t;

static int set_up(void **state)
{
	(void)state;
	test_resource_init(&t);
	return 0;
}

static unsigned get_with(const char *token, const char *options)
{
	return test_request(&t, 1, token, options, (struct dps_span){NULL, 0});
}

static void change(int32_t power)
{
	t.power = power;
	assert_int_equal(dps_device_changed(&t.device, "/light/1"), DPS_OK);
}

static void assert_token(const char *hex)
{
	uint8_t token[8];
	const struct dps_span expected = test_hex(hex, token, sizeof(token));

	assert_int_equal(t.answer.token_len, expected.len);
	assert_memory_equal(t.answer.token, expected.data, expected.len);
}

static size_t active(void)
{
	size_t count = 0;

	for (size_t i = 0; i < DPS_CONFIG_OBSERVERS; i++)
		count += t.device.observers[i].active;
	return count;
}

static void a_life(void **state)
{
	(void)state;
	assert_false(test_notified(&t));
	assert_int_equal(get_with("0a0b", OBSERVE_LIGHT), 205);
	assert_int_equal(test_coap_uint(&t.answer, 6), 2);
	assert_false(test_notified(&t)); /* what it was told is not told again */
	change(8);
	assert_true(test_notified(&t));
	assert_int_equal(t.answer.code, 205);
	assert_token("0a0b");
	assert_int_equal(test_coap_uint(&t.answer, 6), 3);
	assert_int_equal(test_coap_uint(&t.answer, 12), 10000);
	test_expect_payload(&t, "a3 65 7374617465 f4 65 706f776572 08 64 6e616d65 65 4c69676874");
	assert_false(test_notified(&t));
	/* a client's own change is told too, and only if it is one */
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a165706f77657208"), 204);
	assert_false(test_notified(&t));
	assert_int_equal(test_post(&t, TEST_PATH_LIGHT, "a165706f77657209"), 204);
	assert_true(test_notified(&t));
	assert_int_equal(test_coap_uint(&t.answer, 6), 4);
	/* what others change is not told */
	assert_int_equal(dps_device_changed(&t.device, "/oic/p"), DPS_OK);
	assert_false(test_notified(&t));
	assert_int_equal(dps_device_changed(&t.device, "/oic/x"), DPS_E_NOT_FOUND);
	/* the end, answered as any GET */
	change(10);
	assert_int_equal(get_with("0a0b", FORGET_LIGHT), 205);
	assert_int_equal(test_coap_uint(&t.answer, 6), -1);
	assert_false(test_notified(&t));
	assert_int_equal(active(), 0);
	assert_int_equal(get_with("0a0b", FORGET_LIGHT), 205);
	assert_int_equal(t.device.counters.notifications, 2);
}

static void the_batch_tells_what_changed(void **state)
{
	(void)state;
	assert_int_equal(get_with("01", OBSERVE_BATCH), 205);
	assert_int_equal(test_count_items(&t), 3);
	assert_false(test_notified(&t));
	change(8);
	change(9);
	assert_true(test_notified(&t));
	assert_int_equal(test_count_items(&t), 1);
	assert_true(test_mentions(&t, "power\x09"));
	assert_false(test_notified(&t));
	change(10);
	assert_int_equal(dps_device_changed(&t.device, "/oic/d"), DPS_OK);
	assert_true(test_notified(&t));
	assert_int_equal(test_count_items(&t), 2);
	assert_false(test_notified(&t));
	/* a sign-out's end of it: no query, so the list of links is the answer */
	assert_int_equal(get_with("01", "61 01 53 6f6963 03726573"), 205);
	assert_int_equal(test_count_items(&t), 4);
	change(11);
	assert_false(test_notified(&t));
}

static void a_list_is_told_when_resources_come(void **state)
{
	static struct dps_device_resource more;

	(void)state;
	assert_int_equal(get_with("01", "60 53 6f6963 03726573"), 205);
	assert_int_equal(get_with("02", "60 53 6f6963 03726573 4d05 69663d6f69632e69662e626173656c696e65"), 205);
	assert_int_equal(get_with("03", OBSERVE_BATCH), 205);
	change(8);
	assert_true(test_notified(&t));
	assert_token("03");
	assert_false(test_notified(&t));
	more = t.light;
	more.href = "/light/2";
	assert_int_equal(dps_device_add(&t.device, &more), DPS_OK);
	assert_true(test_notified(&t));
	assert_token("01");
	assert_int_equal(test_count_items(&t), 5);
	assert_true(test_coap_next(&t.coap, &t.answer));
	assert_token("02");
	assert_int_equal(test_count_items(&t), 1);
	assert_true(test_mentions(&t, "/light/2"));
	assert_true(test_coap_next(&t.coap, &t.answer));
	assert_token("03");
	assert_int_equal(test_count_items(&t), 1);
	assert_true(test_mentions(&t, "/light/2"));
}

static void the_interface_of_the_registration_stays(void **state)
{
	(void)state;
	assert_int_equal(get_with("01", OBSERVE_LIGHT "4d05 69663d6f69632e69662e626173656c696e65"), 205);
	change(8);
	assert_true(test_notified(&t));
	assert_true(test_mentions(&t, "core.light"));
}

static void the_same_token_is_the_same_observer(void **state)
{
	(void)state;
	assert_int_equal(get_with("01", OBSERVE_LIGHT), 205);
	assert_int_equal(get_with("01", OBSERVE_BATCH), 205);
	assert_int_equal(test_coap_uint(&t.answer, 6), 3); /* numbers go on */
	assert_int_equal(active(), 1);
	change(8);
	assert_true(test_notified(&t));
	assert_int_equal(test_count_items(&t), 1);
	assert_false(test_coap_next(&t.coap, &t.answer));
	/* tokens of every length are others: none, one that begins another */
	assert_int_equal(get_with("", OBSERVE_LIGHT), 205);
	assert_int_equal(get_with("0102", OBSERVE_LIGHT), 205);
	assert_int_equal(get_with("0102030405060708", OBSERVE_LIGHT), 205);
	assert_int_equal(active(), 4);
	assert_int_equal(get_with("", FORGET_LIGHT), 205);
	assert_int_equal(active(), 3);
	/* who registers again and is refused is an observer no longer */
	assert_int_equal(get_with("01", OBSERVE_BATCH "0b 69663d6f69632e69662e62"), 400);
	assert_int_equal(active(), 2);
	assert_int_equal(get_with("0102", "60 55 6c69676874 0139"), 404);
	assert_int_equal(active(), 1);
	/* a plain GET with the token says nothing of it, nor does another value of the option */
	assert_int_equal(get_with("0102030405060708", TEST_PATH_LIGHT), 205);
	assert_int_equal(get_with("0102030405060708", "61 02 55 6c69676874 0131"), 205);
	assert_int_equal(test_coap_uint(&t.answer, 6), -1);
	assert_int_equal(active(), 1);
}

static void what_is_not_observed(void **state)
{
	static struct test_resource still;

	(void)state;
	/* what is filtered: an observer keeps no query */
	assert_int_equal(get_with("01", "60 53 6f6963 03726573 4b 72743d6f69632e776b2e64"), 205);
	assert_int_equal(test_coap_uint(&t.answer, 6), -1);
	assert_int_equal(get_with("01", "60 53 6f6963 03726573 4c 69663d6f69632e69662e7277"), 205);
	assert_int_equal(test_coap_uint(&t.answer, 6), -1);
	assert_int_equal(active(), 0);
	assert_int_equal(t.device.counters.observers_refused, 2);
	/* a POST */
	assert_int_equal(test_request(&t, 2, "01", "60 55 6c69676874 0131 12 2710", test_text("\xa1\x65power\x09")), 204);
	assert_int_equal(active(), 0);
	/* what its policy says */
	test_config_describe(&still);
	test_light_describe(&still);
	still.light.policy = DPS_POLICY_DISCOVERABLE;
	test_resource_begin(&still);
	assert_int_equal(test_request(&still, 1, "01", OBSERVE_LIGHT, (struct dps_span){NULL, 0}), 205);
	assert_int_equal(test_coap_uint(&still.answer, 6), -1);
	assert_int_equal(test_request(&still, 1, "01", OBSERVE_BATCH, (struct dps_span){NULL, 0}), 205);
	assert_int_equal(test_count_items(&still), 3);
	assert_int_equal(dps_device_changed(&still.device, "/light/1"), DPS_OK);
	assert_false(test_notified(&still));
}

static void ten_thousand_observers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		char token[9];

		snprintf(token, sizeof(token), "%08x", i);
		assert_int_equal(get_with(token, OBSERVE_LIGHT), 205);
		assert_int_equal(test_coap_uint(&t.answer, 6), i < DPS_CONFIG_OBSERVERS ? 2 : -1);
	}
	assert_int_equal(active(), DPS_CONFIG_OBSERVERS);
	assert_int_equal(t.device.counters.observers_refused, 10000 - DPS_CONFIG_OBSERVERS);
	change(8);
	assert_int_equal(dps_device_process(&t.device), DPS_OK);
	assert_int_equal(t.device.counters.notifications, DPS_CONFIG_OBSERVERS);
	assert_int_equal(dps_device_process(&t.device), DPS_OK);
	assert_int_equal(t.device.counters.notifications, DPS_CONFIG_OBSERVERS);
	test_coap_run(&t.coap);
	test_coap_take(&t.coap);
	/* one that goes makes room for one that comes */
	assert_int_equal(get_with("00000003", FORGET_LIGHT), 205);
	assert_int_equal(get_with("ffffffff", OBSERVE_LIGHT), 205);
	assert_int_equal(test_coap_uint(&t.answer, 6), 2);
}

/* While nothing leaves, changes pile up nowhere: the last state is told once there is room. */
static void the_latest_state_wins(void **state)
{
	(void)state;
	test_resource_connect(&t, 256);
	assert_int_equal(get_with("01", OBSERVE_LIGHT), 205);
	assert_int_equal(get_with("02", OBSERVE_LIGHT), 205);
	t.coap.peer.write_blocked = true;
	for (int32_t power = 0; power <= 100; power++) {
		dps_result result;

		change(power);
		result = dps_device_process(&t.device);
		assert_true(result == DPS_OK || result == DPS_AGAIN);
	}
	assert_true(t.device.counters.notifications < 8);
	assert_int_equal(dps_device_process(&t.device), DPS_AGAIN);
	assert_int_equal(t.coap.peer.out_len, 0);
	t.coap.peer.write_blocked = false;
	(void)test_coap_run(&t.coap);
	assert_int_equal(dps_device_process(&t.device), DPS_OK);
	(void)test_coap_run(&t.coap);
	test_coap_take(&t.coap);
	for (size_t last[2] = {0, 0}, i = 0; i < 20; i++) {
		size_t who;

		if (!test_coap_next(&t.coap, &t.answer)) {
			assert_int_equal(last[0], 'd'); /* 100 */
			assert_int_equal(last[1], 'd');
			assert_true(i < 10);
			break;
		}
		who = t.answer.token[0] - 1u;
		assert_true(who < 2);
		last[who] = test_mentions(&t, "power\x18\x64") ? 'd' : 'x';
	}
	assert_false(test_notified(&t));
}

/* Who had no room is the first one next time. */
static void nobody_starves(void **state)
{
	unsigned told[3] = {0, 0, 0};

	(void)state;
	test_resource_connect(&t, 170);
	assert_int_equal(get_with("01", OBSERVE_LIGHT), 205);
	assert_int_equal(get_with("02", OBSERVE_LIGHT), 205);
	assert_int_equal(get_with("03", OBSERVE_LIGHT), 205);
	for (int32_t power = 0; power < 30; power++) {
		change(power);
		t.coap.peer.write_blocked = true;
		assert_int_equal(dps_device_process(&t.device), DPS_AGAIN); /* there is room for less than three */
		t.coap.peer.write_blocked = false;
		(void)test_coap_run(&t.coap);
		test_coap_take(&t.coap);
		while (test_coap_next(&t.coap, &t.answer))
			told[t.answer.token[0] - 1u]++;
	}
	for (size_t i = 0; i < 3; i++)
		assert_true(told[i] >= 8);
}

/* A batch that does not fit goes out in parts, and the ETag that stands for all with the last one only. */
static void a_batch_in_parts(void **state)
{
	size_t parts = 0, entries = 0, tagged = 0;

	(void)state;
	assert_int_equal(get_with("01", OBSERVE_BATCH), 205);
	t.coap.coap.options.send_size = 340;
	change(8);
	assert_int_equal(dps_device_changed(&t.device, "/oic/d"), DPS_OK);
	assert_int_equal(dps_device_changed(&t.device, "/oic/p"), DPS_OK);
	for (size_t i = 0; i < 10 && dps_device_process(&t.device) == DPS_AGAIN; i++)
		(void)test_coap_run(&t.coap);
	(void)test_coap_run(&t.coap);
	test_coap_take(&t.coap);
	while (test_coap_next(&t.coap, &t.answer)) {
		const uint8_t *etag = NULL;

		parts++;
		entries += test_count_items(&t);
		if (test_coap_option(&t.answer, 4, 0, &etag) == 8)
			tagged = parts;
	}
	assert_int_equal(entries, 3);
	assert_true(parts > 1);
	assert_int_equal(tagged, parts);
	assert_false(test_notified(&t));
}

/* An entry that has no room even alone is left out; a resource that has none ends its observation. */
static void what_never_fits(void **state)
{
	(void)state;
	assert_int_equal(get_with("01", OBSERVE_BATCH), 205);
	assert_int_equal(get_with("02", "60 53 6f6963 0164"), 205);
	assert_int_equal(get_with("03", OBSERVE_LIGHT), 205);
	t.coap.coap.options.send_size = 180; /* /oic/d takes more */
	change(8);
	assert_int_equal(dps_device_changed(&t.device, "/oic/d"), DPS_OK);
	for (size_t i = 0; i < 10 && dps_device_process(&t.device) == DPS_AGAIN; i++)
		(void)test_coap_run(&t.coap);
	(void)test_coap_run(&t.coap);
	test_coap_take(&t.coap);
	assert_true(test_coap_next(&t.coap, &t.answer));
	assert_token("01");
	assert_int_equal(test_count_items(&t), 1);
	assert_true(test_mentions(&t, "/light/1"));
	assert_true(test_coap_next(&t.coap, &t.answer));
	assert_token("02");
	assert_int_equal(t.answer.code, 500);
	assert_int_equal(test_coap_uint(&t.answer, 6), -1);
	assert_int_equal(t.answer.payload_len, 0);
	assert_true(test_coap_next(&t.coap, &t.answer));
	assert_token("03");
	assert_int_equal(t.answer.code, 205);
	assert_int_equal(active(), 2);
	assert_int_equal(t.device.counters.too_large, 2);
	assert_int_equal(t.device.counters.observers_ended, 1);
	assert_int_equal(dps_device_process(&t.device), DPS_OK);
}

/* A peer that says it takes next to nothing is told nothing, and costs nothing. */
static void a_peer_that_takes_nothing(void **state)
{
	(void)state;
	assert_int_equal(get_with("01", OBSERVE_BATCH), 205);
	assert_int_equal(get_with("02", OBSERVE_LIGHT), 205);
	test_coap_feed(&t.coap, 701, "", "21 14", NULL, 0); /* Max-Message-Size 20 */
	(void)test_coap_run(&t.coap);
	change(8);
	assert_false(test_notified(&t));
	assert_int_equal(active(), 1);
	assert_int_equal(t.device.counters.too_large, 2);
	assert_int_equal(t.device.counters.observers_ended, 1);
	/* nor that it is no longer allowed */
	dps_device_set_acl(&t.device, NULL, NULL);
	assert_false(test_notified(&t));
	assert_int_equal(active(), 0);
	assert_int_equal(t.device.counters.notifications, 0);
}

/* A representation that cannot be made ends the observation of its resource (RFC 7641 section 4.2), not that of the batch. */
static void what_cannot_be_made(void **state)
{
	(void)state;
	assert_int_equal(get_with("01", OBSERVE_BATCH), 205);
	assert_int_equal(get_with("02", OBSERVE_LIGHT), 205);
	t.label[0] = (char)0xff;
	change(8);
	assert_true(test_notified(&t));
	assert_token("02");
	assert_int_equal(t.answer.code, 500);
	assert_false(test_coap_next(&t.coap, &t.answer));
	assert_int_equal(active(), 1);
	assert_int_equal(t.device.counters.faults, 2);
	assert_int_equal(t.device.counters.notifications, 1);
	t.label[0] = 'L';
	change(9);
	assert_true(test_notified(&t));
	assert_token("01");
	assert_int_equal(test_count_items(&t), 1);
}

static void observers_end_with_the_connection(void **state)
{
	(void)state;
	assert_int_equal(get_with("01", OBSERVE_LIGHT), 205);
	change(8);
	dps_device_detach(&t.device);
	dps_device_detach(&t.device);
	assert_int_equal(active(), 0);
	assert_int_equal(dps_device_process(&t.device), DPS_E_STATE);
	assert_int_equal(dps_device_changed(&t.device, "/light/1"), DPS_OK);
	test_resource_connect(&t, 0);
	assert_false(test_notified(&t));
	/* a connection that broke says so */
	assert_int_equal(get_with("01", OBSERVE_LIGHT), 205);
	t.coap.peer.read_end = DPS_E_RESET;
	assert_int_equal(test_coap_run(&t.coap), DPS_E_RESET);
	change(9);
	assert_int_equal(dps_device_process(&t.device), DPS_E_RESET);
}

static void numbers_have_24_bits(void **state)
{
	(void)state;
	assert_int_equal(get_with("01", OBSERVE_LIGHT), 205);
	t.device.observers[0].sequence = 0xffffff;
	change(8);
	assert_true(test_notified(&t));
	assert_int_equal(test_coap_uint(&t.answer, 6), 0xffffff);
	change(9);
	assert_true(test_notified(&t));
	assert_int_equal(test_coap_uint(&t.answer, 6), 0);
}

/* review: what comes in one piece is all answered by a device whose answers leave. */
static void a_burst_is_answered(void **state)
{
	unsigned answers = 0;

	(void)state;
	test_resource_connect(&t, 4096);
	for (unsigned i = 0; i < 40; i++)
		test_coap_feed(&t.coap, 1, "0a", "b3 6f6963 0164", NULL, 0);
	test_coap_feed(&t.coap, 702, "bb", "", NULL, 0);
	assert_int_equal(test_coap_run(&t.coap), DPS_AGAIN);
	test_coap_take(&t.coap);
	while (test_coap_next(&t.coap, &t.answer))
		answers++;
	assert_int_equal(t.coap.coap.counters.dropped, 0);
	assert_int_equal(answers, 41);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_burst_is_answered, set_up),
		cmocka_unit_test_setup(a_life, set_up),
		cmocka_unit_test_setup(the_batch_tells_what_changed, set_up),
		cmocka_unit_test_setup(a_list_is_told_when_resources_come, set_up),
		cmocka_unit_test_setup(the_interface_of_the_registration_stays, set_up),
		cmocka_unit_test_setup(the_same_token_is_the_same_observer, set_up),
		cmocka_unit_test_setup(what_is_not_observed, set_up),
		cmocka_unit_test_setup(ten_thousand_observers, set_up),
		cmocka_unit_test_setup(the_latest_state_wins, set_up),
		cmocka_unit_test_setup(nobody_starves, set_up),
		cmocka_unit_test_setup(a_batch_in_parts, set_up),
		cmocka_unit_test_setup(what_never_fits, set_up),
		cmocka_unit_test_setup(a_peer_that_takes_nothing, set_up),
		cmocka_unit_test_setup(what_cannot_be_made, set_up),
		cmocka_unit_test_setup(observers_end_with_the_connection, set_up),
		cmocka_unit_test_setup(numbers_have_24_bits, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
