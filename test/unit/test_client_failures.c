/* SPDX-License-Identifier: Apache-2.0 */
/* The engine when the service, the network or the store fail: what is asked again, when, and how a run ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "client/policy.h"
#include "support/test_world.h"

#define MINUTE 60000u
#define HOUR   (60u * MINUTE)

static void assert_ends_failed(const struct test_world *world, enum dps_step_id step, dps_result cause)
{
	const struct world_event *last = test_world_last(world);

	assert_int_equal(last->type, DPS_EVENT_FAILED);
	assert_int_equal(last->step, step);
	assert_int_equal(last->cause, cause);
	assert_int_equal(dps_client_state(&world->client), DPS_STATE_IDLE);
	assert_false(world->open);
}

/* An error answer takes the answers behind it with it: these are asked again at once, only the refused step waits, and long. */
static void swallowed_steps_are_asked_at_once(void **state)
{
	struct test_world world;
	const struct world_event *retry;
	uint64_t second = 0;

	(void)state;
	test_world_init(&world);
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_CODE, .code = 403, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	test_world_assert_provisioned(&world);
	retry = test_world_event(&world, DPS_EVENT_FAILURE);
	assert_int_equal(retry->step, DPS_STEP_ACLS);
	assert_int_equal(retry->cause, DPS_E_SERVICE_REFUSED);
	assert_true(retry->retry_ms >= 30000 && retry->retry_ms <= 60000); /* 10 s, six times, half to whole */
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_FAILURE), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 2);
	assert_int_equal(test_world_count(&world, DPS_STEP_ACLS), 2);
	for (size_t i = 0; i < world.sent_count; i++)
		if (world.sent[i].connection == 2 && second == 0)
			second = world.sent[i].at;
	assert_int_equal(second, world.sent[0].at); /* at once: the clock has not moved */
	test_world_free(&world);
}

/* Each step answers 5.03 three times: every step is asked four times at most, finished ones stay finished. */
static void transient_failures_of_each_step(void **state)
{
	static const enum dps_step_id ids[] = {DPS_STEP_TIME, DPS_STEP_OWNER, DPS_STEP_CLOUD, DPS_STEP_CREDENTIALS, DPS_STEP_ACLS};
	static const unsigned reference[] = {8, 7, 6, 5, 4};
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.sequential = true; /* else answers that were swallowed are asked again too */
	for (size_t i = 0; i < 5; i++)
		test_world_script(&world, (struct world_script){.step = ids[i], .reaction = WORLD_CODE, .code = 503, .count = 3});
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	test_world_assert_provisioned(&world);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(test_world_count(&world, ids[i]), 4);
		assert_true(test_world_count(&world, ids[i]) <= reference[i]);
	}
	test_world_free(&world);
}

static void rejected_for_good(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CLOUD, .reaction = WORLD_CODE, .code = 405, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	assert_ends_failed(&world, DPS_STEP_CLOUD, DPS_E_SERVICE_REJECTED);
	assert_int_equal(dps_client_last_failure(&world.client)->code, 405);
	assert_string_equal(dps_client_last_failure(&world.client)->text, "what the peer says");
	/* A device that stays tries again, with long back-off. */
	test_world_clear(&world);
	world.config.stay = true;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CLOUD, .reaction = WORLD_CODE, .code = 405, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	test_world_assert_provisioned(&world);
	assert_true(test_world_event(&world, DPS_EVENT_FAILURE)->retry_ms >= 30000);
	test_world_free(&world);
}

