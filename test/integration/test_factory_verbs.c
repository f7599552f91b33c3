/* SPDX-License-Identifier: Apache-2.0 */
/* Each verb of dps-factory on a software TPM: what it finds, what it changes, what it refuses. tpm2-tools and openssl are the witnesses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "support/test_station.h"

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

/* A device with key and certificate, signed by an authority in ca/. */
static void make_device(const char *serial)
{
	test_station_expect(&station, 0,
	                    "dps-factory idevid create\n"
	                    "dps-factory idevid csr --serial '%s' --out device.csr\n"
	                    "dps-service sign-csr --state-dir ca --csr device.csr --out device.pem\n"
	                    "cp ca/manufacturer-ca.pem root.pem\n"
	                    "dps-factory idevid install --cert device.pem --ca root.pem",
	                    serial);
}

/* A command with --dry-run says what it would do, and nothing is different afterwards. */
static void assert_dry(const char *command, const char *would)
{
	char *before = test_station_snapshot(&station);
	char *after;

	test_station_expect(&station, 0, "%s --dry-run", command);
	test_station_said(&station, would);
	test_station_expect(&station, 0, "%s --dry-run --json", command);
	test_station_said(&station, "\"dryRun\":true");
	after = test_station_snapshot(&station);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void tpm_info_tells_who_it_is(void **state)
{
	cJSON *json;

	(void)state;
	expect(0, "dps-factory tpm info --json");
	json = cJSON_Parse(station.out);
	assert_non_null(json);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "softwareTpm")));
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(json, "inLockout")));
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "owner")), "no auth value");
	assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "freeTransientObjects")) >= 1);
	assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "nvIndexMax")) >= 1024);
	cJSON_Delete(json);
	test_station_complained(&station, "\"cause\":\"software-tpm\"");
	expect(0, "tpm2_changeauth -c o secret; dps-factory tpm info");
	test_station_said(&station, "owner                     auth value set");
	test_station_complained(&station, "software TPM");
}

static void the_endorsement_key_is_shown_in_all_formats(void **state)
{
	(void)state;
	expect(0, "tpm2_readpublic -c 0x81010001 -f pem -o ek.pem >/dev/null; dps-factory ek show | cmp - ek.pem");
	expect(0, "openssl pkey -pubin -in ek.pem -outform der -out ek.der; dps-factory ek show --format der | cmp - ek.der");
	expect(0, "tpm2_readpublic -c 0x81010001 -f tss -o ek.tpm2b >/dev/null; tail -c +3 ek.tpm2b >ek.tpmt\n"
	          "dps-factory ek show --format tpmt | cmp - ek.tpmt");
	expect(0, "dps-factory ek show --format tpm2b-b64 | base64 -d | cmp - ek.tpm2b");
	expect(0, "test \"$(dps-factory ek fingerprint)\" = \"$(sha256sum <ek.der | cut -d' ' -f1)\"");
	expect(0, "dps-factory ek cert >cert.pem; tpm2_nvread 0x01C00002 -o nv.der; openssl x509 -in cert.pem -outform der -out cert.der\n"
	          "cmp -n $(wc -c <cert.der) cert.der nv.der");
	expect(0, "openssl x509 -in cert.pem -noout -pubkey | cmp - ek.pem");
	expect(0, "dps-factory ek show --type p384 | openssl pkey -pubin -noout -text");
	test_station_said(&station, "secp384r1");
	/* Made of the template L-2, without a certificate. */
	expect(0, "dps-factory ek show --type p256 | openssl pkey -pubin -noout -text");
	test_station_said(&station, "prime256v1");
	expect(1, "dps-factory ek cert --type p256");
	test_station_complained(&station, "holds no certificate");
}

