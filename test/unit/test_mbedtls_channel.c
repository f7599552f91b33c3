/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS channel against openssl s_server on loopback, and against peers that are no TLS servers at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mbedtls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dps/port/mbedtls.h"
#include "pki/certificate.h"
#include "pki/pki.h"
#include "support/test_network.h"
#include "support/test_pki.h"
#include "support/test_process.h"
#include "support/test_tls_server.h"

#define HOST  "dps.example.com"
#define T2027 INT64_C(1798761600)

/* All keys and certificates of these tests. */
static struct world {
	char dir[256];
	struct test_key ca_key, inter_key, ec_key, rsa_key, device_key, device_rsa_key, device_p384_key, other_key;
	struct test_certificate ca, old_ca, inter, ec, rsa, expired, device, device_rsa, device_p384, foreign_ca, foreign_device;
	uint8_t anchors_bytes[2048];
	struct dps_span anchors;
} w;

static const char *in_dir(const char *name)
{
	static char path[8][400];
	static size_t next;
	next = (next + 1) % 8;
	(void)snprintf(path[next], sizeof(path[next]), "%s/%s", w.dir, name);
	return path[next];
}

static void make_server_certificate(struct test_certificate *out, struct test_key *key, const char *not_after)
{
	test_certificate_make(out, &(struct test_certificate_spec){.subject = "CN=Server",
	                                                           .key = key,
	                                                           .issuer = "CN=Inter",
	                                                           .issuer_key = &w.inter_key,
	                                                           .not_before = "20200101000000",
	                                                           .not_after = not_after,
	                                                           .dns = {HOST, "localhost"},
	                                                           .addresses = {"127.0.0.1"}});
}

static void make_device_certificate(struct test_certificate *out, struct test_key *key, const char *issuer, struct test_key *issuer_key)
{
	test_certificate_make(
		out, &(struct test_certificate_spec){
				 .subject = "CN=Device", .key = key, .issuer = issuer, .issuer_key = issuer_key, .not_before = "20200101000000"});
}

static void write_server(const char *name, struct test_certificate *certificate, struct test_key *key)
{
	char file[64];
	(void)snprintf(file, sizeof(file), "%s.pem", name);
	test_write_certificates(in_dir(file), (struct dps_span){certificate->der, certificate->len});
	(void)snprintf(file, sizeof(file), "%s.key", name);
	test_write_key(in_dir(file), key);
}

static int make(void **state)
{
	(void)state;
	test_tmpdir_make(w.dir, sizeof(w.dir));
	test_key_make(&w.ca_key, DPS_KEY_EC_P256);
	test_key_make(&w.inter_key, DPS_KEY_EC_P384);
	test_key_make(&w.ec_key, DPS_KEY_EC_P256);
	test_key_make(&w.rsa_key, DPS_KEY_RSA_2048);
	test_key_make(&w.device_key, DPS_KEY_EC_P256);
	test_key_make(&w.device_rsa_key, DPS_KEY_RSA_2048);
	test_key_make(&w.device_p384_key, DPS_KEY_EC_P384);
	test_key_make(&w.other_key, DPS_KEY_EC_P256);
	test_certificate_make(
		&w.ca, &(struct test_certificate_spec){
				   .subject = "CN=CA", .key = &w.ca_key, .not_before = "20210101000000", .not_after = "20400101000000", .ca = true});
	test_certificate_make(
		&w.old_ca, &(struct test_certificate_spec){
					   .subject = "CN=CA", .key = &w.ca_key, .not_before = "20000101000000", .not_after = "20020101000000", .ca = true});
	test_certificate_make(&w.foreign_ca, &(struct test_certificate_spec){.subject = "CN=CA", .key = &w.other_key, .ca = true});
	test_certificate_make(&w.inter, &(struct test_certificate_spec){.subject = "CN=Inter",
	                                                                .key = &w.inter_key,
	                                                                .issuer = "CN=CA",
	                                                                .issuer_key = &w.ca_key,
	                                                                .not_before = "20200101000000",
	                                                                .ca = true});
	make_server_certificate(&w.ec, &w.ec_key, "20300101000000");
	make_server_certificate(&w.rsa, &w.rsa_key, "20300101000000");
	make_server_certificate(&w.expired, &w.ec_key, "20210101000000");
	make_device_certificate(&w.device, &w.device_key, "CN=Inter", &w.inter_key);
	make_device_certificate(&w.device_rsa, &w.device_rsa_key, "CN=Inter", &w.inter_key);
	make_device_certificate(&w.device_p384, &w.device_p384_key, "CN=Inter", &w.inter_key);
	make_device_certificate(&w.foreign_device, &w.device_key, "CN=Foreign", &w.other_key);
	w.anchors = test_der_list(w.anchors_bytes, sizeof(w.anchors_bytes), 1, &w.ca);
	test_write_certificates(in_dir("ca.pem"), w.anchors);
	test_write_certificates(in_dir("inter.pem"), (struct dps_span){w.inter.der, w.inter.len});
	write_server("ec", &w.ec, &w.ec_key);
	write_server("rsa", &w.rsa, &w.rsa_key);
	write_server("expired", &w.expired, &w.ec_key);
	return 0;
}

