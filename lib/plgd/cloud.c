/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cloud step: POST /api/v1/provisioning/cloud-configuration {"di", "selectedGateway"?} -> {"apn", "cis", "at", "sid",
 * "x.org.iotivity.servers": [{"id", "uri"}]}. The service leaves out what is empty; only the gateway address "cis" is always there.
 */
#include <string.h>

#include "plgd/fields.h"
#include "plgd/steps.h"
#include "store/store.h"

#define BODY_LIMIT (1 + DPS_PLGD_DI_SIZE + DPS_PLGD_SELECTED_SIZE)

static dps_result write_body(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len)
{
	struct dps_cbor_writer w;

	dps_cbor_writer_init(&w, buf, size);
	dps_cbor_write_map(&w, env->selected != NULL ? 2 : 1);
	dps_plgd_write_di(&w, &env->device_id);
	if (env->selected != NULL)
		dps_plgd_write_selected(&w, env->selected);
	return dps_cbor_finish(&w, len);
}

static dps_result build(const struct dps_step_env *env, struct dps_request *request)
{
	(void)env;
	*request = (struct dps_request){
		.method = DPS_POST,
		.path = "/api/v1/provisioning/cloud-configuration",
		.large_answer = true,
		.body_limit = BODY_LIMIT,
		.write_body = write_body,
	};
	return DPS_OK;
}

/* coaps+tcp:// is what the service makes of an address without scheme; coaps:// ones it hands on as they are. */
static bool is_gateway_uri(struct dps_span uri)
{
	static const char *const schemes[] = {"coaps+tcp://", "coaps://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t len = strlen(schemes[i]);

		if (uri.len > len && uri.len <= DPS_CONFIG_URI_LENGTH && memcmp(uri.data, schemes[i], len) == 0)
			return true;
	}
	return false;
}

static void add_gateway(struct dps_cloud *cloud, const struct dps_gateway *gateway)
{
	for (size_t i = 0; i < cloud->gateway_count; i++) {
		const struct dps_gateway *other = &cloud->gateways[i];

		if (dps_uuid_equal(&other->id, &gateway->id) && other->uri.len == gateway->uri.len &&
		    memcmp(other->uri.data, gateway->uri.data, gateway->uri.len) == 0)
			return;
	}
	if (cloud->gateway_count < DPS_CONFIG_GATEWAYS)
		cloud->gateways[cloud->gateway_count++] = *gateway;
	else
		cloud->gateways_dropped++;
}

/* Entries without an address, or with an id that is none, are of no use and skipped; an entry that is no map is an error. */
static dps_result read_gateways(struct dps_span servers, struct dps_cloud *cloud)
{
	struct dps_cbor r;
	bool more = false;
	dps_result result;

	dps_cbor_init(&r, servers.data, servers.len);
	result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		struct dps_gateway gateway = {{{0}}, {NULL, 0}};
		struct dps_span id = {NULL, 0};
		struct dps_field fields[] = {
			{.key = "id", .type = DPS_FIELD_TEXT, .out = &id},
			{.key = "uri", .type = DPS_FIELD_TEXT, .out = &gateway.uri},
		};

		result = dps_fields_read(&r, fields, sizeof(fields) / sizeof(fields[0]));
		if (result != DPS_OK)
			break;
		if (id.len > 0 && dps_uuid_parse((const char *)id.data, id.len, &gateway.id) != DPS_OK)
			continue;
		if (is_gateway_uri(gateway.uri))
			add_gateway(cloud, &gateway);
	}
	return result;
}

static dps_result accept_cloud(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict)
{
	struct dps_cloud cloud = {.gateway_count = 0};
	struct dps_span hub_id = {NULL, 0};
	struct dps_span servers = {NULL, 0};
	struct dps_span redirect = {NULL, 0};
	struct dps_gateway first;
	struct dps_field fields[] = {
		{.key = "apn", .type = DPS_FIELD_TEXT, .out = &cloud.provider},
		{.key = "cis", .type = DPS_FIELD_TEXT, .required = true, .out = &cloud.gateway},
		{.key = "at", .type = DPS_FIELD_TEXT, .out = &cloud.token},
		{.key = "sid", .type = DPS_FIELD_TEXT, .out = &hub_id},
		{.key = "x.org.iotivity.servers", .type = DPS_FIELD_ARRAY, .out = &servers},
		{.key = "redirecturi", .type = DPS_FIELD_TEXT, .out = &redirect},
	};
	dps_result result = dps_fields_read_payload(answer->payload, answer->payload_len, fields, sizeof(fields) / sizeof(fields[0]));

	if (result != DPS_OK)
		return result;
	if (!is_gateway_uri(cloud.gateway))
		return DPS_E_FIELD;
	if (hub_id.len > 0 && dps_uuid_parse((const char *)hub_id.data, hub_id.len, &cloud.hub_id) != DPS_OK)
		return DPS_E_FIELD;
	if (servers.len > 0 && (result = read_gateways(servers, &cloud)) != DPS_OK)
		return result;
	if (cloud.gateway_count == 0) {
		first = (struct dps_gateway){.id = cloud.hub_id, .uri = cloud.gateway};
		add_gateway(&cloud, &first);
	}
	dps_plgd_judge_redirect(redirect, verdict);
	return dps_store_stage_cloud(env->store, &cloud);
}

const struct dps_step dps_plgd_step_cloud = {
	.id = DPS_STEP_CLOUD,
	.needs = DPS_STEP_BIT(DPS_STEP_TIME),
	.build = build,
	.accept = accept_cloud,
};
