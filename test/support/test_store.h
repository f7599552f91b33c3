/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A storage port in memory, for tests: fails on demand, loses power on demand, counts, and can be looked into. It keeps the port's contract
 * to the letter (writes are atomic, erases come undone wholly), unless it is told to be a worse medium, and ends the test program when its caller
 * breaks its own side of it.
 */
#ifndef TEST_SUPPORT_TEST_STORE_H
#define TEST_SUPPORT_TEST_STORE_H

#include "dps/platform.h"

/* Kinds of calls, for `fail_calls`. */
enum { TEST_STORE_READ = 1, TEST_STORE_WRITE = 2, TEST_STORE_ERASE = 4, TEST_STORE_ANY = 7 };

/* Where in a changing call (write or erase) the power goes. */
enum test_store_cut {
	TEST_STORE_CUT_BEFORE, /* nothing of the call happens */
	TEST_STORE_CUT_DURING, /* half of the bytes were on their way: the medium throws them away, as atomic writes do */
	TEST_STORE_CUT_AFTER,  /* all of it happened, but the caller never hears of it */
	TEST_STORE_CUT_KINDS,  /* of a medium that keeps the contract */
	/* The medium breaks it: of what was being written the first torn_bytes are left, of what was being erased too, and the old content is gone. */
	TEST_STORE_CUT_TORN = TEST_STORE_CUT_KINDS
};

/* All that the library may keep at once, in old forms and new, and some that key ports do. */
#define TEST_STORE_BLOBS 40

/* Cuts that all stores of this program have made: tests print it. */
extern size_t test_store_cuts_made;

struct test_store_blob {
	char name[DPS_STORAGE_NAME_LENGTH + 1]; /* "": a free place */
	uint8_t *data;
	size_t len;
};

struct test_store {
	struct dps_storage port; /* what the code under test is given */
	struct test_store_blob blobs[TEST_STORE_BLOBS];

	/* Counters; the test may set them back. */
	size_t reads, writes, erases;

	/* The fail_at-th call (from 1) of the kinds in fail_calls, and fail_count - 1 more of them, return fail_with and do nothing. */
	size_t fail_at; /* 0: none */
	size_t fail_count;
	unsigned fail_calls;
	dps_result fail_with;

	/* The cut_at-th write or erase (from 1) loses the power; all calls fail from then on, until test_store_power_on(). */
	size_t cut_at; /* 0: never */
	enum test_store_cut cut_kind;
	size_t torn_bytes; /* at most all but one of the bytes: more are as many */
	size_t torn_len;   /* how many there were to tear at the last cut of that kind */
	bool off;

	size_t matched; /* calls counted towards fail_at */
	size_t changed; /* calls counted towards cut_at */
};

void test_store_init(struct test_store *store);
void test_store_free(struct test_store *store);

/* From now on: the n-th call of these kinds fails once with this result. */
void test_store_fail(struct test_store *store, unsigned calls, size_t n, dps_result result);
/* From now on: every call of these kinds fails; DPS_OK ends it. */
void test_store_fail_always(struct test_store *store, unsigned calls, dps_result result);
/* From now on: the power goes at the n-th change. n 0: it stays. */
void test_store_cut_at(struct test_store *store, size_t n, enum test_store_cut kind);
/* The same, tearing: of what is changed then this many bytes are left. */
void test_store_tear_at(struct test_store *store, size_t n, size_t bytes);
/*
 * For loops over every way to lose the power at the n-th change: the step-th of them, from 0. First the kinds of a medium that keeps the contract, then
 * torn ones: every prefix up to 64 bytes, then a spread, and all but the last byte. Sets the cut; false: there are no more. The store may be copied to
 * between the steps.
 */
bool test_store_cut_step(struct test_store *store, size_t n, size_t step);
/* The power is back; what was to fail or be cut is forgotten. */
void test_store_power_on(struct test_store *store);

/* Looking in and reaching in, past all failures. NULL: no such blob. */
struct test_store_blob *test_store_find(struct test_store *store, const char *name);
void test_store_put(struct test_store *store, const char *name, const void *data, size_t len);
void test_store_remove(struct test_store *store, const char *name);
size_t test_store_count(const struct test_store *store);
/* Makes `to` (initialised) hold the same blobs as `from`, and nothing of its failures. */
void test_store_copy(struct test_store *to, const struct test_store *from);
bool test_store_same(const struct test_store *a, const struct test_store *b);

#endif
