/* SPDX-License-Identifier: Apache-2.0 */
/* `audit ...`: the station's log, shown, checked, handed out. None of them needs a TPM. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factory.h"

struct reading {
	struct factory *factory;
	FILE *out;
	cJSON *records; /* NULL unless --json */
	bool anchor_seen;
};

static const char *member(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

	return text != NULL ? text : "";
}

static void take_shown(void *context, const struct log_entry *entry)
{
	struct reading *reading = context;
	const char *text = member(entry->json, "text");

	if (reading->records != NULL) {
		cJSON_AddItemToArray(reading->records, cJSON_Duplicate(entry->json, true));
		return;
	}
	fprintf(reading->out, "%5" PRIu64 "  %-20s  %-10s  %-15s  %-16s  %s%s%s\n", entry->seq, member(entry->json, "time"),
	        member(entry->json, "user"), member(entry->json, "verb"), member(entry->json, "serial"), member(entry->json, "result"),
	        text[0] != '\0' ? ": " : "", text);
}

static void take_exported(void *context, const struct log_entry *entry)
{
	struct reading *reading = context;

	if (reading->records != NULL)
		cJSON_AddItemToArray(reading->records, cJSON_Duplicate(entry->json, true));
	else
		fprintf(reading->out, "%s\n", entry->line);
}

static void take_anchor(void *context, const struct log_entry *entry)
{
	struct reading *reading = context;
	const struct options *options = &reading->factory->options;

	if (entry->seq == options->anchor_count && strcmp(entry->sha256, options->anchor_sha256) == 0)
		reading->anchor_seen = true;
}

/* What the reader writes becomes the product; where the log is damaged, as far as it goes. */
static bool read_records(struct factory *factory, void (*take)(void *context, const struct log_entry *entry))
{
	struct reading reading = {.factory = factory};
	char *text = NULL;
	size_t len = 0;
	bool good;

	reading.out = open_memstream(&text, &len);
	if (reading.out == NULL)
		return factory_take_text(factory, NULL);
	if (factory->options.json)
		reading.records = cJSON_AddArrayToObject(factory->product, "records");
	good = log_scan(&factory->log, take, &reading, &factory->failure);
	if (fclose(reading.out) != 0) {
		free(text);
		text = NULL;
	}
	if (factory->options.out != NULL)
		cJSON_AddStringToObject(factory->product, "out", factory->options.out);
	factory->print = factory->failure.status == STATUS_LOG;
	return factory_take_text(factory, text) && good;
}

bool verb_audit_show(struct factory *factory)
{
	return read_records(factory, take_shown);
}

bool verb_audit_export(struct factory *factory)
{
	return read_records(factory, take_exported);
}

bool verb_audit_verify(struct factory *factory)
{
	const struct options *options = &factory->options;
	struct log *log = &factory->log;
	struct reading reading = {.factory = factory};
	char anchor[TEXT_SHA256_SIZE + 24];

	if (!log_scan(log, take_anchor, &reading, &factory->failure))
		return false;
	if (options->anchor_count > log->count)
		return failure_set(&factory->failure, STATUS_LOG, "log-truncated",
		                   "the log was truncated: it has %" PRIu64 " records, the anchor is of %u", log->count, options->anchor_count);
	if (options->anchor_count != 0 && !reading.anchor_seen)
		return failure_set(&factory->failure, STATUS_LOG, "log-tampered",
		                   "the log was tampered with: record %u is not the one of the anchor", options->anchor_count);
	if (log->torn || log->ahead)
		factory_warn(factory, "log-interrupted", "the last run was interrupted while it wrote its record; the next record puts it right");
	snprintf(anchor, sizeof(anchor), "%" PRIu64 ":%s", log->count, log->last);
	cJSON_AddStringToObject(factory->product, "log", log->path);
	cJSON_AddNumberToObject(factory->product, "records", (double)log->count);
	cJSON_AddStringToObject(factory->product, "anchor", anchor);
	return true;
}
