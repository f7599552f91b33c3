/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The byte stream and the transport's operations: messages are taken out of rx one by one, replies and requests gather in tx.
 */
#include "coap/exchange.h"

#include <string.h>

#include "codec/text.h"
#include "dps/event.h"

_Static_assert(DPS_CONFIG_REQUESTS >= 1 && DPS_CONFIG_REQUESTS <= 32, "DPS_CONFIG_REQUESTS is out of range");

/* Every signal fits in the smallest buffers; the largest are what a message's length of 16 bits and the head kept free for it can say. */
#define SMALLEST_BUFFER 64
#define LARGEST_BUFFER  65536

/* What one poll does at most: messages and reads together. */
#define TURNS_PER_POLL 64

static bool is_buffer(const uint8_t *data, size_t size)
{
	return data != NULL && size >= SMALLEST_BUFFER && size <= LARGEST_BUFFER;
}

dps_result dps_coap_init(struct dps_coap *c, const struct dps_coap_options *options)
{
	memset(c, 0, sizeof(*c));
	c->failed = DPS_E_STATE;
	c->options = *options;
	if (options->assumed_size == 0)
		c->options.assumed_size = DPS_COAP_DEFAULT_MESSAGE_SIZE;
	return is_buffer(options->receive, options->receive_size) && is_buffer(options->send, options->send_size) ? DPS_OK : DPS_E_ARGUMENT;
}

