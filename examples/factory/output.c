/* SPDX-License-Identifier: Apache-2.0 */
/* What people and programs see: the product on standard output, all else on standard error. One product, two ways to print it. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factory.h"
#include "files.h"

#define LABEL_WIDTH 26
#define OUT_MODE    0644

static void print_event(const char *event, const char *cause, int status, const char *text)
{
	cJSON *json = cJSON_CreateObject();
	char *line;

	cJSON_AddStringToObject(json, "event", event);
	cJSON_AddStringToObject(json, "cause", cause);
	if (status != 0)
		cJSON_AddNumberToObject(json, "status", status);
	cJSON_AddStringToObject(json, "text", text);
	line = cJSON_PrintUnformatted(json);
	fprintf(stderr, "%s\n", line != NULL ? line : text);
	cJSON_free(line);
	cJSON_Delete(json);
}

void factory_warn(const struct factory *factory, const char *name, const char *format, ...)
{
	va_list arguments;
	char text[512];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (factory->options.json)
		print_event("warning", name, 0, text);
	else
		fprintf(stderr, "dps-factory: warning: %s\n", text);
}

void factory_say_failure(const struct factory *factory)
{
	const struct failure *failure = &factory->failure;

	if (factory->options.json)
		print_event("failed", failure->cause, (int)failure->status, failure->text);
	else
		fprintf(stderr, "dps-factory: %s\n", failure->text);
}

bool factory_take_text(struct factory *factory, char *text)
{
	if (text == NULL)
		return failure_set(&factory->failure, STATUS_FAILED, "memory", "out of memory, or OpenSSL failed");
	free(factory->text);
	factory->text = text;
	factory->text_len = strlen(text);
	return true;
}

enum step_state factory_step_state(const struct factory *factory, bool changed)
{
	if (!changed)
		return STEP_ALREADY;
	return factory->options.dry_run ? STEP_WOULD : STEP_DONE;
}

static void add_step(cJSON *object, const char *state, const char *what)
{
	cJSON *steps = cJSON_GetObjectItemCaseSensitive(object, "steps");
	cJSON *step = cJSON_CreateObject();

	if (steps == NULL)
		steps = cJSON_AddArrayToObject(object, "steps");
	cJSON_AddStringToObject(step, "state", state);
	cJSON_AddStringToObject(step, "what", what);
	cJSON_AddItemToArray(steps, step);
}

void factory_step(struct factory *factory, enum step_state state, const char *format, ...)
{
	static const char *const names[] = {[STEP_DONE] = "done", [STEP_ALREADY] = "already", [STEP_WOULD] = "would", [STEP_LEFT] = "left"};
	va_list arguments;
	char what[256];

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	add_step(factory->product, names[state], what);
	add_step(factory->details, names[state], what);
}

/* --- for people --- */

/* "lockoutRecoveryS" becomes "lockout recovery s". */
static void print_label(const char *name)
{
	int width = 0;

	for (; *name != '\0'; name++) {
		if (isupper((unsigned char)*name) && width > 0) {
			putchar(' ');
			width++;
		}
		putchar(tolower((unsigned char)*name));
		width++;
	}
	printf("%*s", width < LABEL_WIDTH ? LABEL_WIDTH - width : 1, "");
}

static void print_value(const cJSON *item)
{
	if (cJSON_IsBool(item))
		puts(cJSON_IsTrue(item) ? "yes" : "no");
	else if (cJSON_IsNumber(item))
		printf("%.0f\n", item->valuedouble);
	else if (cJSON_IsString(item))
		puts(item->valuestring);
	else
		puts("-");
}

/* An array of steps or checks: a line each, the state first. */
static void print_rows(const cJSON *rows)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, rows)
	{
		const cJSON *cell;
		const char *gap = "";

		cJSON_ArrayForEach(cell, row)
		{
			printf("%s", gap);
			printf(cell == row->child ? "%-8s" : "%s", cJSON_IsString(cell) ? cell->valuestring : "");
			gap = cell == row->child ? " " : ": ";
		}
		putchar('\n');
	}
}

static void print_for_people(const cJSON *product)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, product)
	{
		if (cJSON_IsArray(item)) {
			print_rows(item);
			continue;
		}
		print_label(item->string);
		print_value(item);
	}
}

static bool write_out(struct factory *factory)
{
	const char *path = factory->options.out;

	if (files_replace(path, factory->text, factory->text_len, OUT_MODE))
		return true;
	return failure_set(&factory->failure, STATUS_FAILED, "file", "cannot write %s: %s", path, strerror(errno));
}

bool factory_print(struct factory *factory)
{
	bool to_file = factory->options.out != NULL && factory->text != NULL && !factory->options.dry_run;

	if (to_file && !write_out(factory))
		return false;
	if (factory->options.json) {
		char *text = cJSON_PrintUnformatted(factory->product);

		if (text != NULL)
			puts(text);
		cJSON_free(text);
	} else if (factory->text != NULL && !to_file) {
		fwrite(factory->text, 1, factory->text_len, stdout);
	} else if (factory->text == NULL) {
		print_for_people(factory->product);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return failure_set(&factory->failure, STATUS_FAILED, "output", "cannot write to standard output");
	return true;
}
