/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes for tests. Standard error goes to a memory file rather than a pipe, so that a talkative child never blocks on it. */
#include "support/test_process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define STOP_GRACE_MS   5000
#define WAIT_SLICE_MS   5
#define LINE_SIZE_FIRST 4096u
/* Room for a program that is read from only at its end, such as a service of many runs: the usual 64 KiB would stop it there. */
#define OUTPUT_PIPE_SIZE (1 << 20)

struct test_process {
	pid_t pid;
	int input;
	int output;
	int error;
	bool ended;
	int exit_code;
	char *buffer; /* what was read of standard output and not handed out yet: [start, end) */
	size_t size;
	size_t start;
	size_t end;
	char *error_text;
};

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int remaining_ms(long long deadline)
{
	long long left = deadline - now_ms();

	return left > 0 ? (int)left : 0;
}

/* What the child does first. */
struct preparation {
	void (*run)(void *context);
	void *context;
};

/* Runs in the child between fork and exec: only what is safe there. */
static void become(const char *const argv[], int input, int output, int error, pid_t parent, const struct preparation *preparation)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) {
		_exit(127);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(error, STDERR_FILENO) < 0) {
		_exit(127);
	}
	if (preparation->run != NULL) {
		preparation->run(preparation->context);
	}
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

struct test_process *test_process_start(const char *const argv[])
{
	return test_process_start_prepared(argv, NULL, NULL);
}

struct test_process *test_process_start_prepared(const char *const argv[], void (*prepare)(void *context), void *context)
{
	const struct preparation preparation = {prepare, context};
	struct test_process *process = calloc(1, sizeof(*process));
	pid_t parent = getpid();
	int input[2];
	int output[2];

	if (process == NULL || pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) {
		fail_msg("no memory or pipes for %s: %s", argv[0], strerror(errno));
		abort();
	}
	(void)fcntl(output[0], F_SETPIPE_SZ, OUTPUT_PIPE_SIZE);
	process->error = memfd_create("stderr", MFD_CLOEXEC);
	if (process->error < 0) {
		fail_msg("no memory file for %s: %s", argv[0], strerror(errno));
	}
	signal(SIGPIPE, SIG_IGN);
	process->pid = fork();
	if (process->pid < 0) {
		fail_msg("cannot start %s: %s", argv[0], strerror(errno));
	}
	if (process->pid == 0) {
		become(argv, input[0], output[1], process->error, parent, &preparation);
	}
	close(input[0]);
	close(output[1]);
	process->input = input[1];
	process->output = output[0];
	return process;
}

/* Waits for output and takes it into the buffer: 1 taken, 0 its end, -1 none before the deadline. */
static int take_output(struct test_process *process, long long deadline)
{
	struct pollfd ready = {.fd = process->output, .events = POLLIN};
	ssize_t got;
	int count;

	do {
		count = poll(&ready, 1, remaining_ms(deadline));
	} while (count < 0 && errno == EINTR);
	if (count <= 0) {
		return -1;
	}
	if (process->start > 0) {
		memmove(process->buffer, process->buffer + process->start, process->end - process->start);
		process->end -= process->start;
		process->start = 0;
	}
	if (process->size - process->end < LINE_SIZE_FIRST / 2) {
		size_t size = process->size == 0 ? LINE_SIZE_FIRST : process->size * 2;
		char *larger = realloc(process->buffer, size);

		if (larger == NULL) {
			fail_msg("no memory for %zu bytes of output", size);
			abort();
		}
		process->buffer = larger;
		process->size = size;
	}
	got = read(process->output, process->buffer + process->end, process->size - process->end);
	if (got <= 0) {
		return 0;
	}
	process->end += (size_t)got;
	return 1;
}

const char *test_process_read_line(struct test_process *process, int timeout_ms)
{
	long long deadline = now_ms() + timeout_ms;

	for (;;) {
		size_t length = process->end - process->start;
		char *line = length == 0 ? NULL : process->buffer + process->start;
		char *feed = length == 0 ? NULL : memchr(line, '\n', length);

		if (feed != NULL) {
			*feed = '\0';
			process->start += (size_t)(feed - line) + 1;
			return line;
		}
		if (take_output(process, deadline) <= 0) {
			return NULL;
		}
	}
}

const char *test_process_read_line_with(struct test_process *process, const char *text, int timeout_ms)
{
	long long deadline = now_ms() + timeout_ms;

	for (;;) {
		const char *line = test_process_read_line(process, remaining_ms(deadline));

		if (line == NULL || strstr(line, text) != NULL) {
			return line;
		}
	}
}

long test_process_read(struct test_process *process, void *buffer, size_t size, int timeout_ms)
{
	size_t length = process->end - process->start;

	if (length == 0) {
		int taken = take_output(process, now_ms() + timeout_ms);

		if (taken <= 0) {
			return taken;
		}
		length = process->end - process->start;
	}
	if (length > size) {
		length = size;
	}
	memcpy(buffer, process->buffer + process->start, length);
	process->start += length;
	return (long)length;
}

