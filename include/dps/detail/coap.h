/* SPDX-License-Identifier: Apache-2.0 */
/* Private layout of a CoAP connection, public only so that its size is known at compile time. lib/coap/coap.h tells what it does. */
#ifndef DPS_DETAIL_COAP_H
#define DPS_DETAIL_COAP_H

#include "dps/config.h"
#include "dps/service.h"
#include "dps/types.h"

/* RFC 8323 section 3.2: the token length field goes up to 8. Ours always are that long. */
#define DPS_COAP_TOKEN_SIZE 8

struct dps_coap_inbound;
struct dps_coap_reply;

/* Longest ETag (RFC 7252 section 5.10). */
#define DPS_COAP_ETAG_SIZE 8

/* Answers a request of the peer's, see lib/coap/coap.h. */
typedef void (*dps_coap_serve)(void *ctx, const struct dps_coap_inbound *inbound, struct dps_coap_reply *reply);

/* How a connection is used. */
struct dps_coap_options {
	uint16_t accept;         /* Accept of our requests, and what success answers must carry */
	uint16_t content_format; /* Content-Format of their bodies */
	uint32_t assumed_size;   /* largest message assumed of a peer until its CSM says; 0: DPS_COAP_DEFAULT_MESSAGE_SIZE */
	uint8_t *receive;        /* the receive buffer and its size, 64 to 65,536; borrowed until the connection is no longer used */
	size_t receive_size;
	uint8_t *send; /* the send buffer and its size, 64 to 65,536 */
	size_t send_size;
	dps_coap_serve serve; /* answers the peer's requests; NULL: each gets 4.04 */
	void *serve_ctx;
};

/* What was counted since init, or since the transport's count took it over. */
struct dps_coap_counters {
	uint32_t requests;        /* of ours, each once however many blocks it took */
	uint32_t blocks;          /* further blocks asked for or sent */
	uint32_t unknown_answers; /* answers dropped: to tokens not in flight */
	uint32_t served;          /* requests of the peer's answered */
	uint32_t dropped;         /* requests and pings of the peer's dropped for want of room */
	uint32_t pings;           /* of the peer's answered */
	uint32_t pongs;           /* answers to our own pings */
#if DPS_CONFIG_HUB
	uint32_t notifications; /* responses sent by dps_coap_notify */
#endif
};

/* A request in flight. */
struct dps_coap_slot {
	const char *path; /* kept for further blocks */
#if DPS_CONFIG_HUB
	const char *query; /* kept for further blocks too */
#endif
	unsigned handle;
	uint8_t token[DPS_COAP_TOKEN_SIZE];
	uint8_t method; /* the code on the wire; 0: the slot is free */
	bool has_body;  /* and so a Content-Format, which requests for further blocks repeat (RFC 7959 section 2.4, as servers compare) */
};

/* The body area and the one request it is lent to. */
struct dps_coap_area {
	uint8_t use; /* enum dps_coap_use */
	uint8_t szx; /* the size exponent in use */
	bool due;    /* a further block is to be sent or asked for as soon as there is room */
	uint8_t etag_len;
	uint8_t etag[8];
	const struct dps_coap_slot *slot;
	uint8_t *data;
	size_t size;
	size_t len;   /* of the body being sent */
	size_t chunk; /* bytes of it that one message takes */
	size_t done;  /* bytes of a body that were sent, or put together */
	uint32_t num; /* of the block sent last */
};

/* What is small and often used stands first: small machines reach it with short instructions. */
struct dps_coap {
	/* of the present connection, with the slots below and the buffers that options name */
	dps_result failed;    /* why there is none, or DPS_OK: DPS_E_STATE when detached */
	dps_result tx_failed; /* a write failed: told once everything that had come in was read */
	bool peer_blocks;     /* the peer's CSM has Block-Wise-Transfer */
	bool offers_blocks;   /* ours has */
	bool releasing;       /* the peer said Release */
	bool send_refused;    /* a send was told to come again */
	bool pinging;         /* a ping of ours is unanswered */
	struct dps_coap_area area;
	const struct dps_channel *channel; /* NULL: detached */
	const struct dps_random *random;
	uint32_t peer_size; /* the largest message that the peer takes */
	uint32_t skip;      /* bytes of a message too large that are still to be dropped */
	uint32_t strays;    /* answers on this connection that nobody asked for */
	size_t rx_start;    /* receive[rx_start..rx_end) has been read and not been looked at */
	size_t rx_end;
	size_t tx_len;         /* send[0..tx_len) waits for the channel */
	size_t tx_reply_end;   /* where the last reply in it ends */
	size_t tx_reply_quota; /* bytes of replies that may still be queued before those in tx have left */
	uint8_t ping_token[DPS_COAP_TOKEN_SIZE];

	struct dps_coap_options options;
	struct dps_coap_counters counters;

	struct dps_coap_slot slots[DPS_CONFIG_REQUESTS];
};

#endif
