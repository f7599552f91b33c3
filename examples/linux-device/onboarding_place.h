/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that onboarding listens at: reading, opening, joining multicast, telling. For the files of onboarding only. */
#ifndef DEVICE_ONBOARDING_PLACE_H
#define DEVICE_ONBOARDING_PLACE_H

#include <coap3/coap.h>

#include "onboarding.h"

/* P for CoAP and P + 1 for DTLS, or any two free ones. */
struct onboarding_place {
	coap_address_t plain;
	coap_address_t secure;
	coap_endpoint_t *secure_endpoint; /* NULL: closed */
};

/* Reads "ADDRESS[:PORT]", an IPv6 address with a port in brackets. False: it is none. */
bool onboarding_place_parse(const char *text, struct onboarding_place *place);

/* All addresses of this machine: [::], or 0.0.0.0 where there is no IPv6. */
void onboarding_place_any(struct onboarding_place *place);

/* Opens the port for CoAP; where 0 was asked for, both are known afterwards. */
bool onboarding_place_open(coap_context_t *coap, struct onboarding_place *place);

bool onboarding_place_open_secure(coap_context_t *coap, struct onboarding_place *place);
void onboarding_place_close_secure(struct onboarding_place *place);

bool onboarding_place_is_wildcard(const struct onboarding_place *place);

/* Joins the groups on an interface, or (NULL) on all that are up; where they are joined already nothing happens. */
void onboarding_place_join(coap_context_t *coap, const char *interface);

/* A descriptor that is readable when interfaces or addresses have come; -1: none. */
int onboarding_place_watch(void);
/* Whether any have, since the last call. */
bool onboarding_place_changed(int watch);

/* The URI of an address: IPv4 in IPv6 as IPv4. */
void onboarding_place_uri(const coap_address_t *address, const char *scheme, char text[ONBOARDING_URI_SIZE]);

/* The address by which a peer reaches the DTLS port that belongs to the place where its request came in. */
void onboarding_place_reach(const struct onboarding *onboarding, const coap_session_t *session, char text[ONBOARDING_URI_SIZE]);

bool onboarding_place_is_multicast(const coap_address_t *address);
void onboarding_place_source(const coap_address_t *address, struct onboarding_source *source);

#endif
