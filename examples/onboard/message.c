/* SPDX-License-Identifier: Apache-2.0 */
/* See message.h. */
#include "message.h"

#include <coap3/coap.h>
#include <string.h>

#define HEADER          4u
#define VERSION         1u
#define NON_CONFIRMABLE 1u
#define PAYLOAD_MARKER  0xffu
#define DEFAULT_MAX_AGE 60u

static size_t put_option(uint8_t *buf, size_t size, unsigned *last, unsigned number, const char *value)
{
	size_t len = coap_opt_encode(buf, size, (uint16_t)(number - *last), (const uint8_t *)value, strlen(value));

	*last = number;
	return len;
}

size_t message_write(uint8_t buf[MESSAGE_REQUEST_SIZE], const struct plain_request *request, const uint8_t token[MESSAGE_TOKEN_SIZE],
                     uint16_t id)
{
	unsigned last = 0;
	size_t len = HEADER + MESSAGE_TOKEN_SIZE;

	buf[0] = (uint8_t)(VERSION << 6 | NON_CONFIRMABLE << 4 | MESSAGE_TOKEN_SIZE);
	buf[1] = COAP_REQUEST_CODE_GET;
	buf[2] = (uint8_t)(id >> 8);
	buf[3] = (uint8_t)id;
	memcpy(buf + HEADER, token, MESSAGE_TOKEN_SIZE);
	for (size_t i = 0; i < 2; i++)
		len += put_option(buf + len, MESSAGE_REQUEST_SIZE - len, &last, COAP_OPTION_URI_PATH, request->path[i]);
	if (request->query != NULL)
		len += put_option(buf + len, MESSAGE_REQUEST_SIZE - len, &last, COAP_OPTION_URI_QUERY, request->query);
	return len;
}

bool message_read(const uint8_t *bytes, size_t len, const uint8_t token[MESSAGE_TOKEN_SIZE], struct plain_answer *answer)
{
	const uint8_t *at;
	size_t left;
	unsigned number = 0;

	if (len < HEADER + MESSAGE_TOKEN_SIZE || bytes[0] >> 6 != VERSION || (bytes[0] & 15u) != MESSAGE_TOKEN_SIZE ||
	    memcmp(bytes + HEADER, token, MESSAGE_TOKEN_SIZE) != 0)
		return false;
	at = bytes + HEADER + MESSAGE_TOKEN_SIZE;
	left = len - HEADER - MESSAGE_TOKEN_SIZE;
	answer->code = (bytes[1] >> 5) * 100u + (bytes[1] & 31u);
	answer->max_age = DEFAULT_MAX_AGE;
	answer->payload = NULL;
	answer->payload_len = 0;
	if (answer->code < 200)
		return false;
	while (left > 0 && *at != PAYLOAD_MARKER) {
		coap_option_t option;
		size_t size = coap_opt_parse(at, left, &option);

		if (size == 0 || size > left)
			return false;
		number += option.delta;
		if (number == COAP_OPTION_MAXAGE && option.length <= 4)
			answer->max_age = coap_decode_var_bytes(option.value, option.length);
		at += size;
		left -= size;
	}
	if (left > 1) {
		answer->payload = at + 1;
		answer->payload_len = left - 1;
	}
	return true;
}
