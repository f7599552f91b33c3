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
	static const uint32_t base[] = {LEN_8BIT, LEN_16BIT, LEN_32BIT};
	size_t extended = 0;
	uint32_t body;

	if (len == 0)
		return DPS_AGAIN;
	frame->token_len = data[0] & 0x0fu;
	if (frame->token_len > DPS_COAP_TOKEN_SIZE)
		return DPS_E_COAP;
	body = data[0] >> 4;
	if (body >= LEN_8BIT)
		extended = (size_t)1 << (body - LEN_8BIT);
	frame->token = 2 + extended;
	frame->options = frame->token + frame->token_len;
	if (len < frame->options)
		return DPS_AGAIN;
	if (extended > 0) {
		const uint32_t more = read_uint(data + 1, extended);

		if (more > UINT32_MAX - LEN_32BIT - DPS_COAP_FRAME_MAX)
			return DPS_E_COAP;
		body = base[body - LEN_8BIT] + more;
	}
	frame->total = (uint32_t)frame->options + body;
	frame->code = data[frame->token - 1];
	frame->large = false;
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

/* How an option is taken. */
enum { IGNORED, PRESENT, NUMBER, ETAG, SEGMENT, QUERY };

/* Which messages it is of: these, or the signal with that code. */
enum { REQUESTS = 0, REQUESTS_AND_RESPONSES = 1 };

/* The options that are understood. */
static const struct known {
	uint16_t number;
	uint8_t of;
	uint8_t how;
	uint8_t max_len; /* of a NUMBER */
	uint8_t field;   /* offset in struct dps_coap_message */
} KNOWN[] = {
	{DPS_COAP_CONTENT_FORMAT, REQUESTS_AND_RESPONSES, NUMBER, 2, offsetof(struct dps_coap_message, content_format)},
	{DPS_COAP_BLOCK1, REQUESTS_AND_RESPONSES, NUMBER, 3, offsetof(struct dps_coap_message, block1)},
	{DPS_COAP_BLOCK2, REQUESTS_AND_RESPONSES, NUMBER, 3, offsetof(struct dps_coap_message, block2)},
	{DPS_COAP_SIZE2, REQUESTS_AND_RESPONSES, NUMBER, 4, offsetof(struct dps_coap_message, size2)},
	{DPS_COAP_ETAG, REQUESTS_AND_RESPONSES, ETAG, 0, 0},
	{DPS_COAP_OCF_CONTENT_VERSION, REQUESTS_AND_RESPONSES, IGNORED, 0, 0},
	{DPS_COAP_URI_PATH, REQUESTS, SEGMENT, 0, 0},
	{DPS_COAP_URI_QUERY, REQUESTS, QUERY, 0, 0},
	{DPS_COAP_ACCEPT, REQUESTS, NUMBER, 2, offsetof(struct dps_coap_message, accept)},
#if DPS_CONFIG_HUB
	{DPS_COAP_OBSERVE, REQUESTS, NUMBER, 3, offsetof(struct dps_coap_message, observe)},
#endif
	{DPS_COAP_URI_HOST, REQUESTS, IGNORED, 0, 0}, /* there is one host here, whatever it is called */
	{DPS_COAP_URI_PORT, REQUESTS, IGNORED, 0, 0},
	{DPS_COAP_OCF_ACCEPT_VERSION, REQUESTS, IGNORED, 0, 0},
	{DPS_COAP_CSM_MAX_MESSAGE_SIZE, DPS_COAP_CSM, NUMBER, 4, offsetof(struct dps_coap_message, max_message_size)},
	{DPS_COAP_CSM_BLOCK_WISE, DPS_COAP_CSM, PRESENT, 0, offsetof(struct dps_coap_message, block_wise)},
	{DPS_COAP_PING_CUSTODY, DPS_COAP_PING, PRESENT, 0, offsetof(struct dps_coap_message, custody)},
};

static const struct known *find_known(uint8_t code, uint32_t number)
{
	const unsigned class = DPS_COAP_CODE_CLASS(code);

	for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
		const struct known *k = &KNOWN[i];
		const bool of_it = class == 7 ? k->of == code : k->of == REQUESTS_AND_RESPONSES || (k->of == REQUESTS && class == 0);

		if (k->number == number && of_it)
			return k;
	}
	return NULL;
}

