/* SPDX-License-Identifier: Apache-2.0 */
/* Small text and memory helpers of the service. */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA1_SIZE 20u

_Noreturn void service_fail(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("dps-service: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(code);
}

void *service_alloc(size_t size)
{
	void *memory = calloc(1, size == 0 ? 1 : size);

	if (memory == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "no memory for %zu bytes", size);
	}
	return memory;
}

void *service_realloc(void *memory, size_t size)
{
	void *larger = realloc(memory, size == 0 ? 1 : size);

	if (larger == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "no memory for %zu bytes", size);
	}
	return larger;
}

char *service_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(service_alloc(size), text, size);
}

char *service_format(const char *format, ...)
{
	va_list arguments;
	va_list again;
	int length;
	char *text;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot format \"%s\"", format);
	}
	text = service_alloc((size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

void service_random(void *bytes, size_t length)
{
	if (length > INT32_MAX || RAND_bytes(bytes, (int)length) != 1) {
		service_fail(SERVICE_EXIT_FAILURE, "no random bytes");
	}
}

bool service_uuid_parse(const char *text, char out[SERVICE_UUID_SIZE])
{
	size_t at;

	if (strlen(text) != SERVICE_UUID_TEXT) {
		return false;
	}
	for (at = 0; at < SERVICE_UUID_TEXT; at++) {
		bool dash = at == 8 || at == 13 || at == 18 || at == 23;

		if (dash ? text[at] != '-' : !isxdigit((unsigned char)text[at])) {
			return false;
		}
	}
	for (at = 0; out != NULL && at <= SERVICE_UUID_TEXT; at++) {
		out[at] = (char)tolower((unsigned char)text[at]);
	}
	return true;
}

void service_uuid_from_url_name(const char *name, char out[SERVICE_UUID_SIZE])
{
	/* RFC 4122 appendix C: the name space for URLs. */
	static const uint8_t name_space[16] = {0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
	uint8_t digest[SHA1_SIZE];
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool done = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha1(), NULL) == 1 &&
	            EVP_DigestUpdate(hash, name_space, sizeof(name_space)) == 1 && EVP_DigestUpdate(hash, name, strlen(name)) == 1 &&
	            EVP_DigestFinal_ex(hash, digest, NULL) == 1;

	EVP_MD_CTX_free(hash);
	if (!done) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot hash the owner's name");
	}
	digest[6] = (uint8_t)((digest[6] & 0x0fu) | 0x50u);
	digest[8] = (uint8_t)((digest[8] & 0x3fu) | 0x80u);
	snprintf(out, SERVICE_UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", digest[0], digest[1],
	         digest[2], digest[3], digest[4], digest[5], digest[6], digest[7], digest[8], digest[9], digest[10], digest[11], digest[12],
	         digest[13], digest[14], digest[15]);
}

bool service_parse_number(const char *text, long low, long high, long *out)
{
	char *end;
	long value;

	if (!isdigit((unsigned char)text[0])) {
		return false;
	}
	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < low || value > high) {
		return false;
	}
	*out = value;
	return true;
}

char *service_base64url(const void *bytes, size_t length)
{
	char *text = service_alloc(4 * ((length + 2) / 3) + 1);
	char *at;

	EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
	for (at = text; *at != '\0'; at++) {
		if (*at == '+') {
			*at = '-';
		} else if (*at == '/') {
			*at = '_';
		} else if (*at == '=') {
			*at = '\0';
			break;
		}
	}
	return text;
}

bool service_split_address(const char *address, char **host, char **port)
{
	const char *colon = strrchr(address, ':');
	size_t length = colon == NULL ? 0 : (size_t)(colon - address);
	bool is_bracketed = length >= 2 && address[0] == '[' && address[length - 1] == ']';
	long number;

	if (length == 0 || (is_bracketed && length == 2) || (!is_bracketed && memchr(address, ':', length) != NULL) ||
	    !service_parse_number(colon + 1, 0, 65535, &number)) {
		return false;
	}
	*host = is_bracketed ? service_format("%.*s", (int)length - 2, address + 1) : service_format("%.*s", (int)length, address);
	*port = service_strdup(colon + 1);
	return true;
}
