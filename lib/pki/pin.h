/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inner side of pins; the outer one is in dps/pki.h.
 */
#ifndef DPS_PKI_PIN_H
#define DPS_PKI_PIN_H

#include "dps/pki.h"

/* Whether one of the pins matches a certificate with these digests. */
bool dps_pki_pinned(const struct dps_trust *trust, const uint8_t certificate[DPS_SHA256_SIZE], const uint8_t spki[DPS_SHA256_SIZE]);

#endif
