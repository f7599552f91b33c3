/* SPDX-License-Identifier: Apache-2.0 */
/* See auth.h. */
#include "auth.h"

#include <stdlib.h>
#include <string.h>

#include "dps/port/posix.h"

static dps_result take(struct auth *auth, const void *data, size_t len, const char **why)
{
	if (len > sizeof(auth->bytes)) {
		*why = "longer than a TPM takes (32 bytes)";
		return DPS_E_FILE;
	}
	memcpy(auth->bytes, data, len);
	auth->len = len;
	return DPS_OK;
}

static dps_result read_file(const char *path, struct auth *auth, const char **why)
{
	uint8_t buf[DPS_TPM2_AUTH_SIZE + 2];
	size_t len = 0;
	bool looser_mode = false;
	dps_result result = dps_posix_read_file(path, buf, sizeof(buf), &len, &looser_mode, why);

	if (result == DPS_OK && looser_mode) {
		*why = "others have access to it (chmod 600)";
		result = DPS_E_FILE;
	}

	while (result == DPS_OK && len > 0 && (buf[len - 1] == '\n' || buf[len - 1] == '\r'))
		len--;
	if (result == DPS_OK)
		result = take(auth, buf, len, why);
	explicit_bzero(buf, sizeof(buf));
	return result;
}

dps_result auth_read(const char *source, struct auth *auth, const char **why)
{
	const char *value;

	*why = "";
	memset(auth, 0, sizeof(*auth));
	if (source == NULL)
		return DPS_OK;
	if (strncmp(source, "file:", 5) == 0 && source[5] != '\0')
		return read_file(source + 5, auth, why);
	if (strncmp(source, "env:", 4) != 0 || source[4] == '\0') {
		*why = "not env:NAME or file:PATH";
		return DPS_E_ARGUMENT;
	}
	value = getenv(source + 4);
	if (value == NULL) {
		*why = "no such environment variable";
		return DPS_E_FILE;
	}
	return take(auth, value, strlen(value), why);
}

void auth_wipe(struct auth *auth)
{
	explicit_bzero(auth, sizeof(*auth));
}
