/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TPMs that are not there, hang, lie, fail, are full, locked or busy, and keys that are none: each has its cause and its text, and nothing is left in the TPM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pki/pki.h"
#include "support/test_tpm_device.h"

#define CC_SIGN 0x15du

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

static dps_result sign(const char *slot)
{
	uint8_t digest[32] = {7}, sig[DPS_SIGNATURE_SIZE];
	size_t len;

	return keys()->sign(keys()->ctx, slot, DPS_HASH_SHA256, digest, sizeof(digest), sig, sizeof(sig), &len);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- no TPM ------------------------------------------------------------------------------------------------------------------------------ */

static void expect_no_tpm(const char *tcti, const char *text)
{
	struct dps_tpm2_options options = {.tcti = tcti, .timeout_ms = 2000};
	const dps_result result = dps_tpm2_open(&d.port, &options);

	expect(result, DPS_E_TPM, text);
	/* the ports of one that is not open fail, and say why */
	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_E_KEY, text);
	expect(sign("manufacturer"), DPS_E_KEY, text);
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_E_UNSUPPORTED, text);
	dps_tpm2_close(&d.port);
	dps_tpm2_close(&d.port);
}

static void no_tpm_is_told(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	dps_tpm2_close(&d.port); /* never opened */
	expect_no_tpm("swtpm:host=127.0.0.1,port=1", "no TPM at 127.0.0.1:1: Connection refused");
	expect_no_tpm("swtpm:path=/nowhere/socket", "no TPM at /nowhere/socket: No such file or directory");
	expect_no_tpm("device:/dev/does-not-exist", "no TPM at /dev/does-not-exist: No such file or directory");
	expect_no_tpm("swtpm:nonsense=1", "not a TCTI: swtpm:nonsense=1");
	expect_no_tpm("swtpm:port=http", "not a TCTI");
	expect_no_tpm("swtpm:host=", "not a TCTI");
	expect_no_tpm("nothing-of-the-kind:x=y", "no TPM at nothing-of-the-kind:x=y");
	if (access("/dev/tpmrm0", F_OK) != 0 && access("/dev/tpm0", F_OK) != 0)
		expect_no_tpm(NULL, "no TPM at /dev/tpmrm0: No such file or directory");
}

static void options_out_of_range(void **state)
{
	static const uint8_t LONG[DPS_TPM2_AUTH_SIZE + 1] = {1};
	struct dps_tpm2_options options = {.tcti = "swtpm:port=1"};

	(void)state;
	options.auth[DPS_TPM2_LOCKOUT] = (struct dps_span){LONG, sizeof(LONG)};
	expect(dps_tpm2_open(&d.port, &options), DPS_E_ARGUMENT, "longer than 32 bytes");
}

static void one_process_at_a_time(void **state)
{
	static struct dps_tpm2 second;
	struct dps_tpm2_options options = d.options;

	(void)state;
	assert_int_equal(dps_tpm2_open(&second, &options), DPS_E_TPM);
	assert_non_null(strstr(dps_tpm2_detail(&second), "in use by another process"));
	options.lock_file = "/nowhere/lock";
	assert_int_equal(dps_tpm2_open(&second, &options), DPS_E_TPM);
	options.lock_file = "/dev/null";
	assert_int_equal(dps_tpm2_open(&second, &options), DPS_E_TPM);
	assert_non_null(strstr(dps_tpm2_detail(&second), "not a regular file"));
	/* the first one is not disturbed */
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
}

/* --- transports ------------------------------------------------------------------------------------------------------------------------- */

static struct test_tpm_line line;

static int start_line(void **state)
{
	(void)start(state);
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	dps_tpm2_close(&d.port);
	test_tpm_line_start(&line, &d.tpm);
	d.options.tcti = line.tcti;
	test_tpm_device_open(&d);
	return 0;
}

