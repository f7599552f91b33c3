/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acceptance scenarios of the plgd hub: a certificate is renewed while the device is connected to its hub. docs/scenarios.md lists all of them. The certificates
 * live for as long as in the hub's tests, 30 s; a renewal is due at a tenth of that here (--renew-at), where the hub's device has two thirds or a limit of 10 s.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_online.h"

static const char *const others[] = {"owner", "cloud", "acls", "resources"};
#define OTHERS (sizeof(others) / sizeof(others[0]))

static struct test_online t;
static size_t before; /* events of the service when provisioning was forced */

/* Both tests below look at one life: provisioned, online, forced to provision again when certificates are short, and renewed twice. */
static int begin(void **state)
{
	(void)state;
	test_online_set_up(&t);
	test_online_serve(&t, true, "\"resources\": []", NULL);
	test_online_command(&t);
	test_command_add(&t.command, "--renew-at", "10");
	test_command_flag(&t.command, "--sequential");
	test_online_start(&t);
	snprintf(t.device_id, sizeof(t.device_id), "%s", test_get_text(test_program_await(&t.device, "provisioned"), "deviceId"));
	(void)test_online_await(&t);
	test_online_told(&t, "/light/1", "\"state\"");
	test_online_control(&t.service, "set identityLifetime 30");
	before = (size_t)cJSON_GetArraySize(t.service.events);
	assert_int_equal(test_online_ask(&t, "post", "/plgd/dps", "{\"forceReprovision\":true}", NULL, 0), 0);
	(void)test_program_await(&t.device, "offline");
	(void)test_online_await(&t);
	(void)test_program_await(&t.device, "renewed");
	test_online_expect(&t, "get", "/light/1", NULL, "{\"state\":false,\"power\":0,\"name\":\"Light\"}");
	(void)test_program_await(&t.device, "renewed");
	test_online_expect(&t, "get", "/light/1", NULL, "{\"state\":false,\"power\":0,\"name\":\"Light\"}");
	test_online_end(&t);
	test_online_stop(&t.service);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_online_tear_down(&t);
	return 0;
}

/* The events of the service since provisioning was forced. */
static const cJSON *first_event(void)
{
	return cJSON_GetArrayItem(t.service.events, (int)before);
}

static double time_of_renewal(size_t index)
{
	const cJSON *each;

	cJSON_ArrayForEach(each, t.device.events)
	{
		if (strcmp(test_get_text(each, "event"), "renewed") == 0 && index-- == 0)
			return test_get_number(each, "atMs");
	}
	fail_msg("there are too few renewals");
	return 0;
}

/*
 * TestProvisioningWithRenewal
 * Given an authority that signs for 30 s, when the device is forced to provision again, then credentials are asked twice, all else once, and nothing more for
 * 5 s. (The next renewal comes 5 s after the first at the soonest, and a second of its own is left for when the clocks of the two were read.) The time is known
 * to a device that asks one thing after another, and not asked again.
 */
static void with_renewal(void **state)
{
	size_t connections = 0;
	size_t credentials = 0;

	(void)state;
	assert_true(time_of_renewal(1) - time_of_renewal(0) >= 4000);
	for (const cJSON *each = first_event(); each != NULL; each = each->next) {
		const char *event = test_get_text(each, "event");
		const char *step = test_get_text(each, "step");

		connections += strcmp(event, "connected") == 0;
		if (strcmp(event, "request") != 0)
			continue;
		if (strcmp(step, "credentials") == 0)
			credentials++;
		else if (connections != 1)
			fail_msg("%s was asked again: %s", step, t.service.output);
		assert_true(credentials <= connections);
	}
	/* the provisioning, its renewal, and the one that ended the watch: on a connection each */
	assert_int_equal(connections, 3);
	assert_int_equal(credentials, 3);
	for (size_t at = 0; at < OTHERS; at++)
		assert_int_equal(test_online_requests(&t.service, others[at]), 1 + 1); /* of the first provisioning */
	assert_int_equal(test_count_named(&t.device, "retry"), 0);
	assert_int_equal(test_count_named(&t.device, "warning"), 0);
}

/*
 * TestProvisioningNewCertificateDuringConnectionToHub
 * Given a device that is connected and whose certificate is renewed, when the hub observes /plgd/dps, then it is told exactly "renew credentials" and then
 * "provisioned", for each renewal, and the connection is kept.
 */
static void new_certificate_during_connection(void **state)
{
	static const char *const expected[] = {"renew credentials", "provisioned"};
	size_t connected = 0;
	size_t count = 0;

	(void)state;
	for (const cJSON *each = first_event(); each != NULL; each = each->next) {
		const char *event = test_get_text(each, "event");
		const char *href = test_get_text(each, "href");

		connected += strcmp(event, "hub-connected") == 0;
		if (connected == 0 || strcmp(event, "notification") != 0 || strcmp(href, "/plgd/dps") != 0)
			continue;
		/* The first is the state that the new connection's observation begins with. */
		if (count == 0)
			assert_string_equal(test_get_text(each, "rep.provisionStatus"), "provisioned");
		else
			assert_string_equal(test_get_text(each, "rep.provisionStatus"), expected[(count - 1) % 2]);
		count++;
	}
	assert_int_equal(count, 1 + 2 * 2);
	assert_int_equal(connected, 1);
	assert_int_equal(test_count_named(&t.device, "offline"), 1); /* of the forced provisioning */
	assert_int_equal(test_count_named(&t.device, "online"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_renewal),
		cmocka_unit_test(new_certificate_during_connection),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
