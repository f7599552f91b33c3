/* SPDX-License-Identifier: Apache-2.0 */
/* The engine over years: renewal, keys that change, owners that change, what the device keeps for itself, and what operators see. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/test_world.h"

#define MINUTE 60000u
#define DAY    (UINT64_C(24) * 3600 * 1000)

static uint8_t buf[DPS_CONFIG_BODY_SIZE];

/* A device that stays and was provisioned; what led there is forgotten. */
static void provision(struct test_world *world)
{
	test_world_init(world);
	world->config.stay = true;
	world->path_not_after += 4000 * 86400;
	test_world_play(world, DPS_START_NORMAL, MINUTE);
	test_world_assert_provisioned(world);
	test_world_clear(world);
}

static struct dps_credentials committed(struct test_world *world)
{
	struct dps_credentials credentials;

	assert_int_equal(dps_client_read_credentials(&world->client, buf, sizeof(buf), &credentials), DPS_OK);
	return credentials;
}

/* --- renewal ------------------------------------------------------------------------------------------------------------------- */

/* Two thirds of the identity's life count from its acceptance: daily restarts do not put the renewal off. */
static void restarts_do_not_put_a_renewal_off(void **state)
{
	struct test_world world;
	unsigned day = 0;

	(void)state;
	provision(&world);
	world.synchronised = true;
	world.identity_not_after += 90 * 86400;
	while (test_world_event_count(&world, DPS_EVENT_RENEWED) == 0 && day < 90) {
		test_world_clear(&world);
		test_world_start(&world, DPS_START_NORMAL);
		test_world_run(&world, DAY);
		day++;
	}
	assert_in_range(day, 53, 61);
	assert_int_equal(committed(&world).not_after, world.identity_not_after);
	test_world_free(&world);
}

/* The service is out of reach for longer than the identity lives: it is kept, the application is warned once, and the renewal comes in the end. */
static void a_renewal_goes_on_past_the_end(void **state)
{
	struct test_world world;
	unsigned warned = 0;

	(void)state;
	provision(&world);
	world.synchronised = true;
	world.connects[0] = DPS_E_CONNECT;
	world.connect_count = 1;
	for (unsigned day = 0; day < 100; day++) {
		test_world_clear(&world);
		test_world_run(&world, DAY / 24);
		world.now += DAY - DAY / 24;
		for (size_t i = 0; i < world.event_count; i++)
			warned += world.events[i].type == DPS_EVENT_WARNING && world.events[i].cause == DPS_E_IDENTITY_EXPIRED;
		assert_int_equal(test_world_event_count(&world, DPS_EVENT_FAILED), 0);
	}
	assert_int_equal(warned, 1);
	assert_int_equal(dps_client_status(&world.client), DPS_STATUS_TRANSIENT_FAILURE);
	assert_int_equal(committed(&world).chain.len > 0, 1);
	test_world_clear(&world);
	world.connect_count = 0;
	world.identity_not_after += 200 * 86400;
	test_world_run(&world, DAY);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_RENEWED), 1);
	assert_int_equal(dps_client_status(&world.client), DPS_STATUS_PROVISIONED);
	test_world_free(&world);
}

/* An authority whose identities live for seconds is asked again and again, but not without a pause. */
static void short_lives_have_their_pause(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.stay = true;
	world.synchronised = true;
	world.identity_not_after = world.wall / 1000 + 3;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_clear(&world);
	for (unsigned i = 0; i < 10; i++) {
		world.now += 1000;
		world.identity_not_after = world.wall / 1000 + (int64_t)world.now / 1000 + 3;
		(void)dps_client_process(&world.client);
	}
	assert_in_range(test_world_event_count(&world, DPS_EVENT_RENEWED), 1, 2);
	test_world_free(&world);
}

