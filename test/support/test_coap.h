/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CoAP connection under test, and a peer's side of RFC 8323 that shares no code with lib/coap. All inline: only tests of that room pay for it.
 * Tokens drawn are 0101010101010101, 0202020202020202, ... in order.
 */
#ifndef TEST_SUPPORT_TEST_COAP_H
#define TEST_SUPPORT_TEST_COAP_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "coap/coap.h"
#include "support/test_channel.h"

struct test_coap {
	struct test_channel peer;
	struct dps_coap coap;
	struct dps_random random;
	struct dps_transport_env env;
	uint8_t drawn;
	dps_result random_result;
	bool random_stuck; /* every draw is the same */
	uint8_t body[DPS_CONFIG_BODY_SIZE];
	uint8_t receive[DPS_CONFIG_RECEIVE_SIZE];
	uint8_t send[DPS_CONFIG_SEND_SIZE];
	struct dps_answer answer;
	bool busy;
	/* what the device wrote, message by message */
	uint8_t out[TEST_CHANNEL_SIZE];
	size_t out_len;
	size_t out_pos;
};

/* A message as the peer sees it. */
struct test_coap_message {
	unsigned code; /* as people write it: 205, 1 (GET), 701 */
	const uint8_t *token;
	size_t token_len;
	const uint8_t *options;
	size_t options_len;
	const uint8_t *payload;
	size_t payload_len;
	size_t total;
};

static inline dps_result test_coap_random(void *ctx, uint8_t *buf, size_t len)
{
	struct test_coap *t = ctx;

	if (t->random_result != DPS_OK)
		return t->random_result;
	if (!t->random_stuck || t->drawn == 0)
		t->drawn++;
	memset(buf, t->drawn, len);
	return DPS_OK;
}

static inline const struct dps_coap_options *test_coap_default(void)
{
	static const struct dps_coap_options options = {
		.accept = DPS_COAP_FORMAT_OCF_CBOR, .content_format = DPS_COAP_FORMAT_OCF_CBOR, .assumed_size = 262144};

	return &options;
}

/* Attached, its CSM not yet written. The buffers are those of the structure, with the sizes that options name, or whole. */
static inline void test_coap_init(struct test_coap *t, const struct dps_coap_options *options)
{
	struct dps_coap_options own = *options;
	dps_result result;

	memset(t, 0, sizeof(*t));
	test_channel_init(&t->peer);
	t->random = (struct dps_random){t, test_coap_random};
	t->env = (struct dps_transport_env){&t->peer.channel, &t->random, t->body, sizeof(t->body)};
	own.receive = t->receive;
	own.receive_size = own.receive_size == 0 ? sizeof(t->receive) : own.receive_size;
	own.send = t->send;
	own.send_size = own.send_size == 0 ? sizeof(t->send) : own.send_size;
	result = dps_coap_init(&t->coap, &own);
	assert(result == DPS_OK);
	(void)result;
	dps_coap_transport.attach(&t->coap, &t->env);
}

static inline dps_result test_coap_poll(struct test_coap *t)
{
	return dps_coap_transport.poll(&t->coap, &t->answer, &t->busy);
}

/* Polls while the poll wants to be called again. */
static inline dps_result test_coap_run(struct test_coap *t)
{
	dps_result result;

	do {
		result = test_coap_poll(t);
	} while (result == DPS_AGAIN &&
	         (t->busy || (t->peer.reads_stutter && t->peer.in_pos < t->peer.in_len) || (t->peer.writes_stutter && t->coap.tx_len > 0)));
	return result;
}

static inline dps_result test_coap_get(struct test_coap *t, unsigned handle, const char *path)
{
	const struct dps_request request = {.method = DPS_GET, .path = path};

	return dps_coap_transport.send(&t->coap, handle, &request, NULL);
}

/* Takes what the device wrote; what was not looked at is gone. */
static inline void test_coap_take(struct test_coap *t)
{
	t->out_len = test_channel_take(&t->peer, t->out, sizeof(t->out));
	t->out_pos = 0;
}

