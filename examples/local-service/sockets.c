/* SPDX-License-Identifier: Apache-2.0 */
/* What libcoap's sockets need and its API does not give. */
#include "sockets.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define BACKLOG 1024

typedef bool (*match_function)(int file, const void *argument);

/* The first open descriptor that matches, or -1. */
static int find_descriptor(match_function matches, const void *argument)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = -1;

	while (directory != NULL && found < 0 && (entry = readdir(directory)) != NULL) {
		int file = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && file != dirfd(directory) && matches(file, argument)) {
			found = file;
		}
	}
	if (directory != NULL) {
		closedir(directory);
	}
	return found;
}

static bool is_listener(int file, const void *argument)
{
	int listening = 0;
	socklen_t length = sizeof(listening);

	(void)argument;
	return getsockopt(file, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening != 0;
}

/* Both ends: a device may have one port of its own for connections with several of this program's listeners. */
struct ends {
	const coap_address_t *peer;
	const coap_address_t *own;
};

static in_port_t port_of(const coap_address_t *address)
{
	return address->addr.sa.sa_family == AF_INET6 ? address->addr.sin6.sin6_port : address->addr.sin.sin_port;
}

static bool is_connected_with(int file, const void *argument)
{
	const struct ends *ends = argument;
	coap_address_t found = {0};
	coap_address_t own = {0};

	found.size = sizeof(found.addr);
	own.size = sizeof(own.addr);
	if (getpeername(file, &found.addr.sa, &found.size) != 0 || found.addr.sa.sa_family != ends->peer->addr.sa.sa_family ||
	    getsockname(file, &own.addr.sa, &own.size) != 0 || port_of(&found) != port_of(ends->peer) || port_of(&own) != port_of(ends->own)) {
		return false;
	}
	if (found.addr.sa.sa_family == AF_INET6) {
		return memcmp(&found.addr.sin6.sin6_addr, &ends->peer->addr.sin6.sin6_addr, sizeof(found.addr.sin6.sin6_addr)) == 0;
	}
	return found.addr.sin.sin_addr.s_addr == ends->peer->addr.sin.sin_addr.s_addr;
}

uint16_t service_sockets_tune_listener(void)
{
	int file = find_descriptor(is_listener, NULL);
	coap_address_t own = {0};
	int on = 1;

	own.size = sizeof(own.addr);
	if (file < 0 || setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 || listen(file, BACKLOG) != 0 ||
	    getsockname(file, &own.addr.sa, &own.size) != 0) {
		return 0;
	}
	return ntohs(port_of(&own));
}

int service_sockets_find(const coap_session_t *session)
{
	const struct ends ends = {coap_session_get_addr_remote(session), coap_session_get_addr_local(session)};

	return find_descriptor(is_connected_with, &ends);
}

size_t service_sockets_unsent(int file)
{
	int unsent = 0;

	return ioctl(file, SIOCOUTQ, &unsent) == 0 && unsent > 0 ? (size_t)unsent : 0;
}

void service_sockets_reset_on_close(int file)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	setsockopt(file, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}
