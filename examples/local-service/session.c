/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a device, from accept to close. */
#include "session.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "events.h"
#include "sockets.h"
#include "text.h"

#define DRAIN_SLICE_MS 2u

struct service_session *service_session_of(coap_session_t *coap)
{
	return coap == NULL ? NULL : coap_session_get_app_data(coap);
}

void service_session_begin(struct service *service, coap_session_t *coap)
{
	struct service_session *session = service_alloc(sizeof(*session));

	session->service = service;
	session->coap = coap;
	session->number = ++service->connections;
	session->next = service->sessions;
	service->sessions = session;
	coap_session_set_app_data(coap, session);
	session->last_received_ms = service_now_ms();
}

static SSL *tls_of(const struct service_session *session)
{
	return coap_session_get_tls(session->coap, NULL);
}

void service_session_connected(struct service_session *session)
{
	cJSON *event = service_event_new("connected");
	X509 *certificate = SSL_get1_peer_certificate(tls_of(session));

	session->peer = certificate == NULL ? service_strdup("") : service_pki_subject(certificate);
	X509_free(certificate);
	cJSON_AddNumberToObject(event, "connection", (double)session->number);
	cJSON_AddStringToObject(event, "peer", session->peer);
	cJSON_AddStringToObject(event, "tls", SSL_get_version(tls_of(session)));
	cJSON_AddStringToObject(event, "cipher", SSL_get_cipher_name(tls_of(session)));
	service_event_print(event);
}

static void print_closed(const struct service_session *session)
{
	cJSON *event = service_event_new("closed");
	const char *reason = session->close_reason == NULL ? "peer" : session->close_reason;

	cJSON_AddNumberToObject(event, "connection", (double)session->number);
	cJSON_AddStringToObject(event, "reason", session->peer == NULL && session->close_reason == NULL ? "handshake" : reason);
	if (session->verify_error != X509_V_OK) {
		cJSON_AddStringToObject(event, "certificate", X509_verify_cert_error_string(session->verify_error));
	}
	service_event_print(event);
}

static void free_requests(struct service_request *request)
{
	while (request != NULL) {
		struct service_request *next = request->next;

		service_request_free(request);
		request = next;
	}
}

void service_session_end(coap_session_t *coap)
{
	struct service_session *session = service_session_of(coap);
	struct service_session **link;

	if (session == NULL) {
		return;
	}
	coap_session_set_app_data(coap, NULL);
	print_closed(session);
	for (link = &session->service->sessions; *link != session; link = &(*link)->next) {
	}
	*link = session->next;
	free_requests(session->waiting);
	free_requests(session->deferred);
	service_outflow_free(&session->outflow);
	service_blocks_free(&session->blocks);
	free(session->peer);
	free(session);
}

void service_session_touch(struct service_session *session)
{
	session->last_received_ms = service_now_ms();
}

void service_session_close_at(struct service_session *session, uint64_t when_ms, const char *reason)
{
	if (session->close_at_ms == 0) {
		session->close_at_ms = when_ms;
		session->close_reason = reason;
	} else if (when_ms < session->close_at_ms) {
		session->close_at_ms = when_ms;
	}
}

/* A reset throws away what the kernel has not sent yet: what was written on purpose must be out before. False: not yet. */
static bool arm_reset(struct service_session *session)
{
	int file = service_sockets_find(session->coap);

	if (file >= 0 && service_sockets_unsent(file) > 0) {
		return false;
	}
	if (file >= 0) {
		service_sockets_reset_on_close(file);
	}
	SSL_set_quiet_shutdown(tls_of(session), 1);
	return true;
}

static void close_now(struct service_session *session)
{
	coap_session_t *coap = coap_session_reference(session->coap);

	session->is_closed = true;
	session->service->sweep = true;
	coap_session_disconnected(coap, COAP_NACK_NOT_DELIVERABLE);
	coap_session_release(coap);
}

uint64_t service_session_run(struct service_session *session, uint64_t now_ms)
{
	uint64_t idle_ms = (uint64_t)(session->service->config.inactivity_seconds * 1000.0);
	uint64_t next;

	if (session->is_closed) {
		return UINT64_MAX;
	}
	next = session->last_received_ms + idle_ms;
	if (session->close_at_ms == 0 && now_ms >= next) {
		service_session_close_at(session, now_ms, "inactivity");
	}
	if (session->close_at_ms == 0) {
		return next;
	}
	if (now_ms < session->close_at_ms) {
		return session->close_at_ms;
	}
	if (session->reset_on_close && !arm_reset(session)) {
		return now_ms + DRAIN_SLICE_MS;
	}
	close_now(session);
	return now_ms;
}
