/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commit: one write of the manifest puts all staged answers in force. Everything behind it (handlers, clean-up, what is remembered of the endpoint and
 * the time) may fail or be cut off without harm and is made up for at the next start.
 */
#include <string.h>

#include "client/internal.h"
#include "codec/text.h"

/* An owner's blob: a header, a length, an id, and room to grow. */
#define OWNER_SIZE 64

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
	dps_result result = client->endpoints_changed ? dps_client_write_endpoints(client) : DPS_OK;
	dps_result written = dps_client_raise_floor(client);

	return result == DPS_OK ? written : result;
}

void dps_client_after_commit(struct dps_client *client)
{
	dps_result result = dps_client_remember(client);

	if (result == DPS_OK)
		result = dps_store_migrate(&client->store);
	if (result == DPS_OK)
		result = dps_store_collect(&client->store);
	if (result == DPS_OK)
		result = dps_client_settle_key(client);
	if (result != DPS_OK)
		dps_client_warn(client, DPS_STEP_COMMIT, result, DPS_CLIENT_TEXT("housekeeping of the stored state failed"));
	dps_client_tell_handlers(client);
}

dps_result dps_client_owner_changes(struct dps_client *client, bool *changes)
{
	const uint32_t bit = DPS_RECORD_BIT(DPS_RECORD_OWNER);
	struct dps_owner next;
	uint8_t buf[OWNER_SIZE]; /* the body area may be the transport's */
	dps_result result;

	*changes = false;
	if ((client->store.staged & bit) == 0 || (client->store.committed | client->store.damaged) == 0)
		return DPS_OK; /* none comes, or nothing was there before */
	result = dps_store_read(&client->store, DPS_RECORD_OWNER, DPS_STORE_STAGED, buf, sizeof(buf), &next);
	*changes = result == DPS_OK && !dps_uuid_equal(&client->owner, &next.id);
	return result;
}

/* What the device keeps for its former owner goes in the same write that puts the new one in force. */
static dps_result drop_local(struct dps_client *client)
{
	const struct dps_local none = {.anchor_count = 0};

	if ((client->store.committed & DPS_RECORD_BIT(DPS_RECORD_LOCAL)) == 0)
		return DPS_OK;
	return dps_store_stage(&client->store, DPS_RECORD_LOCAL, &none);
}

/* The commit itself. */
static dps_result put_in_force(struct dps_client *client, struct dps_event *event)
{
	struct dps_owner owner;
	uint8_t buf[OWNER_SIZE];
	dps_result result = dps_client_owner_changes(client, &event->owner_changed);

	if (event->owner_changed)
		result = drop_local(client);
	event->records = client->store.staged;
	if (result == DPS_OK)
		result = dps_store_commit(&client->store, client->store.staged);
	if (result != DPS_OK)
		return result;
	if ((event->records & DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)) != 0)
		memcpy(client->committed_slot, client->key_slot, sizeof(client->committed_slot));
	if ((event->records & DPS_RECORD_BIT(DPS_RECORD_OWNER)) != 0 &&
	    dps_store_read(&client->store, DPS_RECORD_OWNER, DPS_STORE_COMMITTED, buf, sizeof(buf), &owner) == DPS_OK)
		client->owner = owner.id;
	/* It has provisioned where it was sent: all steps, or all that it lacked. */
	if (client->pending && client->run_pending && (client->flags & (DPS_START_RENEW | DPS_START_HUB)) == 0) {
		client->endpoints_changed = true;
		client->pending = false;
	}
	return DPS_OK;
}

void dps_client_advance_committing(struct dps_client *client)
{
	struct dps_event event = {.type = DPS_EVENT_COMMITTED};
	uint32_t delay;
	dps_result result;

	if (client->commit_failures > 0 && dps_client_now(client) < client->wake)
		return;
	result = put_in_force(client, &event);
	if (result != DPS_OK) {
		dps_class klass = dps_result_class(result);

		dps_client_record(client, DPS_STEP_COMMIT, result, 0, NULL, 0);
		if (!dps_client_retries(client, klass)) {
			dps_client_fail(client, false);
			return;
		}
		delay = dps_client_schedule(client, DPS_STEP_COMMIT, result, ++client->commit_failures);
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
