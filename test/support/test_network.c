/* SPDX-License-Identifier: Apache-2.0 */
/* A network port for tests of channels: see test_network.h. */
#include "support/test_network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static void network_close(void *ctx)
{
	struct test_network *network = ctx;
	if (network->fd >= 0)
		assert_int_equal(close(network->fd), 0);
	network->fd = -1;
}

static void start(struct test_network *network)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(network->addresses[network->address]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	network_close(network);
	network->writes = 0;
	network->bytes_written = 0;
	network->bytes_read = 0;
	network->opened++;
	if (network->script != NULL || network->addresses[network->address] == 0)
		return;
	network->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(network->fd >= 0);
	assert_true(connect(network->fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno == EINPROGRESS);
}

static dps_result network_open(void *ctx, const char *host, uint16_t port)
{
	struct test_network *network = ctx;
	(void)host;
	(void)port;
	network->address = 0;
	start(network);
	return DPS_OK;
}

static dps_result network_next_address(void *ctx)
{
	struct test_network *network = ctx;
	if (network->address + 1 >= network->address_count)
		return DPS_E_NOT_FOUND;
	network->address++;
	start(network);
	return DPS_OK;
}

static dps_result network_connect(void *ctx)
{
	struct test_network *network = ctx;
	if (network->script != NULL)
		return DPS_OK;
	for (;;) {
		struct pollfd pollfd = {.fd = network->fd, .events = POLLOUT};
		int error = ECONNREFUSED;
		socklen_t len = sizeof(error);
		if (network->fd >= 0) {
			if (poll(&pollfd, 1, 0) == 0)
				return DPS_AGAIN;
			assert_int_equal(getsockopt(network->fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
		}
		if (error == 0)
			return DPS_OK;
		if (network_next_address(network) != DPS_OK)
			return DPS_E_CONNECT;
	}
}

static dps_result network_read(void *ctx, uint8_t *buf, size_t size, size_t *n)
{
	struct test_network *network = ctx;
	const bool cut = !network->cut_first_only || network->opened == 1;
	if (cut && network->cut_read != 0 && size > network->cut_read - network->bytes_read)
		size = network->cut_read - network->bytes_read;
	if (size == 0)
		return network->cut_with;
	if (network->script != NULL) {
		const size_t left = network->script_len - network->bytes_read;
		*n = size < left ? size : left;
		if (*n == 0)
			return DPS_E_CLOSED;
		memcpy(buf, network->script + network->bytes_read, *n);
	} else {
		const ssize_t got = recv(network->fd, buf, size, 0);
		if (got < 0)
			return errno == EAGAIN ? DPS_AGAIN : DPS_E_RESET;
		if (got == 0)
			return DPS_E_CLOSED;
		*n = (size_t)got;
	}
	network->bytes_read += *n;
	return DPS_OK;
}

static dps_result network_write(void *ctx, const uint8_t *buf, size_t len, size_t *n)
{
	struct test_network *network = ctx;
	if (network->jammed)
		return DPS_AGAIN;
	if (network->write_at_most != 0) {
		network->again = !network->again;
		if (network->again)
			return DPS_AGAIN;
		if (len > network->write_at_most)
			len = network->write_at_most;
	}
	if (network->cut_write != 0 && len > network->cut_write - network->bytes_written)
		len = network->cut_write - network->bytes_written;
	if (len == 0)
		return DPS_E_RESET;
	*n = len;
	if (network->script == NULL) {
		const ssize_t sent = send(network->fd, buf, len, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN ? DPS_AGAIN : DPS_E_RESET;
		*n = (size_t)sent;
	}
	if (network->bytes_written < sizeof(network->first)) {
		const size_t room = sizeof(network->first) - network->bytes_written;
		memcpy(network->first + network->bytes_written, buf, *n < room ? *n : room);
	}
	network->writes++;
	network->bytes_written += *n;
	return DPS_OK;
}

static size_t network_wait_on(void *ctx, bool want_write, struct dps_wait *waits, size_t max, uint32_t *within_ms)
{
	const struct test_network *network = ctx;
	(void)within_ms;
	if (max == 0 || network->fd < 0)
		return 0;
	waits[0].handle = network->fd;
	waits[0].directions = DPS_WAIT_READ | (want_write ? (unsigned)DPS_WAIT_WRITE : 0u);
	return 1;
}

static const char *network_detail(void *ctx)
{
	(void)ctx;
	return "the test's network";
}

void test_network_init(struct test_network *network, size_t count, ...)
{
	va_list ports;
	*network = (struct test_network){.fd = -1, .address_count = count, .cut_with = DPS_E_CLOSED};
	va_start(ports, count);
	for (size_t i = 0; i < count; i++)
		network->addresses[i] = (uint16_t)va_arg(ports, int);
	va_end(ports);
	network->port = (struct dps_network){.ctx = network,
	                                     .open = network_open,
	                                     .connect = network_connect,
	                                     .next_address = network_next_address,
	                                     .read = network_read,
	                                     .write = network_write,
	                                     .close = network_close,
	                                     .wait_on = network_wait_on,
	                                     .detail = network_detail};
}

int test_network_listen(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static uint64_t now_ms(void)
{
	struct timespec now;
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Waits for what the channel waits for; at most 20 ms, since a TCP connection under way is waited for by its port in its own way. */
static void wait_for(const struct dps_channel *channel, uint64_t until)
{
	struct dps_wait waits[4];
	struct pollfd pollfds[4];
	uint32_t within = 20;
	if (now_ms() > until)
		fail_msg("%s", "the channel makes no progress");
	const size_t count = channel->wait_on(channel->ctx, waits, 4, &within);
	for (size_t i = 0; i < count; i++) {
		pollfds[i] = (struct pollfd){.fd = (int)waits[i].handle};
		if ((waits[i].directions & DPS_WAIT_READ) != 0)
			pollfds[i].events |= POLLIN;
		if ((waits[i].directions & DPS_WAIT_WRITE) != 0)
			pollfds[i].events |= POLLOUT;
	}
	(void)poll(pollfds, (nfds_t)count, (int)within);
}

dps_result test_channel_establish(const struct dps_channel *channel)
{
	const uint64_t until = now_ms() + PATIENCE_MS;
	dps_result result;
	while ((result = channel->establish(channel->ctx)) == DPS_AGAIN)
		wait_for(channel, until);
	return result;
}

dps_result test_channel_read(const struct dps_channel *channel, uint8_t *buf, size_t size, size_t *n)
{
	const uint64_t until = now_ms() + PATIENCE_MS;
	dps_result result;
	while ((result = channel->read(channel->ctx, buf, size, n)) == DPS_AGAIN)
		wait_for(channel, until);
	return result;
}
