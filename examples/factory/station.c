/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the station's log is for: a record of every run, and that no two devices get one key or one serial number.
 *
 * A device is an endorsement key. A serial number, once given to a device (in a request, an installed or adopted certificate), is its own for ever;
 * the device gets another serial number only when it was decommissioned under its old one.
 */
#include <pwd.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "dps/version.h"
#include "factory.h"

static const char *member(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

	return text != NULL ? text : "";
}

static bool is_verb(const cJSON *json, enum verb_id verb)
{
	return strcmp(member(json, "verb"), options_verb_name(verb)) == 0;
}

/* A record that gave a serial number to a device. */
static bool gives_serial(const cJSON *json)
{
	return strcmp(member(json, "result"), "ok") == 0 &&
	       (is_verb(json, VERB_IDEVID_CSR) || is_verb(json, VERB_IDEVID_INSTALL) || is_verb(json, VERB_IDEVID_ADOPT));
}

static bool gives_certificate(const cJSON *json)
{
	return gives_serial(json) && !is_verb(json, VERB_IDEVID_CSR);
}

static bool takes_serial(const cJSON *json)
{
	return strcmp(member(json, "result"), "ok") == 0 && is_verb(json, VERB_DECOMMISSION);
}

static bool same(const char *a, const char *b)
{
	return a[0] != '\0' && strcmp(a, b) == 0;
}

/* --- one device --- */

struct look {
	const struct factory *factory;
	struct station_device device;
	char other_serial[TEXT_SERIAL_SIZE]; /* this device or key has it, and it is not the one asked for */
	uint64_t serial_taken;               /* the record that gave our serial number to another EK */
	uint64_t key_taken;                  /* the record that gave our key to another EK */
};

static void take_given(struct look *look, const struct log_entry *entry)
{
	const char *serial = member(entry->json, "serial");
	const char *ek = member(entry->json, "ek");
	bool our_ek = same(ek, look->factory->ek_sha256);
	bool our_key = same(member(entry->json, "key"), look->factory->key_sha256);

	if (!our_ek && same(serial, look->factory->serial) && look->serial_taken == 0)
		look->serial_taken = entry->seq;
	if (!our_ek && our_key && look->key_taken == 0)
		look->key_taken = entry->seq;
	if ((our_ek || our_key) && !same(serial, look->factory->serial))
		snprintf(look->other_serial, sizeof(look->other_serial), "%s", serial);
	if (!our_ek)
		return;
	snprintf(look->device.serial, sizeof(look->device.serial), "%s", serial);
	look->device.decommissioned = false;
	if (gives_certificate(entry->json))
		snprintf(look->device.certificate_sha256, sizeof(look->device.certificate_sha256), "%s", member(entry->json, "certificate"));
}

static void take_look(void *context, const struct log_entry *entry)
{
	struct look *look = context;

	if (gives_serial(entry->json)) {
		take_given(look, entry);
	} else if (takes_serial(entry->json) && same(member(entry->json, "ek"), look->factory->ek_sha256)) {
		look->device.decommissioned = true;
		look->device.certificate_sha256[0] = '\0';
		look->other_serial[0] = '\0';
	}
}

bool station_look(struct factory *factory, struct station_device *device)
{
	struct look look = {.factory = factory};

	if (!log_scan(&factory->log, take_look, &look, &factory->failure))
		return false;
	*device = look.device;
	return true;
}

bool station_check(struct factory *factory)
{
	struct look look = {.factory = factory};

	if (!log_scan(&factory->log, take_look, &look, &factory->failure))
		return false;
	if (look.serial_taken != 0)
		return failure_set(&factory->failure, STATUS_CONFLICT, "serial-taken",
		                   "serial number %s is another device's (record %llu of the log)", factory->serial,
		                   (unsigned long long)look.serial_taken);
	if (look.key_taken != 0)
		return failure_set(&factory->failure, STATUS_CONFLICT, "key-taken", "this key is another device's (record %llu of the log)",
		                   (unsigned long long)look.key_taken);
	if (look.other_serial[0] != '\0' && factory->serial[0] != '\0')
		return failure_set(&factory->failure, STATUS_CONFLICT, "key-taken",
		                   "this device and its key have the serial number %s; decommission it before it gets %s", look.other_serial,
		                   factory->serial);
	return true;
}

/* --- all devices --- */

struct list {
	struct station_row *rows;
	bool *gone;
	size_t count;
	size_t size;
	void *tree; /* indices of rows by EK: struct place */
	bool failed;
};

struct place {
	char ek_sha256[TEXT_SHA256_SIZE]; /* first: it is the key that places are compared by */
	size_t at;
};

static int compare_places(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->ek_sha256, ((const struct place *)b)->ek_sha256);
}

