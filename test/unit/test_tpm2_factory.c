/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a manufacturer does with a TPM, on a real swtpm: looking, endorsement keys, ownership, the IDevID, certificates in NV, taking all back; with and without auth
 * values. tpm2-tools and openssl are the witnesses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pki/pki.h"
#include "support/test_tpm_device.h"

#define INDEX DPS_TPM2_IDEVID_INDEX

static struct test_tpm_device d;

static int start(void **state)
{
	(void)state;
	test_tpm_device_start(&d);
	test_tpm_device_open(&d);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	test_tpm_device_stop(&d);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	test_tpm_forget_all();
	return 0;
}

static void expect(dps_result result, dps_result expected, const char *text)
{
	test_tpm_device_expect(&d, result, expected, text);
}

static struct dps_span text_of(const char *text)
{
	return (struct dps_span){(const uint8_t *)text, strlen(text)};
}

/* Runs a tool while the port is closed: swtpm talks with one at a time. */
#define TOOL(...)                                                                                                                          \
	do {                                                                                                                                   \
		dps_tpm2_close(&d.port);                                                                                                           \
		assert_int_equal(test_tpm_tool(&d.tpm, output, sizeof(output), __VA_ARGS__, NULL), 0);                                             \
		test_tpm_device_open(&d);                                                                                                          \
	} while (0)

static char output[16384];

/* --- looking ----------------------------------------------------------------------------------------------------------------------------- */

static void a_tpm_tells_of_itself(void **state)
{
	struct dps_tpm2_info info;
	uint32_t handles[16];
	size_t count;

	(void)state;
	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_true(info.software);
	assert_true(info.manufacturer[0] != '\0');
	assert_string_equal(info.vendor, "SW   TPM");
	assert_int_not_equal(info.firmware[0], 0);
	assert_false(info.owner_auth_set || info.endorsement_auth_set || info.lockout_auth_set || info.in_lockout);
	assert_int_equal(info.lockout_counter, 0);
	assert_int_equal(info.max_tries, 3);
	assert_int_equal(info.recovery_s, 1000);
	assert_int_equal(info.free_transients, 3);
	assert_in_range(info.free_sessions, 3, 64);
	assert_in_range(info.free_persistents, 1, 100);
	assert_int_equal(info.nv_buffer_max, 1024);
	assert_int_equal(info.nv_index_max, 2048);
	assert_int_not_equal(info.clock_ms, 0);
	expect(dps_tpm2_list_handles(&d.port, 0x81000000, handles, 16, &count), DPS_OK, "");
	assert_int_equal(count, 2);
	assert_int_equal(handles[0], 0x81010001);
	assert_int_equal(handles[1], 0x81010016);
	expect(dps_tpm2_list_handles(&d.port, 0x01c00000, handles, 1, &count), DPS_OK, "");
	assert_int_equal(count, 1);
	assert_int_equal(handles[0], 0x01c00002);
	expect(dps_tpm2_list_handles(&d.port, 0x80000000, handles, 16, &count), DPS_OK, "");
	assert_int_equal(count, 0);
}

static void names_and_handles_in_text(void **state)
{
	uint32_t value = 0;

	(void)state;
	assert_int_equal(dps_tpm2_parse_key("tpm2:0x81020000", &value), DPS_OK);
	assert_int_equal(value, 0x81020000);
	assert_int_equal(dps_tpm2_parse_index("nv:0x01c90000", &value), DPS_OK);
	assert_int_equal(value, 0x01c90000);
	assert_int_equal(dps_tpm2_parse_index("nv:0x1C90000", &value), DPS_OK);
	assert_int_equal(value, 0x01c90000);
	assert_int_equal(dps_tpm2_parse_key("/etc/key.pem", &value), DPS_E_NOT_FOUND);
	assert_int_equal(dps_tpm2_parse_index("tpm2:0x81020000", &value), DPS_E_NOT_FOUND);
	static const char *const BAD[] = {"tpm2:",           "tpm2:81020000",    "tpm2:0x",
	                                  "tpm2:0x01c90000", "tpm2:0x81020000 ", "tpm2:0x081020000",
	                                  "tpm2:0x8102000g", "tpm2:0x82000000"};
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_int_equal(dps_tpm2_parse_key(BAD[i], &value), DPS_E_ARGUMENT);
	assert_int_equal(dps_tpm2_parse_index("nv:0x02000000", &value), DPS_E_ARGUMENT);
	assert_string_equal(dps_tpm2_command_name(0x15d), "Sign");
	assert_string_equal(dps_tpm2_command_name(1), "unknown");
}

/* --- endorsement keys ------------------------------------------------------------------------------------------------------------------------ */

static struct dps_tpm2_endorsement ek;

