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

/* --- signing --------------------------------------------------------------------------------------------------------------------------- */

static void every_hash_is_signed(void **state)
{
	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	for (int hash = DPS_HASH_SHA256; hash <= DPS_HASH_SHA512; hash++)
		test_tpm_device_sign(&d, "manufacturer", (enum dps_hash)hash);
	static const enum dps_key_type TYPES[] = {DPS_KEY_EC_P256, DPS_KEY_EC_P384, DPS_KEY_RSA_2048};
	for (size_t i = 0; i < 3; i++) {
		expect(keys()->generate(keys()->ctx, "identity-0", TYPES[i]), DPS_OK, "");
		for (int hash = DPS_HASH_SHA256; hash <= DPS_HASH_SHA512; hash++)
			test_tpm_device_sign(&d, "identity-0", (enum dps_hash)hash);
		provision(false);
		expect_csr_is_good();
	}
}

static void an_rsa_identity_signs(void **state)
{
	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_RSA_2048);
	for (int hash = DPS_HASH_SHA256; hash <= DPS_HASH_SHA512; hash++)
		test_tpm_device_sign(&d, "manufacturer", (enum dps_hash)hash);
}

static void sign_refuses_what_is_no_digest(void **state)
{
	uint8_t digest[64] = {0}, sig[DPS_SIGNATURE_SIZE];
	size_t len;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	assert_int_equal(keys()->sign(keys()->ctx, "manufacturer", DPS_HASH_SHA256, digest, 31, sig, sizeof(sig), &len), DPS_E_ARGUMENT);
	assert_int_equal(keys()->sign(keys()->ctx, "manufacturer", (enum dps_hash)3, digest, 64, sig, sizeof(sig), &len), DPS_E_ARGUMENT);
	assert_int_equal(keys()->sign(keys()->ctx, "manufacturer", DPS_HASH_SHA256, digest, 32, sig, 8, &len), DPS_E_BUFFER);
	assert_in_range(len, 64, 72);
	assert_int_equal(keys()->public_key(keys()->ctx, "manufacturer", sig, 8, &len), DPS_E_BUFFER);
	assert_int_equal(len, 91);
}

/* --- operational keys ------------------------------------------------------------------------------------------------------------------ */

static void both_keys_exist_until_the_old_one_is_erased(void **state)
{
	uint8_t a[DPS_SPKI_SIZE], b[DPS_SPKI_SIZE];
	size_t a_len, b_len;

	(void)state;
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	expect(keys()->generate(keys()->ctx, "identity-1", DPS_KEY_EC_P256), DPS_OK, "");
	expect(keys()->public_key(keys()->ctx, "identity-0", a, sizeof(a), &a_len), DPS_OK, "");
	expect(keys()->public_key(keys()->ctx, "identity-1", b, sizeof(b), &b_len), DPS_OK, "");
	assert_int_equal(a_len, b_len);
	assert_memory_not_equal(a, b, a_len);
	for (int i = 0; i < 3; i++) {
		test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
		test_tpm_device_sign(&d, "identity-1", DPS_HASH_SHA256);
	}
	test_tpm_device_reopen(&d);
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
	expect(keys()->public_key(keys()->ctx, "identity-0", b, sizeof(b), &b_len), DPS_OK, "");
	assert_memory_equal(a, b, a_len);
	expect(keys()->erase(keys()->ctx, "identity-0"), DPS_OK, NULL);
	expect(keys()->erase(keys()->ctx, "identity-0"), DPS_OK, NULL);
	expect(keys()->open(keys()->ctx, "identity-0"), DPS_E_NOT_FOUND, NULL);
	test_tpm_device_sign(&d, "identity-1", DPS_HASH_SHA256);
}

static void generate_replaces_a_key(void **state)
{
	uint8_t a[DPS_SPKI_SIZE], b[DPS_SPKI_SIZE];
	size_t len;

	(void)state;
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	expect(keys()->public_key(keys()->ctx, "identity-0", a, sizeof(a), &len), DPS_OK, "");
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	expect(keys()->public_key(keys()->ctx, "identity-0", b, sizeof(b), &len), DPS_OK, "");
	assert_memory_not_equal(a, b, len);
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
}

