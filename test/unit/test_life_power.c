/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole engine on a medium that loses its power: before, in the midst of (any prefix of the bytes is left) and after every write and every erase of a first
 * provisioning, of one under another owner, of renewals with the key kept and with another one, of changes at run time and of a factory reset. After each cut
 * the device is in its old state, complete, or in its new one, complete; where it had none it goes on from what is staged. The same with a medium that
 * fails at every call. How many cuts there were is
 * printed, and summed up by `make check`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/test_world.h"

#define MINUTE 60000u
#define OWNER  DPS_RECORD_BIT(DPS_RECORD_OWNER)
#define LOCAL  DPS_RECORD_BIT(DPS_RECORD_LOCAL)
#define GIVEN  (LOCAL - 1u)
#define NEEDED (GIVEN & ~DPS_RECORD_BIT(DPS_RECORD_RESOURCES))

static uint8_t buf[DPS_CONFIG_BODY_SIZE];

/* What there is to lose. */
struct condition {
	bool provisioned;
	uint32_t in_force[DPS_RECORD_COUNT];
	uint32_t committed, staged;
	struct dps_uuid owner;
	struct dps_uuid device_id;
	size_t endpoints;
	char endpoint[DPS_CONFIG_URI_LENGTH + 1]; /* the selected one */
};

/* The medium is about to fail: whether the call does is for its caller to find out otherwise. */
static void may_fail(dps_result result)
{
	(void)result;
}

/* As a tool sees it that looks before anything is started; it writes nothing. */
static void look(struct test_world *world, struct condition *seen)
{
	struct dps_client_config config = world->config;
	static struct dps_client tool;
	struct dps_endpoint endpoint;
	struct dps_owner owner;

	memset(seen, 0, sizeof(*seen));
	config.channel = NULL;
	config.certificates = NULL;
	config.service = NULL;
	world->store.writes = 0;
	world->store.erases = 0;
	assert_int_equal(dps_client_init(&tool, &config), DPS_OK);
	assert_int_equal(dps_client_load(&tool, &seen->provisioned), DPS_OK);
	assert_int_equal(world->store.writes + world->store.erases, 0);
	seen->committed = tool.store.committed;
	seen->staged = tool.store.staged;
	for (unsigned i = 0; i < DPS_RECORD_COUNT; i++)
		seen->in_force[i] = tool.store.manifest.records[i].in_force;
	if (dps_client_read_owner(&tool, buf, sizeof(buf), &owner) == DPS_OK)
		seen->owner = owner.id;
	may_fail(dps_client_device_id(&tool, &seen->device_id));
	while (dps_client_get_endpoint(&tool, seen->endpoints, &endpoint) == DPS_OK) {
		if (endpoint.selected)
			strcpy(seen->endpoint, endpoint.uri);
		seen->endpoints++;
	}
	dps_client_deinit(&tool);
}

struct scene {
	const char *name;
	void (*prepare)(struct test_world *world); /* the state that the power is then cut in; NULL: a new device */
	void (*act)(struct test_world *world);
	uint32_t renewed; /* records that are others afterwards */
};

static void provision(struct test_world *world)
{
	static const uint8_t key[16] = {1};
	struct dps_local local = {.psk_count = 1};

	test_world_play(world, DPS_START_NORMAL, MINUTE);
	test_world_assert_provisioned(world);
	local.psks[0] = (struct dps_psk){{{9}}, {key, sizeof(key)}};
	assert_int_equal(dps_client_set_local(&world->client, &local), DPS_OK);
}

static void provision_rotating(struct test_world *world)
{
	world->config.rotate_key = true;
	provision(world);
}

static void act_normal(struct test_world *world)
{
	test_world_play(world, DPS_START_NORMAL, MINUTE);
}

static void act_other_owner(struct test_world *world)
{
	world->owner.bytes[5] = 7;
	test_world_play(world, DPS_START_FORCE, MINUTE);
}

static void act_renew(struct test_world *world)
{
	test_world_play(world, DPS_START_RENEW, MINUTE);
}

