/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys as people have them in files.
 */
#ifndef DPS_PORT_MBEDTLS_KEY_FORMAT_H
#define DPS_PORT_MBEDTLS_KEY_FORMAT_H

#include "dps/port/mbedtls.h"

/* The largest key kept or read: RSA-2048 takes 1,193 bytes as PKCS #1, 26 more as PKCS #8. */
#define DPS_MBEDTLS_KEY_SIZE 1280

/*
 * Reads a key in PEM or DER into pk, which must be initialised and is empty again on failure. DPS_E_KEY_FORMAT (also keys of other types
 * and sizes, and halves that do not belong together), DPS_E_KEY_ENCRYPTED, DPS_E_MEMORY.
 */
dps_result dps_mbedtls_read_key(mbedtls_pk_context *pk, const uint8_t *bytes, size_t len, const struct dps_random *random);

#endif
