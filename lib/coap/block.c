/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies in blocks (RFC 7959, RFC 8323 section 6), one at a time, in the body area. All blocks of a request carry its token.
 */
#include "coap/exchange.h"

#include <string.h>

#if DPS_CONFIG_BLOCKWISE

#define LARGEST_SZX 6
#define BERT_UNIT   1024u

/* What Block1 (24 bits behind 1) and Size1 (24 bits behind 2) add to a head at most. */
#define BLOCK1_ROOM 9

/* RFC 8323 section 6: a peer that takes messages of more than 1,152 bytes and offers block-wise transfer does BERT. */
#define BERT_ABOVE 1152u

/* What a block number counts: in BERT the same as with the largest block. */
static size_t unit_of(uint8_t szx)
{
	return (size_t)16 << (szx < LARGEST_SZX ? szx : LARGEST_SZX);
}

/* Chooses the block size for messages with that many bytes of room for payload. */
static void choose_chunk(struct dps_coap_area *area, size_t room, bool bert)
{
	area->szx = LARGEST_SZX;
	while (area->szx > 0 && unit_of(area->szx) > room)
		area->szx--;
	area->chunk = unit_of(area->szx);
	if ((DPS_CONFIG_HUB || DPS_CONFIG_SEND_SIZE > 2 * BERT_UNIT) && bert && room >= 2 * BERT_UNIT) {
		area->szx = DPS_COAP_BERT;
		area->chunk = room - room % BERT_UNIT;
	}
}

dps_result dps_coap_block_start(struct dps_coap *c, const struct dps_coap_slot *slot, size_t head_len, size_t body_len)
{
	struct dps_coap_area *area = &c->area;
	size_t most = dps_coap_largest(c);
	size_t room = head_len + 1 < most ? most - head_len - 1 : 0; /* for the body, behind head and marker */

	if (!DPS_COAP_BLOCK1_USED)
		return DPS_E_TOO_LARGE;
	if (body_len <= room)
		area->chunk = body_len;
	else if (c->peer_blocks && room >= BLOCK1_ROOM + unit_of(0))
		choose_chunk(area, room - BLOCK1_ROOM, c->peer_size > BERT_ABOVE);
	else
		return DPS_E_TOO_LARGE;
	area->use = DPS_COAP_AREA_SENDING;
	area->slot = slot;
	area->len = body_len;
	area->done = 0;
	area->due = true;
	dps_coap_block_continue(c);
	return DPS_OK;
}

/*
 * Sends the next piece of the body, without block options if it is the only one; or asks for the next block of the answer: the request again
 * without its body (RFC 7959 section 2.7 and 3.3).
 */
void dps_coap_block_continue(struct dps_coap *c)
{
	struct dps_coap_area *area = &c->area;
	bool sending = DPS_COAP_BLOCK1_USED && area->use == DPS_COAP_AREA_SENDING;
	size_t left = sending ? area->len - area->done : 0;
	size_t n = left < area->chunk ? left : area->chunk;
	uint32_t num = (uint32_t)(area->done / unit_of(area->szx));
	uint32_t block = sending && area->chunk >= area->len ? DPS_COAP_ABSENT : DPS_COAP_BLOCK(num, n < left, area->szx);
	struct dps_coap_writer w;
	uint8_t *payload;
	size_t room;

	if (!area->due)
		return;
	dps_coap_begin_request(c, &w, area->slot, sending, block);
	payload = dps_coap_write_payload(&w, &room);
	if (n > room)
		return;
	if (n > 0)
		memcpy(payload, area->data + area->done, n);
	if (dps_coap_end(c, &w, area->slot->method, n) == 0)
		return;
	c->counters.blocks += area->done > 0;
	area->num = num;
	area->done += n;
	area->due = false;
}

/* 2.31: the peer has the block sent last and may ask for smaller ones from here on. */
static dps_result take_continue(struct dps_coap_area *area, const struct dps_coap_message *m)
{
	uint8_t szx = DPS_COAP_BLOCK_SZX(m->block1);

	if (m->block1 == DPS_COAP_ABSENT || DPS_COAP_BLOCK_NUM(m->block1) != area->num)
		return DPS_E_COAP;
	if (szx < area->szx) {
		area->szx = szx;
		area->chunk = unit_of(szx);
	}
	area->due = true;
	return DPS_AGAIN;
}

