/* SPDX-License-Identifier: Apache-2.0 */
/* Names of interfaces, and lists of links (OCF Core 11.2: /oic/res; the links of a publication). */
#include "hub/resource.h"

#if DPS_CONFIG_HUB

#include <string.h>

/* In the order in which they are written. */
static const struct {
	uint8_t bit;
	const char *name;
} INTERFACES[] = {
	{DPS_IF_LL, "oic.if.ll"},
	{DPS_IF_B, "oic.if.b"},
	{DPS_IF_R, "oic.if.r"},
	{DPS_IF_RW, "oic.if.rw"},
	{DPS_IF_A, "oic.if.a"},
	{DPS_IF_S, "oic.if.s"},
	{DPS_IF_BASELINE, "oic.if.baseline"},
};

#define INTERFACE_COUNT (sizeof(INTERFACES) / sizeof(INTERFACES[0]))

unsigned dps_interface_by_name(struct dps_span name)
{
	for (size_t i = 0; i < INTERFACE_COUNT; i++)
		if (dps_span_is(name, INTERFACES[i].name))
			return INTERFACES[i].bit;
	return 0;
}

unsigned dps_interface_default(const struct dps_device_resource *r)
{
	return r->default_interface != 0 ? r->default_interface : r->interfaces & (~r->interfaces + 1u);
}

bool dps_query_take(struct dps_span *query, const char *key)
{
	const size_t len = strlen(key);

	if (query->len < len || memcmp(query->data, key, len) != 0)
		return false;
	query->data += len;
	query->len -= len;
	return true;
}

/* --- arrays whose length comes last ------------------------------------------------------------------------------------------------------ */

/* Bytes kept free for the head: 255 items and fewer. */
#define LIST_HEAD 2

void dps_list_begin(struct dps_list *list, uint8_t *data, size_t size)
{
	const bool room = size > LIST_HEAD;

	dps_cbor_writer_init(&list->w, room ? data + LIST_HEAD : NULL, room ? size - LIST_HEAD : 0);
	list->data = data;
	list->count = 0;
}

size_t dps_list_end(struct dps_list *list)
{
	uint8_t head[LIST_HEAD];
	struct dps_cbor_writer w;

	if (list->w.size == 0 && list->w.len == 0)
		return LIST_HEAD + 1;
	if (list->w.len > list->w.size)
		return list->w.len > SIZE_MAX - LIST_HEAD ? SIZE_MAX : list->w.len + LIST_HEAD;
	dps_cbor_writer_init(&w, head, sizeof(head));
	dps_cbor_write_array(&w, list->count);
	memmove(list->data + w.len, list->data + LIST_HEAD, list->w.len);
	memcpy(list->data, head, w.len);
	return w.len + list->w.len;
}

/* --- links ---------------------------------------------------------------------------------------------------------------------------------- */

static void write_interface(struct dps_cbor_writer *w, const struct dps_device_resource *r, bool is_default)
{
	const unsigned first = dps_interface_default(r);

	for (size_t i = 0; i < INTERFACE_COUNT; i++)
		if ((r->interfaces & INTERFACES[i].bit) != 0 && (INTERFACES[i].bit == first) == is_default)
			dps_cbor_write_text(w, INTERFACES[i].name);
}

/* OCF Core 7.6.2: the default interface stands first. */
void dps_device_write_common(struct dps_cbor_writer *w, const struct dps_device_resource *r)
{
	size_t count = 0;

	while (count < DPS_TYPES_MAX && r->types[count] != NULL)
		count++;
	dps_cbor_write_text(w, "rt");
	dps_cbor_write_array(w, count);
	for (size_t i = 0; i < count; i++)
		dps_cbor_write_text(w, r->types[i]);
	for (size_t i = count = 0; i < INTERFACE_COUNT; i++)
		count += (r->interfaces & INTERFACES[i].bit) != 0;
	dps_cbor_write_text(w, "if");
	dps_cbor_write_array(w, count);
	write_interface(w, r, true);
	write_interface(w, r, false);
}

static void write_policy(struct dps_cbor_writer *w, const struct dps_device_resource *r)
{
	dps_cbor_write_text(w, "p");
	dps_cbor_write_map(w, 1);
	dps_cbor_write_text(w, "bm");
	dps_cbor_write_uint(w, r->policy & (DPS_POLICY_DISCOVERABLE | DPS_POLICY_OBSERVABLE));
}

static void write_endpoints(struct dps_cbor_writer *w, const struct dps_device_config *config)
{
	dps_cbor_write_text(w, "eps");
	dps_cbor_write_array(w, config->endpoint_count);
	for (size_t i = 0; i < config->endpoint_count; i++) {
		const struct dps_device_endpoint *endpoint = &config->endpoints[i];

		dps_cbor_write_map(w, endpoint->priority > 0 ? 2 : 1);
		dps_cbor_write_text(w, "ep");
		dps_cbor_write_text(w, endpoint->uri);
		if (endpoint->priority > 0) {
			dps_cbor_write_text(w, "pri");
			dps_cbor_write_uint(w, endpoint->priority);
		}
	}
}

