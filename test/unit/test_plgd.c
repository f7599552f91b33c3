/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of the plgd flow against payloads of the real service and of its reference client: what is asked, what is made of the answers, and what
 * of each wrong answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mbedtls/pk.h>

#include "codec/cbor.h"
#include "pki/pki.h"
#include "plgd/steps.h"
#include "store/store.h"
#include "support/test_bytes.h"
#include "support/test_pki.h"
#include "support/test_store.h"

#define DEVICE_ID "11111111-2222-3333-4444-555555555555"
#define OWNER_ID  "b80c8fef-a677-5340-85fb-2c162d75df03"
#define HUB_ID    "00000000-0000-0000-0000-000000000001"
#define NOW_S     INT64_C(1795700000) /* 26 November 2026: within the captured certificates' dates */

struct fixture {
	struct test_store storage;
	struct dps_store store;
	struct dps_keys keys;
	struct test_key key;
	struct dps_step_env env;
	struct dps_verdict verdict;
	uint8_t payload[16384];
	size_t payload_len;
	uint8_t scratch[DPS_CONFIG_BODY_SIZE];
	uint8_t buf[DPS_CONFIG_BODY_SIZE];
};

/* The key of the captured identity. */
static void load_captured_key(struct test_key *key)
{
	uint8_t pem[1024];
	size_t len = test_read_file("test/vectors/plgd/identity.key.pem", pem, sizeof(pem) - 1);
	int written;

	pem[len] = '\0';
	test_key_parse(key, pem, len + 1);
	written = mbedtls_pk_write_key_der(&key->pk, key->der, sizeof(key->der));
	assert_true(written > 0);
	key->der_len = (size_t)written;
	memmove(key->der, key->der + sizeof(key->der) - key->der_len, key->der_len);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	test_store_init(&f->storage);
	assert_int_equal(dps_store_open(&f->store, &f->storage.port, f->scratch, sizeof(f->scratch)), DPS_OK);
	load_captured_key(&f->key);
	f->keys = test_keys_port(&f->key);
	f->env = (struct dps_step_env){.store = &f->store, .keys = &f->keys, .key_slot = "identity-0", .now_s = NOW_S};
	assert_int_equal(dps_uuid_parse(DEVICE_ID, strlen(DEVICE_ID), &f->env.device_id), DPS_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	test_store_free(&f->storage);
	test_key_free(&f->key);
	free(f);
	return 0;
}

static void load(struct fixture *f, const char *name)
{
	f->payload_len = test_payload(name, f->payload, sizeof(f->payload)).len;
}

static dps_result take(struct fixture *f, const struct dps_step *step)
{
	const struct dps_answer answer = {.result = DPS_OK, .code = 205, .payload = f->payload, .payload_len = f->payload_len};

	f->verdict = (struct dps_verdict){.kind = DPS_VERDICT_DONE};
	return step->accept(&f->env, &answer, &f->verdict);
}

static dps_result take_named(struct fixture *f, const struct dps_step *step, const char *name)
{
	load(f, name);
	return take(f, step);
}

/* Replaces the first occurrence of a text in the payload by one of the same length. */
static void patch(struct fixture *f, const char *from, const char *to)
{
	size_t len = strlen(from);

	assert_int_equal(strlen(to), len);
	for (size_t i = 0; i + len <= f->payload_len; i++) {
		if (memcmp(f->payload + i, from, len) != 0)
			continue;
		memcpy(f->payload + i, to, len);
		return;
	}
	fail_msg("the payload has no %s", from);
}

static void assert_uuid(const struct dps_uuid *id, const char *expected)
{
	char text[DPS_UUID_TEXT_LEN + 1];

	dps_uuid_format(id, text);
	assert_string_equal(text, expected);
}

static void assert_span(struct dps_span span, const char *expected)
{
	assert_int_equal(span.len, strlen(expected));
	assert_memory_equal(span.data, expected, span.len);
}

/* --- what is asked ------------------------------------------------------------------------------------------------------------- */

static void requests(void **state)
{
	static const struct {
		const struct dps_step *step;
		enum dps_method method;
		const char *path;
		bool has_body;
	} expected[] = {
		{&dps_plgd_step_time, DPS_GET, "/x.plgd.dev/time", false},
		{&dps_plgd_step_owner, DPS_GET, "/api/v1/provisioning/ownership", false},
		{&dps_plgd_step_cloud, DPS_POST, "/api/v1/provisioning/cloud-configuration", true},
		{&dps_plgd_step_acls, DPS_GET, "/api/v1/provisioning/acls", false},
		{&dps_plgd_step_credentials, DPS_POST, "/api/v1/provisioning/credentials", true},
		{&dps_plgd_step_resources, DPS_GET, "/api/v1/provisioning/resources", false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct dps_request request;

		assert_int_equal(expected[i].step->build(&f->env, &request), DPS_OK);
		assert_int_equal(request.method, expected[i].method);
		assert_string_equal(request.path, expected[i].path);
		assert_int_equal(request.write_body != NULL, expected[i].has_body);
		assert_int_equal(request.body_limit > 0, expected[i].has_body);
		/* Whatever the step, a small send buffer takes it. */
		assert_true(request.body_limit + 80 <= 1280);
	}
}

/* The reference client writes indefinite maps, we write definite ones: apart from that the bodies are the same. */
static void cloud_bodies(void **state)
{
	static const char uri[] = "coaps+tcp://gw:5684";
	struct fixture *f = *state;
	struct dps_gateway selected = {.uri = {(const uint8_t *)uri, sizeof(uri) - 1}};
	struct dps_request request;
	uint8_t expected[256];
	size_t expected_len;
	size_t len = 0;

	assert_int_equal(dps_plgd_step_cloud.build(&f->env, &request), DPS_OK);
	assert_int_equal(request.write_body(&f->env, f->buf, request.body_limit, &len), DPS_OK);
	expected_len = test_payload("appendix-cloudreq", expected, sizeof(expected)).len;
	assert_int_equal(len, expected_len - 1);
	assert_int_equal(f->buf[0], 0xa1);
	assert_memory_equal(f->buf + 1, expected + 1, len - 1);

	assert_int_equal(dps_uuid_parse(HUB_ID, strlen(HUB_ID), &selected.id), DPS_OK);
	f->env.selected = &selected;
	assert_int_equal(dps_plgd_step_cloud.build(&f->env, &request), DPS_OK);
	assert_int_equal(request.write_body(&f->env, f->buf, request.body_limit, &len), DPS_OK);
	expected_len = test_payload("appendix-cloudreqsel", expected, sizeof(expected)).len;
	assert_int_equal(len, expected_len - 2);
	assert_int_equal(f->buf[0], 0xa2);
	assert_memory_equal(f->buf + 1, expected + 1, 57);
	assert_int_equal(f->buf[58], 0xa2);
	assert_memory_equal(f->buf + 59, expected + 59, len - 59);
}

static void credentials_body(void **state)
{
	struct fixture *f = *state;
	struct dps_request request;
	struct dps_cbor r;
	struct dps_span text;
	struct dps_span pem = {NULL, 0};
	size_t len = 0;
	bool more;

	assert_int_equal(dps_plgd_step_credentials.build(&f->env, &request), DPS_OK);
	assert_int_equal(request.write_body(&f->env, f->buf, request.body_limit, &len), DPS_OK);
	dps_cbor_init(&r, f->buf, len);
	assert_int_equal(dps_cbor_read_map(&r), DPS_OK);
	assert_int_equal(dps_cbor_read_text(&r, &text), DPS_OK);
	assert_span(text, "di");
	assert_int_equal(dps_cbor_read_text(&r, &text), DPS_OK);
	assert_span(text, DEVICE_ID);
	assert_int_equal(dps_cbor_read_text(&r, &text), DPS_OK);
	assert_span(text, "csr");
	assert_int_equal(dps_cbor_read_map(&r), DPS_OK);
	assert_int_equal(dps_cbor_read_text(&r, &text), DPS_OK);
	assert_span(text, "encoding");
	assert_int_equal(dps_cbor_read_text(&r, &text), DPS_OK);
	assert_span(text, "oic.sec.encoding.pem");
	assert_int_equal(dps_cbor_read_text(&r, &text), DPS_OK);
	assert_span(text, "data");
	assert_int_equal(dps_cbor_read_text(&r, &pem), DPS_OK);
	assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
	assert_false(more);
	assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
	assert_false(more);
	assert_int_equal(dps_cbor_end(&r), DPS_OK);
	assert_memory_equal(pem.data, "-----BEGIN CERTIFICATE REQUEST-----\n", 36);
	assert_memory_equal(pem.data + pem.len - 34, "-----END CERTIFICATE REQUEST-----\n", 34);
	/* A buffer that is too small says so, whatever its size. */
	for (size_t size = 0; size < len; size += 7)
		assert_int_equal(request.write_body(&f->env, f->buf, size, &len), DPS_E_BUFFER);
}

/* --- what is made of good answers ---------------------------------------------------------------------------------------------- */

static void captured_answers(void **state)
{
	static const struct {
		const char *set;
		size_t gateways, aces, psks;
	} sets[] = {{"one", 1, 3, 0}, {"two", 6, 4, 1}};
	struct fixture *f = *state;
	struct dps_owner owner;
	struct dps_cloud cloud;
	struct dps_credentials credentials;
	struct dps_acl acl;

	for (size_t i = 0; i < 2; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s-time", sets[i].set);
		assert_int_equal(take_named(f, &dps_plgd_step_time, name), DPS_OK);
		assert_in_range(f->verdict.time_ms / 1000, 1795334400, 1795507200); /* 22 and 23 November 2026 */

		snprintf(name, sizeof(name), "%s-owner", sets[i].set);
		assert_int_equal(take_named(f, &dps_plgd_step_owner, name), DPS_OK);
		assert_int_equal(dps_store_read(&f->store, DPS_RECORD_OWNER, DPS_STORE_STAGED, f->buf, sizeof(f->buf), &owner), DPS_OK);
		assert_uuid(&owner.id, OWNER_ID);

		snprintf(name, sizeof(name), "%s-cloud", sets[i].set);
		assert_int_equal(take_named(f, &dps_plgd_step_cloud, name), DPS_OK);
		assert_int_equal(dps_store_read(&f->store, DPS_RECORD_CLOUD, DPS_STORE_STAGED, f->buf, sizeof(f->buf), &cloud), DPS_OK);
		assert_span(cloud.provider, "plgd");
		assert_true(cloud.token.len > 300);
		assert_int_equal(cloud.gateway_count, sets[i].gateways);
		assert_int_equal(cloud.gateways_dropped, 0);

		snprintf(name, sizeof(name), "%s-acls", sets[i].set);
		assert_int_equal(take_named(f, &dps_plgd_step_acls, name), DPS_OK);
		assert_int_equal(dps_store_read(&f->store, DPS_RECORD_ACLS, DPS_STORE_STAGED, f->buf, sizeof(f->buf), &acl), DPS_OK);
		assert_int_equal(acl.count, sets[i].aces);
	}
	assert_int_equal(take_named(f, &dps_plgd_step_credentials, "one-creds"), DPS_OK);
	assert_int_equal(dps_store_read(&f->store, DPS_RECORD_CREDENTIALS, DPS_STORE_STAGED, f->buf, sizeof(f->buf), &credentials), DPS_OK);
	assert_uuid(&credentials.device_id, DEVICE_ID);
	assert_span(credentials.key_slot, "identity-0");
	assert_int_equal(credentials.anchor_count, 1);
	assert_uuid(&credentials.anchors[0].subject, OWNER_ID);
	assert_int_equal(credentials.psk_count, 0);
	assert_true(credentials.not_before < NOW_S && credentials.not_after > NOW_S);
}

static void appendix_answers(void **state)
{
	struct fixture *f = *state;
	struct dps_cloud cloud;

	assert_int_equal(take_named(f, &dps_plgd_step_time, "appendix-time"), DPS_OK);
	assert_int_equal(f->verdict.time_ms, INT64_C(1751521465123));
	assert_int_equal(take_named(f, &dps_plgd_step_owner, "appendix-own"), DPS_OK);
	assert_int_equal(take_named(f, &dps_plgd_step_cloud, "appendix-cloudresp"), DPS_OK);
	assert_int_equal(dps_store_read(&f->store, DPS_RECORD_CLOUD, DPS_STORE_STAGED, f->buf, sizeof(f->buf), &cloud), DPS_OK);
	assert_span(cloud.gateway, "coaps+tcp://gw:5684");
	assert_span(cloud.token, "eyJ...");
	assert_uuid(&cloud.hub_id, HUB_ID);
	assert_int_equal(take_named(f, &dps_plgd_step_acls, "appendix-acl"), DPS_OK);
	assert_int_equal(take_named(f, &dps_plgd_step_credentials, "appendix-csrresp"), DPS_E_FIELD); /* "PEM" is none */
}

static void resources_absent_and_present(void **state)
{
	static const uint8_t some[] = {0x81, 0xa2, 0x64, 'h', 'r', 'e', 'f',  0x64, '/', 'o',
	                               'i',  'c',  0x63, 'r', 'e', 'p', 0xa1, 0x61, 'n', 0x01};
	struct fixture *f = *state;
	const struct dps_answer absent = {.result = DPS_E_SERVICE_REJECTED, .code = 404, .payload = f->payload, .payload_len = 5};
	struct dps_resources resources;
	struct dps_resource entry;

	assert_int_equal(dps_plgd_step_resources.accept(&f->env, &absent, &f->verdict), DPS_OK);
	assert_true(f->verdict.absent);
	assert_int_equal(f->store.staged, 0); /* none before, none now */
	memcpy(f->payload, some, sizeof(some));
	f->payload_len = sizeof(some);
	assert_int_equal(take(f, &dps_plgd_step_resources), DPS_OK);
	assert_false(f->verdict.absent);
	assert_int_equal(dps_store_read(&f->store, DPS_RECORD_RESOURCES, DPS_STORE_STAGED, f->buf, sizeof(f->buf), &resources), DPS_OK);
	assert_int_equal(resources.count, 1);
	assert_int_equal(dps_resources_get(&resources, 0, &entry), DPS_OK);
	assert_span(entry.href, "/oic");
	assert_int_equal(dps_resources_get(&resources, 1, &entry), DPS_E_NOT_FOUND);
	/* There were some, and there are none any more: that is staged. */
	assert_int_equal(dps_plgd_step_resources.accept(&f->env, &absent, &f->verdict), DPS_OK);
	assert_true(f->verdict.absent);
	assert_int_equal(dps_store_read(&f->store, DPS_RECORD_RESOURCES, DPS_STORE_STAGED, f->buf, sizeof(f->buf), &resources), DPS_OK);
	assert_int_equal(resources.count, 0);
}

/* --- wrong answers: named, and nothing is staged ------------------------------------------------------------------------------- */

static const struct {
	const struct dps_step *step;
	const char *payload;
} answers[] = {
	{&dps_plgd_step_time, "one-time"}, {&dps_plgd_step_owner, "one-owner"},       {&dps_plgd_step_cloud, "one-cloud"},
	{&dps_plgd_step_acls, "one-acls"}, {&dps_plgd_step_credentials, "one-creds"},
};

static void truncated_at_every_byte(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		load(f, answers[i].payload);
		for (size_t len = 0, whole = f->payload_len; len < whole; len += len < 600 ? 1 : 37) {
			load(f, answers[i].payload);
			f->payload_len = len;
			assert_int_equal(take(f, answers[i].step), DPS_E_CBOR);
		}
	}
	assert_int_equal(f->store.staged, 0);
}

static void garbage_nesting_and_trailing_bytes(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		memset(f->payload, 0xff, 100);
		f->payload_len = 100;
		assert_int_equal(take(f, answers[i].step), DPS_E_CBOR);
		memset(f->payload, 0x9f, 8000); /* arrays without end */
		f->payload_len = 8000;
		assert_int_equal(take(f, answers[i].step), DPS_E_FIELD);
		memset(f->payload, 0x81, 8000);
		f->payload[0] = 0xa1;
		f->payload[1] = 0x61; /* an unknown key with a deeply nested value */
		f->payload[2] = 'x';
		assert_int_equal(take(f, answers[i].step), DPS_E_CBOR);
		load(f, answers[i].payload);
		f->payload[f->payload_len++] = 0x00;
		assert_int_equal(take(f, answers[i].step), DPS_E_CBOR);
		f->payload[0] = 0xa0; /* an empty map: what is required is missing */
		f->payload_len = 1;
		assert_int_equal(take(f, answers[i].step), DPS_E_FIELD);
	}
	assert_int_equal(f->store.staged, 0);
}

