/* SPDX-License-Identifier: Apache-2.0 */
/* See online.h. */
#include "online.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "device_onboarding.h"
#include "exit_status.h"
#include "reporter_online.h"
#include "resources.h"

/* How long a good-bye may take. */
#define LEAVE_MS 4000

/* A run that failed for good leaves a device that is online, and whose identity somebody has to renew: the client is started again. */
#define RESTART_MS 60000

/* --- reports ----------------------------------------------------------------------------------------------------------------------- */

/* Neither copies: the texts need to live for the call only. */
static void report_href(struct device *device, struct online_report *report, struct dps_span href)
{
	char text[ONLINE_HREF_SIZE];

	snprintf(text, sizeof(text), "%.*s", (int)(href.len < sizeof(text) ? href.len : sizeof(text) - 1), (const char *)href.data);
	for (char *c = text; *c != '\0'; c++) /* a path that is not there may be anything */
		*c = *c < ' ' || *c > '~' ? '?' : *c;
	report->href = text;
	device->reporter->online(report);
}

static void on_request(void *user, unsigned method, struct dps_span path, unsigned code)
{
	static const char res[] = "/oic/res";
	struct online_report report = {.kind = ONLINE_COMMAND, .method = method, .code = code};

	/* The gateway's own housekeeping. */
	if (path.len == sizeof(res) - 1 && memcmp(path.data, res, path.len) == 0)
		return;
	report_href(user, &report, path);
}

static void on_notified(void *user, const char *href)
{
	struct device *device = user;
	const struct online_report report = {.kind = ONLINE_NOTIFIED, .href = href};

	device->reporter->online(&report);
}

static void on_link(void *ctx, struct dps_span href, uint32_t ins)
{
	struct online *online = ctx; /* of which the resources are the first member */
	char *text = online->hrefs[online->href_count];

	(void)ins;
	if (online->href_count == DPS_DEVICE_ENTRIES || href.len >= ONLINE_HREF_SIZE)
		return;
	if (href.len > 0)
		memcpy(text, href.data, href.len);
	text[href.len] = '\0';
	online->href_count++;
}

static void on_hub_event(void *user, const struct dps_hub_event *event)
{
	struct device *device = user;
	struct online *online = &device->online;
	const char *hrefs[DPS_DEVICE_ENTRIES];
	const struct online_report report = {.kind = ONLINE_HUB, .hub = event, .hrefs = hrefs, .href_count = online->href_count};

	for (size_t i = 0; i < online->href_count; i++)
		hrefs[i] = online->hrefs[i];
	device->reporter->online(&report);
	if (event->type == DPS_HUB_EVENT_ONLINE) {
		online->signed_in = true;
		online->gateway_hub = event->hub;
		snprintf(online->gateway, sizeof(online->gateway), "%s", event->gateway);
	}
	if (event->type == DPS_HUB_EVENT_PUBLISHED) {
		online->published = true;
		online->href_count = 0;
	}
}

/* --- resources --------------------------------------------------------------------------------------------------------------------- */

/* What /x.plgd.dev/time shows. */
static void show_time(void *user, struct dps_device_time *time)
{
	const struct device *device = user;

	*time = (struct dps_device_time){.last_synced = device->online.last_synced, .status = DPS_TIME_UNKNOWN};
	if (dps_client_time(&device->client, &time->now))
		time->status = DPS_TIME_IN_SYNC;
}

/* The hub's own word; it is shown, and nothing follows from it. */
static bool set_synced(void *user, int64_t last_synced)
{
	struct device *device = user;

	device->online.last_synced = last_synced;
	return true;
}

static dps_result make_resources(struct device *device, const struct dps_uuid *id, const char **href)
{
	struct online *online = &device->online;
	dps_result result;

	if (online->name[0] == '\0')
		snprintf(online->name, sizeof(online->name), "dps-device");
	online->about = (struct dps_device_config){
		.id = *id,
		.type = "oic.d.light",
		.manufacturer = "libdps",
		.name = online->name,
		.name_size = sizeof(online->name),
		.clock = show_time,
		.set_synced = set_synced,
		.on_request = on_request,
		.on_notified = on_notified,
		.random = &device->platform.random,
		.user = device,
	};
	*href = "";
	result = dps_device_init(&online->resources, &online->about);
	if (result == DPS_OK)
		result = dps_device_add(&online->resources, online_conf_resource(device));
	return result == DPS_OK ? resources_add(&online->resources, href) : result;
}

