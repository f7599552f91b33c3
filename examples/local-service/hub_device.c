/* SPDX-License-Identifier: Apache-2.0 */
/* What the hub knows of its devices in memory. */
#include "hub_device.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define MAX_RESOURCES 1024

static struct hub_device **link_of(struct hub *hub, const char *id, const char *device)
{
	struct hub_device **link = &hub->devices;

	while (*link != NULL && (strcmp((*link)->id, device) != 0 || strcmp((*link)->hub, id) != 0)) {
		link = &(*link)->next;
	}
	return link;
}

struct hub_device *hub_device_find(struct hub *hub, const char *id, const char *device)
{
	return *link_of(hub, id, device);
}

struct hub_device *hub_device_get(struct hub *hub, const char *id, const char *device)
{
	struct hub_device **link = link_of(hub, id, device);

	if (*link == NULL) {
		*link = service_alloc(sizeof(**link));
		memcpy((*link)->hub, id, SERVICE_UUID_SIZE);
		memcpy((*link)->id, device, SERVICE_UUID_SIZE);
		(*link)->resources = cJSON_CreateObject();
	}
	return *link;
}

bool hub_device_set(struct hub_device *device, const char *href, const cJSON *rep, const char *etag)
{
	cJSON *entry = cJSON_CreateObject();

	cJSON_DeleteItemFromObjectCaseSensitive(device->resources, href);
	if (cJSON_GetArraySize(device->resources) >= MAX_RESOURCES) {
		cJSON_Delete(entry);
		return false;
	}
	cJSON_AddItemToObject(entry, "rep", cJSON_Duplicate(rep, 1));
	if (etag != NULL) {
		cJSON_AddStringToObject(entry, "etag", etag);
	}
	cJSON_AddItemToObject(device->resources, href, entry);
	return true;
}

void hub_device_unset(struct hub_device *device, const char *href)
{
	cJSON_DeleteItemFromObjectCaseSensitive(device->resources, href);
}

static void remove_at(struct hub_device **link)
{
	struct hub_device *device = *link;

	*link = device->next;
	cJSON_Delete(device->resources);
	free(device);
}

void hub_device_forget(struct hub *hub, const char *id, const char *device)
{
	struct hub_device **link = link_of(hub, id, device);

	if (*link != NULL) {
		remove_at(link);
	}
}

void hub_device_free_all(struct hub *hub)
{
	while (hub->devices != NULL) {
		remove_at(&hub->devices);
	}
}
