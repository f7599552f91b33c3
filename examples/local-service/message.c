/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the device. */
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define MAX_OPTIONS             (SERVICE_MAX_SEGMENTS + SERVICE_MAX_QUERIES + 16u)
#define UNKNOWN_CRITICAL_OPTION 65001u /* odd: critical (RFC 7252 section 5.4.6); for experiments (section 12.2) */
#define HEADER_MAX              (6u + SERVICE_TOKEN_SIZE)
#define OPTION_HEAD_MAX         5u
#define PAYLOAD_MARKER          0xffu

struct option {
	coap_option_num_t number;
	size_t length;
	const uint8_t *value; /* NULL: the integer below */
	uint8_t integer[4];
};

struct options {
	struct option list[MAX_OPTIONS];
	size_t count;
};

static void add_integer(struct options *options, unsigned number, unsigned value)
{
	struct option *option = &options->list[options->count++];

	option->number = (coap_option_num_t)number;
	option->length = coap_encode_var_safe(option->integer, sizeof(option->integer), value);
}

static void add_bytes(struct options *options, unsigned number, const void *bytes, size_t length)
{
	struct option *option = &options->list[options->count++];

	option->number = (coap_option_num_t)number;
	option->length = length;
	option->value = bytes;
}

static void add_text(struct options *options, unsigned number, const char *text)
{
	add_bytes(options, number, text, strlen(text));
}

static void add_href(struct options *options, const char *href)
{
	size_t at;

	for (at = 0; at < SERVICE_MAX_SEGMENTS && href[0] == '/'; at++) {
		size_t length = strcspn(href + 1, "/");

		add_bytes(options, COAP_OPTION_URI_PATH, href + 1, length);
		href += 1 + length;
	}
}

static void add_block(struct options *options, unsigned number, const struct service_block *block)
{
	if (block->is_present) {
		add_integer(options, number, block->number << 4 | (block->more ? 8u : 0u) | block->szx);
	}
}

/* In the order of their numbers. */
static struct options options_of(const struct service_message *message)
{
	struct options options = {0};
	size_t at;

	if (message->etag != NULL) {
		add_bytes(&options, COAP_OPTION_ETAG, message->etag, message->etag_length);
	}
	if (message->has_observe) {
		add_integer(&options, COAP_OPTION_OBSERVE, message->observe);
	}
	if (message->href != NULL) {
		add_href(&options, message->href);
	}
	for (at = 0; at < 2 && message->path[at] != NULL; at++) {
		add_text(&options, COAP_OPTION_URI_PATH, message->path[at]);
	}
	if (message->content_format != SERVICE_ABSENT) {
		add_integer(&options, COAP_OPTION_CONTENT_FORMAT, (unsigned)message->content_format);
	}
	for (at = 0; at < SERVICE_MAX_QUERIES && message->query[at] != NULL; at++) {
		add_text(&options, COAP_OPTION_URI_QUERY, message->query[at]);
	}
	add_block(&options, COAP_OPTION_BLOCK2, &message->block2);
	add_block(&options, COAP_OPTION_BLOCK1, &message->block1);
	if (message->has_size2) {
		add_integer(&options, COAP_OPTION_SIZE2, message->size2);
	}
	if (message->has_size1) {
		add_integer(&options, COAP_OPTION_SIZE1, message->size1);
	}
	if (message->has_critical_option) {
		add_integer(&options, UNKNOWN_CRITICAL_OPTION, 1);
	}
	return options;
}

static const uint8_t *value_of(const struct option *option)
{
	return option->value == NULL ? option->integer : option->value;
}

static size_t room_for(const struct options *options, const struct service_message *message)
{
	size_t room = HEADER_MAX + 1 + message->payload_length;
	size_t at;

	for (at = 0; at < options->count; at++) {
		room += OPTION_HEAD_MAX + options->list[at].length;
	}
	return room;
}

bool service_message_send(coap_session_t *session, const struct service_message *message)
{
	struct options options = options_of(message);
	coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_CON, message->code, 0, room_for(&options, message));
	bool built = pdu != NULL && coap_add_token(pdu, message->token_length, message->token) == 1;
	size_t at;

	for (at = 0; built && at < options.count; at++) {
		built = coap_add_option(pdu, options.list[at].number, options.list[at].length, value_of(&options.list[at])) != 0;
	}
	if (built && message->payload_length > 0) {
		built = coap_add_data(pdu, message->payload_length, message->payload) == 1;
	}
	if (!built) {
		coap_delete_pdu(pdu);
		return false;
	}
	return coap_send(session, pdu) != COAP_INVALID_MID;
}

/* RFC 8323 section 3.2: the length of options, marker and payload in the first byte and up to four behind it. */
static size_t put_header(uint8_t *out, size_t length, const struct service_message *message)
{
	size_t at = 1;
	unsigned nibble = (unsigned)length;
	unsigned extended = 0;
	size_t base = 0;

	if (length >= 65805) {
		nibble = 15;
		extended = 4;
		base = 65805;
	} else if (length >= 269) {
		nibble = 14;
		extended = 2;
		base = 269;
	} else if (length >= 13) {
		nibble = 13;
		extended = 1;
		base = 13;
	}
	out[0] = (uint8_t)(nibble << 4 | (unsigned)message->token_length);
	while (extended > 0) {
		extended--;
		out[at++] = (uint8_t)((length - base) >> (8 * extended));
	}
	out[at++] = (uint8_t)message->code;
	memcpy(out + at, message->token, message->token_length);
	return at + message->token_length;
}

uint8_t *service_message_encode(const struct service_message *message, size_t *length)
{
	struct options options = options_of(message);
	size_t room = room_for(&options, message);
	uint8_t *content = service_alloc(room);
	uint8_t *bytes = service_alloc(room);
	size_t filled = 0;
	unsigned previous = 0;
	size_t header;
	size_t at;

	for (at = 0; at < options.count; at++) {
		const struct option *option = &options.list[at];

		filled += coap_opt_encode(content + filled, room - filled, (uint16_t)(option->number - previous), value_of(option), option->length);
		previous = option->number;
	}
	if (message->payload_length > 0) {
		content[filled++] = PAYLOAD_MARKER;
		memcpy(content + filled, message->payload, message->payload_length);
		filled += message->payload_length;
	}
	header = put_header(bytes, filled, message);
	memcpy(bytes + header, content, filled);
	free(content);
	*length = header + filled;
	return bytes;
}
