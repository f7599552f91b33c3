/* SPDX-License-Identifier: Apache-2.0 */
/* The operators' commands: each asks the programs that run on a state directory, by their sockets. */
#include "hub_command.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hub_control.h"
#include "text.h"

#define READ_SIZE     65536u
#define ERROR_MAX     8192u /* of an error's text that is shown */
#define REPLY_SECONDS 630   /* the longest command time-out, and some */

struct command_line {
	const char *state_directory;
	bool is_json;
	char *const *words;
	int count;
};

static _Noreturn void fail_usage(const char *words)
{
	service_fail(SERVICE_EXIT_USAGE, "usage: dps-service %s --state-dir DIR", words);
}

/* usage names the words that must be there, one behind the other. */
static struct command_line read_line(int argc, char *argv[], int wanted, const char *usage)
{
	static const struct option known[] = {
		{"state-dir", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct command_line line = {0};
	int code;

	while ((code = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (code == 's') {
			line.state_directory = optarg;
		} else if (code == 'j') {
			line.is_json = true;
		} else if (code == 'h') {
			printf("usage: dps-service %s --state-dir DIR\n", usage);
			exit(EXIT_SUCCESS);
		} else {
			exit(SERVICE_EXIT_USAGE);
		}
	}
	line.words = argv + optind;
	line.count = argc - optind;
	if (line.state_directory == NULL || line.state_directory[0] == '\0' || line.count != wanted) {
		fail_usage(usage);
	}
	return line;
}

/* --- asking the programs --- */

static bool send_all(int file, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(file, text, length, MSG_NOSIGNAL);

		if (sent <= 0) {
			return false;
		}
		text += sent;
		length -= (size_t)sent;
	}
	return true;
}

/* What one program answers; NULL when it is there no more, or says nothing that can be read. */
static cJSON *ask_file(int file, const char *order)
{
	struct timeval patience = {.tv_sec = REPLY_SECONDS};
	char *text = NULL;
	size_t length = 0;
	ssize_t got = 1;
	cJSON *answer = NULL;

	setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!send_all(file, order, strlen(order))) {
		return NULL;
	}
	while (got > 0 && length < HUB_CONTROL_MOST) {
		text = service_realloc(text, length + READ_SIZE);
		got = recv(file, text + length, READ_SIZE, 0);
		length += got > 0 ? (size_t)got : 0;
	}
	if (length > 0 && text[length - 1] == '\n') {
		answer = cJSON_ParseWithLength(text, length);
	}
	free(text);
	return answer;
}

static cJSON *ask_program(const char *directory, const char *name, const char *order)
{
	int file = hub_control_connect(directory, name);
	cJSON *answer;

	if (file < 0) {
		return NULL; /* one that was killed leaves its socket behind */
	}
	answer = ask_file(file, order);
	close(file);
	return answer;
}

static bool is_socket_name(const char *name)
{
	size_t length = strlen(name);
	size_t ending = strlen(HUB_CONTROL_ENDING);

	return strncmp(name, HUB_CONTROL_PREFIX, strlen(HUB_CONTROL_PREFIX)) == 0 && length > ending &&
	       strcmp(name + length - ending, HUB_CONTROL_ENDING) == 0;
}

/* An order as it goes to the programs; it is deleted. */
static char *line_of(cJSON *order)
{
	char *text = cJSON_PrintUnformatted(order);
	char *line = service_format("%s\n", text == NULL ? "" : text);

	cJSON_free(text);
	cJSON_Delete(order);
	return line;
}

/* The answers of all programs on a state directory as an array; ends the program when there is none. The order is deleted. */
static cJSON *ask(const char *state_directory, cJSON *order)
{
	char *line = line_of(order);
	bool is_long = strlen(line) >= HUB_CONTROL_LINE_MAX;
	DIR *directory = is_long ? NULL : opendir(state_directory);
	int error = errno;
	cJSON *answers;
	const struct dirent *entry;

	if (directory == NULL) {
		free(line);
		if (is_long) {
			service_fail(SERVICE_EXIT_USAGE, "the command is longer than %u bytes", HUB_CONTROL_LINE_MAX);
		}
		service_fail(SERVICE_EXIT_FAILURE, "cannot read %s: %s", state_directory, strerror(error));
	}
	answers = cJSON_CreateArray();
	while ((entry = readdir(directory)) != NULL) {
		cJSON *answer = is_socket_name(entry->d_name) ? ask_program(state_directory, entry->d_name, line) : NULL;

		if (answer != NULL) {
			cJSON_AddItemToArray(answers, answer);
		}
	}
	free(line);
	closedir(directory);
	if (cJSON_GetArraySize(answers) == 0) {
		cJSON_Delete(answers);
		service_fail(SERVICE_EXIT_FAILURE, "no service with a gateway runs on %s", state_directory);
	}
	return answers;
}

static cJSON *order_of(const char *command)
{
	cJSON *order = cJSON_CreateObject();

	cJSON_AddStringToObject(order, "command", command);
	return order;
}

static const char *error_of(const cJSON *answer)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
}

