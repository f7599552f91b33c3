/* SPDX-License-Identifier: Apache-2.0 */
/* The engine where things happen in between: clocks that change, peers that stall, ports that fail late, calls from within callbacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "client/policy.h"
#include "support/test_world.h"

#define MINUTE 60000u
#define HOUR   (60u * MINUTE)
#define DAY    (UINT64_C(24) * HOUR)

static bool is_terminal(enum dps_event_type type)
{
	return type == DPS_EVENT_PROVISIONED || type == DPS_EVENT_FAILED || type == DPS_EVENT_CANCELLED;
}

static unsigned terminal_events(const struct test_world *world)
{
	unsigned count = 0;

	for (size_t i = 0; i < world->event_count; i++)
		count += is_terminal(world->events[i].type);
	return count;
}

static void assert_ends_provisioned(const struct test_world *world)
{
	test_world_assert_provisioned(world);
	assert_int_equal(terminal_events(world), 1);
}

/* --- clocks that change -------------------------------------------------------------------------------------------------------------- */

/* The platform takes back its word on the clock while requests are on their way: the time is asked for, nothing waits for ever. */
static void the_clock_is_no_longer_synchronised(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.synchronised = true;
	world.has_resources = true;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_SILENCE, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, 1000);
	assert_int_equal(terminal_events(&world), 0);
	world.synchronised = false;
	test_world_run(&world, HOUR);
	assert_ends_provisioned(&world);
	assert_int_equal(test_world_count(&world, DPS_STEP_TIME), 1);
	test_world_free(&world);
}

/* The clock is set while the time request is on its way: the dates are checked before anything else leaves all the same. */
static void the_clock_becomes_synchronised(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.path_not_after = world.wall / 1000 - 86400;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_TIME, .reaction = WORLD_SILENCE, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, 1000);
	assert_int_equal(world.sent_count, 2);
	world.synchronised = true;
	test_world_run(&world, 1000);
	assert_int_equal(world.sent_count, 2);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_SERVER_EXPIRED);
	world.path_not_after = world.wall / 1000 + 86400;
	test_world_run(&world, HOUR);
	assert_ends_provisioned(&world);
	test_world_free(&world);
}

/* --- peers that stall ---------------------------------------------------------------------------------------------------------------- */

/* A peer that takes no request at all (it released the connection, or never reads) is left after the time-out, and said so. */
static void a_peer_that_takes_nothing(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.takes_nothing = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_non_null(test_world_event(&world, DPS_EVENT_FAILURE));
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_TIMEOUT);
	world.takes_nothing = false;
	test_world_run(&world, HOUR);
	assert_ends_provisioned(&world);
	test_world_free(&world);
}

/* Requests that wait for room while answers come, slowly, are not given up for it. */
static void slow_answers_one_at_a_time(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.one_at_a_time = true;
	world.answer_ms = 14000;
	world.has_resources = true;
	test_world_start(&world, DPS_START_NORMAL);
	for (unsigned i = 0; i < 1200; i++)
		test_world_run(&world, 100);
	assert_ends_provisioned(&world);
	assert_int_equal(world.connections, 1);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_FAILURE), 0);
	test_world_free(&world);
}

/* A service that refuses the copy of the lead request and takes all others with it is a failure that is told, not an endless silence. */
static void the_lead_is_refused(void **state)
{
	for (unsigned synchronised = 0; synchronised < 2; synchronised++) {
		struct test_world world;

		(void)state;
		test_world_init(&world);
		world.synchronised = synchronised != 0;
		world.lead_code = 403;
		test_world_play(&world, DPS_START_NORMAL, 2 * MINUTE);
		assert_in_range(test_world_event_count(&world, DPS_EVENT_FAILURE), 2, 12);
		assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_CLOSED);
		world.lead_code = 0;
		test_world_run(&world, HOUR);
		assert_ends_provisioned(&world);
		test_world_free(&world);
	}
}