/* Each known key renamed (missing), and each text of the payload made a byte string (wrong type). */
static void missing_fields(void **state)
{
	static const struct {
		const struct dps_step *step;
		const char *payload, *from, *to;
		dps_result result;
	} cases[] = {
		{&dps_plgd_step_time, "one-time", "time", "tame", DPS_E_FIELD},
		{&dps_plgd_step_time, "one-time", "2026-", "20x6-", DPS_E_FIELD},
		{&dps_plgd_step_owner, "one-owner", "devowneruuid", "devownerwwid", DPS_E_FIELD},
		{&dps_plgd_step_owner, "one-owner", "b80c8fef-", "b80c8fefx", DPS_E_FIELD},
		{&dps_plgd_step_owner, "one-owner", OWNER_ID, "00000000-0000-0000-0000-000000000000", DPS_E_FIELD},
		{&dps_plgd_step_cloud, "one-cloud", "cis", "cos", DPS_E_FIELD},
		{&dps_plgd_step_cloud, "one-cloud", "coaps+tcp", "https+tcp", DPS_E_FIELD},
		{&dps_plgd_step_cloud, "one-cloud", "localhost:5684", "localhost.5684", DPS_E_FIELD}, /* no port, and none that there is */
		{&dps_plgd_step_cloud, "one-cloud", "localhost:5684", "localhos:99999", DPS_E_FIELD},
		{&dps_plgd_step_cloud, "one-cloud", "csid", "cais", DPS_OK}, /* the service leaves out what is empty */
		{&dps_plgd_step_acls, "one-acls", "aclist2", "aclist1", DPS_E_FIELD},
		{&dps_plgd_step_acls, "one-acls", "permission", "permissian", DPS_E_FIELD},
		{&dps_plgd_step_credentials, "one-creds", "creds", "crads", DPS_E_FIELD},
		{&dps_plgd_step_credentials, "one-creds", "credtype", "credtipe", DPS_E_FIELD},
		{&dps_plgd_step_credentials, "one-creds", "subjectuuid", "subjectwwid", DPS_E_FIELD},
		{&dps_plgd_step_credentials, "one-creds", "oic.sec.cred.cert", "oic.sec.cred.cart", DPS_E_FIELD},
		{&dps_plgd_step_credentials, "one-creds", "oic.sec.cred.trustca", "oic.sec.cred.trustco", DPS_E_FIELD},
		{&dps_plgd_step_credentials, "one-creds", "publicdata", "pablicdata", DPS_E_FIELD},
		{&dps_plgd_step_credentials, "one-creds", "encoding.pem", "encoding.pom", DPS_E_FIELD},
		{&dps_plgd_step_credentials, "one-creds", DEVICE_ID, "11111111-2222-3333-4444-555555555556", DPS_E_IDENTITY_DEVICE},
		{&dps_plgd_step_credentials, "one-creds", "-----BEGIN", "-----BEGUN", DPS_AGAIN},
		{&dps_plgd_step_credentials, "one-creds", "MIIBrTCC", "NIIBrTCC", DPS_AGAIN},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dps_result result;

		load(f, cases[i].payload);
		patch(f, cases[i].from, cases[i].to);
		result = take(f, cases[i].step);
		if (cases[i].result == DPS_AGAIN) /* which failure depends on where the damage is noticed */
			assert_true(result < 0);
		else
			assert_int_equal(result, cases[i].result);
		if (result < 0)
			assert_int_equal(f->store.staged, 0);
		assert_int_equal(dps_store_discard(&f->store, DPS_RECORD_ALL), DPS_OK);
	}
}

