/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, and the judgement of an identity that was handed out: one made here in every wrong way, and one of a real service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdio.h>
#include <string.h>

#include "codec/pem.h"
#include "pki/compat.h"
#include "pki/pki.h"
#include "support/test_pki.h"
#include "support/test_process.h"

#define DEVICE    "11111111-2222-3333-4444-555555555555"
#define DEVICE_CN "CN=uuid:" DEVICE
#define T2026     INT64_C(1767225600)
#define T2036     INT64_C(2082758400)

static struct test_key root_key, inter_key, leaf_key, other_key;
static struct test_certificate root, inter, leaf;

/* The usual certificates; a test changes what it is about. */
static struct test_certificate_spec root_spec(void)
{
	return (struct test_certificate_spec){.subject = "CN=Root", .key = &root_key, .ca = true, .key_usage = MBEDTLS_X509_KU_KEY_CERT_SIGN};
}

static struct test_certificate_spec inter_spec(void)
{
	return (struct test_certificate_spec){
		.subject = "CN=Inter", .key = &inter_key, .issuer = "CN=Root", .issuer_key = &root_key, .ca = true};
}

static struct test_certificate_spec leaf_spec(void)
{
	return (struct test_certificate_spec){.subject = DEVICE_CN, .key = &leaf_key, .issuer = "CN=Inter", .issuer_key = &inter_key};
}

static int make(void **state)
{
	const struct test_certificate_spec r = root_spec(), i = inter_spec(), l = leaf_spec();
	(void)state;
	test_key_make(&root_key, DPS_KEY_EC_P256);
	test_key_make(&inter_key, DPS_KEY_EC_P384);
	test_key_make(&leaf_key, DPS_KEY_EC_P256);
	test_key_make(&other_key, DPS_KEY_EC_P256);
	test_certificate_make(&root, &r);
	test_certificate_make(&inter, &i);
	test_certificate_make(&leaf, &l);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	test_key_free(&root_key);
	test_key_free(&inter_key);
	test_key_free(&leaf_key);
	test_key_free(&other_key);
	return 0;
}

static dps_result check(struct test_key *key, struct dps_span chain, struct dps_span anchor, int64_t now_s, struct dps_credentials *out)
{
	const struct dps_keys keys = test_keys_port(key);
	*out = (struct dps_credentials){.chain = chain, .anchor_count = 1, .anchors = {{.der = anchor}}};
	assert_int_equal(dps_uuid_parse(DEVICE, DPS_UUID_TEXT_LEN, &out->device_id), DPS_OK);
	return dps_pki_check_identity(&keys, out, "identity-0", now_s);
}

static struct dps_span span_of(const struct test_certificate *certificate)
{
	return (struct dps_span){certificate->der, certificate->len};
}

static void a_good_identity_passes(void **state)
{
	struct dps_credentials credentials;
	uint8_t buf[8192];
	(void)state;
	struct dps_span chain = test_der_list(buf, sizeof(buf), 2, &leaf, &inter);
	assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_OK);
	assert_int_equal(credentials.not_before, T2026);
	assert_int_equal(credentials.not_after, T2036);
	/* the anchor may stand at the end of the chain too, and an anchor may be an intermediate */
	chain = test_der_list(buf, sizeof(buf), 3, &leaf, &inter, &root);
	assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_OK);
	chain = test_der_list(buf, sizeof(buf), 1, &leaf);
	assert_int_equal(check(&leaf_key, chain, span_of(&inter), T2026, &credentials), DPS_OK);
}

static void one_of_several_anchors_is_enough(void **state)
{
	const struct dps_keys keys = test_keys_port(&leaf_key);
	struct test_certificate foreign;
	struct dps_credentials credentials = {.anchor_count = 2};
	uint8_t chain[4096], anchors[4096];
	(void)state;
	test_certificate_make(&foreign, &(struct test_certificate_spec){.subject = "CN=Foreign", .key = &other_key, .ca = true});
	assert_int_equal(dps_uuid_parse(DEVICE, DPS_UUID_TEXT_LEN, &credentials.device_id), DPS_OK);
	credentials.chain = test_der_list(chain, sizeof(chain), 2, &leaf, &inter);
	credentials.anchors[0].der = span_of(&foreign);
	credentials.anchors[1].der = test_der_list(anchors, sizeof(anchors), 2, &foreign, &root);
	assert_int_equal(dps_pki_check_identity(&keys, &credentials, "identity-0", T2026), DPS_OK);
	credentials.anchor_count = 1;
	assert_int_equal(dps_pki_check_identity(&keys, &credentials, "identity-0", T2026), DPS_E_IDENTITY_CHAIN);
	credentials.anchor_count = 0;
	assert_int_equal(dps_pki_check_identity(&keys, &credentials, "identity-0", T2026), DPS_E_IDENTITY_CHAIN);
}

