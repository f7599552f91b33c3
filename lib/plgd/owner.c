/* SPDX-License-Identifier: Apache-2.0 */
/* The owner step: GET /api/v1/provisioning/ownership -> {"devowneruuid": UUID text}. */
#include "plgd/steps.h"
#include "store/store.h"

static dps_result build(const struct dps_step_env *env, struct dps_request *request)
{
	(void)env;
	*request = (struct dps_request){.method = DPS_GET, .path = "/api/v1/provisioning/ownership"};
	return DPS_OK;
}

struct ownership {
	struct dps_plgd_redirect redirect;
	struct dps_span owner;
};

static dps_result accept_owner(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict)
{
	static const struct dps_field fields[] = {
		DPS_PLGD_REDIRECT,
		{"devowneruuid", DPS_FIELD_TEXT, true, offsetof(struct ownership, owner)},
	};
	struct ownership view = {.redirect = {{NULL, 0}}};
	struct dps_owner owner;
	dps_result result = dps_plgd_read_answer(answer, fields, sizeof(fields) / sizeof(fields[0]), &view.redirect, verdict);

	if (result != DPS_OK)
		return result;
	if (dps_uuid_parse((const char *)view.owner.data, view.owner.len, &owner.id) != DPS_OK || dps_uuid_is_nil(&owner.id))
		return DPS_E_FIELD; /* the nil UUID means "not owned" (OCF Security, doxm) */
	return dps_store_stage(env->store, DPS_RECORD_OWNER, &owner);
}

const struct dps_step dps_plgd_step_owner = {
	.id = DPS_STEP_OWNER,
	.needs = DPS_STEP_BIT(DPS_STEP_TIME),
	.build = build,
	.accept = accept_owner,
};
