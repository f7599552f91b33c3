/* SPDX-License-Identifier: Apache-2.0 */
/* The engine when all goes well: the flight, the lead request, restarts, handlers, renewal. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_world.h"

#define MINUTE 60000u

static void assert_sent(const struct test_world *world, const unsigned *handles, size_t count)
{
	assert_int_equal(world->sent_count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(world->sent[i].handle, handles[i]);
}

static const unsigned flight[] = {
	DPS_STEP_TIME | WORLD_LEAD, DPS_STEP_TIME, DPS_STEP_OWNER, DPS_STEP_CLOUD, DPS_STEP_ACLS, DPS_STEP_CREDENTIALS, DPS_STEP_RESOURCES,
};

static void assert_provisioned(const struct test_world *world, bool fresh)
{
	test_world_assert_provisioned(world);
	assert_int_equal(test_world_last(world)->fresh, fresh);
	assert_int_equal(test_world_event_count(world, DPS_EVENT_FAILED), 0);
}

/* The time is asked twice at once; everything else follows the answer in one flight, on one connection. */
static void one_flight(void **state)
{
	struct test_world world;
	struct dps_report report;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_provisioned(&world, true);
	assert_sent(&world, flight, 7);
	assert_int_equal(world.connections, 1);
	assert_string_equal(world.host, "dps.example");
	assert_int_equal(world.port, 5684);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_STEP), 6);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_COMMITTED), 1);
	for (unsigned record = 0; record < DPS_RECORD_COUNT; record++)
		assert_int_equal(world.told[record], record != DPS_RECORD_LOCAL);
	dps_client_report(&world.client, &report);
	assert_int_equal(report.requests, 7);
	assert_int_equal(report.connections, 1);
	assert_int_equal(report.channel.handshakes, 1);
	test_world_free(&world);
}

/* With a clock the platform vouches for, the copy of the lead request and the flight leave together, and the time is not waited for. */
static void synchronised_flight(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.synchronised = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_provisioned(&world, true);
	assert_int_equal(world.sent_count, 6);
	assert_int_equal(world.sent[0].handle, DPS_STEP_TIME | WORLD_LEAD);
	assert_int_equal(test_world_count(&world, DPS_STEP_TIME), 0);
	test_world_free(&world);
}

static void sequential(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.sequential = true;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_OWNER, .reaction = WORLD_SILENCE, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, 10000);
	assert_sent(&world, (const unsigned[]){DPS_STEP_TIME, DPS_STEP_OWNER}, 2); /* nothing behind the one that is not answered */
	test_world_run(&world, 5 * MINUTE);
	assert_provisioned(&world, true);
	test_world_free(&world);
}

/* Steps that found no room in the send buffer leave as soon as there is some. */
static void room_is_waited_for(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_start(&world, DPS_START_NORMAL);
	world.send_room = 2; /* the lead request, and then no more until the next poll */
	test_world_run(&world, MINUTE);
	assert_provisioned(&world, true);
	assert_int_equal(world.connections, 1);
	test_world_free(&world);
}

static void restart_sends_nothing(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_provisioned(&world, false);
	assert_int_equal(world.connections, 0);
	assert_int_equal(world.told[DPS_RECORD_OWNER], 0); /* it was confirmed */
	test_world_free(&world);
}

/* A forced run asks for everything, the resources too, which the endpoint is known not to have. */
static void force_asks_all(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_clear(&world);
	test_world_play(&world, DPS_START_FORCE, MINUTE);
	assert_provisioned(&world, true);
	assert_sent(&world, flight, 7);
	assert_int_equal(world.told[DPS_RECORD_CREDENTIALS], 1);
	test_world_free(&world);
}

/* A damaged record is fetched again, alone; the resources, known to be absent, are not. */
static void damaged_record_is_fetched(void **state)
{
	struct test_world world;
	struct test_store_blob *blob;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_clear(&world);
	blob = test_store_find(&world.store, "acls-0");
	if (blob == NULL)
		blob = test_store_find(&world.store, "acls-1");
	assert_non_null(blob);
	blob->data[blob->len - 1] ^= 1;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_provisioned(&world, true);
	assert_int_equal(test_world_event(&world, DPS_EVENT_WARNING)->cause, DPS_E_STORAGE_CORRUPT);
	assert_sent(&world, (const unsigned[]){DPS_STEP_TIME | WORLD_LEAD, DPS_STEP_TIME, DPS_STEP_ACLS}, 3);
	test_world_free(&world);
}

