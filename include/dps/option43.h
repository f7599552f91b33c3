/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DHCP option 43 (vendor specific information, RFC 2132 section 8.4): where a network may tell a device its provisioning service. What is read is for
 * dps_client_configure(). docs/wire-plgd.md has the sub-options. With DPS_CONFIG_OPTION43 only.
 *
 * Whoever answers DHCP on the network of the device chooses what it says: an endpoint from here is to be verified against anchors that the
 * device has from elsewhere, as always; a pin from here can only narrow that.
 */
#ifndef DPS_OPTION43_H
#define DPS_OPTION43_H

#include "dps/config.h"
#include "dps/pki.h"
#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The codes of the sub-options, 1 to 254, all different. */
struct dps_option43_codes {
	uint8_t endpoint;    /**< URI, text without NUL; default 200 */
	uint8_t fingerprint; /**< digest of a certificate on the service's path, raw; default 201 */
	uint8_t digest;      /**< name of that digest; default 202 */
};

/** What the option said. */
struct dps_option43 {
	char uri[DPS_CONFIG_URI_LENGTH + 1]; /**< NUL-terminated, as dps_client_check_endpoint() wants it */
	struct dps_pin pins[1];
	size_t pin_count; /**< 0 or 1 */
};

/**
 * Reads the option's bytes: sub-options code (1 byte), length (1 byte), value, in any order; unknown ones are skipped. Pad (code 0) and end (255) stand
 * alone; only pad may be behind end. codes NULL: the defaults. A fingerprint without the name of its digest is taken for SHA-256, never dropped.
 *
 * DPS_E_FIELD: cut off, a known sub-option that is empty or there twice, a digest name without fingerprint, bytes behind the end; DPS_E_NO_ENDPOINT: none is
 * there; DPS_E_URI; DPS_E_UNSUPPORTED: another digest than SHA-256; DPS_E_PIN_FORMAT: a fingerprint of another length than that; DPS_E_ARGUMENT: codes
 * out of range or not different. *out is changed on DPS_OK only.
 */
DPS_API DPS_MUST_USE dps_result dps_option43_parse(const uint8_t *data, size_t len, const struct dps_option43_codes *codes,
                                                   struct dps_option43 *out);

/**
 * Turns the text form of bytes into bytes: hex digits in either case, "010a0314", or one or two of them between colons, "01:a:3:14". White space around is
 * skipped. *len is what the text holds, on DPS_E_BUFFER too (buf may be NULL if size is 0). DPS_E_FIELD: empty, another character, a lone digit without
 * colons.
 */
DPS_API DPS_MUST_USE dps_result dps_option43_from_text(const char *text, size_t text_len, uint8_t *buf, size_t size, size_t *len);

#ifdef __cplusplus
}
#endif
#endif
