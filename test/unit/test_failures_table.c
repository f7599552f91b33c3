/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/failures.md against the code: every cause with its class, whether and when it is tried again, and the exit status of dps-device; what lib/coap makes
 * of each code. In both directions: the page lists all there is, and nothing else. Run from the top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../examples/linux-device/exit_status.h"
#include "client/policy.h"
#include "coap/coap.h"
#include "dps/client.h"
#include "support/test_channel.h"
#include "support/test_page.h"

#define PAGE       "docs/failures.md"
#define CAUSES_MAX 128

static struct test_page_row rows[TEST_PAGE_ROWS];

static size_t read_table(const char *heading)
{
	return test_page_table(PAGE, heading, rows);
}

/* All causes: what DPS_RESULTS lists, but for those that are no failures. */
static const dps_result causes[] = {
#define CAUSE(symbol, value, name, klass, text) symbol,
	DPS_RESULTS(CAUSE)
#undef CAUSE
};

static bool is_cause(dps_result result)
{
	return dps_result_class(result) != DPS_CLASS_NONE;
}

/* How dps-device --once ends with a cause: what is tried again ends at the deadline. */
static int exit_of(dps_result cause)
{
	if (cause == DPS_E_DEADLINE || dps_policy_retries(dps_result_class(cause), false))
		return EXIT_DEADLINE;
	return (int)exit_status_of_cause(cause);
}

static void compare_cause(const struct test_page_row *row, dps_result cause)
{
	const dps_class klass = dps_result_class(cause);
	const bool retried = dps_policy_retries(klass, false);
	const bool stays = dps_policy_retries(klass, true);
	struct dps_client_config config;
	const char *wait = "-";

	dps_client_config_default(&config);
	if (stays)
		wait = dps_policy_delay(&config, klass, 1, 0) > config.retry_ms[0] / 2 ? "long" : "short";
	assert_int_equal(row->count, 6);
	assert_string_equal(row->cells[1], dps_class_name(klass));
	assert_string_equal(row->cells[2], retried ? "yes" : stays ? "stay" : "no");
	assert_string_equal(row->cells[3], wait);
	assert_int_equal(atoi(row->cells[4]), exit_of(cause));
	assert_true(strlen(row->cells[5]) > 0);
}

static void causes_are_as_in_the_page(void **state)
{
	const size_t all = sizeof(causes) / sizeof(causes[0]);
	const size_t count = read_table("## Causes");
	bool listed[CAUSES_MAX] = {false};

	(void)state;
	if (!DPS_CONFIG_NAMES)
		skip();
	assert_true(all <= CAUSES_MAX);
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;

		while (k < all && !(is_cause(causes[k]) && strcmp(dps_result_name(causes[k]), rows[i].cells[0]) == 0))
			k++;
		if (k == all)
			fail_msg("%s lists %s, which is no cause", PAGE, rows[i].cells[0]);
		if (listed[k])
			fail_msg("%s lists %s twice", PAGE, rows[i].cells[0]);
		listed[k] = true;
		print_message("%s\n", rows[i].cells[0]);
		compare_cause(&rows[i], causes[k]);
	}
	for (size_t k = 0; k < all; k++)
		if (is_cause(causes[k]) && !listed[k])
			fail_msg("%s lacks %s", PAGE, dps_result_name(causes[k]));
}

/* The table of waits, for every class that has such a wait. */
static void waits_are_as_in_the_page(void **state)
{
	const size_t count = read_table("## Waits");
	struct dps_client_config config;

	(void)state;
	dps_client_config_default(&config);
	assert_int_equal(count, 2);
	for (unsigned k = DPS_CLASS_NONE; k <= DPS_CLASS_CANCELLED; k++) {
		const dps_class klass = (dps_class)k;
		const struct test_page_row *row = &rows[dps_policy_delay(&config, klass, 1, 0) > config.retry_ms[0] / 2 ? 1 : 0];

		if (!dps_policy_retries(klass, true))
			continue;
		assert_int_equal(row->count, config.retry_count + 1);
		for (uint32_t n = 1; n <= config.retry_count; n++) {
			const uint32_t least = dps_policy_delay(&config, klass, n, 0);
			const uint32_t most = dps_policy_delay(&config, klass, n, UINT32_MAX);
			char expected[TEST_PAGE_CELL_SIZE];

			snprintf(expected, sizeof(expected), "%u to %u s", least / 1000, (most + 1) / 1000);
			assert_string_equal(row->cells[n], expected);
			if (n == config.retry_count)
				assert_int_equal(dps_policy_delay(&config, klass, n + 1, 0), least);
		}
	}
	assert_string_equal(rows[0].cells[0], "short");
	assert_string_equal(rows[1].cells[0], "long");
}