static void write_link(struct dps_cbor_writer *w, const struct dps_device *d, const struct dps_device_resource *r)
{
	static const char scheme[] = "ocf://";
	char anchor[sizeof(scheme) + DPS_UUID_TEXT_LEN];

	memcpy(anchor, scheme, sizeof(scheme) - 1);
	dps_uuid_format(&d->config->id, anchor + sizeof(scheme) - 1);
	dps_cbor_write_map(w, d->config->endpoint_count > 0 ? 6 : 5);
	dps_cbor_write_text(w, "anchor");
	dps_cbor_write_text(w, anchor);
	dps_cbor_write_text(w, "href");
	dps_cbor_write_text(w, r->href);
	dps_device_write_common(w, r);
	write_policy(w, r);
	if (d->config->endpoint_count > 0)
		write_endpoints(w, d->config);
}

static bool has_type(const struct dps_device_resource *r, struct dps_span type)
{
	for (size_t i = 0; i < DPS_TYPES_MAX && r->types[i] != NULL; i++)
		if (dps_span_is(type, r->types[i]))
			return true;
	return false;
}

bool dps_link_passes(const struct dps_device_resource *r, const struct dps_link_filter *filter)
{
	struct dps_span queries = filter->queries, query;

	if ((r->policy & DPS_POLICY_DISCOVERABLE) == 0 || (filter->interface != 0 && (r->interfaces & filter->interface) == 0))
		return false;
	if (!filter->by_type)
		return true;
	while (dps_coap_next_query(&queries, &query))
		if (dps_query_take(&query, "rt=") && has_type(r, query))
			return true;
	return false;
}

/* What stands before the links with oic.if.baseline. */
static void write_before_links(struct dps_cbor_writer *w, const struct dps_device *d)
{
	dps_cbor_write_array(w, 1);
	dps_cbor_write_map(w, 3);
	dps_device_write_common(w, dps_device_at(d, DPS_DEVICE_RES));
	dps_cbor_write_text(w, "links");
}

size_t dps_link_size(const struct dps_device *d, const struct dps_device_resource *r)
{
	struct dps_cbor_writer w;

	dps_cbor_writer_init(&w, NULL, 0);
	if ((r->policy & DPS_POLICY_DISCOVERABLE) != 0)
		write_link(&w, d, r);
	return w.len;
}

size_t dps_links_overhead(const struct dps_device *d, bool baseline)
{
	struct dps_cbor_writer w;

	dps_cbor_writer_init(&w, NULL, 0);
	if (baseline)
		write_before_links(&w, d);
	return w.len + LIST_HEAD;
}

void dps_device_list(const struct dps_device *d, bool baseline, const struct dps_link_filter *filter, uint8_t *buf, size_t size,
                     size_t *len)
{
	struct dps_cbor_writer around;
	struct dps_list list;

	dps_cbor_writer_init(&around, buf, size);
	if (baseline)
		write_before_links(&around, d);
	if (around.len < size)
		dps_list_begin(&list, buf + around.len, size - around.len);
	else
		dps_list_begin(&list, NULL, 0);
	for (size_t i = 0; i < d->count; i++) {
		if (!dps_link_passes(dps_device_at(d, i), filter))
			continue;
		write_link(&list.w, d, dps_device_at(d, i));
		list.count++;
	}
	*len = around.len + dps_list_end(&list);
}

/* --- publication ------------------------------------------------------------------------------------------------------------------------------ */

static void write_published(struct dps_cbor_writer *w, const struct dps_device_resource *r)
{
	dps_cbor_write_map(w, 6);
	dps_cbor_write_text(w, "href");
	dps_cbor_write_text(w, r->href);
	dps_device_write_common(w, r);
	dps_cbor_write_text(w, "rel");
	dps_cbor_write_text(w, "hosts");
	dps_cbor_write_text(w, "ins");
	dps_cbor_write_uint(w, 0); /* the hub gives them */
	write_policy(w, r);
}

/* The next published resource from a place on, or d->count. */
static size_t next_published(const struct dps_device *d, size_t index)
{
	while (index < d->count && (dps_device_at(d, index)->policy & DPS_POLICY_PUBLISHED) == 0)
		index++;
	return index;
}

size_t dps_device_links_size(const struct dps_device *d)
{
	struct dps_cbor_writer w;

	dps_cbor_writer_init(&w, NULL, 0);
	for (size_t i = next_published(d, 0); i < d->count; i = next_published(d, i + 1))
		write_published(&w, dps_device_at(d, i));
	return w.len + LIST_HEAD;
}

dps_result dps_device_write_links(const struct dps_device *d, size_t *next, bool *more, uint8_t *buf, size_t size, size_t *len)
{
	struct dps_list list;
	size_t index = next_published(d, *next);

	dps_list_begin(&list, buf, size);
	while (index < d->count) {
		const size_t before = list.w.len;

		write_published(&list.w, dps_device_at(d, index));
		if (list.w.len > list.w.size && list.count > 0) {
			list.w.len = before;
			break;
		}
		list.count++;
		index = next_published(d, index + 1);
		if (list.w.len > list.w.size)
			break;
	}
	*len = dps_list_end(&list);
	*more = false;
	if (*len > size)
		return DPS_E_BUFFER;
	*next = index;
	*more = index < d->count;
	return DPS_OK;
}

#endif
