/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures of the real service, replayed: every message that it sent is fed, every one that was sent to it must be made again byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "coap/message.h"
#include "support/test_coap.h"

#define VECTORS "test/vectors/plgd/"

struct line {
	char direction; /* '>' sent by the device, '<' received */
	char label[32];
	size_t len;
	uint8_t bytes[4096];
	/* the same, taken apart */
	uint8_t parsed[4096];
	struct dps_coap_message m;
	char path[128];
};

static struct test_coap t;
static struct line lines[32];
static size_t line_count;

static void load(const char *name)
{
	static char text[20000];
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), VECTORS "%s", name);
	file = fopen(path, "r");
	assert_non_null(file);
	for (line_count = 0; fgets(text, sizeof(text), file) != NULL; line_count++) {
		struct line *line = &lines[line_count];
		struct dps_coap_frame frame;
		int hex = 0;

		assert_true(line_count < sizeof(lines) / sizeof(lines[0]));
		assert_int_equal(sscanf(text, "%c %31s %n", &line->direction, line->label, &hex), 2);
		line->len = test_channel_hex(text + hex, line->bytes, sizeof(line->bytes));
		memcpy(line->parsed, line->bytes, line->len);
		assert_int_equal(dps_coap_frame_read(line->parsed, line->len, &frame), DPS_OK);
		assert_int_equal(frame.total, line->len);
		assert_int_equal(dps_coap_message_read(line->parsed, &frame, &line->m), DPS_OK);
		assert_int_equal(line->m.unknown_critical, DPS_COAP_ABSENT);
		assert_true(line->m.path_len < sizeof(line->path));
		if (line->m.path_len > 0)
			memcpy(line->path, line->m.path, line->m.path_len);
		line->path[line->m.path_len] = '\0';
	}
	fclose(file);
	assert_true(line_count > 4);
}

/* The random port of a replay draws the token of the message that is to be made. */
static dps_result draw(void *ctx, uint8_t *buf, size_t len)
{
	const struct line *line = *(const struct line **)ctx;

	assert_int_equal(line->m.token_len, len);
	memcpy(buf, line->m.token, len);
	return DPS_OK;
}

static const struct line *current;

static dps_result body(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len)
{
	(void)env;
	assert_true(current->m.payload_len <= size);
	*len = current->m.payload_len;
	if (*len > 0)
		memcpy(buf, current->m.payload, *len);
	return DPS_OK;
}

/* What the capture's device answered: the message behind the request that has its token. */
static void serve(void *ctx, const struct dps_coap_inbound *inbound, struct dps_coap_reply *reply)
{
	const struct line *line = current;

	(void)ctx;
	assert_int_equal(inbound->path.len, 8);
	assert_memory_equal(inbound->path.data, "/oic/res", 8);
	do {
		line++;
		assert_true(line < lines + line_count);
	} while (line->direction != '>' || memcmp(line->m.token, current->m.token, 8) != 0);
	reply->code = DPS_COAP_CODE_AS_WRITTEN(line->m.code);
	reply->content_format = (int32_t)line->m.content_format;
	reply->len = line->m.payload_len;
	assert_true(reply->len <= reply->size);
	if (reply->len > 0)
		memcpy(reply->payload, line->m.payload, reply->len);
}

/* Makes the device send the request or ping of this line; follow-ups and replies it has sent by itself. */
static void make(const struct line *line)
{
	const struct dps_request request = {
		.method = line->m.code == DPS_COAP_POST ? DPS_POST : DPS_GET,
		.path = line->path,
		.body_limit = line->m.content_format != DPS_COAP_ABSENT ? 900 : 0,
		.write_body = body,
	};

	if (line->m.code == DPS_COAP_PING) {
		assert_int_equal(dps_coap_ping(&t.coap), DPS_OK);
	} else if (DPS_COAP_CODE_CLASS(line->m.code) == 0 && line->m.block2 == DPS_COAP_ABSENT) {
		t.coap.options.accept = (uint16_t)line->m.accept;
		assert_int_equal(dps_coap_transport.send(&t.coap, (unsigned)(line - lines), &request, NULL), DPS_OK);
		t.coap.options.accept = DPS_COAP_FORMAT_OCF_CBOR;
	}
}

static void assert_answered(const struct line *line, const uint8_t *payload, size_t payload_len)
{
	const struct line *request = &lines[t.answer.handle];
	unsigned code = DPS_COAP_CODE_AS_WRITTEN(line->m.code);

	assert_string_equal(request->label, line->label);
	assert_int_equal(t.answer.code, code);
	assert_int_equal(t.answer.result, code < 300 ? DPS_OK : code == 400 || code == 403 ? DPS_E_SERVICE_REFUSED : DPS_E_SERVICE_REJECTED);
	assert_int_equal(t.answer.payload_len, payload_len);
	assert_memory_equal(t.answer.payload, payload, payload_len);
}

