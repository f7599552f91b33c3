/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from a device on a gateway's connection: CoAP over TCP taken apart (RFC 8323 section 3.2, RFC 7252 section 3.1), every length checked. */
#ifndef SERVICE_HUB_MESSAGE_H
#define SERVICE_HUB_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "request.h"

#define HUB_ETAG_MAX 8u /* RFC 7252 section 5.10.6 */

struct hub_message {
	unsigned code; /* as on the wire */
	uint8_t token[SERVICE_TOKEN_SIZE];
	size_t token_length;
	char *path;  /* "" or "/a/b"; a segment with a zero byte ends there */
	char *query; /* "" or "a=b&c=d" */
	int content_format;
	int accept; /* as in struct service_request */
	int observe;
	uint8_t etag[HUB_ETAG_MAX];
	size_t etag_length; /* 0: none */
	struct service_block block1;
	struct service_block block2;
	bool offers_blocks;     /* Block-Wise-Transfer of a CSM (RFC 8323 section 5.3.2) */
	const uint8_t *payload; /* within the bytes that were parsed */
	size_t payload_length;
};

enum hub_parsed { HUB_PARSED_PART, HUB_PARSED_WHOLE, HUB_PARSED_BROKEN };

/* Whole: the message, to be freed, and how many bytes it took. Broken: no message can begin like this, or it is larger than the gateway takes. */
enum hub_parsed hub_message_parse(const uint8_t *bytes, size_t length, struct hub_message *message, size_t *taken);
void hub_message_free(struct hub_message *message);

/* A request of its own out of a message; path and query move there. */
struct service_request *hub_message_take_request(struct hub_message *message);

/* The values of "name=" in a query one after the other: true for each, in memory to be freed; *at begins at 0. */
bool hub_query_next(const char *query, const char *name, size_t *at, char **value);

#endif
