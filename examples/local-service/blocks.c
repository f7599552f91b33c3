/* SPDX-License-Identifier: Apache-2.0 */
/* Block-wise transfer on one connection. */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define SZX_BERT        7u
#define SZX_1024        6u
#define BERT_UNIT       1024u
#define ANSWER_OVERHEAD 12u /* token, Content-Format and payload marker, which count against the device's limit */
#define BLOCK_OVERHEAD  28u /* these and Block1, Block2 and Size2 */

struct service_kept_answer {
	struct service_kept_answer *next;
	char *path;
	coap_pdu_code_t code;
	int content_format;
	unsigned szx;
	struct service_body body;
};

/* In BERT too the number counts 1,024 bytes (RFC 8323 section 6). */
static size_t unit_of(unsigned szx)
{
	return szx == SZX_BERT ? BERT_UNIT : (size_t)16 << szx;
}

enum service_collected service_blocks_collect(struct service_blocks *blocks, struct service_request *request)
{
	struct service_request *upload = blocks->upload;
	size_t offset = unit_of(request->block1.szx) * request->block1.number;

	if (request->block1.number == 0) {
		service_request_free(upload);
		blocks->upload = upload = service_alloc(sizeof(*upload));
		upload->path = service_strdup(request->path);
		upload->method = request->method;
	}
	if (upload == NULL || upload->method != request->method || strcmp(upload->path, request->path) != 0 || upload->body_length != offset ||
	    (request->block1.more && request->body_length % unit_of(request->block1.szx) != 0)) {
		return SERVICE_COLLECTED_BROKEN;
	}
	if (request->body_length > SERVICE_MAX_MESSAGE_SIZE - upload->body_length) {
		return SERVICE_COLLECTED_TOO_LARGE;
	}
	upload->body = service_realloc(upload->body, upload->body_length + request->body_length);
	if (request->body_length > 0) {
		memcpy(upload->body + upload->body_length, request->body, request->body_length);
		upload->body_length += request->body_length;
	}
	if (request->block1.more) {
		return SERVICE_COLLECTED_PART;
	}
	free(request->body);
	request->body = upload->body;
	request->body_length = upload->body_length;
	upload->body = NULL;
	service_request_free(upload);
	blocks->upload = NULL;
	return SERVICE_COLLECTED_WHOLE;
}

/* How much of a body goes into one message, and the szx that says so. */
static size_t piece_size(unsigned *szx, size_t limit)
{
	size_t room = limit == 0 ? SIZE_MAX : limit > BLOCK_OVERHEAD ? limit - BLOCK_OVERHEAD : 0;

	if (*szx == SZX_BERT && limit != 0 && room >= BERT_UNIT) {
		return room / BERT_UNIT * BERT_UNIT;
	}
	if (*szx == SZX_BERT) {
		*szx = SZX_1024;
	}
	while (*szx > 0 && unit_of(*szx) > room) {
		(*szx)--;
	}
	return unit_of(*szx);
}

static void fill_piece(struct service_message *message, const struct service_kept_answer *kept, unsigned number, unsigned szx, size_t limit)
{
	size_t offset = unit_of(szx) * number;
	size_t piece = piece_size(&szx, limit);
	size_t left = kept->body.length - offset;

	message->code = kept->code;
	message->content_format = kept->content_format;
	message->block2 =
		(struct service_block){.is_present = true, .more = left > piece, .number = (unsigned)(offset / unit_of(szx)), .szx = szx};
	message->has_size2 = true;
	message->size2 = (uint32_t)kept->body.length;
	message->payload = kept->body.bytes + offset;
	message->payload_length = left > piece ? piece : left;
}

static struct service_kept_answer **find_kept(struct service_blocks *blocks, const char *path)
{
	struct service_kept_answer **link = &blocks->kept;

	while (*link != NULL && strcmp((*link)->path, path) != 0) {
		link = &(*link)->next;
	}
	return link;
}

static void free_kept(struct service_kept_answer *kept)
{
	service_body_free(&kept->body);
	free(kept->path);
	free(kept);
}

static struct service_kept_answer *keep(struct service_blocks *blocks, const struct service_request *request,
                                        const struct service_answer *answer, unsigned szx)
{
	struct service_kept_answer **link = find_kept(blocks, request->path);
	struct service_kept_answer *kept = service_alloc(sizeof(*kept));

	kept->path = service_strdup(request->path);
	kept->code = answer->code;
	kept->content_format = answer->content_format;
	kept->szx = szx;
	kept->body.bytes = service_alloc(answer->body.length);
	kept->body.length = answer->body.length;
	memcpy(kept->body.bytes, answer->body.bytes, answer->body.length);
	if (*link != NULL) {
		struct service_kept_answer *old = *link;

		kept->next = old->next;
		free_kept(old);
	}
	*link = kept;
	return kept;
}

void service_blocks_cut(struct service_blocks *blocks, const struct service_request *request, const struct service_answer *answer,
                        size_t limit, unsigned szx, struct service_message *message)
{
	bool is_wished = request->block2.is_present;
	bool is_too_large = limit != 0 && answer->body.length + ANSWER_OVERHEAD > limit;

	if (answer->body.length == 0 || (!is_wished && !is_too_large)) {
		message->code = answer->code;
		message->content_format = answer->content_format;
		message->payload = answer->body.bytes;
		message->payload_length = answer->body.length;
		return;
	}
	if (is_wished && request->block2.szx < szx) {
		szx = request->block2.szx;
	}
	fill_piece(message, keep(blocks, request, answer, szx), 0, szx, limit);
}

bool service_blocks_continue(struct service_blocks *blocks, const struct service_request *request, size_t limit,
                             struct service_message *message)
{
	const struct service_kept_answer *kept = *find_kept(blocks, request->path);
	size_t offset = unit_of(request->block2.szx) * request->block2.number;

	if (kept == NULL || offset >= kept->body.length) {
		return false;
	}
	/* BERT only where the service chose it: a device that asks so of an answer cut into 1,024 bytes gets 1,024 bytes. */
	fill_piece(message, kept, request->block2.number, request->block2.szx > kept->szx ? kept->szx : request->block2.szx, limit);
	return true;
}

void service_blocks_free(struct service_blocks *blocks)
{
	service_request_free(blocks->upload);
	while (blocks->kept != NULL) {
		struct service_kept_answer *kept = blocks->kept;

		blocks->kept = kept->next;
		free_kept(kept);
	}
	*blocks = (struct service_blocks){0};
}
