/* SPDX-License-Identifier: Apache-2.0 */
/* See log.h. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

#define HEAD_SUFFIX ".head"
#define HEAD_MAX    256
#define LOG_MODE    0600

static const char NO_LINE[] = "0000000000000000000000000000000000000000000000000000000000000000";

struct head {
	uint64_t count;
	char last[TEXT_SHA256_SIZE];
};

static bool fail_file(struct failure *failure, const char *what, const char *path)
{
	return failure_set(failure, STATUS_LOG, "log", "cannot %s %s: %s", what, path, strerror(errno));
}

static bool write_head(struct log *log, uint64_t count, const char *last, struct failure *failure)
{
	char text[HEAD_MAX];
	int len = snprintf(text, sizeof(text), "{\"records\":%" PRIu64 ",\"sha256\":\"%s\"}\n", count, last);

	return files_replace(log->head_path, text, (size_t)len, LOG_MODE) || fail_file(failure, "write", log->head_path);
}

static bool read_head(struct log *log, struct head *head, struct failure *failure)
{
	size_t len;
	char *text = (char *)files_read(log->head_path, HEAD_MAX, &len);
	int end = -1;

	if (text == NULL && errno == ENOENT)
		return failure_set(failure, STATUS_LOG, "log-truncated", "%s is missing: it says where the log ends", log->head_path);
	if (text == NULL)
		return fail_file(failure, "read", log->head_path);
	if (sscanf(text, "{\"records\":%" SCNu64 ",\"sha256\":\"%64[0-9a-f]\"}\n%n", &head->count, head->last, &end) != 2 || end != (int)len ||
	    strlen(head->last) != sizeof(head->last) - 1) {
		free(text);
		return failure_set(failure, STATUS_LOG, "log-tampered", "%s is not as this tool writes it", log->head_path);
	}
	free(text);
	return true;
}

/* Whether there is nothing: no log, or an empty one, and no head. */
static bool is_new(const struct log *log)
{
	struct stat about;

	return access(log->head_path, F_OK) != 0 && (log->fd < 0 || (fstat(log->fd, &about) == 0 && about.st_size == 0));
}

/* The head of a new log is there before its first record: a log with records and without a head is never new. */
static bool begin(struct log *log, struct failure *failure)
{
	bool good;

	if (!log_lock(log, failure))
		return false;
	good = !is_new(log) ||
	       (write_head(log, 0, NO_LINE, failure) && (files_sync_parent(log->path) || fail_file(failure, "make durable", log->path)));
	log_unlock(log);
	return good;
}

bool log_open(struct log *log, const char *path, bool append, struct failure *failure)
{
	struct stat about;

	*log = (struct log){.fd = -1, .append = append};
	if ((size_t)snprintf(log->path, sizeof(log->path), "%s", path) >= sizeof(log->path) - sizeof(HEAD_SUFFIX))
		return failure_set(failure, STATUS_LOG, "log", "the name of the log is too long");
	snprintf(log->head_path, sizeof(log->head_path), "%.*s" HEAD_SUFFIX, (int)(sizeof(log->head_path) - sizeof(HEAD_SUFFIX)), path);
	if (append && !files_make_parents(path))
		return fail_file(failure, "make the directory of", path);
	log->fd = open(path, (append ? O_RDWR | O_APPEND | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, LOG_MODE);
	if (log->fd < 0)
		return (!append && errno == ENOENT) || fail_file(failure, "open", path);
	if (fstat(log->fd, &about) != 0 || !S_ISREG(about.st_mode))
		return failure_set(failure, STATUS_LOG, "log", "%s is not a file", path);
	return !append || begin(log, failure);
}

void log_close(struct log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

bool log_lock(struct log *log, struct failure *failure)
{
	int result;

	if (log->fd < 0)
		return true;
	do {
		result = flock(log->fd, log->append ? LOCK_EX : LOCK_SH);
	} while (result != 0 && errno == EINTR);
	if (result != 0)
		return fail_file(failure, "lock", log->path);
	log->locked = true;
	log->scanned = false;
	return true;
}

void log_unlock(struct log *log)
{
	if (log->locked)
		flock(log->fd, LOCK_UN);
	log->locked = false;
	log->scanned = false;
}

/* --- reading --- */

static bool tampered(struct failure *failure, uint64_t seq, const char *what)
{
	return failure_set(failure, STATUS_LOG, "log-tampered", "the log was tampered with: record %" PRIu64 " %s", seq, what);
}

/* Checks one whole line against the one before it, and takes it. */
static bool take_line(struct log *log, const char *line, size_t len, void (*take)(void *, const struct log_entry *), void *context,
                      struct failure *failure)
{
	cJSON *json = strlen(line) == len ? cJSON_ParseWithOpts(line, NULL, true) : NULL;
	const cJSON *seq = cJSON_GetObjectItemCaseSensitive(json, "seq");
	const char *prev = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "prev"));
	char sha256[TEXT_SHA256_SIZE];
	bool in_order = false;

	if (json == NULL)
		tampered(failure, log->count + 1, "is not JSON");
	else if (!cJSON_IsNumber(seq) || seq->valuedouble != (double)(log->count + 1))
		tampered(failure, log->count + 1, "has another's number");
	else if (prev == NULL || strcmp(prev, log->last) != 0)
		tampered(failure, log->count + 1, "does not follow from the one before it");
	else
		in_order = true;
	if (in_order) {
		text_sha256(line, len, sha256);
		if (take != NULL)
			take(context, &(struct log_entry){log->count + 1, line, sha256, json});
		memcpy(log->last, sha256, sizeof(log->last));
		log->count++;
		log->end += (off_t)len + 1;
	}
	cJSON_Delete(json);
	return in_order;
}

