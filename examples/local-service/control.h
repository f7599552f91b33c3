/* SPDX-License-Identifier: Apache-2.0 */
/* Control at run time: lines on standard input, which docs/local-service.md describes. Each is answered by an event `control`; none ends the program. */
#ifndef SERVICE_CONTROL_H
#define SERVICE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "service.h"

#define SERVICE_CONTROL_LINE_MAX 65536u

struct service_control {
	int file;   /* to be waited for and read from; -1: no more lines will come */
	char *line; /* what has come of the next one */
	size_t length;
	bool is_too_long; /* its rest is dropped */
};

/* Keeps the descriptor from becoming that of a connection when the program was started with it closed. Before anything else is opened. */
void service_control_occupy(int file);

void service_control_open(struct service_control *control, int file);

/* Does what the lines say that have come; to be called when there is something to read, and then does not wait. */
void service_control_read(struct service_control *control, struct service *service);

void service_control_close(struct service_control *control);

#endif