static void a_bad_answer_is_asked_again(void **state)
{
	static const dps_result causes[] = {DPS_E_CBOR, DPS_E_FIELD, DPS_E_IDENTITY_KEY, DPS_E_TOO_LARGE};

	(void)state;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		struct test_world world;

		test_world_init(&world);
		test_world_script(&world,
		                  (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_BAD, .result = causes[i], .count = 2});
		test_world_play(&world, DPS_START_NORMAL, HOUR);
		test_world_assert_provisioned(&world);
		assert_int_equal(test_world_event_count(&world, DPS_EVENT_FAILURE), 2);
		assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, causes[i]);
		assert_true(test_world_event(&world, DPS_EVENT_FAILURE)->retry_ms >= 60000); /* 20 s, six times, half */
		assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 3);
		assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
		test_world_free(&world);
	}
}

/* The connection breaks at each step: only what is missing is asked again. */
static void disconnect_at_each_step(void **state)
{
	static const enum dps_step_id ids[] = {DPS_STEP_TIME, DPS_STEP_OWNER,       DPS_STEP_CLOUD,
	                                       DPS_STEP_ACLS, DPS_STEP_CREDENTIALS, DPS_STEP_RESOURCES};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct test_world world;

		test_world_init(&world);
		test_world_script(&world, (struct world_script){.step = ids[i], .reaction = WORLD_CLOSE, .result = DPS_E_RESET, .count = 1});
		test_world_play(&world, DPS_START_NORMAL, MINUTE);
		test_world_assert_provisioned(&world);
		assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_RESET);
		assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->step, ids[i]);
		assert_int_equal(world.connections, 2);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(test_world_count(&world, ids[k]), 1);
		assert_int_equal(test_world_count(&world, ids[i]), 2);
		test_world_free(&world);
	}
}

static void silence(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.has_resources = true;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_OWNER, .reaction = WORLD_SILENCE, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, 29000);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_FAILURE), 0);
	test_world_run(&world, 2000);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_TIMEOUT);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->step, DPS_STEP_OWNER);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	assert_true(world.forgotten >= 1);
	test_world_free(&world);
}

/* The schedule: 10, 20, 40, 80, 120, 120 s, each half plus a random part of half. */
static void refused_connections_back_off(void **state)
{
	static const uint32_t schedule[] = {10000, 20000, 40000, 80000, 120000, 120000};
	struct test_world world;
	size_t seen = 0;

	(void)state;
	test_world_init(&world);
	for (size_t i = 0; i < 6; i++)
		world.connects[i] = DPS_E_CONNECT;
	world.connects[6] = DPS_OK;
	world.connect_count = 7;
	world.refused_before_tcp = true;
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	test_world_assert_provisioned(&world);
	for (size_t i = 0; i < world.event_count; i++) {
		if (world.events[i].type != DPS_EVENT_FAILURE)
			continue;
		assert_int_equal(world.events[i].step, DPS_STEP_CONNECT);
		assert_in_range(world.events[i].retry_ms, schedule[seen] / 2, schedule[seen]);
		seen++;
	}
	assert_int_equal(seen, 6);
	test_world_free(&world);
}

static void all_endpoints_get_their_turn(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.connects[0] = DPS_E_CONNECT;
	world.connects[1] = DPS_E_RESOLVE;
	world.connects[2] = DPS_OK;
	world.connect_count = 3;
	test_world_start_at(&world, 3, DPS_START_NORMAL);
	test_world_run(&world, 10);
	test_world_assert_provisioned(&world); /* within 10 ms: nothing was waited for */
	assert_string_equal(world.host, "c.example");
	assert_string_equal(test_world_event(&world, DPS_EVENT_FAILURE)->endpoint, "coaps+tcp://b.example:2");
	test_world_free(&world);
}

static void handshake_timeout(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.connects[0] = DPS_AGAIN;
	world.connects[1] = DPS_OK;
	world.connect_count = 2;
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	test_world_assert_provisioned(&world);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_TIMEOUT);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->step, DPS_STEP_TLS);
	test_world_free(&world);
}

/* An address that accepts and then says nothing is left for the next one of the name. */
static void a_silent_address(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.connects[0] = DPS_AGAIN;
	world.connect_count = 1;
	world.further_addresses = 1;
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	test_world_assert_provisioned(&world);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_FAILURE), 0);
	assert_int_equal(world.connections, 1);
	test_world_free(&world);
}

