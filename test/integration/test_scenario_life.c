/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acceptance scenarios of the plgd hub: a device that is provisioned, and what becomes of it. docs/scenarios.md lists all of them; what those that go on with the
 * connection to the hub add is in test_scenario_online.c.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "support/test_committed.h"
#include "support/test_scenario.h"

#define OWNER     "5b0f4c1e-6d52-4a8e-9f0f-3c8a2b7d1e90"
#define NEW_OWNER "0c2a6f0e-90f4-4b1c-8c43-6f0b8f3f5d11"

static const char with_resources[] = "{\"owner\": \"" OWNER "\", \"resources\": [{\"href\": \"/light/1\", \"rep\": {\"state\": true}}]}";

static const char *const steps[] = {"time", "owner", "cloud", "credentials", "acls", "resources"};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static struct test_scenario scenario;
static struct test_committed committed;

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	scenario.close_after_ms = "50";
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_scenario_end(&scenario);
	return 0;
}

static void expect_provisioned(const struct test_program *device, bool fresh, const char *about)
{
	const cJSON *last = test_last_named(device, "provisioned");

	if (device->exit_code != 0 || last == NULL || cJSON_IsTrue(test_get(last, "fresh")) != fresh) {
		fail_msg("%s: exit %d: %s%s", about, device->exit_code, device->output, device->error);
	}
}

/* A device that stays, until its first `provisioned`. */
static const cJSON *start_staying(struct test_program *device, struct test_command *command, const char *uri, const char *state)
{
	test_device_command(command, &scenario, uri, state);
	test_command_drop(command, "--once", false);
	test_program_start(device, command);
	return test_program_await(device, "provisioned");
}

static void expect_each_once(const struct test_local *service, size_t times)
{
	for (size_t at = 0; at < STEPS; at++) {
		size_t requests = test_local_requests(service, steps[at]);
		size_t wanted = at == 0 ? times : 1;

		if (requests != wanted) {
			fail_msg("%s was asked %zu times instead of %zu", steps[at], requests, wanted);
		}
	}
}

static void expect_gateway(const char *state, const char *gateway)
{
	test_committed_open(&committed, test_path(&scenario, "%s", state));
	assert_true(committed.provisioned);
	assert_int_equal(committed.cloud.gateway.len, strlen(gateway));
	assert_memory_equal(committed.cloud.gateway.data, gateway, strlen(gateway));
	test_committed_close(&committed);
}

/* --- factory reset ----------------------------------------------------------------------------------------------------------------- */

/*
 * TestProvisioningFactoryReset
 * Given a provisioned device, when it is reset (the hub's test POSTs an empty endpoint; here --reset, what that command comes to), then within 3 s it has no
 * endpoint, is "uninitialized" with error 0, and anybody can own it: here another owner's service provisions it, with another device id and no trace of before.
 */
static void factory_reset(void **state)
{
	struct timespec before, after;
	struct test_local service;
	struct test_command command;
	struct test_program device;
	char device_id[37];

	(void)state;
	test_local_start(&service, &scenario, with_resources, NULL);
	test_device_provision(&scenario, service.uri, "reset", device_id);

	test_device_command(&command, &scenario, service.uri, "reset");
	test_command_drop(&command, "--endpoint", true);
	test_command_drop(&command, "--once", false);
	test_command_flag(&command, "--reset");
	clock_gettime(CLOCK_MONOTONIC, &before);
	test_program_run(&device, &command);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(device.exit_code, 0);
	assert_true(after.tv_sec - before.tv_sec <= 3);
	test_program_free(&device);

	test_committed_open(&committed, test_path(&scenario, "reset"));
	assert_false(committed.provisioned);
	assert_false(committed.has_device_id);
	assert_int_equal(committed.endpoint_count, 0);
	assert_int_equal(committed.status, DPS_STATUS_UNINITIALIZED);
	assert_int_equal(committed.last_error, DPS_ERROR_OK);
	test_committed_close(&committed);

	test_local_control(&service, "set owner \"" NEW_OWNER "\"");
	test_device_command(&command, &scenario, service.uri, "reset");
	test_program_run(&device, &command);
	expect_provisioned(&device, true, "owned anew");
	assert_string_equal(test_get_text(test_last(&device), "owner"), NEW_OWNER);
	assert_string_not_equal(test_get_text(test_last(&device), "deviceId"), device_id);
	/* It has no former owner any more. */
	assert_true(cJSON_IsFalse(test_get(test_last_named(&device, "committed"), "ownerChanged")));
	test_program_free(&device);
	test_local_stop(&service);
	test_local_free(&service);
}

/* --- other addresses --------------------------------------------------------------------------------------------------------------- */

#define GATEWAY_A "coaps+tcp://a.example:5684"
#define GATEWAY_B "coaps+tcp://b.example:5684"

