/* SPDX-License-Identifier: Apache-2.0 */
/* The light that a device has which is online. */
#ifndef DEVICE_LIGHT_H
#define DEVICE_LIGHT_H

#include "dps/resource.h"

/* `/light/1` with "state", "power" and "name". */
const struct dps_device_resource *light_resource(void);

#endif
