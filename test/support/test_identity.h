/* SPDX-License-Identifier: Apache-2.0 */
/* What a provisioned device has committed, read from its state directory through the library's own store and ports. */
#ifndef TEST_SUPPORT_TEST_IDENTITY_H
#define TEST_SUPPORT_TEST_IDENTITY_H

#include "dps/client.h"
#include "dps/port/mbedtls.h"
#include "dps/port/posix.h"

struct test_identity {
	struct dps_posix_storage storage;
	struct dps_random random;
	struct dps_mbedtls_keys keys;
	struct dps_store store;
	struct dps_credentials credentials; /* they point into memory */
	char key_slot[DPS_CONFIG_SLOT_LENGTH + 1];
	uint8_t memory[DPS_CONFIG_BODY_SIZE];
	struct dps_acl acl; /* it points into acl_memory */
	uint8_t acl_memory[DPS_CONFIG_BODY_SIZE];
};

/* Opens a state directory, which no device may hold meanwhile; fails the test when something is not there. */
void test_identity_open(struct test_identity *identity, const char *directory);
void test_identity_close(struct test_identity *identity);

/* Bytes of the first certificate of the chain. */
size_t test_identity_leaf_length(const struct test_identity *identity);

#endif
