/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device and a service on one machine: the real programs, their directories, their command lines and what they print as JSON lines. All times in
 * here are bounds after which a test fails, never something that is waited for.
 */
#ifndef TEST_SUPPORT_TEST_SCENARIO_H
#define TEST_SUPPORT_TEST_SCENARIO_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "support/test_process.h"

/* No run of a device takes longer, however slow the machine. */
#define TEST_RUN_MS 20000

/* --- the scene --------------------------------------------------------------------------------------------------------------------- */

/* A temporary directory with "service" (the authorities of a service) and "factory" (what a P-256 device leaves its factory with). */
struct test_scenario {
	char directory[256];
	char device_program[512];
	char service_program[512];
	const char *close_after_ms; /* of services: how long a connection stays behind an error; NULL: as the public service */
	char **texts;               /* of test_format, freed at the end */
	size_t text_count;
};

void test_scenario_begin(struct test_scenario *scenario);
void test_scenario_end(struct test_scenario *scenario);

/* A text, and a path below the scenario's directory; both stay until its end. */
__attribute__((format(printf, 2, 3))) const char *test_format(struct test_scenario *scenario, const char *format, ...);
__attribute__((format(printf, 2, 3))) const char *test_path(struct test_scenario *scenario, const char *format, ...);

/* One more identity of the factory in directory `out` below the scenario's, signed by the authorities in `authorities`; further options of `make-device` follow,
 * ended by NULL. */
void test_make_factory(struct test_scenario *scenario, const char *authorities, const char *out, ...);

/* Runs a program that must exit 0; ended by NULL. */
void test_must_run(const char *program, ...);

/* --- command lines ----------------------------------------------------------------------------------------------------------------- */

#define TEST_ARGUMENTS_MAX 64

/* An option appears once and its value, if it has one, is the argument behind it. Texts are borrowed. */
struct test_command {
	const char *argv[TEST_ARGUMENTS_MAX + 1];
	size_t count;
	void (*prepare)(void *context); /* run in the child before the program */
	void *context;
};

void test_command_flag(struct test_command *command, const char *argument);                 /* adds one argument */
void test_command_add(struct test_command *command, const char *option, const char *value); /* adds an option with its value */
void test_command_set(struct test_command *command, const char *option, const char *value); /* replaces its value, or adds it */
void test_command_drop(struct test_command *command, const char *option, bool has_value);

/* For prepare: root may read and write every file, but not without these powers; others have none to lose. */
void test_drop_powers(void *context);

/* --- running programs -------------------------------------------------------------------------------------------------------------- */

/* A program that runs or ran, and what it has printed. */
struct test_program {
	struct test_process *process;
	char *output; /* all of standard output */
	size_t output_length;
	char *error;   /* all of standard error, once it has ended */
	cJSON *events; /* the JSON lines of standard output, in an array */
	int exit_code;
};

void test_program_start(struct test_program *program, const struct test_command *command);
/* The same with its standard input left open, for test_process_write; test_program_start closes it. */
void test_program_start_open(struct test_program *program, const struct test_command *command);
/* The next event of this name, which may have been printed before; fails the test when none comes within TEST_RUN_MS. */
const cJSON *test_program_await(struct test_program *program, const char *event);
/* Takes all output to its end, and the exit code; fails the test when that does not come within TEST_RUN_MS. */
void test_program_finish(struct test_program *program);
/* Both. */
void test_program_run(struct test_program *program, const struct test_command *command);
/* Frees it; ends it if it still runs. */
void test_program_free(struct test_program *program);

/* The last event, the last one of a name, and how many there are of a name; NULL or 0 when there is none. */
const cJSON *test_last(const struct test_program *program);
const cJSON *test_last_named(const struct test_program *program, const char *event);
size_t test_count_named(const struct test_program *program, const char *event);

/* A value within an event by its path, "hub.gateways.0"; NULL when it is not there or not of that type. */
const char *test_get_text(const cJSON *event, const char *path);
/* -1 when it is not there or no number. */
double test_get_number(const cJSON *event, const char *path);
const cJSON *test_get(const cJSON *event, const char *path);

/* --- the service ------------------------------------------------------------------------------------------------------------------- */

struct test_local {
	struct test_program program;
	int port;
	char uri[64]; /* coaps+tcp://localhost:PORT */
};

/*
 * Starts dps-service on the authorities "service" and a free port, and waits until it listens. config is the text of its configuration file, or NULL; faults
 * are those of --fault, ended by NULL, or NULL.
 */
void test_local_start(struct test_local *service, struct test_scenario *scenario, const char *config, const char *const faults[]);
void test_local_start_at(struct test_local *service, struct test_scenario *scenario, const char *authorities, const char *config,
                         const char *const faults[]);
/* The same on a port of the test's choice, such as that of a service which has ended. */
void test_local_start_on(struct test_local *service, struct test_scenario *scenario, const char *authorities, int port, const char *config,
                         const char *const faults[]);

/* Sends a line of control (docs/local-service.md) and waits until it is done; fails the test when it is not. */
void test_local_control(struct test_local *service, const char *line);
/* Sends one that must be refused: why, good until test_local_free. */
const char *test_local_control_refused(struct test_local *service, const char *line);

/* Ends it; its events stay readable until test_local_free. */
void test_local_stop(struct test_local *service);
void test_local_free(struct test_local *service);

/* How many requests of a step came in, answered or not. After test_local_stop all are counted. */
size_t test_local_requests(const struct test_local *service, const char *step);
/* How many of them were answered with this code ("2.05"). */
size_t test_local_answers(const struct test_local *service, const char *step, const char *code);

/* --- the device -------------------------------------------------------------------------------------------------------------------- */

/* The usual command line, with --json and --once, for a service and a state directory below the scenario's; endpoint NULL: that of nobody. */
void test_device_command(struct test_command *command, struct test_scenario *scenario, const char *endpoint, const char *state);

/* Runs it and wants it to be provisioned: its device id. */
void test_device_provision(struct test_scenario *scenario, const char *endpoint, const char *state, char device_id[37]);

/* Wants a device without any service to say that it is provisioned, with that device id. */
void test_device_is_provisioned(struct test_scenario *scenario, const char *state, const char *device_id);

#endif