static void act_reset(struct test_world *world)
{
	test_world_boot(world);
	may_fail(dps_client_factory_reset(&world->client));
}

static void act_endpoints(struct test_world *world)
{
	enum dps_configured configured;

	test_world_boot(world);
	may_fail(dps_client_configure(&world->client, "coaps+tcp://other.example:1", NULL, 0, &configured));
}

static void act_local(struct test_world *world)
{
	const struct dps_local none = {.psk_count = 0};

	test_world_start(world, DPS_START_NORMAL);
	if (dps_client_state(&world->client) == DPS_STATE_IDLE)
		may_fail(dps_client_set_local(&world->client, &none));
}

/* As a hub's session does that was given new tokens. */
static void act_tokens(struct test_world *world)
{
	static const uint8_t token[] = "another token";
	struct dps_cloud cloud;

	test_world_start(world, DPS_START_NORMAL);
	if (dps_client_read_cloud(&world->client, buf, sizeof(buf), &cloud) != DPS_OK)
		return; /* the power has gone already */
	cloud.registered = true;
	cloud.access_token = cloud.refresh_token = (struct dps_span){token, sizeof(token) - 1};
	may_fail(dps_client_update_cloud(&world->client, &cloud));
}

static bool same_generations(const struct condition *a, const struct condition *b, uint32_t advanced)
{
	for (unsigned i = 0; i < DPS_RECORD_COUNT; i++)
		if (b->in_force[i] != a->in_force[i] + ((advanced >> i & 1u) != 0))
			return false;
	return true;
}

/* The old state or the new one, and all of it. */
static void assert_whole(const struct scene *scene, const struct condition *old, const struct condition *seen)
{
	const bool is_old = same_generations(old, seen, 0) && seen->committed == old->committed && dps_uuid_equal(&old->owner, &seen->owner);
	const bool is_new = same_generations(old, seen, scene->renewed) && (seen->committed & NEEDED) == NEEDED;

	if (!seen->provisioned || (!is_old && !is_new))
		fail_msg("%s: neither the old state nor the new one: %u%u%u%u%u%u committed %x staged %x", scene->name, seen->in_force[0],
		         seen->in_force[1], seen->in_force[2], seen->in_force[3], seen->in_force[4], seen->in_force[5], seen->committed,
		         seen->staged);
	if (!dps_uuid_equal(&old->device_id, &seen->device_id))
		fail_msg("%s: another device id", scene->name);
}

/* What a first run has staged is not asked for again; whatever happened, the device gets there. */
static void go_on(struct test_world *world, const struct condition *seen)
{
	test_world_clear(world);
	test_world_play(world, DPS_START_NORMAL, 30 * MINUTE);
	test_world_assert_provisioned(world);
	for (unsigned record = 0; record < DPS_RECORD_RESOURCES; record++)
		if (((seen->staged | seen->committed) >> record & 1u) != 0 &&
		    test_world_count(world, (enum dps_step_id)(DPS_STEP_OWNER + record)) > 0)
			fail_msg("record %u was there and is asked for again", record);
}

struct stage {
	struct test_world world;
	struct test_store base;
	bool keys[2];
	struct condition old;
	size_t changes; /* writes and erases of the act */
	size_t calls;
};

static void set(struct stage *stage)
{
	test_store_copy(&stage->world.store, &stage->base);
	memcpy(stage->world.has_key, stage->keys, sizeof(stage->keys));
	stage->world.owner = (struct dps_uuid){{1, 2, 3}};
	stage->world.store.writes = 0;
	stage->world.store.erases = 0;
	stage->world.store.reads = 0;
	test_world_clear(&stage->world);
}

static void begin(struct stage *stage, const struct scene *scene)
{
	test_world_init(&stage->world);
	stage->world.path_not_after += 4000 * 86400;
	if (scene->prepare != NULL)
		scene->prepare(&stage->world);
	test_store_init(&stage->base);
	test_store_copy(&stage->base, &stage->world.store);
	memcpy(stage->keys, stage->world.has_key, sizeof(stage->keys));
	look(&stage->world, &stage->old);
	set(stage);
	scene->act(&stage->world);
	stage->changes = stage->world.store.writes + stage->world.store.erases;
	stage->calls = stage->changes + stage->world.store.reads;
	assert_true(stage->changes > 0);
}

