/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging what the service sends as access control entries and as resources, before it is stored and again whenever it is read. Both are kept as the
 * CBOR array that came; the questions to it are public (dps/acl.h, dps/records.h).
 */
#ifndef DPS_STORE_ACL_H
#define DPS_STORE_ACL_H

#include "dps/types.h"

/*
 * Whether this is one CBOR array of ACE2, and how many: each a map with a permission of 0 to 31, a subject of one of the three forms and an array of
 * resources; every known key once and of its type. Unknown keys of an entry and of a resource are skipped, those of a subject are not (a subject that
 * is only half understood names somebody else). DPS_E_CBOR, DPS_E_FIELD.
 */
dps_result dps_acl_check(struct dps_span aces, size_t *count);

/* Whether this is one CBOR array of {href, rep}, and how many: href a text beginning with "/", rep any item. DPS_E_CBOR, DPS_E_FIELD. */
dps_result dps_resources_check(struct dps_span array, size_t *count);

#endif