/* Of several programs the one that could do it, else the one that knows most about why not. */
static const cJSON *best_of(const cJSON *answers)
{
	static const char *const weak[] = {HUB_ERROR_UNKNOWN, HUB_ERROR_OFFLINE};
	const cJSON *best = NULL;
	int best_rank = -1;
	const cJSON *answer;

	cJSON_ArrayForEach(answer, answers)
	{
		const char *error = error_of(answer);
		int rank = error == NULL ? 3 : strcmp(error, weak[0]) == 0 ? 0 : strcmp(error, weak[1]) == 0 ? 1 : 2;

		if (rank > best_rank) {
			best = answer;
			best_rank = rank;
		}
	}
	return best;
}

/* Asks about one device; gives the best answer, to be deleted, or ends the program with the error. */
static cJSON *ask_device(const struct command_line *line, cJSON *order)
{
	cJSON *answers = ask(line->state_directory, order);
	cJSON *best = cJSON_Duplicate(best_of(answers), 1);
	const char *error = error_of(best);
	char text[ERROR_MAX];

	cJSON_Delete(answers);
	if (error != NULL) {
		snprintf(text, sizeof(text), "%s", error);
		cJSON_Delete(best);
		service_fail(SERVICE_EXIT_FAILURE, "%s: %s", line->words[0], text);
	}
	return best;
}

static cJSON *device_order(const char *command, const struct command_line *line)
{
	cJSON *order;

	if (!service_uuid_parse(line->words[0], NULL)) {
		service_fail(SERVICE_EXIT_USAGE, "a device is named by its UUID, not by \"%s\"", line->words[0]);
	}
	order = order_of(command);
	cJSON_AddStringToObject(order, "device", line->words[0]);
	return order;
}

/* --- devices --- */

static bool is_online(const cJSON *device)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(device, "online"));
}

static bool is_same(const cJSON *one, const cJSON *other, const char *name)
{
	const char *texts[] = {cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(one, name)),
	                       cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(other, name))};

	return texts[0] != NULL && texts[1] != NULL && strcmp(texts[0], texts[1]) == 0;
}

/* Two programs of one hub know the same devices: the one that has the connection is believed. */
static void merge(cJSON *list, const cJSON *device)
{
	cJSON *entry;
	int at = 0;

	cJSON_ArrayForEach(entry, list)
	{
		if (is_same(entry, device, "device") && is_same(entry, device, "hub")) {
			if (is_online(device)) {
				cJSON_ReplaceItemInArray(list, at, cJSON_Duplicate(device, 1));
			}
			return;
		}
		at++;
	}
	cJSON_AddItemToArray(list, cJSON_Duplicate(device, 1));
}

static void print_types(const cJSON *resource)
{
	const cJSON *type;
	const char *before = "";

	cJSON_ArrayForEach(type, cJSON_GetObjectItemCaseSensitive(resource, "rt"))
	{
		if (cJSON_IsString(type)) {
			printf("%s%s", before, type->valuestring);
			before = ",";
		}
	}
}

