/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of port/tpm2 that need no TPM: digests as a key wants them, signatures and public keys as X.509 has them, what was kept of a key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_bytes.h"
#include "support/test_tpm_device.h"
#include "tpm2/internal.h"

static void digests_are_fitted(void **state)
{
	static const struct {
		enum dps_key_type type;
		TPM2_ALG_ID scheme;
		size_t digest;
		bool can;
		size_t len, zeros, from; /* of what the TPM gets: zeros before, bytes of the digest, the rest zeros */
	} CASES[] = {
		{DPS_KEY_EC_P256, TPM2_ALG_SHA256, 32, true, 32, 0, 32},  {DPS_KEY_EC_P256, TPM2_ALG_SHA256, 48, true, 32, 0, 32},
		{DPS_KEY_EC_P256, TPM2_ALG_SHA256, 64, true, 32, 0, 32},  {DPS_KEY_EC_P256, TPM2_ALG_SHA384, 32, true, 48, 0, 32},
		{DPS_KEY_EC_P256, TPM2_ALG_SHA512, 48, true, 64, 0, 32},  {DPS_KEY_EC_P384, TPM2_ALG_SHA384, 32, true, 48, 16, 32},
		{DPS_KEY_EC_P384, TPM2_ALG_SHA384, 48, true, 48, 0, 48},  {DPS_KEY_EC_P384, TPM2_ALG_SHA384, 64, true, 48, 0, 48},
		{DPS_KEY_EC_P384, TPM2_ALG_SHA512, 32, true, 64, 16, 32}, {DPS_KEY_EC_P384, TPM2_ALG_SHA256, 32, true, 32, 0, 32},
		{DPS_KEY_EC_P384, TPM2_ALG_SHA256, 48, false, 0, 0, 0},   {DPS_KEY_RSA_2048, TPM2_ALG_SHA384, 48, true, 48, 0, 48},
		{DPS_KEY_RSA_2048, TPM2_ALG_SHA256, 48, false, 0, 0, 0},  {DPS_KEY_RSA_2048, TPM2_ALG_SHA384, 32, false, 0, 0, 0},
		{DPS_KEY_EC_P256, TPM2_ALG_SHA1, 32, false, 0, 0, 0},
	};
	uint8_t digest[64], expected[64];
	TPM2B_DIGEST fitted;

	(void)state;
	for (size_t i = 0; i < sizeof(digest); i++)
		digest[i] = (uint8_t)(i + 1);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(dps_tpm2_fit_digest(CASES[i].type, CASES[i].scheme, digest, CASES[i].digest, &fitted), CASES[i].can);
		if (!CASES[i].can)
			continue;
		memset(expected, 0, sizeof(expected));
		memcpy(expected + CASES[i].zeros, digest, CASES[i].from);
		assert_int_equal(fitted.size, CASES[i].len);
		assert_memory_equal(fitted.buffer, expected, fitted.size);
	}
}

static TPMT_SIGNATURE ecdsa(const char *r, const char *s)
{
	TPMT_SIGNATURE signature = {.sigAlg = TPM2_ALG_ECDSA};
	TPMS_SIGNATURE_ECC *ec = &signature.signature.ecdsa;

	ec->signatureR.size = (UINT16)test_hex(r, ec->signatureR.buffer, sizeof(ec->signatureR.buffer)).len;
	ec->signatureS.size = (UINT16)test_hex(s, ec->signatureS.buffer, sizeof(ec->signatureS.buffer)).len;
	return signature;
}

static void expect_signature(const char *r, const char *s, const char *der)
{
	const TPMT_SIGNATURE signature = ecdsa(r, s);
	uint8_t expected[DPS_SIGNATURE_SIZE], out[DPS_SIGNATURE_SIZE];
	const struct dps_span span = test_hex(der, expected, sizeof(expected));

	assert_int_equal(dps_tpm2_signature(&signature, DPS_KEY_EC_P256, out, sizeof(out)), span.len);
	assert_memory_equal(out, expected, span.len);
	assert_int_equal(dps_tpm2_signature(&signature, DPS_KEY_EC_P256, out, span.len - 1), 0);
}

