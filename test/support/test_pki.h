/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates for tests, made in the process with Mbed TLS's writer: any dates, names, marks and issuers, good or bad.
 */
#ifndef TEST_PKI_H
#define TEST_PKI_H

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dps/keys.h"
#include "dps/platform.h"
#include "dps/types.h"

/* A private key, also as DER (SEC1 or PKCS#1). */
struct test_key {
	mbedtls_pk_context pk;
	uint8_t der[1400];
	size_t der_len;
};

/* A certificate. */
struct test_certificate {
	uint8_t der[2048];
	size_t len;
};

/* What a certificate says. Zero and NULL mean: not there, or the default named. */
struct test_certificate_spec {
	const char *subject; /* "CN=..." */
	struct test_key *key;
	const char *issuer;          /* default: the subject (self-signed) */
	struct test_key *issuer_key; /* default: key */
	const char *not_before;      /* "YYYYMMDDhhmmss", default 20260101000000 */
	const char *not_after;       /* default 20360101000000 */
	bool ca;
	int path_len;             /* of a CA: 0 means none is set, n + 1 means n */
	unsigned key_usage;       /* MBEDTLS_X509_KU_..., 0: no extension */
	const char *dns[3];       /* SAN dNSName */
	const char *addresses[3]; /* SAN iPAddress, in text */
	const char *uri;          /* SAN uniformResourceIdentifier */
	bool server_auth_only;    /* extended key usage */
	bool client_auth_only;
};

void test_key_make(struct test_key *key, enum dps_key_type type);
void test_key_make_on_curve(struct test_key *key, mbedtls_ecp_group_id curve);
void test_key_free(struct test_key *key);

/* Makes a key of a private one in DER, or in PEM with its NUL counted; key->der is left as it is. */
void test_key_parse(struct test_key *key, const uint8_t *bytes, size_t len);

/* Whether a public key is the key's other half. */
bool test_key_is_pair(const mbedtls_pk_context *public_key, const struct test_key *key);

void test_certificate_make(struct test_certificate *out, const struct test_certificate_spec *spec);

/* The certificates one behind the other, as a DER list in memory of the caller's. */
struct dps_span test_der_list(uint8_t *buf, size_t size, size_t count, ...);

/* Files for openssl(1), in PEM: certificates of a DER list; a key. */
void test_write_certificates(const char *path, struct dps_span der_list);
void test_write_key(const char *path, struct test_key *key);

/* A key port with one key, in any slot. */
struct dps_keys test_keys_port(struct test_key *key);

/* In place of its sign: DPS_E_STORAGE. */
dps_result test_keys_refuse_to_sign(void *ctx, const char *slot, enum dps_hash hash, const uint8_t *digest, size_t digest_len, uint8_t *sig,
                                    size_t size, size_t *len);

/* Randomness of the system. */
extern const struct dps_random test_random;

/* Reads a file whole; fails the test if it cannot, or if it does not fit. */
size_t test_read_file(const char *path, uint8_t *buf, size_t size);

#endif
