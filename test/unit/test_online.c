/* SPDX-License-Identifier: Apache-2.0 */
/* A client as the source of a hub session: what the session reads and changes, when it is told of something new, and how it has the client provision. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "dps/online.h"
#include "hub/resource.h"
#include "support/test_world.h"

#define MINUTE 60000u

static struct test_world world;
static struct dps_hub hub; /* never started: only what it is told is looked at */
static struct dps_online online;
static struct dps_hub_source source;
static uint8_t body[DPS_CONFIG_BODY_SIZE];

static void listen(struct test_world *w, const struct dps_event *event)
{
	(void)w;
	dps_online_event(&online, event);
}

static int begin(void **state)
{
	(void)state;
	memset(&hub, 0, sizeof(hub));
	test_world_init(&world);
	world.config.stay = true;
	world.hook = listen;
	dps_online_init(&online, &world.client, &hub);
	source = dps_online_source(&online);
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_world_free(&world);
	return 0;
}

static void provision(void)
{
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
}

static dps_result read_cloud(struct dps_cloud *cloud)
{
	return source.read_cloud(source.ctx, body, sizeof(body), cloud);
}

/* --- records ------------------------------------------------------------------------------------------------------------------------ */

static void what_is_committed_is_read(void **state)
{
	struct dps_credentials credentials;
	struct dps_cloud cloud;

	(void)state;
	test_world_boot(&world);
	assert_int_equal(dps_client_load(&world.client, NULL), DPS_OK);
	assert_int_equal(read_cloud(&cloud), DPS_E_NOT_FOUND);
	assert_int_equal(source.read_credentials(source.ctx, body, sizeof(body), &credentials), DPS_E_NOT_FOUND);
	assert_int_equal(source.now_s(source.ctx), 0);
	provision();
	assert_int_equal(read_cloud(&cloud), DPS_OK);
	assert_int_equal(cloud.gateway_count, 1);
	assert_int_equal(source.read_credentials(source.ctx, body, sizeof(body), &credentials), DPS_OK);
	assert_int_equal(credentials.chain.len > 0, true);
	assert_in_range(source.now_s(source.ctx), world.wall / 1000, (world.wall + (int64_t)world.now) / 1000 + 1);
}

static void tokens_are_kept(void **state)
{
	struct dps_cloud cloud;

	(void)state;
	provision();
	hub.reload_asked = false;
	assert_int_equal(read_cloud(&cloud), DPS_OK);
	cloud.access_token = (struct dps_span){(const uint8_t *)"token", 5};
	cloud.registered = true;
	assert_int_equal(source.update_cloud(source.ctx, &cloud), DPS_OK);
	assert_false(hub.reload_asked); /* it knows what it has written itself */
	test_world_boot(&world);
	assert_int_equal(dps_client_load(&world.client, NULL), DPS_OK);
	assert_int_equal(read_cloud(&cloud), DPS_OK);
	assert_true(cloud.registered);
	assert_int_equal(cloud.access_token.len, 5);
}

/* A run under way has a new record in hand: it counts, and not one made of the old. */
static void not_over_a_record_that_is_staged(void **state)
{
	struct dps_cloud cloud;

	(void)state;
	provision();
	world.answer_ms = 100;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_SILENCE, .count = 1});
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, 1000);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_ASKING);
	assert_int_equal(read_cloud(&cloud), DPS_OK);
	assert_int_equal(source.update_cloud(source.ctx, &cloud), DPS_E_STATE);
	test_world_run(&world, 10 * MINUTE);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	assert_int_equal(read_cloud(&cloud), DPS_OK);
	assert_int_equal(source.update_cloud(source.ctx, &cloud), DPS_OK);
}