/* All requests of a flight go unanswered: they are asked again on one connection, not each on one of its own. */
static void a_silent_flight_is_asked_again_together(void **state)
{
	static const enum dps_step_id ids[] = {DPS_STEP_OWNER, DPS_STEP_CLOUD, DPS_STEP_ACLS, DPS_STEP_CREDENTIALS, DPS_STEP_RESOURCES};
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.has_resources = true;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		test_world_script(&world, (struct world_script){.step = ids[i], .reaction = WORLD_SILENCE, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	assert_ends_provisioned(&world);
	assert_int_equal(world.connections, 2);
	test_world_free(&world);
}

/* The connection ends while nothing is on its way: that is neither a failure nor a reason to hurry. */
static void an_idle_connection_is_closed(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.after_ms = 5000;
	test_world_play(&world, DPS_START_NORMAL, 1000);
	world.broken = DPS_E_CLOSED;
	test_world_run(&world, HOUR);
	assert_ends_provisioned(&world);
	assert_true(world.connections <= 2);
	test_world_free(&world);
}

/* --- ports that fail late ------------------------------------------------------------------------------------------------------------ */

static unsigned failures_told;

/* Tries without number: only the last events are kept. */
static void forget_old_events(struct test_world *world, const struct dps_event *event)
{
	assert_false(is_terminal(event->type));
	failures_told += event->type == DPS_EVENT_FAILURE;
	if (world->event_count > 100)
		world->event_count = 0;
}

/* A device that stays gives up its renewal for nothing: not for a certificate store that does not answer, nor for an empty list of endpoints. */
static void a_renewal_is_never_given_up(void **state)
{
	for (unsigned no_endpoint = 0; no_endpoint < 2; no_endpoint++) {
		struct test_world world;

		(void)state;
		test_world_init(&world);
		world.config.stay = true;
		world.path_not_after += 1000 * 86400;
		test_world_play(&world, DPS_START_NORMAL, MINUTE);
		assert_ends_provisioned(&world);
		if (no_endpoint != 0) {
			assert_int_equal(world.store.port.erase(world.store.port.ctx, "endpoints-1"), DPS_OK);
			assert_int_equal(world.store.port.erase(world.store.port.ctx, "endpoints-0"), DPS_OK);
			test_world_clear(&world);
			test_world_boot(&world);
			assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
			assert_ends_provisioned(&world);
		} else {
			world.chain_result = DPS_E_NOT_FOUND;
		}
		world.hook = forget_old_events;
		failures_told = 0;
		for (unsigned day = 0; day < 62; day++)
			test_world_run(&world, DAY);
		assert_true(failures_told > 0);
		assert_int_not_equal(dps_client_state(&world.client), DPS_STATE_IDLE);
		if (no_endpoint == 0) {
			world.hook = NULL;
			world.event_count = 0;
			world.chain_result = DPS_OK;
			world.identity_not_after += 90 * 86400;
			test_world_run(&world, DAY);
			assert_int_equal(test_world_event_count(&world, DPS_EVENT_RENEWED), 1);
		}
		test_world_free(&world);
	}
}

/* What fails on this device is tried again by a device that stays, wherever in the run it fails. */
static void a_chain_that_cannot_be_read_yet(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.chain_result = DPS_E_STORAGE;
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	assert_int_equal(test_world_last(&world)->type, DPS_EVENT_FAILED);
	assert_int_equal(test_world_last(&world)->cause, DPS_E_STORAGE);
	test_world_clear(&world);
	world.config.stay = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(terminal_events(&world), 0);
	world.chain_result = DPS_OK;
	test_world_run(&world, HOUR);
	assert_ends_provisioned(&world);
	test_world_free(&world);
}

static void fail_reads_after_commit(struct test_world *world, const struct dps_event *event)
{
	if (event->type == DPS_EVENT_COMMITTED)
		test_store_fail_always(&world->store, TEST_STORE_READ, DPS_E_STORAGE);
}

/* The identity cannot be read at the moment when its end is to be noted: it is renewed in time all the same. */
static void the_identity_cannot_be_read_when_watched(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.stay = true;
	world.path_not_after += 1000 * 86400;
	world.hook = fail_reads_after_commit;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_ends_provisioned(&world);
	world.hook = NULL;
	test_store_fail_always(&world.store, TEST_STORE_READ, DPS_OK);
	world.identity_not_after += 90 * 86400;
	test_world_run(&world, 70 * DAY);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_RENEWED), 1);
	test_world_free(&world);
}

