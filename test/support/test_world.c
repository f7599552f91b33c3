/* SPDX-License-Identifier: Apache-2.0 */
/* See test_world.h. */
#include "test_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "codec/text.h"
#include "store/store.h"

#define DAY_S 86400

static struct test_world *world_of_step; /* steps have no context of their own */

/* --- platform ------------------------------------------------------------------------------------------------------------------ */

static uint64_t monotonic_ms(void *ctx)
{
	const struct test_world *world = ctx;

	return world->now;
}

static void wall(void *ctx, int64_t *unix_ms, bool *synchronised)
{
	const struct test_world *world = ctx;

	*unix_ms = world->synchronised ? world->wall + (int64_t)world->now : 0;
	*synchronised = world->synchronised;
}

static void set_clock(void *ctx, int64_t unix_ms)
{
	struct test_world *world = ctx;

	world->clock_set = unix_ms;
	world->clock_sets++;
}

/* --- channel ------------------------------------------------------------------------------------------------------------------- */

static dps_result channel_open(void *ctx, const struct dps_channel_params *params)
{
	struct test_world *world = ctx;

	assert_false(world->open);
	assert_true(params->chain.len > 0);
	assert_false(params->resume); /* the public service refuses devices on resumed sessions */
	world->open = true;
	world->connections++;
	world->host = params->host;
	world->port = params->port;
	world->pending_count = 0;
	world->closing = false;
	world->broken = DPS_OK;
	*params->path = (struct dps_pki_path){
		.trust = params->trust,
		.host = params->host,
		.not_before = world->path_not_before,
		.not_after = world->path_not_after,
		.count = 2,
		.complete = true,
	};
	return DPS_OK;
}

static dps_result channel_establish(void *ctx)
{
	struct test_world *world = ctx;
	size_t index = world->connections - 1;

	assert_true(world->open);
	if (world->connect_count == 0)
		return DPS_OK;
	return world->connects[index < world->connect_count ? index : world->connect_count - 1];
}

static dps_result channel_next_address(void *ctx)
{
	struct test_world *world = ctx;

	if (world->further_addresses == 0)
		return DPS_E_NOT_FOUND;
	world->further_addresses--;
	world->connects[0] = DPS_OK;
	return DPS_OK;
}

static bool channel_connected(void *ctx)
{
	const struct test_world *world = ctx;

	return !world->refused_before_tcp;
}

static void channel_close(void *ctx)
{
	struct test_world *world = ctx;

	world->open = false;
}

static size_t channel_wait_on(void *ctx, struct dps_wait *waits, size_t max, uint32_t *within_ms)
{
	(void)ctx;
	(void)within_ms;
	if (max > 0)
		waits[0] = (struct dps_wait){.handle = 1, .directions = DPS_WAIT_READ};
	return max > 0 ? 1 : 0;
}

static void channel_stats(void *ctx, struct dps_channel_stats *stats)
{
	const struct test_world *world = ctx;

	*stats = (struct dps_channel_stats){.handshakes = world->connections};
}

static const char *channel_detail(void *ctx)
{
	(void)ctx;
	return "detail of the channel";
}

/* --- the service's steps ------------------------------------------------------------------------------------------------------- */

static dps_result build_step(const struct dps_step_env *env, struct dps_request *request)
{
	(void)env;
	*request = (struct dps_request){.method = DPS_GET, .path = "/"};
	return DPS_OK;
}

/* --- keys ---------------------------------------------------------------------------------------------------------------------- */

static unsigned slot_index(const char *slot)
{
	assert_true(strcmp(slot, "identity-0") == 0 || strcmp(slot, "identity-1") == 0);
	return slot[9] == '1';
}

static struct test_key *key_of(struct test_world *world, const char *slot)
{
	return slot_index(slot) == 0 ? &world->device_key : &world->other_key;
}

static dps_result keys_open(void *ctx, const char *slot)
{
	const struct test_world *world = ctx;

	return world->has_key[slot_index(slot)] ? DPS_OK : DPS_E_NOT_FOUND;
}

