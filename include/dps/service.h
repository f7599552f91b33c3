/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How a provisioning service is told to the engine: a table of steps and a transport. `dps/plgd.h` is the first; EST and Azure DPS are
 * further tables and an HTTP transport. Who adds a service reads this; who uses one only hands the object to dps_client_init().
 *
 * A step knows how to ask and how to read the answer. It knows nothing of time-outs, retries, sockets or other steps. A transport carries
 * requests over an established channel and knows nothing of steps.
 */
#ifndef DPS_SERVICE_H
#define DPS_SERVICE_H

#include "dps/channel.h"
#include "dps/keys.h"
#include "dps/platform.h"
#include "dps/records.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct dps_store;
struct dps_report;

/** What a step is lent while it builds a request or reads an answer. */
struct dps_step_env {
	struct dps_store *store; /**< where accepted answers are staged */
	const struct dps_keys *keys;
	const char *key_slot; /**< of the operational key */
	struct dps_uuid device_id;
	int64_t now_s;                      /**< wall clock, Unix seconds; 0 when it is not known */
	const struct dps_gateway *selected; /**< the gateway a device goes on with when it provisions again, or NULL */
};

/** Methods. */
enum dps_method { DPS_GET, DPS_POST, DPS_DELETE };

/** A request as a step wants it; the transport makes messages of it. */
struct dps_request {
	enum dps_method method;
	const char *path; /**< absolute, e.g. "/api/v1/provisioning/acls"; static memory */
	/**
	 * NULL, or what stands behind the "?" of the URI: parts of at most 255 bytes with "&" between them, each an Uri-Query option. Borrowed until the
	 * request is answered or forgotten. A longer part is DPS_E_TOO_LARGE. With DPS_CONFIG_HUB only.
	 */
	const char *query;
	bool large_answer; /**< the answer may need blocks: with a small receive buffer one such request runs at a time */
	size_t body_limit; /**< room the body may take at most; 0: no body */
	/**
	 * Writes the body into buf (size is at least body_limit) and says how many bytes it took. Called once, when there is room to send;
	 * NULL: no body.
	 */
	dps_result (*write_body)(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len);
};

/** A peer's answer, or why there is none. */
struct dps_answer {
	unsigned handle;   /**< of the request */
	dps_result result; /**< DPS_OK for success codes; else the class the transport gives to code, or a failure of the exchange */
	unsigned code;     /**< the peer's code as people write it: CoAP 4.03 is 403, HTTP 503 is 503; 0: none was received */
	uint8_t *payload;  /**< the transport's memory, may be changed in place, valid until its next poll */
	size_t payload_len;
};

/** What a step made of an answer. */
struct dps_verdict {
	enum {
		DPS_VERDICT_DONE,    /**< staged, or nothing to stage */
		DPS_VERDICT_AFTER,   /**< ask again after `after_ms` */
		DPS_VERDICT_REDIRECT /**< start over at the endpoint `redirect` */
	} kind;
	uint32_t after_ms;
	struct dps_span redirect; /**< URI text within the answer's payload */
	int64_t time_ms;          /**< the time step: Unix milliseconds as the service said; else 0 */
	bool absent;              /**< the service has nothing of the kind (resources: 4.04) */
};

/** Properties of a step. */
enum {
	DPS_STEP_IS_TIME = 1, /**< yields the time; sent first; its request may serve as the lead request */
	DPS_STEP_OPTIONAL = 2 /**< "not found" means "none configured"; not asked again of an endpoint known to have none, unless forced */
};

/** A step. */
struct dps_step {
	enum dps_step_id id;
	unsigned flags;
	uint32_t needs; /**< DPS_STEP_BIT of steps that must be done before this one is asked */
	dps_result (*build)(const struct dps_step_env *env, struct dps_request *request);
	/** Called for answers with result DPS_OK, and for optional steps with code 404 too. Anything but DPS_OK is the step's failure. */
	dps_result (*accept)(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict);
};

/** What a transport is lent with a connection. */
struct dps_transport_env {
	const struct dps_channel *channel; /**< established; the transport never opens or closes it */
	const struct dps_random *random;
	uint8_t *body; /**< the body area; the transport's alone while it is attached */
	size_t body_size;
};

/** A transport: several requests in flight over one channel. All calls are non-blocking. */
struct dps_transport_ops {
	/** Takes a fresh connection. */
	void (*attach)(void *self, const struct dps_transport_env *env);
	/**
	 * Sends a request under a handle of the caller's that is not in flight. DPS_AGAIN: no room now, nothing was done, try after the next poll.
	 * DPS_E_TOO_LARGE: it never fits. Other failures: the connection is over, or write_body failed.
	 */
	dps_result (*send)(void *self, unsigned handle, const struct dps_request *request, const struct dps_step_env *env);
	/** Forgets a request; a late answer is dropped. */
	void (*forget)(void *self, unsigned handle);
	/**
	 * Reads and writes until an answer is complete (DPS_OK), nothing more can be done (DPS_AGAIN), or the connection is over
	 * (DPS_E_CLOSED, DPS_E_RESET, DPS_E_COAP, ...). Serves the peer's own requests meanwhile. Does a bounded amount of work per call:
	 * DPS_AGAIN with *busy set means: call again soon, the peer has more to read.
	 */
	dps_result (*poll)(void *self, struct dps_answer *answer, bool *busy);
	/**
	 * Says something that the peer answers (CoAP Ping), so that both know that the connection stands: DPS_OK sent; DPS_AGAIN no room now;
	 * DPS_E_TIMEOUT the last one is unanswered, nothing was sent; DPS_E_RANDOM; else why the connection is over.
	 */
	dps_result (*keepalive)(void *self);
	/** A clean good-bye (CoAP Release) if it fits; then the connection is given back. */
	void (*detach)(void *self);
	/** Adds to answers_dropped, peer_requests and peer_dropped what was counted since the last call. */
	void (*count)(void *self, struct dps_report *report);
};

/** A service. */
struct dps_service {
	const char *name;                    /**< "plgd" */
	const struct dps_step *const *steps; /**< in the order in which they are asked; the time step first */
	size_t step_count;
	const struct dps_transport_ops *transport;
	void *self;        /**< the transport's state, the caller's memory */
	bool lead_request; /**< the first request of a connection is held back by the service: a second copy of it is sent to be answered */
	bool error_closes; /**< the service closes a connection after any error answer */
};

#ifdef __cplusplus
}
#endif
#endif
