/* SPDX-License-Identifier: Apache-2.0 */
/* See policy.h. */
#include "hub/policy.h"

#include <string.h>

#include "dps/detail/hub.h"

#if DPS_CONFIG_HUB

/* A row holds if the facts of `of` are exactly those of `are`; the first that holds counts. */
static const struct {
	unsigned of, are;
	enum dps_hub_op op;
} NEXT[] = {
	{DPS_HUB_ONLINE_NOW | DPS_HUB_EXPIRING | DPS_HUB_REFRESHABLE | DPS_HUB_REFRESH_REFUSED,
     DPS_HUB_ONLINE_NOW | DPS_HUB_EXPIRING | DPS_HUB_REFRESHABLE, DPS_HUB_OP_REFRESH},
	{DPS_HUB_ONLINE_NOW, DPS_HUB_ONLINE_NOW, DPS_HUB_OP_NONE},
	{DPS_HUB_REGISTERED | DPS_HUB_EXPIRING | DPS_HUB_REFRESHABLE | DPS_HUB_REFRESHED | DPS_HUB_REFRESH_REFUSED,
     DPS_HUB_REGISTERED | DPS_HUB_EXPIRING | DPS_HUB_REFRESHABLE, DPS_HUB_OP_REFRESH},
	{DPS_HUB_REGISTERED | DPS_HUB_SIGN_IN_REFUSED, DPS_HUB_REGISTERED, DPS_HUB_OP_SIGN_IN},
	{DPS_HUB_REGISTERED | DPS_HUB_REFRESHABLE | DPS_HUB_REFRESHED | DPS_HUB_REFRESH_REFUSED, DPS_HUB_REGISTERED | DPS_HUB_REFRESHABLE,
     DPS_HUB_OP_REFRESH},
	{DPS_HUB_PROVISIONED | DPS_HUB_SIGNED_UP, DPS_HUB_PROVISIONED, DPS_HUB_OP_SIGN_UP},
	{0, 0, DPS_HUB_OP_PROVISION},
};

enum dps_hub_op dps_hub_next_op(unsigned facts)
{
	size_t i = 0;

	while ((facts & NEXT[i].of) != NEXT[i].are)
		i++;
	return NEXT[i].op;
}

static bool contains(struct dps_span text, const char *wanted)
{
	const size_t len = strlen(wanted);

	for (size_t i = 0; i + len <= text.len; i++) {
		if (memcmp(text.data + i, wanted, len) == 0)
			return true;
	}
	return false;
}

enum dps_hub_meaning dps_hub_meaning(unsigned code, struct dps_span text)
{
	switch (code) {
	case 408:
	case 429:
		return DPS_HUB_TRY_LATER;
	case 503:
		return contains(text, "temporary error: ") ? DPS_HUB_TRY_LATER : DPS_HUB_REFUSED;
	default:
		return code / 100 == 4 ? DPS_HUB_REFUSED : DPS_HUB_TRY_LATER;
	}
}

uint32_t dps_hub_delay(const struct dps_hub_config *config, uint32_t rounds, uint32_t random)
{
	const size_t index = rounds > config->retry_count ? config->retry_count - 1 : rounds == 0 ? 0 : rounds - 1;
	const uint64_t t = config->retry_ms[index];

	return (uint32_t)(t / 2 + t % 2 + ((t / 2) * random >> 32));
}

/* What has more than `above` seconds left is refreshed `ahead` seconds before its end. */
static const struct {
	int64_t above, ahead;
} AHEAD[] = {{3600, 600}, {240, 120}, {20, 10}};

uint64_t dps_hub_refresh_in(int64_t left_s, uint32_t random)
{
	for (size_t i = 0; i < sizeof(AHEAD) / sizeof(AHEAD[0]); i++) {
		if (left_s > AHEAD[i].above)
			return (uint64_t)(left_s - AHEAD[i].ahead) * 1000 - ((uint64_t)AHEAD[i].ahead * 500 * random >> 32);
	}
	return 0;
}

uint32_t dps_hub_fallback_wait(const struct dps_hub_config *config, uint32_t previous)
{
	const uint64_t wait = previous == 0 ? config->fallback_ms : (uint64_t)previous * 2;

	return wait < config->fallback_max_ms ? (uint32_t)wait : config->fallback_max_ms;
}

#endif
