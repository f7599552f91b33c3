/* SPDX-License-Identifier: Apache-2.0 */
/* The table: what may stand in it, how large it may become, what is published of it, and the library's own resources. */
#include "support/test_resource.h"

#include "codec/text.h"

#define IF_BASELINE "4d05 69663d6f69632e69662e626173656c696e65"
#define IF_B        "4b 69663d6f69632e69662e62"
#define PATH_D      "b3 6f6963 0164 "
#define PATH_P      "b3 6f6963 0170 "
#define PATH_CON    "b2 6f63 03636f6e "
#define PATH_TIME   "ba 782e706c67642e646576 0474696d65 "

static struct test_resource t;

/* --- what the application describes ------------------------------------------------------------------------------------------------------- */

static dps_result no_get(void *ctx, enum dps_interface interface, uint8_t *buf, size_t size, size_t *len)
{
	(void)ctx;
	(void)interface;
	(void)buf;
	(void)size;
	(void)len;
	return DPS_E_INTERNAL;
}

static unsigned no_post(void *ctx, enum dps_interface interface, struct dps_span payload)
{
	(void)ctx;
	(void)interface;
	(void)payload;
	return 500;
}

static void config_is_judged(void **state)
{
	struct dps_device_config good;
	static const struct dps_device_endpoint bad = {NULL, 0};
	static char long_name[300];

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	test_resource_init(&t);
	good = t.config;
	assert_int_equal(dps_device_init(&t.device, NULL), DPS_E_ARGUMENT);
#define REFUSES(change)                                                                                                                    \
	do {                                                                                                                                   \
		t.config = good;                                                                                                                   \
		change;                                                                                                                            \
		assert_int_equal(dps_device_init(&t.device, &t.config), DPS_E_ARGUMENT);                                                           \
	} while (0)
	REFUSES(memset(&t.config.id, 0, sizeof(t.config.id)));
	REFUSES(t.config.random = NULL);
	REFUSES(t.config.manufacturer = NULL);
	REFUSES(t.config.manufacturer = "");
	REFUSES(t.config.name = NULL);
	REFUSES(t.config.name_size = 3);
	REFUSES(t.config.name_size = 66);
	REFUSES(t.config.name = long_name);
	REFUSES(t.config.type = "");
	REFUSES(t.config.data_model = "\xff");
	REFUSES(t.config.endpoints = NULL);
	REFUSES(t.config.endpoints = &bad; t.config.endpoint_count = 1);
#undef REFUSES
	t.config = good;
	assert_int_equal(dps_device_init(&t.device, &t.config), DPS_OK);
	t.config.room = 400;
	assert_int_equal(dps_device_init(&t.device, &t.config), DPS_E_TOO_LARGE);
}

