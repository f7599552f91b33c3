/* SPDX-License-Identifier: Apache-2.0 */
/* Telling a program: one JSON object a line on standard output, keyed "event". docs/integration.md lists them. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>

#include "reporter.h"
#include "reporter_json.h"
#include "reporter_online.h"

cJSON *reporter_json_new(const char *name)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "event", name);
	return json;
}

void reporter_json_print(cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	if (text != NULL)
		puts(text);
	fflush(stdout);
	cJSON_free(text);
	cJSON_Delete(json);
}

void reporter_json_add_code(cJSON *json, unsigned code)
{
	char text[16];

	snprintf(text, sizeof(text), "%u.%02u", code / 100, code % 100);
	if (code != 0)
		cJSON_AddStringToObject(json, "code", text);
	else
		cJSON_AddNullToObject(json, "code");
}

/* code is the peer's ("4.03"), null when there was none; text the peer's or the port's, else what the cause means. */
static void add_failure(cJSON *json, const struct dps_failure *failure)
{
	cJSON_AddStringToObject(json, "step", dps_step_name(failure->step));
	cJSON_AddStringToObject(json, "cause", dps_result_name(failure->cause));
	reporter_json_add_code(json, failure->code);
	cJSON_AddStringToObject(json, "text", failure->text[0] != '\0' ? failure->text : dps_result_text(failure->cause));
	cJSON_AddNumberToObject(json, "attempt", failure->attempt);
}

static void add_identity(cJSON *json, const struct summary *summary)
{
	cJSON *identity = cJSON_AddObjectToObject(json, "identity");
	char sha256[2 * DPS_SHA256_SIZE + 1];
	char text[TIME_TEXT_SIZE];

	reporter_format_sha256(summary->identity.sha256, sha256);
	cJSON_AddStringToObject(identity, "subject", summary->identity.subject_cn);
	reporter_format_time(summary->identity.not_before, text);
	cJSON_AddStringToObject(identity, "notBefore", text);
	reporter_format_time(summary->identity.not_after, text);
	cJSON_AddStringToObject(identity, "notAfter", text);
	cJSON_AddStringToObject(identity, "sha256", sha256);
}

static void add_report(cJSON *json, const struct dps_report *report)
{
	cJSON *object = cJSON_AddObjectToObject(json, "report");
	cJSON *steps;

	cJSON_AddNumberToObject(object, "handshakes", report->channel.handshakes);
	cJSON_AddNumberToObject(object, "connections", report->connections);
	cJSON_AddNumberToObject(object, "requests", report->requests);
	cJSON_AddNumberToObject(object, "roundTrips", report->channel.round_trips);
	cJSON_AddNumberToObject(object, "bytesSent", (double)report->channel.bytes_sent);
	cJSON_AddNumberToObject(object, "bytesReceived", (double)report->channel.bytes_received);
	cJSON_AddNumberToObject(object, "ms", report->elapsed_ms);
	steps = cJSON_AddObjectToObject(object, "steps");
	for (unsigned step = 0; step < DPS_STEP_COUNT; step++)
		if (report->step_ms[step] != 0)
			cJSON_AddNumberToObject(steps, dps_step_name((enum dps_step_id)step), report->step_ms[step]);
}

/* Where the keys are, and what was asked of the TPM so far: on a chip that is the largest part of a run's time. */
static void add_tpm(cJSON *json, const struct summary *summary)
{
	const struct dps_tpm2_stats *stats = summary->tpm;
	cJSON *tpm = cJSON_AddObjectToObject(json, "tpm");
	cJSON *list;
	char handle[16];

	snprintf(handle, sizeof(handle), "0x%08" PRIx32, summary->tpm_handle);
	cJSON_AddStringToObject(tpm, "handle", handle);
	cJSON_AddNumberToObject(tpm, "commands", stats->commands);
	cJSON_AddNumberToObject(tpm, "us", (double)stats->us);
	list = cJSON_AddArrayToObject(tpm, "list");
	for (uint32_t i = 0; i < stats->commands && i < DPS_TPM2_COMMANDS; i++) {
		cJSON *command = cJSON_CreateObject();

		cJSON_AddStringToObject(command, "name", dps_tpm2_command_name(stats->list[i].code));
		cJSON_AddNumberToObject(command, "us", stats->list[i].us);
		cJSON_AddItemToArray(list, command);
	}
}

