/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small things the files of this room share: digests by the TLS library, what a device is called in certificates.
 */
#ifndef DPS_PKI_DIGEST_H
#define DPS_PKI_DIGEST_H

#include "dps/keys.h"
#include "dps/types.h"

/* The largest digest. */
#define DPS_PKI_DIGEST_SIZE 64

/* The common name of a device's certificate: this and the text of its id. */
#define DPS_PKI_CN_PREFIX     "uuid:"
#define DPS_PKI_CN_PREFIX_LEN (sizeof(DPS_PKI_CN_PREFIX) - 1)
#define DPS_PKI_CN_LEN        (DPS_PKI_CN_PREFIX_LEN + DPS_UUID_TEXT_LEN)

/* Hashes bytes; the digest's length, or 0: the TLS library was built without the hash, or its hardware failed. */
size_t dps_pki_digest(enum dps_hash hash, const uint8_t *data, size_t len, uint8_t *digest);

#endif
