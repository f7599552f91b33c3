/* SPDX-License-Identifier: Apache-2.0 */
/* What a device tells of itself in the clear: the links, which queries they match, and what an owned device keeps to itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../examples/linux-device/onboarding_links.h"
#include "../../examples/onboard/cbor.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define ID         "11111111-2222-4333-8444-555555555555"

static const struct onboarding_facts unowned = {.device_id = ID, .endpoint = "coaps://192.0.2.1:5684"};
static const struct onboarding_facts nameless = {.endpoint = "coaps://[2001:db8::1]:5684"};
static const struct onboarding_facts owned = {.owned = true, .device_id = ID, .endpoint = "coaps://192.0.2.1:5684"};

static size_t links_of(const struct onboarding_facts *facts, enum onboarding_format format, const char *query)
{
	uint8_t buf[ONBOARDING_LINKS_SIZE];
	size_t count;

	assert_true(format == ONBOARDING_LINKS_TEXT ||
	            onboarding_links_write(facts, format, query, strlen(query), buf, sizeof(buf), &count) > 0);
	(void)onboarding_links_write(facts, format, query, strlen(query), buf, sizeof(buf), &count);
	return count;
}

static void queries(void **state)
{
	static const struct {
		const char *query;
		size_t cbor, text, cbor_owned;
	} all[] = {
		{"", 2, 2, 1},
		{"rt=x.plgd.dps.conf", 1, 1, 0},
		{"rt=x.plgd.dps.con", 0, 0, 0},
		{"rt=x.plgd.dps.conf2", 0, 0, 0},
		{"rt=x.plgd.*", 1, 1, 0},
		{"rt=*", 2, 2, 1},
		{"rt=", 0, 0, 0},
		{"rt", 0, 0, 0},
		{"=", 0, 0, 0},
		{"rt=oic.wk.res", 1, 1, 1},
		{"rt=oic.wk.d", 0, 0, 0},
		{"if=oic.if.ll", 2, 1, 1},
		{"if=oic.if.rw", 0, 1, 0},
		{"if=oic.if.ll&rt=x.plgd.dps.conf", 1, 0, 0},
		{"rt=x.plgd.dps.conf&if=oic.if.rw", 0, 1, 0},
		{"href=/plgd/dps", 1, 1, 0},
		{"rt=x.plgd.dps.conf&rt=oic.wk.res", 0, 0, 0},
		{"rt=x.plgd.dps.conf&", 1, 1, 0},
		{"&", 0, 0, 0},
		{"ins=1", 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		if (links_of(&unowned, ONBOARDING_LINKS_CBOR, all[i].query) != all[i].cbor ||
		    links_of(&unowned, ONBOARDING_LINKS_TEXT, all[i].query) != all[i].text ||
		    links_of(&owned, ONBOARDING_LINKS_CBOR, all[i].query) != all[i].cbor_owned)
			fail_msg("query \"%s\"", all[i].query);
	}
	assert_true(onboarding_links_asks_type("if=a&rt=b", 9));
	assert_false(onboarding_links_asks_type("if=a&rt=", 8));
	assert_false(onboarding_links_asks_type("if=a&rtx=b", 10));
	assert_false(onboarding_links_asks_type("", 0));
}

static void links_in_cbor(void **state)
{
	uint8_t buf[ONBOARDING_LINKS_SIZE];
	char text[ONBOARD_TEXT_SIZE];
	size_t count;
	size_t len = onboarding_links_write(&unowned, ONBOARDING_LINKS_CBOR, "rt=x.plgd.dps.conf", 18, buf, sizeof(buf), &count);
	cbor_item_t *links = onboard_cbor_load(buf, len);
	cbor_item_t *link;

	(void)state;
	assert_non_null(links);
	assert_int_equal(onboard_cbor_count(links), 1);
	link = onboard_cbor_at(links, 0);
	assert_int_equal(cbor_map_size(link), 7);
	assert_true(onboard_cbor_text(onboard_cbor_get(link, "href"), text));
	assert_string_equal(text, "/plgd/dps");
	assert_true(onboard_cbor_text(onboard_cbor_get(link, "di"), text));
	assert_string_equal(text, ID);
	assert_true(onboard_cbor_text(onboard_cbor_get(link, "anchor"), text));
	assert_string_equal(text, "ocf://" ID);
	assert_true(onboard_cbor_text(onboard_cbor_at(onboard_cbor_get(link, "rt"), 0), text));
	assert_string_equal(text, "x.plgd.dps.conf");
	assert_int_equal(onboard_cbor_count(onboard_cbor_get(link, "if")), 3);
	assert_true(onboard_cbor_text(onboard_cbor_get(onboard_cbor_at(onboard_cbor_get(link, "eps"), 0), "ep"), text));
	assert_string_equal(text, "coaps://192.0.2.1:5684");
	cbor_decref(&links);
	/* Nobody is told more than the answer to the most general question. */
	assert_in_range(onboarding_links_write(&unowned, ONBOARDING_LINKS_CBOR, "", 0, buf, sizeof(buf), &count), 100, 400);
}

static void links_in_text(void **state)
{
	static const char expected[] =
		"</oic/res>;rt=\"oic.wk.res\";if=\"oic.if.ll oic.if.baseline\";ct=10000,"
		"<coaps://[2001:db8::1]:5684/plgd/dps>;rt=\"x.plgd.dps.conf\";if=\"oic.if.baseline oic.if.r oic.if.rw\";ct=10000";
	uint8_t buf[ONBOARDING_LINKS_SIZE];
	size_t count;
	size_t len = onboarding_links_write(&nameless, ONBOARDING_LINKS_TEXT, "", 0, buf, sizeof(buf), &count);

	(void)state;
	assert_int_equal(count, 2);
	assert_int_equal(len, sizeof(expected) - 1);
	assert_memory_equal(buf, expected, len);
	len = onboarding_links_write(&owned, ONBOARDING_LINKS_TEXT, "", 0, buf, sizeof(buf), &count);
	assert_int_equal(len, (size_t)(strchr(expected, ',') - expected));
	assert_memory_equal(buf, expected, len);
}

/* An owned device says nothing that tells it from another one. */
static void an_owned_device_is_nobody(void **state)
{
	const struct onboarding_facts other = {.owned = true};
	uint8_t one[ONBOARDING_LINKS_SIZE];
	uint8_t two[ONBOARDING_LINKS_SIZE];
	size_t count;
	size_t len = onboarding_links_write(&owned, ONBOARDING_LINKS_CBOR, "", 0, one, sizeof(one), &count);

	(void)state;
	assert_int_equal(onboarding_links_write(&other, ONBOARDING_LINKS_CBOR, "", 0, two, sizeof(two), &count), len);
	assert_memory_equal(one, two, len);
}

static void what_does_not_fit(void **state)
{
	uint8_t buf[ONBOARDING_LINKS_SIZE];
	size_t count;
	size_t whole = onboarding_links_write(&unowned, ONBOARDING_LINKS_CBOR, "", 0, buf, sizeof(buf), &count);

	(void)state;
	for (size_t size = 0; size < whole; size++) {
		uint8_t *small = malloc(size + (size == 0));

		assert_int_equal(onboarding_links_write(&unowned, ONBOARDING_LINKS_CBOR, "", 0, small, size, &count), 0);
		free(small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries),           cmocka_unit_test(links_in_cbor),
		cmocka_unit_test(links_in_text),     cmocka_unit_test(an_owned_device_is_nobody),
		cmocka_unit_test(what_does_not_fit),
	};

	return cmocka_run_group_tests_name("onboarding links", tests, NULL, NULL);
}
