/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes: wiping, comparing, checking, showing; whether they are a text. */
#include "codec/text.h"

void dps_text_printable(char *out, size_t size, const uint8_t *in, size_t len)
{
	size_t at = 0;
	bool blank = false;
	size_t i;

	for (i = 0; i < len && at + 1 < size; i++) {
		bool was_blank = blank;
		blank = in[i] == ' ' || (in[i] >= '\t' && in[i] <= '\r');
		if (blank && was_blank)
			continue;
		if (blank)
			out[at++] = ' ';
		else
			out[at++] = in[i] > ' ' && in[i] < 0x7f ? (char)in[i] : '?';
	}
	out[at] = '\0';
}

void dps_wipe(void *memory, size_t len)
{
	volatile uint8_t *byte = memory;
	while (len-- > 0)
		*byte++ = 0;
}

bool dps_equal_constant_time(const uint8_t *a, const uint8_t *b, size_t len)
{
	volatile uint8_t difference = 0;
	size_t i;
	for (i = 0; i < len; i++)
		difference = (uint8_t)(difference | (a[i] ^ b[i]));
	return difference == 0;
}

uint32_t dps_crc32(uint32_t crc, const uint8_t *data, size_t len)
{
	const uint32_t polynomial = UINT32_C(0xedb88320); /* IEEE 802.3, bits reversed */
	unsigned bit;

	/* A bit at a time: records are small and read seldom, a table would cost more than it gains. */
	crc = ~crc;
	for (; len > 0; data++, len--) {
		crc ^= *data;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
	}
	return ~crc;
}

/* RFC 3629: shortest forms only, no surrogates, nothing above U+10FFFF; NUL is refused because texts become C strings somewhere. */
bool dps_text_is_valid(struct dps_span text)
{
	static const uint32_t least[] = {0x1, 0x80, 0x800, 0x10000}; /* that takes so many further bytes */
	size_t i = 0;

	while (i < text.len) {
		uint32_t code = text.data[i++];
		size_t ones = 0;
		size_t tail;
		while (code & UINT32_C(0x80) >> ones)
			ones++;
		if (ones == 1 || ones > 4)
			return false;
		tail = ones > 0 ? ones - 1 : 0;
		if (tail > text.len - i)
			return false;
		code &= UINT32_C(0x7f) >> ones;
		for (size_t end = i + tail; i < end; i++) {
			if ((text.data[i] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (text.data[i] & 0x3fu);
		}
		if (code < least[tail] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return false;
	}
	return true;
}
