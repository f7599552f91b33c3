/* SPDX-License-Identifier: Apache-2.0 */
/* The engine where two things meet that seldom do: each of these once cost a device its clock, its key, its way or its records. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/test_world.h"

#define MINUTE 60000u
#define HOUR   (60u * MINUTE)
#define DAY    (UINT64_C(24) * 3600 * 1000)
#define EIGHTY (INT64_C(80) * 365 * 86400 * 1000)
#define A      "coaps+tcp://a.example:1"
#define B      "coaps+tcp://b.example:2"
#define OTHER  "coaps+tcp://other.example:1"

static uint8_t buf[DPS_CONFIG_BODY_SIZE];
static struct test_world world;

/* --- clocks ---------------------------------------------------------------------------------------------------------------------- */

static void jump_ahead(struct test_world *w, const struct dps_event *event)
{
	if (event->type == DPS_EVENT_COMMITTED)
		w->wall += EIGHTY;
}

/* The clock jumps between the judgement of the dates and the note of the floor. */
static void a_jump_before_the_floor_is_noted(void **state)
{
	(void)state;
	test_world_init(&world);
	world.synchronised = true;
	world.hook = jump_ahead;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	world.hook = NULL;
	world.wall -= EIGHTY;
	test_world_clear(&world);
	test_world_play(&world, DPS_START_FORCE, HOUR);
	test_world_assert_provisioned(&world);
	test_world_free(&world);
}

/* What one run has proved says nothing about the clock at the next start. */
static void a_start_proves_no_time(void **state)
{
	(void)state;
	test_world_init(&world);
	world.synchronised = true;
	world.config.stay = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	world.wall += EIGHTY;
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	world.wall -= EIGHTY;
	test_world_clear(&world);
	test_world_play(&world, DPS_START_FORCE, HOUR);
	test_world_assert_provisioned(&world);
	test_world_free(&world);
}

/* A device that stays, of a service without a time step, waits for its clock, and goes on when it is set. */
static void the_clock_is_set_late(void **state)
{
	(void)state;
	test_world_init(&world);
	world.config.stay = true;
	world.service.steps++;
	world.service.step_count--;
	test_world_start(&world, DPS_START_NORMAL);
	test_world_run(&world, 2 * HOUR);
	assert_int_equal(world.connections, 0);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_CLOCK_NOT_SET);
	world.synchronised = true;
	test_world_run(&world, HOUR);
	test_world_assert_provisioned(&world);
	test_world_free(&world);
}

static void lose_clock(struct test_world *w, const struct dps_event *event)
{
	if (event->type == DPS_EVENT_CONNECTED)
		w->synchronised = false;
}

/* The platform's clock is no longer synchronised in the midst of a run, and the service tells no time: a named failure, and on it goes when it is. */
static void the_clock_is_lost(void **state)
{
	(void)state;
	test_world_init(&world);
	world.config.stay = true;
	world.synchronised = true;
	world.service.steps++;
	world.service.step_count--;
	world.hook = lose_clock;
	test_world_start(&world, DPS_START_NORMAL);
	test_world_run(&world, HOUR);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_CLOCK_NOT_SET);
	world.hook = NULL;
	world.synchronised = true;
	test_world_run(&world, HOUR);
	test_world_assert_provisioned(&world);
	test_world_free(&world);
}

/* --- where to go ----------------------------------------------------------------------------------------------------------------- */

/* Every endpoint is taken away while the next attempt is waited for. */
static void no_endpoint_is_left(void **state)
{
	(void)state;
	test_world_init(&world);
	world.connects[0] = DPS_E_CONNECT;
	world.connect_count = 1;
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, 100);
	assert_int_equal(dps_client_remove_endpoint(&world.client, A), DPS_OK);
	assert_int_equal(dps_client_remove_endpoint(&world.client, B), DPS_OK);
	test_world_run(&world, HOUR);
	assert_int_equal(test_world_last(&world)->cause, DPS_E_NO_ENDPOINT);
	test_world_free(&world);
}