static bool same_etag(const struct dps_coap_area *area, struct dps_span etag)
{
	/* only the first block must have it (RFC 7959 section 2.4) */
	return etag.len == 0 || (etag.len == area->etag_len && memcmp(etag.data, area->etag, etag.len) == 0);
}

static dps_result take_first(struct dps_coap *c, const struct dps_coap_slot *slot, const struct dps_coap_message *m)
{
	struct dps_coap_area *area = &c->area;

	if (area->use != DPS_COAP_AREA_FREE && area->slot != slot)
		return DPS_E_TOO_LARGE; /* lent to another: large answers are asked for one at a time */
	if (m->size2 != DPS_COAP_ABSENT && m->size2 > area->size)
		return DPS_E_TOO_LARGE;
	area->use = DPS_COAP_AREA_RECEIVING;
	area->slot = slot;
	area->done = 0;
	area->due = false;
	area->etag_len = (uint8_t)m->etag.len;
	if (m->etag.len > 0)
		memcpy(area->etag, m->etag.data, m->etag.len);
	return DPS_OK;
}

/* A block that is not the last must be full; in BERT, any number of full units. */
static bool full_block(uint8_t szx, size_t len)
{
	size_t unit = unit_of(szx);

	return len == unit || (szx == DPS_COAP_BERT && len > 0 && len % unit == 0);
}

dps_result dps_coap_block_take(struct dps_coap *c, const struct dps_coap_slot *slot, struct dps_coap_message *m)
{
	struct dps_coap_area *area = &c->area;
	uint32_t block = m->block2 != DPS_COAP_ABSENT ? m->block2 : 0; /* without the option it is the first block and the last */
	uint32_t num = DPS_COAP_BLOCK_NUM(block);
	uint8_t szx = DPS_COAP_BLOCK_SZX(block);
	uint8_t use = area->slot == slot ? area->use : DPS_COAP_AREA_FREE;
	dps_result result;

	if (DPS_COAP_BLOCK1_USED && use == DPS_COAP_AREA_SENDING && area->done < area->len)
		return m->code == DPS_COAP_CONTINUE && !area->due ? take_continue(area, m) : DPS_E_COAP; /* answered before all was sent */
	if (use != DPS_COAP_AREA_RECEIVING) {
		if (num == 0 && !DPS_COAP_BLOCK_MORE(block))
			return DPS_OK;
		result = num == 0 ? take_first(c, slot, m) : DPS_E_COAP;
		if (result != DPS_OK)
			return result;
	}
	if (area->due || num * unit_of(szx) != area->done || !same_etag(area, m->etag))
		return DPS_E_COAP;
	if (DPS_COAP_BLOCK_MORE(block) && !full_block(szx, m->payload_len))
		return DPS_E_COAP;
	if (m->payload_len > area->size - area->done)
		return DPS_E_TOO_LARGE;
	if (m->payload_len > 0)
		memcpy(area->data + area->done, m->payload, m->payload_len);
	area->done += m->payload_len;
	area->szx = szx;
	area->due = DPS_COAP_BLOCK_MORE(block);
	if (area->due)
		return DPS_AGAIN;
	m->payload = area->data;
	m->payload_len = area->done;
	area->use = DPS_COAP_AREA_DELIVERED;
	return DPS_OK;
}

#else

dps_result dps_coap_block_start(struct dps_coap *c, const struct dps_coap_slot *slot, size_t head_len, size_t body_len)
{
	(void)c, (void)slot, (void)head_len, (void)body_len;
	return DPS_E_TOO_LARGE;
}

void dps_coap_block_continue(struct dps_coap *c)
{
	(void)c;
}

/* A single block is a whole answer. */
dps_result dps_coap_block_take(struct dps_coap *c, const struct dps_coap_slot *slot, struct dps_coap_message *m)
{
	(void)c, (void)slot;
	if (m->block2 == DPS_COAP_ABSENT || (DPS_COAP_BLOCK_NUM(m->block2) == 0 && !DPS_COAP_BLOCK_MORE(m->block2)))
		return DPS_OK;
	return DPS_E_TOO_LARGE;
}

#endif
