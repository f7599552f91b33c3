/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a manufacturer does with a TPM, on a real swtpm: the IDevID, ownership, certificates in NV, taking all back; with and without auth
 * values. tpm2-tools and openssl are the witnesses.
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

#define INDEX DPS_TPM2_IDEVID_INDEX

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

static struct dps_span text_of(const char *text)
{
	return (struct dps_span){(const uint8_t *)text, strlen(text)};
}

/* Runs a tool while the port is closed: swtpm talks with one at a time. */
#define TOOL(...)                                                                                                                          \
	do {                                                                                                                                   \
		dps_tpm2_close(&d.port);                                                                                                           \
		assert_int_equal(test_tpm_tool(&d.tpm, output, sizeof(output), __VA_ARGS__, NULL), 0);                                             \
		test_tpm_device_open(&d);                                                                                                          \
	} while (0)

static char output[16384];

/* --- SRK and IDevID ---------------------------------------------------------------------------------------------------------------------------- */

static void the_srk_is_made_once(void **state)
{
	bool changed = false;
	uint8_t a[1024], b[1024];

	(void)state;
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	assert_false(changed);
	/* it is the one of TCG's template */
	static uint8_t unique[2 * sizeof(uint16_t) + 2 * 128] = {[0] = 32, [2 + 128] = 32};
	TOOL("tpm2_readpublic", "-c", "0x81000001", "-o", test_tpm_path(&d.tpm, "srk"));
	assert_non_null(strstr(output, "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"));
	test_tpm_device_write(&d, "unique", unique, sizeof(unique));
	TOOL("tpm2_createprimary", "-C", "o", "-G", "ecc256:null:aes128cfb", "-g", "sha256", "-a",
	     "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt", "-u", test_tpm_path(&d.tpm, "unique"), "-c",
	     test_tpm_path(&d.tpm, "other.ctx"));
	TOOL("tpm2_readpublic", "-c", test_tpm_path(&d.tpm, "other.ctx"), "-o", test_tpm_path(&d.tpm, "other"));
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_flushcontext", "-t", NULL), 0);
	test_tpm_device_open(&d);
	const size_t len = test_read_file(test_tpm_path(&d.tpm, "srk"), a, sizeof(a));
	assert_int_equal(test_read_file(test_tpm_path(&d.tpm, "other"), b, sizeof(b)), len);
	assert_memory_equal(a, b, len);
}

static void an_idevid_is_always_the_same(void **state)
{
	static const struct {
		enum dps_key_type type;
		const char *text;
	} KEYS[] = {{DPS_KEY_EC_P256, "NIST p256"}, {DPS_KEY_RSA_2048, "rsa"}};
	struct dps_tpm2_public first, second;
	bool changed;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		expect(dps_tpm2_create_idevid(&d.port, KEYS[i].type, 0, &changed), DPS_OK, "");
		assert_true(changed);
		expect(dps_tpm2_create_idevid(&d.port, KEYS[i].type, 0, &changed), DPS_OK, "");
		assert_false(changed);
		expect(dps_tpm2_create_idevid(&d.port, KEYS[1 - i].type, 0, &changed), DPS_E_STATE, "another key is at 0x81020000");
		assert_false(changed);
		expect(dps_tpm2_read_public(&d.port, 0x81020000, &first), DPS_OK, "");
		assert_true(first.type == KEYS[i].type && first.sign && !first.decrypt && !first.restricted && first.fixed && !first.no_da);
		assert_int_equal(first.name_len, 34);
		TOOL("tpm2_readpublic", "-c", "0x81020000");
		assert_non_null(strstr(output, "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|adminwithpolicy|sign"));
		assert_non_null(strstr(output, "ad6b3a2284fd698a0710bf5cc1b9bdf15e2532e3f601fa4b93a6a8fa8de579ea"));
		assert_non_null(strstr(output, KEYS[i].text));
		TOOL("tpm2_clear");
		expect(dps_tpm2_read_public(&d.port, 0x81020000, &second), DPS_E_NOT_FOUND, "nothing at this handle");
		test_tpm_device_certify(&d, first.spki, first.spki_len);
		expect(dps_tpm2_restore_idevid(&d.port, 0, d.chain, &changed), DPS_OK, "");
		assert_true(changed);
		expect(dps_tpm2_restore_idevid(&d.port, 0, d.chain, &changed), DPS_OK, "");
		assert_false(changed);
		expect(dps_tpm2_read_public(&d.port, 0x81020000, &second), DPS_OK, "");
		assert_int_equal(first.spki_len, second.spki_len);
		assert_memory_equal(first.spki, second.spki, first.spki_len);
		/* a certificate of another key changes nothing */
		expect(dps_tpm2_restore_idevid(&d.port, 0, (struct dps_span){d.ca.der, d.ca.len}, &changed), DPS_E_KEY_MISMATCH,
		       "not the key of the certificate");
		expect(dps_tpm2_restore_idevid(&d.port, 0, text_of("x"), &changed), DPS_E_CERTIFICATE_FORMAT, NULL);
		expect(dps_tpm2_evict(&d.port, 0x81020000, &changed), DPS_OK, "");
		assert_true(changed);
		expect(dps_tpm2_evict(&d.port, 0x81020000, &changed), DPS_OK, "");
		assert_false(changed);
	}
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P384, 0, &changed), DPS_E_UNSUPPORTED, "a P-256 or an RSA-2048 key");
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0x81020007, &changed), DPS_OK, "");
	expect(dps_tpm2_read_public(&d.port, 0x81020007, &first), DPS_OK, "");
}

