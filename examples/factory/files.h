/* SPDX-License-Identifier: Apache-2.0 */
/* Files: read whole, replaced atomically, directories made on the way. Failures leave errno. */
#ifndef FACTORY_FILES_H
#define FACTORY_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads a file of at most `most` bytes into memory to be freed by the caller, a NUL behind it. NULL: errno; EFBIG when it is larger. */
uint8_t *files_read(const char *path, size_t most, size_t *len);

/* Replaces a file: what was written is durable and whole, or the old content stays. */
bool files_replace(const char *path, const void *bytes, size_t len, mode_t mode);

/* Writes all of it. */
bool files_write_all(int fd, const void *bytes, size_t len);

/* Makes the directories that lead to a file (mode 0700). */
bool files_make_parents(const char *path);

/* Makes the directory entry of a file durable. */
bool files_sync_parent(const char *path);

#endif
