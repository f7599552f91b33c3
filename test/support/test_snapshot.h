/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a state directory in memory: to show that nothing has changed, to put a device back to where it was, to damage one file of it. */
#ifndef TEST_SUPPORT_TEST_SNAPSHOT_H
#define TEST_SUPPORT_TEST_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_SNAPSHOT_FILES 40

struct test_file {
	char name[64];
	uint8_t *bytes;
	size_t length;
};

struct test_snapshot {
	struct test_file files[TEST_SNAPSHOT_FILES];
	size_t count;
};

/* A directory that is not there has no files. */
void test_snapshot_take(struct test_snapshot *snapshot, const char *directory);
void test_snapshot_free(struct test_snapshot *snapshot);

/* Makes the directory hold these files and no others. */
void test_snapshot_restore(const struct test_snapshot *snapshot, const char *directory);

/* NULL when there is none of that name. */
const struct test_file *test_snapshot_find(const struct test_snapshot *snapshot, const char *name);

/* The newer of a pair's slots ("manifest", "device", ...), by the generation in its header; NULL when there is none. */
const struct test_file *test_snapshot_newest(const struct test_snapshot *snapshot, const char *pair);

/* The name of a file that is in one and not, or not the same, in the other; NULL: none. */
const char *test_snapshot_difference(const struct test_snapshot *a, const struct test_snapshot *b);

/*
 * What a device has committed: its manifest, the records that it names, its key and its own id. The name of one of these files in `before` that is not byte for
 * byte the same in `after`; NULL: none. Answers that were staged beside them are of no interest.
 */
const char *test_snapshot_committed_difference(const struct test_snapshot *before, const struct test_snapshot *after);

/* Writes one file of a directory anew; NULL bytes remove it. */
void test_file_write(const char *directory, const char *name, const void *bytes, size_t length);

#endif
