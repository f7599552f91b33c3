/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Results: what every fallible function of the library returns, and the causes that events carry.
 *
 * There is one list, DPS_RESULTS, from which the enum, the names, the texts and the failure classes are made, so that a cause is
 * named and classed in one place only. The class alone decides what the engine does next (docs/failures.md holds the same table,
 * a test compares the two).
 */
#ifndef DPS_RESULT_H
#define DPS_RESULT_H

#include "dps/visibility.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What kind of failure a result is; decides whether and when the engine tries again. */
typedef enum dps_class {
	DPS_CLASS_NONE,      /**< no failure */
	DPS_CLASS_TRANSIENT, /**< expected to pass: retried by the schedule */
	DPS_CLASS_REFUSED,   /**< the service said no, and may change its mind: retried with long back-off */
	DPS_CLASS_FINAL,     /**< the service said no for good: retried only when told to retry for ever */
	DPS_CLASS_PROTOCOL,  /**< the peer broke a protocol: retried with long back-off */
	DPS_CLASS_SECURITY,  /**< a check of identity or trust failed: retried with long back-off, never bypassed */
	DPS_CLASS_LOCAL,     /**< this device's storage, keys, memory or clock: ends the run unless told to retry for ever */
	DPS_CLASS_CONFIG,    /**< the caller's arguments or files: never retried */
	DPS_CLASS_CANCELLED  /**< the application asked for it, or the deadline passed */
} dps_class;

