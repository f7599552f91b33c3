/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the client room share. One subject a file:
 *	client.c      the public calls
 *	events.c      states, events, failures on record
 *	wall.c        the time
 *	prepare.c     the stored state, the device id, the operational key, the plan of a run
 *	connection.c  endpoints, connecting, losing a connection
 *	asking.c      requests and answers
 *	commit.c      commit, handlers, reading what is committed
 *	policy.c      when to try again
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
void dps_client_set_state(struct dps_client *client, enum dps_state state);
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

/* client.c */
/* Something on this device failed, nothing was sent: the end, or another try later. */
void dps_client_failed_here(struct dps_client *client, dps_result cause);

/* wall.c */
bool dps_client_wall_ms(const struct dps_client *client, int64_t *unix_ms);
int64_t dps_client_wall_s(const struct dps_client *client); /* 0 when not known */
void dps_client_set_time(struct dps_client *client, int64_t unix_ms);

/* prepare.c */
dps_result dps_client_read_state(struct dps_client *client); /* reads the stored state */
/* Erases the operational keys, then the store; the store has been marked before. */
dps_result dps_client_erase(struct dps_client *client);
/* Decides what a run is for. */
void dps_client_plan(struct dps_client *client);
/* Device id and key; DPS_AGAIN while a key is being made. */
dps_result dps_client_prepare_identity(struct dps_client *client);
bool dps_client_is_provisioned(const struct dps_client *client);

/* connection.c */
void dps_client_connect(struct dps_client *client);
void dps_client_advance_connecting(struct dps_client *client);
void dps_client_close(struct dps_client *client);
/* The connection could not be made or broke: on record, then the next endpoint, a wait, or the end. text is the peer's; empty: the channel tells. */
void dps_client_connection_failed(struct dps_client *client, enum dps_step_id step, dps_result cause, struct dps_span text);
/* Nothing more can be done on this connection: go on when the next step is due. */
void dps_client_go_on(struct dps_client *client);
/* After the time became known: the dates of the verified path. False: they failed, and the connection is gone. */
bool dps_client_check_dates(struct dps_client *client);

/* asking.c */
void dps_client_advance_asking(struct dps_client *client, bool *busy);
/* When the next step that may be asked is due; UINT64_MAX: none. */
uint64_t dps_client_next_due(const struct dps_client *client);
/* On a connection: when something is to be done without anything having come or left; UINT64_MAX: never. */
uint64_t dps_client_next_event(const struct dps_client *client);

/* commit.c */
void dps_client_advance_committing(struct dps_client *client);
/* Stores what is to be known of the endpoints and the time in later runs, if it has changed. */
dps_result dps_client_remember(struct dps_client *client);
/* DPS_RECORD_BIT of the records that the application has no handler for. */
uint32_t dps_client_records_untold(const struct dps_client *client);
/* Tells the handlers what they have not confirmed yet. */
void dps_client_tell_handlers(struct dps_client *client);
/* Decides when a device that stays renews its identity. */
void dps_client_watch_renewal(struct dps_client *client);
/* Whether that time has come; if not, client->wake says when to look again. */
bool dps_client_renewal_due(struct dps_client *client);
/* What follows a commit, or the start of a provisioned device: what is remembered, clean-up, handlers. Its failures are warnings. */
void dps_client_after_commit(struct dps_client *client);

#endif