static int drop(void **state)
{
	struct test_key *const keys[] = {&w.ca_key,     &w.inter_key,      &w.ec_key,          &w.rsa_key,
	                                 &w.device_key, &w.device_rsa_key, &w.device_p384_key, &w.other_key};
	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		test_key_free(keys[i]);
	test_tmpdir_remove(w.dir);
	return 0;
}

/* A server with one of the certificates; it demands a certificate of us and sends lines back reversed. Further arguments end with NULL. */
static struct test_process *serve(const char *name, uint16_t *port, const char *extra1, const char *extra2)
{
	const char *const further[] = {"-cert_chain", in_dir("inter.pem"), extra1, extra2, NULL};

	return test_tls_server_start(w.dir, name, further, port);
}

/* One connection of a device. */
struct device {
	struct test_network network;
	struct dps_mbedtls_channel channel;
	struct dps_keys keys;
	struct dps_trust trust;
	struct dps_pki_path path;
	uint8_t chain_bytes[8192];
	struct dps_channel_params params;
};

static void device_init(struct device *device, uint16_t port)
{
	test_network_init(&device->network, 1, (int)port);
	dps_mbedtls_channel_init(&device->channel, &device->network.port, &test_random);
	device->keys = test_keys_port(&w.device_key);
	device->trust = (struct dps_trust){.anchors = w.anchors};
	device->params =
		(struct dps_channel_params){.host = HOST,
	                                .port = port,
	                                .trust = &device->trust,
	                                .keys = &device->keys,
	                                .key_slot = "manufacturer",
	                                .chain = test_der_list(device->chain_bytes, sizeof(device->chain_bytes), 2, &w.device, &w.inter),
	                                .path = &device->path};
}

static dps_result connect_device(struct device *device)
{
	const struct dps_channel *channel = &device->channel.port;
	assert_int_equal(channel->open(channel->ctx, &device->params), DPS_OK);
	return test_channel_establish(channel);
}

static void expect_echo(struct device *device)
{
	const struct dps_channel *channel = &device->channel.port;
	uint8_t buf[64];
	size_t n = 0, have = 0;
	assert_int_equal(channel->write(channel->ctx, (const uint8_t *)"hello\n", 6, &n), DPS_OK);
	assert_int_equal(n, 6);
	while (have < 6) {
		assert_int_equal(test_channel_read(channel, buf + have, sizeof(buf) - have, &n), DPS_OK);
		have += n;
	}
	assert_memory_equal(buf, "olleh\n", 6);
}

static void close_device(struct device *device)
{
	device->channel.port.close(device->channel.port.ctx);
	/* a second time is harmless */
	device->channel.port.close(device->channel.port.ctx);
	dps_mbedtls_channel_deinit(&device->channel);
}

/* One whole connection to a server of its own, expected to end like this. */
static void run(struct device *device, struct test_process *server, dps_result expected, const char *detail)
{
	const dps_result result = connect_device(device);
	if (result != expected)
		fail_msg("%s (%s) instead of %s", dps_result_name(result), device->channel.port.detail(device->channel.port.ctx),
		         dps_result_name(expected));
	if (detail != NULL)
		assert_string_equal(device->channel.port.detail(device->channel.port.ctx), detail);
	assert_int_equal(device->path.complete, expected == DPS_OK);
	if (expected == DPS_OK)
		expect_echo(device);
	close_device(device);
	(void)test_process_stop(server);
}

/* --- what goes well ---------------------------------------------------------------------------------------------------------------- */

