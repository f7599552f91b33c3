/* SPDX-License-Identifier: Apache-2.0 */
/* See onboarding.h: libcoap's context, DTLS, and when what is open. */
#include "onboarding.h"

#include <coap3/coap.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "onboarding_place.h"
#include "onboarding_serve.h"

#define SESSION_SECONDS    30u
#define HELLOS_QUIET       256u  /* kept at most, when nobody is busy */
#define HELLOS_MAX         1024u /* and when somebody seems to be */
#define HELLOS_LIBCOAP     1100u /* where libcoap itself would refuse every new one for 30 s */
#define QUIET_MS           10000u
#define SECURE_AGAIN_MS    1000u
#define HINT               "dps1"
#define IDENTITY_MAX_EQUAL (ONBOARDING_IDENTITY_SIZE - 1)
#define KEYED              (sizeof(((struct onboarding *)NULL)->keyed) / sizeof(coap_session_t *))

struct onboarding *onboarding_of(const coap_session_t *session)
{
	return coap_get_app_data(coap_session_get_context(session));
}

uint64_t onboarding_now(const struct onboarding *onboarding)
{
	return onboarding->options.clock->monotonic_ms(onboarding->options.clock->ctx);
}

static void tell(const struct onboarding *onboarding, const struct onboarding_event *event)
{
	onboarding->options.event(onboarding->options.user, event);
}

static void tell_trouble(const struct onboarding *onboarding, const char *text)
{
	const struct onboarding_event event = {.kind = ONBOARDING_TROUBLE, .text = text};

	tell(onboarding, &event);
}

/* --- the key --- */

static void forget_key(struct onboarding *onboarding)
{
	explicit_bzero(onboarding->psk, sizeof(onboarding->psk));
	explicit_bzero(onboarding->identity, sizeof(onboarding->identity));
	onboarding->has_key = false;
}

static dps_result read_key(struct onboarding *onboarding, const char **why)
{
	struct onboarding_code code;
	dps_result result = onboarding_code_read(onboarding->options.code, &code, why);

	if (result == DPS_OK) {
		*why = "no SHA-256";
		result = onboarding_code_derive(&code, onboarding->psk);
	}
	if (result == DPS_OK) {
		onboarding_code_identity(&code, onboarding->identity);
		memcpy(onboarding->code_id, code.id, sizeof(onboarding->code_id));
		onboarding->has_key = true;
	}
	explicit_bzero(&code, sizeof(code));
	return result;
}

/* All bytes of both, whatever they are and however long the other one is. */
static bool is_identity(const struct onboarding *onboarding, const coap_bin_const_t *identity)
{
	uint8_t padded[ONBOARDING_IDENTITY_SIZE] = {0};
	unsigned differs = identity->length > IDENTITY_MAX_EQUAL;

	memcpy(padded, identity->s, differs != 0 ? IDENTITY_MAX_EQUAL : identity->length);
	for (size_t i = 0; i < sizeof(padded); i++)
		differs |= (unsigned)padded[i] ^ (unsigned char)onboarding->identity[i];
	return differs == 0;
}

/* No key leaves here that could not be wiped: more sessions than places there are not, but that is libcoap's count. */
static bool note_keyed(struct onboarding *onboarding, coap_session_t *session)
{
	size_t place = KEYED;

	for (size_t i = 0; i < KEYED; i++)
		if (onboarding->keyed[i] == session || (onboarding->keyed[i] == NULL && place == KEYED))
			place = i;
	if (place == KEYED)
		return false;
	onboarding->keyed[place] = session;
	return true;
}

/* libcoap asks for the key that belongs to an identity, in the midst of a handshake. The attempt is counted first, whoever it is. */
static const coap_bin_const_t *on_identity(coap_bin_const_t *identity, coap_session_t *session, void *arg)
{
	static coap_bin_const_t key; /* copied by libcoap at once */
	struct onboarding *onboarding = arg;
	struct onboarding_source source;
	bool allowed;
	bool known;

	onboarding->active_ms = onboarding_now(onboarding);
	onboarding_place_source(coap_session_get_addr_remote(session), &source);
	known = is_identity(onboarding, identity);
	allowed = onboarding_lockout_begin(&onboarding->lockout, &source, onboarding->active_ms);
	if (!known || !allowed || !onboarding->has_key || onboarding->owned || !note_keyed(onboarding, session))
		return NULL;
	key = (coap_bin_const_t){.s = onboarding->psk, .length = sizeof(onboarding->psk)};
	return &key;
}

/* --- sessions --- */

/* The key that libcoap keeps for a session is heap memory, which it frees as it is. */
static void wipe_session(struct onboarding *onboarding, size_t index)
{
	const coap_bin_const_t *key = coap_session_get_psk_key(onboarding->keyed[index]);

	if (key != NULL && key->s != NULL)
		explicit_bzero((void *)(uintptr_t)key->s, key->length);
	onboarding->keyed[index] = NULL;
}

static void on_session_end(struct onboarding *onboarding, const coap_session_t *session)
{
	/* Another one may be made at the same address. */
	if (onboarding->last_session == session)
		onboarding->last_session = NULL;
	for (size_t i = 0; i < KEYED; i++)
		if (onboarding->keyed[i] == session)
			wipe_session(onboarding, i);
}

