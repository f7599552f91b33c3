/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing one message of RFC 8323. Options go through libcoap's codec, with the checks around it that it lacks.
 */
#include "coap/message.h"

#include <string.h>

#include "coap/coap.h"

/* The codec's own header and no more of libcoap: libcoap.h, which defines these two, brings sockets with it. */
#ifndef COAP_STATIC_INLINE
#define COAP_STATIC_INLINE static inline
#endif
#ifndef COAP_DEPRECATED
#define COAP_DEPRECATED
#endif
#include <coap_forward_decls.h>
#include <coap_option.h>

#define PAYLOAD_MARKER 0xff

/* RFC 8323 section 3.2: what Len 13, 14 and 15 add, and the bytes that follow. */
#define LEN_8BIT  13u
#define LEN_16BIT 269u
#define LEN_32BIT 65805u

static uint32_t read_uint(const uint8_t *data, size_t len)
{
	uint32_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = (value << 8) | data[i];
	return value;
}

dps_result dps_coap_frame_read(const uint8_t *data, size_t len, struct dps_coap_frame *frame)
{
	static const uint32_t base[] = {0, LEN_8BIT, LEN_16BIT, LEN_32BIT};
	static const uint8_t bytes[] = {0, 1, 2, 4};
	unsigned nibble, kind;
	uint32_t body;

	if (len == 0)
		return DPS_AGAIN;
	frame->token_len = data[0] & 0x0fu;
	if (frame->token_len > DPS_COAP_TOKEN_SIZE)
		return DPS_E_COAP;
	nibble = data[0] >> 4;
	kind = nibble < LEN_8BIT ? 0 : nibble - 12;
	frame->token = 1u + bytes[kind] + 1u;
	frame->options = frame->token + frame->token_len;
	if (len < frame->options)
		return DPS_AGAIN;
	body = kind == 0 ? nibble : read_uint(data + 1, bytes[kind]);
	if (body > UINT32_MAX - base[kind] - DPS_COAP_FRAME_MAX)
		return DPS_E_COAP;
	frame->total = (uint32_t)frame->options + base[kind] + body;
	frame->code = data[frame->token - 1];
	return DPS_OK;
}

/*
 * coap_opt_parse refuses what reaches beyond the data, delta 15 and length 15, but an extended delta above 65,535 wraps in it and would
 * make another option of this one.
 */
static size_t parse_option(const uint8_t *data, size_t len, coap_option_t *option)
{
	if (len >= 3 && data[0] >> 4 == 14 && read_uint(data + 1, 2) + LEN_16BIT > UINT16_MAX)
		return 0;
	return coap_opt_parse(data, len, option);
}

/* A number option: whether it is one that can be taken. RFC 7252 section 5.4.3 and 5.4.5: too long or repeated is the same as unknown. */
static bool take_uint(const coap_option_t *option, size_t max_len, uint32_t *value)
{
	if (option->length > max_len || *value != DPS_COAP_ABSENT)
		return false;
	*value = read_uint(option->value, option->length);
	return true;
}

static bool take_etag(const coap_option_t *option, struct dps_span *etag)
{
	if (option->length == 0 || option->length > 8 || etag->len > 0)
		return false;
	*etag = (struct dps_span){option->value, option->length};
	return true;
}

/* Appends "/segment" to the path, which grows over options that were read already: each had a header of a byte at least. */
static bool take_segment(struct dps_coap_message *m, uint8_t *at, const coap_option_t *option)
{
	if (m->path_len == 0)
		m->path = at;
	m->bad_path |= option->length > 0 && memchr(option->value, '/', option->length) != NULL;
	m->path[m->path_len] = '/';
	memmove(m->path + m->path_len + 1, option->value, option->length);
	m->path_len += 1 + option->length;
	return true;
}

static bool take_query(struct dps_coap_message *m, const uint8_t *at, size_t len)
{
	if (m->queries.len == 0)
		m->queries.data = at;
	m->queries.len += len;
	return true;
}

/* Options of requests only. at is where the option starts, len what it takes there. */
static bool take_request_option(struct dps_coap_message *m, uint16_t number, uint8_t *at, size_t len, const coap_option_t *option)
{
	switch (number) {
	case DPS_COAP_URI_PATH:
		return take_segment(m, at, option);
	case DPS_COAP_URI_QUERY:
		return take_query(m, at, len);
	case DPS_COAP_ACCEPT:
		return take_uint(option, 2, &m->accept);
	case DPS_COAP_URI_HOST: /* there is one host here, whatever it is called */
	case DPS_COAP_URI_PORT:
	case DPS_COAP_OCF_ACCEPT_VERSION:
		return true;
	default:
		return false;
	}
}

static bool take_option(struct dps_coap_message *m, uint16_t number, uint8_t *at, size_t len, const coap_option_t *option)
{
	switch (number) {
	case DPS_COAP_CONTENT_FORMAT:
		return take_uint(option, 2, &m->content_format);
	case DPS_COAP_BLOCK1:
		return take_uint(option, 3, &m->block1);
	case DPS_COAP_BLOCK2:
		return take_uint(option, 3, &m->block2);
	case DPS_COAP_SIZE2:
		return take_uint(option, 4, &m->size2);
	case DPS_COAP_ETAG:
		return take_etag(option, &m->etag);
	case DPS_COAP_OCF_CONTENT_VERSION:
		return true;
	default:
		return DPS_COAP_CODE_CLASS(m->code) == 0 && take_request_option(m, number, at, len, option);
	}
}

