/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a file that a person named: keys, certificates, configuration. Such a path may be wrong in many ways, and each has its text.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dps/port/posix.h"
#include "posix/error.h"

/* Reads until the end of the file. One byte more than the buffer takes tells a file that has grown since fstat. */
static const char *file_read(int fd, uint8_t *buf, size_t size, size_t *len)
{
	size_t got = 0;
	uint8_t extra;

	for (;;) {
		ssize_t n = got < size ? read(fd, buf + got, size - got) : read(fd, &extra, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dps_posix_error_text(errno);
		if (n == 0)
			break;
		if (got == size)
			return "too large";
		got += (size_t)n;
	}
	*len = got;
	return got > 0 ? NULL : "empty";
}

static const char *file_load(int fd, uint8_t *buf, size_t size, size_t *len, bool *looser)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return dps_posix_error_text(errno);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	*looser = (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
	return file_read(fd, buf, size, len);
}

dps_result dps_posix_read_file(const char *path, uint8_t *buf, size_t size, size_t *len, bool *looser_mode, const char **why)
{
	/* O_NONBLOCK: opening a FIFO must not wait for somebody to write to it. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool looser = false;
	const char *text;

	*len = 0;
	if (fd < 0) {
		text = errno == ENOENT ? "no such file" : dps_posix_error_text(errno);
	} else {
		text = file_load(fd, buf, size, len, &looser);
		close(fd);
	}
	if (looser_mode)
		*looser_mode = looser;
	if (why)
		*why = text ? text : "";
	return text ? DPS_E_FILE : DPS_OK;
}
