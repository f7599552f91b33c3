/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The hub session: takes a provisioned device online with the gateway that its cloud configuration names, and keeps it there. Signs up, signs in,
 * publishes, refreshes tokens, notices dead links, goes on to other gateways, and asks for provisioning again when nothing else helps.
 * docs/hub.md has its states and decisions.
 *
 * Life: dps_hub_init(), dps_hub_start(), then dps_hub_process() whenever its time has come or one of the dps_hub_wait_on() handles is ready.
 * All on one thread (or under one lock of the caller's), the client's if there is one. Callbacks run inside these calls; dps_hub_reload(),
 * dps_hub_publish_changed(), dps_hub_unpublish(), dps_hub_sign_off(), dps_hub_stop() and dps_hub_state() may be called from them, for they only take note;
 * nothing else of the hub may.
 *
 * The hub allocates nothing; struct dps_hub is the caller's, about DPS_CONFIG_HUB_RECEIVE_SIZE plus DPS_CONFIG_HUB_SEND_SIZE plus two times
 * DPS_CONFIG_BODY_SIZE. It holds tokens while the hub runs and is wiped when it stops.
 */
#ifndef DPS_HUB_H
#define DPS_HUB_H

#include "dps/channel.h"
#include "dps/detail/hub.h"
#include "dps/hub_config.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Fills in the defaults of every field that has one; the rest is zero. */
DPS_API void dps_hub_config_default(struct dps_hub_config *config);

/** Prepares a hub; nothing is read or sent. config is copied. DPS_E_ARGUMENT: a required part is missing or a value is out of range. */
DPS_API DPS_MUST_USE dps_result dps_hub_init(struct dps_hub *hub, const struct dps_hub_config *config);

/** Starts; what is committed is read in the first dps_hub_process(). DPS_E_STATE: it runs, or called from a callback. */
DPS_API DPS_MUST_USE dps_result dps_hub_start(struct dps_hub *hub);

/**
 * Does all that can be done without blocking (but for storage and keys). Returns in how many milliseconds it wants to be called again, DPS_FOREVER if
 * never. To be called also after each of the calls below, and after a resource has changed.
 */
DPS_API uint32_t dps_hub_process(struct dps_hub *hub);

/** As dps_client_wait_on(). */
DPS_API size_t dps_hub_wait_on(struct dps_hub *hub, struct dps_wait *waits, size_t max);

/**
 * Records were committed by somebody else: they are read again. A session whose device id, hub, anchors or tokens are others than before is begun anew
 * (OFFLINE with DPS_E_CANCELLED when it was online). One whose certificate was renewed stays: the new one is for the next connection.
 */
DPS_API void dps_hub_reload(struct dps_hub *hub);

/** The list of links has changed: it is published again. */
DPS_API void dps_hub_publish_changed(struct dps_hub *hub);

/** Everything that is published. */
#define DPS_HUB_UNPUBLISH_ALL INT64_C(-1)

/**
 * Unpublishes the link with that number, see on_link, or all. DPS_AGAIN: the one before is not done yet; DPS_E_STATE: not online (the hub itself
 * unpublishes what is missing from the list at the next sign-in). A refusal is told as a warning.
 */
DPS_API DPS_MUST_USE dps_result dps_hub_unpublish(struct dps_hub *hub, int64_t ins);

/**
 * Has the hub forget the device, at once or as soon as it is online; then the tokens are erased from the record, SIGNED_OFF is told and the hub is idle.
 * DPS_E_STATE: not started.
 */
DPS_API DPS_MUST_USE dps_result dps_hub_sign_off(struct dps_hub *hub);

/** Stops. An online session that is to sign out does so first (see config.sign_out): process goes on to be called until the state is DPS_HUB_IDLE. */
DPS_API void dps_hub_stop(struct dps_hub *hub);

/** Ends at once, without good-bye, and wipes the structure. */
DPS_API void dps_hub_deinit(struct dps_hub *hub);

/** The present state. */
DPS_API enum dps_hub_state dps_hub_state(const struct dps_hub *hub);

/** Whether it is online and has been for config.stable_ms: what came before is over. */
DPS_API bool dps_hub_is_stable(const struct dps_hub *hub);

#ifdef __cplusplus
}
#endif
#endif
