/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a device with a gateway: TLS, messages in and out, pings, closing. What the messages mean is not known here but in
 * hub_operation.c (the device's requests) and hub_question.c (its answers). */
#ifndef SERVICE_HUB_LINK_H
#define SERVICE_HUB_LINK_H

#include "blocks.h"
#include "hub.h"
#include "hub_message.h"
#include "hub_tls.h"
#include "message.h"

struct hub_question;

/* What the device observes of itself for the hub, from sign-in to sign-out. */
struct hub_session {
	bool is_signed_in;
	double ends; /* seconds since 1970; infinite: never */
	char *owner;
	bool has_batch;      /* its /oic/res is observed */
	bool is_told;        /* sign-in was answered */
	bool was_signed_out; /* a notification from now on closes */
};

struct hub_link {
	struct hub_watch watch;
	struct hub_link *next;
	struct hub_gateway *gateway;
	struct hub *hub;
	long number;
	SSL *ssl;
	struct hub_tls_peer peer;
	bool is_open; /* the handshake is done */
	bool was_greeted;
	bool takes_blocks; /* its CSM offered Block-Wise-Transfer */
	uint8_t *in;
	size_t in_length;
	uint8_t *out;
	size_t out_length;
	bool wants_write;
	uint64_t begun_ms;
	uint64_t last_received_ms;
	double connected_at; /* seconds since 1970 */
	uint64_t look_at_ms; /* when silence is looked at next */
	bool waits_for_pong;
	uint64_t close_at_ms; /* 0: not to be closed */
	const char *close_reason;
	bool reset_on_close;
	bool has_failed; /* requests from now on are not answered */
	bool is_dead;    /* closed, to be freed by the loop */
	struct service_request *waiting;
	struct service_blocks blocks;
	uint8_t upload_token[SERVICE_TOKEN_SIZE]; /* of a request that comes in blocks */
	size_t upload_token_length;
	struct hub_question *questions;
	struct hub_session session;
	uint64_t expiry_at_ms; /* when the session's end is looked at next */
};

void hub_link_begin(struct hub_gateway *gateway, int file);
void hub_link_close_all(struct hub *hub, const char *reason);

/* Deals with all that is due, frees what was closed; when next. */
uint64_t hub_link_run_all(struct hub *hub, uint64_t now_ms);

/* Sends what it can at once and keeps the rest. */
void hub_link_send(struct hub_link *link, const struct service_message *message);
void hub_link_send_bytes(struct hub_link *link, const void *bytes, size_t length);

/* Marks it for closing by the loop, the earliest time and the first reason stay. */
void hub_link_close_in(struct hub_link *link, double seconds, const char *reason);

/* Wall-clock time in seconds since 1970, with its fraction: what tokens and sessions are measured by. */
double hub_now(void);

#endif
