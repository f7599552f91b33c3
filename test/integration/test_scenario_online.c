/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acceptance scenarios of the plgd hub: a device at its hub, from its first day to an enrolment group that is gone. docs/scenarios.md lists all of them. What the
 * hub's device waits for minutes is scaled down: its schedules of 10 to 120 s for provisioning to 0.05 s (1 to 200 and more), 2 to 64 s for gateways to 0.1 s (1
 * to 20 and more).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_online.h"

#define DEVICE_ID "11111111-2222-4333-8444-555555555555"

static const char *const steps[] = {"time", "owner", "cloud", "credentials", "acls"};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static struct test_online t;
static struct test_program other; /* another program of the service */

static int begin(void **state)
{
	(void)state;
	test_online_set_up(&t);
	memset(&other, 0, sizeof(other));
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_program_free(&other);
	test_online_tear_down(&t);
	return 0;
}

/* --- what both sides say ------------------------------------------------------------------------------------------------------------ */

/* Starts it, and waits until it is online and the hub has seen all of it. */
static void start_device(void)
{
	test_online_start(&t);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	(void)test_online_await(&t);
	(void)test_program_await(&t.device, "published");
}

static void expect_light(void)
{
	test_online_expect(&t, "get", "/light/1", NULL, "{\"state\":false,\"power\":0,\"name\":\"Light\"}");
}

/* OFFLINE, then ONLINE, as the device tells it and the hub has it; the event "online". */
static const cJSON *await_offline_then_online(void)
{
	const cJSON *online;

	(void)test_program_await(&t.device, "offline");
	online = test_online_await(&t);
	(void)test_program_await(&t.device, "published");
	expect_light();
	return online;
}

/*
 * Each step so often. All leave in one flight; in the first one of a process, which does not know the time yet, that is the lead request and asked twice at once.
 */
static void expect_steps(const struct test_program *service, size_t times, size_t time_times)
{
	for (size_t at = 0; at < STEPS; at++) {
		const size_t wanted = at == 0 ? time_times : times;

		if (test_online_requests(service, steps[at]) != wanted)
			fail_msg("%s was asked %zu times instead of %zu", steps[at], test_online_requests(service, steps[at]), wanted);
	}
}

static void command_provisioning_anew(void)
{
	test_online_expect(
		&t, "post", "/plgd/dps?if=oic.if.rw", "{\"forceReprovision\":true}",
		test_format(&t.scenario, "{\"lastErrorCode\":0,\"provisionStatus\":\"provisioned\",\"endpoint\":\"%s\",\"forceReprovision\":false}",
	                t.uri));
}

/* --- the first day ------------------------------------------------------------------------------------------------------------------ */

/* Every request of the one connection was answered well, and nothing said of an error. */
static void expect_record_of_steps(void)
{
	for (size_t at = 0; at < STEPS; at++) {
		const cJSON *event;

		cJSON_ArrayForEach(event, t.service.events)
		{
			const char *step = test_get_text(event, "step");

			if (step != NULL && strcmp(step, steps[at]) == 0) {
				assert_int_equal(test_get_text(event, "code")[0], '2');
				assert_null(test_get(event, "fault"));
			}
		}
	}
	assert_string_equal(test_get_text(test_last_named(&t.service, "connected"), "peer"), "CN=factory");
	assert_string_equal(test_get_text(test_last_named(&t.service, "signed"), "commonName"),
	                    test_format(&t.scenario, "uuid:%s", t.device_id));
}

/*
 * TestProvisioning
 * Given a service, an authority and a hub that are up late, when the device retries, then it registers and publishes /oic/d, /oic/p, /oc/con, /plgd/dps and
 * /light/1. The hub's device has a collection /switches, too; ours has none. There is exactly one record: here the hub's, of the registered device, and what the
 * service told of the steps, each once with its code and no error. Enrolment groups and dates of creation are the real service's own.
 */
