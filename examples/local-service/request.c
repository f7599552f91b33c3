/* SPDX-License-Identifier: Apache-2.0 */
/* A request taken out of libcoap's message. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

static void add_to_path(struct service_request *request, const coap_opt_t *option)
{
	char *longer = service_format("%s/%.*s", request->path, (int)coap_opt_length(option), (const char *)coap_opt_value(option));

	free(request->path);
	request->path = longer;
}

static unsigned number_of(const coap_opt_t *option)
{
	return coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
}

/* RFC 7959 section 2.2: number, more and size exponent in one integer. */
static struct service_block block_of(const coap_opt_t *option)
{
	unsigned value = number_of(option);

	return (struct service_block){.is_present = true, .more = (value & 8u) != 0, .number = value >> 4, .szx = value & 7u};
}

struct service_request *service_request_take(const coap_pdu_t *pdu)
{
	struct service_request *request = service_alloc(sizeof(*request));
	coap_bin_const_t token = coap_pdu_get_token(pdu);
	coap_opt_iterator_t options;
	const coap_opt_t *option;
	const uint8_t *body = NULL;

	request->method = coap_pdu_get_code(pdu);
	request->path = service_strdup("");
	request->accept = SERVICE_ABSENT;
	request->content_format = SERVICE_ABSENT;
	request->token_length = token.length > sizeof(request->token) ? sizeof(request->token) : token.length;
	if (request->token_length > 0) {
		memcpy(request->token, token.s, request->token_length);
	}
	coap_option_iterator_init(pdu, &options, COAP_OPT_ALL);
	while ((option = coap_option_next(&options)) != NULL) {
		switch (options.number) {
		case COAP_OPTION_URI_PATH:
			add_to_path(request, option);
			break;
		case COAP_OPTION_CONTENT_FORMAT:
			request->content_format = (int)number_of(option);
			break;
		case COAP_OPTION_ACCEPT:
			request->accept = (int)number_of(option);
			break;
		case COAP_OPTION_BLOCK1:
			request->block1 = block_of(option);
			break;
		case COAP_OPTION_BLOCK2:
			request->block2 = block_of(option);
			break;
		default:
			break;
		}
	}
	if (coap_get_data(pdu, &request->body_length, &body) != 0 && request->body_length > 0) {
		request->body = service_alloc(request->body_length);
		memcpy(request->body, body, request->body_length);
	}
	return request;
}

void service_request_free(struct service_request *request)
{
	if (request != NULL) {
		free(request->path);
		free(request->query);
		free(request->di);
		free(request->body);
		service_fault_free(request->fault);
		free(request);
	}
}

const char *service_request_method_name(coap_pdu_code_t method)
{
	static const char *const names[] = {"Empty", "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"};

	return (size_t)method < sizeof(names) / sizeof(names[0]) ? names[method] : "unknown";
}