/* A device that does not stay has nobody to renew its identity later: one that has ended is renewed at once, one that has not is left alone. */
static void an_expired_identity_is_renewed_at_start(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.synchronised = true;
	world.path_not_after += 400 * 86400;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	world.now += 89 * DAY;
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(world.sent_count, 0);
	world.now += 2 * DAY;
	world.identity_not_after += 90 * 86400;
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_assert_provisioned(&world);
	assert_int_equal(test_world_event(&world, DPS_EVENT_WARNING)->cause, DPS_E_IDENTITY_EXPIRED);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 0);
	/* Without a clock nobody can say that it has ended. */
	world.synchronised = false;
	world.now += 400 * DAY;
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(world.sent_count, 0);
	test_world_free(&world);
}

/* A device without a clock is told the time by its application: the renewal is due when that says so. */
static void told_time_makes_a_renewal_due(void **state)
{
	struct test_world world;
	int64_t later;

	(void)state;
	provision(&world);
	world.identity_not_after += 90 * 86400;
	test_world_start(&world, DPS_START_NORMAL); /* after a restart nothing is known but the floor */
	test_world_clear(&world);
	later = world.wall + (int64_t)(80 * DAY);
	dps_client_tell_time(&world.client, 0); /* no time that can be */
	(void)dps_client_process(&world.client);
	assert_int_equal(dps_client_state(&world.client), DPS_STATE_PROVISIONED);
	dps_client_tell_time(&world.client, later);
	world.wall = later;
	world.now += 3600 * 1000;
	test_world_run(&world, MINUTE);
	assert_int_equal(test_world_event_count(&world, DPS_EVENT_RENEWED), 1);
	test_world_free(&world);
}

/* --- keys that change ---------------------------------------------------------------------------------------------------------- */

static void assert_key(struct test_world *world, const char *slot)
{
	const struct dps_credentials credentials = committed(world);

	assert_int_equal(credentials.key_slot.len, strlen(slot));
	assert_memory_equal(credentials.key_slot.data, slot, strlen(slot));
}

static void a_renewal_rotates_the_key(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.rotate_key = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_key(&world, "identity-0");
	test_world_play(&world, DPS_START_RENEW, MINUTE);
	test_world_assert_provisioned(&world);
	assert_key(&world, "identity-1");
	assert_false(world.has_key[0]); /* the former key has gone */
	assert_true(world.has_key[1]);
	test_world_play(&world, DPS_START_NORMAL, MINUTE); /* a restart knows which one it is */
	test_world_assert_provisioned(&world);
	assert_false(test_world_last(&world)->fresh);
	test_world_play(&world, DPS_START_RENEW, MINUTE);
	assert_key(&world, "identity-0");
	assert_false(world.has_key[1]);
	test_world_free(&world);
}

/* The authority refuses a key that it does not know while the last certificate lasts: the present one is kept, in the same run. */
static void a_refused_key_is_not_insisted_on(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.rotate_key = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_clear(&world);
	world.asked_slot_count = 0;
	world.refused_slot = "identity-1";
	test_world_play(&world, DPS_START_RENEW, MINUTE);
	test_world_assert_provisioned(&world);
	assert_int_equal(world.asked_slot_count, 2);
	assert_string_equal(world.asked_slots[0], "identity-1");
	assert_string_equal(world.asked_slots[1], "identity-0");
	assert_key(&world, "identity-0");
	assert_true(world.has_key[0]);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->retry_ms, 0);
	test_world_free(&world);
}

/* The power went after the authority had signed for the new key: it then refuses the old one, and the new one must still be there. */
static void a_key_that_only_the_authority_knows_is_found_again(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.rotate_key = true;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_script(&world,
	                  (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_CLOSE, .result = DPS_E_RESET, .count = 1});
	test_world_play(&world, DPS_START_RENEW, 1000);
	assert_true(world.has_key[1]);
	world.refused_slot = "identity-0";
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE); /* the restart leaves both */
	assert_true(world.has_key[0] && world.has_key[1]);
	assert_int_equal(world.keys_made, 2);
	test_world_play(&world, DPS_START_RENEW, MINUTE);
	test_world_assert_provisioned(&world);
	assert_key(&world, "identity-1");
	assert_int_equal(world.keys_made, 2);
	test_world_free(&world);
}

