/* SPDX-License-Identifier: Apache-2.0 */
/* Where a device goes: fail-over and the way back, redirects, the list at run time, configuration from elsewhere, pins, and who decides about retries. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_world.h"

#define MINUTE 60000u
#define A      "coaps+tcp://a.example:1"
#define B      "coaps+tcp://b.example:2"
#define C      "coaps+tcp://c.example:3"

static const struct dps_pin pin = {DPS_PIN_CERTIFICATE, {1, 2, 3}};

static void assert_endpoint(const struct test_world *world, size_t index, const char *uri, const char *name, bool selected)
{
	struct dps_endpoint endpoint;

	assert_int_equal(dps_client_get_endpoint(&world->client, index, &endpoint), DPS_OK);
	assert_string_equal(endpoint.uri, uri);
	assert_string_equal(endpoint.name, name);
	assert_int_equal(endpoint.selected, selected);
}

static void assert_count(const struct test_world *world, size_t count)
{
	struct dps_endpoint endpoint;

	assert_int_equal(dps_client_get_endpoint(&world->client, count, &endpoint), DPS_E_NOT_FOUND);
}

/* --- fail-over ------------------------------------------------------------------------------------------------------------------ */

/* A step that one service refuses is asked of the next one at once; what is done stays done; the next run begins with the first again. */
static void a_failed_step_moves_on(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_CODE, .code = 503, .count = 1});
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, 2000);
	test_world_assert_provisioned(&world);
	assert_string_equal(world.host, "b.example");
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->retry_ms, 0);
	assert_string_equal(test_world_event(&world, DPS_EVENT_FAILURE)->endpoint, A);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 2);
	assert_endpoint(&world, 0, A, "", true);
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_string_equal(world.host, "a.example");
	test_world_free(&world);
}

/* When all have failed there is a wait, and then the last one, which is there, is asked again. */
static void all_fail_then_a_wait(void **state)
{
	struct test_world world;
	unsigned waits = 0;

	(void)state;
	test_world_init(&world);
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_CODE, .code = 503, .count = 4});
	test_world_start_at(&world, 3, DPS_START_NORMAL);
	test_world_run(&world, 5 * MINUTE);
	test_world_assert_provisioned(&world);
	for (size_t i = 0; i < world.event_count; i++) {
		if (world.events[i].type != DPS_EVENT_FAILURE)
			continue;
		waits += world.events[i].retry_ms > 0;
		if (waits == 1 && world.events[i].retry_ms > 0)
			assert_string_equal(world.events[i].endpoint, C);
	}
	assert_int_equal(waits, 1);
	assert_string_equal(world.host, "a.example"); /* the fourth failure was the third one's again, which could be reached */
	test_world_free(&world);
}

/* An answer that is of no use ends the connection too when there is another service to ask. */
static void a_bad_answer_moves_on(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CLOUD, .reaction = WORLD_BAD, .result = DPS_E_CBOR, .count = 1});
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, 2000);
	test_world_assert_provisioned(&world);
	assert_string_equal(world.host, "b.example");
	test_world_free(&world);
}

/* What fails on the device itself is no reason to go elsewhere. */
static void a_local_failure_stays(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.stay = true;
	test_world_script(&world,
	                  (struct world_script){.step = DPS_STEP_CLOUD, .reaction = WORLD_BAD, .result = DPS_E_STORAGE_FULL, .count = 1});
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, 10 * MINUTE);
	test_world_assert_provisioned(&world);
	assert_string_equal(world.host, "a.example");
	test_world_free(&world);
}

/* Answers that another service gave are of no use to a device that is not told of it any more. */
static void staged_answers_of_others(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_SILENCE, .count = 100});
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, 1000);
	test_world_clear(&world);
	test_world_start_at(&world, 1, DPS_START_NORMAL); /* one of them is still told: they count */
	test_world_run(&world, 2 * MINUTE);
	test_world_assert_provisioned(&world);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 0);
	test_world_free(&world);

	test_world_init(&world);
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_SILENCE, .count = 100});
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, 1000);
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, 2 * MINUTE); /* dps.example */
	test_world_assert_provisioned(&world);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	test_world_free(&world);
}

/* --- redirects ------------------------------------------------------------------------------------------------------------------ */

