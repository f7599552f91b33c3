/* SPDX-License-Identifier: Apache-2.0 */
/* A request's body as the public service reads it: the fields that it knows must be of their type, everything else is passed over, whatever it is. */
#ifndef SERVICE_FIELDS_H
#define SERVICE_FIELDS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

struct service_field {
	const char *name;                   /* NULL: the end of the list */
	const struct service_field *fields; /* of a map; NULL: a text */
};

#define SERVICE_FIELDS_WRONG_SIZE 64u

/* The known fields of a CBOR map as objects and strings, with the names of the list; null counts as not there, of two the first counts. Else NULL, and
 * what is wrong. The caller deletes the tree. */
cJSON *service_fields_parse(const uint8_t *bytes, size_t length, const struct service_field *fields, char wrong[SERVICE_FIELDS_WRONG_SIZE]);

#endif
