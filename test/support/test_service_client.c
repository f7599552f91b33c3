/* SPDX-License-Identifier: Apache-2.0 */
/* dps-service as a child process, and a device to talk to it. */
#include "support/test_service_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_bytes.h"

#define MAX_ARGUMENTS 64u

/* --- the service --- */

const char *test_service_path(const struct test_service *service, const char *name)
{
	static char paths[64][512];
	static unsigned next;
	char *path = paths[next++ % 64];

	snprintf(path, sizeof(paths[0]), "%s/%s", service->directory, name);
	return path;
}

static void add_arguments(const char *argv[], size_t *count, const char *const more[])
{
	for (; more != NULL && *more != NULL; more++) {
		assert_true(*count + 1 < MAX_ARGUMENTS);
		argv[(*count)++] = *more;
	}
	argv[*count] = NULL;
}

int test_service_run(const struct test_service *service, const char *const arguments[], char *error, size_t error_size)
{
	const char *argv[MAX_ARGUMENTS] = {service->program};
	size_t count = 1;

	add_arguments(argv, &count, arguments);
	return test_process_run(argv, TEST_SERVICE_TIMEOUT_MS, NULL, 0, error, error_size);
}

void test_service_set_up(struct test_service *service)
{
	const char *const make[] = {"make-device", "--state-dir", service->directory, "--out", NULL, "--serial", "device-1", NULL};
	const char *arguments[8];

	memset(service, 0, sizeof(*service));
	test_tmpdir_make(service->directory, sizeof(service->directory));
	test_program_path("dps-service", service->program, sizeof(service->program));
	memcpy(arguments, make, sizeof(make));
	arguments[4] = test_service_path(service, "device");
	assert_int_equal(test_service_run(service, arguments, NULL, 0), 0);
}

void test_service_tear_down(struct test_service *service)
{
	test_process_stop(service->process);
	service->process = NULL;
	test_tmpdir_remove(service->directory);
}

