/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves a connection by and by, for faults: an answer one byte at a time, or answers nobody asked for without end. While something flows the
 * exchange answers nothing else. */
#ifndef SERVICE_OUTFLOW_H
#define SERVICE_OUTFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"
#include "request.h"

struct service_session;

struct service_outflow {
	uint8_t *drip; /* the message that drips, or NULL */
	size_t length;
	size_t sent;
	uint64_t gap_ms;
	uint64_t due_ms;
	struct service_request *request; /* that the message answers */
	long flood;                      /* bytes of answers nobody asked for that are still to be sent */
};

bool service_outflow_is_busy(const struct service_outflow *outflow);

/* Takes over the request. */
void service_outflow_drip(struct service_session *session, struct service_request *request, const struct service_message *message,
                          uint64_t gap_ms);

void service_outflow_flood(struct service_session *session, long bytes);

/* Sends what may go now and gives when to come again; UINT64_MAX when nothing flows. When the last byte of an answer has gone *answered is its
 * request, the caller's again; else NULL. A flood ends with its connection. */
uint64_t service_outflow_run(struct service_session *session, uint64_t now_ms, struct service_request **answered);

void service_outflow_free(struct service_outflow *outflow);

#endif
