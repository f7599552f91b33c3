/* SPDX-License-Identifier: Apache-2.0 */
/* What is committed: read by the application, and the two records that it may replace itself. */
#include "client/internal.h"

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

dps_result dps_client_read_local(struct dps_client *client, uint8_t *buf, size_t size, struct dps_local *out)
{
	return dps_store_read(&client->store, DPS_RECORD_LOCAL, DPS_STORE_COMMITTED, buf, size, out);
}

/* One record on its own: staged, and put in force by one write. */
static dps_result replace(struct dps_client *client, enum dps_record record, const void *view)
{
	const uint32_t bit = DPS_RECORD_BIT(record);
	const bool runs = client->state != DPS_STATE_IDLE && client->state != DPS_STATE_PROVISIONED;
	dps_result result;

	if (client->in_callback || !client->loaded || (runs && (client->store.staged & bit) != 0))
		return DPS_E_STATE;
	result = dps_client_end_reset(client);
	if (result == DPS_OK && (client->store.staged & bit) != 0) /* of a run that is over */
		result = dps_store_discard(&client->store, bit);
	if (result == DPS_OK)
		result = dps_store_stage(&client->store, record, view);
	if (result != DPS_OK)
		return result;
	client->store.silent |= bit; /* who replaces it need not be told */
	result = dps_store_commit(&client->store, bit);
	client->store.silent = dps_client_records_untold(client);
	/*
	 * A write that failed may have reached the medium all the same. Only when the old state is known to be in force again may the new record go; else it
	 * stays, for a manifest may name it, and comes in force with the next commit at the latest.
	 */
	if (result != DPS_OK && dps_store_revert(&client->store) == DPS_OK)
		(void)dps_store_discard(&client->store, bit);
	return result;
}

dps_result dps_client_set_local(struct dps_client *client, const struct dps_local *local)
{
	return replace(client, DPS_RECORD_LOCAL, local);
}

dps_result dps_client_update_cloud(struct dps_client *client, const struct dps_cloud *cloud)
{
	if ((client->store.committed & DPS_RECORD_BIT(DPS_RECORD_CLOUD)) == 0)
		return DPS_E_STATE;
	return replace(client, DPS_RECORD_CLOUD, cloud);
}
