/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that devices send to dps-service: what the public service reads must be of its type, what it does not read may be anything that is CBOR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_bytes.h"
#include "support/test_service_client.h"

#define CLOUD       "/api/v1/provisioning/cloud-configuration"
#define CREDENTIALS "/api/v1/provisioning/credentials"
#define OCF_CBOR    10000

struct body {
	const char *path;
	unsigned code;
	const char *hex;
	const char *text; /* in the answer; NULL: none is looked for */
};

static void is_answered(struct test_service_fixture *f, const struct body *body)
{
	uint8_t bytes[256];
	const struct test_request request = {.method = 2,
	                                     .path = body->path,
	                                     .token = 'b',
	                                     .content_format = OCF_CBOR,
	                                     .accept = -1,
	                                     .block1 = -1,
	                                     .block2 = -1,
	                                     .body = bytes,
	                                     .body_length = test_hex(body->hex, bytes, sizeof(bytes)).len};
	struct test_message message;

	test_service_fixture_connect(f, TEST_CSM_EMPTY);
	test_client_request(&f->client, &request);
	message = test_client_expect(&f->client);
	if (message.code != body->code ||
	    (body->text != NULL && memmem(message.payload, message.payload_length, body->text, strlen(body->text)) == NULL))
		fail_msg("%s is answered %u %.*s", body->hex, message.code, (int)message.payload_length, (const char *)message.payload);
}

static void are_answered(struct test_service_fixture *f, const struct body *bodies, size_t count)
{
	static const char *const arguments[] = {"--close-after", "0", NULL};
	size_t at;

	test_service_start(&f->service, NULL, arguments);
	for (at = 0; at < count; at++)
		is_answered(f, &bodies[at]);
}

#define DI       "626469"                                                       /* "di" */
#define SELECTED "6f73656c656374656447617465776179"                             /* "selectedGateway" */
#define CSR      "63637372"                                                     /* "csr" */
#define DATA     "6464617461"                                                   /* "data" */
#define PEM      "68656e636f64696e67746f69632e7365632e656e636f64696e672e70656d" /* "encoding": "oic.sec.encoding.pem" */
#define UNKNOWN  "6178"                                                         /* "x" */

static void known_fields_must_be_of_their_type(void **state)
{
	static const struct body bodies[] = {
		{CLOUD, 400, "a1" DI "07", "cannot parse request: di is no text"},
		{CLOUD, 400, "a1" DI "f5", "di is no text"},
		{CLOUD, 400, "a1" DI "4161", "di is no text"},
		{CLOUD, 400,
	     "a1" DI "8161"
	     "61",
	     "di is no text"},
		{CLOUD, 400, "a1" DI "a0", "di is no text"},
		{CLOUD, 400, "a1" DI "f90016", "di is no text"}, /* a float whose bits are those of null's number */
		{CLOUD, 400, "a1" DI "61ff", "di is no text"},   /* no UTF-8 */
		{CLOUD, 400, "a1" DI "63eda080", "di is no text"},
		{CLOUD, 400, "a1" DI "62c080", "di is no text"},
		{CLOUD, 400,
	     "a1"
	     "624449"
	     "07",
	     "di is no text"}, /* "DI" */
		{CLOUD, 400, "a1" SELECTED "6161", "selectedGateway is no map"},
		{CLOUD, 400, "a1" SELECTED "80", "selectedGateway is no map"},
		{CLOUD, 400, "a1" SELECTED "a16375726901", "uri is no text"},
		{CLOUD, 400, "a1" SELECTED "a162696441aa", "id is no text"},
		{CREDENTIALS, 400, "a1" CSR "a2" PEM DATA "4161", "data is no text"},
		{CREDENTIALS, 400, "a1" CSR "8100", "csr is no map"},
		{CREDENTIALS, 400,
	     "a1" CSR "a2"
	     "68656e636f64696e67"
	     "01" DATA "6161",
	     "encoding is no text"},
		/* Keys that are neither texts nor numbers. */
		{CLOUD, 400,
	     "a1"
	     "4161"
	     "01",
	     "a key is neither"},
		{CLOUD, 400, "a1" SELECTED "a1f501", "a key is neither"},
	};

	are_answered(*state, bodies, sizeof(bodies) / sizeof(bodies[0]));
}

