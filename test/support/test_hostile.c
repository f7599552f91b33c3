/* SPDX-License-Identifier: Apache-2.0 */
/* See test_hostile.h. */
#include "support/test_hostile.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_MAX 16384u

/* --- TLS ----------------------------------------------------------------------------------------------------------------------------- */

static int draw(void *ctx, unsigned char *buf, size_t len)
{
	(void)ctx;
	return test_random.fill(test_random.ctx, buf, len) == DPS_OK ? 0 : -1;
}

static int put(void *ctx, const unsigned char *buf, size_t len)
{
	const struct test_hostile *h = ctx;
	const ssize_t sent = send(h->file, buf, len, MSG_NOSIGNAL);

	return sent < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)sent;
}

static int get(void *ctx, unsigned char *buf, size_t len)
{
	const struct test_hostile *h = ctx;
	const ssize_t got = recv(h->file, buf, len, 0);

	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return MBEDTLS_ERR_SSL_WANT_READ;
	return got < 0 ? 0 : (int)got; /* a connection that was reset has ended, too */
}

static bool write_tls(void *peer, const void *bytes, size_t length)
{
	struct test_hostile *h = peer;
	const unsigned char *at = bytes;

	while (length > 0) {
		const int sent = mbedtls_ssl_write(&h->ssl, at, length);

		if (sent <= 0)
			return false;
		at += sent;
		length -= (size_t)sent;
	}
	return true;
}

static long read_tls(void *peer, void *buffer, size_t size, int timeout_ms)
{
	struct test_hostile *h = peer;
	int got;

	(void)timeout_ms; /* the socket's own is the same */
	do {
		got = mbedtls_ssl_read(&h->ssl, buffer, size);
	} while (got == MBEDTLS_ERR_SSL_WANT_WRITE);
	if (got == MBEDTLS_ERR_SSL_WANT_READ)
		return -1;
	return got > 0 ? got : 0;
}

static size_t read_file(const char *path, uint8_t *bytes)
{
	FILE *file = fopen(path, "r");
	size_t length;

	if (file == NULL) {
		fail_msg("cannot read %s", path);
		abort();
	}
	length = fread(bytes, 1, FILE_MAX - 1, file);
	fclose(file);
	bytes[length] = '\0';
	return length + 1; /* what Mbed TLS wants of PEM */
}

static void prepare_tls(struct test_hostile *h)
{
	static uint8_t text[FILE_MAX];
	size_t length;

	mbedtls_ssl_config_init(&h->config);
	mbedtls_x509_crt_init(&h->chain);
	length = read_file(test_service_path(&h->gateway.service, "gateway/manufacturer.pem"), text);
	assert_int_equal(mbedtls_x509_crt_parse(&h->chain, text, length), 0);
	length = read_file(test_service_path(&h->gateway.service, "gateway/manufacturer.key"), text);
	test_key_parse(&h->key, text, length);
	assert_int_equal(
		mbedtls_ssl_config_defaults(&h->config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT), 0);
	mbedtls_ssl_conf_rng(&h->config, draw, NULL);
	mbedtls_ssl_conf_authmode(&h->config, MBEDTLS_SSL_VERIFY_NONE);
	assert_int_equal(mbedtls_ssl_conf_own_cert(&h->config, &h->chain, &h->key.pk), 0);
}

/* --- opening ------------------------------------------------------------------------------------------------------------------------- */

void test_hostile_open(struct test_hostile *h, struct test_online *t)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	memset(h, 0, sizeof(*h));
	h->file = -1;
	snprintf(h->gateway.service.directory, sizeof(h->gateway.service.directory), "%s", test_path(&t->scenario, "service"));
	test_gateway_identity(&h->gateway, "gateway", "uuid:" TEST_ONLINE_HUB, TEST_GATEWAY_EKU, "hub-intermediate", true);
	prepare_tls(h);
	h->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(h->listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(h->listener, 8), 0);
	assert_int_equal(getsockname(h->listener, (struct sockaddr *)&address, &length), 0);
	snprintf(h->uri, sizeof(h->uri), "coaps+tcp://localhost:%d", ntohs(address.sin_port));
	h->gateway.client.bytes = malloc(TEST_MESSAGE_MAX);
	assert_non_null(h->gateway.client.bytes);
	h->gateway.client.peer = h;
	h->gateway.client.write = write_tls;
	h->gateway.client.read = read_tls;
}

