/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to a TPM: a socket of swtpm, a device file, or a transport of libtss2-tctildr. Bytes out, bytes in, always with a deadline.
 */
#ifndef DPS_PORT_TPM2_LINK_H
#define DPS_PORT_TPM2_LINK_H

#include <tss2/tss2_tcti.h>

#include "dps/types.h"

/* The largest command and answer that TPMs are asked to take. */
#define DPS_TPM2_MESSAGE_SIZE TPM2_MAX_COMMAND_SIZE
/* Tag, size, code: both ways. */
#define DPS_TPM2_HEAD_SIZE 10

#define DPS_TPM2_LINK_TEXT 128

struct dps_tpm2_link {
	enum { DPS_TPM2_LINK_SOCKET, DPS_TPM2_LINK_DEVICE, DPS_TPM2_LINK_OTHER } kind;
	int fd;                        /* -1: not connected */
	TSS2_TCTI_CONTEXT *other;      /* of tctildr */
	char name[DPS_TPM2_LINK_TEXT]; /* host, path or the whole text, by kind */
	char service[8];               /* the port of a socket; "": name is the path of a local one */
	char why[DPS_TPM2_LINK_TEXT];  /* the last failure, for people */
};

/* Takes a text like "swtpm:port=2321" apart; NULL is the TPM of the machine. False: it cannot be; why says what. */
bool dps_tpm2_link_init(struct dps_tpm2_link *link, const char *text);

/* Connects, if it is not connected. Times are those of dps_tpm2_now_us. */
TSS2_RC dps_tpm2_link_open(struct dps_tpm2_link *link, uint64_t deadline_us);

/* One command and its answer, which is whole and well-formed as far as its size goes. On failure the link is closed. */
TSS2_RC dps_tpm2_link_exchange(struct dps_tpm2_link *link, const uint8_t *command, size_t len, uint8_t *answer, size_t size,
                               size_t *answer_len, uint64_t deadline_us);

void dps_tpm2_link_close(struct dps_tpm2_link *link);

bool dps_tpm2_link_is_open(const struct dps_tpm2_link *link);

/* Monotonic time in microseconds. */
uint64_t dps_tpm2_now_us(void);

uint16_t dps_tpm2_get16(const uint8_t *bytes);
uint32_t dps_tpm2_get32(const uint8_t *bytes);
uint8_t *dps_tpm2_put16(uint8_t *out, uint16_t value);
uint8_t *dps_tpm2_put32(uint8_t *out, uint32_t value);

#endif
