/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device has committed, read as a tool reads it: a client without network, channel or service on the state directory, read-only, beside a running
 * device if need be.
 */
#ifndef TEST_SUPPORT_TEST_COMMITTED_H
#define TEST_SUPPORT_TEST_COMMITTED_H

#include "dps/client.h"
#include "dps/port/mbedtls.h"
#include "dps/port/posix.h"

struct test_committed {
	bool provisioned;
	bool has_device_id;
	enum dps_status status;
	enum dps_error_number last_error;
	size_t endpoint_count;
	/* zero when not provisioned; they point into memory */
	struct dps_owner owner;
	struct dps_cloud cloud;
	struct dps_credentials credentials;
	struct dps_acl acl;
	uint8_t memory[4][DPS_CONFIG_BODY_SIZE];
	/* what it was read with */
	struct dps_posix_storage storage;
	struct dps_posix_clock clock;
	struct dps_platform platform;
	struct dps_mbedtls_keys keys;
	struct dps_client client;
};

/* Reads a state directory; fails the test when it cannot be read. */
void test_committed_open(struct test_committed *committed, const char *directory);
void test_committed_close(struct test_committed *committed);

/* Whether the committed access lists allow it. uuid NULL: of somebody that is not authenticated. */
bool test_committed_allows(const struct test_committed *committed, const char *uuid, const char *href, bool configuration,
                           unsigned permission);

/* Whether a certificate, given as a PEM file with it alone, is one of the committed trust anchors. */
bool test_committed_trusts(const struct test_committed *committed, const char *pem_path);

#endif