/* Without being told to, no renewal and no forced run changes the key. */
static void keys_stay_otherwise(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_play(&world, DPS_START_RENEW, MINUTE);
	test_world_play(&world, DPS_START_FORCE, MINUTE);
	world.config.rotate_key = true;
	test_world_play(&world, DPS_START_FORCE, MINUTE);
	assert_int_equal(world.keys_made, 1);
	assert_key(&world, "identity-0");
	test_world_free(&world);
}

/* The credentials in force say who the device is: a record of another device beside them, or none, is made right. */
static void credentials_say_who_the_device_is(void **state)
{
	struct dps_store_device foreign = {.id = {{0x42}}, .key_slot = "identity-0"};
	struct test_world world;
	struct dps_store store;
	struct dps_store_device device;
	struct dps_uuid before, after;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(dps_client_device_id(&world.client, &before), DPS_OK);
	assert_int_equal(dps_store_open(&store, &world.store.port, buf, sizeof(buf)), DPS_OK);
	assert_int_equal(dps_store_write_device(&store, &foreign), DPS_OK);
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(world.sent_count, 0);
	assert_int_equal(dps_client_device_id(&world.client, &after), DPS_OK);
	assert_true(dps_uuid_equal(&before, &after));
	assert_int_equal(dps_store_open(&store, &world.store.port, buf, sizeof(buf)), DPS_OK);
	assert_int_equal(dps_store_read_device(&store, &device), DPS_OK);
	assert_true(dps_uuid_equal(&before, &device.id));
	/* Without their key they are not in force; whose they were is still known. */
	test_store_remove(&world.store, "device-0");
	test_store_remove(&world.store, "device-1");
	world.has_key[0] = false;
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_assert_provisioned(&world);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	assert_int_equal(dps_client_device_id(&world.client, &after), DPS_OK);
	assert_true(dps_uuid_equal(&before, &after));
	test_world_free(&world);
}

/* --- owners, and what the device keeps for itself ------------------------------------------------------------------------------ */

static const uint8_t ace[] = {0x81, 0xa3, 0x6a, 'p', 'e', 'r', 'm',  'i',  's', 's', 'i', 'o', 'n', 0x02, 0x69, 'r',  'e',  's',
                              'o',  'u',  'r',  'c', 'e', 's', 0x80, 0x67, 's', 'u', 'b', 'j', 'e', 'c',  't',  0xa1, 0x68, 'c',
                              'o',  'n',  'n',  't', 'y', 'p', 'e',  0x6a, 'a', 'n', 'o', 'n', '-', 'c',  'l',  'e',  'a',  'r'};