static bool grow(struct list *list)
{
	size_t size = list->size == 0 ? 64 : 2 * list->size;
	struct station_row *rows;
	bool *gone;

	if (list->count < list->size)
		return true;
	rows = realloc(list->rows, size * sizeof(*rows));
	if (rows == NULL)
		return false;
	list->rows = rows;
	gone = realloc(list->gone, size * sizeof(*gone));
	if (gone == NULL)
		return false;
	list->gone = gone;
	list->size = size;
	return true;
}

/* The row of an EK, made if there is none. */
static struct station_row *row_of(struct list *list, const char *ek)
{
	struct place *place = calloc(1, sizeof(*place));
	struct place **found;

	if (place == NULL || !grow(list)) {
		free(place);
		return NULL;
	}
	snprintf(place->ek_sha256, sizeof(place->ek_sha256), "%s", ek);
	place->at = list->count;
	found = tsearch(place, &list->tree, compare_places);
	if (found == NULL) {
		free(place);
		return NULL;
	}
	if (*found != place) {
		free(place);
		return &list->rows[(*found)->at];
	}
	list->rows[list->count] = (struct station_row){0};
	list->gone[list->count] = true;
	return &list->rows[list->count++];
}

static void take_list(void *context, const struct log_entry *entry)
{
	struct list *list = context;
	struct station_row *row;

	if (list->failed || (!gives_certificate(entry->json) && !takes_serial(entry->json)))
		return;
	row = row_of(list, member(entry->json, "ek"));
	if (row == NULL) {
		list->failed = true;
		return;
	}
	list->gone[row - list->rows] = !gives_certificate(entry->json);
	snprintf(row->serial, sizeof(row->serial), "%s", member(entry->json, "serial"));
	snprintf(row->ek_sha256, sizeof(row->ek_sha256), "%s", member(entry->json, "ek"));
	snprintf(row->key_sha256, sizeof(row->key_sha256), "%s", member(entry->json, "key"));
	snprintf(row->certificate_sha256, sizeof(row->certificate_sha256), "%s", member(entry->json, "certificate"));
}

bool station_list(struct factory *factory, struct station_row **rows, size_t *count)
{
	struct list list = {0};
	bool good = log_scan(&factory->log, take_list, &list, &factory->failure);

	if (list.failed)
		good = failure_set(&factory->failure, STATUS_FAILED, "memory", "out of memory");
	tdestroy(list.tree, free);
	*count = 0;
	for (size_t i = 0; i < list.count; i++)
		if (!list.gone[i])
			list.rows[(*count)++] = list.rows[i];
	free(list.gone);
	*rows = list.rows;
	if (!good) {
		free(list.rows);
		*rows = NULL;
	}
	return good;
}

/* --- the record --- */

static void add_text(cJSON *record, const char *name, const char *text)
{
	if (text[0] != '\0')
		cJSON_AddStringToObject(record, name, text);
}

/* Who: the user, and who became root. */
static void add_actor(cJSON *record)
{
	const struct passwd *user = getpwuid(getuid());
	const char *behind = getenv("SUDO_USER");
	char host[256] = "";
	char uid[32];

	snprintf(uid, sizeof(uid), "uid %lu", (unsigned long)getuid());
	cJSON_AddStringToObject(record, "user", user != NULL ? user->pw_name : uid);
	if (behind != NULL)
		add_text(record, "sudoUser", behind);
	if (gethostname(host, sizeof(host) - 1) == 0)
		add_text(record, "host", host);
}

bool station_record(struct factory *factory)
{
	const struct failure *failure = &factory->failure;
	struct failure own = {0};
	struct timex clock = {0};
	cJSON *record = cJSON_CreateObject();
	char now[TEXT_TIME_SIZE];
	bool done;

	text_time(time(NULL), now);
	cJSON_AddStringToObject(record, "time", now);
	cJSON_AddBoolToObject(record, "clockSynchronised", adjtimex(&clock) >= 0 && (clock.status & STA_UNSYNC) == 0);
	add_actor(record);
	cJSON_AddStringToObject(record, "tool", "dps-factory " DPS_VERSION_STRING);
	cJSON_AddStringToObject(record, "verb", options_verb_name(factory->options.verb));
	add_text(record, "tpm", factory->info.manufacturer);
	if (factory->info.software)
		cJSON_AddTrueToObject(record, "softwareTpm");
	add_text(record, "serial", factory->serial);
	add_text(record, "ek", factory->ek_sha256);
	add_text(record, "key", factory->key_sha256);
	add_text(record, "certificate", factory->certificate_sha256);
	cJSON_AddStringToObject(record, "result", failure->cause != NULL ? failure->cause : "ok");
	add_text(record, "text", failure->text);
	if (factory->details->child != NULL)
		cJSON_AddItemReferenceToObject(record, "details", factory->details);
	done = log_append(&factory->log, record, &own);
	cJSON_Delete(record);
	if (!done) {
		/* What was done cannot be undone; that it is not in the log outweighs why it failed. */
		if (failure->cause != NULL)
			factory_say_failure(factory);
		factory->failure = own;
	}
	return done;
}
