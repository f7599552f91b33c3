/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a failure is tried again: pure functions of the class, the count and a random number, so that they can be tested as tables.
 */
#ifndef DPS_CLIENT_POLICY_H
#define DPS_CLIENT_POLICY_H

#include "dps/client_config.h"

/* Whether a failure of a class is tried again; stay: the client was told to stay (to retry for ever). */
bool dps_policy_retries(dps_class klass, bool stay);

/*
 * How long to wait before the next attempt, in ms. failures counts from 1. With T the schedule's entry for that count (the last one from the end of the
 * list on), times long_factor for the classes that wait long: T/2 plus the random part of T/2 (random is uniform over 32 bits).
 */
uint32_t dps_policy_delay(const struct dps_client_config *config, dps_class klass, uint32_t failures, uint32_t random);

/*
 * When to renew an identity, Unix ms: when renewal_permille of the time from its acceptance to its end have passed, less the random part of
 * renewal_jitter_permille of that. It counts from the acceptance, not from now, so that restarts do not put it off. One that ends before it was accepted: at
 * once.
 */
int64_t dps_policy_renew_at_ms(const struct dps_client_config *config, int64_t accepted_s, int64_t not_after_s, uint32_t random);

#endif
