/* SPDX-License-Identifier: Apache-2.0 */
/* The known fields of a request's body. */
#include "fields.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cbor_walk.h"
#include "text.h"

#define MAX_DEPTH    4u /* of lists of fields */
#define SIMPLE_NULL  22u
#define SIMPLE_UNDEF 23u
#define BREAK        0xffu
#define NO_ZERO      '\x01' /* stands for U+0000, which no text here can hold and no name or address has */

/* A map that is being read: its fields and where they go. */
struct level {
	const struct service_field *fields;
	cJSON *to;
	bool is_endless;
	uint64_t left;
};

struct reading {
	struct service_cbor cbor; /* well-formed */
	struct level levels[MAX_DEPTH];
	size_t depth;
	char *wrong;
};

/* --- texts --- */

/* How many bytes follow the first of a UTF-8 character, and the least character of that length; false when none begins so. */
static bool utf8_begins(uint8_t first, size_t *more, uint32_t *value, uint32_t *least)
{
	if (first < 0x80) {
		*more = 0;
		*value = first;
		*least = 0;
	} else if ((first & 0xe0u) == 0xc0) {
		*more = 1;
		*value = first & 0x1fu;
		*least = 0x80;
	} else if ((first & 0xf0u) == 0xe0) {
		*more = 2;
		*value = first & 0x0fu;
		*least = 0x800;
	} else if ((first & 0xf8u) == 0xf0) {
		*more = 3;
		*value = first & 0x07u;
		*least = 0x10000;
	} else {
		return false;
	}
	return true;
}

/* RFC 3629: no longer forms than needed, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	while (at < length) {
		uint32_t value;
		uint32_t least;
		size_t more;

		if (!utf8_begins(bytes[at++], &more, &value, &least) || more > length - at) {
			return false;
		}
		for (; more > 0; more--) {
			if ((bytes[at] & 0xc0u) != 0x80) {
				return false;
			}
			value = value << 6 | (bytes[at++] & 0x3fu);
		}
		if (value < least || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
			return false;
		}
	}
	return true;
}

static bool append(char **text, size_t *length, const uint8_t *bytes, size_t count)
{
	size_t at;

	if (!is_utf8(bytes, count)) {
		return false;
	}
	*text = service_realloc(*text, *length + count + 1);
	for (at = 0; at < count; at++) {
		(*text)[(*length)++] = bytes[at] == 0 ? NO_ZERO : (char)bytes[at];
	}
	(*text)[*length] = '\0';
	return true;
}

/* The text behind this head, whole or in chunks, in memory to be freed; NULL when it is no UTF-8. */
static char *take_text(struct service_cbor *cbor, const struct service_cbor_head *head)
{
	char *text = service_strdup("");
	size_t length = 0;
	struct service_cbor_head chunk = *head;
	bool good = true;

	do {
		if (head->is_endless) {
			service_cbor_take_head(cbor, &chunk);
		}
		if (!chunk.is_endless) {
			good = good && append(&text, &length, cbor->at, (size_t)chunk.argument);
			cbor->at += chunk.argument;
		}
	} while (head->is_endless && !chunk.is_endless);
	if (!good) {
		free(text);
		text = NULL;
	}
	return text;
}

/* --- maps --- */

/* The head of an item behind its tags, which say nothing about what a field is to be. */
static struct service_cbor_head take_bare_head(struct service_cbor *cbor)
{
	struct service_cbor_head head;

	do {
		service_cbor_take_head(cbor, &head);
	} while (head.major == SERVICE_CBOR_TAG);
	return head;
}

static bool open_map(struct reading *reading, const struct service_cbor_head *head, const struct service_field *fields, cJSON *to)
{
	if (head->major != SERVICE_CBOR_MAP || reading->depth == MAX_DEPTH) {
		return false;
	}
	reading->levels[reading->depth++] = (struct level){.fields = fields, .to = to, .is_endless = head->is_endless, .left = head->argument};
	return true;
}

/* True when the innermost map has no further entry. */
static bool close_map(struct reading *reading)
{
	struct level *level = &reading->levels[reading->depth - 1];

	if (level->is_endless && *reading->cbor.at != BREAK) {
		return false;
	}
	if (level->is_endless) {
		reading->cbor.at++;
	} else if (level->left > 0) {
		level->left--;
		return false;
	}
	reading->depth--;
	return true;
}

