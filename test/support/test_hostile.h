/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway that the test plays itself, for what dps-service would never do: the hub's certificate, TLS in this process, and message for message what the test
 * says. Its messages are made and read by test_gateway.h, on `gateway.client`. Each function fails the test when its side of the connection does not hold.
 */
#ifndef TEST_SUPPORT_TEST_HOSTILE_H
#define TEST_SUPPORT_TEST_HOSTILE_H

#include <mbedtls/ssl.h>

#include "support/test_gateway.h"
#include "support/test_online.h"
#include "support/test_pki.h"

struct test_hostile {
	struct test_gateway gateway; /* its client is the device that is connected */
	char uri[64];
	/* private */
	int listener;
	int file; /* -1: nobody is connected */
	bool has_tls;
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	mbedtls_x509_crt chain;
	struct test_key key;
};

/* Listens, with a certificate of the authorities of these scenarios. */
void test_hostile_open(struct test_hostile *h, struct test_online *t);
void test_hostile_close(struct test_hostile *h);

/* The text of a service's configuration that hands it out as the hub's gateway. */
const char *test_hostile_config(const struct test_hostile *h, struct test_online *t);

/* Takes the next connection, and says nothing. */
void test_hostile_accept(struct test_hostile *h);
/* Bytes below TLS. */
void test_hostile_send_plain(struct test_hostile *h, const void *bytes, size_t length);
/* Shakes hands, and exchanges CSMs. */
void test_hostile_shake_hands(struct test_hostile *h);
/* Ends the connection, without a word. */
void test_hostile_hang_up(struct test_hostile *h);

/* The device's next request; signals and answers are dropped. */
struct test_message test_hostile_request(struct test_hostile *h);
/* The same, which must have this path ("session": its last segment). */
struct test_message test_hostile_expect(struct test_hostile *h, const char *segment);

/* Takes connection, sign-up if there is one, sign-in and publish as a good gateway does. */
void test_hostile_take_device(struct test_hostile *h);

#endif
