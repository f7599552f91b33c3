/* SPDX-License-Identifier: Apache-2.0 */
/* What local onboarding may see of this device, and do with it. */
#ifndef DEVICE_DEVICE_ONBOARDING_H
#define DEVICE_DEVICE_ONBOARDING_H

#include "device.h"

/* Opens it, if the command line asks for it. On failure that has been reported, and the run is over. */
bool device_onboarding_open(struct device *device);
void device_onboarding_close(struct device *device);

/* Whether there is nobody to provision from yet, and somebody may come and say. */
bool device_onboarding_waits(const struct device *device);

/* Whether an endpoint may still come. */
bool device_onboarding_listens(const struct device *device);

/* As the client's: harmless when it is not open. */
uint32_t device_onboarding_process(struct device *device);
size_t device_onboarding_wait_on(const struct device *device, struct dps_wait *waits, size_t max);

#endif
