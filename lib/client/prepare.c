/* SPDX-License-Identifier: Apache-2.0 */
/* Before anything is sent: what is stored, who the device is, which key it has, and what this run is for. */
#include <string.h>

#include "client/internal.h"
#include "codec/cbor.h"
#include "codec/text.h"
#include "pki/pki.h"

/* The first operational slot; a rotation would use the other of the pair, so that both keys exist until the commit. */
#define FIRST_SLOT "identity-0"

_Static_assert(sizeof(FIRST_SLOT) <= DPS_CONFIG_SLOT_LENGTH + 1, "the slot name fits");

static bool is_failure_of_content(dps_result result)
{
	return result == DPS_E_NOT_FOUND || result == DPS_E_STORAGE_CORRUPT;
}

dps_result dps_client_erase(struct dps_client *client)
{
	static const char *const slots[] = {"identity-0", "identity-1"};
	const struct dps_keys *keys = client->config.keys;
	dps_result result = DPS_OK;

	for (size_t i = 0; result == DPS_OK && i < sizeof(slots) / sizeof(slots[0]); i++)
		result = keys->erase(keys->ctx, slots[i]);
	return result == DPS_OK ? dps_store_erase_all(&client->store) : result;
}

/* Endpoints given by the application replace the stored list; without any the stored list is used. */
static dps_result load_endpoints(struct dps_client *client)
{
	struct dps_stored_endpoints stored;
	dps_result result = dps_store_read_endpoints(&client->store, client->body, sizeof(client->body), &stored);

	if (is_failure_of_content(result))
		result = DPS_OK;
	if (result != DPS_OK)
		return result;
	if (client->endpoint_count == 0) {
		for (size_t i = 0; i < stored.count; i++) {
			struct dps_client_endpoint *endpoint = &client->endpoints[client->endpoint_count];
			struct dps_uri uri;

			if (dps_uri_parse(stored.list[i].uri, &uri) != DPS_OK)
				continue;
			memcpy(endpoint->uri, stored.list[i].uri.data, stored.list[i].uri.len);
			endpoint->uri[stored.list[i].uri.len] = '\0';
			endpoint->no_resources = stored.list[i].no_resources;
			client->endpoint_count++;
		}
		client->endpoints_changed = client->endpoint_count != stored.count;
		return DPS_OK;
	}
	client->endpoints_changed = stored.count != client->endpoint_count;
	for (size_t i = 0; i < client->endpoint_count; i++) {
		struct dps_client_endpoint *endpoint = &client->endpoints[i];

		if (i >= stored.count || !dps_span_is(stored.list[i].uri, endpoint->uri))
			client->endpoints_changed = true;
		for (size_t k = 0; k < stored.count; k++)
			if (dps_span_is(stored.list[k].uri, endpoint->uri))
				endpoint->no_resources = stored.list[k].no_resources;
	}
	return DPS_OK;
}

static bool copy_slot(char slot[DPS_CONFIG_SLOT_LENGTH + 1], struct dps_span text)
{
	if (text.len > DPS_CONFIG_SLOT_LENGTH)
		return false;
	memcpy(slot, text.data, text.len);
	slot[text.len] = '\0';
	return true;
}

/*
 * Whether credentials are of this device id and of a key that is still there: without its key a certificate is of no use. A key port that fails (a TPM
 * that is not there yet) says nothing about the credentials: then the run fails, and they are left alone.
 */
static dps_result check_credentials(struct dps_client *client, enum dps_store_which which, bool *hold)
{
	const struct dps_keys *keys = client->config.keys;
	struct dps_credentials credentials;
	dps_result result = dps_store_read(&client->store, DPS_RECORD_CREDENTIALS, which, client->body, sizeof(client->body), &credentials);

	*hold = false;
	if (is_failure_of_content(result))
		return DPS_OK;
	if (result != DPS_OK)
		return result;
	if (!dps_uuid_equal(&credentials.device_id, &client->device_id) || !dps_span_is(credentials.key_slot, client->key_slot))
		return DPS_OK;
	if (which == DPS_STORE_STAGED && credentials.not_after <= dps_client_wall_s(client))
		return DPS_OK;
	result = keys->open(keys->ctx, client->key_slot);
	if (result == DPS_OK)
		result = dps_pki_check_key(keys, client->key_slot, credentials.chain);
	*hold = result == DPS_OK;
	return dps_result_class(result) == DPS_CLASS_CONFIG ? DPS_OK : result; /* no key, no usable key, another key */
}

static dps_result load_device(struct dps_client *client)
{
	struct dps_device device = {.id = {{0}}};
	struct dps_credentials credentials;
	dps_result result = dps_store_read_device(&client->store, &device);

	/* A damaged blob is no loss while the credentials, which name the same, are intact. */
	if (is_failure_of_content(result) && (client->store.committed & DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)) != 0) {
		result =
			dps_store_read(&client->store, DPS_RECORD_CREDENTIALS, DPS_STORE_COMMITTED, client->body, sizeof(client->body), &credentials);
		if (result == DPS_OK && copy_slot(device.key_slot, credentials.key_slot))
			device.id = credentials.device_id;
	}
	if (result != DPS_OK && !is_failure_of_content(result))
		return result;
	client->device_id = device.id;
	memcpy(client->key_slot, device.key_slot, sizeof(client->key_slot));
	return DPS_OK;
}