static void on_connected(struct onboarding *onboarding, const coap_session_t *session)
{
	const struct onboarding_event event = {.kind = ONBOARDING_PROVED};
	struct onboarding_source source;

	onboarding_place_source(coap_session_get_addr_remote(session), &source);
	onboarding_lockout_succeeded(&onboarding->lockout, &source);
	onboarding->active_ms = onboarding_now(onboarding);
	tell(onboarding, &event);
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
	struct onboarding *onboarding = onboarding_of(session);

	switch (event) {
	case COAP_EVENT_SERVER_SESSION_NEW:
		onboarding->hellos += coap_session_get_type(session) == COAP_SESSION_TYPE_HELLO;
		break;
	case COAP_EVENT_DTLS_CONNECTED:
		on_connected(onboarding, session);
		break;
	case COAP_EVENT_SERVER_SESSION_DEL:
		on_session_end(onboarding, session);
		break;
	default:
		break;
	}
	return 0;
}

/* --- what is open --- */

static void close_secure(struct onboarding *onboarding)
{
	/* libcoap does not tell of sessions that end with their endpoint. */
	for (size_t i = 0; i < KEYED; i++)
		if (onboarding->keyed[i] != NULL)
			wipe_session(onboarding, i);
	for (size_t i = 0; i < onboarding->place_count; i++)
		onboarding_place_close_secure(&onboarding->places[i]);
	onboarding->hellos = 0;
	onboarding->last_session = NULL;
	onboarding->secure_missing = false;
}

static bool open_secure(struct onboarding *onboarding)
{
	bool all = true;

	for (size_t i = 0; i < onboarding->place_count; i++)
		all = onboarding_place_open_secure(onboarding->coap, &onboarding->places[i]) && all;
	onboarding->secure_missing = !all;
	onboarding->secure_when = onboarding_now(onboarding) + SECURE_AGAIN_MS;
	return all;
}

/*
 * libcoap keeps a session for everybody who sent a ClientHello, until it is 30 s old and another one comes, and refuses new ones when they are too many. Made anew, the
 * endpoint has none of them; a handshake in which that happens goes on, for the cookie is still good.
 */
static void drop_hellos(struct onboarding *onboarding)
{
	bool is_busy = onboarding->active_ms != 0 && onboarding_now(onboarding) - onboarding->active_ms < QUIET_MS;

	if (onboarding->hellos < (is_busy ? HELLOS_MAX : HELLOS_QUIET))
		return;
	close_secure(onboarding);
	(void)open_secure(onboarding);
}

static dps_result take_places(struct onboarding *onboarding, const char **why)
{
	onboarding->places = calloc(ONBOARDING_LISTEN_MAX, sizeof(*onboarding->places));
	*why = "out of memory";
	if (onboarding->places == NULL)
		return DPS_E_MEMORY;
	onboarding->place_count = onboarding->options.listen_count;
	*why = "too many addresses to listen at";
	if (onboarding->place_count > ONBOARDING_LISTEN_MAX)
		return DPS_E_ARGUMENT;
	*why = "not an ADDRESS[:PORT] to listen at";
	for (size_t i = 0; i < onboarding->place_count; i++)
		if (!onboarding_place_parse(onboarding->options.listen[i], &onboarding->places[i]))
			return DPS_E_ARGUMENT;
	if (onboarding->place_count == 0)
		onboarding_place_any(&onboarding->places[onboarding->place_count++]);
	*why = "no such interface";
	if (onboarding->options.interface != NULL && if_nametoindex(onboarding->options.interface) == 0)
		return DPS_E_ARGUMENT;
	return DPS_OK;
}

static bool make_context(struct onboarding *onboarding)
{
	coap_dtls_spsk_t psk = {
		.version = COAP_DTLS_SPSK_SETUP_VERSION,
		.validate_id_call_back = on_identity,
		.id_call_back_arg = onboarding,
		.psk_info = {.hint = {.s = (const uint8_t *)HINT, .length = sizeof(HINT) - 1}},
	};

	coap_startup();
	coap_set_log_level(LOG_EMERG);
	coap_dtls_set_log_level(LOG_EMERG);
	onboarding->coap = coap_new_context(NULL);
	if (onboarding->coap == NULL)
		return false;
	coap_set_app_data(onboarding->coap, onboarding);
	coap_context_set_block_mode(onboarding->coap, 0);
	coap_context_set_session_timeout(onboarding->coap, SESSION_SECONDS);
	coap_context_set_max_idle_sessions(onboarding->coap, ONBOARDING_SESSIONS_MAX);
	coap_context_set_max_handshake_sessions(onboarding->coap, HELLOS_LIBCOAP);
	coap_register_event_handler(onboarding->coap, on_event);
	return coap_context_set_psk2(onboarding->coap, &psk) == 1 && onboarding_serve(onboarding);
}

