/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from a device on a gateway's connection. */
#include "hub_message.h"

#include <stdlib.h>
#include <string.h>

#include "service.h"
#include "text.h"

#define SIGNAL_CSM         0xe1u
#define OPTION_BLOCK_WISE  4u
#define PAYLOAD_MARKER     0xffu
#define QUERY_MAX          255u /* RFC 7252 section 5.10: what is longer is no Uri-Query, and is passed over */
#define OPTION_INTEGER_MAX 4u

struct option {
	unsigned number;
	const uint8_t *value;
	size_t length;
};

/* RFC 7252 section 3.1: 13 and 14 stand for one and two bytes more, 15 is no length. */
static bool read_extended(const uint8_t **at, const uint8_t *end, size_t *value)
{
	if (*value == 13 && end - *at >= 1) {
		*value = 13u + (*at)[0];
		*at += 1;
		return true;
	}
	if (*value == 14 && end - *at >= 2) {
		*value = 269u + ((size_t)(*at)[0] << 8 | (*at)[1]);
		*at += 2;
		return true;
	}
	return *value < 13;
}

static bool read_option(const uint8_t **at, const uint8_t *end, struct option *option)
{
	size_t delta = **at >> 4;
	size_t length = **at & 15u;

	*at += 1;
	if (!read_extended(at, end, &delta) || !read_extended(at, end, &length) || length > (size_t)(end - *at) ||
	    option->number + delta > UINT16_MAX) {
		return false;
	}
	option->number += (unsigned)delta;
	option->value = *at;
	option->length = length;
	*at += length;
	return true;
}

static unsigned integer_of(const struct option *option)
{
	unsigned value = 0;
	size_t at;

	for (at = 0; at < option->length && at < OPTION_INTEGER_MAX; at++) {
		value = value << 8 | option->value[at];
	}
	return value;
}

static struct service_block block_of(const struct option *option)
{
	unsigned value = integer_of(option);

	return (struct service_block){.is_present = true, .more = (value & 8u) != 0, .number = value >> 4, .szx = value & 7u};
}

static void join(char **text, const char *between, const struct option *option)
{
	char *longer = service_format("%s%s%.*s", *text, between, (int)option->length, (const char *)option->value);

	free(*text);
	*text = longer;
}

static void take_option(struct hub_message *message, const struct option *option)
{
	switch (option->number) {
	case COAP_OPTION_ETAG:
		if (option->length > 0 && option->length <= sizeof(message->etag)) {
			memcpy(message->etag, option->value, option->length);
			message->etag_length = option->length;
		}
		break;
	case COAP_OPTION_OBSERVE:
		message->observe = (int)(integer_of(option) & 0xffffffu);
		break;
	case COAP_OPTION_URI_PATH:
		join(&message->path, "/", option);
		break;
	case COAP_OPTION_CONTENT_FORMAT:
		message->content_format = (int)(integer_of(option) & 0xffffu);
		break;
	case COAP_OPTION_URI_QUERY:
		if (option->length <= QUERY_MAX) {
			join(&message->query, message->query[0] == '\0' ? "" : "&", option);
		}
		break;
	case COAP_OPTION_ACCEPT:
		message->accept = (int)(integer_of(option) & 0xffffu);
		break;
	case COAP_OPTION_BLOCK2:
		message->block2 = block_of(option);
		break;
	case COAP_OPTION_BLOCK1:
		message->block1 = block_of(option);
		break;
	default:
		break;
	}
}

/* Options and payload behind the token; false when they are not well-formed. */
static bool parse_content(const uint8_t *at, const uint8_t *end, struct hub_message *message)
{
	struct option option = {0};

	while (at < end && *at != PAYLOAD_MARKER) {
		if (!read_option(&at, end, &option)) {
			return false;
		}
		if (message->code == SIGNAL_CSM) {
			message->offers_blocks = message->offers_blocks || option.number == OPTION_BLOCK_WISE;
		} else if (message->code < SIGNAL_CSM - 1) {
			take_option(message, &option);
		}
	}
	if (at < end) {
		message->payload = at + 1;
		message->payload_length = (size_t)(end - at) - 1;
	}
	return true;
}

