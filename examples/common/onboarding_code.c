/* SPDX-License-Identifier: Apache-2.0 */
/* See onboarding_code.h. */
#include "onboarding_code.h"

#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dps/port/posix.h"

#define PREFIX      "DPS:1:"
#define PREFIX_LEN  (sizeof(PREFIX) - 1)
#define SALT        "dps-onboarding-v1"
#define KEY_CHARS   26u /* 128 bits, and two bits that are zero */
#define CHECK_CHARS 2u
#define CHARS       (KEY_CHARS + CHECK_CHARS)
#define GROUP       4u
#define CRC10                                                                                                                              \
	0x233u /* x^10 + x^9 + x^5 + x^4 + x + 1: finds every error in up to ten bits side by side, so in two neighbouring characters */

/* RFC 4648 section 6: no 0, 1, 8 that look like letters. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_id_char(char c)
{
	c = upper(c);
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool onboarding_id_valid(const char *text, size_t len)
{
	if (len == 0 || len > ONBOARDING_ID_LENGTH)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_id_char(text[i]))
			return false;
	return true;
}

void onboarding_code_set_id(struct onboarding_code *code, const char *id)
{
	size_t len = strnlen(id, ONBOARDING_ID_LENGTH);

	memset(code->id, 0, sizeof(code->id));
	for (size_t i = 0; i < len; i++)
		code->id[i] = upper(id[i]);
}

static unsigned crc_add(unsigned crc, unsigned value, unsigned bits)
{
	while (bits-- > 0) {
		unsigned carry = (crc >> 9 ^ value >> bits) & 1u;

		crc = (crc << 1) & 0x3ffu;
		if (carry != 0)
			crc ^= CRC10;
	}
	return crc;
}

/* Over the id and the key's characters, as five bits each. */
static unsigned check_of(const char *id, const uint8_t values[KEY_CHARS])
{
	unsigned crc = 0x3ffu;

	for (; *id != '\0'; id++)
		crc = crc_add(crc, (unsigned char)*id, 8);
	for (size_t i = 0; i < KEY_CHARS; i++)
		crc = crc_add(crc, values[i], 5);
	return crc;
}

static bool read_characters(const char *text, size_t len, uint8_t values[CHARS], const char **why)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++) {
		const char *at;

		if (text[i] == '-')
			continue;
		at = text[i] != '\0' ? strchr(alphabet, upper(text[i])) : NULL;
		if (at == NULL) {
			*why = "a character that no key has (A to Z, 2 to 7)";
			return false;
		}
		if (count == CHARS) {
			*why = "too long";
			return false;
		}
		values[count++] = (uint8_t)(at - alphabet);
	}
	*why = "too short";
	return count == CHARS;
}

/* Five bits a character into bytes; what is left over must be zero, so that a key has one text only. */
static bool pack(const uint8_t values[KEY_CHARS], uint8_t secret[ONBOARDING_SECRET])
{
	unsigned bits = 0;
	unsigned pending = 0;
	size_t n = 0;

	for (size_t i = 0; i < KEY_CHARS; i++) {
		pending = (pending << 5 | values[i]) & 0xfffu;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			secret[n++] = (uint8_t)(pending >> bits);
		}
	}
	return (pending & ((1u << bits) - 1u)) == 0;
}

static void unpack(const uint8_t secret[ONBOARDING_SECRET], uint8_t values[KEY_CHARS])
{
	unsigned bits = 0;
	unsigned pending = 0;
	size_t n = 0;

	for (size_t i = 0; i < ONBOARDING_SECRET; i++) {
		pending = (pending << 8 | secret[i]) & 0xfffu;
		bits += 8;
		while (bits >= 5) {
			bits -= 5;
			values[n++] = (uint8_t)(pending >> bits & 31u);
		}
	}
	values[n] = (uint8_t)(pending << (5 - bits) & 31u);
}

