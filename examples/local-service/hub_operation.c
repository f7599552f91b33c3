/* SPDX-License-Identifier: Apache-2.0 */
/* A device's requests to a gateway. One table holds paths, methods and operations. */
#include "hub_operation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cbor_walk.h"
#include "events.h"
#include "hub_question.h"
#include "text.h"

#define BLOCK_SIZE 1024u
#define BLOCK_SZX  6u

typedef void (*operation_function)(struct hub_link *link, struct service_request *request);

static void serve_time(struct hub_link *link, struct service_request *request);

static const struct operation {
	const char *path;
	unsigned method;
	enum service_step step;
	bool needs_session;
	operation_function serve;
	const char *what; /* in "cannot handle WHAT: ...", NULL: the text stands alone */
} operations[] = {
	{"/oic/sec/account", COAP_REQUEST_CODE_POST, SERVICE_STEP_SIGN_UP, false, hub_account_sign_up, "sign up"},
	{"/oic/sec/account", COAP_REQUEST_CODE_DELETE, SERVICE_STEP_SIGN_OFF, false, hub_account_sign_off, "sign off"},
	{"/oic/sec/session", COAP_REQUEST_CODE_POST, SERVICE_STEP_SIGN_IN, false, hub_account_sign_in, "sign in"},
	{"/oic/sec/session", COAP_REQUEST_CODE_POST, SERVICE_STEP_SIGN_OUT, false, hub_account_sign_out, "sign out"},
	{"/oic/sec/tokenrefresh", COAP_REQUEST_CODE_POST, SERVICE_STEP_REFRESH, false, hub_account_refresh, "refresh token"},
	{"/oic/rd", COAP_REQUEST_CODE_POST, SERVICE_STEP_PUBLISH, true, hub_directory_publish, "publish resource"},
	{"/oic/rd", COAP_REQUEST_CODE_DELETE, SERVICE_STEP_UNPUBLISH, true, hub_directory_unpublish, NULL},
	{"/oic/rd", COAP_REQUEST_CODE_GET, SERVICE_STEP_HUB_OTHER, true, hub_directory_read, "resource directory"},
	{"/x.plgd.dev/time", COAP_REQUEST_CODE_GET, SERVICE_STEP_HUB_TIME, false, serve_time, "time"},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static const struct operation *operation_of(const struct service_request *request)
{
	size_t at;

	for (at = 0; at < OPERATIONS; at++) {
		if (operations[at].step == request->step && operations[at].method == (unsigned)request->method &&
		    strcmp(operations[at].path, request->path) == 0) {
			return &operations[at];
		}
	}
	return NULL;
}

/* account, session and tokenrefresh: known without a session, and their errors close the connection. */
static bool is_account(const char *path)
{
	static const char prefix[] = "/oic/sec/";
	size_t at;

	for (at = 0; at < OPERATIONS; at++) {
		if (strcmp(operations[at].path, path) == 0) {
			return strncmp(path, prefix, sizeof(prefix) - 1) == 0;
		}
	}
	return false;
}

/* The one body tells sign-in from sign-out; no login at all is a sign-out, as at the real gateway. */
static bool wants_login(const struct service_request *request)
{
	cJSON *body = service_body_parse(request->body, request->body_length, request->content_format == SERVICE_FORMAT_JSON);
	/* What is no body is a sign-in that is refused. */
	bool wants = !cJSON_IsObject(body) || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "login"));

	cJSON_Delete(body);
	return wants;
}

static enum service_step step_of(const struct service_request *request)
{
	size_t at;

	for (at = 0; at < OPERATIONS; at++) {
		if (operations[at].method == (unsigned)request->method && strcmp(operations[at].path, request->path) == 0) {
			return operations[at].step == SERVICE_STEP_SIGN_IN && !wants_login(request) ? SERVICE_STEP_SIGN_OUT : operations[at].step;
		}
	}
	return SERVICE_STEP_HUB_OTHER;
}

bool hub_operation_is_in_session(const struct hub_link *link)
{
	return link->session.is_signed_in && hub_now() < link->session.ends;
}

/* --- events --- */

static void print_request(const struct hub_link *link, const struct service_request *request, coap_pdu_code_t code, const char *why)
{
	cJSON *event = service_event_new("hub-request");
	char text[HUB_CODE_TEXT_SIZE];

	cJSON_AddNumberToObject(event, "connection", (double)link->number);
	cJSON_AddStringToObject(event, "operation", service_step_name(request->step));
	cJSON_AddNumberToObject(event, "count", (double)request->count);
	if (why == NULL) {
		cJSON_AddStringToObject(event, "code", hub_code_text((unsigned)code, text));
	} else {
		cJSON_AddNullToObject(event, "code");
		cJSON_AddStringToObject(event, "unanswered", why);
	}
	if (request->step == SERVICE_STEP_HUB_OTHER) {
		cJSON_AddStringToObject(event, "path", request->path);
	}
	if (request->fault != NULL) {
		cJSON_AddStringToObject(event, "fault", request->fault->text);
	}
	service_event_print(event);
}

