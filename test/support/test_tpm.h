/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TPMs for tests: an swtpm of its own for each test, with an EK certificate of swtpm_localca, on free loopback ports; and a line to it that breaks, falls silent or
 * lies at a command of the test's choice.
 */
#ifndef TEST_SUPPORT_TEST_TPM_H
#define TEST_SUPPORT_TEST_TPM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/test_process.h"

struct test_tpm {
	char dir[256]; /* its state is in it; the test may keep files there */
	struct test_process *process;
	uint16_t port;
	char tcti[64]; /* "swtpm:host=127.0.0.1,port=..." */
};

/* A new TPM, started. The first call of a program manufactures one, the others begin with a copy of it. */
void test_tpm_start(struct test_tpm *tpm);

/* Ends it, and removes its directory. Harmless when it was not started. */
void test_tpm_stop(struct test_tpm *tpm);

/* Switches its power off and on again, without a TPM2_Shutdown of its own. */
void test_tpm_power_cycle(struct test_tpm *tpm);

/* Ends the process only; test_tpm_power_cycle starts it again. */
void test_tpm_kill(struct test_tpm *tpm);

/* A file of the directory; good until eight calls later. */
const char *test_tpm_path(const struct test_tpm *tpm, const char *name);

/* Runs a program of tpm2-tools on it, further arguments end with NULL: its exit code. output may be NULL. */
int test_tpm_tool(const struct test_tpm *tpm, char *output, size_t size, const char *tool, ...);

/* How many handles tpm2_getcap lists: "handles-transient", "handles-loaded-session", "handles-saved-session", "handles-persistent". */
size_t test_tpm_count(const struct test_tpm *tpm, const char *capability);

/* Fails the test unless the TPM holds no transient object and no session. */
void test_tpm_assert_clean(const struct test_tpm *tpm);

/* Removes what the programs of this file's tests shared. For group teardown. */
void test_tpm_forget_all(void);

/* What a line does from its Nth command on. */
enum test_tpm_fault {
	TEST_TPM_CLOSE,   /* the connection ends before the command reaches the TPM, and no other is accepted */
	TEST_TPM_EATEN,   /* the command reaches the TPM, then the connection ends */
	TEST_TPM_SILENT,  /* nothing comes back */
	TEST_TPM_GARBAGE, /* what comes back is no answer of a TPM */
	TEST_TPM_ANSWER   /* the TPM is not asked: it answers with a response code */
};

struct test_tpm_line {
	uint16_t port;
	char tcti[64];
	const char *volatile needle; /* looked for in what is sent to the TPM; NULL: nothing is */
	volatile bool found;
	/* private */
	pthread_t thread;
	int listener;
	int stop[2];
	uint16_t to;
	volatile unsigned commands;
	volatile unsigned at; /* counted from 1; 0: never */
	volatile unsigned times;
	volatile enum test_tpm_fault fault;
	volatile uint32_t code;
	volatile uint32_t only; /* of a command code, or 0: whatever it is */
};

/* A line to a TPM, without a fault; tpm NULL: there is none behind it. */
void test_tpm_line_start(struct test_tpm_line *line, const struct test_tpm *tpm);
void test_tpm_line_stop(struct test_tpm_line *line);

/* The at-th command from now on, and `times` of them in all (0: all that follow), meets this. at 0: none does. */
void test_tpm_line_fault(struct test_tpm_line *line, unsigned at, unsigned times, enum test_tpm_fault fault, uint32_t code);

/* The same for commands of one code only. */
void test_tpm_line_fault_on(struct test_tpm_line *line, uint32_t command, unsigned times, enum test_tpm_fault fault, uint32_t code);

/* Commands that came over it since the last test_tpm_line_fault. */
unsigned test_tpm_line_commands(const struct test_tpm_line *line);

#endif
