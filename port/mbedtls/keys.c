/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Software keys. Operational ones are blobs of the storage port, so that a posix directory gives them mode 0600 and an atomic write; the
 * manufacturer's is given by the application. One operational key stays parsed between calls: a run signs with the same one two or three
 * times, and reading it anew costs the storage and, since a stored key is proved before it is used, a multiplication on the curve each
 * time.
 */
#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/rsa.h>
#include <string.h>

#include "dps/pki.h"
#include "mbedtls/bridge.h"
#include "mbedtls/key_format.h"
#include "pki/pki.h"

#define BLOB_PREFIX  "key-"
#define RSA_BITS     2048
#define RSA_EXPONENT 65537

static bool is_manufacturer(const char *slot)
{
	return strcmp(slot, DPS_SLOT_MANUFACTURER) == 0;
}

/* The blob of a slot. DPS_E_ARGUMENT: not a slot name. */
static dps_result blob_name(const char *slot, char name[DPS_STORAGE_NAME_LENGTH + 1])
{
	const size_t len = strlen(slot);
	if (len == 0 || len > DPS_CONFIG_SLOT_LENGTH || len > DPS_STORAGE_NAME_LENGTH - strlen(BLOB_PREFIX))
		return DPS_E_ARGUMENT;
	for (size_t i = 0; i < len; i++) {
		const char c = slot[i];
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-')
			return DPS_E_ARGUMENT;
	}
	memcpy(name, BLOB_PREFIX, strlen(BLOB_PREFIX));
	memcpy(name + strlen(BLOB_PREFIX), slot, len + 1);
	return DPS_OK;
}

static dps_result cause_of(int error)
{
	if (dps_mbedtls_is_memory(error))
		return DPS_E_MEMORY;
	return dps_mbedtls_is_random(error) ? DPS_E_RANDOM : DPS_E_KEY;
}

static void forget_cached(struct dps_mbedtls_keys *keys)
{
	mbedtls_pk_free(&keys->cached);
	mbedtls_pk_init(&keys->cached);
	keys->cached_slot[0] = '\0';
}

static dps_result load(struct dps_mbedtls_keys *keys, const char *slot)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	uint8_t der[DPS_MBEDTLS_KEY_SIZE];
	size_t len = 0;
	dps_result result = blob_name(slot, name);
	if (result != DPS_OK)
		return result;
	forget_cached(keys);
	result = keys->storage->read(keys->storage->ctx, name, der, sizeof(der), &len);
	if (result == DPS_OK)
		result = dps_mbedtls_read_key(&keys->cached, der, len, keys->random);
	else if (result == DPS_E_BUFFER)
		result = DPS_E_KEY_FORMAT;
	if (result == DPS_E_KEY_ENCRYPTED)
		result = DPS_E_KEY_FORMAT;
	if (result == DPS_OK)
		memcpy(keys->cached_slot, slot, strlen(slot) + 1);
	mbedtls_platform_zeroize(der, sizeof(der));
	return result;
}

/* The key of a slot, loaded if it is not there yet. */
static dps_result find(struct dps_mbedtls_keys *keys, const char *slot, mbedtls_pk_context **pk)
{
	if (is_manufacturer(slot)) {
		*pk = &keys->manufacturer;
		return mbedtls_pk_get_type(*pk) == MBEDTLS_PK_NONE ? DPS_E_NOT_FOUND : DPS_OK;
	}
	*pk = &keys->cached;
	return slot[0] != '\0' && strcmp(slot, keys->cached_slot) == 0 ? DPS_OK : load(keys, slot);
}

static dps_result keys_open(void *ctx, const char *slot)
{
	mbedtls_pk_context *pk;
	return find(ctx, slot, &pk);
}

static int generate(mbedtls_pk_context *pk, enum dps_key_type type, const struct dps_random *random)
{
	void *random_ctx = (void *)(uintptr_t)random;
	int ret;
#if defined(MBEDTLS_RSA_C) && defined(MBEDTLS_GENPRIME)
	if (type == DPS_KEY_RSA_2048) {
		ret = mbedtls_pk_setup(pk, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA));
		return ret != 0 ? ret : mbedtls_rsa_gen_key(mbedtls_pk_rsa(*pk), dps_mbedtls_random, random_ctx, RSA_BITS, RSA_EXPONENT);
	}
#endif
	ret = mbedtls_pk_setup(pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (ret != 0)
		return ret;
	const mbedtls_ecp_group_id curve = type == DPS_KEY_EC_P256 ? MBEDTLS_ECP_DP_SECP256R1 : MBEDTLS_ECP_DP_SECP384R1;
	return mbedtls_ecp_gen_key(curve, mbedtls_pk_ec(*pk), dps_mbedtls_random, random_ctx);
}

static bool can_generate(enum dps_key_type type)
{
#if defined(MBEDTLS_RSA_C) && defined(MBEDTLS_GENPRIME)
	return type == DPS_KEY_EC_P256 || type == DPS_KEY_EC_P384 || type == DPS_KEY_RSA_2048;
#else
	return type == DPS_KEY_EC_P256 || type == DPS_KEY_EC_P384;
#endif
}

