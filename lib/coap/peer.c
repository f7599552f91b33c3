/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the peer asks and signals. Replies take what room there is in tx and never more than their quota: what does not find room is dropped and
 * counted, so that neither our requests nor reading wait for it.
 */
#include "coap/exchange.h"

#include <string.h>

/* RFC 7641 section 3.4: sequence numbers have 24 bits. */
#define OBSERVE_MASK UINT32_C(0xffffff)

/* Bytes that a reply's options and payload marker take at most: 3 for the format, 5 for its version, with the hub 9 for an ETag and 4 for Observe. */
#define REPLY_OPTIONS_ROOM (DPS_CONFIG_HUB ? 22 : 9)

/* Head, the longest token, options: a reply without payload always fits in this. */
#define SMALLEST_REPLY (DPS_COAP_HEAD_ROOM + DPS_COAP_TOKEN_SIZE + REPLY_OPTIONS_ROOM)

/* A reply to which nobody said anything yet. */
static struct dps_coap_reply empty_reply(unsigned code)
{
	return (struct dps_coap_reply)
	{
		.code = code, .content_format = DPS_COAP_FORMAT_NONE,
#if DPS_CONFIG_HUB
		.observe = -1,
#endif
	};
}

/* Begins a reply to a message, if there is room. */
static bool begin_reply(struct dps_coap *c, struct dps_coap_writer *w, const struct dps_coap_message *m)
{
	dps_coap_push(c); /* what waits may be gone, and the room is the reply's */
	if (c->tx_reply_end == 0)
		dps_coap_renew_quota(c);
	dps_coap_begin(c, w, m->token, m->token_len);
	if (w->size < SMALLEST_REPLY || c->tx_reply_quota == 0 || c->tx_failed != DPS_OK) {
		c->counters.dropped++;
		return false;
	}
	return true;
}

/* The quota is for what is queued between two moments at which no reply waits; the last reply may exceed it. */
static void end_reply(struct dps_coap *c, struct dps_coap_writer *w, uint8_t code, size_t payload_len)
{
	size_t n = dps_coap_end(c, w, code, payload_len);

	c->tx_reply_end = c->tx_len;
	c->tx_reply_quota -= n < c->tx_reply_quota ? n : c->tx_reply_quota;
}

static int32_t format_or_none(uint32_t option)
{
	return option == DPS_COAP_ABSENT ? DPS_COAP_FORMAT_NONE : (int32_t)option;
}

static void ask_application(struct dps_coap *c, const struct dps_coap_message *m, struct dps_coap_reply *reply)
{
	static const uint8_t root[] = {'/'};
	const struct dps_coap_inbound inbound = {
		.method = m->code,
		.path = {m->path_len > 0 ? m->path : root, m->path_len > 0 ? m->path_len : sizeof(root)},
		.queries = m->queries,
		.accept = format_or_none(m->accept),
		.content_format = format_or_none(m->content_format),
		.payload = {m->payload, m->payload_len},
#if DPS_CONFIG_HUB
		.token = {m->token, m->token_len},
		.observe = m->observe == DPS_COAP_ABSENT ? -1 : (int32_t)m->observe,
		.etag = m->etag,
#endif
	};

	if (c->options.serve != NULL)
		c->options.serve(c->options.serve_ctx, &inbound, reply);
}

/* A code as people write it, or 5.00 if it is no response code. */
static uint8_t wire_code(unsigned code)
{
	if (code / 100 < 2 || code / 100 > 5 || code % 100 > 31)
		return DPS_COAP_CODE(5, 0);
	return DPS_COAP_CODE(code / 100, code % 100);
}

/* Where the payload of a reply goes for now: behind the most that its options may take. */
static void lend_room(const struct dps_coap_writer *w, struct dps_coap_reply *reply)
{
	reply->payload = w->data + w->len + REPLY_OPTIONS_ROOM;
	reply->size = w->size - w->len - REPLY_OPTIONS_ROOM;
}

/* Whether what was said of the reply can be sent. */
static bool is_sendable(const struct dps_coap_reply *reply)
{
#if DPS_CONFIG_HUB
	if (reply->etag_len > DPS_COAP_ETAG_SIZE)
		return false;
#endif
	return reply->len <= reply->size;
}

/* Writes the options, and moves the payload to where they end. */
static void write_reply(struct dps_coap_writer *w, const struct dps_coap_reply *reply)
{
	uint8_t *payload;
	size_t room;

#if DPS_CONFIG_HUB
	if (reply->etag_len > 0)
		dps_coap_write_option(w, DPS_COAP_ETAG, reply->etag, reply->etag_len);
	if (reply->observe >= 0)
		dps_coap_write_uint(w, DPS_COAP_OBSERVE, (uint32_t)reply->observe & OBSERVE_MASK);
#endif
	if (reply->len > 0 && reply->content_format >= 0)
		dps_coap_write_uint(w, DPS_COAP_CONTENT_FORMAT, (uint32_t)reply->content_format);
	payload = dps_coap_write_payload(w, &room);
	if (reply->len > 0)
		memmove(payload, reply->payload, reply->len);
}

