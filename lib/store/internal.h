/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share about an open store. */
#ifndef DPS_STORE_INTERNAL_H
#define DPS_STORE_INTERNAL_H

#include "store/store.h"

/* DPS_OK; DPS_E_STATE: it did not open; DPS_E_NOT_FOUND: a reset was begun, nothing is there any more. */
dps_result dps_store_readable(const struct dps_store *store);
/* DPS_OK; DPS_E_STATE; or why a reset that was begun cannot be ended. */
dps_result dps_store_writable(struct dps_store *store);
/* Whether a blob that was read is missing, damaged or too large for any buffer: nothing that a new one could not mend. */
bool dps_store_is_lost(dps_result result);

#endif
