/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How dps-device tells what happens: to a person (reporter_text.c) or as JSON lines (reporter_json.c). Neither ever sees a secret: tokens and keys
 * are left out where the summary is made.
 */
#ifndef DEVICE_REPORTER_H
#define DEVICE_REPORTER_H

#include "dps/client.h"
#include "dps/option43.h"
#include "onboarding.h"
#include "summary.h"

struct online_report;

struct reporter {
	/* What the client says, terminal events too. summary is there for PROVISIONED and RENEWED. */
	void (*event)(const struct dps_event *event, const struct dps_report *report, const struct summary *summary);
	/* A failure before there is a client. */
	void (*config_failed)(dps_result cause, const char *text);
	/* Something odd but harmless before there is a client. */
	void (*warning)(const char *name, const char *text);
	/* What local onboarding does. */
	void (*onboarding)(const struct onboarding_event *event);
	/* What --option43 was taken for. */
	void (*option43)(enum dps_configured what, const struct dps_option43 *option);
	/* The factory reset is done. */
	void (*reset)(void);
	void (*status)(const struct status *status);
	/* What happens at the hub, and to lines of input. */
	void (*online)(const struct online_report *report);
};

extern const struct reporter reporter_text;
extern const struct reporter reporter_json;
extern const struct reporter reporter_quiet; /* errors only, for a person */

/* Unix seconds as "2026-11-22T08:25:37Z". */
#define TIME_TEXT_SIZE 32
void reporter_format_time(int64_t unix_s, char text[TIME_TEXT_SIZE]);

/* Lower-case hex of a SHA-256. */
void reporter_format_sha256(const uint8_t digest[DPS_SHA256_SIZE], char text[2 * DPS_SHA256_SIZE + 1]);

/* A pin as "sha256:HEX" or "spki-sha256:HEX". */
#define PIN_TEXT_SIZE (sizeof("spki-sha256:") + 2 * DPS_SHA256_SIZE)
void reporter_format_pin(const struct dps_pin *pin, char text[PIN_TEXT_SIZE]);

/* "unchanged", "updated", "reprovision". */
const char *reporter_configured_name(enum dps_configured what);

#endif
