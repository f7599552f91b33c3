/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the hub session share. One subject a file:
 *	hub.c         the public calls, orders, what is to be done when
 *	report.c      states and events
 *	record.c      what is committed: reading it, changing it
 *	connection.c  gateways, connecting, losing a connection, falling back to provisioning
 *	session.c     which request when, answers, the keep-alive
 *	account.c     bodies of account requests, and what their answers hold
 *	directory.c   publish and unpublish
 *	policy.c      decisions as tables
 *
 * A function that may change the state returns nothing; whoever calls it looks at hub->state afterwards. Private to the room.
 */
#ifndef DPS_HUB_INTERNAL_H
#define DPS_HUB_INTERNAL_H

#include "coap/coap.h"
#include "dps/hub.h"
#include "dps/service.h"

#define DPS_HUB_BIT(op) (1u << (unsigned)(op))

/* Seconds are cut to this: times of them in ms and Unix seconds added to it stay in range. 136 years. */
#define DPS_HUB_SECONDS_MAX INT64_C(0xffffffff)

/* An expiry that never comes, or was not told. */
#define DPS_HUB_NEVER INT64_C(-1)

/* A request is written with this: the transport hands the first member back. */
struct dps_hub_env {
	struct dps_step_env step;
	const struct dps_hub *hub;
	bool login; /* of a session request */
};

/* report.c */
uint64_t dps_hub_now(const struct dps_hub *hub);
int64_t dps_hub_wall_s(const struct dps_hub *hub);  /* 0 when not known */
uint32_t dps_hub_random(const struct dps_hub *hub); /* for jitter: half-way when the port fails */
void dps_hub_emit(struct dps_hub *hub, struct dps_hub_event *event);
void dps_hub_set_state(struct dps_hub *hub, enum dps_hub_state state);
/* text is the peer's or a port's, not trusted: it is made printable, and left out if a token is in it. */
void dps_hub_emit_failure(struct dps_hub *hub, enum dps_hub_event_type type, dps_result cause, unsigned code, struct dps_span text,
                          uint32_t in_ms);
void dps_hub_warn(struct dps_hub *hub, dps_result cause, const char *text);

/* record.c */
/* Reads credentials and cloud record; nothing of what was read before is valid then, whatever the result. */
dps_result dps_hub_load(struct dps_hub *hub);
void dps_hub_forget(struct dps_hub *hub);
/* Commits a changed record, whose views may go into the present one and the receive buffer, and reads it back. */
dps_result dps_hub_commit(struct dps_hub *hub, const struct dps_cloud *changed);
/* Reads the records again: whether all that a session uses is as it was. If not, or if it fails, the connection is not to be used any more. */
bool dps_hub_is_current(struct dps_hub *hub);
/* The token to sign in with. */
struct dps_span dps_hub_access_token(const struct dps_hub *hub);

/* connection.c */
void dps_hub_connect(struct dps_hub *hub);
void dps_hub_advance_connecting(struct dps_hub *hub);
/* Whether the record that is loaded begins with another hub than that. */
bool dps_hub_is_another(const struct dps_hub *hub, const struct dps_uuid *former);
/* Ends a connection, if there is one. */
void dps_hub_close(struct dps_hub *hub);
/* It could not be made, or broke: on to the next gateway, after a wait if all had their turn. text: the peer's; empty: the channel's. */
void dps_hub_connection_failed(struct dps_hub *hub, dps_result cause, unsigned code, struct dps_span text);
/* This gateway works, and said no: connects again at once. */
void dps_hub_connect_again(struct dps_hub *hub);
/* The dates of the gateway's certificates, by the time that is known now. False: they failed, and the connection is gone. */
bool dps_hub_check_dates(struct dps_hub *hub);
/* Nothing but provisioning can help: asks for it, now or when it may be, and waits. */
void dps_hub_need_provisioning(struct dps_hub *hub);
/* Ends everything. */
void dps_hub_end(struct dps_hub *hub);

/* hub.c */
/* There are other records: what was tried with the old ones does not count. */
void dps_hub_begin_anew(struct dps_hub *hub);

/* session.c */
dps_result dps_hub_init_coap(struct dps_hub *hub);
/* What the next account request is chosen by: enum dps_hub_fact of policy.h. */
unsigned dps_hub_facts(const struct dps_hub *hub);
/* Whether a request brings tokens that could not be kept now. */
bool dps_hub_must_wait(const struct dps_hub *hub, enum dps_hub_op op);
void dps_hub_begin_session(struct dps_hub *hub);
/* Stops, with a good-bye where there is to be one. */
void dps_hub_leave(struct dps_hub *hub);
/* Signs off from a hub that is not the device's any more, and begins anew with another. */
void dps_hub_depart(struct dps_hub *hub);
/* The connection ended, or must be given up. While leaving that is the end, too. */
void dps_hub_lost(struct dps_hub *hub, dps_result cause, struct dps_span text);
/* The hub has forgotten the device, or never knew it: erases the tokens, tells it and ends. */
void dps_hub_sign_off_done(struct dps_hub *hub, unsigned code);
void dps_hub_advance_session(struct dps_hub *hub, bool *busy);
/* When something is to be done without anything having come or left. */
uint64_t dps_hub_next_event(const struct dps_hub *hub);

/* account.c */
dps_result dps_hub_build_account(struct dps_hub *hub, enum dps_hub_op op, struct dps_request *request);
/* Tokens of a sign-up or refresh: judged and committed. *left_s: how long they live, or DPS_HUB_NEVER. *moved: the gateway is another one now. */
dps_result dps_hub_take_tokens(struct dps_hub *hub, enum dps_hub_op op, struct dps_span payload, int64_t *left_s, bool *moved);
/* The answer to a sign-in. */
dps_result dps_hub_read_session(struct dps_span payload, int64_t *left_s);
/* The answer to a question for the time: Unix ms. */
dps_result dps_hub_read_time(struct dps_span payload, int64_t *unix_ms);
/* After a sign-off: the record without what the hub gave. */
dps_result dps_hub_erase_tokens(struct dps_hub *hub);

/* directory.c */
/* DPS_E_NOT_FOUND: there is nothing to publish. */
dps_result dps_hub_build_directory(struct dps_hub *hub, enum dps_hub_op op, struct dps_request *request);
/* Tells the application the numbers of its links. */
dps_result dps_hub_take_links(struct dps_hub *hub, struct dps_span payload);

#endif
