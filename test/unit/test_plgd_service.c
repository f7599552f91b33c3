/* SPDX-License-Identifier: Apache-2.0 */
/* The plgd service as a transport: its table, and what the service is answered when it asks the device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dps/plgd.h"
#include "support/test_bytes.h"
#include "support/test_channel.h"
#include "support/test_pki.h"

#define DEVICE_ID "11111111-2222-3333-4444-555555555555"

struct fixture {
	struct test_channel peer;
	struct dps_plgd plgd;
	const struct dps_service *service;
	struct dps_step_env env;
	uint8_t body[DPS_CONFIG_BODY_SIZE];
	uint8_t out[8192];
	size_t out_len;
};

static void begin(struct fixture *f, const char *const *endpoints, size_t count)
{
	struct dps_transport_env env = {.channel = &f->peer.channel, .random = &test_random, .body = f->body, .body_size = sizeof(f->body)};
	struct dps_request request;
	struct dps_answer answer;
	bool busy;

	test_channel_init(&f->peer);
	f->service = dps_plgd_init(&f->plgd, endpoints, count);
	assert_non_null(f->service);
	assert_int_equal(dps_uuid_parse(DEVICE_ID, strlen(DEVICE_ID), &f->env.device_id), DPS_OK);
	f->service->transport->attach(f->service->self, &env);
	assert_int_equal(f->service->steps[0]->build(&f->env, &request), DPS_OK);
	assert_int_equal(f->service->transport->send(f->service->self, 1, &request, &f->env), DPS_OK);
	assert_int_equal(f->service->transport->poll(f->service->self, &answer, &busy), DPS_AGAIN);
	f->out_len = test_channel_take(&f->peer, f->out, sizeof(f->out));
}

/* The captured request of the service, GET /oic/res?if=oic.if.ll&rt=oic.wk.d. */
static void ask(struct fixture *f)
{
	uint8_t request[128];
	struct dps_span bytes =
		test_hex("d8140175246aaea0c66d41b36f6963037265734c69663d6f69632e69662e6c6c0b72743d6f69632e776b2e64", request, sizeof(request));
	struct dps_answer answer;
	bool busy;

	test_channel_feed(&f->peer, bytes.data, bytes.len);
	assert_int_equal(f->service->transport->poll(f->service->self, &answer, &busy), DPS_AGAIN);
	f->out_len = test_channel_take(&f->peer, f->out, sizeof(f->out));
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state == NULL;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void the_table(void **state)
{
	static const enum dps_step_id order[] = {DPS_STEP_TIME, DPS_STEP_OWNER,       DPS_STEP_CLOUD,
	                                         DPS_STEP_ACLS, DPS_STEP_CREDENTIALS, DPS_STEP_RESOURCES};
	struct fixture *f = *state;

	begin(f, NULL, 0);
	assert_string_equal(f->service->name, "plgd");
	assert_true(f->service->lead_request);
	assert_true(f->service->error_closes);
	assert_int_equal(f->service->step_count, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(f->service->steps[i]->id, order[i]);
	assert_int_equal(f->service->steps[0]->flags, DPS_STEP_IS_TIME);
	assert_int_equal(f->service->steps[5]->flags, DPS_STEP_OPTIONAL);
}

/* The first flight: an empty-handed CSM but for the size, and the time request as the captured client sends it, OCF versions added. */
static void first_bytes(void **state)
{
	struct fixture *f = *state;
	static const uint8_t path[] = {0xba, 'x', '.', 'p', 'l', 'g', 'd', '.', 'd', 'e', 'v', 0x04, 't', 'i', 'm', 'e', 0x62, 0x27, 0x10};
	bool found = false;

	begin(f, NULL, 0);
	assert_int_equal(f->out[1], 0xe1); /* 7.01 */
	for (size_t i = 0; i + sizeof(path) <= f->out_len; i++)
		found = found || memcmp(f->out + i, path, sizeof(path)) == 0;
	assert_true(found);
}

static void without_end_points(void **state)
{
	struct fixture *f = *state;

	begin(f, NULL, 0);
	ask(f);
	assert_int_equal(f->out_len, 10);
	assert_int_equal(f->out[0], 0x08);
	assert_int_equal(f->out[1], 0x84); /* 4.04 */
	assert_memory_equal(f->out + 2, "\x75\x24\x6a\xae\xa0\xc6\x6d\x41", 8);
}

static void with_end_points(void **state)
{
	static const char *const endpoints[] = {"coaps://192.0.2.5:40001"};
	struct fixture *f = *state;
	/* As in the reference's answer, but for the device's id, which is not needed beside the certificate, and the priority. */
	static const char expected[] = "81a5"
								   "6468726566662f6f69632f64"
								   "62727481686f69632e776b2e64"
								   "62696682686f69632e69662e726f6f69632e69662e626173656c696e65"
								   "6170a162626d03"
								   "6365707381a162657077636f6170733a2f2f3139322e302e322e353a3430303031";
	uint8_t bytes[256];
	struct dps_span payload = test_hex(expected, bytes, sizeof(bytes));

	begin(f, endpoints, 1);
	ask(f);
	assert_true(f->out_len > payload.len + 12);
	assert_memory_equal(f->out + f->out_len - payload.len, payload.data, payload.len);
	assert_int_equal(f->out[f->out_len - payload.len - 1], 0xff);
	assert_int_equal(f->out[2], 0x45); /* 2.05, behind a length of one byte */
}

/* Other requests of the service's get 4.04, whatever they are. */
static void nothing_else_is_served(void **state)
{
	static const char *const endpoints[] = {"coaps://192.0.2.5:40001"};
	/* POST /oic/res, GET /oic/d, GET / */
	static const char *const others[] = {"81020ab36f696303726573", "61010bb36f69630164", "01010c"};
	struct fixture *f = *state;

	begin(f, endpoints, 1);
	for (size_t i = 0; i < 3; i++) {
		uint8_t request[64];
		struct dps_span bytes = test_hex(others[i], request, sizeof(request));
		struct dps_answer answer;
		bool busy;

		test_channel_feed(&f->peer, bytes.data, bytes.len);
		assert_int_equal(f->service->transport->poll(f->service->self, &answer, &busy), DPS_AGAIN);
		f->out_len = test_channel_take(&f->peer, f->out, sizeof(f->out));
		assert_int_equal(f->out_len, 3);
		assert_int_equal(f->out[1], 0x84);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_table, setup, teardown),
		cmocka_unit_test_setup_teardown(first_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(without_end_points, setup, teardown),
		cmocka_unit_test_setup_teardown(with_end_points, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_else_is_served, setup, teardown),
	};

	return cmocka_run_group_tests_name("plgd service", tests, NULL, NULL);
}