static void wrong_types(void **state)
{
	static const struct {
		const struct dps_step *step;
		const char *payload, *key;
	} cases[] = {
		{&dps_plgd_step_time, "one-time", "time"},
		{&dps_plgd_step_owner, "one-owner", "devowneruuid"},
		{&dps_plgd_step_cloud, "one-cloud", "apn"},
		{&dps_plgd_step_cloud, "one-cloud", "cis"},
		{&dps_plgd_step_cloud, "one-cloud", "bat"},
		{&dps_plgd_step_cloud, "one-cloud", "sid"},
		{&dps_plgd_step_cloud, "one-cloud", ".servers"},
		{&dps_plgd_step_acls, "one-acls", "aclist2"},
		{&dps_plgd_step_acls, "one-acls", "permission"},
		{&dps_plgd_step_acls, "one-acls", "resources"},
		{&dps_plgd_step_acls, "one-acls", "subject"},
		{&dps_plgd_step_credentials, "one-creds", "creds"},
		{&dps_plgd_step_credentials, "one-creds", "credtype"},
		{&dps_plgd_step_credentials, "one-creds", "subjectuuid"},
		{&dps_plgd_step_credentials, "one-creds", "credusage"},
		{&dps_plgd_step_credentials, "one-creds", "publicdata"},
		{&dps_plgd_step_credentials, "one-creds", "encoding"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].key);
		uint8_t *value = NULL;
		dps_result result;

		load(f, cases[i].payload);
		for (size_t k = 0; value == NULL && k + len < f->payload_len; k++)
			if (memcmp(f->payload + k, cases[i].key, len) == 0)
				value = f->payload + k + len;
		assert_non_null(value);
		*value = 0xf6; /* null: no field is that, and what follows is then malformed */
		result = take(f, cases[i].step);
		assert_true(result == DPS_E_FIELD || result == DPS_E_CBOR);
		assert_int_equal(f->store.staged, 0);
	}
}

