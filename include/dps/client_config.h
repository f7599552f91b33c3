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

/** Configuration of a client. Pointers are borrowed and must outlive it. */
struct dps_client_config {
	const struct dps_platform *platform;         /**< required */
	const struct dps_channel *channel;           /**< required */
	const struct dps_keys *keys;                 /**< required; has the key "manufacturer" */
	const struct dps_certificates *certificates; /**< required; has the chain "manufacturer" */
	const struct dps_service *service;           /**< required, e.g. from dps_plgd_init() */
	struct dps_trust trust;                      /**< of the provisioning service; anchors are required */

	struct dps_uuid device_id;  /**< nil (default): the stored one, else a random one is made and kept */
	enum dps_key_type key_type; /**< of a new operational key; default DPS_KEY_EC_P256 */

	bool sequential; /**< one request after another instead of one flight; default false */
	bool stay;       /**< retry for ever, and renew the identity once provisioned; default false: one run, one end */

	/**
	 * The schedule of retries, milliseconds: attempt n waits T/2 plus a random part of T/2 with T = retry_ms[n], at the end of the list the
	 * last T again. No entry is 0. Default 10, 20, 40, 80, 120 s. Refusals, broken protocols and failed checks wait `long_factor` times as long (default 6).
	 */
	uint32_t retry_ms[DPS_CONFIG_RETRIES];
	size_t retry_count;
	uint32_t long_factor;

	uint32_t connect_timeout_ms; /**< name resolution, TCP and TLS, for each address of a name; default 30,000 */
	uint32_t request_timeout_ms; /**< from sending a request to its whole answer; default 30,000 */
	uint32_t deadline_ms;        /**< of a whole run; 0 (default): none */

	struct dps_handlers handlers;
	/** Told every event; may be NULL. */
	void (*on_event)(void *user, const struct dps_event *event);
	void *user; /**< handed to handlers and on_event */
};

#ifdef __cplusplus
}
#endif
#endif
