/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lagproxy --to PORT --rtt-ms MS: a TCP proxy on 127.0.0.1 that puts a round-trip time between a client and a service on this machine.
 *
 * What is read from one side is written to the other half a round trip later, in the same pieces and the same order; so is the end of
 * a stream. The TCP handshake itself cannot be delayed from here: it costs the client nothing, and whoever measures adds that round
 * trip. Prints one JSON object a line: `listening` with the port, and `accepted` and `closed` for each connection, with the time on
 * CLOCK_MONOTONIC and what was carried. Ends when its standard input does, so that it never outlives whoever started it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/delay_line.h"

#define CONNECTIONS 4u
#define IDLE_NS     3600000000000u

enum { CLIENT, SERVICE, SIDES };

/* One direction: what was read from that side. */
struct direction {
	bool read_ended;
	bool write_ended;
	size_t written; /* of the line's front */
	unsigned long pieces;
	unsigned long bytes;
	struct delay_line line;
};

struct connection {
	bool used;
	unsigned long number;
	int fds[SIDES];
	struct direction from[SIDES];
};

struct proxy {
	int listener;
	uint16_t service_port;
	uint64_t one_way_ns;
	unsigned long accepted;
	struct connection connections[CONNECTIONS];
};

static void set_no_delay(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool open_listener(struct proxy *proxy)
{
	struct sockaddr_in address = loopback(0);
	socklen_t len = sizeof(address);

	proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (proxy->listener < 0 || bind(proxy->listener, (struct sockaddr *)&address, len) != 0 || listen(proxy->listener, CONNECTIONS) != 0 ||
	    getsockname(proxy->listener, (struct sockaddr *)&address, &len) != 0)
		return false;
	printf("{\"event\":\"listening\",\"port\":%u}\n", ntohs(address.sin_port));
	return true;
}

static void close_connection(struct connection *connection)
{
	const struct direction *up = &connection->from[CLIENT];
	const struct direction *down = &connection->from[SERVICE];

	close(connection->fds[CLIENT]);
	close(connection->fds[SERVICE]);
	connection->used = false;
	printf("{\"event\":\"closed\",\"connection\":%lu,\"up\":{\"pieces\":%lu,\"bytes\":%lu},\"down\":{\"pieces\":%lu,\"bytes\":%lu}}\n",
	       connection->number, up->pieces, up->bytes, down->pieces, down->bytes);
}

/* All but the bytes in the line: clearing megabytes would cost the client a millisecond. */
static void reset_direction(struct direction *from)
{
	from->read_ended = from->write_ended = false;
	from->written = 0;
	from->pieces = from->bytes = 0;
	from->line.first = from->line.count = 0;
}

static void accept_connection(struct proxy *proxy, struct connection *connection)
{
	struct sockaddr_in address = loopback(proxy->service_port);
	int client = accept4(proxy->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int service;

	if (client < 0)
		return;
	service = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (service < 0 || (connect(service, (struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS)) {
		close(client);
		if (service >= 0)
			close(service);
		return;
	}
	set_no_delay(client);
	set_no_delay(service);
	reset_direction(&connection->from[CLIENT]);
	reset_direction(&connection->from[SERVICE]);
	connection->used = true;
	connection->number = ++proxy->accepted;
	connection->fds[CLIENT] = client;
	connection->fds[SERVICE] = service;
	printf("{\"event\":\"accepted\",\"connection\":%lu,\"atNs\":%llu}\n", connection->number, (unsigned long long)delay_now_ns());
}

/* Takes what one side has to say. The end of a stream travels as an empty chunk; a broken stream ends, too. */
static void receive(const struct proxy *proxy, struct connection *connection, unsigned side)
{
	struct direction *from = &connection->from[side];
	uint8_t *slot = delay_line_slot(&from->line);
	ssize_t n;

	if (slot == NULL || from->read_ended)
		return;
	n = recv(connection->fds[side], slot, DELAY_LINE_CHUNK, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		from->read_ended = true;
		n = 0;
	} else {
		from->pieces++;
		from->bytes += (unsigned long)n;
	}
	delay_line_push(&from->line, (size_t)n, delay_now_ns() + proxy->one_way_ns);
}

/* Writes what is due. False: the other side takes nothing any more. */
static bool deliver(struct connection *connection, unsigned side)
{
	struct direction *from = &connection->from[side];
	int fd = connection->fds[side == CLIENT ? SERVICE : CLIENT];
	const struct delay_chunk *chunk;

	while ((chunk = delay_line_front(&from->line)) != NULL && chunk->due_ns <= delay_now_ns()) {
		if (chunk->len > 0) {
			ssize_t n = send(fd, chunk->bytes + from->written, chunk->len - from->written, MSG_NOSIGNAL);

			if (n < 0)
				return errno == EAGAIN || errno == EINTR;
			from->written += (size_t)n;
			if (from->written < chunk->len)
				return true;
		} else {
			shutdown(fd, SHUT_WR);
			from->write_ended = true;
		}
		from->written = 0;
		delay_line_pop(&from->line);
	}
	return true;
}

static void advance(const struct proxy *proxy, struct connection *connection, const struct pollfd *polled)
{
	for (unsigned side = 0; side < SIDES; side++) {
		if ((polled[side].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
			receive(proxy, connection, side);
		if (!deliver(connection, side)) {
			close_connection(connection);
			return;
		}
	}
	if (connection->from[CLIENT].write_ended && connection->from[SERVICE].write_ended)
		close_connection(connection);
}

/* Fills what to wait for; the time of the next delivery lowers *wake_ns. */
static void want(struct connection *connection, struct pollfd *polled, uint64_t *wake_ns)
{
	polled[CLIENT] = polled[SERVICE] = (struct pollfd){.fd = -1};
	if (!connection->used)
		return;
	for (unsigned side = 0; side < SIDES; side++) {
		struct direction *from = &connection->from[side];
		struct pollfd *other = &polled[side == CLIENT ? SERVICE : CLIENT];
		const struct delay_chunk *front = delay_line_front(&from->line);

		if (!from->read_ended && delay_line_slot(&from->line) != NULL) {
			polled[side].fd = connection->fds[side];
			polled[side].events |= POLLIN;
		}
		if (front != NULL && front->due_ns <= delay_now_ns()) {
			other->fd = connection->fds[side == CLIENT ? SERVICE : CLIENT];
			other->events |= POLLOUT;
		} else if (front != NULL && front->due_ns < *wake_ns) {
			*wake_ns = front->due_ns;
		}
	}
}

static struct connection *find_free(struct proxy *proxy)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (!proxy->connections[i].used)
			return &proxy->connections[i];
	return NULL;
}

static int serve(struct proxy *proxy)
{
	for (;;) {
		struct pollfd polled[2 + CONNECTIONS * SIDES];
		struct connection *vacant = find_free(proxy);
		struct timespec wait;
		uint64_t now_ns = delay_now_ns();
		uint64_t wake_ns = now_ns + IDLE_NS;

		polled[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
		polled[1] = (struct pollfd){.fd = vacant != NULL ? proxy->listener : -1, .events = POLLIN};
		for (size_t i = 0; i < CONNECTIONS; i++)
			want(&proxy->connections[i], &polled[2 + i * SIDES], &wake_ns);
		now_ns = delay_now_ns();
		wake_ns = wake_ns > now_ns ? wake_ns - now_ns : 0;
		wait = (struct timespec){.tv_sec = (time_t)(wake_ns / 1000000000u), .tv_nsec = (long)(wake_ns % 1000000000u)};
		if (ppoll(polled, sizeof(polled) / sizeof(polled[0]), &wait, NULL) < 0 && errno != EINTR)
			return 1;
		if (polled[0].revents != 0)
			return 0;
		for (size_t i = 0; i < CONNECTIONS; i++)
			if (proxy->connections[i].used)
				advance(proxy, &proxy->connections[i], &polled[2 + i * SIDES]);
		if (polled[1].revents != 0)
			accept_connection(proxy, vacant);
	}
}

int main(int argc, char **argv)
{
	static struct proxy proxy; /* some 16 MiB, hardly touched: not for the stack */
	long port = 0;

	if (argc == 5 && strcmp(argv[1], "--to") == 0 && strcmp(argv[3], "--rtt-ms") == 0)
		port = strtol(argv[2], NULL, 10);
	if (port < 1 || port > 65535 || !delay_parse_rtt(argv[4], &proxy.one_way_ns)) {
		fputs("usage: lagproxy --to PORT --rtt-ms MS\n", stderr);
		return 2;
	}
	proxy.service_port = (uint16_t)port;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!open_listener(&proxy)) {
		perror("lagproxy");
		return 1;
	}
	return serve(&proxy);
}
