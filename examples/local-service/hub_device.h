/* SPDX-License-Identifier: Apache-2.0 */
/* What the hub knows of its devices in memory: the latest representation of each resource, by notifications, and its ETag. */
#ifndef SERVICE_HUB_DEVICE_H
#define SERVICE_HUB_DEVICE_H

#include <cjson/cJSON.h>

#include "hub.h"
#include "hub_message.h"

struct hub_device {
	struct hub_device *next;
	char hub[SERVICE_UUID_SIZE];
	char id[SERVICE_UUID_SIZE];
	cJSON *resources; /* href to {"rep", "etag" (base64url)?}; the one that changed last stands last */
	uint8_t etag[HUB_ETAG_MAX];
	size_t etag_length; /* of /oic/res as a whole; 0: none */
};

/* NULL when nothing is known of it. */
struct hub_device *hub_device_find(struct hub *hub, const char *id, const char *device);

/* Made when nothing was known. */
struct hub_device *hub_device_get(struct hub *hub, const char *id, const char *device);

/* The representation of a resource now; false when the device has more resources than are kept. */
bool hub_device_set(struct hub_device *device, const char *href, const cJSON *rep, const char *etag);
void hub_device_unset(struct hub_device *device, const char *href);

void hub_device_forget(struct hub *hub, const char *id, const char *device);
void hub_device_free_all(struct hub *hub);

#endif