static void end(struct stage *stage)
{
	test_store_free(&stage->base);
	test_world_free(&stage->world);
}

/* Calls check after each cut, with what a tool then sees. */
static void cut_everywhere(const struct scene *scene, void (*check)(const struct scene *, struct stage *, const struct condition *))
{
	static struct stage stage;
	struct condition seen;
	size_t cuts = 0;

	begin(&stage, scene);
	for (size_t n = 1; n <= stage.changes; n++) {
		for (size_t step = 0;; step++) {
			set(&stage);
			if (!test_store_cut_step(&stage.world.store, n, step))
				break;
			scene->act(&stage.world);
			dps_client_stop(&stage.world.client);
			test_store_power_on(&stage.world.store);
			look(&stage.world, &seen);
			check(scene, &stage, &seen);
			cuts++;
		}
	}
	print_message("%s: %zu cuts at %zu writes and erases\n", scene->name, cuts, stage.changes);
	end(&stage);
}

/* --- what is expected ------------------------------------------------------------------------------------------------------------- */

static void first_run(const struct scene *scene, struct stage *stage, const struct condition *seen)
{
	if (seen->provisioned && (seen->committed & NEEDED) != NEEDED)
		fail_msg("%s: provisioned with half of it", scene->name);
	if (!seen->provisioned && (seen->committed & NEEDED) != 0)
		fail_msg("%s: half of it is in force", scene->name);
	go_on(&stage->world, seen);
}

static void old_or_new(const struct scene *scene, struct stage *stage, const struct condition *seen)
{
	struct condition after;

	assert_whole(scene, &stage->old, seen);
	go_on(&stage->world, seen);
	assert_int_equal(stage->world.sent_count, 0);
	/* The same work done once more works. */
	scene->act(&stage->world);
	look(&stage->world, &after);
	assert_true(after.provisioned);
	assert_false(same_generations(&stage->old, &after, 0));
}

static void reset_or_whole(const struct scene *scene, struct stage *stage, const struct condition *seen)
{
	struct condition after;

	if (seen->provisioned)
		assert_whole(scene, &stage->old, seen);
	else if ((seen->committed & NEEDED) == NEEDED)
		fail_msg("%s: all is in force, and its key has gone", scene->name);
	test_world_clear(&stage->world);
	test_world_play(&stage->world, DPS_START_NORMAL, 30 * MINUTE);
	test_world_assert_provisioned(&stage->world);
	look(&stage->world, &after);
	if (!seen->provisioned && dps_uuid_equal(&after.device_id, &stage->old.device_id))
		fail_msg("%s: the device id outlives the reset", scene->name);
}

static void endpoints_old_or_new(const struct scene *scene, struct stage *stage, const struct condition *seen)
{
	assert_whole(scene, &stage->old, seen);
	assert_int_equal(seen->endpoints, 1);
	if (strcmp(seen->endpoint, stage->old.endpoint) != 0 && strcmp(seen->endpoint, "coaps+tcp://other.example:1") != 0)
		fail_msg("%s: where to go was lost", scene->name);
}

static const struct scene first = {"first provisioning", NULL, act_normal, GIVEN};
static const struct scene other_owner = {"another owner", provision, act_other_owner, GIVEN | LOCAL};
static const struct scene renewal = {"renewal", provision, act_renew, DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)};
static const struct scene rotation = {"renewal with a new key", provision_rotating, act_renew, DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)};
static const struct scene reset = {"factory reset", provision, act_reset, 0};
static const struct scene endpoints = {"other endpoints", provision, act_endpoints, 0};
static const struct scene tokens = {"tokens of a hub", provision, act_tokens, DPS_RECORD_BIT(DPS_RECORD_CLOUD)};
static const struct scene local = {"local credentials", provision, act_local, LOCAL};

static void power_at_a_first_provisioning(void **state)
{
	(void)state;
	cut_everywhere(&first, first_run);
}