static void keep_something(struct test_world *world)
{
	static const uint8_t key[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	struct dps_local local = {.psk_count = 1, .acl = {.aces = {ace, sizeof(ace)}}};

	local.psks[0] = (struct dps_psk){{{9}}, {key, sizeof(key)}};
	assert_int_equal(dps_client_set_local(&world->client, &local), DPS_OK);
}

static size_t psks_kept(struct test_world *world)
{
	struct dps_local local;
	dps_result result = dps_client_read_local(&world->client, buf, sizeof(buf), &local);

	if (result == DPS_E_NOT_FOUND)
		return 0;
	assert_int_equal(result, DPS_OK);
	assert_int_equal(local.acl.count, local.psk_count);
	return local.psk_count;
}

/* Local credentials survive restarts, renewals and forced runs, and go with the owner, in the one write that puts the new owner in force. */
static void local_credentials_go_with_the_owner(void **state)
{
	struct test_world world;
	const struct world_event *event;
	struct dps_owner owner;

	(void)state;
	test_world_init(&world);
	test_world_boot(&world);
	assert_int_equal(dps_client_set_local(&world.client, &(struct dps_local){.psk_count = 0}), DPS_E_STATE);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(psks_kept(&world), 0);
	keep_something(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_play(&world, DPS_START_RENEW, MINUTE);
	test_world_play(&world, DPS_START_FORCE, MINUTE);
	assert_int_equal(psks_kept(&world), 1);
	event = test_world_event(&world, DPS_EVENT_COMMITTED);
	assert_false(event->owner_changed);
	assert_int_equal(event->records & DPS_RECORD_BIT(DPS_RECORD_LOCAL), 0);

	world.owner.bytes[5] = 7;
	test_world_clear(&world);
	test_world_play(&world, DPS_START_FORCE, MINUTE);
	event = test_world_event(&world, DPS_EVENT_COMMITTED);
	assert_true(event->owner_changed);
	assert_true((event->records & DPS_RECORD_BIT(DPS_RECORD_OWNER)) != 0);
	assert_int_equal(psks_kept(&world), 0);
	assert_int_equal(dps_client_read_owner(&world.client, buf, sizeof(buf), &owner), DPS_OK);
	assert_true(dps_uuid_equal(&owner.id, &world.owner));
	test_world_free(&world);
}

/* Refused values change nothing. */
static void bad_local_credentials_change_nothing(void **state)
{
	static const uint8_t no_array[] = {0xa0};
	struct test_world world;
	struct dps_local local = {.psk_count = 1};

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	keep_something(&world);
	assert_int_equal(dps_client_set_local(&world.client, &local), DPS_E_ARGUMENT); /* a key without bytes */
	local = (struct dps_local){.psk_count = DPS_CONFIG_CREDENTIALS + 1};
	assert_int_equal(dps_client_set_local(&world.client, &local), DPS_E_ARGUMENT);
	local = (struct dps_local){.acl = {.aces = {no_array, 1}}};
	assert_int_equal(dps_result_class(dps_client_set_local(&world.client, &local)), DPS_CLASS_PROTOCOL);
	test_store_fail(&world.store, TEST_STORE_WRITE, 2, DPS_E_STORAGE_FULL); /* staged, but not committed */
	local = (struct dps_local){.psk_count = 0};
	assert_int_equal(dps_client_set_local(&world.client, &local), DPS_E_STORAGE_FULL);
	assert_int_equal(psks_kept(&world), 1);
	test_world_play(&world, DPS_START_FORCE, MINUTE); /* and the next commit does not bring it in by the back door */
	assert_int_equal(psks_kept(&world), 1);
	test_world_free(&world);
}

static void damage_owner(struct test_world *world)
{
	for (unsigned i = 0; i < TEST_STORE_BLOBS; i++)
		if (strncmp(world->store.blobs[i].name, "owner-", 6) == 0)
			world->store.blobs[i].data[world->store.blobs[i].len - 1] ^= 1;
}

/*
 * The owner's record is lost. Whose the device is is still told by the anchors: the same owner's answer is all that is fetched, another's means that all of it is,
 * and that what was kept for the former goes.
 */
static void another_owner_means_everything(void **state)
{
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	keep_something(&world);
	damage_owner(&world);
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_assert_provisioned(&world);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_ACLS), 0);
	assert_false(test_world_event(&world, DPS_EVENT_COMMITTED)->owner_changed);
	assert_int_equal(psks_kept(&world), 1);

	damage_owner(&world);
	world.owner.bytes[5] = 7;
	test_world_clear(&world);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_assert_provisioned(&world);
	assert_int_equal(test_world_event(&world, DPS_EVENT_COMMITTED)->records & 0xf, 0xf);
	assert_true(test_world_event(&world, DPS_EVENT_COMMITTED)->owner_changed);
	assert_int_equal(psks_kept(&world), 0);

	/* The same in a forced run, and when the record rots while the device runs. */
	keep_something(&world);
	test_world_start(&world, DPS_START_NORMAL);
	damage_owner(&world);
	world.owner.bytes[5] = 8;
	test_world_clear(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_FORCE), DPS_OK);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	assert_true(test_world_event(&world, DPS_EVENT_COMMITTED)->owner_changed);
	assert_int_equal(psks_kept(&world), 0);
	test_world_free(&world);
}

