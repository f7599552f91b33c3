/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's TLS: whom it says it is, which devices it lets in, and sessions that can be resumed. */
#ifndef SERVICE_HUB_TLS_H
#define SERVICE_HUB_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "service.h"

/* What one connection's handshake has found out; the SSL's application data. */
struct hub_tls_peer {
	const struct service *service;
	char device[SERVICE_UUID_SIZE]; /* empty: none admitted */
	const char *refusal;            /* NULL, or why its certificate was refused */
};

/* A context with a fresh key and certificate for this hub ("uuid:<id>", no subjectAltName), signed by the hub's intermediate and sent with it.
 * Ends the program when OpenSSL cannot. */
SSL_CTX *hub_tls_open(const struct service *service, const char *hub);

/* The handshake is done, whole or resumed: true and the device's id when the certificate admits it now. */
bool hub_tls_admit(SSL *ssl, struct hub_tls_peer *peer);

#endif
