/* SPDX-License-Identifier: Apache-2.0 */
/* The ACL step: GET /api/v1/provisioning/acls -> {"aclist2": [ACE2...]}. The list is judged here and kept as it came. */
#include "plgd/fields.h"
#include "plgd/steps.h"
#include "store/acl.h"
#include "store/store.h"

static dps_result build(const struct dps_step_env *env, struct dps_request *request)
{
	(void)env;
	*request = (struct dps_request){.method = DPS_GET, .path = "/api/v1/provisioning/acls", .large_answer = true};
	return DPS_OK;
}

static dps_result accept_acls(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict)
{
	struct dps_acl acl = {{NULL, 0}, 0};
	struct dps_span redirect = {NULL, 0};
	struct dps_field fields[] = {
		{.key = "aclist2", .type = DPS_FIELD_ARRAY, .required = true, .out = &acl.aces},
		{.key = "redirecturi", .type = DPS_FIELD_TEXT, .out = &redirect},
	};
	dps_result result = dps_fields_read_payload(answer->payload, answer->payload_len, fields, sizeof(fields) / sizeof(fields[0]));

	if (result == DPS_OK)
		result = dps_acl_check(acl.aces, &acl.count);
	if (result != DPS_OK)
		return result;
	dps_plgd_judge_redirect(redirect, verdict);
	return dps_store_stage_acls(env->store, &acl);
}

const struct dps_step dps_plgd_step_acls = {
	.id = DPS_STEP_ACLS,
	.needs = DPS_STEP_BIT(DPS_STEP_TIME),
	.build = build,
	.accept = accept_acls,
};
