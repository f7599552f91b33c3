/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a map of named fields: what the answers of the plgd service are made of.
 *
 * A step lists the fields it wants; unknown ones are skipped (the service may grow), known ones are judged: type, presence, no duplicates.
 */
#ifndef DPS_PLGD_FIELDS_H
#define DPS_PLGD_FIELDS_H

#include "codec/cbor.h"
#include "dps/types.h"

enum dps_field_type {
	DPS_FIELD_TEXT,  /* struct dps_span: valid UTF-8 */
	DPS_FIELD_DATA,  /* struct dps_span: text or bytes, the service is known to vary */
	DPS_FIELD_ARRAY, /* struct dps_span: the encoding of an array */
	DPS_FIELD_MAP,   /* struct dps_span: the encoding of a map */
	DPS_FIELD_UINT   /* uint64_t */
};

struct dps_field {
	const char *key;
	enum dps_field_type type;
	bool required;
	void *out; /* of the type's kind; left as it is when the field is absent */
	bool seen; /* set by dps_fields_read */
};

/* Reads the map that comes next. DPS_E_CBOR; DPS_E_FIELD: wrong type, duplicate, or a required one missing. */
dps_result dps_fields_read(struct dps_cbor *r, struct dps_field *fields, size_t count);

/* As above for a payload that is one map and nothing else. */
dps_result dps_fields_read_payload(const uint8_t *data, size_t len, struct dps_field *fields, size_t count);

#endif
