/* SPDX-License-Identifier: Apache-2.0 */
/* See light.h. There is no lamp: the values are all there is. */
#include "light.h"

static bool state;
static int32_t power;
static char name[64] = "Light";

static const struct dps_property properties[] = {
	DPS_BOOL("state", true, &state),
	DPS_INT("power", true, &power, INT32_MIN, INT32_MAX),
	DPS_TEXT("name", true, name),
};

static const struct dps_device_resource light = {
	.href = "/light/1",
	.types = {"core.light"},
	.interfaces = DPS_IF_RW | DPS_IF_BASELINE,
	.policy = DPS_POLICY_DISCOVERABLE | DPS_POLICY_OBSERVABLE | DPS_POLICY_PUBLISHED,
	.properties = properties,
	.property_count = sizeof(properties) / sizeof(properties[0]),
};

const struct dps_device_resource *light_resource(void)
{
	return &light;
}
