/* SPDX-License-Identifier: Apache-2.0 */
/* See onboarding_serve.h. Who asks for what, and what is answered: the table of docs/onboarding.md. */
#include "onboarding_serve.h"

#include <string.h>

#include "onboarding_links.h"
#include "onboarding_place.h"

#define FORMAT_LINKS    40u
#define FORMAT_CBOR     60u
#define FORMAT_OCF_CBOR 10000u
#define ACCEPT_VERSION  2049u /* OCF-Accept-Content-Format-Version and ... */
#define CONTENT_VERSION 2053u /* ... OCF-Content-Format-Version: critical by number, of no meaning here */

struct request {
	struct onboarding *onboarding;
	coap_session_t *session;
	const coap_pdu_t *pdu;
	const char *query;
	size_t query_len;
	coap_pdu_t *response; /* left at code 0.00: nothing is answered */
	bool multicast;
};

static unsigned option_of(const coap_pdu_t *pdu, coap_option_num_t number, unsigned absent)
{
	coap_opt_iterator_t at;
	coap_opt_t *option = coap_check_option(pdu, number, &at);

	return option != NULL ? coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option)) : absent;
}

static bool has_option(const coap_pdu_t *pdu, coap_option_num_t number)
{
	coap_opt_iterator_t at;

	return coap_check_option(pdu, number, &at) != NULL;
}

static void add_option(coap_pdu_t *pdu, coap_option_num_t number, unsigned value)
{
	uint8_t bytes[4];

	coap_add_option(pdu, number, coap_encode_var_safe(bytes, sizeof(bytes), value), bytes);
}

/* Errors have no text: it would be the only thing that is larger than the request. */
static void answer_error(const struct request *request, coap_pdu_code_t code)
{
	if (!request->multicast)
		coap_pdu_set_code(request->response, code);
}

static void answer(const struct request *request, coap_pdu_code_t code, unsigned format, const uint8_t *body, size_t len)
{
	coap_pdu_set_code(request->response, code);
	add_option(request->response, COAP_OPTION_CONTENT_FORMAT, format);
	if (format == FORMAT_OCF_CBOR)
		add_option(request->response, CONTENT_VERSION, 0x0800);
	if (len > 0 && coap_add_data(request->response, len, body) != 1)
		coap_pdu_set_code(request->response, COAP_RESPONSE_CODE_INTERNAL_ERROR);
}

/* What anybody may ask in the clear is limited; who has proved to know the code is not. */
static bool begin(struct request *request, coap_session_t *session, const coap_pdu_t *pdu, const coap_string_t *query, coap_pdu_t *response)
{
	struct onboarding_source source;

	*request = (struct request){
		.onboarding = onboarding_of(session),
		.session = session,
		.pdu = pdu,
		.query = query != NULL ? (const char *)query->s : "",
		.query_len = query != NULL ? query->length : 0,
		.response = response,
		.multicast = onboarding_place_is_multicast(coap_session_get_addr_local(session)),
	};
	if (coap_session_get_proto(session) == COAP_PROTO_DTLS)
		return true;
	onboarding_place_source(coap_session_get_addr_remote(session), &source);
	return onboarding_limiter_allows(&request->onboarding->limiter, &source, onboarding_now(request->onboarding));
}

/* --- discovery --- */

static void discover(const struct request *request, enum onboarding_format format, unsigned content_format)
{
	struct onboarding_view view;
	uint8_t body[ONBOARDING_LINKS_SIZE];
	char id[DPS_UUID_TEXT_LEN + 1];
	char endpoint[ONBOARDING_URI_SIZE];
	struct onboarding_facts facts = {.owned = request->onboarding->owned, .endpoint = endpoint};
	size_t count;
	size_t len;

	if (request->multicast && !onboarding_links_asks_type(request->query, request->query_len))
		return;
	memset(&view, 0, sizeof(view));
	request->onboarding->options.view(request->onboarding->options.user, &view);
	/* Until it is owned a device is looked for by the id on its label, also when a first start has made another one. */
	(void)!dps_uuid_parse(request->onboarding->code_id, strlen(request->onboarding->code_id), &view.device_id);
	if (!dps_uuid_is_nil(&view.device_id)) {
		dps_uuid_format(&view.device_id, id);
		facts.device_id = id;
	}
	onboarding_place_reach(request->onboarding, request->session, endpoint);
	len = onboarding_links_write(&facts, format, request->query, request->query_len, body, sizeof(body), &count);
	if (count > 0 || !request->multicast)
		answer(request, COAP_RESPONSE_CODE_CONTENT, content_format, body, len);
}