static void slots_that_cannot_be(void **state)
{
	(void)state;
	assert_int_equal(keys()->generate(keys()->ctx, "manufacturer", DPS_KEY_EC_P256), DPS_E_UNSUPPORTED);
	assert_int_equal(keys()->generate(keys()->ctx, "identity-0", (enum dps_key_type)9), DPS_E_UNSUPPORTED);
	assert_int_equal(keys()->erase(keys()->ctx, "manufacturer"), DPS_E_UNSUPPORTED);
	assert_int_equal(keys()->open(keys()->ctx, ""), DPS_E_ARGUMENT);
	assert_int_equal(keys()->open(keys()->ctx, "../key"), DPS_E_ARGUMENT);
	assert_int_equal(keys()->open(keys()->ctx, "Identity"), DPS_E_ARGUMENT);
	assert_int_equal(keys()->erase(keys()->ctx, "a-slot-with-a-name-that-is-too-long"), DPS_E_ARGUMENT);
	assert_int_equal(keys()->open(keys()->ctx, "manufacturer"), DPS_E_NOT_FOUND);
	d.options.storage = NULL;
	test_tpm_device_reopen(&d);
	assert_int_equal(keys()->open(keys()->ctx, "identity-0"), DPS_E_UNSUPPORTED);
	assert_int_equal(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_E_UNSUPPORTED);
}

static void storage_that_fails_leaves_the_old_key(void **state)
{
	uint8_t a[DPS_SPKI_SIZE], b[DPS_SPKI_SIZE];
	size_t len;

	(void)state;
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	expect(keys()->public_key(keys()->ctx, "identity-0", a, sizeof(a), &len), DPS_OK, "");
	test_store_fail_always(&d.store, TEST_STORE_WRITE, DPS_E_STORAGE_FULL);
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_E_STORAGE_FULL, NULL);
	test_store_fail_always(&d.store, TEST_STORE_WRITE, DPS_OK);
	expect(keys()->public_key(keys()->ctx, "identity-0", b, sizeof(b), &len), DPS_OK, "");
	assert_memory_equal(a, b, len);
	test_store_fail_always(&d.store, TEST_STORE_READ, DPS_E_STORAGE);
	test_tpm_device_reopen(&d);
	assert_int_equal(keys()->open(keys()->ctx, "identity-0"), DPS_E_STORAGE);
	test_store_fail_always(&d.store, TEST_STORE_READ, DPS_OK);
}

static struct test_store_blob *blob(const char *name)
{
	for (size_t i = 0; i < TEST_STORE_BLOBS; i++)
		if (strcmp(d.store.blobs[i].name, name) == 0)
			return &d.store.blobs[i];
	fail_msg("no blob %s", name);
	return NULL;
}

/* Whatever byte of a wrapped key is damaged: it is no usable key, and nothing else happens. */
static void damaged_blobs_are_no_keys(void **state)
{
	(void)state;
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	struct test_store_blob *stored = blob("tpm-identity-0");
	for (size_t i = 0; i < stored->len; i += 3) {
		stored->data[i] ^= 0x41;
		const dps_result result = keys()->open(keys()->ctx, "identity-0");
		if (result != DPS_E_KEY_FORMAT)
			fail_msg("byte %zu: %s (%s)", i, dps_result_name(result), dps_tpm2_detail(&d.port));
		stored->data[i] ^= 0x41;
	}
	for (size_t len = 0; len < stored->len; len += 7) {
		const size_t whole = stored->len;
		stored->len = len;
		assert_int_equal(keys()->open(keys()->ctx, "identity-0"), DPS_E_KEY_FORMAT);
		stored->len = whole;
	}
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
}

