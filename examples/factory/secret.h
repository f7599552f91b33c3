/* SPDX-License-Identifier: Apache-2.0 */
/* Auth values of the TPM's hierarchies: from the environment or a file, never from the command line; wiped when done with. */
#ifndef FACTORY_SECRET_H
#define FACTORY_SECRET_H

#include <stdbool.h>

#include "../common/auth.h"
#include "failure.h"

struct secret {
	bool given;
	struct auth auth;
};

/* Reads "env:NAME" or "file:PATH"; NULL: not given. An empty value is refused: it is what leaving the option out means. */
bool secret_read(struct secret *secret, const char *source, struct failure *failure);

/* Wipes the variable that a source names, if it names one: /proc shows a process's environment. To be called when all were read: several may name one. */
void secret_wipe_source(const char *source);

#endif
