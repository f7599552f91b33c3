/* SPDX-License-Identifier: Apache-2.0 */
/* A request taken out of libcoap's message, so that it can be held, delayed and put together from blocks. */
#ifndef SERVICE_REQUEST_H
#define SERVICE_REQUEST_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faults.h"

#define SERVICE_TOKEN_SIZE 8u
#define SERVICE_ABSENT     (-1)

struct service_block {
	bool is_present;
	bool more;
	unsigned number;
	unsigned szx;
};

struct service_request {
	struct service_request *next;
	coap_pdu_code_t method;
	char *path;  /* "/a/b" */
	char *query; /* "a=b&c=d"; NULL where nobody looks at it */
	uint8_t token[SERVICE_TOKEN_SIZE];
	size_t token_length;
	int accept; /* SERVICE_ABSENT or the option's value; so too the next */
	int content_format;
	struct service_block block1;
	struct service_block block2;
	char *di; /* what a refresh says who asks; NULL: not known */
	uint8_t *body;
	size_t body_length;
	/* what is to become of it */
	enum service_step step;
	long count; /* this is the how manieth request of its step */
	struct service_fault *fault;
	long connection;
	bool waits_for_device; /* the first of its connection: until the device has answered */
	bool waits_for_ever;
	uint64_t due_ms;
	coap_pdu_code_t answer; /* the code it was answered with */
};

struct service_request *service_request_take(const coap_pdu_t *pdu);
void service_request_free(struct service_request *request);

/* GET, POST ...: as in the texts of the public service. */
const char *service_request_method_name(coap_pdu_code_t method);

#endif
