/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DER (X.690) as far as certificates and requests need it: taking elements off a span and putting heads into a buffer. Strict: definite
 * lengths in their shortest form, tags of one byte. Nothing is copied, nothing recurses.
 */
#ifndef DPS_PKI_DER_H
#define DPS_PKI_DER_H

#include "dps/types.h"

enum {
	DPS_DER_BOOLEAN = 0x01,
	DPS_DER_INTEGER = 0x02,
	DPS_DER_BIT_STRING = 0x03,
	DPS_DER_OCTET_STRING = 0x04,
	DPS_DER_OID = 0x06,
	DPS_DER_UTF8_STRING = 0x0c,
	DPS_DER_UTC_TIME = 0x17,
	DPS_DER_GENERALIZED_TIME = 0x18,
	DPS_DER_SEQUENCE = 0x30,
	DPS_DER_SET = 0x31,
	DPS_DER_CONTEXT = 0x80,            /* primitive [n] */
	DPS_DER_CONTEXT_CONSTRUCTED = 0xa0 /* constructed [n] */
};

/* Longest head dps_der_put_head writes. */
#define DPS_DER_HEAD_SIZE 4

/* Whether the next element has this tag. */
bool dps_der_is(const struct dps_span *in, uint8_t tag);

/* Takes the next element whatever its tag; content is without the head, whole with it (either may be NULL). False: *in is unchanged. */
bool dps_der_take_any(struct dps_span *in, struct dps_span *content, struct dps_span *whole);

/* As take_any if the tag is this one. */
bool dps_der_take(struct dps_span *in, uint8_t tag, struct dps_span *content);

/* Writes tag and length (below 65536); returns the bytes written, at most DPS_DER_HEAD_SIZE. */
size_t dps_der_put_head(uint8_t *out, uint8_t tag, size_t len);

#endif
