/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failure of the channel is called, and which of several is told.
 */
#ifndef DPS_PORT_MBEDTLS_FAILURE_H
#define DPS_PORT_MBEDTLS_FAILURE_H

#include "dps/port/mbedtls.h"

/* The network port failed while resolving or connecting. Of several failures of one establish the one that got furthest stays. */
void dps_mbedtls_fail_network(struct dps_mbedtls_channel *channel, dps_result result);

/* The handshake failed with an error of Mbed TLS. True: the cause is this device's own, other addresses will not help. */
bool dps_mbedtls_fail_handshake(struct dps_mbedtls_channel *channel, int error);

/* An established connection failed or was closed. */
void dps_mbedtls_fail_transfer(struct dps_mbedtls_channel *channel, int error);

#endif
