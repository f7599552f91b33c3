/* SPDX-License-Identifier: Apache-2.0 */
/* The server: libcoap's context, its call-backs and the loop around it. */
#ifndef SERVICE_SERVER_H
#define SERVICE_SERVER_H

#include "service.h"

/* Listens at HOST:PORT (host NULL: gateways only), prints `listening`, opens the gateways and serves until SIGINT or SIGTERM. Ends the program when it
 * cannot listen. directory is the state directory. */
void service_server_run(struct service *service, const char *directory, const char *host, const char *port, bool verbose);

#endif
