/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Every compile-time knob of the library, with its default.
 *
 * The file works alone. To change a knob define it on the compiler's command line, or name a header of yours with
 * -DDPS_CONFIG_FILE='"my_dps_config.h"'; `make menuconfig` writes such a header from the top-level Kconfig, whose symbol DPS_X is the
 * DPS_CONFIG_X of this file (a test compares names, defaults and ranges). Sizes are bytes, switches are 0 or 1. All objects of a
 * program, the application's too, must be compiled with the same values: they decide the layout of the caller-owned structures.
 */
#ifndef DPS_CONFIG_H
#define DPS_CONFIG_H

#ifdef DPS_CONFIG_FILE
#include DPS_CONFIG_FILE
#endif

/** Receive buffer of a CoAP connection: the largest message taken whole, header included. Below DPS_CONFIG_BODY_SIZE the connection
 * offers Block-Wise-Transfer (RFC 7959) and larger answers are put together in the body area. Range 1280 to 65536. The largest
 * answer known of the plgd service, credentials with a PEM chain, anchor and key, stays below 8 KiB. */
#ifndef DPS_CONFIG_RECEIVE_SIZE
#define DPS_CONFIG_RECEIVE_SIZE 8448
#endif

/** Send buffer of a CoAP connection: the largest message sent whole, header included, and all that waits for the channel. Range 1280
 * to 65536. A CSR request with a P-256 key takes about 650 bytes, with RSA-2048 about 1,150. */
#ifndef DPS_CONFIG_SEND_SIZE
#define DPS_CONFIG_SEND_SIZE 2048
#endif

/** The body area, one for all exchanges and for reading stored records. Range 2048 to 65536. */
#ifndef DPS_CONFIG_BODY_SIZE
#define DPS_CONFIG_BODY_SIZE 8192
#endif

/** Requests in flight on one connection. Range 7 to 32: six steps and the second lead request. */
#ifndef DPS_CONFIG_REQUESTS
#define DPS_CONFIG_REQUESTS 8
#endif

/** Block-wise transfer, RFC 7959 and 8323 section 6. Needed when DPS_CONFIG_RECEIVE_SIZE is smaller than an answer may be. */
#ifndef DPS_CONFIG_BLOCKWISE
#define DPS_CONFIG_BLOCKWISE 1
#endif

/** Bodies of our requests in blocks too (Block1), with DPS_CONFIG_BLOCKWISE. Needed when they may be larger than the send buffer or than
 * what the peer takes in one message: without it such a request is DPS_E_TOO_LARGE. With EC keys and URIs of the default length no request
 * takes 1,024 bytes. */
#ifndef DPS_CONFIG_BLOCK1
#define DPS_CONFIG_BLOCK1 1
#endif

/** Endpoints a client keeps. Range 1 to 16. */
#ifndef DPS_CONFIG_ENDPOINTS
#define DPS_CONFIG_ENDPOINTS 4
#endif

/** Longest endpoint or gateway URI, without the NUL. Range 32 to 512. */
#ifndef DPS_CONFIG_URI_LENGTH
#define DPS_CONFIG_URI_LENGTH 128
#endif

/** Longest name of an endpoint for people, without the NUL. Range 1 to 64. */
#ifndef DPS_CONFIG_NAME_LENGTH
#define DPS_CONFIG_NAME_LENGTH 32
#endif

/** Pins of the service's certificates kept with the endpoints. Range 1 to 8. */
#ifndef DPS_CONFIG_PINS
#define DPS_CONFIG_PINS 4
#endif

/** The earliest time that a synchronised clock can show, Unix seconds: a platform that vouches for an earlier one was never set. Default 2025-01-01. Range 0 to
 * 4102444800. */
#ifndef DPS_CONFIG_TIME_MIN
#define DPS_CONFIG_TIME_MIN 1735689600
#endif

/** Gateways kept of a cloud configuration; further ones are counted, not kept. Range 1 to 32. */
#ifndef DPS_CONFIG_GATEWAYS
#define DPS_CONFIG_GATEWAYS 8
#endif

/** Pre-shared keys and trust anchors kept of one credentials answer; more is an error. Range 1 to 8. */
#ifndef DPS_CONFIG_CREDENTIALS
#define DPS_CONFIG_CREDENTIALS 4
#endif

/** Longest key slot name, without the NUL ("identity-0"). Range 12 to 64. */
#ifndef DPS_CONFIG_SLOT_LENGTH
#define DPS_CONFIG_SLOT_LENGTH 16
#endif

/** Entries of a retry schedule. Range 1 to 16. */
#ifndef DPS_CONFIG_RETRIES
#define DPS_CONFIG_RETRIES 8
#endif

/** Bytes kept of a peer's diagnostic text, with the NUL. Range 16 to 512. */
#ifndef DPS_CONFIG_DIAGNOSTIC_SIZE
#define DPS_CONFIG_DIAGNOSTIC_SIZE 256
#endif

/** Deepest nesting of CBOR that is followed; deeper is an error. Range 6 to 32. */
#ifndef DPS_CONFIG_CBOR_DEPTH
#define DPS_CONFIG_CBOR_DEPTH 12
#endif

