/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The build without IPv6 addresses as hosts: what tells addresses from names, and what reads endpoints, compiled once more with
 * DPS_CONFIG_IPV6 0. They define the symbols first, so that the library's objects are not linked.
 */
#include "dps/config.h"
#undef DPS_CONFIG_IPV6
#define DPS_CONFIG_IPV6 0

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../lib/codec/uri.c"
#include "../../lib/pki/host.c"

static dps_result parse(const char *text, struct dps_uri *uri)
{
	return dps_uri_parse((struct dps_span){(const uint8_t *)text, strlen(text)}, uri);
}

static void ipv4_addresses_are_still_known(void **state)
{
	struct dps_uri uri;
	uint8_t bytes[16];
	size_t len = 0;

	(void)state;
	assert_int_equal(parse("coaps+tcp://127.0.0.1:5684", &uri), DPS_OK);
	assert_true(dps_pki_host_is_address(uri.host, bytes, &len));
	assert_int_equal(len, 4);
	assert_memory_equal(bytes, "\x7f\0\0\1", 4);
}

static void ipv6_addresses_are_no_hosts(void **state)
{
	struct dps_uri uri;
	uint8_t bytes[16];
	size_t len = 0;

	(void)state;
	assert_int_equal(parse("coaps+tcp://[::1]:5684", &uri), DPS_E_URI);
	assert_int_equal(parse("coaps+tcp://[fe80::1:2]:5684", &uri), DPS_E_URI);
	assert_false(dps_pki_host_is_address("::1", bytes, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_addresses_are_still_known),
		cmocka_unit_test(ipv6_addresses_are_no_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