static void another_key_or_device_is_refused(void **state)
{
	static const char *const NAMES[] = {"CN=uuid:11111111-2222-3333-4444-555555555556", "CN=" DEVICE, "CN=UUID:" DEVICE, "O=uuid:" DEVICE,
	                                    "CN=uuid:" DEVICE "x"};
	struct dps_credentials credentials;
	uint8_t buf[8192];
	(void)state;
	struct dps_span chain = test_der_list(buf, sizeof(buf), 2, &leaf, &inter);
	assert_int_equal(check(&other_key, chain, span_of(&root), T2026, &credentials), DPS_E_IDENTITY_KEY);
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		struct test_certificate_spec spec = leaf_spec();
		struct test_certificate wrong;
		spec.subject = NAMES[i];
		test_certificate_make(&wrong, &spec);
		chain = test_der_list(buf, sizeof(buf), 2, &wrong, &inter);
		assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_E_IDENTITY_DEVICE);
	}
}

static void the_chain_must_be_in_order_and_whole(void **state)
{
	struct test_certificate foreign_root;
	struct dps_credentials credentials;
	uint8_t buf[8192];
	struct dps_span chain;
	(void)state;
	chain = test_der_list(buf, sizeof(buf), 1, &leaf);
	assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_E_IDENTITY_CHAIN);
	chain = test_der_list(buf, sizeof(buf), 3, &leaf, &root, &inter);
	assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_E_IDENTITY_CHAIN);
	chain = test_der_list(buf, sizeof(buf), 3, &leaf, &leaf, &inter);
	assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_E_IDENTITY_CHAIN);
	/* something behind the chain that has nothing to do with it */
	test_certificate_make(&foreign_root, &(struct test_certificate_spec){.subject = "CN=Root", .key = &other_key, .ca = true});
	chain = test_der_list(buf, sizeof(buf), 3, &leaf, &inter, &foreign_root);
	assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_E_IDENTITY_CHAIN);
	/* the anchor is an intermediate, and something still stands behind it */
	assert_int_equal(check(&leaf_key, chain, span_of(&inter), T2026, &credentials), DPS_E_IDENTITY_CHAIN);
	/* an anchor of the right name and another key */
	chain = test_der_list(buf, sizeof(buf), 2, &leaf, &inter);
	assert_int_equal(check(&leaf_key, chain, span_of(&foreign_root), T2026, &credentials), DPS_E_IDENTITY_CHAIN);
	chain = test_der_list(buf, sizeof(buf), 2, &inter, &leaf);
	/* out of order, whoever's key the first one is */
	assert_int_equal(check(&inter_key, chain, span_of(&root), T2026, &credentials), DPS_E_IDENTITY_CHAIN);
	assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_E_IDENTITY_CHAIN);
	assert_int_equal(check(&leaf_key, (struct dps_span){NULL, 0}, span_of(&root), T2026, &credentials), DPS_E_CERTIFICATE_FORMAT);
	chain = test_der_list(buf, sizeof(buf), 2, &leaf, &inter);
	chain.len--;
	assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_E_CERTIFICATE_FORMAT);
}

static void a_changed_byte_breaks_the_signature(void **state)
{
	struct dps_credentials credentials;
	uint8_t buf[8192];
	(void)state;
	struct dps_span chain = test_der_list(buf, sizeof(buf), 2, &leaf, &inter);
	buf[20] ^= 1; /* within the serial number */
	assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_E_IDENTITY_CHAIN);
	chain = test_der_list(buf, sizeof(buf), 2, &leaf, &inter);
	buf[leaf.len + 20] ^= 1;
	assert_int_equal(check(&leaf_key, chain, span_of(&root), T2026, &credentials), DPS_E_IDENTITY_CHAIN);
}

