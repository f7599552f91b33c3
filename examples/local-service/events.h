/* SPDX-License-Identifier: Apache-2.0 */
/* What happens, for programs to read: one JSON object a line on standard output, keyed `event`, flushed at once. */
#ifndef SERVICE_EVENTS_H
#define SERVICE_EVENTS_H

#include <cjson/cJSON.h>

/* A new event to be filled in with cJSON's functions and then printed, which also deletes it. */
cJSON *service_event_new(const char *name);
void service_event_print(cJSON *event);

#endif
