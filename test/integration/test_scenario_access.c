/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acceptance scenarios of the plgd hub: who may do what with a provisioned device. docs/scenarios.md lists all of them. The hub's tests connect to the device to
 * find out; here its committed credentials and the decisions of its committed access lists are looked at, which are all that a server of its resources goes by.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dps/acl.h"
#include "support/test_committed.h"
#include "support/test_scenario.h"

#define OWNER     "5b0f4c1e-6d52-4a8e-9f0f-3c8a2b7d1e90"
#define NEW_OWNER "0c2a6f0e-90f4-4b1c-8c43-6f0b8f3f5d11"
#define STRANGER  "99999999-8888-4777-8666-555555555555"
#define HUB       "00000000-0000-0000-0000-000000000001"
#define PSK       "psk-0f-16-bytes!"

#define HUB_SIGNED_BY(ca) "[{\"id\": \"" HUB "\", \"gateways\": [\"gw.example:5684\"], \"ca\": \"" ca "\"}]"

static struct test_scenario scenario;
static struct test_local service;
static struct test_committed committed;

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_scenario_end(&scenario);
	return 0;
}

static int start_service(void **state)
{
	(void)state;
	test_local_start(&service, &scenario, "{\"owner\": \"" OWNER "\", \"resources\": []}", NULL);
	return 0;
}

static int stop_service(void **state)
{
	(void)state;
	test_program_free(&service.program);
	return 0;
}

/* Provisions again, and wants it to be said whether the owner is another one and that the credentials are new: so sessions of the old ones are ended. */
static void provision_again(const char *name, bool owner_changed)
{
	struct test_command command;
	struct test_program device;
	const cJSON *event;
	const cJSON *record;
	bool has_credentials = false;

	test_device_command(&command, &scenario, service.uri, name);
	test_command_flag(&command, "--force");
	test_program_run(&device, &command);
	if (device.exit_code != 0) {
		fail_msg("exit %d: %s", device.exit_code, device.output);
	}
	assert_int_equal(test_count_named(&device, "committed"), 1);
	event = test_last_named(&device, "committed");
	assert_int_equal(cJSON_IsTrue(test_get(event, "ownerChanged")), owner_changed);
	cJSON_ArrayForEach(record, test_get(event, "records"))
	{
		has_credentials = has_credentials || strcmp(cJSON_GetStringValue(record), "credentials") == 0;
	}
	assert_true(has_credentials);
	test_program_free(&device);
}

static void open_committed(const char *name)
{
	test_committed_open(&committed, test_path(&scenario, "%s", name));
	assert_true(committed.provisioned);
}

static void expect_uuid(const struct dps_uuid *id, const char *text)
{
	struct dps_uuid wanted;

	assert_int_equal(dps_uuid_parse(text, strlen(text), &wanted), DPS_OK);
	assert_true(dps_uuid_equal(id, &wanted));
}

/*
 * TestProvisioningWithPSK
 * Given a group with a pre-shared key, when a device is provisioned, then its record carries the owner as subject and the key, so that the owner can connect with
 * them; that the connection works is a matter of the server of the device's resources.
 */
static void with_psk(void **state)
{
	char device_id[37];

	(void)state;
	test_local_control(&service, "set psk \"" PSK " and more\"");
	test_device_provision(&scenario, service.uri, "psk", device_id);
	open_committed("psk");
	assert_int_equal(committed.credentials.psk_count, 1);
	expect_uuid(&committed.credentials.psks[0].subject, OWNER);
	assert_int_equal(committed.credentials.psks[0].key.len, 16);
	assert_memory_equal(committed.credentials.psks[0].key.data, PSK, 16);
	expect_uuid(&committed.owner.id, OWNER);
	assert_true(test_committed_allows(&committed, OWNER, "/light/1", false, DPS_ACL_RETRIEVE | DPS_ACL_UPDATE));
	test_committed_close(&committed);
}

/*
 * TestInvalidOwner
 * Given a device that was provisioned, and provisioned again, when an owner connects that is not its own, then it may look at /oic/d, /oic/p and /oic/res and at
 * nothing that matters: credentials, access lists, cloud configuration and /plgd/dps can be neither read nor written. (The lists that the service gives let
 * everybody read /oic/sec/doxm and /oic/sec/sdi too, as OCF wants it.)
 */