/* New tokens: one write, in force at once, and no business of the handler. */
static void the_cloud_record_is_replaced(void **state)
{
	static const char uri[] = "coaps+tcp://gw:5684";
	static const char token[] = "refreshed";
	struct test_world world;
	struct dps_cloud cloud = {.gateway = {(const uint8_t *)uri, sizeof(uri) - 1}, .token = {(const uint8_t *)token, sizeof(token) - 1}};
	struct dps_cloud read;

	(void)state;
	test_world_init(&world);
	test_world_boot(&world);
	assert_int_equal(dps_client_update_cloud(&world.client, &cloud), DPS_E_STATE);
	cloud.gateway_count = 1;
	cloud.gateways[0].uri = cloud.gateway;
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	test_world_clear(&world);
	world.store.writes = 0;
	assert_int_equal(dps_client_update_cloud(&world.client, &cloud), DPS_OK);
	assert_int_equal(world.store.writes, 2); /* the record and the manifest */
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(world.told[DPS_RECORD_CLOUD], 0);
	assert_int_equal(dps_client_read_cloud(&world.client, buf, sizeof(buf), &read), DPS_OK);
	assert_int_equal(read.token.len, sizeof(token) - 1);
	test_world_free(&world);
}

/* Another hub: cloud, credentials and ACLs, with the gateway named. */
static void another_hub(void **state)
{
	static const char uri[] = "coaps+tcp://second:5684";
	const struct dps_gateway gateway = {.id = {{7}}, .uri = {(const uint8_t *)uri, sizeof(uri) - 1}};
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_play(&world, DPS_START_HUB, MINUTE);
	assert_int_equal(test_world_event(&world, DPS_EVENT_FAILED)->cause, DPS_E_STATE);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_int_equal(world.asked_gateway.uri.len, 0);
	test_world_clear(&world);
	assert_int_equal(dps_client_select_gateway(&world.client, &gateway), DPS_OK);
	assert_int_equal(dps_client_start(&world.client, DPS_START_HUB), DPS_OK);
	test_world_run(&world, MINUTE);
	test_world_assert_provisioned(&world);
	assert_int_equal(world.asked_gateway.uri.len, sizeof(uri) - 1);
	assert_true(dps_uuid_equal(&world.asked_gateway.id, &gateway.id));
	assert_int_equal(test_world_count(&world, DPS_STEP_CLOUD), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_ACLS), 1);
	assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 0);
	/* A renewal names the gateway in use, so that the identity is of its hub; a forced run leaves the choice to the service. */
	test_world_play(&world, DPS_START_RENEW, MINUTE);
	assert_int_equal(world.asked_gateway.uri.len, strlen("coaps+tcp://gw:5684"));
	assert_int_equal(world.asked_gateway.id.bytes[0], 0xb);
	test_world_play(&world, DPS_START_FORCE, MINUTE);
	assert_int_equal(world.asked_gateway.uri.len, 0);
	assert_int_equal(dps_client_select_gateway(&world.client, &(struct dps_gateway){.uri = {NULL, 0}}), DPS_E_URI);
	assert_int_equal(dps_client_select_gateway(&world.client, NULL), DPS_OK);
	test_world_free(&world);
}

/* --- what operators see -------------------------------------------------------------------------------------------------------- */

static void assert_statuses(const struct test_world *world, const enum dps_status *statuses, size_t count)
{
	size_t seen = 0;

	for (size_t i = 0; i < world->event_count; i++) {
		if (world->events[i].type != DPS_EVENT_STATUS)
			continue;
		assert_true(seen < count);
		assert_string_equal(dps_status_name(world->events[i].status), dps_status_name(statuses[seen]));
		seen++;
	}
	assert_int_equal(seen, count);
}

