/* SPDX-License-Identifier: Apache-2.0 */
/* The judgement of a verified path (host, pins, dates), and DER lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "dps/pki.h"
#include "pki/certificate.h"
#include "pki/pki.h"
#include "support/test_pki.h"

#define T2026 INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define T2027 INT64_C(1798761600)
#define T2028 INT64_C(1830297600)
#define HOST  "dps.example.com"

static struct test_key root_key, inter_key, leaf_key;
static struct test_certificate root, inter, leaf, stranger;

static int make(void **state)
{
	(void)state;
	test_key_make(&root_key, DPS_KEY_EC_P256);
	test_key_make(&inter_key, DPS_KEY_EC_P256);
	test_key_make(&leaf_key, DPS_KEY_EC_P256);
	test_certificate_make(&root, &(struct test_certificate_spec){.subject = "CN=Root", .key = &root_key, .ca = true});
	test_certificate_make(&inter, &(struct test_certificate_spec){.subject = "CN=Inter",
	                                                              .key = &inter_key,
	                                                              .issuer = "CN=Root",
	                                                              .issuer_key = &root_key,
	                                                              .not_after = "20280101000000",
	                                                              .ca = true});
	test_certificate_make(&leaf, &(struct test_certificate_spec){.subject = "CN=Leaf",
	                                                             .key = &leaf_key,
	                                                             .issuer = "CN=Inter",
	                                                             .issuer_key = &inter_key,
	                                                             .not_before = "20270101000000",
	                                                             .not_after = "20300101000000",
	                                                             .dns = {HOST}});
	test_certificate_make(&stranger, &(struct test_certificate_spec){.subject = "CN=Stranger", .key = &leaf_key, .ca = true});
	return 0;
}

static int drop(void **state)
{
	(void)state;
	test_key_free(&root_key);
	test_key_free(&inter_key);
	test_key_free(&leaf_key);
	return 0;
}

/* Feeds the path as a channel does: from the anchor down. */
static dps_result judge(struct dps_pki_path *path, const struct dps_trust *trust, const char *host)
{
	dps_pki_path_begin(path, trust, host);
	assert_int_equal(dps_pki_path_add(path, 2, root.der, root.len), DPS_OK);
	assert_int_equal(dps_pki_path_add(path, 1, inter.der, inter.len), DPS_OK);
	assert_int_equal(dps_pki_path_add(path, 0, leaf.der, leaf.len), DPS_OK);
	return dps_pki_path_end(path);
}

static struct dps_pin pin_of(const struct test_certificate *certificate, enum dps_pin_kind kind)
{
	struct dps_pin pin = {.kind = kind};
	struct dps_certificate_view view;
	assert_int_equal(dps_pki_certificate_read((struct dps_span){certificate->der, certificate->len}, &view), DPS_OK);
	if (kind == DPS_PIN_SPKI)
		dps_pki_sha256(view.spki.data, view.spki.len, pin.digest);
	else
		dps_pki_sha256(certificate->der, certificate->len, pin.digest);
	return pin;
}

static void the_window_is_what_all_certificates_allow(void **state)
{
	const struct dps_trust trust = {0};
	struct dps_pki_path path;
	uint8_t digest[DPS_SHA256_SIZE];
	(void)state;
	assert_int_equal(judge(&path, &trust, HOST), DPS_OK);
	assert_true(path.complete);
	assert_int_equal(path.count, 3);
	assert_int_equal(path.not_before, T2027);
	assert_int_equal(path.not_after, T2028);
	dps_pki_sha256(leaf.der, leaf.len, digest);
	assert_memory_equal(path.leaf_sha256, digest, sizeof(digest));
}

static void a_renewed_anchor_counts_as_long_as_its_twins(void **state)
{
	struct test_certificate old, other;
	struct dps_pki_path path;
	uint8_t buf[4096];
	(void)state;
	test_certificate_make(
		&old, &(struct test_certificate_spec){
				  .subject = "CN=Root", .key = &root_key, .not_before = "20100101000000", .not_after = "20270601000000", .ca = true});
	test_certificate_make(
		&other, &(struct test_certificate_spec){
					.subject = "CN=Root", .key = &inter_key, .not_before = "20100101000000", .not_after = "20990101000000", .ca = true});
	for (int i = 0; i < 2; i++) {
		struct dps_trust trust = {.anchors = test_der_list(buf, sizeof(buf), 2, i == 0 ? &root : &other, &old)};
		dps_pki_path_begin(&path, &trust, HOST);
		assert_int_equal(dps_pki_path_add(&path, 1, old.der, old.len), DPS_OK);
		assert_int_equal(path.not_after < T2028, i != 0);
		assert_int_equal(path.not_before, INT64_C(1262304000));
		/* a leaf is no anchor */
		dps_pki_path_begin(&path, &trust, HOST);
		assert_int_equal(dps_pki_path_add(&path, 0, old.der, old.len), DPS_OK);
		assert_true(path.not_after < T2028);
	}
}

