/* SPDX-License-Identifier: Apache-2.0 */
/* See test_station.h. */
#include "support/test_station.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIMEOUT_MS 60000

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

void test_station_add_tpm(struct test_station *station, size_t which)
{
	test_tpm_forget_all(); /* another chip, not a copy of the one before */
	test_tpm_start(&station->tpms[which]);
}

void test_station_use(const struct test_station *station, size_t which)
{
	setenv("TPM2TOOLS_TCTI", station->tpms[which].tcti, 1);
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
	test_tpm_start(&station->tpms[0]);
	test_station_use(station, 0);
}

void test_station_tear_down(struct test_station *station)
{
	for (size_t i = 0; i < TEST_STATION_TPMS; i++) {
		if (station->tpms[i].process != NULL) {
			test_tpm_assert_clean(&station->tpms[i]);
		}
		test_tpm_stop(&station->tpms[i]);
	}
	test_tmpdir_remove(station->directory);
}

int test_station_forget(void **state)
{
	(void)state;
	test_tpm_forget_all();
	return 0;
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