/* Compares where the lines end with what the head says. before is the hash of the last line but one. */
static bool check_end(struct log *log, const struct head *head, const char *before, struct failure *failure)
{
	if (head->count == log->count && strcmp(head->last, log->last) == 0)
		return true;
	if (!log->torn && head->count + 1 == log->count && strcmp(head->last, before) == 0) {
		log->ahead = true;
		return true;
	}
	if (head->count > log->count)
		return failure_set(failure, STATUS_LOG, "log-truncated", "the log was truncated: it has %" PRIu64 " of %" PRIu64 " records",
		                   log->count, head->count);
	return failure_set(failure, STATUS_LOG, "log-tampered",
	                   "the log was tampered with: it has %" PRIu64 " records and does not end as %s says, with record %" PRIu64,
	                   log->count, log->head_path, head->count);
}

static bool read_lines(struct log *log, FILE *in, char before[TEXT_SHA256_SIZE], void (*take)(void *, const struct log_entry *),
                       void *context, struct failure *failure)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	bool good = true;

	while (good && (len = getline(&line, &size, in)) > 0) {
		if (line[len - 1] != '\n') {
			log->torn = true;
			break;
		}
		line[len - 1] = '\0';
		memcpy(before, log->last, sizeof(log->last));
		good = len <= LOG_LINE_MAX ? take_line(log, line, (size_t)len - 1, take, context, failure)
		                           : tampered(failure, log->count + 1, "is too long");
	}
	if (good && ferror(in))
		good = fail_file(failure, "read", log->path);
	free(line);
	return good;
}

static bool scan_locked(struct log *log, void (*take)(void *, const struct log_entry *), void *context, struct failure *failure)
{
	char before[TEXT_SHA256_SIZE];
	struct head head;
	FILE *in;
	int fd;
	bool good;

	memcpy(log->last, NO_LINE, sizeof(log->last));
	memcpy(before, NO_LINE, sizeof(before));
	log->count = 0;
	log->end = 0;
	log->torn = false;
	log->ahead = false;
	if (is_new(log))
		return true;
	if (!read_head(log, &head, failure))
		return false;
	if (log->fd < 0)
		return check_end(log, &head, before, failure);
	fd = open(log->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	in = fd < 0 ? NULL : fdopen(fd, "r");
	if (in == NULL) {
		if (fd >= 0)
			close(fd);
		return fail_file(failure, "open", log->path);
	}
	good = read_lines(log, in, before, take, context, failure) && check_end(log, &head, before, failure);
	fclose(in);
	log->scanned = good;
	return good;
}

bool log_scan(struct log *log, void (*take)(void *context, const struct log_entry *entry), void *context, struct failure *failure)
{
	bool was_locked = log->locked;
	bool good;

	if (!was_locked && !log_lock(log, failure))
		return false;
	good = scan_locked(log, take, context, failure);
	if (!was_locked)
		log_unlock(log);
	return good;
}

/* --- writing --- */

/* One write, durable; what a failed one left is taken back. */
static bool write_line(struct log *log, const char *line, size_t len, struct failure *failure)
{
	int error;

	if (log->torn && ftruncate(log->fd, log->end) != 0)
		return fail_file(failure, "mend", log->path);
	log->torn = false;
	if (files_write_all(log->fd, line, len) && fsync(log->fd) == 0)
		return true;
	error = errno;
	log->torn = ftruncate(log->fd, log->end) != 0;
	errno = error;
	return fail_file(failure, "write", log->path);
}

static bool append_locked(struct log *log, cJSON *record, struct failure *failure)
{
	char *text;
	char *line;
	size_t len;
	bool done;

	cJSON_AddNumberToObject(record, "seq", (double)(log->count + 1));
	cJSON_AddStringToObject(record, "prev", log->last);
	text = cJSON_PrintUnformatted(record);
	len = text == NULL ? 0 : strlen(text);
	line = len == 0 || len + 1 > LOG_LINE_MAX ? NULL : malloc(len + 2);
	if (line == NULL) {
		cJSON_free(text);
		return failure_set(failure, STATUS_LOG, "log", "no memory for a record, or the record is too long");
	}
	memcpy(line, text, len);
	memcpy(line + len, "\n", 2);
	done = write_line(log, line, len + 1, failure);
	if (done) {
		text_sha256(line, len, log->last);
		log->count++;
		log->end += (off_t)len + 1;
		done = write_head(log, log->count, log->last, failure);
	}
	free(line);
	cJSON_free(text);
	return done;
}

bool log_append(struct log *log, cJSON *record, struct failure *failure)
{
	bool was_locked = log->locked;
	bool done;

	if (!was_locked && !log_lock(log, failure))
		return false;
	done = (log->scanned || scan_locked(log, NULL, NULL, failure)) && append_locked(log, record, failure);
	if (!was_locked)
		log_unlock(log);
	return done;
}
