/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Joins a client and a hub session of one device: the session works with what the client has committed, and is told when that changes; the client provisions when the
 * session cannot go on. docs/hub.md has the wiring.
 *
 * The two have a channel (and network) of their own each, and run side by side: provisioning again leaves the session where it is until there is something new. All
 * calls on one thread; in each turn of its loop the application calls dps_client_process(), dps_online_process(), dps_hub_process(), in this order.
 */
#ifndef DPS_ONLINE_H
#define DPS_ONLINE_H

#include "dps/client.h"
#include "dps/hub.h"
#include "dps/resource.h"

#if DPS_CONFIG_HUB

#ifdef __cplusplus
extern "C" {
#endif

/** What joins the two. Caller-owned; the fields are private. */
struct dps_online {
	struct dps_client *client;
	struct dps_hub *hub;
	bool wanted; /* provisioning was asked for and has not begun */
	bool moves;  /* the run `run` is one to another hub, asked for by the session */
	bool again;  /* it is one of all steps, asked for by the session of a device that is provisioned */
	uint32_t run;
	enum dps_hub_provision what;
	struct dps_gateway gateway; /* of DPS_HUB_PROVISION_GATEWAY; its URI is in uri */
	uint8_t uri[DPS_CONFIG_URI_LENGTH];
};

/** Both are borrowed; neither need be initialised yet. */
DPS_API void dps_online_init(struct dps_online *online, struct dps_client *client, struct dps_hub *hub);

/**
 * What the configuration of the hub session names as its source. Provisioning that is asked for while a run is under way begins behind it, unless that run brings
 * what was wanted. A changed cloud record is refused (DPS_E_STATE) while a run has staged another one: the session then tries again.
 */
DPS_API struct dps_hub_source dps_online_source(struct dps_online *online);

/** To be called by the client's on_event with every event: what was committed is handed on to the session. */
DPS_API void dps_online_event(struct dps_online *online, const struct dps_event *event);

/** Begins what could not begin before. DPS_OK also when there is nothing to do; otherwise why it could not begin, told once: the session asks again. */
DPS_API DPS_MUST_USE dps_result dps_online_process(struct dps_online *online);

/**
 * Puts the access lists in force that are committed: the service's and the device's own. To be called before the session starts, and again behind
 * DPS_EVENT_COMMITTED with one of the two records. The buffers (DPS_CONFIG_BODY_SIZE bytes each are enough) must stay unchanged until the next call has returned, which so needs others. A list that
 * cannot be read grants nothing, and the failure is returned; one that is not there is none.
 */
DPS_API DPS_MUST_USE dps_result dps_online_set_acl(struct dps_online *online, struct dps_device *device, uint8_t *committed, uint8_t *local,
                                                   size_t size);

#ifdef __cplusplus
}
#endif

#endif
#endif
