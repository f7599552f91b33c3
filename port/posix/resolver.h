/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses for the network port, without blocking. The only file that knows c-ares is resolver.c.
 */
#ifndef DPS_PORT_POSIX_RESOLVER_H
#define DPS_PORT_POSIX_RESOLVER_H

#include "dps/port/posix.h"

/* The life of the resolver library; it counts its users. */
bool dps_posix_resolver_init(void);
void dps_posix_resolver_deinit(void);

/*
 * Whether the text needs no lookup: an address, which is then the only one of network->addresses (link-local IPv6 addresses may name their interface,
 * "fe80::1%eth0"), or "localhost" or a name below it, which is ::1 and 127.0.0.1.
 */
bool dps_posix_resolver_known(struct dps_posix_network *network, const char *host);

/* Starts to resolve a name: network->resolved is DPS_AGAIN, or already the outcome. */
void dps_posix_resolver_start(struct dps_posix_network *network, const char *host);

/* Advances; gives network->resolved: DPS_AGAIN, DPS_OK with network->addresses, or DPS_E_RESOLVE with network->detail. Frees all once it has ended. */
dps_result dps_posix_resolver_process(struct dps_posix_network *network);

/* Ends it at once. Harmless when nothing is being resolved. */
void dps_posix_resolver_stop(struct dps_posix_network *network);

/* What the resolver waits for, as dps_network.wait_on. */
size_t dps_posix_resolver_wait_on(struct dps_posix_network *network, struct dps_wait *waits, size_t max, uint32_t *within_ms);

#endif