static void descriptions_are_judged(void **state)
{
	struct dps_device_resource good;
	struct dps_property properties[3];
	static char long_href[200] = "/";
	static const struct dps_property many[DPS_PROPERTIES_MAX + 1];

	(void)state;
	test_config_describe(&t);
	test_light_describe(&t);
	good = t.light;
	memcpy(properties, t.properties, sizeof(properties));
	memset(long_href + 1, 'a', 127);
	t.coap.random = (struct dps_random){&t.coap, test_coap_random};
	assert_int_equal(dps_device_init(&t.device, &t.config), DPS_OK);
	assert_int_equal(dps_device_add(&t.device, NULL), DPS_E_ARGUMENT);
#define REFUSES(change)                                                                                                                    \
	do {                                                                                                                                   \
		t.light = good;                                                                                                                    \
		memcpy(t.properties, properties, sizeof(properties));                                                                              \
		change;                                                                                                                            \
		assert_int_equal(dps_device_add(&t.device, &t.light), DPS_E_ARGUMENT);                                                             \
	} while (0)
	REFUSES(t.light.href = NULL);
	REFUSES(t.light.href = "/");
	REFUSES(t.light.href = "light");
	REFUSES(t.light.href = "/l\xff");
	REFUSES(t.light.href = long_href);
	REFUSES(t.light.types[0] = NULL);
	REFUSES(t.light.types[0] = "");
	REFUSES(t.light.types[1] = "");
	REFUSES(t.light.interfaces = 0);
	REFUSES(t.light.interfaces = DPS_IF_LL | DPS_IF_RW);
	REFUSES(t.light.interfaces = DPS_IF_B);
	REFUSES(t.light.interfaces = 128);
	REFUSES(t.light.default_interface = DPS_IF_R);
	REFUSES(t.light.default_interface = DPS_IF_RW | DPS_IF_BASELINE);
	REFUSES(t.light.policy = 32);
	REFUSES(t.light.policy = DPS_POLICY_PUBLISHED);
	REFUSES(t.light.properties = NULL);
	REFUSES(t.light.get = no_get; t.light.get_max = 10);
	REFUSES(t.light.properties = NULL; t.light.property_count = 0; t.light.get = no_get);
	REFUSES(t.light.properties = NULL; t.light.property_count = 0; t.light.get = no_get; t.light.get_max = 65536);
	REFUSES(t.light.properties = NULL; t.light.get = no_get; t.light.get_max = 10);
	REFUSES(t.light.post = no_post);
	REFUSES(t.light.properties = many; t.light.property_count = DPS_PROPERTIES_MAX + 1);
	REFUSES(t.properties[1].name = NULL);
	REFUSES(t.properties[1].name = "state");
	REFUSES(t.properties[1].name = "rt");
	REFUSES(t.properties[1].name = "if");
	REFUSES(t.properties[1].kind = (enum dps_property_kind)9);
	REFUSES(t.properties[0].value.boolean = NULL);
	REFUSES(t.properties[1].value.number = NULL);
	REFUSES(t.properties[1].min = 101);
	REFUSES(t.properties[2].value.text = NULL);
	REFUSES(t.properties[2].size = 0);
	REFUSES(t.properties[2].size = 65536);
#undef REFUSES
	t.light = good;
	memcpy(t.properties, properties, sizeof(properties));
	assert_int_equal(dps_device_add(&t.device, &t.light), DPS_OK);
	assert_int_equal(dps_device_add(&t.device, &t.light), DPS_E_STATE);
	good.href = "/oic/res";
	assert_int_equal(dps_device_add(&t.device, &good), DPS_E_STATE);
}

/* --- how much ------------------------------------------------------------------------------------------------------------------------------- */

static void a_full_table_takes_no_more(void **state)
{
	static struct dps_device_resource resources[DPS_CONFIG_RESOURCE_TABLE + 1];
	static char hrefs[DPS_CONFIG_RESOURCE_TABLE + 1][16];
	size_t next = 0, len, publications = 0, links = 0;
	uint8_t buf[512];
	bool more = true;

	(void)state;
	memset(&t, 0, sizeof(t));
	test_config_describe(&t);
	test_light_describe(&t);
	t.config.endpoint_count = 0;
	t.config.room = 20000;
	test_resource_begin(&t);
	for (size_t i = 0; i < DPS_CONFIG_RESOURCE_TABLE; i++) {
		resources[i] = t.light;
		snprintf(hrefs[i], sizeof(hrefs[i]), "/more/%zu", i);
		resources[i].href = hrefs[i];
		assert_int_equal(dps_device_add(&t.device, &resources[i]), i + 1 < DPS_CONFIG_RESOURCE_TABLE ? DPS_OK : DPS_E_BUFFER);
	}
	/* publications are in parts, each of whole links */
	assert_int_equal(dps_device_write_links(&t.device, &next, &more, buf, 40, &len), DPS_E_BUFFER);
	assert_int_equal(next, 0);
	assert_true(len > 40 && len < sizeof(buf));
	assert_int_equal(dps_device_write_links(&t.device, &next, &more, buf, len, &len), DPS_OK);
	assert_true(more);
	next = 0;
	while (more) {
		assert_int_equal(dps_device_write_links(&t.device, &next, &more, buf, sizeof(buf), &len), DPS_OK);
		t.answer.payload = buf;
		t.answer.payload_len = len;
		links += test_count_items(&t);
		publications++;
	}
	assert_int_equal(links, 2 + DPS_CONFIG_RESOURCE_TABLE);
	assert_true(publications > 2);
	assert_int_equal(dps_device_write_links(&t.device, &next, &more, buf, sizeof(buf), &len), DPS_OK);
	assert_int_equal(len, 1);
	assert_int_equal(buf[0], 0x80);
	assert_false(more);
}

