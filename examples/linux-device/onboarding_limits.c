/* SPDX-License-Identifier: Apache-2.0 */
/* See onboarding_limits.h. */
#include "onboarding_limits.h"

#include <string.h>

#define TOKEN 1000u /* thousandths */

static bool is_same(const struct onboarding_source *a, const struct onboarding_source *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* --- answers --- */

static void refill(struct onboarding_bucket *bucket, uint32_t per_second, uint64_t now_ms)
{
	uint64_t passed = now_ms > bucket->at_ms ? now_ms - bucket->at_ms : 0;

	bucket->at_ms = now_ms > bucket->at_ms ? now_ms : bucket->at_ms;
	if (passed >= bucket->spent / per_second + 1)
		bucket->spent = 0;
	else
		bucket->spent -= (uint32_t)passed * per_second;
}

static bool has_token(const struct onboarding_bucket *bucket, uint32_t size)
{
	return bucket->spent + TOKEN <= size * TOKEN;
}

/* The place of a source: its own, else a free one, else that of the one not seen for longest. */
static size_t find_bucket(struct onboarding_limiter *limiter, const struct onboarding_source *source)
{
	size_t place = 0;

	for (size_t i = 0; i < ONBOARDING_SOURCES; i++) {
		if (limiter->sources[i].used && is_same(&limiter->sources[i].source, source))
			return i;
		if (limiter->sources[place].used &&
		    (!limiter->sources[i].used || limiter->sources[i].bucket.at_ms < limiter->sources[place].bucket.at_ms))
			place = i;
	}
	memset(&limiter->sources[place], 0, sizeof(limiter->sources[place]));
	limiter->sources[place].source = *source;
	limiter->sources[place].used = true;
	return place;
}

bool onboarding_limiter_allows(struct onboarding_limiter *limiter, const struct onboarding_source *source, uint64_t now_ms)
{
	struct onboarding_bucket *bucket = &limiter->sources[find_bucket(limiter, source)].bucket;

	refill(&limiter->all, ONBOARDING_PER_SECOND_ALL, now_ms);
	refill(bucket, ONBOARDING_PER_SECOND_SOURCE, now_ms);
	if (!has_token(bucket, ONBOARDING_ANSWERS_SOURCE) || !has_token(&limiter->all, ONBOARDING_ANSWERS_ALL))
		return false;
	bucket->spent += TOKEN;
	limiter->all.spent += TOKEN;
	return true;
}

/* --- wrong codes --- */

static bool is_forgotten(const struct onboarding_failures *failures, uint64_t now_ms)
{
	return failures->count == 0 || now_ms >= failures->until_ms + ONBOARDING_LOCKOUT_MEMORY_MS;
}

static void add_failure(struct onboarding_failures *failures, unsigned free_of_charge, uint64_t now_ms)
{
	uint64_t delay = 0;

	if (is_forgotten(failures, now_ms))
		failures->count = 0;
	failures->count++;
	if (failures->count > free_of_charge) {
		unsigned doublings = failures->count - free_of_charge - 1;

		delay = doublings < 16 ? (uint64_t)ONBOARDING_LOCKOUT_FIRST_MS << doublings : ONBOARDING_LOCKOUT_MAX_MS;
	}
	if (delay > ONBOARDING_LOCKOUT_MAX_MS)
		delay = ONBOARDING_LOCKOUT_MAX_MS;
	if (failures->count > free_of_charge + 16)
		failures->count = free_of_charge + 16; /* the delay grows no more */
	failures->until_ms = now_ms + delay;
}

static const struct onboarding_failures *find_failures(const struct onboarding_lockout *lockout, const struct onboarding_source *source)
{
	for (size_t i = 0; i < ONBOARDING_SOURCES; i++)
		if (lockout->sources[i].failures.count > 0 && is_same(&lockout->sources[i].source, source))
			return &lockout->sources[i].failures;
	return NULL;
}

/* A new source takes the place of the one whose delay ends, or has ended, first. */
static struct onboarding_failures *make_failures(struct onboarding_lockout *lockout, const struct onboarding_source *source)
{
	size_t place = 0;

	for (size_t i = 0; i < ONBOARDING_SOURCES; i++) {
		const struct onboarding_failures *failures = &lockout->sources[i].failures;

		if (failures->count > 0 && is_same(&lockout->sources[i].source, source))
			return &lockout->sources[i].failures;
		if (failures->until_ms < lockout->sources[place].failures.until_ms)
			place = i;
	}
	lockout->sources[place].source = *source;
	lockout->sources[place].failures = (struct onboarding_failures){0, 0};
	return &lockout->sources[place].failures;
}

uint64_t onboarding_lockout_left(const struct onboarding_lockout *lockout, const struct onboarding_source *source, uint64_t now_ms)
{
	const struct onboarding_failures *failures = find_failures(lockout, source);
	uint64_t until = lockout->all.until_ms;

	if (failures != NULL && failures->until_ms > until)
		until = failures->until_ms;
	return until > now_ms ? until - now_ms : 0;
}

bool onboarding_lockout_begin(struct onboarding_lockout *lockout, const struct onboarding_source *source, uint64_t now_ms)
{
	if (onboarding_lockout_left(lockout, source, now_ms) > 0)
		return false;
	add_failure(make_failures(lockout, source), 0, now_ms);
	add_failure(&lockout->all, ONBOARDING_LOCKOUT_FREE, now_ms);
	return true;
}

void onboarding_lockout_succeeded(struct onboarding_lockout *lockout, const struct onboarding_source *source)
{
	for (size_t i = 0; i < ONBOARDING_SOURCES; i++)
		if (is_same(&lockout->sources[i].source, source))
			lockout->sources[i].failures = (struct onboarding_failures){0, 0};
	lockout->all = (struct onboarding_failures){0, 0};
}
