/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of system errors. Not strerror(): its texts depend on the locale and its memory on the thread.
 */
#include "posix/error.h"

#include <errno.h>
#include <stddef.h>

static const struct {
	int error;
	const char *text;
} texts[] = {
	{ENOENT, "no such file or directory"},
	{ENOTDIR, "not a directory"},
	{EISDIR, "is a directory"},
	{EACCES, "permission denied"},
	{EPERM, "operation not permitted"},
	{EROFS, "read-only file system"},
	{ENOSPC, "no space left"},
	{EDQUOT, "quota exceeded"},
	{EFBIG, "file size limit exceeded"},
	{EIO, "input/output error"},
	{ELOOP, "is a symbolic link"},
	{ENAMETOOLONG, "path too long"},
	{EMFILE, "too many open files"},
	{ENFILE, "too many open files in the system"},
	{ENOMEM, "out of memory"},
	{ENOBUFS, "out of buffers"},
	{EWOULDBLOCK, "in use by another process"},
	{ECONNREFUSED, "connection refused"},
	{ECONNRESET, "connection reset"},
	{ECONNABORTED, "connection aborted"},
	{EPIPE, "connection closed by the peer"},
	{ETIMEDOUT, "connection timed out"},
	{ENETUNREACH, "network unreachable"},
	{EHOSTUNREACH, "host unreachable"},
	{ENETDOWN, "network down"},
	{EADDRNOTAVAIL, "address not available"},
	{EAFNOSUPPORT, "address family not supported"},
};

const char *dps_posix_error_text(int error)
{
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (texts[i].error == error)
			return texts[i].text;
	}
	return "system error";
}
