/* SPDX-License-Identifier: Apache-2.0 */
/* The registered devices of each hub, one file each below STATE/registrations, so that they survive a restart and several programs on one state
 * directory agree: owner, hashes of the tokens, published links. */
#ifndef SERVICE_HUB_REGISTRY_H
#define SERVICE_HUB_REGISTRY_H

#include <cjson/cJSON.h>

#include "hub.h"

#define HUB_KEY_OWNER "owner"
#define HUB_KEY_LINKS "links"

/* Waits for the exclusive lock around reading and changing a record; hub_registry_unlock ends it. Ends the program when it cannot be had. */
int hub_registry_lock(const struct hub *hub);
void hub_registry_unlock(int lock);

/* The record, to be deleted by the caller, or NULL: not registered. */
cJSON *hub_registry_load(const struct hub *hub, const char *id, const char *device);

/* On disk before it returns; false when that cannot be done. */
bool hub_registry_save(const struct hub *hub, const char *id, const char *device, const cJSON *record);

/* True when there was one. */
bool hub_registry_remove(const struct hub *hub, const char *id, const char *device);

/* The ids of a hub's registered devices as an array of texts. */
cJSON *hub_registry_list(const struct hub *hub, const char *id);

#endif