/* --- answering --- */

static void flood(struct hub_link *link, const struct service_fault *fault)
{
	bool is_ping = fault->action == SERVICE_FAULT_FLOOD_PINGS;
	struct service_message message = {
		.code = is_ping ? COAP_SIGNALING_CODE_PING : COAP_REQUEST_CODE_GET,
		.token_length = SERVICE_TOKEN_SIZE,
		.content_format = SERVICE_ABSENT,
		.href = is_ping ? NULL : "/oic/d",
	};
	long at;

	for (at = 0; at < fault->number && link->close_reason == NULL; at++) {
		service_random(message.token, sizeof(message.token));
		hub_link_send(link, &message);
	}
}

static void cut_connection(struct hub_link *link, bool resets)
{
	link->reset_on_close = resets;
	link->has_failed = true;
	hub_link_close_in(link, 0, "fault");
}

static void send_cut(struct hub_link *link, const struct service_message *message, size_t length)
{
	size_t whole;
	uint8_t *bytes = service_message_encode(message, &whole);

	hub_link_send_bytes(link, bytes, length < whole ? length : whole);
	free(bytes);
	cut_connection(link, true);
}

/* Sends a message with the fault of its request. */
static void send_message(struct hub_link *link, const struct service_request *request, struct service_message *message)
{
	struct service_message stray;

	message->has_critical_option = service_fault_action_of(request->fault) == SERVICE_FAULT_CRITICAL_OPTION;
	switch (service_fault_action_of(request->fault)) {
	case SERVICE_FAULT_RESET_AFTER:
		send_cut(link, message, (size_t)request->fault->number);
		return;
	case SERVICE_FAULT_FLOOD_REQUESTS:
	case SERVICE_FAULT_FLOOD_PINGS:
		flood(link, request->fault);
		break;
	case SERVICE_FAULT_STRAY_TOKEN:
		stray = *message;
		stray.token_length = SERVICE_TOKEN_SIZE;
		service_random(stray.token, sizeof(stray.token));
		hub_link_send(link, &stray);
		break;
	case SERVICE_FAULT_DUPLICATE:
		hub_link_send(link, message);
		break;
	default:
		break;
	}
	hub_link_send(link, message);
}

static void set_token(struct service_message *message, const struct service_request *request)
{
	message->token_length = request->token_length;
	memcpy(message->token, request->token, request->token_length);
}

/* Long answers go in blocks where the device takes them; a device's own wish for smaller ones is heard too. */
static void send_answer(struct hub_link *link, struct service_request *request, struct service_answer *answer)
{
	struct service_message message = {.content_format = SERVICE_ABSENT};

	set_token(&message, request);
	if (link->takes_blocks) {
		message.block1 = request->block1;
		if (answer->body.length > BLOCK_SIZE && !request->block2.is_present) {
			request->block2 = (struct service_block){.is_present = true, .szx = BLOCK_SZX};
		}
	} else {
		request->block2.is_present = false;
	}
	service_blocks_cut(&link->blocks, request, answer, 0, BLOCK_SZX, &message);
	send_message(link, request, &message);
	print_request(link, request, answer->code, NULL);
	service_body_free(&answer->body);
	service_request_free(request);
}

/* The whole text of an error. A refresh names its device, as far as it is known. */
static char *text_of(const struct service_request *request, const char *why)
{
	const struct operation *operation = operation_of(request);
	const char *what = operation == NULL ? "request" : operation->what;

	if (what == NULL) {
		return service_strdup(why);
	}
	if (request->step == SERVICE_STEP_REFRESH) {
		return service_format("cannot handle %s for %.64s: %s", what, request->di == NULL ? "unknown" : request->di, why);
	}
	return service_format("cannot handle %s: %s", what, why);
}

/* The texts begin as the real ones; what stands behind differs where the real one quotes its own insides. */
static void refuse(struct hub_link *link, struct service_request *request, coap_pdu_code_t code, const char *text)
{
	struct service_answer answer = {0};
	bool closes_soon = is_account(request->path);
	bool has_session = hub_operation_is_in_session(link);

	service_steps_refuse(&answer, code, text);
	send_answer(link, request, &answer);
	if (closes_soon) {
		link->has_failed = true;
		hub_link_close_in(link, link->hub->service->config.gateway.close_after, "error");
	} else if (!has_session) {
		link->has_failed = true;
		hub_link_close_in(link, 0, "no session");
	}
}

