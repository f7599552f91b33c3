/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCTI under ESAPI. It works command by command: a command is sent and its answer awaited in transmit, receive hands the answer over. So the answers
 * that only ask for patience, or for room, are dealt with here once, for whatever command they meet, and ESAPI never sees them.
 */
#include "tpm2/tcti.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define TCTI_MAGIC UINT64_C(0x6470732d74706d32)

/* A TPM that is busy is asked again after this long, then after twice as long, and so on; never longer than the command's time. */
#define FIRST_WAIT_MS   5
#define LONGEST_WAIT_MS 500

/* Commands that make keys may take this many times as long as others. */
#define SLOW_FACTOR 10

#define HANDLES_PER_ANSWER 32

/* Ranges of handles (TPM 2.0 Part 2, 7.5); tpm2-tss's constants shift an int into its sign. */
#define RANGE_TRANSIENT UINT32_C(0x80000000)
#define RANGE_LOADED    UINT32_C(0x02000000)
#define RANGE_SAVED     UINT32_C(0x03000000)

static struct dps_tpm2_tcti *of(TSS2_TCTI_CONTEXT *context)
{
	return (struct dps_tpm2_tcti *)(void *)context;
}

/* --- time and counting ------------------------------------------------------------------------------------------------------------- */

static bool is_slow(uint32_t code)
{
	return code == TPM2_CC_CreatePrimary || code == TPM2_CC_Create || code == TPM2_CC_Clear || code == TPM2_CC_SelfTest ||
	       code == TPM2_CC_Startup;
}

static uint64_t time_for(const struct dps_tpm2_tcti *tcti, uint32_t code)
{
	return (uint64_t)tcti->timeout_ms * 1000 * (is_slow(code) ? SLOW_FACTOR : 1);
}

static void count(struct dps_tpm2_tcti *tcti, uint32_t code, uint32_t rc, uint64_t start_us, uint32_t sent)
{
	struct dps_tpm2_stats *stats = tcti->stats;
	const uint64_t us = dps_tpm2_now_us() - start_us;

	if (stats->commands < DPS_TPM2_COMMANDS)
		stats->list[stats->commands] =
			(struct dps_tpm2_command){.code = code, .rc = rc, .us = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX, .sent = sent};
	stats->commands++;
	stats->sent += sent;
	stats->us += us;
}

/* One command, once; *said is the TPM's response code. */
static TSS2_RC say(struct dps_tpm2_tcti *tcti, const uint8_t *command, size_t len, uint8_t *answer, size_t size, size_t *answer_len,
                   uint64_t deadline_us, TSS2_RC *said)
{
	const TSS2_RC rc = dps_tpm2_link_exchange(&tcti->link, command, len, answer, size, answer_len, deadline_us);

	*said = rc == TSS2_RC_SUCCESS ? dps_tpm2_get32(answer + 6) : rc;
	if (rc != TSS2_RC_SUCCESS)
		tcti->lost = true;
	return rc;
}

/* --- commands of our own: too early, or too late, for ESAPI -------------------------------------------------------------------------- */

/* A command without sessions: head and three words at most. */
static TSS2_RC say_words(struct dps_tpm2_tcti *tcti, uint32_t code, const uint32_t *words, size_t count_of_words, uint8_t *answer,
                         size_t size, size_t *answer_len)
{
	uint8_t command[DPS_TPM2_HEAD_SIZE + 3 * 4];
	uint8_t *out = dps_tpm2_put16(command, TPM2_ST_NO_SESSIONS);
	TSS2_RC said;

	out = dps_tpm2_put32(out, (uint32_t)(DPS_TPM2_HEAD_SIZE + count_of_words * 4));
	out = dps_tpm2_put32(out, code);
	for (size_t i = 0; i < count_of_words; i++)
		out = dps_tpm2_put32(out, words[i]);
	const uint64_t start_us = dps_tpm2_now_us();
	(void)!say(tcti, command, (size_t)(out - command), answer, size, answer_len, start_us + time_for(tcti, code), &said);
	count(tcti, code, said, start_us, 1);
	return said;
}

/* A TPM that was reset behind our back says that it wants to be started. */
static bool start(struct dps_tpm2_tcti *tcti)
{
	static const uint8_t STARTUP_CLEAR[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, 0, 0};
	uint8_t answer[DPS_TPM2_HEAD_SIZE];
	size_t len;
	TSS2_RC said;
	const uint64_t start_us = dps_tpm2_now_us();

	(void)!say(tcti, STARTUP_CLEAR, sizeof(STARTUP_CLEAR), answer, sizeof(answer), &len, start_us + time_for(tcti, TPM2_CC_Startup), &said);
	count(tcti, TPM2_CC_Startup, said, start_us, 1);
	return said == TPM2_RC_SUCCESS || said == TPM2_RC_INITIALIZE;
}