/* One that is not the EK's is not believed. */
static void a_wrong_endorsement_certificate_is_named(void **state)
{
	(void)state;
	expect(0,
	       "dps-factory ek cert --type p384 | openssl x509 -outform der -out other.der\n"
	       "tpm2_nvundefine -C p 0x01C00002 >/dev/null\n"
	       "tpm2_nvdefine -C p -s $(wc -c <other.der) -a 'ppwrite|ppread|ownerread|authread|no_da|platformcreate' 0x01C00002 >/dev/null\n"
	       "tpm2_nvwrite -C p -i other.der 0x01C00002");
	expect(7, "dps-factory ek show --type rsa2048");
	expect(3, "dps-factory verify");
	test_station_said(&station, "failed   ek: ");
	expect(0, "head -c 100 /dev/urandom >garbage; tpm2_nvwrite -C p -i garbage 0x01C00002; dps-factory tpm info");
	expect(1, "dps-factory ek show --type rsa2048");
}

static void owning_is_idempotent_and_dry_when_asked(void **state)
{
	static const char own[] = "dps-factory own --owner-auth env:O --endorsement-auth env:E --lockout-auth env:L --max-tries 20";

	(void)state;
	setenv("O", "owner-secret", 1);
	setenv("E", "endorsement-secret", 1);
	setenv("L", "lockout-secret", 1);
	assert_dry(own, "would    owner auth value");
	expect(0, own);
	test_station_said(&station, "done     storage root key at 0x81000001");
	test_station_said(&station, "done     lockout auth value");
	expect(0, "tpm2_getcap properties-variable");
	test_station_said(&station, "ownerAuthSet:              1");
	test_station_said(&station, "lockoutAuthSet:            1");
	test_station_said(&station, "TPM2_PT_MAX_AUTH_FAIL: 0x14");
	expect(0, "tpm2_readpublic -c 0x81000001 -f pem -o srk.pem >/dev/null; sha256sum srk.pem");
	expect(0, own);
	test_station_said(&station, "already  storage root key");
	test_station_said(&station, "already  owner auth value");
	test_station_said(&station, "already  lockout after 20 tries");
	if (strstr(station.out, "done") != NULL) {
		fail_msg("done twice: %s", station.out);
	}
	assert_dry(own, "already  lockout after 20 tries");
	/* It is the values given that are in force. */
	expect(0, "tpm2_changeauth -c o -p owner-secret owner-secret; tpm2_changeauth -c l -p lockout-secret lockout-secret");
	unsetenv("O");
	unsetenv("E");
	unsetenv("L");
}

static void auth_values_are_left_empty_and_it_is_said(void **state)
{
	(void)state;
	expect(0, "dps-factory own");
	test_station_said(&station, "left     owner auth value (empty)");
	test_station_complained(&station, "left empty");
	expect(0, "tpm2_getcap properties-variable");
	test_station_said(&station, "ownerAuthSet:              0");
}

static void wrong_and_missing_auth_values_end_with_4(void **state)
{
	(void)state;
	expect(0, "umask 077; echo right >right; echo wrong >wrong; dps-factory own --owner-auth file:right");
	expect(4, "dps-factory own --owner-auth file:wrong");
	expect(4, "dps-factory idevid create");
	test_station_complained(&station, "--owner-auth is needed");
	expect(4, "dps-factory idevid create --owner-auth file:wrong");
	expect(0, "dps-factory idevid create --owner-auth file:right");
	expect(0, "dps-factory own --owner-auth file:right --lockout-auth file:right");
	expect(4, "dps-factory retask --owner-auth file:right");
	test_station_complained(&station, "--lockout-auth is needed");
	expect(4, "dps-factory retask --owner-auth file:right --lockout-auth file:wrong");
	expect(0, "tpm2_readpublic -c 0x81000001 >/dev/null");
	/* Where a value may come from, and what it may be. */
	expect(2, "dps-factory own --owner-auth secret");
	assert_null(strstr(station.error, "secret"));
	expect(2, "dps-factory own --owner-auth env:NOWHERE");
	expect(2, "dps-factory own --owner-auth file:nowhere");
	expect(2, "chmod 644 right; dps-factory own --owner-auth file:right");
	test_station_complained(&station, "chmod 600");
	expect(2, "LONG=123456789012345678901234567890123 dps-factory own --owner-auth env:LONG");
	expect(2, "EMPTY= dps-factory own --owner-auth env:EMPTY");
}

