/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's requests to a device and what comes of them. */
#include "hub_question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "text.h"

#define BLOCK_SIZE   1024u
#define BLOCK_SZX    6u
#define CODE_TWO     2u
#define OBSERVE_STOP 1u

/* RFC 7641 section 3.4 */
#define NUMBER_MASK     0xffffffu
#define NUMBER_HALF     0x800000u
#define NUMBER_VALID_MS 128000u

struct hub_question {
	struct hub_question *next;
	uint8_t token[SERVICE_TOKEN_SIZE];
	uint8_t block_token[SERVICE_TOKEN_SIZE]; /* of the request for the next block of an answer */
	bool fetches_blocks;
	coap_pdu_code_t method;
	char *href;
	char *query;
	char *name; /* for events: "GET /oic/res?if=oic.if.ll" */
	bool observes;
	bool is_answered; /* an observation: the first answer has come */
	unsigned number;  /* Observe of the latest, and when it came */
	uint64_t number_ms;
	bool stops; /* Observe 1 was asked */
	uint8_t *payload;
	size_t payload_length;
	size_t payload_sent;
	unsigned payload_szx; /* of the blocks in which it goes */
	uint8_t *body;        /* of an answer in blocks, so far */
	size_t body_length;
	int body_format;
	int body_observe;
	uint64_t deadline_ms; /* 0: none */
	hub_answered answered;
	void *context;
};

const char *hub_code_text(unsigned code, char text[HUB_CODE_TEXT_SIZE])
{
	snprintf(text, HUB_CODE_TEXT_SIZE, "%u.%02u", (code >> 5) & 7u, code & 0x1fu);
	return text;
}

/* --- asking --- */

static char *method_text(const struct hub_ask *ask)
{
	return service_format("%s %s%s%s", service_request_method_name(ask->method), ask->href, ask->query == NULL ? "" : "?",
	                      ask->query == NULL ? "" : ask->query);
}

/* The pieces of "a=b&c=d"; copy holds them. */
static void split_query(const char *query, char **copy, const char *pieces[SERVICE_MAX_QUERIES])
{
	size_t count = 0;
	char *rest;
	char *piece;

	*copy = query == NULL ? NULL : service_strdup(query);
	for (piece = *copy == NULL ? NULL : strtok_r(*copy, "&", &rest); piece != NULL && count < SERVICE_MAX_QUERIES;
	     piece = strtok_r(NULL, "&", &rest)) {
		pieces[count++] = piece;
	}
}

/* The next piece of a request's payload: all of it, or a block when the device takes blocks and it is long. */
static void add_payload(struct hub_link *link, struct hub_question *question, struct service_message *message)
{
	size_t left = question->payload_length - question->payload_sent;
	size_t size = (size_t)16 << question->payload_szx;

	message->content_format = question->payload == NULL ? SERVICE_ABSENT : SERVICE_FORMAT_OCF_CBOR;
	message->payload = question->payload == NULL ? NULL : question->payload + question->payload_sent;
	message->payload_length = left;
	if (link->takes_blocks && question->payload_length > BLOCK_SIZE) {
		message->block1 = (struct service_block){
			.is_present = true, .more = left > size, .number = (unsigned)(question->payload_sent / size), .szx = question->payload_szx};
		message->payload_length = left > size ? size : left;
		message->has_size1 = question->payload_sent == 0;
		message->size1 = (uint32_t)question->payload_length;
	}
	question->payload_sent += message->payload_length;
}

static void send_question(struct hub_link *link, struct hub_question *question, const struct hub_ask *ask)
{
	struct service_message message = {.code = question->method, .token_length = SERVICE_TOKEN_SIZE, .href = question->href};
	char *copy;

	memcpy(message.token, question->token, sizeof(message.token));
	split_query(question->query, &copy, message.query);
	if (ask != NULL) {
		message.has_observe = ask->observes;
		message.etag = ask->etag;
		message.etag_length = ask->etag_length;
	}
	add_payload(link, question, &message);
	hub_link_send(link, &message);
	free(copy);
}

void hub_question_ask(struct hub_link *link, const struct hub_ask *ask)
{
	struct hub_question *question = service_alloc(sizeof(*question));
	struct hub_question **end = &link->questions;

	question->method = ask->method;
	question->href = service_strdup(ask->href);
	question->query = ask->query == NULL ? NULL : service_strdup(ask->query);
	question->name = method_text(ask);
	question->observes = ask->observes;
	question->answered = ask->answered;
	question->context = ask->context;
	question->payload_szx = BLOCK_SZX;
	if (ask->payload != NULL) {
		question->payload = service_alloc(ask->payload_length + 1);
		memcpy(question->payload, ask->payload, ask->payload_length);
		question->payload_length = ask->payload_length;
	}
	if (ask->timeout > 0) {
		question->deadline_ms = service_now_ms() + (uint64_t)(ask->timeout * 1000.0);
	}
	service_random(question->token, sizeof(question->token));
	while (*end != NULL) {
		end = &(*end)->next;
	}
	*end = question;
	send_question(link, question, ask);
}