/* The handshake ignores dates; once the time is known nothing more is asked of a service whose certificate is not in date. */
static void server_dates(void **state)
{
	static const struct {
		int64_t shift_s;
		bool synchronised;
		dps_result cause;
		unsigned requests;
	} cases[] = {
		{-60 * 86400, false, DPS_E_SERVER_EXPIRED, 2},
		{60 * 86400, false, DPS_E_SERVER_NOT_YET_VALID, 2},
		{-60 * 86400, true, DPS_E_SERVER_EXPIRED, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_world world;
		int64_t good_before;
		int64_t good_after;

		test_world_init(&world);
		good_before = world.path_not_before;
		good_after = world.path_not_after;
		world.synchronised = cases[i].synchronised;
		world.path_not_before += cases[i].shift_s;
		world.path_not_after += cases[i].shift_s;
		test_world_play(&world, DPS_START_NORMAL, 1000);
		assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, cases[i].cause);
		assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->step, DPS_STEP_TLS);
		assert_int_equal(world.sent_count, cases[i].requests);
		/* The service gets a new certificate: the device comes back, and asks for the time anew. */
		world.path_not_before = good_before;
		world.path_not_after = good_after;
		test_world_run(&world, HOUR);
		test_world_assert_provisioned(&world);
		assert_int_equal(test_world_count(&world, DPS_STEP_TIME), cases[i].synchronised ? 0 : 2);
		test_world_free(&world);
	}
}

/* The stored time is a floor: a service with an old certificate cannot turn the clock back to when it was valid. */
static void time_never_goes_back(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_assert_provisioned(&world);
	test_world_clear(&world);
	world.service_skew = -INT64_C(100) * 86400 * 1000;
	world.path_not_before -= 200 * 86400;
	world.path_not_after -= 90 * 86400;
	test_world_play(&world, DPS_START_FORCE, 1000);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_SERVER_EXPIRED);
	test_world_free(&world);
}

static void deadline(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.deadline_ms = 120000;
	world.connects[0] = DPS_E_SERVER_UNTRUSTED;
	world.connect_count = 1;
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	assert_ends_failed(&world, DPS_STEP_TLS, DPS_E_SERVER_UNTRUSTED);
	assert_true(test_world_last(&world)->deadline);
	assert_int_equal(world.now, 1000 + 120000);
	/* Without any failure before it, the deadline itself is the cause. */
	test_world_clear(&world);
	world.connects[0] = DPS_AGAIN;
	world.config.deadline_ms = 5000;
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	assert_ends_failed(&world, DPS_STEP_TLS, DPS_E_DEADLINE);
	test_world_free(&world);
}

/* Storage that fails at any one write or erase: a named end or a warning, and the next start completes. */
static void storage_fails_at_every_call(void **state)
{
	unsigned ends[2] = {0, 0};

	(void)state;
	for (size_t n = 1; n < 60; n++) {
		struct test_world world;
		bool failed;

		test_world_init(&world);
		test_store_fail(&world.store, TEST_STORE_WRITE | TEST_STORE_ERASE, n, n % 2 != 0 ? DPS_E_STORAGE_FULL : DPS_E_STORAGE);
		test_world_play(&world, DPS_START_NORMAL, HOUR);
		failed = test_world_last(&world)->type == DPS_EVENT_FAILED;
		ends[failed]++;
		if (failed)
			assert_int_equal(test_world_last(&world)->cause, n % 2 != 0 ? DPS_E_STORAGE_FULL : DPS_E_STORAGE);
		test_store_power_on(&world.store);
		test_world_clear(&world);
		test_world_play(&world, DPS_START_NORMAL, HOUR);
		test_world_assert_provisioned(&world);
		test_world_free(&world);
		if (!failed && n > 30)
			break;
	}
	assert_true(ends[1] >= 7); /* the device, five records, the manifest */
	assert_true(ends[0] >= 2);
}