static void write_file(const char *name, const uint8_t *bytes, size_t len)
{
	FILE *file = fopen(test_tpm_path(&d.tpm, name), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* openssl finds the same key in the certificate. */
static void expect_certified(void)
{
	char pem[1024], ours[1024];

	write_file("ek.der", ek.certificate, ek.certificate_len);
	write_file("ek.pub", ek.key.spki, ek.key.spki_len);
	const char *const theirs_argv[] = {"openssl", "x509",    "-inform", "DER", "-in", test_tpm_path(&d.tpm, "ek.der"),
	                                   "-noout",  "-pubkey", NULL};
	const char *const ours_argv[] = {"openssl", "pkey", "-pubin", "-inform", "DER", "-in", test_tpm_path(&d.tpm, "ek.pub"),
	                                 "-pubout", NULL};
	assert_int_equal(test_process_run(theirs_argv, 10000, pem, sizeof(pem), NULL, 0), 0);
	assert_int_equal(test_process_run(ours_argv, 10000, ours, sizeof(ours), NULL, 0), 0);
	assert_string_equal(pem, ours);
}

static void endorsement_keys_and_their_certificates(void **state)
{
	uint8_t chain[4096];
	size_t len;
	struct dps_tpm2_public persistent;

	(void)state;
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_ANY, &ek), DPS_OK, "");
	assert_string_equal(ek.template_name, "L-1");
	assert_int_equal(ek.key.handle, 0x81010001);
	assert_int_equal(ek.certificate_index, 0x01c00002);
	assert_true(ek.key.type == DPS_KEY_RSA_2048 && ek.key.decrypt && ek.key.restricted && ek.key.fixed && !ek.key.sign);
	expect_certified();
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P384, &ek), DPS_OK, "");
	assert_string_equal(ek.template_name, "H-3");
	assert_int_equal(ek.key.handle, 0x81010016);
	expect_certified();
	/* the EK as tpm2-tools reads it: TPM2B_PUBLIC */
	expect(dps_tpm2_read_public(&d.port, 0x81010001, &persistent), DPS_OK, "");
	TOOL("tpm2_readpublic", "-c", "0x81010001", "-o", test_tpm_path(&d.tpm, "public.tss"), "-n", test_tpm_path(&d.tpm, "name"));
	uint8_t file[1024];
	len = test_read_file(test_tpm_path(&d.tpm, "public.tss"), file, sizeof(file));
	assert_int_equal(len, 2 + persistent.tpmt_len);
	assert_memory_equal(file + 2, persistent.tpmt, persistent.tpmt_len);
	len = test_read_file(test_tpm_path(&d.tpm, "name"), file, sizeof(file));
	assert_int_equal(len, persistent.name_len);
	assert_memory_equal(file, persistent.name, len);
	/* evicted: made of the templates, and the same */
	TOOL("tpm2_evictcontrol", "-c", "0x81010001");
	TOOL("tpm2_evictcontrol", "-c", "0x81010016");
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_RSA_2048, &ek), DPS_OK, "");
	assert_int_equal(ek.key.handle, 0);
	expect_certified();
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P384, &ek), DPS_OK, "");
	expect_certified();
	/* L-2 has no certificate here; tpm2-tools makes the same key */
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P256, &ek), DPS_OK, "");
	assert_string_equal(ek.template_name, "L-2");
	assert_int_equal(ek.certificate_index, 0);
	TOOL("tpm2_createek", "-c", test_tpm_path(&d.tpm, "ek.ctx"), "-G", "ecc", "-u", test_tpm_path(&d.tpm, "ek.tss"));
	len = test_read_file(test_tpm_path(&d.tpm, "ek.tss"), file, sizeof(file));
	assert_int_equal(len, 2 + ek.key.tpmt_len);
	assert_memory_equal(file + 2, ek.key.tpmt, ek.key.tpmt_len);
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-t", NULL), 0);
	test_tpm_device_open(&d);
	expect(dps_tpm2_read_endorsement_chain(&d.port, chain, sizeof(chain), &len), DPS_E_NOT_FOUND, "no certificates of the EK's issuers");
	expect(dps_tpm2_read_endorsement(&d.port, (enum dps_tpm2_endorsement_type)9, &ek), DPS_E_ARGUMENT, "no such type");
}

static void put_nv(const char *index, const char *name, const uint8_t *bytes, size_t len)
{
	char size[16];

	write_file(name, bytes, len);
	(void)snprintf(size, sizeof(size), "%zu", len);
	dps_tpm2_close(&d.port);
	(void)test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvundefine", "-C", "p", index, NULL);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvdefine", "-C", "p", "-s", size, "-a",
	                               "ppwrite|ppread|ownerread|authread|no_da|platformcreate|writedefine", index, NULL),
	                 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvwrite", "-C", "p", "-i", test_tpm_path(&d.tpm, name), index, NULL), 0);
	test_tpm_device_open(&d);
}

