/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network port on loopback: names, several addresses, refusals, silence, the end of a stream. A name server of the test's own answers, so that
 * nothing depends on the machine; the time of addresses is simulated through the clock port.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dps/port/posix.h"

static uint64_t now_ms;

static uint64_t test_monotonic_ms(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static const struct dps_clock test_clock = {.monotonic_ms = test_monotonic_ms};

static struct dps_posix_network net;
static int listener; /* on 127.0.0.1 */
static uint16_t port;

static int make_socket(int type, uint16_t *bound)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof in) != 0 || getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		return -1;
	*bound = ntohs(in.sin_port);
	return fd;
}

static int set_up(void **state)
{
	(void)state;
	now_ms = 1000;
	listener = make_socket(SOCK_STREAM, &port);
	if (listener < 0 || listen(listener, 4) != 0)
		return -1;
	return dps_posix_network_init(&net, &test_clock) == DPS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	dps_posix_network_deinit(&net);
	dps_posix_network_deinit(&net);
	close(listener);
	return 0;
}

/* Advances until something is decided, as an event loop would. */
static dps_result connect_wholly(void)
{
	for (int i = 0; i < 1000; i++) {
		struct dps_wait waits[DPS_POSIX_WAIT_MAX];
		uint32_t within_ms = 1000;
		size_t count;
		dps_result result = net.port.connect(net.port.ctx);

		if (result != DPS_AGAIN)
			return result;
		count = net.port.wait_on(net.port.ctx, false, waits, DPS_POSIX_WAIT_MAX, &within_ms);
		(void)!dps_posix_wait(waits, count, within_ms);
	}
	return DPS_AGAIN;
}

static void assert_detail(const char *format, unsigned number)
{
	char text[128];

	snprintf(text, sizeof text, format, number);
	assert_string_equal(net.port.detail(net.port.ctx), text);
}

/* Reads until something is decided. */
static dps_result read_some(uint8_t *buf, size_t size, size_t *n)
{
	dps_result result = DPS_AGAIN;

	while (result == DPS_AGAIN) {
		struct dps_wait wait;
		uint32_t within_ms = DPS_FOREVER;
		size_t count = net.port.wait_on(net.port.ctx, false, &wait, 1, &within_ms);

		assert_int_equal(count, 1);
		assert_int_equal(wait.directions, DPS_WAIT_READ);
		assert_int_equal(within_ms, DPS_FOREVER);
		assert_int_equal(dps_posix_wait(&wait, 1, 10000), DPS_OK);
		result = net.port.read(net.port.ctx, buf, size, n);
	}
	return result;
}

