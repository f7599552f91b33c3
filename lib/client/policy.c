/* SPDX-License-Identifier: Apache-2.0 */
/* See policy.h. docs/failures.md shows the same table. */
#include "client/policy.h"

/* The last second of the year 9999 (RFC 5280 section 4.1.2.5.2). */
#define MAX_S INT64_C(253402300799)

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
	if (t > DPS_FOREVER - 1)
		t = DPS_FOREVER - 1; /* 49 days: long enough */
	return (uint32_t)(t / 2 + t % 2 + ((t / 2) * random >> 32));
}

/* A part of a time; no product overflows, whatever a certificate says. */
static uint64_t permille(uint64_t ms, uint32_t part)
{
	return ms / 1000 * part + ms % 1000 * part / 1000;
}

int64_t dps_policy_renew_at_ms(const struct dps_client_config *config, int64_t accepted_s, int64_t not_after_s, uint32_t random)
{
	uint64_t wait, early;

	if (not_after_s <= accepted_s || not_after_s > MAX_S || accepted_s < 0)
		return accepted_s < 0 || accepted_s > MAX_S ? 0 : accepted_s * 1000;
	wait = permille((uint64_t)(not_after_s - accepted_s) * 1000, config->renewal_permille);
	early = permille(wait, config->renewal_jitter_permille);
	early = (early >> 32) * random + ((early & UINT32_MAX) * random >> 32);
	return accepted_s * 1000 + (int64_t)(wait - early);
}
