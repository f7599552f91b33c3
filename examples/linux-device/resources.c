/* SPDX-License-Identifier: Apache-2.0 */
/* See resources.h. */
#include "resources.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "light.h"

#define HREF_MAX 127

/* A value of a resource of --resource. */
struct value {
	char name[HREF_MAX + 1];
	union {
		bool boolean;
		int32_t number;
		char text[RESOURCES_TEXT_MAX + 1];
	} is;
};

struct defined {
	struct dps_device_resource resource;
	char href[HREF_MAX + 1];
	struct dps_property properties[DPS_PROPERTIES_MAX];
	struct value values[DPS_PROPERTIES_MAX];
};

static struct defined all[DPS_CONFIG_RESOURCE_TABLE];
static size_t all_count;

/* --- JSON -------------------------------------------------------------------------------------------------------------------------- */

/* A whole number that C can hold. */
static bool is_integer(const cJSON *json)
{
	return cJSON_IsNumber(json) && json->valuedouble >= INT32_MIN && json->valuedouble <= INT32_MAX &&
	       trunc(json->valuedouble) == json->valuedouble;
}

/* An object, to be deleted; NULL: *error says why. A NUL in a text would be its end: no text has one. */
static cJSON *parse_object(const char *text, const char **error)
{
	cJSON *json = NULL;

	*error = "there is no NUL in a text";
	if (strstr(text, "\\u0000") != NULL)
		return NULL;
	*error = "not a JSON object with values in it";
	json = cJSON_ParseWithOpts(text, NULL, 1);
	if (cJSON_IsObject(json) && json->child != NULL)
		return json;
	cJSON_Delete(json);
	return NULL;
}

/* --- definitions ------------------------------------------------------------------------------------------------------------------- */

static const char *define_value(struct defined *d, const cJSON *member)
{
	const size_t at = d->resource.property_count;
	struct dps_property *p = &d->properties[at];
	struct value *value = &d->values[at];

	if (at == DPS_PROPERTIES_MAX)
		return "too many values";
	if (strlen(member->string) > HREF_MAX)
		return "a name is too long";
	strcpy(value->name, member->string);
	*p = (struct dps_property){.name = value->name, .writable = true};
	if (cJSON_IsBool(member)) {
		value->is.boolean = cJSON_IsTrue(member);
		p->kind = DPS_PROPERTY_BOOL;
		p->value.boolean = &value->is.boolean;
	} else if (is_integer(member)) {
		value->is.number = (int32_t)member->valuedouble;
		p->kind = DPS_PROPERTY_INT;
		p->value.number = &value->is.number;
		p->min = INT32_MIN;
		p->max = INT32_MAX;
	} else if (cJSON_IsString(member) && strlen(member->valuestring) <= RESOURCES_TEXT_MAX) {
		strcpy(value->is.text, member->valuestring);
		p->kind = DPS_PROPERTY_TEXT;
		p->value.text = value->is.text;
		p->size = sizeof(value->is.text);
	} else {
		return "a value is no boolean, no integer of 32 bits and no text of at most 127 bytes";
	}
	d->resource.property_count++;
	return NULL;
}

static bool is_printable(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return *text == '\0';
}

static const char *define(struct defined *d, const char *text)
{
	const char *equals = strchr(text, '=');
	const char *error = "it must be HREF=JSON";
	const cJSON *member;
	cJSON *json;

	if (!is_printable(text))
		return "only printable ASCII; JSON has \\u for the rest";
	if (equals == NULL || text[0] != '/' || (size_t)(equals - text) > HREF_MAX)
		return error;
	memset(d, 0, sizeof(*d));
	memcpy(d->href, text, (size_t)(equals - text));
	d->resource = (struct dps_device_resource){
		.href = d->href,
		.types = {"x.libdps.values"},
		.interfaces = DPS_IF_RW | DPS_IF_BASELINE,
		.policy = DPS_POLICY_DISCOVERABLE | DPS_POLICY_OBSERVABLE | DPS_POLICY_PUBLISHED,
		.properties = d->properties,
	};
	json = parse_object(equals + 1, &error);
	if (json == NULL)
		return error;
	error = NULL;
	cJSON_ArrayForEach(member, json)
	{
		if (error == NULL)
			error = define_value(d, member);
	}
	cJSON_Delete(json);
	return error;
}

