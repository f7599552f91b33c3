/* SPDX-License-Identifier: Apache-2.0 */
/* How the service does TLS: as the public one does, with libcoap's OpenSSL underneath. */
#ifndef SERVICE_TLS_H
#define SERVICE_TLS_H

#include "service.h"

/* Gives libcoap the server's certificate and this service's rules; ends the program when it does not take them. */
void service_tls_open(struct service *service);
void service_tls_close(struct service *service);

#endif
