/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to ask the hub next, what its codes mean, and when to try again: pure functions, each of a table. docs/hub.md shows the same tables. Private
 * to the room.
 */
#ifndef DPS_HUB_POLICY_H
#define DPS_HUB_POLICY_H

#include "dps/hub_config.h"

/* What the next account request is chosen by. */
enum dps_hub_fact {
	DPS_HUB_ONLINE_NOW = 1u << 0,      /* signed in */
	DPS_HUB_REGISTERED = 1u << 1,      /* the record says that the device has signed up */
	DPS_HUB_REFRESHABLE = 1u << 2,     /* there is a refresh token */
	DPS_HUB_PROVISIONED = 1u << 3,     /* there is a token to sign up with */
	DPS_HUB_EXPIRING = 1u << 4,        /* the access token is to be refreshed now, or is too old to sign in with */
	DPS_HUB_REFRESHED = 1u << 5,       /* refreshed since the device was online last */
	DPS_HUB_REFRESH_REFUSED = 1u << 6, /* the hub does not take this refresh token */
	DPS_HUB_SIGN_IN_REFUSED = 1u << 7, /* nor this access token */
	DPS_HUB_SIGNED_UP = 1u << 8,       /* signed up since the device was online last, or refused */
};

/* Facts that are forgotten once online: they are about how it got there. A refresh token that was refused stays so. */
#define DPS_HUB_FORGOTTEN_ONLINE (DPS_HUB_REFRESHED | DPS_HUB_SIGN_IN_REFUSED | DPS_HUB_SIGNED_UP)

/* The next account request: DPS_HUB_OP_NONE: none; DPS_HUB_OP_PROVISION: only new provisioning can help. */
enum dps_hub_op dps_hub_next_op(unsigned facts);

/* What an error answer to an account request means. */
enum dps_hub_meaning {
	DPS_HUB_TRY_LATER, /* the hub, or what it depends on, is out of order */
	DPS_HUB_REFUSED    /* what was sent is not good enough, and will not become so */
};

/* code as people write it. The plgd gateway says 5.03 for bad tokens, and for an OAuth server out of reach with a text that tells so. */
enum dps_hub_meaning dps_hub_meaning(unsigned code, struct dps_span text);

/* The wait behind a failed round: rounds counts from 1, random is uniform over 32 bits. */
uint32_t dps_hub_delay(const struct dps_hub_config *config, uint32_t rounds, uint32_t random);

/*
 * In how many ms a token or session that has left_s seconds left is refreshed: 600 s before the end of one that lives longer than an hour, 120 s above
 * 240, 10 s above 20, and then earlier by a random part of up to half as much, so that a fleet does not come at once; else now.
 */
uint64_t dps_hub_refresh_in(int64_t left_s, uint32_t random);

/* The wait between two falls back to provisioning: previous is 0 for the first. */
uint32_t dps_hub_fallback_wait(const struct dps_hub_config *config, uint32_t previous);

#endif