static void dates_are_judged_to_the_second(void **state)
{
	const struct dps_trust trust = {0};
	struct dps_pki_path path;
	(void)state;
	assert_int_equal(judge(&path, &trust, HOST), DPS_OK);
	assert_int_equal(dps_pki_path_check_dates(&path, T2027), DPS_OK);
	assert_int_equal(dps_pki_path_check_dates(&path, T2027 - 300), DPS_OK);
	assert_int_equal(dps_pki_path_check_dates(&path, T2027 - 301), DPS_E_SERVER_NOT_YET_VALID);
	assert_int_equal(dps_pki_path_check_dates(&path, T2028), DPS_OK);
	assert_int_equal(dps_pki_path_check_dates(&path, T2028 + 1), DPS_E_SERVER_EXPIRED);
	assert_int_equal(dps_pki_path_check_dates(&path, INT64_MAX), DPS_E_SERVER_EXPIRED);
	assert_int_equal(dps_pki_path_check_dates(&path, 0), DPS_E_SERVER_NOT_YET_VALID);
	assert_int_equal(dps_pki_path_check_dates(&path, INT64_MIN), DPS_E_SERVER_NOT_YET_VALID);
}

static void the_host_must_match_unless_told_otherwise(void **state)
{
	struct dps_trust trust = {0};
	struct dps_pki_path path;
	(void)state;
	assert_int_equal(judge(&path, &trust, "other.example.com"), DPS_E_SERVER_NAME);
	assert_false(path.complete);
	assert_int_equal(dps_pki_path_check_dates(&path, T2027), DPS_E_STATE);
	trust.skip_host_check = true;
	assert_int_equal(judge(&path, &trust, "other.example.com"), DPS_OK);
}

/* Makes another common name of the organisation: Mbed TLS writes one of a kind. The signature is the TLS library's to judge. */
static void make_common_name(struct test_certificate *certificate)
{
	static const uint8_t organisation[] = {0x06, 0x03, 0x55, 0x04, 0x0a};
	unsigned made = 0;

	for (size_t i = 0; i + sizeof(organisation) <= certificate->len; i++) {
		if (memcmp(certificate->der + i, organisation, sizeof(organisation)) == 0) {
			certificate->der[i + 4] = 0x03;
			made++;
		}
	}
	assert_int_equal(made, 2); /* issuer and subject */
}

/* Of two names others may read the one that we do not. */
static void a_leaf_with_two_names_has_none(void **state)
{
	static const char *const subjects[] = {"O=gw.example.com, CN=uuid:11111111-2222-3333-4444-555555555555",
	                                       "CN=uuid:11111111-2222-3333-4444-555555555555, O=gw.example.com"};
	struct dps_trust trust = {.skip_host_check = true};
	struct test_certificate gateway;
	struct dps_pki_path path;

	(void)state;
	assert_int_equal(dps_uuid_parse("11111111-2222-3333-4444-555555555555", DPS_UUID_TEXT_LEN, &trust.leaf_id), DPS_OK);
	for (size_t i = 0; i < 2; i++) {
		for (int two = 0; two < 2; two++) {
			test_certificate_make(&gateway, &(struct test_certificate_spec){.subject = subjects[i], .key = &leaf_key});
			if (two)
				make_common_name(&gateway);
			dps_pki_path_begin(&path, &trust, HOST);
			assert_int_equal(dps_pki_path_add(&path, 0, gateway.der, gateway.len), DPS_OK);
			assert_int_equal(dps_pki_path_end(&path), two ? DPS_E_SERVER_NAME : DPS_OK);
		}
	}
}

