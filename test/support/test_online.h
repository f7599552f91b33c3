/* SPDX-License-Identifier: Apache-2.0 */
/* A device that is online at a hub on the same machine: the service with gateways, gateways of their own, and what operators ask of the device. */
#ifndef TEST_SUPPORT_TEST_ONLINE_H
#define TEST_SUPPORT_TEST_ONLINE_H

#include "support/test_scenario.h"

#define TEST_ONLINE_HUB "00000000-0000-0000-0000-000000000001"

struct test_online {
	struct test_scenario scenario;
	struct test_program service; /* provisions, and has a gateway unless the test said otherwise */
	int port;                    /* where the service is to listen; 0: a free one */
	char uri[64];                /* where it provisions */
	char gateway[64];            /* its gateway's URI; "" for none */
	struct test_command command; /* of the device: --online, without --once */
	struct test_program device;
	char device_id[37]; /* once it is online */
};

void test_online_set_up(struct test_online *t);
/* Ends all that runs. */
void test_online_tear_down(struct test_online *t);

/*
 * Starts the service with a gateway (has_gateway false: without one). config: members of its configuration, without the braces; NULL: none. more: further
 * arguments, ended by NULL, or NULL.
 */
void test_online_serve(struct test_online *t, bool has_gateway, const char *config, const char *const more[]);

/* Starts another service of the same authorities, without a gateway, and gives its URI. */
void test_online_serve_too(struct test_online *t, struct test_program *service, const char *config, char uri[64]);

/* Starts a program that is a gateway only, on a port (0: a free one), and gives its URI. */
void test_online_gateway(struct test_online *t, struct test_program *gateway, int port, char uri[64]);
/* The same of another hub, with further arguments, ended by NULL, or NULL. */
void test_online_gateway_of(struct test_online *t, struct test_program *gateway, const char *hub, const char *const more[], char uri[64]);
int test_online_port(const char *uri);

/* A line of control to a program of the service, which must be done. */
void test_online_control(struct test_program *service, const char *line);
/* SIGTERM; its events stay readable. */
void test_online_stop(struct test_program *service);
/* SIGKILL, and nothing is left of it. */
void test_online_kill(struct test_program *program);
/* How many requests of a step came in, by the events read so far: all of them when it was stopped. */
size_t test_online_requests(const struct test_program *service, const char *step);

/* Makes the device's command line, and starts it; its standard input stays open. */
void test_online_command(struct test_online *t);
void test_online_start(struct test_online *t);
/* The same, and waits until it is online, published, and observed by the service's gateway, if that has one. */
void test_online_begin(struct test_online *t);
/* Waits until it is online again. */
const cJSON *test_online_await(struct test_online *t);

/* A line to the device. */
void test_online_say(struct test_online *t, const char *line);

/* SIGINT, which must end it with 0. */
void test_online_end(struct test_online *t);

/* An operator's command about the device: the exit code. answer (may be NULL) gets what was printed, on standard error when it failed. value NULL: none. */
int test_online_ask(struct test_online *t, const char *verb, const char *href, const char *value, char *answer, size_t size);
/* The same with an answer that must be this one. */
void test_online_expect(struct test_online *t, const char *verb, const char *href, const char *value, const char *answer);

/* The devices that gateways of this state directory know, an array to be deleted. */
cJSON *test_online_devices(struct test_online *t);

/* What the device has in memory now (VmRSS), in kB. */
long test_online_memory(const struct test_online *t);

/* Waits until the hub was told of a resource's state with this text in it. */
void test_online_told(struct test_online *t, const char *href, const char *text);

#endif
