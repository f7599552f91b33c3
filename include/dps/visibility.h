/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DPS_API marks what libdps.so exports; everything else is hidden (the library is built with -fvisibility=hidden).
 * DPS_MUST_USE makes compilers warn when a result is thrown away.
 */
#ifndef DPS_VISIBILITY_H
#define DPS_VISIBILITY_H

#if defined(__GNUC__) || defined(__clang__)
#define DPS_API      __attribute__((visibility("default")))
#define DPS_MUST_USE __attribute__((warn_unused_result))
#else
#define DPS_API
#define DPS_MUST_USE
#endif

#endif
