/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The key and certificate ports: private keys by slot name that never leave their home, and the certificates installed beside them.
 *
 * Slot names match [a-z0-9-]+ and are at most DPS_CONFIG_SLOT_LENGTH characters. "manufacturer" is the identity a device leaves the
 * factory with; the client names the operational slots itself ("identity-0", "identity-1").
 */
#ifndef DPS_KEYS_H
#define DPS_KEYS_H

#include "dps/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The slot of the identity a device leaves the factory with. */
#define DPS_SLOT_MANUFACTURER "manufacturer"

/** Key types. */
enum dps_key_type { DPS_KEY_EC_P256, DPS_KEY_EC_P384, DPS_KEY_RSA_2048 };

/** Digests that are signed. */
enum dps_hash { DPS_HASH_SHA256, DPS_HASH_SHA384, DPS_HASH_SHA512 };

/** Largest SubjectPublicKeyInfo in DER (RSA-2048 takes 294 bytes). */
#define DPS_SPKI_SIZE 320
/** Largest signature (RSA-2048: 256 bytes; ECDSA P-384 in DER: 104). */
#define DPS_SIGNATURE_SIZE 256

/**
 * Private keys. Functions may block for as long as the home of the keys takes (a TPM: up to seconds); the port documents the bound.
 * Failures besides those named: DPS_E_KEY, and the storage's own.
 */
struct dps_keys {
	void *ctx;
	/** Makes a slot ready for use. DPS_E_NOT_FOUND: no key there; DPS_E_KEY_FORMAT: what is there is no usable key. Repeatable. */
	DPS_MUST_USE dps_result (*open)(void *ctx, const char *slot);
	/** Makes a new key in a slot, replacing what was there; durable on DPS_OK. DPS_AGAIN: in progress, call again later. */
	DPS_MUST_USE dps_result (*generate)(void *ctx, const char *slot, enum dps_key_type type);
	/** The public key as SubjectPublicKeyInfo in DER (RFC 5280 4.1.2.7), at most DPS_SPKI_SIZE bytes. */
	DPS_MUST_USE dps_result (*public_key)(void *ctx, const char *slot, uint8_t *buf, size_t size, size_t *len);
	/**
	 * Signs a digest: ECDSA as an Ecdsa-Sig-Value in DER (RFC 3279 2.2.3), RSA as PKCS#1 v1.5 (RFC 8017 8.2). At most
	 * DPS_SIGNATURE_SIZE bytes. For ECDSA a digest longer than the curve's order is cut by the port (FIPS 186-5 6.4.1).
	 */
	DPS_MUST_USE dps_result (*sign)(void *ctx, const char *slot, enum dps_hash hash, const uint8_t *digest, size_t digest_len, uint8_t *sig,
	                                size_t size, size_t *len);
	/** Destroys a slot's key; DPS_OK when there was none. Never touches "manufacturer": DPS_E_UNSUPPORTED. */
	DPS_MUST_USE dps_result (*erase)(void *ctx, const char *slot);
};

/** Certificates installed from outside (the manufacturer's). */
struct dps_certificates {
	void *ctx;
	/**
	 * The chain of a slot as a DER list: certificates one behind the other, leaf first, the anchor not needed. The span stays valid until the
	 * port is closed. DPS_E_NOT_FOUND, DPS_E_CERTIFICATE_FORMAT.
	 */
	DPS_MUST_USE dps_result (*chain)(void *ctx, const char *slot, struct dps_span *der_list);
};

#ifdef __cplusplus
}
#endif
#endif