static void the_key_is_tcgs_and_made_once(void **state)
{
	(void)state;
	assert_dry("dps-factory idevid create", "would    IDevID key of type p256 at 0x81020000");
	expect(0, "dps-factory idevid create --json");
	test_station_said(&station, "\"type\":\"p256\"");
	expect(0, "tpm2_readpublic -c 0x81020000");
	test_station_said(&station, "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|adminwithpolicy|sign");
	test_station_said(&station, "ad6b3a2284fd698a0710bf5cc1b9bdf15e2532e3f601fa4b93a6a8fa8de579ea");
	expect(0, "dps-factory idevid create");
	test_station_said(&station, "already  IDevID key");
	expect(7, "dps-factory idevid create --type rsa2048");
	test_station_complained(&station, "a key of type p256");
	expect(7, "dps-factory idevid create --type rsa2048 --dry-run");
	expect(0, "dps-factory idevid create --type rsa2048 --key tpm2:0x81020001; tpm2_readpublic -c 0x81020001");
	test_station_said(&station, "bits: 2048");
	/* A stranger's key stays. */
	expect(0, "tpm2_createprimary -C e -G ecc:ecdsa-sha256 -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' -c other.ctx "
	          ">/dev/null\n"
	          "tpm2_evictcontrol -C o -c other.ctx 0x81020002 >/dev/null; tpm2_flushcontext -t");
	expect(7, "dps-factory idevid create --key tpm2:0x81020002");
	expect(0, "tpm2_readpublic -c 0x81020002");
}

static void the_request_names_the_device(void **state)
{
	(void)state;
	expect(1, "dps-factory idevid csr --serial A-1");
	test_station_complained(&station, "there is no key");
	expect(0, "dps-factory idevid create");
	assert_dry("dps-factory idevid csr --serial A-1 --out a.csr", "would    sign a certificate request");
	assert_int_not_equal(test_station_run(&station, "ls a.csr"), 0);
	expect(0, "dps-factory idevid csr --serial 'A-1' >a.csr; openssl req -in a.csr -verify -noout -subject 2>&1");
	test_station_said(&station, "verify OK");
	test_station_said(&station, "CN = A-1, serialNumber = A-1");
	expect(
		0,
		"openssl req -in a.csr -noout -pubkey >key.pem; tpm2_readpublic -c 0x81020000 -f pem -o tpm.pem >/dev/null; cmp key.pem tpm.pem");
	expect(0, "dps-factory idevid csr --serial A-1 --out b.csr");
	assert_string_equal(station.out, "");
	expect(0, "openssl req -in b.csr -verify -noout 2>&1; dps-factory idevid csr --serial A-1 --json");
	test_station_said(&station, "-----BEGIN CERTIFICATE REQUEST-----\\n");
	expect(2, "dps-factory idevid csr");
	expect(2, "dps-factory idevid csr --serial ' A'");
	expect(2, "dps-factory idevid csr --serial =1+1");
	expect(2, "dps-factory idevid csr --serial 'A@1'");
	expect(2, "dps-factory idevid csr --serial 12345678901234567890123456789012345678901234567890123456789012345");
}

static void keys_that_cannot_sign_for_tls_are_named(void **state)
{
	(void)state;
	expect(1, "dps-factory idevid csr --serial A-1 --key tpm2:0x81000001");
	expect(0, "dps-factory own");
	expect(7, "dps-factory idevid csr --serial A-1 --key tpm2:0x81000001");
	test_station_complained(&station, "is no signing key");
	expect(0, "tpm2_createprimary -C e -G ecc:ecdsa-sha256:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' "
	          "-c r.ctx"
	          " >/dev/null; tpm2_evictcontrol -C o -c r.ctx 0x81020003 >/dev/null; tpm2_flushcontext -t");
	expect(7, "dps-factory idevid csr --serial A-1 --key tpm2:0x81020003");
	test_station_complained(&station, "restricted");
	expect(2, "dps-factory idevid csr --serial A-1 --key tpm2:0x01C90000");
	expect(2, "dps-factory idevid csr --serial A-1 --key file:key.pem");
}

