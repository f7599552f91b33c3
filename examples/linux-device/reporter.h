/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How dps-device tells what happens: to a person (reporter_text.c) or as JSON lines (reporter_json.c). Neither ever sees a secret: tokens and keys
 * are left out where the summary is made.
 */
#ifndef DEVICE_REPORTER_H
#define DEVICE_REPORTER_H

#include "dps/client.h"
#include "dps/port/tpm2.h"
#include "onboarding.h"

/* What a provisioned device is summed up to. Texts are NUL-terminated copies. */
struct summary {
	char device_id[DPS_UUID_TEXT_LEN + 1];
	char owner[DPS_UUID_TEXT_LEN + 1];
	char hub_id[DPS_UUID_TEXT_LEN + 1];
	char gateway[DPS_CONFIG_URI_LENGTH + 1];
	char gateways[DPS_CONFIG_GATEWAYS][DPS_CONFIG_URI_LENGTH + 1];
	size_t gateway_count;
	struct dps_certificate_info identity;
	size_t aces;
	size_t resources;
	uint32_t tpm_handle;              /* of the manufacturer's key; 0: keys are files */
	const struct dps_tpm2_stats *tpm; /* commands sent so far */
};

struct reporter {
	/* What the client says, terminal events too. summary is there for PROVISIONED and RENEWED. */
	void (*event)(const struct dps_event *event, const struct dps_report *report, const struct summary *summary);
	/* A failure before there is a client. */
	void (*config_failed)(dps_result cause, const char *text);
	/* Something odd but harmless before there is a client. */
	void (*warning)(const char *name, const char *text);
	/* What local onboarding does. */
	void (*onboarding)(const struct onboarding_event *event);
};

extern const struct reporter reporter_text;
extern const struct reporter reporter_json;
extern const struct reporter reporter_quiet; /* errors only, for a person */

/* Unix seconds as "2026-11-22T08:25:37Z". */
#define TIME_TEXT_SIZE 32
void reporter_format_time(int64_t unix_s, char text[TIME_TEXT_SIZE]);

/* Lower-case hex of a SHA-256. */
void reporter_format_sha256(const uint8_t digest[DPS_SHA256_SIZE], char text[2 * DPS_SHA256_SIZE + 1]);

#endif
