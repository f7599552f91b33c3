/* SPDX-License-Identifier: Apache-2.0 */
/* What happens on a connection between a request and its answer. */
#include "exchange.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "steps.h"
#include "text.h"

/* What libcoap gives when the device's CSM says nothing of a size: the default of RFC 8323 section 5.3.1, 1,152 bytes, less the header's four.
 * The public service sends whole messages then, and so does this one. A device that says 1,152 cannot be told apart. */
#define LIMIT_UNSAID (1152u - 4u)

#define CODE_TEXT_SIZE 8u

static const char *code_text(coap_pdu_code_t code, char text[CODE_TEXT_SIZE])
{
	snprintf(text, CODE_TEXT_SIZE, "%u.%02u", ((unsigned)code >> 5) & 7u, (unsigned)code & 0x1fu);
	return text;
}

/* why is what became of a request that got no answer, NULL for one that did. */
static void print_request(const struct service_session *session, const struct service_request *request, coap_pdu_code_t code,
                          const char *why)
{
	cJSON *event = service_event_new("request");
	char text[CODE_TEXT_SIZE];

	cJSON_AddNumberToObject(event, "connection", (double)session->number);
	cJSON_AddStringToObject(event, "step", service_step_name(request->step));
	cJSON_AddNumberToObject(event, "count", (double)request->count);
	if (why == NULL) {
		cJSON_AddStringToObject(event, "code", code_text(code, text));
	} else {
		cJSON_AddNullToObject(event, "code");
		cJSON_AddStringToObject(event, "unanswered", why);
	}
	if (request->step == SERVICE_STEP_OTHER) {
		cJSON_AddStringToObject(event, "path", request->path);
	}
	if (request->fault != NULL) {
		cJSON_AddStringToObject(event, "fault", request->fault->text);
	}
	service_event_print(event);
}

/* --- the service's own requests --- */

static void ask_device(struct service_session *session)
{
	struct service_message message = {
		.code = COAP_REQUEST_CODE_GET,
		.token_length = SERVICE_TOKEN_SIZE,
		.content_format = SERVICE_ABSENT,
		.path = {"oic", "res"},
		.query = {"if=oic.if.ll", "rt=oic.wk.d"},
	};

	service_random(session->device_token, sizeof(session->device_token));
	memcpy(message.token, session->device_token, sizeof(message.token));
	session->was_asked = true;
	service_message_send(session->coap, &message);
}

static void flood(struct service_session *session, const struct service_fault *fault)
{
	bool is_ping = fault->action == SERVICE_FAULT_FLOOD_PINGS;
	struct service_message message = {
		.code = is_ping ? COAP_SIGNALING_CODE_PING : COAP_REQUEST_CODE_GET,
		.token_length = SERVICE_TOKEN_SIZE,
		.content_format = SERVICE_ABSENT,
		.path = {is_ping ? NULL : "oic", "d"},
	};
	long at;

	for (at = 0; at < fault->number; at++) {
		service_random(message.token, sizeof(message.token));
		if (!service_message_send(session->coap, &message)) {
			break;
		}
	}
}

/* --- answering --- */

static size_t device_limit(const struct service_session *session)
{
	size_t limit = coap_session_max_pdu_size(session->coap);

	return limit == LIMIT_UNSAID ? 0 : limit;
}

static void fail_connection(struct service_session *session, uint64_t after_ms, const char *reason)
{
	session->has_failed = true;
	service_session_close_at(session, service_now_ms() + after_ms, reason);
}

static void send_cut(struct service_session *session, const struct service_message *message, size_t length)
{
	size_t whole;
	uint8_t *bytes = service_message_encode(message, &whole);

	/* The session is idle by the fault's nature: libcoap has nothing of its own half written. */
	SSL_write(coap_session_get_tls(session->coap, NULL), bytes, (int)(length < whole ? length : whole));
	free(bytes);
	session->reset_on_close = true;
	fail_connection(session, 0, "fault");
}

static void send_stray(struct service_session *session, const struct service_message *message)
{
	struct service_message stray = *message;

	stray.token_length = SERVICE_TOKEN_SIZE;
	service_random(stray.token, sizeof(stray.token));
	service_message_send(session->coap, &stray);
}

/* With the token of a request that has its answer; before the first answer there is none. */
static void send_again(struct service_session *session, const struct service_message *message)
{
	struct service_message again = *message;

	if (session->has_answered_any) {
		again.token_length = session->answered_token_length;
		memcpy(again.token, session->answered_token, sizeof(again.token));
		service_message_send(session->coap, &again);
	}
}