/* --- certificates in NV -------------------------------------------------------------------------------------------------------------------------- */

static void expect_nv_chain(struct dps_span expected)
{
	uint8_t chain[DPS_TPM2_CHAIN_SIZE];
	size_t len;

	expect(dps_tpm2_nv_read_chain(&d.port, INDEX, chain, sizeof(chain), &len), DPS_OK, "");
	assert_int_equal(len, expected.len);
	assert_memory_equal(chain, expected.data, len);
}

static void chains_in_nv(void **state)
{
	struct dps_tpm2_nv nv;
	uint8_t bytes[4096], three_bytes[4096];
	size_t len;
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(dps_tpm2_nv_read_chain(&d.port, INDEX, bytes, sizeof(bytes), &len), DPS_E_NOT_FOUND, "nothing at this handle");
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, false, &changed), DPS_OK, "");
	assert_true(changed);
	expect_nv_chain(d.chain);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, false, &changed), DPS_OK, "");
	assert_false(changed);
	expect(dps_tpm2_nv_look(&d.port, INDEX, &nv), DPS_OK, "");
	assert_true(nv.written && !nv.write_locked && nv.lockable && nv.platform);
	/* tpm2-tools reads the same */
	TOOL("tpm2_nvread", "-C", "0x01c90000", "-o", test_tpm_path(&d.tpm, "leaf"), "0x01c90000");
	assert_int_equal(test_read_file(test_tpm_path(&d.tpm, "leaf"), bytes, sizeof(bytes)), d.leaf.len);
	assert_memory_equal(bytes, d.leaf.der, d.leaf.len);
	/* another certificate for the key, and a longer chain, and a shorter one */
	struct dps_span three = test_der_list(three_bytes, sizeof(three_bytes), 3, &d.leaf, &d.inter, &d.ca);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, three, false, &changed), DPS_OK, "");
	assert_true(changed);
	expect_nv_chain(three);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, (struct dps_span){d.leaf.der, d.leaf.len}, false, &changed), DPS_OK, "");
	assert_true(changed);
	expect_nv_chain((struct dps_span){d.leaf.der, d.leaf.len});
	expect(dps_tpm2_nv_look(&d.port, INDEX + 1, &nv), DPS_E_NOT_FOUND, NULL);
	expect(dps_tpm2_nv_look(&d.port, INDEX + 2, &nv), DPS_E_NOT_FOUND, NULL);
	/* what is at the next index but is no issuer's is not of the chain, and not touched */
	test_tpm_device_put_nv(&d, "0x01c90001", "other", d.ca.der, d.ca.len);
	expect_nv_chain((struct dps_span){d.leaf.der, d.leaf.len});
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, (struct dps_span){d.leaf.der, d.leaf.len}, true, &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_nv_look(&d.port, INDEX + 1, &nv), DPS_OK, "");
	/* it outlives a clear */
	expect(dps_tpm2_clear(&d.port), DPS_OK, "");
	expect_nv_chain((struct dps_span){d.leaf.der, d.leaf.len});
	expect(dps_tpm2_nv_remove(&d.port, INDEX, &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_nv_remove(&d.port, INDEX, &changed), DPS_OK, "");
	assert_false(changed);
}