static void installing_is_idempotent_and_locks(void **state)
{
	(void)state;
	expect(0, "dps-factory idevid create; dps-factory idevid csr --serial I-1 --out device.csr\n"
	          "dps-service sign-csr --state-dir ca --csr device.csr --out device.pem; cp ca/manufacturer-ca.pem root.pem");
	assert_dry("dps-factory idevid install --cert device.pem", "would    2 certificate(s) from NV index 0x01c90000 on");
	expect(0, "dps-factory idevid install --cert device.pem --ca root.pem --serial I-1");
	test_station_said(&station, "done     2 certificate(s)");
	expect(0, "openssl x509 -in device.pem -outform der -out leaf.der; tpm2_nvread 0x01C90000 | cmp - leaf.der");
	expect(0, "dps-factory idevid install --cert device.pem");
	test_station_said(&station, "already  2 certificate(s)");
	assert_dry("dps-factory idevid install --cert device.pem --lock", "would    2 certificate(s) from NV index 0x01c90000 on, locked");
	expect(0, "dps-factory idevid install --cert device.pem --lock");
	expect(0, "dps-factory idevid install --cert device.pem --lock");
	test_station_said(&station, "already  2 certificate(s)");
	expect(0, "tpm2_nvreadpublic 0x01C90001");
	test_station_said(&station, "writelocked");
	/* Another certificate for the same key does not get in any more. */
	expect(0, "dps-service sign-csr --state-dir ca --csr device.csr --out again.pem");
	expect(7, "dps-factory idevid install --cert again.pem");
	test_station_complained(&station, "locked");
	expect(7, "dps-factory idevid install --cert again.pem --dry-run");
	/* The root at the end of a chain is left out; at another index there is room. */
	expect(0, "cat device.pem root.pem >with-root.pem; dps-factory idevid install --cert with-root.pem --nv 0x01C90010");
	test_station_complained(&station, "anchor");
	test_station_said(&station, "certificates              2");
}

static void certificates_that_are_not_the_devices_are_refused(void **state)
{
	(void)state;
	make_device("C-1");
	expect(0, "dps-service make-device --state-dir ca --out other --serial C-1");
	expect(7, "dps-factory idevid install --cert other/manufacturer.pem");
	test_station_complained(&station, "for another key");
	expect(7, "dps-factory idevid install --cert device.pem --serial C-2");
	test_station_complained(&station, "serial number C-1, not C-2");
	expect(7, "dps-factory idevid install --cert device.pem --ca ca/hub-ca.pem");
	test_station_complained(&station, "does not lead to ca/hub-ca.pem");
	expect(7, "dps-service sign-csr --state-dir ca --csr device.csr --out old.pem --expired; dps-factory idevid install --cert old.pem");
	test_station_complained(&station, "expired");
	expect(2, "tac device.pem >upside.pem; dps-factory idevid install --cert upside.pem");
	expect(2, "cat device.pem ca/hub-ca.pem >odd.pem; dps-factory idevid install --cert odd.pem");
	test_station_complained(&station, "signed by the one behind it");
	expect(2, "cat device.pem other/manufacturer.key >both.pem; dps-factory idevid install --cert both.pem");
	expect(2, "dps-factory idevid install --cert nowhere.pem");
	expect(2, "dps-factory idevid install --cert device.csr");
	/* None of it got anywhere. */
	expect(0, "dps-factory verify --ca root.pem --serial C-1");
}

