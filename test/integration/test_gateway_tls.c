/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a gateway lets in, whom it says it is, and that sessions are resumed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_gateway.h"

#include <unistd.h>

static void is_refused(struct test_gateway *g, const char *identity, const char *version, const char *why)
{
	const char *const options[] = {version, NULL};
	const char *event;

	test_gateway_dial(g, identity, options);
	test_client_expect_end(&g->client);
	event = test_gateway_event(g, "hub-closed");
	assert_non_null(strstr(event, "\"reason\":\"handshake\""));
	if (why != NULL && strstr(event, why) == NULL)
		fail_msg("%s: %s", identity, event);
}

static void only_identities_of_the_hub_are_let_in(void **state)
{
	static const char *const versions[] = {"-tls1_2", "-tls1_3"};
	struct test_gateway *g = *state;
	size_t at;

	test_gateway_identity(g, "no-uuid", "27a0934a-ea31-43a4-ba0c-54eef1c6906a", TEST_GATEWAY_EKU, "hub-intermediate", true);
	test_gateway_identity(g, "no-device", "uuid:light", TEST_GATEWAY_EKU, "hub-intermediate", true);
	test_gateway_identity(g, "no-purpose", "uuid:" TEST_GATEWAY_DEVICE, NULL, "hub-intermediate", true);
	test_gateway_identity(g, "no-server", "uuid:" TEST_GATEWAY_DEVICE, "clientAuth,1.3.6.1.4.1.44924.1.6", "hub-intermediate", true);
	test_gateway_identity(g, "no-ocf", "uuid:" TEST_GATEWAY_DEVICE, "clientAuth,serverAuth", "hub-intermediate", true);
	test_gateway_identity(g, "no-chain", "uuid:" TEST_GATEWAY_DEVICE, TEST_GATEWAY_EKU, "hub-intermediate", false);
	test_gateway_identity(g, "stranger", "uuid:" TEST_GATEWAY_DEVICE, TEST_GATEWAY_EKU, "manufacturer-intermediate", true);
	test_gateway_start(g, NULL, NULL);
	for (at = 0; at < 2; at++) {
		is_refused(g, "no-uuid", versions[at], "its name is no device's");
		is_refused(g, "no-device", versions[at], "its name is no device's");
		is_refused(g, "no-purpose", versions[at], "it is not meant for an OCF identity");
		is_refused(g, "no-server", versions[at], "it is not meant for an OCF identity");
		is_refused(g, "no-ocf", versions[at], "it is not meant for an OCF identity");
		is_refused(g, "no-chain", versions[at], "\"certificate\":");
		is_refused(g, "stranger", versions[at], "\"certificate\":");
		is_refused(g, "device", versions[at], "\"certificate\":"); /* the manufacturer's */
	}
	test_gateway_connect(g, TEST_CSM_EMPTY);
}

/* Serial number 77 is that of the identities here. What another program on the directory revokes counts at once, for resumed connections too. */
static void a_revoked_identity_is_refused(void **state)
{
	static const char revoked[] = "{\"revoked\": {\"4D\": {\"notAfter\": 9999999999}}}";
	struct test_gateway *g = *state;
	const char *path = test_service_path(&g->service, "session");
	const char *const first[] = {"-tls1_2", "-sess_out", path, NULL};
	const char *const second[] = {"-tls1_2", "-sess_in", path, NULL};

	test_gateway_start(g, NULL, NULL);
	test_gateway_dial(g, "identity", first);
	test_client_send_hex(&g->client, TEST_CSM_EMPTY);
	assert_int_equal(test_client_expect(&g->client).code, 701);
	test_client_close(&g->client);
	test_gateway_event(g, "hub-closed");
	test_service_write(&g->service, "identities.json", revoked, sizeof(revoked) - 1);
	is_refused(g, "identity", "-tls1_2", "it was revoked");
	is_refused(g, "identity", "-tls1_3", "it was revoked");
	test_gateway_dial(g, "identity", second);
	test_client_expect_end(&g->client);
	assert_non_null(strstr(test_gateway_event(g, "hub-closed"), "it was revoked"));
}

static void no_certificate_is_refused(void **state)
{
	struct test_gateway *g = *state;
	char address[32];
	char output[256];
	char error[4096];
	const char *const argv[] = {"openssl", "s_client", "-connect", address, "-tls1_2", NULL};

	test_gateway_start(g, NULL, NULL);
	snprintf(address, sizeof(address), "127.0.0.1:%s", g->at.port);
	assert_int_not_equal(test_process_run(argv, TEST_SERVICE_TIMEOUT_MS, output, sizeof(output), error, sizeof(error)), 0);
	assert_non_null(strstr(error, "alert"));
	assert_non_null(strstr(test_gateway_event(g, "hub-closed"), "\"reason\":\"handshake\""));
}

