/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a device with a gateway. */
#include "hub_link.h"

#include <errno.h>
#include <math.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "events.h"
#include "hub_device.h"
#include "hub_operation.h"
#include "hub_question.h"
#include "sockets.h"
#include "text.h"

#define IN_ROOM         (SERVICE_MAX_MESSAGE_SIZE + 64u) /* the largest message and its header */
#define OUT_MAX         (16u << 20)                      /* what a device that does not read may hold up */
#define HANDSHAKE_MS    30000u
#define SIGNAL_CSM      0xe1u
#define SIGNAL_PING     0xe2u
#define SIGNAL_PONG     0xe3u
#define CLASS_OF(code)  ((code) >> 5)
#define DRAIN_SIZE      4096u
#define DRAIN_TRIES     64
#define READS_AT_A_TIME 32

double hub_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t in_ms(double seconds)
{
	return (uint64_t)(seconds * 1000.0);
}

static const struct hub_settings *settings_of(const struct hub_link *link)
{
	return &link->hub->service->config.gateway;
}

/* --- beginning and end --- */

static void on_ready(struct hub_watch *watch, uint32_t events);

void hub_link_begin(struct hub_gateway *gateway, int file)
{
	struct hub *hub = gateway->hub;
	struct hub_link *link = service_alloc(sizeof(*link));

	link->watch.ready = on_ready;
	link->watch.file = file;
	link->gateway = gateway;
	link->hub = hub;
	link->number = ++hub->connections;
	link->peer.service = hub->service;
	link->ssl = SSL_new(gateway->tls);
	link->begun_ms = service_now_ms();
	link->last_received_ms = link->begun_ms;
	if (link->ssl == NULL || SSL_set_fd(link->ssl, file) != 1 || !hub_watch_add(hub, &link->watch)) {
		SSL_free(link->ssl);
		close(file);
		free(link);
		return;
	}
	SSL_set_app_data(link->ssl, &link->peer);
	SSL_set_accept_state(link->ssl);
	link->next = hub->links;
	hub->links = link;
}

static void print_connected(const struct hub_link *link)
{
	cJSON *event = service_event_new("hub-connected");

	cJSON_AddNumberToObject(event, "connection", (double)link->number);
	cJSON_AddStringToObject(event, "device", link->peer.device);
	cJSON_AddStringToObject(event, "hub", link->gateway->id);
	cJSON_AddStringToObject(event, "gateway", link->gateway->uri);
	cJSON_AddStringToObject(event, "tls", SSL_get_version(link->ssl));
	cJSON_AddBoolToObject(event, "resumed", SSL_session_reused(link->ssl));
	service_event_print(event);
}

static void print_closed(const struct hub_link *link)
{
	cJSON *event = service_event_new("hub-closed");
	const char *reason = link->close_reason == NULL ? "peer" : link->close_reason;

	cJSON_AddNumberToObject(event, "connection", (double)link->number);
	if (link->is_open) {
		cJSON_AddStringToObject(event, "device", link->peer.device);
	}
	cJSON_AddStringToObject(event, "reason", link->is_open || link->close_reason != NULL ? reason : "handshake");
	if (link->peer.refusal != NULL) {
		cJSON_AddStringToObject(event, "certificate", link->peer.refusal);
	}
	service_event_print(event);
}

/* Unread bytes would turn the close into a reset, which takes from the device what was just sent to it. */
static void drain(int file)
{
	uint8_t bytes[DRAIN_SIZE];
	int tries;

	for (tries = 0; tries < DRAIN_TRIES && recv(file, bytes, sizeof(bytes), MSG_DONTWAIT) > 0; tries++) {
	}
}

static void close_now(struct hub_link *link)
{
	if (link->is_dead) {
		return;
	}
	link->is_dead = true;
	hub_watch_remove(link->hub, &link->watch);
	if (link->reset_on_close) {
		service_sockets_reset_on_close(link->watch.file);
	} else {
		if (link->is_open) {
			SSL_shutdown(link->ssl);
		}
		drain(link->watch.file);
	}
	close(link->watch.file);
	ERR_clear_error();
}

static void free_link(struct hub_link *link)
{
	hub_question_drop_all(link);
	print_closed(link);
	while (link->waiting != NULL) {
		struct service_request *request = link->waiting;

		link->waiting = request->next;
		service_request_free(request);
	}
	service_blocks_free(&link->blocks);
	SSL_free(link->ssl);
	free(link->session.owner);
	free(link->in);
	free(link->out);
	free(link);
}