/* --- what is left of another run ----------------------------------------------------------------------------------------------------- */

/* Answers that were given to another device id (the token of the hub, above all) are not used by this one. */
static void answers_of_another_device_id(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.device_id.bytes[0] = 7;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_SILENCE, .count = 100});
	test_world_play(&world, DPS_START_NORMAL, 1000);
	assert_int_equal(world.asked_as.bytes[0], 7);
	test_world_clear(&world);
	world.config.device_id.bytes[0] = 8;
	test_world_start(&world, DPS_START_NORMAL); /* the power went before the commit, and another id is configured */
	test_world_run(&world, HOUR);
	assert_ends_provisioned(&world);
	assert_int_equal(world.asked_as.bytes[0], 8);
	assert_int_equal(test_world_count(&world, DPS_STEP_CLOUD), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	test_world_free(&world);
}

static void fail_the_commit(struct test_world *world, const struct dps_event *event)
{
	if (event->type == DPS_EVENT_STATE && event->state == DPS_STATE_COMMITTING)
		test_store_fail_always(&world->store, TEST_STORE_WRITE, DPS_E_STORAGE_FULL);
}

/* All was staged and the commit failed: the next start commits, sends nothing, and its report says so. */
static void a_run_that_only_commits(void **state)
{
	struct test_world world;
	struct dps_report report;

	(void)state;
	test_world_init(&world);
	world.now = DAY;
	world.hook = fail_the_commit;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(test_world_last(&world)->type, DPS_EVENT_FAILED);
	dps_client_report(&world.client, &report);
	assert_int_equal(report.answers_dropped, 3); /* what the transport counted */
	assert_int_equal(report.peer_requests, 2);
	assert_int_equal(report.peer_dropped, 1);
	world.hook = NULL;
	test_store_fail_always(&world.store, TEST_STORE_WRITE, DPS_OK);
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_ends_provisioned(&world);
	assert_int_equal(world.connections, 0);
	dps_client_report(&world.client, &report);
	assert_int_equal(report.step_ms[DPS_STEP_COMMIT], 0);
	assert_int_equal(report.elapsed_ms, 0);
	test_world_free(&world);
}

static void nothing_is_left_to_ask(struct test_world *world, const struct dps_event *event)
{
	if (event->type == DPS_EVENT_STATE && event->state == DPS_STATE_CONNECTING)
		world->client.endpoints[0].no_resources = true; /* as if another run had found out */
	if (event->type == DPS_EVENT_CONNECTED)
		world->broken = DPS_E_CLOSED;
}

/* The endpoint turns out to have nothing of what is still wanted, and closes before it is asked anything: what is staged is committed. */
static void nothing_left_and_closed(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.synchronised = true;
	world.has_resources = true;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_RESOURCES, .reaction = WORLD_SILENCE, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, 1000);
	test_world_clear(&world);
	world.hook = nothing_is_left_to_ask;
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	assert_ends_provisioned(&world);
	assert_int_equal(world.sent_count, 0);
	test_world_free(&world);
}

/* --- the caller ---------------------------------------------------------------------------------------------------------------------- */

static dps_result started_within;

static void start_within_an_event(struct test_world *world, const struct dps_event *event)
{
	if (event->type == DPS_EVENT_STATE && event->state == DPS_STATE_IDLE)
		started_within = dps_client_start(&world->client, DPS_START_NORMAL);
}

static void start_from_a_callback_is_refused(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	started_within = DPS_OK;
	world.hook = start_within_an_event;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CLOUD, .reaction = WORLD_CODE, .code = 405, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, HOUR);
	assert_int_equal(started_within, DPS_E_STATE);
	assert_int_equal(terminal_events(&world), 1);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_IDLE);
	test_world_free(&world);
}