static int stop_line(void **state)
{
	dps_tpm2_close(&d.port);
	test_tpm_line_stop(&line);
	return stop(state);
}

static void lose_patience(void)
{
	d.options.timeout_ms = 400;
	test_tpm_device_reopen(&d);
}

static void a_tpm_that_hangs_is_an_error(void **state)
{
	(void)state;
	lose_patience();
	test_tpm_line_fault(&line, 1, 0, TEST_TPM_SILENT, 0);
	const uint64_t begin = now_ms();
	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_E_KEY, "no answer in time");
	assert_in_range(now_ms() - begin, 350, 4000);
	/* it answers again: so does the port */
	test_tpm_line_fault(&line, 0, 0, TEST_TPM_SILENT, 0);
	expect(sign("manufacturer"), DPS_OK, "");
	test_tpm_line_fault(&line, 1, 0, TEST_TPM_SILENT, 0);
	expect(sign("manufacturer"), DPS_E_KEY, "sign: no answer in time");
	test_tpm_line_fault(&line, 0, 0, TEST_TPM_SILENT, 0);
	expect(sign("identity-0"), DPS_OK, "");
}

static void what_is_no_tpm_is_told(void **state)
{
	(void)state;
	test_tpm_line_fault(&line, 1, 0, TEST_TPM_GARBAGE, 0);
	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_E_KEY, "does not answer like a TPM");
	test_tpm_line_fault(&line, 0, 0, TEST_TPM_GARBAGE, 0);
	expect(sign("manufacturer"), DPS_OK, "");
}

static void a_tpm_that_is_reset_meanwhile_is_started_again(void **state)
{
	(void)state;
	expect(sign("identity-0"), DPS_OK, "");
	test_tpm_line_fault(&line, 1, 1, TEST_TPM_ANSWER, 0x100); /* TPM_RC_INITIALIZE */
	expect(sign("identity-0"), DPS_OK, "");
	/* a real one: the loaded key is gone */
	dps_tpm2_close(&d.port);
	test_tpm_line_stop(&line);
	d.options.tcti = d.tpm.tcti;
	test_tpm_device_open(&d);
	expect(sign("identity-0"), DPS_OK, "");
	char ctrl[64];
	(void)snprintf(ctrl, sizeof(ctrl), "127.0.0.1:%u", (unsigned)d.tpm.port + 1);
	const char *const argv[] = {"swtpm_ioctl", "--tcp", ctrl, "-i", NULL};
	assert_int_equal(test_process_run(argv, 10000, NULL, 0, NULL, 0), 0);
	expect(sign("identity-0"), DPS_OK, "");
	test_tpm_line_start(&line, &d.tpm);
}

/* Through libtss2-tctildr: another transport than ours, under the same TCTI. */
static void transports_of_libtss2(void **state)
{
	char tcti[128];

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	dps_tpm2_close(&d.port);
	(void)snprintf(tcti, sizeof(tcti), "libtss2-tcti-swtpm.so.0:host=127.0.0.1,port=%u", (unsigned)d.tpm.port);
	d.options.tcti = tcti;
	test_tpm_device_open(&d);
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	expect(sign("identity-0"), DPS_OK, "");
	expect(sign("manufacturer"), DPS_OK, "");
	assert_int_equal(d.port.stats.commands, 9); /* an SRK is made */
	test_tpm_kill(&d.tpm);
	expect(sign("identity-0"), DPS_E_KEY, "is gone");
	expect(sign("identity-0"), DPS_E_KEY, "no TPM at libtss2-tcti-swtpm.so.0");
	dps_tpm2_close(&d.port);
	d.options.tcti = d.tpm.tcti;
	test_tpm_power_cycle(&d.tpm);
	test_tpm_device_open(&d);
	expect(sign("identity-0"), DPS_OK, "");
}

