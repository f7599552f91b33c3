/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory storage: contents, permissions, names, locking, and that a write or an erase cut off or failing at any system call leaves the old
 * blob or the new one. The calls are interposed: the definitions below come before libc's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dps/port/posix.h"

/* The call at which something happens, counted from 1; 0: nothing. */
static int cut_at;   /* the process is killed instead of making the call */
static int fail_at;  /* the call fails */
static int fail_how; /* with this errno */
static int calls;
static size_t write_limit; /* bytes one write takes; 0: all */

static bool disturbed(void)
{
	calls++;
	if (calls == cut_at)
		kill(getpid(), SIGKILL);
	if (calls != fail_at)
		return false;
	errno = fail_how;
	return true;
}

ssize_t write(int fd, const void *data, size_t len)
{
	if (disturbed())
		return -1;
	return syscall(SYS_write, fd, data, write_limit && len > write_limit ? write_limit : len);
}

int fsync(int fd)
{
	return disturbed() ? -1 : (int)syscall(SYS_fsync, fd);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return disturbed() ? -1 : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

int unlinkat(int fd, const char *name, int flags)
{
	return disturbed() ? -1 : (int)syscall(SYS_unlinkat, fd, name, flags);
}

static void disturb_nothing(void)
{
	cut_at = 0;
	fail_at = 0;
	calls = 0;
	write_limit = 0;
}

static char directory[128];

static int make_directory(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	disturb_nothing();
	snprintf(directory, sizeof directory, "%s/dps-storage-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(directory) ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char path[192];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static int remove_directory(void **state)
{
	static const char *const names[] = {"a", "b", "link", "key-0", ".new"};

	(void)state;
	disturb_nothing();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(path_of(names[i]));
	rmdir(path_of("state"));
	return rmdir(directory);
}

static struct dps_span span(const char *text)
{
	return (struct dps_span){(const uint8_t *)text, strlen(text)};
}

static dps_result put(struct dps_posix_storage *s, const char *name, const char *text)
{
	struct dps_span part = span(text);

	return s->port.write(s->port.ctx, name, &part, 1);
}

/* The text of a blob, or "none". */
static const char *get(struct dps_posix_storage *s, const char *name)
{
	static char text[256];
	size_t len;
	dps_result result = s->port.read(s->port.ctx, name, (uint8_t *)text, sizeof text - 1, &len);

	if (result == DPS_E_NOT_FOUND)
		return "none";
	assert_int_equal(result, DPS_OK);
	text[len] = '\0';
	return text;
}

static void open_storage(struct dps_posix_storage *s)
{
	assert_int_equal(dps_posix_storage_open(s, directory), DPS_OK);
}

static void test_contents(void **state)
{
	struct dps_posix_storage s;
	struct dps_span parts[] = {span("one "), {NULL, 0}, span("two "), span("three")};
	uint8_t buf[32];
	size_t len;

	(void)state;
	open_storage(&s);
	assert_string_equal(get(&s, "a"), "none");
	assert_int_equal(s.port.write(s.port.ctx, "a", parts, 4), DPS_OK);
	assert_string_equal(get(&s, "a"), "one two three");
	assert_int_equal(s.port.read(s.port.ctx, "a", buf, 13, &len), DPS_OK);
	assert_int_equal(s.port.read(s.port.ctx, "a", buf, 12, &len), DPS_E_BUFFER);
	assert_int_equal(len, 13);

	assert_int_equal(s.port.write(s.port.ctx, "b", NULL, 0), DPS_OK);
	assert_int_equal(s.port.read(s.port.ctx, "b", buf, 0, &len), DPS_OK);
	assert_int_equal(len, 0);

	write_limit = 2; /* short writes are carried on */
	assert_int_equal(put(&s, "a", "shorter"), DPS_OK);
	assert_string_equal(get(&s, "a"), "shorter");

	assert_int_equal(s.port.erase(s.port.ctx, "a"), DPS_OK);
	assert_int_equal(s.port.erase(s.port.ctx, "a"), DPS_OK);
	assert_string_equal(get(&s, "a"), "none");
	assert_string_equal(dps_posix_storage_detail(&s), "");
	dps_posix_storage_close(&s);
	dps_posix_storage_close(&s);
	assert_int_equal(put(&s, "a", "closed"), DPS_E_STORAGE);
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", ".", "..", "A", "a/b", "../a", ".new", "a.b", "a b", "a_b", "abcdefghijklmnopqrstuvwxyz012345"};
	struct dps_posix_storage s;
	uint8_t buf[8];
	size_t len;

	(void)state;
	open_storage(&s);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(put(&s, bad[i], "x"), DPS_E_ARGUMENT);
		assert_int_equal(s.port.read(s.port.ctx, bad[i], buf, sizeof buf, &len), DPS_E_ARGUMENT);
		assert_int_equal(s.port.erase(s.port.ctx, bad[i]), DPS_E_ARGUMENT);
	}
	assert_int_equal(put(&s, "abcdefghijklmnopqrstuvwxyz01234", "x"), DPS_OK);
	assert_int_equal(s.port.erase(s.port.ctx, "abcdefghijklmnopqrstuvwxyz01234"), DPS_OK);
	dps_posix_storage_close(&s);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void test_modes(void **state)
{
	struct dps_posix_storage s;
	mode_t mask = umask(0);

	(void)state;
	assert_int_equal(dps_posix_storage_open(&s, path_of("state")), DPS_OK);
	assert_int_equal(mode_of(path_of("state")), 0700);
	assert_int_equal(put(&s, "key-0", "secret"), DPS_OK);
	assert_int_equal(mode_of(path_of("state/key-0")), 0600);
	assert_int_equal(s.port.erase(s.port.ctx, "key-0"), DPS_OK);
	dps_posix_storage_close(&s);

	assert_int_equal(chmod(path_of("state"), 0777), 0);
	assert_int_equal(dps_posix_storage_open(&s, path_of("state")), DPS_E_STORAGE_DENIED);
	assert_non_null(strstr(dps_posix_storage_detail(&s), "anybody may write"));
	umask(mask);
}

static void test_directory_that_is_none(void **state)
{
	struct dps_posix_storage s;
	char path[224];
	int fd = open(path_of("a"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(dps_posix_storage_open(&s, path_of("a")), DPS_E_STORAGE);
	assert_non_null(strstr(dps_posix_storage_detail(&s), "not a directory"));
	snprintf(path, sizeof path, "%s/a/state", directory);
	assert_int_equal(dps_posix_storage_open(&s, path), DPS_E_STORAGE);
	snprintf(path, sizeof path, "%s/missing/state", directory);
	assert_int_equal(dps_posix_storage_open(&s, path), DPS_E_STORAGE);
	assert_non_null(strstr(dps_posix_storage_detail(&s), "no such file or directory"));
	assert_int_equal(put(&s, "a", "x"), DPS_E_STORAGE);
}

static void test_lock(void **state)
{
	struct dps_posix_storage first, second;

	(void)state;
	open_storage(&first);
	assert_int_equal(dps_posix_storage_open(&second, directory), DPS_E_STORAGE_DENIED);
	assert_non_null(strstr(dps_posix_storage_detail(&second), "in use"));
	dps_posix_storage_close(&first);
	open_storage(&second);
	dps_posix_storage_close(&second);
}

static void test_symbolic_links(void **state)
{
	struct dps_posix_storage s;
	uint8_t buf[32];
	size_t len;

	(void)state;
	open_storage(&s);
	assert_int_equal(put(&s, "a", "target"), DPS_OK);
	assert_int_equal(symlink("a", path_of("link")), 0);
	assert_int_equal(s.port.read(s.port.ctx, "link", buf, sizeof buf, &len), DPS_E_STORAGE_DENIED);
	assert_int_equal(put(&s, "link", "new"), DPS_OK); /* replaces the link, not what it points to */
	assert_string_equal(get(&s, "a"), "target");
	assert_string_equal(get(&s, "link"), "new");
	/* A link planted under the temporary name is removed, not written through. */
	assert_int_equal(symlink("a", path_of(".new")), 0);
	assert_int_equal(put(&s, "b", "b"), DPS_OK);
	assert_string_equal(get(&s, "a"), "target");
	/* What is no file is not read. */
	assert_int_equal(mkdir(path_of("state"), 0700), 0);
	assert_int_equal(s.port.read(s.port.ctx, "state", buf, sizeof buf, &len), DPS_E_STORAGE);
	assert_int_equal(put(&s, "state", "x"), DPS_E_STORAGE);
	assert_int_equal(access(path_of(".new"), F_OK), -1);
	dps_posix_storage_close(&s);
}

static void test_stale_temporary_file(void **state)
{
	struct dps_posix_storage s;
	int fd = open(path_of(".new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	open_storage(&s);
	assert_int_equal(access(path_of(".new"), F_OK), -1);
	dps_posix_storage_close(&s);
}

/* Runs a change in a child that is killed at the nth call. Whether it was killed. */
static bool cut(int at, bool erase)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct dps_posix_storage s;
		dps_result result = dps_posix_storage_open(&s, directory);

		disturb_nothing();
		cut_at = at;
		if (result == DPS_OK)
			result = erase ? s.port.erase(s.port.ctx, "a") : put(&s, "a", "the new content");
		_exit(result == DPS_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return true;
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

static void test_cut_anywhere(void **state)
{
	struct dps_posix_storage s;
	unsigned olds = 0, news = 0;
	int at;

	(void)state;
	for (at = 1;; at++) {
		bool killed;
		const char *text;

		open_storage(&s);
		assert_int_equal(put(&s, "a", "the old content"), DPS_OK);
		dps_posix_storage_close(&s);
		killed = cut(at, false);
		open_storage(&s);
		text = get(&s, "a");
		if (strcmp(text, "the old content") == 0)
			olds++;
		else if (strcmp(text, "the new content") == 0)
			news++;
		else
			fail_msg("mixed: %s", text);
		assert_int_equal(access(path_of(".new"), F_OK), -1);
		dps_posix_storage_close(&s);
		if (!killed)
			break;
	}
	/* unlinkat, write, fsync, renameat see the old content; the directory's fsync and the whole run the new one. */
	assert_int_equal(olds, 4);
	assert_int_equal(news, 2);
	assert_true(cut(1, true));
	open_storage(&s);
	assert_string_equal(get(&s, "a"), "the new content");
	dps_posix_storage_close(&s);
	assert_true(cut(2, true));
	open_storage(&s);
	assert_string_equal(get(&s, "a"), "none");
	dps_posix_storage_close(&s);
}

static void test_failures(void **state)
{
	static const struct {
		int error;
		dps_result result;
	} causes[] = {
		{ENOSPC, DPS_E_STORAGE_FULL},   {EDQUOT, DPS_E_STORAGE_FULL},  {EFBIG, DPS_E_STORAGE_FULL}, {EROFS, DPS_E_STORAGE_DENIED},
		{EACCES, DPS_E_STORAGE_DENIED}, {EPERM, DPS_E_STORAGE_DENIED}, {EIO, DPS_E_STORAGE},
	};
	struct dps_posix_storage s;

	(void)state;
	open_storage(&s);
	for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
		/* unlinkat, write, fsync, renameat */
		for (int at = 1; at <= 4; at++) {
			disturb_nothing();
			assert_int_equal(put(&s, "a", "old"), DPS_OK);
			calls = 0;
			fail_at = at;
			fail_how = causes[i].error;
			assert_int_equal(put(&s, "a", "new"), causes[i].result);
			assert_true(strlen(dps_posix_storage_detail(&s)) > strlen("write a: "));
			disturb_nothing();
			assert_string_equal(get(&s, "a"), "old");
			assert_int_equal(access(path_of(".new"), F_OK), -1);
		}
		calls = 0;
		fail_at = 1;
		fail_how = causes[i].error;
		assert_int_equal(s.port.erase(s.port.ctx, "a"), causes[i].result);
		disturb_nothing();
		assert_string_equal(get(&s, "a"), "old");
	}
	dps_posix_storage_close(&s);
}

/* An interrupted write is carried on; it is no failure. */
static void test_interrupted_write(void **state)
{
	struct dps_posix_storage s;

	(void)state;
	open_storage(&s);
	disturb_nothing();
	fail_at = 2;
	fail_how = EINTR;
	assert_int_equal(put(&s, "a", "whole"), DPS_OK);
	assert_string_equal(get(&s, "a"), "whole");
	dps_posix_storage_close(&s);
}

/* An erase is not reported as done while it may come back: the directory is synced even if the file is gone already. */
static void test_erase_is_made_durable_later(void **state)
{
	struct dps_posix_storage s;

	(void)state;
	open_storage(&s);
	assert_int_equal(put(&s, "a", "x"), DPS_OK);
	disturb_nothing();
	fail_at = 2; /* the fsync behind the unlink */
	fail_how = EIO;
	assert_int_equal(s.port.erase(s.port.ctx, "a"), DPS_E_STORAGE);
	disturb_nothing();
	fail_at = 2;
	assert_int_equal(s.port.erase(s.port.ctx, "a"), DPS_E_STORAGE);
	disturb_nothing();
	assert_int_equal(s.port.erase(s.port.ctx, "a"), DPS_OK);
	assert_int_equal(calls, 2);
	assert_int_equal(s.port.erase(s.port.ctx, "a"), DPS_OK);
	assert_int_equal(calls, 3); /* nothing to sync any more */
	dps_posix_storage_close(&s);
}

/* The kernel's own "no": a limit on the size of files. */
static void test_real_limit(void **state)
{
	struct rlimit old, small;
	struct dps_posix_storage s;
	static char large[8192];
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

	(void)state;
	memset(large, 'x', sizeof large - 1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	open_storage(&s);
	assert_int_equal(put(&s, "a", "old"), DPS_OK);
	small = old;
	small.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(put(&s, "a", large), DPS_E_STORAGE_FULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, handler);
	assert_string_equal(get(&s, "a"), "old");
	assert_int_equal(access(path_of(".new"), F_OK), -1);
	dps_posix_storage_close(&s);
}

/* The kernel's own "no": a directory that may not be written to. Root may; then a child gives up root first. */
static void test_read_only_directory(void **state)
{
	struct dps_posix_storage s, none;
	pid_t pid;
	int status;

	(void)state;
	open_storage(&s);
	assert_int_equal(put(&s, "a", "old"), DPS_OK);
	dps_posix_storage_close(&s);
	assert_int_equal(chmod(path_of("a"), 0644), 0);
	assert_int_equal(chmod(directory, 0555), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* What leads to the directory may be root's alone. */
		if (chdir(directory) != 0)
			_exit(8);
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(9);
		if (dps_posix_storage_open(&s, ".") != DPS_OK)
			_exit(1);
		if (strcmp(get(&s, "a"), "old") != 0)
			_exit(2);
		if (dps_posix_storage_open(&none, "none") != DPS_E_STORAGE_DENIED)
			_exit(6);
		if (put(&s, "a", "new") != DPS_E_STORAGE_DENIED)
			_exit(3);
		if (s.port.erase(s.port.ctx, "a") != DPS_E_STORAGE_DENIED)
			_exit(4);
		_exit(strcmp(get(&s, "a"), "old") != 0 ? 5 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(chmod(directory, 0700), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	open_storage(&s);
	assert_string_equal(get(&s, "a"), "old");
	dps_posix_storage_close(&s);
}

/* Looking in beside the process that holds the directory, and where there is none: nothing is ever changed. */
static void test_looking_in(void **state)
{
	struct dps_posix_storage holder, s;
	struct dps_span part = span("x");

	(void)state;
	assert_int_equal(dps_posix_storage_open_readonly(&s, path_of("state")), DPS_E_NOT_FOUND);
	assert_int_equal(access(path_of("state"), F_OK), -1);
	assert_int_equal(put(&s, "a", "closed"), DPS_E_STORAGE_DENIED);
	assert_int_equal(dps_posix_storage_open_readonly(&s, path_of("state/below")), DPS_E_NOT_FOUND);

	open_storage(&holder);
	assert_int_equal(put(&holder, "a", "old"), DPS_OK);
	close(open(path_of(".new"), O_CREAT | O_WRONLY, 0600)); /* the holder is writing */
	disturb_nothing();
	assert_int_equal(dps_posix_storage_open_readonly(&s, directory), DPS_OK);
	assert_string_equal(get(&s, "a"), "old");
	assert_string_equal(get(&s, "b"), "none");
	assert_int_equal(s.port.write(s.port.ctx, "a", &part, 1), DPS_E_STORAGE_DENIED);
	assert_string_equal(dps_posix_storage_detail(&s), "write a: read-only file system");
	assert_int_equal(s.port.erase(s.port.ctx, "a"), DPS_E_STORAGE_DENIED);
	assert_int_equal(calls, 0); /* no write, no fsync, no rename, no unlink was even tried */
	assert_int_equal(access(path_of(".new"), F_OK), 0);
	assert_int_equal(unlink(path_of(".new")), 0);
	assert_int_equal(put(&holder, "a", "new"), DPS_OK);
	assert_string_equal(get(&s, "a"), "new");
	dps_posix_storage_close(&s);
	dps_posix_storage_close(&s);

	/* The one who looked in first does not keep others out. */
	dps_posix_storage_close(&holder);
	assert_int_equal(dps_posix_storage_open_readonly(&s, directory), DPS_OK);
	open_storage(&holder);
	dps_posix_storage_close(&holder);
	dps_posix_storage_close(&s);

	assert_int_equal(chmod(directory, 0777), 0);
	assert_int_equal(dps_posix_storage_open_readonly(&s, directory), DPS_E_STORAGE_DENIED);
	assert_int_equal(chmod(directory, 0700), 0);
	assert_int_equal(dps_posix_storage_open_readonly(&s, "/dev/null"), DPS_E_STORAGE);
}

#define STORAGE_TEST(function) cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORAGE_TEST(test_contents),
		STORAGE_TEST(test_names),
		STORAGE_TEST(test_modes),
		STORAGE_TEST(test_directory_that_is_none),
		STORAGE_TEST(test_lock),
		STORAGE_TEST(test_symbolic_links),
		STORAGE_TEST(test_stale_temporary_file),
		STORAGE_TEST(test_cut_anywhere),
		STORAGE_TEST(test_failures),
		STORAGE_TEST(test_interrupted_write),
		STORAGE_TEST(test_erase_is_made_durable_later),
		STORAGE_TEST(test_real_limit),
		STORAGE_TEST(test_read_only_directory),
		STORAGE_TEST(test_looking_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
