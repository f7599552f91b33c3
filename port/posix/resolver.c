/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses with c-ares. A channel of it is made for each name, as that is when it reads /etc/resolv.conf, which a DHCP client may have
 * written since the last time.
 */
#include "posix/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* How often a name server is asked. */
#define RESOLVER_TRIES 3

static void resolver_fail(struct dps_posix_network *n, int status)
{
	n->resolved = DPS_E_RESOLVE;
	snprintf(n->detail, sizeof n->detail, "%s (%.64s)", ares_strerror(status), n->host);
}

/* c-ares tells which sockets it has and what it waits for. */
static void resolver_on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
	struct dps_posix_network *n = data;
	unsigned directions = (readable ? (unsigned)DPS_WAIT_READ : 0u) | (writable ? (unsigned)DPS_WAIT_WRITE : 0u);
	size_t unused = DPS_POSIX_RESOLVER_SOCKETS;

	for (size_t i = 0; i < DPS_POSIX_RESOLVER_SOCKETS; i++) {
		if (n->sockets[i].directions == 0) {
			unused = i;
		} else if (n->sockets[i].fd == fd) {
			n->sockets[i].directions = directions;
			return;
		}
	}
	/* A socket too many is not watched: its server counts as one that does not answer. */
	if (unused == DPS_POSIX_RESOLVER_SOCKETS)
		return;
	n->sockets[unused].fd = fd;
	n->sockets[unused].directions = directions;
}

static void resolver_take(struct dps_posix_network *n, const struct ares_addrinfo_node *node)
{
	struct dps_posix_address *address = &n->addresses[n->address_count];

	memset(address, 0, sizeof *address);
	if (node->ai_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, node->ai_addr, sizeof in);
		memcpy(address->bytes, &in.sin_addr, 4);
	} else if (node->ai_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, node->ai_addr, sizeof in6);
		address->v6 = true;
		memcpy(address->bytes, &in6.sin6_addr, 16);
		address->scope = in6.sin6_scope_id;
	} else {
		return;
	}
	n->address_count++;
}

static void resolver_on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct dps_posix_network *n = arg;

	(void)timeouts;
	if (status == ARES_SUCCESS) {
		n->address_count = 0;
		for (const struct ares_addrinfo_node *node = result->nodes; node && n->address_count < DPS_POSIX_ADDRESSES; node = node->ai_next)
			resolver_take(n, node);
	}
	if (result)
		ares_freeaddrinfo(result);
	/* dps_posix_resolver_stop: nobody asks any more. */
	if (status == ARES_EDESTRUCTION)
		return;
	if (status == ARES_SUCCESS && n->address_count > 0)
		n->resolved = DPS_OK;
	else
		resolver_fail(n, status == ARES_SUCCESS ? ARES_ENODATA : status);
}

bool dps_posix_resolver_init(void)
{
	return ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
}

void dps_posix_resolver_deinit(void)
{
	ares_library_cleanup();
}

/* RFC 6761 section 6.3: "localhost" and names below it are loopback, whatever hosts file or name server there is (or is not). */
static bool resolver_localhost(struct dps_posix_network *n, const char *host)
{
	static const char name[] = "localhost";
	size_t len = strlen(host);

	if (len < sizeof name - 1 || strcasecmp(host + len - (sizeof name - 1), name) != 0)
		return false;
	if (len > sizeof name - 1 && host[len - sizeof name] != '.')
		return false;
	memset(n->addresses, 0, 2 * sizeof n->addresses[0]);
	n->addresses[0].v6 = true;
	memcpy(n->addresses[0].bytes, &in6addr_loopback, sizeof in6addr_loopback);
	n->addresses[1].bytes[0] = 127;
	n->addresses[1].bytes[3] = 1;
	n->address_count = 2;
	return true;
}

bool dps_posix_resolver_known(struct dps_posix_network *n, const char *host)
{
	struct dps_posix_address *address = &n->addresses[0];
	const char *zone = strchr(host, '%');
	size_t len = zone ? (size_t)(zone - host) : strlen(host);
	char text[INET6_ADDRSTRLEN];

	memset(address, 0, sizeof *address);
	n->address_count = 0;
	if (resolver_localhost(n, host))
		return true;
	if (len >= sizeof text)
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	if (inet_pton(AF_INET6, text, address->bytes) == 1) {
		address->v6 = true;
		address->scope = zone ? if_nametoindex(zone + 1) : 0;
	} else if (zone || inet_pton(AF_INET, text, address->bytes) != 1) {
		return false;
	}
	n->address_count = 1;
	return true;
}

