/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message of RFC 8323: framing, options, reading and writing. Knows nothing of exchanges. Private to the room.
 */
#ifndef DPS_COAP_MESSAGE_H
#define DPS_COAP_MESSAGE_H

#include "dps/detail/coap.h"
#include "dps/types.h"

/* A code as it is on the wire: three bits of class, five of detail (RFC 7252 section 3). */
#define DPS_COAP_CODE(class, detail)   ((uint8_t)(((class) << 5) | (detail)))
#define DPS_COAP_CODE_CLASS(code)      ((code) >> 5)
#define DPS_COAP_CODE_AS_WRITTEN(code) ((unsigned)((code) >> 5) * 100u + ((code)&0x1fu))

enum dps_coap_code {
	DPS_COAP_EMPTY = DPS_COAP_CODE(0, 0),
	DPS_COAP_GET = DPS_COAP_CODE(0, 1),
	DPS_COAP_POST = DPS_COAP_CODE(0, 2),
	DPS_COAP_DELETE = DPS_COAP_CODE(0, 4),
	DPS_COAP_CONTINUE = DPS_COAP_CODE(2, 31),
	DPS_COAP_REQUEST_TOO_LARGE = DPS_COAP_CODE(4, 13),
	DPS_COAP_CSM = DPS_COAP_CODE(7, 1),
	DPS_COAP_PING = DPS_COAP_CODE(7, 2),
	DPS_COAP_PONG = DPS_COAP_CODE(7, 3),
	DPS_COAP_RELEASE = DPS_COAP_CODE(7, 4),
	DPS_COAP_ABORT = DPS_COAP_CODE(7, 5)
};

/* Option numbers (IANA CoAP registry); odd ones are critical. */
enum dps_coap_option_number {
	DPS_COAP_URI_HOST = 3,
	DPS_COAP_ETAG = 4,
	DPS_COAP_OBSERVE = 6,
	DPS_COAP_URI_PORT = 7,
	DPS_COAP_URI_PATH = 11,
	DPS_COAP_CONTENT_FORMAT = 12,
	DPS_COAP_URI_QUERY = 15,
	DPS_COAP_ACCEPT = 17,
	DPS_COAP_BLOCK2 = 23,
	DPS_COAP_BLOCK1 = 27,
	DPS_COAP_SIZE2 = 28,
	DPS_COAP_SIZE1 = 60,
	DPS_COAP_OCF_ACCEPT_VERSION = 2049,
	DPS_COAP_OCF_CONTENT_VERSION = 2053
};

/* Options of signalling messages have numbers of their own for each code (RFC 8323 section 5.2). */
enum dps_coap_signal_option {
	DPS_COAP_CSM_MAX_MESSAGE_SIZE = 2,
	DPS_COAP_CSM_BLOCK_WISE = 4,
	DPS_COAP_PING_CUSTODY = 2,
	DPS_COAP_ABORT_BAD_CSM_OPTION = 2
};

/* The value of an option that is not there; block options take 24 bits, formats 16. */
#define DPS_COAP_ABSENT UINT32_MAX

/* Block options: number, more, size exponent (RFC 7959 section 2.2); exponent 7 is BERT, in units of 1,024 (RFC 8323 section 6). */
#define DPS_COAP_BLOCK(num, more, szx) (((uint32_t)(num) << 4) | ((more) ? 8u : 0u) | (uint32_t)(szx))
#define DPS_COAP_BLOCK_NUM(block)      ((block) >> 4)
#define DPS_COAP_BLOCK_MORE(block)     (((block)&8u) != 0)
#define DPS_COAP_BLOCK_SZX(block)      ((uint8_t)((block)&7u))
#define DPS_COAP_BERT                  7

/* Where the parts of a message begin. */
struct dps_coap_frame {
	size_t token; /* offset */
	size_t token_len;
	size_t options; /* offset */
	uint32_t total; /* bytes of the whole message */
	uint8_t code;
	bool large; /* set by who knows: the message does not fit, and only its head is there */
};

/* Longest header with its token: a byte, four of Len, code, token. */
#define DPS_COAP_FRAME_MAX 14

/* Reads the header. DPS_AGAIN: it is not all there; DPS_E_COAP: malformed. */
dps_result dps_coap_frame_read(const uint8_t *data, size_t len, struct dps_coap_frame *frame);

/* A message taken apart. Pointers go into the data, which is changed (the path is put together in place). */
struct dps_coap_message {
	uint8_t code;
	bool large;      /* only code and token are known */
	bool bad_path;   /* of a request: a segment holds a slash, as text it would be another path */
	bool block_wise; /* of a CSM */
	bool custody;    /* of a ping */
	const uint8_t *token;
	size_t token_len;
	uint8_t *payload;
	size_t payload_len;
	uint32_t unknown_critical; /* the number of the first one, or DPS_COAP_ABSENT */
	/* requests and responses */
	uint32_t content_format;
	uint32_t block1;
	uint32_t block2;
	uint32_t size2;
	struct dps_span etag;
	/* requests */
	uint32_t accept;
	uint32_t observe; /* with DPS_CONFIG_HUB */
	uint8_t *path;    /* put together as text; NULL: none, the root */
	size_t path_len;
	struct dps_span queries; /* the Uri-Query options as they came */
	/* signals */
	uint32_t max_message_size;
};

/* Takes a message apart. DPS_E_COAP: malformed. */
dps_result dps_coap_message_read(uint8_t *data, const struct dps_coap_frame *frame, struct dps_coap_message *message);

/* Writes one message, options in ascending order. Running out of room sticks; dps_coap_write_end tells. */
struct dps_coap_writer {
	uint8_t *data;
	size_t size;
	size_t len; /* the longest header included */
	size_t token_len;
	uint16_t last;
	bool full;
};

/* Header bytes kept free at first: a byte, two of Len (messages end below 64 KiB), code. */
#define DPS_COAP_HEAD_ROOM 4

void dps_coap_write_begin(struct dps_coap_writer *w, uint8_t *data, size_t size, const uint8_t *token, size_t token_len);
void dps_coap_write_option(struct dps_coap_writer *w, uint16_t number, const uint8_t *value, size_t len);
void dps_coap_write_uint(struct dps_coap_writer *w, uint16_t number, uint32_t value);
/* Uri-Path options of an absolute path. */
void dps_coap_write_path(struct dps_coap_writer *w, const char *path);
/* Uri-Query options, one for each part between ampersands. */
void dps_coap_write_query(struct dps_coap_writer *w, const char *query);
/* Where the payload goes, behind its marker, and how much fits. NULL and 0 when none does. */
uint8_t *dps_coap_write_payload(struct dps_coap_writer *w, size_t *size);
/* Ends a message whose payload of that length has been put there. Bytes of the message, or 0: it did not fit. */
size_t dps_coap_write_end(struct dps_coap_writer *w, uint8_t code, size_t payload_len);

#endif
