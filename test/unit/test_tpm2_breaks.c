/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A factory's work on a TPM that breaks off at each command in turn, before the command or behind it: the same work done again comes to the same end, and nothing is left in
 * the TPM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_tpm_device.h"

#define INDEX DPS_TPM2_IDEVID_INDEX

static struct test_tpm_device d;
static struct test_tpm_line line;

static struct dps_span text_of(const char *text)
{
	return (struct dps_span){(const uint8_t *)text, strlen(text)};
}

static int start(void **state)
{
	(void)state;
	test_tpm_device_start(&d);
	test_tpm_device_open(&d);
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	if (dps_tpm2_clear(&d.port) != DPS_OK)
		return -1;
	dps_tpm2_close(&d.port);
	test_tpm_line_start(&line, &d.tpm);
	d.options.tcti = line.tcti;
	d.options.storage = NULL;
	d.options.auth[DPS_TPM2_OWNER] = text_of("owner");
	d.options.auth[DPS_TPM2_ENDORSEMENT] = text_of("endorsement");
	d.options.auth[DPS_TPM2_LOCKOUT] = text_of("lockout");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	dps_tpm2_close(&d.port);
	test_tpm_line_stop(&line);
	test_tpm_device_stop(&d);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	test_tpm_forget_all();
	return 0;
}

/* What `own`, `idevid create` and `idevid install --lock` do. */
static dps_result manufacture(void)
{
	dps_result result = dps_tpm2_open(&d.port, &d.options);
	if (result == DPS_OK)
		result = dps_tpm2_create_srk(&d.port, NULL);
	if (result == DPS_OK)
		result = dps_tpm2_set_lockout(&d.port, 32, 10, 60, NULL);
	if (result == DPS_OK)
		result = dps_tpm2_change_auth(&d.port, DPS_TPM2_ENDORSEMENT, text_of("endorsement"), NULL);
	if (result == DPS_OK)
		result = dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("owner"), NULL);
	if (result == DPS_OK)
		result = dps_tpm2_change_auth(&d.port, DPS_TPM2_LOCKOUT, text_of("lockout"), NULL);
	if (result == DPS_OK)
		result = dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0, NULL);
	if (result == DPS_OK)
		result = dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, NULL);
	return result;
}

static void expect_manufactured(unsigned at)
{
	static struct dps_tpm2_public key;
	struct dps_tpm2_info info;
	struct dps_tpm2_nv nv;
	uint8_t chain[DPS_TPM2_CHAIN_SIZE];
	size_t len;
	const dps_result result = manufacture();

	if (result != DPS_OK)
		fail_msg("after command %u: %s (%s)", at, dps_result_name(result), dps_tpm2_detail(&d.port));
	test_tpm_device_expect(&d, dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_true(info.owner_auth_set && info.endorsement_auth_set && info.lockout_auth_set && info.max_tries == 32);
	assert_int_equal(info.lockout_counter, 0);
	test_tpm_device_expect(&d, dps_tpm2_read_public(&d.port, DPS_TPM2_IDEVID_HANDLE, &key), DPS_OK, "");
	test_tpm_device_expect(&d, dps_tpm2_nv_read_chain(&d.port, INDEX, chain, sizeof(chain), &len), DPS_OK, "");
	assert_int_equal(len, d.chain.len);
	assert_memory_equal(chain, d.chain.data, len);
	test_tpm_device_expect(&d, dps_tpm2_nv_look(&d.port, INDEX + 1, &nv), DPS_OK, "");
	assert_true(nv.write_locked);
}

/* Back to the beginning. */
static void undo(void)
{
	test_tpm_device_expect(&d, dps_tpm2_nv_remove(&d.port, INDEX, NULL), DPS_OK, "");
	test_tpm_device_expect(&d, dps_tpm2_nv_remove(&d.port, INDEX + 1, NULL), DPS_OK, "");
	test_tpm_device_expect(&d, dps_tpm2_clear(&d.port), DPS_OK, "");
	dps_tpm2_close(&d.port);
}

static void break_everywhere(enum test_tpm_fault fault)
{
	bool reached = true;
	unsigned at = 1;

	for (; reached; at++) {
		test_tpm_line_fault(&line, at, 1, fault, 0);
		const dps_result result = manufacture();
		if (result != DPS_OK && (result != DPS_E_TPM || dps_tpm2_detail(&d.port)[0] == '\0'))
			fail_msg("command %u: %s (%s)", at, dps_result_name(result), dps_tpm2_detail(&d.port));
		reached = test_tpm_line_commands(&line) >= at;
		dps_tpm2_close(&d.port);
		test_tpm_line_fault(&line, 0, 0, fault, 0);
		expect_manufactured(at);
		undo();
		if (at % 16 == 0)
			test_tpm_assert_clean(&d.tpm);
	}
	assert_in_range(at, 50, 200);
	test_tpm_assert_clean(&d.tpm);
}

static void before_each_command(void **state)
{
	(void)state;
	break_everywhere(TEST_TPM_CLOSE);
}

static void behind_each_command(void **state)
{
	(void)state;
	break_everywhere(TEST_TPM_EATEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(before_each_command, start, stop),
		cmocka_unit_test_setup_teardown(behind_each_command, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, forget);
}