static void a_device_verifies(void **state)
{
	(void)state;
	make_device("V-1");
	assert_dry("dps-factory verify --ca root.pem --serial V-1", "ok       signature: ");
	expect(0, "dps-factory verify --ca root.pem --serial V-1 --json");
	test_station_said(&station, "\"good\":true");
	test_station_said(&station, "\"serial\":\"V-1\"");
	expect(0, "dps-factory verify");
	test_station_said(&station, "skipped  chain");
	test_station_said(&station, "warning  lock: 0 of 2");
	expect(3, "dps-factory verify --lock");
	test_station_said(&station, "failed   lock");
	test_station_complained(&station, "does not verify: lock");
	expect(3, "dps-factory verify --serial V-2");
	expect(3, "dps-factory verify --ca ca/hub-ca.pem --json");
	test_station_said(&station, "\"good\":false");
	test_station_complained(&station, "\"status\":3");
	expect(2, "dps-factory verify --ca nowhere.pem");
}

static void an_index_that_was_overwritten_is_noticed(void **state)
{
	(void)state;
	make_device("O-1");
	/* Garbage, another key's certificate, another certificate of this key: by whoever may write an index that is not locked. */
	expect(0, "head -c $(tpm2_nvread 0x01C90000 | wc -c) /dev/urandom >garbage; tpm2_nvwrite 0x01C90000 -C p -i garbage");
	expect(3, "dps-factory verify");
	test_station_said(&station, "failed   certificate");
	expect(0, "dps-service make-device --state-dir ca --out other --serial O-1\n"
	          "openssl x509 -in other/manufacturer.pem -outform der -out other.der; tpm2_nvundefine -C p 0x01C90000 >/dev/null\n"
	          "tpm2_nvdefine -C p -s 1000 -a 'ppwrite|writedefine|ppread|ownerread|authread|no_da|platformcreate' 0x01C90000 >/dev/null\n"
	          "tpm2_nvwrite 0x01C90000 -C p -i other.der");
	expect(3, "dps-factory verify");
	test_station_said(&station, "for another key");
	expect(0,
	       "dps-service sign-csr --state-dir ca --csr device.csr --out again.pem; openssl x509 -in again.pem -outform der -out again.der\n"
	       "tpm2_nvwrite 0x01C90000 -C p -i again.der");
	expect(3, "dps-factory verify --ca root.pem");
	test_station_said(&station, "failed   record: the certificate is not the one in the log");
	/* Installing it again mends it. */
	expect(0, "dps-factory idevid install --cert device.pem; dps-factory verify --ca root.pem");
}

static void a_preloaded_pair_is_adopted(void **state)
{
	(void)state;
	make_device("P-1");
	assert_dry("dps-factory idevid adopt --ca root.pem --log receiving.log", "would    adopt the key");
	expect(0, "dps-factory idevid adopt --ca root.pem --log receiving.log --json");
	test_station_said(&station, "\"serial\":\"P-1\"");
	expect(0, "dps-factory idevid adopt --log receiving.log");
	test_station_said(&station, "already  adopt the key");
	test_station_complained(&station, "without --ca");
	expect(0, "dps-factory report --all --csv --log receiving.log");
	test_station_said(&station, "\nP-1,");
	expect(7, "dps-factory idevid adopt --ca ca/hub-ca.pem --log receiving.log");
	expect(7, "dps-factory idevid adopt --serial P-2 --log receiving.log");
	expect(1, "dps-factory idevid adopt --nv 0x01C90020 --log receiving.log");
	expect(
		0,
		"dps-service make-device --state-dir ca --out other --serial P-3; openssl x509 -in other/manufacturer.pem -outform der -out o.der\n"
		"tpm2_nvdefine -C o -s $(wc -c <o.der) 0x01C90030 >/dev/null; tpm2_nvwrite -C o -i o.der 0x01C90030");
	expect(7, "dps-factory idevid adopt --nv 0x01C90030 --log receiving.log");
	test_station_complained(&station, "for another key");
}