bool online_prepare(struct device *device)
{
	const struct options *options = device->options;
	static const struct dps_uuid any = {{1}};
	const char *href = "";
	dps_result result;

	for (size_t i = 0; i < options->resource_count; i++) {
		const char *error = resources_define(options->resources[i]);

		if (error != NULL)
			return device_fail(device, DPS_E_ARGUMENT, "--resource %s: %s", options->resources[i], error);
	}
	if (!options->online)
		return true;
	dps_posix_random_init(&device->platform.random);
	result = make_resources(device, &any, &href);
	if (result == DPS_OK)
		return true;
	return device_fail(device, DPS_E_ARGUMENT, "--resource %s: %s", href,
	                   result == DPS_E_STATE       ? "there is one with this path"
	                   : result == DPS_E_TOO_LARGE ? "all values together would not fit in one message"
	                                               : "not a resource, or one too many");
}

static void refused(void *ctx, struct dps_span href)
{
	const struct device *device = ctx;
	char text[ONLINE_HREF_SIZE + 64];

	snprintf(text, sizeof(text), "the initial value of %.*s does not fit", (int)(href.len < ONLINE_HREF_SIZE ? href.len : ONLINE_HREF_SIZE),
	         (const char *)href.data);
	device->reporter->warning("resources", text);
}

static void apply_values(struct device *device)
{
	struct online *online = &device->online;
	struct dps_resources values;
	dps_result result = dps_client_read_resources(&device->client, online->values, sizeof(online->values), &values);

	if (result == DPS_OK)
		resources_apply(&online->resources, &values, refused, device);
	else if (result != DPS_E_NOT_FOUND)
		device->reporter->warning(dps_result_name(result), "the initial values of the resources cannot be read");
}

static void apply_acl(struct device *device)
{
	struct online *online = &device->online;
	const unsigned next = 1 - online->in_use;
	dps_result result =
		dps_online_set_acl(&online->join, &online->resources, online->acls[next].committed, online->acls[next].local, DPS_CONFIG_BODY_SIZE);

	online->in_use = next;
	if (result != DPS_OK)
		device->reporter->warning(dps_result_name(result), "an access list cannot be read: it grants nothing");
}

/* --- opening ----------------------------------------------------------------------------------------------------------------------- */

bool online_open(struct device *device)
{
	struct online *online = &device->online;
	dps_result result;

	if (!device->options->online)
		return true;
	online->device = device;
	result = dps_posix_network_init(&online->network, &device->platform.clock);
	if (result != DPS_OK)
		return device_fail(device, result, "the network: %s", dps_result_text(result));
	dps_mbedtls_channel_init(&online->channel, &online->network.port, &device->platform.random);
	dps_online_init(&online->join, &device->client, &online->hub);
	input_open(&online->input);
	online->is_open = true;
	if (device->options->once)
		online->deadline = device_now_ms(device) + device->options->timeout_ms;
	return true;
}

void online_close(struct device *device)
{
	struct online *online = &device->online;

	if (!online->is_open)
		return;
	dps_hub_deinit(&online->hub);
	dps_mbedtls_channel_deinit(&online->channel);
	dps_posix_network_deinit(&online->network);
	online->is_open = false;
}

static void configure(struct device *device, struct dps_hub_config *config)
{
	const struct options *options = device->options;
	struct online *online = &device->online;

	dps_hub_config_default(config);
	config->platform = &device->platform;
	config->channel = &online->channel.port;
	config->keys = options->key_handle != 0 ? &device->tpm.port : &device->keys.port;
	config->source = dps_online_source(&online->join);
	dps_device_serve_hub(&online->resources, config);
	config->on_link = on_link;
	if (options->hub_retry_count > 0) {
		memcpy(config->retry_ms, options->hub_retry_ms, sizeof(config->retry_ms));
		config->retry_count = options->hub_retry_count;
	}
	if (options->hub_fallback_ms > 0)
		config->fallback_ms = options->hub_fallback_ms;
	if (config->fallback_max_ms < config->fallback_ms)
		config->fallback_max_ms = config->fallback_ms;
	config->on_event = on_hub_event;
	config->user = device;
}