static void locked_and_unlocked_indices(void **state)
{
	struct dps_tpm2_nv nv;
	struct dps_span ca = {d.ca.der, d.ca.len};
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	ca = (struct dps_span){d.ca.der, d.ca.len};
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, ca, false, &changed), DPS_OK, "");
	/* not locked: replaced */
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, &changed), DPS_OK, "");
	assert_true(changed);
	expect_nv_chain(d.chain);
	expect(dps_tpm2_nv_look(&d.port, INDEX, &nv), DPS_OK, "");
	assert_true(nv.write_locked);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, &changed), DPS_OK, "");
	assert_false(changed);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, ca, true, &changed), DPS_E_STATE, "0x01c90000 is locked and holds something else");
	expect_nv_chain(d.chain);
	/* the lock outlives a reset */
	dps_tpm2_close(&d.port);
	test_tpm_power_cycle(&d.tpm);
	test_tpm_device_open(&d);
	expect(dps_tpm2_nv_look(&d.port, INDEX, &nv), DPS_OK, "");
	assert_true(nv.write_locked);
	dps_tpm2_close(&d.port);
	test_tpm_device_write(&d, "x", (const uint8_t *)"x", 1);
	assert_int_not_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvwrite", "-C", "p", "-i", test_tpm_path(&d.tpm, "x"), "0x01c90000", NULL),
	                     0);
	test_tpm_device_open(&d);
}

static void nv_that_is_full_or_garbage(void **state)
{
	static const uint8_t GARBAGE[100] = {0x30, 0x62, 1};
	struct dps_span chain;
	uint8_t bytes[4096];
	size_t len;
	char index[16];
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, text_of("no certificate"), false, &changed), DPS_E_CERTIFICATE_FORMAT, "not a chain");
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, (struct dps_span){NULL, 0}, false, &changed), DPS_E_CERTIFICATE_FORMAT,
	       "no certificate");
	chain = test_der_list(bytes, sizeof(bytes), 2, &d.inter, &d.leaf);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, chain, false, &changed), DPS_E_CERTIFICATE_FORMAT, "out of order");
	assert_false(changed);
	test_tpm_device_put_nv(&d, "0x01c90000", "garbage", GARBAGE, sizeof(GARBAGE));
	expect(dps_tpm2_nv_read_chain(&d.port, INDEX, bytes, sizeof(bytes), &len), DPS_E_CERTIFICATE_FORMAT, "0x01c90000 holds no certificate");
	expect(dps_tpm2_nv_read(&d.port, INDEX, bytes, sizeof(bytes), &len), DPS_OK, "");
	assert_int_equal(len, sizeof(GARBAGE));
	expect(dps_tpm2_nv_read(&d.port, INDEX, bytes, 10, &len), DPS_E_BUFFER, "has 100 bytes");
	assert_int_equal(len, sizeof(GARBAGE));
	/* the certificate port says so, too; nothing is kept of it */
	struct dps_tpm2_options options = d.options;
	d.options.chain = (struct dps_span){NULL, 0};
	d.options.nv_index = INDEX;
	test_tpm_device_reopen(&d);
	expect(d.port.certificates.chain(d.port.certificates.ctx, "manufacturer", &chain), DPS_E_CERTIFICATE_FORMAT, "holds no certificate");
	d.options = options;
	test_tpm_device_reopen(&d);
	/* garbage is replaced */
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, false, &changed), DPS_OK, "");
	expect(dps_tpm2_nv_remove(&d.port, INDEX, NULL), DPS_OK, "");
	expect(dps_tpm2_nv_remove(&d.port, INDEX + 1, NULL), DPS_OK, "");
	/* never written */
	TOOL("tpm2_nvdefine", "-C", "o", "-s", "10", "-a", "ownerwrite|ownerread|authread", "0x01c90000");
	expect(dps_tpm2_nv_read(&d.port, INDEX, bytes, sizeof(bytes), &len), DPS_E_NOT_FOUND, "was never written");
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, false, &changed), DPS_OK, "");
	expect(dps_tpm2_nv_remove(&d.port, INDEX, NULL), DPS_OK, "");
	expect(dps_tpm2_nv_remove(&d.port, INDEX + 1, NULL), DPS_OK, "");
	/* full */
	dps_tpm2_close(&d.port);
	for (unsigned i = 0; i < 64; i++) {
		(void)snprintf(index, sizeof(index), "0x0150%04x", i);
		if (test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvdefine", "-C", "o", "-s", "2048", "-a", "ownerwrite|ownerread", index, NULL) != 0)
			break;
	}
	for (unsigned i = 64; i < 128; i++) {
		(void)snprintf(index, sizeof(index), "0x0150%04x", i);
		if (test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvdefine", "-C", "o", "-s", "200", "-a", "ownerwrite|ownerread", index, NULL) != 0)
			break;
	}
	test_tpm_device_open(&d);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, &changed), DPS_E_STORAGE_FULL, "the TPM's memory is full");
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	test_tpm_device_open(&d);
}

