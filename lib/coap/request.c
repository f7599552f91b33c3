/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we ask: slots, tokens, and requests written straight into the send buffer.
 */
#include "coap/exchange.h"

#include <string.h>

#define QUERY_PART_MAX 255

struct dps_coap_slot *dps_coap_find(struct dps_coap *c, const uint8_t *token, size_t token_len)
{
	for (size_t i = 0; i < DPS_CONFIG_REQUESTS; i++) {
		struct dps_coap_slot *slot = &c->slots[i];

		if (slot->method != 0 && token_len == DPS_COAP_TOKEN_SIZE && memcmp(slot->token, token, DPS_COAP_TOKEN_SIZE) == 0)
			return slot;
	}
	return NULL;
}

static struct dps_coap_slot *find_free(struct dps_coap *c)
{
	for (size_t i = 0; i < DPS_CONFIG_REQUESTS; i++) {
		if (c->slots[i].method == 0)
			return &c->slots[i];
	}
	return NULL;
}

void dps_coap_finish(struct dps_coap *c, struct dps_coap_slot *slot)
{
	slot->method = 0;
	if (c->area.slot == slot && c->area.use != DPS_COAP_AREA_DELIVERED) {
		c->area.use = DPS_COAP_AREA_FREE;
		c->area.due = false;
	}
}

/*
 * Tokens are 8 random bytes: an answer that was delayed, forgotten or made up then matches nothing (RFC 7252 section 5.3.1), and no state of the
 * last connection is needed to keep them apart.
 */
dps_result dps_coap_token(struct dps_coap *c, uint8_t token[DPS_COAP_TOKEN_SIZE])
{
	dps_result result = c->random->fill(c->random->ctx, token, DPS_COAP_TOKEN_SIZE);

	if (result != DPS_OK)
		return result;
	/* the same 64 bits again means that the random port is broken */
	return dps_coap_find(c, token, DPS_COAP_TOKEN_SIZE) == NULL ? DPS_OK : DPS_E_RANDOM;
}

void dps_coap_begin_request(struct dps_coap *c, struct dps_coap_writer *w, const struct dps_coap_slot *slot, bool sends_block,
                            uint32_t block)
{
	dps_coap_begin(c, w, slot->token, DPS_COAP_TOKEN_SIZE);
	dps_coap_write_path(w, slot->path);
	if (slot->has_body)
		dps_coap_write_uint(w, DPS_COAP_CONTENT_FORMAT, c->options.content_format);
#if DPS_CONFIG_HUB
	if (slot->query != NULL)
		dps_coap_write_query(w, slot->query);
#endif
	dps_coap_write_uint(w, DPS_COAP_ACCEPT, c->options.accept);
	if (block != DPS_COAP_ABSENT) {
		dps_coap_write_uint(w, sends_block ? DPS_COAP_BLOCK1 : DPS_COAP_BLOCK2, block);
		if (sends_block)
			dps_coap_write_uint(w, DPS_COAP_SIZE1, (uint32_t)c->area.len);
	}
}

/* Begins a request; whether there is room behind its head, at *body, for the longest body it may have. */
static bool begin_whole(struct dps_coap *c, struct dps_coap_writer *w, const struct dps_coap_slot *slot, size_t limit, uint8_t **body)
{
	size_t room;

	dps_coap_begin_request(c, w, slot, false, DPS_COAP_ABSENT);
	*body = dps_coap_write_payload(w, &room);
	return !w->full && limit <= room;
}

/*
 * Has the body written, straight behind its head in tx if that has room for whatever it may take; else to the area: it may need blocks, or the
 * peer's messages are too small.
 */
static dps_result write_request(struct dps_coap *c, const struct dps_coap_slot *slot, const struct dps_request *request,
                                const struct dps_step_env *env)
{
	size_t limit = request->write_body != NULL ? request->body_limit : 0;
	size_t len = 0;
	struct dps_coap_writer w;
	uint8_t *body;
	bool direct, pushed = false;

	while (!(direct = begin_whole(c, &w, slot, limit, &body)) && c->tx_len > 0 && !pushed) {
		dps_coap_push(c);
		pushed = true;
	}
	if (!direct) {
		if (c->tx_len > 0 && (w.full || limit < dps_coap_largest(c) - w.len))
			return DPS_AGAIN;
		if (!DPS_COAP_BLOCK1_USED || w.full || limit > c->area.size)
			return DPS_E_TOO_LARGE;
		if (c->area.use != DPS_COAP_AREA_FREE)
			return DPS_AGAIN;
		body = c->area.data;
		limit = c->area.size;
	}
	if (limit > 0) {
		dps_result result = request->write_body(env, body, limit, &len);

		if (result != DPS_OK)
			return result;
	}
	if (len > limit)
		return DPS_E_INTERNAL;
	if (!direct)
		return dps_coap_block_start(c, slot, w.len, len);
	return dps_coap_end(c, &w, slot->method, len) > 0 ? DPS_OK : DPS_E_INTERNAL;
}

#if DPS_CONFIG_HUB
/* RFC 7252 section 5.10: an Uri-Query takes 255 bytes. The plgd gateway drops a longer one and serves the rest of the request. */
static bool fits_query(const char *query)
{
	size_t len;

	for (; query != NULL && *query != '\0'; query += len + (query[len] == '&')) {
		len = strcspn(query, "&");
		if (len > QUERY_PART_MAX)
			return false;
	}
	return true;
}
#endif

/* By enum dps_method. */
static const uint8_t METHODS[] = {DPS_COAP_GET, DPS_COAP_POST, DPS_COAP_DELETE};

dps_result dps_coap_send(struct dps_coap *c, unsigned handle, const struct dps_request *request, const struct dps_step_env *env)
{
	bool hold = request->large_answer && c->offers_blocks;
	struct dps_coap_slot *slot = find_free(c);
	dps_result result;

#if DPS_CONFIG_HUB
	if (!fits_query(request->query))
		return DPS_E_TOO_LARGE;
#endif
	if (slot == NULL || (hold && c->area.use != DPS_COAP_AREA_FREE))
		return DPS_AGAIN;
	result = dps_coap_token(c, slot->token);
	if (result != DPS_OK)
		return result;
	slot->path = request->path;
	slot->handle = handle;
	slot->method = METHODS[request->method];
	slot->has_body = request->write_body != NULL && request->body_limit > 0;
#if DPS_CONFIG_HUB
	slot->query = request->query;
#endif
	result = write_request(c, slot, request, env);
	if (result != DPS_OK) {
		dps_coap_finish(c, slot);
		return result;
	}
	c->counters.requests++;
	if (hold && c->area.use == DPS_COAP_AREA_FREE) {
		c->area.use = DPS_COAP_AREA_HELD;
		c->area.slot = slot;
	}
	return DPS_OK;
}
