/* SPDX-License-Identifier: Apache-2.0 */
/* The ACL step: GET /api/v1/provisioning/acls -> {"aclist2": [ACE2...]}. The store judges the list and keeps it as it came. */
#include "plgd/steps.h"
#include "store/store.h"

static dps_result build(const struct dps_step_env *env, struct dps_request *request)
{
	(void)env;
	*request = (struct dps_request){.method = DPS_GET, .path = "/api/v1/provisioning/acls", .large_answer = true};
	return DPS_OK;
}

struct acls {
	struct dps_plgd_redirect redirect;
	struct dps_span aces;
};

static dps_result accept_acls(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict)
{
	static const struct dps_field fields[] = {
		DPS_PLGD_REDIRECT,
		{"aclist2", DPS_FIELD_ARRAY, true, offsetof(struct acls, aces)},
	};
	struct acls view = {.redirect = {{NULL, 0}}};
	struct dps_acl acl = {.count = 0};
	dps_result result = dps_plgd_read_answer(answer, fields, sizeof(fields) / sizeof(fields[0]), &view.redirect, verdict);

	if (result != DPS_OK)
		return result;
	acl.aces = view.aces;
	return dps_store_stage(env->store, DPS_RECORD_ACLS, &acl);
}

const struct dps_step dps_plgd_step_acls = {
	.id = DPS_STEP_ACLS,
	.needs = DPS_STEP_BIT(DPS_STEP_TIME),
	.build = build,
	.accept = accept_acls,
};
