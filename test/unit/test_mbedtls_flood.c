/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers that send records which carry nothing, without end: whoever calls keeps its time-outs, and the connection ends. The peer is Mbed TLS's own server over
 * memory, and one that never begins a handshake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mbedtls/ssl.h>
#include <string.h>

#include "dps/port/mbedtls.h"
#include "support/test_pki.h"

/* A warning that a handshake was cancelled, in the clear. */
static const uint8_t warning[] = {0x15, 0x03, 0x03, 0x00, 0x02, 0x01, 0x5a};

struct pipe {
	uint8_t bytes[65536];
	size_t len;
};

static struct test_key ca_key, server_key, device_key;
static struct test_certificate ca, server, device;

static struct pipe to_device, to_server;
static bool floods;        /* warnings without end, instead of what is in the pipe */
static size_t flood_at;    /* in the record */
static unsigned reads;     /* of the device's */
static unsigned reads_max; /* in one call */

static mbedtls_ssl_context tls;
static mbedtls_ssl_config tls_config;
static mbedtls_x509_crt chain;

static struct dps_mbedtls_channel channel;
static struct dps_network network;
static struct dps_keys keys;
static struct dps_trust trust;
static struct dps_pki_path path;

/* --- the memory between them ------------------------------------------------------------------------------------------------------- */

static void put(struct pipe *pipe, const uint8_t *bytes, size_t len)
{
	assert_true(len <= sizeof(pipe->bytes) - pipe->len);
	memcpy(pipe->bytes + pipe->len, bytes, len);
	pipe->len += len;
}

static size_t take(struct pipe *pipe, uint8_t *bytes, size_t size)
{
	const size_t n = pipe->len < size ? pipe->len : size;

	memcpy(bytes, pipe->bytes, n);
	pipe->len -= n;
	memmove(pipe->bytes, pipe->bytes + n, pipe->len);
	return n;
}

static dps_result network_open(void *ctx, const char *host, uint16_t port)
{
	(void)ctx;
	(void)host;
	(void)port;
	return DPS_OK;
}

static dps_result network_connect(void *ctx)
{
	(void)ctx;
	return DPS_OK;
}

static dps_result network_next(void *ctx)
{
	(void)ctx;
	return DPS_E_NOT_FOUND;
}

static dps_result network_read(void *ctx, uint8_t *buf, size_t size, size_t *got)
{
	(void)ctx;
	reads++;
	if (floods) {
		for (*got = 0; *got < size; (*got)++, flood_at = (flood_at + 1) % sizeof(warning))
			buf[*got] = warning[flood_at];
		return DPS_OK;
	}
	*got = take(&to_device, buf, size);
	return *got > 0 ? DPS_OK : DPS_AGAIN;
}

static dps_result network_write(void *ctx, const uint8_t *buf, size_t len, size_t *sent)
{
	(void)ctx;
	put(&to_server, buf, len);
	*sent = len;
	return DPS_OK;
}

static size_t network_wait_on(void *ctx, bool want_write, struct dps_wait *waits, size_t max, uint32_t *within_ms)
{
	(void)ctx;
	(void)want_write;
	(void)waits;
	(void)max;
	(void)within_ms;
	return 0;
}

static void network_close(void *ctx)
{
	(void)ctx;
}

static const char *network_detail(void *ctx)
{
	(void)ctx;
	return "memory";
}

/* --- the server -------------------------------------------------------------------------------------------------------------------- */

static int server_send(void *ctx, const unsigned char *buf, size_t len)
{
	(void)ctx;
	put(&to_device, buf, len);
	return (int)len;
}

static int server_receive(void *ctx, unsigned char *buf, size_t size)
{
	const size_t n = take(&to_server, buf, size);

	(void)ctx;
	return n > 0 ? (int)n : MBEDTLS_ERR_SSL_WANT_READ;
}

static int draw(void *ctx, unsigned char *buf, size_t len)
{
	(void)ctx;
	return test_random.fill(test_random.ctx, buf, len) == DPS_OK ? 0 : -1;
}

