/* SPDX-License-Identifier: Apache-2.0 */
/* See conf.h. */
#include "conf.h"

#include <string.h>

void conf_fill(struct dps_conf *conf, const struct dps_client *client)
{
	struct dps_endpoint endpoint;

	memset(conf, 0, sizeof(*conf));
	conf->status = dps_client_status(client);
	conf->last_error = dps_client_last_error(client);
	for (size_t i = 0; i < DPS_CONFIG_ENDPOINTS && dps_client_get_endpoint(client, i, &endpoint) == DPS_OK; i++) {
		conf->endpoints[i] = (struct dps_conf_endpoint){
			.uri = {(const uint8_t *)endpoint.uri, strlen(endpoint.uri)},
			.name = {(const uint8_t *)endpoint.name, strlen(endpoint.name)},
		};
		conf->selected = endpoint.selected ? i : conf->selected;
		conf->endpoint_count = i + 1;
	}
}
