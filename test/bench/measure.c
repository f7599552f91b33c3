/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure FILE COMMAND [ARGUMENT]...: runs the command and writes to FILE what it cost, as one JSON object.
 *
 * The kernel counts the memory of whoever forked towards a child's peak, so it has to be something small that forks: this. The
 * command dies with it; its exit status is handed on.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/delay_line.h"

static double milliseconds(struct timeval time)
{
	return (double)time.tv_sec * 1000.0 + (double)time.tv_usec / 1000.0;
}

static int write_costs(const char *path, const struct rusage *usage, uint64_t elapsed_ns)
{
	FILE *file = fopen(path, "w");

	if (file == NULL) {
		perror(path);
		return 1;
	}
	fprintf(file, "{\"elapsedMs\":%.3f,\"userMs\":%.3f,\"systemMs\":%.3f,\"maxRssKiB\":%ld}\n", (double)elapsed_ns / 1e6,
	        milliseconds(usage->ru_utime), milliseconds(usage->ru_stime), usage->ru_maxrss);
	return fclose(file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint64_t start_ns = delay_now_ns();
	struct rusage usage;
	int status;
	pid_t parent = getpid();
	pid_t child;

	if (argc < 3) {
		fputs("usage: measure FILE COMMAND [ARGUMENT]...\n", stderr);
		return 2;
	}
	child = fork();
	if (child == 0) {
		/* Whoever is gone already cannot send the signal. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child) {
		perror("measure");
		return 1;
	}
	if (write_costs(argv[1], &usage, delay_now_ns() - start_ns) != 0)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
