/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Onboarding codes: what is printed on a device, or in a QR code beside it, and lets its holder tell the device where to provision. docs/onboarding.md has
 * the format: DPS:1:ID:KEY, with KEY in base32 and two check characters behind it.
 */
#ifndef EXAMPLES_COMMON_ONBOARDING_CODE_H
#define EXAMPLES_COMMON_ONBOARDING_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dps/types.h"

#define ONBOARDING_ID_LENGTH 64 /* longest id, without the NUL */
#define ONBOARDING_SECRET    16 /* bytes of the key in a code: 128 bits */
#define ONBOARDING_PSK       32 /* bytes of the key derived from it for DTLS */
/* Longest text of a code with its NUL: prefix, id, ':' and seven groups of four. */
#define ONBOARDING_CODE_SIZE (6 + ONBOARDING_ID_LENGTH + 1 + 7 * 5)
/* "dps1:" and the id, with the NUL: what is sent in the clear in a handshake. */
#define ONBOARDING_IDENTITY_SIZE (5 + ONBOARDING_ID_LENGTH + 1)

/* A code that was read. Holds a secret: to be wiped. */
struct onboarding_code {
	char id[ONBOARDING_ID_LENGTH + 1]; /* upper case */
	uint8_t secret[ONBOARDING_SECRET];
};

/*
 * Reads a code; letters in either case, '-' between the characters of the key, and one line end behind it, are skipped. DPS_E_FIELD: not a code; *why
 * (static text, holds nothing of the code) says what is wrong with it. *code is then zero.
 */
DPS_MUST_USE dps_result onboarding_code_parse(const char *text, size_t len, struct onboarding_code *code, const char **why);

/* Writes a code. */
void onboarding_code_format(const struct onboarding_code *code, char text[ONBOARDING_CODE_SIZE]);

/* Whether a text may be the id of a code: 1 to 64 letters, digits, '.', '_', '-'. */
bool onboarding_id_valid(const char *text, size_t len);

/* Takes a valid id, in upper case. */
void onboarding_code_set_id(struct onboarding_code *code, const char *id);

/* The identity of DTLS for an id: public. */
void onboarding_code_identity(const struct onboarding_code *code, char identity[ONBOARDING_IDENTITY_SIZE]);

/* The pre-shared key of DTLS: HKDF with SHA-256 over the secret, bound to the id. DPS_E_INTERNAL: the hash is not there. */
DPS_MUST_USE dps_result onboarding_code_derive(const struct onboarding_code *code, uint8_t psk[ONBOARDING_PSK]);

/*
 * Reads a code from where an option says: "@FILE" (mode 0600), "env:NAME", or the code itself. DPS_E_FILE: no such file or variable, or a file that others
 * have access to; DPS_E_FIELD: not a code. *why is a static text.
 */
DPS_MUST_USE dps_result onboarding_code_read(const char *source, struct onboarding_code *code, const char **why);

#endif
