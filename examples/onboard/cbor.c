/* SPDX-License-Identifier: Apache-2.0 */
/* See cbor.h. */
#include "cbor.h"

#include <string.h>

cbor_item_t *onboard_cbor_load(const uint8_t *bytes, size_t len)
{
	struct cbor_load_result result;
	cbor_item_t *item = len > 0 ? cbor_load(bytes, len, &result) : NULL;

	if (item != NULL && result.read != len)
		cbor_decref(&item); /* which makes it NULL */
	return item;
}

static bool is_text(const cbor_item_t *item)
{
	return item != NULL && cbor_isa_string(item) && cbor_string_is_definite(item);
}

cbor_item_t *onboard_cbor_get(const cbor_item_t *map, const char *key)
{
	const struct cbor_pair *pairs;

	if (map == NULL || !cbor_isa_map(map))
		return NULL;
	pairs = cbor_map_handle(map);
	for (size_t i = 0; i < cbor_map_size(map); i++)
		if (is_text(pairs[i].key) && cbor_string_length(pairs[i].key) == strlen(key) &&
		    memcmp(cbor_string_handle(pairs[i].key), key, strlen(key)) == 0)
			return pairs[i].value;
	return NULL;
}

bool onboard_cbor_text(const cbor_item_t *item, char text[ONBOARD_TEXT_SIZE])
{
	size_t len;

	text[0] = '\0';
	if (!is_text(item) || cbor_string_length(item) >= ONBOARD_TEXT_SIZE)
		return false;
	len = cbor_string_length(item);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = cbor_string_handle(item)[i];

		text[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	text[len] = '\0';
	return true;
}

size_t onboard_cbor_count(const cbor_item_t *item)
{
	return item != NULL && cbor_isa_array(item) ? cbor_array_size(item) : 0;
}

cbor_item_t *onboard_cbor_at(const cbor_item_t *item, size_t index)
{
	return index < onboard_cbor_count(item) ? cbor_array_handle(item)[index] : NULL;
}
