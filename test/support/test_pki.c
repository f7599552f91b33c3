/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates for tests: see test_pki.h. */
#include "support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define OID_BYTES(oid) oid, MBEDTLS_OID_SIZE(oid)

static int rng(void *ctx, unsigned char *buf, size_t len)
{
	(void)ctx;
	return getrandom(buf, len, 0) == (ssize_t)len ? 0 : -1;
}

static dps_result fill(void *ctx, uint8_t *buf, size_t len)
{
	return rng(ctx, buf, len) == 0 ? DPS_OK : DPS_E_RANDOM;
}

const struct dps_random test_random = {.ctx = NULL, .fill = fill};

static void write_der(struct test_key *key)
{
	const int len = mbedtls_pk_write_key_der(&key->pk, key->der, sizeof(key->der));
	assert_true(len > 0);
	key->der_len = (size_t)len;
	memmove(key->der, key->der + sizeof(key->der) - key->der_len, key->der_len);
}

void test_key_make_on_curve(struct test_key *key, mbedtls_ecp_group_id curve)
{
	mbedtls_pk_init(&key->pk);
	assert_int_equal(mbedtls_pk_setup(&key->pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
	assert_int_equal(mbedtls_ecp_gen_key(curve, mbedtls_pk_ec(key->pk), rng, NULL), 0);
	write_der(key);
}

void test_key_make(struct test_key *key, enum dps_key_type type)
{
	if (type != DPS_KEY_RSA_2048) {
		test_key_make_on_curve(key, type == DPS_KEY_EC_P256 ? MBEDTLS_ECP_DP_SECP256R1 : MBEDTLS_ECP_DP_SECP384R1);
		return;
	}
	mbedtls_pk_init(&key->pk);
	assert_int_equal(mbedtls_pk_setup(&key->pk, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA)), 0);
	assert_int_equal(mbedtls_rsa_gen_key(mbedtls_pk_rsa(key->pk), rng, NULL, 2048, 65537), 0);
	write_der(key);
}

void test_key_free(struct test_key *key)
{
	mbedtls_pk_free(&key->pk);
}

void test_key_parse(struct test_key *key, const uint8_t *bytes, size_t len)
{
	mbedtls_pk_init(&key->pk);
#if MBEDTLS_VERSION_NUMBER < 0x03000000
	assert_int_equal(mbedtls_pk_parse_key(&key->pk, bytes, len, NULL, 0), 0);
#else
	assert_int_equal(mbedtls_pk_parse_key(&key->pk, bytes, len, NULL, 0, rng, NULL), 0);
#endif
}

bool test_key_is_pair(const mbedtls_pk_context *public_key, const struct test_key *key)
{
#if MBEDTLS_VERSION_NUMBER < 0x03000000
	return mbedtls_pk_check_pair(public_key, &key->pk) == 0;
#else
	return mbedtls_pk_check_pair(public_key, &key->pk, rng, NULL) == 0;
#endif
}

/* One GeneralName, written backwards as Mbed TLS does. */
static void put_name(unsigned char **p, unsigned char *start, unsigned char tag, const void *value, size_t len)
{
	assert_true(mbedtls_asn1_write_raw_buffer(p, start, value, len) >= 0);
	assert_true(mbedtls_asn1_write_len(p, start, len) >= 0);
	assert_true(mbedtls_asn1_write_tag(p, start, (unsigned char)(MBEDTLS_ASN1_CONTEXT_SPECIFIC | tag)) >= 0);
}

static void put_san(mbedtls_x509write_cert *writer, const struct test_certificate_spec *spec)
{
	unsigned char buf[512];
	unsigned char *p = buf + sizeof(buf);
	for (size_t i = 0; i < 3; i++) {
		unsigned char address[16];
		if (spec->dns[i] != NULL)
			put_name(&p, buf, 2, spec->dns[i], strlen(spec->dns[i]));
		if (spec->addresses[i] == NULL)
			continue;
		if (inet_pton(AF_INET, spec->addresses[i], address) == 1) {
			put_name(&p, buf, 7, address, 4);
		} else {
			assert_int_equal(inet_pton(AF_INET6, spec->addresses[i], address), 1);
			put_name(&p, buf, 7, address, 16);
		}
	}
	if (spec->uri != NULL)
		put_name(&p, buf, 6, spec->uri, strlen(spec->uri));
	size_t len = (size_t)(buf + sizeof(buf) - p);
	if (len == 0)
		return;
	assert_true(mbedtls_asn1_write_len(&p, buf, len) >= 0);
	assert_true(mbedtls_asn1_write_tag(&p, buf, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) >= 0);
	len = (size_t)(buf + sizeof(buf) - p);
	assert_int_equal(mbedtls_x509write_crt_set_extension(writer, OID_BYTES(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, p, len), 0);
}

static void put_serial(mbedtls_x509write_cert *writer)
{
	unsigned char number[8];
	assert_int_equal(rng(NULL, number, sizeof(number)), 0);
	number[0] = (unsigned char)((number[0] & 0x7f) | 0x40); /* positive, and all of its bytes are needed */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
	mbedtls_mpi serial;
	mbedtls_mpi_init(&serial);
	assert_int_equal(mbedtls_mpi_read_binary(&serial, number, sizeof(number)), 0);
	assert_int_equal(mbedtls_x509write_crt_set_serial(writer, &serial), 0);
	mbedtls_mpi_free(&serial);
#else
	assert_int_equal(mbedtls_x509write_crt_set_serial_raw(writer, number, sizeof(number)), 0);
#endif
}

void test_certificate_make(struct test_certificate *out, const struct test_certificate_spec *spec)
{
	/* SEQUENCE { id-kp-serverAuth }, SEQUENCE { id-kp-clientAuth } */
	static const unsigned char SERVER_AUTH[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
	static const unsigned char CLIENT_AUTH[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
	mbedtls_x509write_cert writer;

	mbedtls_x509write_crt_init(&writer);
	mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(&writer, &spec->key->pk);
	mbedtls_x509write_crt_set_issuer_key(&writer, spec->issuer_key != NULL ? &spec->issuer_key->pk : &spec->key->pk);
	put_serial(&writer);
	assert_int_equal(mbedtls_x509write_crt_set_subject_name(&writer, spec->subject), 0);
	assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&writer, spec->issuer != NULL ? spec->issuer : spec->subject), 0);
	assert_int_equal(mbedtls_x509write_crt_set_validity(&writer, spec->not_before != NULL ? spec->not_before : "20260101000000",
	                                                    spec->not_after != NULL ? spec->not_after : "20360101000000"),
	                 0);
	if (spec->ca)
		assert_int_equal(mbedtls_x509write_crt_set_basic_constraints(&writer, 1, spec->path_len - 1), 0);
	if (spec->key_usage != 0)
		assert_int_equal(mbedtls_x509write_crt_set_key_usage(&writer, spec->key_usage), 0);
	if (spec->server_auth_only || spec->client_auth_only)
		assert_int_equal(mbedtls_x509write_crt_set_extension(&writer, OID_BYTES(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0,
		                                                     spec->server_auth_only ? SERVER_AUTH : CLIENT_AUTH, sizeof(SERVER_AUTH)),
		                 0);
	put_san(&writer, spec);
	const int len = mbedtls_x509write_crt_der(&writer, out->der, sizeof(out->der), rng, NULL);
	assert_true(len > 0);
	out->len = (size_t)len;
	memmove(out->der, out->der + sizeof(out->der) - out->len, out->len);
	mbedtls_x509write_crt_free(&writer);
}

struct dps_span test_der_list(uint8_t *buf, size_t size, size_t count, ...)
{
	size_t len = 0;
	va_list list;
	va_start(list, count);
	for (size_t i = 0; i < count; i++) {
		const struct test_certificate *certificate = va_arg(list, const struct test_certificate *);
		assert_true(certificate->len <= size - len);
		memcpy(buf + len, certificate->der, certificate->len);
		len += certificate->len;
	}
	va_end(list);
	return (struct dps_span){buf, len};
}

static void write_pem(FILE *file, const char *begin, const char *end, const uint8_t *der, size_t len)
{
	unsigned char text[4096];
	size_t text_len = 0;
	assert_int_equal(mbedtls_pem_write_buffer(begin, end, der, len, text, sizeof(text), &text_len), 0);
	assert_true(fputs((const char *)text, file) >= 0);
}

void test_write_certificates(const char *path, struct dps_span der_list)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	while (der_list.len > 0) {
		/* every certificate made here takes 128 bytes or more, so its length has one or two bytes of its own */
		assert_true(der_list.len > 4 && (der_list.data[1] == 0x81 || der_list.data[1] == 0x82));
		const size_t len = der_list.data[1] == 0x81 ? 3u + der_list.data[2] : 4u + ((size_t)der_list.data[2] << 8 | der_list.data[3]);
		assert_true(len <= der_list.len);
		write_pem(file, "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", der_list.data, len);
		der_list.data += len;
		der_list.len -= len;
	}
	assert_int_equal(fclose(file), 0);
}

void test_write_key(const char *path, struct test_key *key)
{
	unsigned char text[4096];
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(mbedtls_pk_write_key_pem(&key->pk, text, sizeof(text)), 0);
	assert_true(fputs((const char *)text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static dps_result port_open(void *ctx, const char *slot)
{
	(void)ctx;
	(void)slot;
	return DPS_OK;
}

static dps_result port_generate(void *ctx, const char *slot, enum dps_key_type type)
{
	(void)ctx;
	(void)slot;
	(void)type;
	return DPS_E_UNSUPPORTED;
}

static dps_result port_public_key(void *ctx, const char *slot, uint8_t *buf, size_t size, size_t *len)
{
	struct test_key *key = ctx;
	(void)slot;
	const int ret = mbedtls_pk_write_pubkey_der(&key->pk, buf, size);
	if (ret <= 0)
		return DPS_E_KEY;
	*len = (size_t)ret;
	memmove(buf, buf + size - *len, *len);
	return DPS_OK;
}

static dps_result port_sign(void *ctx, const char *slot, enum dps_hash hash, const uint8_t *digest, size_t digest_len, uint8_t *sig,
                            size_t size, size_t *len)
{
	static const mbedtls_md_type_t TYPES[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512};
	struct test_key *key = ctx;
	(void)slot;
	if (size < DPS_SIGNATURE_SIZE)
		return DPS_E_BUFFER;
#if MBEDTLS_VERSION_NUMBER < 0x03000000
	const int ret = mbedtls_pk_sign(&key->pk, TYPES[hash], digest, digest_len, sig, len, rng, NULL);
#else
	const int ret = mbedtls_pk_sign(&key->pk, TYPES[hash], digest, digest_len, sig, size, len, rng, NULL);
#endif
	return ret == 0 ? DPS_OK : DPS_E_KEY;
}

struct dps_keys test_keys_port(struct test_key *key)
{
	return (struct dps_keys){
		.ctx = key, .open = port_open, .generate = port_generate, .public_key = port_public_key, .sign = port_sign, .erase = port_open};
}

dps_result test_keys_refuse_to_sign(void *ctx, const char *slot, enum dps_hash hash, const uint8_t *digest, size_t digest_len, uint8_t *sig,
                                    size_t size, size_t *len)
{
	(void)ctx;
	(void)slot;
	(void)hash;
	(void)digest;
	(void)digest_len;
	(void)sig;
	(void)size;
	(void)len;
	return DPS_E_STORAGE;
}

size_t test_read_file(const char *path, uint8_t *buf, size_t size)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	const size_t len = fread(buf, 1, size, file);
	assert_true(len < size);
	assert_int_equal(fclose(file), 0);
	return len;
}
