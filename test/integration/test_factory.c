/* SPDX-License-Identifier: Apache-2.0 */
/* The three factories of docs/manufacturing, walked as they are written: the commands are taken from the pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_station.h"

#define PAGES       "docs/manufacturing/"
#define PAGE_MAX    65536u
#define SCRIPT_NAME "walk.sh"

static struct test_station station;

static int set_up(void **state)
{
	(void)state;
	test_station_set_up(&station);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_station_tear_down(&station);
	return 0;
}

static char *read_text(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, PAGE_MAX);

	if (in == NULL || text == NULL) {
		fail_msg("cannot read %s (tests run from the top of the tree)", path);
		abort();
	}
	assert_true(fread(text, 1, PAGE_MAX - 1, in) < PAGE_MAX - 1);
	fclose(in);
	return text;
}

/* All blocks of a page that are shell, one behind the other, into a script of the station. */
static void extract_script(const char *page)
{
	char *text = read_text(page);
	FILE *out = fopen(test_station_path(&station, SCRIPT_NAME), "w");
	size_t blocks = 0;
	char *at = text;

	assert_non_null(out);
	while ((at = strstr(at, "\n```sh\n")) != NULL) {
		char *end;

		at += strlen("\n```sh\n");
		end = strstr(at, "\n```");
		assert_non_null(end);
		fprintf(out, "%.*s\n", (int)(end - at), at);
		at = end;
		blocks++;
	}
	fclose(out);
	free(text);
	assert_true(blocks > 2);
}

/* Walks a page; every command must succeed. What the tool wrote is then in station.out and station.error. */
static void walk(const char *page)
{
	extract_script(page);
	test_station_expect(&station, 0, "sh -eu " SCRIPT_NAME);
}

/* tpm2-tools and openssl, which share no code with the tool, find the same. */
static void assert_device_is_whole(const char *serial, const char *chain, const char *anchor)
{
	test_station_expect(&station, 0,
	                    "tpm2_nvread 0x01C90000 -o leaf.der\n"
	                    "openssl x509 -inform der -in leaf.der -out leaf.pem\n"
	                    "openssl x509 -in '%s' -outform der | cmp - leaf.der\n"
	                    "openssl verify -CAfile '%s' -untrusted '%s' leaf.pem\n"
	                    "tpm2_readpublic -c 0x81020000 -f pem -o key.pem >/dev/null\n"
	                    "openssl x509 -in leaf.pem -noout -pubkey >certified.pem\n"
	                    "cmp key.pem certified.pem\n"
	                    "openssl x509 -in leaf.pem -noout -subject -nameopt RFC2253\n",
	                    chain, anchor, chain);
	test_station_said(&station, serial);
	test_station_expect(&station, 0,
	                    "printf challenge >challenge\n"
	                    "tpm2_sign -c 0x81020000 -g sha256 -f plain -o signature challenge\n"
	                    "openssl dgst -sha256 -verify certified.pem -signature signature challenge");
	test_station_expect(&station, 0, "dps-factory report --json");
	test_station_said(&station, serial);
}

/* The index cannot be written by whoever made it, nor by the owner. */
static void assert_locked(void)
{
	test_station_expect(&station, 0, "tpm2_nvreadpublic 0x01C90000");
	test_station_said(&station, "writelocked");
	assert_int_not_equal(test_station_run(&station, "tpm2_nvwrite 0x01C90000 -C p -i challenge"), 0);
	assert_int_not_equal(test_station_run(&station, "tpm2_nvwrite 0x01C90000 -C o -i challenge"), 0);
}

/* No auth value of the walk is in the log, in any file besides those it was put into, or in any output. */
static void assert_no_secret(const char *files_of_secrets)
{
	test_station_expect(
		&station, 0,
		"for secret in $(cat %s); do\n"
		"	if grep -rqsF \"$secret\" state config shift* medium batch walk.out walk.err; then echo \"found $secret\"; exit 1; fi\n"
		"done",
		files_of_secrets);
}

