/* SPDX-License-Identifier: Apache-2.0 */
/* What happens, for programs to read. */
#include "events.h"

#include <stdio.h>

#include "text.h"

cJSON *service_event_new(const char *name)
{
	cJSON *event = cJSON_CreateObject();

	if (event == NULL || cJSON_AddStringToObject(event, "event", name) == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "no memory for an event");
	}
	return event;
}

void service_event_print(cJSON *event)
{
	char *line = cJSON_PrintUnformatted(event);

	/* Nobody reading any more is no reason to stop serving. */
	if (line != NULL && fprintf(stdout, "%s\n", line) > 0) {
		fflush(stdout);
	}
	cJSON_free(line);
	cJSON_Delete(event);
}
