/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DER elements. Own code, because pins, names and dates are judged over the same bytes whichever version of the TLS library verified them.
 */
#include "pki/der.h"

/* Lengths of more bytes than this cannot be of a certificate. */
#define LENGTH_BYTES 3

bool dps_der_is(const struct dps_span *in, uint8_t tag)
{
	return in->len > 0 && in->data[0] == tag;
}

bool dps_der_take_any(struct dps_span *in, struct dps_span *content, struct dps_span *whole)
{
	if (in->len < 2 || (in->data[0] & 0x1f) == 0x1f)
		return false;
	size_t head = 2;
	size_t len = in->data[1];
	if (len >= 0x80) {
		const size_t bytes = len & 0x7f;
		if (bytes == 0 || bytes > LENGTH_BYTES || in->len - head < bytes)
			return false;
		len = 0;
		for (size_t i = 0; i < bytes; i++)
			len = len << 8 | in->data[head + i];
		/* X.690 10.1: the shortest form only */
		if (len < 0x80 || len >> (8 * (bytes - 1)) == 0)
			return false;
		head += bytes;
	}
	if (in->len - head < len)
		return false;
	if (content != NULL)
		*content = (struct dps_span){in->data + head, len};
	if (whole != NULL)
		*whole = (struct dps_span){in->data, head + len};
	in->data += head + len;
	in->len -= head + len;
	return true;
}

bool dps_der_take(struct dps_span *in, uint8_t tag, struct dps_span *content)
{
	return dps_der_is(in, tag) && dps_der_take_any(in, content, NULL);
}

size_t dps_der_put_head(uint8_t *out, uint8_t tag, size_t len)
{
	size_t n = 0;
	out[n++] = tag;
	if (len >= 0x100) {
		out[n++] = 0x82;
		out[n++] = (uint8_t)(len >> 8);
	} else if (len >= 0x80) {
		out[n++] = 0x81;
	}
	out[n++] = (uint8_t)len;
	return n;
}