/* A device that stays waits for a storage that cannot be read yet; one that does not ends. */
static void storage_fails_at_start(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_store_fail(&world.store, TEST_STORE_READ, 1, DPS_E_STORAGE);
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	assert_ends_failed(&world, DPS_STEP_CONFIG, DPS_E_STORAGE);
	world.config.stay = true;
	test_store_fail(&world.store, TEST_STORE_READ, 1, DPS_E_STORAGE);
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	test_world_assert_provisioned(&world);
	test_world_free(&world);
}

/* The power goes at every change of a factory reset, on a medium that tears too: then all of the old state is there, or nothing, and no key of it. */
static void reset_is_cut(void **state)
{
	(void)state;
	for (enum test_store_cut kind = TEST_STORE_CUT_BEFORE; kind <= TEST_STORE_CUT_TORN; kind++) {
		for (size_t n = 1;; n++) {
			struct test_world world;
			dps_result result;
			bool was_cut;

			test_world_init(&world);
			test_world_play(&world, DPS_START_NORMAL, HOUR);
			test_store_cut_at(&world.store, n, kind);
			result = dps_client_factory_reset(&world.client);
			was_cut = world.store.off;
			assert_int_equal(result == DPS_OK, !was_cut);
			test_store_power_on(&world.store);
			test_world_clear(&world);
			test_world_start(&world, DPS_START_NORMAL);
			if (world.event_count > 0 && test_world_last(&world)->type == DPS_EVENT_PROVISIONED) {
				assert_true(n == 1 && kind != TEST_STORE_CUT_AFTER); /* the reset had not begun */
			} else {
				test_world_run(&world, HOUR);
				test_world_assert_provisioned(&world);
				assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
			}
			test_world_free(&world);
			if (!was_cut)
				break;
		}
	}
}

/* The power goes before, during and after every write and erase of a first and of a forced run, and tears them. */
static void power_cuts(void **state)
{
	unsigned cuts = 0;

	(void)state;
	for (unsigned forced = 0; forced < 2; forced++) {
		for (enum test_store_cut kind = TEST_STORE_CUT_BEFORE; kind <= TEST_STORE_CUT_TORN; kind++) {
			for (size_t n = 1;; n++) {
				struct test_world world;
				bool was_cut;

				test_world_init(&world);
				if (forced != 0) {
					test_world_play(&world, DPS_START_NORMAL, HOUR);
				}
				test_world_clear(&world);
				test_store_cut_at(&world.store, n, kind);
				test_world_play(&world, forced != 0 ? DPS_START_FORCE : DPS_START_NORMAL, HOUR);
				was_cut = world.store.off;
				test_store_power_on(&world.store);
				cuts += was_cut;
				test_world_clear(&world);
				test_world_start(&world, DPS_START_NORMAL);
				if (forced != 0) {
					/* Complete before and after, whatever was cut. */
					test_world_assert_provisioned(&world);
					assert_int_equal(world.connections, 0);
				} else {
					test_world_run(&world, HOUR);
					test_world_assert_provisioned(&world);
				}
				test_world_free(&world);
				if (!was_cut)
					break;
			}
		}
	}
	print_message("figure: %u power cuts\n", cuts);
	assert_true(cuts > 60);
}

