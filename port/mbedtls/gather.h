/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies between Mbed TLS and the network: writes are gathered until something is read, so that a flight of records leaves at once.
 */
#ifndef DPS_PORT_MBEDTLS_GATHER_H
#define DPS_PORT_MBEDTLS_GATHER_H

#include <stdbool.h>

#include "dps/port/mbedtls.h"

/*
 * Reads of the network that one call of Mbed TLS may make: records that carry nothing (alerts that warn, HelloRequests) are skipped in a loop of the library's
 * own, and a peer that sends them without end would keep the caller from its time-outs. A record is two reads, a handshake some twenty.
 */
#define DPS_MBEDTLS_READS_MAX 256u

/* Before a call that may read. */
void dps_mbedtls_gather_allow_reads(struct dps_mbedtls_channel *channel);

/* Behind one: whether the peer has sent so much that carries nothing that it means nothing else. carried: this one has brought something. */
bool dps_mbedtls_gather_is_flooded(struct dps_mbedtls_channel *channel, bool carried);

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
