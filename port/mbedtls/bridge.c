/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one file that knows the versions of Mbed TLS: 2.28 and 3.6.
 *
 * A key context whose signing goes to the key port: for EC keys a copy of the library's own table of functions with one entry replaced,
 * for RSA keys the library's RSA_ALT. The context holds the public half only: a hook that is missed signs nothing. How signing finds its
 * port without a global: Mbed TLS hands the caller's random function and its context to it, and that context is the bridge.
 */
#include "mbedtls/bridge.h"

#include <mbedtls/asn1.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/rsa.h>
#include <string.h>

#include "pki/compat.h"

#if MBEDTLS_VERSION_NUMBER >= 0x021c0000 && MBEDTLS_VERSION_NUMBER < 0x03000000
#define MBEDTLS_2 1
#include <mbedtls/pk_internal.h>
#elif MBEDTLS_VERSION_NUMBER >= 0x03060000 && MBEDTLS_VERSION_NUMBER < 0x04000000
#define MBEDTLS_2 0
#else
#error "Mbed TLS 2.28 or 3.6 is needed"
#endif

#define DRBG_PERSONALIZATION "libdps channel"

int dps_mbedtls_random(void *ctx, unsigned char *buf, size_t len)
{
	const struct dps_random *random = ctx;
	return random->fill(random->ctx, buf, len) == DPS_OK ? 0 : MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

static int seed(void *ctx, unsigned char *buf, size_t len)
{
	struct dps_mbedtls_bridge *bridge = ctx;
	const dps_result result = bridge->random->fill(bridge->random->ctx, buf, len);
	if (result == DPS_OK)
		return 0;
	bridge->failure = result;
	return MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

int dps_mbedtls_bridge_random(void *ctx, unsigned char *buf, size_t len)
{
	struct dps_mbedtls_bridge *bridge = ctx;
	/* the generator gives a bounded number of bytes a call */
	while (len > 0) {
		const size_t part = len < MBEDTLS_CTR_DRBG_MAX_REQUEST ? len : MBEDTLS_CTR_DRBG_MAX_REQUEST;
		const int ret = mbedtls_ctr_drbg_random(&bridge->drbg, buf, part);
		if (ret != 0)
			return ret;
		buf += part;
		len -= part;
	}
	return 0;
}

static int sign(struct dps_mbedtls_bridge *bridge, mbedtls_md_type_t md, const unsigned char *digest, size_t digest_len, unsigned char *sig,
                size_t *sig_len)
{
	enum dps_hash hash;
	if (md == MBEDTLS_MD_SHA256)
		hash = DPS_HASH_SHA256;
	else if (md == MBEDTLS_MD_SHA384)
		hash = DPS_HASH_SHA384;
	else if (md == MBEDTLS_MD_SHA512)
		hash = DPS_HASH_SHA512;
	else
		return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
	const dps_result result =
		bridge->keys->sign(bridge->keys->ctx, bridge->slot, hash, digest, digest_len, sig, DPS_SIGNATURE_SIZE, sig_len);
	if (result == DPS_OK && *sig_len <= DPS_SIGNATURE_SIZE)
		return 0;
	bridge->failure = result < 0 ? result : DPS_E_KEY;
	return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
}

/* --- EC keys: the library's table with one entry replaced -------------------------------------------------------------------------- */

#if MBEDTLS_2

static int sign_ec(void *ctx, mbedtls_md_type_t md, const unsigned char *digest, size_t digest_len, unsigned char *sig, size_t *sig_len,
                   int (*random)(void *, unsigned char *, size_t), void *random_ctx)
{
	(void)ctx;
	if (random != dps_mbedtls_bridge_random)
		return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
	return sign(random_ctx, md, digest, digest_len, sig, sig_len);
}

static dps_result copy_table(uintptr_t words[DPS_MBEDTLS_TABLE_WORDS])
{
	mbedtls_pk_info_t info = *mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY);
	_Static_assert(sizeof(info) <= DPS_MBEDTLS_TABLE_WORDS * sizeof(words[0]), "the table fits");
	info.sign_func = sign_ec;
#if defined(MBEDTLS_ECDSA_C) && defined(MBEDTLS_ECP_RESTARTABLE)
	info.sign_rs_func = NULL;
#endif
	memcpy(words, &info, sizeof(info));
	return DPS_OK;
}

#else

/*
 * The table of 3.6 is not in the installed headers. Its twelve words: type, name, get_bitlen, can_do, verify, sign, decrypt, encrypt,
 * check_pair, alloc, free, debug; with ECP_RESTARTABLE there are more between them, and the probe says so. What is used of it is proved
 * before it is relied on, by functions that may be called in each other's place: they take no argument for what it should be.
 */
enum { WORD_BITLEN = 2, WORD_CAN_DO = 3, WORD_VERIFY = 4, WORD_SIGN = 5, WORD_ALLOC = 9, WORD_FREE = 10, WORD_COUNT = 12 };
enum { PROBE_BITLEN = 4711, PROBE_VERIFY = -0x3a01, PROBE_SIGN = -0x3a02, PROBE_SIG_SIZE = 77 };

static int sign_ec(mbedtls_pk_context *pk, mbedtls_md_type_t md, const unsigned char *digest, size_t digest_len, unsigned char *sig,
                   size_t sig_size, size_t *sig_len, int (*random)(void *, unsigned char *, size_t), void *random_ctx)
{
	uint8_t buf[DPS_SIGNATURE_SIZE];
	(void)pk;
	if (random != dps_mbedtls_bridge_random)
		return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
	const int ret = sign(random_ctx, md, digest, digest_len, buf, sig_len);
	if (ret != 0)
		return ret;
	if (*sig_len > sig_size)
		return MBEDTLS_ERR_PK_BUFFER_TOO_SMALL;
	memcpy(sig, buf, *sig_len);
	return 0;
}

static size_t probe_bitlen(mbedtls_pk_context *pk)
{
	(void)pk;
	return PROBE_BITLEN;
}

static int probe_can_do(mbedtls_pk_type_t type)
{
	return type == MBEDTLS_PK_ECDSA;
}

static int probe_verify(mbedtls_pk_context *pk, mbedtls_md_type_t md, const unsigned char *digest, size_t digest_len,
                        const unsigned char *sig, size_t sig_len)
{
	(void)pk;
	return md == MBEDTLS_MD_SHA256 && digest_len == 32 && digest == sig && sig_len == PROBE_SIG_SIZE ? PROBE_VERIFY : 0;
}

static int probe_sign(mbedtls_pk_context *pk, mbedtls_md_type_t md, const unsigned char *digest, size_t digest_len, unsigned char *sig,
                      size_t sig_size, size_t *sig_len, int (*random)(void *, unsigned char *, size_t), void *random_ctx)
{
	(void)pk;
	return md == MBEDTLS_MD_SHA256 && digest_len == 32 && digest == sig && sig_size == PROBE_SIG_SIZE &&
	               random == dps_mbedtls_bridge_random && (size_t *)random_ctx == sig_len
	           ? PROBE_SIGN
	           : 0;
}

static void *probe_alloc(void)
{
	static const uint8_t MARK = 0;
	return (void *)(uintptr_t)&MARK;
}

/* For the entries that are not probed: wherever the library looks, there is something to call. */
static uintptr_t probe_nothing(void)
{
	return 0;
}

/* This one does believe its argument: it is put in once all others were found in their places. */
static void probe_free(void *ctx)
{
	bool *freed = ctx;
	*freed = true;
}

static bool table_is_known(void)
{
	uintptr_t words[DPS_MBEDTLS_TABLE_WORDS];
	unsigned char bytes[PROBE_SIG_SIZE] = {0};
	size_t len = 0;
	bool freed = false;
	mbedtls_pk_context pk;

	const unsigned version = mbedtls_version_get_number();
	if (version < 0x03060000 || version >= 0x04000000)
		return false;
	for (size_t i = 0; i < DPS_MBEDTLS_TABLE_WORDS; i++)
		words[i] = (uintptr_t)probe_nothing;
	words[0] = MBEDTLS_PK_ECKEY;
	words[WORD_BITLEN] = (uintptr_t)probe_bitlen;
	words[WORD_CAN_DO] = (uintptr_t)probe_can_do;
	words[WORD_VERIFY] = (uintptr_t)probe_verify;
	words[WORD_SIGN] = (uintptr_t)probe_sign;
	words[WORD_ALLOC] = (uintptr_t)probe_alloc;
	mbedtls_pk_init(&pk);
	const bool known =
		mbedtls_pk_setup(&pk, (const mbedtls_pk_info_t *)words) == 0 && pk.MBEDTLS_PRIVATE(pk_ctx) == probe_alloc() &&
		mbedtls_pk_get_bitlen(&pk) == PROBE_BITLEN && mbedtls_pk_can_do(&pk, MBEDTLS_PK_ECDSA) == 1 &&
		mbedtls_pk_can_do(&pk, MBEDTLS_PK_RSA) == 0 &&
		mbedtls_pk_verify(&pk, MBEDTLS_MD_SHA256, bytes, 32, bytes, sizeof(bytes)) == PROBE_VERIFY &&
		mbedtls_pk_sign(&pk, MBEDTLS_MD_SHA256, bytes, 32, bytes, sizeof(bytes), &len, dps_mbedtls_bridge_random, &len) == PROBE_SIGN;
	if (known) {
		words[WORD_FREE] = (uintptr_t)probe_free;
		pk.MBEDTLS_PRIVATE(pk_ctx) = &freed;
	}
	mbedtls_pk_free(&pk);
	return freed;
}

static dps_result copy_table(uintptr_t words[DPS_MBEDTLS_TABLE_WORDS])
{
	if (!table_is_known())
		return DPS_E_UNSUPPORTED;
	memcpy(words, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY), WORD_COUNT * sizeof(words[0]));
	words[WORD_SIGN] = (uintptr_t)sign_ec;
	return DPS_OK;
}