void hub_link_close_in(struct hub_link *link, double seconds, const char *reason)
{
	uint64_t when = service_now_ms() + in_ms(seconds);

	if (link->close_at_ms == 0) {
		link->close_at_ms = when;
		link->close_reason = reason;
	} else if (when < link->close_at_ms) {
		link->close_at_ms = when;
	}
}

void hub_link_close_all(struct hub *hub, const char *reason)
{
	struct hub_link *link;

	for (link = hub->links; link != NULL; link = link->next) {
		hub_link_close_in(link, 0, reason);
	}
	hub_link_run_all(hub, service_now_ms());
	hub_link_run_all(hub, service_now_ms());
}

/* --- out --- */

static void want_write(struct hub_link *link, bool wants)
{
	if (!link->is_dead && link->wants_write != wants) {
		link->wants_write = wants;
		hub_watch_change(link->hub, &link->watch, wants);
	}
}

static void fail(struct hub_link *link, const char *reason)
{
	hub_link_close_in(link, 0, reason);
	link->has_failed = true;
	link->out_length = 0;
}

static void flush(struct hub_link *link)
{
	while (link->out_length > 0 && link->is_open && !link->is_dead) {
		int size = link->out_length > INT32_MAX ? INT32_MAX : (int)link->out_length;
		int written;

		ERR_clear_error();
		written = SSL_write(link->ssl, link->out, size);
		if (written <= 0) {
			int error = SSL_get_error(link->ssl, written);

			if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) {
				fail(link, "peer");
				break;
			}
			want_write(link, true);
			return;
		}
		link->out_length -= (size_t)written;
		memmove(link->out, link->out + written, link->out_length);
	}
	want_write(link, false);
}

void hub_link_send_bytes(struct hub_link *link, const void *bytes, size_t length)
{
	if (link->is_dead || !link->is_open) {
		return;
	}
	if (length > OUT_MAX - link->out_length) {
		fail(link, "it does not read");
		return;
	}
	link->out = service_realloc(link->out, link->out_length + length);
	memcpy(link->out + link->out_length, bytes, length);
	link->out_length += length;
	flush(link);
}

void hub_link_send(struct hub_link *link, const struct service_message *message)
{
	size_t length;
	uint8_t *bytes = service_message_encode(message, &length);

	hub_link_send_bytes(link, bytes, length);
	free(bytes);
}

/* Signals carry a token of eight bytes and no options; a pong the ping's token. */
static void send_signal(struct hub_link *link, unsigned code, const struct hub_message *ping)
{
	struct service_message message = {.code = (coap_pdu_code_t)code, .content_format = SERVICE_ABSENT};

	if (ping == NULL) {
		message.token_length = sizeof(message.token);
		service_random(message.token, sizeof(message.token));
	} else {
		message.token_length = ping->token_length;
		memcpy(message.token, ping->token, sizeof(message.token));
	}
	hub_link_send(link, &message);
}

/* --- in --- */

/* Release, Abort and what is unknown are passed over, as the real gateway does. */
static void take_signal(struct hub_link *link, const struct hub_message *message)
{
	switch (message->code) {
	case SIGNAL_CSM:
		link->takes_blocks = link->takes_blocks || message->offers_blocks;
		break;
	case SIGNAL_PING:
		send_signal(link, SIGNAL_PONG, message);
		break;
	default:
		break;
	}
}

static void take_message(struct hub_link *link, struct hub_message *message)
{
	link->last_received_ms = service_now_ms();
	link->waits_for_pong = false;
	switch (CLASS_OF(message->code)) {
	case 0:
		if (message->code != 0) {
			hub_operation_request(link, message);
		}
		break;
	case 7:
		take_signal(link, message);
		break;
	default:
		hub_question_answer(link, message);
		break;
	}
}

static void take_messages(struct hub_link *link)
{
	size_t taken = 0;

	while (!link->is_dead && link->close_reason == NULL) {
		struct hub_message message;
		size_t length = 0;
		enum hub_parsed parsed = hub_message_parse(link->in + taken, link->in_length - taken, &message, &length);

		if (parsed == HUB_PARSED_BROKEN) {
			fail(link, "no message");
			break;
		}
		if (parsed == HUB_PARSED_PART) {
			break;
		}
		take_message(link, &message);
		hub_message_free(&message);
		taken += length;
	}
	link->in_length -= taken;
	memmove(link->in, link->in + taken, link->in_length);
}

/* False when there is nothing more to be had now. */
static bool read_some(struct hub_link *link)
{
	int got;

	ERR_clear_error();
	got = SSL_read(link->ssl, link->in + link->in_length, (int)(IN_ROOM - link->in_length));
	if (got <= 0) {
		int error = SSL_get_error(link->ssl, got);

		if (error == SSL_ERROR_WANT_WRITE) {
			want_write(link, true);
		} else if (error != SSL_ERROR_WANT_READ) {
			fail(link, "peer");
		}
		return false;
	}
	link->in_length += (size_t)got;
	take_messages(link);
	return true;
}

