/* SPDX-License-Identifier: Apache-2.0 */
/* Auth values of the TPM's hierarchies: from the environment or a file, never from the command line; wiped when done with. */
#ifndef FACTORY_AUTH_H
#define FACTORY_AUTH_H

#include <stdbool.h>

#include "dps/port/tpm2.h"
#include "failure.h"

struct auth {
	bool given;
	size_t len;
	uint8_t bytes[DPS_TPM2_AUTH_SIZE];
};

/*
 * Reads "env:NAME" or "file:PATH" (nobody but its owner may have access; one line end at its end does not count). spec NULL: not given.
 */
bool auth_read(struct auth *auth, const char *spec, struct failure *failure);

void auth_wipe(struct auth *auth);

/* Wipes the variable that a spec names, if it names one: /proc shows a process's environment. To be called when all were read: several may name one. */
void auth_wipe_source(const char *spec);

#endif
