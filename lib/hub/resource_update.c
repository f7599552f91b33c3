/* SPDX-License-Identifier: Apache-2.0 */
/* What a POST does: the whole payload is judged before anything is changed. */
#include "hub/resource.h"

#if DPS_CONFIG_HUB

#include <string.h>

bool dps_resource_is_writable(const struct dps_device_resource *r)
{
	bool writable = r->post != NULL;

	for (size_t i = 0; i < r->property_count; i++)
		writable = writable || r->properties[i].writable;
	return writable && (r->interfaces & DPS_IF_WRITES) != 0;
}

/* Integers in any length of encoding; the argument of a negative one is -1 - value (RFC 8949 section 3.1). */
static dps_result read_int(struct dps_cbor *r, int32_t *value)
{
	enum dps_cbor_type type;
	struct dps_span raw;
	uint32_t argument;
	dps_result result = dps_cbor_peek(r, &type);

	if (result != DPS_OK)
		return result;
	if (type != DPS_CBOR_UINT && type != DPS_CBOR_NEGATIVE)
		return DPS_E_FIELD;
	result = dps_cbor_read_raw(r, &raw);
	if (result != DPS_OK)
		return result;
	argument = raw.len == 1 ? raw.data[0] & 0x1fu : 0;
	for (size_t i = 1; i < raw.len; i++) {
		if (argument > INT32_MAX >> 8)
			return DPS_E_FIELD;
		argument = argument << 8 | raw.data[i];
	}
	*value = type == DPS_CBOR_UINT ? (int32_t)argument : -1 - (int32_t)argument;
	return DPS_OK;
}

static dps_result read_bool(struct dps_cbor *r, bool *value)
{
	enum dps_cbor_type type;
	struct dps_span raw;
	dps_result result = dps_cbor_peek(r, &type);

	if (result == DPS_OK && type != DPS_CBOR_BOOL)
		return DPS_E_FIELD;
	if (result == DPS_OK)
		result = dps_cbor_read_raw(r, &raw);
	if (result == DPS_OK)
		*value = raw.data[0] == 0xf5; /* the simple value true, RFC 8949 section 3.3 */
	return result;
}

/* A value that was read, before it is one. */
struct value {
	bool boolean;
	int32_t number;
	struct dps_span text;
};

/* DPS_E_FIELD: of the wrong type, or out of the property's range. */
static dps_result read_value(struct dps_cbor *r, const struct dps_property *p, struct value *value)
{
	dps_result result;

	switch (p->kind) {
	case DPS_PROPERTY_BOOL:
		return read_bool(r, &value->boolean);
	case DPS_PROPERTY_INT:
		result = read_int(r, &value->number);
		return result == DPS_OK && (value->number < p->min || value->number > p->max) ? DPS_E_FIELD : result;
	default:
		result = dps_cbor_read_text(r, &value->text);
		return result == DPS_OK && value->text.len >= p->size ? DPS_E_FIELD : result;
	}
}

/* Sets the property; whether it was another value. */
static bool set_value(const struct dps_property *p, const struct value *value)
{
	bool changed;

	switch (p->kind) {
	case DPS_PROPERTY_BOOL:
		changed = *p->value.boolean != value->boolean;
		*p->value.boolean = value->boolean;
		return changed;
	case DPS_PROPERTY_INT:
		changed = *p->value.number != value->number;
		*p->value.number = value->number;
		return changed;
	default:
		changed = p->value.text[value->text.len] != '\0' ||
		          (value->text.len > 0 && memcmp(p->value.text, value->text.data, value->text.len) != 0);
		if (value->text.len > 0)
			memcpy(p->value.text, value->text.data, value->text.len);
		p->value.text[value->text.len] = '\0';
		return changed;
	}
}

/* One walk over the payload: the first one judges, the second one sets. */
struct walk {
	const struct dps_device_resource *resource;
	bool set;
	bool changed;
	uint32_t seen; /* a bit for each property */
};

/* The property of a name; NULL: none that clients may write, so that a client may send back all that it has read. */
static const struct dps_property *find_writable(const struct dps_device_resource *r, struct dps_span name)
{
	for (size_t i = 0; i < r->property_count; i++)
		if (dps_span_is(name, r->properties[i].name))
			return r->properties[i].writable ? &r->properties[i] : NULL;
	return NULL;
}

static dps_result take_pair(struct walk *walk, struct dps_cbor *r)
{
	const struct dps_property *p;
	struct dps_span name;
	struct value value;
	uint32_t bit;
	dps_result result = dps_cbor_read_text(r, &name);

	if (result != DPS_OK)
		return result;
	p = find_writable(walk->resource, name);
	if (p == NULL)
		return dps_cbor_skip(r);
	bit = UINT32_C(1) << (unsigned)(p - walk->resource->properties);
	if ((walk->seen & bit) != 0)
		return DPS_E_FIELD; /* RFC 8949 section 5.6: a map with a key twice is invalid */
	walk->seen |= bit;
	result = read_value(r, p, &value);
	if (result == DPS_OK && walk->set && set_value(p, &value))
		walk->changed = true;
	return result;
}

static dps_result take_payload(struct walk *walk, struct dps_span payload)
{
	struct dps_cbor r;
	bool more;
	dps_result result;

	dps_cbor_init(&r, payload.data, payload.len);
	result = dps_cbor_read_map(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more)
		result = take_pair(walk, &r);
	return result == DPS_OK ? dps_cbor_end(&r) : result;
}

static unsigned update_table(const struct dps_device_resource *r, struct dps_span payload, bool *changed)
{
	struct walk checked = {.resource = r}, set = {.resource = r, .set = true};

	if (take_payload(&checked, payload) != DPS_OK || checked.seen == 0)
		return DPS_CODE_BAD_REQUEST;
	(void)take_payload(&set, payload);
	*changed = set.changed;
	if (set.changed && r->on_change != NULL)
		r->on_change(r->ctx);
	return DPS_CODE_CHANGED;
}

unsigned dps_resource_update(const struct dps_device_resource *r, unsigned interface, struct dps_span payload, bool *changed)
{
	unsigned code;

	*changed = false;
	if (r->post == NULL)
		return update_table(r, payload, changed);
	code = r->post(r->ctx, (enum dps_interface)interface, payload);
	*changed = code == DPS_CODE_CHANGED;
	return *changed || (code >= 400 && code <= 531 && code % 100 <= 31) ? code : DPS_CODE_INTERNAL;
}

#endif
