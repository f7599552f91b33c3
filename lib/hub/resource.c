/* SPDX-License-Identifier: Apache-2.0 */
/* The table of resources: what may stand in it, who may what, and what follows from a change. */
#include "hub/resource.h"

#if DPS_CONFIG_HUB

#include <string.h>

#include "codec/text.h"

#define HREF_MAX        127
#define DEVICE_NAME_MAX 64 /* what a hub session publishes */

_Static_assert(DPS_DEVICE_ENTRIES <= UINT8_MAX, "observers keep the place of a resource in a byte");

/* --- sets ---------------------------------------------------------------------------------------------------------------------------- */

bool dps_set_has(const struct dps_device_set *set, size_t index)
{
	return (set->word[index / 32] >> (index % 32) & 1u) != 0;
}

void dps_set_put(struct dps_device_set *set, size_t index, bool in)
{
	const uint32_t bit = UINT32_C(1) << (index % 32);

	if (in)
		set->word[index / 32] |= bit;
	else
		set->word[index / 32] &= ~bit;
}

bool dps_set_is_empty(const struct dps_device_set *set)
{
	uint32_t all = 0;

	for (size_t i = 0; i < DPS_DEVICE_WORDS; i++)
		all |= set->word[i];
	return all == 0;
}

/* --- descriptions -------------------------------------------------------------------------------------------------------------------- */

static bool is_text(const char *text, size_t min, size_t max)
{
	size_t len;

	if (text == NULL)
		return false;
	len = strlen(text);
	return len >= min && len <= max && dps_text_is_valid((struct dps_span){(const uint8_t *)text, len});
}

static bool is_property(const struct dps_property *p)
{
	if (!is_text(p->name, 1, HREF_MAX) || strcmp(p->name, "rt") == 0 || strcmp(p->name, "if") == 0)
		return false;
	switch (p->kind) {
	case DPS_PROPERTY_BOOL:
		return p->value.boolean != NULL;
	case DPS_PROPERTY_INT:
		return p->value.number != NULL && p->min <= p->max;
	case DPS_PROPERTY_TEXT:
		return p->value.text != NULL && p->size > 0 && p->size <= UINT16_MAX;
	default:
		return false;
	}
}

static bool is_table(const struct dps_property *properties, size_t count)
{
	if (count > DPS_PROPERTIES_MAX || (count > 0 && properties == NULL))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!is_property(&properties[i]))
			return false;
		for (size_t j = 0; j < i; j++)
			if (strcmp(properties[i].name, properties[j].name) == 0)
				return false;
	}
	return true;
}

/* What either form of content needs, and what the other must not have. */
static bool is_content(const struct dps_device_resource *r)
{
	if (r->get != NULL)
		return r->properties == NULL && r->property_count == 0 && r->get_max > 0 && r->get_max <= UINT16_MAX;
	return r->properties != NULL && r->post == NULL && is_table(r->properties, r->property_count);
}

static bool is_resource(const struct dps_device_resource *r)
{
	const unsigned interfaces = DPS_IF_R | DPS_IF_RW | DPS_IF_A | DPS_IF_S | DPS_IF_BASELINE;
	const unsigned policy =
		DPS_POLICY_DISCOVERABLE | DPS_POLICY_OBSERVABLE | DPS_POLICY_PUBLISHED | DPS_POLICY_CONFIGURATION | DPS_POLICY_VOLATILE;
	size_t types = 0;

	if (!is_text(r->href, 2, HREF_MAX) || r->href[0] != '/')
		return false;
	while (types < DPS_TYPES_MAX && r->types[types] != NULL && is_text(r->types[types], 1, HREF_MAX))
		types++;
	if (types == 0 || (types < DPS_TYPES_MAX && r->types[types] != NULL))
		return false;
	if (r->interfaces == 0 || (r->interfaces & ~interfaces) != 0 || (r->policy & ~policy) != 0)
		return false;
	if ((r->default_interface & ~r->interfaces) != 0 || (r->default_interface & (r->default_interface - 1)) != 0)
		return false;
	if ((r->policy & DPS_POLICY_PUBLISHED) != 0 && (r->policy & DPS_POLICY_DISCOVERABLE) == 0)
		return false;
	return is_content(r);
}

