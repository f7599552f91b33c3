/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators see: the reference's status names and error numbers, derived from what the engine knows. The reference asks one step after another; here
 * several are in flight, and the status names the first one, in the order of asking, that is not done.
 */
#include "client/internal.h"

/* Each step has its pair of statuses, and the number of an answer that could not be used. */
static const struct {
	uint8_t step;
	uint8_t asking; /* the status behind it: done */
	uint8_t error;
} order[] = {
	{DPS_STEP_TIME, DPS_STATUS_PROVISIONING_TIME, DPS_ERROR_GET_TIME},
	{DPS_STEP_OWNER, DPS_STATUS_PROVISIONING_OWNER, DPS_ERROR_GET_OWNER},
	{DPS_STEP_CLOUD, DPS_STATUS_PROVISIONING_CLOUD, DPS_ERROR_SET_CLOUD},
	{DPS_STEP_ACLS, DPS_STATUS_PROVISIONING_ACLS, DPS_ERROR_GET_ACLS},
	{DPS_STEP_CREDENTIALS, DPS_STATUS_PROVISIONING_CREDENTIALS, DPS_ERROR_GET_CREDENTIALS},
};
#define ORDER_COUNT (sizeof(order) / sizeof(order[0]))

static enum dps_status of_run(const struct dps_client *client)
{
	const uint32_t open = client->wanted & ~client->done;
	size_t i = 0;

	while (i < ORDER_COUNT && (open & DPS_STEP_BIT(order[i].step)) == 0)
		i++;
	if (client->in_flight != 0 && i < ORDER_COUNT)
		return (enum dps_status)order[i].asking;
	/* Nothing is under way: what was done last of those in front. A run that has done nothing has only begun. */
	return i == 0 || (client->done & client->wanted) == 0 ? DPS_STATUS_INITIALIZED : (enum dps_status)(order[i - 1].asking + 1u);
}

static bool is_running(const struct dps_client *client)
{
	return client->state != DPS_STATE_IDLE && client->state != DPS_STATE_PROVISIONED;
}

static enum dps_status derive(const struct dps_client *client)
{
	if (client->failing)
		return dps_result_class(client->failure.cause) == DPS_CLASS_TRANSIENT ? DPS_STATUS_TRANSIENT_FAILURE : DPS_STATUS_FAILURE;
	if (is_running(client) && (client->flags & DPS_START_RENEW) != 0)
		return DPS_STATUS_RENEW_CREDENTIALS;
	if (!is_running(client) && client->loaded && dps_client_is_provisioned(client))
		return DPS_STATUS_PROVISIONED;
	if (client->endpoint_count == 0)
		return DPS_STATUS_UNINITIALIZED;
	return is_running(client) ? of_run(client) : DPS_STATUS_INITIALIZED;
}

void dps_client_note_status(struct dps_client *client, enum dps_why why)
{
	struct dps_event event = {.type = DPS_EVENT_STATUS, .why = why, .status = derive(client), .previous_status = client->status};

	if (event.status == client->status)
		return;
	client->status = event.status;
	dps_client_emit(client, &event);
}

void dps_client_note_error(struct dps_client *client, enum dps_step_id step, dps_result cause, unsigned code)
{
	client->error = DPS_ERROR_RESPONSE;
	client->failing = true;
	if (step == DPS_STEP_CONFIG || step == DPS_STEP_CONNECT || step == DPS_STEP_TLS)
		client->error = DPS_ERROR_CONNECT;
	if (step == DPS_STEP_COMMIT)
		client->error = DPS_ERROR_SET_CLOUD;
	if (code >= 400 || dps_result_class(cause) == DPS_CLASS_TRANSIENT)
		return; /* the service said so, or said nothing */
	for (size_t i = 0; i < ORDER_COUNT; i++)
		if (order[i].step == step)
			client->error = (enum dps_error_number)order[i].error;
}

void dps_client_forget_error(struct dps_client *client, enum dps_step_id done)
{
	const enum dps_step_id failed = client->failure.step;

	/* A connection that could not be made stands by now; another step's failure is not mended by this one's success. */
	if (failed == done || failed < DPS_STEP_TIME)
		client->error = DPS_ERROR_OK;
}

enum dps_status dps_client_status(const struct dps_client *client)
{
	return derive(client);
}

enum dps_error_number dps_client_last_error(const struct dps_client *client)
{
	return client->error;
}
