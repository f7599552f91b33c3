/* SPDX-License-Identifier: Apache-2.0 */
/* See witness.h. */
#include "witness.h"

#include <stdio.h>

/* The blobs in which the key ports keep a slot: docs/storage-format.md. */
#define FILE_PREFIX "key-"
#define TPM_PREFIX  "tpm-"

/* Asks for none of its bytes. */
static dps_result look(const struct dps_storage *storage, const char *prefix, const char *slot)
{
	char name[DPS_STORAGE_NAME_LENGTH + 1];
	uint8_t nothing[1];
	size_t len = 0;
	dps_result result;

	if (snprintf(name, sizeof(name), "%s%s", prefix, slot) >= (int)sizeof(name))
		return DPS_E_NOT_FOUND;
	result = storage->read(storage->ctx, name, nothing, 0, &len);
	return result == DPS_E_BUFFER ? DPS_OK : result == DPS_OK ? DPS_E_KEY_FORMAT : result; /* an empty one is no key */
}

bool witness_is_in_tpm(const struct dps_storage *storage, const char *slot)
{
	return look(storage, TPM_PREFIX, slot) == DPS_OK;
}

static dps_result witness_open(void *ctx, const char *slot)
{
	dps_result result = look(ctx, FILE_PREFIX, slot);

	return result == DPS_E_NOT_FOUND ? look(ctx, TPM_PREFIX, slot) : result;
}

static dps_result no_generate(void *ctx, const char *slot, enum dps_key_type type)
{
	(void)ctx;
	(void)slot;
	(void)type;
	return DPS_E_UNSUPPORTED;
}

static dps_result no_public_key(void *ctx, const char *slot, uint8_t *buf, size_t size, size_t *len)
{
	(void)ctx;
	(void)slot;
	(void)buf;
	(void)size;
	*len = 0;
	return DPS_E_UNSUPPORTED;
}

static dps_result no_sign(void *ctx, const char *slot, enum dps_hash hash, const uint8_t *digest, size_t digest_len, uint8_t *sig,
                          size_t size, size_t *len)
{
	(void)hash;
	(void)digest;
	(void)digest_len;
	return no_public_key(ctx, slot, sig, size, len);
}

static dps_result no_erase(void *ctx, const char *slot)
{
	return no_generate(ctx, slot, DPS_KEY_EC_P256);
}

static dps_result no_chain(void *ctx, const char *slot, struct dps_span *der_list)
{
	(void)ctx;
	(void)slot;
	*der_list = (struct dps_span){NULL, 0};
	return DPS_E_NOT_FOUND;
}

void witness_init(struct dps_keys *keys, struct dps_certificates *certificates, const struct dps_storage *storage)
{
	*keys = (struct dps_keys){(void *)(uintptr_t)storage, witness_open, no_generate, no_public_key, no_sign, no_erase};
	*certificates = (struct dps_certificates){NULL, no_chain};
}