/* The certificate is good, but not for this device, key, order or time. */
static void identities_that_do_not_fit(void **state)
{
	struct fixture *f = *state;
	struct test_key other;

	f->env.now_s = NOW_S + INT64_C(2) * 366 * 86400;
	assert_int_equal(take_named(f, &dps_plgd_step_credentials, "one-creds"), DPS_E_IDENTITY_EXPIRED);
	f->env.now_s = NOW_S - INT64_C(366) * 86400;
	assert_int_equal(take_named(f, &dps_plgd_step_credentials, "one-creds"), DPS_E_IDENTITY_NOT_YET_VALID);
	f->env.now_s = NOW_S;
	test_key_make(&other, DPS_KEY_EC_P256);
	f->keys = test_keys_port(&other);
	assert_int_equal(take_named(f, &dps_plgd_step_credentials, "one-creds"), DPS_E_IDENTITY_KEY);
	f->keys = test_keys_port(&f->key);
	f->env.device_id.bytes[15] ^= 1;
	assert_int_equal(take_named(f, &dps_plgd_step_credentials, "one-creds"), DPS_E_IDENTITY_DEVICE);
	assert_int_equal(f->store.staged, 0);
	test_key_free(&other);
}

static void redirects(void **state)
{
	static const uint8_t answer[] = {0xa1, 0x6b, 'r', 'e', 'd', 'i', 'r', 'e', 'c', 't', 'u', 'r', 'i', 0x63, 'a', ':', '1'};
	struct fixture *f = *state;

	/* {"devowneruuid": ..., "redirecturi": "a:1"} */
	load(f, "one-owner");
	f->payload[0] = 0xa2;
	memcpy(f->payload + f->payload_len, answer + 1, sizeof(answer) - 1);
	f->payload_len += sizeof(answer) - 1;
	assert_int_equal(take(f, &dps_plgd_step_owner), DPS_OK);
	assert_int_equal(f->verdict.kind, DPS_VERDICT_REDIRECT);
	assert_span(f->verdict.redirect, "a:1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests, setup, teardown),
		cmocka_unit_test_setup_teardown(cloud_bodies, setup, teardown),
		cmocka_unit_test_setup_teardown(credentials_body, setup, teardown),
		cmocka_unit_test_setup_teardown(captured_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(appendix_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(resources_absent_and_present, setup, teardown),
		cmocka_unit_test_setup_teardown(truncated_at_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(garbage_nesting_and_trailing_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_types, setup, teardown),
		cmocka_unit_test_setup_teardown(identities_that_do_not_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(redirects, setup, teardown),
	};

	return cmocka_run_group_tests_name("plgd steps", tests, NULL, NULL);
}
