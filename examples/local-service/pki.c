/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates with OpenSSL. */
#include "pki.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define SERIAL_BITS 128
#define RSA_BITS    2048u

struct extension {
	int nid;
	const char *value;
};

/* What the public service's own authorities put into certificates of these kinds; 1.3.6.1.4.1.44924.1.6 marks an OCF identity. */
static const struct extension profiles[][5] = {
	[SERVICE_PROFILE_ROOT] = {{NID_key_usage, "critical,keyCertSign,cRLSign"},
                              {NID_basic_constraints, "critical,CA:TRUE"},
                              {NID_subject_key_identifier, "hash"}},
	[SERVICE_PROFILE_INTERMEDIATE] = {{NID_key_usage, "critical,keyCertSign,cRLSign"},
                                      {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                      {NID_subject_key_identifier, "hash"},
                                      {NID_authority_key_identifier, "keyid"}},
	[SERVICE_PROFILE_SERVER] = {{NID_key_usage, "critical,digitalSignature,keyEncipherment"},
                                {NID_basic_constraints, "CA:FALSE"},
                                {NID_ext_key_usage, "serverAuth"},
                                {NID_authority_key_identifier, "keyid"}},
	[SERVICE_PROFILE_DEVICE] = {{NID_key_usage, "digitalSignature,keyAgreement"},
                                {NID_basic_constraints, "CA:FALSE"},
                                {NID_ext_key_usage, "clientAuth,serverAuth"},
                                {NID_authority_key_identifier, "keyid"}},
	[SERVICE_PROFILE_IDENTITY] = {{NID_key_usage, "critical,digitalSignature,keyAgreement"},
                                  {NID_ext_key_usage, "clientAuth,serverAuth,1.3.6.1.4.1.44924.1.6"},
                                  {NID_authority_key_identifier, "keyid"}},
};

#define EXTENSIONS_PER_PROFILE (sizeof(profiles[0]) / sizeof(profiles[0][0]))

static _Noreturn void fail(const char *doing)
{
	char reason[256];

	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	service_fail(SERVICE_EXIT_FAILURE, "cannot %s: %s", doing, reason);
}

bool service_pki_key_type(const char *name, enum service_key_type *type)
{
	static const char *const names[] = {
		[SERVICE_KEY_P256] = "p256",
		[SERVICE_KEY_P384] = "p384",
		[SERVICE_KEY_RSA2048] = "rsa2048",
	};
	unsigned at;

	for (at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
		if (strcmp(name, names[at]) == 0) {
			*type = (enum service_key_type)at;
			return true;
		}
	}
	return false;
}

EVP_PKEY *service_pki_make_key(enum service_key_type type)
{
	EVP_PKEY *key = NULL;

	switch (type) {
	case SERVICE_KEY_P256:
		key = EVP_EC_gen("P-256");
		break;
	case SERVICE_KEY_P384:
		key = EVP_EC_gen("P-384");
		break;
	case SERVICE_KEY_RSA2048:
		key = EVP_RSA_gen(RSA_BITS);
		break;
	}
	if (key == NULL) {
		fail("make a key");
	}
	return key;
}

static bool set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	bool done = number != NULL && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
	            BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;

	BN_free(number);
	return done;
}

static bool set_subject(X509 *certificate, const struct service_certificate_request *request)
{
	X509_NAME *name;
	bool done;

	if (request->common_name == NULL) {
		return X509_set_subject_name(certificate, X509_REQ_get_subject_name(request->csr)) == 1;
	}
	name = X509_NAME_new();
	done = name != NULL &&
	       X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)request->common_name, -1, -1, 0) == 1 &&
	       X509_set_subject_name(certificate, name) == 1;
	X509_NAME_free(name);
	return done;
}

static bool set_validity(X509 *certificate, const struct service_certificate_request *request)
{
	time_t not_before = request->not_before;
	time_t not_after = request->not_after;

	if (ASN1_TIME_set(X509_getm_notBefore(certificate), not_before) == NULL ||
	    ASN1_TIME_set(X509_getm_notAfter(certificate), not_after) == NULL) {
		return false;
	}
	if (request->issuer == NULL) {
		return true;
	}
	if (ASN1_TIME_compare(X509_get0_notBefore(certificate), X509_get0_notBefore(request->issuer->certificate)) < 0 &&
	    X509_set1_notBefore(certificate, X509_get0_notBefore(request->issuer->certificate)) != 1) {
		return false;
	}
	return ASN1_TIME_compare(X509_get0_notAfter(certificate), X509_get0_notAfter(request->issuer->certificate)) <= 0 ||
	       X509_set1_notAfter(certificate, X509_get0_notAfter(request->issuer->certificate)) == 1;
}

static bool add_extension(X509 *certificate, X509V3_CTX *context, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
	bool done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return done;
}

/* An extension that the profile sets, or a claim that is the authority's alone, is not taken from the request. */
static bool is_taken_from_csr(const X509 *certificate, X509_EXTENSION *extension)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

	return nid != NID_basic_constraints && nid != NID_authority_key_identifier && X509_get_ext_by_NID(certificate, nid, -1) < 0;
}

static bool copy_extensions(X509 *certificate, X509_REQ *csr)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(csr);
	bool done = true;
	int at;

	for (at = 0; done && at < sk_X509_EXTENSION_num(extensions); at++) {
		X509_EXTENSION *extension = sk_X509_EXTENSION_value(extensions, at);

		if (is_taken_from_csr(certificate, extension)) {
			done = X509_add_ext(certificate, extension, -1) == 1;
		}
	}
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return done;
}