/* The first time, and behind a reset, when the device has another id. */
static void start_session(struct device *device)
{
	struct online *online = &device->online;
	struct dps_hub_config config;
	struct dps_uuid id;
	const char *href;
	dps_result result = dps_client_device_id(&device->client, &id);

	if (result == DPS_OK)
		result = make_resources(device, &id, &href);
	online->has_resources = result == DPS_OK;
	if (result == DPS_OK) {
		apply_values(device);
		apply_acl(device);
		configure(device, &config);
		result = dps_hub_init(&online->hub, &config);
	}
	if (result == DPS_OK)
		result = dps_hub_start(&online->hub);
	online->runs = result == DPS_OK;
	if (result == DPS_OK)
		return;
	(void)device_fail(device, result, "the hub: %s", dps_result_text(result));
	device->ended = true;
}

/* --- the run ----------------------------------------------------------------------------------------------------------------------- */

/*
 * A run of a provisioned device (forced, a renewal, or one to where it was sent before the power went) may be without end: its hub is where somebody can mend that.
 * One with --once is there for the run.
 */
void online_begin(struct device *device)
{
	bool provisioned = false;

	if (device->online.is_open && !device->options->once)
		device->online.start_due = dps_client_load(&device->client, &provisioned) == DPS_OK && provisioned;
}

void online_event(struct device *device, const struct dps_event *event)
{
	struct online *online = &device->online;
	const uint32_t lists = 1u << (unsigned)DPS_RECORD_ACLS | 1u << (unsigned)DPS_RECORD_LOCAL;

	if (!online->is_open)
		return;
	dps_online_event(&online->join, event);
	switch (event->type) {
	case DPS_EVENT_STEP:
		if (event->step == DPS_STEP_TIME)
			(void)!dps_client_time(&device->client, &online->last_synced);
		break;
	case DPS_EVENT_COMMITTED:
		online->acl_due |= (event->records & lists) != 0;
		online->values_due |= (event->records & 1u << (unsigned)DPS_RECORD_RESOURCES) != 0;
		break;
	case DPS_EVENT_PROVISIONED:
		online->start_due = true;
		break;
	case DPS_EVENT_FAILED:
		if (online_stays(device))
			online->restart_at = device_now_ms(device) + RESTART_MS;
		break;
	default:
		break;
	}
}

bool online_stays(const struct device *device)
{
	return device->online.runs && !device->options->once;
}

static void take_line(void *ctx, const char *line, const char *error)
{
	struct device *device = ctx;
	struct online_report report = {.kind = ONLINE_INPUT, .line = line, .error = error};
	const char *href = NULL;

	if (line != NULL)
		report.error = resources_set(line, &href);
	device->reporter->online(&report);
	if (href != NULL && device->online.has_resources)
		(void)dps_device_changed(&device->online.resources, href);
}

static void begin_leaving(struct device *device, int how)
{
	struct online *online = &device->online;

	online->leaving = how == ONLINE_RESETS ? ONLINE_RESETS : ONLINE_LEAVES;
	online->deadline = device_now_ms(device) + LEAVE_MS;
	online->restart_at = 0;
	dps_client_stop(&device->client);
	dps_hub_stop(&online->hub);
}

void online_begin_reset(struct device *device)
{
	begin_leaving(device, ONLINE_RESETS);
}

struct dps_gateway online_gateway(const struct device *device)
{
	const struct online *online = &device->online;

	return (struct dps_gateway){online->gateway_hub, {(const uint8_t *)online->gateway, strlen(online->gateway)}};
}

bool online_leave(struct device *device)
{
	struct online *online = &device->online;

	if (!online->runs)
		return false;
	if (online->leaving == ONLINE_LEAVES || online->ends) {
		device->exit_status = EXIT_PROVISIONED;
		device->ended = true;
	} else if (online->leaving == ONLINE_RESETS) {
		online->ends = true; /* what is begun is finished */
	} else {
		begin_leaving(device, ONLINE_LEAVES);
	}
	return true;
}

