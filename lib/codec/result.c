/* SPDX-License-Identifier: Apache-2.0 */
/* Names, texts and classes of results: all from the one list in dps/result.h. */
#include "dps/result.h"
#include "dps/config.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Strings one behind the other, each with its NUL, in the order of the list: a table of pointers would cost more than the walk. */
#define RESULT_NAME(symbol, value, name, klass, text) name "\0"
#define RESULT_TEXT(symbol, value, name, klass, text) text "\0"
#if DPS_CONFIG_NAMES
static const char names[] = DPS_RESULTS(RESULT_NAME) "unknown";
static const char class_names[] = "none\0transient\0refused\0final\0protocol\0security\0local\0config\0cancelled\0unknown";
#endif
#if DPS_CONFIG_TEXT
static const char texts[] = DPS_RESULTS(RESULT_TEXT) "an unknown result";
#endif

static const struct {
	int8_t value;
	uint8_t klass;
} results[] = {
#define RESULT_ENTRY(symbol, value, name, klass, text) {(value), DPS_CLASS_##klass},
	DPS_RESULTS(RESULT_ENTRY)
#undef RESULT_ENTRY
};

#define RESULT_COUNT (sizeof(results) / sizeof(results[0]))
#define CLASS_COUNT  ((size_t)DPS_CLASS_CANCELLED + 1)

/* The index of a result; RESULT_COUNT if it is not in the list. */
static size_t find(dps_result result)
{
	size_t i = 0;

	while (i < RESULT_COUNT && results[i].value != (int)result)
		i++;
	return i;
}

#if DPS_CONFIG_NAMES || DPS_CONFIG_TEXT
static const char *nth(const char *strings, size_t n)
{
	while (n-- > 0)
		strings += strlen(strings) + 1;
	return strings;
}
#endif

const char *dps_result_name(dps_result result)
{
#if DPS_CONFIG_NAMES
	return nth(names, find(result));
#else
	(void)result;
	return "";
#endif
}

const char *dps_result_text(dps_result result)
{
#if DPS_CONFIG_TEXT
	return nth(texts, find(result));
#else
	(void)result;
	return "";
#endif
}

/* A value outside the list is taken for a fault of this device, so that nobody retries it as if it would pass. */
dps_class dps_result_class(dps_result result)
{
	size_t i = find(result);

	return i < RESULT_COUNT ? (dps_class)results[i].klass : DPS_CLASS_LOCAL;
}

const char *dps_class_name(dps_class klass)
{
#if DPS_CONFIG_NAMES
	return nth(class_names, (size_t)klass < CLASS_COUNT ? (size_t)klass : CLASS_COUNT);
#else
	(void)klass;
	return "";
#endif
}
