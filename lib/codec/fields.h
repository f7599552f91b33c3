/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a map of named fields: what answers of a service, access control entries and resources are made of.
 *
 * A reader lists the fields it wants; unknown ones are skipped (a service may grow), known ones are judged: type, presence, no duplicates.
 */
#ifndef DPS_CODEC_FIELDS_H
#define DPS_CODEC_FIELDS_H

#include "codec/cbor.h"
#include "dps/types.h"

enum dps_field_type {
	DPS_FIELD_UINT = DPS_CBOR_UINT,   /* uint32_t, below UINT32_MAX */
	DPS_FIELD_DATA = DPS_CBOR_BYTES,  /* struct dps_span: text or bytes, the service is known to vary */
	DPS_FIELD_TEXT = DPS_CBOR_TEXT,   /* struct dps_span: valid UTF-8 */
	DPS_FIELD_ARRAY = DPS_CBOR_ARRAY, /* struct dps_span: the encoding of an array */
	DPS_FIELD_MAP = DPS_CBOR_MAP,     /* struct dps_span: the encoding of a map */
	DPS_FIELD_ANY = DPS_CBOR_OTHER,   /* struct dps_span: the encoding of whatever it is */
	DPS_FIELD_NONE                    /* without a key and last: there are no other keys */
};

/* A field, and where its value goes: an offset into the structure that is filled. A field that is absent leaves its place as it is. */
struct dps_field {
	const char *key;
	uint8_t type; /* enum dps_field_type */
	bool required;
	uint16_t offset;
};

/* Reads the map that comes next into base; count is at most 32. DPS_E_CBOR; DPS_E_FIELD: wrong type, duplicate, or a required one missing. */
dps_result dps_fields_read(struct dps_cbor *r, const struct dps_field *fields, size_t count, void *base);

/* As above for a payload that is one map and nothing else. */
dps_result dps_fields_read_payload(const uint8_t *data, size_t len, const struct dps_field *fields, size_t count, void *base);

#endif
