/* SPDX-License-Identifier: Apache-2.0 */
/* How a gateway takes what a device answers it: notifications in and out of order, the end of an observation, blocks of the device's size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_gateway.h"

#define TOKEN_SIZE 8u /* of a gateway's requests */

static void bring_online(struct test_gateway *g, const char *settings, const char *csm_hex, uint8_t token[TOKEN_SIZE])
{
	test_gateway_start(g, settings, NULL);
	test_gateway_connect(g, csm_hex);
	test_gateway_sign_up(g);
	test_gateway_sign_in(g, NULL, 0, token);
}

/* --- notifications --- */

/* A notification with an Observe number of up to three bytes, and "/a" in the state of that number's last digit of eight. */
static void notify(struct test_gateway *g, const uint8_t token[TOKEN_SIZE], unsigned number)
{
	static const uint8_t batch[] = {0x81, 0xa2, 0x64, 'h', 'r', 'e', 'f', 0x62, '/', 'a', 0x63, 'r', 'e', 'p'};
	uint8_t bytes[64] = {0xd8, 0, 0x45};
	size_t at = 3;
	size_t size = number > 0xffff ? 3 : number > 0xff ? 2 : 1;

	memcpy(bytes + at, token, TOKEN_SIZE);
	at += TOKEN_SIZE;
	bytes[at++] = (uint8_t)(0x60 | size);
	while (size-- > 0)
		bytes[at++] = (uint8_t)(number >> 8 * size);
	memcpy(bytes + at, "\x62\x27\x10\xff", 4);
	at += 4;
	memcpy(bytes + at, batch, sizeof(batch));
	at += sizeof(batch);
	bytes[at++] = (uint8_t)(number & 7u);
	bytes[1] = (uint8_t)(at - 3 - TOKEN_SIZE - 13);
	test_client_send(&g->client, bytes, at);
}

static void is_told(struct test_gateway *g, unsigned number)
{
	char wanted[32];
	const char *event = test_gateway_event(g, "notification");

	snprintf(wanted, sizeof(wanted), "\"rep\":%u}", number & 7u);
	if (strstr(event, wanted) == NULL)
		fail_msg("not the notification %u but %s", number, event);
}

/* RFC 7641 section 3.4. The observation's first answer had the number 2. */
static void old_notifications_are_passed_over(void **state)
{
	static const unsigned sent[] = {2, 3, 3, 1, 2, 4, 4, 0x7fffff, 5, 0xfffffe, 3, 0xffffff, 1, 6};
	static const unsigned told[] = {3, 4, 0x7fffff, 0xfffffe, 3, 6};
	struct test_gateway *g = *state;
	uint8_t token[TOKEN_SIZE];
	size_t at;

	bring_online(g, NULL, TEST_CSM_EMPTY, token);
	for (at = 0; at < sizeof(sent) / sizeof(sent[0]); at++)
		notify(g, token, sent[at]);
	for (at = 0; at < sizeof(told) / sizeof(told[0]); at++)
		is_told(g, told[at]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(old_notifications_are_passed_over, test_gateway_set_up, test_gateway_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
