/* SPDX-License-Identifier: Apache-2.0 */
/* Local onboarding with the real programs: a device that waits on 127.0.0.1, a tool, and codes. The device is the factory's of test_scenario.h. */
#ifndef TEST_SUPPORT_TEST_ONBOARD_H
#define TEST_SUPPORT_TEST_ONBOARD_H

#include "support/test_scenario.h"

#define TEST_ONBOARD_ID       "11111111-2222-4333-8444-555555555555"
#define TEST_ONBOARD_OTHER_ID "99999999-2222-4333-8444-555555555555"
#define TEST_ONBOARD_URI_SIZE 96
#define TEST_ONBOARD_RUN_MS   30000

struct test_onboard {
	struct test_scenario scenario;
	char tool[512];
	const char *code; /* "@PATH" */
	struct test_program device;
	char plain[TEST_ONBOARD_URI_SIZE];
	char secure[TEST_ONBOARD_URI_SIZE];
	char output[4096]; /* of the tool's last run */
	cJSON *answer;     /* its first line */
};

/* For cmocka's set-up and tear-down: *state is the structure; the device is not started. */
int test_onboard_begin(void **state);
int test_onboard_end(void **state);

/* Makes a code for an id with the tool: "@PATH". */
const char *test_onboard_make_code(struct test_onboard *f, const char *name, const char *id);

/* The device's command line: no endpoint, not --once. listen NULL: everywhere. */
void test_onboard_command(struct test_onboard *f, struct test_command *command, const char *listen);

/* Starts it, on free ports of 127.0.0.1, and waits until it listens. */
void test_onboard_start(struct test_onboard *f);
void test_onboard_start_at(struct test_onboard *f, const char *listen);
/* SIGTERM, and its end; its output stays. */
void test_onboard_stop(struct test_onboard *f);

/* The next event "onboarding" of this kind. */
const cJSON *test_onboard_await(struct test_onboard *f, const char *kind);

/* Runs the tool with --json and further arguments, ended by NULL: its exit code. f->output and f->answer have what it said. */
int test_onboard_run(struct test_onboard *f, ...);

/* Wants the last run to have failed with 1 and this cause. */
void test_onboard_expect_failure(struct test_onboard *f, int status, const char *cause);
/* Runs "show" and wants this; status NULL: any. */
void test_onboard_expect_shown(struct test_onboard *f, const char *status, const char *endpoint);

/* The "host:port" of a URI. */
const char *test_onboard_place(const char *uri);

#endif
