/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to access control lists, those of the service among them, and the judging of lists and of resources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/cbor.h"
#include "dps/acl.h"
#include "store/acl.h"
#include "support/test_bytes.h"

#define OWNER "b80c8fef-a677-5340-85fb-2c162d75df03"
#define HUB_1 "00000000-0000-0000-0000-000000000001"
#define HUB_2 "00000000-0000-0000-0000-000000000002"
#define ALL   31u
#define READ  ((unsigned)DPS_ACL_RETRIEVE)

static uint8_t payload[8192];
static uint8_t list[8192];

/* --- building entries -------------------------------------------------------------------------------------------------------------- */

/* Writes "..." as a text, [ ] { } as indefinite containers, digits as a number, t and n as true and null: {"a":[1]} is {"a"[1]}. */
static struct dps_span item(const char *text, uint8_t *buf, size_t size)
{
	struct dps_cbor_writer w;
	size_t len;
	dps_cbor_writer_init(&w, buf, size);
	for (; *text != '\0'; text++) {
		static const struct {
			char c;
			uint8_t byte;
		} marks[] = {{'[', 0x9f}, {'{', 0xbf}, {']', 0xff}, {'}', 0xff}, {'t', 0xf5}, {'n', 0xf6}};
		size_t i;
		if (*text == '\'') {
			size_t end = strcspn(text + 1, "'");
			dps_cbor_write_text_span(&w, (struct dps_span){(const uint8_t *)text + 1, end});
			text += end + 1;
		} else if (*text >= '0' && *text <= '9') {
			char *end;
			dps_cbor_write_head(&w, DPS_CBOR_UINT, strtoul(text, &end, 10));
			text = end - 1;
		} else {
			for (i = 0; i < sizeof marks / sizeof marks[0]; i++)
				if (marks[i].c == *text)
					dps_cbor_write_raw(&w, (struct dps_span){&marks[i].byte, 1});
		}
	}
	assert_int_equal(dps_cbor_finish(&w, &len), DPS_OK);
	return (struct dps_span){buf, len};
}

static struct dps_acl_subject device(const char *uuid)
{
	struct dps_acl_subject subject = {.authenticated = true};
	if (uuid != NULL)
		assert_int_equal(dps_uuid_parse(uuid, DPS_UUID_TEXT_LEN, &subject.uuid), DPS_OK);
	return subject;
}

static const struct dps_acl_subject nobody = {.authenticated = false};

static struct dps_acl_question question(struct dps_acl_subject subject, const char *href, unsigned permission)
{
	struct dps_acl_question q = {.subject = subject, .href = test_text(href), .secure_endpoint = true, .permission = permission};
	q.configuration = strncmp(href, "/oic/", 5) == 0;
	return q;
}

static bool allows(struct dps_span aces, struct dps_acl_subject subject, const char *href, unsigned permission)
{
	struct dps_acl_question q = question(subject, href, permission);
	struct dps_acl acl = {.aces = aces};
	struct dps_span exact = test_copy(aces.data, aces.len);
	bool allowed;
	acl.aces = exact;
	allowed = dps_acl_allows(&acl, &q);
	free((void *)(uintptr_t)exact.data);
	return allowed;
}

/* The same of a list in the short notation. */
static bool list_allows(const char *text, struct dps_acl_subject subject, const char *href, unsigned permission)
{
	return allows(item(text, list, sizeof list), subject, href, permission);
}

static dps_result check(const char *text, size_t *count)
{
	return dps_acl_check(item(text, list, sizeof list), count);
}

/* The array under a key of a captured payload. */
static struct dps_span array_of(const char *name)
{
	struct dps_span message = test_payload(name, payload, sizeof payload);
	struct dps_span key, array;
	struct dps_cbor r;
	bool more;
	dps_cbor_init(&r, message.data, message.len);
	assert_int_equal(dps_cbor_read_map(&r), DPS_OK);
	assert_int_equal(dps_cbor_more(&r, &more), DPS_OK);
	assert_int_equal(dps_cbor_read_text(&r, &key), DPS_OK);
	assert_true(dps_span_is(key, "aclist2"));
	assert_int_equal(dps_cbor_read_raw(&r, &array), DPS_OK);
	return array;
}

/* --- the lists of the service ------------------------------------------------------------------------------------------------------ */