/*
 * What we send where the probe sent this line: it asked for further blocks of a POST without Content-Format, which the service took then; later ones know a
 * request by all its options, and ours repeats it.
 */
static size_t as_sent(const struct line *line, uint8_t *bytes)
{
	static const uint8_t accept[] = {0x62, 0x27, 0x10};                 /* 17, behind the path (11) */
	static const uint8_t both[] = {0x12, 0x27, 0x10, 0x52, 0x27, 0x10}; /* 12, 17 */
	const bool further = line->m.code == 2 && line->m.block2 != DPS_COAP_ABSENT;
	size_t at = 0;

	memcpy(bytes, line->bytes, line->len);
	if (!further)
		return line->len;
	while (memcmp(bytes + at, accept, sizeof(accept)) != 0)
		assert_true(++at + sizeof(accept) <= line->len);
	memcpy(bytes + at, both, sizeof(both));
	memcpy(bytes + at + sizeof(both), line->bytes + at + sizeof(accept), line->len - at - sizeof(accept));
	bytes[1] = (uint8_t)(bytes[1] + sizeof(both) - sizeof(accept)); /* the length */
	return line->len + sizeof(both) - sizeof(accept);
}

static unsigned replay(const char *name, size_t receive_size, size_t step, bool compare_csm)
{
	static uint8_t assembled[8192];
	static uint8_t sent[8192];
	size_t assembled_len = 0;
	size_t sent_len;
	unsigned answers = 0;
	struct dps_coap_options options = *test_coap_default();

	load(name);
	options.receive_size = receive_size;
	options.serve = serve;
	test_coap_init(&t, &options);
	t.random = (struct dps_random){&current, draw};
	t.peer.read_step = step;
	t.peer.write_step = step;
	assert_int_equal(test_coap_run(&t), DPS_AGAIN);
	if (!compare_csm)
		test_coap_take(&t);
	for (current = lines; current < lines + line_count; current++) {
		bool answer = DPS_COAP_CODE_CLASS(current->m.code) >= 2 && DPS_COAP_CODE_CLASS(current->m.code) <= 5;

		if (current->direction == '>') {
			if (current->m.code == DPS_COAP_CSM && !compare_csm)
				continue;
			make(current);
			assert_int_equal(test_coap_run(&t), DPS_AGAIN);
			sent_len = as_sent(current, sent);
			assert_true(t.peer.out_len >= sent_len);
			assert_memory_equal(t.peer.out, sent, sent_len);
			t.peer.out_len -= sent_len;
			memmove(t.peer.out, t.peer.out + sent_len, t.peer.out_len);
			continue;
		}
		test_channel_feed(&t.peer, current->bytes, current->len);
		if (answer && current->m.block2 != DPS_COAP_ABSENT) {
			memcpy(assembled + assembled_len, current->m.payload, current->m.payload_len);
			assembled_len += current->m.payload_len;
		}
		if (!answer || (current->m.block2 != DPS_COAP_ABSENT && DPS_COAP_BLOCK_MORE(current->m.block2))) {
			assert_int_equal(test_coap_run(&t), DPS_AGAIN);
			continue;
		}
		assert_int_equal(test_coap_run(&t), DPS_OK);
		if (assembled_len > 0 && current->m.block2 != DPS_COAP_ABSENT)
			assert_answered(current, assembled, assembled_len);
		else
			assert_answered(current, current->m.payload, current->m.payload_len);
		answers++;
	}
	assert_int_equal(t.peer.out_len, 0);
	assert_int_equal(t.coap.counters.unknown_answers, 0);
	assert_int_equal(t.coap.counters.dropped, 0);
	return answers;
}

static void test_one_flight(void **state)
{
	(void)state;
	assert_int_equal(replay("provision-one-flight.txt", 0, 0, false), 6);
	assert_int_equal(replay("provision-one-flight.txt", 0, 1, false), 6);
}

static void test_sequential(void **state)
{
	(void)state;
	assert_int_equal(replay("provision-sequential.txt", 0, 0, false), 5);
}

static void test_psk_and_two_hubs(void **state)
{
	(void)state;
	assert_int_equal(replay("provision-psk-two-hubs.txt", 0, 0, false), 6);
}

static void test_credentials_in_blocks(void **state)
{
	(void)state;
	for (size_t step = 0; step < 30; step++)
		assert_int_equal(replay("credentials-blockwise.txt", 1280, step, true), 2);
}

static void test_errors(void **state)
{
	(void)state;
	assert_int_equal(replay("errors.txt", 0, 0, false), 5);
	assert_int_equal(t.coap.counters.pongs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_flight),       cmocka_unit_test(test_sequential),
		cmocka_unit_test(test_psk_and_two_hubs), cmocka_unit_test(test_credentials_in_blocks),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