/* A configured device id must be the committed one; before the first commit it may replace another. */
static dps_result settle_device_id(struct dps_client *client)
{
	const struct dps_uuid *wanted = &client->config.device_id;

	if (dps_uuid_is_nil(wanted) || dps_uuid_equal(wanted, &client->device_id))
		return DPS_OK;
	if ((client->store.committed & DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS)) != 0)
		return DPS_E_DEVICE_ID;
	client->device_id = *wanted;
	client->key_ready = false;
	return DPS_OK;
}

bool dps_client_is_provisioned(const struct dps_client *client)
{
	return (client->store.committed & DPS_RECORDS_REQUIRED) == DPS_RECORDS_REQUIRED;
}

static dps_result load(struct dps_client *client)
{
	const uint32_t credentials_bit = DPS_RECORD_BIT(DPS_RECORD_CREDENTIALS);
	struct dps_uuid before;
	bool hold;
	dps_result result = dps_store_open(&client->store, &client->config.platform->storage, client->body, sizeof(client->body));

	if (result == DPS_OK && client->store.reset_begun)
		result = dps_client_erase(client); /* the power went in the midst of a factory reset: it is ended first */
	if (result != DPS_OK)
		return result;
	if (client->store.damaged != 0 || client->store.manifest_damaged)
		dps_client_warn(client, DPS_STEP_CONFIG, DPS_E_STORAGE_CORRUPT, DPS_CLIENT_TEXT("a stored record is damaged"));
	client->store.silent = dps_client_records_untold(client);
	client->key_ready = false;
	result = load_device(client);
	before = client->device_id;
	if (result == DPS_OK)
		result = settle_device_id(client);
	/* Answers to another device id (a token above all), or to one that is lost, are of no use. */
	if (result == DPS_OK && (dps_uuid_is_nil(&before) || !dps_uuid_equal(&before, &client->device_id)))
		result = dps_store_discard(&client->store, DPS_RECORD_ALL);
	if (result == DPS_OK)
		result = load_endpoints(client);
	if (result != DPS_OK)
		return result;
	result = dps_store_read_time(&client->store, &client->time_floor_ms);
	if (is_failure_of_content(result)) {
		client->time_floor_ms = 0;
		result = DPS_OK;
	}
	if (result != DPS_OK)
		return result;
	if ((client->store.committed & credentials_bit) != 0) {
		result = check_credentials(client, DPS_STORE_COMMITTED, &hold);
		if (result != DPS_OK)
			return result;
		if (!hold) {
			dps_client_warn(client, DPS_STEP_CONFIG, DPS_E_KEY,
			                DPS_CLIENT_TEXT("the committed identity cannot be used; it will be fetched again"));
			client->store.committed &= ~credentials_bit;
		}
	}

	/* A forced run or a renewal is not remembered over a valid state; without one, what was staged is used (unless all is asked anew). */
	if (dps_client_is_provisioned(client) || (client->flags & DPS_START_FORCE) != 0)
		return dps_store_discard(&client->store, DPS_RECORD_ALL);
	if ((client->store.staged & credentials_bit) != 0) {
		result = check_credentials(client, DPS_STORE_STAGED, &hold);
		if (result == DPS_OK && !hold)
			result = dps_store_discard(&client->store, credentials_bit);
	}
	return result;
}

dps_result dps_client_read_state(struct dps_client *client)
{
	dps_result result = load(client);

	dps_wipe(client->body, sizeof(client->body)); /* it may have held a pre-shared key or a token */
	return result;
}

void dps_client_plan(struct dps_client *client)
{
	const struct dps_service *service = client->config.service;
	const bool force = (client->flags & DPS_START_FORCE) != 0;
	const bool renew = (client->flags & DPS_START_RENEW) != 0;
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
		if (!force && !renew && (have & bit) != 0)
			continue;
		client->wanted |= bit;
	}
	if (client->wanted != 0 && !dps_client_wall_ms(client, &unix_ms))
		client->wanted |= DPS_STEP_BIT(DPS_STEP_TIME);
}

dps_result dps_client_prepare_identity(struct dps_client *client)
{
	const struct dps_keys *keys = client->config.keys;
	struct dps_device device;
	bool stored;
	dps_result result;

	if (client->key_ready)
		return DPS_OK;
	if (dps_uuid_is_nil(&client->device_id)) {
		result = dps_pki_new_device_id(&client->config.platform->random, &client->device_id);
		if (result != DPS_OK)
			return result;
	}
	if (client->key_slot[0] == '\0')
		memcpy(client->key_slot, FIRST_SLOT, sizeof(FIRST_SLOT));

	stored = dps_store_read_device(&client->store, &device) == DPS_OK && dps_uuid_equal(&device.id, &client->device_id) &&
	         strcmp(device.key_slot, client->key_slot) == 0;
	if (!stored) {
		device.id = client->device_id;
		memcpy(device.key_slot, client->key_slot, sizeof(device.key_slot));
		result = dps_store_write_device(&client->store, &device);
		if (result != DPS_OK)
			return result;
	}

	/* An existing key is kept: the CA refuses another one for this device id while an older certificate of it is valid. */
	result = keys->open(keys->ctx, client->key_slot);
	if (result == DPS_E_NOT_FOUND || result == DPS_E_KEY_FORMAT)
		result = keys->generate(keys->ctx, client->key_slot, client->config.key_type);
	client->key_ready = result == DPS_OK;
	return result;
}
