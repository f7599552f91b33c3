/* SPDX-License-Identifier: Apache-2.0 */
/* See fields.h. */
#include "codec/fields.h"

static dps_result read_value(struct dps_cbor *r, uint8_t wanted, void *out)
{
	enum dps_cbor_type type;
	dps_result result;

	switch (wanted) {
	case DPS_FIELD_UINT:
		return dps_cbor_read_uint(r, UINT32_MAX - 1, out);
	case DPS_FIELD_DATA:
		return dps_cbor_read_text_or_bytes(r, out);
	case DPS_FIELD_TEXT:
		return dps_cbor_read_text(r, out);
	case DPS_FIELD_ANY:
		return dps_cbor_read_raw(r, out);
	default:
		result = dps_cbor_peek(r, &type);
		if (result != DPS_OK)
			return result;
		return type == wanted ? dps_cbor_read_raw(r, out) : DPS_E_FIELD;
	}
}

static dps_result read_pair(struct dps_cbor *r, const struct dps_field *fields, size_t count, uint8_t *base, uint32_t *seen)
{
	struct dps_span key;
	dps_result result = dps_cbor_read_text(r, &key);

	if (result != DPS_OK)
		return result;
	for (size_t i = 0; i < count; i++) {
		if (fields[i].key != NULL && !dps_span_is(key, fields[i].key))
			continue;
		if ((*seen & (UINT32_C(1) << i)) != 0)
			return DPS_E_FIELD; /* RFC 8949 5.6: duplicate keys make a map invalid */
		*seen |= UINT32_C(1) << i;
		return read_value(r, fields[i].type, base + fields[i].offset);
	}
	return dps_cbor_skip(r);
}

dps_result dps_fields_read(struct dps_cbor *r, const struct dps_field *fields, size_t count, void *base)
{
	uint32_t seen = 0;
	bool more = false;
	dps_result result = dps_cbor_read_map(r);

	while (result == DPS_OK && (result = dps_cbor_more(r, &more)) == DPS_OK && more)
		result = read_pair(r, fields, count, base, &seen);
	for (size_t i = 0; result == DPS_OK && i < count; i++)
		if (fields[i].required && (seen & (UINT32_C(1) << i)) == 0)
			result = DPS_E_FIELD;
	return result;
}

dps_result dps_fields_read_payload(const uint8_t *data, size_t len, const struct dps_field *fields, size_t count, void *base)
{
	struct dps_cbor r;
	dps_result result;

	dps_cbor_init(&r, data, len);
	result = dps_fields_read(&r, fields, count, base);
	return result == DPS_OK ? dps_cbor_end(&r) : result;
}