/* What is measured is what is made, once texts are as long as they may be. */
static void measures_hold(void **state)
{
	struct dps_device_sizes sizes, without;

	(void)state;
	test_resource_init(&t);
	dps_device_measure(&t.device, NULL, &sizes);
	assert_int_equal(sizes.room, DPS_CONFIG_HUB_SEND_SIZE - DPS_DEVICE_MESSAGE_ROOM);
	strcpy(t.label, "12345678901");
	t.power = INT32_MAX;
	assert_int_equal(test_get(&t, "b3 6f6963 03726573"), 205);
	assert_in_range(t.answer.payload_len, sizes.links - 1, sizes.links); /* the head of an array */
	assert_int_equal(test_get(&t, "b3 6f6963 03726573" IF_BASELINE), 205);
	assert_in_range(t.answer.payload_len, sizes.baseline - 1, sizes.baseline);
	assert_int_equal(test_get(&t, "b3 6f6963 03726573" IF_B), 205);
	assert_true(t.answer.payload_len <= sizes.batch);
	assert_int_equal(test_get(&t, PATH_D IF_BASELINE), 205);
	assert_true(t.answer.payload_len <= sizes.largest && sizes.largest < t.answer.payload_len + 8);
	/* before it is added */
	assert_int_equal(dps_device_init(&t.device, &t.config), DPS_OK);
	dps_device_measure(&t.device, NULL, &without);
	assert_true(without.links < sizes.links && without.batch < sizes.batch);
	dps_device_measure(&t.device, &t.light, &without);
	assert_memory_equal(&without, &sizes, sizeof(sizes));
}

static void what_can_never_fit_is_refused(void **state)
{
	static char text[3000];
	static const struct dps_property one[] = {DPS_TEXT("text", true, text)};
	struct dps_device_sizes sizes;
	struct dps_device_resource large;

	(void)state;
	test_resource_init(&t);
	large = t.light;
	large.href = "/large";
	large.properties = one;
	large.property_count = 1;
	dps_device_measure(&t.device, &large, &sizes);
	assert_true(sizes.batch < sizes.room);
	/* at the edge: with a byte less of room it is refused */
	t.config.room = sizes.batch > sizes.baseline ? sizes.batch : sizes.baseline;
	assert_int_equal(dps_device_init(&t.device, &t.config), DPS_OK);
	assert_int_equal(dps_device_add(&t.device, &t.light), DPS_OK);
	assert_int_equal(dps_device_add(&t.device, &large), DPS_OK);
	t.config.room--;
	assert_int_equal(dps_device_init(&t.device, &t.config), DPS_OK);
	assert_int_equal(dps_device_add(&t.device, &t.light), DPS_OK);
	assert_int_equal(dps_device_add(&t.device, &large), DPS_E_TOO_LARGE);
	assert_int_equal(dps_device_changed(&t.device, "/large"), DPS_E_NOT_FOUND);
	dps_device_measure(&t.device, &large, &sizes);
	assert_true(sizes.batch > sizes.room);
	/* one that is neither listed nor in the batch must fit alone */
	large.policy = 0;
	assert_int_equal(dps_device_add(&t.device, &large), DPS_OK);
}

/* --- the library's own ----------------------------------------------------------------------------------------------------------------------- */

static unsigned named;
static struct dps_device_time now;
static int64_t synced;
static bool takes_synced;

static void on_name(void *user)
{
	assert_ptr_equal(user, &t);
	named++;
}

static void read_clock(void *user, struct dps_device_time *time)
{
	assert_ptr_equal(user, &t);
	*time = now;
}

static bool set_synced(void *user, int64_t last_synced)
{
	assert_ptr_equal(user, &t);
	synced = last_synced;
	return takes_synced;
}

static void begin_whole(void)
{
	memset(&t, 0, sizeof(t));
	test_config_describe(&t);
	test_light_describe(&t);
	t.config.name_size = 8;
	t.config.on_name = on_name;
	t.config.clock = read_clock;
	t.config.set_synced = set_synced;
	test_resource_begin(&t);
	now = (struct dps_device_time){0};
	takes_synced = true;
	named = 0;
}