const char *test_service_write(const struct test_service *service, const char *name, const void *bytes, size_t length)
{
	const char *path = test_service_path(service, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	return path;
}

void test_service_start(struct test_service *service, const char *config, const char *const arguments[])
{
	const char *argv[MAX_ARGUMENTS] = {service->program, "--state-dir", service->directory, "--listen", "127.0.0.1:0"};
	size_t count = 5;
	const char *line;
	const char *port;

	if (config != NULL) {
		argv[count++] = "--config";
		argv[count++] = test_service_write(service, "config.json", config, strlen(config));
	}
	add_arguments(argv, &count, arguments);
	service->process = test_process_start(argv);
	line = test_process_read_line(service->process, TEST_SERVICE_TIMEOUT_MS);
	port = line == NULL ? NULL : strstr(line, "\"port\":");
	if (port == NULL || sscanf(port, "\"port\":%7[0-9]", service->port) != 1) {
		fail_msg("dps-service does not listen: %s", test_process_error_text(service->process));
	}
}

const char *test_service_await(struct test_service *service, const char *text)
{
	const char *line = test_process_read_line_with(service->process, text, TEST_SERVICE_TIMEOUT_MS);

	if (line == NULL) {
		fail_msg("no event with %s: %s", text, test_process_error_text(service->process));
	}
	return line;
}

const char *test_service_control(struct test_service *service, const char *line)
{
	assert_true(test_process_write(service->process, line, strlen(line)));
	assert_true(test_process_write(service->process, "\n", 1));
	return test_service_await(service, "\"event\":\"control\"");
}

int test_service_stop(struct test_service *service)
{
	struct test_process *process = service->process;

	service->process = NULL;
	return test_process_stop(process);
}

/* --- the device --- */

void test_client_connect(struct test_client *client, const struct test_service *service, const char *device, const char *const options[])
{
	char address[32];
	char certificate[512];
	char key[512];
	const char *argv[MAX_ARGUMENTS] = {
		"openssl",   "s_client", "-quiet",      "-verify_quiet", "-verify_return_error",
		"-connect",  address,    "-servername", "localhost",     "-cert",
		certificate, "-key",     key,           "-cert_chain",   certificate,
		"-CAfile",
	};
	size_t count = 16;

	snprintf(address, sizeof(address), "127.0.0.1:%s", service->port);
	snprintf(certificate, sizeof(certificate), "%s/%s/manufacturer.pem", service->directory, device);
	snprintf(key, sizeof(key), "%s/%s/manufacturer.key", service->directory, device);
	argv[count++] = test_service_path(service, "service-ca.pem");
	if (options == NULL) {
		argv[count++] = "-verify_hostname";
		argv[count++] = "localhost";
		argv[count++] = "-tls1_2";
	}
	add_arguments(argv, &count, options);
	client->process = test_process_start(argv);
	client->bytes = malloc(TEST_MESSAGE_MAX);
	client->length = 0;
	assert_non_null(client->bytes);
}

void test_client_close(struct test_client *client)
{
	test_process_stop(client->process);
	free(client->bytes);
	memset(client, 0, sizeof(*client));
}

void test_client_send(struct test_client *client, const void *bytes, size_t length)
{
	assert_true(client->process != NULL ? test_process_write(client->process, bytes, length) : client->write(client->peer, bytes, length));
}

static const char *complaint_of(struct test_client *client)
{
	return client->process == NULL ? "nothing" : test_process_error_text(client->process);
}

static long read_some(struct test_client *client)
{
	uint8_t *end = client->bytes + client->length;
	size_t size = TEST_MESSAGE_MAX - client->length;

	if (client->process == NULL)
		return client->read(client->peer, end, size, TEST_SERVICE_TIMEOUT_MS);
	return test_process_read(client->process, end, size, TEST_SERVICE_TIMEOUT_MS);
}

void test_client_send_hex(struct test_client *client, const char *hex)
{
	uint8_t bytes[1024];

	test_client_send(client, bytes, test_hex(hex, bytes, sizeof(bytes)).len);
}

/* RFC 7252 section 3.1: the extended forms of delta and length. False when the bytes end before. */
static bool read_extended(const uint8_t **at, const uint8_t *end, unsigned *value)
{
	if (*value == 13 && end - *at >= 1) {
		*value = 13u + (*at)[0];
		*at += 1;
	} else if (*value == 14 && end - *at >= 2) {
		*value = 269u + ((unsigned)(*at)[0] << 8 | (*at)[1]);
		*at += 2;
	} else {
		return *value < 13;
	}
	return true;
}

/* Walks the options: stops at the wanted number, or at the marker or the end with NULL and *rest there. */
static const uint8_t *walk_options(const uint8_t *at, const uint8_t *end, unsigned wanted, size_t *length, const uint8_t **rest)
{
	unsigned number = 0;

	while (at < end && *at != 0xff) {
		unsigned delta = *at >> 4;
		unsigned size = *at & 15u;

		at++;
		assert_true(read_extended(&at, end, &delta) && read_extended(&at, end, &size) && (size_t)(end - at) >= size);
		number += delta;
		if (number == wanted) {
			*length = size;
			return at;
		}
		at += size;
	}
	*rest = at;
	return NULL;
}

const uint8_t *test_message_option(const struct test_message *message, unsigned number, size_t *length)
{
	const uint8_t *rest;

	return walk_options(message->options, message->bytes + message->length, number, length, &rest);
}

/* RFC 8323 section 3.2. True when a whole message lies at the front. */
static bool parse(const uint8_t *bytes, size_t length, struct test_message *message)
{
	static const unsigned extended_sizes[] = {1, 2, 4};
	static const size_t bases[] = {13, 269, 65805};
	size_t content = length == 0 ? 0 : bytes[0] >> 4;
	size_t extended = 0;
	size_t header;
	size_t unused;
	size_t at;

	if (length < 2) {
		return false;
	}
	if (content >= 13) {
		size_t value = 0;

		extended = extended_sizes[content - 13];
		if (length < 1 + extended) {
			return false;
		}
		for (at = 1; at <= extended; at++) {
			value = value << 8 | bytes[at];
		}
		content = bases[content - 13] + value;
	}
	header = 2 + extended + (bytes[0] & 15u);
	assert_true(header + content <= TEST_MESSAGE_MAX);
	if (length < header + content) {
		return false;
	}
	message->bytes = bytes;
	message->length = header + content;
	message->code = (bytes[1 + extended] >> 5) * 100u + (bytes[1 + extended] & 31u);
	message->token = bytes + 2 + extended;
	message->token_length = bytes[0] & 15u;
	message->options = bytes + header;
	walk_options(message->options, bytes + message->length, 0x10000, &unused, &message->payload);
	if (message->payload < bytes + message->length) {
		message->payload++;
	}
	message->payload_length = (size_t)(bytes + message->length - message->payload);
	return true;
}

/* A message is taken out of what was received into memory of its own, which the next call overwrites. */
bool test_client_receive(struct test_client *client, struct test_message *message)
{
	static uint8_t taken[TEST_MESSAGE_MAX];

	while (!parse(client->bytes, client->length, message)) {
		long got = read_some(client);

		if (got < 0) {
			fail_msg("no message came; %zu bytes of one, s_client says: %s", client->length, complaint_of(client));
		}
		if (got == 0) {
			return false;
		}
		client->length += (size_t)got;
	}
	memcpy(taken, client->bytes, message->length);
	client->length -= message->length;
	memmove(client->bytes, client->bytes + message->length, client->length);
	return parse(taken, message->length, message);
}

/* --- requests --- */

struct writer {
	uint8_t *bytes;
	size_t length;
	unsigned previous;
};

static unsigned nibble_of(size_t value)
{
	return value < 13 ? (unsigned)value : value < 269 ? 13 : 14;
}

static void put_extended(struct writer *writer, size_t value)
{
	if (value >= 269) {
		writer->bytes[writer->length++] = (uint8_t)((value - 269) >> 8);
		writer->bytes[writer->length++] = (uint8_t)(value - 269);
	} else if (value >= 13) {
		writer->bytes[writer->length++] = (uint8_t)(value - 13);
	}
}

static void put_option(struct writer *writer, unsigned number, const void *value, size_t length)
{
	unsigned delta = number - writer->previous;

	writer->bytes[writer->length++] = (uint8_t)(nibble_of(delta) << 4 | nibble_of(length));
	put_extended(writer, delta);
	put_extended(writer, length);
	memcpy(writer->bytes + writer->length, value, length);
	writer->length += length;
	writer->previous = number;
}

static void put_integer(struct writer *writer, unsigned number, long value)
{
	const uint8_t bytes[3] = {(uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
	size_t skip = value > 0xffff ? 0 : value > 0xff ? 1 : value > 0 ? 2 : 3;

	if (value >= 0) {
		put_option(writer, number, bytes + skip, sizeof(bytes) - skip);
	}
}

void test_client_request(struct test_client *client, const struct test_request *request)
{
	uint8_t *content = malloc(request->body_length + 1024);
	struct writer writer = {.bytes = content};
	const char *segment = request->path;
	uint8_t header[8];
	size_t length = 0;

	assert_non_null(content);
	while (*segment == '/') {
		size_t size = strcspn(segment + 1, "/");

		put_option(&writer, 11, segment + 1, size);
		segment += 1 + size;
	}
	put_integer(&writer, 12, request->content_format);
	put_integer(&writer, 17, request->accept);
	put_integer(&writer, 23, request->block2);
	put_integer(&writer, 27, request->block1);
	if (request->body_length > 0) {
		content[writer.length++] = 0xff;
		memcpy(content + writer.length, request->body, request->body_length);
		writer.length += request->body_length;
	}
	header[length++] = (uint8_t)(nibble_of(writer.length) << 4 | 1u);
	if (writer.length >= 269) {
		header[length++] = (uint8_t)((writer.length - 269) >> 8);
		header[length++] = (uint8_t)(writer.length - 269);
	} else if (writer.length >= 13) {
		header[length++] = (uint8_t)(writer.length - 13);
	}
	header[length++] = (uint8_t)request->method;
	header[length++] = (uint8_t)request->token;
	test_client_send(client, header, length);
	test_client_send(client, content, writer.length);
	free(content);
}

void test_client_get(struct test_client *client, const char *path, char token)
{
	const struct test_request request = {
		.method = 1, .path = path, .token = token, .content_format = -1, .accept = -1, .block1 = -1, .block2 = -1};

	test_client_request(client, &request);
}

void test_client_greet(struct test_client *client, const char *csm_hex)
{
	uint8_t answer[2 + 8] = {0x08, 0x84};
	struct test_message message;

	test_client_send_hex(client, csm_hex);
	assert_true(test_client_receive(client, &message));
	assert_int_equal(message.code, 701);
	test_client_get(client, "/x.plgd.dev/time", 'T');
	assert_true(test_client_receive(client, &message));
	assert_int_equal(message.code, 1);
	assert_int_equal(message.token_length, 8);
	memcpy(answer + 2, message.token, 8);
	test_client_send(client, answer, sizeof(answer));
	assert_true(test_client_receive(client, &message));
	assert_int_equal(message.code, 205);
	assert_int_equal(message.token[0], 'T');
}

size_t test_vector(const char *file, char direction, const char *label, uint8_t *bytes, size_t size)
{
	static char line[20000];
	char path[256];
	char wanted[64];
	size_t length = 0;
	FILE *vectors;

	snprintf(path, sizeof(path), "test/vectors/plgd/%s", file);
	snprintf(wanted, sizeof(wanted), "%c %s ", direction, label);
	vectors = fopen(path, "r");
	if (vectors == NULL) {
		fail_msg("run tests from the top of the source tree: cannot read %s", path);
	}
	while (length == 0 && fgets(line, sizeof(line), vectors) != NULL) {
		if (strncmp(line, wanted, strlen(wanted)) == 0) {
			length = test_hex(line + strlen(wanted), bytes, size).len;
		}
	}
	fclose(vectors);
	assert_true(length > 0);
	return length;
}

/* --- what most tests do --- */

struct test_message test_client_expect(struct test_client *client)
{
	struct test_message message;

	if (!test_client_receive(client, &message)) {
		fail_msg("the connection ended, s_client says: %s", complaint_of(client));
	}
	return message;
}

void test_client_expect_end(struct test_client *client)
{
	struct test_message message;

	assert_false(test_client_receive(client, &message));
}

size_t test_credentials_body(const char *file, const char *label, uint8_t *body, size_t size)
{
	uint8_t bytes[2048];
	size_t length = test_vector(file, '>', label, bytes, sizeof(bytes));
	const uint8_t *marker = memchr(bytes + 12, 0xff, length - 12); /* behind header and token, which may hold that byte too */

	assert_non_null(marker);
	length -= (size_t)(marker + 1 - bytes);
	assert_true(length <= size);
	memcpy(body, marker + 1, length);
	return length;
}

void test_client_post_credentials(struct test_client *client, char token, const void *body, size_t length)
{
	const struct test_request request = {.method = 2,
	                                     .path = "/api/v1/provisioning/credentials",
	                                     .token = token,
	                                     .content_format = 10000,
	                                     .accept = -1,
	                                     .block1 = -1,
	                                     .block2 = -1,
	                                     .body = body,
	                                     .body_length = length};

	test_client_request(client, &request);
}

const char *test_service_write_pem(const struct test_service *service, const char *name, const struct test_message *message,
                                   const char *usage)
{
	const char *end = (const char *)message->payload + message->payload_length;
	const char *from = memmem(message->payload, message->payload_length, usage, strlen(usage));
	const char *to;

	assert_non_null(from);
	from = memmem(from, (size_t)(end - from), "-----BEGIN", 10);
	assert_non_null(from);
	to = memmem(from, (size_t)(end - from), "hencoding", 9); /* the key that follows, its CBOR head included */
	assert_non_null(to);
	return test_service_write(service, name, from, (size_t)(to - from));
}

int test_service_fixture_set_up(void **state)
{
	struct test_service_fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	test_service_set_up(&fixture->service);
	*state = fixture;
	return 0;
}

int test_service_fixture_tear_down(void **state)
{
	struct test_service_fixture *fixture = *state;

	if (fixture->client.process != NULL) {
		test_client_close(&fixture->client);
	}
	test_service_tear_down(&fixture->service);
	free(fixture);
	return 0;
}

void test_service_fixture_connect(struct test_service_fixture *fixture, const char *csm_hex)
{
	if (fixture->client.process != NULL) {
		test_client_close(&fixture->client);
	}
	test_client_connect(&fixture->client, &fixture->service, "device", NULL);
	test_client_greet(&fixture->client, csm_hex);
}