bool test_process_write(struct test_process *process, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t put = write(process->input, at, length);

		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put <= 0) {
			return false;
		}
		at += put;
		length -= (size_t)put;
	}
	return true;
}

void test_process_close_input(struct test_process *process)
{
	if (process->input >= 0) {
		close(process->input);
		process->input = -1;
	}
}

const char *test_process_error_text(struct test_process *process)
{
	off_t length = lseek(process->error, 0, SEEK_END);
	ssize_t got;

	free(process->error_text);
	process->error_text = malloc((size_t)(length < 0 ? 0 : length) + 1);
	if (process->error_text == NULL) {
		fail_msg("no memory for the error text");
		abort();
	}
	got = pread(process->error, process->error_text, (size_t)(length < 0 ? 0 : length), 0);
	process->error_text[got < 0 ? 0 : got] = '\0';
	return process->error_text;
}

int test_process_pid(const struct test_process *process)
{
	return process->pid;
}

void test_process_signal(struct test_process *process, int signal_number)
{
	if (!process->ended) {
		kill(process->pid, signal_number);
	}
}

int test_process_wait(struct test_process *process, int timeout_ms)
{
	long long deadline = now_ms() + timeout_ms;

	while (!process->ended) {
		int status = 0;
		pid_t pid = waitpid(process->pid, &status, WNOHANG);

		if (pid == process->pid) {
			process->ended = true;
			process->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		} else if (remaining_ms(deadline) == 0) {
			return -1;
		} else {
			poll(NULL, 0, WAIT_SLICE_MS);
		}
	}
	return process->exit_code;
}

int test_process_stop(struct test_process *process)
{
	int exit_code;

	if (process == NULL) {
		return 0;
	}
	test_process_signal(process, SIGTERM);
	if (test_process_wait(process, STOP_GRACE_MS) < 0) {
		test_process_signal(process, SIGKILL);
		test_process_wait(process, STOP_GRACE_MS);
	}
	exit_code = process->exit_code;
	test_process_close_input(process);
	close(process->output);
	close(process->error);
	free(process->buffer);
	free(process->error_text);
	free(process);
	return exit_code;
}

int test_process_run(const char *const argv[], int timeout_ms, char *output, size_t output_size, char *error, size_t error_size)
{
	struct test_process *process = test_process_start(argv);
	long long deadline = now_ms() + timeout_ms;
	size_t filled = 0;
	char dropped[512];
	int exit_code;

	test_process_close_input(process);
	for (;;) {
		bool keep = output != NULL && filled + 1 < output_size;
		long got = test_process_read(process, keep ? output + filled : dropped, keep ? output_size - 1 - filled : sizeof(dropped),
		                             remaining_ms(deadline));

		if (got <= 0) {
			break;
		}
		filled += keep ? (size_t)got : 0;
	}
	if (output != NULL && output_size > 0) {
		output[filled] = '\0';
	}
	exit_code = test_process_wait(process, remaining_ms(deadline));
	if (error != NULL && error_size > 0) {
		snprintf(error, error_size, "%s", test_process_error_text(process));
	}
	test_process_stop(process);
	if (exit_code < 0) {
		fail_msg("%s did not end within %d ms", argv[0], timeout_ms);
	}
	return exit_code;
}

const char *test_program_path(const char *name, char *path, size_t size)
{
	const char *build = getenv("DPS_BUILD");
	char self[4096];
	ssize_t length;
	int level;

	if (build != NULL && build[0] != '\0') {
		if ((size_t)snprintf(path, size, "%s/%s", build, name) >= size) {
			fail_msg("the path of %s is too long", name);
		}
		return path;
	}
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length <= 0) {
		fail_msg("cannot read /proc/self/exe: %s", strerror(errno));
		abort();
	}
	self[length] = '\0';
	/* A test lies in BUILD/test/<kind>/<name>, the programs lie in BUILD. */
	for (level = 0; level < 3; level++) {
		char *slash = strrchr(self, '/');

		if (slash == NULL) {
			fail_msg("%s is not where a test is built", self);
			abort();
		}
		*slash = '\0';
	}
	if ((size_t)snprintf(path, size, "%s/%s", self, name) >= size) {
		fail_msg("the path of %s is too long", name);
	}
	return path;
}

void test_tmpdir_make(char *path, size_t size)
{
	const char *base = getenv("TMPDIR");

	if ((size_t)snprintf(path, size, "%s/dps-test-XXXXXX", base == NULL || base[0] == '\0' ? "/tmp" : base) >= size ||
	    mkdtemp(path) == NULL) {
		fail_msg("cannot make a temporary directory (%s): %s", path, strerror(errno));
	}
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)about;
	(void)kind;
	(void)where;
	return remove(path);
}

void test_tmpdir_remove(const char *path)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0) {
		fail_msg("cannot remove %s: %s", path, strerror(errno));
	}
}