static void provisioning(void **state)
{
	static const char *const published[] = {"/oic/d", "/oic/p", "/oc/con", "/plgd/dps", "/light/1"};
	const cJSON *device;
	cJSON *devices;

	(void)state;
	test_online_serve(&t, true, NULL, NULL);
	t.port = test_online_port(t.uri);
	test_online_stop(&t.service);
	test_program_free(&t.service);
	test_online_command(&t);
	test_command_flag(&t.command, "--sequential");
	test_online_start(&t);
	assert_string_equal(test_get_text(test_program_await(&t.device, "retry"), "cause"), "connect");
	assert_string_equal(test_get_text(test_program_await(&t.device, "retry"), "cause"), "connect");
	test_online_serve(&t, true, "\"resources\": []", NULL);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	assert_string_equal(test_get_text(test_online_await(&t), "gateway"), t.gateway);
	test_online_told(&t, "/light/1", "\"state\":false");

	devices = test_online_devices(&t);
	assert_int_equal(cJSON_GetArraySize(devices), 1);
	device = cJSON_GetArrayItem(devices, 0);
	assert_string_equal(test_get_text(device, "device"), t.device_id);
	assert_string_equal(test_get_text(device, "hub"), TEST_ONLINE_HUB);
	assert_true(cJSON_IsTrue(test_get(device, "online")));
	assert_int_equal(cJSON_GetArraySize(test_get(device, "resources")), sizeof(published) / sizeof(published[0]));
	for (size_t at = 0; at < sizeof(published) / sizeof(published[0]); at++)
		assert_string_equal(test_get_text(device, test_format(&t.scenario, "resources.%zu.href", at)), published[at]);
	cJSON_Delete(devices);
	test_online_end(&t);
	test_online_stop(&t.service);
	expect_steps(&t.service, 1, 1);
	expect_record_of_steps();
}

/* --- other addresses ---------------------------------------------------------------------------------------------------------------- */

/*
 * TestProvisioningWithCloudChange
 * Given a device that is online, when gateway and service vanish and come back with another gateway address, then the device provisions again by itself: OFFLINE,
 * then ONLINE at the new gateway. It asks for provisioning when it was offline for 0.2 s (5 min otherwise; the hub's device after about 10 s: 1 to 50).
 */
static void cloud_change(void **state)
{
	char uri[64];
	char id[37];
	const cJSON *offline;

	(void)state;
	test_online_serve(&t, true, "\"resources\": []", NULL);
	t.port = test_online_port(t.uri);
	test_online_command(&t);
	test_command_add(&t.command, "--hub-fallback", "0.2");
	test_command_set(&t.command, "--hub-retry", "0.05");
	start_device();
	snprintf(id, sizeof(id), "%s", t.device_id);
	/* It has another port than the first as long as that is there; nobody knows of it yet. */
	test_online_gateway(&t, &other, 0, uri);
	test_online_kill(&t.service);
	offline = test_program_await(&t.device, "offline");
	assert_string_equal(test_get_text(offline, "gateway"), t.gateway);
	assert_string_equal(test_get_text(test_program_await(&t.device, "fallback"), "provision"), "again");
	assert_string_equal(test_get_text(test_program_await(&t.device, "retry"), "cause"), "connect");
	test_online_serve(
		&t, false,
		test_format(&t.scenario, "\"resources\": [], \"hubs\": [{\"id\": \"" TEST_ONLINE_HUB "\", \"gateways\": [\"%s\"]}]", uri), NULL);
	assert_string_equal(test_get_text(test_online_await(&t), "gateway"), uri);
	(void)test_program_await(&t.device, "published");
	expect_light();
	test_online_end(&t);
	test_online_stop(&t.service);
	/* by itself: nobody told it to, and it is who it was */
	assert_int_equal(test_count_named(&t.device, "command"), 1);
	assert_string_equal(test_get_text(test_last_named(&t.device, "provisioned"), "deviceId"), id);
	expect_steps(&t.service, 1, 1);
}

/*
 * TestProvisioningFromNewDPSAddress
 * Given a device that is online, when the address of another service is POSTed to /plgd/dps (the hub's test does it in a session with a pre-shared key that the
 * owner has; a device of ours is told by its hub), then all steps are run once on the new address, and nothing more is asked of the old one.
 */