static void endorsement_keys_that_are_not_what_they_should_be(void **state)
{
	static const uint8_t GARBAGE[900] = {0x30, 0x82, 0x01, 0x00, 0xff};
	uint8_t padded[2048];
	uint8_t chain[4096];
	size_t len;

	(void)state;
	/* padding behind the certificate is no part of it */
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_RSA_2048, &ek), DPS_OK, "");
	memset(padded, 0xff, sizeof(padded));
	memcpy(padded, ek.certificate, ek.certificate_len);
	len = ek.certificate_len;
	put_nv("0x01c00002", "padded", padded, 1900);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_RSA_2048, &ek), DPS_OK, "");
	assert_int_equal(ek.certificate_len, len);
	expect_certified();
	/* a certificate for another key; the EK is there, and made anew */
	put_nv("0x01c00002", "other", d.ca.der, d.ca.len);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_RSA_2048, &ek), DPS_E_KEY_MISMATCH, "index 0x01c00002 is not of this TPM's");
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_ANY, &ek), DPS_E_KEY_MISMATCH, "index 0x01c00002 is not of this TPM's");
	put_nv("0x01c00002", "garbage", GARBAGE, sizeof(GARBAGE));
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_RSA_2048, &ek), DPS_E_CERTIFICATE_FORMAT, "0x01c00002 holds no certificate");
	/* a template that is none */
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvundefine", "-C", "p", "0x01c00002", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_evictcontrol", "-c", "0x81010001", NULL), 0);
	test_tpm_device_open(&d);
	put_nv("0x01c00004", "template", GARBAGE, 64);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_RSA_2048, &ek), DPS_E_KEY_FORMAT, "0x01c00004 holds no EK template");
	/* certificates of the issuers */
	put_nv("0x01c00100", "inter", d.inter.der, d.inter.len);
	put_nv("0x01c00101", "ca", d.ca.der, d.ca.len);
	expect(dps_tpm2_read_endorsement_chain(&d.port, chain, sizeof(chain), &len), DPS_OK, "");
	assert_int_equal(len, d.inter.len + d.ca.len);
	assert_memory_equal(chain, d.inter.der, d.inter.len);
}

/* A nonce in NV makes another key (TCG EK Credential Profile 2.2.1.4). */
static void nonces_and_templates_in_nv(void **state)
{
	static uint8_t nonce[256];
	static struct dps_tpm2_endorsement plain;
	uint8_t file[1024];
	size_t len;

	(void)state;
	memset(nonce, 0x5a, sizeof(nonce));
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P256, &plain), DPS_OK, "");
	put_nv("0x01c0000b", "nonce", nonce, 32);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P256, &ek), DPS_OK, "");
	assert_memory_not_equal(ek.key.spki, plain.key.spki, plain.key.spki_len);
	put_nv("0x01c0000b", "nonce", nonce, 100);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P256, &ek), DPS_E_KEY_FORMAT, "0x01c0000b holds no EK nonce");
	/* the template wins over the nonce; here it is the usual one with its unique part of zeros */
	memcpy(file, plain.key.tpmt, plain.key.tpmt_len);
	len = plain.key.tpmt_len;
	memset(file + len - 32, 0, 32);
	memset(file + len - 66, 0, 32);
	put_nv("0x01c0000c", "template", file, len);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P256, &ek), DPS_OK, "");
	assert_memory_equal(ek.key.spki, plain.key.spki, plain.key.spki_len);
}

/* --- SRK and IDevID ---------------------------------------------------------------------------------------------------------------------------- */

static void the_srk_is_made_once(void **state)
{
	bool changed = false;
	uint8_t a[1024], b[1024];

	(void)state;
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	assert_false(changed);
	/* it is the one of TCG's template */
	static uint8_t unique[2 * sizeof(uint16_t) + 2 * 128] = {[0] = 32, [2 + 128] = 32};
	TOOL("tpm2_readpublic", "-c", "0x81000001", "-o", test_tpm_path(&d.tpm, "srk"));
	assert_non_null(strstr(output, "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"));
	write_file("unique", unique, sizeof(unique));
	TOOL("tpm2_createprimary", "-C", "o", "-G", "ecc256:null:aes128cfb", "-g", "sha256", "-a",
	     "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt", "-u", test_tpm_path(&d.tpm, "unique"), "-c",
	     test_tpm_path(&d.tpm, "other.ctx"));
	TOOL("tpm2_readpublic", "-c", test_tpm_path(&d.tpm, "other.ctx"), "-o", test_tpm_path(&d.tpm, "other"));
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-t", NULL), 0);
	test_tpm_device_open(&d);
	const size_t len = test_read_file(test_tpm_path(&d.tpm, "srk"), a, sizeof(a));
	assert_int_equal(test_read_file(test_tpm_path(&d.tpm, "other"), b, sizeof(b)), len);
	assert_memory_equal(a, b, len);
}