/* One chain with a changed intermediate or leaf. */
static dps_result check_specs(const struct test_certificate_spec *changed_inter, const struct test_certificate_spec *changed_leaf,
                              int64_t now_s)
{
	struct test_certificate new_inter = inter, new_leaf = leaf;
	struct dps_credentials credentials;
	uint8_t buf[8192];
	if (changed_inter != NULL)
		test_certificate_make(&new_inter, changed_inter);
	if (changed_leaf != NULL)
		test_certificate_make(&new_leaf, changed_leaf);
	return check(&leaf_key, test_der_list(buf, sizeof(buf), 2, &new_leaf, &new_inter), span_of(&root), now_s, &credentials);
}

static void intermediates_must_be_authorities_and_leaves_must_not(void **state)
{
	struct test_certificate_spec spec = inter_spec();
	(void)state;
	assert_int_equal(check_specs(&spec, NULL, T2026), DPS_OK);
	spec.ca = false;
	assert_int_equal(check_specs(&spec, NULL, T2026), DPS_E_IDENTITY_CHAIN);
	spec.ca = true;
	spec.key_usage = MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
	assert_int_equal(check_specs(&spec, NULL, T2026), DPS_E_IDENTITY_CHAIN);

	spec = leaf_spec();
	spec.ca = true;
	assert_int_equal(check_specs(NULL, &spec, T2026), DPS_E_IDENTITY_CHAIN);
	spec.ca = false;
	spec.key_usage = MBEDTLS_X509_KU_KEY_AGREEMENT;
	assert_int_equal(check_specs(NULL, &spec, T2026), DPS_E_IDENTITY_CHAIN);
	spec.key_usage |= MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
	assert_int_equal(check_specs(NULL, &spec, T2026), DPS_OK);
	spec.server_auth_only = true;
	assert_int_equal(check_specs(NULL, &spec, T2026), DPS_E_IDENTITY_CHAIN);
}

static void path_lengths_hold(void **state)
{
	struct test_certificate_spec spec = root_spec();
	struct test_certificate narrow_root;
	struct dps_credentials credentials;
	uint8_t buf[8192];
	(void)state;
	spec.path_len = 1; /* zero intermediates */
	test_certificate_make(&narrow_root, &spec);
	assert_int_equal(check(&leaf_key, test_der_list(buf, sizeof(buf), 2, &leaf, &inter), span_of(&narrow_root), T2026, &credentials),
	                 DPS_E_IDENTITY_CHAIN);
	spec.path_len = 2;
	test_certificate_make(&narrow_root, &spec);
	assert_int_equal(check(&leaf_key, test_der_list(buf, sizeof(buf), 2, &leaf, &inter), span_of(&narrow_root), T2026, &credentials),
	                 DPS_OK);
}

static void dates_are_of_the_whole_chain_and_of_our_clock(void **state)
{
	struct test_certificate_spec spec = leaf_spec();
	struct test_certificate old_root;
	struct dps_credentials credentials;
	uint8_t buf[8192];
	(void)state;
	assert_int_equal(check_specs(NULL, NULL, T2036), DPS_OK);
	assert_int_equal(check_specs(NULL, NULL, T2036 + 1), DPS_E_IDENTITY_EXPIRED);
	assert_int_equal(check_specs(NULL, NULL, T2026 - 300), DPS_OK);
	assert_int_equal(check_specs(NULL, NULL, T2026 - 301), DPS_E_IDENTITY_NOT_YET_VALID);
	/* expired for the system's clock, valid for ours; without a clock dates are left alone */
	spec.not_before = "20010101000000";
	spec.not_after = "20020101000000";
	assert_int_equal(check_specs(NULL, &spec, INT64_C(990000000)), DPS_E_IDENTITY_NOT_YET_VALID); /* the intermediate is not valid yet */
	assert_int_equal(check_specs(NULL, &spec, 0), DPS_OK);
	assert_int_equal(check_specs(NULL, &spec, T2026), DPS_E_IDENTITY_EXPIRED);
	spec = inter_spec();
	spec.not_after = "20270101000000";
	assert_int_equal(check_specs(&spec, NULL, T2036), DPS_E_IDENTITY_EXPIRED);
	/* an anchor is trusted, not judged */
	spec = root_spec();
	spec.not_before = "20010101000000";
	spec.not_after = "20020101000000";
	test_certificate_make(&old_root, &spec);
	assert_int_equal(check(&leaf_key, test_der_list(buf, sizeof(buf), 2, &leaf, &inter), span_of(&old_root), T2026, &credentials), DPS_OK);
}

