/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the device: the few options that the service sends, handed to libcoap or, for a cut message, encoded by hand. */
#ifndef SERVICE_MESSAGE_H
#define SERVICE_MESSAGE_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "request.h"

/* As many pieces of a path and of a query as a message takes; more are left out. */
#define SERVICE_MAX_SEGMENTS 16u
#define SERVICE_MAX_QUERIES  16u

struct service_message {
	coap_pdu_code_t code;
	uint8_t token[SERVICE_TOKEN_SIZE];
	size_t token_length;
	int content_format; /* SERVICE_ABSENT: none */
	struct service_block block1;
	struct service_block block2;
	bool has_size2;
	uint32_t size2;
	bool has_critical_option; /* one that nobody knows */
	const char *path[2];      /* of a request, NULL-filled */
	const char *href;         /* instead of path: "/a/b" of any length */
	const char *query[SERVICE_MAX_QUERIES];
	bool has_observe;
	unsigned observe;
	const uint8_t *etag; /* NULL: none */
	size_t etag_length;
	bool has_size1;
	uint32_t size1;
	const uint8_t *payload;
	size_t payload_length;
};

/* False when libcoap does not take it: the connection is no more. */
bool service_message_send(coap_session_t *session, const struct service_message *message);

/* Its bytes as they go into TLS (RFC 8323 section 3.2); the caller frees them. */
uint8_t *service_message_encode(const struct service_message *message, size_t *length);

#endif
