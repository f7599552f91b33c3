/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps onboarding harmless: a limit on answers to anybody, and a delay that grows with every wrong code. Time is handed in, milliseconds that never run
 * backwards; memory is bounded, whoever sends.
 */
#ifndef DEVICE_ONBOARDING_LIMITS_H
#define DEVICE_ONBOARDING_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An address without its port: an IPv4 address is mapped into IPv6 (RFC 4291 section 2.5.5.2). */
struct onboarding_source {
	uint8_t bytes[16];
};

#define ONBOARDING_SOURCES 64 /* that are told apart; the one not seen for longest is forgotten first */

/* A token bucket. */
struct onboarding_bucket {
	uint32_t spent; /* thousandths of a token */
	uint64_t at_ms;
};

/* Answers in the clear: ONBOARDING_ANSWERS_SOURCE at once to one source, ONBOARDING_ANSWERS_ALL to all of them, then so many a second. */
#define ONBOARDING_ANSWERS_SOURCE    16u
#define ONBOARDING_PER_SECOND_SOURCE 4u
#define ONBOARDING_ANSWERS_ALL       64u
#define ONBOARDING_PER_SECOND_ALL    32u

struct onboarding_limiter {
	struct onboarding_bucket all;
	struct {
		struct onboarding_source source;
		struct onboarding_bucket bucket;
		bool used;
	} sources[ONBOARDING_SOURCES];
};

/* Whether one more answer may be sent; it is then counted. All zero is a limiter that nobody has asked yet. */
bool onboarding_limiter_allows(struct onboarding_limiter *limiter, const struct onboarding_source *source, uint64_t now_ms);

/* After the nth wrong code in a row a source waits ONBOARDING_LOCKOUT_FIRST_MS * 2^(n-1), at most ONBOARDING_LOCKOUT_MAX_MS. */
#define ONBOARDING_LOCKOUT_FIRST_MS 1000u
#define ONBOARDING_LOCKOUT_MAX_MS   600000u
/* All sources together have so many wrong codes free, so that one who mistypes does not hold up another; then the same delay holds for everybody. */
#define ONBOARDING_LOCKOUT_FREE 3u
/* Failures are forgotten when none was added for so long after their delay. */
#define ONBOARDING_LOCKOUT_MEMORY_MS 3600000u

struct onboarding_failures {
	unsigned count;
	uint64_t until_ms; /* no attempt before */
};

struct onboarding_lockout {
	struct onboarding_failures all;
	struct {
		struct onboarding_source source;
		struct onboarding_failures failures;
	} sources[ONBOARDING_SOURCES];
};

/*
 * An attempt begins: false if it is refused. What is allowed counts as failed until onboarding_lockout_succeeded() says otherwise: with a wrong
 * key a DTLS server gets a record that it cannot read and drops it (RFC 6347 section 4.1.2.7), so no failure is ever seen, and attempts
 * side by side must not add up to more than one.
 */
bool onboarding_lockout_begin(struct onboarding_lockout *lockout, const struct onboarding_source *source, uint64_t now_ms);

/* The code was right: everything is forgotten, for this source and for all together. */
void onboarding_lockout_succeeded(struct onboarding_lockout *lockout, const struct onboarding_source *source);

/* Milliseconds until this source may try again; 0: now. */
uint64_t onboarding_lockout_left(const struct onboarding_lockout *lockout, const struct onboarding_source *source, uint64_t now_ms);

#endif
