/* SPDX-License-Identifier: Apache-2.0 */
/* Forced runs of a provisioned device, each against a service of its own with one fault, several at a time: most of a run's time is waiting. */
#ifndef TEST_SUPPORT_TEST_ATTEMPT_H
#define TEST_SUPPORT_TEST_ATTEMPT_H

#include "support/test_subject.h"

/* What a run is to come to when it fails: "a|b" allows either cause. */
struct test_outcome {
	const char *cause;
	const char *code; /* of the peer; NULL: any or none */
	int exit_code;    /* 3: past the deadline; 4: refused for good */
};

struct test_attempt {
	/* what is tried; the texts are borrowed */
	const char *fault;
	const char *option;  /* one more option of the device, or NULL */
	const char *timeout; /* of the device, seconds */
	bool fresh;          /* not the provisioned device but one without any state */
	const char *step;    /* where it is to fail, and how, for test_attempt_check_failed */
	struct test_outcome outcome;
	/* what came of it */
	char state[32]; /* directory below the scenario's */
	struct test_local service;
	struct test_program device;
	struct test_snapshot after;
};

/* Runs all of them and hands each to check, in their order. */
void test_attempts(struct test_subject *subject, struct test_attempt *attempts, size_t count,
                   void (*check)(struct test_subject *subject, struct test_attempt *attempt, size_t index));

/* Fails the test with what was tried, why it is wrong, and what both sides said. */
__attribute__((format(printf, 2, 3), noreturn)) void test_attempt_fail(const struct test_attempt *attempt, const char *format, ...);

/* For test_attempts: the run failed as it should, and test_attempt_untouched. */
void test_attempt_check_failed(struct test_subject *subject, struct test_attempt *attempt, size_t index);

/* Whether a name is one of those in "a|b|c"; NULL is not. */
bool test_is_one_of(const char *name, const char *names);

/* Wants that the device's committed state is byte for byte as it was, and that it says so when it is restarted. */
void test_attempt_untouched(struct test_subject *subject, const struct test_attempt *attempt);

/* --- many of them ------------------------------------------------------------------------------------------------------------------ */

/* The steps that a service can fail at, in the order of asking. */
#define TEST_STEPS 6u
extern const char *const test_steps[TEST_STEPS];

#define TEST_TRIALS_MAX 128

/* A scenario with a device that has something of every step, and the attempts that a test makes at it: cleared, added one by one, and run. */
struct test_trials {
	struct test_scenario scenario;
	struct test_subject subject;
	struct test_attempt attempts[TEST_TRIALS_MAX];
	size_t count;
};

/* close_after_ms: as in the scenario. */
void test_trials_begin(struct test_trials *trials, const char *close_after_ms);
void test_trials_end(struct test_trials *trials);

void test_trials_clear(struct test_trials *trials);
/* What the service does at a step. The device has time for a failure or two, and its deadline ends the run; the caller may change that. */
struct test_attempt *test_trials_add(struct test_trials *trials, const char *step, const char *action, const char *option);
/* The same, for test_attempt_check_failed. */
void test_trials_add_failing(struct test_trials *trials, const char *step, const char *action, const char *option,
                             const struct test_outcome *outcome);
void test_trials_run(struct test_trials *trials, void (*check)(struct test_subject *subject, struct test_attempt *attempt, size_t index));

#endif