/* The address that an answer names is added, selected, and used from then on; the one that sent the device away stays to come back to. */
static void a_redirect_leaves_the_way_back(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.redirect = C;
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	assert_string_equal(world.host, "c.example");
	test_world_boot(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	assert_endpoint(&world, 0, A, "", false);
	assert_endpoint(&world, 1, B, "", false);
	assert_endpoint(&world, 2, C, "", true);
	assert_count(&world, 3);
	test_world_free(&world);
}

/* It leads nowhere: the way back is taken. */
static void a_redirect_to_nowhere(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.redirect = C;
	world.connects[0] = DPS_OK;
	world.connects[1] = DPS_E_SERVER_UNTRUSTED;
	world.connects[2] = DPS_OK;
	world.connect_count = 3;
	test_world_start_at(&world, 1, DPS_START_NORMAL);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	assert_string_equal(world.host, "a.example");
	test_world_free(&world);
}

/* A full list: it takes the place of the one that sent the device away. To an address that is there already nothing is added. */
static void redirects_in_a_full_list(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.redirect = "coaps+tcp://z.example:9";
	test_world_start_at(&world, DPS_CONFIG_ENDPOINTS, DPS_START_NORMAL);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	assert_endpoint(&world, 0, "coaps+tcp://z.example:9", "", true);
	assert_endpoint(&world, 1, B, "", false);
	world.redirect = B;
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_endpoint(&world, 1, B, "", true);
	assert_count(&world, DPS_CONFIG_ENDPOINTS);
	test_world_free(&world);
}

/* --- the list at run time ------------------------------------------------------------------------------------------------------- */

static void the_list_is_changed_and_kept(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_boot(&world);
	assert_count(&world, 0);
	assert_int_equal(dps_client_add_named_endpoint(&world.client, A, "plant 1"), DPS_OK);
	assert_int_equal(dps_client_add_named_endpoint(&world.client, B, "a name that is far too long for a name, by some"), DPS_E_ARGUMENT);
	assert_int_equal(dps_client_add_named_endpoint(&world.client, "http://x", "x"), DPS_E_URI);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(dps_client_add_named_endpoint(&world.client, B, "plant 2"), DPS_OK);
	assert_int_equal(dps_client_add_endpoint(&world.client, C), DPS_OK);
	assert_int_equal(dps_client_select_endpoint(&world.client, C), DPS_OK);
	assert_int_equal(dps_client_select_endpoint(&world.client, "coaps+tcp://d.example:4"), DPS_E_NOT_FOUND);
	assert_int_equal(dps_client_remove_endpoint(&world.client, A), DPS_OK);
	assert_int_equal(dps_client_remove_endpoint(&world.client, A), DPS_E_NOT_FOUND);
	for (unsigned boot = 0; boot < 2; boot++) {
		assert_endpoint(&world, 0, B, "plant 2", false);
		assert_endpoint(&world, 1, C, "", true);
		assert_count(&world, 2);
		test_world_boot(&world);
		assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	}
	assert_int_equal(dps_client_remove_endpoint(&world.client, C), DPS_OK); /* the selected one */
	assert_endpoint(&world, 0, B, "plant 2", true);
	assert_int_equal(dps_client_remove_endpoint(&world.client, B), DPS_OK);
	assert_count(&world, 0);
	assert_int_equal(dps_client_status(&world.client), DPS_STATUS_PROVISIONED);
	/* A storage that fails is told of; the change holds until the restart. */
	test_store_fail_always(&world.store, TEST_STORE_WRITE, DPS_E_STORAGE);
	assert_int_equal(dps_client_add_endpoint(&world.client, A), DPS_E_STORAGE);
	assert_count(&world, 1);
	test_world_free(&world);
}

static void change_in_a_callback(struct test_world *world, const struct dps_event *event)
{
	enum dps_configured configured;

	(void)event;
	assert_int_equal(dps_client_remove_endpoint(&world->client, A), DPS_E_STATE);
	assert_int_equal(dps_client_select_endpoint(&world->client, A), DPS_E_STATE);
	assert_int_equal(dps_client_configure(&world->client, B, NULL, 0, &configured), DPS_E_STATE);
	assert_int_equal(dps_client_load(&world->client, NULL), DPS_E_STATE);
}

/* The list may be changed under a run: even the endpoint in use may go, and the last one. */
static void the_list_changes_under_a_run(void **state)
{
	struct test_world world;
	bool provisioned;

	(void)state;
	test_world_init(&world);
	world.has_resources = true; /* no error ends the connection */
	world.hook = change_in_a_callback;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_SILENCE, .count = 1});
	test_world_start_at(&world, 2, DPS_START_NORMAL);
	test_world_run(&world, 1000);
	world.hook = NULL;
	assert_int_equal(dps_client_load(&world.client, &provisioned), DPS_OK);
	assert_false(provisioned); /* nothing is in force yet */
	assert_int_equal(dps_client_remove_endpoint(&world.client, A), DPS_OK);
	test_world_run(&world, 2 * MINUTE);
	test_world_assert_provisioned(&world);
	assert_string_equal(world.host, "b.example");
	test_world_free(&world);

	test_world_init(&world);
	world.has_resources = true; /* no error ends the connection */
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_SILENCE, .count = 1});
	test_world_start_at(&world, 1, DPS_START_NORMAL);
	test_world_run(&world, 1000);
	assert_int_equal(dps_client_remove_endpoint(&world.client, A), DPS_OK);
	test_world_run(&world, 2 * MINUTE);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILED)->cause, DPS_E_NO_ENDPOINT);
	test_world_free(&world);
}

