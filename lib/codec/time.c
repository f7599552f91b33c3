/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 times and the calendar under them. */
#include "codec/text.h"

#include <string.h>

static unsigned days_of_month(unsigned year, unsigned month)
{
	if (month == 2)
		return year % (year % 100 == 0 ? 400 : 4) == 0 ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

int32_t dps_days_from_civil(unsigned year, unsigned month, unsigned day)
{
	/* Whole years since 1 January of the year -399: one Gregorian cycle earlier than year 1, so that year 0 divides without a sign. */
	const unsigned years = year + 399;
	unsigned days = years * 365 + years / 4 - years / 100 + years / 400 + day - 1;
	const unsigned epoch = 2369 * 365 + 2369 / 4 - 2369 / 100 + 2369 / 400; /* the same sum for 1970 */

	while (--month > 0)
		days += days_of_month(year, month);
	return (int32_t)days - (int32_t)epoch;
}

/* Takes a number of exactly `digits` decimal digits within min and max off the front. */
static bool take_number(struct dps_span *text, size_t digits, unsigned min, unsigned max, unsigned *value)
{
	unsigned number = 0;
	size_t i;

	if (text->len < digits)
		return false;
	for (i = 0; i < digits; i++) {
		const unsigned digit = (unsigned)text->data[i] - '0';
		if (digit > 9)
			return false;
		number = number * 10 + digit;
	}
	text->data += digits;
	text->len -= digits;
	*value = number;
	return number >= min && number <= max;
}

/* Takes one character off the front if it is one of the set. */
static bool take_char(struct dps_span *text, const char *set)
{
	if (text->len == 0 || text->data[0] == '\0' || strchr(set, text->data[0]) == NULL)
		return false;
	text->data++;
	text->len--;
	return true;
}

/* ".123456789": one to nine digits; those behind the third are below a millisecond. */
static bool take_fraction(struct dps_span *text, unsigned *ms)
{
	unsigned scale = 100;
	size_t digits;

	*ms = 0;
	if (!take_char(text, "."))
		return true;
	for (digits = 0; digits < text->len && text->data[digits] >= '0' && text->data[digits] <= '9'; digits++, scale /= 10)
		*ms += (unsigned)(text->data[digits] - '0') * scale;
	text->data += digits;
	text->len -= digits;
	return digits >= 1 && digits <= 9;
}

enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, OFFSET_HOUR, OFFSET_MINUTE, PARTS };

/* Takes numbers off the front, each with one character of a set before it. */
static bool take_parts(struct dps_span *text, size_t first, size_t last, unsigned value[PARTS])
{
	static const struct {
		char before[4];
		uint16_t min, max;
	} parts[PARTS] = {{"", 1970, 9999}, {"-", 1, 12}, {"-", 1, 31},  {"Tt ", 0, 23},
	                  {":", 0, 59},     {":", 0, 60}, {"+-", 0, 23}, {":", 0, 59}};
	size_t i;

	for (i = first; i <= last; i++) {
		if (i != YEAR && !take_char(text, parts[i].before))
			return false;
		if (!take_number(text, i == YEAR ? 4 : 2, parts[i].min, parts[i].max, &value[i]))
			return false;
	}
	return true;
}

/* "Z" or "+hh:mm", in minutes east of Greenwich. */
static bool take_offset(struct dps_span *text, unsigned value[PARTS], int32_t *minutes)
{
	const bool west = text->len > 0 && text->data[0] == '-';

	*minutes = 0;
	if (take_char(text, "Zz"))
		return true;
	if (!take_parts(text, OFFSET_HOUR, OFFSET_MINUTE, value))
		return false;
	*minutes = (int32_t)(value[OFFSET_HOUR] * 60 + value[OFFSET_MINUTE]);
	if (west)
		*minutes = -*minutes;
	return true;
}

dps_result dps_rfc3339_parse(struct dps_span text, int64_t *unix_ms)
{
	unsigned value[PARTS];
	unsigned ms;
	int32_t offset;
	int64_t time;

	if (!take_parts(&text, YEAR, SECOND, value) || value[DAY] > days_of_month(value[YEAR], value[MONTH]) || !take_fraction(&text, &ms) ||
	    !take_offset(&text, value, &offset) || text.len != 0)
		return DPS_E_FIELD;
	if (value[SECOND] == 60)
		value[SECOND] = 59;
	time = (int64_t)dps_days_from_civil(value[YEAR], value[MONTH], value[DAY]) * 86400 +
	       ((int32_t)(value[HOUR] * 60 + value[MINUTE]) - offset) * 60 + (int32_t)value[SECOND];
	if (time < 0)
		return DPS_E_FIELD;
	*unix_ms = time * 1000 + ms;
	return DPS_OK;
}

/* `digits` decimal digits, and what stands behind them. */
static char *put_number(char *text, size_t digits, uint32_t value, char behind)
{
	for (size_t i = digits; i-- > 0; value /= 10)
		text[i] = (char)('0' + value % 10);
	text[digits] = behind;
	return text + digits + 1;
}

void dps_rfc3339_format(int64_t unix_ms, char text[DPS_RFC3339_SIZE])
{
	const uint32_t day_ms = 86400000;
	const int32_t days = (int32_t)(unix_ms / day_ms);
	const uint32_t ms = (uint32_t)(unix_ms % day_ms);
	unsigned year = 1970 + (unsigned)days / 366, month = 1; /* not past the year; few steps short of it */

	while (dps_days_from_civil(year + 1, 1, 1) <= days)
		year++;
	while (month < 12 && dps_days_from_civil(year, month + 1, 1) <= days)
		month++;
	text = put_number(text, 4, year, '-');
	text = put_number(text, 2, month, '-');
	text = put_number(text, 2, (uint32_t)(days - dps_days_from_civil(year, month, 1) + 1), 'T');
	text = put_number(text, 2, ms / 3600000, ':');
	text = put_number(text, 2, ms / 60000 % 60, ':');
	text = put_number(text, 2, ms / 1000 % 60, '.');
	text = put_number(text, 3, ms % 1000, 'Z');
	*text = '\0';
}
