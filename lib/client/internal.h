/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the client room share. One subject a file:
 *	client.c      the public calls
 *	machine.c     the table of states
 *	events.c      changes of state, events, failures on record
 *	status.c      what operators see
 *	wall.c        the time
 *	endpoints.c   the list of endpoints and pins, given, stored and changed
 *	prepare.c     the stored state, the device id, the operational key, the plan of a run
 *	connection.c  connecting, losing a connection, which endpoint is next
 *	asking.c      requests and answers
 *	commit.c      commit, handlers
 *	records.c     reading and replacing what is committed
 *	renewal.c     when the identity is renewed, and with which key
 *	policy.c      when to try again
 *	online.c      the source of a hub session
 *
 * A function that may end the run or change the state returns nothing; whoever calls it looks at client->state afterwards.
 */
#ifndef DPS_CLIENT_INTERNAL_H
#define DPS_CLIENT_INTERNAL_H

#include "dps/client.h"
#include "store/store.h"

/* A step's record: the steps that fill records stand in the order of the records. */
#define DPS_STEP_OF_RECORD(record) ((enum dps_step_id)((unsigned)(record) + (unsigned)DPS_STEP_OWNER))
#define DPS_STEPS_OF_RECORDS(mask) (((mask)&DPS_RECORDS_OF_STEPS) << (unsigned)DPS_STEP_OWNER)

/* Records that are answers of the service; the local one is the device's own. */
#define DPS_RECORDS_OF_STEPS (DPS_RECORD_ALL & ~DPS_RECORD_BIT(DPS_RECORD_LOCAL))

/* Records without which a device is not provisioned. Resources are optional: most services have none. */
#define DPS_RECORDS_REQUIRED (DPS_RECORDS_OF_STEPS & ~DPS_RECORD_BIT(DPS_RECORD_RESOURCES))

/* Texts for people, left out of builds without. */
#if DPS_CONFIG_TEXT
#define DPS_CLIENT_TEXT(text) (text)
#else
#define DPS_CLIENT_TEXT(text) ("")
#endif

/* events.c */
uint64_t dps_client_now(const struct dps_client *client);
uint32_t dps_client_since_connect(const struct dps_client *client); /* ms; 0: nothing was connected to in this run */
uint32_t dps_client_random(const struct dps_client *client);        /* for jitter: half-way when the port fails */
void dps_client_emit(struct dps_client *client, struct dps_event *event);
/* Goes where the table of states says. */
void dps_client_enter(struct dps_client *client, enum dps_why why);
/* Puts a failure on record; text is the peer's payload or a port's detail, not trusted. */
void dps_client_record(struct dps_client *client, enum dps_step_id step, dps_result cause, unsigned code, const uint8_t *text, size_t len);
void dps_client_warn(struct dps_client *client, enum dps_step_id step, dps_result cause, const char *text);
/* Terminal: the failure on record ends the run. */
void dps_client_fail(struct dps_client *client, bool deadline);
/* Terminal: provisioned (or renewed). */
void dps_client_succeed(struct dps_client *client, bool fresh);
/* Whether a failure of a class is tried again. A renewal always is: a device must not lose its identity for having given up. */
bool dps_client_retries(const struct dps_client *client, dps_class klass);
/* A failure that is on record will be tried again. */
void dps_client_emit_retry(struct dps_client *client, uint32_t retry_ms);

/* status.c */
/* Tells the status if it is another one. */
void dps_client_note_status(struct dps_client *client, enum dps_why why);
/* The error number of a failure; from now on the status is that of a failure, until something is asked. */
void dps_client_note_error(struct dps_client *client, enum dps_step_id step, dps_result cause, unsigned code);
/* A step is done: the error that it mends goes. */
void dps_client_forget_error(struct dps_client *client, enum dps_step_id done);

/* client.c */
/* Something on this device failed, nothing was sent: the end, or another try later. */
void dps_client_failed_here(struct dps_client *client, dps_result cause);

/* wall.c */
bool dps_client_wall_ms(const struct dps_client *client, int64_t *unix_ms);
int64_t dps_client_wall_s(const struct dps_client *client); /* 0 when not known */
void dps_client_set_time(struct dps_client *client, int64_t unix_ms);
/* Sets the platform's clock, if it wants to be set and nobody vouches for it. */
void dps_client_hand_on_time(struct dps_client *client);
/* Warns, once, of a platform that vouches for a time that cannot be. */
void dps_client_look_at_clock(struct dps_client *client);
/* Unix ms that have passed for certain: the floor, and what the monotonic clock has counted since. 0: there is no floor. */
int64_t dps_client_passed_ms(const struct dps_client *client);
/*
 * A time that a hub tells, whose certificate is in date by it. It makes a renewal due, which asks the service; nothing that the service is judged by, and no
 * floor, comes of it.
 */
void dps_client_hear_time(struct dps_client *client, int64_t unix_ms);
/* The wall clock, else what was heard, else what has passed. */
int64_t dps_client_best_wall_ms(const struct dps_client *client);
/* Stores a later floor if time has moved far enough. */
dps_result dps_client_raise_floor(struct dps_client *client);
/* The same, now and then, in states that may last: for years nothing else may happen. */
void dps_client_watch_floor(struct dps_client *client);
/* Whether the wall clock was set since the dates were judged. */
bool dps_client_time_jumped(const struct dps_client *client);

/* endpoints.c */
/* Reads the stored list, or takes note of how it differs from the one given. *known: nothing is stored, or one of the hosts
 * given is. */