static dps_result keys_generate(void *ctx, const char *slot, enum dps_key_type type)
{
	struct test_world *world = ctx;

	assert_int_equal(type, DPS_KEY_EC_P256);
	if (world->generate_result != DPS_OK)
		return world->generate_result;
	world->has_key[slot_index(slot)] = true;
	world->keys_made++;
	return DPS_OK;
}

static dps_result keys_public_key(void *ctx, const char *slot, uint8_t *buf, size_t size, size_t *len)
{
	const struct dps_keys one = test_keys_port(key_of(ctx, slot));

	return one.public_key(one.ctx, slot, buf, size, len);
}

static dps_result keys_sign(void *ctx, const char *slot, enum dps_hash hash, const uint8_t *digest, size_t digest_len, uint8_t *sig,
                            size_t size, size_t *len)
{
	const struct dps_keys one = test_keys_port(key_of(ctx, slot));

	return one.sign(one.ctx, slot, hash, digest, digest_len, sig, size, len);
}

static dps_result keys_erase(void *ctx, const char *slot)
{
	struct test_world *world = ctx;

	world->has_key[slot_index(slot)] = false;
	return DPS_OK;
}

/* --- answers ------------------------------------------------------------------------------------------------------------------- */

static dps_result stage_credentials(struct test_world *world, const struct dps_step_env *env)
{
	char id[DPS_UUID_TEXT_LEN + 1];
	char subject[64];
	char until[20];
	time_t not_after = (time_t)world->identity_not_after;
	struct test_certificate leaf;
	struct dps_credentials credentials = {.device_id = env->device_id, .anchor_count = 1};
	struct tm tm;

	dps_uuid_format(&env->device_id, id);
	snprintf(subject, sizeof(subject), "CN=uuid:%s", id);
	gmtime_r(&not_after, &tm);
	strftime(until, sizeof(until), "%Y%m%d%H%M%S", &tm);
	test_certificate_make(&leaf, &(struct test_certificate_spec){
									 .subject = subject,
									 .key = key_of(world, env->key_slot),
									 .issuer = "CN=hub",
									 .issuer_key = &world->ca_key,
									 .not_after = until,
								 });
	credentials.key_slot = (struct dps_span){(const uint8_t *)env->key_slot, strlen(env->key_slot)};
	credentials.chain = (struct dps_span){leaf.der, leaf.len};
	credentials.not_before = world->identity_not_before;
	credentials.accepted = env->now_s;
	credentials.not_after = world->identity_not_after;
	credentials.anchors[0].subject = world->owner; /* whom the anchor speaks for */
	credentials.anchors[0].der = (struct dps_span){world->ca.der, world->ca.len};
	world->issued++;
	return dps_store_stage(env->store, DPS_RECORD_CREDENTIALS, &credentials);
}

static dps_result stage(struct test_world *world, enum dps_step_id id, const struct dps_step_env *env)
{
	static const uint8_t empty[] = {0x80};
	static const uint8_t one[] = {0x81, 0xa2, 0x64, 'h', 'r', 'e', 'f', 0x62, '/', 'a', 0x63, 'r', 'e', 'p', 0x01};
	static const char gateway[] = "coaps+tcp://gw:5684";
	const struct dps_span uri = {(const uint8_t *)gateway, sizeof(gateway) - 1};
	const struct dps_owner owner = {world->owner};
	struct dps_cloud cloud = {.gateway = uri, .gateway_count = 1};
	struct dps_acl acl = {{empty, 1}, 0};
	struct dps_resources resources = {{empty, 1}, 0};

	if (world->has_resources)
		resources = (struct dps_resources){{one, sizeof(one)}, 1};
	cloud.gateways[0].uri = uri;
	cloud.gateways[0].id.bytes[0] = 0xb;
	cloud.hub_id = cloud.gateways[0].id;
	switch (id) {
	case DPS_STEP_OWNER:
		return dps_store_stage(env->store, DPS_RECORD_OWNER, &owner);
	case DPS_STEP_CLOUD:
		return dps_store_stage(env->store, DPS_RECORD_CLOUD, &cloud);
	case DPS_STEP_CREDENTIALS:
		return stage_credentials(world, env);
	case DPS_STEP_ACLS:
		return dps_store_stage(env->store, DPS_RECORD_ACLS, &acl);
	case DPS_STEP_RESOURCES:
		return dps_store_stage(env->store, DPS_RECORD_RESOURCES, &resources);
	default:
		return DPS_E_INTERNAL;
	}
}

