/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The storage port: a directory with one file for each blob, replaced atomically and durably.
 *
 * There is one temporary name only, as one process at a time holds the directory and works on one blob at a time: what a crash left under it is
 * removed at open. All names are looked up relative to the descriptor of the directory, so that it may be moved meanwhile, and no
 * symbolic link is followed. The lock is on the directory itself: it needs no file of its own and works on a read-only medium.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dps/port/posix.h"
#include "posix/error.h"

/* Not a possible name of a blob. */
#define TEMPORARY ".new"

static dps_result storage_class(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG: /* RLIMIT_FSIZE, or the file system's own limit */
		return DPS_E_STORAGE_FULL;
	case EACCES:
	case EPERM:
	case EROFS:
	case ELOOP: /* a symbolic link where a file should be */
		return DPS_E_STORAGE_DENIED;
	default:
		return DPS_E_STORAGE;
	}
}

/* Keeps the text and gives the class of a failure. */
static dps_result storage_fail(struct dps_posix_storage *s, const char *what, const char *name, int error)
{
	snprintf(s->detail, sizeof s->detail, "%s %s: %s", what, name, dps_posix_error_text(error));
	return storage_class(error);
}

static bool storage_name_ok(const char *name)
{
	size_t len = strnlen(name, DPS_STORAGE_NAME_LENGTH + 1);

	return len > 0 && len <= DPS_STORAGE_NAME_LENGTH && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* What every call of the port starts with. */
static dps_result storage_begin(struct dps_posix_storage *s, const char *name)
{
	s->detail[0] = '\0';
	if (!storage_name_ok(name))
		return DPS_E_ARGUMENT;
	return s->directory >= 0 ? DPS_OK : storage_fail(s, "use", name, EIO);
}

static dps_result storage_sync_directory(struct dps_posix_storage *s, const char *name)
{
	s->sync_pending = true;
	if (fsync(s->directory) != 0)
		return storage_fail(s, "sync the directory of", name, errno);
	s->sync_pending = false;
	return DPS_OK;
}

/* 0 or an errno value. */
static int storage_read_all(int fd, uint8_t *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			return EIO; /* shorter than fstat said, though nobody else may write here */
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

static int storage_write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static dps_result storage_read(void *ctx, const char *name, uint8_t *buf, size_t size, size_t *len)
{
	struct dps_posix_storage *s = ctx;
	dps_result result = storage_begin(s, name);
	struct stat st;
	int error = 0;
	int fd;

	*len = 0;
	if (result != DPS_OK)
		return result;
	fd = openat(s->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return DPS_E_NOT_FOUND;
	if (fd < 0)
		return storage_fail(s, "open", name, errno);
	if (fstat(fd, &st) != 0) {
		error = errno;
	} else if (!S_ISREG(st.st_mode)) {
		error = EIO;
	} else {
		*len = (size_t)st.st_size;
		if (*len <= size)
			error = storage_read_all(fd, buf, *len);
	}
	close(fd);
	if (error != 0) {
		*len = 0;
		return storage_fail(s, "read", name, error);
	}
	return *len <= size ? DPS_OK : DPS_E_BUFFER;
}

/* Fills the temporary file and makes its content durable. 0 or an errno value. */
static int storage_fill_temporary(int directory, const struct dps_span *parts, size_t count)
{
	int fd = openat(directory, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	int error = 0;

	if (fd < 0)
		return errno;
	for (size_t i = 0; i < count && error == 0; i++)
		error = storage_write_all(fd, parts[i].data, parts[i].len);
	if (error == 0 && fsync(fd) != 0)
		error = errno;
	if (close(fd) != 0 && error == 0)
		error = errno;
	return error;
}

static dps_result storage_write(void *ctx, const char *name, const struct dps_span *parts, size_t count)
{
	struct dps_posix_storage *s = ctx;
	dps_result result = storage_begin(s, name);
	int error;

	if (result != DPS_OK)
		return result;
	/* An earlier failure may have left it when its own unlink failed, too. */
	if (unlinkat(s->directory, TEMPORARY, 0) != 0 && errno != ENOENT)
		return storage_fail(s, "write", name, errno);
	error = storage_fill_temporary(s->directory, parts, count);
	if (error == 0 && renameat(s->directory, TEMPORARY, s->directory, name) != 0)
		error = errno;
	if (error != 0) {
		(void)unlinkat(s->directory, TEMPORARY, 0);
		return storage_fail(s, "write", name, error);
	}
	s->stats.writes++;
	for (size_t i = 0; i < count; i++)
		s->stats.bytes += parts[i].len;
	return storage_sync_directory(s, name);
}

static dps_result storage_erase(void *ctx, const char *name)
{
	struct dps_posix_storage *s = ctx;
	dps_result result = storage_begin(s, name);

	if (result != DPS_OK)
		return result;
	if (unlinkat(s->directory, name, 0) != 0) {
		if (errno != ENOENT)
			return storage_fail(s, "erase", name, errno);
		if (!s->sync_pending)
			return DPS_OK;
	} else {
		s->stats.erases++;
	}
	return storage_sync_directory(s, name);
}

/* Makes the directory if it is missing, durably: its parent is synced as well. 0 or an errno value. */
static int storage_open_directory(const char *path, int *directory)
{
	bool made = mkdir(path, S_IRWXU) == 0;
	int why_not = made ? 0 : errno;
	int parent;
	int error = 0;

	*directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*directory < 0)
		return errno == ENOENT && why_not != 0 ? why_not : errno;
	if (!made)
		return 0;
	parent = openat(*directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return errno == EACCES ? 0 : errno; /* a parent that may be entered but not listed cannot be synced by us */
	if (fsync(parent) != 0)
		error = errno;
	close(parent);
	return error;
}

static dps_result storage_check_mode(struct dps_posix_storage *s, const char *path)
{
	struct stat st;

	if (fstat(s->directory, &st) != 0)
		return storage_fail(s, "open", path, errno);
	if ((st.st_mode & S_IWOTH) != 0) {
		snprintf(s->detail, sizeof s->detail, "open %s: anybody may write to the directory", path);
		return DPS_E_STORAGE_DENIED;
	}
	return DPS_OK;
}

/* Checks, locks and tidies up. */
static dps_result storage_take_directory(struct dps_posix_storage *s, const char *path)
{
	dps_result checked = storage_check_mode(s, path);

	if (checked != DPS_OK)
		return checked;
	if (flock(s->directory, LOCK_EX | LOCK_NB) != 0) {
		int error = errno;
		dps_result result = storage_fail(s, "lock", path, error);

		return error == EWOULDBLOCK ? DPS_E_STORAGE_DENIED : result;
	}
	if (unlinkat(s->directory, TEMPORARY, 0) != 0 && errno != ENOENT && errno != EROFS && errno != EACCES)
		return storage_fail(s, "tidy", path, errno);
	/* What a killed process renamed or removed without having synced it becomes durable now, before anything is built on it. A
	 * read-only medium may refuse; the first change then does it. */
	s->sync_pending = fsync(s->directory) != 0;
	return DPS_OK;
}

static dps_result storage_refuse_write(void *ctx, const char *name, const struct dps_span *parts, size_t count)
{
	(void)parts;
	(void)count;
	return storage_fail(ctx, "write", name, EROFS);
}

static dps_result storage_refuse_erase(void *ctx, const char *name)
{
	return storage_fail(ctx, "erase", name, EROFS);
}

static void storage_init(struct dps_posix_storage *storage, bool read_only)
{
	memset(storage, 0, sizeof *storage);
	storage->port.ctx = storage;
	storage->port.read = storage_read;
	storage->port.write = read_only ? storage_refuse_write : storage_write;
	storage->port.erase = read_only ? storage_refuse_erase : storage_erase;
	storage->directory = -1;
}

dps_result dps_posix_storage_open(struct dps_posix_storage *storage, const char *directory)
{
	dps_result result = DPS_OK;
	int error;

	storage_init(storage, false);
	error = storage_open_directory(directory, &storage->directory);
	if (error != 0)
		result = storage_fail(storage, "open", directory, error);
	else
		result = storage_take_directory(storage, directory);
	if (result != DPS_OK)
		dps_posix_storage_close(storage);
	return result;
}

dps_result dps_posix_storage_open_readonly(struct dps_posix_storage *storage, const char *directory)
{
	dps_result result;

	storage_init(storage, true);
	storage->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (storage->directory >= 0)
		result = storage_check_mode(storage, directory);
	else if (errno == ENOENT)
		result = DPS_E_NOT_FOUND;
	else
		result = storage_fail(storage, "open", directory, errno);
	if (result != DPS_OK)
		dps_posix_storage_close(storage);
	return result;
}

void dps_posix_storage_close(struct dps_posix_storage *storage)
{
	if (storage->directory >= 0)
		close(storage->directory);
	storage->directory = -1;
}

const char *dps_posix_storage_detail(const struct dps_posix_storage *storage)
{
	return storage->detail;
}
