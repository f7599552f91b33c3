/* SPDX-License-Identifier: Apache-2.0 */
/* CoAP in the clear over UDP, to one or to all: small requests, and whatever answers. RFC 7252; sockets of its own, for multicast on each interface. */
#ifndef ONBOARD_PLAIN_H
#define ONBOARD_PLAIN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define PLAIN_BODY_SIZE 1280

struct plain_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at;
	socklen_t size;
};

struct plain_answer {
	struct plain_address from;
	unsigned code;    /* as people write it: 205 */
	unsigned max_age; /* seconds; 60 when it is not told (RFC 7252 section 5.10.5) */
	const uint8_t *payload;
	size_t payload_len;
};

/* A GET: path of two segments, and a query or NULL. */
struct plain_request {
	const char *path[2];
	const char *query;
};

/* Reads "HOST:PORT", an IPv6 address in brackets. False: it is none, or the name is not known. */
bool plain_resolve(const char *text, struct plain_address *address);

/* The port of an address. */
uint16_t plain_port(const struct plain_address *address);
void plain_set_port(struct plain_address *address, uint16_t port);

/* "192.0.2.1:5684", "[2001:db8::1]:5684"; with the interface of a link-local address. */
#define PLAIN_TEXT_SIZE 96
void plain_format(const struct plain_address *address, char text[PLAIN_TEXT_SIZE]);

bool plain_same(const struct plain_address *a, const struct plain_address *b);

/* Where to ask. */
struct plain_where {
	const struct plain_address *addresses; /* these, or */
	size_t count;                          /* 0: everybody, */
	const char *const *interfaces;         /* on these, or */
	size_t interface_count;                /* 0: on all */
};

/*
 * Asks, and again while there is time, and hands over each answer, until `on_answer` says true (enough) or the time is over. Returns whether it was enough;
 * *sent (may be NULL) tells whether any request could be sent at all.
 */
bool plain_ask(const struct plain_where *where, const struct plain_request *request, uint32_t timeout_ms,
               bool (*on_answer)(void *user, const struct plain_answer *answer), void *user, bool *sent);

#endif
