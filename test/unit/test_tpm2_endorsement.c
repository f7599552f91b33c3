/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TPM tells of itself, and its endorsement keys with their certificates, as the TPM's maker left them and as nobody should; on a real swtpm.
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

/* openssl finds the same key in the certificate. */
static void expect_certified(void)
{
	char pem[1024], ours[1024];

	test_tpm_device_write(&d, "ek.der", ek.certificate, ek.certificate_len);
	test_tpm_device_write(&d, "ek.pub", ek.key.spki, ek.key.spki_len);
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
	test_tpm_device_put_nv(&d, "0x01c00002", "padded", padded, 1900);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_RSA_2048, &ek), DPS_OK, "");
	assert_int_equal(ek.certificate_len, len);
	expect_certified();
	/* a certificate for another key; the EK is there, and made anew */
	test_tpm_device_put_nv(&d, "0x01c00002", "other", d.ca.der, d.ca.len);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_RSA_2048, &ek), DPS_E_KEY_MISMATCH, "index 0x01c00002 is not of this TPM's");
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_ANY, &ek), DPS_E_KEY_MISMATCH, "index 0x01c00002 is not of this TPM's");
	test_tpm_device_put_nv(&d, "0x01c00002", "garbage", GARBAGE, sizeof(GARBAGE));
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_RSA_2048, &ek), DPS_E_CERTIFICATE_FORMAT, "0x01c00002 holds no certificate");
	/* a template that is none */
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvundefine", "-C", "p", "0x01c00002", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_evictcontrol", "-c", "0x81010001", NULL), 0);
	test_tpm_device_open(&d);
	test_tpm_device_put_nv(&d, "0x01c00004", "template", GARBAGE, 64);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_RSA_2048, &ek), DPS_E_KEY_FORMAT, "0x01c00004 holds no EK template");
	/* certificates of the issuers */
	test_tpm_device_put_nv(&d, "0x01c00100", "inter", d.inter.der, d.inter.len);
	test_tpm_device_put_nv(&d, "0x01c00101", "ca", d.ca.der, d.ca.len);
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
	test_tpm_device_put_nv(&d, "0x01c0000b", "nonce", nonce, 32);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P256, &ek), DPS_OK, "");
	assert_memory_not_equal(ek.key.spki, plain.key.spki, plain.key.spki_len);
	test_tpm_device_put_nv(&d, "0x01c0000b", "nonce", nonce, 100);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P256, &ek), DPS_E_KEY_FORMAT, "0x01c0000b holds no EK nonce");
	/* the template wins over the nonce; here it is the usual one with its unique part of zeros */
	memcpy(file, plain.key.tpmt, plain.key.tpmt_len);
	len = plain.key.tpmt_len;
	memset(file + len - 32, 0, 32);
	memset(file + len - 66, 0, 32);
	test_tpm_device_put_nv(&d, "0x01c0000c", "template", file, len);
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P256, &ek), DPS_OK, "");
	assert_memory_equal(ek.key.spki, plain.key.spki, plain.key.spki_len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_tpm_tells_of_itself, start, stop),
		cmocka_unit_test(names_and_handles_in_text),
		cmocka_unit_test_setup_teardown(endorsement_keys_and_their_certificates, start, stop),
		cmocka_unit_test_setup_teardown(endorsement_keys_that_are_not_what_they_should_be, start, stop),
		cmocka_unit_test_setup_teardown(nonces_and_templates_in_nv, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, forget);
}
