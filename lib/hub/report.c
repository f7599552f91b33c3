/* SPDX-License-Identifier: Apache-2.0 */
/* States and events: what the application is told, and that no secret is in it. */
#include <string.h>

#include "codec/text.h"
#include "hub/internal.h"

#if DPS_CONFIG_HUB

/* So much of a token in a text is enough to leave the text out; base64url of JSON begins alike, so other tokens are caught too. */
#define TOKEN_PREFIX 8

const char *dps_hub_state_name(enum dps_hub_state state)
{
#if DPS_CONFIG_NAMES
	static const char *const names[] = {
		[DPS_HUB_IDLE] = "idle",
		[DPS_HUB_WAITING] = "waiting",
		[DPS_HUB_CONNECTING] = "connecting",
		[DPS_HUB_SIGNING_IN] = "signing-in",
		[DPS_HUB_ONLINE] = "online",
		[DPS_HUB_LEAVING] = "leaving",
		[DPS_HUB_PROVISIONING] = "provisioning",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
#else
	(void)state;
	return "";
#endif
}

uint64_t dps_hub_now(const struct dps_hub *hub)
{
	const struct dps_clock *clock = &hub->config.platform->clock;

	return clock->monotonic_ms(clock->ctx);
}

int64_t dps_hub_wall_s(const struct dps_hub *hub)
{
	const int64_t now_s = hub->config.source.now_s(hub->config.source.ctx);

	return now_s > 0 ? now_s : 0;
}

uint32_t dps_hub_random(const struct dps_hub *hub)
{
	const struct dps_random *random = &hub->config.platform->random;
	uint8_t b[4];

	if (random->fill(random->ctx, b, sizeof(b)) != DPS_OK)
		return UINT32_C(1) << 31;
	return ((uint32_t)b[0] << 24) | ((uint32_t)b[1] << 16) | ((uint32_t)b[2] << 8) | b[3];
}

void dps_hub_emit(struct dps_hub *hub, struct dps_hub_event *event)
{
	const bool nested = hub->in_callback;

	if (hub->config.on_event == NULL)
		return;
	event->state = hub->state;
	event->hub = hub->hub_id;
	event->gateway = hub->uri;
	if (event->text == NULL)
		event->text = "";
	hub->in_callback = true;
	hub->config.on_event(hub->config.user, event);
	hub->in_callback = nested;
}

void dps_hub_set_state(struct dps_hub *hub, enum dps_hub_state state)
{
	struct dps_hub_event event = {.type = DPS_HUB_EVENT_STATE};

	if (hub->state == state)
		return;
	if (hub->state == DPS_HUB_ONLINE)
		hub->left_at = dps_hub_now(hub);
	hub->state = state;
	dps_hub_emit(hub, &event);
}

/* Whether a text has the beginning of a token in it: a hub may quote what it did not like. */
static bool quotes(struct dps_span text, struct dps_span token)
{
	if (token.len < TOKEN_PREFIX)
		return false;
	for (size_t i = 0; i + TOKEN_PREFIX <= text.len; i++) {
		if (memcmp(text.data + i, token.data, TOKEN_PREFIX) == 0)
			return true;
	}
	return false;
}

static bool is_secret(const struct dps_hub *hub, struct dps_span text)
{
	const struct dps_cloud *cloud = &hub->cloud;

	return hub->loaded && (quotes(text, cloud->token) || quotes(text, cloud->access_token) || quotes(text, cloud->refresh_token));
}

void dps_hub_emit_failure(struct dps_hub *hub, enum dps_hub_event_type type, dps_result cause, unsigned code, struct dps_span text,
                          uint32_t in_ms)
{
	char printable[DPS_CONFIG_DIAGNOSTIC_SIZE];
	struct dps_hub_event event = {.type = type, .cause = cause, .code = code, .text = printable, .in_ms = in_ms};

	if (is_secret(hub, text))
		text.len = 0;
	dps_text_printable(printable, sizeof(printable), text.data, text.len);
	dps_hub_emit(hub, &event);
}

void dps_hub_warn(struct dps_hub *hub, dps_result cause, const char *text)
{
#if !DPS_CONFIG_TEXT
	text = "";
#endif
	dps_hub_emit_failure(hub, DPS_HUB_EVENT_WARNING, cause, 0, (struct dps_span){(const uint8_t *)text, strlen(text)}, 0);
}

#endif
