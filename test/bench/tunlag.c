/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunlag: two network namespaces with nothing between them but a wire of a given length, packet by packet. Needs root.
 *
 * Each namespace has one TUN device, 192.0.2.1 for the device to be measured and 192.0.2.2 for its service; what one sends the other
 * receives half a round trip later, the packets of the TCP handshake too. The namespaces have no names: `ready` says under which
 * /proc path nsenter(1) finds each, and they vanish with the last process in them. Packets other than TCP over IPv4 are dropped.
 *
 * Commands on standard input, one a line, each answered with one JSON object: `rtt MS` sets the delay and forgets the counts, `count`
 * prints them. The program ends when its standard input does, so that it never outlives whoever started it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/delay_line.h"

#define MTU          1500
#define COMMAND_SIZE 64u

enum { DEVICE, SERVICE, SIDES };

/* Standard IPv4 and TCP headers, RFC 791 section 3.1 and RFC 9293 section 3.1: offsets of what is looked at. */
enum {
	IP_TOTAL_LENGTH = 2,
	IP_PROTOCOL = 9,
	IP_HEADER_MIN = 20,
	TCP_SEQUENCE = 4,
	TCP_DATA_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_HEADER_MIN = 20
};
enum { TCP_FIN = 1, TCP_SYN = 2 };

/* RFC 5246 section 6.2.1: the first byte of a record. The device sends such a record only when its handshake is done. */
enum { TLS_APPLICATION_DATA = 23 };

/* One direction: what that side has sent. */
struct direction {
	unsigned long packets;
	unsigned long with_data;
	unsigned long retransmitted;
	unsigned long ip_bytes;
	unsigned long tcp_bytes;
	unsigned long handshake; /* packets before the device's first application data */
	bool started;            /* next_sequence is known */
	uint32_t next_sequence;
	struct delay_line line;
};

struct wire {
	uint64_t one_way_ns;
	uint64_t syn_ns; /* when the device's first SYN left; 0: not yet */
	bool handshake_over;
	int tuns[SIDES];
	int namespaces[SIDES];
	struct direction from[SIDES];
	char command[COMMAND_SIZE];
	size_t command_len;
};

static const char *const addresses[SIDES] = {"192.0.2.1", "192.0.2.2"};

/* Gives the TUN device its address and switches it on. */
static bool configure(const char *name, const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0;

	memcpy(request.ifr_name, name, strlen(name));
	inet_pton(AF_INET, address, &in.sin_addr);
	memcpy(&request.ifr_addr, &in, sizeof(in));
	ok = ok && ioctl(fd, SIOCSIFADDR, &request) == 0;
	inet_pton(AF_INET, "255.255.255.0", &in.sin_addr);
	memcpy(&request.ifr_netmask, &in, sizeof(in));
	ok = ok && ioctl(fd, SIOCSIFNETMASK, &request) == 0;
	request.ifr_mtu = MTU;
	ok = ok && ioctl(fd, SIOCSIFMTU, &request) == 0;
	ok = ok && ioctl(fd, SIOCGIFFLAGS, &request) == 0;
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP | IFF_RUNNING);
	ok = ok && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* A new namespace with its end of the wire. This process stays in the last one made, where it opens nothing. */
static bool open_side(struct wire *wire, unsigned side)
{
	static const char name[] = "wire";
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};

	if (unshare(CLONE_NEWNET) != 0)
		return false;
	wire->namespaces[side] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	wire->tuns[side] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	memcpy(request.ifr_name, name, sizeof(name));
	return wire->namespaces[side] >= 0 && wire->tuns[side] >= 0 && ioctl(wire->tuns[side], TUNSETIFF, &request) == 0 &&
	       configure(name, addresses[side]);
}

static uint32_t read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Bytes that were sent before: at most what has been seen. A SYN starts a connection unless it repeats the last one's. */
static bool is_retransmission(struct direction *from, uint32_t sequence, size_t data_len, uint8_t flags)
{
	uint32_t end = sequence + (uint32_t)data_len + ((flags & (TCP_SYN | TCP_FIN)) != 0 ? 1u : 0u);

	if ((flags & TCP_SYN) != 0 && (!from->started || from->next_sequence != end)) {
		from->started = true;
		from->next_sequence = end;
		return false;
	}
	if (end == sequence)
		return false;
	if ((int32_t)(end - from->next_sequence) <= 0)
		return true;
	from->next_sequence = end;
	return false;
}

/* Counts a packet; false when it is none that this wire carries. */
static bool count_packet(struct wire *wire, unsigned side, const uint8_t *packet, size_t len)
{
	struct direction *from = &wire->from[side];
	size_t total, ip_header, tcp_header, data_len;
	const uint8_t *tcp;

	if (len < IP_HEADER_MIN + TCP_HEADER_MIN || packet[0] >> 4 != 4 || packet[IP_PROTOCOL] != IPPROTO_TCP)
		return false;
	total = (size_t)packet[IP_TOTAL_LENGTH] << 8 | packet[IP_TOTAL_LENGTH + 1];
	ip_header = (size_t)(packet[0] & 15u) * 4u;
	if (total > len || ip_header + TCP_HEADER_MIN > total)
		return false;
	tcp = packet + ip_header;
	tcp_header = (size_t)(tcp[TCP_DATA_OFFSET] >> 4) * 4u;
	if (ip_header + tcp_header > total)
		return false;
	if (side == DEVICE && wire->syn_ns == 0 && (tcp[TCP_FLAGS] & TCP_SYN) != 0)
		wire->syn_ns = delay_now_ns();
	data_len = total - ip_header - tcp_header;
	if (side == DEVICE && data_len > 0 && tcp[tcp_header] == TLS_APPLICATION_DATA)
		wire->handshake_over = true;
	from->packets++;
	from->handshake += !wire->handshake_over;
	from->with_data += data_len > 0;
	from->ip_bytes += total;
	from->tcp_bytes += data_len;
	from->retransmitted += is_retransmission(from, read_u32(tcp + TCP_SEQUENCE), data_len, tcp[TCP_FLAGS]);
	return true;
}

