/* SPDX-License-Identifier: Apache-2.0 */
/* Before anything is sent: what is stored, who the device is, which key it has, and what this run is for. */
#include <string.h>

#include "client/internal.h"
#include "codec/cbor.h"
#include "codec/text.h"
#include "pki/pki.h"

static bool is_failure_of_content(dps_result result)
{
	return result == DPS_E_NOT_FOUND || result == DPS_E_STORAGE_CORRUPT;
}

dps_result dps_client_erase(struct dps_client *client)
{
	const struct dps_keys *keys = client->config.keys;
	dps_result result = DPS_OK;

	for (size_t i = 0; keys != NULL && result == DPS_OK && dps_client_slot(i) != NULL; i++)
		result = keys->erase(keys->ctx, dps_client_slot(i));
	return result == DPS_OK ? dps_store_erase_all(&client->store) : result;
}

dps_result dps_client_end_reset(struct dps_client *client)
{
	return client->store.reset_begun ? dps_client_erase(client) : DPS_OK;
}

/*
 * Whether a certificate's key is still there: without it a certificate is of no use. A key port that fails (a TPM that is not there yet) says nothing about
 * the credentials: then the run fails, and they are left alone. A tool that has no keys takes it for granted.
 */
static dps_result check_key(struct dps_client *client, const struct dps_credentials *credentials, bool *there)
{
	const struct dps_keys *keys = client->config.keys;
	const char *slot = NULL;
	dps_result result;

	*there = false;
	for (size_t i = 0; slot == NULL && dps_client_slot(i) != NULL; i++)
		if (dps_span_is(credentials->key_slot, dps_client_slot(i)))
			slot = dps_client_slot(i);
	if (slot == NULL)
		return DPS_OK;
	result = keys != NULL ? keys->open(keys->ctx, slot) : DPS_OK;
	if (result == DPS_OK && keys != NULL)
		result = dps_pki_check_key(keys, slot, credentials->chain);
	*there = result == DPS_OK;
	return dps_result_class(result) == DPS_CLASS_CONFIG ? DPS_OK : result; /* no key, no usable key, another key */
}

static void copy_slot(char slot[DPS_CONFIG_SLOT_LENGTH + 1], struct dps_span text)
{
	memcpy(slot, text.data, text.len); /* the store has judged the length */
	slot[text.len] = '\0';
}

/* The device's own record; without one, neither id nor slot. */
static dps_result load_device(struct dps_client *client)
{
	struct dps_store_device device = {.id = {{0}}};
	dps_result result = dps_store_read_device(&client->store, &device);

	if (result != DPS_OK && !is_failure_of_content(result))
		return result;
	client->device_id = device.id;
	memcpy(client->key_slot, device.key_slot, sizeof(client->key_slot));
	return DPS_OK;
}

/*
 * The credentials in force, if their key is there: they say who the device is and which key it has, whatever its own record says, which may be lost or another
 * device's. Without their key they are no more than a hint at the id.
 */
static dps_result load_credentials(struct dps_client *client)
{
	const uint32_t bit = DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS);
	struct dps_credentials credentials;
	bool there = false;
	dps_result result;

	client->committed_slot[0] = '\0';
	if ((client->store.committed & bit) == 0)
		return DPS_OK;
	result = dps_store_read(&client->store, DPS_RECORD_CREDENTIALS, DPS_STORE_COMMITTED, client->body, sizeof(client->body), &credentials);
	if (result == DPS_OK)
		result = check_key(client, &credentials, &there);
	else if (is_failure_of_content(result))
		result = DPS_OK;
	else
		return result;
	if (result != DPS_OK)
		return result;
	if (there) {
		client->device_id = credentials.device_id;
		copy_slot(client->key_slot, credentials.key_slot);
		copy_slot(client->committed_slot, credentials.key_slot);
		return DPS_OK;
	}
	if (dps_uuid_is_nil(&client->device_id) && (client->store.committed & bit) != 0)
		client->device_id = credentials.device_id;
	dps_client_warn(client, DPS_STEP_CONFIG, DPS_E_KEY, DPS_CLIENT_TEXT("the committed identity cannot be used; it will be fetched again"));
	client->store.committed &= ~bit;
	return DPS_OK;
}

/* A configured device id must be the committed one; before the first commit it may replace another. */
static dps_result settle_device_id(struct dps_client *client, bool committed)
{
	const struct dps_uuid *wanted = &client->config.device_id;

	if (dps_uuid_is_nil(wanted) || dps_uuid_equal(wanted, &client->device_id))
		return DPS_OK;
	if (committed)
		return DPS_E_DEVICE_ID;
	client->device_id = *wanted;
	client->key_ready = false;
	return DPS_OK;
}