static void a_report_has_a_row(void **state)
{
	(void)state;
	make_device("R-1, left");
	expect(0, "dps-factory report --csv");
	test_station_said(&station, "serial,ekSha256,idevidKeySha256,idevidCertificateSha256\n\"R-1, left\",");
	expect(0, "dps-factory report --csv >one; dps-factory report --csv --all | cmp - one\n"
	          "grep $(dps-factory ek fingerprint) one\n"
	          "grep $(tpm2_nvread 0x01C90000 | sha256sum | cut -d' ' -f1) one\n"
	          "grep $(tpm2_readpublic -c 0x81020000 -f der -o k.der >/dev/null; sha256sum <k.der | cut -d' ' -f1) one");
	expect(0, "dps-factory report --json | grep -o '\"idevidKeySha256\":\"[0-9a-f]*\"' | grep $(sha256sum <k.der | cut -d' ' -f1)");
	expect(2, "dps-factory report");
	expect(2, "dps-factory report --csv --json");
}

static void lockout_is_told(void **state)
{
	(void)state;
	make_device("L-1");
	expect(0, "tpm2_dictionarylockout --setup-parameters --max-tries=1 --recovery-time=1000 --lockout-recovery-time=1000\n"
	          "tpm2_sign -c 0x81020000 -p wrong -g sha256 -o s device.pem || true");
	expect(0, "dps-factory tpm info");
	test_station_said(&station, "in lockout                yes");
	expect(5, "dps-factory idevid csr --serial L-1");
	test_station_complained(&station, "lockout");
	expect(3, "dps-factory verify");
	test_station_said(&station, "failed   lockout: in lockout after 1 of 1 tries");
	expect(0, "tpm2_dictionarylockout --clear-lockout; dps-factory verify");
	/* own sets what the device needs. */
	expect(0, "dps-factory own");
	test_station_said(&station, "done     lockout after 32 tries, one forgotten each 10 s");
}

static void a_full_tpm_is_told(void **state)
{
	(void)state;
	expect(0, "dps-factory idevid create; dps-factory idevid csr --serial F-1 --out device.csr\n"
	          "dps-service sign-csr --state-dir ca --csr device.csr --out device.pem");
	expect(
		0,
		"i=0; for size in 2048 256; do while tpm2_nvdefine -C o -s $size $((0x01800000 + i)) >/dev/null 2>&1; do i=$((i + 1)); done; done");
	expect(6, "dps-factory idevid install --cert device.pem");
	test_station_complained(&station, "full");
	expect(0, "tpm2_nvundefine -C o 0x01800000; tpm2_nvundefine -C o 0x01800001; dps-factory idevid install --cert device.pem");
}

/* What killed programs left in the TPM: told by a run that may not change anything, flushed by one that has the TPM to itself. */
static void full_slots_are_told_or_tidied(void **state)
{
	static const char fill[] = "while tpm2_createprimary -C o -c fill.ctx >/dev/null 2>&1; do :; done; tpm2_getcap handles-transient";

	(void)state;
	expect(0, fill);
	test_station_said(&station, "- 0x80000002");
	expect(6, "dps-factory ek show --type p256 --dry-run");
	test_station_complained(&station, "no free slot");
	expect(0, "tpm2_getcap handles-transient");
	test_station_said(&station, "- 0x80000002");
	expect(0, "dps-factory ek show --type p256; dps-factory idevid create");
}