void test_hostile_close(struct test_hostile *h)
{
	test_hostile_hang_up(h);
	close(h->listener);
	mbedtls_ssl_config_free(&h->config);
	mbedtls_x509_crt_free(&h->chain);
	test_key_free(&h->key);
	free(h->gateway.client.bytes);
	memset(h, 0, sizeof(*h));
}

const char *test_hostile_config(const struct test_hostile *h, struct test_online *t)
{
	return test_format(&t->scenario, "\"resources\": [], \"hubs\": [{\"id\": \"" TEST_ONLINE_HUB "\", \"gateways\": [\"%s\"]}]", h->uri);
}

/* --- a connection -------------------------------------------------------------------------------------------------------------------- */

void test_hostile_accept(struct test_hostile *h)
{
	const struct timeval bound = {.tv_sec = TEST_RUN_MS / 1000};
	const int at_once = 1;

	test_hostile_hang_up(h);
	assert_int_equal(setsockopt(h->listener, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound)), 0);
	h->file = accept(h->listener, NULL, NULL);
	if (h->file < 0)
		fail_msg("the device does not connect");
	assert_int_equal(setsockopt(h->file, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound)), 0);
	assert_int_equal(setsockopt(h->file, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound)), 0);
	assert_int_equal(setsockopt(h->file, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once)), 0);
}

void test_hostile_send_plain(struct test_hostile *h, const void *bytes, size_t length)
{
	assert_int_equal(send(h->file, bytes, length, MSG_NOSIGNAL), length);
}

void test_hostile_shake_hands(struct test_hostile *h)
{
	int result;

	mbedtls_ssl_init(&h->ssl);
	h->has_tls = true;
	assert_int_equal(mbedtls_ssl_setup(&h->ssl, &h->config), 0);
	mbedtls_ssl_set_bio(&h->ssl, h, put, get, NULL);
	result = mbedtls_ssl_handshake(&h->ssl);
	if (result != 0)
		fail_msg("no handshake: -0x%04x", (unsigned)-result);
	test_client_send_hex(&h->gateway.client, TEST_CSM_EMPTY);
	assert_int_equal(test_client_expect(&h->gateway.client).code, 701);
}

void test_hostile_hang_up(struct test_hostile *h)
{
	if (h->has_tls)
		mbedtls_ssl_free(&h->ssl);
	h->has_tls = false;
	if (h->file >= 0)
		close(h->file);
	h->file = -1;
	h->gateway.client.length = 0;
}

/* --- what a device asks -------------------------------------------------------------------------------------------------------------- */

struct test_message test_hostile_request(struct test_hostile *h)
{
	struct test_message message;

	do {
		message = test_client_expect(&h->gateway.client);
	} while (message.code == 0 || message.code >= 100);
	return message;
}

struct test_message test_hostile_expect(struct test_hostile *h, const char *segment)
{
	struct test_message message = test_hostile_request(h);

	if (memmem(message.options, (size_t)(message.payload - message.options), segment, strlen(segment)) == NULL)
		fail_msg("not asked for %s but code %u", segment, message.code);
	return message;
}

static void reply_map(struct test_hostile *h, const struct test_message *request, const char *const entries[])
{
	struct test_cbor body = {0};

	test_cbor_map(&body, entries);
	test_gateway_reply(&h->gateway, request, 204, -1, body.bytes, body.length);
}

void test_hostile_take_device(struct test_hostile *h)
{
	static const char *const tokens[] = {"accesstoken", "access-1", "refreshtoken", "refresh-1", "uid", "1", "expiresin", "3600", NULL};
	static const char *const session[] = {"expiresin", "3480", NULL};
	struct test_message message;

	test_hostile_accept(h);
	test_hostile_shake_hands(h);
	message = test_hostile_request(h);
	if (memmem(message.options, (size_t)(message.payload - message.options), "account", 7) != NULL) {
		reply_map(h, &message, tokens);
		message = test_hostile_request(h);
	}
	reply_map(h, &message, session);
	message = test_hostile_expect(h, "rdpub");
	test_gateway_reply(&h->gateway, &message, 204, -1, "\xa0", 1);
}
