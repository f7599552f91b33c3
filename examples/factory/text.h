/* SPDX-License-Identifier: Apache-2.0 */
/* Texts: hex, base64, times, serial numbers, numbers. */
#ifndef FACTORY_TEXT_H
#define FACTORY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define TEXT_SHA256_SIZE 65 /* 64 digits and the NUL */
#define TEXT_TIME_SIZE   32

/* X.520 serialNumber: at most 64 characters of a PrintableString. */
#define TEXT_SERIAL_SIZE 65

void text_hex(const uint8_t *bytes, size_t len, char *out); /* lower case; out takes 2 * len + 1 */

/* SHA-256 as hex. */
void text_sha256(const void *bytes, size_t len, char out[TEXT_SHA256_SIZE]);

/* Base64 in one line, to be freed by the caller; NULL without memory. */
char *text_base64(const uint8_t *bytes, size_t len);

/* RFC 3339 in UTC. Years of more than four digits are not representable there: "9999-12-31T23:59:59Z". */
void text_time(time_t when, char out[TEXT_TIME_SIZE]);

/* Whether a text can be a serial number: 1 to 64 characters that a PrintableString has, the first a letter or digit (a file name, a cell of a
 * table or an option may begin with it), the last no space. */
bool text_is_serial(const char *text);

/* A whole number, decimal or with 0x, that fills the text. */
bool text_number(const char *text, uint32_t low, uint32_t high, uint32_t *value);

#endif
