/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes for tests: see test_bytes.h. */
#include "support/test_bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOADS  "test/vectors/plgd/payloads.txt"
#define STORED_V1 "test/vectors/store-v1.txt"

static void give_up(const char *what, const char *about)
{
	fprintf(stderr, "test_bytes: %s: %s\n", what, about);
	abort();
}

struct dps_span test_text(const char *text)
{
	return (struct dps_span){(const uint8_t *)text, strlen(text)};
}

struct dps_span test_hex(const char *hex, uint8_t *buf, size_t size)
{
	size_t digits = 0;

	for (; *hex != '\0'; hex++) {
		unsigned value;
		char digit[2] = {*hex, '\0'};
		if (*hex == ' ' || *hex == '\n' || *hex == '\r')
			continue;
		if (sscanf(digit, "%1x", &value) != 1 || digits / 2 >= size)
			give_up("no hex, or too much of it", hex);
		buf[digits / 2] = (uint8_t)(digits % 2 == 0 ? value << 4 : buf[digits / 2] | value);
		digits++;
	}
	return (struct dps_span){buf, digits / 2};
}

struct dps_span test_payload(const char *name, uint8_t *buf, size_t size)
{
	static char line[16384];
	FILE *file = fopen(PAYLOADS, "r");
	size_t len = strlen(name);

	if (file == NULL)
		give_up("run tests from the top of the source tree, cannot read", PAYLOADS);
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		if (strncmp(line, name, len) != 0 || line[len] != ' ')
			continue;
		fclose(file);
		return test_hex(line + len, buf, size);
	}
	give_up("no such payload", name);
	return (struct dps_span){NULL, 0};
}

bool test_stored_v1(size_t index, char name[32], uint8_t *buf, size_t size, struct dps_span *bytes)
{
	static char line[16384];
	FILE *file = fopen(STORED_V1, "r");
	int digits = 0;

	if (file == NULL)
		give_up("run tests from the top of the source tree, cannot read", STORED_V1);
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		if (line[0] == '#')
			continue;
		if (index-- > 0)
			continue;
		fclose(file);
		if (sscanf(line, "%31s %n", name, &digits) != 1)
			give_up("no name and no bytes in", STORED_V1);
		line[strcspn(line, "\n")] = '\0';
		*bytes = test_hex(line + digits, buf, size);
		return true;
	}
	if (file != NULL)
		fclose(file);
	return false;
}

struct dps_span test_copy(const void *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, data, len);
	return (struct dps_span){copy, len};
}
