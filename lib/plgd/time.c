/* SPDX-License-Identifier: Apache-2.0 */
/* The time step: GET /x.plgd.dev/time -> {"time": RFC 3339 text, any offset, up to nine fractional digits}. */
#include "codec/text.h"
#include "plgd/steps.h"

static dps_result build(const struct dps_step_env *env, struct dps_request *request)
{
	(void)env;
	*request = (struct dps_request){.method = DPS_GET, .path = "/x.plgd.dev/time"};
	return DPS_OK;
}

static dps_result accept_time(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict)
{
	static const struct dps_field fields[] = {{"time", DPS_FIELD_TEXT, true, 0}};
	struct dps_span text;
	dps_result result = dps_fields_read_payload(answer->payload, answer->payload_len, fields, 1, &text);

	(void)env;
	return result == DPS_OK ? dps_rfc3339_parse(text, &verdict->time_ms) : result;
}

const struct dps_step dps_plgd_step_time = {
	.id = DPS_STEP_TIME,
	.flags = DPS_STEP_IS_TIME,
	.build = build,
	.accept = accept_time,
};
