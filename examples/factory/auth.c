/* SPDX-License-Identifier: Apache-2.0 */
/* See auth.h. No text here ever holds a value, only where it was looked for. */
#include "auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool set(struct auth *auth, const char *bytes, size_t len, const char *spec, struct failure *failure)
{
	if (len == 0)
		return failure_set(failure, STATUS_USAGE, "auth-value", "%s is empty: leave the option out for an empty auth value", spec);
	if (len > sizeof(auth->bytes))
		return failure_set(failure, STATUS_USAGE, "auth-value", "%s holds more than %zu bytes, the most a TPM takes", spec,
		                   sizeof(auth->bytes));
	memcpy(auth->bytes, bytes, len);
	auth->len = len;
	auth->given = true;
	return true;
}

static bool read_variable(struct auth *auth, const char *spec, struct failure *failure)
{
	char *value = getenv(spec + strlen("env:"));

	if (value == NULL)
		return failure_set(failure, STATUS_USAGE, "auth-value", "%s: there is no such variable in the environment", spec);
	return set(auth, value, strlen(value), spec, failure);
}

static bool read_file(struct auth *auth, const char *spec, struct failure *failure)
{
	char bytes[DPS_TPM2_AUTH_SIZE + 2];
	int fd = open(spec + strlen("file:"), O_RDONLY | O_CLOEXEC);
	struct stat about;
	ssize_t got;
	bool done;

	if (fd < 0 || fstat(fd, &about) != 0) {
		failure_set(failure, STATUS_USAGE, "auth-value", "%s: %s", spec, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (S_ISREG(about.st_mode) && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		close(fd);
		return failure_set(failure, STATUS_USAGE, "auth-value", "%s: others have access to it (chmod 600)", spec);
	}
	got = read(fd, bytes, sizeof(bytes));
	close(fd);
	if (got < 0)
		return failure_set(failure, STATUS_USAGE, "auth-value", "%s: %s", spec, strerror(errno));
	if (got > 0 && bytes[got - 1] == '\n')
		got--;
	done = set(auth, bytes, (size_t)got, spec, failure);
	explicit_bzero(bytes, sizeof(bytes));
	return done;
}

bool auth_read(struct auth *auth, const char *spec, struct failure *failure)
{
	*auth = (struct auth){0};
	if (spec == NULL)
		return true;
	return strncmp(spec, "env:", 4) == 0 ? read_variable(auth, spec, failure) : read_file(auth, spec, failure);
}

void auth_wipe(struct auth *auth)
{
	explicit_bzero(auth, sizeof(*auth));
}

void auth_wipe_source(const char *spec)
{
	char *value = spec != NULL && strncmp(spec, "env:", 4) == 0 ? getenv(spec + 4) : NULL;

	if (value != NULL)
		explicit_bzero(value, strlen(value));
}
