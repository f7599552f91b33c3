/* SPDX-License-Identifier: Apache-2.0 */
/* Resuming TLS sessions: what is kept, for whom, and that a resumed session is judged as the one that began it. Against openssl s_server on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dps/port/mbedtls.h"
#include "support/test_network.h"
#include "support/test_pki.h"
#include "support/test_process.h"
#include "support/test_tls_server.h"

#define HUB "11111111-2222-3333-4444-555555555555"

/* Unix seconds of 2027 and 2031: the server's certificate ends in 2030. */
#define T2027 INT64_C(1798761600)
#define T2031 INT64_C(1924992000)

static char dir[256];
static struct test_key ca_key, server_key, device_key, other_key;
static struct test_certificate ca, server, device, other_device, other_ca;

/* The device: one channel for several connections. */
static struct test_network network;
static struct dps_mbedtls_channel channel;
static struct dps_keys keys;
static struct dps_trust trust;
static struct dps_pki_path path;
static struct dps_channel_params params;

static const char *in_dir(const char *name)
{
	static char text[4][400];
	static size_t next;

	next = (next + 1) % 4;
	(void)snprintf(text[next], sizeof(text[next]), "%s/%s", dir, name);
	return text[next];
}

static void make_certificate(struct test_certificate *out, const char *subject, struct test_key *key)
{
	test_certificate_make(out, &(struct test_certificate_spec){.subject = subject,
	                                                           .key = key,
	                                                           .issuer = "CN=CA",
	                                                           .issuer_key = &ca_key,
	                                                           .not_before = "20200101000000",
	                                                           .not_after = "20300101000000"});
}

static int make(void **state)
{
	(void)state;
	test_tmpdir_make(dir, sizeof(dir));
	test_key_make(&ca_key, DPS_KEY_EC_P256);
	test_key_make(&server_key, DPS_KEY_EC_P256);
	test_key_make(&device_key, DPS_KEY_EC_P256);
	test_key_make(&other_key, DPS_KEY_EC_P256);
	test_certificate_make(&ca,
	                      &(struct test_certificate_spec){.subject = "CN=CA", .key = &ca_key, .not_before = "20200101000000", .ca = true});
	test_certificate_make(&other_ca, &(struct test_certificate_spec){.subject = "CN=Other", .key = &other_key, .ca = true});
	make_certificate(&server, "CN=uuid:" HUB, &server_key); /* without a host name, as a gateway's */
	make_certificate(&device, "CN=Device", &device_key);
	make_certificate(&other_device, "CN=Renewed", &device_key);
	test_write_certificates(in_dir("ca.pem"), (struct dps_span){ca.der, ca.len});
	test_write_certificates(in_dir("server.pem"), (struct dps_span){server.der, server.len});
	test_write_key(in_dir("server.key"), &server_key);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	test_key_free(&ca_key);
	test_key_free(&server_key);
	test_key_free(&device_key);
	test_key_free(&other_key);
	test_tmpdir_remove(dir);
	return 0;
}

static struct test_process *serve(uint16_t *port, const char *extra)
{
	const char *const further[] = {extra, NULL};

	return test_tls_server_start(dir, "server", further, port);
}

static void device_init(uint16_t port)
{
	test_network_init(&network, 1, (int)port);
	dps_mbedtls_channel_init(&channel, &network.port, &test_random);
	keys = test_keys_port(&device_key);
	trust = (struct dps_trust){.anchors = {ca.der, ca.len}, .skip_host_check = true};
	assert_int_equal(dps_uuid_parse(HUB, 36, &trust.leaf_id), DPS_OK);
	params = (struct dps_channel_params){.host = "localhost",
	                                     .port = port,
	                                     .trust = &trust,
	                                     .keys = &keys,
	                                     .key_slot = "identity-0",
	                                     .chain = {device.der, device.len},
	                                     .path = &path,
	                                     .resume = true};
}

/* A whole connection. */
static dps_result connect_once(void)
{
	const struct dps_channel *port = &channel.port;
	dps_result result;

	memset(&path, 0, sizeof(path));
	assert_int_equal(port->open(port->ctx, &params), DPS_OK);
	result = test_channel_establish(port);
	if (result == DPS_OK) {
		uint8_t buf[64];
		size_t n = 0, have = 0;

		assert_int_equal(port->write(port->ctx, (const uint8_t *)"hello\n", 6, &n), DPS_OK);
		for (; have < 6; have += n)
			assert_int_equal(test_channel_read(port, buf + have, sizeof(buf) - have, &n), DPS_OK);
		assert_memory_equal(buf, "olleh\n", 6);
	}
	assert_int_equal(path.complete, result == DPS_OK);
	port->close(port->ctx);
	return result;
}

static uint32_t resumed(void)
{
	struct dps_channel_stats stats;

	channel.port.stats(channel.port.ctx, &stats);
	return stats.resumed;
}

static uint32_t round_trips(void)
{
	struct dps_channel_stats stats;

	channel.port.stats(channel.port.ctx, &stats);
	return stats.round_trips;
}

