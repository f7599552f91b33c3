/* SPDX-License-Identifier: Apache-2.0 */
/* A device's resources on a session's connection: each knows nothing of the other but what stands here. */
#include "dps/hub.h"
#include "hub/resource.h"

#if DPS_CONFIG_HUB

/* Only a gateway whose path was verified gets so far. */
static void attach(void *ctx, struct dps_coap *coap, const struct dps_uuid *peer)
{
	const struct dps_acl_subject subject = {.authenticated = true, .uuid = *peer};

	dps_device_attach(ctx, coap, &subject);
}

static void detach(void *ctx)
{
	dps_device_detach(ctx);
}

/* A connection that is over is found so by whoever reads from it. */
static void take_turn(void *ctx)
{
	(void)!dps_device_process(ctx);
}

/* All in one publication: what does not fit there has not been taken into the table. */
static dps_result write_links(void *ctx, uint8_t *buf, size_t size, size_t *len)
{
	const struct dps_device *device = ctx;
	size_t next = 0;
	bool more = false;

	*len = dps_device_published_size(device);
	if (*len == 0)
		return DPS_OK;
	if (*len > size)
		return DPS_E_BUFFER;
	return dps_device_write_links(device, &next, &more, buf, size, len);
}

void dps_hub_config_device(struct dps_hub_config *config, struct dps_device *device)
{
	config->resources = device;
	config->write_links = write_links;
	config->serve = dps_device_serve;
	config->on_attach = attach;
	config->on_detach = detach;
	config->on_turn = take_turn;
}

#endif
