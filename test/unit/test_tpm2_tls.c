/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS client authentication with keys that never leave a TPM: Mbed TLS and port/tpm2 on swtpm against openssl s_server, which verifies; IDevIDs of both templates and
 * operational keys, suites with SHA-256 and SHA-384; what a TPM that fails in the midst of a handshake comes to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dps/port/mbedtls.h"
#include "support/test_channel.h"
#include "support/test_network.h"
#include "support/test_tls_server.h"
#include "support/test_tpm_device.h"

#define HOST "dps.example.com"

static struct test_tpm_device d;
static struct test_key server_key;
static struct test_certificate server;

static int start(void **state)
{
	(void)state;
	test_tpm_device_start(&d);
	test_tpm_device_open(&d);
	test_key_make(&server_key, DPS_KEY_EC_P256);
	test_certificate_make(&server,
	                      &(struct test_certificate_spec){
							  .subject = "CN=Server", .key = &server_key, .issuer = "CN=TPM CA", .issuer_key = &d.ca_key, .dns = {HOST}});
	test_write_certificates(test_tpm_path(&d.tpm, "server.pem"), (struct dps_span){server.der, server.len});
	test_write_certificates(test_tpm_path(&d.tpm, "ca.pem"), (struct dps_span){d.ca.der, d.ca.len});
	test_write_key(test_tpm_path(&d.tpm, "server.key"), &server_key);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	test_key_free(&server_key);
	test_tpm_device_stop(&d);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	test_tpm_forget_all();
	return 0;
}

static struct test_process *serve(const char *suite, uint16_t *port)
{
	const char *const further[] = {"-cipher", suite, NULL};

	return test_tls_server_start(d.tpm.dir, "server", further, port);
}

/* One handshake with a slot's key and device.chain, and a line that comes back reversed. */
static void connect_with(const char *slot, const char *suite, dps_result expected)
{
	static struct test_network network;
	static struct dps_mbedtls_channel channel;
	static struct dps_pki_path path;
	struct dps_trust trust = {.anchors = {d.ca.der, d.ca.len}};
	uint16_t port;
	struct test_process *process = serve(suite, &port);
	struct dps_channel_params params = {
		.host = HOST, .port = port, .trust = &trust, .keys = &d.port.port, .key_slot = slot, .chain = d.chain, .path = &path};
	uint8_t buf[64];
	size_t n = 0, have = 0;

	test_network_init(&network, 1, (int)port);
	dps_mbedtls_channel_init(&channel, &network.port, &test_random);
	dps_result result = channel.port.open(channel.port.ctx, &params);
	if (result == DPS_OK)
		result = test_channel_establish(&channel.port);
	if (result != expected)
		fail_msg("%s with %s: %s (%s; %s)", slot, suite, dps_result_name(result), channel.port.detail(channel.port.ctx),
		         dps_tpm2_detail(&d.port));
	if (expected == DPS_OK) {
		assert_int_equal(channel.port.write(channel.port.ctx, (const uint8_t *)"hello\n", 6, &n), DPS_OK);
		while (have < 6) {
			assert_int_equal(test_channel_read(&channel.port, buf + have, sizeof(buf) - have, &n), DPS_OK);
			have += n;
		}
		assert_memory_equal(buf, "olleh\n", 6);
	}
	channel.port.close(channel.port.ctx);
	dps_mbedtls_channel_deinit(&channel);
	(void)test_process_stop(process);
}

static void with_an_identity(enum dps_key_type type)
{
	static const char *const SUITES[] = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"};

	test_tpm_device_make_identity(&d, type);
	for (size_t i = 0; i < sizeof(SUITES) / sizeof(SUITES[0]); i++)
		connect_with("manufacturer", SUITES[i], DPS_OK);
}

static void a_p256_idevid(void **state)
{
	(void)state;
	with_an_identity(DPS_KEY_EC_P256);
}

static void an_rsa_idevid(void **state)
{
	(void)state;
	with_an_identity(DPS_KEY_RSA_2048);
}

static void operational_keys(void **state)
{
	static const enum dps_key_type TYPES[] = {DPS_KEY_EC_P256, DPS_KEY_EC_P384, DPS_KEY_RSA_2048};
	uint8_t spki[DPS_SPKI_SIZE];
	size_t len;
	const struct dps_keys *keys = &d.port.port;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		test_tpm_device_expect(&d, keys->generate(keys->ctx, "identity-1", TYPES[i]), DPS_OK, "");
		test_tpm_device_expect(&d, keys->public_key(keys->ctx, "identity-1", spki, sizeof(spki), &len), DPS_OK, "");
		test_tpm_device_certify(&d, spki, len);
		connect_with("identity-1", "ECDHE-ECDSA-AES128-GCM-SHA256", DPS_OK);
		connect_with("identity-1", "ECDHE-ECDSA-AES256-GCM-SHA384", DPS_OK);
	}
}

static void a_tpm_that_fails_in_a_handshake(void **state)
{
	static struct test_tpm_line line;

	(void)state;
	test_tpm_device_make_identity(&d, DPS_KEY_EC_P256);
	dps_tpm2_close(&d.port);
	test_tpm_line_start(&line, &d.tpm);
	d.options.tcti = line.tcti;
	d.options.timeout_ms = 300;
	test_tpm_device_open(&d);
	connect_with("manufacturer", "ECDHE-ECDSA-AES128-GCM-SHA256", DPS_OK);
	test_tpm_line_fault_on(&line, 0x15d, 0, TEST_TPM_ANSWER, 0x921);
	connect_with("manufacturer", "ECDHE-ECDSA-AES128-GCM-SHA256", DPS_E_KEY);
	assert_non_null(strstr(dps_tpm2_detail(&d.port), "sign: the TPM is in lockout"));
	test_tpm_line_fault_on(&line, 0x15d, 0, TEST_TPM_SILENT, 0);
	connect_with("manufacturer", "ECDHE-ECDSA-AES128-GCM-SHA256", DPS_E_KEY);
	assert_non_null(strstr(dps_tpm2_detail(&d.port), "sign: no answer in time"));
	test_tpm_line_fault(&line, 0, 0, TEST_TPM_SILENT, 0);
	connect_with("manufacturer", "ECDHE-ECDSA-AES128-GCM-SHA256", DPS_OK);
	dps_tpm2_close(&d.port);
	test_tpm_line_stop(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_p256_idevid, start, stop),
		cmocka_unit_test_setup_teardown(an_rsa_idevid, start, stop),
		cmocka_unit_test_setup_teardown(operational_keys, start, stop),
		cmocka_unit_test_setup_teardown(a_tpm_that_fails_in_a_handshake, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, forget);
}
