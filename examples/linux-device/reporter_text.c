/* SPDX-License-Identifier: Apache-2.0 */
/* Telling a person: a line per step as it happens, with its time, and a summary. Failures go to standard error. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "reporter.h"
#include "reporter_online.h"

void reporter_format_time(int64_t unix_s, char text[TIME_TEXT_SIZE])
{
	time_t seconds = (time_t)unix_s;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || strftime(text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(text, TIME_TEXT_SIZE, "%" PRId64, unix_s);
}

void reporter_format_sha256(const uint8_t digest[DPS_SHA256_SIZE], char text[2 * DPS_SHA256_SIZE + 1])
{
	for (size_t i = 0; i < DPS_SHA256_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

void reporter_format_pin(const struct dps_pin *pin, char text[PIN_TEXT_SIZE])
{
	char hex[2 * DPS_SHA256_SIZE + 1];

	reporter_format_sha256(pin->digest, hex);
	snprintf(text, PIN_TEXT_SIZE, "%ssha256:%s", pin->kind == DPS_PIN_SPKI ? "spki-" : "", hex);
}

const char *reporter_configured_name(enum dps_configured what)
{
	static const char *const names[] = {
		[DPS_CONFIGURED_SAME] = "unchanged",
		[DPS_CONFIGURED_UPDATED] = "updated",
		[DPS_CONFIGURED_REPROVISION] = "reprovision",
	};

	return names[what];
}

static const char *const step_lines[DPS_STEP_COUNT] = {
	[DPS_STEP_TIME] = "the time is known, the service's certificate is in date",
	[DPS_STEP_OWNER] = "owner received",
	[DPS_STEP_CLOUD] = "hub address and token received",
	[DPS_STEP_CREDENTIALS] = "identity certificate received and verified",
	[DPS_STEP_ACLS] = "access lists received",
	[DPS_STEP_RESOURCES] = "resource values received",
};

static void print_failure(FILE *stream, const struct dps_failure *failure)
{
	fprintf(stream, "%s: %s", dps_step_name(failure->step), dps_result_text(failure->cause));
	if (failure->code != 0)
		fprintf(stream, ", code %u.%02u", failure->code / 100, failure->code % 100);
	if (failure->text[0] != '\0')
		fprintf(stream, " (%s)", failure->text);
	fprintf(stream, " [%s]", dps_result_name(failure->cause));
}

/* What is committed. */
static void print_committed(const struct summary *summary)
{
	char from[TIME_TEXT_SIZE];
	char until[TIME_TEXT_SIZE];
	char sha256[2 * DPS_SHA256_SIZE + 1];

	reporter_format_sha256(summary->identity.sha256, sha256);
	reporter_format_time(summary->identity.not_before, from);
	reporter_format_time(summary->identity.not_after, until);
	printf("  device       %s\n", summary->device_id);
	printf("  owner        %s\n", summary->owner);
	if (summary->has_identity) {
		printf("  identity     %s\n", summary->identity.subject_cn);
		printf("  valid        %s to %s\n", from, until);
		printf("  sha256       %s\n", sha256);
	}
	printf("  hub          %s\n", summary->hub_id);
	for (size_t i = 0; i < summary->gateway_count; i++)
		printf("  %-12s %s\n", i == 0 ? "gateways" : "", summary->gateways[i]);
	printf("  access       %zu entries\n", summary->aces);
	printf("  resources    %zu\n", summary->resources);
}

static void print_summary(const struct dps_event *event, const struct dps_report *report, const struct summary *summary)
{
	if (event->type == DPS_EVENT_RENEWED)
		printf("\nThe identity is renewed.\n");
	else
		printf("\n%s\n", event->fresh ? "This device is provisioned." : "This device was provisioned before; nothing was sent.");
	print_committed(summary);
	if (summary->tpm_handle != 0)
		printf("  keys         in the TPM: manufacturer 0x%08" PRIx32 ", operational below the SRK; %" PRIu32 " commands\n",
		       summary->tpm_handle, summary->tpm->commands);
	if (event->fresh)
		printf("  network      %" PRIu32 " round trips, %" PRIu32 " handshakes, %" PRIu32 " requests, %" PRIu64 " bytes sent, %" PRIu64
		       " received, %" PRIu32 " ms\n",
		       report->channel.round_trips, report->channel.handshakes, report->requests, report->channel.bytes_sent,
		       report->channel.bytes_received, report->elapsed_ms);
	fflush(stdout);
}

static void text_failure_event(const struct dps_event *event)
{
	switch (event->type) {
	case DPS_EVENT_FAILED:
		fprintf(stderr, "dps-device: %s: ", event->deadline ? "time-out" : "failed");
		print_failure(stderr, event->failure);
		fputc('\n', stderr);
		break;
	case DPS_EVENT_CANCELLED:
		fprintf(stderr, "dps-device: cancelled\n");
		break;
	default:
		break;
	}
}

