/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is committed. Credentials are taken over into `identity` as the channel wants them, chain and anchors each in one piece, where they stay for as
 * long as the connection does; the cloud record lies in `body`, and is read again after each change of it.
 */
#include <string.h>

#include "codec/text.h"
#include "hub/internal.h"

#if DPS_CONFIG_HUB

static uint32_t add_bytes(uint32_t crc, const void *data, size_t len)
{
	const uint8_t head[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};

	crc = dps_crc32(crc, head, sizeof(head)); /* so that two fields are not one */
	return len > 0 ? dps_crc32(crc, data, len) : crc;
}

static uint32_t add_span(uint32_t crc, struct dps_span span)
{
	return add_bytes(crc, span.data, span.len);
}

/* Who the device is and whom it trusts. Not the certificate and its key: a renewed one serves the next connection, this one has proven what it had to. */
static uint32_t print_credentials(const struct dps_credentials *credentials)
{
	uint32_t crc = add_bytes(0, &credentials->device_id, sizeof(credentials->device_id));

	for (size_t i = 0; i < credentials->anchor_count; i++)
		crc = add_span(crc, credentials->anchors[i].der);
	return crc;
}

static uint32_t print_cloud(uint32_t crc, const struct dps_cloud *cloud)
{
	const struct dps_span spans[] = {cloud->provider, cloud->gateway, cloud->token, cloud->uid, cloud->refresh_token, cloud->access_token};

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		crc = add_span(crc, spans[i]);
	crc = add_bytes(crc, &cloud->hub_id, sizeof(cloud->hub_id));
	for (size_t i = 0; i < cloud->gateway_count; i++) {
		crc = add_bytes(crc, &cloud->gateways[i].id, sizeof(cloud->gateways[i].id));
		crc = add_span(crc, cloud->gateways[i].uri);
	}
	return crc;
}

/* Appends to identity. */
static bool keep(struct dps_hub *hub, size_t *len, struct dps_span bytes)
{
	if (bytes.len > sizeof(hub->identity) - *len)
		return false;
	if (bytes.len > 0)
		memcpy(hub->identity + *len, bytes.data, bytes.len);
	*len += bytes.len;
	return true;
}

static dps_result take_over(struct dps_hub *hub, const struct dps_credentials *credentials)
{
	size_t len = 0;
	size_t chain_len;

	if (credentials->key_slot.len >= sizeof(hub->key_slot) || !keep(hub, &len, credentials->chain))
		return DPS_E_BUFFER;
	chain_len = len;
	for (size_t i = 0; i < credentials->anchor_count; i++) {
		if (!keep(hub, &len, credentials->anchors[i].der))
			return DPS_E_BUFFER;
	}
	memcpy(hub->key_slot, credentials->key_slot.data, credentials->key_slot.len);
	hub->key_slot[credentials->key_slot.len] = '\0';
	hub->chain = (struct dps_span){hub->identity, chain_len};
	hub->anchors = (struct dps_span){hub->identity + chain_len, len - chain_len};
	hub->device_id = credentials->device_id;
	return DPS_OK;
}

static dps_result read_cloud(struct dps_hub *hub)
{
	const struct dps_hub_source *source = &hub->config.source;
	dps_result result;

	dps_wipe(hub->body, sizeof(hub->body));
	memset(&hub->cloud, 0, sizeof(hub->cloud));
	result = source->read_cloud(source->ctx, hub->body, sizeof(hub->body), &hub->cloud);
	hub->loaded = result == DPS_OK;
	return result;
}

/* Reads both. With kept_identity what is in identity is in use and left alone. */
static dps_result read_both(struct dps_hub *hub, bool kept_identity)
{
	const struct dps_hub_source *source = &hub->config.source;
	struct dps_credentials credentials = {.anchor_count = 0};
	dps_result result;

	hub->loaded = false;
	result = source->read_credentials(source->ctx, hub->body, sizeof(hub->body), &credentials);
	if (result == DPS_OK && !kept_identity)
		result = take_over(hub, &credentials);
	if (result != DPS_OK)
		return result;
	hub->identity_print = print_credentials(&credentials);
	result = read_cloud(hub);
	if (result == DPS_OK)
		hub->print = print_cloud(hub->identity_print, &hub->cloud);
	return result;
}

dps_result dps_hub_load(struct dps_hub *hub)
{
	dps_hub_forget(hub);
	return read_both(hub, false);
}

bool dps_hub_is_current(struct dps_hub *hub)
{
	const uint32_t print = hub->print;

	return read_both(hub, true) == DPS_OK && hub->print == print;
}

void dps_hub_forget(struct dps_hub *hub)
{
	hub->loaded = false;
	memset(&hub->cloud, 0, sizeof(hub->cloud));
	dps_wipe(hub->body, sizeof(hub->body));
	dps_wipe(hub->identity, sizeof(hub->identity));
	hub->chain.len = 0;
	hub->anchors.len = 0;
}

dps_result dps_hub_commit(struct dps_hub *hub, const struct dps_cloud *changed)
{
	const struct dps_hub_source *source = &hub->config.source;
	struct dps_cloud smaller = *changed;
	dps_result result = source->update_cloud(source->ctx, changed);

	if (result == DPS_E_TOO_LARGE && changed->token.len > 0 && changed->registered) {
		/* what the device signed up with is the one thing that it can do without: provisioning gives another one */
		smaller.token.len = 0;
		result = source->update_cloud(source->ctx, &smaller);
	}
	if (result != DPS_OK)
		return result;
	result = read_cloud(hub);
	if (result == DPS_OK)
		hub->print = print_cloud(hub->identity_print, &hub->cloud);
	return result;
}

struct dps_span dps_hub_access_token(const struct dps_hub *hub)
{
	return hub->cloud.access_token.len > 0 ? hub->cloud.access_token : hub->cloud.token;
}

#endif