/* Where firmware keeps the platform's auth value the owner makes the index. */
static void without_the_platform_the_owner_makes_the_index(void **state)
{
	struct dps_tpm2_nv nv;
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	TOOL("tpm2_changeauth", "-c", "platform", "firmware");
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, &changed), DPS_OK, "");
	expect(dps_tpm2_nv_look(&d.port, INDEX, &nv), DPS_OK, "");
	assert_true(!nv.platform && nv.write_locked);
	expect_nv_chain(d.chain);
	expect(dps_tpm2_nv_remove(&d.port, INDEX, &changed), DPS_OK, "");
	assert_true(changed);
}

/* A chain in NV is read once, then kept. */
static void the_device_reads_its_chain_from_nv(void **state)
{
	struct dps_span chain;
	unsigned mark = 0;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, NULL), DPS_OK, "");
	d.options.chain = (struct dps_span){NULL, 0};
	expect(d.port.certificates.chain(d.port.certificates.ctx, "identity-0", &chain), DPS_E_NOT_FOUND, NULL);
	test_tpm_device_reopen(&d);
	expect(d.port.certificates.chain(d.port.certificates.ctx, "manufacturer", &chain), DPS_E_NOT_FOUND, NULL);
	d.options.nv_index = INDEX;
	for (int i = 0; i < 3; i++) {
		test_tpm_device_reopen(&d);
		expect(d.port.certificates.chain(d.port.certificates.ctx, "manufacturer", &chain), DPS_OK, "");
		assert_int_equal(chain.len, d.chain.len);
		assert_memory_equal(chain.data, d.chain.data, chain.len);
		test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
		expect(dps_pki_check_key(&d.port.port, "manufacturer", chain), DPS_OK, NULL);
		mark = 0;
		if (i > 0)
			assert_int_equal(test_tpm_device_commands(&d, &mark), 1);
	}
	/* another identity with another certificate: what was kept is not believed */
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_evictcontrol", "-c", "0x81020000", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvundefine", "-C", "p", "0x01c90000", NULL), 0);
	struct dps_tpm2_options device = d.options;
	d.options.storage = NULL; /* a factory's station knows nothing of what the device keeps */
	d.options.nv_index = 0;
	test_tpm_device_open(&d);
	test_tpm_device_make_identity(&d, DPS_KEY_RSA_2048);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, false, NULL), DPS_OK, "");
	d.options = device;
	test_tpm_device_reopen(&d);
	/* key and certificates that were kept belong together; the first signature shows that the key is gone */
	uint8_t digest[32] = {1}, sig[DPS_SIGNATURE_SIZE];
	size_t len;
	const struct dps_keys *keys = &d.port.port;
	expect(keys->open(keys->ctx, "manufacturer"), DPS_OK, "");
	expect(keys->sign(keys->ctx, "manufacturer", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY_MISMATCH, "another key");
	/* and then all is read anew */
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
	expect(d.port.certificates.chain(d.port.certificates.ctx, "manufacturer", &chain), DPS_OK, "");
	assert_int_equal(chain.len, d.chain.len);
	assert_memory_equal(chain.data, d.chain.data, chain.len);
}