static bool take_signal_option(struct dps_coap_message *m, uint16_t number, const coap_option_t *option)
{
	if (m->code == DPS_COAP_CSM && number == DPS_COAP_CSM_MAX_MESSAGE_SIZE)
		return take_uint(option, 4, &m->max_message_size);
	m->block_wise |= m->code == DPS_COAP_CSM && number == DPS_COAP_CSM_BLOCK_WISE;
	m->custody |= m->code == DPS_COAP_PING && number == DPS_COAP_PING_CUSTODY;
	return false;
}

dps_result dps_coap_message_read(uint8_t *data, const struct dps_coap_frame *frame, struct dps_coap_message *m)
{
	uint8_t *pos = data + frame->options, *end = data + frame->total;
	uint32_t number = 0;
	coap_option_t option;
	bool known;
	size_t n;

	*m = (struct dps_coap_message){.code = frame->code,
	                               .token = data + frame->token,
	                               .token_len = frame->token_len,
	                               .unknown_critical = DPS_COAP_ABSENT,
	                               .content_format = DPS_COAP_ABSENT,
	                               .block1 = DPS_COAP_ABSENT,
	                               .block2 = DPS_COAP_ABSENT,
	                               .size2 = DPS_COAP_ABSENT,
	                               .accept = DPS_COAP_ABSENT,
	                               .max_message_size = DPS_COAP_ABSENT};
	for (; pos < end && *pos != PAYLOAD_MARKER; pos += n) {
		n = parse_option(pos, (size_t)(end - pos), &option);
		if (n == 0)
			return DPS_E_COAP;
		number += option.delta;
		if (number > UINT16_MAX)
			return DPS_E_COAP;
		if (DPS_COAP_CODE_CLASS(m->code) == 7)
			known = take_signal_option(m, (uint16_t)number, &option);
		else
			known = take_option(m, (uint16_t)number, pos, n, &option);
		if (!known && (number & 1u) != 0 && m->unknown_critical == DPS_COAP_ABSENT)
			m->unknown_critical = number;
	}
	if (pos == end)
		return DPS_OK;
	m->payload = pos + 1;
	m->payload_len = (size_t)(end - m->payload);
	return m->payload_len > 0 ? DPS_OK : DPS_E_COAP; /* RFC 7252 section 3: a marker without payload is an error */
}

bool dps_coap_next_query(struct dps_span *queries, struct dps_span *query)
{
	coap_option_t option;
	size_t n;

	if (queries->len == 0)
		return false;
	n = parse_option(queries->data, queries->len, &option);
	if (n == 0)
		return false;
	*query = (struct dps_span){option.value, option.length};
	queries->data += n;
	queries->len -= n;
	return true;
}

void dps_coap_write_begin(struct dps_coap_writer *w, uint8_t *data, size_t size, const uint8_t *token, size_t token_len)
{
	*w = (struct dps_coap_writer){.data = data, .size = size, .len = DPS_COAP_HEAD_ROOM + token_len, .token_len = token_len};
	w->full = w->len > size;
	if (!w->full && token_len > 0)
		memcpy(data + DPS_COAP_HEAD_ROOM, token, token_len);
}

void dps_coap_write_option(struct dps_coap_writer *w, uint16_t number, const uint8_t *value, size_t len)
{
	size_t n = 0;

	if (!w->full && number >= w->last && len <= UINT16_MAX) /* longer values would wrap in the codec */
		n = coap_opt_encode(w->data + w->len, w->size - w->len, (uint16_t)(number - w->last), value, len);
	w->full |= n == 0;
	w->len += n;
	w->last = number;
}

void dps_coap_write_uint(struct dps_coap_writer *w, uint16_t number, uint32_t value)
{
	const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
	size_t zeros = 0;

	while (zeros < sizeof(bytes) && bytes[zeros] == 0)
		zeros++;
	dps_coap_write_option(w, number, bytes + zeros, sizeof(bytes) - zeros);
}

void dps_coap_write_path(struct dps_coap_writer *w, const char *path)
{
	while (*path == '/' && path[1] != '\0') {
		const char *segment = ++path;

		while (*path != '/' && *path != '\0')
			path++;
		dps_coap_write_option(w, DPS_COAP_URI_PATH, (const uint8_t *)segment, (size_t)(path - segment));
	}
}

uint8_t *dps_coap_write_payload(struct dps_coap_writer *w, size_t *size)
{
	*size = 0;
	if (w->full || w->size - w->len <= 1)
		return NULL;
	*size = w->size - w->len - 1;
	return w->data + w->len + 1;
}

size_t dps_coap_write_end(struct dps_coap_writer *w, uint8_t code, size_t payload_len)
{
	size_t room, body, head;

	if (w->full)
		return 0;
	if (payload_len > 0) {
		(void)dps_coap_write_payload(w, &room);
		if (payload_len > room)
			return 0;
		w->data[w->len] = PAYLOAD_MARKER;
		w->len += 1 + payload_len;
	}
	body = w->len - DPS_COAP_HEAD_ROOM - w->token_len;
	if (body < LEN_8BIT) {
		head = 2;
		w->data[0] = (uint8_t)(body << 4);
	} else if (body < LEN_16BIT) {
		head = 3;
		w->data[0] = 13 << 4;
		w->data[1] = (uint8_t)(body - LEN_8BIT);
	} else {
		head = 4;
		w->data[0] = 14 << 4;
		w->data[1] = (uint8_t)((body - LEN_16BIT) >> 8);
		w->data[2] = (uint8_t)(body - LEN_16BIT);
	}
	w->data[0] |= (uint8_t)w->token_len;
	w->data[head - 1] = code;
	memmove(w->data + head, w->data + DPS_COAP_HEAD_ROOM, w->token_len + body);
	return head + w->token_len + body;
}