static void the_connected_factory(void **state)
{
	(void)state;
	extract_script(PAGES "connected.md");
	test_station_expect(&station, 0, "sh -eu " SCRIPT_NAME " >walk.out 2>walk.err || { cat walk.out walk.err; exit 1; }");
	assert_device_is_whole("LAMP-000123", "LAMP-000123.pem", "root.pem");
	assert_locked();
	assert_no_secret("owner.auth endorsement.auth lockout.auth");
	test_station_expect(&station, 0, "cmp shift.csv LAMP-000123.csv");
	test_station_expect(&station, 0, "cat walk.err");
	test_station_said(&station, "software TPM");
	/* The hierarchies have the values of the files. */
	test_station_expect(&station, 0, "tpm2_changeauth -c o -p \"$(cat owner.auth)\" \"$(cat owner.auth)\"");
	test_station_expect(&station, 0, "tpm2_changeauth -c e -p \"$(cat endorsement.auth)\" \"$(cat endorsement.auth)\"");
	test_station_expect(&station, 0, "tpm2_changeauth -c l -p \"$(cat lockout.auth)\" \"$(cat lockout.auth)\"");
	/* The anchor holds. */
	test_station_expect(&station, 0, "dps-factory audit verify --anchor $(sed -n 's/^anchor *//p' anchor.txt)");
	test_station_expect(&station, 0, "head -n $(wc -l <shift.log) state/dps-factory/station.log | cmp - shift.log");
}

/* The second time everything is so already. */
static void a_walk_can_be_walked_again(void **state)
{
	(void)state;
	walk(PAGES "connected.md");
	/* The auth values of the device are those of the first walk. */
	test_station_expect(&station, 0, "sed -i -e '/openssl rand/d' -e '/sign-csr/d' " SCRIPT_NAME "; sh -eu " SCRIPT_NAME);
	test_station_said(&station, "already");
	if (strstr(station.out, "done ") != NULL) {
		fail_msg("something was done twice: %s", station.out);
	}
}

static void the_offline_factory_with_its_own_pki(void **state)
{
	(void)state;
	extract_script(PAGES "offline-own-pki.md");
	test_station_expect(&station, 0,
	                    "echo 'printf \"%%s\\n\" \"$OWNER_AUTH\" \"$ENDORSEMENT_AUTH\" \"$LOCKOUT_AUTH\" >secrets' >>" SCRIPT_NAME "\n"
	                    "sh -eu " SCRIPT_NAME " >walk.out 2>walk.err || { cat walk.out walk.err; exit 1; }");
	assert_device_is_whole("PUMP-7.2-0001", "medium/PUMP-7.2-0001.pem", "medium/root.pem");
	assert_locked();
	assert_no_secret("secrets");
	test_station_expect(&station, 0, "dps-factory ek fingerprint | cmp - medium/PUMP-7.2-0001.ek; cat medium/devices.csv");
	test_station_said(&station, "\nPUMP-7.2-0001,");
	/* The issuer's certificate is at the index behind the leaf's. */
	test_station_expect(&station, 0,
	                    "openssl x509 -in authority/issuing.pem -outform der >issuing.der; tpm2_nvread 0x01C90001 | cmp - issuing.der");
}

static void the_offline_factory_with_a_third_partys_pki(void **state)
{
	(void)state;
	walk(PAGES "offline-third-party-pki.md");
	test_station_complained(&station, "left empty");
	assert_device_is_whole("GW-2026-000042", "batch/GW-2026-000042.pem", "third-party-root.pem");
	assert_locked();
	test_station_expect(&station, 0, "openssl req -in batch/GW-2026-000042.csr -verify -noout -text 2>&1");
	test_station_said(&station, "(2048 bit)");
	test_station_said(&station, "serialNumber = GW-2026-000042");
	test_station_expect(&station, 0, "grep -c anchor anchor.txt; cat received.json");
	test_station_said(&station, "2\n{");
	test_station_said(&station, "GW-2026-000042");
}

/* "| 4 | ..." in the page for "STATUS_AUTH = 4," in the code, and no others. */
static void exit_statuses_are_those_of_the_page(void **state)
{
	char *page = read_text(PAGES "README.md");
	char *code = read_text("examples/factory/exit_status.h");
	char row[16];
	char value[16];

	(void)state;
	for (int status = 0; status < 16; status++) {
		snprintf(row, sizeof(row), "\n| %d | ", status);
		snprintf(value, sizeof(value), " = %d", status);
		assert_int_equal(strstr(page, row) != NULL, strstr(code, value) != NULL);
	}
	free(page);
	free(code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_connected_factory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_walk_can_be_walked_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_offline_factory_with_its_own_pki, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_offline_factory_with_a_third_partys_pki, set_up, tear_down),
		cmocka_unit_test(exit_statuses_are_those_of_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, test_station_forget);
}
