/* SPDX-License-Identifier: Apache-2.0 */
/* /plgd/dps as users of the hub see it: what the client is at, and commands to it. */
#ifndef DEVICE_ONLINE_CONF_H
#define DEVICE_ONLINE_CONF_H

#include "dps/plgd_conf.h"
#include "dps/resource.h"
#include "run_limits.h"

struct device;

/* Bytes of a representation: the texts, once for each endpoint and once for the selected one, and what stands around them. */
#define ONLINE_CONF_MAX ((DPS_CONFIG_ENDPOINTS + 1) * (DPS_CONFIG_URI_LENGTH + DPS_CONFIG_NAME_LENGTH + 32) + 400)

struct online_conf {
	struct dps_device_resource resource;
	uint8_t shown[ONLINE_CONF_MAX]; /* what observers were told last */
	size_t shown_len;

	enum dps_conf_kind due; /* a command that was answered and is to be carried out */
	struct run_limits limits;
};

/* Describes the resource, to be added to the device's. */
const struct dps_device_resource *online_conf_resource(struct device *device);

/* Tells observers when the client is at something else than before. */
void online_conf_note(struct device *device);

/* Carries out what was asked for. True: the client is about to do something. */
bool online_conf_carry_out(struct device *device);

#endif