/** The `resources` step: initial values of resources. */
#ifndef DPS_CONFIG_RESOURCES
#define DPS_CONFIG_RESOURCES 1
#endif

/** dps_acl_allows() and the iteration over committed ACLs. */
#ifndef DPS_CONFIG_ACL
#define DPS_CONFIG_ACL 1
#endif

/** The hub: going online with the gateway that provisioning handed out, and what of CoAP that takes (notifications, queries, DELETE). */
#ifndef DPS_CONFIG_HUB
#define DPS_CONFIG_HUB 1
#endif

/** Receive buffer of the connection to the hub. Range 1280 to 65536. The largest answer is that to a refresh: two tokens. */
#ifndef DPS_CONFIG_HUB_RECEIVE_SIZE
#define DPS_CONFIG_HUB_RECEIVE_SIZE 8448
#endif

/** Send buffer of the connection to the hub: the largest message sent whole, be it a token, the list of resources, or all their values. Range
 * 1280 to 65536. */
#ifndef DPS_CONFIG_HUB_SEND_SIZE
#define DPS_CONFIG_HUB_SEND_SIZE 4096
#endif

/** Longest token of the hub's that is taken, access or refresh token. Range 256 to 16384. An answer with longer ones is DPS_E_TOO_LARGE. */
#ifndef DPS_CONFIG_TOKEN_SIZE
#define DPS_CONFIG_TOKEN_SIZE 3072
#endif

/** Resources of the application's that a device at a hub may have. Range 1 to 48. */
#ifndef DPS_CONFIG_RESOURCE_TABLE
#define DPS_CONFIG_RESOURCE_TABLE 16
#endif

/**
 * Observations of a device's resources at a time. Range 1 to 64. The public hub makes one with all values, or one for each published resource: the
 * DPS_CONFIG_RESOURCE_TABLE of the application's and six own ones.
 */
#ifndef DPS_CONFIG_OBSERVERS
#define DPS_CONFIG_OBSERVERS 24
#endif

/** ETags of resources: who comes back and knows the values is not told them again. */
#ifndef DPS_CONFIG_ETAG
#define DPS_CONFIG_ETAG 1
#endif

/** Names of results, classes, states, steps and records ("server-pin"), for logs and tools. Without them dps_result_name() and its like
 * return "". */
#ifndef DPS_CONFIG_NAMES
#define DPS_CONFIG_NAMES 1
#endif

/** English texts of results (dps_result_text) and of warnings. */
#ifndef DPS_CONFIG_TEXT
#define DPS_CONFIG_TEXT 1
#endif

/** RSA keys in CSRs. EC keys are always there. */
#ifndef DPS_CONFIG_RSA
#define DPS_CONFIG_RSA 1
#endif

/** IPv6 addresses as hosts ("coaps+tcp://[::1]:5684") and in certificates. Names may resolve to them without it. */
#ifndef DPS_CONFIG_IPV6
#define DPS_CONFIG_IPV6 1
#endif

/** What programs with a command line and reports want and the library itself does not: dps_pin_parse(), dps_pki_certificate_info(). */
#ifndef DPS_CONFIG_TOOLS
#define DPS_CONFIG_TOOLS 1
#endif

/** DHCP option 43 as a source of the endpoint and a pin: dps_option43_parse(), dps_option43_from_text(). */
#ifndef DPS_CONFIG_OPTION43
#define DPS_CONFIG_OPTION43 1
#endif

