/* SPDX-License-Identifier: Apache-2.0 */
/* See policy.h. docs/failures.md shows the same table. */
#include "client/policy.h"

enum retry { RETRY_ALWAYS, RETRY_IF_STAYING, RETRY_NEVER };

static const struct {
	enum retry retry;
	bool waits_long;
} policies[] = {
	[DPS_CLASS_NONE] = {RETRY_NEVER, false},      [DPS_CLASS_TRANSIENT] = {RETRY_ALWAYS, false},
	[DPS_CLASS_REFUSED] = {RETRY_ALWAYS, true},   [DPS_CLASS_FINAL] = {RETRY_IF_STAYING, true},
	[DPS_CLASS_PROTOCOL] = {RETRY_ALWAYS, true},  [DPS_CLASS_SECURITY] = {RETRY_ALWAYS, true},
	[DPS_CLASS_LOCAL] = {RETRY_IF_STAYING, true}, [DPS_CLASS_CONFIG] = {RETRY_NEVER, false},
	[DPS_CLASS_CANCELLED] = {RETRY_NEVER, false},
};

bool dps_policy_retries(dps_class klass, bool stay)
{
	enum retry retry = policies[klass].retry;

	return retry == RETRY_ALWAYS || (retry == RETRY_IF_STAYING && stay);
}

uint32_t dps_policy_delay(const struct dps_client_config *config, dps_class klass, uint32_t failures, uint32_t random)
{
	size_t index = failures == 0 ? 0 : (size_t)failures - 1;
	uint64_t t;

	if (index >= config->retry_count)
		index = config->retry_count - 1;
	t = config->retry_ms[index];
	if (policies[klass].waits_long)
		t *= config->long_factor;
	t = t / 2 + t % 2 + ((t / 2) * random >> 32);
	return t < DPS_FOREVER ? (uint32_t)t : DPS_FOREVER - 1;
}

uint32_t dps_policy_renewal_s(int64_t now_s, int64_t not_after_s, uint32_t random)
{
	uint64_t left;
	uint64_t wait;

	if (not_after_s <= now_s)
		return 0;
	left = (uint64_t)(not_after_s - now_s);
	wait = left / 3 * 2;
	wait -= (wait / 10 * random) >> 32;
	return wait < UINT32_MAX ? (uint32_t)wait : UINT32_MAX;
}
