/* SPDX-License-Identifier: Apache-2.0 */
/* See run_limits.h. */
#include "run_limits.h"

#define AT_ONCE     4u
#define QUIET_MS    UINT64_C(60000)
#define SPACING_MAX UINT64_C(3600000)

static uint64_t spacing(const struct run_limits *limits)
{
	const unsigned doublings = limits->runs < AT_ONCE ? 0 : limits->runs - AT_ONCE;

	if (limits->runs < AT_ONCE)
		return 0;
	return doublings < 12 && UINT64_C(1000) << doublings < SPACING_MAX ? UINT64_C(1000) << doublings : SPACING_MAX;
}

bool run_limits_allow(const struct run_limits *limits, uint64_t now)
{
	return now - limits->last >= spacing(limits);
}

void run_limits_note(struct run_limits *limits, uint64_t now)
{
	if (now - limits->last >= spacing(limits) + QUIET_MS)
		limits->runs = 0;
	limits->runs += limits->runs < UINT32_MAX;
	limits->last = now;
}
