/* SPDX-License-Identifier: Apache-2.0 */
/* A light with its switch and its brightness, for programs that are online at a hub. */
#ifndef LIGHT_H
#define LIGHT_H

#include "dps/resource.h"

/* Makes the device with the light in it, to be handed to the hub session. random must stay. */
dps_result light_init(struct dps_device *device, const struct dps_uuid *id, const struct dps_random *random);

/* Somebody pressed the button on the light itself. */
void light_button(struct dps_device *device);

/* What the lamp is driven with: 0 to 100. */
int light_level(void);

#endif