const char *resources_define(const char *text)
{
	const char *error;

	if (all_count == DPS_CONFIG_RESOURCE_TABLE)
		return "too many resources";
	error = define(&all[all_count], text);
	if (error == NULL)
		all_count++;
	return error;
}

dps_result resources_add(struct dps_device *device, const char **href)
{
	dps_result result = dps_device_add(device, light_resource());

	*href = light_resource()->href;
	for (size_t i = 0; result == DPS_OK && i < all_count; i++) {
		*href = all[i].href;
		result = dps_device_add(device, &all[i].resource);
	}
	return result;
}

/* --- setting ----------------------------------------------------------------------------------------------------------------------- */

static const struct dps_device_resource *find(const char *href, size_t len)
{
	const struct dps_device_resource *light = light_resource();

	if (strlen(light->href) == len && memcmp(light->href, href, len) == 0)
		return light;
	for (size_t i = 0; i < all_count; i++)
		if (strlen(all[i].href) == len && memcmp(all[i].href, href, len) == 0)
			return &all[i].resource;
	return NULL;
}

static const struct dps_property *find_property(const struct dps_device_resource *resource, const char *name)
{
	for (size_t i = 0; i < resource->property_count; i++)
		if (strcmp(resource->properties[i].name, name) == 0)
			return &resource->properties[i];
	return NULL;
}

static bool fits(const struct dps_property *p, const cJSON *json)
{
	switch (p->kind) {
	case DPS_PROPERTY_BOOL:
		return cJSON_IsBool(json);
	case DPS_PROPERTY_INT:
		return is_integer(json) && json->valuedouble >= p->min && json->valuedouble <= p->max;
	default:
		return cJSON_IsString(json) && strlen(json->valuestring) < p->size;
	}
}

static const char *judge(const struct dps_device_resource *resource, const cJSON *json)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, json)
	{
		const struct dps_property *p = find_property(resource, member->string);

		if (p == NULL)
			return "the resource has no such value";
		if (cJSON_GetObjectItemCaseSensitive(json, member->string) != member)
			return "a value is there twice";
		if (!fits(p, member))
			return "a value is of a wrong type or size";
	}
	return NULL;
}

/* Whether it is another value than before. */
static bool set(const struct dps_property *p, const cJSON *json)
{
	bool changed;

	switch (p->kind) {
	case DPS_PROPERTY_BOOL:
		changed = *p->value.boolean != (cJSON_IsTrue(json) != 0);
		*p->value.boolean = cJSON_IsTrue(json) != 0;
		return changed;
	case DPS_PROPERTY_INT:
		changed = *p->value.number != (int32_t)json->valuedouble;
		*p->value.number = (int32_t)json->valuedouble;
		return changed;
	default:
		changed = strcmp(p->value.text, json->valuestring) != 0;
		strcpy(p->value.text, json->valuestring);
		return changed;
	}
}

static const char *set_all(const struct dps_device_resource *resource, const char *text, bool *changed)
{
	const char *error = NULL;
	cJSON *json = parse_object(text, &error);
	const cJSON *member;

	if (json == NULL)
		return error;
	error = judge(resource, json);
	if (error == NULL) {
		cJSON_ArrayForEach(member, json)
		{
			*changed |= set(find_property(resource, member->string), member);
		}
	}
	cJSON_Delete(json);
	return error;
}

const char *resources_set(const char *line, const char **href)
{
	const struct dps_device_resource *resource;
	const char *error;
	bool changed = false;
	size_t len;

	*href = NULL;
	if (strncmp(line, "set ", 4) != 0)
		return "it must be \"set HREF JSON\"";
	line += 4;
	len = strcspn(line, " ");
	if (line[len] == '\0')
		return "it must be \"set HREF JSON\"";
	resource = find(line, len);
	if (resource == NULL)
		return "there is no such resource";
	error = set_all(resource, line + len + 1, &changed);
	if (changed)
		*href = resource->href;
	return error;
}

void resources_apply(struct dps_device *device, const struct dps_resources *values, void (*refused)(void *ctx, struct dps_span href),
                     void *ctx)
{
	struct dps_resource value;

	for (size_t i = 0; dps_resources_get(values, i, &value) == DPS_OK; i++)
		if (dps_device_write(device, value.href, value.rep) == DPS_E_FIELD)
			refused(ctx, value.href);
}
