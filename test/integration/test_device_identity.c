/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a provisioned device can do with what it was given: its committed identity, read back through the library, makes a TLS connection with openssl(1) in which
 * both sides verify the other, and its committed access lists answer questions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_identity.h"
#include "support/test_pki.h"
#include "support/test_scenario.h"

#define OWNER   "5b0f4c1e-6d52-4a8e-9f0f-3c8a2b7d1e90"
#define HUB_1   "11111111-2222-4333-8444-555555555551"
#define HUB_2   "11111111-2222-4333-8444-555555555552"
#define NOBODY  "11111111-2222-4333-8444-555555555559"
#define WAIT_MS 10000

static const char config[] = "{\"owner\": \"" OWNER "\", \"hubs\": [{\"id\": \"" HUB_1 "\", \"gateways\": [\"gw1.example:5684\"]},"
							 "{\"id\": \"" HUB_2 "\", \"gateways\": [\"gw2.example:5684\"]}]}";

static struct test_scenario scenario;
static struct test_identity identity;
static char device_id[37];

static int begin(void **state)
{
	struct test_local service;

	(void)state;
	test_scenario_begin(&scenario);
	test_local_start(&service, &scenario, config, NULL);
	test_device_provision(&scenario, service.uri, "device", device_id);
	test_local_stop(&service);
	test_local_free(&service);

	/* A gateway of the hub: its certificate comes from the authority that also signed the device's. */
	test_must_run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=gateway",
	              "-addext", "subjectAltName=DNS:localhost", "-days", "30", "-CA", test_path(&scenario, "service/hub-intermediate.pem"),
	              "-CAkey", test_path(&scenario, "service/hub-intermediate.key"), "-keyout", test_path(&scenario, "gateway.key"), "-out",
	              test_path(&scenario, "gateway.pem"), NULL);
	test_identity_open(&identity, test_path(&scenario, "device"));
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_identity_close(&identity);
	test_scenario_end(&scenario);
	return 0;
}

/* --- the identity ------------------------------------------------------------------------------------------------------------------ */

/* A server of openssl that wants a certificate from this authority and sends back what it reads, each line reversed. */
static struct test_process *start_gateway(const char *client_authority, int *port)
{
	const char *const argv[] = {"openssl",
	                            "s_server",
	                            "-accept",
	                            "127.0.0.1:0",
	                            "-tls1_2",
	                            "-rev",
	                            "-Verify",
	                            "4",
	                            "-verify_return_error",
	                            "-CAfile",
	                            client_authority,
	                            "-cert",
	                            test_path(&scenario, "gateway.pem"),
	                            "-key",
	                            test_path(&scenario, "gateway.key"),
	                            "-cert_chain",
	                            test_path(&scenario, "service/hub-intermediate.pem"),
	                            NULL};
	struct test_process *server = test_process_start(argv);
	const char *line = test_process_read_line_with(server, "ACCEPT", WAIT_MS);
	const char *colon = line == NULL ? NULL : strrchr(line, ':');

	if (colon == NULL) {
		fail_msg("openssl does not listen: %s", test_process_error_text(server));
		return server;
	}
	*port = atoi(colon + 1);
	return server;
}

struct link {
	struct dps_posix_clock clock;
	struct dps_posix_network network;
	struct dps_mbedtls_channel channel;
	struct dps_trust trust;
	struct dps_pki_path path;
};

static dps_result wait_for(struct link *link, dps_result result)
{
	struct dps_wait waits[DPS_WAIT_MAX];
	uint32_t within = WAIT_MS;
	size_t count;

	if (result != DPS_AGAIN) {
		return result;
	}
	count = link->channel.port.wait_on(link->channel.port.ctx, waits, DPS_WAIT_MAX, &within);
	return dps_posix_wait(waits, count, within) == DPS_OK ? DPS_AGAIN : DPS_E_TIMEOUT;
}

static dps_result open_link(struct link *link, int port, struct dps_span anchors)
{
	struct dps_channel_params params = {
		.host = "localhost",
		.port = (uint16_t)port,
		.trust = &link->trust,
		.keys = &identity.keys.port,
		.key_slot = identity.key_slot,
		.chain = identity.credentials.chain,
		.path = &link->path,
	};
	struct dps_channel *channel = &link->channel.port;
	dps_result result;

	dps_posix_clock_init(&link->clock, true);
	assert_int_equal(dps_posix_network_init(&link->network, &link->clock.port), DPS_OK);
	dps_mbedtls_channel_init(&link->channel, &link->network.port, &identity.random);
	link->trust = (struct dps_trust){.anchors = anchors};
	result = channel->open(channel->ctx, &params);
	while (result == DPS_OK) {
		result = channel->establish(channel->ctx);
		if (result == DPS_OK) {
			return DPS_OK;
		}
		result = wait_for(link, result);
		result = result == DPS_AGAIN ? DPS_OK : result;
	}
	return result;
}

static void close_link(struct link *link)
{
	dps_mbedtls_channel_deinit(&link->channel);
	dps_posix_network_deinit(&link->network);
}

/* Sends a line and reads what comes back for it. */
static void converse(struct link *link)
{
	struct dps_channel *channel = &link->channel.port;
	uint8_t answer[64];
	size_t filled = 0;
	size_t n = 0;
	dps_result result;

	assert_int_equal(channel->write(channel->ctx, (const uint8_t *)"stressed\n", 9, &n), DPS_OK);
	assert_int_equal(n, 9);
	while (filled < 9) {
		result = channel->read(channel->ctx, answer + filled, sizeof(answer) - filled, &n);
		if (result == DPS_OK) {
			filled += n;
			continue;
		}
		assert_int_equal(wait_for(link, result), DPS_AGAIN);
	}
	assert_memory_equal(answer, "desserts\n", 9);
}

