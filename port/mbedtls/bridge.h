/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that differs between the versions of Mbed TLS which this port runs with, and what it shares between its files.
 */
#ifndef DPS_PORT_MBEDTLS_BRIDGE_H
#define DPS_PORT_MBEDTLS_BRIDGE_H

#include "dps/port/mbedtls.h"

void dps_mbedtls_bridge_init(struct dps_mbedtls_bridge *bridge);

/*
 * Seeds the generator and makes bridge->pk of a public key, so that what Mbed TLS signs with it is signed by the key port. random, keys
 * and slot are borrowed. DPS_E_RANDOM, DPS_E_KEY_FORMAT (not a key Mbed TLS takes), DPS_E_MEMORY, DPS_E_UNSUPPORTED (a Mbed TLS whose
 * tables are not known).
 */
dps_result dps_mbedtls_bridge_open(struct dps_mbedtls_bridge *bridge, const struct dps_random *random, const struct dps_keys *keys,
                                   const char *slot, struct dps_span spki);

void dps_mbedtls_bridge_close(struct dps_mbedtls_bridge *bridge);

/* The random function of TLS; ctx is the bridge. Signing finds the key port through the two: both must be given to Mbed TLS. */
int dps_mbedtls_bridge_random(void *ctx, unsigned char *buf, size_t len);

/* A random function straight from the random port; ctx is a const struct dps_random *. */
int dps_mbedtls_random(void *ctx, unsigned char *buf, size_t len);

/* Protocol version, groups, signature algorithms. */
void dps_mbedtls_configure(mbedtls_ssl_config *config);

/* The description of the alert that ended a connection; -1 if it is not known. */
int dps_mbedtls_alert(const mbedtls_ssl_context *ssl);

/* Parses a private key in DER, and whether its halves belong together. */
int dps_mbedtls_parse_key(mbedtls_pk_context *pk, const uint8_t *der, size_t len, const struct dps_random *random);

/* The curve of an EC key; MBEDTLS_ECP_DP_NONE if it is none. */
mbedtls_ecp_group_id dps_mbedtls_curve(const mbedtls_pk_context *pk);

/* Signs with a key in RAM. */
int dps_mbedtls_sign(mbedtls_pk_context *pk, mbedtls_md_type_t md, const uint8_t *digest, size_t digest_len,
                     uint8_t sig[DPS_SIGNATURE_SIZE], size_t *len, const struct dps_random *random);

/* Whether an error is one of memory. */
bool dps_mbedtls_is_memory(int error);

/* Whether an error came from dps_mbedtls_random. */
bool dps_mbedtls_is_random(int error);

/* The name of an alert (RFC 5246 7.2), NULL if there is none. */
const char *dps_mbedtls_alert_name(int description);

#endif