static void retasking_keeps_what_the_manufacturer_made(void **state)
{
	static const char retask[] = "dps-factory retask --owner-auth env:O --lockout-auth env:O --state-dir device";

	(void)state;
	setenv("O", "owner-secret", 1);
	expect(0, "dps-factory own --owner-auth env:O --lockout-auth env:O");
	expect(0, "dps-factory idevid create --owner-auth env:O; dps-factory idevid csr --serial T-1 --out device.csr\n"
	          "dps-service sign-csr --state-dir ca --csr device.csr --out device.pem; cp ca/manufacturer-ca.pem root.pem\n"
	          "dps-factory idevid install --owner-auth env:O --cert device.pem --lock");
	expect(0, "mkdir -m 700 device; echo x >device/tpm-identity-0; echo y >device/manifest; echo z >device/Keep.txt\n"
	          "tpm2_nvdefine -C o -P owner-secret -s 8 0x01800001 >/dev/null\n"
	          "tpm2_createprimary -C o -P owner-secret -c p.ctx >/dev/null; tpm2_evictcontrol -C o -P owner-secret -c p.ctx 0x81000005 "
	          ">/dev/null\n"
	          "tpm2_flushcontext -t\n"
	          "dps-factory ek fingerprint >ek.before; tpm2_readpublic -c 0x81020000 -f pem -o key.before >/dev/null\n"
	          "tpm2_readpublic -c 0x81000001 -f pem -o srk.before >/dev/null; tpm2_nvread 0x01C90000 >cert.before");
	assert_dry(retask, "would    clear the TPM");
	expect(0, "ls device/tpm-identity-0");
	expect(0, retask);
	test_station_said(&station, "done     TPM cleared");
	test_station_said(&station, "done     IDevID key at 0x81020000");
	test_station_said(&station, "done     owner auth value");
	expect(0, "dps-factory ek fingerprint | cmp - ek.before; tpm2_readpublic -c 0x81020000 -f pem -o key.after >/dev/null; cmp key.before "
	          "key.after\n"
	          "tpm2_nvread 0x01C90000 | cmp - cert.before; tpm2_readpublic -c 0x81010001 >/dev/null");
	assert_int_not_equal(
		test_station_run(&station, "tpm2_readpublic -c 0x81000001 -f pem -o srk.after >/dev/null; cmp -s srk.before srk.after"), 0);
	assert_int_not_equal(test_station_run(&station, "tpm2_readpublic -c 0x81000005"), 0);
	assert_int_not_equal(test_station_run(&station, "tpm2_nvreadpublic 0x01800001"), 0);
	expect(0, "ls device");
	assert_string_equal(station.out, "Keep.txt\n");
	expect(0, "tpm2_changeauth -c o -p owner-secret owner-secret; dps-factory verify --ca root.pem --serial T-1 --lock");
	/* Once more, and from where an interrupted one leaves the TPM. */
	expect(0, retask);
	expect(0, "tpm2_clear -c l owner-secret");
	expect(3, "dps-factory verify");
	test_station_said(&station, "failed   key");
	expect(0, retask);
	expect(0, "dps-factory verify --ca root.pem --serial T-1 --lock; tpm2_readpublic -c 0x81020000 -f pem -o key.after >/dev/null; cmp "
	          "key.before key.after");
	unsetenv("O");
}

/* Where the owner made the index TPM2_Clear takes the certificates: they come back, from the file beside the log if need be. */
static void retasking_puts_back_what_the_owner_made(void **state)
{
	(void)state;
	expect(0, "tpm2_changeauth -c p platform");
	make_device("W-1");
	test_station_complained(&station, "the owner made the NV index");
	expect(0, "dps-factory own; tpm2_nvread 0x01C90000 >before");
	expect(0, "dps-factory retask");
	expect(0, "tpm2_nvread 0x01C90000 | cmp - before; dps-factory verify --ca root.pem --serial W-1; ls state/dps-factory");
	assert_null(strstr(station.out, "retask-"));
	/* As if it had been interrupted behind TPM2_Clear. */
	expect(0, "cp device.pem state/dps-factory/retask-$(dps-factory ek fingerprint | cut -c1-16).pem; tpm2_clear");
	expect(3, "dps-factory verify");
	expect(0, "dps-factory retask");
	expect(0, "tpm2_nvread 0x01C90000 | cmp - before; dps-factory verify --ca root.pem --serial W-1");
}

static void a_key_that_cannot_come_back_is_not_destroyed(void **state)
{
	(void)state;
	expect(
		0,
		"tpm2_createprimary -C e -G ecc:ecdsa-sha256 -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' -c o.ctx >/dev/null\n"
		"tpm2_evictcontrol -C o -c o.ctx 0x81020000 >/dev/null; tpm2_flushcontext -t");
	expect(7, "dps-factory retask");
	test_station_complained(&station, "would destroy it for ever");
	expect(0, "tpm2_readpublic -c 0x81020000");
}

