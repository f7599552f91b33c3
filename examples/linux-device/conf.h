/* SPDX-License-Identifier: Apache-2.0 */
/* What /plgd/dps shows of this device, whoever asks. */
#ifndef DEVICE_CONF_H
#define DEVICE_CONF_H

#include "dps/client.h"
#include "dps/plgd_conf.h"

/* Its texts are the client's. */
void conf_fill(struct dps_conf *conf, const struct dps_client *client);

#endif