static dps_result keys_generate(void *ctx, const char *slot, enum dps_key_type type)
{
	struct dps_mbedtls_keys *keys = ctx;
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	uint8_t der[DPS_MBEDTLS_KEY_SIZE];

	if (is_manufacturer(slot) || !can_generate(type))
		return DPS_E_UNSUPPORTED;
	dps_result result = blob_name(slot, name);
	if (result != DPS_OK)
		return result;
	forget_cached(keys);
	int ret = generate(&keys->cached, type, keys->random);
	if (ret == 0)
		ret = mbedtls_pk_write_key_der(&keys->cached, der, sizeof(der));
	if (ret > 0) {
		/* Mbed TLS writes to the end of the buffer */
		const size_t len = (size_t)ret;
		const struct dps_span part = {der + sizeof(der) - len, len};
		result = keys->storage->write(keys->storage->ctx, name, &part, 1);
	} else {
		result = cause_of(ret);
	}
	if (result == DPS_OK)
		memcpy(keys->cached_slot, slot, strlen(slot) + 1);
	else
		forget_cached(keys);
	mbedtls_platform_zeroize(der, sizeof(der));
	return result;
}

static dps_result write_public_key(mbedtls_pk_context *pk, uint8_t *buf, size_t size, size_t *len)
{
	uint8_t der[DPS_SPKI_SIZE];
	const int ret = mbedtls_pk_write_pubkey_der(pk, der, sizeof(der));
	if (ret <= 0)
		return cause_of(ret);
	*len = (size_t)ret;
	if (*len > size)
		return DPS_E_BUFFER;
	memcpy(buf, der + sizeof(der) - *len, *len);
	return DPS_OK;
}

static dps_result keys_public_key(void *ctx, const char *slot, uint8_t *buf, size_t size, size_t *len)
{
	mbedtls_pk_context *pk;
	const dps_result result = find(ctx, slot, &pk);
	return result == DPS_OK ? write_public_key(pk, buf, size, len) : result;
}

static dps_result keys_sign(void *ctx, const char *slot, enum dps_hash hash, const uint8_t *digest, size_t digest_len, uint8_t *sig,
                            size_t size, size_t *len)
{
	static const struct {
		mbedtls_md_type_t md;
		size_t len;
	} HASHES[] = {[DPS_HASH_SHA256] = {MBEDTLS_MD_SHA256, 32},
	              [DPS_HASH_SHA384] = {MBEDTLS_MD_SHA384, 48},
	              [DPS_HASH_SHA512] = {MBEDTLS_MD_SHA512, 64}};
	struct dps_mbedtls_keys *keys = ctx;
	uint8_t signature[DPS_SIGNATURE_SIZE];
	mbedtls_pk_context *pk;

	if ((size_t)hash >= sizeof(HASHES) / sizeof(HASHES[0]) || digest_len != HASHES[hash].len)
		return DPS_E_ARGUMENT;
	const dps_result result = find(keys, slot, &pk);
	if (result != DPS_OK)
		return result;
	const int ret = dps_mbedtls_sign(pk, HASHES[hash].md, digest, digest_len, signature, len, keys->random);
	if (ret != 0)
		return cause_of(ret);
	if (*len > size)
		return DPS_E_BUFFER;
	memcpy(sig, signature, *len);
	return DPS_OK;
}

static dps_result keys_erase(void *ctx, const char *slot)
{
	struct dps_mbedtls_keys *keys = ctx;
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	if (is_manufacturer(slot))
		return DPS_E_UNSUPPORTED;
	const dps_result result = blob_name(slot, name);
	if (result != DPS_OK)
		return result;
	if (strcmp(slot, keys->cached_slot) == 0)
		forget_cached(keys);
	return keys->storage->erase(keys->storage->ctx, name);
}

static dps_result certificates_chain(void *ctx, const char *slot, struct dps_span *der_list)
{
	const struct dps_mbedtls_keys *keys = ctx;
	if (!is_manufacturer(slot) || keys->chain.len == 0)
		return DPS_E_NOT_FOUND;
	*der_list = keys->chain;
	return DPS_OK;
}

void dps_mbedtls_keys_init(struct dps_mbedtls_keys *keys, const struct dps_storage *storage, const struct dps_random *random)
{
	memset(keys, 0, sizeof(*keys));
	keys->port = (struct dps_keys){
		.ctx = keys, .open = keys_open, .generate = keys_generate, .public_key = keys_public_key, .sign = keys_sign, .erase = keys_erase};
	keys->certificates = (struct dps_certificates){.ctx = keys, .chain = certificates_chain};
	keys->storage = storage;
	keys->random = random;
	mbedtls_pk_init(&keys->manufacturer);
	mbedtls_pk_init(&keys->cached);
}

static void forget_manufacturer(struct dps_mbedtls_keys *keys)
{
	mbedtls_pk_free(&keys->manufacturer);
	mbedtls_pk_init(&keys->manufacturer);
	keys->chain = (struct dps_span){NULL, 0};
}

dps_result dps_mbedtls_keys_set_manufacturer(struct dps_mbedtls_keys *keys, const uint8_t *key, size_t key_len, const uint8_t *certificates,
                                             size_t certificates_len, uint8_t *chain, size_t chain_size)
{
	size_t chain_len = 0;
	forget_manufacturer(keys);
	dps_result result = dps_mbedtls_read_key(&keys->manufacturer, key, key_len, keys->random);
	if (result == DPS_OK)
		result = dps_pki_load_certificates(certificates, certificates_len, chain, chain_size, &chain_len);
	if (result == DPS_OK)
		result = dps_pki_check_key(&keys->port, DPS_SLOT_MANUFACTURER, (struct dps_span){chain, chain_len});
	if (result == DPS_OK)
		keys->chain = (struct dps_span){chain, chain_len};
	else
		forget_manufacturer(keys);
	return result;
}

void dps_mbedtls_keys_deinit(struct dps_mbedtls_keys *keys)
{
	forget_manufacturer(keys);
	forget_cached(keys);
}
