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
	uint32_t table[16];                               /* remainders of half a byte: made here, 64 bytes of flash less */
	uint32_t i;

	for (i = 0; i < 16; i++) {
		uint32_t remainder = i;
		unsigned bit;
		for (bit = 0; bit < 4; bit++)
			remainder = remainder >> 1 ^ (remainder & 1 ? polynomial : 0);
		table[i] = remainder;
	}
	crc = ~crc;
	for (; len > 0; data++, len--) {
		crc = crc >> 4 ^ table[(crc ^ *data) & 15];
		crc = crc >> 4 ^ table[(crc ^ (uint32_t)(*data >> 4)) & 15];
	}
	return ~crc;
}

/* RFC 3629: shortest forms only, no surrogates, nothing above U+10FFFF; NUL is refused because texts become C strings somewhere. */
bool dps_text_is_valid(struct dps_span text)
{
	static const struct {
		uint8_t mask, lead, tail;
		uint32_t min;
	} forms[] = {{0x80, 0x00, 0, 0x1}, {0xe0, 0xc0, 1, 0x80}, {0xf0, 0xe0, 2, 0x800}, {0xf8, 0xf0, 3, 0x10000}};
	const uint8_t *p = text.data;
	size_t i = 0;

	while (i < text.len) {
		uint32_t code;
		size_t form = 0;
		size_t tail;
		while (form < 4 && (p[i] & forms[form].mask) != forms[form].lead)
			form++;
		if (form == 4 || forms[form].tail > text.len - i - 1)
			return false;
		code = p[i++] & (uint8_t)~forms[form].mask;
		for (tail = forms[form].tail; tail > 0; tail--, i++) {
			if ((p[i] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (p[i] & 0x3fu);
		}
		if (code < forms[form].min || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return false;
	}
	return true;
}