static void what_is_not_read_may_be_anything(void **state)
{
	static const struct body bodies[] = {
		{CLOUD, 204, "a0", NULL},
		{CLOUD, 204, "a1" DI "f6", NULL}, /* null and undefined are as good as nothing */
		{CLOUD, 204, "a2" DI "f7" SELECTED "f6", NULL},
		{CLOUD, 204,
	     "a1" DI "7f6161"
	     "6162"
	     "ff",
	     NULL},
		{CLOUD, 204, "a1" DI "d81c6161", NULL}, /* tagged */
		{CLOUD, 204, "a1" DI "6100", NULL},     /* U+0000 */
		{CLOUD, 204, "a20708" DI "6161", NULL}, /* a number as key */
		{CLOUD, 204, "a1" SELECTED "a12000", NULL},
		{CLOUD, 204, "a1" UNKNOWN "a10102", NULL},
		{CLOUD, 204, "a1" UNKNOWN "a1410102", NULL},
		{CLOUD, 204, "a1" UNKNOWN "6100", NULL},
		{CLOUD, 204, "a1" UNKNOWN "61ff", NULL},
		{CLOUD, 204, "a1" UNKNOWN "82e0f8ff", NULL}, /* simple values without a meaning */
		{CLOUD, 204, "bf" UNKNOWN "9fbf0102ff5f4101ffc100ff" DI "6161ff", NULL},
		{CREDENTIALS, 400, "a2" DI "07" CSR "a2" PEM DATA "6161", "cannot sign identity certificate"}, /* "di" is not read there */
		{CREDENTIALS, 400, "a1" CSR "a3" PEM DATA "6161" UNKNOWN "e0", "cannot sign identity certificate"},
	};

	are_answered(*state, bodies, sizeof(bodies) / sizeof(bodies[0]));
}

static void what_is_no_cbor_is_refused(void **state)
{
	static const struct body bodies[] = {
		{CLOUD, 400, "bf62", "cannot parse request: unexpected EOF"},
		{CLOUD, 400, "a1" DI, "unexpected EOF"},
		{CLOUD, 400, "a1" DI "7b0000000100000000", "unexpected EOF"},
		{CLOUD, 400, "bbffffffffffffffff", "unexpected EOF"},
		{CLOUD, 400, "bf" DI "ff", "not well-formed"},            /* a key without a value */
		{CLOUD, 400, "a1" UNKNOWN "ff", "not well-formed"},       /* a break that ends nothing */
		{CLOUD, 400, "bf" UNKNOWN "c1ff", "not well-formed"},     /* a tag of nothing */
		{CLOUD, 400, "a1" UNKNOWN "f817", "not well-formed"},     /* a simple value in two bytes instead of one */
		{CLOUD, 400, "a1" UNKNOWN "1c", "not well-formed"},       /* a reserved length */
		{CLOUD, 400, "a1" UNKNOWN "1f", "not well-formed"},       /* a number without end */
		{CLOUD, 400, "a1" UNKNOWN "7f4161ff", "not well-formed"}, /* bytes as a chunk of a text */
		{CLOUD, 400, "a1" UNKNOWN "7f7fffff", "not well-formed"}, /* chunks of chunks */
		{CLOUD, 400, "a1" UNKNOWN "818181818181818181818181818181818181818181818181818181818181818181818100", "not well-formed"},
		{CLOUD, 400, "a000", "not well-formed"}, /* more than one item */
		{CLOUD, 400, "80", "not a map"},
		{CLOUD, 400, "7b7d7b7d7b7d7b7d7b", "unexpected EOF"}, /* JSON begins like a text of so many bytes */
	};

	are_answered(*state, bodies, sizeof(bodies) / sizeof(bodies[0]));
}

/* Read as a text that ends at its zero byte this would be the second hub's gateway, and another hub's certificate. */
static void a_zero_byte_ends_no_text(void **state)
{
	static const char config[] = "{\"hubs\": [{\"id\": \"00000000-0000-0000-0000-000000000001\", \"gateways\": [\"one.example.com:1\"]},"
								 "{\"id\": \"00000000-0000-0000-0000-000000000002\", \"gateways\": [\"coap://b\"]}]}";
	static const char *const uris[] = {"68"
	                                   "636f61703a2f2f62",
	                                   "69"
	                                   "636f61703a2f2f6200"};
	struct test_service_fixture *f = *state;
	char hex[512];
	size_t at;

	test_service_start(&f->service, config, NULL);
	for (at = 0; at < 2; at++) {
		struct body body = {CLOUD, 204, hex, at == 0 ? "00000000-0000-0000-0000-000000000002v" : "00000000-0000-0000-0000-000000000001v"};

		snprintf(hex, sizeof(hex),
		         "a1" SELECTED "a263757269%s62696478243030303030303030"
		         "2d303030302d303030302d303030302d303030303030303030303032",
		         uris[at]);
		is_answered(f, &body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(known_fields_must_be_of_their_type, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_read_may_be_anything, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_cbor_is_refused, test_service_fixture_set_up, test_service_fixture_tear_down),
		cmocka_unit_test_setup_teardown(a_zero_byte_ends_no_text, test_service_fixture_set_up, test_service_fixture_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
