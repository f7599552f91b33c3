/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures of a real gateway: each request is made again byte by byte, and each of its answers is taken.
 */
#include "coap/message.h"
#include "codec/fields.h"
#include "support/test_hub.h"

#define VECTORS "test/vectors/plgd-gateway/"

struct line {
	char direction; /* '>' sent by the device, '<' received */
	char label[32];
	size_t len;
	uint8_t bytes[4096];
	/* the same, taken apart */
	uint8_t parsed[4096];
	struct dps_coap_message m;
};

static struct test_hub t;
static struct line lines[160];
static size_t line_count;

static void load(const char *name)
{
	static char text[20000];
	FILE *file = fopen(name, "r");

	assert_non_null(file);
	for (line_count = 0; fgets(text, sizeof(text), file) != NULL;) {
		struct line *line = &lines[line_count];
		struct dps_coap_frame frame;
		int hex = 0;

		if (text[0] == '#' || text[0] == '\n')
			continue;
		assert_true(line_count < sizeof(lines) / sizeof(lines[0]));
		assert_int_equal(sscanf(text, "%c %31s %n", &line->direction, line->label, &hex), 2);
		line->len = test_channel_hex(text + hex, line->bytes, sizeof(line->bytes));
		memcpy(line->parsed, line->bytes, line->len);
		assert_int_equal(dps_coap_frame_read(line->parsed, line->len, &frame), DPS_OK);
		assert_int_equal(dps_coap_message_read(line->parsed, &frame, &line->m), DPS_OK);
		line_count++;
	}
	fclose(file);
	assert_true(line_count > 10);
}

/* The nth line of that direction and label. */
static const struct line *find(char direction, const char *label, unsigned nth)
{
	for (size_t i = 0; i < line_count; i++) {
		if (lines[i].direction == direction && strcmp(lines[i].label, label) == 0 && nth-- == 0)
			return &lines[i];
	}
	fail_msg("no line %c %s", direction, label);
	return NULL;
}

/* A text of a captured payload. */
static void take_text(const struct line *line, const char *key, char *to, size_t size)
{
	const struct dps_field field = {key, DPS_FIELD_TEXT, true, 0};
	struct dps_span text;

	assert_int_equal(dps_fields_read_payload(line->m.payload, line->m.payload_len, &field, 1, &text), DPS_OK);
	test_hub_copy(to, size, text);
}

/* The links of the captured publish. */
static dps_result write_captured_links(void *ctx, uint8_t *buf, size_t size, size_t *len)
{
	static const struct dps_field field = {"links", DPS_FIELD_ARRAY, true, 0};
	const struct line *line = find('>', "publish", 0);
	struct dps_span links;

	(void)ctx;
	assert_int_equal(dps_fields_read_payload(line->m.payload, line->m.payload_len, &field, 1, &links), DPS_OK);
	*len = links.len;
	if (links.len > size)
		return DPS_E_BUFFER;
	memcpy(buf, links.data, links.len);
	return DPS_OK;
}

/* The device's next request is the captured one, CoAP's token apart. Signals and replies before it are skipped. */
static void expect(const struct line *line)
{
	const size_t head = (size_t)(line->m.token - line->parsed);
	struct test_coap_message m;

	do {
		if (t.link.out_pos == t.link.out_len)
			test_coap_take(&t.link);
		assert_true(test_coap_next(&t.link, &m));
	} while (m.code > 100);
	assert_int_equal(m.total, line->len);
	assert_int_equal(m.token_len, 8);
	memcpy(t.request_token, m.token, 8);
	assert_memory_equal(m.token - head, line->bytes, head);
	assert_memory_equal(m.token + 8, line->bytes + head + 8, line->len - head - 8);
}

/* The captured answer, to the request expected last. */
static void answer(const struct line *line)
{
	uint8_t bytes[4096];

	memcpy(bytes, line->bytes, line->len);
	memcpy(bytes + (line->m.token - line->parsed), t.request_token, 8);
	test_channel_feed(&t.link.peer, bytes, line->len);
	test_hub_run(&t);
}