static void the_session_is_told_of_what_concerns_it(void **state)
{
	static const struct {
		uint32_t record;
		bool told;
	} cases[] = {
		{DPS_RECORD_OWNER, false}, {DPS_RECORD_CLOUD, true},      {DPS_RECORD_CREDENTIALS, true},
		{DPS_RECORD_ACLS, false},  {DPS_RECORD_RESOURCES, false}, {DPS_RECORD_LOCAL, false},
	};
	struct dps_event event = {.type = DPS_EVENT_COMMITTED};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hub.reload_asked = false;
		event.records = 1u << cases[i].record;
		dps_online_event(&online, &event);
		assert_int_equal(hub.reload_asked, cases[i].told);
	}
	hub.reload_asked = false;
	event.type = DPS_EVENT_PROVISIONED;
	dps_online_event(&online, &event);
	assert_false(hub.reload_asked);
	provision();
	assert_true(hub.reload_asked);
	hub.reload_asked = false;
	assert_int_equal(dps_client_start(&world.client, DPS_START_RENEW), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_true(hub.reload_asked);
}

/* review: a run that is over has no record in hand, whatever it left behind. */
static void not_behind_a_run_that_was_stopped(void **state)
{
	struct dps_cloud cloud;

	(void)state;
	provision();
	world.answer_ms = 100;
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_SILENCE, .count = 1});
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, 1000);
	dps_client_stop(&world.client);
	assert_int_equal(read_cloud(&cloud), DPS_OK);
	assert_int_equal(source.update_cloud(source.ctx, &cloud), DPS_OK);
}

/* review: the identity of a device that went to another hub is renewed for that hub, behind a restart too. */
static void renewed_for_the_present_hub(void **state)
{
	static const char first[] = "coaps+tcp://first:1", other[] = "coaps+tcp://other:1";
	struct dps_cloud cloud;

	(void)state;
	provision();
	assert_int_equal(read_cloud(&cloud), DPS_OK);
	cloud.gateway_count = 2;
	cloud.gateways[0] = (struct dps_gateway){{{8}}, {(const uint8_t *)first, sizeof(first) - 1}};
	cloud.gateways[1] = (struct dps_gateway){{{9}}, {(const uint8_t *)other, sizeof(other) - 1}};
	cloud.hub_id = cloud.gateways[1].id;
	cloud.gateway = cloud.gateways[1].uri;
	assert_int_equal(source.update_cloud(source.ctx, &cloud), DPS_OK);
	test_world_boot(&world);
	provision();
	assert_int_equal(dps_client_start(&world.client, DPS_START_RENEW), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(world.asked_gateway.id.bytes[0], 9);
	/* one that was selected for a run that came to nothing is not meant */
	assert_int_equal(dps_client_select_gateway(&world.client, &(struct dps_gateway){{{8}}, {(const uint8_t *)first, sizeof(first) - 1}}),
	                 DPS_OK);
	assert_int_equal(dps_client_start(&world.client, DPS_START_RENEW), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(world.asked_gateway.id.bytes[0], 9);
}

/* --- provisioning ------------------------------------------------------------------------------------------------------------------- */

static void everything_again(void **state)
{
	(void)state;
	provision();
	test_world_clear(&world);
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_AGAIN, NULL), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	assert_int_equal(world.asked_gateway.uri.len, 0);
	assert_int_equal(dps_online_process(&online), DPS_OK);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
}

static void another_hub(void **state)
{
	char uri[] = "coaps+tcp://other:1";
	const struct dps_gateway gateway = {{{9}}, {(const uint8_t *)uri, sizeof(uri) - 1}};

	(void)state;
	provision();
	test_world_clear(&world);
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_GATEWAY, &gateway), DPS_OK);
	memset(uri, 'x', sizeof(uri)); /* valid during the call only */
	test_world_run(&world, MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 0);
	assert_int_equal(test_world_count(&world, DPS_STEP_CLOUD), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_ACLS), 1);
	assert_int_equal(world.asked_gateway.uri.len, sizeof(uri) - 1);
	assert_memory_equal(world.asked_gateway.uri.data, "coaps+tcp://other:1", sizeof(uri) - 1);
	assert_int_equal(world.asked_gateway.id.bytes[0], 9);
}

