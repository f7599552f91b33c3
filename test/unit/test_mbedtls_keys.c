/* SPDX-License-Identifier: Apache-2.0 */
/* Software keys: the manufacturer's as people have it in files, and operational ones in a storage port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mbedtls/asn1.h>
#include <mbedtls/pk.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "codec/pem.h"
#include "dps/port/mbedtls.h"
#include "dps/port/posix.h"
#include "pki/pki.h"
#include "support/test_pki.h"
#include "support/test_process.h"

static struct test_key ec_key, p384_key, rsa_key, other_key;
static struct test_certificate ec_certificate, p384_certificate, rsa_certificate;

static int make(void **state)
{
	(void)state;
	test_key_make(&ec_key, DPS_KEY_EC_P256);
	test_key_make(&p384_key, DPS_KEY_EC_P384);
	test_key_make(&rsa_key, DPS_KEY_RSA_2048);
	test_key_make(&other_key, DPS_KEY_EC_P256);
	test_certificate_make(&ec_certificate, &(struct test_certificate_spec){.subject = "CN=EC", .key = &ec_key});
	test_certificate_make(&p384_certificate, &(struct test_certificate_spec){.subject = "CN=P-384", .key = &p384_key});
	test_certificate_make(&rsa_certificate, &(struct test_certificate_spec){.subject = "CN=RSA", .key = &rsa_key});
	return 0;
}

static int drop(void **state)
{
	(void)state;
	test_key_free(&ec_key);
	test_key_free(&p384_key);
	test_key_free(&rsa_key);
	test_key_free(&other_key);
	return 0;
}

/* --- a storage port in memory ------------------------------------------------------------------------------------------------------ */

#define BLOBS 4

static struct memory {
	struct {
		char name[DPS_STORAGE_NAME_LENGTH + 1];
		uint8_t data[2048];
		size_t len;
	} blobs[BLOBS];
	dps_result fail; /* what every call returns, unless DPS_OK */
	size_t reads;
} memory;

static int find_blob(const char *name)
{
	for (int i = 0; i < BLOBS; i++) {
		if (strcmp(memory.blobs[i].name, name) == 0)
			return i;
	}
	return -1;
}

static dps_result memory_read(void *ctx, const char *name, uint8_t *buf, size_t size, size_t *len)
{
	const int i = find_blob(name);
	(void)ctx;
	memory.reads++;
	if (memory.fail != DPS_OK)
		return memory.fail;
	if (i < 0)
		return DPS_E_NOT_FOUND;
	*len = memory.blobs[i].len;
	if (*len > size)
		return DPS_E_BUFFER;
	memcpy(buf, memory.blobs[i].data, *len);
	return DPS_OK;
}

static dps_result memory_write(void *ctx, const char *name, const struct dps_span *parts, size_t count)
{
	int i = find_blob(name);
	(void)ctx;
	if (memory.fail != DPS_OK)
		return memory.fail;
	if (i < 0)
		i = find_blob("");
	assert_true(i >= 0);
	(void)snprintf(memory.blobs[i].name, sizeof(memory.blobs[i].name), "%s", name);
	memory.blobs[i].len = 0;
	for (size_t p = 0; p < count; p++) {
		memcpy(memory.blobs[i].data + memory.blobs[i].len, parts[p].data, parts[p].len);
		memory.blobs[i].len += parts[p].len;
	}
	return DPS_OK;
}

static dps_result memory_erase(void *ctx, const char *name)
{
	const int i = find_blob(name);
	(void)ctx;
	if (memory.fail != DPS_OK)
		return memory.fail;
	if (i >= 0)
		memset(&memory.blobs[i], 0, sizeof(memory.blobs[i]));
	return DPS_OK;
}

static const struct dps_storage memory_storage = {.read = memory_read, .write = memory_write, .erase = memory_erase};

static void keys_init(struct dps_mbedtls_keys *keys)
{
	memset(&memory, 0, sizeof(memory));
	dps_mbedtls_keys_init(keys, &memory_storage, &test_random);
}

/* --- operational keys -------------------------------------------------------------------------------------------------------------- */

static const mbedtls_md_type_t MDS[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512};
static const size_t DIGEST_LENS[] = {32, 48, 64};

