/* SPDX-License-Identifier: Apache-2.0 */
/* What the hub's authority remembers of the identities it has signed: per common name the key and the end of the certificate, kept in the state
 * directory (identities.json) across restarts. */
#ifndef SERVICE_IDENTITIES_H
#define SERVICE_IDENTITIES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <time.h>

struct service_identities {
	char *path;
	cJSON *records;
};

/* Ends the program with a clear line when the file is there and cannot be read. */
void service_identities_open(struct service_identities *identities, const char *directory);
void service_identities_close(struct service_identities *identities);

/* False when a certificate with this name and another key has not expired yet. */
bool service_identities_allow(const struct service_identities *identities, const char *common_name, const char *fingerprint, time_t now);

/* Remembers a certificate, on disk before it returns; false with errno when that cannot be done. */
bool service_identities_record(struct service_identities *identities, const char *common_name, const char *fingerprint, time_t not_after);

#endif
