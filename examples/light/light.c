/* SPDX-License-Identifier: Apache-2.0 */
/* A light as a hub's users see it: read, changed, observed. docs/resources.md goes through it. */
#include "light.h"

/* The values. The library reads and writes them where they are. */
static bool on;
static int32_t brightness = 100;
static char place[32] = "hall";
static char name[32] = "Light";
static int level;

static const struct dps_property properties[] = {
	DPS_BOOL("state", true, &on),
	DPS_INT("power", true, &brightness, 0, 100),
	DPS_TEXT("place", true, place),
};

/* A client changed some of them: all were in range, and all have been set. */
static void on_change(void *ctx)
{
	(void)ctx;
	level = on ? (int)brightness : 0; /* here the lamp is driven */
}

static const struct dps_device_resource light = {
	.href = "/light/1",
	.types = {"core.light"},
	.interfaces = DPS_IF_RW | DPS_IF_BASELINE,
	.policy = DPS_POLICY_DISCOVERABLE | DPS_POLICY_OBSERVABLE | DPS_POLICY_PUBLISHED,
	.properties = properties,
	.property_count = sizeof(properties) / sizeof(properties[0]),
	.on_change = on_change,
};

static struct dps_device_config config = {
	.type = "oic.d.light", .manufacturer = "Example", .name = name, .name_size = sizeof(name), /* users may rename it */
};

dps_result light_init(struct dps_device *device, const struct dps_uuid *id, const struct dps_random *random)
{
	dps_result result;

	config.id = *id;
	config.random = random;
	result = dps_device_init(device, &config);
	return result == DPS_OK ? dps_device_add(device, &light) : result;
}

void light_button(struct dps_device *device)
{
	on = !on;
	on_change(NULL);
	dps_device_changed(device, light.href);
}

int light_level(void)
{
	return level;
}