/* --- configuration from elsewhere ----------------------------------------------------------------------------------------------- */

static enum dps_configured configure(struct test_world *world, const char *uri, size_t pins)
{
	enum dps_configured configured;

	assert_int_equal(dps_client_configure(&world->client, uri, &pin, pins, &configured), DPS_OK);
	return configured;
}

static void configured_from_elsewhere(void **state)
{
	struct test_world world;
	enum dps_configured configured;

	(void)state;
	test_world_init(&world);
	test_world_boot(&world);
	assert_int_equal(configure(&world, A, 0), DPS_CONFIGURED_REPROVISION); /* nothing was known */
	assert_int_equal(configure(&world, A, 0), DPS_CONFIGURED_SAME);
	assert_int_equal(configure(&world, A, 1), DPS_CONFIGURED_REPROVISION); /* other pins, and not provisioned */
	assert_int_equal(configure(&world, A, 0), DPS_CONFIGURED_REPROVISION);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	assert_int_equal(configure(&world, A, 0), DPS_CONFIGURED_SAME);
	assert_int_equal(configure(&world, A, 1), DPS_CONFIGURED_UPDATED);
	assert_int_equal(configure(&world, A, 1), DPS_CONFIGURED_SAME);
	assert_int_equal(configure(&world, B, 1), DPS_CONFIGURED_REPROVISION);
	assert_endpoint(&world, 0, B, "", true);
	assert_count(&world, 1);
	assert_int_equal(dps_client_configure(&world.client, "coaps+tcp://no-port", NULL, 0, &configured), DPS_E_URI);
	assert_int_equal(dps_client_configure(&world.client, C, &pin, DPS_CONFIG_PINS + 1, &configured), DPS_E_ARGUMENT);
	test_store_fail_always(&world.store, TEST_STORE_WRITE, DPS_E_STORAGE_FULL);
	assert_int_equal(dps_client_configure(&world.client, C, NULL, 0, &configured), DPS_E_STORAGE_FULL);
	test_store_fail_always(&world.store, TEST_STORE_WRITE, DPS_OK);
	assert_endpoint(&world, 0, B, "", true);
	assert_int_equal(configure(&world, B, 1), DPS_CONFIGURED_REPROVISION); /* it has not provisioned there yet */
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(configure(&world, B, 1), DPS_CONFIGURED_SAME);
	/* Others beside it go. */
	assert_int_equal(dps_client_add_endpoint(&world.client, C), DPS_OK);
	assert_int_equal(configure(&world, B, 1), DPS_CONFIGURED_UPDATED);
	assert_count(&world, 1);
	/* A run under way is not disturbed. */
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	assert_int_equal(dps_client_configure(&world.client, C, NULL, 0, &configured), DPS_E_STATE);
	test_world_free(&world);
}

static const struct dps_trust *trust_seen;
static dps_result (*world_open)(void *ctx, const struct dps_channel_params *params);

static dps_result note_trust(void *ctx, const struct dps_channel_params *params)
{
	trust_seen = params->trust;
	return world_open(ctx, params);
}

