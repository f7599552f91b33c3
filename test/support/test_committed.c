/* SPDX-License-Identifier: Apache-2.0 */
/* See test_committed.h. */
#include "support/test_committed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dps/acl.h"

static void must(dps_result result, const char *what)
{
	if (result != DPS_OK) {
		fail_msg("%s: %s", what, dps_result_name(result));
	}
}

static void read_records(struct test_committed *committed)
{
	struct dps_client *client = &committed->client;

	must(dps_client_read_owner(client, committed->memory[0], sizeof(committed->memory[0]), &committed->owner), "the owner");
	must(dps_client_read_cloud(client, committed->memory[1], sizeof(committed->memory[1]), &committed->cloud), "the cloud configuration");
	must(dps_client_read_credentials(client, committed->memory[2], sizeof(committed->memory[2]), &committed->credentials),
	     "the credentials");
	must(dps_client_read_acls(client, committed->memory[3], sizeof(committed->memory[3]), &committed->acl), "the access lists");
}

void test_committed_open(struct test_committed *committed, const char *directory)
{
	struct dps_client_config config;
	struct dps_endpoint endpoint;
	struct dps_uuid id;

	memset(committed, 0, sizeof(*committed));
	must(dps_posix_storage_open_readonly(&committed->storage, directory), directory);
	dps_posix_random_init(&committed->platform.random);
	dps_posix_clock_init(&committed->clock, false);
	committed->platform.clock = committed->clock.port;
	committed->platform.storage = committed->storage.port;
	dps_mbedtls_keys_init(&committed->keys, &committed->platform.storage, &committed->platform.random);
	dps_client_config_default(&config);
	config.platform = &committed->platform;
	config.keys = &committed->keys.port;
	must(dps_client_init(&committed->client, &config), "a client for tools");
	must(dps_client_load(&committed->client, &committed->provisioned), directory);
	committed->has_device_id = dps_client_device_id(&committed->client, &id) == DPS_OK;
	committed->status = dps_client_status(&committed->client);
	committed->last_error = dps_client_last_error(&committed->client);
	while (dps_client_get_endpoint(&committed->client, committed->endpoint_count, &endpoint) == DPS_OK) {
		committed->endpoint_count++;
	}
	if (committed->provisioned) {
		read_records(committed);
	}
}

void test_committed_close(struct test_committed *committed)
{
	dps_client_deinit(&committed->client);
	dps_mbedtls_keys_deinit(&committed->keys);
	dps_posix_storage_close(&committed->storage);
}

bool test_committed_allows(const struct test_committed *committed, const char *uuid, const char *href, bool configuration,
                           unsigned permission)
{
	struct dps_acl_question question = {
		.href = {(const uint8_t *)href, strlen(href)},
		.configuration = configuration,
		.secure_endpoint = true,
		.permission = permission,
	};

	if (uuid != NULL) {
		question.subject.authenticated = true;
		assert_int_equal(dps_uuid_parse(uuid, strlen(uuid), &question.subject.uuid), DPS_OK);
	}
	return dps_acl_allows(&committed->acl, &question);
}

bool test_committed_trusts(const struct test_committed *committed, const char *pem_path)
{
	uint8_t der[8192];
	size_t length = 0;
	FILE *file = fopen(pem_path, "r");

	if (file == NULL) {
		fail_msg("cannot open %s", pem_path);
		return false;
	}
	length = fread(der, 1, sizeof(der), file);
	fclose(file);
	must(dps_pki_load_certificates(der, length, der, sizeof(der), &length), pem_path);
	for (size_t at = 0; at < committed->credentials.anchor_count; at++) {
		const struct dps_span *anchor = &committed->credentials.anchors[at].der;

		if (anchor->len == length && memcmp(anchor->data, der, length) == 0) {
			return true;
		}
	}
	return false;
}
