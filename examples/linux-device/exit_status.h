/* SPDX-License-Identifier: Apache-2.0 */
/* The exit statuses of dps-device. docs/failures.md has the whole table. */
#ifndef DEVICE_EXIT_STATUS_H
#define DEVICE_EXIT_STATUS_H

#include "dps/result.h"

enum exit_status { EXIT_PROVISIONED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DEADLINE = 3, EXIT_REFUSED = 4, EXIT_CANCELLED = 130 };

/* The status of a run that ended with this cause before its deadline. */
static inline int exit_status_of_cause(dps_result cause)
{
	switch (dps_result_class(cause)) {
	case DPS_CLASS_CONFIG:
		return EXIT_USAGE;
	case DPS_CLASS_FINAL:
		return EXIT_REFUSED;
	case DPS_CLASS_CANCELLED:
		return EXIT_CANCELLED;
	default:
		return EXIT_FAILED;
	}
}

#endif