#endif

/* --- RSA keys: the library's own way out ------------------------------------------------------------------------------------------- */

#if defined(MBEDTLS_PK_RSA_ALT_SUPPORT)

#if MBEDTLS_2
#define RSA_MODE_PARAMETER int mode,
#define RSA_MODE_UNUSED    (void)mode
#else
#define RSA_MODE_PARAMETER
#define RSA_MODE_UNUSED (void)0
#endif

static int sign_rsa(void *ctx, int (*random)(void *, unsigned char *, size_t), void *random_ctx, RSA_MODE_PARAMETER mbedtls_md_type_t md,
                    unsigned int digest_len, const unsigned char *digest, unsigned char *sig)
{
	struct dps_mbedtls_bridge *bridge = ctx;
	size_t len = 0;
	(void)random;
	(void)random_ctx;
	RSA_MODE_UNUSED;
	return sign(bridge, md, digest, digest_len, sig, &len);
}

/* Nothing of TLS 1.2 with ECDHE decrypts with the own key. */
static int decrypt_rsa(void *ctx, RSA_MODE_PARAMETER size_t *len, const unsigned char *in, unsigned char *out, size_t size)
{
	(void)ctx;
	RSA_MODE_UNUSED;
	(void)len;
	(void)in;
	(void)out;
	(void)size;
	return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
}

