/* SPDX-License-Identifier: Apache-2.0 */
/* Control at run time. One table holds the words that a line may begin with; any other line is a fault. */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "events.h"
#include "hub.h"
#include "hubs.h"
#include "session.h"
#include "text.h"

#define SHOWN_OF_TOO_LONG 80u
#define UNPRINTABLE       '?'

/* rest is what follows the word and one space, "" when nothing does. NULL, or why it was not done, which the caller frees. */
typedef char *(*command_function)(struct service *service, const char *rest);

/* --- the lines --- */

static char *clear_faults(struct service *service, const char *rest)
{
	if (rest[0] != '\0') {
		return service_strdup("nothing may follow \"clear\"");
	}
	service_faults_free(&service->faults);
	return NULL;
}

static char *set_key(struct service *service, const char *rest)
{
	const char *space = strchr(rest, ' ');
	char *key;
	char *error;

	if (space == NULL) {
		return service_strdup("it must be \"set KEY JSON\"");
	}
	key = service_format("%.*s", (int)(space - rest), rest);
	error = service_config_set(&service->config, key, space + 1);
	if (error == NULL && strcmp(key, "hubCaLifetime") == 0) {
		service_ca_limit_hubs(&service->authorities, service->config.hub_ca_lifetime);
	}
	if (error == NULL) {
		service_hubs_open(service);
	}
	free(key);
	return error;
}

static char *set_group(struct service *service, const char *rest)
{
	if (strcmp(rest, "deleted") == 0) {
		return service_config_set(&service->config, "groupDeleted", "true");
	}
	if (strcmp(rest, "restored") == 0) {
		return service_config_set(&service->config, "groupDeleted", "false");
	}
	return service_strdup("it must be \"group deleted\" or \"group restored\"");
}

static char *disconnect_all(struct service *service, const char *rest)
{
	struct service_session *session;

	if (rest[0] != '\0') {
		return service_strdup("nothing may follow \"disconnect\"");
	}
	for (session = service->sessions; session != NULL; session = session->next) {
		service_session_close_at(session, service_now_ms(), "control");
	}
	hub_disconnect(service, "control");
	return NULL;
}

static char *forget_records(struct service *service, const char *rest)
{
	bool is_all = strcmp(rest, "all") == 0;

	if (rest[0] == '\0') {
		return service_strdup("it must be \"forget COMMON-NAME\" or \"forget all\"");
	}
	if (service_identities_forget(&service->identities, is_all ? NULL : rest, time(NULL))) {
		return NULL;
	}
	return errno == 0 ? service_strdup("there is no record of this common name")
	                  : service_format("cannot store the signing records: %s", strerror(errno));
}

static const struct command {
	const char *word;
	command_function run;
} commands[] = {
	{"clear", clear_faults}, {"set", set_key}, {"group", set_group}, {"disconnect", disconnect_all}, {"forget", forget_records},
};

static char *run(struct service *service, const char *line)
{
	size_t length = strcspn(line, " ");
	size_t at;

	for (at = 0; at < sizeof(commands) / sizeof(commands[0]); at++) {
		if (strlen(commands[at].word) == length && strncmp(commands[at].word, line, length) == 0) {
			return commands[at].run(service, line[length] == '\0' ? "" : line + length + 1);
		}
	}
	if (memchr(line, ':', length) == NULL) {
		return service_strdup("it must be a fault, STEP:ACTION[:COUNT], or begin with clear, set, group, disconnect or forget");
	}
	return service_faults_add(&service->faults, line);
}

/* Takes the error over. */
static void print_answer(const char *line, char *error)
{
	cJSON *event = service_event_new("control");

	cJSON_AddStringToObject(event, "line", line);
	cJSON_AddBoolToObject(event, "ok", error == NULL);
	if (error != NULL) {
		cJSON_AddStringToObject(event, "error", error);
	}
	service_event_print(event);
	free(error);
}

/* Makes a text of a line that others can read; false when it was none: an event is JSON, whose texts are UTF-8 and end at a zero byte. */
static bool make_printable(char *line, size_t length)
{
	bool is_clean = true;
	size_t at;

	for (at = 0; at < length; at++) {
		if (line[at] < ' ' || line[at] > '~') {
			line[at] = UNPRINTABLE;
			is_clean = false;
		}
	}
	line[length] = '\0';
	return is_clean;
}

static void take_line(struct service_control *control, struct service *service)
{
	bool is_clean = make_printable(control->line, control->length);

	if (control->is_too_long) {
		control->line[SHOWN_OF_TOO_LONG] = '\0';
		print_answer(control->line, service_format("a line holds at most %u bytes", SERVICE_CONTROL_LINE_MAX));
	} else if (!is_clean) {
		print_answer(control->line, service_strdup("a line is printable ASCII; other characters go as \\u escapes into JSON"));
	} else {
		print_answer(control->line, run(service, control->line));
	}
	control->length = 0;
	control->is_too_long = false;
}

/* --- reading --- */

void service_control_occupy(int file)
{
	int opened;

	if (fcntl(file, F_GETFD) >= 0) {
		return;
	}
	/* The lowest free descriptor is taken, which this one is once those below it are. */
	do {
		opened = open("/dev/null", O_RDONLY);
	} while (opened >= 0 && opened < file);
}

void service_control_open(struct service_control *control, int file)
{
	*control = (struct service_control){.file = file};
	control->line = service_alloc(SERVICE_CONTROL_LINE_MAX + 1);
	/* In the background of a terminal reading is an error then, and not the end of the service's time. */
	signal(SIGTTIN, SIG_IGN);
}

static void take_bytes(struct service_control *control, struct service *service, const char *bytes, size_t length)
{
	size_t at;

	for (at = 0; at < length; at++) {
		if (bytes[at] == '\n') {
			take_line(control, service);
		} else if (control->length < SERVICE_CONTROL_LINE_MAX) {
			control->line[control->length++] = bytes[at];
		} else {
			control->is_too_long = true;
		}
	}
}

/* What was cut off may be half of what was meant: it is not done. */
static void take_end(struct service_control *control)
{
	control->file = -1;
	if (control->length > 0) {
		make_printable(control->line, control->length);
		control->line[control->is_too_long ? SHOWN_OF_TOO_LONG : control->length] = '\0';
		print_answer(control->line, service_strdup("the input ended within the line"));
	}
}

void service_control_read(struct service_control *control, struct service *service)
{
	char bytes[4096];
	ssize_t got = read(control->file, bytes, sizeof(bytes));

	if (got > 0) {
		take_bytes(control, service, bytes, (size_t)got);
	} else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
		take_end(control);
	}
}

void service_control_close(struct service_control *control)
{
	free(control->line);
	*control = (struct service_control){.file = -1};
}
