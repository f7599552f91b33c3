/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a client tells while it works: typed events, and the report of a run. Nothing in them is a secret.
 */
#ifndef DPS_EVENT_H
#define DPS_EVENT_H

#include "dps/channel.h"
#include "dps/config.h"
#include "dps/records.h"
#include "dps/status.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where a client is in its life. */
enum dps_state {
	DPS_STATE_IDLE,       /**< not started, stopped, or ended */
	DPS_STATE_CONNECTING, /**< name resolution, TCP, TLS */
	DPS_STATE_ASKING,     /**< requests are on their way */
	DPS_STATE_WAITING,    /**< between attempts */
	DPS_STATE_COMMITTING, /**< committing, telling the handlers */
	DPS_STATE_PROVISIONED /**< done; stays here to renew when told to stay */
};

/** The lower-case name of a state. Static memory. */
DPS_API const char *dps_state_name(enum dps_state state);

/** What makes a client change its state. docs/lifetime.md has the table of states and these. */
enum dps_why {
	DPS_WHY_START,             /**< dps_client_start(): there is something to ask for */
	DPS_WHY_STAGED,            /**< all answers were staged before the last restart */
	DPS_WHY_ALREADY,           /**< dps_client_start(): the device is provisioned, nothing is to be done, and it stays */
	DPS_WHY_ALREADY_ENDS,      /**< the same of a device that does not stay */
	DPS_WHY_CONNECT,           /**< the wait is over, id and key are there */
	DPS_WHY_CONNECTED,         /**< the connection stands and the peer is verified */
	DPS_WHY_CONNECTION_FAILED, /**< it could not be made, or broke; another try follows */
	DPS_WHY_LATER,             /**< nothing more can be asked on this connection */
	DPS_WHY_ANSWERED,          /**< every answer is staged */
	DPS_WHY_COMMITTED,         /**< all is in force, and the device stays */
	DPS_WHY_COMMITTED_ENDS,    /**< the same of a device that does not stay */
	DPS_WHY_LOCAL_FAILURE,     /**< something on this device failed; another try follows */
	DPS_WHY_RENEWAL_DUE,       /**< the identity is to be renewed */
	DPS_WHY_RECONFIGURED,      /**< dps_client_configure() while the identity was being renewed: the renewal begins again, there */
	DPS_WHY_FAILED,            /**< a failure that is not tried again */
	DPS_WHY_DEADLINE,          /**< the deadline of the run passed */
	DPS_WHY_CANCEL,            /**< dps_client_cancel() */
	DPS_WHY_STOP,              /**< dps_client_stop(), factory reset, deinit */
	DPS_WHY_ASKED,             /**< no change of state: requests have left */
	DPS_WHY_STEP_DONE,         /**< no change of state: a step is done */
	DPS_WHY_STEP_FAILED,       /**< no change of state: a step failed */
	DPS_WHY_COUNT
};

/** The lower-case name of a reason, e.g. "connection-failed"; "" without DPS_CONFIG_NAMES. Static memory. */
DPS_API const char *dps_why_name(enum dps_why why);

/** A failure as it is reported: everything that is known. */
struct dps_failure {
	enum dps_step_id step;
	dps_result cause;
	unsigned code;                         /**< the peer's, e.g. 403 for CoAP 4.03; 0: none */
	uint32_t attempt;                      /**< 1 for the first failure of this step in this run */
	char text[DPS_CONFIG_DIAGNOSTIC_SIZE]; /**< the peer's diagnostic payload or the port's detail; printable ASCII, NUL-terminated */
};

/** Event types. Each start ends in exactly one of PROVISIONED, FAILED or CANCELLED. */
enum dps_event_type {
	DPS_EVENT_STATE,       /**< state changed */
	DPS_EVENT_STATUS,      /**< what operators see changed */
	DPS_EVENT_CONNECTED,   /**< a connection stands, the peer is verified (dates too, if the time is known) */
	DPS_EVENT_STEP,        /**< a step is done */
	DPS_EVENT_FAILURE,     /**< something failed and will be tried again: see retry_ms */
	DPS_EVENT_WARNING,     /**< something is odd but harmless: cause and text tell */
	DPS_EVENT_COMMITTED,   /**< the new state is durable */
	DPS_EVENT_PROVISIONED, /**< terminal: the device is provisioned (freshly, or was before and nothing was sent) */
	DPS_EVENT_RENEWED,     /**< the identity was renewed; of a start with DPS_START_RENEW the terminal event follows */
	DPS_EVENT_FAILED,      /**< terminal: the run failed */
	DPS_EVENT_CANCELLED    /**< terminal: dps_client_cancel() */
};

/** An event. Valid during the call. */
struct dps_event {
	enum dps_event_type type;
	uint32_t at_ms;                    /**< since start */
	enum dps_why why;                  /**< STATE, STATUS: what made it change */
	enum dps_state state, previous;    /**< STATE: the new one and the one before */
	enum dps_status status;            /**< STATUS: the new one ... */
	enum dps_status previous_status;   /**< ... and the one before */
	enum dps_step_id step;             /**< STEP */
	const struct dps_failure *failure; /**< FAILURE, WARNING, FAILED */
	uint32_t retry_ms;                 /**< FAILURE: the next attempt is that far away */
	const char *endpoint;              /**< CONNECTED, FAILURE: URI */
	bool deadline;                     /**< FAILED: the deadline ended the run; failure is the last one before it */
	bool absent;                       /**< STEP: the service has nothing of the kind */
	bool fresh;                        /**< PROVISIONED: provisioned in this run; false: was before */
	uint32_t records;                  /**< COMMITTED: bit n is set if record n (enum dps_record) is another one now */
	bool owner_changed; /**< COMMITTED: another owner: end what sessions the former one may have; local credentials and entries are gone */
};

/** Figures of a run, from start to its terminal event. */
struct dps_report {
	struct dps_channel_stats channel;  /**< of this run */
	uint32_t requests;                 /**< sent, the second lead request included */
	uint32_t connections;              /**< tried */
	uint32_t answers_dropped;          /**< to tokens never asked for */
	uint32_t peer_requests;            /**< the peer's own requests and pings that were served */
	uint32_t peer_dropped;             /**< and that were dropped because the send buffer was full */
	uint32_t elapsed_ms;               /**< from the first connect to the terminal event */
	uint32_t step_ms[DPS_STEP_COUNT];  /**< from the first connect to the end of each step; 0: not done in this run */
	uint32_t attempts[DPS_STEP_COUNT]; /**< failures counted against each step */
};

#ifdef __cplusplus
}
#endif
#endif
