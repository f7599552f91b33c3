/* SPDX-License-Identifier: Apache-2.0 */
/* Commands to /plgd/dps: what is taken is within its limits, and what it says is shown again as it was said. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "codec/text.h"
#include "dps/plgd_conf.h"

static void check_endpoints(const struct dps_conf_command *command)
{
	struct dps_uri parts;

	FUZZ_HOLDS((command->kind == DPS_CONF_REPLACE) == (command->endpoint_count > 0));
	FUZZ_HOLDS(command->endpoint_count <= DPS_CONFIG_ENDPOINTS);
	for (size_t i = 0; i < command->endpoint_count; i++) {
		FUZZ_HOLDS(dps_uri_parse(command->endpoints[i].uri, &parts) == DPS_OK);
		FUZZ_HOLDS(command->endpoints[i].name.len <= DPS_CONFIG_NAME_LENGTH);
	}
}

static bool same(struct dps_span a, struct dps_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[4096];
	struct dps_conf_command command, again;
	struct dps_conf conf = {.status = DPS_STATUS_INITIALIZED};
	size_t len, exact;

	if (dps_conf_read(data, size, &command) != DPS_OK)
		return 0;
	check_endpoints(&command);
	memcpy(conf.endpoints, command.endpoints, sizeof(conf.endpoints));
	conf.endpoint_count = command.endpoint_count;
	conf.selected = 0;
	FUZZ_HOLDS(dps_conf_write(&conf, size % 2 == 0, buf, sizeof(buf), &len) == DPS_OK);
	FUZZ_HOLDS(dps_conf_read(buf, len, &again) == DPS_OK);
	FUZZ_HOLDS(again.kind == (command.endpoint_count > 0 ? DPS_CONF_REPLACE : DPS_CONF_RESET)); /* without endpoints "" is shown */
	FUZZ_HOLDS(again.endpoint_count == command.endpoint_count);
	for (size_t i = 0; i < again.endpoint_count; i++)
		FUZZ_HOLDS(same(again.endpoints[i].uri, command.endpoints[i].uri) && same(again.endpoints[i].name, command.endpoints[i].name));
	FUZZ_HOLDS(dps_conf_write(&conf, size % 2 == 0, buf, len - 1, &exact) == DPS_E_BUFFER && exact == len);
	return 0;
}

const struct fuzz_seed *fuzz_seeds(size_t *count)
{
	static const struct fuzz_seed seeds[] = {
		FUZZ_SEED("\xa1\x70"
	              "forceReprovision\xf5"),
		FUZZ_SEED("\xa1\x68"
	              "endpoint\x60"),
		FUZZ_SEED("\xbf\x68"
	              "endpoint\x6f"
	              "coaps+tcp://a:1\x6c"
	              "endpointName\x61n\x69"
	              "endpoints\x9f\xbf\x63uri\x6f"
	              "coaps+tcp://b:2\x64name\x61m\xff\xff\xff"),
	};
	*count = sizeof seeds / sizeof seeds[0];
	return seeds;
}
