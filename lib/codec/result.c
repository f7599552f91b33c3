/* SPDX-License-Identifier: Apache-2.0 */
/* Names, texts and classes of results: all from the one list in dps/result.h. */
#include "dps/result.h"
#include "dps/config.h"

#include <stddef.h>
#include <stdint.h>

#if DPS_CONFIG_TEXT
#define TEXT(text) text
#else
#define TEXT(text) ""
#endif

struct result_entry {
	int8_t value;
	uint8_t klass;
	const char *name;
	const char *text;
};

static const struct result_entry results[] = {
#define RESULT_ENTRY(symbol, value, name, klass, text) {(value), DPS_CLASS_##klass, name, TEXT(text)},
	DPS_RESULTS(RESULT_ENTRY)
#undef RESULT_ENTRY
};

static const char *const class_names[] = {
	[DPS_CLASS_NONE] = "none",   [DPS_CLASS_TRANSIENT] = "transient", [DPS_CLASS_REFUSED] = "refused",
	[DPS_CLASS_FINAL] = "final", [DPS_CLASS_PROTOCOL] = "protocol",   [DPS_CLASS_SECURITY] = "security",
	[DPS_CLASS_LOCAL] = "local", [DPS_CLASS_CONFIG] = "config",       [DPS_CLASS_CANCELLED] = "cancelled",
};

/* What a value outside the list is taken for: a fault of this device, so that nobody retries it as if it would pass. */
static const struct result_entry unknown = {0, DPS_CLASS_LOCAL, "unknown", TEXT("an unknown result")};

static const struct result_entry *find(dps_result result)
{
	size_t i;
	for (i = 0; i < sizeof results / sizeof results[0]; i++)
		if (results[i].value == (int)result)
			return &results[i];
	return &unknown;
}

const char *dps_result_name(dps_result result)
{
	return find(result)->name;
}

const char *dps_result_text(dps_result result)
{
	return find(result)->text;
}

dps_class dps_result_class(dps_result result)
{
	return (dps_class)find(result)->klass;
}

const char *dps_class_name(dps_class klass)
{
	size_t i = (size_t)klass;
	return i < sizeof class_names / sizeof class_names[0] ? class_names[i] : "unknown";
}
