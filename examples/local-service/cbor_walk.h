/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR walked item by item (RFC 8949): only whether it is well-formed counts, not what it says. libcbor refuses what nobody has to understand, such as
 * simple values without a meaning, and what it does not say is whether bytes are wrong or missing. */
#ifndef SERVICE_CBOR_WALK_H
#define SERVICE_CBOR_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_CBOR_NESTING 32u /* as deep as the public service goes */

/* Major types (section 3.1). */
enum service_cbor_major {
	SERVICE_CBOR_UNSIGNED,
	SERVICE_CBOR_NEGATIVE,
	SERVICE_CBOR_BYTES,
	SERVICE_CBOR_TEXT,
	SERVICE_CBOR_ARRAY,
	SERVICE_CBOR_MAP,
	SERVICE_CBOR_TAG,
	SERVICE_CBOR_SIMPLE, /* and floats */
};

struct service_cbor {
	const uint8_t *at;
	const uint8_t *end;
};

struct service_cbor_head {
	unsigned major;
	unsigned info;   /* the rest of the first byte */
	bool is_endless; /* of indefinite length; of a simple value: the break */
	uint64_t argument;
};

enum service_cbor_state { SERVICE_CBOR_WHOLE, SERVICE_CBOR_CUT, SERVICE_CBOR_BROKEN };

/* Takes the head of an item. */
enum service_cbor_state service_cbor_take_head(struct service_cbor *cbor, struct service_cbor_head *head);

/* Passes over one item and all that is in it. */
enum service_cbor_state service_cbor_skip(struct service_cbor *cbor);

/* Whether these bytes are one item; broken too when there are more. */
enum service_cbor_state service_cbor_check(const uint8_t *bytes, size_t length);

#endif
