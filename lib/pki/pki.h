/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner side of the pki room: CSRs, the checks of an identity that was handed out, device ids. The outer side, used by ports, is
 * dps/pki.h. Mbed TLS (2.28 and 3.6) parses and verifies certificates; its own date checks are never used.
 */
#ifndef DPS_PKI_PKI_H
#define DPS_PKI_PKI_H

#include "dps/config.h"
#include "dps/keys.h"
#include "dps/pki.h"
#include "dps/platform.h"
#include "dps/records.h"
#include "dps/types.h"

/* "CERTIFICATE REQUEST" in PEM takes at most this much: RSA-2048, or P-384; CN of 41 characters. */
#define DPS_CSR_PEM_SIZE (DPS_CONFIG_RSA ? 1024 : 512)

/*
 * Writes a CSR (RFC 2986) in PEM for a slot's key: subject CN=uuid:<device id>, no attributes, ECDSA with SHA-256 (P-384: SHA-384) or RSA
 * PKCS#1 v1.5 with SHA-256. No NUL. DPS_E_BUFFER, DPS_E_KEY*, DPS_E_UNSUPPORTED.
 */
dps_result dps_pki_csr_pem(const struct dps_keys *keys, const char *slot, const struct dps_uuid *device_id, uint8_t *out, size_t size,
                           size_t *len);

/*
 * Judges an identity that was handed out, in this order: each certificate is signed by the next and the last by one of the anchors, the leaf
 * is no CA and may be used to sign as a TLS client (DPS_E_IDENTITY_CHAIN); the leaf's key is the slot's key (DPS_E_IDENTITY_KEY); its CN is
 * uuid:<device id> (DPS_E_IDENTITY_DEVICE); none of the chain has expired or is not yet valid (now_s > 0; DPS_E_IDENTITY_EXPIRED,
 * DPS_E_IDENTITY_NOT_YET_VALID). anchors are the credentials' own, their dates are not judged (RFC 5280 6.1.1). Reads device_id, chain and
 * anchors of *credentials, fills not_before and not_after. Certificates that do not parse: DPS_E_CERTIFICATE_FORMAT. An anchor that ends
 * the chain is tolerated.
 */
dps_result dps_pki_check_identity(const struct dps_keys *keys, struct dps_credentials *credentials, const char *slot, int64_t now_s);

/* Whether a slot's key belongs to the first certificate of a chain: DPS_E_KEY_MISMATCH, DPS_E_CERTIFICATE_FORMAT, failures of the port. */
dps_result dps_pki_check_key(const struct dps_keys *keys, const char *slot, struct dps_span chain);

/* A random version 4 UUID (RFC 9562 5.4). */
dps_result dps_pki_new_device_id(const struct dps_random *random, struct dps_uuid *id);

/* Takes the first certificate off a DER list. DPS_E_NOT_FOUND at the end, DPS_E_CERTIFICATE_FORMAT if the outer length is wrong. */
dps_result dps_pki_der_next(struct dps_span *list, struct dps_span *certificate);

void dps_pki_sha256(const uint8_t *data, size_t len, uint8_t digest[DPS_SHA256_SIZE]);

#endif