static void a_gateway_too_long(void **state)
{
	static uint8_t uri[DPS_CONFIG_URI_LENGTH + 1];
	const struct dps_gateway gateway = {{{9}}, {uri, sizeof(uri)}};

	(void)state;
	provision();
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_GATEWAY, &gateway), DPS_E_URI);
	assert_int_equal(dps_online_process(&online), DPS_OK);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
}

/* While the identity is renewed; the run that is wanted begins behind it. */
static void not_before_a_run_has_ended(void **state)
{
	(void)state;
	provision();
	world.answer_ms = 100;
	assert_int_equal(dps_client_start(&world.client, DPS_START_RENEW), DPS_OK);
	test_world_run(&world, 10);
	test_world_clear(&world);
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_AGAIN, NULL), DPS_OK);
	assert_int_equal(dps_online_process(&online), DPS_OK);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 0);
	test_world_run(&world, MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 0);
	assert_int_equal(dps_online_process(&online), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
	/* Once. */
	assert_int_equal(dps_online_process(&online), DPS_OK);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
}

/* review: a move to a hub that the service cannot bring stands in nobody's way. */
static void a_move_that_comes_to_nothing(void **state)
{
	static const char uri[] = "coaps+tcp://other:1";
	const struct dps_gateway gateway = {{{9}}, {(const uint8_t *)uri, sizeof(uri) - 1}};

	(void)state;
	provision();
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_SILENCE, .count = 1000});
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_GATEWAY, &gateway), DPS_OK);
	test_world_run(&world, 10 * MINUTE);
	test_world_clear(&world);
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_AGAIN, NULL), DPS_OK);
	assert_int_equal(dps_online_process(&online), DPS_OK);
	test_world_run(&world, 10 * MINUTE);
	assert_in_range(test_world_count(&world, DPS_STEP_OWNER), 1, 1000);
}

/* review: nor when the present hub is back; then the identity is renewed as ever. */
static void the_present_hub_is_back(void **state)
{
	static const char uri[] = "coaps+tcp://other:1";
	const struct dps_gateway gateway = {{{9}}, {(const uint8_t *)uri, sizeof(uri) - 1}};

	(void)state;
	provision();
	test_world_script(&world, (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_SILENCE, .count = 1000});
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_GATEWAY, &gateway), DPS_OK);
	test_world_run(&world, 10 * MINUTE);
	hub.state = DPS_HUB_ONLINE;
	hub.stable = true;
	assert_int_equal(dps_online_process(&online), DPS_OK);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
}

static void nobody_there(dps_result result)
{
	world.connects[0] = result;
	world.connect_count = 1;
}

/* What was in force is good enough after all: a device whose hub and service were away together does not provision anew for it. */
static void the_hub_is_back_before_the_service(void **state)
{
	(void)state;
	provision();
	nobody_there(DPS_E_CONNECT);
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_AGAIN, NULL), DPS_OK);
	test_world_run(&world, 10 * MINUTE);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_WAITING);
	hub.state = DPS_HUB_ONLINE;
	assert_int_equal(dps_online_process(&online), DPS_OK);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	nobody_there(DPS_OK);
	test_world_clear(&world);
	test_world_run(&world, 10 * MINUTE);
	assert_int_equal(world.sent_count, 0);
	/* the same of one that waited for another run to end */
	hub.state = DPS_HUB_WAITING;
	world.answer_ms = 100;
	assert_int_equal(dps_client_start(&world.client, DPS_START_RENEW), DPS_OK);
	test_world_run(&world, 10);
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_AGAIN, NULL), DPS_OK);
	hub.state = DPS_HUB_ONLINE;
	assert_int_equal(dps_online_process(&online), DPS_OK);
	test_world_run(&world, MINUTE);
	test_world_clear(&world);
	assert_int_equal(dps_online_process(&online), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(world.sent_count, 0);
}