static bool is_kept(const struct dps_tpm2_tcti *tcti, uint32_t handle)
{
	for (size_t i = 0; i < DPS_TPM2_KEPT; i++) {
		/* a session has one number in two ranges, by its kind and by whether it is loaded */
		const bool sessions = handle >> 24 != TPM2_HT_TRANSIENT && tcti->kept[i] >> 24 != TPM2_HT_TRANSIENT;

		if (tcti->kept[i] != 0 && (tcti->kept[i] == handle || (sessions && ((tcti->kept[i] ^ handle) & 0xffffff) == 0)))
			return true;
	}
	return false;
}

/* Flushes what is not kept of one range of handles; they are counted, or -1. */
static int sweep_range(struct dps_tpm2_tcti *tcti, uint32_t first)
{
	/* head, more, capability, count, handles */
	enum { COUNT_AT = DPS_TPM2_HEAD_SIZE + 1 + 4, LIST_AT = COUNT_AT + 4 };
	uint8_t answer[LIST_AT + HANDLES_PER_ANSWER * 4];
	uint8_t flushed[DPS_TPM2_HEAD_SIZE];
	const uint32_t ask[] = {TPM2_CAP_HANDLES, first, HANDLES_PER_ANSWER};
	size_t len = 0, flushed_len;
	int found = 0;

	if (say_words(tcti, TPM2_CC_GetCapability, ask, 3, answer, sizeof(answer), &len) != TPM2_RC_SUCCESS || len < LIST_AT)
		return -1;
	const uint32_t handles = dps_tpm2_get32(answer + COUNT_AT);

	if (handles > (len - LIST_AT) / 4)
		return -1;
	for (uint32_t i = 0; i < handles; i++) {
		const uint32_t handle = dps_tpm2_get32(answer + LIST_AT + i * 4);

		if (!is_kept(tcti, handle) &&
		    say_words(tcti, TPM2_CC_FlushContext, &handle, 1, flushed, sizeof(flushed), &flushed_len) == TPM2_RC_SUCCESS)
			found++;
	}
	return found;
}

int dps_tpm2_tcti_sweep(struct dps_tpm2_tcti *tcti)
{
	static const uint32_t RANGES[] = {RANGE_TRANSIENT, RANGE_LOADED, RANGE_SAVED};
	int found = 0;

	for (size_t i = 0; i < sizeof(RANGES) / sizeof(RANGES[0]); i++) {
		const int n = sweep_range(tcti, RANGES[i]);

		if (n < 0)
			return -1;
		found += n;
	}
	return found;
}

/* --- one command of ESAPI ---------------------------------------------------------------------------------------------------------- */

static bool wants_patience(TSS2_RC rc)
{
	return rc == TPM2_RC_RETRY || rc == TPM2_RC_YIELDED || rc == TPM2_RC_TESTING || rc == TPM2_RC_NV_RATE;
}

static bool wants_room(TSS2_RC rc)
{
	return rc == TPM2_RC_OBJECT_MEMORY || rc == TPM2_RC_SESSION_MEMORY || rc == TPM2_RC_OBJECT_HANDLES || rc == TPM2_RC_SESSION_HANDLES;
}

/* How one command of ESAPI went so far. */
struct attempts {
	uint32_t sent;
	int wait_ms;
	bool started, swept;
};