static const struct service_field *find(const struct level *level, const char *name)
{
	const struct service_field *field;

	for (field = level->fields; field->name != NULL; field++) {
		if (strcasecmp(field->name, name) == 0) {
			return cJSON_GetObjectItemCaseSensitive(level->to, field->name) == NULL ? field : NULL;
		}
	}
	return NULL;
}

/* The field that the next key names, NULL: none. A number names none; any other kind of key is an error. */
static bool take_key(struct reading *reading, const struct service_field **field)
{
	struct service_cbor before = reading->cbor;
	struct service_cbor_head head = take_bare_head(&reading->cbor);
	char *name;

	*field = NULL;
	if (head.major == SERVICE_CBOR_UNSIGNED || head.major == SERVICE_CBOR_NEGATIVE) {
		reading->cbor = before;
		service_cbor_skip(&reading->cbor);
		return true;
	}
	if (head.major != SERVICE_CBOR_TEXT) {
		snprintf(reading->wrong, SERVICE_FIELDS_WRONG_SIZE, "a key is neither text nor number");
		return false;
	}
	name = take_text(&reading->cbor, &head);
	if (name == NULL) {
		snprintf(reading->wrong, SERVICE_FIELDS_WRONG_SIZE, "a key is no UTF-8");
		return false;
	}
	*field = find(&reading->levels[reading->depth - 1], name);
	free(name);
	return true;
}

static bool is_null(const struct service_cbor_head *head)
{
	return head->major == SERVICE_CBOR_SIMPLE && (head->info == SIMPLE_NULL || head->info == SIMPLE_UNDEF);
}

static bool take_value(struct reading *reading, const struct service_field *field)
{
	cJSON *to = reading->levels[reading->depth - 1].to;
	struct service_cbor before = reading->cbor;
	struct service_cbor_head head = take_bare_head(&reading->cbor);
	char *text = NULL;

	if (is_null(&head)) {
		reading->cbor = before;
		service_cbor_skip(&reading->cbor);
		return true;
	}
	if (field->fields != NULL && open_map(reading, &head, field->fields, NULL)) {
		reading->levels[reading->depth - 1].to = cJSON_AddObjectToObject(to, field->name);
		return true;
	}
	if (field->fields == NULL && head.major == SERVICE_CBOR_TEXT) {
		text = take_text(&reading->cbor, &head);
	}
	if (text == NULL) {
		snprintf(reading->wrong, SERVICE_FIELDS_WRONG_SIZE, "%.40s is no %s", field->name, field->fields == NULL ? "text" : "map");
		return false;
	}
	cJSON_AddStringToObject(to, field->name, text);
	free(text);
	return true;
}

/* All entries of all maps that are known; false when one is wrong. */
static bool read_maps(struct reading *reading)
{
	while (reading->depth > 0) {
		const struct service_field *field;

		if (close_map(reading)) {
			continue;
		}
		if (!take_key(reading, &field)) {
			return false;
		}
		if (field == NULL) {
			service_cbor_skip(&reading->cbor);
		} else if (!take_value(reading, field)) {
			return false;
		}
	}
	return true;
}

cJSON *service_fields_parse(const uint8_t *bytes, size_t length, const struct service_field *fields, char wrong[SERVICE_FIELDS_WRONG_SIZE])
{
	struct reading reading = {.cbor = {bytes, bytes + length}, .wrong = wrong};
	enum service_cbor_state state = service_cbor_check(bytes, length);
	struct service_cbor_head head;
	cJSON *tree;

	if (state != SERVICE_CBOR_WHOLE) {
		snprintf(wrong, SERVICE_FIELDS_WRONG_SIZE, "%s", state == SERVICE_CBOR_CUT ? "unexpected EOF" : "not well-formed CBOR");
		return NULL;
	}
	head = take_bare_head(&reading.cbor);
	tree = cJSON_CreateObject();
	if (!open_map(&reading, &head, fields, tree)) {
		snprintf(wrong, SERVICE_FIELDS_WRONG_SIZE, "not a map");
		cJSON_Delete(tree);
		return NULL;
	}
	if (!read_maps(&reading)) {
		cJSON_Delete(tree);
		return NULL;
	}
	return tree;
}
