/* SPDX-License-Identifier: Apache-2.0 */
/* The writable memory of a process, looked through for what must not be there. */
#ifndef TEST_SUPPORT_TEST_MEMORY_H
#define TEST_SUPPORT_TEST_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* How often these bytes stand in a piece of memory; overlapping ones count. */
size_t test_memory_count(const uint8_t *data, size_t len, const void *wanted, size_t wanted_len);

/* Gives each writable mapping of a process to count, as far as it can be read, and the sum of what that returns. Fails the test when there was little to
 * look through. */
size_t test_memory_search(int pid, size_t (*count)(const uint8_t *data, size_t len, const void *context), const void *context);

#endif
