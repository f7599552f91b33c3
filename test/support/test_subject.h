/* SPDX-License-Identifier: Apache-2.0 */
/* A provisioned device as it was when that was done, to be tried again and again, and the service that did it. */
#ifndef TEST_SUPPORT_TEST_SUBJECT_H
#define TEST_SUPPORT_TEST_SUBJECT_H

#include "support/test_scenario.h"
#include "support/test_snapshot.h"

struct test_subject {
	struct test_scenario *scenario;
	const char *config;        /* of the service */
	struct test_local service; /* runs until the end */
	struct test_snapshot base; /* the device's state, in the directory "base" of the scenario */
	char device_id[37];
};

/* Starts a service with this configuration, NULL for none, and has it provision the device. */
void test_subject_begin(struct test_subject *subject, struct test_scenario *scenario, const char *config);
void test_subject_end(struct test_subject *subject);

#endif