static bool set_extensions(X509 *certificate, const struct service_certificate_request *request)
{
	X509V3_CTX context;
	size_t at;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, request->issuer == NULL ? certificate : request->issuer->certificate, certificate, NULL, NULL, 0);
	for (at = 0; at < EXTENSIONS_PER_PROFILE && profiles[request->profile][at].value != NULL; at++) {
		if (!add_extension(certificate, &context, profiles[request->profile][at].nid, profiles[request->profile][at].value)) {
			return false;
		}
	}
	if (request->alternative_names != NULL && !add_extension(certificate, &context, NID_subject_alt_name, request->alternative_names)) {
		return false;
	}
	return request->csr == NULL || copy_extensions(certificate, request->csr);
}

X509 *service_pki_issue(const struct service_certificate_request *request)
{
	X509 *certificate = X509_new();
	bool done = certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
	            set_subject(certificate, request) &&
	            X509_set_issuer_name(certificate, request->issuer == NULL ? X509_get_subject_name(certificate)
	                                                                      : X509_get_subject_name(request->issuer->certificate)) == 1 &&
	            set_validity(certificate, request) && X509_set_pubkey(certificate, request->key) == 1 &&
	            set_extensions(certificate, request) &&
	            X509_sign(certificate, request->issuer == NULL ? request->key : request->issuer->key, EVP_sha256()) > 0;

	if (!done) {
		fail("issue a certificate");
	}
	return certificate;
}

static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

X509 *service_pki_certificate_from_pem(const char *text)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	X509 *certificate = in == NULL ? NULL : PEM_read_bio_X509(in, NULL, no_password, NULL);

	BIO_free(in);
	ERR_clear_error();
	return certificate;
}

EVP_PKEY *service_pki_key_from_pem(const char *text)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, no_password, NULL);

	BIO_free(in);
	ERR_clear_error();
	return key;
}

X509_REQ *service_pki_csr_from_pem(const char *text)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	X509_REQ *csr = in == NULL ? NULL : PEM_read_bio_X509_REQ(in, NULL, no_password, NULL);

	BIO_free(in);
	ERR_clear_error();
	return csr;
}

bool service_pki_csr_is_signed(X509_REQ *csr)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(csr);
	bool is_signed = key != NULL && X509_REQ_verify(csr, key) == 1;

	ERR_clear_error();
	return is_signed;
}

static char *take_text(BIO *out)
{
	char *bytes = NULL;
	long length = BIO_get_mem_data(out, &bytes);
	char *text = service_alloc((size_t)length + 1);

	memcpy(text, bytes, (size_t)length);
	BIO_free(out);
	return text;
}

char *service_pki_certificates_to_pem(X509 *const certificates[], size_t count)
{
	BIO *out = BIO_new(BIO_s_mem());
	size_t at;

	for (at = 0; at < count; at++) {
		if (out == NULL || (certificates[at] != NULL && PEM_write_bio_X509(out, certificates[at]) != 1)) {
			fail("write a certificate");
		}
	}
	return take_text(out);
}

char *service_pki_key_to_pem(EVP_PKEY *key)
{
	BIO *out = BIO_new(BIO_s_mem());

	if (out == NULL || PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1) {
		fail("write a key");
	}
	return take_text(out);
}

char *service_pki_common_name(const X509_NAME *name)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	char *text = NULL;
	int length;

	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0) {
		return NULL;
	}
	length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (length >= 0 && memchr(utf8, '\0', (size_t)length) == NULL) {
		text = service_alloc((size_t)length + 1);
		memcpy(text, utf8, (size_t)length);
	}
	OPENSSL_free(utf8);
	ERR_clear_error();
	return text;
}

char *service_pki_subject(const X509 *certificate)
{
	BIO *out = BIO_new(BIO_s_mem());

	if (out == NULL || X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) {
		fail("print a subject");
	}
	return take_text(out);
}

char *service_pki_key_fingerprint(EVP_PKEY *key)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned char *der = NULL;
	int length = i2d_PUBKEY(key, &der);
	unsigned size = 0;
	char *text;
	unsigned at;

	if (length <= 0 || EVP_Digest(der, (size_t)length, digest, &size, EVP_sha256(), NULL) != 1) {
		fail("hash a public key");
	}
	OPENSSL_free(der);
	text = service_alloc(2 * (size_t)size + 1);
	for (at = 0; at < size; at++) {
		static const char digits[] = "0123456789abcdef";

		text[2 * at] = digits[digest[at] >> 4];
		text[2 * at + 1] = digits[digest[at] & 0x0fu];
	}
	return text;
}

static time_t seconds_of(const ASN1_TIME *time)
{
	struct tm broken;

	if (ASN1_TIME_to_tm(time, &broken) != 1) {
		fail("read a certificate's dates");
	}
	return timegm(&broken);
}

time_t service_pki_not_before(const X509 *certificate)
{
	return seconds_of(X509_get0_notBefore(certificate));
}

time_t service_pki_not_after(const X509 *certificate)
{
	return seconds_of(X509_get0_notAfter(certificate));
}

char *service_pki_serial(const X509 *certificate)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	char *digits = number == NULL ? NULL : BN_bn2hex(number);
	char *text;

	if (digits == NULL) {
		fail("read a serial number");
	}
	text = service_strdup(digits);
	OPENSSL_free(digits);
	BN_free(number);
	return text;
}