static void calls_before_a_start(void **state)
{
	struct test_world world;
	struct dps_wait waits[2];
	struct dps_owner owner;
	struct dps_uuid id;
	uint8_t buf[64];

	(void)state;
	test_world_init(&world);
	test_world_boot(&world);
	assert_int_equal(dps_client_process(&world.client), DPS_FOREVER);
	assert_int_equal(dps_client_wait_on(&world.client, waits, 2), 0);
	assert_int_equal(dps_client_device_id(&world.client, &id), DPS_E_STATE);
	assert_int_not_equal(dps_client_read_owner(&world.client, buf, sizeof(buf), &owner), DPS_OK);
	assert_null(dps_client_last_failure(&world.client));
	dps_client_cancel(&world.client);
	dps_client_stop(&world.client);
	assert_int_equal(world.event_count, 0);
	dps_client_deinit(&world.client);
	dps_client_deinit(&world.client);
	test_world_free(&world);
}

/* A schedule without waits would hammer the service: it is refused, and no entry is rounded to nothing. */
static void a_schedule_always_waits(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.retry_ms[2] = 0;
	assert_int_equal(dps_client_init(&world.client, &world.config), DPS_E_ARGUMENT);
	world.config.retry_ms[2] = 1;
	assert_int_equal(dps_client_init(&world.client, &world.config), DPS_OK);
	assert_int_equal(dps_policy_delay(&world.config, DPS_CLASS_TRANSIENT, 3, 0), 1);
	assert_int_equal(dps_policy_delay(&world.config, DPS_CLASS_TRANSIENT, 3, UINT32_MAX), 1);
	test_world_free(&world);
}

/* A run of many changes of state within one instant does not wait for a timer that belongs to none of them. */
static void many_changes_at_once(void **state)
{
	/* So many connections refused, then so many that break: the commit is reached after every count of changes. */
	for (unsigned refused = 0; refused < 4; refused++) {
		for (unsigned broken = 0; broken < 4; broken++) {
			struct test_world world;

			(void)state;
			test_world_init(&world);
			for (unsigned i = 0; i < refused; i++)
				world.connects[i] = DPS_E_CONNECT;
			world.connects[refused] = DPS_OK;
			world.connect_count = refused + 1;
			test_world_script(
				&world, (struct world_script){.step = DPS_STEP_OWNER, .reaction = WORLD_CLOSE, .result = DPS_E_RESET, .count = broken});
			test_world_start_at(&world, 4, DPS_START_NORMAL);
			for (unsigned i = 0; i < 20 && dps_client_process(&world.client) == 0; i++)
				;
			assert_ends_provisioned(&world);
			test_world_free(&world);
		}
	}
}

/* --- anything, in any order ---------------------------------------------------------------------------------------------------------- */

static uint32_t random_state;

