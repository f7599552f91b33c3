/* SPDX-License-Identifier: Apache-2.0 */
/* The status names of /plgd/dps. They go over the wire, so they are there in builds without names too. */
#include "dps/status.h"

#include <stddef.h>

const char *dps_status_name(enum dps_status status)
{
	static const char *const names[] = {
		[DPS_STATUS_UNINITIALIZED] = "uninitialized",
		[DPS_STATUS_INITIALIZED] = "initialized",
		[DPS_STATUS_PROVISIONING_TIME] = "provisioning time",
		[DPS_STATUS_PROVISIONED_TIME] = "provisioned time",
		[DPS_STATUS_PROVISIONING_OWNER] = "provisioning owner",
		[DPS_STATUS_PROVISIONED_OWNER] = "provisioned owner",
		[DPS_STATUS_PROVISIONING_CLOUD] = "provisioning cloud",
		[DPS_STATUS_PROVISIONED_CLOUD] = "provisioned cloud",
		[DPS_STATUS_PROVISIONING_CREDENTIALS] = "provisioning credentials",
		[DPS_STATUS_PROVISIONED_CREDENTIALS] = "provisioned credentials",
		[DPS_STATUS_PROVISIONING_ACLS] = "provisioning acls",
		[DPS_STATUS_PROVISIONED_ACLS] = "provisioned acls",
		[DPS_STATUS_PROVISIONED] = "provisioned",
		[DPS_STATUS_RENEW_CREDENTIALS] = "renew credentials",
		[DPS_STATUS_TRANSIENT_FAILURE] = "transient failure",
		[DPS_STATUS_FAILURE] = "failure",
	};

	return (size_t)status < sizeof(names) / sizeof(names[0]) ? names[status] : "";
}