/* --- codes ----------------------------------------------------------------------------------------------------------------------------- */

#define TOKEN_BYTE 0x5a

static dps_result fill(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	memset(buf, TOKEN_BYTE, len);
	return DPS_OK;
}

/* What a request answered with this code and nothing else comes to. */
static dps_result result_of_code(uint8_t code)
{
	static struct test_channel peer;
	static struct dps_coap coap;
	static uint8_t body[DPS_CONFIG_BODY_SIZE], receive[64], send[64];
	const struct dps_coap_options options = {.accept = DPS_COAP_FORMAT_OCF_CBOR,
	                                         .content_format = DPS_COAP_FORMAT_OCF_CBOR,
	                                         .receive = receive,
	                                         .receive_size = sizeof(receive),
	                                         .send = send,
	                                         .send_size = sizeof(send)};
	const struct dps_random random = {.fill = fill};
	const struct dps_transport_env env = {.channel = &peer.channel, .random = &random, .body = body, .body_size = sizeof(body)};
	const struct dps_request request = {.method = DPS_GET, .path = "/a"};
	const struct dps_step_env step = {.now_s = 1};
	uint8_t message[2 + DPS_COAP_TOKEN_SIZE] = {DPS_COAP_TOKEN_SIZE, code};
	struct dps_answer answer;
	bool busy = false;

	memset(message + 2, TOKEN_BYTE, DPS_COAP_TOKEN_SIZE);
	test_channel_init(&peer);
	assert_int_equal(dps_coap_init(&coap, &options), DPS_OK);
	dps_coap_transport.attach(&coap, &env);
	assert_int_equal(dps_coap_transport.send(&coap, 1, &request, &step), DPS_OK);
	test_channel_feed(&peer, message, sizeof(message));
	assert_int_equal(dps_coap_transport.poll(&coap, &answer, &busy), DPS_OK);
	assert_int_equal(answer.code, (code >> 5) * 100 + (code & 0x1f));
	dps_coap_transport.detach(&coap);
	return answer.result;
}

/* The row that speaks of a code: the exact one, else that of its class. */
static size_t find_row(size_t count, unsigned class, unsigned detail)
{
	char exact[8];
	char whole[8];
	size_t found = count;

	snprintf(exact, sizeof(exact), "%u.%02u", class, detail);
	snprintf(whole, sizeof(whole), "%u.xx", class);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].cells[0], exact) == 0)
			return i;
		if (strcmp(rows[i].cells[0], whole) == 0)
			found = i;
	}
	return found;
}

static void codes_are_as_in_the_page(void **state)
{
	const size_t count = read_table("## CoAP codes");
	bool used[TEST_PAGE_ROWS] = {false};

	(void)state;
	for (unsigned code = 0x40; code < 0xc0; code++) {
		const size_t i = find_row(count, code >> 5, code & 0x1f);

		if (i == count)
			fail_msg("%s has no row for %u.%02u", PAGE, code >> 5, code & 0x1f);
		used[i] = true;
		assert_string_equal(rows[i].cells[1], dps_result_name(result_of_code((uint8_t)code)));
	}
	for (size_t i = 0; i < count; i++)
		if (!used[i])
			fail_msg("%s has a row for %s, which is no code or stands there twice", PAGE, rows[i].cells[0]);
}

/* The table of exit statuses has each one of the enumeration, in its order. */
static void exits_are_as_in_the_page(void **state)
{
	static const int statuses[] = {EXIT_PROVISIONED, EXIT_FAILED, EXIT_USAGE, EXIT_DEADLINE, EXIT_REFUSED, EXIT_CANCELLED};
	const size_t count = read_table("## Exit statuses of dps-device");

	(void)state;
	assert_int_equal(count, sizeof(statuses) / sizeof(statuses[0]));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(atoi(rows[i].cells[0]), statuses[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(causes_are_as_in_the_page),
		cmocka_unit_test(waits_are_as_in_the_page),
		cmocka_unit_test(codes_are_as_in_the_page),
		cmocka_unit_test(exits_are_as_in_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