/* A provisioned device is sent elsewhere and the power goes: it is not forgotten, whoever starts it next, until it has provisioned there. */
static void sent_elsewhere_and_cut(void **state)
{
	const struct dps_endpoint list[] = {{B, "", true}};
	enum dps_configured what;

	(void)state;
	for (unsigned by_list = 0; by_list < 2; by_list++) {
		test_world_init(&world);
		test_world_play(&world, DPS_START_NORMAL, MINUTE);
		if (by_list != 0)
			assert_int_equal(dps_client_replace_endpoints(&world.client, list, 1), DPS_OK);
		else
			assert_int_equal(dps_client_configure(&world.client, B, NULL, 0, &what), DPS_OK);
		test_world_boot(&world); /* the power went */
		assert_int_equal(dps_client_configure(&world.client, B, NULL, 0, &what), DPS_OK);
		assert_int_equal(what, DPS_CONFIGURED_REPROVISION);
		test_world_boot(&world);
		test_world_clear(&world);
		assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
		test_world_run(&world, MINUTE);
		test_world_assert_provisioned(&world);
		assert_string_equal(world.host, "b.example");
		assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
		test_world_boot(&world);
		test_world_clear(&world);
		assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
		assert_int_equal(world.sent_count, 0);
		assert_int_equal(dps_client_configure(&world.client, B, NULL, 0, &what), DPS_OK);
		assert_int_equal(what, DPS_CONFIGURED_SAME);
		test_world_free(&world);
	}
}

/* The service whose identity is to be renewed is gone for good: the device is told another one without being stopped. */
static void configured_in_the_midst_of_a_renewal(void **state)
{
	enum dps_configured what;
	bool provisioned = false;

	(void)state;
	test_world_init(&world);
	world.config.stay = true;
	world.synchronised = true;
	world.path_not_after += 1000 * 86400;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	world.connects[0] = DPS_E_CONNECT;
	world.connect_count = 1;
	test_world_clear(&world);
	world.now += 80 * DAY;
	world.identity_not_after += 90 * 86400;
	(void)dps_client_process(&world.client);
	assert_int_equal(dps_client_status(&world.client), DPS_STATUS_TRANSIENT_FAILURE);
	assert_int_equal(dps_client_load(&world.client, &provisioned), DPS_OK);
	assert_true(provisioned);
	assert_int_equal(dps_client_configure(&world.client, OTHER, NULL, 0, &what), DPS_OK);
	assert_int_equal(what, DPS_CONFIGURED_REPROVISION);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	assert_int_equal(dps_client_status(&world.client), DPS_STATUS_PROVISIONED);
	world.connect_count = 0;
	(void)dps_client_process(&world.client); /* the renewal begins again at once, there */
	test_world_run(&world, MINUTE);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_RENEWED), 1);
	assert_string_equal(world.host, "other.example");
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK); /* all steps are still due there */
	test_world_run(&world, MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
	test_world_free(&world);
}

/* A selection made before the start is not undone by the stored one. */
static void selected_before_the_start(void **state)
{
	struct dps_endpoint endpoint;

	(void)state;
	test_world_init(&world);
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, MINUTE);
	test_world_boot(&world);
	assert_int_equal(dps_client_add_endpoint(&world.client, A), DPS_OK);
	assert_int_equal(dps_client_add_endpoint(&world.client, B), DPS_OK);
	assert_int_equal(dps_client_select_endpoint(&world.client, B), DPS_OK);
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(dps_client_get_endpoint(&world.client, 1, &endpoint), DPS_OK);
	assert_true(endpoint.selected);
	assert_string_equal(world.host, "b.example");
	test_world_free(&world);
}

/* Texts of the client's own list may be given back to it. */
static void texts_of_the_list_itself(void **state)
{
	struct dps_endpoint list[2];
	enum dps_configured what;

	(void)state;
	test_world_init(&world);
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, MINUTE);
	assert_int_equal(dps_client_get_endpoint(&world.client, 0, &list[1]), DPS_OK);
	assert_int_equal(dps_client_get_endpoint(&world.client, 1, &list[0]), DPS_OK);
	assert_int_equal(dps_client_replace_endpoints(&world.client, list, 2), DPS_OK);
	assert_int_equal(dps_client_get_endpoint(&world.client, 0, &list[0]), DPS_OK);
	assert_string_equal(list[0].uri, B);
	assert_int_equal(dps_client_get_endpoint(&world.client, 1, &list[1]), DPS_OK);
	assert_string_equal(list[1].uri, A);
	assert_int_equal(dps_client_configure(&world.client, list[1].uri, NULL, 0, &what), DPS_OK);
	assert_int_equal(dps_client_get_endpoint(&world.client, 0, &list[0]), DPS_OK);
	assert_string_equal(list[0].uri, A);
	test_world_free(&world);
}

