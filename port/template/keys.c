/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys that stay in their home, and the certificates installed beside them.
 */
#include <string.h>

#include "template/template.h"

/* Makes a slot ready. DPS_E_NOT_FOUND: no key there. Called again for the same slot. */
static dps_result template_keys_open(void *ctx, const char *slot)
{
	(void)ctx;
	(void)slot;
	return DPS_E_NOT_FOUND;
}

/* A new key, durable before DPS_OK. DPS_AGAIN: in progress, called again with the same arguments. A type that the home lacks: DPS_E_UNSUPPORTED. */
static dps_result template_keys_generate(void *ctx, const char *slot, enum dps_key_type type)
{
	(void)ctx;
	(void)slot;
	(void)type;
	return DPS_E_UNSUPPORTED;
}

/* SubjectPublicKeyInfo in DER (RFC 5280 4.1.2.7). */
static dps_result template_keys_public_key(void *ctx, const char *slot, uint8_t *buf, size_t size, size_t *len)
{
	(void)ctx;
	(void)slot;
	(void)buf;
	(void)size;
	*len = 0;
	return DPS_E_UNSUPPORTED;
}

/*
 * ECDSA: r and s as two DER INTEGERs in a SEQUENCE (RFC 3279 2.2.3), which secure elements do not give by themselves. The digest may be longer than the
 * curve's order, whatever its hash: sign its left-most bytes (FIPS 186-5 6.4.1). RSA: PKCS#1 v1.5 with the DigestInfo of `hash` (RFC 8017 9.2).
 */
static dps_result template_keys_sign(void *ctx, const char *slot, enum dps_hash hash, const uint8_t *digest, size_t digest_len,
                                     uint8_t *sig, size_t size, size_t *len)
{
	(void)ctx;
	(void)slot;
	(void)hash;
	(void)digest;
	(void)digest_len;
	(void)sig;
	(void)size;
	*len = 0;
	return DPS_E_UNSUPPORTED;
}

/* The manufacturer's key is never destroyed: a factory reset must leave the device able to provision itself again. */
static dps_result template_keys_erase(void *ctx, const char *slot)
{
	(void)ctx;
	if (strcmp(slot, DPS_SLOT_MANUFACTURER) == 0)
		return DPS_E_UNSUPPORTED;
	return DPS_OK;
}

static dps_result template_keys_chain(void *ctx, const char *slot, struct dps_span *der_list)
{
	const struct template_keys *keys = ctx;

	if (strcmp(slot, DPS_SLOT_MANUFACTURER) != 0 || keys->chain.len == 0)
		return DPS_E_NOT_FOUND;
	*der_list = keys->chain;
	return DPS_OK;
}

void template_keys_init(struct template_keys *keys, struct dps_span manufacturer_chain)
{
	memset(keys, 0, sizeof *keys);
	keys->port.ctx = keys;
	keys->port.open = template_keys_open;
	keys->port.generate = template_keys_generate;
	keys->port.public_key = template_keys_public_key;
	keys->port.sign = template_keys_sign;
	keys->port.erase = template_keys_erase;
	keys->certificates.ctx = keys;
	keys->certificates.chain = template_keys_chain;
	keys->chain = manufacturer_chain;
}
