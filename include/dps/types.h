/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The small value types that all headers share: spans of bytes, device and owner ids, steps.
 */
#ifndef DPS_TYPES_H
#define DPS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dps/result.h"
#include "dps/visibility.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that somebody else owns; text is UTF-8 without a terminating NUL. {NULL, 0} is the empty span. */
struct dps_span {
	const uint8_t *data;
	size_t len; /**< bytes */
};

/** A UUID in network byte order (RFC 9562): owner, device and hub ids. */
struct dps_uuid {
	uint8_t bytes[16];
};

/** Characters of a UUID's text form, without the NUL. */
#define DPS_UUID_TEXT_LEN 36

/** Reads the 36-character form, hex in either case. DPS_E_FIELD on anything else; *uuid is then unchanged. */
DPS_API DPS_MUST_USE dps_result dps_uuid_parse(const char *text, size_t len, struct dps_uuid *uuid);

/** Writes the lower-case form and a NUL. */
DPS_API void dps_uuid_format(const struct dps_uuid *uuid, char text[DPS_UUID_TEXT_LEN + 1]);

/** Whether all 128 bits are zero (the nil UUID: "none"). */
DPS_API bool dps_uuid_is_nil(const struct dps_uuid *uuid);

/** Whether two ids are the same. Not constant time: ids are no secrets. */
DPS_API bool dps_uuid_equal(const struct dps_uuid *a, const struct dps_uuid *b);

/** Where in a run something happened. Names by dps_step_name(): "config", "connect", "tls", "time", ... */
enum dps_step_id {
	DPS_STEP_CONFIG,      /**< before anything is sent: arguments, files, stored state */
	DPS_STEP_CONNECT,     /**< name resolution and TCP */
	DPS_STEP_TLS,         /**< handshake, host name, pins, validity dates */
	DPS_STEP_TIME,        /**< the service's time */
	DPS_STEP_OWNER,       /**< who owns the device */
	DPS_STEP_CLOUD,       /**< hub address and token */
	DPS_STEP_CREDENTIALS, /**< CSR, identity certificate, trust anchor, pre-shared key */
	DPS_STEP_ACLS,        /**< access control entries */
	DPS_STEP_RESOURCES,   /**< initial values of resources */
	DPS_STEP_COMMIT,      /**< making the answers durable and telling the application */
	DPS_STEP_COUNT
};

/** The lower-case name of a step; "unknown" if out of range, "" without DPS_CONFIG_NAMES. Static memory. */
DPS_API const char *dps_step_name(enum dps_step_id step);

/** The bit of a step in a set of steps. */
#define DPS_STEP_BIT(step) (UINT32_C(1) << (unsigned)(step))

#ifdef __cplusplus
}
#endif
#endif
