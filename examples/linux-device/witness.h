/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key port that uses no keys: it only says whether the operational key of a slot is in the state directory, as a file or wrapped by a TPM. So a device can be
 * looked at beside the process that uses its keys, without any of them leaving its place.
 */
#ifndef DEVICE_WITNESS_H
#define DEVICE_WITNESS_H

#include "dps/keys.h"
#include "dps/platform.h"

/* storage is borrowed. Only `open` says anything; all else is DPS_E_UNSUPPORTED. */
void witness_init(struct dps_keys *keys, struct dps_certificates *certificates, const struct dps_storage *storage);

/* Whether a slot's key is wrapped by a TPM: only that TPM can erase it in order. */
bool witness_is_in_tpm(const struct dps_storage *storage, const char *slot);

#endif