static dps_result accept_step(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict)
{
	struct test_world *world = world_of_step;
	enum dps_step_id id = (enum dps_step_id)(answer->handle & ~WORLD_LEAD);

	if (answer->payload_len == 1) /* a scripted failure of accept */
		return (dps_result)(int8_t)answer->payload[0];
	if (id == DPS_STEP_TIME) {
		verdict->time_ms = world->wall + (int64_t)world->now + world->service_skew;
		return DPS_OK;
	}
	if (id == DPS_STEP_OWNER && world->redirect != NULL) {
		verdict->kind = DPS_VERDICT_REDIRECT;
		verdict->redirect = (struct dps_span){(const uint8_t *)world->redirect, strlen(world->redirect)};
		world->redirect = NULL;
		return DPS_OK;
	}
	if (id == DPS_STEP_ACLS && world->after_ms != 0) {
		verdict->kind = DPS_VERDICT_AFTER;
		verdict->after_ms = world->after_ms;
		world->after_ms = 0;
		return DPS_OK;
	}
	verdict->absent = answer->code == 404;
	return stage(world, id, env);
}

#define STEP(name, step_id, step_flags, step_needs)                                                                                        \
	static const struct dps_step name = {                                                                                                  \
		.id = (step_id),                                                                                                                   \
		.flags = (step_flags),                                                                                                             \
		.needs = (step_needs),                                                                                                             \
		.build = build_step,                                                                                                               \
		.accept = accept_step,                                                                                                             \
	}
STEP(step_time, DPS_STEP_TIME, DPS_STEP_IS_TIME, 0);
STEP(step_owner, DPS_STEP_OWNER, 0, DPS_STEP_BIT(DPS_STEP_TIME));
STEP(step_cloud, DPS_STEP_CLOUD, 0, DPS_STEP_BIT(DPS_STEP_TIME));
STEP(step_acls, DPS_STEP_ACLS, 0, DPS_STEP_BIT(DPS_STEP_TIME));
STEP(step_credentials, DPS_STEP_CREDENTIALS, 0, DPS_STEP_BIT(DPS_STEP_TIME));
STEP(step_resources, DPS_STEP_RESOURCES, DPS_STEP_OPTIONAL, DPS_STEP_BIT(DPS_STEP_TIME));
static const struct dps_step *const steps[] = {&step_time, &step_owner, &step_cloud, &step_acls, &step_credentials, &step_resources};

/* --- the service's transport --------------------------------------------------------------------------------------------------- */

static void attach(void *self, const struct dps_transport_env *env)
{
	(void)self;
	assert_true(env->body_size >= 2048);
}

static struct world_script react(struct test_world *world, enum dps_step_id id)
{
	for (size_t i = 0; i < world->script_count; i++) {
		struct world_script *script = &world->script[i];

		if (script->step != id || script->count == 0)
			continue;
		script->count--;
		return *script;
	}
	if (id == DPS_STEP_RESOURCES && !world->has_resources)
		return (struct world_script){.step = id, .reaction = WORLD_CODE, .code = 404};
	return (struct world_script){.step = id, .reaction = WORLD_OK};
}

/* A CA that knows another key. */
static struct world_script judge_slot(struct test_world *world, const struct dps_step_env *env, struct world_script script)
{
	const size_t places = sizeof(world->asked_slots) / sizeof(world->asked_slots[0]);

	snprintf(world->asked_slots[world->asked_slot_count++ % places], sizeof(world->asked_slots[0]), "%s", env->key_slot);
	if (world->refused_slot != NULL && strcmp(world->refused_slot, env->key_slot) == 0)
		return (struct world_script){.step = DPS_STEP_CREDENTIALS, .reaction = WORLD_CODE, .code = 400};
	return script;
}

static dps_result transport_keepalive(void *self)
{
	struct test_world *world = self;

	world->keepalives++;
	return world->keepalive_result;
}

