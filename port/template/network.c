/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP with name resolution. No function blocks: what cannot be done now is DPS_AGAIN, and wait_on says what to wait for.
 */
#include <string.h>

#include "template/template.h"

/* Ends what there was at once: the socket, a resolution that is under way. */
static void template_network_close(void *ctx)
{
	struct template_network *network = ctx;

	network->socket = -1;
}

/* Copies the host if it is needed later, starts the resolver, returns. Set TCP_NODELAY on every socket: a flight must not wait for an ACK. */
static dps_result template_network_open(void *ctx, const char *host, uint16_t port)
{
	struct template_network *network = ctx;

	(void)host;
	(void)port;
	template_network_close(network);
	network->detail = "this port is not filled in";
	return DPS_E_UNSUPPORTED;
}

/* DPS_AGAIN until connected. An address that refuses or does not answer within your own bound (10 s) is left for the next one of the name. */
static dps_result template_network_connect(void *ctx)
{
	(void)ctx;
	return DPS_E_CONNECT;
}

/* TLS failed at this address: drop it and start on the next; DPS_E_NOT_FOUND when there is none. */
static dps_result template_network_next_address(void *ctx)
{
	(void)ctx;
	return DPS_E_NOT_FOUND;
}

/* DPS_OK only with *n > 0; the end of the stream is DPS_E_CLOSED. */
static dps_result template_network_read(void *ctx, uint8_t *buf, size_t size, size_t *n)
{
	(void)ctx;
	(void)buf;
	(void)size;
	*n = 0;
	return DPS_E_RESET;
}

/* May take fewer bytes than offered. Must not raise a signal when the peer has gone. */
static dps_result template_network_write(void *ctx, const uint8_t *buf, size_t len, size_t *n)
{
	(void)ctx;
	(void)buf;
	(void)len;
	*n = 0;
	return DPS_E_RESET;
}

/* Handles are yours: whatever the application's event loop understands. A port without handles returns 0 and lowers *within_ms to its poll interval. */
static size_t template_network_wait_on(void *ctx, bool want_write, struct dps_wait *waits, size_t max, uint32_t *within_ms)
{
	const struct template_network *network = ctx;

	(void)within_ms;
	if (network->socket < 0 || max == 0)
		return 0;
	waits[0].handle = network->socket;
	waits[0].directions = DPS_WAIT_READ | (want_write ? (unsigned)DPS_WAIT_WRITE : 0u);
	return 1;
}

static const char *template_network_detail(void *ctx)
{
	const struct template_network *network = ctx;

	return network->detail;
}

void template_network_init(struct template_network *network)
{
	memset(network, 0, sizeof *network);
	network->port.ctx = network;
	network->port.open = template_network_open;
	network->port.connect = template_network_connect;
	network->port.next_address = template_network_next_address;
	network->port.read = template_network_read;
	network->port.write = template_network_write;
	network->port.close = template_network_close;
	network->port.wait_on = template_network_wait_on;
	network->port.detail = template_network_detail;
	network->socket = -1;
	network->detail = "";
}
