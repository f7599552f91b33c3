/* SPDX-License-Identifier: Apache-2.0 */
/* See test_snapshot.h. */
#include "support/test_snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * docs/storage-format.md: behind the manifest's header of 16 bytes and two numbers of 2 are the records' generations, in force and confirmed. The lowest bit
 * of the one in force is its slot. A blob's own generation, which is small in a test, ends at byte 7 of its header.
 */
#define GENERATION_END  7u
#define MANIFEST_HEADER 20u
#define MANIFEST_ENTRY  8u
#define MANIFEST_LENGTH (MANIFEST_HEADER + 6 * MANIFEST_ENTRY)

static void join(char *path, size_t size, const char *directory, const char *name)
{
	if ((size_t)snprintf(path, size, "%s/%s", directory, name) >= size) {
		fail_msg("the path of %s is too long", name);
	}
}

static void read_one(struct test_file *file, const char *directory, const char *name)
{
	char path[1024];
	struct stat about;
	int descriptor;

	join(path, sizeof(path), directory, name);
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0 || fstat(descriptor, &about) != 0) {
		fail_msg("cannot open %s: %s", path, strerror(errno));
	}
	snprintf(file->name, sizeof(file->name), "%.63s", name);
	file->length = (size_t)about.st_size;
	file->bytes = malloc(file->length + 1);
	if (file->bytes == NULL || read(descriptor, file->bytes, file->length) != (ssize_t)file->length) {
		fail_msg("cannot read %s: %s", path, strerror(errno));
	}
	close(descriptor);
}

void test_snapshot_take(struct test_snapshot *snapshot, const char *directory)
{
	DIR *listing = opendir(directory);
	struct dirent *entry;

	memset(snapshot, 0, sizeof(*snapshot));
	if (listing == NULL && errno != ENOENT) {
		fail_msg("cannot list %s: %s", directory, strerror(errno));
	}
	while (listing != NULL && (entry = readdir(listing)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
			continue;
		}
		if (snapshot->count == TEST_SNAPSHOT_FILES) {
			fail_msg("more files in %s than expected", directory);
		}
		read_one(&snapshot->files[snapshot->count++], directory, entry->d_name);
	}
	if (listing != NULL) {
		closedir(listing);
	}
}

void test_snapshot_free(struct test_snapshot *snapshot)
{
	for (size_t at = 0; at < snapshot->count; at++) {
		free(snapshot->files[at].bytes);
	}
	memset(snapshot, 0, sizeof(*snapshot));
}

void test_file_write(const char *directory, const char *name, const void *bytes, size_t length)
{
	char path[1024];
	int descriptor;

	join(path, sizeof(path), directory, name);
	if (unlink(path) != 0 && errno != ENOENT) {
		fail_msg("cannot remove %s: %s", path, strerror(errno));
	}
	if (bytes == NULL) {
		return;
	}
	descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (descriptor < 0 || write(descriptor, bytes, length) != (ssize_t)length || close(descriptor) != 0) {
		fail_msg("cannot write %s: %s", path, strerror(errno));
	}
}

void test_snapshot_restore(const struct test_snapshot *snapshot, const char *directory)
{
	struct test_snapshot present;

	if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
		fail_msg("cannot make %s: %s", directory, strerror(errno));
	}
	test_snapshot_take(&present, directory);
	for (size_t at = 0; at < present.count; at++) {
		test_file_write(directory, present.files[at].name, NULL, 0);
	}
	test_snapshot_free(&present);
	for (size_t at = 0; at < snapshot->count; at++) {
		test_file_write(directory, snapshot->files[at].name, snapshot->files[at].bytes, snapshot->files[at].length);
	}
}

const struct test_file *test_snapshot_find(const struct test_snapshot *snapshot, const char *name)
{
	for (size_t at = 0; at < snapshot->count; at++) {
		if (strcmp(snapshot->files[at].name, name) == 0) {
			return &snapshot->files[at];
		}
	}
	return NULL;
}

const struct test_file *test_snapshot_newest(const struct test_snapshot *snapshot, const char *pair)
{
	const struct test_file *newest = NULL;
	char name[32];

	for (unsigned slot = 0; slot < 2; slot++) {
		const struct test_file *file;

		snprintf(name, sizeof(name), "%s-%u", pair, slot);
		file = test_snapshot_find(snapshot, name);
		if (file != NULL && file->length > GENERATION_END &&
		    (newest == NULL || file->bytes[GENERATION_END] > newest->bytes[GENERATION_END])) {
			newest = file;
		}
	}
	return newest;
}

static bool is_same(const struct test_file *file, const struct test_snapshot *other)
{
	const struct test_file *twin = test_snapshot_find(other, file->name);

	return twin != NULL && twin->length == file->length && memcmp(twin->bytes, file->bytes, file->length) == 0;
}

const char *test_snapshot_difference(const struct test_snapshot *a, const struct test_snapshot *b)
{
	for (size_t at = 0; at < a->count; at++) {
		if (!is_same(&a->files[at], b)) {
			return a->files[at].name;
		}
	}
	for (size_t at = 0; at < b->count; at++) {
		if (test_snapshot_find(a, b->files[at].name) == NULL) {
			return b->files[at].name;
		}
	}
	return NULL;
}

static const char *named_difference(const struct test_snapshot *before, const struct test_snapshot *after, const char *name)
{
	const struct test_file *file = test_snapshot_find(before, name);

	return file == NULL || is_same(file, after) ? NULL : file->name;
}

const char *test_snapshot_committed_difference(const struct test_snapshot *before, const struct test_snapshot *after)
{
	static const char *const records[] = {"owner", "cloud", "credentials", "acls", "resources", "local"};
	static const char *const singles[] = {"manifest", "device"};
	const struct test_file *manifest = test_snapshot_newest(before, "manifest");
	const char *different = NULL;
	char name[32];

	if (manifest == NULL || manifest->length != MANIFEST_LENGTH) {
		fail_msg("there is no manifest");
		return "manifest";
	}
	for (size_t at = 0; at < sizeof(singles) / sizeof(singles[0]) && different == NULL; at++) {
		const struct test_file *was = test_snapshot_newest(before, singles[at]);
		const struct test_file *is = test_snapshot_newest(after, singles[at]);

		if (was != NULL && (is == NULL || strcmp(was->name, is->name) != 0 || !is_same(was, after))) {
			different = singles[at];
		}
	}
	if (different == NULL) {
		different = named_difference(before, after, "key-identity-0");
	}
	for (size_t at = 0; at < sizeof(records) / sizeof(records[0]) && different == NULL; at++) {
		snprintf(name, sizeof(name), "%s-%d", records[at], manifest->bytes[MANIFEST_HEADER + MANIFEST_ENTRY * at + 3] & 1);
		different = named_difference(before, after, name);
	}
	return different;
}
