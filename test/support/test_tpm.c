/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test_tpm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define STATE_FILE   "tpm2-00.permall"
#define START_TRIES  20
#define START_MS     10000
#define TOOL_MS      20000
#define MESSAGE_SIZE 4096
#define ARGUMENTS    32

/* --- the one that is manufactured -------------------------------------------------------------------------------------------------- */

static char factory[256];

const char *test_tpm_path(const struct test_tpm *tpm, const char *name)
{
	static char paths[8][400];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", tpm->dir, name);
	return path;
}

static void write_text(const char *dir, const char *name, const char *format, const char *a)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	assert_true(fprintf(file, format, a, a, a, a) > 0);
#pragma GCC diagnostic pop
	assert_int_equal(fclose(file), 0);
}

/* swtpm_setup with an authority of its own, all below one directory. */
static void manufacture(void)
{
	char config[400], error[4096];

	test_tmpdir_make(factory, sizeof(factory));
	write_text(factory, "localca.conf",
	           "statedir = %s/ca\nsigningkey = %s/ca/signing.pem\nissuercert = %s/ca/issuer.pem\ncertserial = %s/ca/serial\n", factory);
	write_text(factory, "localca.options", "--platform-manufacturer Example\n--platform-version 1\n--platform-model Test%.0s%.0s%.0s%.0s\n",
	           "");
	write_text(factory, "setup.conf",
	           "create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = %s/localca.conf\ncreate_certs_tool_options = "
	           "%s/localca.options\nactive_pcr_banks = sha256%.0s%.0s\n",
	           factory);
	(void)snprintf(config, sizeof(config), "%s/setup.conf", factory);
	const char *const argv[] = {"swtpm_setup", "--tpm2",    "--tpmstate", factory, "--create-ek-cert", "--lock-nvram", "--config",
	                            config,        "--logfile", "/dev/null",  NULL};
	if (test_process_run(argv, 60000, NULL, 0, error, sizeof(error)) != 0)
		fail_msg("swtpm_setup: %s", error);
}

void test_tpm_forget_all(void)
{
	if (factory[0] != '\0')
		test_tmpdir_remove(factory);
	factory[0] = '\0';
}

static void copy_file(const char *from_dir, const char *to_dir, const char *name)
{
	char from[400], to[400], buffer[65536];

	(void)snprintf(from, sizeof(from), "%s/%s", from_dir, name);
	(void)snprintf(to, sizeof(to), "%s/%s", to_dir, name);
	FILE *in = fopen(from, "rb");
	FILE *out = fopen(to, "wb");
	assert_non_null(in);
	assert_non_null(out);
	const size_t n = fread(buffer, 1, sizeof(buffer), in);
	assert_true(n > 0 && n < sizeof(buffer));
	assert_int_equal(fwrite(buffer, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
	(void)fclose(in);
}

/* --- starting and stopping ----------------------------------------------------------------------------------------------------------- */

static int listen_on(uint16_t port, uint16_t *bound)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	const int on = 1;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 4) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		(void)close(fd);
		return -1;
	}
	*bound = ntohs(address.sin_port);
	return fd;
}