static void lists_of_the_service_are_judged(void **state)
{
	static const struct {
		const char *name;
		size_t count;
	} lists[] = {{"appendix-acl", 3}, {"one-acls", 3}, {"two-acls", 4}};
	size_t i, count;
	(void)state;
	for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		assert_int_equal(dps_acl_check(array_of(lists[i].name), &count), DPS_OK);
		assert_int_equal(count, lists[i].count);
	}
}

static void lists_of_the_service_answer(void **state)
{
	static const char *const names[] = {"appendix-acl", "one-acls", "two-acls"};
	size_t i;
	(void)state;
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct dps_span aces = array_of(names[i]);
		bool two = i == 2;

		/* The owner: everything, and of the configuration what is named. */
		assert_true(allows(aces, device(OWNER), "/light/1", ALL));
		assert_true(allows(aces, device(OWNER), "/CoapCloudConfResURI", DPS_ACL_UPDATE));
		assert_true(allows(aces, device(OWNER), "/oic/sec/sp", ALL));
		assert_true(allows(aces, device(OWNER), "/oic/mnt", DPS_ACL_UPDATE));
		assert_false(allows(aces, device(OWNER), "/oic/sec/cred", READ));
		assert_false(allows(aces, device(OWNER), "/oic/sec/acl2", DPS_ACL_UPDATE));
		/* Anybody: may look at what says who the device is, and no more. */
		assert_true(allows(aces, nobody, "/oic/res", READ));
		assert_true(allows(aces, nobody, "/oic/sec/doxm", READ));
		assert_true(allows(aces, device(NULL), "/oic/d", READ));
		assert_true(allows(aces, device(OWNER), "/oic/p", READ));
		assert_false(allows(aces, nobody, "/oic/res", DPS_ACL_UPDATE));
		assert_false(allows(aces, nobody, "/oic/res", READ | DPS_ACL_NOTIFY));
		assert_false(allows(aces, nobody, "/oic/re", READ));
		assert_false(allows(aces, nobody, "/oic/res/", READ));
		assert_false(allows(aces, nobody, "/light/1", READ));
		assert_false(allows(aces, device(NULL), "/light/1", READ));
		/* The hubs. */
		assert_true(allows(aces, device(HUB_1), "/light/1", ALL));
		assert_true(allows(aces, device(HUB_1), "/oic/mnt", ALL));
		assert_false(allows(aces, device(HUB_1), "/oic/sec/sp", READ));
		assert_int_equal(allows(aces, device(HUB_2), "/light/1", ALL), two);
		/* A uuid counts only over an authenticated connection. */
		{
			struct dps_acl_subject claimed = device(OWNER);
			claimed.authenticated = false;
			assert_false(allows(aces, claimed, "/light/1", READ));
			assert_true(allows(aces, claimed, "/oic/d", READ));
		}
	}
}

/* --- subjects ---------------------------------------------------------------------------------------------------------------------- */

#define TO_LIGHT "'resources'[{'href''/light'}]}]"

static void roles_match_with_their_authority(void **state)
{
	static const char any[] = "[{'permission'2'subject'{'role''admin'}" TO_LIGHT;
	static const char acme[] = "[{'permission'2'subject'{'authority''acme''role''admin'}" TO_LIGHT;
	struct dps_acl_subject who = {.authenticated = true, .role = test_text("admin")};
	(void)state;
	assert_true(list_allows(any, who, "/light", READ));
	assert_false(list_allows(acme, who, "/light", READ));
	who.authority = test_text("acme");
	assert_true(list_allows(any, who, "/light", READ));
	assert_true(list_allows(acme, who, "/light", READ));
	who.authority = test_text("acmf");
	assert_false(list_allows(acme, who, "/light", READ));
	who.role = test_text("admi");
	assert_false(list_allows(any, who, "/light", READ));
	who.role = (struct dps_span){NULL, 0};
	assert_false(list_allows(any, who, "/light", READ));
	assert_false(list_allows("[{'permission'2'subject'{'role'''}" TO_LIGHT, who, "/light", READ));
	who.role = test_text("admin");
	who.authenticated = false;
	assert_false(list_allows(any, who, "/light", READ));
}

