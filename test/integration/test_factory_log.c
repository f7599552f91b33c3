/* SPDX-License-Identifier: Apache-2.0 */
/* The station's log: what every run leaves in it, what is seen of tampering, truncation and crashes, and that no two devices get one key or serial number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_station.h"

#define LOG "state/dps-factory/station.log"

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

static void expect(int status, const char *command)
{
	test_station_expect(&station, status, "%s", command);
}

/* Three records, and a copy to start from again. */
static void make_log(void)
{
	expect(0, "for i in 1 2 3; do dps-factory tpm info >/dev/null; done; cp -r state whole");
}

static void restore_log(void)
{
	expect(0, "rm -rf state; cp -r whole state");
}

/* A damaged log is told, and nothing is done with it: no record, no verb. */
static void assert_damaged(const char *damage, const char *cause)
{
	restore_log();
	test_station_expect(&station, 0, "%s\ncat " LOG "* >before 2>/dev/null || true", damage);
	test_station_expect(&station, 8, "dps-factory audit verify --json");
	test_station_complained(&station, cause);
	assert_string_equal(station.out, "");
	test_station_expect(&station, 8, "dps-factory idevid create");
	assert_int_not_equal(test_station_run(&station, "tpm2_readpublic -c 0x81020000"), 0);
	test_station_expect(&station, 8, "dps-factory audit show >/dev/null");
	test_station_expect(&station, 8, "dps-factory audit export >/dev/null");
	test_station_expect(&station, 0, "cat " LOG "* 2>/dev/null | cmp - before");
}

static void every_run_leaves_a_record(void **state)
{
	(void)state;
	expect(1, "dps-factory idevid csr --serial X-1");
	expect(0, "dps-factory idevid create; dps-factory idevid csr --serial X-1; dps-factory verify || true; dps-factory report --all --csv");
	expect(0, "dps-factory audit show");
	test_station_said(&station, "idevid csr       X-1               not-found: there is no key");
	test_station_said(&station, "idevid create                      ok");
	test_station_said(&station, "idevid csr       X-1               ok");
	test_station_said(&station, "verify: this device does not verify: certificate");
	expect(0,
	       "dps-factory audit export | jq -es 'length == 6 and .[0].seq == 1 and .[5].verb == \"audit show\" and .[2].serial == \"X-1\"'");
	/* Each line carries the hash of the one before: anybody's sha256sum can follow. */
	expect(0, "prev=0000000000000000000000000000000000000000000000000000000000000000\n"
	          "while read -r line; do\n"
	          "	printf '%s' \"$line\" | jq -e --arg prev $prev '.prev == $prev' >/dev/null\n"
	          "	prev=$(printf '%s' \"$line\" | sha256sum | cut -d' ' -f1)\n"
	          "done <" LOG "\n"
	          "jq -e --arg prev $prev '.sha256 == $prev and .records == 7' <" LOG ".head");
	expect(0, "stat -c %a " LOG);
	assert_string_equal(station.out, "600\n");
	expect(0, "dps-factory audit show --json | jq -e '.records | length == 7'");
	expect(0, "dps-factory audit export --out copy.log; test $(wc -l <copy.log) = 8");
}

static void a_dry_run_leaves_none(void **state)
{
	(void)state;
	expect(0, "dps-factory tpm info --dry-run; dps-factory idevid create --dry-run; test ! -e state");
	make_log();
	expect(0, "dps-factory own --dry-run; dps-factory audit verify --dry-run; dps-factory audit show --dry-run; diff -r state whole");
}

static void tampering_is_seen(void **state)
{
	(void)state;
	make_log();
	assert_damaged("sed -i '2s/tpm info/tpm inf0/' " LOG, "\"log-tampered\"");
	assert_damaged("sed -i '1s/\"result\":\"ok\"/\"result\":\"OK\"/' " LOG, "record 2 does not follow");
	assert_damaged("sed -i '3s/ok/no/' " LOG, "\"log-tampered\"");
	assert_damaged("sed -i 2d " LOG, "\"log-tampered\"");
	assert_damaged("sed -i 1d " LOG, "\"log-tampered\"");
	assert_damaged("sed -i 2p " LOG, "\"log-tampered\"");
	assert_damaged("sed -i '2{h;d};3G' " LOG, "\"log-tampered\"");
	assert_damaged("echo nonsense >>" LOG, "record 4 is not JSON");
	assert_damaged("echo '{\"seq\":4}' >>" LOG, "\"log-tampered\"");
	assert_damaged("printf '\\000' | dd of=" LOG " bs=1 seek=10 conv=notrunc 2>/dev/null", "\"log-tampered\"");
	assert_damaged("head -c 20000 /dev/zero | tr '\\0' x >>" LOG "; echo >>" LOG, "\"log-tampered\"");
	assert_damaged("echo '{}' >" LOG ".head", "not as this tool writes it");
	assert_damaged("sed -i 's/\"records\":3/\"records\":1/' " LOG ".head", "\"log-tampered\"");
	restore_log();
	expect(0, "dps-factory audit verify");
}

