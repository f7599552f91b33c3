/* SPDX-License-Identifier: Apache-2.0 */
/* See test_station.h. */
#include "support/test_station.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TIMEOUT_MS   60000
#define START_TRIES  20
#define START_SLICES 400 /* of 5 ms */

const char *test_station_path(const struct test_station *station, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", station->directory, name);
	return path;
}

/* --- the shell --- */

static int run_script(struct test_station *station, const char *format, va_list arguments)
{
	static char script[32768];
	const char *const argv[] = {"sh", "-euc", script, NULL};
	int used = snprintf(script, sizeof(script), "cd '%s'\n", station->directory);

	if ((size_t)vsnprintf(script + used, sizeof(script) - (size_t)used, format, arguments) >= sizeof(script) - (size_t)used) {
		fail_msg("the script is too long");
	}
	return test_process_run(argv, TIMEOUT_MS, station->out, sizeof(station->out), station->error, sizeof(station->error));
}

int test_station_run(struct test_station *station, const char *format, ...)
{
	va_list arguments;
	int status;

	va_start(arguments, format);
	status = run_script(station, format, arguments);
	va_end(arguments);
	return status;
}

void test_station_expect(struct test_station *station, int status, const char *format, ...)
{
	va_list arguments;
	char script[1024];
	int got;

	va_start(arguments, format);
	got = run_script(station, format, arguments);
	va_end(arguments);
	if (got != status) {
		va_start(arguments, format);
		vsnprintf(script, sizeof(script), format, arguments);
		va_end(arguments);
		fail_msg("%s\nended with %d, not %d; it wrote:\n%s\n%s", script, got, status, station->out, station->error);
	}
}

void test_station_said(const struct test_station *station, const char *text)
{
	if (strstr(station->out, text) == NULL) {
		fail_msg("\"%s\" was expected in: %s\n%s", text, station->out, station->error);
	}
}

void test_station_complained(const struct test_station *station, const char *text)
{
	if (strstr(station->error, text) == NULL) {
		fail_msg("\"%s\" was expected on standard error: %s\n%s", text, station->error, station->out);
	}
}

/* --- TPMs --- */

static int bind_port(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		return fd;
	}
	close(fd);
	return -1;
}

/* swtpm is controlled at the port behind its own, which libtss2 counts on: two free ports in a row. */
static int free_ports(void)
{
	for (int tries = 0; tries < START_TRIES; tries++) {
		struct sockaddr_in address;
		socklen_t len = sizeof(address);
		int first = bind_port(0);
		int second;
		int port;

		assert_int_equal(getsockname(first, (struct sockaddr *)&address, &len), 0);
		port = ntohs(address.sin_port);
		second = port < 65535 ? bind_port(port + 1) : -1;
		close(first);
		if (second >= 0) {
			close(second);
			return port;
		}
	}
	fail_msg("no two free ports in a row");
	return 0;
}

static bool answers(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return connected;
}

static struct test_process *start_tpm(const char *state, int port)
{
	char server[64];
	char control[64];
	const char *const argv[] = {
		"swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl", control, "--flags", "not-need-init,startup-clear",
		NULL};
	struct test_process *process;

	snprintf(server, sizeof(server), "type=tcp,port=%d,bindaddr=127.0.0.1", port);
	snprintf(control, sizeof(control), "type=tcp,port=%d,bindaddr=127.0.0.1", port + 1);
	process = test_process_start(argv);
	for (int i = 0; i < START_SLICES; i++) {
		if (test_process_wait(process, 5) >= 0) {
			break; /* somebody took a port meanwhile */
		}
		if (answers(port + 1)) {
			return process;
		}
	}
	test_process_stop(process);
	return NULL;
}

