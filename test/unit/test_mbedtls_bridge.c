/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key context that Mbed TLS signs with: only the key port signs, whatever goes wrong; a Mbed TLS whose tables are not known is refused.
 * The linker leads Mbed TLS's calls named __wrap_ here (see mk/mbedtls3.mk).
 */
#include "mbedtls/bridge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "pki/compat.h"
#include "support/test_pki.h"

#define DIGEST_LEN 32

/* Entries of the table in 3.6; the last is of no importance. */
#define TABLE_USED 12

static struct test_key p256, p384, rsa;

static int make(void **state)
{
	(void)state;
	test_key_make(&p256, DPS_KEY_EC_P256);
	test_key_make(&p384, DPS_KEY_EC_P384);
	test_key_make(&rsa, DPS_KEY_RSA_2048);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	test_key_free(&p256);
	test_key_free(&p384);
	test_key_free(&rsa);
	return 0;
}

/* --- Mbed TLS as another version would be ------------------------------------------------------------------------------------------ */

static struct {
	unsigned version;   /* what the library says at run time; 0: the truth */
	size_t new_entry;   /* where its tables of functions have more entries than ours; 0: nowhere */
	size_t new_entries; /* how many */
} other;

unsigned int __real_mbedtls_version_get_number(void);
unsigned int __wrap_mbedtls_version_get_number(void);
int __real_mbedtls_pk_setup(mbedtls_pk_context *pk, const mbedtls_pk_info_t *info);
int __wrap_mbedtls_pk_setup(mbedtls_pk_context *pk, const mbedtls_pk_info_t *info);

unsigned int __wrap_mbedtls_version_get_number(void)
{
	return other.version != 0 ? other.version : __real_mbedtls_version_get_number();
}

/* A library with more entries takes each entry behind them from further on in the table it is given. Its own tables are as it wants them. */
int __wrap_mbedtls_pk_setup(mbedtls_pk_context *pk, const mbedtls_pk_info_t *info)
{
	static uintptr_t table[TABLE_USED];
	const uintptr_t *given = (const uintptr_t *)info;
	if (other.new_entries == 0 || info == mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY) || info == mbedtls_pk_info_from_type(MBEDTLS_PK_RSA))
		return __real_mbedtls_pk_setup(pk, info);
	for (size_t i = 0; i < TABLE_USED; i++)
		table[i] = given[i < other.new_entry ? i : i + other.new_entries];
	return __real_mbedtls_pk_setup(pk, (const mbedtls_pk_info_t *)table);
}

/* --- a bridge ---------------------------------------------------------------------------------------------------------------------- */

static dps_result open_bridge(struct dps_mbedtls_bridge *bridge, const struct dps_keys *keys)
{
	uint8_t spki[DPS_SPKI_SIZE];
	size_t len = 0;
	assert_int_equal(keys->public_key(keys->ctx, "slot", spki, sizeof(spki), &len), DPS_OK);
	dps_mbedtls_bridge_init(bridge);
	return dps_mbedtls_bridge_open(bridge, &test_random, keys, "slot", (struct dps_span){spki, len});
}

/* As TLS signs: with the bridge for randomness. */
static int sign_with(mbedtls_pk_context *pk, int (*random)(void *, unsigned char *, size_t), void *random_ctx,
                     uint8_t sig[DPS_SIGNATURE_SIZE], size_t *len)
{
	static const uint8_t DIGEST[DIGEST_LEN] = {1, 2, 3};
#if MBEDTLS_VERSION_NUMBER < 0x03000000
	return mbedtls_pk_sign(pk, MBEDTLS_MD_SHA256, DIGEST, DIGEST_LEN, sig, len, random, random_ctx);
#else
	return mbedtls_pk_sign(pk, MBEDTLS_MD_SHA256, DIGEST, DIGEST_LEN, sig, DPS_SIGNATURE_SIZE, len, random, random_ctx);
#endif
}

static int sign_as_tls(struct dps_mbedtls_bridge *bridge, uint8_t sig[DPS_SIGNATURE_SIZE], size_t *len)
{
	return sign_with(&bridge->pk, dps_mbedtls_bridge_random, bridge, sig, len);
}