/* What a run does, as far as it comes. */
static dps_result run(void)
{
	static const struct dps_uuid id = {{1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}};
	uint8_t csr[DPS_CSR_PEM_SIZE];
	struct dps_span chain;
	size_t len;
	dps_result result = dps_tpm2_open(&d.port, &d.options);

	if (result == DPS_OK)
		result = keys()->open(keys()->ctx, "manufacturer");
	if (result == DPS_OK)
		result = d.port.certificates.chain(d.port.certificates.ctx, "manufacturer", &chain);
	if (result == DPS_OK)
		result = dps_pki_check_key(keys(), "manufacturer", chain);
	if (result == DPS_OK)
		result = keys()->open(keys()->ctx, "identity-0");
	if (result == DPS_E_NOT_FOUND)
		result = keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256);
	if (result == DPS_OK)
		result = sign("manufacturer");
	if (result == DPS_OK)
		result = dps_pki_csr_pem(keys(), "identity-0", &id, csr, sizeof(csr), &len);
	return result;
}

/* The line breaks at each command of a run in turn, in several ways; the next run, which knows of nothing, works, and nothing is left in the TPM. */
static void break_everywhere(enum test_tpm_fault fault, uint32_t code, bool known)
{
	unsigned at = 1;
	bool reached = true;

	for (; reached; at++) {
		dps_tpm2_close(&d.port);
		if (!known) {
			test_store_free(&d.store);
			test_store_init(&d.store);
		}
		test_tpm_line_fault(&line, at, 1, fault, code);
		const dps_result result = run();
		const char *text = dps_tpm2_detail(&d.port);
		if (result != DPS_OK && (result != DPS_E_KEY || text[0] == '\0'))
			fail_msg("command %u: %s (%s)", at, dps_result_name(result), text);
		dps_tpm2_close(&d.port);
		reached = test_tpm_line_commands(&line) >= at;
		test_tpm_line_fault(&line, 0, 0, fault, code);
		/* two rounds: after an unclean end the first one tidies up */
		for (int i = 0; i < 2; i++) {
			const dps_result again = run();
			if (again != DPS_OK)
				fail_msg("after command %u: %s (%s)", at, dps_result_name(again), dps_tpm2_detail(&d.port));
			dps_tpm2_close(&d.port);
		}
		test_tpm_assert_clean(&d.tpm);
	}
	assert_in_range(at, 5, 16);
	test_tpm_device_open(&d);
}

static void a_line_that_breaks_before_each_command(void **state)
{
	(void)state;
	break_everywhere(TEST_TPM_CLOSE, 0, true);
	break_everywhere(TEST_TPM_CLOSE, 0, false);
}

static void a_line_that_breaks_behind_each_command(void **state)
{
	(void)state;
	break_everywhere(TEST_TPM_EATEN, 0, true);
	break_everywhere(TEST_TPM_EATEN, 0, false);
}

static void failure_mode_at_each_command(void **state)
{
	(void)state;
	break_everywhere(TEST_TPM_ANSWER, 0x101, true);
	break_everywhere(TEST_TPM_ANSWER, 0x101, false);
}

static void memory_full_at_each_command(void **state)
{
	(void)state;
	break_everywhere(TEST_TPM_ANSWER, 0x902, false);
}

static void a_tpm_that_stops_for_good(void **state)
{
	(void)state;
	test_tpm_line_fault(&line, 1, 0, TEST_TPM_CLOSE, 0);
	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_E_KEY, "closed the connection");
	expect(sign("identity-0"), DPS_E_KEY, "Connection refused");
	dps_tpm2_close(&d.port);
	assert_int_equal(dps_tpm2_open(&d.port, &d.options), DPS_E_TPM);
}

