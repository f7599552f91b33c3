/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading private keys: PEM or DER; PKCS #8, SEC 1 or PKCS #1 inside. Encrypted ones are told from damaged ones: people give them by
 * mistake.
 */
#include "mbedtls/key_format.h"

#include <mbedtls/asn1.h>
#include <mbedtls/platform_util.h>
#include <string.h>

#include "codec/pem.h"
#include "mbedtls/bridge.h"
#include "pki/der.h"

#define RSA_BITS 2048

static bool contains(const uint8_t *bytes, size_t len, const char *text)
{
	const size_t text_len = strlen(text);
	for (size_t i = 0; i + text_len <= len; i++) {
		if (memcmp(bytes + i, text, text_len) == 0)
			return true;
	}
	return false;
}

/* RFC 7468 section 11, and the older way of RFC 1421 4.6.1.1 that OpenSSL kept. */
static bool is_encrypted_pem(const uint8_t *bytes, size_t len)
{
	return contains(bytes, len, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(bytes, len, "Proc-Type: 4,ENCRYPTED");
}

/* RFC 5958 section 3: an encrypted key begins with the algorithm, all others with a version number. */
static bool is_encrypted_der(const uint8_t *bytes, size_t len)
{
	struct dps_span in = {bytes, len}, content, first;
	return dps_der_take(&in, DPS_DER_SEQUENCE, &content) && dps_der_take(&content, DPS_DER_SEQUENCE, &first);
}

static bool is_supported(const mbedtls_pk_context *pk)
{
	const mbedtls_ecp_group_id curve = dps_mbedtls_curve(pk);
	if (mbedtls_pk_get_type(pk) == MBEDTLS_PK_RSA)
		return mbedtls_pk_get_bitlen(pk) == RSA_BITS;
	return curve == MBEDTLS_ECP_DP_SECP256R1 || curve == MBEDTLS_ECP_DP_SECP384R1;
}

static dps_result read_der(mbedtls_pk_context *pk, const uint8_t *der, size_t len, const struct dps_random *random)
{
	if (is_encrypted_der(der, len))
		return DPS_E_KEY_ENCRYPTED;
	const int ret = dps_mbedtls_parse_key(pk, der, len, random);
	if (ret == 0 && is_supported(pk))
		return DPS_OK;
	mbedtls_pk_free(pk);
	mbedtls_pk_init(pk);
	return dps_mbedtls_is_memory(ret) ? DPS_E_MEMORY : DPS_E_KEY_FORMAT;
}

dps_result dps_mbedtls_read_key(mbedtls_pk_context *pk, const uint8_t *bytes, size_t len, const struct dps_random *random)
{
	static const char *const LABELS[] = {"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"};
	uint8_t der[DPS_MBEDTLS_KEY_SIZE];
	dps_result result = DPS_E_KEY_FORMAT;

	if (len > 0 && bytes[0] == DPS_DER_SEQUENCE)
		return read_der(pk, bytes, len, random);
	if (is_encrypted_pem(bytes, len))
		return DPS_E_KEY_ENCRYPTED;
	for (size_t i = 0; i < sizeof(LABELS) / sizeof(LABELS[0]); i++) {
		struct dps_span text = {bytes, len};
		size_t der_len = 0;
		const dps_result found = dps_pem_next(&text, LABELS[i], der, sizeof(der), &der_len);
		if (found == DPS_E_NOT_FOUND)
			continue;
		if (found == DPS_OK)
			result = read_der(pk, der, der_len, random);
		break;
	}
	mbedtls_platform_zeroize(der, sizeof(der));
	return result;
}
