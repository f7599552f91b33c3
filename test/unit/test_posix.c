/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small POSIX ports: clock, randomness, log, waiting, reading a file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "dps/port/posix.h"

static char directory[128];

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof directory, "%s/dps-posix-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static const char *path_of(const char *name)
{
	static char path[192];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_clock(void **state)
{
	struct dps_posix_clock clock;
	uint64_t before;
	int64_t wall;
	bool synchronised;

	(void)state;
	dps_posix_clock_init(&clock, false);
	before = clock.port.monotonic_ms(clock.port.ctx);
	assert_true(before > 0);
	assert_true(clock.port.monotonic_ms(clock.port.ctx) >= before);

	clock.port.wall(clock.port.ctx, &wall, &synchronised);
	assert_false(synchronised);
	assert_true(wall / 1000 - (int64_t)time(NULL) <= 1 && (int64_t)time(NULL) - wall / 1000 <= 1);

	clock.synchronised = true;
	clock.port.wall(clock.port.ctx, &wall, &synchronised);
	assert_true(synchronised);
}

static void test_random(void **state)
{
	static uint8_t a[1000], b[1000];
	struct dps_random random;
	size_t zeros = 0;

	(void)state;
	dps_posix_random_init(&random);
	assert_int_equal(random.fill(random.ctx, a, sizeof a), DPS_OK);
	assert_int_equal(random.fill(random.ctx, b, sizeof b), DPS_OK);
	assert_memory_not_equal(a, b, sizeof a);
	for (size_t i = 0; i < sizeof a; i++)
		zeros += a[i] == 0;
	/* About four are expected; that fifty come by chance will not be seen. */
	assert_true(zeros < 50);
	assert_int_equal(random.fill(random.ctx, a, 0), DPS_OK);
}

static void test_log(void **state)
{
	struct dps_posix_log log;
	char text[128] = "";
	FILE *stream = fmemopen(text, sizeof text, "w");

	(void)state;
	assert_non_null(stream);
	dps_posix_log_init(&log, stream, DPS_LOG_WARNING);
	log.port.write(log.port.ctx, DPS_LOG_INFO, "not to be seen");
	log.port.write(log.port.ctx, DPS_LOG_WARNING, "100 %s");
	log.port.write(log.port.ctx, DPS_LOG_ERROR, "gone");
	fclose(stream);
	assert_string_equal(text, "warning: 100 %s\nerror: gone\n");
}

static void test_wait(void **state)
{
	struct dps_wait waits[DPS_POSIX_WAIT_MAX + 1] = {{0, 0}};
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	waits[0].handle = pipes[0];
	waits[0].directions = DPS_WAIT_READ;
	assert_int_equal(dps_posix_wait(waits, 1, 0), DPS_AGAIN);
	assert_int_equal(dps_posix_wait(waits, 0, 1), DPS_AGAIN);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(dps_posix_wait(waits, 1, DPS_FOREVER), DPS_OK);
	assert_int_equal(dps_posix_wait(waits, 1, DPS_FOREVER - 1), DPS_OK);
	waits[1].handle = pipes[1];
	waits[1].directions = DPS_WAIT_WRITE;
	assert_int_equal(dps_posix_wait(waits + 1, 1, DPS_FOREVER), DPS_OK);
	assert_int_equal(dps_posix_wait(waits, DPS_POSIX_WAIT_MAX + 1, 0), DPS_E_ARGUMENT);
	close(pipes[0]);
	close(pipes[1]);
}

static void on_alarm(int number)
{
	(void)number;
}

/* A signal ends a wait, so that an application can look at its flags. The timer comes again in case it was early. */
static void test_wait_is_ended_by_a_signal(void **state)
{
	struct itimerval soon = {{0, 5000}, {0, 5000}};
	struct itimerval never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = on_alarm}, old;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(dps_posix_wait(NULL, 0, DPS_FOREVER), DPS_AGAIN);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
}

static void test_read_file(void **state)
{
	uint8_t buf[8];
	size_t len;
	bool looser;
	const char *why;

	(void)state;
	write_file("key", "12345678", 0600);
	assert_int_equal(dps_posix_read_file(path_of("key"), buf, sizeof buf, &len, &looser, &why), DPS_OK);
	assert_int_equal(len, 8);
	assert_memory_equal(buf, "12345678", 8);
	assert_false(looser);
	assert_string_equal(why, "");

	assert_int_equal(dps_posix_read_file(path_of("key"), buf, 7, &len, &looser, &why), DPS_E_FILE);
	assert_string_equal(why, "too large");

	write_file("key", "123", 0640);
	assert_int_equal(dps_posix_read_file(path_of("key"), buf, sizeof buf, &len, &looser, NULL), DPS_OK);
	assert_int_equal(len, 3);
	assert_true(looser);
	write_file("key", "123", 0604);
	assert_int_equal(dps_posix_read_file(path_of("key"), buf, sizeof buf, &len, &looser, NULL), DPS_OK);
	assert_true(looser);

	write_file("key", "", 0600);
	assert_int_equal(dps_posix_read_file(path_of("key"), buf, sizeof buf, &len, NULL, &why), DPS_E_FILE);
	assert_string_equal(why, "empty");
	unlink(path_of("key"));
}

static void test_read_file_that_is_none(void **state)
{
	uint8_t buf[8];
	size_t len;
	bool looser;
	const char *why;

	(void)state;
	assert_int_equal(dps_posix_read_file(path_of("none"), buf, sizeof buf, &len, &looser, &why), DPS_E_FILE);
	assert_string_equal(why, "no such file");
	assert_int_equal(dps_posix_read_file(directory, buf, sizeof buf, &len, &looser, &why), DPS_E_FILE);
	assert_string_equal(why, "not a regular file");
	assert_false(looser);
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(dps_posix_read_file(path_of("fifo"), buf, sizeof buf, &len, &looser, &why), DPS_E_FILE);
	assert_string_equal(why, "not a regular file");
	unlink(path_of("fifo"));
	if (geteuid() == 0)
		return; /* root may read anything */
	write_file("closed", "123", 0);
	assert_int_equal(dps_posix_read_file(path_of("closed"), buf, sizeof buf, &len, &looser, &why), DPS_E_FILE);
	assert_string_equal(why, "permission denied");
	unlink(path_of("closed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_wait_is_ended_by_a_signal),
		cmocka_unit_test(test_read_file),
		cmocka_unit_test(test_read_file_that_is_none),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
