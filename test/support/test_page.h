/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the pages in docs/, for tests that compare them with the code. Run from the top of the tree. */
#ifndef TEST_SUPPORT_TEST_PAGE_H
#define TEST_SUPPORT_TEST_PAGE_H

#include <stddef.h>

#define TEST_PAGE_CELLS     8
#define TEST_PAGE_ROWS      128
#define TEST_PAGE_CELL_SIZE 200

/* A row's cells, without blanks and back quotes around them. */
struct test_page_row {
	char cells[TEST_PAGE_CELLS][TEST_PAGE_CELL_SIZE];
	size_t count;
};

/* Reads the one table below a heading ("## Causes"), without its head; rows has TEST_PAGE_ROWS entries. Fails the test when there is none. */
size_t test_page_table(const char *page, const char *heading, struct test_page_row *rows);

#endif
