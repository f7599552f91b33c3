/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The station's log: JSON, one record a line, appended only. Each record carries the SHA-256 of the line before it ("prev"; zeros in the first), and
 * the file FILE.head beside the log carries the number of records and the SHA-256 of the last line. docs/manufacturing/README.md says what is seen.
 *
 * A record is durable before the head is replaced. So a crash leaves one whole line too much, or a piece of a line: both are told from
 * tampering, accepted, and put right by the next record.
 */
#ifndef FACTORY_LOG_H
#define FACTORY_LOG_H

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "failure.h"
#include "text.h"

#define LOG_LINE_MAX 16384

struct log {
	char path[PATH_MAX];
	char head_path[PATH_MAX];
	int fd;       /* -1: there is no log yet */
	bool append;  /* opened for records */
	bool locked;  /* nobody else appends */
	bool scanned; /* what follows is so, while it is locked */
	uint64_t count;
	char last[TEXT_SHA256_SIZE]; /* of the last line */
	off_t end;                   /* behind the last whole line */
	bool torn;                   /* there is a piece of a line behind it */
	bool ahead;                  /* the head is one record behind */
};

/* One record as it is read. */
struct log_entry {
	uint64_t seq;
	const char *line;
	const char *sha256; /* of the line */
	const cJSON *json;
};

/* Opens a log. With append, file and head are made when neither is there. A log of which only one is there is damaged. */
bool log_open(struct log *log, const char *path, bool append, struct failure *failure);
void log_close(struct log *log);

/* Keeps others from appending until the log is closed or unlocked; waits for them. */
bool log_lock(struct log *log, struct failure *failure);
void log_unlock(struct log *log);

/*
 * Reads and checks the whole log, giving each record that is in order to `take` (NULL: nobody). STATUS_LOG with cause "log-tampered" or
 * "log-truncated" when it is damaged. A log that is not there is one without records.
 */
bool log_scan(struct log *log, void (*take)(void *context, const struct log_entry *entry), void *context, struct failure *failure);

/* Adds "seq" and "prev" to the record and appends it, durably. Takes the lock if it is not held, and reads the log again if it was not. */
bool log_append(struct log *log, cJSON *record, struct failure *failure);

#endif