static void an_idevid_is_always_the_same(void **state)
{
	static const struct {
		enum dps_key_type type;
		const char *text;
	} KEYS[] = {{DPS_KEY_EC_P256, "NIST p256"}, {DPS_KEY_RSA_2048, "rsa"}};
	struct dps_tpm2_public first, second;
	bool changed;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		expect(dps_tpm2_create_idevid(&d.port, KEYS[i].type, 0, &changed), DPS_OK, "");
		assert_true(changed);
		expect(dps_tpm2_create_idevid(&d.port, KEYS[i].type, 0, &changed), DPS_OK, "");
		assert_false(changed);
		expect(dps_tpm2_create_idevid(&d.port, KEYS[1 - i].type, 0, &changed), DPS_E_STATE, "another key is at 0x81020000");
		assert_false(changed);
		expect(dps_tpm2_read_public(&d.port, 0x81020000, &first), DPS_OK, "");
		assert_true(first.type == KEYS[i].type && first.sign && !first.decrypt && !first.restricted && first.fixed && !first.no_da);
		assert_int_equal(first.name_len, 34);
		TOOL("tpm2_readpublic", "-c", "0x81020000");
		assert_non_null(strstr(output, "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|adminwithpolicy|sign"));
		assert_non_null(strstr(output, "ad6b3a2284fd698a0710bf5cc1b9bdf15e2532e3f601fa4b93a6a8fa8de579ea"));
		assert_non_null(strstr(output, KEYS[i].text));
		TOOL("tpm2_clear");
		expect(dps_tpm2_read_public(&d.port, 0x81020000, &second), DPS_E_NOT_FOUND, "nothing at this handle");
		test_tpm_device_certify(&d, first.spki, first.spki_len);
		expect(dps_tpm2_restore_idevid(&d.port, 0, d.chain, &changed), DPS_OK, "");
		assert_true(changed);
		expect(dps_tpm2_restore_idevid(&d.port, 0, d.chain, &changed), DPS_OK, "");
		assert_false(changed);
		expect(dps_tpm2_read_public(&d.port, 0x81020000, &second), DPS_OK, "");
		assert_int_equal(first.spki_len, second.spki_len);
		assert_memory_equal(first.spki, second.spki, first.spki_len);
		/* a certificate of another key changes nothing */
		expect(dps_tpm2_restore_idevid(&d.port, 0, (struct dps_span){d.ca.der, d.ca.len}, &changed), DPS_E_KEY_MISMATCH,
		       "not the key of the certificate");
		expect(dps_tpm2_restore_idevid(&d.port, 0, text_of("x"), &changed), DPS_E_CERTIFICATE_FORMAT, NULL);
		expect(dps_tpm2_evict(&d.port, 0x81020000, &changed), DPS_OK, "");
		assert_true(changed);
		expect(dps_tpm2_evict(&d.port, 0x81020000, &changed), DPS_OK, "");
		assert_false(changed);
	}
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P384, 0, &changed), DPS_E_UNSUPPORTED, "a P-256 or an RSA-2048 key");
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0x81020007, &changed), DPS_OK, "");
	expect(dps_tpm2_read_public(&d.port, 0x81020007, &first), DPS_OK, "");
}

/* --- certificates in NV -------------------------------------------------------------------------------------------------------------------------- */

static void expect_nv_chain(struct dps_span expected)
{
	uint8_t chain[DPS_TPM2_CHAIN_SIZE];
	size_t len;

	expect(dps_tpm2_nv_read_chain(&d.port, INDEX, chain, sizeof(chain), &len), DPS_OK, "");
	assert_int_equal(len, expected.len);
	assert_memory_equal(chain, expected.data, len);
}

static void chains_in_nv(void **state)
{
	struct dps_tpm2_nv nv;
	uint8_t bytes[4096], three_bytes[4096];
	size_t len;
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(dps_tpm2_nv_read_chain(&d.port, INDEX, bytes, sizeof(bytes), &len), DPS_E_NOT_FOUND, "nothing at this handle");
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, false, &changed), DPS_OK, "");
	assert_true(changed);
	expect_nv_chain(d.chain);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, false, &changed), DPS_OK, "");
	assert_false(changed);
	expect(dps_tpm2_nv_look(&d.port, INDEX, &nv), DPS_OK, "");
	assert_true(nv.written && !nv.write_locked && nv.lockable && nv.platform);
	/* tpm2-tools reads the same */
	TOOL("tpm2_nvread", "-C", "0x01c90000", "-o", test_tpm_path(&d.tpm, "leaf"), "0x01c90000");
	assert_int_equal(test_read_file(test_tpm_path(&d.tpm, "leaf"), bytes, sizeof(bytes)), d.leaf.len);
	assert_memory_equal(bytes, d.leaf.der, d.leaf.len);
	/* another certificate for the key, and a longer chain, and a shorter one */
	struct dps_span three = test_der_list(three_bytes, sizeof(three_bytes), 3, &d.leaf, &d.inter, &d.ca);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, three, false, &changed), DPS_OK, "");
	assert_true(changed);
	expect_nv_chain(three);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, (struct dps_span){d.leaf.der, d.leaf.len}, false, &changed), DPS_OK, "");
	assert_true(changed);
	expect_nv_chain((struct dps_span){d.leaf.der, d.leaf.len});
	expect(dps_tpm2_nv_look(&d.port, INDEX + 1, &nv), DPS_E_NOT_FOUND, NULL);
	expect(dps_tpm2_nv_look(&d.port, INDEX + 2, &nv), DPS_E_NOT_FOUND, NULL);
	/* what is at the next index but is no issuer's is not of the chain, and not touched */
	put_nv("0x01c90001", "other", d.ca.der, d.ca.len);
	expect_nv_chain((struct dps_span){d.leaf.der, d.leaf.len});
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, (struct dps_span){d.leaf.der, d.leaf.len}, true, &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_nv_look(&d.port, INDEX + 1, &nv), DPS_OK, "");
	/* it outlives a clear */
	expect(dps_tpm2_clear(&d.port), DPS_OK, "");
	expect_nv_chain((struct dps_span){d.leaf.der, d.leaf.len});
	expect(dps_tpm2_nv_remove(&d.port, INDEX, &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_nv_remove(&d.port, INDEX, &changed), DPS_OK, "");
	assert_false(changed);
}