void dps_posix_resolver_start(struct dps_posix_network *n, const char *host)
{
	struct ares_options options;
	struct ares_addrinfo_hints hints;
	ares_channel channel;
	int status;

	memset(&options, 0, sizeof options);
	options.timeout = (int)n->dns_timeout_ms;
	options.tries = RESOLVER_TRIES;
	options.sock_state_cb = resolver_on_socket;
	options.sock_state_cb_data = n;
	memset(n->sockets, 0, sizeof n->sockets);
	n->resolved = DPS_AGAIN;

	status = ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS) {
		resolver_fail(n, status);
		return;
	}
	n->resolver = channel;
	status = n->dns_servers ? ares_set_servers_ports_csv(channel, n->dns_servers) : ARES_SUCCESS;
	if (status != ARES_SUCCESS) {
		resolver_fail(n, status);
		return;
	}
	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	ares_getaddrinfo(channel, host, NULL, &hints, resolver_on_addresses, n);
}

/* Lets c-ares look at each socket that is ready, and at its clock in any case. */
static void resolver_run(struct dps_posix_network *n)
{
	struct pollfd fds[DPS_POSIX_RESOLVER_SOCKETS];
	nfds_t count = 0;

	for (size_t i = 0; i < DPS_POSIX_RESOLVER_SOCKETS; i++) {
		unsigned directions = n->sockets[i].directions;

		if (directions == 0)
			continue;
		fds[count].fd = n->sockets[i].fd;
		fds[count].events = (short)((directions & DPS_WAIT_READ ? POLLIN : 0) | (directions & DPS_WAIT_WRITE ? POLLOUT : 0));
		fds[count].revents = 0;
		count++;
	}
	if (count == 0 || poll(fds, count, 0) <= 0)
		count = 0;
	for (nfds_t i = 0; i < count; i++) {
		ares_socket_t readable = fds[i].revents & (POLLIN | POLLERR | POLLHUP) ? fds[i].fd : ARES_SOCKET_BAD;
		ares_socket_t writable = fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD;

		if (readable != ARES_SOCKET_BAD || writable != ARES_SOCKET_BAD)
			ares_process_fd(n->resolver, readable, writable);
	}
	ares_process_fd(n->resolver, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

dps_result dps_posix_resolver_process(struct dps_posix_network *n)
{
	if (n->resolved == DPS_AGAIN)
		resolver_run(n);
	if (n->resolved != DPS_AGAIN && n->resolver) {
		ares_destroy(n->resolver);
		n->resolver = NULL;
	}
	return n->resolved;
}

void dps_posix_resolver_stop(struct dps_posix_network *n)
{
	if (!n->resolver)
		return;
	ares_destroy(n->resolver);
	n->resolver = NULL;
}

size_t dps_posix_resolver_wait_on(struct dps_posix_network *n, struct dps_wait *waits, size_t max, uint32_t *within_ms)
{
	struct timeval tv = {0, 0};
	size_t count = 0;
	uint64_t ms = 0;

	/* With an outcome already there the next call has something to do: within 0 ms. */
	if (n->resolved == DPS_AGAIN) {
		/* c-ares cuts to whole milliseconds: one more, else its last one is spent calling it over and over. */
		ms = ares_timeout(n->resolver, NULL, &tv) ? (uint64_t)tv.tv_sec * 1000u + (uint64_t)tv.tv_usec / 1000u + 1u : DPS_FOREVER;
	}
	if (ms < *within_ms)
		*within_ms = (uint32_t)ms;
	for (size_t i = 0; i < DPS_POSIX_RESOLVER_SOCKETS && count < max; i++) {
		if (n->sockets[i].directions == 0)
			continue;
		waits[count].handle = n->sockets[i].fd;
		waits[count].directions = n->sockets[i].directions;
		count++;
	}
	return count;
}
