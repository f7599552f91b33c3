/* SPDX-License-Identifier: Apache-2.0 */
/* Small text and memory helpers of the service. Memory that cannot be had ends the program: a test service has nothing better to do. */
#ifndef SERVICE_TEXT_H
#define SERVICE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_UUID_TEXT 36u
#define SERVICE_UUID_SIZE (SERVICE_UUID_TEXT + 1u)

/* Ends the program with code and one line on standard error. */
_Noreturn void service_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define SERVICE_EXIT_FAILURE 1
#define SERVICE_EXIT_USAGE   2

void *service_alloc(size_t size); /* zeroed */
void *service_realloc(void *memory, size_t size);
char *service_strdup(const char *text);
char *service_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
void service_random(void *bytes, size_t length);

/* True for the 8-4-4-4-12 form in either case; out (NULL allowed) takes it in lower case. */
bool service_uuid_parse(const char *text, char out[SERVICE_UUID_SIZE]);

/* RFC 4122 section 4.3 with SHA-1 in the name space for URLs. */
void service_uuid_from_url_name(const char *name, char out[SERVICE_UUID_SIZE]);

/* A whole decimal number within [low, high] and nothing else. */
bool service_parse_number(const char *text, long low, long high, long *out);

/* "127.0.0.1:0", "localhost:5684", "[::1]:0": true, and both parts in memory to be freed. */
bool service_split_address(const char *address, char **host, char **port);

/* base64url without padding (RFC 4648 section 5). */
char *service_base64url(const void *bytes, size_t length);

#endif
