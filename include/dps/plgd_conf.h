/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The resource /plgd/dps (resource type x.plgd.dps.conf): what a device shows of its provisioning, and what it may be told. Only its
 * representation is made and read here; who serves it (a hub connection, a local server) and what follows from a command is the caller's.
 * docs/wire-plgd.md has the properties.
 */
#ifndef DPS_PLGD_CONF_H
#define DPS_PLGD_CONF_H

#include "dps/config.h"
#include "dps/status.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The resource's path and type. */
#define DPS_CONF_HREF "/plgd/dps"
#define DPS_CONF_TYPE "x.plgd.dps.conf"

/** An endpoint of the service: text, 1 to DPS_CONFIG_URI_LENGTH bytes; a name for people, at most DPS_CONFIG_NAME_LENGTH bytes, may be empty. */
struct dps_conf_endpoint {
	struct dps_span uri;
	struct dps_span name;
};

/** What a GET shows. */
struct dps_conf {
	enum dps_status status;
	enum dps_error_number last_error;
	struct dps_conf_endpoint endpoints[DPS_CONFIG_ENDPOINTS];
	size_t endpoint_count;
	size_t selected; /**< index into endpoints; not looked at when there is none */
};

/**
 * Writes the representation (CBOR). baseline: "rt" and "if" too (oic.if.baseline). DPS_E_BUFFER: *len is the size needed (buf may be NULL if size is 0).
 * DPS_E_ARGUMENT: more endpoints than there is room for, or none of them is selected.
 */
DPS_API DPS_MUST_USE dps_result dps_conf_write(const struct dps_conf *conf, bool baseline, uint8_t *buf, size_t size, size_t *len);

/** What a POST asks for. */
enum dps_conf_kind {
	DPS_CONF_NOTHING, /**< nothing that changes anything: to be answered 4.00 */
	DPS_CONF_FORCE,   /**< provision again, all steps */
	DPS_CONF_REPLACE, /**< these endpoints replace the list, the first one is selected, and the device provisions again */
	DPS_CONF_RESET    /**< an empty endpoint: factory reset, after the answer has left */
};

/** A command. Spans point into the payload. */
struct dps_conf_command {
	enum dps_conf_kind kind;
	struct dps_conf_endpoint endpoints[DPS_CONFIG_ENDPOINTS]; /**< REPLACE: the selected one first, no URI twice */
	size_t endpoint_count;
};

/**
 * Reads a POST. Unknown and read-only properties are skipped; of two entries with one URI the first counts. DPS_E_CBOR: malformed, or bytes
 * behind the map; DPS_E_FIELD: no map, or a property of the wrong type, twice or (an entry's uri) missing; DPS_E_URI: an
 * endpoint that is no coaps+tcp://host:port; DPS_E_TOO_LARGE: more endpoints than are kept, or a name too long. Nothing is changed on failure.
 */
DPS_API DPS_MUST_USE dps_result dps_conf_read(const uint8_t *payload, size_t len, struct dps_conf_command *command);

#ifdef __cplusplus
}
#endif
#endif
