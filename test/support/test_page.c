/* SPDX-License-Identifier: Apache-2.0 */
/* See test_page.h. */
#include "test_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LINE_SIZE 1024

/* Cuts "| a | `b` |  |" into cells; empty ones count. */
static void cut(char *line, struct test_page_row *row)
{
	char *cell = line + 1;
	char *end;

	row->count = 0;
	for (; (end = strchr(cell, '|')) != NULL; cell = end + 1) {
		size_t len;

		*end = '\0';
		cell += strspn(cell, " `");
		len = strlen(cell);
		while (len > 0 && strchr(" `", cell[len - 1]) != NULL)
			len--;
		assert_true(len < TEST_PAGE_CELL_SIZE && row->count < TEST_PAGE_CELLS);
		memcpy(row->cells[row->count], cell, len);
		row->cells[row->count++][len] = '\0';
	}
}

size_t test_page_table(const char *page, const char *heading, struct test_page_row *rows)
{
	FILE *file = fopen(page, "r");
	char line[LINE_SIZE];
	bool inside = false;
	size_t lines = 0;
	size_t count = 0;

	if (file == NULL)
		fail_msg("%s cannot be read: tests run from the top of the tree", page);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (line[0] == '#')
			inside = strncmp(line, heading, strlen(heading)) == 0 && line[strlen(heading)] == '\n';
		if (!inside || line[0] != '|' || ++lines <= 2)
			continue;
		assert_true(count < TEST_PAGE_ROWS);
		cut(line, &rows[count++]);
	}
	fclose(file);
	assert_true(count > 0);
	return count;
}