/* Whether a command is to be sent again after this answer; what is to be done before that is done. */
static bool is_again(struct dps_tpm2_tcti *tcti, struct attempts *attempts, TSS2_RC said, uint64_t deadline_us)
{
	if (wants_patience(said)) {
		/* the first time it only asks to be asked again */
		const int wait_ms = attempts->sent > 1 ? attempts->wait_ms : 0;

		if (dps_tpm2_now_us() + (uint64_t)wait_ms * 1000 >= deadline_us)
			return false;
		if (wait_ms > 0) {
			(void)poll(NULL, 0, wait_ms);
			attempts->wait_ms = wait_ms * 2 < LONGEST_WAIT_MS ? wait_ms * 2 : LONGEST_WAIT_MS;
		}
		return true;
	}
	if (said == TPM2_RC_INITIALIZE && !attempts->started) {
		attempts->started = true;
		return start(tcti);
	}
	if (wants_room(said) && tcti->alone && !attempts->swept) {
		attempts->swept = true;
		return dps_tpm2_tcti_sweep(tcti) > 0;
	}
	return false;
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
	struct dps_tpm2_tcti *tcti = of(context);
	struct attempts attempts = {.wait_ms = FIRST_WAIT_MS};
	TSS2_RC rc, said;

	if (command == NULL || size < DPS_TPM2_HEAD_SIZE)
		return TSS2_TCTI_RC_BAD_VALUE;
	const uint32_t code = dps_tpm2_get32(command + 6);
	const uint64_t start_us = dps_tpm2_now_us();
	const uint64_t deadline_us = start_us + time_for(tcti, code);

	do {
		rc = say(tcti, command, size, tcti->answer, sizeof(tcti->answer), &tcti->answer_len, deadline_us, &said);
		attempts.sent++;
	} while (rc == TSS2_RC_SUCCESS && is_again(tcti, &attempts, said, deadline_us));
	if (rc != TSS2_RC_SUCCESS)
		tcti->answer_len = 0;
	tcti->busy = rc == TSS2_RC_SUCCESS && wants_patience(said) ? said : 0;
	/* ESAPI would begin anew some times, but the command's time is over */
	if (tcti->busy != 0)
		(void)dps_tpm2_put32(tcti->answer + 6, TPM2_RC_CANCELED);
	count(tcti, code, said, start_us, attempts.sent);
	return rc;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *answer, int32_t timeout)
{
	struct dps_tpm2_tcti *tcti = of(context);

	(void)timeout; /* the answer is here already, or never */
	if (size == NULL)
		return TSS2_TCTI_RC_BAD_REFERENCE;
	if (tcti->answer_len == 0)
		return TSS2_TCTI_RC_BAD_SEQUENCE;
	if (answer == NULL || *size < tcti->answer_len) {
		*size = tcti->answer_len;
		return answer == NULL ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	}
	memcpy(answer, tcti->answer, tcti->answer_len);
	*size = tcti->answer_len;
	tcti->answer_len = 0;
	return TSS2_RC_SUCCESS;
}

static void finalize(TSS2_TCTI_CONTEXT *context)
{
	dps_tpm2_link_close(&of(context)->link);
}

static TSS2_RC cancel(TSS2_TCTI_CONTEXT *context)
{
	(void)context;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC poll_handles(TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles, size_t *count_of_handles)
{
	(void)context;
	(void)handles;
	(void)count_of_handles;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC set_locality(TSS2_TCTI_CONTEXT *context, uint8_t locality)
{
	(void)context;
	return locality == 0 ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

struct dps_tpm2_tcti *dps_tpm2_tcti_new(const char *text, uint32_t timeout_ms, struct dps_tpm2_stats *stats)
{
	struct dps_tpm2_tcti *tcti = calloc(1, sizeof(*tcti));

	if (tcti == NULL)
		return NULL;
	tcti->common = (TSS2_TCTI_CONTEXT_COMMON_V1){.magic = TCTI_MAGIC,
	                                             .version = 1,
	                                             .transmit = transmit,
	                                             .receive = receive,
	                                             .finalize = finalize,
	                                             .cancel = cancel,
	                                             .getPollHandles = poll_handles,
	                                             .setLocality = set_locality};
	tcti->stats = stats;
	tcti->timeout_ms = timeout_ms;
	(void)dps_tpm2_link_init(&tcti->link, text);
	return tcti;
}

void dps_tpm2_tcti_free(struct dps_tpm2_tcti *tcti)
{
	if (tcti == NULL)
		return;
	dps_tpm2_link_close(&tcti->link);
	free(tcti);
}

TSS2_RC dps_tpm2_tcti_connect(struct dps_tpm2_tcti *tcti)
{
	if (tcti->link.name[0] == '\0')
		return TSS2_TCTI_RC_BAD_VALUE;
	return dps_tpm2_link_open(&tcti->link, dps_tpm2_now_us() + (uint64_t)tcti->timeout_ms * 1000);
}

void dps_tpm2_tcti_keep(struct dps_tpm2_tcti *tcti, uint32_t handle)
{
	for (size_t i = 0; i < DPS_TPM2_KEPT; i++) {
		if (tcti->kept[i] == 0) {
			tcti->kept[i] = handle;
			return;
		}
	}
}

void dps_tpm2_tcti_drop(struct dps_tpm2_tcti *tcti, uint32_t handle)
{
	for (size_t i = 0; i < DPS_TPM2_KEPT; i++) {
		if (tcti->kept[i] == handle)
			tcti->kept[i] = 0;
	}
}
