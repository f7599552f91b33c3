/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of system errors, the same in every locale and libc; static memory, so that they may be kept.
 */
#ifndef DPS_PORT_POSIX_ERROR_H
#define DPS_PORT_POSIX_ERROR_H

/* A few lower-case words on an errno value; "system error" for one that is not expected of the calls made here. */
const char *dps_posix_error_text(int error);

#endif