static dps_result transport_send(void *self, unsigned handle, const struct dps_request *request, const struct dps_step_env *env)
{
	struct test_world *world = self;
	struct world_sent *sent;

	(void)request;
	assert_true(world->open);
	if (handle == DPS_STEP_CLOUD)
		world->asked_as = env->device_id;
	if (handle == DPS_STEP_CLOUD || handle == DPS_STEP_CREDENTIALS) {
		world->asked_gateway = env->selected != NULL ? *env->selected : (struct dps_gateway){.uri = {NULL, 0}};
	}
	if (world->send_room == 1 || world->takes_nothing || (world->one_at_a_time && world->pending_count > 0))
		return DPS_AGAIN;
	if (world->send_room > 1)
		world->send_room--;
	assert_true(world->sent_count < WORLD_SENT_MAX);
	sent = &world->sent[world->sent_count++];
	*sent = (struct world_sent){handle, world->connections, world->now};
	if ((handle & WORLD_LEAD) != 0 && world->lead_code == 0)
		return DPS_OK; /* held back for ever: the engine must not depend on it */
	if (!world->closing) {
		world->pending[world->pending_count].handle = handle;
		world->pending[world->pending_count].at = world->now + world->answer_ms;
		if ((handle & WORLD_LEAD) != 0)
			world->pending[world->pending_count].script = (struct world_script){.reaction = WORLD_CODE, .code = world->lead_code};
		else
			world->pending[world->pending_count].script = react(world, (enum dps_step_id)handle);
		if (handle == DPS_STEP_CREDENTIALS)
			world->pending[world->pending_count].script = judge_slot(world, env, world->pending[world->pending_count].script);
		if (world->pending[world->pending_count].script.reaction == WORLD_CODE)
			world->closing = true;
		world->pending_count++;
	}
	return DPS_OK;
}

static void transport_forget(void *self, unsigned handle)
{
	struct test_world *world = self;

	(void)handle;
	world->forgotten++;
}

static dps_result transport_poll(void *self, struct dps_answer *answer, bool *busy)
{
	static const char text[] = "what the peer says";
	struct test_world *world = self;

	(void)busy;
	world->send_room = 0;
	if (world->broken != DPS_OK)
		return world->broken;
	for (size_t i = 0; i < world->pending_count; i++) {
		struct world_script script = world->pending[i].script;

		if (script.reaction == WORLD_SILENCE || world->pending[i].at > world->now)
			continue;
		*answer = (struct dps_answer){.handle = world->pending[i].handle, .code = 205, .payload = world->payload};
		world->pending_count--;
		memmove(&world->pending[i], &world->pending[i + 1], (world->pending_count - i) * sizeof(world->pending[0]));
		if (script.reaction == WORLD_CLOSE) {
			world->broken = script.result;
			return script.result;
		}
		if (script.reaction == WORLD_BAD) {
			world->payload[0] = (uint8_t)script.result;
			answer->payload_len = 1;
		}
		if (script.reaction == WORLD_CODE) {
			answer->code = script.code;
			answer->result = script.code >= 500   ? DPS_E_SERVICE_UNAVAILABLE
			                 : script.code == 403 ? DPS_E_SERVICE_REFUSED
			                 : script.code == 400 ? DPS_E_SERVICE_REFUSED
			                                      : DPS_E_SERVICE_REJECTED;
			if (script.code != 404) {
				answer->payload = (uint8_t *)(uintptr_t)text;
				answer->payload_len = sizeof(text) - 1;
			}
		}
		return DPS_OK;
	}
	if (world->closing && (world->answer_ms == 0 || world->pending_count == 0))
		return DPS_E_CLOSED;
	return DPS_AGAIN;
}

static void transport_detach(void *self)
{
	(void)self;
}

static void transport_count(void *self, struct dps_report *report)
{
	(void)self;
	report->answers_dropped += 3;
	report->peer_requests += 2;
	report->peer_dropped += 1;
}

static const struct dps_transport_ops transport = {
	.attach = attach,
	.send = transport_send,
	.forget = transport_forget,
	.poll = transport_poll,
	.keepalive = transport_keepalive,
	.detach = transport_detach,
	.count = transport_count,
};

/* --- the application ----------------------------------------------------------------------------------------------------------- */

