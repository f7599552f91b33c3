/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the room share: the send buffer, requests in flight, the body area. Private to the room.
 *
 * transport.c has the byte stream and the transport's operations, request.c what we ask, answer.c what the peer answers, block.c bodies
 * in blocks, peer.c what the peer asks and signals, message.c a message's bytes.
 */
#ifndef DPS_COAP_EXCHANGE_H
#define DPS_COAP_EXCHANGE_H

#include "coap/coap.h"
#include "coap/message.h"

/* Whether bodies leave by way of the area, in blocks if need be. */
#define DPS_COAP_BLOCK1_USED (DPS_CONFIG_BLOCKWISE && DPS_CONFIG_BLOCK1)

/* Who has the body area. */
enum dps_coap_use {
	DPS_COAP_AREA_FREE,
	DPS_COAP_AREA_HELD,      /* kept for the answer of a request that may need blocks */
	DPS_COAP_AREA_SENDING,   /* has the body of a request */
	DPS_COAP_AREA_RECEIVING, /* an answer is being put together */
	DPS_COAP_AREA_DELIVERED  /* has the payload of the answer given out last, until the next poll */
};

/* --- transport.c --- */

/* Hands to the channel what it takes. A failure is kept and told once what has come in is used up. */
void dps_coap_push(struct dps_coap *c);
/* No reply waits in tx: as many bytes of them may be queued again as ever. */
void dps_coap_renew_quota(struct dps_coap *c);
/* The largest message that can be sent: the peer takes no more, or tx has no more room. */
size_t dps_coap_largest(const struct dps_coap *c);
/* Begins a message in the free part of tx, cut to what the peer takes. */
void dps_coap_begin(struct dps_coap *c, struct dps_coap_writer *w, const uint8_t *token, size_t token_len);
/* Ends it: bytes added to tx, or 0: it did not fit. */
size_t dps_coap_end(struct dps_coap *c, struct dps_coap_writer *w, uint8_t code, size_t payload_len);
/* Ends the connection for a fault of the peer's: says Abort if it fits. bad_option: the critical option of a CSM, or DPS_COAP_ABSENT. */
dps_result dps_coap_abort(struct dps_coap *c, uint32_t bad_option);

/* --- request.c --- */

dps_result dps_coap_send(struct dps_coap *c, unsigned handle, const struct dps_request *request, const struct dps_step_env *env);
/* The request in flight with this token, or NULL. */
struct dps_coap_slot *dps_coap_find(struct dps_coap *c, const uint8_t *token, size_t token_len);
/* Ends a request: frees its slot, and the body area if it has it. */
void dps_coap_finish(struct dps_coap *c, struct dps_coap_slot *slot);
/* Begins a request's message. block or DPS_COAP_ABSENT: Block1 of the body in the area if sends_block, else Block2 of the answer. */
void dps_coap_begin_request(struct dps_coap *c, struct dps_coap_writer *w, const struct dps_coap_slot *slot, bool sends_block,
                            uint32_t block);
/* Fresh random bytes for a token. */
dps_result dps_coap_token(struct dps_coap *c, uint8_t token[DPS_COAP_TOKEN_SIZE]);

/* --- answer.c --- */

/* Takes a response of the peer's, judged by its code alone if it is large: DPS_OK when the answer to give out is complete, DPS_AGAIN when there is none yet. */
dps_result dps_coap_take_answer(struct dps_coap *c, struct dps_coap_message *message, struct dps_answer *answer);

/* --- block.c --- */

/*
 * Takes a request whose body lies in the area and whose head, without block options, takes head_len bytes. It leaves whole, or in blocks if the
 * peer takes it so only; now, or with dps_coap_block_continue as soon as there is room. DPS_E_TOO_LARGE: neither is possible.
 */
dps_result dps_coap_block_start(struct dps_coap *c, const struct dps_coap_slot *slot, size_t head_len, size_t body_len);
/* Sends what is due. */
void dps_coap_block_continue(struct dps_coap *c);
/*
 * Looks at the block options of a success answer (an error is complete as it is). DPS_OK: the answer is complete, message has the whole payload.
 * DPS_AGAIN: further blocks are on their way. Else why the request failed.
 */
dps_result dps_coap_block_take(struct dps_coap *c, const struct dps_coap_slot *slot, struct dps_coap_message *message);

/* --- peer.c --- */

/* Answers a request of the peer's; 4.13 if it is large. */
void dps_coap_take_request(struct dps_coap *c, struct dps_coap_message *message);
/* Takes a signal: DPS_AGAIN to go on, else why the connection is over. */
dps_result dps_coap_take_signal(struct dps_coap *c, struct dps_coap_message *message, struct dps_answer *answer);
/* Puts a signal of ours into tx; option 2 unless DPS_COAP_ABSENT. Its bytes, or 0: it did not fit. */
size_t dps_coap_put_signal(struct dps_coap *c, uint8_t code, const uint8_t *token, size_t token_len, uint32_t option2);

#endif