/* A copy that is damaged or of another key costs commands and no more. */
static void damaged_copies_are_asked_for_again(void **state)
{
	static const char *const NAMES[] = {"tpmh-81020000", "tpmh-81000001"};

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	provision(true);
	for (size_t n = 0; n < 2; n++) {
		for (size_t i = 0; i < blob(NAMES[n])->len; i += 11) {
			dps_tpm2_close(&d.port);
			blob(NAMES[n])->data[i] ^= 0x10;
			test_tpm_device_open(&d);
			test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
			test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
		}
	}
	dps_tpm2_close(&d.port);
	d.port.stats.commands = 0;
	test_tpm_device_open(&d);
	provision(false);
	dps_tpm2_close(&d.port);
	expect_commands("Load Sign Sign FlushContext Shutdown");
}

/* --- a TPM that was cleared or replaced --------------------------------------------------------------------------------------------------- */

static void after_a_clear_the_identity_is_made_again(void **state)
{
	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	provision(true);
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_clear", NULL), 0);
	/* with what was kept: the first signature notices */
	test_tpm_device_open(&d);
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
	expect(keys()->open(keys()->ctx, "identity-0"), DPS_E_KEY_FORMAT, "storage root key is gone");
	expect(keys()->erase(keys()->ctx, "identity-0"), DPS_OK, NULL);
	provision(true);
	expect_csr_is_good();
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_count(&d.tpm, "handles-persistent"), 2);
	/* without: opening does */
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_clear", NULL), 0);
	test_store_free(&d.store);
	test_store_init(&d.store);
	test_tpm_device_open(&d);
	provision(true);
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_count(&d.tpm, "handles-persistent"), 2);
	test_tpm_device_open(&d);
}

static void a_key_of_another_storage_root_is_none(void **state)
{
	(void)state;
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_clear", NULL), 0);
	test_tpm_device_open(&d);
	expect(dps_tpm2_create_srk(&d.port, NULL), DPS_OK, "");
	expect(keys()->open(keys()->ctx, "identity-0"), DPS_E_KEY_FORMAT, "load a key");
	expect(keys()->generate(keys()->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
}

static void without_the_owner_the_identity_is_used_all_the_same(void **state)
{
	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_clear", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_changeauth", "-c", "owner", "secret", NULL), 0);
	test_tpm_device_open(&d);
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA384);
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	assert_int_equal(test_tpm_count(&d.tpm, "handles-persistent"), 0);
	test_tpm_device_open(&d);
}

static void another_tpm_is_noticed(void **state)
{
	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	provision(true);
	dps_tpm2_close(&d.port);
	/* the same handle, another key: of another seed */
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_evictcontrol", "-c", "0x81020000", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_createprimary", "-C", "e", "-G", "ecc256:ecdsa-sha256", "-a",
	                               "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign", "-c", test_tpm_path(&d.tpm, "other.ctx"),
	                               NULL),
	                 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_evictcontrol", "-c", test_tpm_path(&d.tpm, "other.ctx"), "0x81020000", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-t", NULL), 0);
	test_tpm_device_open(&d);
	uint8_t digest[32] = {1}, sig[DPS_SIGNATURE_SIZE];
	size_t len;
	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_OK, "");
	expect(keys()->sign(keys()->ctx, "manufacturer", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY_MISMATCH,
	       "another key is at 0x81020000");
	/* and the next time it is plain */
	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_OK, "");
	expect(dps_pki_check_key(keys(), "manufacturer", d.chain), DPS_E_KEY_MISMATCH, NULL);
}

static void an_identity_of_another_tpm_is_not_made_again(void **state)
{
	struct test_key key;

	(void)state;
	test_key_make(&key, DPS_KEY_EC_P256);
	uint8_t spki[DPS_SPKI_SIZE];
	const int len = mbedtls_pk_write_pubkey_der(&key.pk, spki, sizeof(spki));
	assert_true(len > 0);
	test_tpm_device_certify(&d, spki + sizeof(spki) - len, (size_t)len);
	test_key_free(&key);
	d.options.chain = d.chain;
	test_tpm_device_reopen(&d);
	expect(keys()->open(keys()->ctx, "manufacturer"), DPS_E_KEY_MISMATCH, "not the key of the certificate");
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	/* the two EKs */
	assert_int_equal(test_tpm_count(&d.tpm, "handles-persistent"), 2);
	test_tpm_device_open(&d);
}

