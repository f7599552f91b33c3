/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records for tests of the store: one number, the version, is written into every field that can hold it, so that a record read back says which one
 * it is, and a mix of two says so too.
 */
#ifndef TEST_SUPPORT_TEST_RECORDS_H
#define TEST_SUPPORT_TEST_RECORDS_H

#include "store/store.h"

/* Stages a version (1 to 31) of a record. */
dps_result test_record_stage(struct dps_store *store, enum dps_record record, unsigned version);

/* Reads a record: its version, 0 if there is none; *result says why. Ends the test program if its fields do not agree. */
unsigned test_record_read(struct dps_store *store, enum dps_record record, enum dps_store_which which, dps_result *result);

/* All that a store says, to be compared. */
struct test_state {
	unsigned committed[DPS_RECORD_COUNT];
	unsigned staged[DPS_RECORD_COUNT];
	uint32_t damaged;
	uint32_t unconfirmed;
};
void test_state_read(struct dps_store *store, struct test_state *state);
bool test_state_same(const struct test_state *a, const struct test_state *b);

#endif
