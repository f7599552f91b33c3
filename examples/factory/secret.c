/* SPDX-License-Identifier: Apache-2.0 */
/* See secret.h. No text here ever holds a value, only where it was looked for. */
#include "secret.h"

#include <stdlib.h>
#include <string.h>

bool secret_read(struct secret *secret, const char *source, struct failure *failure)
{
	const char *why;

	*secret = (struct secret){0};
	if (auth_read(source, &secret->auth, &why) != DPS_OK)
		return failure_set(failure, STATUS_USAGE, "auth-value", "%s: %s", source, why);
	secret->given = source != NULL;
	return secret->auth.len > 0 || !secret->given ||
	       failure_set(failure, STATUS_USAGE, "auth-value", "%s is empty: leave the option out for an empty auth value", source);
}

void secret_wipe_source(const char *source)
{
	char *value = source != NULL && strncmp(source, "env:", 4) == 0 ? getenv(source + 4) : NULL;

	if (value != NULL)
		explicit_bzero(value, strlen(value));
}
