/* SPDX-License-Identifier: Apache-2.0 */
/* See onboarding_place.h. */
#include "onboarding_place.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT       5683u
#define PORT_TRIES 16u
#define HOST_SIZE  INET6_ADDRSTRLEN

/* "All CoAP Nodes" of RFC 7252 section 12.8, IPv4; "All OCF Devices" of link-local scope (OCF Core). */
static const char group_v4[] = "224.0.1.187";
static const char group_v6[] = "ff02::158";

static uint16_t port_of(const coap_address_t *address)
{
	return ntohs(address->addr.sa.sa_family == AF_INET6 ? address->addr.sin6.sin6_port : address->addr.sin.sin_port);
}

static void set_port(coap_address_t *address, uint16_t port)
{
	if (address->addr.sa.sa_family == AF_INET6)
		address->addr.sin6.sin6_port = htons(port);
	else
		address->addr.sin.sin_port = htons(port);
}

static void set_ports(struct onboarding_place *place, uint16_t port)
{
	coap_address_copy(&place->secure, &place->plain);
	set_port(&place->plain, port);
	set_port(&place->secure, port == 0 ? 0 : (uint16_t)(port + 1));
}

/* --- reading --- */

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return false;
	value = strtoul(text, &end, 10);
	*port = (uint16_t)value;
	return *end == '\0' && value < UINT16_MAX; /* the next one is DTLS's */
}

/* Parts a text into host and port: "[v6]:port", "v4:port"; more than one ':' without brackets is an IPv6 address alone. */
static bool part(const char *text, char host[HOST_SIZE], uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	const char *end = text + strlen(text);

	*port = PORT;
	if (*text == '[') {
		text++;
		end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && (end[1] != ':' || !parse_port(end + 2, port))))
			return false;
	} else if (colon != NULL && colon == strchr(text, ':')) {
		end = colon;
		if (!parse_port(colon + 1, port))
			return false;
	}
	if (end == text || (size_t)(end - text) >= HOST_SIZE)
		return false;
	memcpy(host, text, (size_t)(end - text));
	host[end - text] = '\0';
	return true;
}

bool onboarding_place_parse(const char *text, struct onboarding_place *place)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
	struct addrinfo *found = NULL;
	char host[HOST_SIZE];
	uint16_t port;

	memset(place, 0, sizeof(*place));
	if (!part(text, host, &port) || getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	coap_address_init(&place->plain);
	memcpy(&place->plain.addr, found->ai_addr, found->ai_addrlen);
	place->plain.size = found->ai_addrlen;
	freeaddrinfo(found);
	set_ports(place, port);
	return true;
}

void onboarding_place_any(struct onboarding_place *place)
{
	int probe = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)onboarding_place_parse(probe >= 0 ? "::" : "0.0.0.0", place);
	if (probe >= 0)
		close(probe);
}

bool onboarding_place_is_wildcard(const struct onboarding_place *place)
{
	return coap_address_isany(&place->plain) != 0;
}

/* --- opening --- */