static void locked_and_unlocked_indices(void **state)
{
	struct dps_tpm2_nv nv;
	struct dps_span ca = {d.ca.der, d.ca.len};
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	ca = (struct dps_span){d.ca.der, d.ca.len};
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, ca, false, &changed), DPS_OK, "");
	/* not locked: replaced */
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, &changed), DPS_OK, "");
	assert_true(changed);
	expect_nv_chain(d.chain);
	expect(dps_tpm2_nv_look(&d.port, INDEX, &nv), DPS_OK, "");
	assert_true(nv.write_locked);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, &changed), DPS_OK, "");
	assert_false(changed);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, ca, true, &changed), DPS_E_STATE, "0x01c90000 is locked and holds something else");
	expect_nv_chain(d.chain);
	/* the lock outlives a reset */
	dps_tpm2_close(&d.port);
	test_tpm_power_cycle(&d.tpm);
	test_tpm_device_open(&d);
	expect(dps_tpm2_nv_look(&d.port, INDEX, &nv), DPS_OK, "");
	assert_true(nv.write_locked);
	dps_tpm2_close(&d.port);
	write_file("x", (const uint8_t *)"x", 1);
	assert_int_not_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvwrite", "-C", "p", "-i", test_tpm_path(&d.tpm, "x"), "0x01c90000", NULL),
	                     0);
	test_tpm_device_open(&d);
}

static void nv_that_is_full_or_garbage(void **state)
{
	static const uint8_t GARBAGE[100] = {0x30, 0x62, 1};
	struct dps_span chain;
	uint8_t bytes[4096];
	size_t len;
	char index[16];
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, text_of("no certificate"), false, &changed), DPS_E_CERTIFICATE_FORMAT, "not a chain");
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, (struct dps_span){NULL, 0}, false, &changed), DPS_E_CERTIFICATE_FORMAT,
	       "no certificate");
	chain = test_der_list(bytes, sizeof(bytes), 2, &d.inter, &d.leaf);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, chain, false, &changed), DPS_E_CERTIFICATE_FORMAT, "out of order");
	assert_false(changed);
	put_nv("0x01c90000", "garbage", GARBAGE, sizeof(GARBAGE));
	expect(dps_tpm2_nv_read_chain(&d.port, INDEX, bytes, sizeof(bytes), &len), DPS_E_CERTIFICATE_FORMAT, "0x01c90000 holds no certificate");
	expect(dps_tpm2_nv_read(&d.port, INDEX, bytes, sizeof(bytes), &len), DPS_OK, "");
	assert_int_equal(len, sizeof(GARBAGE));
	expect(dps_tpm2_nv_read(&d.port, INDEX, bytes, 10, &len), DPS_E_BUFFER, "has 100 bytes");
	assert_int_equal(len, sizeof(GARBAGE));
	/* the certificate port says so, too; nothing is kept of it */
	struct dps_tpm2_options options = d.options;
	d.options.chain = (struct dps_span){NULL, 0};
	d.options.nv_index = INDEX;
	test_tpm_device_reopen(&d);
	expect(d.port.certificates.chain(d.port.certificates.ctx, "manufacturer", &chain), DPS_E_CERTIFICATE_FORMAT, "holds no certificate");
	d.options = options;
	test_tpm_device_reopen(&d);
	/* garbage is replaced */
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, false, &changed), DPS_OK, "");
	expect(dps_tpm2_nv_remove(&d.port, INDEX, NULL), DPS_OK, "");
	expect(dps_tpm2_nv_remove(&d.port, INDEX + 1, NULL), DPS_OK, "");
	/* never written */
	TOOL("tpm2_nvdefine", "-C", "o", "-s", "10", "-a", "ownerwrite|ownerread|authread", "0x01c90000");
	expect(dps_tpm2_nv_read(&d.port, INDEX, bytes, sizeof(bytes), &len), DPS_E_NOT_FOUND, "was never written");
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, false, &changed), DPS_OK, "");
	expect(dps_tpm2_nv_remove(&d.port, INDEX, NULL), DPS_OK, "");
	expect(dps_tpm2_nv_remove(&d.port, INDEX + 1, NULL), DPS_OK, "");
	/* full */
	dps_tpm2_close(&d.port);
	for (unsigned i = 0; i < 64; i++) {
		(void)snprintf(index, sizeof(index), "0x0150%04x", i);
		if (test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvdefine", "-C", "o", "-s", "2048", "-a", "ownerwrite|ownerread", index, NULL) != 0)
			break;
	}
	for (unsigned i = 64; i < 128; i++) {
		(void)snprintf(index, sizeof(index), "0x0150%04x", i);
		if (test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvdefine", "-C", "o", "-s", "200", "-a", "ownerwrite|ownerread", index, NULL) != 0)
			break;
	}
	test_tpm_device_open(&d);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, &changed), DPS_E_STORAGE_FULL, "the TPM's memory is full");
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	test_tpm_device_open(&d);
}