static void new_dps_address(void **state)
{
	const char *shown;
	char uri[64];

	(void)state;
	test_online_serve(&t, true, "\"resources\": []", NULL);
	test_online_command(&t);
	start_device();
	test_online_serve_too(
		&t, &other,
		test_format(&t.scenario, "\"resources\": [], \"hubs\": [{\"id\": \"" TEST_ONLINE_HUB "\", \"gateways\": [\"%s\"]}]", t.gateway),
		uri);
	shown = test_format(&t.scenario,
	                    "{\"lastErrorCode\":0,\"provisionStatus\":\"provisioned\",\"endpoint\":\"%s\",\"endpointName\":\"second\","
	                    "\"forceReprovision\":false}",
	                    uri);
	test_online_expect(&t, "post", "/plgd/dps?if=oic.if.rw",
	                   test_format(&t.scenario, "{\"endpoint\":\"%s\",\"endpointName\":\"second\"}", uri), shown);
	assert_string_equal(test_get_text(test_program_await(&t.device, "connected"), "endpoint"), uri);
	(void)await_offline_then_online();
	test_online_expect(&t, "get", "/plgd/dps?if=oic.if.rw", NULL, shown);
	test_online_end(&t);
	test_online_stop(&t.service);
	test_online_stop(&other);
	expect_steps(&t.service, 1, 2); /* of the first provisioning */
	expect_steps(&other, 1, 1);
}

/*
 * The same with a pre-shared key: a device without an owner is told in a session that the code of its label keys, over DTLS. All steps are run once on the
 * address it was told, and it goes online from there. (That one which is owned is told nothing that way any more is tested in test_onboarding.c.)
 */
static void new_dps_address_with_psk(void **state)
{
	char tool[512];
	char code[128];
	char secure[96];

	(void)state;
	test_program_path("dps-onboard", tool, sizeof(tool));
	assert_int_equal(
		test_process_run((const char *const[]){tool, "code", "--device", DEVICE_ID, NULL}, TEST_RUN_MS, code, sizeof(code), NULL, 0), 0);
	code[strcspn(code, "\n")] = '\0';
	setenv("DPS_TEST_CODE", code, 1);
	test_online_serve(&t, true, "\"resources\": []", NULL);
	test_online_command(&t);
	test_command_flag(&t.command, "--sequential");
	test_command_drop(&t.command, "--endpoint", true);
	test_command_add(&t.command, "--device-id", DEVICE_ID);
	test_command_flag(&t.command, "--onboarding");
	test_command_add(&t.command, "--onboarding-code", "env:DPS_TEST_CODE");
	test_command_add(&t.command, "--onboarding-listen", "127.0.0.1:0");
	test_online_start(&t);
	snprintf(secure, sizeof(secure), "%s", test_get_text(test_program_await(&t.device, "onboarding"), "secure"));
	test_must_run(tool, "set-endpoint", secure, t.uri, "--name", "here", "--code", "env:DPS_TEST_CODE", NULL);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	assert_string_equal(t.device_id, DEVICE_ID);
	(void)test_online_await(&t);
	(void)test_program_await(&t.device, "published");
	expect_light();
	test_online_end(&t);
	test_online_stop(&t.service);
	expect_steps(&t.service, 1, 1);
}

/* --- again, and not again ----------------------------------------------------------------------------------------------------------- */

/*
 * TestForceReprovisioning
 * Given a device that is online, when the hub POSTs forceReprovision, then each of the five steps is asked exactly once, and the device is OFFLINE, then ONLINE,
 * each once.
 */
static void force_reprovisioning(void **state)
{
	(void)state;
	test_online_serve(&t, true, "\"resources\": []", NULL);
	test_online_command(&t);
	start_device();
	command_provisioning_anew();
	(void)await_offline_then_online();
	test_online_end(&t);
	test_online_stop(&t.service);
	expect_steps(&t.service, 1 + 1, 2 + 1);
	assert_int_equal(test_count_named(&t.device, "offline"), 1);
	assert_int_equal(test_count_named(&t.device, "online"), 2);
}