/* What is committed, in `provisioned` as in `status`. */
static void add_summary(cJSON *json, const struct summary *summary)
{
	cJSON *hub;
	cJSON *gateways;

	cJSON_AddStringToObject(json, "deviceId", summary->device_id);
	cJSON_AddStringToObject(json, "owner", summary->owner);
	hub = cJSON_AddObjectToObject(json, "hub");
	cJSON_AddStringToObject(hub, "id", summary->hub_id);
	cJSON_AddStringToObject(hub, "gateway", summary->gateway);
	gateways = cJSON_AddArrayToObject(hub, "gateways");
	for (size_t i = 0; i < summary->gateway_count; i++)
		cJSON_AddItemToArray(gateways, cJSON_CreateString(summary->gateways[i]));
	if (summary->has_identity)
		add_identity(json, summary);
	else
		cJSON_AddNullToObject(json, "identity");
	cJSON_AddNumberToObject(json, "aces", (double)summary->aces);
	cJSON_AddNumberToObject(json, "resources", (double)summary->resources);
}

/* The wear of the medium since the program began. */
static void add_storage(cJSON *json, const struct dps_posix_storage_stats *stats)
{
	cJSON *storage = cJSON_AddObjectToObject(json, "storage");

	cJSON_AddNumberToObject(storage, "writes", stats->writes);
	cJSON_AddNumberToObject(storage, "bytes", (double)stats->bytes);
	cJSON_AddNumberToObject(storage, "erases", stats->erases);
}

static cJSON *provisioned(const struct dps_event *event, const struct dps_report *report, const struct summary *summary)
{
	cJSON *json = reporter_json_new("provisioned");

	cJSON_AddBoolToObject(json, "fresh", event->fresh);
	add_summary(json, summary);
	add_report(json, report);
	if (summary->storage != NULL)
		add_storage(json, summary->storage);
	if (summary->tpm_handle != 0)
		add_tpm(json, summary);
	return json;
}

static cJSON *committed(const struct dps_event *event)
{
	cJSON *json = reporter_json_new("committed");
	cJSON *records = cJSON_AddArrayToObject(json, "records");

	for (unsigned record = 0; record < DPS_RECORD_COUNT; record++)
		if ((event->records >> record & 1u) != 0)
			cJSON_AddItemToArray(records, cJSON_CreateString(dps_record_name((enum dps_record)record)));
	cJSON_AddBoolToObject(json, "ownerChanged", event->owner_changed);
	return json;
}

static void json_event(const struct dps_event *event, const struct dps_report *report, const struct summary *summary)
{
	cJSON *json = NULL;

	switch (event->type) {
	case DPS_EVENT_STATE:
		return; /* operators see statuses */
	case DPS_EVENT_STATUS:
		json = reporter_json_new("state");
		cJSON_AddStringToObject(json, "from", dps_status_name(event->previous_status));
		cJSON_AddStringToObject(json, "to", dps_status_name(event->status));
		cJSON_AddStringToObject(json, "why", dps_why_name(event->why));
		break;
	case DPS_EVENT_CONNECTED:
		json = reporter_json_new("connected");
		cJSON_AddStringToObject(json, "endpoint", event->endpoint);
		break;
	case DPS_EVENT_STEP:
		json = reporter_json_new("step");
		cJSON_AddStringToObject(json, "step", dps_step_name(event->step));
		cJSON_AddBoolToObject(json, "absent", event->absent);
		break;
	case DPS_EVENT_FAILURE:
		json = reporter_json_new("retry");
		add_failure(json, event->failure);
		cJSON_AddNumberToObject(json, "inMs", event->retry_ms);
		cJSON_AddStringToObject(json, "endpoint", event->endpoint);
		break;
	case DPS_EVENT_WARNING:
		json = reporter_json_new("warning");
		add_failure(json, event->failure);
		break;
	case DPS_EVENT_COMMITTED:
		json = committed(event);
		break;
	case DPS_EVENT_PROVISIONED:
		json = provisioned(event, report, summary);
		break;
	case DPS_EVENT_RENEWED:
		json = reporter_json_new("renewed");
		add_identity(json, summary);
		break;
	case DPS_EVENT_FAILED:
		json = reporter_json_new("failed");
		add_failure(json, event->failure);
		cJSON_AddBoolToObject(json, "deadline", event->deadline);
		break;
	case DPS_EVENT_CANCELLED:
		json = reporter_json_new("failed");
		add_failure(json, &(struct dps_failure){.step = DPS_STEP_CONFIG, .cause = DPS_E_CANCELLED, .attempt = 1});
		break;
	}
	cJSON_AddNumberToObject(json, "atMs", event->at_ms);
	reporter_json_print(json);
}

