/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See lease.h. What stands in a lease was chosen by whoever answered DHCP: so strings and comments are told from statements, and a value is taken
 * whole or not at all.
 */
#include "lease.h"

#include <stdbool.h>
#include <string.h>

#include "dps/option43.h"

/* A piece of the text, and what is left of it. */
struct text {
	const char *at;
	size_t len;
};

static const char blanks[] = " \t\r\n\v\f";

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static void skip(struct text *text, size_t count)
{
	text->at += count;
	text->len -= count;
}

static void skip_blanks(struct text *text)
{
	while (text->len > 0 && is_one_of(*text->at, blanks))
		skip(text, 1);
}

/* Up to one of these characters, which stays; or to the end. */
static struct text take_until(struct text *text, const char *set)
{
	struct text taken = {text->at, 0};

	while (text->len > 0 && !is_one_of(*text->at, set)) {
		skip(text, 1);
		taken.len++;
	}
	return taken;
}

static bool is(struct text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

/* --- strings of dhclient ----------------------------------------------------------------------------------------------------------- */

static bool take_octal(struct text *text, uint8_t *byte)
{
	unsigned value = 0;

	for (size_t i = 0; i < 3; i++) {
		if (i == text->len || text->at[i] < '0' || text->at[i] > '7')
			return false;
		value = value * 8 + (unsigned)(text->at[i] - '0');
	}
	if (value > 255)
		return false;
	skip(text, 3);
	*byte = (uint8_t)value;
	return true;
}

/* Behind a backslash: three octal digits, or a character that stands for itself. Letters and other digits mean what dhclient does not write. */
static bool take_escaped(struct text *text, uint8_t *byte)
{
	if (take_octal(text, byte))
		return true;
	if (text->len == 0 || !is_one_of(*text->at, "\\\"'$`"))
		return false;
	*byte = (uint8_t)*text->at;
	skip(text, 1);
	return true;
}

/* A string with its quotes, and nothing behind it but blanks. */
static dps_result read_string(struct text value, uint8_t *buf, size_t size, size_t *len)
{
	size_t count = 0;

	skip(&value, 1);
	while (value.len > 0 && *value.at != '"') {
		uint8_t byte = (uint8_t)*value.at;
		const bool escaped = *value.at == '\\';

		skip(&value, 1);
		if (escaped && !take_escaped(&value, &byte))
			return DPS_E_FIELD;
		if (count < size)
			buf[count] = byte;
		count++;
	}
	if (value.len == 0)
		return DPS_E_FIELD;
	skip(&value, 1);
	skip_blanks(&value);
	*len = count;
	if (value.len > 0)
		return DPS_E_FIELD;
	return count <= size ? DPS_OK : DPS_E_BUFFER;
}

static dps_result read_value(struct text value, uint8_t *buf, size_t size, size_t *len)
{
	skip_blanks(&value);
	if (value.len > 0 && *value.at == '"')
		return read_string(value, buf, size, len);
	return dps_option43_from_text(value.at, value.len, buf, size, len);
}

/* --- leases of dhclient ------------------------------------------------------------------------------------------------------------ */

/* Skips to the end of a statement: behind ';', or behind a brace. *ended: there was one. Strings and comments are skipped whole. */
static struct text take_statement(struct text *text, bool *ended)
{
	struct text statement = {text->at, 0};
	bool in_string = false;

	*ended = false;
	while (text->len > 0 && !*ended) {
		const char c = *text->at;

		if (in_string && c == '\\' && text->len > 1)
			skip(text, 1);
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && c == '#')
			(void)take_until(text, "\n");
		else if (!in_string)
			*ended = is_one_of(c, ";{}");
		if (text->len > 0)
			skip(text, 1);
	}
	statement.len = (size_t)(text->at - statement.at) - (*ended ? 1 : 0);
	return statement;
}

/* Blanks and comments before a statement. */
static void skip_space(struct text *text)
{
	skip_blanks(text);
	while (text->len > 0 && *text->at == '#') {
		(void)take_until(text, "\n");
		skip_blanks(text);
	}
}

static bool is_option43(struct text *statement)
{
	skip_space(statement);
	if (!is(take_until(statement, blanks), "option"))
		return false;
	skip_blanks(statement);
	return is(take_until(statement, blanks), "vendor-encapsulated-options");
}

static dps_result read_statements(struct text text, uint8_t *buf, size_t size, size_t *len)
{
	dps_result result = DPS_E_NOT_FOUND;

	skip_space(&text);
	while (text.len > 0) {
		bool ended;
		struct text statement = take_statement(&text, &ended);

		if (is_option43(&statement))
			result = ended ? read_value(statement, buf, size, len) : DPS_E_FIELD;
		else if (!ended)
			result = DPS_E_FIELD; /* what was being written when the power went may have been the option */
		skip_space(&text);
	}
	return result;
}

/* --- lines NAME=VALUE -------------------------------------------------------------------------------------------------------------- */

static struct text trim_quotes(struct text value)
{
	while (value.len > 0 && is_one_of(value.at[value.len - 1], blanks))
		value.len--;
	if (value.len >= 2 && is_one_of(*value.at, "'\"") && value.at[value.len - 1] == *value.at) {
		skip(&value, 1);
		value.len--;
	}
	return value;
}

static dps_result read_lines(struct text text, uint8_t *buf, size_t size, size_t *len)
{
	dps_result result = DPS_E_NOT_FOUND;

	while (text.len > 0) {
		struct text line = take_until(&text, "\n");
		struct text name = take_until(&line, "=");

		if (text.len > 0)
			skip(&text, 1);
		if (line.len == 0 || (!is(name, "VENDOR_SPECIFIC") && !is(name, "opt43")))
			continue;
		skip(&line, 1);
		line = trim_quotes(line);
		result = dps_option43_from_text(line.at, line.len, buf, size, len);
	}
	return result;
}

/* Whether the first line that is neither empty nor a comment begins with NAME=. */
static bool has_lines(struct text text)
{
	struct text name;

	skip_space(&text);
	name = take_until(&text, "= \t\r\n\v\f;{}\"#");
	return name.len > 0 && text.len > 0 && *text.at == '=';
}

dps_result lease_option43(const char *text, size_t text_len, uint8_t *buf, size_t size, size_t *len)
{
	const struct text whole = {text, text_len};
	dps_result result = dps_option43_from_text(text, text_len, buf, size, len);

	if (result != DPS_E_FIELD)
		return result;
	if (has_lines(whole))
		return read_lines(whole, buf, size, len);
	return read_statements(whole, buf, size, len);
}