/* The private half is nowhere but in the TPM. */
static void blobs_hold_nothing_private(void **state)
{
	char path[400], text[8192];

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	provision(true);
	(void)snprintf(path, sizeof(path), "%s", test_tpm_path(&d.tpm, "wrapped"));
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	for (size_t i = 0; i < TEST_STORE_BLOBS; i++)
		if (d.store.blobs[i].len > 0)
			assert_int_equal(fwrite(d.store.blobs[i].data, 1, d.store.blobs[i].len, file), d.store.blobs[i].len);
	assert_int_equal(fclose(file), 0);
	const char *const argv[] = {"openssl", "ec", "-inform", "DER", "-in", path, "-noout", NULL};
	assert_int_not_equal(test_process_run(argv, 10000, text, sizeof(text), NULL, 0), 0);
	dps_tpm2_close(&d.port);
	/* tpm2-tools says of the operational key what we ask of it */
	struct test_store_blob *stored = blob("tpm-identity-0");
	const size_t public_len = 2 + (size_t)(stored->data[5] << 8 | stored->data[6]);
	file = fopen(test_tpm_path(&d.tpm, "key.pub"), "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(stored->data + 5, 1, public_len, file), public_len);
	assert_int_equal(fclose(file), 0);
	file = fopen(test_tpm_path(&d.tpm, "key.priv"), "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(stored->data + 5 + public_len, 1, stored->len - 5 - public_len, file), stored->len - 5 - public_len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, text, sizeof(text), "tpm2_load", "-C", "0x81000001", "-u", test_tpm_path(&d.tpm, "key.pub"),
	                               "-r", test_tpm_path(&d.tpm, "key.priv"), "-c", test_tpm_path(&d.tpm, "key.ctx"), NULL),
	                 0);
	assert_int_equal(test_tpm_tool(&d.tpm, text, sizeof(text), "tpm2_readpublic", "-c", test_tpm_path(&d.tpm, "key.ctx"), NULL), 0);
	assert_non_null(strstr(text, "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign"));
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-t", NULL), 0);
	test_tpm_device_open(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(commands_are_few, start, stop),
		cmocka_unit_test_setup_teardown(every_hash_is_signed, start, stop),
		cmocka_unit_test_setup_teardown(an_rsa_identity_signs, start, stop),
		cmocka_unit_test_setup_teardown(sign_refuses_what_is_no_digest, start, stop),
		cmocka_unit_test_setup_teardown(both_keys_exist_until_the_old_one_is_erased, start, stop),
		cmocka_unit_test_setup_teardown(generate_replaces_a_key, start, stop),
		cmocka_unit_test_setup_teardown(slots_that_cannot_be, start, stop),
		cmocka_unit_test_setup_teardown(storage_that_fails_leaves_the_old_key, start, stop),
		cmocka_unit_test_setup_teardown(damaged_blobs_are_no_keys, start, stop),
		cmocka_unit_test_setup_teardown(damaged_copies_are_asked_for_again, start, stop),
		cmocka_unit_test_setup_teardown(after_a_clear_the_identity_is_made_again, start, stop),
		cmocka_unit_test_setup_teardown(a_key_of_another_storage_root_is_none, start, stop),
		cmocka_unit_test_setup_teardown(without_the_owner_the_identity_is_used_all_the_same, start, stop),
		cmocka_unit_test_setup_teardown(another_tpm_is_noticed, start, stop),
		cmocka_unit_test_setup_teardown(an_identity_of_another_tpm_is_not_made_again, start, stop),
		cmocka_unit_test_setup_teardown(blobs_hold_nothing_private, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, forget);
}
