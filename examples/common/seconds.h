/* SPDX-License-Identifier: Apache-2.0 */
/* Durations on a command line: seconds, with a fraction where one is wanted. */
#ifndef EXAMPLES_COMMON_SECONDS_H
#define EXAMPLES_COMMON_SECONDS_H

#include <stdint.h>

/* The longest that may be given where nothing else is said: 46 days, which is within 32 bits of milliseconds. */
#define SECONDS_MAX 4000000u

/*
 * One number of seconds, more than 0 when rounded to milliseconds and at most max, ended by `end` or the end of the text. Returns what stands behind it, NULL
 * if it is none.
 */
const char *seconds_parse(const char *text, char end, uint32_t max, uint32_t *ms);

#endif