static size_t rsa_len(void *ctx)
{
	(void)ctx;
	return 2048 / 8;
}

static int setup_rsa(struct dps_mbedtls_bridge *bridge)
{
	mbedtls_pk_free(&bridge->pk);
	mbedtls_pk_init(&bridge->pk);
	return mbedtls_pk_setup_rsa_alt(&bridge->pk, bridge, decrypt_rsa, sign_rsa, rsa_len);
}

#else

static int setup_rsa(struct dps_mbedtls_bridge *bridge)
{
	(void)bridge;
	return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
}

#endif

/* --- the bridge -------------------------------------------------------------------------------------------------------------------- */

void dps_mbedtls_bridge_init(struct dps_mbedtls_bridge *bridge)
{
	memset(bridge, 0, sizeof(*bridge));
	mbedtls_ctr_drbg_init(&bridge->drbg);
	mbedtls_pk_init(&bridge->pk);
}

dps_result dps_mbedtls_bridge_open(struct dps_mbedtls_bridge *bridge, const struct dps_random *random, const struct dps_keys *keys,
                                   const char *slot, struct dps_span spki)
{
	bridge->random = random;
	bridge->keys = keys;
	bridge->slot = slot;
	int ret =
		mbedtls_ctr_drbg_seed(&bridge->drbg, seed, bridge, (const unsigned char *)DRBG_PERSONALIZATION, sizeof(DRBG_PERSONALIZATION) - 1);
	if (ret != 0)
		return dps_mbedtls_is_memory(ret) ? DPS_E_MEMORY : DPS_E_RANDOM;
	ret = mbedtls_pk_parse_public_key(&bridge->pk, spki.data, spki.len);
	if (ret == 0 && mbedtls_pk_get_type(&bridge->pk) == MBEDTLS_PK_ECKEY) {
		const dps_result result = copy_table(bridge->info);
		if (result != DPS_OK)
			return result;
		bridge->pk.MBEDTLS_PRIVATE(pk_info) = (const mbedtls_pk_info_t *)bridge->info;
		return DPS_OK;
	}
	if (ret == 0 && mbedtls_pk_get_type(&bridge->pk) == MBEDTLS_PK_RSA && mbedtls_pk_get_len(&bridge->pk) == rsa_len(NULL))
		ret = setup_rsa(bridge);
	else if (ret == 0)
		ret = MBEDTLS_ERR_PK_UNKNOWN_PK_ALG;
	if (ret == 0)
		return DPS_OK;
	return dps_mbedtls_is_memory(ret) ? DPS_E_MEMORY : DPS_E_KEY_FORMAT;
}

