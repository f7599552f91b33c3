/* SPDX-License-Identifier: Apache-2.0 */
/* Why a verb failed: the exit status, a stable name for programs, a line for people. */
#ifndef FACTORY_FAILURE_H
#define FACTORY_FAILURE_H

#include <stdbool.h>

#include "exit_status.h"

struct failure {
	enum exit_status status;
	const char *cause; /* static, e.g. "auth"; NULL while nothing failed */
	char text[512];
};

/* Keeps what failed and gives false. The first failure stays: what comes behind it is its consequence. */
bool failure_set(struct failure *failure, enum exit_status status, const char *cause, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