static void on_res(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *pdu, const coap_string_t *query,
                   coap_pdu_t *response)
{
	struct request request;
	unsigned accept = option_of(pdu, COAP_OPTION_ACCEPT, FORMAT_OCF_CBOR);

	(void)resource;
	if (!begin(&request, session, pdu, query, response))
		return;
	if (coap_pdu_get_code(pdu) != COAP_REQUEST_CODE_GET)
		answer_error(&request, COAP_RESPONSE_CODE_NOT_ALLOWED);
	else if (accept != FORMAT_OCF_CBOR && accept != FORMAT_CBOR)
		answer_error(&request, COAP_RESPONSE_CODE_NOT_ACCEPTABLE);
	else
		discover(&request, ONBOARDING_LINKS_CBOR, accept);
}

static void on_core(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *pdu, const coap_string_t *query,
                    coap_pdu_t *response)
{
	struct request request;

	(void)resource;
	if (!begin(&request, session, pdu, query, response))
		return;
	if (coap_pdu_get_code(pdu) != COAP_REQUEST_CODE_GET)
		answer_error(&request, COAP_RESPONSE_CODE_NOT_ALLOWED);
	else if (option_of(pdu, COAP_OPTION_ACCEPT, FORMAT_LINKS) != FORMAT_LINKS)
		answer_error(&request, COAP_RESPONSE_CODE_NOT_ACCEPTABLE);
	else
		discover(&request, ONBOARDING_LINKS_TEXT, FORMAT_LINKS);
}

static void on_unknown(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *pdu, const coap_string_t *query,
                       coap_pdu_t *response)
{
	struct request request;

	(void)resource;
	if (begin(&request, session, pdu, query, response))
		answer_error(&request, COAP_RESPONSE_CODE_NOT_FOUND);
}

/* --- /plgd/dps --- */

/* In the clear: only whether it is worth while to try, and when. */
static void refuse(const struct request *request)
{
	struct onboarding *onboarding = request->onboarding;
	struct onboarding_source source;
	uint64_t left;

	onboarding_place_source(coap_session_get_addr_remote(request->session), &source);
	left = onboarding_lockout_left(&onboarding->lockout, &source, onboarding_now(onboarding));
	if (onboarding->owned || request->multicast) {
		answer_error(request, COAP_RESPONSE_CODE_FORBIDDEN);
	} else if (left > 0) {
		answer_error(request, COAP_RESPONSE_CODE_TOO_MANY_REQUESTS);
		add_option(request->response, COAP_OPTION_MAXAGE, (unsigned)((left + 999) / 1000));
	} else {
		answer_error(request, COAP_RESPONSE_CODE_UNAUTHORIZED);
	}
}

static void answer_conf(const struct request *request, coap_pdu_code_t code, const struct dps_conf *conf, unsigned format)
{
	static const char baseline[] = "if=oic.if.baseline";
	bool is_baseline = request->query_len == 0 ||
	                   (request->query_len == sizeof(baseline) - 1 && memcmp(request->query, baseline, sizeof(baseline) - 1) == 0);
	uint8_t body[ONBOARDING_BODY_SIZE];
	size_t len;

	if (dps_conf_write(conf, is_baseline, body, sizeof(body), &len) != DPS_OK)
		answer_error(request, COAP_RESPONSE_CODE_INTERNAL_ERROR);
	else
		answer(request, code, format, body, len);
}

/* What the device is about to be: a command takes effect when this has left. */
static void foresee(const struct dps_conf_command *command, struct dps_conf *conf)
{
	if (command->kind == DPS_CONF_FORCE)
		return;
	memset(conf, 0, sizeof(*conf));
	conf->status = command->kind == DPS_CONF_REPLACE ? DPS_STATUS_INITIALIZED : DPS_STATUS_UNINITIALIZED;
	conf->endpoint_count = command->endpoint_count;
	memcpy(conf->endpoints, command->endpoints, sizeof(conf->endpoints));
}