static void on_event(void *user, const struct dps_event *event)
{
	struct test_world *world = user;
	struct world_event *copy;

	assert_true(world->event_count < WORLD_EVENTS_MAX);
	copy = &world->events[world->event_count++];
	*copy = (struct world_event){
		.type = event->type,
		.step = event->failure != NULL ? event->failure->step : event->step,
		.cause = event->failure != NULL ? event->failure->cause : DPS_OK,
		.retry_ms = event->retry_ms,
		.fresh = event->fresh,
		.deadline = event->deadline,
		.state = event->state,
		.status = event->status,
		.why = event->why,
		.records = event->records,
		.owner_changed = event->owner_changed,
	};
	if (event->endpoint != NULL)
		snprintf(copy->endpoint, sizeof(copy->endpoint), "%s", event->endpoint);
	if (event->type == DPS_EVENT_STEP && world->cancel_at_step)
		dps_client_cancel(&world->client);
	if (world->hook != NULL)
		world->hook(world, event);
}

static enum dps_handled told(struct test_world *world, enum dps_record record)
{
	world->told[record]++;
	return world->answers[record];
}

static enum dps_handled on_owner(void *user, const struct dps_owner *view)
{
	assert_int_equal(view->id.bytes[0], 1);
	return told(user, DPS_RECORD_OWNER);
}

static enum dps_handled on_cloud(void *user, const struct dps_cloud *view)
{
	assert_int_equal(view->gateway_count, 1);
	return told(user, DPS_RECORD_CLOUD);
}

static enum dps_handled on_credentials(void *user, const struct dps_credentials *view)
{
	assert_int_equal(view->anchor_count, 1);
	return told(user, DPS_RECORD_CREDENTIALS);
}

static enum dps_handled on_acls(void *user, const struct dps_acl *view)
{
	assert_int_equal(view->count, 0);
	return told(user, DPS_RECORD_ACLS);
}

static enum dps_handled on_resources(void *user, const struct dps_resources *view)
{
	assert_true(view->count <= 1);
	return told(user, DPS_RECORD_RESOURCES);
}

static dps_result chain_of(void *ctx, const char *slot, struct dps_span *der_list)
{
	static const uint8_t some[] = {0x30, 0x00};

	const struct test_world *world = ctx;

	assert_string_equal(slot, DPS_SLOT_MANUFACTURER);
	*der_list = (struct dps_span){some, sizeof(some)};
	return world->chain_result;
}

/* --- life ---------------------------------------------------------------------------------------------------------------------- */

void test_world_init(struct test_world *world)
{
	static const uint8_t anchor[] = {0x30, 0x00};

	memset(world, 0, sizeof(*world));
	world_of_step = world;
	world->now = 1000;
	world->wall = INT64_C(1795000000000); /* November 2026 */
	world->path_not_before = world->wall / 1000 - 30 * DAY_S;
	world->path_not_after = world->wall / 1000 + 30 * DAY_S;
	world->identity_not_before = 1;
	world->owner = (struct dps_uuid){{1, 2, 3}};
	world->identity_not_after = world->wall / 1000 + 90 * DAY_S;
	test_store_init(&world->store);
	test_key_make(&world->device_key, DPS_KEY_EC_P256);
	test_key_make(&world->other_key, DPS_KEY_EC_P256);
	test_key_make(&world->ca_key, DPS_KEY_EC_P256);
	test_certificate_make(&world->ca, &(struct test_certificate_spec){.subject = "CN=hub", .key = &world->ca_key, .ca = true});
	world->platform = (struct dps_platform){
		.clock = {world, monotonic_ms, wall, set_clock},
		.random = test_random,
		.storage = world->store.port,
	};
	world->channel = (struct dps_channel){
		.ctx = world,
		.open = channel_open,
		.establish = channel_establish,
		.next_address = channel_next_address,
		.connected = channel_connected,
		.close = channel_close,
		.wait_on = channel_wait_on,
		.stats = channel_stats,
		.detail = channel_detail,
	};
	world->keys = (struct dps_keys){
		.ctx = world,
		.open = keys_open,
		.generate = keys_generate,
		.public_key = keys_public_key,
		.sign = keys_sign,
		.erase = keys_erase,
	};
	world->certificates = (struct dps_certificates){world, chain_of};
	world->service = (struct dps_service){
		.name = "test",
		.steps = steps,
		.step_count = sizeof(steps) / sizeof(steps[0]),
		.transport = &transport,
		.self = world,
		.lead_request = true,
		.error_closes = true,
	};
	dps_client_config_default(&world->config);
	world->config.platform = &world->platform;
	world->config.channel = &world->channel;
	world->config.keys = &world->keys;
	world->config.certificates = &world->certificates;
	world->config.service = &world->service;
	world->config.trust.anchors = (struct dps_span){anchor, sizeof(anchor)};
	world->config.handlers = (struct dps_handlers){on_owner, on_cloud, on_credentials, on_acls, on_resources};
	world->config.on_event = on_event;
	world->config.user = world;
}

