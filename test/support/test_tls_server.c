/* SPDX-License-Identifier: Apache-2.0 */
/* See test_tls_server.h. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_tls_server.h"

#define FURTHER_MAX 8u
#define START_MS    10000

struct test_process *test_tls_server_start(const char *directory, const char *name, const char *const *further, uint16_t *port)
{
	char certificate[PATH_MAX], key[PATH_MAX], ca[PATH_MAX];
	const char *argv[15 + FURTHER_MAX + 1] = {
		"openssl", "s_server", "-accept", "127.0.0.1:0",          "-rev",      "-cert", certificate, "-key", key, "-CAfile",
		ca,        "-Verify",  "3",       "-verify_return_error", "-no_tls1_3"};
	struct test_process *process;
	const char *line;

	(void)snprintf(certificate, sizeof(certificate), "%s/%s.pem", directory, name);
	(void)snprintf(key, sizeof(key), "%s/%s.key", directory, name);
	(void)snprintf(ca, sizeof(ca), "%s/ca.pem", directory);
	for (size_t i = 0; further != NULL && further[i] != NULL; i++) {
		assert_true(i < FURTHER_MAX);
		argv[15 + i] = further[i];
	}
	process = test_process_start(argv);
	line = test_process_read_line_with(process, "ACCEPT 127.0.0.1:", START_MS);
	if (line == NULL)
		fail_msg("openssl s_server does not start: %s", test_process_error_text(process));
	*port = (uint16_t)atoi(strrchr(line, ':') + 1);
	return process;
}
