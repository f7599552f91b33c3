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

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* Which signature goes with which key: AlgorithmIdentifiers of the key (RFC 5480, RFC 3279) and of the signature (RFC 5758, RFC 4055). */
static const struct {
	const uint8_t *key;
	size_t key_len;
	const uint8_t *signature;
	size_t signature_len;
	enum dps_hash hash;
} ALGORITHMS[] = {
	{BYTES(0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07),
     BYTES(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02), DPS_HASH_SHA256},
	{BYTES(0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22),
     BYTES(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03), DPS_HASH_SHA384},
#if DPS_CONFIG_RSA
	{BYTES(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00),
     BYTES(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00), DPS_HASH_SHA256},
#endif
};
#define ALGORITHM_COUNT (sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]))

/* The parts of the request before and behind the common name and the key: version 0; Name with one CN as UTF8String; no attributes. */
static const uint8_t VERSION[] = {0x02, 0x01, 0x00};
static const uint8_t NAME_HEAD[] = {0x30, 0x34, 0x31, 0x32, 0x30, 0x30, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x29};
static const uint8_t NO_ATTRIBUTES[] = {0xa0, 0x00};

/* Behind a head of DPS_DER_HEAD_SIZE: info, signature algorithm, signature. */
#define INFO_LEN(spki) (sizeof(VERSION) + sizeof(NAME_HEAD) + DPS_PKI_CN_LEN + (spki) + sizeof(NO_ATTRIBUTES))
#define CSR_DER_SIZE   (DPS_DER_HEAD_SIZE + DPS_DER_HEAD_SIZE + INFO_LEN(DPS_SPKI_SIZE) + 15 + DPS_DER_HEAD_SIZE + 1 + DPS_SIGNATURE_SIZE)

static size_t put(uint8_t *out, const void *bytes, size_t len)
{
	memcpy(out, bytes, len);
	return len;
}

static size_t find_algorithm(struct dps_span spki)
{
	struct dps_span content, algorithm;
	size_t i = ALGORITHM_COUNT;
	if (dps_der_take(&spki, DPS_DER_SEQUENCE, &content) && dps_der_take_any(&content, NULL, &algorithm)) {
		for (i = 0; i < ALGORITHM_COUNT; i++) {
			if (algorithm.len == ALGORITHMS[i].key_len && memcmp(algorithm.data, ALGORITHMS[i].key, algorithm.len) == 0)
				break;
		}
	}
	return i;
}

/* Writes the request in DER into buf (of CSR_DER_SIZE); *der is where it lies in it. */
static dps_result write_der(const struct dps_keys *keys, const char *slot, const struct dps_uuid *device_id, uint8_t *buf,
                            struct dps_span *der)
{
	uint8_t spki[DPS_SPKI_SIZE];
	uint8_t digest[DPS_PKI_DIGEST_SIZE];
	char cn[DPS_PKI_CN_LEN + 1];
	size_t spki_len = 0;
	size_t digest_len = 0;
	size_t signature_len = 0;

	dps_result result = keys->public_key(keys->ctx, slot, spki, sizeof(spki), &spki_len);
	if (result != DPS_OK)
		return result;
	if (spki_len > sizeof(spki))
		return DPS_E_KEY;
	const size_t algorithm = find_algorithm((struct dps_span){spki, spki_len});
	if (algorithm == ALGORITHM_COUNT)
		return DPS_E_UNSUPPORTED;
	dps_pki_device_cn(device_id, cn);

	uint8_t *const info = buf + DPS_DER_HEAD_SIZE;
	uint8_t *p = info;
	p += dps_der_put_head(p, DPS_DER_SEQUENCE, INFO_LEN(spki_len));
	p += put(p, VERSION, sizeof(VERSION));
	p += put(p, NAME_HEAD, sizeof(NAME_HEAD));
	p += put(p, cn, DPS_PKI_CN_LEN);
	p += put(p, spki, spki_len);
	p += put(p, NO_ATTRIBUTES, sizeof(NO_ATTRIBUTES));

	const enum dps_hash hash = ALGORITHMS[algorithm].hash;
	result = dps_pki_digest(hash, info, (size_t)(p - info), digest, &digest_len);
	if (result != DPS_OK)
		return result;
	p += put(p, ALGORITHMS[algorithm].signature, ALGORITHMS[algorithm].signature_len);

	/* the signature's length is known behind it: it is written where the longest head leaves room and moved up to the head it needs */
	uint8_t *const signature = p + DPS_DER_HEAD_SIZE + 1;
	result = keys->sign(keys->ctx, slot, hash, digest, digest_len, signature, DPS_SIGNATURE_SIZE, &signature_len);
	if (result != DPS_OK)
		return result;
	if (signature_len > DPS_SIGNATURE_SIZE)
		return DPS_E_KEY;
	p += dps_der_put_head(p, DPS_DER_BIT_STRING, signature_len + 1);
	*p++ = 0; /* unused bits */
	memmove(p, signature, signature_len);
	p += signature_len;

	uint8_t head[DPS_DER_HEAD_SIZE];
	const size_t head_len = dps_der_put_head(head, DPS_DER_SEQUENCE, (size_t)(p - info));
	memcpy(info - head_len, head, head_len);
	*der = (struct dps_span){info - head_len, (size_t)(p - info) + head_len};
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