static void both_sides_prove_who_they_are(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	struct dps_channel_stats stats;
	const struct dps_channel *channel = &device.channel.port;
	(void)state;
	device_init(&device, port);
	assert_false(channel->connected(channel->ctx));
	assert_int_equal(connect_device(&device), DPS_OK);
	assert_true(channel->connected(channel->ctx));
	assert_int_equal(device.path.count, 3);
	assert_true(device.path.complete);
	assert_int_equal(dps_pki_path_check_dates(&device.path, T2027), DPS_OK);
	assert_memory_equal(mbedtls_ssl_get_ciphersuite(&device.channel.ssl), "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", 40);
	/* both flights left at once: TCP, hello, the rest */
	assert_int_equal(device.network.writes, 2);
	channel->stats(channel->ctx, &stats);
	assert_int_equal(stats.handshakes, 1);
	assert_int_equal(stats.round_trips, 3);
	assert_int_equal(stats.bytes_sent, device.network.bytes_written);
	assert_int_equal(stats.bytes_received, device.network.bytes_read);
	expect_echo(&device);
	assert_int_equal(device.network.writes, 3);
	channel->stats(channel->ctx, &stats);
	assert_int_equal(stats.round_trips, 4);
	close_device(&device);
	(void)test_process_stop(server);
}

static void writes_are_gathered_until_read_or_flush(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	const struct dps_channel *channel = &device.channel.port;
	struct dps_wait wait;
	uint32_t within = DPS_FOREVER;
	uint8_t big[DPS_MBEDTLS_GATHER_SIZE * 2];
	size_t n = 0;
	(void)state;
	memset(big, 'x', sizeof(big));
	device_init(&device, port);
	assert_int_equal(connect_device(&device), DPS_OK);
	for (int i = 0; i < 5; i++)
		assert_int_equal(channel->write(channel->ctx, (const uint8_t *)"x", 1, &n), DPS_OK);
	assert_int_equal(device.network.writes, 2);
	assert_int_equal(channel->wait_on(channel->ctx, &wait, 1, &within), 1);
	assert_int_equal(wait.directions, DPS_WAIT_READ | DPS_WAIT_WRITE);
	assert_int_equal(channel->flush(channel->ctx), DPS_OK);
	assert_int_equal(device.network.writes, 3);
	assert_int_equal(channel->wait_on(channel->ctx, &wait, 1, &within), 1);
	assert_int_equal(wait.directions, DPS_WAIT_READ);
	/* when the network takes nothing the buffer fills, and what did not fit is the caller's still */
	device.network.jammed = true;
	size_t taken = 0;
	dps_result result;
	while ((result = channel->write(channel->ctx, big, sizeof(big), &n)) == DPS_OK)
		taken += n;
	assert_int_equal(result, DPS_AGAIN);
	assert_in_range(taken, DPS_MBEDTLS_GATHER_SIZE - 64, DPS_MBEDTLS_GATHER_SIZE);
	assert_int_equal(channel->flush(channel->ctx), DPS_AGAIN);
	device.network.jammed = false;
	assert_int_equal(channel->flush(channel->ctx), DPS_OK);
	assert_int_equal(channel->write(channel->ctx, (const uint8_t *)"\n", 1, &n), DPS_OK);
	size_t have = 0;
	while (have < taken + 6) {
		assert_int_equal(test_channel_read(channel, big, sizeof(big), &n), DPS_OK);
		have += n;
	}
	assert_int_equal(have, taken + 6);
	close_device(&device);
	(void)test_process_stop(server);
}

static void a_network_that_takes_little_at_a_time_is_enough(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	(void)state;
	device_init(&device, port);
	device.network.write_at_most = 7;
	run(&device, server, DPS_OK, "");
}

