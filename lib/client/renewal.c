/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity's renewal: when it is due, and with which key. The identity in force is used until another one is committed; it is never dropped for being near
 * its end or past it, and a renewal is tried until it works.
 */
#include <string.h>

#include "client/internal.h"
#include "client/policy.h"
#include "codec/text.h"

/* How often a waiting device looks whether its identity is due: the platform's clock may be set meanwhile. */
#define LOOK_MS (INT64_C(3600) * 1000)

/* Never sooner after another: a CA that hands out identities of no life must not be asked without end. */
#define MIN_MS 5000

/* The two slots of operational keys. Only one is used, unless keys are rotated: then both exist until the commit. */
static const char *const slots[] = {"identity-0", "identity-1"};

_Static_assert(sizeof("identity-0") <= DPS_CONFIG_SLOT_LENGTH + 1, "the slot name fits");

const char *dps_client_slot(size_t index)
{
	return index < sizeof(slots) / sizeof(slots[0]) ? slots[index] : NULL;
}

const char *dps_client_other_slot(const char *slot)
{
	return slots[strcmp(slot, slots[0]) == 0];
}

void dps_client_watch_renewal(struct dps_client *client)
{
	struct dps_credentials credentials;
	int64_t now_ms = dps_client_best_wall_ms(client);
	dps_result result =
		dps_store_read(&client->store, DPS_RECORD_CREDENTIALS, DPS_STORE_COMMITTED, client->body, sizeof(client->body), &credentials);

	dps_wipe(client->body, sizeof(client->body));
	client->renew_at_ms = now_ms + LOOK_MS; /* one that cannot be read is renewed soon, not forgotten */
	client->not_after_ms = INT64_MAX;
	if (result == DPS_OK) {
		/* What an older version stored does not say when it was accepted: it was not before its own beginning. */
		int64_t accepted = credentials.accepted != 0 ? credentials.accepted : credentials.not_before;

		client->renew_at_ms = dps_policy_renew_at_ms(&client->config, accepted, credentials.not_after, dps_client_random(client));
		if (credentials.not_after < INT64_MAX / 1000)
			client->not_after_ms = credentials.not_after * 1000;
	}
	if (client->renew_at_ms < now_ms + MIN_MS)
		client->renew_at_ms = now_ms + MIN_MS;
	(void)dps_client_renewal_due(client);
}

bool dps_client_renewal_due(struct dps_client *client)
{
	int64_t left_ms = client->renew_at_ms - dps_client_best_wall_ms(client);

	if (left_ms <= 0)
		return true;
	client->wake = dps_client_now(client) + (uint64_t)(left_ms < LOOK_MS ? left_ms : LOOK_MS);
	return false;
}

bool dps_client_has_expired(const struct dps_client *client)
{
	int64_t now_ms = 0;

	return dps_client_wall_ms(client, &now_ms) && now_ms >= client->not_after_ms;
}

bool dps_client_staged_has_expired(struct dps_client *client)
{
	struct dps_credentials credentials;
	int64_t now_ms = 0;
	bool expired = false;

	if ((client->store.staged & DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)) == 0 || !dps_client_wall_ms(client, &now_ms))
		return false;
	if (dps_store_read(&client->store, DPS_RECORD_CREDENTIALS, DPS_STORE_STAGED, client->body, sizeof(client->body), &credentials) ==
	    DPS_OK)
		expired = credentials.not_after <= now_ms / 1000;
	dps_wipe(client->body, sizeof(client->body));
	return expired;
}

void dps_client_tell_expiry(struct dps_client *client)
{
	if (client->expiry_told || !dps_client_has_expired(client))
		return;
	client->expiry_told = true;
	dps_client_warn(client, DPS_STEP_CREDENTIALS, DPS_E_IDENTITY_EXPIRED,
	                DPS_CLIENT_TEXT("the identity in force has expired; its renewal goes on"));
}

/*
 * A renewed identity must be of the hub that the device is at: where there are several, the service would give one of its first hub. A run that asks for the cloud
 * configuration too leaves the choice to the service, unless the application has made it.
 */
