/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resources step: GET /api/v1/provisioning/resources -> [{"href", "rep"}...]. The public service has no such path: its 4.04 means "none
 * configured" and is a good answer (it closes the connection all the same).
 */
#include "dps/config.h"

#if DPS_CONFIG_RESOURCES

#include "plgd/steps.h"
#include "store/store.h"

static dps_result build(const struct dps_step_env *env, struct dps_request *request)
{
	(void)env;
	*request = (struct dps_request){.method = DPS_GET, .path = "/api/v1/provisioning/resources", .large_answer = true};
	return DPS_OK;
}

static dps_result accept_resources(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict)
{
	static const uint8_t empty_array[] = {0x80};
	struct dps_resources resources = {{empty_array, sizeof(empty_array)}, 0};

	verdict->absent = answer->result != DPS_OK;
	if (!verdict->absent)
		resources.array = (struct dps_span){answer->payload, answer->payload_len};
	else if (((env->store->committed | env->store->staged) & DPS_RECORD_BIT(DPS_RECORD_RESOURCES)) == 0)
		return DPS_OK; /* none before, none now: nothing to write */
	return dps_store_stage(env->store, DPS_RECORD_RESOURCES, &resources);
}

const struct dps_step dps_plgd_step_resources = {
	.id = DPS_STEP_RESOURCES,
	.flags = DPS_STEP_OPTIONAL,
	.needs = DPS_STEP_BIT(DPS_STEP_TIME),
	.build = build,
	.accept = accept_resources,
};

#endif