static void servers_and_devices_may_have_other_keys(void **state)
{
	static const char *const SUITES[] = {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"};
	struct device device;
	uint16_t port;
	struct test_process *server;
	(void)state;
	for (size_t i = 0; i < sizeof(SUITES) / sizeof(SUITES[0]); i++) {
		server = serve("rsa", &port, "-cipher", SUITES[i]);
		device_init(&device, port);
		run(&device, server, DPS_OK, "");
	}
	/* CertificateVerify over SHA-384, with P-256, P-384 and RSA */
	struct test_key *const keys[] = {&w.device_key, &w.device_p384_key, &w.device_rsa_key};
	struct test_certificate *const certificates[] = {&w.device, &w.device_p384, &w.device_rsa};
	for (size_t i = 0; i < 3; i++) {
		server = serve("ec", &port, "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384");
		device_init(&device, port);
		device.keys = test_keys_port(keys[i]);
		device.params.chain = test_der_list(device.chain_bytes, sizeof(device.chain_bytes), 2, certificates[i], &w.inter);
		run(&device, server, DPS_OK, "");
	}
}

static bool hello_has(const struct device *device, const void *bytes, size_t len)
{
	for (size_t i = 0; i + len <= sizeof(device->network.first); i++) {
		if (memcmp(device->network.first + i, bytes, len) == 0)
			return true;
	}
	return false;
}

static void the_hello_offers_what_it_should(void **state)
{
	static const uint8_t GROUPS[] = {0x00, 0x0a, 0x00, 0x06, 0x00, 0x04, 0x00, 0x17, 0x00, 0x18};
	static const uint8_t SUITES[] = {0xc0, 0x2b, 0xc0, 0x2c, 0xc0, 0x2f, 0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8};
	struct device device;
	const char *const hosts[] = {HOST, HOST ".", "127.0.0.1", "::1"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		device_init(&device, 1);
		device.network.script = (const uint8_t *)"";
		device.params.host = hosts[i];
		assert_int_equal(connect_device(&device), DPS_E_CLOSED);
		/* SNI for names only */
		static const uint8_t SNI[] = "\x00\x00\x0f" HOST "\x00";
		assert_int_equal(hello_has(&device, SNI, sizeof(SNI) - 1), i < 2);
		assert_false(hello_has(&device, "127.0.0.1", 9));
		assert_true(hello_has(&device, GROUPS, sizeof(GROUPS)));
		assert_true(hello_has(&device, SUITES, sizeof(SUITES)));
		assert_false(hello_has(&device, "\x00\x23\x00\x00", 4)); /* session ticket */
		close_device(&device);
	}
}

static void addresses_are_found_in_the_certificate(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	(void)state;
	device_init(&device, port);
	device.params.host = "127.0.0.1";
	run(&device, server, DPS_OK, "");
	server = serve("ec", &port, NULL, NULL);
	device_init(&device, port);
	device.params.host = "127.0.0.2";
	run(&device, server, DPS_E_SERVER_NAME, "");
}

/* --- who is trusted ---------------------------------------------------------------------------------------------------------------- */

static void another_authority_is_not_trusted(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	(void)state;
	device_init(&device, port);
	device.trust.anchors = (struct dps_span){w.foreign_ca.der, w.foreign_ca.len};
	device.trust.skip_host_check = true;
	run(&device, server, DPS_E_SERVER_UNTRUSTED, "certificate: not signed by a trust anchor");
}

/* The path leads to an anchor, but its leaf is for clients. */
static void a_certificate_for_other_uses_is_not_trusted(void **state)
{
	static struct test_certificate other_use;
	struct test_process *server;
	struct device device;
	uint16_t port;

	(void)state;
	test_certificate_make(&other_use, &(struct test_certificate_spec){.subject = "CN=Server",
	                                                                  .key = &w.ec_key,
	                                                                  .issuer = "CN=Inter",
	                                                                  .issuer_key = &w.inter_key,
	                                                                  .client_auth_only = true,
	                                                                  .dns = {HOST, "localhost"}});
	write_server("other-use", &other_use, &w.ec_key);
	server = serve("other-use", &port, NULL, NULL);
	device_init(&device, port);
	assert_int_equal(connect_device(&device), DPS_E_SERVER_UNTRUSTED);
	assert_string_equal(device.channel.port.detail(device.channel.port.ctx), "certificate: not a certificate for servers");
	close_device(&device);
	(void)test_process_stop(server);
}

static void another_host_is_refused_in_the_handshake(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	(void)state;
	device_init(&device, port);
	device.params.host = "other.example.com";
	run(&device, server, DPS_E_SERVER_NAME, "");
	server = serve("ec", &port, NULL, NULL);
	device_init(&device, port);
	device.params.host = "other.example.com";
	device.trust.skip_host_check = true;
	run(&device, server, DPS_OK, "");
}

static void dates_are_left_for_later(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("expired", &port, NULL, NULL);
	(void)state;
	device_init(&device, port);
	run(&device, server, DPS_OK, "");
	assert_int_equal(dps_pki_path_check_dates(&device.path, T2027), DPS_E_SERVER_EXPIRED);
	assert_int_equal(dps_pki_path_check_dates(&device.path, 0), DPS_E_SERVER_NOT_YET_VALID);
}

static void pins_count_on_the_verified_path_only(void **state)
{
	const struct test_certificate *const on_path[] = {&w.ec, &w.inter, &w.ca};
	struct device device;
	struct dps_pin pin = {.kind = DPS_PIN_CERTIFICATE};
	uint16_t port;
	struct test_process *server;
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		server = serve("ec", &port, NULL, NULL);
		device_init(&device, port);
		device.trust.pins = &pin;
		device.trust.pin_count = 1;
		dps_pki_sha256(on_path[i]->der, on_path[i]->len, pin.digest);
		run(&device, server, DPS_OK, "");
	}
	/* a pinned certificate that is sent along without being part of the path */
	uint8_t buf[4096];
	test_write_certificates(in_dir("inter.pem"), test_der_list(buf, sizeof(buf), 2, &w.inter, &w.foreign_device));
	server = serve("ec", &port, NULL, NULL);
	test_write_certificates(in_dir("inter.pem"), (struct dps_span){w.inter.der, w.inter.len});
	device_init(&device, port);
	device.trust.pins = &pin;
	device.trust.pin_count = 1;
	dps_pki_sha256(w.foreign_device.der, w.foreign_device.len, pin.digest);
	run(&device, server, DPS_E_SERVER_PIN, "");
}

