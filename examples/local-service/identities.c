/* SPDX-License-Identifier: Apache-2.0 */
/* What the hub's authority remembers of the identities it has signed. */
#include "identities.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "text.h"

#define KEY_FINGERPRINT "publicKeySha256"
#define KEY_NOT_AFTER   "notAfter"

void service_identities_open(struct service_identities *identities, const char *directory)
{
	char *text;

	identities->path = service_files_path(directory, "identities.json");
	text = service_files_read(identities->path, NULL);
	if (text == NULL && errno != ENOENT) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot read %s: %s", identities->path, strerror(errno));
	}
	identities->records = text == NULL ? cJSON_CreateObject() : cJSON_ParseWithOpts(text, NULL, 1);
	if (!cJSON_IsObject(identities->records)) {
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

bool service_identities_allow(const struct service_identities *identities, const char *common_name, const char *fingerprint, time_t now)
{
	const cJSON *record = cJSON_GetObjectItemCaseSensitive(identities->records, common_name);
	const char *known = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, KEY_FINGERPRINT));
	const cJSON *not_after = cJSON_GetObjectItemCaseSensitive(record, KEY_NOT_AFTER);

	return known == NULL || strcmp(known, fingerprint) == 0 || !cJSON_IsNumber(not_after) || not_after->valuedouble <= (double)now;
}

bool service_identities_record(struct service_identities *identities, const char *common_name, const char *fingerprint, time_t not_after)
{
	cJSON *record = cJSON_CreateObject();
	char *text;
	bool done;

	cJSON_AddStringToObject(record, KEY_FINGERPRINT, fingerprint);
	cJSON_AddNumberToObject(record, KEY_NOT_AFTER, (double)not_after);
	cJSON_DeleteItemFromObjectCaseSensitive(identities->records, common_name);
	cJSON_AddItemToObject(identities->records, common_name, record);
	text = cJSON_Print(identities->records);
	if (text == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "no memory for the records of the authority");
	}
	done = service_files_write(identities->path, text, strlen(text), SERVICE_MODE_PUBLIC);
	cJSON_free(text);
	return done;
}