static bool parse(const char *text, size_t len, struct onboarding_code *code, const char **why)
{
	uint8_t values[CHARS] = {0};
	const char *separator;
	size_t id_len;
	bool ok;

	*why = "does not begin with DPS:1:";
	if (len < PREFIX_LEN)
		return false;
	for (size_t i = 0; i < PREFIX_LEN; i++)
		if (upper(text[i]) != PREFIX[i])
			return false;
	text += PREFIX_LEN;
	len -= PREFIX_LEN;
	*why = "not DPS:1:ID:KEY";
	separator = memchr(text, ':', len);
	if (separator == NULL)
		return false;
	id_len = (size_t)(separator - text);
	*why = "the id is not 1 to 64 letters, digits, '.', '_', '-'";
	if (!onboarding_id_valid(text, id_len))
		return false;
	for (size_t i = 0; i < id_len; i++)
		code->id[i] = upper(text[i]);
	ok = read_characters(separator + 1, len - id_len - 1, values, why);
	if (ok) {
		*why = "the check characters do not fit: mistyped";
		ok = pack(values, code->secret) && check_of(code->id, values) == (unsigned)(values[KEY_CHARS] << 5 | values[KEY_CHARS + 1]);
	}
	explicit_bzero(values, sizeof(values));
	return ok;
}

dps_result onboarding_code_parse(const char *text, size_t len, struct onboarding_code *code, const char **why)
{
	memset(code, 0, sizeof(*code));
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (!parse(text, len, code, why)) {
		explicit_bzero(code, sizeof(*code));
		return DPS_E_FIELD;
	}
	*why = "";
	return DPS_OK;
}

void onboarding_code_format(const struct onboarding_code *code, char text[ONBOARDING_CODE_SIZE])
{
	uint8_t values[CHARS] = {0};
	unsigned check;
	size_t n = (size_t)snprintf(text, ONBOARDING_CODE_SIZE, PREFIX "%s:", code->id);

	unpack(code->secret, values);
	check = check_of(code->id, values);
	values[KEY_CHARS] = (uint8_t)(check >> 5);
	values[KEY_CHARS + 1] = (uint8_t)(check & 31u);
	for (size_t i = 0; i < CHARS; i++) {
		if (i > 0 && i % GROUP == 0)
			text[n++] = '-';
		text[n++] = alphabet[values[i]];
	}
	text[n] = '\0';
	explicit_bzero(values, sizeof(values));
}

void onboarding_code_identity(const struct onboarding_code *code, char identity[ONBOARDING_IDENTITY_SIZE])
{
	snprintf(identity, ONBOARDING_IDENTITY_SIZE, "dps1:%s", code->id);
}

dps_result onboarding_code_derive(const struct onboarding_code *code, uint8_t psk[ONBOARDING_PSK])
{
	const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);

	if (sha256 == NULL || mbedtls_hkdf(sha256, (const unsigned char *)SALT, sizeof(SALT) - 1, code->secret, sizeof(code->secret),
	                                   (const unsigned char *)code->id, strlen(code->id), psk, ONBOARDING_PSK) != 0) {
		explicit_bzero(psk, ONBOARDING_PSK);
		return DPS_E_INTERNAL;
	}
	return DPS_OK;
}

static dps_result read_file(const char *path, struct onboarding_code *code, const char **why)
{
	uint8_t buf[2 * ONBOARDING_CODE_SIZE];
	size_t len = 0;
	bool looser_mode = false;
	dps_result result = dps_posix_read_file(path, buf, sizeof(buf), &len, &looser_mode, why);

	if (result == DPS_OK && looser_mode) {
		*why = "others have access to it (chmod 600)";
		result = DPS_E_FILE;
	}
	if (result == DPS_OK)
		result = onboarding_code_parse((const char *)buf, len, code, why);
	explicit_bzero(buf, sizeof(buf));
	return result;
}

dps_result onboarding_code_read(const char *source, struct onboarding_code *code, const char **why)
{
	memset(code, 0, sizeof(*code));
	if (source[0] == '@')
		return read_file(source + 1, code, why);
	if (strncmp(source, "env:", 4) == 0) {
		source = getenv(source + 4);
		if (source == NULL) {
			*why = "no such environment variable";
			return DPS_E_FILE;
		}
	}
	return onboarding_code_parse(source, strlen(source), code, why);
}