/* X(symbol, value, name, class, text). Names are stable: tools and tests key on them. */
#define DPS_RESULTS(X)                                                                                                                     \
	X(DPS_OK, 0, "ok", NONE, "success")                                                                                                    \
	X(DPS_AGAIN, 1, "again", NONE, "nothing more can be done without blocking")                                                            \
	/* the caller */                                                                                                                       \
	X(DPS_E_ARGUMENT, -1, "argument", CONFIG, "an argument is out of its range")                                                           \
	X(DPS_E_STATE, -2, "state", CONFIG, "not possible in this state")                                                                      \
	X(DPS_E_BUFFER, -3, "buffer-too-small", LOCAL, "a buffer is too small")                                                                \
	X(DPS_E_NOT_FOUND, -4, "not-found", CONFIG, "there is no such item")                                                                   \
	X(DPS_E_UNSUPPORTED, -5, "unsupported", CONFIG, "not supported by this build or port")                                                 \
	X(DPS_E_URI, -6, "endpoint-uri", CONFIG, "the endpoint is not coaps+tcp://host:port")                                                  \
	X(DPS_E_NO_ENDPOINT, -7, "no-endpoint", CONFIG, "no endpoint is configured")                                                           \
	X(DPS_E_FILE, -8, "file", CONFIG, "a file cannot be read")                                                                             \
	X(DPS_E_PIN_FORMAT, -9, "pin-format", CONFIG, "a pin is not sha256:HEX or spki-sha256:HEX")                                            \
	X(DPS_E_KEY_FORMAT, -10, "key-format", CONFIG, "not a private key of a supported type")                                                \
	X(DPS_E_KEY_ENCRYPTED, -11, "key-encrypted", CONFIG, "the private key is encrypted")                                                   \
	X(DPS_E_CERTIFICATE_FORMAT, -12, "certificate-format", CONFIG, "not a certificate, or none in the file")                               \
	X(DPS_E_KEY_MISMATCH, -13, "key-mismatch", CONFIG, "the private key does not belong to the certificate")                               \
	X(DPS_E_DEVICE_ID, -14, "device-id", CONFIG, "another device id is committed on this device")                                          \
	X(DPS_E_TPM, -15, "tpm", CONFIG, "the TPM cannot be reached")                                                                          \
	/* the network */                                                                                                                      \
	X(DPS_E_RESOLVE, -20, "name-resolution", TRANSIENT, "the host name does not resolve")                                                  \
	X(DPS_E_CONNECT, -21, "connect", TRANSIENT, "the connection was refused or the host is unreachable")                                   \
	X(DPS_E_TIMEOUT, -22, "timeout", TRANSIENT, "no answer in time")                                                                       \
	X(DPS_E_RESET, -23, "connection-reset", TRANSIENT, "the connection broke")                                                             \
	X(DPS_E_CLOSED, -24, "connection-closed", TRANSIENT, "the peer closed the connection")                                                 \
	/* TLS and trust */                                                                                                                    \
	X(DPS_E_TLS, -30, "tls", TRANSIENT, "the TLS handshake or record layer failed")                                                        \
	X(DPS_E_TLS_ALERT, -31, "tls-alert", REFUSED, "the peer refused the handshake or this device's certificate")                           \
	X(DPS_E_SERVER_UNTRUSTED, -32, "server-untrusted", SECURITY, "the server's certificate does not chain to a trust anchor")              \
	X(DPS_E_SERVER_NAME, -33, "server-name", SECURITY, "the server's certificate is for another host")                                     \
	X(DPS_E_SERVER_PIN, -34, "server-pin", SECURITY, "no certificate of the verified path matches a pin")                                  \
	X(DPS_E_SERVER_EXPIRED, -35, "server-expired", SECURITY, "the server's certificate path has expired")                                  \
	X(DPS_E_SERVER_NOT_YET_VALID, -36, "server-not-yet-valid", SECURITY, "the server's certificate path is not yet valid")                 \
	/* messages */                                                                                                                         \
	X(DPS_E_COAP, -40, "coap-message", PROTOCOL, "a malformed CoAP message")                                                               \
	X(DPS_E_COAP_OPTION, -41, "critical-option", PROTOCOL, "an unknown critical option in an answer")                                      \
	X(DPS_E_TOO_LARGE, -42, "too-large", PROTOCOL, "an answer is larger than the configured limit")                                        \
	X(DPS_E_CBOR, -43, "cbor", PROTOCOL, "malformed, truncated or too deeply nested CBOR")                                                 \
	X(DPS_E_FIELD, -44, "field", PROTOCOL, "a field is missing, of the wrong type or out of range")                                        \
	X(DPS_E_CODE, -45, "unexpected-code", PROTOCOL, "an answer code that the request does not allow")                                      \
	X(DPS_E_CONTENT_FORMAT, -46, "content-format", PROTOCOL, "an answer in a content format not asked for")                                \
	/* the identity handed out */                                                                                                          \
	X(DPS_E_IDENTITY_KEY, -50, "identity-key", SECURITY, "the identity certificate is for another key")                                    \
	X(DPS_E_IDENTITY_DEVICE, -51, "identity-device", SECURITY, "the identity certificate is for another device id")                        \
	X(DPS_E_IDENTITY_CHAIN, -52, "identity-chain", SECURITY, "the identity chain is out of order or does not verify to its anchor")        \
	X(DPS_E_IDENTITY_EXPIRED, -53, "identity-expired", SECURITY, "the identity certificate has expired")                                   \
	X(DPS_E_IDENTITY_NOT_YET_VALID, -54, "identity-not-yet-valid", SECURITY, "the identity certificate is not yet valid")                  \
	/* the service's answers */                                                                                                            \
	X(DPS_E_SERVICE_UNAVAILABLE, -60, "service-unavailable", TRANSIENT, "the service cannot answer now (5.xx)")                            \
	X(DPS_E_SERVICE_REFUSED, -61, "service-refused", REFUSED, "the service refused the request (4.00, 4.03)")                              \
	X(DPS_E_SERVICE_REJECTED, -62, "service-rejected", FINAL, "the service rejected the request for good (other 4.xx)")                    \
	/* this device */                                                                                                                      \
	X(DPS_E_STORAGE, -70, "storage", LOCAL, "the storage failed")                                                                          \
	X(DPS_E_STORAGE_FULL, -71, "storage-full", LOCAL, "the storage is full")                                                               \
	X(DPS_E_STORAGE_DENIED, -72, "storage-denied", LOCAL, "the storage is read-only or access is denied")                                  \
	X(DPS_E_STORAGE_CORRUPT, -73, "storage-corrupt", LOCAL, "a stored record is damaged")                                                  \
	X(DPS_E_STORAGE_VERSION, -74, "storage-version", LOCAL, "the stored state is of a newer format")                                       \
	X(DPS_E_RANDOM, -75, "random", LOCAL, "no randomness")                                                                                 \
	X(DPS_E_CLOCK_NOT_SET, -76, "clock-not-set", LOCAL, "the time is not known")                                                           \
	X(DPS_E_KEY, -77, "key", LOCAL, "a key operation failed")                                                                              \
	X(DPS_E_MEMORY, -78, "out-of-memory", LOCAL, "the TLS or certificate library ran out of memory")                                       \
	X(DPS_E_INTERNAL, -79, "internal", LOCAL, "a fault of the library itself")                                                             \
	/* the run */                                                                                                                          \
	X(DPS_E_CANCELLED, -90, "cancelled", CANCELLED, "cancelled by the application")                                                        \
	X(DPS_E_DEADLINE, -91, "deadline", CANCELLED, "the deadline of the run passed")

/**
 * A result: DPS_OK (0), DPS_AGAIN (1, not a failure) or a negative cause. Functions that return it must have it looked at.
 */
typedef enum dps_result {
#define DPS_RESULT_ENUM(symbol, value, name, klass, text) symbol = (value),
	DPS_RESULTS(DPS_RESULT_ENUM)
#undef DPS_RESULT_ENUM
} dps_result;

/** The stable name of a result, e.g. "server-pin"; "unknown" for a value not in the list; "" in builds without names
 * (DPS_CONFIG_NAMES 0). Static memory. */
DPS_API const char *dps_result_name(dps_result result);

/** One English line on a result; "" in builds without texts (DPS_CONFIG_TEXT 0). Static memory. */
DPS_API const char *dps_result_text(dps_result result);

/** The class of a result; DPS_CLASS_LOCAL for a value not in the list. */
DPS_API dps_class dps_result_class(dps_result result);

/** The stable name of a class, e.g. "transient"; "" in builds without names. Static memory. */
DPS_API const char *dps_class_name(dps_class klass);

#ifdef __cplusplus
}
#endif
#endif
