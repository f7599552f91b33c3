/* SPDX-License-Identifier: Apache-2.0 */
/* Representations: of one resource, by its table or its handler, and of all in one (oic.if.b of /oic/res). */
#include "hub/resource.h"

#if DPS_CONFIG_HUB

#include <string.h>

#include "codec/text.h"

/* --- tables ---------------------------------------------------------------------------------------------------------------------------- */

static void write_int(struct dps_cbor_writer *w, int32_t value)
{
	if (value >= 0)
		dps_cbor_write_head(w, DPS_CBOR_UINT, (size_t)value);
	else
		dps_cbor_write_head(w, DPS_CBOR_NEGATIVE, (size_t)(-(value + 1)));
}

/* Up to the NUL, and not beyond the buffer if the application lost it. */
static struct dps_span text_of(const struct dps_property *p)
{
	const char *end = memchr(p->value.text, '\0', p->size);

	return (struct dps_span){(const uint8_t *)p->value.text, end != NULL ? (size_t)(end - p->value.text) : p->size};
}

static void write_widest(struct dps_cbor_writer *w, const struct dps_property *p)
{
	switch (p->kind) {
	case DPS_PROPERTY_BOOL:
		dps_cbor_write_bool(w, false);
		break;
	case DPS_PROPERTY_INT:
		write_int(w, INT32_MAX); /* the application may have set what clients may not */
		break;
	default:
		dps_cbor_write_text_head(w, p->size);
		w->len += p->size;
		break;
	}
}

static dps_result write_value(struct dps_cbor_writer *w, const struct dps_property *p)
{
	struct dps_span text;

	switch (p->kind) {
	case DPS_PROPERTY_BOOL:
		dps_cbor_write_bool(w, *p->value.boolean);
		return DPS_OK;
	case DPS_PROPERTY_INT:
		write_int(w, *p->value.number);
		return DPS_OK;
	default:
		text = text_of(p);
		dps_cbor_write_text_span(w, text);
		return dps_text_is_valid(text) ? DPS_OK : DPS_E_INTERNAL;
	}
}

dps_result dps_properties_write(struct dps_cbor_writer *w, const struct dps_property *properties, size_t count, bool widest)
{
	dps_result result = DPS_OK;

	for (size_t i = 0; i < count && result == DPS_OK; i++) {
		dps_cbor_write_text(w, properties[i].name);
		if (widest)
			write_widest(w, &properties[i]);
		else
			result = write_value(w, &properties[i]);
	}
	return result;
}

static dps_result write_table(struct dps_cbor_writer *w, const struct dps_device_resource *r, unsigned interface, bool widest)
{
	const bool baseline = interface == DPS_IF_BASELINE;

	dps_cbor_write_map(w, r->property_count + (baseline ? 2 : 0));
	if (baseline)
		dps_device_write_common(w, r);
	return dps_properties_write(w, r->properties, r->property_count, widest);
}

/* --- handlers ---------------------------------------------------------------------------------------------------------------------------- */

/* What a handler made goes out beside that of others, and must not spoil it: one map, whole. */
static bool is_map(const uint8_t *data, size_t len)
{
	enum dps_cbor_type type;
	struct dps_cbor r;

	dps_cbor_init(&r, data, len);
	return dps_cbor_peek(&r, &type) == DPS_OK && type == DPS_CBOR_MAP && dps_cbor_skip(&r) == DPS_OK && dps_cbor_end(&r) == DPS_OK;
}

static dps_result ask_handler(const struct dps_device_resource *r, unsigned interface, uint8_t *buf, size_t size, size_t *len)
{
	dps_result result;

	*len = 0;
	result = r->get(r->ctx, (enum dps_interface)interface, buf, size, len);
	if (result == DPS_E_BUFFER)
		return *len > size ? DPS_E_BUFFER : DPS_E_INTERNAL;
	if (result != DPS_OK || *len > size || !is_map(buf, *len))
		return DPS_E_INTERNAL;
	return DPS_OK;
}

dps_result dps_resource_represent(const struct dps_device_resource *r, unsigned interface, uint8_t *buf, size_t size, size_t *len)
{
	struct dps_cbor_writer w;
	dps_result result;

	if (r->get != NULL)
		return ask_handler(r, interface, buf, size, len);
	dps_cbor_writer_init(&w, buf, size);
	result = write_table(&w, r, interface, false);
	return result == DPS_OK ? dps_cbor_finish(&w, len) : result;
}

size_t dps_resource_widest(const struct dps_device_resource *r)
{
	struct dps_cbor_writer w;

	if (r->get != NULL || r->properties == NULL)
		return r->get_max;
	dps_cbor_writer_init(&w, NULL, 0);
	(void)write_table(&w, r, DPS_IF_BASELINE, true);
	return w.len;
}

/* --- the batch ------------------------------------------------------------------------------------------------------------------------------ */

bool dps_batch_holds(const struct dps_device *d, size_t index)
{
	return index != DPS_DEVICE_RES && (dps_device_at(d, index)->policy & DPS_POLICY_DISCOVERABLE) != 0;
}

void dps_batch_all(const struct dps_device *d, struct dps_device_set *set)
{
	memset(set, 0, sizeof(*set));
	for (size_t i = 0; i < d->count; i++)
		if (dps_batch_holds(d, i) && dps_device_allowed(d, i, DPS_ACL_RETRIEVE))
			dps_set_put(set, i, true);
}

/* What stands before the representation. */
static void write_before(struct dps_cbor_writer *w, const struct dps_device_resource *r)
{
	dps_cbor_write_map(w, DPS_CONFIG_ETAG ? 3 : 2);
	dps_cbor_write_text(w, "href");
	dps_cbor_write_text(w, r->href);
	dps_cbor_write_text(w, "rep");
}

size_t dps_batch_overhead(const struct dps_device_resource *r)
{
	struct dps_cbor_writer w;

	dps_cbor_writer_init(&w, NULL, 0);
	write_before(&w, r);
	return w.len + (DPS_CONFIG_ETAG ? sizeof("eetag") - 1 + 1 + DPS_COAP_ETAG_SIZE : 0);
}

/* Writes an entry; the writer counts on when it has no more room. */
static dps_result write_entry(struct dps_cbor_writer *w, const struct dps_device *d, size_t index)
{
	const struct dps_device_resource *r = dps_device_at(d, index);
	size_t len = 0;
	bool room;
	dps_result result;

	write_before(w, r);
	room = w->len < w->size;
	result = dps_resource_represent(r, dps_interface_default(r), room ? w->data + w->len : NULL, room ? w->size - w->len : 0, &len);
	if (result != DPS_OK && result != DPS_E_BUFFER)
		return result;
	w->len = len > SIZE_MAX - w->len ? SIZE_MAX : w->len + len;
	dps_etag_write(w, d, index);
	return DPS_OK;
}

size_t dps_batch_write(struct dps_device *d, struct dps_device_set *set, bool whole, uint8_t *buf, size_t size, size_t *len)
{
	struct dps_list list;

	dps_list_begin(&list, buf, size);
	for (size_t i = 0; i < d->count; i++) {
		const size_t before = list.w.len;

		if (!dps_set_has(set, i))
			continue;
		if (write_entry(&list.w, d, i) != DPS_OK) {
			list.w.len = before;
			d->counters.faults++;
		} else if (!whole && list.w.len > list.w.size && list.count > 0) {
			list.w.len = before;
			break;
		} else {
			list.count++;
		}
		dps_set_put(set, i, false);
	}
	*len = dps_list_end(&list);
	return list.count;
}

#endif
