/* SPDX-License-Identifier: Apache-2.0 */
/* The server: libcoap's context, its call-backs and the loop around it. */
#include "server.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "events.h"
#include "exchange.h"
#include "hub.h"
#include "session.h"
#include "sockets.h"
#include "text.h"
#include "tls.h"

#define LOOP_MAX_MS         1000u
#define NO_TIMEOUT_SECONDS  (365u * 86400u) /* sessions are closed by our own clock */
#define OCF_ACCEPT_VERSION  2049u           /* OCF-Accept-Content-Format-Version and ... */
#define OCF_CONTENT_VERSION 2053u           /* ... OCF-Content-Format-Version: critical by number, of no meaning here */

static volatile sig_atomic_t stop_signal;

static void note_signal(int number)
{
	stop_signal = number;
}

uint64_t service_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- libcoap's call-backs --- */

static struct service *service_of(const coap_session_t *coap)
{
	return coap_get_app_data(coap_session_get_context(coap));
}

/* Leaves the response at code 0.00: nothing is sent by libcoap, the exchange answers when it is time. */
static void on_request(coap_resource_t *resource, coap_session_t *coap, const coap_pdu_t *request, const coap_string_t *query,
                       coap_pdu_t *response)
{
	struct service_session *session = service_session_of(coap);

	(void)resource;
	(void)query;
	(void)response;
	if (session != NULL) {
		service_exchange_request(session, service_request_take(request));
	}
}

static coap_response_t on_response(coap_session_t *coap, const coap_pdu_t *sent, const coap_pdu_t *received, const coap_mid_t mid)
{
	struct service_session *session = service_session_of(coap);

	(void)sent;
	(void)mid;
	if (session != NULL) {
		service_exchange_response(session, received);
	}
	return COAP_RESPONSE_OK;
}

static void on_ping(coap_session_t *coap, const coap_pdu_t *received, const coap_mid_t mid)
{
	struct service_session *session = service_session_of(coap);

	(void)mid;
	if (session != NULL) {
		service_exchange_ping(session, received);
	}
}

static void on_pong(coap_session_t *coap, const coap_pdu_t *received, const coap_mid_t mid)
{
	struct service_session *session = service_session_of(coap);

	(void)received;
	(void)mid;
	if (session != NULL) {
		service_session_touch(session);
	}
}

static int on_event(coap_session_t *coap, const coap_event_t event)
{
	struct service_session *session = service_session_of(coap);

	switch (event) {
	case COAP_EVENT_TCP_CONNECTED:
		/* And not SERVER_SESSION_NEW: a handshake that succeeds or fails while libcoap accepts has its events before that one. */
		if (session == NULL) {
			service_session_begin(service_of(coap), coap);
		}
		break;
	case COAP_EVENT_DTLS_CONNECTED:
		if (session != NULL && session->peer == NULL) {
			service_session_connected(session);
			service_session_touch(session);
		}
		break;
	case COAP_EVENT_DTLS_CLOSED:
	case COAP_EVENT_DTLS_ERROR:
	case COAP_EVENT_TCP_CLOSED:
	case COAP_EVENT_TCP_FAILED:
	case COAP_EVENT_SESSION_CLOSED:
	case COAP_EVENT_SESSION_FAILED:
		service_of(coap)->sweep = true;
		break;
	case COAP_EVENT_SERVER_SESSION_DEL:
		service_session_end(coap);
		break;
	default:
		break;
	}
	return 0;
}

static void print_log(coap_log_t level, const char *message)
{
	fprintf(stderr, "libcoap[%d] %s", (int)level, message);
}

/* --- setting up --- */

static void set_up_logging(bool verbose)
{
	coap_set_log_handler(print_log);
	coap_set_log_level(verbose ? LOG_DEBUG : LOG_EMERG);
	coap_dtls_set_log_level(verbose ? LOG_DEBUG : LOG_EMERG);
}

static void register_all_methods(coap_resource_t *resource)
{
	static const coap_request_t methods[] = {COAP_REQUEST_GET,   COAP_REQUEST_POST,  COAP_REQUEST_PUT,   COAP_REQUEST_DELETE,
	                                         COAP_REQUEST_FETCH, COAP_REQUEST_PATCH, COAP_REQUEST_IPATCH};
	size_t at;

	for (at = 0; at < sizeof(methods) / sizeof(methods[0]); at++) {
		coap_register_request_handler(resource, methods[at], on_request);
	}
}

/* Every path comes to one handler; libcoap's own answer to /.well-known/core gives way to ours. */
static void set_up_resources(coap_context_t *coap)
{
	coap_resource_t *any = coap_resource_unknown_init2(on_request, 0);
	coap_resource_t *well_known = coap_resource_init(coap_make_str_const(".well-known/core"), 0);

	if (any == NULL || well_known == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "no memory for libcoap's resources");
	}
	register_all_methods(any);
	register_all_methods(well_known);
	coap_add_resource(coap, any);
	coap_add_resource(coap, well_known);
}

