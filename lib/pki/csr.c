/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate requests (RFC 2986), written from what every key port has: the public key and a signature over a digest. So a key in a TPM
 * needs no special case, and the TLS library's writer (ten times the size of this) is not linked.
 */
#include <string.h>

#include "codec/pem.h"
#include "pki/der.h"
#include "pki/digest.h"
#include "pki/pki.h"

#define KEY_ALGORITHM_SIZE       21
#define SIGNATURE_ALGORITHM_SIZE 15

/* Which signature goes with which key: AlgorithmIdentifiers of the key (RFC 5480, RFC 3279) and of the signature (RFC 5758, RFC 4055). */
static const struct algorithm {
	uint8_t key[KEY_ALGORITHM_SIZE];
	uint8_t signature[SIGNATURE_ALGORITHM_SIZE];
	uint8_t hash; /* enum dps_hash */
} ALGORITHMS[] = {
	{{0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07},
     {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02},
     DPS_HASH_SHA256},
	{{0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22},
     {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03},
     DPS_HASH_SHA384},
#if DPS_CONFIG_RSA
	{{0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00},
     {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00},
     DPS_HASH_SHA256},
#endif
};

/* Bytes of an AlgorithmIdentifier of the table: all are shorter than 0x80. */
#define ALGORITHM_LEN(der) ((size_t)(der)[1] + 2)

/* The request before and behind the device id and the key: version 0, a Name with one CN as UTF8String. */
static const uint8_t PREFIX[] = {0x02, 0x01, 0x00, 0x30, 0x34, 0x31, 0x32, 0x30, 0x30, 0x06, 0x03,
                                 0x55, 0x04, 0x03, 0x0c, 0x29, 'u',  'u',  'i',  'd',  ':'};

/* Behind the heads of the request, its info and its signature: prefix, id, key, no attributes, signature algorithm, signature. */
#define INFO_SIZE    (sizeof(PREFIX) + DPS_UUID_TEXT_LEN + DPS_SPKI_SIZE + 2)
#define CSR_DER_SIZE (3 * DPS_DER_HEAD_SIZE + INFO_SIZE + SIGNATURE_ALGORITHM_SIZE + 1 + DPS_SIGNATURE_SIZE)

/* The algorithms of a SubjectPublicKeyInfo, or NULL. An AlgorithmIdentifier tells its length: what begins with it has it. */
static const struct algorithm *find_algorithm(struct dps_span spki)
{
	struct dps_span content;
	if (!dps_der_take(&spki, DPS_DER_SEQUENCE, &content))
		return NULL;
	for (size_t i = 0; i < sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]); i++) {
		const uint8_t *key = ALGORITHMS[i].key;
		if (content.len >= ALGORITHM_LEN(key) && memcmp(content.data, key, ALGORITHM_LEN(key)) == 0)
			return &ALGORITHMS[i];
	}
	return NULL;
}

/* Writes the request in DER into buf; *der is where it lies in it. */
static dps_result write_der(const struct dps_keys *keys, const char *slot, const struct dps_uuid *device_id, uint8_t buf[CSR_DER_SIZE],
                            struct dps_span *der)
{
	uint8_t digest[DPS_PKI_DIGEST_SIZE];
	uint8_t *start = buf + 2 * DPS_DER_HEAD_SIZE;
	uint8_t *const id = start + sizeof(PREFIX);
	uint8_t *const spki = id + DPS_UUID_TEXT_LEN;
	size_t len = 0;

	memcpy(start, PREFIX, sizeof(PREFIX));
	dps_uuid_format(device_id, (char *)id); /* the key is written over its NUL */
	dps_result result = keys->public_key(keys->ctx, slot, spki, DPS_SPKI_SIZE, &len);
	if (result != DPS_OK)
		return result;
	if (len > DPS_SPKI_SIZE)
		return DPS_E_KEY;
	const struct algorithm *algorithm = find_algorithm((struct dps_span){spki, len});
	if (algorithm == NULL)
		return DPS_E_UNSUPPORTED;
	uint8_t *end = spki + len;
	*end++ = DPS_DER_CONTEXT_CONSTRUCTED | 0; /* attributes: none */
	*end++ = 0;
	start = dps_der_put_head(start, DPS_DER_SEQUENCE, (size_t)(end - start));

	const size_t digest_len = dps_pki_digest((enum dps_hash)algorithm->hash, start, (size_t)(end - start), digest);
	if (digest_len == 0)
		return DPS_E_INTERNAL;
	len = ALGORITHM_LEN(algorithm->signature);
	memcpy(end, algorithm->signature, len);
	end += len;

	/* the signature's length is known behind it: it is written where the longest head leaves room and moved up to the head it needs */
	uint8_t *const signature = end + DPS_DER_HEAD_SIZE + 1;
	result = keys->sign(keys->ctx, slot, (enum dps_hash)algorithm->hash, digest, digest_len, signature, DPS_SIGNATURE_SIZE, &len);
	if (result != DPS_OK)
		return result;
	if (len > DPS_SIGNATURE_SIZE)
		return DPS_E_KEY;
	signature[-1] = 0; /* unused bits */
	const uint8_t *const bits = dps_der_put_head(signature - 1, DPS_DER_BIT_STRING, len + 1);
	len += (size_t)(signature - bits);
	memmove(end, bits, len);
	end += len;

	start = dps_der_put_head(start, DPS_DER_SEQUENCE, (size_t)(end - start));
	*der = (struct dps_span){start, (size_t)(end - start)};
	return DPS_OK;
}

dps_result dps_pki_csr_pem(const struct dps_keys *keys, const char *slot, const struct dps_uuid *device_id, uint8_t *out, size_t size,
                           size_t *len)
{
	uint8_t buf[CSR_DER_SIZE];
	struct dps_span der;
	const dps_result result = write_der(keys, slot, device_id, buf, &der);
	if (result != DPS_OK)
		return result;
	return dps_pem_encode("CERTIFICATE REQUEST", der.data, der.len, out, size, len);
}
