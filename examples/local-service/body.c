/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of messages: trees to CBOR and JSON, and back. Both ways walk with a stack of their own, bounded by MAX_NESTING. */
#include "body.h"

#include <cbor.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"

#define MAX_NESTING   40
#define EXACT_INTEGER 9007199254740992.0 /* 2^53: a double holds every whole number up to here */

static void put(struct service_body *body, const void *bytes, size_t length)
{
	if (length == 0) {
		return;
	}
	body->bytes = service_realloc(body->bytes, body->length + length);
	memcpy(body->bytes + body->length, bytes, length);
	body->length += length;
}

size_t service_body_head(uint8_t out[9], unsigned major, uint64_t argument)
{
	size_t length = cbor_encode_uint(argument, out, 9);

	out[0] = (uint8_t)(out[0] | (major << 5));
	return length;
}

static void put_head(struct service_body *body, unsigned major, uint64_t argument)
{
	uint8_t head[9];

	put(body, head, service_body_head(head, major, argument));
}

static void put_text(struct service_body *body, const char *text)
{
	size_t length = strlen(text);

	put_head(body, 3, length);
	put(body, text, length);
}

static void put_number(struct service_body *body, double number)
{
	uint8_t bytes[9];

	if (floor(number) != number || fabs(number) > EXACT_INTEGER) {
		put(body, bytes, cbor_encode_double(number, bytes, sizeof(bytes)));
	} else if (number < 0) {
		put_head(body, 1, (uint64_t)(-1 - number));
	} else {
		put_head(body, 0, (uint64_t)number);
	}
}

/* One item; of an array or object its head only. */
static void put_item(struct service_body *body, const cJSON *item)
{
	uint8_t simple[9];

	if (cJSON_IsObject(item)) {
		put_head(body, 5, (uint64_t)cJSON_GetArraySize(item));
	} else if (cJSON_IsArray(item)) {
		put_head(body, 4, (uint64_t)cJSON_GetArraySize(item));
	} else if (cJSON_IsString(item)) {
		put_text(body, item->valuestring);
	} else if (cJSON_IsNumber(item)) {
		put_number(body, item->valuedouble);
	} else if (cJSON_IsBool(item)) {
		put(body, simple, cbor_encode_bool(cJSON_IsTrue(item), simple, sizeof(simple)));
	} else {
		put(body, simple, cbor_encode_null(simple, sizeof(simple)));
	}
}

struct service_body service_body_to_cbor(const cJSON *tree)
{
	struct service_body body = {0};
	const cJSON *path[MAX_NESTING];
	const cJSON *item = tree;
	size_t depth = 0;

	while (item != NULL) {
		if (depth > 0 && cJSON_IsObject(path[depth - 1])) {
			put_text(&body, item->string);
		}
		put_item(&body, item);
		if (item->child != NULL && depth < MAX_NESTING) {
			path[depth++] = item;
			item = item->child;
			continue;
		}
		while (depth > 0 && item->next == NULL) {
			item = path[--depth];
		}
		item = depth == 0 ? NULL : item->next;
	}
	return body;
}

struct service_body service_body_to_json(const cJSON *tree)
{
	char *text = cJSON_PrintUnformatted(tree);
	struct service_body body = service_body_from_text(text == NULL ? "" : text);

	cJSON_free(text);
	return body;
}

struct service_body service_body_from_text(const char *text)
{
	struct service_body body = {0};

	put(&body, text, strlen(text));
	return body;
}

void service_body_free(struct service_body *body)
{
	free(body->bytes);
	*body = (struct service_body){0};
}

static cJSON *base64_item(const uint8_t *bytes, size_t length)
{
	char *text = service_base64url(bytes, length);
	cJSON *item = cJSON_CreateString(text);

	free(text);
	return item;
}

static cJSON *text_item(const uint8_t *bytes, size_t length)
{
	char *text;
	cJSON *item;

	if (length > 0 && memchr(bytes, '\0', length) != NULL) {
		return NULL;
	}
	text = service_alloc(length + 1);
	if (length > 0) {
		memcpy(text, bytes, length);
	}
	item = cJSON_CreateString(text);
	free(text);
	return item;
}

/* Makes an item of the bytes of a text or byte string. */
typedef cJSON *(*item_function)(const uint8_t *bytes, size_t length);

/* Chunks of an indefinite text or byte string, put together. */
static cJSON *chunked_item(cbor_item_t *const *chunks, size_t count, bool is_text, item_function make)
{
	struct service_body whole = {0};
	cJSON *item;
	size_t at;

	for (at = 0; at < count; at++) {
		put(&whole, is_text ? cbor_string_handle(chunks[at]) : cbor_bytestring_handle(chunks[at]),
		    is_text ? cbor_string_length(chunks[at]) : cbor_bytestring_length(chunks[at]));
	}
	item = make(whole.bytes, whole.length);
	service_body_free(&whole);
	return item;
}