static void power_at_another_owner(void **state)
{
	(void)state;
	cut_everywhere(&other_owner, old_or_new);
}

static void power_at_a_renewal(void **state)
{
	(void)state;
	cut_everywhere(&renewal, old_or_new);
}

static void power_at_a_rotation(void **state)
{
	(void)state;
	cut_everywhere(&rotation, old_or_new);
}

static void power_at_a_factory_reset(void **state)
{
	(void)state;
	cut_everywhere(&reset, reset_or_whole);
}

static void power_at_changes_at_run_time(void **state)
{
	(void)state;
	cut_everywhere(&endpoints, endpoints_old_or_new);
	cut_everywhere(&local, old_or_new);
	cut_everywhere(&tokens, old_or_new);
}

/* --- a medium that fails ------------------------------------------------------------------------------------------------------------ */

/* At every call once, and from every call on for good; then it is mended. */
static void fail_everywhere(const struct scene *scene)
{
	static const dps_result results[] = {DPS_E_STORAGE, DPS_E_STORAGE_FULL};
	static struct stage stage;
	struct condition seen;
	size_t failures = 0;

	begin(&stage, scene);
	for (size_t n = 1; n <= stage.calls; n++) {
		for (unsigned how = 0; how < 4; how++) {
			set(&stage);
			test_store_fail(&stage.world.store, how < 2 ? TEST_STORE_ANY : TEST_STORE_WRITE | TEST_STORE_ERASE, n, results[how & 1u]);
			if (how >= 2)
				stage.world.store.fail_count = SIZE_MAX;
			scene->act(&stage.world);
			dps_client_stop(&stage.world.client);
			test_store_power_on(&stage.world.store);
			look(&stage.world, &seen);
			if (stage.old.provisioned)
				assert_whole(scene, &stage.old, &seen);
			go_on(&stage.world, &seen);
			failures++;
		}
	}
	print_message("%s: %zu failures at %zu calls\n", scene->name, failures, stage.calls);
	end(&stage);
}

static void a_failing_medium(void **state)
{
	(void)state;
	fail_everywhere(&first);
	fail_everywhere(&other_owner);
	fail_everywhere(&renewal);
	fail_everywhere(&rotation);
	fail_everywhere(&tokens);
}

/* A reset that could not be done leaves the device whole, or is ended by the next one; nothing of the former life stays. */
static void a_reset_on_a_failing_medium(void **state)
{
	static struct stage stage;
	struct condition seen;

	(void)state;
	begin(&stage, &reset);
	for (size_t n = 1; n <= stage.calls; n++) {
		for (unsigned how = 0; how < 2; how++) {
			set(&stage);
			test_store_fail(&stage.world.store, TEST_STORE_ANY, n, DPS_E_STORAGE);
			stage.world.store.fail_count = how == 0 ? 1 : SIZE_MAX;
			act_reset(&stage.world);
			test_store_power_on(&stage.world.store);
			look(&stage.world, &seen);
			if (seen.provisioned)
				assert_whole(&reset, &stage.old, &seen);
			test_world_boot(&stage.world);
			assert_int_equal(dps_client_factory_reset(&stage.world.client), DPS_OK);
			look(&stage.world, &seen);
			assert_false(seen.provisioned);
			assert_int_equal(seen.committed | seen.staged, 0);
			assert_false(stage.world.has_key[0] || stage.world.has_key[1]);
			assert_true(dps_uuid_is_nil(&seen.device_id));
		}
	}
	end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_at_a_first_provisioning),
		cmocka_unit_test(power_at_another_owner),
		cmocka_unit_test(power_at_a_renewal),
		cmocka_unit_test(power_at_a_rotation),
		cmocka_unit_test(power_at_a_factory_reset),
		cmocka_unit_test(power_at_changes_at_run_time),
		cmocka_unit_test(a_failing_medium),
		cmocka_unit_test(a_reset_on_a_failing_medium),
	};
	int failed = cmocka_run_group_tests_name("power cuts in a device's life", tests, NULL, NULL);

	print_message("figure: %zu power cuts\n", test_store_cuts_made);
	return failed;
}