static void decommissioning_wants_the_serial_number(void **state)
{
	(void)state;
	make_device("D-1");
	expect(2, "dps-factory decommission");
	expect(7, "dps-factory decommission --confirm D-2");
	test_station_complained(&station, "serial number D-1, not D-2");
	expect(0, "dps-factory verify --ca root.pem");
	assert_dry("dps-factory decommission --confirm D-1", "would    clear the TPM");
	expect(0, "dps-factory decommission --confirm D-1");
	assert_int_not_equal(test_station_run(&station, "tpm2_readpublic -c 0x81020000"), 0);
	assert_int_not_equal(test_station_run(&station, "tpm2_nvreadpublic 0x01C90000"), 0);
	assert_int_not_equal(test_station_run(&station, "tpm2_nvreadpublic 0x01C90001"), 0);
	expect(0, "tpm2_nvreadpublic 0x01C00002; tpm2_readpublic -c 0x81010001; dps-factory ek cert");
	expect(0, "dps-factory decommission --confirm D-1");
	test_station_said(&station, "already  serial number D-1 is decommissioned");
	expect(7, "dps-factory decommission --confirm D-2");
	expect(0, "dps-factory report --all --csv");
	assert_string_equal(station.out, "serial,ekSha256,idevidKeySha256,idevidCertificateSha256\n");
	expect(0, "dps-factory idevid create; dps-factory idevid csr --serial D-3");
}

static void without_a_tpm_it_ends_with_2_and_one_line(void **state)
{
	const char *feed;

	(void)state;
	test_tpm_kill(&station.tpms[0]);
	expect(2, "dps-factory tpm info");
	feed = strchr(station.error, '\n');
	assert_non_null(feed);
	assert_int_equal(feed[1], '\0');
	assert_string_equal(station.out, "");
	expect(2, "dps-factory own --tcti device:/nonexistent --json");
	test_station_complained(&station, "\"event\":\"failed\",\"cause\":\"tpm\",\"status\":2");
}

static void bad_usage_ends_with_2_and_one_line(void **state)
{
	static const char *const lines[] = {
		"",
		"nonsense",
		"idevid",
		"idevid csr more --serial A",
		"tpm info --serial A",
		"own --nonsense",
		"own --owner-auth",
		"own --max-tries 0",
		"own --max-tries many",
		"ek show --format asn1",
		"ek show --type rsa1024",
		"idevid create --type p384",
		"idevid install --cert ''",
		"verify --nv 0x81020000",
		"audit verify --anchor 1:abc",
		"audit show --tcti none",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *feed;

		test_station_expect(&station, 2, "dps-factory %s", lines[i]);
		feed = strchr(station.error, '\n');
		if (station.out[0] != '\0' || feed == NULL || feed[1] != '\0') {
			fail_msg("%s: %s%s", lines[i], station.out, station.error);
		}
	}
	expect(0, "dps-factory --help");
	test_station_said(&station, "usage: dps-factory VERB");
	/* None of it is in a log. */
	expect(0, "test ! -e state");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tpm_info_tells_who_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_endorsement_key_is_shown_in_all_formats, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_endorsement_certificate_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(owning_is_idempotent_and_dry_when_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(auth_values_are_left_empty_and_it_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_and_missing_auth_values_end_with_4, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_key_is_tcgs_and_made_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_request_names_the_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_that_cannot_sign_for_tls_are_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(installing_is_idempotent_and_locks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(certificates_that_are_not_the_devices_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_device_verifies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_index_that_was_overwritten_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_preloaded_pair_is_adopted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_report_has_a_row, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lockout_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_tpm_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_slots_are_told_or_tidied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(retasking_keeps_what_the_manufacturer_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(retasking_puts_back_what_the_owner_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_that_cannot_come_back_is_not_destroyed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(decommissioning_wants_the_serial_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_tpm_it_ends_with_2_and_one_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_usage_ends_with_2_and_one_line, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, test_station_forget);
}