/* A gateway's certificate: the id of its hub as the CN, and no host name. */
static void the_leafs_id_must_match_if_one_is_wanted(void **state)
{
	static const struct {
		const char *subject;
		bool matches;
	} names[] = {
		{"CN=uuid:11111111-2222-3333-4444-555555555555", true},
		{"CN=11111111-2222-3333-4444-555555555555", true},
		{"CN=uuid:11111111-2222-3333-4444-55555555555A", false},
		{"CN=uuid:11111111-2222-3333-4444-55555555555", false},
		{"CN=uuid:uuid:11111111-2222-3333-4444-555555555555", false},
		{"CN=UUID:11111111-2222-3333-4444-555555555555", false},
		{"CN=uuid:111111112222333344445555555555555555", false},
		{"CN=gw.example.com", false},
		{"O=Nobody", false},
	};
	struct dps_trust trust = {.skip_host_check = true};
	struct test_certificate gateway;
	struct dps_pki_path path;
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		test_certificate_make(&gateway, &(struct test_certificate_spec){.subject = names[i].subject, .key = &leaf_key});
		for (int wanted = 0; wanted < 2; wanted++) {
			memset(&trust.leaf_id, 0, sizeof(trust.leaf_id));
			if (wanted)
				assert_int_equal(dps_uuid_parse("11111111-2222-3333-4444-555555555555", DPS_UUID_TEXT_LEN, &trust.leaf_id), DPS_OK);
			dps_pki_path_begin(&path, &trust, HOST);
			assert_int_equal(dps_pki_path_add(&path, 1, root.der, root.len), DPS_OK);
			assert_int_equal(dps_pki_path_add(&path, 0, gateway.der, gateway.len), DPS_OK);
			assert_int_equal(dps_pki_path_end(&path), wanted && !names[i].matches ? DPS_E_SERVER_NAME : DPS_OK);
			assert_int_equal(path.complete, !wanted || names[i].matches);
		}
		/* it is a further condition, not another one */
		trust.skip_host_check = false;
		dps_pki_path_begin(&path, &trust, HOST);
		assert_int_equal(dps_pki_path_add(&path, 0, gateway.der, gateway.len), DPS_OK);
		assert_int_equal(dps_pki_path_end(&path), DPS_E_SERVER_NAME);
		trust.skip_host_check = true;
	}
}

static void a_pin_matches_at_any_depth_and_in_both_kinds(void **state)
{
	const struct test_certificate *const depths[] = {&leaf, &inter, &root};
	struct dps_pki_path path;
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (int kind = DPS_PIN_CERTIFICATE; kind <= DPS_PIN_SPKI; kind++) {
			const struct dps_pin pins[] = {
				{.kind = DPS_PIN_CERTIFICATE}, pin_of(depths[i], (enum dps_pin_kind)kind), {.kind = DPS_PIN_SPKI}};
			const struct dps_trust trust = {.pins = pins, .pin_count = 3};
			assert_int_equal(judge(&path, &trust, HOST), DPS_OK);
			/* a condition more, never a bypass */
			assert_int_equal(judge(&path, &trust, "other.example.com"), DPS_E_SERVER_NAME);
		}
	}
}

static void other_pins_do_not_match(void **state)
{
	struct dps_pin pins[3] = {pin_of(&stranger, DPS_PIN_CERTIFICATE), pin_of(&leaf, DPS_PIN_CERTIFICATE), pin_of(&leaf, DPS_PIN_SPKI)};
	const struct dps_trust trust = {.pins = pins, .pin_count = 3};
	struct dps_pki_path path;
	(void)state;
	pins[1].digest[31] ^= 1;
	pins[2].kind = DPS_PIN_CERTIFICATE; /* the digest of a key is not that of a certificate */
	assert_int_equal(judge(&path, &trust, HOST), DPS_E_SERVER_PIN);
	assert_false(path.complete);
}

