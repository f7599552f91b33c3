/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS channel: opening, establishing, carrying bytes, closing. What is trusted is decided by lib/pki in the handshake itself
 * (on_certificate) and, for dates, by the caller afterwards; what a failure is called is decided in failure.c.
 */
#include <mbedtls/error.h>
#include <string.h>

#include "mbedtls/bridge.h"
#include "mbedtls/failure.h"
#include "mbedtls/gather.h"
#include "mbedtls/resume.h"
#include "pki/certificate.h"
#include "pki/pki.h"

/* Longest host name (RFC 1035 3.1), and what Mbed TLS takes. */
#define HOST_LENGTH 255

/* Of a peer that sends records that carry nothing, without end. */
#define FLOOD_ERROR MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE

/* AEAD with forward secrecy only, in the order of preference; what the build of Mbed TLS lacks it leaves out itself. */
static const int SUITES[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                             0};

/*
 * Mbed TLS shows each certificate of the path it built, from the anchor down to the leaf. Dates are left to the caller, the name and the
 * pins to lib/pki; anything else that is wrong ends the handshake, as does lib/pki's verdict at the leaf.
 */
static int on_certificate(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct dps_mbedtls_channel *channel = ctx;
	struct dps_pki_path *path = channel->params.path;

	*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE | MBEDTLS_X509_BADCERT_CN_MISMATCH);
	if (dps_pki_path_add(path, (unsigned)depth, crt->raw.p, crt->raw.len) != DPS_OK)
		*flags |= MBEDTLS_X509_BADCERT_OTHER;
	channel->path_flags |= *flags;
	if (depth == 0 && channel->path_flags == 0) {
		channel->verdict = dps_pki_path_end(path);
		if (channel->verdict != DPS_OK)
			*flags |= MBEDTLS_X509_BADCERT_OTHER;
	}
	return 0;
}

/* --- opening ----------------------------------------------------------------------------------------------------------------------- */

static void init_contexts(struct dps_mbedtls_channel *channel)
{
	dps_mbedtls_bridge_init(&channel->bridge);
	mbedtls_ssl_config_init(&channel->config);
	mbedtls_ssl_init(&channel->ssl);
	mbedtls_x509_crt_init(&channel->anchors);
	mbedtls_x509_crt_init(&channel->chain);
}

static void free_contexts(struct dps_mbedtls_channel *channel)
{
	mbedtls_ssl_free(&channel->ssl);
	mbedtls_ssl_config_free(&channel->config);
	mbedtls_x509_crt_free(&channel->anchors);
	mbedtls_x509_crt_free(&channel->chain);
	dps_mbedtls_bridge_close(&channel->bridge);
}

/* Adds the certificates of a list, which stay where they are. Those that Mbed TLS cannot use are an error unless they may be left out. */
static dps_result parse_list(mbedtls_x509_crt *out, struct dps_span list, bool leave_out)
{
	struct dps_span der;
	dps_result result;
	size_t taken = 0;
	while ((result = dps_pki_der_next(&list, &der)) == DPS_OK) {
		const int ret = mbedtls_x509_crt_parse_der_nocopy(out, der.data, der.len);
		if (dps_mbedtls_is_memory(ret))
			return DPS_E_MEMORY;
		if (ret == 0)
			taken++;
		else if (!leave_out)
			return DPS_E_CERTIFICATE_FORMAT;
	}
	return result == DPS_E_NOT_FOUND && taken > 0 ? DPS_OK : DPS_E_CERTIFICATE_FORMAT;
}

/* The key and the chain that are presented; nobody else compares them. */
static dps_result prepare_identity(struct dps_mbedtls_channel *channel)
{
	const struct dps_channel_params *params = &channel->params;
	uint8_t spki[DPS_SPKI_SIZE];
	size_t spki_len = 0;
	struct dps_certificate_view leaf;
	struct dps_span list = params->chain;
	struct dps_span der;

	dps_result result = params->keys->public_key(params->keys->ctx, params->key_slot, spki, sizeof(spki), &spki_len);
	if (result != DPS_OK)
		return result;
	if (dps_pki_der_next(&list, &der) != DPS_OK || dps_pki_certificate_read(der, &leaf) != DPS_OK)
		return DPS_E_CERTIFICATE_FORMAT;
	if (leaf.spki.len != spki_len || memcmp(leaf.spki.data, spki, spki_len) != 0)
		return DPS_E_KEY_MISMATCH;
	result = parse_list(&channel->chain, params->chain, false);
	if (result != DPS_OK)
		return result;
	return dps_mbedtls_bridge_open(&channel->bridge, channel->random, params->keys, params->key_slot, (struct dps_span){spki, spki_len});
}

