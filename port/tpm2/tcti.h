/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TCTI under ESAPI: it counts commands and their time, repeats what the TPM asks to be repeated, starts a TPM that was reset, and makes room in one that
 * is ours alone.
 */
#ifndef DPS_PORT_TPM2_TCTI_H
#define DPS_PORT_TPM2_TCTI_H

#include "dps/port/tpm2.h"
#include "tpm2/link.h"

/* Objects and sessions that may be in use at a time. */
#define DPS_TPM2_KEPT 4

struct dps_tpm2_tcti {
	TSS2_TCTI_CONTEXT_COMMON_V1 common; /* must be first: ESAPI knows this part only */
	struct dps_tpm2_link link;
	struct dps_tpm2_stats *stats;
	uint32_t timeout_ms;
	bool alone;                   /* the TPM is this application's: what is not kept may be flushed */
	bool lost;                    /* a command got no answer: what it left is not known */
	uint32_t busy;                /* what the TPM said to the last command when it would not begin with it in its time; else 0 */
	uint32_t kept[DPS_TPM2_KEPT]; /* handles of objects and sessions in use; 0: free */
	size_t answer_len;            /* 0: no command was sent, or its answer was taken */
	uint8_t answer[DPS_TPM2_MESSAGE_SIZE];
};

/* Makes one, not connected. NULL: no memory. stats must outlive it. */
struct dps_tpm2_tcti *dps_tpm2_tcti_new(const char *text, uint32_t timeout_ms, struct dps_tpm2_stats *stats);
void dps_tpm2_tcti_free(struct dps_tpm2_tcti *tcti);

/* Connects; link.why says what went wrong. */
TSS2_RC dps_tpm2_tcti_connect(struct dps_tpm2_tcti *tcti);

void dps_tpm2_tcti_keep(struct dps_tpm2_tcti *tcti, uint32_t handle);
void dps_tpm2_tcti_drop(struct dps_tpm2_tcti *tcti, uint32_t handle);

/* Flushes all objects and sessions that are not kept. How many there were, or -1: the TPM could not be asked. */
int dps_tpm2_tcti_sweep(struct dps_tpm2_tcti *tcti);

#endif