static void keys_are_compared_with_their_certificate(void **state)
{
	const struct dps_keys mine = test_keys_port(&leaf_key);
	const struct dps_keys other = test_keys_port(&other_key);
	(void)state;
	assert_int_equal(dps_pki_check_key(&mine, "manufacturer", span_of(&leaf)), DPS_OK);
	assert_int_equal(dps_pki_check_key(&other, "manufacturer", span_of(&leaf)), DPS_E_KEY_MISMATCH);
	assert_int_equal(dps_pki_check_key(&mine, "manufacturer", (struct dps_span){leaf.der, 40}), DPS_E_CERTIFICATE_FORMAT);
}

/* What a real service signed for its device, judged with the device's own key, inside and outside its year. */
static void an_identity_of_the_real_service_passes(void **state)
{
	const int64_t signed_at = INT64_C(1795335433); /* 2026-11-22T08:17:13Z, notBefore */
	uint8_t chain[4096], anchor[2048], text[1024];
	size_t chain_len = 0, anchor_len = 0, key_len = 0;
	struct dps_credentials credentials;
	struct test_key device_key;
	struct dps_span pem;
	(void)state;
	chain_len = test_read_file("test/vectors/plgd/identity-chain.pem", chain, sizeof(chain));
	assert_int_equal(dps_pki_load_certificates(chain, chain_len, chain, sizeof(chain), &chain_len), DPS_OK);
	anchor_len = test_read_file("test/vectors/plgd/hub-root-ca.pem", anchor, sizeof(anchor));
	assert_int_equal(dps_pki_load_certificates(anchor, anchor_len, anchor, sizeof(anchor), &anchor_len), DPS_OK);
	pem = (struct dps_span){text, test_read_file("test/vectors/plgd/identity.key.pem", text, sizeof(text))};
	assert_int_equal(dps_pem_next(&pem, "EC PRIVATE KEY", device_key.der, sizeof(device_key.der), &key_len), DPS_OK);
	test_key_parse(&device_key, device_key.der, key_len);
	const struct dps_span c = {chain, chain_len}, a = {anchor, anchor_len};
	assert_int_equal(check(&device_key, c, a, signed_at + 3600, &credentials), DPS_OK);
	assert_true(credentials.not_before == signed_at);
	assert_int_equal(check(&device_key, c, a, signed_at + 366 * 86400, &credentials), DPS_E_IDENTITY_EXPIRED);
	assert_int_equal(check(&device_key, c, a, signed_at - 3600, &credentials), DPS_E_IDENTITY_NOT_YET_VALID);
	assert_int_equal(check(&leaf_key, c, a, signed_at, &credentials), DPS_E_IDENTITY_KEY);
	assert_int_equal(check(&device_key, c, span_of(&root), signed_at, &credentials), DPS_E_IDENTITY_CHAIN);
	mbedtls_pk_free(&device_key.pk);
}

static void write_csr(struct test_key *key, uint8_t *out, size_t size, size_t *len)
{
	const struct dps_keys keys = test_keys_port(key);
	struct dps_uuid id;
	assert_int_equal(dps_uuid_parse(DEVICE, DPS_UUID_TEXT_LEN, &id), DPS_OK);
	assert_int_equal(dps_pki_csr_pem(&keys, "identity-0", &id, out, size, len), DPS_OK);
}

static void requests_are_read_and_verified_by_others(void **state)
{
	static const enum dps_key_type TYPES[] = {DPS_KEY_EC_P256, DPS_KEY_EC_P384, DPS_KEY_RSA_2048};
	char dir[256], path[300], subject[128], output[512];
	(void)state;
	test_tmpdir_make(dir, sizeof(dir));
	(void)snprintf(path, sizeof(path), "%s/csr.pem", dir);
	for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		struct test_key key;
		mbedtls_x509_csr csr;
		uint8_t pem[DPS_CSR_PEM_SIZE + 1];
		size_t len = 0;
		test_key_make(&key, TYPES[i]);
		write_csr(&key, pem, DPS_CSR_PEM_SIZE, &len);
		pem[len] = '\0';
		mbedtls_x509_csr_init(&csr);
		assert_int_equal(mbedtls_x509_csr_parse(&csr, pem, len + 1), 0);
		assert_true(mbedtls_x509_dn_gets(subject, sizeof(subject), &csr.subject) > 0);
		assert_string_equal(subject, DEVICE_CN);
		assert_int_equal(csr.MBEDTLS_PRIVATE(sig_md), TYPES[i] == DPS_KEY_EC_P384 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA256);
		assert_true(test_key_is_pair(&csr.pk, &key));
		mbedtls_x509_csr_free(&csr);

		FILE *file = fopen(path, "w");
		assert_non_null(file);
		assert_int_equal(fwrite(pem, 1, len, file), len);
		assert_int_equal(fclose(file), 0);
		const char *const argv[] = {"openssl", "req", "-in", path, "-verify", "-noout", "-subject", NULL};
		assert_int_equal(test_process_run(argv, 10000, output, sizeof(output), NULL, 0), 0);
		assert_non_null(strstr(output, "uuid:" DEVICE));
		test_key_free(&key);
	}
	test_tmpdir_remove(dir);
}

