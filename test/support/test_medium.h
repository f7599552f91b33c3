/* SPDX-License-Identifier: Apache-2.0 */
/* Media for tests of the store: one that holds some of everything, blobs as somebody else would write them, and what is in one. */
#ifndef TEST_SUPPORT_TEST_MEDIUM_H
#define TEST_SUPPORT_TEST_MEDIUM_H

#include "store/store.h"
#include "support/test_records.h"
#include "support/test_store.h"

/* Opens with a buffer of its own, which holds any blob. */
dps_result test_medium_open(struct dps_store *store, struct test_store *medium);

/* A medium with all records of version 1 in force and confirmed, credentials of version 2 staged, and the device's own. */
void test_medium_make(struct test_store *medium, struct dps_store *store);
/* The blobs of that medium. */
#define TEST_MEDIUM_BLOBS 12
extern const char *const test_medium_names[TEST_MEDIUM_BLOBS];

/* The device's own: a value of each that a number stands for, 1 to 99. */
dps_result test_medium_write_device(struct dps_store *store, unsigned version);
dps_result test_medium_write_endpoints(struct dps_store *store, unsigned version);
dps_result test_medium_write_time(struct dps_store *store, unsigned version);
/* The number that is there; 0: none, or damaged. Ends the test program if it is a mixture or no such value. */
unsigned test_medium_device(struct dps_store *store);
unsigned test_medium_endpoints(struct dps_store *store);
unsigned test_medium_time(struct dps_store *store);

void test_put16(uint8_t *out, uint32_t value);
void test_put32(uint8_t *out, uint32_t value);
/* Writes a blob with a right header and CRC: what a hostile medium, or another version of the library, can do. */
void test_medium_forge(struct test_store *medium, const char *name, unsigned version, unsigned kind, uint32_t generation,
                       struct dps_span body);
/* The blob is byte for byte this. */
void test_medium_expect(struct test_store *medium, const char *name, const char *hex);

/* Fills a medium with what a release of format version 1 has written: test/vectors/store-v1.txt, which says what it is. */
void test_medium_fill_v1(struct test_store *medium);

#endif
