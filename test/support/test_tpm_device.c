/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test_tpm_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pki/verify.h"

void test_tpm_device_start(struct test_tpm_device *device)
{
	memset(device, 0, sizeof(*device));
	test_tpm_start(&device->tpm);
	test_store_init(&device->store);
	device->options = (struct dps_tpm2_options){.tcti = device->tpm.tcti, .storage = &device->store.port, .timeout_ms = 10000};
	(void)snprintf(device->lock, sizeof(device->lock), "%s/lock", device->tpm.dir);
	device->options.lock_file = device->lock;
	test_key_make(&device->ca_key, DPS_KEY_EC_P256);
	test_key_make(&device->inter_key, DPS_KEY_EC_P256);
	test_certificate_make(&device->ca, &(struct test_certificate_spec){.subject = "CN=TPM CA", .key = &device->ca_key, .ca = true});
	test_certificate_make(
		&device->inter,
		&(struct test_certificate_spec){
			.subject = "CN=TPM Inter", .key = &device->inter_key, .issuer = "CN=TPM CA", .issuer_key = &device->ca_key, .ca = true});
}

void test_tpm_device_stop(struct test_tpm_device *device)
{
	dps_tpm2_close(&device->port);
	if (device->tpm.process != NULL)
		test_tpm_assert_clean(&device->tpm);
	test_tpm_stop(&device->tpm);
	test_store_free(&device->store);
	test_key_free(&device->ca_key);
	test_key_free(&device->inter_key);
}

void test_tpm_device_open(struct test_tpm_device *device)
{
	const dps_result result = dps_tpm2_open(&device->port, &device->options);
	if (result != DPS_OK)
		fail_msg("open: %s: %s", dps_result_name(result), dps_tpm2_detail(&device->port));
}

void test_tpm_device_reopen(struct test_tpm_device *device)
{
	dps_tpm2_close(&device->port);
	test_tpm_device_open(device);
}

void test_tpm_device_certify(struct test_tpm_device *device, const uint8_t *spki, size_t len)
{
	struct test_key key;

	memset(&key, 0, sizeof(key));
	mbedtls_pk_init(&key.pk);
	assert_int_equal(mbedtls_pk_parse_public_key(&key.pk, spki, len), 0);
	test_certificate_make(
		&device->leaf,
		&(struct test_certificate_spec){.subject = "CN=Device", .key = &key, .issuer = "CN=TPM Inter", .issuer_key = &device->inter_key});
	mbedtls_pk_free(&key.pk);
	device->chain = test_der_list(device->chain_bytes, sizeof(device->chain_bytes), 2, &device->leaf, &device->inter);
}

void test_tpm_device_make_identity(struct test_tpm_device *device, enum dps_key_type type)
{
	static struct dps_tpm2_public key;
	bool changed = false;

	test_tpm_device_expect(device, dps_tpm2_create_idevid(&device->port, type, 0, &changed), DPS_OK, "");
	assert_true(changed);
	test_tpm_device_expect(device, dps_tpm2_read_public(&device->port, DPS_TPM2_IDEVID_HANDLE, &key), DPS_OK, "");
	test_tpm_device_certify(device, key.spki, key.spki_len);
	device->options.chain = device->chain;
	test_tpm_device_reopen(device);
}

void test_tpm_device_sign(struct test_tpm_device *device, const char *slot, enum dps_hash hash)
{
	static const size_t LENGTHS[] = {32, 48, 64};
	const struct dps_keys *keys = &device->port.port;
	uint8_t digest[64], spki[DPS_SPKI_SIZE], sig[DPS_SIGNATURE_SIZE];
	size_t spki_len, sig_len;

	assert_int_equal(test_random.fill(test_random.ctx, digest, sizeof(digest)), DPS_OK);
	test_tpm_device_expect(device, keys->open(keys->ctx, slot), DPS_OK, NULL);
	test_tpm_device_expect(device, keys->public_key(keys->ctx, slot, spki, sizeof(spki), &spki_len), DPS_OK, NULL);
	test_tpm_device_expect(device, keys->sign(keys->ctx, slot, hash, digest, LENGTHS[hash], sig, sizeof(sig), &sig_len), DPS_OK, NULL);
	assert_int_equal(
		dps_pki_verify((struct dps_span){spki, spki_len}, hash, (struct dps_span){digest, LENGTHS[hash]}, (struct dps_span){sig, sig_len}),
		DPS_OK);
}

void test_tpm_device_expect(struct test_tpm_device *device, dps_result result, dps_result expected, const char *text)
{
	const char *detail = dps_tpm2_detail(&device->port);

	if (result != expected)
		fail_msg("%s (%s) instead of %s", dps_result_name(result), detail, dps_result_name(expected));
	if (text != NULL && (text[0] == '\0' ? detail[0] != '\0' : strstr(detail, text) == NULL))
		fail_msg("the text \"%s\" instead of one with \"%s\"", detail, text);
}

void test_tpm_device_write(const struct test_tpm_device *device, const char *name, const uint8_t *bytes, size_t len)
{
	FILE *file = fopen(test_tpm_path(&device->tpm, name), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

void test_tpm_device_put_nv(struct test_tpm_device *device, const char *index, const char *name, const uint8_t *bytes, size_t len)
{
	const struct test_tpm *tpm = &device->tpm;
	char size[16];

	test_tpm_device_write(device, name, bytes, len);
	(void)snprintf(size, sizeof(size), "%zu", len);
	dps_tpm2_close(&device->port);
	(void)test_tpm_tool(tpm, NULL, 0, "tpm2_nvundefine", "-C", "p", index, NULL);
	assert_int_equal(test_tpm_tool(tpm, NULL, 0, "tpm2_nvdefine", "-C", "p", "-s", size, "-a",
	                               "ppwrite|ppread|ownerread|authread|no_da|platformcreate|writedefine", index, NULL),
	                 0);
	assert_int_equal(test_tpm_tool(tpm, NULL, 0, "tpm2_nvwrite", "-C", "p", "-i", test_tpm_path(tpm, name), index, NULL), 0);
	test_tpm_device_open(device);
}

unsigned test_tpm_device_commands(const struct test_tpm_device *device, unsigned *mark)
{
	const unsigned all = device->port.stats.commands;
	const unsigned since = all - *mark;

	*mark = all;
	return since;
}