/* --- ownership ------------------------------------------------------------------------------------------------------------------------------------ */

static void expect_auths(bool owner, bool endorsement, bool lockout)
{
	struct dps_tpm2_info info;

	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_int_equal(info.owner_auth_set, owner);
	assert_int_equal(info.endorsement_auth_set, endorsement);
	assert_int_equal(info.lockout_auth_set, lockout);
}

static void own(void)
{
	bool changed;

	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	expect(dps_tpm2_set_lockout(&d.port, 32, 10, 60, &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_set_lockout(&d.port, 32, 10, 60, &changed), DPS_OK, "");
	assert_false(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_ENDORSEMENT, text_of("endorsement"), &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("owner"), &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_LOCKOUT, text_of("lockout"), &changed), DPS_OK, "");
	assert_true(changed);
	expect_auths(true, true, true);
}

static void give_options_their_auths(void)
{
	d.options.auth[DPS_TPM2_OWNER] = text_of("owner");
	d.options.auth[DPS_TPM2_ENDORSEMENT] = text_of("endorsement");
	d.options.auth[DPS_TPM2_LOCKOUT] = text_of("lockout");
}

static void owning_a_tpm(void **state)
{
	bool changed;
	struct dps_tpm2_info info;

	(void)state;
	own();
	/* the same again: nothing changes, but the values are proven */
	give_options_their_auths();
	test_tpm_device_reopen(&d);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("owner"), &changed), DPS_OK, "");
	assert_false(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_LOCKOUT, text_of("lockout"), &changed), DPS_OK, "");
	assert_false(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_PLATFORM, text_of("x"), &changed), DPS_E_ARGUMENT, NULL);
	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_true(info.max_tries == 32 && info.recovery_s == 10 && info.lockout_recovery_s == 60);
	/* tpm2-tools must give them as well */
	dps_tpm2_close(&d.port);
	assert_int_not_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_changeauth", "-c", "owner", "x", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_changeauth", "-c", "owner", "-p", "owner", "other", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_changeauth", "-c", "owner", "-p", "other", "owner", NULL), 0);
	test_tpm_device_open(&d);
	/* everything works with them */
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	expect(dps_tpm2_nv_install_chain(&d.port, INDEX, d.chain, true, &changed), DPS_OK, "");
	static struct dps_tpm2_endorsement ek;
	expect(dps_tpm2_read_endorsement(&d.port, DPS_TPM2_EK_P256, &ek), DPS_OK, "");
	d.options.auth[DPS_TPM2_IDENTITY_KEYS] = text_of("identity");
	test_tpm_device_reopen(&d);
	expect(d.port.port.generate(d.port.port.ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA384);
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	/* the key's auth value is wanted */
	d.options.auth[DPS_TPM2_IDENTITY_KEYS] = text_of("wrong");
	test_tpm_device_open(&d);
	uint8_t digest[32] = {1}, sig[DPS_SIGNATURE_SIZE];
	size_t len;
	expect(d.port.port.sign(d.port.port.ctx, "identity-0", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY,
	       "wrong auth value");
	/* taking all back */
	expect(dps_tpm2_clear(&d.port), DPS_OK, "");
	expect_auths(false, false, false);
	expect(dps_tpm2_restore_idevid(&d.port, 0, d.chain, &changed), DPS_OK, "");
	assert_true(changed);
	expect_nv_chain(d.chain);
	/* the options still hold the values of before: the TPM says that none is set */
	test_tpm_device_reopen(&d);
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	assert_true(changed);
}

static void auth_values_can_be_emptied(void **state)
{
	bool changed;

	(void)state;
	own();
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, (struct dps_span){NULL, 0}, &changed), DPS_OK, "");
	assert_true(changed);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_ENDORSEMENT, (struct dps_span){NULL, 0}, &changed), DPS_OK, "");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_LOCKOUT, (struct dps_span){NULL, 0}, &changed), DPS_OK, "");
	expect_auths(false, false, false);
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	test_tpm_device_open(&d);
}