static void postponed_records_are_told_again(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.answers[DPS_RECORD_CLOUD] = DPS_LATER;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_provisioned(&world, true); /* a handler never undoes a commit */
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_WARNING), 1);
	test_world_clear(&world);
	world.answers[DPS_RECORD_CLOUD] = DPS_HANDLED;
	test_world_start(&world, DPS_START_NORMAL);
	assert_int_equal(world.told[DPS_RECORD_CLOUD], 1);
	assert_int_equal(world.told[DPS_RECORD_OWNER], 0);
	test_world_clear(&world);
	test_world_start(&world, DPS_START_NORMAL);
	assert_int_equal(world.told[DPS_RECORD_CLOUD], 0);
	test_world_free(&world);
}

/* An application without handlers: the commit confirms what it commits, and no write follows for that. */
static void without_handlers(void **state)
{
	struct test_world world;
	size_t writes;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	writes = world.store.writes;
	test_world_free(&world);
	test_world_init(&world);
	memset(&world.config.handlers, 0, sizeof(world.config.handlers));
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_provisioned(&world, true);
	assert_int_equal(world.store.writes, writes - 1);
	test_world_free(&world);
}

static void device_id_is_made_once(void **state)
{
	struct test_world world;
	struct dps_uuid first;
	struct dps_uuid second;

	(void)state;
	test_world_init(&world);
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_SILENCE, .count = 100});
	test_world_play(&world, DPS_START_NORMAL, 1000);
	assert_int_equal(dps_client_device_id(&world.client, &first), DPS_OK);
	assert_int_equal(first.bytes[6] >> 4, 4);
	test_world_clear(&world);
	test_world_start(&world, DPS_START_NORMAL); /* the power went before the commit */
	test_world_run(&world, MINUTE);
	assert_provisioned(&world, true);
	assert_int_equal(dps_client_device_id(&world.client, &second), DPS_OK);
	assert_true(dps_uuid_equal(&first, &second));
	/* What was staged is not asked again. */
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 0);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 0);
	assert_int_equal(test_world_count(&world, DPS_STEP_ACLS), 1);
	test_world_free(&world);
}

static void another_device_id_changes_nothing(void **state)
{
	struct test_world world;
	struct test_store before;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_store_init(&before);
	test_store_copy(&before, &world.store);
	test_world_clear(&world);
	world.config.device_id.bytes[0] = 9;
	test_world_start(&world, DPS_START_FORCE);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILED)->cause, DPS_E_DEVICE_ID);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILED)->step, DPS_STEP_CONFIG);
	assert_true(test_store_same(&before, &world.store));
	test_store_free(&before);
	test_world_free(&world);
}

/* Another endpoint given to a provisioned device replaces the stored list and sends nothing. */
static void stored_endpoints_are_used(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_boot(&world);
	assert_int_equal(dps_client_add_endpoint(&world.client, "coaps+tcp://other.example:1"), DPS_OK);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	test_world_clear(&world);
	test_world_boot(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_provisioned(&world, true);
	assert_string_equal(world.host, "other.example");
	test_world_free(&world);
}

static void redirects_are_followed(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.redirect = "coaps+tcp://elsewhere.example:7";
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_provisioned(&world, true);
	assert_string_equal(world.host, "elsewhere.example");
	assert_int_equal(world.connections, 2);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 2);
	test_world_free(&world);
}

static void again_after(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.after_ms = 5000;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_provisioned(&world, true);
	assert_int_equal(test_world_count(&world, DPS_STEP_ACLS), 2);
	assert_true(world.now >= 6000);
	test_world_free(&world);
}

/* A device that stays renews its identity, and nothing else, at about two thirds of its life. */
static void renewal(void **state)
{
	struct test_world world;
	const uint64_t day = UINT64_C(24) * 3600 * 1000;
	uint64_t begin;

	(void)state;
	test_world_init(&world);
	world.config.stay = true;
	world.path_not_after += 1000 * 86400;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_provisioned(&world, true);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	test_world_clear(&world);
	begin = world.now;
	world.identity_not_after += 90 * 86400;
	test_world_run(&world, 70 * day);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_RENEWED), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 0);
	assert_true(world.sent[0].at - begin >= 53 * day); /* 60 days less a tenth at most, and an hour's look */
	assert_true(world.sent[0].at - begin <= 61 * day);
	assert_int_equal(world.told[DPS_RECORD_CREDENTIALS], 1);
	test_world_free(&world);
}

