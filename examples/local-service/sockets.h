/* SPDX-License-Identifier: Apache-2.0 */
/* What libcoap's sockets need and its API does not give: they are found among the descriptors of this process. */
#ifndef SERVICE_SOCKETS_H
#define SERVICE_SOCKETS_H

#include <coap3/coap.h>
#include <stddef.h>
#include <stdint.h>

/* The only listening socket: without Nagle's algorithm (accepted ones inherit that) and with a long queue. Gives its port, 0 when there is none. */
uint16_t service_sockets_tune_listener(void);

/* The descriptor of a session, or -1. */
int service_sockets_find(const coap_session_t *session);

/* How many bytes that were written are not acknowledged yet. */
size_t service_sockets_unsent(int file);

/* Closing will send RST. */
void service_sockets_reset_on_close(int file);

#endif
