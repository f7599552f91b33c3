/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway of dps-service and a device that is connected with it. */
#include "support/test_gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support/test_bytes.h"

#define OCF_CBOR       10000
#define MAX_WORDS      16u
#define COMMAND_LENGTH 4096u

/* --- setting up --- */

void test_gateway_identity(struct test_gateway *gateway, const char *name, const char *common_name, const char *usage, const char *signer,
                           bool with_intermediate)
{
	char script[COMMAND_LENGTH];
	char error[2048];
	const char *const argv[] = {"sh", "-euc", script, NULL};

	snprintf(
		script, sizeof(script),
		"cd '%s'; mkdir -p %s; printf 'keyUsage=critical,digitalSignature,keyAgreement\\n%s%s\\n' >%s/extensions;"
		"openssl ecparam -name prime256v1 -genkey -noout -out %s/manufacturer.key;"
		"openssl req -new -key %s/manufacturer.key -subj '/CN=%s' -out %s/request;"
		"openssl x509 -req -in %s/request -CA %s.pem -CAkey %s.key -set_serial 77 -days 30 -sha256 -extfile %s/extensions -out %s/leaf;"
		"cat %s/leaf %s >%s/manufacturer.pem",
		gateway->service.directory, name, usage == NULL ? "" : "extendedKeyUsage=", usage == NULL ? "" : usage, name, name, name,
		common_name, name, name, signer, signer, name, name, name, with_intermediate ? "hub-intermediate.pem" : "", name);
	if (test_process_run(argv, TEST_SERVICE_TIMEOUT_MS, NULL, 0, error, sizeof(error)) != 0) {
		fail_msg("no identity: %s", error);
	}
}

int test_gateway_set_up(void **state)
{
	struct test_gateway *gateway = calloc(1, sizeof(*gateway));

	assert_non_null(gateway);
	test_service_set_up(&gateway->service);
	test_gateway_identity(gateway, "identity", "uuid:" TEST_GATEWAY_DEVICE, TEST_GATEWAY_EKU, "hub-intermediate", true);
	*state = gateway;
	return 0;
}

int test_gateway_tear_down(void **state)
{
	struct test_gateway *gateway = *state;

	if (gateway->client.process != NULL)
		test_client_close(&gateway->client);
	test_service_tear_down(&gateway->service);
	free(gateway);
	return 0;
}

void test_gateway_start(struct test_gateway *gateway, const char *settings, const char *const arguments[])
{
	const char *argv[MAX_WORDS] = {"--gateway", "127.0.0.1:0"};
	char config[2048];
	const char *event;
	const char *port;
	size_t count = 2;

	for (; arguments != NULL && *arguments != NULL && count + 1 < MAX_WORDS; arguments++)
		argv[count++] = *arguments;
	snprintf(config, sizeof(config), "{\"token\": \"" TEST_GATEWAY_TOKENS "\", \"gateway\": {%s}}", settings == NULL ? "" : settings);
	test_service_start(&gateway->service, config, argv);
	event = test_gateway_event(gateway, "gateway");
	port = strstr(event, "\"port\":");
	gateway->at = gateway->service;
	gateway->at.process = NULL;
	assert_non_null(port);
	assert_int_equal(sscanf(port, "\"port\":%7[0-9]", gateway->at.port), 1);
}

const char *test_gateway_event(struct test_gateway *gateway, const char *name)
{
	char wanted[64];
	const char *line;

	snprintf(wanted, sizeof(wanted), "{\"event\":\"%s\"", name);
	line = test_process_read_line_with(gateway->service.process, wanted, TEST_SERVICE_TIMEOUT_MS);
	if (line == NULL)
		fail_msg("no event %s; standard error: %s", name, test_process_error_text(gateway->service.process));
	return line;
}

void test_gateway_dial(struct test_gateway *gateway, const char *identity, const char *const options[])
{
	const char *argv[MAX_WORDS] = {"-CAfile", test_service_path(&gateway->service, "hub-ca.pem")};
	size_t count = 2;

	if (gateway->client.process != NULL)
		test_client_close(&gateway->client);
	if (options == NULL)
		argv[count++] = "-tls1_2";
	for (; options != NULL && *options != NULL && count + 1 < MAX_WORDS; options++)
		argv[count++] = *options;
	test_client_connect(&gateway->client, &gateway->at, identity, argv);
}

