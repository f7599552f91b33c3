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

/* A record that a step's answer becomes has that step's name. */
static const char *const record_names[DPS_RECORD_COUNT] = {
	[DPS_RECORD_OWNER] = "owner", [DPS_RECORD_CLOUD] = "cloud",         [DPS_RECORD_CREDENTIALS] = "credentials",
	[DPS_RECORD_ACLS] = "acls",   [DPS_RECORD_RESOURCES] = "resources", [DPS_RECORD_LOCAL] = "local",
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
	return i < DPS_RECORD_COUNT ? record_names[i] : "unknown";
#else
	(void)record;
	return "";
#endif
}

const char *dps_version(void)
{
	return DPS_VERSION_STRING;
}