static void post(const struct request *request, struct onboarding_view *view, unsigned format)
{
	struct onboarding *onboarding = request->onboarding;
	unsigned content = option_of(request->pdu, COAP_OPTION_CONTENT_FORMAT, 0);
	const uint8_t *payload = NULL;
	size_t len = 0;

	if (has_option(request->pdu, COAP_OPTION_BLOCK1)) {
		answer_error(request, COAP_RESPONSE_CODE_REQUEST_TOO_LARGE);
		return;
	}
	if (content != FORMAT_OCF_CBOR && content != FORMAT_CBOR) {
		answer_error(request, COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT);
		return;
	}
	/* Its answer was lost, and it comes again (RFC 7252 section 4.5); libcoap keeps no account of that. */
	if (request->session == onboarding->last_session && coap_pdu_get_mid(request->pdu) == onboarding->last_message) {
		answer_conf(request, COAP_RESPONSE_CODE_CHANGED, &view->conf, format);
		return;
	}
	if (onboarding->pending) {
		answer_error(request, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE);
		return;
	}
	if (coap_get_data(request->pdu, &len, &payload) != 1 || len > sizeof(onboarding->body)) {
		answer_error(request, COAP_RESPONSE_CODE_BAD_REQUEST);
		return;
	}
	memcpy(onboarding->body, payload, len);
	if (dps_conf_read(onboarding->body, len, &onboarding->command) != DPS_OK || onboarding->command.kind == DPS_CONF_NOTHING ||
	    (onboarding->command.kind == DPS_CONF_FORCE && view->conf.endpoint_count == 0)) {
		answer_error(request, COAP_RESPONSE_CODE_BAD_REQUEST);
		return;
	}
	foresee(&onboarding->command, &view->conf);
	answer_conf(request, COAP_RESPONSE_CODE_CHANGED, &view->conf, format);
	onboarding->pending = coap_pdu_get_code(request->response) == COAP_RESPONSE_CODE_CHANGED;
	if (!onboarding->pending)
		return; /* nothing was done: when it comes again it is a new request */
	onboarding->last_session = request->session;
	onboarding->last_message = coap_pdu_get_mid(request->pdu);
}

static void on_conf(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *pdu, const coap_string_t *query,
                    coap_pdu_t *response)
{
	unsigned accept = option_of(pdu, COAP_OPTION_ACCEPT, FORMAT_OCF_CBOR);
	struct onboarding_view view;
	struct request request;

	(void)resource;
	if (!begin(&request, session, pdu, query, response))
		return;
	if (coap_session_get_proto(session) != COAP_PROTO_DTLS || request.onboarding->owned) {
		refuse(&request);
		return;
	}
	request.onboarding->active_ms = onboarding_now(request.onboarding);
	if (accept != FORMAT_OCF_CBOR && accept != FORMAT_CBOR) {
		answer_error(&request, COAP_RESPONSE_CODE_NOT_ACCEPTABLE);
		return;
	}
	memset(&view, 0, sizeof(view));
	request.onboarding->options.view(request.onboarding->options.user, &view);
	if (coap_pdu_get_code(pdu) == COAP_REQUEST_CODE_GET)
		answer_conf(&request, COAP_RESPONSE_CODE_CONTENT, &view.conf, accept);
	else if (coap_pdu_get_code(pdu) == COAP_REQUEST_CODE_POST)
		post(&request, &view, accept);
	else
		answer_error(&request, COAP_RESPONSE_CODE_NOT_ALLOWED);
}

/* --- setting up --- */

static bool add(coap_context_t *coap, coap_resource_t *resource, coap_method_handler_t handler)
{
	static const coap_request_t methods[] = {COAP_REQUEST_GET,   COAP_REQUEST_POST,  COAP_REQUEST_PUT,   COAP_REQUEST_DELETE,
	                                         COAP_REQUEST_FETCH, COAP_REQUEST_PATCH, COAP_REQUEST_IPATCH};

	if (resource == NULL)
		return false;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		coap_register_request_handler(resource, methods[i], handler);
	coap_add_resource(coap, resource);
	return true;
}

bool onboarding_serve(struct onboarding *onboarding)
{
	coap_context_t *coap = onboarding->coap;

	/* Only what says so is asked by multicast at all; libcoap spreads the answers (RFC 7252 section 8.2) and drops errors. */
	coap_mcast_per_resource(coap);
	coap_register_option(coap, ACCEPT_VERSION);
	coap_register_option(coap, CONTENT_VERSION);
	return add(coap, coap_resource_init(coap_make_str_const("oic/res"), COAP_RESOURCE_FLAGS_HAS_MCAST_SUPPORT), on_res) &&
	       add(coap, coap_resource_init(coap_make_str_const(".well-known/core"), COAP_RESOURCE_FLAGS_HAS_MCAST_SUPPORT), on_core) &&
	       add(coap, coap_resource_init(coap_make_str_const("plgd/dps"), 0), on_conf) &&
	       add(coap, coap_resource_unknown_init2(on_unknown, 0), on_unknown);
}
