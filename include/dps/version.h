/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The version of the library: semantic versioning, see CHANGELOG.md. Before 1.0 a minor step may break the API and says so there.
 */
#ifndef DPS_VERSION_H
#define DPS_VERSION_H

#include "dps/visibility.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DPS_VERSION_MAJOR 0
#define DPS_VERSION_MINOR 1
#define DPS_VERSION_PATCH 0
/** One number that grows with each version: 0xMMmmpp. */
#define DPS_VERSION_NUMBER ((DPS_VERSION_MAJOR << 16) | (DPS_VERSION_MINOR << 8) | DPS_VERSION_PATCH)
#define DPS_VERSION_STRING "0.1.0"

/** The version the library was built as (compare with DPS_VERSION_STRING of the header). Static memory. */
DPS_API const char *dps_version(void);

#ifdef __cplusplus
}
#endif
#endif
