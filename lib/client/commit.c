/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commit: one write of the manifest puts all staged answers in force. Everything behind it (handlers, clean-up, what is remembered of the endpoint and
 * the time) may fail or be cut off without harm and is made up for at the next start.
 */
#include "client/internal.h"
#include "client/policy.h"
#include "codec/text.h"

/* The stored time is a floor, not a clock: it is written again only when it has moved this far. */
#define TIME_FLOOR_STEP_MS (INT64_C(24) * 3600 * 1000)

/* How often a waiting device looks whether its identity is due: the platform's clock may be set meanwhile. */
#define RENEWAL_LOOK_MS (INT64_C(3600) * 1000)

/* Never sooner after another: a CA that hands out identities of no life must not be asked without end. */
#define RENEWAL_MIN_S 5u

static dps_result read_committed(struct dps_client *client, enum dps_record record, void *view)
{
	return dps_store_read(&client->store, record, DPS_STORE_COMMITTED, client->body, sizeof(client->body), view);
}

/* A record without a handler needs none, but it must be readable all the same. */
static enum dps_handled tell(struct dps_client *client, enum dps_record record, dps_result *result)
{
	const struct dps_handlers *handlers = &client->config.handlers;
	void *user = client->config.user;
	union {
		struct dps_owner owner;
		struct dps_cloud cloud;
		struct dps_credentials credentials;
		struct dps_acl acls;
		struct dps_resources resources;
		struct dps_local local;
	} view;

	*result = read_committed(client, record, &view);
	if (*result != DPS_OK)
		return DPS_HANDLED;
	switch (record) {
	case DPS_RECORD_OWNER:
		return handlers->owner != NULL ? handlers->owner(user, &view.owner) : DPS_HANDLED;
	case DPS_RECORD_CLOUD:
		return handlers->cloud != NULL ? handlers->cloud(user, &view.cloud) : DPS_HANDLED;
	case DPS_RECORD_CREDENTIALS:
		return handlers->credentials != NULL ? handlers->credentials(user, &view.credentials) : DPS_HANDLED;
	case DPS_RECORD_ACLS:
		return handlers->acls != NULL ? handlers->acls(user, &view.acls) : DPS_HANDLED;
	case DPS_RECORD_RESOURCES:
		return handlers->resources != NULL ? handlers->resources(user, &view.resources) : DPS_HANDLED;
	case DPS_RECORD_LOCAL: /* the application gave it */
	case DPS_RECORD_COUNT:
	default:
		return DPS_HANDLED;
	}
}

void dps_client_tell_handlers(struct dps_client *client)
{
	uint32_t unconfirmed = dps_store_unconfirmed(&client->store);
	uint32_t confirmed = 0;
	dps_result result;

	for (unsigned record = 0; record < DPS_RECORD_COUNT; record++) {
		enum dps_handled handled;

		if ((unconfirmed & DPS_RECORD_BIT(record)) == 0)
			continue;
		client->in_callback = true;
		handled = tell(client, (enum dps_record)record, &result);
		client->in_callback = false;
		if (result != DPS_OK)
			dps_client_warn(client, DPS_STEP_COMMIT, result, DPS_CLIENT_TEXT("a committed record cannot be read"));
		else if (handled == DPS_LATER)
			dps_client_warn(client, DPS_STEP_OF_RECORD(record), DPS_AGAIN, DPS_CLIENT_TEXT("the application postponed a record"));
		else
			confirmed |= DPS_RECORD_BIT(record);
	}
	dps_wipe(client->body, sizeof(client->body));
	if (confirmed == 0)
		return;
	result = dps_store_confirm(&client->store, confirmed);
	if (result != DPS_OK)
		dps_client_warn(client, DPS_STEP_COMMIT, result, DPS_CLIENT_TEXT("what the application confirmed could not be noted"));
}

uint32_t dps_client_records_untold(const struct dps_client *client)
{
	const struct dps_handlers *handlers = &client->config.handlers;

	return DPS_RECORD_BIT(DPS_RECORD_LOCAL) | (handlers->owner == NULL ? DPS_RECORD_BIT(DPS_RECORD_OWNER) : 0) |
	       (handlers->cloud == NULL ? DPS_RECORD_BIT(DPS_RECORD_CLOUD) : 0) |
	       (handlers->credentials == NULL ? DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS) : 0) |
	       (handlers->acls == NULL ? DPS_RECORD_BIT(DPS_RECORD_ACLS) : 0) |
	       (handlers->resources == NULL ? DPS_RECORD_BIT(DPS_RECORD_RESOURCES) : 0);
}

