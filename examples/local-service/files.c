/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the state directory. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

#define READ_LIMIT ((off_t)16 << 20)

char *service_files_path(const char *directory, const char *name)
{
	return service_format("%s/%s", directory, name);
}

bool service_files_exist(const char *path)
{
	return access(path, F_OK) == 0;
}

char *service_files_read(const char *path, size_t *length)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct stat about;
	char *content = NULL;
	size_t filled = 0;

	if (file < 0) {
		return NULL;
	}
	if (fstat(file, &about) != 0) {
		goto failed;
	}
	if (!S_ISREG(about.st_mode) || about.st_size > READ_LIMIT) {
		errno = S_ISDIR(about.st_mode) ? EISDIR : EFBIG;
		goto failed;
	}
	content = service_alloc((size_t)about.st_size + 1);
	while (filled < (size_t)about.st_size) {
		ssize_t got = read(file, content + filled, (size_t)about.st_size - filled);

		if (got < 0) {
			goto failed;
		}
		if (got == 0) {
			break;
		}
		filled += (size_t)got;
	}
	close(file);
	if (length != NULL) {
		*length = filled;
	}
	return content;

failed:
	free(content);
	close(file);
	return NULL;
}

static bool write_all(int file, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(file, bytes, length);

		if (put < 0) {
			return false;
		}
		bytes += put;
		length -= (size_t)put;
	}
	return true;
}

static bool sync_directory_of(const char *path)
{
	char *directory = service_strdup(path);
	char *slash = strrchr(directory, '/');
	bool done = false;
	int file;

	if (slash == directory) {
		slash[1] = '\0';
	} else if (slash != NULL) {
		*slash = '\0';
	}
	file = open(slash == NULL ? "." : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file >= 0) {
		done = fsync(file) == 0;
		close(file);
	}
	free(directory);
	return done;
}

bool service_files_write(const char *path, const void *bytes, size_t length, mode_t mode)
{
	char *temporary = service_format("%s.XXXXXX", path);
	int file = mkostemp(temporary, O_CLOEXEC);
	bool done = false;

	if (file >= 0) {
		done = fchmod(file, mode) == 0 && write_all(file, bytes, length) && fsync(file) == 0;
		done = close(file) == 0 && done;
		done = done && rename(temporary, path) == 0 && sync_directory_of(path);
		if (!done) {
			int cause = errno;

			unlink(temporary);
			errno = cause;
		}
	}
	free(temporary);
	return done;
}

bool service_files_make_directory(const char *path)
{
	struct stat about;

	if (mkdir(path, 0755) == 0) {
		return true;
	}
	if (errno != EEXIST || stat(path, &about) != 0) {
		return false;
	}
	if (!S_ISDIR(about.st_mode)) {
		errno = ENOTDIR;
		return false;
	}
	return true;
}

int service_files_lock(const char *directory)
{
	int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (file >= 0 && flock(file, LOCK_EX) != 0) {
		int cause = errno;

		close(file);
		errno = cause;
		return -1;
	}
	return file;
}