void hub_operation_refuse(struct hub_link *link, struct service_request *request, coap_pdu_code_t code, const char *format, ...)
{
	char text[512];
	char *whole;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	whole = text_of(request, text);
	refuse(link, request, code, whole);
	free(whole);
}

void hub_operation_ignore(struct hub_link *link, struct service_request *request, const char *why)
{
	print_request(link, request, 0, why);
	service_request_free(request);
}

/* The real gateway's JSON has its keys in the order of the alphabet. */
static cJSON *sorted(cJSON *tree)
{
	cJSON *result = cJSON_CreateObject();

	while (tree->child != NULL) {
		cJSON *first = tree->child;
		cJSON *item;

		cJSON_ArrayForEach(item, tree)
		{
			first = strcmp(item->string, first->string) < 0 ? item : first;
		}
		cJSON_AddItemToObject(result, first->string, cJSON_Duplicate(first, 1));
		cJSON_Delete(cJSON_DetachItemViaPointer(tree, first));
	}
	cJSON_Delete(tree);
	return result;
}

void hub_operation_answer(struct hub_link *link, struct service_request *request, coap_pdu_code_t success, cJSON *tree)
{
	struct service_answer answer = {.code = success, .content_format = SERVICE_ABSENT};
	char name[SERVICE_MEDIA_TYPE_SIZE];

	if (tree == NULL) {
		if (service_fault_action_of(request->fault) == SERVICE_FAULT_CODE) {
			answer.code = (coap_pdu_code_t)request->fault->code;
		}
		send_answer(link, request, &answer);
		return;
	}
	if (!service_steps_is_encodable(request->accept)) {
		cJSON_Delete(tree);
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "unsupported type (%s)", service_media_type(request->accept, name));
		return;
	}
	if (request->accept == SERVICE_FORMAT_JSON) {
		tree = sorted(tree);
	}
	service_steps_encode(&answer, request, tree, success);
	cJSON_Delete(tree);
	send_answer(link, request, &answer);
}

cJSON *hub_operation_parse(struct hub_link *link, struct service_request *request)
{
	bool is_json = request->content_format == SERVICE_FORMAT_JSON;
	cJSON *body = service_body_parse(request->body, request->body_length, is_json);

	if (!cJSON_IsObject(body)) {
		bool is_cut = !is_json && service_cbor_check(request->body, request->body_length) == SERVICE_CBOR_CUT;

		cJSON_Delete(body);
		hub_operation_refuse(link, request, COAP_RESPONSE_CODE(400), "%s", is_cut ? "unexpected EOF" : "the body is no map with text keys");
		return NULL;
	}
	return body;
}

/* The provisioning side has the same resource. */
static void serve_time(struct hub_link *link, struct service_request *request)
{
	struct service_answer answer;
	enum service_step step = request->step;

	request->step = SERVICE_STEP_TIME;
	service_steps_answer(link->hub->service, request, &answer);
	request->step = step;
	send_answer(link, request, &answer);
}

/* --- serving --- */

/* The faults that leave a request without any answer: true when this is one. */
static bool withhold(struct hub_link *link, struct service_request *request)
{
	switch (service_fault_action_of(request->fault)) {
	case SERVICE_FAULT_RESET:
		cut_connection(link, true);
		break;
	case SERVICE_FAULT_DISCONNECT:
		cut_connection(link, false);
		break;
	case SERVICE_FAULT_SILENCE:
		break;
	default:
		return false;
	}
	hub_operation_ignore(link, request, "fault");
	return true;
}

static void serve(struct hub_link *link, struct service_request *request)
{
	const struct operation *operation = operation_of(request);

	if (link->has_failed) {
		hub_operation_ignore(link, request, "after an error");
		return;
	}
	if (withhold(link, request)) {
		return;
	}
	if (service_fault_action_of(request->fault) == SERVICE_FAULT_CODE && request->fault->code >= COAP_RESPONSE_CODE(400)) {
		hub_operation_refuse(link, request, (coap_pdu_code_t)request->fault->code, "asked for by --fault %s:%s",
		                     service_step_name(request->step), request->fault->text);
		return;
	}
	if (!is_account(request->path) && (operation == NULL || operation->needs_session) && !hub_operation_is_in_session(link)) {
		refuse(link, request, COAP_RESPONSE_CODE(401), "invalid authorization context: the device is not signed in");
		return;
	}
	if (operation == NULL) {
		char *text = service_format("unsupported method %s", service_request_method_name(request->method));

		refuse(link, request, COAP_RESPONSE_CODE(404), text);
		free(text);
		return;
	}
	operation->serve(link, request);
}

