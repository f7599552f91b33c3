/* SPDX-License-Identifier: Apache-2.0 */
/* See failure.h. */
#include "failure.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

bool failure_set(struct failure *failure, enum exit_status status, const char *cause, const char *format, ...)
{
	va_list arguments;

	if (failure->cause != NULL)
		return false;
	failure->status = status;
	failure->cause = cause;
	va_start(arguments, format);
	vsnprintf(failure->text, sizeof(failure->text), format, arguments);
	va_end(arguments);
	return false;
}
