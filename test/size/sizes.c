/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes of structures as sizes of symbols: the object is compiled for a target and looked at with nm, nothing runs.
 */
#include "dps/client.h"
#include "dps/hub.h"
#include "dps/plgd.h"
#include "dps/resource.h"

extern char size_client[sizeof(struct dps_client)];
extern char size_plgd[sizeof(struct dps_plgd)];
extern char size_receive[DPS_CONFIG_RECEIVE_SIZE];
extern char size_send[DPS_CONFIG_SEND_SIZE];
extern char size_body[DPS_CONFIG_BODY_SIZE];

#if DPS_CONFIG_HUB
extern char size_hub[sizeof(struct dps_hub)];
extern char size_device[sizeof(struct dps_device)];
extern char size_observer[sizeof(struct dps_device_observer)];
char size_hub[sizeof(struct dps_hub)];
char size_device[sizeof(struct dps_device)];
char size_observer[sizeof(struct dps_device_observer)];
#endif
char size_client[sizeof(struct dps_client)];
char size_plgd[sizeof(struct dps_plgd)];
char size_receive[DPS_CONFIG_RECEIVE_SIZE];
char size_send[DPS_CONFIG_SEND_SIZE];
char size_body[DPS_CONFIG_BODY_SIZE];
