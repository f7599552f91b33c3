/* SPDX-License-Identifier: Apache-2.0 */
/* See files.h. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fill(int fd, uint8_t *bytes, size_t most, size_t *len)
{
	*len = 0;
	while (*len < most) {
		ssize_t got = read(fd, bytes + *len, most - *len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		*len += (size_t)got;
	}
	return true;
}

uint8_t *files_read(const char *path, size_t most, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = fd < 0 ? NULL : malloc(most + 2);
	int error;

	if (bytes == NULL || !fill(fd, bytes, most + 1, len)) {
		error = errno;
		goto failed;
	}
	if (*len > most) {
		error = EFBIG;
		goto failed;
	}
	close(fd);
	bytes[*len] = '\0';
	return bytes;
failed:
	if (fd >= 0)
		close(fd);
	free(bytes);
	errno = error;
	return NULL;
}

bool files_write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t put = write(fd, at, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		at += put;
		len -= (size_t)put;
	}
	return true;
}

bool files_sync_parent(const char *path)
{
	char copy[PATH_MAX];
	int fd;
	bool done;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy)) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = fsync(fd) == 0;
	close(fd);
	return done;
}

bool files_replace(const char *path, const void *bytes, size_t len, mode_t mode)
{
	char temporary[PATH_MAX];
	int error;
	int fd;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return false;
	if (files_write_all(fd, bytes, len) && fchmod(fd, mode) == 0 && fsync(fd) == 0 && rename(temporary, path) == 0) {
		close(fd);
		return files_sync_parent(path);
	}
	error = errno;
	close(fd);
	unlink(temporary);
	errno = error;
	return false;
}

bool files_make_parents(const char *path)
{
	char copy[PATH_MAX];

	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy)) {
		errno = ENAMETOOLONG;
		return false;
	}
	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, S_IRWXU) != 0 && errno != EEXIST)
			return false;
		*slash = '/';
	}
	return true;
}