static void signatures_are_der(void **state)
{
	uint8_t out[DPS_SIGNATURE_SIZE];
	TPMT_SIGNATURE signature;

	(void)state;
	expect_signature("01", "02", "3006020101020102");
	expect_signature("80", "7f", "300702020080 02017f");
	expect_signature("000001", "00", "3006020101020100");
	expect_signature("0000ff01", "0001", "3008 020300ff01 020101");
	/* the longest of P-384 */
	signature = ecdsa("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	                  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
	assert_int_equal(dps_tpm2_signature(&signature, DPS_KEY_EC_P384, out, sizeof(out)), 104);
	assert_memory_equal(out, "\x30\x66\x02\x31\x00\xff", 6);
	/* too long for P-256, empty, of another algorithm */
	assert_int_equal(dps_tpm2_signature(&signature, DPS_KEY_EC_P256, out, sizeof(out)), 0);
	signature = ecdsa("", "01");
	assert_int_equal(dps_tpm2_signature(&signature, DPS_KEY_EC_P256, out, sizeof(out)), 0);
	signature = ecdsa("01", "01");
	signature.sigAlg = TPM2_ALG_ECSCHNORR;
	assert_int_equal(dps_tpm2_signature(&signature, DPS_KEY_EC_P256, out, sizeof(out)), 0);
	signature = (TPMT_SIGNATURE){.sigAlg = TPM2_ALG_RSASSA};
	signature.signature.rsassa.sig.size = 256;
	assert_int_equal(dps_tpm2_signature(&signature, DPS_KEY_RSA_2048, out, sizeof(out)), 256);
	assert_int_equal(dps_tpm2_signature(&signature, DPS_KEY_RSA_2048, out, 255), 0);
	signature.signature.rsassa.sig.size = 255;
	assert_int_equal(dps_tpm2_signature(&signature, DPS_KEY_RSA_2048, out, sizeof(out)), 0);
	signature.sigAlg = TPM2_ALG_RSAPSS;
	assert_int_equal(dps_tpm2_signature(&signature, DPS_KEY_RSA_2048, out, sizeof(out)), 0);
}

/* A key of Mbed TLS as the TPM would have it. */
static void public_of(struct test_key *key, enum dps_key_type type, TPMT_PUBLIC *public, uint8_t *spki, size_t *len)
{
	const int n = mbedtls_pk_write_pubkey_der(&key->pk, spki, DPS_SPKI_SIZE);

	assert_true(n > 0);
	*len = (size_t)n;
	memmove(spki, spki + DPS_SPKI_SIZE - n, *len);
	memset(public, 0, sizeof(*public));
	if (type == DPS_KEY_RSA_2048) {
		public->type = TPM2_ALG_RSA;
		public->parameters.rsaDetail.keyBits = 2048;
		public->parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
		public->unique.rsa.size = 256;
		memcpy(public->unique.rsa.buffer, spki + 33, 256);
		return;
	}
	const size_t size = type == DPS_KEY_EC_P384 ? 48 : 32;
	public->type = TPM2_ALG_ECC;
	public->parameters.eccDetail.curveID = type == DPS_KEY_EC_P384 ? TPM2_ECC_NIST_P384 : TPM2_ECC_NIST_P256;
	public->parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
	public->unique.ecc.x.size = public->unique.ecc.y.size = (UINT16)size;
	memcpy(public->unique.ecc.x.buffer, spki + *len - 2 * size, size);
	memcpy(public->unique.ecc.y.buffer, spki + *len - size, size);
}

static void public_keys_are_der(void **state)
{
	static const enum dps_key_type TYPES[] = {DPS_KEY_EC_P256, DPS_KEY_EC_P384, DPS_KEY_RSA_2048};
	uint8_t spki[DPS_SPKI_SIZE], ours[DPS_SPKI_SIZE];
	enum dps_key_type type;
	struct test_key key;
	TPMT_PUBLIC public;
	size_t len, our_len;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		test_key_make(&key, TYPES[i]);
		public_of(&key, TYPES[i], &public, spki, &len);
		assert_true(dps_tpm2_spki(&public, &type, ours, &our_len));
		assert_int_equal(type, TYPES[i]);
		assert_int_equal(our_len, len);
		assert_memory_equal(ours, spki, len);
		assert_true(dps_tpm2_type_of_spki((struct dps_span){ours, our_len}, &type));
		assert_int_equal(type, TYPES[i]);
		assert_false(dps_tpm2_type_of_spki((struct dps_span){ours, our_len - 1}, &type));
		assert_true(dps_tpm2_same_key((struct dps_span){ours, our_len}, (struct dps_span){spki, len}));
		ours[our_len - (TYPES[i] == DPS_KEY_RSA_2048 ? 6 : 1)] ^= 1;
		assert_false(dps_tpm2_same_key((struct dps_span){ours, our_len}, (struct dps_span){spki, len}));
		assert_false(dps_tpm2_same_key((struct dps_span){ours, 5}, (struct dps_span){spki, len}));
		test_key_free(&key);
	}
	/* coordinates with fewer bytes get their zeros back; with more there is no key */
	public = (TPMT_PUBLIC){.type = TPM2_ALG_ECC, .parameters.eccDetail.curveID = TPM2_ECC_NIST_P256};
	public.unique.ecc.x = (TPM2B_ECC_PARAMETER){.size = 1, .buffer = {5}};
	public.unique.ecc.y = (TPM2B_ECC_PARAMETER){.size = 2, .buffer = {6, 7}};
	assert_true(dps_tpm2_spki(&public, &type, ours, &our_len));
	assert_int_equal(ours[27 + 31], 5);
	assert_int_equal(ours[27 + 30], 0);
	assert_int_equal(ours[27 + 62], 6);
	public.unique.ecc.y.size = 33;
	assert_false(dps_tpm2_spki(&public, &type, ours, &our_len));
	public.parameters.eccDetail.curveID = TPM2_ECC_NIST_P521;
	assert_false(dps_tpm2_spki(&public, &type, ours, &our_len));
	public.type = TPM2_ALG_KEYEDHASH;
	assert_false(dps_tpm2_spki(&public, &type, ours, &our_len));
	public = (TPMT_PUBLIC){.type = TPM2_ALG_RSA, .parameters.rsaDetail = {.keyBits = 2048, .exponent = 3}};
	public.unique.rsa.size = 256;
	public.unique.rsa.buffer[0] = 0x80;
	assert_false(dps_tpm2_spki(&public, &type, ours, &our_len));
	public.parameters.rsaDetail.exponent = 65537;
	assert_true(dps_tpm2_spki(&public, &type, ours, &our_len));
	public.unique.rsa.buffer[0] = 0x7f;
	assert_false(dps_tpm2_spki(&public, &type, ours, &our_len));
}