static void a_session_is_resumed_and_judged_again(void **state)
{
	uint16_t port;
	struct test_process *process = serve(&port, NULL);
	struct dps_pki_path first;
	uint32_t before;

	(void)state;
	device_init(port);
	assert_int_equal(connect_once(), DPS_OK);
	assert_int_equal(resumed(), 0);
	assert_int_equal(path.count, 2);
	first = path;
	for (uint32_t i = 1; i <= 3; i++) {
		before = round_trips();
		assert_int_equal(connect_once(), DPS_OK);
		assert_int_equal(resumed(), i);
		assert_int_equal(round_trips() - before, 3); /* TCP, TLS, the echo: one less */
		assert_int_equal(path.count, first.count);
		assert_int_equal(path.not_before, first.not_before);
		assert_int_equal(path.not_after, first.not_after);
		assert_memory_equal(path.leaf_sha256, first.leaf_sha256, sizeof(path.leaf_sha256));
		assert_ptr_equal(path.trust, &trust);
		/* what was good then is not for ever */
		assert_int_equal(dps_pki_path_check_dates(&path, T2027), DPS_OK);
		assert_int_equal(dps_pki_path_check_dates(&path, T2031), DPS_E_SERVER_EXPIRED);
	}
	dps_mbedtls_channel_deinit(&channel);
	assert_false(channel.resume.kept);
	(void)test_process_stop(process);
}

static void without_being_asked_nothing_is_kept(void **state)
{
	uint16_t port;
	struct test_process *process = serve(&port, NULL);

	(void)state;
	device_init(port);
	params.resume = false;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(connect_once(), DPS_OK);
		assert_false(channel.resume.kept);
	}
	/* and one that was kept is forgotten then */
	params.resume = true;
	assert_int_equal(connect_once(), DPS_OK);
	assert_true(channel.resume.kept);
	params.resume = false;
	assert_int_equal(connect_once(), DPS_OK);
	assert_false(channel.resume.kept);
	assert_int_equal(resumed(), 0);
	dps_mbedtls_channel_deinit(&channel);
	(void)test_process_stop(process);
}

static void other_parameters_begin_a_new_session(void **state)
{
	static const struct dps_pin pin = {.kind = DPS_PIN_CERTIFICATE};
	uint8_t anchors[4096];
	uint16_t port;
	struct test_process *process = serve(&port, NULL);
	const char *const hosts[] = {"localhost", "localhost."};

	(void)state;
	device_init(port);
	for (unsigned change = 0; change < 5; change++) {
		assert_int_equal(connect_once(), DPS_OK);
		assert_true(channel.resume.kept);
		switch (change) {
		case 0:
			params.chain = (struct dps_span){other_device.der, other_device.len};
			break;
		case 1:
			trust.anchors = test_der_list(anchors, sizeof(anchors), 2, &ca, &other_ca);
			break;
		case 2:
			params.host = hosts[1];
			break;
		case 3:
			trust.leaf_id = (struct dps_uuid){{0}};
			break;
		default:
			params.key_slot = "identity-1";
			break;
		}
		assert_int_equal(connect_once(), DPS_OK);
		assert_int_equal(resumed(), change); /* of the connections without a change, all but the first */
		assert_int_equal(path.count, 2);
	}
	/* what is refused in a full handshake is refused with a session at hand, too */
	assert_int_equal(dps_uuid_parse("22222222-2222-3333-4444-555555555555", 36, &trust.leaf_id), DPS_OK);
	assert_int_equal(connect_once(), DPS_E_SERVER_NAME);
	assert_false(channel.resume.kept);
	trust.leaf_id = (struct dps_uuid){{0}};
	assert_int_equal(connect_once(), DPS_OK);
	trust.pins = &pin;
	trust.pin_count = 1;
	assert_int_equal(connect_once(), DPS_E_SERVER_PIN);
	trust.pin_count = 0;
	assert_int_equal(connect_once(), DPS_OK);
	trust.anchors = (struct dps_span){other_ca.der, other_ca.len};
	assert_int_equal(connect_once(), DPS_E_SERVER_UNTRUSTED);
	dps_mbedtls_channel_deinit(&channel);
	(void)test_process_stop(process);
}

/* A server that has lost its keys of tickets, or never had any, is met with a full handshake. */
static void a_server_may_decline(void **state)
{
	uint16_t port;
	struct test_process *process = serve(&port, NULL);

	(void)state;
	device_init(port);
	assert_int_equal(connect_once(), DPS_OK);
	(void)test_process_stop(process);
	process = serve(&port, NULL);
	network.addresses[0] = port;
	assert_int_equal(connect_once(), DPS_OK);
	assert_int_equal(resumed(), 0);
	assert_int_equal(path.count, 2);
	assert_int_equal(connect_once(), DPS_OK);
	assert_int_equal(resumed(), 1);
	(void)test_process_stop(process);
	process = serve(&port, "-no_ticket"); /* session ids do as well, if the server keeps them */
	network.addresses[0] = port;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(connect_once(), DPS_OK);
	dps_mbedtls_channel_deinit(&channel);
	(void)test_process_stop(process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_is_resumed_and_judged_again),
		cmocka_unit_test(without_being_asked_nothing_is_kept),
		cmocka_unit_test(other_parameters_begin_a_new_session),
		cmocka_unit_test(a_server_may_decline),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
