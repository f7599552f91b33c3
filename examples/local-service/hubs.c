/* SPDX-License-Identifier: Apache-2.0 */
/* The hubs of the configuration. */
#include "hubs.h"

#include <string.h>

#include "body.h"

const struct service_field service_hubs_selection[] = {{"uri", NULL}, {"id", NULL}, {NULL, NULL}};

static bool has_gateway(const struct service_hub *hub, const char *uri)
{
	size_t at;

	for (at = 0; at < hub->gateway_count; at++) {
		if (strcmp(hub->gateways[at], uri) == 0) {
			return true;
		}
	}
	return false;
}

const struct service_hub *service_hubs_select(const struct service_config *config, const cJSON *body, const char **gateway)
{
	const cJSON *selection = cJSON_GetObjectItem(body, "selectedGateway");
	const char *uri = service_body_text(selection, "uri");
	const char *id = service_body_text(selection, "id");
	size_t at;

	for (at = 0; uri != NULL && id != NULL && at < config->hub_count; at++) {
		if (strcmp(config->hubs[at].id, id) == 0 && has_gateway(&config->hubs[at], uri)) {
			*gateway = uri;
			return &config->hubs[at];
		}
	}
	*gateway = config->hubs[0].gateways[0];
	return &config->hubs[0];
}

void service_hubs_open(struct service *service)
{
	size_t at;

	for (at = 0; at < service->config.hub_count; at++) {
		service_ca_open_hub(&service->authorities, service->config.hubs[at].authority);
	}
}