size_t dps_coap_in_flight(const struct dps_coap *c)
{
	size_t count = 0;

	for (size_t i = 0; i < DPS_CONFIG_REQUESTS; i++)
		count += c->slots[i].method != 0;
	return count;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

void dps_coap_push(struct dps_coap *c)
{
	size_t n = 0;

	while (c->tx_len > 0 && c->tx_failed == DPS_OK) {
		dps_result result = c->channel->write(c->channel->ctx, c->options.send, c->tx_len, &n);

		if (result == DPS_AGAIN || (result == DPS_OK && n == 0))
			return;
		if (result != DPS_OK || n > c->tx_len) {
			c->tx_failed = result != DPS_OK ? result : DPS_E_INTERNAL;
			return;
		}
		c->tx_len -= n;
		c->tx_reply_end -= smaller(n, c->tx_reply_end);
		memmove(c->options.send, c->options.send + n, c->tx_len);
	}
}

void dps_coap_renew_quota(struct dps_coap *c)
{
	c->tx_reply_quota = c->options.send_size / 4;
}

size_t dps_coap_largest(const struct dps_coap *c)
{
	return smaller(c->options.send_size, c->peer_size);
}

void dps_coap_begin(struct dps_coap *c, struct dps_coap_writer *w, const uint8_t *token, size_t token_len)
{
	dps_coap_write_begin(w, c->options.send + c->tx_len, smaller(c->options.send_size - c->tx_len, c->peer_size), token, token_len);
}

size_t dps_coap_end(struct dps_coap *c, struct dps_coap_writer *w, uint8_t code, size_t payload_len)
{
	size_t n = dps_coap_write_end(w, code, payload_len);

	c->tx_len += n;
	return n;
}

/* Last words leave at once or not at all: nobody will poll again. */
static void push_last(struct dps_coap *c)
{
	dps_coap_push(c);
	if (c->tx_failed == DPS_OK)
		c->tx_failed = c->channel->flush(c->channel->ctx);
}

dps_result dps_coap_abort(struct dps_coap *c, uint32_t bad_option)
{
	(void)dps_coap_put_signal(c, DPS_COAP_ABORT, NULL, 0, bad_option); /* Bad-CSM-Option */
	push_last(c);
	return DPS_E_COAP;
}

static dps_result take_message(struct dps_coap *c, uint8_t *data, const struct dps_coap_frame *frame, struct dps_answer *answer)
{
	struct dps_coap_message message;

	if (dps_coap_message_read(data, frame, &message) != DPS_OK)
		return dps_coap_abort(c, DPS_COAP_ABSENT);
	switch (DPS_COAP_CODE_CLASS(frame->code)) {
	case 0:
		dps_coap_take_request(c, &message);
		return DPS_AGAIN;
	case 2:
	case 3:
	case 4:
	case 5:
		return dps_coap_take_answer(c, &message, answer);
	default:
		return dps_coap_take_signal(c, &message, answer);
	}
}

/* RFC 8323 section 3.4: empty messages are ignored. Classes 1 and 6 are reserved and mean nothing yet. */
static bool is_ignored(uint8_t code)
{
	return code == DPS_COAP_EMPTY || DPS_COAP_CODE_CLASS(code) == 1 || DPS_COAP_CODE_CLASS(code) == 6;
}

/* Takes the next message out of rx. *more: there is no whole one, read on. */
static dps_result take_next(struct dps_coap *c, struct dps_answer *answer, bool *more)
{
	size_t len = c->rx_end - c->rx_start;
	uint8_t *data = c->options.receive + c->rx_start;
	struct dps_coap_frame frame;
	dps_result result;

	if (c->skip > 0) {
		size_t n = smaller(c->skip, len);

		c->skip -= (uint32_t)n;
		c->rx_start += n;
		*more = c->skip > 0 || n == len;
		return DPS_AGAIN;
	}
	result = dps_coap_frame_read(data, len, &frame);
	if (result == DPS_E_COAP)
		return dps_coap_abort(c, DPS_COAP_ABSENT);
	frame.large = result == DPS_OK && frame.total > c->options.receive_size;
	*more = result == DPS_AGAIN || (frame.total > len && !frame.large);
	if (*more)
		return DPS_AGAIN;
	if (frame.large)
		c->skip = frame.total; /* what there is of it is dropped, and so will be the rest */
	else
		c->rx_start += frame.total; /* stays where it is until the next read: the answer's payload points there */
	return is_ignored(frame.code) ? DPS_AGAIN : take_message(c, data, &frame, answer);
}

static dps_result read_more(struct dps_coap *c)
{
	size_t n = 0;
	dps_result result;

	if (c->rx_start > 0) {
		c->rx_end -= c->rx_start;
		memmove(c->options.receive, c->options.receive + c->rx_start, c->rx_end);
		c->rx_start = 0;
	}
	result = c->channel->read(c->channel->ctx, c->options.receive + c->rx_end, c->options.receive_size - c->rx_end, &n);
	if (result == DPS_AGAIN || (result == DPS_OK && n == 0))
		return c->tx_failed != DPS_OK ? c->tx_failed : DPS_AGAIN;
	if (result != DPS_OK)
		return result;
	if (n > c->options.receive_size - c->rx_end)
		return DPS_E_INTERNAL;
	c->rx_end += n;
	return DPS_OK;
}

static void write_out(struct dps_coap *c)
{
	dps_coap_block_continue(c);
	dps_coap_push(c);
	dps_coap_block_continue(c); /* again: there may be room now */
	dps_coap_push(c);
}

/* Messages until an answer is complete, reads until there is nothing. DPS_OK with *busy: the turns are used up. */
static dps_result run(struct dps_coap *c, struct dps_answer *answer, bool *busy)
{
	dps_result result;

	for (int turn = 0; turn < TURNS_PER_POLL; turn++) {
		bool more = false;

		result = take_next(c, answer, &more);
		if (result != DPS_AGAIN)
			return result;
		if (!more)
			continue;
		write_out(c);
		if (c->releasing && dps_coap_in_flight(c) == 0)
			return DPS_E_CLOSED;
		result = read_more(c);
		if (result != DPS_OK)
			return result;
	}
	write_out(c);
	*busy = true;
	return DPS_AGAIN;
}

static dps_result transport_poll(void *self, struct dps_answer *answer, bool *busy)
{
	struct dps_coap *c = self;
	size_t waiting = c->tx_len;
	bool freed = false;
	dps_result result;

	*busy = false;
	*answer = (struct dps_answer){0};
	if (c->failed != DPS_OK)
		return c->failed;
	if (c->send_refused && c->tx_len > 0) {
		write_out(c);
		if (c->tx_len == 0) { /* all the room is for who was refused, before the peer's next requests take their part */
			c->send_refused = false;
			*busy = true;
			return DPS_AGAIN;
		}
	}
	if (c->area.use == DPS_COAP_AREA_DELIVERED) {
		c->area.use = DPS_COAP_AREA_FREE;
		freed = true;
	}
	if (c->tx_reply_end == 0)
		dps_coap_renew_quota(c);
	result = run(c, answer, busy);
	if (result == DPS_AGAIN && c->send_refused && (freed || c->tx_len < waiting)) { /* who was refused may find room now */
		c->send_refused = false;
		*busy = true;
	}
	if (result != DPS_OK && result != DPS_AGAIN)
		c->failed = result;
	return result;
}

static dps_result transport_send(void *self, unsigned handle, const struct dps_request *request, const struct dps_step_env *env)
{
	struct dps_coap *c = self;
	dps_result result;

	if (c->failed != DPS_OK)
		return c->failed;
	if (c->releasing && dps_coap_in_flight(c) == 0)
		return DPS_E_CLOSED;
	if (c->releasing || c->tx_failed != DPS_OK) /* poll tells when what is still to come has come */
		return DPS_AGAIN;
	result = dps_coap_send(c, handle, request, env);
	c->send_refused |= result == DPS_AGAIN;
	return result;
}

static void transport_forget(void *self, unsigned handle)
{
	struct dps_coap *c = self;

	for (size_t i = 0; i < DPS_CONFIG_REQUESTS; i++) {
		if (c->slots[i].method != 0 && c->slots[i].handle == handle)
			dps_coap_finish(c, &c->slots[i]);
	}
}

/* Everything that belongs to one connection goes; what init set and the counters stay. */
static void reset(struct dps_coap *c, dps_result state)
{
	dps_wipe(c, offsetof(struct dps_coap, options));
	dps_wipe((uint8_t *)c + offsetof(struct dps_coap, slots), sizeof(*c) - offsetof(struct dps_coap, slots));
	if (c->options.receive != NULL) {
		dps_wipe(c->options.receive, c->options.receive_size);
		dps_wipe(c->options.send, c->options.send_size);
	}
	c->failed = state;
}

static void transport_attach(void *self, const struct dps_transport_env *env)
{
	struct dps_coap *c = self;

	reset(c, DPS_OK);
	c->channel = env->channel;
	c->random = env->random;
	c->area.data = env->body;
	c->area.size = env->body_size;
	c->peer_size = c->options.assumed_size;
	c->offers_blocks = DPS_CONFIG_BLOCKWISE && c->options.receive_size < c->area.size;
	/* RFC 8323 section 5.3: the first message of either side; Max-Message-Size */
	(void)dps_coap_put_signal(c, DPS_COAP_CSM, NULL, 0, (uint32_t)c->options.receive_size);
}

static dps_result transport_keepalive(void *self)
{
	struct dps_coap *c = self;
	dps_result result;

	if (c->failed == DPS_OK && c->pinging)
		return DPS_E_TIMEOUT;
	result = dps_coap_ping(c);
	if (result == DPS_OK)
		dps_coap_push(c); /* now: the caller's next turn may be when the answer is due */
	c->send_refused |= result == DPS_AGAIN;
	return result;
}

static void transport_detach(void *self)
{
	struct dps_coap *c = self;

	if (c->channel == NULL)
		return;
	if (c->failed == DPS_OK && c->tx_failed == DPS_OK) {
		dps_coap_push(c);
		(void)dps_coap_put_signal(c, DPS_COAP_RELEASE, NULL, 0, DPS_COAP_ABSENT);
		push_last(c);
	}
	if (c->area.size > 0)
		dps_wipe(c->area.data, c->area.size);
	reset(c, DPS_E_STATE);
}

static void transport_count(void *self, struct dps_report *report)
{
	struct dps_coap *c = self;

	report->answers_dropped += c->counters.unknown_answers;
	report->peer_requests += c->counters.served + c->counters.pings;
	report->peer_dropped += c->counters.dropped;
	memset(&c->counters, 0, sizeof(c->counters));
}

const struct dps_transport_ops dps_coap_transport = {
	.attach = transport_attach,
	.send = transport_send,
	.forget = transport_forget,
	.poll = transport_poll,
	.keepalive = transport_keepalive,
	.detach = transport_detach,
	.count = transport_count,
};
