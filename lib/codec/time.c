/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 times and the calendar under them. */
#include "codec/text.h"

#include <string.h>

static bool is_leap(uint32_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int64_t dps_days_from_civil(int64_t year, unsigned month, unsigned day)
{
	/* Days before each month of a common year. */
	static const uint16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	/* Whole years since 1 January of the year -399: one Gregorian cycle earlier than year 1, so that year 0 divides without a sign. */
	uint32_t years = (uint32_t)(year + 399);
	uint32_t days = years * 365 + years / 4 - years / 100 + years / 400;
	const uint32_t epoch = UINT32_C(2369) * 365 + 2369 / 4 - 2369 / 100 + 2369 / 400; /* the same sum for 1970 */

	days += before[(month - 1u) % 12u] + (month > 2 && is_leap((uint32_t)year) ? 1u : 0u) + day - 1u;
	return (int64_t)days - epoch;
}

/* Takes a number of exactly `digits` decimal digits within min and max off the front. */
static bool take_number(struct dps_span *text, size_t digits, unsigned min, unsigned max, unsigned *value)
{
	unsigned number = 0;
	size_t i;

	if (text->len < digits)
		return false;
	for (i = 0; i < digits; i++) {
		if (text->data[i] < '0' || text->data[i] > '9')
			return false;
		number = number * 10 + (text->data[i] - '0');
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
	size_t digits = 0;
	unsigned digit;

	*ms = 0;
	if (!take_char(text, "."))
		return true;
	while (digits <= 9 && take_number(text, 1, 0, 9, &digit)) {
		*ms += digit * scale;
		scale /= 10;
		digits++;
	}
	return digits >= 1 && digits <= 9;
}

/* "Z" or "+hh:mm", in minutes east of Greenwich. */
static bool take_offset(struct dps_span *text, int *minutes)
{
	unsigned hour, minute;
	bool west;

	*minutes = 0;
	if (take_char(text, "Zz"))
		return true;
	west = text->len > 0 && text->data[0] == '-';
	if (!take_char(text, "+-") || !take_number(text, 2, 0, 23, &hour) || !take_char(text, ":") || !take_number(text, 2, 0, 59, &minute))
		return false;
	*minutes = (int)(hour * 60 + minute) * (west ? -1 : 1);
	return true;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
	if (month == 2)
		return is_leap(year) ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, PARTS };

dps_result dps_rfc3339_parse(struct dps_span text, int64_t *unix_ms)
{
	/* What stands before each number, and its digits and range. */
	static const struct {
		char before[4];
		uint16_t min, max;
		uint8_t digits;
	} parts[PARTS] = {{"", 1970, 9999, 4}, {"-", 1, 12, 2}, {"-", 1, 31, 2}, {"Tt ", 0, 23, 2}, {":", 0, 59, 2}, {":", 0, 60, 2}};
	unsigned value[PARTS];
	unsigned ms;
	int offset;
	int64_t time;
	size_t i;

	for (i = 0; i < PARTS; i++) {
		if (i > 0 && !take_char(&text, parts[i].before))
			return DPS_E_FIELD;
		if (!take_number(&text, parts[i].digits, parts[i].min, parts[i].max, &value[i]))
			return DPS_E_FIELD;
	}
	if (value[DAY] > days_of_month(value[YEAR], value[MONTH]) || !take_fraction(&text, &ms) || !take_offset(&text, &offset) ||
	    text.len != 0)
		return DPS_E_FIELD;
	if (value[SECOND] == 60)
		value[SECOND] = 59;
	time = dps_days_from_civil(value[YEAR], value[MONTH], value[DAY]) * 86400 +
	       ((int32_t)(value[HOUR] * 60 + value[MINUTE]) - offset) * 60 + (int32_t)value[SECOND];
	if (time < 0)
		return DPS_E_FIELD;
	*unix_ms = time * 1000 + ms;
	return DPS_OK;
}