static void the_key_port_signs(void **state)
{
	static const uint8_t DIGEST[DIGEST_LEN] = {1, 2, 3};
	struct test_key *const all[] = {&p256, &p384, &rsa};
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct dps_keys keys = test_keys_port(all[i]);
		struct dps_mbedtls_bridge bridge;
		uint8_t sig[DPS_SIGNATURE_SIZE];
		size_t len = 0;
		assert_int_equal(open_bridge(&bridge, &keys), DPS_OK);
		assert_int_equal(sign_as_tls(&bridge, sig, &len), 0);
		if (all[i] == &rsa)
			len = 2048 / 8; /* RSA_ALT's has no length of its own */
		assert_int_equal(mbedtls_pk_verify(&all[i]->pk, MBEDTLS_MD_SHA256, DIGEST, DIGEST_LEN, sig, len), 0);
		dps_mbedtls_bridge_close(&bridge);
	}
}

static void what_the_key_port_said_is_kept(void **state)
{
	struct test_key *const all[] = {&p256, &rsa};
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct dps_keys keys = test_keys_port(all[i]);
		struct dps_mbedtls_bridge bridge;
		uint8_t sig[DPS_SIGNATURE_SIZE];
		size_t len = 0;
		keys.sign = test_keys_refuse_to_sign;
		assert_int_equal(open_bridge(&bridge, &keys), DPS_OK);
		assert_int_not_equal(sign_as_tls(&bridge, sig, &len), 0);
		assert_int_equal(bridge.failure, DPS_E_STORAGE);
		dps_mbedtls_bridge_close(&bridge);
	}
}

/* The context holds no private key: without the hook, or without the way to the port, nothing is signed. */
static void a_missed_hook_signs_nothing(void **state)
{
	const struct dps_keys keys = test_keys_port(&p256);
	struct dps_mbedtls_bridge bridge;
	uint8_t sig[DPS_SIGNATURE_SIZE];
	size_t len = 0;
	(void)state;
	assert_int_equal(open_bridge(&bridge, &keys), DPS_OK);
	assert_int_not_equal(sign_with(&bridge.pk, dps_mbedtls_random, (void *)(uintptr_t)&test_random, sig, &len), 0);
	bridge.pk.MBEDTLS_PRIVATE(pk_info) = mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY);
	assert_int_not_equal(sign_as_tls(&bridge, sig, &len), 0);
	dps_mbedtls_bridge_close(&bridge);
}

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

static void expect_refusal(void)
{
	const struct dps_keys keys = test_keys_port(&p256);
	struct dps_mbedtls_bridge bridge;
	assert_int_equal(open_bridge(&bridge, &keys), DPS_E_UNSUPPORTED);
	dps_mbedtls_bridge_close(&bridge);
}

static void another_version_at_run_time_is_refused(void **state)
{
	static const unsigned VERSIONS[] = {0x021c0300, 0x03050200, 0x04000000};
	(void)state;
	for (size_t i = 0; i < sizeof(VERSIONS) / sizeof(VERSIONS[0]); i++) {
		other.version = VERSIONS[i];
		expect_refusal();
	}
	other.version = 0;
}

/* Wherever entries were put in, up to the last that is used. Behind `sign` and two at once: what MBEDTLS_ECP_RESTARTABLE does. */
static void tables_with_more_entries_are_refused(void **state)
{
	(void)state;
	for (other.new_entries = 1; other.new_entries <= DPS_MBEDTLS_TABLE_WORDS - TABLE_USED; other.new_entries++) {
		for (other.new_entry = 1; other.new_entry < TABLE_USED - 1; other.new_entry++)
			expect_refusal();
	}
	other.new_entries = 0;
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_key_port_signs),
		cmocka_unit_test(what_the_key_port_said_is_kept),
		cmocka_unit_test(a_missed_hook_signs_nothing),
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
		cmocka_unit_test(another_version_at_run_time_is_refused),
		cmocka_unit_test(tables_with_more_entries_are_refused),
#endif
	};
	return cmocka_run_group_tests(tests, make, drop);
}
