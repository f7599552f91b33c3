/* SPDX-License-Identifier: Apache-2.0 */
/* See request.h. */
#include "request.h"

#include <cbor.h>

static size_t put_pair(cbor_item_t *map, const char *key, cbor_item_t *value)
{
	return cbor_map_add(map, (struct cbor_pair){.key = cbor_move(cbor_build_string(key)), .value = cbor_move(value)});
}

static size_t finish(cbor_item_t *map, uint8_t *buf, size_t size)
{
	size_t len = cbor_serialize(map, buf, size);

	cbor_decref(&map);
	return len;
}

size_t request_endpoint(uint8_t *buf, size_t size, const char *uri, const char *name)
{
	cbor_item_t *map = cbor_new_definite_map(2);

	(void)put_pair(map, "endpoint", cbor_build_string(uri));
	if (name != NULL)
		(void)put_pair(map, "endpointName", cbor_build_string(name));
	return finish(map, buf, size);
}

size_t request_force(uint8_t *buf, size_t size)
{
	cbor_item_t *map = cbor_new_definite_map(1);

	(void)put_pair(map, "forceReprovision", cbor_build_bool(true));
	return finish(map, buf, size);
}
