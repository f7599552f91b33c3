/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets by directory and name: the path of a socket is short by nature, that of a directory is not, so it goes by a descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hub_control.h"

#define BACKLOG 16

/* The address, good as long as the descriptor of the directory is open: that, or -1 with errno. */
static int address_of(const char *directory, const char *name, struct sockaddr_un *address)
{
	int file = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int length;

	if (file < 0) {
		return -1;
	}
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	length = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", file, name);
	if (length < 0 || (size_t)length >= sizeof(address->sun_path)) {
		close(file);
		errno = ENAMETOOLONG;
		return -1;
	}
	return file;
}

static int give_up(int directory, int file)
{
	int error = errno;

	close(directory);
	if (file >= 0) {
		close(file);
	}
	errno = error;
	return -1;
}

int hub_control_bind(const char *directory, const char *name)
{
	struct sockaddr_un address;
	int at = address_of(directory, name, &address);
	mode_t mask;
	int bound;
	int file;

	if (at < 0) {
		return -1;
	}
	file = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(address.sun_path);
	/* Nobody else may connect, not even for the moment between bind and chmod. */
	mask = umask(0177);
	bound = file < 0 ? -1 : bind(file, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (bound != 0 || listen(file, BACKLOG) != 0) {
		return give_up(at, file);
	}
	close(at);
	return file;
}

int hub_control_connect(const char *directory, const char *name)
{
	struct sockaddr_un address;
	int at = address_of(directory, name, &address);
	int file;

	if (at < 0) {
		return -1;
	}
	file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (file < 0 || connect(file, (struct sockaddr *)&address, sizeof(address)) != 0) {
		return give_up(at, file);
	}
	close(at);
	return file;
}
