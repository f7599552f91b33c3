/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Trust: anchors, host name, pins and dates of a peer's certificate path. The one place where these are judged (lib/pki); TLS channels
 * only feed the path that their library has verified.
 *
 * A "DER list" is certificates in DER one behind the other; each tells its own length.
 */
#ifndef DPS_PKI_H
#define DPS_PKI_H

#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a SHA-256 digest. */
#define DPS_SHA256_SIZE 32

/** What a pin is compared with. */
enum dps_pin_kind {
	DPS_PIN_CERTIFICATE, /**< "sha256:": the whole certificate in DER */
	DPS_PIN_SPKI         /**< "spki-sha256:": its SubjectPublicKeyInfo in DER (RFC 7469 2.4) */
};

/** A pin. It matches when any certificate of the verified path, the anchor included, has the digest. */
struct dps_pin {
	enum dps_pin_kind kind;
	uint8_t digest[DPS_SHA256_SIZE];
};

/** Reads "sha256:HEX" or "spki-sha256:HEX" (64 hex digits in either case, colons between bytes allowed). DPS_E_PIN_FORMAT otherwise.
 * With DPS_CONFIG_TOOLS only. */
DPS_API DPS_MUST_USE dps_result dps_pin_parse(const char *text, struct dps_pin *pin);

/** How far a peer is to be trusted. Memory is the caller's and must outlive the connections it is used for. */
struct dps_trust {
	struct dps_span anchors; /**< DER list of trust anchors, in any order; a renewed one beside the old one counts for as long as either */
	bool skip_host_check;    /**< do not compare the host with the certificate; SNI is sent all the same */
	const struct dps_pin *pins; /**< an additional condition, never a bypass: with count > 0 at least one must match */
	size_t pin_count;
	struct dps_uuid
		leaf_id; /**< nil: not compared; else the leaf's CN must be this id in text, alone or behind "uuid:" (a hub's gateway) */
};

/** notBefore may lie this many seconds in the future of a clock that is a little behind. */
#define DPS_PKI_NOT_BEFORE_TOLERANCE_S 300

/**
 * What is kept of the path that a handshake verified. Filled by a channel port: dps_pki_path_begin, then dps_pki_path_add for every
 * certificate of the *constructed* path, anchor included, in any order, then dps_pki_path_end. Only a path that ended with DPS_OK counts.
 */
struct dps_pki_path {
	const struct dps_trust *trust;
	const char *host;   /**< the name or address that was asked for; borrowed */
	int64_t not_before; /**< latest of the path, Unix seconds */
	int64_t not_after;  /**< earliest of the path, Unix seconds */
	unsigned count;     /**< certificates seen */
	bool leaf_seen;
	bool broken; /**< one of them could not be read: the path never counts */
	bool pin_seen;
	bool host_matched;
	bool id_matched;                      /**< the leaf's CN is trust->leaf_id */
	bool complete;                        /**< dps_pki_path_end said DPS_OK */
	uint8_t leaf_sha256[DPS_SHA256_SIZE]; /**< of the leaf's DER */
};

/** Starts a path anew. host is a name or an IPv4/IPv6 address in text (no brackets), borrowed until the path is no longer used. */
DPS_API void dps_pki_path_begin(struct dps_pki_path *path, const struct dps_trust *trust, const char *host);

/** Adds one certificate. depth 0 is the leaf. DPS_E_CERTIFICATE_FORMAT if it does not parse; the handshake must then fail. */
DPS_API DPS_MUST_USE dps_result dps_pki_path_add(struct dps_pki_path *path, unsigned depth, const uint8_t *der, size_t len);

/**
 * Judges host name (RFC 6125: SAN dNSName with a wildcard for the whole left-most label and two labels behind it, iPAddress for
 * addresses; the CN only when there is no SAN at all, and never for an address), the leaf's id and pins (constant time). To be called after
 * the TLS library accepted the path. DPS_E_SERVER_UNTRUSTED for an empty path, DPS_E_SERVER_NAME (host or id), DPS_E_SERVER_PIN.
 */
DPS_API DPS_MUST_USE dps_result dps_pki_path_end(struct dps_pki_path *path);

/** Judges the dates against a wall clock in Unix seconds: DPS_E_SERVER_EXPIRED, DPS_E_SERVER_NOT_YET_VALID, DPS_E_STATE if not complete. */
DPS_API DPS_MUST_USE dps_result dps_pki_path_check_dates(const struct dps_pki_path *path, int64_t now_s);

/** Whether text is an IPv4 or (with DPS_CONFIG_IPV6) IPv6 address (then no SNI is sent, RFC 6066 section 3). bytes gets 4 or 16 of them, *len how many. */
DPS_API bool dps_pki_host_is_address(const char *text, uint8_t bytes[16], size_t *len);

/**
 * Turns a PEM text with one or more CERTIFICATE blocks, or DER certificates, into a DER list. in and out may be the same buffer. Text
 * around the blocks is skipped. DPS_E_CERTIFICATE_FORMAT: nothing usable, or a damaged block; DPS_E_BUFFER: *len is a size that is enough.
 */
DPS_API DPS_MUST_USE dps_result dps_pki_load_certificates(const uint8_t *in, size_t in_len, uint8_t *out, size_t size, size_t *len);

/** Facts of a leaf certificate, for reports. */
struct dps_certificate_info {
	char
		subject_cn[64 + 1]; /**< the common name (RFC 5280 ub-common-name 64), NUL-terminated; characters outside printable ASCII are '?' */
	int64_t not_before;     /**< Unix seconds */
	int64_t not_after;      /**< Unix seconds */
	uint8_t sha256[DPS_SHA256_SIZE]; /**< of the DER */
};

/** Reads the facts of the first certificate of a DER list. DPS_E_CERTIFICATE_FORMAT. With DPS_CONFIG_TOOLS only. */
DPS_API DPS_MUST_USE dps_result dps_pki_certificate_info(struct dps_span der_list, struct dps_certificate_info *info);

#ifdef __cplusplus
}
#endif
#endif