static double work_of(const struct hub_link *link, enum service_step step)
{
	const struct hub_settings *settings = &link->hub->service->config.gateway;

	switch (step) {
	case SERVICE_STEP_SIGN_IN:
		return settings->sign_in_work;
	case SERVICE_STEP_SIGN_UP:
	case SERVICE_STEP_REFRESH:
		return settings->account_work;
	default:
		return 0;
	}
}

/* --- requests and answers in blocks --- */

static void answer_short(struct hub_link *link, struct service_request *request, coap_pdu_code_t code, const char *text)
{
	struct service_message message = {.code = code, .content_format = SERVICE_ABSENT, .block1 = request->block1};

	set_token(&message, request);
	message.payload = (const uint8_t *)text;
	message.payload_length = strlen(text);
	hub_link_send(link, &message);
	service_request_free(request);
}

/* All blocks of one request carry one token: a block with another is none of it. */
static bool is_of_upload(struct hub_link *link, const struct service_request *request)
{
	if (request->block1.number == 0) {
		link->upload_token_length = request->token_length;
		memcpy(link->upload_token, request->token, sizeof(link->upload_token));
	}
	return link->upload_token_length == request->token_length && memcmp(link->upload_token, request->token, request->token_length) == 0;
}

/* True when this was a part of a request or of an answer, which is dealt with here. Without an offer of the device Block1 means nothing. */
static bool take_part(struct hub_link *link, struct service_request *request)
{
	struct service_message message = {.content_format = SERVICE_ABSENT};

	if (!link->takes_blocks) {
		return false;
	}
	if (request->block2.is_present && request->block2.number > 0) {
		set_token(&message, request);
		if (service_blocks_continue(&link->blocks, request, 0, &message)) {
			hub_link_send(link, &message);
			service_request_free(request);
		} else {
			answer_short(link, request, COAP_RESPONSE_CODE(408), "coap error: code = RequestEntityIncomplete desc = no such block");
		}
		return true;
	}
	if (!request->block1.is_present) {
		return false;
	}
	if (!is_of_upload(link, request)) {
		answer_short(link, request, COAP_RESPONSE_CODE(408), "coap error: code = RequestEntityIncomplete desc = another token");
		return true;
	}
	switch (service_blocks_collect(&link->blocks, request)) {
	case SERVICE_COLLECTED_PART:
		answer_short(link, request, COAP_RESPONSE_CODE(231), "");
		return true;
	case SERVICE_COLLECTED_BROKEN:
		answer_short(link, request, COAP_RESPONSE_CODE(408), "coap error: code = RequestEntityIncomplete desc = blocks are missing");
		return true;
	case SERVICE_COLLECTED_TOO_LARGE:
		answer_short(link, request, COAP_RESPONSE_CODE(413), "coap error: code = RequestEntityTooLarge desc = more than 262144 bytes");
		return true;
	case SERVICE_COLLECTED_WHOLE:
		break;
	}
	return false;
}

/* --- what comes in --- */

static void append(struct hub_link *link, struct service_request *request)
{
	struct service_request **end = &link->waiting;

	while (*end != NULL) {
		end = &(*end)->next;
	}
	*end = request;
}

void hub_operation_request(struct hub_link *link, struct hub_message *message)
{
	struct service *service = link->hub->service;
	struct service_request *request = hub_message_take_request(message);

	if (!link->has_failed && take_part(link, request)) {
		return;
	}
	request->step = step_of(request);
	request->count = ++service->counts[request->step];
	if (is_account(request->path) && request->method == COAP_REQUEST_CODE_POST && request->body_length == 0) {
		hub_operation_ignore(link, request, "empty body");
		return;
	}
	request->fault = service_faults_take(&service->faults, request->step, false);
	request->due_ms = service_now_ms() + (uint64_t)(work_of(link, request->step) * 1000.0);
	if (service_fault_action_of(request->fault) == SERVICE_FAULT_DELAY) {
		request->due_ms += (uint64_t)request->fault->number;
	}
	append(link, request);
	hub_operation_run(link, service_now_ms());
}

uint64_t hub_operation_run(struct hub_link *link, uint64_t now_ms)
{
	struct service_request **at = &link->waiting;
	uint64_t next = UINT64_MAX;

	while (*at != NULL) {
		struct service_request *request = *at;

		if (request->due_ms > now_ms) {
			next = request->due_ms < next ? request->due_ms : next;
			at = &request->next;
			continue;
		}
		*at = request->next;
		request->next = NULL;
		serve(link, request);
	}
	return next;
}
