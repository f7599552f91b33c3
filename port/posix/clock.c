/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock port: a monotonic clock that counts in suspend where there is one, and the system's wall clock.
 */
#include <string.h>
#include <time.h>

#include "dps/port/posix.h"

static bool clock_read(clockid_t id, int64_t *ms)
{
	struct timespec now;

	if (clock_gettime(id, &now) != 0)
		return false;
	*ms = (int64_t)now.tv_sec * 1000 + (int64_t)now.tv_nsec / 1000000;
	return true;
}

static uint64_t clock_monotonic_ms(void *ctx)
{
	int64_t ms = 0;

	(void)ctx;
#ifdef CLOCK_BOOTTIME
	/* A kernel has the clock or has it not: the two are never mixed within one boot. */
	if (clock_read(CLOCK_BOOTTIME, &ms))
		return (uint64_t)ms;
#endif
	(void)clock_read(CLOCK_MONOTONIC, &ms);
	return (uint64_t)ms;
}

static void clock_wall(void *ctx, int64_t *unix_ms, bool *synchronised)
{
	const struct dps_posix_clock *clock = ctx;

	*unix_ms = 0;
	*synchronised = clock_read(CLOCK_REALTIME, unix_ms) && clock->synchronised;
}

void dps_posix_clock_init(struct dps_posix_clock *clock, bool synchronised)
{
	memset(clock, 0, sizeof *clock);
	clock->port.ctx = clock;
	clock->port.monotonic_ms = clock_monotonic_ms;
	clock->port.wall = clock_wall;
	clock->synchronised = synchronised;
}