/* --- sizes --------------------------------------------------------------------------------------------------------------------------- */

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void measure_one(const struct dps_device *d, const struct dps_device_resource *r, struct dps_device_sizes *sizes)
{
	const size_t link = dps_link_size(d, r);
	const size_t widest = dps_resource_widest(r);

	sizes->links += link;
	sizes->baseline += link;
	sizes->largest = larger(sizes->largest, widest);
	if (link > 0 && r != dps_device_at(d, DPS_DEVICE_RES))
		sizes->batch += dps_batch_overhead(r) + widest;
}

static void measure(const struct dps_device *d, const struct dps_device_resource *another, struct dps_device_sizes *sizes)
{
	*sizes = (struct dps_device_sizes){
		.links = dps_links_overhead(d, false),
		.baseline = dps_links_overhead(d, true),
		.batch = dps_links_overhead(d, false),
		.room = d->room,
	};
	for (size_t i = 0; i < d->count; i++)
		measure_one(d, dps_device_at(d, i), sizes);
	if (another != NULL)
		measure_one(d, another, sizes);
}

static bool fits(const struct dps_device_sizes *sizes)
{
	return sizes->links <= sizes->room && sizes->baseline <= sizes->room && sizes->batch <= sizes->room && sizes->largest <= sizes->room;
}

/* --- the table ------------------------------------------------------------------------------------------------------------------------ */

dps_result dps_device_init(struct dps_device *d, const struct dps_device_config *config)
{
	struct dps_device_sizes sizes;

	memset(d, 0, sizeof(*d));
	if (config == NULL || dps_uuid_is_nil(&config->id) || config->random == NULL || !is_text(config->manufacturer, 1, HREF_MAX) ||
	    config->name == NULL || (config->name_size > 0 && memchr(config->name, '\0', config->name_size) == NULL) ||
	    !is_text(config->name, 0, DEVICE_NAME_MAX) || config->name_size > DEVICE_NAME_MAX + 1 ||
	    (config->type != NULL && !is_text(config->type, 1, HREF_MAX)) ||
	    (config->data_model != NULL && !is_text(config->data_model, 1, HREF_MAX)) ||
	    (config->endpoint_count > 0 && config->endpoints == NULL))
		return DPS_E_ARGUMENT;
	for (size_t i = 0; i < config->endpoint_count; i++)
		if (!is_text(config->endpoints[i].uri, 1, HREF_MAX))
			return DPS_E_ARGUMENT;
	d->config = config;
	d->room = config->room > 0 ? config->room : DPS_CONFIG_HUB_SEND_SIZE - DPS_DEVICE_MESSAGE_ROOM;
#if DPS_CONFIG_ETAG
	if (config->random->fill(config->random->ctx, (uint8_t *)&d->version, sizeof(d->version)) != DPS_OK)
		return DPS_E_RANDOM;
	d->version >>= 1; /* so that it never wraps and the last one given away is the largest */
#endif
	dps_device_add_own(d);
	measure(d, NULL, &sizes);
	return fits(&sizes) ? DPS_OK : DPS_E_TOO_LARGE;
}

dps_result dps_device_add(struct dps_device *d, const struct dps_device_resource *resource)
{
	struct dps_device_sizes sizes;

	if (resource == NULL || !is_resource(resource))
		return DPS_E_ARGUMENT;
	if (dps_device_find(d, (struct dps_span){(const uint8_t *)resource->href, strlen(resource->href)}) < d->count)
		return DPS_E_STATE;
	if (d->count - d->own_count >= DPS_CONFIG_RESOURCE_TABLE)
		return DPS_E_BUFFER;
	measure(d, resource, &sizes);
	if (!fits(&sizes))
		return DPS_E_TOO_LARGE;
	d->entries[d->count++].resource = resource;
	dps_device_mark(d, d->count - 1);
	dps_device_mark(d, DPS_DEVICE_RES);
	dps_batch_all(d, &d->shown);
	return DPS_OK;
}

void dps_device_measure(const struct dps_device *d, const struct dps_device_resource *resource, struct dps_device_sizes *sizes)
{
	measure(d, resource != NULL && is_resource(resource) ? resource : NULL, sizes);
}

