/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small things the files of this room share: digests by the TLS library, the common name of a device, hex digits.
 */
#ifndef DPS_PKI_DIGEST_H
#define DPS_PKI_DIGEST_H

#include "dps/keys.h"
#include "dps/types.h"

/* The largest digest. */
#define DPS_PKI_DIGEST_SIZE 64
/* "uuid:" and the text of a UUID. */
#define DPS_PKI_CN_LEN (5 + DPS_UUID_TEXT_LEN)

/* Hashes bytes. DPS_E_INTERNAL: the TLS library was built without the hash. */
dps_result dps_pki_digest(enum dps_hash hash, const uint8_t *data, size_t len, uint8_t digest[DPS_PKI_DIGEST_SIZE], size_t *digest_len);

/* The common name of a device's certificate and a NUL. */
void dps_pki_device_cn(const struct dps_uuid *device_id, char cn[DPS_PKI_CN_LEN + 1]);

/* The value of a hex digit in either case, or -1. */
int dps_pki_hex_value(char c);

#endif
