/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network port: non-blocking TCP to each address of a name in turn. Writes are not gathered here: the channel above does that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dps/port/posix.h"
#include "posix/error.h"
#include "posix/resolver.h"

union socket_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* "what (127.0.0.1:5684)" on the address being tried. */
static void network_note(struct dps_posix_network *n, const char *what)
{
	const struct dps_posix_address *address = &n->addresses[n->address_next - 1];
	char text[INET6_ADDRSTRLEN];

	inet_ntop(address->v6 ? AF_INET6 : AF_INET, address->bytes, text, sizeof text);
	snprintf(n->detail, sizeof n->detail, address->v6 ? "%s ([%s]:%u)" : "%s (%s:%u)", what, text, (unsigned)n->tcp_port);
}

static socklen_t network_socket_address(const struct dps_posix_address *address, uint16_t port, union socket_address *out)
{
	memset(out, 0, sizeof *out);
	if (!address->v6) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(port);
		memcpy(&out->in.sin_addr, address->bytes, 4);
		return sizeof out->in;
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(port);
	memcpy(&out->in6.sin6_addr, address->bytes, 16);
	out->in6.sin6_scope_id = address->scope;
	return sizeof out->in6;
}

static void network_drop(struct dps_posix_network *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
	n->connected = false;
	n->was_reset = false;
}

