/* SPDX-License-Identifier: Apache-2.0 */
/* One signature and the public key that it should be of. */
#include "pki/verify.h"

#include <mbedtls/pk.h>

dps_result dps_pki_verify(struct dps_span spki, enum dps_hash hash, struct dps_span digest, struct dps_span signature)
{
	static const mbedtls_md_type_t MDS[] = {
		[DPS_HASH_SHA256] = MBEDTLS_MD_SHA256, [DPS_HASH_SHA384] = MBEDTLS_MD_SHA384, [DPS_HASH_SHA512] = MBEDTLS_MD_SHA512};
	dps_result result = DPS_OK;
	mbedtls_pk_context pk;

	if ((size_t)hash >= sizeof(MDS) / sizeof(MDS[0]))
		return DPS_E_ARGUMENT;
	mbedtls_pk_init(&pk);
	int ret = mbedtls_pk_parse_public_key(&pk, spki.data, spki.len);
	if (ret != 0)
		result = ret == MBEDTLS_ERR_PK_ALLOC_FAILED ? DPS_E_MEMORY : DPS_E_KEY_FORMAT;
	if (result == DPS_OK && mbedtls_pk_verify(&pk, MDS[hash], digest.data, digest.len, signature.data, signature.len) != 0)
		result = DPS_E_KEY;
	mbedtls_pk_free(&pk);
	return result;
}
