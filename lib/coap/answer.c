/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the peer answers: matched by token, judged by code, options and format.
 */
#include "coap/exchange.h"

/* Answers to requests that were forgotten, or given twice, are a few; a peer that never stops sending what nobody asked for is left. */
#define STRAYS_MAX 4096

/* What codes mean: the first range that has one. What is in none is DPS_E_CODE. */
static const struct {
	uint8_t first;
	uint8_t last;
	dps_result result;
} MEANINGS[] = {
	{DPS_COAP_CODE(2, 0), DPS_COAP_CODE(2, 30), DPS_OK}, /* not 2.31, Continue */
	{DPS_COAP_CODE(4, 0), DPS_COAP_CODE(4, 0), DPS_E_SERVICE_REFUSED},
	{DPS_COAP_CODE(4, 3), DPS_COAP_CODE(4, 3), DPS_E_SERVICE_REFUSED},
	{DPS_COAP_CODE(4, 8), DPS_COAP_CODE(4, 8), DPS_E_SERVICE_UNAVAILABLE},
	{DPS_COAP_CODE(4, 29), DPS_COAP_CODE(4, 29), DPS_E_SERVICE_UNAVAILABLE},
	{DPS_COAP_CODE(4, 0), DPS_COAP_CODE(4, 31), DPS_E_SERVICE_REJECTED},
	{DPS_COAP_CODE(5, 0), DPS_COAP_CODE(5, 31), DPS_E_SERVICE_UNAVAILABLE},
};

static dps_result result_of(uint8_t code)
{
	for (size_t i = 0; i < sizeof(MEANINGS) / sizeof(MEANINGS[0]); i++) {
		if (code >= MEANINGS[i].first && code <= MEANINGS[i].last)
			return MEANINGS[i].result;
	}
	return DPS_E_CODE;
}

/* DPS_AGAIN: further blocks are on their way. */
static dps_result judge(struct dps_coap *c, const struct dps_coap_slot *slot, struct dps_coap_message *m)
{
	dps_result result = result_of(m->code);
	dps_result blocks;

	if (m->unknown_critical != DPS_COAP_ABSENT)
		return DPS_E_COAP_OPTION;
	if (DPS_COAP_CODE_CLASS(m->code) != 2)
		return result;
	if (m->large) /* a long text does not hide that the service said no */
		return result == DPS_OK ? DPS_E_TOO_LARGE : result;
	if (m->payload_len > 0 && m->content_format != DPS_COAP_ABSENT && m->content_format != c->options.accept)
		return DPS_E_CONTENT_FORMAT;
	blocks = dps_coap_block_take(c, slot, m);
	return blocks == DPS_OK ? result : blocks;
}

dps_result dps_coap_take_answer(struct dps_coap *c, struct dps_coap_message *m, struct dps_answer *answer)
{
	struct dps_coap_slot *slot = dps_coap_find(c, m->token, m->token_len);
	dps_result result;

	if (slot == NULL) {
		c->counters.unknown_answers++;
		return ++c->strays < STRAYS_MAX ? DPS_AGAIN : dps_coap_abort(c, DPS_COAP_ABSENT);
	}
	result = judge(c, slot, m);
	if (result == DPS_AGAIN)
		return DPS_AGAIN;
	answer->handle = slot->handle;
	answer->result = result;
	answer->code = DPS_COAP_CODE_AS_WRITTEN(m->code);
	/* the payload of a success answer that is not taken stays inside: it may hold secrets and is no text on the failure */
	if (result == DPS_OK || DPS_COAP_CODE_CLASS(m->code) >= 4) {
		answer->payload = m->payload;
		answer->payload_len = m->payload_len;
	}
	dps_coap_finish(c, slot);
	return DPS_OK;
}
