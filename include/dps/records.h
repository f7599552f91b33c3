/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a provisioned device holds, as typed views: owner, cloud configuration, credentials, access control list, resources.
 *
 * Views point into the buffer they were read into (dps_client_read_*(), or the client's own during a handler) and own nothing. Values were
 * checked when they were accepted: texts are UTF-8 without NUL bytes, sizes and types are as stated here.
 */
#ifndef DPS_RECORDS_H
#define DPS_RECORDS_H

#include "dps/config.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The records a device keeps; each has a generation of its own in the manifest. */
enum dps_record {
	DPS_RECORD_OWNER,
	DPS_RECORD_CLOUD,
	DPS_RECORD_CREDENTIALS,
	DPS_RECORD_ACLS,
	DPS_RECORD_RESOURCES,
	DPS_RECORD_LOCAL, /**< no step's answer: what the device keeps of its own */
	DPS_RECORD_COUNT
};

/** The lower-case name of a record ("owner", "cloud", ..., "local"), also the name of its step if it has one; "" without DPS_CONFIG_NAMES. Static memory. */
DPS_API const char *dps_record_name(enum dps_record record);

/** Who owns the device (oic.r.doxm devowneruuid). */
struct dps_owner {
	struct dps_uuid id;
};

/** A gateway of a hub. */
struct dps_gateway {
	struct dps_uuid id;  /**< of its hub; nil when the service gave none */
	struct dps_span uri; /**< text, e.g. "coaps+tcp://gw.example:5684", at most DPS_CONFIG_URI_LENGTH bytes */
};

/** Where the device goes online (oic.r.coapcloudconf: apn, cis, at, sid, x.org.iotivity.servers). */
struct dps_cloud {
	struct dps_span provider;                         /**< authorization provider name */
	struct dps_span gateway;                          /**< URI of the gateway to use first */
	struct dps_span token;                            /**< access token to sign up with: a secret; empty when the service gave none */
	struct dps_uuid hub_id;                           /**< nil when the service gave none */
	struct dps_gateway gateways[DPS_CONFIG_GATEWAYS]; /**< all gateways, the first one included */
	size_t gateway_count;
	size_t gateways_dropped; /**< further ones that there was no room for */

	/* What the hub session adds; nothing of it is there before the device has signed up. */
	struct dps_span uid;           /**< of the user whose device this is */
	struct dps_span refresh_token; /**< a secret; empty: there is none */
	int64_t expires;               /**< of access_token, Unix seconds; 0: never, or not told */
	bool registered;               /**< signed up */
	size_t selected;               /**< the gateway in use: its place in gateways, counted from 1; 0: `gateway` */
	struct dps_span access_token;  /**< to sign in with: a secret; empty: `token` is */
};

/** A trust anchor, and whom it speaks for. */
struct dps_anchor {
	struct dps_uuid subject; /**< the owner, usually; nil when the service said "*" */
	struct dps_span der;     /**< DER list: one or more certificates */
};

/** A pre-shared key. */
struct dps_psk {
	struct dps_uuid subject; /**< the peer that shares it: the owner, usually */
	struct dps_span key;     /**< 1 to 64 bytes: a secret */
};

/** The operational identity and what it trusts. */
struct dps_credentials {
	struct dps_uuid device_id;
	struct dps_span key_slot; /**< text: where the key port keeps the private key */
	struct dps_span chain;    /**< DER list, leaf first, without the anchor */
	int64_t not_before;       /**< of the leaf, Unix seconds */
	int64_t not_after;        /**< earliest of leaf and intermediates, Unix seconds */
	int64_t accepted;         /**< when the device took it, Unix seconds; 0: not known (kept by an older version) */
	struct dps_anchor anchors[DPS_CONFIG_CREDENTIALS];
	size_t anchor_count;
	struct dps_psk psks[DPS_CONFIG_CREDENTIALS];
	size_t psk_count;
};

/** Access control entries: a CBOR array of ACE2 (oic.r.acl2 aclist2) as the service sent it. See dps/acl.h for questions to it. */
struct dps_acl {
	struct dps_span aces;
	size_t count;
};

/** What a device keeps beside what the service gave: see dps_client_set_local(). Everything may be empty. */
struct dps_local {
	struct dps_anchor anchors[DPS_CONFIG_CREDENTIALS];
	size_t anchor_count;
	struct dps_psk psks[DPS_CONFIG_CREDENTIALS];
	size_t psk_count;
	struct dps_acl acl; /**< as dps_acl_allows() takes it */
};

/** Initial values of resources: a CBOR array of {href, rep} as the service sent it. */
struct dps_resources {
	struct dps_span array;
	size_t count; /**< 0: none configured */
};

/** One resource's value. */
struct dps_resource {
	struct dps_span href; /**< text, begins with "/" */
	struct dps_span rep;  /**< one CBOR item */
};

/**
 * Reads entry `index` of the resources: DPS_E_NOT_FOUND past the end. Walks from the front each time; a device has few.
 */
DPS_API DPS_MUST_USE dps_result dps_resources_get(const struct dps_resources *resources, size_t index, struct dps_resource *out);

#ifdef __cplusplus
}
#endif
#endif
