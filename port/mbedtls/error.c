/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What numbers mean: which errors of Mbed TLS are those of its memory and of our randomness, and what alerts are called.
 */
#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/cipher.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>

#include "mbedtls/bridge.h"

bool dps_mbedtls_is_memory(int error)
{
	static const int HIGH[] = {MBEDTLS_ERR_SSL_ALLOC_FAILED, MBEDTLS_ERR_X509_ALLOC_FAILED, MBEDTLS_ERR_PK_ALLOC_FAILED,
	                           MBEDTLS_ERR_MD_ALLOC_FAILED,  MBEDTLS_ERR_ECP_ALLOC_FAILED,  MBEDTLS_ERR_CIPHER_ALLOC_FAILED};
	if (error >= 0)
		return false;
	/* an error is the sum of a module's code (upper bits) and that of a module below it (lower seven bits) */
	const int low = -(-error & 0x7f);
	const int high = error - low;
	if (low == MBEDTLS_ERR_MPI_ALLOC_FAILED || low == MBEDTLS_ERR_ASN1_ALLOC_FAILED)
		return true;
	for (size_t i = 0; i < sizeof(HIGH) / sizeof(HIGH[0]); i++) {
		if (high == HIGH[i])
			return true;
	}
	return false;
}

bool dps_mbedtls_is_random(int error)
{
	return error < 0 && -(-error & 0x7f) == MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

const char *dps_mbedtls_alert_name(int description)
{
	static const struct {
		int description;
		const char *name;
	} ALERTS[] = {
		{0, "close notify"},
		{10, "unexpected message"},
		{20, "bad record MAC"},
		{22, "record overflow"},
		{40, "handshake failure"},
		{42, "bad certificate"},
		{43, "unsupported certificate"},
		{44, "certificate revoked"},
		{45, "certificate expired"},
		{46, "certificate unknown"},
		{47, "illegal parameter"},
		{48, "unknown CA"},
		{49, "access denied"},
		{50, "decode error"},
		{51, "decrypt error"},
		{70, "protocol version"},
		{71, "insufficient security"},
		{80, "internal error"},
		{86, "inappropriate fallback"},
		{90, "user cancelled"},
		{100, "no renegotiation"},
		{109, "missing extension"},
		{110, "unsupported extension"},
		{112, "unrecognized name"},
		{113, "bad certificate status response"},
		{116, "certificate required"},
		{120, "no application protocol"},
	};
	for (size_t i = 0; i < sizeof(ALERTS) / sizeof(ALERTS[0]); i++) {
		if (ALERTS[i].description == description)
			return ALERTS[i].name;
	}
	return NULL;
}
