/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP option 43: see dps/option43.h, and docs/wire-plgd.md, "DHCP option 43". */
#include "dps/option43.h"

#if DPS_CONFIG_OPTION43

#include <string.h>

#include "codec/text.h"

/* RFC 2132 section 8.4: these two codes have neither length nor value. */
#define CODE_PAD 0
#define CODE_END 255

enum known { ENDPOINT, FINGERPRINT, DIGEST, KNOWN_COUNT };

/* --- sub-options ------------------------------------------------------------------------------------------------------------------- */

static bool codes_are_good(const uint8_t codes[KNOWN_COUNT])
{
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (codes[i] == CODE_PAD || codes[i] == CODE_END || codes[i] == codes[(i + 1) % KNOWN_COUNT])
			return false;
	return true;
}

static bool is_padding(struct dps_span rest)
{
	for (size_t i = 0; i < rest.len; i++)
		if (rest.data[i] != CODE_PAD)
			return false;
	return true;
}

static dps_result keep(const uint8_t codes[KNOWN_COUNT], uint8_t code, struct dps_span value, struct dps_span values[KNOWN_COUNT])
{
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		if (code != codes[i])
			continue;
		if (value.len == 0 || values[i].len > 0)
			return DPS_E_FIELD;
		values[i] = value;
	}
	return DPS_OK;
}

/* Takes the whole option apart. What is behind "end" is no information, but a fingerprint there must not go unnoticed. */
static dps_result split(const uint8_t *data, size_t len, const uint8_t codes[KNOWN_COUNT], struct dps_span values[KNOWN_COUNT])
{
	size_t at = 0;

	while (at < len) {
		const uint8_t code = data[at++];
		struct dps_span value;
		dps_result result;

		if (code == CODE_PAD)
			continue;
		if (code == CODE_END)
			return is_padding((struct dps_span){data + at, len - at}) ? DPS_OK : DPS_E_FIELD;
		if (at == len || data[at] > len - at - 1)
			return DPS_E_FIELD;
		value = (struct dps_span){data + at + 1, data[at]};
		at += 1 + value.len;
		result = keep(codes, code, value, values);
		if (result != DPS_OK)
			return result;
	}
	return DPS_OK;
}

/* --- what they say ----------------------------------------------------------------------------------------------------------------- */

static dps_result take_endpoint(struct dps_span value, struct dps_option43 *out)
{
	struct dps_uri parts;
	dps_result result;

	if (value.len == 0)
		return DPS_E_NO_ENDPOINT;
	result = dps_uri_parse(value, &parts); /* DPS_CONFIG_URI_LENGTH at most, and no NUL */
	if (result != DPS_OK)
		return result;
	memcpy(out->uri, value.data, value.len);
	out->uri[value.len] = '\0';
	return DPS_OK;
}

static bool is_sha256_name(struct dps_span name)
{
	static const char *const names[] = {"sha256", "sha-256"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t same = 0;

		while (same < name.len && names[i][same] != '\0') {
			const uint8_t c = name.data[same];

			if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != (uint8_t)names[i][same])
				break;
			same++;
		}
		if (same == name.len && names[i][same] == '\0')
			return true;
	}
	return false;
}

static dps_result take_fingerprint(struct dps_span digest, struct dps_span name, struct dps_option43 *out)
{
	if (digest.len == 0)
		return name.len == 0 ? DPS_OK : DPS_E_FIELD;
	if (name.len > 0 && !is_sha256_name(name))
		return DPS_E_UNSUPPORTED;
	if (digest.len != DPS_SHA256_SIZE)
		return DPS_E_PIN_FORMAT;
	out->pins[0].kind = DPS_PIN_CERTIFICATE;
	memcpy(out->pins[0].digest, digest.data, DPS_SHA256_SIZE);
	out->pin_count = 1;
	return DPS_OK;
}

dps_result dps_option43_parse(const uint8_t *data, size_t len, const struct dps_option43_codes *codes, struct dps_option43 *out)
{
	static const struct dps_option43_codes defaults = {200, 201, 202};
	const struct dps_option43_codes *c = codes != NULL ? codes : &defaults;
	const uint8_t known[KNOWN_COUNT] = {[ENDPOINT] = c->endpoint, [FINGERPRINT] = c->fingerprint, [DIGEST] = c->digest};
	struct dps_span values[KNOWN_COUNT] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
	struct dps_option43 read;
	dps_result result;

	if (!codes_are_good(known))
		return DPS_E_ARGUMENT;
	memset(&read, 0, sizeof(read));
	result = split(data, len, known, values);
	if (result == DPS_OK)
		result = take_endpoint(values[ENDPOINT], &read);
	if (result == DPS_OK)
		result = take_fingerprint(values[FINGERPRINT], values[DIGEST], &read);
	if (result == DPS_OK)
		*out = read;
	return result;
}

/* --- the text form ----------------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes one byte off the front: two digits, or, if lone digits are allowed, one. Returns how many, 0: none. */
static size_t take_byte(const char *text, size_t len, bool lone, uint8_t *byte)
{
	const int high = len > 0 ? dps_hex_value(text[0]) : -1;
	const int low = len > 1 ? dps_hex_value(text[1]) : -1;

	if (high < 0 || (low < 0 && !lone))
		return 0;
	*byte = (uint8_t)(low < 0 ? high : high << 4 | low);
	return low < 0 ? 1 : 2;
}

dps_result dps_option43_from_text(const char *text, size_t text_len, uint8_t *buf, size_t size, size_t *len)
{
	bool colons;
	size_t count = 0;

	*len = 0;
	while (text_len > 0 && is_blank(text[text_len - 1]))
		text_len--;
	for (; text_len > 0 && is_blank(*text); text_len--)
		text++;
	colons = text_len > 0 && memchr(text, ':', text_len) != NULL;
	do {
		uint8_t byte = 0;
		size_t taken = take_byte(text, text_len, colons, &byte);

		if (taken == 0)
			return DPS_E_FIELD;
		text += taken;
		text_len -= taken;
		if (count < size)
			buf[count] = byte;
		count++;
		if (!colons || text_len == 0)
			continue;
		if (*text != ':' || text_len == 1)
			return DPS_E_FIELD;
		text++;
		text_len--;
	} while (text_len > 0);
	*len = count;
	return count <= size ? DPS_OK : DPS_E_BUFFER;
}

#endif