/* Pins that came with an endpoint hold after a restart; configured ones take their place; those of endpoints that are replaced go. */
static void pins_are_kept(void **state)
{
	static const struct dps_pin own = {DPS_PIN_SPKI, {9}};
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world_open = world.channel.open;
	world.channel.open = note_trust;
	test_world_boot(&world);
	assert_int_equal(configure(&world, A, 1), DPS_CONFIGURED_REPROVISION);
	test_world_boot(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(trust_seen->pin_count, 1);
	assert_memory_equal(trust_seen->pins[0].digest, pin.digest, sizeof(pin.digest));
	world.config.trust.pins = &own;
	world.config.trust.pin_count = 1;
	test_world_boot(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_ptr_equal(trust_seen->pins, &own);
	world.config.trust.pin_count = 0;
	test_world_play(&world, DPS_START_FORCE, MINUTE); /* dps.example */
	assert_int_equal(trust_seen->pin_count, 0);
	test_world_free(&world);
}

/* A client without a network looks, configures, and resets; it cannot be started. */
static void a_client_for_tools(void **state)
{
	struct test_world world;
	struct dps_client_config config;
	static struct dps_client tool;
	enum dps_configured configured;
	struct dps_uuid id;
	bool provisioned = true;

	(void)state;
	test_world_init(&world);
	config = world.config;
	config.channel = NULL;
	assert_int_equal(dps_client_init(&tool, &config), DPS_E_ARGUMENT); /* neither the one nor the other */
	config.certificates = NULL;
	config.service = NULL;
	config.keys = NULL;
	memset(&config.trust, 0, sizeof(config.trust));
	assert_int_equal(dps_client_init(&tool, &config), DPS_OK);
	assert_int_equal(dps_client_start(&tool, DPS_START_NORMAL), DPS_E_STATE);
	assert_int_equal(dps_client_load(&tool, &provisioned), DPS_OK);
	assert_false(provisioned);
	assert_int_equal(dps_client_configure(&tool, A, NULL, 0, &configured), DPS_OK);
	test_world_boot(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_string_equal(world.host, "a.example");
	assert_int_equal(dps_client_load(&tool, &provisioned), DPS_OK);
	assert_true(provisioned);
	assert_int_equal(dps_client_device_id(&tool, &id), DPS_OK);
	assert_int_equal(dps_client_status(&tool), DPS_STATUS_PROVISIONED);
	dps_client_stop(&tool);
	assert_int_equal(dps_client_factory_reset(&tool), DPS_OK);
	assert_int_equal(dps_client_load(&tool, &provisioned), DPS_OK);
	assert_false(provisioned);
	dps_client_deinit(&tool);
	test_world_free(&world);
}

/* --- retries -------------------------------------------------------------------------------------------------------------------- */

static struct dps_retry proposed;
static uint32_t wanted_delay, wanted_timeout;

static void choose(void *user, struct dps_retry *retry)
{
	(void)user;
	proposed = *retry;
	retry->delay_ms = wanted_delay;
	retry->timeout_ms = wanted_timeout;
}

/* The application is shown what is proposed and may choose otherwise: of a step's request, of a connection. */
static void the_application_chooses_retries(void **state)
{
	struct test_world world;
	uint64_t at;

	(void)state;
	test_world_init(&world);
	world.has_resources = true; /* no error ends the connection */
	world.config.on_retry = choose;
	wanted_delay = 1234;
	wanted_timeout = 777;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_ACLS, .reaction = WORLD_SILENCE, .count = 2});
	test_world_start(&world, DPS_START_NORMAL);
	at = world.now;
	test_world_run(&world, 30001);
	assert_int_equal(proposed.step, DPS_STEP_ACLS);
	assert_int_equal(proposed.cause, DPS_E_TIMEOUT);
	assert_int_equal(proposed.attempt, 1);
	assert_int_equal(proposed.timeout_ms, 30000);
	assert_in_range(proposed.delay_ms, 5000, 10000);
	assert_string_equal(proposed.endpoint, "coaps+tcp://dps.example:5684");
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	/* 30 s for the first request, 1.234 s, 0.777 s for the second, 1.234 s, and the answer. */
	assert_in_range(world.now - at, 33240, 33260);
	test_world_free(&world);

	test_world_init(&world);
	world.has_resources = true; /* no error ends the connection */
	world.config.on_retry = choose;
	world.connects[0] = DPS_E_CONNECT;
	world.connects[1] = DPS_AGAIN;
	world.connect_count = 2;
	test_world_start(&world, DPS_START_NORMAL);
	test_world_run(&world, 1000);
	assert_int_equal(proposed.step, DPS_STEP_TLS);
	assert_int_equal(proposed.cause, DPS_E_CONNECT);
	test_world_run(&world, 1234 + 777);
	assert_int_equal(proposed.cause, DPS_E_TIMEOUT);
	assert_int_equal(proposed.timeout_ms, 30000); /* what is configured, not what was chosen last */
	test_world_free(&world);
}

/* Each step may have a time-out of its own. */
static void steps_have_their_time(void **state)
{
	struct test_world world;
	uint64_t at;

	(void)state;
	test_world_init(&world);
	world.has_resources = true; /* no error ends the connection */
	world.config.step_timeout_ms[DPS_STEP_CREDENTIALS] = 90000;
	world.config.step_timeout_ms[DPS_STEP_OWNER] = 2000;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_OWNER, .reaction = WORLD_SILENCE, .count = 1});
	test_world_start(&world, DPS_START_NORMAL);
	at = world.now;
	test_world_run(&world, 2500);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->step, DPS_STEP_OWNER);
	assert_int_equal(world.now - at, 2500);
	test_world_free(&world);
}

