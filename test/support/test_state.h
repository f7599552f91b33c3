/* SPDX-License-Identifier: Apache-2.0 */
/* A device that is given its state directory, in a scenario's, and nothing else: what else is needed must be remembered. */
#ifndef TEST_SUPPORT_TEST_STATE_H
#define TEST_SUPPORT_TEST_STATE_H

#include <stdbool.h>

#include "support/test_subject.h"

/* The state of the subject in a directory of its own, to be changed. */
void test_state_copy(const struct test_subject *subject, const char *state);

/* The command; and the one that provisions once, with little patience. */
void test_state_command(struct test_scenario *scenario, struct test_command *command, const char *state);
void test_state_once(struct test_scenario *scenario, struct test_command *command, const char *state);

/* Resets the device, and fails the test unless nothing is left. */
void test_state_reset(struct test_scenario *scenario, const char *state);

/* Fail the test, telling what it was about, unless a program that has ended said this last. */
void test_state_expect(const struct test_program *device, int exit_code, const char *event, const char *about);
void test_state_expect_failed(const struct test_program *device, int exit_code, const char *cause, const char *text, const char *about);
void test_state_expect_provisioned(const struct test_program *device, bool fresh, const char *about);

#endif