static void free_question(struct hub_question *question)
{
	free(question->href);
	free(question->query);
	free(question->name);
	free(question->payload);
	free(question->body);
	free(question);
}

static struct hub_question **position_of(struct hub_link *link, const struct hub_question *question)
{
	struct hub_question **at = &link->questions;

	while (*at != NULL && *at != question) {
		at = &(*at)->next;
	}
	return at;
}

/* Takes it off the list, says what came of it and frees it. */
static void finish(struct hub_link *link, struct hub_question *question, const struct hub_answer *answer)
{
	struct hub_question **at = position_of(link, question);

	if (*at != NULL) {
		*at = question->next;
	}
	question->answered(link, question->context, question->href, answer);
	free_question(question);
}

/* --- observations --- */

static void ignore(struct hub_link *link, void *context, const char *href, const struct hub_answer *answer)
{
	(void)link;
	(void)context;
	(void)href;
	(void)answer;
}

static void send_stop(struct hub_link *link, const struct hub_question *question)
{
	struct service_message message = {.code = COAP_REQUEST_CODE_GET,
	                                  .token_length = SERVICE_TOKEN_SIZE,
	                                  .content_format = SERVICE_ABSENT,
	                                  .href = question->href,
	                                  .has_observe = true,
	                                  .observe = OBSERVE_STOP};

	memcpy(message.token, question->token, sizeof(message.token));
	hub_link_send(link, &message);
}

size_t hub_question_stop_observing(struct hub_link *link, hub_answered answered, void *context)
{
	struct hub_question *question;
	size_t count = 0;

	for (question = link->questions; question != NULL; question = question->next) {
		if (!question->observes || question->stops) {
			continue;
		}
		if (!question->is_answered) {
			/* What the device answers to it later is nobody's business any more. */
			question->observes = false;
			question->answered = ignore;
			continue;
		}
		question->stops = true;
		question->deadline_ms = service_now_ms() + (uint64_t)(link->hub->service->config.gateway.command_timeout * 1000.0);
		question->answered = answered;
		question->context = context;
		count++;
		send_stop(link, question);
	}
	return count;
}

bool hub_question_observes(const struct hub_link *link, const char *href)
{
	const struct hub_question *question;

	for (question = link->questions; question != NULL; question = question->next) {
		if (question->observes && !question->stops && strcmp(question->href, href) == 0) {
			return true;
		}
	}
	return false;
}

/* --- answers --- */

static void print_answer(const struct hub_link *link, const struct hub_question *question, unsigned code)
{
	cJSON *event = service_event_new("device-answer");
	char text[HUB_CODE_TEXT_SIZE];

	cJSON_AddStringToObject(event, "device", link->peer.device);
	cJSON_AddStringToObject(event, "request", question->name);
	cJSON_AddStringToObject(event, "code", hub_code_text(code, text));
	service_event_print(event);
}

static bool has_token(const struct hub_message *message, const uint8_t token[SERVICE_TOKEN_SIZE])
{
	return message->token_length == SERVICE_TOKEN_SIZE && memcmp(message->token, token, SERVICE_TOKEN_SIZE) == 0;
}

static struct hub_question *question_of(struct hub_link *link, const struct hub_message *message, bool *is_block)
{
	struct hub_question *question;

	for (question = link->questions; question != NULL; question = question->next) {
		*is_block = question->fetches_blocks && has_token(message, question->block_token);
		if (*is_block || has_token(message, question->token)) {
			return question;
		}
	}
	return NULL;
}

static void drop_body(struct hub_question *question)
{
	free(question->body);
	question->body = NULL;
	question->body_length = 0;
	question->fetches_blocks = false;
}

static void ask_next_block(struct hub_link *link, struct hub_question *question, const struct service_block *block, size_t unit)
{
	struct service_message message = {
		.code = question->method,
		.token_length = SERVICE_TOKEN_SIZE,
		.content_format = SERVICE_ABSENT,
		.href = question->href,
		.block2 = {.is_present = true, .number = (unsigned)(question->body_length / unit), .szx = block->szx},
	};
	char *copy;

	service_random(question->block_token, sizeof(question->block_token));
	memcpy(message.token, question->block_token, sizeof(message.token));
	split_query(question->query, &copy, message.query);
	question->fetches_blocks = true;
	hub_link_send(link, &message);
	free(copy);
}

enum block_state { BLOCK_LAST, BLOCK_MORE, BLOCK_BROKEN };

/* Puts a block behind those before it. RFC 8323 section 6: BERT counts in units of 1,024 bytes. */
static enum block_state take_block(struct hub_link *link, struct hub_question *question, const struct hub_message *message)
{
	size_t unit = message->block2.szx == 7 ? BLOCK_SIZE : (size_t)16 << message->block2.szx;

