/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often others may have the device provision again. Each run makes the service sign and the device write: the first few in a row are at once; behind them there
 * are 1, 2, 4, ... seconds, an hour at most, until nobody has asked for a minute longer than that. A hub that has gone mad wears nobody out.
 */
#ifndef DEVICE_RUN_LIMITS_H
#define DEVICE_RUN_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/* All zero in the beginning. */
struct run_limits {
	unsigned runs; /* in a row */
	uint64_t last; /* monotonic ms, of the last one */
};

/* Whether one may begin now. */
bool run_limits_allow(const struct run_limits *limits, uint64_t now);

/* One begins. */
void run_limits_note(struct run_limits *limits, uint64_t now);

#endif
