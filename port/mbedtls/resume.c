/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See resume.h. TLS 1.2: by ticket (RFC 5077) or session id. The server proves that it is the one of the first handshake by knowing the master secret;
 * no certificate is shown, so that dates have to be judged by what was seen then.
 */
#include "mbedtls/resume.h"

#include <string.h>

#include "pki/pki.h"

/* binding = SHA-256(binding || SHA-256(data)) */
static void bind(uint8_t binding[DPS_SHA256_SIZE], const void *data, size_t len)
{
	static const uint8_t nothing = 0;
	uint8_t both[2 * DPS_SHA256_SIZE];

	memcpy(both, binding, DPS_SHA256_SIZE);
	dps_pki_sha256(len > 0 ? data : &nothing, len, both + DPS_SHA256_SIZE);
	dps_pki_sha256(both, sizeof(both), binding);
}

void dps_mbedtls_resume_bind(struct dps_mbedtls_channel *channel)
{
	const struct dps_channel_params *params = &channel->params;
	const struct dps_trust *trust = params->trust;
	const uint8_t numbers[] = {(uint8_t)(params->port >> 8), (uint8_t)params->port, trust->skip_host_check};
	uint8_t binding[DPS_SHA256_SIZE] = {0};

	if (!params->resume) {
		dps_mbedtls_resume_forget(channel);
		return;
	}
	bind(binding, params->host, strlen(params->host));
	bind(binding, numbers, sizeof(numbers));
	bind(binding, params->key_slot, strlen(params->key_slot));
	bind(binding, params->chain.data, params->chain.len);
	bind(binding, trust->anchors.data, trust->anchors.len);
	bind(binding, &trust->leaf_id, sizeof(trust->leaf_id));
	for (size_t i = 0; i < trust->pin_count; i++) {
		const uint8_t kind = (uint8_t)trust->pins[i].kind;

		bind(binding, &kind, sizeof(kind));
		bind(binding, trust->pins[i].digest, DPS_SHA256_SIZE);
	}
	if (memcmp(binding, channel->resume.binding, sizeof(binding)) != 0)
		dps_mbedtls_resume_forget(channel);
	memcpy(channel->resume.binding, binding, sizeof(binding));
}

void dps_mbedtls_resume_offer(struct dps_mbedtls_channel *channel)
{
	channel->resume.offered = channel->resume.kept && mbedtls_ssl_set_session(&channel->ssl, &channel->resume.session) == 0;
}

void dps_mbedtls_resume_judge(struct dps_mbedtls_channel *channel)
{
	struct dps_pki_path *path = channel->params.path;

	/* a full handshake shows a certificate, or does not end */
	if (!channel->resume.offered || path->count > 0 || path->broken)
		return;
	*path = channel->resume.path;
	path->trust = channel->params.trust;
	path->host = channel->params.host;
	channel->verdict = dps_pki_path_end(path);
	channel->stats.resumed++;
}

void dps_mbedtls_resume_keep(struct dps_mbedtls_channel *channel)
{
	struct dps_mbedtls_resume *resume = &channel->resume;

	if (!channel->params.resume)
		return;
	dps_mbedtls_resume_drop(channel);
	resume->kept =
		mbedtls_ssl_get_session(&channel->ssl, &resume->session) == 0; /* without memory for it the next handshake is a full one */
	resume->path = *channel->params.path;
	resume->path.trust = NULL;
	resume->path.host = NULL;
}

void dps_mbedtls_resume_drop(struct dps_mbedtls_channel *channel)
{
	struct dps_mbedtls_resume *resume = &channel->resume;

	mbedtls_ssl_session_free(&resume->session); /* which wipes it */
	mbedtls_ssl_session_init(&resume->session);
	resume->kept = false;
	resume->offered = false;
	memset(&resume->path, 0, sizeof(resume->path));
}

void dps_mbedtls_resume_forget(struct dps_mbedtls_channel *channel)
{
	dps_mbedtls_resume_drop(channel);
	memset(channel->resume.binding, 0, sizeof(channel->resume.binding));
}