static void connection_types_match(void **state)
{
	static const char crypt[] = "[{'permission'2'subject'{'conntype''auth-crypt'}" TO_LIGHT;
	static const char clear[] = "[{'permission'2'subject'{'conntype''anon-clear'}" TO_LIGHT;
	(void)state;
	assert_true(list_allows(crypt, device(NULL), "/light", READ));
	assert_false(list_allows(crypt, nobody, "/light", READ));
	assert_true(list_allows(clear, device(OWNER), "/light", READ));
	assert_true(list_allows(clear, nobody, "/light", READ));
}

static void nobody_is_nobody(void **state)
{
	static const char nil[] = "[{'permission'2'subject'{'uuid''00000000-0000-0000-0000-000000000000'}" TO_LIGHT;
	static const char star[] = "[{'permission'2'subject'{'uuid''*'}" TO_LIGHT;
	size_t count;
	(void)state;
	assert_false(list_allows(nil, device(NULL), "/light", READ));
	assert_int_equal(check(nil, &count), DPS_OK);
	assert_false(list_allows(star, device(OWNER), "/light", READ));
	assert_int_equal(check(star, &count), DPS_E_FIELD);
}

/* --- resources --------------------------------------------------------------------------------------------------------------------- */

#define BY_ANYBODY "[{'permission'2'subject'{'conntype''anon-clear'}'resources'"

static bool wildcard_allows(const char *text, bool configuration, bool secure)
{
	struct dps_acl acl = {.aces = item(text, list, sizeof list)};
	struct dps_acl_question q = {.href = test_text("/a"), .permission = READ, .configuration = configuration, .secure_endpoint = secure};
	return dps_acl_allows(&acl, &q);
}

static void wildcards_spare_the_configuration(void **state)
{
	static const struct {
		const char *aces;
		bool secure, insecure;
	} cards[] = {
		{BY_ANYBODY "[{'wc''*'}]}]", true, true}, {BY_ANYBODY "[{'wc''+'}]}]", true, false}, {BY_ANYBODY "[{'wc''-'}]}]", false, true}};
	size_t i;
	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(wildcard_allows(cards[i].aces, false, true), cards[i].secure);
		assert_int_equal(wildcard_allows(cards[i].aces, false, false), cards[i].insecure);
		assert_false(wildcard_allows(cards[i].aces, true, true));
		assert_false(wildcard_allows(cards[i].aces, true, false));
	}
	assert_true(wildcard_allows(BY_ANYBODY "[{'href''/a'}]}]", true, false));
	assert_false(wildcard_allows(BY_ANYBODY "[{'wc''?'}]}]", false, true));
}

static void what_cannot_be_judged_never_matches(void **state)
{
	size_t count;
	(void)state;
	assert_true(list_allows(BY_ANYBODY "[{'href''/a''if'['oic.if.r''*']}]}]", nobody, "/a", READ));
	assert_true(list_allows(BY_ANYBODY "[{'href''/a''rt'['*']'x'[1]}]}]", nobody, "/a", READ));
	assert_false(list_allows(BY_ANYBODY "[{'href''/a''if'['oic.if.r']}]}]", nobody, "/a", READ));
	assert_false(list_allows(BY_ANYBODY "[{'href''/a''rt'[]}]}]", nobody, "/a", READ));
	assert_false(list_allows(BY_ANYBODY "[{'href''/a''rt'['*']'if'['oic.if.r']}]}]", nobody, "/a", READ));
	assert_false(list_allows(BY_ANYBODY "[{'href''/a''if'['oic.if.r']'rt'['*']}]}]", nobody, "/a", READ));
	assert_int_equal(check(BY_ANYBODY "[{'href''/a''if'['oic.if.r']}]}]", &count), DPS_OK);
	/* Both must match where both are given; with neither nothing does. */
	assert_true(list_allows(BY_ANYBODY "[{'href''/a''wc''+'}]}]", nobody, "/a", READ));
	assert_false(list_allows(BY_ANYBODY "[{'href''/a''wc''-'}]}]", nobody, "/a", READ));
	assert_false(list_allows(BY_ANYBODY "[{'href''/a''wc''+'}]}]", nobody, "/b", READ));
	assert_false(list_allows(BY_ANYBODY "[{}]}]", nobody, "/a", READ));
	assert_false(list_allows(BY_ANYBODY "[{'if'['*']}]}]", nobody, "/a", READ));
	assert_false(list_allows(BY_ANYBODY "[]}]", nobody, "/a", READ));
	assert_int_equal(check(BY_ANYBODY "[]}]", &count), DPS_OK);
	/* A period in which it holds: this device may not know the date. */
	assert_false(
		list_allows("[{'validity'[]'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}]}]", nobody, "/a", READ));
	assert_int_equal(check("[{'validity'[]'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}]}]", &count), DPS_OK);
	/* Unknown keys of an entry are skipped. */
	assert_true(list_allows("[{'aceid'7'tag''dps''new'{'a'[1]}'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}]}]",
	                        nobody, "/a", READ));
}

