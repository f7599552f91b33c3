/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log port: lines to a stream.
 */
#include <string.h>

#include "dps/port/posix.h"

static const char *const level_names[] = {
	[DPS_LOG_ERROR] = "error",
	[DPS_LOG_WARNING] = "warning",
	[DPS_LOG_INFO] = "info",
	[DPS_LOG_DEBUG] = "debug",
};

static void log_write(void *ctx, enum dps_log_level level, const char *line)
{
	struct dps_posix_log *log = ctx;

	if (level > log->level)
		return;
	fprintf(log->stream, "%s: %s\n", level_names[level], line);
	fflush(log->stream);
}

void dps_posix_log_init(struct dps_posix_log *log, FILE *stream, enum dps_log_level level)
{
	memset(log, 0, sizeof *log);
	log->port.ctx = log;
	log->port.write = log_write;
	log->stream = stream;
	log->level = level;
}
