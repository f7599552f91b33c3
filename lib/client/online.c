/* SPDX-License-Identifier: Apache-2.0 */
/* The client as the source of a hub session, see dps/online.h. Of the session only its public calls are used here. */
#include "dps/online.h"

#include <string.h>

#include "client/internal.h"

#if DPS_CONFIG_HUB

/* What a session works with. */
#define RECORDS_OF_HUB (DPS_RECORD_BIT(DPS_RECORD_CLOUD) | DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS))

static dps_result read_cloud(void *ctx, uint8_t *buf, size_t size, struct dps_cloud *out)
{
	const struct dps_online *online = ctx;

	return dps_client_read_cloud(online->client, buf, size, out);
}

static dps_result read_credentials(void *ctx, uint8_t *buf, size_t size, struct dps_credentials *out)
{
	const struct dps_online *online = ctx;

	return dps_client_read_credentials(online->client, buf, size, out);
}

static dps_result update_cloud(void *ctx, const struct dps_cloud *cloud)
{
	const struct dps_online *online = ctx;

	return dps_client_update_cloud(online->client, cloud);
}

static bool can_update(void *ctx)
{
	const struct dps_online *online = ctx;
	const enum dps_state state = dps_client_state(online->client);

	return state == DPS_STATE_IDLE || state == DPS_STATE_PROVISIONED ||
	       (online->client->store.staged & DPS_RECORD_BIT(DPS_RECORD_CLOUD)) == 0;
}

static int64_t now_s(void *ctx)
{
	const struct dps_online *online = ctx;
	int64_t unix_ms = 0;

	return dps_client_time(online->client, &unix_ms) ? unix_ms / 1000 : 0;
}

static int64_t passed_s(void *ctx)
{
	const struct dps_online *online = ctx;

	return dps_client_passed_ms(online->client) / 1000;
}

static void tell_time(void *ctx, int64_t unix_ms)
{
	const struct dps_online *online = ctx;

	dps_client_hear_time(online->client, unix_ms);
}

/* Another hub: what differs from hub to hub. A device that is not provisioned any more (its key is gone, say) needs all. */
static dps_result begin(struct dps_online *online)
{
	struct dps_client *client = online->client;
	const bool moves = online->what == DPS_HUB_PROVISION_GATEWAY;
	bool provisioned = false;
	dps_result result = dps_client_load(client, &provisioned);

	if (result == DPS_OK)
		result = dps_client_select_gateway(client, moves ? &online->gateway : NULL);
	if (result == DPS_OK)
		result = dps_client_start(client, moves && provisioned ? DPS_START_HUB : DPS_START_FORCE);
	online->moves = moves && result == DPS_OK;
	online->again = !moves && provisioned && result == DPS_OK;
	online->run = client->runs;
	online->wanted = false;
	return result;
}

/* Whether no identity was asked for in the run yet: else what is in force may have been revoked, and the run must come to its end. */
static bool is_untouched(const struct dps_client *client)
{
	return (client->state == DPS_STATE_WAITING || client->state == DPS_STATE_CONNECTING) &&
	       (client->tried & DPS_STEP_BIT(DPS_STEP_CREDENTIALS)) == 0;
}

/* The run that the session asked for is tried without end, and would keep the identity from being renewed: whether there is no more need for it. */
static bool is_needless(const struct dps_online *online)
{
	if (online->moves)
		return online->wanted || dps_hub_is_stable(online->hub);
	return online->again && dps_hub_state(online->hub) == DPS_HUB_ONLINE && is_untouched(online->client);
}

dps_result dps_online_process(struct dps_online *online)
{
	enum dps_state state = dps_client_state(online->client);
	const bool online_now = dps_hub_state(online->hub) == DPS_HUB_ONLINE;

	if (state == DPS_STATE_IDLE || state == DPS_STATE_PROVISIONED || online->client->runs != online->run)
		online->moves = online->again = false; /* it is over, or another's */
	/* what was in force is good enough after all */
	if (online->wanted && online->what == DPS_HUB_PROVISION_AGAIN && online_now)
		online->wanted = false;
	if (is_needless(online)) {
		dps_client_stop(online->client);
		online->moves = online->again = false;
		state = DPS_STATE_IDLE;
		if (!online->wanted) {
			dps_result result = dps_client_select_gateway(online->client, NULL);

			return result == DPS_OK ? dps_client_start(online->client, DPS_START_NORMAL) : result;
		}
	}
	if (!online->wanted || (state != DPS_STATE_IDLE && state != DPS_STATE_PROVISIONED))
		return DPS_OK;
	return begin(online);
}

static dps_result provision(void *ctx, enum dps_hub_provision what, const struct dps_gateway *selected)
{
	struct dps_online *online = ctx;

	if (what == DPS_HUB_PROVISION_GATEWAY) {
		if (selected->uri.len > sizeof(online->uri))
			return DPS_E_URI;
		memcpy(online->uri, selected->uri.data, selected->uri.len);
		online->gateway = (struct dps_gateway){.id = selected->id, .uri = {online->uri, selected->uri.len}};
	}
	online->what = what;
	online->wanted = true;
	return dps_online_process(online);
}

void dps_online_init(struct dps_online *online, struct dps_client *client, struct dps_hub *hub)
{
	memset(online, 0, sizeof(*online));
	online->client = client;
	online->hub = hub;
}

struct dps_hub_source dps_online_source(struct dps_online *online)
{
	return (struct dps_hub_source){
		.ctx = online,
		.read_cloud = read_cloud,
		.read_credentials = read_credentials,
		.update_cloud = update_cloud,
		.provision = provision,
		.now_s = now_s,
		.passed_s = passed_s,
		.tell_time = tell_time,
		.can_update = can_update,
	};
}

void dps_online_event(struct dps_online *online, const struct dps_event *event)
{
	if (event->type != DPS_EVENT_COMMITTED)
		return;
	if ((event->records & RECORDS_OF_HUB) != 0)
		dps_hub_reload(online->hub);
	if ((event->records & DPS_RECORD_BIT(DPS_RECORD_CLOUD)) != 0)
		online->wanted = false; /* it is tried before anything else is asked for */
}

/* NULL: none. */
static const struct dps_acl *take(dps_result result, const struct dps_acl *acl, dps_result *failure)
{
	if (result == DPS_OK)
		return acl;
	if (result != DPS_E_NOT_FOUND && *failure == DPS_OK)
		*failure = result;
	return NULL;
}

dps_result dps_online_set_acl(struct dps_online *online, struct dps_device *device, uint8_t *committed, uint8_t *local, size_t size)
{
	struct dps_acl acl = {.count = 0};
	struct dps_local own = {.anchor_count = 0};
	dps_result failure = DPS_OK;
	const struct dps_acl *first = take(dps_client_read_acls(online->client, committed, size, &acl), &acl, &failure);
	const struct dps_acl *second = take(dps_client_read_local(online->client, local, size, &own), &own.acl, &failure);

	dps_device_set_acl(device, first, second);
	return failure;
}

#endif
