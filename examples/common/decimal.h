/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal numbers on a command line, with a fraction where one is wanted: seconds, which come out as milliseconds, and per cent. */
#ifndef EXAMPLES_COMMON_DECIMAL_H
#define EXAMPLES_COMMON_DECIMAL_H

#include <stdint.h>

/* The most seconds that may be given where nothing else is said: 46 days, which is within 32 bits of milliseconds. */
#define SECONDS_MAX 4000000u

/*
 * One number, at most max and more than 0 when rounded to thousandths, ended by `end` or the end of the text. Returns what stands behind it, NULL if it is none.
 */
const char *decimal_parse(const char *text, char end, uint32_t max, uint32_t *thousandths);

#endif