size_t dps_device_find(const struct dps_device *d, struct dps_span path)
{
	size_t i = 0;

	while (i < d->count && !dps_span_is(path, dps_device_at(d, i)->href))
		i++;
	return i;
}

/* --- changes and permissions ----------------------------------------------------------------------------------------------------------- */

void dps_device_mark(struct dps_device *d, size_t index)
{
	const struct dps_device_resource *r = dps_device_at(d, index);

#if DPS_CONFIG_ETAG
	d->entries[index].version = ++d->version;
#endif
	if ((r->policy & DPS_POLICY_OBSERVABLE) == 0)
		return;
	for (size_t i = 0; i < DPS_CONFIG_OBSERVERS; i++) {
		struct dps_device_observer *o = &d->observers[i];
		const bool batch = o->entry == DPS_DEVICE_RES && o->interface == DPS_IF_B;

		if (o->active && (batch ? dps_batch_holds(d, index) : o->entry == index))
			dps_set_put(&o->due, index, true);
	}
}

dps_result dps_device_changed(struct dps_device *d, const char *href)
{
	const size_t index = dps_device_find(d, (struct dps_span){(const uint8_t *)href, strlen(href)});

	if (index == d->count)
		return DPS_E_NOT_FOUND;
	dps_device_mark(d, index);
	return DPS_OK;
}

dps_result dps_device_write(struct dps_device *d, struct dps_span href, struct dps_span rep)
{
	const size_t index = dps_device_find(d, href);
	bool changed;
	unsigned code;

	if (index == d->count || dps_device_at(d, index)->properties == NULL)
		return DPS_E_NOT_FOUND;
	code = dps_resource_update(dps_device_at(d, index), DPS_IF_BASELINE, rep, &changed);
	if (changed)
		dps_device_mark(d, index);
	return code == DPS_CODE_CHANGED ? DPS_OK : DPS_E_FIELD;
}

void dps_device_set_acl(struct dps_device *d, const struct dps_acl *committed, const struct dps_acl *local)
{
	const struct dps_acl none = {.count = 0};
	const struct dps_device_set before = d->shown;

	d->acls[0] = committed != NULL ? *committed : none;
	d->acls[1] = local != NULL ? *local : none;
	for (size_t i = 0; i < DPS_CONFIG_OBSERVERS; i++) {
		struct dps_device_observer *o = &d->observers[i];

		if (o->active)
			o->ending = !dps_device_allowed(d, o->entry, DPS_ACL_RETRIEVE);
	}
	dps_batch_all(d, &d->shown);
	for (size_t i = 0; i < d->count && d->coap != NULL; i++)
		if (dps_set_has(&d->shown, i) && !dps_set_has(&before, i))
			dps_device_mark(d, i); /* it is new to who is there */
}

/* Each permission may be granted by another entry, be it of the one list or of the other. */
bool dps_device_allowed(const struct dps_device *d, size_t index, unsigned permission)
{
#if DPS_CONFIG_ACL
	const struct dps_device_resource *r = dps_device_at(d, index);
	struct dps_acl_question question = {
		.subject = d->subject,
		.href = {(const uint8_t *)r->href, strlen(r->href)},
		.configuration = (r->policy & DPS_POLICY_CONFIGURATION) != 0,
		.secure_endpoint = true, /* over the hub, which is TLS */
	};

	for (unsigned bit = 1; bit <= permission; bit <<= 1) {
		question.permission = bit;
		if ((permission & bit) != 0 && !dps_acl_allows(&d->acls[0], &question) && !dps_acl_allows(&d->acls[1], &question))
			return false;
	}
	return permission != 0;
#else
	(void)d;
	(void)index;
	(void)permission;
	return false; /* lists that nobody can judge allow nothing */
#endif
}

/* --- the connection ---------------------------------------------------------------------------------------------------------------------- */

void dps_device_attach(struct dps_device *d, struct dps_coap *coap, const struct dps_acl_subject *subject)
{
	dps_device_detach(d);
	d->coap = coap;
	d->subject = *subject;
	dps_batch_all(d, &d->shown);
}

void dps_device_detach(struct dps_device *d)
{
	d->coap = NULL;
	d->turn = 0;
	memset(&d->subject, 0, sizeof(d->subject));
	memset(d->observers, 0, sizeof(d->observers));
}

#endif
