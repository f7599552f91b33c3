/* SPDX-License-Identifier: Apache-2.0 */
/* How the service does TLS: as the public one does, with libcoap's OpenSSL underneath. The suites are those of the gateways, too. */
#ifndef SERVICE_TLS_H
#define SERVICE_TLS_H

#include "service.h"

/* What the public service and the real gateway offer, in their order: AEAD suites, then CBC with SHA-1, all with ECDHE; no CCM. */
#define SERVICE_CIPHERS_TLS12                                                                                                              \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                 \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"        \
	"ECDHE-RSA-AES256-SHA"
#define SERVICE_CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* Gives libcoap the server's certificate and this service's rules; ends the program when it does not take them. */
void service_tls_open(struct service *service);
void service_tls_close(struct service *service);

#endif