void test_gateway_connect(struct test_gateway *gateway, const char *csm_hex)
{
	test_gateway_dial(gateway, "identity", NULL);
	test_client_send_hex(&gateway->client, csm_hex);
	assert_int_equal(test_client_expect(&gateway->client).code, 701);
}

/* --- bodies --- */

void test_cbor_head(struct test_cbor *cbor, unsigned major, size_t argument)
{
	uint8_t *at = cbor->bytes + cbor->length;

	assert_true(cbor->length + 3 <= sizeof(cbor->bytes) && argument <= 0xffff);
	if (argument < 24) {
		at[0] = (uint8_t)(major << 5 | argument);
		cbor->length += 1;
	} else if (argument < 256) {
		at[0] = (uint8_t)(major << 5 | 24);
		at[1] = (uint8_t)argument;
		cbor->length += 2;
	} else {
		at[0] = (uint8_t)(major << 5 | 25);
		at[1] = (uint8_t)(argument >> 8);
		at[2] = (uint8_t)argument;
		cbor->length += 3;
	}
}

void test_cbor_text(struct test_cbor *cbor, const char *text)
{
	size_t length = strlen(text);

	test_cbor_head(cbor, 3, length);
	assert_true(cbor->length + length <= sizeof(cbor->bytes));
	memcpy(cbor->bytes + cbor->length, text, length);
	cbor->length += length;
}

static void put_value(struct test_cbor *cbor, const char *value)
{
	if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
		test_cbor_head(cbor, 7, value[0] == 't' ? 21 : 20);
	else if (value[0] != '\0' && strspn(value, "0123456789") == strlen(value))
		test_cbor_head(cbor, 0, (size_t)atoi(value));
	else
		test_cbor_text(cbor, value);
}

void test_cbor_map(struct test_cbor *cbor, const char *const entries[])
{
	size_t count = 0;
	size_t at;

	while (entries[2 * count] != NULL)
		count++;
	test_cbor_head(cbor, 5, count);
	for (at = 0; at < count; at++) {
		const char *name = entries[2 * at];

		test_cbor_text(cbor, name);
		/* The owner's identifier is a text of digits. */
		if (strcmp(name, "uid") == 0)
			test_cbor_text(cbor, entries[2 * at + 1]);
		else
			put_value(cbor, entries[2 * at + 1]);
	}
}

/* Behind the key: the head's major type and argument. */
static const uint8_t *find_value(const struct test_message *message, const char *key, unsigned *major, size_t *argument)
{
	struct test_cbor wanted = {0};
	const uint8_t *end = message->payload + message->payload_length;
	const uint8_t *at;
	size_t extra;

	test_cbor_text(&wanted, key);
	at = memmem(message->payload, message->payload_length, wanted.bytes, wanted.length);
	if (at == NULL || at + wanted.length == end)
		return NULL;
	at += wanted.length;
	*major = at[0] >> 5;
	*argument = at[0] & 31u;
	extra = *argument < 24 ? 0 : (size_t)1 << (*argument - 24);
	assert_true(extra <= 4 && (size_t)(end - at) > extra);
	if (extra > 0)
		*argument = 0;
	for (at++; extra > 0; extra--)
		*argument = *argument << 8 | *at++;
	return at;
}

bool test_cbor_find_text(const struct test_message *message, const char *key, char *text, size_t size)
{
	unsigned major = 0;
	size_t length = 0;
	const uint8_t *at = find_value(message, key, &major, &length);

	if (at == NULL || major != 3 || length >= size || length > (size_t)(message->payload + message->payload_length - at))
		return false;
	memcpy(text, at, length);
	text[length] = '\0';
	return true;
}

long test_cbor_find_number(const struct test_message *message, const char *key)
{
	unsigned major = 7;
	size_t number = 0;

	assert_non_null(find_value(message, key, &major, &number));
	assert_true(major <= 1);
	return major == 0 ? (long)number : -1 - (long)number;
}