/* The service was asked for an identity: what is in force may be revoked by now, and the run goes on. */
static void not_once_an_identity_was_asked_for(void **state)
{
	(void)state;
	provision();
	test_world_clear(&world);
	test_world_script(&world,
	                  (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_CLOSE, .result = DPS_E_RESET, .count = 2});
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_AGAIN, NULL), DPS_OK);
	while (dps_client_state(&world.client) != DPS_STATE_WAITING || test_world_count(&world, DPS_STEP_CREDENTIALS) == 0)
		world.now += dps_client_process(&world.client);
	hub.state = DPS_HUB_ONLINE;
	assert_int_equal(dps_online_process(&online), DPS_OK);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_WAITING);
	test_world_clear(&world);
	test_world_run(&world, 10 * MINUTE);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	assert_in_range(test_world_count(&world, DPS_STEP_CREDENTIALS), 1, 3);
	assert_int_equal(dps_online_process(&online), DPS_OK);
	/* nor does a run that others have begun end for it */
	nobody_there(DPS_E_CONNECT);
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(dps_online_process(&online), DPS_OK);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_WAITING);
}

/* Whoever else begins a run behind the session's own has it to himself. */
static void somebody_elses_run(void **state)
{
	(void)state;
	provision();
	test_world_clear(&world);
	nobody_there(DPS_E_CONNECT);
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_AGAIN, NULL), DPS_OK);
	test_world_run(&world, MINUTE);
	dps_client_stop(&world.client);
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	hub.state = DPS_HUB_ONLINE;
	hub.stable = true;
	assert_int_equal(dps_online_process(&online), DPS_OK);
	nobody_there(DPS_OK);
	test_world_run(&world, 10 * MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
}

/* A run that is under way where the device was before does not make it provisioned where it was sent. */
static void sent_elsewhere_in_a_run(void **state)
{
	const struct dps_endpoint list[] = {{.uri = "coaps+tcp://new.example:1", .name = ""}};

	(void)state;
	provision();
	world.answer_ms = 100;
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, 50);
	assert_int_equal(dps_client_replace_endpoints(&world.client, list, 1), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	test_world_clear(&world);
	test_world_boot(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	assert_string_equal(world.host, "new.example");
}

/* The session is asked for the time, and told it, through the client. */
static void the_time_goes_both_ways(void **state)
{
	const int64_t told = world.wall + INT64_C(86400000);

	(void)state;
	provision();
	test_world_boot(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_NORMAL), DPS_OK);
	assert_int_equal(source.now_s(source.ctx), 0);
	assert_in_range(source.passed_s(source.ctx), world.wall / 1000, world.wall / 1000 + 60);
	source.tell_time(source.ctx, told);
	assert_int_equal(source.now_s(source.ctx), told / 1000);
}

static void not_when_a_run_has_brought_it(void **state)
{
	(void)state;
	provision();
	world.answer_ms = 100;
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, 10);
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_AGAIN, NULL), DPS_OK);
	test_world_run(&world, MINUTE);
	test_world_clear(&world);
	assert_int_equal(dps_online_process(&online), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 0);
}

/* A storage that fails is told, and the session asks again. */
static void what_cannot_begin_is_told(void **state)
{
	(void)state;
	provision();
	dps_client_stop(&world.client);
	world.store.fail_at = world.store.matched + 1;
	world.store.fail_count = 1000;
	world.store.fail_calls = TEST_STORE_READ;
	world.store.fail_with = DPS_E_STORAGE;
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_AGAIN, NULL), DPS_E_STORAGE);
	world.store.fail_at = 0;
	assert_int_equal(dps_online_process(&online), DPS_OK);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_IDLE);
	assert_int_equal(source.provision(source.ctx, DPS_HUB_PROVISION_AGAIN, NULL), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
}

/* --- access ------------------------------------------------------------------------------------------------------------------------- */

static dps_result fill(void *ctx, uint8_t *buf, size_t size)
{
	(void)ctx;
	memset(buf, 7, size);
	return DPS_OK;
}

