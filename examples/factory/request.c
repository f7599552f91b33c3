/* SPDX-License-Identifier: Apache-2.0 */
/* See x509.h: keys, signatures, and the certificate request. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "dps/keys.h"
#include "x509.h"

static EVP_PKEY *key_of(const uint8_t *spki, size_t spki_len)
{
	const unsigned char *at = spki;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki_len);

	if (key != NULL && at != spki + spki_len) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

char *x509_key_to_pem(const uint8_t *spki, size_t spki_len)
{
	EVP_PKEY *key = key_of(spki, spki_len);
	BIO *out = BIO_new(BIO_s_mem());
	bool good = key != NULL && out != NULL && PEM_write_bio_PUBKEY(out, key) == 1;

	EVP_PKEY_free(key);
	return x509_take_text(out, good);
}

bool x509_signature_is_good(const uint8_t *spki, size_t spki_len, const uint8_t digest[32], const uint8_t *signature, size_t len)
{
	EVP_PKEY *key = key_of(spki, spki_len);
	EVP_PKEY_CTX *context = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
	bool good = context != NULL && EVP_PKEY_verify_init(context) == 1 && EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
	            EVP_PKEY_verify(context, signature, len, digest, 32) == 1;

	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return good;
}

static bool fill_info(X509_REQ *request, EVP_PKEY *key, const char *serial)
{
	X509_NAME *subject = X509_REQ_get_subject_name(request);

	return X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 && X509_REQ_set_pubkey(request, key) == 1 &&
	       X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC, (const unsigned char *)serial, -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_NID(subject, NID_serialNumber, MBSTRING_ASC, (const unsigned char *)serial, -1, -1, 0) == 1;
}

/* The signature is made over the DER of the request's info, by somebody who has the key. */
static bool sign_info(X509_REQ *request, EVP_PKEY *key, x509_sign sign, void *context)
{
	bool is_rsa = EVP_PKEY_is_a(key, "RSA") == 1;
	X509_ALGOR *algorithm = X509_ALGOR_new();
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	unsigned char *info = NULL;
	uint8_t signature[DPS_SIGNATURE_SIZE];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	size_t signature_len = sizeof(signature);
	int info_len = i2d_re_X509_REQ_tbs(request, &info);
	bool good = false;

	if (algorithm == NULL || bits == NULL || info_len <= 0)
		goto done;
	SHA256(info, (size_t)info_len, digest);
	if (!sign(context, digest, signature, &signature_len))
		goto done;
	/* RFC 5758 3.2: no parameters with ECDSA; RFC 4055 5: NULL with RSA. */
	X509_ALGOR_set0(algorithm, OBJ_nid2obj(is_rsa ? NID_sha256WithRSAEncryption : NID_ecdsa_with_SHA256),
	                is_rsa ? V_ASN1_NULL : V_ASN1_UNDEF, NULL);
	if (ASN1_BIT_STRING_set(bits, signature, (int)signature_len) != 1 || X509_REQ_set1_signature_algo(request, algorithm) != 1)
		goto done;
	bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* no unused bits, zeros at the end count */
	X509_REQ_set0_signature(request, bits);
	bits = NULL;
	good = X509_REQ_verify(request, key) == 1;
done:
	OPENSSL_free(info);
	ASN1_BIT_STRING_free(bits);
	X509_ALGOR_free(algorithm);
	return good;
}

char *x509_request(const uint8_t *spki, size_t spki_len, const char *serial, x509_sign sign, void *context)
{
	EVP_PKEY *key = key_of(spki, spki_len);
	X509_REQ *request = X509_REQ_new();
	BIO *out = BIO_new(BIO_s_mem());
	bool good = key != NULL && request != NULL && out != NULL && fill_info(request, key, serial) &&
	            sign_info(request, key, sign, context) && PEM_write_bio_X509_REQ(out, request) == 1;

	X509_REQ_free(request);
	EVP_PKEY_free(key);
	return x509_take_text(out, good);
}