static uint32_t roll(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

static uint32_t cancel_at_event;

static void cancel_at_some_event(struct test_world *world, const struct dps_event *event)
{
	(void)event;
	if (world->event_count == cancel_at_event)
		dps_client_cancel(&world->client);
}

static void make_trouble(struct test_world *world)
{
	static const dps_result connects[] = {DPS_OK, DPS_OK, DPS_E_CONNECT, DPS_AGAIN, DPS_E_TLS_ALERT, DPS_E_SERVER_UNTRUSTED};
	static const unsigned codes[] = {400, 403, 404, 503, 500};
	static const dps_result bad[] = {DPS_E_CBOR, DPS_E_FIELD, DPS_E_IDENTITY_KEY};
	static const dps_result ends[] = {DPS_E_CLOSED, DPS_E_RESET, DPS_E_TLS, DPS_E_COAP};

	world->connect_count = 1 + roll(6);
	for (size_t i = 0; i < world->connect_count; i++)
		world->connects[i] = connects[roll(6)];
	world->connects[world->connect_count - 1] = DPS_OK;
	world->synchronised = roll(2) != 0;
	world->has_resources = roll(2) != 0;
	world->config.sequential = roll(4) == 0;
	world->refused_before_tcp = roll(2) != 0;
	world->redirect = roll(4) == 0 ? "coaps+tcp://elsewhere.example:7" : NULL;
	world->after_ms = roll(3) == 0 ? 1 + roll(100000) : 0;
	world->lead_code = roll(8) == 0 ? 503 : 0;
	for (unsigned i = roll(12); i > 0; i--) {
		struct world_script script = {.step = (enum dps_step_id)(DPS_STEP_TIME + roll(6)), .count = 1 + roll(3)};

		script.reaction = (enum world_reaction)roll(5);
		script.code = codes[roll(5)];
		script.result = script.reaction == WORLD_BAD ? bad[roll(3)] : ends[roll(4)];
		if (script.code == 404 && script.step != DPS_STEP_RESOURCES)
			script.code = 503;
		test_world_script(world, script);
	}
}

static void start_with_endpoints(struct test_world *world, unsigned flags)
{
	test_world_start_at(world, roll(3) + 1, flags);
}

/* Whatever happens, and whenever it is cancelled: one run, one end, and the clock of the platform may come and go meanwhile. */
static void one_start_one_end(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 400; seed++) {
		struct test_world world;

		random_state = seed * 2654435761u;
		test_world_init(&world);
		make_trouble(&world);
		world.config.deadline_ms = 600000;
		if (roll(3) == 0) {
			cancel_at_event = 1 + roll(20);
			world.hook = cancel_at_some_event;
		}
		start_with_endpoints(&world, roll(3) == 0 ? DPS_START_FORCE : DPS_START_NORMAL);
		for (unsigned i = 0; i < 100 && dps_client_state(&world.client) != DPS_STATE_IDLE; i++) {
			test_world_run(&world, roll(20000));
			if (roll(4) == 0)
				world.synchronised = !world.synchronised;
			if (roll(200) == 0)
				dps_client_cancel(&world.client);
		}
		test_world_run(&world, HOUR);
		if (terminal_events(&world) != 1 || !is_terminal(test_world_last(&world)->type))
			fail_msg("seed %u: %u terminal events", (unsigned)seed, terminal_events(&world));
		assert_int_equal(dps_client_state(&world.client), DPS_STATE_IDLE);
		assert_false(world.open);
		assert_int_equal(dps_client_process(&world.client), DPS_FOREVER);
		test_world_free(&world);
	}
}

/* A device that stays gets there once the trouble is over, its store's included, and has one end. */
static void who_stays_gets_there(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		struct test_world world;

		random_state = seed * 2246822519u;
		test_world_init(&world);
		make_trouble(&world);
		world.config.stay = true;
		test_store_fail(&world.store, TEST_STORE_ANY, 1 + roll(60), DPS_E_STORAGE_FULL);
		start_with_endpoints(&world, roll(3) == 0 ? DPS_START_FORCE : DPS_START_NORMAL);
		for (unsigned i = 0; i < 20; i++) {
			test_world_run(&world, roll(60000));
			if (roll(4) == 0)
				world.synchronised = !world.synchronised;
		}
		world.lead_code = 0;
		test_world_run(&world, 12 * HOUR);
		if (dps_client_state(&world.client) != DPS_STATE_PROVISIONED || terminal_events(&world) != 1)
			fail_msg("seed %u: state %s, %u terminal events", (unsigned)seed, dps_state_name(dps_client_state(&world.client)),
			         terminal_events(&world));
		test_world_free(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_is_no_longer_synchronised),
		cmocka_unit_test(the_clock_becomes_synchronised),
		cmocka_unit_test(a_peer_that_takes_nothing),
		cmocka_unit_test(slow_answers_one_at_a_time),
		cmocka_unit_test(the_lead_is_refused),
		cmocka_unit_test(a_silent_flight_is_asked_again_together),
		cmocka_unit_test(an_idle_connection_is_closed),
		cmocka_unit_test(a_renewal_is_never_given_up),
		cmocka_unit_test(a_chain_that_cannot_be_read_yet),
		cmocka_unit_test(the_identity_cannot_be_read_when_watched),
		cmocka_unit_test(answers_of_another_device_id),
		cmocka_unit_test(a_run_that_only_commits),
		cmocka_unit_test(nothing_left_and_closed),
		cmocka_unit_test(start_from_a_callback_is_refused),
		cmocka_unit_test(calls_before_a_start),
		cmocka_unit_test(a_schedule_always_waits),
		cmocka_unit_test(many_changes_at_once),
		cmocka_unit_test(one_start_one_end),
		cmocka_unit_test(who_stays_gets_there),
	};

	return cmocka_run_group_tests_name("client review", tests, NULL, NULL);
}
