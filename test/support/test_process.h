/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes for tests: start one with pipes, read what it prints with a deadline, end it by its own pid. Every function that cannot
 * do its job fails the running cmocka test with a line that says why; a child dies with the test that started it. */
#ifndef TEST_SUPPORT_TEST_PROCESS_H
#define TEST_SUPPORT_TEST_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct test_process;

/* Starts argv[0] (a path, or a name looked up in PATH) with pipes on standard input and output; standard error is kept in memory. */
struct test_process *test_process_start(const char *const argv[]);

/* The same with something done in the child before argv[0] takes over: limits, capabilities. prepare may only do what is safe between fork and exec; NULL
 * is nothing. */
struct test_process *test_process_start_prepared(const char *const argv[], void (*prepare)(void *context), void *context);

/* The next line of its standard output without the line feed, good until the next call with this process; NULL when none was whole within
 * timeout_ms or the output ended. */
const char *test_process_read_line(struct test_process *process, int timeout_ms);

/* The next line that contains text; the lines before it are dropped. NULL as above, timeout_ms counting for the whole call. */
const char *test_process_read_line_with(struct test_process *process, const char *text, int timeout_ms);

/* Up to size bytes of standard output as soon as there are any: their count, 0 at its end, -1 when there were none within timeout_ms. */
long test_process_read(struct test_process *process, void *buffer, size_t size, int timeout_ms);

/* Writes all of it to its standard input: false when it does not read any more. */
bool test_process_write(struct test_process *process, const void *bytes, size_t length);
void test_process_close_input(struct test_process *process);

/* What it has written to standard error so far, good until the next call with this process. */
const char *test_process_error_text(struct test_process *process);

int test_process_pid(const struct test_process *process);
void test_process_signal(struct test_process *process, int signal_number);

/* Its exit code, 128 + N when signal N ended it, or -1 when it still runs after timeout_ms. */
int test_process_wait(struct test_process *process, int timeout_ms);

/* Ends it if it runs (SIGTERM, after five seconds SIGKILL), frees it and gives its exit code as above. NULL is allowed and gives 0. */
int test_process_stop(struct test_process *process);

/* Runs a program to its end, which must come within timeout_ms, and gives its exit code. output and error (NULL allowed) take what it wrote,
 * cut at their sizes and ended by a zero byte. */
int test_process_run(const char *const argv[], int timeout_ms, char *output, size_t output_size, char *error, size_t error_size);

/* The path of a program of this build ("dps-service"): in the directory that the environment names as DPS_BUILD, else found from where the test itself
 * lies. */
const char *test_program_path(const char *name, char *path, size_t size);

/* A fresh directory below $TMPDIR or /tmp, and its removal with all that is in it. */
void test_tmpdir_make(char *path, size_t size);
void test_tmpdir_remove(const char *path);

#endif