static void set_up_context(struct service *service)
{
	service->coap = coap_new_context(NULL);
	if (service->coap == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "libcoap gives no context");
	}
	coap_set_app_data(service->coap, service);
	coap_context_set_block_mode(service->coap, 0);
	coap_context_set_session_timeout(service->coap, NO_TIMEOUT_SECONDS);
	coap_context_set_csm_max_message_size(service->coap, SERVICE_MAX_MESSAGE_SIZE);
	coap_register_option(service->coap, OCF_ACCEPT_VERSION);
	coap_register_option(service->coap, OCF_CONTENT_VERSION);
	coap_register_event_handler(service->coap, on_event);
	coap_register_response_handler(service->coap, on_response);
	coap_register_ping_handler(service->coap, on_ping);
	coap_register_pong_handler(service->coap, on_pong);
	set_up_resources(service->coap);
	service_tls_open(service);
}

static void listen_at(struct service *service, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	coap_address_t address;
	int error = getaddrinfo(host, port, &hints, &found);

	if (error != 0) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot find the address %s: %s", host, gai_strerror(error));
	}
	coap_address_init(&address);
	memcpy(&address.addr, found->ai_addr, found->ai_addrlen);
	address.size = found->ai_addrlen;
	freeaddrinfo(found);
	errno = 0;
	if (coap_new_endpoint(service->coap, &address, COAP_PROTO_TLS) == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot listen at %s port %s: %s", host, port, strerror(errno));
	}
}

static void print_listening(const char *host)
{
	uint16_t port = service_sockets_tune_listener();
	cJSON *event = service_event_new("listening");

	if (port == 0) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot set up the listening socket");
	}
	cJSON_AddStringToObject(event, "host", host);
	cJSON_AddNumberToObject(event, "port", port);
	service_event_print(event);
}

/* --- the loop --- */

static uint64_t run_timers(struct service *service, uint64_t now)
{
	struct service_session *session;
	uint64_t next = now + LOOP_MAX_MS;

	for (session = service->sessions; session != NULL; session = session->next) {
		uint64_t exchange = service_exchange_run(session, now);
		uint64_t closing = service_session_run(session, now);

		next = exchange < next ? exchange : next;
		next = closing < next ? closing : next;
	}
	return next;
}

/* Signals are let in while waiting only, so that none is missed between the look at stop_signal and the wait. */
static void serve_until_signal(struct service *service, const sigset_t *while_waiting)
{
	struct service_control control;
	struct pollfd ready[3] = {{.fd = -1, .events = POLLIN}};
	nfds_t count = 1;

	service_control_open(&control, STDIN_FILENO);
	count += hub_poll(service, &ready[count]);
	if (service->coap != NULL) {
		ready[count++] = (struct pollfd){.fd = coap_context_get_coap_fd(service->coap), .events = POLLIN};
	}
	while (stop_signal == 0) {
		uint64_t now = service_now_ms();
		uint64_t hub_next = hub_run(service, now);
		uint64_t next = run_timers(service, now);
		uint64_t soonest = hub_next < next ? hub_next : next;
		uint64_t wait = service->sweep || soonest <= now ? 0 : soonest - now;
		struct timespec timeout = {.tv_sec = (time_t)(wait / 1000), .tv_nsec = (long)(wait % 1000) * 1000000L};

		service->sweep = false;
		ready[0].fd = control.file;
		ready[0].revents = 0;
		if (ppoll(ready, count, &timeout, while_waiting) < 0 && errno != EINTR) {
			service_fail(SERVICE_EXIT_FAILURE, "cannot wait for the network: %s", strerror(errno));
		}
		if (ready[0].revents != 0) {
			service_control_read(&control, service);
		}
		if (service->coap != NULL) {
			coap_io_process(service->coap, COAP_IO_NO_WAIT);
		}
	}
	service_control_close(&control);
}

static void catch_signals(sigset_t *while_waiting)
{
	struct sigaction action = {.sa_handler = note_signal};
	sigset_t blocked;

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, while_waiting);
	sigdelset(while_waiting, SIGINT);
	sigdelset(while_waiting, SIGTERM);
}

/* libcoap gives no event for the sessions that are there when its context is freed. */
static void close_sessions(struct service *service)
{
	struct service_session *session;

	for (session = service->sessions; session != NULL; session = session->next) {
		service_session_close_at(session, service_now_ms(), "shutdown");
	}
	run_timers(service, service_now_ms());
	coap_io_process(service->coap, COAP_IO_NO_WAIT);
	while (service->sessions != NULL) {
		service_session_end(service->sessions->coap);
	}
}

static void open_listener(struct service *service, const char *host, const char *port, bool verbose)
{
	coap_startup();
	set_up_logging(verbose);
	set_up_context(service);
	listen_at(service, host, port);
	print_listening(host);
}

static void close_listener(struct service *service)
{
	close_sessions(service);
	coap_free_context(service->coap);
	service_tls_close(service);
	coap_cleanup();
}

void service_server_run(struct service *service, const char *directory, const char *host, const char *port, bool verbose)
{
	sigset_t while_waiting;

	catch_signals(&while_waiting);
	service_control_occupy(STDIN_FILENO);
	/* The first: sockets.c finds it by being the only listening socket there is. */
	if (host != NULL) {
		open_listener(service, host, port, verbose);
	}
	hub_open(service, directory);
	serve_until_signal(service, &while_waiting);
	hub_close(service);
	if (host != NULL) {
		close_listener(service);
	}
}