/* A fleet that is switched on together: the first connection waits a part of the jitter; a provisioned device, which sends nothing, waits for nothing. */
static void a_fleet_does_not_come_together(void **state)
{
	struct test_world world;
	uint64_t at;

	(void)state;
	test_world_init(&world);
	world.config.start_jitter_ms = 100000;
	test_world_start(&world, DPS_START_NORMAL);
	at = world.now;
	while (world.connections == 0 && world.now < at + 100000) {
		uint32_t within = dps_client_process(&world.client);

		if (world.connections == 0)
			world.now += within;
	}
	assert_in_range(world.now - at, 1, 99999);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	at = world.now;
	test_world_play(&world, DPS_START_NORMAL, 3 * MINUTE);
	assert_int_equal(world.now, at);
	test_world_free(&world);
}

/* --- the whole list ----------------------------------------------------------------------------------------------------------------- */

static void the_list_is_replaced_in_one_write(void **state)
{
	static const struct dps_endpoint list[] = {{B, "b", false}, {C, "", true}};
	static const struct dps_endpoint twice[] = {{B, "", false}, {B, "", false}};
	static const struct dps_endpoint bad[] = {{B, "", false}, {"http://c", "", false}};
	static const struct dps_endpoint named[] = {{B, "0123456789012345678901234567890123456789012345678901234567890123456", false}};
	static const struct dps_endpoint many[DPS_CONFIG_ENDPOINTS + 1] = {{B, "", false}};
	enum dps_configured what;
	struct test_world world;
	struct dps_pin kept;
	size_t writes;

	(void)state;
	test_world_init(&world);
	test_world_boot(&world);
	assert_int_equal(dps_client_replace_endpoints(&world.client, list, 2), DPS_E_STATE); /* nothing is loaded */
	assert_int_equal(dps_client_configure(&world.client, A, &pin, 1, &what), DPS_OK);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(dps_client_replace_endpoints(&world.client, list, 0), DPS_E_ARGUMENT);
	assert_int_equal(dps_client_replace_endpoints(&world.client, twice, 2), DPS_E_ARGUMENT);
	assert_int_equal(dps_client_replace_endpoints(&world.client, bad, 2), DPS_E_URI);
	assert_int_equal(dps_client_replace_endpoints(&world.client, named, 1), DPS_E_ARGUMENT);
	assert_int_equal(dps_client_replace_endpoints(&world.client, many, DPS_CONFIG_ENDPOINTS + 1), DPS_E_BUFFER);
	assert_endpoint(&world, 0, A, "", true);
	assert_count(&world, 1);
	writes = world.store.writes;
	assert_int_equal(dps_client_replace_endpoints(&world.client, list, 2), DPS_OK);
	assert_int_equal(world.store.writes, writes + 1);
	assert_endpoint(&world, 0, B, "b", true);
	assert_endpoint(&world, 1, C, "", false);
	/* Durable, and with the pins of before. */
	test_world_boot(&world);
	assert_int_equal(dps_client_load(&world.client, NULL), DPS_OK);
	assert_endpoint(&world, 0, B, "b", true);
	assert_endpoint(&world, 1, C, "", false);
	assert_count(&world, 2);
	assert_int_equal(dps_client_get_pin(&world.client, 0, &kept), DPS_OK);
	assert_memory_equal(kept.digest, pin.digest, sizeof(kept.digest));
	test_world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_replaced_in_one_write),
		cmocka_unit_test(a_failed_step_moves_on),
		cmocka_unit_test(all_fail_then_a_wait),
		cmocka_unit_test(a_bad_answer_moves_on),
		cmocka_unit_test(a_local_failure_stays),
		cmocka_unit_test(staged_answers_of_others),
		cmocka_unit_test(a_redirect_leaves_the_way_back),
		cmocka_unit_test(a_redirect_to_nowhere),
		cmocka_unit_test(redirects_in_a_full_list),
		cmocka_unit_test(the_list_is_changed_and_kept),
		cmocka_unit_test(the_list_changes_under_a_run),
		cmocka_unit_test(configured_from_elsewhere),
		cmocka_unit_test(pins_are_kept),
		cmocka_unit_test(a_client_for_tools),
		cmocka_unit_test(the_application_chooses_retries),
		cmocka_unit_test(steps_have_their_time),
		cmocka_unit_test(a_fleet_does_not_come_together),
	};

	return cmocka_run_group_tests_name("endpoints and retries", tests, NULL, NULL);
}
