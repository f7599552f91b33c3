/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures of the real gateway with a device without ETags, replayed: what the gateway asked is fed, and each answer and notification that it accepted must
 * be made again, byte by byte. The room's sources once more, compiled with DPS_CONFIG_ETAG 0; they define the symbols first, so that the library's
 * objects are not linked.
 */
#include "dps/config.h"

#undef DPS_CONFIG_ETAG
#define DPS_CONFIG_ETAG 0

#include "../../lib/hub/resource.c"
#include "../../lib/hub/resource_etag.c"
#include "../../lib/hub/resource_observe.c"
#include "../../lib/hub/resource_own.c"
#include "../../lib/hub/resource_represent.c"
#include "../../lib/hub/resource_serve.c"
#include "../../lib/hub/resource_text.c"
#include "../../lib/hub/resource_update.c"
#include "support/test_resource.h"

static struct test_resource t;
static struct test_capture_line lines[64];

static void process(void)
{
	assert_int_equal(dps_device_process(&t.device), DPS_OK);
	assert_int_equal(test_coap_run(&t.coap), DPS_AGAIN);
}

static void expect_bytes(const struct test_capture_line *line)
{
	assert_int_equal(t.coap.peer.out_len, line->len);
	assert_memory_equal(t.coap.peer.out, line->bytes, line->len);
	t.coap.peer.out_len = 0;
}

/* Feeds the request of one line and expects the answer of the next one. */
static void replay(size_t at)
{
	test_channel_feed(&t.coap.peer, lines[at].bytes, lines[at].len);
	assert_int_equal(test_coap_run(&t.coap), DPS_AGAIN);
	expect_bytes(&lines[at + 1]);
}

/* sign-in, notification, sign-out, sign-in again, sign-off: all that the gateway asks */
static void a_session_is_answered_as_the_gateway_accepts_it(void **state)
{
	const size_t count = test_capture_load("session.txt", lines, 64);
	size_t asked = 0, notified = 0;

	(void)state;
	test_resource_init(&t);
	for (size_t i = 0; i < count; i++) {
		if (lines[i].direction == '<' && strcmp(lines[i].label, "req-get") == 0) {
			replay(i);
			asked++;
		} else if (strcmp(lines[i].label, "notify") == 0) {
			t.power = 9;
			assert_int_equal(dps_device_changed(&t.device, "/light/1"), DPS_OK);
			process();
			expect_bytes(&lines[i]);
			notified++;
		}
	}
	assert_int_equal(asked, 8);
	assert_int_equal(notified, 1);
	process();
	assert_int_equal(t.coap.peer.out_len, 0); /* signed off: nobody observes */
}

static bool holds(const struct test_capture_line *line, const char *text)
{
	bool found = false;

	for (size_t at = 0; at + strlen(text) <= line->len; at++)
		found |= memcmp(line->bytes + at, text, strlen(text)) == 0;
	return found;
}

/* A user's commands; but for those that the captured device took and this one does not, or shows "rt" and "if" where that did not. */
static void commands_are_answered_as_the_gateway_accepts_it(void **state)
{
	const size_t count = test_capture_load("commands.txt", lines, 64);
	size_t same = 0;

	(void)state;
	test_resource_init(&t);
	for (size_t i = 0; i + 1 < count && strcmp(lines[i].label, "req-delete") != 0; i++) {
		const bool other = holds(&lines[i], "if=oic.if.baseline") || holds(&lines[i], "if=oic.if.create");

		if (strncmp(lines[i].label, "req-", 4) != 0 || other)
			continue;
		replay(i);
		if (lines[i].label[4] == 'p') { /* the hub's observation is told of its own command, too */
			process();
			assert_true(t.coap.peer.out_len > 0);
			t.coap.peer.out_len = 0;
		}
		same++;
	}
	assert_int_equal(same, 6); /* three at sign-in; GET, POST, POST with an interface */
	assert_int_equal(t.power, 0x22);
	assert_int_equal(t.changes, 2);
}

/* The links of the publication that the gateway took. */
static void links_are_published_as_the_gateway_accepts_it(void **state)
{
	const size_t count = test_capture_load("session.txt", lines, 64);
	static const char key[] = "links";
	uint8_t buf[1024];
	size_t next = 0, len = 0, at = 0, i = 0;
	bool more = true;

	(void)state;
	test_resource_init(&t);
	while (i < count && strcmp(lines[i].label, "publish") != 0)
		i++;
	assert_true(i < count);
	while (memcmp(lines[i].bytes + at, key, sizeof(key) - 1) != 0)
		at++;
	at += sizeof(key) - 1;
	assert_int_equal(dps_device_write_links(&t.device, &next, &more, buf, sizeof(buf), &len), DPS_OK);
	assert_false(more);
	assert_int_equal(len, lines[i].len - at);
	assert_memory_equal(buf, lines[i].bytes + at, len);
}

/* Who knows an ETag of former times is told all, and gets none. */
static void etags_are_neither_given_nor_understood(void **state)
{
	const uint8_t *value = NULL;

	(void)state;
	test_resource_init(&t);
	assert_int_equal(test_get(&t, "48 0102030405060708 75 6c69676874 0131"), 205);
	assert_int_equal(test_coap_option(&t.answer, 4, 0, &value), -1);
	/* ETag, /oic/res, if=oic.if.b, incChanges=AQIDBAUGBwg */
	assert_int_equal(
		test_get(&t, "48 0102030405060708 73 6f6963 03726573 4b 69663d6f69632e69662e62 0d09 696e634368616e6765733d4151494442415547427767"),
		205);
	assert_int_equal(test_coap_option(&t.answer, 4, 0, &value), -1);
	assert_int_equal(test_count_items(&t), 3);
	assert_false(test_mentions(&t, "etag"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_is_answered_as_the_gateway_accepts_it),
		cmocka_unit_test(commands_are_answered_as_the_gateway_accepts_it),
		cmocka_unit_test(links_are_published_as_the_gateway_accepts_it),
		cmocka_unit_test(etags_are_neither_given_nor_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