/* libcoap does not tell which port it was given: a free one is looked for first. It may be gone by then, hence the tries of the caller. */
static uint16_t find_free_port(const coap_address_t *address)
{
	coap_address_t bound;
	socklen_t size = address->size;
	int probe = socket(address->addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint16_t port = 0;

	if (probe < 0)
		return 0;
	coap_address_copy(&bound, address);
	set_port(&bound, 0);
	if (bind(probe, &bound.addr.sa, size) == 0 && getsockname(probe, &bound.addr.sa, &size) == 0)
		port = port_of(&bound);
	close(probe);
	return port;
}

static coap_endpoint_t *open_endpoint(coap_context_t *coap, coap_address_t *address, coap_proto_t proto)
{
	coap_endpoint_t *endpoint = NULL;

	if (port_of(address) != 0)
		return coap_new_endpoint(coap, address, proto);
	for (unsigned tries = 0; endpoint == NULL && tries < PORT_TRIES; tries++) {
		set_port(address, find_free_port(address));
		if (port_of(address) != 0)
			endpoint = coap_new_endpoint(coap, address, proto);
	}
	return endpoint;
}

bool onboarding_place_open(coap_context_t *coap, struct onboarding_place *place)
{
	/* Which port DTLS has is told in the clear, so it must be known although it is not open yet. */
	if (port_of(&place->secure) == 0)
		set_port(&place->secure, find_free_port(&place->secure));
	return open_endpoint(coap, &place->plain, COAP_PROTO_UDP) != NULL;
}

bool onboarding_place_open_secure(coap_context_t *coap, struct onboarding_place *place)
{
	if (place->secure_endpoint == NULL)
		place->secure_endpoint = coap_new_endpoint(coap, &place->secure, COAP_PROTO_DTLS);
	return place->secure_endpoint != NULL;
}

void onboarding_place_close_secure(struct onboarding_place *place)
{
	if (place->secure_endpoint != NULL)
		coap_free_endpoint(place->secure_endpoint);
	place->secure_endpoint = NULL;
}

/* --- multicast --- */

static void join_on(coap_context_t *coap, const char *interface)
{
	(void)coap_join_mcast_group_intf(coap, group_v4, interface);
	(void)coap_join_mcast_group_intf(coap, group_v6, interface);
}

void onboarding_place_join(coap_context_t *coap, const char *interface)
{
	struct if_nameindex *all;

	if (interface != NULL) {
		join_on(coap, interface);
		return;
	}
	all = if_nameindex();
	for (const struct if_nameindex *at = all; at != NULL && at->if_index != 0; at++)
		join_on(coap, at->if_name);
	if (all != NULL)
		if_freenameindex(all);
}

int onboarding_place_watch(void)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int watch = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (watch >= 0 && bind(watch, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		close(watch);
		watch = -1;
	}
	return watch;
}

bool onboarding_place_changed(int watch)
{
	uint8_t ignored[4096];
	bool changed = false;

	/* What came does not matter, and an overrun (ENOBUFS) says the same: something has. */
	while (watch >= 0 && recv(watch, ignored, sizeof(ignored), MSG_TRUNC) > 0)
		changed = true;
	return changed;
}

/* --- addresses --- */

static bool is_mapped(const coap_address_t *address)
{
	return address->addr.sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address->addr.sin6.sin6_addr);
}

void onboarding_place_source(const coap_address_t *address, struct onboarding_source *source)
{
	memset(source, 0, sizeof(*source));
	if (address->addr.sa.sa_family == AF_INET6) {
		memcpy(source->bytes, &address->addr.sin6.sin6_addr, sizeof(source->bytes));
		return;
	}
	source->bytes[10] = 0xff;
	source->bytes[11] = 0xff;
	memcpy(source->bytes + 12, &address->addr.sin.sin_addr, 4);
}

bool onboarding_place_is_multicast(const coap_address_t *address)
{
	if (is_mapped(address))
		return (address->addr.sin6.sin6_addr.s6_addr[12] & 0xf0) == 0xe0;
	return coap_is_mcast(address) != 0;
}

void onboarding_place_uri(const coap_address_t *address, const char *scheme, char text[ONBOARDING_URI_SIZE])
{
	char host[HOST_SIZE] = "";

	if (is_mapped(address))
		inet_ntop(AF_INET, &address->addr.sin6.sin6_addr.s6_addr[12], host, sizeof(host));
	else if (address->addr.sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &address->addr.sin6.sin6_addr, host, sizeof(host));
	else
		inet_ntop(AF_INET, &address->addr.sin.sin_addr, host, sizeof(host));
	snprintf(text, ONBOARDING_URI_SIZE, strchr(host, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u", scheme, host,
	         (unsigned)port_of(address));
}

/* The local address that the system would send from: a request to a group, or to a wildcard, does not tell it. */
static bool find_local(const coap_address_t *peer, coap_address_t *local)
{
	socklen_t size = sizeof(local->addr);
	int probe = socket(peer->addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found;

	if (probe < 0)
		return false;
	coap_address_init(local);
	found = connect(probe, &peer->addr.sa, peer->size) == 0 && getsockname(probe, &local->addr.sa, &size) == 0;
	local->size = size;
	close(probe);
	return found;
}

void onboarding_place_reach(const struct onboarding *onboarding, const coap_session_t *session, char text[ONBOARDING_URI_SIZE])
{
	const coap_address_t *at = coap_session_get_addr_local(session);
	const struct onboarding_place *place = &onboarding->places[0];
	coap_address_t local;

	for (size_t i = 0; i < onboarding->place_count; i++)
		if (port_of(&onboarding->places[i].plain) == port_of(at))
			place = &onboarding->places[i];
	if (!find_local(coap_session_get_addr_remote(session), &local))
		coap_address_copy(&local, &place->secure);
	set_port(&local, port_of(&place->secure));
	onboarding_place_uri(&local, "coaps", text);
}
