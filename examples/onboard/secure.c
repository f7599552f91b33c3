/* SPDX-License-Identifier: Apache-2.0 */
/* See secure.h. */
#include "secure.h"

#include <coap3/coap.h>
#include <string.h>
#include <time.h>

#define FORMAT_OCF_CBOR 10000u
#define ACCEPT_VERSION  2049u
#define CONTENT_VERSION 2053u
#define VERSION         0x0800u
#define SLICE_MS        200u

struct conversation {
	struct secure_answer *answer;
	bool connected;
	bool refused;
	bool answered;
	bool given_up;
};

static struct conversation *conversation_of(const coap_session_t *session)
{
	return coap_get_app_data(coap_session_get_context(session));
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
	struct conversation *conversation = conversation_of(session);

	if (event == COAP_EVENT_DTLS_CONNECTED)
		conversation->connected = true;
	else if (event == COAP_EVENT_DTLS_ERROR) /* an alert; without one, the port is closed */
		conversation->refused = true;
	else if (event == COAP_EVENT_DTLS_CLOSED)
		conversation->given_up = true;
	return 0;
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent, const coap_nack_reason_t reason, const coap_mid_t mid)
{
	(void)sent;
	(void)reason;
	(void)mid;
	conversation_of(session)->given_up = true;
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received, const coap_mid_t mid)
{
	struct conversation *conversation = conversation_of(session);
	coap_pdu_code_t code = coap_pdu_get_code(received);
	const uint8_t *payload = NULL;
	size_t len = 0;

	(void)mid;
	if (sent == NULL)
		return COAP_RESPONSE_OK;
	conversation->answer->code = (unsigned)(code >> 5) * 100u + (unsigned)(code & 31);
	if (coap_get_data(received, &len, &payload) == 1 && len <= sizeof(conversation->answer->payload)) {
		memcpy(conversation->answer->payload, payload, len);
		conversation->answer->payload_len = len;
	}
	conversation->answered = true;
	return COAP_RESPONSE_OK;
}

static bool add_number(coap_pdu_t *pdu, coap_option_num_t number, unsigned value)
{
	uint8_t bytes[4];

	return coap_add_option(pdu, number, coap_encode_var_safe(bytes, sizeof(bytes), value), bytes) != 0;
}

static bool send_request(coap_session_t *session, const uint8_t *body, size_t len)
{
	static const char *const path[] = {"plgd", "dps"};
	bool is_post = len > 0;
	coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, is_post ? COAP_REQUEST_CODE_POST : COAP_REQUEST_CODE_GET, session);
	uint8_t token[8];
	size_t token_len = 0;
	bool ok = pdu != NULL;

	if (ok) {
		coap_session_new_token(session, &token_len, token);
		ok = coap_add_token(pdu, token_len, token) == 1;
	}
	for (size_t i = 0; ok && i < 2; i++)
		ok = coap_add_option(pdu, COAP_OPTION_URI_PATH, strlen(path[i]), (const uint8_t *)path[i]) != 0;
	if (ok && is_post)
		ok = add_number(pdu, COAP_OPTION_CONTENT_FORMAT, FORMAT_OCF_CBOR);
	ok = ok && add_number(pdu, COAP_OPTION_ACCEPT, FORMAT_OCF_CBOR) && add_number(pdu, ACCEPT_VERSION, VERSION);
	if (ok && is_post)
		ok = add_number(pdu, CONTENT_VERSION, VERSION) && coap_add_data(pdu, len, body) == 1;
	if (!ok) {
		coap_delete_pdu(pdu);
		return false;
	}
	return coap_send(session, pdu) != COAP_INVALID_MID;
}

static enum secure_end converse(coap_context_t *coap, const struct conversation *conversation, uint32_t timeout_ms)
{
	uint32_t left = timeout_ms;

	while (left > 0 && !conversation->answered && !conversation->refused && !conversation->given_up) {
		uint32_t slice = left < SLICE_MS ? left : SLICE_MS;
		int spent = coap_io_process(coap, slice);

		if (spent < 0)
			return SECURE_FAILED;
		left -= (uint32_t)spent < left ? (uint32_t)spent : left;
	}
	if (conversation->answered)
		return SECURE_ANSWERED;
	if (conversation->connected)
		return SECURE_NO_ANSWER;
	return conversation->refused ? SECURE_REFUSED : SECURE_NO_PROOF;
}

static enum secure_end ask_with(coap_context_t *coap, const struct plain_address *to, coap_dtls_cpsk_t *psk, const uint8_t *body,
                                size_t len, uint32_t timeout_ms, struct secure_answer *answer)
{
	struct conversation conversation = {.answer = answer};
	coap_address_t address;
	coap_session_t *session;
	enum secure_end end = SECURE_FAILED;

	coap_address_init(&address);
	memcpy(&address.addr, &to->at, to->size);
	address.size = to->size;
	coap_set_app_data(coap, &conversation);
	coap_register_event_handler(coap, on_event);
	coap_register_nack_handler(coap, on_nack);
	coap_register_response_handler(coap, on_response);
	coap_register_option(coap, CONTENT_VERSION);
	coap_register_option(coap, ACCEPT_VERSION);
	session = coap_new_client_session_psk2(coap, NULL, &address, COAP_PROTO_DTLS, psk);
	if (session == NULL)
		return SECURE_FAILED;
	if (send_request(session, body, len))
		end = converse(coap, &conversation, timeout_ms);
	coap_session_release(session);
	return end;
}

enum secure_end secure_ask(const struct plain_address *to, const struct onboarding_code *code, const uint8_t *body, size_t len,
                           uint32_t timeout_ms, struct secure_answer *answer)
{
	char identity[ONBOARDING_IDENTITY_SIZE];
	uint8_t key[ONBOARDING_PSK];
	coap_dtls_cpsk_t psk = {.version = COAP_DTLS_CPSK_SETUP_VERSION};
	enum secure_end end = SECURE_FAILED;
	coap_context_t *coap;

	memset(answer, 0, sizeof(*answer));
	if (onboarding_code_derive(code, key) != DPS_OK)
		return SECURE_FAILED;
	onboarding_code_identity(code, identity);
	psk.psk_info.identity = (coap_bin_const_t){.s = (const uint8_t *)identity, .length = strlen(identity)};
	psk.psk_info.key = (coap_bin_const_t){.s = key, .length = sizeof(key)};
	coap_startup();
	coap_set_log_level(LOG_EMERG);
	coap_dtls_set_log_level(LOG_EMERG);
	coap = coap_new_context(NULL);
	if (coap != NULL) {
		end = ask_with(coap, to, &psk, body, len, timeout_ms, answer);
		coap_free_context(coap);
	}
	coap_cleanup();
	explicit_bzero(key, sizeof(key));
	return end;
}
