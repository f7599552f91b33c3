/* SPDX-License-Identifier: Apache-2.0 */
/* See reporter_online.h: to a program as JSON lines, and to a person. */
#include "reporter_online.h"

#include <inttypes.h>
#include <stdio.h>

#include "reporter_json.h"

static const char *method_name(unsigned method)
{
	static const char *const names[] = {"", "GET", "POST", "PUT", "DELETE"};

	return method < sizeof(names) / sizeof(names[0]) ? names[method] : "?";
}

/* --- JSON -------------------------------------------------------------------------------------------------------------------------- */

static void add_failure(cJSON *json, const struct dps_hub_event *event)
{
	cJSON_AddStringToObject(json, "cause", dps_result_name(event->cause));
	reporter_json_add_code(json, event->code);
	cJSON_AddStringToObject(json, "text", event->text[0] != '\0' ? event->text : dps_result_text(event->cause));
}

static cJSON *online(const struct dps_hub_event *event)
{
	cJSON *json = reporter_json_new("online");
	char hub[DPS_UUID_TEXT_LEN + 1];

	dps_uuid_format(&event->hub, hub);
	cJSON_AddStringToObject(json, "hub", hub);
	cJSON_AddStringToObject(json, "gateway", event->gateway);
	cJSON_AddNumberToObject(json, "expiresIn", (double)event->expires_in_s);
	cJSON_AddNumberToObject(json, "ms", event->ms);
	cJSON_AddBoolToObject(json, "resumed", event->resumed);
	return json;
}

static cJSON *published(const struct online_report *report)
{
	cJSON *json = reporter_json_new("published");

	cJSON_AddItemToObject(json, "hrefs", cJSON_CreateStringArray(report->hrefs, (int)report->href_count));
	return json;
}

static cJSON *fallback(const struct dps_hub_event *event)
{
	cJSON *json = reporter_json_new("fallback");

	cJSON_AddStringToObject(json, "provision", event->provision == DPS_HUB_PROVISION_GATEWAY ? "gateway" : "again");
	cJSON_AddStringToObject(json, "gateway", event->gateway);
	cJSON_AddNumberToObject(json, "inMs", event->in_ms);
	return json;
}

/* NULL: nothing is told. */
static cJSON *of_hub(const struct online_report *report)
{
	const struct dps_hub_event *event = report->hub;
	cJSON *json = NULL;

	switch (event->type) {
	case DPS_HUB_EVENT_STATE:
		break;
	case DPS_HUB_EVENT_ONLINE:
		return online(event);
	case DPS_HUB_EVENT_PUBLISHED:
		return published(report);
	case DPS_HUB_EVENT_REFRESHED:
		json = reporter_json_new("refreshed");
		cJSON_AddNumberToObject(json, "expiresIn", (double)event->expires_in_s);
		break;
	case DPS_HUB_EVENT_OFFLINE:
		json = reporter_json_new("offline");
		add_failure(json, event);
		cJSON_AddStringToObject(json, "gateway", event->gateway);
		cJSON_AddNumberToObject(json, "inMs", event->in_ms);
		break;
	case DPS_HUB_EVENT_WARNING:
		json = reporter_json_new("warning");
		cJSON_AddStringToObject(json, "step", "hub");
		add_failure(json, event);
		break;
	case DPS_HUB_EVENT_FALLBACK:
		return fallback(event);
	case DPS_HUB_EVENT_SIGNED_OUT:
		return reporter_json_new("signed-out");
	case DPS_HUB_EVENT_SIGNED_OFF:
		return reporter_json_new("signed-off");
	}
	return json;
}

void reporter_online_json(const struct online_report *report)
{
	cJSON *json = NULL;

	switch (report->kind) {
	case ONLINE_HUB:
		json = of_hub(report);
		break;
	case ONLINE_COMMAND:
		json = reporter_json_new("command");
		cJSON_AddStringToObject(json, "method", method_name(report->method));
		cJSON_AddStringToObject(json, "href", report->href);
		reporter_json_add_code(json, report->code);
		break;
	case ONLINE_NOTIFIED:
		json = reporter_json_new("notified");
		cJSON_AddStringToObject(json, "href", report->href);
		break;
	case ONLINE_INPUT:
		json = reporter_json_new("input");
		if (report->line != NULL)
			cJSON_AddStringToObject(json, "line", report->line);
		cJSON_AddBoolToObject(json, "ok", report->error == NULL);
		if (report->error != NULL)
			cJSON_AddStringToObject(json, "error", report->error);
		break;
	}
	if (json != NULL)
		reporter_json_print(json);
	if (report->kind == ONLINE_INPUT)
		reporter_online_quiet(report);
}

/* --- for a person ------------------------------------------------------------------------------------------------------------------ */

static void print_failure(const char *what, const struct dps_hub_event *event)
{
	printf("hub: %s: %s", what, dps_result_text(event->cause));
	if (event->code != 0)
		printf(", code %u.%02u", event->code / 100, event->code % 100);
	if (event->text[0] != '\0')
		printf(" (%s)", event->text);
	printf(" [%s]", dps_result_name(event->cause));
}

static void print_life(int64_t seconds)
{
	if (seconds < 0)
		puts(", without end");
	else
		printf(", for %" PRId64 " s\n", seconds);
}

static void text_of_hub(const struct online_report *report)
{
	const struct dps_hub_event *event = report->hub;

	switch (event->type) {
	case DPS_HUB_EVENT_STATE:
		break;
	case DPS_HUB_EVENT_ONLINE:
		printf("hub: online at %s after %.3f s%s", event->gateway, event->ms / 1000.0, event->resumed ? ", TLS session resumed" : "");
		print_life(event->expires_in_s);
		break;
	case DPS_HUB_EVENT_PUBLISHED:
		printf("hub: published");
		for (size_t i = 0; i < report->href_count; i++)
			printf(" %s", report->hrefs[i]);
		putchar('\n');
		break;
	case DPS_HUB_EVENT_REFRESHED:
		printf("hub: new token");
		print_life(event->expires_in_s);
		break;
	case DPS_HUB_EVENT_OFFLINE:
		print_failure("offline", event);
		printf(", next attempt in %.1f s\n", event->in_ms / 1000.0);
		break;
	case DPS_HUB_EVENT_WARNING:
		print_failure("warning", event);
		putchar('\n');
		break;
	case DPS_HUB_EVENT_FALLBACK:
		printf("hub: provisioning %s is asked for\n", event->provision == DPS_HUB_PROVISION_GATEWAY ? "for another hub" : "again");
		break;
	case DPS_HUB_EVENT_SIGNED_OUT:
		puts("hub: signed out");
		break;
	case DPS_HUB_EVENT_SIGNED_OFF:
		puts("hub: signed off");
		break;
	}
}

void reporter_online_text(const struct online_report *report)
{
	switch (report->kind) {
	case ONLINE_HUB:
		text_of_hub(report);
		break;
	case ONLINE_COMMAND:
		printf("hub: %s %s, answered %u.%02u\n", method_name(report->method), report->href, report->code / 100, report->code % 100);
		break;
	case ONLINE_NOTIFIED:
		printf("hub: told of %s\n", report->href);
		break;
	case ONLINE_INPUT:
		reporter_online_quiet(report);
		break;
	}
	fflush(stdout);
}

void reporter_online_quiet(const struct online_report *report)
{
	if (report->kind == ONLINE_INPUT && report->error != NULL)
		fprintf(stderr, "dps-device: input: %s\n", report->error);
}