static void codes_are_taken_apart(void **state)
{
	(void)state;
	assert_int_equal(dps_tpm2_error_of(0x1d5), TPM2_RC_SIZE);
	assert_int_equal(dps_tpm2_error_of(0x98e), TPM2_RC_AUTH_FAIL);
	assert_int_equal(dps_tpm2_error_of(0x18b), TPM2_RC_HANDLE);
	assert_int_equal(dps_tpm2_error_of(0xb018b), TPM2_RC_HANDLE);
	assert_int_equal(dps_tpm2_error_of(0xc0902), TPM2_RC_OBJECT_MEMORY);
	assert_int_equal(dps_tpm2_error_of(0xb000b), 0xb000b);
	assert_int_equal(dps_tpm2_error_of(0x902), TPM2_RC_OBJECT_MEMORY);
	assert_int_equal(dps_tpm2_error_of(0x101), TPM2_RC_FAILURE);
	assert_true(dps_tpm2_is_absent(0x18b) && dps_tpm2_is_absent(0x910) && dps_tpm2_is_absent(0x14a));
	assert_false(dps_tpm2_is_absent(0) || dps_tpm2_is_absent(0x902) || dps_tpm2_is_absent(TSS2_TCTI_RC_IO_ERROR));
	assert_true(dps_tpm2_is_wrong_auth(0x98e) && dps_tpm2_is_wrong_auth(0x9a2));
	assert_false(dps_tpm2_is_wrong_auth(0x921));
}

/* A key as ESAPI 3 and 4 keep it: handle, name, kind, public half. */
static void what_was_kept_is_looked_at(void **state)
{
	static const char KEPT[] = "81000001 0022 000b 4f95ddd2f6b9a3a5c2a3ba26c8c5b8c4e2a2f5a9fc6e4f9ec2ab1ac43db9bbb5 00000001"
							   "005a 0023 000b 00030472 0000 0006 0080 0043 0010 0003 0010"
							   "0020 0101010101010101010101010101010101010101010101010101010101010101"
							   "0020 0202020202020202020202020202020202020202020202020202020202020202";
	uint8_t bytes[512];
	TPM2B_PUBLIC public;
	const struct dps_span kept = test_hex(KEPT, bytes, sizeof(bytes));

	(void)state;
	/* the name is not a digest of this public half */
	assert_false(dps_tpm2_parse_serialized(kept.data, kept.len, 0, &public));
	for (size_t len = 0; len < kept.len; len++) {
		const struct dps_span part = test_copy(kept.data, len);

		assert_false(dps_tpm2_parse_serialized(part.data, part.len, 0, &public));
		free((void *)(uintptr_t)part.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_fitted),    cmocka_unit_test(signatures_are_der),         cmocka_unit_test(public_keys_are_der),
		cmocka_unit_test(codes_are_taken_apart), cmocka_unit_test(what_was_kept_is_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
