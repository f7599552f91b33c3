/* SPDX-License-Identifier: Apache-2.0 */
/* The running service: what its parts share. */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <coap3/coap.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "ca.h"
#include "config.h"
#include "faults.h"
#include "identities.h"

/* What the public service takes at most; announced in the CSM and the limit of what is put together from blocks. */
#define SERVICE_MAX_MESSAGE_SIZE 262144u

struct hub;
struct service_session;

struct service {
	struct service_config config;
	struct service_authorities authorities;
	struct service_identities identities;
	struct service_faults faults;
	long counts[SERVICE_STEPS]; /* requests of each step since the start */
	uint64_t close_after_ms;
	struct {
		X509_STORE *manufacturers; /* whom device certificates must chain to */
		char *certificate;         /* PEM, as libcoap wants them; it keeps the pointers */
		char *key;
	} tls;
	struct hub *hub;      /* the gateways, NULL: none */
	coap_context_t *coap; /* NULL: gateways only */
	struct service_session *sessions;
	long connections; /* so far */
	bool sweep;       /* something was closed: libcoap should be called again at once */
};

uint64_t service_now_ms(void);

#endif