/* --- talking --- */

void test_gateway_post_body(struct test_gateway *gateway, const char *path, char token, const struct test_cbor *body)
{
	const struct test_request request = {.method = TEST_POST,
	                                     .path = path,
	                                     .token = token,
	                                     .content_format = OCF_CBOR,
	                                     .accept = OCF_CBOR,
	                                     .block1 = -1,
	                                     .block2 = -1,
	                                     .body = body->bytes,
	                                     .body_length = body->length};

	test_client_request(&gateway->client, &request);
}

void test_gateway_post(struct test_gateway *gateway, const char *path, char token, const char *const entries[])
{
	struct test_cbor body = {0};

	test_cbor_map(&body, entries);
	test_gateway_post_body(gateway, path, token, &body);
}

void test_gateway_reply(struct test_gateway *gateway, const struct test_message *request, unsigned code, int observe, const void *payload,
                        size_t length)
{
	static uint8_t bytes[40000];
	uint8_t options[8];
	size_t count = 0;
	size_t content;
	size_t at = 0;

	if (observe >= 0) {
		options[count++] = 0x61;
		options[count++] = (uint8_t)observe;
	}
	if (payload != NULL) {
		options[count++] = observe >= 0 ? 0x62 : 0xc2;
		options[count++] = 0x27;
		options[count++] = 0x10;
		options[count++] = 0xff;
	}
	content = count + length;
	assert_true(content + 32 < sizeof(bytes));
	bytes[at++] = (uint8_t)((content < 13 ? content : content < 269 ? 13 : 14) << 4 | request->token_length);
	if (content >= 269)
		bytes[at++] = (uint8_t)((content - 269) >> 8);
	if (content >= 13)
		bytes[at++] = (uint8_t)(content >= 269 ? content - 269 : content - 13);
	bytes[at++] = (uint8_t)(code / 100 << 5 | code % 100);
	memcpy(bytes + at, request->token, request->token_length);
	at += request->token_length;
	memcpy(bytes + at, options, count);
	at += count;
	if (length > 0)
		memcpy(bytes + at, payload, length);
	test_client_send(&gateway->client, bytes, at + length);
}

static const uint8_t *next_query(const struct test_message *message, const uint8_t *from, const char *piece)
{
	return memmem(from, (size_t)(message->bytes + message->length - from), piece, strlen(piece));
}

bool test_gateway_is_get(const struct test_message *message, const char *query)
{
	static const uint8_t path[] = {0xb3, 'o', 'i', 'c', 0x03, 'r', 'e', 's'};
	static const uint8_t observed_path[] = {0x53, 'o', 'i', 'c', 0x03, 'r', 'e', 's'};
	const uint8_t *at = message->options;
	char pieces[256];
	const char *piece;
	char *rest = NULL;

	snprintf(pieces, sizeof(pieces), "%s", query);
	if (message->code != 1 || (memmem(at, 32, path, sizeof(path)) == NULL && memmem(at, 32, observed_path, sizeof(observed_path)) == NULL))
		return false;
	for (piece = strtok_r(pieces, "&", &rest); piece != NULL; piece = strtok_r(NULL, "&", &rest)) {
		at = next_query(message, at, piece);
		if (at == NULL)
			return false;
		at += strlen(piece);
	}
	return at == message->bytes + message->length || query[0] == '\0';
}

void test_gateway_sign_up(struct test_gateway *gateway)
{
	const char *const body[] = {
		"di", TEST_GATEWAY_DEVICE, "authprovider", "plgd", "accesstoken", TEST_GATEWAY_TOKENS, "devicetype", "device", NULL};
	struct test_message message;

	test_gateway_post(gateway, "/oic/sec/account", 'u', body);
	message = test_client_expect(&gateway->client);
	assert_int_equal(message.code, 204);
	assert_true(test_cbor_find_text(&message, "accesstoken", gateway->access, sizeof(gateway->access)));
	assert_true(test_cbor_find_text(&message, "refreshtoken", gateway->refresh, sizeof(gateway->refresh)));
}