/*
 * TestReprovisioningAfterRestart
 * Given a device that is online, when its process is killed and started again, then no step is asked again; at the hub it is OFFLINE, then ONLINE.
 */
static void reprovisioning_after_restart(void **state)
{
	char id[37];

	(void)state;
	test_online_serve(&t, true, "\"resources\": []", NULL);
	test_online_command(&t);
	start_device();
	snprintf(id, sizeof(id), "%s", t.device_id);
	expect_light();
	test_online_kill(&t.device);
	assert_string_equal(test_get_text(test_program_await(&t.service, "hub-closed"), "device"), id);
	{
		cJSON *devices = test_online_devices(&t);

		assert_int_equal(cJSON_GetArraySize(devices), 1);
		assert_true(cJSON_IsFalse(test_get(devices, "0.online")));
		cJSON_Delete(devices);
	}
	start_device();
	assert_string_equal(t.device_id, id);
	assert_false(cJSON_IsTrue(test_get(test_last_named(&t.device, "provisioned"), "fresh")));
	expect_light();
	test_online_end(&t);
	assert_int_equal(test_count_named(&t.device, "connected"), 0);
	test_online_stop(&t.service);
	expect_steps(&t.service, 1, 2); /* of the first start */
	assert_int_equal(test_count_named(&t.service, "signed-in"), 2);
	assert_int_equal(test_count_named(&t.service, "signed-up"), 1);
}

/* --- the enrolment group ------------------------------------------------------------------------------------------------------------ */

static void await_two_refusals(void)
{
	for (int times = 0; times < 2; times++) {
		const cJSON *event = test_program_await(&t.service, "closed");

		assert_string_equal(test_get_text(event, "reason"), "handshake");
		assert_non_null(test_get_text(event, "certificate"));
	}
	assert_string_equal(test_get_text(test_program_await(&t.device, "retry"), "cause"), "tls-alert");
}

/*
 * TestProvisioningWithDeletedEnrollmentGroup
 * Given the device's group was deleted, when it provisions, then its certificate is looked at at least twice and no connection accepted, and it is not online;
 * once the group is restored it is provisioned and ONLINE. When the group is deleted under a device that is online and told to provision again, it stays online
 * with what it has meanwhile, is refused as often, and once the group is restored OFFLINE, then ONLINE.
 */
static void deleted_enrollment_group(void **state)
{
	(void)state;
	test_online_serve(&t, true, "\"resources\": []", NULL);
	test_online_control(&t.service, "group deleted");
	test_online_command(&t);
	test_command_set(&t.command, "--retry", "0.02");
	test_online_start(&t);
	await_two_refusals();
	assert_int_equal(test_count_named(&t.service, "connected"), 0);
	assert_int_equal(test_count_named(&t.service, "hub-connected"), 0);
	test_online_control(&t.service, "group restored");
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	(void)test_online_await(&t);
	(void)test_program_await(&t.device, "published");
	expect_light();
	assert_int_equal(test_count_named(&t.device, "offline"), 0);

	test_online_control(&t.service, "group deleted");
	command_provisioning_anew();
	await_two_refusals();
	expect_light();
	assert_int_equal(test_count_named(&t.device, "offline"), 0);
	assert_int_equal(test_count_named(&t.service, "connected"), 1);
	test_online_control(&t.service, "group restored");
	(void)await_offline_then_online();
	test_online_end(&t);
	test_online_stop(&t.service);
	expect_steps(&t.service, 2, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(provisioning, begin, end),
		cmocka_unit_test_setup_teardown(cloud_change, begin, end),
		cmocka_unit_test_setup_teardown(new_dps_address, begin, end),
		cmocka_unit_test_setup_teardown(new_dps_address_with_psk, begin, end),
		cmocka_unit_test_setup_teardown(force_reprovisioning, begin, end),
		cmocka_unit_test_setup_teardown(reprovisioning_after_restart, begin, end),
		cmocka_unit_test_setup_teardown(deleted_enrollment_group, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
