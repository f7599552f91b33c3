/* SPDX-License-Identifier: Apache-2.0 */
/* Block-wise transfer (RFC 7959, RFC 8323 section 6) on one connection: requests put together from Block1, answers cut into Block2. Done here and
 * not by libcoap, whose answers carry an ETag that the public service's do not, and whose 4.3.1 needs Size1. */
#ifndef SERVICE_BLOCKS_H
#define SERVICE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "message.h"
#include "request.h"
#include "steps.h"

struct service_kept_answer;

struct service_blocks {
	struct service_request *upload;   /* what has come of a request in blocks */
	struct service_kept_answer *kept; /* the last cut answer of each path */
};

enum service_collected { SERVICE_COLLECTED_WHOLE, SERVICE_COLLECTED_PART, SERVICE_COLLECTED_BROKEN, SERVICE_COLLECTED_TOO_LARGE };

/* Takes what a request with Block1 brings. Whole: the request now holds the whole body. */
enum service_collected service_blocks_collect(struct service_blocks *blocks, struct service_request *request);

/* Fills the message with the answer, or with its first block when the device's limit or wish asks for that; the rest is kept. limit is the most
 * that the device said it takes behind a message's header, 0 when it said nothing; szx the size of the blocks (7: BERT, where the limit has room). */
void service_blocks_cut(struct service_blocks *blocks, const struct service_request *request, const struct service_answer *answer,
                        size_t limit, unsigned szx, struct service_message *message);

/* Fills the message with a further block of the answer kept for this path; false when there is none such. */
bool service_blocks_continue(struct service_blocks *blocks, const struct service_request *request, size_t limit,
                             struct service_message *message);

void service_blocks_free(struct service_blocks *blocks);

#endif
