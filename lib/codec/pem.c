/* SPDX-License-Identifier: Apache-2.0 */
/* PEM blocks, read leniently about white space (RFC 7468 section 3, "laxtextualmsg") and strictly about everything else. */
#include "codec/pem.h"

#include <string.h>

#define LINE_LENGTH 64 /* RFC 7468 section 2 */

static const char dashes[] = "-----";
static const char begin[] = "-----BEGIN ";
static const char end[] = "-----END ";

/* Takes a text off the front of a span if it is there. */
static bool take_text(struct dps_span *span, const char *text, size_t len)
{
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
	if (!take_text(&rest, lead, strlen(lead)) || !take_text(&rest, label, strlen(label)) || !take_text(&rest, dashes, sizeof dashes - 1))
		return false;
	*span = rest;
	return true;
}

/* The value of a base64 digit, or -1. */
static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
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
		uint8_t c = text->data[0];
		int value = base64_value(c);
		unsigned i;
		if (is_blank(c))
			continue;
		if (c == '=' && digits >= 2) {
			padding++;
			value = 0;
		} else if (padding > 0) {
			return DPS_E_FIELD;
		}
		if (value < 0 || last)
			return DPS_E_FIELD;
		bits = bits << 6 | (uint32_t)value;
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

	while (!take_boundary(&rest, begin, label)) {
		const uint8_t *dash = rest.len > 1 ? memchr(rest.data + 1, '-', rest.len - 1) : NULL;
		if (dash == NULL)
			return DPS_E_NOT_FOUND;
		rest.len -= (size_t)(dash - rest.data);
		rest.data = dash;
	}
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

static uint8_t base64_digit(uint32_t value)
{
	if (value < 26)
		return (uint8_t)('A' + value);
	if (value < 52)
		return (uint8_t)('a' + value - 26);
	if (value < 62)
		return (uint8_t)('0' + value - 52);
	return value == 62 ? '+' : '/';
}

dps_result dps_pem_encode(const char *label, const uint8_t *der, size_t der_len, uint8_t *out, size_t size, size_t *len)
{
	size_t column = 0;
	size_t i;

	*len = dps_pem_encoded_size(strlen(label), der_len);
	if (*len > size)
		return DPS_E_BUFFER;
	out = put_boundary(out, begin, label);
	for (i = 0; i < der_len; i += 3) {
		size_t have = der_len - i < 3 ? der_len - i : 3;
		uint32_t bits = (uint32_t)der[i] << 16 | (have > 1 ? (uint32_t)der[i + 1] << 8 : 0) | (have > 2 ? der[i + 2] : 0u);
		size_t digit;
		for (digit = 0; digit < 4; digit++)
			*out++ = digit <= have ? base64_digit(bits >> (18 - 6 * digit) & 63) : '=';
		column += 4;
		if (column == LINE_LENGTH || i + 3 >= der_len) {
			*out++ = '\n';
			column = 0;
		}
	}
	put_boundary(out, end, label);
	return DPS_OK;
}
