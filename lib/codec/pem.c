/* SPDX-License-Identifier: Apache-2.0 */
/* PEM blocks, read leniently about white space (RFC 7468 section 3, "laxtextualmsg") and strictly about everything else. */
#include "codec/pem.h"

#include <string.h>

#define LINE_LENGTH 64 /* RFC 7468 section 2 */
#define LINE_BYTES  (LINE_LENGTH / 4 * 3)

/* RFC 4648 section 4: the 64 digits. Behind them what stands for no bits, and what white space there is. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n";
enum { PAD = 64, BLANK };

static const char dashes[] = "-----";
static const char begin[] = "-----BEGIN ";
static const char end[] = "-----END ";

/* Takes a text off the front of a span if it is there. */
static bool take_text(struct dps_span *span, const char *text)
{
	const size_t len = strlen(text);
	if (span->len < len || memcmp(span->data, text, len) != 0)
		return false;
	span->data += len;
	span->len -= len;
	return true;
}

/* Takes a whole "-----BEGIN label-----" or "-----END label-----" off the front; on false *span stays. */
static bool take_boundary(struct dps_span *span, const char *lead, const char *label)
{
	struct dps_span rest = *span;
	if (!take_text(&rest, lead) || !take_text(&rest, label) || !take_text(&rest, dashes))
		return false;
	*span = rest;
	return true;
}

/*
 * Decodes base64 up to the first dash. Four digits are read before their three bytes are written, so out may trail in the same memory. Padding must be
 * complete and unused bits zero (RFC 4648 sections 3.2 and 3.5): one encoding for one DER.
 */
static dps_result decode_body(struct dps_span *text, uint8_t *out, size_t size, size_t *len)
{
	uint32_t bits = 0;
	unsigned digits = 0; /* of the group of four, padding included */
	unsigned padding = 0;
	size_t count = 0;
	bool last = false; /* a padded group ends the body */

	for (; text->len > 0 && text->data[0] != '-'; text->data++, text->len--) {
		const char *found = memchr(alphabet, text->data[0], sizeof alphabet - 1);
		uint32_t value = found != NULL ? (uint32_t)(found - alphabet) : 0;
		unsigned i;
		if (value >= BLANK)
			continue;
		if (found == NULL || last || (value == PAD ? digits < 2 : padding > 0))
			return DPS_E_FIELD;
		if (value == PAD) {
			padding++;
			value = 0;
		}
		bits = bits << 6 | value;
		if (++digits < 4)
			continue;
		if ((bits & ((UINT32_C(1) << 8 * padding) - 1)) != 0)
			return DPS_E_FIELD;
		for (i = 0; i < 3 - padding; i++, count++)
			if (count < size)
				out[count] = (uint8_t)(bits >> (16 - 8 * i));
		last = padding > 0;
		digits = 0;
		padding = 0;
		bits = 0;
	}
	*len = count;
	if (digits != 0 || count == 0)
		return DPS_E_FIELD;
	return count <= size ? DPS_OK : DPS_E_BUFFER;
}

dps_result dps_pem_next(struct dps_span *text, const char *label, uint8_t *out, size_t size, size_t *len)
{
	struct dps_span rest = *text;
	dps_result result;

	for (; !take_boundary(&rest, begin, label); rest.data++, rest.len--)
		if (rest.len == 0)
			return DPS_E_NOT_FOUND;
	result = decode_body(&rest, out, size, len);
	if (result == DPS_E_FIELD)
		return result;
	if (!take_boundary(&rest, end, label))
		return DPS_E_FIELD;
	if (result == DPS_OK)
		*text = rest;
	return result;
}

size_t dps_pem_encoded_size(size_t label_len, size_t der_len)
{
	const size_t limit = SIZE_MAX / 4; /* far above any real size, far below where the sums below could wrap */
	size_t digits;
	if (label_len > limit / 4 || der_len > limit / 4)
		return SIZE_MAX;
	digits = (der_len + 2) / 3 * 4;
	return sizeof begin - 1 + sizeof end - 1 + 2 * (label_len + sizeof dashes) + digits + (digits + LINE_LENGTH - 1) / LINE_LENGTH;
}

static uint8_t *put_text(uint8_t *out, const char *text)
{
	size_t len = strlen(text);
	memcpy(out, text, len);
	return out + len;
}

static uint8_t *put_boundary(uint8_t *out, const char *lead, const char *label)
{
	out = put_text(out, lead);
	out = put_text(out, label);
	out = put_text(out, dashes);
	*out++ = '\n';
	return out;
}

dps_result dps_pem_encode(const char *label, const uint8_t *der, size_t der_len, uint8_t *out, size_t size, size_t *len)
{
	size_t i, k;

	*len = dps_pem_encoded_size(strlen(label), der_len);
	if (*len > size)
		return DPS_E_BUFFER;
	out = put_boundary(out, begin, label);
	for (i = 0; i < der_len; i += 3) {
		const size_t have = der_len - i < 3 ? der_len - i : 3;
		uint32_t bits = 0;
		for (k = 0; k < 3; k++)
			bits = bits << 8 | (k < have ? der[i + k] : 0u);
		for (k = 0; k < 4; k++)
			*out++ = (uint8_t)alphabet[k <= have ? bits >> (18 - 6 * k) & 63 : PAD];
		if ((i + 3) % LINE_BYTES == 0 || i + 3 >= der_len)
			*out++ = '\n';
	}
	put_boundary(out, end, label);
	return DPS_OK;
}
