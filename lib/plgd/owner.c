/* SPDX-License-Identifier: Apache-2.0 */
/* The owner step: GET /api/v1/provisioning/ownership -> {"devowneruuid": UUID text}. */
#include "plgd/fields.h"
#include "plgd/steps.h"
#include "store/store.h"

static dps_result build(const struct dps_step_env *env, struct dps_request *request)
{
	(void)env;
	*request = (struct dps_request){.method = DPS_GET, .path = "/api/v1/provisioning/ownership"};
	return DPS_OK;
}

static dps_result accept_owner(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict)
{
	struct dps_span text = {NULL, 0};
	struct dps_span redirect = {NULL, 0};
	struct dps_field fields[] = {
		{.key = "devowneruuid", .type = DPS_FIELD_TEXT, .required = true, .out = &text},
		{.key = "redirecturi", .type = DPS_FIELD_TEXT, .out = &redirect},
	};
	struct dps_owner owner;
	dps_result result = dps_fields_read_payload(answer->payload, answer->payload_len, fields, sizeof(fields) / sizeof(fields[0]));

	if (result != DPS_OK)
		return result;
	if (dps_uuid_parse((const char *)text.data, text.len, &owner.id) != DPS_OK || dps_uuid_is_nil(&owner.id))
		return DPS_E_FIELD; /* the nil UUID means "not owned" (OCF Security, doxm) */
	dps_plgd_judge_redirect(redirect, verdict);
	return dps_store_stage_owner(env->store, &owner);
}

const struct dps_step dps_plgd_step_owner = {
	.id = DPS_STEP_OWNER,
	.needs = DPS_STEP_BIT(DPS_STEP_TIME),
	.build = build,
	.accept = accept_owner,
};
