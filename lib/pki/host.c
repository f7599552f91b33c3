/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names and addresses: which certificate is for which (RFC 6125, RFC 5280 4.2.1.6), and which text is an address (RFC 4291 2.2).
 */
#include <string.h>

#include "codec/text.h"
#include "dps/config.h"
#include "pki/certificate.h"
#include "pki/der.h"

enum { SAN_DNS_NAME = DPS_DER_CONTEXT | 2, SAN_IP_ADDRESS = DPS_DER_CONTEXT | 7 };

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool same_text(struct dps_span a, struct dps_span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	}
	return true;
}

/* A name with a dot at its end is the same name (RFC 1034 3.1). */
static struct dps_span without_final_dot(struct dps_span name)
{
	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	return name;
}

/*
 * RFC 6125 6.4.3: "*" stands for one whole left-most label, and for nothing else. At least two labels must follow it: nobody may speak
 * for a whole top-level domain.
 */
static bool name_matches(struct dps_span pattern, struct dps_span host)
{
	pattern = without_final_dot(pattern);
	if (pattern.len > 2 && pattern.data[0] == '*' && pattern.data[1] == '.') {
		const uint8_t *dot = memchr(host.data, '.', host.len);
		if (dot == NULL || dot == host.data || memchr(pattern.data + 2, '.', pattern.len - 2) == NULL)
			return false;
		host.len -= (size_t)(dot - host.data);
		host.data = dot;
		pattern.data++;
		pattern.len--;
	}
	return same_text(pattern, host);
}

bool dps_pki_certificate_is_for(const struct dps_certificate_view *view, const char *host)
{
	uint8_t address[16];
	struct dps_span name = {address, 0};
	const bool is_address = dps_pki_host_is_address(host, address, &name.len);

	if (!is_address)
		name = without_final_dot((struct dps_span){(const uint8_t *)host, strlen(host)});
	if (name.len == 0)
		return false;
	/* RFC 6125 6.4.4: the common name counts when there is nothing better, and never stands for an address */
	if (view->san.data == NULL)
		return !is_address && name_matches(view->cn, name);
	const uint8_t wanted = is_address ? SAN_IP_ADDRESS : SAN_DNS_NAME;
	struct dps_span san = view->san;
	while (san.len > 0) {
		const uint8_t tag = san.data[0];
		struct dps_span value;
		if (!dps_der_take(&san, DPS_DER_ANY, &value))
			return false;
		if (tag == wanted && (is_address ? dps_der_same(&value, &name) : name_matches(value, name)))
			return true;
	}
	return false;
}

/* Four decimal numbers without leading zeros, up to the end of the text. */
static bool read_ipv4(const char *text, uint8_t out[4])
{
	for (size_t i = 0; i < 4; i++) {
		const char *const start = text;
		unsigned value = 0;
		for (; *text >= '0' && *text <= '9'; text++) {
			value = value * 10 + (unsigned)(*text - '0');
			if (value > 255 || (*start == '0' && text > start))
				return false;
		}
		if (text == start || *text++ != (i < 3 ? '.' : '\0'))
			return false;
		out[i] = (uint8_t)value;
	}
	return true;
}

#if DPS_CONFIG_IPV6
/* RFC 4291 2.2: groups of up to four digits, "::" once for one group or more, the last four bytes perhaps as an IPv4 address. */
static bool read_ipv6(const char *text, uint8_t out[16])
{
	const size_t none = SIZE_MAX;
	size_t gap = none;
	size_t n = 0;

	while (*text != '\0') {
		if (gap == none && text[0] == ':' && text[1] == ':') {
			gap = n;
			text += 2;
			if (*text == '\0')
				break;
		} else if (n > 0 && *text++ != ':') {
			return false;
		}
		const char *const group = text;
		unsigned value = 0;
		int digit;
		while (text < group + 4 && (digit = dps_hex_value(*text)) >= 0) {
			value = value << 4 | (unsigned)digit;
			text++;
		}
		if (*text == '.') {
			if (n > 12 || !read_ipv4(group, out + n))
				return false;
			n += 4;
			break;
		}
		if (text == group || n > 14)
			return false;
		out[n++] = (uint8_t)(value >> 8);
		out[n++] = (uint8_t)value;
	}
	if (gap == none)
		return n == 16;
	if (n > 14)
		return false;
	memmove(out + 16 - (n - gap), out + gap, n - gap);
	memset(out + gap, 0, 16 - n);
	return true;
}
#else
static bool read_ipv6(const char *text, uint8_t out[16])
{
	(void)text, (void)out;
	return false;
}
#endif

bool dps_pki_host_is_address(const char *text, uint8_t bytes[16], size_t *len)
{
	if (read_ipv4(text, bytes)) {
		*len = 4;
		return true;
	}
	*len = 16;
	return read_ipv6(text, bytes);
}
