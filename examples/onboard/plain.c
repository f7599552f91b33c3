/* SPDX-License-Identifier: Apache-2.0 */
/* See plain.h. */
#include "plain.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "message.h"

#define PORT     5683u
#define AGAIN_MS 1000u /* the same to one address */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- addresses --- */

uint16_t plain_port(const struct plain_address *address)
{
	return ntohs(address->at.any.sa_family == AF_INET6 ? address->at.v6.sin6_port : address->at.v4.sin_port);
}

void plain_set_port(struct plain_address *address, uint16_t port)
{
	if (address->at.any.sa_family == AF_INET6)
		address->at.v6.sin6_port = htons(port);
	else
		address->at.v4.sin_port = htons(port);
}

bool plain_resolve(const char *text, struct plain_address *address)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	const char *colon = strrchr(text, ':');
	const char *end = colon;
	char host[256];
	int error;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return false;
	if (*text == '[') {
		text++;
		end--;
		if (end <= text || *end != ']')
			return false;
	}
	if (end == text || (size_t)(end - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(end - text));
	host[end - text] = '\0';
	error = getaddrinfo(host, colon + 1, &hints, &found);
	if (error != 0)
		return false;
	memset(address, 0, sizeof(*address));
	memcpy(&address->at, found->ai_addr, found->ai_addrlen);
	address->size = found->ai_addrlen;
	freeaddrinfo(found);
	return plain_port(address) != 0;
}

void plain_format(const struct plain_address *address, char text[PLAIN_TEXT_SIZE])
{
	char host[64] = "?";

	(void)getnameinfo(&address->at.any, address->size, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	snprintf(text, PLAIN_TEXT_SIZE, address->at.any.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, (unsigned)plain_port(address));
}

bool plain_same(const struct plain_address *a, const struct plain_address *b)
{
	if (a->at.any.sa_family != b->at.any.sa_family || plain_port(a) != plain_port(b))
		return false;
	if (a->at.any.sa_family == AF_INET)
		return a->at.v4.sin_addr.s_addr == b->at.v4.sin_addr.s_addr;
	return memcmp(&a->at.v6.sin6_addr, &b->at.v6.sin6_addr, sizeof(a->at.v6.sin6_addr)) == 0 &&
	       a->at.v6.sin6_scope_id == b->at.v6.sin6_scope_id;
}

/* --- asking --- */

struct asking {
	const struct plain_where *where;
	int sockets[2]; /* IPv4, IPv6; -1: none */
	uint8_t bytes[MESSAGE_REQUEST_SIZE];
	size_t len;
	uint8_t token[MESSAGE_TOKEN_SIZE];
	bool sent;
};

static void send_to(struct asking *asking, const struct plain_address *to)
{
	int fd = asking->sockets[to->at.any.sa_family == AF_INET6];

	if (fd >= 0 && sendto(fd, asking->bytes, asking->len, 0, &to->at.any, to->size) == (ssize_t)asking->len)
		asking->sent = true;
}

/* 224.0.1.187 (RFC 7252 section 12.8) and ff02::158 (all OCF devices, link-local). An interface that has no such address is passed over. */
static void send_to_groups(struct asking *asking, const char *interface)
{
	unsigned index = if_nametoindex(interface);
	const struct ip_mreqn v4_interface = {.imr_ifindex = (int)index};
	struct plain_address v4 = {.at.v4 = {.sin_family = AF_INET, .sin_port = htons(PORT)}, .size = sizeof(v4.at.v4)};
	struct plain_address v6 = {.at.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_scope_id = index},
	                           .size = sizeof(v6.at.v6)};

	if (index == 0)
		return;
	(void)inet_pton(AF_INET, "224.0.1.187", &v4.at.v4.sin_addr);
	(void)inet_pton(AF_INET6, "ff02::158", &v6.at.v6.sin6_addr);
	if (asking->sockets[0] >= 0 && setsockopt(asking->sockets[0], IPPROTO_IP, IP_MULTICAST_IF, &v4_interface, sizeof(v4_interface)) == 0)
		send_to(asking, &v4);
	if (asking->sockets[1] >= 0 && setsockopt(asking->sockets[1], IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)) == 0)
		send_to(asking, &v6);
}

static void send_all(struct asking *asking, const struct plain_request *request)
{
	const struct plain_where *where = asking->where;
	uint16_t id = 0;
	struct if_nameindex *all;

	(void)!getrandom(&id, sizeof(id), 0);
	asking->len = message_write(asking->bytes, request, asking->token, id);
	for (size_t i = 0; i < where->count; i++)
		send_to(asking, &where->addresses[i]);
	if (where->count > 0)
		return;
	for (size_t i = 0; i < where->interface_count; i++)
		send_to_groups(asking, where->interfaces[i]);
	if (where->interface_count > 0)
		return;
	all = if_nameindex();
	for (const struct if_nameindex *at = all; at != NULL && at->if_index != 0; at++)
		send_to_groups(asking, at->if_name);
	if (all != NULL)
		if_freenameindex(all);
}

/* Answers of one address only are believed to be its own; those to everybody may come from anybody. */
static bool is_asked(const struct plain_where *where, const struct plain_address *from)
{
	for (size_t i = 0; i < where->count; i++)
		if (plain_same(&where->addresses[i], from))
			return true;
	return where->count == 0;
}

static bool take_answers(struct asking *asking, int fd, bool (*on_answer)(void *user, const struct plain_answer *answer), void *user)
{
	uint8_t bytes[PLAIN_BODY_SIZE];
	struct plain_answer answer;
	ssize_t len;

	for (;;) {
		memset(&answer, 0, sizeof(answer));
		answer.from.size = sizeof(answer.from.at);
		len = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, &answer.from.at.any, &answer.from.size);
		if (len < 0)
			return false;
		if (is_asked(asking->where, &answer.from) && message_read(bytes, (size_t)len, asking->token, &answer) && on_answer(user, &answer))
			return true;
	}
}

bool plain_ask(const struct plain_where *where, const struct plain_request *request, uint32_t timeout_ms,
               bool (*on_answer)(void *user, const struct plain_answer *answer), void *user, bool *sent)
{
	struct asking asking = {.where = where,
	                        .sockets = {socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)}};
	/* To everybody twice only: each time all of them answer. */
	uint32_t every = where->count > 0 ? AGAIN_MS : timeout_ms / 2 + 1;
	uint64_t now = now_ms();
	uint64_t end = now + timeout_ms;
	uint64_t next = now;
	bool enough = getrandom(asking.token, sizeof(asking.token), 0) != (ssize_t)sizeof(asking.token);

	for (; now < end && !enough; now = now_ms()) {
		struct pollfd ready[2] = {{.fd = asking.sockets[0], .events = POLLIN}, {.fd = asking.sockets[1], .events = POLLIN}};
		uint64_t until;

		if (now >= next) {
			send_all(&asking, request);
			next = now + every;
		}
		until = next < end ? next : end;
		if (poll(ready, 2, (int)(until - now)) <= 0)
			continue;
		for (size_t i = 0; i < 2 && !enough; i++)
			if (ready[i].revents != 0)
				enough = take_answers(&asking, asking.sockets[i], on_answer, user);
	}
	for (size_t i = 0; i < 2; i++)
		if (asking.sockets[i] >= 0)
			close(asking.sockets[i]);
	if (sent != NULL)
		*sent = asking.sent;
	return enough;
}
