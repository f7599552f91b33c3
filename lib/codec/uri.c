/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoint URIs (RFC 8323 section 8.2): only what an endpoint may hold, nothing of RFC 3986 that it may not. */
#include "codec/text.h"

#include <string.h>

static const char scheme[] = "coaps+tcp://";

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_char(uint8_t c)
{
	uint8_t lower = c | 0x20;
	return is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '-' || c == '_' || c == '.';
}

/* What an IPv6 address is written with; whether it is one the network port finds out. */
static bool is_address_char(uint8_t c)
{
	uint8_t lower = c | 0x20;
	return is_digit(c) || (lower >= 'a' && lower <= 'f') || c == ':' || c == '.';
}

/* Takes the host off the front, without its brackets. */
static bool take_host(struct dps_span *text, struct dps_span *host)
{
	bool bracketed = DPS_CONFIG_IPV6 && text->len > 0 && text->data[0] == '[';
	size_t start = bracketed ? 1 : 0;
	size_t stop = start;

	while (stop < text->len && (bracketed ? is_address_char(text->data[stop]) : is_name_char(text->data[stop])))
		stop++;
	host->data = text->data + start;
	host->len = stop - start;
	if (host->len == 0 || (bracketed && memchr(host->data, ':', host->len) == NULL))
		return false;
	if (bracketed && (stop == text->len || text->data[stop++] != ']'))
		return false;
	text->data += stop;
	text->len -= stop;
	return true;
}

/* Takes ":port" off the front. */
static bool take_port(struct dps_span *text, uint16_t *port)
{
	uint32_t number = 0;
	size_t i;

	if (text->len == 0 || text->data[0] != ':')
		return false;
	for (i = 1; i < text->len && i <= 5 && is_digit(text->data[i]); i++)
		number = number * 10 + (uint32_t)(text->data[i] - '0');
	if (number == 0 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	text->data += i;
	text->len -= i;
	return true;
}

/* RFC 3986 section 3.1: in either case. */
static bool has_scheme(struct dps_span text)
{
	if (text.len < sizeof scheme - 1)
		return false;
	for (size_t i = 0; i < sizeof scheme - 1; i++) {
		const uint8_t c = text.data[i];

		if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != scheme[i])
			return false;
	}
	return true;
}

dps_result dps_uri_parse(struct dps_span text, struct dps_uri *uri)
{
	struct dps_span host;
	uint16_t port;

	if (text.len > DPS_CONFIG_URI_LENGTH || !has_scheme(text))
		return DPS_E_URI;
	text.data += sizeof scheme - 1;
	text.len -= sizeof scheme - 1;
	if (!take_host(&text, &host) || !take_port(&text, &port))
		return DPS_E_URI;
	if (text.len > 1 || (text.len == 1 && text.data[0] != '/'))
		return DPS_E_URI;
	memcpy(uri->host, host.data, host.len);
	uri->host[host.len] = '\0';
	uri->port = port;
	return DPS_OK;
}