/* --- permissions ------------------------------------------------------------------------------------------------------------------- */

static void entries_add_up(void **state)
{
	static const char two[] = "[{'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/b'}{'href''/a'}]}"
							  "{'permission'20'subject'{'uuid''" OWNER "'}'resources'[{'wc''*'}]}]";
	unsigned bits;
	(void)state;
	for (bits = 0; bits <= 64; bits++) {
		assert_int_equal(list_allows(two, device(OWNER), "/a", bits), bits != 0 && (bits & ~22u) == 0);
		assert_int_equal(list_allows(two, nobody, "/a", bits), bits == READ);
		assert_int_equal(list_allows(two, device(OWNER), "/c", bits), bits != 0 && (bits & ~20u) == 0);
	}
	assert_false(list_allows(two, device(OWNER), "/a", ~0u));
	assert_false(list_allows("[]", device(OWNER), "/a", READ));
	assert_false(list_allows("[{'permission'0'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}]}]", nobody, "/a", READ));
}

/* --- malformed entries ------------------------------------------------------------------------------------------------------------- */

#define GOOD "{'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/good'}]}"

static const char *const wrong_entries[] = {
	"1",
	"'ace'",
	"[]",
	"n",
	"{}",
	"{1 2}",
	"{'permission'32'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}]}",
	"{'permission''2''subject'{'conntype''anon-clear'}'resources'[{'href''/a'}]}",
	"{'permission'2'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}]}",
	"{'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}]}",
	"{'permission'2'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'conntype''anon-clear'}}",
	"{'permission'2'subject''anon-clear''resources'[{'href''/a'}]}",
	"{'permission'2'subject'{}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'conntype''anon'}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'conntype'1}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'conntype''anon-clear''x'1}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'conntype''anon-clear''conntype''anon-clear'}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'conntype''anon-clear''role''admin'}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'conntype''anon-clear''uuid''" OWNER "'}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'conntype''anon-clear'}'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'authority''acme'}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'uuid''b80c8fef'}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'uuid'[]}'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'conntype''anon-clear'}'resources'{'href''/a'}}",
	"{'permission'2'subject'{'conntype''anon-clear'}'resources'['/a']}",
	"{'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}{'href'1}]}",
	"{'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}{'href''/b''href''/a'}]}",
	"{'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}{'wc'1}]}",
	"{'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}{'wc''x'}]}",
	"{'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a''if''*'}]}",
	"{'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a''if'[1]}]}",
	"{'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}]'resources'[{'href''/a'}]}",
	"{'permission'2'subject'{'conntype''anon-clear'}'resources'[{'href''/a'}{1'/a'}]}",
};

static void wrong_entries_grant_nothing_and_hide_nothing(void **state)
{
	char text[1024];
	size_t i, count;
	(void)state;
	for (i = 0; i < sizeof wrong_entries / sizeof wrong_entries[0]; i++) {
		const char *wrong = wrong_entries[i];
		strcpy(text, "[" GOOD);
		strcat(text, wrong);
		strcat(text, GOOD "]");
		if (check(text, &count) != DPS_E_FIELD)
			fail_msg("taken: %s", wrong);
		assert_false(list_allows(text, nobody, "/a", READ));
		assert_false(list_allows(text, device(OWNER), "/a", READ));
		assert_true(list_allows(text, nobody, "/good", READ));
		/* An entry behind it still counts. */
		strcpy(text, "[");
		strcat(text, wrong);
		strcat(text, GOOD "]");
		assert_true(list_allows(text, nobody, "/good", READ));
	}
}