static int connect_to(uint16_t port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* Two ports in a row that nobody listens on: tpm2-tools wants the control channel right behind the other. */
static uint16_t find_ports(void)
{
	for (int i = 0; i < 100; i++) {
		uint16_t port = 0, next = 0;
		const int first = listen_on(0, &port);
		const int second = port < UINT16_MAX ? listen_on((uint16_t)(port + 1), &next) : -1;

		if (first >= 0)
			(void)close(first);
		if (second >= 0)
			(void)close(second);
		if (first >= 0 && second >= 0)
			return port;
	}
	fail_msg("no two free ports in a row");
	return 0;
}

/* Whether it listens on both ports: then it writes its pid. False: it ended, as somebody else was faster with the ports, and may be listening there. */
static bool wait_until_up(const struct test_tpm *tpm, const char *pid_file)
{
	struct stat file;

	for (int waited = 0; waited < START_MS; waited += 5) {
		if (stat(pid_file, &file) == 0 && file.st_size > 0)
			return true;
		if (test_process_wait(tpm->process, 0) != -1)
			return false;
		(void)poll(NULL, 0, 5);
	}
	return false;
}

static void start_process(struct test_tpm *tpm)
{
	char state[300], server[64], control[64], pid_file[300], pid[320];

	for (int i = 0; i < START_TRIES; i++) {
		tpm->port = find_ports();
		(void)snprintf(state, sizeof(state), "dir=%s", tpm->dir);
		(void)snprintf(pid_file, sizeof(pid_file), "%s/pid", tpm->dir);
		(void)snprintf(pid, sizeof(pid), "file=%s", pid_file);
		(void)unlink(pid_file);
		(void)snprintf(server, sizeof(server), "type=tcp,port=%u,bindaddr=127.0.0.1", (unsigned)tpm->port);
		(void)snprintf(control, sizeof(control), "type=tcp,port=%u,bindaddr=127.0.0.1", (unsigned)tpm->port + 1);
		const char *const argv[] = {"swtpm",
		                            "socket",
		                            "--tpm2",
		                            "--tpmstate",
		                            state,
		                            "--server",
		                            server,
		                            "--ctrl",
		                            control,
		                            "--pid",
		                            pid,
		                            "--flags",
		                            "not-need-init,startup-clear",
		                            NULL};
		tpm->process = test_process_start(argv);
		if (wait_until_up(tpm, pid_file)) {
			(void)snprintf(tpm->tcti, sizeof(tpm->tcti), "swtpm:host=127.0.0.1,port=%u", (unsigned)tpm->port);
			return;
		}
		test_tpm_kill(tpm);
	}
	fail_msg("swtpm does not start");
}

void test_tpm_start(struct test_tpm *tpm)
{
	if (factory[0] == '\0')
		manufacture();
	memset(tpm, 0, sizeof(*tpm));
	test_tmpdir_make(tpm->dir, sizeof(tpm->dir));
	copy_file(factory, tpm->dir, STATE_FILE);
	start_process(tpm);
}

void test_tpm_kill(struct test_tpm *tpm)
{
	if (tpm->process == NULL)
		return;
	test_process_signal(tpm->process, SIGKILL);
	(void)test_process_stop(tpm->process);
	tpm->process = NULL;
}

void test_tpm_power_cycle(struct test_tpm *tpm)
{
	test_tpm_kill(tpm);
	start_process(tpm);
}

void test_tpm_stop(struct test_tpm *tpm)
{
	test_tpm_kill(tpm);
	if (tpm->dir[0] != '\0')
		test_tmpdir_remove(tpm->dir);
	tpm->dir[0] = '\0';
}

/* --- the independent witness ----------------------------------------------------------------------------------------------------------- */

int test_tpm_tool(const struct test_tpm *tpm, char *output, size_t size, const char *tool, ...)
{
	const char *argv[ARGUMENTS] = {tool, "-T", tpm->tcti};
	size_t count = 3;
	va_list args;

	va_start(args, tool);
	while (count < ARGUMENTS - 1 && (argv[count] = va_arg(args, const char *)) != NULL)
		count++;
	va_end(args);
	argv[count] = NULL;
	return test_process_run(argv, TOOL_MS, output, size, NULL, 0);
}

size_t test_tpm_count(const struct test_tpm *tpm, const char *capability)
{
	char output[4096], error[4096];
	size_t count = 0;

	const char *const argv[] = {"tpm2_getcap", "-T", tpm->tcti, capability, NULL};
	if (test_process_run(argv, TOOL_MS, output, sizeof(output), error, sizeof(error)) != 0)
		fail_msg("tpm2_getcap %s: %s", capability, error);
	for (const char *at = output; (at = strstr(at, "- 0x")) != NULL; at++)
		count++;
	return count;
}

void test_tpm_assert_clean(const struct test_tpm *tpm)
{
	assert_int_equal(test_tpm_count(tpm, "handles-transient"), 0);
	assert_int_equal(test_tpm_count(tpm, "handles-loaded-session"), 0);
	assert_int_equal(test_tpm_count(tpm, "handles-saved-session"), 0);
}

/* --- a line with faults ------------------------------------------------------------------------------------------------------------------ */

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool send_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		const ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* One message, or false: the other side is gone, or the line is stopped. */
static bool receive_message(const struct test_tpm_line *line, int fd, uint8_t *bytes, size_t *len)
{
	*len = 0;
	while (*len < 10 || *len < get32(bytes + 2)) {
		struct pollfd waits[2] = {{.fd = fd, .events = POLLIN}, {.fd = line->stop[0], .events = POLLIN}};

		if (poll(waits, 2, -1) < 0 && errno == EINTR)
			continue;
		if (waits[1].revents != 0)
			return false;
		const ssize_t n = recv(fd, bytes + *len, MESSAGE_SIZE - *len, 0);
		if (n <= 0)
			return false;
		*len += (size_t)n;
	}
	return true;
}

/* Whether this command meets the fault. */
static bool is_hit(struct test_tpm_line *line, uint32_t code)
{
	if (line->only != 0 && code != line->only)
		return false;
	line->commands++;
	return line->at != 0 && line->commands >= line->at && (line->times == 0 || line->commands < line->at + line->times);
}

static bool answer_code(int fd, uint32_t code)
{
	const uint8_t answer[10] = {0x80, 0x01, 0, 0, 0, 10, (uint8_t)(code >> 24), (uint8_t)(code >> 16), (uint8_t)(code >> 8), (uint8_t)code};

	return send_all(fd, answer, sizeof(answer));
}

/* Commands of one connection, until it ends. False: no other is to be taken. */
static bool serve(struct test_tpm_line *line, int client)
{
	uint8_t bytes[MESSAGE_SIZE];
	size_t len;
	bool again = true;
	const int tpm = line->to != 0 ? connect_to(line->to) : -1;

	while (receive_message(line, client, bytes, &len)) {
		const bool hit = is_hit(line, get32(bytes + 6));

		if (line->needle != NULL && memmem(bytes, len, line->needle, strlen(line->needle)) != NULL)
			line->found = true;

		if (hit && line->fault == TEST_TPM_CLOSE) {
			again = line->times != 0;
			break;
		}
		if (hit && line->fault == TEST_TPM_SILENT)
			continue;
		if (hit && line->fault == TEST_TPM_GARBAGE) {
			if (!send_all(client, (const uint8_t *)"HTTP/1.1 400 Bad Request\r\n\r\n", 28))
				break;
			continue;
		}
		if (hit && line->fault == TEST_TPM_ANSWER) {
			if (!answer_code(client, line->code))
				break;
			continue;
		}
		if (tpm < 0 || !send_all(tpm, bytes, len) || !receive_message(line, tpm, bytes, &len))
			break;
		if (hit) {
			again = line->times != 0;
			break;
		}
		if (!send_all(client, bytes, len))
			break;
	}
	if (tpm >= 0)
		(void)close(tpm);
	/* who sees that the connection is gone must not find another */
	if (!again) {
		(void)close(line->listener);
		line->listener = -1;
	}
	(void)close(client);
	return again;
}

static void *run(void *context)
{
	struct test_tpm_line *line = context;

	for (;;) {
		struct pollfd waits[2] = {{.fd = line->listener, .events = POLLIN}, {.fd = line->stop[0], .events = POLLIN}};

		if (poll(waits, 2, -1) < 0 && errno == EINTR)
			continue;
		if (waits[1].revents != 0)
			return NULL;
		const int client = accept(line->listener, NULL, NULL);
		if (client >= 0 && !serve(line, client))
			return NULL;
	}
}

void test_tpm_line_start(struct test_tpm_line *line, const struct test_tpm *tpm)
{
	memset(line, 0, sizeof(*line));
	line->to = tpm != NULL ? tpm->port : 0;
	line->listener = listen_on(0, &line->port);
	assert_true(line->listener >= 0);
	assert_int_equal(pipe(line->stop), 0);
	(void)snprintf(line->tcti, sizeof(line->tcti), "swtpm:host=127.0.0.1,port=%u", (unsigned)line->port);
	assert_int_equal(pthread_create(&line->thread, NULL, run, line), 0);
}

void test_tpm_line_stop(struct test_tpm_line *line)
{
	assert_int_equal(write(line->stop[1], "x", 1), 1);
	assert_int_equal(pthread_join(line->thread, NULL), 0);
	if (line->listener >= 0)
		(void)close(line->listener);
	(void)close(line->stop[0]);
	(void)close(line->stop[1]);
}

void test_tpm_line_fault(struct test_tpm_line *line, unsigned at, unsigned times, enum test_tpm_fault fault, uint32_t code)
{
	line->at = 0;
	line->only = 0;
	line->commands = 0;
	line->times = times;
	line->fault = fault;
	line->code = code;
	line->at = at;
}

void test_tpm_line_fault_on(struct test_tpm_line *line, uint32_t command, unsigned times, enum test_tpm_fault fault, uint32_t code)
{
	test_tpm_line_fault(line, 1, times, fault, code);
	line->only = command;
}

unsigned test_tpm_line_commands(const struct test_tpm_line *line)
{
	return line->commands;
}
