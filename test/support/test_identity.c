/* SPDX-License-Identifier: Apache-2.0 */
/* See test_identity.h. */
#include "support/test_identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"

static void must(dps_result result, const char *what)
{
	if (result != DPS_OK) {
		fail_msg("%s: %s", what, dps_result_name(result));
	}
}

void test_identity_open(struct test_identity *identity, const char *directory)
{
	struct dps_credentials *credentials = &identity->credentials;

	memset(identity, 0, sizeof(*identity));
	must(dps_posix_storage_open(&identity->storage, directory), directory);
	dps_posix_random_init(&identity->random);
	dps_mbedtls_keys_init(&identity->keys, &identity->storage.port, &identity->random);
	must(dps_store_open(&identity->store, &identity->storage.port, identity->memory, sizeof(identity->memory)), "the store");
	must(dps_store_read(&identity->store, DPS_RECORD_ACLS, DPS_STORE_COMMITTED, identity->acl_memory, sizeof(identity->acl_memory),
	                    &identity->acl),
	     "the access lists");
	must(dps_store_read(&identity->store, DPS_RECORD_CREDENTIALS, DPS_STORE_COMMITTED, identity->memory, sizeof(identity->memory),
	                    credentials),
	     "the credentials");
	assert_true(credentials->key_slot.len < sizeof(identity->key_slot));
	memcpy(identity->key_slot, credentials->key_slot.data, credentials->key_slot.len);
	must(identity->keys.port.open(identity->keys.port.ctx, identity->key_slot), "the operational key");
}

void test_identity_close(struct test_identity *identity)
{
	dps_mbedtls_keys_deinit(&identity->keys);
	dps_posix_storage_close(&identity->storage);
}

size_t test_identity_leaf_length(const struct test_identity *identity)
{
	const uint8_t *der = identity->credentials.chain.data;

	/* A SEQUENCE of more than 255 bytes: 30 82 hh ll (X.690 8.1.3). */
	assert_true(identity->credentials.chain.len > 4 && der[0] == 0x30 && der[1] == 0x82);
	return 4 + ((size_t)der[2] << 8 | der[3]);
}
