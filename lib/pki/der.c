/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DER elements. Own code, because pins, names and dates are judged over the same bytes whichever version of the TLS library verified them.
 */
#include "pki/der.h"

#include <string.h>

/* Lengths of more bytes than this cannot be of a certificate. */
#define LENGTH_BYTES 3

bool dps_der_take(struct dps_span *in, uint8_t tag, struct dps_span *content)
{
	if (in->len < 2 || (in->data[0] & 0x1f) == 0x1f || (tag != DPS_DER_ANY && in->data[0] != tag))
		return false;
	size_t head = 2;
	size_t len = in->data[1];
	if (len >= 0x80) {
		const size_t bytes = len & 0x7f;
		if (bytes > LENGTH_BYTES || in->len - head < bytes)
			return false;
		/* X.690 10.1: the shortest form only; what is below 0x80 has no long form, and no bytes at all are the indefinite one */
		const size_t least = bytes > 1 ? (size_t)1 << (8 * (bytes - 1)) : 0x80;
		for (len = 0; head < 2 + bytes; head++)
			len = len << 8 | in->data[head];
		if (len < least)
			return false;
	}
	if (in->len - head < len)
		return false;
	*content = (struct dps_span){in->data + head, len};
	in->data += head + len;
	in->len -= head + len;
	return true;
}

bool dps_der_same(const struct dps_span *a, const struct dps_span *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

uint8_t *dps_der_put_head(uint8_t *out, uint8_t tag, size_t len)
{
	*--out = (uint8_t)len;
	if (len >= 0x100)
		*--out = (uint8_t)(len >> 8);
	if (len >= 0x80)
		*--out = len >= 0x100 ? 0x82 : 0x81;
	*--out = tag;
	return out;
}
