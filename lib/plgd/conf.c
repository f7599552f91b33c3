/* SPDX-License-Identifier: Apache-2.0 */
/* The representation of /plgd/dps and the commands to it: docs/wire-plgd.md, "The resource /plgd/dps". */
#include "dps/plgd_conf.h"

#include <string.h>

#include "codec/cbor.h"
#include "codec/fields.h"
#include "codec/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void write_list(struct dps_cbor_writer *w, const char *key, const char *const texts[], size_t count)
{
	dps_cbor_write_text(w, key);
	dps_cbor_write_array(w, count);
	for (size_t i = 0; i < count; i++)
		dps_cbor_write_text(w, texts[i]);
}

static void write_baseline(struct dps_cbor_writer *w)
{
	static const char *const types[] = {DPS_CONF_TYPE};
	static const char *const interfaces[] = {"oic.if.baseline", "oic.if.r", "oic.if.rw"};

	write_list(w, "rt", types, COUNT(types));
	write_list(w, "if", interfaces, COUNT(interfaces));
}

/* A name that is empty is left out, in the list as beside the selected endpoint. */
static void write_named(struct dps_cbor_writer *w, const char *uri_key, const char *name_key, const struct dps_conf_endpoint *endpoint)
{
	dps_cbor_write_text(w, uri_key);
	dps_cbor_write_text_span(w, endpoint->uri);
	if (endpoint->name.len == 0)
		return;
	dps_cbor_write_text(w, name_key);
	dps_cbor_write_text_span(w, endpoint->name);
}

static void write_endpoints(struct dps_cbor_writer *w, const struct dps_conf *conf)
{
	dps_cbor_write_text(w, "endpoints");
	dps_cbor_write_array(w, conf->endpoint_count);
	for (size_t i = 0; i < conf->endpoint_count; i++) {
		dps_cbor_write_map(w, conf->endpoints[i].name.len > 0 ? 2 : 1);
		write_named(w, "uri", "name", &conf->endpoints[i]);
	}
}

dps_result dps_conf_write(const struct dps_conf *conf, bool baseline, uint8_t *buf, size_t size, size_t *len)
{
	static const struct dps_conf_endpoint none = {{NULL, 0}, {NULL, 0}};
	const bool all = conf->endpoint_count >= 2;
	const struct dps_conf_endpoint *selected = &none;
	const char *status = dps_status_name(conf->status);
	struct dps_cbor_writer w;

	*len = 0;
	if (conf->endpoint_count > DPS_CONFIG_ENDPOINTS || (conf->endpoint_count > 0 && conf->selected >= conf->endpoint_count))
		return DPS_E_ARGUMENT;
	if (conf->endpoint_count > 0)
		selected = &conf->endpoints[conf->selected];
	dps_cbor_writer_init(&w, buf, size);
	dps_cbor_write_map(&w, 3u + (baseline ? 2 : 0) + (*status != '\0') + (selected->name.len > 0) + all);
	if (baseline)
		write_baseline(&w);
	dps_cbor_write_text(&w, "lastErrorCode");
	dps_cbor_write_uint(&w, (uint32_t)conf->last_error);
	if (*status != '\0') {
		dps_cbor_write_text(&w, "provisionStatus");
		dps_cbor_write_text(&w, status);
	}
	write_named(&w, "endpoint", "endpointName", selected);
	if (all)
		write_endpoints(&w, conf);
	dps_cbor_write_text(&w, "forceReprovision");
	dps_cbor_write_bool(&w, false); /* a command, not a state */
	return dps_cbor_finish(&w, len);
}

/* A URI that is there, a name that may be. */
static dps_result check_endpoint(const struct dps_conf_endpoint *endpoint)
{
	struct dps_uri parts;

	if (endpoint->name.len > DPS_CONFIG_NAME_LENGTH)
		return DPS_E_TOO_LARGE;
	return dps_uri_parse(endpoint->uri, &parts);
}

static bool has_uri(const struct dps_conf_command *command, struct dps_span uri)
{
	for (size_t i = 0; i < command->endpoint_count; i++)
		if (command->endpoints[i].uri.len == uri.len && memcmp(command->endpoints[i].uri.data, uri.data, uri.len) == 0)
			return true;
	return false;
}

static dps_result add_endpoint(struct dps_conf_command *command, const struct dps_conf_endpoint *endpoint)
{
	dps_result result = check_endpoint(endpoint);

	if (result != DPS_OK || has_uri(command, endpoint->uri))
		return result;
	if (command->endpoint_count == DPS_CONFIG_ENDPOINTS)
		return DPS_E_TOO_LARGE;
	command->endpoints[command->endpoint_count++] = *endpoint;
	return DPS_OK;
}

static dps_result add_endpoints(struct dps_conf_command *command, struct dps_span array)
{
	static const struct dps_field fields[] = {
		{"uri", DPS_FIELD_TEXT, true, offsetof(struct dps_conf_endpoint, uri)},
		{"name", DPS_FIELD_TEXT, false, offsetof(struct dps_conf_endpoint, name)},
	};
	struct dps_cbor r;
	bool more = false;
	dps_result result;

	dps_cbor_init(&r, array.data, array.len);
	result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		struct dps_conf_endpoint endpoint = {{NULL, 0}, {NULL, 0}};

		result = dps_fields_read(&r, fields, COUNT(fields), &endpoint);
		if (result == DPS_OK)
			result = add_endpoint(command, &endpoint);
	}
	return result;
}

/* The properties that may be written. What is absent has no data; an empty text has. */
struct request {
	struct dps_conf_endpoint endpoint;
	struct dps_span endpoints;
	struct dps_span force;
};

/* RFC 8949 section 3.3: the simple values 20 and 21. */
static dps_result read_bool(struct dps_span raw, bool *value)
{
	if (raw.len != 1 || (raw.data[0] != 0xf4 && raw.data[0] != 0xf5))
		return DPS_E_FIELD;
	*value = raw.data[0] == 0xf5;
	return DPS_OK;
}

dps_result dps_conf_read(const uint8_t *payload, size_t len, struct dps_conf_command *command)
{
	static const struct dps_field fields[] = {
		{"endpoint", DPS_FIELD_TEXT, false, offsetof(struct request, endpoint.uri)},
		{"endpointName", DPS_FIELD_TEXT, false, offsetof(struct request, endpoint.name)},
		{"endpoints", DPS_FIELD_ARRAY, false, offsetof(struct request, endpoints)},
		{"forceReprovision", DPS_FIELD_ANY, false, offsetof(struct request, force)},
	};
	struct request request = {.force = {NULL, 0}};
	struct dps_conf_command read = {.kind = DPS_CONF_NOTHING};
	bool force = false;
	dps_result result = dps_fields_read_payload(payload, len, fields, COUNT(fields), &request);

	if (result == DPS_OK && request.force.data != NULL)
		result = read_bool(request.force, &force);
	if (result != DPS_OK)
		return result;
	if (request.endpoint.uri.data == NULL) {
		read.kind = force ? DPS_CONF_FORCE : DPS_CONF_NOTHING; /* a list that selects none of it is not looked at */
	} else if (request.endpoint.uri.len == 0) {
		read.kind = DPS_CONF_RESET;
	} else {
		read.kind = DPS_CONF_REPLACE;
		result = add_endpoint(&read, &request.endpoint);
		if (result == DPS_OK && request.endpoints.data != NULL)
			result = add_endpoints(&read, request.endpoints);
	}
	if (result == DPS_OK)
		*command = read;
	return result;
}