dps_result dps_client_remember(struct dps_client *client)
{
	struct dps_stored_endpoints stored = {.count = client->endpoint_count};
	int64_t unix_ms = 0;
	dps_result result = DPS_OK;

	if (client->endpoints_changed) {
		for (size_t i = 0; i < client->endpoint_count; i++) {
			const char *uri = client->endpoints[i].uri;
			size_t len = 0;

			while (uri[len] != '\0')
				len++;
			stored.list[i] =
				(struct dps_stored_endpoint){.uri = {(const uint8_t *)uri, len}, .no_resources = client->endpoints[i].no_resources};
		}
		result = dps_store_write_endpoints(&client->store, &stored);
		client->endpoints_changed = result != DPS_OK;
	}
	if (dps_client_wall_ms(client, &unix_ms) && unix_ms >= client->time_floor_ms + TIME_FLOOR_STEP_MS) {
		dps_result written = dps_store_write_time(&client->store, unix_ms);

		if (written == DPS_OK)
			client->time_floor_ms = unix_ms;
		else
			result = written;
	}
	return result;
}

void dps_client_after_commit(struct dps_client *client)
{
	dps_result result = dps_client_remember(client);

	if (result == DPS_OK)
		result = dps_store_migrate(&client->store);
	if (result == DPS_OK)
		result = dps_store_collect(&client->store);
	if (result != DPS_OK)
		dps_client_warn(client, DPS_STEP_COMMIT, result, DPS_CLIENT_TEXT("housekeeping of the stored state failed"));
	dps_client_tell_handlers(client);
}

void dps_client_advance_committing(struct dps_client *client)
{
	struct dps_event event = {.type = DPS_EVENT_COMMITTED};
	uint32_t delay;
	dps_result result;

	if (client->commit_failures > 0 && dps_client_now(client) < client->wake)
		return;
	result = dps_store_commit(&client->store, client->store.staged);
	if (result != DPS_OK) {
		dps_class klass = dps_result_class(result);

		dps_client_record(client, DPS_STEP_COMMIT, result, 0, NULL, 0);
		if (!dps_client_retries(client, klass)) {
			dps_client_fail(client, false);
			return;
		}
		client->commit_failures++;
		delay = dps_policy_delay(&client->config, klass, client->commit_failures, dps_client_random(client));
		client->wake = dps_client_now(client) + delay;
		dps_client_close(client);
		dps_client_emit_retry(client, delay);
		return;
	}
	client->report.step_ms[DPS_STEP_COMMIT] = dps_client_since_connect(client);
	dps_client_close(client);
	dps_client_emit(client, &event);
	dps_client_after_commit(client);
	dps_client_succeed(client, true);
}

/* Without a clock the last known time plus the time since start is all there is; it errs towards renewing late, never towards dropping. */
static int64_t best_wall_ms(const struct dps_client *client)
{
	int64_t now_ms = 0;

	if (dps_client_wall_ms(client, &now_ms))
		return now_ms;
	return client->time_floor_ms + (int64_t)(dps_client_now(client) - client->started);
}

void dps_client_watch_renewal(struct dps_client *client)
{
	struct dps_credentials credentials;
	int64_t now_ms = best_wall_ms(client);
	dps_result result = read_committed(client, DPS_RECORD_CREDENTIALS, &credentials);

	dps_wipe(client->body, sizeof(client->body));
	client->renew_at_ms = now_ms + RENEWAL_LOOK_MS; /* one that cannot be read is renewed soon, not forgotten */
	if (result == DPS_OK) {
		uint32_t wait_s = dps_policy_renewal_s(now_ms / 1000, credentials.not_after, dps_client_random(client));

		client->renew_at_ms = now_ms + (int64_t)(wait_s > RENEWAL_MIN_S ? wait_s : RENEWAL_MIN_S) * 1000;
	}
	(void)dps_client_renewal_due(client);
}

bool dps_client_renewal_due(struct dps_client *client)
{
	int64_t left_ms = client->renew_at_ms - best_wall_ms(client);

	if (left_ms <= 0)
		return true;
	client->wake = dps_client_now(client) + (uint64_t)(left_ms < RENEWAL_LOOK_MS ? left_ms : RENEWAL_LOOK_MS);
	return false;
}

dps_result dps_client_read_owner(struct dps_client *client, uint8_t *buf, size_t size, struct dps_owner *out)
{
	return dps_store_read(&client->store, DPS_RECORD_OWNER, DPS_STORE_COMMITTED, buf, size, out);
}

dps_result dps_client_read_cloud(struct dps_client *client, uint8_t *buf, size_t size, struct dps_cloud *out)
{
	return dps_store_read(&client->store, DPS_RECORD_CLOUD, DPS_STORE_COMMITTED, buf, size, out);
}

dps_result dps_client_read_credentials(struct dps_client *client, uint8_t *buf, size_t size, struct dps_credentials *out)
{
	return dps_store_read(&client->store, DPS_RECORD_CREDENTIALS, DPS_STORE_COMMITTED, buf, size, out);
}

dps_result dps_client_read_acls(struct dps_client *client, uint8_t *buf, size_t size, struct dps_acl *out)
{
	return dps_store_read(&client->store, DPS_RECORD_ACLS, DPS_STORE_COMMITTED, buf, size, out);
}

dps_result dps_client_read_resources(struct dps_client *client, uint8_t *buf, size_t size, struct dps_resources *out)
{
	return dps_store_read(&client->store, DPS_RECORD_RESOURCES, DPS_STORE_COMMITTED, buf, size, out);
}
