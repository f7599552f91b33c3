/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying one signature with a public key, for key ports whose keys live elsewhere: a signature that verifies proves which key made it.
 */
#ifndef DPS_PKI_VERIFY_H
#define DPS_PKI_VERIFY_H

#include "dps/keys.h"
#include "dps/types.h"

/* spki: SubjectPublicKeyInfo in DER. Signatures are those of struct dps_keys. DPS_E_KEY: it is none of this key; DPS_E_KEY_FORMAT, DPS_E_MEMORY. */
dps_result dps_pki_verify(struct dps_span spki, enum dps_hash hash, struct dps_span digest, struct dps_span signature);

#endif