static void server_begin(void)
{
	mbedtls_ssl_init(&tls);
	mbedtls_ssl_config_init(&tls_config);
	mbedtls_x509_crt_init(&chain);
	assert_int_equal(mbedtls_x509_crt_parse_der(&chain, server.der, server.len), 0);
	assert_int_equal(
		mbedtls_ssl_config_defaults(&tls_config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT), 0);
	mbedtls_ssl_conf_rng(&tls_config, draw, NULL);
	mbedtls_ssl_conf_authmode(&tls_config, MBEDTLS_SSL_VERIFY_NONE);
	assert_int_equal(mbedtls_ssl_conf_own_cert(&tls_config, &chain, &server_key.pk), 0);
	assert_int_equal(mbedtls_ssl_setup(&tls, &tls_config), 0);
	mbedtls_ssl_set_bio(&tls, NULL, server_send, server_receive, NULL);
}

static void server_end(void)
{
	mbedtls_ssl_free(&tls);
	mbedtls_ssl_config_free(&tls_config);
	mbedtls_x509_crt_free(&chain);
}

/* --- the device -------------------------------------------------------------------------------------------------------------------- */

static int make(void **state)
{
	(void)state;
	test_key_make(&ca_key, DPS_KEY_EC_P256);
	test_key_make(&server_key, DPS_KEY_EC_P256);
	test_key_make(&device_key, DPS_KEY_EC_P256);
	test_certificate_make(&ca, &(struct test_certificate_spec){.subject = "CN=CA", .key = &ca_key, .ca = true});
	test_certificate_make(&server,
	                      &(struct test_certificate_spec){
							  .subject = "CN=Server", .key = &server_key, .issuer = "CN=CA", .issuer_key = &ca_key, .dns = {"localhost"}});
	test_certificate_make(
		&device, &(struct test_certificate_spec){.subject = "CN=Device", .key = &device_key, .issuer = "CN=CA", .issuer_key = &ca_key});
	return 0;
}

static int drop(void **state)
{
	(void)state;
	test_key_free(&ca_key);
	test_key_free(&server_key);
	test_key_free(&device_key);
	return 0;
}

static int begin(void **state)
{
	struct dps_channel_params params = {
		.host = "localhost", .port = 1, .trust = &trust, .keys = &keys, .key_slot = "identity-0", .path = &path};

	(void)state;
	memset(&to_device, 0, sizeof(to_device));
	memset(&to_server, 0, sizeof(to_server));
	memset(&path, 0, sizeof(path));
	floods = false;
	flood_at = 0;
	reads = reads_max = 0;
	network = (struct dps_network){
		.open = network_open,
		.connect = network_connect,
		.next_address = network_next,
		.read = network_read,
		.write = network_write,
		.wait_on = network_wait_on,
		.close = network_close,
		.detail = network_detail,
	};
	dps_mbedtls_channel_init(&channel, &network, &test_random);
	keys = test_keys_port(&device_key);
	trust = (struct dps_trust){.anchors = {ca.der, ca.len}};
	params.chain = (struct dps_span){device.der, device.len};
	assert_int_equal(channel.port.open(channel.port.ctx, &params), DPS_OK);
	server_begin();
	return 0;
}

static int end(void **state)
{
	(void)state;
	channel.port.close(channel.port.ctx);
	dps_mbedtls_channel_deinit(&channel);
	server_end();
	return 0;
}

/* One call; how often it reads is noted. */
static dps_result establish(void)
{
	dps_result result;

	reads = 0;
	result = channel.port.establish(channel.port.ctx);
	reads_max = reads > reads_max ? reads : reads_max;
	return result;
}

static dps_result read_some(uint8_t *buf, size_t size, size_t *n)
{
	dps_result result;

	reads = 0;
	result = channel.port.read(channel.port.ctx, buf, size, n);
	reads_max = reads > reads_max ? reads : reads_max;
	return result;
}

static void connect_both(void)
{
	int ret = MBEDTLS_ERR_SSL_WANT_READ;
	dps_result result = DPS_AGAIN;

	for (unsigned i = 0; i < 20 && (ret != 0 || result != DPS_OK); i++) {
		result = establish();
		ret = mbedtls_ssl_handshake(&tls);
	}
	assert_int_equal(result, DPS_OK);
	assert_int_equal(ret, 0);
}

/* --- tests ------------------------------------------------------------------------------------------------------------------------- */

