/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acceptance scenarios of the plgd hub: a service with trouble at every step. docs/scenarios.md lists all of them. Each is run as a sequence, where every count
 * is exact, and as one flight, where a refused answer may take those behind it along.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_scenario.h"

/* How often the hub's own test sees each step, with a device that begins anew at every failure. One that keeps what is done asks no more often. */
struct hub_count {
	const char *step;
	size_t calls;
};

#define STEPS 5u

static struct test_scenario scenario;

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	scenario.close_after_ms = "50"; /* a second after every error would be most of the time */
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_scenario_end(&scenario);
	return 0;
}

/* Requests of a step that had an answer: what the hub's tests count. */
static size_t count_answered(const struct test_local *service, const char *step)
{
	const cJSON *event;
	size_t count = 0;

	cJSON_ArrayForEach(event, service->program.events)
	{
		const char *name = test_get_text(event, "event");
		const char *its_step = test_get_text(event, "step");

		count += strcmp(name, "request") == 0 && strcmp(its_step, step) == 0 && test_get_text(event, "code") != NULL;
	}
	return count;
}

static void check_counts(const struct test_local *service, const char *action, const struct hub_count *hub, size_t asked, bool is_sequence)
{
	for (size_t at = 0; at < STEPS; at++) {
		size_t requests = test_local_requests(service, hub[at].step);
		size_t answered = count_answered(service, hub[at].step);
		size_t good = test_local_answers(service, hub[at].step, "2.05") + test_local_answers(service, hub[at].step, "2.04");
		bool is_time = strcmp(hub[at].step, "time") == 0;

		if (is_sequence && requests != asked) {
			fail_msg("%s, in sequence: %s was asked %zu times instead of %zu", action, hub[at].step, requests, asked);
		}
		if ((is_sequence || !is_time) && (answered > hub[at].calls || good != 1)) {
			fail_msg("%s: %s was answered %zu times, %zu of them well; the hub's test allows %zu", action, hub[at].step, answered, good,
			         hub[at].calls);
		}
	}
}

/* Each step gets this fault. asked: how often each is asked in a sequence; no more. */
static void every_step(const char *action, const struct hub_count *hub, size_t asked)
{
	for (int is_sequence = 0; is_sequence < 2; is_sequence++) {
		struct test_local service;
		struct test_command command;
		struct test_program device;
		const char *faults[STEPS + 1] = {NULL};

		for (size_t at = 0; at < STEPS; at++) {
			faults[at] = test_format(&scenario, "%s:%s", hub[at].step, action);
		}
		test_local_start(&service, &scenario, "{\"resources\": []}", faults);
		test_device_command(&command, &scenario, service.uri, test_format(&scenario, "device-%zu", scenario.text_count));
		if (is_sequence) {
			test_command_flag(&command, "--sequential");
		}
		test_program_run(&device, &command);
		test_local_stop(&service);
		if (device.exit_code != 0 || !cJSON_IsTrue(test_get(test_last_named(&device, "provisioned"), "fresh"))) {
			fail_msg("%s: exit %d: %s", action, device.exit_code, device.output);
		}
		assert_int_equal(test_count_named(&device, "committed"), 1);
		check_counts(&service, action, hub, asked, is_sequence);
		test_program_free(&device);
		test_local_free(&service);
	}
}

/*
 * TestProvisioningTransientFailureRetry
 * Given each step answers 5.03 three times, when a device provisions, then it is provisioned. The hub counts time 8, owner 7, cloud 6, credentials 5, ACLs 4: its
 * device begins anew at every third failure in a row. Ours keeps what is done: 4 of each.
 */
static void transient_failure_retry(void **state)
{
	static const struct hub_count hub[STEPS] = {{"time", 8}, {"owner", 7}, {"cloud", 6}, {"credentials", 5}, {"acls", 4}};

	(void)state;
	every_step("5.03:3", hub, 4);
}

/*
 * TestProvisioningRetry
 * Given each step answers 5.00 once, when a device provisions, then it is provisioned. The hub counts time 6, owner 5, cloud 4, credentials 3, ACLs 2: its device
 * begins anew at each of these. Ours keeps what is done: 2 of each.
 */
static void retry(void **state)
{
	static const struct hub_count hub[STEPS] = {{"time", 6}, {"owner", 5}, {"cloud", 4}, {"credentials", 3}, {"acls", 2}};

	(void)state;
	every_step("5.00:1", hub, 2);
}

/*
 * TestProvisioningWithDelay
 * Given the first answer of each step comes 10 s late (here 200 ms: 1 to 50), when a device provisions, then it is provisioned; no step is asked twice.
 */
static void with_delay(void **state)
{
	static const struct hub_count hub[STEPS] = {{"time", 1}, {"owner", 1}, {"cloud", 1}, {"credentials", 1}, {"acls", 1}};

	(void)state;
	every_step("delay=200:1", hub, 1);
}

/*
 * TestProvisioningWithDisconnect
 * Given the service drops the connection once at each step, when a device provisions, then it is provisioned within 60 s (here 15 s, the time-out of the run). An
 * answer that was dropped is asked for once more.
 */
static void with_disconnect(void **state)
{
	static const struct hub_count hub[STEPS] = {{"time", 2}, {"owner", 2}, {"cloud", 2}, {"credentials", 2}, {"acls", 2}};

	(void)state;
	every_step("disconnect:1", hub, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transient_failure_retry),
		cmocka_unit_test(retry),
		cmocka_unit_test(with_delay),
		cmocka_unit_test(with_disconnect),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