static void anchors_may_share_a_name(void **state)
{
	struct device device;
	uint8_t buf[4096];
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	(void)state;
	/* an intermediate as an anchor ends the path */
	device_init(&device, port);
	device.trust.anchors = test_der_list(buf, sizeof(buf), 4, &w.foreign_ca, &w.old_ca, &w.inter, &w.ca);
	run(&device, server, DPS_OK, "");
	assert_int_equal(device.path.count, 2);
	/* an expired anchor beside the renewed one, and another of the same name: in either order */
	for (int i = 0; i < 2; i++) {
		server = serve("ec", &port, NULL, NULL);
		device_init(&device, port);
		device.trust.anchors = i == 0 ? test_der_list(buf, sizeof(buf), 3, &w.old_ca, &w.foreign_ca, &w.ca)
		                              : test_der_list(buf, sizeof(buf), 3, &w.ca, &w.foreign_ca, &w.old_ca);
		run(&device, server, DPS_OK, "");
		assert_int_equal(dps_pki_path_check_dates(&device.path, T2027), DPS_OK);
	}
	/* the expired one alone */
	server = serve("ec", &port, NULL, NULL);
	device_init(&device, port);
	device.trust.anchors = test_der_list(buf, sizeof(buf), 1, &w.old_ca);
	run(&device, server, DPS_OK, "");
	assert_int_equal(dps_pki_path_check_dates(&device.path, T2027), DPS_E_SERVER_EXPIRED);
	/* one that the TLS library cannot use is left out, unless it is the only one */
	uint8_t *list = buf;
	device_init(&device, 1);
	device.network.script = (const uint8_t *)"";
	device.trust.anchors = test_der_list(buf, sizeof(buf), 2, &w.old_ca, &w.ca);
	memset(list + 4, 0xff, 8);
	assert_int_equal(connect_device(&device), DPS_E_CLOSED);
	assert_ptr_equal(device.channel.anchors.raw.p, list + w.old_ca.len);
	close_device(&device);
	device_init(&device, 1);
	device.trust.anchors = (struct dps_span){list, w.old_ca.len};
	assert_int_equal(device.channel.port.open(device.channel.port.ctx, &device.params), DPS_E_CERTIFICATE_FORMAT);
	close_device(&device);
}

static void a_refused_device_hears_why(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	(void)state;
	device_init(&device, port);
	device.params.chain = test_der_list(device.chain_bytes, sizeof(device.chain_bytes), 1, &w.foreign_device);
	run(&device, server, DPS_E_TLS_ALERT, "alert: unknown CA");
	/* a chain without its intermediate is not enough */
	server = serve("ec", &port, "-no-CAfile", NULL);
	device_init(&device, port);
	device.params.chain = test_der_list(device.chain_bytes, sizeof(device.chain_bytes), 1, &w.device);
	const dps_result result = connect_device(&device);
	assert_int_equal(result, DPS_E_TLS_ALERT);
	assert_memory_equal(device.channel.port.detail(device.channel.port.ctx), "alert: ", 7);
	close_device(&device);
	(void)test_process_stop(server);
}

static void a_server_without_a_common_suite_says_so(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, "-cipher", "ECDHE-ECDSA-AES128-SHA256");
	(void)state;
	device_init(&device, port);
	run(&device, server, DPS_E_TLS_ALERT, "alert: handshake failure");
}

/* --- what is refused before anything is sent --------------------------------------------------------------------------------------- */

