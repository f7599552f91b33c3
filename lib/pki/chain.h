/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures, by the TLS library. Private to the room.
 */
#ifndef DPS_PKI_CHAIN_H
#define DPS_PKI_CHAIN_H

#include "dps/records.h"

/*
 * Whether the chain of an identity, of that many certificates in their order, is signed up to one of its anchors, and its leaf is no CA and
 * may sign as a TLS client: DPS_E_IDENTITY_CHAIN. DPS_E_CERTIFICATE_FORMAT, DPS_E_MEMORY. Dates are not judged.
 */
dps_result dps_pki_chain_verify(const struct dps_credentials *credentials, size_t chain_len);

#endif
