/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public side of keys: from the TPM's structures to what X.509 and TLS have (RFC 5280 4.1.2.7, RFC 3279 2.2.3 and 2.3), and which keys are of any use there.
 */
#include <string.h>
#include <tss2/tss2_mu.h>

#include "pki/der.h"
#include "pki/pki.h"
#include "tpm2/internal.h"

#define RSA_BYTES    256
#define RSA_EXPONENT 65537

/* Everything of a SubjectPublicKeyInfo up to the key's own bytes; these have a fixed length. */
static const uint8_t HEAD_P256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const uint8_t HEAD_P384[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                    0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};
static const uint8_t HEAD_RSA[] = {0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
                                   0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00};
static const uint8_t TAIL_RSA[] = {0x02, 0x03, 0x01, 0x00, 0x01};

_Static_assert(sizeof(HEAD_RSA) + RSA_BYTES + sizeof(TAIL_RSA) <= DPS_SPKI_SIZE, "the largest key fits");

/* Writes a number with zeros before it; false: it is longer. */
static bool put_padded(uint8_t *out, size_t size, const uint8_t *bytes, size_t len)
{
	if (len > size)
		return false;
	memset(out, 0, size - len);
	memcpy(out + size - len, bytes, len);
	return true;
}

static bool spki_ec(const TPMT_PUBLIC *public, enum dps_key_type *type, uint8_t *spki, size_t *len)
{
	const bool big = public->parameters.eccDetail.curveID == TPM2_ECC_NIST_P384;
	const uint8_t *head = big ? HEAD_P384 : HEAD_P256;
	const size_t head_len = big ? sizeof(HEAD_P384) : sizeof(HEAD_P256);
	const size_t coordinate = big ? 48 : 32;
	const TPMS_ECC_POINT *point = &public->unique.ecc;

	if (!big && public->parameters.eccDetail.curveID != TPM2_ECC_NIST_P256)
		return false;
	memcpy(spki, head, head_len);
	*type = big ? DPS_KEY_EC_P384 : DPS_KEY_EC_P256;
	*len = head_len + 2 * coordinate;
	return put_padded(spki + head_len, coordinate, point->x.buffer, point->x.size) &&
	       put_padded(spki + head_len + coordinate, coordinate, point->y.buffer, point->y.size);
}

static bool spki_rsa(const TPMT_PUBLIC *public, enum dps_key_type *type, uint8_t *spki, size_t *len)
{
	const TPMS_RSA_PARMS *parms = &public->parameters.rsaDetail;
	const TPM2B_PUBLIC_KEY_RSA *modulus = &public->unique.rsa;

	if (parms->keyBits != RSA_BYTES * 8 || (parms->exponent != 0 && parms->exponent != RSA_EXPONENT) || modulus->size != RSA_BYTES ||
	    (modulus->buffer[0] & 0x80) == 0)
		return false;
	memcpy(spki, HEAD_RSA, sizeof(HEAD_RSA));
	memcpy(spki + sizeof(HEAD_RSA), modulus->buffer, RSA_BYTES);
	memcpy(spki + sizeof(HEAD_RSA) + RSA_BYTES, TAIL_RSA, sizeof(TAIL_RSA));
	*type = DPS_KEY_RSA_2048;
	*len = sizeof(HEAD_RSA) + RSA_BYTES + sizeof(TAIL_RSA);
	return true;
}

bool dps_tpm2_spki(const TPMT_PUBLIC *public, enum dps_key_type *type, uint8_t spki[DPS_SPKI_SIZE], size_t *len)
{
	if (public->type == TPM2_ALG_ECC)
		return spki_ec(public, type, spki, len);
	return public->type == TPM2_ALG_RSA && spki_rsa(public, type, spki, len);
}

/* The hash of the one scheme a key is bound to, TPM2_ALG_NULL for any; false: a scheme that TLS 1.2 has no use for. */
static bool scheme_of(const TPMT_PUBLIC *public, TPM2_ALG_ID *hash)
{
	const TPMT_ECC_SCHEME *ec = &public->parameters.eccDetail.scheme;
	const TPMT_RSA_SCHEME *rsa = &public->parameters.rsaDetail.scheme;
	const TPM2_ALG_ID scheme = public->type == TPM2_ALG_ECC ? ec->scheme : rsa->scheme;

	*hash = TPM2_ALG_NULL;
	if (scheme == TPM2_ALG_NULL)
		return true;
	*hash = public->type == TPM2_ALG_ECC ? ec->details.ecdsa.hashAlg : rsa->details.rsassa.hashAlg;
	return scheme == (public->type == TPM2_ALG_ECC ? TPM2_ALG_ECDSA : TPM2_ALG_RSASSA) && dps_tpm2_hash_len(*hash) != 0;
}

