/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded line of byte chunks, each of which leaves in its order and no sooner than it is due: the length of a wire. */
#ifndef BENCH_DELAY_LINE_H
#define BENCH_DELAY_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DELAY_LINE_SLOTS 128u
#define DELAY_LINE_CHUNK 16384u

struct delay_chunk {
	uint64_t due_ns;
	size_t len;
	uint8_t bytes[DELAY_LINE_CHUNK];
};

/* All zero is an empty line. Some 2 MiB, of which only what is used is ever touched. */
struct delay_line {
	size_t first;
	size_t count;
	struct delay_chunk chunks[DELAY_LINE_SLOTS];
};

/* Where the next chunk's bytes may be put, up to DELAY_LINE_CHUNK of them; NULL when the line is full. */
uint8_t *delay_line_slot(struct delay_line *line);

/* What was put into that slot is on its way. */
void delay_line_push(struct delay_line *line, size_t len, uint64_t due_ns);

/* The chunk that leaves next; NULL when the line is empty. */
const struct delay_chunk *delay_line_front(const struct delay_line *line);
void delay_line_pop(struct delay_line *line);

/* CLOCK_MONOTONIC, which the programs of the bench share. */
uint64_t delay_now_ns(void);

/* Milliseconds of a round trip, "100" or "0.5", as nanoseconds of one way; false when the text is not a number from 0 to 60000. */
bool delay_parse_rtt(const char *text, uint64_t *one_way_ns);

#endif
