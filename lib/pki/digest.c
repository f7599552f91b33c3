/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests, by the TLS library's one-shot call (the same in all its versions), device ids, hex digits.
 */
#include "pki/digest.h"

#include <mbedtls/md.h>
#include <string.h>

#include "pki/pki.h"

dps_result dps_pki_digest(enum dps_hash hash, const uint8_t *data, size_t len, uint8_t digest[DPS_PKI_DIGEST_SIZE], size_t *digest_len)
{
	static const mbedtls_md_type_t TYPES[] = {
		[DPS_HASH_SHA256] = MBEDTLS_MD_SHA256, [DPS_HASH_SHA384] = MBEDTLS_MD_SHA384, [DPS_HASH_SHA512] = MBEDTLS_MD_SHA512};
	const mbedtls_md_info_t *info = mbedtls_md_info_from_type(TYPES[hash]);
	if (info == NULL || mbedtls_md(info, data, len, digest) != 0)
		return DPS_E_INTERNAL;
	*digest_len = mbedtls_md_get_size(info);
	return DPS_OK;
}

void dps_pki_sha256(const uint8_t *data, size_t len, uint8_t digest[DPS_SHA256_SIZE])
{
	/* SHA-256 in software cannot fail; a hardware one that does leaves what no pin and no certificate has */
	if (mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, len, digest) != 0)
		memset(digest, 0, DPS_SHA256_SIZE);
}

void dps_pki_device_cn(const struct dps_uuid *device_id, char cn[DPS_PKI_CN_LEN + 1])
{
	memcpy(cn, "uuid:", 5);
	dps_uuid_format(device_id, cn + 5);
}

int dps_pki_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

dps_result dps_pki_new_device_id(const struct dps_random *random, struct dps_uuid *id)
{
	struct dps_uuid fresh;
	const dps_result result = random->fill(random->ctx, fresh.bytes, sizeof(fresh.bytes));
	if (result != DPS_OK)
		return result;
	fresh.bytes[6] = (uint8_t)((fresh.bytes[6] & 0x0f) | 0x40); /* RFC 9562 5.4: version 4 */
	fresh.bytes[8] = (uint8_t)((fresh.bytes[8] & 0x3f) | 0x80); /* variant 10 */
	*id = fresh;
	return DPS_OK;
}