/* The endpoint in use is removed: what it has not is no property of its successor. */
static void what_the_removed_one_has_not(void **state)
{
	(void)state;
	test_world_init(&world);
	world.answer_ms = 1000;
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, 1500);
	assert_int_equal(dps_client_remove_endpoint(&world.client, A), DPS_OK);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	assert_false(world.client.endpoints[0].no_resources);
	test_world_free(&world);
}

/* The power goes behind a redirect: the rest is asked of where it led. */
static void a_redirect_is_kept_at_once(void **state)
{
	(void)state;
	test_world_init(&world);
	world.redirect = OTHER;
	world.connects[0] = DPS_OK;
	world.connects[1] = DPS_E_CONNECT;
	world.connect_count = 2;
	world.config.sequential = true;
	test_world_start(&world, DPS_START_NORMAL);
	test_world_run(&world, 1000);
	world.connect_count = 0;
	test_world_clear(&world);
	test_world_boot(&world); /* the power went */
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	assert_string_equal(world.host, "other.example");
	test_world_free(&world);
}

/* A start that was refused has read the state all the same: what is then added is durable. */
static void added_after_a_refused_start(void **state)
{
	struct dps_endpoint endpoint;

	(void)state;
	test_world_init(&world);
	test_world_start(&world, DPS_START_RENEW);
	assert_int_equal(test_world_last(&world)->cause, DPS_E_STATE);
	assert_int_equal(dps_client_add_endpoint(&world.client, OTHER), DPS_OK);
	test_world_boot(&world);
	assert_int_equal(dps_client_load(&world.client, NULL), DPS_OK);
	assert_int_equal(dps_client_get_endpoint(&world.client, 1, &endpoint), DPS_OK);
	assert_string_equal(endpoint.uri, OTHER);
	test_world_free(&world);
}

/* --- keys, owners, records ------------------------------------------------------------------------------------------------------- */

/* The authority signed for a new key and the power went: whatever the next run is for, and whether keys are still to rotate, the key it knows is found. */
static void the_key_that_the_authority_knows(void **state)
{
	static const unsigned flags[] = {DPS_START_RENEW, DPS_START_FORCE, DPS_START_HUB};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(flags) / sizeof(flags[0]); i++) {
		test_world_init(&world);
		test_world_play(&world, DPS_START_NORMAL, MINUTE);
		world.config.rotate_key = i % 2 == 0;
		world.has_key[1] = true;
		world.refused_slot = "identity-0";
		world.keys_made = 0;
		test_world_clear(&world);
		test_world_play(&world, flags[i / 2], HOUR);
		test_world_assert_provisioned(&world);
		assert_int_equal(world.keys_made, 0);
		test_world_free(&world);
	}
}

/* Without another key there is nothing to take turns with: none is made for a refusal. */
static void a_refusal_makes_no_key(void **state)
{
	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	world.config.rotate_key = true;
	world.refused_slot = "identity-0";
	world.asked_slot_count = 0;
	test_world_play(&world, DPS_START_FORCE, HOUR);
	assert_false(world.has_key[1]);
	assert_true(world.asked_slot_count > 2);
	assert_true(world.asked_slot_count < 16);
	test_world_free(&world);
}