static void statuses_one_after_another(void **state)
{
	static const enum dps_status expected[] = {
		DPS_STATUS_INITIALIZED,
		DPS_STATUS_PROVISIONING_TIME,
		DPS_STATUS_PROVISIONED_TIME,
		DPS_STATUS_PROVISIONING_OWNER,
		DPS_STATUS_PROVISIONED_OWNER,
		DPS_STATUS_PROVISIONING_CLOUD,
		DPS_STATUS_PROVISIONED_CLOUD,
		DPS_STATUS_PROVISIONING_ACLS,
		DPS_STATUS_PROVISIONED_ACLS,
		DPS_STATUS_PROVISIONING_CREDENTIALS,
		DPS_STATUS_PROVISIONED_CREDENTIALS,
		DPS_STATUS_PROVISIONED,
	};
	struct test_world world;

	(void)state;
	test_world_init(&world);
	world.config.sequential = true;
	test_world_boot(&world);
	assert_int_equal(dps_client_status(&world.client), DPS_STATUS_UNINITIALIZED);
	test_world_play(&world, DPS_START_NORMAL, MINUTE);
	assert_statuses(&world, expected, sizeof(expected) / sizeof(expected[0]));
	assert_int_equal(dps_client_status(&world.client), DPS_STATUS_PROVISIONED);
	assert_int_equal(dps_client_last_error(&world.client), DPS_ERROR_OK);
	test_world_free(&world);
}

static void statuses_of_failures_and_renewals(void **state)
{
	static const enum dps_status failing[] = {
		DPS_STATUS_INITIALIZED,
		DPS_STATUS_PROVISIONING_TIME,
		DPS_STATUS_TRANSIENT_FAILURE,
	};
	static const enum dps_status renewing[] = {DPS_STATUS_RENEW_CREDENTIALS, DPS_STATUS_PROVISIONED};
	struct test_world world;

	(void)state;
	test_world_init(&world);
	test_world_script(&world, (struct world_script){.step = DPS_STEP_TIME, .reaction = WORLD_CODE, .code = 503, .count = 1});
	test_world_play(&world, DPS_START_NORMAL, 1000);
	assert_statuses(&world, failing, sizeof(failing) / sizeof(failing[0]));
	assert_int_equal(dps_client_last_error(&world.client), DPS_ERROR_RESPONSE);
	test_world_run(&world, MINUTE);
	assert_int_equal(dps_client_last_error(&world.client), DPS_ERROR_OK);
	assert_int_equal(dps_client_status(&world.client), DPS_STATUS_PROVISIONED);
	test_world_free(&world);

	provision(&world);
	assert_int_equal(dps_client_start(&world.client, DPS_START_RENEW), DPS_OK);
	test_world_run(&world, MINUTE);
	assert_statuses(&world, renewing, sizeof(renewing) / sizeof(renewing[0]));
	test_world_free(&world);
}

static void error_numbers(void **state)
{
	static const struct {
		struct world_script script;
		enum dps_error_number number;
		enum dps_status status;
	} rows[] = {
		{{.step = DPS_STEP_TIME, .reaction = WORLD_BAD, .result = DPS_E_CBOR}, DPS_ERROR_GET_TIME, DPS_STATUS_FAILURE},
		{{.step = DPS_STEP_OWNER, .reaction = WORLD_BAD, .result = DPS_E_FIELD}, DPS_ERROR_GET_OWNER, DPS_STATUS_FAILURE},
		{{.step = DPS_STEP_CLOUD, .reaction = WORLD_BAD, .result = DPS_E_FIELD}, DPS_ERROR_SET_CLOUD, DPS_STATUS_FAILURE},
		{{.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_BAD, .result = DPS_E_IDENTITY_KEY},
	     DPS_ERROR_GET_CREDENTIALS,
	     DPS_STATUS_FAILURE},
		{{.step = DPS_STEP_ACLS, .reaction = WORLD_BAD, .result = DPS_E_CBOR}, DPS_ERROR_GET_ACLS, DPS_STATUS_FAILURE},
		{{.step = DPS_STEP_ACLS, .reaction = WORLD_CODE, .code = 403}, DPS_ERROR_RESPONSE, DPS_STATUS_FAILURE},
		{{.step = DPS_STEP_ACLS, .reaction = WORLD_SILENCE}, DPS_ERROR_RESPONSE, DPS_STATUS_TRANSIENT_FAILURE},
	};
	struct test_world world;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_script script = rows[i].script;

		script.count = 100;
		test_world_init(&world);
		test_world_script(&world, script);
		test_world_play(&world, DPS_START_NORMAL, 31000);
		assert_int_equal(dps_client_last_error(&world.client), rows[i].number);
		assert_string_equal(dps_status_name(dps_client_status(&world.client)), dps_status_name(rows[i].status));
		test_world_free(&world);
	}
	test_world_init(&world);
	world.connects[0] = DPS_E_CONNECT;
	world.connect_count = 1;
	test_world_play(&world, DPS_START_NORMAL, 1000);
	assert_int_equal(dps_client_last_error(&world.client), DPS_ERROR_CONNECT);
	assert_int_equal(dps_client_status(&world.client), DPS_STATUS_TRANSIENT_FAILURE);
	test_world_free(&world);
}

