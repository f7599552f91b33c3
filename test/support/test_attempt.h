/* SPDX-License-Identifier: Apache-2.0 */
/* Forced runs of a provisioned device, each against a service of its own with one fault, several at a time: most of a run's time is waiting. */
#ifndef TEST_SUPPORT_TEST_ATTEMPT_H
#define TEST_SUPPORT_TEST_ATTEMPT_H

#include "support/test_scenario.h"
#include "support/test_snapshot.h"

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

/* The device that is tried, and how the services are configured. */
struct test_subject {
	struct test_scenario *scenario;
	const char *config;
	struct test_snapshot base;
	char device_id[37];
};

/* Provisions the device; a service with this configuration does it. */
void test_subject_begin(struct test_subject *subject, struct test_scenario *scenario, const char *config);
void test_subject_end(struct test_subject *subject);

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

#endif