static void asking_for_all_beats_asking_for_less(void **state)
{
	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_clear(&world);
	test_world_play(&world, DPS_START_FORCE | DPS_START_RENEW | DPS_START_HUB, MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
	test_world_clear(&world);
	test_world_play(&world, DPS_START_RENEW | DPS_START_HUB, MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 0);
	assert_int_equal(test_world_count(&world, DPS_STEP_CLOUD), 1);
	test_world_free(&world);
}

/* A factory reset was cut short, and then the device is configured before it is started: the keys go all the same. */
static void configured_after_a_cut_reset(void **state)
{
	const struct dps_local none = {.psk_count = 0};
	enum dps_configured what;
	struct dps_store store;

	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		test_world_init(&world);
		test_world_play(&world, DPS_START_NORMAL, MINUTE);
		assert_int_equal(dps_store_open(&store, &world.store.port, buf, sizeof(buf)), DPS_OK);
		assert_int_equal(dps_store_reset_begin(&store), DPS_OK); /* the power went */
		test_world_boot(&world);
		if (how == 0) {
			assert_int_equal(dps_client_configure(&world.client, OTHER, NULL, 0, &what), DPS_OK);
		} else {
			assert_int_equal(dps_client_load(&world.client, NULL), DPS_OK);
			if (how == 1)
				assert_int_equal(dps_client_add_endpoint(&world.client, OTHER), DPS_OK);
			else
				assert_int_equal(dps_client_set_local(&world.client, &none), DPS_OK);
		}
		assert_false(world.has_key[0]);
		test_world_free(&world);
	}
}

static dps_result (*true_write)(void *ctx, const char *name, const struct dps_span *parts, size_t count);
static unsigned lies;

/* A write that reached the medium and says that it failed: a file system does so when the last fsync fails. */
static dps_result lying_write(void *ctx, const char *name, const struct dps_span *parts, size_t count)
{
	dps_result result = true_write(ctx, name, parts, count);

	if (lies == 0 || strncmp(name, "manifest", 8) != 0)
		return result;
	lies--;
	return DPS_E_STORAGE;
}

/* The record that a lost manifest may name is not thrown away. */
static void a_failed_write_that_did_not_fail(void **state)
{
	struct dps_cloud cloud;
	bool provisioned;

	(void)state;
	for (unsigned count = 1; count <= 2; count++) {
		test_world_init(&world);
		true_write = world.platform.storage.write;
		world.platform.storage.write = lying_write;
		lies = 0;
		test_world_play(&world, DPS_START_NORMAL, MINUTE);
		assert_int_equal(dps_client_read_cloud(&world.client, buf, sizeof(buf), &cloud), DPS_OK);
		lies = count; /* once: the old state can be written again; twice: it cannot */
		assert_int_equal(dps_client_update_cloud(&world.client, &cloud), DPS_E_STORAGE);
		test_world_boot(&world);
		assert_int_equal(dps_client_load(&world.client, &provisioned), DPS_OK);
		assert_true(provisioned);
		assert_int_equal(dps_client_read_cloud(&world.client, buf, sizeof(buf), &cloud), DPS_OK);
		test_world_clear(&world);
		test_world_play(&world, DPS_START_FORCE, MINUTE);
		test_world_assert_provisioned(&world);
		test_world_free(&world);
	}
}

static void lose_owner(struct test_world *w, const struct dps_event *event)
{
	if (event->type == DPS_EVENT_STATE && event->state == DPS_STATE_COMMITTING)
		test_store_remove(&w->store, "owner-1");
}

/* The committed owner's record rots before the commit: that is no reason never to commit. */
static void the_owner_rots_before_the_commit(void **state)
{
	(void)state;
	test_world_init(&world);
	world.config.stay = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_clear(&world);
	world.hook = lose_owner;
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	test_world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_jump_before_the_floor_is_noted),
		cmocka_unit_test(a_start_proves_no_time),
		cmocka_unit_test(the_clock_is_set_late),
		cmocka_unit_test(the_clock_is_lost),
		cmocka_unit_test(no_endpoint_is_left),
		cmocka_unit_test(sent_elsewhere_and_cut),
		cmocka_unit_test(configured_in_the_midst_of_a_renewal),
		cmocka_unit_test(selected_before_the_start),
		cmocka_unit_test(texts_of_the_list_itself),
		cmocka_unit_test(what_the_removed_one_has_not),
		cmocka_unit_test(a_redirect_is_kept_at_once),
		cmocka_unit_test(added_after_a_refused_start),
		cmocka_unit_test(the_key_that_the_authority_knows),
		cmocka_unit_test(a_refusal_makes_no_key),
		cmocka_unit_test(asking_for_all_beats_asking_for_less),
		cmocka_unit_test(configured_after_a_cut_reset),
		cmocka_unit_test(a_failed_write_that_did_not_fail),
		cmocka_unit_test(the_owner_rots_before_the_commit),
	};

	return cmocka_run_group_tests_name("corners of the engine", tests, NULL, NULL);
}
