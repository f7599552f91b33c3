/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the state directory: read whole, written so that a reader or a crash sees the old or the new content, never a half of it. */
#ifndef SERVICE_FILES_H
#define SERVICE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SERVICE_MODE_PUBLIC  0644
#define SERVICE_MODE_PRIVATE 0600

/* DIR/name; the caller frees it. */
char *service_files_path(const char *directory, const char *name);

bool service_files_exist(const char *path);

/* The content with a zero byte behind it, or NULL with errno. The caller frees it. */
char *service_files_read(const char *path, size_t *length);

/* Temporary file, fsync, rename, fsync of the directory. False with errno. */
bool service_files_write(const char *path, const void *bytes, size_t length, mode_t mode);

/* Makes the directory when it is missing. False with errno. */
bool service_files_make_directory(const char *path);

/* Waits for the exclusive lock of a directory (the service and `make-device` may start at once): a descriptor to close, or -1 with errno. */
int service_files_lock(const char *directory);

#endif
