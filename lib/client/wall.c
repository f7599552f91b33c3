/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time: the platform's if it vouches for it, else what the service said plus the monotonic time since, never before the stored floor.
 */
#include "client/internal.h"

bool dps_client_wall_ms(const struct dps_client *client, int64_t *unix_ms)
{
	const struct dps_clock *clock = &client->config.platform->clock;
	bool synchronised = false;

	if (clock->wall != NULL) {
		clock->wall(clock->ctx, unix_ms, &synchronised);
		if (synchronised)
			return true;
	}
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

void dps_client_set_time(struct dps_client *client, int64_t unix_ms)
{
	/* A service, or somebody with its old certificate, cannot turn the time back behind what this device has already seen. */
	client->time_base_ms = unix_ms > client->time_floor_ms ? unix_ms : client->time_floor_ms;
	client->time_stamp = dps_client_now(client);
	client->time_known = true;
}