static void a_busy_tpm_is_asked_again(void **state)
{
	static const uint32_t BUSY[] = {0x922, 0x908, 0x90a, 0x920};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		test_tpm_line_fault_on(&line, CC_SIGN, 3, TEST_TPM_ANSWER, BUSY[i]);
		expect(sign("manufacturer"), DPS_OK, "");
		assert_in_range(test_tpm_line_commands(&line), 4, 5);
	}
	/* not for ever */
	lose_patience();
	test_tpm_line_fault_on(&line, CC_SIGN, 0, TEST_TPM_ANSWER, 0x922);
	const uint64_t begin = now_ms();
	expect(sign("manufacturer"), DPS_E_KEY, "sign: the TPM was busy all the time");
	assert_in_range(now_ms() - begin, 0, 4000);
	assert_in_range(test_tpm_line_commands(&line), 4, 12);
	test_tpm_line_fault_on(&line, CC_SIGN, 0, TEST_TPM_ANSWER, 0x90a);
	expect(sign("manufacturer"), DPS_E_KEY, "testing itself");
	test_tpm_line_fault(&line, 0, 0, TEST_TPM_ANSWER, 0);
}

static void codes_have_texts(void **state)
{
	static const struct {
		uint32_t code;
		const char *text;
	} CODES[] = {{0x101, "failure mode"},
	             {0x921, "in lockout"},
	             {0x98e, "wrong auth value, counted towards lockout"},
	             {0x9a2, "wrong auth value"},
	             {0x903, "no free session"},
	             {0x143, "does not know the command"},
	             {0x1d5, "structure is the wrong size (0x1d5)"}};

	(void)state;
	for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++) {
		test_tpm_line_fault_on(&line, CC_SIGN, 0, TEST_TPM_ANSWER, CODES[i].code);
		const dps_result result = sign("identity-0");
		assert_true(result == DPS_E_KEY || result == DPS_E_UNSUPPORTED);
		expect(result, result, CODES[i].text);
		expect(result, result, "tpm:");
	}
	test_tpm_line_fault(&line, 0, 0, TEST_TPM_ANSWER, 0);
}

/* --- a TPM that is full -------------------------------------------------------------------------------------------------------------------- */

static void fill(int objects)
{
	char name[16];

	for (int i = 0; i < objects; i++) {
		(void)snprintf(name, sizeof(name), "%d.ctx", i);
		assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_createprimary", "-C", "n", "-c", test_tpm_path(&d.tpm, name), NULL), 0);
	}
	assert_int_equal(test_tpm_count(&d.tpm, "handles-transient"), (size_t)objects);
}

static void a_full_tpm_that_is_shared(void **state)
{
	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	dps_tpm2_close(&d.port);
	fill(3);
	d.options.lock_file = NULL;
	test_tpm_device_open(&d);
	expect(keys()->open(keys()->ctx, "identity-0"), DPS_E_KEY, "the TPM has no free slot: other programs left objects in it");
	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_E_KEY, "0x902");
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_count(&d.tpm, "handles-transient"), 3);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-t", NULL), 0);
	test_tpm_device_open(&d);
	expect(sign("identity-0"), DPS_OK, "");
}

static void a_full_tpm_that_is_ours(void **state)
{
	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	for (int objects = 1; objects <= 3; objects++) {
		dps_tpm2_close(&d.port);
		fill(objects);
		test_tpm_device_open(&d);
		expect(sign("identity-0"), DPS_OK, "");
		expect(sign("manufacturer"), DPS_OK, "");
		dps_tpm2_close(&d.port);
		assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-t", NULL), 0);
	}
	test_tpm_device_open(&d);
}

static void sessions_left_behind_are_ended(void **state)
{
	char name[16];

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	dps_tpm2_close(&d.port);
	for (int i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "%d.ses", i);
		assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_startauthsession", "--hmac-session", "-S", test_tpm_path(&d.tpm, name), NULL),
		                 0);
	}
	/* an auth value needs a session of ours */
	d.options.auth[DPS_TPM2_IDENTITY_KEYS] = (struct dps_span){(const uint8_t *)"secret", 6};
	test_tpm_device_open(&d);
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	expect(sign("identity-0"), DPS_OK, "");
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-s", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-l", NULL), 0);
	test_tpm_device_open(&d);
}