/* Sends an answer with the fault of its request. */
static void send_answer(struct service_session *session, const struct service_request *request, struct service_message *message)
{
	message->has_critical_option = service_fault_action_of(request->fault) == SERVICE_FAULT_CRITICAL_OPTION;
	switch (service_fault_action_of(request->fault)) {
	case SERVICE_FAULT_RESET_AFTER:
		send_cut(session, message, (size_t)request->fault->number);
		return;
	case SERVICE_FAULT_FLOOD_REQUESTS:
	case SERVICE_FAULT_FLOOD_PINGS:
		flood(session, request->fault);
		break;
	case SERVICE_FAULT_STRAY_TOKEN:
		send_stray(session, message);
		break;
	case SERVICE_FAULT_OLD_TOKEN:
		send_again(session, message);
		break;
	case SERVICE_FAULT_DUPLICATE:
		service_message_send(session->coap, message);
		break;
	default:
		break;
	}
	service_message_send(session->coap, message);
}

static void set_token(struct service_message *message, const struct service_request *request)
{
	message->token_length = request->token_length;
	memcpy(message->token, request->token, request->token_length);
}

/* The faults that leave a request without any answer: true when this is one. */
static bool withhold(struct service_session *session, const struct service_request *request)
{
	switch (service_fault_action_of(request->fault)) {
	case SERVICE_FAULT_RESET:
		session->reset_on_close = true;
		fail_connection(session, 0, "fault");
		break;
	case SERVICE_FAULT_DISCONNECT:
		fail_connection(session, 0, "fault");
		break;
	case SERVICE_FAULT_FIREHOSE:
		service_outflow_flood(session, request->fault->number);
		break;
	case SERVICE_FAULT_SILENCE:
		break;
	default:
		return false;
	}
	print_request(session, request, 0, "fault");
	return true;
}

/* All of the answer has been handed over. */
static void finish(struct service_session *session, const struct service_request *request)
{
	session->has_answered_any = true;
	session->answered_token_length = request->token_length;
	memcpy(session->answered_token, request->token, sizeof(session->answered_token));
	print_request(session, request, request->answer, NULL);
	if (request->answer >= COAP_RESPONSE_CODE(400)) {
		fail_connection(session, session->service->close_after_ms, "error");
	}
}

/* False when the request has been taken over: its answer is on its way and will be for a while. */
static bool serve(struct service_session *session, struct service_request *request)
{
	bool is_slow = service_fault_action_of(request->fault) == SERVICE_FAULT_SLOW;
	struct service *service = session->service;
	struct service_message message = {.content_format = SERVICE_ABSENT};
	struct service_answer answer;

	if (session->reset_on_close) {
		return true; /* the connection is about to be cut: nothing may follow what was sent of an answer */
	}
	if (withhold(session, request)) {
		return true;
	}
	service_steps_answer(service, request, &answer);
	set_token(&message, request);
	message.block1 = request->block1;
	service_blocks_cut(&session->blocks, request, &answer, device_limit(session), service->config.block_szx, &message);
	request->answer = answer.code;
	if (is_slow) {
		service_outflow_drip(session, request, &message, (uint64_t)request->fault->number);
	} else {
		send_answer(session, request, &message);
		finish(session, request);
	}
	service_body_free(&answer.body);
	return !is_slow;
}

/* --- requests in blocks --- */

static void answer_short(struct service_session *session, const struct service_request *request, coap_pdu_code_t code, const char *text)
{
	struct service_message message = {.code = code, .content_format = SERVICE_ABSENT, .block1 = request->block1};

	set_token(&message, request);
	message.payload = (const uint8_t *)text;
	message.payload_length = strlen(text);
	service_message_send(session->coap, &message);
	if (code >= COAP_RESPONSE_CODE(400)) {
		fail_connection(session, session->service->close_after_ms, "error");
	}
}

/* True when this was a part of a request or of an answer, which is dealt with here. */
static bool take_part(struct service_session *session, struct service_request *request)
{
	struct service_message message = {.content_format = SERVICE_ABSENT};

	if (request->block2.is_present && request->block2.number > 0) {
		set_token(&message, request);
		if (service_blocks_continue(&session->blocks, request, device_limit(session), &message)) {
			service_message_send(session->coap, &message);
		} else {
			answer_short(session, request, COAP_RESPONSE_CODE(408),
			             "coap error: code = RequestEntityIncomplete desc = no such block of an answer");
		}
		return true;
	}
	if (!request->block1.is_present) {
		return false;
	}
	switch (service_blocks_collect(&session->blocks, request)) {
	case SERVICE_COLLECTED_PART:
		answer_short(session, request, COAP_RESPONSE_CODE(231), "");
		return true;
	case SERVICE_COLLECTED_BROKEN:
		answer_short(session, request, COAP_RESPONSE_CODE(408), "coap error: code = RequestEntityIncomplete desc = blocks are missing");
		return true;
	case SERVICE_COLLECTED_TOO_LARGE:
		answer_short(session, request, COAP_RESPONSE_CODE(413), "coap error: code = RequestEntityTooLarge desc = more than 262144 bytes");
		return true;
	case SERVICE_COLLECTED_WHOLE:
		break;
	}
	return false;
}

