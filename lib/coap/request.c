/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we ask: slots, tokens, and requests written straight into the send buffer.
 */
#include "coap/exchange.h"

#include <string.h>

/* OCF Core specification: "1.0.0" as an option value. */
#define OCF_VERSION 2048

/* Draws of a token that is not in flight yet; more than one means that the random port is broken. */
#define TOKEN_DRAWS 4

size_t dps_coap_find(const struct dps_coap *c, const uint8_t *token, size_t token_len)
{
	size_t i;

	for (i = 0; i < DPS_CONFIG_REQUESTS; i++) {
		if (c->slots[i].method != 0 && token_len == DPS_COAP_TOKEN_SIZE && memcmp(c->slots[i].token, token, token_len) == 0)
			break;
	}
	return i;
}

static size_t find_free(const struct dps_coap *c)
{
	size_t i;

	for (i = 0; i < DPS_CONFIG_REQUESTS; i++) {
		if (c->slots[i].method == 0)
			break;
	}
	return i;
}

void dps_coap_finish(struct dps_coap *c, size_t index)
{
	c->slots[index].method = 0;
	if (c->area.slot == index && c->area.use != DPS_COAP_AREA_DELIVERED) {
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
	for (int draw = 0; draw < TOKEN_DRAWS; draw++) {
		dps_result result = c->random->fill(c->random->ctx, token, DPS_COAP_TOKEN_SIZE);

		if (result != DPS_OK)
			return result;
		if (dps_coap_find(c, token, DPS_COAP_TOKEN_SIZE) == DPS_CONFIG_REQUESTS)
			return DPS_OK;
	}
	return DPS_E_RANDOM;
}

void dps_coap_begin_request(struct dps_coap *c, struct dps_coap_writer *w, const struct dps_coap_slot *slot, bool has_body, uint32_t block)
{
	dps_coap_begin(c, w, slot->token, DPS_COAP_TOKEN_SIZE);
	dps_coap_write_path(w, slot->path);
	if (has_body)
		dps_coap_write_uint(w, DPS_COAP_CONTENT_FORMAT, c->content_format);
	dps_coap_write_uint(w, DPS_COAP_ACCEPT, c->accept);
	if (block != DPS_COAP_ABSENT) {
		dps_coap_write_uint(w, has_body ? DPS_COAP_BLOCK1 : DPS_COAP_BLOCK2, block);
		if (has_body)
			dps_coap_write_uint(w, DPS_COAP_SIZE1, (uint32_t)c->area.len);
	}
	if (c->ocf_version) {
		dps_coap_write_uint(w, DPS_COAP_OCF_ACCEPT_VERSION, OCF_VERSION);
		if (has_body)
			dps_coap_write_uint(w, DPS_COAP_OCF_CONTENT_VERSION, OCF_VERSION);
	}
}

/* Whether head, marker and body go into that many bytes. */
static bool fits(const struct dps_coap_writer *w, size_t body, size_t size)
{
	return !w->full && w->len < size && body < size - w->len;
}

/* Writes the body behind its head in tx. */
static dps_result write_direct(struct dps_coap *c, struct dps_coap_writer *w, uint8_t method, size_t limit,
                               const struct dps_request *request, const struct dps_step_env *env)
{
	size_t room, len = 0;
	uint8_t *body = dps_coap_write_payload(w, &room);

	if (limit > 0) {
		dps_result result = request->write_body(env, body, limit, &len);

		if (result != DPS_OK)
			return result;
	}
	return len <= limit && dps_coap_end(c, w, method, len) > 0 ? DPS_OK : DPS_E_INTERNAL;
}

/* Writes the body to the area: it may need blocks, or the room in tx is less than it might take. */
static dps_result write_to_area(struct dps_coap *c, size_t index, size_t head_len, size_t limit, const struct dps_request *request,
                                const struct dps_step_env *env)
{
#if DPS_CONFIG_BLOCKWISE
	size_t len = 0;
	dps_result result;

	if (limit > 0 && limit <= c->area.size) {
		if (c->area.use != DPS_COAP_AREA_FREE)
			return DPS_AGAIN;
		result = request->write_body(env, c->area.data, c->area.size, &len);
		if (result != DPS_OK)
			return result;
		return len <= c->area.size ? dps_coap_block_start(c, index, head_len, len) : DPS_E_INTERNAL;
	}
#else
	(void)c, (void)index, (void)head_len, (void)limit, (void)request, (void)env;
#endif
	return DPS_E_TOO_LARGE;
}

static dps_result write_request(struct dps_coap *c, size_t index, const struct dps_request *request, const struct dps_step_env *env)
{
	const struct dps_coap_slot *slot = &c->slots[index];
	size_t limit = request->write_body != NULL ? request->body_limit : 0;
	struct dps_coap_writer w;

	dps_coap_begin_request(c, &w, slot, limit > 0, DPS_COAP_ABSENT);
	if (c->tx_len > 0 && !fits(&w, limit, w.size)) {
		dps_coap_push(c);
		dps_coap_begin_request(c, &w, slot, limit > 0, DPS_COAP_ABSENT);
	}
	if (fits(&w, limit, w.size))
		return write_direct(c, &w, slot->method, limit, request, env);
	if (w.full ? c->tx_len > 0 : fits(&w, limit, dps_coap_largest(c)))
		return DPS_AGAIN;
	return w.full ? DPS_E_TOO_LARGE : write_to_area(c, index, w.len, limit, request, env);
}

dps_result dps_coap_send(struct dps_coap *c, unsigned handle, const struct dps_request *request, const struct dps_step_env *env)
{
	bool hold = request->large_answer && c->offers_blocks;
	size_t index = find_free(c);
	struct dps_coap_slot *slot = &c->slots[index];
	dps_result result;

	if (index == DPS_CONFIG_REQUESTS || (hold && c->area.use != DPS_COAP_AREA_FREE))
		return DPS_AGAIN;
	result = dps_coap_token(c, slot->token);
	if (result != DPS_OK)
		return result;
	slot->path = request->path;
	slot->handle = handle;
	slot->method = request->method == DPS_POST ? DPS_COAP_POST : DPS_COAP_GET;
	result = write_request(c, index, request, env);
	if (result != DPS_OK) {
		dps_coap_finish(c, index);
		return result;
	}
	c->counters.requests++;
	if (hold && c->area.use == DPS_COAP_AREA_FREE) {
		c->area.use = DPS_COAP_AREA_HELD;
		c->area.slot = (uint8_t)index;
	}
	return DPS_OK;
}