dps_result dps_client_load_endpoints(struct dps_client *client, bool *known);
dps_result dps_client_write_endpoints(struct dps_client *client);
/* Goes to where an answer sends the device: that endpoint is selected. False: not a URI. */
bool dps_client_redirect(struct dps_client *client, struct dps_span to);

/* prepare.c */
/* Reads the stored state. tidy: ends a factory reset that was cut short, and discards what is staged and of no use; without, nothing is written. */
dps_result dps_client_read_state(struct dps_client *client, bool tidy);
/* Erases the operational keys, then the store; the store has been marked before. */
dps_result dps_client_erase(struct dps_client *client);
/* Ends a factory reset that the power cut short, keys included, before anything is written. */
dps_result dps_client_end_reset(struct dps_client *client);
/* Whether the service tells the time. Where it does not, and no clock does, no date can be judged. */
bool dps_client_can_ask_time(const struct dps_client *client);
/* Decides what a run is for. */
void dps_client_plan(struct dps_client *client);
/* Device id and key; DPS_AGAIN while a key is being made. */
dps_result dps_client_prepare_identity(struct dps_client *client);
/*
 * Whether the medium can take the credentials that a run is for, where others are in force: a service that has signed may have revoked those, so it is not asked
 * before.
 */
dps_result dps_client_make_room(struct dps_client *client);
bool dps_client_is_provisioned(const struct dps_client *client);

/* connection.c */
void dps_client_connect(struct dps_client *client);
void dps_client_advance_connecting(struct dps_client *client);
void dps_client_close(struct dps_client *client);
/* The connection could not be made or broke: on record, then the next endpoint, a wait, or the end. text is the peer's; empty: the channel tells. */
void dps_client_connection_failed(struct dps_client *client, enum dps_step_id step, dps_result cause, struct dps_span text);
/* Nothing more can be done on this connection: go on when the next step is due. */
void dps_client_go_on(struct dps_client *client);
/* The dates of the verified path, whenever the time became known or was set. False: they failed, and the connection is gone. */
bool dps_client_check_dates(struct dps_client *client);
/*
 * When a failure is tried again, ms from now: by the policy and the application. Whatever it is, the next attempt's time-out goes where step says. failures is
 * the count that the schedule goes by.
 */
uint32_t dps_client_schedule(struct dps_client *client, enum dps_step_id step, dps_result cause, uint32_t failures);
/*
 * The present endpoint failed; reached: but there was a connection. True: one is left that has not failed in this round, and the next connection goes to
 * it.
 */
bool dps_client_move_on(struct dps_client *client, bool reached);

/* asking.c */
void dps_client_advance_asking(struct dps_client *client, bool *busy);
/*
 * Whether all that is wanted is staged. An identity that was signed early may have ended while other answers were waited for: then it has failed, and is asked
 * for again. To be called when no answer is waited for but those still wanted.
 */
bool dps_client_has_all(struct dps_client *client);
/* When the next step that may be asked is due; UINT64_MAX: none. */
uint64_t dps_client_next_due(const struct dps_client *client);
/* How long a step's request may take. */
uint32_t dps_client_request_timeout(const struct dps_client *client, enum dps_step_id id);
/* On a connection: when something is to be done without anything having come or left; UINT64_MAX: never. */
uint64_t dps_client_next_event(const struct dps_client *client);

/* commit.c */
void dps_client_advance_committing(struct dps_client *client);
/* Stores what is to be known of the endpoints and the time in later runs, if it has changed. */
dps_result dps_client_remember(struct dps_client *client);
/* Whether another owner is staged than the one committed. DPS_E_STORAGE*: that cannot be told. */
dps_result dps_client_owner_changes(struct dps_client *client, bool *changes);
/* DPS_RECORD_BIT of the records that the application has no handler for. */
uint32_t dps_client_records_untold(const struct dps_client *client);
/* Tells the handlers what they have not confirmed yet. */
void dps_client_tell_handlers(struct dps_client *client);
/* What follows a commit, or the start of a provisioned device: what is remembered, clean-up, handlers. Its failures are warnings. */
void dps_client_after_commit(struct dps_client *client);

/* renewal.c */
/* Decides when a device that stays renews its identity. */
void dps_client_watch_renewal(struct dps_client *client);
/* Whether that time has come; if not, client->wake says when to look again. */
bool dps_client_renewal_due(struct dps_client *client);
/* Whether the identity in force has ended, by a clock that is known; as of dps_client_watch_renewal(). */
bool dps_client_has_expired(const struct dps_client *client);
/* The same of the identity that is staged, if one is. Uses the body area. */
bool dps_client_staged_has_expired(struct dps_client *client);
/* Tells the application, once, that the one in force has. */
void dps_client_tell_expiry(struct dps_client *client);
/* The slots of operational keys, NULL behind the last one; and the other one of the two. */
const char *dps_client_slot(size_t index);
const char *dps_client_other_slot(const char *slot);
/* Which gateway a run asks the service for. */
void dps_client_choose_gateway(struct dps_client *client);
/* Which key a run's CSR is for. */
void dps_client_choose_key(struct dps_client *client);
/* Whether a refusal was one of a new key: then the present one is asked for at once. */
bool dps_client_keep_key(struct dps_client *client, enum dps_step_id id, dps_result cause);
/* After a commit: the former key goes, and the device's record names the present one. */
dps_result dps_client_settle_key(struct dps_client *client);

#endif
