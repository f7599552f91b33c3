/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and requests, by OpenSSL: reading, comparing, verifying, and a PKCS #10 request that is signed elsewhere. */
#ifndef FACTORY_X509_H
#define FACTORY_X509_H

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dps/types.h"
#include "failure.h"
#include "text.h"

/* Leaf, intermediates, and an anchor that some authorities add. */
#define X509_CHAIN_MAX 8

struct x509_chain {
	X509 *certificates[X509_CHAIN_MAX];
	size_t count;
};

/* Reads a file of PEM blocks or DER certificates, leaf first. STATUS_USAGE when it holds none or something else. */
bool x509_chain_read(struct x509_chain *chain, const char *path, struct failure *failure);
/* Takes a DER list. False: it is none, or holds too many. */
bool x509_chain_parse(struct x509_chain *chain, struct dps_span der_list);
void x509_chain_free(struct x509_chain *chain);

/* Whether each certificate is signed by the one behind it. */
bool x509_chain_in_order(const struct x509_chain *chain);
/* Removes a self-signed certificate at the end, if there is one behind the leaf. */
bool x509_chain_drop_anchor(struct x509_chain *chain);
/* The certificates one behind the other, to be freed by the caller; NULL without memory. */
uint8_t *x509_chain_to_der(const struct x509_chain *chain, size_t *len);
/* The same in PEM. */
char *x509_chain_to_pem(const struct x509_chain *chain);

/* Whether the chain leads to an anchor of a file (PEM), now, and its leaf is good for TLS clients. *reason tells why not; static memory. */
bool x509_chain_verify(const struct x509_chain *chain, const char *anchors, const char **reason, struct failure *failure);

/* The serial number of the device that a certificate names: the subject's serialNumber, else its common name; false when there is none, or one
 * that `text_is_serial` does not know. */
bool x509_device_serial(const X509 *certificate, char serial[TEXT_SERIAL_SIZE]);
void x509_issuer(const X509 *certificate, char *text, size_t size);
void x509_sha256(const X509 *certificate, char out[TEXT_SHA256_SIZE]);
bool x509_has_key(const X509 *certificate, const uint8_t *spki, size_t spki_len);
/* -1: not valid yet, 1: no more, 0: valid now. */
int x509_compare_dates(const X509 *certificate);
/* notBefore and notAfter in RFC 3339. */
bool x509_dates(const X509 *certificate, char from[TEXT_TIME_SIZE], char to[TEXT_TIME_SIZE]);

/* A SubjectPublicKeyInfo in PEM, to be freed by the caller. */
char *x509_key_to_pem(const uint8_t *spki, size_t spki_len);
/* Whether a signature over a SHA-256 digest is the key's. */
bool x509_signature_is_good(const uint8_t *spki, size_t spki_len, const uint8_t digest[32], const uint8_t *signature, size_t len);

/* Signs a SHA-256 digest: into signature of *len bytes, *len becomes its length. */
typedef bool (*x509_sign)(void *context, const uint8_t digest[32], uint8_t *signature, size_t *len);

/*
 * A certificate request (RFC 2986) in PEM, to be freed by the caller: subject serialNumber and CN are the device's serial number (IEEE 802.1AR-2018
 * 8.6 wants the first, plgd's services show the second), signed by `sign`, and checked. NULL: it was not signed, or does not check.
 */
char *x509_request(const uint8_t *spki, size_t spki_len, const char *serial, x509_sign sign, void *context);

/* What was written to a BIO, which is freed, as a text to be freed by the caller; NULL unless good. */
char *x509_take_text(BIO *bio, bool good);

#endif
