/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes for tests: from hex, from the files of vectors, and in memory that ends where they end (so that sanitizers see a byte too many). */
#ifndef TEST_SUPPORT_TEST_BYTES_H
#define TEST_SUPPORT_TEST_BYTES_H

#include "dps/types.h"

/* The text's bytes. */
struct dps_span test_text(const char *text);
/* Hex into buf; blanks are skipped. Ends the test program if it is no hex or does not fit. */
struct dps_span test_hex(const char *hex, uint8_t *buf, size_t size);
/* A payload of test/vectors/plgd/payloads.txt by its name. Ends the test program if there is none. */
struct dps_span test_payload(const char *name, uint8_t *buf, size_t size);
/* The index-th file of test/vectors/store-v1.txt, what a release of storage format version 1 has left: its bytes into buf. False behind the last. */
bool test_stored_v1(size_t index, char name[32], uint8_t *buf, size_t size, struct dps_span *bytes);
/* A heap copy without a byte to spare; free() the data. */
struct dps_span test_copy(const void *data, size_t len);

#endif