static void truncation_is_seen(void **state)
{
	(void)state;
	make_log();
	assert_damaged("sed -i 3d " LOG, "has 2 of 3 records");
	assert_damaged("truncate -s -5 " LOG, "\"log-truncated\"");
	assert_damaged("truncate -s -1 " LOG, "\"log-truncated\"");
	assert_damaged("sed -i 2,3d " LOG, "has 1 of 3 records");
	assert_damaged("truncate -s 0 " LOG, "has 0 of 3 records");
	assert_damaged("rm " LOG ".head", "is missing");
	restore_log();
	expect(0, "rm " LOG);
	expect(8, "dps-factory audit verify");
	test_station_complained(&station, "truncated");
	expect(8, "dps-factory idevid create");
	expect(0, "rm -r state");
	expect(8, "dps-factory audit verify");
	test_station_complained(&station, "there is no log");
}

/* What log and head together do not show, an anchor does. */
static void an_anchor_shows_what_was_rewritten_whole(void **state)
{
	(void)state;
	make_log();
	expect(0, "dps-factory audit verify --json | jq -r .anchor >anchor; dps-factory audit verify --anchor $(cat anchor)");
	expect(0, "dps-factory tpm info; dps-factory audit verify --anchor $(cat anchor)");
	/* A log of an hour ago, with its head. */
	expect(0, "rm -rf state; mkdir -p state/dps-factory; head -n 1 whole/dps-factory/station.log >" LOG "\n"
	          "printf '{\"records\":1,\"sha256\":\"%s\"}\\n' $(tr -d '\\n' <" LOG " | sha256sum | cut -d' ' -f1) >" LOG ".head\n"
	          "dps-factory audit verify");
	expect(8, "dps-factory audit verify --anchor $(cat anchor)");
	test_station_complained(&station, "truncated");
	expect(0, "for i in 1 2 3 4; do dps-factory tpm info; done");
	expect(8, "dps-factory audit verify --anchor $(cat anchor)");
	test_station_complained(&station, "not the one of the anchor");
}

/* What a power cut leaves is no tampering: a piece of a line, or a line that the head does not know yet. */
static void an_interrupted_record_is_put_right(void **state)
{
	(void)state;
	make_log();
	expect(0, "printf '{\"time\":\"2026' >>" LOG);
	expect(0, "dps-factory audit verify");
	test_station_complained(&station, "interrupted");
	test_station_said(&station, "records                   3");
	expect(0, "dps-factory audit verify 2>&1");
	assert_null(strstr(station.out, "interrupted"));
	test_station_said(&station, "records                   4");
	restore_log();
	expect(0, "dps-factory tpm info; cp whole/dps-factory/station.log.head " LOG ".head; dps-factory audit verify");
	test_station_complained(&station, "interrupted");
	test_station_said(&station, "records                   4");
	expect(0, "dps-factory audit verify 2>&1");
	assert_null(strstr(station.out, "interrupted"));
	test_station_said(&station, "records                   5");
	/* A new log whose first record was cut. */
	expect(0, "rm " LOG "; echo '{\"records\":0,\"sha256\":\"0000000000000000000000000000000000000000000000000000000000000000\"}' >" LOG
	          ".head\n"
	          "printf '{' >" LOG "; dps-factory tpm info; dps-factory audit verify");
	test_station_said(&station, "records                   1");
}

static void a_log_that_cannot_be_written_stops_everything(void **state)
{
	(void)state;
	expect(8, "mkdir state; mkdir -p " LOG "; dps-factory idevid create");
	expect(8, "dps-factory idevid create --log /proc/nowhere/station.log");
	expect(8, "ln -s target link.log; dps-factory idevid create --log link.log");
	assert_int_not_equal(test_station_run(&station, "tpm2_readpublic -c 0x81020000"), 0);
	/* The product is not handed out when its record cannot be written. */
	expect(0, "dps-factory idevid create --log own.log");
	expect(8, "prlimit --fsize=$(stat -c %s own.log) dps-factory idevid csr --serial A-1 --log own.log");
	assert_string_equal(station.out, "");
	expect(0, "dps-factory audit verify --log own.log");
}