void test_station_add_tpm(struct test_station *station, size_t which)
{
	char state[320];
	int port = 0;

	test_station_expect(
		station, 0,
		"mkdir tpm%zu\n"
		"swtpm_setup --tpm2 --tpmstate tpm%zu --create-ek-cert --config setup.conf >setup.log 2>&1 || { cat setup.log; exit 1; }",
		which, which);
	snprintf(state, sizeof(state), "dir=%s/tpm%zu", station->directory, which);
	for (int tries = 0; tries < START_TRIES && station->tpms[which] == NULL; tries++) {
		port = free_ports();
		station->tpms[which] = start_tpm(state, port);
	}
	assert_non_null(station->tpms[which]);
	snprintf(station->tcti[which], sizeof(station->tcti[which]), "swtpm:host=127.0.0.1,port=%d", port);
}

void test_station_use(const struct test_station *station, size_t which)
{
	setenv("TPM2TOOLS_TCTI", station->tcti[which], 1);
}

void test_station_stop_tpm(struct test_station *station, size_t which)
{
	test_process_stop(station->tpms[which]);
	station->tpms[which] = NULL;
}

/* --- the station --- */

static void add_programs_to_path(void)
{
	char program[512];
	char path[4096];
	char *slash;

	test_program_path("dps-factory", program, sizeof(program));
	slash = strrchr(program, '/');
	*slash = '\0';
	if (program[0] != '/') {
		char *absolute = realpath(program, NULL);

		assert_non_null(absolute);
		snprintf(program, sizeof(program), "%s", absolute);
		free(absolute);
	}
	if (strncmp(getenv("PATH"), program, strlen(program)) != 0) {
		snprintf(path, sizeof(path), "%s:%s", program, getenv("PATH"));
		setenv("PATH", path, 1);
	}
}

void test_station_set_up(struct test_station *station)
{
	memset(station, 0, sizeof(*station));
	test_tmpdir_make(station->directory, sizeof(station->directory));
	add_programs_to_path();
	setenv("XDG_STATE_HOME", test_station_path(station, "state"), 1);
	setenv("XDG_CONFIG_HOME", test_station_path(station, "config"), 1);
	setenv("TPM2TOOLS_ENABLE_ERRATA", "0", 1);
	test_station_expect(station, 0,
	                    "mkdir issuer\n"
	                    "printf '%%s\\n' create_certs_tool=/usr/bin/swtpm_localca create_certs_tool_config=$PWD/localca.conf"
	                    " create_certs_tool_options=$PWD/localca.options >setup.conf\n"
	                    "printf '%%s\\n' statedir=$PWD/issuer signingkey=$PWD/issuer/key.pem issuercert=$PWD/issuer/cert.pem"
	                    " certserial=$PWD/issuer/serial >localca.conf\n"
	                    "printf '%%s\\n' '--platform-manufacturer Acme' '--platform-version 1' '--platform-model X' >localca.options");
	test_station_add_tpm(station, 0);
	test_station_use(station, 0);
}

static void assert_tpm_is_clean(struct test_station *station, size_t which)
{
	test_station_use(station, which);
	test_station_expect(station, 0, "tpm2_getcap handles-transient; tpm2_getcap handles-loaded-session");
	if (station->out[0] != '\0') {
		fail_msg("left in the TPM: %s", station->out);
	}
}

void test_station_tear_down(struct test_station *station)
{
	for (size_t i = 0; i < TEST_STATION_TPMS; i++) {
		if (station->tpms[i] != NULL) {
			assert_tpm_is_clean(station, i);
			test_station_stop_tpm(station, i);
		}
	}
	test_tmpdir_remove(station->directory);
}

char *test_station_snapshot(struct test_station *station)
{
	char *copy;

	/* What counts by itself (time, resets, counters of commands) is left out. */
	test_station_expect(station, 0,
	                    "tpm2_getcap handles-persistent\n"
	                    "tpm2_nvreadpublic\n"
	                    "for i in $(tpm2_getcap handles-nv-index | sed 's/^- //'); do tpm2_nvread $i | sha256sum; done\n"
	                    "tpm2_getcap properties-variable | grep -v -e LOADED -e ACTIVE -e COUNTER -e AVAIL\n"
	                    "find state -type f ! -name '*.lock' | sort | xargs -r sha256sum");
	copy = strdup(station->out);
	assert_non_null(copy);
	return copy;
}
