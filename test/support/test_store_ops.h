/* SPDX-License-Identifier: Apache-2.0 */
/* What a device does with its store in the course of its life, as lists of steps, to be cut and failed at every port call. */
#ifndef TEST_SUPPORT_TEST_STORE_OPS_H
#define TEST_SUPPORT_TEST_STORE_OPS_H

#include "support/test_medium.h"

enum test_op_kind {
	TEST_OP_STAGE,
	TEST_OP_COMMIT,
	TEST_OP_DISCARD,
	TEST_OP_COLLECT,
	TEST_OP_CONFIRM,
	TEST_OP_REOPEN,
	TEST_OP_DEVICE,
	TEST_OP_ENDPOINTS,
	TEST_OP_TIME,
	TEST_OP_MIGRATE
};

struct test_op {
	enum test_op_kind kind;
	enum dps_record record; /* STAGE */
	unsigned version;       /* STAGE, DEVICE, ENDPOINTS, TIME */
	uint32_t mask;          /* COMMIT, DISCARD, CONFIRM */
};

#define TEST_MAX_OPS 24

/* All that can be read from a store. */
struct test_whole {
	struct test_state records;
	unsigned device, endpoints, time;
};

void test_whole_read(struct dps_store *store, struct test_whole *whole);
bool test_whole_same(const struct test_whole *a, const struct test_whole *b);

dps_result test_op_run(struct dps_store *store, const struct dps_storage *port, const struct test_op *op);
/* Runs from a freshly opened store, and stops at the first failure. Returns how many ops were done; states, if not NULL, takes the state behind each. */
size_t test_ops_run(struct test_store *medium, const struct test_op *ops, size_t count, struct test_whole *states);
/* The power is back, the store opens, no reset was begun. */
void test_ops_reopen(struct test_store *medium, struct test_whole *whole);

/* A first run; and a renewal, a discarded answer, a forced run, generations left uncollected, a list of endpoints that changes. */
#define TEST_FIRST_RUN  15
#define TEST_LATER_RUNS 20
extern const struct test_op test_first_run[TEST_FIRST_RUN];
extern const struct test_op test_later_runs[TEST_LATER_RUNS];

/* A medium behind the first run and so many ops of the later ones. */
void test_ops_base(struct test_store *base, size_t later);

/* A test that prints how many cuts it made. */
int test_ops_tell_cuts(void **state);
#define TEST_CUTS(test) cmocka_unit_test_teardown(test, test_ops_tell_cuts)

#endif
