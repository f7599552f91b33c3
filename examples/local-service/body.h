/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of messages. An answer is built as a tree of cJSON items, whose order is the order on the wire, and written as CBOR or JSON; a request
 * is CBOR or JSON and read with libcbor or cJSON into the same tree. */
#ifndef SERVICE_BODY_H
#define SERVICE_BODY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service_body {
	uint8_t *bytes;
	size_t length;
};

/* Definite lengths, shortest heads, entries in the order of the tree. */
struct service_body service_body_to_cbor(const cJSON *tree);
struct service_body service_body_to_json(const cJSON *tree);
struct service_body service_body_from_text(const char *text);
void service_body_free(struct service_body *body);

/* NULL when the bytes are no single item with text keys and texts without zero bytes. Byte strings are read as texts; what JSON has no word for
 * becomes null. The caller deletes the tree. */
cJSON *service_body_parse(const uint8_t *bytes, size_t length, bool is_json);

/* The same for CBOR from a device: byte strings become base64url without padding (RFC 8949 section 6.1), so that they may hold anything. */
cJSON *service_body_parse_bytes(const uint8_t *bytes, size_t length);

/* The text below the named entry of an object, found without regard to case as the public service does; NULL when it is no text. */
const char *service_body_text(const cJSON *object, const char *name);

/* --- for faults: changes of CBOR as it stands --- */

/* Adds one entry to the end of the outermost map (with the key "x") or array; the entry is taken as it is, well-formed or not. */
void service_body_append(struct service_body *body, const uint8_t *entry, size_t length);

/* Writes the head of a CBOR item: major type 0 to 7 and its argument. Gives the count of bytes, at most 9. */
size_t service_body_head(uint8_t out[9], unsigned major, uint64_t argument);

#endif