static void warnings_instead_of_a_handshake(void **state)
{
	unsigned calls = 1;

	(void)state;
	floods = true;
	while (establish() == DPS_AGAIN)
		assert_true(++calls < 1000);
	assert_in_range(calls, 100, 300); /* a peer that is merely odd for a while is not cut off */
	assert_int_equal(establish(), DPS_E_TLS);
	assert_in_range(reads_max, 100, 300);
}

/* A flood that ends is no harm. */
static void warnings_before_a_handshake(void **state)
{
	(void)state;
	floods = true;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(establish(), DPS_AGAIN);
	while (flood_at != 0) { /* the rest of the record that it is in the midst of */
		assert_int_equal(establish(), DPS_AGAIN);
	}
	floods = false;
	connect_both();
}

static void warnings_instead_of_data(void **state)
{
	uint8_t buf[64];
	unsigned calls = 0;
	size_t n;
	dps_result result;

	(void)state;
	connect_both();
	do {
		while (to_device.len < 16384)
			assert_int_equal(mbedtls_ssl_send_alert_message(&tls, MBEDTLS_SSL_ALERT_LEVEL_WARNING, MBEDTLS_SSL_ALERT_MSG_USER_CANCELED), 0);
		result = read_some(buf, sizeof(buf), &n);
		assert_true(++calls < 1000);
	} while (result == DPS_AGAIN);
	assert_int_equal(result, DPS_E_TLS);
	assert_in_range(calls, 100, 300);
	assert_in_range(reads_max, 100, 300);
}

/* The same slowly: what carries something in between is a new beginning. */
static void warnings_one_at_a_time(void **state)
{
	uint8_t buf[64];
	unsigned records = 0;
	size_t n;
	dps_result result;

	(void)state;
	connect_both();
	for (unsigned i = 0; i < 40000; i++) {
		if (i == 20000)
			assert_int_equal(mbedtls_ssl_write(&tls, (const uint8_t *)"data", 4), 4);
		assert_int_equal(mbedtls_ssl_send_alert_message(&tls, MBEDTLS_SSL_ALERT_LEVEL_WARNING, MBEDTLS_SSL_ALERT_MSG_USER_CANCELED), 0);
		result = read_some(buf, sizeof(buf), &n);
		assert_int_equal(result, i == 20000 ? DPS_OK : DPS_AGAIN);
	}
	do {
		assert_int_equal(mbedtls_ssl_send_alert_message(&tls, MBEDTLS_SSL_ALERT_LEVEL_WARNING, MBEDTLS_SSL_ALERT_MSG_USER_CANCELED), 0);
		result = read_some(buf, sizeof(buf), &n);
	} while (result == DPS_AGAIN && ++records < 40000);
	assert_int_equal(result, DPS_E_TLS);
}

/* Records without a byte, which TLS allows, are not the end of the connection. */
static void empty_records(void **state)
{
	uint8_t buf[64];
	size_t n = 0;
	dps_result result = DPS_AGAIN;

	(void)state;
	connect_both();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(mbedtls_ssl_write(&tls, buf, 0), 0);
		assert_int_equal(mbedtls_ssl_write(&tls, buf, 0), 0);
		assert_int_equal(mbedtls_ssl_write(&tls, (const uint8_t *)"data", 4), 4);
		for (unsigned calls = 0; calls < 4 && result == DPS_AGAIN; calls++)
			result = read_some(buf, sizeof(buf), &n);
		assert_int_equal(result, DPS_OK);
		assert_int_equal(n, 4);
		assert_memory_equal(buf, "data", 4);
		result = DPS_AGAIN;
	}
	assert_int_equal(mbedtls_ssl_write(&tls, buf, 0), 0);
	assert_int_equal(mbedtls_ssl_write(&tls, buf, 0), 0);
	assert_int_equal(read_some(buf, sizeof(buf), &n), DPS_AGAIN);
	assert_int_equal(mbedtls_ssl_close_notify(&tls), 0);
	assert_int_equal(read_some(buf, sizeof(buf), &n), DPS_E_CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(warnings_instead_of_a_handshake, begin, end),
		cmocka_unit_test_setup_teardown(warnings_before_a_handshake, begin, end),
		cmocka_unit_test_setup_teardown(warnings_instead_of_data, begin, end),
		cmocka_unit_test_setup_teardown(warnings_one_at_a_time, begin, end),
		cmocka_unit_test_setup_teardown(empty_records, begin, end),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