void dps_client_choose_gateway(struct dps_client *client)
{
	struct dps_cloud cloud;
	struct dps_gateway in_use = {.uri = {NULL, 0}};

	client->asked = client->gateway;
	if ((client->flags & DPS_START_RENEW) == 0)
		return; /* what was selected for a run that came to nothing is not where the device is */
	if (dps_store_read(&client->store, DPS_RECORD_CLOUD, DPS_STORE_COMMITTED, client->body, sizeof(client->body), &cloud) == DPS_OK) {
		in_use = (struct dps_gateway){cloud.hub_id, cloud.gateway};
		if (cloud.selected > 0 && cloud.selected <= cloud.gateway_count)
			in_use.uri = cloud.gateways[cloud.selected - 1].uri;
		if (cloud.selected > 0 && cloud.selected <= cloud.gateway_count && !dps_uuid_is_nil(&cloud.gateways[cloud.selected - 1].id))
			in_use.id = cloud.gateways[cloud.selected - 1].id;
	}
	if (!dps_uuid_is_nil(&in_use.id) && in_use.uri.len > 0 && in_use.uri.len <= sizeof(client->asked_uri)) {
		memcpy(client->asked_uri, in_use.uri.data, in_use.uri.len);
		client->asked = (struct dps_gateway){in_use.id, {(const uint8_t *)client->asked_uri, in_use.uri.len}};
	}
	dps_wipe(client->body, sizeof(client->body)); /* a token lay in it */
}

void dps_client_choose_key(struct dps_client *client)
{
	const bool rotate = client->config.rotate_key && (client->flags & DPS_START_RENEW) != 0;
	const char *slot = client->committed_slot;

	if (slot[0] == '\0')
		return; /* the first identity: whatever slot the device has begun with */
	if (rotate != client->key_refused)
		slot = dps_client_other_slot(slot);
	if (strcmp(client->key_slot, slot) == 0)
		return;
	memcpy(client->key_slot, slot, strlen(slot) + 1);
	client->key_ready = false;
}

/*
 * The CA refuses a key that it does not know while the certificate of another one is valid. Most often it knows the present key; after a power cut between its
 * signature and our commit it may know the new one only, whatever this run is for. So neither is given up: they take turns. A new key is made for a rotation
 * only.
 */
bool dps_client_keep_key(struct dps_client *client, enum dps_step_id id, dps_result cause)
{
	const struct dps_keys *keys = client->config.keys;
	const char *other;

	if (id != DPS_STEP_CREDENTIALS || cause != DPS_E_SERVICE_REFUSED || client->committed_slot[0] == '\0')
		return false;
	other = dps_client_other_slot(client->key_slot);
	if (strcmp(other, client->committed_slot) != 0 && keys->open(keys->ctx, other) != DPS_OK &&
	    !(client->config.rotate_key && (client->flags & DPS_START_RENEW) != 0))
		return false;
	client->key_refused = !client->key_refused;
	dps_client_choose_key(client);
	if (!client->key_refused)
		return false; /* both were refused: there is a wait before the next round */
	dps_client_warn(client, id, cause, DPS_CLIENT_TEXT("the service refuses this key; the device's other one is tried"));
	return true;
}

/*
 * Which key is in use is told by the committed credentials. The device's own record of it follows after the former key is erased: as long as the two differ,
 * that is still to be done.
 */
dps_result dps_client_settle_key(struct dps_client *client)
{
	const struct dps_keys *keys = client->config.keys;
	struct dps_store_device device;
	dps_result result = dps_store_read_device(&client->store, &device);
	const bool same_key = result == DPS_OK && strcmp(device.key_slot, client->committed_slot) == 0;

	if (client->committed_slot[0] == '\0' || (same_key && dps_uuid_equal(&device.id, &client->device_id)))
		return DPS_OK;
	if (result == DPS_OK && !same_key)
		result = keys->erase(keys->ctx, dps_client_other_slot(client->committed_slot));
	else if (result == DPS_E_NOT_FOUND || result == DPS_E_STORAGE_CORRUPT)
		result = DPS_OK; /* a lost record, no change of keys */
	if (result != DPS_OK)
		return result;
	device.id = client->device_id;
	memcpy(device.key_slot, client->committed_slot, sizeof(device.key_slot));
	return dps_store_write_device(&client->store, &device);
}