static void wrong_auth_values(void **state)
{
	bool changed;

	(void)state;
	own();
	d.options.auth[DPS_TPM2_OWNER] = text_of("wrong");
	d.options.auth[DPS_TPM2_ENDORSEMENT] = text_of("wrong");
	test_tpm_device_reopen(&d);
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0, &changed), DPS_E_KEY, "make the IDevID: wrong auth value");
	expect(dps_tpm2_evict(&d.port, DPS_TPM2_SRK_HANDLE, &changed), DPS_E_KEY, "remove a persistent key: wrong auth value");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("x"), &changed), DPS_E_KEY, "change an auth value: wrong auth value");
	dps_tpm2_close(&d.port);
	test_tpm_assert_clean(&d.tpm);
	/* none given */
	d.options.auth[DPS_TPM2_OWNER] = d.options.auth[DPS_TPM2_ENDORSEMENT] = (struct dps_span){NULL, 0};
	test_tpm_device_open(&d);
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0, &changed), DPS_E_KEY, "wrong auth value");
	expect(dps_tpm2_evict(&d.port, DPS_TPM2_SRK_HANDLE, &changed), DPS_E_KEY, "wrong auth value");
	expect(dps_tpm2_evict(&d.port, 0x81010001, &changed), DPS_E_KEY, "wrong auth value");
}

static void lockout_is_told_as_what_it_is(void **state)
{
	struct dps_tpm2_info info;
	bool changed;

	(void)state;
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	expect(dps_tpm2_set_lockout(&d.port, 2, 1000, 1000, &changed), DPS_OK, "");
	/* a key that is subject to lockout, as an IDevID with an auth value */
	TOOL("tpm2_createprimary", "-C", "e", "-G", "ecc256", "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign", "-p", "right",
	     "-c", test_tpm_path(&d.tpm, "key.ctx"));
	TOOL("tpm2_evictcontrol", "-c", test_tpm_path(&d.tpm, "key.ctx"), "0x81020000");
	TOOL("tpm2_flushcontext", "-t");
	d.options.auth[DPS_TPM2_MANUFACTURER_KEY] = text_of("wrong");
	test_tpm_device_reopen(&d);
	uint8_t digest[32] = {1}, sig[DPS_SIGNATURE_SIZE];
	size_t len;
	const struct dps_keys *keys = &d.port.port;
	for (int i = 0; i < 2; i++)
		expect(keys->sign(keys->ctx, "manufacturer", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY,
		       "wrong auth value, counted towards lockout");
	expect(keys->sign(keys->ctx, "manufacturer", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY, "the TPM is in lockout");
	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_true(info.in_lockout);
	assert_int_equal(info.lockout_counter, 2);
	expect(dps_tpm2_reset_lockout(&d.port), DPS_OK, "");
	d.options.auth[DPS_TPM2_MANUFACTURER_KEY] = text_of("right");
	test_tpm_device_reopen(&d);
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
	/* operational keys are not subject to it */
	d.options.auth[DPS_TPM2_MANUFACTURER_KEY] = text_of("wrong");
	test_tpm_device_reopen(&d);
	for (int i = 0; i < 3; i++)
		assert_int_equal(keys->sign(keys->ctx, "manufacturer", DPS_HASH_SHA256, digest, 32, sig, sizeof(sig), &len), DPS_E_KEY);
	expect(keys->generate(keys->ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
}

/* Orderly shutdown: power cuts after close do not count towards lockout, however often. */
static void power_cuts_after_close_do_not_count(void **state)
{
	struct dps_tpm2_info info;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	for (int i = 0; i < 5; i++) {
		test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
		dps_tpm2_close(&d.port);
		test_tpm_power_cycle(&d.tpm);
		test_tpm_device_open(&d);
	}
	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_int_equal(info.lockout_counter, 0);
	/* without it they do */
	test_tpm_device_sign(&d, "manufacturer", DPS_HASH_SHA256);
	test_tpm_power_cycle(&d.tpm);
	dps_tpm2_close(&d.port);
	test_tpm_device_open(&d);
	expect(dps_tpm2_read_info(&d.port, &info), DPS_OK, "");
	assert_int_equal(info.lockout_counter, 1);
}

/* Somebody listens on the way to the TPM: no auth value is heard, whatever it is used for. */
static void auth_values_are_not_heard(void **state)
{
	static struct test_tpm_line line;
	static const char SECRET[] = "of-the-bench";
	bool changed;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	dps_tpm2_close(&d.port);
	test_tpm_line_start(&line, &d.tpm);
	d.options.tcti = line.tcti;
	d.options.auth[DPS_TPM2_IDENTITY_KEYS] = text_of("key-of-the-bench");
	test_tpm_device_open(&d);
	line.needle = SECRET;
	expect(dps_tpm2_create_srk(&d.port, &changed), DPS_OK, "");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_ENDORSEMENT, text_of("endorsement-of-the-bench"), &changed), DPS_OK, "");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_LOCKOUT, text_of("lockout-of-the-bench"), &changed), DPS_OK, "");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("owner-of-the-bench"), &changed), DPS_OK, "");
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("next-owner-of-the-bench"), &changed), DPS_OK, "");
	expect(dps_tpm2_set_lockout(&d.port, 7, 8, 9, &changed), DPS_OK, "");
	expect(d.port.port.generate(d.port.port.ctx, "identity-0", DPS_KEY_EC_P256), DPS_OK, "");
	test_tpm_device_sign(&d, "identity-0", DPS_HASH_SHA256);
	expect(dps_tpm2_evict(&d.port, 0x81010016, &changed), DPS_OK, "");
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0x81020001, &changed), DPS_OK, "");
	assert_false(line.found);
	/* the ear hears: the name of a key's template is no secret */
	line.needle = "IDEVID";
	expect(dps_tpm2_create_idevid(&d.port, DPS_KEY_EC_P256, 0x81020001, &changed), DPS_OK, "");
	assert_true(line.found);
	expect(dps_tpm2_clear(&d.port), DPS_OK, "");
	dps_tpm2_close(&d.port);
	test_tpm_line_stop(&line);
	/* wiped from memory */
	for (size_t i = 0; i + 12 <= sizeof(d.port); i++)
		assert_memory_not_equal((const uint8_t *)&d.port + i, SECRET, 12);
}