static void a_path_without_a_leaf_or_with_a_broken_part_never_counts(void **state)
{
	const struct dps_trust trust = {.skip_host_check = true};
	struct dps_pki_path path;
	(void)state;
	dps_pki_path_begin(&path, &trust, HOST);
	assert_int_equal(dps_pki_path_end(&path), DPS_E_SERVER_UNTRUSTED);
	assert_int_equal(dps_pki_path_add(&path, 1, inter.der, inter.len), DPS_OK);
	assert_int_equal(dps_pki_path_end(&path), DPS_E_SERVER_UNTRUSTED);
	assert_int_equal(dps_pki_path_add(&path, 2, root.der, root.len - 1), DPS_E_CERTIFICATE_FORMAT);
	assert_int_equal(dps_pki_path_add(&path, 0, leaf.der, leaf.len), DPS_OK);
	assert_int_equal(dps_pki_path_end(&path), DPS_E_SERVER_UNTRUSTED);
	dps_pki_path_begin(&path, &trust, HOST);
	assert_int_equal(dps_pki_path_add(&path, 0, leaf.der, leaf.len), DPS_OK);
	assert_int_equal(dps_pki_path_end(&path), DPS_OK);
	/* a certificate behind the end reopens the path */
	assert_int_equal(dps_pki_path_add(&path, 1, inter.der, inter.len), DPS_OK);
	assert_false(path.complete);
}

static void dates_of_all_centuries_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t unix_s;
	} DATES[] = {
		{"19500101000000", INT64_C(-631152000)}, {"19700101000000", 0},
		{"20380119031408", INT64_C(2147483648)}, {"20491231235959", INT64_C(2524607999)},
		{"20500101000000", INT64_C(2524608000)}, {"99991231235959", INT64_C(253402300799)},
		{"20240229120000", INT64_C(1709208000)},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(DATES) / sizeof(DATES[0]); i++) {
		struct test_certificate certificate;
		struct dps_certificate_view view;
		test_certificate_make(&certificate,
		                      &(struct test_certificate_spec){
								  .subject = "CN=Dates", .key = &leaf_key, .not_before = DATES[i].text, .not_after = DATES[i].text});
		assert_int_equal(dps_pki_certificate_read((struct dps_span){certificate.der, certificate.len}, &view), DPS_OK);
		assert_true(view.not_before == DATES[i].unix_s);
		assert_true(view.not_after == DATES[i].unix_s);
	}
}

/* Every byte of a certificate cut off, and every byte changed: it is refused or read, without leaving its memory (the sanitizers watch). */
static void damaged_certificates_are_survived(void **state)
{
	struct dps_certificate_view view;
	uint8_t copy[sizeof(leaf.der)];
	(void)state;
	for (size_t len = 0; len < leaf.len; len++) {
		memcpy(copy + sizeof(copy) - len, leaf.der, len);
		assert_int_equal(dps_pki_certificate_read((struct dps_span){copy + sizeof(copy) - len, len}, &view), DPS_E_CERTIFICATE_FORMAT);
	}
	for (size_t i = 0; i < leaf.len; i++) {
		static const uint8_t VALUES[] = {0x00, 0x7f, 0x80, 0x81, 0x84, 0xff, 0x1f, 0x30};
		for (size_t v = 0; v < sizeof(VALUES); v++) {
			memcpy(copy, leaf.der, leaf.len);
			copy[i] = VALUES[v];
			if (dps_pki_certificate_read((struct dps_span){copy, leaf.len}, &view) == DPS_OK)
				(void)dps_pki_certificate_is_for(&view, HOST);
		}
	}
	memcpy(copy, leaf.der, leaf.len);
	copy[leaf.len] = 0;
	assert_int_equal(dps_pki_certificate_read((struct dps_span){copy, leaf.len + 1}, &view), DPS_E_CERTIFICATE_FORMAT);
}

static void facts_are_told_of_the_first_certificate(void **state)
{
	uint8_t buf[4096];
	struct dps_certificate_info info;
	(void)state;
	assert_int_equal(dps_pki_certificate_info(test_der_list(buf, sizeof(buf), 2, &leaf, &inter), &info), DPS_OK);
	assert_string_equal(info.subject_cn, "Leaf");
	assert_int_equal(info.not_before, T2027);
	assert_int_equal(dps_pki_certificate_info((struct dps_span){NULL, 0}, &info), DPS_E_CERTIFICATE_FORMAT);
	assert_int_equal(dps_pki_certificate_info((struct dps_span){(const uint8_t *)"junk", 4}, &info), DPS_E_CERTIFICATE_FORMAT);
}