static dps_result no_key(void *ctx, const char *slot, uint8_t *buf, size_t size, size_t *len)
{
	(void)ctx;
	(void)slot;
	(void)buf;
	(void)size;
	(void)len;
	return DPS_E_NOT_FOUND;
}

static dps_result no_random(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	(void)buf;
	(void)len;
	return DPS_E_RANDOM;
}

static dps_result open_device(struct device *device)
{
	const struct dps_channel *channel = &device->channel.port;
	uint8_t byte;
	size_t n;
	const dps_result result = channel->open(channel->ctx, &device->params);
	/* nothing is open: nothing works, and nothing was connected to */
	assert_int_equal(channel->establish(channel->ctx), DPS_E_STATE);
	assert_int_equal(channel->read(channel->ctx, &byte, 1, &n), DPS_E_STATE);
	assert_int_equal(channel->write(channel->ctx, &byte, 1, &n), DPS_E_STATE);
	assert_int_equal(channel->flush(channel->ctx), DPS_E_STATE);
	assert_int_equal(device->network.opened, 0);
	close_device(device);
	return result;
}

static void bad_parameters_are_refused_at_once(void **state)
{
	static const struct dps_random broken = {.fill = no_random};
	struct device device;
	char long_host[300];
	(void)state;
	device_init(&device, 1);
	device.params.host = "";
	assert_int_equal(open_device(&device), DPS_E_ARGUMENT);
	memset(long_host, 'a', sizeof(long_host));
	long_host[sizeof(long_host) - 1] = '\0';
	device_init(&device, 1);
	device.params.host = long_host;
	assert_int_equal(open_device(&device), DPS_E_ARGUMENT);
	device_init(&device, 1);
	device.params.path = NULL;
	assert_int_equal(open_device(&device), DPS_E_ARGUMENT);
	device_init(&device, 1);
	device.trust.anchors.len = 0;
	assert_int_equal(open_device(&device), DPS_E_CERTIFICATE_FORMAT);
	device_init(&device, 1);
	device.trust.anchors.len--;
	assert_int_equal(open_device(&device), DPS_E_CERTIFICATE_FORMAT);
	device_init(&device, 1);
	device.params.chain.len = 0;
	assert_int_equal(open_device(&device), DPS_E_CERTIFICATE_FORMAT);
	device_init(&device, 1);
	device.params.chain.len--;
	assert_int_equal(open_device(&device), DPS_E_CERTIFICATE_FORMAT);
	device_init(&device, 1);
	device.keys = test_keys_port(&w.other_key);
	assert_int_equal(open_device(&device), DPS_E_KEY_MISMATCH);
	device_init(&device, 1);
	device.keys.public_key = no_key;
	assert_int_equal(open_device(&device), DPS_E_NOT_FOUND);
	device_init(&device, 1);
	dps_mbedtls_channel_init(&device.channel, &device.network.port, &broken);
	assert_int_equal(open_device(&device), DPS_E_RANDOM);
}

static void a_key_that_does_not_sign_is_the_devices_own_failure(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	(void)state;
	device_init(&device, port);
	device.network.address_count = 2; /* another address would not help */
	device.network.addresses[1] = port;
	device.keys.sign = test_keys_refuse_to_sign;
	assert_int_equal(connect_device(&device), DPS_E_STORAGE);
	assert_int_equal(device.network.opened, 1);
	close_device(&device);
	(void)test_process_stop(server);
}

/* --- addresses --------------------------------------------------------------------------------------------------------------------- */

static void further_addresses_are_tried(void **state)
{
	struct device device;
	uint16_t good_port, bad_port;
	struct test_process *good = serve("ec", &good_port, NULL, NULL);
	struct test_process *bad = serve("ec", &bad_port, "-cipher", "ECDHE-ECDSA-AES128-SHA256");
	(void)state;
	device_init(&device, 0);
	test_network_init(&device.network, 3, 0, (int)bad_port, (int)good_port);
	assert_int_equal(connect_device(&device), DPS_OK);
	assert_int_equal(device.network.opened, 3);
	expect_echo(&device);
	close_device(&device);
	/* when all fail the failure that got furthest is told, whichever came last */
	device_init(&device, 0);
	test_network_init(&device.network, 3, 0, (int)bad_port, 0);
	assert_int_equal(connect_device(&device), DPS_E_TLS_ALERT);
	assert_string_equal(device.channel.port.detail(device.channel.port.ctx), "alert: handshake failure");
	assert_true(device.channel.port.connected(device.channel.port.ctx));
	close_device(&device);
	device_init(&device, 0);
	test_network_init(&device.network, 3, (int)good_port, (int)bad_port, 0);
	device.network.cut_read = 100;
	device.network.cut_first_only = true;
	assert_int_equal(connect_device(&device), DPS_E_TLS_ALERT);
	close_device(&device);
	device_init(&device, 0);
	test_network_init(&device.network, 2, 0, 0);
	assert_int_equal(connect_device(&device), DPS_E_CONNECT);
	assert_string_equal(device.channel.port.detail(device.channel.port.ctx), "the test's network");
	assert_false(device.channel.port.connected(device.channel.port.ctx));
	close_device(&device);
	(void)test_process_stop(good);
	(void)test_process_stop(bad);
}