/* Whether what a slot signs verifies with the public key it gives. */
static void expect_pair(const struct dps_keys *port, const char *slot)
{
	uint8_t spki[DPS_SPKI_SIZE], digest[64], signature[DPS_SIGNATURE_SIZE];
	size_t spki_len = 0, len = 0;
	mbedtls_pk_context pk;
	memset(digest, 0xa5, sizeof(digest));
	assert_int_equal(port->public_key(port->ctx, slot, spki, sizeof(spki), &spki_len), DPS_OK);
	mbedtls_pk_init(&pk);
	assert_int_equal(mbedtls_pk_parse_public_key(&pk, spki, spki_len), 0);
	for (int hash = DPS_HASH_SHA256; hash <= DPS_HASH_SHA512; hash++) {
		assert_int_equal(port->sign(port->ctx, slot, (enum dps_hash)hash, digest, DIGEST_LENS[hash], signature, sizeof(signature), &len),
		                 DPS_OK);
		assert_int_equal(mbedtls_pk_verify(&pk, MDS[hash], digest, DIGEST_LENS[hash], signature, len), 0);
	}
	mbedtls_pk_free(&pk);
}

static void keys_are_made_kept_and_found_again(void **state)
{
	static const enum dps_key_type TYPES[] = {DPS_KEY_EC_P256, DPS_KEY_EC_P384, DPS_KEY_RSA_2048};
	struct dps_mbedtls_keys keys;
	const struct dps_keys *port = &keys.port;
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		uint8_t before[DPS_SPKI_SIZE], after[DPS_SPKI_SIZE];
		size_t before_len = 0, after_len = 0;
		keys_init(&keys);
		assert_int_equal(port->open(port->ctx, "identity-0"), DPS_E_NOT_FOUND);
		assert_int_equal(port->generate(port->ctx, "identity-0", TYPES[i]), DPS_OK);
		assert_true(find_blob("key-identity-0") >= 0);
		expect_pair(port, "identity-0");
		assert_int_equal(memory.reads, 1); /* the first open; the key stays parsed */
		assert_int_equal(port->public_key(port->ctx, "identity-0", before, sizeof(before), &before_len), DPS_OK);
		/* as after a restart */
		dps_mbedtls_keys_deinit(&keys);
		dps_mbedtls_keys_init(&keys, &memory_storage, &test_random);
		assert_int_equal(port->open(port->ctx, "identity-0"), DPS_OK);
		expect_pair(port, "identity-0");
		assert_int_equal(port->public_key(port->ctx, "identity-0", after, sizeof(after), &after_len), DPS_OK);
		assert_int_equal(before_len, after_len);
		assert_memory_equal(before, after, before_len);
		assert_int_equal(memory.reads, 2);
		dps_mbedtls_keys_deinit(&keys);
	}
}

