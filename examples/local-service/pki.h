/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates with OpenSSL: making, signing, and their PEM forms. What a certificate of each kind carries is in one table. */
#ifndef SERVICE_PKI_H
#define SERVICE_PKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define SERVICE_SECONDS_PER_DAY 86400L

enum service_key_type { SERVICE_KEY_P256, SERVICE_KEY_P384, SERVICE_KEY_RSA2048 };

enum service_profile {
	SERVICE_PROFILE_ROOT,
	SERVICE_PROFILE_INTERMEDIATE,
	SERVICE_PROFILE_SERVER,
	SERVICE_PROFILE_DEVICE,
	SERVICE_PROFILE_IDENTITY
};

struct service_signer {
	X509 *certificate;
	EVP_PKEY *key;
};

struct service_certificate_request {
	enum service_profile profile;
	const char *common_name;             /* NULL: the subject of csr */
	X509_REQ *csr;                       /* NULL, or where the subject and the extensions that the profile does not set come from */
	EVP_PKEY *key;                       /* whose public part is certified */
	const struct service_signer *issuer; /* NULL: signed with key itself */
	time_t not_before;                   /* both ends are clipped to the issuer's */
	time_t not_after;
	const char *alternative_names; /* as in OpenSSL's configuration ("DNS:localhost,IP:127.0.0.1"), or NULL */
};

bool service_pki_key_type(const char *name, enum service_key_type *type);
EVP_PKEY *service_pki_make_key(enum service_key_type type);

/* Ends the program when OpenSSL cannot: every input was checked before. */
X509 *service_pki_issue(const struct service_certificate_request *request);

/* NULL when the text holds none, or one that OpenSSL does not take. The caller frees what is returned. */
X509 *service_pki_certificate_from_pem(const char *text);
EVP_PKEY *service_pki_key_from_pem(const char *text);
X509_REQ *service_pki_csr_from_pem(const char *text);

/* True when the request is signed with the key it asks for. */
bool service_pki_csr_is_signed(X509_REQ *csr);

/* One or several certificates (NULL ones are skipped) one behind the other. */
char *service_pki_certificates_to_pem(X509 *const certificates[], size_t count);
char *service_pki_key_to_pem(EVP_PKEY *key);

/* The common name when the subject has exactly one and it holds no zero byte, else NULL. The caller frees it. */
char *service_pki_common_name(const X509_NAME *name);

/* The subject as RFC 2253 text; the caller frees it. */
char *service_pki_subject(const X509 *certificate);

/* SHA-256 of the SubjectPublicKeyInfo as 64 hexadecimal digits; the caller frees it. */
char *service_pki_key_fingerprint(EVP_PKEY *key);

time_t service_pki_not_before(const X509 *certificate);
time_t service_pki_not_after(const X509 *certificate);

/* The serial number as hexadecimal digits, as `openssl x509 -serial` prints it; the caller frees it. */
char *service_pki_serial(const X509 *certificate);

#endif