static void ask(unsigned nth)
{
	const struct line *line = find('<', "req-get", nth);

	test_channel_feed(&t.link.peer, line->bytes, line->len);
	test_hub_run(&t);
}

static void test_session(void **state)
{
	uint8_t sign_in[8];

	(void)state;
	load(VECTORS "session.txt");
	test_hub_init(&t);
	take_text(find('>', "signup", 0), "accesstoken", t.record.token, sizeof(t.record.token));
	t.config.device_name = "hubfull";
	t.config.write_links = write_captured_links;
	test_hub_begin(&t);
	expect(find('>', "signup", 0));
	answer(find('<', "signup", 0));
	assert_string_equal(t.record.uid, "1");
	assert_true(t.record.registered);
	expect(find('>', "signin", 0));
	memcpy(sign_in, t.request_token, 8);
	ask(0);
	assert_int_equal(t.served, 1);
	/* its publish came after the sign-in, ours does before */
	expect(find('>', "publish", 0));
	answer(find('<', "publish", 0));
	assert_int_equal(t.link_count, 3);
	assert_string_equal(t.last_href, "/light/1");
	assert_int_equal(t.last_ins, 0xe3235bfa);
	memcpy(t.request_token, sign_in, 8);
	answer(find('<', "signin", 0));
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_ONLINE);
	assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_ONLINE)->expires_in_s, -1);
	ask(1);
	ask(2);
	assert_int_equal(t.served, 3);
	/* the token never expires, so that the refresh has to be made due here */
	t.hub.refresh_at = t.now_ms;
	test_hub_run(&t);
	expect(find('>', "refresh", 0));
	answer(find('<', "refresh", 0));
	(void)test_hub_event(&t, DPS_HUB_EVENT_REFRESHED);
	dps_hub_stop(&t.hub);
	test_hub_run(&t);
	expect(find('>', "signout", 0));
	ask(3);
	assert_int_equal(dps_hub_state(&t.hub), DPS_HUB_LEAVING);
	answer(find('<', "signout", 0));
	(void)test_hub_event(&t, DPS_HUB_EVENT_SIGNED_OUT);
	/* on, and off */
	assert_int_equal(dps_hub_start(&t.hub), DPS_OK);
	test_hub_run(&t);
	expect(find('>', "signin", 1));
	answer(find('<', "signin", 1));
	assert_int_equal(dps_hub_sign_off(&t.hub), DPS_OK);
	test_hub_run(&t);
	expect(find('>', "publish", 0));
	expect(find('>', "signoff", 0));
	answer(find('<', "signoff", 0));
	(void)test_hub_event(&t, DPS_HUB_EVENT_SIGNED_OFF);
	assert_false(t.record.registered);
	test_hub_end(&t);
}

/* Every captured error answer, by what the device does next. */
static void test_errors(void **state)
{
	unsigned refused = 0;

	(void)state;
	load(VECTORS "errors.txt");
	for (size_t i = 0; i < line_count; i++) {
		const struct line *line = &lines[i];
		const bool sign_up = strcmp(line->label, "signup") == 0;

		if (line->direction != '<' || line->m.code >> 5 < 4 || (!sign_up && strcmp(line->label, "signin") != 0) || line->m.token_len != 8)
			continue;
		test_hub_init(&t);
		if (!sign_up)
			test_hub_register(&t);
		test_hub_begin(&t);
		test_hub_expect(&t, sign_up ? TEST_HUB_SIGN_UP : TEST_HUB_SIGN_IN);
		answer(line);
		/* none of them says that something is out of order for a while: all are refusals */
		assert_int_equal(test_hub_event(&t, DPS_HUB_EVENT_WARNING)->code, DPS_COAP_CODE_AS_WRITTEN(line->m.code));
		assert_int_equal(memcmp(t.events[t.event_pos - 1].text, "coap error: ", 12), 0);
		assert_int_equal(dps_hub_state(&t.hub), sign_up ? DPS_HUB_PROVISIONING : DPS_HUB_SIGNING_IN);
		test_hub_expect(&t, sign_up ? "" : TEST_HUB_REFRESH);
		test_hub_end(&t);
		refused++;
	}
	assert_true(refused >= 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
