/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CoAP over a reliable stream (RFC 8323): several requests in flight, the peer's requests served meanwhile, block-wise both ways
 * (RFC 7959). docs/wire-coap.md says what of it is implemented, and how.
 *
 * struct dps_coap and its two buffers are the caller's; the body area is lent by attach. Nothing blocks and nothing here knows of time:
 * who wants a time-out forgets the request.
 *
 *	dps_coap_init(&coap, &options);
 *	service.transport = &dps_coap_transport;
 *	service.self = &coap;
 *
 * Results of an answer, decided here and nowhere else (answer->code has the code itself):
 *	2.xx                     DPS_OK
 *	4.00 4.03                DPS_E_SERVICE_REFUSED
 *	4.08 4.29 5.xx           DPS_E_SERVICE_UNAVAILABLE (4.08: blocks were lost on the way; 4.29: asked too often)
 *	other 4.xx               DPS_E_SERVICE_REJECTED
 *	2.31 unasked, 3.xx       DPS_E_CODE
 *	2.xx with a payload of another format than asked for   DPS_E_CONTENT_FORMAT (none said is taken for the one asked for)
 *	an unknown critical option                             DPS_E_COAP_OPTION
 *	2.xx larger than the receive buffer or the body area   DPS_E_TOO_LARGE; the connection goes on
 *	blocks that do not fit together                        DPS_E_COAP; the connection goes on
 *
 * The payload is there for DPS_OK, and with 4.xx and 5.xx, whose payload is a text for people.
 * When poll says that the connection is over after an Abort of the peer's, answer->code is 705 and the payload is its diagnostic text.
 */
#ifndef DPS_COAP_COAP_H
#define DPS_COAP_COAP_H

#include "dps/detail/coap.h"

/* Content formats (IANA CoAP registry), and "no Content-Format option". */
#define DPS_COAP_FORMAT_NONE     (-1)
#define DPS_COAP_FORMAT_CBOR     60
#define DPS_COAP_FORMAT_OCF_CBOR 10000

/* RFC 8323 section 5.3.1: Max-Message-Size of a peer that does not say. */
#define DPS_COAP_DEFAULT_MESSAGE_SIZE 1152

/* A request of the peer's. Everything points into the receive buffer and is valid during the call. */
struct dps_coap_inbound {
	unsigned method;         /* 1 GET, 2 POST, 3 PUT, 4 DELETE, ...: the code's detail, up to 31 */
	struct dps_span path;    /* as text, "/oic/res"; "/" for the root */
	struct dps_span queries; /* Uri-Query options, for dps_coap_next_query */
	int32_t accept;          /* DPS_COAP_FORMAT_NONE: not said */
	int32_t content_format;
	struct dps_span payload;
#if DPS_CONFIG_HUB
	struct dps_span token; /* at most DPS_COAP_TOKEN_SIZE bytes: what dps_coap_notify wants for an observer */
	int32_t observe;       /* Observe (RFC 7641 section 2), 0 register, 1 deregister; -1: not said */
	struct dps_span etag;  /* the first ETag option; empty: none */
#endif
};

/*
 * What a request of the peer's is answered. Unless changed: 4.04 without payload, Observe and ETag. payload and size are the room in the send
 * buffer, where serve writes directly; a len above size is answered 5.00.
 */
struct dps_coap_reply {
	unsigned code; /* as people write it: 205, 404; 0: no answer at all */
	int32_t content_format;
	uint8_t *payload;
	size_t size;
	size_t len;
#if DPS_CONFIG_HUB
	int32_t observe; /* -1: no Observe option; else its sequence number, of which 24 bits are sent */
	uint8_t etag[DPS_COAP_ETAG_SIZE];
	uint8_t etag_len; /* 0: no ETag option; above DPS_COAP_ETAG_SIZE is answered 5.00 */
#endif
};

/* The transport; self is a struct dps_coap. */
extern const struct dps_transport_ops dps_coap_transport;

/* Prepares a connection's memory; counters start at 0. DPS_E_ARGUMENT: a size is out of range. */
DPS_MUST_USE dps_result dps_coap_init(struct dps_coap *coap, const struct dps_coap_options *options);

/* Takes the next Uri-Query off the list: false when there is none left. Start with a copy of inbound->queries. */
bool dps_coap_next_query(struct dps_span *queries, struct dps_span *query);

/*
 * Sends a ping; its pong is counted in counters.pongs. DPS_AGAIN: no room now, or the last one is unanswered. DPS_E_RANDOM; DPS_E_STATE when
 * detached; why the connection is over.
 */
DPS_MUST_USE dps_result dps_coap_ping(struct dps_coap *coap);

#if DPS_CONFIG_HUB
/* Writes a notification; *reply is set to 2.05 without payload, Observe and ETag. */
typedef void (*dps_coap_write)(void *ctx, struct dps_coap_reply *reply);

/*
 * Sends a response that nobody waits for at this moment: a notification to the observer with that token. write is called at once, with what room
 * there is in the send buffer (at least one byte), and says as serve does what is sent; a code of 0 sends nothing and is DPS_OK. A len above size says
 * how much room is needed. DPS_AGAIN: there is not so much now, nothing was sent; try after the next poll, which says busy as soon as there may be room.
 * DPS_E_TOO_LARGE: there never will be; DPS_E_ARGUMENT: no code of a response, or a token or ETag too long; else why the connection is over. A
 * notification always leaves room for a reply or a pong. Not to be called inside serve.
 */
DPS_MUST_USE dps_result dps_coap_notify(struct dps_coap *coap, struct dps_span token, dps_coap_write write, void *ctx);
#endif

/* Requests in flight. */
size_t dps_coap_in_flight(const struct dps_coap *coap);

#endif