static void json_config_failed(dps_result cause, const char *text)
{
	const struct dps_failure failure = {.step = DPS_STEP_CONFIG, .cause = cause, .attempt = 1};
	cJSON *json = reporter_json_new("failed");

	add_failure(json, &failure);
	cJSON_ReplaceItemInObject(json, "text", cJSON_CreateString(text));
	reporter_json_print(json);
}

static void json_warning(const char *name, const char *text)
{
	cJSON *json = reporter_json_new("warning");

	cJSON_AddStringToObject(json, "step", dps_step_name(DPS_STEP_CONFIG));
	cJSON_AddStringToObject(json, "cause", name);
	cJSON_AddStringToObject(json, "text", text);
	reporter_json_print(json);
}

static void add_pins(cJSON *json, const struct dps_pin *pins, size_t count)
{
	cJSON *array = cJSON_AddArrayToObject(json, "pins");
	char text[PIN_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		reporter_format_pin(&pins[i], text);
		cJSON_AddItemToArray(array, cJSON_CreateString(text));
	}
}

static void json_option43(enum dps_configured what, const struct dps_option43 *option)
{
	cJSON *json = reporter_json_new("option43");

	cJSON_AddStringToObject(json, "result", reporter_configured_name(what));
	cJSON_AddStringToObject(json, "endpoint", option->uri);
	add_pins(json, option->pins, option->pin_count);
	reporter_json_print(json);
}

static void json_reset(void)
{
	cJSON *json = reporter_json_new("reset");

	cJSON_AddBoolToObject(json, "ok", true);
	reporter_json_print(json);
}

static void json_status(const struct status *status)
{
	cJSON *json = reporter_json_new("status");
	cJSON *endpoints;

	cJSON_AddStringToObject(json, "state", status->provisioned ? "provisioned" : "not provisioned");
	cJSON_AddStringToObject(json, "status", status->name);
	add_summary(json, &status->summary);
	endpoints = cJSON_AddArrayToObject(json, "endpoints");
	for (size_t i = 0; i < status->endpoint_count; i++) {
		cJSON *endpoint = cJSON_CreateObject();

		cJSON_AddStringToObject(endpoint, "uri", status->endpoints[i].uri);
		cJSON_AddStringToObject(endpoint, "name", status->endpoints[i].name);
		cJSON_AddBoolToObject(endpoint, "selected", status->endpoints[i].selected);
		cJSON_AddItemToArray(endpoints, endpoint);
	}
	add_pins(json, status->pins, status->pin_count);
	reporter_json_print(json);
}

static void json_onboarding(const struct onboarding_event *event)
{
	static const char *const kinds[] = {
		[ONBOARDING_LISTENING] = "listening", [ONBOARDING_PROVED] = "proved", [ONBOARDING_COMMAND] = "command",
		[ONBOARDING_CLOSED] = "closed",       [ONBOARDING_OPENED] = "opened",
	};
	static const char *const commands[] = {
		[DPS_CONF_NOTHING] = "", [DPS_CONF_FORCE] = "reprovision", [DPS_CONF_REPLACE] = "set-endpoint", [DPS_CONF_RESET] = "reset"};
	cJSON *json = reporter_json_new("onboarding");

	cJSON_AddStringToObject(json, "kind", kinds[event->kind]);
	if (event->kind == ONBOARDING_LISTENING) {
		cJSON_AddStringToObject(json, "plain", event->plain);
		cJSON_AddStringToObject(json, "secure", event->secure);
	}
	if (event->kind == ONBOARDING_COMMAND)
		cJSON_AddStringToObject(json, "command", commands[event->command]);
	reporter_json_print(json);
}

const struct reporter reporter_json = {json_event,    json_config_failed, json_warning, json_onboarding,
                                       json_option43, json_reset,         json_status,  reporter_online_json};