/* --- peers that misbehave ---------------------------------------------------------------------------------------------------------- */

static void silence_is_not_waited_for_here(void **state)
{
	struct device device;
	uint16_t port;
	const int fd = test_network_listen(&port);
	const struct dps_channel *channel = &device.channel.port;
	(void)state;
	device_init(&device, port);
	assert_int_equal(channel->open(channel->ctx, &device.params), DPS_OK);
	assert_int_equal(channel->open(channel->ctx, &device.params), DPS_E_STATE);
	for (int i = 0; i < 100; i++)
		assert_int_equal(channel->establish(channel->ctx), DPS_AGAIN);
	close_device(&device);
	assert_int_equal(close(fd), 0);
}

/* The caller, who has the clock, gives up the address that says nothing; the next one is as good as ever. */
static void a_silent_address_can_be_left(void **state)
{
	struct device device;
	uint16_t silent_port, good_port;
	const int fd = test_network_listen(&silent_port);
	struct test_process *good = serve("ec", &good_port, NULL, NULL);
	const struct dps_channel *channel = &device.channel.port;
	(void)state;
	device_init(&device, 0);
	assert_int_equal(channel->next_address(channel->ctx), DPS_E_STATE);
	test_network_init(&device.network, 2, (int)silent_port, (int)good_port);
	assert_int_equal(channel->open(channel->ctx, &device.params), DPS_OK);
	for (int i = 0; i < 100; i++)
		assert_int_equal(channel->establish(channel->ctx), DPS_AGAIN);
	assert_int_equal(channel->next_address(channel->ctx), DPS_OK);
	assert_int_equal(test_channel_establish(channel), DPS_OK);
	assert_int_equal(device.network.opened, 2);
	expect_echo(&device);
	close_device(&device);
	assert_int_equal(close(fd), 0);
	(void)test_process_stop(good);
}

/* Cuts within and between all messages of both flights; the channel ends with a cause, and can be opened again. */
static void cuts_anywhere_in_the_handshake_are_told(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	size_t read_total, write_total;
	(void)state;
	device_init(&device, port);
	assert_int_equal(connect_device(&device), DPS_OK);
	/* signatures are not always of one length */
	read_total = device.network.bytes_read - 16;
	write_total = device.network.bytes_written - 16;
	close_device(&device);
	for (size_t i = 0; i < 24; i++) {
		device_init(&device, port);
		device.network.cut_read = 1 + i * (read_total - 2) / 23;
		device.network.cut_with = i % 2 == 0 ? DPS_E_CLOSED : DPS_E_RESET;
		assert_int_equal(connect_device(&device), device.network.cut_with);
		assert_false(device.path.complete && device.channel.state == DPS_MBEDTLS_ESTABLISHED);
		device.channel.port.close(device.channel.port.ctx);
		device.network.cut_read = 0;
		if (i % 8 == 0) {
			assert_int_equal(connect_device(&device), DPS_OK);
			expect_echo(&device);
		}
		close_device(&device);
	}
	for (size_t i = 0; i < 12; i++) {
		device_init(&device, port);
		device.network.cut_write = 1 + i * (write_total - 2) / 11;
		const dps_result result = connect_device(&device);
		if (result != DPS_E_RESET && result != DPS_E_CLOSED)
			fail_msg("%s", dps_result_name(result));
		close_device(&device);
	}
	(void)test_process_stop(server);
}

