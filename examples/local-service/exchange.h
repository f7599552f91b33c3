/* SPDX-License-Identifier: Apache-2.0 */
/* What happens on a connection between a request and its answer: the service's own request to the device, holding, delays, faults, and what
 * an error answer does to the connection. */
#ifndef SERVICE_EXCHANGE_H
#define SERVICE_EXCHANGE_H

#include "session.h"

/* A request has come; takes it over. */
void service_exchange_request(struct service_session *session, struct service_request *request);

/* The device has answered something. */
void service_exchange_response(struct service_session *session, const coap_pdu_t *response);

/* A ping has come. libcoap's own pong, sent after this, lacks the token that RFC 8323 section 5.4 wants back: a true one goes before it. */
void service_exchange_ping(struct service_session *session, const coap_pdu_t *ping);

/* Answers what was held and may go now; gives when the next one may (UINT64_MAX: none by time alone). */
uint64_t service_exchange_run(struct service_session *session, uint64_t now_ms);

#endif