/* Values out of range are refused here, not met at run time. */
#if DPS_CONFIG_RECEIVE_SIZE < 1280 || DPS_CONFIG_RECEIVE_SIZE > 65536
#error "DPS_CONFIG_RECEIVE_SIZE must be 1280 to 65536"
#endif
#if DPS_CONFIG_SEND_SIZE < 1280 || DPS_CONFIG_SEND_SIZE > 65536
#error "DPS_CONFIG_SEND_SIZE must be 1280 to 65536"
#endif
#if DPS_CONFIG_BODY_SIZE < 2048 || DPS_CONFIG_BODY_SIZE > 65536
#error "DPS_CONFIG_BODY_SIZE must be 2048 to 65536"
#endif
#if DPS_CONFIG_REQUESTS < 7 || DPS_CONFIG_REQUESTS > 32
#error "DPS_CONFIG_REQUESTS must be 7 to 32"
#endif
#if DPS_CONFIG_BLOCKWISE != 0 && DPS_CONFIG_BLOCKWISE != 1
#error "DPS_CONFIG_BLOCKWISE must be 0 or 1"
#endif
#if DPS_CONFIG_BLOCK1 != 0 && DPS_CONFIG_BLOCK1 != 1
#error "DPS_CONFIG_BLOCK1 must be 0 or 1"
#endif
#if DPS_CONFIG_ENDPOINTS < 1 || DPS_CONFIG_ENDPOINTS > 16
#error "DPS_CONFIG_ENDPOINTS must be 1 to 16"
#endif
#if DPS_CONFIG_URI_LENGTH < 32 || DPS_CONFIG_URI_LENGTH > 512
#error "DPS_CONFIG_URI_LENGTH must be 32 to 512"
#endif
#if DPS_CONFIG_NAME_LENGTH < 1 || DPS_CONFIG_NAME_LENGTH > 64
#error "DPS_CONFIG_NAME_LENGTH must be 1 to 64"
#endif
#if DPS_CONFIG_PINS < 1 || DPS_CONFIG_PINS > 8
#error "DPS_CONFIG_PINS must be 1 to 8"
#endif
#if DPS_CONFIG_TIME_MIN < 0 || DPS_CONFIG_TIME_MIN > 4102444800
#error "DPS_CONFIG_TIME_MIN must be 0 to 4102444800"
#endif
#if DPS_CONFIG_GATEWAYS < 1 || DPS_CONFIG_GATEWAYS > 32
#error "DPS_CONFIG_GATEWAYS must be 1 to 32"
#endif
#if DPS_CONFIG_CREDENTIALS < 1 || DPS_CONFIG_CREDENTIALS > 8
#error "DPS_CONFIG_CREDENTIALS must be 1 to 8"
#endif
#if DPS_CONFIG_SLOT_LENGTH < 12 || DPS_CONFIG_SLOT_LENGTH > 64
#error "DPS_CONFIG_SLOT_LENGTH must be 12 to 64"
#endif
#if DPS_CONFIG_RETRIES < 1 || DPS_CONFIG_RETRIES > 16
#error "DPS_CONFIG_RETRIES must be 1 to 16"
#endif
#if DPS_CONFIG_DIAGNOSTIC_SIZE < 16 || DPS_CONFIG_DIAGNOSTIC_SIZE > 512
#error "DPS_CONFIG_DIAGNOSTIC_SIZE must be 16 to 512"
#endif
#if DPS_CONFIG_CBOR_DEPTH < 6 || DPS_CONFIG_CBOR_DEPTH > 32
#error "DPS_CONFIG_CBOR_DEPTH must be 6 to 32"
#endif
#if DPS_CONFIG_RESOURCES != 0 && DPS_CONFIG_RESOURCES != 1
#error "DPS_CONFIG_RESOURCES must be 0 or 1"
#endif
#if DPS_CONFIG_ACL != 0 && DPS_CONFIG_ACL != 1
#error "DPS_CONFIG_ACL must be 0 or 1"
#endif
#if DPS_CONFIG_HUB != 0 && DPS_CONFIG_HUB != 1
#error "DPS_CONFIG_HUB must be 0 or 1"
#endif
#if DPS_CONFIG_HUB_RECEIVE_SIZE < 1280 || DPS_CONFIG_HUB_RECEIVE_SIZE > 65536
#error "DPS_CONFIG_HUB_RECEIVE_SIZE must be 1280 to 65536"
#endif
#if DPS_CONFIG_HUB_SEND_SIZE < 1280 || DPS_CONFIG_HUB_SEND_SIZE > 65536
#error "DPS_CONFIG_HUB_SEND_SIZE must be 1280 to 65536"
#endif
#if DPS_CONFIG_TOKEN_SIZE < 256 || DPS_CONFIG_TOKEN_SIZE > 16384
#error "DPS_CONFIG_TOKEN_SIZE must be 256 to 16384"
#endif
#if DPS_CONFIG_RESOURCE_TABLE < 1 || DPS_CONFIG_RESOURCE_TABLE > 48
#error "DPS_CONFIG_RESOURCE_TABLE must be 1 to 48"
#endif
#if DPS_CONFIG_OBSERVERS < 1 || DPS_CONFIG_OBSERVERS > 64
#error "DPS_CONFIG_OBSERVERS must be 1 to 64"
#endif
#if DPS_CONFIG_ETAG != 0 && DPS_CONFIG_ETAG != 1
#error "DPS_CONFIG_ETAG must be 0 or 1"
#endif
#if DPS_CONFIG_NAMES != 0 && DPS_CONFIG_NAMES != 1
#error "DPS_CONFIG_NAMES must be 0 or 1"
#endif
#if DPS_CONFIG_TEXT != 0 && DPS_CONFIG_TEXT != 1
#error "DPS_CONFIG_TEXT must be 0 or 1"
#endif
#if DPS_CONFIG_RSA != 0 && DPS_CONFIG_RSA != 1
#error "DPS_CONFIG_RSA must be 0 or 1"
#endif
#if DPS_CONFIG_IPV6 != 0 && DPS_CONFIG_IPV6 != 1
#error "DPS_CONFIG_IPV6 must be 0 or 1"
#endif
#if DPS_CONFIG_TOOLS != 0 && DPS_CONFIG_TOOLS != 1
#error "DPS_CONFIG_TOOLS must be 0 or 1"
#endif
#if DPS_CONFIG_OPTION43 != 0 && DPS_CONFIG_OPTION43 != 1
#error "DPS_CONFIG_OPTION43 must be 0 or 1"
#endif

#endif
