/* SPDX-License-Identifier: Apache-2.0 */
/* See text.h. */
#include "text.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_hex(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = '\0';
}

void text_sha256(const void *bytes, size_t len, char out[TEXT_SHA256_SIZE])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256(bytes, len, digest);
	text_hex(digest, sizeof(digest), out);
}

char *text_base64(const uint8_t *bytes, size_t len)
{
	char *out = malloc(4 * (len / 3 + 1) + 1);

	if (out != NULL)
		EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
	return out;
}

void text_time(time_t when, char out[TEXT_TIME_SIZE])
{
	struct tm parts;

	if (gmtime_r(&when, &parts) == NULL || parts.tm_year > 9999 - 1900)
		snprintf(out, TEXT_TIME_SIZE, "9999-12-31T23:59:59Z");
	else
		strftime(out, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

bool text_is_serial(const char *text)
{
	static const char alphanumeric[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	static const char printable[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?";
	size_t len = strlen(text);

	return len > 0 && len < TEXT_SERIAL_SIZE && strchr(alphanumeric, text[0]) != NULL && strspn(text, printable) == len &&
	       text[len - 1] != ' ';
}

bool text_number(const char *text, uint32_t low, uint32_t high, uint32_t *value)
{
	char *end;
	unsigned long long number;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
	if (*end != '\0' || errno != 0 || number < low || number > high)
		return false;
	*value = (uint32_t)number;
	return true;
}
