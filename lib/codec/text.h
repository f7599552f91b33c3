/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small texts: RFC 3339 times, endpoint URIs, printable diagnostics. (UUIDs are public: dps/types.h, uuid.c.)
 */
#ifndef DPS_CODEC_TEXT_H
#define DPS_CODEC_TEXT_H

#include "dps/config.h"
#include "dps/types.h"

/* RFC 3339 date-time, any offset, 0 to 9 fractional digits, "T"/"t" or space, "Z"/"z"; leap second :60 counts as :59. Unix milliseconds
 * (truncated towards the past), years 1970 to 9999, not before 1970 in UTC. DPS_E_FIELD otherwise. */
dps_result dps_rfc3339_parse(struct dps_span text, int64_t *unix_ms);

/* "2026-11-28T19:12:00.250Z" and a NUL, always that long. unix_ms: 0 to the end of the year 9999. */
#define DPS_RFC3339_SIZE 25
void dps_rfc3339_format(int64_t unix_ms, char text[DPS_RFC3339_SIZE]);

/* Days since 1970-01-01 of a proleptic Gregorian date, years 0 to 9999 (for X.509 dates too). month 1..12, day 1..31, not checked. */
int32_t dps_days_from_civil(unsigned year, unsigned month, unsigned day);

/* An endpoint URI taken apart. */
struct dps_uri {
	char host[DPS_CONFIG_URI_LENGTH + 1]; /* without brackets */
	uint16_t port;
};

/* "coaps+tcp://host:port", the scheme in either case, with nothing behind it but an optional "/". The port is required, 1 to 65535. At most DPS_CONFIG_URI_LENGTH
 * characters. Hosts: letters, digits, "-", "_", "."; or an IPv6 address in brackets. DPS_E_URI. *uri is changed on DPS_OK only. */
dps_result dps_uri_parse(struct dps_span text, struct dps_uri *uri);

/* Copies bytes as printable ASCII ('?' for the rest, runs of blanks and line ends as one blank), cut to fit, always NUL-terminated. size > 0. */
void dps_text_printable(char *out, size_t size, const uint8_t *in, size_t len);

/* Whether this is UTF-8 (RFC 3629) without NUL. */
bool dps_text_is_valid(struct dps_span text);

/* Wipes memory in a way the compiler keeps. */
void dps_wipe(void *memory, size_t len);

/* Compares in constant time; for secrets and pins. */
bool dps_equal_constant_time(const uint8_t *a, const uint8_t *b, size_t len);

/* The value of a hex digit in either case, or -1. */
int dps_hex_value(char c);

/* CRC-32 (IEEE 802.3, reflected), to be continued: start with crc 0. Guards stored records against bit rot, not against attackers. */
uint32_t dps_crc32(uint32_t crc, const uint8_t *data, size_t len);

#endif
