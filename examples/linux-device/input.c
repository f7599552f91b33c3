/* SPDX-License-Identifier: Apache-2.0 */
/* See input.h. The descriptor may be shared with other programs, so it is not made non-blocking: it is read from when it is said to be ready, once. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

void input_occupy(void)
{
	if (fcntl(STDIN_FILENO, F_GETFD) < 0)
		(void)!open("/dev/null", O_RDONLY); /* the lowest descriptor that is free */
}

void input_open(struct input *input)
{
	memset(input, 0, sizeof(*input));
	input->file = STDIN_FILENO;
	(void)signal(SIGTTIN, SIG_IGN); /* in the background of a terminal, reading fails instead of stopping the program */
}

/* JSON has \u for what is not ASCII; a NUL would end a text before its end. */
static const char *judge(const struct input *input)
{
	if (input->too_long)
		return "the line is too long";
	for (size_t i = 0; i < input->len; i++)
		if (input->line[i] < ' ' || input->line[i] > '~')
			return "the line is not printable ASCII";
	return NULL;
}

static void end_line(struct input *input, void (*take)(void *ctx, const char *line, const char *error), void *ctx)
{
	const char *error;

	if (input->len > 0 && input->line[input->len - 1] == '\r')
		input->len--;
	error = judge(input);
	input->line[input->len] = '\0';
	if (error != NULL || input->len > 0)
		take(ctx, error == NULL ? input->line : NULL, error);
	input->len = 0;
	input->too_long = false;
}

bool input_is_ready(const struct input *input)
{
	struct pollfd ready = {.fd = input->file, .events = POLLIN};

	return input->file >= 0 && poll(&ready, 1, 0) > 0;
}

void input_read(struct input *input, void (*take)(void *ctx, const char *line, const char *error), void *ctx)
{
	char bytes[INPUT_LINE_MAX];
	const ssize_t count = read(input->file, bytes, sizeof(bytes));

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (count <= 0) {
		input->file = -1; /* the end, or a terminal that is another program's */
		return;
	}
	for (ssize_t i = 0; i < count; i++) {
		if (bytes[i] == '\n')
			end_line(input, take, ctx);
		else if (input->len < INPUT_LINE_MAX)
			input->line[input->len++] = bytes[i];
		else
			input->too_long = true;
	}
}