static void garbage_is_no_handshake(void **state)
{
	static const char HTTP[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	static const uint8_t HUGE_RECORD[] = {0x16, 0x03, 0x03, 0xff, 0xff, 0x02};
	static const uint8_t FATAL[] = {0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x2a};
	static const uint8_t STRANGE[] = {0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0xc8};
	static const uint8_t CLOSE[] = {0x15, 0x03, 0x03, 0x00, 0x02, 0x01, 0x00};
	static const uint8_t SHORT_HELLO[] = {0x16, 0x03, 0x03, 0x00, 0x04, 0x02, 0x00, 0x00, 0x00};
	const struct {
		const void *bytes;
		size_t len;
		dps_result result;
		const char *detail;
	} cases[] = {
		{HTTP, sizeof(HTTP) - 1, DPS_E_TLS, NULL},
		{HUGE_RECORD, sizeof(HUGE_RECORD), DPS_E_TLS, NULL},
		{SHORT_HELLO, sizeof(SHORT_HELLO), DPS_E_TLS, NULL},
		{FATAL, sizeof(FATAL), DPS_E_TLS_ALERT, "alert: bad certificate"},
		{STRANGE, sizeof(STRANGE), DPS_E_TLS_ALERT, "alert: 0xc8"},
		{CLOSE, sizeof(CLOSE), DPS_E_CLOSED, ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct device device;
		device_init(&device, 1);
		device.network.script = cases[i].bytes;
		device.network.script_len = cases[i].len;
		const dps_result result = connect_device(&device);
		if (result != cases[i].result)
			fail_msg("case %zu: %s", i, dps_result_name(result));
		if (cases[i].detail != NULL)
			assert_string_equal(device.channel.port.detail(device.channel.port.ctx), cases[i].detail);
		else
			assert_memory_equal(device.channel.port.detail(device.channel.port.ctx), "Mbed TLS error -0x", 18);
		/* a failed channel stays failed until it is closed */
		assert_int_equal(device.channel.port.establish(device.channel.port.ctx), cases[i].result);
		close_device(&device);
	}
}

static void an_end_after_the_handshake_is_told(void **state)
{
	struct device device;
	uint16_t port;
	struct test_process *server = serve("ec", &port, NULL, NULL);
	const struct dps_channel *channel = &device.channel.port;
	uint8_t buf[16];
	size_t n;
	(void)state;
	device_init(&device, port);
	assert_int_equal(connect_device(&device), DPS_OK);
	expect_echo(&device);
	assert_int_equal(channel->read(channel->ctx, buf, sizeof(buf), &n), DPS_AGAIN);
	device.network.cut_read = device.network.bytes_read;
	device.network.cut_with = DPS_E_RESET;
	assert_int_equal(channel->read(channel->ctx, buf, sizeof(buf), &n), DPS_E_RESET);
	assert_int_equal(channel->read(channel->ctx, buf, sizeof(buf), &n), DPS_E_RESET);
	assert_int_equal(channel->write(channel->ctx, buf, 1, &n), DPS_E_RESET);
	close_device(&device);
	/* the server goes: it may say so or not, reading ends either way */
	device_init(&device, port);
	assert_int_equal(connect_device(&device), DPS_OK);
	(void)test_process_stop(server);
	const dps_result result = test_channel_read(channel, buf, sizeof(buf), &n);
	assert_true(result == DPS_E_CLOSED || result == DPS_E_RESET);
	close_device(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_prove_who_they_are),
		cmocka_unit_test(writes_are_gathered_until_read_or_flush),
		cmocka_unit_test(a_network_that_takes_little_at_a_time_is_enough),
		cmocka_unit_test(servers_and_devices_may_have_other_keys),
		cmocka_unit_test(the_hello_offers_what_it_should),
		cmocka_unit_test(addresses_are_found_in_the_certificate),
		cmocka_unit_test(another_authority_is_not_trusted),
		cmocka_unit_test(a_certificate_for_other_uses_is_not_trusted),
		cmocka_unit_test(another_host_is_refused_in_the_handshake),
		cmocka_unit_test(dates_are_left_for_later),
		cmocka_unit_test(pins_count_on_the_verified_path_only),
		cmocka_unit_test(anchors_may_share_a_name),
		cmocka_unit_test(a_refused_device_hears_why),
		cmocka_unit_test(a_server_without_a_common_suite_says_so),
		cmocka_unit_test(bad_parameters_are_refused_at_once),
		cmocka_unit_test(a_key_that_does_not_sign_is_the_devices_own_failure),
		cmocka_unit_test(further_addresses_are_tried),
		cmocka_unit_test(silence_is_not_waited_for_here),
		cmocka_unit_test(a_silent_address_can_be_left),
		cmocka_unit_test(cuts_anywhere_in_the_handshake_are_told),
		cmocka_unit_test(garbage_is_no_handshake),
		cmocka_unit_test(an_end_after_the_handshake_is_told),
	};
	return cmocka_run_group_tests(tests, make, drop);
}