static dps_result prepare_tls(struct dps_mbedtls_channel *channel)
{
	mbedtls_ssl_config *config = &channel->config;
	char name[HOST_LENGTH + 1];
	uint8_t address[16];
	size_t address_len = 0;

	int ret = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	if (ret != 0)
		return dps_mbedtls_is_memory(ret) ? DPS_E_MEMORY : DPS_E_INTERNAL;
	dps_mbedtls_configure(config);
	mbedtls_ssl_conf_ciphersuites(config, SUITES);
	mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_verify(config, on_certificate, channel);
	mbedtls_ssl_conf_ca_chain(config, &channel->anchors, NULL);
	mbedtls_ssl_conf_rng(config, dps_mbedtls_bridge_random, &channel->bridge);
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
	mbedtls_ssl_conf_session_tickets(config,
	                                 channel->params.resume ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
#if defined(MBEDTLS_SSL_ENCRYPT_THEN_MAC)
	mbedtls_ssl_conf_encrypt_then_mac(config, MBEDTLS_SSL_ETM_DISABLED); /* of no use to AEAD suites */
#endif
	ret = mbedtls_ssl_conf_own_cert(config, &channel->chain, &channel->bridge.pk);
	if (ret == 0)
		ret = mbedtls_ssl_setup(&channel->ssl, config);
	if (ret != 0)
		return DPS_E_MEMORY;

	/* SNI is for names only, and without a final dot (RFC 6066 3). Mbed TLS's own comparison of names is dropped in on_certificate. */
	const bool is_address = dps_pki_host_is_address(channel->params.host, address, &address_len);
	size_t len = strlen(channel->params.host);
	memcpy(name, channel->params.host, len + 1);
	if (name[len - 1] == '.')
		name[--len] = '\0';
	ret = mbedtls_ssl_set_hostname(&channel->ssl, is_address ? NULL : name);
	if (ret != 0)
		return dps_mbedtls_is_memory(ret) ? DPS_E_MEMORY : DPS_E_ARGUMENT;
	mbedtls_ssl_set_bio(&channel->ssl, channel, dps_mbedtls_gather_send, dps_mbedtls_gather_receive, NULL);
	return DPS_OK;
}

static dps_result prepare(struct dps_mbedtls_channel *channel)
{
	dps_result result = prepare_identity(channel);
	if (result != DPS_OK)
		return result;
	result = parse_list(&channel->anchors, channel->params.trust->anchors, true);
	if (result != DPS_OK)
		return result;
	return prepare_tls(channel);
}

static dps_result channel_open(void *ctx, const struct dps_channel_params *params)
{
	struct dps_mbedtls_channel *channel = ctx;

	if (channel->state != DPS_MBEDTLS_CLOSED)
		return DPS_E_STATE;
	if (params->host == NULL || params->host[0] == '\0' || strlen(params->host) > HOST_LENGTH || params->trust == NULL ||
	    params->keys == NULL || params->key_slot == NULL || params->path == NULL)
		return DPS_E_ARGUMENT;
	channel->params = *params;
	channel->was_connected = false;
	channel->failure = DPS_OK;
	channel->detail[0] = '\0';
	dps_mbedtls_gather_reset(channel);
	dps_pki_path_begin(params->path, params->trust, params->host);
	dps_mbedtls_resume_bind(channel);

	dps_result result = prepare(channel);
	if (result == DPS_OK) {
		result = channel->network->open(channel->network->ctx, params->host, params->port);
		if (result < 0)
			dps_mbedtls_fail_network(channel, result);
	}
	if (result != DPS_OK) {
		free_contexts(channel);
		init_contexts(channel);
		return result;
	}
	channel->state = DPS_MBEDTLS_CONNECTING;
	return DPS_OK;
}

/* --- establishing ------------------------------------------------------------------------------------------------------------------ */

static dps_result step_connect(struct dps_mbedtls_channel *channel)
{
	const struct dps_network *network = channel->network;
	const dps_result result = network->connect(network->ctx);
	if (result == DPS_AGAIN)
		return DPS_AGAIN;
	if (result != DPS_OK) {
		/* the port has tried what addresses were left */
		dps_mbedtls_fail_network(channel, result);
		channel->state = DPS_MBEDTLS_FAILED;
		return channel->failure;
	}
	channel->was_connected = true;
	channel->stats.round_trips++;
	channel->stats.handshakes++;
	channel->path_flags = 0;
	channel->verdict = DPS_OK;
	dps_mbedtls_gather_reset(channel);
	dps_pki_path_begin(channel->params.path, channel->params.trust, channel->params.host);
	dps_mbedtls_resume_offer(channel);
	channel->state = DPS_MBEDTLS_HANDSHAKE;
	return DPS_OK;
}

static dps_result channel_next_address(void *ctx)
{
	struct dps_mbedtls_channel *channel = ctx;
	const struct dps_network *network = channel->network;
	int ret;

	if (channel->state != DPS_MBEDTLS_CONNECTING && channel->state != DPS_MBEDTLS_HANDSHAKE)
		return DPS_E_STATE;
	if (network->next_address(network->ctx) != DPS_OK)
		return DPS_E_NOT_FOUND;
	ret = mbedtls_ssl_session_reset(&channel->ssl);
	if (ret != 0) {
		(void)dps_mbedtls_fail_handshake(channel, ret);
		return DPS_E_NOT_FOUND;
	}
	channel->state = DPS_MBEDTLS_CONNECTING;
	return DPS_OK;
}

static dps_result step_handshake(struct dps_mbedtls_channel *channel)
{
	int ret;

	dps_mbedtls_gather_allow_reads(channel);
	ret = mbedtls_ssl_handshake(&channel->ssl);
	if (ret == MBEDTLS_ERR_SSL_WANT_READ || ret == MBEDTLS_ERR_SSL_WANT_WRITE) {
		if (!dps_mbedtls_gather_is_flooded(channel, false))
			return DPS_AGAIN;
		ret = FLOOD_ERROR;
	}
	if (ret == 0)
		dps_mbedtls_resume_judge(channel);
	if (ret == 0 && mbedtls_ssl_get_verify_result(&channel->ssl) == 0 && channel->params.path->complete) {
		dps_mbedtls_resume_keep(channel);
		channel->state = DPS_MBEDTLS_ESTABLISHED;
		channel->failure = DPS_OK;
		channel->detail[0] = '\0';
		return DPS_OK;
	}
	channel->params.path->complete = false;
	dps_mbedtls_resume_drop(channel);
	const bool is_local = dps_mbedtls_fail_handshake(channel, ret);
	/* the alert that says why we leave */
	(void)dps_mbedtls_gather_flush(channel);
	if (!is_local && channel_next_address(channel) == DPS_OK)
		return DPS_OK;
	channel->state = DPS_MBEDTLS_FAILED;
	return channel->failure;
}

static dps_result channel_establish(void *ctx)
{
	struct dps_mbedtls_channel *channel = ctx;
	dps_result result = DPS_OK;
	while (result == DPS_OK) {
		switch (channel->state) {
		case DPS_MBEDTLS_CONNECTING:
			result = step_connect(channel);
			break;
		case DPS_MBEDTLS_HANDSHAKE:
			result = step_handshake(channel);
			break;
		case DPS_MBEDTLS_ESTABLISHED:
			return DPS_OK;
		case DPS_MBEDTLS_FAILED:
			return channel->failure;
		case DPS_MBEDTLS_CLOSED:
		default:
			return DPS_E_STATE;
		}
	}
	return result;
}

static bool channel_connected(void *ctx)
{
	const struct dps_mbedtls_channel *channel = ctx;
	return channel->was_connected;
}

/* --- bytes ------------------------------------------------------------------------------------------------------------------------- */

/* Why nothing can be carried: not yet, or no more. */
static dps_result not_established(const struct dps_mbedtls_channel *channel)
{
	return channel->state == DPS_MBEDTLS_FAILED ? channel->failure : DPS_E_STATE;
}

/* Ends a connection that carried bytes. */
static dps_result break_off(struct dps_mbedtls_channel *channel, int error)
{
	dps_mbedtls_fail_transfer(channel, error);
	channel->state = DPS_MBEDTLS_FAILED;
	(void)dps_mbedtls_gather_flush(channel);
	return channel->failure;
}

static dps_result channel_read(void *ctx, uint8_t *buf, size_t size, size_t *n)
{
	struct dps_mbedtls_channel *channel = ctx;
	*n = 0;
	if (channel->state != DPS_MBEDTLS_ESTABLISHED)
		return not_established(channel);
	if (size == 0)
		return DPS_E_ARGUMENT;
	(void)dps_mbedtls_gather_flush(channel);
	dps_mbedtls_gather_allow_reads(channel);
	int ret;
	do
		ret = mbedtls_ssl_read(&channel->ssl, buf, size < INT32_MAX ? size : INT32_MAX);
	while (ret == 0 && channel->read_failure == DPS_OK && channel->reads_left > 0); /* records may be empty: that is not the end */
	const bool flooded = dps_mbedtls_gather_is_flooded(channel, ret > 0);
	if (ret > 0) {
		*n = (size_t)ret;
		return DPS_OK;
	}
	const bool again =
		ret == MBEDTLS_ERR_SSL_WANT_READ || ret == MBEDTLS_ERR_SSL_WANT_WRITE || (ret == 0 && channel->read_failure == DPS_OK);
	if (again && !flooded)
		return DPS_AGAIN;
	return break_off(channel, again ? FLOOD_ERROR : ret);
}

static dps_result channel_write(void *ctx, const uint8_t *buf, size_t len, size_t *n)
{
	struct dps_mbedtls_channel *channel = ctx;
	*n = 0;
	if (channel->state != DPS_MBEDTLS_ESTABLISHED)
		return not_established(channel);
	if (len == 0)
		return DPS_E_ARGUMENT;
	if (channel->write_failure != DPS_OK)
		return channel->write_failure;

	/* a record is made only when it fits: one that Mbed TLS has to keep would bind the next call to the same bytes */
	const int expansion = mbedtls_ssl_get_record_expansion(&channel->ssl);
	const int payload = mbedtls_ssl_get_max_out_record_payload(&channel->ssl);
	if (expansion < 0 || payload <= 0)
		return break_off(channel, expansion < 0 ? expansion : payload);
	size_t room = dps_mbedtls_gather_room(channel);
	if (room < (size_t)expansion + len) {
		const dps_result result = dps_mbedtls_gather_flush(channel);
		if (result < 0)
			return result;
		room = dps_mbedtls_gather_room(channel);
	}
	if (room <= (size_t)expansion)
		return DPS_AGAIN;
	room -= (size_t)expansion;
	if (room > (size_t)payload)
		room = (size_t)payload;
	const int ret = mbedtls_ssl_write(&channel->ssl, buf, len < room ? len : room);
	if (ret <= 0)
		return break_off(channel, ret);
	*n = (size_t)ret;
	return DPS_OK;
}

static dps_result channel_flush(void *ctx)
{
	struct dps_mbedtls_channel *channel = ctx;
	if (channel->state != DPS_MBEDTLS_ESTABLISHED)
		return not_established(channel);
	return dps_mbedtls_gather_flush(channel);
}

static void channel_close(void *ctx)
{
	struct dps_mbedtls_channel *channel = ctx;
	if (channel->state == DPS_MBEDTLS_CLOSED)
		return;
	if (channel->state == DPS_MBEDTLS_ESTABLISHED)
		(void)mbedtls_ssl_close_notify(&channel->ssl);
	else if (channel->state == DPS_MBEDTLS_HANDSHAKE) /* which somebody lost patience with */
		dps_mbedtls_resume_drop(channel);
	if (channel->was_connected)
		(void)dps_mbedtls_gather_flush(channel);
	channel->network->close(channel->network->ctx);
	free_contexts(channel);
	init_contexts(channel);
	dps_mbedtls_gather_reset(channel);
	channel->state = DPS_MBEDTLS_CLOSED;
}

static size_t channel_wait_on(void *ctx, struct dps_wait *waits, size_t max, uint32_t *within_ms)
{
	struct dps_mbedtls_channel *channel = ctx;
	if (channel->state == DPS_MBEDTLS_CLOSED || channel->state == DPS_MBEDTLS_FAILED)
		return 0;
	/* what was decrypted and not yet read will not make the network ready */
	if (channel->state == DPS_MBEDTLS_ESTABLISHED && mbedtls_ssl_get_bytes_avail(&channel->ssl) > 0)
		*within_ms = 0;
	return channel->network->wait_on(channel->network->ctx, channel->gather_start < channel->gather_end, waits, max, within_ms);
}

static void channel_stats(void *ctx, struct dps_channel_stats *stats)
{
	const struct dps_mbedtls_channel *channel = ctx;
	*stats = channel->stats;
}

static const char *channel_detail(void *ctx)
{
	const struct dps_mbedtls_channel *channel = ctx;
	return channel->detail;
}

void dps_mbedtls_channel_init(struct dps_mbedtls_channel *channel, const struct dps_network *network, const struct dps_random *random)
{
	memset(channel, 0, sizeof(*channel));
	channel->port = (struct dps_channel){.ctx = channel,
	                                     .open = channel_open,
	                                     .establish = channel_establish,
	                                     .next_address = channel_next_address,
	                                     .connected = channel_connected,
	                                     .read = channel_read,
	                                     .write = channel_write,
	                                     .flush = channel_flush,
	                                     .close = channel_close,
	                                     .wait_on = channel_wait_on,
	                                     .stats = channel_stats,
	                                     .detail = channel_detail};
	channel->network = network;
	channel->random = random;
	channel->state = DPS_MBEDTLS_CLOSED;
	mbedtls_ssl_session_init(&channel->resume.session);
	init_contexts(channel);
}

void dps_mbedtls_channel_deinit(struct dps_mbedtls_channel *channel)
{
	channel_close(channel);
	dps_mbedtls_resume_forget(channel);
}