/* Where firmware keeps the platform's auth value the owner makes the index. */
static void without_the_platform_the_owner_makes_the_index(void **state)
{
	struct dps_tpm2_nv nv;
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	TOOL("tpm2_changeauth", "-c", "platform", "firmware");
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, &changed), DPS_OK, "");
	expect(dps_tpm2_nv_look(&d.port, INDEX, &nv), DPS_OK, "");
	assert_true(!nv.platform && nv.write_locked);
	expect_nv_chain(d.chain);
	expect(dps_tpm2_nv_remove(&d.port, INDEX, &changed), DPS_OK, "");
	assert_true(changed);
}

/* A chain in NV is read once, then kept. */
static void the_device_reads_its_chain_from_nv(void **state)
{
	struct dps_span chain;
	unsigned mark = 0;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, NULL), DPS_OK, "");
	d.options.chain = (struct dps_span){NULL, 0};
	expect(d.port.certificates.chain(d.port.certificates.ctx, "identity-0", &chain), DPS_E_NOT_FOUND, NULL);
	test_tpm_device_reopen(&d);
	expect(d.port.certificates.chain(d.port.certificates.ctx, "manufacturer", &chain), DPS_E_NOT_FOUND, NULL);
	d.options.nv_index = INDEX;
	for (int i = 0; i < 3; i++) {
		test_tpm_device_reopen(&d);
		expect(d.port.certificates.chain(d.port.certificates.ctx, "manufacturer", &chain), DPS_OK, "");
		assert_int_equal(chain.len, d.chain.len);
		assert_memory_equal(chain.data, d.chain.data, chain.len);
		test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
		expect(dps_pki_check_key(&d.port.port, "manufacturer", chain), DPS_OK, NULL);
		mark = 0;
		if (i > 0)
			assert_int_equal(test_tpm_device_commands(&d, &mark), 1);
	}
	/* another identity with another certificate: what was kept is not believed */
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_evictcontrol", "-c", "0x81020000", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvundefine", "-C", "p", "0x01c90000", NULL), 0);
	struct dps_tpm2_options device = d.options;
	d.options.storage = NULL; /* a factory's station knows nothing of what the device keeps */
	d.options.nv_index = 0;
	test_tpm_device_open(&d);
	test_tpm_device_make_identity(&d, DPS_KEY_RSA_2048);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, false, NULL), DPS_OK, "");
	d.options = device;
	test_tpm_device_reopen(&d);
	/* key and certificates that were kept belong together; the first signature shows that the key is gone */
	uint8_t digest[32] = {1}, sig[DPS_SIGNATURE_SIZE];
	size_t len;
	const struct dps_keys *keys = &d.port.port;
	expect(keys->open(keys->ctx, "manufacturer"), DPS_OK, "");
	expect(keys->sign(keys->ctx, "manufacturer", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY_MISMATCH, "another key");
	/* and then all is read anew */
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
	expect(d.port.certificates.chain(d.port.certificates.ctx, "manufacturer", &chain), DPS_OK, "");
	assert_int_equal(chain.len, d.chain.len);
	assert_memory_equal(chain.data, d.chain.data, chain.len);
}

/* --- ownership ------------------------------------------------------------------------------------------------------------------------------------ */

static void expect_auths(bool owner, bool endorsement, bool lockout)
{
	struct dps_tpm2_info info;

	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_int_equal(info.owner_auth_set, owner);
	assert_int_equal(info.endorsement_auth_set, endorsement);
	assert_int_equal(info.lockout_auth_set, lockout);
}

static void own(void)
{
	bool changed;

	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	expect(dps_tpm2_set_lockout(&d.port, 32, 10, 60, &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_set_lockout(&d.port, 32, 10, 60, &changed), DPS_OK, "");
	assert_false(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_ENDORSEMENT, text_of("endorsement"), &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("owner"), &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_LOCKOUT, text_of("lockout"), &changed), DPS_OK, "");
	assert_true(changed);
	expect_auths(true, true, true);
}

static void give_options_their_auths(void)
{
	d.options.auth[DPS_TPM2_OWNER] = text_of("owner");
	d.options.auth[DPS_TPM2_ENDORSEMENT] = text_of("endorsement");
	d.options.auth[DPS_TPM2_LOCKOUT] = text_of("lockout");
}

