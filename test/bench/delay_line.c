/* SPDX-License-Identifier: Apache-2.0 */
/* See delay_line.h. */
#include "bench/delay_line.h"

#include <stdlib.h>
#include <time.h>

#define RTT_MAX_MS 60000.0

uint8_t *delay_line_slot(struct delay_line *line)
{
	if (line->count == DELAY_LINE_SLOTS)
		return NULL;
	return line->chunks[(line->first + line->count) % DELAY_LINE_SLOTS].bytes;
}

void delay_line_push(struct delay_line *line, size_t len, uint64_t due_ns)
{
	struct delay_chunk *chunk = &line->chunks[(line->first + line->count) % DELAY_LINE_SLOTS];

	chunk->due_ns = due_ns;
	chunk->len = len;
	line->count++;
}

const struct delay_chunk *delay_line_front(const struct delay_line *line)
{
	return line->count > 0 ? &line->chunks[line->first] : NULL;
}

void delay_line_pop(struct delay_line *line)
{
	line->first = (line->first + 1) % DELAY_LINE_SLOTS;
	line->count--;
}

uint64_t delay_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool delay_parse_rtt(const char *text, uint64_t *one_way_ns)
{
	char *end;
	double ms;

	if (*text < '0' || *text > '9')
		return false;
	ms = strtod(text, &end);
	if (*end != '\0' || !(ms <= RTT_MAX_MS))
		return false;
	*one_way_ns = (uint64_t)(ms * 500000.0);
	return true;
}
