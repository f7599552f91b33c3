/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A secure byte stream by another TLS than Mbed TLS. Policy is not yours: lib/pki judges names, pins and dates from the path that you feed it.
 */
#include <string.h>

#include "template/template.h"

/* Says close_notify if that does not block, ends the connection, wipes session secrets. */
static void template_channel_close(void *ctx)
{
	struct template_channel *channel = ctx;

	channel->connected = false;
}

/* params is borrowed until close. Start connecting to params->host; send SNI unless dps_pki_host_is_address() says it is an address. */
static dps_result template_channel_open(void *ctx, const struct dps_channel_params *params)
{
	struct template_channel *channel = ctx;

	template_channel_close(channel);
	channel->params = *params;
	channel->detail = "this port is not filled in";
	return DPS_E_UNSUPPORTED;
}

/*
 * Advances TCP, then the handshake. In the TLS library's verification:
 *	dps_pki_path_begin(params.path, params.trust, params.host);
 *	dps_pki_path_add(params.path, depth, der, len);         for each certificate of the path that was built, the anchor included
 *	result = dps_pki_path_end(params.path);                  once the library accepted the path, its dates left aside
 * and the handshake fails unless all of these said DPS_OK. The device's chain is params.chain; the digest is signed by params.keys->sign with
 * params.key_slot: no private key comes here. When an address fails, try the name's next one before giving up.
 */
static dps_result template_channel_establish(void *ctx)
{
	(void)ctx;
	return DPS_E_TLS;
}

static dps_result template_channel_next_address(void *ctx)
{
	(void)ctx;
	return DPS_E_NOT_FOUND;
}

static bool template_channel_connected(void *ctx)
{
	const struct template_channel *channel = ctx;

	return channel->connected;
}

/* Sends what was gathered. */
static dps_result template_channel_flush(void *ctx)
{
	(void)ctx;
	return DPS_OK;
}

/* Flushes first: the peer answers what it has got. close_notify is DPS_E_CLOSED, an alert DPS_E_TLS_ALERT. */
static dps_result template_channel_read(void *ctx, uint8_t *buf, size_t size, size_t *n)
{
	dps_result result = template_channel_flush(ctx);

	(void)buf;
	(void)size;
	*n = 0;
	return result == DPS_OK ? DPS_E_CLOSED : result;
}

/* Gathers until the next read or flush, so that requests written together leave in one packet. */
static dps_result template_channel_write(void *ctx, const uint8_t *buf, size_t len, size_t *n)
{
	(void)ctx;
	(void)buf;
	(void)len;
	*n = 0;
	return DPS_E_RESET;
}

/* As the network's. What the TLS library has decrypted and not yet handed out counts as ready: then lower *within_ms to 0. */
static size_t template_channel_wait_on(void *ctx, struct dps_wait *waits, size_t max, uint32_t *within_ms)
{
	(void)ctx;
	(void)waits;
	(void)max;
	(void)within_ms;
	return 0;
}

static void template_channel_stats(void *ctx, struct dps_channel_stats *stats)
{
	const struct template_channel *channel = ctx;

	*stats = channel->stats;
}

static const char *template_channel_detail(void *ctx)
{
	const struct template_channel *channel = ctx;

	return channel->detail;
}

void template_channel_init(struct template_channel *channel)
{
	memset(channel, 0, sizeof *channel);
	channel->port.ctx = channel;
	channel->port.open = template_channel_open;
	channel->port.establish = template_channel_establish;
	channel->port.next_address = template_channel_next_address;
	channel->port.connected = template_channel_connected;
	channel->port.read = template_channel_read;
	channel->port.write = template_channel_write;
	channel->port.flush = template_channel_flush;
	channel->port.close = template_channel_close;
	channel->port.wait_on = template_channel_wait_on;
	channel->port.stats = template_channel_stats;
	channel->port.detail = template_channel_detail;
	channel->detail = "";
}