/* [{subject: {conntype: "anon-clear"}, permission: 2, resources: [{href: "/oic/d"}]}] */
static const uint8_t everybody[] = {0x81, 0xa3, 0x67, 's',  'u',  'b', 'j', 'e', 'c',  't',  0xa1, 0x68, 'c', 'o', 'n',  'n', 't',
                                    'y',  'p',  'e',  0x6a, 'a',  'n', 'o', 'n', '-',  'c',  'l',  'e',  'a', 'r', 0x6a, 'p', 'e',
                                    'r',  'm',  'i',  's',  's',  'i', 'o', 'n', 0x02, 0x69, 'r',  'e',  's', 'o', 'u',  'r', 'c',
                                    'e',  's',  0x81, 0xa1, 0x64, 'h', 'r', 'e', 'f',  0x66, '/',  'o',  'i', 'c', '/',  'd'};

static void lists_are_put_in_force(void **state)
{
	static struct dps_device device;
	static uint8_t committed[2][DPS_CONFIG_BODY_SIZE];
	static uint8_t local[2][DPS_CONFIG_BODY_SIZE];
	const struct dps_random random = {NULL, fill};
	char name[] = "name";
	const struct dps_device_config config = {.id = {{1}}, .manufacturer = "m", .name = name, .random = &random};
	const struct dps_local own = {.acl = {{everybody, sizeof(everybody)}, 1}};

	(void)state;
	assert_int_equal(dps_device_init(&device, &config), DPS_OK);
	test_world_boot(&world);
	assert_int_equal(dps_client_load(&world.client, NULL), DPS_OK);
	assert_int_equal(dps_online_set_acl(&online, &device, committed[0], local[0], sizeof(committed[0])), DPS_OK);
	assert_false(dps_device_allowed(&device, DPS_DEVICE_D, DPS_ACL_RETRIEVE));
	provision();
	assert_int_equal(dps_client_set_local(&world.client, &own), DPS_OK);
	assert_int_equal(dps_online_set_acl(&online, &device, committed[1], local[1], sizeof(committed[0])), DPS_OK);
	assert_true(dps_device_allowed(&device, DPS_DEVICE_D, DPS_ACL_RETRIEVE));
	assert_false(dps_device_allowed(&device, DPS_DEVICE_D, DPS_ACL_UPDATE));
	/* What cannot be read grants nothing; the other list stays in force. */
	assert_int_equal(dps_online_set_acl(&online, &device, committed[0], local[0], 4), DPS_E_BUFFER);
	assert_false(dps_device_allowed(&device, DPS_DEVICE_D, DPS_ACL_RETRIEVE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_committed_is_read, begin, end),
		cmocka_unit_test_setup_teardown(tokens_are_kept, begin, end),
		cmocka_unit_test_setup_teardown(not_over_a_record_that_is_staged, begin, end),
		cmocka_unit_test_setup_teardown(a_move_that_comes_to_nothing, begin, end),
		cmocka_unit_test_setup_teardown(the_present_hub_is_back, begin, end),
		cmocka_unit_test_setup_teardown(not_behind_a_run_that_was_stopped, begin, end),
		cmocka_unit_test_setup_teardown(renewed_for_the_present_hub, begin, end),
		cmocka_unit_test_setup_teardown(the_session_is_told_of_what_concerns_it, begin, end),
		cmocka_unit_test_setup_teardown(everything_again, begin, end),
		cmocka_unit_test_setup_teardown(another_hub, begin, end),
		cmocka_unit_test_setup_teardown(a_gateway_too_long, begin, end),
		cmocka_unit_test_setup_teardown(not_before_a_run_has_ended, begin, end),
		cmocka_unit_test_setup_teardown(the_hub_is_back_before_the_service, begin, end),
		cmocka_unit_test_setup_teardown(not_once_an_identity_was_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(somebody_elses_run, begin, end),
		cmocka_unit_test_setup_teardown(sent_elsewhere_in_a_run, begin, end),
		cmocka_unit_test_setup_teardown(the_time_goes_both_ways, begin, end),
		cmocka_unit_test_setup_teardown(not_when_a_run_has_brought_it, begin, end),
		cmocka_unit_test_setup_teardown(what_cannot_begin_is_told, begin, end),
		cmocka_unit_test_setup_teardown(lists_are_put_in_force, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