void dps_mbedtls_bridge_close(struct dps_mbedtls_bridge *bridge)
{
	mbedtls_pk_free(&bridge->pk);
	mbedtls_ctr_drbg_free(&bridge->drbg);
	dps_mbedtls_bridge_init(bridge);
}

/* --- what else differs ------------------------------------------------------------------------------------------------------------- */

void dps_mbedtls_configure(mbedtls_ssl_config *config)
{
#if MBEDTLS_2
	static const mbedtls_ecp_group_id GROUPS[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE};
	static const int HASHES[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE};
	mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_curves(config, GROUPS);
	mbedtls_ssl_conf_sig_hashes(config, HASHES);
#else
	static const uint16_t GROUPS[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
	                                  MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
	static const uint16_t ALGORITHMS[] = {MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
	                                      MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
	                                      MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
	                                      MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
	                                      MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
	                                      MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
	                                      MBEDTLS_TLS1_3_SIG_NONE};
	mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_groups(config, GROUPS);
	mbedtls_ssl_conf_sig_algs(config, ALGORITHMS);
#endif
}

int dps_mbedtls_alert(const mbedtls_ssl_context *ssl)
{
	/* level and description (RFC 5246 7.2) stay in the message buffer until the context is reset */
	const unsigned char *message = ssl->MBEDTLS_PRIVATE(in_msg);
	return message != NULL && ssl->MBEDTLS_PRIVATE(in_msgtype) == MBEDTLS_SSL_MSG_ALERT ? message[1] : -1;
}

int dps_mbedtls_parse_key(mbedtls_pk_context *pk, const uint8_t *der, size_t len, const struct dps_random *random)
{
#if MBEDTLS_2
	(void)random;
	const int ret = mbedtls_pk_parse_key(pk, der, len, NULL, 0);
	return ret != 0 ? ret : mbedtls_pk_check_pair(pk, pk);
#else
	void *random_ctx = (void *)(uintptr_t)random;
	const int ret = mbedtls_pk_parse_key(pk, der, len, NULL, 0, dps_mbedtls_random, random_ctx);
	return ret != 0 ? ret : mbedtls_pk_check_pair(pk, pk, dps_mbedtls_random, random_ctx);
#endif
}

mbedtls_ecp_group_id dps_mbedtls_curve(const mbedtls_pk_context *pk)
{
	if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_ECKEY)
		return MBEDTLS_ECP_DP_NONE;
#if MBEDTLS_2
	return mbedtls_pk_ec(*pk)->grp.id;
#else
	return mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*pk));
#endif
}

int dps_mbedtls_sign(mbedtls_pk_context *pk, mbedtls_md_type_t md, const uint8_t *digest, size_t digest_len,
                     uint8_t sig[DPS_SIGNATURE_SIZE], size_t *len, const struct dps_random *random)
{
	void *random_ctx = (void *)(uintptr_t)random;
#if MBEDTLS_2
	return mbedtls_pk_sign(pk, md, digest, digest_len, sig, len, dps_mbedtls_random, random_ctx);
#else
	return mbedtls_pk_sign(pk, md, digest, digest_len, sig, DPS_SIGNATURE_SIZE, len, dps_mbedtls_random, random_ctx);
#endif
}