void dps_coap_take_request(struct dps_coap *c, struct dps_coap_message *m)
{
	struct dps_coap_reply reply = empty_reply(404);
	struct dps_coap_writer w;

	if (!begin_reply(c, &w, m))
		return;
	lend_room(&w, &reply);
	if (m->large || m->block1 != DPS_COAP_ABSENT)
		reply.code = 413; /* RFC 7959 section 2.9.3: a body in blocks is not put together here */
	else if (m->unknown_critical != DPS_COAP_ABSENT || m->block2 != DPS_COAP_ABSENT)
		reply.code = 402;
	else if (m->bad_path)
		reply.code = 400;
	else
		ask_application(c, m, &reply);
	if (reply.code == 0)
		return;
	c->counters.served++;
	if (!is_sendable(&reply))
		reply = empty_reply(500);
	write_reply(&w, &reply);
	end_reply(c, &w, wire_code(reply.code), reply.len);
}

#if DPS_CONFIG_HUB
/* Begins a notification where it leaves room for a reply behind it. */
static void begin_notification(struct dps_coap *c, struct dps_coap_writer *w, struct dps_span token)
{
	size_t kept;

	dps_coap_begin(c, w, token.data, token.len);
	kept = c->options.send_size - c->tx_len - w->size; /* by a peer that takes less */
	if (kept < SMALLEST_REPLY)
		w->size -= SMALLEST_REPLY - kept < w->size ? SMALLEST_REPLY - kept : w->size;
}

dps_result dps_coap_notify(struct dps_coap *c, struct dps_span token, dps_coap_write write, void *ctx)
{
	struct dps_coap_reply reply = empty_reply(205);
	struct dps_coap_writer w;

	if (c->failed != DPS_OK)
		return c->failed;
	if (token.len > DPS_COAP_TOKEN_SIZE)
		return DPS_E_ARGUMENT;
	dps_coap_push(c);
	begin_notification(c, &w, token);
	if (c->tx_failed == DPS_OK && w.size > w.len + REPLY_OPTIONS_ROOM) {
		lend_room(&w, &reply);
		write(ctx, &reply);
		if (reply.code == 0)
			return DPS_OK;
		if (reply.code < 200 || reply.code > 531 || reply.code % 100 > 31 || reply.etag_len > DPS_COAP_ETAG_SIZE)
			return DPS_E_ARGUMENT;
		if (is_sendable(&reply)) {
			write_reply(&w, &reply);
			(void)dps_coap_end(c, &w, wire_code(reply.code), reply.len);
			c->counters.notifications++;
			return DPS_OK;
		}
	}
	if (c->tx_failed == DPS_OK && c->tx_len == 0)
		return DPS_E_TOO_LARGE;
	c->send_refused = true;
	return DPS_AGAIN;
}
#endif

/* RFC 8323 section 5.4.1: what was asked before a ping has been answered when its pong leaves, so Custody can be promised. */
static void pong(struct dps_coap *c, const struct dps_coap_message *m)
{
	struct dps_coap_writer w;

	if (!begin_reply(c, &w, m))
		return;
	c->counters.pings++;
	if (m->custody)
		dps_coap_write_option(&w, DPS_COAP_PING_CUSTODY, NULL, 0);
	end_reply(c, &w, DPS_COAP_PONG, 0);
}

dps_result dps_coap_take_signal(struct dps_coap *c, struct dps_coap_message *m, struct dps_answer *answer)
{
	if (m->code == DPS_COAP_ABORT) {
		answer->code = DPS_COAP_CODE_AS_WRITTEN(m->code);
		answer->payload = m->payload;
		answer->payload_len = m->payload_len;
		return DPS_E_CLOSED;
	}
	if (m->large)
		return DPS_AGAIN;
	/* RFC 8323 section 5.2: a critical option of a signal that is not understood ends the connection */
	if (m->unknown_critical != DPS_COAP_ABSENT)
		return dps_coap_abort(c, m->code == DPS_COAP_CSM ? m->unknown_critical : DPS_COAP_ABSENT);
	switch (m->code) {
	case DPS_COAP_CSM: /* may come again: what it does not say stays (RFC 8323 section 5.3) */
		if (m->max_message_size != DPS_COAP_ABSENT)
			c->peer_size = m->max_message_size;
		c->peer_blocks |= m->block_wise;
		break;
	case DPS_COAP_PING:
		pong(c, m);
		break;
	case DPS_COAP_PONG:
		if (c->pinging && m->token_len == DPS_COAP_TOKEN_SIZE && memcmp(m->token, c->ping_token, m->token_len) == 0) {
			c->pinging = false;
			c->counters.pongs++;
		}
		break;
	case DPS_COAP_RELEASE:
		c->releasing = true;
		break;
	default:
		break; /* signals to come */
	}
	return DPS_AGAIN;
}

size_t dps_coap_put_signal(struct dps_coap *c, uint8_t code, const uint8_t *token, size_t token_len, uint32_t option2)
{
	struct dps_coap_writer w;

	dps_coap_begin(c, &w, token, token_len);
	if (option2 != DPS_COAP_ABSENT)
		dps_coap_write_uint(&w, 2, option2);
	if (code == DPS_COAP_CSM && c->offers_blocks)
		dps_coap_write_option(&w, DPS_COAP_CSM_BLOCK_WISE, NULL, 0);
	return dps_coap_end(c, &w, code, 0);
}

dps_result dps_coap_ping(struct dps_coap *c)
{
	dps_result result;

	if (c->failed != DPS_OK)
		return c->failed;
	if (c->pinging)
		return DPS_AGAIN;
	result = dps_coap_token(c, c->ping_token);
	if (result != DPS_OK)
		return result;
	c->pinging = dps_coap_put_signal(c, DPS_COAP_PING, c->ping_token, sizeof(c->ping_token), DPS_COAP_ABSENT) > 0;
	return c->pinging ? DPS_OK : DPS_AGAIN;
}