static void the_gateway_names_its_hub_and_no_host(void **state)
{
	struct test_gateway *g = *state;
	char script[1024];
	char output[8192];
	const char *const argv[] = {"sh", "-c", script, NULL};

	test_gateway_start(g, NULL, NULL);
	snprintf(script, sizeof(script),
	         "openssl s_client -connect 127.0.0.1:%s -tls1_2 -alpn coap -showcerts </dev/null 2>/dev/null | tee %s/shown | "
	         "openssl x509 -noout -text; grep -c BEGIN %s/shown",
	         g->at.port, g->service.directory, g->service.directory);
	test_process_run(argv, TEST_SERVICE_TIMEOUT_MS, output, sizeof(output), NULL, 0);
	assert_non_null(strstr(output, "CN = uuid:" TEST_GATEWAY_HUB));
	assert_null(strstr(output, "Subject Alternative Name"));
	assert_non_null(strstr(output, "1.3.6.1.4.1.44924.1.6"));
	assert_string_equal(output + strlen(output) - 3, "\n2\n"); /* leaf and intermediate */
}

/* The suite of a handshake with these options of s_client: a name, or "(NONE)". */
static void negotiates(struct test_gateway *g, const char *options, const char *suite)
{
	char script[512];
	char output[256];
	const char *const argv[] = {"sh", "-c", script, NULL};

	snprintf(script, sizeof(script),
	         "cd '%s'; openssl s_client -connect 127.0.0.1:%s -cert identity/manufacturer.pem -key identity/manufacturer.key %s "
	         "</dev/null 2>/dev/null | sed -n 's/.*Cipher is //p'",
	         g->service.directory, g->at.port, options);
	assert_int_equal(test_process_run(argv, TEST_SERVICE_TIMEOUT_MS, output, sizeof(output), NULL, 0), 0);
	if (strncmp(output, suite, strlen(suite)) != 0 || output[strlen(suite)] != '\n')
		fail_msg("%s: %s", options, output);
}

/* As at the real gateway: its suites and no others, and its order before the device's. */
static void suites_and_their_order_are_the_real_ones(void **state)
{
	struct test_gateway *g = *state;

	test_gateway_start(g, NULL, NULL);
	negotiates(g, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256", "(NONE)");
	negotiates(g, "-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384", "(NONE)");
	negotiates(g, "-tls1_2 -cipher ECDHE-ECDSA-AES128-CCM", "(NONE)");
	negotiates(g, "-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA");
	negotiates(g, "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
	           "ECDHE-ECDSA-AES128-GCM-SHA256");
	negotiates(g, "-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256");
}

static void resumes_with(struct test_gateway *g, const char *version, const char *name)
{
	const char *path = test_service_path(&g->service, name);
	const char *const first[] = {version, "-sess_out", path, NULL};
	const char *const second[] = {version, "-sess_in", path, NULL};
	char wanted[64];
	const char *event;

	snprintf(wanted, sizeof(wanted), "\"tls\":\"TLSv1.%c\",\"resumed\":", version[strlen(version) - 1]);
	test_gateway_dial(g, "identity", first);
	test_client_send_hex(&g->client, TEST_CSM_EMPTY);
	assert_int_equal(test_client_expect(&g->client).code, 701);
	/* A round trip: with TLS 1.3 the ticket comes before the answer. */
	test_client_get(&g->client, "/x.plgd.dev/time", 't');
	assert_int_equal(test_client_expect(&g->client).code, 205);
	test_client_close(&g->client);
	event = test_gateway_event(g, "hub-connected");
	assert_non_null(strstr(event, wanted));
	assert_non_null(strstr(event, "\"resumed\":false"));
	test_gateway_dial(g, "identity", second);
	test_client_send_hex(&g->client, TEST_CSM_EMPTY);
	assert_int_equal(test_client_expect(&g->client).code, 701);
	event = test_gateway_event(g, "hub-connected");
	assert_non_null(strstr(event, wanted));
	assert_non_null(strstr(event, "\"resumed\":true"));
	assert_non_null(strstr(event, TEST_GATEWAY_DEVICE));
	/* A resumed connection is as good as any. */
	test_gateway_sign_up(g);
	test_gateway_sign_in(g, NULL, 0, NULL);
}

static void sessions_are_resumed_in_both_versions(void **state)
{
	struct test_gateway *g = *state;

	test_gateway_start(g, NULL, NULL);
	resumes_with(g, "-tls1_2", "session12");
	resumes_with(g, "-tls1_3", "session13");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_identities_of_the_hub_are_let_in, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(a_revoked_identity_is_refused, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(no_certificate_is_refused, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(the_gateway_names_its_hub_and_no_host, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(suites_and_their_order_are_the_real_ones, test_gateway_set_up, test_gateway_tear_down),
		cmocka_unit_test_setup_teardown(sessions_are_resumed_in_both_versions, test_gateway_set_up, test_gateway_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
