/* SPDX-License-Identifier: Apache-2.0 */
/* What the hub's authorities remember of the identities they have signed, as the public hub's does: per common name the key, the end and the serial
 * number of the last certificate, and the serial numbers that were revoked because another certificate took their place. Kept in the state
 * directory (identities.json) across restarts; a record and what it revokes are written at once. */
#ifndef SERVICE_IDENTITIES_H
#define SERVICE_IDENTITIES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <time.h>

struct service_identities {
	char *path;
	cJSON *records;
};

/* A certificate that was signed. */
struct service_identity_record {
	const char *common_name;
	const char *fingerprint; /* of its key */
	const char *serial;      /* as service_pki_serial gives it */
	time_t not_after;
};

/* Ends the program with a clear line when the file is there and cannot be read. */
void service_identities_open(struct service_identities *identities, const char *directory);
void service_identities_close(struct service_identities *identities);

/* False when a certificate with this name and another key has not expired yet. */
bool service_identities_allow(const struct service_identities *identities, const char *common_name, const char *fingerprint, time_t now);

/* Remembers a certificate and revokes the one before it, if that has not expired, on disk before it returns; false with errno and nothing changed
 * when that cannot be done. *revoked is the serial number of the one before or NULL; the caller frees it. */
bool service_identities_record(struct service_identities *identities, const struct service_identity_record *record, time_t now,
                               char **revoked);

/* Forgets the record of a common name, NULL for all of them, as when an operator deletes it: what it speaks of and has not expired is revoked,
 * and the name may begin with another key. False with errno when it cannot be written, with errno 0 when there is none of this name. */
bool service_identities_forget(struct service_identities *identities, const char *common_name, time_t now);

/* True when a certificate of a hub's authority must be refused: serial as service_pki_serial gives it. One that has expired may be forgotten. */
bool service_identities_is_revoked(const struct service_identities *identities, const char *serial);

#endif