	if (message->block2.number == 0) {
		drop_body(question);
		question->body_format = message->content_format;
		question->body_observe = message->observe;
	}
	if (unit * message->block2.number != question->body_length ||
	    message->payload_length > SERVICE_MAX_MESSAGE_SIZE - question->body_length ||
	    (message->block2.more && (message->payload_length == 0 || message->payload_length % unit != 0))) {
		drop_body(question);
		return BLOCK_BROKEN;
	}
	question->body = service_realloc(question->body, question->body_length + message->payload_length + 1);
	if (message->payload_length > 0) {
		memcpy(question->body + question->body_length, message->payload, message->payload_length);
		question->body_length += message->payload_length;
	}
	if (message->block2.more) {
		ask_next_block(link, question, &message->block2, unit);
		return BLOCK_MORE;
	}
	return BLOCK_LAST;
}

/* RFC 7641 section 3.4: newer by serial numbers of 24 bits, or so late that these say nothing any more. */
static bool is_newer(const struct hub_question *question, unsigned number, uint64_t now_ms)
{
	unsigned ahead = (number - question->number) & NUMBER_MASK;

	return (ahead != 0 && ahead < NUMBER_HALF) || now_ms > question->number_ms + NUMBER_VALID_MS;
}

/* True for a notification that is older than one that came before it, or the same; else its number counts from now on. */
static bool is_stale(struct hub_question *question, const struct hub_message *message)
{
	uint64_t now_ms = service_now_ms();

	if (!question->observes || message->observe == SERVICE_ABSENT || message->code >> 5 != CODE_TWO) {
		return false;
	}
	if (question->is_answered && !is_newer(question, (unsigned)message->observe, now_ms)) {
		return true;
	}
	question->number = (unsigned)message->observe;
	question->number_ms = now_ms;
	return false;
}

static void deliver(struct hub_link *link, struct hub_question *question, const struct hub_answer *answer)
{
	if (!question->is_answered) {
		print_answer(link, question, answer->code);
	}
	if (question->observes && answer->code >> 5 == CODE_TWO && answer->observe != SERVICE_ABSENT) {
		question->is_answered = true;
		question->answered(link, question->context, question->href, answer);
		return;
	}
	finish(link, question, answer);
}

void hub_question_answer(struct hub_link *link, const struct hub_message *message)
{
	bool is_block = false;
	struct hub_question *question = question_of(link, message, &is_block);
	struct hub_answer answer = {.code = message->code,
	                            .content_format = message->content_format,
	                            .observe = message->observe,
	                            .etag = message->etag,
	                            .etag_length = message->etag_length,
	                            .payload = message->payload,
	                            .payload_length = message->payload_length};

	if (question == NULL) {
		if (link->session.was_signed_out && message->observe != SERVICE_ABSENT) {
			hub_link_close_in(link, 0, "notification after sign-out");
		}
		return;
	}
	if (question->stops) {
		/* Whatever has the token first, as at the real gateway: with Observe or without, or a notification that was on its way. */
		if (!is_block) {
			finish(link, question, &answer);
		}
		return;
	}
	if (!is_block && is_stale(question, message)) {
		return;
	}
	if (message->code == COAP_RESPONSE_CODE(231) && question->payload_sent < question->payload_length) {
		/* A wish for smaller blocks (RFC 7959 section 2.3). Those before stay sent: the next number counts them in the new size. */
		if (message->block1.is_present && message->block1.szx < question->payload_szx) {
			question->payload_szx = message->block1.szx;
		}
		send_question(link, question, NULL);
		return;
	}
	if (message->block2.is_present && (is_block || message->block2.more)) {
		switch (take_block(link, question, message)) {
		case BLOCK_MORE:
			return;
		case BLOCK_BROKEN:
			finish(link, question, NULL);
			return;
		case BLOCK_LAST:
			answer.payload = question->body;
			answer.payload_length = question->body_length;
			answer.content_format = question->body_format;
			answer.observe = question->body_observe;
			question->fetches_blocks = false;
			break;
		}
	}
	deliver(link, question, &answer);
}

/* True when an answer is waited for until a deadline: an observation that has its first has none until its end is asked for. */
static bool has_deadline(const struct hub_question *question)
{
	return question->deadline_ms != 0 && (question->stops || !question->is_answered);
}

/* The device has lost its chance. An observation that should end is over then, too: who waits for that is told, with no code. */
static void expire(struct hub_link *link, struct hub_question *question)
{
	static const struct hub_answer silence = {.content_format = SERVICE_ABSENT, .observe = SERVICE_ABSENT};

	finish(link, question, question->stops ? &silence : NULL);
}

uint64_t hub_question_run(struct hub_link *link, uint64_t now_ms)
{
	struct hub_question *question = link->questions;
	uint64_t next = UINT64_MAX;

	while (question != NULL) {
		struct hub_question *after = question->next;

		if (has_deadline(question) && question->deadline_ms <= now_ms) {
			expire(link, question);
			/* Who was told may have asked anew: the list is walked again. */
			after = link->questions;
		} else if (has_deadline(question) && question->deadline_ms < next) {
			next = question->deadline_ms;
		}
		question = after;
	}
	return next;
}

void hub_question_drop_all(struct hub_link *link)
{
	while (link->questions != NULL) {
		finish(link, link->questions, NULL);
	}
}