const char *dps_tpm2_take_public(struct dps_tpm2_key *key, const TPMT_PUBLIC *public)
{
	TPM2_ALG_ID hash;

	key->known_public = false;
	if (public->type != TPM2_ALG_ECC && public->type != TPM2_ALG_RSA)
		return "neither an EC nor an RSA key";
	if (!dps_tpm2_spki(public, &key->type, key->spki, &key->spki_len))
		return "a curve or size that is not supported (P-256, P-384, RSA of 2048 bits)";
	if ((public->objectAttributes & TPMA_OBJECT_SIGN_ENCRYPT) == 0)
		return "a key that cannot sign";
	if ((public->objectAttributes & TPMA_OBJECT_RESTRICTED) != 0)
		return "a restricted key: it signs only what the TPM itself has hashed";
	if ((public->objectAttributes & TPMA_OBJECT_USERWITHAUTH) == 0)
		return "a key that only a policy allows to use";
	if (!scheme_of(public, &hash))
		return "a key bound to a scheme that TLS 1.2 has no use for";
	key->hash = hash == TPM2_ALG_NULL ? 0 : hash;
	key->known_public = true;
	return NULL;
}

dps_result dps_tpm2_public_of(struct dps_tpm2 *tpm, ESYS_TR object, TPM2B_PUBLIC *public)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	TPM2B_PUBLIC *read = NULL;
	TSS2_RC rc = Esys_TR_Serialize(dps_tpm2_esys(tpm), object, &bytes, &len);
	const bool known = rc == TSS2_RC_SUCCESS && dps_tpm2_parse_serialized(bytes, len, 0, public);

	Esys_Free(bytes);
	if (known)
		return DPS_OK;
	rc = Esys_ReadPublic(dps_tpm2_esys(tpm), object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &read, NULL, NULL);
	if (rc == TSS2_RC_SUCCESS)
		*public = *read;
	Esys_Free(read);
	return dps_tpm2_fail(tpm, "read a public key", rc);
}

dps_result dps_tpm2_describe(struct dps_tpm2 *tpm, const TPM2B_PUBLIC *public, struct dps_tpm2_public *key)
{
	const TPMA_OBJECT attributes = public->publicArea.objectAttributes;
	const TPMA_OBJECT fixed = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT;

	if (!dps_tpm2_spki(&public->publicArea, &key->type, key->spki, &key->spki_len))
		return dps_tpm2_fail_text(tpm, DPS_E_KEY_FORMAT, "a key of a type, curve or size that is not supported");
	if (Tss2_MU_TPMT_PUBLIC_Marshal(&public->publicArea, key->tpmt, sizeof(key->tpmt), &key->tpmt_len) != TSS2_RC_SUCCESS)
		return DPS_E_INTERNAL;
	key->sign = (attributes & TPMA_OBJECT_SIGN_ENCRYPT) != 0;
	key->decrypt = (attributes & TPMA_OBJECT_DECRYPT) != 0;
	key->restricted = (attributes & TPMA_OBJECT_RESTRICTED) != 0;
	key->fixed = (attributes & fixed) == fixed;
	key->no_da = (attributes & TPMA_OBJECT_NODA) != 0;
	if (public->publicArea.nameAlg == TPM2_ALG_SHA256) {
		(void)dps_tpm2_put16(key->name, TPM2_ALG_SHA256);
		dps_pki_sha256(key->tpmt, key->tpmt_len, key->name + 2);
		key->name_len = sizeof(key->name);
	}
	return DPS_OK;
}

/* --- signatures ---------------------------------------------------------------------------------------------------------------------- */

size_t dps_tpm2_hash_len(TPM2_ALG_ID hash)
{
	static const struct {
		TPM2_ALG_ID hash;
		size_t len;
	} LENGTHS[] = {{TPM2_ALG_SHA256, 32}, {TPM2_ALG_SHA384, 48}, {TPM2_ALG_SHA512, 64}};

	for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++)
		if (LENGTHS[i].hash == hash)
			return LENGTHS[i].len;
	return 0;
}

/*
 * ECDSA signs the number that the left-most bits of a digest make, as many as the order of the curve has (FIPS 186-5 6.4.1); the TPM wants a digest of exactly the
 * length of its scheme's hash, and does the same to it. So what it gets is that number: with zeros before it, and behind it what the TPM cuts off again.
 */
