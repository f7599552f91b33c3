/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The plgd device provisioning service: steps over CoAP over TLS (RFC 8323). docs/wire-plgd.md holds what it does on the wire.
 */
#ifndef DPS_PLGD_H
#define DPS_PLGD_H

#include "dps/detail/coap.h"
#include "dps/service.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The service and its connection's memory: caller-owned, one for each client, must outlive it. The fields are private. */
struct dps_plgd {
	struct dps_service service;
	struct dps_coap coap;
	const char *const *local_endpoints;
	size_t local_endpoint_count;
	uint8_t receive[DPS_CONFIG_RECEIVE_SIZE];
	uint8_t send[DPS_CONFIG_SEND_SIZE];
};

/**
 * Prepares the object and returns the service to hand to dps_client_init(). local_endpoints are URIs under which the device itself can be
 * reached, shown to the service when it asks GET /oic/res; borrowed, may be NULL with count 0 (then it is answered 4.04, which is as good).
 */
DPS_API const struct dps_service *dps_plgd_init(struct dps_plgd *plgd, const char *const *local_endpoints, size_t count);

#ifdef __cplusplus
}
#endif
#endif
