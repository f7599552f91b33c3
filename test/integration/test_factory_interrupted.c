/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dps-factory with a TPM that goes away before each command in turn, or behind it: the run fails and says so, the next one tidies up and finishes, and nothing is
 * lost on the way, least of all by retask.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_station.h"

#define COMMANDS_MAX 200u
#define FOR_THE_RUN  100000u

static struct test_station station;
static struct test_tpm_line line;

static int set_up(void **state)
{
	(void)state;
	test_station_set_up(&station);
	test_tpm_line_start(&line, &station.tpms[0]);
	setenv("LINE", line.tcti, 1);
	setenv("O", "owner-secret", 1);
	setenv("L", "lockout-secret", 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_tpm_line_stop(&line);
	test_station_tear_down(&station);
	unsetenv("O");
	unsetenv("L");
	return 0;
}

static void make_device(void)
{
	test_station_expect(&station, 0,
	                    "dps-factory idevid create; dps-factory idevid csr --serial I-1 --out device.csr\n"
	                    "dps-service sign-csr --state-dir ca --csr device.csr --out device.pem; cp ca/manufacturer-ca.pem root.pem\n"
	                    "dps-factory idevid install --cert device.pem --ca root.pem --lock\n"
	                    "tpm2_readpublic -c 0x81020000 -f pem -o key.pem >/dev/null; tpm2_nvread 0x01C90000 >leaf.der");
}

/*
 * Runs `verb` over the line, failing from its nth command on, for every n (every `stride`th) until none is left to fail; `before` makes it have something
 * to do. Each time the run must fail and be recorded as failed, the same again must succeed, and `after` hold.
 */
static void interrupt(const char *before, const char *verb, const char *after, enum test_tpm_fault fault, unsigned stride)
{
	int status = -1;
	unsigned at;

	for (at = 1; at < COMMANDS_MAX && status != 0; at += stride) {
		test_tpm_line_fault(&line, 0, 0, TEST_TPM_CLOSE, 0);
		test_station_expect(&station, 0, "%s", before);
		test_tpm_line_fault(&line, at, FOR_THE_RUN, fault, 0);
		status = test_station_run(&station, "%s --tcti $LINE", verb);
		test_tpm_line_fault(&line, 0, 0, TEST_TPM_CLOSE, 0);
		if (status != 0 && status != 1 && status != 2) {
			fail_msg("%s, failing at command %u, ended with %d: %s%s", verb, at, status, station.out, station.error);
		}
		if (status != 0) {
			test_station_expect(&station, 0, "tail -n 1 state/dps-factory/station.log | jq -e '.result != \"ok\"'");
			test_station_expect(&station, 0, "%s --tcti $LINE", verb);
		}
		test_station_expect(&station, 0, "%s", after);
		test_tpm_assert_clean(&station.tpms[0]);
	}
	assert_true(at < COMMANDS_MAX && at > 2);
}

static void owning_goes_on(void **state)
{
	(void)state;
	interrupt("tpm2_clear -c p", "dps-factory own --owner-auth env:O --lockout-auth env:L",
	          "tpm2_changeauth -c o -p owner-secret owner-secret; tpm2_changeauth -c l -p lockout-secret lockout-secret\n"
	          "tpm2_readpublic -c 0x81000001 >/dev/null",
	          TEST_TPM_CLOSE, 2);
}

/* The TPM did what it was told, and the tool does not know. */
static void owning_goes_on_behind_each_command(void **state)
{
	(void)state;
	interrupt("tpm2_clear -c p", "dps-factory own --owner-auth env:O --lockout-auth env:L",
	          "tpm2_changeauth -c o -p owner-secret owner-secret; tpm2_changeauth -c l -p lockout-secret lockout-secret\n"
	          "tpm2_readpublic -c 0x81000001 >/dev/null",
	          TEST_TPM_EATEN, 3);
}

static void making_the_key_goes_on(void **state)
{
	(void)state;
	interrupt("tpm2_evictcontrol -C o -c 0x81020000 >/dev/null 2>&1 || true", "dps-factory idevid create",
	          "tpm2_readpublic -c 0x81020000 >/dev/null", TEST_TPM_EATEN, 1);
}

static void installing_goes_on(void **state)
{
	static const char before[] =
		"tpm2_nvundefine -C p 0x01C90000 >/dev/null 2>&1 || true; tpm2_nvundefine -C p 0x01C90001 >/dev/null 2>&1 || true";
	static const char verb[] = "dps-factory idevid install --cert device.pem --lock";
	static const char after[] = "dps-factory verify --ca root.pem --lock >/dev/null; tpm2_nvread 0x01C90000 | cmp - leaf.der";

	(void)state;
	make_device();
	interrupt(before, verb, after, TEST_TPM_CLOSE, 2);
	interrupt(before, verb, after, TEST_TPM_EATEN, 3);
}

static void retasking_loses_nothing(void **state)
{
	static const char after[] =
		"dps-factory verify --ca root.pem --lock >/dev/null; tpm2_nvread 0x01C90000 | cmp - leaf.der\n"
		"tpm2_readpublic -c 0x81020000 -f pem -o now.pem >/dev/null; cmp key.pem now.pem; tpm2_readpublic -c 0x81000001 >/dev/null";

	(void)state;
	make_device();
	interrupt("true", "dps-factory retask", after, TEST_TPM_CLOSE, 2);
	interrupt("true", "dps-factory retask", after, TEST_TPM_EATEN, 3);
}

/* Where the owner made the NV index, TPM2_Clear takes the certificates: they are in a file beside the log meanwhile. */
static void retasking_loses_nothing_of_the_owners(void **state)
{
	(void)state;
	test_station_expect(&station, 0, "tpm2_changeauth -c p platform");
	make_device();
	interrupt("true", "dps-factory retask",
	          "dps-factory verify --ca root.pem >/dev/null; tpm2_nvread 0x01C90000 | cmp - leaf.der\n"
	          "tpm2_readpublic -c 0x81020000 -f pem -o now.pem >/dev/null; cmp key.pem now.pem",
	          TEST_TPM_EATEN, 2);
}

static void decommissioning_goes_on(void **state)
{
	(void)state;
	make_device();
	interrupt("dps-factory idevid create; dps-factory idevid install --cert device.pem", "dps-factory decommission --confirm I-1",
	          "! tpm2_nvreadpublic 0x01C90000 2>/dev/null; ! tpm2_readpublic -c 0x81020000 2>/dev/null", TEST_TPM_EATEN, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(owning_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(owning_goes_on_behind_each_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(making_the_key_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(installing_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(retasking_loses_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(retasking_loses_nothing_of_the_owners, set_up, tear_down),
		cmocka_unit_test_setup_teardown(decommissioning_goes_on, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, test_station_forget);
}
