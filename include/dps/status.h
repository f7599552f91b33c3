/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Where a device is, as operators see it: the status names and error numbers of the plgd resource /plgd/dps (`provisionStatus`,
 * `lastErrorCode`). They are derived from what the engine does (lib/client/status.c); docs/lifetime.md has the table.
 */
#ifndef DPS_STATUS_H
#define DPS_STATUS_H

#include "dps/visibility.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Statuses. A pair "provisioning X", "provisioned X" stands for each step; "transient failure" and "failure" while a retry is waited for. */
enum dps_status {
	DPS_STATUS_UNINITIALIZED, /**< no endpoint is known */
	DPS_STATUS_INITIALIZED,   /**< an endpoint is known, nothing was asked yet */
	DPS_STATUS_PROVISIONING_TIME,
	DPS_STATUS_PROVISIONED_TIME,
	DPS_STATUS_PROVISIONING_OWNER,
	DPS_STATUS_PROVISIONED_OWNER,
	DPS_STATUS_PROVISIONING_CLOUD,
	DPS_STATUS_PROVISIONED_CLOUD,
	DPS_STATUS_PROVISIONING_CREDENTIALS,
	DPS_STATUS_PROVISIONED_CREDENTIALS,
	DPS_STATUS_PROVISIONING_ACLS,
	DPS_STATUS_PROVISIONED_ACLS,
	DPS_STATUS_PROVISIONED,       /**< all is committed */
	DPS_STATUS_RENEW_CREDENTIALS, /**< provisioned, and the identity is being renewed */
	DPS_STATUS_TRANSIENT_FAILURE, /**< a failure that is expected to pass; a retry is waited for */
	DPS_STATUS_FAILURE,           /**< any other failure; a retry is waited for, or the run has ended */
	DPS_STATUS_COUNT
};

/** The name as it is on the wire, e.g. "provisioning cloud"; "" if out of range. Static memory, there in every build. */
DPS_API const char *dps_status_name(enum dps_status status);

/** Error numbers. */
enum dps_error_number {
	DPS_ERROR_OK,
	DPS_ERROR_RESPONSE, /**< the service answered with an error, or not at all */
	DPS_ERROR_CONNECT,  /**< no connection could be made or kept */
	DPS_ERROR_GET_CREDENTIALS,
	DPS_ERROR_GET_ACLS,
	DPS_ERROR_SET_CLOUD,
	DPS_ERROR_START_CLOUD,
	DPS_ERROR_GET_OWNER,
	DPS_ERROR_GET_TIME
};

#ifdef __cplusplus
}
#endif
#endif