static void text_event(const struct dps_event *event, const struct dps_report *report, const struct summary *summary)
{
	double seconds = event->at_ms / 1000.0;

	switch (event->type) {
	case DPS_EVENT_CONNECTED:
		printf("%8.3f s  connected to %s over TLS 1.2\n", seconds, event->endpoint);
		break;
	case DPS_EVENT_STEP:
		printf("%8.3f s  %-12s %s\n", seconds, dps_step_name(event->step), event->absent ? "none configured" : step_lines[event->step]);
		break;
	case DPS_EVENT_COMMITTED:
		printf("%8.3f s  %-12s all answers are in force and durable\n", seconds, "commit");
		break;
	case DPS_EVENT_FAILURE:
		printf("%8.3f s  ", seconds);
		print_failure(stdout, event->failure);
		printf(", again in %.1f s\n", event->retry_ms / 1000.0);
		break;
	case DPS_EVENT_WARNING:
		printf("%8.3f s  warning: ", seconds);
		print_failure(stdout, event->failure);
		putchar('\n');
		break;
	case DPS_EVENT_PROVISIONED:
	case DPS_EVENT_RENEWED:
		print_summary(event, report, summary);
		break;
	case DPS_EVENT_STATE:
	case DPS_EVENT_STATUS:
		break;
	case DPS_EVENT_FAILED:
	case DPS_EVENT_CANCELLED:
		text_failure_event(event);
		break;
	}
	fflush(stdout);
}

static void text_config_failed(dps_result cause, const char *text)
{
	fprintf(stderr, "dps-device: %s [%s]\n", text, dps_result_name(cause));
}

static void text_warning(const char *name, const char *text)
{
	fprintf(stderr, "dps-device: warning: %s [%s]\n", text, name);
}

static void print_pins(const struct dps_pin *pins, size_t count)
{
	char text[PIN_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		reporter_format_pin(&pins[i], text);
		printf("  %-12s %s\n", i == 0 ? "pins" : "", text);
	}
}

static void text_option43(enum dps_configured what, const struct dps_option43 *option)
{
	printf("option 43: %s\n", reporter_configured_name(what));
	printf("  endpoint     %s\n", option->uri);
	print_pins(option->pins, option->pin_count);
	fflush(stdout);
}

static void text_reset(void)
{
	puts("The device is reset: only the manufacturer's identity is left.");
	fflush(stdout);
}

static void text_status(const struct status *status)
{
	puts(status->provisioned ? "This device is provisioned." : "This device is not provisioned.");
	printf("  status       %s\n", status->name);
	for (size_t i = 0; i < status->endpoint_count; i++) {
		const struct dps_endpoint *endpoint = &status->endpoints[i];

		printf("  %-12s %s%s%s%s\n", i == 0 ? "endpoints" : "", endpoint->uri, *endpoint->name != '\0' ? " " : "", endpoint->name,
		       endpoint->selected ? " (selected)" : "");
	}
	print_pins(status->pins, status->pin_count);
	if (status->summary.device_id[0] != '\0')
		print_committed(&status->summary);
	fflush(stdout);
}

static void text_onboarding(const struct onboarding_event *event)
{
	static const char *const commands[] = {[DPS_CONF_NOTHING] = "",
	                                       [DPS_CONF_FORCE] = "provision again",
	                                       [DPS_CONF_REPLACE] = "a new endpoint",
	                                       [DPS_CONF_RESET] = "factory reset"};

	switch (event->kind) {
	case ONBOARDING_LISTENING:
		printf("onboarding: listening at %s and %s\n", event->plain, event->secure);
		break;
	case ONBOARDING_PROVED:
		puts("onboarding: a tool has proved to know the code");
		break;
	case ONBOARDING_COMMAND:
		printf("onboarding: told: %s\n", commands[event->command]);
		break;
	case ONBOARDING_CLOSED:
		puts("onboarding: closed, the device is owned");
		break;
	case ONBOARDING_OPENED:
		puts("onboarding: open again");
		break;
	case ONBOARDING_TROUBLE:
		break;
	}
	fflush(stdout);
}

static void quiet_onboarding(const struct onboarding_event *event)
{
	(void)event;
}

static void quiet_event(const struct dps_event *event, const struct dps_report *report, const struct summary *summary)
{
	(void)report;
	(void)summary;
	text_failure_event(event);
}

static void quiet_option43(enum dps_configured what, const struct dps_option43 *option)
{
	(void)what;
	(void)option;
}

static void quiet_reset(void)
{
}

static void quiet_status(const struct status *status)
{
	(void)status;
}

const struct reporter reporter_text = {text_event,    text_config_failed, text_warning, text_onboarding,
                                       text_option43, text_reset,         text_status,  reporter_online_text};
const struct reporter reporter_quiet = {quiet_event,    text_config_failed, text_warning, quiet_onboarding,
                                        quiet_option43, quiet_reset,        quiet_status, reporter_online_quiet};