static void print_device(const cJSON *device)
{
	const cJSON *since = cJSON_GetObjectItemCaseSensitive(device, "since");
	const cJSON *resource;
	char text[32] = "";

	if (cJSON_IsNumber(since)) {
		time_t when = (time_t)since->valuedouble;
		struct tm broken;

		strftime(text, sizeof(text), " since %Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &broken));
	}
	printf("%s %s%s, hub %s\n", cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(device, "device")),
	       is_online(device) ? "online" : "offline", text, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(device, "hub")));
	cJSON_ArrayForEach(resource, cJSON_GetObjectItemCaseSensitive(device, "resources"))
	{
		const cJSON *rep = cJSON_GetObjectItemCaseSensitive(resource, "rep");
		char *state = rep == NULL ? NULL : cJSON_PrintUnformatted(rep);

		printf("  %s ", cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(resource, "href")));
		print_types(resource);
		printf("%s%s%s\n", cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(resource, "observable")) ? " observable" : "",
		       state == NULL ? "" : " ", state == NULL ? "" : state);
		cJSON_free(state);
	}
}

void hub_command_devices(int argc, char *argv[])
{
	struct command_line line = read_line(argc, argv, 0, "devices [--json]");
	cJSON *answers = ask(line.state_directory, order_of("devices"));
	cJSON *list = cJSON_CreateArray();
	const cJSON *answer;
	const cJSON *device;

	cJSON_ArrayForEach(answer, answers)
	{
		cJSON_ArrayForEach(device, cJSON_GetObjectItemCaseSensitive(answer, "devices"))
		{
			merge(list, device);
		}
	}
	if (line.is_json) {
		char *text = cJSON_PrintUnformatted(list);

		printf("%s\n", text == NULL ? "[]" : text);
		cJSON_free(text);
	} else {
		cJSON_ArrayForEach(device, list)
		{
			print_device(device);
		}
	}
	cJSON_Delete(list);
	cJSON_Delete(answers);
}

/* --- get, post --- */

/* 2.xx: the representation on standard output (null when there is none). Anything else: code and text on standard error. */
static void print_answer(cJSON *answer)
{
	const char *code = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "code"));
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "text"));
	const cJSON *rep = cJSON_GetObjectItemCaseSensitive(answer, "rep");
	char *json = cJSON_PrintUnformatted(rep == NULL ? cJSON_GetObjectItemCaseSensitive(answer, "text") : rep);
	bool is_good = code != NULL && code[0] == '2';
	char error[ERROR_MAX];

	if (is_good) {
		printf("%s\n", json == NULL ? "null" : json);
	} else {
		snprintf(error, sizeof(error), "%s%s%s", code == NULL ? "no code" : code, text == NULL && json == NULL ? "" : " ",
		         text != NULL   ? text
		         : json != NULL ? json
		                        : "");
	}
	cJSON_free(json);
	cJSON_Delete(answer);
	if (!is_good) {
		service_fail(SERVICE_EXIT_FAILURE, "%s", error);
	}
}

void hub_command_get(int argc, char *argv[])
{
	struct command_line line = read_line(argc, argv, 2, "get DEVICE HREF");
	cJSON *order = device_order("get", &line);

	cJSON_AddStringToObject(order, "href", line.words[1]);
	print_answer(ask_device(&line, order));
}

void hub_command_post(int argc, char *argv[])
{
	struct command_line line = read_line(argc, argv, 3, "post DEVICE HREF JSON");
	cJSON *order = device_order("post", &line);
	cJSON *body = cJSON_ParseWithOpts(line.words[2], NULL, 1);

	if (body == NULL) {
		cJSON_Delete(order);
		service_fail(SERVICE_EXIT_USAGE, "what is posted must be JSON, not \"%s\"", line.words[2]);
	}
	cJSON_AddStringToObject(order, "href", line.words[1]);
	cJSON_AddItemToObject(order, "body", body);
	print_answer(ask_device(&line, order));
}

/* --- offline, expire --- */

void hub_command_offline(int argc, char *argv[])
{
	struct command_line line = read_line(argc, argv, 1, "offline DEVICE");

	cJSON_Delete(ask_device(&line, device_order("offline", &line)));
}

void hub_command_expire(int argc, char *argv[])
{
	struct command_line line = read_line(argc, argv, 1, "expire DEVICE");

	cJSON_Delete(ask_device(&line, device_order("expire", &line)));
}
