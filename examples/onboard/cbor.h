/* SPDX-License-Identifier: Apache-2.0 */
/* What devices answer, read with libcbor: hostile until shown otherwise. Texts are copied, and what a terminal would act upon is replaced. */
#ifndef ONBOARD_CBOR_H
#define ONBOARD_CBOR_H

#include <cbor.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ONBOARD_TEXT_SIZE 512

/* One item and nothing behind it, or NULL; cbor_decref() it. */
cbor_item_t *onboard_cbor_load(const uint8_t *bytes, size_t len);

/* The value of a key; NULL: no map, or no such key. Borrowed. */
cbor_item_t *onboard_cbor_get(const cbor_item_t *map, const char *key);

/* Copies a text, "" if it is none. Whether it is one that fits. */
bool onboard_cbor_text(const cbor_item_t *item, char text[ONBOARD_TEXT_SIZE]);

/* Elements of an array; 0 if it is none. */
size_t onboard_cbor_count(const cbor_item_t *item);
/* One of them; borrowed. */
cbor_item_t *onboard_cbor_at(const cbor_item_t *item, size_t index);

#endif
