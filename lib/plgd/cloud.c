/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cloud step: POST /api/v1/provisioning/cloud-configuration {"di", "selectedGateway"?} -> {"apn", "cis", "at", "sid",
 * "x.org.iotivity.servers": [{"id", "uri"}]}. The service leaves out what is empty; only the gateway address "cis" is always there.
 */
#include <string.h>

#include "codec/text.h"
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

/*
 * coaps+tcp:// is what the service makes of an address without scheme, and must be an address that can be used: a device that is online is not sent to one that
 * cannot. coaps:// ones it hands on as they are.
 */
static bool is_gateway_uri(struct dps_span uri)
{
	static const char udp[] = "coaps://";
	struct dps_uri parsed;

	if (uri.len > DPS_CONFIG_URI_LENGTH)
		return false;
	if (uri.len >= sizeof(udp) && memcmp(uri.data, udp, sizeof(udp) - 1) == 0)
		return true;
	return dps_uri_parse(uri, &parsed) == DPS_OK;
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

struct server {
	struct dps_span id, uri;
};

/* Entries without an address, or with an id that is none, are of no use and skipped; an entry that is no map is an error. */
static dps_result read_gateways(struct dps_span servers, struct dps_cloud *cloud)
{
	static const struct dps_field fields[] = {
		{"id", DPS_FIELD_TEXT, false, offsetof(struct server, id)},
		{"uri", DPS_FIELD_TEXT, false, offsetof(struct server, uri)},
	};
	struct dps_cbor r;
	bool more = false;
	dps_result result;

	dps_cbor_init(&r, servers.data, servers.len);
	result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		struct server server = {.id = {NULL, 0}};
		struct dps_gateway gateway = {.uri = {NULL, 0}};

		result = dps_fields_read(&r, fields, sizeof(fields) / sizeof(fields[0]), &server);
		if (result != DPS_OK)
			break;
		if (server.id.len > 0 && dps_uuid_parse((const char *)server.id.data, server.id.len, &gateway.id) != DPS_OK)
			continue;
		gateway.uri = server.uri;
		if (is_gateway_uri(gateway.uri))
			add_gateway(cloud, &gateway);
	}
	return result;
}

struct configuration {
	struct dps_plgd_redirect redirect;
	struct dps_span provider, gateway, token, hub_id, servers;
};

static dps_result accept_cloud(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict)
{
	static const struct dps_field fields[] = {
		DPS_PLGD_REDIRECT,
		{"apn", DPS_FIELD_TEXT, false, offsetof(struct configuration, provider)},
		{"cis", DPS_FIELD_TEXT, true, offsetof(struct configuration, gateway)},
		{"at", DPS_FIELD_TEXT, false, offsetof(struct configuration, token)},
		{"sid", DPS_FIELD_TEXT, false, offsetof(struct configuration, hub_id)},
		{"x.org.iotivity.servers", DPS_FIELD_ARRAY, false, offsetof(struct configuration, servers)},
	};
	struct configuration view = {.redirect = {{NULL, 0}}};
	struct dps_cloud cloud = {.gateway_count = 0};
	dps_result result = dps_plgd_read_answer(answer, fields, sizeof(fields) / sizeof(fields[0]), &view.redirect, verdict);

	if (result != DPS_OK)
		return result;
	if (!is_gateway_uri(view.gateway))
		return DPS_E_FIELD;
	if (view.hub_id.len > 0 && dps_uuid_parse((const char *)view.hub_id.data, view.hub_id.len, &cloud.hub_id) != DPS_OK)
		return DPS_E_FIELD;
	if (view.servers.len > 0 && (result = read_gateways(view.servers, &cloud)) != DPS_OK)
		return result;
	if (cloud.gateway_count == 0)
		add_gateway(&cloud, &(struct dps_gateway){.id = cloud.hub_id, .uri = view.gateway});
	cloud.provider = view.provider;
	cloud.gateway = view.gateway;
	cloud.token = view.token;
	return dps_store_stage(env->store, DPS_RECORD_CLOUD, &cloud);
}

const struct dps_step dps_plgd_step_cloud = {
	.id = DPS_STEP_CLOUD,
	.needs = DPS_STEP_BIT(DPS_STEP_TIME),
	.build = build,
	.accept = accept_cloud,
};