/* The next whole message of it. */
static inline bool test_coap_next(struct test_coap *t, struct test_coap_message *m)
{
	const uint8_t *p = t->out + t->out_pos;
	size_t left = t->out_len - t->out_pos, len, extra, head;

	if (left < 2)
		return false;
	len = p[0] >> 4;
	extra = len < 13 ? 0 : len == 13 ? 1 : len == 14 ? 2 : 4;
	if (len == 13)
		len = 13u + p[1];
	else if (len == 14)
		len = 269u + ((size_t)p[1] << 8) + p[2];
	else if (len == 15)
		abort(); /* we never write such messages */
	m->token_len = p[0] & 15u;
	head = 2 + extra + m->token_len;
	m->total = head + len;
	if (m->total > left)
		return false;
	m->code = (p[1 + extra] >> 5) * 100u + (p[1 + extra] & 31u);
	m->token = p + 2 + extra;
	m->options = p + head;
	for (m->options_len = 0; m->options_len < len && m->options[m->options_len] != 0xff;) {
		const uint8_t *o = m->options + m->options_len;
		size_t delta = o[0] >> 4, size = o[0] & 15u, n = 1;

		n += delta < 13 ? 0 : delta - 12;
		if (size == 13)
			size = 13u + o[n++];
		else if (size == 14)
			size = 269u + ((size_t)o[n] << 8) + o[n + 1], n += 2;
		m->options_len += n + size;
	}
	assert(m->options_len <= len);
	m->payload = m->options + m->options_len + 1;
	m->payload_len = m->options_len < len ? len - m->options_len - 1 : 0;
	t->out_pos += m->total;
	return true;
}

/* The nth option of that number: its length, or -1. */
static inline int test_coap_option(const struct test_coap_message *m, unsigned number, unsigned nth, const uint8_t **value)
{
	unsigned at = 0;

	for (const uint8_t *o = m->options; o < m->options + m->options_len;) {
		size_t delta = o[0] >> 4, size = o[0] & 15u;

		o++;
		if (delta == 13)
			delta = 13u + *o++;
		else if (delta == 14)
			delta = 269u + ((size_t)o[0] << 8) + o[1], o += 2;
		if (size == 13)
			size = 13u + *o++;
		else if (size == 14)
			size = 269u + ((size_t)o[0] << 8) + o[1], o += 2;
		at += (unsigned)delta;
		if (at == number && nth-- == 0) {
			*value = o;
			return (int)size;
		}
		o += size;
	}
	return -1;
}

/* A number option, or -1. */
static inline long test_coap_uint(const struct test_coap_message *m, unsigned number)
{
	const uint8_t *value;
	int len = test_coap_option(m, number, 0, &value);
	long n = 0;

	if (len < 0)
		return -1;
	for (int i = 0; i < len; i++)
		n = n << 8 | value[i];
	return n;
}

/* Puts a message of the peer's together: code as people write it, token and options in hex. Returns its bytes. */
static inline size_t test_coap_write(uint8_t *buf, size_t size, unsigned code, const char *token, const char *options,
                                     const uint8_t *payload, size_t payload_len)
{
	static uint8_t body[TEST_CHANNEL_SIZE];
	uint8_t token_bytes[16];
	size_t token_len = test_channel_hex(token, token_bytes, sizeof(token_bytes));
	size_t len = test_channel_hex(options, body, sizeof(body)), n = 0;

	if (payload_len > 0) {
		body[len++] = 0xff;
		assert(payload_len <= sizeof(body) - len);
		memcpy(body + len, payload, payload_len);
		len += payload_len;
	}
	assert(size >= 6 + token_len + len);
	if (len < 13) {
		buf[n++] = (uint8_t)(len << 4 | token_len);
	} else if (len < 269) {
		buf[n++] = (uint8_t)(0xd0 | token_len);
		buf[n++] = (uint8_t)(len - 13);
	} else if (len < 65805) {
		buf[n++] = (uint8_t)(0xe0 | token_len);
		buf[n++] = (uint8_t)((len - 269) >> 8);
		buf[n++] = (uint8_t)(len - 269);
	} else {
		buf[n++] = (uint8_t)(0xf0 | token_len);
		for (int shift = 24; shift >= 0; shift -= 8)
			buf[n++] = (uint8_t)((len - 65805) >> shift);
	}
	buf[n++] = (uint8_t)((code / 100) << 5 | code % 100);
	memcpy(buf + n, token_bytes, token_len);
	if (len > 0)
		memcpy(buf + n + token_len, body, len);
	return n + token_len + len;
}

/* The same, fed to the device. */
static inline void test_coap_feed(struct test_coap *t, unsigned code, const char *token, const char *options, const void *payload,
                                  size_t payload_len)
{
	static uint8_t buf[TEST_CHANNEL_SIZE];

	test_channel_feed(&t->peer, buf, test_coap_write(buf, sizeof(buf), code, token, options, payload, payload_len));
}

#endif
