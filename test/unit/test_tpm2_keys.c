/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in a TPM, on a real swtpm: the manufacturer's key and operational keys, how many commands they cost, how they survive restarts and TPM2_Clear, and what is
 * refused. openssl and tpm2-tools are the witnesses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dps/config.h"
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

static const struct dps_keys *keys(void)
{
	return &d.port.port;
}

static void expect(dps_result result, dps_result expected, const char *text)
{
	test_tpm_device_expect(&d, result, expected, text);
}

static void expect_commands(const char *names)
{
	char text[1024] = "";

	for (size_t i = 0; i < d.port.stats.commands && i < DPS_TPM2_COMMANDS; i++) {
		(void)strncat(text, i > 0 ? " " : "", sizeof(text) - strlen(text) - 1);
		(void)strncat(text, dps_tpm2_command_name(d.port.stats.list[i].code), sizeof(text) - strlen(text) - 1);
	}
	if (strcmp(text, names) != 0)
		for (size_t i = 0; i < d.port.stats.commands; i++)
			printf("%s 0x%x %u us\n", dps_tpm2_command_name(d.port.stats.list[i].code), d.port.stats.list[i].rc, d.port.stats.list[i].us);
	assert_string_equal(text, names);
}

/* What a run of dps-device asks of the port. make: a new operational key. */
static void provision(bool make)
{
	static const struct dps_uuid id = {{1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}};
	uint8_t digest[32] = {7}, sig[DPS_SIGNATURE_SIZE], spki[DPS_SPKI_SIZE], csr[DPS_CSR_PEM_SIZE];
	struct dps_span chain;
	size_t len;
	const struct dps_certificates *certificates = &d.port.certificates;

	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_OK, "");
	expect(certificates->chain(certificates->ctx, "manufacturer", &chain), DPS_OK, "");
	expect(dps_pki_check_key(keys(), "manufacturer", chain), DPS_OK, "");
	expect(keys()->public_key(keys()->ctx, "manufacturer", spki, sizeof(spki), &len), DPS_OK, "");
	if (make)
		expect(keys()->open(keys()->ctx, "identity-0"), DPS_E_NOT_FOUND, NULL);
	if (make)
		expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	else
		expect(keys()->open(keys()->ctx, "identity-0"), DPS_OK, "");
	expect(keys()->sign(keys()->ctx, "manufacturer", DPS_HASH_SHA256, digest, sizeof(digest), sig, sizeof(sig), &len), DPS_OK, "");
	expect(dps_pki_csr_pem(keys(), "identity-0", &id, csr, sizeof(csr), &len), DPS_OK, "");

	FILE *file = fopen(test_tpm_path(&d.tpm, "csr.pem"), "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(csr, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void expect_csr_is_good(void)
{
	const char *const argv[] = {"openssl", "req", "-in", test_tpm_path(&d.tpm, "csr.pem"), "-verify", "-noout", NULL};

	assert_int_equal(test_process_run(argv, 10000, NULL, 0, NULL, 0), 0);
}

static void commands_are_few(void **state)
{
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	assert_true(changed);
	test_tpm_device_reopen(&d);
	provision(true);
	expect_csr_is_good();
	dps_tpm2_close(&d.port);
	expect_commands("ReadPublic ReadPublic Create Sign Load Sign FlushContext Shutdown");
	/* from now on SRK and IDevID are known */
	test_tpm_device_open(&d);
	provision(false);
	expect_csr_is_good();
	dps_tpm2_close(&d.port);
	expect_commands("Load Sign Sign FlushContext Shutdown");
	/* another key, with both known */
	test_tpm_device_open(&d);
	expect(keys()->erase(keys()->ctx, "identity-0"), DPS_OK, "");
	provision(true);
	dps_tpm2_close(&d.port);
	expect_commands("Create Sign Load Sign FlushContext Shutdown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(commands_are_few, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, forget);
}
