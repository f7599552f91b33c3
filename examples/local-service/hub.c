/* SPDX-License-Identifier: Apache-2.0 */
/* The gateways of this program. */
#include "hub.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "events.h"
#include "hub_control.h"
#include "hub_device.h"
#include "hub_link.h"
#include "hub_tls.h"
#include "text.h"

#define BACKLOG    1024
#define BATCH      64
#define MAX_ACCEPT 64
#define REST_MS    100u

/* --- descriptors --- */

bool hub_watch_add(struct hub *hub, struct hub_watch *watch)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

	return epoll_ctl(hub->epoll, EPOLL_CTL_ADD, watch->file, &event) == 0;
}

void hub_watch_change(struct hub *hub, struct hub_watch *watch, bool wants_write)
{
	struct epoll_event event = {.events = wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = watch};

	epoll_ctl(hub->epoll, EPOLL_CTL_MOD, watch->file, &event);
}

void hub_watch_remove(struct hub *hub, struct hub_watch *watch)
{
	epoll_ctl(hub->epoll, EPOLL_CTL_DEL, watch->file, NULL);
}

/* Without a free descriptor a connection stays in the queue, and its listener would wake the loop again at once, for ever. */
int hub_watch_accept(struct hub *hub, struct hub_watch *watch)
{
	int file = accept4(watch->file, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (file < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		hub_watch_remove(hub, watch);
		watch->resumes_at_ms = service_now_ms() + REST_MS;
	}
	return file;
}

uint64_t hub_watch_resume(struct hub *hub, struct hub_watch *watch, uint64_t now_ms)
{
	if (watch->resumes_at_ms != 0 && watch->resumes_at_ms <= now_ms) {
		watch->resumes_at_ms = hub_watch_add(hub, watch) ? 0 : now_ms + REST_MS;
	}
	return watch->resumes_at_ms == 0 ? UINT64_MAX : watch->resumes_at_ms;
}

/* --- gateways --- */

static _Noreturn void refuse_gateway(const char *given)
{
	service_fail(SERVICE_EXIT_USAGE, "--gateway must be HOST:PORT or HOST:PORT,HUBID, an IPv6 address in brackets, not \"%s\"", given);
}

void hub_add_gateway(struct service *service, const char *given)
{
	struct hub_gateway *gateway = service_alloc(sizeof(*gateway));
	const char *comma = strchr(given, ',');
	size_t length = comma == NULL ? strlen(given) : (size_t)(comma - given);
	char *address = service_format("%.*s", (int)length, given);

	if (comma != NULL && !service_uuid_parse(comma + 1, gateway->id)) {
		refuse_gateway(given);
	}
	if (!service_split_address(address, &gateway->host, &gateway->port)) {
		refuse_gateway(given);
	}
	free(address);
	if (service->hub == NULL) {
		service->hub = service_alloc(sizeof(*service->hub));
		service->hub->service = service;
		service->hub->epoll = -1;
	}
	gateway->hub = service->hub;
	gateway->watch.file = -1;
	service->hub->gateways = service_realloc(service->hub->gateways, (service->hub->gateway_count + 1) * sizeof(struct hub_gateway *));
	service->hub->gateways[service->hub->gateway_count++] = gateway;
}

static void on_accept(struct hub_watch *watch, uint32_t events)
{
	struct hub_gateway *gateway = (struct hub_gateway *)(void *)watch;
	int count;

	(void)events;
	for (count = 0; count < MAX_ACCEPT; count++) {
		int file = hub_watch_accept(gateway->hub, watch);

		if (file < 0) {
			return;
		}
		hub_link_begin(gateway, file);
	}
}

static uint16_t port_of(int file)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} own = {0};
	socklen_t length = sizeof(own);

	if (getsockname(file, &own.any, &length) != 0) {
		return 0;
	}
	return ntohs(own.any.sa_family == AF_INET6 ? own.six.sin6_port : own.four.sin_port);
}

static void listen_at(struct hub_gateway *gateway)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int error = getaddrinfo(gateway->host, gateway->port, &hints, &found);
	int on = 1;
	int file;

	if (error != 0) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot find the address %s: %s", gateway->host, gai_strerror(error));
	}
	file = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (file < 0 || setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 || bind(file, found->ai_addr, found->ai_addrlen) != 0 ||
	    listen(file, BACKLOG) != 0) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot listen at %s port %s: %s", gateway->host, gateway->port, strerror(errno));
	}
	freeaddrinfo(found);
	gateway->watch.file = file;
	gateway->watch.ready = on_accept;
	gateway->uri = service_format("coaps+tcp://localhost:%u", port_of(file));
	if (!hub_watch_add(gateway->hub, &gateway->watch)) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot watch a gateway's socket: %s", strerror(errno));
	}
}