bool dps_client_is_provisioned(const struct dps_client *client)
{
	return (client->store.committed & DPS_RECORDS_REQUIRED) == DPS_RECORDS_REQUIRED;
}

/*
 * Whose the device is. Where the owner's record is lost, the anchors say whom they speak for, which is the owner (OCF: subjectuuid); a device whose owner cannot be
 * told at all takes any for a new one.
 */
static dps_result load_owner(struct dps_client *client)
{
	struct dps_owner owner;
	struct dps_credentials credentials;
	dps_result result = dps_store_read(&client->store, DPS_RECORD_OWNER, DPS_STORE_COMMITTED, client->body, sizeof(client->body), &owner);

	memset(&client->owner, 0, sizeof(client->owner));
	if (result == DPS_OK)
		client->owner = owner.id;
	if (!is_failure_of_content(result))
		return result;
	result = dps_store_read(&client->store, DPS_RECORD_CREDENTIALS, DPS_STORE_COMMITTED, client->body, sizeof(client->body), &credentials);
	if (result == DPS_OK && credentials.anchor_count > 0)
		client->owner = credentials.anchors[0].subject;
	return is_failure_of_content(result) ? DPS_OK : result;
}

/* Floor of the clock: none is no failure. What has passed since it was read the first time is not forgotten when it is read again. */
static dps_result load_time(struct dps_client *client)
{
	int64_t stored_ms = 0;
	dps_result result = dps_store_read_time(&client->store, &stored_ms);

	if (result == DPS_OK && stored_ms > client->time_floor_ms) {
		client->time_floor_ms = stored_ms;
		client->floor_stamp = dps_client_now(client);
	}
	return is_failure_of_content(result) ? DPS_OK : result;
}

/* Staged credentials are of use if they are of this device, its key is there, and they have not ended. */
static dps_result check_staged(struct dps_client *client, bool *of_use)
{
	struct dps_credentials credentials;
	dps_result result =
		dps_store_read(&client->store, DPS_RECORD_CREDENTIALS, DPS_STORE_STAGED, client->body, sizeof(client->body), &credentials);

	*of_use = false;
	if (is_failure_of_content(result))
		return DPS_OK;
	if (result != DPS_OK)
		return result;
	if (!dps_uuid_equal(&credentials.device_id, &client->device_id) || !dps_span_is(credentials.key_slot, client->key_slot) ||
	    credentials.not_after <= dps_client_wall_s(client))
		return DPS_OK;
	return check_key(client, &credentials, of_use);
}

/*
 * A forced run or a renewal is not remembered over a valid state; without one, what was staged is used, unless all is asked anew, or it was given by a service
 * that this device is not told of any more, or for another device id.
 */
static dps_result discard_useless(struct dps_client *client, bool of_others)
{
	const uint32_t bit = DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS);
	bool of_use;
	dps_result result;

	if (of_others || dps_client_is_provisioned(client) || (client->flags & DPS_START_FORCE) != 0)
		return dps_store_discard(&client->store, DPS_RECORD_ALL);
	if ((client->store.staged & bit) == 0)
		return DPS_OK;
	result = check_staged(client, &of_use);
	return result == DPS_OK && !of_use ? dps_store_discard(&client->store, bit) : result;
}

static dps_result load(struct dps_client *client, bool tidy)
{
	struct dps_uuid before;
	bool known = true;
	bool of_others;
	bool committed;
	dps_result result = dps_store_open(&client->store, &client->config.platform->storage, client->body, sizeof(client->body));

	if (result == DPS_OK && tidy)
		result = dps_client_end_reset(client);
	if (result != DPS_OK)
		return result;
	if (client->store.damaged != 0 || client->store.manifest_damaged)
		dps_client_warn(client, DPS_STEP_CONFIG, DPS_E_STORAGE_CORRUPT, DPS_CLIENT_TEXT("a stored record is damaged"));
	client->store.silent = dps_client_records_untold(client);
	client->key_ready = false;
	committed = (client->store.committed & DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)) != 0;
	result = load_device(client);
	if (result == DPS_OK)
		result = load_owner(client);
	if (result == DPS_OK)
		result = load_credentials(client);
	before = client->device_id;
	if (result == DPS_OK)
		result = settle_device_id(client, committed);
	if (result == DPS_OK)
		result = dps_client_load_endpoints(client, &known);
	if (result == DPS_OK)
		result = load_time(client);
	if (result != DPS_OK || !tidy)
		return result;
	/* Answers to another device id (a token above all), or to one that is lost, are of no use. */
	of_others = !known || dps_uuid_is_nil(&before) || !dps_uuid_equal(&before, &client->device_id);
	return discard_useless(client, of_others);
}

