/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of CoAP over UDP (RFC 7252 section 3), as far as they are asked and answered in the clear. */
#ifndef ONBOARD_MESSAGE_H
#define ONBOARD_MESSAGE_H

#include "plain.h"

#define MESSAGE_TOKEN_SIZE   8
#define MESSAGE_REQUEST_SIZE 160

/* Writes a non-confirmable GET: its length. Path and query are this program's own, and short. */
size_t message_write(uint8_t buf[MESSAGE_REQUEST_SIZE], const struct plain_request *request, const uint8_t token[MESSAGE_TOKEN_SIZE],
                     uint16_t id);

/* Takes an answer apart; its payload points into the bytes. False: it is none, or not to this token. */
bool message_read(const uint8_t *bytes, size_t len, const uint8_t token[MESSAGE_TOKEN_SIZE], struct plain_answer *answer);

#endif