static bool listen_everywhere(struct onboarding *onboarding)
{
	bool wildcard = false;

	for (size_t i = 0; i < onboarding->place_count; i++) {
		if (!onboarding_place_open(onboarding->coap, &onboarding->places[i]))
			return false;
		wildcard = wildcard || onboarding_place_is_wildcard(&onboarding->places[i]);
	}
	if (!onboarding->owned && !open_secure(onboarding))
		return false;
	if (wildcard) {
		/* Watched before the first look, so that none is missed. */
		onboarding->netlink = onboarding_place_watch();
		onboarding_place_join(onboarding->coap, onboarding->options.interface);
	}
	return true;
}

static void tell_listening(const struct onboarding *onboarding)
{
	for (size_t i = 0; i < onboarding->place_count; i++) {
		char plain[ONBOARDING_URI_SIZE];
		char secure[ONBOARDING_URI_SIZE];
		const struct onboarding_event event = {.kind = ONBOARDING_LISTENING, .plain = plain, .secure = secure};

		onboarding_place_uri(&onboarding->places[i].plain, "coap", plain);
		onboarding_place_uri(&onboarding->places[i].secure, "coaps", secure);
		tell(onboarding, &event);
	}
}

static dps_result open_all(struct onboarding *onboarding, const char **why)
{
	/* The code is read even if it is not needed now: what is wrong with it should be known before the day of the reset. */
	dps_result result = read_key(onboarding, why);

	if (onboarding->owned)
		forget_key(onboarding);
	if (result == DPS_OK)
		result = take_places(onboarding, why);
	if (result != DPS_OK)
		return result;
	*why = "libcoap gives no context with DTLS";
	if (!make_context(onboarding))
		return DPS_E_MEMORY;
	*why = "cannot listen: the port is taken, or the address is not of this machine";
	if (!listen_everywhere(onboarding))
		return DPS_E_CONNECT;
	*why = "";
	return DPS_OK;
}

dps_result onboarding_open(struct onboarding *onboarding, const struct onboarding_options *options, bool owned, const char **why)
{
	dps_result result;

	memset(onboarding, 0, sizeof(*onboarding));
	onboarding->options = *options;
	onboarding->netlink = -1;
	onboarding->owned = owned;
	result = open_all(onboarding, why);
	if (result == DPS_OK)
		tell_listening(onboarding);
	else
		onboarding_close(onboarding);
	return result;
}

void onboarding_close(struct onboarding *onboarding)
{
	if (onboarding->coap != NULL) {
		close_secure(onboarding);
		coap_free_context(onboarding->coap);
		coap_cleanup();
	}
	if (onboarding->places != NULL && onboarding->netlink >= 0)
		close(onboarding->netlink);
	free(onboarding->places);
	explicit_bzero(onboarding, sizeof(*onboarding));
}

void onboarding_set_owned(struct onboarding *onboarding, bool owned)
{
	struct onboarding_event event = {.kind = owned ? ONBOARDING_CLOSED : ONBOARDING_OPENED};
	const char *why;

	if (owned == onboarding->owned)
		return;
	onboarding->owned = owned;
	if (owned) {
		close_secure(onboarding);
		forget_key(onboarding);
	} else if (read_key(onboarding, &why) != DPS_OK) {
		tell_trouble(onboarding, why);
		return;
	} else if (!open_secure(onboarding)) {
		tell_trouble(onboarding, "the port of DTLS is taken; it is tried again");
		return;
	}
	tell(onboarding, &event);
}

/* --- the loop --- */

static bool carry_out(struct onboarding *onboarding)
{
	const struct onboarding_event event = {.kind = ONBOARDING_COMMAND, .command = onboarding->command.kind};

	if (!onboarding->pending)
		return false;
	onboarding->pending = false;
	if (onboarding->owned)
		return false;
	tell(onboarding, &event);
	onboarding->options.command(onboarding->options.user, &onboarding->command);
	return true;
}

uint32_t onboarding_process(struct onboarding *onboarding)
{
	bool carried_out;
	uint32_t within;
	coap_tick_t now;

	coap_io_process(onboarding->coap, COAP_IO_NO_WAIT);
	carried_out = carry_out(onboarding);
	drop_hellos(onboarding);
	if (onboarding_place_changed(onboarding->netlink))
		onboarding_place_join(onboarding->coap, onboarding->options.interface);
	if (onboarding->secure_missing && onboarding_now(onboarding) >= onboarding->secure_when)
		(void)open_secure(onboarding);
	coap_ticks(&now);
	within = coap_io_prepare_epoll(onboarding->coap, now);
	within = within == 0 ? DPS_FOREVER : within;
	if (carried_out)
		return 0; /* what it began has its own time */
	return onboarding->secure_missing && within > SECURE_AGAIN_MS ? SECURE_AGAIN_MS : within;
}

size_t onboarding_wait_on(const struct onboarding *onboarding, struct dps_wait *waits, size_t max)
{
	size_t count = 0;

	if (count < max)
		waits[count++] = (struct dps_wait){.handle = coap_context_get_coap_fd(onboarding->coap), .directions = DPS_WAIT_READ};
	if (count < max && onboarding->netlink >= 0)
		waits[count++] = (struct dps_wait){.handle = onboarding->netlink, .directions = DPS_WAIT_READ};
	return count;
}