/* A process that is killed leaves what it loaded; its lock file says so to the next one. */
static void what_a_killed_process_left_is_flushed(void **state)
{
	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	dps_tpm2_close(&d.port);
	fill(2);
	FILE *file = fopen(test_tpm_path(&d.tpm, "lock"), "w");
	assert_non_null(file);
	assert_true(fputs("in use\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	test_tpm_device_open(&d);
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	struct stat st;
	assert_int_equal(stat(test_tpm_path(&d.tpm, "lock"), &st), 0);
	assert_int_equal(st.st_size, 0);
	test_tpm_device_open(&d);
}

/* --- keys that are none ---------------------------------------------------------------------------------------------------------------------- */

static void persist(const char *hierarchy, const char *algorithm, const char *attributes)
{
	if (test_tpm_tool(&d.tpm, NULL, 0, "tpm2_createprimary", "-C", hierarchy, "-G", algorithm, "-a", attributes, "-c",
	                  test_tpm_path(&d.tpm, "key.ctx"), NULL) != 0)
		fail_msg("no key %s %s", algorithm, attributes);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_evictcontrol", "-c", test_tpm_path(&d.tpm, "key.ctx"), "0x81020000", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-t", NULL), 0);
}

static void expect_no_key(const char *algorithm, const char *attributes, const char *text)
{
	dps_tpm2_close(&d.port);
	persist("e", algorithm, attributes);
	test_tpm_device_open(&d);
	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_E_KEY_FORMAT, text);
	expect(sign("manufacturer"), DPS_E_KEY_FORMAT, text);
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_evictcontrol", "-c", "0x81020000", NULL), 0);
	test_tpm_device_open(&d);
}

static void handles_that_are_no_keys(void **state)
{
#define FIXED "fixedtpm|fixedparent|sensitivedataorigin|"
	(void)state;
	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_E_NOT_FOUND, "no key at 0x81020000");
	expect(sign("manufacturer"), DPS_E_NOT_FOUND, "no key at 0x81020000");
	expect_no_key("ecc256:ecdsa-sha256:null", FIXED "userwithauth|restricted|sign", "a restricted key");
	expect_no_key("ecc256:aes128cfb", FIXED "userwithauth|restricted|decrypt", "a key that cannot sign");
	expect_no_key("ecc256:ecdh", FIXED "userwithauth|decrypt", "a key that cannot sign");
	expect_no_key("rsa2048:oaep", FIXED "userwithauth|decrypt", "a key that cannot sign");
	expect_no_key("rsa3072", FIXED "userwithauth|sign", "a curve or size that is not supported");
	expect_no_key("ecc521", FIXED "userwithauth|sign", "a curve or size that is not supported");
	expect_no_key("rsa2048:rsapss-sha256:null", FIXED "userwithauth|sign", "a scheme that TLS 1.2 has no use for");
	expect_no_key("ecc256:ecdaa4-sha256", FIXED "userwithauth|sign", "a scheme that TLS 1.2 has no use for");
	expect_no_key("hmac", FIXED "userwithauth|sign", "neither an EC nor an RSA key");
	expect_no_key("ecc256", FIXED "sign", "only a policy");
}