static void receive(struct wire *wire, unsigned side)
{
	struct delay_line *line = &wire->from[side].line;
	uint8_t *slot = delay_line_slot(line);
	ssize_t n = slot != NULL ? read(wire->tuns[side], slot, DELAY_LINE_CHUNK) : 0;

	if (n > 0 && count_packet(wire, side, slot, (size_t)n))
		delay_line_push(line, (size_t)n, delay_now_ns() + wire->one_way_ns);
}

/* A packet that the other side's queue does not take is lost, as on any wire; its repetition would be counted. */
static void deliver(struct wire *wire, unsigned side)
{
	struct delay_line *line = &wire->from[side].line;
	const struct delay_chunk *chunk;

	while ((chunk = delay_line_front(line)) != NULL && chunk->due_ns <= delay_now_ns()) {
		if (write(wire->tuns[side == DEVICE ? SERVICE : DEVICE], chunk->bytes, chunk->len) < 0)
			perror("tunlag: a packet is lost");
		delay_line_pop(line);
	}
}

static void print_direction(const char *name, const struct direction *from)
{
	printf(",\"%s\":{\"packets\":%lu,\"withData\":%lu,\"retransmitted\":%lu,\"ipBytes\":%lu,\"tcpBytes\":%lu,\"handshake\":%lu}", name,
	       from->packets, from->with_data, from->retransmitted, from->ip_bytes, from->tcp_bytes, from->handshake);
}

static void forget_counts(struct wire *wire)
{
	wire->syn_ns = 0;
	wire->handshake_over = false;
	for (unsigned side = 0; side < SIDES; side++) {
		struct direction *from = &wire->from[side];

		from->packets = from->with_data = from->retransmitted = from->ip_bytes = from->tcp_bytes = from->handshake = 0;
		from->started = false;
	}
}

static void obey(struct wire *wire, const char *command)
{
	if (strncmp(command, "rtt ", 4) == 0 && delay_parse_rtt(command + 4, &wire->one_way_ns)) {
		forget_counts(wire);
		printf("{\"event\":\"rtt\",\"ms\":%.3f}\n", (double)wire->one_way_ns / 500000.0);
	} else if (strcmp(command, "count") == 0) {
		printf("{\"event\":\"count\",\"synNs\":%llu", (unsigned long long)wire->syn_ns);
		print_direction("up", &wire->from[DEVICE]);
		print_direction("down", &wire->from[SERVICE]);
		puts("}");
	} else {
		puts("{\"event\":\"error\",\"text\":\"no such command\"}");
	}
}

/* Reads commands; false when there will be no more. */
static bool listen_to_stdin(struct wire *wire)
{
	ssize_t n = read(STDIN_FILENO, wire->command + wire->command_len, COMMAND_SIZE - wire->command_len);
	char *end;

	if (n <= 0)
		return false;
	wire->command_len += (size_t)n;
	while ((end = memchr(wire->command, '\n', wire->command_len)) != NULL) {
		size_t used = (size_t)(end - wire->command) + 1;

		*end = '\0';
		obey(wire, wire->command);
		wire->command_len -= used;
		memmove(wire->command, wire->command + used, wire->command_len);
	}
	return wire->command_len < COMMAND_SIZE;
}

static int carry(struct wire *wire)
{
	for (;;) {
		struct pollfd polled[1 + SIDES] = {{.fd = STDIN_FILENO, .events = POLLIN}};
		uint64_t now_ns = delay_now_ns();
		uint64_t wait_ns = 3600000000000u;
		struct timespec wait;

		for (unsigned side = 0; side < SIDES; side++) {
			struct delay_line *line = &wire->from[side].line;
			const struct delay_chunk *front = delay_line_front(line);

			polled[1 + side] = (struct pollfd){.fd = delay_line_slot(line) != NULL ? wire->tuns[side] : -1, .events = POLLIN};
			if (front != NULL && front->due_ns < now_ns + wait_ns)
				wait_ns = front->due_ns > now_ns ? front->due_ns - now_ns : 0;
		}
		wait = (struct timespec){.tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u)};
		if (ppoll(polled, 1 + SIDES, &wait, NULL) < 0 && errno != EINTR)
			return 1;
		for (unsigned side = 0; side < SIDES; side++) {
			if (polled[1 + side].revents != 0)
				receive(wire, side);
			deliver(wire, side);
		}
		if (polled[0].revents != 0 && !listen_to_stdin(wire))
			return 0;
	}
}

int main(void)
{
	static struct wire wire; /* some 4 MiB, hardly touched: not for the stack */

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned side = 0; side < SIDES; side++) {
		if (!open_side(&wire, side)) {
			perror("no network namespace with a TUN device");
			return 1;
		}
	}
	printf("{\"event\":\"ready\",\"device\":{\"address\":\"%s\",\"namespace\":\"/proc/%d/fd/%d\"},"
	       "\"service\":{\"address\":\"%s\",\"namespace\":\"/proc/%d/fd/%d\"}}\n",
	       addresses[DEVICE], getpid(), wire.namespaces[DEVICE], addresses[SERVICE], getpid(), wire.namespaces[SERVICE]);
	return carry(&wire);
}
