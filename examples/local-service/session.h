/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a device, from accept to close. libcoap says when it begins and ends; in between it is found by the session's application
 * data. Closing is only ever marked here and done by the loop: inside libcoap's callbacks it would use freed memory. */
#ifndef SERVICE_SESSION_H
#define SERVICE_SESSION_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stdint.h>

#include "blocks.h"
#include "outflow.h"
#include "request.h"
#include "service.h"

struct service_session {
	struct service_session *next;
	struct service *service;
	coap_session_t *coap;
	long number;
	char *peer; /* subject of its certificate; NULL until the handshake is done */
	int verify_error;
	bool was_asked;    /* the service's own request was sent ... */
	bool has_answered; /* ... and answered */
	uint8_t device_token[SERVICE_TOKEN_SIZE];
	bool has_failed; /* an error was answered: requests from now on are not */
	uint64_t last_received_ms;
	uint64_t close_at_ms; /* 0: not to be closed */
	const char *close_reason;
	bool reset_on_close; /* with RST and without TLS's good-bye */
	bool is_closed;
	struct service_request *waiting;  /* for the device's answer or for their time */
	struct service_request *deferred; /* not looked at yet: until what flows out has gone */
	struct service_outflow outflow;
	bool has_answered_any;
	uint8_t answered_token[SERVICE_TOKEN_SIZE]; /* of the request that was answered last */
	size_t answered_token_length;
	struct service_blocks blocks;
};

void service_session_begin(struct service *service, coap_session_t *coap);
void service_session_end(coap_session_t *coap);
struct service_session *service_session_of(coap_session_t *coap);

/* The TLS handshake is done. */
void service_session_connected(struct service_session *session);

/* Something came in: the clock of inactivity starts anew. */
void service_session_touch(struct service_session *session);

/* Marks it for closing by the loop; the first reason stays. */
void service_session_close_at(struct service_session *session, uint64_t when_ms, const char *reason);

/* Closes it if it is time, else gives when that will be. Not to be called inside libcoap's callbacks. */
uint64_t service_session_run(struct service_session *session, uint64_t now_ms);

#endif
