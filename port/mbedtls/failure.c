/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From errors of Mbed TLS, of the network and of lib/pki to the one cause and the text that people see.
 */
#include "mbedtls/failure.h"

#include <mbedtls/error.h>
#include <string.h>

#include "mbedtls/bridge.h"

static void append(struct dps_mbedtls_channel *channel, const char *text)
{
	const size_t used = strlen(channel->detail);
	const size_t len = strlen(text);
	const size_t room = sizeof(channel->detail) - 1 - used;
	const size_t n = len < room ? len : room;
	memcpy(channel->detail + used, text, n);
	channel->detail[used + n] = '\0';
}

static void append_hex(struct dps_mbedtls_channel *channel, unsigned value)
{
	static const char DIGITS[] = "0123456789abcdef";
	char text[2 + 8 + 1] = "0x";
	size_t len = 2;
	for (int shift = 28; shift >= 0; shift -= 4) {
		const unsigned digit = value >> shift & 0xf;
		if (digit != 0 || len > 2 || shift <= 4)
			text[len++] = DIGITS[digit];
	}
	text[len] = '\0';
	append(channel, text);
}

static void explain_alert(struct dps_mbedtls_channel *channel)
{
	const int description = dps_mbedtls_alert(&channel->ssl);
	const char *name = dps_mbedtls_alert_name(description);
	append(channel, "alert: ");
	if (name != NULL)
		append(channel, name);
	else if (description >= 0)
		append_hex(channel, (unsigned)description);
	else
		append(channel, "unknown");
}

/* The first thing that is wrong with a path, the most telling first. */
static void explain_path(struct dps_mbedtls_channel *channel)
{
	static const struct {
		uint32_t flag;
		const char *text;
	} FLAGS[] = {
		{MBEDTLS_X509_BADCERT_NOT_TRUSTED, "not signed by a trust anchor"},
		{MBEDTLS_X509_BADCERT_BAD_MD, "signed with a weak hash"},
		{MBEDTLS_X509_BADCERT_BAD_PK, "signed with a weak algorithm"},
		{MBEDTLS_X509_BADCERT_BAD_KEY, "a weak key"},
		{MBEDTLS_X509_BADCERT_KEY_USAGE, "key usage does not allow it"},
		{MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, "not a certificate for servers"},
		{MBEDTLS_X509_BADCERT_NS_CERT_TYPE, "not a certificate for servers"},
		{MBEDTLS_X509_BADCERT_MISSING, "the server sent none"},
	};
	uint32_t flags = mbedtls_ssl_get_verify_result(&channel->ssl);
	flags = channel->path_flags | (flags == UINT32_MAX ? 0 : flags);
	append(channel, "certificate: ");
	for (size_t i = 0; i < sizeof(FLAGS) / sizeof(FLAGS[0]); i++) {
		if ((flags & FLAGS[i].flag) != 0) {
			append(channel, FLAGS[i].text);
			return;
		}
	}
	append(channel, "cannot be read");
}

static void explain_error(struct dps_mbedtls_channel *channel, int error)
{
	append(channel, "Mbed TLS error -");
	append_hex(channel, (unsigned)-error);
#if DPS_CONFIG_TEXT && defined(MBEDTLS_ERROR_C)
	char text[DPS_MBEDTLS_DETAIL_SIZE];
	mbedtls_strerror(error, text, sizeof(text));
	append(channel, ": ");
	append(channel, text);
#endif
}

static bool is_closed(int error)
{
	return error == 0 || error == MBEDTLS_ERR_SSL_CONN_EOF || error == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
}

/* The library judges that itself, behind the path, and has no error of its own for it. */
static bool is_for_other_uses(const struct dps_mbedtls_channel *channel)
{
	const uint32_t flags = mbedtls_ssl_get_verify_result(&channel->ssl);

	return flags != UINT32_MAX && (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE)) != 0;
}

/* The cause of a failed handshake, what is certain first. */
static dps_result cause_of(const struct dps_mbedtls_channel *channel, int error)
{
	if (channel->bridge.failure != DPS_OK)
		return channel->bridge.failure;
	if (dps_mbedtls_is_memory(error))
		return DPS_E_MEMORY;
	if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
		return DPS_E_TLS_ALERT;
	if (channel->verdict != DPS_OK)
		return channel->verdict;
	/* a handshake that came to its end without a path that lib/pki accepted counts here too, and a certificate that is not for servers */
	if (error == 0 || is_for_other_uses(channel) || error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || channel->path_flags != 0)
		return DPS_E_SERVER_UNTRUSTED;
	if (channel->read_failure != DPS_OK)
		return channel->read_failure;
	if (channel->write_failure != DPS_OK)
		return channel->write_failure;
	return is_closed(error) ? DPS_E_CLOSED : DPS_E_TLS;
}

/* How far a failure got: on the way to the peer, in the talk with it, to a judgement by one side. */
static int reach(dps_result result)
{
	switch (dps_result_class(result)) {
	case DPS_CLASS_TRANSIENT:
		return result == DPS_E_RESOLVE || result == DPS_E_CONNECT || result == DPS_E_TIMEOUT ? 1 : result == DPS_E_TLS ? 3 : 2;
	case DPS_CLASS_LOCAL:
	case DPS_CLASS_CONFIG:
		return 5;
	case DPS_CLASS_NONE:
		return 0;
	default:
		return 4;
	}
}

/* Whether this failure is to be told rather than the one known; its text then starts anew. */
static bool takes_over(struct dps_mbedtls_channel *channel, dps_result result)
{
	if (channel->failure != DPS_OK && reach(result) <= reach(channel->failure))
		return false;
	channel->failure = result;
	channel->detail[0] = '\0';
	return true;
}

void dps_mbedtls_fail_network(struct dps_mbedtls_channel *channel, dps_result result)
{
	if (takes_over(channel, result))
		append(channel, channel->network->detail(channel->network->ctx));
}

bool dps_mbedtls_fail_handshake(struct dps_mbedtls_channel *channel, int error)
{
	const dps_result result = cause_of(channel, error);
	if (takes_over(channel, result)) {
		if (result == DPS_E_TLS_ALERT)
			explain_alert(channel);
		else if (result == DPS_E_SERVER_UNTRUSTED)
			explain_path(channel);
		else if (result == DPS_E_RESET)
			append(channel, channel->network->detail(channel->network->ctx));
		else if (result == DPS_E_TLS || result == DPS_E_MEMORY)
			explain_error(channel, error);
	}
	return reach(result) == 5;
}

void dps_mbedtls_fail_transfer(struct dps_mbedtls_channel *channel, int error)
{
	channel->detail[0] = '\0';
	if (dps_mbedtls_is_memory(error)) {
		channel->failure = DPS_E_MEMORY;
		explain_error(channel, error);
	} else if (channel->bridge.failure != DPS_OK) {
		channel->failure = channel->bridge.failure;
	} else if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
		channel->failure = DPS_E_TLS_ALERT;
		explain_alert(channel);
	} else if (channel->read_failure != DPS_OK) {
		channel->failure = channel->read_failure;
		append(channel, channel->network->detail(channel->network->ctx));
	} else if (is_closed(error)) {
		channel->failure = DPS_E_CLOSED;
	} else {
		channel->failure = DPS_E_TLS;
		explain_error(channel, error);
	}
}
