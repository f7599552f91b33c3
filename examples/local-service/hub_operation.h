/* SPDX-License-Identifier: Apache-2.0 */
/* A device's requests to a gateway: which operation each is, when it is served, how it is answered, what an error does to the connection. */
#ifndef SERVICE_HUB_OPERATION_H
#define SERVICE_HUB_OPERATION_H

#include "hub_link.h"
#include "steps.h"

/* A request has come. */
void hub_operation_request(struct hub_link *link, struct hub_message *message);

/* Serves what is due; when next. */
uint64_t hub_operation_run(struct hub_link *link, uint64_t now_ms);

/* --- for the files of the operations: each is given its request and has to end it with one of these, at once or later --- */

/* tree NULL: no payload; it is deleted here. success is the code without a fault. */
void hub_operation_answer(struct hub_link *link, struct service_request *request, coap_pdu_code_t success, cJSON *tree);

/* An error, for most operations in the words "cannot handle WHAT: ..."; the connection ends or not as the real gateway has it. */
void hub_operation_refuse(struct hub_link *link, struct service_request *request, coap_pdu_code_t code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* It will never be answered; why is for the event. */
void hub_operation_ignore(struct hub_link *link, struct service_request *request, const char *why);

/* The body as a map, or NULL after a refusal: the request is gone then. */
cJSON *hub_operation_parse(struct hub_link *link, struct service_request *request);

/* True when the device is signed in and its token has not ended. */
bool hub_operation_is_in_session(const struct hub_link *link);

void hub_account_sign_up(struct hub_link *link, struct service_request *request);
void hub_account_sign_in(struct hub_link *link, struct service_request *request);
void hub_account_sign_out(struct hub_link *link, struct service_request *request);
void hub_account_refresh(struct hub_link *link, struct service_request *request);
void hub_account_sign_off(struct hub_link *link, struct service_request *request);
void hub_directory_publish(struct hub_link *link, struct service_request *request);
void hub_directory_unpublish(struct hub_link *link, struct service_request *request);
void hub_directory_read(struct hub_link *link, struct service_request *request);

#endif
