/* SPDX-License-Identifier: Apache-2.0 */
/* A device behind a hub session: what the session's configuration calls. */
#include "hub/resource.h"

#if DPS_CONFIG_HUB

#include "dps/hub_config.h"

/* The session publishes all links at once. */
static dps_result write_links(void *ctx, uint8_t *buf, size_t size, size_t *len)
{
	const struct dps_device *d = ctx;
	size_t next = 0;
	bool more;
	dps_result result = dps_device_write_links(d, &next, &more, buf, size, len);

	if (result == DPS_OK && !more)
		return DPS_OK;
	*len = dps_device_links_size(d);
	return DPS_E_BUFFER;
}

static void attach(void *ctx, struct dps_coap *coap, const struct dps_acl_subject *peer)
{
	dps_device_attach(ctx, coap, peer);
}

static void detach(void *ctx)
{
	dps_device_detach(ctx);
}

/* Why a connection is over is told by the session's own poll. */
static void turn(void *ctx)
{
	(void)!dps_device_process(ctx);
}

void dps_device_serve_hub(struct dps_device *d, struct dps_hub_config *config)
{
	config->resources = d;
	config->serve = dps_device_serve;
	config->write_links = write_links;
	config->on_attach = attach;
	config->on_detach = detach;
	config->on_turn = turn;
	config->device_name = d->config->name;
}

#endif
