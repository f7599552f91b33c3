/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM (RFC 7468) and base64 (RFC 4648). Own code and not the TLS library's: pki is the only room that may know that one, and PEM is
 * decoded in place here, without a heap.
 */
#ifndef DPS_CODEC_PEM_H
#define DPS_CODEC_PEM_H

#include "dps/types.h"

/*
 * Finds the next block "-----BEGIN label-----" ... "-----END label-----" in *text, decodes it to out (which may be the text itself: it never
 * writes ahead of what it has read, so out == start of the text or of an earlier block is fine) and moves *text behind the block; on any failure
 * *text stays. DPS_E_NOT_FOUND: no further block of that label (others are skipped). DPS_E_FIELD: a damaged or empty one, or one with headers
 * (RFC 1421 encryption). DPS_E_BUFFER: *len is the size needed.
 */
dps_result dps_pem_next(struct dps_span *text, const char *label, uint8_t *out, size_t size, size_t *len);

/* Writes one block with 64-character lines ending in "\n", no NUL. DPS_E_BUFFER: *len is the size needed. in and out must not overlap. */
dps_result dps_pem_encode(const char *label, const uint8_t *der, size_t der_len, uint8_t *out, size_t size, size_t *len);

/* Bytes dps_pem_encode needs for a label and a DER of that size; SIZE_MAX if that is more than a size can be. */
size_t dps_pem_encoded_size(size_t label_len, size_t der_len);

#endif
