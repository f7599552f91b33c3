/* SPDX-License-Identifier: Apache-2.0 */
/* Names of steps and records, and the version of the build. */
#include "dps/records.h"
#include "dps/types.h"
#include "dps/version.h"

#if DPS_CONFIG_NAMES
static const char *const step_names[DPS_STEP_COUNT] = {
	[DPS_STEP_CONFIG] = "config",
	[DPS_STEP_CONNECT] = "connect",
	[DPS_STEP_TLS] = "tls",
	[DPS_STEP_TIME] = "time",
	[DPS_STEP_OWNER] = "owner",
	[DPS_STEP_CLOUD] = "cloud",
	[DPS_STEP_CREDENTIALS] = "credentials",
	[DPS_STEP_ACLS] = "acls",
	[DPS_STEP_RESOURCES] = "resources",
	[DPS_STEP_COMMIT] = "commit",
};

/* A record has its step's name: it is what the step's answer becomes. */
static const uint8_t record_steps[DPS_RECORD_COUNT] = {
	[DPS_RECORD_OWNER] = DPS_STEP_OWNER, [DPS_RECORD_CLOUD] = DPS_STEP_CLOUD,         [DPS_RECORD_CREDENTIALS] = DPS_STEP_CREDENTIALS,
	[DPS_RECORD_ACLS] = DPS_STEP_ACLS,   [DPS_RECORD_RESOURCES] = DPS_STEP_RESOURCES,
};
#endif

const char *dps_step_name(enum dps_step_id step)
{
#if DPS_CONFIG_NAMES
	size_t i = (size_t)step;
	return i < DPS_STEP_COUNT ? step_names[i] : "unknown";
#else
	(void)step;
	return "";
#endif
}

const char *dps_record_name(enum dps_record record)
{
#if DPS_CONFIG_NAMES
	size_t i = (size_t)record;
	return i < DPS_RECORD_COUNT ? step_names[record_steps[i]] : "unknown";
#else
	(void)record;
	return "";
#endif
}

const char *dps_version(void)
{
	return DPS_VERSION_STRING;
}
