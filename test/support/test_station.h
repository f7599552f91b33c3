/* SPDX-License-Identifier: Apache-2.0 */
/* A factory's station for tests: a directory, software TPMs with EK certificates in it, and a shell that has the programs of this build. */
#ifndef TEST_SUPPORT_TEST_STATION_H
#define TEST_SUPPORT_TEST_STATION_H

#include <stdbool.h>
#include <stddef.h>

#include "support/test_tpm.h"

#define TEST_STATION_TPMS 2

struct test_station {
	char directory[256];
	struct test_tpm tpms[TEST_STATION_TPMS];
	char out[65536];   /* what the last command wrote */
	char error[65536]; /* to standard error */
};

/* Makes the directory and its first TPM, which is then the environment's TPM2TOOLS_TCTI; the log goes below it, too. */
void test_station_set_up(struct test_station *station);

/* Starts another TPM, another chip with other seeds: test_station_use makes it the environment's. */
void test_station_add_tpm(struct test_station *station, size_t which);
void test_station_use(const struct test_station *station, size_t which);

/* Ends the TPMs and removes all. First every TPM that still runs must hold no transient object and no loaded session. */
void test_station_tear_down(struct test_station *station);

/* Group teardown. */
int test_station_forget(void **state);

/* Runs shell commands in the directory, all of them (sh -eu): the exit status. What they wrote is in out and error. */
int test_station_run(struct test_station *station, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same; the exit status must be this, else the test fails with what was written. */
void test_station_expect(struct test_station *station, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether the last command wrote this to standard output, or to standard error; fails the test if not. */
void test_station_said(const struct test_station *station, const char *text);
void test_station_complained(const struct test_station *station, const char *text);

/* The path of a file of the station, good until the next call. */
const char *test_station_path(const struct test_station *station, const char *name);

/* What a TPM holds that a command may change, and the station's logs, as one text to be freed by the caller. */
char *test_station_snapshot(struct test_station *station);

#endif