/* Appends "/segment" to the path, which grows over options that were read already: each had a header of a byte at least. */
static void take_segment(struct dps_coap_message *m, uint8_t *at, const coap_option_t *option)
{
	if (m->path_len == 0)
		m->path = at;
	m->bad_path |= option->length > 0 && memchr(option->value, '/', option->length) != NULL;
	m->path[m->path_len++] = '/';
	memmove(m->path + m->path_len, option->value, option->length);
	m->path_len += option->length;
}

/*
 * Whether an option can be taken. at is where it starts, len what it takes there. RFC 7252 section 5.4.3 and 5.4.5: one that is too long or
 * repeated is as good as unknown.
 */
static bool take_option(struct dps_coap_message *m, uint32_t number, uint8_t *at, size_t len, const coap_option_t *option)
{
	const struct known *known = find_known(m->code, number);
	void *field;

	if (known == NULL)
		return false;
	field = (uint8_t *)m + known->field;
	switch (known->how) {
	case PRESENT:
		*(bool *)field = true;
		break;
	case NUMBER:
		if (option->length > known->max_len || *(uint32_t *)field != DPS_COAP_ABSENT)
			return false;
		*(uint32_t *)field = read_uint(option->value, option->length);
		break;
	case ETAG:
		if (option->length == 0 || option->length > DPS_COAP_ETAG_SIZE || m->etag.len > 0)
			return false;
		m->etag = (struct dps_span){option->value, option->length};
		break;
	case SEGMENT:
		take_segment(m, at, option);
		break;
	case QUERY:
		if (m->queries.len == 0)
			m->queries.data = at;
		m->queries.len += len;
		break;
	default:
		break;
	}
	return true;
}

dps_result dps_coap_message_read(uint8_t *data, const struct dps_coap_frame *frame, struct dps_coap_message *m)
{
	uint8_t *pos = data + frame->options, *end = data + frame->total;
	uint32_t number = 0;
	coap_option_t option;
	size_t n;

	*m = (struct dps_coap_message){.code = frame->code,
	                               .large = frame->large,
	                               .token = data + frame->token,
	                               .token_len = frame->token_len,
	                               .unknown_critical = DPS_COAP_ABSENT,
	                               .content_format = DPS_COAP_ABSENT,
	                               .block1 = DPS_COAP_ABSENT,
	                               .block2 = DPS_COAP_ABSENT,
	                               .size2 = DPS_COAP_ABSENT,
	                               .accept = DPS_COAP_ABSENT,
	                               .observe = DPS_COAP_ABSENT,
	                               .max_message_size = DPS_COAP_ABSENT};
	if (frame->large)
		return DPS_OK;
	for (; pos < end && *pos != PAYLOAD_MARKER; pos += n) {
		n = parse_option(pos, (size_t)(end - pos), &option);
		number += option.delta;
		if (n == 0 || number > UINT16_MAX)
			return DPS_E_COAP;
		if (!take_option(m, number, pos, n, &option) && (number & 1u) != 0 && m->unknown_critical == DPS_COAP_ABSENT)
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

#if DPS_CONFIG_HUB
void dps_coap_write_query(struct dps_coap_writer *w, const char *query)
{
	while (*query != '\0') {
		size_t len = strcspn(query, "&");

		dps_coap_write_option(w, DPS_COAP_URI_QUERY, (const uint8_t *)query, len);
		query += len;
		query += *query == '&';
	}
}
#endif

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
	uint8_t *start = w->data + DPS_COAP_HEAD_ROOM;
	size_t body, nibble, total;

	if (w->full || (payload_len > 0 && payload_len >= w->size - w->len))
		return 0;
	if (payload_len > 0) {
		w->data[w->len] = PAYLOAD_MARKER;
		w->len += 1 + payload_len;
	}
	body = w->len - DPS_COAP_HEAD_ROOM - w->token_len;
	/* the head is written from its end, and moved with all behind it to where the longest would begin */
	*--start = code;
	if (body < LEN_8BIT) {
		nibble = body;
	} else if (body < LEN_16BIT) {
		nibble = 13;
		*--start = (uint8_t)(body - LEN_8BIT);
	} else {
		nibble = 14;
		*--start = (uint8_t)(body - LEN_16BIT);
		*--start = (uint8_t)((body - LEN_16BIT) >> 8);
	}
	*--start = (uint8_t)(nibble << 4 | w->token_len);
	total = (size_t)(w->data + w->len - start);
	memmove(w->data, start, total);
	return total;
}
