/* SPDX-License-Identifier: Apache-2.0 */
/* dps-service as a child process, and a device to talk to it that shares no code with the library or the service: openssl s_client does TLS, the
 * bytes of CoAP over TCP are made and taken apart here. */
#ifndef TEST_SUPPORT_TEST_SERVICE_CLIENT_H
#define TEST_SUPPORT_TEST_SERVICE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/test_process.h"

#define TEST_SERVICE_TIMEOUT_MS 20000
#define TEST_MESSAGE_MAX        (512u * 1024u)

/* A state directory below a temporary one, with a device ("device") of the manufacturer. */
struct test_service {
	char directory[256];
	char program[4200];
	struct test_process *process;
	char port[8]; /* where it listens, or last did */
};

void test_service_set_up(struct test_service *service);
void test_service_tear_down(struct test_service *service);

/* DIR/name; good until the 64th call from now. */
const char *test_service_path(const struct test_service *service, const char *name);

/* Starts it on a free port with further arguments (NULL-ended, NULL for none); config is JSON text or NULL. */
void test_service_start(struct test_service *service, const char *config, const char *const arguments[]);

/* Sends a line of control and gives the event that answers it, good until the next read of the service's output. */
const char *test_service_control(struct test_service *service, const char *line);

/* The next event that contains this text; fails the test when none comes. Good as above. */
const char *test_service_await(struct test_service *service, const char *text);

/* Ends it: its exit code. */
int test_service_stop(struct test_service *service);

/* Runs `dps-service` with these arguments to its end: the exit code. error may be NULL. */
int test_service_run(const struct test_service *service, const char *const arguments[], char *error, size_t error_size);

/* Writes a file below the directory and gives its path as test_service_path does. */
const char *test_service_write(const struct test_service *service, const char *name, const void *bytes, size_t length);

struct test_client {
	struct test_process *process; /* NULL: what follows */
	void *peer;
	bool (*write)(void *peer, const void *bytes, size_t length);
	long (*read)(void *peer, void *buffer, size_t size, int timeout_ms); /* as test_process_read */
	uint8_t *bytes;                                                      /* received and not taken yet */
	size_t length;
};

struct test_message {
	const uint8_t *bytes;
	size_t length;
	unsigned code; /* as people write it: 205 is 2.05 */
	const uint8_t *token;
	size_t token_length;
	const uint8_t *options;
	const uint8_t *payload;
	size_t payload_length;
};

/* device is the directory of manufacturer.pem and manufacturer.key below the service's ("device"); further options of s_client, NULL for none. */
void test_client_connect(struct test_client *client, const struct test_service *service, const char *device, const char *const options[]);
void test_client_close(struct test_client *client);

void test_client_send(struct test_client *client, const void *bytes, size_t length);
void test_client_send_hex(struct test_client *client, const char *hex);

/* The next message, good until the next call with this client; false when the connection ended before it was whole. Fails the test on time-out. */
bool test_client_receive(struct test_client *client, struct test_message *message);

/* The value of an option of a message: its length and bytes, NULL when it is not there. */
const uint8_t *test_message_option(const struct test_message *message, unsigned number, size_t *length);

/* A request with one-byte token; content_format and accept below 0: left out. Block1 and Block2 as the integers of RFC 7959, below 0: left out. */
struct test_request {
	unsigned method;
	const char *path;
	char token;
	int content_format;
	int accept;
	long block1;
	long block2;
	const void *body;
	size_t body_length;
};

void test_client_request(struct test_client *client, const struct test_request *request);

/* A plain GET. */
void test_client_get(struct test_client *client, const char *path, char token);

/* What every device does first: an empty CSM sent and the service's read, GET time, the service's own request answered 4.04, the time read. */
void test_client_greet(struct test_client *client, const char *csm_hex);

/* The next message, which must come; and that the connection ends instead. */
struct test_message test_client_expect(struct test_client *client);
void test_client_expect_end(struct test_client *client);

/* The body of a credentials request of the captures, and its POST. */
size_t test_credentials_body(const char *file, const char *label, uint8_t *body, size_t size);
void test_client_post_credentials(struct test_client *client, char token, const void *body, size_t length);

/* Writes the PEM text of a credentials answer that follows this usage to a file of the service's directory; gives its path. */
const char *test_service_write_pem(const struct test_service *service, const char *name, const struct test_message *message,
                                   const char *usage);

/* One service and one device for a test: cmocka's set-up and tear-down, and a (new) connection on which the device has greeted the service. */
struct test_service_fixture {
	struct test_service service;
	struct test_client client;
};

int test_service_fixture_set_up(void **state);
int test_service_fixture_tear_down(void **state);
void test_service_fixture_connect(struct test_service_fixture *fixture, const char *csm_hex);

#define TEST_CSM_EMPTY "00e1"

/* A line of test/vectors/plgd/FILE: the label's message in this direction ('>' from the device). Gives the count of bytes. */
size_t test_vector(const char *file, char direction, const char *label, uint8_t *bytes, size_t size);

#endif