/*
 * TestProvisioningWithCloudChange
 * Given a provisioned device, when gateway and service vanish and come back with another gateway address, then the device provisions again by itself and has the
 * new address. What the loss of its gateway makes it do, provision anew, is done by --force here.
 */
static void cloud_change(void **state)
{
	static const char config_a[] =
		"{\"hubs\": [{\"id\": \"00000000-0000-0000-0000-000000000001\", \"gateways\": [\"" GATEWAY_A "\"]}], \"resources\": []}";
	static const char config_b[] =
		"{\"hubs\": [{\"id\": \"00000000-0000-0000-0000-000000000001\", \"gateways\": [\"" GATEWAY_B "\"]}], \"resources\": []}";
	struct test_local service;
	struct test_command command;
	struct test_program device;
	char device_id[37];
	int port;

	(void)state;
	test_local_start(&service, &scenario, config_a, NULL);
	test_device_provision(&scenario, service.uri, "cloud-change", device_id);
	expect_gateway("cloud-change", GATEWAY_A);
	port = service.port;
	test_local_stop(&service);

	test_device_command(&command, &scenario, service.uri, "cloud-change");
	test_command_drop(&command, "--once", false);
	test_command_flag(&command, "--force");
	test_program_start(&device, &command);
	test_local_free(&service);
	assert_string_equal(test_get_text(test_program_await(&device, "retry"), "cause"), "connect");
	/* While nobody answers, the old state serves. */
	expect_gateway("cloud-change", GATEWAY_A);
	test_local_start_on(&service, &scenario, "service", port, config_b, NULL);
	assert_string_equal(test_get_text(test_program_await(&device, "provisioned"), "hub.gateway"), GATEWAY_B);
	test_process_signal(device.process, SIGTERM);
	test_program_finish(&device);
	expect_provisioned(&device, true, "the gateway has changed");
	assert_string_equal(test_get_text(test_last_named(&device, "provisioned"), "deviceId"), device_id);
	test_program_free(&device);
	test_local_stop(&service);
	expect_each_once(&service, 2); /* the time is the lead request: asked twice at once */
	test_local_free(&service);
	expect_gateway("cloud-change", GATEWAY_B);
}

static const char *option43_of(const char *uri)
{
	const char *text = test_format(&scenario, "c8%02zx", strlen(uri));

	for (; *uri != '\0'; uri++) {
		text = test_format(&scenario, "%s%02x", text, (unsigned)*uri);
	}
	return text;
}

/*
 * TestProvisioningFromNewDPSAddress
 * Given a provisioned device, when it is told another address of the service (the hub's test POSTs it; here it comes with DHCP), then all steps are run once on
 * the new address, and nothing is asked of the old one. From then on the new one is remembered. In one flight the time is asked twice at once.
 */
static void new_dps_address(void **state)
{
	static const struct {
		const char *option;
		size_t times;
	} ways[] = {{"--sequential", 1}, {NULL, 2}};

	(void)state;
	for (size_t at = 0; at < sizeof(ways) / sizeof(ways[0]); at++) {
		const char *name = test_format(&scenario, "address-%zu", at);
		struct test_local first, second;
		struct test_command command;
		struct test_program device;
		char device_id[37];

		test_local_start(&first, &scenario, with_resources, NULL);
		test_local_start(&second, &scenario, with_resources, NULL);
		test_device_provision(&scenario, first.uri, name, device_id);
		test_device_command(&command, &scenario, first.uri, name);
		test_command_drop(&command, "--endpoint", true);
		test_command_add(&command, "--option43", option43_of(second.uri));
		if (ways[at].option != NULL) {
			test_command_flag(&command, ways[at].option);
		}
		test_program_run(&device, &command);
		expect_provisioned(&device, true, "a new address");
		assert_string_equal(test_get_text(test_last_named(&device, "option43"), "result"), "reprovision");
		assert_string_equal(test_get_text(test_last(&device), "deviceId"), device_id);
		assert_int_equal(test_count_named(&device, "connected"), 1);
		test_program_free(&device);
		test_local_stop(&first);
		test_local_stop(&second);
		expect_each_once(&second, ways[at].times);
		expect_each_once(&first, 2); /* of the first provisioning */

		test_command_drop(&command, "--option43", true);
		test_command_flag(&command, "--status");
		test_command_drop(&command, "--once", false);
		test_program_run(&device, &command);
		assert_int_equal(device.exit_code, 0);
		assert_int_equal(cJSON_GetArraySize(test_get(test_last(&device), "endpoints")), 1);
		assert_string_equal(test_get_text(test_last(&device), "endpoints.0.uri"), second.uri);
		test_program_free(&device);
		test_local_free(&first);
		test_local_free(&second);
	}
}

/* --- again, and not again ---------------------------------------------------------------------------------------------------------- */

/*
 * TestForceReprovisioning
 * Given a provisioned device, when it is told to provision again, then each step is asked exactly once, and the device is provisioned with the same id.
 */