static void the_devices_ids(void **state)
{
	(void)state;
	begin_whole();
	assert_int_equal(dps_uuid_parse(TEST_HUB_ID, DPS_UUID_TEXT_LEN, &t.config.permanent), DPS_OK);
	assert_int_equal(dps_uuid_parse(TEST_OWNER_ID, DPS_UUID_TEXT_LEN, &t.config.platform), DPS_OK);
	t.config.data_model = "ocf.res.2.0";
	assert_int_equal(test_get(&t, PATH_D IF_BASELINE), 205);
	assert_true(test_mentions(&t, "rt\x82\x68oic.wk.d\x6boic.d.light"));
	assert_true(test_mentions(&t, "piid\x78\x24" TEST_HUB_ID));
	assert_true(test_mentions(&t, "ocf.res.2.0"));
	assert_int_equal(test_get(&t, PATH_P), 205);
	assert_true(test_mentions(&t, "pi\x78\x24" TEST_OWNER_ID));
}

static void the_devices_name_can_be_changed(void **state)
{
	(void)state;
	begin_whole();
	assert_int_equal(test_get(&t, PATH_CON), 205);
	test_expect_payload(&t, "a1 61 6e 67 68756266756c6c");
	assert_int_equal(test_request(&t, 1, "0a", "60 53 6f6963 0164", (struct dps_span){NULL, 0}), 205);
	assert_int_equal(test_request(&t, 1, "0b", "60 52 6f63 03636f6e", (struct dps_span){NULL, 0}), 205);
	assert_int_equal(test_post(&t, PATH_CON, "a1 61 6e 65 4c616d7065"), 204);
	assert_string_equal(t.name, "Lampe");
	assert_int_equal(named, 1);
	/* it stands in both */
	assert_true(test_notified(&t));
	assert_int_equal(t.answer.token[0], 0x0a);
	assert_true(test_mentions(&t, "Lampe"));
	assert_true(test_coap_next(&t.coap, &t.answer));
	assert_int_equal(t.answer.token[0], 0x0b);
	/* too long, no text */
	assert_int_equal(test_post(&t, PATH_CON, "a1 61 6e 68 3132333435363738"), 400);
	assert_int_equal(test_post(&t, PATH_CON, "a1 61 6e 01"), 400);
	assert_string_equal(t.name, "Lampe");
	t.config.on_name = NULL;
	assert_int_equal(test_post(&t, PATH_CON, "a1 61 6e 61 31"), 204);
	assert_int_equal(named, 1);
}

static void the_devices_time(void **state)
{
	(void)state;
	begin_whole();
	assert_int_equal(test_get(&t, PATH_TIME), 205);
	test_expect_payload(&t, "a2 64 74696d65 60 6e 6c61737453796e63656454696d65 60");
	now = (struct dps_device_time){INT64_C(1795893125250), INT64_C(1795893000000), DPS_TIME_IN_SYNC};
	assert_int_equal(test_get(&t, PATH_TIME), 205);
	assert_true(test_mentions(&t, "\xa3\x64time\x78\x18"
	                              "2026-11-28T19:12:05.250Z\x66status\x67in-sync\x6elastSyncedTime\x78\x18"
	                              "2026-11-28T19:10:00.000Z"));
	now.status = DPS_TIME_FROM_STORAGE;
	assert_int_equal(test_get(&t, PATH_TIME IF_BASELINE), 205);
	assert_true(test_mentions(&t, "x.plgd.dev.time"));
	assert_true(test_mentions(&t, "in-sync-from-storage"));
	assert_true(t.answer.payload_len <= 192);
	now.status = (enum dps_time_status)7;
	now.now = INT64_MAX;
	assert_int_equal(test_get(&t, PATH_TIME), 205);
	assert_true(test_mentions(&t, "\xa2\x64time\x60"));
}

/* A clock moves by itself: what was known of it a moment ago is never valid. */
static void time_is_never_unchanged(void **state)
{
	char options[128];
	const uint8_t *etag = NULL;
	size_t n = 0;

	(void)state;
	begin_whole();
	assert_int_equal(test_get(&t, PATH_TIME), 205);
	assert_int_equal(test_coap_option(&t.answer, 4, 0, &etag), 8);
	n += (size_t)sprintf(options, "48");
	for (size_t i = 0; i < 8; i++)
		n += (size_t)sprintf(options + n, "%02x", etag[i]);
	(void)sprintf(options + n, "7a 782e706c67642e646576 0474696d65");
	assert_int_equal(test_get(&t, options), 205);
}

