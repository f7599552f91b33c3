/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pins: their text form, and whether a certificate is one that was pinned.
 */
#include "pki/pin.h"

#include <string.h>

#include "codec/text.h"
#include "pki/digest.h"

static const struct {
	const char *prefix;
	enum dps_pin_kind kind;
} PIN_KINDS[] = {{"sha256:", DPS_PIN_CERTIFICATE}, {"spki-sha256:", DPS_PIN_SPKI}};

static bool read_digest(const char *text, uint8_t digest[DPS_SHA256_SIZE])
{
	for (size_t i = 0; i < DPS_SHA256_SIZE; i++) {
		if (i > 0 && *text == ':')
			text++;
		const int high = dps_pki_hex_value(text[0]);
		const int low = high < 0 ? -1 : dps_pki_hex_value(text[1]);
		if (low < 0)
			return false;
		digest[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return *text == '\0';
}

dps_result dps_pin_parse(const char *text, struct dps_pin *pin)
{
	for (size_t i = 0; i < sizeof(PIN_KINDS) / sizeof(PIN_KINDS[0]); i++) {
		const size_t len = strlen(PIN_KINDS[i].prefix);
		struct dps_pin read = {.kind = PIN_KINDS[i].kind};
		if (strncmp(text, PIN_KINDS[i].prefix, len) != 0)
			continue;
		if (!read_digest(text + len, read.digest))
			return DPS_E_PIN_FORMAT;
		*pin = read;
		return DPS_OK;
	}
	return DPS_E_PIN_FORMAT;
}

bool dps_pki_pinned(const struct dps_trust *trust, const uint8_t certificate[DPS_SHA256_SIZE], const uint8_t spki[DPS_SHA256_SIZE])
{
	bool seen = false;
	/* every pin is compared, whichever matches: the time tells nothing of the list */
	for (size_t i = 0; i < trust->pin_count; i++) {
		const struct dps_pin *pin = &trust->pins[i];
		const uint8_t *digest = pin->kind == DPS_PIN_SPKI ? spki : certificate;
		if (dps_equal_constant_time(pin->digest, digest, DPS_SHA256_SIZE))
			seen = true;
	}
	return seen;
}