static void lists_are_taken_apart(void **state)
{
	uint8_t buf[4096];
	struct dps_span list = test_der_list(buf, sizeof(buf), 2, &leaf, &inter);
	struct dps_span der;
	(void)state;
	assert_int_equal(dps_pki_der_next(&list, &der), DPS_OK);
	assert_int_equal(der.len, leaf.len);
	assert_int_equal(dps_pki_der_next(&list, &der), DPS_OK);
	assert_memory_equal(der.data, inter.der, inter.len);
	assert_int_equal(dps_pki_der_next(&list, &der), DPS_E_NOT_FOUND);
	list = (struct dps_span){buf, leaf.len - 1};
	assert_int_equal(dps_pki_der_next(&list, &der), DPS_E_CERTIFICATE_FORMAT);
	list = (struct dps_span){(const uint8_t *)"\x31\x00", 2};
	assert_int_equal(dps_pki_der_next(&list, &der), DPS_E_CERTIFICATE_FORMAT);
}

static void files_become_lists_in_place(void **state)
{
	uint8_t buf[8192];
	uint8_t small[64];
	size_t len = 0;
	struct dps_span list, der;
	struct dps_certificate_info info;
	(void)state;
	const size_t text_len = test_read_file("test/vectors/plgd/manufacturer-chain.pem", buf, sizeof(buf));
	assert_int_equal(dps_pki_load_certificates(buf, text_len, small, sizeof(small), &len), DPS_E_BUFFER);
	assert_true(len <= text_len);
	assert_int_equal(dps_pki_load_certificates(buf, text_len, buf, sizeof(buf), &len), DPS_OK);
	list = (struct dps_span){buf, len};
	assert_int_equal(dps_pki_certificate_info(list, &info), DPS_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(dps_pki_der_next(&list, &der), DPS_OK);
	assert_int_equal(dps_pki_der_next(&list, &der), DPS_E_NOT_FOUND);
	/* a list stays what it is */
	const size_t list_len = len;
	assert_int_equal(dps_pki_load_certificates(buf, list_len, buf, sizeof(buf), &len), DPS_OK);
	assert_int_equal(len, list_len);
	assert_int_equal(dps_pki_load_certificates(buf, list_len, small, sizeof(small), &len), DPS_E_BUFFER);
	assert_int_equal(len, list_len);
}

static void files_without_certificates_are_refused(void **state)
{
	uint8_t buf[4096];
	size_t len = 1;
	(void)state;
	static const char *const BAD[] = {
		"",
		"hello",
		"-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n####\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n",
	};
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_int_equal(dps_pki_load_certificates((const uint8_t *)BAD[i], strlen(BAD[i]), buf, sizeof(buf), &len),
		                 DPS_E_CERTIFICATE_FORMAT);
	size_t text_len = test_read_file("test/vectors/plgd/identity.key.pem", buf, sizeof(buf));
	assert_int_equal(dps_pki_load_certificates(buf, text_len, buf, sizeof(buf), &len), DPS_E_CERTIFICATE_FORMAT);
	text_len = test_read_file("test/vectors/plgd/hub-root-ca.pem", buf, sizeof(buf));
	buf[text_len / 2] = '#';
	assert_int_equal(dps_pki_load_certificates(buf, text_len, buf, sizeof(buf), &len), DPS_E_CERTIFICATE_FORMAT);
	memcpy(buf, leaf.der, leaf.len);
	buf[leaf.len] = 0;
	assert_int_equal(dps_pki_load_certificates(buf, leaf.len + 1, buf, sizeof(buf), &len), DPS_E_CERTIFICATE_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_window_is_what_all_certificates_allow),
		cmocka_unit_test(a_renewed_anchor_counts_as_long_as_its_twins),
		cmocka_unit_test(dates_are_judged_to_the_second),
		cmocka_unit_test(the_host_must_match_unless_told_otherwise),
		cmocka_unit_test(the_leafs_id_must_match_if_one_is_wanted),
		cmocka_unit_test(a_leaf_with_two_names_has_none),
		cmocka_unit_test(a_pin_matches_at_any_depth_and_in_both_kinds),
		cmocka_unit_test(other_pins_do_not_match),
		cmocka_unit_test(a_path_without_a_leaf_or_with_a_broken_part_never_counts),
		cmocka_unit_test(dates_of_all_centuries_are_read),
		cmocka_unit_test(damaged_certificates_are_survived),
		cmocka_unit_test(facts_are_told_of_the_first_certificate),
		cmocka_unit_test(lists_are_taken_apart),
		cmocka_unit_test(files_become_lists_in_place),
		cmocka_unit_test(files_without_certificates_are_refused),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