/* Starts on one address: DPS_OK done, DPS_AGAIN in progress, DPS_E_CONNECT. */
static dps_result network_start(struct dps_posix_network *n)
{
	union socket_address to;
	socklen_t len;
	int on = 1;

	len = network_socket_address(&n->addresses[n->address_next++], n->tcp_port, &to);
	n->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (n->fd < 0) {
		network_note(n, dps_posix_error_text(errno));
		return DPS_E_CONNECT;
	}
	/* A flight leaves when it is written, whatever of the last one is not acknowledged yet. Without the option it is only slower. */
	(void)setsockopt(n->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	n->deadline_ms = n->clock->monotonic_ms(n->clock->ctx) + n->address_timeout_ms;
	if (connect(n->fd, &to.any, len) == 0)
		return DPS_OK;
	/* An interrupted connect goes on by itself. */
	if (errno == EINPROGRESS || errno == EINTR)
		return DPS_AGAIN;
	network_note(n, dps_posix_error_text(errno));
	network_drop(n);
	return DPS_E_CONNECT;
}

/* Looks after the address being tried. */
static dps_result network_check(struct dps_posix_network *n)
{
	struct pollfd pfd = {.fd = n->fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof error;

	if (poll(&pfd, 1, 0) > 0) {
		if (getsockopt(n->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
			error = errno;
		if (error == 0)
			return DPS_OK;
		network_note(n, dps_posix_error_text(error));
	} else if (n->clock->monotonic_ms(n->clock->ctx) < n->deadline_ms) {
		return DPS_AGAIN;
	} else {
		network_note(n, "no answer");
	}
	network_drop(n);
	return DPS_E_CONNECT;
}

static void network_close(void *ctx)
{
	struct dps_posix_network *n = ctx;

	dps_posix_resolver_stop(n);
	network_drop(n);
	n->resolved = DPS_E_STATE;
	n->address_count = 0;
	n->address_next = 0;
}

static dps_result network_open(void *ctx, const char *host, uint16_t port)
{
	struct dps_posix_network *n = ctx;

	network_close(n);
	n->detail[0] = '\0';
	n->tcp_port = port;
	snprintf(n->host, sizeof n->host, "%s", host);
	if (dps_posix_resolver_known(n, host))
		n->resolved = DPS_OK;
	else
		dps_posix_resolver_start(n, host);
	return DPS_OK;
}

static dps_result network_connect(void *ctx)
{
	struct dps_posix_network *n = ctx;
	dps_result result = dps_posix_resolver_process(n);

	if (result != DPS_OK || n->connected)
		return result;
	result = n->fd >= 0 ? network_check(n) : DPS_E_CONNECT;
	while (result == DPS_E_CONNECT && n->address_next < n->address_count)
		result = network_start(n);
	n->connected = result == DPS_OK;
	return result;
}

static dps_result network_next_address(void *ctx)
{
	struct dps_posix_network *n = ctx;

	/* The next call of connect does it. */
	network_drop(n);
	return n->resolved == DPS_OK && n->address_next < n->address_count ? DPS_OK : DPS_E_NOT_FOUND;
}

static dps_result network_read(void *ctx, uint8_t *buf, size_t size, size_t *got)
{
	struct dps_posix_network *n = ctx;
	ssize_t count;

	*got = 0;
	if (!n->connected)
		return DPS_E_STATE;
	count = recv(n->fd, buf, size, 0);
	if (count > 0) {
		*got = (size_t)count;
		return DPS_OK;
	}
	if (count == 0 && !n->was_reset) {
		network_note(n, "connection closed by the peer");
		return DPS_E_CLOSED;
	}
	if (count == 0) {
		network_note(n, dps_posix_error_text(ECONNRESET));
		return DPS_E_RESET;
	}
	if (errno == EAGAIN || errno == EINTR)
		return DPS_AGAIN;
	network_note(n, dps_posix_error_text(errno));
	return DPS_E_RESET;
}

static dps_result network_write(void *ctx, const uint8_t *buf, size_t len, size_t *sent)
{
	struct dps_posix_network *n = ctx;
	ssize_t count;

	*sent = 0;
	if (!n->connected)
		return DPS_E_STATE;
	count = send(n->fd, buf, len, MSG_NOSIGNAL);
	if (count > 0) {
		*sent = (size_t)count;
		return DPS_OK;
	}
	if (count == 0 || errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
		return DPS_AGAIN;
	/* The kernel tells a reset once, and the end of the stream from then on (tcp(7), SO_ERROR): what is read later is to be called by its name. */
	n->was_reset |= errno == ECONNRESET;
	network_note(n, dps_posix_error_text(errno));
	return DPS_E_RESET;
}

static size_t network_wait_on(void *ctx, bool want_write, struct dps_wait *waits, size_t max, uint32_t *within_ms)
{
	struct dps_posix_network *n = ctx;
	uint64_t now;

	if (n->resolver)
		return dps_posix_resolver_wait_on(n, waits, max, within_ms);
	if (n->fd < 0) {
		/* An address waits to be tried, or a failure to be fetched; closed: nothing. */
		if (n->resolved != DPS_E_STATE)
			*within_ms = 0;
		return 0;
	}
	if (!n->connected) {
		now = n->clock->monotonic_ms(n->clock->ctx);
		if (now >= n->deadline_ms)
			*within_ms = 0;
		else if (n->deadline_ms - now < *within_ms)
			*within_ms = (uint32_t)(n->deadline_ms - now);
	}
	if (max == 0)
		return 0;
	waits[0].handle = n->fd;
	waits[0].directions = n->connected ? DPS_WAIT_READ | (want_write ? (unsigned)DPS_WAIT_WRITE : 0u) : (unsigned)DPS_WAIT_WRITE;
	return 1;
}

static const char *network_detail(void *ctx)
{
	const struct dps_posix_network *n = ctx;

	return n->detail;
}

dps_result dps_posix_network_init(struct dps_posix_network *network, const struct dps_clock *clock)
{
	memset(network, 0, sizeof *network);
	network->port.ctx = network;
	network->port.open = network_open;
	network->port.connect = network_connect;
	network->port.next_address = network_next_address;
	network->port.read = network_read;
	network->port.write = network_write;
	network->port.close = network_close;
	network->port.wait_on = network_wait_on;
	network->port.detail = network_detail;
	network->address_timeout_ms = 10000;
	network->dns_timeout_ms = 2000;
	network->fd = -1;
	network->resolved = DPS_E_STATE;
	if (!dps_posix_resolver_init())
		return DPS_E_MEMORY;
	network->clock = clock;
	return DPS_OK;
}

void dps_posix_network_deinit(struct dps_posix_network *network)
{
	if (!network->clock)
		return;
	network_close(network);
	dps_posix_resolver_deinit();
	network->clock = NULL;
}