static void print_gateway(const struct hub_gateway *gateway)
{
	cJSON *event = service_event_new("gateway");

	cJSON_AddStringToObject(event, "hub", gateway->id);
	cJSON_AddStringToObject(event, "host", gateway->host);
	cJSON_AddNumberToObject(event, "port", port_of(gateway->watch.file));
	cJSON_AddStringToObject(event, "uri", gateway->uri);
	service_event_print(event);
}

void hub_open(struct service *service, const char *directory)
{
	struct hub *hub = service->hub;
	size_t at;

	if (hub == NULL) {
		return;
	}
	hub->directory = directory;
	hub->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (hub->epoll < 0) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot watch sockets: %s", strerror(errno));
	}
	for (at = 0; at < hub->gateway_count; at++) {
		struct hub_gateway *gateway = hub->gateways[at];

		if (gateway->id[0] == '\0' && service->config.hub_count == 0) {
			service_fail(SERVICE_EXIT_USAGE, "--gateway %s:%s needs a HUBID: the configuration has no hub", gateway->host, gateway->port);
		}
		if (gateway->id[0] == '\0') {
			memcpy(gateway->id, service->config.hubs[0].id, sizeof(gateway->id));
		}
		gateway->tls = hub_tls_open(service, gateway->id);
		listen_at(gateway);
	}
	for (at = 0; at < hub->gateway_count; at++) {
		service_config_add_gateway(&service->config, hub->gateways[at]->id, hub->gateways[at]->uri);
	}
	hub->control = hub_control_open(hub);
	for (at = 0; at < hub->gateway_count; at++) {
		print_gateway(hub->gateways[at]);
	}
}

void hub_close(struct service *service)
{
	if (service->hub == NULL) {
		return;
	}
	hub_control_close(service->hub->control);
	service->hub->control = NULL;
	hub_link_close_all(service->hub, "shutdown");
	hub_device_free_all(service->hub);
}

void hub_free(struct service *service)
{
	struct hub *hub = service->hub;
	size_t at;

	if (hub == NULL) {
		return;
	}
	for (at = 0; at < hub->gateway_count; at++) {
		struct hub_gateway *gateway = hub->gateways[at];

		if (gateway->watch.file >= 0) {
			close(gateway->watch.file);
		}
		SSL_CTX_free(gateway->tls);
		free(gateway->host);
		free(gateway->port);
		free(gateway->uri);
		free(gateway);
	}
	if (hub->epoll >= 0) {
		close(hub->epoll);
	}
	free(hub->gateways);
	free(hub);
	service->hub = NULL;
}

void hub_disconnect(struct service *service, const char *reason)
{
	struct hub_link *link;

	for (link = service->hub == NULL ? NULL : service->hub->links; link != NULL; link = link->next) {
		hub_link_close_in(link, 0, reason);
	}
}

/* --- the loop --- */

size_t hub_poll(const struct service *service, struct pollfd *entry)
{
	if (service->hub == NULL) {
		return 0;
	}
	*entry = (struct pollfd){.fd = service->hub->epoll, .events = POLLIN};
	return 1;
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/* What is closed on the way is freed by the timers behind, so that no event of the batch meets freed memory. */
uint64_t hub_run(struct service *service, uint64_t now_ms)
{
	struct epoll_event events[BATCH];
	struct hub *hub = service->hub;
	uint64_t next;
	size_t gateway;
	int count;
	int at;

	if (hub == NULL) {
		return UINT64_MAX;
	}
	count = epoll_wait(hub->epoll, events, BATCH, 0);
	for (at = 0; at < count; at++) {
		struct hub_watch *watch = events[at].data.ptr;

		watch->ready(watch, events[at].events);
	}
	next = earlier(hub_link_run_all(hub, now_ms), hub_control_run(hub->control, now_ms));
	for (gateway = 0; gateway < hub->gateway_count; gateway++) {
		next = earlier(next, hub_watch_resume(hub, &hub->gateways[gateway]->watch, now_ms));
	}
	return next;
}