static void stations_in_parallel_do_not_mix_records(void **state)
{
	(void)state;
	expect(0, "for i in 1 2 3 4 5 6; do dps-factory audit verify --log j.log >/dev/null 2>&1 || true; done; test ! -e j.log\n"
	          "for i in 1 2 3 4 5 6; do (for j in 1 2 3; do dps-factory tpm info --tcti device:/nonexistent --log j.log 2>/dev/null || "
	          "true; done) & done\n"
	          "wait; dps-factory audit verify --log j.log");
	test_station_said(&station, "records                   18");
}

static void one_serial_number_is_one_device(void **state)
{
	(void)state;
	test_station_add_tpm(&station, 1);
	expect(0, "dps-factory idevid create; dps-factory idevid csr --serial ONE --out one.csr\n"
	          "dps-service sign-csr --state-dir ca --csr one.csr --out one.pem; dps-factory idevid install --cert one.pem");
	/* The same device may ask again, and may not have a second one. */
	expect(0, "dps-factory idevid csr --serial ONE");
	expect(7, "dps-factory idevid csr --serial TWO");
	test_station_complained(&station, "have the serial number ONE");
	assert_string_equal(station.out, "");
	/* Another device. */
	test_station_use(&station, 1);
	expect(0, "dps-factory idevid create");
	expect(7, "dps-factory idevid csr --serial ONE");
	test_station_complained(&station, "serial number ONE is another device's (record 2 of the log)");
	expect(7, "dps-factory idevid csr --serial ONE --dry-run");
	expect(0, "dps-factory idevid csr --serial TWO --out two.csr");
	/* An authority that was careless is no way around it. */
	expect(0, "openssl req -in two.csr -noout -pubkey >two.pub; dps-factory idevid csr --serial ONE --log other.log --out forged.csr\n"
	          "dps-service sign-csr --state-dir ca --csr forged.csr --out forged.pem");
	expect(7, "dps-factory idevid install --cert forged.pem");
	test_station_complained(&station, "serial number ONE is another device's");
	expect(0, "dps-service sign-csr --state-dir ca --csr two.csr --out two.pem; dps-factory idevid install --cert two.pem");
	expect(0, "dps-factory report --all --csv | cut -d, -f1");
	assert_string_equal(station.out, "serial\nONE\nTWO\n");
	expect(0, "dps-factory report --all --json | jq -e '.devices[0].ekSha256 != .devices[1].ekSha256'");
	/* A serial number stays its device's when that is decommissioned. */
	test_station_use(&station, 0);
	expect(0, "dps-factory decommission --confirm ONE; dps-factory idevid create; dps-factory idevid csr --serial THREE");
	test_station_use(&station, 1);
	expect(0, "dps-factory decommission --confirm TWO; dps-factory idevid create");
	expect(7, "dps-factory idevid csr --serial ONE");
	expect(7, "dps-factory idevid csr --serial THREE");
	expect(0, "dps-factory idevid csr --serial FOUR");
}

/* A software TPM that was copied has the same keys: two devices with one key are found out. */
static void one_key_is_one_device(void **state)
{
	(void)state;
	expect(0, "dps-factory idevid create; dps-factory idevid csr --serial FIRST --out first.csr");
	test_tpm_start(&station.tpms[1]); /* a copy of the same chip */
	test_station_use(&station, 1);
	expect(
		0,
		"dps-factory idevid create; openssl req -in first.csr -noout -pubkey >first.pub; tpm2_readpublic -c 0x81020000 -f pem -o copy.pub\n"
		"cmp first.pub copy.pub");
	expect(7, "dps-factory idevid csr --serial SECOND");
	test_station_complained(&station, "have the serial number FIRST");
}

static void secrets_are_nowhere(void **state)
{
	(void)state;
	setenv("O", "owner-secret-in-env", 1);
	expect(0, "umask 077; echo lockout-secret-in-file >l; a='--owner-auth env:O --lockout-auth file:l'\n"
	          "{ dps-factory own $a --json; dps-factory own $a; dps-factory idevid create $a; dps-factory idevid csr $a --serial S-1\n"
	          "dps-factory verify $a || true; dps-factory retask $a; dps-factory audit show; dps-factory audit export; } >all 2>&1\n"
	          "echo wrong-secret >l; ! dps-factory retask $a >>all 2>&1; TSS2_LOG=all+debug dps-factory tpm info $a >>all 2>&1");
	expect(1, "grep -raE 'owner-secret|lockout-secret|wrong-secret' all state");
	unsetenv("O");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_run_leaves_a_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_dry_run_leaves_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tampering_is_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(truncation_is_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_anchor_shows_what_was_rewritten_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_interrupted_record_is_put_right, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_log_that_cannot_be_written_stops_everything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stations_in_parallel_do_not_mix_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_serial_number_is_one_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_key_is_one_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(secrets_are_nowhere, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, test_station_forget);
}