static void slots_are_apart_from_each_other(void **state)
{
	struct dps_mbedtls_keys keys;
	const struct dps_keys *port = &keys.port;
	uint8_t a[DPS_SPKI_SIZE], b[DPS_SPKI_SIZE];
	size_t a_len = 0, b_len = 0;
	(void)state;
	keys_init(&keys);
	assert_int_equal(port->generate(port->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK);
	assert_int_equal(port->generate(port->ctx, "identity-1", DPS_KEY_EC_P256), DPS_OK);
	assert_int_equal(port->public_key(port->ctx, "identity-0", a, sizeof(a), &a_len), DPS_OK);
	assert_int_equal(port->public_key(port->ctx, "identity-1", b, sizeof(b), &b_len), DPS_OK);
	assert_memory_not_equal(a, b, a_len);
	expect_pair(port, "identity-0");
	assert_int_equal(port->erase(port->ctx, "identity-0"), DPS_OK);
	assert_int_equal(port->erase(port->ctx, "identity-0"), DPS_OK);
	assert_int_equal(port->open(port->ctx, "identity-0"), DPS_E_NOT_FOUND);
	expect_pair(port, "identity-1");
	/* a new key replaces the old one */
	assert_int_equal(port->generate(port->ctx, "identity-1", DPS_KEY_EC_P256), DPS_OK);
	assert_int_equal(port->public_key(port->ctx, "identity-1", a, sizeof(a), &a_len), DPS_OK);
	assert_memory_not_equal(a, b, a_len);
	dps_mbedtls_keys_deinit(&keys);
}

static void bad_slots_and_arguments_are_refused(void **state)
{
	static const char *const BAD[] = {"", "Identity", "identity_0", "../x",
	                                  "a-name-that-is-much-too-long-for-a-slot-of-any-configuration-at-all-x"};
	struct dps_mbedtls_keys keys;
	const struct dps_keys *port = &keys.port;
	uint8_t buf[DPS_SPKI_SIZE] = {0};
	size_t len = 0;
	(void)state;
	keys_init(&keys);
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		assert_int_equal(port->open(port->ctx, BAD[i]), DPS_E_ARGUMENT);
		assert_int_equal(port->generate(port->ctx, BAD[i], DPS_KEY_EC_P256), DPS_E_ARGUMENT);
		assert_int_equal(port->erase(port->ctx, BAD[i]), DPS_E_ARGUMENT);
	}
	assert_int_equal(port->generate(port->ctx, "manufacturer", DPS_KEY_EC_P256), DPS_E_UNSUPPORTED);
	assert_int_equal(port->erase(port->ctx, "manufacturer"), DPS_E_UNSUPPORTED);
	assert_int_equal(port->open(port->ctx, "manufacturer"), DPS_E_NOT_FOUND);
	assert_int_equal(port->generate(port->ctx, "identity-0", (enum dps_key_type)7), DPS_E_UNSUPPORTED);
	assert_int_equal(port->generate(port->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK);
	assert_int_equal(port->public_key(port->ctx, "identity-0", buf, 10, &len), DPS_E_BUFFER);
	assert_int_equal(len, 91);
	assert_int_equal(port->sign(port->ctx, "identity-0", DPS_HASH_SHA256, buf, 31, buf, sizeof(buf), &len), DPS_E_ARGUMENT);
	assert_int_equal(port->sign(port->ctx, "identity-0", (enum dps_hash)9, buf, 32, buf, sizeof(buf), &len), DPS_E_ARGUMENT);
	assert_int_equal(port->sign(port->ctx, "identity-0", DPS_HASH_SHA256, buf, 32, buf, 8, &len), DPS_E_BUFFER);
	dps_mbedtls_keys_deinit(&keys);
}

static void damaged_blobs_are_no_keys(void **state)
{
	struct dps_mbedtls_keys keys;
	const struct dps_keys *port = &keys.port;
	(void)state;
	keys_init(&keys);
	assert_int_equal(port->generate(port->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK);
	const int i = find_blob("key-identity-0");
	const size_t len = memory.blobs[i].len;
	/* one bit of the private scalar: the halves no longer belong together */
	memory.blobs[i].data[20] ^= 1;
	dps_mbedtls_keys_deinit(&keys);
	assert_int_equal(port->open(port->ctx, "identity-0"), DPS_E_KEY_FORMAT);
	memory.blobs[i].data[20] ^= 1;
	memory.blobs[i].len = len / 2;
	assert_int_equal(port->open(port->ctx, "identity-0"), DPS_E_KEY_FORMAT);
	memory.blobs[i].len = 0;
	assert_int_equal(port->open(port->ctx, "identity-0"), DPS_E_KEY_FORMAT);
	memory.blobs[i].len = sizeof(memory.blobs[i].data);
	assert_int_equal(port->open(port->ctx, "identity-0"), DPS_E_KEY_FORMAT);
	memory.blobs[i].len = len;
	assert_int_equal(port->open(port->ctx, "identity-0"), DPS_OK);
	dps_mbedtls_keys_deinit(&keys);
}

static void failures_of_the_storage_pass_through(void **state)
{
	static const dps_result FAILURES[] = {DPS_E_STORAGE, DPS_E_STORAGE_FULL, DPS_E_STORAGE_DENIED};
	struct dps_mbedtls_keys keys;
	const struct dps_keys *port = &keys.port;
	(void)state;
	keys_init(&keys);
	for (size_t i = 0; i < 3; i++) {
		memory.fail = FAILURES[i];
		assert_int_equal(port->open(port->ctx, "identity-0"), FAILURES[i]);
		assert_int_equal(port->generate(port->ctx, "identity-0", DPS_KEY_EC_P256), FAILURES[i]);
		assert_int_equal(port->erase(port->ctx, "identity-0"), FAILURES[i]);
	}
	/* a key that could not be stored is not used */
	memory.fail = DPS_OK;
	assert_int_equal(port->open(port->ctx, "identity-0"), DPS_E_NOT_FOUND);
	dps_mbedtls_keys_deinit(&keys);
}

static dps_result no_random(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	(void)buf;
	(void)len;
	return DPS_E_RANDOM;
}

static void no_key_is_made_without_randomness(void **state)
{
	static const struct dps_random broken = {.fill = no_random};
	struct dps_mbedtls_keys keys;
	(void)state;
	memset(&memory, 0, sizeof(memory));
	dps_mbedtls_keys_init(&keys, &memory_storage, &broken);
	assert_int_equal(keys.port.generate(keys.port.ctx, "identity-0", DPS_KEY_EC_P256), DPS_E_RANDOM);
	assert_int_equal(find_blob("key-identity-0"), -1);
	dps_mbedtls_keys_deinit(&keys);
}

static void stored_keys_are_the_owners_alone(void **state)
{
	struct dps_posix_storage storage;
	struct dps_mbedtls_keys keys;
	struct stat status;
	char dir[256], path[300], output[256];
	(void)state;
	test_tmpdir_make(dir, sizeof(dir));
	assert_int_equal(dps_posix_storage_open(&storage, dir), DPS_OK);
	dps_mbedtls_keys_init(&keys, &storage.port, &test_random);
	assert_int_equal(keys.port.generate(keys.port.ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK);
	(void)snprintf(path, sizeof(path), "%s/key-identity-0", dir);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	const char *const argv[] = {"openssl", "ec", "-inform", "DER", "-in", path, "-noout", "-check", NULL};
	assert_int_equal(test_process_run(argv, 10000, output, sizeof(output), NULL, 0), 0);
	dps_mbedtls_keys_deinit(&keys);
	dps_posix_storage_close(&storage);
	test_tmpdir_remove(dir);
}

/* --- the manufacturer's key -------------------------------------------------------------------------------------------------------- */

static uint8_t chain[4096];

static dps_result set(struct dps_mbedtls_keys *keys, const void *key, size_t key_len, const struct test_certificate *certificate)
{
	return dps_mbedtls_keys_set_manufacturer(keys, key, key_len, certificate->der, certificate->len, chain, sizeof(chain));
}

static void expect_nothing(const struct dps_mbedtls_keys *keys)
{
	struct dps_span list;
	assert_int_equal(keys->port.open(keys->port.ctx, "manufacturer"), DPS_E_NOT_FOUND);
	assert_int_equal(keys->certificates.chain(keys->certificates.ctx, "manufacturer", &list), DPS_E_NOT_FOUND);
}

static void keys_of_all_types_are_taken_in_pem_and_der(void **state)
{
	struct test_key *const from[] = {&ec_key, &p384_key, &rsa_key};
	const struct test_certificate *const certificates[] = {&ec_certificate, &p384_certificate, &rsa_certificate};
	struct dps_mbedtls_keys keys;
	(void)state;
	keys_init(&keys);
	expect_nothing(&keys);
	for (size_t i = 0; i < 3; i++) {
		uint8_t pem[4096];
		struct dps_span list;
		assert_int_equal(set(&keys, from[i]->der, from[i]->der_len, certificates[i]), DPS_OK);
		expect_pair(&keys.port, "manufacturer");
		assert_int_equal(mbedtls_pk_write_key_pem(&from[i]->pk, pem, sizeof(pem)), 0);
		assert_int_equal(set(&keys, pem, strlen((const char *)pem), certificates[i]), DPS_OK);
		expect_pair(&keys.port, "manufacturer");
		assert_int_equal(keys.certificates.chain(keys.certificates.ctx, "manufacturer", &list), DPS_OK);
		assert_int_equal(list.len, certificates[i]->len);
		assert_int_equal(keys.certificates.chain(keys.certificates.ctx, "identity-0", &list), DPS_E_NOT_FOUND);
	}
	dps_mbedtls_keys_deinit(&keys);
	expect_nothing(&keys);
}

/* What openssl makes of a key, in a file of its own. */
static size_t convert(const char *dir, struct test_key *key, const char *const options[4], uint8_t *out, size_t size)
{
	char in[300], to[300];
	(void)snprintf(in, sizeof(in), "%s/in.pem", dir);
	(void)snprintf(to, sizeof(to), "%s/out", dir);
	test_write_key(in, key);
	const char *argv[16] = {"openssl", options[0], "-in", in, "-out", to};
	for (size_t i = 1; i < 4 && options[i] != NULL; i++)
		argv[5 + i] = options[i];
	assert_int_equal(test_process_run(argv, 10000, NULL, 0, NULL, 0), 0);
	return test_read_file(to, out, size);
}

static void other_writers_keys_are_read_and_encrypted_ones_named(void **state)
{
	struct dps_mbedtls_keys keys;
	uint8_t file[4096];
	char dir[256];
	size_t len;
	(void)state;
	test_tmpdir_make(dir, sizeof(dir));
	keys_init(&keys);
	len = convert(dir, &ec_key, (const char *const[]){"pkcs8", "-topk8", "-nocrypt", NULL}, file, sizeof(file));
	assert_int_equal(set(&keys, file, len, &ec_certificate), DPS_OK);
	len = convert(dir, &rsa_key, (const char *const[]){"pkcs8", "-topk8", "-nocrypt", "-outform=DER"}, file, sizeof(file));
	assert_int_equal(set(&keys, file, len, &rsa_certificate), DPS_OK);
	/* the curve's name in a block before the key, as openssl ecparam writes it */
	uint8_t both[4096];
	const char head[] = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
	len = convert(dir, &ec_key, (const char *const[]){"ec", NULL, NULL, NULL}, file, sizeof(file));
	memcpy(both, head, sizeof(head) - 1);
	memcpy(both + sizeof(head) - 1, file, len);
	assert_int_equal(set(&keys, both, len + sizeof(head) - 1, &ec_certificate), DPS_OK);

	len = convert(dir, &ec_key, (const char *const[]){"pkcs8", "-topk8", "-passout=pass:secret", NULL}, file, sizeof(file));
	assert_int_equal(set(&keys, file, len, &ec_certificate), DPS_E_KEY_ENCRYPTED);
	expect_nothing(&keys);
	len = convert(dir, &ec_key, (const char *const[]){"pkcs8", "-topk8", "-passout=pass:secret", "-outform=DER"}, file, sizeof(file));
	assert_int_equal(set(&keys, file, len, &ec_certificate), DPS_E_KEY_ENCRYPTED);
	len = convert(dir, &ec_key, (const char *const[]){"ec", "-aes128", "-passout=pass:secret", NULL}, file, sizeof(file));
	assert_int_equal(set(&keys, file, len, &ec_certificate), DPS_E_KEY_ENCRYPTED);
	len = convert(dir, &rsa_key, (const char *const[]){"rsa", "-traditional", "-aes128", "-passout=pass:secret"}, file, sizeof(file));
	assert_int_equal(set(&keys, file, len, &rsa_certificate), DPS_E_KEY_ENCRYPTED);
	dps_mbedtls_keys_deinit(&keys);
	test_tmpdir_remove(dir);
}

static void other_types_and_sizes_are_refused(void **state)
{
	static const char *const ALGORITHMS[][3] = {{"RSA", "rsa_keygen_bits:1024"},
	                                            {"RSA", "rsa_keygen_bits:3072"},
	                                            {"EC", "ec_paramgen_curve:P-521"},
	                                            {"EC", "ec_paramgen_curve:secp256k1"},
	                                            {"ED25519", NULL}};
	struct dps_mbedtls_keys keys;
	uint8_t file[4096];
	char dir[256], path[300];
	(void)state;
	test_tmpdir_make(dir, sizeof(dir));
	(void)snprintf(path, sizeof(path), "%s/key", dir);
	keys_init(&keys);
	for (size_t i = 0; i < sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]); i++) {
		const char *const argv[] = {
			"openssl",        "genpkey", "-out", path, "-algorithm", ALGORITHMS[i][0], ALGORITHMS[i][1] != NULL ? "-pkeyopt" : NULL,
			ALGORITHMS[i][1], NULL};
		assert_int_equal(test_process_run(argv, 20000, NULL, 0, NULL, 0), 0);
		const size_t len = test_read_file(path, file, sizeof(file));
		assert_int_equal(set(&keys, file, len, &ec_certificate), DPS_E_KEY_FORMAT);
		expect_nothing(&keys);
	}
	dps_mbedtls_keys_deinit(&keys);
	test_tmpdir_remove(dir);
}

static void bad_identities_are_named_and_leave_none(void **state)
{
	struct dps_mbedtls_keys keys;
	uint8_t damaged[1400];
	(void)state;
	keys_init(&keys);
	assert_int_equal(set(&keys, ec_key.der, ec_key.der_len, &ec_certificate), DPS_OK);
	assert_int_equal(set(&keys, "", 0, &ec_certificate), DPS_E_KEY_FORMAT);
	expect_nothing(&keys);
	assert_int_equal(set(&keys, NULL, 0, &ec_certificate), DPS_E_KEY_FORMAT);
	assert_int_equal(set(&keys, "hello", 5, &ec_certificate), DPS_E_KEY_FORMAT);
	assert_int_equal(set(&keys, ec_key.der, ec_key.der_len - 1, &ec_certificate), DPS_E_KEY_FORMAT);
	const char text[] = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
	assert_int_equal(set(&keys, text, sizeof(text) - 1, &ec_certificate), DPS_E_KEY_FORMAT);
	memcpy(damaged, ec_key.der, ec_key.der_len);
	damaged[20] ^= 1;
	assert_int_equal(set(&keys, damaged, ec_key.der_len, &ec_certificate), DPS_E_KEY_FORMAT);

	assert_int_equal(set(&keys, other_key.der, other_key.der_len, &ec_certificate), DPS_E_KEY_MISMATCH);
	expect_nothing(&keys);
	assert_int_equal(dps_mbedtls_keys_set_manufacturer(&keys, ec_key.der, ec_key.der_len, NULL, 0, chain, sizeof(chain)),
	                 DPS_E_CERTIFICATE_FORMAT);
	assert_int_equal(
		dps_mbedtls_keys_set_manufacturer(&keys, ec_key.der, ec_key.der_len, (const uint8_t *)"hello", 5, chain, sizeof(chain)),
		DPS_E_CERTIFICATE_FORMAT);
	assert_int_equal(
		dps_mbedtls_keys_set_manufacturer(&keys, ec_key.der, ec_key.der_len, ec_certificate.der, ec_certificate.len, chain, 100),
		DPS_E_BUFFER);
	expect_nothing(&keys);
	dps_mbedtls_keys_deinit(&keys);
}

static void requests_come_from_the_port_alone(void **state)
{
	struct dps_mbedtls_keys keys;
	struct dps_uuid id = {{0x11}};
	uint8_t pem[DPS_CSR_PEM_SIZE];
	size_t len = 0;
	(void)state;
	keys_init(&keys);
	assert_int_equal(dps_pki_csr_pem(&keys.port, "identity-0", &id, pem, sizeof(pem), &len), DPS_E_NOT_FOUND);
	assert_int_equal(keys.port.generate(keys.port.ctx, "identity-0", DPS_KEY_EC_P384), DPS_OK);
	assert_int_equal(dps_pki_csr_pem(&keys.port, "identity-0", &id, pem, sizeof(pem), &len), DPS_OK);
	dps_mbedtls_keys_deinit(&keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_made_kept_and_found_again),
		cmocka_unit_test(slots_are_apart_from_each_other),
		cmocka_unit_test(bad_slots_and_arguments_are_refused),
		cmocka_unit_test(damaged_blobs_are_no_keys),
		cmocka_unit_test(failures_of_the_storage_pass_through),
		cmocka_unit_test(no_key_is_made_without_randomness),
		cmocka_unit_test(stored_keys_are_the_owners_alone),
		cmocka_unit_test(keys_of_all_types_are_taken_in_pem_and_der),
		cmocka_unit_test(other_writers_keys_are_read_and_encrypted_ones_named),
		cmocka_unit_test(other_types_and_sizes_are_refused),
		cmocka_unit_test(bad_identities_are_named_and_leave_none),
		cmocka_unit_test(requests_come_from_the_port_alone),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
