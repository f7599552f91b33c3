/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's requests to a device and what comes of them: tokens, time-outs, observations, blocks both ways. */
#ifndef SERVICE_HUB_QUESTION_H
#define SERVICE_HUB_QUESTION_H

#include "hub_link.h"

struct hub_answer {
	unsigned code; /* as on the wire */
	int content_format;
	int observe; /* SERVICE_ABSENT: none */
	const uint8_t *etag;
	size_t etag_length;
	const uint8_t *payload; /* put together, when it came in blocks */
	size_t payload_length;
};

/* answer NULL: there will be none, the connection ended or the time is over. An observation's is called again for every notification. It may close
 * the connection (by mark) and ask further questions. */
typedef void (*hub_answered)(struct hub_link *link, void *context, const char *href, const struct hub_answer *answer);

struct hub_ask {
	coap_pdu_code_t method;
	const char *href;
	const char *query; /* "a=b&c=d" or NULL */
	bool observes;
	const uint8_t *etag; /* NULL: none */
	size_t etag_length;
	const uint8_t *payload; /* OCF CBOR; NULL: none */
	size_t payload_length;
	double timeout; /* seconds; 0: none */
	hub_answered answered;
	void *context;
};

void hub_question_ask(struct hub_link *link, const struct hub_ask *ask);

/* Ends all observations: asks the device with Observe 1 and says in answered, once for each, what it answered; code 0 when it said nothing for as
 * long as a command waits. Gives how many there are. What was not answered yet ends at once. */
size_t hub_question_stop_observing(struct hub_link *link, hub_answered answered, void *context);

/* True when this href is observed, or asked to be. */
bool hub_question_observes(const struct hub_link *link, const char *href);

/* A response has come. */
void hub_question_answer(struct hub_link *link, const struct hub_message *message);

/* Ends what has timed out; when next. */
uint64_t hub_question_run(struct hub_link *link, uint64_t now_ms);

/* The connection ends: nothing will be answered. */
void hub_question_drop_all(struct hub_link *link);

/* "2.05" */
#define HUB_CODE_TEXT_SIZE 8u
const char *hub_code_text(unsigned code, char text[HUB_CODE_TEXT_SIZE]);

#endif
