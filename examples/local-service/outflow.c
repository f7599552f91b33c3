/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves a connection by and by. */
#include "outflow.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "sockets.h"
#include "text.h"

#define FLOOD_PAYLOAD  512u
#define FLOOD_AT_ONCE  (256u << 10)
#define FLOOD_UNSENT   (32u << 10) /* a socket's buffer takes that whole: libcoap never has half a message in hand */
#define FLOOD_PAUSE_MS 2u

bool service_outflow_is_busy(const struct service_outflow *outflow)
{
	return outflow->drip != NULL || outflow->flood > 0;
}

void service_outflow_free(struct service_outflow *outflow)
{
	free(outflow->drip);
	service_request_free(outflow->request);
	*outflow = (struct service_outflow){0};
}

/* --- one byte at a time --- */

void service_outflow_drip(struct service_session *session, struct service_request *request, const struct service_message *message,
                          uint64_t gap_ms)
{
	struct service_outflow *outflow = &session->outflow;

	outflow->drip = service_message_encode(message, &outflow->length);
	outflow->sent = 0;
	outflow->gap_ms = gap_ms;
	outflow->due_ms = service_now_ms();
	outflow->request = request;
}

/* Past libcoap, a record for each byte. */
static uint64_t drip(struct service_session *session, uint64_t now_ms, struct service_request **answered)
{
	struct service_outflow *outflow = &session->outflow;
	SSL *ssl = coap_session_get_tls(session->coap, NULL);
	int written;

	if (now_ms < outflow->due_ms) {
		return outflow->due_ms;
	}
	outflow->due_ms = now_ms + outflow->gap_ms;
	written = SSL_write(ssl, outflow->drip + outflow->sent, 1);
	if (written <= 0 && SSL_get_error(ssl, written) == SSL_ERROR_WANT_WRITE) {
		return outflow->due_ms;
	}
	if (written <= 0) {
		service_outflow_free(outflow);
		service_session_close_at(session, now_ms, "peer");
		return UINT64_MAX;
	}
	/* A device that waits for the rest is not inactive. */
	service_session_touch(session);
	outflow->sent++;
	if (outflow->sent < outflow->length) {
		return outflow->due_ms;
	}
	*answered = outflow->request;
	outflow->request = NULL;
	service_outflow_free(outflow);
	return UINT64_MAX;
}

/* --- without end --- */

void service_outflow_flood(struct service_session *session, long bytes)
{
	session->outflow.flood = bytes;
}

/* 2.05 with a token of nobody and a byte string as its body. */
static bool send_unasked(struct service_session *session)
{
	static const uint8_t payload[FLOOD_PAYLOAD] = {0x59, (FLOOD_PAYLOAD - 3u) >> 8, (FLOOD_PAYLOAD - 3u) & 0xffu};
	struct service_message message = {
		.code = COAP_RESPONSE_CODE(205),
		.token_length = SERVICE_TOKEN_SIZE,
		.content_format = 60,
		.payload = payload,
		.payload_length = sizeof(payload),
	};

	service_random(message.token, sizeof(message.token));
	return service_message_send(session->coap, &message);
}

static uint64_t flood(struct service_session *session, uint64_t now_ms)
{
	struct service_outflow *outflow = &session->outflow;
	int file = service_sockets_find(session->coap);
	size_t sent = 0;

	while (file >= 0 && outflow->flood > 0 && sent < FLOOD_AT_ONCE && service_sockets_unsent(file) < FLOOD_UNSENT) {
		if (!send_unasked(session)) {
			outflow->flood = 0;
			break;
		}
		outflow->flood -= outflow->flood < (long)FLOOD_PAYLOAD ? outflow->flood : (long)FLOOD_PAYLOAD;
		sent += FLOOD_PAYLOAD;
	}
	if (sent > 0) {
		/* Nor is one that takes all this and says nothing. */
		service_session_touch(session);
	}
	if (outflow->flood == 0) {
		service_session_close_at(session, now_ms, "fault");
		return UINT64_MAX;
	}
	return sent < FLOOD_AT_ONCE ? now_ms + FLOOD_PAUSE_MS : now_ms;
}

uint64_t service_outflow_run(struct service_session *session, uint64_t now_ms, struct service_request **answered)
{
	*answered = NULL;
	if (session->outflow.drip != NULL) {
		return drip(session, now_ms, answered);
	}
	return session->outflow.flood > 0 ? flood(session, now_ms) : UINT64_MAX;
}
