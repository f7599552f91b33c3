/* SPDX-License-Identifier: Apache-2.0 */
/* What a device tells anybody on the local network: the links of /oic/res (CBOR) and of /.well-known/core (RFC 6690). */
#ifndef DEVICE_ONBOARDING_LINKS_H
#define DEVICE_ONBOARDING_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What there is to tell. Once the device is owned the rest is not looked at, let alone told. */
struct onboarding_facts {
	bool owned;
	const char *device_id; /* text of a UUID; NULL: none yet */
	const char *endpoint;  /* "coaps://host:port" of /plgd/dps */
};

/* Longest answer. */
#define ONBOARDING_LINKS_SIZE 512

enum onboarding_format { ONBOARDING_LINKS_CBOR, ONBOARDING_LINKS_TEXT };

/* Whether a query ("rt=x&if=y") asks for a resource type: multicast is answered to those only. */
bool onboarding_links_asks_type(const char *query, size_t len);

/*
 * Writes the links that match a query (len 0: all) and how many they are; the bytes used, 0 if they do not fit. Text without a link is empty, too.
 */
size_t onboarding_links_write(const struct onboarding_facts *facts, enum onboarding_format format, const char *query, size_t query_len,
                              uint8_t *buf, size_t size, size_t *count);

#endif
