/* SPDX-License-Identifier: Apache-2.0 */
/* See test_memory.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "support/test_memory.h"

#define MAPPING_MAX  (64ul << 20) /* the sanitizers' shadow is larger, and holds no data */
#define SEARCHED_MIN 100000u

size_t test_memory_count(const uint8_t *data, size_t len, const void *wanted, size_t wanted_len)
{
	const uint8_t *at = data;
	size_t found = 0;

	while ((at = memmem(at, len - (size_t)(at - data), wanted, wanted_len)) != NULL) {
		found++;
		at++;
	}
	return found;
}

size_t test_memory_search(int pid, size_t (*count)(const uint8_t *data, size_t len, const void *context), const void *context)
{
	char path[64];
	char line[512];
	size_t found = 0;
	size_t searched = 0;
	FILE *maps;
	FILE *mem;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = fopen(path, "rb");
	assert_non_null(maps);
	assert_non_null(mem);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;
		char rights[8];
		uint8_t *data;
		size_t got;

		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[1] != 'w' || to - from > MAPPING_MAX)
			continue;
		data = malloc(to - from);
		assert_non_null(data);
		got = fseeko(mem, (off_t)from, SEEK_SET) == 0 ? fread(data, 1, to - from, mem) : 0;
		found += got > 0 ? count(data, got, context) : 0;
		searched += got;
		free(data);
	}
	fclose(maps);
	fclose(mem);
	assert_true(searched > SEARCHED_MIN);
	return found;
}
