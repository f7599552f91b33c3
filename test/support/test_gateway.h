/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway of dps-service and a device that is connected with it: on top of test_service_client.h, so no code of the library or the service. */
#ifndef TEST_SUPPORT_TEST_GATEWAY_H
#define TEST_SUPPORT_TEST_GATEWAY_H

#include "support/test_service_client.h"

#define TEST_GATEWAY_DEVICE "27a0934a-ea31-43a4-ba0c-54eef1c6906a" /* of the captures */
#define TEST_GATEWAY_HUB    "00000000-0000-0000-0000-000000000001"
#define TEST_GATEWAY_TOKENS "handed-out-by-provisioning" /* "token" of the configurations in these tests */
#define TEST_GATEWAY_EKU    "clientAuth,serverAuth,1.3.6.1.4.1.44924.1.6"
#define TEST_TOKEN_MAX      1024u

struct test_gateway {
	struct test_service service; /* its own process and the provisioning port */
	struct test_service at;      /* the same directory, the gateway's port */
	struct test_client client;
	char access[TEST_TOKEN_MAX]; /* tokens as handed out last */
	char refresh[TEST_TOKEN_MAX];
};

/* cmocka's set-up and tear-down: a state directory and an identity "identity" of the captures' device. */
int test_gateway_set_up(void **state);
int test_gateway_tear_down(void **state);

/* An identity below the directory, signed by the signer's files ("hub-intermediate"): NAME/manufacturer.pem and .key, as test_client_connect wants them. */
void test_gateway_identity(struct test_gateway *gateway, const char *name, const char *common_name, const char *usage, const char *signer,
                           bool with_intermediate);

/* Starts the service with one gateway; settings is the text of "gateway": {...}, NULL for the defaults. */
void test_gateway_start(struct test_gateway *gateway, const char *settings, const char *const arguments[]);

/* The next event of this name, good until the next call. */
const char *test_gateway_event(struct test_gateway *gateway, const char *name);

/* A new connection of an identity; options of s_client, NULL for TLS 1.2. The second also exchanges CSMs. */
void test_gateway_dial(struct test_gateway *gateway, const char *identity, const char *const options[]);
void test_gateway_connect(struct test_gateway *gateway, const char *csm_hex);

/* --- bodies --- */

struct test_cbor {
	uint8_t bytes[40000];
	size_t length;
};

void test_cbor_head(struct test_cbor *cbor, unsigned major, size_t argument);
void test_cbor_text(struct test_cbor *cbor, const char *text);

/* A map of texts: name, value, ..., NULL; the value "true" or "false" is a boolean, digits are a number. */
void test_cbor_map(struct test_cbor *cbor, const char *const entries[]);

/* The text or number behind a text key somewhere in a payload; false when it is not there. */
bool test_cbor_find_text(const struct test_message *message, const char *key, char *text, size_t size);
long test_cbor_find_number(const struct test_message *message, const char *key);

/* --- talking --- */

#define TEST_POST   2u
#define TEST_DELETE 4u

void test_gateway_post(struct test_gateway *gateway, const char *path, char token, const char *const entries[]);
void test_gateway_post_body(struct test_gateway *gateway, const char *path, char token, const struct test_cbor *body);

/* Answers a request of the gateway: code as people write it, observe below 0 and payload NULL: none. */
void test_gateway_reply(struct test_gateway *gateway, const struct test_message *request, unsigned code, int observe, const void *payload,
                        size_t length);

/* True when this is a GET of /oic/res with this query. */
bool test_gateway_is_get(const struct test_message *message, const char *query);

void test_gateway_sign_up(struct test_gateway *gateway);

/* Sends the sign-in and answers the gateway's first request, gives the answer. */
struct test_message test_gateway_sign_in_answer(struct test_gateway *gateway, const char *token);

/* The whole: a sign-in that succeeds, the list of links answered 4.04 and the batch observation with this array (NULL: an empty one). token takes the
 * observation's, eight bytes. */
void test_gateway_sign_in(struct test_gateway *gateway, const void *batch, size_t length, uint8_t *token);

/* A notification with an observation's token. */
void test_gateway_notify(struct test_gateway *gateway, const uint8_t *token, int observe, const void *payload, size_t length);

/* The which-th line (from 0) of a capture with this direction and label. */
size_t test_gateway_vector(const char *file, char direction, const char *label, unsigned which, uint8_t *bytes, size_t size);

/* The first line with this direction below "# section" of a capture. */
size_t test_gateway_section_vector(const char *file, const char *section, char direction, uint8_t *bytes, size_t size);

/* Runs an operator's command on the state directory: its exit code. */
int test_gateway_command(struct test_gateway *gateway, const char *const words[], char *output, size_t output_size, char *error,
                         size_t error_size);

#endif