static void policy_table(void **state)
{
	struct dps_client_config config;

	(void)state;
	dps_client_config_default(&config);
	assert_true(dps_policy_retries(DPS_CLASS_TRANSIENT, false));
	assert_true(dps_policy_retries(DPS_CLASS_REFUSED, false));
	assert_true(dps_policy_retries(DPS_CLASS_PROTOCOL, false));
	assert_true(dps_policy_retries(DPS_CLASS_SECURITY, false));
	assert_false(dps_policy_retries(DPS_CLASS_FINAL, false));
	assert_true(dps_policy_retries(DPS_CLASS_FINAL, true));
	assert_false(dps_policy_retries(DPS_CLASS_LOCAL, false));
	assert_true(dps_policy_retries(DPS_CLASS_LOCAL, true));
	assert_false(dps_policy_retries(DPS_CLASS_CONFIG, true));
	assert_int_equal(dps_policy_delay(&config, DPS_CLASS_TRANSIENT, 1, 0), 5000);
	assert_int_equal(dps_policy_delay(&config, DPS_CLASS_TRANSIENT, 1, UINT32_MAX), 9999);
	assert_int_equal(dps_policy_delay(&config, DPS_CLASS_TRANSIENT, 5, 0), 60000);
	assert_int_equal(dps_policy_delay(&config, DPS_CLASS_TRANSIENT, 4000000000u, 0), 60000);
	assert_int_equal(dps_policy_delay(&config, DPS_CLASS_REFUSED, 2, 0), 60000);
	config.retry_ms[0] = UINT32_MAX;
	assert_int_equal(dps_policy_delay(&config, DPS_CLASS_REFUSED, 1, UINT32_MAX), DPS_FOREVER - 2);
	config.long_factor = UINT32_MAX;
	assert_int_equal(dps_policy_delay(&config, DPS_CLASS_REFUSED, 1, 0), (DPS_FOREVER - 1) / 2); /* no overflow on the way */
	dps_client_config_default(&config);
	assert_int_equal(dps_policy_renew_at_ms(&config, 1000, 1000, 0), 1000000);
	assert_int_equal(dps_policy_renew_at_ms(&config, 1000, 900, 0), 1000000); /* it ended before it was accepted */
	assert_int_equal(dps_policy_renew_at_ms(&config, 0, 3000, 0), 2001000);
	assert_in_range(dps_policy_renew_at_ms(&config, 0, 3000, UINT32_MAX), 1800900, 1800901);
	assert_int_equal(dps_policy_renew_at_ms(&config, 5000, INT64_MAX, 0), 5000000); /* no date that a certificate can say */
	assert_int_equal(dps_policy_renew_at_ms(&config, -1, 3000, 0), 0);
	assert_int_equal(dps_policy_renew_at_ms(&config, INT64_MAX, 3000, 0), 0);
	assert_true(dps_policy_renew_at_ms(&config, 0, INT64_C(253402300799), UINT32_MAX) > INT64_C(152000000000000));
	config.renewal_permille = 1000;
	config.renewal_jitter_permille = 0;
	assert_int_equal(dps_policy_renew_at_ms(&config, 10, 20, UINT32_MAX), 20000);
	config.renewal_permille = 1;
	assert_int_equal(dps_policy_renew_at_ms(&config, 10, 20, UINT32_MAX), 10010);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(swallowed_steps_are_asked_at_once),
		cmocka_unit_test(transient_failures_of_each_step),
		cmocka_unit_test(rejected_for_good),
		cmocka_unit_test(a_bad_answer_is_asked_again),
		cmocka_unit_test(disconnect_at_each_step),
		cmocka_unit_test(silence),
		cmocka_unit_test(refused_connections_back_off),
		cmocka_unit_test(all_endpoints_get_their_turn),
		cmocka_unit_test(handshake_timeout),
		cmocka_unit_test(a_silent_address),
		cmocka_unit_test(server_dates),
		cmocka_unit_test(time_never_goes_back),
		cmocka_unit_test(deadline),
		cmocka_unit_test(storage_fails_at_every_call),
		cmocka_unit_test(storage_fails_at_start),
		cmocka_unit_test(reset_is_cut),
		cmocka_unit_test(power_cuts),
		cmocka_unit_test(policy_table),
	};

	return cmocka_run_group_tests_name("client failures", tests, NULL, NULL);
}