/* But for the signature a request is the very one that the real service accepted. */
static void a_request_equals_the_captured_one(void **state)
{
	uint8_t text[1024], golden[512], mine[512], pem[DPS_CSR_PEM_SIZE];
	size_t key_len = 0, golden_len = 0, mine_len = 0, len = 0;
	struct test_key key;
	struct dps_span span;
	(void)state;
	span = (struct dps_span){text, test_read_file("test/vectors/plgd/identity.key.pem", text, sizeof(text))};
	assert_int_equal(dps_pem_next(&span, "EC PRIVATE KEY", key.der, sizeof(key.der), &key_len), DPS_OK);
	test_key_parse(&key, key.der, key_len);
	span = (struct dps_span){text, test_read_file("test/vectors/plgd/identity.csr.pem", text, sizeof(text))};
	assert_int_equal(dps_pem_next(&span, "CERTIFICATE REQUEST", golden, sizeof(golden), &golden_len), DPS_OK);
	write_csr(&key, pem, sizeof(pem), &len);
	span = (struct dps_span){pem, len};
	assert_int_equal(dps_pem_next(&span, "CERTIFICATE REQUEST", mine, sizeof(mine), &mine_len), DPS_OK);
	/* heads, info (153 bytes) and signature algorithm (12 bytes); the outer length depends on the signature's */
	assert_memory_equal(mine + 3, golden + 3, 153 + 12);
	test_key_free(&key);
}

static void a_request_tells_what_is_in_its_way(void **state)
{
	struct dps_keys keys = test_keys_port(&leaf_key);
	struct dps_uuid id = {{1}};
	uint8_t pem[DPS_CSR_PEM_SIZE];
	size_t len = 0;
	(void)state;
	assert_int_equal(dps_pki_csr_pem(&keys, "identity-0", &id, pem, 100, &len), DPS_E_BUFFER);
	assert_in_range(len, 101, DPS_CSR_PEM_SIZE);
	struct test_key big;
	test_key_make_on_curve(&big, MBEDTLS_ECP_DP_SECP521R1);
	keys = test_keys_port(&big);
	assert_int_equal(dps_pki_csr_pem(&keys, "identity-0", &id, pem, sizeof(pem), &len), DPS_E_UNSUPPORTED);
	test_key_free(&big);
}

static void device_ids_are_random_version_4(void **state)
{
	struct dps_uuid a, b;
	(void)state;
	assert_int_equal(dps_pki_new_device_id(&test_random, &a), DPS_OK);
	assert_int_equal(dps_pki_new_device_id(&test_random, &b), DPS_OK);
	assert_false(dps_uuid_equal(&a, &b));
	assert_int_equal(a.bytes[6] >> 4, 4);
	assert_int_equal(a.bytes[8] >> 6, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_identity_passes),
		cmocka_unit_test(one_of_several_anchors_is_enough),
		cmocka_unit_test(another_key_or_device_is_refused),
		cmocka_unit_test(the_chain_must_be_in_order_and_whole),
		cmocka_unit_test(a_changed_byte_breaks_the_signature),
		cmocka_unit_test(intermediates_must_be_authorities_and_leaves_must_not),
		cmocka_unit_test(path_lengths_hold),
		cmocka_unit_test(dates_are_of_the_whole_chain_and_of_our_clock),
		cmocka_unit_test(keys_are_compared_with_their_certificate),
		cmocka_unit_test(an_identity_of_the_real_service_passes),
		cmocka_unit_test(requests_are_read_and_verified_by_others),
		cmocka_unit_test(a_request_equals_the_captured_one),
		cmocka_unit_test(a_request_tells_what_is_in_its_way),
		cmocka_unit_test(device_ids_are_random_version_4),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
