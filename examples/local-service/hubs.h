/* SPDX-License-Identifier: Apache-2.0 */
/* The hubs of the configuration: which one a request is for, and that their authorities are open. */
#ifndef SERVICE_HUBS_H
#define SERVICE_HUBS_H

#include <cjson/cJSON.h>

#include "fields.h"
#include "service.h"

/* "selectedGateway" of a request: what a device says it has selected. */
extern const struct service_field service_hubs_selection[];

/* The hub and gateway that the device says it has selected, when there is such a one; else the first. There is at least one hub. */
const struct service_hub *service_hubs_select(const struct service_config *config, const cJSON *body, const char **gateway);

/* Opens the authorities that the configuration's hubs want. */
void service_hubs_open(struct service *service);

#endif