static void shake_hands(struct hub_link *link)
{
	int done;

	ERR_clear_error();
	done = SSL_do_handshake(link->ssl);
	if (done != 1) {
		int error = SSL_get_error(link->ssl, done);

		if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
			hub_link_close_in(link, 0, "handshake");
		}
		want_write(link, error == SSL_ERROR_WANT_WRITE);
		return;
	}
	want_write(link, false);
	if (!hub_tls_admit(link->ssl, &link->peer)) {
		hub_link_close_in(link, 0, "handshake");
		return;
	}
	link->is_open = true;
	link->in = service_alloc(IN_ROOM);
	link->connected_at = hub_now();
	link->last_received_ms = service_now_ms();
	link->look_at_ms = link->last_received_ms + in_ms(settings_of(link)->ping_interval);
	link->expiry_at_ms = link->last_received_ms + in_ms(settings_of(link)->expiry_interval);
	print_connected(link);
	send_signal(link, SIGNAL_CSM, NULL);
}

static void on_ready(struct hub_watch *watch, uint32_t events)
{
	struct hub_link *link = (struct hub_link *)(void *)watch;
	int reads = 0;

	if (link->is_dead) {
		return;
	}
	if (!link->is_open && link->close_reason == NULL) {
		shake_hands(link);
	}
	if ((events & EPOLLOUT) != 0 && link->is_open) {
		flush(link);
	}
	/* Level-triggered, but what OpenSSL has decrypted already shows in no descriptor: read until it has nothing. */
	while (link->is_open && link->close_reason == NULL && read_some(link) && (++reads < READS_AT_A_TIME || SSL_pending(link->ssl) > 0)) {
	}
	if (link->close_reason != NULL && !link->is_dead) {
		/* It is about to be closed and nothing more is read: its descriptor must not keep waking the loop. */
		hub_watch_remove(link->hub, &link->watch);
	}
}

/* --- time --- */

static void look_at_silence(struct hub_link *link, uint64_t now_ms)
{
	const struct hub_settings *settings = settings_of(link);

	if (now_ms < link->look_at_ms) {
		return;
	}
	link->look_at_ms = now_ms + in_ms(settings->ping_interval);
	if (link->waits_for_pong) {
		hub_link_close_in(link, 0, "no pong");
	} else if (now_ms > link->last_received_ms + in_ms(settings->ping_after)) {
		link->waits_for_pong = true;
		send_signal(link, SIGNAL_PING, NULL);
	}
}

static void look_at_expiry(struct hub_link *link, uint64_t now_ms)
{
	if (now_ms < link->expiry_at_ms) {
		return;
	}
	link->expiry_at_ms = now_ms + in_ms(settings_of(link)->expiry_interval);
	if (link->session.is_signed_in && hub_now() >= link->session.ends) {
		hub_link_close_in(link, 0, "token expired");
	} else if (!hub_tls_admit(link->ssl, &link->peer)) {
		hub_link_close_in(link, 0, "certificate expired");
	}
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

static uint64_t run(struct hub_link *link, uint64_t now_ms)
{
	uint64_t next;

	if (!link->is_open) {
		if (link->close_reason == NULL && now_ms >= link->begun_ms + HANDSHAKE_MS) {
			hub_link_close_in(link, 0, "handshake");
		}
		next = link->begun_ms + HANDSHAKE_MS;
	} else {
		look_at_silence(link, now_ms);
		look_at_expiry(link, now_ms);
		next = earlier(link->look_at_ms, link->expiry_at_ms);
		next = earlier(next, hub_operation_run(link, now_ms));
		next = earlier(next, hub_question_run(link, now_ms));
	}
	if (link->close_at_ms == 0) {
		return next;
	}
	if (now_ms < link->close_at_ms) {
		return earlier(next, link->close_at_ms);
	}
	flush(link);
	if (link->reset_on_close && link->out_length == 0 && service_sockets_unsent(link->watch.file)) {
		return now_ms + 2; /* what was written on purpose must be out before the reset throws it away */
	}
	close_now(link);
	return now_ms;
}

uint64_t hub_link_run_all(struct hub *hub, uint64_t now_ms)
{
	struct hub_link **at = &hub->links;
	uint64_t next = UINT64_MAX;

	while (*at != NULL) {
		struct hub_link *link = *at;

		if (link->is_dead) {
			*at = link->next;
			free_link(link);
			continue;
		}
		next = earlier(next, run(link, now_ms));
		at = &link->next;
	}
	return next;
}