/* One item; of an array or map an empty one. */
static cJSON *tree_item(const cbor_item_t *item, item_function of_bytes)
{
	switch (cbor_typeof(item)) {
	case CBOR_TYPE_UINT:
		return cJSON_CreateNumber((double)cbor_get_int(item));
	case CBOR_TYPE_NEGINT:
		return cJSON_CreateNumber(-1.0 - (double)cbor_get_int(item));
	case CBOR_TYPE_BYTESTRING:
		return cbor_bytestring_is_definite(item)
		           ? of_bytes(cbor_bytestring_handle(item), cbor_bytestring_length(item))
		           : chunked_item(cbor_bytestring_chunks_handle(item), cbor_bytestring_chunk_count(item), false, of_bytes);
	case CBOR_TYPE_STRING:
		return cbor_string_is_definite(item)
		           ? text_item(cbor_string_handle(item), cbor_string_length(item))
		           : chunked_item(cbor_string_chunks_handle(item), cbor_string_chunk_count(item), true, text_item);
	case CBOR_TYPE_ARRAY:
		return cJSON_CreateArray();
	case CBOR_TYPE_MAP:
		return cJSON_CreateObject();
	case CBOR_TYPE_FLOAT_CTRL:
		/* In this order: libcbor asserts, in release builds too, that only a simple value is asked whether it is a boolean. */
		if (!cbor_float_ctrl_is_ctrl(item)) {
			return cJSON_CreateNumber(cbor_float_get_float(item));
		}
		return cbor_is_bool(item) ? cJSON_CreateBool(cbor_get_bool(item)) : cJSON_CreateNull();
	case CBOR_TYPE_TAG:
		break;
	}
	return cJSON_CreateNull();
}

struct level {
	const cbor_item_t *from;
	cJSON *to;
	size_t next;
};

static size_t child_count(const cbor_item_t *item)
{
	return cbor_isa_map(item) ? cbor_map_size(item) : cbor_isa_array(item) ? cbor_array_size(item) : 0;
}

/* Hangs the copy of a child below its parent; NULL when it is no text-keyed entry or not to be had. */
static cJSON *add_child(struct level *level, const cbor_item_t **child, item_function of_bytes)
{
	cJSON *key = NULL;
	cJSON *copy;

	if (cbor_isa_map(level->from)) {
		const struct cbor_pair *pair = &cbor_map_handle(level->from)[level->next++];

		if (!cbor_isa_string(pair->key)) {
			return NULL;
		}
		key = tree_item(pair->key, of_bytes);
		if (key == NULL) {
			return NULL;
		}
		*child = pair->value;
	} else {
		*child = cbor_array_handle(level->from)[level->next++];
	}
	copy = tree_item(*child, of_bytes);
	if (copy != NULL && key != NULL) {
		cJSON_AddItemToObject(level->to, key->valuestring, copy);
	} else if (copy != NULL) {
		cJSON_AddItemToArray(level->to, copy);
	}
	cJSON_Delete(key);
	return copy;
}

static cJSON *tree_from_cbor(const cbor_item_t *root, item_function of_bytes)
{
	struct level levels[MAX_NESTING];
	cJSON *tree = tree_item(root, of_bytes);
	size_t depth = 1;

	levels[0] = (struct level){root, tree, 0};
	while (tree != NULL && depth > 0) {
		struct level *level = &levels[depth - 1];
		const cbor_item_t *child;
		cJSON *copy;

		if (level->next == child_count(level->from)) {
			depth--;
			continue;
		}
		copy = add_child(level, &child, of_bytes);
		if (copy == NULL || (child_count(child) > 0 && depth == MAX_NESTING)) {
			cJSON_Delete(tree);
			return NULL;
		}
		if (child_count(child) > 0) {
			levels[depth++] = (struct level){child, copy, 0};
		}
	}
	return tree;
}

static cJSON *parse_cbor(const uint8_t *bytes, size_t length, item_function of_bytes)
{
	struct cbor_load_result result;
	cbor_item_t *item = cbor_load(bytes, length, &result);
	cJSON *tree;

	if (item == NULL) {
		return NULL;
	}
	tree = result.read == length ? tree_from_cbor(item, of_bytes) : NULL;
	cbor_decref(&item);
	return tree;
}

cJSON *service_body_parse(const uint8_t *bytes, size_t length, bool is_json)
{
	return is_json ? cJSON_ParseWithLength((const char *)bytes, length) : parse_cbor(bytes, length, text_item);
}

cJSON *service_body_parse_bytes(const uint8_t *bytes, size_t length)
{
	return parse_cbor(bytes, length, base64_item);
}

const char *service_body_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
}

void service_body_append(struct service_body *body, const uint8_t *entry, size_t length)
{
	static const uint8_t key[] = {0x61, 'x'};
	struct service_body longer = {0};
	unsigned major = body->bytes[0] >> 5;
	uint64_t count = body->bytes[0] & 0x1fu;
	size_t head = 1;

	/* The count in the bytes behind the head's first: this is what put_head wrote, so it is whole. */
	if (count >= 24) {
		size_t size = (size_t)1 << (count - 24);

		for (count = 0; head <= size; head++) {
			count = count << 8 | body->bytes[head];
		}
	}
	put_head(&longer, major, count + 1);
	put(&longer, body->bytes + head, body->length - head);
	if (major == 5) {
		put(&longer, key, sizeof(key));
	}
	put(&longer, entry, length);
	service_body_free(body);
	*body = longer;
}
