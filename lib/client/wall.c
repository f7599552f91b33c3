/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time: the platform's if it vouches for it and can be right, else what the service said plus the monotonic time since, never before the stored floor.
 */
#include "client/internal.h"
#include "dps/pki.h"

/* A time that has moved so far against the monotonic clock was set: dates are judged again. */
#define JUMP_MS INT64_C(60000)

/* How often it is looked whether the stored floor has to be raised. */
#define FLOOR_LOOK_MS (UINT64_C(3600) * 1000)

/*
 * The stored time is a floor, not a clock: it is written again only when time has moved this far. While no clock is known the floor is all that a restart finds
 * to count on from, and what it missed makes a renewal late.
 */
#define FLOOR_STEP_MS       (INT64_C(24) * 3600 * 1000)
#define FLOOR_STEP_BLIND_MS (INT64_C(6) * 3600 * 1000)

/* Clocks may differ by so much. */
#define TOLERANCE_MS ((int64_t)DPS_PKI_NOT_BEFORE_TOLERANCE_S * 1000)

/* A clock that was never set starts in 1970, or at some date of its maker's: neither is later than what this device has already seen. */
static bool can_be(const struct dps_client *client, int64_t unix_ms)
{
	return unix_ms >= (int64_t)DPS_CONFIG_TIME_MIN * 1000 && unix_ms >= client->time_floor_ms - TOLERANCE_MS;
}

/* Whether the platform vouches for its clock; *unix_ms is what it shows. */
static bool platform_vouches(const struct dps_client *client, int64_t *unix_ms)
{
	const struct dps_clock *clock = &client->config.platform->clock;
	bool synchronised = false;

	*unix_ms = 0;
	if (clock->wall != NULL)
		clock->wall(clock->ctx, unix_ms, &synchronised);
	return synchronised;
}

bool dps_client_wall_ms(const struct dps_client *client, int64_t *unix_ms)
{
	if (platform_vouches(client, unix_ms) && can_be(client, *unix_ms))
		return true;
	if (!client->time_known)
		return false;
	*unix_ms = client->time_base_ms + (int64_t)(dps_client_now(client) - client->time_stamp);
	return true;
}

int64_t dps_client_wall_s(const struct dps_client *client)
{
	int64_t unix_ms = 0;

	return dps_client_wall_ms(client, &unix_ms) ? unix_ms / 1000 : 0;
}

bool dps_client_time(const struct dps_client *client, int64_t *unix_ms)
{
	if (dps_client_wall_ms(client, unix_ms))
		return true;
	if (!client->heard)
		return false;
	*unix_ms = client->heard_base_ms + (int64_t)(dps_client_now(client) - client->heard_stamp);
	return true;
}

void dps_client_look_at_clock(struct dps_client *client)
{
	int64_t unix_ms;

	if (client->clock_odd || !platform_vouches(client, &unix_ms) || can_be(client, unix_ms))
		return;
	client->clock_odd = true;
	dps_client_warn(client, DPS_STEP_CONFIG, DPS_E_CLOCK_NOT_SET,
	                DPS_CLIENT_TEXT("the platform vouches for a time in the past; it is not used"));
}

void dps_client_set_time(struct dps_client *client, int64_t unix_ms)
{
	/* A service, or somebody with its old certificate, cannot turn the time back behind what this device has already seen. */
	client->time_base_ms = unix_ms > client->time_floor_ms ? unix_ms : client->time_floor_ms;
	client->time_stamp = dps_client_now(client);
	client->time_known = true;
}

void dps_client_hand_on_time(struct dps_client *client)
{
	const struct dps_clock *clock = &client->config.platform->clock;
	int64_t unix_ms;

	if (clock->set == NULL || !client->time_known || platform_vouches(client, &unix_ms))
		return;
	if (dps_client_wall_ms(client, &unix_ms))
		clock->set(clock->ctx, unix_ms);
}

static void look_at_renewal(struct dps_client *client)
{
	if (client->state == DPS_STATE_PROVISIONED && dps_client_renewal_due(client))
		client->wake = dps_client_now(client);
}

void dps_client_tell_time(struct dps_client *client, int64_t unix_ms)
{
	if (unix_ms < (int64_t)DPS_CONFIG_TIME_MIN * 1000)
		return;
	dps_client_set_time(client, unix_ms);
	look_at_renewal(client);
}

void dps_client_hear_time(struct dps_client *client, int64_t unix_ms)
{
	if (unix_ms < (int64_t)DPS_CONFIG_TIME_MIN * 1000 || unix_ms < dps_client_passed_ms(client))
		return;
	client->heard = true;
	client->heard_base_ms = unix_ms;
	client->heard_stamp = dps_client_now(client);
	look_at_renewal(client);
}

int64_t dps_client_passed_ms(const struct dps_client *client)
{
	return client->time_floor_ms == 0 ? 0 : client->time_floor_ms + (int64_t)(dps_client_now(client) - client->floor_stamp);
}

/* Without a clock that is all there is; it errs towards renewing late, never towards dropping. */
int64_t dps_client_best_wall_ms(const struct dps_client *client)
{
	int64_t now_ms = 0;

	return dps_client_time(client, &now_ms) ? now_ms : dps_client_passed_ms(client);
}

dps_result dps_client_raise_floor(struct dps_client *client)
{
	const int64_t passed_ms = dps_client_passed_ms(client);
	int64_t unix_ms = 0;
	const bool known = dps_client_wall_ms(client, &unix_ms);
	dps_result result;

	/*
	 * Only a time by which a verified path is in date, or else what has been counted: a clock that was once far ahead must not raise the floor for good. Nor may
	 * a monotonic clock that runs fast, past the time that is known.
	 */
	if (!known || (unix_ms > passed_ms && (!client->time_proven || dps_client_time_jumped(client))))
		unix_ms = passed_ms;
	if (unix_ms < client->time_floor_ms + (known ? FLOOR_STEP_MS : FLOOR_STEP_BLIND_MS))
		return DPS_OK;
	result = dps_store_write_time(&client->store, unix_ms);
	if (result != DPS_OK)
		return result;
	client->time_floor_ms = unix_ms;
	client->floor_stamp = dps_client_now(client);
	return DPS_OK;
}

void dps_client_watch_floor(struct dps_client *client)
{
	const uint64_t now = dps_client_now(client);

	if (!client->loaded || now < client->floor_at)
		return;
	client->floor_at = now + FLOOR_LOOK_MS;
	(void)dps_client_raise_floor(client); /* what failed is tried again with the next look */
}

bool dps_client_time_jumped(const struct dps_client *client)
{
	int64_t now_ms = 0;
	int64_t drift;

	if (!dps_client_wall_ms(client, &now_ms))
		return true;
	drift = now_ms - client->dates_ms - (int64_t)(dps_client_now(client) - client->dates_stamp);
	return drift > JUMP_MS || drift < -JUMP_MS;
}