static void cancel_within_an_event(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.cancel_at_step = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_CANCELLED), 1);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_IDLE);
	assert_false(world.open);
	/* It can be started again. */
	world.cancel_at_step = false;
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_provisioned(&world, true);
	test_world_free(&world);
}

/* What has had its terminal event gets no second one. */
static void cancel_when_provisioned(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.stay = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	dps_client_cancel(&world.client);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_CANCELLED), 0);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_IDLE);
	dps_client_cancel(&world.client);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_CANCELLED), 0);
	test_world_free(&world);
}

/* Nor a device that is renewing its identity, wherever that is. */
static void cancel_while_renewing(void **state)
{
	struct test_world world;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		test_world_init(&world);
		world.config.stay = true;
		world.answer_ms = 100;
		world.path_not_after += 4000 * 86400;
		test_world_play(&world, DPS_START_NORMAL, MINUTE);
		test_world_clear(&world);
		world.connects[0] = i == 0 ? DPS_E_CONNECT : DPS_OK;
		world.connect_count = 1;
		world.now += UINT64_C(70) * 24 * 3600 * 1000;
		test_world_run(&world, 10);
		assert_int_equal(dps_client_state(&world.client), i == 0 ? DPS_STATE_WAITING : DPS_STATE_ASKING);
		dps_client_cancel(&world.client);
		assert_int_equal(dps_client_state(&world.client), DPS_STATE_IDLE);
		assert_false(world.open);
		assert_int_equal(test_world_event_count(&world, DPS_EVENT_CANCELLED), 0);
		assert_int_equal(test_world_event_count(&world, DPS_EVENT_FAILED), 0);
		assert_int_equal(test_world_event_count(&world, DPS_EVENT_PROVISIONED), 0);
		test_world_free(&world);
	}
}

static void factory_reset(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(dps_client_factory_reset(&world.client), DPS_OK);
	assert_int_equal(test_store_count(&world.store), 0);
	test_world_clear(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILED)->cause, DPS_E_NO_ENDPOINT);
	test_world_free(&world);
}

static void arguments(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_boot(&world);
	assert_int_equal(dps_client_add_endpoint(&world.client, "coap+tcp://dps.example:5684"), DPS_E_URI);
	assert_int_equal(dps_client_add_endpoint(&world.client, "coaps+tcp://dps.example"), DPS_E_URI);
	assert_int_equal(dps_client_add_endpoint(&world.client, "coaps+tcp://dps.example:65536"), DPS_E_URI);
	for (unsigned i = 0; i < DPS_CONFIG_ENDPOINTS; i++) {
		char uri[] = "coaps+tcp://a:1";

		uri[12] = (char)('a' + i);
		assert_int_equal(dps_client_add_endpoint(&world.client, uri), DPS_OK);
		assert_int_equal(dps_client_add_endpoint(&world.client, uri), DPS_OK);
	}
	assert_int_equal(dps_client_add_endpoint(&world.client, "coaps+tcp://z:1"), DPS_E_BUFFER);
	assert_int_equal(dps_client_start(&world.client, DPS_START_RENEW), DPS_OK);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILED)->cause, DPS_E_STATE);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_E_STATE);
	dps_client_stop(&world.client);
	world.config.retry_count = 0;
	assert_int_equal(dps_client_init(&world.client, &world.config), DPS_E_ARGUMENT);
	world.config.retry_count = 1;
	world.config.trust.anchors.len = 0;
	assert_int_equal(dps_client_init(&world.client, &world.config), DPS_E_ARGUMENT);
	test_world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_flight),
		cmocka_unit_test(synchronised_flight),
		cmocka_unit_test(sequential),
		cmocka_unit_test(room_is_waited_for),
		cmocka_unit_test(restart_sends_nothing),
		cmocka_unit_test(force_asks_all),
		cmocka_unit_test(damaged_record_is_fetched),
		cmocka_unit_test(postponed_records_are_told_again),
		cmocka_unit_test(without_handlers),
		cmocka_unit_test(device_id_is_made_once),
		cmocka_unit_test(another_device_id_changes_nothing),
		cmocka_unit_test(stored_endpoints_are_used),
		cmocka_unit_test(redirects_are_followed),
		cmocka_unit_test(again_after),
		cmocka_unit_test(renewal),
		cmocka_unit_test(cancel_within_an_event),
		cmocka_unit_test(cancel_when_provisioned),
		cmocka_unit_test(cancel_while_renewing),
		cmocka_unit_test(factory_reset),
		cmocka_unit_test(arguments),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