bool dps_tpm2_fit_digest(enum dps_key_type type, TPM2_ALG_ID scheme_hash, const uint8_t *digest, size_t len, TPM2B_DIGEST *out)
{
	const size_t size = dps_tpm2_hash_len(scheme_hash);
	const size_t order = type == DPS_KEY_EC_P384 ? 48 : 32;
	const size_t number = len < order ? len : order;
	const size_t counted = size < order ? size : order; /* bytes that the TPM looks at */

	memset(out, 0, sizeof(*out));
	out->size = (UINT16)size;
	if (type == DPS_KEY_RSA_2048) {
		memcpy(out->buffer, digest, len < size ? len : size);
		return len == size;
	}
	return size != 0 && put_padded(out->buffer, counted, digest, number);
}

/* An INTEGER of a positive number, written so that it ends where out points; where it begins. */
static uint8_t *put_integer(uint8_t *out, const TPM2B_ECC_PARAMETER *number)
{
	size_t start = 0;
	size_t len;

	while (start + 1 < number->size && number->buffer[start] == 0)
		start++;
	len = number->size - start;
	out -= len;
	memcpy(out, number->buffer + start, len);
	if ((*out & 0x80) != 0) {
		*--out = 0;
		len++;
	}
	return dps_der_put_head(out, DPS_DER_INTEGER, len);
}

size_t dps_tpm2_signature(const TPMT_SIGNATURE *signature, enum dps_key_type type, uint8_t *out, size_t size)
{
	uint8_t der[DPS_SIGNATURE_SIZE];
	const size_t order = type == DPS_KEY_EC_P384 ? 48 : 32;
	const TPMS_SIGNATURE_ECC *ec = &signature->signature.ecdsa;
	const TPMS_SIGNATURE_RSA *rsa = &signature->signature.rsassa;

	if (type == DPS_KEY_RSA_2048) {
		if (signature->sigAlg != TPM2_ALG_RSASSA || rsa->sig.size != RSA_BYTES || rsa->sig.size > size)
			return 0;
		memcpy(out, rsa->sig.buffer, rsa->sig.size);
		return rsa->sig.size;
	}
	if (signature->sigAlg != TPM2_ALG_ECDSA || ec->signatureR.size == 0 || ec->signatureR.size > order || ec->signatureS.size == 0 ||
	    ec->signatureS.size > order)
		return 0;
	uint8_t *const end = der + sizeof(der);
	uint8_t *begin = put_integer(put_integer(end, &ec->signatureS), &ec->signatureR);

	begin = dps_der_put_head(begin, DPS_DER_SEQUENCE, (size_t)(end - begin));
	const size_t len = (size_t)(end - begin);
	if (len > size)
		return 0;
	memcpy(out, begin, len);
	return len;
}

/* --- comparing ----------------------------------------------------------------------------------------------------------------------- */

/* The BIT STRING of a SubjectPublicKeyInfo. */
static bool key_bits(struct dps_span spki, struct dps_span *bits)
{
	struct dps_span content, algorithm;

	return dps_der_take(&spki, DPS_DER_SEQUENCE, &content) && dps_der_take(&content, DPS_DER_SEQUENCE, &algorithm) &&
	       dps_der_take(&content, DPS_DER_BIT_STRING, bits);
}

/* Some vendors say in the algorithm of an EK that it is for OAEP only; the key is the same. The points of two curves differ in length. */
bool dps_tpm2_same_key(struct dps_span a, struct dps_span b)
{
	struct dps_span bits_a, bits_b;

	return key_bits(a, &bits_a) && key_bits(b, &bits_b) && bits_a.len == bits_b.len && memcmp(bits_a.data, bits_b.data, bits_a.len) == 0;
}

bool dps_tpm2_type_of_spki(struct dps_span spki, enum dps_key_type *type)
{
	static const struct {
		const uint8_t *head;
		size_t len;
		size_t whole;
		enum dps_key_type type;
	} HEADS[] = {{HEAD_P256, sizeof(HEAD_P256), sizeof(HEAD_P256) + 64, DPS_KEY_EC_P256},
	             {HEAD_P384, sizeof(HEAD_P384), sizeof(HEAD_P384) + 96, DPS_KEY_EC_P384},
	             {HEAD_RSA, sizeof(HEAD_RSA), sizeof(HEAD_RSA) + RSA_BYTES + sizeof(TAIL_RSA), DPS_KEY_RSA_2048}};

	for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++) {
		if (spki.len == HEADS[i].whole && memcmp(spki.data, HEADS[i].head, HEADS[i].len) == 0) {
			*type = HEADS[i].type;
			return true;
		}
	}
	return false;
}