static void invalid_owner(void **state)
{
	static const char *const open_to_all[] = {"/oic/d", "/oic/p", "/oic/res"};
	static const char *const closed[] = {"/oic/sec/cred", "/oic/sec/acl2", "/oic/sec/pstat", "/oic/sec/csr", "/CoapCloudConfResURI",
	                                     "/oic/sec/sp",   "/plgd/dps",     "/light/1",       "/oc/con",      "/x.plgd.dev/time"};
	static const char *const strangers[] = {STRANGER, NEW_OWNER, NULL};
	static const unsigned permissions[] = {DPS_ACL_CREATE, DPS_ACL_RETRIEVE, DPS_ACL_UPDATE, DPS_ACL_DELETE, DPS_ACL_NOTIFY};
	char device_id[37];

	(void)state;
	test_device_provision(&scenario, service.uri, "stranger", device_id);
	provision_again("stranger", false);
	open_committed("stranger");
	for (size_t who = 0; who < sizeof(strangers) / sizeof(strangers[0]); who++) {
		for (size_t at = 0; at < sizeof(permissions) / sizeof(permissions[0]); at++) {
			for (size_t each = 0; each < sizeof(open_to_all) / sizeof(open_to_all[0]); each++) {
				assert_int_equal(test_committed_allows(&committed, strangers[who], open_to_all[each], true, permissions[at]),
				                 permissions[at] == DPS_ACL_RETRIEVE);
			}
			for (size_t each = 0; each < sizeof(closed) / sizeof(closed[0]); each++) {
				assert_false(test_committed_allows(&committed, strangers[who], closed[each], true, permissions[at]));
				assert_false(test_committed_allows(&committed, strangers[who], closed[each], false, permissions[at]));
			}
		}
	}
	/* The true one, and the hub. */
	assert_true(test_committed_allows(&committed, OWNER, "/CoapCloudConfResURI", true, DPS_ACL_RETRIEVE | DPS_ACL_UPDATE));
	assert_true(test_committed_allows(&committed, OWNER, "/light/1", false, DPS_ACL_UPDATE));
	assert_true(test_committed_allows(&committed, HUB, "/light/1", false, DPS_ACL_UPDATE));
	assert_false(test_committed_allows(&committed, HUB, "/CoapCloudConfResURI", true, DPS_ACL_RETRIEVE));
	test_committed_close(&committed);
}

/*
 * TestOwnerWithUnknownCertificateAuthority
 * Given a device owned by an owner id whose authority is another one, when the service provisions it, then sessions of that authority are refused: its anchor is
 * no longer among the committed credentials, and the identity is the new one's. Another owner can have the device then, and that is told.
 */
static void owner_with_unknown_certificate_authority(void **state)
{
	char device_id[37];

	(void)state;
	test_local_control(&service, "set hubs " HUB_SIGNED_BY("former"));
	test_device_provision(&scenario, service.uri, "authorities", device_id);
	open_committed("authorities");
	assert_int_equal(committed.credentials.anchor_count, 1);
	assert_true(test_committed_trusts(&committed, test_path(&scenario, "service/hub-ca-former.pem")));
	expect_uuid(&committed.credentials.anchors[0].subject, OWNER);
	test_committed_close(&committed);

	test_local_control(&service, "set hubs " HUB_SIGNED_BY("present"));
	provision_again("authorities", false);
	open_committed("authorities");
	assert_int_equal(committed.credentials.anchor_count, 1);
	assert_false(test_committed_trusts(&committed, test_path(&scenario, "service/hub-ca-former.pem")));
	assert_true(test_committed_trusts(&committed, test_path(&scenario, "service/hub-ca-present.pem")));
	expect_uuid(&committed.credentials.anchors[0].subject, OWNER);
	expect_uuid(&committed.credentials.device_id, device_id);
	test_committed_close(&committed);

	test_local_control(&service, "set owner \"" NEW_OWNER "\"");
	provision_again("authorities", true);
	open_committed("authorities");
	expect_uuid(&committed.owner.id, NEW_OWNER);
	expect_uuid(&committed.credentials.anchors[0].subject, NEW_OWNER);
	assert_true(test_committed_allows(&committed, NEW_OWNER, "/light/1", false, DPS_ACL_UPDATE));
	assert_false(test_committed_allows(&committed, OWNER, "/light/1", false, DPS_ACL_RETRIEVE));
	test_committed_close(&committed);
}

/*
 * TestDisconnectAfterCredentialsUpdate
 * Given a device with one more pre-shared key, when it is provisioned again without it, then the key is gone, with the event by which sessions of it are ended:
 * `committed` with the record "credentials".
 */
static void disconnect_after_credentials_update(void **state)
{
	char device_id[37];

	(void)state;
	test_local_control(&service, "set psk \"" PSK "\"");
	test_device_provision(&scenario, service.uri, "extra", device_id);
	open_committed("extra");
	assert_int_equal(committed.credentials.psk_count, 1);
	test_committed_close(&committed);

	test_local_control(&service, "set psk null");
	provision_again("extra", false);
	open_committed("extra");
	assert_int_equal(committed.credentials.psk_count, 0);
	assert_int_equal(committed.credentials.anchor_count, 1);
	test_committed_close(&committed);
}

#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, start_service, stop_service)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVICE(with_psk),
		WITH_SERVICE(invalid_owner),
		WITH_SERVICE(owner_with_unknown_certificate_authority),
		WITH_SERVICE(disconnect_after_credentials_update),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