static void the_time_can_be_set(void **state)
{
	static const char *const bad[] = {
		"",
		"a0",
		"a1 64 74696d65 60",                                                                 /* time */
		"a1 6e 6c61737453796e63656454696d65 01",                                             /* no text */
		"a1 6e 6c61737453796e63656454696d65 61 78",                                          /* no time */
		"a2 6e 6c61737453796e63656454696d65 60 6e 6c61737453796e63656454696d65 60",          /* twice */
		"a1 6e 6c61737453796e63656454696d65 74 323032362d31312d32385431393a31323a30355a 00", /* more behind it */
		"a1 6e 6c61737453796e63656454696d65 74 323032362d31332d32385431393a31323a30355a",    /* a month 13 */
	};

	(void)state;
	begin_whole();
	synced = -1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(test_post(&t, PATH_TIME, bad[i]), 400);
	assert_int_equal(synced, -1);
	assert_int_equal(test_post(&t, PATH_TIME, "a1 6e 6c61737453796e63656454696d65 74 323032362d31312d32385431393a31323a30355a"), 204);
	assert_int_equal(synced, INT64_C(1795893125000));
	assert_true(t.answer.payload_len > 0);
	assert_int_equal(test_post(&t, PATH_TIME, "a1 6e 6c61737453796e63656454696d65 60"), 204);
	assert_int_equal(synced, 0);
	takes_synced = false;
	assert_int_equal(test_post(&t, PATH_TIME, "a1 6e 6c61737453796e63656454696d65 60"), 500);
	t.config.set_synced = NULL;
	test_resource_begin(&t);
	assert_int_equal(test_post(&t, PATH_TIME, "a1 6e 6c61737453796e63656454696d65 60"), 405);
	assert_int_equal(test_get(&t, PATH_TIME "4c 69663d6f69632e69662e7277" /* if=oic.if.rw */), 400);
}

/* An unsecured peer reads the time and nothing about it. */
static void strangers_see_the_time_alone(void **state)
{
	static uint8_t bytes[] = "\x81\xa3\x6apermission\x02\x69resources\x81\xa1\x64href\x70/x.plgd.dev/time\x67subject\xa1\x68"
							 "conntype\x6a"
							 "anon-clear";
	const struct dps_acl acl = {{bytes, sizeof(bytes) - 1}, 1};

	(void)state;
	begin_whole();
	now.status = DPS_TIME_IN_SYNC;
	t.peer.authenticated = false;
	test_resource_connect(&t, 0);
	dps_device_set_acl(&t.device, &acl, NULL);
	assert_int_equal(test_get(&t, PATH_TIME), 205);
	test_expect_payload(&t, "a1 64 74696d65 60");
}

static void times_are_written(void **state)
{
	static const struct {
		int64_t unix_ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{INT64_C(951782399999), "2000-02-28T23:59:59.999Z"},
		{INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
		{INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
		{INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
	};
	char text[DPS_RFC3339_SIZE];
	int64_t back;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dps_rfc3339_format(cases[i].unix_ms, text);
		assert_string_equal(text, cases[i].text);
	}
	for (int64_t day = 0; day < 2932897; day += 97) { /* what is written is read as what it was */
		dps_rfc3339_format(day * 86400000 + 12345, text);
		assert_int_equal(dps_rfc3339_parse(test_text(text), &back), DPS_OK);
		assert_true(back == day * 86400000 + 12345);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_is_judged),
		cmocka_unit_test(descriptions_are_judged),
		cmocka_unit_test(a_full_table_takes_no_more),
		cmocka_unit_test(measures_hold),
		cmocka_unit_test(what_can_never_fit_is_refused),
		cmocka_unit_test(the_devices_ids),
		cmocka_unit_test(the_devices_name_can_be_changed),
		cmocka_unit_test(the_devices_time),
		cmocka_unit_test(time_is_never_unchanged),
		cmocka_unit_test(the_time_can_be_set),
		cmocka_unit_test(strangers_see_the_time_alone),
		cmocka_unit_test(times_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
