/* SPDX-License-Identifier: Apache-2.0 */
/* Initial values of resources: an array of {href, rep}. */
#include <stddef.h>

#include "codec/fields.h"
#include "dps/records.h"
#include "store/acl.h"

#if DPS_CONFIG_RESOURCES

static dps_result read_entry(struct dps_cbor *r, struct dps_resource *out)
{
	static const struct dps_field fields[] = {
		{"href", DPS_FIELD_TEXT, true, offsetof(struct dps_resource, href)},
		{"rep", DPS_FIELD_ANY, true, offsetof(struct dps_resource, rep)},
	};
	dps_result result = dps_fields_read(r, fields, sizeof(fields) / sizeof(fields[0]), out);

	if (result != DPS_OK)
		return result;
	return out->href.len > 0 && out->href.data[0] == '/' ? DPS_OK : DPS_E_FIELD;
}

dps_result dps_resources_check(struct dps_span array, size_t *count)
{
	struct dps_cbor r;
	struct dps_resource entry;
	bool more;
	dps_result result;

	*count = 0;
	dps_cbor_init(&r, array.data, array.len);
	result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		result = read_entry(&r, &entry);
		(*count)++;
	}
	return result == DPS_OK ? dps_cbor_end(&r) : result;
}

dps_result dps_resources_get(const struct dps_resources *resources, size_t index, struct dps_resource *out)
{
	struct dps_cbor r;
	bool more;
	dps_result result;

	dps_cbor_init(&r, resources->array.data, resources->array.len);
	result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		result = read_entry(&r, out);
		if (result == DPS_OK && index-- == 0)
			return DPS_OK;
	}
	return result == DPS_OK ? DPS_E_NOT_FOUND : result;
}

#else

/* Without the step nobody looks into a record that another build may have left: it is one item, that is all. */
dps_result dps_resources_check(struct dps_span array, size_t *count)
{
	struct dps_cbor r;
	dps_result result;

	*count = 0;
	dps_cbor_init(&r, array.data, array.len);
	result = dps_cbor_skip(&r);
	return result == DPS_OK ? dps_cbor_end(&r) : result;
}

#endif