static void force_reprovisioning(void **state)
{
	struct test_local first, second;
	struct test_command command;
	struct test_program device;
	char device_id[37];

	(void)state;
	test_local_start(&first, &scenario, with_resources, NULL);
	test_device_provision(&scenario, first.uri, "forced", device_id);
	test_local_stop(&first);
	test_local_start(&second, &scenario, with_resources, NULL);
	test_device_command(&command, &scenario, second.uri, "forced");
	test_command_flag(&command, "--force");
	test_command_flag(&command, "--sequential");
	test_program_run(&device, &command);
	expect_provisioned(&device, true, "forced");
	assert_string_equal(test_get_text(test_last(&device), "deviceId"), device_id);
	assert_int_equal(test_count_named(&device, "committed"), 1);
	test_program_free(&device);
	test_local_stop(&second);
	expect_each_once(&second, 1);
	test_local_free(&first);
	test_local_free(&second);
}

/*
 * TestReprovisioningAfterRestart
 * Given a provisioned device, when its process is killed and started again, then no step is asked again and it is provisioned at once, with the same identity.
 */
static void reprovisioning_after_restart(void **state)
{
	struct test_local service;
	struct test_command command;
	struct test_program device;
	char sha256[65];

	(void)state;
	test_local_start(&service, &scenario, with_resources, NULL);
	snprintf(sha256, sizeof(sha256), "%s", test_get_text(start_staying(&device, &command, service.uri, "restarted"), "identity.sha256"));
	test_process_signal(device.process, SIGKILL);
	test_program_finish(&device);
	test_program_free(&device);

	test_program_start(&device, &command);
	assert_string_equal(test_get_text(test_program_await(&device, "provisioned"), "identity.sha256"), sha256);
	assert_int_equal(test_count_named(&device, "connected"), 0);
	test_process_signal(device.process, SIGTERM);
	test_program_finish(&device);
	expect_provisioned(&device, false, "restarted");
	test_program_free(&device);
	test_local_stop(&service);
	expect_each_once(&service, 2); /* of the first start */
	test_local_free(&service);
}

/* --- the enrolment group ----------------------------------------------------------------------------------------------------------- */

/* The next connection that ends in its handshake because the device's certificate is not known. */
static void await_refusal(struct test_local *service)
{
	const cJSON *event = test_program_await(&service->program, "closed");

	assert_string_equal(test_get_text(event, "reason"), "handshake");
	assert_non_null(test_get_text(event, "certificate"));
}

/*
 * TestProvisioningWithDeletedEnrollmentGroup
 * Given the device's group was deleted, when it provisions, then it tries at least twice and is never let in; once the group is restored it is provisioned. So
 * for a new device and for one that is to provision again, which keeps what it has until then.
 */
static void deleted_enrollment_group(void **state)
{
	struct test_local service;
	struct test_command command;
	struct test_program device;
	char device_id[37];

	(void)state;
	test_local_start(&service, &scenario, with_resources, NULL);
	test_device_provision(&scenario, service.uri, "grouped", device_id);
	test_local_stop(&service);
	test_local_free(&service);
	for (int is_new = 0; is_new < 2; is_new++) {
		test_local_start(&service, &scenario, with_resources, NULL);
		test_local_control(&service, "group deleted");
		test_device_command(&command, &scenario, service.uri, is_new ? "ungrouped" : "grouped");
		test_command_set(&command, "--retry", "0.02");
		test_command_drop(&command, "--once", false);
		test_command_flag(&command, "--force");
		test_program_start(&device, &command);
		await_refusal(&service);
		await_refusal(&service);
		assert_int_equal(test_count_named(&service.program, "connected"), 0);
		assert_string_equal(test_get_text(test_program_await(&device, "retry"), "cause"), "tls-alert");
		assert_int_equal(test_count_named(&device, "connected"), 0);
		test_committed_open(&committed, test_path(&scenario, "%s", is_new ? "ungrouped" : "grouped"));
		assert_int_equal(committed.provisioned, !is_new);
		test_committed_close(&committed);

		test_local_control(&service, "group restored");
		test_program_await(&device, "provisioned");
		test_process_signal(device.process, SIGTERM);
		test_program_finish(&device);
		expect_provisioned(&device, true, "the group is restored");
		assert_int_equal(test_count_named(&device, "connected"), 1);
		test_program_free(&device);
		test_local_stop(&service);
		expect_each_once(&service, 2);
		test_local_free(&service);
	}
	test_device_is_provisioned(&scenario, "grouped", device_id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(factory_reset),
		cmocka_unit_test(cloud_change),
		cmocka_unit_test(new_dps_address),
		cmocka_unit_test(force_reprovisioning),
		cmocka_unit_test(reprovisioning_after_restart),
		cmocka_unit_test(deleted_enrollment_group),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