static void owning_a_tpm(void **state)
{
	bool changed;
	struct dps_tpm2_info info;

	(void)state;
	own();
	/* the same again: nothing changes, but the values are proven */
	give_options_their_auths();
	test_tpm_device_reopen(&d);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("owner"), &changed), DPS_OK, "");
	assert_false(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_LOCKOUT, text_of("lockout"), &changed), DPS_OK, "");
	assert_false(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_PLATFORM, text_of("x"), &changed), DPS_E_ARGUMENT, NULL);
	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_true(info.max_tries == 32 && info.recovery_s == 10 && info.lockout_recovery_s == 60);
	/* tpm2-tools must give them as well */
	dps_tpm2_close(&d.port);
	assert_int_not_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_changeauth", "-c", "owner", "x", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_changeauth", "-c", "owner", "-p", "owner", "other", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_changeauth", "-c", "owner", "-p", "other", "owner", NULL), 0);
	test_tpm_device_open(&d);
	/* everything works with them */
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, &changed), DPS_OK, "");
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P256, &ek), DPS_OK, "");
	d.options.auth[DPS_TPM2_IDENTITY_KEYS] = text_of("identity");
	test_tpm_device_reopen(&d);
	expect(d.port.port.generate(d.port.port.ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA384);
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	/* the key's auth value is wanted */
	d.options.auth[DPS_TPM2_IDENTITY_KEYS] = text_of("wrong");
	test_tpm_device_open(&d);
	uint8_t digest[32] = {1}, sig[DPS_SIGNATURE_SIZE];
	size_t len;
	expect(d.port.port.sign(d.port.port.ctx, "identity-0", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY,
	       "wrong auth value");
	/* taking all back */
	expect(dps_tpm2_clear(&d.port), DPS_OK, "");
	expect_auths(false, false, false);
	expect(dps_tpm2_restore_idevid(&d.port, 0, d.chain, &changed), DPS_OK, "");
	assert_true(changed);
	expect_nv_chain(d.chain);
	/* the options still hold the values of before: the TPM says that none is set */
	test_tpm_device_reopen(&d);
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	assert_true(changed);
}

static void auth_values_can_be_emptied(void **state)
{
	bool changed;

	(void)state;
	own();
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, (struct dps_span){NULL, 0}, &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_ENDORSEMENT, (struct dps_span){NULL, 0}, &changed), DPS_OK, "");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_LOCKOUT, (struct dps_span){NULL, 0}, &changed), DPS_OK, "");
	expect_auths(false, false, false);
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	test_tpm_device_open(&d);
}

static void wrong_auth_values(void **state)
{
	bool changed;

	(void)state;
	own();
	d.options.auth[DPS_TPM2_OWNER] = text_of("wrong");
	d.options.auth[DPS_TPM2_ENDORSEMENT] = text_of("wrong");
	test_tpm_device_reopen(&d);
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0, &changed), DPS_E_KEY, "make the IDevID: wrong auth value");
	expect(dps_tpm2_evict(&d.port, DPS_TPM2_SRK_HANDLE, &changed), DPS_E_KEY, "remove a persistent key: wrong auth value");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("x"), &changed), DPS_E_KEY, "change an auth value: wrong auth value");
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	/* none given */
	d.options.auth[DPS_TPM2_OWNER] = d.options.auth[DPS_TPM2_ENDORSEMENT] = (struct dps_span){NULL, 0};
	test_tpm_device_open(&d);
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0, &changed), DPS_E_KEY, "wrong auth value");
	expect(dps_tpm2_evict(&d.port, DPS_TPM2_SRK_HANDLE, &changed), DPS_E_KEY, "wrong auth value");
	expect(dps_tpm2_evict(&d.port, 0x81010001, &changed), DPS_E_KEY, "wrong auth value");
}

