/* SPDX-License-Identifier: Apache-2.0 */
/* TPM authorization values for the command line: they are named there ("env:NAME", "file:PATH"), never given, so that argv and logs hold none. */
#ifndef EXAMPLES_COMMON_AUTH_H
#define EXAMPLES_COMMON_AUTH_H

#include "dps/port/tpm2.h"

struct auth {
	uint8_t bytes[DPS_TPM2_AUTH_SIZE];
	size_t len; /* 0: empty, which is what hierarchies have when new */
};

/*
 * Reads a value: "env:NAME" (must be set) or "file:PATH" (a line end behind it is left out). NULL gives the empty value. DPS_E_ARGUMENT: neither form;
 * DPS_E_FILE: no such variable or file, a file that others have access to, or too long; *why is then a text in static memory.
 */
DPS_MUST_USE dps_result auth_read(const char *source, struct auth *auth, const char **why);

/* Wipes a value. */
void auth_wipe(struct auth *auth);

#endif
