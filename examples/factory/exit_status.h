/* SPDX-License-Identifier: Apache-2.0 */
/* The exit statuses of dps-factory. docs/manufacturing/README.md has them as a table, a test compares the two. */
#ifndef FACTORY_EXIT_STATUS_H
#define FACTORY_EXIT_STATUS_H

enum exit_status {
	STATUS_OK = 0,       /* done, or it was so already */
	STATUS_FAILED = 1,   /* the TPM, a file or this machine failed */
	STATUS_USAGE = 2,    /* bad usage, a file that cannot be used, no TPM reachable */
	STATUS_VERIFY = 3,   /* the device does not pass `verify` */
	STATUS_AUTH = 4,     /* an auth value is wrong, or is needed and was not given */
	STATUS_LOCKOUT = 5,  /* the TPM is in dictionary-attack lockout */
	STATUS_FULL = 6,     /* the TPM has no room */
	STATUS_CONFLICT = 7, /* a key, serial or certificate that is not this device's */
	STATUS_LOG = 8       /* the station's log is damaged, or cannot be written */
};

#endif