/* RFC 8323 section 3.2: where the code stands and how much follows the token. */
static enum hub_parsed read_header(const uint8_t *bytes, size_t length, size_t *code_at, size_t *content)
{
	static const unsigned extended_sizes[] = {1, 2, 4};
	static const size_t bases[] = {13, 269, 65805};
	size_t extended = 0;
	size_t value = 0;
	size_t at;

	if (length == 0) {
		return HUB_PARSED_PART;
	}
	*content = bytes[0] >> 4;
	if (*content >= 13) {
		unsigned which = bytes[0] / 16u - 13u;

		extended = extended_sizes[which];
		if (length < 1 + extended) {
			return HUB_PARSED_PART;
		}
		for (at = 1; at <= extended; at++) {
			value = value << 8 | bytes[at];
		}
		*content = bases[which] + value;
	}
	*code_at = 1 + extended;
	if ((bytes[0] & 15u) > SERVICE_TOKEN_SIZE || *content > SERVICE_MAX_MESSAGE_SIZE) {
		return HUB_PARSED_BROKEN;
	}
	return HUB_PARSED_WHOLE;
}

enum hub_parsed hub_message_parse(const uint8_t *bytes, size_t length, struct hub_message *message, size_t *taken)
{
	size_t code_at = 0;
	size_t content = 0;
	enum hub_parsed header = read_header(bytes, length, &code_at, &content);
	size_t token_length;
	const uint8_t *token;

	if (header != HUB_PARSED_WHOLE) {
		return header;
	}
	token_length = bytes[0] & 15u;
	if (length < code_at + 1 + token_length + content) {
		return HUB_PARSED_PART;
	}
	token = bytes + code_at + 1;
	*message = (struct hub_message){.code = bytes[code_at],
	                                .token_length = token_length,
	                                .content_format = SERVICE_ABSENT,
	                                .accept = SERVICE_ABSENT,
	                                .observe = SERVICE_ABSENT,
	                                .path = service_strdup(""),
	                                .query = service_strdup("")};
	memcpy(message->token, token, token_length);
	if (!parse_content(token + token_length, token + token_length + content, message)) {
		hub_message_free(message);
		return HUB_PARSED_BROKEN;
	}
	*taken = code_at + 1 + token_length + content;
	return HUB_PARSED_WHOLE;
}

void hub_message_free(struct hub_message *message)
{
	free(message->path);
	free(message->query);
	message->path = NULL;
	message->query = NULL;
}

struct service_request *hub_message_take_request(struct hub_message *message)
{
	struct service_request *request = service_alloc(sizeof(*request));

	request->method = (coap_pdu_code_t)message->code;
	request->path = message->path;
	request->query = message->query;
	message->path = NULL;
	message->query = NULL;
	memcpy(request->token, message->token, sizeof(request->token));
	request->token_length = message->token_length;
	request->accept = message->accept;
	request->content_format = message->content_format;
	request->block1 = message->block1;
	request->block2 = message->block2;
	if (message->payload_length > 0) {
		request->body = service_alloc(message->payload_length);
		memcpy(request->body, message->payload, message->payload_length);
		request->body_length = message->payload_length;
	}
	return request;
}

bool hub_query_next(const char *query, const char *name, size_t *at, char **value)
{
	size_t name_length = strlen(name);

	while (query != NULL && query[*at] != '\0') {
		const char *entry = query + *at;
		size_t length = strcspn(entry, "&");

		*at += length + (entry[length] == '&' ? 1 : 0);
		if (length > name_length && strncmp(entry, name, name_length) == 0 && entry[name_length] == '=') {
			*value = service_format("%.*s", (int)(length - name_length - 1), entry + name_length + 1);
			return true;
		}
	}
	return false;
}