struct test_message test_gateway_sign_in_answer(struct test_gateway *gateway, const char *token)
{
	const char *const body[] = {"uid", "1", "di", TEST_GATEWAY_DEVICE, "accesstoken", token, "login", "true", NULL};
	struct test_message message;

	test_gateway_post(gateway, "/oic/sec/session", 'i', body);
	message = test_client_expect(&gateway->client);
	if (message.code == 1) {
		assert_true(test_gateway_is_get(&message, "if=oic.if.ll&rt=oic.wk.d"));
		test_gateway_reply(gateway, &message, 404, -1, NULL, 0);
		message = test_client_expect(&gateway->client);
	}
	assert_int_equal(message.token[0], 'i');
	return message;
}

void test_gateway_sign_in(struct test_gateway *gateway, const void *batch, size_t length, uint8_t *token)
{
	static const uint8_t nothing = 0x80;
	struct test_message message = test_gateway_sign_in_answer(gateway, gateway->access);

	assert_int_equal(message.code, 204);
	message = test_client_expect(&gateway->client);
	assert_true(test_gateway_is_get(&message, "if=oic.if.ll"));
	test_gateway_reply(gateway, &message, 404, -1, NULL, 0);
	message = test_client_expect(&gateway->client);
	assert_true(test_gateway_is_get(&message, "if=oic.if.b"));
	if (token != NULL)
		memcpy(token, message.token, 8);
	test_gateway_reply(gateway, &message, 205, 2, batch == NULL ? &nothing : batch, batch == NULL ? 1 : length);
}

void test_gateway_notify(struct test_gateway *gateway, const uint8_t *token, int observe, const void *payload, size_t length)
{
	const struct test_message request = {.token = token, .token_length = 8};

	test_gateway_reply(gateway, &request, 205, observe, payload, length);
}

static FILE *open_vectors(const char *file)
{
	char path[256];
	FILE *vectors;

	snprintf(path, sizeof(path), "test/vectors/plgd-gateway/%s", file);
	vectors = fopen(path, "r");
	if (vectors == NULL)
		fail_msg("run tests from the top of the source tree: cannot read %s", path);
	return vectors;
}

size_t test_gateway_vector(const char *file, char direction, const char *label, unsigned which, uint8_t *bytes, size_t size)
{
	static char line[20000];
	char wanted[64];
	size_t length = 0;
	FILE *vectors = open_vectors(file);

	snprintf(wanted, sizeof(wanted), "%c %s ", direction, label);
	while (length == 0 && fgets(line, sizeof(line), vectors) != NULL) {
		if (strncmp(line, wanted, strlen(wanted)) == 0 && which-- == 0)
			length = test_hex(line + strlen(wanted), bytes, size).len;
	}
	fclose(vectors);
	assert_true(length > 0);
	return length;
}

size_t test_gateway_section_vector(const char *file, const char *section, char direction, uint8_t *bytes, size_t size)
{
	static char line[20000];
	char wanted[64];
	bool is_within = false;
	size_t length = 0;
	FILE *vectors = open_vectors(file);

	snprintf(wanted, sizeof(wanted), "# %s\n", section);
	while (length == 0 && fgets(line, sizeof(line), vectors) != NULL) {
		if (line[0] == '#')
			is_within = strcmp(line, wanted) == 0;
		else if (is_within && line[0] == direction && strchr(line + 2, ' ') != NULL)
			length = test_hex(strchr(line + 2, ' ') + 1, bytes, size).len;
	}
	fclose(vectors);
	assert_true(length > 0);
	return length;
}

int test_gateway_command(struct test_gateway *gateway, const char *const words[], char *output, size_t output_size, char *error,
                         size_t error_size)
{
	const char *argv[MAX_WORDS] = {gateway->service.program};
	size_t count = 1;

	for (; *words != NULL && count + 3 < MAX_WORDS; words++)
		argv[count++] = *words;
	argv[count++] = "--state-dir";
	argv[count++] = gateway->service.directory;
	return test_process_run(argv, TEST_SERVICE_TIMEOUT_MS, output, output_size, error, error_size);
}