static void without_any_key_to_salt_with_no_auth_value_is_sent(void **state)
{
	bool changed;

	(void)state;
	dps_tpm2_close(&d.port);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvundefine", "-C", "p", "0x01c00002", NULL), 0);
	assert_int_equal(test_tpm_tool(&d.tpm, NULL, 0, "tpm2_nvundefine", "-C", "p", "0x01c00016", NULL), 0);
	test_tpm_device_open(&d);
	expect(dps_tpm2_change_auth(&d.port, DPS_TPM2_OWNER, text_of("owner"), &changed), DPS_E_STATE, "make the storage root key first");
	expect_auths(false, false, false);
	/* with an SRK it works, EK certificate or not */
	own();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_srk_is_made_once, start, stop),
		cmocka_unit_test_setup_teardown(an_idevid_is_always_the_same, start, stop),
		cmocka_unit_test_setup_teardown(chains_in_nv, start, stop),
		cmocka_unit_test_setup_teardown(locked_and_unlocked_indices, start, stop),
		cmocka_unit_test_setup_teardown(nv_that_is_full_or_garbage, start, stop),
		cmocka_unit_test_setup_teardown(without_the_platform_the_owner_makes_the_index, start, stop),
		cmocka_unit_test_setup_teardown(the_device_reads_its_chain_from_nv, start, stop),
		cmocka_unit_test_setup_teardown(owning_a_tpm, start, stop),
		cmocka_unit_test_setup_teardown(auth_values_can_be_emptied, start, stop),
		cmocka_unit_test_setup_teardown(wrong_auth_values, start, stop),
		cmocka_unit_test_setup_teardown(lockout_is_told_as_what_it_is, start, stop),
		cmocka_unit_test_setup_teardown(power_cuts_after_close_do_not_count, start, stop),
		cmocka_unit_test_setup_teardown(auth_values_are_not_heard, start, stop),
		cmocka_unit_test_setup_teardown(without_any_key_to_salt_with_no_auth_value_is_sent, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, forget);
}
