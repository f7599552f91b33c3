/* SPDX-License-Identifier: Apache-2.0 */
/* The registered devices of each hub. */
#include "hub_registry.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "text.h"

#define ENDING ".json"

static char *directory_of(const struct hub *hub)
{
	return service_files_path(hub->directory, "registrations");
}

/* Both ids are UUIDs in lower case by now: nothing in them leads out of the directory. */
static char *path_of(const struct hub *hub, const char *id, const char *device)
{
	char *directory = directory_of(hub);
	char *path = service_format("%s/%s_%s" ENDING, directory, id, device);

	free(directory);
	return path;
}

int hub_registry_lock(const struct hub *hub)
{
	char *directory = directory_of(hub);
	int lock = service_files_make_directory(directory) ? service_files_lock(directory) : -1;

	if (lock < 0) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot lock the directory %s: %s", directory, strerror(errno));
	}
	free(directory);
	return lock;
}

void hub_registry_unlock(int lock)
{
	close(lock);
}

cJSON *hub_registry_load(const struct hub *hub, const char *id, const char *device)
{
	char *path = path_of(hub, id, device);
	char *text = service_files_read(path, NULL);
	cJSON *record = text == NULL ? NULL : cJSON_ParseWithOpts(text, NULL, 1);

	free(text);
	free(path);
	if (!cJSON_IsObject(record)) {
		cJSON_Delete(record);
		return NULL;
	}
	return record;
}

bool hub_registry_save(const struct hub *hub, const char *id, const char *device, const cJSON *record)
{
	char *path = path_of(hub, id, device);
	char *text = cJSON_Print(record);
	bool done = text != NULL && service_files_write(path, text, strlen(text), SERVICE_MODE_PRIVATE);

	cJSON_free(text);
	free(path);
	return done;
}

bool hub_registry_remove(const struct hub *hub, const char *id, const char *device)
{
	char *path = path_of(hub, id, device);
	bool was_there = unlink(path) == 0;

	free(path);
	return was_there;
}

static bool is_of_hub(const char *name, const char *id, char device[SERVICE_UUID_SIZE])
{
	size_t ending = strlen(ENDING);
	char text[SERVICE_UUID_SIZE];

	if (strlen(name) != 2 * SERVICE_UUID_TEXT + 1 + ending || strncmp(name, id, SERVICE_UUID_TEXT) != 0 || name[SERVICE_UUID_TEXT] != '_' ||
	    strcmp(name + 2 * SERVICE_UUID_TEXT + 1, ENDING) != 0) {
		return false;
	}
	memcpy(text, name + SERVICE_UUID_TEXT + 1, SERVICE_UUID_TEXT);
	text[SERVICE_UUID_TEXT] = '\0';
	return service_uuid_parse(text, device);
}

cJSON *hub_registry_list(const struct hub *hub, const char *id)
{
	char *path = directory_of(hub);
	DIR *directory = opendir(path);
	cJSON *list = cJSON_CreateArray();
	struct dirent *entry;
	char device[SERVICE_UUID_SIZE];

	free(path);
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (is_of_hub(entry->d_name, id, device)) {
			cJSON_AddItemToArray(list, cJSON_CreateString(device));
		}
	}
	if (directory != NULL) {
		closedir(directory);
	}
	return list;
}