static void test_address(void **state)
{
	uint8_t buf[16];
	size_t n;
	int peer, on = 0;
	socklen_t len = sizeof on;
	struct dps_wait wait;
	uint32_t within_ms = DPS_FOREVER;

	(void)state;
	assert_int_equal(net.port.read(net.port.ctx, buf, sizeof buf, &n), DPS_E_STATE);
	assert_int_equal(net.port.write(net.port.ctx, buf, sizeof buf, &n), DPS_E_STATE);
	assert_int_equal(net.port.connect(net.port.ctx), DPS_E_STATE);
	assert_int_equal(net.port.wait_on(net.port.ctx, false, &wait, 1, &within_ms), 0);
	assert_int_equal(within_ms, DPS_FOREVER);
	net.port.close(net.port.ctx);

	assert_int_equal(net.port.open(net.port.ctx, "127.0.0.1", port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_OK);
	assert_int_equal(getsockopt(net.fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_true(on != 0);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);

	assert_int_equal(net.port.read(net.port.ctx, buf, sizeof buf, &n), DPS_AGAIN);
	assert_int_equal(n, 0);
	assert_int_equal(net.port.write(net.port.ctx, (const uint8_t *)"hello", 5, &n), DPS_OK);
	assert_int_equal(n, 5);
	assert_int_equal(recv(peer, buf, sizeof buf, 0), 5);
	assert_int_equal(send(peer, "world", 5, 0), 5);
	assert_int_equal(read_some(buf, sizeof buf, &n), DPS_OK);
	assert_int_equal(n, 5);
	assert_memory_equal(buf, "world", 5);

	assert_int_equal(net.port.wait_on(net.port.ctx, true, &wait, 1, &within_ms), 1);
	assert_int_equal(wait.directions, DPS_WAIT_READ | DPS_WAIT_WRITE);
	assert_int_equal(net.port.wait_on(net.port.ctx, true, &wait, 0, &within_ms), 0);

	close(peer);
	assert_int_equal(read_some(buf, sizeof buf, &n), DPS_E_CLOSED);
	assert_detail("connection closed by the peer (127.0.0.1:%u)", port);
}

static void test_ipv6_address(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof in6;

	(void)state;
	if (fd < 0 || bind(fd, (struct sockaddr *)&in6, sizeof in6) != 0) {
		if (fd >= 0)
			close(fd);
		skip(); /* no IPv6 here */
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in6, &len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(net.port.open(net.port.ctx, "::1", ntohs(in6.sin6_port)), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_OK);
	close(fd);
	assert_int_equal(net.port.open(net.port.ctx, "::1", ntohs(in6.sin6_port)), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_E_CONNECT);
	assert_detail("connection refused ([::1]:%u)", ntohs(in6.sin6_port));
	/* An interface that there is not: the kernel refuses, nothing hangs. */
	assert_int_equal(net.port.open(net.port.ctx, "fe80::1%nosuch", port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_E_CONNECT);
}

static void test_refused(void **state)
{
	struct dps_wait wait;
	uint32_t within_ms = DPS_FOREVER;

	(void)state;
	close(listener);
	listener = -1;
	assert_int_equal(net.port.open(net.port.ctx, "127.0.0.1", port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_E_CONNECT);
	assert_detail("connection refused (127.0.0.1:%u)", port);
	assert_int_equal(net.port.connect(net.port.ctx), DPS_E_CONNECT);
	assert_int_equal(net.port.next_address(net.port.ctx), DPS_E_NOT_FOUND);
	net.port.close(net.port.ctx);
	assert_detail("connection refused (127.0.0.1:%u)", port); /* kept for the report */
	assert_int_equal(net.port.wait_on(net.port.ctx, false, &wait, 1, &within_ms), 0);
	assert_int_equal(within_ms, DPS_FOREVER);
}

/* RFC 6761: loopback without a lookup; nobody listens on ::1, so the next address is taken. */
static void test_localhost(void **state)
{
	static const char *const names[] = {"localhost", "LocalHost", "dps.localhost"};
	(void)state;
	net.dns_servers = "127.0.0.1:1"; /* would be refused */
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(net.port.open(net.port.ctx, names[i], port), DPS_OK);
		assert_int_equal(net.address_count, 2);
		assert_int_equal(connect_wholly(), DPS_OK);
		net.port.close(net.port.ctx);
	}
	/* not below localhost */
	assert_int_equal(net.port.open(net.port.ctx, "notlocalhost", port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_E_RESOLVE);
}

/* A connection that the peer has reset. */
static void connect_and_be_reset(void)
{
	struct linger now = {1, 0};
	int peer;

	assert_int_equal(net.port.open(net.port.ctx, "127.0.0.1", port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_OK);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	close(peer);
}

static void test_reset(void **state)
{
	uint8_t buf[16];
	size_t n;

	(void)state;
	connect_and_be_reset();
	assert_int_equal(read_some(buf, sizeof buf, &n), DPS_E_RESET);
	assert_detail("connection reset (127.0.0.1:%u)", port);
	/* Writing now must not raise SIGPIPE, which is at its default here and would end the test. */
	assert_int_equal(net.port.write(net.port.ctx, buf, 1, &n), DPS_E_RESET);
	assert_detail("connection closed by the peer (127.0.0.1:%u)", port);
}

/* The write is told first: the end of the stream that follows is no orderly one. */
static void test_reset_while_writing(void **state)
{
	struct dps_wait wait;
	uint32_t within_ms = DPS_FOREVER;
	uint8_t buf[16] = {0};
	size_t n;

	(void)state;
	connect_and_be_reset();
	assert_int_equal(net.port.wait_on(net.port.ctx, false, &wait, 1, &within_ms), 1);
	assert_int_equal(dps_posix_wait(&wait, 1, 10000), DPS_OK);
	assert_int_equal(net.port.write(net.port.ctx, buf, 1, &n), DPS_E_RESET);
	assert_int_equal(net.port.read(net.port.ctx, buf, sizeof buf, &n), DPS_E_RESET);
	assert_detail("connection reset (127.0.0.1:%u)", port);
	/* The next connection is another. */
	assert_int_equal(net.port.open(net.port.ctx, "127.0.0.1", port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_OK);
	close(accept(listener, NULL, NULL));
	assert_int_equal(read_some(buf, sizeof buf, &n), DPS_E_CLOSED);
}

/* A peer that takes nothing: writes end with "again", never block. */
static void test_full(void **state)
{
	static uint8_t block[65536];
	dps_result result = DPS_OK;
	size_t n, sum = 0;

	(void)state;
	assert_int_equal(net.port.open(net.port.ctx, "127.0.0.1", port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_OK);
	while (result == DPS_OK && sum < 1000 * sizeof block) {
		result = net.port.write(net.port.ctx, block, sizeof block, &n);
		sum += n;
	}
	assert_int_equal(result, DPS_AGAIN);
	assert_int_equal(n, 0);
}

/*
 * An address that does not answer: its listener's queue is full, so that the kernel drops the SYN. How many connections fill a queue differs between
 * kernels; each is tried until one stays unanswered.
 */
static void test_silence(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct dps_wait wait;
	uint32_t within_ms = 60000;
	int fillers[64];
	size_t filled = 0;

	(void)state;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(listen(listener, 0), 0);
	while (filled < 64) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		struct dps_wait done = {fd, DPS_WAIT_WRITE};

		fillers[filled++] = fd;
		assert_true(fd >= 0);
		if (connect(fd, (struct sockaddr *)&in, sizeof in) != 0 && dps_posix_wait(&done, 1, 50) == DPS_AGAIN)
			break;
	}
	if (filled < 64) {
		assert_int_equal(net.port.open(net.port.ctx, "127.0.0.1", port), DPS_OK);
		assert_int_equal(net.port.connect(net.port.ctx), DPS_AGAIN);
		assert_int_equal(net.port.wait_on(net.port.ctx, false, &wait, 1, &within_ms), 1);
		assert_int_equal(wait.directions, DPS_WAIT_WRITE);
		assert_int_equal(within_ms, 10000);
		now_ms += 9999;
		assert_int_equal(net.port.connect(net.port.ctx), DPS_AGAIN);
		within_ms = 60000;
		(void)net.port.wait_on(net.port.ctx, false, &wait, 1, &within_ms);
		assert_int_equal(within_ms, 1);
		now_ms += 1;
		within_ms = 60000;
		(void)net.port.wait_on(net.port.ctx, false, &wait, 1, &within_ms);
		assert_int_equal(within_ms, 0);
		assert_int_equal(net.port.connect(net.port.ctx), DPS_E_CONNECT);
		assert_detail("no answer (127.0.0.1:%u)", port);
	}
	for (size_t i = 0; i < filled; i++)
		close(fillers[i]);
	if (filled == 64)
		skip(); /* this kernel answers all */
}

/* --- names: a name server of the test's own ---------------------------------------------------------------------------------------- */

/* Answers one query (RFC 1035 section 4): A records for 127.0.0.<last>, no records of other types, or NXDOMAIN when there are no addresses. */
static void dns_answer(int fd, const uint8_t *last, size_t count)
{
	uint8_t message[512];
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	ssize_t got = recvfrom(fd, message, sizeof message, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
	size_t len = 12;
	bool a;

	if (got < 17)
		return;
	while (len < (size_t)got && message[len] != 0)
		len += message[len] + 1u;
	len += 5; /* the root label, type and class; an OPT record behind it is cut off */
	assert_true(len <= (size_t)got);
	a = message[len - 3] == 1;
	message[2] = 0x84; /* an answer with authority */
	message[3] = count == 0 ? 3 : 0;
	message[6] = 0;
	message[7] = a ? (uint8_t)count : 0;
	memset(message + 8, 0, 4);
	for (size_t i = 0; a && i < count; i++) {
		const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, last[i]};

		memcpy(message + len, record, sizeof record);
		len += sizeof record;
	}
	assert_int_equal(sendto(fd, message, len, 0, (struct sockaddr *)&from, from_len), (ssize_t)len);
}

/* Resolves and connects against the name server. */
static dps_result connect_by_name(const uint8_t *last, size_t count)
{
	static char server[32];
	uint16_t dns_port;
	int fd = make_socket(SOCK_DGRAM, &dns_port);
	dps_result result = DPS_AGAIN;

	assert_true(fd >= 0);
	snprintf(server, sizeof server, "127.0.0.1:%u", (unsigned)dns_port);
	net.dns_servers = server;
	assert_int_equal(net.port.open(net.port.ctx, "service.dps.test", port), DPS_OK);
	for (int i = 0; i < 1000 && result == DPS_AGAIN; i++) {
		struct dps_wait waits[DPS_POSIX_WAIT_MAX];
		uint32_t within_ms = 1000;
		size_t waiting;

		result = net.port.connect(net.port.ctx);
		if (result != DPS_AGAIN)
			break;
		waiting = net.port.wait_on(net.port.ctx, false, waits, DPS_POSIX_WAIT_MAX - 1, &within_ms);
		assert_true(waiting > 0);
		waits[waiting].handle = fd;
		waits[waiting].directions = DPS_WAIT_READ;
		(void)!dps_posix_wait(waits, waiting + 1, within_ms);
		dns_answer(fd, last, count);
	}
	close(fd);
	return result;
}

static void test_name(void **state)
{
	static const uint8_t one[] = {1};

	(void)state;
	assert_int_equal(connect_by_name(one, 1), DPS_OK);
	assert_int_equal(net.port.next_address(net.port.ctx), DPS_E_NOT_FOUND);
}

static void test_unknown_name(void **state)
{
	(void)state;
	assert_int_equal(connect_by_name(NULL, 0), DPS_E_RESOLVE);
	assert_non_null(strstr(net.port.detail(net.port.ctx), "(service.dps.test)"));
	assert_int_equal(net.port.connect(net.port.ctx), DPS_E_RESOLVE);
	assert_int_equal(net.port.next_address(net.port.ctx), DPS_E_NOT_FOUND);
}

/* Nobody listens at the first address. */
static void test_second_address(void **state)
{
	static const uint8_t two[] = {99, 1};

	(void)state;
	assert_int_equal(connect_by_name(two, 2), DPS_OK);
}

static void test_all_addresses_refuse(void **state)
{
	static const uint8_t two[] = {98, 99};

	(void)state;
	assert_int_equal(connect_by_name(two, 2), DPS_E_CONNECT);
	assert_non_null(strstr(net.port.detail(net.port.ctx), "connection refused (127.0.0.9"));
}

/* The channel asks for the next address when TLS failed at one. */
static void test_next_address(void **state)
{
	static const uint8_t two[] = {1, 1};
	struct dps_wait wait;
	uint32_t within_ms = 1000;

	(void)state;
	assert_int_equal(connect_by_name(two, 2), DPS_OK);
	if (net.address_count == 2) {
		assert_int_equal(net.port.next_address(net.port.ctx), DPS_OK);
		assert_int_equal(net.port.wait_on(net.port.ctx, false, &wait, 1, &within_ms), 0);
		assert_int_equal(within_ms, 0);
		assert_int_equal(connect_wholly(), DPS_OK);
	}
	assert_int_equal(net.port.next_address(net.port.ctx), DPS_E_NOT_FOUND);
}

/* More addresses than are kept: the rest is not tried, nothing is overrun. */
static void test_many_addresses(void **state)
{
	uint8_t many[20];

	(void)state;
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = (uint8_t)(100 + i);
	assert_int_equal(connect_by_name(many, sizeof many), DPS_E_CONNECT);
	assert_int_equal(net.address_count, DPS_POSIX_ADDRESSES);
}

/* A name server that is silent: the resolver gives up by its own time, which wait_on tells. */
static void test_silent_name_server(void **state)
{
	char server[32];
	uint16_t dns_port;
	int fd = make_socket(SOCK_DGRAM, &dns_port);
	struct dps_wait waits[DPS_POSIX_WAIT_MAX];
	uint32_t within_ms = DPS_FOREVER;

	(void)state;
	assert_true(fd >= 0);
	snprintf(server, sizeof server, "127.0.0.1:%u", (unsigned)dns_port);
	net.dns_servers = server;
	assert_int_equal(net.port.open(net.port.ctx, "service.dps.test", port), DPS_OK);
	assert_int_equal(net.port.connect(net.port.ctx), DPS_AGAIN);
	assert_true(net.port.wait_on(net.port.ctx, false, waits, DPS_POSIX_WAIT_MAX, &within_ms) > 0);
	assert_true(within_ms <= net.dns_timeout_ms + 1);
	net.port.close(net.port.ctx); /* in the middle of it */
	assert_int_equal(net.port.connect(net.port.ctx), DPS_E_STATE);

	net.dns_timeout_ms = 1;
	assert_int_equal(net.port.open(net.port.ctx, "service.dps.test", port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_E_RESOLVE);
	close(fd);
}

static void test_bad_names(void **state)
{
	char long_name[300];

	(void)state;
	net.dns_servers = "127.0.0.1:1";
	net.dns_timeout_ms = 1;
	memset(long_name, 'a', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	assert_int_equal(net.port.open(net.port.ctx, long_name, port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_E_RESOLVE);
	assert_int_equal(net.port.open(net.port.ctx, "", port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_E_RESOLVE);
	net.dns_servers = "not a server list";
	assert_int_equal(net.port.open(net.port.ctx, "service.dps.test", port), DPS_OK);
	assert_int_equal(connect_wholly(), DPS_E_RESOLVE);
}

#define NETWORK_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NETWORK_TEST(test_address),      NETWORK_TEST(test_ipv6_address),   NETWORK_TEST(test_refused),
		NETWORK_TEST(test_localhost),    NETWORK_TEST(test_reset),          NETWORK_TEST(test_reset_while_writing),
		NETWORK_TEST(test_full),         NETWORK_TEST(test_silence),        NETWORK_TEST(test_name),
		NETWORK_TEST(test_unknown_name), NETWORK_TEST(test_second_address), NETWORK_TEST(test_all_addresses_refuse),
		NETWORK_TEST(test_next_address), NETWORK_TEST(test_many_addresses), NETWORK_TEST(test_silent_name_server),
		NETWORK_TEST(test_bad_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