dps_result dps_client_read_state(struct dps_client *client, bool tidy)
{
	dps_result result = load(client, tidy);

	dps_wipe(client->body, sizeof(client->body)); /* it may have held a pre-shared key or a token */
	return result;
}

void dps_client_plan(struct dps_client *client)
{
	const struct dps_service *service = client->config.service;
	const bool force = (client->flags & DPS_START_FORCE) != 0;
	const bool renew = (client->flags & DPS_START_RENEW) != 0;
	const uint32_t of_hub = DPS_STEP_BIT(DPS_STEP_CLOUD) | DPS_STEP_BIT(DPS_STEP_CREDENTIALS) | DPS_STEP_BIT(DPS_STEP_ACLS);
	const bool hub = (client->flags & DPS_START_HUB) != 0;
	uint32_t have = DPS_STEPS_OF_RECORDS(client->store.committed | client->store.staged);
	int64_t unix_ms;

	client->wanted = 0;
	client->done = 0;
	for (size_t i = 0; i < service->step_count; i++) {
		const struct dps_step *step = service->steps[i];
		uint32_t bit = DPS_STEP_BIT(step->id);

		if ((step->flags & DPS_STEP_IS_TIME) != 0)
			continue;
		if (renew && step->id != DPS_STEP_CREDENTIALS)
			continue;
		if (hub && !force && (of_hub & bit) == 0)
			continue;
		if (!force && !renew && !hub && (have & bit) != 0)
			continue;
		client->wanted |= bit;
	}
	if (client->wanted != 0 && dps_client_can_ask_time(client) && !dps_client_wall_ms(client, &unix_ms))
		client->wanted |= DPS_STEP_BIT(DPS_STEP_TIME);
}

bool dps_client_can_ask_time(const struct dps_client *client)
{
	const struct dps_service *service = client->config.service;

	return service->step_count > 0 && (service->steps[0]->flags & DPS_STEP_IS_TIME) != 0;
}

/* Durable before the key is made: an id or a slot that nobody remembers would be lost with the power. A rotation's slot is not noted before its commit. */
static dps_result note_device(struct dps_client *client)
{
	struct dps_store_device device;

	if (client->committed_slot[0] != '\0')
		return DPS_OK;
	if (dps_store_read_device(&client->store, &device) == DPS_OK && dps_uuid_equal(&device.id, &client->device_id) &&
	    strcmp(device.key_slot, client->key_slot) == 0)
		return DPS_OK;
	device.id = client->device_id;
	memcpy(device.key_slot, client->key_slot, sizeof(device.key_slot));
	return dps_store_write_device(&client->store, &device);
}

dps_result dps_client_prepare_identity(struct dps_client *client)
{
	const struct dps_keys *keys = client->config.keys;
	dps_result result;

	if (client->key_ready)
		return DPS_OK;
	if (dps_uuid_is_nil(&client->device_id)) {
		result = dps_pki_new_device_id(&client->config.platform->random, &client->device_id);
		if (result != DPS_OK)
			return result;
	}
	if (client->key_slot[0] == '\0')
		memcpy(client->key_slot, dps_client_slot(0), strlen(dps_client_slot(0)) + 1);
	result = note_device(client);
	if (result != DPS_OK)
		return result;

	/* An existing key is kept: the CA refuses another one for this device id while an older certificate of it is valid. */
	result = keys->open(keys->ctx, client->key_slot);
	if (result == DPS_E_NOT_FOUND || result == DPS_E_KEY_FORMAT)
		result = keys->generate(keys->ctx, client->key_slot, client->config.key_type);
	client->key_ready = result == DPS_OK;
	return result;
}

dps_result dps_client_make_room(struct dps_client *client)
{
	dps_result result;

	if ((client->wanted & ~client->done & DPS_STEP_BIT(DPS_STEP_CREDENTIALS)) == 0)
		return DPS_OK;
	result = dps_store_reserve(&client->store, DPS_RECORD_CREDENTIALS, client->body, sizeof(client->body));
	dps_wipe(client->body, sizeof(client->body));
	return is_failure_of_content(result) ? DPS_OK : result; /* what is in force is lost already */
}