/* Keys bound to one hash sign what they can. */
static void keys_bound_to_a_scheme(void **state)
{
	static const struct {
		const char *algorithm;
		bool can[3]; /* SHA-256, -384, -512 */
	} KEYS[] = {{"ecc256:ecdsa-sha256:null", {true, true, true}},    {"ecc256:ecdsa-sha384:null", {true, true, true}},
	            {"ecc384:ecdsa-sha384:null", {true, true, true}},    {"ecc384:ecdsa-sha512:null", {true, true, true}},
	            {"ecc384:ecdsa-sha256:null", {true, false, false}},  {"rsa2048:rsassa-sha256:null", {true, false, false}},
	            {"rsa2048:rsassa-sha384:null", {false, true, false}}};
	uint8_t digest[64] = {1}, sig[DPS_SIGNATURE_SIZE];
	static const size_t LENGTHS[] = {32, 48, 64};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
		dps_tpm2_close(&d.port);
		persist("e", KEYS[i].algorithm, FIXED "userwithauth|sign");
		test_tpm_device_open(&d);
		for (int hash = DPS_HASH_SHA256; hash <= DPS_HASH_SHA512; hash++) {
			if (KEYS[i].can[hash])
				test_tpm_device_sign(&d, "manufacturer", (enum dps_hash)hash);
			else
				expect(keys()->sign(keys()->ctx, "manufacturer", (enum dps_hash)hash, digest, LENGTHS[hash], sig, sizeof(sig), &len),
				       DPS_E_UNSUPPORTED, "bound to another hash");
		}
		dps_tpm2_close(&d.port);
		test_store_free(&d.store);
		test_store_init(&d.store);
		assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_evictcontrol", "-c", "0x81020000", NULL), 0);
		test_tpm_device_open(&d);
	}
}

static void a_storage_root_that_is_none_is_not_overwritten(void **state)
{
	(void)state;
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_createprimary", "-C", "o", "-G", "ecc256", "-a", FIXED "userwithauth|sign", "-c",
	                               test_tpm_path(&d.tpm, "key.ctx"), NULL),
	                 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_evictcontrol", "-c", test_tpm_path(&d.tpm, "key.ctx"), "0x81000001", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-t", NULL), 0);
	test_tpm_device_open(&d);
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_E_KEY_FORMAT, "not a storage key");
	expect(dps_tpm2_create_srk(&d.port, NULL), DPS_E_KEY_FORMAT, "not ours to overwrite");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_tpm_is_told),
		cmocka_unit_test(options_out_of_range),
		cmocka_unit_test_setup_teardown(one_process_at_a_time, start, stop),
		cmocka_unit_test_setup_teardown(a_tpm_that_hangs_is_an_error, start_line, stop_line),
		cmocka_unit_test_setup_teardown(what_is_no_tpm_is_told, start_line, stop_line),
		cmocka_unit_test_setup_teardown(a_tpm_that_is_reset_meanwhile_is_started_again, start_line, stop_line),
		cmocka_unit_test_setup_teardown(transports_of_libtss2, start, stop),
		cmocka_unit_test_setup_teardown(a_line_that_breaks_before_each_command, start_line, stop_line),
		cmocka_unit_test_setup_teardown(a_line_that_breaks_behind_each_command, start_line, stop_line),
		cmocka_unit_test_setup_teardown(failure_mode_at_each_command, start_line, stop_line),
		cmocka_unit_test_setup_teardown(memory_full_at_each_command, start_line, stop_line),
		cmocka_unit_test_setup_teardown(a_tpm_that_stops_for_good, start_line, stop_line),
		cmocka_unit_test_setup_teardown(a_busy_tpm_is_asked_again, start_line, stop_line),
		cmocka_unit_test_setup_teardown(codes_have_texts, start_line, stop_line),
		cmocka_unit_test_setup_teardown(a_full_tpm_that_is_shared, start, stop),
		cmocka_unit_test_setup_teardown(a_full_tpm_that_is_ours, start, stop),
		cmocka_unit_test_setup_teardown(sessions_left_behind_are_ended, start, stop),
		cmocka_unit_test_setup_teardown(what_a_killed_process_left_is_flushed, start, stop),
		cmocka_unit_test_setup_teardown(handles_that_are_no_keys, start, stop),
		cmocka_unit_test_setup_teardown(keys_bound_to_a_scheme, start, stop),
		cmocka_unit_test_setup_teardown(a_storage_root_that_is_none_is_not_overwritten, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, forget);
}
