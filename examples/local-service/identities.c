/* SPDX-License-Identifier: Apache-2.0 */
/* What the hub's authorities remember of the identities they have signed. One object: common names, which all begin with "uuid:", and beside
 * them the revoked serial numbers with the ends of their certificates. */
#include "identities.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "text.h"

#define KEY_FINGERPRINT "publicKeySha256"
#define KEY_NOT_AFTER   "notAfter"
#define KEY_SERIAL      "serial"
#define KEY_REVOKED     "revoked"

static bool is_well_formed(const cJSON *records)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, records)
	{
		if (!cJSON_IsObject(item)) {
			return false;
		}
	}
	return cJSON_IsObject(records);
}

void service_identities_open(struct service_identities *identities, const char *directory)
{
	char *text;

	identities->path = service_files_path(directory, "identities.json");
	text = service_files_read(identities->path, NULL);
	if (text == NULL && errno != ENOENT) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot read %s: %s", identities->path, strerror(errno));
	}
	identities->records = text == NULL ? cJSON_CreateObject() : cJSON_ParseWithOpts(text, NULL, 1);
	if (!is_well_formed(identities->records)) {
		service_fail(SERVICE_EXIT_FAILURE, "%s does not hold the records of the authority", identities->path);
	}
	free(text);
}

void service_identities_close(struct service_identities *identities)
{
	cJSON_Delete(identities->records);
	free(identities->path);
	*identities = (struct service_identities){0};
}

static bool has_expired(const cJSON *not_after, time_t now)
{
	return !cJSON_IsNumber(not_after) || not_after->valuedouble <= (double)now;
}

static const cJSON *find_record(const struct service_identities *identities, const char *common_name)
{
	return strcmp(common_name, KEY_REVOKED) == 0 ? NULL : cJSON_GetObjectItemCaseSensitive(identities->records, common_name);
}

bool service_identities_allow(const struct service_identities *identities, const char *common_name, const char *fingerprint, time_t now)
{
	const cJSON *record = find_record(identities, common_name);
	const char *known = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, KEY_FINGERPRINT));

	return known == NULL || strcmp(known, fingerprint) == 0 || has_expired(cJSON_GetObjectItemCaseSensitive(record, KEY_NOT_AFTER), now);
}

/* --- changes: made in a copy, which takes the place of the records once it is on disk --- */

static cJSON *copy_records(const struct service_identities *identities)
{
	cJSON *copy = cJSON_Duplicate(identities->records, 1);

	if (copy == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "no memory for the records of the authority");
	}
	return copy;
}

static bool keep(struct service_identities *identities, cJSON *changed)
{
	char *text = cJSON_Print(changed);
	bool done;

	if (text == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "no memory for the records of the authority");
	}
	done = service_files_write(identities->path, text, strlen(text), SERVICE_MODE_PUBLIC);
	if (done) {
		cJSON_Delete(identities->records);
		identities->records = changed;
	} else {
		int cause = errno;

		cJSON_Delete(changed);
		errno = cause;
	}
	cJSON_free(text);
	return done;
}

static void drop_expired(cJSON *revoked, time_t now)
{
	cJSON *entry = revoked->child;

	while (entry != NULL) {
		cJSON *next = entry->next;

		if (has_expired(entry, now)) {
			cJSON_Delete(cJSON_DetachItemViaPointer(revoked, entry));
		}
		entry = next;
	}
}

/* The serial number, within records, of what was revoked; NULL when there was nothing to revoke. */
static const char *revoke(cJSON *records, const cJSON *record, time_t now)
{
	const cJSON *not_after = cJSON_GetObjectItemCaseSensitive(record, KEY_NOT_AFTER);
	const char *serial = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, KEY_SERIAL));
	cJSON *revoked = cJSON_GetObjectItemCaseSensitive(records, KEY_REVOKED);

	if (revoked != NULL) {
		drop_expired(revoked, now);
	}
	if (serial == NULL || has_expired(not_after, now)) {
		return NULL;
	}
	if (revoked == NULL) {
		revoked = cJSON_AddObjectToObject(records, KEY_REVOKED);
	}
	cJSON_AddNumberToObject(revoked, serial, not_after->valuedouble);
	return serial;
}

bool service_identities_record(struct service_identities *identities, const struct service_identity_record *record, time_t now,
                               char **revoked)
{
	cJSON *changed = copy_records(identities);
	cJSON *entry = cJSON_CreateObject();
	const char *serial = revoke(changed, cJSON_GetObjectItemCaseSensitive(changed, record->common_name), now);

	*revoked = serial == NULL ? NULL : service_strdup(serial);
	cJSON_AddStringToObject(entry, KEY_FINGERPRINT, record->fingerprint);
	cJSON_AddNumberToObject(entry, KEY_NOT_AFTER, (double)record->not_after);
	cJSON_AddStringToObject(entry, KEY_SERIAL, record->serial);
	cJSON_DeleteItemFromObjectCaseSensitive(changed, record->common_name);
	cJSON_AddItemToObject(changed, record->common_name, entry);
	return keep(identities, changed);
}

bool service_identities_forget(struct service_identities *identities, const char *common_name, time_t now)
{
	cJSON *changed;
	cJSON *entry;

	if (common_name != NULL && find_record(identities, common_name) == NULL) {
		errno = 0;
		return false;
	}
	changed = copy_records(identities);
	entry = changed->child;
	while (entry != NULL) {
		cJSON *next = entry->next;

		if (strcmp(entry->string, KEY_REVOKED) != 0 && (common_name == NULL || strcmp(entry->string, common_name) == 0)) {
			revoke(changed, entry, now);
			cJSON_Delete(cJSON_DetachItemViaPointer(changed, entry));
		}
		entry = next;
	}
	return keep(identities, changed);
}

bool service_identities_is_revoked(const struct service_identities *identities, const char *serial)
{
	return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(identities->records, KEY_REVOKED), serial) != NULL;
}
