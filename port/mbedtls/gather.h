/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies between Mbed TLS and the network: writes are gathered until something is read, so that a flight of records leaves at once.
 */
#ifndef DPS_PORT_MBEDTLS_GATHER_H
#define DPS_PORT_MBEDTLS_GATHER_H

#include "dps/port/mbedtls.h"

/* Forgets what was gathered and wipes it. */
void dps_mbedtls_gather_reset(struct dps_mbedtls_channel *channel);

/* Sends what was gathered: DPS_OK, DPS_AGAIN, or the failure of the network, which stays. */
dps_result dps_mbedtls_gather_flush(struct dps_mbedtls_channel *channel);

/* Bytes that there is room for. */
size_t dps_mbedtls_gather_room(struct dps_mbedtls_channel *channel);

/* Mbed TLS's send and receive; ctx is the channel. */
int dps_mbedtls_gather_send(void *ctx, const unsigned char *buf, size_t len);
int dps_mbedtls_gather_receive(void *ctx, unsigned char *buf, size_t size);

#endif