static void malformed_lists_grant_nothing(void **state)
{
	static const char *const lists[] = {"", "1", "{}", "'[]'", "n"};
	struct dps_span aces = array_of("one-acls");
	struct dps_acl acl;
	struct dps_acl_question q = question(device(HUB_1), "/light/1", READ);
	size_t len, i, count;
	(void)state;
	for (i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		assert_int_equal(check(lists[i], &count), i == 0 ? DPS_E_CBOR : DPS_E_FIELD);
		assert_false(list_allows(lists[i], nobody, "/a", READ));
	}
	/* The hub's entry is the last: no cut of the list lets it in. */
	for (len = 0; len < aces.len; len++) {
		struct dps_span cut = test_copy(aces.data, len);
		acl.aces = cut;
		assert_int_not_equal(dps_acl_check(cut, &count), DPS_OK);
		assert_false(dps_acl_allows(&acl, &q));
		free((void *)(uintptr_t)cut.data);
	}
	memcpy(list, aces.data, aces.len);
	list[aces.len] = 0;
	assert_int_equal(dps_acl_check((struct dps_span){list, aces.len + 1}, &count), DPS_E_CBOR);
}

/* --- resources of the device ------------------------------------------------------------------------------------------------------- */

static dps_result check_resources(const char *text, size_t *count)
{
	return dps_resources_check(item(text, list, sizeof list), count);
}

static void resources_are_walked(void **state)
{
	struct dps_resources resources;
	struct dps_resource one;
	(void)state;
	resources.array = item("[{'href''/light''rep'{'on't}}{'x'[{}]'rep'7'href''/'}]", list, sizeof list);
	assert_int_equal(dps_resources_check(resources.array, &resources.count), DPS_OK);
	assert_int_equal(resources.count, 2);
	assert_int_equal(dps_resources_get(&resources, 0, &one), DPS_OK);
	assert_true(dps_span_is(one.href, "/light"));
	assert_int_equal(one.rep.len, 6);
	assert_int_equal(one.rep.data[0], 0xbf);
	assert_int_equal(dps_resources_get(&resources, 1, &one), DPS_OK);
	assert_true(dps_span_is(one.href, "/"));
	assert_int_equal(one.rep.len, 1);
	assert_int_equal(dps_resources_get(&resources, 2, &one), DPS_E_NOT_FOUND);
	assert_int_equal(dps_resources_get(&resources, SIZE_MAX, &one), DPS_E_NOT_FOUND);
	resources.array = item("[]", list, sizeof list);
	assert_int_equal(dps_resources_check(resources.array, &resources.count), DPS_OK);
	assert_int_equal(resources.count, 0);
	assert_int_equal(dps_resources_get(&resources, 0, &one), DPS_E_NOT_FOUND);
	resources.array.len--;
	assert_int_equal(dps_resources_get(&resources, 0, &one), DPS_E_CBOR);
}

static void wrong_resources_are_refused(void **state)
{
	static const char *const wrong[] = {"{}",
	                                    "1",
	                                    "['/a']",
	                                    "[{}]",
	                                    "[{'href''/a'}]",
	                                    "[{'rep'1}]",
	                                    "[{'href'1'rep'1}]",
	                                    "[{'href''''rep'1}]",
	                                    "[{'href''a''rep'1}]",
	                                    "[{'href''/a''rep'1'href''/b'}]",
	                                    "[{'href''/a''rep'1'rep'2}]",
	                                    "[{1 2}]"};
	size_t i, count;
	(void)state;
	for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		if (check_resources(wrong[i], &count) != DPS_E_FIELD)
			fail_msg("taken: %s", wrong[i]);
	assert_int_equal(check_resources("[{'href''/a''rep'1}]1", &count), DPS_E_CBOR);
	assert_int_equal(check_resources("[{'href''/a''rep'}]", &count), DPS_E_CBOR);
	assert_int_equal(check_resources("", &count), DPS_E_CBOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_the_service_are_judged),
		cmocka_unit_test(lists_of_the_service_answer),
		cmocka_unit_test(roles_match_with_their_authority),
		cmocka_unit_test(connection_types_match),
		cmocka_unit_test(nobody_is_nobody),
		cmocka_unit_test(wildcards_spare_the_configuration),
		cmocka_unit_test(what_cannot_be_judged_never_matches),
		cmocka_unit_test(entries_add_up),
		cmocka_unit_test(wrong_entries_grant_nothing_and_hide_nothing),
		cmocka_unit_test(malformed_lists_grant_nothing),
		cmocka_unit_test(resources_are_walked),
		cmocka_unit_test(wrong_resources_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
