/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on standard input while the program runs. */
#ifndef DEVICE_INPUT_H
#define DEVICE_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#define INPUT_LINE_MAX 4096 /* bytes, without the line feed */

struct input {
	int file; /* to be waited for; -1: no more lines will come */
	char line[INPUT_LINE_MAX + 1];
	size_t len;
	bool too_long; /* its rest is dropped */
};

/* Keeps standard input's descriptor from becoming another one's when the program was started without. Before anything is opened. */
void input_occupy(void);

/* Looks at standard input from here on. */
void input_open(struct input *input);

/* Whether there is something to read, or the end. */
bool input_is_ready(const struct input *input);

/*
 * Reads what has come; to be called when it is ready, and then does not wait. take gets each line, or in its place why it is none (the other
 * is NULL). What the end of the input cuts off is no line.
 */
void input_read(struct input *input, void (*take)(void *ctx, const char *line, const char *error), void *ctx);

#endif