/* The device is as it left the factory; whoever is on the local network may say where it is to go. */
static void reset(struct device *device)
{
	struct online *online = &device->online;
	dps_result result = dps_client_factory_reset(&device->client);

	online->leaving = ONLINE_STAYS;
	online->deadline = 0;
	online->start_due = false;
	online->last_synced = 0;
	online->name[0] = '\0';
	online->gateway[0] = '\0';
	online->has_resources = false;
	if (result != DPS_OK) {
		(void)device_fail(device, result, "the reset is not complete, it is ended at the next start: %s", dps_result_text(result));
		device->ended = true;
		return;
	}
	device->reporter->reset();
	device->owner_may_differ = true;
	device->ended = online->ends || !device->onboarding_is_open;
	device->exit_status = device->ended ? EXIT_PROVISIONED : EXIT_FAILED; /* what goes on is not provisioned any more */
}

/* Whether the good-bye is said, or took too long. */
static bool finish_leaving(struct device *device)
{
	struct online *online = &device->online;

	if (dps_hub_state(&online->hub) != DPS_HUB_IDLE && device_now_ms(device) < online->deadline)
		return false;
	dps_hub_deinit(&online->hub);
	online->runs = false;
	if (online->leaving == ONLINE_RESETS) {
		reset(device);
		return true;
	}
	device->exit_status = EXIT_PROVISIONED;
	device->ended = true;
	return true;
}

/* Of a run with --once: whether there is something to do now. */
static bool judge_once(struct device *device)
{
	struct online *online = &device->online;

	if (!online->runs) /* the client has a deadline of its own */
		return false;
	if (online->signed_in && online->published) {
		begin_leaving(device, ONLINE_LEAVES);
		return true;
	}
	if (device_now_ms(device) < online->deadline)
		return false;
	device->reporter->config_failed(DPS_E_DEADLINE, online->signed_in ? "the resources are not published" : "the device is not online");
	device->exit_status = EXIT_DEADLINE;
	device->ended = true;
	return true;
}

static uint32_t until(const struct device *device, uint64_t at, uint32_t within)
{
	const uint64_t now = device_now_ms(device);

	if (at == 0)
		return within;
	if (at <= now)
		return 0;
	return at - now < within ? (uint32_t)(at - now) : within;
}

/* A state that cannot be started from is one where a run has begun already. */
static void restart_client(struct device *device)
{
	struct online *online = &device->online;

	if (online->restart_at == 0 || device_now_ms(device) < online->restart_at)
		return;
	online->restart_at = 0;
	if (dps_client_state(&device->client) == DPS_STATE_IDLE)
		(void)!dps_client_start(&device->client, DPS_START_NORMAL);
}

static void do_what_is_due(struct device *device)
{
	struct online *online = &device->online;
	dps_result result;

	restart_client(device);
	result = dps_online_process(&online->join);
	if (result != DPS_OK)
		device->reporter->warning(dps_result_name(result), "provisioning could not be started");
	if (online->start_due && !online->runs && online->leaving == ONLINE_STAYS)
		start_session(device);
	online->start_due = false;
	if (!online->has_resources)
		return;
	if (online->acl_due)
		apply_acl(device);
	if (online->values_due)
		apply_values(device);
	online->acl_due = false;
	online->values_due = false;
	online_conf_note(device);
}

uint32_t online_process(struct device *device)
{
	struct online *online = &device->online;
	uint32_t within = DPS_FOREVER;
	enum dps_state before;

	if (!online->is_open || device->ended)
		return DPS_FOREVER;
	if (input_is_ready(&online->input))
		input_read(&online->input, take_line, device);
	before = dps_client_state(&device->client);
	if (online->leaving == ONLINE_STAYS)
		do_what_is_due(device);
	if (online->runs) {
		within = dps_hub_process(&online->hub);
		if (online->leaving == ONLINE_STAYS && online_conf_carry_out(device))
			within = 0;
	}
	if (dps_client_state(&device->client) != before)
		within = 0; /* provisioning has begun */
	if (online->leaving != ONLINE_STAYS ? finish_leaving(device) : device->options->once && judge_once(device))
		within = 0;
	within = until(device, online->restart_at, within);
	return until(device, online->runs ? online->deadline : 0, within);
}

size_t online_wait_on(struct device *device, struct dps_wait *waits, size_t max)
{
	struct online *online = &device->online;
	size_t count = 0;

	if (!online->is_open || max == 0)
		return 0;
	if (online->input.file >= 0)
		waits[count++] = (struct dps_wait){.handle = online->input.file, .directions = DPS_WAIT_READ};
	return count + (online->runs ? dps_hub_wait_on(&online->hub, waits + count, max - count) : 0);
}
