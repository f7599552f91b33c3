/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DER (X.690) as far as certificates and requests need it: taking elements off a span and putting heads into a buffer. Strict: definite
 * lengths in their shortest form, tags of one byte. Nothing is copied, nothing recurses.
 */
#ifndef DPS_PKI_DER_H
#define DPS_PKI_DER_H

#include "dps/types.h"

enum {
	DPS_DER_ANY = 0x00, /* for dps_der_take: whatever the tag is (no element has this one, X.690 8.1.5) */
	DPS_DER_BOOLEAN = 0x01,
	DPS_DER_INTEGER = 0x02,
	DPS_DER_BIT_STRING = 0x03,
	DPS_DER_OCTET_STRING = 0x04,
	DPS_DER_OID = 0x06,
	DPS_DER_UTC_TIME = 0x17,
	DPS_DER_GENERALIZED_TIME = 0x18,
	DPS_DER_SEQUENCE = 0x30,
	DPS_DER_SET = 0x31,
	DPS_DER_CONTEXT = 0x80,            /* primitive [n] */
	DPS_DER_CONTEXT_CONSTRUCTED = 0xa0 /* constructed [n] */
};

/* Longest head dps_der_put_head writes. */
#define DPS_DER_HEAD_SIZE 4

/* Takes the next element if it has this tag; content is without the head. False: *in and *content are unchanged. */
bool dps_der_take(struct dps_span *in, uint8_t tag, struct dps_span *content);

/* Whether two spans hold the same bytes. */
bool dps_der_same(const struct dps_span *a, const struct dps_span *b);

/* Writes tag and length (below 65536) so that they end where out points; returns where they begin, at most DPS_DER_HEAD_SIZE before. */
uint8_t *dps_der_put_head(uint8_t *out, uint8_t tag, size_t len);

#endif
