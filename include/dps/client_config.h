/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a client is made with: ports, service, trust, times, callbacks. dps_client_config_default() fills in what has a default.
 */
#ifndef DPS_CLIENT_CONFIG_H
#define DPS_CLIENT_CONFIG_H

#include "dps/channel.h"
#include "dps/event.h"
#include "dps/handlers.h"
#include "dps/keys.h"
#include "dps/pki.h"
#include "dps/platform.h"
#include "dps/service.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A retry as it is about to be scheduled. The first two values may be changed. */
struct dps_retry {
	uint32_t delay_ms;   /**< from now to the next attempt */
	uint32_t timeout_ms; /**< of that attempt: of the step's request, or of the connection when none could be made; not 0 */
	enum dps_step_id step;
	dps_result cause;
	uint32_t attempt;     /**< failures of the kind so far: what the schedule is counted by */
	const char *endpoint; /**< that failed */
};

/**
 * Configuration of a client. Pointers are borrowed and must outlive it.
 *
 * A client for tools, which only look at what is stored, configure endpoints or reset (dps_client_load(), dps_client_read_*(),
 * dps_client_configure(), dps_client_factory_reset()), is made without channel, certificates and service; it cannot be started. Without keys too it
 * does not ask whether the identity's key is there, and a factory reset erases none.
 */
struct dps_client_config {
	const struct dps_platform *platform;         /**< required */
	const struct dps_channel *channel;           /**< required */
	const struct dps_keys *keys;                 /**< required; has the key "manufacturer" */
	const struct dps_certificates *certificates; /**< required; has the chain "manufacturer" */
	const struct dps_service *service;           /**< required, e.g. from dps_plgd_init() */
	struct dps_trust trust; /**< of the provisioning service; anchors are required. Without pins those kept with the endpoints hold */

	struct dps_uuid device_id;  /**< nil (default): the stored one, else a random one is made and kept */
	enum dps_key_type key_type; /**< of a new operational key; default DPS_KEY_EC_P256 */

	bool sequential; /**< one request after another instead of one flight; default false */
	bool stay;       /**< retry for ever, and renew the identity once provisioned; default false: one run, one end */
	bool
		rotate_key; /**< a renewal asks for a certificate of a new key first, and keeps the old one if the service refuses that; default false */

	/**
	 * The schedule of retries, milliseconds: attempt n waits T/2 plus a random part of T/2 with T = retry_ms[n], at the end of the list the
	 * last T again. No entry is 0. Default 10, 20, 40, 80, 120 s. Refusals, broken protocols and failed checks wait `long_factor` times as long (default 6).
	 */
	uint32_t retry_ms[DPS_CONFIG_RETRIES];
	size_t retry_count;
	uint32_t long_factor;
	/**
	 * Asked before each retry that the schedule has wait; may change the delay and the time-out. Not asked of what goes on at once (another endpoint, the other key)
	 * and of requests that a connection's end took with it. May be NULL. Must not call the client.
	 */
	void (*on_retry)(void *user, struct dps_retry *retry);
	uint32_t
		start_jitter_ms; /**< a run waits up to so long before it first connects: for fleets that are switched on together; default 0 */

	/**
	 * The identity is renewed when `renewal_permille` of its life, counted from when it was accepted, have passed, less a random part of up to
	 * `renewal_jitter_permille` of that time. Defaults 667 (two thirds) and 100. Range 1 to 1,000 and 0 to 1,000.
	 */
	uint32_t renewal_permille;
	uint32_t renewal_jitter_permille;

	uint32_t connect_timeout_ms;              /**< name resolution, TCP and TLS, for each address of a name; default 30,000 */
	uint32_t request_timeout_ms;              /**< from sending a request to its whole answer; default 30,000 */
	uint32_t step_timeout_ms[DPS_STEP_COUNT]; /**< the same of one step; 0 (default): request_timeout_ms */
	uint32_t
		keepalive_ms; /**< a sign of life when nothing was sent for so long; default 10,000 (the plgd service gives up after 20 s); 0: none */
	uint32_t deadline_ms; /**< of a whole run; 0 (default): none */

	struct dps_handlers handlers;
	/** Told every event; may be NULL. */
	void (*on_event)(void *user, const struct dps_event *event);
	void *user; /**< handed to handlers and on_event */
};

#ifdef __cplusplus
}
#endif
#endif
