/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of pins.
 */
#include <string.h>

#include "codec/text.h"
#include "dps/config.h"
#include "dps/pki.h"

#if DPS_CONFIG_TOOLS

#define SPKI_PREFIX "spki-"
#define HASH_PREFIX "sha256:"

static bool read_digest(const char *text, uint8_t digest[DPS_SHA256_SIZE])
{
	for (size_t i = 0; i < 2 * DPS_SHA256_SIZE; i++, text++) {
		if (i > 0 && i % 2 == 0 && *text == ':')
			text++;
		const int value = dps_hex_value(*text);
		if (value < 0)
			return false;
		digest[i / 2] = (uint8_t)(digest[i / 2] << 4 | value);
	}
	return *text == '\0';
}

dps_result dps_pin_parse(const char *text, struct dps_pin *pin)
{
	struct dps_pin read = {.kind = DPS_PIN_CERTIFICATE};
	if (strncmp(text, SPKI_PREFIX, sizeof(SPKI_PREFIX) - 1) == 0) {
		read.kind = DPS_PIN_SPKI;
		text += sizeof(SPKI_PREFIX) - 1;
	}
	if (strncmp(text, HASH_PREFIX, sizeof(HASH_PREFIX) - 1) != 0 || !read_digest(text + sizeof(HASH_PREFIX) - 1, read.digest))
		return DPS_E_PIN_FORMAT;
	*pin = read;
	return DPS_OK;
}

#endif