/*
 * An identity that was signed early ends while another answer is waited for, on the connection or between two. It is never put in force: what is committed
 * before stays, another is asked for, and the rest is kept.
 */
static void an_identity_ends_before_the_commit(void **state)
{
	(void)state;
	for (int is_forced = 0; is_forced < 2; is_forced++) {
		for (int breaks = 0; breaks < 2; breaks++) {
			struct test_world world;
			int64_t before = 0;
			unsigned asked;

			test_world_init(&world);
			world.has_resources = true;
			if (is_forced) {
				test_world_play(&world, DPS_START_NORMAL, 60000);
				before = committed(&world).not_after;
				test_world_clear(&world);
			}
			world.identity_not_after = world.wall / 1000 + (int64_t)world.now / 1000 + 3;
			test_world_script(&world, (struct world_script){
										  .step = DPS_STEP_ACLS, .reaction = breaks ? WORLD_CODE : WORLD_SILENCE, .code = 503, .count = 1});
			test_world_start(&world, is_forced ? DPS_START_FORCE : DPS_START_NORMAL);
			test_world_run(&world, 2000);
			world.identity_not_after += 86400;
			asked = test_world_count(&world, DPS_STEP_CREDENTIALS); /* twice where the error took the first answer along */
			while (test_world_count(&world, DPS_STEP_ACLS) < 2)
				test_world_run(&world, 100);
			test_world_run(&world, 1000);
			assert_int_equal(test_world_event_count(&world, DPS_EVENT_COMMITTED), 0);
			assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->step, DPS_STEP_CREDENTIALS);
			assert_int_equal(test_world_event(&world, DPS_EVENT_FAILURE)->cause, DPS_E_IDENTITY_EXPIRED);
			if (is_forced)
				assert_int_equal(committed(&world).not_after, before);
			test_world_run(&world, 120000);
			test_world_assert_provisioned(&world);
			assert_int_equal(test_world_count(&world, DPS_STEP_CREDENTIALS), asked + 1);
			assert_int_equal(test_world_count(&world, DPS_STEP_OWNER), 1);
			assert_int_equal(test_world_count(&world, DPS_STEP_CLOUD), 1);
			assert_int_equal(committed(&world).not_after, world.identity_not_after);
			test_world_free(&world);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_identity_ends_before_the_commit),
		cmocka_unit_test(restarts_do_not_put_a_renewal_off),
		cmocka_unit_test(a_renewal_goes_on_past_the_end),
		cmocka_unit_test(short_lives_have_their_pause),
		cmocka_unit_test(an_expired_identity_is_renewed_at_start),
		cmocka_unit_test(told_time_makes_a_renewal_due),
		cmocka_unit_test(a_renewal_rotates_the_key),
		cmocka_unit_test(a_refused_key_is_not_insisted_on),
		cmocka_unit_test(a_key_that_only_the_authority_knows_is_found_again),
		cmocka_unit_test(keys_stay_otherwise),
		cmocka_unit_test(credentials_say_who_the_device_is),
		cmocka_unit_test(local_credentials_go_with_the_owner),
		cmocka_unit_test(bad_local_credentials_change_nothing),
		cmocka_unit_test(another_owner_means_everything),
		cmocka_unit_test(the_cloud_record_is_replaced),
		cmocka_unit_test(another_hub),
		cmocka_unit_test(statuses_one_after_another),
		cmocka_unit_test(statuses_of_failures_and_renewals),
		cmocka_unit_test(error_numbers),
	};

	return cmocka_run_group_tests_name("client over years", tests, NULL, NULL);
}