void test_world_free(struct test_world *world)
{
	test_store_free(&world->store);
	test_key_free(&world->device_key);
	test_key_free(&world->other_key);
	test_key_free(&world->ca_key);
}

void test_world_boot(struct test_world *world)
{
	world->open = false;
	assert_int_equal(dps_client_init(&world->client, &world->config), DPS_OK);
}

void test_world_start(struct test_world *world, unsigned flags)
{
	test_world_boot(world);
	assert_int_equal(dps_client_add_endpoint(&world->client, "coaps+tcp://dps.example:5684"), DPS_OK);
	assert_int_equal(dps_client_start(&world->client, flags), DPS_OK);
}

void test_world_start_at(struct test_world *world, unsigned endpoints, unsigned flags)
{
	test_world_boot(world);
	for (unsigned i = 0; i < endpoints; i++) {
		char uri[] = "coaps+tcp://a.example:1";

		uri[12] = (char)('a' + i);
		uri[22] = (char)('1' + i);
		assert_int_equal(dps_client_add_endpoint(&world->client, uri), DPS_OK);
	}
	assert_int_equal(dps_client_start(&world->client, flags), DPS_OK);
}

void test_world_run(struct test_world *world, uint64_t ms)
{
	const uint64_t end = world->now + ms;

	for (unsigned round = 0; round < 20000; round++) {
		uint32_t within = dps_client_process(&world->client);
		enum dps_state state = dps_client_state(&world->client);

		if (state == DPS_STATE_IDLE || world->now >= end)
			return;
		if (state == DPS_STATE_PROVISIONED && ms < DAY_S * UINT64_C(1000))
			return;
		world->now = end - world->now > within ? world->now + within : end;
	}
	fail_msg("the client does not come to rest");
}

void test_world_play(struct test_world *world, unsigned flags, uint64_t ms)
{
	test_world_start(world, flags);
	test_world_run(world, ms);
}

void test_world_script(struct test_world *world, struct world_script script)
{
	assert_true(world->script_count < WORLD_SCRIPT_MAX);
	world->script[world->script_count++] = script;
}

unsigned test_world_count(const struct test_world *world, enum dps_step_id step)
{
	unsigned count = 0;

	for (size_t i = 0; i < world->sent_count; i++)
		count += world->sent[i].handle == (unsigned)step;
	return count;
}

const struct world_event *test_world_event(const struct test_world *world, enum dps_event_type type)
{
	for (size_t i = world->event_count; i-- > 0;)
		if (world->events[i].type == type)
			return &world->events[i];
	return NULL;
}

const struct world_event *test_world_last(const struct test_world *world)
{
	assert_true(world->event_count > 0);
	return &world->events[world->event_count - 1];
}

void test_world_assert_provisioned(const struct test_world *world)
{
	assert_int_equal(test_world_last(world)->type, DPS_EVENT_PROVISIONED);
}

unsigned test_world_event_count(const struct test_world *world, enum dps_event_type type)
{
	unsigned count = 0;

	for (size_t i = 0; i < world->event_count; i++)
		count += world->events[i].type == type;
	return count;
}

void test_world_clear(struct test_world *world)
{
	world->sent_count = 0;
	world->event_count = 0;
	world->script_count = 0;
	world->connections = 0;
	memset(world->told, 0, sizeof(world->told));
}