static void lockout_is_told_as_what_it_is(void **state)
{
	struct dps_tpm2_info info;
	bool changed;

	(void)state;
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	expect(dps_tpm2_set_lockout(&d.port, 2, 1000, 1000, &changed), DPS_OK, "");
	/* a key that is subject to lockout, as an IDevID with an auth value */
	TOOL("tpm2_createprimary", "-C", "e", "-G", "ecc256", "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign", "-p", "right",
	     "-c", test_tpm_path(&d.tpm, "key.ctx"));
	TOOL("tpm2_evictcontrol", "-c", test_tpm_path(&d.tpm, "key.ctx"), "0x81020000");
	TOOL("tpm2_flushcontext", "-t");
	d.options.auth[DPS_TPM2_MANUFACTURER_KEY] = text_of("wrong");
	test_tpm_device_reopen(&d);
	uint8_t digest[32] = {1}, sig[DPS_SIGNATURE_SIZE];
	size_t len;
	const struct dps_keys *keys = &d.port.port;
	for (int i = 0; i < 2; i++)
		expect(keys->sign(keys->ctx, "manufacturer", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY,
		       "wrong auth value, counted towards lockout");
	expect(keys->sign(keys->ctx, "manufacturer", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY, "the TPM is in lockout");
	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_true(info.in_lockout);
	assert_int_equal(info.lockout_counter, 2);
	expect(dps_tpm2_reset_lockout(&d.port), DPS_OK, "");
	d.options.auth[DPS_TPM2_MANUFACTURER_KEY] = text_of("right");
	test_tpm_device_reopen(&d);
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
	/* operational keys are not subject to it */
	d.options.auth[DPS_TPM2_MANUFACTURER_KEY] = text_of("wrong");
	test_tpm_device_reopen(&d);
	for (int i = 0; i < 3; i++)
		assert_int_equal(keys->sign(keys->ctx, "manufacturer", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY);
	expect(keys->generate(keys->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
}

/* Orderly shutdown: power cuts after close do not count towards lockout, however often. */
static void power_cuts_after_close_do_not_count(void **state)
{
	struct dps_tpm2_info info;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	for (int i = 0; i < 5; i++) {
		test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
		dps_tpm2_close(&d.port);
		test_tpm_power_cycle(&d.tpm);
		test_tpm_device_open(&d);
	}
	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_int_equal(info.lockout_counter, 0);
	/* without it they do */
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
	test_tpm_power_cycle(&d.tpm);
	dps_tpm2_close(&d.port);
	test_tpm_device_open(&d);
	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_int_equal(info.lockout_counter, 1);
}

/* Somebody listens on the way to the TPM: no auth value is heard, whatever it is used for. */
static void auth_values_are_not_heard(void **state)
{
	static struct test_tpm_line line;
	static const char SECRET[] = "of-the-bench";
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	dps_tpm2_close(&d.port);
	test_tpm_line_start(&line, &d.tpm);
	d.options.tcti = line.tcti;
	d.options.auth[DPS_TPM2_IDENTITY_KEYS] = text_of("key-of-the-bench");
	test_tpm_device_open(&d);
	line.needle = SECRET;
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_ENDORSEMENT, text_of("endorsement-of-the-bench"), &changed), DPS_OK, "");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_LOCKOUT, text_of("lockout-of-the-bench"), &changed), DPS_OK, "");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("owner-of-the-bench"), &changed), DPS_OK, "");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("next-owner-of-the-bench"), &changed), DPS_OK, "");
	expect(dps_tpm2_set_lockout(&d.port, 7, 8, 9, &changed), DPS_OK, "");
	expect(d.port.port.generate(d.port.port.ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
	expect(dps_tpm2_evict(&d.port, 0x81010016, &changed), DPS_OK, "");
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0x81020001, &changed), DPS_OK, "");
	assert_false(line.found);
	/* the ear hears: the name of a key's template is no secret */
	line.needle = "IDEVID";
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0x81020001, &changed), DPS_OK, "");
	assert_true(line.found);
	expect(dps_tpm2_clear(&d.port), DPS_OK, "");
	dps_tpm2_close(&d.port);
	test_tpm_line_stop(&line);
	/* wiped from memory */
	for (size_t i = 0; i + 12 <= sizeof(d.port); i++)
		assert_memory_not_equal((const uint8_t *)&d.port + i, SECRET, 12);
}

static void without_any_key_to_salt_with_no_auth_value_is_sent(void **state)
{
	bool changed;

	(void)state;
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvundefine", "-C", "p", "0x01c00002", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvundefine", "-C", "p", "0x01c00016", NULL), 0);
	test_tpm_device_open(&d);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("owner"), &changed), DPS_E_STATE, "make the storage root key first");
	expect_auths(false, false, false);
	/* with an SRK it works, EK certificate or not */
	own();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_tpm_tells_of_itself, start, stop),
		cmocka_unit_test(names_and_handles_in_text),
		cmocka_unit_test_setup_teardown(endorsement_keys_and_their_certificates, start, stop),
		cmocka_unit_test_setup_teardown(endorsement_keys_that_are_not_what_they_should_be, start, stop),
		cmocka_unit_test_setup_teardown(nonces_and_templates_in_nv, start, stop),
		cmocka_unit_test_setup_teardown(the_srk_is_made_once, start, stop),
		cmocka_unit_test_setup_teardown(an_idevid_is_always_the_same, start, stop),
		cmocka_unit_test_setup_teardown(chains_in_nv, start, stop),
		cmocka_unit_test_setup_teardown(locked_and_unlocked_indices, start, stop),
		cmocka_unit_test_setup_teardown(nv_that_is_full_or_garbage, start, stop),
		cmocka_unit_test_setup_teardown(without_the_platform_the_owner_makes_the_index, start, stop),
		cmocka_unit_test_setup_teardown(the_device_reads_its_chain_from_nv, start, stop),
		cmocka_unit_test_setup_teardown(owning_a_tpm, start, stop),
		cmocka_unit_test_setup_teardown(auth_values_can_be_emptied, start, stop),
		cmocka_unit_test_setup_teardown(wrong_auth_values, start, stop),
		cmocka_unit_test_setup_teardown(lockout_is_told_as_what_it_is, start, stop),
		cmocka_unit_test_setup_teardown(power_cuts_after_close_do_not_count, start, stop),
		cmocka_unit_test_setup_teardown(auth_values_are_not_heard, start, stop),
		cmocka_unit_test_setup_teardown(without_any_key_to_salt_with_no_auth_value_is_sent, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, forget);
}
