/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway asks a device that has signed in: its resources, and to be told when they change. */
#ifndef SERVICE_HUB_OBSERVER_H
#define SERVICE_HUB_OBSERVER_H

#include "hub_link.h"

/* Called when the device has answered, or gone (false). */
typedef void (*hub_observer_done)(struct hub_link *link, struct service_request *request, bool is_answered);

/* Asks for the device's endpoints, which must be answered before sign-in is. */
void hub_observer_greet(struct hub_link *link, struct service_request *request, hub_observer_done done);

/* Lists the resources and observes them, unless that is under way. */
void hub_observer_start(struct hub_link *link);

/* Ends the observations and waits for the device's answers. */
void hub_observer_stop(struct hub_link *link, struct service_request *request, hub_observer_done done);

/* Links were published: where there is no batch to observe, each is observed by itself. */
void hub_observer_published(struct hub_link *link);

/* Removes links of this href from the record and the memory, and says so. */
void hub_observer_unpublish(struct hub_link *link, const char *href);

#endif