/* --- what comes in --- */

static void append(struct service_request **link, struct service_request *request)
{
	while (*link != NULL) {
		link = &(*link)->next;
	}
	*link = request;
}

static void take_request(struct service_session *session, struct service_request *request)
{
	struct service *service = session->service;
	bool is_first = !session->was_asked;

	if (!session->has_failed && take_part(session, request)) {
		service_request_free(request);
		return;
	}
	request->step = service_steps_find(request->path);
	request->count = ++service->counts[request->step];
	if (session->has_failed) {
		print_request(session, request, 0, "after an error");
		service_request_free(request);
		return;
	}
	request->fault = service_faults_take(&service->faults, request->step, is_first);
	request->due_ms = service_now_ms();
	if (service_fault_action_of(request->fault) == SERVICE_FAULT_DELAY) {
		request->due_ms += (uint64_t)request->fault->number;
	}
	if (is_first) {
		ask_device(session);
		request->waits_for_device = true;
		request->waits_for_ever = service_fault_action_of(request->fault) == SERVICE_FAULT_NO_OIC_RES;
	}
	append(&session->waiting, request);
}

void service_exchange_request(struct service_session *session, struct service_request *request)
{
	service_session_touch(session);
	request->connection = session->number;
	if (service_outflow_is_busy(&session->outflow)) {
		append(&session->deferred, request);
		return;
	}
	take_request(session, request);
	service_exchange_run(session, service_now_ms());
}

void service_exchange_response(struct service_session *session, const coap_pdu_t *response)
{
	coap_bin_const_t token = coap_pdu_get_token(response);
	struct service_request *request;
	char text[CODE_TEXT_SIZE];
	cJSON *event;

	service_session_touch(session);
	if (!session->was_asked || session->has_answered || token.length != sizeof(session->device_token) ||
	    memcmp(token.s, session->device_token, token.length) != 0) {
		return;
	}
	session->has_answered = true;
	event = service_event_new("device-resources");
	cJSON_AddNumberToObject(event, "connection", (double)session->number);
	cJSON_AddStringToObject(event, "code", code_text(coap_pdu_get_code(response), text));
	service_event_print(event);
	for (request = session->waiting; request != NULL; request = request->next) {
		request->waits_for_device = request->waits_for_ever;
	}
	service_exchange_run(session, service_now_ms());
}

void service_exchange_ping(struct service_session *session, const coap_pdu_t *ping)
{
	coap_bin_const_t token = coap_pdu_get_token(ping);
	struct service_message message = {.code = COAP_SIGNALING_CODE_PONG, .content_format = SERVICE_ABSENT};

	service_session_touch(session);
	if (session->outflow.drip == NULL && token.length > 0 && token.length <= sizeof(message.token)) {
		message.token_length = token.length;
		memcpy(message.token, token.s, token.length);
		service_message_send(session->coap, &message);
	}
}

/* Answers what may go now, until an answer takes its time. */
static uint64_t serve_due(struct service_session *session, uint64_t now_ms)
{
	struct service_request **link = &session->waiting;
	uint64_t next = UINT64_MAX;

	while (*link != NULL && !service_outflow_is_busy(&session->outflow)) {
		struct service_request *request = *link;

		if (request->waits_for_device || request->due_ms > now_ms) {
			if (!request->waits_for_device && request->due_ms < next) {
				next = request->due_ms;
			}
			link = &request->next;
			continue;
		}
		*link = request->next;
		request->next = NULL;
		if (serve(session, request)) {
			service_request_free(request);
		}
	}
	return next;
}

static void take_deferred(struct service_session *session)
{
	while (session->deferred != NULL) {
		struct service_request *request = session->deferred;

		session->deferred = request->next;
		request->next = NULL;
		take_request(session, request);
	}
}

uint64_t service_exchange_run(struct service_session *session, uint64_t now_ms)
{
	struct service_request *answered;
	uint64_t next = UINT64_MAX;

	while (!session->is_closed) {
		next = service_outflow_run(session, now_ms, &answered);
		if (answered != NULL) {
			finish(session, answered);
			service_request_free(answered);
		}
		if (service_outflow_is_busy(&session->outflow)) {
			break;
		}
		take_deferred(session);
		next = serve_due(session, now_ms);
		if (!service_outflow_is_busy(&session->outflow)) {
			break;
		}
	}
	return next;
}