static void mutual_handshake(void **state)
{
	int port = 0;
	struct test_process *server = start_gateway(test_path(&scenario, "service/hub-ca.pem"), &port);
	struct link link;

	(void)state;
	assert_int_equal(open_link(&link, port, identity.credentials.anchors[0].der), DPS_OK);
	converse(&link);
	assert_non_null(strstr(test_process_error_text(server), test_format(&scenario, "CN = uuid:%s", device_id)));
	close_link(&link);
	test_process_stop(server);
}

/* Each side's check is a real one: with another authority on one side the handshake fails there. */
static void handshake_with_strangers(void **state)
{
	uint8_t stranger[4096];
	uint8_t pem[4096];
	size_t length;
	size_t der_length = 0;
	struct link link;
	int port = 0;
	struct test_process *server = start_gateway(test_path(&scenario, "service/manufacturer-ca.pem"), &port);

	(void)state;
	assert_int_equal(open_link(&link, port, identity.credentials.anchors[0].der), DPS_E_TLS_ALERT);
	close_link(&link);
	test_process_stop(server);

	length = test_read_file(test_path(&scenario, "service/service-ca.pem"), pem, sizeof(pem));
	assert_int_equal(dps_pki_load_certificates(pem, length, stranger, sizeof(stranger), &der_length), DPS_OK);
	server = start_gateway(test_path(&scenario, "service/hub-ca.pem"), &port);
	assert_int_equal(open_link(&link, port, (struct dps_span){stranger, der_length}), DPS_E_SERVER_UNTRUSTED);
	close_link(&link);
	test_process_stop(server);
}

/* --- the access lists -------------------------------------------------------------------------------------------------------------- */

static struct dps_span span_of(const char *text)
{
	return (struct dps_span){(const uint8_t *)text, strlen(text)};
}

/* uuid NULL: over an insecure connection, nobody is known. */
static bool allowed(const char *uuid, const char *href, bool configuration, unsigned permission)
{
	struct dps_acl_question question = {
		.href = span_of(href),
		.configuration = configuration,
		.secure_endpoint = true,
		.permission = permission,
	};

	if (uuid != NULL) {
		question.subject.authenticated = true;
		assert_int_equal(dps_uuid_parse(uuid, strlen(uuid), &question.subject.uuid), DPS_OK);
	}
	return dps_acl_allows(&identity.acl, &question);
}

static void access_lists(void **state)
{
	enum { ALL = DPS_ACL_CREATE | DPS_ACL_RETRIEVE | DPS_ACL_UPDATE | DPS_ACL_DELETE | DPS_ACL_NOTIFY };
	static const struct {
		const char *who;
		const char *href;
		bool configuration;
		unsigned permission;
		bool allowed;
	} questions[] = {
		/* the owner: everything that is no configuration, and some that is */
		{OWNER, "/light/1", false, ALL, true},
		{OWNER, "/oc/con", false, ALL, true},
		{OWNER, "/oic/sec/sp", true, ALL, true},
		{OWNER, "/CoapCloudConfResURI", true, DPS_ACL_UPDATE, true},
		{OWNER, "/oic/sec/cred", true, DPS_ACL_RETRIEVE, false},
		{OWNER, "/oic/sec/acl2", true, DPS_ACL_UPDATE, false},
		/* both hubs: the same without the security profile */
		{HUB_1, "/light/1", false, ALL, true},
		{HUB_2, "/light/1", false, ALL, true},
		{HUB_1, "/oic/sec/sp", true, DPS_ACL_RETRIEVE, false},
		{HUB_2, "/CoapCloudConfResURI", true, DPS_ACL_RETRIEVE, false},
		/* everyone: a look at what the device is */
		{NULL, "/oic/d", true, DPS_ACL_RETRIEVE, true},
		{NULL, "/oic/res", true, DPS_ACL_RETRIEVE, true},
		{NULL, "/oic/p", true, DPS_ACL_RETRIEVE, true},
		{NULL, "/oic/sec/doxm", true, DPS_ACL_RETRIEVE, true},
		{NULL, "/oic/d", true, DPS_ACL_UPDATE, false},
		{NULL, "/oic/d", true, DPS_ACL_RETRIEVE | DPS_ACL_NOTIFY, false},
		{NULL, "/light/1", false, DPS_ACL_RETRIEVE, false},
		{NULL, "/oic/sec/cred", true, DPS_ACL_RETRIEVE, false},
		/* a stranger */
		{NOBODY, "/light/1", false, DPS_ACL_RETRIEVE, false},
		{NOBODY, "/oc/con", false, DPS_ACL_UPDATE, false},
		{NOBODY, "/oic/sec/cred", true, DPS_ACL_RETRIEVE, false},
	};

	(void)state;
	assert_int_equal(identity.acl.count, 4);
	for (size_t at = 0; at < sizeof(questions) / sizeof(questions[0]); at++) {
		if (allowed(questions[at].who, questions[at].href, questions[at].configuration, questions[at].permission) !=
		    questions[at].allowed) {
			fail_msg("%s, %s, %#x: should be %s", questions[at].who == NULL ? "nobody" : questions[at].who, questions[at].href,
			         questions[at].permission, questions[at].allowed ? "allowed" : "refused");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutual_handshake),
		cmocka_unit_test(handshake_with_strangers),
		cmocka_unit_test(access_lists),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
