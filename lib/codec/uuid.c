/* SPDX-License-Identifier: Apache-2.0 */
/* UUID texts (RFC 9562 section 4). */
#include "dps/types.h"

#include <string.h>

#include "codec/text.h"

/* Where the four hyphens of 8-4-4-4-12 stand. */
static bool is_hyphen_position(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

int dps_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

dps_result dps_uuid_parse(const char *text, size_t len, struct dps_uuid *uuid)
{
	struct dps_uuid parsed = {{0}};
	size_t digits = 0;
	size_t i;

	if (len != DPS_UUID_TEXT_LEN)
		return DPS_E_FIELD;
	for (i = 0; i < len; i++) {
		int value;
		if (is_hyphen_position(i)) {
			if (text[i] != '-')
				return DPS_E_FIELD;
			continue;
		}
		value = dps_hex_value(text[i]);
		if (value < 0)
			return DPS_E_FIELD;
		parsed.bytes[digits / 2] = (uint8_t)(parsed.bytes[digits / 2] << 4 | value);
		digits++;
	}
	*uuid = parsed;
	return DPS_OK;
}

void dps_uuid_format(const struct dps_uuid *uuid, char text[DPS_UUID_TEXT_LEN + 1])
{
	static const char hex[16] = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
	size_t digits = 0;
	size_t i;

	for (i = 0; i < DPS_UUID_TEXT_LEN; i++) {
		if (is_hyphen_position(i)) {
			text[i] = '-';
			continue;
		}
		text[i] = hex[uuid->bytes[digits / 2] >> (digits % 2 == 0 ? 4 : 0) & 0xf];
		digits++;
	}
	text[i] = '\0';
}

bool dps_uuid_is_nil(const struct dps_uuid *uuid)
{
	static const struct dps_uuid nil = {{0}};
	return dps_uuid_equal(uuid, &nil);
}

bool dps_uuid_equal(const struct dps_uuid *a, const struct dps_uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
