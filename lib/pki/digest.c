/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests, by the TLS library's one-shot call (the same in all its versions), and device ids.
 */
#include "pki/digest.h"

#include <mbedtls/md.h>
#include <string.h>

#include "pki/pki.h"

size_t dps_pki_digest(enum dps_hash hash, const uint8_t *data, size_t len, uint8_t *digest)
{
	static const uint8_t TYPES[] = {
		[DPS_HASH_SHA256] = MBEDTLS_MD_SHA256, [DPS_HASH_SHA384] = MBEDTLS_MD_SHA384, [DPS_HASH_SHA512] = MBEDTLS_MD_SHA512};
	const mbedtls_md_info_t *info = mbedtls_md_info_from_type((mbedtls_md_type_t)TYPES[hash]);
	return info != NULL && mbedtls_md(info, data, len, digest) == 0 ? mbedtls_md_get_size(info) : 0;
}

void dps_pki_sha256(const uint8_t *data, size_t len, uint8_t digest[DPS_SHA256_SIZE])
{
	/* SHA-256 in software cannot fail; a hardware one that does leaves what no pin and no certificate has */
	if (dps_pki_digest(DPS_HASH_SHA256, data, len, digest) == 0)
		memset(digest, 0, DPS_SHA256_SIZE);
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
