/* SPDX-License-Identifier: Apache-2.0 */
/* CoAP over DTLS with a pre-shared key: one request to /plgd/dps, one answer. libcoap does the work. */
#ifndef ONBOARD_SECURE_H
#define ONBOARD_SECURE_H

#include "../common/onboarding_code.h"
#include "plain.h"

enum secure_end {
	SECURE_ANSWERED,
	SECURE_REFUSED,   /* the device ended the handshake: it does not know the identity, or does not want to */
	SECURE_NO_PROOF,  /* the handshake did not come to its end: the key is another one, or nobody is there */
	SECURE_NO_ANSWER, /* none behind the handshake */
	SECURE_FAILED     /* on this machine */
};

struct secure_answer {
	unsigned code;
	uint8_t payload[PLAIN_BODY_SIZE];
	size_t payload_len;
};

/* GET if there is no body, else POST. */
enum secure_end secure_ask(const struct plain_address *to, const struct onboarding_code *code, const uint8_t *body, size_t len,
                           uint32_t timeout_ms, struct secure_answer *answer);

#endif
